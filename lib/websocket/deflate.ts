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
import { SlidingWindow } from '../deflate/window.ts';
import type { DeflateParameters, DeflatePolicy } from './extension.ts';
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
        ? {
            code: 'WS_MESSAGE_TOO_BIG',
            closeCode: 1009,
            detail: `message decompresses to more than ${maxBytes} bytes`,
            section: 'RFC 6455 §10.4', // the bound is on the message, in whatever form it comes
          }
        : {
            code: 'WS_COMPRESSED_DATA',
            // RFC 7692 names no code. RFC 6455 §7.4.1 has 1007 for data "not consistent with the type of the message".
            closeCode: 1007,
            detail: `message cannot be decompressed: ${error.message}`,
            section: 'RFC 7692 §7.2.2',
          };
    }
    if (this.#settings.receiveTakeover) {
      this.#received ??= new SlidingWindow(this.#settings.receiveWindowBits);
      this.#received.update(plain.bytes.length === plain.length ? plain.bytes : plain.bytes.subarray(0, plain.length));
    }
    return plain;
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
