import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { describe, it } from 'node:test';
import { EventSource, type EventSourceOptions } from '../../lib/client/event-source.ts';
import type { ErrorEvent } from '../../lib/client/events.ts';
import type { HandshakeRejected } from '../../lib/errors.ts';
import { FakeClock } from '../support/clock.ts';
import { patiently, turns, until, withServer } from '../support/sockets.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** An HTTP server of Node's, so that our client meets another's bytes. `count` is the request's number, from 1. */
async function withNode(
  answer: Answer,
  body: (url: string, requests: IncomingMessage[]) => Promise<void>,
): Promise<void> {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as { port: number }).port}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const STREAM = { 'Content-Type': 'text/event-stream; charset=utf-8' };

/** Keeps a record of everything that a source says. */
function record(url: string, options: EventSourceOptions = {}, types: readonly string[] = []) {
  const source = new EventSource(url, { random: () => 0, ...options });
  const log: string[] = [];
  source.onopen = () => log.push('open');
  source.onerror = (event) => log.push(`error ${(event.error as HandshakeRejected).code ?? event.message}`);
  source.onmessage = (event) => log.push(`message ${event.data} <${event.lastEventId}>`);
  for (const type of types)
    source.addEventListener(type, (event) => log.push(`${type} ${(event as MessageEvent).data}`));
  return { source, log };
}

describe('HTML §9.2.2: the EventSource interface', () => {
  it('open, messages, events by type, lastEventId and origin; close ends it, and nothing follows', async () => {
    await withServer(
      {},
      (server) =>
        server.eventStream('/', (stream, request) => {
          assert.equal(request.headers.get('accept'), 'text/event-stream');
          assert.equal(request.headers.get('cache-control'), 'no-cache');
          assert.equal(request.headers.get('pragma'), 'no-cache');
          assert.equal(request.headers.get('accept-encoding'), 'identity');
          assert.equal(request.headers.get('x-user-id'), 'ada');
          stream.send('one');
          stream.send({ event: 'tick', id: '7', data: 'a\nb' });
          stream.comment('ignored');
          stream.send('two');
          stream.send('three');
        }),
      async (server) => {
        const { source, log } = record(server.url, { headers: { 'X-User-Id': 'ada' } }, ['tick']);
        assert.equal(source.readyState, EventSource.CONNECTING);
        assert.equal(source.url, `${server.url}/`);
        assert.equal(source.withCredentials, false);
        source.addEventListener('message', (event) => {
          assert.equal((event as MessageEvent).origin, server.url);
          if ((event as MessageEvent).data === 'two') source.close();
        });
        await until('it is closed', () => source.readyState === EventSource.CLOSED);
        await until('the server has noticed', () => server.connections.eventStreams === 0);
        assert.deepEqual(log, ['open', 'message one <>', 'tick a\nb', 'message two <7>']);
        source.close();
      },
    );
  });

  it('refuses URLs that are not http(s) with SyntaxError and headers that cannot be sent with TypeError', () => {
    for (const url of ['', '/x', 'ws://a', 'file:///x'])
      assert.throws(() => new EventSource(url), { name: 'SyntaxError' });
    assert.throws(() => new EventSource('http://127.0.0.1:1', { headers: { a: 'b\r\nc: d' } }), TypeError);
    assert.throws(() => new EventSource('http://127.0.0.1:1', { headers: { 'a b': 'c' } }), TypeError);
  });
});

describe('HTML §9.2.3: connecting and reconnecting, by a fake clock', () => {
  it('reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8', async () => {
    const clock = new FakeClock();
    await withNode(
      (_, response, count) => {
        response.writeHead(200, STREAM);
        if (count === 1) response.end('retry: 1234\nid: é\ndata: a\n\nid: unfinished');
        else if (count === 2) response.end('data: b\n\n');
        else response.write('id\ndata: c\n\n');
      },
      async (url, requests) => {
        const { source, log } = record(url, { clock });
        await until('the first stream has ended', () => log.length === 3);
        assert.deepEqual(log, ['open', 'message a <é>', 'error the stream ended']);
        assert.equal(source.readyState, EventSource.CONNECTING);
        assert.equal(source.lastEventId, 'é');
        clock.advance(1_233);
        await turns();
        assert.equal(requests.length, 1);
        clock.advance(1);
        await until('the second stream has ended', () => log.length === 6);
        assert.equal(Buffer.from(String(requests[1]!.headers['last-event-id']), 'latin1').toString(), 'é');
        assert.deepEqual(log.slice(3), ['open', 'message b <é>', 'error the stream ended']);
        clock.advance(1_234);
        await until('the third event is there', () => log.length === 8);
        assert.deepEqual(log.slice(6), ['open', 'message c <>']);
        source.close();
        assert.equal(clock.timers, 0);
      },
    );
  });

  it('a cut connection, in the middle of a chunk or refused, is tried again, later and later', async () => {
    const clock = new FakeClock();
    let connections = 0;
    const net = createNetServer((socket) => {
      connections++;
      socket.on('error', () => {});
      socket.once('data', () => {
        if (connections === 1) socket.resetAndDestroy();
        else if (connections === 2)
          socket.end(
            'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nff\r\ndata: x\n\n',
          );
        else if (connections === 3) socket.end('nonsense\r\n\r\n');
        else if (connections === 4) socket.end();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: y\n\n');
      });
    });
    await new Promise<void>((resolve) => net.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(net.address() as { port: number }).port}`;
    const { source, log } = record(url, { clock, reconnectionTimeMs: 1_000, random: () => 1 });
    const attempt = async (delayMs: number, lines: number) => {
      const before = connections;
      clock.advance(delayMs - 1);
      await turns(5);
      assert.equal(connections, before);
      clock.advance(1);
      await until('the attempt is over', () => log.length >= lines);
    };
    await until('the first attempt has failed', () => log.length === 1);
    await attempt(2_000, 4);
    await attempt(2_000, 5);
    await attempt(4_000, 6);
    await attempt(8_000, 8);
    assert.deepEqual(log, [
      'error DIAL_FAILED',
      'open',
      'message x <>',
      'error HTTP_INCOMPLETE',
      'error HTTP_STATUS_LINE',
      'error HANDSHAKE_INCOMPLETE',
      'open',
      'message y <>',
    ]);
    source.close();
    await new Promise((resolve) => net.close(resolve));
  });

  it('no answer within handshakeTimeoutMs is tried again', async () => {
    const clock = new FakeClock();
    await withNode(
      (_, response, count) => {
        if (count === 2) response.writeHead(200, STREAM).write('data: x\n\n');
      },
      async (url, requests) => {
        const { source, log } = record(url, { clock, handshakeTimeoutMs: 5_000 });
        await until('it has asked', () => requests.length === 1);
        clock.advance(5_000);
        assert.deepEqual(log, ['error HANDSHAKE_TIMEOUT']);
        clock.advance(3_000);
        await until('it is open', () => log.length === 3);
        clock.advance(3_600_000);
        assert.equal(source.readyState, EventSource.OPEN, 'an open stream has no deadline');
        source.close();
      },
    );
  });

  it('204, any other status and any other type end it for good', async () => {
    const clock = new FakeClock();
    const answers: readonly [status: number, type: string | undefined, code: string][] = [
      [204, undefined, 'SSE_STATUS'],
      [404, 'text/event-stream', 'SSE_STATUS'],
      [503, 'text/event-stream', 'SSE_STATUS'],
      [206, 'text/event-stream', 'SSE_STATUS'],
      [200, 'text/plain', 'SSE_CONTENT_TYPE'],
      [200, undefined, 'SSE_CONTENT_TYPE'],
      [200, 'text/event-streams', 'SSE_CONTENT_TYPE'],
      [302, 'text/event-stream', 'SSE_STATUS'],
    ];
    await withNode(
      (_, response, count) => {
        const [status, type] = answers[count - 1]!;
        response.writeHead(status, type === undefined ? {} : { 'Content-Type': type });
        response.end('data: never\n\n');
      },
      async (url, requests) => {
        for (const [i, [status, , code]] of answers.entries()) {
          const { source, log } = record(url, { clock });
          let error: HandshakeRejected | undefined;
          source.addEventListener('error', (event) => {
            error = (event as ErrorEvent).error as HandshakeRejected;
          });
          await until('it has failed', () => source.readyState === EventSource.CLOSED);
          clock.advance(3_600_000);
          await turns(5);
          assert.deepEqual(log, [`error ${code}`]);
          assert.equal(error?.status, status);
          assert.equal(requests.length, i + 1, 'not asked again');
        }
      },
    );
  });

  it('redirects are followed, 20 of them; another origin is not shown the headers of the first (CVE-2022-1650)', async () => {
    await withNode(
      (request, response) => {
        response
          .writeHead(200, STREAM)
          .write(
            `data: ${JSON.stringify([request.url, request.headers['authorization'], request.headers['cookie'], request.headers['x-kept']])}\n\n`,
          );
      },
      async (other) => {
        await withNode(
          (request, response) => {
            const { pathname, search } = new URL(request.url ?? '', 'http://x');
            const left = Number(search.slice(1));
            if (pathname === '/count')
              response.writeHead(left === 0 ? 200 : 307, { ...STREAM, Location: `/count?${left - 1}` });
            else if (pathname === '/away') response.writeHead(302, { Location: `${other}/there?x` });
            else if (pathname === '/relative') response.writeHead(301, { Location: 'count?0' });
            else if (pathname === '/scheme') response.writeHead(302, { Location: 'file:///etc/passwd' });
            else response.writeHead(302, { Location: 'http://[' });
            if (pathname === '/count' && left === 0) response.write(`data: ${request.headers['authorization']}\n\n`);
            else response.end();
          },
          async (url, requests) => {
            const headers = { Authorization: 'secret', cookie: 'secret', 'X-Kept': 'yes' };
            const first = async (path: string) => {
              const { source, log } = record(`${url}${path}`, { headers });
              await until('something has happened', () => log.some((line) => !line.startsWith('open')));
              const origin = await new Promise((resolve) => setImmediate(() => resolve(source.readyState)));
              source.close();
              return [log.at(-1), origin];
            };
            assert.deepEqual(await first('/relative'), ['message secret <>', 1]);
            assert.deepEqual(await first('/count?20'), ['message secret <>', 1]);
            const before = requests.length;
            assert.deepEqual(await first('/count?21'), ['error SSE_TOO_MANY_REDIRECTS', 2]);
            assert.equal(requests.length - before, 21);
            assert.deepEqual(await first('/away'), ['message ["/there?x",null,null,null] <>', 1]);
            assert.deepEqual(await first('/scheme'), ['error REDIRECT', 2]);
            assert.deepEqual(await first('/broken'), ['error REDIRECT', 2]);

            const source = new EventSource(`${url}/away`);
            const event = await patiently(
              'a message',
              new Promise<MessageEvent>((resolve) => {
                source.onmessage = resolve;
              }),
            );
            assert.equal(event.origin, other, 'the origin of the final URL (§9.2.6)');
            source.close();
          },
        );
      },
    );
  });

  it('a reconnection time that no timer can hold is not taken for none', async () => {
    for (const retry of ['2147483648', '99999999999999999999', '9'.repeat(400)]) {
      const waits: number[] = [];
      const clock = new FakeClock();
      const counting = {
        ...bind(clock),
        after(ms: number, callback: () => void) {
          waits.push(ms);
          return clock.after(ms, callback);
        },
      };
      await withNode(
        (_, response) => response.writeHead(200, STREAM).end(`retry: ${retry}\ndata: x\n\n`),
        async (url) => {
          const { source, log } = record(url, { clock: counting });
          await until('the stream has ended', () => log.some((line) => line.startsWith('error')));
          source.close();
          assert.ok(waits.at(-1)! <= 2_147_483_647, `waits ${waits.at(-1)} ms`);
        },
      );
    }
  });

  it('retry: 0 from a server that closes at once, without an event, is asked less and less often', async () => {
    for (const [event, isHeard] of [
      ['', false],
      ['data: x\n\n', true],
    ] as const) {
      const waits: number[] = [];
      await withNode(
        (_, response) => response.writeHead(200, STREAM).end(`retry: 0\n\n${event}`),
        async (url) => {
          const clock = new FakeClock();
          const after = (ms: number, callback: () => void): (() => void) => {
            if (ms < 10_000) waits.push(ms); // not the deadline of an attempt
            return clock.after(ms, callback);
          };
          const { source, log } = record(url, { clock: { ...bind(clock), after }, random: () => 0.5 });
          for (let ended = 1; ended <= 5; ended++) {
            await until('it has ended', () => log.filter((line) => line.startsWith('error')).length === ended);
            clock.advance(waits.at(-1)!);
          }
          source.close();
        },
      );
      assert.deepEqual(waits.slice(0, 5), isHeard ? [0, 0, 0, 0, 0] : [200, 400, 800, 1_600, 3_200]);
    }
  });

  it('close while connecting, while open, while waiting: no event and no timer is left', async () => {
    const clock = new FakeClock();
    await withNode(
      (request, response) => {
        response.writeHead(200, STREAM);
        if (request.url === '/ends') response.end('data: x\n\n');
      },
      async (url) => {
        const connecting = record(url, { clock });
        connecting.source.close();
        const waiting = record(`${url}/ends`, { clock });
        waiting.source.addEventListener('error', () => waiting.source.close());
        await until('it has been closed', () => waiting.source.readyState === EventSource.CLOSED);
        clock.advance(3_600_000);
        await turns();
        assert.deepEqual(connecting.log, []);
        assert.equal(clock.timers, 0);
      },
    );
  });

  it('a line or an event beyond the limits fails the source for good (CVE-2026-109924)', async () => {
    for (const [part, code] of [
      ['data: 0123456789', 'SSE_LINE_TOO_LONG'],
      ['data: 0123456789\n', 'SSE_EVENT_TOO_LONG'],
    ] as const) {
      await withNode(
        (request, response) => {
          response.writeHead(200, STREAM);
          const more = () => {
            while (!request.socket.destroyed && response.write(part));
            if (!request.socket.destroyed) response.once('drain', more);
          };
          more();
        },
        async (url) => {
          const { source, log } = record(url, { maxLineBytes: 100_000, maxEventBytes: 100_000 });
          await until('it has failed', () => source.readyState === EventSource.CLOSED);
          assert.deepEqual(log, ['open', `error ${code}`]);
        },
      );
    }
  });
});

function bind(clock: FakeClock) {
  return { now: () => clock.now(), every: (ms: number, callback: () => void) => clock.every(ms, callback) };
}
