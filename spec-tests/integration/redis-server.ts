/**
 * A real `redis-server` for one test: on a free port of the loopback, in a temporary folder, without persistence.
 *
 * The server dies with `stop`, which also removes the folder; `kill` and `start` again are a crash that lost everything.
 * Read next: `redis-clients.ts`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOf } from './installed.ts';

export interface RedisServer {
  readonly port: number;
  /** Starts it again on the same port, after `kill`. Resolves once it accepts connections. */
  start(): Promise<void>;
  /** Ends the process at once, as a crash would. Everything it held is gone. */
  kill(): Promise<void>;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/** Answers a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port');
  return address.port;
}

/** Starts a server; `settings` are further arguments of `redis-server`, such as `['--replicaof', '127.0.0.1 6379']`. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'barewire-redis-'));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = await spawnRedis(port, folder, settings);
  };
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    child = undefined;
    await ended;
  };
  await start();
  return {
    port,
    start,
    kill,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once the server says that it accepts connections; rejects with its output when it ends before. */
async function spawnRedis(port: number, folder: string, settings: readonly string[]): Promise<ChildProcess> {
  const program = programOf('redis-server');
  if (program === undefined) throw new Error('there is no redis-server on this machine');
  const fixed = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn(program, [...fixed, '--daemonize', 'no', ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk.toString('latin1')}`.slice(-4_096);
      if (output.includes('Ready to accept connections')) resolve();
    });
  });
  return child;
}
