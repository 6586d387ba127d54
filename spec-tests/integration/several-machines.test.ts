/**
 * `barewire chat --redis` on a real Redis: two ports, one port with `node:cluster`, and the page on three nodes behind nginx.
 *
 * The nodes are processes of the command, started in a folder that has ioredis beside it and nothing else.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from '../../lib/client/websocket.ts';
import { missing } from './installed.ts';
import { nginxFrom } from './proxies.ts';
import { freePort, type RedisServer, startRedis } from './redis-server.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const command = join(root, 'dist/lib/cli/main.js');

interface Heard {
  readonly type: string;
  readonly text?: string;
  readonly position?: string;
  readonly sequence?: number;
  readonly memberCount?: number;
  readonly members?: readonly { readonly name: string }[];
  readonly joined?: readonly { readonly name: string }[];
}

/** A member over a WebSocket: what it hears, and a wait for it. */
class Guest {
  readonly heard: Heard[] = [];
  readonly socket: WebSocket;
  readonly ended: Promise<void>;
  #woken = (): void => undefined;

  constructor(port: number, user: string, after = '') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/tea?user=${user}&after=${after}`);
    this.socket.onmessage = ({ data }) => {
      this.heard.push(JSON.parse(String(data)) as Heard);
      this.#woken();
    };
    this.ended = new Promise((resolve) => {
      this.socket.onclose = () => resolve();
    });
  }

  get texts(): readonly (string | undefined)[] {
    return this.heard.filter(({ type }) => type === 'message').map(({ text }) => text);
  }

  async until(what: (heard: readonly Heard[]) => boolean): Promise<void> {
    while (!what(this.heard))
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
  }

  hears(text: string): Promise<void> {
    return this.until(() => this.texts.includes(text));
  }

  async welcome(): Promise<Heard> {
    await this.until((heard) => heard.length > 0);
    return this.heard[0]!;
  }
}

interface Posted {
  readonly status: number;
  readonly sequence: number;
}

async function say(port: number, text: string, id?: string): Promise<Posted> {
  const response = await fetch(`http://127.0.0.1:${port}/rooms/tea/messages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-User-Id': 'poster' },
    body: JSON.stringify({ text, ...(id === undefined ? {} : { id }) }),
  });
  const { sequence } = (await response.json()) as { sequence: number };
  return { status: response.status, sequence };
}

const skip = missing({ packages: ['ioredis'], programs: ['redis-server'] });
describe('barewire chat --redis, with ioredis installed beside it', { skip, timeout: 60_000 }, () => {
  let redis: RedisServer;
  let folder: string;
  const processes: ChildProcess[] = [];
  const guests: Guest[] = [];

  before(async () => {
    redis = await startRedis();
    folder = mkdtempSync(join(tmpdir(), 'barewire-nodes-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(join(root, 'spec-tests/integration/node_modules/ioredis'), join(folder, 'node_modules/ioredis'));
  });
  afterEach(async () => {
    for (const { socket } of guests.splice(0)) socket.close();
    for (const child of processes.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  after(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  const argumentsOf = (port: number): string[] => [
    'chat',
    '--port',
    `${port}`,
    '--redis',
    `redis://127.0.0.1:${redis.port}`,
  ];
  const startNode = async (): Promise<{ readonly port: number; readonly child: ChildProcess }> => {
    const port = await freePort();
    const child = spawn(process.execPath, [command, ...argumentsOf(port)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    processes.push(child);
    let output = '';
    for await (const chunk of child.stdout as NonNullable<ChildProcess['stdout']>) {
      output += String(chunk);
      if (output.includes(`:${port}`)) return { port, child };
    }
    throw new Error(`the node ended: ${output}`);
  };
  const enter = (port: number, user: string, after?: string): Guest => {
    const guest = new Guest(port, user, after);
    guests.push(guest);
    return guest;
  };

  for (const name of ['ioredis', 'redis'])
    it(`where nobody answers as Redis it ends at once, and says so without the password (${name})`, async () => {
      const alone = mkdtempSync(join(tmpdir(), 'barewire-nobody-'));
      mkdirSync(join(alone, 'node_modules'));
      symlinkSync(join(root, `spec-tests/integration/node_modules/${name}`), join(alone, `node_modules/${name}`));
      const url = `redis://user:secret@127.0.0.1:${await freePort()}`;
      const child = spawn(process.execPath, [command, 'chat', '--port', '0', '--redis', url], { cwd: alone });
      processes.push(child);
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += String(chunk);
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 1);
      assert.match(said, /^barewire: --redis: nobody answers as Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
      assert.ok(!said.includes('secret'));
      rmSync(alone, { recursive: true });
    });

  it('two processes on two ports share every room: messages, names, positions, ids', async () => {
    const [one, two] = [await startNode(), await startNode()];
    const ann = enter(one.port, 'ann');
    await ann.welcome();
    const bob = enter(two.port, 'bob');
    assert.equal((await bob.welcome()).memberCount, 2);
    await ann.until((heard) => heard.some(({ joined }) => joined?.some(({ name }) => name === 'bob') === true));
    const first = await say(two.port, 'from two', 'id-1');
    await say(one.port, 'from one');
    for (const guest of [ann, bob]) {
      await guest.hears('from one');
      assert.deepEqual(guest.texts, ['from two', 'from one']);
    }
    assert.deepEqual(await say(one.port, 'again', 'id-1'), first, 'a repeat at the other node is the first message');
    const { position } = await ann.welcome();
    const back = enter(two.port, 'ann', position);
    await back.hears('from one');
    assert.deepEqual(back.texts, ['from two', 'from one']);
  });

  it('two workers of node:cluster behind one port share every room', async () => {
    const port = await freePort();
    cluster.setupPrimary({ exec: command, args: argumentsOf(port), cwd: folder, silent: true } as object);
    const workers = [cluster.fork(), cluster.fork()];
    await Promise.all(workers.map((worker) => once(worker, 'listening')));
    // The primary hands out connections in turns: four members are two on each worker.
    const members: Guest[] = [];
    for (const user of ['ann', 'bob', 'eve', 'joe']) {
      members.push(enter(port, user));
      await members.at(-1)!.welcome();
    }
    for (let i = 0; i < 4; i++) await say(port, `m${i}`);
    for (const member of members) {
      await member.hears('m3');
      assert.deepEqual(member.texts.slice(-4), ['m0', 'm1', 'm2', 'm3']);
    }
    assert.equal((await members[3]!.welcome()).memberCount! >= 4, true);
    const held = await Promise.all(
      workers.map((worker) => {
        worker.kill('SIGKILL');
        return once(worker, 'exit');
      }),
    );
    assert.equal(held.length, 2);
    await Promise.all(members.map(({ ended }) => ended));
  });

  it('three nodes behind nginx, as the page has it: one is killed, and its members go on at another', {
    skip: missing({ programs: ['nginx'] }),
  }, async () => {
    const nodes = [await startNode(), await startNode(), await startNode()];
    const page = readFileSync(join(root, 'docs/several-machines.md'), 'utf8');
    const [, block = ''] = /```nginx\n([\s\S]*?)```/.exec(page) ?? [];
    const front = await freePort();
    const ports = new Map(
      [8080, 8081, 8082, 8083].map((port, i) => [`${port}`, [front, ...nodes.map(({ port }) => port)][i]]),
    );
    const nginx = await nginxFrom(
      front,
      block.replace(/\b808[0-3]\b/g, (port) => `${ports.get(port)}`),
    );
    try {
      const members = await Promise.all(
        ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'].map(async (user) => {
          const guest = enter(front, user);
          await guest.welcome();
          return guest;
        }),
      );
      await say(front, 'to all');
      for (const member of members) await member.hears('to all');
      nodes[0]!.child.kill('SIGKILL');
      const lost = await Promise.race(members.map((member) => member.ended.then(() => member)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const left = members.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
      assert.ok(left.length > 0 && left.length < members.length, `${left.length} of ${members.length} go on`);
      // Each of these finds a node that lives, whoever's turn it was.
      for (let i = 0; i < 4; i++) assert.equal((await say(front, `while away ${i}`, `away-${i}`)).status, 201);
      const { position } = await lost.welcome();
      const back = enter(front, 'back', position);
      await back.hears('while away 3');
      const missed = ['to all', 'while away 0', 'while away 1', 'while away 2', 'while away 3'];
      assert.deepEqual(
        back.texts.filter((text) => missed.includes(`${text}`)),
        missed,
      );
      for (const member of left) await member.hears('while away 3');
    } finally {
      await nginx.stop();
    }
  });
});
