/**
 * The options of the EventSource client, and the request that they make (HTML §9.2.2).
 *
 * Knows what may be asked for; opens nothing. Options go in, checked options and request heads come out.
 * Sections: options, URL, the request, redirects. Read next: `event-source.ts`.
 */

import { encodeRequestHead } from '../http/head.ts';
import type { Clock } from '../net/sweeper.ts';
import {
  ANYTHING,
  checkOptions,
  clockWith,
  FUNCTION,
  kindOf,
  milliseconds,
  OBJECT,
  type OptionTable,
  STRING,
  wholeNumber,
} from '../options.ts';
import type { HeadersOption, Hop } from './attempt.ts';
import { DIAL_OPTIONS, type DialOptions } from './dialer.ts';
import { endpointOf } from './endpoint.ts';

/** What a server-side user can say beyond the standard. Checked by the constructor. */
export interface EventSourceOptions extends DialOptions {
  /** The most octets of one line. Default `EVENT_STREAM_LIMITS.maxLineBytes`. */
  readonly maxLineBytes?: number | undefined;
  /** The most octets of one event's data. Default `EVENT_STREAM_LIMITS.maxEventBytes`. */
  readonly maxEventBytes?: number | undefined;
  /**
   * The standard's only member. Here it is shown and nothing more: this client keeps no cookies, and sends the credentials that
   * the URL or `headers` name in any case.
   */
  readonly withCredentials?: boolean | undefined;
  /** Default GET; POST, for example, for streams that answer a question. */
  readonly method?: string | undefined;
  /** The request's body, sent again with every reconnection. `headers` says what type it has. */
  readonly body?: string | Uint8Array | undefined;
  /** Further request headers, for example `{ Authorization: '…' }`, or a function that is asked before every attempt. Not sent on to another origin. */
  readonly headers?: HeadersOption | undefined;
  /** Until the server says otherwise. Default 3,000. */
  readonly reconnectionTimeMs?: number | undefined;
  /** The longest wait between attempts that fail, unless the server asks for more. Default 60,000. */
  readonly maxRetryMs?: number | undefined;
  /** Attempts that may fail in a row; then the source fails for good. Default: no limit. */
  readonly maxRetries?: number | undefined;
  /**
   * Refusals that are tried again, by status: `(status) => status >= 500 || status === 429`, for example. Their `Retry-After` is
   * honoured. Default none, as the standard says.
   */
  readonly retryStatus?: ((status: number) => boolean) | undefined;
  /**
   * Whether a stream that ends or breaks is asked for again. `always`: as the standard says, the default of GET. `with-id`: once an
   * event had an ID, from which the server can go on; else the source closes when the stream ends, and fails when it breaks. The
   * default of other methods, whose request may do something each time. `never`.
   */
  readonly resume?: 'always' | 'with-id' | 'never' | undefined;
  /** From the attempt's beginning to the response's head. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** A stream that brings no octet for so long is taken for lost. Default 0: never. Servers of this library send one every 30,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Begin behind this event. */
  readonly lastEventId?: string | undefined;
  /** Events kept for `for await` before the connection is no longer read. Default 64. */
  readonly maxQueuedEvents?: number | undefined;
  /** Closes the source. */
  readonly signal?: AbortSignal | undefined;
  /** A number from 0 to 1 for the jitter; for tests. */
  readonly random?: (() => number) | undefined;
  /** Where time comes from; for tests. */
  readonly clock?: Clock | undefined;
}

/** `withCredentials` is converted, as WebIDL says; `headers` is checked by whoever reads it, at the same call. */
const OPTIONS: OptionTable = {
  ...DIAL_OPTIONS,
  withCredentials: ANYTHING,
  method: STRING,
  body: kindOf('a string or a Uint8Array', (value) => typeof value === 'string' || value instanceof Uint8Array),
  headers: ANYTHING,
  reconnectionTimeMs: milliseconds(),
  maxRetryMs: milliseconds(1),
  maxRetries: wholeNumber(0, Number.MAX_SAFE_INTEGER, true),
  retryStatus: FUNCTION,
  resume: kindOf("'always', 'with-id' or 'never'", (value) => ['always', 'with-id', 'never'].includes(value as string)),
  handshakeTimeoutMs: milliseconds(1),
  idleTimeoutMs: milliseconds(),
  lastEventId: kindOf(
    'a string without CR, LF and NUL (HTML §9.2.5)',
    (value) => typeof value === 'string' && !/[\0\r\n]/.test(value),
  ),
  maxQueuedEvents: wholeNumber(1),
  maxLineBytes: wholeNumber(1),
  maxEventBytes: wholeNumber(1),
  signal: OBJECT,
  random: FUNCTION,
  clock: clockWith('now', 'every', 'after'),
};

/** @throws TypeError or RangeError that names the option */
export function checkEventSourceOptions(options: EventSourceOptions): void {
  checkOptions('new EventSource', options, OPTIONS);
  const { body, method = 'GET' } = options;
  if (body !== undefined && /^(GET|HEAD)$/i.test(method)) throw new TypeError(`a ${method} request has no body`);
}

/** §9.2.2 steps 3 and 4. Choice: schemes that can never be fetched are refused here too. @throws DOMException `SyntaxError` */
export function parseEventSourceUrl(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base); // step 3
  } catch {
    throw new DOMException(`${text} is not a URL`, 'SyntaxError'); // step 4
  }
  if (!/^https?(\+unix)?:$/.test(url.protocol))
    throw new DOMException(`URL scheme is ${url.protocol} but must be http: or https:`, 'SyntaxError');
  endpointOf(url, undefined);
  return url;
}

/** Where a redirect leads, and how it is asked for. @throws Error where it may not */
export function followRedirect(
  location: string,
  hop: Hop,
  status: number,
): { readonly url: URL; readonly method: string } {
  const url = parseEventSourceUrl(location, hop.url);
  if (url.protocol.endsWith('+unix:')) throw new Error('to a Unix socket, which is never followed');
  // Fetch, HTTP-redirect fetch, step 12: "status is 301 or 302 and request's method is `POST`", or 303: GET, and no body.
  const becomesGet = status === 303 || ((status === 301 || status === 302) && hop.method === 'POST');
  return { url, method: becomesGet ? 'GET' : hop.method };
}

/** Fields that the request itself decides. */
const OWNED = /^(host|connection|content-length|transfer-encoding|upgrade|expect|te|trailer)$/i;

/**
 * The request of one hop (§9.2.2 steps 8 to 13). It is made anew for each, since headers and the last event ID change. Steps 6, 8 and 9
 * are about pages: a request here has no client and no CORS; step 12 names it for a page's timeline.
 * @throws TypeError for a header that may not be sent
 */
export function encodeEventSourceRequest(hop: Hop, options: EventSourceOptions, lastEventId: string): Uint8Array {
  const body = hop.method === 'GET' ? undefined : options.body;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const fields = new Map<string, readonly [string, string]>();
  const set = (name: string, value: string): void => void fields.set(name.toLowerCase(), [name, value]);
  set('Accept', 'text/event-stream'); // step 10
  // Step 11: the cache mode is "no-store", which for a cache on the way is (Fetch, HTTP-network-or-cache fetch, step 8.15):
  set('Pragma', 'no-cache');
  set('Cache-Control', 'no-cache');
  // Choice: a compressor that is not flushed after every event holds events back, so none is asked for. What comes is decoded.
  set('Accept-Encoding', 'identity');
  if (typeof body === 'string') set('Content-Type', 'text/plain;charset=UTF-8');
  for (const [name, value] of hop.headers) {
    if (OWNED.test(name)) throw new TypeError(`header ${name} belongs to the request`);
    set(name, value); // a header that stands above is replaced, however it is spelt
  }
  // §9.2.3, reestablish, step 5.3: the UTF-8 octets of the ID, which a head carries one character each.
  if (lastEventId !== '') set('Last-Event-ID', Buffer.from(lastEventId).toString('latin1'));
  const all: (readonly [string, string])[] = [['Host', hop.endpoint.hostField], ...fields.values()];
  if (bytes !== undefined) all.push(['Content-Length', String(bytes.length)]);
  const head = Buffer.from(encodeRequestHead(hop.method, hop.endpoint.target, all), 'latin1');
  return bytes === undefined ? head : Buffer.concat([head, bytes]);
}
