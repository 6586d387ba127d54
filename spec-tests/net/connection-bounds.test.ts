import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MemoryChannel, memoryPair } from '../../lib/channel/memory.ts';
import { HTTP_LIMITS, TIMEOUTS, WEBSOCKET_LIMITS } from '../../lib/limits.ts';
import type { EventStream, ServerWebSocket } from '../../lib/net/api.ts';
import type { ConnectionSettings } from '../../lib/net/connection-settings.ts';
import type { Exchange } from '../../lib/net/exchange.ts';
import { HttpConnection, type HttpSettings } from '../../lib/net/http-connection.ts';
import { Sweeper } from '../../lib/net/sweeper.ts';
import { WebSocketConnection } from '../../lib/net/websocket-connection.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload } from '../support/frames.ts';
import { collectGarbage } from '../support/gc.ts';
import { deferred, openWebSocket, RawClient, turns, until, upgradeRequest, withServer } from '../support/sockets.ts';

/** The server's side of a WebSocket to `client`, on a server with these options. */
async function withSocket(
  options: Parameters<typeof withServer>[0],
  body: (socket: ServerWebSocket, client: RawClient, closes: number[]) => Promise<void>,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  const closes: number[] = [];
  await withServer(
    options,
    (server) =>
      server.webSocket('/', {
        open: (socket) => void sockets.push(socket),
        close: (_, code) => void closes.push(code),
      }),
    async (server) => {
      const client = await openWebSocket(server.port);
      await until('it is open', () => sockets.length === 1);
      await turns(2);
      await body(sockets[0]!, client, closes);
    },
  );
}

/** A connection whose peer reads nothing, with `HELD_BYTES` waiting: from here on every octet is counted. */
function blockedConnection(bounds: { readonly highWaterMarkBytes?: number; readonly maxBufferedBytes?: number }): {
  readonly connection: WebSocketConnection<undefined>;
  readonly channel: MemoryChannel;
} {
  const { first: channel } = memoryPair();
  const settings: ConnectionSettings<undefined> = {
    ...WEBSOCKET_LIMITS,
    ...TIMEOUTS,
    ...bounds,
    role: 'server',
    handlers: {},
    sweeper: new Sweeper(new FakeClock()),
    textAsBytes: false,
    lendsBinary: false,
    lendsText: false,
    onError: (error) => assert.fail(error as Error),
  };
  const connection = new WebSocketConnection(channel, settings, { deflate: undefined }, undefined);
  connection.send(new Uint8Array(999_990));
  channel.flush();
  assert.ok(channel.blocked);
  assert.equal(channel.bufferedAmount, HELD_BYTES);
  return { connection, channel };
}
/** Of 1,000,000 octets a pair in memory takes 262,144 under way. */
const HELD_BYTES = 737_856;

describe('bounds to the octet', () => {
  it('highWaterMarkBytes exactly is sent, one octet more is backpressure', () => {
    const { connection, channel } = blockedConnection({ highWaterMarkBytes: HELD_BYTES + 504 });
    assert.equal(connection.send(new Uint8Array(500)), 'sent');
    assert.equal(channel.bufferedAmount, HELD_BYTES + 504);
    assert.equal(connection.send(new Uint8Array(0)), 'backpressure');
    channel.destroy();
  });

  it('a message and 14 octets of header must fit under maxBufferedBytes, or it is dropped', () => {
    const { connection, channel } = blockedConnection({ maxBufferedBytes: HELD_BYTES + 114 });
    assert.equal(connection.send(new Uint8Array(101)), 'dropped');
    assert.equal(connection.send('x'.repeat(101)), 'dropped');
    assert.equal(connection.sendText(new Uint8Array(101)), 'dropped');
    assert.equal(channel.bufferedAmount, HELD_BYTES);
    assert.equal(connection.send(new Uint8Array(100)), 'backpressure');
    assert.equal(connection.send(''), 'dropped', '12 octets are left');
    channel.destroy();
  });

  it('maxPipelinedRequests requests wait, and the reading stops with the last of them', async () => {
    const clock = new FakeClock();
    const { first, second } = memoryPair();
    let pauses = 0;
    const pause = first.pause.bind(first);
    first.pause = () => {
      pauses++;
      pause();
    };
    const settings: HttpSettings = {
      ...TIMEOUTS,
      sweeper: new Sweeper(clock),
      limits: { ...HTTP_LIMITS, maxPipelinedRequests: 4 },
      forwarded: undefined,
      serve() {}, // the first is never answered
      onDone() {},
    };
    new HttpConnection(first, settings);
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let sent = 1; sent <= 6; sent++) {
      second.output.append(request, 0, request.length);
      second.flush();
      await turns(5);
      assert.equal(pauses, sent < 5 ? 0 : 1, `${sent} requests`);
    }
    first.destroy();
  });
});

describe('more than 1 MiB behind an upgrade that waits for the answer before it', () => {
  it('waits in TCP, and comes whole and in order once the WebSocket is open, whether upgrade decides at once or later', async () => {
    for (const decides of ['at once', 'later']) {
      const slow = deferred<object>();
      const decision = deferred<undefined>();
      const seen: string[] = [];
      const handlers = { message: (_: unknown, data: unknown) => void seen.push(String(data).slice(0, 2)) };
      await withServer(
        {},
        (server) => {
          server.get('/slow', () => slow.promise);
          if (decides === 'later') server.webSocket('/', () => decision.promise, handlers);
          else server.webSocket('/', handlers);
        },
        async (server) => {
          const client = await RawClient.connect(server.port);
          client.request('GET /slow').write(upgradeRequest());
          const numbers = Array.from({ length: 43 }, (_, i) => String(i + 10));
          for (const number of numbers) client.frames({ opcode: 1, payload: number + 'x'.repeat(65_536) });
          await turns();
          slow.resolve({});
          assert.equal((await client.response()).status, 200);
          await turns();
          decision.resolve(undefined);
          assert.equal((await client.head()).status, 101);
          await until('all of it has come', () => seen.length >= numbers.length);
          assert.deepEqual(seen, numbers, decides);
        },
      );
    }
  });

  it('and comes in one chunk: 400 in place of the upgrade, behind the answer before it (RFC 9110 §15.5.1)', async () => {
    for (const before of ['', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const { first, second } = memoryPair();
      const served: Exchange[] = [];
      const settings: HttpSettings = {
        ...TIMEOUTS,
        sweeper: new Sweeper(new FakeClock()),
        limits: HTTP_LIMITS,
        forwarded: undefined,
        serve: (exchange) => void served.push(exchange),
        onDone() {},
      };
      const answers: string[] = [];
      second.sink = { ...IGNORE, receive: (chunk) => void answers.push(Buffer.from(chunk).toString('latin1')) };
      second.resume();
      new HttpConnection(first, settings);
      first.sink.receive(Buffer.concat([Buffer.from(before + upgradeRequest()), Buffer.alloc(1_048_577)]));
      served[0]?.respond({ status: 200, fields: [], body: new Uint8Array(0) });
      await turns();
      assert.deepEqual(answers.join('').match(/(?<=HTTP\/1.1 )\d+/g), before === '' ? ['400'] : ['200', '400']);
      assert.equal(served.length, before === '' ? 0 : 1, 'the upgrade is not served');
      first.destroy();
    }
  });
});

const IGNORE = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

describe('what peers do at the worst moment', () => {
  it('FIN while upgrade decides: never opened; FIN before upgrade is asked: opened and closed; nothing is left', async () => {
    for (const answer of ['accept', 'refuse'] as const) {
      const gate = deferred();
      const log: string[] = [];
      await withServer(
        {},
        (server) =>
          server.webSocket(
            '/',
            async () => {
              await gate.promise;
              return answer === 'accept' ? undefined : { status: 403 };
            },
            { open: () => void log.push('open'), close: () => void log.push('close') },
          ),
        async (server) => {
          const client = (await RawClient.connect(server.port)).write(upgradeRequest('/'));
          client.socket.end();
          await until('it is there', () => server.connections.http === 1);
          await turns(5);
          gate.resolve();
          await client.end();
          await until('nothing is left', () => Object.values(server.connections).every((n: number) => n === 0));
          assert.deepEqual(log, []);
        },
      );
    }
    const gate = deferred();
    const log: string[] = [];
    await withServer(
      {},
      (server) =>
        server
          .get('/slow', () => gate.promise.then(() => ({ body: 'x' })))
          .webSocket('/', { open: () => void log.push('open'), close: (_, code) => void log.push(`close ${code}`) }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).request('GET /slow').write(upgradeRequest('/'));
        client.socket.end();
        await until('it is there', () => server.connections.http === 1);
        await turns(5);
        gate.resolve();
        await client.end();
        await until('nothing is left', () => Object.values(server.connections).every((n: number) => n === 0));
        assert.deepEqual(log, ['open', 'close 1006']);
      },
    );
  });

  it('output that flows again and stops again has writeTimeoutMs anew', async () => {
    const clock = new FakeClock();
    await withSocket({ clock, writeTimeoutMs: 60_000, maxBufferedBytes: 1e9 }, async (socket, client, closes) => {
      client.socket.removeAllListeners('data').pause();
      socket.send(new Uint8Array(60_000_000));
      await turns(50);
      for (let round = 0; round < 3; round++) {
        clock.advance(50_000);
        await turns();
        assert.deepEqual(closes, [], `round ${round}`);
        const before = socket.bufferedAmount;
        while (socket.bufferedAmount === before) {
          client.socket.read();
          await turns(2);
        }
        clock.advance(1_000); // progress is seen
      }
      clock.advance(62_000);
      await until('it is given up', () => closes.length === 1);
      assert.deepEqual(closes, [1006]);
    });
  });

  it('a peer that reads steadily gets all 60 MB that wait behind close, however long it takes', async () => {
    const clock = new FakeClock();
    await withSocket({ clock, closeTimeoutMs: 10_000, maxBufferedBytes: 1e9 }, async (socket, client, closes) => {
      client.socket.pause();
      for (let i = 0; i < 60; i++) socket.send(new Uint8Array(1_000_000).fill(i));
      socket.close(4000, 'done');
      for (let i = 0; i < 60; i++) {
        client.socket.resume();
        const { payload } = await client.frame();
        assert.deepEqual([payload.length, payload[0], payload[999_999]], [1_000_000, i, i]);
        client.socket.pause();
        await turns(2);
        clock.advance(4_000); // 240 s in all, 24 times closeTimeoutMs
      }
      client.socket.resume();
      assert.deepEqual(await client.closeFrame(), { code: 4000, reason: 'done' });
      client.frames({ opcode: 8, payload: closePayload(4000) });
      client.socket.end();
      await until('it is closed', () => closes.length === 1);
      assert.deepEqual(closes, [4000]);
    });
  });

  it('a route’s deadline shorter than the server’s is met: pingIntervalMs 50, by a fake clock and by the system’s', async () => {
    const clock = new FakeClock();
    for (const options of [{ clock }, {}]) {
      await withServer(
        options,
        (server) => server.webSocket('/', {}, { pingIntervalMs: 50 }),
        async (server) => {
          const client = await openWebSocket(server.port);
          for (let i = 0; i < 3; i++) {
            if (options.clock !== undefined) {
              clock.advance(120);
              await turns();
            }
            const ping = await client.frame();
            assert.equal(ping.opcode, 9);
            client.frames({ opcode: 10 });
            await turns();
          }
        },
      );
    }
  });
});

describe('what handlers hold', () => {
  const members = (object: object): string[] => {
    const names = new Set<string>();
    for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
      for (const name of Reflect.ownKeys(at)) names.add(String(name));
    return [...names].sort();
  };

  it('sockets and streams have the documented members at run time, and nothing else', async () => {
    let stream: EventStream | undefined;
    await withServer(
      {},
      (server) =>
        server
          .webSocket('/', {
            open(socket) {
              assert.deepEqual(members(socket), [
                ...['Symbol(Symbol.asyncIterator)', 'bufferedAmount', 'close', 'constructor', 'data', 'extensions'],
                ...['pause', 'ping', 'protocol', 'readyState', 'request', 'resume', 'send', 'sendText', 'signal'],
                ...['stats', 'terminate', 'write', 'writeMessage'],
              ]);
              const request = members(socket.request);
              assert.deepEqual(request, [
                ...['body', 'constructor', 'cookies', 'headers', 'host', 'json', 'method', 'params', 'path', 'query'],
                ...['raw', 'remoteAddress', 'secure', 'signal', 'target', 'text'],
              ]);
              socket.terminate();
              assert.equal(socket.send('x'), 'dropped', 'nothing is sent behind terminate');
              assert.equal(socket.sendText(Uint8Array.of(120)), 'dropped');
              assert.notEqual(socket.readyState, 1);
            },
          })
          .eventStream('/s', (opened) => {
            stream = opened;
          }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).write(upgradeRequest('/'));
        await client.end();
        (await RawClient.connect(server.port)).request('GET /s');
        await until('it is open', () => stream !== undefined);
        assert.deepEqual(members(stream!), [
          ...['bufferedAmount', 'close', 'closed', 'comment', 'constructor', 'data', 'lastEventId', 'request', 'send'],
          ...['signal', 'stats', 'terminate', 'write'],
        ]);
        stream!.terminate();
        assert.equal(stream!.send('x'), 'dropped');
        assert.equal(stream!.comment('x'), 'dropped');
      },
    );
  });

  it('leaving a loop leaves the socket open, and a later loop goes on where it stopped', async () => {
    const heard: unknown[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', async (socket) => {
          for await (const data of socket) {
            heard.push(data);
            if (data === 'b') break;
          }
          assert.equal(socket.readyState, 1);
          await socket.write('between');
          for await (const data of socket) {
            heard.push(data);
            socket.send('again');
            if (data === 'd') break;
          }
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames({ opcode: 1, payload: 'a' }, { opcode: 1, payload: 'b' }, { opcode: 1, payload: 'c' });
        assert.equal((await client.frame()).payload.toString(), 'between');
        assert.equal((await client.frame()).payload.toString(), 'again');
        client.frames({ opcode: 1, payload: 'd' });
        assert.equal((await client.frame()).payload.toString(), 'again');
        assert.equal((await client.closeFrame()).code, 1000);
        assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
      },
    );
  });

  it('for await holds what it has not read, and nothing that it has: 512 MiB go through 1 MiB', async () => {
    let most = 0;
    let read = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket('/', async (socket) => {
          for await (const data of socket) {
            read += data.length;
            if (read % 67_108_864 === 0) {
              await collectGarbage();
              most = Math.max(most, process.memoryUsage().arrayBuffers);
            }
            if (read === 536_870_912) return;
          }
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        await collectGarbage();
        const before = process.memoryUsage().arrayBuffers;
        const payload = new Uint8Array(262_144);
        for (let i = 0; i < 2_048; i++) {
          client.frames({ opcode: 2, payload });
          if (client.socket.writableLength > 1_000_000)
            await until('it drains', () => client.socket.writableLength === 0);
        }
        assert.equal((await client.closeFrame()).code, 1000);
        assert.ok(most - before < 16_000_000, `${most - before} bytes were held`);
      },
    );
  });
});
