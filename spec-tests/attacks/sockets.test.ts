/**
 * What has brought other servers and clients down, tried on ours over real sockets: the process survives, memory stays
 * bounded, and a bystander who is being served meanwhile notices nothing.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocket } from '../../lib/client/websocket.ts';
import type { HttpHandler, ServerWebSocket } from '../../lib/net/api.ts';
import type { Server, ServerOptions } from '../../lib/server.ts';
import { FakeClock } from '../support/clock.ts';
import { concat, fromClient, KEY, rawFrame } from '../support/frames.ts';
import { collectGarbage } from '../support/gc.ts';
import { openWebSocket, RawClient, turns, until, upgradeRequest, withServer } from '../support/sockets.ts';

/** The server's side of all WebSockets, for what is held for each. */
const sockets = new Set<ServerWebSocket>();

const echo = (server: Server): Server =>
  server
    .webSocket('/echo', {
      open: (socket) => void sockets.add(socket),
      message: (socket, data) => void socket.send(data),
      close: (socket) => void sockets.delete(socket),
    })
    .get('/', () => ({ body: 'fine' }))
    .get('/params/:name', (({ params, query }) => ({
      body: JSON.stringify([Object.getPrototypeOf(params), params, query.get('q')]),
    })) as HttpHandler)
    .post('/', (request) => ({ body: String(request.body.length) }));

/** Runs an attack while a bystander talks to the same server; the bystander must get every answer, and so must a newcomer. */
async function underAttack(options: ServerOptions, attack: (server: Server) => Promise<void>): Promise<void> {
  await withServer({ onError() {}, ...options }, echo, async (server) => {
    const bystander = await openWebSocket(server.port, '/echo');
    let over = false;
    const attacked = attack(server).finally(() => {
      over = true;
    });
    attacked.catch(() => {}); // reported below; the bystander is seen to first
    let count = 0;
    do {
      bystander.frames({ opcode: 1, payload: `${count}` });
      assert.equal((await bystander.frame()).payload.toString(), `${count++}`);
      await turns(1);
    } while (!over);
    await attacked;
    const newcomer = (await RawClient.connect(server.port)).request('GET /');
    assert.equal((await newcomer.response()).body.toString(), 'fine');
    bystander.frames({ opcode: 1, payload: 'still' });
    assert.equal((await bystander.frame()).payload.toString(), 'still');
  });
}

/** Bytes of array buffers that the process holds: what a hostile length would make it allocate. */
async function heldBytes(): Promise<number> {
  await collectGarbage();
  const { external, arrayBuffers } = process.memoryUsage();
  return external + arrayBuffers;
}

describe('attacks on the opening handshake', () => {
  it('slow-loris: heads that never end are answered 408 all at once, and hold nothing (Node’s own, 2009 on)', async () => {
    const clock = new FakeClock();
    await underAttack({ clock, pingIntervalMs: 0 }, async (server) => {
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(server.port)));
      for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n');
      await until('all have been accepted', () => server.connections.http === 100);
      for (let i = 0; i < 9; i++) {
        for (const client of clients) client.write(`X${i}: b\r\n`);
        await turns(2);
        clock.advance(1_000);
      }
      clock.advance(2_000);
      for (const client of clients) {
        assert.equal((await client.response()).status, 408);
        client.socket.end();
      }
      await until('all are released', () => server.connections.http === 0);
    });
  });

  it('2,000 header fields, with and without those that an upgrade needs: 431, no crash (CVE-2024-37890)', async () => {
    await underAttack({}, async (server) => {
      const fields = upgradeRequest('/echo').split('\r\n').slice(1, -2);
      for (let leftOut = -1; leftOut < fields.length; leftOut++) {
        for (const many of [98, 2_000]) {
          const kept = fields.filter((_, i) => i !== leftOut);
          const client = await RawClient.connect(server.port);
          client.write(`GET /echo HTTP/1.1\r\n${'A: b\r\n'.repeat(many)}${kept.join('\r\n')}\r\n\r\n`);
          assert.equal((await client.head()).status, 431);
        }
      }
    });
  });

  it('header values that make regular expressions backtrack are read in linear time (CVE-2021-32640, CVE-2020-7662)', async () => {
    const shapes = [
      (n: number) => `b${' '.repeat(n)}x`,
      (n: number) => `${','.repeat(n)}x`,
      (n: number) => `a${'; a'.repeat(n / 3)}="`,
      (n: number) => `"${'\\'.repeat(n)}`,
      (n: number) => `${'a='.repeat(n / 2)}`,
    ];
    const names = ['Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Connection', 'Upgrade', 'Origin', 'Expect'];
    await underAttack({ maxHeadBytes: 70_000 }, async (server) => {
      const client = await RawClient.connect(server.port);
      for (const name of [...names, 'Transfer-Encoding', 'Content-Length', 'Host', 'Cookie']) {
        for (const shape of shapes) {
          const attacker = await RawClient.connect(server.port);
          const before = process.cpuUsage();
          attacker.write(
            upgradeRequest('/echo')
              .replace(new RegExp(`^${name}: .*\r\n`, 'm'), '')
              .replace('\r\n\r\n', `\r\n${name}: ${shape(64_000)}\r\n\r\n`),
          );
          const { status } = await attacker.head();
          const { user } = process.cpuUsage(before);
          assert.ok([101, 400, 403, 426, 501].includes(status), `${name}: ${status}`);
          // Quadratic work on 64,000 characters would be seconds; this is all of the process' work meanwhile.
          assert.ok(user < 2_000_000, `${name} took ${user} µs`);
          attacker.socket.destroy();
        }
      }
      client.socket.destroy();
    });
  });

  it('names of Object.prototype as anything a peer may name (ws 3.3.1, CVE-2022-2421)', async () => {
    await underAttack({}, async (server) => {
      const names = [...Object.getOwnPropertyNames(Object.prototype), '__proto__', 'prototype'];
      const client = await RawClient.connect(server.port);
      for (const name of names) {
        client.request(`GET /params/${name}?q=${name}&__proto__[x]=1`, { [name.replace(/^_+|_+$/g, 'x')]: name });
        assert.equal((await client.response()).body.toString(), JSON.stringify([null, { name }, name]));
        client.request(`GET /${name}`);
        assert.equal((await client.response()).status, 404);
        const upgrade = await RawClient.connect(server.port);
        const answer = await upgrade.upgrade('/echo', {
          'Sec-WebSocket-Extensions': `${name}; ${name}=${name}`,
          'Sec-WebSocket-Protocol': name,
          [name]: name,
        });
        assert.equal(answer.status, 101, name);
        assert.equal(answer.headers.has('sec-websocket-protocol'), false);
        assert.equal(answer.headers.has('sec-websocket-extensions'), false);
        upgrade.socket.destroy();
      }
      assert.equal(({} as { x?: unknown }).x, undefined);
    });
  });

  it('request smuggling: whatever two recipients could cut differently is refused and ends the connection (RFC 9112 §11.2)', async () => {
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const heads = [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n',
      'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n',
      'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n',
      'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET http:///smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
      `${upgradeRequest('/echo', { 'Content-Length': String(smuggled.length) })}`,
      `${upgradeRequest('/echo', { 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`,
      upgradeRequest('/echo', { 'Sec-WebSocket-Version': '14' }),
      upgradeRequest('/nowhere'),
      upgradeRequest('/echo', { Origin: 'https://evil.example' }),
    ];
    await underAttack({}, async (server) => {
      for (const head of heads) {
        const client = (await RawClient.connect(server.port)).write(head + smuggled + smuggled);
        const { status, headers } = await client.response();
        assert.ok(status >= 400, `${status} for ${JSON.stringify(head)}`);
        assert.equal(headers.get('connection'), 'close', JSON.stringify(head));
        assert.equal((await client.rest()).length, 0, 'nothing more is answered');
      }
    });
  });

  it('what handlers put into heads cannot break out of them, on either side (CVE-2026-1527)', async () => {
    await withServer(
      { onError() {} },
      (server) =>
        server
          .get('/:value', ({ params }) => ({ headers: { Location: params['value']! } }))
          .webSocket('/ws/:value', ({ params }) => ({ status: 302, headers: { [params['value']!]: 'x' } }), {
            message() {},
          }),
      async (server) => {
        for (const value of ['a%0D%0AX-Injected:%201', 'a%0AX-Injected:%201', 'a%0D', '%00', 'a%E2%80%A8b']) {
          const client = (await RawClient.connect(server.port)).request(`GET /${value}`);
          const answer = await client.response();
          assert.equal(answer.status, 500, value);
          assert.doesNotMatch(answer.head, /injected/i);
          const upgrade = (await RawClient.connect(server.port)).write(upgradeRequest(`/ws/${value}`));
          assert.equal((await upgrade.response()).status, 500);
        }
        for (const bad of ['a\r\nb', 'a\nb', 'a\0b']) {
          assert.throws(() => new WebSocket(`ws://127.0.0.1:${server.port}`, { headers: { 'X-A': bad } }), TypeError);
          assert.throws(() => new WebSocket(`ws://127.0.0.1:${server.port}`, { headers: { [bad]: 'x' } }), TypeError);
          assert.throws(() => new WebSocket(`ws://127.0.0.1:${server.port}`, { origin: bad }), TypeError);
          assert.throws(() => new WebSocket(`ws://127.0.0.1:${server.port}`, bad), { name: 'SyntaxError' });
        }
      },
    );
  });

  it('many more connections than the limit: each is answered 503, and those inside are served', async () => {
    await underAttack({ maxConnections: 20 }, async (server) => {
      const inside = await Promise.all(Array.from({ length: 19 }, () => RawClient.connect(server.port)));
      const outside = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(server.port)));
      for (const client of outside) {
        assert.equal((await client.response()).status, 503);
        client.socket.destroy();
      }
      for (const client of inside) assert.equal((await client.request('GET /').response()).status, 200);
      for (const client of inside) client.socket.destroy();
      await until('they have gone', () => server.connections.http === 0);
    });
  });

  it('a body announced as huge, or sent in a million chunks of one octet, costs no more than it has brought', async () => {
    await underAttack({ maxBodyBytes: 1_048_576 }, async (server) => {
      const before = await heldBytes();
      const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(server.port)));
      for (const client of clients) client.request('POST /', { 'Content-Length': '1048576' }, 'x');
      await turns(20);
      assert.ok((await heldBytes()) - before < 30_000_000, 'fifty announced megabytes are not allocated');
      for (const client of clients) client.socket.destroy();
      const chunky = await RawClient.connect(server.port);
      chunky.request('POST /', { 'Transfer-Encoding': 'chunked' });
      chunky.write('1\r\nx\r\n'.repeat(100_000)).write('0\r\n\r\n');
      assert.equal((await chunky.response()).body.toString(), '100000');
      const extended = await RawClient.connect(server.port);
      extended.request('POST /', { 'Transfer-Encoding': 'chunked' }, `1;${'e'.repeat(2_000)}\r\nx\r\n`);
      assert.equal((await extended.response()).status, 400);
    });
  });
});

describe('attacks on an open WebSocket', () => {
  it('lengths up to 2^63 are refused with 1009 before any allocation, and past it with 1002 (CVE-2016-10542, CVE-2026-1528)', async () => {
    await underAttack({}, async (server) => {
      const before = await heldBytes();
      for (const [announce, code] of [
        [2n ** 31n, 1009],
        [2n ** 32n, 1009],
        [2n ** 40n, 1009],
        [2n ** 53n - 1n, 1009],
        [2n ** 53n, 1009],
        [2n ** 63n - 1n, 1009],
        [2n ** 63n, 1002],
        [2n ** 64n - 1n, 1002],
      ] as const) {
        const client = await openWebSocket(server.port, '/echo');
        client.write(rawFrame({ opcode: 2, key: KEY, lengthBits: 64, announce }));
        assert.equal((await client.closeFrame()).code, code, String(announce));
        client.socket.destroy();
      }
      const patient = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(server.port, '/echo')));
      for (const client of patient) client.frames({ opcode: 2, announce: 1_048_576n, payload: 'x' });
      await turns(20);
      assert.ok((await heldBytes()) - before < 30_000_000, 'fifty announced megabytes are not allocated');
      for (const client of patient) client.socket.destroy();
    });
  });

  it('a message without end of empty fragments is 1008, of small ones 1009; both in bounded memory (CVE-2026-48779)', async () => {
    await underAttack({ maxFramesPerMessage: 20_000, maxMessageBytes: 100_000 }, async (server) => {
      for (const [payload, code] of [
        ['', 1008],
        ['0123456789', 1009],
      ] as const) {
        const client = await openWebSocket(server.port, '/echo');
        client.frames({ opcode: 1, fin: false, payload });
        const more = fromClient({ opcode: 0, fin: false, payload });
        const before = await heldBytes();
        client.write(Buffer.concat(Array.from({ length: 30_000 }, () => more)));
        assert.equal((await client.closeFrame()).code, code);
        assert.ok((await heldBytes()) - before < 20_000_000);
        client.socket.destroy();
      }
    });
  });

  it('frames cut into one-octet writes come out whole', async () => {
    await underAttack({}, async (server) => {
      const client = await openWebSocket(server.port, '/echo');
      const bytes = fromClient(
        { opcode: 1, fin: false, payload: 'a'.repeat(200) },
        { opcode: 9, payload: 'p' },
        { opcode: 0, payload: 'é' },
      );
      for (const octet of bytes) {
        client.write(Uint8Array.of(octet));
        await turns(1);
      }
      assert.equal((await client.frame()).opcode, 10);
      assert.equal((await client.frame()).payload.toString(), `${'a'.repeat(200)}é`);
    });
  });

  it('a flood of pings that nobody reads the answers of holds one pong (ws 8.23.0)', async () => {
    await underAttack({}, async (server) => {
      const client = await openWebSocket(server.port, '/echo');
      client.socket.pause();
      const flood = Buffer.concat(
        Array.from({ length: 5_000 }, () => fromClient({ opcode: 9, payload: 'x'.repeat(125) })),
      );
      for (let i = 0; i < 60; i++) {
        client.write(flood);
        await turns(3);
      }
      await until('the flood is in', () => client.socket.writableLength === 0);
      // Kernels take some megabytes of pongs; what is held here is at most what one read has brought.
      for (const socket of sockets)
        assert.ok(socket.bufferedAmount < 200_000, `${socket.bufferedAmount} bytes are held`);
      client.socket.destroy();
    });
  });

  it('an echo that nobody reads is bounded by maxBufferedBytes, and the rest is dropped', async () => {
    await underAttack({ maxBufferedBytes: 1_000_000 }, async (server) => {
      const client = await openWebSocket(server.port, '/echo');
      client.socket.pause();
      const message = fromClient({ opcode: 2, payload: new Uint8Array(60_000) });
      for (let i = 0; i < 1_000; i++) {
        client.write(message);
        if (i % 20 === 0) await turns(2);
      }
      await until('all has been sent', () => client.socket.writableLength === 0);
      await turns(20);
      const held = [...sockets].map((socket) => socket.bufferedAmount);
      assert.ok(Math.max(...held) > 800_000, 'the peer has been blocked');
      assert.ok(Math.max(...held) <= 1_000_000, `${Math.max(...held)} bytes are held`);
      client.socket.destroy();
    });
  });

  it('bytes, errors and resets after the close frame are nobody’s business (CVE-2026-85024)', async () => {
    const garbage = concat(Uint8Array.of(0xff, 0xff, 0xff, 0xff), new Uint8Array(10_000).fill(0xc1));
    await underAttack({}, async (server) => {
      for (let i = 0; i < 40; i++) {
        const client = await openWebSocket(server.port, '/echo');
        if (i % 2 === 0) client.frames({ opcode: 8 });
        client.write(garbage);
        assert.equal((await client.closeFrame()).code, i % 2 === 0 ? 1005 : 1002);
        client.write(garbage).frames({ opcode: 9 }, { opcode: 1, payload: 'x' });
        if (i % 4 < 2) client.socket.resetAndDestroy();
        else client.socket.end();
      }
      await until('all are released', () => server.connections.webSockets === 1);
    });
  });

  it('many clients that connect, shout and vanish leave nothing behind', async () => {
    await underAttack({}, async (server) => {
      for (let round = 0; round < 5; round++) {
        const clients = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(server.port, '/echo')));
        for (const [i, client] of clients.entries()) {
          client.frames({ opcode: 2, payload: new Uint8Array(30_000) });
          if (i % 3 === 0) client.socket.resetAndDestroy();
          else if (i % 3 === 1) client.socket.end();
          else client.socket.destroy();
        }
        await until('all are released', () => server.connections.webSockets === 1 && server.connections.http === 0);
      }
    });
  });
});
