/**
 * A message encoded once for any number of connections (a broadcast costs one encoding, not one a member).
 *
 * Only servers send prepared frames as they are: their frames are not masked (RFC 6455 §5.1), so the bytes are the same
 * for every member. A client, which must mask with a fresh key, falls back to `data`.
 * With permessage-deflate there is a second frame, made when the first member wants it: compressed without references
 * to earlier messages, so that it suits every member with the same window, takeover or not (RFC 7692 §7.1.1).
 * Read next: `protocol.ts`.
 */

import { Arena, type ByteRange, sharedFrames } from '../bytes/output.ts';
import { encodeUtf8Into, utf8ByteLength } from '../bytes/utf8.ts';
import { compressPayload } from './deflate.ts';
import { FIRST_OCTET_RSV1, frameHeaderSize, Opcode, writeFrameHeader } from './frame.ts';

/** Where compressed frames of many connections are encoded: apart from the plain ones, so that consecutive ones adjoin. */
const compressedFrames: Arena = new Arena();

/** A whole unmasked frame at `bytes[start..end)`, immutable from the moment it exists. */
export class PreparedMessage {
  /** What was prepared. */
  readonly data: string | Uint8Array;
  /** The memory that holds the frame, perhaps among others; read only. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Where the frame's payload begins. */
  readonly payloadStart: number;
  /** The compressed frame for each window size that was asked for, `null` where it would be no shorter. */
  #compressed: Map<number, ByteRange | null> | undefined = undefined;

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
    this.payloadStart = position + header;
    this.end = position + header + length;
    sharedFrames.handOut(this.end);
  }

  /** Octets of the message. */
  get payloadLength(): number {
    return this.end - this.payloadStart;
  }

  /** The message's octets, a view. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.payloadStart, this.end);
  }

  /**
   * The frame for members that agreed on a window of 2^windowBits bytes: compressed when first asked for, with the level
   * of who asked. Undefined when the message would not be shorter.
   */
  compressed(windowBits: number, level: number): ByteRange | undefined {
    this.#compressed ??= new Map();
    let frame = this.#compressed.get(windowBits);
    if (frame === undefined) {
      frame = this.#compress(windowBits, level);
      this.#compressed.set(windowBits, frame);
    }
    return frame ?? undefined;
  }

  #compress(windowBits: number, level: number): ByteRange | null {
    const payload = compressPayload(this.payload, level, windowBits);
    if (payload === undefined) return null;
    const { length } = payload;
    compressedFrames.reserve(frameHeaderSize(length, false) + length);
    const { bytes, position } = compressedFrames;
    // The opcode is that of the plain frame.
    const header = writeFrameHeader(bytes, position, this.bytes[this.start]! | FIRST_OCTET_RSV1, length, undefined);
    bytes.set(payload, position + header);
    const end = position + header + length;
    compressedFrames.handOut(end);
    return { bytes, start: position, end };
  }
}

/** Encodes a text (string) or binary message once; `send` it on any number of connections. The data is copied. @throws TypeError */
export function prepareMessage(data: string | Uint8Array | ArrayBuffer): PreparedMessage {
  if (data instanceof ArrayBuffer) return new PreparedMessage(new Uint8Array(data));
  // A number here would have been a length (CVE-2016-10518).
  if (typeof data !== 'string' && !(data instanceof Uint8Array))
    throw new TypeError('a message to prepare is a string, a Uint8Array or an ArrayBuffer');
  return new PreparedMessage(data);
}
