import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { EventSource } from '../../lib/client/event-source.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { FakeClock } from '../support/clock.ts';
import { closePayload } from '../support/frames.ts';
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

const certificate = makeCertificate();
const skip = certificate === undefined ? NO_OPENSSL : false;
const tls = certificate ?? { key: '', cert: '' };
const trusting = { tls: { ca: tls.cert, servername: 'localhost' } };

function echoAndTicks(server: Server): void {
  server
    .get('/', (request) => ({ body: `${request.secure}` }))
    .webSocket('/echo', { message: (socket, data) => void socket.send(data) })
    .eventStream('/ticks', (stream) => void stream.send({ id: '1', data: 'tick' }));
}

function once<T extends Event>(target: EventTarget, type: string): Promise<T> {
  return patiently(type, new Promise((resolve) => target.addEventListener(type, resolve as (event: Event) => void)));
}

describe('TLS', { skip }, () => {
  it('HTTP, WebSocket and event streams, with our clients and a raw one', async () => {
    await withServer({ tls }, echoAndTicks, async (server) => {
      assert.equal(server.url, `https://127.0.0.1:${server.port}`);
      const raw = (await RawClient.connect(server.port, trusting)).request('GET /');
      assert.equal((await raw.response()).body.toString(), 'true');
      assert.equal((await raw.upgrade('/echo', { Origin: 'https://localhost' })).status, 101);
      raw.frames({ opcode: 1, payload: 'raw' });
      assert.equal((await raw.frame()).payload.toString(), 'raw');

      const socket = new WebSocket(`wss://localhost:${server.port}/echo`, { tls: { ca: tls.cert } });
      await once(socket, 'open');
      const big = new Uint8Array(600_000).fill(7);
      socket.binaryType = 'arraybuffer';
      socket.send(big);
      const { data } = await once<MessageEvent>(socket, 'message');
      assert.deepEqual(new Uint8Array(data as ArrayBuffer), big);
      socket.close(1000);
      const closed = await once<Event & { code: number; wasClean: boolean }>(socket, 'close');
      assert.deepEqual([closed.code, closed.wasClean], [1000, true]);

      const source = new EventSource(`https://localhost:${server.port}/ticks`, { tls: { ca: tls.cert } });
      assert.equal((await once<MessageEvent>(source, 'message')).data, 'tick');
      source.close();
    });
  });

  it('pings in several records of one read are answered one by one, though a write takes a turn (RFC 6455 §5.5.3)', async () => {
    const routes = (server: Server): void => void server.webSocket('/quiet', {});
    await withServer({ tls }, routes, async (server) => {
      const raw = await RawClient.connect(server.port, trusting);
      await raw.upgrade('/quiet', { Origin: 'https://localhost' });
      const record = { opcode: 2, payload: new Uint8Array(16_384) }; // as long as one may be (RFC 8446 §5.1)
      raw.frames(...Array.from('0123456789', (payload) => [{ opcode: 9, payload }, record]).flat());
      for (const digit of '0123456789') {
        const { opcode, payload } = await raw.frame();
        assert.deepEqual([opcode, payload.toString()], [10, digit]);
      }
    });
  });

  it('a client that ends its direction behind its request still reads a late answer (RFC 9112 §9.6)', async () => {
    const gate = deferred();
    await withServer(
      { tls },
      (server) => server.get('/', () => gate.promise.then(() => ({ body: 'late' }))),
      async (server) => {
        const raw = await RawClient.connect(server.port, { tls: { ...trusting.tls, allowHalfOpen: true } as object });
        raw.request('GET /');
        raw.socket.end();
        await until('the request is there', () => server.connections.http === 1);
        await turns();
        gate.resolve();
        assert.equal((await raw.response()).body.toString(), 'late');
      },
    );
  });

  it('an http page may not open a WebSocket on a TLS server: another scheme is another origin (RFC 6454 §5)', async () => {
    await withServer({ tls }, echoAndTicks, async (server) => {
      const raw = await RawClient.connect(server.port, trusting);
      assert.equal((await raw.upgrade('/echo', { Origin: 'http://localhost' })).status, 403);
    });
  });

  it('clients verify: an unknown certificate and a wrong name are refused by default (CVE-2020-15133)', async () => {
    await withServer({ tls }, echoAndTicks, async (server) => {
      for (const [url, ca] of [
        [`wss://localhost:${server.port}/echo`, undefined],
        [`wss://127.0.0.1:${server.port}/echo`, tls.cert],
      ] as const) {
        const socket = new WebSocket(url, ca === undefined ? {} : { tls: { ca } });
        const events: string[] = [];
        socket.onopen = () => events.push('open');
        const closed = once(socket, 'close');
        const error = await once<Event & { error: Error }>(socket, 'error');
        assert.equal((error.error as { code?: string }).code, 'TLS_CERTIFICATE');
        await closed;
        assert.deepEqual(events, []);
      }
    });
  });

  it('what is not TLS, and a handshake that has not ended, end with `close`, which waits for no deadline; a request under way is answered', async () => {
    const clock = new FakeClock();
    const server = createServer({ tls, clock, headTimeoutMs: 600_000 });
    echoAndTicks(server);
    await server.listen();
    const plain = (await RawClient.connect(server.port)).request('GET /');
    await plain.end();
    const silent = await RawClient.connect(server.port);
    const answers: ((body: string) => void)[] = [];
    server.get('/slow', async () => ({ body: await new Promise<string>((resolve) => answers.push(resolve)) }));
    const client = (await RawClient.connect(server.port, trusting)).request('GET /slow');
    await until('it is asked', () => answers.length === 1);
    const closed = server.close();
    await silent.end();
    answers[0]!('late');
    assert.equal((await client.response()).body.toString(), 'late');
    await patiently('close', closed); // the clock stands still
    await silent.end();
    silent.socket.destroy();
    plain.socket.destroy();
  });

  it('unfinished handshakes are ended after headTimeoutMs, and bounded by maxTlsHandshakes and maxConnections', async () => {
    for (const bound of [{ maxTlsHandshakes: 3 }, { maxConnections: 3 }]) {
      await withServer({ tls, headTimeoutMs: 300, ...bound }, echoAndTicks, async (server) => {
        const clients: RawClient[] = [];
        for (let i = 0; i < 5; i++) {
          const client = await RawClient.connect(server.port);
          clients.push(i % 2 === 0 ? client : client.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')); // half a ClientHello
        }
        await until('two are dropped at once', () => clients.filter((client) => client.ended).length === 2);
        assert.equal(
          clients.slice(0, 3).filter((client) => client.closed).length,
          0,
          'the first three are within the bound',
        );
        for (const client of clients) await client.end(); // by Node's handshakeTimeout, which runs on real time
        const trusted = await RawClient.connect(server.port, trusting);
        assert.equal((await trusted.request('GET /').response()).status, 200);
      });
    }
  });

  it('maxTlsHandshakes holds beside connections that an attached server has brought and those whose handshake is over', async () => {
    const http = createHttpServer();
    await withServer({ tls, maxTlsHandshakes: 3 }, echoAndTicks, async (server) => {
      server.attach(http);
      http.unref(); // where the test fails
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      for (let i = 0; i < 4; i++) await openWebSocket((http.address() as AddressInfo).port, '/echo');
      const trusted = [await RawClient.connect(server.port, trusting), await RawClient.connect(server.port, trusting)];
      await until('both handshakes are over here too', () => server.connections.handshakes === 0);
      const clients: RawClient[] = [];
      for (let i = 0; i < 5; i++) clients.push(await RawClient.connect(server.port));
      await until('two are dropped at once', () => clients.filter((client) => client.ended).length === 2);
      await turns();
      assert.equal(clients.filter((client) => client.closed || client.ended).length, 2);
      assert.equal(server.connections.handshakes, 3);
      trusted[0]!.socket.destroy();
      for (const client of clients) client.socket.destroy();
      await until('all of them have gone', () => server.connections.handshakes === 0 && server.connections.http === 1);
    });
    http.close();
  });

  it('a client names the host in the TLS handshake, and only hosts that have a name (RFC 6455 §4.1, RFC 6066 §3)', async () => {
    const named: (string | false | undefined)[] = [];
    const server = createTlsServer(tls, (socket) => {
      named.push((socket as { servername?: string | false }).servername);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      for (const host of ['localhost', '127.0.0.1']) {
        const options = { tls: { ca: tls.cert, checkServerIdentity: () => undefined } };
        const socket = new WebSocket(`wss://${host}:${port}/`, options);
        await once(socket, 'close');
        const source = new EventSource(`https://${host}:${port}/`, options);
        await once(source, 'error');
        source.close();
      }
      assert.deepEqual(named, ['localhost', 'localhost', false, false]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)', async () => {
    const sent = { client: [] as Buffer[], server: [] as Buffer[] };
    await withServer({ tls }, echoAndTicks, async (server) => {
      const relay = createNetServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
        near.on('data', (chunk: Buffer) => void sent.client.push(chunk)).pipe(far);
        far.on('data', (chunk: Buffer) => void sent.server.push(chunk)).pipe(near);
      });
      await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
      // In TLS 1.2 a record shows what it is: 21 is an alert (RFC 5246 §6.2.1), in 1.3 all look like data.
      const socket = new WebSocket(`wss://localhost:${(relay.address() as AddressInfo).port}/echo`, {
        tls: { ca: tls.cert, maxVersion: 'TLSv1.2' },
      });
      await once(socket, 'open');
      socket.close(1000);
      await once(socket, 'close');
      await patiently('the relay to close', new Promise((resolve) => relay.close(resolve)));
    });
    for (const [side, chunks] of Object.entries(sent)) {
      const types: number[] = [];
      const bytes = Buffer.concat(chunks);
      for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at]!);
      assert.equal(types.at(-1), 21, `${side} sent records of types ${types}`);
    }
  });

  it('a reset in the middle, and a client that is over the limit', async () => {
    const closed = deferred<number>();
    await withServer(
      { tls, maxConnections: 1 },
      (server) =>
        server.webSocket('/', {
          open: (socket) => void socket.send(new Uint8Array(1_000_000)),
          close: (_, code) => closed.resolve(code),
        }),
      async (server) => {
        const client = await RawClient.connect(server.port, trusting);
        client.write(upgradeRequest('/'));
        await client.take(1_000);
        const refused = await RawClient.connect(server.port, trusting);
        assert.equal((await refused.response()).status, 503);
        await refused.end();
        client.socket.destroy(); // unread bytes are there: the kernel resets
        assert.equal(await patiently('close', closed.promise), 1006);
        await until('all is released', () => server.connections.webSockets === 0);
      },
    );
  });
});

describe('a Unix socket', { skip: process.platform === 'win32' ? 'Unix only' : false }, () => {
  it('carries HTTP, WebSocket and event streams; the path is free again after close', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'barewire-'));
    const path = join(directory, 'socket');
    try {
      for (let round = 0; round < 2; round++) {
        const server = createServer();
        echoAndTicks(server);
        await server.listen({ path });
        assert.equal(server.port, 0);
        assert.equal(server.url, '');
        await assert.rejects(createServer().listen({ path }), { code: 'EADDRINUSE' });
        const raw = (await RawClient.connect(path)).request('GET /');
        assert.equal((await raw.response()).body.toString(), 'false');
        await raw.upgrade('/echo');
        raw.frames({ opcode: 8, payload: closePayload(1000) });
        assert.equal((await raw.closeFrame()).code, 1000);
        raw.socket.destroy();
        const socket = new WebSocket('ws://localhost/echo', { socketPath: path });
        await once(socket, 'open');
        socket.send('over a path');
        assert.equal((await once<MessageEvent>(socket, 'message')).data, 'over a path');
        socket.close();
        await once(socket, 'close');
        const source = new EventSource('http://localhost/ticks', { socketPath: path });
        assert.equal((await once<MessageEvent>(source, 'message')).data, 'tick');
        source.close();
        await patiently('close', server.close());
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
