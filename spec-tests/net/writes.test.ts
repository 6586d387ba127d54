import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConnectionClosed } from '../../lib/errors.ts';
import { WEBSOCKET_LIMITS } from '../../lib/limits.ts';
import type { EventStream, ServerWebSocket } from '../../lib/net/api.ts';
import type { Server } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { ROOT } from '../support/peers.ts';
import { openWebSocket, RawClient, until, withServer } from '../support/sockets.ts';

const clock = new FakeClock();

/** A socket and a stream of one server, with their clients. */
async function withBoth(
  body: (context: {
    readonly server: Server;
    readonly socket: ServerWebSocket;
    readonly stream: EventStream;
    readonly socketClient: RawClient;
    readonly streamClient: RawClient;
  }) => Promise<void>,
): Promise<void> {
  let socket: ServerWebSocket | undefined;
  let stream: EventStream | undefined;
  await withServer(
    { clock },
    (server) =>
      server
        .webSocket('/', {
          open(opened) {
            socket = opened;
          },
          message: (opened, data) => opened.send(data),
        })
        .eventStream('/s', {
          open(opened) {
            stream = opened;
          },
        }),
    async (server) => {
      const socketClient = await openWebSocket(server.port);
      const streamClient = (await RawClient.connect(server.port)).request('GET /s');
      await streamClient.head();
      await until('both are open', () => socket !== undefined && stream !== undefined);
      await body({ server, socket: socket!, stream: stream!, socketClient, streamClient });
    },
  );
}

/** Starts `count` writes of 1 MB that are numbered, and answers the order in which they are settled. */
function writeMany(count: number, write: (i: number) => Promise<void>): { readonly settled: string[] } {
  const settled: string[] = [];
  for (let i = 0; i < count; i++)
    write(i).then(
      () => settled.push(`${i}`),
      (error: unknown) => settled.push(`${i} ${error instanceof ConnectionClosed ? error.code : String(error)}`),
    );
  return { settled };
}

describe('write, on sockets and streams', () => {
  it('waits for room, keeps the order, and never holds more than maxBufferedBytes', async () => {
    await withBoth(async ({ socket, stream, socketClient, streamClient }) => {
      socketClient.socket.pause();
      streamClient.socket.pause();
      const onSocket = writeMany(60, (i) => socket.write(new Uint8Array(1_000_000).fill(i)));
      const onStream = writeMany(60, (i) => stream.write({ id: `${i}`, data: 'x'.repeat(1_000_000) }));
      await until('both wait', () => socket.bufferedAmount > 0 && stream.bufferedAmount > 0);
      assert.ok(onSocket.settled.length < 60 && onStream.settled.length < 60);
      assert.ok(socket.bufferedAmount <= 4_194_304 && stream.bufferedAmount <= 4_194_304);
      socketClient.socket.resume();
      streamClient.socket.resume();
      for (let i = 0; i < 60; i++) {
        assert.equal((await socketClient.frame()).payload[0], i);
        assert.match((await streamClient.chunk())!.toString('latin1', 0, 10), new RegExp(`^id: ${i}\n`));
      }
      const inOrder = Array.from({ length: 60 }, (_, i) => `${i}`);
      await until('all are settled', () => onSocket.settled.length + onStream.settled.length === 120);
      assert.deepEqual(onSocket.settled, inOrder);
      assert.deepEqual(onStream.settled, inOrder);
    });
  });

  it('rejects with ConnectionClosed when the peer goes, each once; signal says it too, and stats stay readable', async () => {
    await withBoth(async ({ socket, stream, socketClient, streamClient }) => {
      socketClient.socket.pause();
      streamClient.socket.pause();
      const onSocket = writeMany(40, () => socket.write(new Uint8Array(1_000_000)));
      const onStream = writeMany(40, () => stream.write('x'.repeat(1_000_000)));
      await until('both wait', () => socket.bufferedAmount > 0 && stream.bufferedAmount > 0);
      const reasons: unknown[] = [];
      for (const { signal } of [socket, stream]) {
        assert.equal(signal.aborted, false);
        signal.addEventListener('abort', () => reasons.push(signal.reason));
      }
      socketClient.socket.resetAndDestroy();
      streamClient.socket.resetAndDestroy();
      await until('all are settled', () => onSocket.settled.length + onStream.settled.length === 80);
      for (const { settled } of [onSocket, onStream]) {
        assert.equal(settled.at(-1), '39 CONNECTION_CLOSED');
        assert.ok(settled.filter((one) => one.includes('CONNECTION_CLOSED')).length > 10);
      }
      assert.ok(reasons.length === 2 && reasons.every((reason) => reason instanceof ConnectionClosed));
      assert.equal(socket.stats.queuedBytes, 0);
      await assert.rejects(socket.write('late'), ConnectionClosed);
      await assert.rejects(stream.write('late'), ConnectionClosed);
    });
  });

  it('what cannot be sent rejects, and those behind it go on; more than maxWaitingWrites reject', async () => {
    await withBoth(async ({ socket, stream, socketClient }) => {
      await assert.rejects(socket.write(5 as never), TypeError);
      await assert.rejects(stream.write({ id: 'a\nb', data: '' }), TypeError);
      await socket.write('fine');
      assert.equal((await socketClient.frame()).payload.toString(), 'fine');
      socketClient.socket.pause();
      const { settled } = writeMany(60 + WEBSOCKET_LIMITS.maxWaitingWrites, (i) =>
        socket.write(i < 60 ? new Uint8Array(1_000_000) : 'x'),
      );
      await until('some are refused', () => settled.some((one) => one.includes('limit 1024: await them')));
      socket.terminate();
    });
  });
});

describe('ping and stats', () => {
  it('ping resolves to the round trip in ms, with and without a payload, or to undefined when the connection ends', async () => {
    await withBoth(async ({ socket, socketClient }) => {
      for (const payload of [undefined, Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(125)]) {
        const roundTrip = socket.ping(payload);
        const ping = await socketClient.frame();
        assert.equal(ping.opcode, 9);
        socketClient.frames({ opcode: 10, payload: ping.payload });
        const ms = await roundTrip;
        assert.ok(ms !== undefined && ms >= 0 && ms < 10_000, `${ms}`);
        assert.equal(socket.stats.roundTripMs, ms);
      }
      assert.equal(socket.stats.sentMessages, 0, 'a ping is no message');
      assert.throws(() => void socket.ping(new Uint8Array(126)), RangeError);
      const unanswered = Promise.all([socket.ping(), socket.ping(Uint8Array.of(7))]);
      socketClient.socket.destroy();
      assert.deepEqual(await unanswered, [undefined, undefined]);
      assert.equal(await socket.ping(), undefined);
    });
  });

  it('stats count octets on the wire and whole messages both ways, and how long the connection is open', async () => {
    await withBoth(async ({ socket, stream, socketClient, streamClient }) => {
      const before = socket.stats;
      socketClient.frames({ opcode: 1, payload: 'hello' }, { opcode: 2, payload: new Uint8Array(200) });
      for (let i = 0; i < 2; i++) await socketClient.frame();
      clock.advance(5_000);
      const after = socket.stats;
      assert.deepEqual(
        [after.receivedMessages, after.sentMessages, after.queuedBytes, after.openMs - before.openMs],
        [2, 2, 0, 5_000],
      );
      assert.equal(after.receivedBytes - before.receivedBytes, 6 + 5 + 8 + 200);
      assert.equal(after.sentBytes - before.sentBytes, 2 + 5 + 4 + 200);
      stream.send('x');
      assert.equal((await streamClient.chunk())!.toString(), 'data: x\n\n');
      assert.deepEqual([stream.stats.sentMessages, stream.stats.receivedMessages], [1, 0]);
      assert.equal(stream.stats.roundTripMs, undefined);
    });
  });
});

describe('promises that nobody looks at', () => {
  it('never end the process: write and ping on sockets and streams whose peers go, drain and close', () => {
    const code = `
      import { connect } from 'node:net';
      import { once } from 'node:events';
      import { createServer, WebSocket } from ${JSON.stringify(join(ROOT, 'dist/lib/index.js'))};
      const server = createServer({ closeTimeoutMs: 100 });
      let closes = 0;
      const busy = (connection) => {
        for (let i = 0; i < 2000; i++) connection.write('x'.repeat(10_000));
        connection.write(5);
        connection.ping?.();
      };
      const closed = (connection) => { connection.write('late'); connection.ping?.(); closes++; };
      server.webSocket('/', { open: busy, close: closed }).eventStream('/s', { open: busy, close: closed });
      await server.listen();
      const stream = connect(server.port, '127.0.0.1');
      stream.write('GET /s HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
      stream.once('data', () => stream.resetAndDestroy());
      const socket = new WebSocket('ws://127.0.0.1:' + server.port + '/');
      await once(socket, 'message');
      socket.close();
      while (closes < 2) await new Promise((resolve) => setImmediate(resolve));
      server.drain();
      server.close();
      await server.close();
      console.log('alive');
    `;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    assert.deepEqual([status, stdout], [0, 'alive\n'], stderr);
  });
});
