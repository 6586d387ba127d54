import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createServer } from '../../lib/server.ts';
import { barewire, ended, listening, type Running } from '../support/command.ts';
import { closePayload } from '../support/frames.ts';
import { openWebSocket, patiently, RawClient } from '../support/sockets.ts';

/** Runs `barewire echo` on a free port; `body` gets the port. Ends it by SIGINT and checks how it ended. */
async function withEcho(
  args: readonly string[],
  body: (port: number, running: Running) => Promise<void>,
): Promise<void> {
  const running = barewire('echo', '--port', '0', ...args);
  try {
    const port = await listening(running);
    await body(port, running);
    if (!running.child.killed) running.child.kill('SIGINT'); // unless `body` has already
    assert.equal(await patiently('the process to end', running.exited), 0);
    assert.equal(running.output.stderr, '');
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    running.child.kill('SIGKILL');
  }
}

describe('barewire', () => {
  it('--help lists the commands; no command, or an unknown one, is a mistake (exit code 2)', async () => {
    for (const help of ['--help', '-h', 'help']) {
      const { code, stdout, stderr } = await ended(help);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^ {2}echo +\S/m);
    }
    const none = await ended();
    assert.equal(none.code, 2);
    assert.match(none.stdout, /Usage: barewire COMMAND/);
    for (const name of ['ehco', 'constructor', '__proto__']) {
      const unknown = await ended(name);
      assert.equal(unknown.code, 2);
      assert.match(unknown.stderr, new RegExp(`there is no command "${name}"`));
    }
  });
});

describe('barewire echo', () => {
  it('--help tells every option', async () => {
    const { code, stdout } = await ended('echo', '--help');
    assert.equal(code, 0);
    for (const option of ['--port', '--host', '--fanout', '--help']) assert.ok(stdout.includes(option), option);
  });

  it('an option that is wrong: one line, exit code 2', async () => {
    for (const args of [
      ['--port', 'abc'],
      ['--port', '65536'],
      ['--port', '-1'],
      ['--port', ''],
      ['--port', '80.5'],
      ['--port'],
      ['--port', '0', '--host', ''],
      ['--prot', '80'],
      ['--port', '0', '--threshold', '5'],
      ['--port', '0', '--takeover'],
      ['extra'],
      ['--fanout=yes'],
    ]) {
      const { code, stdout, stderr } = await ended('echo', ...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(stderr, /^barewire: .+\nTry `barewire echo --help`\.\n$/s);
    }
  });

  it('a port in use, an address that is not ours: one line that says so, exit code 1', async () => {
    const server = await createServer().listen();
    const inUse = await ended('echo', '--port', String(server.port));
    assert.equal(inUse.code, 1);
    assert.match(inUse.stderr, new RegExp(`^barewire: 127\\.0\\.0\\.1:${server.port} is in use .*--port\n$`));
    await server.close();
    const notOurs = await ended('echo', '--port', '0', '--host', '192.0.2.1');
    assert.equal(notOurs.code, 1);
    assert.match(notOurs.stderr, /not an address of this machine\n$/);
  });

  it('echoes on every path, from any origin, and answers SIGINT with 1001', async () => {
    await withEcho([], async (port, { child }) => {
      const plain = (await RawClient.connect(port)).request('GET /any/where');
      assert.match((await plain.response()).body.toString(), /echo server/);
      const client = await openWebSocket(port, '/any/path?x', { Origin: 'https://elsewhere.example' });
      client.frames({ opcode: 1, payload: 'text' }, { opcode: 2, payload: Uint8Array.of(1) });
      assert.equal((await client.frame()).first, 0x81);
      assert.equal((await client.frame()).first, 0x82);
      child.kill('SIGINT');
      assert.equal((await client.closeFrame()).code, 1001);
      client.frames({ opcode: 8, payload: closePayload(1001) });
      await client.end();
      client.socket.end();
      plain.socket.end();
    });
  });

  it('takes 64 MiB and answers 1009 to an octet more; a slow reader’s echoes are held back, not dropped', async () => {
    await withEcho([], async (port) => {
      const client = await openWebSocket(port);
      const large = Buffer.alloc(67_108_864, 'x');
      client.frames({ opcode: 2, payload: large });
      assert.equal((await client.frame()).payload.length, large.length);
      client.socket.pause();
      const part = new Uint8Array(1_000_000);
      for (let i = 0; i < 80; i++) client.frames({ opcode: 2, payload: part.fill(i) });
      client.socket.resume();
      for (let i = 0; i < 80; i++) assert.equal((await client.frame()).payload[999_999], i);
      client.frames({ opcode: 2, announce: 67_108_865n });
      assert.equal((await client.closeFrame()).code, 1009);
      client.socket.end();
    });
  });

  it('--fanout sends each message to every connection, its sender included', async () => {
    await withEcho(['--fanout'], async (port) => {
      const clients = await Promise.all([1, 2, 3].map(() => openWebSocket(port)));
      // An answer to each one's own message shows that it is a member.
      for (const [i, client] of clients.entries()) {
        client.frames({ opcode: 1, payload: `from ${i}` });
        await client.takeThrough(`from ${i}`);
      }
      clients[1]!.frames({ opcode: 2, payload: 'to all' });
      for (const client of clients) assert.match(await client.takeThrough('to all'), /\x82\x06to all$/);
      clients[0]!.socket.resetAndDestroy();
      clients[2]!.frames({ opcode: 1, payload: 'to the rest' });
      for (const client of clients.slice(1)) await client.takeThrough('to the rest');
      for (const client of clients.slice(1)) client.socket.end();
    });
  });

  it('a second SIGINT ends it at once while clients do not answer', async () => {
    const running = barewire('echo', '--port', '0');
    try {
      const client = await openWebSocket(await listening(running));
      running.child.kill('SIGINT');
      assert.equal((await client.closeFrame()).code, 1001);
      running.child.kill('SIGINT');
      assert.equal(await patiently('the process to end', running.exited), 130);
      client.socket.destroy();
    } finally {
      running.child.kill('SIGKILL');
    }
  });
});
