import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { jitterMs, retryAfterMs } from '../../lib/client/backoff.ts';
import {
  type ReconnectingOptions,
  ReconnectingWebSocket,
  type WaitingEvent,
  type WebSocketLike,
} from '../../lib/client/reconnecting.ts';
import { ReconnectingWebSocket as OnNode } from '../../lib/client/reconnecting-node.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { WebSocket as EmitterWebSocket } from '../../lib/ws/index.ts';
import { browserBundle } from '../support/bundle.ts';
import { next, switching, withRawServer } from '../support/client.ts';
import { FakeClock } from '../support/clock.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { turns, until, withServer } from '../support/sockets.ts';

/** A WebSocket that does what the test says, and nothing by itself. */
class FakeSocket implements WebSocketLike {
  static all: FakeSocket[] = [];
  binaryType = '';
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readonly sent: unknown[] = [];
  readonly closed: unknown[][] = [];
  readonly arguments: unknown[];

  constructor(...given: unknown[]) {
    this.arguments = given;
    FakeSocket.all.push(this);
  }
  send(data: never): void {
    this.sent.push(data);
  }
  close(...given: unknown[]): void {
    this.closed.push(given);
  }
  open(): void {
    this.onopen?.({} as never);
  }
  lose(code: number, reason = '', error?: object): void {
    if (error !== undefined) this.onerror?.({ error } as never);
    this.onclose?.({ code, reason } as never);
  }
}

/** One that connects to fakes, by a fake clock, with the whole of every wait. */
function reconnecting(options: ReconnectingOptions = {}) {
  FakeSocket.all = [];
  const clock = new FakeClock();
  const log: string[] = [];
  const socket = new ReconnectingWebSocket('ws://x', {
    WebSocket: FakeSocket,
    clock,
    random: () => 1,
    ...options,
  });
  socket.addEventListener('open', () => log.push('open'));
  socket.addEventListener('message', ({ data }) => log.push(`message ${data}`));
  socket.addEventListener('waiting', ({ retryInMs, attempt }) => log.push(`waiting ${retryInMs} ${attempt}`));
  socket.addEventListener('close', ({ code, reason, status }) =>
    log.push(`close ${code} ${reason} ${status ?? ''}`.trim()),
  );
  const latest = async (): Promise<FakeSocket> => {
    await turns(2);
    return FakeSocket.all.at(-1)!;
  };
  /** Waits as long as was said last. */
  const wait = (): void => clock.advance(Number(log.at(-1)?.split(' ')[1]));
  return { clock, log, socket, latest, wait };
}

describe('ReconnectingWebSocket: coming back', () => {
  it('full jitter under a doubling ceiling from the first retry on, up to the cap', () => {
    assert.deepEqual(
      [0, 1, 2, 5, 40].map((attempt) => jitterMs(attempt, 1_000, 30_000, 1)),
      [1_000, 2_000, 4_000, 30_000, 30_000],
    );
    assert.equal(jitterMs(5, 1_000, 30_000, 0), 0);
  });

  it('waits longer with every loss, and short again only after a connection that has held', async () => {
    const { clock, log, socket, latest } = reconnecting({ maxRetryMs: 3_000 });
    for (const wait of [1_000, 2_000, 3_000, 3_000]) {
      const fake = await latest();
      fake.open();
      clock.advance(4_999);
      fake.lose(1006);
      assert.match(log.at(-1)!, new RegExp(`^waiting ${wait} `));
      clock.advance(wait);
    }
    const fake = await latest();
    fake.open();
    clock.advance(5_000);
    fake.lose(1001);
    assert.equal(log.at(-1), 'waiting 1000 1');
    socket.close();
    assert.equal(clock.timers, 0);
  });

  it('a time that no timer can hold does not end at once', async () => {
    const { log, socket, latest } = reconnecting({ connectTimeoutMs: Number.POSITIVE_INFINITY, clock: undefined });
    await latest();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(log, []);
    assert.equal(socket.state, 'connecting');
    socket.close();
  });

  it('an attempt without an answer is given up after connectTimeoutMs, and what it says later is not heard', async () => {
    const { clock, log, socket, latest } = reconnecting({ connectTimeoutMs: 2_000 });
    const first = await latest();
    const { onopen } = first;
    clock.advance(2_000);
    assert.deepEqual(log, ['waiting 1000 2']);
    assert.deepEqual(first.closed, [[]]);
    assert.deepEqual([first.onopen, first.onclose], [null, null]);
    clock.advance(1_000);
    assert.notEqual(await latest(), first);
    assert.ok(onopen);
    socket.close();
  });

  it('1012 comes back within 5 to 30 seconds, 1013 later than the cap, Retry-After is kept', async () => {
    for (const [code, error, least, most] of [
      [1012, undefined, 5_000, 30_000],
      [1013, undefined, 30_000, 60_000],
      [1006, { status: 503, headers: new Headers({ 'Retry-After': '120' }) }, 120_000, 121_000],
      [1006, { status: 429, headers: new Headers() }, 0, 1_000],
    ] as const) {
      for (const random of [0, 1]) {
        const { log, socket, latest } = reconnecting({ random: () => random });
        (await latest()).lose(code, '', error);
        assert.equal(log.at(-1), `waiting ${random === 0 ? least : most} 2`);
        socket.close();
      }
    }
    assert.equal(retryAfterMs('5', 0), 5_000);
    assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:01:00 GMT', 10_000), 50_000);
    for (const bad of ['', 'soon', '-1', undefined, null]) assert.equal(retryAfterMs(bad, 0), undefined);
  });

  it('500 clients that are cut off together come back spread over minRetryMs, each once', async () => {
    FakeSocket.all = [];
    const clock = new FakeClock();
    const numbers = new Random(500);
    const random = (): number => numbers.uint32() / 0x1_0000_0000;
    const sockets = Array.from(
      { length: 500 },
      (_, i) => new ReconnectingWebSocket(`ws://x/${i}`, { WebSocket: FakeSocket, clock, random }),
    );
    await turns(2);
    const cut = FakeSocket.all.splice(0);
    assert.equal(cut.length, 500);
    for (const fake of cut) fake.open();
    clock.advance(5_000);
    for (const fake of cut) fake.lose(1006);
    const slots: number[] = [];
    const names = new Set<unknown>();
    for (let slot = 0; slot < 10; slot++) {
      clock.advance(100);
      await turns(2);
      const back = FakeSocket.all.splice(0);
      slots.push(back.length);
      for (const fake of back) names.add(fake.arguments[0]);
    }
    assert.deepEqual([names.size, slots.reduce((a, b) => a + b)], [500, 500]);
    for (const each of slots)
      assert.ok(each >= 25 && each <= 85, `${slots.join(' ')} in slots of 100 ms (${SEED_NOTE})`);
    for (const socket of sockets) socket.close();
    assert.equal(clock.timers, 0);
  });
});

describe('ReconnectingWebSocket: when it gives up', () => {
  it('1000, 1008, 4xxx and refusals with 4xx are final, others not; finalCodes names exceptions', async () => {
    const options = { finalCodes: { 4100: 'retry', 1011: 'final', 410: 'retry', 500: 'final' } } as const;
    for (const [code, error, isFinal] of [
      [1000, undefined, true],
      [1008, undefined, true],
      [4000, undefined, true],
      [4100, undefined, false],
      [1011, undefined, true],
      [1001, undefined, false],
      [1006, undefined, false],
      [3000, undefined, false],
      [1006, { status: 404 }, true],
      [1006, { status: 401 }, true],
      [1006, { status: 408 }, false],
      [1006, { status: 403 }, true],
      [1006, { status: 410 }, false],
      [1006, { status: 500 }, true],
      [1006, { status: 502 }, false],
      [1006, { status: 0 }, false],
    ] as const) {
      const { clock, log, socket, latest } = reconnecting(options);
      (await latest()).lose(code, 'why', error);
      assert.equal(socket.state, isFinal ? 'closed' : 'waiting', `${code} ${JSON.stringify(error)}`);
      if (isFinal) assert.equal(log.at(-1), `close ${code} why ${error?.status ?? ''}`.trim());
      if (isFinal) assert.equal(clock.timers, 0);
      socket.close();
    }
  });

  it('maxRetries bounds the attempts that fail in a row', async () => {
    const { clock, log, latest, wait } = reconnecting({ maxRetries: 2 });
    for (let i = 0; i < 3; i++) {
      (await latest()).lose(1006);
      if (i < 2) wait();
    }
    assert.equal(clock.timers, 0);
    assert.equal(FakeSocket.all.length, 3);
    assert.equal(log.at(-1), 'close 1006');
  });

  it('401, 403 and codes that say so ask for a new token, once; it goes to URL, subprotocols and options', async () => {
    let asked = 0;
    const { clock, log, latest, wait } = reconnecting({
      token: async () => `t${++asked}`,
      protocols: (token) => ['chat', token!],
      socketOptions: (token) => ({ headers: { Authorization: token } }),
      finalCodes: { 4001: 'token' },
    });
    const first = await latest();
    assert.deepEqual(first.arguments, ['ws://x', ['chat', 't1'], { headers: { Authorization: 't1' } }]);
    first.lose(1006, '', { status: 401 });
    wait();
    const second = await latest();
    assert.deepEqual(second.arguments[1], ['chat', 't2']);
    second.open();
    clock.advance(5_000);
    second.lose(4001);
    wait();
    const third = await latest();
    assert.deepEqual(third.arguments[1], ['chat', 't3']);
    third.lose(1006, '', { status: 403 });
    assert.equal(log.at(-1), 'close 1006  403', 'a new token that is refused too is final');
    assert.equal(asked, 3);
  });

  it('a token that is a text is used in each attempt, and final when it is refused twice', async () => {
    const { log, latest, wait } = reconnecting({ token: 'abc', protocols: (token) => ['chat', token!] });
    const first = await latest();
    assert.deepEqual(first.arguments[1], ['chat', 'abc']);
    first.lose(1006, '', { status: 401 });
    wait();
    (await latest()).lose(1006, '', { status: 401 });
    assert.equal(log.at(-1), 'close 1006  401');
  });

  it('a token or URL function that fails is an attempt that failed', async () => {
    let fails = true;
    const { clock, log, socket, latest } = reconnecting({
      token: () => (fails ? Promise.reject(new Error('no token')) : 't'),
    });
    const errors: unknown[] = [];
    socket.addEventListener('error', ({ error }) => errors.push(error));
    await turns(2);
    assert.deepEqual(log, ['waiting 1000 2']);
    assert.equal((errors[0] as Error).message, 'no token');
    fails = false;
    clock.advance(1_000);
    (await latest()).open();
    assert.equal(log.at(-1), 'open');
    socket.close();
  });

  it('an attempt whose function answers after it was given up makes no socket, whichever attempt is under way by then', async () => {
    const clock = new FakeClock();
    let answerFirst = (_: string): void => {};
    let urls = 0;
    FakeSocket.all = [];
    const url = (): string | Promise<string> => {
      if (++urls > 1) return `ws://x/${urls}`;
      return new Promise((resolve) => {
        answerFirst = resolve;
      });
    };
    const options = { WebSocket: FakeSocket, clock, connectTimeoutMs: 1_000, random: () => 1 };
    const socket = new ReconnectingWebSocket(url, options);
    await turns(5);
    clock.advance(1_000);
    clock.advance(1_000);
    await turns(5);
    FakeSocket.all[0]!.open();
    clock.advance(5_000); // it has held: the next attempt is the first in a row again
    FakeSocket.all[0]!.lose(1006);
    clock.advance(1_000);
    answerFirst('ws://x/1');
    await turns(5);
    assert.deepEqual(
      FakeSocket.all.map((fake) => fake.arguments[0]),
      ['ws://x/2', 'ws://x/3'],
    );
    socket.close();
  });

  it('a token that comes after its attempt was given up does not replace a newer one', async () => {
    let answerFirst = (_: string): void => {};
    let asked = 0;
    const { clock, socket, latest } = reconnecting({
      token: () => {
        if (++asked > 1) return `t${asked}`;
        return new Promise((resolve) => {
          answerFirst = resolve;
        });
      },
      protocols: (token) => token!,
      connectTimeoutMs: 1_000,
    });
    await turns(2);
    clock.advance(1_000);
    clock.advance(1_000);
    (await latest()).open();
    answerFirst('t1');
    await turns(2);
    FakeSocket.all[0]!.lose(1006);
    clock.advance(2_000);
    await turns(5);
    assert.deepEqual(
      FakeSocket.all.map((fake) => fake.arguments[1]),
      ['t2', 't2'],
    );
    socket.close();
  });

  it('close and the signal end it in every state, and nothing follows', async () => {
    for (const end of ['close', 'abort'] as const) {
      for (const state of ['connecting', 'open', 'waiting'] as const) {
        const controller = new AbortController();
        const { clock, log, socket, latest } = reconnecting({ signal: controller.signal });
        const fake = await latest();
        if (state === 'open') fake.open();
        if (state === 'waiting') fake.lose(1006);
        if (end === 'close') socket.close(3001, 'bye');
        else controller.abort();
        clock.advance(1_000_000);
        await turns(2);
        assert.equal(log.at(-1), end === 'close' ? 'close 3001 bye' : 'close 1000');
        assert.deepEqual([socket.state, clock.timers, FakeSocket.all.length], ['closed', 0, 1]);
        assert.equal(socket.send('x'), false);
      }
    }
  });

  it('close throws for a code or a reason that no WebSocket takes, in every state, and nothing has changed then', async () => {
    for (const state of ['connecting', 'open', 'waiting', 'closed'] as const) {
      const { clock, log, socket, latest } = reconnecting();
      const fake = await latest();
      if (state === 'open') fake.open();
      if (state === 'waiting') fake.lose(1006);
      if (state === 'closed') socket.close();
      const [told, timers, closed] = [[...log], clock.timers, [...fake.closed]];
      for (const code of [0, 999, 1001, 1006, 2999, 5000, Number.NaN])
        assert.throws(() => socket.close(code), { name: 'InvalidAccessError' }, `${state} ${code}`);
      for (const reason of ['x'.repeat(124), 'é'.repeat(62), '\ud800'.repeat(42)])
        assert.throws(() => socket.close(1000, reason), { name: 'SyntaxError' }, state);
      assert.deepEqual([socket.state, log, clock.timers, fake.closed], [state, told, timers, closed]);
      socket.close(4999, 'x'.repeat(123));
      assert.equal(log.at(-1), state === 'closed' ? 'close 1000' : `close 4999 ${'x'.repeat(123)}`);
      if (state === 'open') assert.deepEqual(fake.closed, [[4999, 'x'.repeat(123)]]);
    }
  });

  it('wrong options are refused at the call', () => {
    assert.throws(() => new ReconnectingWebSocket('ws://x', { WebSocket: FakeSocket, minRetryMs: -1 }), RangeError);
    assert.throws(
      () => new ReconnectingWebSocket('ws://x', { WebSocket: FakeSocket, maxQueuedBytes: Number.NaN }),
      RangeError,
    );
    const misspelt = { WebSocket: FakeSocket, maxRetry: 1 };
    assert.throws(() => new ReconnectingWebSocket('ws://x', misspelt), {
      name: 'TypeError',
      message: 'ReconnectingWebSocket: unknown option maxRetry',
    });
  });

  it('an option that is undefined counts as left out', () => {
    const { clock, log, socket } = reconnecting({ minRetryMs: undefined, whenFull: undefined, finalCodes: undefined });
    FakeSocket.all[0]!.lose(1006);
    assert.deepEqual(log, ['waiting 1000 2']);
    socket.close();
    assert.equal(clock.timers, 0);
  });

  it('what could never work is thrown at the call, as WebSocket does: URL, scheme, subprotocols, options', () => {
    const clock = new FakeClock();
    const misspelt = { handshakeTimeout: 1 };
    for (const [url, options, name] of [
      ['no url', {}, 'SyntaxError'],
      ['ftp://127.0.0.1', {}, 'SyntaxError'],
      ['ws://127.0.0.1:1', { protocols: ['a', 'a'] }, 'SyntaxError'],
      ['ws://127.0.0.1:1', { socketOptions: misspelt }, 'TypeError'],
    ] as const)
      assert.throws(() => new OnNode(url, { ...options, clock }), { name }, `${url} ${JSON.stringify(options)}`);
    assert.equal(clock.timers, 0);
  });

  it('what a function answers and no WebSocket can be made of is final; a function that throws is asked again', async () => {
    const { clock, log, socket, latest } = reconnecting({ protocols: () => 'a', WebSocket });
    socket.close();
    const wrong = new ReconnectingWebSocket(() => 'ftp://x', { WebSocket, clock });
    wrong.addEventListener('close', ({ code, reason }) => log.push(`wrong ${code} ${reason}`));
    await latest();
    assert.equal(wrong.state, 'closed');
    assert.match(log.at(-1)!, /^wrong 1006 .*ftp:/);
    assert.equal(clock.timers, 0);
    const failing = new ReconnectingWebSocket(() => Promise.reject(new TypeError('fetch failed')), {
      WebSocket,
      clock,
    });
    await latest();
    assert.equal(failing.state, 'waiting');
    failing.close();
  });
});

describe('ReconnectingWebSocket: messages meanwhile', () => {
  it('are kept in order, as copies, and follow behind what a listener of open sends', async () => {
    const { socket, latest } = reconnecting();
    const bytes = Uint8Array.of(1, 2);
    assert.equal(socket.send('a'), true);
    socket.send(bytes);
    bytes[0] = 9;
    socket.addEventListener('open', () => socket.send('login'));
    const fake = await latest();
    fake.open();
    assert.deepEqual(fake.sent, ['login', 'a', Uint8Array.of(1, 2)]);
    socket.send('now');
    assert.equal(fake.sent.at(-1), 'now');
    socket.close();
  });

  it('are bounded by count and bytes; the new one is refused, or the oldest make way', async () => {
    const refusing = reconnecting({ maxQueuedMessages: 2, maxQueuedBytes: 10 });
    assert.deepEqual(
      ['a', 'b', 'c'].map((text) => refusing.socket.send(text)),
      [true, true, false],
    );
    const bytes = reconnecting({ maxQueuedBytes: 10 });
    assert.deepEqual(
      ['ééé', 'ééé', 'éé', 'x'].map((text) => bytes.socket.send(text)),
      [true, false, true, false],
    );
    const dropping = reconnecting({ maxQueuedMessages: 2, maxQueuedBytes: 10, whenFull: 'drop-oldest' });
    for (const text of ['a', 'b', 'c', '12345678']) assert.equal(dropping.socket.send(text), true);
    assert.equal(dropping.socket.send('12345678901'), false, 'larger than the whole queue');
    const fake = await dropping.latest();
    fake.open();
    assert.deepEqual(fake.sent, ['c', '12345678']);
    fake.lose(1006);
    assert.equal(dropping.socket.send('1234567890'), true, 'what was sent takes no room any more');
    assert.equal(dropping.socket.queuedMessages, 1);
    for (const { socket } of [refusing, bytes, dropping]) socket.close();
  });

  it('what is no message is refused with TypeError in every state, and takes no room; each kind of message is taken', async () => {
    for (const state of ['connecting', 'open', 'waiting', 'closed'] as const) {
      const { socket, latest } = reconnecting({ maxQueuedBytes: 10 });
      const fake = await latest();
      if (state === 'open') fake.open();
      if (state === 'waiting') fake.lose(1006);
      if (state === 'closed') socket.close();
      for (const wrong of [5, null, undefined, {}, [], new SharedArrayBuffer(1), new URL('ws://x')])
        assert.throws(() => socket.send(wrong as never), { name: 'TypeError', message: /^send: data is / }, state);
      assert.deepEqual([fake.sent, socket.queuedMessages], [[], 0]);
      const taken = state !== 'closed';
      const bytes = Uint8Array.of(1, 2);
      for (const message of ['a', bytes, new DataView(bytes.buffer), bytes.buffer, new Blob(['abc'])])
        assert.equal(socket.send(message), taken, state);
      assert.equal(socket.send('x'), state === 'open', 'the queue has its ten bytes');
      socket.close();
    }
  });

  it('what comes is fired again, with its data', async () => {
    const { log, socket, latest } = reconnecting();
    const fake = await latest();
    assert.equal(fake.binaryType, 'arraybuffer');
    fake.open();
    fake.onmessage?.({ data: 'hello', origin: 'ws://x' } as never);
    assert.deepEqual(log, ['open', 'message hello']);
    socket.close();
  });
});

describe('ReconnectingWebSocket: in a browser', () => {
  it('offline it waits for the network; online, or seen again, it does not wait any longer', async () => {
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
    const navigator = { onLine: false };
    const scope = globalThis as unknown as Record<string, unknown>;
    const before = new Map(
      ['addEventListener', 'document', 'navigator'].map((name) => [
        name,
        Object.getOwnPropertyDescriptor(globalThis, name),
      ]),
    );
    const put = (name: string, value: unknown): void =>
      void Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    put('addEventListener', page.addEventListener.bind(page));
    put('document', document);
    put('navigator', navigator);
    try {
      const { clock, log, socket, latest } = reconnecting();
      (await latest()).lose(1006);
      assert.deepEqual(log, ['waiting Infinity 2']);
      assert.equal(clock.timers, 0);
      navigator.onLine = true;
      page.dispatchEvent(new Event('online'));
      (await latest()).lose(1006);
      assert.equal(log.at(-1), 'waiting 2000 3');
      document.dispatchEvent(new Event('visibilitychange'));
      assert.equal(socket.state, 'waiting');
      document.visibilityState = 'visible';
      document.dispatchEvent(new Event('visibilitychange'));
      assert.equal(socket.state, 'connecting');
      assert.equal(clock.timers, 1);
      assert.equal(getEventListeners(page, 'online').length, 1);
      socket.close();
      assert.equal(getEventListeners(page, 'online').length, 0);
      assert.equal(getEventListeners(document, 'visibilitychange').length, 0);
      page.dispatchEvent(new Event('online'));
      await turns(2);
      assert.equal(FakeSocket.all.length, 2, 'no listener is left behind');
    } finally {
      for (const [name, property] of before) {
        if (property === undefined) delete scope[name];
        else Object.defineProperty(globalThis, name, property);
      }
    }
  });

  it('it is one file for browsers, without node:, of less than 4,096 bytes minified and compressed', async () => {
    const { files, gzipBytes } = await browserBundle('lib/client/reconnecting.ts');
    assert.deepEqual(files, ['lib/client/backoff.ts', 'lib/client/reconnecting.ts']);
    assert.ok(gzipBytes < 4_096, `${gzipBytes} bytes`);
  });
});

describe('ReconnectingWebSocket over real connections', () => {
  it('comes back to a server that was restarted, and its messages arrive', async () => {
    const got: unknown[] = [];
    const client = { port: 0, socket: undefined as ReconnectingWebSocket | undefined };
    const run = async (body: () => Promise<void>) =>
      withServer(
        {},
        (server) => server.webSocket('/', { message: (_, data) => void got.push(data) }),
        async (server) => {
          client.port = server.port;
          await body();
        },
      );
    const socket = new ReconnectingWebSocket(() => `ws://127.0.0.1:${client.port}/`, { WebSocket, random: () => 0.01 });
    await run(async () => {
      await next(socket, 'open');
      socket.send('one');
      await until('one has arrived', () => got.length === 1);
    });
    await until('it waits', () => socket.state !== 'open');
    socket.send('two');
    await run(async () => {
      await until('two has arrived', () => got.length === 2);
    });
    socket.close();
    assert.deepEqual(got, ['one', 'two']);
  });

  it('500 clients of a server that restarts come back spread over minRetryMs, each once', async () => {
    const arrivals = new Map<string, number>();
    const routes = (server: Server): void =>
      void server.webSocket('/', {
        open: ({ request }) => {
          const name = request.query.get('name') ?? '';
          arrivals.set(name, (arrivals.get(name) ?? 0) + 1);
        },
      });
    const start = async (port: number): Promise<Server> => {
      const server = createServer();
      routes(server);
      await server.listen({ port, host: '127.0.0.1' });
      return server;
    };
    const first = await start(0);
    const { port } = first;
    const waits: number[] = [];
    const sockets = Array.from({ length: 500 }, (_, i) => {
      const socket = new ReconnectingWebSocket(`ws://127.0.0.1:${port}/?name=${i}`, { WebSocket });
      socket.addEventListener('waiting', ({ retryInMs }) => waits.push(retryInMs));
      return socket;
    });
    await until('all are there', () => arrivals.size === 500);
    await until('all know that they are', () => sockets.every(({ state }) => state === 'open'));
    arrivals.clear();
    await first.close();
    const second = await start(port);
    try {
      await until('all are there again', () => arrivals.size === 500 && sockets.every(({ state }) => state === 'open'));
      assert.deepEqual(
        [...arrivals].filter(([, count]) => count !== 1),
        [],
        'never more than once',
      );
      // Full jitter from the first retry on: as many in each fifth of a second. Five standard deviations are 45.
      const slots = [0, 1, 2, 3, 4].map((i) => waits.slice(0, 500).filter((ms) => Math.floor(ms / 200) === i).length);
      for (const each of slots) assert.ok(each >= 55 && each <= 145, `${slots.join(' ')} in slots of 200 ms`);
    } finally {
      for (const socket of sockets) socket.close();
      await second.close();
    }
  });

  it('a WebSocket that is an EventEmitter, as that of ws is, may be given: an error behind the end is heard', async () => {
    const errors: unknown[] = [];
    class Watched extends EmitterWebSocket {
      override emit(type: string, ...given: unknown[]): boolean {
        if (type === 'error') errors.push(given[0]);
        return super.emit(type, ...given); // throws an error that nobody hears
      }
    }
    await withRawServer(
      () => {}, // never answers
      async (url) => {
        const clock = new FakeClock();
        const open = () => new ReconnectingWebSocket(url, { WebSocket: Watched as never, clock });
        const closed = open();
        closed.close();
        await until('the attempt is over', () => errors.length === 1);
        const late = open();
        clock.advance(15_000);
        await until('this one too', () => errors.length === 2);
        assert.deepEqual([closed.state, late.state], ['closed', 'waiting']);
        assert.match(`${errors}`, /before the connection was established.*before the connection was established/);
        late.close();
      },
    );
  });

  it('a refusal’s status and Retry-After are known with this library’s WebSocket', async () => {
    let answers = 0;
    await withRawServer(
      (socket, head) => {
        if (++answers === 1) socket.end('HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n');
        else if (answers === 2) socket.end('HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n');
        else socket.write(switching(head));
      },
      async (url) => {
        const clock = new FakeClock();
        const socket = new ReconnectingWebSocket(url, { WebSocket, clock, random: () => 0 });
        const { retryInMs } = await next<WaitingEvent>(socket, 'waiting');
        assert.equal(retryInMs, 7_000);
        clock.advance(7_000);
        const { status } = await next<Event & { status: number }>(socket, 'close');
        assert.equal(status, 410);
      },
    );
  });
});
