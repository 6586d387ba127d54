/** `barewire/testing`: what people test their handlers with does what it says, without a port and without time. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerWebSocket } from '../../lib/net/api.ts';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { Inbox } from '../../lib/testing/inbox.ts';
import { connectPair, connectRaw, FakeClock, openStream, Refused, request } from '../../lib/testing/index.ts';
import { fromClient } from '../support/frames.ts';
import { turns, until, upgradeRequest } from '../support/sockets.ts';

function echo(options: ServerOptions = {}): Server {
  return createServer(options).webSocket('/:room', {
    open: (socket, request) => void socket.send(`welcome to ${request.params['room']}`),
    message: (socket, data) => void socket.send(data),
  });
}

/** A route that tells how its connection has ended. */
function closing(options: ServerOptions = {}): {
  readonly server: Server;
  readonly closed: Promise<readonly [code: number, reason: string]>;
} {
  const server = createServer(options);
  const closed = new Promise<readonly [number, string]>((resolve) => {
    server.webSocket('/', { close: (_, code, reason) => resolve([code, reason]) });
  });
  return { server, closed };
}

describe('connectPair', () => {
  it('opens a WebSocket to a server that does not listen; messages come in order; the close code travels both ways', async () => {
    const { server, closed } = closing();
    server.webSocket('/echo', { message: (socket, data) => void socket.send(data) });
    const socket = await connectPair(server, '/echo');
    socket.send('text');
    socket.send(Uint8Array.of(1, 2, 3));
    await socket.expect('text');
    await socket.expect(Uint8Array.of(1, 2, 3));
    assert.deepEqual(server.connections, { http: 0, webSockets: 1, eventStreams: 0, handshakes: 0 });
    assert.deepEqual(await socket.close(3_000, 'done'), { code: 3_000, reason: '' }); // a server repeats the code alone
    const other = await connectPair(server, '/');
    await other.close(4_000, 'that was all');
    assert.deepEqual(await closed, [4_000, 'that was all']);
    await server.close();
  });

  it('what the server sends in open is there, whatever else comes with the head', async () => {
    const socket = await connectPair(echo(), '/blue');
    await socket.expect('welcome to blue');
  });

  it('headers, subprotocols, compression and the client’s address reach the server', async () => {
    const seen: unknown[] = [];
    const server = createServer({ perMessageDeflate: true }).webSocket(
      '/',
      {
        open: (socket, { cookies, remoteAddress, secure }) =>
          void seen.push(socket.protocol, cookies.get('a'), remoteAddress, secure),
      },
      { protocols: ['chat'] },
    );
    const socket = await connectPair(server, '/', {
      headers: { Cookie: 'a=b' },
      protocols: ['news', 'chat'],
      perMessageDeflate: true,
      remote: { address: '203.0.113.9', secure: true },
    });
    assert.equal(socket.protocol, 'chat');
    assert.match(socket.extensions, /^permessage-deflate/);
    assert.deepEqual(seen, ['chat', 'b', '203.0.113.9', true]);
  });

  it('a refusal rejects with the response', async () => {
    const server = createServer().webSocket('/', () => ({ status: 401, body: '{"error":"token"}' }), {
      open() {},
    });
    await assert.rejects(connectPair(server, '/'), (error) => {
      assert.ok(error instanceof Refused);
      assert.equal(error.status, 401);
      assert.deepEqual(error.response.json(), { error: 'token' });
      assert.equal(error.message, 'server answered 401: {"error":"token"}');
      return true;
    });
    await assert.rejects(connectPair(server, '/nowhere'), /server answered 404/);
  });

  it('expect tells what came in place of what was expected; next rejects when nothing will come', async () => {
    const server = echo();
    const socket = await connectPair(server, '/x');
    await assert.rejects(socket.expect('hello'), /a message is "welcome to x", expected "hello"/);
    socket.send(Uint8Array.of(1));
    await assert.rejects(socket.expect(Uint8Array.of(255, 0)), /a message is octets 01, expected octets ff00/);
    const waiting = socket.next();
    void server.close();
    await assert.rejects(waiting, /no message will come: closed with 1001/);
    assert.deepEqual(await socket.closed, { code: 1_001, reason: '' });
  });

  it('frames that break a rule can be sent as octets', async () => {
    const { server, closed } = closing();
    const socket = await connectPair(server, '/');
    socket.sendRaw(fromClient({ opcode: 3 })); // RFC 6455 §5.2: reserved
    assert.equal((await socket.closed).code, 1_002);
    assert.equal((await closed)[0], 1_006, 'there was no closing handshake');
  });

  it('many at a time, each with its own', async () => {
    const server = echo();
    const sockets = await Promise.all(Array.from({ length: 100 }, (_, i) => connectPair(server, `/${i}`)));
    for (const [i, socket] of sockets.entries()) await socket.expect(`welcome to ${i}`);
    await Promise.all([server.close(), ...sockets.map(({ closed }) => closed)]);
    assert.equal(server.connections.webSockets, 0);
    await assert.rejects(connectPair(server, '/late'), /the server is closing/);
  });
});

describe('faults', () => {
  it('one octet at a time, both ways: all the same', async () => {
    const socket = await connectPair(echo(), '/x');
    await socket.expect('welcome to x');
    socket.network.oneOctetAtATime();
    socket.send('in pieces');
    await socket.expect('in pieces');
  });

  it('stalled, nothing arrives; released, everything does', async () => {
    const socket = await connectPair(echo(), '/x');
    await socket.expect('welcome to x');
    let came = false;
    socket.network.stall('to client');
    socket.send('late');
    const late = socket.expect('late').then(() => {
      came = true;
    });
    await turns();
    assert.equal(came, false);
    socket.network.release();
    await late;
  });

  it('half open: the server finds out by its pings, on the fake clock', async () => {
    const clock = new FakeClock();
    const { server, closed } = closing({ clock, pingIntervalMs: 1_000, pongTimeoutMs: 500 });
    const socket = await connectPair(server, '/');
    socket.network.halfOpen();
    assert.throws(() => socket.network.release(), /half open for good/);
    clock.advance(1_000);
    await turns();
    assert.equal(server.connections.webSockets, 1, 'a ping was sent');
    clock.advance(1_000);
    assert.equal((await closed)[0], 1_006);
  });

  it('a reset ends it with 1006 on both sides', async () => {
    const { server, closed } = closing();
    const socket = await connectPair(server, '/');
    socket.network.reset();
    assert.deepEqual([(await socket.closed).code, (await closed)[0]], [1_006, 1_006]);
  });

  it('a client that stops reading brings backpressure, and drain when it reads again', async () => {
    let opened: ServerWebSocket | undefined;
    let drained = 0;
    const server = createServer().webSocket('/', {
      open(socket) {
        opened = socket;
      },
      drain: () => void drained++,
    });
    const client = await connectPair(server, '/');
    client.pause();
    const part = new Uint8Array(100_000);
    let sent = 1;
    while (opened!.send(part) === 'sent') sent++;
    await turns();
    assert.equal(drained, 0);
    client.resume();
    for (let i = 0; i < sent; i++) assert.equal((await client.next()).length, 100_000);
    await until('drain is told', () => drained === 1);
  });
});

describe('what waits for a test', () => {
  it('is bounded by 100,000, and handed out in order, also after the end', async () => {
    const inbox = new Inbox<number>('number');
    for (let i = 0; i < 100_000; i++) inbox.push(i);
    assert.throws(() => inbox.push(0), /100000 times a number came that the test did not ask for/);
    inbox.end('that was all');
    assert.deepEqual([await inbox.next(), await inbox.next()], [0, 1]);
  });
});

describe('openStream, request and connectRaw', () => {
  it('a stream: events, its end and its breaking', async () => {
    const server = createServer().eventStream('/count', async (stream, { query }) => {
      await stream.write({ data: '1', id: 'a', event: 'number' });
      stream.send('2');
      if (!query.has('fail')) return;
      await turns(); // until then not even the head has left
      stream.terminate();
    });
    const stream = await openStream(server, '/count');
    assert.equal(stream.headers.get('content-type'), 'text/event-stream');
    assert.deepEqual(await stream.expect({ data: '1', type: 'number' }), {
      kind: 'event',
      type: 'number',
      data: '1',
      lastEventId: 'a',
    });
    await stream.expect('2');
    assert.deepEqual(await stream.closed, { whole: true });
    await assert.rejects(stream.next(), /no event will come: the server has ended the stream/);
    assert.deepEqual(await (await openStream(server, '/count?fail')).closed, { whole: false });
    await assert.rejects(openStream(server, '/other'), /server answered 404/);
  });

  it('a client that leaves is seen by the handler', async () => {
    let left: Promise<unknown> | undefined;
    const server = createServer().eventStream('/', {
      open(stream) {
        left = new Promise((resolve) => stream.signal.addEventListener('abort', resolve));
      },
    });
    (await openStream(server, '/')).leave();
    await left;
  });

  it('a request: method, headers and body; a response with its own', async () => {
    const server = createServer().post('/double', (request) => ({
      status: 201,
      headers: { 'X-Was': request.headers.get('x-is') ?? '' },
      body: JSON.stringify((request.json() as number) * 2),
    }));
    const response = await request(server, '/double', { body: '21', headers: { 'X-Is': 'it' } });
    assert.deepEqual([response.status, response.headers.get('x-was'), response.json()], [201, 'it', 42]);
    assert.equal((await request(server, '/double')).status, 405);
  });

  it('raw: octets as they are, up to the end', async () => {
    const server = echo();
    const raw = connectRaw(server);
    raw.network.oneOctetAtATime('to server');
    raw.write(upgradeRequest('/x'));
    assert.match(await raw.readUntil('\r\n\r\n'), /^HTTP\/1\.1 101 /);
    assert.equal(Buffer.from(await raw.read(14)).toString('latin1'), '\x81\x0cwelcome to x');
    raw.end();
    assert.deepEqual(await raw.ended, { reset: false });
    await assert.rejects(raw.read(100), /100 octets will not come: the server has ended it/);
    const early = connectRaw(server);
    early.write('GET / HTTP/1.1\r\n');
    early.end();
    await early.ended;
    await until('nothing is left', () => server.connections.http === 0);
  });

  it('a deadline of the server passes when the clock says so', async () => {
    const clock = new FakeClock();
    const server = createServer({ clock, headTimeoutMs: 5_000 });
    const raw = connectRaw(server);
    raw.write('GET / HT');
    await turns();
    clock.advance(4_000);
    clock.advance(3_000);
    assert.match(await raw.readUntil('\r\n\r\n'), /^HTTP\/1\.1 408 /);
  });
});
