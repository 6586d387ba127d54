import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionClosed, ProtocolViolation } from '../../lib/errors.ts';
import type { ServerWebSocket, StreamedMessage, WebSocketHandlers, WebSocketRouteOptions } from '../../lib/net/api.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { compressed } from '../support/deflate.ts';
import { closePayload } from '../support/frames.ts';
import { deferred, openWebSocket, type RawClient, turns, until, withServer } from '../support/sockets.ts';

async function withRoute(
  handlers: WebSocketHandlers,
  options: WebSocketRouteOptions,
  body: (client: RawClient, socket: ServerWebSocket, server: Server) => Promise<void>,
  onError?: (error: unknown) => void,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  await withServer(
    onError === undefined ? {} : { onError },
    (server) => server.webSocket('/', { open: (socket) => void sockets.push(socket), ...handlers }, options),
    async (server) => {
      const extensions = options.perMessageDeflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {};
      const client = await openWebSocket(server.port, '/', extensions);
      await until('it is open', () => sockets.length === 1);
      await body(client, sockets[0]!, server);
    },
  );
}

async function textOf(message: StreamedMessage): Promise<string> {
  let text = '';
  for await (const part of message) text += typeof part === 'string' ? part : Buffer.from(part).toString('latin1');
  return text;
}

describe('a route that receives messages in parts', () => {
  it('is told a message at its first frame and reads it as it comes; pings in between are answered', async () => {
    const parts: unknown[] = [];
    const messages: string[] = [];
    const messageStream = async (socket: ServerWebSocket, message: StreamedMessage) => {
      messages.push(message.type);
      for await (const part of message) parts.push(part);
      socket.send(`${parts.length} parts`);
    };
    await withRoute({ messageStream }, {}, async (client, socket) => {
      client.frames({ opcode: 1, fin: false, payload: 'one' });
      await until('the first part is read', () => parts.length === 1);
      client.frames({ opcode: 9, payload: 'p' });
      assert.equal((await client.frame()).opcode, 10);
      assert.equal(socket.stats.receivedMessages, 0);
      client.frames({ opcode: 0, fin: false, payload: 'two' }, { opcode: 0, payload: '' });
      assert.equal((await client.frame()).payload.toString(), '2 parts');
      assert.deepEqual(parts, ['one', 'two']);
      client.frames({ opcode: 2, payload: 'x' });
      assert.equal((await client.frame()).payload.toString(), '3 parts');
      assert.deepEqual(parts[2], Uint8Array.of(0x78));
      assert.deepEqual(messages, ['text', 'binary']);
      assert.equal(socket.stats.receivedMessages, 2);
    });
  });

  it('is told the next message when the last one has been read, and not before', async () => {
    const gate = deferred();
    const told: string[] = [];
    const messageStream = async (_: ServerWebSocket, message: StreamedMessage) => {
      told.push('begin');
      if (told.length === 1) await gate.promise;
      told.push(await textOf(message));
    };
    await withRoute({ messageStream }, {}, async (client) => {
      client.frames(...['a', 'b', 'c'].map((payload) => ({ opcode: 1, payload })));
      await until('the first is told', () => told.length === 1);
      await turns(50);
      assert.deepEqual(told, ['begin']);
      gate.resolve();
      await until('all are read', () => told.length === 6);
      assert.deepEqual(
        told.filter((one) => one !== 'begin'),
        ['a', 'b', 'c'],
      );
    });
  });

  it('holds maxQueuedBytes and one part at most, and the peer is held back, compressed or not', async () => {
    for (const perMessageDeflate of [false, true]) {
      const gate = deferred();
      const size = 32_000_000;
      let held: StreamedMessage | undefined;
      let read = 0;
      const messageStream = async (socket: ServerWebSocket, message: StreamedMessage) => {
        held = message;
        await gate.promise;
        for await (const part of message) read += part.length;
        socket.close();
      };
      const options = { perMessageDeflate, maxQueuedBytes: 200_000, maxMessageBytes: 1_000 };
      await withRoute({ messageStream }, options, async (client, socket) => {
        const plain = new Uint8Array(size);
        const payload = perMessageDeflate ? compressed(plain) : plain;
        client.frames({ opcode: 2, rsv: perMessageDeflate ? 4 : 0, payload });
        await until('it is told', () => held !== undefined);
        await turns(100);
        const { receivedBytes } = socket.stats;
        const most = perMessageDeflate ? payload.length : 200_000 + 2 * 65_536;
        assert.ok(receivedBytes <= most + 1_000, `${receivedBytes} octets were taken from the system`);
        gate.resolve();
        await client.closeFrame();
        assert.equal(read, size);
      });
    }
  });

  it('discards the rest of a message whose loop is left, or that nobody has begun to read when its handler is done', async () => {
    const seen: string[] = [];
    const kept: StreamedMessage[] = [];
    const messageStream = async (_: ServerWebSocket, message: StreamedMessage) => {
      kept.push(message);
      if (kept.length === 2) return;
      for await (const part of message) {
        seen.push(String(part));
        if (kept.length === 1) break;
      }
    };
    await withRoute({ messageStream }, { maxQueuedMessages: 2 }, async (client) => {
      for (const name of ['a', 'b', 'c']) {
        const parts = Array.from({ length: 50 }, () => ({ opcode: 0, fin: false, payload: name }));
        client.frames({ opcode: 1, fin: false, payload: `${name}0` }, ...parts, { opcode: 0 });
      }
      await until('the third is read', () => seen.length === 52);
      assert.equal(seen.join(''), `a0c0${'c'.repeat(50)}`);
      await assert.rejects(textOf(kept[1]!), /discarded: its handler was done before anybody read it/);
    });
  });

  it('throws ConnectionClosed in the loop where the peer goes, closes, breaks a rule, or we close', async () => {
    const ends: readonly [string, (client: RawClient, socket: ServerWebSocket) => void, boolean][] = [
      ['FIN', (client) => void client.socket.end(), false],
      ['reset', (client) => void client.socket.resetAndDestroy(), true],
      ['close', (client) => void client.frames({ opcode: 8, payload: closePayload(1000) }), false],
      ['violation', (client) => void client.frames({ opcode: 2, payload: 'x' }), true],
      ['our close', (_, socket) => socket.close(4000), false],
      ['terminate', (_, socket) => socket.terminate(), false],
    ];
    for (const [name, end, hasCause] of ends) {
      let read = '';
      let error: unknown;
      const messageStream = async (_: ServerWebSocket, message: StreamedMessage) => {
        try {
          for await (const part of message) read += part;
        } catch (thrown) {
          error = thrown;
        }
      };
      await withRoute({ messageStream }, {}, async (client, socket) => {
        client.frames({ opcode: 1, fin: false, payload: 'half' });
        await until('it is read', () => read === 'half');
        end(client, socket);
        await until(`the loop has thrown: ${name}`, () => error !== undefined);
        assert.ok(error instanceof ConnectionClosed, name);
        assert.equal(error.cause !== undefined, hasCause, `${name}: ${error.cause}`);
        if (name === 'violation') assert.ok(error.cause instanceof ProtocolViolation);
      });
    }
  });

  it('fails a message beyond maxStreamedMessageBytes with 1009, and a handler that throws with 1011', async () => {
    const errors: unknown[] = [];
    const messageStream = async (_: ServerWebSocket, message: StreamedMessage) => {
      if ((await textOf(message)) === 'bad') throw new Error('handler');
    };
    const run = async (payload: string) => {
      let closed = 0;
      await withRoute(
        { messageStream },
        { maxStreamedMessageBytes: 10 },
        async (client) => {
          client.frames({ opcode: 1, payload: 'ten octets' }, { opcode: 1, payload });
          closed = (await client.closeFrame()).code;
        },
        (error) => errors.push(error),
      );
      return closed;
    };
    assert.equal(await run('eleven octs'), 1009);
    assert.ok(errors.every((error) => error instanceof ConnectionClosed));
    assert.equal(await run('bad'), 1011);
    assert.match(String(errors.at(-1)), /handler/);
  });

  it('calls the `then` of what its handler answers once; where that throws or rejects, 1011 and one error', async () => {
    const failure = new Error('on purpose');
    const throws = (): never => {
      throw failure;
    };
    const rejects = (_: unknown, reject: (error: Error) => void): void => void setImmediate(reject, failure);
    for (const [then, code] of [
      [(done: () => void) => done(), undefined] as const,
      [throws, 1011] as const,
      [rejects, 1011] as const,
    ]) {
      let calls = 0;
      const value = (...args: [never, never]): unknown => {
        calls++;
        return then(...args);
      };
      const errors: unknown[] = [];
      await withRoute(
        { messageStream: () => Object.defineProperty({}, 'then', { value }) },
        {},
        async (client) => {
          client.frames({ opcode: 1, payload: 'x' }, { opcode: 9, payload: '' });
          if (code !== undefined) assert.equal((await client.closeFrame()).code, code);
          else assert.equal((await client.frame()).opcode, 10, 'the message is discarded, and reading goes on');
          await turns();
        },
        (error) => errors.push(error),
      );
      assert.equal(calls, 1);
      assert.deepEqual(errors, code === undefined ? [] : [failure]);
    }
  });

  it('has no other handler of messages, and no loop over the socket', async () => {
    const server = createServer();
    const messageStream = () => {};
    assert.throws(() => server.webSocket('/', { messageStream, message: () => {} }), /in place of message/);
    assert.throws(() => server.webSocket('/', { messageStream, textBytes: () => {} }), /in place of textBytes/);
    assert.throws(() => server.webSocket('/', { messageStream }, { maxStreamedMessageBytes: 0 }), RangeError);
    await withRoute({ messageStream }, {}, async (_, socket) => {
      assert.throws(() => socket[Symbol.asyncIterator](), /messageStream, not to for await/);
    });
  });
});

describe('writeMessage', () => {
  const frames = async (client: RawClient): Promise<string[]> => {
    const got: string[] = [];
    for (;;) {
      const { first, opcode, fin, payload } = await client.frame();
      got.push(`${first.toString(16)} ${payload}`);
      if (fin && opcode < 8) return got;
    }
  };

  it('sends each part as a frame; strings are text, octets are binary unless their type is said; none at all is an empty message', async () => {
    await withRoute({}, {}, async (client, socket) => {
      const octets = Buffer.from('é');
      const cases: readonly [Parameters<ServerWebSocket['writeMessage']>, string[]][] = [
        [[['a', 'b']], ['1 a', '0 b', '80 ']],
        [
          [[octets.subarray(0, 1), octets.subarray(1)], { type: 'text' }],
          ['1 \ufffd', '0 \ufffd', '80 '],
        ],
        [[[Buffer.from('x')]], ['2 x', '80 ']],
        [[[]], ['82 ']],
        [[[], { type: 'text' }], ['81 ']],
      ];
      for (const [args, expected] of cases) {
        await socket.writeMessage(...args);
        assert.deepEqual(await frames(client), expected);
      }
      assert.equal(socket.stats.sentMessages, cases.length);
    });
  });

  it('keeps its place in line: writes wait for its end, send throws, pings go in between', async () => {
    await withRoute({}, {}, async (client, socket) => {
      const gate = deferred();
      async function* parts() {
        yield 'a';
        await gate.promise;
        yield 'b';
      }
      const settled: string[] = [];
      const whole = (promise: Promise<void>, name: string) => promise.then(() => settled.push(name));
      const all = [
        whole(socket.write('before'), 'before'),
        whole(socket.writeMessage(parts()), 'parts'),
        whole(socket.write('behind'), 'behind'),
        whole(socket.writeMessage(['c']), 'more parts'),
      ];
      assert.equal((await client.frame()).payload.toString(), 'before');
      assert.equal((await client.frame()).payload.toString(), 'a');
      assert.throws(() => socket.send('between'), /message in parts has begun/);
      void socket.ping(Buffer.from('p'));
      assert.equal((await client.frame()).opcode, 9);
      gate.resolve();
      assert.deepEqual(await frames(client), ['0 b', '80 ']);
      assert.deepEqual(await frames(client), ['81 behind']);
      assert.deepEqual(await frames(client), ['1 c', '80 ']);
      await Promise.all(all);
      assert.deepEqual(settled, ['before', 'parts', 'behind', 'more parts']);
      assert.equal(socket.send('after'), 'sent');
    });
  });

  it('asks for no more than the high-water mark and what the system takes while the peer does not read', async () => {
    await withRoute({}, {}, async (client, socket) => {
      const size = 65_536;
      const count = 1_000;
      let asked = 0;
      async function* parts() {
        for (; asked < count; asked++) yield new Uint8Array(size);
      }
      client.socket.pause();
      const written = socket.writeMessage(parts());
      let before = -1;
      await until('it is blocked', () => socket.bufferedAmount > 0);
      for (; before !== asked; await turns(50)) before = asked;
      assert.ok(asked < count, `${asked} of ${count} parts were asked for`);
      assert.ok(socket.bufferedAmount <= 65_536 + size + 20, `${socket.bufferedAmount} octets wait`);
      client.socket.resume();
      let octets = 0;
      for (let fin = false; !fin; ) {
        const frame = await client.frame();
        octets += frame.payload.length;
        fin = frame.fin;
      }
      assert.equal(octets, size * count);
      await written;
    });
  });

  it('a source that fails before its first part harms nothing; within the message it ends the connection with 1011', async () => {
    await withRoute({}, {}, async (client, socket) => {
      const parts = function* (count: number) {
        for (let i = 0; i < count; i++) yield 'x';
        throw new Error('disk');
      };
      await assert.rejects(socket.writeMessage(parts(0)), /disk/);
      await socket.write('fine');
      assert.deepEqual(await frames(client), ['81 fine']);
      const failed = socket.writeMessage(parts(1));
      const behind = socket.write('behind');
      await assert.rejects(failed, /disk/);
      await assert.rejects(behind, ConnectionClosed);
      assert.equal((await client.frame()).fin, false);
      assert.equal((await client.closeFrame()).code, 1011);
    });
  });

  it('a source that fails at once is told, and the line goes on', async () => {
    await withRoute({}, {}, async (client, socket) => {
      const locked = new ReadableStream<Uint8Array>();
      locked.getReader();
      const failing = {
        [Symbol.iterator](): Iterator<string> {
          throw new Error('no source');
        },
      };
      await assert.rejects(socket.writeMessage(failing), /no source/);
      await assert.rejects(socket.writeMessage(locked), /locked/);
      await socket.write('fine');
      assert.deepEqual(await frames(client), ['81 fine']);
    });
  });

  it('rejects with ConnectionClosed when the connection ends, and lets go of its source', async () => {
    await withRoute({}, {}, async (client, socket) => {
      let left = false;
      async function* endless() {
        try {
          for (;;) yield new Uint8Array(100_000);
        } finally {
          left = true;
        }
      }
      client.socket.pause();
      const written = socket.writeMessage(endless());
      const behind = socket.writeMessage(['never']);
      await until('it is blocked', () => socket.bufferedAmount > 0);
      client.socket.destroy();
      await assert.rejects(written, ConnectionClosed);
      await assert.rejects(behind, ConnectionClosed);
      await until('the source is left', () => left);
      await assert.rejects(socket.writeMessage(['late']), ConnectionClosed);
    });
  });

  it('is compressed where that was agreed, unless told otherwise', async () => {
    await withRoute({}, { perMessageDeflate: true }, async (client, socket) => {
      await socket.writeMessage(['abc'.repeat(100)]);
      const { first, payload } = await client.frame();
      assert.equal(first, 0x41);
      assert.ok(payload.length < 100);
      await client.frame();
      await socket.writeMessage(['abc'], { compress: false });
      assert.deepEqual(await frames(client), ['1 abc', '80 ']);
    });
  });

  it('refuses what is no source of parts at the call', async () => {
    const errors: unknown[] = [];
    await withRoute(
      {},
      {},
      async (client, socket) => {
        for (const wrong of ['text', new Uint8Array(3), 5, undefined, {}])
          assert.throws(() => socket.writeMessage(wrong as Iterable<string>), TypeError);
        assert.throws(() => socket.writeMessage([], { type: 'blob' as 'text' }), TypeError);
        await assert.rejects(socket.writeMessage([Buffer.from('x'), 'a string']), TypeError);
        assert.deepEqual((await client.frame()).payload.toString(), 'x');
        assert.equal((await client.closeFrame()).code, 1011);
      },
      (error) => errors.push(error),
    );
    assert.deepEqual(errors, []);
  });
});
