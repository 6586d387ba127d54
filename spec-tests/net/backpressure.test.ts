import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import type { Server, ServerOptions } from '../../lib/server.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { openWebSocket, type RawClient, turns, until, withServer } from '../support/sockets.ts';

/** Bytes of a server's frame header (RFC 6455 §5.2). */
const headerBytes = (length: number) => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

async function withSocket(
  options: ServerOptions,
  body: (context: {
    readonly server: Server;
    readonly client: RawClient;
    readonly socket: ServerWebSocket;
    /** `drain` has been called so often. */
    readonly drains: () => number;
  }) => Promise<void>,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  let drains = 0;
  await withServer(
    options,
    (server) =>
      server.webSocket('/', {
        open: (socket) => void sockets.push(socket),
        message: (socket, data) => void socket.send(data),
        drain(socket) {
          assert.equal(socket.bufferedAmount, 0, 'drain means that everything has left');
          drains++;
        },
      }),
    async (server) => {
      const client = await openWebSocket(server.port);
      await until('it is open', () => sockets.length === 1);
      await body({ server, client, socket: sockets[0]!, drains: () => drains });
    },
  );
}

/** Sends until the kernel takes no more, and answers how many bytes of frames that were. */
async function block(client: RawClient, socket: ServerWebSocket): Promise<number> {
  client.socket.pause();
  let sent = 0;
  const part = new Uint8Array(1_000_000);
  for (;;) {
    socket.send(part);
    sent += part.length + 10;
    await turns(5);
    if (socket.bufferedAmount > 0) {
      const before = socket.bufferedAmount;
      await turns(50);
      if (socket.bufferedAmount === before) return sent;
    }
  }
}

/** Reads frames of exactly `bytes` bytes in all. */
async function readAll(client: RawClient, bytes: number): Promise<void> {
  client.socket.resume();
  for (let taken = 0; taken < bytes; ) {
    const { payload } = await client.frame();
    taken += payload.length + headerBytes(payload.length);
    assert.ok(taken <= bytes);
  }
}

describe('send and its three answers', () => {
  it('within one turn: sent as long as the system takes what is beyond the high-water mark; bufferedAmount is exact, and no drain follows', async () => {
    await withSocket(
      { highWaterMarkBytes: 65_536, maxBufferedBytes: 1_000_000 },
      async ({ client, socket, drains }) => {
        let expected = 0;
        for (const size of [0, 125, 126, 30_000, 35_000]) {
          assert.equal(socket.send(new Uint8Array(size)), 'sent');
          expected += size + headerBytes(size);
          assert.equal(socket.bufferedAmount, expected, 'nothing leaves before the turn ends');
        }
        assert.ok(expected < 65_536);
        assert.equal(socket.send(new Uint8Array(400)), 'sent');
        expected += 404;
        assert.ok(expected > 65_536);
        assert.equal(socket.bufferedAmount, 0, 'at the high-water mark it leaves at once');
        await readAll(client, expected);
        await turns();
        assert.equal(drains(), 0, 'what was answered with sent is not followed by drain');
      },
    );
  });

  it('to a peer that does not read: backpressure until the bound, dropped beyond it to the byte, and one drain at the end', async () => {
    const maxBufferedBytes = 3_000_000;
    await withSocket({ maxBufferedBytes }, async ({ client, socket, drains }) => {
      const blocked = await block(client, socket);
      const before = drains();
      const base = socket.bufferedAmount;
      let held = base;
      const size = 1_000;
      let accepted = 0;
      while (held + size + 14 <= maxBufferedBytes) {
        assert.equal(socket.send(new Uint8Array(size)), held + size + 4 > 65_536 ? 'backpressure' : 'sent');
        held += size + 4;
        accepted++;
        assert.equal(socket.bufferedAmount, held);
      }
      assert.equal(socket.send(new Uint8Array(size)), 'dropped');
      assert.equal(socket.send('€'.repeat(size / 2)), 'dropped', 'text counts in octets');
      assert.equal(socket.send(prepareMessage(new Uint8Array(size + 100))), 'dropped');
      assert.equal(socket.sendText(new Uint8Array(size)), 'dropped');
      assert.equal(socket.bufferedAmount, held, 'what is dropped is not held');
      assert.ok(held <= maxBufferedBytes);
      await turns();
      assert.equal(drains(), before);
      client.socket.resume();
      await readAll(client, blocked);
      for (let i = 0; i < accepted; i++) assert.equal((await client.frame()).payload.length, size);
      await until('it drains', () => drains() > before);
      await turns();
      assert.equal(drains(), before + 1);
      assert.equal(socket.send('on we go'), 'sent');
      assert.equal((await client.frame()).payload.toString(), 'on we go');
      await turns();
      assert.equal(drains(), before + 1);
    });
  });

  it('no drain where nothing but sent was answered, even if it had to wait', async () => {
    await withSocket({}, async ({ client, socket, drains }) => {
      const blocked = await block(client, socket);
      await readAll(client, blocked);
      await until('it drains', () => drains() > 0);
      const before = drains();
      client.socket.pause();
      const part = new Uint8Array(30_000);
      let count = 0;
      while (socket.bufferedAmount === 0) {
        assert.equal(socket.send(part), 'sent');
        count++;
        await turns(3);
      }
      await readAll(client, count * 30_004);
      await until('all has left', () => socket.bufferedAmount === 0);
      await turns();
      assert.equal(drains(), before);
    });
  });

  it('multi-octet text never passes the bound', async () => {
    await withSocket({ maxBufferedBytes: 2_000_000 }, async ({ client, socket }) => {
      await block(client, socket);
      const text = '€'.repeat(10_000);
      while (socket.send(text) !== 'dropped');
      assert.ok(socket.bufferedAmount <= 2_000_000, `${socket.bufferedAmount} bytes are held`);
      assert.ok(socket.bufferedAmount > 2_000_000 - 30_014 - 14);
    });
  });

  it('one message larger than maxBufferedBytes may be sent when nothing waits, and the close frame always', async () => {
    await withSocket({ maxBufferedBytes: 10_000 }, async ({ client, socket }) => {
      client.socket.pause();
      const large = new Uint8Array(40_000_000);
      assert.equal(socket.send(large), 'backpressure');
      await turns();
      assert.equal(socket.send('x'), 'dropped');
      assert.equal(await socket.ping(), undefined);
      socket.close(1000, 'done');
      client.socket.resume();
      assert.equal((await client.frame()).payload.length, large.length);
      assert.deepEqual(await client.closeFrame(), { code: 1000, reason: 'done' });
    });
  });

  it('large and small messages of every kind come out in the order sent', async () => {
    await withSocket({ maxBufferedBytes: 128_000_000 }, async ({ client, socket }) => {
      client.socket.pause();
      const expected: [number, number][] = [];
      for (let i = 0; i < 300; i++) {
        const size = [3, 16_384, 16_385, 524_278, 524_288, 600_000, 65_536, 125][i % 8]!;
        const payload = new Uint8Array(size).fill(i);
        if (i % 3 === 0) socket.send(prepareMessage(payload));
        else socket.send(payload);
        expected.push([size, i & 0xff]);
        if (i % 50 === 0) await turns(2);
      }
      client.socket.resume();
      for (const [size, value] of expected) {
        const { payload } = await client.frame();
        assert.equal(payload.length, size);
        assert.equal(payload[0], value);
        assert.equal(payload[size - 1], value);
        assert.ok(payload.equals(Buffer.alloc(size, value)));
      }
    });
  });
});

describe('a peer that does not read', () => {
  it('hurts nobody else', async () => {
    await withSocket({ maxBufferedBytes: 4_000_000 }, async ({ server, client, socket }) => {
      await block(client, socket);
      const other = await openWebSocket(server.port);
      for (let i = 0; i < 100; i++) {
        socket.send(`to the slow one ${i}`);
        other.frames({ opcode: 1, payload: `${i}` });
        assert.equal((await other.frame()).payload.toString(), `${i}`);
      }
    });
  });

  it('pings are answered one by one while answers leave, and only the latest once they cannot (RFC 6455 §5.5.3)', async () => {
    await withSocket({ maxBufferedBytes: 4_000_000 }, async ({ client, socket }) => {
      const blocked = await block(client, socket);
      const held = socket.bufferedAmount;
      for (let i = 0; i < 20_000; i++) client.frames({ opcode: 9, payload: `${i}` });
      await until('all have been written', () => client.socket.writableLength === 0);
      await turns(50);
      assert.equal(socket.bufferedAmount, held, 'not one pong is held as bytes');
      await readAll(client, blocked);
      const pong = await client.frame();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [10, '19999']);
      client.frames({ opcode: 9, payload: 'a' }, { opcode: 9, payload: 'b' });
      assert.equal((await client.frame()).payload.toString(), 'a');
      assert.equal((await client.frame()).payload.toString(), 'b');
    });
  });
});
