/** Clients behind somebody's server that leave where Node does not say so: no stream stays, and the server closes. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withAttached } from '../support/doors.ts';
import { RawClient, until } from '../support/sockets.ts';

const UPGRADE = { Connection: 'Upgrade', Upgrade: 'h2c' };

describe('an event stream behind a server of node:http', () => {
  for (const [name, second] of [
    ['that waits behind another one of its connection (RFC 9112 §9.3.2)', {}],
    ['whose request asked for an upgrade that was ignored (RFC 9110 §7.8)', UPGRADE],
  ] as const) {
    it(`${name} ends with its client`, async () => {
      let closed = 0;
      await withAttached(
        {
          routes: (server) =>
            server.eventStream('/', { open: (stream) => void stream.send('x'), close: () => void closed++ }),
          attach: { routes: true },
        },
        async ({ server, port }) => {
          const client = await RawClient.connect(port);
          const expected = second === UPGRADE ? 1 : 2;
          if (expected === 2) client.request('GET /');
          client.request('GET /', second);
          await until('the streams are open', () => server.connections.eventStreams === expected);
          client.socket.end();
          await until('nothing is left', () => server.connections.eventStreams === 0);
          assert.equal(closed, expected);
        },
      );
    });
  }
});
