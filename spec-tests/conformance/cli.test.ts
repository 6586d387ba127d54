/** `barewire conformance` on the command line: what goes wrong ends in a sentence, an exit code and bounded time. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../lib/cli/conformance.ts';
import { UsageError } from '../../lib/cli/usage.ts';
import { runFakeClient, startFakeServer } from './fake-endpoint.ts';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function conformance(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, 'conformance', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}

/** Runs `body` beside a TCP server that does this with every connection. */
async function withTcp(onConnection: (socket: Socket) => void, body: (url: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`ws://127.0.0.1:${(server.address() as { port: number }).port}/`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('a server that cannot be examined', { concurrency: true }, () => {
  it('is down: exit 1 and a question', async () => {
    let url = '';
    await withTcp(
      () => {},
      async (free) => {
        url = free;
      },
    );
    const { code, errors, output } = await conformance(url);
    assert.equal(code, 1);
    assert.match(errors, /nothing listens on 127\.0\.0\.1:\d+ \(connection refused\); is the server running\?/);
    assert.equal(output, '');
  });
  it('refuses the upgrade: every case FAILED at once, exit 1', async () => {
    await withTcp(
      (socket) => socket.on('data', () => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')),
      async (url) => {
        const { code, errors, output } = await conformance(url);
        assert.equal(code, 1);
        assert.match(errors, /the server answered 403 Forbidden instead of 101/);
        assert.match(output, /: 626 FAILED in \d/);
      },
    );
  });
  it('hangs: the handshake has a deadline', async () => {
    await withTcp(
      () => {},
      async (url) => {
        const { code, errors } = await conformance(url);
        assert.equal(code, 1);
        assert.match(errors, /no answer to the opening handshake within 5000 ms/);
      },
    );
  });
  it('sends rubbish: it is shown', async () => {
    await withTcp(
      (socket) => socket.write('SSH-2.0-OpenSSH_9.7\r\n'),
      async (url) => {
        const { code, errors } = await conformance(url);
        assert.equal(code, 1);
        assert.match(errors, /does not speak HTTP: it sent "SSH-2\.0-OpenSSH_9\.7/);
      },
    );
  });
  it('sends a head without end: it is not read for ever', async () => {
    await withTcp(
      (socket) => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${'X-Field: value\r\n'.repeat(10_000)}`),
      async (url) => {
        const { code, errors } = await conformance(url);
        assert.equal(code, 1);
        assert.match(errors, /the head did not end within 64 KiB/);
      },
    );
  });
  it('hangs up: that is said', async () => {
    await withTcp(
      (socket) => socket.destroy(),
      async (url) => {
        const { code, errors } = await conformance(url);
        assert.equal(code, 1);
        assert.match(errors, /the peer ended TCP without answering the handshake/);
      },
    );
  });
  it('goes away in the middle: the rest is FAILED without waiting for it', async () => {
    let connections = 0;
    await withTcp(
      (socket) => {
        const server = socket as Socket & { server: Server };
        if (++connections > 3) {
          server.server.close();
          socket.destroy();
          return;
        }
        socket.on('data', (chunk: Buffer) => {
          const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(chunk.toString('latin1'))?.[1];
          if (key === undefined) return;
          import('node:crypto').then(({ createHash }) => {
            const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
            socket.write(
              `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
            );
          });
        });
      },
      async (url) => {
        const { code, errors } = await conformance(url, '--cases', '6.*');
        assert.equal(code, 1);
        assert.match(errors, /the server stopped accepting connections/);
      },
    );
  });
});

describe('a wrong command line: exit 2', { concurrency: true }, () => {
  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no URL', [], /a URL is missing/],
    ['no URL at all', ['somewhere'], /is not a ws:, wss:, http:, https: or ws\+unix: URL/],
    ['another scheme', ['ftp://127.0.0.1/'], /is not a ws:, wss:, http:, https: or ws\+unix: URL/],
    ['a pattern without a case', ['ws://127.0.0.1:1/', '--cases', '8.*'], /no case matches 8\.\*/],
    ['a number that is none', ['ws://127.0.0.1:1/', '--parallel', 'many'], /--parallel is "many"/],
    ['both directions', ['ws://127.0.0.1:1/', '--serve', '9002'], /either a URL or --serve/],
    ['a header that is none', ['ws://127.0.0.1:1/', '--header', 'no colon'], /is not of the form/],
    ['a certificate without its key', ['--serve', '0', '--cert', 'cert.pem'], /--cert and --key go together/],
    ['a certificate where nothing is served', ['ws://127.0.0.1:1/', '--cert', 'a', '--key', 'b'], /are for --serve/],
    ['an empty host', ['--serve', '0', '--host', ''], /--host is "", must be an address or a name/],
    ['an option that is none', ['--fast'], /there is no option --fast/],
  ];
  for (const [title, args, message] of wrong) {
    it(title, () =>
      assert.rejects(run([...args]), (error) => error instanceof UsageError && message.test(error.message)),
    );
  }
  it('is a line without a stack trace', async () => {
    const { code, errors, output } = await conformance('ftp://127.0.0.1/');
    assert.equal(code, 2);
    assert.match(errors, /^barewire: "ftp:\/\/127\.0\.0\.1\/" is not a ws:.*\nTry `barewire conformance --help`\.\n$/);
    assert.equal(output, '');
  });
});

describe('a file or a folder that cannot be read or written: exit 1', () => {
  const missing: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      'a file that is not there',
      ['wss://127.0.0.1:1/', '--ca', '/nowhere.pem'],
      /--ca \/nowhere\.pem cannot be read: ENOENT/,
    ],
    // Before the first case, for which nobody listens here.
    [
      'a folder in place of a file',
      ['ws://127.0.0.1:1/', '--json', tmpdir()],
      /^--json \S+ cannot be written: it is a folder$/,
    ],
    [
      'a file where no folder can be',
      ['ws://127.0.0.1:1/', '--json', join(MAIN, 'x', 'y.json')],
      /^--json \S+y\.json cannot be written: E(NOTDIR|EXIST)$/,
    ],
    [
      'a report where none can be',
      ['ws://127.0.0.1:1/', '--report', MAIN],
      /^--report \S+ cannot be written: E(NOTDIR|EXIST)$/,
    ],
    ...(process.platform === 'linux'
      ? ([
          ['a place in /proc', ['ws://127.0.0.1:1/', '--json', '/proc/x/y.json'], /cannot be written: ENOENT$/],
        ] as const)
      : []),
  ];
  for (const [title, args, message] of missing) {
    it(title, () =>
      assert.rejects(
        run([...args]),
        (error) => !(error instanceof UsageError) && message.test((error as Error).message),
      ),
    );
  }
  it('is a line without a hint at --help', async () => {
    const { code, errors, output } = await conformance('ws://127.0.0.1:1/', '--json', tmpdir());
    assert.deepEqual([code, output], [1, '']);
    assert.match(errors, /^barewire: --json \S+ cannot be written: it is a folder\n$/);
  });
});

describe('--serve', () => {
  it('serves cases to a client, says how it went and ends when told: exit 1 for a failure, 0 for none', async () => {
    for (const [bug, expected] of [
      ['pong missing', 1],
      [undefined, 0],
    ] as const) {
      const child = spawn(process.execPath, [MAIN, 'conformance', '--serve', '0', '--cases', '2.1,2.2'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      const url = await new Promise<string>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          const match = /2 cases for clients at (ws:\S+)\. /.exec(output);
          if (match !== null) resolve(match[1]!);
        });
      });
      const client = (path: string) =>
        runFakeClient(`${url}${path}`, bug, (port) => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
      await client('/runCase?case=1&agent=fake');
      await client('/runCase?case=2&agent=fake');
      const closed = new Promise((resolve) => child.once('close', resolve));
      await client('/updateReports?agent=fake&shutdownOnComplete=true');
      assert.equal(await closed, expected);
      assert.match(output, expected === 0 ? /^fake: 2 OK$/m : /^fake: 2 FAILED$/m);
    }
  });
  const noTerminal =
    spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0
      ? false
      : 'there is no script command of util-linux to make a terminal with';
  it('the name that a client gives itself cannot steer the terminal', { skip: noTerminal }, async () => {
    const child = spawn(
      'script',
      ['-qec', `${process.execPath} ${MAIN} conformance --serve 0 --cases 2.1`, '/dev/null'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    const url = await new Promise<string>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const match = /1 cases for clients at (ws:\S+)\. /.exec(output);
        if (match !== null) resolve(match[1]!);
      });
    });
    const agent = encodeURIComponent('x\x1b[2J\u009b3J\u202e');
    const client = (path: string) =>
      runFakeClient(`${url}${path}`, undefined, (port) => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    await client(`/runCase?case=1&agent=${agent}`);
    const closed = new Promise((resolve) => child.once('close', resolve));
    await client(`/updateReports?agent=${agent}&shutdownOnComplete=true`);
    assert.equal(await closed, 0);
    assert.ok(output.includes('x␛[2J\\u009b3J\\u202e: 1 OK'), JSON.stringify(output));
  });
  it('a port in use is said, exit 1', async () => {
    await withTcp(
      () => {},
      async (url) => {
        const { code, errors } = await conformance('--serve', new URL(url).port);
        assert.equal(code, 1);
        assert.match(errors, /is in use by another program/);
      },
    );
  });
});

describe('what it writes', () => {
  it('verdicts as JSON, pages that need nothing from elsewhere, exit 1 for what failed', async () => {
    const server = await startFakeServer('pong missing');
    const folder = mkdtempSync(join(tmpdir(), 'barewire-conformance-'));
    try {
      const json = join(folder, 'deep', 'results.json');
      const report = join(folder, 'report');
      const { code, output } = await conformance(
        server.url,
        '--cases',
        '1.1.*,2.1,2.2',
        '--agent',
        'fake <b>',
        '--json',
        json,
        '--report',
        report,
      );
      assert.equal(code, 1);
      assert.match(output, /^2\.2 +FAILED.*: expected a pong of 13 octets "Hello, world!", got nothing/m);
      assert.match(output, /fake <b>: 8 OK, 2 FAILED in/);
      const results = JSON.parse(readFileSync(json, 'utf8')) as Record<string, Record<string, Record<string, unknown>>>;
      const { duration, reason, ...rest } = results['fake <b>']!['1.1.2']!;
      assert.equal(typeof duration, 'number');
      assert.equal(typeof reason, 'string');
      assert.deepEqual(rest, {
        behavior: 'OK',
        behaviorClose: 'OK',
        remoteCloseCode: 1000,
        reportfile: 'cases/fake__b__1_1_2.html',
      });
      const pages = readdirSync(join(report, 'cases'));
      assert.equal(pages.length, 10);
      const index = readFileSync(join(report, 'index.html'), 'utf8');
      for (const page of pages) assert.ok(index.includes(`href="cases/${page}"`), page);
      assert.ok(!index.includes('<b>fake') && index.includes('fake &#60;b&#62;'), 'the name is escaped');
      const page = readFileSync(join(report, 'cases', 'fake__b__2_2.html'), 'utf8');
      assert.match(page, /ping, 13 octets: &#34;Hello, world!&#34;/);
      assert.match(page, /<code>89 8d /);
      for (const text of [index, page])
        assert.doesNotMatch(text, /(src|href)="(https?:)?\/\//, 'something from elsewhere');
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
  it('exit 0 and one line of summary when nothing failed', async () => {
    const server = await startFakeServer(undefined);
    try {
      const { code, output } = await conformance(server.url, '--cases', '7.3.*', '--parallel', '1');
      assert.equal(code, 0);
      assert.match(output, /127\.0\.0\.1:\d+: 6 OK in \d+\.\d s\n$/);
    } finally {
      server.close();
    }
  });
  it('--list names the cases, --help the options', async () => {
    const list = await conformance('--list', '--cases', '6.4.*');
    assert.equal(list.output.trim().split('\n').length, 4);
    const help = await conformance('--help');
    assert.match(help.output, /--serve PORT/);
    assert.equal(help.code, 0);
  });
});
