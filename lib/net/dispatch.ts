/**
 * From an exchange to its answer: the route, what is allowed there, and the handler.
 *
 *     exchange ─► Router ─► handler's response | `upgrade.ts` | `stream-response.ts`
 *
 * Every door ends here. What a handler throws, or answers wrongly, becomes a 500 and is told to the operator.
 * Read next: `upgrade.ts`.
 */

import { type CorsAnswer, corsAnswer, isPreflight, preflightAnswer } from '../http/cors.ts';
import { misdirected } from '../http/target.ts';
import type { RefusalReason } from '../observe.ts';
import type { Context, HttpTarget, Target } from './context.ts';
import type { Exchange } from './exchange.ts';
import { ask } from './guard.ts';
import type { Request } from './request.ts';
import {
  type CheckedResponse,
  checkResponse,
  empty,
  type Field,
  failureAnswer,
  handlerFailed,
  plain,
  withFields,
} from './responses.ts';
import { serveStream } from './stream-response.ts';
import { serveUpgrade } from './upgrade.ts';

/** Methods that change nothing (RFC 9110 §9.2.1): pages of other origins may send them, and read nothing. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];

/** Methods that are known everywhere. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'OPTIONS'];

/** Answers a request, now or later. */
export function serve(context: Context, exchange: Exchange): void {
  const { request } = exchange;
  const wrong = misdirected(request.target, request.secure);
  if (wrong !== undefined) {
    refuse(context, exchange, 'request', plain(wrong.status, `${wrong.detail} (${wrong.section})`), { close: true });
  } else if (exchange.handshake !== undefined) serveUpgrade(context, exchange);
  else if (isPreflight(request.method, request.headers)) servePreflight(context, exchange);
  else serveRoute(context, exchange);
}

/** Whether a request, or an upgrade, has a route of ours: for doors that leave alone what has none. */
export function hasRoute(context: Context, method: string, path: string): boolean {
  return context.router.match(method, path).kind === 'found';
}

function serveRoute(context: Context, exchange: Exchange): void {
  const { request } = exchange;
  const match = context.router.match(request.method, request.path);
  switch (match.kind) {
    case 'bad-path':
      refuse(context, exchange, 'request', plain(400, 'path is not valid percent-encoding (RFC 3986 §2.1)'));
      return;
    case 'not-found':
      serveUnrouted(context, exchange);
      return;
    case 'method-not-allowed':
      refuseMethod(context, exchange, match.allow, match.webSocket);
      return;
    case 'found':
      request.params = match.params;
      serveTarget(context, exchange, match.value);
  }
}

function serveTarget(context: Context, exchange: Exchange, target: Target): void {
  const { request } = exchange;
  const cors = judge(context, exchange, () => corsAnswer(target.cors, questionOf(request), request));
  if (cors === undefined) return;
  // Choice: a page of another origin may not change anything here, whether or not it could read the answer, nor hold open a
  // stream that it may not read.
  const harmless = target.kind === 'http' && SAFE_METHODS.includes(request.method);
  if (cors.verdict === 'refused' && !harmless) {
    const response = plain(403, `origin ${request.headers.get('origin')} is not allowed`);
    refuse(context, exchange, 'origin', withFields(response, cors.fields));
  } else if (target.kind === 'event-stream') serveStream(context, exchange, target, cors.fields);
  else if (target.kind === 'http') answer(context, exchange, target, cors.fields);
}

/** Calls a handler and sends what it answers, now or later. */
function answer(
  context: Context,
  exchange: Exchange,
  { name, handler }: HttpTarget,
  corsFields: readonly Field[],
): void {
  const respond = (response: CheckedResponse): void => exchange.respond(withFields(response, corsFields));
  const failed = (error: unknown): void => respond(failureAnswer(error, context.onError));
  const answered = (response: unknown): void => {
    let checked: CheckedResponse;
    try {
      checked = checkResponse(`${name}: its handler`, response);
    } catch (error) {
      failed(error);
      return;
    }
    respond(checked);
  };
  ask(() => handler(exchange.request), { answered, failed });
}

/** Fetch §3.3.2: a browser asks whether a page may send what it wants to send. */
function servePreflight(context: Context, exchange: Exchange): void {
  const { request } = exchange;
  const method = request.headers.get('access-control-request-method')!;
  const match = context.router.match(method, request.path);
  if (match.kind !== 'found') {
    serveRoute(context, exchange);
    return;
  }
  const { cors } = match.value;
  const requestHeaders = request.headers.get('access-control-request-headers');
  const methods = withOptions(context.router.methods(request.path));
  const answer = judge(context, exchange, () =>
    preflightAnswer(cors, { ...questionOf(request), requestHeaders }, methods, request),
  );
  if (answer !== undefined) exchange.respond(empty(answer.status, [['Allow', methods.join(', ')], ...answer.fields]));
}

/** What a policy says; undefined, and answered with 500, when the application's function throws. */
function judge<A extends CorsAnswer>(context: Context, exchange: Exchange, ask: () => A): A | undefined {
  try {
    return ask();
  } catch (error) {
    context.onError(error);
    exchange.respond(handlerFailed());
    return undefined;
  }
}

function questionOf(request: Request): { origin: string | undefined; host: string; secure: boolean } {
  return { origin: request.headers.get('origin'), host: request.host, secure: request.secure };
}

function serveUnrouted(context: Context, exchange: Exchange): void {
  const { method, target } = exchange.request;
  if (method === 'OPTIONS' && target === '*') exchange.respond(empty(204, [['Allow', METHODS.join(', ')]]));
  else if (!METHODS.includes(method) && !context.router.knows(method))
    refuse(context, exchange, 'route', notImplemented(method));
  else refuse(context, exchange, 'route', plain(404, 'nothing here'));
}

function refuseMethod(context: Context, exchange: Exchange, methods: readonly string[], webSocket: boolean): void {
  const { method } = exchange.request;
  const allow = withOptions(methods);
  const headers = { Allow: allow.join(', ') };
  if (method === 'OPTIONS') exchange.respond(empty(204, Object.entries(headers)));
  else if (!METHODS.includes(method) && !context.router.knows(method))
    refuse(context, exchange, 'route', notImplemented(method));
  else if (webSocket && (method === 'GET' || method === 'HEAD')) {
    // RFC 9110 §15.5.22: this path is only reached by an upgrade.
    const upgrade = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    refuse(context, exchange, 'route', plain(426, 'this path speaks WebSocket', upgrade), { close: true });
  } else refuse(context, exchange, 'route', plain(405, `${method} is not allowed here`, headers));
}

/** Answers with a refusal. */
function refuse(
  context: Context,
  exchange: Exchange,
  why: RefusalReason,
  response: CheckedResponse,
  options?: { readonly close: boolean },
): void {
  context.observed?.refuse(why, response, exchange.request);
  exchange.respond(response, options);
}

function withOptions(methods: readonly string[]): string[] {
  const allow = [...methods];
  if (allow.length > 0 && !allow.includes('OPTIONS')) allow.push('OPTIONS');
  return allow;
}

/** RFC 9110 §15.6.2. */
function notImplemented(method: string): CheckedResponse {
  return plain(501, `method ${method} is not implemented`);
}
