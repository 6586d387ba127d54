/**
 * What handlers of a server hold of one WebSocket connection: the face of a `WebSocketConnection`, and nothing of its inside.
 *
 * Adds what is made only where somebody uses it: the queue of `for await`, writes that wait, the signal.
 * Read next: `upgrade.ts`, which makes it.
 */

import { refuseLent } from '../bytes/lent-memory.ts';
import { utf8ByteLength } from '../bytes/utf8.ts';
import { ConnectionClosed, isInstance, isPromise } from '../errors.ts';
import { CloseCode } from '../websocket/close.ts';
import { PreparedMessage } from '../websocket/prepared-message.ts';
import type {
  ConnectionStats,
  HttpRequest,
  LentBytes,
  Message,
  SendOptions,
  SendResult,
  ServerWebSocket,
  StreamedMessage,
  WebSocketFunction,
  WebSocketHandlers,
  WriteMessageOptions,
} from './api.ts';
import type { ConnectionHandlers } from './connection-settings.ts';
import type { ErrorHandler } from './guard.ts';
import { MessageQueue, messageBytes } from './message-queue.ts';
import type { RouteObserved } from './observed.ts';
import { type PartSource, writeParts } from './outgoing-parts.ts';
import { Request } from './request.ts';
import { closed, WaitingWrites } from './waiting-writes.ts';
import type { WebSocketConnection } from './websocket-connection.ts';

/** What few connections use; made with the first use of any. */
interface Extras {
  queue: MessageQueue | undefined;
  writes: WaitingWrites | undefined;
}

/** What was agreed; connections that agreed on the same share one object. */
export interface Agreed {
  readonly protocol: string;
  readonly extensions: string;
}

export class ServerSocket<Data = unknown> implements ServerWebSocket<Data> {
  readonly request: HttpRequest;
  data: Data;
  readonly #agreed: Agreed;
  readonly #openedMs: number;
  /** Set at once by `attach`. */
  #connection!: WebSocketConnection<ServerSocket<Data>>;
  #extras: Extras | undefined = undefined;

  constructor(request: Request, agreed: Agreed, data: Data, openedMs: number) {
    this.request = request;
    this.#agreed = agreed;
    this.data = data;
    this.#openedMs = openedMs;
  }

  /** @internal Joins a face and its connection, once. */
  static attach<Data>(face: ServerSocket<Data>, connection: WebSocketConnection<ServerSocket<Data>>): void {
    face.#connection = connection;
  }

  /** @internal What the connection tells, on its way to the route's handlers. */
  static readonly inside: {
    received(face: ServerSocket<never>, message: string | Uint8Array): boolean;
    drained(face: ServerSocket<never>): void;
    ended(face: ServerSocket<never>, error: Error | undefined): void;
    openQueue(face: ServerSocket<never>): void;
    observed(face: ServerSocket<never>): RouteObserved | undefined;
    closeQueue(face: ServerSocket<never>): void;
  } = {
    received(face, message) {
      const queue = face.#extras?.queue;
      queue?.push(message);
      return queue !== undefined;
    },
    drained(face) {
      face.#extras?.writes?.drained(() => face.#connection.hasRoom());
    },
    ended(face, error) {
      face.#extras?.queue?.end(error);
      face.#extras?.writes?.end();
      Request.abort(face.request as Request);
    },
    openQueue(face) {
      ServerSocket.#openQueue(face);
    },
    observed: (face) => face.#connection.settings.observed,
    closeQueue(face) {
      face.#extras?.queue?.end(undefined);
      face.#connection.release();
    },
  };

  get protocol(): string {
    return this.#agreed.protocol;
  }

  get extensions(): string {
    return this.#agreed.extensions;
  }

  get readyState(): number {
    return this.#connection.readyState;
  }

  get bufferedAmount(): number {
    return this.#connection.channel.bufferedAmount;
  }

  get stats(): ConnectionStats {
    const { channel, receivedMessages, sentMessages, roundTripMs, settings } = this.#connection;
    const { receivedBytes, sentBytes, bufferedAmount: queuedBytes } = channel;
    const openMs = settings.sweeper.nowMs - this.#openedMs;
    return { receivedBytes, sentBytes, receivedMessages, sentMessages, queuedBytes, roundTripMs, openMs };
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  send(given: Message | LentBytes, options?: SendOptions): SendResult {
    const message = given as Message; // lent or not: at most 16 KiB are copied here and now
    return ServerSocket.#report(this, this.#connection.send(message, options), message);
  }

  sendText(given: Uint8Array | LentBytes, options?: SendOptions): SendResult {
    const utf8 = given as Uint8Array;
    return ServerSocket.#report(this, this.#connection.sendText(utf8, options), utf8, 'text');
  }

  write(message: Message, options?: SendOptions): Promise<void> {
    refuseLent('write', message);
    const connection = this.#connection;
    return ServerSocket.#writes(this).add(() => {
      if (connection.readyState !== 1) throw closed();
      const result = connection.send(message, options);
      return result === 'dropped' ? result : ServerSocket.#report(this, result, message); // dropped, it is tried again later
    }, connection.hasRoom());
  }

  writeMessage(parts: PartSource, options?: WriteMessageOptions): Promise<void> {
    return writeParts(ServerSocket.#writes(this), this.#connection, parts, options);
  }

  ping(payload?: Uint8Array): Promise<number | undefined> {
    return this.#connection.ping(payload);
  }

  close(code?: number, reason?: string): void {
    this.#connection.close(code, reason);
  }

  terminate(): void {
    this.#connection.terminate();
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array> {
    const queue = ServerSocket.#openQueue(this);
    // A loop that is left leaves the queue: another loop goes on with it.
    return { next: () => queue.next() };
  }

  static #report<D>(face: ServerSocket<D>, result: SendResult, message: Message, kind?: 'text'): SendResult {
    const { observed } = face.#connection.settings;
    if (observed !== undefined && (result !== 'sent' || observed.wantsMessages))
      observed.sent(face, result, kind ?? kindOf(message), () => sizeOf(message));
    return result;
  }

  static #writes<D>(face: ServerSocket<D>): WaitingWrites {
    const extras = ServerSocket.#useExtras(face);
    extras.writes ??= new WaitingWrites();
    return extras.writes;
  }

  static #openQueue<D>(face: ServerSocket<D>): MessageQueue {
    if (face.#connection.settings.inParts === true)
      throw new TypeError('messages of this route go to its handler messageStream, not to for await');
    const extras = ServerSocket.#useExtras(face);
    if (extras.queue !== undefined) return extras.queue;
    const { maxQueuedMessages, maxQueuedBytes } = face.#connection.settings;
    const queue = new MessageQueue(
      { maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes },
      { full: () => face.#connection.hold(), drained: () => face.#connection.release() },
      messageBytes,
    );
    if (face.readyState === 3) queue.end(undefined);
    extras.queue = queue;
    return queue;
  }

  static #useExtras<D>(face: ServerSocket<D>): Extras {
    face.#extras ??= { queue: undefined, writes: undefined };
    return face.#extras;
  }
}

function kindOf(message: Message): 'text' | 'binary' {
  if (message instanceof PreparedMessage) return kindOf(message.data);
  return typeof message === 'string' ? 'text' : 'binary';
}

/** Octets of a message, before compression and framing. */
function sizeOf(message: Message): number {
  if (message instanceof PreparedMessage) return message.end - message.payloadStart;
  return typeof message === 'string' ? utf8ByteLength(message) : message.byteLength;
}

/** A route's handlers as its connections call them; told first: what the face itself has to know. */
export function connectionHandlers<Data>(
  handlers: WebSocketHandlers<Data>,
  onClose: (face: ServerSocket<Data>) => void,
  observed?: RouteObserved,
): ConnectionHandlers<ServerSocket<Data>> {
  const { inside } = ServerSocket;
  const message = (face: ServerSocket<Data>, data: string | Uint8Array): unknown => {
    if (observed?.wantsMessages) observed.received(face, data, kindOf(data));
    return inside.received(face as ServerSocket<never>, data) ? undefined : handlers.message?.(face, data);
  };
  const textBytes = handlers.textBytes ? 'textBytes' : 'lentText';
  return {
    text: handlers[textBytes]
      ? (face, utf8) => {
          if (observed?.wantsMessages) observed.received(face, utf8, 'text');
          return handlers[textBytes]?.(face, utf8 as Uint8Array);
        }
      : message,
    binary: handlers.lentBinary
      ? (face, bytes) => {
          if (observed?.wantsMessages) observed.received(face, bytes, 'binary');
          return handlers.lentBinary?.(face, bytes);
        }
      : message,
    ...(handlers.messageStream && {
      messageStream: (face: ServerSocket<Data>, message: StreamedMessage) => handlers.messageStream?.(face, message),
    }),
    drain(face) {
      inside.drained(face as ServerSocket<never>);
      return handlers.drain?.(face);
    },
    ...(handlers.ping && { ping: (face: ServerSocket<Data>, payload: Uint8Array) => handlers.ping?.(face, payload) }),
    ...(handlers.pong && { pong: (face: ServerSocket<Data>, payload: Uint8Array) => handlers.pong?.(face, payload) }),
    close(face, code, reason, error) {
      onClose(face);
      observed?.close(face, code, reason, error);
      inside.ended(face as ServerSocket<never>, error);
      return handlers.close?.(face, code, reason, error);
    },
  };
}

/** The `for await` form as handlers: runs the function, then closes with 1000, or 1011 if it failed. */
export function loopHandlers<Data>(run: WebSocketFunction<Data>, onError: ErrorHandler): WebSocketHandlers<Data> {
  return {
    open(socket, request) {
      ServerSocket.inside.openQueue(socket as ServerSocket<never>);
      const over = (code: number): void => {
        socket.close(code);
        ServerSocket.inside.closeQueue(socket as ServerSocket<never>); // nobody reads any more, and the peer's close must be heard
      };
      const failed = (error: unknown): void => {
        // The loop throws what ended the connection; that is not the handler's fault, and `close` has reported it.
        if (socket.readyState === 3) return;
        if (!isInstance(error, ConnectionClosed) || socket.readyState === 1) onError(error);
        over(CloseCode.InternalError);
      };
      // After the read that opened the connection, so that the function finds what came with the handshake in the queue.
      queueMicrotask(() => {
        try {
          const result = run(socket, request);
          if (isPromise(result)) result.then(() => over(CloseCode.Normal), failed);
          else over(CloseCode.Normal);
        } catch (error) {
          failed(error);
        }
      });
    },
  };
}
