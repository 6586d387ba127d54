/**
 * A request as handlers see it: the parsed head, the route's parameters, the whole body.
 *
 * Derived values (query, address) are worked out when asked for, since most handlers ask for few of them, and a
 * WebSocket keeps its request for as long as it lives. Read next: `server.ts`.
 */

import type { Socket } from 'node:net';
import type { RequestHead } from '../http/head.ts';
import type { HeaderFields } from '../http/headers.ts';
import { pathOf } from '../http/target.ts';
import type { HttpRequest } from './api.ts';

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
  readonly #socket: Socket;
  /** Made when first asked for. */
  #query: URLSearchParams | undefined = undefined;

  constructor(head: RequestHead, body: Uint8Array, socket: Socket) {
    this.method = head.method;
    this.target = head.target;
    this.headers = head.headers;
    this.body = body.length === 0 ? NO_BODY : body;
    this.#socket = socket;
  }

  /** A system call and 250 bytes, for as long as the connection lasts, when first asked for. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get secure(): boolean {
    return 'encrypted' in this.#socket; // the mark of a `TLSSocket`
  }

  get path(): string {
    return pathOf(this.target);
  }

  get query(): URLSearchParams {
    if (this.#query === undefined) {
      const mark = this.target.indexOf('?');
      this.#query = new URLSearchParams(mark < 0 ? '' : this.target.slice(mark + 1));
    }
    return this.#query;
  }

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  json(): unknown {
    return JSON.parse(this.text());
  }
}
