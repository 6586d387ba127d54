/** Event streams and HTTP routes of ours over HTTP/2: bodies, limits, deadlines, ends. */

import assert from 'node:assert/strict';
import type { ClientHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { EventStream } from '../../lib/net/api.ts';
import type { createServer, Server } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { readsJson } from '../support/doors.ts';
import { closePayload } from '../support/frames.ts';
import { CANCEL, ended, type Face, NO_ERROR, withHttp2 } from '../support/http2.ts';
import { patiently, RawClient, turns, until } from '../support/sockets.ts';

describe('routes of ours over HTTP/2, where they are asked for', () => {
  const routes = (server: ReturnType<typeof createServer>): void =>
    void server
      .get('/hello/:name', (request) => ({ headers: { 'X-A': ['1', '2'] }, body: `hello ${request.params['name']}` }))
      .post('/upper', (request) => ({ body: request.text().toUpperCase() }))
      .get('/empty', () => ({ status: 204 }))
      .get('/odd', () => ({
        headers: { Host: 'a', TE: 'gzip', 'HTTP2-Settings': 'b', 'Proxy-Connection': 'c', 'X-D': 'd' },
      }))
      .webSocket('/socket', {});

  it('responses, bodies, HEAD, 204, unknown methods and paths', async () => {
    await withHttp2({ attach: { routes: true } }, routes, async ({ connect }) => {
      const http2 = await connect();
      const hello = await http2.request('/hello/ada?x');
      assert.equal(hello.body, 'hello ada');
      assert.equal(hello.headers['x-a'], '1, 2');
      assert.equal(hello.headers['content-length'], '9');
      const head = await http2.request('/hello/ada', { ':method': 'HEAD' });
      assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '9', '']);
      assert.equal(
        (await http2.request('/upper', { ':method': 'POST' }, 'abc'.repeat(50_000))).body,
        'ABC'.repeat(50_000),
      );
      assert.equal((await http2.request('/empty')).status, 204);
      assert.equal((await http2.request('/nowhere')).status, 404);
      assert.equal((await http2.request('/upper')).status, 405);
      // RFC 9110 §15.5.22 has Upgrade with 426, which HTTP/2 has not (RFC 9113 §8.2.2).
      const socket = await http2.request('/socket');
      assert.deepEqual([socket.status, socket.headers.allow, socket.headers.upgrade], [405, 'CONNECT', undefined]);
    });
  });

  it('fields that HTTP/2 has not are left out, and Node does not throw for them (RFC 9113 §8.2.2)', async () => {
    await withHttp2({ attach: { routes: true } }, routes, async ({ connect }) => {
      const { status, headers } = await (await connect()).request('/odd');
      assert.equal(status, 200);
      const left = ['host', 'te', 'http2-settings', 'proxy-connection', 'x-d'].filter((name) => name in headers);
      assert.deepEqual(left, ['x-d']);
    });
  });

  it('while ours drains, clients that are connected still get answers to requests', async () => {
    await withHttp2({ attach: { routes: true } }, routes, async ({ connect, server }) => {
      const http2 = await connect();
      const { client, stream } = await http2.webSocket('/socket');
      void server.drain({ overMs: 60_000 });
      assert.equal((await http2.request('/hello/x')).body, 'hello x');
      const closing = server.close();
      await client.closeFrame();
      client.frames({ opcode: 8, payload: closePayload(1001) });
      stream.end();
      await patiently('ours to close', closing);
    });
  });

  it('with 100-continue the body is asked for (RFC 9110 §10.1.1)', async () => {
    await withHttp2({ attach: { routes: true } }, routes, async ({ connect }) => {
      const { session } = await connect();
      const stream = session.request(
        { ':path': '/upper', ':method': 'POST', expect: '100-continue' },
        { endStream: false },
      );
      stream.on('continue', () => stream.end('abc'));
      assert.equal((await RawClient.over(stream).rest()).toString(), 'ABC');
    });
  });

  it('a body beyond maxBodyBytes is 413, one beyond bodyTimeoutMs 408; the stream ends, its connection does not', async () => {
    const clock = new FakeClock();
    await withHttp2(
      { attach: { routes: true }, options: { clock, maxBodyBytes: 1_000, bodyTimeoutMs: 4_000 } },
      routes,
      async ({ connect }) => {
        const http2 = await connect();
        const post = { ':path': '/upper', ':method': 'POST' };
        assert.equal((await http2.request('/upper', post, 'a'.repeat(1_000))).body, 'A'.repeat(1_000));
        const large = http2.session.request(post, { endStream: false });
        large.resume();
        large.write('a'.repeat(1_001));
        const status = await patiently('413', new Promise((resolve) => large.once('response', resolve)));
        assert.equal((status as { ':status': number })[':status'], 413);
        assert.equal(await ended(large), NO_ERROR);
        const slow = http2.session.request(post, { endStream: false });
        slow.write('a');
        const late = new Promise((resolve) => slow.once('response', resolve));
        await turns();
        for (let i = 0; i < 20; i++) clock.advance(250);
        assert.equal(((await patiently('408', late)) as { ':status': number })[':status'], 408);
        assert.equal((await http2.request('/hello/x')).body, 'hello x');
      },
    );
  });

  type Cut = (stream: ClientHttp2Stream, socket: Socket) => void;
  const end: Cut = (stream) => void stream.end();
  const cutOff: readonly Cut[] = [
    (stream) => void stream.destroy(),
    (stream) => stream.session!.destroy(),
    (_, socket) => void socket.destroy(),
  ];

  for (const routed of [true, false]) {
    const way = routed ? 'attach' : 'handleRequest';
    it(`a body that was cut off, or is not as long as announced, is given to no handler of ${way} (RFC 9113 §8.1.1)`, async () => {
      const served: string[] = [];
      const post = (server: Server): void =>
        void server.post('/pay', (request) => ({ body: String(served.push(request.text())) })).get('/', () => ({}));
      await withHttp2({ attach: { routes: routed } }, post, async ({ connect, server, theirs }) => {
        if (!routed)
          theirs.on('request', (request: Face[0], response: Face[1]) => void server.handleRequest(request, response));
        const { port } = theirs.address() as AddressInfo;
        const ask = async (length: string | undefined, cut: Cut): Promise<void> => {
          const socket = connectTcp(port, '127.0.0.1');
          const http2 = await connect({ createConnection: () => socket });
          const announced = length === undefined ? {} : { 'content-length': length };
          const stream = http2.session.request({ ':path': '/pay', ':method': 'POST', ...announced });
          stream.on('error', () => {}).resume();
          const over = ended(stream);
          stream.write('amount=1');
          await http2.request('/').catch(() => {}); // what was sent before has arrived, or has ended the session
          cut(stream, socket);
          await over;
          await (await connect()).request('/');
          await turns();
        };
        await ask('8', end);
        assert.deepEqual(served, ['amount=1'], 'a whole one is served');
        for (const cut of cutOff) for (const length of ['12', undefined]) await ask(length, cut);
        for (const length of ['4', '12']) await ask(length, end);
        assert.deepEqual(served, ['amount=1']);
      });
    });
  }

  it('requests go to others where nobody asked for our routes, or where we have none', async () => {
    for (const asked of [true, false]) {
      await withHttp2(
        {
          attach: { routes: asked },
          theirs: (theirs) => {
            theirs.on('request', (_request: unknown, response: { end(text: string): void }) => response.end('theirs'));
          },
        },
        routes,
        async ({ connect }) => {
          const http2 = await connect();
          assert.equal((await http2.request('/hello/x')).body, asked ? 'hello x' : 'theirs');
          assert.equal((await http2.request('/nowhere')).body, 'theirs');
          assert.equal((await http2.request('/hello/x', { ':method': 'DELETE' })).body, 'theirs');
        },
      );
    }
  });

  it('malformed JSON is answered 400 and told to nobody: accept, open, an async function (RFC 9110 §15.5.1)', async () => {
    const errors: unknown[] = [];
    const options = { onError: (error: unknown) => void errors.push(error) };
    await withHttp2({ attach: { routes: true }, options }, readsJson, async ({ connect }) => {
      const http2 = await connect();
      for (const path of ['/post', '/accept', '/open', '/run']) {
        const { status, body } = await http2.request(path, { ':method': 'POST' }, '{]');
        assert.deepEqual([path, status, body], [path, 400, 'request body is not JSON (RFC 8259 §2)\n']);
      }
      assert.equal((await http2.request('/run', { ':method': 'POST' }, '{}')).body, 'data: first\n\ndata: {}\n\n');
    });
    assert.deepEqual(errors, []);
  });

  it('a stream that its handler has closed keeps what it sent and its end, whatever fails after that', async () => {
    const errors: unknown[] = [];
    const routes = (server: Server): void =>
      void server.eventStream('/closed', (stream) => {
        stream.send('all of it');
        stream.close();
        throw new Error('planned');
      });
    const options = { onError: (error: unknown) => void errors.push(error) };
    await withHttp2({ attach: { routes: true }, options }, routes, async ({ connect }) => {
      const { status, body } = await (await connect()).request('/closed');
      assert.deepEqual([status, body, errors.length], [200, 'data: all of it\n\n', 1]);
    });
  });

  it('event streams: the request’s END_STREAM does not end them, close ends the answer, a failure is CANCEL', async () => {
    let stream: EventStream | undefined;
    let gone = 0;
    await withHttp2(
      { attach: { routes: true }, options: { onError() {} } },
      (server) =>
        server
          .eventStream('/events', {
            open(opened) {
              stream = opened;
              opened.send({ id: '1', data: opened.lastEventId });
            },
            close: () => void gone++,
          })
          .eventStream('/fails', () => {
            throw new Error('planned');
          })
          .eventStream('/fails-late', async (opened) => {
            await opened.write('x');
            await turns(3);
            throw new Error('planned');
          }),
      async ({ connect }) => {
        const http2 = await connect();
        const { session } = http2;
        const first = session.request({ ':path': '/events', 'last-event-id': 'seven' });
        const head = await patiently(
          'a head',
          new Promise<Record<string, unknown>>((resolve) => first.once('response', resolve)),
        );
        assert.equal(head['content-type'], 'text/event-stream');
        assert.equal(head['transfer-encoding'], undefined);
        const client = RawClient.over(first);
        assert.equal(await client.takeThrough('\n\n'), 'id: 1\ndata: seven\n\n');
        await turns();
        stream!.send('two');
        assert.equal(await client.takeThrough('\n\n'), 'data: two\n\n');
        const end = ended(first);
        stream!.close();
        assert.equal(await end, NO_ERROR);
        const second = session.request({ ':path': '/events' });
        await RawClient.over(second).takeThrough('\n\n');
        second.close(CANCEL);
        await until('the client’s reset is told', () => gone === 2);
        assert.equal(stream!.signal.aborted, true);
        assert.equal((await http2.request('/fails')).status, 500);
        const late = session.request({ ':path': '/fails-late' });
        late.resume();
        assert.equal(await ended(late), CANCEL);
        const isHead = await http2.request('/events', { ':method': 'HEAD' });
        assert.deepEqual([isHead.status, isHead.headers['content-type'], isHead.body], [200, 'text/event-stream', '']);
      },
    );
  });
});
