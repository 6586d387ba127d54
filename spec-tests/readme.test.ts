/**
 * Compiles every snippet of the README and of docs/ with `tsc --strict`, runs those of the README, as they stand but for the
 * port and their types, and checks that each does what it says.
 * A snippet of the README without a `<!-- run: NAME -->` in front, or a name that is not here, fails the test. Those that need
 * packages say `<!-- integration: NAME -->`, and are compiled and run by `integration/readme.test.ts`.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EventSource } from '../lib/client/event-source.ts';
import { WebSocket } from '../lib/client/websocket.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippets = new Map(
  [...readme.matchAll(/<!-- run: ([a-z-]+) -->\n```(?:ts|sh)\n([\s\S]*?)```/g)].map(([, name, code]) => [
    name,
    code as string,
  ]),
);

/** Those of the README by their names, and every one of docs/ by its file and its number there. */
const typescriptSnippets = new Map<string, string>();
for (const [, name, code] of readme.matchAll(/<!-- run: ([a-z-]+) -->\n```ts\n([\s\S]*?)```/g))
  typescriptSnippets.set(name!, code!);
for (const file of readdirSync(join(root, 'docs')).filter((each) => each.endsWith('.md'))) {
  const text = readFileSync(join(root, 'docs', file), 'utf8');
  for (const [i, match] of [...text.matchAll(/```ts\n([\s\S]*?)```/g)].entries())
    typescriptSnippets.set(`docs-${file.slice(0, -3)}-${i + 1}`, match[1]!);
}

const compilerOptions = {
  strict: true,
  module: 'nodenext',
  target: 'es2022',
  types: ['node'],
  lib: ['es2023', 'dom'],
  outDir: 'js',
};

describe('the README', { timeout: 60_000 }, () => {
  let folder: string;
  const children: ChildProcess[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'barewire-readme-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'barewire'), 'dir');
    symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules', '@types'), 'dir');
    for (const [name, code] of typescriptSnippets) writeFileSync(join(folder, `${name}.mts`), code);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
  });

  after(() => {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  async function freePort(): Promise<number> {
    const server = createNetServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    return port;
  }

  it('and docs/: every snippet passes tsc --strict', () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });

  /** Starts a snippet, which the test above has compiled; `output` resolves with what it has printed when that contains `until`. */
  function start(name: string, port: number): { child: ChildProcess; output(until: string): Promise<string> } {
    const code = readFileSync(join(folder, 'js', `${name}.mjs`), 'utf8');
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, code.replaceAll('8080', String(port)));
    return run(process.execPath, [file]);
  }

  function run(command: string, args: string[]): { child: ChildProcess; output(until: string): Promise<string> } {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let printed = '';
    let wake = (): void => {};
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        printed += data;
        wake();
      });
    child.on('close', () => wake());
    return {
      child,
      async output(until) {
        while (!printed.includes(until)) {
          assert.equal(child.exitCode, null, printed);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return printed;
      },
    };
  }

  /** Connects as soon as something listens. */
  async function reach(port: number): Promise<void> {
    for (;;) {
      try {
        await fetch(`http://127.0.0.1:${port}/`);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async function firstMessage(url: string, say: string, headers: Record<string, string> = {}): Promise<unknown> {
    const socket = new WebSocket(url, { headers });
    socket.onopen = () => socket.send(say);
    const [event] = (await once(socket, 'message')) as [MessageEvent];
    socket.close();
    return event.data;
  }

  it('echo-server and echo-client: what is said comes back', async () => {
    const port = await freePort();
    const server = start('echo-server', port);
    await server.output(`http://127.0.0.1:${port}/echo`);
    assert.equal(await firstMessage(`ws://127.0.0.1:${port}/echo`, 'hi'), 'hi');
    const client = start('echo-client', port);
    await client.output('hello\n');
    const [code] = await once(client.child, 'exit');
    assert.equal(code, 0);
    assert.ok((snippets.get('echo-server') ?? '').trim().split('\n').length <= 10, 'ten lines');
  });

  it('routes: parameters, X-User-Id, the loop, GET and POST', async () => {
    const port = await freePort();
    const server = start('routes', port);
    await reach(port);
    assert.equal(await firstMessage(`ws://127.0.0.1:${port}/feed/news`, 'x', { 'X-User-Id': 'ann' }), 'ann reads news');
    await server.output('ann left with 1005');
    assert.equal(await firstMessage(`ws://127.0.0.1:${port}/slowly`, 'same'), 'same');
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), 'ok');
    const order = await fetch(`http://127.0.0.1:${port}/orders/7`, { method: 'POST', body: 'tea' });
    assert.deepEqual([order.status, await order.text()], [201, 'order 7: tea']);
  });

  it('streams: ticks with IDs, and an answer to a POST', async () => {
    const port = await freePort();
    const server = start('streams', port);
    await server.output('3 tick 3');
    const answer = await fetch(`http://127.0.0.1:${port}/answers`, { method: 'POST', body: 'two words' });
    assert.equal(await answer.text(), 'data: two\n\ndata: words\n\n');
  });

  it('compression: agreed on, and used', async () => {
    const port = await freePort();
    const server = start('compression', port);
    await server.output('permessage-deflate; server_no_context_takeover; client_no_context_takeover 1280');
    const events = await fetch(`http://127.0.0.1:${port}/events`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(events.headers.get('content-encoding'), 'gzip');
    await events.body?.cancel();
  });

  it('chat-embedded: a chat on one’s own server', async () => {
    const port = await freePort();
    start('chat-embedded', port);
    await reach(port);
    const source = new EventSource(`http://127.0.0.1:${port}/rooms/lobby/events?user=ann`);
    const [event] = (await once(source, 'message')) as [MessageEvent];
    source.close();
    assert.match(event.data, /Good morning/);
  });

  it('rooms: what one says all hear, with its position, and whoever comes back with one hears what came after it', async () => {
    const port = await freePort();
    start('rooms', port);
    await reach(port);
    const join = (after = ''): { socket: WebSocket; hello: Promise<string> } => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/a?after=${after}`);
      const hello = new Promise<string>((resolve) => {
        // A welcome comes first.
        socket.onmessage = ({ data }) => {
          const { text, position } = JSON.parse(data as string) as { text?: string; position: string };
          if (text === 'hello') resolve(position);
        };
      });
      return { socket, hello };
    };
    const [listener, speaker] = [join(), join()];
    await Promise.all([once(listener.socket, 'open'), once(speaker.socket, 'open')]);
    speaker.socket.send('hello');
    const [position] = await Promise.all([listener.hello, speaker.hello]);
    speaker.socket.send('not yet');
    speaker.socket.send('hello');
    const late = join(position);
    assert.notEqual(await late.hello, position);
    const ends = once(late.socket, 'close');
    late.socket.send(new Uint8Array([1, 2]));
    assert.equal((await ends)[0].code, 1003, 'octets are no text of the room');
    for (const { socket } of [listener, speaker]) socket.close();
  });

  it('response: a web Response that streams events', async () => {
    const { GET } = (await import(join(folder, 'js', 'response.mjs'))) as { GET(request: Request): Response };
    const response = GET(new Request('http://127.0.0.1/ticks'));
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.match(await response.text(), /id: 1\ndata: tick 1\n\n[\s\S]*data: tick 3\n\n$/);
  });

  it('chat: the four commands', async (context) => {
    const commands = (snippets.get('chat') ?? '').trim().split('\n');
    assert.equal(commands.length, 4);
    const [serve, listen, say, connect] = commands as [string, string, string, string];
    const port = await freePort();
    const at = (command: string) => command.replaceAll('8080', String(port)).split(' ');
    const [npx, name, ...options] = at(serve);
    assert.deepEqual([npx, name], ['npx', 'barewire']);
    const server = run(process.execPath, [join(root, 'dist/lib/cli/main.js'), ...options]);
    await server.output('Ctrl-C');
    if (!(await hasCurl())) {
      context.skip('no curl here');
      return;
    }
    const listener = run('curl', at(listen).slice(1));
    await listener.output('event: welcome');
    const speaker = run('sh', ['-c', say.replaceAll('8080', String(port))]);
    await speaker.output('"sequence":1');
    await listener.output('"text":"hello"');
    const ours = `${process.execPath} ${join(root, 'dist/lib/cli/main.js')}`;
    run('sh', ['-c', connect.replaceAll('8080', String(port)).replace('npx barewire', ours)]);
    await listener.output('"sequence":2');
    server.child.kill('SIGINT');
    const [code] = await once(server.child, 'exit');
    assert.equal(code, 0);
  });

  it('has no snippet that is not run', () => {
    const fenced = [...readme.matchAll(/```(js|ts|sh)\n/g)].length;
    const elsewhere = [...readme.matchAll(/<!-- integration: [a-z-]+ -->\n```ts\n/g)].length;
    // Installing and testing are what runs this test.
    assert.equal(fenced, snippets.size + elsewhere + 1);
    assert.deepEqual([...snippets.keys()].sort(), [
      'chat',
      'chat-embedded',
      'compression',
      'echo-client',
      'echo-server',
      'response',
      'rooms',
      'routes',
      'streams',
    ]);
  });

  it('links to files that exist', () => {
    for (const [, target] of readme.matchAll(/\]\(([^)#:]+)\)/g)) readFileSyncOrFolder(join(root, target as string));
  });
});

function readFileSyncOrFolder(path: string): void {
  try {
    readFileSync(path);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EISDIR', path);
  }
}

async function hasCurl(): Promise<boolean> {
  const child = spawn('curl', ['--version'], { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}
