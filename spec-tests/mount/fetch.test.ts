/** Event streams as web responses: what is in the head, when the body is written, and how either side ends it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ConnectionClosed, type EventStream, eventStreamResponse } from '../../lib/index.ts';
import { FakeClock } from '../support/clock.ts';
import { deferred, patiently, turns, until } from '../support/sockets.ts';

const URL = 'https://app.example/answers?lastEventId=query';

const WORDS = 'the same words again and again, '.repeat(20);

function readerOf(response: Response): () => Promise<string | undefined> {
  const reader = response.body!.getReader();
  return async () => {
    const { done, value } = await patiently('a part of the body', reader.read());
    return done ? undefined : Buffer.from(value).toString();
  };
}

describe('eventStreamResponse', () => {
  it('has the head of our streams, and what the options add or replace', () => {
    const { status, headers } = eventStreamResponse(new Request(URL), (stream) => stream.close(), {
      headers: { 'Cache-Control': 'no-store', 'X-A': ['1', '2'] },
    });
    assert.equal(status, 200);
    assert.deepEqual(Object.fromEntries(headers), {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-a': '1, 2',
    });
  });

  it('the stream knows the request: path, fields, host, and where the client was', async () => {
    const told: unknown[] = [];
    const tell = (stream: EventStream): void => {
      const { path, host, secure, method, remoteAddress } = stream.request;
      told.push([stream.lastEventId, path, host, secure, method, remoteAddress]);
      stream.close();
    };
    await eventStreamResponse(new Request(URL), tell).text();
    await eventStreamResponse(
      new Request(URL, { method: 'POST', headers: { 'Last-Event-ID': 'é'.normalize() } }),
      tell,
    ).text();
    assert.deepEqual(told, [
      ['query', '/answers', 'app.example', true, 'GET', ''],
      ['\ufffd', '/answers', 'app.example', true, 'POST', ''],
    ]);
  });

  it('ends when the promise of run resolves, and everything that was sent has been read', async () => {
    const response = eventStreamResponse(new Request(URL), async (stream) => {
      stream.send({ id: '1', event: 'token', data: 'a' });
      await stream.write({ data: 'b\nc' });
      await turns(2);
      await stream.write('d');
    });
    assert.equal(await response.text(), 'event: token\nid: 1\ndata: a\n\ndata: b\ndata: c\n\ndata: d\n\n');
  });

  it('a plain function leaves it open until close', async () => {
    let stream: EventStream | undefined;
    const next = readerOf(
      eventStreamResponse(new Request(URL), (opened) => {
        stream = opened;
      }),
    );
    stream!.send('a');
    assert.equal(await next(), 'data: a\n\n');
    stream!.comment('still here');
    assert.equal(await next(), ': still here\n\n');
    stream!.close();
    assert.equal(await next(), undefined);
    assert.equal(stream!.closed, true);
    await until('the signal is aborted', () => stream!.signal.aborted);
    assert.equal(stream!.send('late'), 'dropped');
  });

  it('waits for the reader: write waits, send says so, and what is beyond maxBufferedBytes is dropped', async () => {
    let written = 0;
    let stream: EventStream | undefined;
    const done = deferred();
    const options = { highWaterMarkBytes: 10_000, maxBufferedBytes: 50_000 };
    const response = eventStreamResponse(
      new Request(URL),
      async (opened) => {
        stream = opened;
        for (; written < 100; written++) await opened.write('x'.repeat(1_000));
        done.resolve();
      },
      options,
    );
    await turns();
    assert.ok(written > 5 && written < 12, `${written} were written and none was read`);
    assert.ok(stream!.bufferedAmount > 9_000 && stream!.bufferedAmount < 13_000, `${stream!.bufferedAmount}`);
    const text = await response.text();
    await done.promise;
    assert.equal(text.length, 100 * 1_008);

    const results = new Set<string>();
    const flood = eventStreamResponse(
      new Request(URL),
      (opened) => {
        for (let i = 0; i < 100; i++) results.add(opened.send('x'.repeat(1_000)));
        opened.close();
      },
      options,
    );
    assert.deepEqual([...results], ['sent', 'backpressure', 'dropped']);
    const { length } = await flood.text();
    assert.ok(length > 45_000 && length <= 51_000, `${length} were kept`);
  });

  it('what is read is the reader’s own: later events do not change it', async () => {
    const parts: Uint8Array[] = [];
    let stream: EventStream | undefined;
    const response = eventStreamResponse(new Request(URL), (opened) => {
      stream = opened;
    });
    const reader = response.body!.getReader();
    for (let i = 0; i < 50; i++) {
      stream!.send(`number ${i}`);
      parts.push((await reader.read()).value!);
    }
    assert.deepEqual(
      parts.map((part) => Buffer.from(part).toString()),
      parts.map((_, i) => `data: number ${i}\n\n`),
    );
  });

  it('the request’s signal and cancel of the body are the client leaving: signal aborts, write rejects', async () => {
    for (const how of ['signal', 'cancel', 'signal before'] as const) {
      const controller = new AbortController();
      if (how === 'signal before') controller.abort(new Error('left'));
      let stream: EventStream | undefined;
      const rejected: unknown[] = [];
      const response = eventStreamResponse(new Request(URL, { signal: controller.signal }), async (opened) => {
        stream = opened;
        await opened.write('x'.repeat(100_000)).catch((error: unknown) => rejected.push(error));
      });
      if (how === 'signal') controller.abort(new Error('left'));
      if (how === 'cancel') await response.body!.cancel();
      await until('run has heard', () => rejected.length === 1);
      assert.ok(rejected[0] instanceof ConnectionClosed);
      assert.equal(stream!.signal.aborted, true);
      if (how !== 'cancel') await assert.rejects(response.text(), /left/);
    }
  });

  it('a server that aborts and cancels in one call is told of an end, not of an error', async () => {
    const controller = new AbortController();
    let stream: EventStream | undefined;
    const request = new Request(URL, { signal: controller.signal });
    const reader = eventStreamResponse(request, (opened) => {
      stream = opened;
    }).body!.getReader();
    const reading = reader.read();
    controller.abort(new Error('left'));
    await reader.cancel();
    assert.equal((await patiently('the read', reading)).done, true);
    await until('the signal is aborted', () => stream!.signal.aborted);
  });

  it('a run that throws or rejects errors the body, and the error is told to onError alone', async () => {
    const errors: unknown[] = [];
    const options = { onError: (error: unknown) => void errors.push(error) };
    const sync = eventStreamResponse(
      new Request(URL),
      () => {
        throw new Error('one');
      },
      options,
    );
    await assert.rejects(sync.text(), ConnectionClosed);
    const late = eventStreamResponse(
      new Request(URL),
      async (stream) => {
        await stream.write('a');
        throw new Error('two');
      },
      options,
    );
    await assert.rejects(late.text(), /dropped before its end/);
    const dropped = eventStreamResponse(new Request(URL), (stream) => stream.terminate(), options);
    await assert.rejects(dropped.text(), ConnectionClosed);
    assert.deepEqual(errors.map(String), ['Error: one', 'Error: two']);
    // There is no body in it, so it is no client's mistake.
    await assert.rejects(eventStreamResponse(new Request(URL), ({ request }) => request.json(), options).text());
    assert.match(String(errors[2]), /request body is not JSON/);
  });

  it('heartbeats while nothing is sent, and gives up a reader that takes nothing', async () => {
    const clock = new FakeClock();
    let stream: EventStream | undefined;
    const response = eventStreamResponse(
      new Request(URL),
      (opened) => {
        stream = opened;
      },
      { clock, heartbeatIntervalMs: 1_000, writeTimeoutMs: 4_000 },
    );
    const next = readerOf(response);
    const beat = next();
    for (let i = 0; i < 12; i++) clock.advance(250);
    assert.match((await beat) ?? '', /^(: \n\n)+$/);
    stream!.send('nobody reads this');
    await turns();
    for (let i = 0; i < 40; i++) clock.advance(250);
    assert.equal(stream!.closed, true);
    await assert.rejects(next(), ConnectionClosed);
  });

  it('is compressed where options and client agree, and says so', async () => {
    const gzip = new Request(URL, { headers: { 'Accept-Encoding': 'gzip' } });
    const send = async (stream: EventStream): Promise<void> => {
      for (let i = 0; i < 20; i++) await stream.write({ data: WORDS });
    };
    const response = eventStreamResponse(gzip, send, { contentCodings: ['gzip'] });
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.equal(response.headers.get('vary'), 'Accept-Encoding');
    const body = Buffer.from(await response.arrayBuffer());
    assert.ok(body.length < 20 * 100, `${body.length} bytes`);
    assert.equal(gunzipSync(body).toString(), `data: ${WORDS}\n\n`.repeat(20));
    const plain = eventStreamResponse(gzip, send);
    assert.equal(plain.headers.get('content-encoding'), null);
    await plain.text();
  });

  it('HEAD gets the head alone, and run is not called', async () => {
    let called = false;
    const response = eventStreamResponse(new Request(URL, { method: 'HEAD' }), () => {
      called = true;
    });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.body, null);
    assert.equal(called, false);
  });

  it('wrong arguments and options are refused at the call', () => {
    const run = (): void => {};
    const loose = eventStreamResponse as (request: unknown, run: unknown, options?: unknown) => Response;
    assert.throws(() => loose({ url: URL }, run), /request is an object, must be a web Request/);
    assert.throws(() => loose(new Request(URL), {}), /run is an object, must be a function/);
    assert.throws(() => loose(new Request(URL), run, { heartbeatInterval: 1 }), /did you mean heartbeatIntervalMs/);
    assert.throws(() => loose(new Request(URL), run, { writeTimeoutMs: 0 }), RangeError);
  });
});
