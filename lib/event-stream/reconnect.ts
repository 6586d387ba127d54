/**
 * What an EventSource does next: announce the connection, try again, or give up (HTML §9.2.2, §9.2.3). Pure.
 *
 * The decisions only; sockets and timers are `../client/event-source.ts`'s. Read next: that file.
 */

/** How many redirects are followed in a row: the Fetch standard's number. */
export const MAX_REDIRECTS = 20;

export type Decision =
  /** The stream is there. */
  | { readonly kind: 'announce' }
  /** Ask there instead. */
  | { readonly kind: 'redirect'; readonly location: string; readonly permanent: boolean }
  /** Give up for good. */
  | { readonly kind: 'fail'; readonly code: string; readonly detail: string };

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Where a response redirects to; undefined where it is none (Fetch §2.2.6, "redirect status"). */
export function decideRedirect(status: number, location: string | undefined): string | undefined {
  return REDIRECTS.includes(status) ? location : undefined;
}

/** Decides on a response's head. */
export function decide(
  response: {
    readonly status: number;
    readonly contentType: string | undefined;
    readonly location: string | undefined;
  },
  redirects: number,
): Decision {
  const { status, contentType, location } = response;
  if (REDIRECTS.includes(status) && location !== undefined) {
    if (redirects >= MAX_REDIRECTS) return fail('SSE_TOO_MANY_REDIRECTS', `more than ${MAX_REDIRECTS} redirects`);
    return { kind: 'redirect', location, permanent: status === 301 || status === 308 };
  }
  // §9.2.2 step 15.3: "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the connection".
  // 204 is how a server says "no more" (§9.2.1).
  if (status !== 200) return fail('SSE_STATUS', `server answered ${status}, only 200 opens a stream`);
  if (essence(contentType) !== 'text/event-stream')
    return fail('SSE_CONTENT_TYPE', `content type is ${contentType ?? 'missing'}, must be text/event-stream`);
  return { kind: 'announce' };
}

/**
 * How long to wait before the next attempt, of which `failures` have failed since the last stream (§9.2.3, reestablish the
 * connection). Step 2 waits the reconnection time, step 3 "optionally" some more. Choice: always some more, so that
 * clients that were cut off together do not come back together: `random` (0 to 1) of what the ceiling leaves above the
 * reconnection time. The ceiling is twice the reconnection time, doubled for each failure, up to `maxMs` or what the server
 * asked for, and never more than a timer can count: `retry` may have any number of digits.
 */
export function reconnectionDelayMs(
  reconnectionTimeMs: number,
  failures: number,
  random: number,
  maxMs: number = MAX_BACKOFF_MS,
): number {
  const wanted = Math.min(reconnectionTimeMs, MAX_TIMER_MS);
  // Doubling `retry: 0` would stay at 0 and ask a server that is down again and again.
  const base = failures === 0 ? wanted : Math.max(wanted, MIN_BACKOFF_MS);
  const ceiling = Math.min(Math.max(wanted, maxMs), base * 2 ** Math.min(failures + 1, 20), MAX_TIMER_MS);
  return Math.round(wanted + Math.max(0, ceiling - wanted) * random);
}

const MAX_BACKOFF_MS = 60_000;

/** What is doubled where the reconnection time is less. */
const MIN_BACKOFF_MS = 100;

/** `setTimeout` takes a signed 32-bit number; anything larger fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

function fail(code: string, detail: string): Decision {
  return { kind: 'fail', code, detail: `${detail} (HTML §9.2.3)` };
}

/** The type without parameters (MIME Sniffing §4.4). */
function essence(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}
