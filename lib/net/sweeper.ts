/**
 * Deadlines without timers: one interval looks at every connection a few times per shortest deadline.
 *
 * A connection that is swept costs a method call, some nanoseconds, a second; a timer of its own would cost memory and
 * list work on every byte. In return a deadline is met up to one interval late (two, after a stall of our own), never early.
 * The interval is as fine as the shortest deadline that anybody has asked for.
 * Time comes from a `Clock`, so that tests turn it by hand. Read next: `deadlines.ts`.
 */

import { forgetUnusedLentMemory } from '../bytes/lent-memory.ts';
import { Roll } from './roll.ts';

/** Where time comes from: `systemClock`, or a fake one in tests. */
export interface Clock {
  /** Milliseconds from any fixed point; never goes backwards. */
  now(): number;
  /** Calls `callback` every `ms` until the returned function is called. Does not keep the process alive. */
  every(ms: number, callback: () => void): () => void;
  /** Calls `callback` once after `ms` unless the returned function is called before. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Something with deadlines. */
export interface Sweepable {
  /** `nowMs` is a whole number of milliseconds since the sweeper began. */
  sweep(nowMs: number): void;
  /** The sweeper's note of where it is. */
  sweepPlace?: number | undefined;
}

/** A sweep of 10,000 connections takes a millisecond: no finer than this, and no coarser than a second. */
const MIN_INTERVAL_MS = 5;
const MAX_INTERVAL_MS = 1_000;

export class Sweeper {
  readonly #clock: Clock;
  #intervalMs = MAX_INTERVAL_MS;
  readonly #members = new Roll<'sweepPlace', Sweepable>('sweepPlace');
  readonly #epochMs: number;
  /** When the last sweep was, or should have begun to be. */
  #lastMs = 0;
  /** The last sweep was left out. */
  #leftOut = false;
  /** Stops the interval; set while there are members. */
  #stop: (() => void) | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#epochMs = clock.now();
  }

  /** Whole milliseconds since the sweeper began: a small integer, which costs a field no memory of its own. */
  get nowMs(): number {
    return Math.trunc(this.#clock.now() - this.#epochMs);
  }

  get size(): number {
    return this.#members.size;
  }

  /** From now on deadlines of these lengths are met within a quarter of themselves; 0 = not used. Finer stays finer. */
  expect(...deadlinesMs: readonly number[]): void {
    for (const ms of deadlinesMs) {
      if (!(ms > 0)) continue;
      const interval = Math.max(MIN_INTERVAL_MS, Math.trunc(ms / 4));
      if (interval >= this.#intervalMs) continue;
      this.#intervalMs = interval;
      if (this.#stop === undefined) continue;
      this.#stop();
      this.#start();
    }
  }

  add(member: Sweepable): void {
    this.#members.add(member);
    if (this.#stop === undefined) this.#start();
  }

  delete(member: Sweepable): void {
    this.#members.delete(member);
    if (this.#members.size > 0 || this.#stop === undefined) return;
    this.#stop();
    this.#stop = undefined;
    forgetUnusedLentMemory(); // nobody comes by again: what is used now goes at the second call
    forgetUnusedLentMemory();
  }

  #start(): void {
    this.#lastMs = this.nowMs;
    this.#stop = this.#clock.every(this.#intervalMs, () => this.#sweep());
  }

  #sweep(): void {
    const now = this.nowMs;
    const late = now - this.#lastMs > 2 * this.#intervalMs;
    this.#lastMs = now;
    // The process itself has been busy or asleep: what peers sent meanwhile waits to be read, and timers come before reads.
    // Nobody is judged by that. One sweep in a row is left out: before the next, reads have had their turn.
    this.#leftOut = late && !this.#leftOut;
    if (this.#leftOut) return;
    forgetUnusedLentMemory();
    this.#members.each((member) => member.sweep(now));
  }
}

let sharedSystemSweeper: Sweeper | undefined;

/** The sweeper of all clients on the system's clock; one of its own for a client with another clock. */
export function clientSweeper(clock: Clock | undefined): Sweeper {
  if (clock !== undefined) return new Sweeper(clock);
  sharedSystemSweeper ??= new Sweeper(systemClock);
  return sharedSystemSweeper;
}
