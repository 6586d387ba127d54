/** Requests that somebody's `node:http` server passes on: routes behind `attach`, `handleRequest` and middleware. */

import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { EventStream } from '../../lib/net/api.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { closeHttp, listen, readsJson, withAttached } from '../support/doors.ts';
import { deferred, openWebSocket, patiently, RawClient, turns, until } from '../support/sockets.ts';

const routes = (server: Server): Server =>
  server
    .get('/hello/:name', ({ params, remoteAddress }) => ({ body: `hello ${params['name']} ${remoteAddress}` }))
    .post('/mirror', (request) => ({ body: request.body, headers: { 'Content-Type': 'application/octet-stream' } }))
    .eventStream('/events', (stream) => {
      stream.send({ id: '1', data: 'one' });
      stream.close();
    })
    .eventStream(
      '/ask',
      async (stream, request) => {
        stream.send(request.text());
      },
      { method: 'POST' },
    );

const app = (_: IncomingMessage, response: ServerResponse): void => void response.end('theirs');

describe('requests behind somebody’s server', () => {
  it('are answered with { routes: true }, and what has no route of ours by the application', async () => {
    await withAttached({ routes, app, attach: { routes: true } }, async ({ port, http, server }) => {
      const client = await RawClient.connect(port);
      const hello = await client.request('GET /hello/ada').response();
      assert.equal(hello.body.toString(), 'hello ada 127.0.0.1');
      assert.equal(hello.headers.get('content-length'), '19');
      assert.equal((await client.request('HEAD /hello/ada').response(true)).headers.get('content-length'), '19');
      assert.equal((await client.request('GET /other').response()).body.toString(), 'theirs');
      assert.equal((await client.request('DELETE /hello/ada').response()).body.toString(), 'theirs');
      const mirror = await client.request('POST /mirror', { 'Content-Length': '4' }, 'body').response();
      assert.equal(mirror.body.toString(), 'body');
      const chunked = client.request('POST /ask', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\n\r\n');
      assert.equal((await chunked.response()).body.toString(), 'data: abc\n\n');
      const events = await client.request('GET /events').response();
      assert.equal(events.headers.get('content-type'), 'text/event-stream');
      assert.equal(events.headers.get('cache-control'), 'no-cache, no-transform');
      assert.equal(events.headers.get('x-accel-buffering'), 'no');
      assert.equal(events.body.toString(), 'id: 1\ndata: one\n\n');
      await until('the stream is forgotten', () => server.connections.eventStreams === 0);
      await server.close();
      assert.equal(Object.hasOwn(http, 'emit'), false, 'close leaves nothing behind');
    });
  });

  it('stay the application’s without it', async () => {
    await withAttached({ routes, app }, async ({ port }) => {
      assert.equal((await (await RawClient.connect(port)).request('GET /events').response()).body.toString(), 'theirs');
    });
  });

  it('without an application ours answers 404 and 405', async () => {
    await withAttached({ routes, attach: { routes: true } }, async ({ port }) => {
      const client = await RawClient.connect(port);
      assert.equal((await client.request('GET /other').response()).status, 404);
      const wrong = await client.request('GET /mirror').response();
      assert.equal(wrong.status, 405);
      assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS');
    });
  });

  it('preflights of our routes are answered, and Vary joins what the application has set', async () => {
    await withAttached(
      {
        options: { allowedOrigins: ['https://app.example'] },
        routes,
        attach: false,
      },
      async ({ server, http, port }) => {
        http.on('request', (request, response) => {
          response.setHeader('Vary', 'Accept-Language');
          response.setHeader('X-Frame-Options', 'DENY');
          response.setHeader('Set-Cookie', 'a=1');
          assert.equal(server.handleRequest(request, response), true);
        });
        const client = await RawClient.connect(port);
        const preflight = client.request('OPTIONS /mirror', {
          Origin: 'https://app.example',
          'Access-Control-Request-Method': 'POST',
        });
        const answer = await preflight.response();
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example');
        const got = await client.request('GET /hello/ada', { Origin: 'https://app.example' }).response();
        assert.equal(got.headers.get('vary'), 'accept-language, origin');
        assert.equal(got.headers.get('x-frame-options'), 'DENY');
        assert.equal(got.headers.get('set-cookie'), 'a=1');
      },
    );
  });

  it('a body beyond maxBodyBytes is answered 413, announced or not, and one that is late 408', async () => {
    const clock = new FakeClock();
    await withAttached(
      { options: { clock, maxBodyBytes: 8, bodyTimeoutMs: 1_000 }, routes, attach: { routes: true } },
      async ({ port }) => {
        const exact = await RawClient.connect(port);
        const whole = await exact.request('POST /mirror', { 'Content-Length': '8' }, '12345678').response();
        assert.equal(whole.body.toString(), '12345678');
        for (const [fields, body] of [
          [{ 'Content-Length': '9' }, ''],
          [{ 'Transfer-Encoding': 'chunked' }, '9\r\n123456789\r\n0\r\n\r\n'],
        ] as const) {
          const { status, headers } = await (await RawClient.connect(port))
            .request('POST /mirror', fields, body)
            .response();
          assert.equal(status, 413);
          assert.equal(headers.get('connection'), 'close');
        }
        const late = (await RawClient.connect(port)).request('POST /mirror', { 'Content-Length': '8' }, '1234');
        await until('the body is waited for', () => clock.timers > 0);
        clock.advance(1_000);
        assert.equal((await late.response()).status, 408);
      },
    );
  });

  it('a client that leaves within its body, or before the answer, ends nothing else', async () => {
    const asked = deferred<AbortSignal>();
    await withAttached(
      {
        routes: (server) =>
          routes(server).get('/slow', async (request) => {
            asked.resolve(request.signal);
            await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
            return { body: 'nobody hears this' };
          }),
        attach: { routes: true },
      },
      async ({ port, sockets }) => {
        const half = (await RawClient.connect(port)).request('POST /mirror', { 'Content-Length': '8' }, '1234');
        await until('it has arrived', () => (sockets[0]?.bytesRead ?? 0) > 0);
        half.socket.resetAndDestroy();
        const slow = (await RawClient.connect(port)).request('GET /slow');
        const signal = await asked.promise;
        slow.socket.destroy();
        await until('the signal aborts', () => signal.aborted);
        await turns();
        assert.equal((await (await RawClient.connect(port)).request('GET /hello/ada').response()).status, 200);
      },
    );
  });

  it('handed over after its client has left, a request that waited for its turn ends as one that did not (RFC 9112 §9.3.2)', async () => {
    for (const before of [[], ['GET /never']] as const) {
      const told: string[] = [];
      await withAttached(
        {
          routes: (server) =>
            server
              .eventStream('/stream', {
                open: ({ signal }) => signal.addEventListener('abort', () => told.push('stream aborted')),
                close: () => void told.push('stream closed'),
              })
              .get('/answer', async ({ signal }) => {
                await new Promise((resolve) => signal.addEventListener('abort', resolve));
                told.push('answer aborted');
                return {};
              }),
          attach: false,
        },
        async ({ server, http, port }) => {
          http.on('request', (request, response) => {
            if (request.url === '/never') return;
            request.socket.on('close', () => setImmediate(() => server.handleRequest(request, response)));
          });
          for (const path of ['/stream', '/answer']) {
            const client = await RawClient.connect(port);
            for (const line of [...before, `GET ${path}`]) client.request(line);
            await turns();
            client.socket.destroy();
          }
          await until('both are told', () => told.length === 3);
          assert.deepEqual(told.sort(), ['answer aborted', 'stream aborted', 'stream closed']);
          assert.equal(server.connections.eventStreams, 0);
        },
      );
    }
  });

  it('what the application has answered meanwhile stands', async () => {
    const go = deferred();
    let opened = 0;
    await withAttached(
      {
        routes: (server) =>
          server
            .get('/slow', () => go.promise.then(() => ({ body: 'too late' })))
            .eventStream('/stream', () => go.promise.then(() => undefined), { open: () => void opened++ }),
        attach: false,
      },
      async ({ server, http, port }) => {
        http.on('request', (request, response) => {
          assert.equal(server.handleRequest(request, response), true);
          response.end('in time');
        });
        const client = await RawClient.connect(port);
        for (const path of ['/slow', '/stream'])
          assert.equal((await client.request(`GET ${path}`).response()).body.toString(), 'in time');
        go.resolve();
        await turns();
        assert.equal(opened, 0);
      },
    );
  });

  it('bodies that a parser has read before: octets, text and JSON are taken from it; else 500, and the operator is told', async () => {
    const errors: unknown[] = [];
    await withAttached(
      { options: { maxBodyBytes: 64, onError: (error) => void errors.push(error) }, routes, attach: false },
      async ({ server, http, port }) => {
        let left: object = {};
        http.on('request', (request: IncomingMessage, response) => {
          request.resume().on('end', () => {
            Object.assign(request, left);
            server.handleRequest(request, response);
          });
        });
        const post = async (leaves: object, type = 'application/json'): Promise<readonly [number, string]> => {
          left = leaves;
          const client = await RawClient.connect(port);
          const { status, body } = await client
            .request('POST /mirror', { 'Content-Length': '2', 'Content-Type': type }, '{}')
            .response();
          return [status, body.toString()];
        };
        assert.deepEqual(await post({ rawBody: Buffer.from('raw'), body: { a: 1 } }), [200, 'raw']);
        assert.deepEqual(await post({ body: Buffer.from('buffer') }), [200, 'buffer']);
        assert.deepEqual(await post({ body: 'text' }, 'text/plain'), [200, 'text']);
        assert.deepEqual(await post({ body: { a: [1] } }, 'application/ld+json; charset=utf-8'), [200, '{"a":[1]}']);
        assert.equal((await post({ body: 'x'.repeat(65) }))[0], 413);
        assert.equal((await post({ body: { a: 1 } }, 'application/x-www-form-urlencoded'))[0], 500);
        assert.equal((await post({}))[0], 500);
        assert.equal(errors.length, 2);
        assert.match(String(errors[0]), /in front of the body parser/);
      },
    );
  });

  it('a client that does not read an event stream holds it back, and is dropped after writeTimeoutMs', async () => {
    const clock = new FakeClock();
    const opened = deferred<EventStream>();
    await withAttached(
      {
        options: { clock, writeTimeoutMs: 1_000, highWaterMarkBytes: 65_536, maxBufferedBytes: 33_554_432 },
        routes: (server) => server.eventStream('/', (stream) => opened.resolve(stream)),
        attach: { routes: true },
      },
      async ({ port, server }) => {
        const client = await RawClient.connect(port, { paused: true });
        client.request('GET /');
        const stream = await opened.promise;
        const data = 'x'.repeat(1_048_576);
        for (let i = 0; i < 16; i++) stream.send(data);
        await until('it is held back', () => stream.bufferedAmount > 65_536);
        assert.equal(stream.send(data), 'backpressure');
        for (let i = 0; i < 4; i++) {
          clock.advance(1_000);
          await turns();
        }
        await until('it is dropped', () => server.connections.eventStreams === 0);
        assert.equal(stream.signal.aborted, true);
        client.socket.destroy();
      },
    );
  });

  it('the server’s timeout, which is for requests, does not end a stream', async () => {
    await withAttached(
      { routes: (server) => server.eventStream('/', () => {}), attach: { routes: true } },
      async ({ http, port, sockets }) => {
        http.timeout = 60_000;
        const client = (await RawClient.connect(port)).request('GET /');
        await client.head();
        assert.equal(sockets[0]!.timeout, 0);
        for (const { socket } of RawClient.open) socket.destroy();
      },
    );
  });

  it('what a stream’s handler throws at once is answered 500, with nothing left of the stream’s head', async () => {
    const errors: unknown[] = [];
    await withAttached(
      {
        options: { onError: (error) => void errors.push(error) },
        routes: (server) =>
          server
            .eventStream('/', (stream) => {
              stream.send('lost');
              throw new Error('at once');
            })
            .eventStream('/later', async (stream) => {
              stream.send('kept');
              await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
              throw new Error('later');
            }),
        attach: { routes: true },
      },
      async ({ port, server }) => {
        const { status, headers, body } = await (await RawClient.connect(port)).request('GET /').response();
        assert.equal(status, 500);
        assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
        assert.equal(headers.has('cache-control'), false);
        assert.equal(body.toString(), 'the handler failed\n');
        // A failure later ends the connection without the last chunk, so that it is no end of the stream (RFC 9112 §7.1).
        const later = (await RawClient.connect(port)).request('GET /later');
        await later.head();
        assert.equal((await later.rest()).includes('\r\n0\r\n\r\n'), false);
        await until('both are forgotten', () => server.connections.eventStreams === 0);
        assert.equal(errors.length, 2);
      },
    );
  });

  it('malformed JSON is answered 400 and told to nobody: accept, open, an async function (RFC 9110 §15.5.1)', async () => {
    const errors: unknown[] = [];
    const options = { onError: (error: unknown) => void errors.push(error) };
    await withAttached({ options, routes: readsJson, attach: { routes: true } }, async ({ port }) => {
      const client = await RawClient.connect(port);
      for (const path of ['/post', '/accept', '/open', '/run']) {
        const { status, headers, body } = await client
          .request(`POST ${path}`, { 'Content-Length': '2' }, '{]')
          .response();
        assert.deepEqual([path, status, body.toString()], [path, 400, 'request body is not JSON (RFC 8259 §2)\n']);
        assert.match(headers.get('content-type') ?? '', /^text\/plain/);
      }
      const { body } = await client.request('POST /run', { 'Content-Length': '2' }, '{}').response();
      assert.equal(body.toString(), 'data: first\n\ndata: {}\n\n');
    });
    assert.deepEqual(errors, []);
  });

  it('while it drains, requests that are handed over are still served', async () => {
    await withAttached(
      { routes: (server) => routes(server).webSocket('/stays', { open() {} }), attach: false },
      async ({ server, http, port }) => {
        server.attach(http, { routes: true });
        const stays = await openWebSocket(port, '/stays');
        const drained = server.drain({ overMs: 60_000 });
        const client = (await RawClient.connect(port)).request('GET /hello/ada');
        assert.equal((await client.response()).status, 200);
        stays.socket.destroy();
        await Promise.all([server.close(), drained]);
      },
    );
  });

  it('close ends streams whose connections stay open for the next request, and further requests get 503', async () => {
    const opened = deferred<EventStream>();
    await withAttached(
      { routes: (server) => routes(server).eventStream('/open', (stream) => opened.resolve(stream)), attach: false },
      async ({ server, http, port }) => {
        http.on('request', (request, response) => server.handleRequest(request, response) || response.end('theirs'));
        const client = (await RawClient.connect(port)).request('GET /open');
        await opened.promise;
        await client.head();
        const closed = server.close();
        assert.equal(await client.chunk(), undefined);
        await patiently('our close', closed);
        assert.equal((await client.request('GET /other').response()).body.toString(), 'theirs');
        const refused = await client.request('GET /hello/ada').response();
        assert.equal(refused.status, 503);
        assert.equal(refused.headers.get('retry-after'), '5');
      },
    );
  });
});

describe('middleware', () => {
  it('calls next for what is not ours, as Express and Connect want it', async () => {
    const server = createServer();
    routes(server);
    const middleware = server.middleware();
    const http = createHttpServer((request, response) => middleware(request, response, () => response.end('next')));
    const client = await RawClient.connect(await listen(http));
    assert.equal((await client.request('GET /hello/ada').response()).body.toString(), 'hello ada 127.0.0.1');
    assert.equal((await client.request('GET /other').response()).body.toString(), 'next');
    client.socket.destroy();
    await server.close();
    await closeHttp(http);
  });

  it('is a hook of Fastify: takes its objects apart, and hijacks the reply of what is ours', async () => {
    const server = createServer();
    routes(server);
    const hook = server.middleware();
    const hijacked: string[] = [];
    const http = createHttpServer((raw, response) => {
      const reply = { raw: response, hijack: () => void hijacked.push(raw.url ?? '') };
      hook({ raw }, reply, () => response.end('done'));
    });
    const client = await RawClient.connect(await listen(http));
    assert.equal((await client.request('GET /hello/ada').response()).body.toString(), 'hello ada 127.0.0.1');
    assert.equal((await client.request('GET /other').response()).body.toString(), 'done');
    assert.deepEqual(hijacked, ['/hello/ada']);
    client.socket.destroy();
    await server.close();
    await closeHttp(http);
  });

  it('serves requests of HTTP/2’s compatibility API', async () => {
    const server = createServer();
    routes(server);
    const http2 = createHttp2Server((request, response) => {
      if (!server.handleRequest(request, response)) response.end('theirs');
    });
    await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    const session = connectHttp2(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
    const ask = async (head: Readonly<Record<string, string>>, body?: string): Promise<readonly [number, string]> => {
      const stream = session.request(head, { endStream: body === undefined });
      if (body !== undefined) stream.end(body);
      let status = 0;
      stream.on('response', (fields) => {
        status = fields[':status'] ?? 0;
      });
      let text = '';
      for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
      return [status, text];
    };
    assert.deepEqual(await ask({ ':path': '/hello/ada' }), [200, 'hello ada 127.0.0.1']);
    assert.deepEqual(await ask({ ':path': '/events' }), [200, 'id: 1\ndata: one\n\n']);
    assert.deepEqual(await ask({ ':path': '/mirror', ':method': 'POST' }, 'body'), [200, 'body']);
    assert.deepEqual(await ask({ ':path': '/other' }), [200, 'theirs']);
    session.close();
    await server.close();
    await new Promise<void>((resolve) => http2.close(() => resolve()));
  });
});
