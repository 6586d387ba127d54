/**
 * A message encoded once for any number of connections (design: broadcast costs one encoding, not one a member).
 *
 * Only servers send prepared frames as they are: their frames are not masked (RFC 6455 §5.1), so the bytes are the same
 * for every member. A client, which must mask with a fresh key, falls back to `data`.
 * Read next: `protocol.ts`.
 */

import { sharedFrames } from '../bytes/output.ts';
import { encodeUtf8Into, utf8ByteLength } from '../bytes/utf8.ts';
import { frameHeaderSize, Opcode, writeFrameHeader } from './frame.ts';

/** A whole unmasked frame at `bytes[start..end)`, immutable from the moment it exists. */
export class PreparedMessage {
  /** What was prepared. */
  readonly data: string | Uint8Array;
  /** The memory that holds the frame, perhaps among others; read only. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;

  /** Use `prepareMessage`. */
  constructor(data: string | Uint8Array) {
    this.data = data;
    const length = typeof data === 'string' ? utf8ByteLength(data) : data.length;
    const header = frameHeaderSize(length, false);
    sharedFrames.reserve(header + length);
    const { bytes, position } = sharedFrames;
    writeFrameHeader(
      bytes,
      position,
      0x80 | (typeof data === 'string' ? Opcode.Text : Opcode.Binary),
      length,
      undefined,
    );
    if (typeof data === 'string') encodeUtf8Into(data, bytes, position + header);
    else bytes.set(data, position + header);
    this.bytes = bytes;
    this.start = position;
    this.end = position + header + length;
    sharedFrames.position = this.end;
  }
}

/** Encodes a text (string) or binary message once; `send` it on any number of connections. The data is copied. */
export function prepareMessage(data: string | Uint8Array): PreparedMessage {
  return new PreparedMessage(data);
}
