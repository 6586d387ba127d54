/**
 * One WebSocket frame header: a plain value and two mirror functions (RFC 6455 §5.2).
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
 *     |I|S|S|S|  (4)  |A|     (7)     |     (16 or 64, if needed)     |
 *     |N|V|V|V|       |S|             |                               |
 *     | |1|2|3|       |K|             |   then the masking key (32)   |
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *
 * This file knows the layout and nothing of the rules about who may send what: those are in `frame-parser.ts`.
 * Allocates nothing but what `emptyHeader` answers. Read next: `mask.ts`, then `frame-parser.ts`.
 */

/** Opcodes of RFC 6455 §5.2; 3-7 and 11-15 are reserved. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** RSV1 as it stands in `FrameHeader.rsv`: with permessage-deflate, "this message is compressed" (RFC 7692 §6). */
export const RSV1 = 4;

/** RSV1 as it stands in the first octet of a header. */
export const FIRST_OCTET_RSV1 = 0x40;

/** The longest header: 2 + 8 (64-bit length) + 4 (masking key). */
export const MAX_HEADER_BYTES = 14;

/** §5.2: a length up to here stands in the second octet. */
export const MAX_SHORT_PAYLOAD_BYTES = 125;

/** Control frames carry at most this much (RFC 6455 §5.5). */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;

/** A frame header as a value. Mutable, so that one object serves every frame that a parser reads. */
export interface FrameHeader {
  /** FIN: this is the last frame of its message. */
  fin: boolean;
  /** RSV1-3 as one number: 4, 2, 1. */
  rsv: number;
  /** 0-15, reserved ones included. */
  opcode: number;
  masked: boolean;
  /** The four octets of the masking key as a little-endian signed 32-bit integer; 0 when unmasked. */
  maskingKey: number;
  /** Octets of payload; `Infinity` when the 64-bit form exceeds 2^53-1, which no limit admits. */
  payloadLength: number;
  /** The length used fewer than the 7, 16 or 64 bits that it needs: "the minimal number of bytes MUST be used" (§5.2). */
  minimal: boolean;
  /** The most significant bit of a 64-bit length, which MUST be 0 (§5.2). */
  lengthHighBit: boolean;
}

/** A header with nothing set. */
export function emptyHeader(): FrameHeader {
  return {
    fin: false,
    rsv: 0,
    opcode: 0,
    masked: false,
    maskingKey: 0,
    payloadLength: 0,
    minimal: true,
    lengthHighBit: false,
  };
}

/**
 * Reads the header that begins at `offset` into `header`.
 * Answers its size in octets, or 0 when `bytes` ends (at `end`) before the header does; `header` is then half-written.
 */
export function readFrameHeader(bytes: Uint8Array, offset: number, end: number, header: FrameHeader): number {
  if (end - offset < 2) return 0;
  const first = bytes[offset]!;
  const second = bytes[offset + 1]!;
  header.fin = first >= 0x80;
  header.rsv = (first >> 4) & 0x7;
  header.opcode = first & 0xf;
  header.masked = second >= 0x80;
  header.minimal = true;
  header.lengthHighBit = false;

  let position = offset + 2;
  let length = second & 0x7f;
  if (length === 126) {
    if (end - position < 2) return 0;
    length = (bytes[position]! << 8) | bytes[position + 1]!;
    header.minimal = length > 125;
    position += 2;
  } else if (length === 127) {
    if (end - position < 8) return 0;
    const high = uint32(bytes, position);
    length = high * 0x1_0000_0000 + uint32(bytes, position + 4);
    header.minimal = length > 0xffff;
    header.lengthHighBit = high >= 0x8000_0000;
    // Beyond 2^53-1 a double no longer counts octets; no limit of ours admits such a length either.
    if (high > 0x1f_ffff) length = Number.POSITIVE_INFINITY;
    position += 8;
  }
  header.payloadLength = length;

  header.maskingKey = 0;
  if (header.masked) {
    if (end - position < 4) return 0;
    header.maskingKey =
      bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24);
    position += 4;
  }
  return position - offset;
}

/**
 * Writes a header at `offset` of `target` and answers its size. The length takes its minimal form (§5.2).
 * `first` is the first octet: `0x80` for FIN, `rsv << 4`, and the opcode. A `maskingKey` of `undefined` leaves the frame unmasked.
 */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  first: number,
  payloadLength: number,
  maskingKey: number | undefined,
): number {
  const maskBit = maskingKey === undefined ? 0 : 0x80;
  let position = offset;
  target[position++] = first;
  if (payloadLength < 126) {
    target[position++] = maskBit | payloadLength;
  } else if (payloadLength <= 0xffff) {
    target[position++] = maskBit | 126;
    target[position++] = payloadLength >>> 8;
    target[position++] = payloadLength;
  } else {
    target[position++] = maskBit | 127;
    const high = Math.floor(payloadLength / 0x1_0000_0000);
    for (const word of [high, payloadLength >>> 0]) {
      target[position++] = word >>> 24;
      target[position++] = word >>> 16;
      target[position++] = word >>> 8;
      target[position++] = word;
    }
  }
  if (maskingKey !== undefined) {
    target[position++] = maskingKey;
    target[position++] = maskingKey >>> 8;
    target[position++] = maskingKey >>> 16;
    target[position++] = maskingKey >>> 24;
  }
  return position - offset;
}

/** The size that `writeFrameHeader` will need. */
export function frameHeaderSize(payloadLength: number, masked: boolean): number {
  return (payloadLength < 126 ? 2 : payloadLength <= 0xffff ? 4 : 10) + (masked ? 4 : 0);
}

/** The control opcodes are those with the most significant bit set (§5.5). */
export function isControl(opcode: number): boolean {
  return opcode >= 0x8;
}

function uint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}
