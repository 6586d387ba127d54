/**
 * The exchange of an upgrade that somebody's HTTP/1.1 server has handed over with its socket.
 *
 * Nobody listens to that socket any more, so this does, from the first moment: a client that leaves while `upgrade` awaits is
 * noticed, and frames that come too early are kept, at most one read of them after `head`; the rest waits in TCP.
 * After a refusal the connection is ended as our own listener ends it. Read next: `../net/upgrade.ts`, which answers.
 */

import { takeOver } from '../channel/handed-over.ts';
import type { Channel, Sink } from '../channel/port.ts';
import type { RequestHead } from '../http/head.ts';
import { Timed, type Wait } from '../net/deadlines.ts';
import { serve } from '../net/dispatch.ts';
import type { Exchange, HandshakeAnswer, StreamBody, TakenOver } from '../net/exchange.ts';
import { append, writeResponse } from '../net/http-exchange.ts';
import { Request } from '../net/request.ts';
import { type CheckedResponse, plain, unavailable } from '../net/responses.ts';
import type { Sweeper } from '../net/sweeper.ts';
import { type ClientHandshake, encodeServerHandshake, readClientHandshake } from '../websocket/handshake.ts';
import { count, hasRoom, type Mount } from './mount.ts';
import type { UpgradeStream } from './node-request.ts';

/** Receives nothing yet: replaced before the channel can receive. */
const NOBODY: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

/** Who asks for an upgrade: the request of Node's, and its head as ours. */
export interface Asked {
  readonly node: object;
  readonly head: RequestHead;
}

/** Takes the socket over and answers the upgrade, now or later. `wrong`: what is wrong with the head, instead of an answer. */
export function serveUpgradeOf(
  mount: Mount,
  { node, head }: Asked,
  stream: UpgradeStream,
  early: Uint8Array,
  wrong?: CheckedResponse,
): void {
  const taken = takeOver(stream, early, NOBODY, mount.context.open);
  if (taken === undefined) return; // the client has left
  const { channel } = taken;
  const fewFromThere = mount.context.open.addresses.add(channel);
  const mayServe = hasRoom(mount) && fewFromThere;
  count(mount, channel);
  const request = new Request(head, NOTHING, channel, mount.forwarded?.(channel, head));
  Request.setRaw(request, node);
  const exchange = new UpgradeExchange(mount, channel, head, request, taken.early);
  if (wrong !== undefined) exchange.respond(wrong);
  else if (!mayServe) {
    const answer = unavailable(mount.context.retryAfterMs());
    mount.context.observed?.refuse(mount.context.closing() ? 'closing' : 'limit', answer, request);
    exchange.respond(answer);
  } else serve(mount.context, exchange);
}

export class UpgradeExchange extends Timed implements Sink, Exchange {
  readonly request: Request;
  readonly handshake: ClientHandshake;
  readonly #mount: Mount;
  readonly #head: RequestHead;
  /** What came after the head. */
  #rest: Uint8Array;
  #answered = false;
  /** The client went before it was answered. */
  #left = false;

  constructor(mount: Mount, channel: Channel, head: RequestHead, request: Request, rest: Uint8Array) {
    super(channel);
    this.#mount = mount;
    this.#head = head;
    this.request = request;
    this.handshake = readClientHandshake(head);
    this.#rest = rest;
    channel.sink = this;
    mount.context.sweeper.add(this);
  }

  get answered(): boolean {
    return this.#answered || this.#left;
  }

  /** `Exchange`: and ends the connection, whatever `options` say. Nobody reads a second request from it. */
  respond(response: CheckedResponse): void {
    if (!this.#answer()) return;
    const { method, minor } = this.#head;
    writeResponse(this.channel, response, { persists: false, minor, isHead: method === 'HEAD' });
    this.#close();
  }

  acceptWebSocket({ protocol, extensions, fields }: HandshakeAnswer): TakenOver | undefined {
    if (this.handshake.kind !== 'accept')
      throw new TypeError('the request is not an opening handshake (RFC 6455 §4.2.1)');
    const head = encodeServerHandshake({ key: this.handshake.key, protocol, extensions, headers: fields });
    if (!this.#answer()) return undefined;
    this.#mount.context.sweeper.delete(this);
    Request.compact(this.request, this.#head.text);
    append(this.channel, head);
    return { channel: this.channel, rest: this.#rest };
  }

  openStream(): StreamBody | undefined {
    throw new TypeError('an upgrade is not answered with a stream');
  }

  /** `Exchange`: from now on somebody decides, and the client may leave. */
  holdBack(): void {
    this.channel.resume();
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    if (this.answered) return;
    const rest = new Uint8Array(this.#rest.length + chunk.length);
    rest.set(this.#rest);
    rest.set(chunk, this.#rest.length);
    this.#rest = rest;
    this.channel.pause();
  }

  /** `Sink`: a client that has closed its direction before the handshake wants no WebSocket. */
  receiveEnd(): void {
    if (this.answered) return;
    this.#leave();
    this.#close();
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(): void {
    this.#leave();
    this.#mount.context.sweeper.delete(this);
  }

  protected get sweeper(): Sweeper {
    return this.#mount.context.sweeper;
  }

  /** `Timed`: the application has all the time that it wants; the client has `closeTimeoutMs` after a refusal. */
  protected expected(): Wait {
    return this.answered ? 'close' : 'answer';
  }

  /** `Timed`. */
  protected renewed(): boolean {
    return false;
  }

  /** `Timed`. */
  protected durationMs(wait: Wait): number {
    const { closeTimeoutMs, writeTimeoutMs } = this.#mount.limits;
    return wait === 'close' ? closeTimeoutMs : wait === 'write' ? writeTimeoutMs : 0;
  }

  /** `Timed`. */
  protected expired(): void {
    this.channel.destroy();
  }

  /** Takes the one right to answer; false: nobody is there to hear it. */
  #answer(): boolean {
    if (this.#left) return false;
    if (this.#answered) throw new Error(`the request ${this.request.method} ${this.request.path} was answered already`);
    this.#answered = true;
    return !this.channel.destroyed;
  }

  #leave(): void {
    if (this.answered) return;
    this.#left = true;
    Request.abort(this.request);
  }

  /** Ends our direction and gives the peer a while to end its own: closing at once could reset the answer away (RFC 9112 §9.6). */
  #close(): void {
    this.#rest = NOTHING;
    this.channel.resume();
    this.channel.end();
  }
}

/** What an unmatched upgrade is answered. */
export function noWebSocketHere(): CheckedResponse {
  return plain(404, 'no WebSocket here');
}

const NOTHING = new Uint8Array(0);
