/**
 * Writes blocks (RFC 1951 §3.2.3-3.2.7): literals and matches in, bits out, in whichever of the three forms is shortest.
 *
 * The matcher appends to `tokens` and counts in `literalFrequencies` and `distanceFrequencies`; `writeBlock` chooses by
 * exact cost in bits, writes, and clears the counts. Output collects in memory of this module until `finishOutput`. The size
 * of a block is known before it is written, so the loops that write need no bounds.
 * Never final blocks: a message ends with an empty stored block (RFC 7692 §7.2.1). Read next: `deflate.ts`.
 */

import { DEFLATE_LIMITS } from '../limits.ts';
import { codesOf, MAX_CODE_BITS, MAX_CODE_LENGTH_CODE_BITS, makeCode, usedSymbols } from './huffman-code.ts';
import { DISTANCE_BASE, DISTANCE_EXTRA_BITS, LENGTH_BASE, LENGTH_EXTRA_BITS } from './huffman-table.ts';

/** Tokens of one block at most, what one turn of a matcher adds included. zlib has 16,383. */
export const MAX_BLOCK_TOKENS = 16_384;
/** A literal is its octet. A match is `distance << 9 | MATCH | length - 3`. */
export const MATCH = 256;
export const tokens: Int32Array = new Int32Array(MAX_BLOCK_TOKENS);
/** How often each symbol occurs among `tokens`: for matches the matcher looks symbols up below. */
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
const written = tokens;
const literalCounts = literalFrequencies;
const distanceCounts = distanceFrequencies;
const distanceSymbols = DISTANCE_SYMBOLS;

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
const fixedLiteralCodes = codesOf(fixedLiteralLengths, MAX_CODE_BITS);
const fixedDistanceCodes = codesOf(new Uint8Array(30).fill(5), MAX_CODE_BITS);

/** Lengths of both alphabets side by side once they are chosen, as they are sent (§3.2.7). */
const literalLengths = new Uint8Array(286 + 30);
const distanceLengths = new Uint8Array(30);
/** `code << 4 | length`, as `makeCode` makes them. */
const literalCodes = new Int32Array(286);
const distanceCodes = new Int32Array(30);

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
const sharedOutput = new Uint8Array(DEFLATE_LIMITS.sharedOutputBytes + OUTPUT_SLACK_BYTES);
const sharedView = new DataView(sharedOutput.buffer);
let output = sharedOutput;
let view = sharedView;
/** Whole octets written; `bitCount` (0-7) bits of `bits` come next. */
let at = 0;
let bits = 0;
let bitCount = 0;

/** An output was begun and not finished: an exception (no memory, say) may have left counts. */
let unfinished = false;

/** Starts a new output. Must be called before the first token. */
export function beginOutput(): void {
  output = sharedOutput;
  view = sharedView;
  at = 0;
  bits = 0;
  bitCount = 0;
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
const compressed: Compressed = { bytes: sharedOutput, view: sharedView, length: 0 };

/** Ends with an empty stored block, 00 00 FF FF after the header's bits (RFC 7692 §7.2.1 steps 1-2). */
export function finishOutput(): Compressed {
  reserve(10);
  writeBits(0, 3);
  alignToByte();
  view.setInt32(at, 0xffff_0000 | 0, true);
  at += 4;
  unfinished = false;
  if (output !== sharedOutput) {
    const grown = { bytes: output, view, length: at };
    output = sharedOutput; // what has grown is not remembered
    view = sharedView;
    return grown;
  }
  compressed.length = at;
  return compressed;
}

/**
 * Writes the first `count` of `tokens`, which stand for `plain[start..end)`. The frequencies are zero afterwards (`makeCode`).
 * An end-of-block symbol is added here.
 */
export function writeBlock(count: number, plain: Uint8Array, start: number, end: number): void {
  literalCounts[256] = 1;
  const dynamicBits = prepareDynamic() + extraBits;
  const fixedBits = fixedCodeBits + extraBits;
  const length = end - start;
  const storedBits = (length + 5 * Math.ceil(length / 65_535)) * 8;

  if (storedBits <= fixedBits && storedBits <= dynamicBits) {
    reserve((storedBits >> 3) + 1);
    writeStored(plain, start, end);
  } else if (fixedBits <= dynamicBits) {
    reserve((fixedBits >> 3) + 1);
    writeBits(2, 3);
    writeTokens(count, fixedLiteralCodes, fixedDistanceCodes);
  } else {
    reserve((dynamicBits >> 3) + 1);
    writeBits(4, 3);
    writeCodes();
    writeTokens(count, literalCodes, distanceCodes);
  }
}

/** Makes room for `bytes` more, and the slack that stores of 4 octets need. */
function reserve(bytes: number): void {
  const needed = at + bytes + OUTPUT_SLACK_BYTES;
  if (needed <= output.length) return;
  const larger = new Uint8Array(Math.max(needed, output.length * 2));
  larger.set(output.subarray(0, at));
  output = larger;
  view = new DataView(larger.buffer);
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
function writeStored(plain: Uint8Array, start: number, end: number): void {
  for (let from = start; from < end; from += 65_535) {
    const length = Math.min(65_535, end - from);
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
  let usedCount = makeCode(literalCounts, 286, MAX_CODE_BITS, literalLengths, literalCodes);
  for (let i = 0; i < usedCount; i++) {
    const frequency = used[i]! >> 9;
    const symbol = used[i]! & 511;
    size += frequency * literalLengths[symbol]!;
    fixedCodeBits += frequency * fixedLiteralLengths[symbol]!;
    extraBits += frequency * lengthExtra[symbol]!;
  }
  // The end of the block, 256, always occurs.
  literalCount = (used[usedCount - 1]! & 511) + 1;
  usedCount = makeCode(distanceCounts, 30, MAX_CODE_BITS, distanceLengths, distanceCodes);
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

/** §3.2.3: the tokens and the end of the block. Codes are `code << 4 | length`. */
function writeTokens(count: number, literalCodes: Int32Array, distanceCodes: Int32Array): void {
  const out = view;
  // `| 0`: see `inflate.ts`.
  let b = bits | 0;
  let n = bitCount | 0;
  let o = at | 0;
  // Fewer than 8 bits wait, and at most 20 are added before they are stored again: a length's code and its extra bits. Storing
  // every time costs less than asking whether it is necessary yet, which no branch predictor knows.
  for (let i = 0; i < count; i++) {
    const token = written[i]!;
    if (token < 256) {
      const code = literalCodes[token]!;
      b |= (code >> 4) << n;
      n += code & 15;
    } else {
      const length = lengthParts[token & 255]!;
      let code = literalCodes[length & 511]!;
      b |= (code >> 4) << n;
      n += code & 15;
      b |= ((length >> 9) & 31) << n;
      n += length >> 14;
      out.setInt32(o, b, true);
      o += n >> 3;
      b = (b >>> (n & 24)) | 0;
      n &= 7;
      const distance = token >> 9;
      const symbol = distanceSymbols[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7)]!;
      code = distanceCodes[symbol]!;
      b |= (code >> 4) << n;
      n += code & 15;
      out.setInt32(o, b, true);
      o += n >> 3;
      b = (b >>> (n & 24)) | 0;
      n &= 7;
      const part = distanceParts[symbol]!;
      b |= (distance - (part & 0xffff)) << n;
      n += part >> 16;
    }
    out.setInt32(o, b, true);
    o += n >> 3;
    b = (b >>> (n & 24)) | 0;
    n &= 7;
  }
  const code = literalCodes[256]!;
  b |= (code >> 4) << n;
  n += code & 15;
  out.setInt32(o, b, true);
  at = o + (n >> 3);
  bits = b >>> (n & 24);
  bitCount = n & 7;
}
