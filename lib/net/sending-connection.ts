/**
 * The sending half of a WebSocket connection: what may be sent now, how it leaves, and what became of it.
 *
 *     send, sendText, parts ──► protocol.send* ──► channel.output ──► flush now, or at the end of this turn
 *
 * Knows the core, the channel's pressure and the bounds, and nothing of what is received or of deadlines.
 * Read next: `websocket-connection.ts`, which adds the other half.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import type { Channel } from '../channel/port.ts';
import { describe } from '../options.ts';
import { PreparedMessage } from '../websocket/prepared-message.ts';
import { type AgreedExtensions, WebSocketProtocol } from '../websocket/protocol.ts';
import type { Message, SendOptions, SendResult } from './api.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Timed } from './deadlines.ts';
import type { Sweeper } from './sweeper.ts';

/** What a connection remembers in one field, since an idle one pays eight octets for each. */
export const Flag = {
  /** `send` has answered `backpressure` and `drain` has not been called since. */
  owesDrain: 1,
  /** The application has paused. While this or `behind` is set we do not read, so the peer's silence says nothing. */
  paused: 2,
  /** TCP is gone and `close` has been called. */
  closed: 4,
  /** A write had to wait, and nothing has come from the peer since: what we send now stands behind all that the system's buffers hold. */
  slow: 8,
  /** Whoever reads messages has enough of them for now. */
  behind: 16,
  /** The peer's FIN came while we did not read. */
  owesEnd: 32,
} as const;

/** Either of the reasons for which we do not read. */
export const STOPPED: number = Flag.paused | Flag.behind;

/** A frame header is at most this much of what a message adds to the buffered bytes (a server's; a client's is 4 more). */
const HEADER_ALLOWANCE_BYTES = 14;

export abstract class SendingConnection<Face> extends Timed {
  readonly settings: ConnectionSettings<Face>;
  protected readonly core: WebSocketProtocol;
  /** Whole messages. */
  sentMessages = 0;
  /** Bits of `Flag`. */
  protected flags = 0;

  constructor(channel: Channel, settings: ConnectionSettings<Face>, agreed: AgreedExtensions) {
    super(channel);
    this.settings = settings;
    this.core = new WebSocketProtocol(lending(settings, channel), channel.output, agreed);
  }

  /** Nothing waits beyond the high-water mark; where something does, `drain` is called once all has left. */
  hasRoom(): boolean {
    const { channel } = this;
    const { highWaterMarkBytes } = this.settings;
    // What waits for the end of this turn only is not in the way: pongs, for example, of which nobody else tells.
    if (channel.bufferedAmount > highWaterMarkBytes && !channel.blocked) channel.flush();
    if (channel.bufferedAmount <= highWaterMarkBytes) return true;
    this.flags |= Flag.owesDrain;
    return false;
  }

  /** As `ServerWebSocket.send`. */
  send(message: Message, options?: SendOptions): SendResult {
    if (typeof message === 'string') return this.sendString(message, options);
    if (!(message instanceof Uint8Array)) return this.sendOther(message, options);
    if (!this.mayTake(message.length)) return this.refused();
    this.core.sendBinary(message, options?.compress);
    return this.sent();
  }

  private sendString(text: string, options: SendOptions | undefined): SendResult {
    // UTF-8 takes up to three octets a UTF-16 unit; they are counted only where it matters.
    if (!this.mayTake(text.length * 3) && !this.mayTake(utf8ByteLength(text))) return this.refused();
    this.core.sendText(text, options?.compress);
    return this.sent();
  }

  private sendOther(message: PreparedMessage | ArrayBuffer, options: SendOptions | undefined): SendResult {
    if (message instanceof ArrayBuffer) return this.send(new Uint8Array(message), options);
    if (!(message instanceof PreparedMessage))
      throw new TypeError(
        `message is ${describe(message)}, must be a string (JSON.stringify makes one), a Uint8Array, an ArrayBuffer or a PreparedMessage`,
      );
    if (!this.mayTake(message.end - message.start)) return this.refused();
    this.core.sendPrepared(message, options?.compress);
    return this.sent();
  }

  /** Begins a message in parts: until `endMessage` no other can be sent. @throws as `WebSocketProtocol.beginMessage` */
  beginMessage(type: 'text' | 'binary', compress: boolean | undefined): void {
    this.core.beginMessage(type, compress);
  }

  /** Sends a part, of whatever size: whoever sends parts waits for `hasRoom` in between. @throws as `WebSocketProtocol.sendPart` */
  sendPart(part: string | Uint8Array): SendResult {
    this.core.sendPart(part);
    return this.leave();
  }

  /** @throws as `WebSocketProtocol.endMessage` */
  endMessage(): SendResult {
    this.core.endMessage();
    return this.sent();
  }

  /** As `ServerWebSocket.sendText`. */
  sendText(utf8: Uint8Array, options?: SendOptions): SendResult {
    mustBeBytes(utf8);
    if (!this.mayTake(utf8.length)) return this.refused();
    this.core.sendText(utf8, options?.compress);
    return this.sent();
  }

  /**
   * Sends what `encode` puts into the output, of about `sizeBytes`: for faces that say more than `send` does.
   * @throws what `encode` throws
   */
  sendEncoded(sizeBytes: number, encode: (core: WebSocketProtocol) => void): SendResult {
    if (!this.mayTake(sizeBytes)) return 'dropped';
    encode(this.core);
    return this.sent();
  }

  protected has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  protected get sweeper(): Sweeper {
    return this.settings.sweeper;
  }

  /** Whether a message of about this size may be accepted now. */
  protected mayTake(size: number): boolean {
    const { channel } = this;
    if (this.core.state !== 'OPEN' || channel.destroyed) return false;
    const mostBytes = this.settings.maxBufferedBytes - HEADER_ALLOWANCE_BYTES - size;
    if (channel.bufferedAmount <= mostBytes) return true;
    // What waits for the end of this turn only is not in the way: the head of the handshake, for example.
    if (!channel.blocked) channel.flush();
    // A single message may exceed the bound when nothing else waits: else it could never be sent at all.
    return channel.bufferedAmount === 0 || channel.bufferedAmount <= mostBytes;
  }

  /** A message was not accepted. Whoever waits for room, as a `write` does, is told of it, also where little waits. */
  private refused(): SendResult {
    this.flags |= Flag.owesDrain;
    return 'dropped';
  }

  private sent(): SendResult {
    this.sentMessages++;
    return this.leave();
  }

  /** Sees to it that what is in the output leaves, and says how that stands. */
  protected leave(): SendResult {
    const { channel } = this;
    const { highWaterMarkBytes } = this.settings;
    if (channel.output.byteLength >= highWaterMarkBytes) channel.flush();
    else channel.flushSoon();
    if (channel.bufferedAmount <= highWaterMarkBytes) return 'sent';
    this.flags |= Flag.owesDrain;
    return 'backpressure';
  }
}

/** The settings, but nothing is lent where somebody else may look at a chunk. */
function lending<Face>(settings: ConnectionSettings<Face>, channel: Channel): ConnectionSettings<Face> {
  if (channel.chunksAreWritable || !(settings.lendsBinary || settings.lendsText)) return settings;
  return { ...settings, lendsBinary: false, lendsText: false };
}

/** A number here would once have been a length (CVE-2016-10518). */
export function mustBeBytes(payload: unknown): void {
  if (!(payload instanceof Uint8Array)) throw new TypeError('payload is not a Uint8Array');
}
