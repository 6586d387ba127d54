/**
 * Origins: where a page came from, whether that is where the request went, and which others an application names (RFC 6454).
 *
 * Pure. In: the value of Origin, the host and scheme that the request was sent to, and the application's option. Out: a
 * verdict. What follows from it (a refusal, CORS fields) is for the caller and for `cors.ts`.
 * Sections: one origin, the allowed ones. Read next: `cors.ts`.
 */

import { type Authority, parseAuthority } from './authority.ts';

/** The triple of RFC 6454 §4. */
export interface Origin {
  /** In lower case, without ":". */
  readonly scheme: string;
  /** As `parseAuthority` gives it. */
  readonly host: string;
  /** The scheme's default where none is written; undefined where the scheme has none. */
  readonly port: number | undefined;
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
]);

/**
 * Reads one serialized origin: `scheme "://" host [ ":" port ]` and nothing after it (RFC 6454 §7.1). Undefined for
 * `null`, for a list, and for every other text. Takes upper case too, since hosts and schemes are compared without regard to it.
 */
export function parseOrigin(text: string): Origin | undefined {
  const mark = text.indexOf('://');
  const scheme = text.slice(0, Math.max(mark, 0)).toLowerCase();
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) return undefined;
  const authority = parseAuthority(text.slice(mark + 3));
  if (authority === undefined || authority.host === '') return undefined;
  return originOf(scheme, authority);
}

/** RFC 6454 §4 step 6: without a port, the scheme's default one. */
function originOf(scheme: string, authority: Authority): Origin {
  return { scheme, host: authority.host, port: authority.port ?? DEFAULT_PORTS.get(scheme) };
}

/** Writes an origin as RFC 6454 §6.2 does: the port only where it is not the scheme's default one. */
export function serializeOrigin(origin: Origin): string {
  const { scheme, host, port } = origin;
  return `${scheme}://${host}${port === undefined || port === DEFAULT_PORTS.get(scheme) ? '' : `:${port}`}`;
}

/**
 * Whether `origin` names the host that the request was sent to (RFC 6454 §5: the same scheme, host and port).
 * `host` is the value of Host; `secure`: the request came over TLS, or a trusted proxy says so. `null`, and what is no
 * origin, is the same as nothing.
 */
export function isSameOrigin(origin: string, host: string, secure: boolean): boolean {
  const theirs = parseOrigin(origin);
  const authority = parseAuthority(host);
  if (theirs === undefined || authority === undefined) return false;
  // Choice: behind a proxy that ends TLS, and that nobody told us to trust, we are reached by http while the page says
  // https; the host and its port, of https then, decide. An http page may never reach a TLS server.
  if (theirs.scheme !== 'https' && (secure || theirs.scheme !== 'http')) return false;
  const ours = originOf(theirs.scheme, authority);
  return theirs.host === ours.host && theirs.port === ours.port;
}

/**
 * Which origins may use something, as an application says it.
 * `'same-origin'`: those of the request's own host. `'*'`: all, `null` among them. A list: the origins in it and no others;
 * it may have `'same-origin'` and `'null'` as elements. A function: those for which it answers `true`.
 */
export type OriginOption<Request> =
  | 'same-origin'
  | '*'
  | readonly string[]
  | ((origin: string, request: Request) => boolean);

/** The option, checked and ready for look-ups. */
export interface OriginPolicy<Request> {
  /** Origins as `serializeOrigin` writes them, and `null`. */
  readonly named: ReadonlySet<string>;
  readonly sameOrigin: boolean;
  readonly any: boolean;
  readonly decide: ((origin: string, request: Request) => boolean) | undefined;
}

/**
 * Checks an option once, so that a misspelt origin is noticed at the start and not by every user of a page.
 * @throws TypeError for an element that is no origin (a path or a trailing slash, a pattern, `'*'` within a list), or for another kind of value
 */
export function originPolicy<Request>(option: OriginOption<Request>): OriginPolicy<Request> {
  const none = { named: new Set<string>(), sameOrigin: false, any: false, decide: undefined };
  if (option === 'same-origin') return { ...none, sameOrigin: true };
  if (option === '*') return { ...none, any: true };
  if (typeof option === 'function') return { ...none, decide: option };
  if (!Array.isArray(option))
    throw new TypeError(`allowedOrigins is ${String(option)}, must be 'same-origin', '*', a list or a function`);
  const named = new Set<string>();
  let sameOrigin = false;
  for (const element of option as readonly unknown[]) {
    if (element === 'same-origin') {
      sameOrigin = true;
      continue;
    }
    // An asterisk is legal in a host, but whoever writes one means a pattern.
    const isText = typeof element === 'string' && !element.includes('*');
    const origin = isText ? parseOrigin(element) : undefined;
    if (origin === undefined && element !== 'null')
      throw new TypeError(
        `allowedOrigins has ${JSON.stringify(element)}, which is not an origin such as https://example.org, without a path or a slash behind it (RFC 6454 §6.2)`,
      );
    named.add(origin === undefined ? 'null' : serializeOrigin(origin));
  }
  return { ...none, named, sameOrigin };
}

/**
 * `none`: the request names no origin, so that no page of another one is behind it. `same`: the request's own.
 * `named`: in the list. `null`: the list has `null`, which is no one's name: every sandboxed frame and local file has it.
 * `chosen`: the function said so. `any`: everything is allowed. `refused`: none of these.
 */
export type OriginVerdict = 'none' | 'same' | 'named' | 'null' | 'chosen' | 'any' | 'refused';

/** Where a request came from and where it was sent to. */
export interface OriginQuestion {
  /** The value of Origin: all its lines joined, so that two of them are no origin. */
  readonly origin: string | undefined;
  /** The value of Host, or what a trusted proxy says. */
  readonly host: string;
  readonly secure: boolean;
}

/** Decides about one request. @throws whatever the application's function throws */
export function judgeOrigin<Request>(
  policy: OriginPolicy<Request>,
  question: OriginQuestion,
  request: Request,
): OriginVerdict {
  const { origin, host, secure } = question;
  if (origin === undefined) return 'none';
  if (policy.any) return 'any';
  if (policy.sameOrigin && isSameOrigin(origin, host, secure)) return 'same';
  if (origin === 'null') {
    if (policy.named.has('null')) return 'null';
  } else if (policy.named.size > 0) {
    const theirs = parseOrigin(origin);
    if (theirs !== undefined && policy.named.has(serializeOrigin(theirs))) return 'named';
  }
  // A promise is not a yes.
  return policy.decide?.(origin, request) === true ? 'chosen' : 'refused';
}
