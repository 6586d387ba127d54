/**
 * Frames for tests, built octet by octet from RFC 6455 §5.2 and not with the library's own encoder, so that a fault in
 * the one cannot hide a fault in the other.
 */

export interface RawFrame {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode: number;
  /** Four octets; absent = unmasked. */
  readonly key?: readonly [number, number, number, number];
  readonly payload?: Uint8Array | string;
  /** Force a length form: 7, 16 or 64 bits. */
  readonly lengthBits?: 7 | 16 | 64;
  /** Announce another length than the payload has. */
  readonly announce?: bigint;
}

export const KEY: readonly [number, number, number, number] = [0x37, 0xfa, 0x21, 0x3d];

export function rawFrame(frame: RawFrame): Uint8Array {
  const payload =
    typeof frame.payload === 'string' ? new TextEncoder().encode(frame.payload) : (frame.payload ?? new Uint8Array(0));
  const length = frame.announce ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65536n ? 16 : 64);
  const head: number[] = [((frame.fin ?? true) ? 0x80 : 0) | ((frame.rsv ?? 0) << 4) | frame.opcode];
  const mask = frame.key === undefined ? 0 : 0x80;
  if (bits === 7) head.push(mask | Number(length));
  else {
    head.push(mask | (bits === 16 ? 126 : 127));
    for (let shift = BigInt(bits) - 8n; shift >= 0n; shift -= 8n) head.push(Number((length >> shift) & 0xffn));
  }
  if (frame.key !== undefined) head.push(...frame.key);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  for (let i = 0; i < payload.length; i++) bytes[head.length + i] = payload[i]! ^ (frame.key?.[i & 3] ?? 0);
  return bytes;
}

/** Frames as a client sends them. */
export function fromClient(...frames: readonly RawFrame[]): Uint8Array {
  return concat(...frames.map((frame) => rawFrame({ key: KEY, ...frame })));
}

/** Frames as a server sends them. */
export function fromServer(...frames: readonly RawFrame[]): Uint8Array {
  return concat(...frames.map(rawFrame));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function closePayload(code: number, reason: Uint8Array | string = ''): Uint8Array {
  return concat(
    Uint8Array.of(code >> 8, code & 0xff),
    typeof reason === 'string' ? new TextEncoder().encode(reason) : reason,
  );
}
