/**
 * Decompresses raw DEFLATE data (RFC 1951), whole, synchronously, under a bound on the output.
 *
 * Knows blocks, literals and matches; must never know messages, frames or sockets. Every malformed stream ends in an
 * `InflateError` with a stable code. Bits come from `block-reader.ts`. Plaintext grows in `output`, 96 KiB of this module's that all
 * callers share (one call at a time, synchronous); only the result is allocated per call, and what does not fit `output`.
 * Sections: RFC 1951 §3.2 (format), RFC 7692 §7.2.2-7.2.3 (how a message ends). Read next: `block-reader.ts`, then `huffman-table.ts`.
 */

import { allocate } from '../bytes/allocate.ts';
import { DEFLATE_LIMITS } from '../limits.ts';
import {
  BETWEEN_BLOCKS,
  block,
  codes,
  endBlock,
  FIXED_BLOCK,
  inflateInput,
  inflateInputView,
  loadHeader,
  loadInput,
  moreBlocks,
  readBlockHeader,
  reader,
  STORED_BLOCK,
  SUSPENDED,
  truncated,
} from './block-reader.ts';
import {
  DECODE_TABLES,
  DISTANCES_AT,
  ENTRY_END,
  ENTRY_INVALID,
  ENTRY_LITERAL,
  ENTRY_SPECIAL,
  FIXED_DISTANCE_BITS,
  FIXED_DISTANCES_AT,
  FIXED_LITERAL_BITS,
  FIXED_LITERALS_AT,
  LITERALS_AT,
} from './huffman-table.ts';
import { fail } from './inflate-error.ts';

// An imported constant is loaded and checked at every use; one of this module is folded into the loops.
const tables = DECODE_TABLES;
const input = inflateInput;
const inputView = inflateInputView;
const SPECIAL = ENTRY_SPECIAL;
const END = ENTRY_END;
const INVALID = ENTRY_INVALID;
const LITERAL = ENTRY_LITERAL;

/** What `inflate` needs to know besides the data. */
export interface InflateOptions {
  /** Bytes of plaintext at most, the dictionary not counted; one more is refused with `INFLATE_TOO_LARGE`. */
  readonly maxOutputBytes: number;
  /** Plaintext that came before; distances may reach into its last 32,768 bytes. Only read, and only during the call. */
  readonly dictionary?: Uint8Array | undefined;
  /**
   * The sender removed the octets 00 00 FF FF from the end (RFC 7692 §7.2.1 step 3): decode as if they were there,
   * without the caller having to append them (§7.2.2 step 1). Default false.
   */
  readonly tailRemoved?: boolean | undefined;
}

/** A literal, the longest match (§3.2.5) and the overshoot of a copy by words: what one turn may write past the limit checked before it. */
const OUTPUT_SLACK_BYTES = 1 + 258 + 12;
/** Positions are 32-bit integers; no `Uint8Array` of this size can be had on every platform anyway. */
const MAX_OUTPUT_BYTES = 0x7fff_0000;

/** A `Buffer`, so that text can be decoded from here without one being made for it. */
const output: Buffer = Buffer.allocUnsafeSlow(DEFLATE_LIMITS.sharedOutputBytes + OUTPUT_SLACK_BYTES);
const outputView: DataView = new DataView(output.buffer);
const NO_BYTES = new Uint8Array(0);
// The state of the call under way. The loops keep copies in locals.
/** Bytes in `output`; those before them that no longer fitted are the first `movedOut` of `large`. */
let written = 0;
let movedOut = 0;
let large: Uint8Array = NO_BYTES;
let maxOutput = 0;
let dictionary: Uint8Array = NO_BYTES;
const TURN_INPUT_BYTES = 16;
/** The OR of the table entries of all literals, and `NOT_ASCII` where octets came from elsewhere unseen. */
let seen = 0;
/** The top bit of a literal in its table entry. */
const NOT_ASCII = 0x80 << 16;

/**
 * Decompresses raw DEFLATE data that ends with a final block or, as after a sync flush, on a block boundary (§3.2.3).
 * Data may go on after a final block at the next byte boundary (RFC 7692 §7.2.3.4): it is decoded as well.
 *
 * @returns the plaintext in fresh memory that is the caller's own.
 * @throws InflateError for any malformed or too large data; nothing else, once the options are valid.
 */
export function inflate(compressed: Uint8Array, options: InflateOptions): Uint8Array {
  const { maxOutputBytes } = options;
  if (!Number.isSafeInteger(maxOutputBytes) || maxOutputBytes < 0) {
    throw new RangeError(`maxOutputBytes is ${maxOutputBytes}, must be a whole number from 0`);
  }
  const shared = inflateShared(compressed, maxOutputBytes, options.dictionary, options.tailRemoved === true);
  if (inflated.isOwn) return shared;
  const result = allocate(inflated.length);
  result.set(output.subarray(0, inflated.length));
  return result;
}

/**
 * What `inflateShared` found: how many bytes, whether all of them are known to be ASCII (false: perhaps), and whose they are.
 */
export const inflated: { length: number; isAscii: boolean; isOwn: boolean } = {
  length: 0,
  isAscii: false,
  isOwn: false,
};

/** As `inflate`, but what fits `output` is left there, to be read before the next call and never written. Options are not checked. */
export function inflateShared(
  compressed: Uint8Array,
  maxOutputBytes: number,
  past: Uint8Array | undefined,
  tailRemoved: boolean,
): Uint8Array {
  reader.source = compressed;
  reader.end = 0;
  return decode(compressed.length, maxOutputBytes, past, tailRemoved);
}

/** The same for the first `length` octets of `inflateInput`, at most `inputChunkBytes`, whose tail was removed. */
export function inflateInPlace(length: number, maxOutputBytes: number, past: Uint8Array | undefined): Uint8Array {
  reader.end = length;
  return decode(length, maxOutputBytes, past, true);
}

function decode(
  length: number,
  maxOutputBytes: number,
  past: Uint8Array | undefined,
  tailRemoved: boolean,
): Uint8Array {
  reader.inputLength = length;
  reader.sourceAt = 0;
  reader.tailDue = tailRemoved;
  reader.position = 0;
  reader.bits = 0;
  reader.bitCount = 0;
  block.kind = BETWEEN_BLOCKS;
  written = 0;
  movedOut = 0;
  seen = 0;
  maxOutput = Math.min(maxOutputBytes, MAX_OUTPUT_BYTES);
  dictionary = past ?? NO_BYTES;
  try {
    loadInput();
    while (moreBlocks()) {
      loadHeader();
      readBlockHeader();
      inflateBlock();
    }
    return result();
  } finally {
    // Nothing of the caller's is kept alive between calls.
    reader.source = NO_BYTES;
    dictionary = NO_BYTES;
    large = NO_BYTES;
  }
}

/** Says in `inflated` what came out, and answers it. */
function result(): Uint8Array {
  inflated.isAscii = (seen & NOT_ASCII) === 0;
  inflated.length = movedOut + written;
  inflated.isOwn = movedOut > 0;
  return movedOut === 0 ? output : takeLarge();
}

/** In `inflateStep`: a full `output` ends the step. */
let isStep = false;

/**
 * Decodes what `reader` and `block` are set to, until the input is used up or `output` full (`sharedOutputBytes` and a match). Then
 * they say where to go on: for `InflateStream`, which keeps that. Answers as `inflateShared`.
 */
export function inflateStep(past: Uint8Array): Uint8Array {
  written = 0;
  movedOut = 0;
  seen = 0;
  maxOutput = MAX_OUTPUT_BYTES;
  dictionary = past;
  isStep = true;
  let { bits, bitCount, position } = reader;
  loadInput();
  try {
    while (block.kind !== BETWEEN_BLOCKS || moreBlocks()) {
      if (block.kind === BETWEEN_BLOCKS) {
        loadHeader();
        ({ bits, bitCount, position } = reader);
        readBlockHeader();
      }
      inflateBlock();
    }
  } catch (error) {
    if (error !== SUSPENDED) throw error;
    // A header that is not whole is read again from its start.
    if (block.kind === BETWEEN_BLOCKS) Object.assign(reader, { bits, bitCount, position });
  } finally {
    isStep = false;
    dictionary = NO_BYTES;
  }
  return result();
}

/** The data of the block whose header has been read, and its end. */
function inflateBlock(): void {
  if (block.kind === STORED_BLOCK) copyStored();
  else if (block.kind === FIXED_BLOCK)
    inflateSymbols(FIXED_LITERALS_AT, FIXED_LITERAL_BITS, FIXED_DISTANCES_AT, FIXED_DISTANCE_BITS);
  else inflateSymbols(LITERALS_AT, codes.literalBits, DISTANCES_AT, codes.distanceBits);
  endBlock();
}

/** §3.2.4. */
function copyStored(): void {
  if (movedOut + written + block.storedLeft > maxOutput) tooLarge();
  if (block.storedLeft > 0) seen = NOT_ASCII;
  while (block.storedLeft > 0) {
    if (reader.position >= reader.end) {
      if (reader.sourceAt === reader.source.length && !reader.tailDue) truncated();
      loadInput();
    }
    if (written >= DEFLATE_LIMITS.sharedOutputBytes) moveOut();
    const taken = Math.min(block.storedLeft, reader.end - reader.position, DEFLATE_LIMITS.sharedOutputBytes - written);
    output.set(input.subarray(reader.position, reader.position + taken), written);
    reader.position += taken;
    written += taken;
    block.storedLeft -= taken;
  }
}

/**
 * §3.2.3: decodes literals and matches until the end-of-block symbol. Longer than a screen: bits, positions and the next table entry stay
 * in local variables from the first symbol to the last.
 */
function inflateSymbols(
  literalsAt: number,
  literalIndexBits: number,
  distancesAt: number,
  distanceIndexBits: number,
): void {
  const literalMask = (1 << literalIndexBits) - 1;
  const distanceMask = (1 << distanceIndexBits) - 1;
  // `| 0` tells the compiler that these stay 32-bit integers: without it they are boxed and checked at every step.
  let b = reader.bits | 0;
  let count = reader.bitCount | 0;
  let p = reader.position | 0;
  let o = written | 0;
  let or = seen | 0;
  // Up to here a turn needs no check: 16 octets of input cover its four loads, the slack covers its longest match.
  let inputLimit = (reader.end - TURN_INPUT_BYTES) | 0;
  let outputLimit = Math.min((maxOutput - movedOut) | 0, DEFLATE_LIMITS.sharedOutputBytes);

  // The next entry is looked up as early as its bits are known: the copy of a match does not have to wait for it, nor it for the copy.
  b |= inputView.getInt32(p, true) << count;
  p += (31 - count) >> 3;
  count |= 24;
  let entry = tables[literalsAt + (b & literalMask)]!;
  for (;;) {
    if (p > inputLimit) {
      if (reader.sourceAt < reader.source.length || reader.tailDue) {
        reader.bits = b;
        reader.bitCount = count;
        reader.position = p;
        loadInput();
        b = reader.bits | 0;
        count = reader.bitCount | 0;
        p = reader.position | 0;
        // `loadInput` took back what was in the bit buffer.
        b |= inputView.getInt32(p, true) << count;
        p += (31 - count) >> 3;
        count |= 24;
        inputLimit = (reader.end - TURN_INPUT_BYTES) | 0;
      } else if (p * 8 - count > reader.end * 8) truncated();
      else if (reader.isOpen) leaveAt(b, count, p, o, or); // from here on again if the input ends within what comes next
    }
    if (o > outputLimit) {
      if (o > maxOutput - movedOut) tooLarge();
      leaveAt(b, count, p, o, or);
      moveOut();
      o = written | 0;
      outputLimit = Math.min((maxOutput - movedOut) | 0, DEFLATE_LIMITS.sharedOutputBytes);
    }

    if ((entry & LITERAL) !== 0) {
      // A shift takes its count from the low five bits of the entry.
      b = (b >>> entry) | 0;
      count -= entry & 31;
      output[o] = entry >>> 16;
      o = (o + 1) | 0;
      or |= entry;
      // At least 14 of 24 bits are left, and the index has 10 at most.
      entry = tables[literalsAt + (b & literalMask)]!;
      const isSecond = (entry & LITERAL) !== 0;
      if (isSecond) {
        b = (b >>> entry) | 0;
        count -= entry & 31;
        output[o] = entry >>> 16;
        o = (o + 1) | 0;
        or |= entry;
      }
      b |= inputView.getInt32(p, true) << count;
      p += (31 - count) >> 3;
      count |= 24;
      if (isSecond) {
        entry = tables[literalsAt + (b & literalMask)]!;
        continue;
      }
    }
    if ((entry & SPECIAL) !== 0) {
      if ((entry & END) !== 0) {
        b = (b >>> entry) | 0;
        count -= entry & 31;
        break;
      }
      if ((entry & INVALID) !== 0) badSymbol(p, count - (entry & 31), 'literal/length');
      // The rest of a code longer than the primary table's index is looked up in a table of its own.
      b = (b >>> literalIndexBits) | 0;
      count -= literalIndexBits;
      entry = tables[(entry >>> 16) + (b & ((1 << ((entry >>> 8) & 15)) - 1))]!;
      if ((entry & SPECIAL) !== 0) {
        if ((entry & INVALID) !== 0) badSymbol(p, count - (entry & 31), 'literal/length');
        b = (b >>> entry) | 0;
        count -= entry & 31;
        break;
      }
      if ((entry & LITERAL) !== 0) {
        b = (b >>> entry) | 0;
        count -= entry & 31;
        output[o++] = entry >>> 16;
        or |= entry;
        b |= inputView.getInt32(p, true) << count;
        p += (31 - count) >> 3;
        count |= 24;
        entry = tables[literalsAt + (b & literalMask)]!;
        continue;
      }
    }
    b = (b >>> entry) | 0;
    count -= entry & 31;

    // §3.2.5: a length, its extra bits, a distance code, its extra bits. At most 20 of 24 bits are used: 4 are left for 5.
    let extra = (entry >>> 8) & 15;
    const length = (entry >>> 16) + (b & ((1 << extra) - 1));
    b = (b >>> extra) | 0;
    count -= extra;

    b |= inputView.getInt32(p, true) << count;
    p += (31 - count) >> 3;
    count |= 24;
    entry = tables[distancesAt + (b & distanceMask)]!;
    if ((entry & SPECIAL) !== 0) {
      if ((entry & INVALID) !== 0) badSymbol(p, count - (entry & 31), 'distance');
      b = (b >>> distanceIndexBits) | 0;
      count -= distanceIndexBits;
      entry = tables[(entry >>> 16) + (b & ((1 << ((entry >>> 8) & 15)) - 1))]!;
      if ((entry & INVALID) !== 0) badSymbol(p, count - (entry & 31), 'distance');
    }
    b = (b >>> entry) | 0;
    count -= entry & 31;
    extra = (entry >>> 8) & 15;
    if (count < extra) {
      b |= inputView.getInt32(p, true) << count;
      p += (31 - count) >> 3;
      count |= 24;
    }
    const distance = (entry >>> 16) + (b & ((1 << extra) - 1));
    b = (b >>> extra) | 0;
    count -= extra;

    b |= inputView.getInt32(p, true) << count;
    p += (31 - count) >> 3;
    count |= 24;
    entry = tables[literalsAt + (b & literalMask)]!;

    const end = o + length;
    let from = o - distance;
    if (from < 0) {
      from = (from + dictionary.length) | 0;
      if (from < 0) tooFar(p, count, distance, o);
      or |= NOT_ASCII;
      const stop = Math.min(dictionary.length | 0, (from + length) | 0);
      while (from < stop) output[o++] = dictionary[from++]!;
      from = 0;
    }
    if (distance >= 4) {
      // Twelve bytes at once, which most matches are within, then four at a time: what is too much lies in the slack or is
      // written over next.
      outputView.setInt32(o, outputView.getInt32(from, true), true);
      outputView.setInt32(o + 4, outputView.getInt32(from + 4, true), true);
      outputView.setInt32(o + 8, outputView.getInt32(from + 8, true), true);
      for (o += 12, from += 12; o < end; o += 4, from += 4) {
        outputView.setInt32(o, outputView.getInt32(from, true), true);
      }
      o = end;
    } else {
      while (o < end) output[o++] = output[from++]!;
    }
  }

  if (p * 8 - count > reader.end * 8) truncated();
  leaveAt(b, count, p, o, or);
  if (o > maxOutput - movedOut) tooLarge();
}

/** Puts back what `inflateSymbols` has in locals. */
function leaveAt(bits: number, bitCount: number, position: number, at: number, or: number): void {
  reader.bits = bits;
  reader.bitCount = bitCount;
  reader.position = position;
  written = at;
  seen = or;
}

/** What distances may reach back (§3.2.5), and what stays in `output`. */
const WINDOW_BYTES = 32_768;

/**
 * Makes room in `output`: all but the last 32 KiB moves to `large`.
 * Choice: `large` grows fourfold, or at once to the bound when that would pass half of it. What is touched of old and new memory
 * together then stays within the bound: fresh memory is committed only when it is touched.
 */
function moveOut(): void {
  if (isStep) throw SUSPENDED;
  const moved = written - WINDOW_BYTES;
  const needed = movedOut + written;
  if (needed > large.length) {
    let size = needed * 4;
    if (size > maxOutput / 2) size = maxOutput;
    const larger = allocate(size);
    larger.set(large.subarray(0, movedOut));
    large = larger;
  }
  large.set(output.subarray(0, moved), movedOut);
  movedOut += moved;
  output.copyWithin(0, moved, written);
  written = WINDOW_BYTES;
}

/** Plaintext of which a part has been moved out, in memory of its own: a copy, or `large` itself when at least half of it is used. */
function takeLarge(): Uint8Array {
  const length = movedOut + written;
  let result = large;
  if (length > large.length || length * 2 < large.length) {
    result = allocate(length);
    result.set(large.subarray(0, movedOut));
  }
  result.set(output.subarray(0, written), movedOut);
  return result.subarray(0, length);
}

function tooLarge(): never {
  fail('INFLATE_TOO_LARGE', `output exceeds the limit of ${maxOutput} bytes`);
}

/** Bits past the end of the input decide nothing: what they look like is a truncated stream. */
function badSymbol(p: number, count: number, alphabet: string): never {
  if (p * 8 - count > reader.end * 8) truncated();
  fail('INFLATE_BAD_SYMBOL', `${alphabet} code stands for no symbol (RFC 1951 §3.2.5)`);
}

function tooFar(p: number, count: number, distance: number, o: number): never {
  if (p * 8 - count > reader.end * 8) truncated();
  fail(
    'INFLATE_DISTANCE_TOO_FAR',
    `distance is ${distance}, only ${movedOut + o + dictionary.length} bytes came before (RFC 1951 §3.2.3)`,
  );
}
