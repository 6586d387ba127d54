/**
 * Decompresses raw DEFLATE data (RFC 1951), whole, synchronously, under a bound on the output.
 *
 * Knows bits, blocks and Huffman codes; must never know messages, frames or sockets. Every malformed stream ends in an
 * `InflateError` with a stable code. The decoder works in memory of this module (one call at a time, synchronous, so it
 * is shared by all callers): compressed octets are copied into `input`, whose memory has a permanent `DataView`, or have been put
 * there by the caller (`inflateInPlace`), and plaintext grows in `output`; only the result is allocated per call. Bits are taken from a 32-bit buffer that is
 * refilled 24-31 bits at a time by one unaligned load.
 * Sections: RFC 1951 §3.2 (format), RFC 7692 §7.2.2-7.2.3 (how a message ends). Read next: `huffman-table.ts`.
 */

import { allocate } from '../bytes/allocate.ts';
import { BarewireError } from '../errors.ts';
import { DEFLATE_LIMITS } from '../limits.ts';
import {
  buildDecodeTable,
  CODE_LENGTH_PRIMARY_BITS,
  CODE_LENGTHS_AT,
  DECODE_TABLES,
  DISTANCE_PRIMARY_BITS,
  DISTANCES_AT,
  ENTRY_END,
  ENTRY_INVALID,
  ENTRY_LITERAL,
  ENTRY_SPECIAL,
  FIXED_DISTANCE_BITS,
  FIXED_DISTANCES_AT,
  FIXED_LITERAL_BITS,
  FIXED_LITERALS_AT,
  fillDecodeTable,
  LITERAL_PRIMARY_BITS,
  LITERALS_AT,
  TABLE_INCOMPLETE,
  TABLE_OVERSUBSCRIBED,
  usedLengthCounts,
  usedSymbols,
} from './huffman-table.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const tables = DECODE_TABLES;
const SPECIAL = ENTRY_SPECIAL;
const END = ENTRY_END;
const INVALID = ENTRY_INVALID;
const LITERAL = ENTRY_LITERAL;

/** Why a stream was refused. */
export type InflateErrorCode =
  /** BTYPE is 11 (§3.2.3). */
  | 'INFLATE_BAD_BLOCK_TYPE'
  /** LEN and NLEN of a stored block are not complements (§3.2.4). */
  | 'INFLATE_STORED_LENGTH'
  /** HLIT above 286 or HDIST above 30 codes (§3.2.6-3.2.7). */
  | 'INFLATE_TOO_MANY_CODES'
  /** A repeat of code lengths without one before it, or past the last code (§3.2.7). */
  | 'INFLATE_BAD_REPEAT'
  /** More codes than their lengths have room for (§3.2.2). */
  | 'INFLATE_OVERSUBSCRIBED'
  /** Fewer codes than their lengths have room for (§3.2.2); one distance code of one bit is allowed (§3.2.7). */
  | 'INFLATE_INCOMPLETE'
  /** A dynamic block whose codes cannot end it (§3.2.5, §3.2.7). */
  | 'INFLATE_NO_END_OF_BLOCK'
  /** A code that stands for nothing: literal/length 286-287, distance 30-31, or the unused half of a one-code set (§3.2.5-3.2.7). */
  | 'INFLATE_BAD_SYMBOL'
  /** A distance before the start of the data and its dictionary (§3.2.3). */
  | 'INFLATE_DISTANCE_TOO_FAR'
  /** The input ends inside a block. */
  | 'INFLATE_TRUNCATED'
  /** `engine.ts` had zlib read the data, and zlib refused it. */
  | 'INFLATE_MALFORMED'
  /** The output exceeds `maxOutputBytes`. */
  | 'INFLATE_TOO_LARGE';

/** Compressed data that RFC 1951 forbids, or that unpacks to more than the caller's bound. */
export class InflateError extends BarewireError {
  declare readonly code: InflateErrorCode;

  constructor(code: InflateErrorCode, message: string) {
    super(code, message);
  }
}

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

/** Longest match (§3.2.5) and the overshoot of a copy by words: what one step may write past the limit checked before it. */
const OUTPUT_SLACK_BYTES = 258 + 12;
/** A load of 4 octets may begin up to 8 past the last octet of input before the end is noticed. */
const INPUT_SLACK_BYTES = 16;
/** A dynamic block's header has at most 17 + 19 × 3 + 316 × 14 bits. */
const MAX_BLOCK_HEADER_BYTES = 570;

/** Positions are 32-bit integers; no `Uint8Array` of this size can be had on every platform anyway. */
const MAX_OUTPUT_BYTES = 0x7fff_0000;

/** Where `inflateInPlace` finds what it decodes. What is written there is gone with the next call. */
export const inflateInput: Uint8Array = new Uint8Array(DEFLATE_LIMITS.inputChunkBytes + 4 + INPUT_SLACK_BYTES);
export const inflateInputView: DataView = new DataView(inflateInput.buffer);
const input = inflateInput;
const inputView = inflateInputView;
/** A `Buffer`, so that text can be decoded from here without one being made for it. */
const output: Buffer = Buffer.allocUnsafeSlow(DEFLATE_LIMITS.sharedOutputBytes + OUTPUT_SLACK_BYTES);
export const inflateOutputView: DataView = new DataView(output.buffer);
const outputView = inflateOutputView;
const NO_BYTES = new Uint8Array(0);

const usedCodes = usedSymbols;
const lengthCounts = usedLengthCounts;
/** Lengths of the code length code of the block being read (§3.2.7). */
const codeLengths = new Uint8Array(19);
/** The order in which the lengths of the code length code are sent (§3.2.7). */
const CODE_LENGTH_ORDER = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

// The state of the call under way. The loops keep copies in locals.
let source: Uint8Array = NO_BYTES;
/** Octets of the whole. */
let inputLength = 0;
/** First octet of `source` not yet copied to `input`. */
let sourceAt = 0;
/** The removed tail is still to be supplied. */
let tailDue = false;
/** `input[position..inputEnd)` is unread; `position` may pass `inputEnd` by what a load took too much. */
let position = 0;
let inputEnd = 0;
/** The next bit of the stream is bit 0; `bitCount` bits count, those above are equal to what a refill will put there. */
let bits = 0;
let bitCount = 0;
/** Bytes in `output`; those before them that no longer fitted are the first `movedOut` of `large`. */
let written = 0;
let movedOut = 0;
let large: Uint8Array = NO_BYTES;
let maxOutput = 0;
let dictionary: Uint8Array = NO_BYTES;
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
 * `calls` is raised when the memory of this module is about to be written: a result that lies in it is good for one value.
 */
export const inflated: { calls: number; length: number; isAscii: boolean; isOwn: boolean } = {
  calls: 0,
  length: 0,
  isAscii: false,
  isOwn: false,
};

/**
 * As `inflate`, but what fits the memory of this module is left there, the first `inflated.length` bytes of the result:
 * to be read before the next call, and never written. What does not fit is in memory of its own. Options are not checked.
 */
export function inflateShared(
  compressed: Uint8Array,
  maxOutputBytes: number,
  past: Uint8Array | undefined,
  tailRemoved: boolean,
): Uint8Array {
  source = compressed;
  inputEnd = 0;
  return decode(compressed.length, maxOutputBytes, past, tailRemoved);
}

/** The same for the first `length` octets of `inflateInput`, at most `inputChunkBytes`, whose tail was removed. */
export function inflateInPlace(length: number, maxOutputBytes: number, past: Uint8Array | undefined): Uint8Array {
  inputEnd = length;
  return decode(length, maxOutputBytes, past, true);
}

function decode(
  length: number,
  maxOutputBytes: number,
  past: Uint8Array | undefined,
  tailRemoved: boolean,
): Uint8Array {
  inflated.calls++;
  inputLength = length;
  sourceAt = 0;
  tailDue = tailRemoved;
  position = 0;
  bits = 0;
  bitCount = 0;
  written = 0;
  movedOut = 0;
  seen = 0;
  maxOutput = Math.min(maxOutputBytes, MAX_OUTPUT_BYTES);
  dictionary = past ?? NO_BYTES;
  try {
    loadInput();
    while (moreBlocks()) inflateBlock();
    inflated.isAscii = (seen & NOT_ASCII) === 0;
    inflated.length = movedOut + written;
    inflated.isOwn = movedOut > 0;
    return movedOut === 0 ? output : takeLarge();
  } finally {
    // Nothing of the caller's is kept alive between calls.
    source = NO_BYTES;
    dictionary = NO_BYTES;
    large = NO_BYTES;
  }
}

/** Whether another block begins here: what is left when the input ends on a block boundary is less than a header's 3 bits. */
function moreBlocks(): boolean {
  return (inputEnd - position) * 8 + bitCount >= 3 || sourceAt < source.length || tailDue;
}

/** Moves what is unread to the front of `input` and fills it up. */
function loadInput(): void {
  // Whole octets that were loaded into the bit buffer go back first.
  position -= bitCount >> 3;
  bitCount &= 7;
  bits &= (1 << bitCount) - 1;
  const unread = inputEnd - position;
  if (unread > 0 && position > 0) input.copyWithin(0, position, inputEnd);
  position = 0;
  const taken = Math.min(DEFLATE_LIMITS.inputChunkBytes - unread, source.length - sourceAt);
  if (taken > 0) input.set(taken === source.length ? source : source.subarray(sourceAt, sourceAt + taken), unread);
  sourceAt += taken;
  inputEnd = unread + taken;
  if (tailDue && sourceAt === source.length) {
    input[inputEnd] = 0x00;
    input[inputEnd + 1] = 0x00;
    input[inputEnd + 2] = 0xff;
    input[inputEnd + 3] = 0xff;
    inputEnd += 4;
    tailDue = false;
  }
}

/** One block: its header of BFINAL and BTYPE, and its data (§3.2.3). */
function inflateBlock(): void {
  if (inputEnd - position < MAX_BLOCK_HEADER_BYTES && (sourceAt < source.length || tailDue)) loadInput();
  const header = takeBits(3);
  const type = header >> 1;
  if (type === 0) {
    inflateStored();
  } else if (type === 1) {
    inflateSymbols(FIXED_LITERALS_AT, FIXED_LITERAL_BITS, FIXED_DISTANCES_AT, FIXED_DISTANCE_BITS);
  } else if (type === 2) {
    readCodes();
    inflateSymbols(LITERALS_AT, literalBits, DISTANCES_AT, distanceBits);
  } else {
    fail('INFLATE_BAD_BLOCK_TYPE', 'block type is 3, which is reserved (RFC 1951 §3.2.3)');
  }
  // RFC 7692 §7.2.3.4: what follows a final block begins at the next byte boundary.
  if ((header & 1) === 1) alignToByte();
}

/** Drops the rest of the current octet and returns whole loaded octets to `input`. */
function alignToByte(): void {
  position -= bitCount >> 3;
  bitCount = 0;
  bits = 0;
}

/** Takes 1 to 24 bits, least significant first (§3.1.1). */
function takeBits(n: number): number {
  bits |= inputView.getInt32(position, true) << bitCount;
  position += (31 - bitCount) >> 3;
  bitCount |= 24;
  const value = bits & ((1 << n) - 1);
  bits = (bits >>> n) | 0;
  bitCount -= n;
  if (position * 8 - bitCount > inputEnd * 8) truncated();
  return value;
}

/** §3.2.4: LEN, its complement, and LEN octets as they are. */
function inflateStored(): void {
  alignToByte();
  if (inputEnd - position < 4) truncated();
  const length = inputView.getUint16(position, true);
  const complement = inputView.getUint16(position + 2, true);
  if ((length ^ complement) !== 0xffff) {
    fail('INFLATE_STORED_LENGTH', `stored length is ${length} and its complement ${complement} (RFC 1951 §3.2.4)`);
  }
  position += 4;
  if (movedOut + written + length > maxOutput) tooLarge();
  if (length > 0) seen = NOT_ASCII;
  let left = length;
  while (left > 0) {
    if (position >= inputEnd) {
      if (sourceAt === source.length && !tailDue) truncated();
      loadInput();
    }
    if (written >= DEFLATE_LIMITS.sharedOutputBytes) moveOut();
    const taken = Math.min(left, inputEnd - position, DEFLATE_LIMITS.sharedOutputBytes - written);
    output.set(input.subarray(position, position + taken), written);
    position += taken;
    written += taken;
    left -= taken;
  }
}

/** Index bits of the tables at `LITERALS_AT` and `DISTANCES_AT` as `readCodes` built them. */
let literalBits = 0;
let distanceBits = 0;

/** §3.2.7: the header of a dynamic block, into the tables at `LITERALS_AT` and `DISTANCES_AT`. */
function readCodes(): void {
  const counts = takeBits(14);
  const literalCount = (counts & 31) + 257;
  const distanceCount = ((counts >> 5) & 31) + 1;
  const codeLengthCount = (counts >> 10) + 4;
  if (literalCount > 286 || distanceCount > 30) {
    fail(
      'INFLATE_TOO_MANY_CODES',
      `block has ${literalCount} literal and ${distanceCount} distance codes, limits 286 and 30 (RFC 1951 §3.2.7)`,
    );
  }

  let b = bits | 0;
  let count = bitCount | 0;
  let p = position | 0;
  for (let i = 0; i < 19; i++) codeLengths[i] = 0;
  for (let i = 0; i < codeLengthCount; i++) {
    if (count < 3) {
      b |= inputView.getInt32(p, true) << count;
      p += (31 - count) >> 3;
      count |= 24;
    }
    codeLengths[CODE_LENGTH_ORDER[i]!] = b & 7;
    b = (b >>> 3) | 0;
    count -= 3;
  }
  let built = buildDecodeTable(CODE_LENGTHS_AT, CODE_LENGTH_PRIMARY_BITS, 'code length', codeLengths, 0, 19);
  if (built < 0) {
    if (p * 8 - count > inputEnd * 8) truncated();
    badCode('code length', built);
  }
  const mask = (1 << built) - 1;

  const total = literalCount + distanceCount;
  const inputLimit = inputEnd - 8;
  for (let i = 0; i < 32; i++) lengthCounts[i] = 0;
  let used = 0;
  let previous = -1;
  let n = 0;
  while (n < total) {
    if (p > inputLimit && p * 8 - count > inputEnd * 8) truncated();
    b |= inputView.getInt32(p, true) << count;
    p += (31 - count) >> 3;
    count |= 24;
    const entry = tables[CODE_LENGTHS_AT + (b & mask)]!;
    b = (b >>> entry) | 0;
    count -= entry & 31;
    const symbol = entry >>> 16;
    if (symbol < 16) {
      previous = symbol;
      if (symbol !== 0) {
        usedCodes[used++] = (symbol << 9) | n;
        lengthCounts[n < literalCount ? symbol : 16 + symbol]!++;
      }
      n++;
      continue;
    }
    // 16: the previous length 3-6 times; 17: zero 3-10 times; 18: zero 11-138 times.
    const extra = symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
    const end = n + (b & ((1 << extra) - 1)) + (symbol === 18 ? 11 : 3);
    b = (b >>> extra) | 0;
    count -= extra;
    if (symbol > 16) previous = 0;
    if (previous < 0 || end > total) {
      if (p * 8 - count > inputEnd * 8) truncated();
      if (end > total) fail('INFLATE_BAD_REPEAT', `${end} code lengths, header says ${total} (RFC 1951 §3.2.7)`);
      fail('INFLATE_BAD_REPEAT', 'first code length is a repetition (RFC 1951 §3.2.7)');
    }
    if (previous === 0) n = end;
    for (; n < end; n++) {
      usedCodes[used++] = (previous << 9) | n;
      lengthCounts[n < literalCount ? previous : 16 + previous]!++;
    }
  }
  if (p * 8 - count > inputEnd * 8) truncated();
  bits = b;
  bitCount = count;
  position = p;

  // Distances come last, and before them the lengths, from 257 on.
  let literals = used;
  while (literals > 0 && (usedCodes[literals - 1]! & 511) >= literalCount) literals--;
  let last = literals - 1;
  while (last >= 0 && (usedCodes[last]! & 511) > 256) last--;
  if (last < 0 || (usedCodes[last]! & 511) !== 256) {
    fail('INFLATE_NO_END_OF_BLOCK', 'block has no code for its end, symbol 256 (RFC 1951 §3.2.7)');
  }
  built = fillDecodeTable(LITERALS_AT, LITERAL_PRIMARY_BITS, 'literal/length', 0, literals, 0, 0);
  if (built < 0) badCode('literal/length', built);
  literalBits = built;
  built = fillDecodeTable(DISTANCES_AT, DISTANCE_PRIMARY_BITS, 'distance', literals, used, literalCount, 16);
  if (built < 0) badCode('distance', built);
  distanceBits = built;
}

/** §3.2.3: decodes literals and matches until the end-of-block symbol. */
function inflateSymbols(
  literalsAt: number,
  literalIndexBits: number,
  distancesAt: number,
  distanceIndexBits: number,
): void {
  const literalMask = (1 << literalIndexBits) - 1;
  const distanceMask = (1 << distanceIndexBits) - 1;
  // `| 0` tells the compiler that these stay 32-bit integers: without it they are boxed and checked at every step.
  let b = bits | 0;
  let count = bitCount | 0;
  let p = position | 0;
  let o = written | 0;
  let or = seen | 0;
  // Up to here a turn needs no check: 12 octets of input cover its three loads, the slack covers its longest match.
  let inputLimit = (inputEnd - 12) | 0;
  let outputLimit = Math.min((maxOutput - movedOut) | 0, DEFLATE_LIMITS.sharedOutputBytes);

  // The next entry is looked up as early as its bits are known: the copy of a match does not have to wait for it, nor it for the copy.
  b |= inputView.getInt32(p, true) << count;
  p += (31 - count) >> 3;
  count |= 24;
  let entry = tables[literalsAt + (b & literalMask)]!;
  for (;;) {
    if (p > inputLimit) {
      if (sourceAt < source.length || tailDue) {
        bits = b;
        bitCount = count;
        position = p;
        loadInput();
        b = bits | 0;
        count = bitCount | 0;
        p = position | 0;
        // `loadInput` took back what was in the bit buffer.
        b |= inputView.getInt32(p, true) << count;
        p += (31 - count) >> 3;
        count |= 24;
        inputLimit = (inputEnd - 12) | 0;
      } else if (p * 8 - count > inputEnd * 8) truncated();
    }
    if (o > outputLimit) {
      if (o > maxOutput - movedOut) tooLarge();
      written = o;
      moveOut();
      o = written | 0;
      outputLimit = Math.min((maxOutput - movedOut) | 0, DEFLATE_LIMITS.sharedOutputBytes);
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
    }
    // A shift takes its count from the low five bits of the entry.
    b = (b >>> entry) | 0;
    count -= entry & 31;
    if ((entry & LITERAL) !== 0) {
      output[o++] = entry >>> 16;
      or |= entry;
      b |= inputView.getInt32(p, true) << count;
      p += (31 - count) >> 3;
      count |= 24;
      entry = tables[literalsAt + (b & literalMask)]!;
      continue;
    }

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

  bits = b;
  bitCount = count;
  position = p;
  written = o;
  seen = or;
  if (p * 8 - count > inputEnd * 8) truncated();
  if (o > maxOutput - movedOut) tooLarge();
}

/** What distances may reach back (§3.2.5), and what stays in `output`. */
const WINDOW_BYTES = 32_768;

/**
 * Makes room in `output`: all but the last 32 KiB moves to `large`.
 * Choice: `large` grows fourfold, or at once to the bound when that would pass half of it. What is touched of old and new memory
 * together then stays within the bound.
 */
function moveOut(): void {
  const moved = written - WINDOW_BYTES;
  const needed = movedOut + written;
  if (needed > large.length) {
    let size = needed * 4;
    if (size > maxOutput / 2) size = maxOutput;
    const larger = allocateLarge(size);
    larger.set(large.subarray(0, movedOut));
    large = larger;
  }
  large.set(output.subarray(0, moved), movedOut);
  movedOut += moved;
  output.copyWithin(0, moved, written);
  written = WINDOW_BYTES;
}

/** Uninitialised memory that the system commits only when it is touched. */
function allocateLarge(size: number): Uint8Array {
  const { buffer } = Buffer.allocUnsafeSlow(size);
  return new Uint8Array(buffer, 0, size);
}

/** Plaintext of which a part has been moved out, in memory of its own: a copy, or `large` itself when at least half of it is used. */
function takeLarge(): Uint8Array {
  const length = movedOut + written;
  let result = large;
  if (length > large.length || length * 2 < large.length) {
    result = allocateLarge(length);
    result.set(large.subarray(0, movedOut));
  }
  result.set(output.subarray(0, written), movedOut);
  return result.subarray(0, length);
}

function fail(code: InflateErrorCode, message: string): never {
  throw new InflateError(code, message);
}

function truncated(): never {
  fail('INFLATE_TRUNCATED', `input ends inside a block, after ${inputLength} bytes (RFC 1951 §3.2.3)`);
}

function tooLarge(): never {
  fail('INFLATE_TOO_LARGE', `output exceeds the limit of ${maxOutput} bytes`);
}

function badCode(alphabet: string, result: number): never {
  if (result === TABLE_OVERSUBSCRIBED) {
    fail('INFLATE_OVERSUBSCRIBED', `${alphabet} code lengths are over-subscribed (RFC 1951 §3.2.2)`);
  }
  if (result === TABLE_INCOMPLETE) {
    fail('INFLATE_INCOMPLETE', `${alphabet} code lengths are incomplete (RFC 1951 §3.2.2)`);
  }
  throw new RangeError(`no such result: ${result}`);
}

/** Bits past the end of the input decide nothing: what they look like is a truncated stream. */
function badSymbol(p: number, count: number, alphabet: string): never {
  if (p * 8 - count > inputEnd * 8) truncated();
  fail('INFLATE_BAD_SYMBOL', `${alphabet} code stands for no symbol (RFC 1951 §3.2.5)`);
}

function tooFar(p: number, count: number, distance: number, o: number): never {
  if (p * 8 - count > inputEnd * 8) truncated();
  fail(
    'INFLATE_DISTANCE_TOO_FAR',
    `distance is ${distance}, only ${movedOut + o + dictionary.length} bytes came before (RFC 1951 §3.2.3)`,
  );
}
