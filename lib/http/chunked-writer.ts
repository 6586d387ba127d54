/**
 * The chunked coding as a sender writes it (RFC 9112 §7.1): a size in hexadecimal, CR LF, the data, CR LF; a size of zero at the end.
 *
 * Pure. In: parts of a body and the queue of a connection's output. Out: the bytes, in that queue. Small parts are copied beside
 * their size, so that many leave in one write; large ones stand in the queue by reference. No extensions and no trailer
 * fields are sent. Whether a recipient understands the coding (HTTP/1.1) is for the caller to know.
 * Read next: `../bytes/output.ts`, `../event-stream/prepared-event.ts`.
 */

import { sendable } from '../bytes/lent-memory.ts';
import type { OutputQueue } from '../bytes/output.ts';

const CR = 0x0d;
const LF = 0x0a;
const HEX = '0123456789abcdef';

/** The most octets that `writeChunkSize` writes: 8 digits are enough for 4 GiB - 1, and CR LF. */
export const MAX_SIZE_BYTES = 10;

/** Parts up to this long are copied: to write 16 KiB once more is cheaper than two ranges more. As for WebSocket frames. */
const COPY_MAX_BYTES = 16_384;

/** How many octets `writeChunkSize` takes for a chunk of `length` octets. */
export function chunkSizeBytes(length: number): number {
  return ((35 - Math.clz32(length | 1)) >> 2) + 2;
}

/** Writes the first line of a chunk of `length` octets, 0 to 2^32 - 1, and answers the position after it. */
export function writeChunkSize(length: number, target: Uint8Array, position: number): number {
  const end = position + chunkSizeBytes(length);
  for (let i = end - 3, rest = length; i >= position; i--, rest >>>= 4) target[i] = HEX.charCodeAt(rest & 15);
  target[end - 2] = CR;
  target[end - 1] = LF;
  return end;
}

/**
 * Appends one part of a body as a chunk. An empty part appends nothing: as a chunk it would end the body. Of a part of more than
 * 16 KiB the bytes must stay as they are until they have been written; a shorter one is copied.
 */
export function appendChunk(output: OutputQueue, part: Uint8Array): void {
  const { length } = part;
  if (length === 0) return;
  const copied = length <= COPY_MAX_BYTES ? length : 0;
  const arena = output.reserve(MAX_SIZE_BYTES + copied + 2);
  const start = arena.position;
  let at = writeChunkSize(length, arena.bytes, start);
  if (copied === 0) {
    output.commit(at - start);
    output.append(sendable(part), 0, length);
    output.append(LINE_END, 0, 2);
    return;
  }
  arena.bytes.set(part, at);
  at += length;
  arena.bytes[at++] = CR;
  arena.bytes[at++] = LF;
  output.commit(at - start);
}

/** Appends the last chunk and an empty trailer section: the body is complete (RFC 9112 §7.1). */
export function appendLastChunk(output: OutputQueue): void {
  output.append(LAST_CHUNK, 0, LAST_CHUNK.length);
}

const LINE_END = Uint8Array.of(CR, LF);
const LAST_CHUNK = Uint8Array.of(0x30, CR, LF, CR, LF);
