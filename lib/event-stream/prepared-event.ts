/**
 * An event encoded once for any number of streams.
 *
 * Kept both as it is and as one HTTP chunk (RFC 9112 §7.1), in memory that all shared messages follow one another in,
 * so that events sent in a row to the same stream leave as one range (see `../bytes/output.ts`). For streams with a
 * content coding there is a compressed form, made when the first of them wants it; see `stream-encoder.ts`.
 * Read next: `parser.ts`.
 */

import { Arena, BLOCK_BYTES, sharedFrames } from '../bytes/output.ts';
import { encodeUtf8Into, utf8ByteLength } from '../bytes/utf8.ts';
import { adler32, crc32, crc32Shift } from '../deflate/checksum.ts';
import { compress } from '../deflate/engine.ts';
import { chunkSizeBytes, MAX_SIZE_BYTES, writeChunkSize } from '../http/chunked-writer.ts';
import { COMPRESSION_DEFAULTS } from '../limits.ts';
import { type EventStreamMessage, encodeEvent } from './encoder.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Where the compressed forms are: apart, so that those of consecutive events adjoin. */
const compressedEvents: Arena = new Arena();

/** Something as one HTTP chunk, `bytes[start..end)`, and alone, `bytes[eventStart..eventEnd)`. Read only. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly eventStart: number;
  readonly eventEnd: number;
}

/** Immutable from the moment it exists. */
export class PreparedEvent implements Chunk {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly eventStart: number;
  readonly eventEnd: number;
  /** Each made when first asked for. */
  #compressed: Chunk | undefined = undefined;
  #crc32: { readonly crc: number; readonly shift: number } | undefined = undefined;
  #adler32: number | undefined = undefined;

  /** Use `prepareEvent`. */
  constructor(text: string) {
    // Room for 3 octets a unit is what `encodeUtf8Into` asks for; what is not needed stays free. Not so in a block of its own.
    const most = text.length * 3;
    sharedFrames.reserve(MAX_SIZE_BYTES + 2 + (most <= BLOCK_BYTES ? most : utf8ByteLength(text)));
    const { bytes, position } = sharedFrames;
    // The text goes where it belongs if it is all ASCII, and is moved when its length takes more digits than that: asking
    // for the length first cost 100 ns for an event of 100 octets, 2.7 µs for one of 4 KiB.
    let at = position + chunkSizeBytes(text.length);
    const length = encodeUtf8Into(text, bytes, at);
    const eventStart = position + chunkSizeBytes(length);
    if (eventStart > at) bytes.copyWithin(eventStart, at, at + length);
    at = writeChunkSize(length, bytes, position);
    this.eventStart = at;
    at += length;
    this.eventEnd = at;
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.bytes = bytes;
    this.start = position;
    this.end = at;
    sharedFrames.handOut(at);
  }

  /** The event as flushed DEFLATE blocks that refer to nothing before them. */
  compressed(): Chunk {
    this.#compressed ??= chunkOf(
      compress(this.bytes.subarray(this.eventStart, this.eventEnd), COMPRESSION_DEFAULTS.level, 15),
      compressedEvents,
    );
    return this.#compressed;
  }

  /** CRC-32 of the event, and the shift for joining it to what came before. */
  crc32(): { readonly crc: number; readonly shift: number } {
    this.#crc32 ??= {
      crc: crc32(this.bytes, this.eventStart, this.eventEnd),
      shift: crc32Shift(this.eventEnd - this.eventStart),
    };
    return this.#crc32;
  }

  /** Adler-32 of the event. */
  adler32(): number {
    this.#adler32 ??= adler32(this.bytes, this.eventStart, this.eventEnd);
    return this.#adler32;
  }
}

/** Encodes an event once; `send` it on any number of streams. @throws as `encodeEvent` */
export function prepareEvent(message: EventStreamMessage): PreparedEvent {
  return new PreparedEvent(encodeEvent(message));
}

/** Copies `payload` into `arena` as one HTTP chunk. */
export function chunkOf(payload: Uint8Array, arena: Arena = sharedFrames): Chunk {
  arena.reserve(MAX_SIZE_BYTES + payload.length + 2);
  const { bytes, position } = arena;
  let at = writeChunkSize(payload.length, bytes, position);
  const eventStart = at;
  bytes.set(payload, at);
  at += payload.length;
  const eventEnd = at;
  bytes[at++] = CR;
  bytes[at++] = LF;
  arena.handOut(at);
  return { bytes, start: position, end: at, eventStart, eventEnd };
}
