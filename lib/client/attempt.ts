/**
 * One attempt to open a connection: the application's headers, the dialing, the request, its redirects and its answer.
 *
 * Knows HTTP and deadlines; what is asked for and which answer will do is the plan's business (`AttemptPlan`), which each
 * client makes. Comes to exactly one end: `accepted` or `failed`. Between two hops it holds no connection, and of a refusal
 * it keeps the first 4 KiB. Sections: the plan, `Attempt`, headers, errors. Read next: `websocket-handshake.ts`.
 */

import type { Channel, Sink } from '../channel/port.ts';
import { asError, ConnectFailed, HandshakeRejected } from '../errors.ts';
import type { HttpViolation, ResponseHead } from '../http/head.ts';
import { type ResponseIncoming, ResponseParser } from '../http/response-parser.ts';
import type { Clock } from '../net/sweeper.ts';
import { type DialOptions, dial, forAnotherOrigin, NOBODY } from './dialer.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

/** Request headers by name, or as pairs (a `Headers` object, for example). */
export type HeaderValues = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** Request headers, or a function that is asked for them before every attempt: for tokens that expire. */
export type HeadersOption = HeaderValues | (() => HeaderValues | Promise<HeaderValues>);

/** What is kept of a refusal's body for the error that tells of it. */
export const MAX_REFUSAL_BYTES = 4_096;

/** How long the body of a refusal is waited for: the refusal is known already, and a body without a length may never end. */
export const REFUSAL_BODY_TIMEOUT_MS = 1_000;

/** One request of an attempt: the first, or one that a redirect led to. */
export interface Hop {
  readonly url: URL;
  readonly endpoint: Endpoint;
  /** Redirects before it. */
  readonly redirects: number;
  readonly method: string;
  /**
   * The application's headers, with `Authorization` from the URL; empty on an origin other than the first
   * (CVE-2022-1650: what was meant for one server is not shown to another).
   */
  readonly headers: readonly (readonly [string, string])[];
}

/** What a response head means to the client that asked. */
export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'reject'; readonly code: string; readonly detail: string };

/** Takes what follows an accepted head on the same connection. */
export interface BodyReceiver {
  receive(incoming: ResponseIncoming): void;
  /** The connection is gone; nothing follows. */
  gone(error: Error | undefined): void;
}

export interface AttemptPlan {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeadersOption | undefined;
  readonly dial: DialOptions;
  readonly clock: Clock;
  /** From here to a whole response head, all hops together. */
  readonly handshakeTimeoutMs: number;
  /** @throws TypeError for what may not be sent */
  encode(hop: Hop): Uint8Array;
  judge(head: ResponseHead, hop: Hop): Verdict;
  /** Where a redirect leads. @throws Error, told in its words, where it may not */
  redirect(location: string, hop: Hop, status: number): { readonly url: URL; readonly method: string };
  /** `rest`: what came behind a 101. Without an answer the plan has taken the channel over itself. */
  accepted(answer: Accepted): BodyReceiver | undefined;
  failed(error: ConnectFailed | HandshakeRejected): void;
}

export interface Accepted {
  readonly channel: Channel;
  readonly head: ResponseHead;
  readonly hop: Hop;
  readonly rest: Uint8Array;
}

export class Attempt implements Sink {
  readonly #plan: AttemptPlan;
  readonly #firstOrigin: string;
  /** Of the handshake; of a refusal's body once there is one. */
  #cancelTimeout: () => void = () => {};
  #hop: Hop | undefined = undefined;
  /** What to stop: the dialing, then the connection. */
  #drop: () => void = () => {};
  #parser: ResponseParser | undefined = undefined;
  #channel: Channel | undefined = undefined;
  /** Set by `accepted`. */
  #body: BodyReceiver | undefined = undefined;
  /** Set while the body of a refusal is read. */
  #refusal: { readonly head: ResponseHead; readonly verdict: Verdict & { kind: 'reject' } } | undefined = undefined;
  #refusalBody = new Uint8Array(0);
  #over = false;

  /** Begins at once. Where `headers` is a function it is asked first. @throws what `dial` does */
  constructor(plan: AttemptPlan) {
    this.#plan = plan;
    this.#firstOrigin = endpointOf(plan.url, plan.dial.socketPath).origin;
    if (typeof plan.headers === 'function') void this.#askHeaders(plan.headers);
    else this.#request(plan.url, plan.method, 0, pairs(plan.headers)); // may throw: then there is no timer
    this.#cancelTimeout = plan.clock.after(plan.handshakeTimeoutMs, () => this.#timeOut());
  }

  /** Gives up: `failed` is not called, unless `error` is given. */
  abort(error?: ConnectFailed): void {
    if (this.#over) {
      this.#body = undefined;
      this.#channel = undefined;
      this.#drop();
    } else if (error !== undefined) this.#fail(error);
    else this.#finish();
  }

  async #askHeaders(headers: () => HeaderValues | Promise<HeaderValues>): Promise<void> {
    await undefined; // nothing is told within the constructor: listeners may not be there yet
    let given: HeaderValues;
    try {
      given = await headers();
    } catch (error) {
      this.#failHeaders('HEADERS_FAILED', 'no headers for this attempt', error);
      return;
    }
    if (this.#over) return;
    try {
      this.#request(this.#plan.url, this.#plan.method, 0, pairs(given));
    } catch (error) {
      this.#failHeaders('HEADERS_INVALID', 'the headers of this attempt cannot be sent', error);
    }
  }

  #failHeaders(code: string, what: string, error: unknown): void {
    const cause = asError(error);
    this.#fail(new ConnectFailed(code, `${what}: ${cause.message}`, { cause }));
  }

  #request(url: URL, method: string, redirects: number, given: readonly (readonly [string, string])[]): void {
    const { dial: options } = this.#plan;
    const { origin } = endpointOf(url, undefined);
    const same = origin === this.#firstOrigin || redirects === 0;
    const endpoint = endpointOf(url, same ? options.socketPath : undefined);
    const hop: Hop = { url, endpoint, redirects, method, headers: same ? withAuthorization(given, endpoint) : [] };
    const bytes = this.#plan.encode(hop);
    this.#hop = hop;
    this.#parser = new ResponseParser({ method });
    this.#drop = dial(endpoint, same ? options : forAnotherOrigin(options), {
      connected: (channel) => {
        this.#channel = channel;
        this.#drop = () => {
          channel.sink = NOBODY;
          channel.destroy();
        };
        channel.sink = this;
        channel.output.append(bytes, 0, bytes.length);
        channel.flush();
      },
      failed: (error) => this.#fail(error),
    });
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    const parser = this.#parser!;
    const channel = this.#channel!;
    for (const incoming of parser.receive(chunk)) {
      if (this.#channel !== channel) return; // aborted, or on its way to another place
      if (this.#body !== undefined) this.#body.receive(incoming);
      else if (this.#over) return;
      else if (this.#refusal !== undefined) this.#readRefusal(incoming);
      else if (incoming.kind === 'head') this.#judge(incoming.head);
      else if (incoming.kind === 'failed') this.#fail(malformed(incoming));
    }
  }

  /** `Sink`. */
  receiveEnd(): void {
    const [last] = this.#parser!.receiveEnd();
    if (this.#body !== undefined) {
      if (last !== undefined) this.#body.receive(last);
    } else if (this.#refusal !== undefined) this.#reject();
    else
      this.#fail(
        new ConnectFailed(
          'HANDSHAKE_INCOMPLETE',
          'the connection ended before the answer did (RFC 6455 §4.1, RFC 9112 §8)',
        ),
      );
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(error: Error | undefined): void {
    if (this.#body !== undefined) this.#body.gone(error);
    else if (this.#refusal !== undefined) this.#reject();
    else {
      const what = error?.message ?? 'the connection ended before the answer did';
      this.#fail(new ConnectFailed('DIAL_FAILED', what, error === undefined ? undefined : { cause: error }));
    }
  }

  #judge(head: ResponseHead): void {
    const hop = this.#hop!;
    const verdict = this.#plan.judge(head, hop);
    if (verdict.kind === 'redirect') this.#redirect(verdict.location, head, hop);
    else if (verdict.kind === 'reject') {
      this.#refusal = { head, verdict };
      // A 101 has no body: what follows it is of another protocol, which was not agreed.
      if (head.status === 101) this.#reject();
      else {
        this.#cancelTimeout();
        this.#cancelTimeout = this.#plan.clock.after(REFUSAL_BODY_TIMEOUT_MS, () => this.#reject());
      }
    } else {
      const channel = this.#channel!;
      this.#over = true;
      this.#cancelTimeout();
      this.#body = this.#plan.accepted({ channel, head, hop, rest: this.#parser!.takeRest() });
    }
  }

  #redirect(location: string, head: ResponseHead, hop: Hop): void {
    this.#drop();
    this.#channel = undefined;
    try {
      const { url, method } = this.#plan.redirect(location, hop, head.status);
      this.#request(url, method, hop.redirects + 1, hop.headers);
    } catch (error) {
      const detail = `redirect to ${JSON.stringify(location)}: ${(error as Error).message}`;
      this.#fail(new HandshakeRejected('REDIRECT', detail, head, { cause: error as Error }));
    }
  }

  #readRefusal(incoming: ResponseIncoming): void {
    if (incoming.kind === 'body') {
      const room = MAX_REFUSAL_BYTES - this.#refusalBody.length;
      this.#refusalBody = concat(this.#refusalBody, incoming.chunk.subarray(0, room));
      if (incoming.chunk.length < room) return;
    }
    this.#reject();
  }

  #reject(): void {
    const { head, verdict } = this.#refusal!;
    const { status, headers } = head;
    this.#fail(new HandshakeRejected(verdict.code, verdict.detail, { status, headers, body: this.#refusalBody }));
  }

  #timeOut(): void {
    const { handshakeTimeoutMs } = this.#plan;
    this.#fail(new ConnectFailed('HANDSHAKE_TIMEOUT', `no answer within ${handshakeTimeoutMs} ms`));
  }

  #fail(error: ConnectFailed | HandshakeRejected): void {
    if (this.#over) return;
    this.#finish();
    this.#plan.failed(error);
  }

  #finish(): void {
    this.#over = true;
    this.#channel = undefined;
    this.#cancelTimeout();
    this.#drop();
  }
}

/** Headers as pairs, in their order. */
export function pairs(headers: HeaderValues | undefined): readonly (readonly [string, string])[] {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError(`headers is ${String(headers)}, must be an object, pairs, or a function that gives them`);
  return Symbol.iterator in headers ? [...headers] : Object.entries(headers);
}

/** The URL's user name and password, unless the application has said better. */
function withAuthorization(
  given: readonly (readonly [string, string])[],
  endpoint: Endpoint,
): readonly (readonly [string, string])[] {
  const { authorization } = endpoint;
  if (authorization === undefined || given.some(([name]) => /^authorization$/i.test(name))) return given;
  return [...given, ['Authorization', authorization]];
}

function malformed(violation: HttpViolation): HandshakeRejected {
  return new HandshakeRejected(violation.code, `the answer is not HTTP: ${violation.detail} (${violation.section})`);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
