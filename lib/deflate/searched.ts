/**
 * What the matchers search: the plaintext under way, and a connection's past.
 *
 * One message at a time, synchronous: one memory for the process, whose address never changes, so that the compiler writes it into
 * the loops. A connection's past stays where its `DeflateContext` has it: matches begin and end there, and only the message is moved.
 * Remembered from call to call: nothing of a connection. Knows places and distances, and nothing of how hard to look.
 * Read next: `quick-matcher.ts`, then `matcher.ts`.
 */

/** §3.2.5: the longest match. The shortest is of 4 bytes, what is hashed, although the format has 3. */
export const MAX_MATCH = 258;
export const MIN_MATCH = 4;

/** Because a place 32,768 back has the same slot in the chains. Choice: the last byte of the format's reach is not used. */
export const FARTHEST = 32_767;

/** Plaintext that is compressed in one go, behind what matches may refer to. */
export const SEGMENT_BYTES = 65_536;
export const HISTORY_BYTES = 32_768;
/** Loads of four octets may begin at the last one. */
export const READ_SLACK_BYTES = 8;
export const work: Uint8Array = new Uint8Array(HISTORY_BYTES + SEGMENT_BYTES + READ_SLACK_BYTES);
export const workView: DataView = new DataView(work.buffer);
const words = workView;

const NO_TABLE = new Uint16Array(0);
/** Of a connection that has no past yet. */
export const NO_PAST: PastIndex = { table: NO_TABLE, chain: NO_TABLE };
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** The search under way. The loops keep copies in locals. */
export const searched: {
  /** Added to an index of `work` it is a place. */
  placeOffset: number;
  maxDistance: number;
} = { placeOffset: 0, maxDistance: FARTHEST };

/**
 * What finds things in a connection's past. Places are counted modulo 65,536 from the connection's first byte, so that one takes two octets.
 */
export interface PastIndex {
  /** By hash the last place; a power of two of them. Empty: there is no past. */
  readonly table: Uint16Array;
  /** By the low bits of a place the one before it with the same hash; as many as the window has bytes, or none: then the last is all there is. */
  readonly chain: Uint16Array;
}

/** The past of a connection, which ends where the message begins, at index 0 of `work`. */
export interface Past {
  table: Uint16Array;
  chain: Uint16Array;
  hashShift: number;
  /** The place of the message's first byte. */
  place: number;
  /** The bytes are those of `view` before `end`. */
  view: DataView;
  end: number;
}
export const past: Past = { table: NO_TABLE, chain: NO_TABLE, hashShift: 31, place: 0, view: NO_VIEW, end: 0 };

/** The distance of what `matchInPast` found. */
export const foundInPast: { distance: number } = { distance: 0 };

/** There is no past, or none within reach any more. */
export function forgetPast(): void {
  past.table = NO_TABLE;
  past.chain = NO_TABLE;
  past.view = NO_VIEW;
}

/** Searches the bytes of `view` before `end` too, by `index`; `place` is that of the byte behind them. */
export function searchPast({ table, chain }: PastIndex, place: number, view: DataView, end: number): void {
  past.table = table;
  past.chain = chain;
  past.hashShift = hashShiftFor(table);
  past.place = place;
  past.view = view;
  past.end = end;
}

/** Makes the bytes at `start..end` of `from` findable in a connection's index. Reads up to 3 bytes beyond. */
export function indexPast(
  { table, chain }: PastIndex,
  from: DataView,
  start: number,
  end: number,
  placeOfZero: number,
): void {
  const shift = hashShiftFor(table);
  if (chain.length === 0) {
    for (let i = start; i < end; i++) {
      table[Math.imul(from.getInt32(i, true), 0x9e37_79b1) >>> shift] = placeOfZero + i;
    }
    return;
  }
  const mask = chain.length - 1;
  for (let i = start; i < end; i++) {
    const hash = Math.imul(from.getInt32(i, true), 0x9e37_79b1) >>> shift;
    chain[(placeOfZero + i) & mask] = table[hash]!;
    table[hash] = placeOfZero + i;
  }
}

/** What leaves of 32 bits as many as index `table`. */
function hashShiftFor(table: Uint16Array): number {
  return Math.clz32(table.length) + 1;
}

/**
 * How many bytes, at most `max`, are the same at `a` and at `b`, where four are known to be. Reads up to 12 bytes from each in any case,
 * without a branch: where within these most matches end no branch predictor knows.
 */
export function commonLength(a: number, b: number, max: number): number {
  const second = equalBytes(words.getInt32((a + 4) | 0, true) ^ words.getInt32((b + 4) | 0, true));
  const third = equalBytes(words.getInt32((a + 8) | 0, true) ^ words.getInt32((b + 8) | 0, true));
  const length = (4 + second + (third & -(second >> 2))) | 0;
  if (length === 12 && max > 12) return longLength(a, b, max);
  return length < max ? length : max;
}

/** The same where twelve are known to be. */
function longLength(a: number, b: number, max: number): number {
  let length = 12;
  while (length < max) {
    const more = equalBytes(words.getInt32((a + length) | 0, true) ^ words.getInt32((b + length) | 0, true));
    length = (length + more) | 0;
    if (more < 4) break;
  }
  return length < max ? length : max;
}

/** How many of the first bytes are zero, 0 to 4. */
function equalBytes(difference: number): number {
  return (32 - Math.clz32(~difference & (difference - 1))) >> 3;
}

/**
 * Looks in the connection's past for a match of at most `max` bytes with what is at `i`: the four bytes `here`, whose hash before the
 * shift is `product`. It ends where the past ends. Answers its length, or 0; the distance is left in `foundInPast`.
 */
export function matchInPast(i: number, here: number, product: number, max: number): number {
  const distance = (i + past.place - past.table[product >>> past.hashShift]!) & 0xffff;
  const left = distance - i;
  const at = past.end - left;
  // The table's places may be old, and then stand for anything. What is not farther than `maxDistance` is held.
  if (left < MIN_MATCH || distance > searched.maxDistance) return 0;
  const view = past.view;
  if (view.getInt32(at, true) !== here) return 0;
  const most = Math.min(max, left);
  let length = MIN_MATCH;
  while (length + 4 <= most && view.getInt32(at + length, true) === words.getInt32(i + length, true)) length += 4;
  while (length < most && view.getUint8(at + length) === work[i + length]) length++;
  foundInPast.distance = distance;
  return length;
}

/**
 * The same along the chain, for a match that is longer than `best`: looks at up to `looks` places, and at no more once a match has `enough`
 * bytes. Answers its length, or `best`.
 */
export function longestInPast(
  i: number,
  here: number,
  product: number,
  best: number,
  max: number,
  looks: number,
  enough: number,
): number {
  const { table, chain, hashShift, end, view } = past;
  const mask = chain.length - 1;
  const place = (i + past.place) | 0;
  let distance = (place - table[product >>> hashShift]!) & 0xffff;
  for (let left = looks; left > 0; left--) {
    const behind = distance - i;
    const at = end - behind;
    if (behind < MIN_MATCH || distance > searched.maxDistance) break;
    // What would make it longer is compared first: the last of the bytes that have to agree.
    if (
      behind > best &&
      view.getInt32(at + best - 3, true) === words.getInt32(i + best - 3, true) &&
      view.getInt32(at, true) === here
    ) {
      const most = Math.min(max, behind);
      let length = MIN_MATCH;
      while (length + 4 <= most && view.getInt32(at + length, true) === words.getInt32(i + length, true)) length += 4;
      while (length < most && view.getUint8(at + length) === work[i + length]) length++;
      if (length > best) {
        best = length;
        foundInPast.distance = distance;
        if (length >= enough) break;
      }
    }
    const before = (place - chain[(place - distance) & mask]!) & 0xffff;
    if (before <= distance) break; // not further back: an old place
    distance = before;
  }
  return best;
}
