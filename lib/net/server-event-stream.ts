/**
 * What handlers of a server hold of one event stream: the face of an `EventStreamConnection`, and nothing of its inside.
 *
 * Read next: `stream-response.ts`, which makes it.
 */

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
import { isPromise } from './guard.ts';
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

  /** @internal */
  static drained<Data>(face: ServerStream<Data>): void {
    face.#writes?.drained(() => face.#connection.hasRoom);
  }

  /** @internal */
  static ended<Data>(face: ServerStream<Data>): void {
    face.#writes?.end();
    Request.abort(face.request as Request);
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
    return this.#connection.send(event);
  }

  write(event: EventMessage): Promise<void> {
    const connection = this.#connection;
    this.#writes ??= new WaitingWrites();
    return this.#writes.add(() => {
      if (connection.ended || connection.channel.destroyed) throw closed();
      const result = connection.send(event);
      if (result !== 'dropped' || connection.channel.blocked) return result;
      connection.channel.flush(); // what is in the way waits for the end of this turn only
      return connection.send(event);
    }, connection.hasRoom);
  }

  comment(text: string): SendResult {
    return this.#connection.send({ comment: text });
  }

  close(): void {
    this.#connection.close();
  }

  terminate(): void {
    this.#connection.terminate();
  }
}

/** A route's handlers as its connections call them. */
export function streamListener<Data>(
  handlers: EventStreamHandlers<Data>,
  onClose: (face: ServerStream<Data>) => void,
): StreamListener<ServerStream<Data>> {
  return {
    drain(face) {
      ServerStream.drained(face);
      return handlers.drain?.(face);
    },
    close(face) {
      onClose(face);
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
      return result.then(
        () => stream.close(),
        (error: unknown) => {
          // A write that rejects since the client has left is no failure of the handler's.
          if (!stream.signal.aborted) throw error;
        },
      );
    },
  };
}
