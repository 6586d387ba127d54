/**
 * Whether the log takes messages: what `/readyz` asks, and what it says when not.
 *
 * A log whose last write failed is in trouble until one has succeeded. Whoever hears 503 sends nobody, so that nobody's message
 * would be that one: then a question begins a write of its own, at most one each `CHAT_LIMITS.logProbeMs`, in a room that no
 * member can name. What fails is not in the log, so that an outage leaves one such record. Read next: `routes.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import { type Clock, type RoomLog, RoomRefused } from '../rooms/log.ts';

/** A name that `parseRoomName` refuses. */
const PROBE_ROOM = '.ready';

/** What says that the store failed, and not that a bound was reached. */
const FAILURES: readonly string[] = ['LOG_FAILED', 'LOG_UNCERTAIN', 'LOG_CLOSED'];

/** See the head of this file. */
export class LogHealth {
  readonly #log: RoomLog;
  readonly #clock: Clock;
  #trouble: RoomRefused | undefined = undefined;
  #isProbing = false;
  #probedAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: RoomLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A write succeeded. */
  succeeded(): void {
    this.#trouble = undefined;
  }

  /** A write failed. */
  failed(error: unknown): void {
    if (error instanceof RoomRefused && FAILURES.includes(error.code)) this.#trouble = error;
  }

  /** Why nobody should be sent here; undefined when all is well. Never rejects. */
  async problem(): Promise<string | undefined> {
    try {
      await this.#log.read(PROBE_ROOM, undefined, 1);
    } catch (error) {
      return String(error);
    }
    if (this.#trouble === undefined) return undefined;
    this.#probe();
    return String(this.#trouble);
  }

  #probe(): void {
    const nowMs = this.#clock.now();
    if (this.#isProbing || nowMs - this.#probedAtMs < CHAT_LIMITS.logProbeMs) return;
    this.#isProbing = true;
    this.#probedAtMs = nowMs;
    Promise.resolve()
      .then(() => this.#log.append(PROBE_ROOM, { data: 'ready' }))
      .then(() => this.succeeded())
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.#isProbing = false;
      });
  }
}
