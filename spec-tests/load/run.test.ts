/**
 * Whole runs against servers on the loopback: ours is counted, and a server that cheats voids the run.
 *
 * No claims about speed: only that something was counted, and that what was wrong was found.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { corpusShape } from '../../bench/wire/corpus.ts';
import { runHttp2Echo } from '../../bench/wire/http2.ts';
import { createServer, type EventStream, type Server, type ServerWebSocket } from '../../lib/index.ts';
import { runConnectRate } from '../../lib/load/connect-rate.ts';
import { ConnectFailed } from '../../lib/load/connection.ts';
import { runEcho } from '../../lib/load/echo.ts';
import { runEventStreams, runListeners } from '../../lib/load/event-stream.ts';
import { runFanOut } from '../../lib/load/fan-out.ts';
import { runIdle } from '../../lib/load/idle.ts';
import type { Measurement } from '../../lib/load/measure.ts';
import { runPaced } from '../../lib/load/paced.ts';
import { WrongReply } from '../../lib/load/replies.ts';
import { runRoving } from '../../lib/load/roving.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';

const certificate = makeCertificate();
const WINDOW = { warmUpMs: 20, durationMs: 120 };
const SHAPE = { sizeBytes: 32, kind: 'text' } as const;
/** For runs that end by themselves, at the first wrong reply. */
const UNTIL_WRONG = { warmUpMs: 0, durationMs: 20_000 };

/** Runs for longer and longer until something was counted: a machine that is busy may count nothing in a short time. */
async function counted<M extends Measurement>(
  run: (window: { warmUpMs: number; durationMs: number }) => Promise<M>,
): Promise<M> {
  for (let durationMs = 100; ; durationMs *= 3) {
    const measured = await run({ warmUpMs: 20, durationMs });
    if (measured.count > 0) return measured;
    assert.ok(durationMs < 20_000, 'nothing was counted in 20 s');
  }
}

describe('a load run', () => {
  let server: Server;
  const url = (path: string, scheme = 'ws') => new URL(path, server.url.replace('http', scheme));

  before(async () => {
    server = createServer({ allowedOrigins: '*', maxMessageBytes: 4_194_304 });
    const members = new Set<ServerWebSocket>();
    server.webSocket('/echo/*', { message: (socket, message) => void socket.send(message) });
    server.webSocket('/upper', { message: (socket, message) => void socket.send(String(message).toUpperCase()) });
    server.webSocket('/binary', { message: (socket, message) => void socket.send(Buffer.from(message as string)) });
    server.webSocket('/short', { message: (socket, message) => void socket.send(message.slice(1)) });
    server.webSocket('/close', { message: (socket) => socket.close(4_000, 'enough') });
    const takeover = { thresholdBytes: 0, serverContextTakeover: true, clientContextTakeover: true };
    const echo = { message: (socket: ServerWebSocket, message: string | Uint8Array) => void socket.send(message) };
    server.webSocket('/takeover', echo, { perMessageDeflate: takeover });
    server.webSocket('/alone', echo, { perMessageDeflate: true });
    let nth = 0;
    server.webSocket('/swap', {
      // Every hundredth reply is that of another message.
      message: (socket, message) => void socket.send(++nth % 100 === 0 ? 'x'.repeat(message.length) : message),
    });
    server.webSocket('/greeting', {
      open: (socket) => {
        for (const length of [1, 200, 70_000]) socket.send('x'.repeat(length));
      },
    });
    server.webSocket('/room', {
      open: (socket) => void members.add(socket),
      message: (_, message) => {
        for (const member of members) member.send(message);
      },
      close: (socket) => void members.delete(socket),
    });
    let twice = 0;
    server.webSocket('/twice', {
      message: (socket, message) => {
        socket.send(message);
        if (++twice === 20) socket.send(message);
      },
    });
    const streams = new Set<EventStream>();
    server.eventStream('/events', {
      open: (stream) => void streams.add(stream),
      close: (stream) => void streams.delete(stream),
    });
    server.post('/publish', (request) => {
      for (const stream of streams) stream.send(request.text());
      return { status: 204 };
    });
    server.post('/mangle', () => {
      for (const stream of streams) stream.send('something else');
      return { status: 204 };
    });
    await server.listen();
  });
  after(() => server.close());

  it('counts the echoes of our own server, many in flight, and reads its CPU time and memory', async () => {
    const load = { url: url('/echo/'), connections: 5, inFlight: 9, shape: SHAPE, serverPid: process.pid };
    const measured = await counted((window) => runEcho({ ...load, ...window }));
    if (process.platform === 'linux') {
      assert.ok(measured.serverMicroseconds! > 0);
      if (measured.serverKernelShare !== undefined) assert.ok(measured.serverKernelShare <= 1);
      assert.ok(measured.serverBytes! > 1_000_000);
    }
  });

  it('counts echoes that span many chunks', async () => {
    const shape = { sizeBytes: 1_048_576, kind: 'binary' } as const;
    await counted((window) => runEcho({ ...window, url: url('/echo/'), connections: 2, inFlight: 2, shape }));
  });

  it('counts echoes that refer back to earlier messages, and inflates the first of them (RFC 7692 §7.1.1)', async () => {
    const shape = corpusShape('chat', 1_024);
    const load = { url: url('/takeover'), connections: 3, inFlight: 3, shape, compressed: 'takeover' } as const;
    const { compressedBytes } = await counted((window) => runEcho({ ...load, ...window }));
    const alone = await counted((window) => runEcho({ ...load, ...window, url: url('/alone'), compressed: true }));
    assert.ok(compressedBytes! < alone.compressedBytes!, `${compressedBytes} of ${alone.compressedBytes} octets`);
    await assert.rejects(runEcho({ ...UNTIL_WRONG, ...load, url: url('/alone') }), {
      message: /does not keep its context/,
    });
  });

  it('counts echoes in streams of HTTP/2 (RFC 8441), and is void when one is another', async () => {
    const http2 = createHttp2Server().listen(0, '127.0.0.1');
    const detached = createServer({ allowedOrigins: '*' });
    let cheats = false;
    detached.webSocket('/', {
      message: (socket, message) => void socket.send(cheats ? 'x'.repeat(32) : message),
    });
    detached.attach(http2);
    await once(http2, 'listening');
    try {
      const origin = new URL(`http://127.0.0.1:${(http2.address() as AddressInfo).port}/`);
      const load = { origin, sessions: 2, streams: 4, inFlight: 3, shape: SHAPE };
      await counted((window) => runHttp2Echo({ ...load, ...window, warmUpMs: 0, durationMs: 50 }));
      cheats = true;
      await assert.rejects(runHttp2Echo({ ...load, ...UNTIL_WRONG }), WrongReply);
    } finally {
      await detached.close();
      http2.close();
    }
  });

  const cheats: readonly [string, RegExp][] = [
    ['/upper', /other content/],
    ['/binary', /opcode binary, it must be the text/],
    ['/short', /another length/],
    ['/swap', /other content/],
    ['/close', /closed the connection with 4000 \(enough\)/],
  ];
  for (const [path, message] of cheats) {
    it(`is void against a server that cheats (${path})`, async () => {
      await assert.rejects(
        runEcho({ ...UNTIL_WRONG, url: url(path), connections: 3, inFlight: 2, shape: SHAPE }),
        (error) => {
          assert.ok(error instanceof WrongReply);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it('counts deliveries to all members of a room', async () => {
    await counted((window) => runFanOut({ ...window, url: url('/room'), members: 7, inFlight: 3, shape: SHAPE }));
  });

  it('counts deliveries to the others when some members read nothing', async () => {
    const load = { url: url('/room'), members: 4, slowMembers: 2, inFlight: 3, shape: SHAPE };
    await counted((window) => runFanOut({ ...load, ...window }));
  });

  it('lets messages rove over connections with paths of their own', async () => {
    const load = { url: url('/echo/'), connections: 20, inFlight: 4, shape: SHAPE };
    await counted((window) => runRoving({ ...load, ...window }));
  });

  it('counts connections that were opened and closed in good order', async () => {
    await counted((window) => runConnectRate({ ...window, url: url('/echo/'), atOnce: 4 }));
    // A server may speak first, and at any length.
    await counted((window) => runConnectRate({ ...window, url: url('/greeting'), atOnce: 4 }));
  });

  it('counts a connection whose server spoke before the close, cut anywhere', async () => {
    const spoken = Buffer.concat([
      Buffer.from('HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'),
      Buffer.from([0x81, 3, 0x88, 0x88, 0x88, 0x8a, 0, 0x88, 2, 0x03, 0xe8]),
    ]);
    const head = spoken.length - 11;
    for (let cut = head - 1; cut < spoken.length; cut++) {
      const server = createNetServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.write(spoken.subarray(0, cut)));
        // Where the cut is in the head, nothing answers it: the rest follows by itself.
        if (cut < head) setTimeout(() => socket.end(spoken.subarray(cut)), 5);
        else socket.on('data', (chunk) => chunk[0] === 0x88 && socket.end(spoken.subarray(cut)));
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      await counted((window) => runConnectRate({ ...window, url: new URL(`ws://127.0.0.1:${port}/`), atOnce: 1 }));
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('does not count connections that were not, and says why', async () => {
    const accepted = 'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
    /** What the server writes at once, and what when a close frame has come; undefined: it keeps the connection. */
    const cases: readonly [RegExp, string | Buffer, (string | Buffer | undefined)?][] = [
      [/answered 404 instead of 101/, 'HTTP/1.1 404 Not Found\r\n\r\n'],
      [/Accept is wrong/, accepted.replace('s3p', 'S3p')],
      [/head is longer than 16384 bytes/, 'x'.repeat(20_000)],
      [/without a close frame/, accepted, ''],
      [/without a close frame/, accepted, Buffer.from([0x81, 1, 0x61])],
      [
        /without a close frame/,
        Buffer.concat([Buffer.from(accepted), Buffer.from([0x81, 3, 0x61])]),
        Buffer.from([0x88, 0x88]),
      ],
      [/is masked/, accepted, Buffer.from([0x88, 0x80, 1, 2, 3, 4].with(0, 0x81))],
      [/did not open and end a connection within 200 ms/, accepted.slice(0, -1)],
      [/did not open and end a connection within 200 ms/, accepted, undefined],
    ];
    for (const [message, greeting, farewell] of cases) {
      const server = createNetServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.write(greeting));
        let chunks = 0;
        socket.on('data', () => {
          if (++chunks === 2 && farewell !== undefined) socket.end(farewell);
        });
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      const load = { ...UNTIL_WRONG, url: new URL(`ws://127.0.0.1:${port}/`), atOnce: 2, timeoutMs: 200 };
      await assert.rejects(runConnectRate(load), { message });
      await new Promise((resolve) => server.close(resolve));
      await assert.rejects(runConnectRate(load), /nothing listens at 127\.0\.0\.1/);
    }
  });

  it('opens and closes connections through TLS as well', {
    skip: certificate === undefined && NO_OPENSSL,
  }, async () => {
    const secure = createServer({ allowedOrigins: '*', tls: certificate! });
    secure.webSocket('/', {});
    await secure.listen({ port: 0 });
    const load = { url: new URL(secure.url.replace('https', 'wss')), atOnce: 2 };
    await assert.rejects(runConnectRate({ ...load, ...UNTIL_WRONG }), { message: /self-signed certificate/ });
    // Node's own way to say that nobody is to be verified.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await counted((window) => runConnectRate({ ...load, ...window }));
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
    await secure.close();
  });

  it('measures latency at a pace, of echoes and to the last of a room, over WebSockets', async () => {
    const load = { ...WINDOW, connections: 3, rate: 200, sizeBytes: 40 };
    for (const [path, pattern] of [
      ['/echo/', 'echo'],
      ['/room', 'fan-out'],
    ] as const) {
      const measured = await runPaced({ ...load, url: url(path), pattern });
      assert.ok(measured.latency!.count > 0);
      assert.equal(measured.unanswered, 0);
    }
  });

  it('is void when a paced message comes twice', async () => {
    await assert.rejects(
      runPaced({
        ...UNTIL_WRONG,
        connections: 1,
        rate: 500,
        sizeBytes: 40,
        url: url('/twice'),
        pattern: 'echo',
      }),
      WrongReply,
    );
  });

  it('counts the events of streams, published by POST', async () => {
    const load = { ...UNTIL_WRONG, clients: 5, inFlight: 2, sizeBytes: 60, url: url('/events', 'http') };
    await counted((window) => runEventStreams({ ...load, ...window, publishUrl: url('/publish', 'http') }));
    await assert.rejects(runEventStreams({ ...load, publishUrl: url('/mangle', 'http') }), {
      message: /event 1 differs from what was published/,
    });
    await assert.rejects(runEventStreams({ ...load, publishUrl: url('/nowhere', 'http') }), {
      message: /answered 404/,
    });
  });

  it('only listens when there is nothing to publish', async () => {
    assert.equal((await runListeners({ ...WINDOW, clients: 2, url: url('/events', 'http') })).count, 0);
  });

  it('reads the memory of idle connections and closes them again', async () => {
    const measured = await runIdle({
      ...WINDOW,
      url: url('/echo/'),
      connections: 20,
      serverPid: process.pid,
      settleMs: 5,
    });
    assert.equal(measured.count, 18);
  });

  it('says in a sentence why it could not connect', async () => {
    const load = { ...WINDOW, connections: 2, inFlight: 1, shape: SHAPE };
    await assert.rejects(runEcho({ ...load, url: url('/nowhere') }), { message: /answered 404 instead of 101/ });
    await assert.rejects(runEcho({ ...load, url: url('/echo/'), compressed: true }), {
      name: 'Error',
      message: /did not agree to permessage-deflate/,
    });
    const answers = [
      ['SSH-2.0-x', /does not speak HTTP\/1\.1/],
      ['HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=', /Accept is wrong/],
      ['HTTP/1.1 101 Switching Protocols', /Accept is wrong/],
      [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`, /longer than 16384 bytes|200 instead of 101/],
    ] as const;
    let turn = 0;
    const closed = createNetServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.end(`${answers[turn]![0]}\r\n\r\n`);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    for (const [, message] of answers) {
      await assert.rejects(runEcho({ ...load, url: new URL(`ws://127.0.0.1:${port}/`) }), { message });
      turn++;
    }
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(
      runEcho({ ...load, url: new URL(`ws://127.0.0.1:${port}/`) }),
      (error) => error instanceof ConnectFailed && /nothing listens at 127\.0\.0\.1/.test(error.message),
    );
  });
});
