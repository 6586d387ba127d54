/**
 * Finds repetitions (LZ77, RFC 1951 §4): bytes in, literals and matches out into the tokens of `block-writer.ts`.
 *
 * Hashes of four bytes lead to the last place they were seen and, through `chain`, to those before. Places are absolute:
 * they go on counting from call to call, so the tables, which all callers share, never need clearing: what is older than
 * `lowest` belongs to an earlier call. Whatever a table says, the bytes themselves are compared before a match is made.
 * A connection's own past comes in as `history`, a small table kept by its `DeflateContext`. Read next: `deflate.ts`.
 */

import {
  DISTANCE_SYMBOLS,
  distanceFrequencies,
  LENGTH_SYMBOLS,
  literalFrequencies,
  MATCH,
  MAX_BLOCK_TOKENS,
  tokens,
} from './block-writer.ts';

/** §3.2.5: the longest match. The shortest is of 4 bytes, what is hashed, although the format has 3. */
const MAX_MATCH = 258;
const MIN_MATCH = 4;

/** How hard to look; the columns are zlib's, whose levels these numbers follow. */
interface Effort {
  /** With a match of this length in hand, look at a quarter of the chain. */
  readonly good: number;
  /** With a match of this length in hand, do not look whether the next byte begins a longer one; 0 = never look. */
  readonly lazy: number;
  /** Stop looking at this length. */
  readonly nice: number;
  /** Places looked at. */
  readonly chain: number;
}

const EFFORTS: readonly Effort[] = [
  { good: 4, lazy: 0, nice: 8, chain: 1 },
  { good: 4, lazy: 0, nice: 16, chain: 4 },
  { good: 4, lazy: 0, nice: 32, chain: 8 },
  { good: 4, lazy: 4, nice: 16, chain: 8 },
  { good: 8, lazy: 16, nice: 32, chain: 16 },
  { good: 8, lazy: 16, nice: 128, chain: 32 },
  { good: 8, lazy: 32, nice: 128, chain: 128 },
  { good: 32, lazy: 128, nice: 258, chain: 512 },
  { good: 32, lazy: 258, nice: 258, chain: 4_096 },
];

/** Hash bits at most; a short message uses fewer, so that what it touches stays in the cache. */
const MAX_HASH_BITS = 15;
const heads = new Int32Array(1 << MAX_HASH_BITS);
/** By the low 15 bits of a place: the place before it with the same hash. */
const CHAIN_MASK = 0x7fff;
const chain = new Int32Array(CHAIN_MASK + 1);
/** Because a place 32,768 back has the same slot in `chain`. Choice: the last byte of the format's reach is not used. */
export const MAX_DISTANCE = 32_767;

/** Place of index 0 of `bytes`. Starts at 1: the tables' zeros are before it. */
let base = 1;
/** Places stay below this: then the tables are cleared and counting starts again. */
const MAX_PLACE = 0x4000_0000;

// What is being searched. The loops keep copies in locals.
let bytes: Uint8Array = new Uint8Array(0);
let view: DataView = new DataView(bytes.buffer);
let hashShift = 32 - MAX_HASH_BITS;
let maxDistance = MAX_DISTANCE;
let good = 0;
let lazy = 0;
let nice = 0;
let maxChain = 0;

/** The past of a connection: the last place of each hash, modulo 65,536, counted from the connection's first byte. */
export const HISTORY_HASH_BITS = 12;
const HISTORY_SHIFT = 32 - HISTORY_HASH_BITS;
const NO_HISTORY = new Uint16Array(0);
let history: Uint16Array = NO_HISTORY;
/** Added to an index of `bytes`, modulo 65,536, it is a place in `history`. */
let historyBase = 0;

/** Distance of the match that `findMatch` found. */
let foundDistance = 0;

/** Tokens so far that are not written. */
let tokenCount = 0;

/** Sets up for one message. `length` is the message's, for the choice of a hash. */
export function beginMatching(level: number, windowBits: number, length: number): void {
  const effort = EFFORTS[level - 1]!;
  good = effort.good;
  lazy = effort.lazy;
  nice = effort.nice;
  maxChain = effort.chain;
  maxDistance = Math.min(2 ** windowBits, MAX_DISTANCE);
  const bitsForLength = 33 - Math.clz32(length);
  hashShift = 32 - Math.min(MAX_HASH_BITS, Math.max(9, bitsForLength));
  tokenCount = 0;
  history = NO_HISTORY;
}

/** Memory to search from here on, in which index `start` has the place that follows all earlier ones. */
export function searchIn(memory: Uint8Array, memoryView: DataView, start: number, end: number): void {
  bytes = memory;
  view = memoryView;
  if (base + end > MAX_PLACE) {
    heads.fill(0);
    chain.fill(0);
    base = 1;
  }
  lowestIndex = start;
}

let lowestIndex = 0;

/** The searched memory was moved `by` bytes to the front. */
export function moved(by: number): void {
  base += by;
  historyBase += by;
  lowestIndex = Math.max(0, lowestIndex - by);
}

/** Uses a connection's table; `placeOfZero` is the place of index 0 of the memory. */
export function searchHistory(table: Uint16Array, placeOfZero: number): void {
  history = table;
  historyBase = placeOfZero;
}

/** Forgets the memory; the places up to `end` are used up. */
export function endMatching(end: number): void {
  base += end;
  history = NO_HISTORY;
}

/** Makes `bytes[start..end)` findable. Reads up to 3 bytes beyond. */
export function index(start: number, end: number): void {
  const from = view;
  const first = base;
  const shift = hashShift;
  for (let i = start; i < end; i++) {
    const hash = Math.imul(from.getInt32(i, true), 0x9e37_79b1) >>> shift;
    chain[(first + i) & CHAIN_MASK] = heads[hash]!;
    heads[hash] = first + i;
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
  for (let i = start; i < end; i++) {
    table[Math.imul(from.getInt32(i, true), 0x9e37_79b1) >>> HISTORY_SHIFT] = placeOfZero + i;
  }
}

/**
 * Looks for a match of what is at `i` that is longer than `best`, first along the chain from `candidate`, then in the
 * connection's past. Answers its length, or `best`; the distance is left in `foundDistance`.
 *
 * @param here the four bytes at `i`; there must be four.
 * @param product their hash before the shift.
 * @param max the longest match to answer; above `best`.
 */
function longestMatch(i: number, here: number, product: number, candidate: number, best: number, max: number): number {
  const text = view;
  const first = base | 0;
  const enough = Math.min(nice | 0, max);
  const lowest = Math.max((first + lowestIndex) | 0, (first + i - maxDistance) | 0);
  for (
    let left = best >= (good | 0) ? maxChain >> 2 : maxChain | 0;
    candidate >= lowest;
    candidate = chain[candidate & CHAIN_MASK]!
  ) {
    const at = candidate - first;
    // What would make it longer is compared first: the last of the bytes that have to agree.
    if (text.getInt32(at + best - 3, true) === text.getInt32(i + best - 3, true) && text.getInt32(at, true) === here) {
      let length = 4;
      for (; length < max; length += 4) {
        const difference = text.getInt32(at + length, true) ^ text.getInt32(i + length, true);
        if (difference !== 0) {
          length += (31 - Math.clz32(difference & -difference)) >> 3;
          break;
        }
      }
      if (length > max) length = max;
      if (length > best) {
        best = length;
        foundDistance = i - at;
        if (length >= enough) return best;
      }
    }
    if (--left <= 0) break;
  }
  if (history.length !== 0) {
    const distance = (i + (historyBase | 0) - history[product >>> HISTORY_SHIFT]!) & 0xffff;
    const at = i - distance;
    if (
      distance !== 0 &&
      distance <= (maxDistance | 0) &&
      at >= (lowestIndex | 0) &&
      text.getInt32(at, true) === here
    ) {
      let length = 4;
      for (; length < max; length += 4) {
        const difference = text.getInt32(at + length, true) ^ text.getInt32(i + length, true);
        if (difference !== 0) {
          length += (31 - Math.clz32(difference & -difference)) >> 3;
          break;
        }
      }
      if (length > max) length = max;
      if (length > best) {
        best = length;
        foundDistance = distance;
      }
    }
  }
  return best;
}

/** Turns `bytes[start..end)` into tokens. Calls `flush` with their count and the index they reach to when a block is full. */
export function matchAll(start: number, end: number, flush: (count: number, upTo: number) => void): void {
  const text = bytes;
  const words = view;
  const shift = hashShift | 0;
  const first = base | 0;
  const worthLooking = lazy | 0;
  // Nothing before this place can be matched, whatever the distance; with a past of the connection, everything is looked at.
  const oldest = history.length === 0 ? (first + lowestIndex) | 0 : -1;
  // `| 0`: see `inflate.ts`.
  const fullAt = MAX_BLOCK_TOKENS - MAX_MATCH - 2;
  // The last place at which there are four bytes.
  const lastSearched = end - MIN_MATCH;
  let n = tokenCount | 0;
  let i = start;
  while (i <= lastSearched) {
    if (n >= fullAt) {
      flush(n, i);
      n = 0;
    }
    let here = words.getInt32(i, true);
    let product = Math.imul(here, 0x9e37_79b1);
    let hash = product >>> shift;
    let candidate = heads[hash]!;
    chain[(first + i) & CHAIN_MASK] = candidate;
    heads[hash] = first + i;
    let length = MIN_MATCH - 1;
    if (candidate >= oldest) {
      length = longestMatch(i, here, product, candidate, MIN_MATCH - 1, end - i < MAX_MATCH ? end - i : MAX_MATCH);
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
      candidate = heads[hash]!;
      chain[(first + next) & CHAIN_MASK] = candidate;
      heads[hash] = first + next;
      findable = next + 1;
      const max = end - next < MAX_MATCH ? end - next : MAX_MATCH;
      if (candidate < oldest || length >= max) break;
      const longer = longestMatch(next, here, product, candidate, length, max);
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
    for (const stop = i <= lastSearched ? i : lastSearched + 1; findable < stop; findable++) {
      hash = Math.imul(words.getInt32(findable, true), 0x9e37_79b1) >>> shift;
      chain[(first + findable) & CHAIN_MASK] = heads[hash]!;
      heads[hash] = first + findable;
    }
  }
  for (; i < end; i++) {
    const byte = text[i]!;
    tokens[n++] = byte;
    literalFrequencies[byte]!++;
  }
  tokenCount = n;
}

/** Hands over what is left after the last `matchAll`. */
export function takeTokenCount(): number {
  return tokenCount;
}
