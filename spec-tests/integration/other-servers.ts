/**
 * Servers of others, each in a process of its own with the conversation that `other-servers/common.mjs` describes.
 *
 * Knows how each is started, what it needs on this machine, and what it can do; what is missing is a reason to skip.
 * In: an entry of the table. Out: its port, and a way to end it. Read next: `other-servers.test.ts`.
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { patiently } from '../support/sockets.ts';
import { missing } from './installed.ts';

const FOLDER = fileURLToPath(new URL('../../../spec-tests/integration/', import.meta.url));

/** What can be asked of a server. `their-ping`: its program can send pings, and hears the answer. */
export type Ability = 'websocket' | 'deflate' | 'subprotocol' | 'their-ping' | 'refusal-body' | 'events';

export interface OtherServer {
  readonly name: string;
  readonly file: string;
  readonly abilities: readonly Ability[];
  /** The code of the close frame that answers ours, where it is not ours again. */
  readonly closeAnswer?: number;
  readonly command: string;
  readonly args?: readonly string[];
  readonly skip: string | false;
}

const BUN = 'node_modules/@oven/bun-linux-x64/bin/bun';
const DENO = 'node_modules/@deno/linux-x64-glibc/deno';
const ALL: readonly Ability[] = ['websocket', 'deflate', 'subprotocol', 'their-ping', 'refusal-body', 'events'];
const allBut = (...without: readonly Ability[]): readonly Ability[] => ALL.filter((each) => !without.includes(each));

function onNode(name: string, file: string, packages: readonly string[], abilities: readonly Ability[]): OtherServer {
  return { name, file: `${file}.mjs`, abilities, command: process.execPath, skip: missing({ packages }) };
}

/** The first Python that has a module: Debian's packages are for its own, which need not be the first in the path. */
function inPython(name: string, module: string, abilities: readonly Ability[]): OtherServer {
  const command = ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0,
  );
  const skip = command === undefined && `missing here: Python with ${module}`;
  return { name, file: `python-${module}.py`, abilities, command: command ?? '', args: ['-B'], skip };
}

function inRuntime(
  name: string,
  program: string,
  file: string,
  args: readonly string[],
  abilities: readonly Ability[],
): OtherServer {
  const command = `${FOLDER}${program}`;
  return { name, file, abilities, command, args, skip: !existsSync(command) && `missing here: package of ${name}` };
}

export const OTHER_SERVERS: readonly OtherServer[] = [
  onNode('ws', 'ws', ['ws'], allBut('events')),
  onNode('uWebSockets.js', 'uws', ['@trufflesuite/uws-js-unofficial'], ALL),
  inRuntime('Bun', BUN, 'bun.mjs', [], ALL),
  // Deno offers no compression and no pings to programs.
  inRuntime(
    'Deno',
    DENO,
    'deno.mjs',
    ['run', '--quiet', '--no-lock', '--no-config', '-A'],
    allBut('deflate', 'their-ping'),
  ),
  onNode('better-sse', 'better-sse', ['better-sse'], ['events']),
  onNode('Express', 'express', ['express'], ['events']),
  onNode('Fastify', 'fastify', ['fastify', '@fastify/websocket'], ALL),
  // @hono/node-ws has no options for ws, and answers a refusal without its body.
  onNode('Hono', 'hono', ['hono', '@hono/node-server', '@hono/node-ws'], ['websocket', 'events']),
  inPython('Python websockets', 'websockets', allBut('events')),
  { ...inPython('aiohttp', 'aiohttp', ALL), closeAnswer: 1000 },
  inPython('Tornado', 'tornado', ALL),
];

export interface RunningServer {
  readonly port: number;
  /** Ends the process, and answers what it wrote to standard error. */
  stop(): Promise<string>;
}

/** Starts a server; resolves when it says where it listens. */
export async function startOther({ name, file, command, args = [] }: OtherServer): Promise<RunningServer> {
  const child = spawn(command, [...args, `${FOLDER}other-servers/${file}`], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = new Promise<number>((resolve, reject) => {
    let output = '';
    child.once('error', reject);
    void exited.then(() => reject(new Error(`${name} ended: ${errors}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /^listening (\d+)$/m.exec(output);
      if (found !== null) resolve(Number(found[1]));
    });
  });
  const kill = setTimeout(() => child.kill('SIGKILL'), STUCK_MS).unref();
  return {
    port: await patiently(`${name} to listen`, port),
    async stop() {
      child.stdin.end();
      setTimeout(() => child.kill('SIGKILL'), 2_000).unref();
      await patiently(`${name} to end`, exited);
      clearTimeout(kill);
      return errors;
    },
  };
}

/** A program that is still there then is stuck, and is killed. */
const STUCK_MS = 120_000;
