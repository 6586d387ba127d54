/**
 * Heads of HTTP/2 as the rest of the library has them: pseudo-header fields apart, and Host where handlers look for it.
 *
 * Pure. In: the flat list of names and values that `node:http2` gives with a stream. Out: a head; and from a response's
 * status and fields what `respond` takes. Knows no stream. Read next: `http2-exchange.ts`.
 */

import type { OutgoingHttpHeaders } from 'node:http2';
import { HeaderFields } from '../http/headers.ts';
import { hasField } from '../net/responses.ts';
import type { ConnectHead } from '../websocket/handshake.ts';

/** The head of a request. Undefined: a pseudo-header field that is missing. */
export interface Http2Head extends ConnectHead {
  readonly method: string;
  /** What :authority and Host say is not the same. */
  readonly twoHosts: boolean;
}

type Field = readonly [name: string, value: string];

/** Reads a head. `raw`: name, value, name, value, as they came. */
export function readHead(raw: readonly string[]): Http2Head {
  const pseudo = new Map<string, string>();
  const fields: Field[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.startsWith(':')) pseudo.set(name, raw[i + 1]!);
    else fields.push([name, raw[i + 1]!]);
  }
  // RFC 9113 §8.3.1: "An intermediary that converts a request from HTTP/1.1" may leave Host in place of :authority.
  const hosts = fields.filter(([name]) => name === 'host').map(([, value]) => value);
  const authority = pseudo.get(':authority') ?? hosts[0];
  const headers = new HeaderFields();
  if (authority !== undefined) headers.appendUnchecked('host', authority);
  for (const [name, value] of fields) if (name !== 'host') headers.appendUnchecked(name, value);
  return {
    method: pseudo.get(':method') ?? '',
    protocol: pseudo.get(':protocol'),
    scheme: pseudo.get(':scheme'),
    authority,
    path: pseudo.get(':path'),
    headers,
    twoHosts: hosts.some((host) => host !== authority),
  };
}

/** RFC 9113 §8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header fields." */
const CONNECTION_FIELDS = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|te|http2-settings)$/;

/** What Node throws for besides: it has no meaning in a response. */
const NOT_IN_RESPONSES = /^host$/;

/**
 * A response's head. Lines of one name are joined by ", " (RFC 9110 §5.3), but for Set-Cookie, which cannot be.
 * Choice: 426, which must have an Upgrade field (RFC 9110 §15.5.22), is 405 here: of this path's methods CONNECT is the one.
 */
export function responseHead(status: number, fields: readonly Field[]): OutgoingHttpHeaders {
  const head: Record<string, string | string[] | number> = Object.create(null);
  const noUpgrade = status === 426 && hasField(fields, 'upgrade');
  head[':status'] = noUpgrade ? 405 : status;
  if (noUpgrade) head['allow'] = 'CONNECT';
  for (const [name, value] of fields) {
    const key = name.toLowerCase(); // RFC 9113 §8.2: "Field names MUST be converted to lowercase"
    if (CONNECTION_FIELDS.test(key) || NOT_IN_RESPONSES.test(key)) continue;
    const before = head[key];
    if (before === undefined) head[key] = key === 'set-cookie' ? [value] : value;
    else if (Array.isArray(before)) before.push(value);
    else head[key] = `${before}, ${value}`;
  }
  return head;
}
