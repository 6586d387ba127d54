/**
 * A WebSocket to a server without a port: through a pair in memory into the server's own dispatch, handshake included.
 *
 * The client is the library's pure core; it reads at once, answers pings, and has no deadlines of its own. Everything happens in
 * turns of the event loop, nothing takes time. Read next: `index.ts`.
 */

import type { MemoryChannel } from '../channel/memory.ts';
import type { Sink } from '../channel/port.ts';
import { HandshakeRejected } from '../errors.ts';
import type { ResponseHead } from '../http/head.ts';
import { ANYTHING, checkOptions, describe, kindOf, OBJECT, type OptionTable } from '../options.ts';
import { Server } from '../server.ts';
import { CloseCode } from '../websocket/close.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import { deflatePolicy, offerDeflate, type PerMessageDeflate } from '../websocket/extension.ts';
import { checkServerHandshake, createClientHandshake } from '../websocket/handshake.ts';
import {
  type AgreedExtensions,
  type Incoming,
  type IncomingReceiver,
  WebSocketProtocol,
} from '../websocket/protocol.ts';
import { Gathering, Refused, ResponseSink, TEST_HOST } from './http.ts';
import { Inbox } from './inbox.ts';
import type { Network } from './network.ts';
import { join, type RawOptions, write } from './raw.ts';

/** How to connect. The client takes messages of at most 1 MiB, `WEBSOCKET_LIMITS.maxMessageBytes`; beyond that it closes with 1009. */
export interface ConnectOptions extends RawOptions {
  /** Further fields of the request, such as Cookie and Origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Subprotocols to offer. */
  readonly protocols?: readonly string[] | undefined;
  /** Whether, and how, to offer compression. Default false. */
  readonly perMessageDeflate?: PerMessageDeflate | undefined;
}

const CONNECT_OPTIONS: OptionTable = {
  headers: OBJECT,
  protocols: kindOf('a list of strings', (value) => Array.isArray(value)),
  perMessageDeflate: ANYTHING,
  remote: OBJECT,
};

/** How a WebSocket has ended. */
export interface Closed {
  /** The server's close code (RFC 6455 §7.1.5): 1005 where its frame had none, 1006 where there was no closing handshake. */
  readonly code: number;
  readonly reason: string;
}

export class TestSocket implements Sink, IncomingReceiver {
  /** The subprotocol that the server chose; empty when there is none. */
  readonly protocol: string;
  /** The extensions that the server agreed to; empty when there are none. */
  readonly extensions: string;
  readonly network: Network;
  /** Resolves when the connection has ended, in whatever way. */
  readonly closed: Promise<Closed>;
  readonly #channel: MemoryChannel;
  readonly #core: WebSocketProtocol;
  readonly #messages = new Inbox<string | Uint8Array>('message');
  #close!: (how: Closed) => void;

  /** Use `connectPair`. */
  constructor(
    channel: MemoryChannel,
    network: Network,
    answer: { readonly protocol: string; readonly extensions: string },
    agreed: AgreedExtensions,
  ) {
    this.#channel = channel;
    this.network = network;
    this.protocol = answer.protocol;
    this.extensions = answer.extensions;
    this.#core = new WebSocketProtocol({ role: 'client' }, channel.output, agreed);
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    channel.sink = this;
  }

  /** Sends a message: a string as text, octets as binary. @throws ConnectionClosed once it is closing */
  send(message: string | Uint8Array): void {
    if (typeof message === 'string') this.#core.sendText(message);
    else this.#core.sendBinary(message);
    this.#channel.flush();
  }

  /** Sends octets as they are, well-formed frames or not. A frame of a client is masked (RFC 6455 §5.3). */
  sendRaw(bytes: Uint8Array): void {
    write(this.#channel, bytes);
  }

  /** The next message. Rejects when the connection ends first. */
  next(): Promise<string | Uint8Array> {
    return this.#messages.next();
  }

  /** Takes the next message, and @throws Error where it is another one. */
  async expect(expected: string | Uint8Array): Promise<void> {
    const message = await this.next();
    if (!same(message, expected)) throw new Error(`a message is ${printed(message)}, expected ${printed(expected)}`);
  }

  /** Begins the closing handshake, and resolves when the connection has ended. */
  close(code: number = CloseCode.Normal, reason = ''): Promise<Closed> {
    this.#core.sendClose(code, reason);
    this.#channel.flush();
    return this.closed;
  }

  /** Stops reading: what the server sends piles up there. */
  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }

  /** Leaves without a word: TCP ends, and there is no closing handshake. */
  leave(): void {
    this.#channel.destroy();
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    this.#core.receiveInto(chunk, this);
  }

  /** `Sink`. */
  receiveEnd(): void {
    this.#core.receiveEnd();
    this.#channel.end();
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(error: Error | undefined): void {
    this.#core.receiveEnd();
    const { closeCode: code, closeReason: reason } = this.#core;
    this.#messages.end(error?.message ?? `closed with ${code}${reason === '' ? '' : ` ${reason}`}`);
    this.#close({ code, reason });
  }

  /** `IncomingReceiver`. */
  deliver(incoming: Incoming): void {
    if (incoming.kind === 'text' || incoming.kind === 'binary') this.#messages.push(incoming.data);
    else if (incoming.kind === 'failed') this.#messages.end(`${incoming.detail} (${incoming.section})`);
  }
}

function same(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function printed(message: string | Uint8Array): string {
  return typeof message === 'string' ? JSON.stringify(message) : `octets ${Buffer.from(message).toString('hex')}`;
}

/**
 * Opens a WebSocket to a route of `server`, which need not listen.
 * @throws Refused where the server answers with anything but 101, with that response; TypeError for headers that the handshake sets itself
 */
export async function connectPair(server: Server, path: string, options: ConnectOptions = {}): Promise<TestSocket> {
  checkOptions('connectPair', options, CONNECT_OPTIONS);
  Server.inside(server, 'connectPair');
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new TypeError(`connectPair: path is ${describe(path)}, must be a string such as '/' or '/rooms/one?as=Ada'`);
  const { headers = {}, protocols = [], perMessageDeflate } = options;
  const policy = deflatePolicy(perMessageDeflate, 'client');
  const handshake = createClientHandshake({
    host: TEST_HOST,
    target: path,
    headers,
    protocols,
    extensions: policy === undefined ? '' : offerDeflate(policy),
  });
  const { channel, network } = join('connectPair', server, options);
  return new Promise((resolve, reject) => {
    let refusal: Gathering | undefined;
    const accepted = (head: ResponseHead): void => {
      const answer = checkServerHandshake(head, { key: handshake.key, protocols, deflate: policy });
      if (answer.kind === 'reject') {
        reject(new HandshakeRejected(answer.code, `${answer.detail} (${answer.section})`, head));
        channel.destroy();
        return;
      }
      const deflate = policy && answer.deflate && deflateSettings('client', answer.deflate, policy);
      const socket = new TestSocket(channel, network, answer, { deflate });
      socket.receive(sink.takeRest()); // what came with the head waits to be asked for
      resolve(socket);
    };
    const sink = new ResponseSink(channel, 'GET', {
      head(head) {
        if (head.status === 101) accepted(head);
        else refusal = new Gathering(head);
      },
      body: (chunk) => refusal?.add(chunk),
      end(broken) {
        reject(refusal === undefined ? new Error(`no answer came: ${broken}`) : new Refused(refusal.whole()));
        channel.end();
      },
    });
    write(channel, handshake.bytes);
  });
}
