/**
 * The exchange of one stream of HTTP/2 (see `../net/exchange.ts`): a request with its body, or an extended CONNECT.
 *
 * A request is served when its body is there whole, within `maxBodyBytes` and `bodyTimeoutMs`. An extended CONNECT is served
 * at once and not read before it is accepted: what the client sends early waits in its flow-control window.
 * A stream is one request: its end, and its failure, are nobody else's. Read next: `http2.ts`, which makes it.
 */

import type { ServerHttp2Stream } from 'node:http2';
import { sendable } from '../bytes/lent-memory.ts';
import type { Sink } from '../channel/port.ts';
import { Timed, type Wait } from '../net/deadlines.ts';
import { serve } from '../net/dispatch.ts';
import type { Exchange, HandshakeAnswer, StreamBody, TakenOver } from '../net/exchange.ts';
import { Request } from '../net/request.ts';
import { type CheckedResponse, type Field, hasNoContent, plain, unavailable } from '../net/responses.ts';
import type { Sweeper } from '../net/sweeper.ts';
import { type ClientHandshake, connectAnswerFields, readConnectHandshake } from '../websocket/handshake.ts';
import { Http2Channel } from './http2-channel.ts';
import { type Http2Head, responseHead } from './http2-head.ts';
import { count, hasRoom, type Mount } from './mount.ts';

export class Http2Exchange extends Timed implements Exchange, Sink {
  declare readonly channel: Http2Channel;
  /** Without a body until that is there. */
  request: Request;
  readonly handshake: ClientHandshake | undefined;
  readonly #mount: Mount;
  readonly #head: Http2Head;
  /** False: one more WebSocket than `maxConnectionsPerAddress` allows. */
  readonly #fewFromThere: boolean;
  /** The body so far; undefined once it is whole. */
  #chunks: Uint8Array[] | undefined = [];
  #bodyBytes = 0;
  #answered = false;
  /** The client went before it was answered. */
  #left = false;

  constructor(mount: Mount, stream: ServerHttp2Stream, head: Http2Head) {
    super(new Http2Channel(stream, NOBODY, mount.context.open));
    const { channel } = this;
    this.#mount = mount;
    this.#head = head;
    this.handshake = head.method === 'CONNECT' ? readConnectHandshake(head) : undefined;
    this.#fewFromThere = this.handshake === undefined || mount.context.open.addresses.add(channel);
    this.request = this.#makeRequest(NO_BODY);
    channel.sink = this;
    this.waitAnew(this.handshake === undefined ? 'body' : 'answer');
    mount.context.sweeper.add(this);
  }

  /** Serves the request, now or when its body is there. */
  begin(): void {
    const { channel } = this;
    const { context } = this.#mount;
    // A server that drains takes no WebSocket any more, and still answers requests of clients that are connected.
    const isServed = this.handshake === undefined && context.closing() && !context.closed();
    const room = hasRoom(this.#mount) || isServed;
    count(this.#mount, channel);
    if (!room || !this.#fewFromThere) {
      const answer = unavailable(context.retryAfterMs());
      context.observed?.refuse(context.closing() ? 'closing' : 'limit', answer, this.request);
      this.respond(answer);
    } else if (this.#head.twoHosts) this.respond(plain(400, ':authority and Host differ (RFC 9113 §8.3.1)'));
    else if (this.handshake !== undefined) serve(context, this);
    else {
      if (this.#head.headers.get('expect')?.toLowerCase() === '100-continue') channel.sendContinue();
      channel.resume();
    }
  }

  get answered(): boolean {
    return this.#answered || this.#left;
  }

  respond(response: CheckedResponse): void {
    if (!this.#answer()) return;
    this.#write(response);
  }

  acceptWebSocket({ protocol, extensions, fields }: HandshakeAnswer): TakenOver | undefined {
    if (this.handshake?.kind !== 'accept') throw new TypeError('the request is not an extended CONNECT (RFC 8441 §4)');
    const answer = connectAnswerFields({ key: this.handshake.key, protocol, extensions, fields });
    if (!this.#answer()) return undefined;
    this.#detach();
    this.channel.head = responseHead(200, answer); // RFC 8441 §5: 200 in place of 101
    return { channel: this.channel, rest: NO_BODY };
  }

  openStream(status: number, fields: readonly Field[]): StreamBody | undefined {
    if (!this.#answer()) return undefined;
    const { channel } = this;
    if (this.#isHead) {
      channel.head = responseHead(status, fields);
      this.#end();
      return undefined;
    }
    this.#detach();
    channel.keepAnswering();
    channel.head = responseHead(status, fields);
    const replace = (response: CheckedResponse): boolean => {
      if (channel.headSent || channel.destroyed) return false;
      channel.output.clear();
      this.#write(response);
      return true;
    };
    return { channel, chunked: false, replace };
  }

  /** Nothing to do: an extended CONNECT is not read before it is accepted. */
  holdBack(): void {}

  /** `Sink`: a part of the body; once it has been answered, nothing that matters. */
  receive(chunk: Uint8Array): void {
    if (this.#answered || this.#chunks === undefined) return;
    this.#bodyBytes += chunk.length;
    const { maxBodyBytes } = this.#mount.limits;
    if (this.#bodyBytes > maxBodyBytes) {
      this.#chunks = undefined;
      this.respond(plain(413, `body exceeds ${maxBodyBytes} bytes (RFC 9110 §15.5.14)`));
    } else this.#chunks.push(chunk.slice());
  }

  /** `Sink`: END_STREAM, or the client has been cut off, which `gone` tells next. */
  receiveEnd(): void {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    if (this.handshake !== undefined || this.#answered || chunks === undefined) return;
    // A request is whole by END_STREAM alone (RFC 9113 §8.1). Node resets what disagrees with its Content-Length (§8.1.1).
    if (this.channel.cutOff) return;
    if (chunks.length > 0) this.request = this.#makeRequest(Buffer.concat(chunks));
    this.waitAnew('answer');
    serve(this.#mount.context, this);
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(): void {
    this.#detach();
    if (this.#answered) return;
    this.#left = true;
    Request.abort(this.request);
  }

  protected get sweeper(): Sweeper {
    return this.#mount.context.sweeper;
  }

  /** `Timed`. */
  protected expected(): Wait {
    if (this.#answered) return 'close';
    return this.handshake === undefined && this.#chunks !== undefined ? 'body' : 'answer';
  }

  /** `Timed`: a deadline is not moved by bytes that merely trickle in. */
  protected renewed(): boolean {
    return false;
  }

  /** `Timed`. */
  protected durationMs(wait: Wait): number {
    const { bodyTimeoutMs, writeTimeoutMs, closeTimeoutMs } = this.#mount.limits;
    if (wait === 'body') return bodyTimeoutMs;
    if (wait === 'write') return writeTimeoutMs;
    return wait === 'close' ? closeTimeoutMs : 0;
  }

  /** `Timed`. */
  protected expired(wait: Wait): void {
    if (wait === 'body')
      this.respond(plain(408, 'request did not arrive in time')); // RFC 9110 §15.5.9
    else this.channel.destroy();
  }

  get #isHead(): boolean {
    return this.#head.method === 'HEAD';
  }

  #makeRequest(body: Uint8Array): Request {
    const { method, path = '', headers } = this.#head;
    const forwarded = this.#mount.forwarded?.(this.channel, { headers });
    return new Request({ method, target: path, headers }, body, this.channel, forwarded);
  }

  /** Takes the one right to answer; false: nobody is there to hear it. */
  #answer(): boolean {
    if (this.#left) return false;
    if (this.#answered) throw new Error(`the request ${this.request.method} ${this.request.path} was answered already`);
    this.#answered = true;
    return !this.channel.destroyed;
  }

  /** Writes a whole response. */
  #write({ status, fields, body }: CheckedResponse): void {
    const { channel } = this;
    const length: Field[] = hasNoContent(status) ? [] : [['Content-Length', String(body.length)]]; // RFC 9110 §8.6
    channel.head = responseHead(status, [...fields, ...length]);
    if (!this.#isHead && body.length > 0) channel.output.append(sendable(body), 0, body.length);
    this.#end();
  }

  /** Ends our direction, and the client's too. */
  #end(): void {
    const { channel } = this;
    this.waitFor('close');
    channel.resume(); // so that what the client has sent is read and forgotten, and its end is heard
    channel.end();
  }

  /** Leaves the channel to another sink, or to nobody. */
  #detach(): void {
    this.#mount.context.sweeper.delete(this);
  }
}

/** Receives from a channel until its exchange does. */
const NOBODY: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

const NO_BODY = new Uint8Array(0);
