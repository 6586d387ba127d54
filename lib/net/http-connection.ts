/**
 * One accepted connection while it speaks HTTP/1.1: requests in order, one answer each, until it is upgraded or closed.
 *
 * Requests are answered strictly one after the other (RFC 9112 §9.3.2); what a peer pipelines waits in a bounded queue,
 * and beyond that in TCP. Knows when a connection may be reused and what it waits for; how an answer is written is the
 * exchange's business, and what to answer is dispatch's. Read next: `dispatch.ts`.
 */

import type { Channel, Sink } from '../channel/port.ts';
import type { RequestHead } from '../http/head.ts';
import { type HttpIncoming, RequestParser } from '../http/request-parser.ts';
import { readClientHandshake } from '../websocket/handshake.ts';
import { Timed, type Wait } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { append, type ExchangeHost, HttpExchange, writeResponse } from './http-exchange.ts';
import type { Observed } from './observed.ts';
import { type Forwarded, Request } from './request.ts';
import { plain } from './responses.ts';
import type { Sweeper } from './sweeper.ts';

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
  /** What trusted proxies say of the client; undefined: nothing. */
  readonly forwarded: ((channel: Channel, head: RequestHead) => Forwarded) | undefined;
  /** Answers a request through its exchange, now or later, exactly once. */
  readonly serve: (exchange: Exchange) => void;
  readonly observed?: Observed;
  /** Told when a connection has ended or has become something else. */
  readonly onDone: (connection: HttpConnection) => void;
}

/** Answers that the peer has not taken, beyond which its further requests wait: pipelining must not fill our memory. */
const MAX_UNSENT_BYTES = 65_536;

/** What one read of a socket brings at most. */
const ONE_READ_BYTES = 65_536;

export class HttpConnection extends Timed implements Sink, ExchangeHost {
  /** Its place among the open ones of its server. */
  place = -1;
  readonly #settings: HttpSettings;
  readonly #parser: RequestParser;
  /** Parsed and not yet answered, without the one being answered. */
  #waiting: HttpIncoming[] | undefined = undefined;
  /** The request being answered. */
  #current: HttpExchange | undefined = undefined;
  #requestCount = 0;
  #paused = false;
  /** `#pump` is at work: an answer that is given within it must not begin another one. */
  #pumping = false;
  /** The last answer has been given, or the channel has another owner. */
  #over = false;
  /** Whether the requests so far allow another one. */
  #keepAlive = true;

  constructor(channel: Channel, settings: HttpSettings) {
    super(channel);
    this.#settings = settings;
    this.#parser = new RequestParser(settings.limits);
    channel.sink = this;
    this.waitAnew('head');
    settings.sweeper.add(this);
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    if (this.#over) return;
    for (const incoming of this.#parser.receive(chunk)) {
      if (incoming.kind === 'failed' && this.#current?.handshake !== undefined) {
        // More came after an upgrade than is kept while it is decided: to go on without it would be to lose it.
        this.#refuse(incoming.status, `${incoming.detail} (${incoming.section})`);
        return;
      }
      if (this.#waiting === undefined && this.#ready) this.#take(incoming);
      else {
        this.#waiting ??= [];
        this.#waiting.push(incoming);
      }
    }
    // Frames that come before the handshake is answered, or while it waits for the answers before it: one read of them is kept,
    // the rest waits in TCP. Not held back before there is a read of them, so that a client that leaves meanwhile is noticed.
    const { restBytes } = this.#parser;
    if (!this.#over && restBytes > (this.#current?.holding ? 0 : ONE_READ_BYTES)) this.channel.pause();
    this.#pump();
  }

  /** `Sink`: the peer may half-close after its last request and still read the answer (RFC 9112 §9.6). Not so before a WebSocket. */
  receiveEnd(): void {
    // A request whose body waits for 100 (Continue) is cut off: nothing comes any more.
    if (this.#waiting?.at(-1)?.kind === 'expect-continue') this.#waiting.pop();
    if (this.#waiting?.length === 0) this.#waiting = undefined;
    if (this.#current?.holding || (this.#current === undefined && this.#waiting === undefined)) this.#close();
  }

  /** `Sink`. */
  drained(): void {
    this.#pump();
    this.channel.flushSoon();
  }

  /** `Sink`. */
  gone(): void {
    this.#current?.leave();
    this.#release();
  }

  /** `ExchangeHost`. */
  get mayPersist(): boolean {
    return (
      !(this.channel.peerEnded && this.#waiting === undefined) &&
      this.#keepAlive &&
      this.#requestCount < this.#settings.limits.maxRequestsPerConnection
    );
  }

  /** `ExchangeHost`. */
  responded(persists: boolean): void {
    this.#current = undefined;
    if (persists) this.#pump();
    else this.#close();
  }

  /** `ExchangeHost`. */
  detach(): Uint8Array {
    this.#release();
    return this.#parser.takeRest();
  }

  /** Ends the connection if it is idle, else after the current answer, or the answer to the request whose body is still coming. */
  closeWhenIdle(): void {
    this.#keepAlive = false;
    if (this.#current === undefined && this.#parser.state !== 'body') this.#close();
  }

  protected get sweeper(): Sweeper {
    return this.#settings.sweeper;
  }

  /** `Timed`. */
  protected expected(): Wait {
    if (this.#over) return 'close';
    if (this.#current !== undefined) return 'answer';
    const { state } = this.#parser;
    // A connection that has brought nothing yet owes a head from the start.
    if (state === 'idle' && this.#requestCount === 0) return 'head';
    return state === 'head' || state === 'body' ? state : 'idle';
  }

  /** `Timed`: a deadline is not moved by bytes that merely trickle in. */
  protected renewed(): boolean {
    return false;
  }

  /** `Timed`. */
  protected durationMs(wait: Wait): number {
    const { headTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs, writeTimeoutMs, closeTimeoutMs } = this.#settings;
    if (wait === 'head') return headTimeoutMs;
    if (wait === 'body') return bodyTimeoutMs;
    if (wait === 'idle') return keepAliveTimeoutMs;
    if (wait === 'write') return writeTimeoutMs;
    return wait === 'close' ? closeTimeoutMs : 0;
  }

  /** `Timed`. */
  protected expired(wait: Wait): void {
    if (wait === 'close' || wait === 'write') this.channel.destroy();
    else if (wait === 'idle') this.#close();
    else this.#refuse(408, 'request did not arrive in time'); // RFC 9110 §15.5.9
  }

  /** Whether the next request may be answered: the one before has been, and the peer reads what it is sent. */
  get #ready(): boolean {
    if (this.#current !== undefined || this.#over) return false;
    const { channel } = this;
    if (channel.bufferedAmount < MAX_UNSENT_BYTES) return true;
    channel.flush();
    return !channel.blocked;
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
    if (this.#over) return;
    const full = (this.#waiting?.length ?? 0) >= this.#settings.limits.maxPipelinedRequests;
    if (full && !this.#paused) {
      this.#paused = true;
      this.channel.pause();
    } else if (this.#paused && this.#waiting === undefined) {
      this.#paused = false;
      this.channel.resume();
    }
    if (!this.channel.blocked) this.waitFor(this.expected());
  }

  #take(incoming: HttpIncoming): void {
    if (this.#over) return;
    switch (incoming.kind) {
      case 'failed':
        this.#refuse(incoming.status, `${incoming.detail} (${incoming.section})`, incoming.toHead);
        return;
      case 'expect-continue':
        // RFC 9110 §10.1.1: the body is wanted; one that is too large was refused by its length already.
        append(this.channel, 'HTTP/1.1 100 Continue\r\n\r\n');
        this.channel.flushSoon();
        return;
      case 'request': {
        const { head, upgrade } = incoming;
        // More came after an upgrade that waited than is kept. The failure comes after it, and is its answer.
        if (upgrade && this.#parser.state === 'failed') return;
        this.#requestCount++;
        this.#keepAlive &&= incoming.keepAlive;
        const request = new Request(head, incoming.body, this.channel, this.#settings.forwarded?.(this.channel, head));
        this.#current = new HttpExchange(this, head, request, upgrade ? readClientHandshake(head) : undefined);
        this.waitAnew('answer'); // so that the wait for the next request begins anew after the answer
        this.#settings.serve(this.#current);
      }
    }
  }

  /** Answers what could not be understood, and closes: where the next request begins is unknown. */
  #refuse(status: number, detail: string, isHead = false): void {
    const response = plain(status, detail);
    this.#settings.observed?.refuse('request', response, { path: '', remoteAddress: this.channel.remote.address });
    writeResponse(this.channel, response, { persists: false, minor: 1, isHead });
    this.#close();
  }

  /** Ends our direction and gives the peer a while to end its own: closing at once could reset the answer away (RFC 9112 §9.6). */
  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#current?.leave();
    this.#current = undefined;
    this.#waiting = undefined;
    if (!this.channel.blocked) this.waitFor('close');
    this.channel.resume(); // also when a handler that decides about an upgrade has paused it: the peer's FIN must be heard
    this.channel.end();
  }

  #release(): void {
    this.#over = true;
    this.#waiting = undefined;
    this.#settings.sweeper.delete(this);
    this.#settings.onDone(this);
  }
}
