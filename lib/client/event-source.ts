/**
 * The WHATWG `EventSource` client (HTML §9.2), with the options that a server-side user needs.
 *
 * Same interface and rules as a browser's: events by type, `lastEventId`, reconnection after the time that the server
 * named. What differs: request headers can be given, and errors say what happened. The parsing and the decisions are
 * pure and live in `../event-stream`; here are the socket and the timer. Read next: `../rooms/room.ts`.
 */

import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { SocketChannel } from '../channel/socket.ts';
import { BarewireError, HandshakeRejected } from '../errors.ts';
import { EventStreamParser, type EventStreamParserLimits } from '../event-stream/parser.ts';
import { decide, reconnectionDelayMs } from '../event-stream/reconnect.ts';
import { encodeRequestHead, type ResponseHead } from '../http/head.ts';
import { ResponseParser } from '../http/response-parser.ts';
import { TIMEOUTS } from '../limits.ts';
import { type Clock, systemClock } from '../net/sweeper.ts';
import { ErrorEvent, HandlerAttribute } from './events.ts';
import { openSocket } from './websocket.ts';

export interface EventSourceOptions extends Partial<EventStreamParserLimits> {
  /** Further request headers, for example `{ Authorization: '…' }`. Not sent on to another origin by a redirect. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What `node:tls` takes for `https:`. */
  readonly tls?: ConnectionOptions;
  /** Connect to this Unix socket instead of the URL's host and port. */
  readonly socketPath?: string;
  /** Until the server says otherwise. */
  readonly reconnectionTimeMs?: number;
  /** From connecting to the response's head. */
  readonly handshakeTimeoutMs?: number;
  /** Begin behind this event. */
  readonly lastEventId?: string;
  readonly clock?: Clock;
}

type MessageListener = ((event: MessageEvent) => void) | null;

export class EventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;

  readonly url: string;
  readonly withCredentials = false;
  readonly #options: EventSourceOptions;
  readonly #clock: Clock;
  #readyState = 0;
  /** Where to ask: the URL, until a permanent redirect. */
  #location: URL;
  #lastEventId: string;
  #reconnectionTimeMs: number;
  /** Failed attempts since the last stream. */
  #failures = 0;
  /** Set while a connection is there or being made. */
  #transport: SocketChannel | undefined = undefined;
  /** Stops whatever timer is running. */
  #cancelTimer: () => void = () => {};
  readonly #onopen: HandlerAttribute<Event> = new HandlerAttribute(this, 'open');
  readonly #onmessage: HandlerAttribute<MessageEvent> = new HandlerAttribute(this, 'message');
  readonly #onerror: HandlerAttribute<ErrorEvent> = new HandlerAttribute(this, 'error');

  /** Begins to connect. @throws DOMException `SyntaxError` for a URL that is not http: or https: */
  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super();
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new DOMException(`${String(url)} is not a URL`, 'SyntaxError');
    }
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
      throw new DOMException(`URL scheme is ${parsed.protocol} but must be http: or https:`, 'SyntaxError');
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.url = parsed.href;
    this.#location = parsed;
    this.#lastEventId = options.lastEventId ?? '';
    this.#reconnectionTimeMs = options.reconnectionTimeMs ?? TIMEOUTS.reconnectionTimeMs;
    requestHead(parsed, parsed, options, this.#lastEventId); // a header that cannot be sent is told now
    this.#connect(this.#location, 0);
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** The last event ID: what a reconnection will send. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  get onopen(): ((event: Event) => void) | null {
    return this.#onopen.get();
  }
  set onopen(listener: ((event: Event) => void) | null) {
    this.#onopen.set(listener);
  }
  get onmessage(): MessageListener {
    return this.#onmessage.get();
  }
  set onmessage(listener: MessageListener) {
    this.#onmessage.set(listener);
  }
  get onerror(): ((event: ErrorEvent) => void) | null {
    return this.#onerror.get();
  }
  set onerror(listener: ((event: ErrorEvent) => void) | null) {
    this.#onerror.set(listener);
  }

  /** §9.2.2: ends the stream for good; no event follows. */
  close(): void {
    this.#readyState = 2;
    this.#drop();
  }

  #connect(url: URL, redirects: number): void {
    const secure = url.protocol === 'https:';
    const socket: Socket = openSocket({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      secure,
      socketPath: this.#options.socketPath,
      tls: this.#options.tls,
    });
    const http = new ResponseParser({ method: 'GET' });
    const events = new EventStreamParser(this.#options, this.#lastEventId);
    /** This connection is the current one: nothing that an older one still says counts. */
    const current = () => this.#transport === transport;

    const transport = new SocketChannel(
      socket,
      {
        receive: (chunk) => {
          for (const incoming of http.receive(chunk)) {
            if (!current()) return;
            if (incoming.kind === 'head') this.#decide(incoming.head, url, redirects);
            else if (incoming.kind === 'body') this.#dispatch(events, incoming.chunk, url);
            else if (incoming.kind === 'end') this.#reestablish(undefined);
            else this.#reestablish(new HandshakeRejected(incoming.code, `${incoming.detail} (${incoming.section})`));
          }
        },
        receiveEnd: () => {
          if (!current()) return;
          const [last] = http.receiveEnd();
          this.#reestablish(
            last?.kind === 'failed' ? new HandshakeRejected(last.code, `${last.detail} (${last.section})`) : undefined,
          );
        },
        drained: () => {},
        gone: (error) => {
          if (current())
            this.#reestablish(
              new HandshakeRejected(
                'SSE_CONNECT_FAILED',
                error?.message ?? 'connection lost',
                0,
                error === undefined ? {} : { cause: error },
              ),
            );
        },
      },
      secure ? 'data events' : 'shared buffer',
    );
    this.#transport = transport;
    const timeoutMs = this.#options.handshakeTimeoutMs ?? TIMEOUTS.handshakeTimeoutMs;
    this.#cancelTimer = this.#clock.after(timeoutMs, () =>
      this.#reestablish(new HandshakeRejected('SSE_HANDSHAKE_TIMEOUT', `no response within ${timeoutMs} ms`)),
    );
    const head = Buffer.from(requestHead(url, this.#location, this.#options, this.#lastEventId), 'latin1');
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      transport.output.append(head, 0, head.length);
      transport.flush();
      // A stream is silent for long; TCP's own probes find out whether the server is still there.
      socket.setKeepAlive(true, TIMEOUTS.heartbeatIntervalMs);
    });
  }

  #decide(head: ResponseHead, url: URL, redirects: number): void {
    const decision = decide(
      { status: head.status, contentType: head.headers.get('content-type'), location: head.headers.get('location') },
      redirects,
    );
    this.#cancelTimer();
    switch (decision.kind) {
      case 'announce':
        this.#failures = 0;
        this.#readyState = 1;
        this.dispatchEvent(new Event('open'));
        return;
      case 'redirect': {
        this.#drop();
        let next: URL;
        try {
          next = new URL(decision.location, url);
        } catch {
          this.#fail(
            new HandshakeRejected(
              'SSE_REDIRECT',
              `redirect to ${JSON.stringify(decision.location)}, which is not a URL`,
              head.status,
            ),
          );
          return;
        }
        if (next.protocol !== 'http:' && next.protocol !== 'https:') {
          this.#fail(
            new HandshakeRejected('SSE_REDIRECT', `redirect to ${next.protocol}, must be http: or https:`, head.status),
          );
          return;
        }
        this.#connect(next, redirects + 1);
        return;
      }
      case 'fail':
        this.#fail(new HandshakeRejected(decision.code, decision.detail, head.status));
    }
  }

  #dispatch(parser: EventStreamParser, chunk: Uint8Array, url: URL): void {
    if (this.#readyState !== 1) return;
    for (const incoming of parser.receive(chunk)) {
      if (this.#readyState !== 1) return; // a listener has called `close`
      switch (incoming.kind) {
        case 'event':
          this.#lastEventId = incoming.lastEventId;
          this.dispatchEvent(
            new MessageEvent(incoming.type, {
              data: incoming.data,
              lastEventId: incoming.lastEventId,
              origin: url.origin, // §9.2.6: of the final URL, behind redirects
            }),
          );
          break;
        case 'retry':
          this.#reconnectionTimeMs = Math.min(incoming.reconnectionTimeMs, MAX_TIMER_MS);
          break;
        case 'failed':
          // Not in the standard, which has no limits: what exceeds ours would do so again.
          this.#fail(new BarewireError(incoming.code, `${incoming.detail} (${incoming.section})`));
          return;
        case 'comment':
          break;
      }
    }
    this.#lastEventId = parser.lastEventId; // an event without data still moves it
  }

  /** §9.2.3, "reestablish the connection". */
  #reestablish(error: Error | undefined): void {
    if (this.#readyState === 2) return;
    this.#drop();
    this.#readyState = 0;
    const delayMs = Math.min(reconnectionDelayMs(this.#reconnectionTimeMs, this.#failures), MAX_TIMER_MS);
    this.#failures++;
    this.dispatchEvent(new ErrorEvent('error', error ?? new Error('the stream ended')));
    if (this.#readyState !== 0) return; // a listener has called `close`
    this.#cancelTimer = afterAlive(this.#clock, delayMs, () => this.#connect(this.#location, 0));
  }

  /** §9.2.3, "fail the connection": no way back. */
  #fail(error: Error): void {
    if (this.#readyState === 2) return;
    this.#readyState = 2;
    this.#drop();
    this.dispatchEvent(new ErrorEvent('error', error));
  }

  #drop(): void {
    this.#cancelTimer();
    const transport = this.#transport;
    this.#transport = undefined;
    transport?.destroy();
  }
}

/** Node's timers take more for 1 ms, and a server could make us ask again at once for ever. */
const MAX_TIMER_MS = 2_147_483_647;

/** A timer that keeps the process alive: a stream that waits to reconnect is still wanted. */
function afterAlive(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock !== systemClock) return clock.after(ms, callback);
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** @throws TypeError for a header that cannot be sent */
function requestHead(url: URL, original: URL, options: EventSourceOptions, lastEventId: string): string {
  const fields: [string, string][] = [
    ['Host', url.host],
    ['Accept', 'text/event-stream'], // §9.2.2 step 9
    ['Cache-Control', 'no-store'], // step 10: the cache mode is "no-store"
  ];
  // §9.2.3 step 4: the UTF-8 octets of the ID, which a head carries one character each.
  if (lastEventId !== '') fields.push(['Last-Event-ID', Buffer.from(lastEventId).toString('latin1')]);
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // CVE-2022-1650: secrets for one origin are not shown to another.
    if (url.origin !== original.origin && /^(authorization|cookie|proxy-authorization)$/i.test(name)) continue;
    fields.push([name, value]);
  }
  return encodeRequestHead('GET', url.pathname + url.search, fields);
}
