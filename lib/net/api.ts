/**
 * The interfaces between the server and the people who write handlers. Types only, no behaviour.
 *
 * Implemented by `request.ts`, `server-websocket.ts` and `server-event-stream.ts`; a route's options are checked in
 * `settings.ts`. Read next: `../server.ts`.
 */

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { EventStreamMessage } from '../event-stream/encoder.ts';
import type { PreparedEvent } from '../event-stream/prepared-event.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { HeaderFields } from '../http/headers.ts';
import type { OriginOption } from '../http/origin.ts';
import type { PerMessageDeflate } from '../websocket/extension.ts';
import type { PreparedMessage } from '../websocket/prepared-message.ts';

/**
 * What became of a message:
 * - `sent`: handed to the operating system or about to be; nothing waits beyond the high-water mark.
 * - `backpressure`: accepted and kept in memory; stop sending until `drain`.
 * - `dropped`: not accepted, because `maxBufferedBytes` was reached or the connection is no longer open.
 */
export type SendResult = 'sent' | 'backpressure' | 'dropped';

/** A request of Node's own, as the server has it that handed the request over. */
export type RawRequest = IncomingMessage | Http2ServerRequest;

/** A request whose head (and body, where it has one) arrived whole and within the limits. */
export interface HttpRequest {
  /** Case-sensitive (RFC 9110 §9.1): `GET`, `POST` and so on. */
  readonly method: string;
  /** The request-target as it was sent. */
  readonly target: string;
  /** The path of the target, still percent-encoded, without the query. */
  readonly path: string;
  /** Route parameters, percent-decoded; an object without a prototype. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: HeaderFields;
  /** The cookies that the client sent (RFC 6265 §4.2). */
  readonly cookies: ReadonlyMap<string, string>;
  /** The body's bytes; empty when there was none. Yours to keep. */
  readonly body: Uint8Array;
  /** The client's address, as trusted proxies tell it (`trustProxy`); empty on a Unix socket. */
  readonly remoteAddress: string;
  /** True over TLS, up to a trusted proxy at least. */
  readonly secure: boolean;
  /** The host, and port where there is one, that the client asked for: the Host field, or what a trusted proxy says of it. */
  readonly host: string;
  /** Aborted when the client leaves before it was answered; for a WebSocket or an event stream, when that ends. */
  readonly signal: AbortSignal;
  /**
   * Node's own request, for what works on that: express-session, passport. There for requests that came through `attach`,
   * `handleUpgrade`, `handleRequest`, `middleware` or `openEventStream`; undefined behind our own listener, and for a WebSocket over
   * HTTP/2, which has none. A WebSocket lets go of it when `upgrade` has answered: take what is wanted of it into `data` there.
   */
  readonly raw: RawRequest | undefined;
  /** The body decoded as UTF-8. */
  text(): string;
  /**
   * The body parsed as JSON. @throws ProtocolViolation (`HTTP_BODY_NOT_JSON`), which the server answers with 400 if no handler of an HTTP or an
   * event-stream route catches it, without telling `onError`. An event stream whose head has left is dropped instead.
   */
  json(): unknown;
}

/** What a handler of `get`, `post` or `route` answers. */
export interface HttpResponse {
  /** 200 to 599; default 200. */
  readonly status?: number | undefined;
  /** A list sends the field once for each value, as Set-Cookie wants it. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Text is sent as UTF-8; `Content-Length` is computed. */
  readonly body?: string | Uint8Array | undefined;
}

export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Refuses what a client asks for, with any status but a 1xx; a WebSocket's refusal ends the connection. */
export interface Refusal extends HttpResponse {
  readonly status: number;
}

/** Accepts a WebSocket or an event stream, and says what it shall have. */
export interface Acceptance<Data> {
  readonly status?: never;
  /** Becomes `socket.data`, or `stream.data`. */
  readonly data: Data;
  /** Join the response head. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** WebSocket: the subprotocol, one of those that the client offered; in place of the route's `protocols`. */
  readonly protocol?: string | undefined;
}

/** `undefined` accepts without data. */
export type Decision<Data> = Acceptance<Data> | Refusal | undefined;

/** Decides about a WebSocket before the handshake is answered, or about an event stream before its head is sent. */
export type Upgrade<Data> = (request: HttpRequest) => Decision<Data> | Promise<Decision<Data>>;

/** The type of `data` in what an `upgrade` or `accept` answers, refusals aside; undefined may be among it; unknown where it gives none. */
export type DataOf<Answer> = [AcceptedData<Answer>] extends [undefined] ? unknown : AcceptedData<Answer>;

type AcceptedData<Answer> = Answer extends { readonly status: number }
  ? never
  : Answer extends { readonly data: infer Data }
    ? Data
    : Answer extends undefined
      ? undefined
      : never;

/** What may be said about one message. */
export interface SendOptions {
  /**
   * False: this message goes as it is, for example because a secret stands beside text that others choose. True: it is
   * compressed however short it is, if that makes it shorter. Without effect where compression was not agreed.
   */
  readonly compress?: boolean | undefined;
}

/** What a connection has carried and holds. */
export interface ConnectionStats {
  /** Octets as they crossed the wire, framing included, since the handshake. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Whole messages, or events. */
  readonly receivedMessages: number;
  readonly sentMessages: number;
  /** Octets that wait for the peer to take them. */
  readonly queuedBytes: number;
  /** From the last ping to its pong; undefined before the first. Always undefined for event streams. */
  readonly roundTripMs: number | undefined;
  /** How long the connection has been open. */
  readonly openMs: number;
}

/** What can be sent over a WebSocket. */
export type Message = string | Uint8Array | ArrayBuffer | PreparedMessage;

/**
 * Octets that are only lent to a handler: good until it returns, and then written over. `slice()` makes octets that are yours to keep;
 * `new TextDecoder().decode(octets)` and a `DataView` read them where they are. No Uint8Array for the compiler, so that whatever could keep
 * one refuses it, also what would only read it. In JavaScript `write`, `writeMessage` and `publish` of rooms throw a TypeError; over TLS not for
 * short ones, whose memory is not used again.
 */
export interface LentBytes
  extends Pick<
    Uint8Array,
    | 'length'
    | 'byteLength'
    | 'byteOffset'
    | 'buffer'
    | 'at'
    | 'every'
    | 'find'
    | 'findIndex'
    | 'forEach'
    | 'includes'
    | 'indexOf'
    | 'lastIndexOf'
    | 'reduce'
    | 'slice'
    | 'some'
    | typeof Symbol.iterator
  > {
  readonly [index: number]: number;
}

/**
 * A message that is received in parts, each as soon as it has come: strings of whole characters where it is text, else Uint8Arrays, which
 * are yours to keep. At most `maxQueuedMessages` parts or `maxQueuedBytes` of them wait; then the connection is not read.
 * Leaving the loop discards the rest as it comes. Where the connection ends first, the loop throws ConnectionClosed.
 */
export interface StreamedMessage extends AsyncIterable<string | Uint8Array> {
  readonly type: 'text' | 'binary';
}

/** What may be said about a message that is sent in parts. */
export interface WriteMessageOptions extends SendOptions {
  /** Default: text where the first part is a string. `'text'` for parts that are UTF-8 already. */
  readonly type?: 'text' | 'binary' | undefined;
}

/** The server's side of one WebSocket connection. */
export interface ServerWebSocket<Data = unknown> extends AsyncIterable<string | Uint8Array> {
  readonly request: HttpRequest;
  /** The agreed subprotocol; empty when there is none. */
  readonly protocol: string;
  /** The agreed extensions, as answered; empty when there are none. */
  readonly extensions: string;
  /** What `upgrade` gave, or whatever you put there. */
  data: Data;
  /** 1 OPEN, 2 CLOSING, 3 CLOSED, as in the WHATWG interface. */
  readonly readyState: number;
  /** Bytes of frames that were accepted and that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  readonly stats: ConnectionStats;
  /** Aborted when the connection has ended; the reason is a ConnectionClosed. */
  readonly signal: AbortSignal;
  /** Sends a text (string) or binary message. A view is not copied when large: leave it alone until it has left. */
  send(message: Message | LentBytes, options?: SendOptions): SendResult;
  /** Sends a text message from bytes that are UTF-8 already: what `textBytes` or `lentText` delivered, for example. */
  sendText(utf8: Uint8Array | LentBytes, options?: SendOptions): SendResult;
  /**
   * Sends as soon as there is room, after what waits already, and resolves when nothing waits beyond the high-water mark.
   * Rejects with ConnectionClosed when the connection ends first. Ignored, it does no harm.
   */
  write(message: Message, options?: SendOptions): Promise<void>;
  /**
   * Sends one message in parts, each a frame of its own, after what `write` has in line: however long, no more of it is in memory than
   * `highWaterMarkBytes` and one part. Resolves as `write` does. Until then `write` waits and, from the first part on, `send` throws TypeError; pings go in between.
   * Where `parts` fails within the message the connection is closed with 1011, since the peer could not tell. Leave parts alone until
   * the next one is asked for. Rejects with that error, or with ConnectionClosed. @throws TypeError for what cannot be iterated
   */
  writeMessage(
    parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    options?: WriteMessageOptions,
  ): Promise<void>;
  /**
   * Sends a ping of at most 125 bytes; resolves to the round trip in ms, or to undefined when the connection ends first, or
   * when it was not sent because nothing may be queued any more. @throws RangeError for more bytes (RFC 6455 §5.5)
   */
  ping(payload?: Uint8Array): Promise<number | undefined>;
  /**
   * Begins the closing handshake. Code 1000 or 1001-1014 as RFC 6455 §7.4.1 allows an endpoint to send, or 3000-4999;
   * the reason at most 123 bytes of UTF-8. @throws RangeError, or TypeError for a reason that is no string
   */
  close(code?: number, reason?: string): void;
  /** Drops TCP at once; `close` reports 1006. */
  terminate(): void;
  /** Stops reading from the peer; TCP holds it back. No handler is told of anything it sent until `resume`; pings are not answered. */
  pause(): void;
  resume(): void;
}

/** Handlers of a WebSocket route: the fast form. One `open` is always matched by exactly one `close`. */
export interface WebSocketHandlers<Data = unknown> {
  open?(socket: ServerWebSocket<Data>, request: HttpRequest): unknown;
  /** A string is text, a Uint8Array is binary. Yours to keep. */
  message?(socket: ServerWebSocket<Data>, message: string | Uint8Array): unknown;
  /** In place of `message` for text, as validated UTF-8 bytes: for those who pass it on without looking into it. Yours to keep. */
  textBytes?(socket: ServerWebSocket<Data>, utf8: Uint8Array): unknown;
  /**
   * In place of `message` for binary messages, for those who read a message at once or pass it on: it lies in memory that is used again, and
   * is good only until the handler returns (its first `await`, where it is an async function). What was sent of it stays until it is written.
   * Saves the memory of each message.
   */
  lentBinary?(socket: ServerWebSocket<Data>, bytes: LentBytes): unknown;
  /** As `textBytes`, and lent as in `lentBinary`. */
  lentText?(socket: ServerWebSocket<Data>, utf8: LentBytes): unknown;
  /**
   * In place of `message`: a message is told at its first frame, and read as it comes, however long it is (`maxStreamedMessageBytes`). The
   * next one is told when it has been read to its end or left. When the handler is done (its promise, where it answers one), a message that
   * nobody has begun to read is discarded.
   */
  messageStream?(socket: ServerWebSocket<Data>, message: StreamedMessage): unknown;
  /** Everything that waited has left. */
  drain?(socket: ServerWebSocket<Data>): unknown;
  ping?(socket: ServerWebSocket<Data>, payload: Uint8Array): unknown;
  pong?(socket: ServerWebSocket<Data>, payload: Uint8Array): unknown;
  /** 1005: the peer's close frame had no code; 1006: there was no closing handshake. `error` says what went wrong, if anything. */
  close?(socket: ServerWebSocket<Data>, code: number, reason: string, error?: Error): unknown;
}

/**
 * The convenient form: runs once per connection; read with `for await`. When it returns the connection is closed with 1000.
 * Leaving the loop leaves the socket open, and a later loop goes on where it stopped. The loop runs after the read that
 * brought a message: where the peer's close frame came in the same read, what the loop then sends is `dropped`.
 * Handlers run at once, and their answers still leave.
 */
export type WebSocketFunction<Data = unknown> = (socket: ServerWebSocket<Data>, request: HttpRequest) => unknown;

/** What can be sent over an event stream: an event, one prepared for many, or a string as the data of an event. */
export type EventMessage = EventStreamMessage | PreparedEvent | string;

/** The server's side of one event stream. */
export interface EventStream<Data = unknown> {
  readonly request: HttpRequest;
  /** What the client saw last: the `Last-Event-ID` header, else the `lastEventId` query parameter, else empty. Not to be trusted. */
  readonly lastEventId: string;
  /** What `accept` gave, or whatever you put there. */
  data: Data;
  readonly closed: boolean;
  readonly bufferedAmount: number;
  readonly stats: ConnectionStats;
  /** Aborted when the client has gone, or the stream was closed; the reason is a ConnectionClosed. */
  readonly signal: AbortSignal;
  /** @throws TypeError when `event` or `id` cannot be carried (CR, LF, NUL; HTML §9.2.5) */
  send(event: EventMessage): SendResult;
  /** As `send`, but waits for room and rejects when the client has gone: see `ServerWebSocket.write`. */
  write(event: EventMessage): Promise<void>;
  comment(text: string): SendResult;
  /** Ends the response once everything sent has left. The client will reconnect, unless a later request is answered with 204. */
  close(): void;
  /** Drops the connection at once, so that the client can tell it from an end: `fetch` rejects, an EventSource reconnects. */
  terminate(): void;
}

export interface EventStreamHandlers<Data = unknown> {
  open?(stream: EventStream<Data>, request: HttpRequest): unknown;
  drain?(stream: EventStream<Data>): unknown;
  close?(stream: EventStream<Data>): unknown;
}

/**
 * The convenient form. When its promise resolves the stream is ended; a plain function leaves it open. When it throws or
 * rejects, the connection is dropped, so that the client can tell a failure from the end; before anything has left, in the turn in which the
 * stream was opened (so before its first `await` of what takes longer), the answer is 500 instead, and what it has sent is not. A stream that it
 * has closed before keeps its end.
 */
export type EventStreamFunction<Data = unknown> = (stream: EventStream<Data>, request: HttpRequest) => unknown;

/** Whose pages may open a WebSocket, read a response or send a request that changes something. No Origin: no page is behind it. */
export type AllowedOrigins = OriginOption<HttpRequest>;

/** Options of one WebSocket route; what is left out comes from the server's options. */
export interface WebSocketRouteOptions {
  readonly allowedOrigins?: AllowedOrigins | undefined;
  /** Subprotocols in order of preference; the first that the client offered is chosen. */
  readonly protocols?: readonly string[] | undefined;
  readonly maxMessageBytes?: number | undefined;
  readonly maxFramesPerMessage?: number | undefined;
  /** Octets of a message that `messageStream` is given. Default: no limit. */
  readonly maxStreamedMessageBytes?: number | undefined;
  readonly maxBufferedBytes?: number | undefined;
  readonly highWaterMarkBytes?: number | undefined;
  readonly maxQueuedMessages?: number | undefined;
  readonly maxQueuedBytes?: number | undefined;
  /** 0 = never ping. */
  readonly pingIntervalMs?: number | undefined;
  readonly pongTimeoutMs?: number | undefined;
  readonly closeTimeoutMs?: number | undefined;
  readonly writeTimeoutMs?: number | undefined;
  /**
   * Whether to accept permessage-deflate when a client offers it (RFC 7692): `true`, `'auto'` (and leave alone what does
   * not shrink), or how. Default false.
   * Choice: off, since it costs CPU and, with takeover, memory for each connection, and since the length of a compressed
   * message that mixes a secret with text of others says something about the secret (RFC 7692 §8, CRIME).
   */
  readonly perMessageDeflate?: PerMessageDeflate | undefined;
}

/** Options of one event-stream route; what is left out comes from the server's options. */
export interface EventStreamRouteOptions {
  readonly allowedOrigins?: AllowedOrigins | undefined;
  /** `GET` (default) or `POST`. */
  readonly method?: 'GET' | 'POST' | undefined;
  /** 0 = never. */
  readonly heartbeatIntervalMs?: number | undefined;
  readonly maxBufferedBytes?: number | undefined;
  readonly highWaterMarkBytes?: number | undefined;
  readonly closeTimeoutMs?: number | undefined;
  readonly writeTimeoutMs?: number | undefined;
  /**
   * Content codings to use with clients whose `Accept-Encoding` takes them, best first. Default none.
   * Choice: off, for what `perMessageDeflate` says of secrets beside text of others.
   */
  readonly contentCodings?: readonly ContentCoding[] | undefined;
  /** Further response headers. `Content-Type` is always `text/event-stream` (HTML §9.2.3). */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** Options of a route that answers with a response. */
export interface HttpRouteOptions {
  readonly allowedOrigins?: AllowedOrigins | undefined;
}
