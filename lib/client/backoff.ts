/**
 * How long to wait before the next attempt: full jitter under a doubling ceiling, and `Retry-After`.
 *
 * Pure but for the date that a caller gives. Runs in browsers and in Node: imports nothing.
 * Read next: `event-source.ts`.
 */

/**
 * A random part (`random`, 0 to 1) of a ceiling that doubles with every attempt from `minMs` to `maxMs`. From the very first
 * attempt on, so that clients that were cut off together come back spread over `minMs`.
 */
export function jitterMs(attempt: number, minMs: number, maxMs: number, random: number): number {
  return Math.round(random * Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30)));
}

/** Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. Undefined for none, or for what is neither. */
export function retryAfterMs(value: string | null | undefined, nowMs: number): number | undefined {
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // §5.6.7: every form of an HTTP-date but the oldest ends so; `Date.parse` alone takes "-1" for a date.
  const ms = value.endsWith('GMT') ? Date.parse(value) - nowMs : -1;
  return ms >= 0 ? ms : undefined;
}
