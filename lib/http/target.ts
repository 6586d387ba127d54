/**
 * The parts of a request-target (RFC 9112 §3.2): the path that is routed, its query, and the scheme and authority of the
 * absolute form.
 *
 * Pure. In: a target whose characters `head.ts` has checked. Out: slices of it, not decoded. Knows no routes.
 * Read next: `request-parser.ts`.
 */

import { type HttpViolation, violation } from './head.ts';

/** The path, without the query: `/` where the absolute form has none (RFC 9110 §4.2.3). */
export function pathOf(target: string): string {
  const start = pathStart(target);
  const mark = target.indexOf('?', start);
  const path = mark < 0 ? target.slice(start) : target.slice(start, mark);
  return path === '' ? '/' : path;
}

/** What stands after the first `?`; empty when there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
}

/** The authority of the absolute form, with whatever it holds; undefined for the other forms. */
export function authorityOf(target: string): string | undefined {
  const scheme = schemeOf(target);
  return scheme === undefined ? undefined : target.slice(scheme.length + 3, pathStart(target));
}

/** The scheme of the absolute form; undefined for the other forms. */
export function schemeOf(target: string): 'http' | 'https' | undefined {
  const [, scheme] = /^(https?):\/\//i.exec(target) ?? [];
  return scheme?.toLowerCase() as 'http' | 'https' | undefined;
}

/**
 * What is wrong with a request for an `https` resource that did not come over a secured connection: RFC 9110 §7.4 has it
 * rejected, "unless the connection is from a trusted gateway". `secure`: TLS, or such a gateway says so.
 */
export function misdirected(target: string, secure: boolean): HttpViolation | undefined {
  if (secure || schemeOf(target) !== 'https') return undefined;
  return violation(421, 'HTTP_MISDIRECTED', 'https request over a connection that is not secured', 'RFC 9110 §7.4');
}

/** Where path and query begin. RFC 3986 §3.2: an authority is ended by the next "/", "?" or "#", or by the end. */
function pathStart(target: string): number {
  const scheme = schemeOf(target);
  if (scheme === undefined) return 0;
  const authority = scheme.length + 3;
  const length = target.slice(authority).search(/[/?#]/);
  return length < 0 ? target.length : authority + length;
}
