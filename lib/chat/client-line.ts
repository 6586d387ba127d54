/**
 * The line of a chat client: one connection after another, for as long as the client wants to be in the room.
 *
 * Decides when the next attempt is made, over which transport, and when there is none any more. A new connection may be opened beside the
 * one that is heard, for another name or a better transport, and takes its place with its welcome. Knows no messages.
 * Runs in browsers and in Node. Sections: attempts; what became of them. Read next: `client-links.ts`.
 */

import type { Answer, ChatHttp } from './client-http.ts';
import { Link, type Loss, type Transport } from './client-links.ts';
import type { Login } from './client-login.ts';
import { type ChatState, type ConnectOptions, type Defaults, waitMs } from './client-options.ts';
import { ChatRefused } from './client-outbox.ts';
import type { ErrorEvent, ServerEvent, WelcomeEvent } from './protocol.ts';

/** What a line tells its client, and asks of it. */
export interface LineOwner {
  /** Where to go on. */
  position(): string | undefined;
  /** The name to join by. */
  user(): string | undefined;
  /** A connection is heard from now on; before `state` says so. */
  welcome(event: WelcomeEvent): void;
  /** Something was said on the connection that is heard, its welcome too. */
  event(event: ServerEvent): void;
  /** This connection is heard no more. */
  lost(link: Link, loss?: Loss): void;
  state(now: ChatState): void;
  /** An attempt came to nothing, and the room may be had without it: whether it was made for another name, which is given up. */
  renameFailed(reason: ChatRefused | undefined): boolean;
  /** There will be no further attempt. */
  refused(reason: ChatRefused): void;
}

/** What a line works with. */
export interface LineParts {
  readonly options: ConnectOptions & Defaults;
  readonly http: ChatHttp;
  readonly login: Login;
  readonly owner: LineOwner;
}

/** See the head of this file. */
export class Line {
  readonly #parts: LineParts;
  #state: ChatState = { state: 'connecting' };
  /** The connection that is heard, and the one that will be once its welcome has come. */
  #link: Link | undefined;
  #candidate: Link | undefined;
  #next: Transport;
  /** Counts the attempts that were begun, so that an older one that is still under way ends there. */
  #attempt = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
    const { transport } = parts.options;
    this.#next = transport === 'auto' ? 'websocket' : transport;
  }

  get state(): ChatState {
    return this.#state;
  }

  /** The connection that is heard. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Opens a connection, beside the one that is heard where there is one. */
  async connect(transport: Transport = this.#link?.transport ?? this.#next): Promise<void> {
    if (this.#state.state === 'closed') return;
    const attemptNumber = ++this.#attempt;
    clearTimeout(this.#timer);
    this.#candidate?.close();
    if (this.#link === undefined && this.#state.state !== 'connecting') this.#setState({ state: 'connecting' });
    const ticket = await this.#parts.http.ticket();
    if (attemptNumber !== this.#attempt) return;
    const failure = typeof ticket === 'object' ? ticket : this.#open(transport, ticket);
    if (failure) await this.#failed(undefined, transport, failure);
  }

  /** Does not wait for the next attempt. */
  connectNow(): void {
    if (this.#state.state === 'waiting') void this.connect();
  }

  /** Ends it for good. Returns whether it had not ended before. */
  end(reason: ChatRefused): boolean {
    if (this.#state.state === 'closed') return false;
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#candidate?.close();
    this.#link?.close();
    this.#link = undefined;
    this.#state = { state: 'closed', reason };
    return true;
  }

  #setState(state: ChatState): void {
    this.#state = state;
    this.#parts.owner.state(state);
  }

  /** Answers what went wrong already. */
  #open(transport: Transport, ticket: string | undefined): Answer | undefined {
    const { http, owner, options } = this.#parts;
    const { EventSource, WebSocket } = options;
    const link = new Link(
      transport,
      { event: (event, from) => this.#hear(event, from), lost: (loss, from) => this.#lost(loss, from) },
      options,
    );
    this.#candidate = link;
    const position = owner.position();
    const user = owner.user();
    try {
      if (transport === 'event-stream')
        link.openStream(new EventSource!(http.url('rooms/:room/events', { user, lastEventId: position, ticket }).href));
      else
        link.openSocket(
          new WebSocket!(http.url('rooms/:room', { user, after: position, ticket }).href.replace('http', 'ws')),
        );
      return;
    } catch (error) {
      // What a constructor throws for, it throws for again.
      return { error: new ChatRefused('FORBIDDEN', `${error}`) };
    }
  }

  #hear(event: ServerEvent, link: Link): void {
    if (event.type === 'welcome') this.#welcome(event, link);
    else if (link !== this.#link) return;
    this.#parts.owner.event(event);
  }

  #welcome(event: WelcomeEvent, link: Link): void {
    const { owner } = this.#parts;
    const before = this.#link;
    clearTimeout(this.#timer);
    this.#candidate = undefined;
    this.#link = link;
    if (before !== undefined && before !== link) {
      before.close();
      owner.lost(before);
    }
    this.#next = link.transport;
    this.#failures = 0;
    owner.welcome(event);
    this.#upgradeLater();
    this.#setState({ state: 'open', transport: link.transport });
  }

  #lost(loss: Loss, link: Link): void {
    if (link === this.#candidate) {
      this.#candidate = undefined;
      void this.#failed(loss.why, link.transport);
    } else if (link === this.#link) {
      this.#link = undefined;
      this.#parts.owner.lost(link, loss);
      this.#ended(loss);
    }
  }

  /** The connection that was heard is gone. */
  #ended({ code, reason, why }: Loss): void {
    const { login, owner } = this.#parts;
    if (code === 4001) login.expired();
    // RFC 6455 §7.4: 1008 and the application's own codes say that another attempt would end like this one.
    else if (code === 1008 || code >= 4000 || (why && why.retryAfterMs === undefined)) {
      owner.refused(new ChatRefused(why?.code, why?.message ?? reason));
      return;
    }
    this.#waitFor(why?.retryAfterMs, why?.message);
    this.#arm();
  }

  /** An attempt came to nothing: asks why, and comes back later, or never. */
  async #failed(why: ErrorEvent | undefined, transport: Transport, known?: Answer): Promise<void> {
    const { http, owner, options } = this.#parts;
    const isOnly = this.#link === undefined;
    const attemptNumber = this.#attempt;
    if (isOnly) this.#waitFor(known?.retryInMs ?? why?.retryAfterMs, known?.reason ?? why?.message);
    const answer = known ?? (await http.probe(owner.user()));
    if (attemptNumber !== this.#attempt || this.#state.state === 'closed') return;
    const { error, reason } = answer;
    const isRename = (error || !isOnly) && owner.renameFailed(error);
    // The server is there and says nothing against us: the WebSocket does not get through.
    const isBlocked = answer.body && why === undefined && transport === 'websocket';
    if (options.transport === 'auto') this.#next = isBlocked && options.EventSource ? 'event-stream' : 'websocket';
    if (isOnly) {
      if (error && !isRename) return owner.refused(error);
      if (reason && !known) {
        this.#failures--; // the same wait, known better
        this.#waitFor(answer.retryInMs, reason);
      }
      this.#arm(); // not before: an answer that comes late may say that it is over, or how long to wait
    } else this.#upgradeLater();
  }

  #waitFor(floorMs: number | undefined, reason: string | undefined): void {
    if (this.#state.state === 'closed') return;
    const retryInMs = waitMs(floorMs, this.#failures++, this.#parts.options);
    this.#setState({ state: 'waiting', retryInMs, ...(reason && { reason }) });
  }

  /** The wait begins. Whoever was told of it may have ended it. */
  #arm(): void {
    if (this.#state.state !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.connect(), this.#state.retryInMs);
  }

  #upgradeLater(): void {
    const { transport, upgradeMs } = this.#parts.options;
    if (transport !== 'auto' || this.#link?.transport !== 'event-stream') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.connect('websocket'), upgradeMs);
  }
}
