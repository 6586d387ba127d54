/** Upgrades that somebody's `node:http` server hands over: who takes them, and in what state their sockets may be. */

import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { takeOver } from '../../lib/channel/handed-over.ts';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { FakeClock } from '../support/clock.ts';
import { closeHttp, listen, withAttached } from '../support/doors.ts';
import { concat, fromClient } from '../support/frames.ts';
import { deferred, openWebSocket, patiently, RawClient, turns, until, upgradeRequest } from '../support/sockets.ts';

const tls = makeCertificate();
const skip = tls === undefined ? NO_OPENSSL : false;

const echo = (server: Server): Server =>
  server.webSocket('/echo', { message: (socket, message) => void socket.send(message) });

const text = (payload: string): { opcode: number; payload: Buffer } => ({ opcode: 1, payload: Buffer.from(payload) });

describe('an upgrade through node:http', () => {
  it('becomes a WebSocket of our server: echo, data of upgrade, headers, counts, both ways of closing', async () => {
    const closes: number[] = [];
    await withAttached(
      {
        routes: (server) =>
          server.webSocket<{ user: string }>(
            '/rooms/:room',
            (request) => ({
              data: { user: `${request.params['room']} ${request.remoteAddress}` },
              headers: { 'X-A': 'b' },
            }),
            {
              message: (socket, message) => void socket.send(`${socket.data.user} ${String(message)}`),
              close: (_, code) => void closes.push(code),
            },
          ),
      },
      async ({ server, port }) => {
        const client = await RawClient.connect(port);
        const head = await client.upgrade('/rooms/a');
        assert.equal(head.status, 101);
        assert.equal(head.headers.get('x-a'), 'b');
        client.frames(text('hello'));
        assert.equal((await client.frame()).payload.toString(), 'a 127.0.0.1 hello');
        assert.equal(server.connections.webSockets, 1);
        client.frames({ opcode: 8, payload: Buffer.from([3, 232]) });
        assert.equal((await client.closeFrame()).code, 1000);
        await client.end();
        client.socket.end();
        await until('the socket has gone', () => server.connections.webSockets === 0);
        assert.deepEqual(closes, [1000]);

        const second = await openWebSocket(port, '/rooms/b');
        for (const socket of server.webSockets) socket.close(4000, 'enough');
        assert.deepEqual(await second.closeFrame(), { code: 4000, reason: 'enough' });
      },
    );
  });

  it('has the origin and the handshake checked as behind our own listener (RFC 6455 §4.2)', async () => {
    await withAttached({ routes: echo }, async ({ port }) => {
      const cases: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
        [{ Origin: 'http://localhost' }, 101],
        [{ Origin: 'http://other.example' }, 403],
        [{ 'Sec-WebSocket-Version': '8' }, 426],
        [{ 'Sec-WebSocket-Key': 'short' }, 400],
        [{ Host: 'a/b' }, 400],
      ];
      for (const [headers, expected] of cases) {
        const client = await RawClient.connect(port);
        assert.equal((await client.upgrade('/echo', headers)).status, expected, JSON.stringify(headers));
      }
    });
  });

  it('a body of any kind is refused as behind our own listener, and never read as frames (RFC 9110 §9.3.1)', async (t) => {
    const messages: unknown[] = [];
    const routes = (server: Server): Server =>
      server.webSocket('/', { message: (_, message) => void messages.push(message) });
    const frame = fromClient(text('smuggled'));
    const own = routes(createServer());
    t.after(() => own.close());
    await own.listen({ port: 0, host: '127.0.0.1' });
    const ask = async (port: number, field: Readonly<Record<string, string>>): Promise<readonly [number, string]> => {
      const client = await RawClient.connect(port);
      client.write(concat(Buffer.from(upgradeRequest('/', field), 'latin1'), frame));
      const { status, body } = await client.response(field['Content-Length'] === '0');
      client.socket.destroy();
      return [status, body.toString()];
    };
    for (const handed of [false, true]) {
      await withAttached({ routes, attach: handed ? false : {} }, async ({ server, http, port }) => {
        if (handed) http.on('upgrade', (...all) => server.handleUpgrade(...all));
        for (const field of [
          { 'Content-Length': String(frame.length) },
          { 'Transfer-Encoding': 'chunked' },
          { 'Transfer-Encoding': 'gzip, chunked' },
        ]) {
          const refused = await ask(port, field);
          assert.deepEqual(refused, await ask(own.port, field));
          assert.ok(refused[0] === 400 || refused[0] === 501, JSON.stringify(refused));
        }
        await turns();
        assert.deepEqual(messages, []);
        assert.equal((await ask(port, { 'Content-Length': '0' }))[0], 101);
        await until('it is a WebSocket', () => messages.length === 1);
        messages.length = 0;
      });
    }
  });

  it('a request that names another host in its target is judged by that one (RFC 9112 §3.2.2)', async () => {
    await withAttached({ routes: echo }, async ({ port }) => {
      const client = await RawClient.connect(port);
      client.write(upgradeRequest('http://localhost/echo', { Host: 'evil.example', Origin: 'http://evil.example' }));
      assert.equal((await client.head()).status, 403);
    });
  });

  it('trusted proxies tell who the client is', async () => {
    await withAttached(
      {
        options: { trustProxy: { from: 'loopback', headers: 'x-forwarded' } },
        routes: (server) =>
          server.webSocket('/', (socket, request) => {
            socket.send(`${request.remoteAddress} ${request.secure} ${request.host}`);
          }),
      },
      async ({ port }) => {
        const client = await openWebSocket(port, '/', {
          'X-Forwarded-For': '192.0.2.7',
          'X-Forwarded-Proto': 'https',
          'X-Forwarded-Host': 'app.example',
          Origin: 'https://app.example',
        });
        assert.equal((await client.frame()).payload.toString(), '192.0.2.7 true app.example');
      },
    );
  });

  it('frames that came behind the head are the first ones received, and nothing is lost behind them', async () => {
    await withAttached({ routes: echo }, async ({ port }) => {
      const client = await RawClient.connect(port);
      client.write(concat(Buffer.from(upgradeRequest('/echo'), 'latin1'), fromClient(text('one'), text('two'))));
      assert.equal((await client.head()).status, 101);
      client.frames(text('three'));
      for (const expected of ['one', 'two', 'three']) assert.equal((await client.frame()).payload.toString(), expected);
    });
  });

  it('what comes while upgrade awaits is kept, one read of it, and the rest waits in TCP', async () => {
    const decision = deferred();
    await withAttached(
      {
        options: { maxMessageBytes: 8_388_608 },
        routes: (server) =>
          server.webSocket(
            '/',
            async () => {
              await decision.promise;
              return undefined;
            },
            { message: (socket, message) => void socket.send(String(message.length)) },
          ),
      },
      async ({ port, sockets }) => {
        const client = await RawClient.connect(port);
        const payload = Buffer.alloc(4_194_304, 'x');
        client.write(concat(Buffer.from(upgradeRequest('/'), 'latin1'), fromClient(text('first'))));
        client.frames({ opcode: 2, payload });
        await until('it was read from', () => (sockets[0]?.bytesRead ?? 0) > 0);
        await turns(50);
        const socket = sockets[0]!;
        assert.ok(socket.bytesRead < 262_144, `${socket.bytesRead} bytes were read before the decision`);
        decision.resolve();
        assert.equal((await client.head()).status, 101);
        assert.equal((await client.frame()).payload.toString(), '5');
        assert.equal((await client.frame()).payload.toString(), String(payload.length));
      },
    );
  });

  it('a socket that was paused, and has read on before the upgrade was handed over, loses nothing', async () => {
    const server = createServer({ allowedOrigins: '*' });
    echo(server);
    const http = createHttpServer();
    const arrived = deferred<{ request: IncomingMessage; socket: Socket; head: Buffer }>();
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      arrived.resolve({ request, socket, head }),
    );
    const port = await listen(http);
    const client = await RawClient.connect(port);
    client.write(concat(Buffer.from(upgradeRequest('/echo'), 'latin1'), fromClient(text('one'))));
    const { request, socket, head } = await arrived.promise;
    client.frames(text('two'));
    await until('the second frame was read', () => socket.readableLength > 0 || head.length > 20);
    socket.pause();
    assert.equal(server.handleUpgrade(request, socket, head), true);
    assert.equal((await client.head()).status, 101);
    client.frames(text('three'));
    for (const expected of ['one', 'two', 'three']) assert.equal((await client.frame()).payload.toString(), expected);
    client.socket.destroy();
    await server.close();
    await closeHttp(http);
  });

  it('a socket that is handed over tells nothing before it is resumed, however late that is', async () => {
    const http = createHttpServer();
    const arrived = deferred<{ socket: Socket; head: Buffer }>();
    http.on('upgrade', (_request: IncomingMessage, socket: Socket, head: Buffer) => arrived.resolve({ socket, head }));
    const client = await RawClient.connect(await listen(http));
    client.write(Buffer.from(`${upgradeRequest('/')}early`, 'latin1'));
    const { socket, head } = await arrived.promise;
    let told = '';
    const sink = {
      receive(chunk: Uint8Array): void {
        told += Buffer.from(chunk).toString();
      },
      receiveEnd() {},
      drained() {},
      gone() {},
    };
    const { channel, early } = takeOver(socket, head, sink, { channelGone() {} })!;
    client.write(Buffer.from('behind it'));
    await turns();
    assert.deepEqual([Buffer.from(early).toString(), told], ['early', '']);
    channel.resume();
    await until('the rest is told', () => told === 'behind it');
    channel.destroy();
    client.socket.destroy();
    await closeHttp(http);
  });

  it('timeouts that the HTTP server has set on the socket are gone', async () => {
    await withAttached({ routes: echo }, async ({ http, port, sockets }) => {
      http.setTimeout(60_000);
      const client = await openWebSocket(port, '/echo');
      assert.equal(sockets[0]!.timeout, 0);
      client.frames(text('x'));
      assert.equal((await client.frame()).payload.toString(), 'x');
      sockets[0]!.emit('timeout');
      client.frames(text('y'));
      await turns();
    });
  });

  it('a reset before anybody listens for errors does not end the process', async () => {
    const server = createServer({ allowedOrigins: '*' });
    let upgrades = 0;
    server.webSocket('/', () => void upgrades++, { message() {} });
    const http = createHttpServer();
    const handed = deferred<[IncomingMessage, Socket, Buffer]>();
    http.on('upgrade', (...all: [IncomingMessage, Socket, Buffer]) => handed.resolve(all));
    const client = await RawClient.connect(await listen(http));
    client.write(upgradeRequest('/'));
    const [request, socket, head] = await handed.promise;
    socket.destroy(new Error('read ECONNRESET'));
    assert.equal(server.handleUpgrade(request, socket, head), true);
    await turns();
    assert.equal(upgrades, 0);
    assert.deepEqual(server.connections, { http: 0, webSockets: 0, eventStreams: 0, handshakes: 0 });
    await server.close();
    await closeHttp(http);
  });

  it('a reset while upgrade awaits aborts the request, and nothing else happens', async () => {
    const decision = deferred();
    const asked = deferred<AbortSignal>();
    let opened = 0;
    await withAttached(
      {
        routes: (server) =>
          server.webSocket(
            '/',
            async (request) => {
              asked.resolve(request.signal);
              await decision.promise;
              return undefined;
            },
            { open: () => void opened++ },
          ),
      },
      async ({ server, port }) => {
        const client = await RawClient.connect(port);
        client.write(upgradeRequest('/'));
        const signal = await asked.promise;
        client.socket.resetAndDestroy();
        await until('the signal aborts', () => signal.aborted);
        decision.resolve();
        await turns();
        assert.equal(opened, 0);
        assert.equal(server.connections.webSockets, 0);
      },
    );
  });

  it('a FIN while upgrade awaits is a client that has left (RFC 6455 §4.1)', async () => {
    const decision = deferred();
    const asked = deferred<AbortSignal>();
    let opened = 0;
    await withAttached(
      {
        routes: (server) =>
          server.webSocket(
            '/',
            async (request) => {
              asked.resolve(request.signal);
              await decision.promise;
              return undefined;
            },
            { open: () => void opened++ },
          ),
      },
      async ({ port }) => {
        const client = await RawClient.connect(port);
        client.write(upgradeRequest('/'));
        const signal = await asked.promise;
        signal.addEventListener('abort', () => decision.resolve()); // the decision comes before the socket has gone
        client.socket.end();
        await until('the signal aborts', () => signal.aborted);
        assert.equal((await client.rest()).toString(), '');
        assert.equal(opened, 0);
      },
    );
  });

  it('a FIN that is there already ends the WebSocket, and its socket goes', async () => {
    const closes: number[] = [];
    await withAttached(
      { routes: (server) => server.webSocket('/', { close: (_, code) => void closes.push(code) }) },
      async ({ server, port }) => {
        const client = await RawClient.connect(port);
        client.write(upgradeRequest('/'));
        client.socket.end();
        await client.rest();
        await until('it is closed', () => closes.length === 1 && server.connections.webSockets === 0);
        assert.deepEqual(closes, [1006]);
      },
    );
  });

  it('a FIN that was told before the socket was handed over ends the WebSocket too', async () => {
    const closes: number[] = [];
    const server = createServer({ allowedOrigins: '*' });
    server.webSocket('/', { close: (_, code) => void closes.push(code) });
    const http = createHttpServer();
    const handed = deferred<[IncomingMessage, Socket, Buffer]>();
    http.on('upgrade', (...all: [IncomingMessage, Socket, Buffer]) => handed.resolve(all));
    const client = await RawClient.connect(await listen(http));
    client.write(upgradeRequest('/'));
    client.socket.end();
    const [request, socket, head] = await handed.promise;
    socket.resume();
    await until('the end was told', () => socket.readableEnded);
    assert.equal(server.handleUpgrade(request, socket, head), true);
    await until('it is closed', () => closes.length === 1);
    await patiently('the server to close', server.close());
    await closeHttp(http);
  });

  it('behind a response that has not been ended, the connection is dropped: answers never cross (RFC 9112 §9.3.2)', async () => {
    const pending = deferred();
    await withAttached(
      { routes: echo, app: (_, response) => void pending.promise.then(() => response.end('late')) },
      async ({ server, port }) => {
        const client = await RawClient.connect(port);
        client.request('GET /slow').write(upgradeRequest('/echo'));
        assert.equal((await client.rest()).toString(), '');
        assert.equal(server.connections.webSockets, 0);
        pending.resolve();
      },
    );
  });

  it('a refusal is written whole, the connection ended, and dropped when the client keeps it', async () => {
    const clock = new FakeClock();
    await withAttached(
      {
        options: { clock, closeTimeoutMs: 1_000 },
        routes: (server) => server.webSocket('/', () => ({ status: 401, body: '{"error":"token"}' }), { open() {} }),
      },
      async ({ port, sockets }) => {
        const client = (await RawClient.connect(port)).write(upgradeRequest('/'));
        const { status, body } = await client.response();
        assert.equal(status, 401);
        assert.equal(body.toString(), '{"error":"token"}');
        await client.end();
        assert.equal(sockets[0]!.destroyed, false);
        clock.advance(2_000);
        await until('it is dropped', () => sockets[0]!.destroyed);
      },
    );
  });

  it('a trustProxy function that throws is told, and trusts nobody', async () => {
    const errors: unknown[] = [];
    const from = (): boolean => {
      throw new Error('no list');
    };
    await withAttached(
      {
        options: { trustProxy: { from, headers: 'x-forwarded' }, onError: (error) => void errors.push(error) },
        routes: (server) =>
          server
            .webSocket('/', (socket, request) => void socket.send(request.remoteAddress))
            .get('/', (request) => ({ body: request.remoteAddress })),
        attach: { routes: true },
      },
      async ({ port }) => {
        const headers = { 'X-Forwarded-For': '192.0.2.7' };
        const client = await openWebSocket(port, '/', headers);
        assert.equal((await client.frame()).payload.toString(), '127.0.0.1');
        const plain = (await RawClient.connect(port)).request('GET /', headers);
        assert.equal((await plain.response()).body.toString(), '127.0.0.1');
        assert.deepEqual(errors.map(String), ['Error: no list', 'Error: no list']);
      },
    );
  });

  it('maxConnectionsPerAddress counts what came through both doors', async () => {
    await withAttached(
      { options: { maxConnectionsPerAddress: 2 }, routes: echo },
      async ({ server, port, sockets }) => {
        await server.listen();
        await openWebSocket(server.port, '/echo');
        await openWebSocket(port, '/echo');
        const tooMany = await RawClient.connect(port);
        assert.equal((await tooMany.upgrade('/echo')).status, 503);
        for (const client of RawClient.open) client.socket.destroy();
        const gone = (): boolean => server.connections.webSockets === 0 && sockets.every(({ destroyed }) => destroyed);
        await until('all have gone', gone);
        await turns();
        await openWebSocket(port, '/echo');
      },
    );
  });

  it('beyond maxConnections the answer is 503 with Retry-After', async () => {
    await withAttached({ options: { maxConnections: 1 }, routes: echo }, async ({ port }) => {
      await openWebSocket(port, '/echo');
      const { status, headers } = await (await RawClient.connect(port)).upgrade('/echo');
      assert.equal(status, 503);
      assert.equal(headers.get('retry-after'), '5');
    });
  });

  it('over TLS, and a client may end its direction behind its close frame and still gets everything (RFC 6455 §5.5.1)', {
    skip,
  }, async () => {
    const size = 16_777_216;
    await withAttached(
      { tls, options: { maxMessageBytes: size, maxBufferedBytes: size }, routes: echo },
      async ({ port, sockets }) => {
        const client = await RawClient.connect(port, { tls: { ca: tls!.cert, servername: 'localhost' } });
        assert.equal((await client.upgrade('/echo', { Origin: 'https://localhost' })).status, 101);
        client.frames(text('over TLS'));
        assert.equal((await client.frame()).payload.toString(), 'over TLS');
        client.frames({ opcode: 2, payload: Buffer.alloc(size) }, { opcode: 8, payload: Buffer.from([3, 232]) });
        client.socket.pause().end();
        await until('the end was told', () => sockets[0]!.readableEnded);
        client.socket.resume();
        assert.equal((await client.frame()).payload.length, size);
        assert.equal((await client.closeFrame()).code, 1000);
      },
    );
  });

  it('reads into the shared buffer where Node allows it, and what one connection keeps is not overwritten by another', async () => {
    const kept: (string | Uint8Array)[] = [];
    await withAttached(
      { routes: (server) => server.webSocket('/', { message: (_, message) => void kept.push(message) }) },
      async ({ port, sockets }) => {
        const one = await openWebSocket(port);
        const two = await openWebSocket(port);
        assert.equal(sockets[0]!.listenerCount('data'), 0, 'it reads through events');
        one.frames({ opcode: 2, payload: Buffer.alloc(1_000, 1) });
        await until('the first is there', () => kept.length === 1);
        two.frames({ opcode: 2, payload: Buffer.alloc(1_000, 2) });
        await until('the second is there', () => kept.length === 2);
        assert.deepEqual(
          kept.map((each) => Buffer.from(each as Uint8Array).equals(Buffer.alloc(1_000, (each as Uint8Array)[0]))),
          [true, true],
        );
      },
    );
  });

  it('where the inside of a socket looks different, it reads through events', async () => {
    const server = createServer({ allowedOrigins: '*' });
    echo(server);
    const http = createHttpServer();
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // Its handle has no way to read into a buffer of ours.
      Object.defineProperty((socket as unknown as { _handle: object })._handle, 'useUserBuffer', { value: undefined });
      server.handleUpgrade(request, socket, head);
      assert.equal(socket.listenerCount('data'), 1);
    });
    const client = await openWebSocket(await listen(http), '/echo');
    client.frames(text('x'.repeat(70_000)));
    assert.equal((await client.frame()).payload.length, 70_000);
    client.socket.destroy();
    await server.close();
    await closeHttp(http);
  });

  for (const kind of ['socket', 'stream that is no socket']) {
    it(`a ${kind} that is handed over twice is refused at the second call, and its first connection goes on`, async () => {
      const told: string[] = [];
      const closed: number[] = [];
      await withAttached(
        {
          routes: (server) =>
            server.webSocket('/', {
              open: () => void told.push('open'),
              message: (socket, message) => void socket.send(message),
              close: (_, code) => void closed.push(code),
            }),
          attach: false,
        },
        async ({ server, http, port }) => {
          const other = createServer().webSocket('/', {});
          http.on('upgrade', (request, socket: Socket, head) => {
            const stream = kind === 'socket' ? socket : Duplex.from({ readable: socket, writable: socket });
            assert.equal(server.handleUpgrade(request, stream, head), true);
            for (const again of [server, other])
              assert.throws(
                () => again.handleUpgrade(request, stream, head),
                /^TypeError: handleUpgrade: this socket has a/,
              );
            told.push('refused');
          });
          const client = await openWebSocket(port, '/');
          client.frames(text('hello'));
          assert.equal((await client.frame()).payload.toString(), 'hello');
          assert.deepEqual(told.sort(), ['open', 'refused']);
          assert.equal(server.connections.webSockets, 1);
          client.socket.destroy();
          await until('it is closed', () => closed.length > 0 && server.connections.webSockets === 0);
          assert.deepEqual(closed, [1006]);
          await patiently('a server that counts none', other.close());
        },
      );
    });
  }

  it('a stream that is no socket is served too', async () => {
    const server = createServer({ allowedOrigins: '*' });
    echo(server);
    const http = createHttpServer();
    server.attach(http);
    const written: Buffer[] = [];
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _, callback) {
        written.push(chunk);
        callback();
      },
    });
    http.emit('connection', stream);
    stream.push(upgradeRequest('/echo'));
    await until('the handshake is answered', () => Buffer.concat(written).includes('\r\n\r\n'));
    stream.push(fromClient(text('hello')));
    await until('the echo is there', () => Buffer.concat(written).includes('hello'));
    stream.push(null);
    await server.close();
  });

  it('a stream that is no socket, and that ends while upgrade awaits, is a client that has left', async () => {
    const asked = deferred<AbortSignal>();
    const server = createServer().webSocket(
      '/',
      (request) => {
        asked.resolve(request.signal);
        return new Promise<undefined>((resolve) => request.signal.addEventListener('abort', () => resolve(undefined)));
      },
      { open: () => assert.fail('it was opened') },
    );
    const http = createHttpServer();
    server.attach(http);
    const stream = new Duplex({ read() {}, write: (_, __, callback) => callback() });
    http.emit('connection', stream);
    stream.push(upgradeRequest('/'));
    const signal = await asked.promise;
    stream.push(null);
    await until('the signal aborts', () => signal.aborted);
    await server.close();
  });
});

describe('whose upgrade it is', () => {
  it('without a route it is refused with 404 when all listeners are ours', async () => {
    await withAttached({ routes: echo }, async ({ port }) => {
      const client = (await RawClient.connect(port)).write(upgradeRequest('/other'));
      assert.equal((await client.response()).status, 404);
      await client.end();
    });
  });

  it('without a route it is left to other listeners, also those that came later', async () => {
    await withAttached({ routes: echo }, async ({ http, port }) => {
      http.on('upgrade', (request: IncomingMessage, socket: Socket) => {
        if (request.url === '/theirs') socket.end('HTTP/1.1 418 teapot\r\nContent-Length: 0\r\n\r\n');
      });
      assert.equal((await (await RawClient.connect(port)).upgrade('/theirs')).status, 418);
      const ours = await openWebSocket(port, '/echo');
      ours.frames(text('x'));
      assert.equal((await ours.frame()).payload.toString(), 'x');
    });
  });

  it('others are not told of what is ours, whether they came before or after: they would end its socket', async () => {
    const server = createServer({ allowedOrigins: '*' });
    echo(server);
    const http = createHttpServer();
    const told: string[] = [];
    const ends = (request: IncomingMessage, socket: Socket): void => {
      told.push(request.url ?? '');
      if (!socket.writableEnded) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    };
    http.on('upgrade', ends);
    server.attach(http);
    http.on('upgrade', ends);
    const port = await listen(http);
    const client = await openWebSocket(port, '/echo');
    client.frames(text('x'));
    assert.equal((await client.frame()).payload.toString(), 'x');
    assert.deepEqual(told, []);
    const other = await RawClient.connect(port);
    assert.equal((await other.upgrade('/theirs')).status, 400);
    assert.deepEqual(told, ['/theirs', '/theirs']);
    client.socket.destroy();
    other.socket.destroy();
    await server.close();
    await closeHttp(http);
  });

  it("unmatched: 'leave' leaves it where nobody else listens, 'refuse' refuses it where somebody does", async () => {
    await withAttached({ routes: echo, attach: { unmatched: 'leave' } }, async ({ port, sockets }) => {
      const client = (await RawClient.connect(port)).write(upgradeRequest('/other'));
      await until('it has arrived', () => (sockets[0]?.bytesRead ?? 0) > 0);
      await turns();
      assert.equal(client.pending, '');
      assert.equal(sockets[0]!.listenerCount('error'), 0, 'it was touched');
      sockets[0]!.destroy();
    });
    await withAttached({ routes: echo, attach: { unmatched: 'refuse' } }, async ({ http, port }) => {
      http.on('upgrade', () => {});
      assert.equal((await (await RawClient.connect(port)).upgrade('/other')).status, 404);
    });
  });

  it('two servers of ours on one of Node do not end each other’s sockets', async () => {
    await withAttached({ routes: echo }, async ({ http, port }) => {
      const second = createServer().webSocket('/second', {
        message: (socket: ServerWebSocket, message) => void socket.send(`2 ${String(message)}`),
      });
      second.attach(http);
      const one = await openWebSocket(port, '/echo');
      const two = await openWebSocket(port, '/second');
      one.frames(text('x'));
      two.frames(text('x'));
      assert.equal((await one.frame()).payload.toString(), 'x');
      assert.equal((await two.frame()).payload.toString(), '2 x');
      assert.equal((await (await RawClient.connect(port)).upgrade('/third')).status, 404);
      const closing = second.close();
      assert.equal((await two.closeFrame()).code, 1001);
      two.socket.destroy();
      await closing;
      one.frames(text('y'));
      assert.equal((await one.frame()).payload.toString(), 'y');
      assert.equal((await (await RawClient.connect(port)).upgrade('/second')).status, 404);
    });
  });

  it('handleUpgrade answers false, and touches nothing, where it asks for something else or no route is there', async () => {
    const server = createServer();
    echo(server);
    const http = createHttpServer();
    const answers: boolean[] = [];
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      answers.push(server.handleUpgrade(request, socket, head));
      assert.equal(socket.listenerCount('error'), 0);
      socket.destroy();
    });
    const port = await listen(http);
    await (await RawClient.connect(port)).write(upgradeRequest('/other')).end();
    await (await RawClient.connect(port)).write(upgradeRequest('/echo', { Upgrade: 'h2c' })).end();
    assert.deepEqual(answers, [false, false]);
    await closeHttp(http);
    await server.close();
  });

  it('an upgrade to something else is answered as the request that it is (RFC 9110 §7.8)', async () => {
    const seen: string[] = [];
    await withAttached(
      {
        options: { clock: new FakeClock() },
        routes: echo,
        app: (request, response) => {
          seen.push(request.url ?? '');
          response.on('close', () => seen.push('closed'));
          response.setHeader('X-App', 'yes');
          response.end('from the application');
        },
      },
      async ({ port, sockets }) => {
        const client = (await RawClient.connect(port)).request('GET /page', {
          Upgrade: 'h2c',
          Connection: 'Upgrade, HTTP2-Settings',
          'HTTP2-Settings': 'AAMAAABkAAQAAP__',
        });
        const { status, headers, body } = await client.response();
        assert.equal(status, 200);
        assert.equal(headers.get('x-app'), 'yes');
        assert.equal(headers.get('connection'), 'close');
        assert.equal(body.toString(), 'from the application');
        await client.end();
        client.write('what nobody reads').socket.end();
        await until('the socket has gone', () => sockets[0]!.destroyed);
        assert.deepEqual(seen, ['/page', 'closed']);

        const headers400 = { Upgrade: 'h2c', Connection: 'Upgrade', 'Content-Length': '4' };
        for (const body of ['body', '']) {
          const withBody = (await RawClient.connect(port)).request('POST /page', headers400, body);
          assert.equal((await withBody.response()).status, 400);
          withBody.socket.destroy();
        }
      },
    );
  });

  it('attach refuses what is no server of Node’s, a wrong option, and the same server twice', async () => {
    const server = createServer();
    const http = createHttpServer();
    server.attach(http);
    assert.throws(() => server.attach(http), /attached to that one already/);
    assert.throws(() => server.attach({} as never), /must be a server of node:http, node:https or node:http2/);
    assert.throws(() => server.attach(createHttpServer(), { unmached: 'leave' } as never), /did you mean unmatched/);
    assert.throws(() => server.attach(createHttpServer(), { unmatched: 'maybe' } as never), /'refuse' or 'leave'/);
    await server.close();
    assert.equal(http.listenerCount('upgrade'), 0, 'close detaches');
    assert.equal(createServer().attach(http) !== undefined, true);
  });
});

describe('the end of what came through the door', () => {
  it('httpServer.close waits for WebSockets, and our close ends them', async () => {
    await withAttached({ routes: echo }, async ({ server, http, port }) => {
      const client = await openWebSocket(port, '/echo');
      let closed = false;
      http.close(() => {
        closed = true;
      });
      http.closeIdleConnections();
      await turns();
      assert.equal(closed, false);
      client.frames(text('still'));
      assert.equal((await client.frame()).payload.toString(), 'still');
      const ours = server.close();
      assert.equal((await client.closeFrame()).code, 1001);
      client.frames({ opcode: 8, payload: Buffer.from([3, 233]) });
      await client.end();
      client.socket.end();
      await patiently('our server to close', ours);
      await until('the HTTP server has closed', () => closed);
    });
  });

  it('drain closes with 1012, and new upgrades get 503 meanwhile', async () => {
    const clock = new FakeClock();
    await withAttached({ options: { clock }, routes: echo }, async ({ server, port }) => {
      const client = await openWebSocket(port, '/echo');
      const drained = server.drain({ overMs: 1_000 });
      const late = await RawClient.connect(port);
      assert.equal((await late.upgrade('/echo')).status, 503);
      late.socket.destroy();
      clock.advance(1_000);
      assert.equal((await client.closeFrame()).code, 1012);
      client.socket.destroy();
      await patiently('the drain', drained);
    });
  });

  it('whoever destroys the socket that node:http knows ends the WebSocket', async () => {
    const closes: number[] = [];
    await withAttached(
      { routes: (server) => server.webSocket('/', { close: (_, code) => void closes.push(code) }) },
      async ({ port, sockets }) => {
        await openWebSocket(port);
        sockets[0]!.destroy();
        await until('it is closed', () => closes.length === 1);
        assert.deepEqual(closes, [1006]);
      },
    );
  });
});
