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
import type { HeaderFields } from '../http/headers.ts';
import { pathOf, queryOf } from '../http/target.ts';
import type { HttpRequest } from './api.ts';

/** What every door knows of a request. */
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

/** Shared by all requests of routes without parameters. */
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));
const NO_BODY = new Uint8Array(0);

export class Request implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderFields;
  readonly body: Uint8Array;
  /** Set by the router's match, before a handler sees the request. */
  params: Readonly<Record<string, string>> = NO_PARAMS;
  readonly #source: Source;
  readonly #forwarded: Forwarded | undefined;
  /** Made when first asked for. */
  #query: URLSearchParams | undefined = undefined;
  /** Made when first asked for; `true` once the client has left and nobody has asked yet. */
  #abort: AbortController | true | undefined = undefined;

  constructor(parts: RequestParts, body: Uint8Array, source: Source, forwarded?: Forwarded) {
    this.method = parts.method;
    this.target = parts.target;
    this.headers = parts.headers;
    this.body = body.length === 0 ? NO_BODY : body;
    this.#source = source;
    this.#forwarded = forwarded;
  }

  get remoteAddress(): string {
    return this.#forwarded?.address ?? this.#source.remote.address;
  }

  get secure(): boolean {
    return this.#forwarded?.secure ?? this.#source.remote.secure;
  }

  get host(): string {
    return this.#forwarded?.host ?? this.headers.get('host') ?? '';
  }

  get path(): string {
    return pathOf(this.target);
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(queryOf(this.target));
    return this.#query;
  }

  get cookies(): ReadonlyMap<string, string> {
    return parseCookies(this.headers.getAll('cookie'));
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) this.#abort = new AbortController();
    else if (this.#abort === true) {
      this.#abort = new AbortController();
      this.#abort.abort(left());
    }
    return this.#abort.signal;
  }

  /** @internal The client has left: aborts `signal`. Handlers see `HttpRequest`, which does not have it. */
  static abort(request: Request): void {
    if (request.#abort === undefined) request.#abort = true;
    else if (request.#abort !== true) request.#abort.abort(left());
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

function left(): ConnectionClosed {
  return new ConnectionClosed('CLIENT_LEFT', 'the client has left');
}
