/**
 * Finds repetitions (LZ77, RFC 1951 §4): the bytes of `work` in, matches and runs of literals out into `block-writer.ts`.
 *
 * Hashes of four bytes lead to the last place they were seen and, through `chain`, to those before. A place is counted
 * from 1 at the first byte, modulo 65,536, so that it takes two octets: what a message of 4 KiB touches then stays in the
 * fastest cache. An old place that looks like a new one is only a wasted look: bytes are compared before a match is made.
 * A connection's own past is found by a small table kept by its `DeflateContext`.
 * Levels 2 to 9 are here; level 1 has a loop and tables of its own in `quick-matcher.ts`. Read next: `deflate.ts`.
 */

import * as writer from './block-writer.ts';
import { beginQuickly, indexQuickly, matchQuickly } from './quick-matcher.ts';
import * as search from './searched.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const { DISTANCE_SYMBOLS, distanceFrequencies, LENGTH_SYMBOLS, literalFrequencies, matches, runs } = writer;
const MAX_BLOCK_TOKENS = writer.MAX_BLOCK_TOKENS;
const { commonLength, FARTHEST, foundInPast, longestInPast, past, searched, work, workView: words } = search;
const MAX_MATCH = search.MAX_MATCH;
const MIN_MATCH = search.MIN_MATCH;

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

const EFFORTS: readonly Effort[] = [
  { good: 0, lazy: 0, nice: 0, chain: 0, findable: 0 }, // `matchQuickly` has measures of its own
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

let good = 0;
let lazy = 0;
let nice = 0;
let maxChain = 0;
let maxFindable = 0;
let hashShift = 17;

/** Level 1 was asked for. */
let quick = false;

/** Distance of the match that `longestMatch` found. */
let foundDistance = 0;

/** Sets up for one message without a past. `length` is the message's and its dictionary's, for the choice of a hash. */
export function beginMatching(level: number, windowBits: number, length: number): void {
  searched.maxDistance = Math.min(1 << windowBits, FARTHEST);
  search.forgetPast();
  quick = level === 1;
  if (quick) {
    searched.placeOffset = beginQuickly(length);
    return;
  }
  const effort = EFFORTS[level - 1]!;
  good = effort.good;
  lazy = effort.lazy;
  nice = effort.nice;
  maxChain = effort.chain;
  maxFindable = effort.findable;
  searched.placeOffset = 1;
  const hashBits = Math.min(MAX_HASH_BITS, Math.max(MIN_HASH_BITS, 32 - Math.clz32(length)));
  hashShift = 32 - hashBits;
  heads.fill(0, 0, 1 << hashBits);
}

/** `work` was moved `by` bytes to the front: after 64 KiB of message, so that the past is out of reach now. */
export function moved(by: number): void {
  searched.placeOffset += by;
  search.forgetPast();
}

/** Makes `work[start..end)` findable. Reads up to 3 bytes beyond. */
export function index(start: number, end: number): void {
  if (quick) {
    indexQuickly(start, end);
    return;
  }
  const offset = searched.placeOffset | 0;
  const shift = hashShift | 0;
  for (let i = start; i < end; i++) {
    const hash = Math.imul(words.getInt32(i, true), 0x9e37_79b1) >>> shift;
    chain[(i + offset) & CHAIN_MASK] = heads[hash]!;
    heads[hash] = i + offset;
  }
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
  const place = (i + searched.placeOffset) | 0;
  const enough = Math.min(nice | 0, max);
  let left = best >= (good | 0) ? maxChain >> 2 : maxChain | 0;
  while (distance <= reach) {
    const at = i - distance;
    // What would make it longer is compared first: the last of the bytes that have to agree.
    if (
      words.getInt32(at + best - 3, true) === words.getInt32(i + best - 3, true) &&
      words.getInt32(at, true) === here
    ) {
      const length = commonLength(at, i, max);
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
  if (past.table.length !== 0 && best < max) {
    const length = longestInPast(i, here, product, best, max, left, enough);
    if (length > best) {
      best = length;
      foundDistance = foundInPast.distance;
    }
  }
  return best;
}

/**
 * Makes `work[start..end)` blocks. Longer than a screen: where it stands, what it found and what it looks for stay in local variables
 * over the whole of a message.
 */
export function matchAll(start: number, end: number): void {
  if (quick) {
    matchQuickly(start, end);
    return;
  }
  // `| 0`: see `inflate.ts`.
  const shift = hashShift | 0;
  const offset = searched.placeOffset | 0;
  const farthest = searched.maxDistance | 0;
  const worthLooking = lazy | 0;
  const made = maxFindable | 0;
  const hasPast = past.table.length !== 0;
  // The last place at which there are four bytes.
  const lastSearched = end - MIN_MATCH;
  let block = start | 0;
  /** Where the literals began that have no match behind them yet. */
  let run = start | 0;
  let n = 0;
  /** Literals and matches that the block still takes; a few more where matches are put off. */
  let room = MAX_BLOCK_TOKENS;
  let i = start | 0;
  while (i <= lastSearched) {
    if (room <= 0) {
      writer.writeBlock(n, block, i);
      block = i;
      run = i;
      n = 0;
      room = MAX_BLOCK_TOKENS;
    }
    let here = words.getInt32(i, true);
    let product = Math.imul(here, 0x9e37_79b1);
    let hash = product >>> shift;
    // 1 to 65,536: what is a whole turn back is not here.
    let back = ((i + offset - heads[hash]! - 1) & 0xffff) + 1;
    chain[(i + offset) & CHAIN_MASK] = heads[hash]!;
    heads[hash] = i + offset;
    let reach = Math.min(i, farthest);
    let length = MIN_MATCH - 1;
    if (back <= reach || hasPast) {
      length = longestMatch(i, here, product, back, reach, MIN_MATCH - 1, Math.min(end - i, MAX_MATCH));
    }
    if (length < MIN_MATCH) {
      literalFrequencies[work[i++]!]!++;
      room--;
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
      reach = Math.min(next, farthest);
      const max = Math.min(end - next, MAX_MATCH);
      if ((back > reach && !hasPast) || length >= max) break;
      const longer = longestMatch(next, here, product, back, reach, length, max);
      if (longer === length) break;
      literalFrequencies[work[i]!]!++;
      room--;
      i = next;
      length = longer;
      distance = foundDistance;
    }
    const symbol = DISTANCE_SYMBOLS[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7)]!;
    literalFrequencies[LENGTH_SYMBOLS[length - 3]!]!++;
    distanceFrequencies[symbol]!++;
    runs[n] = i - run;
    matches[n++] = distance | ((length - 3) << 15) | (symbol << 23);
    room--;
    i += length;
    run = i;
    const last = Math.min(i, lastSearched + 1);
    for (const stop = Math.min(last, findable + made); findable < stop; findable++) {
      hash = Math.imul(words.getInt32(findable, true), 0x9e37_79b1) >>> shift;
      chain[(findable + offset) & CHAIN_MASK] = heads[hash]!;
      heads[hash] = findable + offset;
    }
    // The last byte always: a run goes on with distance 1.
    if (findable < last) index(last - 1, last);
  }
  for (; i < end; i++) literalFrequencies[work[i]!]!++;
  writer.writeBlock(n, block, end);
}
