/**
 * What a load run sends and what must come back, as bytes, made before the run begins.
 *
 * A run repeats a handful of different messages ("variants") of one size, so that a reply that is lost, doubled or
 * belongs to another message shows; yet requests and replies are the same bytes again and again, so that a run neither
 * encodes nor parses while it measures. Frames are written by hand here (RFC 6455 §5.2) and share no code with
 * `../websocket`, so that a fault there cannot hide itself.
 * Knows no sockets and no time. Read next: `replies.ts`, which checks what comes back.
 */

/** What every message of a run looks like. */
export interface MessageShape {
  /** Octets of payload. */
  readonly sizeBytes: number;
  /** `utf8` is text with characters of two and three octets in it; `text` is ASCII. Both look like small JSON documents. */
  readonly kind: 'text' | 'utf8' | 'binary';
}

/** Opcodes as RFC 6455 §5.2 numbers them. */
export const TEXT = 0x1;
export const BINARY = 0x2;

/** A repeated sequence of frames. */
export interface FrameCycle {
  /** The frames one after the other, the first ones repeated at the end, `extraBytes` or more of them. */
  readonly bytes: Buffer;
  /** Octets of one frame. */
  readonly frameBytes: number;
  readonly headerBytes: number;
  /** Frames before the sequence repeats. */
  readonly variants: number;
}

/** Room for as many different messages; fewer when they are large, so that a run's buffers stay small. */
const MAX_VARIANTS = 16;
const VARIANT_BUDGET_BYTES = 1_048_576;

/** How many different messages a run of this shape repeats. */
export function variantsOf(shape: MessageShape): number {
  return Math.max(2, Math.min(MAX_VARIANTS, Math.floor(VARIANT_BUDGET_BYTES / Math.max(1, shape.sizeBytes))));
}

/** The payload of the `index`-th message: deterministic, so that server and load can make the same one apart. */
export function payloadOf(shape: MessageShape, index: number): Buffer {
  const variant = index % variantsOf(shape);
  const payload = Buffer.allocUnsafe(shape.sizeBytes);
  if (shape.kind === 'binary') {
    // A linear congruential generator (constants of Numerical Recipes): octets that no compressor makes smaller.
    let state = variant * 2_654_435_761 + 1;
    for (let i = 0; i < payload.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      payload[i] = state >>> 24;
    }
    return payload;
  }
  const written = payload.write(documentText(shape.kind === 'utf8', variant, shape.sizeBytes));
  payload.fill(0x2e, written); // where the last character did not fit, dots do
  return payload;
}

const NAMES = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'frances', 'ken', 'radia'];
const WORDS = 'the room is open and every member hears each message once in the order of its number'.split(' ');
const UTF8_WORDS = 'größe naïve Übung 東京 привет ελπίδα façade 世界 мир señor ångström'.split(' ');

/** Text like that of a chat: field names repeat, words vary. At least `length` characters. */
function documentText(wide: boolean, variant: number, length: number): string {
  let text = '';
  const words = wide ? [...WORDS, ...UTF8_WORDS] : WORDS;
  for (let line = 0; text.length < length; line++) {
    const n = variant * 131 + line * 7;
    const said = Array.from({ length: 8 }, (_, i) => words[(n * (i + 3) + i * i) % words.length]).join(' ');
    text += `{"n":${n},"from":"${NAMES[n % NAMES.length]}","at":${1_700_000_000 + n * 37},"text":"${said}"}\n`;
  }
  return text;
}

/** Header of an unmasked or masked frame. `first` is its first octet. */
export function frameHeader(first: number, payloadBytes: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0;
  if (payloadBytes < 126) return Buffer.from([first, mask | payloadBytes]);
  const header = Buffer.alloc(payloadBytes < 65_536 ? 4 : 10);
  header[0] = first;
  if (payloadBytes < 65_536) {
    header[1] = mask | 126;
    header.writeUInt16BE(payloadBytes, 2);
  } else {
    header[1] = mask | 127;
    header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  }
  return header;
}

/** One masked frame, as a client sends it (§5.3). The keys of a load run need not be unpredictable: it is its own victim. */
export function maskedFrame(first: number, payload: Uint8Array, key: number): Buffer {
  const header = frameHeader(first, payload.length, true);
  const frame = Buffer.allocUnsafe(header.length + 4 + payload.length);
  frame.set(header);
  frame.writeUInt32BE(key >>> 0, header.length);
  const start = header.length + 4;
  for (let i = 0; i < payload.length; i++) frame[start + i] = payload[i]! ^ frame[header.length + (i & 3)]!;
  return frame;
}

/** First octet of a data frame of this shape: FIN and the opcode, RSV1 when it is compressed (RFC 7692 §6). */
export function firstOctet(shape: MessageShape, compressed: boolean): number {
  return 0x80 | (compressed ? 0x40 : 0) | (shape.kind === 'binary' ? BINARY : TEXT);
}

/** The masked frames of all variants; `ahead` frames from any of them are one contiguous range. */
export function requestCycle(shape: MessageShape, ahead: number): FrameCycle {
  const frames = Array.from({ length: variantsOf(shape) }, (_, i) =>
    maskedFrame(firstOctet(shape, false), payloadOf(shape, i), Math.imul(i + 1, 0x9e3779b9)),
  );
  const headerBytes = frames[0]!.length - shape.sizeBytes;
  return cycle(frames, headerBytes, ahead * frames[0]!.length);
}

/** The unmasked frames that a server sends for them; `extraBytes` from any place in the sequence are one contiguous range. */
export function replyCycle(shape: MessageShape, extraBytes: number): FrameCycle {
  const header = frameHeader(firstOctet(shape, false), shape.sizeBytes, false);
  const frames = Array.from({ length: variantsOf(shape) }, (_, i) => Buffer.concat([header, payloadOf(shape, i)]));
  return cycle(frames, header.length, extraBytes);
}

function cycle(frames: readonly Buffer[], headerBytes: number, extraBytes: number): FrameCycle {
  const frameBytes = frames[0]!.length;
  const total = frames.length + Math.ceil(extraBytes / frameBytes);
  const bytes = Buffer.allocUnsafeSlow(total * frameBytes);
  for (let i = 0; i < total; i++) bytes.set(frames[i % frames.length]!, i * frameBytes);
  return { bytes, frameBytes, headerBytes, variants: frames.length };
}
