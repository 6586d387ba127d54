/**
 * The cookies of a request (RFC 6265 §4.2, §5.4).
 *
 * Pure. In: the values of all Cookie lines. Out: a read-only map. No name is special, since it is a map and not an object.
 * Values stay as they were sent: no quotes are taken off and nothing is percent-decoded, so that what Set-Cookie set is what
 * comes back. One character is one octet.
 * Bounded by `FIELD_LIMITS.maxCookies` and `maxCookieBytes`; what is beyond is ignored, and never a half of a cookie is kept.
 * Read next: `headers.ts`.
 */

import { FIELD_LIMITS } from '../limits.ts';
import { trimOws } from './grammar.ts';

/** Names to values, in the order in which they came. */
export type Cookies = ReadonlyMap<string, string>;

/**
 * Reads the Cookie lines of one request, each by itself: HTTP/2 sends one for each cookie (RFC 9113 §8.2.3), and joined by commas, as
 * other fields are, they would be one cookie.
 *
 * More lenient than §4.2.1 (`cookie-pair *( ";" SP cookie-pair )`), because browsers send what pages have set by other
 * rules: white space around a pair and around its "=" is dropped, and a pair without a name or without "=" is ignored. A quote
 * means nothing: it does not hide a ";", which would let one cookie swallow those after it.
 *
 * Choice: of two with one name the first counts. §5.4 step 2 has the client send the one with the longer path first, which is the
 * more specific. A page on a neighbouring host can set one that comes first: names that begin with `__Host-` are safe from that.
 */
export function parseCookies(lines: readonly string[]): Cookies {
  const cookies = new Map<string, string>();
  let left: number = FIELD_LIMITS.maxCookieBytes;
  for (const line of lines) {
    for (let start = 0; start < line.length; ) {
      const semicolon = line.indexOf(';', start);
      const end = semicolon < 0 ? line.length : semicolon;
      left -= end - start + 1;
      // A cookie that is ended by nothing but the limit would be another one.
      if (left < 0) return cookies;
      const equals = line.indexOf('=', start);
      const name = equals < 0 || equals > end ? '' : trimOws(line.slice(start, equals));
      if (name !== '' && !cookies.has(name)) {
        if (cookies.size === FIELD_LIMITS.maxCookies) return cookies;
        cookies.set(name, trimOws(line.slice(equals + 1, end)));
      }
      start = end + 1;
    }
  }
  return cookies;
}
