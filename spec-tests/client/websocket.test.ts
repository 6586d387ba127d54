import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CloseEvent, ErrorEvent } from '../../lib/client/events.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import type { HandshakeRejected } from '../../lib/errors.ts';
import { next, switching, withRawServer } from '../support/client.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload, concat, fromServer } from '../support/frames.ts';
import { deferred, patiently, turns, until, withServer } from '../support/sockets.ts';

describe('WebSockets standard §3: the constructor', () => {
  it('refuses URLs and subprotocols that cannot be used with SyntaxError, headers with TypeError', () => {
    for (const url of ['', '/x', 'ftp://a', 'mailto:x', 'ws://', 'ws://a#b', 'ws://a#'])
      assert.throws(() => new WebSocket(url), { name: 'SyntaxError' }, url);
    for (const protocols of ['', 'a b', 'a,b', ['a', 'a'], ['\u00e9'], ['a\r\nb']])
      assert.throws(() => new WebSocket('ws://127.0.0.1:1', protocols), { name: 'SyntaxError' }, String(protocols));
    for (const headers of [{ 'a b': 'c' }, { a: 'b\r\nc: d' }, { a: '\0' }, { Host: 'x' }, { upgrade: 'x' }])
      assert.throws(
        () => new WebSocket('ws://127.0.0.1:1', { headers: headers as unknown as Record<string, string> }),
        TypeError,
      );
    assert.throws(() => new WebSocket('ws://127.0.0.1:1', { origin: 'a\r\nb' }), TypeError);
  });

  it('takes http: and https: for ws: and wss:, and the URL’s user for Authorization', async () => {
    const requests: string[] = [];
    await withRawServer(
      (socket, head) => {
        requests.push(head);
        socket.write(switching(head));
      },
      async (url) => {
        const socket = new WebSocket(`${url.replace('ws:', 'http:').replace('//', '//ada:s%20e@')}/a?b=c`, {
          headers: { 'X-User-Id': 'ada' },
          origin: 'https://app.example',
        });
        assert.equal(new URL(socket.url).protocol, 'ws:');
        await next(socket, 'open');
        const [head = ''] = requests;
        assert.match(head, /^GET \/a\?b=c HTTP\/1\.1\r\n/);
        assert.match(head, /^X-User-Id: ada\r$/m);
        assert.match(head, /^Origin: https:\/\/app\.example\r$/m);
        assert.match(head, new RegExp(`^Authorization: Basic ${Buffer.from('ada:s e').toString('base64')}\r$`, 'm'));
        assert.match(head, /^Sec-WebSocket-Version: 13\r$/m);
        assert.equal(Buffer.from(/^Sec-WebSocket-Key: (.*)\r$/m.exec(head)?.[1] ?? '', 'base64').length, 16);
        socket.terminate();
        await next(socket, 'close');
      },
    );
  });
});

describe('WebSockets standard §3: events, states and data', () => {
  it('open, message, close with readyState along the way; on… attributes and listeners alike', async () => {
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          {
            open: (socket) => void socket.send('welcome'),
            message(socket, data) {
              if (data === 'bye') socket.close(3001, 'as you wish');
              else socket.send(data);
            },
          },
          { protocols: ['chat'] },
        ),
      async (server) => {
        const socket = new WebSocket(server.url, ['other', 'chat']);
        assert.equal(socket.readyState, WebSocket.CONNECTING);
        assert.equal(socket.protocol, '');
        assert.throws(() => socket.send('early'), { name: 'InvalidStateError' });
        const log: string[] = [];
        socket.onopen = () => log.push(`open ${socket.readyState}`);
        socket.onmessage = () => log.push('replaced');
        socket.onmessage = (event) => log.push(`message ${event.data} ${event.origin}`);
        socket.addEventListener('message', (event) => log.push(`listener ${(event as MessageEvent).data}`));
        socket.onclose = (event) =>
          log.push(`close ${event.code} ${event.reason} ${event.wasClean} ${socket.readyState}`);
        socket.onerror = () => log.push('error');
        await next(socket, 'message');
        assert.equal(socket.protocol, 'chat');
        assert.equal(socket.extensions, '');
        socket.onmessage = null;
        assert.equal(socket.onmessage, null);
        socket.send('bye');
        await next(socket, 'close');
        assert.deepEqual(log, [
          'open 1',
          `message welcome ${server.url.replace('http', 'ws')}`,
          'listener welcome',
          'close 3001 as you wish true 3',
        ]);
        assert.equal(socket.readyState, WebSocket.CLOSED);
      },
    );
  });

  it('binaryType: Blob by default, ArrayBuffer of exactly the bytes; other values are ignored', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', { message: (socket, data) => void socket.send(data) }),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        assert.equal(socket.binaryType, 'blob');
        socket.send(Uint8Array.of(1, 2, 3).subarray(1));
        const blob = (await next<MessageEvent>(socket, 'message')).data as Blob;
        assert.ok(blob instanceof Blob);
        assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [2, 3]);
        socket.binaryType = 'nonsense' as never;
        assert.equal(socket.binaryType, 'blob');
        socket.binaryType = 'arraybuffer';
        for (const size of [0, 1, 64, 65, 5_000, 200_000]) {
          socket.send(new Uint8Array(size).fill(size));
          const { data } = await next<MessageEvent>(socket, 'message');
          assert.ok(data instanceof ArrayBuffer);
          assert.deepEqual(new Uint8Array(data), new Uint8Array(size).fill(size));
        }
        socket.close();
        await next(socket, 'close');
      },
    );
  });

  it('send takes strings, buffers, views of any kind and Blobs, in order, and makes text of anything else (WebIDL)', async () => {
    const got: unknown[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          message(socket, data) {
            got.push(typeof data === 'string' ? data : [...data]);
            if (data === 'last') socket.close();
          },
        }),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        socket.send('é');
        socket.send(Uint8Array.of(1, 2).buffer);
        socket.send(new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2));
        socket.send(new Uint16Array([1]));
        socket.send(5 as never);
        socket.send(1000 as never);
        socket.send(null as never);
        socket.send(new Blob([Uint8Array.of(7), 'x']));
        const reused = Uint8Array.of(8);
        socket.send(reused);
        reused[0] = 99;
        socket.send(new Blob(['y']));
        socket.send('last');
        await next(socket, 'close');
        assert.deepEqual(got, ['é', [1, 2], [2, 3], [1, 0], '5', '1000', 'null', [7, 120], [8], [121], 'last']);
      },
    );
  });

  it('close: what was sent before it goes first, Blobs too; what is sent after it only counts in bufferedAmount', async () => {
    const got: unknown[] = [];
    await withServer(
      {},
      (server) => server.webSocket('/', { message: (_, data) => void got.push(data.length) }),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        socket.send('12');
        assert.equal(socket.bufferedAmount, 2);
        socket.send(new Blob(['345']));
        socket.close(4000, 'enough');
        assert.equal(socket.readyState, WebSocket.CLOSING);
        socket.close(1000);
        socket.send('abcd');
        const { code, reason, wasClean } = await next<CloseEvent>(socket, 'close');
        assert.deepEqual([code, reason, wasClean], [4000, '', true]);
        assert.deepEqual(got, [2, 3]);
        assert.equal(socket.bufferedAmount, 4);
        socket.send(new Uint8Array(6));
        assert.equal(socket.bufferedAmount, 10);
      },
    );
  });

  it('close refuses codes other than 1000 and 3000-4999, and reasons over 123 octets', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', {}),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        for (const code of [0, 999, 1001, 1005, 1006, 1011, 2999, 5000, -1, Number.NaN])
          assert.throws(() => socket.close(code), { name: 'InvalidAccessError' }, String(code));
        assert.throws(() => socket.close(1000, 'é'.repeat(62)), { name: 'SyntaxError' });
        assert.equal(socket.readyState, WebSocket.OPEN);
        socket.close(1000, `${'é'.repeat(61)}x`);
        assert.equal((await next<CloseEvent>(socket, 'close')).code, 1000);
        assert.throws(() => socket.close(1001), { name: 'InvalidAccessError' });
      },
    );
  });

  it('a message that comes after close was called is not delivered (§6)', async () => {
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          message(socket) {
            socket.send('a');
            socket.send('b');
          },
        }),
      async (server) => {
        const socket = new WebSocket(server.url);
        await next(socket, 'open');
        const got: string[] = [];
        socket.onmessage = ({ data }) => {
          got.push(data as string);
          socket.close();
        };
        socket.send('go');
        await next(socket, 'close');
        assert.deepEqual(got, ['a']);
      },
    );
  });

  it('frames in the same read as the answer are delivered behind open', async () => {
    await withRawServer(
      (socket, head) =>
        socket.write(
          concat(
            Buffer.from(switching(head)),
            fromServer({ opcode: 1, payload: 'first' }, { opcode: 8, payload: closePayload(3000, 'x') }),
          ),
        ),
      async (url, sockets) => {
        const socket = new WebSocket(url);
        const log: string[] = [];
        socket.onopen = () => log.push('open');
        socket.onmessage = ({ data }) => log.push(data as string);
        socket.onclose = ({ code, wasClean }) => log.push(`${code} ${wasClean}`);
        await next(socket, 'message');
        await until('it closes', () => socket.readyState >= 2);
        for (const each of sockets) each.end();
        await next(socket, 'close');
        assert.deepEqual(log, ['open', 'first', '3000 true']);
      },
    );
  });

  it('what exceeds maxBufferedBytes fails the connection, as the standard says of a full buffer', async () => {
    await withRawServer(
      (socket, head) => {
        socket.pause();
        socket.write(switching(head));
      },
      async (url) => {
        const socket = new WebSocket(url, { maxBufferedBytes: 1_000_000 });
        await next(socket, 'open');
        const closed = next<CloseEvent>(socket, 'close');
        for (let i = 0; i < 100 && socket.readyState === 1; i++) {
          socket.send(new Uint8Array(900_000));
          await turns(2);
        }
        const { code, wasClean } = await closed;
        assert.deepEqual([code, wasClean], [1006, false]);
      },
    );
  });
});

describe('a client’s failures', () => {
  const failure = async (socket: WebSocket): Promise<{ code: string; status: number; message: string }> => {
    const log: string[] = [];
    socket.onopen = () => log.push('open');
    const errored = next<ErrorEvent>(socket, 'error');
    const closed = next<CloseEvent>(socket, 'close');
    const { error } = await errored;
    const close = await closed;
    assert.deepEqual([close.code, close.reason, close.wasClean], [1006, '', false]);
    assert.equal(socket.readyState, WebSocket.CLOSED);
    assert.deepEqual(log, []);
    const { code, status, message } = error as HandshakeRejected;
    return { code, status, message };
  };

  it('nobody listens: error and close, later than the constructor', async () => {
    const socket = new WebSocket('ws://127.0.0.1:1/');
    assert.equal((await failure(socket)).code, 'DIAL_REFUSED');
    assert.equal((await failure(new WebSocket('ws://nowhere.invalid/'))).code, 'DIAL_NOT_FOUND');
  });

  it('each step of the answer is checked, and the error names what was wrong (RFC 6455 §4.1)', async () => {
    const answers: Record<string, (head: string) => string> = {
      WS_STATUS: () => 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n',
      WS_UPGRADE: (head) => switching(head).replace('Upgrade: websocket', 'Upgrade: h2c'),
      WS_CONNECTION: (head) => switching(head).replace('Connection: Upgrade', 'Connection: close'),
      WS_ACCEPT: (head) => switching(head).replace(/Accept: ./, 'Accept: ='),
      WS_EXTENSION: (head) => switching(head, 'Sec-WebSocket-Extensions: x-unknown\r\n'),
      WS_PROTOCOL: (head) => switching(head, 'Sec-WebSocket-Protocol: other\r\n'),
      WS_PROTOCOL_MISSING: (head) => switching(head),
      HTTP_STATUS_LINE: () => 'SSH-2.0-OpenSSH_9\r\n\r\n',
      HTTP_HEAD_TOO_LONG: () => `HTTP/1.1 101 x\r\nX: ${'a'.repeat(20_000)}`,
    };
    for (const [code, answer] of Object.entries(answers)) {
      await withRawServer(
        (socket, head) => socket.write(answer(head)),
        async (url, sockets) => {
          const failed = await failure(new WebSocket(url, 'chat'));
          assert.equal(failed.code, code, failed.message);
          if (code === 'WS_STATUS') assert.equal(failed.status, 401);
          await until('its socket has gone', () => {
            for (const each of sockets) each.resume().end();
            return sockets.size === 0;
          });
        },
      );
    }
  });

  it('an answer that never comes, or ends early, or is given up: one error and one close', async () => {
    await withRawServer(
      () => {},
      async (url, sockets) => {
        const clock = new FakeClock();
        const slow = new WebSocket(url, { clock, handshakeTimeoutMs: 5_000 });
        await until('it is connected', () => sockets.size === 1);
        const failed = failure(slow);
        clock.advance(4_999);
        assert.equal(slow.readyState, 0);
        clock.advance(1);
        assert.equal((await failed).code, 'HANDSHAKE_TIMEOUT');
        assert.equal(clock.timers, 0);

        const aborted = new WebSocket(url);
        aborted.close();
        assert.equal(aborted.readyState, WebSocket.CLOSING);
        aborted.close(3000);
        assert.equal((await failure(aborted)).code, 'HANDSHAKE_ABORTED');
      },
    );
    await withRawServer(
      (socket) => socket.end('HTTP/1.1 101 '),
      async (url) => assert.equal((await failure(new WebSocket(url))).code, 'HANDSHAKE_INCOMPLETE'),
    );
    await withRawServer(
      (socket) => socket.resetAndDestroy(),
      async (url) => assert.equal((await failure(new WebSocket(url))).code, 'DIAL_FAILED'),
    );
  });

  it('a server that breaks the protocol: error with the rule, a close frame to it, 1006 here (RFC 6455 §7.1.7)', async () => {
    const received = deferred<Buffer>();
    await withRawServer(
      (socket, head) => {
        socket.write(switching(head));
        socket.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0x61));
        const chunks: Buffer[] = [];
        socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        socket.on('end', () => {
          received.resolve(Buffer.concat(chunks));
          socket.end();
        });
      },
      async (url) => {
        const socket = new WebSocket(url);
        await next(socket, 'open');
        const errored = next<ErrorEvent>(socket, 'error');
        const closed = next<CloseEvent>(socket, 'close');
        assert.match((await errored).message, /mask/i);
        assert.equal((await closed).code, 1006);
        const frame = await patiently('the close frame', received.promise);
        const code = ((frame[6]! ^ frame[2]!) << 8) | (frame[7]! ^ frame[3]!);
        assert.deepEqual([frame[0], frame[1]! & 0x80, code], [0x88, 0x80, 1002]);
      },
    );
  });

  it('FIN or a reset without a close frame is 1006 and not clean; a mute server is dropped after closeTimeoutMs', async () => {
    for (const end of ['end', 'resetAndDestroy'] as const) {
      await withRawServer(
        (socket, head) => socket.write(switching(head)),
        async (url, sockets) => {
          const socket = new WebSocket(url);
          await next(socket, 'open');
          const closed = next<CloseEvent>(socket, 'close');
          for (const each of sockets) each[end]();
          const { code, wasClean } = await closed;
          assert.deepEqual([code, wasClean], [1006, false]);
        },
      );
    }
    await withRawServer(
      (socket, head) => socket.write(switching(head)),
      async (url) => {
        const clock = new FakeClock();
        const socket = new WebSocket(url, { clock, closeTimeoutMs: 10_000 });
        await next(socket, 'open');
        const closed = next<CloseEvent>(socket, 'close');
        socket.close(1000);
        clock.advance(9_000);
        await turns();
        assert.equal(socket.readyState, WebSocket.CLOSING);
        clock.advance(2_000);
        assert.equal((await closed).code, 1006);
        assert.equal(clock.timers, 0);
      },
    );
  });

  it('behind both close frames it waits for the server to end TCP, and ends it by itself after closeTimeoutMs (RFC 6455 §7.1.1)', async () => {
    for (const serverEnds of [true, false]) {
      let clientEnded = false;
      const answered = deferred();
      await withRawServer(
        (socket, head) => {
          socket.write(switching(head));
          socket.once('data', () => {
            socket.write(fromServer({ opcode: 8, payload: closePayload(1000) }), () => answered.resolve());
          });
          socket.on('end', () => {
            clientEnded = true;
            socket.end();
          });
        },
        async (url, sockets) => {
          const clock = new FakeClock();
          const socket = new WebSocket(url, { clock, closeTimeoutMs: 10_000 });
          await next(socket, 'open');
          const closed = next<CloseEvent>(socket, 'close');
          socket.close(1000);
          await patiently('both close frames', answered.promise);
          await turns();
          assert.deepEqual([clientEnded, socket.readyState], [false, WebSocket.CLOSING]);
          if (serverEnds) for (const each of sockets) each.end();
          else clock.advance(11_000);
          const { code, wasClean } = await closed;
          assert.deepEqual([code, wasClean, clock.timers], [1000, true, 0]);
        },
      );
    }
  });

  it('connections to one address are opened side by side: who opens them decides (RFC 6455 §4.1)', async () => {
    const waiting: (() => void)[] = [];
    await withRawServer(
      (socket, head) => {
        waiting.push(() => socket.write(switching(head)));
        if (waiting.length === 3) for (const answer of waiting) answer();
      },
      async (url) => {
        await Promise.all([1, 2, 3].map(() => next(new WebSocket(url), 'open')));
      },
    );
  });

  it('1009 to a server that sends more than maxMessageBytes', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', { open: (socket) => void socket.send(new Uint8Array(1_001)) }),
      async (server) => {
        const socket = new WebSocket(server.url, { maxMessageBytes: 1_000 });
        const { error } = await next<ErrorEvent>(socket, 'error');
        assert.equal((error as { code?: string }).code, 'WS_MESSAGE_TOO_BIG');
      },
    );
  });
});
