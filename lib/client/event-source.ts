/**
 * The WHATWG `EventSource` client (HTML §9.2), with what the event streams of real services need besides.
 *
 * The interface, its conversions and its events are the standard's. Beyond it: other methods than GET, headers, a policy for
 * retries with jitter on every wait, a watchdog, `for await`, and errors that say what happened. Parsing and decisions are pure
 * and live in `../event-stream`; here are the state and the timers. Cookies are not kept.
 * Sections: the interface, one connection, its end. Read next: `stream-reader.ts`, `events-of.ts`.
 */

import { BarewireError, type ConnectFailed, HandshakeRejected } from '../errors.ts';
import type { StreamIncoming } from '../event-stream/parser.ts';
import { decide, reconnectionDelayMs } from '../event-stream/reconnect.ts';
import type { ResponseHead } from '../http/head.ts';
import { TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import { messageBytes } from '../net/message-queue.ts';
import { type Clock, systemClock } from '../net/sweeper.ts';
import { MAX_TIMER_MS } from '../options.ts';
import { whenAborted } from './abort-signal.ts';
import { AsyncQueue } from './async-queue.ts';
import { type Accepted, Attempt, type BodyReceiver, type Hop, pairs, type Verdict } from './attempt.ts';
import { retryAfterMs } from './backoff.ts';
import { decodableCoding } from './content-decoder.ts';
import { checkDialOptions } from './dialer.ts';
import { endpointOf } from './endpoint.ts';
import { EventHandlers } from './event-handlers.ts';
import {
  checkEventSourceOptions,
  type EventSourceOptions,
  encodeEventSourceRequest,
  followRedirect,
  parseEventSourceUrl,
} from './event-source-options.ts';
import { type ErrorEvent, errorEvent, type TypedEventTarget } from './events.ts';
import { StreamReader } from './stream-reader.ts';
import { defineInterface, requireArguments, toDictionary, toUsvString } from './webidl.ts';

export type { EventSourceOptions } from './event-source-options.ts';

/** Which event a listener of each type is given; all other types are the server's, and come as messages. */
export interface EventSourceEventMap {
  open: Event;
  message: MessageEvent;
  error: ErrorEvent;
}

type Handler<E extends Event> = ((this: EventSource, event: E) => unknown) | null;

const Target: new () => TypedEventTarget<EventSourceEventMap, MessageEvent> = EventTarget;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** A `retry` below this is not taken at its word behind streams that ended without an event. */
const MIN_WAIT_WITHOUT_EVENT_MS = 1_000;

/** Events kept for `for await`, unless an option says otherwise. */
const MAX_QUEUED_EVENTS = 64;

export class EventSource extends Target {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSED: 2;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSED: 2;

  readonly #url: URL;
  readonly #options: EventSourceOptions;
  readonly #clock: Clock;
  readonly #method: string;
  readonly #handlers = new EventHandlers(this);
  #readyState = CONNECTING;
  #lastEventId: string;
  #reconnectionTimeMs: number;
  /** Failed attempts since the last stream. */
  #failures = 0;
  /** Streams in a row that ended without an event. */
  #streamsWithoutEvent = 0;
  /** Set while a connection is there or being made. */
  #attempt: Attempt | undefined = undefined;
  #reader: StreamReader | undefined = undefined;
  /** Stops the wait for the next attempt. */
  #cancelTimer: () => void = () => {};
  #queue: AsyncQueue<MessageEvent> | undefined = undefined;
  #isPaused = false;
  #forgetSignal: () => void = () => {};

  /**
   * Begins to connect.
   * @throws DOMException `SyntaxError` for a URL that is not http: or https:; TypeError or RangeError for a header or an option that
   * cannot be used
   */
  constructor(url: string | URL, eventSourceInitDict: EventSourceOptions = {}) {
    // biome-ignore lint/complexity/noArguments: a missing argument and an undefined one differ in WebIDL
    requireArguments('EventSource', arguments.length, 1);
    super();
    const text = toUsvString(url);
    const options: EventSourceOptions = toDictionary('EventSourceInit', eventSourceInitDict);
    checkEventSourceOptions(options);
    checkDialOptions(options);
    this.#options = options; // step 7: withCredentials, which is shown and nothing more
    this.#clock = options.clock ?? systemClock;
    this.#method = options.method ?? 'GET';
    this.#url = parseEventSourceUrl(text); // §9.2.2 steps 1 to 5, of which step 2 is about pages
    this.#lastEventId = options.lastEventId ?? '';
    this.#reconnectionTimeMs = options.reconnectionTimeMs ?? TIMEOUTS.reconnectionTimeMs;
    const { headers, signal, socketPath } = options;
    if (typeof headers !== 'function') {
      // What would fail every attempt is told now.
      const endpoint = endpointOf(this.#url, socketPath);
      this.#encode({ url: this.#url, endpoint, redirects: 0, method: this.#method, headers: pairs(headers) });
    }
    this.#forgetSignal = whenAborted(signal, () => this.close());
    if (this.#readyState === CONNECTING) this.#connect(); // steps 13 to 16: as `new` returns, the attempt is under way
  }

  /** The URL as it was understood. */
  get url(): string {
    return this.#url.href;
  }

  get withCredentials(): boolean {
    return Boolean(this.#options.withCredentials);
  }

  get readyState(): number {
    return this.#readyState;
  }

  get onopen(): Handler<Event> {
    return this.#handlers.get('open') as Handler<Event>;
  }
  set onopen(handler: Handler<Event>) {
    this.#handlers.set('open', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return this.#handlers.get('message') as Handler<MessageEvent>;
  }
  set onmessage(handler: Handler<MessageEvent>) {
    this.#handlers.set('message', handler);
  }
  get onerror(): Handler<ErrorEvent> {
    return this.#handlers.get('error') as Handler<ErrorEvent>;
  }
  set onerror(handler: Handler<ErrorEvent>) {
    this.#handlers.set('error', handler);
  }

  /** §9.2.2: ends the stream for good; no event follows. */
  close(): void {
    this.#end(undefined);
  }

  /** The last event ID: what a reconnection will send. Not in the standard. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /**
   * The server's events from now on, of every type, in place of listeners' events. The connection is not read while too many
   * wait. Reconnections do not end the loop; a failure for good is thrown; leaving the loop closes the source. Not in the standard.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageEvent> {
    if (this.#queue === undefined) {
      const { maxQueuedEvents = MAX_QUEUED_EVENTS } = this.#options;
      const bounds = { maxMessages: maxQueuedEvents, maxBytes: WEBSOCKET_LIMITS.maxQueuedBytes };
      const owner = {
        full: () => this.#pause(true),
        drained: () => this.#pause(false),
        abandoned: () => this.close(),
      };
      this.#queue = new AsyncQueue(bounds, owner, ({ data }) => messageBytes(data as string));
      if (this.#readyState === CLOSED) this.#queue.end(undefined);
    }
    return this.#queue;
  }

  #encode(hop: Hop): Uint8Array {
    return encodeEventSourceRequest(hop, this.#options, this.#lastEventId);
  }

  #pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#reader?.pause();
    else this.#reader?.resume();
  }

  #connect(): void {
    const { handshakeTimeoutMs = TIMEOUTS.handshakeTimeoutMs, headers } = this.#options;
    this.#attempt = new Attempt({
      url: this.#url,
      method: this.#method,
      headers,
      dial: this.#options,
      clock: this.#clock,
      handshakeTimeoutMs,
      encode: (hop) => this.#encode(hop),
      judge: (head, hop) => judge(head, hop),
      redirect: followRedirect,
      accepted: (answer) => this.#announce(answer),
      failed: (error) => this.#attemptFailed(error),
    });
  }

  /** §9.2.3, "announce the connection": "set the readyState attribute to OPEN and fire an event named open". */
  #announce(answer: Accepted): BodyReceiver {
    const { channel, head, hop } = answer;
    const origin = hop.url.origin; // §9.2.6: of the final URL, behind redirects
    const reading = {
      coding: decodableCoding(head.headers.get('content-encoding')) ?? 'identity',
      limits: limitsOf(this.#options),
      lastEventId: this.#lastEventId,
      clock: this.#clock,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? 0,
    } as const;
    const reader = new StreamReader(channel, reading, {
      incoming: (incoming) => this.#incoming(incoming, origin),
      ended: (error) => this.#streamEnded(error),
    });
    this.#reader = reader;
    this.#failures = 0;
    this.#streamsWithoutEvent++; // until an event comes
    if (this.#isPaused) reader.pause();
    this.#readyState = OPEN;
    this.dispatchEvent(new Event('open'));
    return reader;
  }

  /** §9.2.6, "dispatch the event", steps 4, 5, 6 and 8, and what else a stream says. */
  #incoming(incoming: StreamIncoming, origin: string): void {
    switch (incoming.kind) {
      case 'event': {
        const { type, data, lastEventId } = incoming;
        this.#streamsWithoutEvent = 0;
        this.#lastEventId = lastEventId;
        const event = new MessageEvent(type, { data, lastEventId, origin });
        if (this.#queue === undefined) this.dispatchEvent(event);
        else this.#queue.push(event);
        return;
      }
      case 'retry':
        this.#reconnectionTimeMs = Math.min(incoming.reconnectionTimeMs, MAX_TIMER_MS);
        return;
      case 'failed':
        // Not in the standard, which has no limits: what exceeds ours would do so again.
        this.#end(new BarewireError(incoming.code, `${incoming.detail} (${incoming.section})`));
        return;
      case 'comment':
        return;
    }
  }

  #attemptFailed(error: ConnectFailed | HandshakeRejected): void {
    const floorMs = floorAfter(error, this.#options.retryStatus);
    if (floorMs === undefined) this.#end(error);
    else this.#reestablish(error, floorMs);
  }

  /** §9.2.2 step 14: "if res is not a network error, then reestablish the connection". */
  #streamEnded(error: Error | undefined): void {
    this.#lastEventId = this.#reader?.lastEventId ?? this.#lastEventId; // an event without data still moves it
    this.#reestablish(error, 0);
  }

  /** §9.2.3, "reestablish the connection". */
  #reestablish(error: Error | undefined, floorMs: number): void {
    if (this.#readyState === CLOSED) return; // step 1.1
    const { maxRetries = Number.POSITIVE_INFINITY, maxRetryMs, random = Math.random } = this.#options;
    if (!this.#mayResume() || this.#failures >= maxRetries) {
      this.#end(error);
      return;
    }
    this.#drop();
    this.#readyState = CONNECTING; // step 1.2
    const reconnectionTimeMs = this.#reconnectionTimeMs;
    // §9.2.3, reestablish, step 3: "user agents might introduce an exponential backoff delay". Choice: also where a server with a
    // short `retry` closes again and again without an event, some 350 times a second with `retry: 0`.
    const isHasty = reconnectionTimeMs < MIN_WAIT_WITHOUT_EVENT_MS;
    const failures = Math.max(this.#failures, isHasty ? this.#streamsWithoutEvent : 0);
    const delayMs = reconnectionDelayMs(reconnectionTimeMs, failures, random(), maxRetryMs);
    this.#failures++;
    this.dispatchEvent(errorEvent(error ?? new Error('the stream ended'))); // step 1.3
    if (this.#readyState !== CONNECTING) return; // a listener has called `close`
    // Steps 2 to 4 are the wait, step 5 is `#connect`: the timer is cancelled when the state changes (5.1).
    this.#cancelTimer = afterAlive(this.#clock, Math.min(Math.max(delayMs, floorMs), MAX_TIMER_MS), () =>
      this.#connect(),
    );
  }

  #mayResume(): boolean {
    const { resume = this.#method === 'GET' ? 'always' : 'with-id' } = this.#options;
    return resume === 'always' || (resume === 'with-id' && this.#lastEventId !== '');
  }

  /** §9.2.3, "fail the connection", where there is an error; else the end that was asked for, or that the stream itself came to. */
  #end(error: Error | undefined): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#forgetSignal();
    this.#drop();
    this.#queue?.end(error);
    if (error !== undefined) this.dispatchEvent(errorEvent(error));
  }

  #drop(): void {
    this.#cancelTimer();
    this.#reader?.close();
    this.#attempt?.abort();
    this.#reader = undefined;
    this.#attempt = undefined;
  }
}
defineInterface(
  EventSource,
  'EventSource',
  ['url', 'withCredentials', 'readyState', 'onopen', 'onmessage', 'onerror', 'close'],
  { CONNECTING, OPEN, CLOSED },
);

/** How long at least the next attempt has to wait after this failure; undefined: there is to be none. */
function floorAfter(
  error: ConnectFailed | HandshakeRejected,
  retryStatus: EventSourceOptions['retryStatus'],
): number | undefined {
  if (error.code === 'HEADERS_INVALID') return undefined; // a mistake, and the next attempt would make it again
  // §9.2.2 step 15.2: a network error is tried again. An abort (15.1) is `close`'s, which tells nothing.
  if (!(error instanceof HandshakeRejected) || error.status === 0) return 0;
  // Step 15.3: a response that is no event stream "fails the connection".
  if (error.code !== 'SSE_STATUS' || !retryStatus?.(error.status)) return undefined;
  return retryAfterMs(error.headers.get('retry-after'), Date.now()) ?? 0;
}

/** §9.2.2 steps 15.3 and 15.4: whether a response is a stream that can be read here. */
function judge(head: ResponseHead, hop: Hop): Verdict {
  const { headers, status } = head;
  const decision = decide(
    { status, contentType: headers.get('content-type'), location: headers.get('location') },
    hop.redirects,
  );
  if (decision.kind === 'fail') return { kind: 'reject', code: decision.code, detail: decision.detail };
  if (decision.kind === 'redirect') return decision;
  const coding = headers.get('content-encoding');
  if (decodableCoding(coding) !== undefined) return { kind: 'accept' };
  const detail = `content coding is ${coding}, must be gzip, deflate or none (RFC 9110 §8.4)`;
  return { kind: 'reject', code: 'SSE_CONTENT_CODING', detail };
}

function limitsOf(options: EventSourceOptions): { maxLineBytes?: number; maxEventBytes?: number } {
  const { maxLineBytes, maxEventBytes } = options;
  return { ...(maxLineBytes && { maxLineBytes }), ...(maxEventBytes && { maxEventBytes }) };
}

/** A timer that keeps the process alive: a stream that waits to reconnect is still wanted. */
function afterAlive(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock !== systemClock) return clock.after(ms, callback);
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
