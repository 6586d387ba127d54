/**
 * Level 1 of the compressor (LZ77, RFC 1951 §4): bytes in, literals and matches out into the tokens of `block-writer.ts`.
 *
 * The last two places of each hash, no chains, and tables that are never cleared: places are counted on and on over all messages.
 * Knows nothing of the other levels. Read next: `matcher.ts`.
 */

import * as writer from './block-writer.ts';
import * as search from './searched.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const { DISTANCE_SYMBOLS, distanceFrequencies, LENGTH_SYMBOLS, literalFrequencies, tokens } = writer;
const MATCH = writer.MATCH;
const MAX_BLOCK_TOKENS = writer.MAX_BLOCK_TOKENS;
const { commonLength, placeInHistory, searched } = search;
const MAX_MATCH = search.MAX_MATCH;
const MIN_MATCH = search.MIN_MATCH;

/** With a match of this length in hand, do not look whether the next byte begins a longer one. */
const QUICK_LAZY = 12;
/** With a match of this length in hand, do not look whether the place before makes a longer one. */
const QUICK_GOOD = 32;

/**
 * By hash: the last place it was seen, counted on and on over all messages, so that what others left is out of reach
 * and nothing has to be cleared; 14 bits at most, for a short message fewer.
 */
const MAX_QUICK_BITS = 14;
const quickPlaces = new Int32Array(1 << MAX_QUICK_BITS);
/** By hash: the place before that, noted where a match begins and so at no cost for literals. */
const olderPlaces = new Int32Array(1 << MAX_QUICK_BITS);
/** Far below 2^31: a message adds at most 2^30 to it before it is checked again. */
const MAX_QUICK_PLACE = 2 ** 30;
/** The place of the next message's first byte; above 0, the place that the empty table has. */
let nextQuickPlace = 1;

/** Sets up for one message, with a hash of at most `hashBits`. */
export function beginQuickly(hashBits: number): void {
  searched.hashShift = 32 - Math.min(MAX_QUICK_BITS, hashBits);
  if (nextQuickPlace <= MAX_QUICK_PLACE) return;
  quickPlaces.fill(0);
  olderPlaces.fill(0);
  nextQuickPlace = 1;
}

/** The place of the first byte of the message that has been set up. */
export function firstQuickPlace(): number {
  return nextQuickPlace;
}

/** Makes `bytes[start..end)` findable. Reads up to 3 bytes beyond. */
export function indexQuickly(start: number, end: number): void {
  const words = searched.view;
  const offset = searched.placeOffset | 0;
  const shift = searched.hashShift | 0;
  for (let i = start; i < end; i++) {
    quickPlaces[Math.imul(words.getInt32(i, true), 0x9e37_79b1) >>> shift] = i + offset;
  }
}

/**
 * Turns `bytes[start..end)` into tokens, with one look ahead; `flush` as in `matchAll`. Of a match only the second byte and the last two are made
 * findable: making all of them so takes longer than finding the matches, and saves less than 2 % (see `bench/core/deflate.ts`).
 */
export function matchQuickly(start: number, end: number, flush: (count: number, upTo: number) => void): void {
  const text = searched.bytes;
  const words = searched.view;
  const shift = searched.hashShift | 0;
  const offset = searched.placeOffset | 0;
  const lowest = searched.lowestIndex | 0;
  const farthest = searched.maxDistance | 0;
  const hasHistory = searched.history.length !== 0;
  const fullAt = MAX_BLOCK_TOKENS - 4;
  // The last place at which there are four bytes, and four more behind the next.
  const lastSearched = (end - MIN_MATCH - 1) | 0;
  let n = searched.tokenCount | 0;
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
    const byte = text[i]!;
    tokens[n++] = byte;
    literalFrequencies[byte]!++;
  }
  searched.tokenCount = n;
  nextQuickPlace = end + offset;
}
