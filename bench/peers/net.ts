/**
 * No protocol at all: the physical limit of Node's sockets. After the handshake it counts octets and sends as many
 * ready-made replies as whole requests have come; it reads no header, unmasks nothing, checks nothing.
 *
 * It reads as barewire does, through one shared buffer, or with BENCH_NET_EVENTS=1 through `'data'` events.
 */

import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { acceptSockets } from '../../lib/channel/node-internals.ts';
import type { Sink } from '../../lib/channel/port.ts';
import { SocketChannel } from '../../lib/channel/socket.ts';
import { READ_BYTES } from '../../lib/load/connection.ts';
import {
  CyclePosition,
  type FrameCycle,
  type MessageShape,
  replyCycle,
  requestCycle,
} from '../../lib/load/messages.ts';
import { type CorpusName, corpusShape } from '../wire/corpus.ts';
import { announce, peerArguments } from './arguments.ts';

const { mode, sizeBytes, kind, corpus, tls } = peerArguments();
const shape: MessageShape = corpus === undefined ? { sizeBytes, kind } : corpusShape(corpus as CorpusName, sizeBytes);
const requests: FrameCycle = requestCycle(shape, 0);
// Replies are shorter than requests by their masking keys: what one read completes is less than two reads in replies.
const replies: FrameCycle = replyCycle(shape, 4 * READ_BYTES + sizeBytes);
const viaEvents = process.env['BENCH_NET_EVENTS'] === '1';
const members = new Set<Bare>();

class Bare implements Sink {
  readonly socket: Socket;
  #head: string | undefined = '';
  readonly #position = new CyclePosition(requests);

  constructor(socket: Socket) {
    this.socket = socket;
  }

  receive(chunk: Uint8Array): void {
    if (this.#head !== undefined) {
      this.#head += Buffer.from(chunk).toString('latin1');
      if (!this.#head.includes('\r\n\r\n')) return;
      const key = /^sec-websocket-key: *(\S+)/im.exec(this.#head)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      this.socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      this.#head = undefined;
      members.add(this);
      return;
    }
    const first = this.#position.frame;
    const whole = this.#position.advance(chunk.length);
    if (whole === 0) return;
    const { bytes, starts } = replies;
    const reply = bytes.subarray(starts[first], starts[first + whole]);
    if (mode === 'fan-out') for (const member of members) member.socket.write(reply);
    else this.socket.write(reply);
  }

  receiveEnd(): void {
    this.socket.end();
  }

  drained(): void {}

  gone(): void {
    members.delete(this);
  }
}

function accept(socket: Socket, usesSharedBuffer: boolean): void {
  new SocketChannel(socket, new Bare(socket), usesSharedBuffer ? 'shared buffer' : 'data events');
  if (!usesSharedBuffer) socket.resume();
}

const server =
  tls === undefined
    ? createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
    : createTlsServer({ ...tls, allowHalfOpen: true, noDelay: true });
if (tls !== undefined) server.on('secureConnection', (socket: Socket) => accept(socket, false));
else if (viaEvents) server.on('connection', (socket) => accept(socket, false));
else acceptSockets(server, accept);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  announce((server.address() as { port: number }).port);
});
