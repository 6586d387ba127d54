/**
 * One established connection under a `WebSocket` of this folder: ws's way of sending and hearing over ours.
 *
 * Knows the connection, callbacks, fragments and Blobs on their way; no handshake and no options. What comes goes to the owner's
 * listeners by `told.ts`, which is read next.
 */

import { takeOver } from '../channel/handed-over.ts';
import type { Channel, Owner, Sink } from '../channel/port.ts';
import type { ConnectionSettings } from '../net/connection-settings.ts';
import { WebSocketConnection } from '../net/websocket-connection.ts';
import { CloseCode } from '../websocket/close.ts';
import type { DeflateSettings } from '../websocket/deflate.ts';
import { SendCallbacks } from './send-callbacks.ts';
import { type LinkOwner, tell } from './told.ts';
import type { SendCallback, SendOptions, UpgradeSocket } from './types.ts';

/** What was agreed. */
export interface LinkStart {
  readonly settings: ConnectionSettings<Link>;
  readonly deflate: DeflateSettings | undefined;
}

/** A call that waits until a Blob has been read. */
interface Waiting {
  readonly call: () => void;
  readonly callback: SendCallback | undefined;
}

const OWNER: Owner = { channelGone() {} };
const NOBODY: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

/** A stream that was taken over; reading begins with `Link.begin`. */
export interface TakenStream {
  readonly stream: UpgradeSocket;
  readonly channel: Channel;
  readonly early: Uint8Array;
}

/** Undefined: it is broken already, or still answers another request than `request`. */
export function takeStream(stream: UpgradeSocket, head: Uint8Array, request?: object): TakenStream | undefined {
  const taken = takeOver(stream, head, NOBODY, OWNER, request);
  return taken && { stream, ...taken };
}

export class Link {
  readonly owner: LinkOwner;
  /** The stream below, for those who look at its addresses. */
  readonly stream: UpgradeSocket;
  readonly #connection: WebSocketConnection<Link>;
  readonly #onClosed: (code: number, reason: string) => void;
  #callbacks: SendCallbacks | undefined = undefined;
  #isPaused = false;
  /** With `allowSynchronousEvents: false`: an event waits for its turn. */
  #isLate = false;
  /** The end came meanwhile. */
  #endedLate: { readonly code: number; readonly reason: string } | undefined = undefined;
  /** The message that is being sent in fragments. `refused`: its first one was not sent, and so none of the others is. */
  #fragmented: 'text' | 'binary' | 'refused' | undefined = undefined;
  /** What was called behind a Blob that is still being read. */
  #behindBlob: Waiting[] | undefined = undefined;
  /** That Blob's own callback. */
  #blobCallback: SendCallback | undefined = undefined;
  /** Bytes of that Blob, and of what waits behind it. */
  #blobBytes = 0;

  constructor(
    owner: LinkOwner,
    { stream, channel }: TakenStream,
    { settings, deflate }: LinkStart,
    onClosed: (code: number, reason: string) => void,
  ) {
    this.owner = owner;
    this.stream = stream;
    this.#onClosed = onClosed;
    this.#connection = new WebSocketConnection<Link>(channel, settings, { deflate }, this);
  }

  /** Begins to read, behind this tick, as a stream does that listeners were put on. */
  begin(early: Uint8Array): void {
    const { channel } = this.#connection;
    process.nextTick(() => {
      if (channel.destroyed) return;
      if (early.length > 0) channel.sink.receive(early);
      channel.flushSoon();
      if (!this.#isPaused) channel.resume();
    });
  }

  get isOpen(): boolean {
    return this.#connection.readyState === 1;
  }

  /** Bytes that the system has not taken. What only waits for the end of this turn is given to it first, as ws would have. */
  get bufferedAmount(): number {
    const { channel } = this.#connection;
    if (!channel.blocked) channel.flush();
    return channel.bufferedAmount + this.#blobBytes;
  }

  send(data: string | Uint8Array | Blob, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    if (data instanceof Blob) this.#sendBlob(data, options ?? BINARY, callback);
    else if (this.#behindBlob === undefined) this.#send(data, options, callback);
    else this.#waitBehindBlob(data.length, () => this.#send(data, options, callback), callback);
  }

  sendControl(kind: 'ping' | 'pong', payload: Uint8Array, callback: SendCallback | undefined): void {
    const send = (): void => {
      const result = this.#connection.sendEncoded(payload.length, (core) =>
        kind === 'ping' ? core.sendPing(payload) : core.sendPong(payload),
      );
      this.#called(result, callback);
    };
    if (this.#behindBlob === undefined) send();
    else this.#waitBehindBlob(payload.length, send, callback);
  }

  close(code: number | undefined, reason: string): void {
    if (this.#behindBlob === undefined) this.#connection.close(code, reason);
    else this.#waitBehindBlob(0, () => this.#connection.close(code, reason), undefined);
  }

  /** What was sent before has been given to the system, as with ws, unless the peer does not read. */
  terminate(): void {
    const { channel } = this.#connection;
    if (!channel.blocked) channel.flush();
    this.#callbacks?.noteTaken();
    this.#connection.terminate();
  }

  pause(): void {
    this.#isPaused = true;
    this.#connection.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#connection.resume();
  }

  /** From the connection. */
  written(): void {
    this.#callbacks?.settle();
  }

  /** From the connection: `tellIt` tells an event in a turn of its own, and until then nothing else is read. */
  tellLate(tellIt: () => void): void {
    this.#isLate = true;
    this.#connection.hold();
    setImmediate(() => {
      this.#isLate = false;
      tellIt();
      if (this.#endedLate === undefined) this.#connection.release();
      else this.ended(this.#endedLate.code, this.#endedLate.reason);
    });
  }

  /** From the connection. */
  ended(code: number, reason: string): void {
    if (this.#isLate) {
      this.#endedLate = { code, reason };
      return;
    }
    this.#callbacks?.fail();
    this.#failBlob(closedMeanwhile());
    this.#onClosed(code, reason);
  }

  #send(data: string | Uint8Array, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    const isBinary = options?.binary ?? typeof data !== 'string';
    if (options?.fin === false || this.#fragmented !== undefined) {
      // The first fragment says what the message is (RFC 6455 §5.4), whatever the others are.
      this.#sendFragment(data, this.#fragmented ?? (isBinary ? 'binary' : 'text'), options ?? {}, callback);
      return;
    }
    const connection = this.#connection;
    const how = options?.compress === false ? UNCOMPRESSED : undefined;
    const result =
      typeof data === 'string' && isBinary
        ? connection.send(Buffer.from(data), how)
        : isBinary || typeof data === 'string'
          ? connection.send(data, how)
          : connection.sendText(data, how);
    if (callback !== undefined || result === 'dropped') this.#called(result, callback);
  }

  /**
   * A message that lacks a part is another message, and none can be given up (RFC 6455 §5.4). Choice: where its first part is not sent,
   * the others are not either; where a later one cannot be, the connection ends.
   */
  #sendFragment(
    data: string | Uint8Array,
    type: 'text' | 'binary' | 'refused',
    { compress, fin }: SendOptions,
    callback: SendCallback | undefined,
  ): void {
    const begins = this.#fragmented === undefined;
    const part = typeof data === 'string' && type === 'binary' ? Buffer.from(data) : data;
    const result =
      type === 'refused'
        ? 'dropped'
        : this.#connection.sendEncoded(part.length, (core) => {
            if (begins) core.beginMessage(type, compress === false ? false : undefined);
            core.sendPart(part);
            if (fin !== false) core.endMessage();
          });
    const isRefused = type === 'refused' || (begins && result === 'dropped');
    this.#fragmented = fin === false ? (isRefused ? 'refused' : type) : undefined;
    if (type === 'refused' && this.isOpen) {
      if (callback !== undefined)
        process.nextTick(callback, new Error('not sent: the first part of the message was not'));
      return;
    }
    this.#called(result, callback);
    if (result === 'dropped' && !isRefused)
      this.#connection.close(CloseCode.TryAgainLater, 'a part would be beyond maxBufferedBytes');
  }

  #called(result: 'sent' | 'backpressure' | 'dropped', callback: SendCallback | undefined): void {
    if (callback === undefined) return;
    if (result === 'dropped') {
      const { maxBufferedBytes } = this.#connection.settings;
      const tooMuch = `not sent: more than maxBufferedBytes (${maxBufferedBytes}) would wait`;
      // What is sent without a Blob before it finds the connection open: `WebSocket` has looked.
      process.nextTick(callback, this.isOpen ? new Error(tooMuch) : closedMeanwhile());
      return;
    }
    this.#callbacks ??= new SendCallbacks(this.#connection.channel);
    this.#callbacks.add(callback);
  }

  #waitBehindBlob(bytes: number, call: () => void, callback: SendCallback | undefined): void {
    this.#blobBytes += bytes;
    const counted = (): void => {
      this.#blobBytes -= bytes;
      call();
    };
    this.#behindBlob?.push({ call: counted, callback });
  }

  #sendBlob(blob: Blob, options: SendOptions, callback: SendCallback | undefined): void {
    if (this.#behindBlob !== undefined) {
      this.#waitBehindBlob(blob.size, () => this.#sendBlob(blob, options, callback), callback);
      return;
    }
    this.#behindBlob = [];
    this.#blobCallback = callback;
    this.#blobBytes += blob.size;
    blob.arrayBuffer().then(
      (buffer) => this.#blobRead(blob.size, () => this.#send(new Uint8Array(buffer), options, callback)),
      (error: Error) => {
        if (!this.#failBlob(error)) return;
        process.nextTick(tell, this.owner, 'error', error);
        this.#connection.terminate();
      },
    );
  }

  #blobRead(bytes: number, send: () => void): void {
    const waiting = this.#behindBlob;
    if (waiting === undefined) return; // the connection has ended meanwhile
    this.#behindBlob = undefined;
    this.#blobBytes -= bytes;
    send();
    for (const [i, { call }] of waiting.entries()) {
      call();
      if (this.#behindBlob === undefined) continue;
      (this.#behindBlob as Waiting[]).push(...waiting.slice(i + 1));
      return;
    }
  }

  /**
   * The Blob that is being read will not be sent, nor what waits behind it. Callbacks are called behind this tick, as with ws.
   * Answers whether there was one.
   */
  #failBlob(error: Error): boolean {
    const waiting = this.#behindBlob;
    if (waiting === undefined) return false;
    this.#behindBlob = undefined;
    for (const callback of [this.#blobCallback, ...waiting.map((each) => each.callback)])
      if (callback !== undefined) process.nextTick(callback, error);
    return true;
  }
}

/** In ws's words. */
function closedMeanwhile(): Error {
  return new Error('The socket was closed while the blob was being read');
}

const BINARY: SendOptions = { binary: true };
const UNCOMPRESSED = { compress: false };
