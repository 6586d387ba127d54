/**
 * What a chat client asks over plain HTTP: tickets, saying by POST, older history, and why a connection was refused.
 *
 * Every request has a deadline. A token goes into a header, never into a URL; one that the server refuses is renewed here, once.
 * Runs in browsers and in Node.
 * Read next: `client.ts`.
 */

import { retryAfterMs } from '../client/backoff.ts';
import type { Login } from './client-login.ts';
import { parse } from './client-options.ts';
import { ChatRefused, type Waiting } from './client-outbox.ts';
import type { ChatMessage, ErrorEvent, HistoryPage, ServerEvent } from './protocol.ts';

/** Of a reason in plain text, which a server gives where it is not the chat that refuses. */
const MAX_REASON_LENGTH = 200;

/** What a status says where the body does not. */
const CODES: Readonly<Partial<Record<number, ChatRefused['code']>>> = {
  401: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  413: 'TEXT_TOO_LONG',
};

/** What a request came to: it was taken (`body`), it was refused (`error`), or it was not answered now (`reason`). */
export interface Answer {
  readonly body?: object;
  readonly error?: ChatRefused;
  /** When to come again; undefined: as soon as you like. */
  readonly retryInMs?: number | undefined;
  /** Why it was not answered now, where that is known. */
  readonly reason?: string;
  /** The same in the chat's words, where it is the chat that said so. */
  readonly event?: ErrorEvent | undefined;
}

/** Where a client says who it is. */
export interface HttpOptions {
  /** With a slash at its end. */
  readonly base: string;
  readonly room: string;
  readonly timeoutMs: number;
  /** `user` and `id`, where the parameters of a request say no others. */
  readonly who: () => Readonly<Record<string, string | undefined>>;
  readonly login: Login;
}

/** See the head of this file. */
export class ChatHttp {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** A URL of the room, or of the chat where `path` has no room in it. */
  url(path: string, parameters: Readonly<Record<string, string | number | undefined>> = {}): URL {
    const { base, room, who } = this.#options;
    const url = new URL(path.replace(':room', encodeURIComponent(room)), base);
    for (const [name, value] of Object.entries({ ...who(), ...parameters }))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }

  /** A ticket where one logs in; what went wrong otherwise. */
  async ticket(): Promise<string | undefined | Answer> {
    if (!this.#options.login.isNeeded) return undefined;
    const answer = await this.#ask(this.url('tickets'), { method: 'POST' });
    return answer.body ? (answer.body as { readonly ticket: string }).ticket : answer;
  }

  say({ id, text }: Waiting): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' };
    return this.#ask(this.url('rooms/:room/messages'), { method: 'POST', headers, body: JSON.stringify({ id, text }) });
  }

  /** Whether the server is there, and lets us in by that name. */
  probe(user?: string): Promise<Answer> {
    return this.#ask(this.url('rooms/:room/joinable', { user }), {});
  }

  /** A page of the history. Rejects with a ChatRefused. */
  async history(before: number | undefined, limit: number | undefined): Promise<HistoryPage> {
    const answer = await this.#ask(this.url('rooms/:room/messages', { before, limit }), {});
    if (answer.body) return answer.body as HistoryPage;
    throw answer.error ?? new ChatRefused('NO_ANSWER', answer.reason!);
  }

  async #ask(
    url: URL,
    init: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
  ): Promise<Answer> {
    const { login, timeoutMs } = this.#options;
    const token = login.token();
    try {
      const value = await token;
      const headers = { ...init.headers, ...(value !== undefined && { Authorization: `Bearer ${value}` }) };
      const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) });
      const { status, ok } = response;
      const text = await response.text();
      const body = parse<Partial<ErrorEvent>>(text);
      if (ok && body) {
        login.accepted(token);
        return { body };
      }
      if (status === 401 && login.renews(token)) return this.#ask(url, init);
      // What a server says of a request that it will refuse again. 408 and 429 ask to come again (RFC 9110 §15.5.9, RFC 6585 §4).
      // A body without a type counts as plain text: that of a refusal by `identify`, say.
      const isPlain = (response.headers.get('content-type') ?? 'text/plain').startsWith('text/plain');
      const {
        code = CODES[status],
        message: reason = (isPlain && text.trim().slice(0, MAX_REASON_LENGTH)) || `the server answered ${status}`,
        retryAfterMs: retryInMs = retryAfterMs(response.headers.get('retry-after'), Date.now()),
      } = body ?? {};
      if (code === 'FAILED' || /^4(?!08|29)/.test(`${status}`)) return { error: new ChatRefused(code, reason) };
      return { retryInMs, reason, event: body?.type === 'error' ? (body as ErrorEvent) : undefined };
    } catch (error) {
      // Not there: the next attempt will tell. Node says `fetch failed`, and ECONNREFUSED in its cause.
      return {
        reason: `${(error as { readonly cause?: { readonly code: string } } | undefined)?.cause?.code ?? error}`,
      };
    }
  }
}

/** What says that the room has a message. */
export type Taken = ChatMessage | (ServerEvent & { readonly type: 'ack' });
