/** WebSockets on streams of HTTP/2 (RFC 8441 §5): their ends, their backpressure, many on one connection. */

import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, it } from 'node:test';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload, fromClient } from '../support/frames.ts';
import { CANCEL, echo, ended, NO_ERROR, withHttp2 } from '../support/http2.ts';
import { deferred, patiently, RawClient, turns, until } from '../support/sockets.ts';

describe('RFC 8441 §5: the stream stands for the TCP connection', () => {
  it('messages of every size and their echoes, in order', async () => {
    await withHttp2({}, echo, async ({ connect }) => {
      const { client } = await (await connect()).webSocket('/');
      for (const size of [0, 1, 125, 126, 16_383, 16_384, 65_535, 65_536, 1_000_000]) {
        client.frames({ opcode: 2, payload: new Uint8Array(size).fill(size % 251) });
        const { opcode, payload } = await client.frame();
        assert.equal(opcode, 2);
        assert.ok(payload.equals(Buffer.alloc(size, size % 251)), `${size} bytes`);
      }
    });
  });

  it('what comes before the handshake is answered waits, and is received first', async () => {
    const decide = deferred();
    await withHttp2(
      {},
      (server) =>
        server.webSocket(
          '/',
          async () => {
            await decide.promise;
            return undefined;
          },
          { message: (socket, message) => void socket.send(message) },
        ),
      async ({ connect }) => {
        const http2 = await connect();
        const opening = http2.webSocket('/');
        const early = http2.session.request(http2.connectHead('/'));
        const client = RawClient.over(early);
        client.frames({ opcode: 1, payload: 'early' });
        await turns();
        decide.resolve();
        assert.equal((await client.frame()).payload.toString(), 'early');
        assert.equal((await opening).status, 200);
      },
    );
  });

  it('the closing handshake ends with END_STREAM on both sides (§5)', async () => {
    const closes: unknown[] = [];
    await withHttp2(
      {},
      (server) => server.webSocket('/', { close: (_, code, reason) => void closes.push([code, reason]) }),
      async ({ connect }) => {
        const http2 = await connect();
        const { client, stream } = await http2.webSocket('/');
        client.frames({ opcode: 8, payload: closePayload(4000, 'bye') });
        assert.equal((await client.closeFrame()).code, 4000);
        await client.end(); // END_STREAM
        const end = ended(stream);
        stream.end();
        assert.equal(await end, NO_ERROR);
        await until('close is told', () => closes.length === 1);
        assert.deepEqual(closes, [[4000, 'bye']]);
        // A client that does not end its direction is told that nothing more is wanted (RFC 9113 §8.1).
        const lazy = await http2.webSocket('/');
        const told = ended(lazy.stream);
        lazy.client.frames({ opcode: 8, payload: closePayload(4001) });
        assert.equal((await lazy.client.closeFrame()).code, 4001);
        await lazy.client.end();
        assert.equal(await told, NO_ERROR);
      },
    );
  });

  it('END_STREAM without a close frame is 1006, and is answered by END_STREAM (§5)', async () => {
    const closes: unknown[] = [];
    await withHttp2(
      {},
      (server) => server.webSocket('/', { close: (_, code) => void closes.push(code) }),
      async ({ connect }) => {
        const { client, stream } = await (await connect()).webSocket('/');
        const end = ended(stream);
        stream.end();
        await client.end();
        assert.equal(await end, NO_ERROR);
        await until('close is told', () => closes.length === 1);
        assert.deepEqual(closes, [1006]);
      },
    );
  });

  it('terminate is RST_STREAM with CANCEL, and so is what our own deadline ends (§5)', async () => {
    const clock = new FakeClock();
    const closes: unknown[] = [];
    let socket: ServerWebSocket | undefined;
    await withHttp2(
      { options: { clock, closeTimeoutMs: 1_000, pingIntervalMs: 0 } },
      (server) =>
        server.webSocket('/', {
          open(opened) {
            socket = opened;
          },
          close: (_, code, _reason, error) => void closes.push([code, error]),
        }),
      async ({ connect }) => {
        const http2 = await connect();
        const first = await http2.webSocket('/');
        const reset = ended(first.stream);
        socket!.terminate();
        assert.equal(await reset, CANCEL);
        const second = await http2.webSocket('/');
        const late = ended(second.stream);
        socket!.close(1000);
        assert.equal((await second.client.closeFrame()).code, 1000);
        await turns();
        for (let i = 0; i < 10; i++) clock.advance(250);
        assert.equal(await late, CANCEL);
        await until('both are told', () => closes.length === 2);
        assert.deepEqual(closes, [
          [1006, undefined],
          [1006, undefined],
        ]);
      },
    );
  });

  it('RST_STREAM from the client is 1006 at once, also while the socket is paused or decided upon (§5)', async () => {
    const closes: string[] = [];
    const aborted: string[] = [];
    const never = deferred();
    let asked = false;
    await withHttp2(
      {},
      (server) =>
        server
          .webSocket('/reads', { close: (_, code) => void closes.push(`reads ${code}`) })
          .webSocket('/paused', {
            message: (socket) => socket.pause(),
            close: (_, code) => void closes.push(`paused ${code}`),
          })
          .webSocket(
            '/decides',
            async (request) => {
              asked = true;
              request.signal.addEventListener('abort', () => aborted.push(request.path));
              await never.promise;
              return undefined;
            },
            { open: () => void aborted.push('opened') },
          ),
      async ({ connect }) => {
        const http2 = await connect();
        const reads = await http2.webSocket('/reads');
        reads.stream.close(CANCEL);
        await until('close is told', () => closes.length === 1);
        const paused = await http2.webSocket('/paused');
        paused.client.frames({ opcode: 1, payload: 'x' }, { opcode: 2, payload: new Uint8Array(30_000) });
        await turns();
        paused.client.frames({ opcode: 2, payload: new Uint8Array(30_000) });
        await turns();
        paused.stream.close(CANCEL);
        await until('close is told', () => closes.length === 2);
        assert.deepEqual(closes, ['reads 1006', 'paused 1006']);
        // With bytes that nobody has read: what waits to be read would keep a stream from ending.
        const decided = http2.session.request(http2.connectHead('/decides'));
        decided.on('error', () => {});
        decided.write(fromClient({ opcode: 2, payload: new Uint8Array(20_000) }));
        await until('it is decided upon', () => asked);
        await turns();
        decided.close(CANCEL);
        await until('the signal is aborted', () => aborted.length > 0);
        never.resolve();
        await turns();
        assert.deepEqual(aborted, ['/decides']);
      },
    );
  });

  it('the end of the connection is 1006 for every socket on it, and no other', async () => {
    let closes = 0;
    await withHttp2(
      {},
      (server) =>
        server.webSocket('/', {
          message: (socket, message) => void socket.send(message),
          close(_, code) {
            assert.equal(code, 1006);
            closes++;
          },
        }),
      async ({ connect, server }) => {
        const [one, two] = [await connect(), await connect()];
        for (let i = 0; i < 20; i++) await one.webSocket('/');
        const { client, stream } = await two.webSocket('/');
        one.session.destroy();
        await until('twenty are told', () => closes === 20);
        assert.equal(server.connections.webSockets, 1);
        client.frames({ opcode: 1, payload: 'still here' });
        assert.equal((await client.frame()).payload.toString(), 'still here');
        const end = ended(stream);
        stream.close(CANCEL);
        await end;
      },
    );
  });

  it('each socket has its own backpressure: one that is not read holds up nothing on the same connection', async () => {
    let stalled: ServerWebSocket | undefined;
    let drained = false;
    await withHttp2(
      { options: { maxBufferedBytes: 1_048_576, highWaterMarkBytes: 65_536 } },
      (server) =>
        server
          .webSocket('/stalled', {
            open(socket) {
              stalled = socket;
            },
            drain() {
              drained = true;
            },
          })
          .webSocket('/echo', { message: (socket, message) => void socket.send(message) }),
      async ({ connect }) => {
        const http2 = await connect();
        const one = await http2.webSocket('/stalled');
        one.stream.pause();
        const results = new Set<string>();
        for (let i = 0; i < 100 && !results.has('dropped'); i++) {
          results.add(stalled!.send(new Uint8Array(32_768)));
          await turns(2);
        }
        assert.deepEqual([...results], ['sent', 'backpressure', 'dropped']);
        assert.ok(stalled!.bufferedAmount <= 1_048_576, `${stalled!.bufferedAmount} are kept`);
        const two = await http2.webSocket('/echo');
        for (let i = 0; i < 20; i++) {
          two.client.frames({ opcode: 2, payload: new Uint8Array(100_000) });
          assert.equal((await two.client.frame()).payload.length, 100_000);
        }
        assert.equal(drained, false);
        one.stream.resume();
        await until('it drains', () => drained);
      },
    );
  });

  it('a socket whose handlers pause holds its client back by flow control, and no other', async () => {
    let received = 0;
    let paused: ServerWebSocket | undefined;
    await withHttp2(
      { options: { maxMessageBytes: 1_048_576 } },
      (server) =>
        server
          .webSocket('/paused', {
            open(socket) {
              paused = socket;
            },
            message(socket) {
              received++;
              socket.pause();
            },
          })
          .webSocket('/echo', { message: (socket, message) => void socket.send(message) }),
      async ({ connect }) => {
        const http2 = await connect();
        const one = await http2.webSocket('/paused');
        for (let i = 0; i < 40; i++) one.client.frames({ opcode: 2, payload: new Uint8Array(16_384) });
        await until('the first is there', () => received > 0);
        const two = await http2.webSocket('/echo');
        for (let i = 0; i < 10; i++) {
          two.client.frames({ opcode: 2, payload: new Uint8Array(100_000) });
          await two.client.frame();
        }
        assert.ok(received <= 9, `${received} of 40 came through a window of 65,535 bytes`);
        while (received < 40) {
          paused!.resume();
          await turns(1);
        }
      },
    );
  });

  it('500 sockets on one connection, all open at a time', async () => {
    await withHttp2({}, echo, async ({ connect, server, theirs }) => {
      let sessions = 0;
      theirs.on('session', () => void sessions++);
      const http2 = await connect();
      const opened = await Promise.all(Array.from({ length: 500 }, (_, i) => http2.webSocket(`/${i}`)));
      assert.equal(server.connections.webSockets, 500);
      assert.equal(sessions, 1);
      for (const [i, { client }] of opened.entries()) client.frames({ opcode: 1, payload: `number ${i}` });
      for (const [i, { client }] of opened.entries())
        assert.equal((await client.frame()).payload.toString(), `number ${i}`);
    });
  });

  it('close ends the sockets with 1001 and leaves the other server and its connection open', async () => {
    await withHttp2(
      {
        theirs: (theirs) =>
          theirs.on('stream', (stream: ServerHttp2Stream) => {
            stream.respond({ ':status': 200 });
            stream.end('theirs');
          }),
      },
      echo,
      async ({ connect, server }) => {
        const http2 = await connect();
        const { client, stream } = await http2.webSocket('/');
        const closing = server.close();
        assert.equal((await client.closeFrame()).code, 1001);
        client.frames({ opcode: 8, payload: closePayload(1001) });
        stream.end();
        await patiently('ours to close', closing);
        assert.equal((await http2.request('/')).body, 'theirs');
        assert.equal(http2.session.remoteSettings.enableConnectProtocol, true); // §3: never taken back
        assert.equal((await http2.webSocket('/')).status, 200, 'theirs answers what comes after ours has gone');
      },
    );
  });

  it('drain closes with 1012, and closing the other server waits for our sockets', async () => {
    await withHttp2({}, echo, async ({ connect, server, theirs }) => {
      const { client, stream } = await (await connect()).webSocket('/');
      let closed = false;
      theirs.close(() => {
        closed = true;
      });
      await turns();
      client.frames({ opcode: 1, payload: 'open' });
      assert.equal((await client.frame()).payload.toString(), 'open');
      assert.equal(closed, false);
      const drained = server.drain();
      assert.equal((await client.closeFrame()).code, 1012);
      client.frames({ opcode: 8, payload: closePayload(1012) });
      stream.end();
      await patiently('ours to drain', drained);
    });
  });
});
