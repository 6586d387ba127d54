/**
 * The server: accepts connections, routes requests to a response, an upgrade or a stream.
 *
 *     accept ─► HttpConnection ─► Router ─► get/post handler | WebSocketConnection | EventStreamConnection
 *
 * Everything that connections share (settings, sweeper, routes) lives here once; what belongs to one connection does not.
 * Secure by default: WebSockets are same-origin unless told otherwise, and every limit of `limits.ts` applies.
 * Read next: `websocket.ts` and `event-source.ts`, the clients.
 */

import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { chooseContentCoding } from '../http/content-coding.ts';
import { encodeResponseHead } from '../http/head.ts';
import { isSameOrigin } from '../http/origin.ts';
import { Router } from '../http/router.ts';
import { pathOf } from '../http/target.ts';
import { HTTP_LIMITS, SERVER_LIMITS, TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import { CloseCode } from '../websocket/close.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import { answerOffers, type DeflatePolicy, deflatePolicy } from '../websocket/extension.ts';
import { chooseSubprotocol, encodeServerHandshake, readClientHandshake } from '../websocket/handshake.ts';
import type {
  AllowedOrigins,
  EventStreamFunction,
  EventStreamHandlers,
  EventStreamRouteOptions,
  HttpHandler,
  HttpResponse,
  WebSocketFunction,
  WebSocketHandlers,
  WebSocketRouteOptions,
} from './api.ts';
import { EVENT_STREAM_HEADERS, EventStreamConnection, type StreamSettings } from './event-stream-connection.ts';
import { type Exchange, HttpConnection, type HttpSettings, httpDate } from './http-connection.ts';
import type { Request } from './request.ts';
import { type Clock, Sweeper, systemClock } from './sweeper.ts';
import { type Accept, acceptSockets, readWithEvents, type Sink, Transport, type TransportOwner } from './transport.ts';
import { type ConnectionSettings, connectionSettings, WebSocketConnection } from './websocket-connection.ts';

/** Options of a server. Every option of a route may stand here as the default of all routes. */
export interface ServerOptions
  extends Omit<WebSocketRouteOptions, 'protocols'>,
    Omit<EventStreamRouteOptions, 'method' | 'headers'> {
  /** Serve TLS: what `node:tls` takes, at least `key` and `cert`. */
  readonly tls?: TlsOptions;
  /** Connections at a time; one more is answered 503 and closed. */
  readonly maxConnections?: number;
  /** Connections at a time from one address; 0 = no such limit, as behind a proxy, which is one address. */
  readonly maxConnectionsPerAddress?: number;
  readonly maxRequestLineBytes?: number;
  readonly maxHeadBytes?: number;
  readonly maxHeaderCount?: number;
  readonly maxBodyBytes?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxPipelinedRequests?: number;
  readonly headTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
  readonly keepAliveTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
  /** Told what a handler threw; its connection is ended either way. Default: a process warning. */
  readonly onError?: (error: unknown) => void;
  /** Where time comes from; tests pass a fake one. */
  readonly clock?: Clock;
}

export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1: reachable from this machine only. */
  readonly host?: string;
  /** A Unix socket path instead of port and host. */
  readonly path?: string;
}

/** What a route leads to. */
type Target =
  | { readonly kind: 'http'; readonly handler: HttpHandler }
  | {
      readonly kind: 'websocket';
      readonly settings: ConnectionSettings;
      readonly options: WebSocketRouteOptions;
      /** Undefined: permessage-deflate is not accepted here. */
      readonly deflate: DeflatePolicy | undefined;
      readonly keepsQueue: boolean;
    }
  | { readonly kind: 'event-stream'; readonly settings: StreamSettings; readonly options: EventStreamRouteOptions };

export class Server {
  readonly #options: ServerOptions;
  readonly #router = new Router<Target>();
  readonly #sweeper: Sweeper;
  readonly #httpSettings: HttpSettings;
  readonly #netServer: NetServer;
  readonly #onError: (error: unknown) => void;
  /** Everything that is open, by kind, so that `close` can end each as it wants to be ended. */
  readonly #httpConnections = new Set<HttpConnection>();
  readonly #webSockets = new Set<WebSocketConnection>();
  readonly #streams = new Set<EventStreamConnection>();
  /** Open sockets, in every phase. */
  readonly #transports = new Set<Transport>();
  /** Connections an address has open; kept only where `maxConnectionsPerAddress` is set. */
  readonly #perAddress = new Map<string, number>();
  /** What is under TLS connections, also those whose handshake is not over and that nothing else knows. */
  readonly #underTls = new Set<Socket>();
  /** One object for all transports, instead of a listener for each. */
  readonly #owner: TransportOwner = {
    transportGone: (transport) => {
      this.#transports.delete(transport);
      if (this.#transports.size === 0) this.#onAllGone();
    },
  };
  /** `close` was called. */
  #closing = false;
  /** Set by `close`: told when the last of `#transports` has gone. */
  #onAllGone: () => void = () => {};

  constructor(options: ServerOptions = {}) {
    this.#options = options;
    const onError = options.onError ?? reportHandlerError;
    this.#onError = onError;
    const times = { ...TIMEOUTS, ...defined(options) };
    const shortest = Math.min(
      ...[
        times.headTimeoutMs,
        times.bodyTimeoutMs,
        times.keepAliveTimeoutMs,
        times.pingIntervalMs,
        times.pongTimeoutMs,
        times.closeTimeoutMs,
        times.heartbeatIntervalMs,
      ].filter((ms) => ms > 0),
    );
    this.#sweeper = new Sweeper(options.clock ?? systemClock, Math.max(5, Math.min(1_000, shortest / 4)));
    this.#httpSettings = {
      sweeper: this.#sweeper,
      limits: { ...HTTP_LIMITS, ...defined(options) },
      headTimeoutMs: times.headTimeoutMs,
      bodyTimeoutMs: times.bodyTimeoutMs,
      keepAliveTimeoutMs: times.keepAliveTimeoutMs,
      writeTimeoutMs: times.writeTimeoutMs,
      closeTimeoutMs: times.closeTimeoutMs,
      serve: (exchange) => this.#serve(exchange),
      onDone: (connection) => this.#httpConnections.delete(connection),
    };
    const accept: Accept = (socket, usesSharedBuffer) => this.#accept(socket, usesSharedBuffer);
    if (options.tls === undefined) {
      this.#netServer = createNetServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
      acceptSockets(this.#netServer, accept);
    } else {
      const handshakeTimeout = times.headTimeoutMs; // Node's default is two minutes
      const tls = { handshakeTimeout, ...options.tls, noDelay: true } as TlsOptions;
      this.#netServer = createTlsServer(tls, (socket) => accept(socket, false));
      this.#netServer.on('connection', (socket: Socket) => {
        this.#underTls.add(socket);
        socket.once('close', () => this.#underTls.delete(socket));
      });
      // A client that fails TLS has no HTTP to be answered in; its socket is destroyed by Node.
      this.#netServer.on('tlsClientError', () => {});
    }
  }

  /**
   * Adds a WebSocket route. Patterns: `/rooms/:room`, and `*` as the last segment.
   * @throws TypeError for a malformed or duplicate pattern; RangeError for a bad option of `perMessageDeflate`
   */
  webSocket<Data = unknown>(
    pattern: string,
    handlers: WebSocketHandlers<Data> | WebSocketFunction<Data>,
    options: WebSocketRouteOptions = {},
  ): this {
    const keepsQueue = typeof handlers === 'function';
    const all = typeof handlers === 'function' ? this.#loopHandlers(handlers) : handlers;
    const settings = connectionSettings<Data>({
      ...defined(this.#options),
      ...defined(options),
      role: 'server',
      handlers: this.#counted(all),
      sweeper: this.#sweeper,
      onHandlerError: this.#onError,
    });
    this.#router.add('WEBSOCKET', pattern, {
      kind: 'websocket',
      settings: settings as unknown as ConnectionSettings,
      options: { ...this.#options, ...options },
      deflate: deflatePolicy(options.perMessageDeflate ?? this.#options.perMessageDeflate, 'server'),
      keepsQueue,
    });
    return this;
  }

  /** Adds an event-stream route, for GET or (with `{ method: 'POST' }`) for POST. @throws TypeError as `webSocket` */
  eventStream<Data = unknown>(pattern: string, handlers: EventStreamHandlers<Data> | EventStreamFunction<Data>): this;
  eventStream<Data = unknown>(
    pattern: string,
    options: EventStreamRouteOptions,
    handlers: EventStreamHandlers<Data> | EventStreamFunction<Data>,
  ): this;
  eventStream<Data = unknown>(
    pattern: string,
    ...rest:
      | [EventStreamHandlers<Data> | EventStreamFunction<Data>]
      | [EventStreamRouteOptions, EventStreamHandlers<Data> | EventStreamFunction<Data>]
  ): this {
    const [options, handlers] = rest.length === 1 ? [{}, rest[0]] : rest;
    const contentCodings = options.contentCodings ?? this.#options.contentCodings ?? [];
    for (const coding of contentCodings) {
      if (coding !== 'gzip' && coding !== 'deflate')
        throw new TypeError(`content coding is ${String(coding)}, must be gzip or deflate (RFC 9110 §8.4.1)`);
    }
    const merged = { ...TIMEOUTS, ...WEBSOCKET_LIMITS, ...defined(this.#options), ...defined(options) };
    const settings: StreamSettings<Data> = {
      handlers: this.#countedStream(typeof handlers === 'function' ? this.#streamHandlers(handlers) : handlers),
      sweeper: this.#sweeper,
      heartbeatIntervalMs: merged.heartbeatIntervalMs,
      maxBufferedBytes: merged.maxBufferedBytes,
      highWaterMarkBytes: merged.highWaterMarkBytes,
      writeTimeoutMs: merged.writeTimeoutMs,
      closeTimeoutMs: merged.closeTimeoutMs,
      onHandlerError: this.#onError,
    };
    this.#router.add(options.method ?? 'GET', pattern, {
      kind: 'event-stream',
      settings: settings as unknown as StreamSettings,
      options: { ...options, contentCodings },
    });
    return this;
  }

  /** Adds a route for GET; HEAD and OPTIONS are answered by themselves. @throws TypeError as `webSocket` */
  get(pattern: string, handler: HttpHandler): this {
    this.#router.add('GET', pattern, { kind: 'http', handler });
    return this;
  }

  /** Adds a route for POST. The handler is called once the whole body is there. @throws TypeError as `webSocket` */
  post(pattern: string, handler: HttpHandler): this {
    this.#router.add('POST', pattern, { kind: 'http', handler });
    return this;
  }

  /** Begins to accept connections. Rejects with the system's error, for example `EADDRINUSE`. */
  listen(options: ListenOptions = {}): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#netServer.once('error', reject);
      const where =
        options.path === undefined
          ? { port: options.port ?? 0, host: options.host ?? '127.0.0.1' }
          : { path: options.path };
      this.#netServer.listen({ ...where, backlog: SERVER_LIMITS.acceptBacklog }, () => {
        this.#netServer.off('error', reject);
        // After this an error concerns one accept only (too many open files, say): told, and survived.
        this.#netServer.on('error', this.#onError);
        resolve(this);
      });
    });
  }

  /** The port listened on; 0 on a Unix socket or before `listen`. */
  get port(): number {
    const address = this.#netServer.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }

  /** Where the server listens, as a URL prefix such as `http://127.0.0.1:8080`; empty on a Unix socket. */
  get url(): string {
    const address = this.#netServer.address() as AddressInfo | string | null;
    if (address === null || typeof address === 'string') return '';
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${host}:${address.port}`;
  }

  /** How many connections are open, by what they are. */
  get connections(): { readonly http: number; readonly webSockets: number; readonly eventStreams: number } {
    return { http: this.#httpConnections.size, webSockets: this.#webSockets.size, eventStreams: this.#streams.size };
  }

  /**
   * Stops accepting, closes WebSockets with `code` (default 1001, "going away"), ends streams, lets requests that are
   * being answered finish, and resolves when the last connection has gone: at the latest after `closeTimeoutMs`.
   */
  close(code: number = CloseCode.GoingAway, reason = ''): Promise<void> {
    this.#closing = true;
    const closed = Promise.all([
      new Promise<void>((resolve) => this.#netServer.close(() => resolve())),
      // Node's server counts sockets that are destroyed; ours have also told their handlers.
      new Promise<void>((resolve) => {
        this.#onAllGone = resolve;
        if (this.#transports.size === 0) resolve();
      }),
    ]);
    for (const socket of this.#webSockets) socket.close(code, reason);
    for (const stream of this.#streams) stream.close();
    for (const connection of this.#httpConnections) connection.closeWhenIdle();
    const clock = this.#options.clock ?? systemClock;
    const cancel = clock.after(this.#options.closeTimeoutMs ?? TIMEOUTS.closeTimeoutMs, () => {
      for (const transport of this.#transports) transport.destroy();
      for (const socket of this.#underTls) socket.destroy();
    });
    return closed.then(cancel);
  }

  #accept(socket: Socket, usesSharedBuffer: boolean): void {
    const {
      maxConnections = SERVER_LIMITS.maxConnections,
      maxConnectionsPerAddress = SERVER_LIMITS.maxConnectionsPerAddress,
      tls,
    } = this.#options;
    // Not from the start: a client that leaves within the TLS handshake is then noticed at once.
    if (tls !== undefined) socket.allowHalfOpen = true;
    const transport = new Transport(socket, REFUSED, this.#owner);
    this.#transports.add(transport);
    const fromThere = maxConnectionsPerAddress > 0 ? this.#countAddress(socket) : 0;
    if (this.#closing || this.#transports.size > maxConnections || fromThere > maxConnectionsPerAddress) {
      // RFC 9110 §15.6.4; said before the request, since to wait for one would hold what there is too much of.
      const head = encodeResponseHead(503, [
        ['Date', httpDate()],
        ['Retry-After', '5'],
        ['Content-Length', '0'],
        ['Connection', 'close'],
      ]);
      socket.on('error', () => {});
      socket.end(head, () => socket.destroy());
      return;
    }
    this.#httpConnections.add(new HttpConnection(transport, this.#httpSettings));
    if (!usesSharedBuffer) {
      readWithEvents(transport);
      socket.resume();
    }
  }

  /** How many connections the peer's address has open, this one included. */
  #countAddress(socket: Socket): number {
    const counts = this.#perAddress;
    const address = socket.remoteAddress ?? '';
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    socket.once('close', () => {
      const left = counts.get(address)! - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
    return count;
  }

  #serve(exchange: Exchange): void {
    const { request, connection, head } = exchange;
    const path = pathOf(head.target);
    if (exchange.upgrade && request.headers.get('upgrade')?.toLowerCase().includes('websocket')) {
      this.#serveUpgrade(exchange, path);
      return;
    }
    const method = head.method === 'HEAD' ? 'GET' : head.method;
    const match = this.#router.match(method, path);
    switch (match.kind) {
      case 'bad-path':
        connection.respond(plain(400, 'path is not valid percent-encoding (RFC 3986 §2.1)'));
        return;
      case 'not-found':
        if (head.method === 'OPTIONS' && head.target === '*')
          connection.respond({ status: 204, headers: { Allow: METHODS.join(', ') } });
        else if (!METHODS.includes(head.method))
          connection.respond(plain(501, `method ${head.method} is not implemented`));
        else connection.respond(plain(404, 'nothing here'));
        return;
      case 'method-not-allowed': {
        const allow = match.allow.filter((name) => name !== 'WEBSOCKET');
        if (allow.length > 0 && !allow.includes('OPTIONS')) allow.push('OPTIONS');
        const headers = { Allow: allow.join(', ') };
        if (head.method === 'OPTIONS') connection.respond({ status: 204, headers });
        else if (!METHODS.includes(head.method))
          connection.respond(plain(501, `method ${head.method} is not implemented`));
        else if (match.allow.includes('WEBSOCKET') && method === 'GET') {
          // RFC 9110 §15.5.22: this path is only reached by an upgrade.
          connection.respond(
            plain(426, 'this path speaks WebSocket', { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }),
            true,
          );
        } else connection.respond(plain(405, `${head.method} is not allowed here`, headers));
        return;
      }
      case 'found': {
        request.params = match.params;
        const target = match.value;
        if (target.kind === 'http') this.#answer(exchange, () => target.handler(request));
        else if (target.kind === 'event-stream') this.#serveStream(exchange, target);
      }
    }
  }

  /** Calls a handler and sends what it answers, now or later; what it throws becomes a 500. */
  #answer(exchange: Exchange, handler: () => HttpResponse | Promise<HttpResponse>): void {
    const { connection } = exchange;
    const failed = (error: unknown) => {
      this.#onError(error);
      connection.respond(plain(500, 'the handler failed'));
    };
    const respond = (response: HttpResponse) => {
      try {
        for (const name of Object.keys(response.headers ?? {})) {
          if (/^(content-length|transfer-encoding|connection)$/i.test(name))
            throw new TypeError(`header ${name} belongs to the server, which frames the response (RFC 9112 §6.3)`);
        }
        connection.respond(response);
      } catch (error) {
        failed(error);
      }
    };
    try {
      const response = handler();
      if (response instanceof Promise) response.then(respond, failed);
      else respond(response);
    } catch (error) {
      failed(error);
    }
  }

  /** The opening handshake, as `handshake.ts` reads it, then our own conditions, then the answer (RFC 6455 §4.2). */
  #serveUpgrade(exchange: Exchange, path: string): void {
    const { request, connection, head } = exchange;
    const match = this.#router.match('WEBSOCKET', path);
    if (match.kind !== 'found') {
      connection.respond(plain(match.kind === 'bad-path' ? 400 : 404, 'no WebSocket here'), true);
      return;
    }
    const target = match.value;
    if (target.kind !== 'websocket') return;
    request.params = match.params;
    const handshake = readClientHandshake(head);
    if (handshake.kind === 'reject') {
      connection.respond(
        plain(handshake.status, `${handshake.detail} (${handshake.section})`, handshake.headers),
        true,
      );
      return;
    }
    const { allowedOrigins = 'same-origin', protocols = [] } = target.options;
    let allowed: boolean;
    try {
      allowed = handshake.origin === undefined || originAllowed(allowedOrigins, handshake.origin, request);
    } catch (error) {
      this.#onError(error);
      connection.respond(plain(500, 'the handler failed'), true);
      return;
    }
    if (!allowed) {
      // RFC 6455 §4.2.2 step 4: an unacceptable origin is answered with an "appropriate HTTP error code (e.g., 403 Forbidden)".
      connection.respond(plain(403, `origin ${handshake.origin} is not allowed`), true);
      return;
    }
    const protocol = chooseSubprotocol(protocols, handshake.protocols) ?? '';
    const accept = (refusal: HttpResponse | undefined): void => {
      if (refusal !== undefined) {
        connection.respond(refusal, true);
        return;
      }
      const { transport } = connection;
      if (transport.socket.destroyed || connection.over) return;
      const accepted = target.deflate === undefined ? undefined : answerOffers(handshake.extensions, target.deflate);
      const extensions = accepted?.answer ?? '';
      const answer = encodeServerHandshake({ key: handshake.key, protocol, extensions });
      const bytes = typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer;
      const rest = connection.detach();
      head.headers.compact(head.text);
      transport.output.append(bytes, 0, bytes.length);
      const socket = new WebSocketConnection(transport, target.settings, request, {
        protocol,
        extensions,
        deflate: accepted && deflateSettings('server', accepted.parameters, target.deflate!),
      });
      this.#webSockets.add(socket);
      if (target.keepsQueue) socket.openQueue();
      socket.open();
      // RFC 6455 §4.2.2: bytes behind the request are the first frames.
      if (rest.length > 0) socket.receive(rest);
      if (this.#closing) socket.close(CloseCode.GoingAway);
      if (transport.socket.readableEnded) socket.receiveEnd(); // FIN came while it was decided, and comes only once
      transport.flushSoon();
      transport.resume();
    };
    const { upgrade } = target.settings.handlers;
    if (upgrade === undefined) {
      accept(undefined);
      return;
    }
    const failed = (error: unknown) => {
      this.#onError(error);
      connection.respond(plain(500, 'the handler failed'), true);
    };
    try {
      const decision = upgrade.call(target.settings.handlers, request);
      if (decision instanceof Promise) {
        connection.transport.pause(); // frames that come too early wait in TCP
        decision.then(accept).catch(failed);
      } else accept(decision);
    } catch (error) {
      failed(error);
    }
  }

  #serveStream(exchange: Exchange, target: Target & { kind: 'event-stream' }): void {
    const { request, connection, head } = exchange;
    const { handlers } = target.settings;
    const begin = (refusal: HttpResponse | undefined): void => {
      if (refusal !== undefined) {
        connection.respond(refusal);
        return;
      }
      const chunked = head.minor >= 1; // RFC 9112 §6.1: no transfer coding to HTTP/1.0
      const { contentCodings = [] } = target.options;
      const coding = chooseContentCoding(request.headers.get('accept-encoding'), contentCodings);
      const headers: Record<string, string> = { ...EVENT_STREAM_HEADERS, ...target.options.headers };
      // RFC 9110 §12.5.5: what the representation was chosen by, also when it came out plain.
      if (contentCodings.length > 0) addVary(headers, 'Accept-Encoding');
      if (coding !== undefined) headers['Content-Encoding'] = coding;
      if (head.method === 'HEAD') {
        // RFC 9112 §6.1: a response to HEAD may say how the one to GET would be framed.
        connection.respond({ headers: chunked ? { ...headers, 'Transfer-Encoding': 'chunked' } : headers });
        return;
      }
      const { transport } = connection;
      if (transport.socket.destroyed) return;
      const answer = encodeResponseHead(200, [
        ['Date', httpDate()],
        ...Object.entries(headers),
        ...(chunked ? ([['Transfer-Encoding', 'chunked']] as [string, string][]) : []),
        ['Connection', 'close'], // Choice: a stream is the last response of its connection
      ]);
      const bytes = typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer;
      connection.detach();
      transport.output.append(bytes, 0, bytes.length);
      const stream = new EventStreamConnection(transport, target.settings, request, chunked, coding);
      this.#streams.add(stream);
      transport.flushSoon();
      stream.open();
      transport.resume();
      if (this.#closing) stream.close();
      if (transport.socket.readableEnded) stream.receiveEnd(); // as above
    };
    const failed = (error: unknown) => {
      this.#onError(error);
      connection.respond(plain(500, 'the handler failed'));
    };
    try {
      const decision = handlers.accept?.(request);
      if (decision instanceof Promise) decision.then(begin).catch(failed);
      else begin(decision);
    } catch (error) {
      failed(error);
    }
  }

  /** The `for await` form as handlers: runs the function, then closes with 1000, or 1011 if it failed. */
  #loopHandlers<Data>(run: WebSocketFunction<Data>): WebSocketHandlers<Data> {
    return {
      open: (socket, request) => {
        Promise.resolve()
          .then(() => run(socket, request))
          .then(
            () => socket.close(CloseCode.Normal),
            (error: unknown) => {
              // The loop throws what ended the connection; that is not the handler's fault, and `close` has reported it.
              if (socket.readyState === 3) return;
              this.#onError(error);
              socket.close(CloseCode.InternalError);
            },
          );
      },
    };
  }

  #streamHandlers<Data>(run: EventStreamFunction<Data>): EventStreamHandlers<Data> {
    return {
      open: (stream, request) => {
        const result = run(stream, request);
        if (!(result instanceof Promise)) return;
        result
          .catch((error: unknown) => {
            if (!stream.closed) this.#onError(error);
          })
          .finally(() => stream.close());
      },
    };
  }

  /** Handlers that also keep the set of open connections. */
  #counted<Data>(handlers: WebSocketHandlers<Data>): WebSocketHandlers<Data> {
    const sockets = this.#webSockets as unknown as Set<unknown>;
    return {
      ...bound(handlers),
      close: (socket, code, reason, error) => {
        sockets.delete(socket);
        handlers.close?.(socket, code, reason, error);
      },
    };
  }

  #countedStream<Data>(handlers: EventStreamHandlers<Data>): EventStreamHandlers<Data> {
    const streams = this.#streams as unknown as Set<unknown>;
    return {
      ...bound(handlers),
      close: (stream) => {
        streams.delete(stream);
        handlers.close?.(stream);
      },
    };
  }
}

/** Makes a server; add routes, then `listen`. */
export function createServer(options: ServerOptions = {}): Server {
  return new Server(options);
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'OPTIONS'];

/** Receives from a connection that was refused: nothing it says matters. */
const REFUSED: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

/** Adds a name to Vary, whoever has spelt it how. */
function addVary(headers: Record<string, string>, name: string): void {
  const key = Object.keys(headers).find((each) => each.toLowerCase() === 'vary') ?? 'Vary';
  headers[key] = headers[key] === undefined ? name : `${headers[key]}, ${name}`;
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body: `${text}\n` };
}

function originAllowed(allowed: AllowedOrigins, origin: string, request: Request): boolean {
  if (allowed === '*') return true;
  if (allowed === 'same-origin') return isSameOrigin(origin, request.headers.get('host') ?? '', request.secure);
  if (typeof allowed === 'function') return allowed(origin, request) === true; // a promise is not a yes
  // RFC 6454 §6.2: an origin's serialization is lower case already.
  return allowed.includes(origin);
}

/** Methods of an object or class instance as own properties that keep their `this`. */
function bound<T extends object>(handlers: T): T {
  const own: Record<string, unknown> = {};
  for (const name of ['upgrade', 'accept', 'open', 'message', 'drain', 'ping', 'pong', 'close']) {
    const method = (handlers as Record<string, unknown>)[name];
    if (typeof method === 'function') own[name] = method.bind(handlers);
  }
  return own as T;
}

/** Without the properties that are undefined, so that spreading keeps the defaults before them. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function reportHandlerError(error: unknown): void {
  process.emitWarning(error instanceof Error ? (error.stack ?? error.message) : String(error), {
    type: 'BarewireHandlerError',
  });
}
