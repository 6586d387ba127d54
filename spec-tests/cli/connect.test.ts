/** `barewire connect` and `barewire listen` as people run them: arguments, pipes, output, exit codes. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Server } from '../../lib/index.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { barewire, ended } from '../support/command.ts';
import { ROOT } from '../support/peers.ts';
import { patiently, until, withServer } from '../support/sockets.ts';

const certificate = makeCertificate();

/** Runs `barewire connect` with this on its standard input. */
async function piped(
  input: string,
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { child, exited, output } = barewire('connect', ...args);
  child.stdin?.end(input);
  const code = await patiently('connect to end', exited);
  return { code, ...output };
}

const echo = (server: Server): void => {
  server
    .webSocket(
      '/echo',
      { message: (socket, data) => socket.send(data) },
      { perMessageDeflate: true, protocols: ['v1'] },
    )
    .webSocket('/who', (request) => ({ data: request.headers.get('x-user-id') ?? 'nobody' }), {
      open: (socket) => {
        socket.send(socket.data);
        socket.close(4000, 'enough');
      },
    })
    .webSocket('/refused', () => ({ status: 401, body: 'no token\nmore' }), { open() {} })
    .webSocket('/moved', () => ({ status: 307, headers: { Location: '/echo' } }), { open() {} })
    .eventStream('/events', (stream) => {
      for (const data of ['one', 'two\nlines', 'three']) stream.send({ id: data[0] ?? '', data });
    })
    .eventStream('/answers', (stream, request) => void stream.send(`${request.method} ${request.text()}`), {
      method: 'POST',
    });
};

describe('barewire connect', () => {
  it('a close reason begins no new line and has no control characters, also in a pipe', async () => {
    const open = (server: Server): void =>
      void server.webSocket('/', { open: (socket) => socket.close(4000, 'a\nconnected to x\x1b[2J\u202e') });
    await withServer({}, open, async (server) => {
      const { stderr } = await piped('', `${server.url}/`);
      assert.match(stderr, /closed with 4000 a\\u000aconnected to x\\u001b\[2J\\u202e\n$/);
    });
  });

  it('options and commands that are none: the nearest one, in our words', () => {
    for (const [args, message] of [
      [['connect', 'ws://x', '--protocoll', 'a'], 'there is no option --protocoll; did you mean --protocol?'],
      [['connect', 'ws://x', '-q'], 'there is no option -q'],
      [['chat', '--port'], '--port needs a value: --port VALUE, or --port=VALUE'],
      [['chat', '--port', '-1'], '--port needs a value; one that begins with - is written --port=VALUE'],
      [['chat', '--help=yes'], '--help takes no value'],
      [['chat', 'more'], 'unexpected argument more'],
      [['chatt'], 'there is no command "chatt"; did you mean chat?'],
      [['help', 'conect'], 'there is no command "conect"; did you mean connect?'],
      [['--bogus'], 'there is no option --bogus; known are --help, --version'],
      [['--versoin'], 'there is no option --versoin; did you mean --version?'],
      [['bench', 'ws://x', '--rtae', '1'], 'there is no option --rtae'], // two of four letters
      [['bench', 'ws://x', '--bytes', '1'], 'there is no option --bytes'],
      [['bench', 'ws://x', '--sizes', '1'], 'there is no option --sizes; did you mean --size?'],
      [['bench', 'ws://x', '--conections', '1'], 'there is no option --conections; did you mean --connections?'],
      [['bench', 'ws://x', '--connectionless', '1'], 'there is no option --connectionless'],
      [['chat', '--tls'], 'there is no option --tls; did you mean --tls-cert?'], // a part of it
      [['chat', '--no', '1'], 'there is no option --no'],
      [['h'], 'there is no command "h"; known are chat, connect, listen, echo, bench, conformance'],
    ] as const) {
      const { stderr, status } = spawnSync(process.execPath, [join(ROOT, 'dist/lib/cli/main.js'), ...args], {
        encoding: 'utf8',
      });
      assert.equal(stderr.split('\n')[0], `barewire: ${message}`);
      assert.equal(status, 2);
    }
  });

  it('a pipe: each line is a message, answers are printed, exit code 0', async () => {
    await withServer({}, echo, async (server) => {
      const { code, stdout, stderr } = await piped(
        'one\n@two\n/three\n',
        `${server.url}/echo`,
        '--compress',
        '--protocol',
        'v1',
      );
      assert.equal(stdout, 'one\n@two\n/three\n', 'in a pipe nothing is a command');
      assert.match(stderr, /connected to .*\(v1; permessage-deflate/);
      assert.equal(code, 0);
    });
  });

  it('--send sends and closes; @FILE is a file; binary is printed as hex; --json one object a line', async () => {
    const file = join(tmpdir(), `barewire-connect-${process.pid}`);
    writeFileSync(file, Uint8Array.of(0xff, 0, 1));
    await withServer({}, echo, async (server) => {
      const { code, stdout } = await piped(
        '',
        `${server.url}/echo`,
        '--send',
        'a',
        '--send',
        `@${file}`,
        '--send',
        '@@b',
      );
      assert.deepEqual([code, stdout], [0, 'a\nff0001\n@b\n']);
      const json = await piped('x\n', `${server.url}/echo`, '--json');
      assert.deepEqual(
        json.stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
        [
          { type: 'text', data: 'x' },
          { type: 'close', code: 1000, reason: '' },
        ],
      );
    });
  });

  it('-L follows redirects; without it one is a refusal', async () => {
    await withServer({}, echo, async (server) => {
      const followed = await piped('x\n', `${server.url}/moved`, '-L');
      assert.deepEqual([followed.code, followed.stdout], [0, 'x\n']);
      const refused = await piped('x\n', `${server.url}/moved`);
      assert.deepEqual([refused.code, refused.stdout], [1, '']);
      assert.match(refused.stderr, /307/);
    });
  });

  it('--reconnect comes back, and of more input than a connection takes nothing is lost or sent before its time', async () => {
    let connections = 0;
    const got: string[] = [];
    const routes = (server: Server): void =>
      void server.webSocket('/', {
        open: (socket) => {
          if (++connections === 1) socket.close(1001);
        },
        message: (_, data) => void got.push(data as string),
      });
    await withServer({}, routes, async (server) => {
      const { child, exited, output } = barewire('connect', server.url, '--reconnect', '--ping', '0.1');
      await until('it comes back', () => connections === 2);
      // More messages than are kept while there is no connection, and in all more than may wait.
      const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(500_000)}`);
      child.stdin?.write(`${lines.join('\n')}\n`);
      await until('all has come', () => got.length === lines.length);
      assert.ok(
        got.every((text, i) => text === lines[i]),
        'in order',
      );
      await until('a pong was told', () => output.stderr.includes('pong after'));
      child.stdin?.end();
      assert.equal(await patiently('connect to end', exited), 0);
      assert.match(output.stderr, /closed with 1001; again in/);
    });
  });

  it('headers are sent; a close code of the server and its reason are shown, exit code 1', async () => {
    await withServer({}, echo, async (server) => {
      const { code, stdout, stderr } = await piped('', `${server.url}/who`, '-H', 'X-User-Id: ada', '--wait', '5');
      assert.equal(stdout, 'ada\n');
      assert.match(stderr, /closed with 4000 enough/);
      assert.equal(code, 0, 'our own input had ended: we were closing');
    });
  });

  it('what goes wrong is one sentence: refused, refused with a body, not there, no file, no certificate', async () => {
    await withServer({}, echo, async (server) => {
      for (const [args, expected, wanted] of [
        [[`${server.url}/refused`], /401.*: no token$/m, 1],
        [['ws://127.0.0.1:1/'], /nobody listens there/, 1],
        [['ftp://x/'], /is not a URL that begins with ws:/, 2],
        [[`${server.url}/echo`, '-H', 'nonsense'], /must be "NAME: VALUE"/, 2],
        [[`${server.url}/echo`, '--ca', '/nowhere'], /--ca: \/nowhere is not there\n$/, 1],
        [[`${server.url}/echo`, '--send', '@/nowhere'], /a message: \/nowhere is not there\n$/, 1],
        [[`${server.url}/echo`, '--protocol', 'a b'], /is not a token/, 2],
        [[`${server.url}/echo`, '--ping', 'x'], /--ping is "x", must be seconds/, 2],
        [[], /connect needs a URL/, 2],
      ] as const) {
        const { code, stderr } = await piped('', ...args);
        assert.match(stderr, expected);
        assert.equal(code, wanted, args.join(' '));
        assert.doesNotMatch(stderr, /^\s+at /m);
      }
    });
  });

  it('--ca trusts a certificate, --insecure any; else it is refused with a hint', {
    skip: certificate === undefined ? NO_OPENSSL : false,
  }, async () => {
    const tls = certificate ?? { key: '', cert: '' };
    const file = join(tmpdir(), `barewire-ca-${process.pid}.pem`);
    writeFileSync(file, tls.cert);
    await withServer({ tls }, echo, async (server) => {
      const url = `wss://localhost:${server.port}/echo`;
      assert.deepEqual((await piped('hi\n', url, '--ca', file)).stdout, 'hi\n');
      assert.deepEqual((await piped('hi\n', url, '-k')).stdout, 'hi\n');
      const refused = await piped('', url);
      assert.match(refused.stderr, /--ca FILE trusts a certificate/);
      assert.equal(refused.code, 1);
    });
  });
});

/** `script` of util-linux runs a command on a terminal of its own; that of other systems has other options. */
const noTerminal =
  spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0
    ? false
    : 'there is no script command of util-linux to make a terminal with';

/** Runs `barewire` on a terminal; `keys` are typed when the text before them has come. Answers all that the terminal was sent. */
async function typed(command: string, ...keys: readonly (readonly [after: string, text: string])[]): Promise<string> {
  const line = `${process.execPath} ${join(ROOT, 'dist/lib/cli/main.js')} ${command}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    for (const [after, text] of keys) {
      await until(after, () => output.includes(after));
      child.stdin.write(text);
    }
    assert.equal(await patiently(`${command} to end`, exited), 0, output);
    return output;
  } finally {
    child.kill('SIGKILL');
  }
}

// At the same time: both wait for seconds.
describe('barewire connect, at the end of its input', { concurrency: true }, () => {
  it('time in which nobody reads its output is no time waited for answers: none is lost', async () => {
    const part = 'x'.repeat(65_535);
    const routes = (server: Server): void =>
      void server.webSocket(
        '/',
        {
          message(socket) {
            for (let i = 0; i < 100; i++) socket.send(part); // more than pipes and sockets hold
            socket.send('last');
          },
        },
        { maxBufferedBytes: 16_777_216 },
      );
    await withServer({}, routes, async (server) => {
      const runs = [[], ['--wait', '0.2']].map((args) => barewire('connect', server.url, '--send', 'a', ...args));
      for (const { child } of runs) child.stdout?.pause();
      await setTimeout(5_600); // longer than a pong is waited for
      for (const { child, exited, output } of runs) {
        child.stdout?.resume();
        assert.equal(await patiently('connect to end', exited), 0);
        assert.equal(output.stdout.length, 100 * 65_536 + 5, output.stderr);
      }
    });
  });

  it('a server that answers no ping is left after 5 s, and that is told', async () => {
    const mute = createTcpServer((socket) => {
      socket.once('data', (head) => {
        const key = /sec-websocket-key: (.+)\r/i.exec(head.toString())?.[1];
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`);
        socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
        socket.on('data', (frame) => {
          if (frame[0] === 0x88) socket.end(Uint8Array.of(0x88, 2, 0x03, 0xe8));
        });
      });
    }).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    try {
      const { port } = mute.address() as AddressInfo;
      const { code, stderr } = await piped('', `ws://127.0.0.1:${port}`);
      assert.match(stderr, /^-- no pong within 5 s: answers that are still to come are lost$/m);
      assert.equal(code, 0);
    } finally {
      mute.close();
    }
  });
});

describe('barewire connect on a terminal', { skip: noTerminal }, () => {
  const routes = (server: Server): void => {
    echo(server);
    server.webSocket('/odd', {
      open(socket) {
        socket.send('\x1b]0;title\x07 \x1b[31mred\rover\u202eback\u009b1m\ttab\nline');
        socket.send(new Uint8Array(300).fill(0xab));
      },
    });
  };

  it('lines are messages, /help lists commands, a message that begins with / has two, and Ctrl-D ends it at once', async () => {
    await withServer({}, routes, async (server) => {
      const output = await typed(
        `connect ${server.url}/echo`,
        ['> ', 'hello\r'],
        ['< \x1b[22mhello', '/help\r'],
        ['/close [CODE', '//slash\r'],
        ['< \x1b[22m/slash', '/nothing\r'],
        ['there is no command /nothing', '/ping\r'],
        ['pong after', '\x04'],
      );
      assert.match(output, /-- closed with 1000/);
      assert.match(output, /\x1b\[2m-- connected to /, output);
    });
  });

  it('what a peer sends cannot steer the terminal; of a long binary message the beginning is shown', async () => {
    await withServer({}, routes, async (server) => {
      const output = await typed(`connect ${server.url}/odd`, [' …', '\x04']);
      assert.ok(output.includes('␛]0;title␇ ␛[31mred␍over\\u202eback\\u009b1m\ttab\r\nline'), output);
      assert.ok(output.includes(`< 300 bytes:\x1b[22m ${'ab'.repeat(256)} …`), output);
    });
  });

  it('nor can it with --json, whose lines read back as what was sent', async () => {
    const text = '\x1b]0;title\x07 \u009b31m \x7f over\u202eback\nline';
    await withServer(
      {},
      (server) => {
        server
          .webSocket('/odd', {
            open(socket) {
              socket.send(text);
              socket.close(1000, '\u009b2J\u202e');
            },
          })
          .eventStream('/odd-events', (stream) => {
            stream.send({ event: '\u009b2J', id: '\u009b3J', data: '\u009b4J\u202e' });
          });
      },
      async (server) => {
        const sent = [
          [`connect --json ${server.url}/odd`, { type: 'text', data: text }],
          [`connect --json ${server.url}/odd`, { type: 'close', code: 1000, reason: '\u009b2J\u202e' }],
          [
            `listen --json --count 1 ${server.url}/odd-events`,
            { type: '\u009b2J', lastEventId: '\u009b3J', data: '\u009b4J\u202e' },
          ],
        ] as const;
        for (const [command, wanted] of sent) {
          const output = await typed(command);
          assert.doesNotMatch(output, /[\u007f-\u009f\u202e]/, output);
          const lines = output.split(/\r?\n/).flatMap((line) => /\{".*\}/.exec(line)?.[0] ?? []);
          assert.deepEqual(
            lines.map((line) => JSON.parse(line)).find(({ type }) => type === wanted.type),
            wanted,
          );
        }
      },
    );
  });
});

describe('barewire listen', () => {
  it('prints data, or JSON; ends after --count, or with the stream by --once; POSTs --data', async () => {
    await withServer({}, echo, async (server) => {
      const plain = await ended('listen', `${server.url}/events`, '--count', '2');
      assert.deepEqual([plain.code, plain.stdout], [0, 'one\ntwo\nlines\n']);
      const json = await ended('listen', `${server.url}/events`, '--count', '1', '--json');
      assert.deepEqual(JSON.parse(json.stdout), { type: 'message', lastEventId: 'o', data: 'one' });
      const posted = await ended('listen', `${server.url}/answers`, '--data', 'why', '--count', '1');
      assert.equal(posted.stdout, 'POST why\n');
      const refused = await ended('listen', `${server.url}/nothing`);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /404/);
    });
  });
});

describe('barewire, its outputs', () => {
  it('a reader that leaves ends a command quietly, and a server goes on', async () => {
    const list = barewire('conformance', '--list');
    list.child.stdout?.destroy();
    assert.equal(await patiently('the list to end', list.exited), 0);
    assert.equal(list.output.stderr, '');
    const chat = barewire('chat', '--port', '0');
    await patiently('its first words', new Promise((resolve) => chat.child.stdout?.once('data', resolve)));
    chat.child.stdout?.destroy();
    chat.child.kill('SIGTERM');
    assert.equal(await patiently('the chat to end', chat.exited), 0);
    assert.equal(chat.output.stderr, '');
  });

  it('--version, -v; help COMMAND', async () => {
    for (const flag of ['--version', '-v']) assert.match((await ended(flag)).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.match((await ended('help', 'connect')).stdout, /^Usage: barewire connect URL/);
    assert.equal((await ended('help', 'nothing')).code, 2);
  });
});
