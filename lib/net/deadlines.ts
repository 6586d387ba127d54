/**
 * The one deadline machine, for every kind of connection: what a connection waits for, and what is done about it.
 *
 *     blocked output ──► write      else what the connection says: peer ─► pong │ head, body, idle │ heartbeat │ close
 *
 * Rules: while the system does not take our output only the write deadline runs, and progress moves it on, so that a
 * steady reader gets everything, also after our close. When output flows again, what the connection waits for begins
 * anew. Signs of life move on only what they are about.
 * Knows no protocol and no clock of its own: the sweeper calls. Read next: `websocket-connection.ts`.
 */

import type { Channel } from '../channel/port.ts';
import type { Sweepable, Sweeper } from './sweeper.ts';

/** What a connection can wait for. */
export type Wait =
  /** A WebSocket's peer to say anything; then a ping is sent. */
  | 'peer'
  /** Anything at all after a ping. */
  | 'pong'
  /** The rest of a request head, of a body; the next request. */
  | 'head'
  | 'body'
  | 'idle'
  /** The application: no deadline. */
  | 'answer'
  /** Silence of our own on an event stream; then a comment is sent. */
  | 'heartbeat'
  /** The peer's system to take output. */
  | 'write'
  /** The end of TCP, when everything has been said. */
  | 'close';

/** No deadline. A small integer, as all deadlines are for 24 days: other numbers cost a field memory of their own. */
const NEVER = -1;

export abstract class Timed implements Sweepable {
  readonly channel: Channel;
  /** `Sweepable`. */
  sweepPlace = -1;
  /** What the current deadline is about … */
  #waitingFor: Wait = 'answer';
  /** … and when it is due on the sweeper's clock; `NEVER` where there is none. */
  #deadlineMs = NEVER;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** What to wait for when output is not in the way, and for how long; 0 ms = no deadline. */
  protected abstract expected(): Wait;
  protected abstract durationMs(wait: Wait): number;
  /** A sign of life since the last sweep that moves the deadline of `wait` on. Asking resets it. */
  protected abstract renewed(wait: Wait): boolean;
  /** The deadline of `wait` has passed. What is then waited for is asked anew. */
  protected abstract expired(wait: Wait): void;
  protected abstract readonly sweeper: Sweeper;

  protected get waitingFor(): Wait {
    return this.#waitingFor;
  }

  /** Waits for `wait` from now on, if that is not so already: a deadline is not moved by being asked for twice. */
  protected waitFor(wait: Wait, nowMs: number = this.sweeper.nowMs): void {
    if (this.#waitingFor !== wait) this.waitAnew(wait, nowMs);
  }

  /** Waits for `wait` from now on. */
  protected waitAnew(wait: Wait, nowMs: number = this.sweeper.nowMs): void {
    const durationMs = this.durationMs(wait);
    this.#waitingFor = wait;
    this.#deadlineMs = durationMs > 0 ? Math.trunc(nowMs + durationMs) : NEVER;
  }

  /** How long what is waited for has been waited for. */
  protected waitedMs(nowMs: number): number {
    return nowMs - (this.#deadlineMs - Math.trunc(this.durationMs(this.#waitingFor)));
  }

  private isDue(nowMs: number): boolean {
    return this.#deadlineMs !== NEVER && nowMs >= this.#deadlineMs;
  }

  /** From the sweeper. */
  sweep(nowMs: number): void {
    if (this.channel.blocked) {
      if (this.channel.progressed() || this.#waitingFor !== 'write') this.waitAnew('write', nowMs);
      else if (this.isDue(nowMs)) this.expired('write');
      return;
    }
    const wait = this.expected();
    if (wait !== this.#waitingFor || this.renewed(wait)) this.waitAnew(wait, nowMs);
    else if (this.isDue(nowMs)) this.expired(wait);
  }
}
