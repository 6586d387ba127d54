/**
 * Frames as octets, for a tester: writes what no endpoint may send, and reads whatever comes.
 *
 * Written again from RFC 6455 §5.2 and on purpose not shared with `lib/websocket`: a runner that used the code under
 * test would agree with its faults. Nothing here rejects a frame; the reader reports the facts (`masked`, `minimal`,
 * reserved bits) and `connection.ts` judges them. Knows no sockets and no verdicts.
 * Read next: `connection.ts`.
 */

import { CONFORMANCE_LIMITS } from '../limits.ts';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** A frame to be sent, right or wrong. */
export interface FrameSpec {
  readonly opcode: number;
  /** Default true. */
  readonly fin?: boolean;
  /** RSV1-3 as one number: 4 = RSV1, 2 = RSV2, 1 = RSV3. Default 0. */
  readonly rsv?: number;
  readonly payload?: Uint8Array;
  /** Forces a length form instead of the shortest one. */
  readonly lengthBits?: 7 | 16 | 64;
  /** Announces another length than the payload has. */
  readonly announce?: bigint;
  /** Forces the mask bit, whatever the role says. */
  readonly mask?: boolean;
}

/** A frame that was received, with everything that its octets say. */
export interface WireFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
  readonly lengthBits: 7 | 16 | 64;
  /** The length was written in its shortest form (RFC 6455 §5.2). */
  readonly minimal: boolean;
  /** Unmasked. */
  readonly payload: Buffer;
  /** The first octets as they were on the wire, for the report. */
  readonly raw: Buffer;
  /** Octets on the wire, header included. */
  readonly total: number;
}

/**
 * Masking keys that are the same in every run, so that a failing case can be repeated octet by octet. RFC 6455 §10.3
 * asks for unpredictable keys to protect proxies from scripts; a tester has no scripts.
 */
export class KeySource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 + 0x9e3779b9;
  }

  next(): Buffer {
    // xorshift32: never 0, so no frame ever looks unmasked by chance.
    let x = this.#state | 0 || 1;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    const key = Buffer.allocUnsafe(4);
    key.writeInt32BE(x);
    return key;
  }
}

/** Writes the header of a frame (RFC 6455 §5.2); `key` absent = unmasked. */
export function encodeHeader(frame: FrameSpec, length: number, key?: Uint8Array): Buffer {
  const announced = frame.announce ?? BigInt(length);
  const bits = frame.lengthBits ?? (announced < 126n ? 7 : announced < 65_536n ? 16 : 64);
  const header = Buffer.alloc(2 + (bits === 7 ? 0 : bits / 8) + (key === undefined ? 0 : 4));
  header[0] = ((frame.fin ?? true) ? 0x80 : 0) | ((frame.rsv ?? 0) << 4) | frame.opcode;
  header[1] = (key === undefined ? 0 : 0x80) | (bits === 7 ? Number(announced) : bits === 16 ? 126 : 127);
  if (bits === 16) header.writeUInt16BE(Number(announced), 2);
  if (bits === 64) header.writeBigUInt64BE(BigInt.asUintN(64, announced), 2);
  if (key !== undefined) header.set(key, header.length - 4);
  return header;
}

/** Writes a whole frame. The payload is copied. */
export function encodeFrame(frame: FrameSpec, key?: Uint8Array): Buffer {
  const payload = frame.payload ?? EMPTY;
  const header = encodeHeader(frame, payload.length, key);
  const octets = Buffer.allocUnsafe(header.length + payload.length);
  octets.set(header);
  octets.set(payload, header.length);
  if (key !== undefined) applyMask(octets.subarray(header.length), key, 0);
  return octets;
}

/** XORs in place (RFC 6455 §5.3); `offset` is the position of the first octet within the payload. */
export function applyMask(octets: Uint8Array, key: Uint8Array, offset: number): void {
  const [a, b, c, d] = [key[offset & 3]!, key[(offset + 1) & 3]!, key[(offset + 2) & 3]!, key[(offset + 3) & 3]!];
  const whole = octets.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    octets[i]! ^= a;
    octets[i + 1]! ^= b;
    octets[i + 2]! ^= c;
    octets[i + 3]! ^= d;
  }
  for (let i = whole; i < octets.length; i++) octets[i]! ^= key[(offset + i) & 3]!;
}

/** A close frame's body: a code, then a reason. */
export function closeBody(code: number, reason: string | Uint8Array = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** Cuts octets into frames. Holds one frame at most, bounded by `CONFORMANCE_LIMITS.maxFrameBytes`. */
export class FrameReader {
  #head = Buffer.alloc(14);
  #headLength = 0;
  #headNeeds = 2;
  #payload: Buffer | undefined;
  #filled = 0;

  /** An announced length that is not held: the 64-bit length when it is beyond the bound. Set once. */
  tooLong: bigint | undefined;

  /** True while a frame has begun and not ended. */
  get pending(): boolean {
    return this.#headLength > 0;
  }

  /** Takes a chunk (lent: copied from) and answers the frames that it completed. */
  read(chunk: Uint8Array): WireFrame[] {
    const frames: WireFrame[] = [];
    let at = 0;
    while (at < chunk.length && this.tooLong === undefined) {
      if (this.#payload === undefined) {
        while (this.#headLength < this.#headNeeds && at < chunk.length) {
          this.#head[this.#headLength++] = chunk[at++]!;
          if (this.#headLength === 2) {
            const short = this.#head[1]! & 0x7f;
            this.#headNeeds = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (this.#head[1]! & 0x80 ? 4 : 0);
          }
        }
        if (this.#headLength < this.#headNeeds) break;
        const length = this.#length();
        if (length > BigInt(CONFORMANCE_LIMITS.maxFrameBytes)) {
          this.tooLong = length;
          break;
        }
        this.#payload = Buffer.allocUnsafe(Number(length));
        this.#filled = 0;
      }
      const take = Math.min(this.#payload.length - this.#filled, chunk.length - at);
      this.#payload.set(chunk.subarray(at, at + take), this.#filled);
      at += take;
      this.#filled += take;
      if (this.#filled === this.#payload.length) frames.push(this.#finish(this.#payload));
    }
    return frames;
  }

  #length(): bigint {
    const short = this.#head[1]! & 0x7f;
    if (short === 126) return BigInt(this.#head.readUInt16BE(2));
    return short === 127 ? this.#head.readBigUInt64BE(2) : BigInt(short);
  }

  #finish(payload: Buffer): WireFrame {
    const short = this.#head[1]! & 0x7f;
    const masked = (this.#head[1]! & 0x80) !== 0;
    const raw = Buffer.concat([
      this.#head.subarray(0, this.#headNeeds),
      payload.subarray(0, CONFORMANCE_LIMITS.maxLoggedBytes),
    ]);
    if (masked) applyMask(payload, this.#head.subarray(this.#headNeeds - 4, this.#headNeeds), 0);
    const lengthBits = short === 126 ? 16 : short === 127 ? 64 : 7;
    const frame: WireFrame = {
      fin: (this.#head[0]! & 0x80) !== 0,
      rsv: (this.#head[0]! >> 4) & 7,
      opcode: this.#head[0]! & 15,
      masked,
      length: payload.length,
      lengthBits,
      minimal: lengthBits === 7 || payload.length >= (lengthBits === 16 ? 126 : 65_536),
      payload,
      raw,
      total: this.#headNeeds + payload.length,
    };
    this.#payload = undefined;
    this.#headLength = 0;
    this.#headNeeds = 2;
    return frame;
  }
}

/** Says what a frame means, for the report: `text, 13 octets: "Hello"`. */
export function describeFrame(frame: {
  readonly opcode: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly payload?: Uint8Array;
  readonly length?: number;
  readonly masked?: boolean;
  readonly lengthBits?: number;
  readonly minimal?: boolean;
}): string {
  const { opcode, fin = true, rsv = 0, payload = EMPTY, masked = false } = frame;
  const length = frame.length ?? payload.length;
  const bits = [4, 2, 1].flatMap((bit, i) => (rsv & bit ? [`RSV${i + 1}`] : []));
  const facts = [
    ...(fin ? [] : ['not final']),
    ...bits,
    ...(frame.minimal === false ? [`length in ${frame.lengthBits} bits`] : []),
    ...(masked ? ['masked'] : []),
  ];
  const title = `${opcodeName(opcode)}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}, ${octetCount(length)}`;
  if (opcode === CLOSE && length >= 2) {
    const reason = payload.length > 2 ? ` ${preview(payload.subarray(2))}` : '';
    return `${title}: code ${(payload[0]! << 8) | payload[1]!}${reason}`;
  }
  return payload.length > 0 ? `${title}: ${preview(payload)}` : title;
}

export function opcodeName(opcode: number): string {
  const names = new Map([
    [0, 'continuation'],
    [TEXT, 'text'],
    [BINARY, 'binary'],
    [CLOSE, 'close'],
    [PING, 'ping'],
    [PONG, 'pong'],
  ]);
  return names.get(opcode) ?? `reserved opcode ${opcode}`;
}

/** `1 octet`, `13 octets`, `64 KiB`. */
export function octetCount(count: number): string {
  if (count >= 1024 && count % 1024 === 0)
    return count % 1_048_576 === 0 ? `${count / 1_048_576} MiB` : `${count / 1024} KiB`;
  return `${count} octet${count === 1 ? '' : 's'}`;
}

/** The beginning of a payload as text when it is readable, else as hex. */
export function preview(octets: Uint8Array, limit = 32): string {
  const head = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, limit));
  const more = octets.length > limit ? '…' : '';
  const text = head.toString('latin1');
  return /^[\t\r\n\x20-\x7e]*$/.test(text) ? `${JSON.stringify(text)}${more}` : `${head.toString('hex')}${more}`;
}

const EMPTY = Buffer.alloc(0);
