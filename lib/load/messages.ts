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
  /** Messages of the caller's own in place of generated ones, of any lengths; a run repeats them in this order. */
  readonly messages?: readonly Buffer[];
  /** What the server must answer to each of `messages`, where that is not the message itself. */
  readonly answers?: readonly Buffer[];
}

/** Opcodes as RFC 6455 §5.2 numbers them. */
export const TEXT = 0x1;
export const BINARY = 0x2;

/** A repeated sequence of frames. */
export interface FrameCycle {
  /** The frames one after the other, the first ones repeated at the end, as far ahead as was asked for. */
  readonly bytes: Buffer;
  /** Where in `bytes` each frame begins, and where the last one ends. */
  readonly starts: readonly number[];
  /** Octets of one frame; 0 when they differ in length. */
  readonly frameBytes: number;
  /** Octets of all frames before the sequence repeats. */
  readonly periodBytes: number;
  /** Frames before the sequence repeats. */
  readonly variants: number;
}

/** Room for as many different messages; fewer when they are large, so that a run's buffers stay small. */
const MAX_VARIANTS = 16;
const VARIANT_BUDGET_BYTES = 1_048_576;

/** How many different messages a run of this shape repeats. */
export function variantsOf(shape: MessageShape): number {
  if (shape.messages !== undefined) return shape.messages.length;
  return Math.max(2, Math.min(MAX_VARIANTS, Math.floor(VARIANT_BUDGET_BYTES / Math.max(1, shape.sizeBytes))));
}

/** The payload of the `index`-th message: deterministic, so that server and load can make the same one apart. */
export function payloadOf(shape: MessageShape, index: number): Buffer {
  const variant = index % variantsOf(shape);
  const own = shape.messages?.[variant];
  if (own !== undefined) return own;
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

/** What must come back for the `index`-th message. */
export function answerOf(shape: MessageShape, index: number): Buffer {
  return shape.answers?.[index % variantsOf(shape)] ?? payloadOf(shape, index);
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
  return cycleOf(frames, { frames: ahead });
}

/** The unmasked frames that a server sends for them; `extraBytes` from any place in the sequence are one contiguous range. */
export function replyCycle(shape: MessageShape, extraBytes: number): FrameCycle {
  const frames = Array.from({ length: variantsOf(shape) }, (_, i) => {
    const answer = answerOf(shape, i);
    return Buffer.concat([frameHeader(firstOctet(shape, false), answer.length, false), answer]);
  });
  return cycleOf(frames, { bytes: extraBytes });
}

/** `frames` over and over, and beyond the first repetition as many frames, or octets, as are asked for. */
export function cycleOf(
  frames: readonly Buffer[],
  ahead: { readonly frames?: number; readonly bytes?: number },
): FrameCycle {
  const starts = [0];
  const add = () => starts.push(starts.at(-1)! + frames[(starts.length - 1) % frames.length]!.length);
  for (let i = 0; i < frames.length; i++) add();
  const periodBytes = starts.at(-1)!;
  for (let i = 0; i < (ahead.frames ?? 0); i++) add();
  while (starts.at(-1)! < periodBytes + (ahead.bytes ?? 0)) add();
  const bytes = Buffer.allocUnsafeSlow(starts.at(-1)!);
  for (let i = 0; i + 1 < starts.length; i++) bytes.set(frames[i % frames.length]!, starts[i]!);
  const [first] = frames;
  const frameBytes = frames.every(({ length }) => length === first!.length) ? first!.length : 0;
  return { bytes, starts, frameBytes, periodBytes, variants: frames.length };
}

/** Where in a repeated sequence of frames a stream of octets is. */
export class CyclePosition {
  readonly #cycle: FrameCycle;
  /** Octets from the start of the sequence, less than its period. */
  at: number;
  /** The frame that `at` lies in. */
  frame: number;

  /** Behind the first `skip` frames. */
  constructor(cycle: FrameCycle, skip = 0) {
    this.#cycle = cycle;
    this.frame = skip % cycle.variants;
    this.at = cycle.starts[this.frame]!;
  }

  /** `length` octets further. Answers how many frames became whole. */
  advance(length: number): number {
    const { starts, frameBytes, periodBytes, variants } = this.#cycle;
    let at = this.at + length;
    let whole = 0;
    if (frameBytes > 0) {
      whole = Math.floor(at / frameBytes) - this.frame;
      at %= periodBytes;
      this.frame = Math.floor(at / frameBytes);
    } else {
      let { frame } = this;
      while (at >= starts[frame + 1]!) {
        whole++;
        frame++;
        if (frame < variants) continue;
        frame = 0;
        at -= periodBytes;
      }
      this.frame = frame;
    }
    this.at = at;
    return whole;
  }

  /** Octets from the start of the frame. */
  get offset(): number {
    return this.at - this.#cycle.starts[this.frame]!;
  }
}
