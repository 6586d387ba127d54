/** Ours beside others on one HTTP/2 server: who takes a stream, clients of HTTP/1.1, and the face that is like `node:http`. */

import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { openEventStream } from '../../lib/mount/open-event-stream.ts';
import type { EventStream } from '../../lib/net/api.ts';
import { createServer } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { closePayload } from '../support/frames.ts';
import { type Answer, CANCEL, ended, type Face, NO_ERROR, withHttp2 } from '../support/http2.ts';
import { patiently, RawClient, turns, until } from '../support/sockets.ts';

const certificate = makeCertificate();
const skip = certificate === undefined ? NO_OPENSSL : false;

describe('ours beside others on one HTTP/2 server', () => {
  it('over TLS with allowHTTP1, remote and secure are known and the same origin is that of https', {
    skip,
  }, async () => {
    await withHttp2(
      { certificate: certificate! },
      (server) =>
        server.webSocket('/', {
          open: (socket, { secure, remoteAddress }) => void socket.send(`${secure} ${remoteAddress}`),
        }),
      async ({ connect, url }) => {
        const http2 = await connect();
        const { client } = await http2.webSocket('/', { origin: url });
        assert.match((await client.frame()).payload.toString(), /^true (::ffff:)?127\.0\.0\.1$/);
        assert.equal((await http2.webSocket('/', { origin: url.replace('https', 'http') })).status, 403);
      },
    );
  });

  it('clients of HTTP/1.1 on the same port get the same routes by an upgrade, and theirs the rest', {
    skip,
  }, async () => {
    for (const theirsListens of [true, false]) {
      await withHttp2(
        {
          certificate: certificate!,
          attach: { routes: true },
          theirs: (theirs) => {
            theirs.on('stream', (stream: ServerHttp2Stream) => {
              stream.respond({ ':status': 418 });
              stream.end();
            });
            if (theirsListens)
              theirs.on('request', (_request: unknown, response: { end(text: string): void }) =>
                response.end('theirs'),
              );
          },
        },
        (server) =>
          server
            .get('/hello', (request) => ({ body: `hello ${request.secure}` }))
            .webSocket('/socket', { open: (socket, { method }) => void socket.send(method) }),
        async ({ theirs, connect }) => {
          const { port } = theirs.address() as AddressInfo;
          const tls = { ca: certificate!.cert, servername: 'localhost', ALPNProtocols: ['http/1.1'] };
          const older = await RawClient.connect(port, { tls });
          assert.equal((await older.request('GET /hello').response()).body.toString(), 'hello true');
          const none = await older.request('GET /none').response();
          assert.equal(none.status, theirsListens ? 200 : 404);
          const socket = await RawClient.connect(port, { tls });
          assert.equal((await socket.upgrade('/socket')).status, 101);
          assert.equal((await socket.frame()).payload.toString(), 'GET');
          const newer = await connect();
          assert.equal((await newer.request('/hello')).body, 'hello true');
          assert.equal((await newer.request('/none')).status, 418);
          older.socket.destroy();
          socket.socket.destroy();
        },
      );
    }
  });

  it('a listener that answers every stream never sees ours, and gets the rest', async () => {
    const seen: unknown[] = [];
    await withHttp2(
      {
        theirs: (theirs) =>
          theirs.on('stream', (stream: ServerHttp2Stream, headers) => {
            seen.push(headers[':path']);
            stream.respond({ ':status': 418 });
            stream.end('theirs');
          }),
      },
      (server) => server.webSocket('/ours', { open: (socket) => void socket.send('ours') }),
      async ({ connect }) => {
        const http2 = await connect();
        assert.equal((await (await http2.webSocket('/ours')).client.frame()).payload.toString(), 'ours');
        assert.equal((await http2.webSocket('/theirs')).status, 418);
        assert.equal((await http2.request('/ours')).status, 418);
        assert.deepEqual(seen, ['/theirs', '/ours']);
      },
    );
  });

  it('behind the compatibility face too, which would answer 405 to each CONNECT', async () => {
    await withHttp2(
      {
        theirs: (theirs) => {
          theirs.on('request', (_request: unknown, response: { end(text: string): void }) => response.end('theirs'));
        },
      },
      (server) => server.webSocket('/ours', { open: (socket) => void socket.send('ours') }),
      async ({ connect, theirs }) => {
        const http2 = await connect();
        assert.equal((await (await http2.webSocket('/ours')).client.frame()).payload.toString(), 'ours');
        assert.equal((await http2.request('/ours')).body, 'theirs');
        // Nobody else listens for 'connect', so that we answer what has no route.
        assert.equal((await http2.webSocket('/nowhere')).status, 404);
        theirs.on('connect', (...[, response]: Face) => response.writeHead(418).end());
        assert.equal((await http2.webSocket('/nowhere')).status, 418);
      },
    );
  });

  it('unmatched: "leave" and "refuse" overrule who answers', async () => {
    for (const unmatched of ['leave', 'refuse'] as const) {
      await withHttp2(
        {
          attach: { unmatched },
          theirs: (theirs) =>
            theirs.on('stream', (stream: ServerHttp2Stream) => {
              stream.respond({ ':status': 418 });
              stream.end();
            }),
        },
        (server) => server.webSocket('/ours', {}),
        async ({ connect }) => {
          assert.equal((await (await connect()).webSocket('/nowhere')).status, unmatched === 'leave' ? 418 : 404);
        },
      );
    }
  });

  it('several of ours share one server: each answers for its routes, the first for what none has', async () => {
    const second = createServer().webSocket('/two', { open: (socket) => void socket.send('two') });
    await withHttp2(
      {},
      (server) => server.webSocket('/one', { open: (socket) => void socket.send('one') }),
      async ({ connect, theirs, server }) => {
        second.attach(theirs);
        assert.throws(() => second.attach(theirs), /attached to that HTTP\/2 server already/);
        const http2 = await connect();
        assert.equal((await (await http2.webSocket('/one')).client.frame()).payload.toString(), 'one');
        const two = await http2.webSocket('/two');
        assert.equal((await two.client.frame()).payload.toString(), 'two');
        assert.equal((await http2.webSocket('/three')).status, 404);
        assert.equal(server.connections.webSockets, 1);
        assert.equal(second.connections.webSockets, 1);
        two.client.frames({ opcode: 8, payload: closePayload(1000) });
        two.stream.end();
        await patiently('the second to close', second.close());
        assert.equal((await http2.webSocket('/two')).status, 404);
      },
    );
  });
});

describe('the compatibility face of node:http2', () => {
  it('openEventStream: the response keeps its fields, its reader holds it back, and it ends either way', async () => {
    let opened: EventStream | undefined;
    await withHttp2(
      {
        theirs: (theirs) =>
          theirs.on('request', (...[request, response]: Face) => {
            response.setHeader('X-Theirs', 'kept');
            opened = openEventStream(request, response, { maxBufferedBytes: 500_000 });
            opened.send({ id: '1', data: opened.request.path });
          }),
      },
      () => {},
      async ({ connect }) => {
        const { session } = await connect();
        const stream = session.request({ ':path': '/events' });
        const head = await patiently('a head', new Promise<Answer>((resolve) => stream.once('response', resolve)));
        assert.equal(head['x-theirs'], 'kept');
        assert.equal(head['content-type'], 'text/event-stream');
        const client = RawClient.over(stream);
        assert.equal(await client.takeThrough('\n\n'), 'id: 1\ndata: /events\n\n');
        stream.pause();
        const results = new Set<string>();
        for (let i = 0; i < 100 && !results.has('dropped'); i++) {
          results.add(opened!.send('x'.repeat(16_000)));
          await turns(2);
        }
        assert.ok(results.has('backpressure') && results.has('dropped'), [...results].join());
        stream.resume();
        opened!.close();
        assert.equal(await ended(stream), NO_ERROR);
        const second = session.request({ ':path': '/events' });
        await RawClient.over(second).takeThrough('\n\n');
        const { signal } = opened!;
        second.close(CANCEL);
        await until('the signal is aborted', () => signal.aborted);
      },
    );
  });

  it('handleRequest and middleware answer for our routes, and leave the rest', async () => {
    const ours = createServer()
      .post('/upper', (request) => ({ headers: { 'X-Host': request.host }, body: request.text().toUpperCase() }))
      .eventStream('/events', { open: (stream) => void stream.send('one') });
    await withHttp2(
      {
        theirs: (theirs) =>
          theirs.on('request', (...[request, response]: Face) => {
            if (request.url.startsWith('/events')) ours.middleware()(request, response, () => response.end('next'));
            else if (!ours.handleRequest(request, response)) response.end('theirs');
          }),
      },
      () => {},
      async ({ connect, url }) => {
        const http2 = await connect();
        const upper = await http2.request('/upper', { ':method': 'POST' }, 'abc');
        assert.deepEqual([upper.body, upper.headers['x-host']], ['ABC', new URL(url).host]);
        assert.equal((await http2.request('/other')).body, 'theirs');
        assert.equal((await http2.request('/events/none')).body, 'next');
        const stream = http2.session.request({ ':path': '/events' });
        assert.equal(await RawClient.over(stream).takeThrough('\n\n'), 'data: one\n\n');
        stream.close(CANCEL);
        await until('it has gone', () => ours.connections.eventStreams === 0);
      },
    );
    await ours.close();
  });
});
