import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryPair } from '../../lib/channel/memory.ts';
import { TIMEOUTS, WEBSOCKET_LIMITS } from '../../lib/limits.ts';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { Sweeper } from '../../lib/net/sweeper.ts';
import { WebSocketConnection } from '../../lib/net/websocket-connection.ts';
import { FakeClock } from '../support/clock.ts';
import { compressed } from '../support/deflate.ts';
import { closePayload } from '../support/frames.ts';
import {
  concat,
  deferred,
  fromClient,
  openWebSocket,
  RawClient,
  turns,
  until,
  upgradeRequest,
  withServer,
} from '../support/sockets.ts';

const text = (payload: string) => ({ opcode: 1, payload });

describe('pause', () => {
  it('is exact: nothing more of the chunk is told, control frames included, until resume; then all of it, in order, and the end', async () => {
    const told: string[] = [];
    const sockets: ServerWebSocket[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          open: (socket) => void sockets.push(socket),
          message(socket, data) {
            told.push(String(data));
            if (data === 'stop') socket.pause();
          },
          ping: (_, payload) => void told.push(`ping ${Buffer.from(payload)}`),
          close: (_, code) => void told.push(`close ${code}`),
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        const frames = [text('stop'), { opcode: 9, payload: 'p' }, text('a'), text('stop'), text('b')];
        client.frames(...frames);
        client.socket.end();
        await until('the first has come', () => told.length > 0);
        await turns(50);
        assert.deepEqual(told, ['stop']);
        sockets[0]!.resume();
        assert.deepEqual(told, ['stop', 'ping p', 'a', 'stop'], 'what waited is told before resume returns');
        await turns(50);
        assert.equal(told.length, 4);
        assert.equal((await client.frame()).opcode, 10, 'the ping is answered');
        sockets[0]!.resume();
        await until('the end is told', () => told.length === 6);
        assert.deepEqual(told.slice(4), ['b', 'close 1006']);
      },
    );
  });

  it('in open holds back what came with the handshake, a FIN behind it too', async () => {
    const told: string[] = [];
    const sockets: ServerWebSocket[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          open(socket) {
            sockets.push(socket);
            socket.pause();
          },
          message: (_, data) => void told.push(String(data)),
          close: (_, code) => void told.push(`close ${code}`),
        }),
      async (server) => {
        const client = await RawClient.connect(server.port);
        const frames = fromClient(text('a'), text('b'), { opcode: 8, payload: closePayload(4000) });
        client.socket.end(concat(Buffer.from(upgradeRequest()), frames));
        await until('it is open', () => sockets.length === 1);
        await turns(50);
        assert.deepEqual(told, []);
        sockets[0]!.resume();
        assert.deepEqual(told, ['a', 'b']);
        await until('the end is told', () => told.length === 3);
        assert.equal(told[2], 'close 4000');
      },
    );
  });

  it('in open holds back a FIN too that came while upgrade decided', async () => {
    const told: string[] = [];
    const sockets: ServerWebSocket[] = [];
    const gate = deferred();
    let asked = false;
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async () => {
            asked = true;
            await gate.promise;
            return undefined;
          },
          {
            open(socket) {
              sockets.push(socket);
              socket.pause();
            },
            message: (_, data) => void told.push(String(data)),
            close: (_, code) => void told.push(`close ${code}`),
          },
        ),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.socket.end(concat(Buffer.from(upgradeRequest()), fromClient(text('a'))));
        await until('it is asked', () => asked);
        await turns(50);
        gate.resolve();
        await until('it is open', () => sockets.length === 1);
        await turns(50);
        assert.deepEqual(told, []);
        sockets[0]!.resume();
        await until('the end is told', () => told.length === 2);
        assert.deepEqual(told, ['a', 'close 1006']);
      },
    );
  });

  it('loses nothing where a channel hands over chunks and a FIN all the same', async () => {
    const told: string[] = [];
    const { first: channel } = memoryPair();
    const settings = {
      ...WEBSOCKET_LIMITS,
      ...TIMEOUTS,
      role: 'server' as const,
      handlers: { text: (_: undefined, data: string | Uint8Array) => void told.push(String(data)) },
      sweeper: new Sweeper(new FakeClock()),
      textAsBytes: false,
      lendsBinary: false,
      lendsText: false,
      onError: (error: unknown) => assert.fail(error as Error),
    };
    const connection = new WebSocketConnection(channel, settings, { deflate: undefined }, undefined);
    connection.pause();
    connection.receive(fromClient(text('a')));
    connection.receive(fromClient(text('b')));
    connection.receiveEnd();
    assert.deepEqual([told, connection.readyState], [[], 1]);
    connection.resume();
    assert.deepEqual([told, connection.readyState], [['a', 'b'], 2]);
    channel.destroy();
  });

  it('by the application is not ended by a loop that goes on reading', async () => {
    const gate = deferred();
    let taken = 0;
    const sockets: ServerWebSocket[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async (socket) => {
            sockets.push(socket);
            await gate.promise;
            for await (const _ of socket) if (++taken === 8) break;
          },
          { maxQueuedMessages: 2 },
        ),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames(...Array.from({ length: 8 }, (_, i) => text(String(i))));
        await until('two are queued', () => sockets[0]?.stats.receivedMessages === 2);
        sockets[0]!.pause();
        gate.resolve();
        await until('they are taken', () => taken === 2);
        await turns(50);
        assert.equal(taken, 2);
        sockets[0]!.resume();
        assert.equal((await client.closeFrame()).code, 1000);
        assert.equal(taken, 8);
      },
    );
  });
});

describe('the bound of for await', () => {
  it('is exceeded by one message at most, also where one chunk is a bomb of many; none is lost by a handler that waits first', async () => {
    const gate = deferred();
    const size = 1_000_000;
    const count = 40;
    const sockets: ServerWebSocket[] = [];
    let taken = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async (socket) => {
            sockets.push(socket);
            await gate.promise;
            for await (const message of socket) {
              assert.equal(message.length, size);
              const { receivedMessages } = socket.stats;
              assert.ok(receivedMessages - taken <= 3, `${receivedMessages - taken} of 1 MB are held, bound 2 MB`);
              if (++taken === count) break;
            }
          },
          { perMessageDeflate: true, maxQueuedBytes: 2 * size },
        ),
      async (server) => {
        const client = await openWebSocket(server.port, '/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
        const bomb = { opcode: 2, rsv: 4, payload: compressed(new Uint8Array(size)) };
        const chunk = fromClient(...new Array<typeof bomb>(count).fill(bomb));
        assert.ok(chunk.length < 65_536, 'one read brings all of them');
        client.write(chunk);
        await until('the queue is full', () => sockets[0]?.stats.receivedMessages === 2);
        await turns(50);
        assert.equal(sockets[0]!.stats.receivedMessages, 2);
        gate.resolve();
        assert.equal((await client.closeFrame()).code, 1000);
        assert.equal(taken, count);
      },
    );
  });

  it('holds while closing: a loop that goes on reads all that came before the close of the peer', async () => {
    const gate = deferred();
    const sockets: ServerWebSocket[] = [];
    const read: string[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async (socket) => {
            sockets.push(socket);
            await gate.promise;
            for await (const message of socket) read.push(String(message));
          },
          { maxQueuedMessages: 2 },
        ),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames(...['a', 'b', 'c', 'd'].map(text));
        await until('two are queued', () => sockets[0]?.stats.receivedMessages === 2);
        sockets[0]!.close(4001);
        client.frames(text('e'), { opcode: 8, payload: closePayload(4001) });
        assert.equal((await client.closeFrame()).code, 4001);
        await turns(50);
        assert.equal(sockets[0]!.stats.receivedMessages, 2);
        gate.resolve();
        await client.end();
        client.socket.end();
        await until('the loop has ended', () => server.connections.webSockets === 0);
        await turns();
        assert.deepEqual(read, ['a', 'b', 'c', 'd', 'e']);
      },
    );
  });

  it('does not keep the close of the peer from being heard when the loop is over', async () => {
    const gate = deferred();
    const sockets: ServerWebSocket[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async (socket) => {
            sockets.push(socket);
            await gate.promise;
          },
          { maxQueuedMessages: 2 },
        ),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames(...['a', 'b', 'c', 'd'].map(text));
        await until('two are queued', () => sockets[0]?.stats.receivedMessages === 2);
        gate.resolve();
        assert.equal((await client.closeFrame()).code, 1000);
        client.frames({ opcode: 8, payload: closePayload(1000) });
        await client.end();
        client.socket.end();
      },
    );
  });
});
