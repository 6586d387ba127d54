/**
 * A request as handlers see it: the parsed head, the route's parameters, the whole body, and who sent it.
 *
 * Derived values (query, cookies, signal) are worked out when asked for, since most handlers ask for few of them, and a
 * WebSocket keeps its request for as long as it lives. Knows no connection: whoever owns one tells that the client left.
 * Read next: `exchange.ts`.
 */

import type { Remote } from '../channel/port.ts';
import { ConnectionClosed, ProtocolViolation } from '../errors.ts';
import { parseCookies } from '../http/cookies.ts';
import { HeaderFields } from '../http/headers.ts';
import { pathOf, queryOf } from '../http/target.ts';
import type { HttpRequest, RawRequest } from './api.ts';

/** What every door knows of a request. A request keeps what it is given, as long as it lives or until it is compacted. */
export interface RequestParts {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderFields;
}

/** What trusted proxies tell of the client; what they leave out is as the connection has it. */
export interface Forwarded {
  readonly address?: string | undefined;
  readonly secure?: boolean | undefined;
  readonly host?: string | undefined;
}

/** The connection that brought a request: every `Channel` is one. */
export interface Source {
  readonly remote: Remote;
}

/** Made when first asked for: an idle WebSocket keeps its request. */
interface Rare {
  body: Uint8Array | undefined;
  forwarded: Forwarded | undefined;
  query: URLSearchParams | undefined;
  abort: AbortController | undefined;
  /** Node's, where a door handed it over. */
  raw: RawRequest | undefined;
  /** The client has left, or was given up for this reason. */
  left: Error | true | undefined;
}

/** Shared by all requests of routes without parameters. */
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));
const NO_BODY = new Uint8Array(0);
const NOTHING_RARE: Rare = {
  body: undefined,
  forwarded: undefined,
  query: undefined,
  abort: undefined,
  raw: undefined,
  left: undefined,
};

export class Request implements HttpRequest {
  /** Set by the router's match, before a handler sees the request. */
  params: Readonly<Record<string, string>> = NO_PARAMS;
  readonly #source: Source;
  /** What was read, or the text of the head until somebody asks for a field. */
  #parts: RequestParts | string;
  /** What few requests need. */
  #rare: Rare | undefined = undefined;

  constructor(parts: RequestParts, body: Uint8Array, source: Source, forwarded?: Forwarded) {
    this.#parts = parts;
    this.#source = source;
    if (forwarded !== undefined) Request.#useRare(this).forwarded = forwarded;
    if (body.length > 0) Request.#useRare(this).body = body;
  }

  /** @internal Came through a door, with this request of Node's. */
  static setRaw(request: Request, raw: object): void {
    Request.#useRare(request).raw = raw as RawRequest;
  }

  /** @internal For those that last: lets go of Node's request, and of what was read, which is read again from `head` if somebody asks. */
  static compact(request: Request, head: string): void {
    request.#parts = head;
    const rare = request.#rare;
    if (rare === undefined) return;
    rare.raw = undefined;
    // As if nobody had asked for anything: it is there for Node's request alone.
    if (Object.values(rare).every((each) => each === undefined)) request.#rare = undefined;
  }

  get method(): string {
    const parts = this.#parts;
    return typeof parts === 'string' ? parts.slice(0, parts.indexOf(' ')) : parts.method;
  }

  get target(): string {
    const parts = this.#parts;
    if (typeof parts !== 'string') return parts.target;
    const start = parts.indexOf(' ') + 1;
    return parts.slice(start, parts.indexOf(' ', start));
  }

  get headers(): HeaderFields {
    if (typeof this.#parts === 'string') {
      const { method, target } = this;
      this.#parts = { method, target, headers: HeaderFields.fromHead(this.#parts) };
    }
    return this.#parts.headers;
  }

  get remoteAddress(): string {
    return this.#rare?.forwarded?.address ?? this.#source.remote.address;
  }

  get secure(): boolean {
    return this.#rare?.forwarded?.secure ?? this.#source.remote.secure;
  }

  get host(): string {
    return this.#rare?.forwarded?.host ?? this.headers.get('host') ?? '';
  }

  get path(): string {
    return pathOf(this.target);
  }

  get query(): URLSearchParams {
    const rare = Request.#useRare(this);
    rare.query ??= new URLSearchParams(queryOf(this.target));
    return rare.query;
  }

  get cookies(): ReadonlyMap<string, string> {
    return parseCookies(this.headers.getAll('cookie'));
  }

  get raw(): RawRequest | undefined {
    return this.#rare?.raw;
  }

  get signal(): AbortSignal {
    const rare = Request.#useRare(this);
    if (rare.abort === undefined) {
      rare.abort = new AbortController();
      if (rare.left !== undefined) rare.abort.abort(left(rare.left));
    }
    return rare.abort.signal;
  }

  /** @internal The client has left: aborts `signal`. Handlers see `HttpRequest`, which does not have it. */
  static abort(request: Request, error?: Error): void {
    const rare = Request.#useRare(request);
    rare.left = error ?? true;
    rare.abort?.abort(left(rare.left));
  }

  static #useRare(request: Request): Rare {
    request.#rare ??= { ...NOTHING_RARE };
    return request.#rare;
  }

  get body(): Uint8Array {
    return this.#rare?.body ?? NO_BODY;
  }

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  json(): unknown {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new ProtocolViolation('HTTP_BODY_NOT_JSON', 'request body is not JSON', 'RFC 8259 §2', { cause: error });
    }
  }
}

function left(why: Error | true): ConnectionClosed {
  return new ConnectionClosed('CLIENT_LEFT', why === true ? 'the client has left' : why.message);
}
