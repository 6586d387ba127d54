import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { createServer } from '../../lib/server.ts';
import { type Certificate, makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { barewire, ended, listening, type Running } from '../support/command.ts';
import { closePayload } from '../support/frames.ts';
import { openWebSocket, patiently, RawClient, until } from '../support/sockets.ts';

/** Runs `barewire chat` on a free port. Unless `body` has, ends it by SIGINT; checks that it ends as `exitCode` says. */
async function withChat(
  args: readonly string[],
  body: (port: number, running: Running) => Promise<void>,
  exitCode = 0,
): Promise<void> {
  const running = barewire('chat', '--port', '0', ...args);
  try {
    await body(await listening(running), running);
    if (!running.child.killed) {
      for (const client of RawClient.open) client.socket.destroy();
      running.child.kill('SIGINT');
    }
    // As long as the server's closeTimeoutMs: who waits for that instead of for its members is too late.
    assert.equal(await patiently('the process to end', running.exited), exitCode);
    assert.equal(running.output.stderr, '');
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    running.child.kill('SIGKILL');
  }
}

/** What a WebSocket member is told next. */
async function told(client: RawClient): Promise<Record<string, unknown>> {
  const { first, payload } = await client.frame();
  assert.equal(first, 0x81);
  return JSON.parse(payload.toString());
}

const say = async (client: RawClient, text: string): Promise<number> =>
  (
    await client
      .request('POST /rooms/tea/messages', { 'X-User-Id': 'ann', 'Content-Length': String(text.length) }, text)
      .response()
  ).status;

describe('barewire chat', () => {
  it('--help tells every option', async () => {
    const { code, stdout, stderr } = await ended('chat', '--help');
    assert.deepEqual([code, stderr], [0, '']);
    for (const option of [
      ...['--port', '--host', '--base', '--history', '--data', '--redis', '--tls-cert', '--tls-key'],
      ...['--origin', '--trust-proxy', '--drain-ms', '--log', '--help'],
    ])
      assert.match(stdout, new RegExp(`^ {2}${option}\\b`, 'm'));
  });

  it('an option that is wrong: one line, exit code 2', async () => {
    for (const args of [
      ['--port', 'abc'],
      ['--port', '65536'],
      ['--port='],
      ['--port'],
      ['--host='],
      ['--history', 'many'],
      ['--history', '100001'],
      ['--history=-1'],
      ['--history', '-1'],
      ['--history', '1e3'],
      ['--origin'],
      ['--origin', 'app.example'],
      ['--origin', 'https://app.example/path'],
      ['--origin', 'null'],
      ['--rooms', '3'],
      ['--trust-proxy', 'proxy.example'],
      ['--trust-proxy', '10.0.0.0/33'],
      ['--base', 'chat'],
      ['--base', '/chat/'],
      ['--log', 'text'],
      ['--drain-ms', 'soon'],
      ['--tls-cert', 'cert.pem'],
      ['--tls-cert=', '--tls-key='],
      ['--data='],
      ['--redis', 'http://127.0.0.1'],
      ['--data', 'x', '--redis', 'redis://127.0.0.1'],
      ['--help=yes'],
      ['extra'],
    ]) {
      // A command line that passes for right listens on no fixed port.
      const { code, stdout, stderr } = await ended(
        'chat',
        ...(args[0]?.startsWith('--port') ? [] : ['--port=0']),
        ...args,
      );
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(stderr, /^barewire: .+\nTry `barewire chat --help`\.\n$/);
    }
  });

  it('what is named and not there, or not what it should be: a sentence that says so, exit code 1', async () => {
    for (const [args, says] of [
      [['--data', '/dev/null'], /--data: \/dev\/null is not a directory/],
      // recursive mkdir of Node before 26 never ends there
      ...(existsSync('/proc/self') ? [[['--data', '/proc/x/y'], /--data: \/proc\/x\/y cannot be made/] as const] : []),
      [['--tls-cert', '/nowhere/c', '--tls-key', '/nowhere/k'], /--tls-cert: \/nowhere\/c is not there/],
      [['--tls-cert', '/dev/null', '--tls-key', '/dev/null'], /are no certificate with its key/],
      [['--redis', 'redis://127.0.0.1:1'], /--redis: nobody answers as Redis|--redis needs a client/],
    ] as const) {
      const { code, stdout, stderr } = await ended('chat', '--port=0', ...args);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, /^barewire: [^\n]+\n$/, 'no hint at --help, which says nothing of it');
      assert.match(stderr, says);
    }
  });

  it('a port in use, an address that is not ours: a sentence that says so, exit code 1', async () => {
    const server = await createServer().listen();
    try {
      const inUse = await ended('chat', '--port', String(server.port));
      assert.deepEqual([inUse.code, inUse.stdout], [1, '']);
      assert.match(inUse.stderr, new RegExp(`^barewire: 127\\.0\\.0\\.1:${server.port} is in use .*--port\n$`));
    } finally {
      await server.close();
    }
    const notOurs = await ended('chat', '--port', '0', '--host', '192.0.2.1');
    assert.deepEqual([notOurs.code, notOurs.stdout], [1, '']);
    assert.match(notOurs.stderr, /^barewire: .*not an address of this machine\n$/);
  });

  it('says where it is, and serves the page and /healthz there', async () => {
    await withChat([], async (port, { output }) => {
      assert.match(output.stdout, new RegExp(`^Chat is open at http://127\\.0\\.0\\.1:${port} `));
      const client = await RawClient.connect(port);
      const root = await client.request('GET /').response();
      assert.deepEqual([root.status, root.headers.get('location')], [302, 'rooms/lobby']);
      const page = await client.request('GET /rooms/lobby').response();
      assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
      const assets = [...page.body.toString().matchAll(/(?:src|href)="\.\.(\/assets\/[^"]+)"/g)].map(([, url]) => url);
      assert.ok(assets.length >= 2, 'a script and a style');
      for (const url of assets) assert.equal((await client.request(`GET ${url}`).response()).status, 200, url);
      const member = await openWebSocket(port, '/rooms/tea?user=ann');
      assert.equal((await told(member))['type'], 'welcome');
      const health = await client.request('GET /healthz').response();
      assert.deepEqual(JSON.parse(health.body.toString()), { status: 'ok', rooms: 1, members: 1 });
    });
  });

  it('--history says how many messages are kept for those who join later; 0 keeps none', async () => {
    for (const [history, expected] of [
      ['0', []],
      ['2', ['two', 'three']],
    ] as const) {
      await withChat(['--history', history], async (port) => {
        const client = await RawClient.connect(port);
        for (const text of ['one', 'two', 'three']) assert.equal(await say(client, text), 201);
        const kept = JSON.parse((await client.request('GET /rooms/tea/messages').response()).body.toString());
        assert.deepEqual([kept.sequence, kept.messages.map(({ text }: { text: string }) => text)], [3, expected]);
        const member = await openWebSocket(port, '/rooms/tea?user=bob');
        assert.equal((await told(member))['replayed'], expected.length);
        for (const text of expected) assert.equal((await told(member))['text'], text);
      });
    }
  });

  it('--origin lets others in beside its own, by WebSocket, event stream and POST; all the rest is 403', async () => {
    const listed = ['https://app.example', 'https://two.example'];
    await withChat(
      listed.flatMap((origin) => ['--origin', origin]),
      async (port) => {
        const answers = async (Origin: string): Promise<number[]> => {
          const headers = { Origin, Host: `127.0.0.1:${port}` };
          const [socket, stream, post] = await Promise.all([1, 2, 3].map(() => RawClient.connect(port)));
          const statuses = [
            (await socket!.upgrade('/rooms/tea', headers)).status,
            (await stream!.request('GET /rooms/tea/events', headers).head()).status,
            (await post!.request('POST /rooms/tea/messages', { ...headers, 'Content-Length': '2' }, 'hi').head())
              .status,
          ];
          for (const client of [socket, stream, post]) client!.socket.destroy();
          return statuses;
        };
        for (const origin of [...listed, `http://127.0.0.1:${port}`])
          assert.deepEqual(await answers(origin), [101, 200, 201], origin);
        for (const origin of ['https://three.example', 'http://app.example', 'https://app.example:8443', 'null'])
          assert.deepEqual(await answers(origin), [403, 403, 403], origin);
      },
    );
  });

  it('SIGINT closes WebSockets with 1001 and ends event streams with the last chunk; exit code 0 once all have gone', async () => {
    await withChat([], async (port, { child, output }) => {
      const stream = (await RawClient.connect(port)).request('GET /rooms/tea/events?user=eve');
      const { headers } = await stream.head();
      assert.equal(headers.get('transfer-encoding'), 'chunked');
      assert.match(String(await stream.chunk()), /^event: welcome\n/);
      const member = await openWebSocket(port, '/rooms/tea?user=ann');
      assert.equal((await told(member))['type'], 'welcome');
      child.kill('SIGINT');
      assert.equal((await member.closeFrame()).code, 1001);
      // Whatever came in between: whole chunks up to the one of size 0, and nothing behind it.
      assert.match((await stream.chunked()).toString(), /^event: heartbeat\n/m);
      assert.equal((await stream.rest()).length, 0);
      stream.socket.end();
      assert.equal(child.exitCode, null, 'it waits for the WebSocket’s answer');
      member.frames({ opcode: 8, payload: closePayload(1001) });
      assert.equal((await member.rest()).length, 0);
      member.socket.end();
      assert.match(output.stdout, /\nClosing: 2 members are told to come back later\.\n$/);
    });
  });

  it('--data keeps the messages over a restart and over kill -9, with the same numbering', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'barewire-chat-'));
    try {
      const epochs = new Set<string>();
      for (const [text, kill] of [
        ['one', 'SIGKILL'],
        ['two', 'SIGINT'],
        ['three', 'SIGINT'],
      ] as const) {
        const running = barewire('chat', '--port', '0', '--data', directory);
        const client = await RawClient.connect(await listening(running));
        assert.equal(await say(client, text), 201);
        const kept = JSON.parse((await client.request('GET /rooms/tea/messages').response()).body.toString());
        epochs.add(kept.epoch);
        const texts = kept.messages.map((message: { text: string }) => message.text);
        assert.deepEqual(texts, ['one', 'two', 'three'].slice(0, texts.length));
        assert.equal(texts.at(-1), text);
        client.socket.destroy();
        running.child.kill(kill);
        assert.equal(await patiently('it to end', running.exited), kill === 'SIGKILL' ? null : 0);
      }
      assert.equal(epochs.size, 1);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('--base stands in front of every path, and in what is printed', async () => {
    await withChat(['--base', '/a/chat'], async (port, { output }) => {
      assert.match(output.stdout, new RegExp(`http://127\\.0\\.0\\.1:${port}/a/chat/rooms/lobby\\n`));
      const client = await RawClient.connect(port);
      for (const [path, status, location] of [
        ['/a/chat', 302, 'chat/rooms/lobby'],
        ['/a/chat/', 302, 'rooms/lobby'],
        ['/a/chat/rooms/tea', 200, undefined],
        ['/a/chat/assets/chat/page/page.js', 200, undefined],
        ['/rooms/tea', 404, undefined],
      ] as const) {
        const response = await client.request(`GET ${path}`).response();
        assert.deepEqual([response.status, response.headers.get('location')], [status, location], path);
      }
    });
  });

  it('--host 0.0.0.0 prints addresses that work from elsewhere, and warns that there is no log-in', async () => {
    await withChat(['--host', '0.0.0.0'], async (_, { output }) => {
      assert.doesNotMatch(output.stdout, /0\.0\.0\.0/);
      assert.match(output.stdout, /\nWarning: other machines can reach it, and there is no log-in/);
    });
    await withChat([], async (_, { output }) => assert.doesNotMatch(output.stdout, /Warning/));
  });

  it('--log json: every line is an object with a time and an event', async () => {
    await withChat(['--log', 'json'], async (port, { output }) => {
      const member = await openWebSocket(port, '/rooms/tea?user=ann');
      assert.equal((await told(member))['type'], 'welcome');
      const lines = (): { time: string; event: string }[] =>
        output.stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
      await until('the member is told of', () => lines().length >= 2);
      assert.deepEqual(
        lines().map(({ event }) => event),
        ['listening', 'open'],
      );
      assert.ok(lines().every(({ time }) => !Number.isNaN(Date.parse(time))));
    });
  });

  it('SIGTERM drains: members are sent away with 1012, one after the other', async () => {
    await withChat(['--drain-ms', '100'], async (port, { child }) => {
      const members = await Promise.all([1, 2, 3].map(() => openWebSocket(port, '/rooms/tea')));
      for (const member of members) assert.equal((await told(member))['type'], 'welcome');
      child.kill('SIGTERM');
      for (const member of members) {
        for (;;) {
          const { first, payload } = await member.frame();
          if (first === 0x81) continue;
          assert.deepEqual([first, payload.readUInt16BE(0)], [0x88, 1012]);
          break;
        }
        member.frames({ opcode: 8, payload: closePayload(1012) });
        member.socket.end();
      }
    });
  });

  const certificates = [makeCertificate(), makeCertificate()];
  it('--tls-cert and --tls-key serve https; SIGHUP reads them again, and a wrong one leaves the old one', {
    skip: certificates[0] === undefined && NO_OPENSSL,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'barewire-chat-'));
    const write = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    try {
      const [first, second] = certificates as [Certificate, Certificate];
      const files = ['--tls-cert', write('cert', first.cert), '--tls-key', write('key', first.key)];
      const [, cert, , key] = files as [string, string, string, string];
      const swapped = await ended('chat', '--port', '0', '--tls-cert', key, '--tls-key', cert);
      assert.equal(swapped.code, 1);
      assert.match(swapped.stderr, /--tls-cert \S+key and --tls-key \S+cert are no certificate with its key: /);
      const running = barewire('chat', '--port', '0', '--log', 'json', ...files);
      const port = await listening(running);
      assert.match(running.output.stdout, /"https:\/\/127/);
      const isServed = async (certificate: Certificate): Promise<boolean> => {
        const socket = connect({ port, ca: certificate.cert, servername: 'localhost', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        socket.destroy();
        return socket.authorized;
      };
      assert.deepEqual([await isServed(first), await isServed(second)], [true, false]);
      write('key', second.key);
      running.child.kill('SIGHUP');
      await until('it is told', () => running.output.stdout.includes('"certificate-wrong"'));
      assert.equal(await isServed(first), true);
      write('cert', second.cert);
      running.child.kill('SIGHUP');
      await until('it is told', () => running.output.stdout.includes('"certificate-renewed"'));
      assert.equal(await isServed(second), true);
      running.child.kill('SIGINT');
      assert.equal(await patiently('it to end', running.exited), 0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('a second SIGINT ends it at once, exit code 130, while a member refuses to close', async () => {
    await withChat(
      [],
      async (port, { child }) => {
        const member = await openWebSocket(port, '/rooms/tea?user=ann');
        assert.equal((await told(member))['type'], 'welcome');
        child.kill('SIGINT');
        assert.equal((await member.closeFrame()).code, 1001);
        child.kill('SIGINT');
      },
      130,
    );
  });
});
