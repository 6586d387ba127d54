/**
 * What the matchers search: the bytes, what may be referred to, and a connection's past.
 *
 * One message at a time, synchronous: one object for the process. Remembered from call to call: the memory that was searched
 * last and its table, which `deflate.ts` and `deflate-context.ts` bound (104 KiB; a window of 35 KiB and 8 KiB).
 * Knows places and distances, and nothing of how hard to look. Read next: `quick-matcher.ts`, then `matcher.ts`.
 */

/** §3.2.5: the longest match. The shortest is of 4 bytes, what is hashed, although the format has 3. */
export const MAX_MATCH = 258;
export const MIN_MATCH = 4;

/** Because a place 32,768 back has the same slot in the chains. Choice: the last byte of the format's reach is not used. */
export const FARTHEST = 32_767;

const NO_BYTES = new Uint8Array(0);
const NO_HISTORY = new Uint16Array(0);

/** The search under way. The loops keep copies in locals. */
export const searched: {
  bytes: Uint8Array;
  view: DataView;
  /** The first index that a match may refer to, and what is added to an index to make it a place. */
  lowestIndex: number;
  placeOffset: number;
  hashShift: number;
  maxDistance: number;
  /** The past of a connection: by hash the last place, modulo 65,536, counted from the connection's first byte. */
  history: Uint16Array;
  historyShift: number;
  /** Added to an index of `bytes`, modulo 65,536, it is a place in `history`. */
  historyBase: number;
  /** Tokens so far that are not written. */
  tokenCount: number;
} = {
  bytes: NO_BYTES,
  view: new DataView(NO_BYTES.buffer),
  lowestIndex: 0,
  placeOffset: 0,
  hashShift: 17,
  maxDistance: FARTHEST,
  history: NO_HISTORY,
  historyShift: 31,
  historyBase: 0,
  tokenCount: 0,
};

/** Forgets the past of the connection before. */
export function forgetHistory(): void {
  searched.history = NO_HISTORY;
}

/** The searched memory was moved `by` bytes to the front: after 64 KiB of message, so that the past is out of reach now. */
export function moved(by: number): void {
  searched.placeOffset += by;
  forgetHistory();
  searched.lowestIndex = Math.max(0, searched.lowestIndex - by);
}

/** Uses a connection's table, of a power of two; `placeOfZero` is the place of index 0 of the memory. */
export function searchHistory(table: Uint16Array, placeOfZero: number): void {
  searched.history = table;
  searched.historyShift = hashShiftFor(table);
  searched.historyBase = placeOfZero;
}

/** Makes the bytes at `start..end` of `from` findable in a connection's table. Reads up to 3 bytes beyond. */
export function indexHistory(
  table: Uint16Array,
  from: DataView,
  start: number,
  end: number,
  placeOfZero: number,
): void {
  const shift = hashShiftFor(table);
  for (let i = start; i < end; i++) {
    table[Math.imul(from.getInt32(i, true), 0x9e37_79b1) >>> shift] = placeOfZero + i;
  }
}

/** What leaves of 32 bits as many as index `table`. */
function hashShiftFor(table: Uint16Array): number {
  return Math.clz32(table.length) + 1;
}

/** How many bytes, at most `max`, are the same at `a` and at `b`, where four are known to be. Reads up to 3 bytes beyond. */
export function commonLength(words: DataView, a: number, b: number, max: number): number {
  let length = 4;
  for (; length < max; length += 4) {
    const difference = words.getInt32(a + length, true) ^ words.getInt32(b + length, true);
    if (difference !== 0) {
      length += (31 - Math.clz32(difference & -difference)) >> 3;
      break;
    }
  }
  return length < max ? length : max;
}

/** The distance at which the connection's past has the four bytes `here`, whose hash before the shift is `product`; 0: nowhere. */
export function placeInHistory(i: number, here: number, product: number): number {
  const { history, historyBase, historyShift, lowestIndex, maxDistance, view } = searched;
  const back = (i + (historyBase | 0) - history[product >>> historyShift]!) & 0xffff;
  const reach = Math.min(i - lowestIndex, maxDistance);
  return back !== 0 && back <= reach && view.getInt32(i - back, true) === here ? back : 0;
}
