/**
 * The exchange of a request that is answered through a response of Node's: `ServerResponse`, or HTTP/2's of the same face.
 *
 * The response belongs to the application and what else stands around it: status and fields that were set before stay unless
 * ours have the same name, and `write` may have been replaced, as compression middleware does. How it is framed is Node's
 * business. An event stream is a channel that is only written to. Read next: `response-stream.ts`, `../net/dispatch.ts`.
 */

import type { ServerHttp2Stream } from 'node:http2';
import { DuplexChannel } from '../channel/duplex.ts';
import type { Channel, Owner, Remote, Sink } from '../channel/port.ts';
import type { Exchange, StreamBody, TakenOver } from '../net/exchange.ts';
import { Request } from '../net/request.ts';
import { type CheckedResponse, type Field, hasNoContent } from '../net/responses.ts';
import { onClientLeft } from './client-left.ts';
import { forgetRest } from './drop-response.ts';
import { destroyOnceReset } from './http2-reset.ts';
import type { NodeRequest, NodeResponse } from './node-request.ts';
import { ResponseStream } from './response-stream.ts';

/** Where the channels of streams are counted. */
export interface StreamOwner extends Owner {
  readonly channels: Set<Channel>;
}

/** Receives nothing: replaced at once by the connection of the stream. */
const NOBODY: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

export class ResponseExchange implements Exchange {
  readonly request: Request;
  readonly handshake: undefined;
  readonly #node: { readonly request: NodeRequest; readonly response: NodeResponse };
  readonly #remote: Remote;
  readonly #owner: StreamOwner;
  #answered = false;
  /** The client went before it was answered. */
  #left = false;

  /** `over` is called when the response is over or its client has gone. */
  constructor(
    node: { readonly request: NodeRequest; readonly response: NodeResponse },
    request: Request,
    remote: Remote,
    owner: StreamOwner,
    over?: () => void,
  ) {
    this.#node = node;
    this.request = request;
    this.#remote = remote;
    this.#owner = owner;
    // Node tells of a client that has left by these, the error only where somebody listens; without a listener HTTP/2 throws.
    node.request.on('error', ignoreError);
    node.response.on('error', ignoreError);
    const { stream } = node.response as { readonly stream?: ServerHttp2Stream };
    if (stream !== undefined) destroyOnceReset(stream);
    onClientLeft(node.response, () => {
      this.#leave();
      over?.();
    });
  }

  get answered(): boolean {
    return this.#answered || this.#left;
  }

  respond(checked: CheckedResponse, options: { readonly close?: boolean } = {}): void {
    if (!this.#answer()) return;
    const { request, response } = this.#node;
    const isHttp2 = request.httpVersionMajor >= 2;
    response.statusCode = checked.status;
    setFields(response, checked.fields);
    // RFC 9112 §9.6; RFC 9113 §8.2.2: HTTP/2 has no connection-specific fields.
    if (options.close === true && !isHttp2) response.setHeader('Connection', 'close');
    if (!hasNoContent(checked.status)) response.setHeader('Content-Length', String(checked.body.length));
    if (checked.body.length === 0 || this.request.method === 'HEAD') response.end();
    else response.end(checked.body);
    forgetRest(response);
  }

  acceptWebSocket(): TakenOver | undefined {
    throw new TypeError('a WebSocket comes as an upgrade, not as a response (RFC 6455 §4.2.2)');
  }

  /** The status is the response's own, 200 unless the application has set another one. */
  openStream(_status: number, fields: readonly Field[]): StreamBody | undefined {
    if (!this.#answer()) return undefined;
    if (this.request.method !== 'HEAD') return this.#openBody(fields);
    const { response } = this.#node;
    setFields(response, fields);
    response.end();
    forgetRest(response);
    return undefined;
  }

  /** The same for whoever needs a body in any case: nothing is sent of it where the client has left, or has sent HEAD. */
  openBody(fields: readonly Field[]): StreamBody {
    this.#answer();
    return this.#openBody(fields);
  }

  #openBody(fields: readonly Field[]): StreamBody {
    const { request, response } = this.#node;
    const restore = remember(response, fields);
    // The server's `timeout` is for requests; a stream has deadlines of its own. Over HTTP/2 it would be the whole session's.
    if (request.httpVersionMajor < 2) response.setTimeout?.(0);
    response.removeHeader('Content-Length');
    setFields(response, fields);
    const channel = new DuplexChannel(
      { stream: new ResponseStream(response), remote: this.#remote, owner: this.#owner },
      NOBODY,
    );
    this.#owner.channels.add(channel);
    // At the end of this turn, so that what a handler throws until then can still be answered with 500.
    setImmediate(() => {
      if (!response.headersSent && !channel.destroyed) response.flushHeaders?.();
    });
    const replace = (instead: CheckedResponse): boolean => {
      if (response.headersSent || channel.destroyed) return false;
      channel.output.clear();
      restore();
      this.#answered = false;
      this.respond(instead);
      return true;
    };
    return { channel, chunked: false, replace };
  }

  /** Nothing comes too early here: Node keeps what follows a request. */
  holdBack(): void {}

  #leave(): void {
    if (this.#answered || this.#left) return;
    this.#left = true;
    Request.abort(this.request);
  }

  /** Takes the one right to answer; false: nobody is there to hear it, or something around us has answered, a time limit perhaps. */
  #answer(): boolean {
    if (this.#left || this.#node.response.headersSent) return false;
    if (this.#answered) throw new Error(`the request ${this.request.method} ${this.request.path} was answered already`);
    this.#answered = true;
    return true;
  }
}

function ignoreError(): void {}

/** Fields of one name become one list; Vary and Set-Cookie join what is there, every other one takes its place. */
function setFields(response: NodeResponse, fields: readonly Field[]): void {
  const lists = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const list = lists.get(key) ?? {
      name,
      values: key === 'vary' || key === 'set-cookie' ? valuesOf(response, key) : [],
    };
    list.values.push(value);
    lists.set(key, list);
  }
  for (const { name, values } of lists.values()) {
    const joined = name.toLowerCase() === 'vary' ? [...new Set(values.flatMap(namesOf))].join(', ') : values;
    response.setHeader(name, typeof joined === 'string' ? joined : joined.length === 1 ? joined[0]! : joined);
  }
}

/** What puts the fields of these names back as they are now. */
function remember(response: NodeResponse, fields: readonly Field[]): () => void {
  const before = fields.map(([name]) => [name, response.getHeader(name)] as const);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) response.removeHeader(name);
      else response.setHeader(name, typeof value === 'number' ? String(value) : value);
    }
  };
}

function valuesOf(response: NodeResponse, name: string): string[] {
  const value = response.getHeader(name);
  if (value === undefined) return [];
  return typeof value === 'object' ? [...value] : [String(value)];
}

function namesOf(vary: string): string[] {
  return vary.split(',').map((name) => name.trim().toLowerCase());
}
