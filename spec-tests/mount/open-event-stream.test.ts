/** Event streams that handlers of other servers open on their own responses. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { constants, createGzip, gunzipSync } from 'node:zlib';
import { openEventStream } from '../../lib/mount/open-event-stream.ts';
import type { EventStream } from '../../lib/net/api.ts';
import { FakeClock } from '../support/clock.ts';
import { closeHttp, listen } from '../support/doors.ts';
import { deferred, patiently, RawClient, turns, until } from '../support/sockets.ts';

async function withHandler(handler: RequestListener, body: (port: number) => Promise<void>): Promise<void> {
  const http = createHttpServer(handler);
  const port = await listen(http);
  try {
    await body(port);
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    await closeHttp(http);
  }
}

describe('openEventStream', () => {
  it('sends the head of an event stream, events and an end, behind which the connection serves the next request', async () => {
    await withHandler(
      (request, response) => {
        const stream = openEventStream(request, response, { headers: { 'X-Extra': 'yes' } });
        assert.equal(stream.send({ id: '7', data: `after ${stream.lastEventId}` }), 'sent');
        stream.comment('noted');
        stream.close();
        assert.equal(stream.send('late'), 'dropped');
      },
      async (port) => {
        const client = await RawClient.connect(port);
        for (let i = 0; i < 2; i++) {
          const { status, headers, body } = await client.request('GET /', { 'Last-Event-ID': '6' }).response();
          assert.equal(status, 200);
          assert.equal(headers.get('content-type'), 'text/event-stream');
          assert.equal(headers.get('cache-control'), 'no-cache, no-transform');
          assert.equal(headers.get('x-accel-buffering'), 'no');
          assert.equal(headers.get('x-extra'), 'yes');
          assert.equal(body.toString(), 'id: 7\ndata: after 6\n\n: noted\n\n');
        }
      },
    );
  });

  it('the head leaves at once, also when nothing is sent', async () => {
    await withHandler(
      (request, response) => void openEventStream(request, response),
      async (port) => {
        assert.equal((await (await RawClient.connect(port)).request('GET /').head()).status, 200);
      },
    );
  });

  it('status and fields that were set before stay, but for what makes it an event stream', async () => {
    await withHandler(
      (request, response) => {
        response.statusCode = 203;
        response.setHeader('Cache-Control', 'private, no-store');
        response.setHeader('Content-Type', 'text/html');
        response.setHeader('Content-Length', '5');
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        openEventStream(request, response).close();
      },
      async (port) => {
        const { status, headers, body } = await (await RawClient.connect(port)).request('GET /').response();
        assert.equal(status, 203);
        assert.equal(headers.get('cache-control'), 'private, no-store');
        assert.equal(headers.get('content-type'), 'text/event-stream');
        assert.equal(headers.has('content-length'), false);
        assert.equal(headers.get('set-cookie'), 'a=1, b=2');
        assert.equal(body.length, 0);
      },
    );
  });

  it('compresses where asked to and where the client takes it', async () => {
    await withHandler(
      (request, response) => {
        const stream = openEventStream(request, response, { contentCodings: ['gzip'] });
        stream.send('x'.repeat(1_000));
        stream.close();
      },
      async (port) => {
        const { headers, body } = await (await RawClient.connect(port))
          .request('GET /', { 'Accept-Encoding': 'gzip' })
          .response();
        assert.equal(headers.get('content-encoding'), 'gzip');
        assert.equal(headers.get('vary'), 'accept-encoding');
        assert.equal(gunzipSync(body).toString(), `data: ${'x'.repeat(1_000)}\n\n`);
      },
    );
  });

  it('goes through middleware that replaces write, drops its callback and wants to be flushed', async () => {
    await withHandler(
      (request, response) => {
        replaceWrite(response);
        const stream = openEventStream(request, response);
        void (async () => {
          await stream.write('one');
          await stream.write('y'.repeat(200_000));
          await stream.write('three');
          stream.close();
        })();
      },
      async (port) => {
        const { headers, body } = await (await RawClient.connect(port)).request('GET /').response();
        assert.equal(headers.get('content-encoding'), 'gzip');
        assert.equal(gunzipSync(body).toString(), `data: one\n\ndata: ${'y'.repeat(200_000)}\n\ndata: three\n\n`);
      },
    );
  });

  it('behind such middleware each event leaves at once, and a client that does not read holds it back', async () => {
    const opened = deferred<EventStream>();
    await withHandler(
      (request, response) => {
        replaceWrite(response);
        opened.resolve(openEventStream(request, response, { maxBufferedBytes: 67_108_864 }));
      },
      async (port) => {
        const client = (await RawClient.connect(port)).request('GET /');
        const stream = await opened.promise;
        await client.head();
        stream.send('one');
        let bytes = Buffer.alloc(0);
        const text = (): string => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
        while (bytes.length === 0 || !text().includes('data: one\n\n'))
          bytes = Buffer.concat([bytes, (await client.chunk()) ?? Buffer.alloc(0)]);
        client.socket.pause();
        const noise = randomBytes(786_432).toString('base64');
        for (let i = 0; i < 32; i++) stream.send(noise);
        await turns(1_000);
        const heldBack = stream.bufferedAmount;
        assert.ok(heldBack > 16_777_216, `${heldBack} bytes are held back`);
        client.socket.resume();
        await until('it flows again', () => stream.bufferedAmount === 0);
      },
    );
  });

  it('a client that leaves aborts the signal, and waiting writes reject', async () => {
    const opened = deferred<EventStream>();
    await withHandler(
      (request, response) => opened.resolve(openEventStream(request, response)),
      async (port) => {
        const client = (await RawClient.connect(port)).request('GET /');
        const stream = await opened.promise;
        await client.head();
        client.socket.resetAndDestroy();
        await until('the signal aborts', () => stream.signal.aborted);
        assert.equal(stream.closed, true);
        await assert.rejects(stream.write('x'), { code: 'CONNECTION_CLOSED' });
      },
    );
  });

  it('behind a client that has left already it is closed, and its signal aborts', async () => {
    const gone = deferred<EventStream>();
    await withHandler(
      (request, response) => {
        response.on('close', () => setImmediate(() => gone.resolve(openEventStream(request, response))));
        response.setHeader('X', 'y');
      },
      async (port) => {
        const client = (await RawClient.connect(port)).request('GET /');
        await turns();
        client.socket.destroy();
        const stream = await gone.promise;
        await until('the signal aborts', () => stream.signal.aborted);
        assert.equal(stream.send('x'), 'dropped');
      },
    );
  });

  it('so it is where its request waited for its turn when the client left (RFC 9112 §9.3.2)', async () => {
    const gone = deferred<EventStream>();
    await withHandler(
      (request, response) => {
        if (request.url === '/late')
          request.socket.on('close', () => setImmediate(() => gone.resolve(openEventStream(request, response))));
      },
      async (port) => {
        const client = (await RawClient.connect(port)).request('GET /never').request('GET /late');
        await turns();
        client.socket.destroy();
        const stream = await patiently('the request behind', gone.promise);
        await until('the signal aborts', () => stream.signal.aborted);
        assert.equal(stream.closed, true);
        assert.equal(stream.send('x'), 'dropped');
      },
    );
  });

  it('HEAD gets the fields of GET and a stream that is closed (RFC 9110 §9.3.2)', async () => {
    const opened = deferred<EventStream>();
    await withHandler(
      (request, response) => opened.resolve(openEventStream(request, response)),
      async (port) => {
        const client = (await RawClient.connect(port)).request('HEAD /');
        assert.equal((await client.response(true)).headers.get('content-type'), 'text/event-stream');
        assert.equal((await opened.promise).send('x'), 'dropped');
        assert.equal((await client.request('HEAD /').response(true)).status, 200);
      },
    );
  });

  it('heartbeats keep proxies patient, and a reader that stalls is dropped after writeTimeoutMs', async () => {
    const clock = new FakeClock();
    const opened = deferred<EventStream>();
    await withHandler(
      (request, response) =>
        opened.resolve(
          openEventStream(request, response, {
            clock,
            heartbeatIntervalMs: 1_000,
            writeTimeoutMs: 2_000,
            maxBufferedBytes: 33_554_432,
          }),
        ),
      async (port) => {
        const client = (await RawClient.connect(port)).request('GET /');
        await client.head();
        const stream = await opened.promise;
        for (let i = 0; i < 3; i++) clock.advance(1_000);
        assert.match((await client.chunk())?.toString() ?? '', /^(: \n\n)+$/);
        client.socket.pause();
        for (let i = 0; i < 16; i++) stream.send('x'.repeat(1_048_576));
        await turns();
        for (let i = 0; i < 6; i++) {
          clock.advance(1_000);
          await turns();
        }
        await until('it is dropped', () => stream.signal.aborted);
        client.socket.destroy();
      },
    );
  });

  it('refuses a head that was sent, a wrong option, one of another’s business and one out of bounds', async () => {
    const faults: string[] = [];
    await withHandler(
      (request, response) => {
        for (const options of [{ heartbeat: 1 }, { allowedOrigins: '*' }, { writeTimeoutMs: 0 }])
          try {
            openEventStream(request, response, options as object);
          } catch (error) {
            faults.push(String(error));
          }
        response.write('x');
        try {
          openEventStream(request, response);
        } catch (error) {
          faults.push(String(error));
        }
        response.end();
      },
      async (port) => {
        await (await RawClient.connect(port)).request('GET /').response();
        assert.match(faults[0] ?? '', /^TypeError: openEventStream: unknown option heartbeat/);
        assert.match(faults[1] ?? '', /^TypeError: openEventStream: allowedOrigins is "\*", must be left out/);
        assert.match(faults[2] ?? '', /^RangeError: openEventStream: writeTimeoutMs is 0/);
        assert.match(faults[3] ?? '', /^TypeError: openEventStream: the head of the response has been sent already/);
      },
    );
  });

  it('works on HTTP/2’s response of the same face: events, end, terminate, and a client that resets', async () => {
    const streams: EventStream[] = [];
    const http2 = createHttp2Server((request, response) => {
      const stream = openEventStream(request, response);
      streams.push(stream);
      if (request.url === '/silent') return;
      stream.send('hello');
      if (request.url === '/end') stream.close();
    });
    await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    const session = connectHttp2(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
    const ended = session.request({ ':path': '/end' });
    let text = '';
    for await (const chunk of ended.setEncoding('utf8')) text += String(chunk);
    assert.equal(text, 'data: hello\n\n');
    await until('it has ended', () => streams[0]!.signal.aborted);
    const open = session.request({ ':path': '/open' });
    await new Promise((resolve) => open.once('data', resolve));
    open.on('error', () => undefined);
    open.close(8); // CANCEL, RFC 9113 §7
    await until('the signal aborts', () => streams[1]!.signal.aborted);
    const dropped = session.request({ ':path': '/dropped' });
    await new Promise((resolve) => dropped.once('data', resolve));
    const reset = new Promise((resolve) => dropped.once('close', resolve));
    streams[2]!.terminate();
    await reset;
    assert.equal(dropped.rstCode, 8, 'CANCEL: NO_ERROR would stand for a complete answer (RFC 9113 §8.1)');
    const silent = session.request({ ':path': '/silent' });
    await new Promise((resolve) => silent.once('response', resolve));
    streams[3]!.close();
    silent.resume();
    session.close();
    await new Promise<void>((resolve) => http2.close(() => resolve()));
  });
});

/** What compression middleware does to a response: gzip behind `write`, without callbacks, sent by `flush`. */
function replaceWrite(response: ServerResponse): void {
  const gzip = createGzip();
  const write = response.write.bind(response) as (chunk: Buffer) => boolean;
  const end = response.end.bind(response) as () => ServerResponse;
  gzip.on('data', (chunk: Buffer) => {
    if (!write(chunk)) gzip.pause();
  });
  response.on('drain', () => gzip.resume());
  gzip.on('end', () => end());
  const on = response.on.bind(response);
  Object.assign(response, {
    write(chunk: Buffer) {
      if (!response.headersSent) response.setHeader('Content-Encoding', 'gzip');
      return gzip.write(chunk);
    },
    end: () => gzip.end(),
    flush: () => gzip.flush(),
    on: (event: string, listener: () => void) => (event === 'drain' ? gzip.on(event, listener) : on(event, listener)),
  });
}
