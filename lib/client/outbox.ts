/**
 * What a WebSocket client has been told to send: its order behind Blobs that are still being read, its size, its pace.
 *
 * Knows the rules of `send` and `bufferedAmount` (WebSockets §3.1); the connection encodes and writes. Data goes in, and a
 * failure that the caller could not see (a Blob that cannot be read, a full buffer) comes out through `failed`.
 * Bounded by the connection's `maxBufferedBytes`, Blobs and what waits behind them included.
 * Read next: `send-ledger.ts`, `websocket.ts`.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import type { Channel } from '../channel/port.ts';
import type { SendOptions, SendResult, WriteMessageOptions } from '../net/api.ts';
import { type PartSource, type PartsOutlet, writeParts } from '../net/outgoing-parts.ts';
import { closed, WaitingWrites } from '../net/waiting-writes.ts';
import { SendLedger } from './send-ledger.ts';

/** What can be sent, as the connection takes it, or as a Blob that has yet to be read. */
export type Sendable = string | Uint8Array | Blob;

/** As much of a connection as sending needs. */
export interface Outlet {
  readonly connection: PartsOutlet & {
    send(message: string | Uint8Array, options?: SendOptions): SendResult;
  };
  readonly channel: Pick<Channel, 'bufferedAmount' | 'output' | 'sentBytes'>;
}

/** The `readyState` of a connection that is not there any more. */
const CLOSED = 3;

/** The position of the stream's end: all octets that were ever to be sent. */
function appended({ channel }: Outlet): number {
  return channel.sentBytes + channel.output.byteLength;
}

export interface OutboxLimits {
  readonly maxBufferedBytes: number;
  /** `write` waits while more than this is waiting. */
  readonly highWaterMarkBytes: number;
}

/** One for the process: counts turns of the event loop in which somebody sent. */
let sharedTurn = 0;
let turnIsCounted = false;

function thisTurn(): number {
  if (!turnIsCounted) {
    turnIsCounted = true;
    setImmediate(() => {
      turnIsCounted = false;
      sharedTurn++;
    });
  }
  return sharedTurn;
}

export class Outbox implements PartsOutlet {
  readonly #limits: OutboxLimits;
  /** Told once, when something that `send` has accepted cannot be sent. */
  readonly #failed: (error: Error) => void;
  readonly #ledger = new SendLedger();
  #outlet: Outlet | undefined = undefined;
  /** Octets that wait for a Blob in front of them, that Blob included. */
  #behindBlobsBytes = 0;
  /** What waits for Blobs to be read; undefined when nothing does. */
  #blobs: Promise<void> | undefined = undefined;
  /** Octets that will never leave: "sent" once closing had begun, or left over at the end. */
  #lostBytes = 0;
  /** `bufferedAmount` is of the turn's beginning, and what was sent in this turn on top. */
  #turn = -1;
  #bytesAtTurn = 0;
  #bytesInTurn = 0;
  #ended = false;
  /** A message in parts has begun and not ended. */
  #isInParts = false;
  readonly #writes = new WaitingWrites();

  constructor(limits: OutboxLimits, failed: (error: Error) => void) {
    this.#limits = limits;
    this.#failed = failed;
  }

  /**
   * WebSockets §3.1, `bufferedAmount`: octets of messages that had not been sent "as of the last time the event loop reached
   * step 1"; "this thus includes any text sent during the execution of the current task".
   */
  get bufferedAmount(): number {
    return this.#turn === sharedTurn ? this.#bytesAtTurn + this.#bytesInTurn : this.#bytes();
  }

  #bytes(): number {
    return this.#waiting() + this.#behindBlobsBytes + this.#lostBytes;
  }

  /** Octets that the connection has and the system has not taken. */
  #waiting(): number {
    const outlet = this.#outlet;
    if (outlet === undefined || this.#ended) return 0;
    return this.#ledger.remaining(appended(outlet) - outlet.channel.bufferedAmount);
  }

  #count(size: number): void {
    if (this.#turn !== thisTurn()) {
      this.#bytesAtTurn = this.#bytes();
      this.#bytesInTurn = 0;
      this.#turn = sharedTurn;
    }
    this.#bytesInTurn += size;
  }

  /** The connection is established. */
  open(outlet: Outlet): void {
    this.#outlet = outlet;
    this.drained();
  }

  /** Everything that waited has left. */
  drained(): void {
    this.#writes.drained(() => this.#hasRoom());
  }

  /** Nothing more will leave. What has not stays in `bufferedAmount`, which "does not reset to zero once the connection closes". */
  stop(): void {
    if (this.#ended) return;
    const left = this.#bytes();
    this.#ended = true;
    this.#behindBlobsBytes = 0;
    this.#lostBytes = left;
  }

  /** The connection is gone: as `stop`, and whoever waits in `write` is told, and why. */
  end(cause: Error): void {
    this.stop();
    this.#writes.end(cause);
  }

  /** Counts data that is "sent" when it no longer can be: `send` never fails for that (WebSockets §3.1). */
  lose(data: Sendable): void {
    const size = sizeOf(data);
    this.#count(size);
    this.#lostBytes += size;
  }

  /** Sends, or queues behind Blobs. Bytes are copied before this returns. @throws TypeError within a message in parts (RFC 6455 §5.4) */
  send(data: Sendable, options: SendOptions | undefined): void {
    if (this.#isInParts) throw new TypeError('a message in parts has begun: send is possible again when it has ended');
    const size = sizeOf(data);
    this.#count(size);
    if (!(data instanceof Blob) && this.#blobs === undefined) {
      this.#sendNow(data, size, options);
      return;
    }
    this.#behindBlobsBytes += size;
    const { maxBufferedBytes } = this.#limits;
    if (this.#behindBlobsBytes > maxBufferedBytes && this.#behindBlobsBytes > size) {
      this.#fail(new Error(`more than ${maxBufferedBytes} bytes wait for a Blob to be read`));
      return;
    }
    const ready = data instanceof Blob ? readBlob(data) : typeof data === 'string' ? data : new Uint8Array(data);
    const sent: Promise<void> = (this.#blobs ?? Promise.resolve())
      .then(async () => {
        const bytes = await ready;
        if (this.#ended) return;
        this.#behindBlobsBytes -= size;
        this.#sendNow(bytes, size, options);
      })
      // WebSockets §3.1: "if the data cannot be sent ... close the WebSocket connection".
      .catch((error: Error) => this.#fail(new Error(`a Blob could not be read: ${error.message}`, { cause: error })))
      .then(() => {
        if (this.#blobs === sent) this.#blobs = undefined;
        this.drained();
      });
    this.#blobs = sent;
  }

  /** Calls `action` once everything in front of it has been handed to the connection: now, where no Blob is being read. */
  afterBlobs(action: () => void): void {
    if (this.#blobs === undefined) action();
    else this.#blobs = this.#blobs.then(action);
  }

  /** Sends once there is room, behind earlier calls and `open`. Rejects with `ConnectionClosed` where it cannot be sent any more. */
  write(data: Sendable, options: SendOptions | undefined): Promise<void> {
    return this.#writes.add(() => {
      if (this.#outlet === undefined) return 'dropped'; // not yet: `open` tries again
      if (this.#ended || this.#outlet.connection.readyState !== 1) throw closed();
      this.send(data, options);
      return this.#hasRoom() ? 'sent' : 'backpressure';
    }, this.#hasRoom());
  }

  /** As `write`, of a message in parts, each of which counts when it is sent. @throws TypeError for what cannot be iterated */
  writeMessage(parts: PartSource, options: WriteMessageOptions | undefined): Promise<void> {
    return writeParts(this.#writes, this, parts, options);
  }

  // `PartsOutlet`: the connection as a message in parts sees it.

  get readyState(): number {
    return this.#ended ? CLOSED : (this.#outlet?.connection.readyState ?? CLOSED);
  }

  /** Blobs that are being read come first. */
  hasRoom(): boolean {
    return this.#blobs === undefined && this.#hasRoom();
  }

  beginMessage(type: 'text' | 'binary', compress: boolean | undefined): void {
    this.#outlet!.connection.beginMessage(type, compress);
    this.#isInParts = true;
  }

  sendPart(part: string | Uint8Array): SendResult {
    const outlet = this.#outlet!;
    const size = sizeOf(part);
    this.#count(size);
    const start = appended(outlet);
    const result = outlet.connection.sendPart(part);
    this.#ledger.add(size, start, appended(outlet));
    return result;
  }

  endMessage(): SendResult {
    this.#isInParts = false;
    return this.#outlet!.connection.endMessage();
  }

  close(code: number): void {
    this.#outlet!.connection.close(code);
  }

  #hasRoom(): boolean {
    if (this.#outlet === undefined || !this.#outlet.connection.hasRoom()) return false;
    return this.#outlet.channel.bufferedAmount + this.#behindBlobsBytes <= this.#limits.highWaterMarkBytes;
  }

  #sendNow(data: string | Uint8Array, size: number, options: SendOptions | undefined): void {
    const outlet = this.#outlet;
    if (outlet?.connection.readyState !== 1) {
      this.#lostBytes += size;
      return;
    }
    const start = appended(outlet);
    if (outlet.connection.send(data, options) === 'dropped') {
      // "flag the WebSocket as full and then close the WebSocket connection"
      this.#lostBytes += size;
      this.#fail(
        new Error(`more than ${this.#limits.maxBufferedBytes} bytes would wait for a server that does not read`),
      );
      return;
    }
    this.#ledger.add(size, start, appended(outlet));
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.stop();
    this.#failed(error);
  }
}

/** A Blob's bytes. Never rejects before somebody waits for it. */
function readBlob(blob: Blob): Promise<Uint8Array> {
  const bytes = blob.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  bytes.catch(() => {}); // who awaits it in its turn hears of it
  return bytes;
}

/** What a message counts for in `bufferedAmount`: text in UTF-8 octets. */
function sizeOf(data: Sendable): number {
  if (typeof data === 'string') return utf8ByteLength(data);
  return data instanceof Blob ? data.size : data.length;
}
