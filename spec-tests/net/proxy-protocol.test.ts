import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { FakeClock } from '../support/clock.ts';
import { concat, patiently, RawClient, turns, until, upgradeRequest } from '../support/sockets.ts';

const V1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n');
/** PROXY §2.2: version 2, command PROXY, TCP over IPv6. */
const V2 = concat(
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Uint8Array.of(0x21, 0x21, 0, 36),
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Uint8Array.of(0xdc, 0x04, 0x01, 0xbb),
);
const LOCAL = concat(Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Uint8Array.of(0x20, 0, 0, 0));

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');

async function withProxied(
  options: ServerOptions & { readonly from?: string | readonly string[]; readonly path?: string },
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const { from = 'loopback', path, ...rest } = options;
  const server = createServer({
    ...rest,
    onError: (error) => assert.fail(error as Error),
  });
  server
    .get('/', (request) => ({ body: `${request.remoteAddress} ${request.secure}` }))
    .webSocket('/', { open: (socket, request) => void socket.send(request.remoteAddress) });
  await server.listen({ ...(path === undefined ? {} : { path }), proxyProtocol: { from } });
  try {
    await body(server);
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    await patiently('the server to close', server.close());
  }
}

/** Connects, writes the chunks in turns of their own, and answers what came back until the end. */
async function say(where: number | string, ...chunks: readonly Uint8Array[]): Promise<string> {
  const client = await RawClient.connect(where);
  for (const chunk of chunks) {
    client.write(chunk);
    await turns(3);
  }
  const answer = (await client.rest()).toString('latin1');
  client.socket.end();
  return answer;
}

describe('the PROXY protocol in front of HTTP (PROXY §2)', () => {
  it('is believed as the call said that listens: one that rejects changes nothing, before it and behind it', async () => {
    await withProxied({}, async (server) => {
      await assert.rejects(server.listen(), { code: 'ERR_SERVER_ALREADY_LISTEN' });
      assert.match(await say(server.port, V1, REQUEST), /203\.0\.113\.7 false$/);
      const other = createServer().get('/', (request) => ({ body: request.remoteAddress }));
      await assert.rejects(other.listen({ port: server.port, proxyProtocol: { from: 'loopback' } }), {
        code: 'EADDRINUSE',
      });
      await other.listen();
      await assert.rejects(other.listen({ proxyProtocol: { from: 'loopback' } }), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
      const third = createServer();
      const both = await Promise.allSettled([third.listen(), third.listen({ proxyProtocol: { from: 'loopback' } })]);
      assert.deepEqual(
        both.map((each) => (each.status === 'rejected' ? each.reason.code : each.status)),
        ['fulfilled', 'ERR_SERVER_ALREADY_LISTEN'],
      );
      await third.close();
      assert.match(await say(other.port, REQUEST), /127\.0\.0\.1$/);
      await patiently('close', other.close());
    });
  });

  it('both versions, at every split: the client is who the header says, and what follows is not lost', async () => {
    await withProxied({}, async (server) => {
      for (const [header, address] of [
        [V1, '203.0.113.7'],
        [V2, '2001:db8::7'],
      ] as const) {
        const all = concat(header, REQUEST);
        const at = Array.from({ length: header.length + 20 }, (_, i) => i + 1);
        const answers = await Promise.all(at.map((cut) => say(server.port, all.subarray(0, cut), all.subarray(cut))));
        for (const answer of answers) assert.ok(answer.endsWith(`\r\n\r\n${address} false`), answer);
        const octets = Array.from(all, (octet) => Uint8Array.of(octet));
        assert.ok((await say(server.port, ...octets)).endsWith(`${address} false`));
        assert.ok((await say(server.port, all)).endsWith(`${address} false`));
      }
      await until('all have gone', () => server.connections.http === 0);
    });
  });

  it('a WebSocket behind a header in the same segment knows its client', async () => {
    await withProxied({}, async (server) => {
      const client = await RawClient.connect(server.port);
      client.write(concat(V2, Buffer.from(upgradeRequest('/'))));
      assert.equal((await client.head()).status, 101);
      assert.equal((await client.frame()).payload.toString(), '2001:db8::7');
    });
  });

  it('LOCAL and UNKNOWN name nobody: the connection’s own address counts', async () => {
    await withProxied({}, async (server) => {
      for (const header of [LOCAL, Buffer.from('PROXY UNKNOWN\r\n')])
        assert.ok((await say(server.port, concat(header, REQUEST))).endsWith('127.0.0.1 false'));
    });
  });

  it('no header, a malformed one, FIN within one: dropped without an answer, never guessed', async () => {
    await withProxied({}, async (server) => {
      for (const bytes of [
        REQUEST,
        Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'),
        Buffer.from('PROXY tcp4 '.padEnd(200, 'x')),
      ])
        assert.equal(await say(server.port, bytes), '');
      const half = await RawClient.connect(server.port);
      half.write(V1.subarray(0, 10)).socket.end();
      assert.equal((await half.rest()).length, 0);
      await until('all have gone', () => server.connections.http === 0);
    });
  });

  it('nobody but the named proxies is believed, nor served', async () => {
    await withProxied({ from: ['10.0.0.0/8', '192.0.2.1'] }, async (server) => {
      assert.equal(await say(server.port, concat(V1, REQUEST)), '');
      assert.equal(await say(server.port, REQUEST), '');
    });
  });

  it('without the option a header is a malformed request: 400', async () => {
    const server = createServer();
    await server.listen();
    assert.match(await say(server.port, concat(V1, REQUEST)), /^HTTP\/1\.1 400 /);
    await server.close();
  });

  it('a header that is not whole after headTimeoutMs drops the connection, however it trickles in', async () => {
    const clock = new FakeClock();
    await withProxied({ clock, headTimeoutMs: 10_000 }, async (server) => {
      const slow = await RawClient.connect(server.port);
      await turns();
      for (let i = 0; i < 9; i++) {
        slow.write(V1.subarray(i, i + 1));
        await turns(3);
        clock.advance(1_000);
      }
      assert.equal(slow.ended, false);
      clock.advance(3_000);
      assert.equal((await slow.rest()).length, 0);
      await until('the sweeper runs for nobody', () => clock.timers === 0);
    });
  });

  it('maxConnectionsPerAddress counts clients, not the proxy', async () => {
    await withProxied({ maxConnectionsPerAddress: 1 }, async (server) => {
      const first = (await RawClient.connect(server.port)).write(V1);
      await until('it is there', () => server.connections.http === 1);
      assert.match(await say(server.port, concat(V1, REQUEST)), /^HTTP\/1\.1 503 /);
      assert.match(await say(server.port, concat(V2, REQUEST)), /^HTTP\/1\.1 200 /);
      first.socket.destroy();
    });
  });

  it('on a Unix socket those who may open it are loopback', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barewire-'));
    try {
      const path = join(folder, 'socket');
      await withProxied({ path }, async () => {
        assert.ok((await say(path, concat(V1, REQUEST))).endsWith('203.0.113.7 false'));
      });
      await withProxied({ path, from: '192.0.2.1' }, async () => {
        assert.equal(await say(path, concat(V1, REQUEST)), '');
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

const certificate = makeCertificate();

describe('the PROXY protocol in front of TLS (PROXY §2)', { skip: certificate === undefined && NO_OPENSSL }, () => {
  const tls = certificate!;
  const trust: ConnectionOptions = { ca: certificate?.cert, servername: 'localhost' };

  /** Writes the header in pieces, then begins TLS over the same connection. */
  async function overTls(port: number, pieces: readonly Uint8Array[]): Promise<string> {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    for (const piece of pieces) {
      socket.write(piece);
      await turns(3);
    }
    const secure: TLSSocket = connectTls({ socket, ...trust });
    let answer = '';
    secure.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
    });
    secure.write(REQUEST);
    await patiently('the answer', once(secure, 'end'));
    secure.destroy();
    return answer;
  }

  it('is read before the handshake, at every split, and in one write with the ClientHello', async () => {
    await withProxied({ tls }, async (server) => {
      for (const [header, address] of [
        [V1, '203.0.113.7'],
        [V2, '2001:db8::7'],
      ] as const) {
        for (let cut = 1; cut <= header.length; cut += 3) {
          const pieces = [header.subarray(0, cut), header.subarray(cut)];
          const answer = await overTls(
            server.port,
            pieces.filter(({ length }) => length > 0),
          );
          assert.ok(answer.endsWith(`${address} true`), answer);
        }
      }
      assert.equal(server.connections.handshakes, 0);
      // A proxy that has read the ClientHello before it connects sends both in one segment.
      const relay = createNetServer((client) => {
        client.once('data', (hello) => {
          const upstream = connect(server.port, '127.0.0.1');
          upstream.write(concat(V1, hello));
          client.pipe(upstream).pipe(client);
        });
      }).listen(0, '127.0.0.1');
      await once(relay, 'listening');
      const { port } = relay.address() as AddressInfo;
      assert.ok((await overTls(port, [])).endsWith('203.0.113.7 true'));
      relay.close();
    });
  });

  it('a malformed or missing header, FIN, reset and silence end the connection; nothing is left', async () => {
    const clock = new FakeClock();
    await withProxied({ tls, clock, headTimeoutMs: 10_000 }, async (server) => {
      assert.equal(await say(server.port, Buffer.from('GET / HTTP/1.1\r\n\r\n')), '');
      const half = await RawClient.connect(server.port);
      half.write(V1.subarray(0, 10)).socket.end();
      assert.equal((await half.rest()).length, 0);
      const reset = await RawClient.connect(server.port);
      await until('it is accepted', () => server.connections.handshakes > 0);
      reset.socket.resetAndDestroy();
      await until('it is gone', () => server.connections.handshakes === 0);
      const silent = await RawClient.connect(server.port);
      await until('it is accepted', () => server.connections.handshakes === 1);
      clock.advance(13_000);
      await silent.end();
      await until('the sweeper runs for nobody', () => clock.timers === 0 && server.connections.handshakes === 0);
    });
  });

  it('whoever has not sent all of it is dropped by `close`, which waits for no deadline', async () => {
    for (const over of [{}, { tls }]) {
      const server = createServer({ ...over, clock: new FakeClock() });
      await server.listen({ proxyProtocol: { from: 'loopback' } });
      const clients = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
      clients[1]!.write(V1.subarray(0, 10));
      await turns();
      await patiently('close', server.close()); // the clock stands still
      for (const client of clients) await client.end();
    }
  });

  it('nobody but the named proxies', async () => {
    await withProxied({ tls, from: '192.0.2.1' }, async (server) => {
      assert.equal(await say(server.port, V1), '');
    });
  });
});
