/**
 * A WebSocket that comes back by itself, in browsers and in Node alike.
 *
 * Knows when to try again, when to give up and what to do with messages meanwhile; the WebSocket itself is the platform's, or
 * given. Imports nothing of Node: this file and `backoff.ts` are all of it, under 4 kB compressed. Messages are sent at most
 * once: what was sent and not received when a connection broke is lost, so what must arrive needs acknowledgements above this.
 * Sections: options, the socket, the decision after a loss. Read next: `backoff.ts`.
 */

import { jitterMs, retryAfterMs } from './backoff.ts';

/** As much of a WHATWG WebSocket as is used. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(data: never): void;
  close(code?: number, reason?: string): void;
}

/** What can be sent: as `WebSocket.send`. */
export type Message = string | ArrayBuffer | ArrayBufferView | Blob;

/** What follows a close code: nothing more, another attempt, or another attempt with a new token. */
export type AfterClose = 'final' | 'retry' | 'token';

/** A value, or a function that is asked for it before every attempt and is given the token. */
export type PerAttempt<T> = T | ((token: string | undefined) => T | Promise<T>);

export interface ReconnectingOptions {
  readonly protocols?: PerAttempt<string | readonly string[]> | undefined;
  /** The constructor's third argument, for clients that take one: `(token) => ({ headers: { Authorization: token } })`. */
  readonly socketOptions?: PerAttempt<object> | undefined;
  /**
   * A token, or a function that gives one: asked before the first attempt, and once more when the server refuses it (401, 403, or a close
   * code that `finalCodes` answers with `token`). A new one that is refused too is final. It goes nowhere by itself: the functions among
   * URL, `protocols` and `socketOptions` are given it. A text is refused where none of them is a function.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Default: the global one. */
  readonly WebSocket?: (new (url: string, protocols?: string | string[], options?: never) => WebSocketLike) | undefined;
  /** Default `arraybuffer`. */
  readonly binaryType?: 'blob' | 'arraybuffer' | undefined;
  /** The ceiling of the first wait, doubled with each attempt; each wait is a random part of it. Default 1,000. */
  readonly minRetryMs?: number | undefined;
  /** The most that a wait grows to; behind 1013 the least of one. Behind 1012 it is 5 to 30 seconds in any case. Default 30,000. */
  readonly maxRetryMs?: number | undefined;
  /** Attempts that may fail in a row. Default: no limit. */
  readonly maxRetries?: number | undefined;
  /** A connection that has held so long counts as a success, and the next wait is short again. Default 5,000. */
  readonly stableAfterMs?: number | undefined;
  /** From an attempt's beginning to `open`. Default 15,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Messages kept while there is no connection. Default 1,000. */
  readonly maxQueuedMessages?: number | undefined;
  /** And their bytes. Default 1 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** What gives way when they are too many: the new message (default; `send` answers false) or the oldest ones. */
  readonly whenFull?: 'refuse' | 'drop-oldest' | undefined;
  /** Exceptions to what is final, by close code or HTTP status: `{ 4001: 'token', 404: 'retry' }`. */
  readonly finalCodes?: Readonly<Record<number, AfterClose>> | undefined;
  /** Closes for good. */
  readonly signal?: AbortSignal | undefined;
  /** A number from 0 to 1; for tests. */
  readonly random?: (() => number) | undefined;
  /** Where time comes from; for tests. */
  readonly clock?: { now(): number; after(ms: number, callback: () => void): () => void } | undefined;
}

/** Fired when an attempt has been put off. */
export interface WaitingEvent extends Event {
  /** Infinity: until the browser is online again. */
  readonly retryInMs: number;
  /** Which attempt in a row that will be; 1 behind a connection that held. */
  readonly attempt: number;
  /** Why: the close code and reason of what was lost. */
  readonly code: number;
  readonly reason: string;
}

/** Fired once, when there will be no further attempt. */
export interface FinalCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  /** The HTTP status, where the last handshake was refused with one and the WebSocket tells. */
  readonly status: number | undefined;
}

/** Which event a listener of each type is given. */
export interface ReconnectingEventMap {
  open: Event;
  message: MessageEvent;
  error: Event & { readonly error?: unknown };
  waiting: WaitingEvent;
  close: FinalCloseEvent;
}

interface TypedTarget extends EventTarget {
  addEventListener<T extends keyof ReconnectingEventMap>(
    type: T,
    listener: (event: ReconnectingEventMap[T]) => unknown,
    options?: { readonly once?: boolean; readonly signal?: AbortSignal } | boolean,
  ): void;
  addEventListener(type: string, listener: ((event: Event) => unknown) | { handleEvent(event: Event): unknown }): void;
}

/** What a browser has and Node has not. */
interface Surroundings {
  addEventListener?(type: string, listener: () => void, options: { signal: AbortSignal }): void;
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: Surroundings & { readonly visibilityState: string };
  readonly WebSocket?: NonNullable<ReconnectingOptions['WebSocket']>;
}

interface Loss {
  code: number;
  reason: string;
  status?: number | undefined;
  retryAfter?: string | null | undefined;
  /** The WebSocket could not even be made. */
  isMistake?: boolean;
}

const Target: new () => TypedTarget = EventTarget;
const surroundings = globalThis as unknown as Surroundings;

const systemClock = {
  now: () => Date.now(),
  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1)); // a timer of more than 24 days would end at once
    return () => clearTimeout(timer);
  },
};

const DEFAULTS = {
  binaryType: 'arraybuffer',
  minRetryMs: 1_000,
  maxRetryMs: 30_000,
  maxRetries: Number.POSITIVE_INFINITY,
  stableAfterMs: 5_000,
  connectTimeoutMs: 15_000,
  maxQueuedMessages: 1_000,
  maxQueuedBytes: 1_048_576,
  whenFull: 'refuse',
  finalCodes: {} as Readonly<Record<number, AfterClose>>,
  random: Math.random,
  clock: systemClock,
} as const;

const AFTER_CLOSE: readonly string[] = ['final', 'retry', 'token'] satisfies AfterClose[];

/** Of a close frame: 125 bytes of payload, of which the code takes two (RFC 6455 §5.5, §5.5.1). */
const MAX_REASON_BYTES = 123;

const WITHOUT_DEFAULT = ['protocols', 'socketOptions', 'token', 'WebSocket', 'signal'];

/** None is undefined. */
type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

type Options = Omit<ReconnectingOptions, keyof typeof DEFAULTS> &
  Complete<Pick<ReconnectingOptions, keyof typeof DEFAULTS>>;

export class ReconnectingWebSocket extends Target {
  readonly #url: PerAttempt<string | URL>;
  readonly #options: Options;
  /** Aborted at the end: takes our listeners away. */
  readonly #over = new AbortController();
  #state: 'connecting' | 'open' | 'waiting' | 'closed' = 'connecting';
  #socket: WebSocketLike | undefined;
  #token: string | undefined;
  /** The token was renewed and has not been accepted since. */
  #renewed = false;
  /** Attempts since a connection held. */
  #attempts = 0;
  /** What the latest attempt is known by. Never used again, unlike its number. */
  #attempt = {};
  #queue: { data: Message; bytes: number }[] = [];
  #queuedBytes = 0;
  #cancelTimer: () => void = () => {};

  /**
   * Begins to connect. Where nothing has to be asked for, the first WebSocket is made at once, and what it throws is thrown here.
   * @throws DOMException `SyntaxError` for a URL or a subprotocol that is none; TypeError where there is no WebSocket, and for an
   * unknown option, a wrong `finalCodes`, or a `token` that is none or that nothing is given; RangeError for a time or count that is no positive number, and for `minRetryMs` above `maxRetryMs`
   */
  constructor(url: PerAttempt<string | URL>, options: ReconnectingOptions = {}) {
    super();
    this.#url = url;
    if (typeof options !== 'object' || options === null)
      throw new TypeError('ReconnectingWebSocket: the second argument is an object of options, such as { protocols }');
    for (const name of Object.keys(options))
      if (!(name in DEFAULTS) && !WITHOUT_DEFAULT.includes(name))
        throw new TypeError(`ReconnectingWebSocket: unknown option ${name}`);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.#options = { ...DEFAULTS, ...Object.fromEntries(given) } as Options;
    for (const [name, value] of Object.entries(this.#options))
      if (/^m(ax|in)|Ms$/.test(name) && !(typeof value === 'number' && value > 0))
        throw new RangeError(
          `${name} is ${typeof value === 'number' ? value : typeof value}, must be a positive number`,
        );
    const { minRetryMs, maxRetryMs, finalCodes, clock } = this.#options;
    if (typeof clock?.after !== 'function') throw new TypeError('clock must be an object with a function after');
    if (minRetryMs > maxRetryMs)
      throw new RangeError(`minRetryMs is ${minRetryMs}, and maxRetryMs, which bounds it, ${maxRetryMs}`);
    if (typeof finalCodes !== 'object' || finalCodes === null || finalCodes instanceof Map)
      throw new TypeError("finalCodes must be an object such as { 4001: 'token' }");
    for (const [code, after] of Object.entries(finalCodes))
      if (!AFTER_CLOSE.includes(after) || !/^[1-5]\d{2,3}$/.test(code))
        throw new TypeError(
          `finalCodes has ${code}: ${String(after)}, must be a code or status with ${AFTER_CLOSE.join(', ')}`,
        );
    const { protocols, signal, socketOptions, token } = options;
    if (!/^(undefined|string|function)$/.test(typeof token))
      throw new TypeError(
        `token is ${token === null ? 'null' : typeof token}, must be a string or a function that gives one`,
      );
    const usesToken = [url, protocols, socketOptions].some((each) => typeof each === 'function');
    if (typeof token === 'string' && !usesToken)
      throw new TypeError('token goes nowhere: make the URL, protocols or socketOptions a function that is given it');
    if (!this.#WebSocket) throw new TypeError('there is no WebSocket here: pass one in the options');
    const asks = usesToken || typeof token === 'function';
    const first = asks || signal?.aborted ? undefined : this.#make(`${url}`, protocols, socketOptions);
    const listening = { signal: this.#over.signal };
    surroundings.addEventListener?.('online', () => this.reconnectNow(), listening);
    surroundings.document?.addEventListener?.(
      'visibilitychange',
      () => {
        if (surroundings.document?.visibilityState === 'visible') this.reconnectNow();
      },
      listening,
    );
    signal?.addEventListener('abort', () => this.close(), listening);
    if (signal?.aborted) queueMicrotask(() => this.close());
    else void this.#connect(first);
  }

  /** `closed`: for good. */
  get state(): 'connecting' | 'open' | 'waiting' | 'closed' {
    return this.#state;
  }

  /** Messages that wait for a connection. */
  get queuedMessages(): number {
    return this.#queue.length;
  }

  /**
   * Sends, or keeps for the next connection. False: the message was not taken. Messages sent by a listener of `open` go in front
   * of those that were kept.
   * @throws TypeError in every state for what is no message. Choice: a WebSocket would send the text that it has, such as `[object Object]`
   */
  send(data: Message): boolean {
    if (!isMessage(data))
      throw new TypeError(`send: data is ${typeof data}, must be a string, an ArrayBuffer, a view of one or a Blob`);
    if (this.#state === 'closed') return false;
    if (this.#state === 'open') {
      this.#socket?.send(data as never);
      return true;
    }
    const { maxQueuedBytes, maxQueuedMessages, whenFull } = this.#options;
    const kept = copyOf(data);
    const bytes = sizeOf(kept);
    const isFull = (): boolean => this.#queue.length >= maxQueuedMessages || this.#queuedBytes + bytes > maxQueuedBytes;
    if (bytes > maxQueuedBytes || (whenFull === 'refuse' && isFull())) return false;
    while (isFull()) this.#queuedBytes -= this.#queue.shift()?.bytes ?? 0;
    this.#queue.push({ data: kept, bytes });
    this.#queuedBytes += bytes;
    return true;
  }

  /** Makes an attempt now instead of waiting. */
  reconnectNow(): void {
    if (this.#state !== 'waiting') return;
    this.#cancelTimer();
    void this.#connect();
  }

  /**
   * Closes for good; what was not sent is dropped.
   * @throws DOMException in every state, as `WebSocket.close` does: `InvalidAccessError` for a code other than 1000 and 3000-4999,
   * `SyntaxError` for a reason over 123 bytes. Nothing is closed then.
   */
  close(code = 1000, reason = ''): void {
    const number = Math.round(code);
    const text = `${reason}`;
    if (number !== 1000 && !(number >= 3000 && number <= 4999))
      throw new DOMException(`close code ${code} is neither 1000 nor in 3000-4999`, 'InvalidAccessError');
    const bytes = sizeOf(text);
    if (bytes > MAX_REASON_BYTES)
      throw new DOMException(`close reason is ${bytes} bytes, limit ${MAX_REASON_BYTES}`, 'SyntaxError');
    if (this.#state !== 'closed') this.#finish({ code: number, reason: text });
  }

  get #WebSocket(): NonNullable<ReconnectingOptions['WebSocket']> | undefined {
    return this.#options.WebSocket ?? surroundings.WebSocket;
  }

  #make(url: string, protocols: unknown = [], socketOptions?: unknown): WebSocketLike {
    return new this.#WebSocket!(url, protocols as string[], socketOptions as never);
  }

  async #connect(first?: WebSocketLike): Promise<void> {
    this.#state = 'connecting';
    this.#attempts++;
    const attempt = {};
    this.#attempt = attempt;
    const isCurrent = (): boolean => this.#state === 'connecting' && this.#attempt === attempt;
    const { clock, connectTimeoutMs, protocols, socketOptions, token } = this.#options;
    this.#cancelTimer = clock.after(connectTimeoutMs, () => this.#lost({ code: 1006, reason: 'no answer in time' }));
    if (first) return this.#open(first);
    let isMistake = false;
    try {
      const known = this.#token ?? (await ask(token, undefined));
      if (!isCurrent()) return;
      this.#token = known;
      const url = `${await ask(this.#url, this.#token)}`;
      const wanted = await ask(protocols, this.#token);
      const extra = await ask(socketOptions, this.#token);
      if (!isCurrent()) return;
      isMistake = true; // What a constructor throws for, it throws for again.
      this.#open(this.#make(url, wanted, extra));
    } catch (error) {
      if (!isCurrent()) return;
      this.#fire('error', { error });
      const reason = (error as Error)?.message ?? 'no attempt could be made';
      if (isCurrent()) this.#lost({ code: 1006, reason, isMistake });
    }
  }

  #open(socket: WebSocketLike): void {
    const { binaryType, clock, stableAfterMs } = this.#options;
    let refusal: { status?: number; headers?: { get(name: string): string | null | undefined } } | undefined;
    this.#socket = socket;
    socket.binaryType = binaryType;
    socket.onopen = () => {
      this.#cancelTimer();
      this.#cancelTimer = clock.after(stableAfterMs, () => {
        this.#attempts = 0;
        this.#renewed = false;
      });
      this.#state = 'open';
      this.#fire('open', {});
      while (this.#state === 'open' && this.#queue.length > 0) {
        const { data, bytes } = this.#queue.shift()!;
        this.#queuedBytes -= bytes;
        socket.send(data as never);
      }
    };
    socket.onmessage = ({ data, origin }: MessageEvent) =>
      this.dispatchEvent(new MessageEvent('message', { data, origin }));
    socket.onerror = ({ error }: { error?: typeof refusal }) => {
      refusal = error;
      this.#fire('error', { error });
    };
    socket.onclose = ({ code, reason }: Loss) =>
      this.#lost({ code, reason, status: refusal?.status, retryAfter: refusal?.headers?.get('retry-after') });
  }

  /** There is no connection (any more): decides what comes next. */
  #lost(loss: Loss): void {
    this.#release();
    if (this.#state === 'closed') return;
    const after = this.#after(loss);
    if (loss.isMistake || after === 'final' || this.#attempts > this.#options.maxRetries) {
      this.#finish(loss);
      return;
    }
    if (after === 'token') {
      this.#token = undefined;
      this.#renewed = true;
    }
    const isOffline = surroundings.navigator?.onLine === false;
    const retryInMs = isOffline ? Number.POSITIVE_INFINITY : this.#delayMs(loss);
    this.#state = 'waiting';
    if (!isOffline) this.#cancelTimer = this.#options.clock.after(retryInMs, () => void this.#connect());
    this.#fire('waiting', { retryInMs, attempt: this.#attempts + 1, code: loss.code, reason: loss.reason });
  }

  #after({ code, status }: Loss): AfterClose {
    const { finalCodes, token } = this.#options;
    // RFC 9110 §15.5: 4xx "the client seems to have erred", but for 408 and 429, which ask to come again.
    const ofStatus =
      finalCodes[status!] ??
      (status === 401 || status === 403 ? 'token' : /^4(?!08|29)/.test(`${status}`) ? 'final' : undefined);
    // RFC 6455 §7.4.1: 1000 "the purpose ... has been fulfilled", 1008 "violates its policy"; §7.4.2: 4000-4999 are the application's.
    const after = ofStatus ?? finalCodes[code] ?? (/^(1000|1008|4...)$/.test(`${code}`) ? 'final' : 'retry');
    return after === 'token' && (this.#renewed || !token) ? 'final' : after;
  }

  /** Full jitter, above what the server asks for. The registry of close codes has 5 to 30 seconds for 1012, and "later" for 1013. */
  #delayMs({ code, retryAfter }: Loss): number {
    const { minRetryMs, maxRetryMs, random } = this.#options;
    if (code === 1012) return Math.round(5_000 + 25_000 * random());
    if (code === 1013) return Math.round(maxRetryMs * (1 + random()));
    const floorMs = retryAfterMs(retryAfter, Date.now()) ?? 0;
    return floorMs + jitterMs(Math.max(0, this.#attempts - 1), minRetryMs, maxRetryMs, random());
  }

  #finish({ code, reason, status }: Loss): void {
    const socket = this.#socket;
    this.#state = 'closed';
    this.#release();
    this.#over.abort();
    this.#queue = [];
    this.#queuedBytes = 0;
    socket?.close(code, reason);
    this.#fire('close', { code, reason, status });
  }

  /** Lets go of the socket and of the timer. What the socket still says is not heard. */
  #release(): void {
    const socket = this.#socket;
    this.#cancelTimer();
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // where a WebSocket is an EventEmitter, an error that nobody hears ends the process
    if (this.#state === 'connecting') socket.close();
  }

  #fire(type: string, fields: object): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

async function ask<T>(value: PerAttempt<T>, token: string | undefined): Promise<T> {
  return typeof value === 'function' ? (value as (token: string | undefined) => T | Promise<T>)(token) : value;
}

function isMessage(data: unknown): data is Message {
  return typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob;
}

/** Bytes that are kept must not change with their owner's memory. */
function copyOf(data: Message): Message {
  if (data instanceof ArrayBuffer) return data.slice(0);
  if (!ArrayBuffer.isView(data)) return data;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

function sizeOf(data: Message): number {
  if (typeof data === 'string') return new TextEncoder().encode(data).length;
  return data instanceof Blob ? data.size : data.byteLength;
}
