/**
 * Tickets: what a browser that has a token puts into the URL of a WebSocket or an event stream instead of the token.
 *
 * A ticket is random (144 bits), opens one connection, and is worth nothing after `ticketMs`. Held in this process alone:
 * behind several processes, let the proxy send `/tickets` and the connection of one client to the same one. Bounded:
 * `maxTickets`, the oldest makes way. Read next: `door.ts`.
 */

import { randomBytes } from 'node:crypto';
import { CHAT_LIMITS } from '../limits.ts';

/** See the head of this file. */
export class Tickets<User> {
  readonly #maxTickets: number;
  /** In the order in which they were given out, which is that in which they end. */
  readonly #given = new Map<string, { readonly user: User; readonly untilMs: number }>();

  constructor(maxTickets: number = CHAT_LIMITS.maxTickets) {
    this.#maxTickets = maxTickets;
  }

  /** Tickets that were given out and not used. */
  get size(): number {
    return this.#given.size;
  }

  give(user: User, nowMs: number): string {
    for (const [ticket, { untilMs }] of this.#given) {
      if (untilMs > nowMs && this.#given.size < this.#maxTickets) break;
      this.#given.delete(ticket);
    }
    const ticket = randomBytes(18).toString('base64url');
    this.#given.set(ticket, { user, untilMs: nowMs + CHAT_LIMITS.ticketMs });
    return ticket;
  }

  /** Whose ticket it is; undefined for one that was used, is too old, or never was. It is used up now. */
  use(ticket: string, nowMs: number): User | undefined {
    const given = this.#given.get(ticket);
    this.#given.delete(ticket);
    return given !== undefined && given.untilMs > nowMs ? given.user : undefined;
  }
}
