/**
 * When a room delivers: at once, once for each window, or as the loop allows.
 *
 * One write for each member and message is what a busy room costs most. Messages that are delivered together leave in one
 * write a member, so a room may wait a little and deliver what has come meanwhile. With `auto` it does not wait while the
 * loop is idle: after a delivery it looks how long the loop took to get through it, and rests as long, at most
 * `MAX_AUTO_GATHER_MS`. So at most half of the time goes into one room's deliveries. Read next: `room.ts`.
 */

import { wholeNumber } from './history.ts';
import type { Clock } from './log.ts';

/** The longest that `auto` waits. */
export const MAX_AUTO_GATHER_MS = 10;

/** Under this, a loop that has got through a delivery counts as idle. */
const IDLE_MS = 1;

/** Milliseconds, 0 = deliver at once; `auto` = only while the loop is busy. */
export type GatherMs = number | 'auto';

/** Checks the option. @throws RangeError */
export function checkGatherMs(gatherMs: GatherMs): GatherMs {
  return gatherMs === 'auto' ? gatherMs : wholeNumber('gatherMs', gatherMs, 0, ", or 'auto'");
}

/** Decides for one room. */
export class Gatherer {
  readonly #gatherMs: GatherMs;
  readonly #clock: Clock;
  readonly #run: () => void;
  /** Calls off what is scheduled; while it is set, what comes is gathered. */
  #cancel: (() => void) | undefined = undefined;
  /** Something came while `auto` waited. */
  #wanted = false;

  /** `run` delivers everything that has come. */
  constructor(gatherMs: GatherMs, clock: Clock, run: () => void) {
    this.#gatherMs = gatherMs;
    this.#clock = clock;
    this.#run = run;
  }

  /** Something is to be delivered: runs now, or arranges it. */
  want(): void {
    if (this.#gatherMs === 0) this.#run();
    else if (this.#gatherMs !== 'auto') this.#cancel ??= this.#clock.after(this.#gatherMs, this.#runLate);
    else if (this.#cancel === undefined) this.#runAndMeasure();
    else this.#wanted = true;
  }

  /** Forgets what is arranged. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  readonly #runLate = (): void => {
    this.#cancel = undefined;
    this.#run();
  };

  #runAndMeasure(): void {
    const begun = this.#clock.now();
    this.#wanted = false;
    this.#cancel = this.#clock.after(0, () => {
      const tookMs = this.#clock.now() - begun;
      if (tookMs < IDLE_MS) this.#goOn();
      else this.#cancel = this.#clock.after(Math.min(tookMs, MAX_AUTO_GATHER_MS), () => this.#goOn());
    });
    this.#run();
  }

  #goOn(): void {
    this.#cancel = undefined;
    if (this.#wanted) this.#runAndMeasure();
  }
}
