import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProtocolViolation } from '../../lib/errors.ts';
import type { EventStream, HttpRequest } from '../../lib/net/api.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { closePayload, type RawFrame } from '../support/frames.ts';
import { openWebSocket, patiently, RawClient, turns, until, upgradeRequest, withServer } from '../support/sockets.ts';

const fail = (): never => {
  throw new Error('on purpose');
};
const reject = (): Promise<never> => Promise.reject(new Error('on purpose'));

/** A server whose error handler throws too; what becomes of that is a process warning. Answers how often it was called. */
async function withThrowingErrorHandler(
  routes: (server: Server) => void,
  body: (server: Server, calls: () => number) => Promise<void>,
): Promise<void> {
  let calls = 0;
  let warnings = 0;
  const warned = (warning: Error): void => {
    if (warning.name === 'BarewireHandlerError') warnings++;
  };
  process.on('warning', warned);
  try {
    await withServer(
      {
        onError() {
          calls++;
          if (calls % 2 === 0) return reject();
          throw new Error('the error handler fails too');
        },
      },
      routes,
      (server) => body(server, () => calls),
    );
    await until('each failure of the error handler has become a warning', () => warnings === calls);
  } finally {
    process.off('warning', warned);
  }
}

describe('an error handler that throws or rejects itself does no harm', () => {
  it('WebSocket handlers: 1011 to their own connection, close is told, another connection goes on, server.close resolves', async () => {
    const closed: string[] = [];
    const handlersThatFail = (failing: () => unknown) => ({
      open: { open: failing },
      message: { message: failing },
      textBytes: { textBytes: failing },
      ping: { ping: failing },
      pong: { pong: failing },
    });
    const frames: Readonly<Record<string, RawFrame[]>> = {
      open: [],
      message: [{ opcode: 1, payload: 'x' }],
      textBytes: [{ opcode: 1, payload: 'x' }],
      ping: [{ opcode: 9 }],
      pong: [{ opcode: 10 }],
    };
    await withThrowingErrorHandler(
      (server) => {
        server.webSocket('/calm', { message: (socket, data) => socket.send(data) });
        for (const [how, failing] of Object.entries({ throws: fail, rejects: reject }))
          for (const [name, handlers] of Object.entries(handlersThatFail(failing)))
            server.webSocket(`/${how}/${name}`, {
              ...handlers,
              close() {
                closed.push(`${how}/${name}`);
                return failing();
              },
            });
      },
      async (server, calls) => {
        const calm = await openWebSocket(server.port, '/calm');
        const expected: string[] = [];
        for (const how of ['throws', 'rejects'])
          for (const [name, sent] of Object.entries(frames)) {
            const client = await openWebSocket(server.port, `/${how}/${name}`);
            if (sent.length > 0) client.frames(...sent);
            let frame = await client.frame();
            if (frame.opcode === 10) frame = await client.frame();
            assert.deepEqual([frame.opcode, frame.payload.readUInt16BE(0)], [8, 1011], name);
            client.frames({ opcode: 8, payload: closePayload(1011) });
            client.socket.end();
            await client.close();
            expected.push(`${how}/${name}`);
            await until('close is told', () => closed.length === expected.length);
          }
        assert.deepEqual(closed, expected);
        await turns();
        assert.equal(calls(), 2 * expected.length, 'each handler’s failure, and that of its close');
        calm.frames({ opcode: 1, payload: 'still here' });
        assert.equal((await calm.frame()).payload.toString(), 'still here');
        assert.equal(server.connections.webSockets, 1);
      },
    );
  });

  it('drain, the loop, upgrade and allowedOrigins', async () => {
    await withThrowingErrorHandler(
      (server) =>
        server
          .webSocket('/drain', { open: (socket) => socket.send(Buffer.alloc(30_000_000)), drain: fail })
          .webSocket('/loop', fail)
          .webSocket('/async-loop', reject)
          .webSocket('/upgrade', fail, {}, {})
          .webSocket('/async-upgrade', reject, { open() {} })
          .webSocket('/origins', { open() {} }, { allowedOrigins: fail }),
      async (server, calls) => {
        const slow = await openWebSocket(server.port, '/drain');
        assert.equal((await slow.frame()).payload.length, 30_000_000);
        assert.equal((await slow.closeFrame()).code, 1011);
        for (const path of ['/loop', '/async-loop'])
          assert.equal((await (await openWebSocket(server.port, path)).closeFrame()).code, 1011, path);
        for (const path of ['/upgrade', '/async-upgrade', '/origins']) {
          const client = await RawClient.connect(server.port);
          const headers: Record<string, string> = path === '/origins' ? { Origin: 'https://elsewhere.example' } : {};
          assert.equal((await client.write(upgradeRequest(path, headers)).response()).status, 500, path);
        }
        assert.equal(calls(), 6);
      },
    );
  });

  it('HTTP handlers answer 500, event streams end without the last chunk or with 500, and each connection is answered', async () => {
    let closes = 0;
    await withThrowingErrorHandler(
      (server) =>
        server
          .get('/throws', fail)
          .get('/rejects', reject)
          .get('/nonsense', () => 7 as never)
          .get('/origins', () => ({}), { allowedOrigins: fail })
          .eventStream('/run', fail)
          .eventStream('/open', { open: reject })
          .eventStream('/late', { open: () => turns().then(reject), close: () => void closes++ })
          .eventStream('/accept', reject, {}, {})
          .eventStream('/close', {
            open: (stream) => stream.send('x'),
            close() {
              closes++;
              return fail();
            },
          }),
      async (server, calls) => {
        const client = await RawClient.connect(server.port);
        for (const path of ['/throws', '/rejects', '/nonsense', '/origins'])
          assert.equal((await client.request(`GET ${path}`, { Origin: 'https://a.example' }).response()).status, 500);
        for (const path of ['/run', '/open', '/accept']) {
          const response = await (await RawClient.connect(server.port)).request(`GET ${path}`).response();
          assert.equal(response.status, 500, path);
        }
        const late = (await RawClient.connect(server.port)).request('GET /late');
        assert.equal((await late.head()).status, 200);
        assert.equal((await late.rest()).length, 0, 'no last chunk');
        const leaver = (await RawClient.connect(server.port)).request('GET /close');
        await leaver.head();
        leaver.socket.destroy();
        await until('both are told', () => closes === 2);
        assert.equal(calls(), 9);
      },
    );
  });

  it('onClose of drain', async () => {
    await withThrowingErrorHandler(
      (server) => server.webSocket('/', {}),
      async (server, calls) => {
        const client = await openWebSocket(server.port);
        await patiently('drain', Promise.race([server.drain({ onClose: fail }), client.closeFrame()]));
        assert.equal(calls(), 1);
      },
    );
  });
});

describe('closing a server', () => {
  it('close any number of times, before, during and behind the end: every promise resolves, drain too', async () => {
    const server = createServer().webSocket('/', {});
    await server.listen();
    const client = await openWebSocket(server.port);
    const promises = [server.drain({ overMs: 60_000 }), server.close(), server.close(4000, 'again'), server.drain()];
    assert.equal((await client.closeFrame()).code, 1001);
    client.frames({ opcode: 8, payload: closePayload(1001) });
    client.socket.end();
    await patiently('all four', Promise.all(promises));
    await patiently('those behind the end', Promise.all([server.close(), server.drain()]));
    await patiently('one that never listened', createServer().close());
  });
});

describe('what a client sends that is not what a handler expects', () => {
  it('malformed JSON is the client’s mistake: 400, and no error of a handler (RFC 9110 §15.5.1)', async () => {
    const read = (request: HttpRequest) => ({ body: JSON.stringify(request.json()) });
    const method = 'POST';
    const whys: string[] = [];
    await withServer(
      { observer: { refusal: ({ why }) => whys.push(why) } },
      (server) => {
        server.post('/now', read);
        server.post('/later', async (request) => read(request));
        const accepted = { open: (stream: EventStream) => stream.close() };
        server.eventStream('/accept', (request) => ({ data: request.json() }), accepted, { method });
        server.eventStream('/accept-later', async (request) => ({ data: request.json() }), accepted, { method });
        server.eventStream('/open', { open: (stream, request) => stream.send(read(request).body) }, { method });
        server.eventStream('/run', (stream, request) => void stream.send(read(request).body), { method });
        const run = async (stream: EventStream, request: HttpRequest): Promise<void> => {
          stream.send('not sent where the rest fails');
          await stream.write(read(request).body);
        };
        server.eventStream('/run-async', run, { method });
      },
      async (server) => {
        const client = await RawClient.connect(server.port);
        for (const path of ['/now', '/later', '/accept', '/accept-later', '/open', '/run', '/run-async']) {
          const asked = path.startsWith('/run') || path === '/open' ? await RawClient.connect(server.port) : client;
          asked.request(`POST ${path}`, { 'Content-Length': '2' }, '{]');
          const { status, body } = await asked.response();
          assert.deepEqual([path, status, body.toString()], [path, 400, 'request body is not JSON (RFC 8259 §2)\n']);
        }
        assert.deepEqual(
          whys,
          ['request', 'request'],
          'of accept: a handler of a response, or of a stream, has refused nothing',
        );
        client.request('POST /now', { 'Content-Length': '2' }, '{}');
        assert.equal((await client.response()).body.toString(), '{}');
      },
    );
  });

  it('malformed JSON that a stream looks at when its head has left ends it without the last chunk, and is no error either', async () => {
    await withServer(
      {},
      (server) => {
        const run = async (stream: EventStream, request: HttpRequest): Promise<void> => {
          await stream.write('the head has left');
          await turns();
          request.json();
        };
        server.eventStream('/', run, { method: 'POST' });
      },
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('POST /', { 'Content-Length': '2' }, '{]');
        assert.equal((await client.head()).status, 200);
        const rest = (await client.rest()).toString();
        assert.match(rest, /data: the head has left\n/);
        assert.doesNotMatch(rest, /^0\r\n/m);
      },
    );
  });

  it('what a stream that fails at once is answered with has the fields of CORS, so that a page may read it', async () => {
    const page = 'http://page.example';
    await withServer(
      { allowedOrigins: [page], onError() {} },
      (server) => {
        server.eventStream('/json', async (_, request) => void request.json(), { method: 'POST' });
        server.eventStream('/throws', fail, { method: 'POST' });
      },
      async (server) => {
        for (const [path, expected] of [
          ['/json', 400],
          ['/throws', 500],
        ] as const) {
          const client = await RawClient.connect(server.port);
          client.request(`POST ${path}`, { 'Content-Length': '2', Origin: page }, '{]');
          const { status, headers } = await client.response();
          const [allowed, vary] = [headers.get('access-control-allow-origin'), headers.get('vary')];
          assert.deepEqual([path, status, allowed, vary], [path, expected, page, 'Origin']);
        }
      },
    );
  });

  const certificate = makeCertificate();
  it('over TLS too, and after an answer that is being written', {
    skip: certificate ? false : NO_OPENSSL,
  }, async () => {
    await withServer(
      { tls: certificate!, onError() {} },
      (server) => {
        server.get('/before', () => ({ body: 'before' }));
        server.eventStream('/throws', fail);
      },
      async (server) => {
        const client = await RawClient.connect(server.port, { tls: { rejectUnauthorized: false } });
        client.write('GET /before HTTP/1.1\r\nHost: a\r\n\r\nGET /throws HTTP/1.1\r\nHost: a\r\n\r\n');
        assert.equal((await client.response()).status, 200);
        assert.equal((await client.response()).status, 500);
      },
    );
  });

  it('a stream that its handler has closed keeps what it sent and its end, whatever fails after that', async () => {
    const errors: unknown[] = [];
    await withServer(
      { onError: (error) => void errors.push(error) },
      (server) =>
        server.eventStream('/', (stream) => {
          stream.send('all of it');
          stream.close();
          fail();
        }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        const { status, body } = await client.response();
        assert.deepEqual([status, body.toString(), errors.length], [200, 'data: all of it\n\n', 1]);
      },
    );
  });

  it('an opening handshake has no body: upgrade that reads JSON is the handler’s mistake, 500', async () => {
    const errors: unknown[] = [];
    await withServer(
      { onError: (error) => errors.push((error as ProtocolViolation).code) },
      (server) => server.webSocket('/', (request) => ({ data: request.json() }), { open() {} }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).write(upgradeRequest('/'));
        assert.equal((await client.response()).status, 500);
        assert.deepEqual(errors, ['HTTP_BODY_NOT_JSON']);
      },
    );
  });
});

describe('what a handler answers is checked', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['a number as body', { body: 5 }, /body 5, must be a string or a Uint8Array/],
    ['an object as body', { body: {} }, /body an object, must be/],
    ['null as body', { body: null }, /body null, must be/],
    ['an ArrayBuffer as body', { body: new ArrayBuffer(4) }, /body an object, must be/],
    ['a stream as body', { body: new ReadableStream() }, /body an object, must be/],
    ['a Response', new Response('x'), /must be \{ status, headers, body \}/],
    ['a string', 'x', /answered "x"/],
    ['nothing', undefined, /answered undefined/],
    ['a list', [], /answered an array/],
    ['status 101', { status: 101 }, /status 101, must be 200 to 599 \(RFC 9110 §15\)/],
    ['status 199', { status: 199 }, /status 199/],
    ['status 600', { status: 600 }, /status 600/],
    ['status "200"', { status: '200' }, /status "200"/],
    ['status 200.5', { status: 200.5 }, /status 200.5/],
    ['a misspelt name', { statusCode: 200 }, /answered with statusCode/],
    ['204 with a body', { status: 204, body: 'x' }, /204 with a body of 1 bytes/],
    ['headers as a list', { headers: [['a', 'b']] }, /headers are an array/],
    ['headers as Headers', { headers: new Headers({ a: 'b' }) }, /headers are an object/],
    ['a number as header', { headers: { 'X-A': 1 } }, /header X-A is 1, must be a string/],
    ['a header with a line feed', { headers: { 'X-A': 'a\nb' } }, /X-A|value/i],
  ];

  it('by get, in place of a stream, in place of a WebSocket: 500 and one error that says what is wrong', async () => {
    const errors: string[] = [];
    await withServer(
      { onError: (error) => errors.push((error as Error).message) },
      (server) => {
        for (const [i, [, answer]] of wrong.entries()) {
          server.get(`/http/${i}`, () => answer as never);
          server.get(`/later/${i}`, async () => answer as never);
          server.eventStream(`/stream/${i}`, () => answer as never, { open: (stream) => stream.close() });
          server.webSocket(`/socket/${i}`, async () => answer as never, { open: (socket) => socket.close() });
        }
      },
      async (server) => {
        const client = await RawClient.connect(server.port);
        for (const [i, [name, answer, message]] of wrong.entries()) {
          // `upgrade` and `accept` may answer nothing, and an acceptance may have no status.
          const kinds = answer === undefined ? ['http', 'later'] : ['http', 'later', 'stream', 'socket'];
          for (const kind of kinds) {
            if (kind === 'socket') {
              const other = await RawClient.connect(server.port);
              const { status } = await other.write(upgradeRequest(`/socket/${i}`)).response();
              assert.equal(status, 500, `${kind}: ${name}`);
            } else {
              assert.equal((await client.request(`GET /${kind}/${i}`).response()).status, 500, `${kind}: ${name}`);
            }
            assert.equal(errors.length, 1, `${kind}: ${name}`);
            if (kind === 'http' || kind === 'later') assert.match(errors[0]!, message, name);
            // No stack leads to a handler that has returned, so the route is named.
            if (kind === 'later' && / answered /.test(errors[0]!))
              assert.ok(errors[0]!.startsWith(`route("GET", "/later/${i}"): its handler answered `), errors[0]);
            errors.length = 0;
          }
        }
      },
    );
  });
});
