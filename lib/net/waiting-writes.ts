/**
 * Writes that wait for room: what is behind `await socket.write(…)` and `await stream.write(…)`.
 *
 * In order, one at a time, each attempted when nothing waits beyond the high-water mark, each settled once. Bounded:
 * whoever does not await is refused. A promise that the application ignores is never an unhandled rejection.
 * Knows no connection. Read next: `server-websocket.ts`.
 */

import { asError, ConnectionClosed } from '../errors.ts';
import { WEBSOCKET_LIMITS } from '../limits.ts';
import type { SendResult } from './api.ts';

interface Waiting {
  /** Undefined once it was sent: then it waits for room only. */
  readonly attempt: (() => SendResult) | undefined;
  resolve(): void;
  reject(error: Error): void;
}

export class WaitingWrites {
  /** In order; the first may have been sent already. */
  readonly #waiting: Waiting[] = [];

  /**
   * `attempt` sends; it throws where that can never succeed, and answers `dropped` where it has no room and `drained` will be told.
   * `hasRoom`: nothing waits beyond the high-water mark now.
   */
  add(attempt: () => SendResult, hasRoom: boolean): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      if (this.#waiting.length >= WEBSOCKET_LIMITS.maxWaitingWrites) {
        reject(
          new RangeError(
            `${this.#waiting.length} writes wait already, limit ${WEBSOCKET_LIMITS.maxWaitingWrites}: await them`,
          ),
        );
        return;
      }
      if (hasRoom && this.#waiting.length === 0) this.#try({ attempt, resolve, reject });
      else this.#waiting.push({ attempt, resolve, reject });
    });
    promise.catch(ignore);
    return promise;
  }

  /** There is room again. `hasRoom` is asked anew for each write. */
  drained(hasRoom: () => boolean): void {
    while (this.#waiting.length > 0 && hasRoom()) {
      const first = this.#waiting.shift()!;
      if (first.attempt === undefined) first.resolve();
      else if (!this.#try(first)) return;
    }
  }

  /** The connection has ended, for this reason where one is known: nothing that waits will be sent. */
  end(cause?: Error): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closed(cause));
  }

  /** Answers whether the write is settled. */
  #try({ attempt, resolve, reject }: Waiting): boolean {
    let result: SendResult;
    try {
      result = attempt!();
    } catch (error) {
      reject(asError(error));
      return true;
    }
    if (result === 'sent') {
      resolve();
      return true;
    }
    // At the head of the line, to be tried again, or accepted and waiting for room behind it.
    this.#waiting.unshift({ attempt: result === 'dropped' ? attempt : undefined, resolve, reject });
    return false;
  }
}

/** The error of a write that never left. */
export function closed(cause?: Error): ConnectionClosed {
  const options = cause === undefined ? {} : { cause };
  const why = cause === undefined ? '' : `: ${cause.message}`;
  return new ConnectionClosed('CONNECTION_CLOSED', `the connection ended before this was written${why}`, options);
}

/** A promise of ours that nobody looks at must not end the process. */
export function ignore(): void {}
