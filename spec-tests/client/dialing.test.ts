import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type LookupFunction, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { forAnotherOrigin } from '../../lib/client/dialer.ts';
import { EventSource } from '../../lib/client/event-source.ts';
import type { CloseEvent, ErrorEvent } from '../../lib/client/events.ts';
import { proxyFromEnvironment } from '../../lib/client/proxy.ts';
import { WebSocket, type WebSocketOptions } from '../../lib/client/websocket.ts';
import { ConnectFailed, HandshakeRejected } from '../../lib/errors.ts';
import type { Server } from '../../lib/server.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { next, switching, withRawServer } from '../support/client.ts';
import { FakeClock } from '../support/clock.ts';
import { patiently, turns, until, withServer } from '../support/sockets.ts';

const certificate = makeCertificate();
const expired = makeCertificate({ expired: true });
const skip = certificate === undefined || expired === undefined ? NO_OPENSSL : false;
const tls = certificate ?? { key: '', cert: '' };

function routes(server: Server): void {
  server
    .webSocket('/', { open: (socket) => void socket.send(socket.request.headers.get('x-key') ?? 'none') })
    .eventStream('/events', (stream, { headers }) => void stream.send(headers.get('x-key') ?? 'none'));
}

/** How a socket failed: one error, one close with 1006. */
async function failure(socket: WebSocket): Promise<ConnectFailed | HandshakeRejected> {
  const [{ error }, { code }] = await Promise.all([
    next<ErrorEvent>(socket, 'error'),
    next<CloseEvent>(socket, 'close'),
  ]);
  assert.equal(code, 1006);
  assert.ok(error instanceof ConnectFailed || error instanceof HandshakeRejected, String(error));
  return error;
}

/** The first message of a WebSocket, which is then closed. */
async function firstMessage(url: string, options: WebSocketOptions = {}): Promise<unknown> {
  const socket = new WebSocket(url, options);
  const refused = next<ErrorEvent>(socket, 'error').then(({ error }) => Promise.reject(error));
  const { data } = await Promise.race([next<MessageEvent>(socket, 'message'), refused]);
  refused.catch(() => {});
  socket.terminate();
  return data;
}

/** The first event of a stream, which is then closed. */
async function firstEvent(url: string, options = {}): Promise<unknown> {
  const source = new EventSource(url, options);
  try {
    const failed = next<ErrorEvent>(source, 'error').then(({ error }) => Promise.reject(error));
    failed.catch(() => {});
    return (await Promise.race([next<MessageEvent>(source, 'message'), failed])).data;
  } finally {
    source.close();
  }
}

/** A proxy that wants credentials, and tunnels to where it is told. `heads` are the requests it got. */
async function withProxy(
  options: { readonly refuse?: string; readonly greeting?: string },
  body: (url: string, heads: string[]) => Promise<void>,
): Promise<void> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createNetServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.once('data', (chunk: Buffer) => {
      const head = chunk.toString('latin1');
      heads.push(head);
      if (options.refuse !== undefined) {
        client.end(options.refuse);
        return;
      }
      const [, host, port] = /^CONNECT ([^ ]*):(\d+) /.exec(head) ?? [];
      const upstream = connect(Number(port), host === 'app.test' ? '127.0.0.1' : host);
      sockets.add(upstream);
      upstream.on('error', () => client.destroy());
      upstream.on('connect', () => {
        client.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n${options.greeting ?? ''}`);
        client.pipe(upstream).pipe(client);
      });
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, heads);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  }
}

describe('what a failed handshake says', () => {
  it('refused, not found, no file, not HTTP: each has its code, and the system’s error is the cause', async () => {
    const refused = await failure(new WebSocket('ws://127.0.0.1:1/'));
    assert.deepEqual([refused.name, refused.code], ['ConnectFailed', 'DIAL_REFUSED']);
    assert.equal((refused.cause as { code?: string }).code, 'ECONNREFUSED');
    assert.equal((await failure(new WebSocket('ws://nowhere.invalid/'))).code, 'DIAL_NOT_FOUND');
    assert.equal((await failure(new WebSocket('ws+unix:/nowhere/at/all:/'))).code, 'DIAL_FAILED');
    await withRawServer(
      (socket) => socket.end('220 mail.example ESMTP\r\n\r\n'),
      async (url) => {
        const { code, message } = await failure(new WebSocket(url));
        assert.equal(code, 'HTTP_STATUS_LINE');
        assert.match(message, /^the answer is not HTTP: /);
      },
    );
  });

  it('a refusal has status, headers and the first 4 KiB of the body, however it comes', async () => {
    for (const [how, write] of [
      ['whole', (socket: Socket, text: string) => socket.end(text)],
      [
        'octet by octet',
        (socket: Socket, text: string) => {
          socket.setNoDelay(true);
          for (const octet of text) socket.write(octet);
          socket.end();
        },
      ],
    ] as const) {
      await withRawServer(
        (socket) =>
          write(socket, 'HTTP/1.1 403 Forbidden\r\nX-Reason: token\r\nContent-Length: 17\r\n\r\n{"error":"token"}'),
        async (url) => {
          const error = await failure(new WebSocket(url));
          assert.ok(error instanceof HandshakeRejected);
          assert.deepEqual(
            [error.code, error.status, error.headers.get('x-reason'), error.text()],
            ['WS_STATUS', 403, 'token', '{"error":"token"}'],
            how,
          );
        },
      );
    }
    const clock = new FakeClock();
    await withRawServer(
      (socket, head) => {
        const size = head.startsWith('GET /endless') ? '' : 'Content-Length: 9000\r\n';
        socket.write(`HTTP/1.1 500 Oops\r\n${size}\r\n${'x'.repeat(head.startsWith('GET /stalls') ? 100 : 8_000)}`);
      },
      async (url) => {
        for (const path of ['/endless', '/long']) {
          const error = await failure(new WebSocket(`${url}${path}`));
          assert.equal((error as HandshakeRejected).body.length, 4_096, path);
        }
        const stalled = failure(new WebSocket(`${url}/stalls`, { clock }));
        let over = false;
        void stalled.then(() => {
          over = true;
        });
        while (!over) {
          await turns(5);
          clock.advance(100);
        }
        const error = (await stalled) as HandshakeRejected;
        assert.deepEqual([error.status, error.body.length], [500, 100], 'what had come within REFUSAL_BODY_TIMEOUT_MS');
      },
    );
  });

  it('the error’s message ends with the first line of a body that is text, within 200 characters and without control characters', async () => {
    const long = 'é'.repeat(300);
    for (const [type, body, said] of [
      ['', 'no token\nmore', ': no token'],
      ['text/plain; charset=utf-8', '\r\n  \r\nlate\r\nmore', ': late'],
      ['text/plain', 'a\u001b[31mb\u0000\u202ec\u2028d', ': a[31mbcd'],
      ['application/problem+json', '{\n  "error":\t"token"\n}\n', ': { "error": "token" }'],
      ['text/plain', long, `: ${'é'.repeat(200)}…`],
      ['text/plain', 'é'.repeat(3_000), `: ${'é'.repeat(200)}…`],
      ['text/html', 'no entry', ': no entry'],
      ['text/html', '<!doctype html>\nno', ''],
      ['', '<html>', ''],
      ['image/png', 'PNG', ''],
      ['text/plain', Buffer.of(0xff, 0x61), ''],
      ['', '', ''],
    ] as const) {
      const field = type === '' ? '' : `Content-Type: ${type}\r\n`;
      const length = Buffer.byteLength(body);
      await withRawServer(
        (socket) => {
          socket.write(`HTTP/1.1 403 Forbidden\r\n${field}Content-Length: ${length}\r\n\r\n`);
          socket.end(body);
        },
        async (url) => {
          const { message } = await failure(new WebSocket(url));
          const wanted = `server answered 403 Forbidden (RFC 6455 §4.1 step 1)${said}`;
          assert.equal(message, wanted, JSON.stringify([type, body.slice(0, 20)]));
        },
      );
    }
  });

  it('a 101 of HTTP/1.0 is no upgrade (RFC 9110 §7.8, §15.2)', async () => {
    await withRawServer(
      (socket, head) => socket.write(switching(head).replace('HTTP/1.1', 'HTTP/1.0')),
      async (url) => assert.equal((await failure(new WebSocket(url))).code, 'WS_HTTP_VERSION'),
    );
  });

  it('TLS: self-signed, a wrong host, expired, and no TLS at all (CVE-2020-15133)', { skip }, async () => {
    await withServer({ tls }, routes, async ({ port }) => {
      for (const [url, options] of [
        [`wss://localhost:${port}/`, {}],
        [`wss://127.0.0.1:${port}/`, { tls: { ca: tls.cert } }],
      ] as const) {
        const { code, cause } = await failure(new WebSocket(url, options));
        assert.equal(code, 'TLS_CERTIFICATE', url);
        assert.ok(cause instanceof Error);
      }
      assert.equal(await firstMessage(`wss://localhost:${port}/`, { tls: { ca: tls.cert } }), 'none');
      await assert.rejects(firstEvent(`https://localhost:${port}/events`), { code: 'TLS_CERTIFICATE' });
    });
    await withServer({ tls: expired! }, routes, async ({ port }) => {
      const { code, cause } = await failure(new WebSocket(`wss://localhost:${port}/`, { tls: { ca: expired!.cert } }));
      assert.deepEqual([code, (cause as { code?: string }).code], ['TLS_CERTIFICATE', 'CERT_HAS_EXPIRED']);
    });
    await withServer({}, routes, async ({ port }) => {
      assert.equal((await failure(new WebSocket(`wss://127.0.0.1:${port}/`))).code, 'TLS_FAILED');
    });
  });
});

describe('headers, signal and deadline', () => {
  it('a function is asked anew for every attempt, and may take its time', async () => {
    let asked = 0;
    const headers = async () => {
      await turns(2);
      return { 'X-Key': `key ${++asked}` };
    };
    await withServer({}, routes, async (server) => {
      assert.equal(await firstMessage(server.url, { headers }), 'key 1');
      assert.equal(await firstMessage(server.url, { headers: () => new Headers([['X-Key', 'pairs']]) }), 'pairs');
      const clock = new FakeClock();
      const source = new EventSource(`${server.url}/events`, { headers, clock, random: () => 0 });
      assert.equal((await next<MessageEvent>(source, 'message')).data, 'key 2');
      source.close();
    });
  });

  it('a function that throws, rejects, or gives what cannot be sent, fails the attempt and says so', async () => {
    for (const [headers, expected] of [
      [() => Promise.reject(new Error('vault is closed')), 'HEADERS_FAILED'],
      [
        () => {
          throw new Error('vault is closed');
        },
        'HEADERS_FAILED',
      ],
      [() => ({ 'a b': 'c' }), 'HEADERS_INVALID'],
      [() => 5 as never, 'HEADERS_INVALID'],
    ] as const) {
      const { code } = await failure(new WebSocket('ws://127.0.0.1:1', { headers }));
      assert.equal(code, expected);
      const source = new EventSource('http://127.0.0.1:1', { headers });
      assert.equal((await next<ErrorEvent>(source, 'error')).error.name, 'ConnectFailed');
      // A vault may open again; what cannot be sent never can.
      assert.equal(source.readyState, expected === 'HEADERS_FAILED' ? EventSource.CONNECTING : EventSource.CLOSED);
      source.close();
    }
    const late = new WebSocket('ws://127.0.0.1:1', { headers: () => new Promise(() => {}), handshakeTimeoutMs: 1 });
    assert.equal((await failure(late)).code, 'HANDSHAKE_TIMEOUT');
  });

  it('an aborted signal gives up while connecting and closes afterwards', async () => {
    const reason = new Error('enough');
    for (const early of [true, false]) {
      const controller = new AbortController();
      if (early) controller.abort(reason);
      const socket = new WebSocket('ws://127.0.0.1:1', { signal: controller.signal });
      controller.abort(reason);
      const error = await failure(socket);
      assert.deepEqual([error.code, error.cause], ['HANDSHAKE_ABORTED', reason]);
    }
    await withServer({}, routes, async (server) => {
      const controller = new AbortController();
      const socket = new WebSocket(server.url, { signal: controller.signal });
      await next(socket, 'open');
      controller.abort();
      assert.equal((await next<CloseEvent>(socket, 'close')).code, 1000);
      const source = new EventSource(`${server.url}/events`, { signal: controller.signal });
      assert.equal(source.readyState, EventSource.CLOSED);
    });
  });
});

describe('redirects', () => {
  /** Answers each path with a redirect to the path or URL in its query. */
  const withRedirects = (other: string, body: (url: string) => Promise<void>): Promise<void> => {
    const server = createHttpServer((_, response) => response.end());
    server.on('upgrade', (request, socket) => {
      const to = new URL(request.url ?? '', 'http://x').search.slice(1);
      socket.end(`HTTP/1.1 307 There\r\nLocation: ${to === 'other' ? other : decodeURIComponent(to)}\r\n\r\n`);
    });
    return new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      .then(() => body(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`))
      .finally(() => server.close());
  };

  it('a WebSocket follows none by default; asked to, it does, and shows its headers to the first origin only', async () => {
    await withServer({}, routes, async (server) => {
      await withRedirects(server.url, async (url) => {
        const headers = { 'X-Key': 'secret' };
        const { code, status } = (await failure(new WebSocket(`${url}/?other`, { headers }))) as HandshakeRejected;
        assert.deepEqual([code, status], ['WS_STATUS', 307]);
        assert.equal(await firstMessage(`${url}/?other`, { headers, maxRedirects: 1 }), 'none');
        assert.equal(await firstMessage(server.url, { headers, maxRedirects: 1 }), 'secret');
        const own = `${url}/?${encodeURIComponent('/?other')}`;
        assert.equal(((await failure(new WebSocket(own, { maxRedirects: 1 }))) as HandshakeRejected).status, 307);
        assert.equal(await firstMessage(own, { headers, maxRedirects: 2 }), 'none');
        for (const bad of ['ftp://x/', 'http://[', 'ws://x/#y', 'ws+unix:/etc/x:/'])
          assert.equal(
            (await failure(new WebSocket(`${url}/?${encodeURIComponent(bad)}`, { maxRedirects: 1 }))).code,
            'REDIRECT',
            bad,
          );
      });
    });
  });

  it('another origin is not shown our certificate, and is not checked against the first one’s name', () => {
    const ca = 'authority';
    const tls = { ca, cert: 'ours', key: 'secret', servername: 'a.test', rejectUnauthorized: true };
    const proxy = 'http://proxy.test';
    assert.deepEqual(forAnotherOrigin({ tls, proxy, socketPath: '/run/a' }), {
      proxy,
      tls: { ca, rejectUnauthorized: true },
    });
    assert.deepEqual(forAnotherOrigin({}), {});
  });

  it('never from wss: to ws:', { skip }, async () => {
    await withServer(
      { tls },
      (server) =>
        server.webSocket('/', () => ({ status: 302, headers: { Location: 'ws://127.0.0.1:1/' } }), { open() {} }),
      async ({ port }) => {
        const socket = new WebSocket(`wss://localhost:${port}/`, { tls: { ca: tls.cert }, maxRedirects: 1 });
        const { code, message } = await failure(socket);
        assert.equal(code, 'REDIRECT');
        assert.match(message, /from wss: to ws:/);
      },
    );
  });
});

describe('Unix sockets and several addresses', () => {
  it('ws+unix: and http+unix: name socket and path; socketPath does the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'barewire-'));
    const path = join(folder, 'a socket');
    try {
      const server = createHttpServer((request, response) => {
        response
          .writeHead(200, { 'Content-Type': 'text/event-stream' })
          .write(`data: ${request.url} ${request.headers.host}\n\n`);
      });
      server.on('upgrade', (request, socket) => {
        socket.end(`HTTP/1.1 400 ${request.url}-${request.headers.host}\r\n\r\n`);
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const escaped = path.replaceAll(' ', '%20');
      assert.equal(await firstEvent(`http+unix:${escaped}:/a?b=c`), '/a?b=c localhost');
      assert.equal(await firstEvent(`http+unix://${escaped}`), '/ localhost');
      assert.equal(await firstEvent('http://app.test/x', { socketPath: path }), '/x app.test');
      assert.match((await failure(new WebSocket(`ws+unix:${escaped}:/a?b`))).message, /answered 400 \/a\?b-localhost/);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const url of ['ws+unix:', 'ws+unix:/', 'ws+unix:/x:y'])
        assert.throws(() => new WebSocket(url), { name: 'SyntaxError' }, url);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('an address that refuses is followed by the host’s next one', async () => {
    await withServer({}, routes, async ({ port }) => {
      const lookup = ((_host: string, _options: object, done: (error: null, all: object[]) => void) =>
        done(null, [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ])) as unknown as LookupFunction;
      assert.equal(await firstMessage(`ws://app.test:${port}/`, { tcp: { lookup } }), 'none');
      assert.equal(await firstEvent(`http://app.test:${port}/events`, { tcp: { lookup } }), 'none');
    });
  });
});

it('options of TLS that Node refuses within a tunnel are a failure, and no exception out of a socket', async () => {
  await withRawServer(
    (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
    async (url) => {
      const proxy = url.replace(/^ws/, 'http');
      const failed = await failure(new WebSocket('wss://a.test/', { proxy, tls: { cert: 'no certificate' } }));
      assert.equal(failed.code, 'DIAL_FAILED');
    },
  );
});

describe('a resolver of the application', () => {
  it('that throws has failed: the first attempt says so, and an event stream tries again', async () => {
    const broken: LookupFunction = () => {
      throw new Error('resolver is broken');
    };
    const rejects = (async () => {
      throw new Error('no resolver');
    }) as unknown as typeof broken;
    assert.match((await failure(new WebSocket('ws://app.test/', { tcp: { lookup: rejects } }))).message, /no resolver/);
    const failed = await failure(new WebSocket('ws://app.test/', { tcp: { lookup: broken } }));
    assert.deepEqual([failed.code, (failed.cause as Error).message], ['DIAL_FAILED', 'resolver is broken']);
    await withRawServer(
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n'),
      async (url) => {
        let lookups = 0;
        const lookup = ((host, options, done) => {
          if (++lookups === 2) broken(host, options, done);
          (done as (error: null, all: object[]) => void)(null, [{ address: '127.0.0.1', family: 4 }]);
        }) as LookupFunction;
        const options = { tcp: { lookup }, reconnectionTimeMs: 1, random: () => 0 };
        const source = new EventSource(url.replace('ws:', 'http:').replace('127.0.0.1', 'app.test'), options);
        const log: string[] = [];
        source.onmessage = () => log.push('message');
        source.onerror = ({ error }) => log.push(error instanceof ConnectFailed ? error.code : error.message);
        await until('it has come back', () => log.length >= 4);
        source.close();
        assert.deepEqual(log.slice(0, 4), ['message', 'the stream ended', 'DIAL_FAILED', 'message']);
      },
    );
  });

  it('what Node refuses is thrown at the call, and nothing is left behind', async () => {
    const clock = new FakeClock();
    const options = { clock, tcp: { localAddress: 'nowhere' } };
    assert.throws(() => new WebSocket('ws://127.0.0.1:1/', options), { code: 'ERR_INVALID_IP_ADDRESS' });
    assert.throws(() => new EventSource('http://127.0.0.1:1/', options), { code: 'ERR_INVALID_IP_ADDRESS' });
    assert.equal(clock.timers, 0);
  });
});

describe('a proxy (RFC 9110 §9.3.6)', () => {
  it('CONNECT with credentials, then WebSocket and event stream through the tunnel', async () => {
    await withServer({}, routes, async ({ port }) => {
      await withProxy({}, async (url, heads) => {
        const proxy = url.replace('//', '//ada:s%20e@');
        assert.equal(await firstMessage(`ws://app.test:${port}/`, { proxy, headers: { 'X-Key': 'k' } }), 'k');
        assert.equal(await firstEvent(`http://app.test:${port}/events`, { proxy: new URL(proxy) }), 'none');
        assert.equal(heads.length, 2);
        const credentials = Buffer.from('ada:s e').toString('base64');
        assert.equal(
          heads[0],
          `CONNECT app.test:${port} HTTP/1.1\r\nHost: app.test:${port}\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
        );
        assert.ok(!heads.join().includes('X-Key'), 'the proxy is not shown the headers');
      });
    });
  });

  it('the options of TCP hold for the connection to the proxy', async () => {
    await withServer({}, routes, async ({ port }) => {
      await withProxy({}, async (url) => {
        const looked: unknown[] = [];
        const lookup = ((host, { family }, done) => {
          looked.push([host, family]);
          done(null, '127.0.0.1', 4);
        }) as LookupFunction;
        const proxy = url.replace('127.0.0.1', 'proxy.test');
        const target = `ws://app.test:${port}/`;
        assert.equal(await firstMessage(target, { proxy, tcp: { lookup, family: 4 } }), 'none');
        assert.deepEqual(looked, [['proxy.test', 4]]);
        const options = { proxy: url, tcp: { localAddress: 'nowhere' } };
        assert.throws(() => new WebSocket(target, options), { code: 'ERR_INVALID_IP_ADDRESS' });
      });
    });
  });

  it('TLS goes through it, verified against the server’s name', { skip }, async () => {
    await withServer({ tls }, routes, async ({ port }) => {
      await withProxy({}, async (proxy) => {
        assert.equal(await firstMessage(`wss://localhost:${port}/`, { proxy, tls: { ca: tls.cert } }), 'none');
        assert.equal(
          (await failure(new WebSocket(`wss://127.0.0.1:${port}/`, { proxy, tls: { ca: tls.cert } }))).code,
          'TLS_CERTIFICATE',
        );
      });
    });
  });

  it('what stands behind its answer in the same chunk is the server’s', async () => {
    const answers = 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 Not you\r\nContent-Length: 0\r\n\r\n';
    await withProxy({ refuse: answers }, async (proxy) => {
      const error = (await failure(new WebSocket('ws://app.test/', { proxy }))) as HandshakeRejected;
      assert.deepEqual([error.code, error.status], ['WS_STATUS', 403], error.message);
      assert.match(error.message, /^server answered 403 Not you/);
    });
  });

  it('a proxy that refuses, is not there, speaks something else or hangs up is told apart from the server', async () => {
    const refusal = 'HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n';
    await withProxy({ refuse: refusal }, async (proxy) => {
      const error = (await failure(new WebSocket('ws://app.test/', { proxy }))) as HandshakeRejected;
      assert.deepEqual(
        [error.code, error.status, error.headers.get('proxy-authenticate')],
        ['PROXY_REFUSED', 407, 'Basic'],
      );
      assert.match(error.message, /answered 407 Who are you/);
    });
    for (const refuse of ['nonsense\r\n\r\n', '', 'HTTP/1.1 100 Wait\r\n\r\n'.repeat(9)])
      await withProxy({ refuse }, async (proxy) =>
        assert.equal((await failure(new WebSocket('ws://app.test/', { proxy }))).code, 'PROXY_FAILED'),
      );
    const { code, message } = await failure(new WebSocket('ws://a.test/', { proxy: 'http://u:secret@127.0.0.1:1' }));
    assert.equal(code, 'PROXY_FAILED');
    assert.ok(!message.includes('secret'));
    for (const options of [{ proxy: 'socks5://x' }, { proxy: 'x' }, { proxy: 'http://x', socketPath: '/x' }])
      assert.throws(() => new WebSocket('ws://a.test/', options), TypeError);
  });

  it('giving up in the middle of it leaves nothing open', async () => {
    const sockets = new Set<Socket>();
    const mute = createNetServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket)).resume();
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const proxy = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const socket = new WebSocket('ws://a.test/', { proxy });
    await until('the proxy is asked', () => sockets.size === 1);
    socket.close();
    assert.equal((await failure(socket)).code, 'HANDSHAKE_ABORTED');
    await until('it is gone', () => sockets.size === 0);
    await patiently('the end', new Promise((resolve) => mute.close(resolve)));
  });

  it('proxyFromEnvironment: by scheme, in capitals or not, with exceptions', () => {
    const environment = {
      HTTPS_PROXY: 'http://secure:1',
      http_proxy: 'plain:2',
      NO_PROXY: 'internal.test, .corp.test,*.star.test 10.0.0.1,[::1],other.test:8080',
    };
    const proxyOf = (url: string) => proxyFromEnvironment(url, environment);
    assert.equal(proxyOf('wss://a.test/'), 'http://secure:1');
    assert.equal(proxyOf('https://a.test/'), 'http://secure:1');
    assert.equal(proxyOf('ws://a.test/'), 'http://plain:2');
    for (const host of [
      'internal.test',
      'a.internal.test',
      'x.corp.test',
      'corp.test',
      'x.star.test',
      '10.0.0.1',
      '[::1]',
      'other.test:8080',
    ])
      assert.equal(proxyOf(`wss://${host}/`), undefined, host);
    for (const host of ['notinternal.test', '110.0.0.1', 'other.test', 'internal.test.evil'])
      assert.equal(proxyOf(`wss://${host}/`), 'http://secure:1', host);
    assert.equal(proxyFromEnvironment('wss://a.test/', { HTTPS_PROXY: 'http://x', NO_PROXY: '*' }), undefined);
    assert.equal(proxyFromEnvironment('wss://a.test/', { ALL_PROXY: 'http://all' }), 'http://all');
    assert.equal(proxyFromEnvironment('wss://a.test/', { HTTPS_PROXY: '' }), undefined);
    assert.equal(proxyFromEnvironment('wss://a.test/', {}), undefined);
  });
});
