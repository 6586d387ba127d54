/**
 * Deadlines without timers: one interval looks at every connection a few times per shortest deadline.
 *
 * A connection that is swept costs a method call, some nanoseconds, a second; a timer of its own would cost memory and
 * list work on every byte. In return a deadline is met up to one interval late (three, behind a stall of our own), never early.
 * Time comes from a `Clock`, so that tests turn it by hand. Read next: `websocket-connection.ts`.
 */

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
}

export class Sweeper {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #members = new Set<Sweepable>();
  readonly #epochMs: number;
  /** When the last sweep was, or should have begun to be. */
  #lastMs = 0;
  /** Stops the interval; set while there are members. */
  #stop: (() => void) | undefined = undefined;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#epochMs = clock.now();
  }

  /** Whole milliseconds since the sweeper began: a small integer, which costs a field no memory of its own. */
  get nowMs(): number {
    return Math.trunc(this.#clock.now() - this.#epochMs);
  }

  get size(): number {
    return this.#members.size;
  }

  add(member: Sweepable): void {
    this.#members.add(member);
    if (this.#stop !== undefined) return;
    this.#lastMs = this.nowMs;
    this.#stop = this.#clock.every(this.#intervalMs, () => this.#sweep());
  }

  delete(member: Sweepable): void {
    this.#members.delete(member);
    if (this.#members.size > 0 || this.#stop === undefined) return;
    this.#stop();
    this.#stop = undefined;
  }

  #sweep(): void {
    const now = this.nowMs;
    const late = now - this.#lastMs > 2 * this.#intervalMs;
    this.#lastMs = now;
    // The process itself has been busy or asleep: what peers sent meanwhile waits to be read, and timers come before reads.
    // Nobody is judged by that; one sweep in a row is left out at most, since the next measures from here.
    if (late) return;
    for (const member of this.#members) member.sweep(now);
  }
}
