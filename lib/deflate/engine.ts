/**
 * Which DEFLATE does the work: the one place that knows there is more than one.
 *
 * Two methods, both synchronous, both one-shot: what a stream would keep between messages is a window of plaintext that
 * the caller holds and passes in as `dictionary`. `node:zlib` appears in this file alone.
 * Read next: `../websocket/deflate.ts`.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { allocate } from '../bytes/allocate.ts';
import { BarewireError } from '../errors.ts';

/** Room that `decompress` needs behind the compressed bytes for what it appends to them. */
export const DECOMPRESS_SPARE_BYTES = 6;

/** The octets that end a flushed block and that permessage-deflate leaves out (RFC 7692 §7.2.1). */
export const FLUSH_TAIL_BYTES = 4;

export interface CompressOptions {
  /** 1-9. */
  readonly level: number;
  /** 8-15: no back-reference reaches further than 2^n bytes. */
  readonly windowBits: number;
  /** Plaintext before this, for back-references: at most 32 KiB of it is used. */
  readonly dictionary?: Uint8Array | undefined;
}

/** What came is not DEFLATE, or more than was allowed. */
export class InflateError extends BarewireError {}

/**
 * Compresses to a flushed stream that ends with 00 00 ff ff (RFC 7692 §7.2.1). The result belongs to the caller.
 * Undefined when this engine cannot keep to the window.
 */
export function compress(plain: Uint8Array, options: CompressOptions): Uint8Array | undefined {
  const { level, windowBits, dictionary } = options;
  // zlib silently makes 9 of 8, so a message that could reach back further than 256 bytes is beyond it.
  if (windowBits === 8 && plain.length + (dictionary?.length ?? 0) > 256) return undefined;
  return deflateRawSync(plain, {
    level,
    windowBits: Math.max(windowBits, 9),
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary === undefined || dictionary.length === 0 ? {} : { dictionary }),
  });
}

/**
 * Decompresses `bytes[0..length)`, a flushed stream without its last four octets; `bytes` has room for
 * `DECOMPRESS_SPARE_BYTES` behind them, which are written over. The result has memory of its own.
 * @throws InflateError `INFLATE_TOO_LARGE` beyond `maxOutputBytes`, other codes for what is not DEFLATE
 */
export function decompress(
  bytes: Uint8Array,
  length: number,
  maxOutputBytes: number,
  dictionary: Uint8Array | undefined,
): Uint8Array {
  // The four octets that the sender left out, and an empty final block: a stream that does not end where a block ends
  // is then an error to zlib, which it would take for unfinished otherwise.
  bytes.set(END, length);
  const end = length + END.length;
  const parts: Uint8Array[] = [];
  let total = 0;
  let at = 0;
  let history = dictionary;
  do {
    const { buffer, engine } = inflate(bytes.subarray(at, end), Math.max(1, maxOutputBytes - total), history);
    at += engine.bytesWritten;
    total += buffer.length;
    if (total > maxOutputBytes) throw tooLarge(maxOutputBytes);
    parts.push(buffer);
    // RFC 7692 §7.2.1: blocks with BFINAL 1 may stand anywhere, and more may follow, with the same window.
    if (at < end) {
      if (parts.length > MAX_FINAL_BLOCKS) throw new InflateError('INFLATE_FINAL_BLOCKS', 'too many final blocks');
      history = Buffer.concat([history ?? EMPTY, buffer]).subarray(-32_768);
    }
  } while (at < end);
  const plain = allocate(total);
  let position = 0;
  for (const part of parts) {
    plain.set(part, position);
    position += part.length;
  }
  return plain;
}

const END = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x03, 0x00);
const EMPTY = new Uint8Array(0);

/** Each costs a call of zlib; senders that flush with BFINAL use one a message (RFC 7692 §7.2.3.4). */
const MAX_FINAL_BLOCKS = 64;

function inflate(
  bytes: Uint8Array,
  maxOutputLength: number,
  dictionary: Uint8Array | undefined,
): { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } } {
  try {
    return inflateRawSync(bytes, {
      info: true,
      maxOutputLength,
      ...(dictionary === undefined || dictionary.length === 0 ? {} : { dictionary }),
    }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxOutputLength);
    throw new InflateError('INFLATE_MALFORMED', message);
  }
}

function tooLarge(limit: number): InflateError {
  return new InflateError('INFLATE_TOO_LARGE', `output is more than ${limit} bytes`);
}
