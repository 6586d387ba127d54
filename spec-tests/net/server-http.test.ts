import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HttpRequest } from '../../lib/net/api.ts';
import { createServer } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { deferred, openWebSocket, patiently, RawClient, turns, until, withServer } from '../support/sockets.ts';

describe('RFC 9110: methods and statuses of the HTTP front', () => {
  it('the address is known from the start, also when it is first asked for behind the end of the connection', async () => {
    const requests: HttpRequest[] = [];
    await withServer(
      {},
      (server) => {
        server.get('/', (request) => {
          requests.push(request);
          return { body: requests.length === 1 ? request.remoteAddress : '' };
        });
      },
      async (server) => {
        for (let i = 0; i < 2; i++) {
          const client = await RawClient.connect(server.port);
          client.request('GET /');
          await client.response();
          client.socket.destroy();
        }
        await until('both have gone', () => server.connections.http === 0);
        assert.deepEqual(
          requests.map(({ remoteAddress }) => remoteAddress),
          ['127.0.0.1', '127.0.0.1'],
        );
      },
    );
  });

  it('GET and POST reach their handlers with parameters, query, headers, address and body', async () => {
    await withServer(
      {},
      (server) => {
        server.get('/rooms/:room/:id', (request) => ({
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({
            params: request.params,
            q: request.query.get('q'),
            user: request.headers.get('x-user-id'),
            path: request.path,
            remote: request.remoteAddress,
            secure: request.secure,
          }),
        }));
        server.post('/upload', (request) => ({ status: 201, body: request.body }));
      },
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('GET /rooms/a%20b/7?q=%C3%A9', { 'X-User-Id': 'ada' });
        const got = await client.response();
        assert.equal(got.status, 200);
        assert.deepEqual(JSON.parse(got.body.toString()), {
          params: { room: 'a b', id: '7' },
          q: 'é',
          user: 'ada',
          path: '/rooms/a%20b/7',
          remote: '127.0.0.1',
          secure: false,
        });
        client.request('POST /upload', { 'Content-Length': '5' }, '\0\xffabc');
        const posted = await client.response();
        assert.equal(posted.status, 201);
        assert.deepEqual([...posted.body], [0, 255, 97, 98, 99]);
        client.request(
          'POST /upload',
          { 'Transfer-Encoding': 'chunked' },
          '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n',
        );
        assert.equal((await client.response()).body.toString(), 'abcde');
      },
    );
  });

  it('HEAD is GET without the body, Content-Length included (RFC 9110 §9.3.2, §8.6)', async () => {
    await withServer(
      {},
      (server) => server.get('/', () => ({ headers: { 'X-Kept': '1' }, body: 'twelve bytes' })),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('HEAD /').request('GET /');
        const head = await client.response(true);
        assert.equal(head.headers.get('content-length'), '12');
        assert.equal(head.headers.get('x-kept'), '1');
        assert.equal((await client.response()).body.toString(), 'twelve bytes');
        assert.equal(client.pending, '');
      },
    );
  });

  it('OPTIONS lists what a path allows, and * what the server knows (RFC 9110 §9.3.7)', async () => {
    await withServer(
      {},
      (server) =>
        server
          .get('/both', () => ({}))
          .post('/both', () => ({}))
          .post('/post', () => ({})),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('OPTIONS /both').request('OPTIONS /post').request('OPTIONS *').request('OPTIONS /nowhere');
        const both = await client.response();
        assert.equal(both.status, 204);
        assert.equal(both.headers.get('allow'), 'GET, POST, HEAD, OPTIONS');
        assert.equal(both.headers.has('content-length'), false, 'a 204 has no Content-Length (RFC 9110 §8.6)');
        assert.equal((await client.response()).headers.get('allow'), 'POST, OPTIONS');
        assert.equal((await client.response()).headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
        assert.equal((await client.response()).status, 404);
      },
    );
  });

  it('404, 405 with Allow, 501 for methods that nobody knows, 426 where only WebSocket is spoken (RFC 9110 §15.5, §15.6.2)', async () => {
    await withServer(
      {},
      (server) => server.get('/page', () => ({})).webSocket('/socket', {}),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('GET /none').request('POST /page').request('BREW /page').request('BREW /none');
        client.request('POST /socket').request('GET /socket');
        assert.equal((await client.response()).status, 404);
        const wrongMethod = await client.response();
        assert.equal(wrongMethod.status, 405);
        assert.equal(wrongMethod.headers.get('allow'), 'GET, HEAD, OPTIONS');
        assert.equal((await client.response()).status, 501);
        assert.equal((await client.response()).status, 501);
        assert.equal((await client.response()).status, 405);
        const upgrade = await client.response();
        assert.equal(upgrade.status, 426);
        assert.equal(upgrade.headers.get('upgrade'), 'websocket');
        assert.equal(upgrade.headers.get('sec-websocket-version'), '13');
        assert.equal(upgrade.headers.get('connection'), 'close');
        await client.end();
      },
    );
  });

  it('a handler that throws, rejects or answers nonsense is a 500, told to onError, and the connection lives on', async () => {
    const errors: string[] = [];
    await withServer(
      { onError: (error) => errors.push((error as Error).message) },
      (server) =>
        server
          .get('/throws', () => {
            throw new Error('thrown');
          })
          .get('/rejects', () => Promise.reject(new Error('rejected')))
          .get('/nothing', () => undefined as never)
          .get('/status', () => ({ status: 99 }))
          .get('/split', () => ({ headers: { 'X-A': 'b\r\nX-Injected: 1' } }))
          .get('/late', async () => ({ headers: { 'X A': 'b' } }))
          .get('/fine', async () => ({ body: 'fine' })),
      async (server) => {
        const client = await RawClient.connect(server.port);
        for (const path of ['throws', 'rejects', 'nothing', 'status', 'split', 'late']) {
          client.request(`GET /${path}`);
          const { status, head } = await client.response();
          assert.equal(status, 500, path);
          assert.doesNotMatch(head, /injected/i);
        }
        client.request('GET /fine');
        assert.equal((await client.response()).body.toString(), 'fine');
        assert.equal(errors.length, 6);
        assert.deepEqual(errors.slice(0, 2), ['thrown', 'rejected']);
      },
    );
  });

  it('fields that frame the response belong to the server: a handler that sets one has a fault, not two lengths (RFC 9112 §6.3)', async () => {
    const errors: unknown[] = [];
    await withServer(
      { onError: (error) => errors.push(error) },
      (server) => server.get('/:name', ({ params }) => ({ headers: { [params['name']!]: '3' }, body: 'abcdef' })),
      async (server) => {
        const client = await RawClient.connect(server.port);
        for (const name of ['Content-Length', 'content-length', 'Transfer-Encoding', 'Connection']) {
          client.request(`GET /${name}`);
          assert.equal((await client.response()).status, 500, name);
        }
        assert.equal(errors.length, 4);
        client.request('GET /date');
        const { head } = await client.response();
        assert.equal(head.match(/^date:/gim)?.length, 1, 'the handler’s Date replaces ours');
      },
    );
  });

  it('every response has a Date in IMF-fixdate (RFC 9110 §6.6.1)', async () => {
    await withServer(
      {},
      (server) => server.get('/', () => ({})),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        const { headers } = await client.response();
        assert.match(headers.get('date') ?? '', /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
      },
    );
  });
});

describe('RFC 9112: limits and refusals', () => {
  const cases: readonly [claim: string, request: string, status: number][] = [
    ['413 for an announced body over the limit', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n', 413],
    [
      '413 for a chunked body that grows over the limit',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n${'a'.repeat(101)}\r\n`,
      413,
    ],
    ['414 for a long request line', `GET /${'a'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ['431 for a long head', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(1000)}\r\n\r\n`, 431],
    ['431 for many fields', `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(10)}\r\n`, 431],
    ['431 for a head that never ends', `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(200)}`, 431],
    ['501 for an unknown transfer coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
    ['505 for HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['400 for what is not HTTP', '\x16\x03\x01\x02\0\x01\0\x01\xfc\r\n\r\n', 400],
    ['400 without Host (§3.2)', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['400 for two Hosts (§3.2)', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
    ['400 for a path that is not percent-encoded', 'GET /p/%zz HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ];
  for (const [claim, request, status] of cases) {
    it(claim, async () => {
      await withServer(
        { maxBodyBytes: 100, maxRequestLineBytes: 200, maxHeadBytes: 800, maxHeaderCount: 10 },
        (server) => server.post('/', () => ({})).get('/p/:p', () => ({})),
        async (server) => {
          const client = (await RawClient.connect(server.port)).write(request);
          const response = await client.response();
          assert.equal(response.status, status);
          if (!request.includes('%zz')) {
            assert.equal(response.headers.get('connection'), 'close');
            await client.end();
          }
        },
      );
    });
  }

  it('503 with Retry-After above maxConnections, and room again when one leaves (RFC 9110 §15.6.4)', async () => {
    await withServer(
      { maxConnections: 2 },
      (server) => server.get('/', () => ({ body: 'in' })),
      async (server) => {
        const first = await RawClient.connect(server.port);
        const second = (await RawClient.connect(server.port)).request('GET /');
        assert.equal((await second.response()).status, 200);
        const third = (await RawClient.connect(server.port)).request('GET /');
        const refused = await third.response();
        assert.equal(refused.status, 503);
        assert.equal(refused.headers.get('retry-after'), '5');
        await third.end();
        third.socket.destroy();
        first.socket.destroy();
        await until('the first has gone', () => server.connections.http === 1);
        const fourth = (await RawClient.connect(server.port)).request('GET /');
        assert.equal((await fourth.response()).status, 200);
      },
    );
  });

  it('503 above maxConnectionsPerAddress', async () => {
    await withServer(
      { maxConnectionsPerAddress: 1 },
      (server) => server.get('/', () => ({})),
      async (server) => {
        const first = (await RawClient.connect(server.port)).request('GET /');
        assert.equal((await first.response()).status, 200);
        const second = await RawClient.connect(server.port);
        assert.equal((await second.response()).status, 503);
        first.socket.destroy();
        second.socket.destroy();
        await until('both have gone', () => server.connections.http === 0);
        const third = (await RawClient.connect(server.port)).request('GET /');
        assert.equal((await third.response()).status, 200);
      },
    );
  });
});

describe('RFC 9112 §9: persistence and pipelining', () => {
  it('HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)', async () => {
    await withServer(
      {},
      (server) => server.get('/', () => ({ body: 'x' })),
      async (server) => {
        const modern = (await RawClient.connect(server.port))
          .request('GET /')
          .request('GET /', { Connection: 'Close' });
        assert.equal((await modern.response()).headers.has('connection'), false);
        assert.equal((await modern.response()).headers.get('connection'), 'close');
        await modern.end();
        const old = (await RawClient.connect(server.port)).write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
        assert.equal((await old.response()).headers.get('connection'), 'keep-alive');
        old.write('GET / HTTP/1.0\r\n\r\n');
        assert.equal((await old.response()).headers.get('connection'), 'close');
        await old.end();
      },
    );
  });

  it('what follows a request with Connection: close is never processed, nor what follows a response that said so (§9.6)', async () => {
    const reached: string[] = [];
    await withServer(
      { maxRequestsPerConnection: 2 },
      (server) =>
        server.get('/:name', ({ params }) => {
          reached.push(params['name']!);
          return { body: 'x' };
        }),
      async (server) => {
        const asked = (await RawClient.connect(server.port)).request('GET /asked', { Connection: 'close' });
        asked.request('GET /lost');
        assert.equal((await asked.response()).headers.get('connection'), 'close');
        asked.request('GET /lost');
        assert.equal((await asked.rest()).length, 0);
        asked.socket.end();
        const told = (await RawClient.connect(server.port)).request('GET /1').request('GET /2').request('GET /lost');
        assert.equal((await told.response()).headers.has('connection'), false);
        assert.equal((await told.response()).headers.get('connection'), 'close');
        told.request('GET /lost');
        assert.equal((await told.rest()).length, 0);
        told.socket.end();
        await turns();
        assert.deepEqual(reached, ['asked', '1', '2']);
      },
    );
  });

  it('no Transfer-Encoding in 100, 101, 204 and 304, nor in any answer to HTTP/1.0 (§6.1)', async () => {
    await withServer(
      {},
      (server) =>
        server
          .get('/x', () => ({ body: 'x' }))
          .get('/204', () => ({ status: 204 }))
          .get('/304', () => ({ status: 304 }))
          .post('/', () => ({ status: 204 }))
          .eventStream(
            '/none',
            () => ({ status: 204 }),
            () => {},
          )
          .eventStream('/ticks', (stream) => stream.close())
          .webSocket('/ws', {}),
      async (server) => {
        const bare = ({ status, headers }: { status: number; headers: ReadonlyMap<string, string> }) =>
          headers.has('transfer-encoding') ? 'Transfer-Encoding' : status;
        const client = await RawClient.connect(server.port);
        for (const [path, status] of [['/204', 204] as const, ['/304', 304] as const, ['/none', 204] as const])
          assert.equal(bare(await client.request(`GET ${path}`).response()), status, path);
        client.request('POST /', { Expect: '100-continue', 'Content-Length': '1' });
        assert.equal(bare(await client.head()), 100);
        assert.equal(bare(await client.write('x').head()), 204);
        assert.equal(bare(await client.upgrade('/ws')), 101);
        client.socket.destroy();
        for (const [path, status] of [['/x', 200] as const, ['/ticks', 200] as const, ['/lost', 404] as const]) {
          const old = (await RawClient.connect(server.port)).write(`GET ${path} HTTP/1.0\r\n\r\n`);
          assert.equal(bare(await old.head()), status, path);
          old.socket.destroy();
        }
      },
    );
  });

  it('pipelined requests are answered in order, however long each takes (§9.3.2)', async () => {
    const gates = [deferred(), deferred(), deferred()];
    await withServer(
      {},
      (server) =>
        server.get('/:i', async ({ params }) => {
          await gates[Number(params['i'])]?.promise;
          return { body: params['i']! };
        }),
      async (server) => {
        const client = await RawClient.connect(server.port);
        for (const i of [0, 1, 2, 3]) client.request(`GET /${i}`);
        gates[2]!.resolve();
        gates[1]!.resolve();
        await turns();
        assert.equal(client.pending, '');
        gates[0]!.resolve();
        for (const i of [0, 1, 2, 3]) assert.equal((await client.response()).body.toString(), String(i));
      },
    );
  });

  it('an upgrade behind a pipelined request: the response first, then the 101 on the same connection', async () => {
    for (const slow of [false, true]) {
      const gate = deferred();
      await withServer(
        {},
        (server) =>
          server
            .get('/page', slow ? () => gate.promise.then(() => ({ body: 'page' })) : () => ({ body: 'page' }))
            .webSocket('/', { message: (socket, data) => void socket.send(data) }),
        async (server) => {
          const client = (await RawClient.connect(server.port)).request('GET /page');
          const upgraded = client.upgrade('/').catch((error: Error) => error);
          await turns();
          gate.resolve();
          const first = await upgraded;
          assert.ok(!(first instanceof Error), String(first));
          assert.equal(first.status, 200);
          assert.equal(first.headers.has('connection'), false);
          assert.equal((await client.take(4)).toString(), 'page');
          assert.equal((await client.head()).status, 101);
          client.frames({ opcode: 1, payload: 'hello' });
          assert.equal((await client.frame()).payload.toString(), 'hello');
        },
      );
    }
  });

  it('all that was pipelined before the client’s FIN is answered (§9.6)', async () => {
    const gate = deferred();
    await withServer(
      {},
      (server) =>
        server.get('/:i', async ({ params }) => {
          await gate.promise;
          return { body: params['i']! };
        }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /1').request('GET /2').request('GET /3');
        client.socket.end();
        await turns();
        gate.resolve();
        assert.equal((await client.response()).body.toString(), '1');
        assert.equal((await client.response()).body.toString(), '2');
        const last = await client.response();
        assert.equal(last.body.toString(), '3');
        assert.equal(last.headers.get('connection'), 'close');
        await client.close();
      },
    );
  });

  it('thousands of requests behind a slow one are answered one by one, without recursion', async () => {
    const gate = deferred();
    const count = 5_000;
    await withServer(
      {},
      (server) =>
        server.get('/slow', () => gate.promise.then(() => ({ body: 'slow' }))).get('/', () => ({ body: 'x' })),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /slow');
        client.write('GET / HTTP/1.1\r\nHost:\r\n\r\n'.repeat(count));
        await turns();
        gate.resolve();
        assert.equal((await client.response()).body.toString(), 'slow');
        for (let i = 0; i < count; i++) assert.equal((await client.response()).status, 200, String(i));
      },
    );
  });

  it('a connection is closed behind maxRequestsPerConnection answers', async () => {
    await withServer(
      { maxRequestsPerConnection: 2 },
      (server) => server.get('/', () => ({})),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /').request('GET /').request('GET /');
        assert.equal((await client.response()).headers.has('connection'), false);
        assert.equal((await client.response()).headers.get('connection'), 'close');
        assert.equal((await client.rest()).length, 0, 'the third is not answered');
      },
    );
  });

  it('more than maxPipelinedRequests waiting requests are left in TCP until the first is answered', async () => {
    const gate = deferred();
    let called = 0;
    await withServer(
      { maxPipelinedRequests: 2, maxBodyBytes: 100_000 },
      (server) =>
        server.post('/', async () => {
          called++;
          await gate.promise;
          return {};
        }),
      async (server) => {
        const client = await RawClient.connect(server.port);
        const body = 'x'.repeat(100_000);
        const sent = 400; // 40 MB: more than the kernel's buffers hold
        for (let i = 0; i < sent; i++) client.request('POST /', { 'Content-Length': String(body.length) }, body);
        await turns(100);
        assert.ok(client.socket.writableLength > 0, 'the client has been held back');
        assert.equal(called, 1);
        gate.resolve();
        for (let i = 0; i < sent; i++) assert.equal((await client.response()).status, 200);
      },
    );
  });

  it('a client that reads no responses is not read from either: unsent responses are bounded', async () => {
    let served = 0;
    await withServer(
      {},
      (server) =>
        server.get('/', () => {
          served++;
          return { body: Buffer.alloc(1_000_000) };
        }),
      async (server) => {
        const client = await RawClient.connect(server.port, { paused: true });
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(60));
        await until('the first are served', () => served > 0);
        await turns(200);
        // Kernel buffers on loopback take some megabytes; what is beyond them must not be made.
        assert.ok(served < 30, `${served} responses of 1 MB have been made`);
        client.socket.resume();
        for (let i = 0; i < 60; i++) assert.equal((await client.response()).status, 200);
      },
    );
  });

  it('a FIN in place of the body that waits for 100: the answer before it is the last, and the connection ends at once', async () => {
    const gate = deferred();
    await withServer(
      {},
      (server) => server.get('/slow', () => gate.promise.then(() => ({ body: 'slow' }))).post('/', () => ({})),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /slow').request('GET /slow');
        client.request('POST /', { 'Content-Length': '2', Expect: '100-continue' });
        client.socket.end();
        await turns();
        gate.resolve();
        assert.equal((await client.response()).headers.get('connection'), undefined);
        assert.equal((await client.response()).headers.get('connection'), 'close');
        assert.equal((await client.rest()).toString('latin1'), '');
        await client.close();
      },
    );
  });

  it('Expect: 100-continue is answered before the body, also behind a pipelined request (RFC 9110 §10.1.1)', async () => {
    const gate = deferred();
    await withServer(
      {},
      (server) =>
        server.get('/slow', () => gate.promise.then(() => ({ body: 'slow' }))).post('/', ({ body }) => ({ body })),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('POST /', { 'Content-Length': '2', Expect: '100-continue' });
        assert.equal((await client.response()).status, 100);
        client.write('ok');
        assert.equal((await client.response()).body.toString(), 'ok');

        client.request('GET /slow').request('POST /', { 'Content-Length': '2', Expect: '100-Continue' }, 'no');
        client.request('POST /', { 'Content-Length': '4' }, 'next');
        await turns();
        gate.resolve();
        assert.equal((await client.response()).body.toString(), 'slow');
        assert.equal((await client.response()).status, 100);
        assert.equal((await client.response()).body.toString(), 'no');
        assert.equal((await client.response()).body.toString(), 'next');
        client.request('POST /', { 'Content-Length': '99999999', Expect: '100-continue' });
        assert.equal((await client.response()).status, 413, 'a body that is too large is not asked for');
      },
    );
  });

  it('ambiguous framing is refused with Connection: close, and nothing behind it is parsed (§6.3, §11.2)', async () => {
    let smuggled = 0;
    const ambiguous = [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +6\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n',
      'GET / HTTP/1.1\nHost: a\n\n',
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n',
    ];
    await withServer(
      {},
      (server) =>
        server
          .get('/smuggled', () => {
            smuggled++;
            return {};
          })
          .post('/', () => ({}))
          .get('/', () => ({})),
      async (server) => {
        for (const head of ambiguous) {
          const client = (await RawClient.connect(server.port)).write(
            `${head}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
          );
          const { status, headers } = await client.response();
          assert.equal(status, 400, JSON.stringify(head));
          assert.equal(headers.get('connection'), 'close');
          assert.equal((await client.rest()).length, 0);
        }
        assert.equal(smuggled, 0);
      },
    );
  });
});

describe('listening and closing', () => {
  it('listen rejects with the system’s error, and the server can be closed all the same', async () => {
    const first = await createServer().listen();
    const second = createServer();
    await assert.rejects(second.listen({ port: first.port }), { code: 'EADDRINUSE' });
    await patiently('the second', second.close());
    await patiently('the first', first.close());
    await assert.rejects(createServer().listen({ host: '192.0.2.1' }), { code: 'EADDRNOTAVAIL' });
  });

  it('close releases the port, lets the current answer finish and ends idle connections', async () => {
    const gate = deferred();
    const server = createServer().get('/', () => gate.promise.then(() => ({ body: 'late' })));
    await server.listen();
    const { port } = server;
    const idle = await RawClient.connect(port);
    const busy = (await RawClient.connect(port)).request('GET /').request('GET /');
    await until('both are there', () => server.connections.http === 2);
    await turns();
    const closed = server.close();
    await idle.end();
    idle.socket.end();
    gate.resolve();
    const last = await busy.response();
    assert.equal(last.body.toString(), 'late');
    assert.equal(last.headers.get('connection'), 'close');
    assert.equal((await busy.rest()).length, 0);
    busy.socket.end();
    await patiently('close', closed);
    const again = await createServer().listen({ port });
    await again.close();
  });

  it('close gives up waiting after closeTimeoutMs, on every kind of connection', async () => {
    const clock = new FakeClock();
    const server = createServer({ clock, closeTimeoutMs: 500 })
      .get('/', () => new Promise(() => {}))
      .eventStream('/events', () => {})
      .webSocket('/', {});
    await server.listen();
    const busy = (await RawClient.connect(server.port)).request('GET /');
    const stream = (await RawClient.connect(server.port)).request('GET /events');
    assert.equal((await stream.head()).status, 200);
    const socket = await openWebSocket(server.port);
    const closed = server.close();
    assert.equal((await socket.closeFrame()).code, 1001);
    await stream.end();
    await turns();
    assert.equal(busy.closed, false);
    clock.advance(499);
    await turns();
    assert.deepEqual(server.connections, { http: 1, webSockets: 1, eventStreams: 1, handshakes: 0 });
    clock.advance(1);
    await patiently('close', closed);
    assert.deepEqual(server.connections, { http: 0, webSockets: 0, eventStreams: 0, handshakes: 0 });
    assert.equal(clock.timers, 0);
    for (const client of [busy, stream, socket]) client.socket.destroy();
  });
});
