import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { createServer, type Server } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload } from '../support/frames.ts';
import { deferred, openWebSocket, patiently, RawClient, turns, until, upgradeRequest } from '../support/sockets.ts';

describe('drain', () => {
  it('closes sockets with 1012 and streams with a retry of their own, mixed, no second with more than twice its share', async () => {
    const clock = new FakeClock();
    const server = createServer({ clock, closeTimeoutMs: 5_000 })
      .webSocket('/', {})
      .eventStream('/s', () => {});
    await server.listen();
    const sockets: RawClient[] = [];
    const streams: RawClient[] = [];
    for (let i = 0; i < 60; i++) {
      sockets.push(await openWebSocket(server.port));
      const stream = (await RawClient.connect(server.port)).request('GET /s');
      await stream.head();
      streams.push(stream);
    }
    const told: string[] = [];
    const restsMs: number[] = []; // for each stream that was told: until the drain is over
    const endMs = clock.now() + 30_000;
    const drained = server.drain({
      overMs: 30_000,
      retryAfterMs: 20_000,
      onClose(one) {
        told.push(kindOf(one));
        if (kindOf(one) === 'stream') restsMs.push(endMs - clock.now());
      },
    });
    const perSecond: number[] = [];
    for (let second = 0; second < 30; second++) {
      const before = told.length;
      clock.advance(1_000);
      await turns(2);
      perSecond.push(told.length - before);
    }
    assert.equal(told.length, 120);
    assert.ok(Math.max(...perSecond) <= 8, `120 in 30 s are 4 a second: ${perSecond.join(' ')}`);
    const firstHalf = told.slice(0, 60);
    assert.equal(firstHalf.filter((kind) => kind === 'socket').length, 30, 'both kinds are mixed');
    const retries = new Set<number>();
    for (const [i, stream] of streams.entries()) {
      const retry = Number(/^retry: (\d+)\n\n$/.exec((await stream.chunked()).toString())![1]);
      // Until the drain is over a stream is answered 503, which ends an EventSource for good (HTML §9.2.3).
      assert.ok(retry >= restsMs[i]! && retry <= restsMs[i]! + 20_000, `${retry}, ${restsMs[i]} before the end`);
      retries.add(retry);
      stream.socket.end();
    }
    assert.ok(retries.size > 30, 'each stream has a time of its own');
    for (const socket of sockets) {
      assert.equal((await socket.closeFrame()).code, 1012);
      socket.frames({ opcode: 8, payload: closePayload(1012) }).socket.end();
    }
    await patiently('the end of the drain', drained);
    assert.equal(clock.timers, 0);
  });

  it('meanwhile: new connections get 503 and its Retry-After, connected clients are served, nothing is left behind', async () => {
    const clock = new FakeClock();
    const gate = deferred();
    const server = createServer({ clock })
      .webSocket('/', { message: (socket, data) => socket.send(data) })
      .get('/', () => ({ body: 'served' }))
      .get('/slow', () => gate.promise.then(() => ({ body: 'slow' })));
    await server.listen();
    const socket = await openWebSocket(server.port);
    const client = (await RawClient.connect(server.port)).request('GET /');
    await client.response();
    const slow = (await RawClient.connect(server.port)).request('GET /slow');
    await until('both are there', () => server.connections.http === 2);
    const drained = server.drain({ overMs: 10_000, retryAfterMs: 7_500 });
    const late = await RawClient.connect(server.port);
    const { status, headers } = await late.response();
    assert.deepEqual([status, headers.get('retry-after'), headers.get('connection')], [503, '8', 'close']);
    await late.end();
    late.socket.end();
    assert.equal((await client.request('GET /').response()).body.toString(), 'served');
    socket.frames({ opcode: 1, payload: 'still here' });
    assert.equal((await socket.frame()).payload.toString(), 'still here');
    clock.advance(10_100);
    assert.equal((await socket.closeFrame()).code, 1012);
    socket.frames({ opcode: 8, payload: closePayload(1012) }).socket.end();
    gate.resolve();
    assert.equal((await slow.response()).body.toString(), 'slow', 'a request that is being answered is answered');
    for (const one of [slow, client]) {
      await one.end();
      one.socket.end();
    }
    await patiently('the end of the drain', drained);
  });

  it('a stream in whose way as much waits as may is told when to come back all the same', async () => {
    const server = createServer().eventStream('/', () => {}, { maxBufferedBytes: 65_536 });
    await server.listen();
    const client = (await RawClient.connect(server.port, { paused: true })).request('GET /');
    await until('the stream is open', () => server.connections.eventStreams === 1);
    const [stream] = server.eventStreams;
    let turnsFull = 0; // behind which the system takes no more
    while (turnsFull < 20) {
      turnsFull++;
      while (stream!.send('x') !== 'dropped') turnsFull = 0;
      await turns(1);
    }
    const drained = server.drain();
    client.socket.resume();
    assert.match((await client.rest()).subarray(-50).toString(), /data: x\n\n.*retry: \d+\n\n\r\n0\r\n\r\n$/s);
    client.socket.end();
    await patiently('the end of the drain', drained);
  });

  it('of nobody it ends at once; by default it closes all at once', async () => {
    const server = createServer().webSocket('/', {});
    await server.listen();
    const client = await openWebSocket(server.port);
    const drained = server.drain();
    assert.deepEqual(await client.closeFrame(), { code: 1012, reason: 'the server restarts' });
    client.frames({ opcode: 8, payload: closePayload(1012) }).socket.end();
    await patiently('the end', drained);
    const empty = createServer();
    await empty.listen();
    await patiently('the end', empty.drain({ overMs: 60_000 }));
  });
});

describe('what opens while a server ends', () => {
  /** A server whose `upgrade` and `accept` are under way, and a client whose connection is kept open for its next request. */
  async function opening(): Promise<{
    readonly server: Server;
    readonly clock: FakeClock;
    readonly socket: RawClient;
    readonly stream: RawClient;
    readonly kept: RawClient;
    readonly decide: () => void;
    readonly end: (code: number, ended: Promise<void>) => Promise<void>;
  }> {
    const clock = new FakeClock();
    const gate = deferred();
    const decision = (): Promise<undefined> => gate.promise.then(() => undefined);
    const server = createServer({ clock })
      .webSocket('/slow', decision, { open() {} })
      .eventStream('/slow', decision, { open() {} })
      .eventStream('/', () => {});
    await server.listen();
    const socket = (await RawClient.connect(server.port)).write(upgradeRequest('/slow'));
    const stream = (await RawClient.connect(server.port)).request('GET /slow');
    const kept = (await RawClient.connect(server.port)).request('GET /nothing');
    await kept.response();
    await until('all are there', () => server.connections.http === 3);
    await turns();
    const end = async (code: number, ended: Promise<void>): Promise<void> => {
      assert.equal((await socket.head()).status, 101);
      assert.equal((await socket.closeFrame()).code, code);
      socket.frames({ opcode: 8, payload: closePayload(code) }).socket.end();
      stream.socket.end();
      kept.socket.end();
      await patiently('the end', ended);
      assert.equal(clock.timers, 0);
    };
    return { server, clock, socket, stream, kept, decide: () => gate.resolve(), end };
  }

  it('drain closes it at once as it closes the others: 1012, and a time to come back behind the end', async () => {
    const { server, clock, socket, stream, kept, decide, end } = await opening();
    const others: RawClient[] = []; // one is told at once, and one in the middle of the time
    for (let i = 0; i < 2; i++) {
      const other = (await RawClient.connect(server.port)).request('GET /');
      await other.head();
      others.push(other);
    }
    const told: string[] = [];
    const drained = server.drain({
      overMs: 60_000,
      retryAfterMs: 1_000,
      onClose: (one) => void told.push(kindOf(one)),
    });
    clock.advance(1_000);
    decide();
    kept.request('GET /');
    for (const client of [stream, kept]) {
      await client.head();
      const retry = Number(/^retry: (\d+)\n\n$/.exec((await client.chunked()).toString())?.[1]);
      assert.ok(retry >= 59_000 && retry <= 60_000, `${retry}`);
    }
    await until('the socket is told', () => told.length === 4);
    assert.deepEqual(told.sort(), ['socket', 'stream', 'stream', 'stream']);
    socket.frames({ opcode: 8, payload: closePayload(1012) }).socket.end(); // else it is dropped on the way
    await turns();
    clock.advance(30_000);
    for (const other of others) {
      await other.end();
      other.socket.end();
    }
    await end(1012, drained);
  });

  it('so it does what was decided only when the drain has come to its end', async () => {
    const { server, stream, decide, end } = await opening();
    const drained = server.drain({ retryAfterMs: 1_000 });
    await turns();
    decide();
    await stream.head();
    assert.match((await stream.chunked()).toString(), /^retry: \d{1,4}\n\n$/);
    await end(1012, drained);
  });

  it('close closes it with its own code, also in a drain, and says no time', async () => {
    const { server, stream, decide, end } = await opening();
    const drained = server.drain({ overMs: 60_000 });
    const closed = server.close(4000);
    decide();
    await stream.head();
    assert.equal((await stream.chunked()).toString(), '');
    await end(
      4000,
      Promise.all([closed, drained]).then(() => undefined),
    );
  });
});

describe('several drains', () => {
  /** A server with one stream and `count` WebSockets, drained over each of these times, one call after the other. */
  async function drained(
    timesMs: readonly number[],
    act: (drains: { clock: FakeClock; server: Server; resolved: number[]; told: object[] }) => Promise<void>,
  ): Promise<void> {
    const clock = new FakeClock();
    const server = createServer({ clock })
      .webSocket('/', {})
      .eventStream('/s', () => {});
    await server.listen();
    const socket = await openWebSocket(server.port);
    const stream = (await RawClient.connect(server.port)).request('GET /s');
    await stream.head();
    const resolved: number[] = [];
    const told: object[] = [];
    const onClose = (one: object): void => void told.push(one);
    const all = timesMs.map((overMs, i) => server.drain({ overMs, onClose }).then(() => resolved.push(i)));
    await act({ clock, server, resolved, told });
    await socket.closeFrame();
    socket.frames({ opcode: 8, payload: closePayload(1012) }).socket.end();
    await stream.end();
    stream.socket.end();
    await patiently('every drain', Promise.all(all));
    assert.equal(clock.timers, 0);
  }

  for (const [title, timesMs, overMs] of [
    ['a shorter one behind a longer one', [60_000, 0], 0],
    ['a longer one behind a shorter one', [2_000, 60_000], 2_000],
    ['a third one', [60_000, 1_000, 30_000], 1_000],
  ] as const)
    it(`${title}: all resolve when all have gone, and each connection is told once`, () =>
      drained(timesMs, async ({ clock, resolved, told }) => {
        await turns();
        assert.deepEqual(resolved, []);
        if (overMs > 0) clock.advance(overMs + 20);
        assert.equal(told.length, 2);
        assert.equal(new Set(told).size, 2);
      }));

  it('close ends all of them: nobody is told any more', () =>
    drained([60_000, 30_000], async ({ server, resolved, told }) => {
      const closed = server.close();
      await turns();
      assert.deepEqual([resolved, told], [[], []]);
      void closed;
    }));

  it('close in an onClose: nobody else is told', async () => {
    const server = createServer().webSocket('/', {});
    await server.listen();
    const clients = [await openWebSocket(server.port), await openWebSocket(server.port)];
    let told = 0;
    const drained = server.drain({
      onClose() {
        told++;
        void server.close();
      },
    });
    for (const client of clients) {
      assert.equal((await client.closeFrame()).code, 1001);
      client.frames({ opcode: 8, payload: closePayload(1001) }).socket.end();
    }
    await patiently('the end of the drain', drained);
    assert.equal(told, 1);
  });
});

function kindOf(connection: object): string {
  return 'ping' in connection ? 'socket' : 'stream';
}

describe('the end of a server', () => {
  it('is waited for by a process that has nothing else to do: a request that is never answered is dropped in time', () => {
    for (const how of ['close()', 'drain({ overMs: 50 })']) {
      const code = `
        import { connect } from 'node:net';
        import { once } from 'node:events';
        import { createServer } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)};
        const server = createServer({ closeTimeoutMs: 100 });
        const asked = new Promise((resolve) => server.get('/hang', () => new Promise(() => resolve())));
        await server.listen();
        const socket = connect(server.port, '127.0.0.1', () => socket.write('GET /hang HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
        await asked;
        socket.destroy();
        await once(socket, 'close');
        await server.${how};
        console.log('closed');`;
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      assert.deepEqual([status, stdout, stderr], [0, 'closed\n', '']);
    }
  });
});
