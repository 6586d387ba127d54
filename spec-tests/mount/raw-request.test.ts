import assert from 'node:assert/strict';
import { createServer as createHttpServer, IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { createServer, openEventStream } from '../../lib/index.ts';
import type { HttpRequest } from '../../lib/net/api.ts';
import { closeHttp, listen, withAttached } from '../support/doors.ts';
import { openWebSocket, RawClient, until, withServer } from '../support/sockets.ts';

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

  it('leads to the socket: where that is destroyed by somebody, nothing is sent or delivered any more', async () => {
    const told: unknown[] = [];
    let raw: HttpRequest['raw'];
    await withAttached(
      {
        routes: (server) =>
          server.webSocket(
            '/',
            (request) => {
              raw = request.raw;
              return undefined;
            },
            {
              message(socket, text) {
                told.push(text);
                (raw as IncomingMessage).socket.destroy();
                told.push(socket.send('x'), socket.readyState);
              },
              close: (_, code) => void told.push(code),
            },
          ),
      },
      async ({ port }) => {
        const client = await openWebSocket(port, '/');
        client.frames({ opcode: 1, payload: 'a' }, { opcode: 1, payload: 'b' });
        await until('it is over', () => told.includes(1006));
        assert.deepEqual(told, ['a', 'dropped', 2, 1006]);
      },
    );
  });

  it('of an upgrade that is ignored tells of the end, as without ours', async () => {
    const told: string[] = [];
    await withAttached(
      {
        routes: (server) => server.webSocket('/', { message() {} }),
        app(request, response) {
          request.on('aborted', () => told.push('aborted')).on('close', () => told.push('close'));
          if (request.url === '/now') response.end('ok');
          else response.write('wait');
        },
      },
      async ({ port }) => {
        const ask = (path: string): string =>
          `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
        const first = (await RawClient.connect(port)).write(ask('/now'));
        await first.end();
        await until('the first is told', () => told.length === 1);
        const second = (await RawClient.connect(port)).write(ask('/later'));
        await second.head();
        second.socket.destroy();
        await until('the second is told', () => told.length === 3);
        assert.deepEqual(told, ['close', 'aborted', 'close']);
      },
    );
  });

  it('is not there behind our own listener', async () => {
    await withServer(
      {},
      (server) => server.get('/', (request) => ({ body: String(request.raw) })),
      async (server) => assert.equal(await (await fetch(`${server.url}/`)).text(), 'undefined'),
    );
  });
});
