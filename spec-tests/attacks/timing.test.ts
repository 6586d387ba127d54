/** Calls at unlucky moments: a write before anything has left, a close before a server listens. */

import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { describe, it } from 'node:test';
import { createServer } from '../../lib/server.ts';
import type { RawFrame } from '../support/frames.ts';
import { deferred, openWebSocket, patiently, RawClient, withServer } from '../support/sockets.ts';

describe('a write that finds output of this turn beyond the high-water mark resolves', () => {
  const options = { highWaterMarkBytes: 64 };

  it('in open, behind the answer to the handshake', async () => {
    const written = deferred();
    await withServer(
      {},
      (server) => server.webSocket('/', { open: (socket) => void socket.write('a').then(written.resolve) }, options),
      async ({ port }) => {
        await openWebSocket(port);
        await patiently('the write', written.promise);
      },
    );
  });

  it('behind pongs for pings of the same chunk', async () => {
    const written = deferred();
    await withServer(
      {},
      (server) => server.webSocket('/', { message: (socket) => void socket.write('a').then(written.resolve) }, options),
      async ({ port }) => {
        const pings = new Array<RawFrame>(10).fill({ opcode: 9, payload: 'x'.repeat(100) });
        (await openWebSocket(port)).frames(...pings, { opcode: 1, payload: 'x' });
        await patiently('the write', written.promise);
      },
    );
  });

  it('in open of an event stream, behind its head', async () => {
    const written = deferred();
    await withServer(
      {},
      (server) => server.eventStream('/', { open: (stream) => void stream.write('a').then(written.resolve) }, options),
      async ({ port }) => {
        (await RawClient.connect(port)).request('GET /');
        await patiently('the write', written.promise);
      },
    );
  });
});

describe('a server that is closed', () => {
  it('before it listens rejects listen, and does not listen', async () => {
    const server = createServer();
    const listening = server.listen();
    await patiently('close', server.close());
    await patiently('listen', assert.rejects(listening, { code: 'SERVER_CLOSED' }));
    assert.equal(server.port, 0);
  });

  it('neither listens nor is attached any more', async () => {
    const server = createServer();
    await server.close();
    await assert.rejects(server.listen(), { message: /has been closed/ });
    assert.throws(() => server.attach(createHttpServer()), { message: /has been closed/ });
  });
});
