/**
 * A transport reads in one of two ways: into one buffer that all connections share, or through 'data' events. What comes
 * of the bytes must not depend on it, and nothing that a handler keeps may be overwritten by a later read.
 */

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type AddressInfo, connect, createServer as createNetServer, type Server, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { acceptSockets, forgoWrite } from '../../lib/channel/node-internals.ts';
import type { Sink } from '../../lib/channel/port.ts';
import { SocketChannel } from '../../lib/channel/socket.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { createServer } from '../../lib/server.ts';
import { concat, fromClient } from '../support/frames.ts';
import { RawClient, turns, until, upgradeRequest } from '../support/sockets.ts';

interface Handle {
  useUserBuffer?: unknown;
}
interface ListeningHandle {
  onconnection(status: number, client: unknown): void;
}

function count(net: Server): Promise<number> {
  return new Promise((resolve, reject) => net.getConnections((error, n) => (error ? reject(error) : resolve(n))));
}

/** Makes the inside of Node look as if it had no way to read into a buffer of ours, while `body` runs. */
async function withoutSharedBuffer(body: () => Promise<void>): Promise<void> {
  const net = createNetServer();
  await new Promise<void>((resolve) => net.listen(0, '127.0.0.1', resolve));
  const probe = connect((net.address() as { port: number }).port, '127.0.0.1');
  await new Promise((resolve) => probe.once('connect', resolve));
  const prototype = Object.getPrototypeOf((probe as unknown as { _handle: Handle })._handle) as Handle;
  probe.destroy();
  net.close();
  Object.defineProperty(prototype, 'useUserBuffer', { value: undefined, configurable: true });
  try {
    await body();
  } finally {
    delete prototype.useUserBuffer;
  }
}

const MODES: readonly [name: string, run: (body: () => Promise<void>) => Promise<void>][] = [
  ['the shared buffer', (body) => body()],
  ['data events', withoutSharedBuffer],
];

/** One accepted socket, read in the way that is current. */
async function accepted(
  sink: Sink,
): Promise<{ transport: SocketChannel; socket: Socket; client: RawClient; shared: boolean; end(): void }> {
  let resolve!: (value: { transport: SocketChannel; socket: Socket; shared: boolean }) => void;
  const ready = new Promise<{ transport: SocketChannel; socket: Socket; shared: boolean }>((yes) => {
    resolve = yes;
  });
  const net = createNetServer({ allowHalfOpen: true, pauseOnConnect: true });
  acceptSockets(net, (socket, usesSharedBuffer, isKnown) => {
    if (!isKnown) forgoWrite(socket);
    const transport = new SocketChannel(socket, sink, usesSharedBuffer ? 'shared buffer' : 'data events');
    if (!usesSharedBuffer) socket.resume();
    resolve({ transport, socket, shared: usesSharedBuffer });
  });
  await new Promise<void>((yes) => net.listen(0, '127.0.0.1', yes));
  const client = await RawClient.connect((net.address() as { port: number }).port);
  const { transport, socket, shared } = await ready;
  return {
    transport,
    socket,
    client,
    shared,
    end() {
      client.socket.destroy();
      transport.destroy();
      net.close();
    },
  };
}

/** Makes sockets that tell of their end in another way than Node's do today, while `body` runs. */
async function withOtherEndListeners(body: () => Promise<void>): Promise<void> {
  const end = (new Socket() as unknown as { _events: { end: () => void } })._events.end;
  const { name } = end;
  Object.defineProperty(end, 'name', { value: 'another', configurable: true });
  try {
    await body();
  } finally {
    Object.defineProperty(end, 'name', { value: name, configurable: true });
  }
}

for (const [inside, run, listeners] of [
  ['as we know it', (body: () => Promise<void>) => body(), 1],
  ['unknown', withOtherEndListeners, 2],
] as const) {
  it(`the end of a socket is heard by ${listeners} where the inside of Node is ${inside}`, () =>
    run(async () => {
      let ends = 0;
      const { socket, client, end } = await accepted({
        receive() {},
        receiveEnd: () => void ends++,
        drained() {},
        gone() {},
      });
      assert.equal(socket.listenerCount('end'), listeners);
      client.socket.end();
      await until('the end has come', () => ends > 0);
      await turns();
      assert.equal(ends, 1);
      assert.equal(socket.writable, true);
      end();
    }));
}

it('an accepted socket has no function of its own for write, unless somebody was told of it', async () => {
  const ignore: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };
  const first = await accepted(ignore);
  const second = await accepted(ignore);
  const told: unknown[] = [];
  const hear = ({ socket }: { socket?: Socket } = {}): void => {
    told.push(socket);
    unsubscribe('net.server.socket', hear as never); // as `once` does
  };
  subscribe('net.server.socket', hear as never);
  const third = await accepted(ignore);
  const onwrite = ({ socket }: { socket: Socket }): unknown =>
    (socket as unknown as { _writableState: { onwrite: unknown } })._writableState.onwrite;
  assert.equal(onwrite(first), onwrite(second));
  assert.notEqual(onwrite(first), onwrite(third));
  assert.ok(told.includes(third.socket));
  third.socket.write('written');
  third.socket.end();
  assert.equal((await third.client.rest()).toString(), 'written');
  for (const each of [first, second, third]) each.end();
});

for (const [mode, run] of MODES) {
  describe(`reading through ${mode}`, () => {
    it('chunks, FIN and the end are told in order and once; pause holds bytes and FIN back, resume lets them come', () =>
      run(async () => {
        const log: string[] = [];
        const { transport, client, shared, end } = await accepted({
          receive: (chunk) => void log.push(Buffer.from(chunk).toString()),
          receiveEnd: () => void log.push('end'),
          drained() {},
          gone: (error) => void log.push(`gone ${error?.message ?? ''}`),
        });
        assert.equal(shared, mode === 'the shared buffer');
        client.write('one');
        await until('it has come', () => log.length === 1);
        transport.pause();
        client.write('two');
        client.socket.end();
        await turns();
        assert.deepEqual(log, ['one']);
        transport.resume();
        await until('the end has come', () => log.length === 3);
        assert.deepEqual(log, ['one', 'two', 'end']);
        transport.output.append(Buffer.from('answer'), 0, 6);
        transport.end();
        assert.equal((await client.rest()).toString(), 'answer');
        await until('it has gone', () => log.length === 4);
        await turns();
        assert.deepEqual(log, ['one', 'two', 'end', 'gone ']);
        end();
      }));

    it('bufferedAmount counts what waits and the write under way, and blocked says that there is one', () =>
      run(async () => {
        let drained = 0;
        const { transport, socket, client, end } = await accepted({
          receive() {},
          receiveEnd() {},
          drained: () => void drained++,
          gone() {},
        });
        client.socket.pause();
        const part = new Uint8Array(3_000_000);
        let appended = 0;
        while (!transport.blocked) {
          appended += part.length;
          transport.output.append(part, 0, part.length);
          transport.flush();
          await turns(5);
        }
        await turns(50);
        const underWay = transport.bufferedAmount - transport.output.byteLength;
        const { writeQueueSize } = (socket as unknown as { _handle: { writeQueueSize: number } })._handle;
        assert.ok(
          writeQueueSize > 0 && writeQueueSize <= underWay && underWay <= 524_288,
          `${writeQueueSize} ${underWay}`,
        );
        client.socket.resume();
        await until('it has drained', () => drained === 1);
        await until('all has come', () => client.socket.bytesRead === appended);
        assert.deepEqual([transport.bufferedAmount, transport.blocked], [0, false]);
        end();
      }));

    it('a write that fails ends the connection, also where nobody reads', () =>
      run(async () => {
        const log: string[] = [];
        const { transport, client, end } = await accepted({
          receive() {},
          receiveEnd() {},
          drained() {},
          gone: (error) => void log.push(`${(error as NodeJS.ErrnoException | undefined)?.code}`),
        });
        transport.pause();
        client.socket.resetAndDestroy();
        await until('it has gone', () => {
          transport.output.append(Buffer.from('x'), 0, 1);
          transport.flush();
          return log.length === 1;
        });
        assert.match(log[0]!, /^(EPIPE|ECONNRESET)$/);
        assert.equal(transport.bufferedAmount, 0);
        end();
      }));

    it('a reset is told as gone with its error', () =>
      run(async () => {
        const log: string[] = [];
        const { client, end } = await accepted({
          receive() {},
          receiveEnd: () => void log.push('end'),
          drained() {},
          gone: (error) => void log.push(`gone ${(error as NodeJS.ErrnoException | undefined)?.code}`),
        });
        client.socket.resetAndDestroy();
        await until('it has gone', () => log.length === 1);
        assert.deepEqual(log, ['gone ECONNRESET']);
        end();
      }));

    it('what handlers keep stays as it was: messages, pings, bodies, headers, the bytes behind an upgrade', () =>
      run(async () => {
        const kept: Uint8Array[] = [];
        const texts: string[] = [];
        const server = createServer({ onError: (error) => assert.fail(String(error)) })
          .post('/', (request) => {
            kept.push(request.body);
            texts.push(request.headers.get('x-kept') ?? '');
            return {};
          })
          .webSocket('/', {
            message(_, message) {
              if (typeof message === 'string') texts.push(message);
              else kept.push(message);
            },
            ping: (_, payload) => void kept.push(payload),
          });
        await server.listen();
        const payloads = [1, 30, 64, 65, 125, 126, 1_000, 4_096, 4_097, 20_000, 65_535, 65_536, 70_000, 200_000];
        const expected: string[] = [];
        const poster = await RawClient.connect(server.port);
        for (const [i, size] of payloads.entries()) {
          const body = String.fromCharCode(97 + i).repeat(size);
          expected.push(body);
          poster.request('POST /', { 'Content-Length': String(size), 'X-Kept': `header ${i}` }, body);
          assert.equal((await poster.response()).status, 200);
        }
        const client = await RawClient.connect(server.port);
        const early = fromClient({ opcode: 2, payload: 'early' });
        client.write(concat(Buffer.from(upgradeRequest('/')), early));
        expected.push('early');
        for (const [i, size] of payloads.entries()) {
          const payload = String.fromCharCode(65 + i).repeat(size);
          expected.push(payload);
          client.frames({ opcode: 2, payload }, { opcode: 1, payload });
          if (size <= 125) {
            expected.push(payload);
            client.frames({ opcode: 9, payload });
          }
          await turns(1);
        }
        await until('all have come', () => kept.length === expected.length);
        // Whatever else is read now must not touch what is kept.
        const overwriter = await RawClient.connect(server.port);
        overwriter.request('GET /none', { 'X-Fill': '\xee'.repeat(8_000) });
        await overwriter.response();
        client.frames({ opcode: 1, payload: 'z'.repeat(130_000) });
        await until('the last has come', () => texts.at(-1)?.startsWith('z') === true);
        for (const [i, bytes] of kept.entries())
          assert.ok(Buffer.from(bytes).equals(Buffer.from(expected[i]!)), `${i}`);
        assert.equal(texts[0], 'header 0');
        assert.deepEqual(
          texts.slice(payloads.length, -1),
          payloads.map((size, i) => String.fromCharCode(65 + i).repeat(size)),
        );
        for (const each of RawClient.open) each.socket.destroy();
        await server.close();
      }));

    it('many connections at once each get their own bytes back', () =>
      run(async () => {
        const server = createServer().webSocket('/', { message: (socket, data) => void socket.send(data) });
        await server.listen();
        const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.connect(server.port)));
        for (const client of clients) assert.equal((await client.upgrade('/')).status, 101);
        for (let round = 0; round < 10; round++) {
          for (const [i, client] of clients.entries())
            client.frames({ opcode: 2, payload: new Uint8Array(10_000 + i).fill(i + round) });
          for (const [i, client] of clients.entries()) {
            const { payload } = await client.frame();
            assert.ok(payload.equals(Buffer.alloc(10_000 + i, i + round)));
          }
        }
        for (const client of clients) client.socket.destroy();
        await server.close();
      }));
  });
}

describe('accepting', () => {
  /** What a server's close and its errors are owed is that of Node's own accepting. */
  async function listening(): Promise<{ net: Server; handle: ListeningHandle; sockets: Socket[] }> {
    const net = createNetServer({ allowHalfOpen: true, pauseOnConnect: true });
    const sockets: Socket[] = [];
    acceptSockets(net, (socket) => void sockets.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => net.listen(0, '127.0.0.1', resolve));
    return { net, handle: (net as unknown as { _handle: ListeningHandle })._handle, sockets };
  }

  it('connections are counted: the server closes when the last of them has gone, and not before', async () => {
    const { net, sockets } = await listening();
    const client = await RawClient.connect((net.address() as AddressInfo).port);
    await until('it is accepted', () => sockets.length === 1);
    assert.equal(await count(net), 1);
    let closed = false;
    net.close(() => {
      closed = true;
    });
    await turns(20);
    assert.equal(closed, false);
    client.socket.destroy();
    sockets[0]!.destroy();
    await until('the server has closed', () => closed);
    assert.equal(await count(net), 0);
  });

  it('an accept that fails is an error of the server, and the next one succeeds', async () => {
    const { net, handle, sockets } = await listening();
    const errors: NodeJS.ErrnoException[] = [];
    net.on('error', (error) => errors.push(error));
    handle.onconnection(-24, undefined); // EMFILE
    assert.deepEqual(
      errors.map(({ code, syscall }) => [code, syscall]),
      [['EMFILE', 'accept']],
    );
    const client = await RawClient.connect((net.address() as AddressInfo).port);
    await until('it is accepted', () => sockets.length === 1);
    client.socket.destroy();
    sockets[0]!.destroy();
    net.close();
  });
});

describe('a client', () => {
  it('reads into the shared buffer too, and what it delivers stays as it was', async () => {
    const server = createServer().webSocket('/', { message: (socket, data) => void socket.send(data) });
    await server.listen();
    const socket = new WebSocket(server.url);
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    const kept: ArrayBuffer[] = [];
    socket.onmessage = ({ data }) => kept.push(data as ArrayBuffer);
    const sizes = [1, 64, 65, 4_096, 4_097, 65_536, 100_000];
    for (const [i, size] of [...sizes, ...sizes].entries()) socket.send(new Uint8Array(size).fill(i));
    await until('all have come', () => kept.length === 14);
    for (const [i, size] of [...sizes, ...sizes].entries())
      assert.deepEqual(new Uint8Array(kept[i]!), new Uint8Array(size).fill(i));
    socket.close();
    await new Promise((resolve) => {
      socket.onclose = resolve;
    });
    await server.close();
  });
});
