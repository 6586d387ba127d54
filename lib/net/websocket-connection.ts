/**
 * Binds one `WebSocketProtocol` to one `Transport`: all the I/O that a WebSocket needs, on either side.
 *
 *     transport ──chunk──► protocol.receive ──values──► handlers          protocol.output ──► transport
 *
 * Adds what the pure core cannot own: the three-valued `send`, backpressure and `drain`, and the deadlines for pongs,
 * writes and the closing handshake (by sweeps, see `sweeper.ts`). Guarantees: `open` is followed by exactly one `close`,
 * nothing is delivered outside of them, and a handler that throws ends its own connection only (1011).
 * Read next: `server.ts`.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import { ProtocolViolation } from '../errors.ts';
import { TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import { CloseCode, encodeClosePayload } from '../websocket/close.ts';
import { MAX_CONTROL_PAYLOAD_BYTES } from '../websocket/frame.ts';
import { PreparedMessage } from '../websocket/prepared-message.ts';
import {
  type AgreedExtensions,
  type Incoming,
  type IncomingReceiver,
  WebSocketProtocol,
} from '../websocket/protocol.ts';
import type { HttpRequest, SendOptions, SendResult, ServerWebSocket, WebSocketHandlers } from './api.ts';
import { MessageQueue } from './message-queue.ts';
import type { Sweepable, Sweeper } from './sweeper.ts';
import type { Sink, Transport } from './transport.ts';

/** Everything that connections of one route share: one object, however many connections. */
export interface ConnectionSettings<Data = unknown> {
  readonly role: 'client' | 'server';
  readonly handlers: WebSocketHandlers<Data>;
  readonly sweeper: Sweeper;
  readonly maxMessageBytes: number;
  readonly maxFramesPerMessage: number;
  readonly maxBufferedBytes: number;
  readonly highWaterMarkBytes: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly textAsBytes: boolean;
  /** Told what a handler threw. */
  readonly onHandlerError: (error: unknown) => void;
}

/** Fills in the defaults of `limits.ts`. */
export function connectionSettings<Data>(
  options: Partial<ConnectionSettings<Data>> &
    Pick<ConnectionSettings<Data>, 'role' | 'handlers' | 'sweeper' | 'onHandlerError'>,
): ConnectionSettings<Data> {
  return {
    ...WEBSOCKET_LIMITS,
    pingIntervalMs: TIMEOUTS.pingIntervalMs,
    pongTimeoutMs: TIMEOUTS.pongTimeoutMs,
    closeTimeoutMs: TIMEOUTS.closeTimeoutMs,
    writeTimeoutMs: TIMEOUTS.writeTimeoutMs,
    textAsBytes: false,
    ...options,
  };
}

/** The readyState values of the WHATWG interface. */
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** A frame header is at most this much of what a message adds to the buffered bytes (a server's; a client's is 4 more). */
const HEADER_ALLOWANCE_BYTES = 14;

export class WebSocketConnection<Data = unknown> implements ServerWebSocket<Data>, Sink, Sweepable, IncomingReceiver {
  readonly request: HttpRequest;
  readonly protocol: string;
  readonly extensions: string;
  data: Data = undefined as Data;

  readonly #transport: Transport;
  readonly #core: WebSocketProtocol;
  readonly #settings: ConnectionSettings<Data>;
  /** `send` has answered `backpressure` and `drain` has not been called since. */
  #owesDrain = false;
  /** We do not read, so the peer's silence says nothing. */
  #paused = false;
  /** TCP is gone and `close` has been called. */
  #closed = false;
  /** Why the connection did not end in peace; set before `close` is called. */
  #error: Error | undefined = undefined;
  /** What the current deadline is about, and when it is due on the sweeper's clock. */
  #waitingFor: 'peer' | 'pong' | 'write' | 'close' = 'peer';
  #deadlineMs: number;
  /** For `for await`; made when first asked for. */
  #queue: MessageQueue | undefined = undefined;

  constructor(
    transport: Transport,
    settings: ConnectionSettings<Data>,
    request: HttpRequest,
    agreed: AgreedExtensions & { readonly protocol: string; readonly extensions: string },
  ) {
    this.#transport = transport;
    this.#settings = settings;
    this.request = request;
    this.protocol = agreed.protocol;
    this.extensions = agreed.extensions;
    this.#core = new WebSocketProtocol(settings, transport.output, agreed);
    this.#deadlineMs = settings.sweeper.nowMs + settings.pingIntervalMs;
    transport.sink = this;
    settings.sweeper.add(this);
  }

  /** Calls `open`. Apart from the constructor, so that whoever makes the connection can store it first. */
  open(): void {
    const { handlers } = this.#settings;
    this.#guard(() => handlers.open?.(this, this.request));
  }

  get readyState(): number {
    if (this.#closed) return CLOSED;
    return this.#core.state === 'OPEN' ? OPEN : CLOSING;
  }

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount;
  }

  send(message: string | Uint8Array | ArrayBuffer | PreparedMessage, options?: SendOptions): SendResult {
    const core = this.#core;
    if (typeof message === 'string') {
      // UTF-8 takes up to three octets a UTF-16 unit; they are counted only where it matters.
      if (!this.#hasRoom(message.length * 3) && !this.#hasRoom(utf8ByteLength(message))) return 'dropped';
      core.sendText(message, options?.compress);
    } else if (message instanceof Uint8Array) {
      if (!this.#hasRoom(message.length)) return 'dropped';
      core.sendBinary(message, options?.compress);
    } else if (message instanceof PreparedMessage) {
      if (!this.#hasRoom(message.end - message.start)) return 'dropped';
      core.sendPrepared(message, options?.compress);
    } else if (message instanceof ArrayBuffer) {
      return this.send(new Uint8Array(message), options);
    } else {
      throw new TypeError('a message is a string, a Uint8Array, an ArrayBuffer or a PreparedMessage');
    }
    return this.#sent();
  }

  /** Sends UTF-8 bytes as a text message: what `textAsBytes` delivered, for example. */
  sendText(utf8: Uint8Array, options?: SendOptions): SendResult {
    mustBeBytes(utf8);
    if (!this.#hasRoom(utf8.length)) return 'dropped';
    this.#core.sendText(utf8, options?.compress);
    return this.#sent();
  }

  ping(payload: Uint8Array = NO_BYTES): SendResult {
    mustBeBytes(payload);
    if (payload.length > MAX_CONTROL_PAYLOAD_BYTES) {
      throw new RangeError(
        `ping payload is ${payload.length} bytes, limit ${MAX_CONTROL_PAYLOAD_BYTES} (RFC 6455 §5.5)`,
      );
    }
    if (!this.#hasRoom(payload.length)) return 'dropped';
    this.#core.sendPing(payload);
    return this.#sent();
  }

  close(code?: number, reason?: string): void {
    if (this.#core.state !== 'OPEN') {
      encodeClosePayload(code, reason ?? ''); // a caller's mistake is one in every state
      return;
    }
    this.#core.sendClose(code, reason);
    this.resume(); // a paused connection must still hear the peer's close
    this.#expectClose();
    this.#transport.flushSoon();
  }

  terminate(): void {
    this.#transport.destroy();
  }

  pause(): void {
    if (this.#core.state !== 'OPEN') return;
    this.#paused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#transport.resume();
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array> {
    this.#queue ??= this.#openQueue();
    return this.#queue;
  }

  /** The queue exists from the start for the `for await` form, so that no first message is lost. */
  openQueue(): void {
    this.#queue ??= this.#openQueue();
  }

  #openQueue(): MessageQueue {
    const { maxQueuedMessages, maxQueuedBytes } = this.#settings;
    const queue = new MessageQueue(
      { maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes },
      {
        full: () => this.pause(),
        drained: () => this.resume(),
        // Later, since a loop that is left by an exception is abandoned first, and its 1011 comes first then.
        abandoned: () => setImmediate(() => this.close(CloseCode.Normal)),
      },
    );
    if (this.#closed) queue.end(undefined);
    return queue;
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    if (this.#core.outputBlocked !== this.#transport.blocked) this.#core.outputBlocked = this.#transport.blocked;
    this.#core.receiveInto(chunk, this);
    if (this.#core.closeExpected) this.#expectClose();
  }

  /** `Sink`. */
  receiveEnd(): void {
    this.#core.receiveEnd();
    this.#transport.end();
    // Nothing is left to wait for but what the peer may still take; a FIN without a close frame is 1006 (§7.1.5).
    this.#wait('close', this.#settings.sweeper.nowMs + this.#settings.closeTimeoutMs);
  }

  /** `Sink`. */
  drained(): void {
    if (this.#core.outputBlocked) this.#core.outputBlocked = false;
    if (this.#transport.output.byteLength > 0) this.#transport.flushSoon();
    if (!this.#owesDrain || this.#transport.bufferedAmount > 0) return;
    this.#owesDrain = false;
    const { handlers } = this.#settings;
    if (handlers.drain !== undefined && this.#core.state === 'OPEN') this.#guard(() => handlers.drain?.(this));
  }

  /** `Sink`. */
  gone(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.sweeper.delete(this);
    this.#core.receiveEnd();
    const { closeCode, closeReason } = this.#core;
    this.#error ??= closeCode === CloseCode.Abnormal ? error : undefined;
    this.#queue?.end(this.#error);
    const { handlers } = this.#settings;
    this.#guard(() => handlers.close?.(this, closeCode, closeReason, this.#error));
  }

  /** `Sweepable`: moves the one deadline on, or acts on it. */
  sweep(nowMs: number): void {
    const { pingIntervalMs, pongTimeoutMs, writeTimeoutMs } = this.#settings;
    const transport = this.#transport;
    if (this.#waitingFor === 'close') {
      if (nowMs >= this.#deadlineMs) transport.destroy();
      return;
    }
    if (transport.blocked) {
      if (transport.progressed() || this.#waitingFor !== 'write') {
        this.#wait('write', nowMs + writeTimeoutMs);
      } else if (nowMs >= this.#deadlineMs) {
        this.#die(`the peer has taken nothing for ${writeTimeoutMs} ms`);
      }
      return;
    }
    if (transport.receivedSinceSweep || this.#paused || this.#waitingFor === 'write') {
      // Any byte is a sign of life; a pong is only asked for when there was none.
      transport.receivedSinceSweep = false;
      this.#wait('peer', nowMs + pingIntervalMs);
    } else if (nowMs >= this.#deadlineMs) {
      if (this.#waitingFor === 'pong') {
        this.#die(`no byte within ${pongTimeoutMs} ms after a ping`);
      } else if (pingIntervalMs > 0) {
        this.#core.sendPing();
        this.#wait('pong', nowMs + pongTimeoutMs);
        transport.flush();
      }
    }
  }

  #wait(what: 'peer' | 'pong' | 'write' | 'close', deadlineMs: number): void {
    this.#waitingFor = what;
    this.#deadlineMs = deadlineMs;
  }

  /** §7.1.7 without a close frame: nobody would read it. */
  #die(why: string): void {
    this.#error = new Error(why);
    this.#transport.destroy();
  }

  /** `IncomingReceiver`: while the chunk is still being read, so that answers keep their order. */
  deliver(incoming: Incoming): void {
    // Behind a handler's failure, or `terminate`, the rest of what one read has brought is nobody's.
    if (this.#error !== undefined || this.#transport.socket.destroyed) return;
    const { handlers } = this.#settings;
    switch (incoming.kind) {
      case 'text':
      case 'binary':
        if (this.#queue !== undefined) this.#queue.push(incoming.data);
        else {
          try {
            const result: unknown = handlers.message?.(this, incoming.data, incoming.kind === 'text');
            if (result !== undefined) this.#watch(result);
          } catch (error) {
            this.#handlerFailed(error);
          }
        }
        return;
      case 'ping':
        this.#guard(() => handlers.ping?.(this, incoming.data));
        return;
      case 'pong':
        this.#guard(() => handlers.pong?.(this, incoming.data));
        return;
      case 'failed':
        this.#error = new ProtocolViolation(incoming.code, incoming.detail, incoming.section);
        return;
      case 'close':
        return; // `close` is called when TCP has ended (§7.1.4)
    }
  }

  /** §7.1.1: the server ends TCP first; the client waits for that, but neither waits for ever. */
  #expectClose(): void {
    const { role, sweeper, closeTimeoutMs } = this.#settings;
    if (this.#waitingFor !== 'close') {
      this.#waitingFor = 'close';
      this.#deadlineMs = sweeper.nowMs + closeTimeoutMs;
    }
    const { state } = this.#core;
    // Both close frames have passed, or the connection has failed, which ends TCP on either side (§7.1.7).
    if (state === 'FAILED' || (state === 'CLOSED_CLEAN' && role === 'server')) this.#transport.end();
  }

  /** Whether a message of about this size may be accepted now. */
  #hasRoom(size: number): boolean {
    if (this.#core.state !== 'OPEN') return false;
    const { bufferedAmount } = this.#transport;
    // A single message may exceed the bound when nothing else waits: else it could never be sent at all.
    return bufferedAmount === 0 || bufferedAmount + size + HEADER_ALLOWANCE_BYTES <= this.#settings.maxBufferedBytes;
  }

  #sent(): SendResult {
    const transport = this.#transport;
    const { highWaterMarkBytes } = this.#settings;
    if (transport.output.byteLength >= highWaterMarkBytes) transport.flush();
    else transport.flushSoon();
    if (transport.bufferedAmount <= highWaterMarkBytes) return 'sent';
    this.#owesDrain = true;
    return 'backpressure';
  }

  #guard(callback: () => unknown): void {
    try {
      const result = callback();
      if (result !== undefined) this.#watch(result);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  /** A handler may be an async function: its rejection is a failure like any other, not the process's end. */
  #watch(result: unknown): void {
    if (result instanceof Promise) result.catch((error: unknown) => this.#handlerFailed(error));
  }

  #handlerFailed(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
    this.#settings.onHandlerError(error);
    this.close(CloseCode.InternalError);
  }
}

/** A number here would once have been a length (CVE-2016-10518). */
function mustBeBytes(payload: unknown): void {
  if (!(payload instanceof Uint8Array)) throw new TypeError('payload is not a Uint8Array');
}

const NO_BYTES = new Uint8Array(0);
