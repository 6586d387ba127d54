/**
 * One connection of a chat client: a WebSocket, or an event stream. It never comes back by itself.
 *
 * Both look alike from outside: events come in, and once at most `lost` is called, with a close code where there is one. Notices a server
 * that has fallen silent: a WebSocket by pings of its own, a stream by the heartbeats that it has announced.
 * Runs in browsers and in Node. Read next: `client.ts`.
 */

import { MAX_TIMER_MS, parse } from './client-options.ts';
import type { ErrorEvent, ServerEvent } from './protocol.ts';

/** As much of a WHATWG WebSocket as this file uses. */
export interface WebSocketLike {
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror?: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** As much of a WHATWG EventSource as this file uses. */
export interface EventSourceLike {
  onerror: ((event: never) => void) | null;
  addEventListener(type: string, listener: (event: never) => void): void;
  close(): void;
}

/** Which of the two. */
export type Transport = 'websocket' | 'event-stream';

/** Why a link is gone. */
export interface Loss {
  readonly code: number;
  /** Of the close frame, or what the code says. */
  readonly reason: string;
  readonly why?: ErrorEvent | undefined;
}

/** Whom a link tells. */
export interface LinkOwner {
  event(event: ServerEvent, link: Link): void;
  lost(loss: Loss, link: Link): void;
}

/** How long to wait for a sign of life. */
export interface LinkTimes {
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
}

const STREAM_TYPES = ['message', 'removed', 'welcome', 'presence', 'members', 'gap', 'reset'];

/** See the head of this file. */
export class Link {
  readonly transport: Transport;
  readonly #owner: LinkOwner;
  readonly #times: LinkTimes;
  #connection: WebSocketLike | EventSourceLike | undefined;
  /** What the server said before it ended the connection. */
  #why: ErrorEvent | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #heard = ({ data }: { readonly data: string }): void => {
    const event = parse<ServerEvent>(data);
    // Messages may come until the closing handshake is over: they are nobody's, and arm no timer.
    if (event === undefined || this.#connection === undefined) return;
    if (this.transport === 'websocket')
      this.#due(this.#times.pingIntervalMs, () => {
        this.send('{"type":"ping"}');
        this.#due(this.#times.pongTimeoutMs);
      });
    if (event.type === 'error' && event.id === undefined) this.#why = event;
    this.#owner.event(event, this);
  };

  constructor(transport: Transport, owner: LinkOwner, times: LinkTimes) {
    this.transport = transport;
    this.#owner = owner;
    this.#times = times;
    this.#due(times.pongTimeoutMs);
  }

  openSocket(socket: WebSocketLike): void {
    this.#connection = socket;
    socket.onmessage = this.#heard;
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason?: string }) =>
      this.#lost(code, reason);
    socket.onerror = () => {}; // `close` follows. Where a WebSocket is an EventEmitter, an error that nobody hears ends the process.
  }

  openStream(stream: EventSourceLike): void {
    this.#connection = stream;
    for (const type of STREAM_TYPES) stream.addEventListener(type, this.#heard);
    for (const type of ['refused', 'expired'])
      stream.addEventListener(type, ({ data }: { readonly data: string }) => {
        this.#why = parse(data);
        this.#lost(type === 'expired' ? 4001 : 1006);
      });
    stream.addEventListener('heartbeat', ({ data }: { readonly data: string }) =>
      this.#due((Math.max(Number(data), 0) || 30_000) + this.#times.pongTimeoutMs),
    );
    // It would come back by itself, after the same time as everybody else.
    stream.onerror = () => this.#lost(1006);
  }

  /** Over a WebSocket alone. */
  send(text: string): void {
    (this.#connection as WebSocketLike).send(text);
  }

  /** Ends it, without a word to the owner. */
  close(): void {
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  /** What is done where nothing comes in this time. */
  #due(ms: number, act: () => void = () => this.#lost(1006)): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, Math.min(ms, MAX_TIMER_MS));
  }

  #lost(code: number, reason?: string): void {
    if (this.#connection === undefined) return;
    this.close();
    this.#owner.lost({ code, reason: reason || `refused with ${code}`, why: this.#why }, this);
  }
}
