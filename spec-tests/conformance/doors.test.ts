/**
 * The runner through every door: TLS, a Unix socket, node:http's upgrade, node:tls in front, HTTP/2 and memory.
 *
 * Our own server is examined where it has such a door today; elsewhere it stands behind a small one of Node's, or the
 * endpoint with planted bugs does. Each door lets a right server pass strictly, and a planted bug be found.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { run } from '../../lib/cli/conformance.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import {
  catalogue,
  type DrivenSocket,
  drive,
  type Entrance,
  excludedFrom,
  isFailure,
  runClient,
  selectIds,
  serve,
  type Target,
  targetOf,
} from '../../lib/conformance/index.ts';
import { inTime } from '../../lib/conformance/target.ts';
import { CONFORMANCE_LIMITS } from '../../lib/limits.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { channelTarget, http2Entrance, memoryTarget, streamPair } from './doors.ts';
import { answerToOffer, type Bug, echoOn, serveFake } from './fake-endpoint.ts';

const certificate = makeCertificate();
const skip = certificate === undefined ? NO_OPENSSL : false;
const pem = certificate ?? { key: '', cert: '' };

/** All kinds of frames, messages, closes and compression; the heavy groups by an example or two. */
const CASES = ['1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*,9.1.6,9.2.6,9.7.1,12.1.10,12.3.9,13.3.10,X.*'];
const SLOW = ['X.4.*,X.5.*,X.7.66,X.8.*,X.9.6,X.9.7,X.9.9'];

async function assertStrict(target: Target | Entrance, patterns = CASES, excluded = SLOW): Promise<void> {
  const cases = selectIds(catalogue('server'), patterns, excluded);
  const outcome = await runClient({ target, cases, parallel: 16 });
  assert.equal(outcome.broken, undefined);
  assert.equal(outcome.results.length + outcome.excluded.length, cases.length, 'some case has no result');
  assert.deepEqual(
    outcome.results
      .filter((one) => isFailure(one) || !['OK', 'INFORMATIONAL'].includes(one.behavior))
      .map(({ id, behavior, reason }) => `${id} ${behavior}: ${reason}`),
    [],
  );
}

async function assertFound(target: Target | Entrance, id: string): Promise<void> {
  const { results } = await runClient({ target, cases: selectIds(catalogue('server'), [id], []), parallel: 1 });
  assert.equal(results[0]?.behavior, 'FAILED', results[0]?.reason);
}

function ownEcho(options: Partial<Parameters<typeof createServer>[0]> = {}): Server {
  return createServer({
    allowedOrigins: '*',
    maxMessageBytes: 67_108_864,
    maxBufferedBytes: 67_108_864,
    perMessageDeflate: { thresholdBytes: 0, serverContextTakeover: true, clientContextTakeover: true },
    ...options,
  }).webSocket('/*', { message: (socket, message) => void socket.send(message) });
}

/** Runs `body` beside a listening server of Node's, whose sockets are destroyed in the end. */
async function beside(server: NetServer, body: (port: number) => Promise<void>, path?: string): Promise<void> {
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  try {
    await body(path === undefined ? (server.address() as AddressInfo).port : 0);
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}

/** Connects a stream with our own server's port, both ways. */
function passOn(stream: Duplex, port: number, first: Buffer): void {
  const inner = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  for (const [one, other] of [
    [stream, inner],
    [inner, stream],
  ] as const)
    one.on('error', () => {}).on('close', () => (one.readableEnded ? other.end() : other.destroy()));
  inner.write(first);
  inner.pipe(stream).pipe(inner);
}

describe('our own server, strictly', () => {
  it('over TLS, with its certificate trusted', { skip }, async () => {
    const server = ownEcho({ tls: pem });
    await server.listen({ port: 0, host: '127.0.0.1' });
    try {
      await assertStrict(targetOf(`wss://localhost:${server.port}/`, { ca: pem.cert }));
    } finally {
      await server.close();
    }
  });

  it('on a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barewire-'));
    const server = ownEcho();
    const path = join(folder, 'socket');
    await server.listen({ path });
    try {
      await assertStrict(targetOf(`ws+unix:${path}:/any?path`));
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('through a pair of channels in memory, without a port', async () => {
    const server = ownEcho();
    try {
      await assertStrict(channelTarget(server));
    } finally {
      await server.close();
    }
  });

  it('attached to node:http, but for the heads, which that one reads', async () => {
    const server = ownEcho();
    const front = createHttpServer();
    server.attach(front);
    try {
      await beside(front, (port) => assertStrict(targetOf(`ws://127.0.0.1:${port}/`), CASES, [...SLOW, 'X.1.*']));
    } finally {
      await server.close();
    }
  });

  it('attached to https, likewise', { skip }, async () => {
    const server = ownEcho();
    const front = createHttpsServer(pem);
    server.attach(front);
    const some = ['1.*,2.*,3.*,5.*,7.*,9.2.6,12.1.10,X.2.*,X.6.*'];
    try {
      await beside(front, (port) => assertStrict(targetOf(`wss://localhost:${port}/`, { ca: pem.cert }), some));
    } finally {
      await server.close();
    }
  });

  it('on streams of somebody’s HTTP/2 server, but for the heads, which HTTP/2 has not (RFC 8441 §5)', async () => {
    const server = ownEcho();
    const front = createHttp2Server({ maxSessionMemory: 1_000 });
    server.attach(front);
    await beside(front, async (port) => {
      const { entrance, close } = await http2Entrance(`http://127.0.0.1:${port}`, '/any?path');
      try {
        await assertStrict(entrance);
        const excluded = excludedFrom(entrance, selectIds(catalogue('server'), CASES, SLOW));
        const heads = /^X\.(1\.\d+|7\.([1-9]|1\d|2\d))$/;
        assert.deepEqual(
          excluded.map(({ id }) => id).filter((id) => !heads.test(id)),
          [],
        );
      } finally {
        close();
      }
    });
    await server.close();
  });

  it('behind node:tls, which passes octets on', { skip }, async () => {
    const server = ownEcho();
    await server.listen({ port: 0, host: '127.0.0.1' });
    const front = createTlsServer({ ...pem, allowHalfOpen: true, noDelay: true }, (stream) =>
      passOn(stream, server.port, Buffer.alloc(0)),
    );
    try {
      const some = ['1.*,2.*,3.*,5.*,7.*,9.2.6,12.1.10,X.1.*,X.2.*,X.6.*'];
      await beside(front, (port) => assertStrict(targetOf(`wss://localhost:${port}/`, { ca: pem.cert }), some));
    } finally {
      await server.close();
    }
  });
});

/** The cases of the endpoint with planted bugs: it is right in these, and does not read heads as strictly. */
const FAKE = [
  '1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*,9.1.2,9.2.2,12.1.2,13.3.2',
  'X.2.*,X.3.*,X.6.*,X.7.5*,X.7.6*,X.9.2,X.9.4,X.9.22',
];

const FAKE_HEADS = ['X.7.5,X.7.6'];

describe('the endpoint with planted bugs', () => {
  const doors: Readonly<
    Record<string, (bug: Bug | undefined, body: (target: Target) => Promise<void>) => Promise<void>>
  > = {
    'in memory': (bug, body) => body(memoryTarget((stream) => serveFake(stream, bug))),
    'on a Unix socket': async (bug, body) => {
      const folder = mkdtempSync(join(tmpdir(), 'barewire-'));
      const path = join(folder, 'socket');
      const server = createNetServer({ allowHalfOpen: true }, (socket) => serveFake(socket, bug));
      await beside(server, () => body(targetOf(`ws+unix:${path}`)), path);
      rmSync(folder, { recursive: true });
    },
  };
  for (const [name, withDoor] of Object.entries(doors)) {
    it(`${name}: passes without one, and one is found`, async () => {
      await withDoor(undefined, (target) => assertStrict(target, FAKE, FAKE_HEADS));
      await withDoor('pong missing', (target) => assertFound(target, '2.2'));
      await withDoor('TCP left open', (target) => assertFoundClosing(target));
    });
  }

  async function assertFoundClosing(target: Target | Entrance): Promise<void> {
    const { results } = await runClient({ target, cases: selectIds(catalogue('server'), ['7.3.3'], []), parallel: 1 });
    assert.equal(results[0]?.behaviorClose, 'UNCLEAN', results[0]?.reason);
  }

  it('over HTTP/2: passes without one, and one is found; cases with a head of HTTP/1.1 are listed', async () => {
    for (const bug of [undefined, 'pong missing', 'TCP left open'] as const) {
      await withHttp2(bug, async (entrance) => {
        if (bug === undefined) await assertStrict(entrance, FAKE, FAKE_HEADS);
        else if (bug === 'pong missing') await assertFound(entrance, '2.2');
        else await assertFoundClosing(entrance);
      });
    }
  });
});

async function withHttp2(bug: Bug | undefined, body: (entrance: Entrance) => Promise<void>): Promise<void> {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true }, maxSessionMemory: 1_000 });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
      stream.respond({ ':status': 405 }, { endStream: true });
      return;
    }
    const answer = answerToOffer(String(headers['sec-websocket-extensions'] ?? ''));
    stream.respond({ ':status': 200, ...(answer === undefined ? {} : { 'sec-websocket-extensions': answer }) });
    echoOn(stream, { role: 'server', bug }, Buffer.alloc(0), answer);
  });
  await beside(server, async (port) => {
    const { entrance, close } = await http2Entrance(`http://127.0.0.1:${port}`, '/echo');
    try {
      await body(entrance);
    } finally {
      close();
    }
  });
}

describe('what cannot be run through a door', () => {
  const nowhere: Entrance = { name: 'HTTP/2', enter: () => Promise.resolve('nobody is there') };
  it('is listed with its reason: the heads that the tester writes itself, and nothing else', () => {
    const cases = catalogue('server');
    const excluded = excludedFrom(nowhere, cases);
    const wanted = cases.map(({ id }) => id).filter((id) => /^X\.(1\.\d+|7\.([1-9]|1\d|2\d))$/.test(id));
    assert.deepEqual(
      excluded.map(({ id }) => id),
      wanted,
    );
    assert.equal(excluded[0]?.reason, 'the case writes an opening handshake of HTTP/1.1, and HTTP/2 has none');
    assert.deepEqual(excludedFrom(targetOf('ws://127.0.0.1/'), cases), []);
  });
  it('a refused opening handshake fails every case at once, and says why', async () => {
    const cases = selectIds(catalogue('server'), ['2.*', 'X.1.1'], []);
    const { results, excluded, broken } = await runClient({ target: nowhere, cases, parallel: 1 });
    assert.equal(broken, 'nobody is there');
    assert.deepEqual([results.length, excluded.length], [11, 1]);
  });
});

it('a door that opens no stream has a deadline, and a stream that comes later is destroyed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [stream] = streamPair();
  let open: (stream: Duplex) => void = () => {};
  const late = new Promise<Duplex>((resolve) => {
    open = resolve;
  });
  const answer = inTime('the door', late, (one) => one);
  t.mock.timers.tick(CONFORMANCE_LIMITS.handshakeTimeoutMs - 1);
  assert.equal(await Promise.race([answer, Promise.resolve('still waiting')]), 'still waiting');
  t.mock.timers.tick(1);
  assert.equal(await answer, 'the door did not open a stream within 5000 ms');
  open(stream);
  await late;
  assert.ok(stream.destroyed);
});

describe('clients over TLS', { skip }, () => {
  it('our client passes strictly, and one that does not trust the certificate harms nobody', async () => {
    const cases = selectIds(catalogue('client'), ['1.*,2.*,3.*,5.*,7.*,9.1.1,12.1.2,X.1.*,X.2.*,X.6.*,X.9.20'], []);
    const server = await serve({ cases, host: '127.0.0.1', port: 0, tls: pem });
    try {
      const url = server.url.replace('127.0.0.1', 'localhost');
      assert.match(url, /^wss:/);
      const stranger = new WebSocket(`${url}/getCaseCount`);
      await new Promise((resolve) => stranger.addEventListener('close', resolve));
      const options = { tls: { ca: pem.cert }, perMessageDeflate: { thresholdBytes: 0 }, maxMessageBytes: 67_108_864 };
      const open = (to: string): DrivenSocket => new WebSocket(to, options) as unknown as DrivenSocket;
      await drive({ url, agent: 'barewire', open, parallel: 8, shutdown: true });
      await server.ended;
      const results = [...(server.results.get('barewire')?.values() ?? [])];
      assert.equal(results.length, cases.length);
      assert.deepEqual(
        results
          .filter((one) => isFailure(one) || one.behavior === 'NON-STRICT')
          .map(({ id, reason }) => `${id}: ${reason}`),
        [],
      );
    } finally {
      server.close();
    }
  });
});

describe('the command line', () => {
  it('takes ws+unix: with a path behind the socket, and wss: with --ca', { skip }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barewire-'));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, pem.cert);
    const plain = ownEcho();
    await plain.listen({ path: join(folder, 'socket') });
    const secure = createTlsServer({ ...pem, allowHalfOpen: true }, (socket) => serveFake(socket, undefined));
    secure.on('tlsClientError', () => {});
    try {
      assert.equal(await run([`ws+unix:${join(folder, 'socket')}:/x`, '--cases', '2.1']), 0);
      assert.equal(await run([`ws+unix:${join(folder, 'none')}`, '--cases', '2.1']), 1, 'there is no socket');
      await beside(secure, async (port) => {
        const url = `wss://localhost:${port}/`;
        assert.equal(await run([url, '--ca', ca, '--cases', '2.1']), 0);
        assert.equal(await run([url, '--cases', '2.1']), 1, 'the certificate is not trusted');
        assert.equal(await run([url, '--insecure', '--cases', '2.1']), 0);
      });
    } finally {
      await plain.close();
      rmSync(folder, { recursive: true });
    }
  });
});
