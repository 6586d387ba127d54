/**
 * Reads a URL as an endpoint: where to connect, what to ask for, and what the origin is.
 *
 * Knows the schemes of both clients, `ws+unix:` and its like included; opens nothing. A URL goes in, plain values come out.
 * Read next: `dialer.ts`.
 */

/** What a URL means to a client. */
export interface Endpoint {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Over TLS. */
  readonly secure: boolean;
  /** A Unix socket in place of host and port. */
  readonly socketPath: string | undefined;
  /** The value of `Host`: with the port where it is not the scheme's own (RFC 6455 §4.1 item 4). */
  readonly hostField: string;
  /** The request-target: path and query. */
  readonly target: string;
  /** Scheme, host and port (or Unix socket): what may share credentials. */
  readonly origin: string;
  /** `Authorization` from the URL's user name and password; undefined where it has none. */
  readonly authorization: string | undefined;
}

/** `socketPath`: an option that overrules host and port, not the origin. @throws SyntaxError for a Unix URL without a path */
export function endpointOf(url: URL, socketPath: string | undefined): Endpoint {
  const unix = url.protocol.endsWith('+unix:');
  const secure = /^(https|wss)(\+unix)?:$/.test(url.protocol);
  const authorization = basicAuthorization(url);
  if (unix) {
    const { path, target } = unixParts(url);
    const origin = `${url.protocol}${path}`;
    return {
      host: 'localhost',
      port: 0,
      secure,
      socketPath: path,
      hostField: 'localhost',
      target,
      origin,
      authorization,
    };
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    socketPath,
    hostField: url.host,
    target: url.pathname + url.search,
    // A ws: URL has the origin of its http: twin here, since one server and one cookie jar stand behind both.
    origin: `${secure ? 'https' : 'http'}://${url.host}`,
    authorization,
  };
}

/** `ws+unix:/path/of/socket:/request?query`, as the ws package has it; without the second part the target is `/`. */
function unixParts(url: URL): { readonly path: string; readonly target: string } {
  const whole = url.pathname.replace(/^\/\/+/, '/');
  const colon = whole.indexOf(':');
  const path = decode(colon < 0 ? whole : whole.slice(0, colon));
  const target = colon < 0 ? '/' : whole.slice(colon + 1);
  if (path === '' || path === '/' || !target.startsWith('/'))
    throw new DOMException(`${url.href} does not name a Unix socket: scheme:/socket/path:/request/path`, 'SyntaxError');
  return { path, target: target + url.search };
}

/** RFC 7617: user and password in UTF-8, in base64. */
export function basicAuthorization(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const credentials = Buffer.from(`${decode(url.username)}:${decode(url.password)}`);
  return `Basic ${credentials.toString('base64')}`;
}

/** Percent-decodes; what is not an escape stands for itself, as everywhere in the URL standard. */
function decode(text: string): string {
  const bytes = Buffer.from(text);
  const decoded: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const digits = bytes[i] === 0x25 ? bytes.toString('latin1', i + 1, i + 3) : '';
    if (!/^[0-9a-f]{2}$/i.test(digits)) decoded.push(bytes[i]!);
    else {
      decoded.push(Number.parseInt(digits, 16));
      i += 2;
    }
  }
  return Buffer.from(decoded).toString();
}
