import assert from 'node:assert/strict';
import { createServer as createHttpServer, IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { createServer, openEventStream } from '../../lib/index.ts';
import type { HttpRequest } from '../../lib/net/api.ts';
import { closeHttp, listen, withAttached } from '../support/doors.ts';
import { openWebSocket, withServer } from '../support/sockets.ts';

describe('the request of Node that a door handed over', () => {
  it('is there in upgrade, and let go of when that has answered', async () => {
    const seen: unknown[] = [];
    await withAttached(
      {
        routes: (server) =>
          server.webSocket(
            '/',
            async (request) => {
              seen.push(request.raw);
              await undefined;
              return { data: request.raw?.url };
            },
            { open: (socket, request) => socket.send(`${socket.data} ${request.raw} ${socket.request.raw}`) },
          ),
      },
      async ({ port }) => {
        const client = await openWebSocket(port, '/?a=1');
        assert.equal((await client.frame()).payload.toString(), '/?a=1 undefined undefined');
        assert.ok(seen[0] instanceof IncomingMessage);
      },
    );
  });

  it('is there for HTTP routes and event streams through handleRequest, and for openEventStream', async () => {
    const live = createServer();
    const raws: (HttpRequest['raw'] | undefined)[] = [];
    live.get('/page', (request) => {
      raws.push(request.raw);
      return { body: 'page' };
    });
    live.eventStream('/events', (stream, request) => {
      raws.push(request.raw);
      stream.send('one');
      stream.close();
    });
    const requests: unknown[] = [];
    const http = createHttpServer((request, response) => {
      requests.push(request);
      if (request.url === '/own') {
        const stream = openEventStream(request, response);
        raws.push(stream.request.raw);
        stream.send('own');
        stream.close();
      } else assert.ok(live.handleRequest(request, response));
    });
    const port = await listen(http);
    try {
      for (const [path, body] of [
        ['/page', 'page'],
        ['/events', 'data: one\n\n'],
        ['/own', 'data: own\n\n'],
      ] as const) {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`);
        assert.ok((await answer.text()).includes(body), path);
      }
    } finally {
      await closeHttp(http);
      await live.close();
    }
    assert.equal(raws.length, 3);
    for (const [i, raw] of raws.entries()) assert.equal(raw, requests[i]);
  });

  it('is not there behind our own listener', async () => {
    await withServer(
      {},
      (server) => server.get('/', (request) => ({ body: String(request.raw) })),
      async (server) => assert.equal(await (await fetch(`${server.url}/`)).text(), 'undefined'),
    );
  });
});
