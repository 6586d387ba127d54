import assert from 'node:assert/strict';
import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { duplexOf } from '../../lib/client/duplex-of.ts';
import type { CloseEvent, ErrorEvent } from '../../lib/client/events.ts';
import { SendLedger } from '../../lib/client/send-ledger.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { ConnectFailed, type ConnectionClosed } from '../../lib/errors.ts';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { next, switching, withRawServer } from '../support/client.ts';
import { fromServer } from '../support/frames.ts';
import { deferred, patiently, turns, until, withServer } from '../support/sockets.ts';

const echo = {
  message: (socket: { send(data: string | Uint8Array): unknown }, data: string | Uint8Array) => void socket.send(data),
};

/** A server that reads nothing, so that what is sent waits. */
function withDeafServer(body: (url: string, sockets: Set<Socket>) => Promise<void>): Promise<void> {
  return withRawServer((socket, head) => {
    socket.pause();
    socket.write(switching(head));
  }, body);
}

describe('WebSockets §3.1: bufferedAmount', () => {
  it('in the turn of sending it is all that was sent, however much the system has taken meanwhile', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', echo, { maxMessageBytes: 2_000_000 }),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        socket.send('é');
        socket.send(new Uint8Array(100_000));
        assert.equal(socket.bufferedAmount, 100_002);
        socket.send(new Blob(['12345']));
        socket.send('behind');
        assert.equal(socket.bufferedAmount, 100_013);
        await until('all has left', () => socket.bufferedAmount === 0);
        socket.close();
        await next(socket, 'close');
        assert.equal(socket.bufferedAmount, 0);
      },
    );
  });

  it('what the server does not read counts without headers, and stays behind the end', async () => {
    await withDeafServer(async (url, sockets) => {
      const socket = new WebSocket(url, { maxBufferedBytes: 100_000_000 });
      await next(socket, 'open');
      socket.send(new Uint8Array(30_000_000));
      await turns();
      const before = socket.bufferedAmount;
      assert.ok(before > 10_000_000 && before <= 30_000_000, `${before} of 30,000,000`);
      for (let i = 0; i < 1_000; i++) socket.send('x');
      await turns();
      assert.equal(socket.bufferedAmount - before, 1_000);
      for (const each of sockets) each.resetAndDestroy();
      await next(socket, 'close');
      const left = socket.bufferedAmount;
      assert.ok(left > 1_000 && left <= before + 1_000, `${left} left of ${before + 1_000}`);
      await turns();
      assert.equal(socket.bufferedAmount, left, 'it "does not reset to zero once the connection closes"');
    });
  });

  it('and behind our own terminate, to the octet', async () => {
    await withDeafServer(async (url) => {
      const socket = new WebSocket(url, { maxBufferedBytes: 100_000_000 });
      await next(socket, 'open');
      socket.send(new Uint8Array(30_000_000));
      await turns();
      const before = socket.bufferedAmount;
      socket.terminate();
      assert.equal(socket.readyState, WebSocket.CLOSING);
      await next(socket, 'close');
      assert.equal(socket.bufferedAmount, before);
    });
  });

  it('the ledger: payload among the octets that wait, for one message and for many small ones', () => {
    const ledger = new SendLedger();
    ledger.add(100_000, 10, 100_024);
    assert.equal(ledger.remaining(0), 100_000);
    assert.equal(ledger.remaining(23), 100_000, 'the header leaves first');
    assert.equal(ledger.remaining(25), 99_999);
    for (let i = 0; i < 100; i++) ledger.add(1, 100_024 + i * 7, 100_031 + i * 7);
    assert.equal(ledger.remaining(100_019), 105);
    assert.equal(ledger.remaining(100_024), 100);
    assert.equal(ledger.remaining(100_374), 50);
    ledger.add(50_000, 100_800, 120_800);
    assert.equal(ledger.remaining(100_724), 50_000, 'control frames in between count for nothing');
    assert.equal(ledger.remaining(110_800), 25_000, 'compressed: by proportion');
    assert.equal(ledger.remaining(120_800), 0);
  });
});

describe('WebSockets §3.1: what a caller or a file does wrong', () => {
  it('close(3000.4) is 3000, also behind a Blob (WebIDL [Clamp])', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', echo),
      async (server) => {
        for (const withBlob of [false, true]) {
          const socket = new WebSocket(server.url);
          await next(socket, 'open');
          if (withBlob) socket.send(new Blob(['x']));
          socket.close(withBlob ? ('3000' as never) : 3000.4);
          assert.equal(socket.readyState, WebSocket.CLOSING);
          assert.equal((await next<CloseEvent>(socket, 'close')).code, 3000);
        }
      },
    );
  });

  it('a Blob that cannot be read fails the connection with an error that says so, and nothing else happens', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'barewire-'));
    try {
      const file = join(folder, 'blob');
      await writeFile(file, 'before');
      const blob = await openAsBlob(file);
      await writeFile(file, 'after, and longer');
      await withServer(
        {},
        (server) => server.webSocket('/', echo),
        async (server) => {
          const socket = new WebSocket(server.url);
          await next(socket, 'open');
          socket.send(blob);
          socket.send('behind it');
          socket.close();
          const [{ error }, close] = await Promise.all([
            next<ErrorEvent>(socket, 'error'),
            next<CloseEvent>(socket, 'close'),
          ]);
          assert.match(error.message, /^a Blob could not be read: /);
          assert.deepEqual([close.code, close.wasClean, socket.readyState], [1006, false, 3]);
          assert.equal(socket.bufferedAmount, 6 + 9);
        },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('Blobs and what waits behind them are bounded by maxBufferedBytes', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', echo),
      async (server) => {
        const socket = new WebSocket(server.url, { maxBufferedBytes: 1_000 });
        await next(socket, 'open');
        const errored = next<ErrorEvent>(socket, 'error');
        for (let i = 0; i < 3; i++) socket.send(new Blob([new Uint8Array(600)]));
        assert.match((await errored).message, /more than 1000 bytes wait for a Blob/);
      },
    );
  });
});

describe('beyond the standard: write, ping, pause', () => {
  it('write waits for open, then for room, in order; a slow server holds it back', async () => {
    await withDeafServer(async (url, sockets) => {
      const socket = new WebSocket(url, { highWaterMarkBytes: 100_000 });
      let written = 0;
      const writing = (async () => {
        for (let i = 0; i < 200; i++) {
          await socket.write(new Uint8Array(200_000));
          written++;
        }
      })();
      await next(socket, 'open');
      let before = -1;
      while (before !== written) {
        before = written;
        await turns(50);
      }
      assert.ok(written > 0 && written < 200, `${written} of 200 went out to a server that does not read`);
      assert.ok(socket.bufferedAmount < 400_000, `${socket.bufferedAmount} bytes wait`);
      for (const each of sockets) each.resume();
      await patiently('all is written', writing);
      socket.terminate();
      await next(socket, 'close');
    });
  });

  it('write rejects with ConnectionClosed where the message can never be sent', async () => {
    const refused = new WebSocket('ws://127.0.0.1:1/');
    await assert.rejects(refused.write('x'), (error: Error) => {
      assert.equal((error as ConnectionClosed).code, 'CONNECTION_CLOSED');
      assert.ok(error.cause instanceof ConnectFailed, 'and why the connection never came');
      return true;
    });
    await assert.rejects(refused.write('x'), { name: 'ConnectionClosed' });
    await withDeafServer(async (url) => {
      const socket = new WebSocket(url, { highWaterMarkBytes: 1 });
      await next(socket, 'open');
      socket.send(new Uint8Array(20_000_000));
      const waiting = socket.write('x');
      socket.terminate();
      await assert.rejects(waiting, { name: 'ConnectionClosed' });
    });
  });

  it('ping resolves to the round trip; to undefined where no pong will come', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', echo),
      async (server) => {
        const socket = new WebSocket(server.url);
        assert.equal(await socket.ping(), undefined);
        await next(socket, 'open');
        for (const ms of await Promise.all([socket.ping(), socket.ping(), socket.ping()]))
          assert.ok(ms !== undefined && ms >= 0 && ms < 10_000);
        socket.close();
        await next(socket, 'close');
        assert.equal(await socket.ping(), undefined);
      },
    );
    await withDeafServer(async (url) => {
      const socket = new WebSocket(url);
      await next(socket, 'open');
      const unanswered = socket.ping();
      socket.terminate();
      assert.equal(await patiently('the end of the ping', unanswered), undefined);
    });
  });

  it('pause while connecting: nothing is read before resume, not even what came with the handshake', async () => {
    await withRawServer(
      (socket, head) =>
        socket.write(Buffer.concat([Buffer.from(switching(head)), fromServer({ opcode: 1, payload: 'first' })])),
      async (url) => {
        const socket = new WebSocket(url);
        socket.pause();
        const log: unknown[] = [];
        socket.onmessage = ({ data }) => log.push(data);
        await next(socket, 'open');
        await turns();
        assert.deepEqual(log, []);
        socket.resume();
        assert.deepEqual(log, ['first']);
        socket.terminate();
        await next(socket, 'close');
      },
    );
  });
});

describe('beyond the standard: for await and duplexOf', () => {
  it('the loop gets every message in order, with TCP holding the server back', async () => {
    let sent = 0;
    const sendAll = (socket: ServerWebSocket): void => {
      while (sent < 300) {
        const message = new Uint8Array(100_000);
        message[0] = sent & 255;
        sent++;
        if (socket.send(message) !== 'sent') return;
      }
      socket.close(1000);
    };
    await withServer(
      {},
      (server) => server.webSocket('/', { open: (socket) => sendAll(socket), drain: (socket) => sendAll(socket) }),
      async (server) => {
        const socket = new WebSocket(server.url);
        const iterator = socket[Symbol.asyncIterator]();
        await until('the server is held back', () => sent > 0);
        let before = -1;
        while (before !== sent) {
          before = sent;
          await turns(100);
        }
        assert.ok(sent < 300, `${sent} of 300 messages were sent to a loop that does not take any`);
        let taken = 0;
        for await (const message of iterator) {
          assert.equal(typeof message === 'string' ? -1 : message[0], taken & 255);
          taken++;
        }
        assert.equal(taken, 300);
        assert.equal(socket.readyState, WebSocket.CLOSED);
      },
    );
  });

  it('leaving the loop closes; a connection that is cut throws into it', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', { open: (socket) => void socket.send('a') }),
      async (server) => {
        const socket = new WebSocket(server.url);
        const closed = next<CloseEvent>(socket, 'close');
        for await (const message of socket) {
          assert.equal(message, 'a');
          break;
        }
        assert.equal((await closed).wasClean, true);
      },
    );
    await withRawServer(
      (socket, head) => {
        socket.write(Buffer.concat([Buffer.from(switching(head)), fromServer({ opcode: 1, payload: 'a' })]));
        setImmediate(() => socket.destroy());
      },
      async (url) => {
        const got: unknown[] = [];
        await assert.rejects(async () => {
          for await (const message of new WebSocket(url)) got.push(message);
        });
        assert.deepEqual(got, ['a']);
      },
    );
    await assert.rejects(
      async () => {
        for await (const _ of new WebSocket('ws://127.0.0.1:1/')) assert.fail('nothing comes');
      },
      { code: 'DIAL_REFUSED' },
    );
  });

  it('duplexOf: a megabyte to a server and back through a pipeline, octet by octet', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', echo),
      async (server) => {
        const socket = new WebSocket(server.url);
        const duplex = duplexOf(socket);
        const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7) & 255));
        const got: Buffer[] = [];
        let length = 0;
        const whole = deferred();
        duplex.on('data', (chunk: Buffer) => {
          got.push(chunk);
          length += chunk.length;
          if (length === sent.length) whole.resolve();
        });
        const ended = new Promise((resolve) => duplex.once('end', resolve));
        for (let at = 0; at < sent.length; at += 50_000) {
          if (!duplex.write(sent.subarray(at, at + 50_000)))
            await new Promise((resolve) => duplex.once('drain', resolve));
        }
        await patiently('all is back', whole.promise);
        duplex.end();
        await patiently('the end', ended);
        assert.deepEqual(Buffer.concat(got), sent);
        await until('it is closed', () => socket.readyState === WebSocket.CLOSED);
      },
    );
  });

  it('duplexOf: what the peer sends behind our end is read, and a broken connection destroys the stream', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', { message: (socket, data) => void socket.send(`<${data}>`) }),
      async (server) => {
        const duplex = duplexOf(new WebSocket(server.url), { read: 'messages', send: 'text' });
        const got: unknown[] = [];
        duplex.on('data', (message) => got.push(message));
        duplex.end('last');
        await patiently('the end', new Promise((resolve) => duplex.once('end', resolve)));
        assert.deepEqual(got, ['<last>']);
      },
    );
    const broken = duplexOf(new WebSocket('ws://127.0.0.1:1/'));
    await assert.rejects(
      pipeline(
        broken,
        async function* (source) {
          yield* source;
        },
        async (source) => {
          for await (const _ of source);
        },
      ),
      {
        code: 'DIAL_REFUSED',
      },
    );
    assert.throws(() => duplexOf({} as never, { read: 'x' as never }), TypeError);
  });

  it('duplexOf: on the server’s side of the wire, with pressure both ways', async () => {
    const total = 30_000_000;
    let taken = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket('/', async (socket) => {
          const duplex = duplexOf(socket);
          // What the client sends comes back, each octet plus one.
          for await (const chunk of duplex as AsyncIterable<Buffer>) {
            if (!duplex.write(chunk.map((octet) => octet + 1))) await once(duplex, 'drain');
          }
        }),
      async (server) => {
        const socket = new WebSocket(server.url);
        const duplex = duplexOf(socket);
        let written = 0;
        const writing = (async () => {
          for (; written < total; written += 100_000)
            if (!duplex.write(Buffer.alloc(100_000, 7))) await new Promise((resolve) => duplex.once('drain', resolve));
        })();
        await next(socket, 'open');
        let before = -1;
        while (before !== written) {
          before = written;
          await turns(100);
        }
        assert.ok(written < total, `${written} were written while nothing was read back`);
        for await (const chunk of duplex as AsyncIterable<Buffer>) {
          assert.ok(chunk.every((octet) => octet === 8));
          taken += chunk.length;
          if (taken === total) break;
        }
        await writing;
        assert.equal(taken, total);
      },
    );
  });
});
