/**
 * `uri-host [ ":" port ]`: the value of Host, and what stands between `://` and the path (RFC 9110 §7.2, RFC 3986 §3.2).
 *
 * Pure; nothing is resolved, and user information is refused everywhere (RFC 9110 §4.2.4). In: text. Out: whether it is of
 * that form, or its parts in the form in which two of them can be compared. Each scan is linear in the text.
 * Read next: `target.ts`.
 */

import { formatAddress, parseIpv6 } from './address.ts';

/** A host and its port. */
export interface Authority {
  /** In lower case; an IPv6 address in brackets, as RFC 5952 writes it. May be empty. */
  readonly host: string;
  /** 0 to 65,535; undefined when there is none, or an empty one. */
  readonly port: number | undefined;
}

/** RFC 3986 §3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ); an IPv4 address is one too. */
const REG_NAME = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;

/** RFC 3986 §3.2.2: IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ). */
const IP_FUTURE = /^v[0-9A-F]+\.[A-Z0-9._~!$&'()*+,;=:-]+$/i;

/** Whether the text is `uri-host [ ":" port ]`; the host may be empty (RFC 9110 §7.2), the port any number of digits. */
export function isAuthority(text: string): boolean {
  // Nearly every host is plain, and each request has one: the general way costs a tenth of reading a small head.
  return /^[A-Za-z0-9.-]+(?::[0-9]*)?$/.test(text) || cut(text) !== undefined;
}

/** The parts of an authority, so that equal ones compare equal; undefined for another form or a port above 65,535. */
export function parseAuthority(text: string): Authority | undefined {
  const parts = cut(text);
  if (parts === undefined) return undefined;
  const [host, digits] = parts;
  const port = digits === '' ? undefined : Number(digits);
  if (port !== undefined && port > 65_535) return undefined;
  const ipv6 = host.startsWith('[') ? parseIpv6(host.slice(1, -1)) : undefined;
  // The six groups in front of a mapped IPv4 address stay: `[::ffff:1.2.3.4]` is another host name than `1.2.3.4`.
  const text6 = ipv6 === undefined ? undefined : formatAddress(ipv6);
  if (text6 === undefined) return { host: host.toLowerCase(), port };
  return { host: text6.includes(':') ? `[${text6}]` : `[::ffff:${text6}]`, port };
}

/** The host as it is written, brackets included, and the digits of the port; undefined for another form. */
function cut(text: string): readonly [host: string, digits: string] | undefined {
  const isLiteral = text.startsWith('[');
  const colon = isLiteral ? text.indexOf(']') + 1 : text.indexOf(':');
  const end = colon < 0 ? text.length : colon;
  const host = text.slice(0, end);
  const rest = text.slice(end);
  if (rest !== '' && !/^:[0-9]*$/.test(rest)) return undefined;
  if (!isLiteral) return REG_NAME.test(host) ? [host, rest.slice(1)] : undefined;
  const literal = host.slice(1, -1);
  return parseIpv6(literal) !== undefined || IP_FUTURE.test(literal) ? [host, rest.slice(1)] : undefined;
}
