/**
 * `connectChat`: a member of a chat room that comes back by itself, over a WebSocket, or an event stream and POST.
 *
 * Says one message at a time, each until the server has acknowledged it, so that all arrive once and in order; the server knows a
 * message by its id. Remembers the last message heard and asks for what came after it. Where WebSockets do not get
 * through it hears an event stream, and tries the WebSocket again from time to time beside it.
 * Runs in browsers and in Node, and imports nothing of Node: under 6 kB minified and compressed with the files beside it.
 * Read next: `client-line.ts` (connections), `client-speaker.ts` (saying), `client-heard.ts`, `client-outbox.ts`, `client-http.ts`.
 */

import { Heard } from './client-heard.ts';
import { ChatHttp } from './client-http.ts';
import { Line, type LineOwner } from './client-line.ts';
import { Login } from './client-login.ts';
import {
  attempt,
  type ChatEventMap,
  type ChatState,
  type ConnectOptions,
  DEFAULTS,
  type Defaults,
  surroundings,
} from './client-options.ts';
import { ChatRefused, Outbox, type Sent, type Waiting } from './client-outbox.ts';
import { Speaker, type SpeakerOwner } from './client-speaker.ts';
import type { HistoryPage, ServerEvent } from './protocol.ts';

export type { ChatEventMap, ChatState, ConnectOptions } from './client-options.ts';
export { ChatRefused, type Sent, type StorageLike, type Waiting } from './client-outbox.ts';
export type { ChatMessage, ErrorEvent, HistoryPage, Person, ServerEvent, WelcomeEvent } from './protocol.ts';

/** Where a rename waits for its welcome. */
interface Rename {
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (error: ChatRefused) => void;
}

/** Joins a room of the chat at `url`, and stays. @throws TypeError for a URL, a room or a constructor that is none; RangeError for a wait of 0 */
export function connectChat(url: string | URL, options: ConnectOptions): ChatConnection {
  return new ChatConnection(url, options);
}

type Merged = ConnectOptions & Defaults;

/** A member of a chat room that comes back by itself: see `connectChat`. */
export class ChatConnection {
  readonly #http: ChatHttp;
  readonly #outbox: Outbox;
  readonly #speaker: Speaker;
  readonly #line: Line;
  readonly #login: Login;
  readonly #heard = new Heard();
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  readonly #online = (): void => this.reconnectNow();
  readonly #user: string | undefined;
  /** What the server called us; from the first welcome on. A guest keeps the name that it was given. */
  #you: string | undefined;
  #userId: string | undefined;
  #rename: Rename | undefined;

  constructor(url: string | URL, given: ConnectOptions) {
    const options = { ...given } as { -readonly [Name in keyof Merged]: Merged[Name] };
    for (const name in DEFAULTS) options[name as 'random'] ??= DEFAULTS[name as 'random'];
    const { room, transport, WebSocket, EventSource, pongTimeoutMs, maxWaiting } = options;
    // No URL can have half of a surrogate pair in it.
    if (!room?.match?.(/^\P{Cs}+$/u)) throw new TypeError('room must be a name');
    // Anything else would be a wait of no time, again and again.
    if (!(Math.min(options.minRetryMs, options.maxRetryMs) > 0))
      throw new RangeError('minRetryMs, maxRetryMs must be above 0');
    if (!(transport === 'event-stream' ? EventSource : WebSocket)) throw new TypeError('no WebSocket here');
    this.#user = given.user;
    const base = baseOf(url);
    this.#login = new Login(given.token);
    this.#http = new ChatHttp({
      base,
      room,
      timeoutMs: pongTimeoutMs,
      who: () => ({ user: this.you, id: given.id }),
      login: this.#login,
    });
    const { storage = attempt(() => surroundings.sessionStorage), tab } = given;
    const key = JSON.stringify(['barewire.outbox', base, room, given.id ?? given.user, tab]);
    this.#outbox = new Outbox(maxWaiting, storage ?? undefined, key);
    this.#line = new Line({ options, http: this.#http, login: this.#login, owner: this.#lineOwner() });
    this.#speaker = new Speaker(this.#outbox, this.#http, options, this.#speakerOwner());
    surroundings.addEventListener?.('online', this.#online);
    queueMicrotask(() => void this.#line.connect());
  }

  get state(): ChatState {
    return this.#line.state;
  }

  /** Our name, and our id, once known. */
  get you(): string | undefined {
    return this.#you ?? this.#user;
  }

  get userId(): string | undefined {
    return this.#userId;
  }

  /** Messages that wait for their acknowledgement, in order; those of the page before this one too. Each with what comes of it. */
  get waiting(): readonly Waiting[] {
    return this.#outbox.list();
  }

  /** Calls back for every event of a type, until the function that it answers is called. */
  on<Type extends keyof ChatEventMap>(type: Type, listener: (event: ChatEventMap[Type]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as (event: never) => void));
    return () => void listeners.delete(listener as (event: never) => void);
  }

  /**
   * Says something, now or when the connection is back. Resolves with the message as the server took it, or rejects with a
   * ChatRefused that has its reason; its `id` is known at once.
   */
  send(text: string): Sent {
    const sent = this.#outbox.add(text);
    if (this.state.state === 'closed') this.#outbox.reject(sent.id, this.state.reason);
    else this.#speaker.pump();
    return sent;
  }

  /**
   * Changes the name, where people choose theirs: by a second connection, and without a pause for who has an `id`. Without one the server
   * knows a message again by the name: what was sent is settled first, and nothing is said meanwhile. Rejects with a ChatRefused: with
   * `NO_ANSWER` also where another rename follows before the server has answered.
   */
  rename(name: string): Promise<void> {
    return this.#speaker.rename(() => {
      if (this.state.state === 'closed') throw this.state.reason;
      this.#giveUpRename();
      return new Promise((resolve, reject) => {
        this.#rename = { name, resolve, reject };
        void this.#line.connect();
      });
    });
  }

  /** Older messages: those before number `before`, or the newest. Rejects with a ChatRefused: with `CLOSED` where `close` is called meanwhile. */
  history(options: { readonly before?: number; readonly limit?: number } = {}): Promise<HistoryPage> {
    return new Promise((resolve, reject) => {
      // Where it was the server that ended the connection, it may still let us read.
      const forget = this.on('state', (now) => {
        if (now.state === 'closed' && now.reason.code === 'CLOSED') reject(now.reason);
      });
      void this.#http.history(options.before, options.limit).then(resolve, reject).finally(forget);
    });
  }

  /** Does not wait for the next attempt: when the network has come back, say. */
  reconnectNow(): void {
    this.#line.connectNow();
  }

  /** Leaves the room for good. What was not acknowledged stays in the storage. */
  close(): void {
    this.#finish(new ChatRefused('CLOSED', 'closed'));
  }

  #emit(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  #finish(reason: ChatRefused): void {
    if (!this.#line.end(reason)) return;
    this.#speaker.stop();
    surroundings.removeEventListener?.('online', this.#online);
    this.#rename?.reject(reason);
    this.#outbox.close(reason);
    this.#emit('state', this.state);
  }

  #lineOwner(): LineOwner {
    return {
      position: () => this.#heard.position,
      user: () => this.#rename?.name ?? this.you,
      welcome: (event) => {
        this.#heard.welcome(event);
        this.#you = event.you;
        this.#userId = event.userId;
        this.#rename?.resolve();
        this.#rename = undefined;
      },
      event: (event) => this.#hear(event),
      lost: (...loss) => this.#speaker.lost(...loss),
      state: (now) => this.#emit('state', now),
      renameFailed: (reason) => this.#giveUpRename(reason),
      refused: (reason) => this.#finish(reason),
    };
  }

  #hear(event: ServerEvent): void {
    if (!this.#heard.isNew(event)) return;
    this.#emit(event.type, event);
    this.#speaker.settle(event);
    this.#speaker.pump();
  }

  #giveUpRename(error = new ChatRefused('NO_ANSWER', 'no answer came')): boolean {
    const rename = this.#rename;
    this.#rename = undefined;
    rename?.reject(error);
    return rename !== undefined;
  }

  #speakerOwner(): SpeakerOwner {
    return {
      me: this,
      // What we wait to be acknowledged may be in what is replayed; said again, it could be too late for the server to know it again.
      link: () => (this.#heard.isUpToDate ? this.#line.link : undefined),
      refused: (event) => this.#emit('error', event),
    };
  }
}

/** Where the chat is: absolute, over HTTP, with a slash at its end. */
function baseOf(url: string | URL): string {
  const base = new URL(url, surroundings.location?.href);
  base.protocol = base.protocol.replace('ws', 'http');
  if (!base.protocol.startsWith('http')) throw new TypeError(`${url} must be http:`);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base.href;
}
