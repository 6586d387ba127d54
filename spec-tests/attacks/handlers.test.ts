/** Handlers that answer, throw and reject with what no careful program does: it ends their own connection and nothing else. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createServer, type Server } from '../../lib/server.ts';
import { withAttached } from '../support/doors.ts';
import { openWebSocket, patiently, RawClient } from '../support/sockets.ts';

/** Has no string form: `String` throws. */
const UNPRINTABLE: unknown = Object.create(null);

/** A `then` that throws, when it is read and when it is called. */
const THENS: Readonly<Record<string, () => never>> = {
  read: () =>
    Object.defineProperty({}, 'then', {
      get() {
        throw new Error('on purpose');
      },
    }) as never,
  called: () =>
    Object.defineProperty({}, 'then', {
      value() {
        throw new Error('on purpose');
      },
    }) as never,
};

function routes(server: Server): Server {
  for (const [name, bomb] of Object.entries(THENS)) {
    server
      .get(`/get-${name}`, bomb)
      .eventStream(`/accept-${name}`, bomb, { open() {} })
      .webSocket(`/upgrade-${name}`, bomb, { open() {} });
  }
  return server;
}

const PATHS = Object.keys(THENS).flatMap((name) => [`/get-${name}`, `/accept-${name}`, `/upgrade-${name}`]);

async function eachIs500(port: number): Promise<void> {
  for (const path of PATHS) {
    const client = await RawClient.connect(port);
    const { status } = path.startsWith('/upgrade')
      ? await client.upgrade(path)
      : await client.request(`GET ${path}`).response();
    assert.equal(status, 500, path);
    client.socket.destroy();
  }
}

describe('an answer whose `then` throws is a 500 and an error for the operator', () => {
  it('over our own listener', async () => {
    const errors: unknown[] = [];
    const server = routes(createServer({ onError: (error) => void errors.push(error) }));
    await server.listen();
    await eachIs500(server.port);
    assert.equal(errors.length, PATHS.length);
    await patiently('close', server.close());
  });

  it('behind a server of node:http, whose process it would have ended', async () => {
    const errors: unknown[] = [];
    await withAttached(
      { routes, options: { onError: (error) => void errors.push(error) }, attach: { routes: true } },
      async ({ port }) => {
        await eachIs500(port);
        assert.equal(errors.length, PATHS.length);
      },
    );
  });
});

describe('what has no string form can be thrown too', () => {
  it('at once and later: 1011, the operator is told, and no rejection is left unhandled', async () => {
    const errors: unknown[] = [];
    const server = createServer({ onError: (error) => void errors.push(error) })
      .webSocket('/now', {
        message() {
          throw UNPRINTABLE;
        },
      })
      .webSocket('/later', { message: () => Promise.reject(UNPRINTABLE) });
    await server.listen();
    for (const path of ['/now', '/later']) {
      const client = (await openWebSocket(server.port, path)).frames({ opcode: 1, payload: 'x' });
      assert.equal((await client.closeFrame()).code, 1011, path);
      client.socket.destroy();
    }
    assert.deepEqual(errors, [UNPRINTABLE, UNPRINTABLE]);
    await patiently('close', server.close());
  });
});

describe('a revoked Proxy, at which `instanceof` throws, can be thrown too', () => {
  it('at once and later, by every kind of handler: 1011 or 500, the operator is told, and the process goes on', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const now = (): never => {
      throw proxy;
    };
    const later = (): Promise<never> => Promise.reject(proxy);
    const errors: unknown[] = [];
    const ends: unknown[] = [];
    const close = (_: unknown, code: number, __: string, error?: Error): void => void ends.push([code, error?.message]);
    const server = createServer({ onError: (error) => void errors.push(error) })
      .webSocket('/socket/now', { message: now, close })
      .webSocket('/socket/later', { message: later, close })
      .webSocket('/loop/now', now)
      .webSocket('/loop/later', later)
      .get('/http/now', now)
      .get('/http/later', later);
    await server.listen();
    for (const when of ['now', 'later']) {
      for (const kind of ['socket', 'loop']) {
        const client = (await openWebSocket(server.port, `/${kind}/${when}`)).frames({ opcode: 1, payload: 'x' });
        assert.equal((await client.closeFrame()).code, 1011, `${kind} ${when}`);
        client.socket.destroy();
      }
      const client = await RawClient.connect(server.port);
      assert.equal((await client.request(`GET /http/${when}`).response()).status, 500, when);
      client.socket.destroy();
    }
    await patiently('close', server.close());
    assert.equal(errors.length, 6);
    assert.ok(errors.every((error) => error === proxy));
    const unprintable = [1006, 'something that cannot be printed was thrown'];
    assert.deepEqual(ends, [unprintable, unprintable]);
  });

  it('without an onError it becomes a warning, and so does an error whose stack is no text', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const warnings: string[] = [];
    const warned = ({ name, message }: Error): void => {
      if (name === 'BarewireHandlerError') warnings.push(message);
    };
    process.on('warning', warned);
    const server = createServer();
    for (const [i, thrown] of [proxy, Object.assign(new Error('x'), { stack: 5 })].entries())
      server.get(`/${i}`, () => Promise.reject(thrown));
    await server.listen();
    for (const path of ['/0', '/1']) {
      const client = await RawClient.connect(server.port);
      assert.equal((await client.request(`GET ${path}`).response()).status, 500, path);
      client.socket.destroy();
    }
    await patiently('close', server.close());
    process.off('warning', warned);
    assert.deepEqual(warnings, ['something that cannot be printed was thrown', '5']);
  });
});

describe('an event stream whose function answers a thenable that is no promise', () => {
  it('and that rejects later: the stream is cut off, the operator is told, and the process goes on', async () => {
    const errors: unknown[] = [];
    const failure = new Error('on purpose');
    const thenable = Object.defineProperty({}, 'then', {
      value: (_: unknown, reject: (error: Error) => void) => void setImmediate(() => setImmediate(reject, failure)),
    });
    const server = createServer({ onError: (error) => void errors.push(error) }).eventStream(
      '/',
      () => thenable as never,
    );
    await server.listen();
    const client = (await RawClient.connect(server.port)).request('GET /');
    assert.equal((await client.head()).status, 200);
    assert.equal((await client.rest()).length, 0, 'no last chunk');
    await patiently('close', server.close());
    assert.deepEqual(errors, [failure]);
  });
});

describe('an async function where the answer is wanted at once', () => {
  it('allowedOrigins, of the server and of each kind of route: 403, and its rejection is told to the operator', async () => {
    const failure = new Error('on purpose');
    const allowedOrigins = (() => Promise.reject(failure)) as never;
    const errors: unknown[] = [];
    const options = { onError: (error: unknown) => void errors.push(error), allowedOrigins };
    const server = createServer(options)
      .webSocket('/socket', {})
      .eventStream('/stream', {})
      .post('/http', () => ({}))
      .webSocket('/own/socket', {}, { allowedOrigins })
      .eventStream('/own/stream', {}, { allowedOrigins })
      .post('/own/http', () => ({}), { allowedOrigins });
    await server.listen();
    const origin = { Origin: 'https://elsewhere.example' };
    for (const path of ['', '/own']) {
      for (const line of [`GET ${path}/stream`, `POST ${path}/http`, `OPTIONS ${path}/http`]) {
        const client = await RawClient.connect(server.port);
        const preflight = line.startsWith('OPTIONS') ? { 'Access-Control-Request-Method': 'POST' } : {};
        assert.equal((await client.request(line, { ...origin, ...preflight }).response()).status, 403, line);
        client.socket.destroy();
      }
      const client = await RawClient.connect(server.port);
      assert.equal((await client.upgrade(`${path}/socket`, origin)).status, 403);
      client.socket.destroy();
    }
    await patiently('close', server.close());
    assert.deepEqual(errors, Array(8).fill(failure));
  });

  it('trustProxy.from: nobody is trusted, and what it rejects with or throws is told to the operator', async () => {
    const failure = new Error('on purpose');
    const throws = (): never => {
      throw failure;
    };
    for (const [from, told] of [
      [() => Promise.reject(failure), [failure]],
      [async () => true, []],
      [throws, [failure]],
    ] as const) {
      const errors: unknown[] = [];
      const trustProxy = { from: from as never, headers: 'x-forwarded' } as const;
      const server = createServer({ trustProxy, onError: (error) => void errors.push(error) }).get('/', (request) => ({
        body: request.remoteAddress,
      }));
      await server.listen();
      const client = await RawClient.connect(server.port);
      const { body } = await client.request('GET /', { 'X-Forwarded-For': '192.0.2.1' }).response();
      assert.equal(body.toString(), '127.0.0.1');
      client.socket.destroy();
      await patiently('close', server.close());
      assert.deepEqual(errors, told);
    }
  });
});

describe('onClose of a drain', () => {
  it('that rejects is an error for the operator, and the drain goes on', async () => {
    const errors: unknown[] = [];
    const server = createServer({ onError: (error) => void errors.push(error) }).webSocket('/', {});
    await server.listen();
    const client = await openWebSocket(server.port);
    const drained = server.drain({ onClose: () => Promise.reject(new Error('on purpose')) as never });
    assert.equal((await client.closeFrame()).code, 1012);
    client.socket.destroy();
    await patiently('the end of the drain', drained);
    assert.equal(errors.length, 1);
  });
});
