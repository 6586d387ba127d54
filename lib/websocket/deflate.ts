/**
 * One message and its compressed payload, both ways (RFC 7692 §7.2).
 *
 * One of these belongs to each connection that agreed on permessage-deflate, and to no other. It is a few words until
 * the first compressed message, and for good where takeover was not agreed; with takeover it holds the window of each
 * direction from the first compressed message on. A window moves only with a message that really went out, or came in,
 * compressed. Knows nothing of frames.
 *
 * Choice: synchronous, however long the message. What is compressed in another thread must be waited for by everything
 * behind it (data, pings, the close), in a queue of each connection and under a bound of its own; what is gained is the
 * time of one message, which `maxMessageBytes` bounds, and `{ compress: false }` is there for the few that are huge.
 * Read next: `../deflate/engine.ts`.
 */

import type { Compressed } from '../deflate/block-writer.ts';
import { DeflateContext } from '../deflate/deflate-context.ts';
import { compress, compressShared, type Decompressed, decompressShared, FLUSH_TAIL_BYTES } from '../deflate/engine.ts';
import { InflateError } from '../deflate/inflate-error.ts';
import { type InflatedPart, InflateStream } from '../deflate/inflate-stream.ts';
import { SlidingWindow } from '../deflate/window.ts';
import type { DeflateParameters, DeflatePolicy } from './extension.ts';
import { decompressedTooBig } from './message-rules.ts';
import type { Violation } from './violation.ts';

/** How one endpoint compresses and decompresses: shared by all connections that came to the same agreement. */
export interface DeflateSettings {
  readonly thresholdBytes: number;
  readonly level: number;
  /** Of what we send; 8-15. */
  readonly sendWindowBits: number;
  readonly sendTakeover: boolean;
  /** Of what the peer sends; 8-15. */
  readonly receiveWindowBits: number;
  readonly receiveTakeover: boolean;
  /** See `PerMessageDeflateOptions`. */
  readonly adaptive: boolean;
}

/** The agreement as one endpoint sees it. */
export function deflateSettings(
  role: 'client' | 'server',
  agreed: DeflateParameters,
  policy: Pick<DeflatePolicy, 'level' | 'thresholdBytes' | 'adaptive'>,
): DeflateSettings {
  const server = { bits: agreed.serverMaxWindowBits, takeover: !agreed.serverNoContextTakeover };
  const client = { bits: agreed.clientMaxWindowBits, takeover: !agreed.clientNoContextTakeover };
  const [send, receive] = role === 'server' ? [server, client] : [client, server];
  return {
    thresholdBytes: policy.thresholdBytes,
    level: policy.level,
    sendWindowBits: send.bits,
    sendTakeover: send.takeover,
    receiveWindowBits: receive.bits,
    receiveTakeover: receive.takeover,
    adaptive: policy.adaptive,
  };
}

/** 64 messages left alone at most: what a change of the traffic costs, and one attempt in 65 is what none costs. */
const MAX_MISSES = 7;

export class MessageDeflate {
  readonly #settings: DeflateSettings;
  /** What we have sent compressed; set with the first such message, with takeover only. */
  #sent: DeflateContext | undefined = undefined;
  /** What we have received compressed; likewise. */
  #received: SlidingWindow | undefined = undefined;
  /** With `adaptive`: messages in a row that did not pay, and how many are still left alone for it. */
  #misses = 0;
  #leftAlone = 0;

  constructor(settings: DeflateSettings) {
    this.#settings = settings;
  }

  get level(): number {
    return this.#settings.level;
  }

  get sendWindowBits(): number {
    return this.#settings.sendWindowBits;
  }

  get sendTakeover(): boolean {
    return this.#settings.sendTakeover;
  }

  /**
   * Whether a message of this size is to be compressed. `asked` is what the caller said about this one message, if
   * anything: true overrules the threshold, not the comparison of sizes.
   */
  wants(sizeBytes: number, asked: boolean | undefined): boolean {
    return asked ?? sizeBytes >= this.#settings.thresholdBytes;
  }

  /**
   * Compresses a message: the payload of its frame, with RSV1, to be copied before the next call, in whose memory it may
   * lie. Undefined: it would be no shorter, so it goes as it is, and back-references will not see it (§7.2.1 concerns
   * compressed messages only).
   */
  compress(plain: Uint8Array, asked: boolean | undefined): Compressed | undefined {
    const { level, sendWindowBits, sendTakeover, adaptive } = this.#settings;
    if (this.#leftAlone > 0 && asked === undefined) {
      this.#leftAlone--;
      return undefined;
    }
    const compressed = compressShared(plain, level, sendWindowBits, this.#sent);
    compressed.length -= FLUSH_TAIL_BYTES;
    const payload = compressed.length < plain.length ? compressed : undefined;
    if (adaptive) {
      const pays = payload !== undefined && payload.length * 8 <= plain.length * 7;
      this.#misses = pays ? 0 : Math.min(this.#misses + 1, MAX_MISSES);
      this.#leftAlone = pays ? 0 : 2 ** (this.#misses - 1);
    }
    if (payload !== undefined && sendTakeover) this.sentCompressed(plain);
    return payload;
  }

  /** With takeover: a message went out compressed, so later ones may refer to it. */
  sentCompressed(plain: Uint8Array): void {
    const { level, sendWindowBits: windowBits } = this.#settings;
    this.#sent ??= new DeflateContext({ level, windowBits });
    this.#sent.update(plain);
  }

  /**
   * Decompresses the payload `bytes[0..length)` of a message (§7.2.2), at most to `maxBytes`. `bytes` is ours and has
   * `DECOMPRESS_SPARE_BYTES` to spare behind it; the result is to be read before the next call.
   */
  decompress(bytes: Uint8Array, length: number, maxBytes: number): Decompressed | Violation {
    let plain: Decompressed;
    try {
      plain = decompressShared(bytes, length, maxBytes, this.#received?.dictionary);
    } catch (error) {
      if (!(error instanceof InflateError)) throw error;
      return error.code === 'INFLATE_TOO_LARGE'
        ? decompressedTooBig(maxBytes)
        : inflateViolation(error, this.#settings.receiveTakeover);
    }
    if (this.#settings.receiveTakeover) {
      this.#received ??= new SlidingWindow(this.#settings.receiveWindowBits);
      this.#received.update(plain.bytes.length === plain.length ? plain.bytes : plain.bytes.subarray(0, plain.length));
    }
    return plain;
  }

  /** Begins to receive a compressed message in parts. */
  beginIncoming(): MessageInflater {
    const { receiveTakeover, receiveWindowBits } = this.#settings;
    if (!receiveTakeover) return new MessageInflater(undefined);
    this.#received ??= new SlidingWindow(receiveWindowBits);
    return new MessageInflater(this.#received);
  }

  /** Begins to send a compressed message in parts, which refer to each other, takeover or not. */
  beginOutgoing(): MessageDeflater {
    const { level, sendWindowBits: windowBits, sendTakeover } = this.#settings;
    if (!sendTakeover) return new MessageDeflater(level, windowBits, new DeflateContext({ level, windowBits }));
    this.#sent ??= new DeflateContext({ level, windowBits });
    return new MessageDeflater(level, windowBits, this.#sent);
  }
}

/**
 * §7.1.1: some peers overlook that they agreed to forget their earlier messages, and their second message breaks. Undefined: that
 * is not what our own codec, or zlib, has found.
 */
function likelyCause(error: InflateError, takeover: boolean): string | undefined {
  if (takeover || !(error.code === 'INFLATE_DISTANCE_TOO_FAR' || /too far back/.test(error.message))) return undefined;
  return 'it refers to an earlier one, which the agreed no_context_takeover forbids';
}

/** What a receiver does about compressed data that is none (§7.2.2); `takeover`: the data may refer to earlier messages. */
export function inflateViolation(error: InflateError, takeover: boolean): Violation {
  return {
    code: 'WS_COMPRESSED_DATA',
    // RFC 7692 names no code. RFC 6455 §7.4.1 has 1007 for data "not consistent with the type of the message".
    closeCode: 1007,
    detail: `message cannot be decompressed: ${likelyCause(error, takeover) ?? error.message}`,
    section: 'RFC 7692 §7.2.2',
  };
}

/** One compressed message that is received in parts (§7.2.2). */
export class MessageInflater {
  /** Takes the payload of the message's frames. */
  readonly stream: InflateStream;
  /** As whole messages are: by the format's reach, whatever was agreed, and only what was agreed is kept for the next message. */
  readonly #window = new SlidingWindow(15);
  /** With takeover: what the next message may refer to. */
  readonly #past: SlidingWindow | undefined;
  #isFinished = false;

  constructor(past: SlidingWindow | undefined) {
    this.#past = past;
    if (past !== undefined) this.#window.update(past.dictionary);
    this.stream = new InflateStream(this.#window);
  }

  /** The message may refer to earlier ones. */
  get hasPast(): boolean {
    return this.#past !== undefined;
  }

  /** The next piece of plaintext. `isLast`: the payload is complete. @throws InflateError for data that is not DEFLATE */
  read(isLast: boolean): InflatedPart | undefined {
    const part = this.stream.read();
    if (part !== undefined || !isLast || this.#isFinished) return part;
    this.#isFinished = true;
    this.stream.finish();
    return this.stream.read();
  }

  /** All has been read: the message counts. */
  end(): void {
    this.#past?.update(this.#window.dictionary);
  }
}

/** One compressed message that is sent in parts (§7.2.1). */
export class MessageDeflater {
  readonly #level: number;
  readonly #windowBits: number;
  /** What has been sent, of this message and with takeover of those before. */
  readonly #context: DeflateContext;

  constructor(level: number, windowBits: number, context: DeflateContext) {
    this.#level = level;
    this.#windowBits = windowBits;
    this.#context = context;
  }

  /** The payload of one frame, to be copied before the next call: whole blocks, the last of them empty, so that all can be read at once. */
  compress(plain: Uint8Array): Compressed {
    const compressed = compressShared(plain, this.#level, this.#windowBits, this.#context);
    this.#context.update(plain);
    return compressed;
  }
}

/**
 * §7.2.1: compresses by itself, and takes off the four octets that every flush ends with; the caller's own. Undefined when
 * the result is no shorter.
 */
export function compressPayload(plain: Uint8Array, level: number, windowBits: number): Uint8Array | undefined {
  const compressed = compress(plain, level, windowBits);
  const length = compressed.length - FLUSH_TAIL_BYTES;
  return length < plain.length ? compressed.subarray(0, length) : undefined;
}
