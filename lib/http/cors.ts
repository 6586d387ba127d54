/**
 * The CORS protocol as a server speaks it: which fields let a page of another origin read a response, and what a
 * preflight is answered (Fetch §3.3).
 *
 * Pure decisions: no request, no response, no route. In: the policy that an application chose, where the request came from,
 * the methods of the path. Out: header fields, and a status for preflights. The verdict comes back with them, since to refuse
 * a request is the caller's decision; CORS itself only keeps a page from reading. Private networks are not spoken of.
 * Read next: `origin.ts`.
 */

import { FIELD_LIMITS } from '../limits.ts';
import { isToken, parseList } from './grammar.ts';
import type { HeaderFields } from './headers.ts';
import {
  judgeOrigin,
  type OriginOption,
  type OriginPolicy,
  type OriginQuestion,
  type OriginVerdict,
  originPolicy,
} from './origin.ts';

/** What an application says about pages of other origins. */
export interface CorsOptions<Request> {
  readonly allowedOrigins: OriginOption<Request>;
  /**
   * Whether responses to requests with cookies may be read. Left out: by origins in the list. `true`: also by those that the
   * function chose. Never by `null`, and never with `'*'`.
   */
  readonly credentials?: boolean | undefined;
  /** Request fields that pages may send beyond the ordinary ones. Default `'any'`: what the preflight asks for. */
  readonly requestHeaders?: 'any' | readonly string[] | undefined;
  /** Response fields that pages may read beyond the ordinary ones. Default none. */
  readonly exposedHeaders?: readonly string[] | undefined;
  /** For how long a browser may remember the answer to a preflight, 0 to 86,400 s. Default 600 s. */
  readonly maxAgeSeconds?: number | undefined;
}

/** Options, checked, with the values of their fields written out. */
export interface CorsPolicy<Request> {
  readonly origins: OriginPolicy<Request>;
  readonly credentials: boolean | undefined;
  /** The value of Access-Control-Allow-Headers; undefined: what is asked for. */
  readonly requestHeaders: string | undefined;
  readonly exposedHeaders: string;
  readonly maxAgeSeconds: number;
}

/** A header field: name and value. */
export type Field = readonly [name: string, value: string];

/** Browsers cap it themselves: Firefox at a day, Chromium at two hours. */
const MAX_MAX_AGE_SECONDS = 86_400;

/**
 * Checks options once.
 * @throws TypeError for a malformed origin, a name that is no token, or credentials for everybody; RangeError for `maxAgeSeconds` out of range
 */
export function corsPolicy<Request>(options: CorsOptions<Request>): CorsPolicy<Request> {
  const { credentials, requestHeaders = 'any', exposedHeaders = [] } = options;
  const { maxAgeSeconds = FIELD_LIMITS.corsMaxAgeSeconds } = options;
  const origins = originPolicy(options.allowedOrigins);
  // Fetch §3.3.5: with credentials, Access-Control-Allow-Origin "cannot be *"; to name whoever asks instead would be the same.
  if (credentials === true && origins.any)
    throw new TypeError("credentials is true with allowedOrigins '*', which no browser accepts (Fetch §3.3.5)");
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0 || maxAgeSeconds > MAX_MAX_AGE_SECONDS)
    throw new RangeError(`maxAgeSeconds is ${maxAgeSeconds}, must be 0 to ${MAX_MAX_AGE_SECONDS} (Fetch §3.3.3)`);
  return {
    origins,
    credentials,
    requestHeaders: requestHeaders === 'any' ? undefined : names('requestHeaders', requestHeaders),
    exposedHeaders: names('exposedHeaders', exposedHeaders),
    maxAgeSeconds,
  };
}

function names(option: string, list: readonly string[]): string {
  // Fetch §3.3.4: with credentials "*" is a name like any other, and without it would be everything.
  for (const name of list)
    if (typeof name !== 'string' || !isToken(name) || name === '*')
      throw new TypeError(`${option} has ${JSON.stringify(name)}, which is not a field name (RFC 9110 §5.1)`);
  return list.join(', ');
}

/** What a policy says about one request. */
export interface CorsAnswer {
  readonly verdict: OriginVerdict;
  /** Fields to add to the response, whatever its status; a Vary among them adds to those that it has. */
  readonly fields: readonly Field[];
}

/** The fields of a response to anything but a preflight. @throws whatever the application's function throws */
export function corsAnswer<Request>(
  policy: CorsPolicy<Request>,
  question: OriginQuestion,
  request: Request,
): CorsAnswer {
  const verdict = judgeOrigin(policy.origins, question, request);
  const fields = sharing(policy, verdict, question.origin);
  if (policy.exposedHeaders !== '' && fields.some(([name]) => name === 'Access-Control-Allow-Origin'))
    fields.push(['Access-Control-Expose-Headers', policy.exposedHeaders]);
  return { verdict, fields };
}

/** Access-Control-Allow-Origin, -Allow-Credentials and Vary. */
function sharing<Request>(policy: CorsPolicy<Request>, verdict: OriginVerdict, origin: string | undefined): Field[] {
  // Fetch, "CORS protocol and HTTP caches": `*` is sent to everybody, without an Origin too, and depends on nothing.
  if (policy.origins.any) return [['Access-Control-Allow-Origin', '*']];
  // A policy that names nobody never sends the field.
  if (policy.origins.named.size === 0 && policy.origins.decide === undefined) return [];
  // Else a cache must not give to one origin what was said to another, nor to any what was said to none.
  const fields: Field[] = [['Vary', 'Origin']];
  if (origin === undefined || (verdict !== 'named' && verdict !== 'null' && verdict !== 'chosen')) return fields;
  fields.push(['Access-Control-Allow-Origin', origin]);
  const credentials = policy.credentials ?? verdict === 'named';
  if (credentials && verdict !== 'null') fields.push(['Access-Control-Allow-Credentials', 'true']);
  return fields;
}

/** Whether a request is a preflight: OPTIONS with Origin and Access-Control-Request-Method (Fetch §3.3.2). */
export function isPreflight(method: string, headers: HeaderFields): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
}

/** A preflight's question, as its fields put it. */
export interface PreflightQuestion extends OriginQuestion {
  /** The value of Access-Control-Request-Headers. */
  readonly requestHeaders: string | undefined;
}

/**
 * Answers a preflight for a path with these methods: 204 with what is allowed (the browser compares), or 403 with nothing for
 * an origin that is refused, or more names than anybody needs. @throws whatever the application's function throws
 */
export function preflightAnswer<Request>(
  policy: CorsPolicy<Request>,
  question: PreflightQuestion,
  methods: readonly string[],
  request: Request,
): CorsAnswer & { readonly status: 204 | 403 } {
  const verdict = judgeOrigin(policy.origins, question, request);
  const fields = sharing(policy, verdict, question.origin);
  const asked = parseList(question.requestHeaders ?? '');
  const tooMuch = asked.length > FIELD_LIMITS.maxCorsRequestHeaders || !asked.every(isToken);
  if (verdict === 'refused' || tooMuch)
    return { status: 403, verdict, fields: fields.filter(([name]) => name === 'Vary') };
  // A preflight of our own origin is none: a page needs no leave to ask its own server.
  if (!fields.some(([name]) => name === 'Access-Control-Allow-Origin')) return { status: 204, verdict, fields };
  fields.push(['Access-Control-Allow-Methods', methods.join(', ')]);
  const allowed = policy.requestHeaders ?? asked.join(', ');
  if (allowed !== '') fields.push(['Access-Control-Allow-Headers', allowed]);
  fields.push(['Access-Control-Max-Age', String(policy.maxAgeSeconds)]);
  return { status: 204, verdict, fields };
}
