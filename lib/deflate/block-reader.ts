/**
 * Reads what stands in front of a block's data: octets in, bits, block headers and decoding tables out (RFC 1951 §3.1.1, §3.2.3, §3.2.7).
 *
 * Compressed octets are copied into `input`, whose memory has a permanent `DataView`, at most 16 KiB at a time, or have been put there by
 * the caller. Bits are taken from a 32-bit buffer that is refilled 24-31 bits at a time by one unaligned load. One call at a
 * time, synchronous: everything is shared by all callers. Must not know what is decoded, or where to.
 * Sections: input, bits, the codes of a dynamic block. Read next: `inflate.ts`; `block-writer.ts` is the other direction.
 */

import { DEFLATE_LIMITS } from '../limits.ts';
import {
  buildDecodeTable,
  CODE_LENGTH_PRIMARY_BITS,
  CODE_LENGTHS_AT,
  DECODE_TABLES,
  DISTANCE_PRIMARY_BITS,
  DISTANCES_AT,
  fillDecodeTable,
  LITERAL_PRIMARY_BITS,
  LITERALS_AT,
  TABLE_INCOMPLETE,
  TABLE_OVERSUBSCRIBED,
  usedLengthCounts,
  usedSymbols,
} from './huffman-table.ts';
import { fail } from './inflate-error.ts';

// The compiler folds a constant of this module into the loops, but loads and checks an imported one at every use.
const tables = DECODE_TABLES;
const usedCodes = usedSymbols;
const lengthCounts = usedLengthCounts;
/** Lengths of the code length code of the block being read (§3.2.7). */
const codeLengths = new Uint8Array(19);
/** The order in which the lengths of the code length code are sent (§3.2.7). */
const CODE_LENGTH_ORDER = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

/** A load of 4 octets may begin up to 8 past the last octet of input before the end is noticed. */
const INPUT_SLACK_BYTES = 16;
/** A dynamic block's header has at most 17 + 19 × 3 + 316 × 14 bits. */
const MAX_BLOCK_HEADER_BYTES = 570;

/** Where a caller may put what is to be decoded. What is written there is gone with the next call. */
export const inflateInput: Uint8Array = new Uint8Array(DEFLATE_LIMITS.inputChunkBytes + 4 + INPUT_SLACK_BYTES);
export const inflateInputView: DataView = new DataView(inflateInput.buffer);
const input = inflateInput;
const inputView = inflateInputView;

const NO_BYTES = new Uint8Array(0);

/** Where the bits of the call under way come from. The loops keep copies in locals. */
export const reader: {
  source: Uint8Array;
  /** Octets of the whole. */
  inputLength: number;
  /** First octet of `source` not yet copied to `input`. */
  sourceAt: number;
  /** The removed tail is still to be supplied. */
  tailDue: boolean;
  /** `input[position..end)` is unread; `position` may pass `end` by what a load took too much. */
  position: number;
  end: number;
  /** The next bit of the stream is bit 0; `bitCount` bits count, those above are equal to what a refill will put there. */
  bits: number;
  bitCount: number;
  /** The end of the input is no fault: more will come. See `InflateStream`. */
  isOpen: boolean;
} = {
  source: NO_BYTES,
  inputLength: 0,
  sourceAt: 0,
  tailDue: false,
  position: 0,
  end: 0,
  bits: 0,
  bitCount: 0,
  isOpen: false,
};

/** Whether another block begins here: what is left when the input ends on a block boundary is less than a header's 3 bits. */
export function moreBlocks(): boolean {
  return (
    (reader.end - reader.position) * 8 + reader.bitCount >= 3 ||
    reader.sourceAt < reader.source.length ||
    reader.tailDue
  );
}

/** Returns whole octets that were loaded into the bit buffer to `input`. */
export function unloadBits(): void {
  reader.position -= reader.bitCount >> 3;
  reader.bitCount &= 7;
  reader.bits &= (1 << reader.bitCount) - 1;
}

/** Moves what is unread to the front of `input` and fills it up. */
export function loadInput(): void {
  unloadBits();
  const unread = reader.end - reader.position;
  if (unread > 0 && reader.position > 0) input.copyWithin(0, reader.position, reader.end);
  reader.position = 0;
  const taken = Math.min(DEFLATE_LIMITS.inputChunkBytes - unread, reader.source.length - reader.sourceAt);
  if (taken > 0)
    input.set(
      taken === reader.source.length ? reader.source : reader.source.subarray(reader.sourceAt, reader.sourceAt + taken),
      unread,
    );
  reader.sourceAt += taken;
  reader.end = unread + taken;
  if (reader.tailDue && reader.sourceAt === reader.source.length) {
    input[reader.end] = 0x00;
    input[reader.end + 1] = 0x00;
    input[reader.end + 2] = 0xff;
    input[reader.end + 3] = 0xff;
    reader.end += 4;
    reader.tailDue = false;
  }
}

/** Drops the rest of the current octet and returns whole loaded octets to `input`. */
function alignToByte(): void {
  reader.position -= reader.bitCount >> 3;
  reader.bitCount = 0;
  reader.bits = 0;
}

/** Takes 1 to 24 bits, least significant first (§3.1.1). */
function takeBits(n: number): number {
  reader.bits |= inputView.getInt32(reader.position, true) << reader.bitCount;
  reader.position += (31 - reader.bitCount) >> 3;
  reader.bitCount |= 24;
  const value = reader.bits & ((1 << n) - 1);
  reader.bits = (reader.bits >>> n) | 0;
  reader.bitCount -= n;
  if (reader.position * 8 - reader.bitCount > reader.end * 8) truncated();
  return value;
}

/** Thrown where a stream waits for more input, or for its output to be taken; never seen outside of this folder. */
export const SUSPENDED: Error = new Error('the stream goes on later');

/** Refuses data that ends too early. @throws InflateError, or `SUSPENDED` where more may come */
export function truncated(): never {
  if (reader.isOpen) throw SUSPENDED;
  fail('INFLATE_TRUNCATED', `input ends inside a block, after ${reader.inputLength} bytes (RFC 1951 §3.2.3)`);
}

/** Between two blocks; else one more than BTYPE (§3.2.3). */
export const BETWEEN_BLOCKS = 0;
export const STORED_BLOCK = 1;
export const FIXED_BLOCK = 2;
export const DYNAMIC_BLOCK = 3;

/** The block whose data is being read. */
export const block: {
  kind: number;
  /** BFINAL. */
  isFinal: boolean;
  /** Octets of a stored block still to come. */
  storedLeft: number;
} = { kind: BETWEEN_BLOCKS, isFinal: false, storedLeft: 0 };

/** A block's header of BFINAL and BTYPE, and what stands between it and its data (§3.2.3). `block` changes once all of it is there. */
export function readBlockHeader(): void {
  const header = takeBits(3);
  const type = header >> 1;
  if (type === 0) block.storedLeft = readStoredLength();
  else if (type === 2) readCodes();
  else if (type === 3) fail('INFLATE_BAD_BLOCK_TYPE', 'block type is 3, which is reserved (RFC 1951 §3.2.3)');
  block.isFinal = (header & 1) === 1;
  block.kind = type + 1;
}

/** RFC 7692 §7.2.3.4: what follows a final block begins at the next byte boundary. */
export function endBlock(): void {
  if (block.isFinal) alignToByte();
  block.kind = BETWEEN_BLOCKS;
}

/** Makes sure that a whole block header is in `input`, if the source has one. */
export function loadHeader(): void {
  const { end, position, source, sourceAt, tailDue } = reader;
  if (end - position < MAX_BLOCK_HEADER_BYTES && (sourceAt < source.length || tailDue)) loadInput();
}

/** §3.2.4: LEN and its complement, which begin at the next octet. */
function readStoredLength(): number {
  alignToByte();
  if (reader.end - reader.position < 4) truncated();
  const length = inputView.getUint16(reader.position, true);
  const complement = inputView.getUint16(reader.position + 2, true);
  if ((length ^ complement) !== 0xffff) {
    fail('INFLATE_STORED_LENGTH', `stored length is ${length} and its complement ${complement} (RFC 1951 §3.2.4)`);
  }
  reader.position += 4;
  return length;
}

/** Index bits of the tables at `LITERALS_AT` and `DISTANCES_AT` as `readCodes` built them. */
export const codes: { literalBits: number; distanceBits: number } = { literalBits: 0, distanceBits: 0 };

/**
 * §3.2.7: the header of a dynamic block, into the tables at `LITERALS_AT` and `DISTANCES_AT`. Longer than a screen: the bits
 * and their count stay in local variables from the first code length to the last.
 */
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

  let b = reader.bits | 0;
  let count = reader.bitCount | 0;
  let p = reader.position | 0;
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
    if (p * 8 - count > reader.end * 8) truncated();
    badCode('code length', built);
  }
  const mask = (1 << built) - 1;

  const total = literalCount + distanceCount;
  const inputLimit = reader.end - 8;
  for (let i = 0; i < 32; i++) lengthCounts[i] = 0;
  let used = 0;
  let previous = -1;
  let n = 0;
  while (n < total) {
    if (p > inputLimit && p * 8 - count > reader.end * 8) truncated();
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
      if (p * 8 - count > reader.end * 8) truncated();
      if (end > total) fail('INFLATE_BAD_REPEAT', `${end} code lengths, header says ${total} (RFC 1951 §3.2.7)`);
      fail('INFLATE_BAD_REPEAT', 'first code length is a repetition (RFC 1951 §3.2.7)');
    }
    if (previous === 0) n = end;
    for (; n < end; n++) {
      usedCodes[used++] = (previous << 9) | n;
      lengthCounts[n < literalCount ? previous : 16 + previous]!++;
    }
  }
  if (p * 8 - count > reader.end * 8) truncated();
  reader.bits = b;
  reader.bitCount = count;
  reader.position = p;

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
  codes.literalBits = built;
  built = fillDecodeTable(DISTANCES_AT, DISTANCE_PRIMARY_BITS, 'distance', literals, used, literalCount, 16);
  if (built < 0) badCode('distance', built);
  codes.distanceBits = built;
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
