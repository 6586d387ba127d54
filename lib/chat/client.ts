/**
 * `connectChat`: a member of a chat room that comes back by itself, over a WebSocket, or an event stream and POST.
 *
 * Says one message at a time, each until the server has acknowledged it, so that all arrive once and in order; the server knows a
 * message by its id. Remembers the last message heard and asks for what came after it. Where WebSockets do not get
 * through it hears an event stream, and tries the WebSocket again from time to time beside it.
 * Runs in browsers and in Node, and imports nothing of Node: under 6 kB minified and compressed with the files beside it.
 * Sections: options; events; connections; the outbox. Read next: `client-links.ts`, `client-outbox.ts`, `client-http.ts`.
 */

import { jitterMs } from '../client/backoff.ts';
import { type Answer, ChatHttp, isMessage } from './client-http.ts';
import { type EventSourceLike, Link, type Loss, type Transport, type WebSocketLike } from './client-links.ts';
import { ChatRefused, Outbox, type Sent, type StorageLike, type Waiting } from './client-outbox.ts';
import type { ChatMessage, HistoryPage, ServerEvent } from './protocol.ts';

export { ChatRefused, type Sent, type StorageLike, type Waiting } from './client-outbox.ts';
export type { ChatMessage, ErrorEvent, HistoryPage, Person, ServerEvent, WelcomeEvent } from './protocol.ts';

/**
 * - `connecting`: on the way, for the first time or again. - `open`: in the room.
 * - `waiting`: the connection was lost; the next attempt is in `retryInMs`.
 * - `closed`: `close` was called, or the server refused for good.
 */
export type ChatState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open'; readonly transport: Transport }
  | { readonly state: 'waiting'; readonly retryInMs: number }
  | { readonly state: 'closed'; readonly reason: ChatRefused };

/** What `on` can be asked for: every event of the protocol by its type, each message once and in order; and `state`. */
export type ChatEventMap = { [Type in ServerEvent['type']]: ServerEvent & { readonly type: Type } } & {
  readonly state: ChatState;
};

export interface ConnectOptions {
  readonly room: string;
  /** A name, where people choose one. Left out, the server makes a guest's name up. */
  readonly user?: string;
  /** What stays when the name changes, where people choose their names. */
  readonly id?: string;
  /** Of a log-in, or a function that gives one: it is asked again when the token was refused or is over. */
  readonly token?: string | (() => string | Promise<string>);
  /** Default `auto`: a WebSocket, and an event stream while that does not get through. */
  readonly transport?: Transport | 'auto';
  /** Messages that may wait for their acknowledgement. Default 100. */
  readonly maxWaiting?: number;
  /** Where they wait over a reload. Default `localStorage`, where there is one; null: nowhere. */
  readonly storage?: StorageLike | null;
  /** Tells tabs apart in the storage. Default: one that `sessionStorage` keeps. */
  readonly tab?: string;
  /** The ceiling of the wait before the first reconnection, doubled each time; a wait is a random part of it. Default 1,000. */
  readonly minRetryMs?: number;
  /** Default 15,000. */
  readonly maxRetryMs?: number;
  /** How long until the WebSocket is tried again while the event stream does. Default 60,000. */
  readonly upgradeMs?: number;
  /** Silence after which the server is asked for a sign of life, over WebSocket. Default 20,000. */
  readonly pingIntervalMs?: number;
  /** How long that sign, a welcome, and the answer to a request may take, and how late a heartbeat may be. Default 10,000. */
  readonly pongTimeoutMs?: number;
  /** Default: the global one. */
  readonly WebSocket?: (new (url: string) => WebSocketLike) | undefined;
  /** Default: the global one. */
  readonly EventSource?: (new (url: string) => EventSourceLike) | undefined;
  /** A number from 0 to 1 for the jitter; tests pass their own. */
  readonly random?: () => number;
}

interface Globals {
  readonly WebSocket?: new (url: string) => WebSocketLike;
  readonly EventSource?: new (url: string) => EventSourceLike;
  readonly localStorage?: StorageLike;
  readonly sessionStorage?: StorageLike;
  readonly location?: { readonly href: string };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

const surroundings = globalThis as unknown as Globals;

const DEFAULTS = {
  transport: 'auto' as Transport | 'auto',
  maxWaiting: 100,
  minRetryMs: 1_000,
  maxRetryMs: 15_000,
  upgradeMs: 60_000,
  pingIntervalMs: 20_000,
  pongTimeoutMs: 10_000,
  random: Math.random,
  WebSocket: surroundings.WebSocket,
  EventSource: surroundings.EventSource,
};

/** Where a rename waits for its welcome. */
interface Rename {
  readonly was: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: ChatRefused) => void;
}

/** Joins a room of the chat at `url`, and stays. @throws TypeError for a URL that is none, or where a constructor is missing */
export function connectChat(url: string | URL, options: ConnectOptions): ChatConnection {
  return new ChatConnection(url, options);
}

/** See the head of this file. */
export class ChatConnection {
  readonly #options: ConnectOptions & typeof DEFAULTS;
  readonly #http: ChatHttp;
  readonly #outbox: Outbox;
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  readonly #online = (): void => this.reconnectNow();
  #state: ChatState = { state: 'connecting' };
  #user: string | undefined;
  /** What the server called us; from the first welcome on. */
  #you: string | undefined;
  #userId: string | undefined;
  #token: string | undefined;
  /** The token was renewed, and not accepted since. */
  #isRenewed = false;
  #epoch = '';
  #sequence = 0;
  /** The connection that is heard, and the one that will be once its welcome has come. */
  #link: Link | undefined;
  #candidate: Link | undefined;
  #next: Transport;
  /** Counts the attempts that were begun, so that an older one that is still under way ends there. */
  #attempt = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rename: Rename | undefined;
  /** The message that was sent and not answered. */
  #busy: string | undefined;
  #postFailures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string | URL, options: ConnectOptions) {
    this.#options = { ...DEFAULTS, ...options } as ConnectOptions & typeof DEFAULTS;
    const { room, transport, WebSocket, EventSource, pongTimeoutMs, maxWaiting } = this.#options;
    if (!(transport === 'event-stream' ? EventSource : WebSocket))
      throw new TypeError(`there is no ${transport === 'event-stream' ? 'EventSource' : 'WebSocket'} here: pass one`);
    this.#next = transport === 'auto' ? 'websocket' : transport;
    this.#user = options.user;
    const base = new URL(url, surroundings.location?.href);
    base.protocol = base.protocol.replace('ws', 'http');
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.#http = new ChatHttp({
      base: base.href,
      room,
      timeoutMs: pongTimeoutMs,
      who: () => ({ user: this.#user, id: options.id }),
      token: () => this.#token,
    });
    const { storage = attempt(() => surroundings.localStorage), tab = tabName() } = options;
    const key = ['barewire.outbox', base.href, room, options.id ?? options.user ?? '', tab].join(' ');
    this.#outbox = new Outbox(maxWaiting, storage ?? undefined, key);
    surroundings.addEventListener?.('online', this.#online);
    queueMicrotask(() => void this.#connect(this.#next));
  }

  get state(): ChatState {
    return this.#state;
  }

  /** Our name, and our id, once known. */
  get you(): string | undefined {
    return this.#you ?? this.#user;
  }

  get userId(): string | undefined {
    return this.#userId;
  }

  /** Messages that wait for their acknowledgement, in order; those too that a page had left behind when it was reloaded. */
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
    if (this.#state.state === 'closed') this.#outbox.reject(sent.id, this.#state.reason);
    else this.#pump();
    return sent;
  }

  /** Changes the name, where people choose theirs: by a second connection, and without a pause. Rejects with a ChatRefused. */
  rename(name: string): Promise<void> {
    this.#rename?.reject(new ChatRefused('CLOSED', 'another name was asked for'));
    return new Promise((resolve, reject) => {
      this.#rename = { was: this.#user, resolve, reject };
      this.#user = name;
      if (this.#state.state !== 'closed') void this.#connect(this.#link?.transport ?? this.#next);
    });
  }

  /** Older messages: those before number `before`, or the newest. Rejects with a ChatRefused. */
  history(options: { readonly before?: number; readonly limit?: number } = {}): Promise<HistoryPage> {
    return this.#http.history(options.before, options.limit);
  }

  /** Does not wait for the next attempt: when the network has come back, say. */
  reconnectNow(): void {
    if (this.#state.state === 'waiting') void this.#connect(this.#next);
  }

  /** Leaves the room for good. What was not acknowledged stays in the storage. */
  close(): void {
    this.#finish(new ChatRefused('CLOSED', 'closed'));
  }

  #emit(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  #setState(state: ChatState): void {
    this.#state = state;
    this.#emit('state', state);
  }

  #finish(reason: ChatRefused): void {
    if (this.#state.state === 'closed') return;
    clearTimeout(this.#timer);
    clearTimeout(this.#pause);
    surroundings.removeEventListener?.('online', this.#online);
    this.#attempt++;
    this.#candidate?.close();
    this.#link?.close();
    this.#link = undefined;
    this.#rename?.reject(reason);
    this.#state = { state: 'closed', reason };
    this.#outbox.close(reason);
    this.#emit('state', this.#state);
  }

  /** Opens a connection, beside the one that is heard where there is one. */
  async #connect(transport: Transport): Promise<void> {
    if (this.#state.state === 'closed') return;
    const attemptNumber = ++this.#attempt;
    clearTimeout(this.#timer);
    this.#candidate?.close();
    if (this.#link === undefined && this.#state.state !== 'connecting') this.#setState({ state: 'connecting' });
    const ticket = await this.#ticket();
    if (attemptNumber !== this.#attempt) return;
    if (typeof ticket === 'object') {
      this.#failed({ code: 1006 }, transport, ticket);
      return;
    }
    const { EventSource, WebSocket, pingIntervalMs, pongTimeoutMs } = this.#options;
    const link = new Link(
      transport,
      { event: (event, from) => this.#hear(event, from), lost: (loss, from) => this.#lost(loss, from) },
      { pingIntervalMs, pongTimeoutMs },
    );
    this.#candidate = link;
    const position = this.#epoch === '' ? undefined : `${this.#epoch}-${this.#sequence}`;
    if (transport === 'event-stream')
      link.openStream(new EventSource!(this.#http.url('rooms/:room/events', { lastEventId: position, ticket }).href));
    else
      link.openSocket(
        new WebSocket!(this.#http.url('rooms/:room', { after: position, ticket }).href.replace('http', 'ws')),
      );
  }

  /** A ticket where there is a token; what went wrong otherwise. */
  async #ticket(): Promise<string | undefined | Answer> {
    if (this.#options.token === undefined) return undefined;
    try {
      await this.#freshToken();
    } catch {
      return { kind: 'later', retryInMs: undefined };
    }
    const answer = await this.#http.ticket();
    return answer.kind === 'ok' ? (answer.body as { readonly ticket: string }).ticket : answer;
  }

  async #freshToken(): Promise<void> {
    const { token } = this.#options;
    this.#token ??= await (typeof token === 'function' ? token() : token);
  }

  /** Whether a refusal is cured by a new token, which is then asked for. */
  #renews(answer: Answer): boolean {
    if (answer.kind !== 'refused' || answer.status !== 401) return false;
    if (this.#isRenewed || typeof this.#options.token !== 'function') return false;
    this.#isRenewed = true;
    this.#token = undefined;
    return true;
  }

  #lost(loss: Loss, link: Link): void {
    if (link === this.#candidate) {
      this.#candidate = undefined;
      this.#failed(loss, link.transport, undefined);
    } else if (link === this.#link) {
      this.#link = undefined;
      this.#busy = this.#busy !== undefined && link.transport === 'websocket' ? undefined : this.#busy;
      this.#ended(loss);
    }
  }

  /** The connection that was heard is gone. */
  #ended({ code, why }: Loss): void {
    if (code === 4001) {
      this.#token = undefined;
      this.#retry(0);
    } // RFC 6455 §7.4: 1008 and the application's own codes say that another attempt would end like this one.
    else if (code === 1008 || code >= 4000 || (why && why.retryAfterMs === undefined))
      this.#finish(new ChatRefused(why?.code ?? 'FORBIDDEN', why?.message ?? `refused with ${code}`));
    else this.#retry(this.#delayMs(why?.retryAfterMs));
  }

  /** An attempt came to nothing: asks why, and comes back later, or never. */
  async #failed(loss: Loss, transport: Transport, known: Answer | undefined): Promise<void> {
    const { why } = loss;
    const isOnly = this.#link === undefined;
    if (isOnly) this.#retry(this.#delayMs(why?.retryAfterMs));
    const number = this.#attempt;
    const answer = known ?? (await this.#http.probe());
    if (number !== this.#attempt || this.#state.state === 'closed') return;
    if (this.#renews(answer)) {
      void this.#connect(transport);
      return;
    }
    const final = answer.kind === 'refused' ? answer.error : undefined;
    if (this.#rename !== undefined && !isOnly) this.#giveUpRename(final);
    else if (final !== undefined && isOnly) this.#finish(final);
    // The server is there, and the WebSocket does not get through.
    if (this.#options.transport === 'auto')
      this.#next =
        answer.kind === 'ok' && transport === 'websocket' && this.#options.EventSource ? 'event-stream' : 'websocket';
    if (!isOnly) this.#upgradeLater();
  }

  #giveUpRename(error = new ChatRefused('CLOSED', 'the server does not answer')): void {
    this.#user = this.#rename?.was;
    this.#rename?.reject(error);
    this.#rename = undefined;
  }

  /** Full jitter, so that members who were cut off together do not come back together; above what the server asks for. */
  #delayMs(floorMs = 0): number {
    const { minRetryMs, maxRetryMs, random } = this.#options;
    return floorMs + jitterMs(this.#failures++, minRetryMs, maxRetryMs, random());
  }

  #retry(retryInMs: number): void {
    if (this.#state.state === 'closed') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(this.#next), retryInMs);
    this.#setState({ state: 'waiting', retryInMs });
  }

  #upgradeLater(): void {
    const { transport, upgradeMs } = this.#options;
    if (transport !== 'auto' || this.#link?.transport !== 'event-stream') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect('websocket'), upgradeMs);
  }

  #hear(event: ServerEvent, link: Link): void {
    if (event.type === 'welcome') this.#welcome(event, link);
    else if (link !== this.#link) return;
    switch (event.type) {
      case 'message':
      case 'removed':
        if (event.sequence <= this.#sequence) return; // heard before
        this.#sequence = event.sequence;
        break;
      case 'gap':
        this.#sequence = Math.max(this.#sequence, event.to);
        break;
      case 'reset':
        this.#epoch = event.epoch;
        this.#sequence = 0;
        break;
      case 'pong':
        return;
    }
    this.#emit(event.type, event);
    this.#settle(event);
    this.#pump();
  }

  #welcome(event: ServerEvent & { readonly type: 'welcome' }, link: Link): void {
    this.#candidate = undefined;
    if (this.#link !== link) this.#link?.close();
    if (this.#link?.transport === 'websocket') this.#busy = undefined;
    this.#link = link;
    this.#next = link.transport;
    this.#failures = 0;
    this.#isRenewed = false;
    if (event.epoch !== this.#epoch || event.resumed !== 'resumed') {
      this.#epoch = event.epoch;
      this.#sequence = event.sequence - event.replayed;
    }
    this.#you = event.you;
    this.#userId = event.userId;
    this.#rename?.resolve();
    this.#rename = undefined;
    this.#upgradeLater();
    this.#setState({ state: 'open', transport: link.transport });
  }

  /** What an event says of a message of ours. */
  #settle(event: ServerEvent): void {
    if (!('id' in event) || event.id === undefined) return;
    const { id } = event;
    if (event.type === 'message' && event.userId === this.#userId) this.#taken(id, event);
    else if (event.type === 'ack') this.#taken(id, event.sequence);
    else if (event.type === 'error') {
      if (this.#busy === id) this.#busy = undefined;
      if (event.retryAfterMs !== undefined || event.code === 'LOG_UNCERTAIN') this.#pumpLater(event.retryAfterMs);
      else this.#outbox.reject(id, new ChatRefused(event.code, event.message));
    }
  }

  #taken(id: string, message: ChatMessage | number): void {
    if (this.#busy === id) this.#busy = undefined;
    const { you: from = '', userId = from } = this;
    this.#outbox.resolve(id, ({ text }) =>
      typeof message === 'object'
        ? message
        : { type: 'message', sequence: message, time: new Date().toISOString(), from, userId, text, id },
    );
  }

  /** Says the next message, if there is a connection, and nothing to wait for. */
  #pump(): void {
    const { first } = this.#outbox;
    if (first === undefined || !this.#link || this.#busy !== undefined || this.#pause !== undefined) return;
    this.#busy = first.id;
    if (this.#link.transport === 'websocket') this.#link.send(JSON.stringify({ type: 'message', ...first }));
    else void this.#post(first);
  }

  #pumpLater(floorMs = 0): void {
    const { minRetryMs, maxRetryMs, random } = this.#options;
    const delayMs = floorMs + jitterMs(this.#postFailures++, minRetryMs, maxRetryMs, random());
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, delayMs);
  }

  async #post(waiting: Waiting): Promise<void> {
    const { id } = waiting;
    const answer = await this.#http.say(waiting);
    if (this.#state.state === 'closed') return;
    if (this.#busy === id) this.#busy = undefined;
    if (answer.kind === 'ok' && isMessage(answer.body)) {
      this.#postFailures = 0;
      this.#taken(id, answer.body.type === 'ack' ? answer.body.sequence : answer.body);
    } else if (this.#renews(answer)) await this.#freshToken().catch(() => this.#pumpLater());
    else if (answer.kind === 'refused') {
      const { code, message } = answer.error;
      this.#emit('error', { type: 'error', code, message, id });
      this.#outbox.reject(id, answer.error);
    } else this.#pumpLater(answer.kind === 'later' ? answer.retryInMs : undefined);
    this.#pump();
  }
}

/** A name that this tab keeps over a reload, where it can keep anything. */
function tabName(): string {
  const made = Math.random().toString(36).slice(2, 10);
  return (
    attempt(() => {
      const storage = surroundings.sessionStorage;
      const kept = storage?.getItem('barewire.tab');
      if (!kept) storage?.setItem('barewire.tab', made);
      return kept ?? made;
    }) ?? made
  );
}

/** A storage that is forbidden throws when it is looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
