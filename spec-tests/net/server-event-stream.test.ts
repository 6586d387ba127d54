import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prepareEvent } from '../../lib/event-stream/prepared-event.ts';
import type { EventStream } from '../../lib/net/api.ts';
import { FakeClock } from '../support/clock.ts';
import { deferred, RawClient, turns, until, withServer } from '../support/sockets.ts';

describe('HTML §9.2: event streams from a server', () => {
  it('GET and POST: the head that proxies respect, then events as chunks, then the last chunk', async () => {
    await withServer(
      {},
      (server) =>
        server
          .eventStream('/rooms/:room', (stream, { params, headers }) => {
            stream.send({ event: 'hello', id: '1', data: `${params['room']} ${headers.get('x-user-id')}` });
            stream.send('two\nlines');
            stream.comment('noted');
            stream.send(prepareEvent({ data: 'prepared' }));
            stream.send({ retry: 100 });
            stream.close();
            assert.equal(stream.closed, true);
            assert.equal(stream.send('late'), 'dropped');
          })
          .eventStream(
            '/ask',
            async (stream, request) => {
              for (const word of request.text().split(' ')) stream.send(word);
            },
            { method: 'POST', headers: { 'X-Extra': 'yes' } },
          ),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /rooms/a%2Fb', { 'X-User-Id': 'ada' });
        const head = await client.head();
        assert.equal(head.status, 200);
        assert.equal(head.headers.get('content-type'), 'text/event-stream');
        assert.equal(head.headers.get('cache-control'), 'no-cache, no-transform');
        assert.equal(head.headers.get('x-accel-buffering'), 'no');
        assert.equal(head.headers.get('transfer-encoding'), 'chunked');
        assert.equal(head.headers.get('connection'), undefined);
        assert.equal(head.headers.has('content-length'), false);
        assert.equal(
          (await client.chunked()).toString(),
          'event: hello\nid: 1\ndata: a/b ada\n\ndata: two\ndata: lines\n\n: noted\n\ndata: prepared\n\nretry: 100\n\n',
        );
        await client.end();
        assert.equal(client.pending, '');

        const post = (await RawClient.connect(server.port)).request('POST /ask', { 'Content-Length': '7' }, 'one two');
        const answer = await post.response();
        assert.equal(answer.headers.get('x-extra'), 'yes');
        assert.equal(answer.body.toString(), 'data: one\n\ndata: two\n\n');
      },
    );
  });

  it('a Content-Type that `accept` answers is a mistake of the handler: 500, and onError is told (HTML §9.2.3)', async () => {
    const errors: unknown[] = [];
    await withServer(
      { onError: (error) => void errors.push(error) },
      (server) =>
        server.eventStream(
          '/',
          () => ({ data: 1, headers: { 'Content-Type': 'text/plain' } }),
          () => {},
        ),
      async (server) => {
        const { status } = await (await RawClient.connect(server.port)).request('GET /').response();
        assert.equal(status, 500);
        assert.match(String(errors), /^TypeError: header Content-Type belongs to the server/);
      },
    );
  });

  it('HTTP/1.0 gets the stream without chunks, ended by the connection (RFC 9112 §6.1, §6.3)', async () => {
    await withServer(
      {},
      (server) =>
        server.eventStream('/', (stream) => {
          stream.send('x');
          stream.close();
        }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).write('GET / HTTP/1.0\r\n\r\n');
        const { headers } = await client.head();
        assert.equal(headers.has('transfer-encoding'), false);
        assert.equal((await client.rest()).toString(), 'data: x\n\n');
      },
    );
  });

  it('HEAD answers the fields of GET and opens nothing (RFC 9110 §9.3.2, §8.6)', async () => {
    let opened = 0;
    await withServer(
      {},
      (server) => server.eventStream('/', () => void opened++),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('HEAD /');
        const { headers } = await client.response(true);
        assert.equal(headers.get('content-type'), 'text/event-stream');
        assert.equal(headers.has('content-length'), false, 'a length would be another than GET’s');
        client.request('OPTIONS /');
        assert.equal((await client.response()).headers.get('allow'), 'GET, HEAD, OPTIONS');
        assert.equal(opened, 0);
      },
    );
  });

  it('the last event ID comes from the header, in UTF-8, else from the query, else it is empty (§9.2.3)', async () => {
    await withServer(
      {},
      (server) =>
        server.eventStream('/', (stream) => {
          stream.send(`<${stream.lastEventId}>`);
          stream.close();
        }),
      async (server) => {
        const ask = async (path: string, headers: Record<string, string> = {}) =>
          (await (await RawClient.connect(server.port)).request(`GET ${path}`, headers).response()).body.toString();
        assert.equal(await ask('/'), 'data: <>\n\n');
        assert.equal(await ask('/?lastEventId=%C3%A97'), 'data: <é7>\n\n');
        assert.equal(await ask('/?lastEventId=7', { 'Last-Event-ID': '8' }), 'data: <8>\n\n');
        assert.equal(await ask('/', { 'last-event-id': Buffer.from('日').toString('latin1') }), 'data: <日>\n\n');
      },
    );
  });

  it('accept refuses with a response of its own, at once or later; 204 keeps the connection (§9.2.3)', async () => {
    await withServer(
      { onError() {} },
      (server) =>
        server
          .eventStream(
            '/now',
            () => ({ status: 204 }),
            () => {},
          )
          .eventStream(
            '/later',
            async () => ({ status: 403, body: 'no' }),
            () => {},
          )
          .eventStream(
            '/yes',
            async () => undefined,
            (stream) => stream.close(),
          )
          .eventStream(
            '/throws',
            () => {
              throw new Error('x');
            },
            () => {},
          ),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.request('GET /now').request('GET /later').request('GET /throws').request('GET /yes');
        assert.equal((await client.response()).status, 204);
        assert.equal((await client.response()).status, 403);
        assert.equal((await client.response()).status, 500);
        assert.equal((await client.response()).status, 200);
      },
    );
  });

  it('a field that cannot carry its value throws at the call, and nothing is sent of it (§9.2.5)', async () => {
    await withServer(
      {},
      (server) =>
        server.eventStream('/', (stream) => {
          for (const wrong of ['a\nb', 'a\rb', 'a\0b']) {
            assert.throws(() => stream.send({ event: wrong, data: 'x' }), TypeError);
            assert.throws(() => stream.send({ id: wrong, data: 'x' }), TypeError);
          }
          assert.throws(() => stream.send({}), TypeError);
          assert.throws(() => stream.send({ retry: -1 }), RangeError);
          stream.send({ data: 'a\rb\r\nc' });
          stream.comment('a\nb');
          stream.close();
        }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        assert.equal((await client.response()).body.toString(), 'data: a\ndata: b\ndata: c\n\n: a\n: b\n\n');
      },
    );
  });

  it('what throws, or rejects, ends its own stream only: with 500 before the head has left, else without the last chunk', async () => {
    const errors: string[] = [];
    const gate = deferred();
    let closes = 0;
    await withServer(
      { onError: (error) => errors.push((error as Error).message) },
      (server) =>
        server
          .eventStream('/handlers', {
            open() {
              throw new Error('open');
            },
            close: () => void closes++,
          })
          .eventStream('/async-handlers', { open: () => Promise.reject(new Error('async open')) as never })
          .eventStream('/function', () => {
            throw new Error('function');
          })
          .eventStream('/promise', () => Promise.reject(new Error('promise')))
          .eventStream('/late', async (stream) => {
            stream.send('first');
            await gate.promise;
            await turns(); // the head has left
            throw new Error('late');
          })
          .eventStream('/calm', (stream) => void stream.send('calm')),
      async (server) => {
        const calm = (await RawClient.connect(server.port)).request('GET /calm');
        await calm.head();
        assert.equal((await calm.chunk())?.toString(), 'data: calm\n\n');
        for (const path of ['handlers', 'async-handlers', 'function', 'promise']) {
          const client = (await RawClient.connect(server.port)).request(`GET /${path}`);
          assert.equal((await client.response()).status, 500, `${path}: the head has not left`);
          client.socket.end();
          await client.close();
        }
        const late = (await RawClient.connect(server.port)).request('GET /late');
        assert.equal((await late.head()).status, 200);
        assert.equal((await late.chunk())?.toString(), 'data: first\n\n');
        gate.resolve();
        assert.equal((await late.rest()).toString(), '', 'TCP ends without the last chunk (RFC 9112 §8)');
        await assert.rejects(fetch(`${server.url}/late`).then((response) => response.text()));
        assert.deepEqual(errors, ['open', 'async open', 'function', 'promise', 'late', 'late']);
        await until('close is told', () => closes === 1);
        assert.equal(server.connections.eventStreams, 1);
      },
    );
  });

  it('a client that leaves, by FIN or reset or while accept decides, is told once and released', async () => {
    const gate = deferred();
    const log: string[] = [];
    await withServer(
      {},
      (server) =>
        server
          .eventStream('/', { open: () => void log.push('open'), close: () => void log.push('close') })
          .eventStream('/slow', () => gate.promise.then(() => undefined), {
            open: () => void log.push('open'),
            close: () => void log.push('close'),
          }),
      async (server) => {
        for (const leave of ['end', 'resetAndDestroy'] as const) {
          const client = (await RawClient.connect(server.port)).request('GET /');
          await client.head();
          client.socket[leave]();
          await until('it is released', () => server.connections.eventStreams === 0);
          assert.deepEqual(log.splice(0), ['open', 'close']);
        }
        const early = (await RawClient.connect(server.port)).request('GET /slow');
        await until('the request is there', () => server.connections.http === 1);
        early.socket.end();
        await turns();
        gate.resolve();
        await until('it is released', () => server.connections.http + server.connections.eventStreams === 0);
        assert.equal(log.filter((each) => each === 'open').length, log.filter((each) => each === 'close').length);
      },
    );
  });

  it('what the client sends behind its request is thrown away', async () => {
    let reached = 0;
    await withServer(
      {},
      (server) =>
        server
          .eventStream('/', (stream) => void stream.send('a'))
          .get('/other', () => {
            reached++;
            return {};
          }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /').request('GET /other');
        await client.head();
        assert.equal((await client.chunk())?.toString(), 'data: a\n\n');
        client.request('GET /other').write('\xff\0garbage');
        await turns();
        assert.equal(reached, 0);
        assert.equal(client.pending, '');
      },
    );
  });

  it('server.close ends streams with the last chunk', async () => {
    await withServer(
      {},
      (server) => server.eventStream('/', (stream) => void stream.send('a')),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        await client.head();
        await client.chunk();
        const closed = server.close();
        assert.equal(await client.chunk(), undefined);
        await client.end();
        client.socket.end();
        await closed;
      },
    );
  });
});

describe('keep-alive comments and deadlines of streams, by a fake clock (HTML §9.2.7)', () => {
  it('a comment after heartbeatIntervalMs of silence, none while events flow, none for 0', async () => {
    const clock = new FakeClock();
    const streams: EventStream[] = [];
    await withServer(
      { clock, heartbeatIntervalMs: 30_000 },
      (server) =>
        server
          .eventStream('/', (stream) => void streams.push(stream))
          .eventStream('/never', (stream) => void streams.push(stream), { heartbeatIntervalMs: 0 }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        await client.head();
        const never = (await RawClient.connect(server.port)).request('GET /never');
        await never.head();
        clock.advance(29_000);
        await turns();
        assert.equal(client.pending, '');
        clock.advance(3_000);
        assert.equal((await client.chunk())?.toString(), ': \n\n');
        clock.advance(25_000);
        streams[0]!.send('x');
        assert.equal((await client.chunk())?.toString(), 'data: x\n\n');
        clock.advance(29_000);
        await turns();
        assert.equal(client.pending, '');
        clock.advance(3_000);
        assert.equal((await client.chunk())?.toString(), ': \n\n');
        clock.advance(600_000);
        await turns();
        assert.equal(never.pending, '');
      },
    );
  });

  it('backpressure: sent, backpressure, dropped, then drain once; a client that takes nothing is dropped after writeTimeoutMs', async () => {
    const clock = new FakeClock();
    const log: string[] = [];
    const observed: unknown[] = [];
    let stream: EventStream | undefined;
    await withServer(
      {
        clock,
        writeTimeoutMs: 60_000,
        heartbeatIntervalMs: 1_000,
        observer: { close: ({ error }) => void observed.push(error?.message) },
      },
      (server) =>
        server.eventStream(
          '/',
          {
            open: (opened) => {
              stream = opened;
            },
            drain: () => void log.push('drain'),
            close: () => void log.push('close'),
          },
          { maxBufferedBytes: 16_000_000, highWaterMarkBytes: 100_000 },
        ),
      async (server) => {
        const megabyte = 'x'.repeat(1_000_000);
        const fill = () => {
          const results: string[] = [];
          while (results.at(-1) !== 'dropped') results.push(stream!.send(megabyte));
          return results;
        };
        const client = (await RawClient.connect(server.port)).request('GET /');
        await client.head();
        client.socket.pause();
        assert.equal(stream!.send('small'), 'sent');
        const results = fill();
        assert.ok(results.includes('backpressure'));
        const held = stream!.bufferedAmount;
        assert.ok(held > 14_000_000 && held <= 16_000_000, `${held} bytes are held`);
        assert.equal(stream!.send('y'), held + 20 <= 16_000_000 ? 'backpressure' : 'dropped');
        client.socket.resume();
        await until('it has drained', () => log.length > 0);
        assert.deepEqual(log.splice(0), ['drain']);
        assert.equal(stream!.bufferedAmount, 0);

        client.socket.pause();
        fill();
        await turns(50);
        fill();
        await turns(50);
        clock.advance(1_000);
        clock.advance(59_000);
        assert.deepEqual(log, []);
        clock.advance(2_000);
        await until('it is dropped', () => log.length > 0);
        assert.deepEqual(log, ['close']);
        assert.equal(stream!.signal.reason?.message, 'the client has taken nothing for 60000 ms');
        assert.deepEqual(observed, ['the client has taken nothing for 60000 ms']);
        assert.equal(stream!.bufferedAmount, 0);
        assert.deepEqual(server.connections, { http: 0, webSockets: 0, eventStreams: 0, handshakes: 0 });
        assert.equal(clock.timers, 0, 'the sweeper has nobody left');
      },
    );
  });

  it('close lets a slow client take all that was sent, for as long as it takes some of it', async () => {
    const clock = new FakeClock();
    await withServer(
      { clock, closeTimeoutMs: 10_000, writeTimeoutMs: 60_000 },
      (server) =>
        server.eventStream(
          '/',
          (stream) => {
            for (let i = 0; i < 30; i++) stream.send('x'.repeat(1_000_000));
            stream.close();
          },
          { maxBufferedBytes: 64_000_000 },
        ),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /');
        await client.head();
        let size = 0;
        for (let part = await client.chunk(); part !== undefined; part = await client.chunk()) {
          size += part.length;
          client.socket.pause();
          clock.advance(4_000);
          await turns(2);
          client.socket.resume();
        }
        assert.equal(size, 30 * 1_000_008);
      },
    );
  });
});
