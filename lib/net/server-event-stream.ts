/**
 * What handlers of a server hold of one event stream: the face of an `EventStreamConnection`, and nothing of its inside.
 *
 * Read next: `stream-response.ts`, which makes it.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import { isPromise } from '../errors.ts';
import { encodeEvent } from '../event-stream/encoder.ts';
import { PreparedEvent } from '../event-stream/prepared-event.ts';
import type {
  ConnectionStats,
  EventMessage,
  EventStream,
  EventStreamFunction,
  EventStreamHandlers,
  HttpRequest,
  SendResult,
} from './api.ts';
import type { EventStreamConnection, StreamListener } from './event-stream-connection.ts';
import type { RouteObserved } from './observed.ts';
import { Request } from './request.ts';
import { closed, WaitingWrites } from './waiting-writes.ts';

export class ServerStream<Data = unknown> implements EventStream<Data> {
  readonly request: HttpRequest;
  data: Data;
  readonly #openedMs: number;
  /** Set at once by `attach`. */
  #connection!: EventStreamConnection<ServerStream<Data>>;
  /** Made with the first use. */
  #writes: WaitingWrites | undefined = undefined;

  constructor(request: Request, data: Data, openedMs: number) {
    this.request = request;
    this.data = data;
    this.#openedMs = openedMs;
  }

  /** @internal Joins a face and its connection, once. */
  static attach<Data>(face: ServerStream<Data>, connection: EventStreamConnection<ServerStream<Data>>): void {
    face.#connection = connection;
  }

  /** @internal Ends a stream whose client is told when to come back. */
  static closeUntil(face: ServerStream<never>, retryMs: number): void {
    face.#connection.close(retryMs);
  }

  /** @internal */
  static drained<Data>(face: ServerStream<Data>): void {
    face.#writes?.drained(() => face.#connection.hasRoom());
  }

  /** @internal */
  static ended<Data>(face: ServerStream<Data>): void {
    face.#writes?.end();
    Request.abort(face.request as Request, face.#connection.error);
  }

  /** @internal */
  static errorOf<Data>(face: ServerStream<Data>): Error | undefined {
    return face.#connection.error;
  }

  /** @internal */
  static observed(face: ServerStream<never>): RouteObserved | undefined {
    return face.#connection.settings.observed;
  }

  get lastEventId(): string {
    // HTML §9.2.3 sends the header; the query parameter is for clients that cannot, such as a first connection of a page.
    const header = this.request.headers.get('last-event-id');
    // §9.2.3 step 4: the octets of the ID in UTF-8, of which a head's text has one a character.
    if (header !== undefined) return Buffer.from(header, 'latin1').toString();
    return this.request.query.get('lastEventId') ?? '';
  }

  get closed(): boolean {
    return this.#connection.ended;
  }

  get bufferedAmount(): number {
    return this.#connection.channel.bufferedAmount;
  }

  get stats(): ConnectionStats {
    const { channel, sentMessages, settings } = this.#connection;
    const { receivedBytes, sentBytes, bufferedAmount: queuedBytes } = channel;
    const openMs = settings.sweeper.nowMs - this.#openedMs;
    return { receivedBytes, sentBytes, receivedMessages: 0, sentMessages, queuedBytes, roundTripMs: undefined, openMs };
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  send(event: EventMessage): SendResult {
    return this.#report(this.#connection.send(event), event);
  }

  write(event: EventMessage): Promise<void> {
    const connection = this.#connection;
    this.#writes ??= new WaitingWrites();
    return this.#writes.add(() => {
      if (connection.ended || connection.channel.destroyed) throw closed();
      const result = connection.send(event);
      return result === 'dropped' ? result : this.#report(result, event); // dropped, it is tried again later
    }, connection.hasRoom());
  }

  comment(text: string): SendResult {
    return this.send({ comment: text });
  }

  close(): void {
    this.#connection.close();
  }

  terminate(): void {
    this.#connection.terminate();
  }

  #report(result: SendResult, event: EventMessage): SendResult {
    const { observed } = this.#connection.settings;
    if (observed !== undefined && (result !== 'sent' || observed.wantsMessages))
      observed.sent(this, result, 'event', () => sizeOf(event));
    return result;
  }
}

/** Octets of an event, before compression and framing. */
function sizeOf(event: EventMessage): number {
  if (event instanceof PreparedEvent) return event.eventEnd - event.eventStart;
  return utf8ByteLength(encodeEvent(typeof event === 'string' ? { data: event } : event));
}

/** A route's handlers as its connections call them. */
export function streamListener<Data>(
  handlers: EventStreamHandlers<Data>,
  onClose: (face: ServerStream<Data>) => void,
  observed?: RouteObserved,
): StreamListener<ServerStream<Data>> {
  return {
    drain(face) {
      ServerStream.drained(face);
      return handlers.drain?.(face);
    },
    close(face) {
      onClose(face);
      observed?.close(face, 0, '', ServerStream.errorOf(face));
      ServerStream.ended(face);
      return handlers.close?.(face);
    },
  };
}

/** The function form as handlers: ends the stream when its promise resolves. What it throws is `guard`'s to handle. */
export function functionHandlers<Data>(run: EventStreamFunction<Data>): EventStreamHandlers<Data> {
  return {
    open(stream, request) {
      const result = run(stream, request);
      if (!isPromise(result)) return undefined;
      // `resolve`: what is thrown below must reject the promise that is answered, also where `then` is the application's own.
      return Promise.resolve(result).then(
        () => stream.close(),
        (error: unknown) => {
          // A write that rejects since the client has left is no failure of the handler's.
          if (!stream.signal.aborted) throw error;
        },
      );
    },
  };
}
