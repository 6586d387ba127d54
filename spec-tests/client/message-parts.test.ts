import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket, type WebSocketOptions } from '../../lib/client/websocket.ts';
import { ConnectionClosed } from '../../lib/errors.ts';
import type { ServerWebSocket, StreamedMessage, WebSocketHandlers } from '../../lib/net/api.ts';
import { deferred, turns, until, withServer } from '../support/sockets.ts';

async function withPair(
  handlers: WebSocketHandlers,
  options: WebSocketOptions,
  body: (client: WebSocket, sockets: readonly ServerWebSocket[]) => Promise<void>,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  const open = (socket: ServerWebSocket) => void sockets.push(socket);
  await withServer(
    {},
    (server) => server.webSocket('/', { open, ...handlers }, { perMessageDeflate: true }),
    async (server) => {
      const client = new WebSocket(server.url.replace('http', 'ws'), options);
      try {
        await body(client, sockets);
      } finally {
        client.terminate();
      }
    },
  );
}

async function lengthOf(message: StreamedMessage): Promise<number> {
  let length = 0;
  for await (const part of message) length += part.length;
  return length;
}

describe('a client that receives messages in parts', () => {
  it('reads a message of many times maxMessageBytes as it comes, compressed or not, in place of events', async () => {
    for (const perMessageDeflate of [false, true]) {
      const lengths: string[] = [];
      const messageStream = async (message: StreamedMessage) =>
        void lengths.push(`${message.type} ${await lengthOf(message)}`);
      const options = { messageStream, perMessageDeflate, maxMessageBytes: 1_000 };
      await withPair({}, options, async (client, sockets) => {
        client.addEventListener('message', () => lengths.push('event'));
        await once(client, 'open');
        await until('the server has it', () => sockets.length === 1);
        const parts = new Array<Uint8Array>(200).fill(new Uint8Array(50_000));
        await sockets[0]!.writeMessage(parts);
        await sockets[0]!.write('short');
        await until('both are read', () => lengths.length === 2);
        assert.deepEqual(lengths, ['binary 10000000', 'text 5']);
      });
    }
  });

  it('closes with 1011 and tells the error where the function throws; the loop over the socket is refused', async () => {
    const codes: number[] = [];
    const messageStream = async (message: StreamedMessage) => {
      await lengthOf(message);
      throw new Error('disk');
    };
    await withPair({ close: (_, code) => void codes.push(code) }, { messageStream }, async (client, sockets) => {
      assert.throws(() => client[Symbol.asyncIterator](), /messageStream, not to for await/);
      await once(client, 'open');
      await until('the server has it', () => sockets.length === 1);
      sockets[0]!.send('x');
      const [error] = (await once(client, 'error')) as [Event & { error?: Error }];
      assert.match(String(error.error), /disk/);
      await until('the server knows', () => codes.length === 1);
      assert.deepEqual(codes, [1011]);
    });
    assert.throws(() => new WebSocket('ws://127.0.0.1:1', { messageStream: 'x' as never }), TypeError);
  });
});

describe('writeMessage of a client', () => {
  it('waits for open, for Blobs and for earlier writes; send throws meanwhile; bufferedAmount counts its octets', async () => {
    const told: string[] = [];
    const messageStream = async (_: ServerWebSocket, message: StreamedMessage) => {
      let text = '';
      for await (const part of message) text += part;
      told.push(text);
    };
    await withPair({ messageStream }, {}, async (client) => {
      const gate = deferred();
      async function* parts() {
        yield 'par';
        assert.equal(client.bufferedAmount, 8, 'what was sent in this turn: first and par');
        assert.throws(() => client.send('between'), TypeError);
        assert.throws(() => client.send(new Blob(['between'])), TypeError);
        await gate.promise;
        yield 'ts';
      }
      const first = client.write('first');
      const whole = client.writeMessage(parts());
      const last = client.write('last');
      await once(client, 'open');
      await until('the first is there', () => told.length > 0);
      gate.resolve();
      await Promise.all([first, whole, last]);
      client.send(new Blob(['xy'])); // sent as binary
      const behind = client.writeMessage(['behind']);
      await behind;
      client.send('after');
      await until('all are there', () => told.length === 6);
      assert.deepEqual(told, ['first', 'parts', 'last', '120,121', 'behind', 'after']);
      assert.equal(client.bufferedAmount, 0);
    });
  });

  it('asks its source for no more while the server does not read, and rejects with ConnectionClosed when it ends', async () => {
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked++;
        yield new Uint8Array(65_536);
      }
    }
    await withPair({ messageStream: () => {} }, {}, async (client, sockets) => {
      await once(client, 'open');
      await until('the server has it', () => sockets.length === 1);
      sockets[0]!.pause();
      const written = client.writeMessage(endless());
      let before = -1;
      await until('it is blocked', () => client.bufferedAmount > 0);
      for (; before !== asked; await turns(50)) before = asked;
      assert.ok(client.bufferedAmount <= 4 * 65_536, `${client.bufferedAmount} octets wait`);
      sockets[0]!.terminate();
      await assert.rejects(written, ConnectionClosed);
      await assert.rejects(client.writeMessage(['late']), ConnectionClosed);
    });
  });
});
