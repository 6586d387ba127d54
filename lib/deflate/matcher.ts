/**
 * Finds repetitions (LZ77, RFC 1951 §4): bytes in, literals and matches out into the tokens of `block-writer.ts`.
 *
 * Hashes of four bytes lead to the last place they were seen and, through `chain`, to those before. A place is counted
 * from 1 at the first byte, modulo 65,536, so that it takes two octets: what a message of 4 KiB touches then stays in the
 * fastest cache. An old place that looks like a new one is only a wasted look: bytes are compared before a match is made.
 * A connection's own past comes in as `history`, a small table kept by its `DeflateContext`.
 * Level 1 has a loop (`matchQuickly`) and tables of its own: two places a hash, no chains. Read next: `deflate.ts`.
 */

import * as writer from './block-writer.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const { DISTANCE_SYMBOLS, distanceFrequencies, LENGTH_SYMBOLS, literalFrequencies, tokens } = writer;
const MATCH = writer.MATCH;
const MAX_BLOCK_TOKENS = writer.MAX_BLOCK_TOKENS;

/** §3.2.5: the longest match. The shortest is of 4 bytes, what is hashed, although the format has 3. */
const MAX_MATCH = 258;
const MIN_MATCH = 4;

/** How hard to look. The measures are zlib's; the values are those at which results are at most 5 % longer than zlib's at the same level. */
interface Effort {
  /** With a match of this length in hand, look at a quarter of the chain. */
  readonly good: number;
  /** With a match of this length in hand, do not look whether the next byte begins a longer one; 0 = never look. */
  readonly lazy: number;
  /** Stop looking at this length. */
  readonly nice: number;
  /** Places looked at. */
  readonly chain: number;
  /** Bytes of a match that are made findable themselves: what repeats them was there before the match already. */
  readonly findable: number;
}

/** Level 1: with a match of this length in hand, do not look whether the next byte begins a longer one. */
const QUICK_LAZY = 12;
/** Level 1: with a match of this length in hand, do not look whether the place before makes a longer one. */
const QUICK_GOOD = 32;

const EFFORTS: readonly Effort[] = [
  { good: 0, lazy: QUICK_LAZY, nice: 0, chain: 0, findable: 0 }, // `matchQuickly`, which has no other measures
  { good: 4, lazy: 0, nice: 16, chain: 4, findable: 2 },
  { good: 4, lazy: 4, nice: 16, chain: 12, findable: 2 },
  { good: 4, lazy: 0, nice: 32, chain: 8, findable: 4 },
  { good: 8, lazy: 16, nice: 64, chain: 32, findable: 2 },
  { good: 8, lazy: 16, nice: 128, chain: 96, findable: 4 },
  { good: 8, lazy: 32, nice: 128, chain: 128, findable: 258 },
  { good: 32, lazy: 128, nice: 258, chain: 512, findable: 258 },
  { good: 32, lazy: 258, nice: 258, chain: 4_096, findable: 258 },
];

/** Hash bits at most; a short message uses fewer, so that what it clears and touches is little. */
const MAX_HASH_BITS = 15;
const MIN_HASH_BITS = 9;
/** By hash: the last place it was seen. Cleared for each message, for 4 KiB 16 KiB of it; 0 is the place before the first. */
const heads = new Uint16Array(1 << MAX_HASH_BITS);
/** By the low 15 bits of a place: the place before it with the same hash. */
const CHAIN_MASK = 0x7fff;
const chain = new Uint16Array(CHAIN_MASK + 1);
/** Because a place 32,768 back has the same slot in `chain`. Choice: the last byte of the format's reach is not used. */
const FARTHEST = 32_767;

/**
 * Level 1, by hash: the last place it was seen, counted on and on over all messages, so that what others left is out of reach
 * and nothing has to be cleared; 14 bits at most, for a short message fewer.
 */
const MAX_QUICK_BITS = 14;
const quickPlaces = new Int32Array(1 << MAX_QUICK_BITS);
/** Level 1, by hash: the place before that, noted where a match begins and so at no cost for literals. */
const olderPlaces = new Int32Array(1 << MAX_QUICK_BITS);
/** Far below 2^31: a message adds at most 2^30 to it before it is checked again. */
const MAX_QUICK_PLACE = 2 ** 30;
/** The place of the next message's first byte; above 0, the place that the empty table has. */
let nextQuickPlace = 1;
let quick = false;

// What is being searched. The loops keep copies in locals.
let bytes: Uint8Array = new Uint8Array(0);
let view: DataView = new DataView(bytes.buffer);
/** The first index that a match may refer to, and what is added to an index to make it a place. */
let lowestIndex = 0;
let placeOffset = 0;
let hashShift = 32 - MAX_HASH_BITS;
let maxDistance = FARTHEST;
let good = 0;
let lazy = 0;
let nice = 0;
let maxChain = 0;
let maxFindable = 0;

/** The past of a connection: by hash the last place, modulo 65,536, counted from the connection's first byte. */
const NO_HISTORY = new Uint16Array(0);
let history: Uint16Array = NO_HISTORY;
let historyShift = 31;
/** Added to an index of `bytes`, modulo 65,536, it is a place in `history`. */
let historyBase = 0;

/** Distance of the match that `findMatch` found. */
let foundDistance = 0;

/** Tokens so far that are not written. */
let tokenCount = 0;

/** Sets up for one message. `length` is the message's and its dictionary's, for the choice of a hash. */
export function beginMatching(level: number, windowBits: number, length: number): void {
  const effort = EFFORTS[level - 1]!;
  good = effort.good;
  lazy = effort.lazy;
  nice = effort.nice;
  maxChain = effort.chain;
  maxFindable = effort.findable;
  maxDistance = Math.min(1 << windowBits, FARTHEST);
  const hashBits = Math.min(MAX_HASH_BITS, Math.max(MIN_HASH_BITS, 32 - Math.clz32(length)));
  tokenCount = 0;
  history = NO_HISTORY;
  quick = level === 1;
  if (quick) {
    hashShift = 32 - Math.min(MAX_QUICK_BITS, hashBits);
    if (nextQuickPlace > MAX_QUICK_PLACE) {
      quickPlaces.fill(0);
      olderPlaces.fill(0);
      nextQuickPlace = 1;
    }
    return;
  }
  hashShift = 32 - hashBits;
  heads.fill(0, 0, 1 << hashBits);
}

/** Memory to search from here on; matches may refer to it from `lowest` on. */
export function searchIn(memory: Uint8Array, memoryView: DataView, lowest: number): void {
  bytes = memory;
  view = memoryView;
  lowestIndex = lowest;
  placeOffset = (quick ? nextQuickPlace : 1) - lowest;
}

/** The searched memory was moved `by` bytes to the front: after 64 KiB of message, so that the past is out of reach now. */
export function moved(by: number): void {
  placeOffset += by;
  history = NO_HISTORY;
  lowestIndex = Math.max(0, lowestIndex - by);
}

/** Uses a connection's table, of a power of two; `placeOfZero` is the place of index 0 of the memory. */
export function searchHistory(table: Uint16Array, placeOfZero: number): void {
  history = table;
  historyShift = hashShiftFor(table);
  historyBase = placeOfZero;
}

/** Makes `bytes[start..end)` findable. Reads up to 3 bytes beyond. */
export function index(start: number, end: number): void {
  const words = view;
  const offset = placeOffset | 0;
  const shift = hashShift | 0;
  if (quick) {
    for (let i = start; i < end; i++) {
      quickPlaces[Math.imul(words.getInt32(i, true), 0x9e37_79b1) >>> shift] = i + offset;
    }
    return;
  }
  for (let i = start; i < end; i++) {
    const hash = Math.imul(words.getInt32(i, true), 0x9e37_79b1) >>> shift;
    chain[(i + offset) & CHAIN_MASK] = heads[hash]!;
    heads[hash] = i + offset;
  }
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

/**
 * Looks for a match of what is at `i` that is longer than `best`, first along the chain from `distance` back, then in the
 * connection's past. Answers its length, or `best`; the distance is left in `foundDistance`.
 *
 * @param here the four bytes at `i`; there must be four.
 * @param product their hash before the shift.
 * @param reach how far back a match may be.
 * @param max the longest match to answer; above `best`.
 */
function longestMatch(
  i: number,
  here: number,
  product: number,
  distance: number,
  reach: number,
  best: number,
  max: number,
): number {
  const words = view;
  const place = (i + placeOffset) | 0;
  const enough = Math.min(nice | 0, max);
  let left = best >= (good | 0) ? maxChain >> 2 : maxChain | 0;
  while (distance <= reach) {
    const at = i - distance;
    // What would make it longer is compared first: the last of the bytes that have to agree.
    if (
      words.getInt32(at + best - 3, true) === words.getInt32(i + best - 3, true) &&
      words.getInt32(at, true) === here
    ) {
      const length = commonLength(words, at, i, max);
      if (length > best) {
        best = length;
        foundDistance = distance;
        if (length >= enough) return best;
      }
    }
    if (--left <= 0) break;
    const before = (place - chain[(place - distance) & CHAIN_MASK]!) & 0xffff;
    // Not further back: an old place.
    if (before <= distance) break;
    distance = before;
  }
  if (history.length !== 0) {
    const back = (i + (historyBase | 0) - history[product >>> historyShift]!) & 0xffff;
    if (back !== 0 && back <= reach && words.getInt32(i - back, true) === here) {
      const length = commonLength(words, i - back, i, max);
      if (length > best) {
        best = length;
        foundDistance = back;
      }
    }
  }
  return best;
}

/** How many bytes, at most `max`, are the same at `a` and at `b`, where four are known to be. Reads up to 3 bytes beyond. */
function commonLength(words: DataView, a: number, b: number, max: number): number {
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

/** Turns `bytes[start..end)` into tokens. Calls `flush` with their count and the index they reach to when a block is full. */
export function matchAll(start: number, end: number, flush: (count: number, upTo: number) => void): void {
  if (quick) {
    matchQuickly(start, end, flush);
    return;
  }
  const text = bytes;
  const words = view;
  // `| 0`: see `inflate.ts`.
  const shift = hashShift | 0;
  const offset = placeOffset | 0;
  const lowest = lowestIndex | 0;
  const farthest = maxDistance | 0;
  const worthLooking = lazy | 0;
  const made = maxFindable | 0;
  const hasHistory = history.length !== 0;
  const fullAt = MAX_BLOCK_TOKENS - MAX_MATCH - 2;
  // The last place at which there are four bytes.
  const lastSearched = end - MIN_MATCH;
  let n = tokenCount | 0;
  let i = start | 0;
  while (i <= lastSearched) {
    if (n >= fullAt) {
      flush(n, i);
      n = 0;
    }
    let here = words.getInt32(i, true);
    let product = Math.imul(here, 0x9e37_79b1);
    let hash = product >>> shift;
    // 1 to 65,536: what is a whole turn back is not here.
    let back = ((i + offset - heads[hash]! - 1) & 0xffff) + 1;
    chain[(i + offset) & CHAIN_MASK] = heads[hash]!;
    heads[hash] = i + offset;
    let reach = Math.min(i - lowest, farthest);
    let length = MIN_MATCH - 1;
    if (back <= reach || hasHistory) {
      length = longestMatch(i, here, product, back, reach, MIN_MATCH - 1, Math.min(end - i, MAX_MATCH));
    }
    if (length < MIN_MATCH) {
      const byte = text[i++]!;
      tokens[n++] = byte;
      literalFrequencies[byte]!++;
      continue;
    }
    let distance = foundDistance;
    let findable = i + 1;
    while (length < worthLooking && i < lastSearched) {
      const next = i + 1;
      here = words.getInt32(next, true);
      product = Math.imul(here, 0x9e37_79b1);
      hash = product >>> shift;
      back = ((next + offset - heads[hash]! - 1) & 0xffff) + 1;
      chain[(next + offset) & CHAIN_MASK] = heads[hash]!;
      heads[hash] = next + offset;
      findable = next + 1;
      reach = Math.min(next - lowest, farthest);
      const max = Math.min(end - next, MAX_MATCH);
      if ((back > reach && !hasHistory) || length >= max) break;
      const longer = longestMatch(next, here, product, back, reach, length, max);
      if (longer === length) break;
      const byte = text[i]!;
      tokens[n++] = byte;
      literalFrequencies[byte]!++;
      i = next;
      length = longer;
      distance = foundDistance;
    }
    tokens[n++] = (distance << 9) | MATCH | (length - 3);
    literalFrequencies[LENGTH_SYMBOLS[length - 3]!]!++;
    distanceFrequencies[DISTANCE_SYMBOLS[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7)]!]!++;
    i += length;
    const last = Math.min(i, lastSearched + 1);
    for (const stop = Math.min(last, findable + made); findable < stop; findable++) {
      hash = Math.imul(words.getInt32(findable, true), 0x9e37_79b1) >>> shift;
      chain[(findable + offset) & CHAIN_MASK] = heads[hash]!;
      heads[hash] = findable + offset;
    }
    // The last byte always: a run goes on with distance 1.
    if (findable < last) index(last - 1, last);
  }
  for (; i < end; i++) {
    const byte = text[i]!;
    tokens[n++] = byte;
    literalFrequencies[byte]!++;
  }
  tokenCount = n;
}

/**
 * Level 1: the last two places of each hash, one look ahead. Of a match only the second byte and the last two are made
 * findable: making all of them so takes longer than finding the matches, and saves less than 2 % (see `bench/core/deflate.ts`).
 */
function matchQuickly(start: number, end: number, flush: (count: number, upTo: number) => void): void {
  const words = view;
  const shift = hashShift | 0;
  const offset = placeOffset | 0;
  const lowest = lowestIndex | 0;
  const farthest = maxDistance | 0;
  const hasHistory = history.length !== 0;
  const fullAt = MAX_BLOCK_TOKENS - 4;
  // The last place at which there are four bytes, and four more behind the next.
  const lastSearched = (end - MIN_MATCH - 1) | 0;
  let n = tokenCount | 0;
  let i = start | 0;
  while (i <= lastSearched) {
    if (n >= fullAt) {
      flush(n, i);
      n = 0;
    }
    const here = words.getInt32(i, true);
    let product = Math.imul(here, 0x9e37_79b1);
    let hash = product >>> shift;
    const last = quickPlaces[hash]!;
    let distance = (i + offset - last) | 0;
    quickPlaces[hash] = i + offset;
    if (distance > Math.min(i - lowest, farthest) || words.getInt32(i - distance, true) !== here) {
      distance = hasHistory ? placeInHistory(i, here, product) : 0;
      if (distance === 0) {
        const byte = here & 255;
        tokens[n++] = byte;
        literalFrequencies[byte]!++;
        i++;
        continue;
      }
    }
    const max = Math.min(end - i, MAX_MATCH);
    let length = commonLength(words, i - distance, i, max);
    const older = (i + offset - olderPlaces[hash]!) | 0;
    olderPlaces[hash] = last;
    if (
      length < QUICK_GOOD &&
      length < max &&
      older <= Math.min(i - lowest, farthest) &&
      words.getInt32(i + length - 3 - older, true) === words.getInt32(i + length - 3, true) &&
      words.getInt32(i - older, true) === here
    ) {
      const longer = commonLength(words, i - older, i, max);
      if (longer > length) {
        length = longer;
        distance = older;
      }
    }
    const next = words.getInt32(i + 1, true);
    product = Math.imul(next, 0x9e37_79b1);
    hash = product >>> shift;
    const second = (i + 1 + offset) | 0;
    if (length < QUICK_LAZY && length < end - i - 1) {
      let other = (second - quickPlaces[hash]!) | 0;
      if (other > Math.min(i + 1 - lowest, farthest) || words.getInt32(i + 1 - other, true) !== next) {
        other = hasHistory ? placeInHistory(i + 1, next, product) : 0;
      }
      // What would make it longer is compared first: the last of the bytes that have to agree.
      if (other !== 0 && words.getInt32(i + length - 2 - other, true) === words.getInt32(i + length - 2, true)) {
        const longer = commonLength(words, i + 1 - other, i + 1, Math.min(end - i - 1, MAX_MATCH));
        if (longer > length) {
          const byte = here & 255;
          tokens[n++] = byte;
          literalFrequencies[byte]!++;
          i++;
          length = longer;
          distance = other;
        }
      }
    }
    quickPlaces[hash] = second;
    tokens[n++] = (distance << 9) | MATCH | (length - 3);
    literalFrequencies[LENGTH_SYMBOLS[length - 3]!]!++;
    distanceFrequencies[DISTANCE_SYMBOLS[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7)]!]!++;
    i += length;
    if (i <= lastSearched) {
      quickPlaces[Math.imul(words.getInt32(i - 2, true), 0x9e37_79b1) >>> shift] = i - 2 + offset;
      quickPlaces[Math.imul(words.getInt32(i - 1, true), 0x9e37_79b1) >>> shift] = i - 1 + offset;
    }
  }
  for (; i < end; i++) {
    const byte = bytes[i]!;
    tokens[n++] = byte;
    literalFrequencies[byte]!++;
  }
  tokenCount = n;
  nextQuickPlace = end + offset;
}

/** The distance at which the connection's past has the four bytes `here`, whose hash before the shift is `product`; 0: nowhere. */
function placeInHistory(i: number, here: number, product: number): number {
  const back = (i + (historyBase | 0) - history[product >>> historyShift]!) & 0xffff;
  const reach = Math.min(i - lowestIndex, maxDistance);
  return back !== 0 && back <= reach && view.getInt32(i - back, true) === here ? back : 0;
}

/** Hands over what is left after the last `matchAll`. */
export function takeTokenCount(): number {
  return tokenCount;
}
