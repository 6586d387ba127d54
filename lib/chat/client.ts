/**
 * A member of a chat room that comes back by itself: over a WebSocket, or over an event stream and POST.
 *
 * Keeps what was sent until the server acknowledges it, and sends it again after a reconnection, or where a POST failed; the
 * server knows a message by its id, so nothing is said twice. Remembers the last message heard and asks for what came after it.
 * It makes every reconnection itself, those of event streams too, since an EventSource of a browser waits without jitter.
 * Runs in browsers and in Node alike, and so imports nothing but types: the constructors are given or global.
 * Bounded: at most `maxUnacknowledged` messages wait. Sections: options, `ChatClient`, `Poster`.
 * Read next: `page/page.ts`, its first user.
 */

import type { ChatMessage, ServerEvent } from './protocol.ts';

/** As much of a WHATWG WebSocket as this file uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** As much of a WHATWG EventSource as this file uses. */
export interface EventSourceLike {
  onerror: ((event: never) => void) | null;
  addEventListener(type: string, listener: (event: never) => void): void;
  close(): void;
}

/**
 * - `connecting`: on the way, for the first time or again.
 * - `open`: in the room.
 * - `waiting`: the connection was lost; `retryInMs` tells when the next attempt is.
 * - `closed`: `close` was called, or the server refused for good.
 */
export type ConnectionState =
  | { readonly state: 'connecting' | 'open' }
  | { readonly state: 'waiting'; readonly retryInMs: number }
  | { readonly state: 'closed'; readonly reason: string };

export interface ChatClientOptions {
  /** The server's origin, for example `https://chat.example`. */
  readonly origin: string;
  readonly room: string;
  /** Left out, the server makes a guest's name up. */
  readonly user?: string;
  /** Default `websocket`. */
  readonly transport?: 'websocket' | 'sse';
  /** Messages that may wait for their acknowledgement. Default 100. */
  readonly maxUnacknowledged?: number;
  /** The ceiling of the wait before the first reconnection, doubled each time; a wait is a random part of it. Default 1,000. */
  readonly minRetryMs?: number;
  /** Default 15,000. */
  readonly maxRetryMs?: number;
  /** Silence after which the server is asked for a sign of life, over WebSocket. Default 20,000. */
  readonly pingIntervalMs?: number;
  /**
   * How long that sign may take, and the answer to a POST. Over an event stream, how late a heartbeat may be whose interval the
   * one before has named. Default 10,000.
   */
  readonly pongTimeoutMs?: number;
  /** Everything that the server says, each message once and in order. */
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: ConnectionState) => void;
  /** Default: the global one (browsers, Node 22 and later). */
  readonly WebSocket?: new (
    url: string,
  ) => WebSocketLike;
  /** Default: the global one (browsers). */
  readonly EventSource?: new (
    url: string,
  ) => EventSourceLike;
  /** A number from 0 to 1 for the jitter; tests pass their own. */
  readonly random?: () => number;
}

interface Globals {
  readonly WebSocket?: new (url: string) => WebSocketLike;
  readonly EventSource?: new (url: string) => EventSourceLike;
}

/** What a server says of a request that it will refuse again. 408 and 429 ask to come again (RFC 9110 §15.5.9, RFC 6585 §4). */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

export class ChatClient {
  readonly #options: ChatClientOptions;
  /** Sent and not yet acknowledged, by id, in order. */
  readonly #unacknowledged = new Map<string, string>();
  /** Makes ids that differ from those of the same user's other tabs. */
  readonly #idPrefix = Math.random().toString(36).slice(2, 10);
  #ids = 0;
  /** The last message heard. */
  #epoch = '';
  #sequence = 0;
  /** What the server called us; from the first welcome on. */
  #you: string | undefined;
  #socket: WebSocketLike | undefined = undefined;
  #stream: EventSourceLike | undefined = undefined;
  /** Of the event stream, as its last heartbeat said; 0 before the first. */
  #heartbeatIntervalMs = 0;
  readonly #poster: Poster;
  #open = false;
  #closed = false;
  #attempts = 0;
  /** The one timer: of the reconnection while there is no connection, of the ping or its answer while there is. */
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Connects at once. @throws TypeError when the transport needs a constructor that is not there */
  constructor(options: ChatClientOptions) {
    this.#options = options;
    this.#you = options.user;
    this.#poster = new Poster(this.#unacknowledged, options, {
      url: () => this.#url('/messages', {}),
      answered: (event: ServerEvent) => options.onEvent(event),
    });
    this.#connect();
  }

  /** Our name, once known. */
  get you(): string | undefined {
    return this.#you;
  }

  /** Messages that wait for their acknowledgement. */
  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  /**
   * Says something, now or when the connection is back. Returns the message's id, by which its `message`, `ack` or
   * `error` can be known, or undefined when too much is waiting already.
   */
  send(text: string): string | undefined {
    if (this.#closed || this.#unacknowledged.size >= (this.#options.maxUnacknowledged ?? 100)) return undefined;
    const id = `${this.#idPrefix}-${++this.#ids}`;
    this.#unacknowledged.set(id, text);
    if (this.#open) this.#transmit(id, text);
    return id;
  }

  /** Does not wait for the next attempt: when the network has come back, say. */
  reconnectNow(): void {
    if (this.#closed || this.#socket !== undefined || this.#stream !== undefined) return;
    this.#attempts = 0;
    this.#connect();
  }

  /** Leaves the room for good. */
  close(): void {
    this.#finish('left');
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#poster.stop();
    this.#socket?.close(1000);
    this.#stream?.close();
    this.#options.onState({ state: 'closed', reason });
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#options.onState({ state: 'connecting' });
    if (this.#options.transport === 'sse') this.#openStream();
    else this.#openSocket();
  }

  #openSocket(): void {
    const WebSocket = this.#options.WebSocket ?? (globalThis as Globals).WebSocket;
    if (WebSocket === undefined) throw new TypeError('there is no WebSocket here: pass one in the options');
    const socket = new WebSocket(this.#url('', { after: this.#position() }).replace(/^http/, 'ws'));
    this.#socket = socket;
    socket.onmessage = (event: { readonly data: unknown }) => {
      if (this.#socket !== socket) return;
      this.#listenOn();
      if (typeof event.data === 'string') this.#receive(event.data);
    };
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      // RFC 6455 §7.4: 1008 and the application's own codes say that another attempt would end like this one.
      if (code === 1008 || (code >= 4000 && code <= 4999))
        this.#finish(reason === '' ? `refused with ${code}` : reason);
      else void this.#lost();
    };
  }

  #openStream(): void {
    const EventSource = this.#options.EventSource ?? (globalThis as Globals).EventSource;
    if (EventSource === undefined) throw new TypeError('there is no EventSource here: pass one in the options');
    const stream = new EventSource(this.#url('/events', { lastEventId: this.#position() }));
    this.#stream = stream;
    const receive = (event: { readonly data: string }) => {
      if (this.#stream === stream) this.#receive(event.data);
    };
    for (const type of ['message', 'welcome', 'joined', 'left', 'refused']) stream.addEventListener(type, receive);
    this.#heartbeatIntervalMs = 0;
    stream.addEventListener('heartbeat', (event: { readonly data: string }) => {
      if (this.#stream !== stream) return;
      this.#heartbeatIntervalMs = Number(event.data) || 0;
      this.#listenOn();
    });
    stream.onerror = () => {
      if (this.#stream !== stream) return;
      // It would reconnect by itself, after the same time as everybody else.
      stream.close();
      this.#stream = undefined;
      void this.#lost();
    };
  }

  /** The connection is gone, or was never there: asks why, and comes back later, or never. */
  async #lost(): Promise<void> {
    const wasOpen = this.#open;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#poster.stop();
    const { minRetryMs = 1_000, maxRetryMs = 15_000, random = Math.random } = this.#options;
    const ceiling = Math.min(maxRetryMs, minRetryMs * 2 ** Math.min(this.#attempts++, 20));
    // Full jitter, so that members who were cut off together do not come back together.
    const retryInMs = Math.round(ceiling * random());
    if (this.#closed) return;
    this.#options.onState({ state: 'waiting', retryInMs });
    this.#timer = setTimeout(() => this.#connect(), retryInMs);
    if (wasOpen) return;
    const refusal = await this.#poster.refusal(this.#url('/messages', { after: this.#position() }));
    if (refusal !== undefined && !this.#open) this.#finish(refusal);
  }

  #receive(json: string): void {
    let event: ServerEvent;
    try {
      event = JSON.parse(json) as ServerEvent;
    } catch {
      return; // not our server's; nothing to be done about it
    }
    switch (event.type) {
      case 'welcome':
        this.#welcome(event);
        return;
      case 'message':
        if (event.sequence <= this.#sequence) return; // heard before
        this.#sequence = event.sequence;
        if (event.id !== undefined && event.from === this.#you) this.#unacknowledged.delete(event.id);
        break;
      case 'ack':
        this.#unacknowledged.delete(event.id);
        break;
      case 'error':
        if (event.id !== undefined) this.#unacknowledged.delete(event.id);
        break;
      case 'pong':
        return;
    }
    this.#options.onEvent(event);
  }

  #welcome(event: ServerEvent & { type: 'welcome' }): void {
    if (event.epoch !== this.#epoch) {
      this.#epoch = event.epoch;
      this.#sequence = 0;
    }
    this.#you = event.you;
    this.#open = true;
    this.#attempts = 0;
    this.#options.onState({ state: 'open' });
    this.#options.onEvent(event);
    this.#listenOn();
    for (const [id, text] of this.#unacknowledged) this.#transmit(id, text);
  }

  /** Something was heard: the next ping, or heartbeat, is due after the interval, and its answer within the deadline. */
  #listenOn(): void {
    const { pingIntervalMs = 20_000, pongTimeoutMs = 10_000 } = this.#options;
    clearTimeout(this.#timer);
    if (this.#socket !== undefined) {
      this.#timer = setTimeout(() => {
        this.#socket?.send('{"type":"ping"}');
        this.#timer = setTimeout(() => this.#silent(), pongTimeoutMs);
      }, pingIntervalMs);
    } else if (this.#heartbeatIntervalMs > 0)
      this.#timer = setTimeout(() => this.#silent(), this.#heartbeatIntervalMs + pongTimeoutMs);
  }

  /** Nothing was heard for too long. The connection's own end may take as long as TCP likes. */
  #silent(): void {
    const connection = this.#socket ?? this.#stream;
    this.#socket = undefined;
    this.#stream = undefined;
    connection?.close();
    void this.#lost();
  }

  #transmit(id: string, text: string): void {
    if (this.#socket !== undefined) this.#socket.send(JSON.stringify({ type: 'message', text, id }));
    else this.#poster.wake();
  }

  /** Where we are in the room: what the server calls an event ID. */
  #position(): string | undefined {
    return this.#epoch === '' ? undefined : `${this.#epoch}-${this.#sequence}`;
  }

  #url(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
    const url = new URL(`/rooms/${encodeURIComponent(this.#options.room)}${path}`, this.#options.origin);
    if (this.#you !== undefined) url.searchParams.set('user', this.#you);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url.href;
  }
}

interface PosterOwner {
  url(): string;
  answered(event: ServerEvent): void;
}

/** Says by POST what waits, one message at a time and in order; again, after a while, where the server could not take it. */
class Poster {
  readonly #waiting: Map<string, string>;
  readonly #options: ChatClientOptions;
  readonly #owner: PosterOwner;
  #failures = 0;
  /** A POST is under way, or the next one waits for its time. */
  #isBusy = false;
  #isStopped = true;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** `waiting`: text by id, in order; what was taken or refused is removed from it. */
  constructor(waiting: Map<string, string>, options: ChatClientOptions, owner: PosterOwner) {
    this.#waiting = waiting;
    this.#options = options;
    this.#owner = owner;
  }

  /** There is something to say, and a connection. */
  wake(): void {
    this.#isStopped = false;
    if (!this.#isBusy) void this.#post();
  }

  /** Until `wake`. A POST that is under way comes to its end. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    if (this.#timer !== undefined) this.#isBusy = false;
    this.#timer = undefined;
  }

  /** Why the server would refuse a request for good; undefined where it would not, or does not answer. */
  async refusal(url: string): Promise<string | undefined> {
    try {
      const response = await fetch(url, { signal: this.#deadline() });
      if (!isFinal(response.status)) {
        await response.body?.cancel();
        return undefined;
      }
      const { message } = (await response.json().catch(() => ({}))) as { readonly message?: unknown };
      return typeof message === 'string' ? message : `the server answered ${response.status}`;
    } catch {
      return undefined; // not there: the next attempt will tell
    }
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#options.pongTimeoutMs ?? 10_000);
  }

  async #post(): Promise<void> {
    const [next] = this.#waiting;
    if (next === undefined || this.#isStopped) return;
    this.#isBusy = true;
    const wasTaken = await this.#say(...next);
    this.#isBusy = false;
    if (wasTaken) {
      this.#failures = 0;
      await this.#post();
    } else if (!this.#isStopped) {
      const { maxRetryMs = 15_000, minRetryMs = 1_000, random = Math.random } = this.#options;
      this.#isBusy = true;
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined;
          this.#isBusy = false;
          void this.#post();
        },
        Math.round(random() * Math.min(maxRetryMs, minRetryMs * 2 ** Math.min(this.#failures++, 20))),
      );
    }
  }

  /** Whether the message need not be said again: it was taken, or refused for good. */
  async #say(id: string, text: string): Promise<boolean> {
    let response: Response;
    try {
      response = await fetch(this.#owner.url(), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text, id }),
        signal: this.#deadline(),
      });
    } catch {
      return false;
    }
    const answer = (await response.json().catch(() => undefined)) as ChatMessage | ServerEvent | undefined;
    if (response.ok && answer?.type === 'message') {
      this.#waiting.delete(id);
      this.#owner.answered({ type: 'ack', id, sequence: answer.sequence });
      return true;
    }
    if (!isFinal(response.status)) return false;
    this.#waiting.delete(id);
    if (answer?.type === 'error') this.#owner.answered({ ...answer, id });
    return true;
  }
}
