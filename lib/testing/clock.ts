/**
 * A clock that tests turn by hand: `advance` calls what falls due on the way, in order, and nothing else ever does.
 *
 * Give it to a server or a client as its option `clock`. Knows nothing of either. Read next: `index.ts`.
 */

import type { Clock } from '../net/sweeper.ts';

interface Timer {
  dueMs: number;
  /** 0: once. */
  readonly everyMs: number;
  readonly callback: () => void;
}

/** Time for tests: begins anywhere, and stands still but for `advance`. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#nowMs;
  }

  every(ms: number, callback: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, callback });
  }

  after(ms: number, callback: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: 0, callback });
  }

  /** How many timers run: a sweeper without members has none. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void {
    const until = this.#nowMs + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
      if (next === undefined || next.dueMs > until) break;
      this.#nowMs = next.dueMs;
      if (next.everyMs > 0) next.dueMs += next.everyMs;
      else this.#timers.delete(next);
      next.callback();
    }
    this.#nowMs = until;
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
