/**
 * One WebSocket of a client from its handshake to its end: the state behind the interface (WebSockets §4).
 *
 * Knows the ready state, what is to be sent, pauses and the loop of `for await`; no conversions and no events, which are
 * `websocket.ts`'s. Calls go in that have been checked; what happened comes out through its receiver, in the standard's order.
 * Sections: calls, the loop, feedback from the protocol. Read next: `outbox.ts`, `websocket-handshake.ts`.
 */

import { ConnectFailed } from '../errors.ts';
import { CLIENT_LIMITS, TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import type { SendOptions, StreamedMessage, WriteMessageOptions } from '../net/api.ts';
import type { ConnectionSettings } from '../net/connection-settings.ts';
import { messageBytes } from '../net/message-queue.ts';
import type { PartSource } from '../net/outgoing-parts.ts';
import { openConnection } from '../net/streaming-connection.ts';
import { clientSweeper } from '../net/sweeper.ts';
import { closed } from '../net/waiting-writes.ts';
import type { WebSocketConnection } from '../net/websocket-connection.ts';
import { defined } from '../options.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import { whenAborted } from './abort-signal.ts';
import { AsyncQueue } from './async-queue.ts';
import type { Attempt } from './attempt.ts';
import { Outbox, type Sendable } from './outbox.ts';
import { type Established, type HandshakeRequest, openHandshake } from './websocket-handshake.ts';

/** What happens, each in a turn of its own. `closed` comes once, at the end, whatever happened before. */
export interface SessionReceiver {
  opened(): void;
  message(data: string | Uint8Array): void;
  /** `error`: the connection was failed, or broke. */
  closed(code: number, reason: string, error: Error | undefined): void;
}

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

export class WebSocketSession {
  readonly #request: HandshakeRequest;
  readonly #receiver: SessionReceiver;
  readonly #outbox: Outbox;
  #state = CONNECTING;
  /** Set until the handshake is over. */
  #attempt: Attempt | undefined = undefined;
  /** Set from `open` on. */
  #connection: WebSocketConnection<WebSocketSession> | undefined = undefined;
  #protocol = '';
  #extensions = '';
  /** `pause` was called while connecting. */
  #opensPaused = false;
  /** What came behind the handshake of a connection that opened paused. */
  #rest: Uint8Array | undefined = undefined;
  /** Set once somebody iterates. */
  #queue: AsyncQueue<string | Uint8Array> | undefined = undefined;
  /** Why the connection is being failed, to be told with its end. */
  #failure: Error | undefined = undefined;
  /** Why there is nothing more to be written; from the end on. */
  #end: Error | undefined = undefined;
  #forgetSignal: () => void = () => {};

  /** Begins to connect. `request` has been checked. */
  constructor(request: HandshakeRequest, receiver: SessionReceiver) {
    this.#request = request;
    this.#receiver = receiver;
    const { options } = request;
    const { maxBufferedBytes, highWaterMarkBytes } = { ...WEBSOCKET_LIMITS, ...CLIENT_LIMITS, ...defined(options) };
    this.#outbox = new Outbox({ maxBufferedBytes, highWaterMarkBytes }, (error) => this.#fail(error));
    this.#forgetSignal = whenAborted(options.signal, (reason) => this.#aborted(reason));
    if (this.#state !== CONNECTING) return;
    this.#attempt = openHandshake(request, {
      established: (connection) => this.#established(connection),
      failed: (error) => this.#notEstablished(error),
    });
  }

  /** As the interface has it. The peer's close frame changes it at once, the end of TCP with `closed`. */
  get readyState(): number {
    const connection = this.#connection?.readyState ?? this.#state;
    return Math.max(this.#state, Math.min(connection, CLOSING));
  }

  get bufferedAmount(): number {
    return this.#outbox.bufferedAmount;
  }

  get extensions(): string {
    return this.#extensions;
  }

  get protocol(): string {
    return this.#protocol;
  }

  /** The interface's `close`, step 3: the first of its four cases that holds. */
  close(code: number | undefined, reason: string): void {
    // "CLOSING (2) or CLOSED (3): Do nothing." The fourth case, the peer's close frame has come, is CLOSING here too.
    if (this.readyState >= CLOSING) return;
    if (this.#state === CONNECTING) {
      // "not yet established: Fail the WebSocket connection and set this's ready state to CLOSING (2)"
      this.#abort(new ConnectFailed('HANDSHAKE_ABORTED', 'closed before the connection was established'));
      return;
    }
    // "not yet been started: Start the WebSocket closing handshake and set this's ready state to CLOSING (2)"
    this.#state = CLOSING;
    this.#outbox.afterBlobs(() => {
      this.#connection?.close(code, reason);
      this.resume(); // what a pause held back may have the peer's close frame in it
    });
  }

  /** The interface's `send`, step 2. */
  send(data: Sendable, options: SendOptions | undefined): void {
    if (this.readyState === OPEN) this.#outbox.send(data, options);
    else this.#outbox.lose(data);
  }

  /** Sends once there is room, behind earlier calls and `open`. Rejects with `ConnectionClosed`. */
  write(data: Sendable, options: SendOptions | undefined): Promise<void> {
    if (this.readyState >= CLOSING) return Promise.reject(closed(this.#end));
    return this.#outbox.write(data, options);
  }

  /** As `write`, of a message in parts. */
  writeMessage(parts: PartSource, options: WriteMessageOptions | undefined): Promise<void> {
    if (this.readyState >= CLOSING) return Promise.reject(closed(this.#end));
    return this.#outbox.writeMessage(parts, options);
  }

  /** Resolves to the milliseconds until the pong; to undefined where none will come. */
  ping(): Promise<number | undefined> {
    return this.#connection?.ping() ?? Promise.resolve(undefined);
  }

  /** Stops reading; before `open`, so that nothing is read behind it. */
  pause(): void {
    this.#opensPaused = this.#connection === undefined;
    this.#connection?.pause();
  }

  resume(): void {
    this.#opensPaused = false;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#connection?.receive(rest);
    this.#connection?.resume();
  }

  /** Drops TCP at once. */
  terminate(): void {
    if (this.#state === CONNECTING) this.close(undefined, '');
    else if (this.#state !== CLOSED) {
      this.#state = CLOSING;
      this.#outbox.stop();
      this.#connection?.terminate();
    }
  }

  /** The messages from now on, which are then no longer told to the receiver. */
  messages(): AsyncIterableIterator<string | Uint8Array> {
    if (this.#request.options.messageStream !== undefined)
      throw new TypeError('messages go to the option messageStream, not to for await');
    if (this.#queue === undefined) {
      const limits = { ...WEBSOCKET_LIMITS, ...defined(this.#request.options) };
      const owner = {
        full: () => this.#connection?.hold(),
        drained: () => this.#connection?.release(),
        abandoned: () => {
          this.close(undefined, '');
          this.#connection?.release();
        },
      };
      const bounds = { maxMessages: limits.maxQueuedMessages, maxBytes: limits.maxQueuedBytes };
      this.#queue = new AsyncQueue(bounds, owner, messageBytes);
      if (this.#state === CLOSED) this.#queue.end(undefined);
    }
    return this.#queue;
  }

  #aborted(cause: unknown): void {
    if (this.#state !== CONNECTING) this.close(1000, '');
    else this.#abort(new ConnectFailed('HANDSHAKE_ABORTED', 'the signal was aborted', { cause }));
  }

  /** Gives up the handshake. */
  #abort(error: ConnectFailed): void {
    if (this.#attempt === undefined) this.#notEstablished(error);
    else this.#attempt.abort(error);
  }

  /** "Fail the WebSocket connection" before it is established. */
  #notEstablished(error: Error): void {
    this.#state = CLOSING;
    this.#failure = error;
    setImmediate(() => this.#closed(1006, '')); // "queue a task": listeners may not be there yet
  }

  /** "Fail the WebSocket connection" for something that could not be sent, or kept. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#state = Math.max(this.#state, CLOSING);
    this.#connection?.terminate();
  }

  /** §4, "When the WebSocket connection is established". */
  #established(agreed: Established): void {
    const { channel, rest } = agreed;
    const deflate = agreed.deflate && deflateSettings('client', agreed.deflate, this.#request.deflate!);
    const connection = openConnection<WebSocketSession>(channel, this.#settings(), { deflate }, this);
    this.#extensions = agreed.extensions; // step 2
    this.#protocol = agreed.protocol; // step 3
    this.#attempt = undefined;
    this.#connection = connection;
    this.#state = OPEN; // step 1
    if (this.#opensPaused) {
      connection.pause();
      this.#rest = rest;
    }
    this.#outbox.open({ connection, channel });
    this.#receiver.opened(); // step 4
    if (rest.length > 0 && this.#rest === undefined) connection.receive(rest);
    channel.flushSoon();
  }

  #settings(): ConnectionSettings<WebSocketSession> {
    const { options } = this.#request;
    const limits = { ...WEBSOCKET_LIMITS, ...TIMEOUTS, ...CLIENT_LIMITS, ...defined(options) };
    const sweeper = clientSweeper(options.clock);
    sweeper.expect(limits.pingIntervalMs, limits.pongTimeoutMs, limits.closeTimeoutMs, limits.writeTimeoutMs);
    const { messageStream } = options;
    return {
      ...limits,
      role: 'client',
      inParts: messageStream !== undefined,
      sweeper,
      textAsBytes: false,
      lendsBinary: false,
      lendsText: false,
      onError: () => {}, // `close` tells; a listener's exception is the event target's business
      handlers: {
        text: (_, data) => this.#receive(data),
        binary: (_, data) => this.#receive(data),
        ...(messageStream && { messageStream: (_: WebSocketSession, each: StreamedMessage) => messageStream(each) }),
        drain: () => this.#outbox.drained(),
        close: (_, code, reason, error) => {
          this.#failure ??= error;
          this.#closed(code, reason);
        },
      },
    };
  }

  /** §4, "When a WebSocket message has been received". */
  #receive(data: string | Uint8Array): void {
    // A loop hears all that the peer sends before its close frame, also behind our own (RFC 6455 §7.1.2 allows it).
    if (this.#queue !== undefined) this.#queue.push(data);
    // Step 1: "If ready state is not OPEN (1), then return." A close frame of the peer in the same chunk has changed the
    // connection's state already, but the message came before it.
    else if (this.#state === OPEN) this.#receiver.message(data);
  }

  /** §4, "When the WebSocket connection is closed". */
  #closed(code: number, reason: string): void {
    if (this.#state === CLOSED) return;
    const error = this.#failure;
    const isCut = code === 1006 && this.#state === OPEN;
    this.#state = CLOSED; // step 1
    this.#forgetSignal();
    this.#end = error ?? new Error(`closed with ${code}${reason === '' ? '' : `: ${reason}`}`);
    this.#outbox.end(this.#end);
    this.#queue?.end(error ?? (isCut ? closed() : undefined));
    this.#receiver.closed(code, reason, error); // steps 2 and 3
  }
}
