/**
 * Huffman codes to compress with (RFC 1951 §3.2.2): how often each symbol occurs in, the length and bits of its code out.
 *
 * Lengths are those of a minimum-redundancy code (Huffman's, from two queues of sorted weights, linear after the sort; only
 * how many codes there are of each length is kept), then shortened to the limit the format sets. Works in memory of this module. Knows no input or output.
 * Read next: `block-writer.ts`.
 */

/** §3.2.7: no code of the literal/length and distance alphabets is longer. */
export const MAX_CODE_BITS = 15;
/** §3.2.7: code lengths themselves are sent in 3 bits. */
export const MAX_CODE_LENGTH_CODE_BITS = 7;

/** The symbols that occur, as `frequency << 9 | symbol` (blocks have far less than 2^22 symbols), by symbol: see `makeCode`. */
export const usedSymbols: Int32Array = new Int32Array(288);
/** An exported constant is loaded and checked at every use, this one is folded into the loops. */
const occurring = usedSymbols;
/** The same, ascending, and `NO_LEAF` behind them. */
const sorted = new Int32Array(289);
const NO_LEAF = 0x7fff_ffff;
/** Weights of the joined nodes of the tree under construction; above all of leaves, for one that is not there yet. */
const weights = new Int32Array(288);
const NO_WEIGHT = 0x3fff_ffff;
/** Their parents, and then their depths. */
const parents = new Int32Array(288);
/** How many there are at each depth. A tree of depth d has a weight of a Fibonacci number, F(d + 2): of 2^22 at most 32. */
const nodesAt = new Int32Array(34);
/** So few symbols are sorted by insertion: 7 of the 30 distances 158 ns in all, against 215 with counting. */
const INSERTED_SYMBOLS = 16;
/** Of more symbols, frequencies below this are sorted by counting; the few larger ones by insertion. */
const COUNTED_FREQUENCIES = 64;
const places = new Int32Array(COUNTED_FREQUENCIES + 1);
const lengthCounts = new Int32Array(MAX_CODE_BITS + 1);
const nextCode = new Int32Array(MAX_CODE_BITS + 2);

/**
 * Makes the best code of at most `maxBits` bits for the first `count` symbols: fills `lengths`, with 0 for a symbol that does
 * not occur, and `codes` where it does, as `code << 4 | length`. A single symbol gets one bit (§3.2.7). `frequencies` are
 * all zero afterwards, for the next block to be counted.
 * Choice: everything but the first and the last step goes through the symbols that occur, some 50 of 286 in short messages.
 *
 * @returns how many symbols occur; they are then in `usedSymbols`, by symbol, until the next call.
 */
export function makeCode(
  frequencies: Int32Array,
  count: number,
  maxBits: number,
  lengths: Uint8Array,
  codes: Int32Array,
): number {
  lengths.fill(0, 0, count);
  let used = 0;
  for (let symbol = 0; symbol < count; symbol++) {
    const frequency = frequencies[symbol]!;
    if (frequency === 0) continue;
    occurring[used++] = (frequency << 9) | symbol;
    frequencies[symbol] = 0;
  }
  clear(lengthCounts);
  if (used < 2) {
    if (used === 1) {
      const symbol = occurring[0]! & 511;
      lengths[symbol] = 1;
      codes[symbol] = 1;
    }
    return used;
  }
  sortByFrequency(used);
  let space = countLengths(used, maxBits);
  // Shortening took more space than there is: make a shorter code longer for as often as it takes. One code of the longest
  // length and one of a shorter length become two of the length after that, which frees one unit of space.
  for (; space > 1 << maxBits; space--) {
    let length = maxBits - 1;
    while (lengthCounts[length] === 0) length--;
    lengthCounts[length]!--;
    lengthCounts[length + 1]! += 2;
    lengthCounts[maxBits]!--;
  }
  let next = 0;
  for (let length = maxBits; next < used; length--) {
    for (let n = lengthCounts[length]!; n > 0; n--) lengths[sorted[next++]! & 511] = length;
  }
  assignCodes(used, maxBits, lengths, codes);
  return used;
}

/** Of so few a loop is quicker than a call of `fill`. */
function clear(counts: Int32Array): void {
  for (let i = 0; i < counts.length; i++) counts[i] = 0;
}

/** Fills `sorted` from the first `used` of `usedSymbols`. */
function sortByFrequency(used: number): void {
  if (used <= INSERTED_SYMBOLS) {
    for (let i = 0; i < used; i++) insert(occurring[i]!, i, 0);
    return;
  }
  clear(places);
  for (let i = 0; i < used; i++) {
    const frequency = occurring[i]! >> 9;
    places[frequency < COUNTED_FREQUENCIES ? frequency : COUNTED_FREQUENCIES]!++;
  }
  let place = 0;
  for (let frequency = 1; frequency <= COUNTED_FREQUENCIES; frequency++) {
    const here = places[frequency]!;
    places[frequency] = place;
    place += here;
  }
  const large = places[COUNTED_FREQUENCIES]!;
  for (let i = 0; i < used; i++) {
    const key = occurring[i]!;
    const frequency = key >> 9;
    if (frequency < COUNTED_FREQUENCIES) {
      sorted[places[frequency]!++] = key;
    } else {
      insert(key, places[COUNTED_FREQUENCIES]!++, large);
    }
  }
}

/** Puts `key` where it belongs in `sorted[from..end)`, which is sorted, and grows by it. */
function insert(key: number, end: number, from: number): void {
  let at = end;
  for (; at > from && sorted[at - 1]! > key; at--) sorted[at] = sorted[at - 1]!;
  sorted[at] = key;
}

/**
 * Counts in `lengthCounts` how many of the `n`, at least 2, of `sorted` have a code of each length in the best code; those that are
 * longer than `maxBits` count there. Answers the space that all take, in units of codes of `maxBits`: the whole, or more where
 * some are counted too short.
 */
function countLengths(n: number, maxBits: number): number {
  // Joins the two lightest of leaves and joined nodes, which come into being in order of weight. Which of the two queues is
  // taken from is a coin that no branch predictor knows, so it is calculated: a parent is written in any case, and again
  // when the node is really taken.
  sorted[n] = NO_LEAF;
  let node = 0;
  let leaf = 0;
  for (let next = 0; next < n - 1; next++) {
    weights[next] = NO_WEIGHT;
    let light = sorted[leaf]! >> 9;
    let fromNodes = (weights[node]! - light) >>> 31;
    let weight = fromNodes === 0 ? light : weights[node]!;
    parents[node] = next;
    node += fromNodes;
    leaf += 1 - fromNodes;
    light = sorted[leaf]! >> 9;
    fromNodes = (weights[node]! - light) >>> 31;
    weight += fromNodes === 0 ? light : weights[node]!;
    parents[node] = next;
    node += fromNodes;
    leaf += 1 - fromNodes;
    weights[next] = weight;
  }

  // The last node is the root. What a depth has room for beside the joined nodes of that depth are leaves.
  for (let depth = 0; depth < nodesAt.length; depth++) nodesAt[depth] = 0;
  parents[n - 2] = 0;
  nodesAt[0] = 1;
  for (let i = n - 3; i >= 0; i--) {
    const depth = parents[parents[i]!]! + 1;
    parents[i] = depth;
    nodesAt[depth]!++;
  }
  let space = 0;
  for (let depth = 1; nodesAt[depth - 1] !== 0; depth++) {
    const leaves = 2 * nodesAt[depth - 1]! - nodesAt[depth]!;
    const length = depth < maxBits ? depth : maxBits;
    lengthCounts[length]! += leaves;
    space += leaves << (maxBits - length);
  }
  return space;
}

const REVERSED_BYTES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) REVERSED_BYTES[byte]! |= 0x80 >> bit;
}

/** §3.2.2 steps 2-3: canonical codes from `lengthCounts`, each reversed so that its first bit is bit 0 (§3.1.1). */
function assignCodes(used: number, maxBits: number, lengths: Uint8Array, codes: Int32Array): void {
  let code = 0;
  for (let length = 1; length <= maxBits; length++) {
    code = (code + lengthCounts[length - 1]!) << 1;
    nextCode[length] = code;
  }
  for (let i = 0; i < used; i++) {
    const symbol = occurring[i]! & 511;
    const length = lengths[symbol]!;
    const value = nextCode[length]!++;
    const reversed = ((REVERSED_BYTES[value & 255]! << 8) | REVERSED_BYTES[value >> 8]!) >> (16 - length);
    codes[symbol] = (reversed << 4) | length;
  }
}

/** §3.2.2: the canonical codes of given lengths, all of them in use, as `code << 4 | length`: for the fixed codes. */
export function codesOf(lengths: Uint8Array, maxBits: number): Int32Array {
  const codes = new Int32Array(lengths.length);
  lengthCounts.fill(0);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    lengthCounts[lengths[symbol]!]!++;
    occurring[symbol] = symbol;
  }
  assignCodes(lengths.length, maxBits, lengths, codes);
  return codes;
}
