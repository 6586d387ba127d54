import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocket } from '../../lib/client/websocket.ts';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { closePayload, concat, fromClient, type RawFrame } from '../support/frames.ts';
import {
  deferred,
  openWebSocket,
  patiently,
  RawClient,
  turns,
  until,
  upgradeRequest,
  withServer,
} from '../support/sockets.ts';

describe('RFC 6455 §4.2: WebSocket routes', () => {
  it('parameters, headers and the query of the opening handshake reach the handlers', async () => {
    await withServer(
      {},
      (server) =>
        server.webSocket('/rooms/:room', {
          open(socket, request) {
            assert.equal(socket.request, request);
            socket.send(
              `${request.params['room']} ${request.headers.get('X-User-Id')} ${request.query.get('since')} ${request.method}`,
            );
          },
        }),
      async (server) => {
        const client = await openWebSocket(server.port, '/rooms/caf%C3%A9?since=7', { 'X-User-Id': 'ada' });
        assert.equal((await client.frame()).payload.toString(), 'café ada 7 GET');
      },
    );
  });

  it('the subprotocol is the server’s first that was offered, and none is echoed that was not (§4.2.2)', async () => {
    await withServer(
      {},
      (server) =>
        server.webSocket('/', { open: (socket) => void socket.send(socket.protocol) }, { protocols: ['v2', 'v1'] }),
      async (server) => {
        const client = await RawClient.connect(server.port);
        const { headers } = await client.upgrade('/', { 'Sec-WebSocket-Protocol': 'v1, v2' });
        assert.equal(headers.get('sec-websocket-protocol'), 'v2');
        assert.equal((await client.frame()).payload.toString(), 'v2');
        const other = await RawClient.connect(server.port);
        const answer = await other.upgrade('/', { 'Sec-WebSocket-Protocol': 'evil' });
        assert.equal(answer.status, 101);
        assert.equal(answer.headers.has('sec-websocket-protocol'), false);
      },
    );
  });

  it('origins: the same by default, a list, any, a function; none at all is always allowed (§10.2)', async () => {
    await withServer(
      { onError() {} },
      (server) =>
        server
          .webSocket('/same', {})
          .webSocket('/list', {}, { allowedOrigins: ['https://app.example'] })
          .webSocket('/any', {}, { allowedOrigins: '*' })
          .webSocket('/function', {}, { allowedOrigins: (origin, request) => origin.endsWith(request.path.slice(-3)) })
          .webSocket('/throws', {}, { allowedOrigins: (origin) => new URL(origin).port === '1' })
          .webSocket('/promise', {}, { allowedOrigins: (async () => false) as unknown as () => boolean }),
      async (server) => {
        const status = async (path: string, origin?: string) => {
          const client = await RawClient.connect(server.port);
          const answer = await client.upgrade(path, origin === undefined ? {} : { Origin: origin });
          if (answer.status !== 101) {
            assert.equal(answer.headers.get('connection'), 'close');
            await client.end();
          }
          return answer.status;
        };
        assert.equal(await status('/same'), 101);
        assert.equal(await status('/same', 'http://localhost'), 101);
        assert.equal(await status('/same', 'http://evil.example'), 403);
        assert.equal(await status('/same', 'http://localhost:81'), 403);
        assert.equal(await status('/same', 'null'), 403);
        assert.equal(await status('/list', 'https://app.example'), 101);
        assert.equal(await status('/list', 'https://app.example.evil.example'), 403);
        assert.equal(await status('/any', 'null'), 101);
        assert.equal(await status('/function', 'x-ion'), 101);
        assert.equal(await status('/function', 'http://a'), 403);
        assert.equal(await status('/throws', 'null'), 500, 'a function that throws refuses, and the server lives on');
        assert.equal(await status('/promise', 'http://a'), 403, 'a promise is not a yes');
      },
    );
  });

  it('every refusal is a whole response with Connection: close, and what follows is never parsed (§4.2.2)', async () => {
    let reached = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {}).get('/smuggled', () => {
          reached++;
          return {};
        }),
      async (server) => {
        const refusals: readonly [path: string, headers: Record<string, string>, status: number][] = [
          ['/', { 'Sec-WebSocket-Version': '8' }, 426],
          ['/', { 'Sec-WebSocket-Version': '13, 8' }, 426],
          ['/', { 'Sec-WebSocket-Key': 'short' }, 400],
          ['/', { 'Sec-WebSocket-Key': '' }, 400],
          ['/', { Upgrade: 'websockets' }, 426],
          ['/', { 'Sec-WebSocket-Protocol': 'a, a' }, 400],
          ['/', { 'Content-Length': '5' }, 400],
          ['/nowhere', {}, 404],
          ['/%zz/..', {}, 404],
        ];
        for (const [path, headers, status] of refusals) {
          const client = await RawClient.connect(server.port);
          client.write(`${upgradeRequest(path, headers)}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
          const answer = await client.response();
          assert.equal(answer.status, status, JSON.stringify(headers));
          assert.equal(answer.headers.get('connection'), 'close');
          if (status === 426) assert.equal(answer.headers.get('sec-websocket-version') ?? '13', '13');
          assert.equal((await client.rest()).length, 0);
        }
        assert.equal(reached, 0);
      },
    );
  });

  it('upgrade decides, at once or later, with a response of its own; frames sent meanwhile are not lost', async () => {
    const gate = deferred();
    await withServer(
      { onError() {} },
      (server) =>
        server
          .webSocket('/now', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic' }, body: 'who?' }), {
            open() {},
          })
          .webSocket(
            '/later',
            async (request) => {
              await gate.promise;
              return request.query.get('ok') === null ? { status: 403 } : undefined;
            },
            { message: (socket, data) => socket.send(data) },
          )
          .webSocket(
            '/throws',
            () => {
              throw new Error('no');
            },
            { open() {} },
          )
          .webSocket('/rejects', () => Promise.reject(new Error('no')), { open() {} }),
      async (server) => {
        const now = await RawClient.connect(server.port);
        const refused = await now.write(upgradeRequest('/now')).response();
        assert.equal(refused.status, 401);
        assert.equal(refused.body.toString(), 'who?');
        const later = await RawClient.connect(server.port);
        later.write(concat(Buffer.from(upgradeRequest('/later?ok')), fromClient({ opcode: 1, payload: 'early' })));
        await turns();
        later.frames({ opcode: 1, payload: 'less early' });
        const no = (await RawClient.connect(server.port)).write(upgradeRequest('/later'));
        await turns();
        gate.resolve();
        assert.equal((await later.head()).status, 101);
        assert.equal((await later.frame()).payload.toString(), 'early');
        assert.equal((await later.frame()).payload.toString(), 'less early');
        assert.equal((await no.response()).status, 403);
        for (const path of ['/throws', '/rejects']) {
          const client = (await RawClient.connect(server.port)).write(upgradeRequest(path));
          assert.equal((await client.response()).status, 500, path);
          await client.end();
        }
      },
    );
  });

  it('prepareMessage takes what send takes, and refuses anything else at the call', () => {
    const { payload } = prepareMessage(Uint8Array.of(1, 2).buffer);
    assert.deepEqual([...payload], [1, 2]);
    for (const wrong of [5, undefined, null, [1, 2], { length: 50 }])
      assert.throws(
        () => prepareMessage(wrong as never),
        /a message to prepare is a string, a Uint8Array or an ArrayBuffer/,
      );
  });

  it('a client that leaves while something is written to it is no failure of the handler, in whole messages or in parts', async () => {
    const errors: unknown[] = [];
    let ended = 0;
    async function* parts(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield new Uint8Array(100_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const write = async (socket: ServerWebSocket): Promise<void> => {
      for (;;) await socket.write(new Uint8Array(100_000));
    };
    await withServer(
      { onError: (error) => void errors.push(error) },
      (server) => {
        server.webSocket('/loop/parts', (socket) => socket.writeMessage(parts()));
        server.webSocket('/loop/whole', write);
        server.webSocket('/open/parts', { open: (socket) => socket.writeMessage(parts()), close: () => void ended++ });
        server.webSocket('/open/whole', { open: write, close: () => void ended++ });
      },
      async (server) => {
        for (const path of ['/loop/parts', '/loop/whole', '/open/parts', '/open/whole']) {
          const polite = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, { maxMessageBytes: 2 ** 30 });
          await new Promise((resolve) => polite.addEventListener('open', resolve));
          await turns();
          polite.close(1000);
          await until('it has gone', () => server.connections.webSockets === 0);
          const rude = await openWebSocket(server.port, path);
          await rude.frame();
          rude.socket.resetAndDestroy();
          await until('it has gone', () => server.connections.webSockets === 0);
        }
        await until('both of each form have ended', () => ended === 4);
        await turns();
      },
    );
    assert.deepEqual(errors, []);
  });

  it('a client that leaves while upgrade decides is never opened', async () => {
    const gate = deferred();
    let opened = 0;
    await withServer(
      {},
      (server) => server.webSocket('/', () => gate.promise.then(() => undefined), { open: () => opened++ }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).write(upgradeRequest('/'));
        await until('the request is there', () => server.connections.http === 1);
        await turns();
        client.socket.resetAndDestroy();
        await turns();
        gate.resolve();
        await until('everything is released', () => server.connections.http === 0);
        await turns();
        assert.deepEqual([opened, server.connections.webSockets], [0, 0]);
      },
    );
  });
});

describe('messages', () => {
  it('text is a string, binary a Uint8Array of its own memory, in the order sent', async () => {
    const got: unknown[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          message(socket, message) {
            got.push(message);
            if (got.length === 4) socket.send('done');
          },
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames({ opcode: 1, payload: 'héllo' }, { opcode: 2, payload: Uint8Array.of(1, 2) });
        client.frames({ opcode: 1, payload: '' }, { opcode: 2, payload: new Uint8Array(300).fill(7) });
        assert.equal((await client.frame()).payload.toString(), 'done');
        assert.deepEqual(got, ['héllo', Uint8Array.of(1, 2), '', new Uint8Array(300).fill(7)]);
      },
    );
  });

  it('a client that leaves while upgrade decides is not opened, also when the decision comes in that very turn', async () => {
    let decided = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          (request) =>
            new Promise<undefined>((resolve) => {
              request.signal.addEventListener('abort', () => {
                decided++;
                resolve(undefined);
              });
            }),
          { open: () => assert.fail('opened for a client that has left') },
        ),
      async (server) => {
        const client = await RawClient.connect(server.port);
        client.write(upgradeRequest());
        client.socket.end();
        await until('it was decided', () => decided === 1);
        await turns();
        assert.equal(server.connections.webSockets, 0);
      },
    );
  });

  it('textBytes is given text as UTF-8 octets, and message the rest; sendText sends them on', async () => {
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          message: (socket, message) => {
            assert.ok(message instanceof Uint8Array);
            socket.send(message);
          },
          textBytes: (socket, utf8) => socket.sendText(utf8),
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames({ opcode: 1, payload: 'é' }, { opcode: 2, payload: 'é' });
        const text = await client.frame();
        assert.equal(text.opcode, 1);
        assert.equal(text.payload.toString(), 'é');
        assert.equal((await client.frame()).opcode, 2);
      },
    );
  });

  it('send takes strings, views, buffers and prepared messages, exactly their bytes, and nothing else', async () => {
    const backing = new Uint8Array([9, 1, 2, 3, 9]);
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          open(socket) {
            socket.send('té');
            socket.send(backing.subarray(1, 4));
            socket.send(Uint8Array.of(5, 6).buffer);
            socket.send(prepareMessage('both'));
            socket.send(prepareMessage(Uint8Array.of(8)));
            for (const wrong of [5, 1000, null, undefined, {}, [1], true, new Date(0), new Float64Array(1)]) {
              assert.throws(() => socket.send(wrong as never), TypeError, String(wrong));
              if (wrong !== undefined) assert.throws(() => socket.ping(wrong as never), TypeError, `ping ${wrong}`);
              assert.throws(() => socket.sendText(wrong as never), TypeError, `sendText ${wrong}`);
            }
            assert.throws(() => socket.ping(new Uint8Array(126)), RangeError);
            assert.throws(() => socket.close(1005), RangeError);
            assert.throws(() => socket.close(1000, 'r'.repeat(124)), RangeError);
            assert.equal(socket.readyState, 1);
            socket.ping(Uint8Array.of(1));
          },
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        const frames = [];
        for (let i = 0; i < 6; i++) frames.push(await client.frame());
        assert.deepEqual(
          frames.map(({ first, payload }) => [first, payload.toString('latin1')]),
          [
            [0x81, 't\xc3\xa9'],
            [0x82, '\x01\x02\x03'],
            [0x82, '\x05\x06'],
            [0x81, 'both'],
            [0x82, '\x08'],
            [0x89, '\x01'],
          ],
        );
      },
    );
  });

  it('pings are answered one by one and told to the handler, pongs too (§5.5.2, §5.5.3)', async () => {
    const told: string[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          ping: (_, payload) => void told.push(`ping ${Buffer.from(payload)}`),
          pong: (_, payload) => void told.push(`pong ${Buffer.from(payload)}`),
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames(
          { opcode: 10, payload: 'un' },
          ...Array.from('0123456789', (payload) => ({ opcode: 9, payload })),
        );
        for (const digit of '0123456789') {
          const pong = await client.frame();
          assert.equal(pong.opcode, 10);
          assert.equal(pong.payload.toString(), digit);
        }
        assert.deepEqual(told, ['pong un', ...Array.from('0123456789', (digit) => `ping ${digit}`)]);
      },
    );
  });

  it('a message is answered although the peer’s close frame came in the same read; answers keep the order (§5.5.1)', async () => {
    await withServer(
      {},
      (server) => server.webSocket('/', { message: (socket, data) => void socket.send(data) }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames(
          { opcode: 1, payload: 'a' },
          { opcode: 9, payload: 'b' },
          { opcode: 1, payload: 'c' },
          { opcode: 8, payload: closePayload(1000) },
        );
        const opcodes = [];
        for (let i = 0; i < 4; i++) opcodes.push((await client.frame()).opcode);
        assert.deepEqual(opcodes, [1, 10, 1, 8]);
      },
    );
  });

  it('1009 above maxMessageBytes, at the announced length, before the payload has come (§7.4.1, §10.4)', async () => {
    const closed = deferred<[number, string | undefined]>();
    await withServer(
      { maxMessageBytes: 1_000 },
      (server) =>
        server.webSocket('/', {
          message: (socket, data) => void socket.send(data),
          close: (_, code, __, error) => closed.resolve([code, (error as { code?: string }).code]),
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        client.frames({ opcode: 2, payload: new Uint8Array(1_000) });
        assert.equal((await client.frame()).payload.length, 1_000);
        client.frames({ opcode: 2, payload: new Uint8Array(0), announce: 1_001n });
        assert.equal((await client.closeFrame()).code, 1009);
        await client.end();
        client.socket.end();
        assert.deepEqual(await patiently('close', closed.promise), [1006, 'WS_MESSAGE_TOO_BIG']);
      },
    );
  });

  it('a message of 64 MiB and one of many fragments come back whole', async () => {
    await withServer(
      { maxMessageBytes: 67_108_864, maxBufferedBytes: 67_108_864 },
      (server) => server.webSocket('/', { message: (socket, data) => void socket.send(data) }),
      async (server) => {
        const client = await openWebSocket(server.port);
        const large = Buffer.alloc(67_108_864);
        for (let i = 0; i < large.length; i += 4096) large.writeUInt32LE(i, i);
        client.frames({ opcode: 2, payload: large });
        const back = await client.frame();
        assert.ok(back.payload.equals(large));
        const parts = Array.from({ length: 1_000 }, (_, i) => ({
          opcode: i === 0 ? 1 : 0,
          fin: i === 999,
          payload: String.fromCharCode(97 + (i % 26)),
        }));
        client.frames(...parts);
        const joined = await client.frame();
        assert.equal(joined.payload.toString(), parts.map(({ payload }) => payload).join(''));
      },
    );
  });
});

describe('the for-await form', () => {
  it('reads messages in order, closes with 1000 when it returns and with 1011 when it throws', async () => {
    const errors: unknown[] = [];
    await withServer(
      { onError: (error) => errors.push(error) },
      (server) =>
        server.webSocket('/:how', async (socket, { params }) => {
          for await (const message of socket) {
            if (message === 'break') break;
            if (message === 'throw') throw new Error('on purpose');
            socket.send(message);
          }
          if (params['how'] === 'farewell') socket.send('farewell');
        }),
      async (server) => {
        const early = await RawClient.connect(server.port);
        early.write(concat(Buffer.from(upgradeRequest('/x')), fromClient({ opcode: 1, payload: 'first' })));
        assert.equal((await early.head()).status, 101);
        assert.equal((await early.frame()).payload.toString(), 'first', 'a message in the first read is not lost');
        early.frames({ opcode: 1, payload: 'break' });
        assert.equal((await early.closeFrame()).code, 1000);

        const thrower = await openWebSocket(server.port, '/x');
        thrower.frames({ opcode: 1, payload: 'throw' }, { opcode: 1, payload: 'never read' });
        assert.equal((await thrower.closeFrame()).code, 1011);
        assert.equal(errors.length, 1);

        const leaver = await openWebSocket(server.port, '/x');
        leaver.frames({ opcode: 1, payload: 'a' });
        assert.equal((await leaver.frame()).payload.toString(), 'a');
        leaver.frames({ opcode: 8, payload: closePayload(4000) });
        assert.equal((await leaver.closeFrame()).code, 4000);
        const breaker = await openWebSocket(server.port, '/x');
        breaker.frames({ opcode: 3 });
        assert.equal((await breaker.closeFrame()).code, 1002);
        breaker.socket.destroy();
        await until('all have gone', () => {
          for (const client of [early, thrower, leaver]) client.socket.end();
          return server.connections.webSockets === 0;
        });
        assert.equal(errors.length, 1, 'the peer’s fault is not the handler’s');
      },
    );
  });

  it('maxQueuedMessages waiting messages stop the reading; taking half of them starts it again, and none is lost', async () => {
    const gate = deferred();
    const sockets: ServerWebSocket[] = [];
    const count = 3_000;
    const payload = new Uint8Array(20_000);
    let taken = 0;
    await withServer(
      {},
      (server) =>
        server.webSocket(
          '/',
          async (socket) => {
            sockets.push(socket);
            await gate.promise;
            for await (const message of socket) {
              assert.equal(message.length, payload.length);
              assert.equal((message as Uint8Array)[0], taken & 0xff);
              if (++taken === count) break;
            }
          },
          { maxQueuedMessages: 4 },
        ),
      async (server) => {
        const client = await openWebSocket(server.port);
        for (let i = 0; i < count; i++) {
          payload[0] = i & 0xff;
          client.frames({ opcode: 2, payload });
        }
        await turns(200);
        assert.ok(client.socket.writableLength > 0, 'the client has been held back');
        gate.resolve();
        assert.equal((await client.closeFrame()).code, 1000);
        assert.equal(taken, count);
      },
    );
  });
});

describe('faults stay where they are', () => {
  it('a handler that throws, at once or in its promise, ends its own connection with 1011; others notice nothing', async () => {
    const errors: string[] = [];
    const closes: [number, string | undefined][] = [];
    let after = 0;
    await withServer(
      { onError: (error) => errors.push((error as Error).message) },
      (server) =>
        server
          .webSocket('/', {
            open(_, request) {
              if (request.query.get('fail') === 'open') throw new Error('open');
            },
            message(socket, data): void | Promise<void> {
              if (data === 'throw') throw new Error('message');
              if (data === 'reject') return Promise.reject(new Error('rejected'));
              if (data === 'after') after++;
              socket.send(data);
            },
            ping() {
              throw new Error('ping');
            },
            close(_, code, __, error) {
              closes.push([code, error?.message]);
              throw new Error('close');
            },
          })
          .webSocket('/calm', { message: (socket, data) => void socket.send(data) }),
      async (server) => {
        const other = await openWebSocket(server.port, '/calm');
        const failing = async (path: string, ...frames: RawFrame[]) => {
          const client = await openWebSocket(server.port, path);
          if (frames.length > 0) client.frames(...frames);
          assert.equal((await client.closeFrame()).code, 1011);
          client.frames({ opcode: 8, payload: closePayload(1011) });
          await client.end();
          client.socket.end();
          await client.close();
        };
        await failing('/?fail=open');
        await failing('/', { opcode: 1, payload: 'throw' }, { opcode: 1, payload: 'after' });
        await failing('/', { opcode: 1, payload: 'reject' });
        const pinged = await openWebSocket(server.port);
        pinged.frames({ opcode: 9 });
        assert.equal((await pinged.frame()).opcode, 10);
        assert.equal((await pinged.closeFrame()).code, 1011);
        pinged.socket.destroy();
        other.frames({ opcode: 1, payload: 'still here' });
        assert.equal((await other.frame()).payload.toString(), 'still here');
        await until('all four have closed', () => closes.length === 4);
        assert.equal(after, 0, 'nothing is delivered to a handler that has failed');
        assert.deepEqual(
          closes.map(([, message]) => message),
          ['open', 'message', 'rejected', 'ping'],
        );
        assert.deepEqual(errors, [...['open', 'close', 'message', 'close', 'rejected', 'close', 'ping', 'close']]);
      },
    );
  });

  it('one open is matched by one close, whatever ends the connection, and nothing is delivered behind terminate', async () => {
    const log: string[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          open: () => void log.push('open'),
          message(socket, data) {
            log.push(String(data));
            if (data === 'terminate') socket.terminate();
            if (data === 'close') {
              socket.close(4001, 'enough');
              socket.close(4002);
              assert.equal(socket.readyState, 2);
              assert.equal(socket.send('late'), 'dropped');
            }
          },
          drain: () => void log.push('drain'),
          close(socket, code, reason) {
            assert.equal(socket.readyState, 3);
            assert.equal(socket.send('never'), 'dropped');
            socket.ping().then((roundTripMs) => assert.equal(roundTripMs, undefined));
            assert.equal(socket.bufferedAmount, 0);
            socket.close();
            socket.terminate();
            socket.pause();
            socket.resume();
            log.push(`close ${code} ${reason}`.trim());
          },
        }),
      async (server) => {
        const expectLog = async (...expected: string[]) => {
          await until(`${expected.at(-1)}`, () => log.length >= expected.length && server.connections.webSockets === 0);
          await turns();
          assert.deepEqual(log.splice(0), expected);
        };
        const terminated = await openWebSocket(server.port);
        terminated.frames({ opcode: 1, payload: 'terminate' }, { opcode: 1, payload: 'lost' });
        await terminated.end();
        await expectLog('open', 'terminate', 'close 1006');

        const ours = await openWebSocket(server.port);
        ours.frames({ opcode: 1, payload: 'close' });
        assert.deepEqual(await ours.closeFrame(), { code: 4001, reason: 'enough' });
        ours.frames({ opcode: 8, payload: closePayload(4001) });
        await ours.end();
        ours.socket.end();
        await expectLog('open', 'close', 'close 4001');

        const theirs = await openWebSocket(server.port);
        theirs.frames({ opcode: 8, payload: closePayload(3000, 'bye') }, { opcode: 1, payload: 'ignored' });
        assert.equal((await theirs.closeFrame()).code, 3000);
        await theirs.end();
        theirs.socket.end();
        await expectLog('open', 'close 3000 bye');

        const bare = await openWebSocket(server.port);
        bare.frames({ opcode: 8 });
        assert.equal((await bare.closeFrame()).code, 1005);
        bare.socket.end();
        await expectLog('open', 'close 1005');

        const violation = await openWebSocket(server.port);
        violation.write(Uint8Array.of(0x81, 0x01, 0x61));
        assert.equal((await violation.closeFrame()).code, 1002);
        await violation.end();
        violation.socket.end();
        await expectLog('open', 'close 1006');

        const fin = await openWebSocket(server.port);
        fin.socket.end();
        await fin.close();
        await expectLog('open', 'close 1006');

        const reset = await openWebSocket(server.port);
        reset.socket.resetAndDestroy();
        await expectLog('open', 'close 1006');
      },
    );
  });
});

describe('shutting down', () => {
  it('server.close sends 1001 to every WebSocket and resolves once all have answered', async () => {
    const codes: number[] = [];
    await withServer(
      {},
      (server) => server.webSocket('/', { close: (_, code) => void codes.push(code) }),
      async (server) => {
        const clients = await Promise.all(Array.from({ length: 5 }, () => openWebSocket(server.port)));
        const closed = server.close();
        for (const client of clients) {
          assert.equal((await client.closeFrame()).code, 1001);
          client.frames({ opcode: 8, payload: closePayload(1001) });
          await client.end();
          client.socket.end();
        }
        await patiently('close', closed);
        assert.deepEqual(codes, [1001, 1001, 1001, 1001, 1001]);
        assert.deepEqual(server.connections, { http: 0, webSockets: 0, eventStreams: 0, handshakes: 0 });
      },
    );
  });

  it('an upgrade that is still being decided when close is called is opened and closed with 1001', async () => {
    const gate = deferred();
    await withServer(
      {},
      (server) => server.webSocket('/', () => gate.promise.then(() => undefined), { open() {} }),
      async (server) => {
        const client = (await RawClient.connect(server.port)).write(upgradeRequest('/'));
        await until('the request is there', () => server.connections.http === 1);
        await turns();
        const closed = server.close();
        gate.resolve();
        assert.equal((await client.head()).status, 101);
        assert.equal((await client.closeFrame()).code, 1001);
        client.socket.destroy();
        await patiently('close', closed);
      },
    );
  });
});

describe('memory that the application gives away while it waits to be written', () => {
  it('ends that connection, with a warning, and no other', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const closes: string[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          message(socket, data) {
            socket.send(data);
            if (typeof data !== 'string') structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
          },
          close: (_, code, __, error) => void closes.push(`${code} ${error?.name}`),
        }),
      async (server) => {
        const other = await openWebSocket(server.port);
        const client = await openWebSocket(server.port);
        client.frames({ opcode: 2, payload: Buffer.alloc(20_000) });
        await until('it is closed', () => closes.length === 1);
        assert.deepEqual(closes, ['1006 RangeError']);
        assert.equal((await warned).name, 'BarewireFault');
        other.frames({ opcode: 1, payload: 'hello' });
        assert.equal((await other.frame()).payload.toString(), 'hello');
      },
    );
  });
});
