import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { sendable } from '../../lib/bytes/lent-memory.ts';
import { DuplexChannel } from '../../lib/channel/duplex.ts';
import { TIMEOUTS, WEBSOCKET_LIMITS } from '../../lib/limits.ts';
import type { LentBytes, ServerWebSocket, WebSocketHandlers } from '../../lib/net/api.ts';
import type { ConnectionSettings } from '../../lib/net/connection-settings.ts';
import { Sweeper } from '../../lib/net/sweeper.ts';
import { WebSocketConnection } from '../../lib/net/websocket-connection.ts';
import { Hub } from '../../lib/rooms/hub.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { connectPair } from '../../lib/testing/index.ts';
import { LENT_MAX_BYTES } from '../../lib/websocket/message-assembler.ts';
import { type Incoming, type ProtocolOptions, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { FakeClock } from '../support/clock.ts';
import { withAttached } from '../support/doors.ts';
import { fromClient, fromServer, type RawFrame } from '../support/frames.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { openWebSocket, turns, until, withServer } from '../support/sockets.ts';

/** More than a chunk lends. */
const LONG = 100_000;

const LENDING = { textAsBytes: true, lendsBinary: true, lendsText: true } as const;

/** Feeds chunks that are written over at once, and answers copies of what was delivered. */
function told(options: ProtocolOptions, chunks: Iterable<Uint8Array>): unknown[] {
  const protocol = new WebSocketProtocol(options);
  const all: unknown[] = [];
  for (const chunk of chunks) {
    const lent = chunk.slice();
    protocol.receiveInto(lent, {
      deliver: (one) => all.push('data' in one ? { ...one, data: Buffer.from(one.data).toString('latin1') } : one),
    });
    lent.fill(0xaa);
  }
  return all;
}

/** Delivers one chunk and answers what was delivered, uncopied. */
function delivered(role: 'client' | 'server', chunk: Uint8Array): Incoming[] {
  return new WebSocketProtocol({ role, ...LENDING }).receive(chunk);
}

describe('octets that are lent', () => {
  it('are refused in JavaScript by what would keep them, where they lie and as a view of it; a copy is not', async () => {
    const hub = new Hub<string>({ prepare: () => undefined });
    const told: string[] = [];
    const say = (error: unknown): void => void told.push(String(error).slice(0, 50));
    const keep = (socket: ServerWebSocket, octets: Uint8Array): void => {
      for (const way of [() => socket.write(octets), () => hub.publish('r', octets)])
        try {
          void way();
          told.push('kept');
        } catch (error) {
          say(error);
        }
      socket.writeMessage([octets]).then(() => told.push('kept'), say);
    };
    const routes = (server: Server): void => {
      server.webSocket('/', {
        lentBinary: (socket, octets) => {
          keep(socket, octets as unknown as Uint8Array);
          keep(socket, Buffer.from(octets.buffer as ArrayBuffer, octets.byteOffset, 3));
          void socket.write(octets.slice());
        },
      });
    };
    await withServer({}, routes, async (server) => {
      for (const length of [5, LONG]) {
        told.length = 0;
        const client = await openWebSocket(server.port, '/');
        client.write(fromClient({ opcode: 2, payload: Buffer.alloc(length, 7) }));
        await until('all are refused', () => told.length === 6);
        const refused = (where: string): string => `TypeError: ${where}: these octets are only lent`.slice(0, 30);
        assert.deepEqual(
          told.map((line) => line.slice(0, 30)).sort(),
          ['data', 'data', 'write', 'write', 'writeMessage', 'writeMessage'].map(refused).sort(),
        );
      }
    });
  });
});

describe('messages that are lent', () => {
  it(`are those that would have been owned, whatever the cuts (${SEED_NOTE})`, () => {
    const random = new Random(31);
    for (let i = 0; i < 300; i++) {
      const frames: RawFrame[] = Array.from({ length: 1 + random.below(12) }, (): RawFrame => {
        const length = random.pick([0, 1, 3, 4, 20, 125, 126, 447, 448, 1_000, LENT_MAX_BYTES, LENT_MAX_BYTES + 1]);
        const text = random.chance(0.5);
        return { opcode: text ? 1 : 2, payload: text ? 'aé'.repeat(length / 3) : random.bytes(length) };
      });
      const role = random.pick(['client', 'server'] as const);
      const chunks = random.cut(role === 'server' ? fromClient(...frames) : fromServer(...frames));
      const owned = told({ role, textAsBytes: true }, chunks);
      assert.equal(owned.length, frames.length);
      assert.deepEqual(told({ role, ...LENDING }, chunks), owned);
    }
  });

  it('lie in the chunk up to 16 KiB, where they lie in it whole; else in memory that the next one of them is given too', () => {
    for (const role of ['client', 'server'] as const) {
      const encode = role === 'server' ? fromClient : fromServer;
      for (const opcode of [1, 2]) {
        const lies = (length: number): boolean => {
          const chunk = encode({ opcode, payload: new Uint8Array(length).fill(0x61) });
          const [message] = delivered(role, chunk);
          assert.ok((message?.kind === 'binary' || message?.kind === 'text') && typeof message.data !== 'string');
          assert.equal(Buffer.from(message.data).toString(), 'a'.repeat(length));
          return message.data.buffer === chunk.buffer;
        };
        assert.ok(lies(1) && lies(125) && lies(126) && lies(1_000) && lies(LENT_MAX_BYTES));
        assert.ok(!lies(LENT_MAX_BYTES + 1));
        const chunks = [LONG, LONG - 1].map((length) => encode({ opcode, payload: new Uint8Array(length).fill(0x61) }));
        const protocol = new WebSocketProtocol({ role, ...LENDING });
        const memories = new Set<ArrayBufferLike>();
        const receiver = {
          deliver: (one: Incoming) => void memories.add((one as { data: Uint8Array }).data.buffer),
        };
        for (const chunk of chunks) {
          protocol.receiveInto(chunk, receiver);
          protocol.receiveInto(chunk.subarray(0, 50_000), receiver);
          protocol.receiveInto(chunk.subarray(50_000), receiver);
        }
        assert.equal(memories.size, 1);
      }
    }
  });

  it(`come back unharmed to readers that stop, of up to 2 MiB, on many connections at once (${SEED_NOTE})`, async () => {
    const random = new Random(7);
    await withServer(
      { maxConnectionsPerAddress: 100 },
      (server) =>
        server.webSocket(
          '/',
          {
            lentBinary: (socket, octets) => void socket.send(octets),
            lentText: (socket, utf8) => void socket.sendText(utf8),
          },
          { maxMessageBytes: 4_000_000, maxBufferedBytes: 64_000_000 },
        ),
      async (server) => {
        const talk = async (seed: number): Promise<void> => {
          const client = await openWebSocket(server.port, '/');
          const payloads = Array.from({ length: 6 }, () =>
            Buffer.alloc(random.pick([20_000, 70_000, 300_000, 1_048_576, 2_000_000]) + seed, `${seed}-abcdefg `),
          );
          client.socket.pause();
          for (const [i, payload] of payloads.entries()) client.frames({ opcode: 1 + (i % 2), payload });
          await turns(50);
          client.socket.resume();
          for (const payload of payloads) {
            const back = await client.frame();
            assert.ok(back.payload.equals(payload), `${payload.length} octets`);
          }
        };
        await Promise.all(Array.from({ length: 8 }, (_, seed) => talk(seed)));
      },
    );
  });

  it('behind one whose receiver throws are delivered all the same, and the first error is thrown', () => {
    const protocol = new WebSocketProtocol({ role: 'server', ...LENDING });
    const heard: number[] = [];
    const chunk = fromClient(...[1, 2, 3].map((octet) => ({ opcode: 2, payload: new Uint8Array(LONG).fill(octet) })));
    const receiver = {
      deliver(one: Incoming): void {
        heard.push((one as { data: Uint8Array }).data[0]!);
        throw new Error(`no ${heard.length}`);
      },
    };
    assert.throws(() => protocol.receiveInto(chunk, receiver), /no 1/);
    assert.deepEqual(heard, [1, 2, 3]);
  });

  it('§8.1: text that is no UTF-8 fails with 1007 all the same', () => {
    for (const payload of ['fine', 'x'.repeat(1_000)]) {
      const broken = Buffer.concat([Buffer.from(payload), Buffer.from([0xc3])]);
      const [first] = delivered('server', fromClient({ opcode: 1, payload: broken }));
      assert.ok(first?.kind === 'failed' && first.closeCode === 1007);
    }
  });

  it('come back as they were through send and sendText, of every size, behind our listener and behind node:http', async () => {
    const handlers: WebSocketHandlers = {
      lentBinary: (socket, octets) => socket.send(octets),
      lentText: (socket, utf8) => socket.sendText(utf8),
    };
    const talk = async (port: number): Promise<void> => {
      const client = await openWebSocket(port, '/');
      for (const size of [0, 1, 125, 126, 5_000, LENT_MAX_BYTES, LENT_MAX_BYTES + 1, 65_536, 300_000]) {
        for (const opcode of [1, 2]) {
          const payload = Buffer.alloc(size, 'abcdefg');
          client.frames({ opcode, payload });
          const back = await client.frame();
          assert.equal(back.opcode, opcode);
          assert.ok(back.payload.equals(payload), `${size} octets`);
        }
      }
    };
    await withServer(
      {},
      (server) => server.webSocket('/', handlers),
      (server) => talk(server.port),
    );
    await withAttached({ routes: (server) => server.webSocket('/', handlers) }, ({ port }) => talk(port));
  });

  it('that are kept are written over, which a test with connectPair shows; a slice stays', async () => {
    const kept: LentBytes[] = [];
    const slices: Uint8Array[] = [];
    const keep = (octets: LentBytes): void => {
      kept.push(octets);
      slices.push(octets.slice());
    };
    const server = createServer();
    server.webSocket('/', { lentBinary: (_, octets) => keep(octets), lentText: (_, utf8) => keep(utf8) });
    const socket = await connectPair(server, '/');
    const sent = ['octets', 'text', 'x'.repeat(LONG), 'y'.repeat(LONG)];
    for (const [i, text] of sent.entries()) {
      socket.send(i % 2 === 0 ? Buffer.from(text) : text);
      await turns(20);
    }
    assert.deepEqual(
      slices.map((each) => Buffer.from(each).toString()),
      sent,
    );
    assert.deepEqual(
      kept.map((each) => each.every((octet) => octet === 0xff)),
      [true, true, true, true],
    );
    await server.close();
  });

  it('that are sent to a stream which keeps what it is given stay as they were sent', async () => {
    const stream = new Duplex({ read() {}, write: (chunk: Buffer, _encoding, done) => done(void kept.push(chunk)) });
    const kept: Buffer[] = [];
    const channel = new DuplexChannel(
      { stream, readable: stream, remote: { address: '', port: 0, secure: false } },
      { receive() {}, receiveEnd() {}, drained() {}, gone() {} },
    );
    const relay = (octets: LentBytes): void => {
      channel.output.append(sendable(octets as unknown as Uint8Array), 0, octets.length);
      channel.flush();
    };
    await withServer(
      {},
      (server) => server.webSocket('/', { lentBinary: (_, octets) => relay(octets), lentText() {} }),
      async (server) => {
        const client = await openWebSocket(server.port, '/');
        for (const fill of [1, 2, 3]) {
          client.frames({ opcode: 2, payload: Buffer.alloc(LONG, fill) });
          await until('it has come', () => Buffer.concat(kept).length === fill * LONG);
          await turns();
        }
        const all = Buffer.concat(kept);
        for (const fill of [1, 2, 3])
          assert.ok(all.subarray((fill - 1) * LONG, fill * LONG).equals(Buffer.alloc(LONG, fill)), `message ${fill}`);
      },
    );
    stream.destroy();
  });

  it('are copies where somebody else made the stream, whose chunks stay as they are', () => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const channel = new DuplexChannel(
      { stream, readable: stream, remote: { address: '', port: 0, secure: false } },
      { receive() {}, receiveEnd() {}, drained() {}, gone() {} },
    );
    const got: string[] = [];
    const settings: ConnectionSettings<undefined> = {
      ...WEBSOCKET_LIMITS,
      ...TIMEOUTS,
      ...LENDING,
      role: 'server',
      handlers: { binary: (_, octets) => void got.push(Buffer.from(octets).toString()) },
      sweeper: new Sweeper(new FakeClock()),
      onError: (error) => assert.fail(error as Error),
    };
    new WebSocketConnection(channel, settings, { deflate: undefined }, undefined);
    const chunk = fromClient({ opcode: 2, payload: 'theirs' });
    const before = chunk.slice();
    channel.takeChunk(chunk);
    assert.deepEqual(got, ['theirs']);
    assert.deepEqual(chunk, before);
    stream.destroy();
  });

  it('are observed as any others, and a route says in one way how it wants a message', async () => {
    const seen: unknown[] = [];
    const server = createServer({
      observer: { message: ({ direction, kind, sizeBytes }) => void seen.push([direction, kind, sizeBytes]) },
    });
    server.webSocket('/', { lentBinary: () => {}, lentText: () => {} });
    const socket = await connectPair(server, '/');
    socket.send('né');
    socket.send(new Uint8Array(5));
    await turns(5);
    assert.deepEqual(seen, [
      ['received', 'text', 3],
      ['received', 'binary', 5],
    ]);
    await server.close();
    const refuses = (handlers: WebSocketHandlers, message: RegExp): void => {
      assert.throws(() => createServer().webSocket('/', handlers), message);
    };
    refuses({ messageStream() {}, lentBinary() {} }, /messageStream stands in place of lentBinary/);
    refuses({ messageStream() {}, lentText() {} }, /messageStream stands in place of lentText/);
    refuses({ textBytes() {}, lentText() {} }, /text comes to textBytes or to lentText, not to both/);
  });
});

it('lent octets are refused in tests of handlers too, short ones as well', async () => {
  const told: unknown[] = [];
  const server = createServer({ onError: (error) => told.push(String(error).slice(0, 40)) });
  server.webSocket('/', { lentBinary: (socket, octets) => socket.write(octets as unknown as Uint8Array) });
  const client = await connectPair(server, '/');
  client.send(Buffer.alloc(5));
  await until('it is told', () => told.length === 1);
  assert.deepEqual(told, ['TypeError: write: these octets are only ']);
  await server.close();
});
