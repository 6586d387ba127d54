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
