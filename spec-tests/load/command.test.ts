/**
 * `barewire bench` as people meet it: what it prints, what it refuses, and its exit codes (0 done, 1 failed, 2 misused).
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createNetServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer, type Server } from '../../lib/index.ts';
import { barewire, ended } from '../support/command.ts';
import { patiently, until } from '../support/sockets.ts';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

function bench(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, 'bench', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

describe('barewire bench', () => {
  let server: Server;
  let url: string;

  before(async () => {
    server = createServer();
    server.webSocket('/', { message: (socket, message) => void socket.send(message) });
    server.webSocket('/upper', { message: (socket, message) => void socket.send(String(message).toUpperCase()) });
    server.eventStream('/events', (stream) => void stream.send('hello'));
    await server.listen();
    url = server.url.replace('http', 'ws');
  });
  after(() => server.close());

  it('--help tells every option, and the exit code is 0', async () => {
    const { code, out } = await bench('--help');
    assert.equal(code, 0);
    for (const option of ['--connections', '--in-flight', '--size', '--rate', '--duration', '--json', '--fan-out']) {
      assert.ok(out.includes(option), option);
    }
    assert.match(out, /URLs must lead to an echo server .*with --fan-out to one that sends each message to everybody/s);
    assert.match(out, /^ {2}--rate N .*without --compress/m);
  });

  const misuse: readonly [string[], RegExp][] = [
    [[], /bench needs a URL/],
    [['one', 'two'], /one URL at a time, not 2/],
    [['example.org'], /"example.org" is not a URL that begins with ws:\/\//],
    [['ftp://example.org'], /is not a URL that begins/],
    [['ws://x', '--connections', '0'], /--connections is "0", must be a whole number from 1/],
    [['ws://x', '--duration', 'long'], /--duration is "long", must be seconds from 0.1/],
    [['ws://x', '--size', '1e3'], /--size is "1e3"/],
    [['ws://x', '--kind', 'jpeg'], /--kind is "jpeg", must be binary, text, utf8/],
    [['ws://x', '--in-flight', '10000', '--size', '1000000'], /more than 256 MiB/],
    [['ws://x', '--rate', '10', '--size', '5'], /--size is "5", must be a whole number from 16/],
    [['ws://x', '--rate', '10', '--compress'], /--rate goes without --compress/],
    [['ws://x', '--connect', '--fan-out'], /--connect sends no messages/],
    [['ws://x', '--publish', 'http://x'], /--publish is for http/],
    [['http://x', '--rate', '5'], /are for ws/],
    [['ws://x', '--connexions', '5'], /there is no option --connexions; did you mean --connections\?/],
  ];
  for (const [args, message] of misuse) {
    it(`refuses \`bench ${args.join(' ')}\` in a sentence, with exit code 2`, async () => {
      const { code, out, err } = await bench(...args);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /, 'no stack trace for a mistake');
      assert.deepEqual([code, out], [2, '']);
    });
  }

  it('prints what an echo server bore as JSON', async () => {
    const { code, out, err } = await bench(
      url,
      '--connections',
      '3',
      '--in-flight',
      '4',
      '--size',
      '50',
      '--duration',
      '0.2',
      '--warm-up',
      '0',
      '--json',
    );
    assert.deepEqual([code, err], [0, '']);
    const said = JSON.parse(out) as Record<string, unknown> & { result: { count: number } };
    assert.ok(said.result.count > 0);
    const { task, connections, inFlight, sizeBytes, durationMs } = said;
    assert.deepEqual([task, connections, inFlight, sizeBytes, durationMs], ['echo', 3, 4, 50, 200]);
  });

  it('prints latencies for a rate, and counts the events of a stream, in words', async () => {
    const paced = await bench(url, '--rate', '100', '--connections', '2', '--duration', '0.2', '--warm-up', '0');
    assert.match(paced.out, /latency p99 +\d/);
    assert.equal(paced.code, 0);
    const stream = await bench(`${server.url}/events`, '--connections', '2', '--duration', '0.1', '--warm-up', '0');
    assert.match(stream.out, /events a second/);
    assert.equal(stream.code, 0);
  });

  it('ends with exit code 1 and a sentence when replies are wrong, nobody answers, or there is no such process', async () => {
    const wrong = await bench(`${url}/upper`, '--kind', 'text', '--duration', '5');
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /other content than was sent/);
    const nobody = await bench('ws://127.0.0.1:1/');
    assert.equal(nobody.code, 1);
    assert.match(nobody.err, /^barewire: ws:\/\/127\.0\.0\.1:1\/: nothing listens at 127\.0\.0\.1:1\n$/);
    const noProcess = await bench('ws://x', '--pid', '2147483646');
    assert.equal(noProcess.code, 1);
    assert.match(noProcess.err, /^barewire: --pid 2147483646 is no process whose CPU time can be read here\n$/);
  });
});

describe('barewire bench, what people meet', () => {
  it('a server of another kind, and one without TLS, are named at once', async () => {
    const greeting = createNetServer((socket) => {
      socket.on('error', () => undefined).write('220 smtp ready\r\n');
    }).listen(0, '127.0.0.1');
    await once(greeting, 'listening');
    const { port } = greeting.address() as { port: number };
    const smtp = await ended('bench', `ws://127.0.0.1:${port}`);
    assert.match(smtp.stderr, /does not speak HTTP\/1\.1; it says "220 smtp ready"/);
    const tls = await ended('bench', `wss://127.0.0.1:${port}`);
    assert.match(tls.stderr, /does not speak TLS there/);
    assert.deepEqual([smtp.code, tls.code], [1, 1]);
    greeting.close();
  });

  it('Ctrl-C ends the run and says what was measured', async () => {
    const server = createServer().webSocket('/', { message: (socket, data) => socket.send(data) });
    await server.listen();
    const bench = barewire(
      'bench',
      `ws://127.0.0.1:${server.port}`,
      '--warm-up',
      '0',
      '--duration',
      '3600',
      '--connections',
      '1',
    );
    await until('it has connected', () => server.connections.webSockets === 1);
    bench.child.kill('SIGINT');
    assert.equal(await patiently('bench to end', bench.exited), 0);
    assert.match(bench.output.stdout, /messages a second/);
    await server.close();
  });
});
