/** What observers, `node:diagnostics_channel` and the metrics are told: each thing once, and nothing made where nobody listens. */

import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import type { EventName, ObservedEvents, Observer } from '../../lib/observe.ts';
import { EVENT_NAMES } from '../../lib/observe.ts';
import { createServer, metrics, type Server } from '../../lib/server.ts';
import { connectPair, connectRaw, FakeClock, openStream, request } from '../../lib/testing/index.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { fromClient } from '../support/frames.ts';
import { RawClient, turns, until, withServer } from '../support/sockets.ts';

type Told = { readonly [Name in EventName]: ObservedEvents[Name][] };

/** An observer that writes everything down. */
function recorder(): { readonly told: Told; readonly observer: Observer } {
  const told = Object.fromEntries(EVENT_NAMES.map((name) => [name, []])) as unknown as Told;
  const observer = Object.fromEntries(
    EVENT_NAMES.map((name) => [name, (event: never) => void (told[name] as unknown[]).push(event)]),
  );
  return { told, observer };
}

/** Samples of a metrics text by their name with labels, read by the rules of the format 0.0.4. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  let family = '';
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-z_]+) (?:[^\\]|\\[\\n])+$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)+\})? (-?[0-9.e+-]+)$/.exec(line);
    if (help !== null) {
      family = help[1]!;
      assert.ok(!types.has(family), `${family} has one HELP`);
    } else if (type !== null) {
      assert.equal(type[1], family, 'TYPE stands behind its HELP');
      types.set(family, type[2]!);
      if (type[2] === 'counter') assert.match(family, /_total$/);
    } else {
      assert.ok(sample !== null, line);
      const [, name, labels = '', value] = sample;
      const suffix = name!.slice(family.length);
      assert.ok(name!.startsWith(family), `${name} stands in its family`);
      if (types.get(family) === 'histogram') assert.match(suffix, /^_(bucket|sum|count)$/);
      else assert.equal(suffix, '');
      assert.ok(!samples.has(`${name}${labels}`), `${line} is there once`);
      samples.set(`${name}${labels}`, Number(value));
    }
  }
  return samples;
}

const place = { side: 'server', kind: 'websocket', route: '/:room' };

describe('an observer', () => {
  it('is told of a connection from its beginning to its end', async () => {
    const { told, observer } = recorder();
    const clock = new FakeClock();
    const server = createServer({ observer, clock }).webSocket('/:room', {
      message: (socket, data) => void socket.send(data),
    });
    const socket = await connectPair(server, '/x', { remote: { address: '192.0.2.1' } });
    socket.send('grün');
    await socket.expect('grün');
    socket.send(new Uint8Array(7));
    await socket.next();
    clock.advance(2_500);
    await socket.close(3_001, 'enough');
    assert.deepEqual(told.connect, [{ remoteAddress: '192.0.2.1', secure: false }]);
    const { connection } = told.open[0]!;
    assert.deepEqual(told.open, [{ place, connection }]);
    const message = (direction: string, kind: string, sizeBytes: number): object => ({
      place,
      connection,
      direction,
      kind,
      sizeBytes,
    });
    assert.deepEqual(told.message, [
      message('received', 'text', 5),
      message('sent', 'text', 5),
      message('received', 'binary', 7),
      message('sent', 'binary', 7),
    ]);
    await turns();
    assert.deepEqual(told.close, [
      { place, connection, code: 3_001, reason: 'enough', durationMs: 2_500, error: undefined },
    ]);
    for (const name of ['refusal', 'backpressure', 'drop', 'roundTrip', 'error'] as const)
      assert.deepEqual(told[name], [], name);
  });

  it('is told of messages in whatever form they are sent', async () => {
    const { told, observer } = recorder();
    const server = createServer({ observer }).webSocket('/', {
      open(socket) {
        socket.send(prepareMessage('grün'));
        socket.sendText(Buffer.from('grün'));
        socket.send(new ArrayBuffer(9));
        void socket.write('written');
      },
      textBytes: () => undefined,
    });
    const socket = await connectPair(server, '/');
    socket.send('as bytes');
    await turns();
    assert.deepEqual(
      told.message.map(({ direction, kind, sizeBytes }) => [direction, kind, sizeBytes]),
      [
        ['sent', 'text', 5],
        ['sent', 'text', 5],
        ['sent', 'binary', 9],
        ['sent', 'text', 7],
        ['received', 'text', 8],
      ],
    );
  });

  it('is told of backpressure and of drops, and of a write once, however often it is tried', async () => {
    const { told, observer } = recorder();
    const server = createServer({ observer, maxBufferedBytes: 500_000, highWaterMarkBytes: 100_000 }).webSocket('/', {
      open(socket) {
        const part = new Uint8Array(200_000);
        assert.equal(socket.send(part), 'sent');
        assert.equal(socket.send(part), 'backpressure');
        assert.equal(socket.send(part), 'backpressure');
        assert.equal(socket.send(part), 'dropped');
        void socket.write(part);
      },
    });
    const socket = await connectPair(server, '/');
    for (let i = 0; i < 4; i++) await socket.next();
    assert.equal(told.backpressure.length, 3);
    assert.ok(told.backpressure.every(({ queuedBytes }) => queuedBytes > 100_000 && queuedBytes <= 500_000));
    assert.equal(told.drop.length, 1);
    assert.equal(told.message.length, 4);
  });

  it('a write that has no room yet is no drop', async () => {
    const { told, observer } = recorder();
    const limits = { maxBufferedBytes: 500_000, highWaterMarkBytes: 100_000 };
    const server = createServer({ observer, ...limits }).webSocket('/', {
      open(socket) {
        for (const size of [250_000, 99_000]) assert.equal(socket.send(new Uint8Array(size)), 'sent');
        void socket.write(new Uint8Array(450_000)); // 549,000 octets would wait
      },
    });
    const socket = await connectPair(server, '/');
    for (const size of [250_000, 99_000, 450_000]) assert.equal((await socket.next()).length, size);
    assert.deepEqual([told.message.length, told.drop.length], [3, 0]);
  });

  it('a write to an event stream that has no room yet is no drop either', async () => {
    const { told, observer } = recorder();
    const limits = { maxBufferedBytes: 500_000, highWaterMarkBytes: 100_000 };
    const server = createServer({ observer, ...limits }).eventStream('/', {
      open(stream) {
        for (const size of [250_000, 99_000]) assert.equal(stream.send('x'.repeat(size)), 'sent');
        void stream.write('x'.repeat(450_000));
      },
    });
    const stream = await openStream(server, '/');
    for (const size of [250_000, 99_000, 450_000]) assert.equal((await stream.next()).data.length, size);
    assert.deepEqual([told.message.length, told.drop.length], [3, 0]);
  });

  it('is told of refusals, and why', async () => {
    const { told, observer } = recorder();
    const server = createServer({ observer, onError: () => {} })
      .webSocket('/no', () => ({ status: 403, body: 'not you' }), { open() {} })
      .webSocket('/', { open() {} })
      .webSocket(
        '/broken',
        () => {
          throw new Error('broken');
        },
        { open() {} },
      )
      .eventStream('/events', () => ({ status: 401 }), { open() {} })
      .post('/post', () => ({}));
    const origin = { Origin: 'https://evil.example' };
    for (const path of ['/no', '/none', '/broken']) await assert.rejects(connectPair(server, path));
    await assert.rejects(connectPair(server, '/', { headers: origin }));
    await assert.rejects(openStream(server, '/events'));
    await request(server, '/none');
    await request(server, '/post');
    await request(server, '/post', { method: 'POST', headers: origin });
    const raw = connectRaw(server, { remote: { address: '192.0.2.9' } });
    raw.write('nonsense\r\n\r\n');
    await raw.ended;
    assert.deepEqual(
      told.refusal.map(({ why, status, path }) => `${why} ${status} ${path}`),
      [
        'handler 403 /no',
        'route 404 /none',
        'error 500 /broken',
        'origin 403 /',
        'handler 401 /events',
        'route 404 /none',
        'route 405 /post',
        'origin 403 /post',
        'request 400 ',
      ],
    );
    assert.equal(told.refusal[0]!.detail, 'not you');
    assert.match(told.refusal.at(-1)!.detail, /RFC 9112/);
    assert.equal(told.refusal.at(-1)!.remoteAddress, '192.0.2.9');
    assert.deepEqual(
      told.error.map(({ error }) => (error as Error).message),
      ['broken'],
    );
  });

  it('is told of clients that are one too many', async () => {
    const { told, observer } = recorder();
    await withServer(
      { observer, maxConnections: 1 },
      (server) => server.get('/', () => ({})),
      async (server) => {
        await RawClient.connect(server.port);
        await until('it is accepted', () => told.connect.length === 1);
        await RawClient.connect(server.port);
        await until('it is refused', () => told.refusal.length === 1);
        const { why, status, path, detail } = told.refusal[0]!;
        assert.deepEqual(
          [why, status, path, detail],
          ['limit', 503, '', 'no more connections are taken (RFC 9110 §15.6.4)'],
        );
        assert.equal(told.connect.length, 1);
        assert.match(metrics(server), /^barewire_refusals_total\{why="limit"\} 1$/m);
      },
    );
  });

  it('is told of round trips, of our heartbeat and of a ping that a handler sends', async () => {
    const { told, observer } = recorder();
    const clock = new FakeClock();
    const server = createServer({ observer, clock, pingIntervalMs: 1_000 }).webSocket('/', {
      open: (socket) => void socket.ping(),
    });
    const socket = await connectPair(server, '/');
    await turns();
    assert.equal(told.roundTrip.length, 1);
    socket.sendRaw(fromClient({ opcode: 10, payload: 'unasked' })); // RFC 6455 §5.5.3 allows it
    await turns();
    assert.equal(told.roundTrip.length, 1, 'a pong that answers no ping measures nothing');
    for (let i = 0; i < 8; i++) {
      clock.advance(250);
      await turns();
    }
    assert.equal(told.roundTrip.length, 2);
    assert.ok(told.roundTrip.every(({ roundTripMs }) => roundTripMs >= 0));
  });

  it('is told of an event stream likewise', async () => {
    const { told, observer } = recorder();
    const server = createServer({ observer }).eventStream('/', async (stream) => {
      await stream.write({ data: 'one' });
      stream.comment('two');
    });
    const stream = await openStream(server, '/');
    await stream.closed;
    await turns();
    const events = { side: 'server', kind: 'event-stream', route: '/' };
    assert.deepEqual(told.open[0]!.place, events);
    assert.deepEqual(
      told.message.map(({ direction, kind, sizeBytes }) => [direction, kind, sizeBytes]),
      [
        ['sent', 'event', 'data: one\n\n'.length],
        ['sent', 'event', ': two\n\n'.length],
      ],
    );
    assert.deepEqual([told.close.length, told.close[0]!.code], [1, 0]);
  });

  it('what one throws goes to the error handler; the others are told all the same, and nobody is harmed', async () => {
    const errors: unknown[] = [];
    const { told, observer } = recorder();
    const broken: Observer = {
      message() {
        throw new Error('broken observer');
      },
    };
    const server = createServer({ observer: [broken, observer], onError: (error) => void errors.push(error) });
    server.webSocket('/', { message: (socket, data) => void socket.send(data) });
    const socket = await connectPair(server, '/');
    socket.send('x');
    await socket.expect('x');
    assert.equal(told.message.length, 2);
    assert.deepEqual(errors.map(String), ['Error: broken observer', 'Error: broken observer']);
  });

  it('is checked at the call', () => {
    const wrong =
      (observer: unknown): (() => Server) =>
      () =>
        createServer({ observer } as never);
    for (const [observer, said] of [
      [5, /observer is 5, must be an object with methods such as connect/],
      [{ message: 5 }, /observer is an object, whose message is 5, must be a function/],
      [{ mesage() {} }, /there is no event mesage; did you mean message\?/],
      [[{ message() {} }, null], /observer is an array, must be an object with methods such as connect/],
    ] as const)
      assert.throws(wrong(observer), said);
    class Counting {
      readonly count = 0;
      message(): void {}
    }
    assert.doesNotThrow(wrong([new Counting(), {}]));
  });
});

describe('node:diagnostics_channel', () => {
  it('publishes each event as barewire:NAME, to whoever subscribes while the server runs', async () => {
    const server = createServer().webSocket('/:room', { message: (socket, data) => void socket.send(data) });
    const socket = await connectPair(server, '/x');
    socket.send('nobody hears this');
    await socket.next();
    const heard: unknown[] = [];
    const subscribers = EVENT_NAMES.map((name) => {
      const hear = (event: unknown): void => void heard.push([name, event]);
      channel(`barewire:${name}`).subscribe(hear);
      return [channel(`barewire:${name}`), hear] as const;
    });
    socket.send('x');
    await socket.next();
    await socket.close();
    await turns();
    for (const [each, hear] of subscribers) each.unsubscribe(hear);
    const [connection] = heard.map((each) => (each as [string, { connection: object }])[1].connection);
    const { durationMs } = (heard.at(-1) as [string, { durationMs: number }])[1];
    assert.deepEqual(heard, [
      ['message', { place, connection, direction: 'received', kind: 'text', sizeBytes: 1 }],
      ['message', { place, connection, direction: 'sent', kind: 'text', sizeBytes: 1 }],
      ['close', { place, connection, code: 1_000, reason: '', durationMs, error: undefined }],
    ]);
  });
});

describe('metrics', () => {
  const ws = 'kind="websocket",route="/:room"';

  it('counters never fall when connections close; gauges do; histograms are cumulative', async () => {
    const clock = new FakeClock();
    const server = createServer({ clock, pingIntervalMs: 0 }).webSocket('/:room', {
      message: (socket, data) => void socket.send(data),
    });
    const read = (): Map<string, number> => parseMetrics(metrics(server));
    const one = await connectPair(server, '/1');
    const two = await connectPair(server, '/2');
    for (const socket of [one, two, two]) {
      socket.send('12345');
      await socket.expect('12345');
    }
    const open = read();
    assert.equal(open.get('barewire_connects_total'), 2);
    assert.equal(open.get('barewire_connections{kind="websocket"}'), 2);
    assert.equal(open.get(`barewire_received_messages_total{${ws}}`), 3);
    assert.equal(open.get(`barewire_sent_bytes_total{${ws}}`), 3 * 7 + 2 * 129, 'frames, and the head before them');
    clock.advance(5_000);
    await two.close();
    await turns();
    clock.advance(100_000);
    await one.close(4_000);
    await turns();
    const closed = read();
    for (const [name, value] of open)
      if (/_total/.test(name)) assert.ok((closed.get(name) ?? -1) >= value, `${name} has fallen`);
    assert.equal(closed.get('barewire_connections{kind="websocket"}'), 0);
    assert.equal(closed.get(`barewire_sent_messages_total{${ws}}`), 3);
    assert.equal(closed.get(`barewire_closed_total{${ws},code="1000"}`), 1);
    assert.equal(closed.get(`barewire_closed_total{${ws},code="4000"}`), 1);
    const bucket = (le: string): number | undefined =>
      closed.get(`barewire_connection_duration_seconds_bucket{${ws},le="${le}"}`);
    assert.deepEqual(['1', '10', '60', '300', '86400', '+Inf'].map(bucket), [0, 1, 1, 2, 2, 2]);
    assert.equal(closed.get(`barewire_connection_duration_seconds_count{${ws}}`), 2);
    assert.equal(closed.get(`barewire_connection_duration_seconds_sum{${ws}}`), 110);
  });

  it('refusals and errors by themselves; a server without anything has a text that can be read', async () => {
    const server = createServer({ onError: () => {} }).get('/broken', () => {
      throw new Error('broken');
    });
    assert.equal(parseMetrics(metrics(server)).get('barewire_handler_errors_total'), 0);
    await request(server, '/broken');
    await request(server, '/none');
    await request(server, '/none');
    const samples = parseMetrics(metrics(server));
    assert.equal(samples.get('barewire_handler_errors_total'), 1);
    assert.equal(samples.get('barewire_refusals_total{why="route"}'), 2);
  });

  it('a label is escaped: backslash, quotation mark, line feed', () => {
    const server = createServer().webSocket('/a"b\\c', { open() {} });
    assert.match(metrics(server), /route="\/a\\"b\\\\c"/);
    parseMetrics(metrics(server));
  });
});
