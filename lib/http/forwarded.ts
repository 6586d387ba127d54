/**
 * Who the client is when proxies stand between: X-Forwarded-* or Forwarded (RFC 7239), from trusted proxies only.
 *
 * Pure. In: whom the application trusts and which one family of fields those proxies set; the connection; its request's fields.
 * Out: the client's address, whether it came over TLS, the host that it asked for. Anybody can send these fields: they are
 * read from the right, where the proxy next to us has added its element, and only as far as each one is reported by a trusted
 * address. What stands left of that may be invented and is not even looked at.
 * Bounded by `FIELD_LIMITS.maxForwardedHops` and `maxForwardedBytes`, counted from the right.
 * Sections: trust, the walk, elements, nodes. Read next: `address.ts`.
 */

import { FIELD_LIMITS } from '../limits.ts';
import { checkNames, describe } from '../options.ts';
import { type AddressRange, formatAddress, inRange, parseAddress, parseRange } from './address.ts';
import { isAuthority } from './authority.ts';
import { isToken, trimOws } from './grammar.ts';
import type { HeaderFields } from './headers.ts';

/** Whom an application trusts, and for what. */
export interface TrustProxyOption {
  /**
   * The proxies: `'loopback'` (127.0.0.0/8 and ::1), an address, a range such as `10.0.0.0/8`, a list of these, or a function that
   * answers `true` for the address of a proxy. The function also gets what is no IP address: `''` for a Unix socket.
   */
  readonly from: string | readonly string[] | ((address: string) => boolean);
  /**
   * The one family that they set. The other one is never looked at, since a proxy passes on what it does not know. For the same
   * reason the proxy next to us must set or remove each of X-Forwarded-For, -Proto and -Host.
   */
  readonly headers: 'x-forwarded' | 'forwarded';
}

/** The option, checked. */
export interface ProxyTrust {
  readonly trusts: (address: string) => boolean;
  readonly headers: 'x-forwarded' | 'forwarded';
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

/** Checks an option once. @throws TypeError for what is no address and no range, and for an unknown family of fields */
export function proxyTrust(option: TrustProxyOption): ProxyTrust {
  if (typeof option !== 'object' || option === null)
    throw new TypeError(
      `trustProxy is ${describe(option)}, must be an object such as { from: 'loopback', headers: 'x-forwarded' }`,
    );
  checkNames('trustProxy', option, ['from', 'headers']);
  const { from, headers } = option;
  if (headers !== 'x-forwarded' && headers !== 'forwarded')
    throw new TypeError(`trustProxy.headers is ${describe(headers)}, must be 'x-forwarded' or 'forwarded'`);
  // A promise is not a yes.
  if (typeof from === 'function') return { trusts: (address) => from(address) === true, headers };
  return { trusts: trustedAddresses(from), headers };
}

/**
 * Whether an address is one of those; IPv4 written as IPv6 is IPv4, and a zone (`%eth0`) is not looked at. What is no address
 * is never trusted. @throws TypeError for an element that is neither `'loopback'` nor an address nor a range
 */
export function trustedAddresses(from: string | readonly string[]): (address: string) => boolean {
  const list: unknown = typeof from === 'string' ? [from] : from;
  if (!Array.isArray(list))
    throw new TypeError(
      `trusted addresses are ${describe(from)}, must be 'loopback', an address, a range or a list of these`,
    );
  const ranges: AddressRange[] = list.flatMap((each) =>
    each === 'loopback' ? LOOPBACK.map(parseRange) : [parseRange(String(each))],
  );
  return (address) => {
    const zone = address.indexOf('%');
    const bytes = parseAddress(zone < 0 ? address : address.slice(0, zone));
    return bytes !== undefined && ranges.some((range) => inRange(bytes, range));
  };
}

/** What is known of a connection itself. */
export interface Peer {
  readonly address: string;
  readonly port: number | undefined;
  readonly secure: boolean;
}

/** Who sent a request, as far as it can be believed. */
export interface Client {
  /** An IP address in its one form, or what the connection says. */
  readonly address: string;
  /** Undefined where a proxy did not say. */
  readonly port: number | undefined;
  /** The client came over TLS. */
  readonly secure: boolean;
  /** `uri-host [ ":" port ]` that the client asked for; empty when it named none. */
  readonly host: string;
}

/**
 * Works out who the client is. Without trust, or for a peer that is not trusted, that is the peer and its Host.
 * `unknown`, an obfuscated name (RFC 7239 §6.2, §6.3) and what is malformed end the walk: the client is then the last
 * address that is known, which is a proxy's.
 */
export function clientOf(trust: ProxyTrust | undefined, peer: Peer, headers: HeaderFields): Client {
  const host = headers.get('host') ?? '';
  const address = canonical(peer.address);
  const direct: Client = { address, port: peer.port, secure: peer.secure, host };
  if (trust === undefined || !trust.trusts(address)) return direct;
  return trust.headers === 'forwarded' ? byForwarded(trust, direct, headers) : byXForwarded(trust, direct, headers);
}

function canonical(address: string): string {
  const bytes = parseAddress(address);
  return bytes === undefined ? address : formatAddress(bytes);
}

/**
 * RFC 7239 §4: each element says who its proxy was asked by, for what host and in what scheme. Choice: what one does not say is
 * taken from the element nearer to us.
 */
function byForwarded(trust: ProxyTrust, direct: Client, headers: HeaderFields): Client {
  let client = direct;
  let hops = 0;
  for (const text of fromTheRight(headers.get('forwarded'), cutQuoted)) {
    const element = parseElement(text);
    if (element === undefined) break;
    const host = element.get('host');
    const node = parseNode(element.get('for') ?? '', 'forwarded');
    client = {
      address: node?.address ?? client.address,
      port: node === undefined ? client.port : node.port,
      secure: schemeIsSecure(element.get('proto')) ?? client.secure,
      host: host === undefined || host === '' || !isAuthority(host) ? client.host : host,
    };
    if (node === undefined || ++hops === FIELD_LIMITS.maxForwardedHops || !trust.trusts(node.address)) break;
  }
  return client;
}

/**
 * The fields are lists, or one value that the proxy next to us has set. Choice: protocol and host are those of the element
 * that is as far from the right as the client's address, or the one that comes nearest to it.
 */
function byXForwarded(trust: ProxyTrust, direct: Client, headers: HeaderFields): Client {
  let { address, port } = direct;
  let hops = 0;
  for (const text of fromTheRight(headers.get('x-forwarded-for'), cutAtComma)) {
    const node = parseNode(text, 'x-forwarded');
    if (node === undefined) break;
    ({ address, port } = node);
    if (++hops === FIELD_LIMITS.maxForwardedHops || !trust.trusts(address)) break;
  }
  const proto = elementAt(headers.get('x-forwarded-proto'), hops);
  const host = elementAt(headers.get('x-forwarded-host'), hops);
  return {
    address,
    port,
    secure: schemeIsSecure(proto) ?? direct.secure,
    host: host === undefined || host === '' || !isAuthority(host) ? direct.host : host,
  };
}

/** Of the last `count` elements (at least one) the first. */
function elementAt(value: string | undefined, count: number): string | undefined {
  let found: string | undefined;
  let seen = 0;
  for (const text of fromTheRight(value, cutAtComma)) {
    found = text;
    if (++seen >= count) break;
  }
  return found;
}

/** Undefined for a scheme that says nothing about TLS. */
function schemeIsSecure(scheme: string | undefined): boolean | undefined {
  const name = scheme?.toLowerCase();
  return name === 'https' || name === 'wss' ? true : name === 'http' || name === 'ws' ? false : undefined;
}

/** The elements of a list from its right end, trimmed, empty ones left out. The one that the limit cuts is not among them. */
function* fromTheRight(value: string | undefined, cut: (text: string) => number): Generator<string> {
  const isCut = value !== undefined && value.length > FIELD_LIMITS.maxForwardedBytes;
  let rest = isCut ? value.slice(-FIELD_LIMITS.maxForwardedBytes) : (value ?? '');
  while (rest !== '') {
    const comma = cut(rest);
    if (comma < 0 && isCut) return;
    const element = trimOws(rest.slice(comma + 1));
    if (element !== '') yield element;
    rest = comma < 0 ? '' : rest.slice(0, comma);
  }
}

function cutAtComma(text: string): number {
  return text.lastIndexOf(',');
}

/**
 * The last comma outside quotes, counted from the right. From the left, a quote that a client opens and never closes would
 * swallow what the proxies have added; from the right, everything that they added is read before it.
 */
function cutQuoted(text: string): number {
  let quoted = false;
  for (let i = text.length - 1; i >= 0; i--) {
    const char = text[i];
    if (char === ',' && !quoted) return i;
    if (char !== '"') continue;
    let backslashes = 0;
    while (quoted && text[i - 1 - backslashes] === '\\') backslashes++;
    // An odd number of backslashes in front of a quote makes it part of the string (RFC 9110 §5.6.4).
    if (backslashes % 2 === 0) quoted = !quoted;
    i -= backslashes;
  }
  return -1;
}

/**
 * `[ pair ] *( ";" [ pair ] )` with `pair = token "=" ( token / quoted-string )` (RFC 7239 §4), names in lower case; undefined
 * for another form and for a name that stands twice. More lenient than the RFC: white space around ";" is dropped.
 */
function parseElement(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  const pair = /([^=;,"\s]+)=(?:([^=;,"\s]+)|"((?:[^"\\]|\\.)*)")/y;
  for (let i = 0; i < text.length; i++) {
    i = skipSpace(text, i);
    if (text[i] === ';') continue;
    pair.lastIndex = i;
    const [whole = '', name = '', plain, quoted = ''] = pair.exec(text) ?? [];
    const key = name.toLowerCase();
    if (!isToken(key) || (plain !== undefined && !isToken(plain)) || pairs.has(key)) return undefined;
    pairs.set(key, plain ?? quoted.replace(/\\(.)/g, '$1'));
    i = skipSpace(text, i + whole.length);
    if (i < text.length && text[i] !== ';') return undefined;
  }
  return pairs;
}

function skipSpace(text: string, start: number): number {
  let i = start;
  while (text[i] === ' ' || text[i] === '\t') i++;
  return i;
}

/**
 * `( IPv4 / "[" IPv6 "]" ) [ ":" port ]` (RFC 7239 §6); X-Forwarded-For has IPv6 without brackets too. Undefined for `unknown`,
 * obfuscated names and everything else. An obfuscated port is none.
 */
function parseNode(
  text: string,
  family: ProxyTrust['headers'],
): { readonly address: string; readonly port: number | undefined } | undefined {
  const [, ipv6, ipv4, digits] = /^(?:\[([^\]]*)\]|([0-9.]+))(?::([0-9]{1,5}|_[A-Za-z0-9._-]+))?$/.exec(text) ?? [];
  const bare = ipv6 === undefined && ipv4 === undefined && family === 'x-forwarded' && text.includes(':');
  if (ipv6 !== undefined && !ipv6.includes(':')) return undefined;
  const bytes = parseAddress(bare ? text : (ipv6 ?? ipv4 ?? ''));
  if (bytes === undefined) return undefined;
  const port = digits === undefined || digits.startsWith('_') ? undefined : Number(digits);
  if (port !== undefined && port > 65_535) return undefined;
  return { address: formatAddress(bytes), port };
}
