import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import type { Server, ServerOptions } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload } from '../support/frames.ts';
import { deferred, openWebSocket, RawClient, turns, until, withServer } from '../support/sockets.ts';

/** A server on a fake clock; at the end nothing may be left of anyone, in its sets or on its clock. */
async function withClock(
  options: ServerOptions,
  routes: (server: Server) => void,
  body: (server: Server, clock: FakeClock) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  await withServer({ clock, ...options }, routes, async (server) => {
    await body(server, clock);
    for (const client of RawClient.open) client.socket.destroy();
    await until('everything is released', () =>
      Object.values(server.connections).every((count: number) => count === 0),
    );
    assert.equal(clock.timers, 0, 'the sweeper runs for nobody');
  });
}

describe('deadlines of HTTP, by a fake clock', () => {
  it('408 for a head that is not whole after headTimeoutMs, however it trickles in (RFC 9110 §15.5.9)', async () => {
    await withClock(
      { headTimeoutMs: 10_000 },
      (server) => server.get('/', () => ({})),
      async (server, clock) => {
        const silent = await RawClient.connect(server.port);
        const slow = (await RawClient.connect(server.port)).write('GET / HTTP/1.1\r\n');
        await until('both are there', () => server.connections.http === 2);
        for (let second = 1; second < 10; second++) {
          slow.write(`X-${second}: 1\r\n`);
          await turns(3);
          clock.advance(1_000);
        }
        assert.equal(slow.pending + silent.pending, '');
        clock.advance(2_000);
        for (const client of [silent, slow]) {
          const { status, headers } = await client.response();
          assert.equal(status, 408);
          assert.equal(headers.get('connection'), 'close');
          await client.end();
        }
      },
    );
  });

  it('408 for a body that is not whole after bodyTimeoutMs', async () => {
    await withClock(
      { bodyTimeoutMs: 30_000 },
      (server) => server.post('/', () => ({})),
      async (server, clock) => {
        const client = await RawClient.connect(server.port);
        client.request('POST /', { 'Content-Length': '10', Expect: '100-continue' });
        assert.equal((await client.response()).status, 100);
        clock.advance(29_000);
        client.write('12345');
        await turns();
        assert.equal(client.pending, '');
        clock.advance(3_000);
        assert.equal((await client.response()).status, 408);
      },
    );
  });

  it('an idle connection is closed after keepAliveTimeoutMs without a word, and each request moves that on', async () => {
    for (const handler of [() => ({}), async () => ({})]) {
      await withClock(
        { keepAliveTimeoutMs: 5_000 },
        (server) => server.get('/', handler),
        async (server, clock) => {
          const client = await RawClient.connect(server.port);
          for (let i = 0; i < 5; i++) {
            client.request('GET /');
            assert.equal((await client.response()).status, 200);
            clock.advance(4_000);
          }
          await turns();
          assert.equal(client.ended, false);
          clock.advance(2_500);
          await client.end();
          assert.equal(client.pending, '');
        },
      );
    }
  });

  it('a handler may take as long as it likes', async () => {
    const gate = deferred();
    await withClock(
      {},
      (server) => server.get('/', () => gate.promise.then(() => ({ body: 'done' }))),
      async (server, clock) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        await until('it is there', () => server.connections.http === 1);
        await turns();
        clock.advance(3_600_000);
        gate.resolve();
        assert.equal((await client.response()).body.toString(), 'done');
      },
    );
  });

  it('a client that reads nothing of its answer for writeTimeoutMs is dropped; one that reads slowly is not', async () => {
    const body = Buffer.alloc(40_000_000);
    await withClock(
      { writeTimeoutMs: 60_000 },
      (server) => server.get('/', () => ({ body })),
      async (server, clock) => {
        const dead = await RawClient.connect(server.port, { paused: true });
        dead.request('GET /');
        const slow = (await RawClient.connect(server.port)).request('GET /', { Connection: 'close' });
        const { headers } = await slow.head();
        assert.equal(headers.get('content-length'), '40000000');
        for (let taken = 0; taken < body.length; taken += 1_000_000) {
          await slow.take(1_000_000);
          slow.socket.pause();
          clock.advance(4_000);
          await turns(2);
          slow.socket.resume();
        }
        await slow.end();
        clock.advance(12_000); // it does not end its own direction
        await until('both have gone', () => server.connections.http === 0);
        dead.socket.resume();
        assert.ok((await dead.rest()).length < body.length);
      },
    );
  });

  it('a client that does not end its direction is dropped closeTimeoutMs after the last answer', async () => {
    await withClock(
      { closeTimeoutMs: 10_000 },
      (server) => server.get('/', () => ({})),
      async (server, clock) => {
        const client = (await RawClient.connect(server.port)).request('GET /', { Connection: 'close' });
        await client.response();
        await client.end();
        clock.advance(9_000);
        await turns();
        assert.equal(server.connections.http, 1);
        clock.advance(2_000);
        await until('it is dropped', () => server.connections.http === 0);
      },
    );
  });
});

describe('deadlines of WebSockets, by a fake clock', () => {
  interface Seen {
    readonly closes: { readonly code: number; readonly error: string | undefined }[];
    readonly sockets: ServerWebSocket[];
    drains: number;
  }
  const watched = async (
    options: ServerOptions,
    body: (server: Server, clock: FakeClock, seen: Seen) => Promise<void>,
  ): Promise<void> => {
    const seen: Seen = { closes: [], sockets: [], drains: 0 };
    await withClock(
      options,
      (server) =>
        server.webSocket('/', {
          open: (socket) => void seen.sockets.push(socket),
          message: (socket, data) => void socket.send(data),
          drain: () => void seen.drains++,
          close(socket, code, _, error) {
            assert.equal(socket.bufferedAmount, 0, 'what was held for it is released');
            seen.closes.push({ code, error: error?.message });
          },
        }),
      async (server, clock) => {
        await body(server, clock, seen);
      },
    );
    assert.equal(seen.closes.length, seen.sockets.length, 'one close for each open');
  };

  it('a ping after pingIntervalMs of silence, and 1006 when no byte answers within pongTimeoutMs (RFC 6455 §5.5.2, §7.1.5)', async () => {
    await watched({ pingIntervalMs: 30_000, pongTimeoutMs: 20_000 }, async (server, clock, { closes }) => {
      const client = await openWebSocket(server.port);
      clock.advance(29_000);
      await turns();
      assert.equal(client.pending, '');
      clock.advance(3_000);
      assert.equal((await client.frame()).opcode, 9);
      clock.advance(18_000);
      await turns();
      assert.equal(closes.length, 0);
      clock.advance(3_000);
      await until('it is given up', () => closes.length === 1);
      assert.deepEqual(closes, [{ code: 1006, error: 'no byte within 20000 ms after a ping' }]);
      await client.end();
      assert.equal(client.pending, '', 'no close frame to a peer that is not there');
    });
  });

  it('any byte is a sign of life: a pong, a message, half a frame', async () => {
    await watched({ pingIntervalMs: 30_000, pongTimeoutMs: 20_000 }, async (server, clock, { closes }) => {
      const client = await openWebSocket(server.port);
      for (const answer of [Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0), Uint8Array.of(0x81), Uint8Array.of(0x85)]) {
        clock.advance(32_000);
        assert.equal((await client.frame()).opcode, 9);
        clock.advance(18_000);
        client.write(answer);
        await turns();
      }
      clock.advance(29_000);
      client.write(Uint8Array.of(0, 0, 0, 0, 0x68, 0x65, 0x6c, 0x6c, 0x6f));
      assert.equal((await client.frame()).payload.toString(), 'hello');
      assert.equal(closes.length, 0);
    });
  });

  it('pingIntervalMs 0 never pings', async () => {
    await watched({ pingIntervalMs: 0 }, async (server, clock, { closes }) => {
      const client = await openWebSocket(server.port);
      clock.advance(3_600_000);
      await turns();
      assert.equal(client.pending, '');
      assert.equal(closes.length, 0);
    });
  });

  it('a connection that we have paused is not taken for dead', async () => {
    await watched({}, async (server, clock, { closes, sockets }) => {
      const client = await openWebSocket(server.port);
      await until('it is open', () => sockets.length === 1);
      sockets[0]!.pause();
      clock.advance(600_000);
      await turns();
      assert.equal(client.pending, '', 'no ping, which would be answered by a reset where the peer has gone');
      assert.equal(closes.length, 0);
      client.frames({ opcode: 1, payload: 'x' });
      await turns();
      assert.equal(client.pending, '');
      sockets[0]!.resume();
      assert.equal((await client.frame()).payload.toString(), 'x');
      sockets[0]!.pause();
      sockets[0]!.close(1000);
      assert.equal((await client.closeFrame()).code, 1000);
      client.frames({ opcode: 8, payload: closePayload(1000) });
      client.socket.end();
      await until('the answer is heard although it was paused', () => closes.length === 1);
      assert.equal(closes[0]!.code, 1000);
    });
  });

  it('what a peer has sent before it left is delivered to whoever was paused meanwhile', async () => {
    const got: unknown[] = [];
    const closes: number[] = [];
    const sockets: ServerWebSocket[] = [];
    await withClock(
      {},
      (server) =>
        server.webSocket('/', {
          open: (socket) => void sockets.push(socket),
          message: (_, data) => void got.push(data),
          close: (_, code) => void closes.push(code),
        }),
      async (server, clock) => {
        const client = await openWebSocket(server.port);
        await until('it is open', () => sockets.length === 1);
        sockets[0]!.pause();
        client.frames({ opcode: 1, payload: 'one' }, { opcode: 1, payload: 'two' });
        client.frames({ opcode: 8, payload: closePayload(1000) });
        client.socket.destroy();
        await turns(20);
        for (let second = 0; second < 120; second += 10) {
          clock.advance(10_000);
          await turns(3);
        }
        sockets[0]!.resume();
        await until('it is closed', () => closes.length === 1);
        assert.deepEqual([got, closes], [['one', 'two'], [1000]]);
      },
    );
  });

  it('1006 when the peer takes nothing of what waits for writeTimeoutMs, however much it sends', async () => {
    await watched(
      { writeTimeoutMs: 60_000, maxBufferedBytes: 64_000_000 },
      async (server, clock, { closes, sockets }) => {
        const client = await openWebSocket(server.port);
        client.socket.pause();
        await until('it is open', () => sockets.length === 1);
        assert.equal(sockets[0]!.send(Buffer.alloc(40_000_000)), 'backpressure');
        await turns(50);
        clock.advance(2_000);
        for (let second = 0; second < 57; second++) {
          client.frames({ opcode: 10 });
          clock.advance(1_000);
        }
        await turns();
        assert.equal(closes.length, 0);
        assert.ok(sockets[0]!.bufferedAmount > 10_000_000);
        clock.advance(3_000);
        await until('it is given up', () => closes.length === 1);
        assert.deepEqual(closes, [{ code: 1006, error: 'the peer has taken nothing for 60000 ms' }]);
      },
    );
  });

  it('a reader at twice the rate that limits.ts states lives for as long as anything waits for it', async () => {
    const message = Buffer.alloc(16_000_000);
    await watched({ maxBufferedBytes: 64_000_000 }, async (server, clock, { closes, sockets }) => {
      const client = await openWebSocket(server.port);
      client.socket.removeAllListeners('data').pause();
      await until('it is open', () => sockets.length === 1);
      sockets[0]!.send(message);
      let taken = 0;
      let allowance = 0;
      let second = 0;
      for (; sockets[0]!.bufferedAmount > 0; second++) {
        allowance += 20_000;
        const chunk = client.socket.read(Math.min(allowance, client.socket.readableLength)) as Buffer | null;
        taken += chunk?.length ?? 0;
        allowance -= chunk?.length ?? 0;
        await turns(4);
        clock.advance(1_000);
      }
      assert.deepEqual(closes, []);
      assert.ok(second > 2 * 180 && taken > 2 * 20_000 * 180, `${taken} bytes were read in ${second} s`);
    });
  });

  it('closeTimeoutMs after our close frame TCP is dropped: 1006 if the peer never answered, its code if it did (§7.1.1, §7.1.5)', async () => {
    await watched({ closeTimeoutMs: 10_000 }, async (server, clock, { closes, sockets }) => {
      const mute = await openWebSocket(server.port);
      await until('it is open', () => sockets.length === 1);
      sockets[0]!.close(4000);
      assert.equal((await mute.closeFrame()).code, 4000);
      clock.advance(9_000);
      mute.frames({ opcode: 1, payload: 'still talking' });
      await turns();
      assert.equal(closes.length, 0);
      clock.advance(2_000);
      await until('it is given up', () => closes.length === 1);
      assert.equal(closes[0]!.code, 1006);

      const lingering = await openWebSocket(server.port);
      lingering.frames({ opcode: 8, payload: closePayload(3001) });
      assert.equal((await lingering.closeFrame()).code, 3001);
      await lingering.end();
      await turns();
      assert.equal(closes.length, 1, 'TCP is still half open');
      clock.advance(11_000);
      await until('it is dropped', () => closes.length === 2);
      assert.equal(closes[1]!.code, 3001);

      const violator = await openWebSocket(server.port);
      violator.frames({ opcode: 3 });
      assert.equal((await violator.closeFrame()).code, 1002);
      clock.advance(11_000);
      await until('it is dropped', () => closes.length === 3);
      assert.equal(closes[2]!.code, 1006);
    });
  });

  it('FIN without a close frame, a reset, a vanished peer: one close with 1006 each, also with output waiting', async () => {
    await watched(
      { maxBufferedBytes: 64_000_000, closeTimeoutMs: 10_000, writeTimeoutMs: 10_000 },
      async (server, clock, { closes, sockets }) => {
        const expectClose = async (count: number) => {
          await until('it is closed', () => closes.length === count);
          assert.equal(closes[count - 1]!.code, 1006);
          assert.equal(server.connections.webSockets, 0);
        };
        const fin = await openWebSocket(server.port);
        fin.socket.end();
        await expectClose(1);

        const reset = await openWebSocket(server.port);
        reset.socket.resetAndDestroy();
        await expectClose(2);

        const resetUnread = await openWebSocket(server.port);
        resetUnread.socket.pause();
        await until('it is open', () => sockets.length === 3);
        sockets[2]!.send(Buffer.alloc(40_000_000));
        await turns(50);
        resetUnread.socket.resetAndDestroy();
        await expectClose(3);

        const finUnread = await openWebSocket(server.port);
        finUnread.socket.pause();
        await until('it is open', () => sockets.length === 4);
        sockets[3]!.send(Buffer.alloc(40_000_000));
        await turns(50);
        finUnread.socket.end();
        await until('the FIN is seen', () => sockets[3]!.readyState !== 1);
        clock.advance(9_000);
        await turns();
        assert.equal(closes.length, 3, 'what waits may still be taken');
        clock.advance(2_000);
        await expectClose(4);

        const half = await openWebSocket(server.port);
        half.write(Uint8Array.of(0x81, 0xfe, 0x10));
        half.socket.end();
        await expectClose(5);
      },
    );
  });

  it('terminate with output waiting: no drain, one close', async () => {
    await watched({ maxBufferedBytes: 64_000_000 }, async (server, _, seen) => {
      const client = await openWebSocket(server.port);
      client.socket.pause();
      await until('it is open', () => seen.sockets.length === 1);
      assert.equal(seen.sockets[0]!.send(Buffer.alloc(40_000_000)), 'backpressure');
      await turns(20);
      seen.sockets[0]!.terminate();
      await until('it is closed', () => seen.closes.length === 1);
      await turns();
      assert.equal(seen.drains, 0);
    });
  });
});
