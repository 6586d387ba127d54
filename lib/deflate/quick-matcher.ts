/**
 * Level 1 of the compressor (LZ77, RFC 1951 §4): the bytes of `work` in, matches and runs of literals out into `block-writer.ts`.
 *
 * The last two places of each hash, no chains, and tables that are never cleared: places are counted on and on over all messages.
 * Where nothing has been found for a while, only every fourth byte is looked up. Knows nothing of the other levels.
 * Read next: `matcher.ts`.
 */

import * as writer from './block-writer.ts';
import * as search from './searched.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const { DISTANCE_SYMBOLS, distanceFrequencies, LENGTH_SYMBOLS, literalFrequencies, matches, runs } = writer;
const { foundInPast, commonLength, matchInPast, searched, work, workView: words } = search;
const MAX_BLOCK_TOKENS = writer.MAX_BLOCK_TOKENS;
const FARTHEST = search.FARTHEST;
const MAX_MATCH = search.MAX_MATCH;
const MIN_MATCH = search.MIN_MATCH;

/** With a match of this length in hand, do not look whether the next byte begins a longer one. */
const QUICK_LAZY = 12;
/**
 * The place before the last is looked at for every fourth match, and after that twice for each byte by which it made a match longer: where
 * lines are alike that goes on and saves up to a quarter of the octets, elsewhere it saves 1 % for a tenth of the time.
 */
const OLDER_SAMPLE = 3;
/** With a match of this length in hand, do not look whether the place before makes a longer one. */
const QUICK_GOOD = 32;
/** After so many literals in a row only every fourth byte is looked up: what has no matches costs a third, other data does not notice. */
const SPARSE_AFTER = 128;

/**
 * From here on a message is searched alone: a connection's table has 4,096 places, so that of a past of long messages it finds little, and
 * each literal pays for the look.
 */
const PAST_SEARCHED_BYTES = 4_096;
/** From here on the look ahead is not into the past: it costs prose of 4 KiB a tenth of the time, and saves nothing. */
const PAST_LOOK_AHEAD_BYTES = 1_024;

/** What a hash of this many bits leaves out of 32. A constant: the loops have no register to spare for it. */
const HASH_SHIFT = 32 - 14;
/**
 * By hash: the last place it was seen, counted on and on over all messages with a gap between them, so that what others left is out of
 * reach and nothing has to be cleared.
 */
const quickPlaces = new Int32Array(1 << (32 - HASH_SHIFT));
/** By the upper bits of the hash: the place before that, noted where a match begins and so at no cost for literals. */
const OLDER_SHIFT = 4;
const olderPlaces = new Int32Array(quickPlaces.length >> OLDER_SHIFT);
/** Far below 2^31: a message adds at most 2^30 to it before it is checked again. */
const MAX_QUICK_PLACE = 2 ** 30;
/** The place of the next message's first byte, farther than any distance above 0, the place that the empty table has. */
let nextQuickPlace = FARTHEST + 1;

/** Answers the place of the first byte of the next message, of `length` bytes with its dictionary. */
export function beginQuickly(length: number): number {
  if (nextQuickPlace > MAX_QUICK_PLACE) {
    quickPlaces.fill(0);
    olderPlaces.fill(0);
    nextQuickPlace = FARTHEST + 1;
  }
  const first = nextQuickPlace;
  nextQuickPlace += length + FARTHEST + 1;
  return first;
}

/** Makes `work[start..end)` findable. Reads up to 3 bytes beyond. */
export function indexQuickly(start: number, end: number): void {
  const offset = searched.placeOffset | 0;
  for (let i = start; i < end; i++) {
    quickPlaces[Math.imul(words.getInt32(i, true), 0x9e37_79b1) >>> HASH_SHIFT] = i + offset;
  }
}

/**
 * Makes `work[start..end)` blocks, with one look ahead. Of a match only the second byte and the last two are made
 * findable: making all of them so takes longer than finding the matches, and saves less than 2 % (see `bench/core/deflate.ts`).
 * Longer than a screen: literals are searched through in the innermost loop here, since a function of their own costs a call a match.
 */
export function matchQuickly(start: number, end: number): void {
  const offset = searched.placeOffset | 0;
  const farthest = searched.maxDistance | 0;
  let hasPast = search.past.table.length !== 0;
  // The last place at which there are four bytes, and four more behind the next.
  const stopAt = (end - MIN_MATCH) | 0;
  let block = start | 0;
  let i = start | 0;
  let n = 0;
  let room = MAX_BLOCK_TOKENS;
  let trust = 0;
  for (;;) {
    const from = i;
    hasPast &&= i < PAST_SEARCHED_BYTES;
    const stop = Math.min(stopAt, i + room) | 0;
    const dense = Math.min(stop, i + SPARSE_AFTER) | 0;
    let distance = 0;
    let length = 0;
    for (; i < dense; i = (i + 1) | 0) {
      const here = words.getInt32(i, true);
      const product = Math.imul(here, 0x9e37_79b1);
      const hash = product >>> HASH_SHIFT;
      distance = (i + offset - quickPlaces[hash]!) | 0;
      quickPlaces[hash] = i + offset;
      if (distance <= farthest && words.getInt32((i - distance) | 0, true) === here) break;
      if (hasPast) {
        length = matchInPast(i, here, product, Math.min(end - i, MAX_MATCH));
        if (length !== 0) {
          distance = foundInPast.distance;
          break;
        }
      }
      literalFrequencies[here & 255]!++;
    }
    if (i >= dense) {
      if (i < stop) {
        i = findSparsely(i, stop);
        distance = foundDistance;
      }
      if (i >= stop) {
        if (i >= stopAt) break;
        writer.writeBlock(n, block, i);
        block = i;
        n = 0;
        room = MAX_BLOCK_TOKENS;
        continue;
      }
    }
    const max = Math.min(end - i, MAX_MATCH);
    if (length === 0) {
      length = commonLength((i - distance) | 0, i, max);
      const here = words.getInt32(i, true);
      const hash = Math.imul(here, 0x9e37_79b1) >>> HASH_SHIFT;
      const older = (i + offset - olderPlaces[hash >>> OLDER_SHIFT]!) | 0;
      olderPlaces[hash >>> OLDER_SHIFT] = i + offset - distance;
      if ((trust > 0 || (n & OLDER_SAMPLE) === OLDER_SAMPLE) && length < QUICK_GOOD && length < max) {
        trust = Math.max(0, trust - 1);
        if (
          older <= farthest &&
          words.getInt32((i + length - 3 - older) | 0, true) === words.getInt32((i + length - 3) | 0, true) &&
          words.getInt32((i - older) | 0, true) === here
        ) {
          const longer = commonLength((i - older) | 0, i, max);
          if (longer > length) {
            trust += 2 * (longer - length);
            length = longer;
            distance = older;
          }
        }
      }
    }
    const next = words.getInt32((i + 1) | 0, true);
    const hash = Math.imul(next, 0x9e37_79b1) >>> HASH_SHIFT;
    const second = (i + 1 + offset) | 0;
    if (length < QUICK_LAZY && length < end - i - 1) {
      const other = (second - quickPlaces[hash]!) | 0;
      // What would make it longer is compared first: the last of the bytes that have to agree.
      if (
        other <= farthest &&
        words.getInt32((i + length - 2 - other) | 0, true) === words.getInt32((i + length - 2) | 0, true) &&
        words.getInt32((i + 1 - other) | 0, true) === next
      ) {
        const longer = commonLength((i + 1 - other) | 0, (i + 1) | 0, Math.min(end - i - 1, MAX_MATCH));
        if (longer > length) {
          literalFrequencies[work[i]!]!++;
          i = (i + 1) | 0;
          length = longer;
          distance = other;
        }
      } else if (hasPast && i < PAST_LOOK_AHEAD_BYTES) {
        const longer = matchInPast(i + 1, next, Math.imul(next, 0x9e37_79b1), Math.min(end - i - 1, MAX_MATCH));
        if (longer > length) {
          literalFrequencies[work[i]!]!++;
          i = (i + 1) | 0;
          length = longer;
          distance = foundInPast.distance;
        }
      }
    }
    quickPlaces[hash] = second;
    const symbol = DISTANCE_SYMBOLS[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7)]!;
    literalFrequencies[LENGTH_SYMBOLS[length - 3]!]!++;
    distanceFrequencies[symbol]!++;
    runs[n] = i - from;
    matches[n] = distance | ((length - 3) << 15) | (symbol << 23);
    n = (n + 1) | 0;
    room = (room - (i - from) - 1) | 0;
    i = (i + length) | 0;
    if (i < stopAt) {
      quickPlaces[Math.imul(words.getInt32((i - 2) | 0, true), 0x9e37_79b1) >>> HASH_SHIFT] = i - 2 + offset;
      quickPlaces[Math.imul(words.getInt32((i - 1) | 0, true), 0x9e37_79b1) >>> HASH_SHIFT] = i - 1 + offset;
    }
    if (room <= 0) {
      writer.writeBlock(n, block, i);
      block = i;
      n = 0;
      room = MAX_BLOCK_TOKENS;
    }
  }
  for (; i < end; i++) literalFrequencies[work[i]!]!++;
  writer.writeBlock(n, block, end);
}

/** The distance of what `findSparsely` found. */
let foundDistance = 0;

/**
 * Goes on where there are many literals and no match: counts them until one begins or `stop` is reached, and answers where. Looks up every
 * fourth byte, and not in the connection's past.
 */
function findSparsely(i: number, stop: number): number {
  const offset = searched.placeOffset | 0;
  const farthest = searched.maxDistance | 0;
  for (const last = stop - 4; i <= last; i = (i + 4) | 0) {
    const here = words.getInt32(i, true);
    const hash = Math.imul(here, 0x9e37_79b1) >>> HASH_SHIFT;
    const distance = (i + offset - quickPlaces[hash]!) | 0;
    quickPlaces[hash] = i + offset;
    if (distance <= farthest && words.getInt32((i - distance) | 0, true) === here) {
      foundDistance = distance;
      return i;
    }
    literalFrequencies[here & 255]!++;
    literalFrequencies[(here >>> 8) & 255]!++;
    literalFrequencies[(here >>> 16) & 255]!++;
    literalFrequencies[here >>> 24]!++;
  }
  for (; i < stop; i++) literalFrequencies[work[i]!]!++;
  return i;
}
