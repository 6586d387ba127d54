/**
 * `WebSocket` as ws has it: an emitter with `addEventListener`, of either side.
 *
 * A client connects by its constructor; a server's is made with the address `null` and given its connection by `joinLink`.
 * Knows ready states, arguments and ws's words for what is wrong with them; no frames and no sockets.
 * Sections: the class, arguments. Read next: `link.ts` below it, `client.ts` and `server.ts`, which open it.
 */

import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isWireCloseCode, MAX_REASON_BYTES } from '../websocket/close.ts';
import { MAX_CONTROL_PAYLOAD_BYTES } from '../websocket/frame.ts';
import { type Opening, openClient } from './client.ts';
import {
  addListener,
  attributeOf,
  type CloseEvent,
  type ErrorEvent,
  type Event,
  type EventListener,
  type EventMap,
  type MessageEvent,
  removeListener,
  setAttribute,
} from './events.ts';
import type * as extension from './extension.ts';
import { Link, type LinkStart, type TakenStream, takeStream, tell } from './link.ts';
import type { WebSocketServer } from './server.ts';
import { connectionSettings } from './settings.ts';
import type { createWebSocketStream } from './stream.ts';
import type * as subprotocol from './subprotocol.ts';
import type {
  BinaryType,
  ClientOptions,
  ConnectionOptions,
  Data,
  RawData,
  SendCallback,
  SendOptions,
  ServerOptions,
} from './types.ts';

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;
const EMPTY = Buffer.alloc(0);

/** What listeners of each event are given. */
export interface WebSocketEvents {
  close: [code: number, reason: Buffer];
  error: [error: Error];
  message: [data: RawData, isBinary: boolean];
  open: [];
  ping: [data: Buffer];
  pong: [data: Buffer];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
  upgrade: [request: IncomingMessage];
}

type Handler<E> = ((event: E) => void) | null;

/** What was agreed, for `joinLink`. */
export interface Joined extends LinkStart {
  readonly protocol: string;
  readonly taken: TakenStream;
}

export class WebSocket extends EventEmitter<WebSocketEvents> {
  /** Set by `index.ts`, which knows them all. */
  declare static readonly createWebSocketStream: typeof createWebSocketStream;
  declare static readonly extension: typeof extension;
  declare static readonly Server: typeof WebSocketServer;
  declare static readonly subprotocol: typeof subprotocol;
  declare static readonly WebSocket: typeof WebSocket;
  declare static readonly WebSocketServer: typeof WebSocketServer;
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  #binaryType: BinaryType = 'nodebuffer';
  #state = 0;
  #url: string | undefined = undefined;
  #protocol = '';
  #extensions = '';
  #link: Link | undefined = undefined;
  #opening: Opening | undefined = undefined;
  #isPaused = false;
  /** Bytes that were given to `send` when it was too late: ws counts them. */
  #lateBytes = 0;

  /**
   * Begins to connect; with the address `null` it waits for its connection.
   * @throws SyntaxError for a URL or subprotocol that cannot be used; RangeError for another protocol version than 13
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions,
    options?: ClientOptions | ServerOptions,
  ) {
    super();
    if (address === null) return;
    this._isServer = false;
    const given = (isOptions(protocols) ? protocols : (options ?? {})) as ClientOptions;
    const wanted = protocols === undefined || isOptions(protocols) ? given.protocols : protocols;
    this.#opening = openClient(address, toArray(wanted), given, {
      websocket: this,
      named: (url) => {
        this.#url = url;
      },
      opened: (joined) => WebSocket.joinLink(this, joined),
      failed: (error) => this.#notOpened(error),
    });
  }

  /** @internal Gives a socket its connection, which begins to be read behind this tick. */
  static joinLink(socket: WebSocket, joined: Joined): void {
    const link = new Link(socket as never, joined.taken, joined, (code, reason) => socket.#closed(code, reason));
    socket.#opening = undefined;
    socket.#link = link;
    socket.#protocol = joined.protocol;
    socket.#extensions = joined.deflate === undefined ? '' : 'permessage-deflate';
    socket.#state = 1;
    tell(socket as never, 'open');
    link.begin(joined.taken.early);
  }

  /** Which side it is. Frameworks set it where they give a socket its stream themselves, with `setSocket`. */
  _isServer = true;

  /** Gives a socket that was made with the address `null` its stream, handshake done. @throws TypeError for a stream that has ended */
  setSocket(stream: Duplex, head: Uint8Array, options: ConnectionOptions): void {
    const taken = takeStream(stream, head);
    if (taken === undefined) throw new TypeError('setSocket: the stream has ended');
    const settings = connectionSettings(this._isServer ? 'server' : 'client', options);
    WebSocket.joinLink(this, { taken, settings, deflate: undefined, protocol: '' });
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }
  /** Anything but the four values is ignored. */
  set binaryType(type: BinaryType) {
    if (['nodebuffer', 'arraybuffer', 'fragments', 'blob'].includes(type)) this.#binaryType = type;
  }

  /** Bytes, with their frames, that the operating system has not taken. */
  get bufferedAmount(): number {
    return (this.#state === 3 ? 0 : (this.#link?.bufferedAmount ?? 0)) + this.#lateBytes;
  }
  get extensions(): string {
    return this.#extensions;
  }
  get isPaused(): boolean {
    return this.#isPaused;
  }
  get protocol(): string {
    return this.#protocol;
  }
  get readyState(): 0 | 1 | 2 | 3 {
    return (this.#state === 1 && !this.#link!.isOpen ? 2 : this.#state) as 0 | 1 | 2 | 3;
  }
  get url(): string | undefined {
    return this.#url;
  }
  /** The stream below; null before it is open. Writing to it breaks the connection. */
  get _socket(): Duplex | null {
    return this.#link?.stream ?? null;
  }

  get onopen(): Handler<Event> {
    return attributeOf(this, 'open') as Handler<Event>;
  }
  set onopen(handler: Handler<Event>) {
    setAttribute(this, 'open', handler);
  }
  get onerror(): Handler<ErrorEvent> {
    return attributeOf(this, 'error') as Handler<ErrorEvent>;
  }
  set onerror(handler: Handler<ErrorEvent>) {
    setAttribute(this, 'error', handler);
  }
  get onclose(): Handler<CloseEvent> {
    return attributeOf(this, 'close') as Handler<CloseEvent>;
  }
  set onclose(handler: Handler<CloseEvent>) {
    setAttribute(this, 'close', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return attributeOf(this, 'message') as Handler<MessageEvent>;
  }
  set onmessage(handler: Handler<MessageEvent>) {
    setAttribute(this, 'message', handler);
  }

  addEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: EventListener<EventMap[Type]>,
    options?: { readonly once?: boolean | undefined },
  ): void {
    addListener(this, type, listener as EventListener, options);
  }
  removeEventListener<Type extends keyof EventMap>(type: Type, listener: EventListener<EventMap[Type]>): void {
    removeListener(this, type, listener as EventListener);
  }

  /** Begins the closing handshake; while connecting, gives up. @throws TypeError or RangeError for a code or reason that cannot be sent */
  close(code?: number, reason?: string | Uint8Array): void {
    const state = this.readyState;
    if (state === 0) this.#giveUp();
    if (state !== 1) return;
    const text = checkClose(code, reason);
    this.#link!.close(code, text);
    this.#state = 2;
  }

  /** Drops TCP at once; while connecting, gives up. */
  terminate(): void {
    if (this.#state === 0) this.#giveUp();
    else if (this.#state !== 3) {
      this.#state = 2;
      this.#link?.terminate();
    }
  }

  pause(): void {
    if (this.#state === 0 || this.#state === 3) return;
    this.#isPaused = true;
    this.#link!.pause();
  }

  resume(): void {
    if (this.#state === 0 || this.#state === 3) return;
    this.#isPaused = false;
    this.#link!.resume();
  }

  /**
   * Sends a message, or with `fin: false` a part of one. The bytes must stay as they are until `callback` is called.
   * @throws Error while connecting; TypeError for data of no kind that can be sent
   */
  send(data: Data, callback?: SendCallback): void;
  send(data: Data, options: SendOptions | undefined, callback?: SendCallback): void;
  send(data: Data, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    this.#mustHaveConnected();
    const given = typeof options === 'function' ? undefined : options;
    const call = typeof options === 'function' ? options : callback;
    const sendable = toSendable(data);
    if (this.readyState === 1) this.#link!.send(sendable, given, call);
    else this.#tooLate(sendable instanceof Blob ? sendable.size : Buffer.byteLength(sendable), call);
  }

  /** @throws RangeError beyond 125 bytes */
  ping(data?: Data | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control('ping', data, mask, callback);
  }

  /** @throws RangeError beyond 125 bytes */
  pong(data?: Data | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control('pong', data, mask, callback);
  }

  #control(
    kind: 'ping' | 'pong',
    data: Data | SendCallback | undefined,
    mask: boolean | SendCallback | undefined,
    callback: SendCallback | undefined,
  ): void {
    this.#mustHaveConnected();
    const call = [data, mask, callback].find((argument) => typeof argument === 'function') as SendCallback | undefined;
    const payload = toSendable(typeof data === 'function' ? '' : data);
    if (payload instanceof Blob) throw new TypeError(`a Blob cannot be the payload of a ${kind}`);
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (this.readyState !== 1) this.#tooLate(bytes.length, call);
    else if (bytes.length > MAX_CONTROL_PAYLOAD_BYTES)
      throw new RangeError('The data size must not be greater than 125 bytes (RFC 6455 §5.5)');
    else this.#link!.sendControl(kind, bytes, call);
  }

  #mustHaveConnected(): void {
    if (this.#state === 0) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)');
  }

  #tooLate(bytes: number, callback: SendCallback | undefined): void {
    this.#lateBytes += bytes;
    if (callback === undefined) return;
    const state = this.readyState;
    process.nextTick(callback, new Error(`WebSocket is not open: readyState ${state} (${STATES[state]})`));
  }

  #giveUp(): void {
    this.#state = 2;
    this.#opening?.abort('WebSocket was closed before the connection was established');
  }

  #notOpened(error: Error): void {
    this.#state = 2;
    this.#opening = undefined;
    tell(this as never, 'error', error);
    this.#closed(1006, '');
  }

  #closed(code: number, reason: string): void {
    this.#state = 3;
    tell(this as never, 'close', code, reason === '' ? EMPTY : Buffer.from(reason));
  }
}

for (const [value, name] of STATES.entries()) {
  const constant = { enumerable: true, value };
  Object.defineProperty(WebSocket, name, constant);
  Object.defineProperty(WebSocket.prototype, name, constant);
}

function isOptions(argument: unknown): argument is ClientOptions {
  return typeof argument === 'object' && argument !== null && !Array.isArray(argument);
}

function toArray(protocols: string | readonly string[] | undefined): readonly string[] {
  if (protocols === undefined) return [];
  return Array.isArray(protocols) ? protocols : [protocols as string];
}

/** What ws takes for data: nothing at all is an empty message, a number its digits. */
function toSendable(data: unknown): string | Uint8Array | Blob {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (data === undefined || data === null || data === false) return EMPTY;
  if (typeof data === 'number') return String(data);
  if (data instanceof Blob) return data;
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as readonly number[]); // arrays of octets, and a TypeError for all else
}

/** The reason as text. @throws TypeError for a code that may not be sent, RangeError for a reason that is too long */
function checkClose(code: unknown, reason: string | Uint8Array | undefined): string {
  if (code === undefined) return '';
  if (typeof code !== 'number' || !Number.isInteger(code) || !isWireCloseCode(code))
    throw new TypeError('First argument must be a valid error code number (RFC 6455 §7.4)');
  if (reason === undefined || reason.length === 0) return '';
  if (typeof reason !== 'string' && !(reason instanceof Uint8Array))
    throw new TypeError('Second argument must be a string or a Uint8Array');
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES)
    throw new RangeError(`The message must not be greater than ${MAX_REASON_BYTES} bytes (RFC 6455 §5.5)`);
  return typeof reason === 'string' ? reason : Buffer.from(reason).toString();
}
