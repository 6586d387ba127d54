/**
 * The options of servers and routes: what each may be, its default, and what comes of them. Checked here and nowhere else.
 *
 * In: what somebody typed. Out: complete settings that connections share. An option of a route may stand in the server's
 * options as the default of all routes. Defaults and their reasons are in `limits.ts`.
 * Read next: `../server.ts`, which calls this.
 */

import { type CorsPolicy, corsPolicy } from '../http/cors.ts';
import { isToken } from '../http/grammar.ts';
import { HTTP_LIMITS, SERVER_LIMITS, TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import { EVENT_NAMES, type Observer } from '../observe.ts';
import {
  ANYTHING,
  at,
  BOOLEAN,
  checkOptions,
  clockWith,
  defined,
  describe,
  FUNCTION,
  type Kind,
  kindOf,
  milliseconds,
  OBJECT,
  type OptionTable,
  suggest,
  wholeNumber,
} from '../options.ts';
import { deflatePolicy } from '../websocket/extension.ts';
import type {
  EventStreamFunction,
  EventStreamHandlers,
  EventStreamRouteOptions,
  HttpHandler,
  HttpRequest,
  HttpRouteOptions,
  Upgrade,
  WebSocketFunction,
  WebSocketHandlers,
  WebSocketRouteOptions,
} from './api.ts';
import type { HttpTarget, StreamTarget, WebSocketTarget } from './context.ts';
import { type ErrorHandler, yesOrNo } from './guard.ts';
import type { Observed, RouteObserved } from './observed.ts';
import type { OpenConnections } from './open-connections.ts';
import { checkStreamHeaders, failureAnswer } from './responses.ts';
import { functionHandlers, type ServerStream, streamListener } from './server-event-stream.ts';
import { connectionHandlers, loopHandlers, type ServerSocket } from './server-websocket.ts';
import type { Sweeper } from './sweeper.ts';

const BYTES = wholeNumber(1);
const COUNT = wholeNumber(1);
/** RFC 6455 §4.1: each subprotocol is a token. */
const PROTOCOLS = kindOf(
  'a list of tokens, as subprotocols are (RFC 6455 §4.1)',
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string' && isToken(each)),
);

/** `allowedOrigins` is checked by `corsPolicy`, the values of `perMessageDeflate` by `deflatePolicy`, at the same call. */
const SHARED_OPTIONS: OptionTable = {
  allowedOrigins: ANYTHING,
  maxBufferedBytes: wholeNumber(1, Number.MAX_SAFE_INTEGER, true),
  highWaterMarkBytes: wholeNumber(0),
  closeTimeoutMs: milliseconds(1),
  writeTimeoutMs: milliseconds(1),
};

const WEBSOCKET_OPTIONS: OptionTable = {
  ...SHARED_OPTIONS,
  perMessageDeflate: ANYTHING,
  maxMessageBytes: BYTES,
  maxFramesPerMessage: COUNT,
  maxStreamedMessageBytes: BYTES,
  maxQueuedMessages: COUNT,
  maxQueuedBytes: BYTES,
  pingIntervalMs: milliseconds(),
  pongTimeoutMs: milliseconds(1),
};

/** `perMessageDeflate` as an object. */
const DEFLATE_OPTIONS: OptionTable = {
  thresholdBytes: ANYTHING,
  level: ANYTHING,
  serverMaxWindowBits: ANYTHING,
  clientMaxWindowBits: ANYTHING,
  serverContextTakeover: BOOLEAN,
  clientContextTakeover: BOOLEAN,
  adaptive: BOOLEAN,
};

const STREAM_OPTIONS: OptionTable = {
  ...SHARED_OPTIONS,
  heartbeatIntervalMs: milliseconds(),
  contentCodings: kindOf(
    'a list of gzip and deflate: no other coding is made here (RFC 9110 §8.4.1)',
    (value) => Array.isArray(value) && value.every((each) => each === 'gzip' || each === 'deflate'),
  ),
};

/** An object literal has nothing but events; an instance of a class may have more. */
function wrongObserver(value: unknown): string | undefined {
  const methods = `an object with methods such as ${EVENT_NAMES.slice(0, 3).join(', ')}, or a list of such`;
  if (typeof value !== 'object' || value === null) return `must be ${methods}`;
  for (const name of EVENT_NAMES) {
    const method: unknown = (value as Observer)[name];
    if (method !== undefined && typeof method !== 'function')
      return `whose ${name} is ${describe(method)}, must be a function`;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const events: readonly string[] = EVENT_NAMES;
  const unknown = Object.keys(value).find((key) => !events.includes(key));
  // Names such as onConnect are another habit, and would be far from `connect`.
  const bare = unknown?.replace(/^on(?=[A-Z])/, '') ?? '';
  return unknown === undefined ? undefined : `and there is no event ${unknown}${suggest(bare, events)}`;
}

/** Where a server listens, which other libraries ask for when it is made. */
const OF_LISTEN: Kind = { isNumber: false, check: () => 'which is an option of listen' };

const SERVER_OPTIONS: OptionTable = {
  ...WEBSOCKET_OPTIONS,
  ...STREAM_OPTIONS,
  tls: OBJECT,
  trustProxy: ANYTHING,
  maxConnections: COUNT,
  maxConnectionsPerAddress: wholeNumber(0),
  maxTlsHandshakes: COUNT,
  maxRequestLineBytes: wholeNumber(16),
  maxHeadBytes: wholeNumber(64),
  maxHeaderCount: COUNT,
  maxBodyBytes: wholeNumber(0),
  maxRequestsPerConnection: COUNT,
  maxPipelinedRequests: COUNT,
  headTimeoutMs: milliseconds(1),
  bodyTimeoutMs: milliseconds(1),
  keepAliveTimeoutMs: milliseconds(1),
  onError: FUNCTION,
  observer: {
    isNumber: false,
    check: (value) =>
      [value]
        .flat()
        .map(wrongObserver)
        .find((wrong) => wrong !== undefined),
  },
  clock: clockWith('now', 'every', 'after'),
  port: OF_LISTEN,
  host: OF_LISTEN,
};

/** Options that a route may have and a server may have for all routes. */
export interface RouteDefaults
  extends Omit<WebSocketRouteOptions, 'protocols'>,
    Omit<EventStreamRouteOptions, 'method' | 'headers'> {}

/** Where routes come from: what they share with their server. */
export interface RouteMakers {
  readonly defaults: RouteDefaults;
  readonly sweeper: Sweeper;
  readonly open: OpenConnections;
  readonly onError: ErrorHandler;
  /** Left out where there is no server of ours to observe. */
  readonly observed?: Observed;
}

/** @throws TypeError or RangeError that names the option and its bound */
export function checkServerOptions(options: unknown): void {
  checkOptions('createServer', options, SERVER_OPTIONS);
  // Routes take these over, and check them again with their own: a mistake in here is told here.
  const { allowedOrigins, perMessageDeflate } = options as RouteDefaults;
  corsOf('createServer', allowedOrigins);
  deflateOf('createServer', perMessageDeflate);
}

/** All limits and times of a server's HTTP connections, and of the server as a whole. */
export function serverSettings<O extends object>(
  options: O,
): typeof HTTP_LIMITS & typeof SERVER_LIMITS & typeof TIMEOUTS & O {
  return { ...HTTP_LIMITS, ...SERVER_LIMITS, ...TIMEOUTS, ...defined(options) } as never;
}

const WEBSOCKET_HANDLERS = [
  'open',
  'message',
  'textBytes',
  'lentBinary',
  'lentText',
  'messageStream',
  'drain',
  'ping',
  'pong',
  'close',
];
const STREAM_HANDLERS = ['open', 'drain', 'close'];

/** The arguments after a route's pattern: handlers and options, with `upgrade` (or `accept`) before them where it is wanted. */
interface RouteArguments {
  readonly decision: Upgrade<unknown> | undefined;
  readonly handlers: unknown;
  readonly options: unknown;
}

/**
 * Tells `(handlers, options)` from `(upgrade, handlers, options)`: the latter has three arguments, or its function is
 * followed by a function or by an object with a handler's name in it. No option has the name of a handler.
 */
function routeArguments(where: string, given: readonly unknown[], names: readonly string[]): RouteArguments {
  const [first, second, third = {}] = given;
  // To take the first function for the loop would accept everybody whom it was written to refuse.
  if (typeof first === 'function' && given.length === 2 && isEmptyObject(second))
    throw new TypeError(
      `${where}: {} behind a function may be handlers or options; leave it out, or write { open() {} }`,
    );
  const twoFirst =
    typeof first === 'function' && (given.length > 2 || typeof second === 'function' || isHandlers(second, names));
  if (twoFirst) return { decision: first as Upgrade<unknown>, handlers: second, options: third };
  return { decision: undefined, handlers: first, options: second === undefined ? {} : second };
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).length === 0
  );
}

function isHandlers(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.some((name) => name in value);
}

/** Handlers may be an object or an instance of a class. @throws TypeError that names what is wrong */
function checkHandlers(where: string, handlers: unknown, names: readonly string[], decision: string): void {
  if (typeof handlers === 'function') return;
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers))
    throw new TypeError(
      `${where}: handlers are ${describe(handlers)}, must be a function or an object with ${names.join(', ')}`,
    );
  for (const [name, value] of Object.entries(handlers)) {
    if (names.includes(name)) {
      if (value !== undefined && typeof value !== 'function')
        throw new TypeError(`${where}: handler ${name} is ${describe(value)}, must be a function`);
    } else if (name === decision || name === 'upgrade' || name === 'accept') {
      throw new TypeError(
        `${where}: ${name} is an argument of its own, before the handlers, so that it can give socket.data its type`,
      );
    } else if (typeof value === 'function' || Object.getPrototypeOf(handlers) === Object.prototype) {
      // An instance may have fields of its own; an object literal has no reason to.
      throw new TypeError(`${where}: unknown handler ${name}${suggest(name, names)}`);
    }
  }
}

/** A message is received whole or in parts, and comes to one handler. @throws TypeError */
function checkMessageHandlers(where: string, handlers: WebSocketHandlers): void {
  const { messageStream, textBytes, lentText } = handlers;
  const whole = (['message', 'textBytes', 'lentBinary', 'lentText'] as const).find((name) => handlers[name]);
  if (messageStream !== undefined && whole !== undefined)
    throw new TypeError(`${where}: messageStream stands in place of ${whole}, not beside it`);
  if (textBytes !== undefined && lentText !== undefined)
    throw new TypeError(`${where}: text comes to textBytes or to lentText, not to both`);
}

/** Whose pages may use a route; `onError` is told where a function rejects that should have answered at once. @throws TypeError */
export function corsOf(
  where: string,
  option: RouteDefaults['allowedOrigins'],
  onError?: ErrorHandler,
): CorsPolicy<HttpRequest> {
  const allowedOrigins = typeof option === 'function' ? yesOrNo(option, onError) : (option ?? 'same-origin');
  return at(where, () => corsPolicy({ allowedOrigins }));
}

/** How a route compresses. @throws TypeError or RangeError */
function deflateOf(where: string, option: RouteDefaults['perMessageDeflate']): WebSocketTarget['deflate'] {
  if (typeof option === 'object') checkOptions(`${where}: perMessageDeflate`, option, DEFLATE_OPTIONS);
  return at(where, () => deflatePolicy(option, 'server'));
}

/** @throws TypeError for a pattern that is no string; what is in it the router checks */
export function checkPattern(where: string, pattern: unknown): void {
  if (typeof pattern !== 'string')
    throw new TypeError(`${where}: the pattern is ${describe(pattern)}, must be a string such as '/rooms/:room'`);
}

/** Makes what a WebSocket route leads to, of the arguments after its pattern. @throws TypeError or RangeError */
export function webSocketTarget(makers: RouteMakers, pattern: unknown, given: readonly unknown[]): WebSocketTarget {
  const where = `webSocket(${describe(pattern)})`;
  checkPattern(where, pattern);
  const { decision, handlers, options } = routeArguments(where, given, WEBSOCKET_HANDLERS);
  checkHandlers(where, handlers, WEBSOCKET_HANDLERS, 'upgrade');
  checkMessageHandlers(where, handlers as WebSocketHandlers);
  checkOptions(where, options, { ...WEBSOCKET_OPTIONS, protocols: PROTOCOLS });
  const merged = {
    ...WEBSOCKET_LIMITS,
    ...TIMEOUTS,
    ...defined(makers.defaults),
    ...defined(options as WebSocketRouteOptions),
  };
  const all =
    typeof handlers === 'function'
      ? loopHandlers(handlers as WebSocketFunction, makers.onError)
      : (handlers as WebSocketHandlers);
  const observed = makers.observed?.route('websocket', String(pattern));
  const { webSockets } = makers.open;
  makers.sweeper.expect(merged.pingIntervalMs, merged.pongTimeoutMs, merged.closeTimeoutMs, merged.writeTimeoutMs);
  return {
    kind: 'websocket',
    cors: corsOf(where, merged.allowedOrigins, makers.onError),
    settings: {
      role: 'server',
      handlers: connectionHandlers(all, (face) => void webSockets.delete(face as ServerSocket<never>), observed),
      sweeper: makers.sweeper,
      maxMessageBytes: merged.maxMessageBytes,
      maxFramesPerMessage: merged.maxFramesPerMessage,
      maxStreamedMessageBytes: merged.maxStreamedMessageBytes,
      maxBufferedBytes: merged.maxBufferedBytes,
      highWaterMarkBytes: merged.highWaterMarkBytes,
      maxQueuedMessages: merged.maxQueuedMessages,
      maxQueuedBytes: merged.maxQueuedBytes,
      pingIntervalMs: merged.pingIntervalMs,
      pongTimeoutMs: merged.pongTimeoutMs,
      closeTimeoutMs: merged.closeTimeoutMs,
      writeTimeoutMs: merged.writeTimeoutMs,
      textAsBytes: (all.textBytes ?? all.lentText) !== undefined,
      lendsBinary: all.lentBinary !== undefined,
      lendsText: all.lentText !== undefined,
      inParts: all.messageStream !== undefined,
      onError: makers.onError,
      observed,
    },
    handlers: all,
    upgrade: decision,
    protocols: merged.protocols ?? [],
    deflate: deflateOf(where, merged.perMessageDeflate),
  };
}

/** Makes what an event-stream route leads to, likewise. @throws TypeError or RangeError */
export function streamTarget(
  makers: RouteMakers,
  pattern: unknown,
  given: readonly unknown[],
): { readonly method: 'GET' | 'POST'; readonly target: StreamTarget } {
  const where = `eventStream(${describe(pattern)})`;
  checkPattern(where, pattern);
  const { decision, handlers, options } = routeArguments(where, given, STREAM_HANDLERS);
  checkHandlers(where, handlers, STREAM_HANDLERS, 'accept');
  const method = kindOf("'GET' or 'POST'", (value) => value === 'GET' || value === 'POST');
  checkOptions(where, options, { ...STREAM_OPTIONS, method, headers: OBJECT });
  const merged = streamSettings(makers, options as EventStreamRouteOptions);
  const all =
    typeof handlers === 'function'
      ? functionHandlers(handlers as EventStreamFunction)
      : (handlers as EventStreamHandlers);
  const target: StreamTarget = {
    kind: 'event-stream',
    cors: corsOf(where, merged.allowedOrigins, makers.onError),
    settings: streamConnectionSettings(makers, merged, all, makers.observed?.route('event-stream', String(pattern))),
    handlers: all,
    accept: decision,
    contentCodings: merged.contentCodings ?? [],
    fields: at(where, () => checkStreamHeaders(merged.headers ?? {})),
  };
  return { method: merged.method ?? 'GET', target };
}

type MergedStream = typeof WEBSOCKET_LIMITS & typeof TIMEOUTS & EventStreamRouteOptions;

/** Options of an event stream with their defaults; what they ask of deadlines is told to the sweeper. */
export function streamSettings(makers: RouteMakers, options: EventStreamRouteOptions): MergedStream {
  const merged = { ...WEBSOCKET_LIMITS, ...TIMEOUTS, ...defined(makers.defaults), ...defined(options) } as MergedStream;
  makers.sweeper.expect(merged.heartbeatIntervalMs, merged.closeTimeoutMs, merged.writeTimeoutMs);
  return merged;
}

/** What the connections of one event-stream route share. */
export function streamConnectionSettings<Data>(
  makers: RouteMakers,
  merged: MergedStream,
  handlers: EventStreamHandlers<Data>,
  observed?: RouteObserved,
): StreamTarget['settings'] {
  const settings = {
    handlers: streamListener(
      handlers,
      (face) => void makers.open.eventStreams.delete(face as ServerStream<never>),
      observed,
    ),
    sweeper: makers.sweeper,
    heartbeatIntervalMs: merged.heartbeatIntervalMs,
    maxBufferedBytes: merged.maxBufferedBytes,
    highWaterMarkBytes: merged.highWaterMarkBytes,
    writeTimeoutMs: merged.writeTimeoutMs,
    closeTimeoutMs: merged.closeTimeoutMs,
    failure: (error: unknown) => failureAnswer(error, makers.onError),
    observed,
  };
  return settings as unknown as StreamTarget['settings'];
}

/** The options of an event stream that has no route, checked. @throws TypeError or RangeError */
export function checkStreamOptions(where: string, options: unknown, more: OptionTable = {}): void {
  checkOptions(where, options, { ...STREAM_OPTIONS, headers: OBJECT, ...more });
}

/** Makes what a route for a response leads to. @throws TypeError */
export function httpTarget(makers: RouteMakers, where: string, handler: unknown, options: unknown): HttpTarget {
  if (typeof handler !== 'function')
    throw new TypeError(
      `${where}: handler is ${describe(handler)}, must be a function that answers { status, headers, body }`,
    );
  checkOptions(where, options, { allowedOrigins: ANYTHING });
  const { allowedOrigins = makers.defaults.allowedOrigins } = options as HttpRouteOptions;
  return {
    kind: 'http',
    name: where,
    cors: corsOf(where, allowedOrigins, makers.onError),
    handler: handler as HttpHandler,
  };
}
