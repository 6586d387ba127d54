/**
 * The WHATWG `WebSocket` client (https://websockets.spec.whatwg.org/), with what a server-side user needs besides.
 *
 * The interface, its conversions and its events are the standard's, step by step. Beyond it: `write`, `writeMessage`, `ping`, `pause`,
 * `resume`, `terminate`, `for await`, and errors that say what happened. Cookies are not kept. Knows no frames and no state:
 * those are the session's. Sections: the constructor, the interface, beyond the standard. Read next: `websocket-session.ts`.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import type { SendOptions, WriteMessageOptions } from '../net/api.ts';
import { MAX_REASON_BYTES } from '../websocket/close.ts';
import { deflatePolicy } from '../websocket/extension.ts';
import { EventHandlers } from './event-handlers.ts';
import { CloseEvent, type ErrorEvent, errorEvent, type TypedEventTarget } from './events.ts';
import type { Sendable } from './outbox.ts';
import { defineInterface, requireArguments, toClampedUnsignedShort, toDomString, toUsvString } from './webidl.ts';
import { checkHandshakeRequest } from './websocket-handshake.ts';
import {
  checkWebSocketOptions,
  isOptions,
  parseProtocols,
  parseWebSocketUrl,
  type WebSocketOptions,
} from './websocket-options.ts';
import { CLOSED, CLOSING, CONNECTING, OPEN, WebSocketSession } from './websocket-session.ts';

export type { WebSocketOptions } from './websocket-options.ts';

/** What `binaryType` can be. */
export type BinaryType = 'blob' | 'arraybuffer';

/** Which event a listener of each type is given. */
export interface WebSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: ErrorEvent;
  close: CloseEvent;
}

type Handler<E extends Event> = ((this: WebSocket, event: E) => unknown) | null;
type Data = string | ArrayBuffer | ArrayBufferView | Blob;

const Target: new () => TypedEventTarget<WebSocketEventMap> = EventTarget;

export class WebSocket extends Target {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  readonly #url: URL;
  readonly #session: WebSocketSession;
  readonly #handlers = new EventHandlers(this);
  #binaryType: BinaryType = 'blob';

  /**
   * Begins to connect.
   * @throws DOMException `SyntaxError` for a URL or subprotocol that cannot be used; TypeError for a header that cannot be sent or
   * an option that does not exist; RangeError for an option out of its bounds
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | WebSocketOptions = [],
    options: WebSocketOptions = {},
  ) {
    // biome-ignore lint/complexity/noArguments: a missing argument and an undefined one differ in WebIDL
    requireArguments('WebSocket', arguments.length, 1);
    super();
    const text = toUsvString(url);
    const given: WebSocketOptions = isOptions(protocols) ? { ...options, ...protocols } : options;
    const wanted = isOptions(protocols) ? (given.protocols ?? []) : protocols;
    checkWebSocketOptions(given);
    this.#url = parseWebSocketUrl(text); // steps 1 to 7, and 10
    const request = {
      url: this.#url,
      protocols: parseProtocols(wanted), // steps 8 and 9
      deflate: deflatePolicy(given.perMessageDeflate, 'client'),
      options: given,
    };
    checkHandshakeRequest(request);
    // Step 12. Step 11 is about pages: a request here has no client.
    this.#session = new WebSocketSession(request, {
      opened: () => this.dispatchEvent(new Event('open')),
      message: (data) => this.#receive(data),
      closed: (code, reason, error) => this.#closed(code, reason, error),
    });
  }

  /** The URL as it was understood. */
  get url(): string {
    return this.#url.href;
  }

  get readyState(): number {
    return this.#session.readyState;
  }

  /** Octets of application data, without framing, that `send` accepted and the operating system has not taken. */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /** What was agreed, as the server said it; empty before `open`. */
  get extensions(): string {
    return this.#session.extensions;
  }

  /** The subprotocol that the server chose; empty before `open`. */
  get protocol(): string {
    return this.#session.protocol;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** Anything but the two values is ignored, as WebIDL says of enumerations. */
  set binaryType(value: BinaryType) {
    const type = toDomString(value);
    if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type;
  }

  get onopen(): Handler<Event> {
    return this.#handlers.get('open') as Handler<Event>;
  }
  set onopen(handler: Handler<Event>) {
    this.#handlers.set('open', handler);
  }
  get onerror(): Handler<ErrorEvent> {
    return this.#handlers.get('error') as Handler<ErrorEvent>;
  }
  set onerror(handler: Handler<ErrorEvent>) {
    this.#handlers.set('error', handler);
  }
  get onclose(): Handler<CloseEvent> {
    return this.#handlers.get('close') as Handler<CloseEvent>;
  }
  set onclose(handler: Handler<CloseEvent>) {
    this.#handlers.set('close', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return this.#handlers.get('message') as Handler<MessageEvent>;
  }
  set onmessage(handler: Handler<MessageEvent>) {
    this.#handlers.set('message', handler);
  }

  /**
   * Begins the closing handshake, behind everything that was sent; while connecting, gives up.
   * @throws DOMException `InvalidAccessError` for a code other than 1000 and 3000-4999, `SyntaxError` for a reason over 123 bytes
   */
  close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
    const session = this.#session; // first of all: another object has none
    const codeGiven = code === undefined ? undefined : toClampedUnsignedShort(code);
    const reasonGiven = reason === undefined ? undefined : toUsvString(reason);
    // Step 1: "neither an integer equal to 1000 nor an integer in the range 3000 to 4999, inclusive"
    if (codeGiven !== undefined && codeGiven !== 1000 && !(codeGiven >= 3000 && codeGiven <= 4999))
      throw new DOMException(`close code ${codeGiven} is neither 1000 nor in 3000-4999`, 'InvalidAccessError');
    const reasonBytes = utf8ByteLength(reasonGiven ?? ''); // step 2.1
    if (reasonBytes > MAX_REASON_BYTES)
      throw new DOMException(`close reason is ${reasonBytes} bytes, limit ${MAX_REASON_BYTES}`, 'SyntaxError'); // step 2.2
    // Step 3. "If neither code nor reason is present, the WebSocket Close message must not have a body." A reason without a code
    // goes with 1000, since a frame cannot carry it alone (RFC 6455 §5.5.1).
    session.close(codeGiven ?? (reasonBytes === 0 ? undefined : 1000), reasonGiven ?? '');
  }

  /**
   * Sends text (string) or binary data. The options are not in the standard.
   * @throws DOMException `InvalidStateError` while connecting; TypeError without an argument
   */
  send(data: Data, options: SendOptions | undefined = undefined): void {
    // biome-ignore lint/complexity/noArguments: a missing argument and an undefined one differ in WebIDL
    requireArguments('send', arguments.length, 1);
    const sendable = toSendable(data);
    // Step 1
    if (this.readyState === CONNECTING) throw new DOMException('still in CONNECTING state', 'InvalidStateError');
    // Step 2: "Any invocation of this method ... that does not throw an exception must increase the bufferedAmount attribute".
    this.#session.send(sendable, options);
  }

  /**
   * Sends once less than `highWaterMarkBytes` wait, behind earlier `write`s; before `open` it waits for that. Bytes must stay
   * as they are until it resolves. Not in the standard. Rejects with `ConnectionClosed`.
   */
  write(data: Data, options?: SendOptions): Promise<void> {
    return this.#session.write(toSendable(data), options);
  }

  /**
   * Sends one message in parts, as the server's `writeMessage` does, behind what `write` has in line; before `open` it waits for that.
   * `send` throws TypeError until it has resolved. Not in the standard. Rejects with the source's error, or `ConnectionClosed`.
   * @throws TypeError for what cannot be iterated
   */
  writeMessage(
    parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    options?: WriteMessageOptions,
  ): Promise<void> {
    return this.#session.writeMessage(parts, options);
  }

  /**
   * Sends a ping; resolves to the milliseconds until its pong, or to undefined where none will come: the connection is not open,
   * or ends before. Not in the standard.
   */
  ping(): Promise<number | undefined> {
    return this.#session.ping();
  }

  /** Stops reading, so that TCP holds the server back; pings are not answered meanwhile. Not in the standard. */
  pause(): void {
    this.#session.pause();
  }

  /** Reads on after `pause`. Not in the standard. */
  resume(): void {
    this.#session.resume();
  }

  /** Drops TCP at once: `close` reports 1006. Not in the standard. */
  terminate(): void {
    this.#session.terminate();
  }

  /**
   * The messages from now on, text as strings and binary as Uint8Arrays, in place of `message` events. The connection is not
   * read while too many wait. Leaving the loop closes the connection. Not in the standard.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Uint8Array> {
    return this.#session.messages();
  }

  /** §4, "When a WebSocket message has been received", steps 2 and 3. */
  #receive(message: string | Uint8Array): void {
    const isBlob = this.#binaryType === 'blob';
    const data =
      typeof message === 'string'
        ? message
        : isBlob
          ? new Blob([message as Uint8Array<ArrayBuffer>])
          : exactBuffer(message);
    this.dispatchEvent(new MessageEvent('message', { data, origin: this.#url.origin }));
  }

  /** §4, "When the WebSocket connection is closed", steps 2 and 3. */
  #closed(code: number, reason: string, error: Error | undefined): void {
    if (error !== undefined) this.dispatchEvent(errorEvent(error));
    this.dispatchEvent(new CloseEvent('close', { wasClean: code !== 1006, code, reason }));
  }
}
defineInterface(
  WebSocket,
  'WebSocket',
  [
    ...['url', 'readyState', 'bufferedAmount', 'onopen', 'onerror', 'onclose', 'extensions', 'protocol', 'close'],
    ...['onmessage', 'binaryType', 'send'],
  ],
  { CONNECTING, OPEN, CLOSING, CLOSED },
);

/** WebIDL `(BufferSource or Blob or USVString)`: what is no bytes becomes text; a number must never become a length (CVE-2016-10518). */
function toSendable(data: unknown): Sendable {
  if (typeof data === 'string' || data instanceof Blob) return typeof data === 'string' ? data.toWellFormed() : data;
  // No copy: masking copies the bytes before `send` returns (RFC 6455 §5.3).
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return toUsvString(data);
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, length } = bytes;
  if (byteOffset === 0 && buffer.byteLength === length) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
}
