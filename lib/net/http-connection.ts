/**
 * One accepted connection while it speaks HTTP/1.1: requests in order, one answer each, until it is upgraded or closed.
 *
 * Requests are answered strictly one after the other (RFC 9112 §9.3.2); what a peer pipelines waits in a bounded queue,
 * and beyond that in TCP. Deadlines for heads, bodies and idle connections come from the sweeper.
 * Knows how a response is framed and when a connection may be reused; what to answer is the server's business.
 * Read next: `server.ts`.
 */

import { encodeResponseHead, type RequestHead } from '../http/head.ts';
import { type HttpIncoming, RequestParser } from '../http/request-parser.ts';
import type { HttpResponse } from './api.ts';
import { Request } from './request.ts';
import type { Sweepable, Sweeper } from './sweeper.ts';
import type { Sink, Transport } from './transport.ts';

export interface HttpSettings {
  readonly sweeper: Sweeper;
  readonly limits: {
    readonly maxRequestLineBytes: number;
    readonly maxHeadBytes: number;
    readonly maxHeaderCount: number;
    readonly maxBodyBytes: number;
    readonly maxChunkExtensionBytes: number;
    readonly maxRequestsPerConnection: number;
    readonly maxPipelinedRequests: number;
  };
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** Answers a request through `exchange`, now or later, exactly once. */
  readonly serve: (exchange: Exchange) => void;
  /** Told when a connection has ended or has become something else. */
  readonly onDone: (connection: HttpConnection) => void;
}

/** One request and the means to answer it. */
export interface Exchange {
  readonly connection: HttpConnection;
  readonly head: RequestHead;
  readonly request: Request;
  /** The peer asks for another protocol; nothing after the head has been looked at. */
  readonly upgrade: boolean;
}

/** Answers that the peer has not taken, beyond which its further requests wait: pipelining must not fill our memory. */
const MAX_UNSENT_BYTES = 65_536;

type Phase = 'idle' | 'head' | 'body' | 'answering' | 'write' | 'close';

export class HttpConnection implements Sink, Sweepable {
  readonly transport: Transport;
  readonly #settings: HttpSettings;
  readonly #parser: RequestParser;
  /** Parsed and not yet answered, without the one being answered. */
  #waiting: HttpIncoming[] | undefined = undefined;
  /** The request being answered. */
  #current: Exchange | undefined = undefined;
  #requestCount = 0;
  #paused = false;
  /** `#pump` is at work: an answer that is given within it must not begin another one. */
  #pumping = false;
  /** The last answer has been given: what still arrives is thrown away. */
  #closing = false;
  #peerEnded = false;
  #phase: Phase = 'head';
  #deadlineMs: number;

  constructor(transport: Transport, settings: HttpSettings) {
    this.transport = transport;
    this.#settings = settings;
    this.#parser = new RequestParser(settings.limits);
    this.#deadlineMs = settings.sweeper.nowMs + settings.headTimeoutMs;
    transport.sink = this;
    settings.sweeper.add(this);
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    if (this.#closing) return;
    for (const incoming of this.#parser.receive(chunk)) {
      if (incoming.kind === 'failed' && this.#current?.upgrade) {
        // More came behind an upgrade than is kept while it is decided: to go on without it would be to lose it.
        this.#refuse(incoming.status, `${incoming.detail} (${incoming.section})`);
        return;
      }
      if (this.#waiting === undefined && this.#ready) this.#take(incoming);
      else {
        this.#waiting ??= [];
        this.#waiting.push(incoming);
      }
    }
    this.#pump();
  }

  /** `Sink`: the peer may half-close after its last request and still read the answer (RFC 9112 §9.6). */
  receiveEnd(): void {
    this.#peerEnded = true;
    if (this.#current === undefined && this.#waiting === undefined) this.#close();
  }

  /** `Sink`. */
  drained(): void {
    this.#pump();
    this.transport.flushSoon();
  }

  /** `Sink`. */
  gone(): void {
    this.#closing = true;
    this.#waiting = undefined;
    this.#release();
  }

  /** Whether anything is being answered. */
  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** The last answer has been given, or the connection has another owner. */
  get over(): boolean {
    return this.#closing;
  }

  /** Answers the current request. `close` ends the connection behind the answer, as every refusal of an upgrade must. */
  respond(response: HttpResponse, close = false): void {
    const exchange = this.#current;
    if (exchange === undefined || this.#closing) return;
    const { head, upgrade } = exchange;
    const keepAlive =
      !close &&
      !upgrade &&
      !(this.#peerEnded && this.#waiting === undefined) &&
      this.#keepAlive &&
      this.#requestCount < this.#settings.limits.maxRequestsPerConnection;
    this.#write(response, head.method, keepAlive, head.minor);
    this.#current = undefined;
    if (!keepAlive) {
      this.#close();
      return;
    }
    this.#pump();
  }

  /** Hands the transport over to another protocol. Answers the bytes that came behind the request's head. */
  detach(): Uint8Array {
    this.#closing = true;
    this.#release();
    this.#waiting = undefined;
    return this.#parser.takeRest();
  }

  /** Ends the connection if it is idle, else after the current answer. */
  closeWhenIdle(): void {
    this.#keepAlive = false;
    if (this.#current === undefined) this.#close();
  }

  /** `Sweepable`. */
  sweep(nowMs: number): void {
    const { transport } = this;
    if (transport.blocked) {
      if (transport.progressed() || this.#phase !== 'write') {
        this.#phase = 'write';
        this.#deadlineMs = nowMs + this.#settings.writeTimeoutMs;
      } else if (nowMs >= this.#deadlineMs) transport.destroy();
      return;
    }
    if (this.#phase === 'write') {
      if (this.#closing) this.#waitForEnd();
      else this.#updatePhase();
    }
    if (nowMs < this.#deadlineMs || this.#phase === 'answering') return;
    if (this.#phase === 'close') transport.destroy();
    else if (this.#phase === 'idle') this.#close();
    else this.#refuse(408, 'request did not arrive in time'); // RFC 9110 §15.5.9
  }

  /** Whether the parser's last request allows another one. */
  #keepAlive = true;

  /** Whether the next request may be answered: the one before has been, and the peer reads what it is sent. */
  get #ready(): boolean {
    if (this.#current !== undefined || this.#closing) return false;
    const { transport } = this;
    if (transport.bufferedAmount < MAX_UNSENT_BYTES) return true;
    transport.flush();
    return !transport.blocked;
  }

  /** Takes what waits, for as long as it may be; a loop, since a peer decides how much there is. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#waiting !== undefined && this.#ready) {
      const next = this.#waiting.shift()!;
      if (this.#waiting.length === 0) this.#waiting = undefined;
      this.#take(next);
    }
    this.#pumping = false;
    if (this.#closing) return;
    const full = (this.#waiting?.length ?? 0) >= this.#settings.limits.maxPipelinedRequests;
    if (full && !this.#paused) {
      this.#paused = true;
      this.transport.pause();
    } else if (this.#paused && this.#waiting === undefined) {
      this.#paused = false;
      this.transport.resume();
    }
    this.#updatePhase();
  }

  #take(incoming: HttpIncoming): void {
    if (this.#closing) return;
    switch (incoming.kind) {
      case 'failed':
        this.#refuse(incoming.status, `${incoming.detail} (${incoming.section})`);
        return;
      case 'expect-continue':
        // RFC 9110 §10.1.1: the body is wanted; one that is too large was refused by its length already.
        this.#append('HTTP/1.1 100 Continue\r\n\r\n');
        this.transport.flushSoon();
        return;
      case 'request': {
        const { head } = incoming;
        this.#requestCount++;
        this.#keepAlive &&= incoming.keepAlive;
        const request = new Request(head, incoming.body, this.transport.socket);
        this.#current = { connection: this, head, request, upgrade: incoming.upgrade };
        this.#phase = 'answering'; // so that the wait for the next request begins anew behind the answer
        this.#settings.serve(this.#current);
      }
    }
  }

  /** The deadline that fits what we wait for now. */
  #updatePhase(): void {
    if (this.#closing) return;
    const { sweeper, headTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs } = this.#settings;
    const { state } = this.#parser;
    const phase: Phase =
      this.#current !== undefined ? 'answering' : state === 'head' ? 'head' : state === 'body' ? 'body' : 'idle';
    if (phase === this.#phase) return; // a deadline is not moved by bytes that merely trickle in
    this.#phase = phase;
    const wait = phase === 'head' ? headTimeoutMs : phase === 'body' ? bodyTimeoutMs : keepAliveTimeoutMs;
    this.#deadlineMs = sweeper.nowMs + wait;
  }

  /** Answers what could not be understood, and closes: where the next request begins is unknown. */
  #refuse(status: number, detail: string): void {
    this.#write(
      { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: `${detail}\n` },
      'GET',
      false,
      1,
    );
    this.#close();
  }

  #write(response: HttpResponse, method: string, keepAlive: boolean, minor: number): void {
    const { status = 200, body = '' } = response;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const headers = Object.entries(response.headers ?? {});
    if (!has(headers, 'date')) headers.unshift(['Date', httpDate()]); // RFC 9110 §6.6.1
    // RFC 9110 §8.6: no Content-Length with 1xx and 204, nor beside a transfer coding.
    if (status !== 204 && status >= 200 && !has(headers, 'transfer-encoding'))
      headers.push(['Content-Length', String(bytes.length)]);
    // RFC 9112 §9.6: say so when this is the last answer; HTTP/1.0 must be told that it is not (§9.3).
    if (!keepAlive) headers.push(['Connection', 'close']);
    else if (minor === 0) headers.push(['Connection', 'keep-alive']);
    this.#append(encodeResponseHead(status, headers));
    if (method !== 'HEAD' && status !== 204 && status !== 304 && bytes.length > 0) {
      this.transport.output.append(bytes, 0, bytes.length);
    }
    this.transport.flushSoon();
  }

  #append(head: string | Uint8Array): void {
    const bytes = typeof head === 'string' ? Buffer.from(head, 'latin1') : head;
    this.transport.output.append(bytes, 0, bytes.length);
  }

  /** Ends our direction and gives the peer a while to end its own: closing at once could reset the answer away (RFC 9112 §9.6). */
  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#current = undefined;
    this.#waiting = undefined;
    this.#waitForEnd();
    this.transport.resume(); // also when a handler that decides about an upgrade has paused it: the peer's FIN must be heard
    this.transport.end();
  }

  #waitForEnd(): void {
    this.#phase = 'close';
    this.#deadlineMs = this.#settings.sweeper.nowMs + this.#settings.closeTimeoutMs;
  }

  #release(): void {
    this.#settings.sweeper.delete(this);
    this.#settings.onDone(this);
  }
}

function has(headers: readonly (readonly [string, string])[], lowerCaseName: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === lowerCaseName);
}

let dateText = '';
let dateSecond = 0;

/** The time as RFC 9110 §5.6.7 writes it; formatted once a second. */
export function httpDate(): string {
  const second = Math.trunc(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
