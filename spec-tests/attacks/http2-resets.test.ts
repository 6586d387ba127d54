/** Streams of HTTP/2 that their client resets at unlucky moments: none of it ends the process, or stays. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_ERROR, withHttp2 } from '../support/http2.ts';
import { deferred, patiently, turns, until } from '../support/sockets.ts';

/** RFC 9113 §7: Node's server takes it for an error, other than CANCEL. */
const INTERNAL_ERROR = 2;

describe('a stream that was reset with bytes unread', () => {
  it('while upgrade decides is no WebSocket afterwards, and nothing is thrown', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const asked = deferred();
    const gate = deferred();
    const closed = deferred();
    await withHttp2(
      {},
      (server) =>
        server.webSocket(
          '/',
          async () => {
            asked.resolve();
            await gate.promise;
            return undefined;
          },
          { close: () => closed.resolve() },
        ),
      async ({ connect, server }) => {
        const { session, connectHead } = await connect().then((client) => ({
          session: client.session,
          connectHead: client.connectHead('/'),
        }));
        const stream = session.request(connectHead, { endStream: false });
        stream.on('error', () => {});
        stream.write(Buffer.alloc(1_000));
        await patiently('upgrade', asked.promise);
        await turns();
        stream.close(NO_ERROR);
        await turns();
        gate.resolve();
        await turns();
        await until('nothing is left of it', () => server.connections.webSockets === 0);
      },
    );
    await turns();
    process.off('warning', warned);
    assert.deepEqual(warnings, []);
  });
});

describe('a stream that is nobody’s', () => {
  it('a plain CONNECT is answered where nobody else listens, and its reset ends no process', async () => {
    await withHttp2(
      {},
      () => {},
      async ({ connect }) => {
        const client = await connect();
        const { status, stream } = await client.open({ ':method': 'CONNECT', ':authority': 'x:1' });
        assert.equal(status, 404);
        stream.on('error', () => {});
        stream.close(NO_ERROR);
      },
    );
  });

  it('a request that nobody has a route for may be reset', async () => {
    await withHttp2(
      {},
      () => {},
      async ({ connect, theirs }) => {
        const heard = deferred();
        theirs.on('session', (session) => session.on('stream', (stream) => stream.on('close', heard.resolve)));
        const { session } = await connect();
        const stream = session.request({ ':path': '/nothing' }, { endStream: false });
        stream.on('error', () => {});
        await turns();
        stream.close(INTERNAL_ERROR);
        await patiently('the end of the stream', heard.promise);
      },
    );
  });
});
