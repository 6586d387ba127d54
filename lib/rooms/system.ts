/**
 * What rooms take from the system where they are given nothing else: the time, and random identifiers.
 *
 * The named exception to the purity of this folder: the only file here that mentions the system's clock, its timers and its
 * randomness. A timer made here never keeps a process alive. Read next: `memory-log.ts`.
 */

import type { Clock } from './log.ts';

/** The system's clock as it was when the process began, moved on by the monotonic one: it never goes back. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, callback) {
    if (ms <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Makes an identifier of `length` of `0-9a-z`, some 5 random bits each. */
export function randomId(length: number): string {
  let id = '';
  for (const octet of crypto.getRandomValues(new Uint8Array(length))) id += (octet % 36).toString(36);
  return id;
}
