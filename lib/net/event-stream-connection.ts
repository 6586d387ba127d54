/**
 * The server's side of one event stream: the response head, the events, a comment now and then (HTML §9.2).
 *
 * Events go out as HTTP chunks (RFC 9112 §7.1), so that the end of a stream can be told from a broken connection; to an
 * HTTP/1.0 client they go as they are, until the connection closes. An event prepared once is written to any number of
 * streams by reference, and compressed once for all that have a content coding. What the client sends after its request is read and thrown away.
 * Read next: `../client/event-source.ts` for the other side.
 */

import type { EventStreamMessage } from '../event-stream/encoder.ts';
import { type Chunk, chunkOf, PreparedEvent, prepareEvent } from '../event-stream/prepared-event.ts';
import { StreamEncoder } from '../event-stream/stream-encoder.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { EventStream, EventStreamHandlers, HttpRequest, SendResult } from './api.ts';
import type { Sweepable, Sweeper } from './sweeper.ts';
import type { Sink, Transport } from './transport.ts';

/** Everything that the streams of one route share. */
export interface StreamSettings<Data = unknown> {
  readonly handlers: EventStreamHandlers<Data>;
  readonly sweeper: Sweeper;
  readonly heartbeatIntervalMs: number;
  readonly maxBufferedBytes: number;
  readonly highWaterMarkBytes: number;
  readonly writeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly onHandlerError: (error: unknown) => void;
}

/** The header fields of every event stream. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream', // HTML §9.2.3 fails the connection on any other type
  'Cache-Control': 'no-cache, no-transform', // neither stored nor compressed (and so buffered) by what lies between
  'X-Accel-Buffering': 'no', // nginx buffers responses unless told not to
};

const LAST_CHUNK = Buffer.from('0\r\n\r\n'); // RFC 9112 §7.1

export class EventStreamConnection<Data = unknown> implements EventStream<Data>, Sink, Sweepable {
  readonly request: HttpRequest;
  data: Data = undefined as Data;
  readonly #transport: Transport;
  readonly #settings: StreamSettings<Data>;
  /** HTTP/1.1 or later: the body is sent in chunks. */
  readonly #chunked: boolean;
  /** Present where the response has a content coding. */
  readonly #encoder: StreamEncoder | undefined;
  /** `close` was called or the client has gone; nothing more is sent. */
  #ended = false;
  /** TCP is gone and `close` has been called. */
  #closed = false;
  #owesDrain = false;
  /** Something was sent since the last sweep, so that no heartbeat is due. */
  #sentSinceSweep = true;
  /** On the sweeper's clock: the next heartbeat, the end of a stalled write, or the end of closing. */
  #deadlineMs: number;
  #waitingFor: 'heartbeat' | 'write' | 'close' = 'heartbeat';

  /** The response head has been given to the transport, and says `coding` if that is not undefined. */
  constructor(
    transport: Transport,
    settings: StreamSettings<Data>,
    request: HttpRequest,
    chunked: boolean,
    coding: ContentCoding | undefined,
  ) {
    this.#transport = transport;
    this.#settings = settings;
    this.request = request;
    this.#chunked = chunked;
    this.#encoder = coding === undefined ? undefined : new StreamEncoder(coding);
    if (this.#encoder !== undefined) this.#write(chunkOf(this.#encoder.header));
    this.#deadlineMs = settings.sweeper.nowMs + settings.heartbeatIntervalMs;
    transport.sink = this;
    // The only sign of a peer that vanished while nothing is sent: TCP's own probes, after the interval of a heartbeat.
    transport.socket.setKeepAlive(true, settings.heartbeatIntervalMs);
    settings.sweeper.add(this);
  }

  /** Calls `open`. */
  open(): void {
    const { handlers } = this.#settings;
    this.#guard(() => handlers.open?.(this, this.request));
  }

  get lastEventId(): string {
    // HTML §9.2.3 sends the header; the query parameter is for clients that cannot, such as a first connection of a page.
    const header = this.request.headers.get('last-event-id');
    // §9.2.3 step 4: the octets of the ID in UTF-8, of which a head's text has one a character.
    if (header !== undefined) return Buffer.from(header, 'latin1').toString();
    return this.request.query.get('lastEventId') ?? '';
  }

  get closed(): boolean {
    return this.#ended;
  }

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount;
  }

  send(event: EventStreamMessage | PreparedEvent | string): SendResult {
    const prepared =
      event instanceof PreparedEvent ? event : prepareEvent(typeof event === 'string' ? { data: event } : event);
    return this.#append(prepared);
  }

  comment(text: string): SendResult {
    return this.#append(prepareEvent({ comment: text }));
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#encoder !== undefined) this.#write(chunkOf(this.#encoder.trailer()));
    if (this.#chunked) this.#transport.output.append(LAST_CHUNK, 0, LAST_CHUNK.length);
    this.#transport.end();
  }

  /** Drops TCP at once. */
  terminate(): void {
    this.#ended = true;
    this.#transport.destroy();
  }

  /** `Sink`: a client has nothing to say after its request. */
  receive(): void {}

  /** `Sink`: a client that has closed its direction has gone (browsers and curl do so only then). */
  receiveEnd(): void {
    this.#ended = true;
    this.#transport.end();
  }

  /** `Sink`. */
  drained(): void {
    if (!this.#owesDrain || this.#transport.bufferedAmount > 0) return;
    this.#owesDrain = false;
    const { handlers } = this.#settings;
    if (!this.#ended) this.#guard(() => handlers.drain?.(this));
  }

  /** `Sink`. */
  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#settings.sweeper.delete(this);
    const { handlers } = this.#settings;
    this.#guard(() => handlers.close?.(this));
  }

  /** `Sweepable`. */
  sweep(nowMs: number): void {
    const { heartbeatIntervalMs, writeTimeoutMs, closeTimeoutMs } = this.#settings;
    const transport = this.#transport;
    if (transport.blocked) {
      if (transport.progressed() || this.#waitingFor !== 'write') {
        this.#waitingFor = 'write';
        this.#deadlineMs = nowMs + writeTimeoutMs;
      } else if (nowMs >= this.#deadlineMs) this.terminate();
      return;
    }
    if (this.#ended) {
      // Everything has left: from here on the client has `closeTimeoutMs` to end its direction too.
      if (this.#waitingFor !== 'close') {
        this.#waitingFor = 'close';
        this.#deadlineMs = nowMs + closeTimeoutMs;
      } else if (nowMs >= this.#deadlineMs) transport.destroy();
      return;
    }
    if (this.#sentSinceSweep || this.#waitingFor === 'write') {
      this.#sentSinceSweep = false;
      this.#waitingFor = 'heartbeat';
      this.#deadlineMs = nowMs + heartbeatIntervalMs;
    } else if (heartbeatIntervalMs > 0 && nowMs >= this.#deadlineMs) {
      this.#append(HEARTBEAT);
    }
  }

  #append(prepared: PreparedEvent): SendResult {
    if (this.#ended) return 'dropped';
    const transport = this.#transport;
    const { maxBufferedBytes, highWaterMarkBytes } = this.#settings;
    const chunk = this.#encoder === undefined ? prepared : prepared.compressed();
    const { bufferedAmount } = transport;
    if (bufferedAmount > 0 && bufferedAmount + chunk.end - chunk.start > maxBufferedBytes) return 'dropped';
    this.#sentSinceSweep = true;
    this.#encoder?.add(prepared);
    this.#write(chunk);
    if (transport.output.byteLength >= highWaterMarkBytes) transport.flush();
    else transport.flushSoon();
    if (transport.bufferedAmount <= highWaterMarkBytes) return 'sent';
    this.#owesDrain = true;
    return 'backpressure';
  }

  #write(chunk: Chunk): void {
    const { output } = this.#transport;
    if (this.#chunked) output.append(chunk.bytes, chunk.start, chunk.end);
    else output.append(chunk.bytes, chunk.eventStart, chunk.eventEnd);
  }

  #guard(callback: () => unknown): void {
    const failed = (error: unknown) => {
      this.#settings.onHandlerError(error);
      this.close();
    };
    try {
      const result = callback();
      if (result instanceof Promise) result.catch(failed); // a handler may be an async function
    } catch (error) {
      failed(error);
    }
  }
}

/** A colon alone is the shortest comment; HTML §9.2.7 suggests them for the sake of old proxies. */
const HEARTBEAT = prepareEvent({ comment: '' });
