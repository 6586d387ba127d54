/**
 * `WebSocket` as ws has it: an emitter with `addEventListener`, of either side.
 *
 * A client connects by its constructor; a server's is made with the address `null` and given its connection by `joinLink`.
 * Knows ready states, arguments and ws's words for what is wrong with them; no frames and no sockets.
 * Sections: the class, arguments. Read next: `link.ts` below it, `client.ts` and `server.ts`, which open it.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { MAX_CONTROL_PAYLOAD_BYTES } from '../websocket/frame.ts';
import { checkClose, EMPTY, isOptions, toArray, toSendable } from './arguments.ts';
import { type Opening, openClient } from './client.ts';
import { WebSocketEmitter } from './emitter.ts';
import type * as events from './events.ts';
import type * as extension from './extension.ts';
import { Link, type LinkStart, type TakenStream, takeStream } from './link.ts';
import type { WebSocketServer as ServerClass } from './server.ts';
import { connectionSettings } from './settings.ts';
import type { createWebSocketStream } from './stream.ts';
import type * as subprotocol from './subprotocol.ts';
import { tell } from './told.ts';
import type * as types from './types.ts';

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/** What was agreed, for `joinLink`. */
export interface Joined extends LinkStart {
  readonly protocol: string;
  readonly taken: TakenStream;
}

export class WebSocket extends WebSocketEmitter {
  /** Set by `index.ts`, which knows them all. */
  declare static readonly createWebSocketStream: typeof createWebSocketStream;
  declare static readonly extension: typeof extension;
  declare static readonly Server: typeof ServerClass;
  declare static readonly subprotocol: typeof subprotocol;
  declare static readonly WebSocket: typeof WebSocket;
  declare static readonly WebSocketServer: typeof ServerClass;
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  #binaryType: types.BinaryType = 'nodebuffer';
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
    protocols?: string | readonly string[] | types.ClientOptions,
    options?: types.ClientOptions | types.ServerOptions,
  ) {
    super();
    if (address === null) return;
    this._isServer = false;
    const given = (isOptions(protocols) ? protocols : (options ?? {})) as types.ClientOptions;
    const wanted = protocols === undefined || isOptions(protocols) ? given.protocols : protocols;
    this.#opening = openClient(address, toArray(wanted), given, {
      websocket: this,
      named: (url) => {
        this.#url = url;
      },
      opened: (joined) => WebSocket.joinLink(this, joined),
      failed: (error) => this.#notOpened(error),
    });
    if (this.#state === 2) this.#giveUp(); // `finishRequest` closed it, and there was no opening yet
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
  setSocket(stream: Duplex, head: Uint8Array, options: types.ConnectionOptions): void {
    const taken = takeStream(stream, head);
    if (taken === undefined) throw new TypeError('setSocket: the stream has ended');
    const settings = connectionSettings(this._isServer ? 'server' : 'client', options);
    WebSocket.joinLink(this, { taken, settings, deflate: undefined, protocol: '' });
  }

  get binaryType(): types.BinaryType {
    return this.#binaryType;
  }
  /** Anything but the four values is ignored. */
  set binaryType(type: types.BinaryType) {
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
  send(data: types.Data, callback?: types.SendCallback): void;
  send(data: types.Data, options: types.SendOptions | undefined, callback?: types.SendCallback): void;
  send(data: types.Data, options?: types.SendOptions | types.SendCallback, callback?: types.SendCallback): void {
    this.#mustHaveConnected();
    const given = typeof options === 'function' ? undefined : options;
    const call = typeof options === 'function' ? options : callback;
    const sendable = toSendable(data);
    if (this.readyState === 1) this.#link!.send(sendable, given, call);
    else this.#tooLate(sendable instanceof Blob ? sendable.size : Buffer.byteLength(sendable), call);
  }

  /** @throws RangeError beyond 125 bytes */
  ping(
    data?: types.Data | types.SendCallback,
    mask?: boolean | types.SendCallback,
    callback?: types.SendCallback,
  ): void {
    this.#control('ping', data, mask, callback);
  }

  /** @throws RangeError beyond 125 bytes */
  pong(
    data?: types.Data | types.SendCallback,
    mask?: boolean | types.SendCallback,
    callback?: types.SendCallback,
  ): void {
    this.#control('pong', data, mask, callback);
  }

  #control(
    kind: 'ping' | 'pong',
    data: types.Data | types.SendCallback | undefined,
    mask: boolean | types.SendCallback | undefined,
    callback: types.SendCallback | undefined,
  ): void {
    this.#mustHaveConnected();
    const call = [data, mask, callback].find((argument) => typeof argument === 'function') as
      | types.SendCallback
      | undefined;
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

  #tooLate(bytes: number, callback: types.SendCallback | undefined): void {
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

/** The class by another name: within the namespace, `WebSocket` would be that of the namespace. */
type Socket = WebSocket;

/** The types as @types/ws has them, behind the name of the class. */
export declare namespace WebSocket {
  type AddressInfo = import('node:net').AddressInfo;
  type BinaryType = types.BinaryType;
  type CertMeta = types.CertMeta;
  type ClientOptions = types.ClientOptions;
  type Data = types.Data;
  type FinishRequestCallback = types.FinishRequestCallback;
  type PerMessageDeflateOptions = types.PerMessageDeflateOptions;
  type RawData = types.RawData;
  type CloseEvent = events.CloseEvent;
  type ErrorEvent = events.ErrorEvent;
  type Event = events.Event;
  type MessageEvent = events.MessageEvent;
  type EventListenerOptions = events.EventListenerOptions;
  type WebSocketEventMap = events.EventMap;
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackAsync<Request>;
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackSync<Request>;
  type ServerOptions<
    SocketClass extends typeof WebSocket = typeof WebSocket,
    RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  > = types.ServerOptions<SocketClass, RequestClass>;
  type Server<
    SocketClass extends typeof WebSocket = typeof WebSocket,
    RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  > = ServerClass<SocketClass, RequestClass>;
  type WebSocketServer = ServerClass;
  type WebSocket = Socket;
}

for (const [value, name] of STATES.entries()) {
  const constant = { enumerable: true, value };
  Object.defineProperty(WebSocket, name, constant);
  Object.defineProperty(WebSocket.prototype, name, constant);
}
for (const name of ['binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState', 'url'])
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
