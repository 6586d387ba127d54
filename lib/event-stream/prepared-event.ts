/**
 * An event encoded once for any number of streams.
 *
 * Kept both as it is and as one HTTP chunk (RFC 9112 §7.1), in memory that all shared messages follow one another in,
 * so that events sent in a row to the same stream leave as one range (see `../bytes/output.ts`).
 * Read next: `parser.ts`.
 */

import { sharedFrames } from '../bytes/output.ts';
import { encodeUtf8Into, utf8ByteLength } from '../bytes/utf8.ts';
import { type EventStreamMessage, encodeEvent } from './encoder.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Immutable from the moment it exists. The chunk is `bytes[start..end)`, the event alone `bytes[eventStart..eventEnd)`. */
export class PreparedEvent {
  /** The memory that holds the event, perhaps among others; read only. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly eventStart: number;
  readonly eventEnd: number;

  /** Use `prepareEvent`. */
  constructor(text: string) {
    const length = utf8ByteLength(text);
    const size = length.toString(16);
    // Room for 3 octets a unit is what `encodeUtf8Into` asks for; what is not needed stays free.
    sharedFrames.reserve(size.length + 4 + Math.max(length, text.length * 3));
    const { bytes, position } = sharedFrames;
    let at = position;
    at += encodeUtf8Into(size, bytes, at);
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.eventStart = at;
    at += encodeUtf8Into(text, bytes, at);
    this.eventEnd = at;
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.bytes = bytes;
    this.start = position;
    this.end = at;
    sharedFrames.position = at;
  }
}

/** Encodes an event once; `send` it on any number of streams. @throws as `encodeEvent` */
export function prepareEvent(message: EventStreamMessage): PreparedEvent {
  return new PreparedEvent(encodeEvent(message));
}
