/**
 * What rooms take from the system where they are given nothing else: the time, and random identifiers.
 *
 * The named exception to the purity of this folder: the only file here that mentions the system's clock, its timers and its
 * randomness. A timer made here never keeps a process alive, and may be of any length. Read next: `memory-log.ts`.
 */

import { MAX_TIMER_MS } from '../options.ts';
import type { Clock } from './log.ts';

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** The system's clock as it was when the process began, moved on by the monotonic one: it never goes back. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, callback) {
    if (ms <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    if (ms > MAX_TIMER_MS) {
      // Node would call back after 1 ms: one timer after another.
      let callOff = systemClock.after(MAX_TIMER_MS, () => {
        callOff = systemClock.after(ms - MAX_TIMER_MS, callback);
      });
      return () => callOff();
    }
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Random octets that were fetched and not used yet: a call for each identifier costs more than the identifier. */
const random = new Uint8Array(1_024);
let used = random.length;

/** Makes an identifier of `length` (at most 1,024) of `0-9a-z`, some 5 random bits each. */
export function randomId(length: number): string {
  if (length > random.length) throw new RangeError(`length is ${length}, limit ${random.length}`);
  if (used + length > random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  let id = '';
  for (const end = used + length; used < end; used++) id += DIGITS[random[used]! % 36];
  return id;
}
