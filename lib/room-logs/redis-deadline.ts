/**
 * The time that Redis has to answer.
 *
 * All that wait have the same time, so the first to come is the first to be late, and one timer serves them all: it looks for
 * who is late when the one that was first when it was set would be. Read next: `redis-commands.ts`.
 */

import type { Clock } from '../rooms/log.ts';

interface Waiting {
  readonly lateAtMs: number;
  readonly reject: (error: Error) => void;
}

/** See the head of this file. Memory: what waits, which the callers bound. */
export class Deadline {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** The first to be late first. */
  readonly #waiting = new Set<Waiting>();
  #callOff: (() => void) | undefined = undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Waits for a reply, and rejects when it does not come in time. */
  of(reply: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { lateAtMs: this.#clock.now() + this.#timeoutMs, reject };
      this.#waiting.add(waiting);
      if (this.#callOff === undefined) this.#set(this.#timeoutMs);
      reply.then(
        (answer) => {
          this.#waiting.delete(waiting);
          resolve(answer);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          reject(error);
        },
      );
    });
  }

  /** Whoever waits is told that it is over; leaves no timer. */
  close(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    for (const { reject } of this.#waiting) reject(new Error('closed before Redis had answered'));
    this.#waiting.clear();
  }

  #set(afterMs: number): void {
    this.#callOff = this.#clock.after(afterMs, () => this.#look());
  }

  #look(): void {
    this.#callOff = undefined;
    const nowMs = this.#clock.now();
    for (const waiting of this.#waiting) {
      if (waiting.lateAtMs > nowMs) {
        this.#set(Math.ceil(waiting.lateAtMs - nowMs));
        return;
      }
      this.#waiting.delete(waiting);
      waiting.reject(new Error(`Redis did not answer within ${this.#timeoutMs} ms`));
    }
  }
}
