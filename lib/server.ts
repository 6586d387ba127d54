/**
 * The face that people hold: routes, listening, draining, closing. No protocol in it.
 *
 *     listen ─► Listener ─► HttpConnection ─┐
 *                                           └─► Exchange ─► dispatch ─► handlers
 *
 * Everything that connections share (settings, sweeper, routes, the registry) is made here once; what belongs to one
 * connection is not. Secure by default: WebSockets are same-origin unless told otherwise, and every limit of `limits.ts` applies.
 * Read next: `net/dispatch.ts`.
 */

import type { Server as NodeHttpServer } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as NodeHttpsServer } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Channel } from './channel/port.ts';
import { clientOf, proxyTrust, type TrustProxyOption } from './http/forwarded.ts';
import { Router, WEBSOCKET } from './http/router.ts';
import { attach } from './mount/attach.ts';
import { type Middleware, middlewareOf } from './mount/middleware.ts';
import type { AttachOptions, Mount } from './mount/mount.ts';
import { handleRequest, handleUpgrade } from './mount/node-http.ts';
import type { NodeRequest, NodeResponse, UpgradeStream } from './mount/node-request.ts';
import type {
  DataOf,
  Decision,
  EventStream,
  EventStreamFunction,
  EventStreamHandlers,
  EventStreamRouteOptions,
  HttpHandler,
  HttpRequest,
  HttpRouteOptions,
  ServerWebSocket,
  Upgrade,
  WebSocketFunction,
  WebSocketHandlers,
  WebSocketRouteOptions,
} from './net/api.ts';
import type { Context, Target } from './net/context.ts';
import { serve } from './net/dispatch.ts';
import type { Connection, DrainOptions } from './net/drain.ts';
import { Ending } from './net/ending.ts';
import { type ErrorHandler, guardedErrorHandler, yesOrNo } from './net/guard.ts';
import { HttpConnection, type HttpSettings } from './net/http-connection.ts';
import { Listener, type ListenOptions } from './net/listener.ts';
import { renderMetrics } from './net/metrics.ts';
import { Observed } from './net/observed.ts';
import { type ConnectionCounts, OpenConnections } from './net/open-connections.ts';
import {
  checkPattern,
  checkServerOptions,
  httpTarget,
  type RouteDefaults,
  type RouteMakers,
  serverSettings,
  streamTarget,
  webSocketTarget,
} from './net/settings.ts';
import { type Clock, Sweeper, systemClock } from './net/sweeper.ts';
import type { Observer } from './observe.ts';
import { at, checkOptions, describe, FUNCTION, milliseconds } from './options.ts';
import { CloseCode, encodeClosePayload } from './websocket/close.ts';

/** Options of a server. Every option of a route may stand here as the default of all routes. */
export interface ServerOptions extends RouteDefaults {
  /** Serve TLS: what `node:tls` takes, at least `key` and `cert`. */
  readonly tls?: TlsOptions | undefined;
  /** Connections at a time; one more is answered 503 and closed. */
  readonly maxConnections?: number | undefined;
  /** Connections at a time from one address; 0 = no such limit, as behind a proxy, which is one address. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** TLS handshakes under way at a time; one more connection is dropped. Each ends after `headTimeoutMs` at the latest. */
  readonly maxTlsHandshakes?: number | undefined;
  readonly maxRequestLineBytes?: number | undefined;
  readonly maxHeadBytes?: number | undefined;
  readonly maxHeaderCount?: number | undefined;
  readonly maxBodyBytes?: number | undefined;
  readonly maxRequestsPerConnection?: number | undefined;
  readonly maxPipelinedRequests?: number | undefined;
  /** Whose word about the client counts: proxies in front of this server, and the fields that they set. Default: nobody's. */
  readonly trustProxy?: TrustProxyOption | undefined;
  readonly headTimeoutMs?: number | undefined;
  readonly bodyTimeoutMs?: number | undefined;
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Told what a handler threw; its connection is ended either way. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Told of everything that happens; several are told in order. */
  readonly observer?: Observer | readonly Observer[] | undefined;
  /** Where time comes from; tests pass a fake one. */
  readonly clock?: Clock | undefined;
}

/** What other files of ours may ask of a server. */
interface Inside {
  readonly open: OpenConnections;
  readonly observed: Observed;
  /** Nobody connects any more. */
  readonly closing: () => boolean;
  /** Serves HTTP on a channel whose owner is `open`, as on one that the listener has accepted. */
  readonly accepted: (channel: Channel) => void;
  /** Told of what the application's functions threw. */
  readonly onError: (error: unknown) => void;
}

export class Server {
  readonly #parts: Parts;
  readonly #inside: Inside;
  readonly #open: OpenConnections;

  /** @throws TypeError or RangeError that names a wrong option and its bound */
  constructor(options: ServerOptions = {}) {
    checkServerOptions(options);
    const parts = makeParts(options);
    this.#parts = parts;
    const { open } = parts.context;
    this.#open = open;
    const { observed, onError } = parts.makers;
    this.#inside = { open, observed, onError, closing: parts.context.closing, accepted: parts.accepted };
  }

  /** @internal For `metrics`, and for `testing`, which has connections without a listener. */
  static inside(server: Server, where: string): Inside {
    if (!(typeof server === 'object' && server !== null && #inside in server))
      throw new TypeError(`${where}: server is ${describe(server)}, must be what createServer() gave`);
    return server.#inside;
  }

  /**
   * Adds a WebSocket route. Patterns: `/rooms/:room`, and `*` as the last segment. `upgrade` decides before the handshake
   * is answered, and what it gives as `data` becomes `socket.data`, with its type.
   * @throws TypeError for a malformed or duplicate pattern, a wrong handler or option; RangeError for an option out of bounds
   */
  webSocket<Data = unknown>(
    pattern: string,
    handlers: WebSocketHandlers<Data> | WebSocketFunction<Data>,
    options?: WebSocketRouteOptions,
  ): this;
  webSocket<Answer extends Decision<unknown>>(
    pattern: string,
    upgrade: (request: HttpRequest) => Answer | Promise<Answer>,
    handlers: WebSocketHandlers<DataOf<Answer>> | WebSocketFunction<DataOf<Answer>>,
    options?: WebSocketRouteOptions,
  ): this;
  /** With the type of `data` written down, where it is not what `upgrade` gives at first. */
  webSocket<Data>(
    pattern: string,
    upgrade: Upgrade<Data>,
    handlers: WebSocketHandlers<Data> | WebSocketFunction<Data>,
    options?: WebSocketRouteOptions,
  ): this;
  webSocket(pattern: string, ...given: readonly unknown[]): this {
    this.#parts.context.router.add(WEBSOCKET, pattern, webSocketTarget(this.#parts.makers, pattern, given));
    return this;
  }

  /**
   * Adds an event-stream route, for GET or (with `{ method: 'POST' }`) for POST. `accept` decides before the head is sent,
   * and what it gives as `data` becomes `stream.data`, with its type. @throws as `webSocket`
   */
  eventStream<Data = unknown>(
    pattern: string,
    handlers: EventStreamHandlers<Data> | EventStreamFunction<Data>,
    options?: EventStreamRouteOptions,
  ): this;
  eventStream<Answer extends Decision<unknown>>(
    pattern: string,
    accept: (request: HttpRequest) => Answer | Promise<Answer>,
    handlers: EventStreamHandlers<DataOf<Answer>> | EventStreamFunction<DataOf<Answer>>,
    options?: EventStreamRouteOptions,
  ): this;
  /** With the type of `data` written down. */
  eventStream<Data>(
    pattern: string,
    accept: Upgrade<Data>,
    handlers: EventStreamHandlers<Data> | EventStreamFunction<Data>,
    options?: EventStreamRouteOptions,
  ): this;
  eventStream(pattern: string, ...given: readonly unknown[]): this {
    const { method, target } = streamTarget(this.#parts.makers, pattern, given);
    this.#parts.context.router.add(method, pattern, target);
    return this;
  }

  /** Adds a route for GET; HEAD and OPTIONS are answered by themselves. @throws as `webSocket` */
  get(pattern: string, handler: HttpHandler, options: HttpRouteOptions = {}): this {
    return this.route('GET', pattern, handler, options);
  }

  /** Adds a route for POST. The handler is called once the whole body is there. @throws as `webSocket` */
  post(pattern: string, handler: HttpHandler, options: HttpRouteOptions = {}): this {
    return this.route('POST', pattern, handler, options);
  }

  /** Adds a route for any method, in the case in which clients send it (RFC 9110 §9.1). @throws as `webSocket` */
  route(method: string, pattern: string, handler: HttpHandler, options: HttpRouteOptions = {}): this {
    const where = `route(${describe(method)}, ${describe(pattern)})`;
    checkPattern(where, pattern);
    if (method === WEBSOCKET) throw new TypeError(`${where}: use webSocket() for WebSockets`);
    this.#parts.context.router.add(method, pattern, httpTarget(this.#parts.makers, where, handler, options));
    return this;
  }

  /**
   * Begins to accept connections. Rejects with the system's error, for example `EADDRINUSE`, for a wrong option, and where the
   * server has been closed, or is closed meanwhile (`SERVER_CLOSED`).
   */
  async listen(options: ListenOptions = {}): Promise<this> {
    await this.#parts.listener.listen(options);
    return this;
  }

  /**
   * Serves this server's routes behind somebody's `node:http`, `https` or HTTP/2 server too: WebSockets, and with
   * `{ routes: true }` event streams and HTTP routes. `close` detaches it again, and leaves that server open.
   * @throws TypeError for what is no such server, for one that is attached already, and for a wrong option
   */
  attach(
    server: NodeHttpServer | NodeHttpsServer | Http2Server | Http2SecureServer,
    options: AttachOptions = {},
  ): this {
    if (this.#parts.ending.closing) throw new TypeError('attach: this server has been closed; make another one');
    this.#parts.ending.whenOver.push(attach(this.#parts.mount, server, options));
    return this;
  }

  /**
   * Takes an upgrade that somebody's HTTP/1.1 server has handed over, now or later. False, with nothing touched, where it
   * asks for no WebSocket, or where none of the routes is for its path.
   * @throws TypeError for a socket that was handed over before: its connection goes on
   */
  handleUpgrade(request: NodeRequest, socket: UpgradeStream, head: Uint8Array): boolean {
    return handleUpgrade(this.#parts.mount, request, socket, head);
  }

  /**
   * Answers a request of somebody's HTTP/1.1 or HTTP/2 server, now or later. False, with nothing touched, where none of the
   * event-stream and HTTP routes is for its method and path. The body is read here: pass it on before anybody reads it.
   */
  handleRequest(request: NodeRequest, response: NodeResponse): boolean {
    return handleRequest(this.#parts.mount, request, response);
  }

  /**
   * `handleRequest` for `app.use` of Express and Connect, and for `app.addHook('onRequest', …)` of Fastify. Routes are looked up by
   * `request.url`, from which Express and Connect take the path that they are given with `use`.
   */
  middleware(): Middleware {
    return middlewareOf(this.#parts.mount);
  }

  /**
   * Puts another certificate in place, without a pause: `key`, `cert` and whatever else `tls` had. Connections that are open keep
   * theirs. @throws Error for what is no certificate, which leaves the old one; TypeError for a server without `tls`
   */
  renewTls(tls: SecureContextOptions): void {
    this.#parts.listener.renewTls(tls);
  }

  /** The port listened on; 0 on a Unix socket or before `listen`. */
  get port(): number {
    return this.#parts.listener.address?.port ?? 0;
  }

  /** Where the server listens, as a URL prefix such as `http://127.0.0.1:8080`; empty on a Unix socket. */
  get url(): string {
    return this.#parts.listener.url;
  }

  /** How many connections are open, by what they are; `handshakes` are within their TLS handshake. */
  get connections(): ConnectionCounts & { readonly handshakes: number } {
    return { ...this.#open.counts, handshakes: this.#parts.listener.handshakes };
  }

  /** The open WebSockets, of all routes. Closing some while iterating is fine. */
  get webSockets(): Iterable<ServerWebSocket> {
    return this.#open.webSockets as Iterable<ServerWebSocket>;
  }

  /** The open event streams, of all routes. */
  get eventStreams(): Iterable<EventStream> {
    return this.#open.eventStreams as Iterable<EventStream>;
  }

  /**
   * Ends the server without a storm: refuses new connections with 503, closes WebSockets with 1012 spread over `overMs`, ends
   * event streams with a reconnection time of their own each, then closes. Resolves when all have gone. Of several drains the one that
   * ends first ends them all, and so does `close`. @throws TypeError or RangeError for a wrong option
   */
  drain(options: DrainOptions = {}): Promise<void> {
    checkOptions('drain', options, { overMs: milliseconds(), retryAfterMs: milliseconds(1), onClose: FUNCTION });
    return this.#parts.ending.drain(options);
  }

  /**
   * Stops accepting, closes WebSockets with `code` (default 1001, "going away"), ends streams, lets requests whose head has come be
   * answered, also those that other people's servers have handed over, and resolves when the last connection and the last request have
   * gone. Whoever is still within the TLS handshake or in front of a PROXY header is dropped; what is left after `closeTimeoutMs` too. Every further call answers the same.
   * @throws RangeError for a code or reason that may not be sent (RFC 6455 §7.4)
   */
  close(code: number = CloseCode.GoingAway, reason = ''): Promise<void> {
    encodeClosePayload(code, reason);
    return this.#parts.ending.close(code, reason);
  }
}

/** What a server is made of; made once. */
interface Parts {
  readonly ending: Ending;
  readonly context: Context;
  readonly makers: RouteMakers & { readonly observed: Observed };
  readonly mount: Mount;
  readonly listener: Listener;
  /** Serves HTTP on a channel whose owner is the registry. */
  readonly accepted: (channel: Channel) => void;
}

/** Makes the parts. @throws as the constructor */
function makeParts(options: ServerOptions): Parts {
  const settings = serverSettings(options);
  const tell = guardedErrorHandler(options.onError);
  const observed = new Observed(options.observer, tell);
  const onError = (error: unknown): void => {
    observed.fail(error);
    tell(error);
  };
  const open = new OpenConnections(settings.maxConnectionsPerAddress);
  const trust = options.trustProxy && at('createServer', () => proxyTrust(guardedTrust(options.trustProxy!, onError)));
  const clock = options.clock ?? systemClock;
  const sweeper = new Sweeper(clock);
  sweeper.expect(settings.headTimeoutMs, settings.bodyTimeoutMs, settings.keepAliveTimeoutMs, settings.closeTimeoutMs);
  const makers = { defaults: options, sweeper, open, onError, observed };
  // What changes in a server's life; asked once there is an `ending`.
  const state = {
    closing: () => ending.closing,
    closed: () => ending.closed,
    retryAfterMs: () => ending.retryAfterMs,
    opened: (connection: Connection) => ending.opened(connection),
  };
  const context: Context = { router: new Router<Target>(), sweeper, open, onError, observed, ...state };
  const forwarded: Mount['forwarded'] = trust && (({ remote }, { headers }) => clientOf(trust, remote, headers));
  const mount: Mount = { context, clock, limits: settings, forwarded };
  const http: HttpSettings = {
    ...settings,
    sweeper,
    observed,
    limits: settings,
    forwarded,
    serve: (exchange) => serve(context, exchange),
    onDone: (connection) => open.http.delete(connection),
  };
  const accepted = (channel: Channel): void => void open.http.add(new HttpConnection(channel, http));
  const { tls } = options;
  const listener = new Listener({ ...settings, tls, open, sweeper, onError, observed, ...state, accepted });
  const { closeTimeoutMs } = settings;
  const ending = new Ending({ open, clock, closeTimeoutMs, onError, listener });
  return { ending, context, makers, mount, listener, accepted };
}

/** Makes a server; add routes, then `listen`. @throws TypeError or RangeError that names a wrong option and its bound */
export function createServer(options: ServerOptions = {}): Server {
  return new Server(options);
}

/**
 * What a server has counted, as the text format 0.0.4 of Prometheus: serve it with
 * `Content-Type: text/plain; version=0.0.4`. Looks at every open connection, 10,000 of them in a few milliseconds.
 */
export function metrics(server: Server): string {
  const { open, observed } = Server.inside(server, 'metrics');
  return renderMetrics(open, observed);
}

/** Trust whose function may throw or reject, in whatever server's event that comes: an address is then not trusted. */
function guardedTrust(option: TrustProxyOption, onError: ErrorHandler): TrustProxyOption {
  const { from, headers } = option;
  if (typeof from !== 'function') return option;
  const trusts = yesOrNo(from, onError);
  const guarded = (address: string): boolean => {
    try {
      return trusts(address);
    } catch (error) {
      onError(error);
      return false;
    }
  };
  return { from: guarded, headers };
}
