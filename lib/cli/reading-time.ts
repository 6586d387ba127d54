/**
 * Time that passes only while we read: a wait for a server that goes on while its messages cannot come in says nothing of the server.
 *
 * Knows no connection; whoever stops reading says until when. Read next: `connect.ts`, the user.
 */

import { performance } from 'node:perf_hooks';

/** Counts the time in which nothing holds the reading. */
export class ReadingTime {
  #countedMs = 0;
  #sinceMs = performance.now();
  /** How many hold it now. */
  #holds = 0;
  #lastHold: Promise<void> | undefined = undefined;

  /** Nothing is read until this has settled. */
  hold(until: Promise<void>): void {
    if (this.#holds++ === 0) this.#countedMs += performance.now() - this.#sinceMs;
    this.#lastHold = until.then(() => {
      if (--this.#holds === 0) this.#sinceMs = performance.now();
    });
  }

  /** Resolves once we have read for so long, or have been ready to. Does not keep the process alive. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs() + ms;
    for (;;) {
      await this.#lastHold;
      const leftMs = endMs - this.#nowMs();
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, leftMs).unref());
    }
  }

  #nowMs(): number {
    return this.#countedMs + (this.#holds === 0 ? performance.now() - this.#sinceMs : 0);
  }
}
