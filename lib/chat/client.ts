/**
 * `connectChat`: a member of a chat room that comes back by itself, over a WebSocket, or an event stream and POST.
 *
 * Says one message at a time, each until the server has acknowledged it, so that all arrive once and in order; the server knows a
 * message by its id. Remembers the last message heard and asks for what came after it. Where WebSockets do not get
 * through it hears an event stream, and tries the WebSocket again from time to time beside it.
 * Runs in browsers and in Node, and imports nothing of Node: under 6 kB minified and compressed with the files beside it.
 * Sections: options; events; connections. Read next: `client-links.ts`, `client-speaker.ts`, `client-outbox.ts`, `client-http.ts`.
 */

import { jitterMs } from '../client/backoff.ts';
import { type Answer, ChatHttp } from './client-http.ts';
import { Link, type Loss, type Transport } from './client-links.ts';
import {
  attempt,
  type ChatEventMap,
  type ChatState,
  type ConnectOptions,
  DEFAULTS,
  type Defaults,
  surroundings,
  tabName,
} from './client-options.ts';
import { ChatRefused, Outbox, type Sent, type Waiting } from './client-outbox.ts';
import { Speaker, type SpeakerOwner } from './client-speaker.ts';
import type { HistoryPage, ServerEvent } from './protocol.ts';

export type { ChatEventMap, ChatState, ConnectOptions } from './client-options.ts';
export { ChatRefused, type Sent, type StorageLike, type Waiting } from './client-outbox.ts';
export type { ChatMessage, ErrorEvent, HistoryPage, Person, ServerEvent, WelcomeEvent } from './protocol.ts';

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
  readonly #options: ConnectOptions & Defaults;
  readonly #http: ChatHttp;
  readonly #outbox: Outbox;
  readonly #speaker: Speaker;
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

  constructor(url: string | URL, options: ConnectOptions) {
    this.#options = { ...DEFAULTS, ...options } as ConnectOptions & Defaults;
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
    this.#speaker = new Speaker(this.#outbox, this.#http, this.#options, this.#speakerOwner());
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
    else this.#speaker.pump();
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
    this.#speaker.stop();
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

  #speakerOwner(): SpeakerOwner {
    const client = this;
    return {
      get link() {
        return client.#link;
      },
      get you() {
        return client.you;
      },
      get userId() {
        return client.#userId;
      },
      async renew(answer) {
        if (!client.#renews(answer)) return false;
        await client.#freshToken();
        return true;
      },
      refused: (event) => client.#emit('error', event),
    };
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
      this.#speaker.lost(link);
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
    const laterMs = known?.kind === 'later' ? known.retryInMs : why?.retryAfterMs;
    if (isOnly) this.#retry(this.#delayMs(laterMs));
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
    // The server is there and says nothing against us: the WebSocket does not get through.
    const isBlocked = answer.kind === 'ok' && why === undefined && transport === 'websocket';
    if (this.#options.transport === 'auto')
      this.#next = isBlocked && this.#options.EventSource ? 'event-stream' : 'websocket';
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
    this.#speaker.settle(event);
    this.#speaker.pump();
  }

  #welcome(event: ServerEvent & { readonly type: 'welcome' }, link: Link): void {
    this.#candidate = undefined;
    if (this.#link !== link) this.#link?.close();
    this.#speaker.lost(this.#link);
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
}
