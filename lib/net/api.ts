/**
 * The interfaces between the server and the people who write handlers. Types only, no behaviour.
 *
 * Implemented by `server.ts` (routes, requests), `websocket-connection.ts` and `event-stream-connection.ts`.
 * Read next: `server.ts`.
 */

import type { EventStreamMessage } from '../event-stream/encoder.ts';
import type { PreparedEvent } from '../event-stream/prepared-event.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { HeaderFields } from '../http/headers.ts';
import type { PerMessageDeflate } from '../websocket/extension.ts';
import type { PreparedMessage } from '../websocket/prepared-message.ts';

/**
 * What became of a message:
 * - `sent`: handed to the operating system or about to be; nothing waits beyond the high-water mark.
 * - `backpressure`: accepted and kept in memory; stop sending until `drain`.
 * - `dropped`: not accepted, because `maxBufferedBytes` was reached or the connection is no longer open.
 */
export type SendResult = 'sent' | 'backpressure' | 'dropped';

/** A request whose head (and body, where it has one) arrived whole and within the limits. */
export interface HttpRequest {
  /** Case-sensitive (RFC 9110 §9.1): `GET`, `HEAD`, `POST` or `OPTIONS`. */
  readonly method: string;
  /** The request-target as it was sent. */
  readonly target: string;
  /** The path of the target, still percent-encoded, without the query. */
  readonly path: string;
  /** Route parameters, percent-decoded; an object without a prototype. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: HeaderFields;
  /** The body's bytes; empty when there was none. Yours to keep. */
  readonly body: Uint8Array;
  /** The peer's address; empty on a Unix socket, and when first asked for after the connection has gone. */
  readonly remoteAddress: string;
  /** True over TLS. */
  readonly secure: boolean;
  /** The body decoded as UTF-8. */
  text(): string;
  /** The body parsed as JSON. @throws SyntaxError */
  json(): unknown;
}

/** What a `get` or `post` handler answers. */
export interface HttpResponse {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8; `Content-Length` is computed. */
  readonly body?: string | Uint8Array;
}

export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** What may be said about one message. */
export interface SendOptions {
  /**
   * False: this message goes as it is, for example because a secret stands beside text that others choose. True: it is
   * compressed however short it is, if that makes it shorter. Without effect where compression was not agreed.
   */
  readonly compress?: boolean;
}

/** The server's side of one WebSocket connection. */
export interface ServerWebSocket<Data = unknown> extends AsyncIterable<string | Uint8Array> {
  readonly request: HttpRequest;
  /** The agreed subprotocol; empty when there is none. */
  readonly protocol: string;
  /** The agreed extensions, as answered; empty when there are none. */
  readonly extensions: string;
  /** Yours: whatever belongs to this connection. */
  data: Data;
  /** 1 OPEN, 2 CLOSING, 3 CLOSED, as in the WHATWG interface. */
  readonly readyState: number;
  /** Bytes of frames that were accepted and that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  /** Sends a text (string) or binary message. A view is not copied when large: leave it alone until it has left. */
  send(message: string | Uint8Array | ArrayBuffer | PreparedMessage, options?: SendOptions): SendResult;
  /** Sends a text message from bytes that are UTF-8 already: what `textAsBytes` delivered, for example. */
  sendText(utf8: Uint8Array, options?: SendOptions): SendResult;
  /** Sends a ping of at most 125 bytes. @throws RangeError for more (RFC 6455 §5.5) */
  ping(payload?: Uint8Array): SendResult;
  /**
   * Begins the closing handshake. Code 1000 or 1001-1014 as RFC 6455 §7.4.1 allows an endpoint to send, or 3000-4999;
   * the reason at most 123 bytes of UTF-8. @throws RangeError
   */
  close(code?: number, reason?: string): void;
  /** Drops TCP at once; `close` reports 1006. */
  terminate(): void;
  /** Stops reading from the peer; TCP holds it back. */
  pause(): void;
  resume(): void;
}

/** Handlers of a WebSocket route: the fast form. One `open` is always matched by exactly one `close`. */
export interface WebSocketHandlers<Data = unknown> {
  /** Decides before the handshake is answered: return a response to refuse the upgrade, or nothing to accept it. */
  upgrade?(request: HttpRequest): HttpResponse | undefined | Promise<HttpResponse | undefined>;
  open?(socket: ServerWebSocket<Data>, request: HttpRequest): void;
  /**
   * Text arrives as a string (with `textAsBytes` as UTF-8 bytes; `isText` tells them from binary), binary as a
   * Uint8Array. It is yours to keep.
   */
  message?(socket: ServerWebSocket<Data>, message: string | Uint8Array, isText: boolean): void;
  /** Everything that waited has left. */
  drain?(socket: ServerWebSocket<Data>): void;
  ping?(socket: ServerWebSocket<Data>, payload: Uint8Array): void;
  pong?(socket: ServerWebSocket<Data>, payload: Uint8Array): void;
  /** 1005: the peer's close frame had no code; 1006: there was no closing handshake. `error` says what went wrong, if anything. */
  close?(socket: ServerWebSocket<Data>, code: number, reason: string, error?: Error): void;
}

/**
 * The convenient form: runs once per connection; read with `for await`. When it returns the connection is closed with 1000.
 * The loop runs behind the read that brought a message: where the peer's close frame came in the same read, what the loop
 * then sends is `dropped`. Handlers run at once, and their answers still leave.
 */
export type WebSocketFunction<Data = unknown> = (
  socket: ServerWebSocket<Data>,
  request: HttpRequest,
) => void | Promise<void>;

/** The server's side of one event stream. */
export interface EventStream<Data = unknown> {
  readonly request: HttpRequest;
  /** What the client saw last: the `Last-Event-ID` header, else the `lastEventId` query parameter, else empty. Not to be trusted. */
  readonly lastEventId: string;
  data: Data;
  readonly closed: boolean;
  readonly bufferedAmount: number;
  /** @throws TypeError when `event` or `id` cannot be carried (CR, LF, NUL; HTML §9.2.5) */
  send(event: EventStreamMessage | PreparedEvent | string): SendResult;
  comment(text: string): SendResult;
  /** Ends the response once everything sent has left. The client will reconnect, unless a later request is answered with 204. */
  close(): void;
}

export interface EventStreamHandlers<Data = unknown> {
  /** Decides before the response head is sent: return a response to refuse (204 stops an EventSource from reconnecting). */
  accept?(request: HttpRequest): HttpResponse | undefined | Promise<HttpResponse | undefined>;
  open?(stream: EventStream<Data>, request: HttpRequest): void;
  drain?(stream: EventStream<Data>): void;
  close?(stream: EventStream<Data>): void;
}

/** The convenient form. When its promise settles the stream is ended; a plain function leaves it open. */
export type EventStreamFunction<Data = unknown> = (
  stream: EventStream<Data>,
  request: HttpRequest,
) => void | Promise<void>;

/** Which `Origin` values may open a WebSocket. A missing Origin is always allowed: browsers always send one. */
export type AllowedOrigins =
  | 'same-origin'
  | '*'
  | readonly string[]
  | ((origin: string, request: HttpRequest) => boolean);

/** Options of one WebSocket route; what is left out comes from the server's options. */
export interface WebSocketRouteOptions {
  readonly allowedOrigins?: AllowedOrigins;
  /** Subprotocols in order of preference; the first that the client offered is chosen. */
  readonly protocols?: readonly string[];
  readonly maxMessageBytes?: number;
  readonly maxFramesPerMessage?: number;
  readonly maxBufferedBytes?: number;
  readonly highWaterMarkBytes?: number;
  readonly maxQueuedMessages?: number;
  readonly maxQueuedBytes?: number;
  /** 0 = never ping. */
  readonly pingIntervalMs?: number;
  readonly pongTimeoutMs?: number;
  readonly closeTimeoutMs?: number;
  /** Text messages arrive as validated UTF-8 bytes instead of a string. Default false. */
  readonly textAsBytes?: boolean;
  /**
   * Whether to accept permessage-deflate when a client offers it (RFC 7692): `true`, `'auto'` (and leave alone what does
   * not shrink), or how. Default false.
   * Choice: off, since it costs CPU and, with takeover, memory for each connection, and since the length of a compressed
   * message that mixes a secret with text of others says something about the secret (RFC 7692 §8, CRIME).
   */
  readonly perMessageDeflate?: PerMessageDeflate;
}

/** Options of one event-stream route; what is left out comes from the server's options. */
export interface EventStreamRouteOptions {
  /** `GET` (default) or `POST`. */
  readonly method?: 'GET' | 'POST';
  /** 0 = never. */
  readonly heartbeatIntervalMs?: number;
  readonly maxBufferedBytes?: number;
  readonly highWaterMarkBytes?: number;
  /**
   * Content codings to use with clients whose `Accept-Encoding` takes them, best first. Default none.
   * Choice: off, for what `perMessageDeflate` says of secrets beside text of others.
   */
  readonly contentCodings?: readonly ContentCoding[];
  /** Further response headers. */
  readonly headers?: Readonly<Record<string, string>>;
}
