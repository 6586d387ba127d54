/**
 * Which DEFLATE does the work: our own codec for what is short, `node:zlib`'s one-shot calls for what is long.
 *
 * Both are synchronous and take and give the same: a flushed stream (RFC 7692 §7.2), fresh or behind a window of
 * plaintext. A call of zlib costs 8 to 30 µs before its first byte, and leaves memory outside of the heap for which V8 collects all of
 * it; per byte it mostly costs less than we do. From which size on it is used is in `COMPRESSION_DEFAULTS`. `node:zlib` appears in this file alone.
 * Read next: `../websocket/deflate.ts`.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { allocate } from '../bytes/allocate.ts';
import { decodeAscii, decodeUtf8, isValidUtf8 } from '../bytes/utf8.ts';
import { COMPRESSION_DEFAULTS, DEFLATE_LIMITS } from '../limits.ts';
import { inflateInput } from './block-reader.ts';
import type { Compressed } from './block-writer.ts';
import { deflateShared, ownCopy } from './deflate.ts';
import type { DeflateContext } from './deflate-context.ts';
import { inflated, inflateInPlace, inflateShared } from './inflate.ts';
import { InflateError } from './inflate-error.ts';

const {
  nativeDeflateFromBytes,
  nativeDeflateWithTakeoverFromBytes,
  nativeQuickDeflateFromBytes,
  nativeInflateFromBytes,
  nativeInflateWithTakeoverFromBytes,
} = COMPRESSION_DEFAULTS;

/** Room that `decompress` needs behind the compressed bytes for what it appends to them. */
export const DECOMPRESS_SPARE_BYTES = 6;

/** The octets that end a flushed stream and that permessage-deflate leaves out (RFC 7692 §7.2.1). */
export const FLUSH_TAIL_BYTES = 4;

/** The smallest window that zlib knows: it makes 9 of 8 without saying so, and what it then looks back is its own affair. */
const NATIVE_MIN_WINDOW_BITS = 9;

/**
 * Compresses to a flushed stream, which ends with 00 00 ff ff (RFC 7692 §7.2.1). Level 1-9; no back-reference reaches
 * further than 2^windowBits (8-15) bytes. With a `context` of the same two values references may reach into it; it is not
 * changed. The result is to be read before the next call, whose memory it may lie in.
 */
export function compressShared(
  plain: Uint8Array,
  level: number,
  windowBits: number,
  context: DeflateContext | undefined,
): Compressed {
  const native =
    level === 1
      ? nativeQuickDeflateFromBytes
      : context === undefined
        ? nativeDeflateFromBytes
        : nativeDeflateWithTakeoverFromBytes;
  if (plain.length < native || windowBits < NATIVE_MIN_WINDOW_BITS)
    return context === undefined ? deflateShared(plain, level, windowBits) : context.deflateShared(plain);
  // Choice: what is that long is compressed by itself, since to zlib a window costs more than it can save here.
  const bytes = deflateRawSync(plain, { level, windowBits, finishFlush: constants.Z_SYNC_FLUSH });
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length: bytes.length };
}

/** The same, in memory that is the caller's own. */
export function compress(plain: Uint8Array, level: number, windowBits: number): Uint8Array {
  const { bytes, length } = compressShared(plain, level, windowBits, undefined);
  return ownCopy(bytes, length);
}

/**
 * A payload of at most `PAYLOAD_MAX_BYTES` that is put here, through the view, is decompressed where it stands: of 130 octets that
 * saves 100 ns. It is gone with the next call.
 */
export { inflateInput as payloadMemory, inflateInputView as payloadView } from './block-reader.ts';
export const PAYLOAD_MAX_BYTES: number = DEFLATE_LIMITS.inputChunkBytes;

/** What came out of `decompressShared`: the first `length` bytes of `bytes`; `isAscii`: that all of them are is known. */
export interface Decompressed {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly isAscii: boolean;
  /** `bytes` is the caller's own; else it is to be read before the next call, in whose memory it lies. */
  readonly isOwn: boolean;
}

/**
 * Decompresses `bytes[0..length)`, a flushed stream without its last four octets; `bytes` has room for
 * `DECOMPRESS_SPARE_BYTES` behind them, which are written over.
 * @throws InflateError `INFLATE_TOO_LARGE` beyond `maxOutputBytes`, other codes for what is not DEFLATE
 */
export function decompressShared(
  bytes: Uint8Array,
  length: number,
  maxOutputBytes: number,
  dictionary: Uint8Array | undefined,
): Decompressed {
  const hasPast = dictionary !== undefined && dictionary.length > 0;
  if (length >= (hasPast ? nativeInflateWithTakeoverFromBytes : nativeInflateFromBytes)) {
    const plain = inflateNatively(bytes, length, maxOutputBytes, hasPast ? dictionary : undefined);
    if (plain !== undefined) return { bytes: plain, length: plain.length, isAscii: false, isOwn: true };
  }
  const plain =
    bytes === inflateInput
      ? inflateInPlace(length, maxOutputBytes, dictionary)
      : inflateShared(bytes.subarray(0, length), maxOutputBytes, dictionary, true);
  return { bytes: plain, length: inflated.length, isAscii: inflated.isAscii, isOwn: inflated.isOwn };
}

/** The bytes of `from`, in memory that is the caller's own. */
export function ownBytes(from: Decompressed): Uint8Array {
  return from.isOwn ? from.bytes : ownCopy(from.bytes, from.length);
}

/** The text that `from` is in UTF-8; undefined: it is not. */
export function textOf(from: Decompressed): string | undefined {
  const { bytes, length } = from;
  if (from.isAscii) return decodeAscii(bytes, 0, length);
  return isValidUtf8(bytes, 0, length) ? decodeUtf8(bytes, 0, length) : undefined;
}

/**
 * The four octets that the sender left out, and an empty final block: a stream that does not end where a block ends is
 * then an error to zlib, which would take it for unfinished otherwise.
 */
const END = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x03, 0x00);

/** Undefined: there is a final block before the end (RFC 7692 §7.2.1 allows that), where zlib stops. */
function inflateNatively(
  bytes: Uint8Array,
  length: number,
  maxOutputBytes: number,
  dictionary: Uint8Array | undefined,
): Uint8Array | undefined {
  bytes.set(END, length);
  const end = length + END.length;
  let result: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
  try {
    result = inflateRawSync(bytes.subarray(0, end), {
      info: true,
      maxOutputLength: Math.max(1, maxOutputBytes), // 0 is out of range there; what is too much is seen below
      ...(dictionary === undefined ? {} : { dictionary }),
    }) as unknown as typeof result;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxOutputBytes);
    throw new InflateError('INFLATE_MALFORMED', `${message} (zlib)`);
  }
  const { buffer, engine } = result;
  if (engine.bytesWritten !== end) return undefined;
  if (buffer.length > maxOutputBytes) throw tooLarge(maxOutputBytes);
  // What zlib answers may pin 16 KiB, whatever its length.
  if (buffer.length * 2 >= buffer.buffer.byteLength)
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  const plain = allocate(buffer.length);
  plain.set(buffer);
  return plain;
}

function tooLarge(limit: number): InflateError {
  return new InflateError('INFLATE_TOO_LARGE', `output exceeds the limit of ${limit} bytes`);
}
