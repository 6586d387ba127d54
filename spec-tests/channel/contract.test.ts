/** One contract, every kind of channel: TCP through the shared buffer and by events, TLS, a Duplex, and memory. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { DuplexChannel } from '../../lib/channel/duplex.ts';
import { type MemoryChannel, memoryPair } from '../../lib/channel/memory.ts';
import { acceptSockets } from '../../lib/channel/node-internals.ts';
import { SocketChannel } from '../../lib/channel/socket.ts';
import { streamPair } from '../conformance/doors.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { turns } from '../support/sockets.ts';
import { contract, type Far, type Kind } from './contract.ts';

/** A far side that is a stream of Node's. */
class StreamFar implements Far {
  readonly #stream: Duplex;
  readonly #chunks: Buffer[] = [];
  readonly #reset: () => void;
  ended = false;

  constructor(stream: Duplex, reset: () => void) {
    this.#stream = stream;
    this.#reset = reset;
    stream.on('data', (chunk: Buffer) => void this.#chunks.push(chunk));
    stream.on('end', () => {
      this.ended = true;
    });
    stream.on('error', () => {}); // a broken connection is what some tests want
  }

  get received(): Buffer {
    return joinedOf(this.#chunks);
  }

  get gone(): boolean {
    return this.#stream.destroyed;
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  reset(): void {
    this.#reset();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}

/** The other channel of a memory pair. */
class MemoryFar implements Far {
  readonly #channel: MemoryChannel;
  readonly #chunks: Buffer[] = [];
  ended = false;
  gone = false;

  constructor(channel: MemoryChannel) {
    this.#channel = channel;
    channel.sink = {
      receive: (chunk) => void this.#chunks.push(Buffer.from(chunk)),
      receiveEnd: () => {
        this.ended = true;
      },
      drained() {},
      gone: () => {
        this.gone = true;
      },
    };
  }

  get received(): Buffer {
    return joinedOf(this.#chunks);
  }

  write(bytes: Uint8Array): void {
    this.#channel.output.append(bytes, 0, bytes.length);
    this.#channel.flush();
  }

  end(): void {
    this.#channel.end();
  }

  reset(): void {
    this.#channel.reset();
  }

  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }
}

/** All of `chunks`; they become one, since tests ask often. */
function joinedOf(chunks: Buffer[]): Buffer {
  if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks));
  return chunks[0] ?? Buffer.alloc(0);
}

/** Servers and sockets of the test that is running. */
let open: (Server | Socket)[] = [];

async function endAll(): Promise<void> {
  const all = open;
  open = [];
  for (const each of all) {
    if ('destroy' in each) each.destroy();
    else each.close();
  }
  for (const each of all) if (!('destroy' in each) && each.listening) await once(each, 'close');
}

async function listening(server: Server): Promise<number> {
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const shared: Kind = {
  name: 'a TCP socket that reads into the shared buffer',
  skip: false,
  end: endAll,
  async join(sink, owner) {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const accepted = new Promise<SocketChannel>((resolve, reject) => {
      acceptSockets(server, (socket, usesSharedBuffer) => {
        open.push(socket);
        if (usesSharedBuffer) resolve(new SocketChannel(socket, sink, 'shared buffer', owner));
        else reject(new Error('this Node has no shared buffer'));
      });
    });
    const socket = connect({ port: await listening(server), host: '127.0.0.1', allowHalfOpen: true });
    open.push(socket);
    const channel = await accepted;
    channel.resume();
    return { channel, far: new StreamFar(socket, () => void socket.resetAndDestroy()) };
  },
};

const events: Kind = {
  name: 'a TCP socket that reads by events',
  skip: false,
  end: endAll,
  async join(sink, owner) {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const accepted = new Promise<SocketChannel>((resolve) => {
      server.on('connection', (socket) => {
        open.push(socket);
        resolve(new SocketChannel(socket, sink, 'data events', owner));
      });
    });
    const socket = connect({ port: await listening(server), host: '127.0.0.1', allowHalfOpen: true });
    open.push(socket);
    return { channel: await accepted, far: new StreamFar(socket, () => void socket.resetAndDestroy()) };
  },
};

const certificate = makeCertificate();

const secure: Kind = {
  name: 'a TLS socket',
  skip: certificate === undefined ? NO_OPENSSL : false,
  end: endAll,
  async join(sink, owner) {
    const server = createTlsServer({ ...certificate, allowHalfOpen: true, noDelay: true });
    const accepted = new Promise<SocketChannel>((resolve) => {
      server.on('secureConnection', (socket) => {
        open.push(socket);
        resolve(new SocketChannel(socket, sink, 'data events', owner));
      });
    });
    const port = await listening(server);
    let relaying = Promise.resolve(0);
    // A TLS socket cannot send a reset; what passes its octets on can.
    const passing = new Promise<Socket>((resolve) => {
      const relay = createServer({ allowHalfOpen: true, noDelay: true }, (from) => {
        const to = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
        open.push(from, to);
        for (const each of [from, to]) each.on('error', () => {});
        to.on('close', () => void from.destroy());
        from.pipe(to).pipe(from);
        resolve(to);
      });
      relaying = listening(relay);
    });
    const below = connect({ port: await relaying, host: '127.0.0.1', allowHalfOpen: true });
    const trusted = certificate === undefined ? {} : { ca: certificate.cert };
    const options = { socket: below, servername: 'localhost', allowHalfOpen: true, ...trusted };
    const socket = connectTls(options);
    open.push(below, socket);
    const to = await passing;
    const channel = await accepted;
    await turns(); // Node takes a reset in the turn that ends the handshake for a FIN
    return { channel, far: new StreamFar(socket, () => void to.resetAndDestroy()) };
  },
};

const duplex: Kind = {
  name: 'a Duplex',
  skip: false,
  end: endAll,
  async join(sink, owner) {
    const [ours, theirs] = streamPair();
    const remote = { address: '127.0.0.1', port: 0, secure: false };
    const channel = new DuplexChannel({ stream: ours, readable: ours, remote, owner }, sink);
    return { channel, far: new StreamFar(theirs, () => void ours.destroy(new Error('reset'))) };
  },
};

const memory: Kind = {
  name: 'a pair in memory',
  skip: false,
  end: endAll,
  async join(sink, owner) {
    const { first, second } = memoryPair({ owner });
    first.sink = sink;
    return { channel: first, far: new MemoryFar(second) };
  },
};

for (const kind of [shared, events, secure, duplex, memory]) contract(kind);
