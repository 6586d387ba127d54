/**
 * The server's side of one event stream, over whatever carries its body: events, and a comment now and then (HTML §9.2).
 *
 * On our own connections events go out as HTTP chunks (RFC 9112 §7.1), so that the end of a stream can be told from a
 * broken connection; elsewhere as they are, framed by what lies below. An event prepared once is written to any number of
 * streams by reference, and compressed once for all that have a content coding. What the client sends after its request
 * is read and thrown away. Handlers get its face, `server-event-stream.ts`, which is to be read next.
 */

import type { Sink } from '../channel/port.ts';
import { type Chunk, chunkOf, PreparedEvent, prepareEvent } from '../event-stream/prepared-event.ts';
import { StreamEncoder } from '../event-stream/stream-encoder.ts';
import { appendLastChunk } from '../http/chunked-writer.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { EventMessage, SendResult } from './api.ts';
import { Timed, type Wait } from './deadlines.ts';
import type { StreamBody } from './exchange.ts';
import { type Guarded, guard } from './guard.ts';
import type { RouteObserved } from './observed.ts';
import type { CheckedResponse } from './responses.ts';
import type { Sweeper } from './sweeper.ts';

/** What happens on a stream, told to whoever made it. */
export interface StreamListener<Face> {
  drain(face: Face): unknown;
  close(face: Face): unknown;
}

/** Everything that the streams of one route share. */
export interface StreamSettings<Face> {
  readonly handlers: StreamListener<Face>;
  readonly sweeper: Sweeper;
  readonly heartbeatIntervalMs: number;
  readonly maxBufferedBytes: number;
  readonly highWaterMarkBytes: number;
  readonly writeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** What a client gets where a handler has thrown, as long as the head has not left. Tells whoever is to be told. */
  readonly failure: (error: unknown) => CheckedResponse;
  /** Left out where nobody counts. */
  readonly observed?: RouteObserved | undefined;
}

/** A colon alone is the shortest comment; HTML §9.2.7 suggests them for the sake of old proxies. */
const HEARTBEAT = prepareEvent({ comment: '' });

export class EventStreamConnection<Face> extends Timed implements Sink, Guarded {
  readonly #settings: StreamSettings<Face>;
  readonly #face: Face;
  sentMessages = 0;
  /** The body is sent in HTTP chunks. */
  readonly #chunked: boolean;
  /** Present where the response has a content coding. */
  readonly #encoder: StreamEncoder | undefined;
  /** `close` was called or the client has gone; nothing more is sent. */
  #ended = false;
  /** The channel is gone and `close` has been told. */
  #closed = false;
  #owesDrain = false;
  /** Takes back a head that has not left; forgotten by the first sweep, when it has. */
  #replace: StreamBody['replace'] | undefined;
  /** Something was sent since the last sweep, so that no heartbeat is due. */
  #sentSinceSweep = true;

  /** The response head has been given to the channel, and says `coding` if that is not undefined. */
  constructor(
    body: StreamBody & { readonly coding: ContentCoding | undefined },
    settings: StreamSettings<Face>,
    face: Face,
  ) {
    super(body.channel);
    this.#settings = settings;
    this.#face = face;
    this.#chunked = body.chunked;
    this.#replace = body.replace;
    this.#encoder = body.coding === undefined ? undefined : new StreamEncoder(body.coding);
    if (this.#encoder !== undefined) this.#write(chunkOf(this.#encoder.header));
    const { channel } = body;
    channel.sink = this;
    // The only sign of a peer that vanished while nothing is sent: TCP's own probes, after the interval of a heartbeat.
    channel.probeAfter(settings.heartbeatIntervalMs);
    this.waitAnew('heartbeat');
    settings.sweeper.add(this);
  }

  /** Why we have dropped it, where it was not asked for. */
  error: Error | undefined = undefined;

  /** Nothing more is sent. */
  get ended(): boolean {
    return this.#ended;
  }

  get settings(): StreamSettings<Face> {
    return this.#settings;
  }

  /** Nothing waits beyond the high-water mark; where something does, `drain` is called once all has left. */
  hasRoom(): boolean {
    const { channel } = this;
    const { highWaterMarkBytes } = this.#settings;
    // What waits for the end of this turn only is not in the way: the head, of which nobody else tells.
    if (channel.bufferedAmount > highWaterMarkBytes && !channel.blocked) channel.flush();
    if (channel.bufferedAmount <= highWaterMarkBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  send(event: EventMessage): SendResult {
    const prepared =
      event instanceof PreparedEvent ? event : prepareEvent(typeof event === 'string' ? { data: event } : event);
    return this.#append(prepared);
  }

  /** `retryMs`: when to come back. Sent whatever waits already, since it is a few octets, and once. */
  close(retryMs?: number): void {
    if (this.#ended) return;
    if (retryMs !== undefined) {
      const prepared = prepareEvent({ retry: retryMs });
      this.#put(prepared, this.#encoder === undefined ? prepared : prepared.compressed());
    }
    this.#ended = true;
    if (this.#encoder !== undefined) this.#write(chunkOf(this.#encoder.trailer()));
    if (this.#chunked) appendLastChunk(this.channel.output);
    this.channel.end();
  }

  /** Drops the connection at once, without the last chunk: the client can tell that from an end. */
  terminate(): void {
    this.#ended = true;
    this.channel.destroy();
  }

  /** `Sink`: a client has nothing to say after its request. */
  receive(): void {}

  /** `Sink`: a client that has closed its direction has gone (browsers and curl do so only then). */
  receiveEnd(): void {
    this.#ended = true;
    this.channel.end();
  }

  /** `Sink`. */
  drained(): void {
    if (!this.#owesDrain || this.channel.bufferedAmount > 0) return;
    this.#owesDrain = false;
    const { handlers } = this.#settings;
    if (!this.#ended) guard(this, handlers.drain, handlers, this.#face);
  }

  /** `Sink`. */
  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#settings.sweeper.delete(this);
    const { handlers } = this.#settings;
    guard(this, handlers.close, handlers, this.#face);
  }

  /**
   * `Guarded`: 500, or 400, where the head has not left, else the connection is dropped: a failure is not the end of the stream. One that was
   * closed before has its end, and keeps it.
   */
  handlerFailed(error: unknown): void {
    const instead = this.#settings.failure(error);
    if (this.#ended) return;
    if (this.#replace?.(instead)) this.#ended = true;
    else this.terminate();
  }

  protected get sweeper(): Sweeper {
    return this.#settings.sweeper;
  }

  /** `Timed`: when everything has left, the client has `closeTimeoutMs` to end its direction too. */
  protected expected(): Wait {
    this.#replace = undefined;
    return this.#ended ? 'close' : 'heartbeat';
  }

  /** `Timed`. */
  protected renewed(wait: Wait): boolean {
    if (wait !== 'heartbeat' || !this.#sentSinceSweep) return false;
    this.#sentSinceSweep = false;
    return true;
  }

  /** `Timed`. */
  protected durationMs(wait: Wait): number {
    const { heartbeatIntervalMs, writeTimeoutMs, closeTimeoutMs } = this.#settings;
    return wait === 'heartbeat' ? heartbeatIntervalMs : wait === 'write' ? writeTimeoutMs : closeTimeoutMs;
  }

  /** `Timed`. */
  protected expired(wait: Wait): void {
    if (wait === 'heartbeat') {
      this.#append(HEARTBEAT);
      return;
    }
    if (wait === 'write')
      this.error = new Error(`the client has taken nothing for ${this.#settings.writeTimeoutMs} ms`);
    this.terminate();
  }

  #append(prepared: PreparedEvent): SendResult {
    if (this.#ended || this.channel.destroyed) return 'dropped';
    const { channel } = this;
    const { maxBufferedBytes, highWaterMarkBytes } = this.#settings;
    const chunk = this.#encoder === undefined ? prepared : prepared.compressed();
    const size = chunk.end - chunk.start;
    // What waits for the end of this turn only is not in the way: the head, for example.
    if (channel.bufferedAmount + size > maxBufferedBytes && !channel.blocked) channel.flush();
    if (channel.bufferedAmount > 0 && channel.bufferedAmount + size > maxBufferedBytes) {
      this.#owesDrain = true; // a `write` that waits for room is told of it, also where little waits
      return 'dropped';
    }
    this.#put(prepared, chunk);
    if (channel.output.byteLength >= highWaterMarkBytes) channel.flush();
    else channel.flushSoon();
    if (channel.bufferedAmount <= highWaterMarkBytes) return 'sent';
    this.#owesDrain = true;
    return 'backpressure';
  }

  #put(prepared: PreparedEvent, chunk: Chunk): void {
    this.#sentSinceSweep = true;
    this.sentMessages++;
    this.#encoder?.add(prepared);
    this.#write(chunk);
  }

  #write(chunk: Chunk): void {
    const { output } = this.channel;
    if (this.#chunked) output.append(chunk.bytes, chunk.start, chunk.end);
    else output.append(chunk.bytes, chunk.eventStart, chunk.eventEnd);
  }
}
