/**
 * Writes blocks (RFC 1951 §3.2.3-3.2.7): literals and matches in, bits out, in whichever of the three forms is shortest.
 *
 * The matcher notes each match and how many literals come before it, and counts in `literalFrequencies` and
 * `distanceFrequencies`; `writeBlock` chooses by exact cost in bits, takes the literals from `work`, writes, and clears the counts.
 * Output collects in memory of this module, whose address never changes, and beyond that in larger memory, until `finishOutput`. The
 * size of a block is known before it is written, so the loops that write need no bounds.
 * Never final blocks: a message ends with an empty stored block (RFC 7692 §7.2.1). Read next: `deflate.ts`.
 */

import { DEFLATE_LIMITS } from '../limits.ts';
import { codesOf, MAX_CODE_BITS, MAX_CODE_LENGTH_CODE_BITS, makeCode, usedSymbols } from './huffman-code.ts';
import { DISTANCE_BASE, DISTANCE_EXTRA_BITS, LENGTH_BASE, LENGTH_EXTRA_BITS } from './huffman-table.ts';
import { work } from './searched.ts';

/** Literals and matches of one block at most, what one turn of a matcher adds included. zlib has 16,383. */
export const MAX_BLOCK_TOKENS = 16_384;
/** By match: how many literals come before it. */
export const runs: Uint16Array = new Uint16Array(MAX_BLOCK_TOKENS);
/** By match: `distance | length - 3 << 15 | distance symbol << 23`. */
export const matches: Int32Array = new Int32Array(MAX_BLOCK_TOKENS);
/** How often each symbol occurs in the block: for matches the matcher looks symbols up below. */
export const literalFrequencies: Int32Array = new Int32Array(286);
export const distanceFrequencies: Int32Array = new Int32Array(30);

/** Symbol (257-285) of `length - 3`. */
export const LENGTH_SYMBOLS: Uint16Array = new Uint16Array(256);
for (let i = 0; i < 29; i++) LENGTH_SYMBOLS.fill(257 + i, LENGTH_BASE[i]! - 3);
/** Symbol of `distance - 1` below 256; of larger ones by `256 + (distance - 1 >> 7)`: their bases are multiples of 128, plus 1. */
export const DISTANCE_SYMBOLS: Uint8Array = new Uint8Array(512);
for (let i = 0; i < 30; i++) {
  const from = DISTANCE_BASE[i]! - 1;
  if (from < 256) DISTANCE_SYMBOLS.fill(i, from, 256);
  else DISTANCE_SYMBOLS.fill(i, 256 + (from >> 7));
}

// Imported and exported constants are loaded and checked at every use; these are folded into the loops.
const used = usedSymbols;
const runsBefore = runs;
const written = matches;
const plain = work;
const literalCounts = literalFrequencies;
const distanceCounts = distanceFrequencies;

// By symbol, from 257 for lengths: extra bits.
const lengthExtra = new Uint8Array(286);
for (let i = 0; i < 29; i++) lengthExtra[257 + i] = LENGTH_EXTRA_BITS[i]!;
const distanceExtra = Uint8Array.from(DISTANCE_EXTRA_BITS);
/** By `length - 3`, in one load: the symbol, the value of its extra bits `<< 9`, and how many they are `<< 14`. */
const lengthParts = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  const symbol = LENGTH_SYMBOLS[i]!;
  lengthParts[i] = symbol | ((i + 3 - LENGTH_BASE[symbol - 257]!) << 9) | (LENGTH_EXTRA_BITS[symbol - 257]! << 14);
}
/** By symbol: the base of the distance, and how many extra bits choose from there on `<< 16`. */
const distanceParts = Int32Array.from(DISTANCE_BASE, (base, i) => base | (DISTANCE_EXTRA_BITS[i]! << 16));

// §3.2.6, the fixed codes: 286-287 take part in the literal code without ever being sent.
const fixedLiteralLengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);

/** Lengths of both alphabets side by side once they are chosen, as they are sent (§3.2.7). */
const literalLengths = new Uint8Array(286 + 30);
const distanceLengths = new Uint8Array(30);
/** All as `code << 4 | length`, in one array, so that the loop that writes has one constant to index: the codes of this block and, from `FIXED` on, the fixed ones. */
const DISTANCES = 288;
const FIXED = 320;
const codes = new Int32Array(2 * FIXED);
codes.set(codesOf(fixedLiteralLengths, MAX_CODE_BITS), FIXED);
codes.set(codesOf(new Uint8Array(30).fill(5), MAX_CODE_BITS), FIXED + DISTANCES);
const literalCodes = codes.subarray(0, 286);
const distanceCodes = codes.subarray(DISTANCES, DISTANCES + 30);
/**
 * Choice: shorter than the format allows (§3.2.7: 15), so that two literals, or a distance with its extra bits, are stored at once
 * behind 7 bits that wait: 7 + 12 + 12 and 7 + 11 + 13 bits of 32. What that costs is below 0.1 % of a message.
 */
const MAX_LITERAL_BITS = 12;
const MAX_DISTANCE_BITS = 11;

/** §3.2.7: the code lengths as symbols 0-18, each with the value of its extra bits `<< 5`. */
const lengthTokens = new Uint16Array(286 + 30);
const codeLengthFrequencies = new Int32Array(19);
const codeLengthLengths = new Uint8Array(19);
const codeLengthCodes = new Int32Array(19);
/** §3.2.7: extra bits of the repetitions 16, 17 and 18. */
const codeLengthExtra = new Uint8Array(19);
codeLengthExtra.set([2, 3, 7], 16);
const CODE_LENGTH_ORDER = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

const OUTPUT_SLACK_BYTES = 16;
const output = new Uint8Array(DEFLATE_LIMITS.sharedOutputBytes + OUTPUT_SLACK_BYTES);
const view = new DataView(output.buffer);
/** Whole octets in `output`; `bitCount` (0-7) bits of `bits` come next. */
let at = 0;
let bits = 0;
let bitCount = 0;
const NO_BYTES = new Uint8Array(0);
/** The octets before those in `output`, where those did not fit: the first `movedOut` of `large`. */
let large = NO_BYTES;
let movedOut = 0;

/** An output was begun and not finished: an exception (no memory, say) may have left counts. */
let unfinished = false;

/** Starts a new output. Must be called before the first literal or match. */
export function beginOutput(): void {
  at = 0;
  bits = 0;
  bitCount = 0;
  large = NO_BYTES;
  movedOut = 0;
  if (unfinished) {
    literalCounts.fill(0);
    distanceCounts.fill(0);
    codeLengthFrequencies.fill(0);
  }
  unfinished = true;
}

/** What came out: the first `length` of `bytes`, through `view` too. To be copied, or read, before the next output is begun. */
export interface Compressed {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
}

/** One for all that fits the shared memory: to make a typed array of the right length costs 50 ns. */
const compressed: Compressed = { bytes: output, view, length: 0 };

/** Ends with an empty stored block, 00 00 FF FF after the header's bits (RFC 7692 §7.2.1 steps 1-2). */
export function finishOutput(): Compressed {
  reserve(10);
  writeBits(0, 3);
  alignToByte();
  view.setInt32(at, 0xffff_0000 | 0, true);
  at += 4;
  unfinished = false;
  if (movedOut > 0) {
    moveOut();
    const bytes = large;
    large = NO_BYTES; // what has grown is not remembered
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length: movedOut };
  }
  compressed.length = at;
  return compressed;
}

/**
 * Writes the first `count` of `matches`, each behind its literals, and the literals behind the last: they stand for
 * `work[start..end)`. The frequencies are zero afterwards (`makeCode`). An end-of-block symbol is added here.
 */
export function writeBlock(count: number, start: number, end: number): void {
  literalCounts[256] = 1;
  const dynamicBits = prepareDynamic() + extraBits;
  const fixedBits = fixedCodeBits + extraBits;
  const length = end - start;
  const storedBits = (length + 5 * Math.ceil(length / 65_535)) * 8;

  if (storedBits <= fixedBits && storedBits <= dynamicBits) {
    writeStored(start, end);
  } else if (fixedBits <= dynamicBits) {
    reserve((fixedBits >> 3) + 1);
    writeBits(2, 3);
    writeMatches(count, start, end, FIXED);
  } else {
    reserve((dynamicBits >> 3) + 1);
    writeBits(4, 3);
    writeCodes();
    writeMatches(count, start, end, 0);
  }
}

/**
 * Makes room for `bytes` more, and the slack that stores of 4 octets need. A block is never too large for empty memory: it has no
 * more bits than with fixed codes, and so at most 31 for each literal or match: 64 KiB.
 */
function reserve(bytes: number): void {
  if (at + bytes > DEFLATE_LIMITS.sharedOutputBytes) moveOut();
}

/** Moves all whole octets to `large`, which grows to twice what it has to hold. */
function moveOut(): void {
  const needed = movedOut + at;
  if (needed > large.length) {
    const larger = new Uint8Array(needed * 2);
    larger.set(large.subarray(0, movedOut));
    large = larger;
  }
  large.set(output.subarray(0, at), movedOut);
  movedOut = needed;
  at = 0;
}

/** Up to 16 bits, least significant first. */
function writeBits(value: number, n: number): void {
  bits |= value << bitCount;
  bitCount += n;
  view.setInt32(at, bits, true);
  at += bitCount >> 3;
  bits = (bits >>> (bitCount & 24)) | 0;
  bitCount &= 7;
}

function alignToByte(): void {
  if (bitCount > 0) output[at++] = bits;
  bits = 0;
  bitCount = 0;
}

/** §3.2.4. */
function writeStored(start: number, end: number): void {
  for (let from = start; from < end; from += 65_535) {
    const length = Math.min(65_535, end - from);
    reserve(length + 6);
    writeBits(0, 3);
    alignToByte();
    view.setUint16(at, length, true);
    view.setUint16(at + 2, ~length, true);
    output.set(plain.subarray(from, from + length), at + 4);
    at += 4 + length;
  }
}

let literalCount = 0;
let distanceCount = 0;
let codeLengthCount = 0;
let lengthTokenCount = 0;

/** What the block has in fixed codes, and in extra bits of matches in whichever codes. */
let fixedCodeBits = 0;
let extraBits = 0;

/**
 * Chooses the codes of a dynamic block (§3.2.7) and answers its size in bits, but for the extra bits of matches. On the way
 * through the symbols that occur, `fixedCodeBits` and `extraBits` are counted.
 */
function prepareDynamic(): number {
  fixedCodeBits = 3;
  extraBits = 0;
  let size = 3 + 14;
  let usedCount = makeCode(literalCounts, 286, MAX_LITERAL_BITS, literalLengths, literalCodes);
  for (let i = 0; i < usedCount; i++) {
    const frequency = used[i]! >> 9;
    const symbol = used[i]! & 511;
    size += frequency * literalLengths[symbol]!;
    fixedCodeBits += frequency * fixedLiteralLengths[symbol]!;
    extraBits += frequency * lengthExtra[symbol]!;
  }
  // The end of the block, 256, always occurs.
  literalCount = (used[usedCount - 1]! & 511) + 1;
  usedCount = makeCode(distanceCounts, 30, MAX_DISTANCE_BITS, distanceLengths, distanceCodes);
  for (let i = 0; i < usedCount; i++) {
    const frequency = used[i]! >> 9;
    const symbol = used[i]! & 511;
    size += frequency * distanceLengths[symbol]!;
    fixedCodeBits += frequency * 5;
    extraBits += frequency * distanceExtra[symbol]!;
  }
  distanceCount = usedCount === 0 ? 1 : (used[usedCount - 1]! & 511) + 1;

  for (let i = 0; i < distanceCount; i++) literalLengths[literalCount + i] = distanceLengths[i]!;
  size += runLengths(literalLengths, literalCount + distanceCount);
  usedCount = makeCode(codeLengthFrequencies, 19, MAX_CODE_LENGTH_CODE_BITS, codeLengthLengths, codeLengthCodes);
  for (let i = 0; i < usedCount; i++) size += (used[i]! >> 9) * codeLengthLengths[used[i]! & 511]!;
  codeLengthCount = 19;
  while (codeLengthCount > 4 && codeLengthLengths[CODE_LENGTH_ORDER[codeLengthCount - 1]!] === 0) codeLengthCount--;
  return size + codeLengthCount * 3;
}

/** Turns code lengths into `lengthTokens` (§3.2.7) with their frequencies; answers the sum of their extra bits. */
function runLengths(lengths: Uint8Array, count: number): number {
  let n = 0;
  let extraBits = 0;
  for (let i = 0; i < count; ) {
    const length = lengths[i]!;
    let run = i + 1;
    while (run < count && lengths[run] === length) run++;
    run -= i;
    i += run;
    if (length === 0) {
      for (; run >= 11; ) {
        const taken = Math.min(run, 138);
        lengthTokens[n++] = ((taken - 11) << 5) | 18;
        codeLengthFrequencies[18]!++;
        extraBits += 7;
        run -= taken;
      }
      if (run >= 3) {
        lengthTokens[n++] = ((run - 3) << 5) | 17;
        codeLengthFrequencies[17]!++;
        extraBits += 3;
        run = 0;
      }
    } else if (run >= 4) {
      lengthTokens[n++] = length;
      codeLengthFrequencies[length]!++;
      run--;
      for (; run >= 3; ) {
        const taken = Math.min(run, 6);
        lengthTokens[n++] = ((taken - 3) << 5) | 16;
        codeLengthFrequencies[16]!++;
        extraBits += 2;
        run -= taken;
      }
    }
    codeLengthFrequencies[length]! += run;
    for (; run > 0; run--) lengthTokens[n++] = length;
  }
  lengthTokenCount = n;
  return extraBits;
}

/** §3.2.7: the header of a dynamic block, as `prepareDynamic` left it. */
function writeCodes(): void {
  writeBits((literalCount - 257) | ((distanceCount - 1) << 5) | ((codeLengthCount - 4) << 10), 14);
  const out = view;
  let b = bits | 0;
  let n = bitCount | 0;
  let o = at | 0;
  for (let i = 0; i < codeLengthCount; i++) {
    b |= codeLengthLengths[CODE_LENGTH_ORDER[i]!]! << n;
    n += 3;
    out.setInt32(o, b, true);
    o += n >> 3;
    b = (b >>> (n & 24)) | 0;
    n &= 7;
  }
  // At most 7 bits of a code and 7 of a repetition behind fewer than 8.
  for (let i = 0; i < lengthTokenCount; i++) {
    const token = lengthTokens[i]!;
    const symbol = token & 31;
    const code = codeLengthCodes[symbol]!;
    b |= (code >> 4) << n;
    n += code & 15;
    b |= (token >> 5) << n;
    n += codeLengthExtra[symbol]!;
    out.setInt32(o, b, true);
    o += n >> 3;
    b = (b >>> (n & 24)) | 0;
    n &= 7;
  }
  at = o;
  bits = b;
  bitCount = n;
}

/**
 * §3.2.3: literals, matches and the end of the block, in the codes from `base` on. Longer than a screen: the bits and their count stay
 * in local variables from the first to the last.
 */
function writeMatches(count: number, start: number, end: number, base: number): void {
  // `| 0`: see `inflate.ts`.
  const distances = (base + DISTANCES) | 0;
  let b = bits | 0;
  let n = bitCount | 0;
  let o = at | 0;
  let i = start | 0;
  // Fewer than 8 bits wait before each store, and at most 24 are added: see `MAX_LITERAL_BITS`. Storing every time costs less than
  // asking whether it is necessary yet, which no branch predictor knows.
  for (let next = 0; ; next++) {
    const stop = next < count ? (i + runsBefore[next]!) | 0 : end | 0;
    // Two literals a turn, the first turn always, and those that are none as codes of no bits: how many there are between two
    // matches no branch predictor knows, and so the most frequent numbers, 0 to 2, are one case.
    do {
      const first = codes[(base + plain[i]!) | 0]! & ((i - stop) >> 31);
      const second = codes[(base + plain[i + 1]!) | 0]! & ((i + 1 - stop) >> 31);
      b |= ((first >> 4) | ((second >> 4) << (first & 15))) << n;
      n = (n + (first & 15) + (second & 15)) | 0;
      view.setInt32(o, b, true);
      o = (o + (n >> 3)) | 0;
      b = (b >>> (n & 24)) | 0;
      n &= 7;
      i = (i + 2) | 0;
    } while (i < stop);
    if (next >= count) break;
    const match = written[next]!;
    const length = (match >> 15) & 255;
    i = (stop + length + 3) | 0;
    const parts = lengthParts[length]!;
    let code = codes[(base + (parts & 511)) | 0]!;
    let codeBits = code & 15;
    b |= ((code >> 4) | (((parts >> 9) & 31) << codeBits)) << n;
    n = (n + codeBits + (parts >> 14)) | 0;
    view.setInt32(o, b, true);
    o = (o + (n >> 3)) | 0;
    b = (b >>> (n & 24)) | 0;
    n &= 7;
    const symbol = match >> 23;
    code = codes[(distances + symbol) | 0]!;
    codeBits = code & 15;
    const part = distanceParts[symbol]!;
    b |= ((code >> 4) | (((match & 0x7fff) - (part & 0xffff)) << codeBits)) << n;
    n = (n + codeBits + (part >> 16)) | 0;
    view.setInt32(o, b, true);
    o = (o + (n >> 3)) | 0;
    b = (b >>> (n & 24)) | 0;
    n &= 7;
  }
  const code = codes[base + 256]!;
  b |= (code >> 4) << n;
  n += code & 15;
  view.setInt32(o, b, true);
  at = o + (n >> 3);
  bits = b >>> (n & 24);
  bitCount = n & 7;
}
