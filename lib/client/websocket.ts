/**
 * The WHATWG `WebSocket` client (https://websockets.spec.whatwg.org/), with the options that a server-side user needs.
 *
 * Same interface and rules as a browser's: events, `binaryType`, `bufferedAmount`, close codes. What differs is written
 * where it differs: request headers can be given, errors say what happened, and limits are set.
 * The protocol itself is `WebSocketConnection`, shared with the server. Read next: `event-source.ts`.
 */

import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { utf8ByteLength } from '../bytes/utf8.ts';
import { SHARED_READ } from '../channel/node-internals.ts';
import type { Channel, Sink } from '../channel/port.ts';
import { SocketChannel } from '../channel/socket.ts';
import { HandshakeRejected } from '../errors.ts';
import { isToken } from '../http/grammar.ts';
import { ResponseParser } from '../http/response-parser.ts';
import { CLIENT_LIMITS, TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import type { SendOptions } from '../net/api.ts';
import { defined } from '../net/settings.ts';
import { type Clock, clientSweeper, systemClock } from '../net/sweeper.ts';
import { type ConnectionSettings, WebSocketConnection } from '../net/websocket-connection.ts';
import { MAX_REASON_BYTES } from '../websocket/close.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import {
  type DeflateParameters,
  type DeflatePolicy,
  deflatePolicy,
  offerDeflate,
  type PerMessageDeflate,
} from '../websocket/extension.ts';
import { checkServerHandshake, createClientHandshake } from '../websocket/handshake.ts';
import { CloseEvent, ErrorEvent, HandlerAttribute } from './events.ts';

export interface WebSocketOptions {
  /** Subprotocols, most wanted first; the second argument of the constructor says the same. */
  readonly protocols?: string | readonly string[];
  /** Further request headers, for example `{ 'X-User-Id': 'ada' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The `Origin` header; browsers send one, this client only when told to. */
  readonly origin?: string;
  /** What `node:tls` takes for `wss:`. Certificates are verified unless this says otherwise. */
  readonly tls?: ConnectionOptions;
  /** Connect to this Unix socket instead of the URL's host and port. */
  readonly socketPath?: string;
  /** Offer permessage-deflate (RFC 7692): `true`, `'auto'` (and leave alone what does not shrink), or how. Default false. */
  readonly perMessageDeflate?: PerMessageDeflate;
  readonly handshakeTimeoutMs?: number;
  readonly maxMessageBytes?: number;
  readonly maxFramesPerMessage?: number;
  /** Beyond this many unsent bytes the connection is failed, as the standard says of a full buffer. */
  readonly maxBufferedBytes?: number;
  /** 0 = never ping. */
  readonly pingIntervalMs?: number;
  readonly pongTimeoutMs?: number;
  readonly closeTimeoutMs?: number;
  readonly clock?: Clock;
}

export type BinaryType = 'blob' | 'arraybuffer';

export class WebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  /** The URL as it was understood. */
  readonly url: string;
  readonly #options: WebSocketOptions;
  readonly #protocols: readonly string[];
  /** What is offered; undefined: no compression. */
  readonly #deflate: DeflatePolicy | undefined;
  #binaryType: BinaryType = 'blob';
  #protocol = '';
  #extensions = '';
  #readyState = 0;
  /** `close` was called on an open connection. */
  #closing = false;
  /** Set from `open` on. */
  #connection: WebSocketConnection<WebSocket> | undefined = undefined;
  /** Set until the handshake is over. */
  #abortHandshake: ((error: Error) => void) | undefined = undefined;
  /** Application bytes sent since nothing was buffered, for `bufferedAmount`. */
  #payloadBytes = 0;
  /** Application bytes "sent" after closing began, which the standard adds to `bufferedAmount` for good. */
  #discardedBytes = 0;
  /** Sends that wait for a Blob in front of them to be read; undefined when none does. */
  #blobs: Promise<void> | undefined = undefined;
  readonly #onopen: HandlerAttribute<Event> = new HandlerAttribute(this, 'open');
  readonly #onmessage: HandlerAttribute<MessageEvent> = new HandlerAttribute(this, 'message');
  readonly #onerror: HandlerAttribute<ErrorEvent> = new HandlerAttribute(this, 'error');
  readonly #onclose: HandlerAttribute<CloseEvent> = new HandlerAttribute(this, 'close');

  /**
   * Begins to connect.
   * @throws DOMException `SyntaxError` for a URL or subprotocol that cannot be used; TypeError for a header that cannot be sent;
   * RangeError for a bad option of `perMessageDeflate`
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | WebSocketOptions = [],
    options: WebSocketOptions = {},
  ) {
    super();
    const given: WebSocketOptions =
      typeof protocols === 'string' || Array.isArray(protocols)
        ? { ...options, protocols: protocols as string | string[] }
        : { ...options, ...protocols };
    this.#options = given;
    const parsed = parseUrl(url);
    this.url = parsed.href;
    this.#protocols = checkProtocols(given.protocols ?? []);
    this.#deflate = deflatePolicy(given.perMessageDeflate, 'client');
    this.#connect(parsed);
  }

  get readyState(): number {
    if (this.#closing && this.#readyState < 3) return 2;
    return this.#readyState === 1 ? (this.#connection?.readyState ?? 1) : this.#readyState;
  }

  /** Bytes of application data, without framing, that `send` accepted and the operating system has not taken. */
  get bufferedAmount(): number {
    const waiting = this.#connection?.channel.bufferedAmount ?? 0;
    if (waiting === 0) this.#payloadBytes = 0;
    return Math.min(this.#payloadBytes, waiting) + this.#discardedBytes;
  }

  get extensions(): string {
    return this.#extensions;
  }

  get protocol(): string {
    return this.#protocol;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** Anything but the two values is ignored, as WebIDL says of enumerations. */
  set binaryType(type: BinaryType) {
    if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type;
  }

  get onopen(): ((event: Event) => void) | null {
    return this.#onopen.get();
  }
  set onopen(listener: ((event: Event) => void) | null) {
    this.#onopen.set(listener);
  }
  get onmessage(): ((event: MessageEvent) => void) | null {
    return this.#onmessage.get();
  }
  set onmessage(listener: ((event: MessageEvent) => void) | null) {
    this.#onmessage.set(listener);
  }
  get onerror(): ((event: ErrorEvent) => void) | null {
    return this.#onerror.get();
  }
  set onerror(listener: ((event: ErrorEvent) => void) | null) {
    this.#onerror.set(listener);
  }
  get onclose(): ((event: CloseEvent) => void) | null {
    return this.#onclose.get();
  }
  set onclose(listener: ((event: CloseEvent) => void) | null) {
    this.#onclose.set(listener);
  }

  /**
   * Sends text (string) or binary data. The options are not in the standard.
   * @throws DOMException `InvalidStateError` while connecting
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob, options?: SendOptions): void {
    if (this.#readyState === 0) throw new DOMException('still in CONNECTING state', 'InvalidStateError');
    // WebIDL: what is neither text nor bytes becomes text; a number must never become a length (CVE-2016-10518).
    const known = typeof data === 'string' || data instanceof Blob || isBufferSource(data) ? data : String(data);
    if (this.readyState !== 1) {
      const size =
        typeof known === 'string' ? utf8ByteLength(known) : known instanceof Blob ? known.size : known.byteLength;
      this.#discardedBytes += size;
    } else if (known instanceof Blob || this.#blobs !== undefined) this.#sendAfterBlobs(known, options);
    else this.#sendNow(typeof known === 'string' ? known : bytesOf(known), options);
  }

  /**
   * Begins the closing handshake; while connecting, gives up.
   * @throws DOMException `InvalidAccessError` for a code other than 1000 and 3000-4999, `SyntaxError` for a reason over 123 bytes
   */
  close(code?: number, reason = ''): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(`close code ${code} is neither 1000 nor in 3000-4999`, 'InvalidAccessError');
    }
    const reasonBytes = utf8ByteLength(reason);
    if (reasonBytes > MAX_REASON_BYTES) {
      throw new DOMException(`close reason is ${reasonBytes} bytes, limit ${MAX_REASON_BYTES}`, 'SyntaxError');
    }
    if (this.#readyState >= 2) return;
    if (this.#readyState === 0) {
      this.#abortHandshake?.(
        new HandshakeRejected('WS_HANDSHAKE_ABORTED', 'closed before the connection was established'),
      );
      return;
    }
    if (this.readyState !== 1) return;
    this.#closing = true;
    // A reason without a code goes with 1000, since a frame cannot carry it alone (RFC 6455 §5.5.1).
    const close = () => this.#connection?.close(code ?? (reason === '' ? undefined : 1000), reason);
    if (this.#blobs === undefined) close();
    else this.#blobs = this.#blobs.then(close);
  }

  /** Drops TCP at once: `close` reports 1006. Not in the standard. */
  terminate(): void {
    if (this.#readyState === 0) this.close();
    else this.#connection?.terminate();
  }

  #connect(url: URL): void {
    const {
      headers = {},
      origin,
      tls,
      socketPath,
      clock = systemClock,
      handshakeTimeoutMs = TIMEOUTS.handshakeTimeoutMs,
    } = this.#options;
    const secure = url.protocol === 'wss:';
    const all = { ...headers };
    if (url.username !== '' && !Object.keys(all).some((name) => name.toLowerCase() === 'authorization')) {
      all['Authorization'] =
        `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
    }
    const target = url.pathname + url.search;
    const handshake = createClientHandshake({
      host: url.host,
      target,
      protocols: this.#protocols,
      headers: all,
      extensions: this.#deflate === undefined ? '' : offerDeflate(this.#deflate),
      ...(origin === undefined ? {} : { origin }),
    });

    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = openSocket({ host, port, secure, socketPath, tls });
    const parser = new ResponseParser({ method: 'GET' });
    let settled = false;

    const fail = (error: Error): void => {
      if (settled) return;
      settled = true;
      cancelTimeout();
      this.#abortHandshake = undefined;
      this.#readyState = 2;
      transport.sink = IGNORE;
      transport.destroy();
      // Not within the caller's turn: listeners may not be there yet.
      queueMicrotask(() => {
        this.#readyState = 3;
        this.dispatchEvent(new ErrorEvent('error', error));
        this.dispatchEvent(new CloseEvent('close', { wasClean: false, code: 1006, reason: '' }));
      });
    };
    this.#abortHandshake = fail;

    const sink: Sink = {
      receive: (chunk) => {
        for (const incoming of parser.receive(chunk)) {
          if (settled) return;
          if (incoming.kind === 'failed')
            fail(new HandshakeRejected(incoming.code, `${incoming.detail} (${incoming.section})`));
          else if (incoming.kind === 'head') {
            const checked = checkServerHandshake(incoming.head, {
              key: handshake.key,
              protocols: this.#protocols,
              deflate: this.#deflate,
            });
            if (checked.kind === 'reject') {
              fail(new HandshakeRejected(checked.code, `${checked.detail} (${checked.section})`, incoming.head.status));
              return;
            }
            settled = true;
            cancelTimeout();
            this.#abortHandshake = undefined;
            this.#established(transport, checked, parser.takeRest());
            return;
          }
        }
      },
      receiveEnd: () =>
        fail(
          new HandshakeRejected(
            'WS_HANDSHAKE_INCOMPLETE',
            'the connection ended before the handshake did (RFC 6455 §4.1)',
          ),
        ),
      drained: () => {},
      gone: (error) =>
        fail(
          new HandshakeRejected(
            'WS_CONNECT_FAILED',
            error?.message ?? 'the connection ended before the handshake did',
            0,
            error === undefined ? {} : { cause: error },
          ),
        ),
    };
    const transport = new SocketChannel(socket, sink, secure ? 'data events' : 'shared buffer');
    const cancelTimeout = clock.after(handshakeTimeoutMs, () =>
      fail(
        new HandshakeRejected(
          'WS_HANDSHAKE_TIMEOUT',
          `no answer to the opening handshake within ${handshakeTimeoutMs} ms`,
        ),
      ),
    );
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      transport.output.append(handshake.bytes, 0, handshake.bytes.length);
      transport.flush();
    });
  }

  #established(
    transport: Channel,
    agreed: {
      readonly protocol: string;
      readonly extensions: string;
      readonly deflate: DeflateParameters | undefined;
    },
    rest: Uint8Array,
  ): void {
    const { clock } = this.#options;
    const sweeper = clientSweeper(clock);
    const settings: ConnectionSettings<WebSocket> = {
      ...WEBSOCKET_LIMITS,
      ...TIMEOUTS,
      ...CLIENT_LIMITS,
      ...defined(this.#options),
      role: 'client',
      sweeper,
      textAsBytes: false,
      onError: () => {},
      handlers: {
        message: (_, data) => this.#receive(data),
        close: (_, code, reason, error) => {
          this.#readyState = 3;
          if (error !== undefined) this.dispatchEvent(new ErrorEvent('error', error));
          this.dispatchEvent(new CloseEvent('close', { wasClean: code !== 1006, code, reason }));
        },
      },
    };
    sweeper.expect(settings.pingIntervalMs, settings.pongTimeoutMs, settings.closeTimeoutMs, settings.writeTimeoutMs);
    this.#protocol = agreed.protocol;
    this.#extensions = agreed.extensions;
    const deflate = agreed.deflate && deflateSettings('client', agreed.deflate, this.#deflate!);
    const connection = new WebSocketConnection<WebSocket>(transport, settings, { deflate }, this);
    this.#connection = connection;
    this.#readyState = 1;
    this.dispatchEvent(new Event('open'));
    if (rest.length > 0) connection.receive(rest);
    transport.flushSoon();
  }

  #receive(data: string | Uint8Array): void {
    // WHATWG WebSockets, "when a WebSocket message has been received", step 1: not once we have begun to close. A close
    // frame of the peer in the same chunk has changed the state already, but the message came before it.
    if (this.#closing) return;
    const value =
      typeof data === 'string'
        ? data
        : this.#binaryType === 'blob'
          ? new Blob([data as Uint8Array<ArrayBuffer>])
          : exactBuffer(data);
    this.dispatchEvent(new MessageEvent('message', { data: value, origin: new URL(this.url).origin }));
  }

  #sendNow(data: string | Uint8Array, options: SendOptions | undefined): void {
    const size = typeof data === 'string' ? utf8ByteLength(data) : data.length;
    if (this.#connection?.readyState !== 1) {
      this.#discardedBytes += size;
      return;
    }
    if (this.bufferedAmount === 0) this.#payloadBytes = 0;
    this.#payloadBytes += size;
    if (this.#connection!.send(data, options) === 'dropped') {
      // "flag the WebSocket as full and then close the WebSocket connection"
      this.#discardedBytes += size;
      this.#connection!.terminate();
    }
  }

  /** Keeps the order of sends while a Blob's bytes are being read. */
  #sendAfterBlobs(data: string | ArrayBuffer | ArrayBufferView | Blob, options: SendOptions | undefined): void {
    const ready =
      data instanceof Blob
        ? data.arrayBuffer().then((buffer) => new Uint8Array(buffer))
        : Promise.resolve(typeof data === 'string' ? data : bytesOf(data).slice());
    const sent = (this.#blobs ?? Promise.resolve()).then(async () => this.#sendNow(await ready, options));
    this.#blobs = sent;
    sent.finally(() => {
      if (this.#blobs === sent) this.#blobs = undefined;
    });
  }
}

/** Opens a socket that reads into the shared buffer, or a TLS one that reads events. */
export function openSocket(options: {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly socketPath?: string | undefined;
  readonly tls?: ConnectionOptions | undefined;
}): Socket {
  const { host, port, secure, socketPath, tls } = options;
  const where = socketPath === undefined ? { host, port } : { path: socketPath };
  if (secure)
    return connectTls({
      ...where,
      servername: isIp(host) ? '' : host,
      ALPNProtocols: ['http/1.1'],
      ...tls,
    } as ConnectionOptions).setNoDelay(true);
  return connectTcp({ ...where, noDelay: true, allowHalfOpen: true, onread: SHARED_READ } as unknown as NetConnectOpts);
}

const IGNORE: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

function isIp(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** WebSockets §3.1, "new WebSocket(url, protocols)", steps 1-8. */
function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new DOMException(`${String(url)} is not a URL`, 'SyntaxError');
  }
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  else if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw new DOMException(`URL scheme is ${parsed.protocol} but must be ws:, wss:, http: or https:`, 'SyntaxError');
  }
  if (parsed.hash !== '' || parsed.href.endsWith('#'))
    throw new DOMException('URL has a fragment (RFC 6455 §3)', 'SyntaxError');
  return parsed;
}

/** Step 9: subprotocols are distinct tokens (RFC 6455 §4.1, item 10). */
function checkProtocols(protocols: string | readonly string[]): readonly string[] {
  const list = typeof protocols === 'string' ? [protocols] : [...protocols];
  for (const protocol of list) {
    if (!isToken(protocol))
      throw new DOMException(`subprotocol ${JSON.stringify(protocol)} is not a token`, 'SyntaxError');
  }
  if (new Set(list).size !== list.length) throw new DOMException('a subprotocol is given twice', 'SyntaxError');
  return list;
}

/** The bytes behind a buffer or view. No copy: masking copies them before `send` returns (RFC 6455 §5.3). */
function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function isBufferSource(data: unknown): data is ArrayBuffer | ArrayBufferView {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, length } = bytes;
  if (byteOffset === 0 && buffer.byteLength === length) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
}
