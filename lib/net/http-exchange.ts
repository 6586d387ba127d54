/**
 * The exchange of one request that came over our own listener (see `exchange.ts`): how its answer is written in HTTP/1.1.
 *
 * Knows how responses are framed (RFC 9112 §6) and nothing of the requests before and after it: those are the host's.
 * Read next: `http-connection.ts`, the host.
 */

import { sendable } from '../bytes/lent-memory.ts';
import type { Channel } from '../channel/port.ts';
import { encodeResponseHead, type RequestHead } from '../http/head.ts';
import { type ClientHandshake, encodeServerHandshake } from '../websocket/handshake.ts';
import type { Exchange, HandshakeAnswer, StreamBody, TakenOver } from './exchange.ts';
import { Request } from './request.ts';
import { type CheckedResponse, type Field, hasField, hasNoContent, httpDate } from './responses.ts';

/** The connection that an exchange belongs to. */
export interface ExchangeHost {
  readonly channel: Channel;
  /** Whether another request may follow on this connection. */
  readonly mayPersist: boolean;
  /** The response has been written: the next request is taken, or the connection ends. */
  responded(persists: boolean): void;
  /** Leaves the channel to another protocol. Answers the bytes that came after the request's head. */
  detach(): Uint8Array;
}

export class HttpExchange implements Exchange {
  readonly request: Request;
  readonly handshake: ClientHandshake | undefined;
  readonly #host: ExchangeHost;
  readonly #head: RequestHead;
  #answered = false;
  /** The client went before it was answered. */
  #left = false;
  #holding = false;

  constructor(host: ExchangeHost, head: RequestHead, request: Request, handshake: ClientHandshake | undefined) {
    this.#host = host;
    this.#head = head;
    this.request = request;
    this.handshake = handshake;
  }

  respond(response: CheckedResponse, options: { readonly close?: boolean } = {}): void {
    if (!this.#answer()) return;
    const persists = options.close !== true && this.handshake === undefined && this.#host.mayPersist;
    writeResponse(this.#host.channel, response, { persists, minor: this.#head.minor, isHead: this.#isHead });
    this.#host.responded(persists);
  }

  acceptWebSocket({ protocol, extensions, fields }: HandshakeAnswer): TakenOver | undefined {
    if (this.handshake?.kind !== 'accept')
      throw new TypeError('the request is not an opening handshake (RFC 6455 §4.2.1)');
    const head = encodeServerHandshake({ key: this.handshake.key, protocol, extensions, headers: fields });
    if (!this.#answer()) return undefined;
    const { channel } = this.#host;
    const rest = this.#host.detach();
    Request.compact(this.request, this.#head.text);
    append(channel, head);
    return { channel, rest };
  }

  openStream(status: number, fields: readonly Field[]): StreamBody | undefined {
    const chunked = this.#head.minor >= 1; // RFC 9112 §6.1: no transfer coding to HTTP/1.0
    // RFC 9112 §6.1: a response to HEAD may say how the one to GET would be framed.
    const framing: Field[] = chunked ? [['Transfer-Encoding', 'chunked']] : [];
    if (this.#isHead) {
      this.respond({ status, fields: [...fields, ...framing], body: NO_BODY });
      return undefined;
    }
    if (!this.#answer()) return undefined;
    const { channel } = this.#host;
    this.#host.detach();
    Request.compact(this.request, this.#head.text);
    channel.flush(); // so that nothing but the head is in the output, if it must be taken back
    const mayReplace = channel.output.byteLength === 0; // what is being written has left the output
    const { sentBytes } = channel;
    // Choice: a stream is the last response of its connection, and does not say so where its end shows (RFC 9112 §9.6 has a
    // server that "intends to close" say it). Node's fetch takes any end of a connection that was announced for the end of the
    // response, also before the last chunk, and could not tell a failure from the end.
    const end: Field[] = chunked ? [] : [['Connection', 'close']];
    append(channel, encodeResponseHead(status, [['Date', httpDate()], ...fields, ...framing, ...end]));
    const replace = (response: CheckedResponse): boolean => {
      if (!mayReplace || channel.sentBytes !== sentBytes || channel.destroyed) return false;
      channel.output.clear();
      writeResponse(channel, response, { persists: false, minor: this.#head.minor, isHead: false });
      channel.end();
      return true;
    };
    return { channel, chunked, replace };
  }

  holdBack(): void {
    this.#holding = true;
  }

  /** From the host: a handler decides, and nothing should come before it has. */
  get holding(): boolean {
    return this.#holding && !this.#answered;
  }

  /** From the host: the client has left. */
  leave(): void {
    if (this.#answered || this.#left) return;
    this.#left = true;
    Request.abort(this.request);
  }

  get #isHead(): boolean {
    return this.#head.method === 'HEAD';
  }

  /** Takes the one right to answer; false: nobody is there to hear it. */
  #answer(): boolean {
    if (this.#left) return false;
    if (this.#answered) throw new Error(`the request ${this.request.method} ${this.request.path} was answered already`);
    this.#answered = true;
    return !this.#host.channel.destroyed;
  }
}

/** Writes a whole response (RFC 9112 §4, §6). */
export function writeResponse(
  channel: Channel,
  { status, fields, body }: CheckedResponse,
  how: { readonly persists: boolean; readonly minor: number; readonly isHead: boolean },
): void {
  const all: Field[] = hasField(fields, 'date') ? [...fields] : [['Date', httpDate()], ...fields]; // RFC 9110 §6.6.1
  // RFC 9110 §8.6: no Content-Length with 1xx and 204, nor beside a transfer coding; with 304 it would be that of a 200.
  if (!hasNoContent(status) && !hasField(fields, 'transfer-encoding'))
    all.push(['Content-Length', String(body.length)]);
  else if (status === 205) all.push(['Content-Length', '0']); // RFC 9110 §15.3.6
  // RFC 9112 §9.6: say so when this is the last answer; HTTP/1.0 must be told that it is not (§9.3).
  if (!how.persists) all.push(['Connection', 'close']);
  else if (how.minor === 0) all.push(['Connection', 'keep-alive']);
  const head = encodeResponseHead(status, all);
  if (how.isHead || body.length === 0) append(channel, head);
  else if (body.length <= MAX_COPIED_BODY_BYTES) appendTogether(channel, head, body);
  else {
    append(channel, head);
    channel.output.append(sendable(body), 0, body.length);
  }
  channel.flushSoon();
}

/** A body of at most so many octets is copied after its head, so that both leave in one piece: a second one costs more than a copy. */
const MAX_COPIED_BODY_BYTES = 4_096;

function appendTogether({ output }: Channel, head: string, body: Uint8Array): void {
  const { bytes, position } = output.reserve(head.length + body.length);
  asBuffer(bytes).latin1Write(head, position);
  bytes.set(body, position + head.length);
  output.commit(head.length + body.length);
}

/** The block is a Buffer, as `Arena` makes it. What `write` adds to this method is choosing it by the name of the encoding. */
function asBuffer(bytes: Uint8Array): { latin1Write(text: string, offset: number): number } {
  return bytes as unknown as { latin1Write(text: string, offset: number): number };
}

/** Puts a head in the output, in octets. */
export function append(channel: Channel, head: string): void {
  const bytes = Buffer.from(head, 'latin1');
  channel.output.append(bytes, 0, bytes.length);
}

const NO_BODY = new Uint8Array(0);
