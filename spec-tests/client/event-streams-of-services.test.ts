import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { brotliCompressSync, createDeflate, createDeflateRaw, createGzip, gzipSync } from 'node:zlib';
import type { Channel } from '../../lib/channel/port.ts';
import { EventSource, type EventSourceOptions } from '../../lib/client/event-source.ts';
import { eventsOf } from '../../lib/client/events-of.ts';
import { StreamReader } from '../../lib/client/stream-reader.ts';
import type { HandshakeRejected } from '../../lib/errors.ts';
import { FakeClock } from '../support/clock.ts';
import { heldArrayBuffers } from '../support/gc.ts';
import { Random } from '../support/random.ts';
import { deferred, turns, until } from '../support/sockets.ts';

type Answer = (response: ServerResponse, count: number, body: string, request: IncomingMessage) => void;

/** A server of Node's. `seen` are its requests: method, URL, chosen headers, body. */
async function withService(answer: Answer, body: (url: string, seen: Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: text });
      answer(response, seen.length, text, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const STREAM = { 'Content-Type': 'text/event-stream' };

/** A source on a fake clock, with a record of what it says. `random` is 0 unless the options say otherwise. */
function record(url: string, options: EventSourceOptions = {}) {
  const clock = new FakeClock();
  const source = new EventSource(url, { clock, random: () => 0, ...options });
  const log: string[] = [];
  source.onopen = () => log.push('open');
  source.onmessage = ({ data, lastEventId }) => log.push(`${data} <${lastEventId}>`);
  source.onerror = ({ error }) => log.push(`error ${(error as { code?: string }).code ?? error.message}`);
  const said = (count: number) => until(`${count} lines: ${log.join(', ')}`, () => log.length >= count);
  return { clock, source, log, said };
}

describe('HTML §9.2.2: the request', () => {
  it('a header of the client’s own is replaced, however it is spelt, and Last-Event-ID goes once', async () => {
    await withService(
      (response, count) => {
        response.writeHead(200, STREAM);
        if (count === 1) response.end('id: 7\ndata: x\n\n');
        else response.write('data: y\n\n');
      },
      async (url, seen) => {
        const headers = { 'last-event-id': '3', accept: 'text/event-stream, */*', 'CACHE-CONTROL': 'max-age=0' };
        const { clock, source, said } = record(url, { headers });
        await said(3);
        clock.advance(3_000);
        await said(5);
        source.close();
        assert.deepEqual(
          seen.map((each) => each.headers['last-event-id']),
          ['3', '7'],
        );
        assert.equal(seen[0]!.headers.accept, 'text/event-stream, */*');
        assert.equal(seen[0]!.headers['cache-control'], 'max-age=0');
        for (const owned of ['Host', 'content-length', 'Transfer-Encoding', 'connection'])
          assert.throws(() => new EventSource(url, { headers: { [owned]: 'x' } }), TypeError, owned);
      },
    );
  });

  it('the URL’s user and password are sent, and withCredentials is shown', async () => {
    await withService(
      (response) => response.writeHead(200, STREAM).write('data: x\n\n'),
      async (url, seen) => {
        const { source, said } = record(url.replace('//', '//u:100%@'), { withCredentials: true });
        await said(2);
        assert.equal(source.withCredentials, true);
        source.close();
        assert.equal(seen[0]!.headers.authorization, `Basic ${Buffer.from('u:100%').toString('base64')}`);
      },
    );
  });
});

describe('content codings (RFC 9110 §8.4)', () => {
  it('gzip, x-gzip, deflate and raw deflate are decoded as they come, event by event', async () => {
    for (const [coding, encoder] of [
      ['gzip', createGzip],
      ['X-GZIP', createGzip],
      ['deflate', createDeflate],
      ['deflate', createDeflateRaw],
    ] as const) {
      const stream = encoder();
      await withService(
        (response) => {
          response.writeHead(200, { ...STREAM, 'Content-Encoding': coding });
          stream.pipe(response);
          stream.write('data: one\n\n');
          stream.flush();
        },
        async (url) => {
          const { source, log, said } = record(url);
          await said(2);
          stream.write('data: two\n\n');
          stream.flush();
          await said(3);
          stream.end('data: three\n\n');
          await said(5);
          assert.deepEqual(log, ['open', 'one <>', 'two <>', 'three <>', 'error the stream ended'], coding);
          source.close();
        },
      );
    }
  });

  it('any other coding is refused with a sentence; a broken one reconnects', async () => {
    await withService(
      (response) =>
        response.writeHead(200, { ...STREAM, 'Content-Encoding': 'br' }).end(brotliCompressSync('data: x\n\n')),
      async (url) => {
        const { source, said } = record(url);
        let error: Error | undefined;
        source.addEventListener('error', (event) => {
          error = event.error;
        });
        await said(1);
        assert.equal(error?.message, 'content coding is br, must be gzip, deflate or none (RFC 9110 §8.4)');
        assert.equal(source.readyState, EventSource.CLOSED);
      },
    );
    await withService(
      (response) => response.writeHead(200, { ...STREAM, 'Content-Encoding': 'gzip' }).end('data: x\n\n'),
      async (url) => {
        const { source, log, said } = record(url);
        await said(2);
        assert.deepEqual([log, source.readyState], [['open', 'error SSE_CODING'], EventSource.CONNECTING]);
        source.close();
      },
    );
  });

  it('a small body that decodes to a huge one holds no more than its pieces, and the limits stand', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ':x\n'));
    await withService(
      (response) => response.writeHead(200, { ...STREAM, 'Content-Encoding': 'gzip' }).end(bomb),
      async (url) => {
        const before = heldArrayBuffers();
        let most = 0;
        let samples = 0;
        // A sample collects garbage first. On a busy machine that takes long: what is measured has four times as long in between.
        const sample = (): NodeJS.Timeout => {
          const started = performance.now();
          most = Math.max(most, heldArrayBuffers() - before);
          samples++;
          return setTimeout(again, 20 + 4 * (performance.now() - started));
        };
        const again = (): void => {
          sampling = sample();
        };
        let sampling = setTimeout(again, 20);
        const { source, log, said } = record(url);
        await said(2).finally(() => clearTimeout(sampling));
        assert.deepEqual(log, ['open', 'error the stream ended']);
        assert.ok(samples > 2, `${samples} samples while 50 MB came`);
        assert.ok(most < 4_000_000, `${most} bytes held`);
        source.close();
      },
    );
    await withService(
      (response) =>
        response
          .writeHead(200, { ...STREAM, 'Content-Encoding': 'gzip' })
          .end(gzipSync(`data: ${'x'.repeat(1_000_000)}`)),
      async (url) => {
        const { source, log, said } = record(url, { maxLineBytes: 1_000 });
        await said(2);
        assert.deepEqual([log[1], source.readyState], ['error SSE_LINE_TOO_LONG', EventSource.CLOSED]);
      },
    );
  });
});

describe('the reader of one stream', () => {
  /** A reader of a gzip stream on a channel that only counts. */
  function reader() {
    const log: string[] = [];
    const channel = {
      pause: () => void log.push('pause'),
      resume: () => void log.push('resume'),
      destroy: () => void log.push('destroy'),
    };
    const ended = deferred<Error | undefined>();
    const reading = { coding: 'gzip', limits: {}, lastEventId: '', clock: new FakeClock(), idleTimeoutMs: 0 } as const;
    const stream = new StreamReader(channel as unknown as Channel, reading, {
      incoming: (incoming) => log.push(incoming.kind === 'event' ? incoming.data : incoming.kind),
      ended: (error) => ended.resolve(error),
    });
    return { log, stream, ended: ended.promise };
  }

  it('the end of TCP behind the end of the response loses nothing that is still being decoded', async () => {
    const { ended, log, stream } = reader();
    stream.receive({ kind: 'body', chunk: gzipSync('data: a\n\ndata: b\n\n') });
    stream.receive({ kind: 'end' });
    stream.gone(undefined);
    assert.equal(await ended, undefined);
    assert.deepEqual(log, ['a', 'b', 'destroy']);
  });

  it('a decoder that has enough to do stops the reading, whatever the loop says, until it has room', async () => {
    const { log, stream } = reader();
    const random = new Random(77);
    const noise = gzipSync(`:${Array.from({ length: 60_000 }, () => random.below(1e9).toString(36)).join('')}\n`);
    stream.receive({ kind: 'body', chunk: noise });
    assert.deepEqual(log, ['pause']);
    stream.pause();
    stream.resume();
    assert.deepEqual(log, ['pause', 'pause'], 'the decoder is still busy');
    await until('it has room', () => log.at(-1) === 'resume' || log.includes('comment'));
    await until('it reads on', () => log.includes('resume'));
    stream.close();
  });
});

describe('retries', () => {
  it('the first wait is spread: 500 clients after a restart come back over the reconnection time, each once', async () => {
    const { reconnectionDelayMs } = await import('../../lib/event-stream/reconnect.ts');
    const slots = new Array<number>(10).fill(0);
    for (let i = 0; i < 500; i++) {
      const delayMs = reconnectionDelayMs(3_000, 0, (i * 0.618_033_988_75) % 1);
      slots[Math.floor((delayMs - 3_000) / 300.1)]!++;
    }
    for (const each of slots) assert.ok(each >= 45 && each <= 55, slots.join(' '));
    await withService(
      (response) => response.writeHead(200, STREAM).end('data: x\n\n'),
      async (url, seen) => {
        const { clock, source, said } = record(url, { random: () => 0.5 });
        await said(3);
        clock.advance(4_499);
        await turns(5);
        assert.equal(seen.length, 1);
        clock.advance(1);
        await said(6);
        assert.equal(seen.length, 2);
        source.close();
      },
    );
  });

  it('statuses that are asked for are tried again, with Retry-After as the least wait; others are final', async () => {
    await withService(
      (response, count) => {
        if (count === 1) response.writeHead(503, { 'Retry-After': '20' }).end('busy');
        else if (count === 2) response.writeHead(500).end();
        else response.writeHead(404).end('{"error":"gone"}');
      },
      async (url, seen) => {
        const { clock, source, log, said } = record(url, { retryStatus: (status) => status >= 500 });
        let last: HandshakeRejected | undefined;
        source.addEventListener('error', ({ error }) => {
          last = error as HandshakeRejected;
        });
        await said(1);
        clock.advance(19_999);
        await turns(5);
        assert.equal(seen.length, 1);
        clock.advance(1);
        await said(2);
        clock.advance(3_000);
        await said(3);
        assert.deepEqual(log, ['error SSE_STATUS', 'error SSE_STATUS', 'error SSE_STATUS']);
        assert.deepEqual(
          [source.readyState, last?.status, last?.text()],
          [EventSource.CLOSED, 404, '{"error":"gone"}'],
        );
      },
    );
  });

  it('maxRetries and maxRetryMs bound them', async () => {
    const { clock, source, log, said } = record('http://127.0.0.1:1', {
      maxRetries: 2,
      maxRetryMs: 5_000,
      random: () => 1,
    });
    await said(1);
    clock.advance(5_000);
    await said(2);
    clock.advance(5_000);
    await said(3);
    assert.deepEqual(log, ['error DIAL_REFUSED', 'error DIAL_REFUSED', 'error DIAL_REFUSED']);
    assert.deepEqual([source.readyState, clock.timers], [EventSource.CLOSED, 0]);
  });

  it('idleTimeoutMs: a stream that says nothing is lost, and any octet keeps it', async () => {
    await withService(
      (response) => void response.writeHead(200, STREAM).write('data: x\n\n'),
      async (url, seen) => {
        const { clock, source, log, said } = record(url, { idleTimeoutMs: 10_000 });
        await said(2);
        clock.advance(9_999);
        assert.equal(log.length, 2);
        clock.advance(1);
        assert.deepEqual(log.slice(2), ['error SSE_IDLE']);
        clock.advance(3_000);
        await said(5);
        assert.equal(seen.length, 2);
        source.close();
      },
    );
    let more: (() => void) | undefined;
    await withService(
      (response) => {
        response.writeHead(200, STREAM).write('data: x\n\n');
        more = () => response.write(':\n\ndata: y\n\n');
      },
      async (url) => {
        const { clock, source, log, said } = record(url, { idleTimeoutMs: 10_000 });
        await said(2);
        for (let i = 3; i < 8; i++) {
          clock.advance(9_000);
          more?.();
          await said(i);
        }
        assert.ok(!log.some((line) => line.startsWith('error')));
        source.close();
      },
    );
  });
});

describe('POST', () => {
  it('method, body and type; the loop ends with the stream, and nothing is asked twice', async () => {
    await withService(
      (response, _, body) => {
        response.writeHead(200, STREAM);
        for (const word of JSON.parse(body).prompt.split(' ')) response.write(`event: token\ndata: ${word}\n\n`);
        response.end('data: [DONE]\n\n');
      },
      async (url, seen) => {
        const source = new EventSource(`${url}/v1`, {
          method: 'POST',
          body: JSON.stringify({ prompt: 'a b é' }),
          headers: { 'content-type': 'application/json' },
        });
        const got: string[] = [];
        for await (const { type, data } of source) got.push(`${type} ${data}`);
        assert.deepEqual(got, ['token a', 'token b', 'token é', 'message [DONE]']);
        assert.equal(source.readyState, EventSource.CLOSED);
        assert.equal(seen.length, 1);
        assert.deepEqual([seen[0]!.method, seen[0]!.headers['content-type']], ['POST', 'application/json']);
        assert.equal(seen[0]!.headers['content-length'], String(Buffer.byteLength(seen[0]!.body)));
      },
    );
  });

  it('a stream with IDs that breaks is asked for again with Last-Event-ID and the same body; without IDs it fails', async () => {
    await withService(
      (response, count, _, request) => {
        response.writeHead(200, STREAM);
        if (request.url === '/ids' && count === 2) response.end('id: 2\ndata: b\n\n');
        else response.write(request.url === '/ids' ? 'id: 1\ndata: a\n\n' : 'data: a\n\n', () => response.destroy());
      },
      async (url, seen) => {
        const broken = record(`${url}/none`, { method: 'POST', body: 'q' });
        await broken.said(3);
        assert.deepEqual([broken.log[2], broken.source.readyState], ['error HTTP_INCOMPLETE', EventSource.CLOSED]);
        seen.length = 0;
        const { clock, source, log, said } = record(`${url}/ids`, { method: 'POST', body: 'q' });
        await said(3);
        clock.advance(3_000);
        await said(6);
        assert.deepEqual(log, ['open', 'a <1>', 'error HTTP_INCOMPLETE', 'open', 'b <2>', 'error the stream ended']);
        assert.deepEqual(
          seen.map(({ method, body, headers }) => [method, body, headers['last-event-id']]),
          [
            ['POST', 'q', undefined],
            ['POST', 'q', '1'],
          ],
        );
        source.close();
      },
    );
  });

  it('303, and 301 and 302 to a POST, ask with GET and no body; 307 and 308 ask the same (Fetch)', async () => {
    await withService(
      (response, _, body, request) => {
        const status = Number(request.url?.slice(1));
        if (status > 0) response.writeHead(status, { Location: '/' }).end();
        else response.writeHead(200, STREAM).end(`data: ${request.method} ${body}\n\n`);
      },
      async (url) => {
        for (const [status, expected] of [
          [301, 'GET '],
          [302, 'GET '],
          [303, 'GET '],
          [307, 'POST q'],
          [308, 'POST q'],
        ] as const) {
          for await (const { data } of new EventSource(`${url}/${status}`, { method: 'POST', body: 'q' }))
            assert.equal(data, expected, String(status));
        }
      },
    );
  });
});

describe('for await over an EventSource', () => {
  it('goes on behind a reconnection, holds the server back, and throws what fails for good', async () => {
    let written = 0;
    await withService(
      (response, count) => {
        if (count > 2) {
          response.writeHead(404).end();
          return;
        }
        response.writeHead(200, STREAM);
        const more = (): void => {
          while (written < 200 * count) if (!response.write(`data: ${written++} ${'x'.repeat(50_000)}\n\n`)) return;
          response.end();
        };
        response.on('drain', more);
        more();
      },
      async (url) => {
        const source = new EventSource(url, { reconnectionTimeMs: 1, random: () => 0, maxQueuedEvents: 2 });
        const events = source[Symbol.asyncIterator]();
        await until('the stream has begun', () => written > 0);
        let before = -1;
        while (before !== written) {
          before = written;
          await turns(100);
        }
        assert.ok(written < 200, `${written} events were written to a loop that takes none`);
        let taken = 0;
        await assert.rejects(
          async () => {
            for await (const { data } of events) assert.equal(Number.parseInt(data, 10), taken++);
          },
          { name: 'HandshakeRejected', status: 404 },
        );
        assert.equal(taken, 400);
      },
    );
  });

  it('leaving the loop closes the source', async () => {
    await withService(
      (response) => void response.writeHead(200, STREAM).write('data: x\n\n'),
      async (url) => {
        const source = new EventSource(url);
        for await (const { data } of source) {
          assert.equal(data, 'x');
          break;
        }
        assert.equal(source.readyState, EventSource.CLOSED);
      },
    );
  });
});

describe('eventsOf: the events of a fetched response', () => {
  it('events with type, data and last event ID; leaving the loop cancels the body', async () => {
    let closed = false;
    await withService(
      (response) => {
        response.writeHead(200, STREAM).write('id: 1\nevent: a\ndata: x\n\ndata: y\n\n');
        response.on('close', () => {
          closed = true;
        });
      },
      async (url) => {
        const got: unknown[] = [];
        for await (const event of eventsOf(await fetch(url))) {
          got.push(event);
          if (got.length === 2) break;
        }
        assert.deepEqual(got, [
          { type: 'a', data: 'x', lastEventId: '1' },
          { type: 'message', data: 'y', lastEventId: '1' },
        ]);
        await until('the body is cancelled', () => closed);
      },
    );
  });

  it('a response that is no stream, and limits, are told by errors', async () => {
    const read = async (response: Response, options = {}): Promise<void> => {
      for await (const _ of eventsOf(response, options));
    };
    await assert.rejects(read(new Response('no', { status: 401 })), (error: HandshakeRejected) => {
      assert.deepEqual([error.code, error.status, error.text()], ['SSE_STATUS', 401, 'no']);
      return true;
    });
    await assert.rejects(read(new Response('x'.repeat(10_000), { status: 500 })), (error: HandshakeRejected) => {
      assert.equal(error.body.length, 4_096);
      return true;
    });
    await assert.rejects(read(new Response('{}')), { code: 'SSE_CONTENT_TYPE' });
    const long = new Response(`data: ${'x'.repeat(100)}`, { headers: STREAM });
    await assert.rejects(read(long, { maxLineBytes: 50 }), { code: 'SSE_LINE_TOO_LONG' });
    assert.throws(() => eventsOf(new Response(''), { maxLineBytes: 0 }), RangeError);
    const promise = Promise.resolve(new Response('')) as unknown as Response;
    assert.throws(() => eventsOf(promise), { name: 'TypeError', message: /must be a Response, such as await fetch/ });
  });
});
