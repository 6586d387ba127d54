/**
 * The programs of the pages `docs/coming-from-….md`, each with what it says when it is run: the same before and after.
 *
 * Those `after` are run by `../coming-from.test.ts`, those `before` where their packages are, by `../integration/coming-from.test.ts`.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { WebSocket } from '../../lib/client/websocket.ts';
import { HandshakeRejected } from '../../lib/errors.ts';
import { ROOT } from './peers.ts';

export interface Guide {
  readonly page: string;
  /** What the program before needs: the name that it imports, and where that is in the repository. */
  readonly packages: Readonly<Record<string, string>>;
  /** Lines in any order: what two clients hear is not ordered between them. */
  readonly says: readonly string[];
  /** For a server that says where it listens: talks to it, and says what came back. */
  readonly talk?: (port: number) => Promise<readonly string[]>;
}

const INTEGRATION = 'spec-tests/integration/node_modules';

export const GUIDES: readonly Guide[] = [
  {
    page: 'coming-from-socket-io.md',
    packages: { 'socket.io': `${INTEGRATION}/socket.io`, 'socket.io-client': `${INTEGRATION}/socket.io-client` },
    says: ['ann hears ann: no sugar, please', 'bob hears ann: no sugar, please', 'taken'],
  },
  {
    page: 'coming-from-better-sse.md',
    packages: { 'better-sse': 'bench/node_modules/better-sse' },
    says: ['event greeting', 'data "welcome"', 'event news', 'data {"headline":"rain"}'],
  },
  {
    page: 'coming-from-uwebsockets.md',
    packages: { 'uWebSockets.js': 'bench/node_modules/@trufflesuite/uws-js-unofficial' },
    says: [
      ...['compressed permessage-deflate', 'ann hears ann: hi', 'bob hears ann: hi', 'health ok'],
      ...['nobody hears 401 who are you?', 'closed with 4000', 'closed with 4000'],
    ],
    talk: twoInARoom,
  },
];

/** Two members of a room, somebody without a name, and a request. */
async function twoInARoom(port: number): Promise<readonly string[]> {
  const heard: string[] = [];
  const join = async (user: string): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/tea?user=${user}`, { perMessageDeflate: true });
    await once(socket, 'open');
    return socket;
  };
  const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
  heard.push(`compressed ${ann.extensions.split(';')[0]}`);
  const messages = [ann, bob].map((socket) => once(socket, 'message') as Promise<[MessageEvent]>);
  ann.send('hi');
  for (const [i, [{ data }]] of (await Promise.all(messages)).entries())
    heard.push(`${['ann', 'bob'][i]} hears ${data}`);
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  heard.push(`health ${await health.text()}`);
  const nobody = new WebSocket(`ws://127.0.0.1:${port}/rooms/tea`);
  nobody.addEventListener('error', ({ error }) =>
    heard.push(error instanceof HandshakeRejected ? `nobody hears ${error.status} ${error.text()}` : String(error)),
  );
  await once(nobody, 'close');
  const closed = [ann, bob].map((socket) => once(socket, 'close'));
  for (const socket of [ann, bob]) socket.close(4000);
  await Promise.all(closed);
  return heard;
}

/** The programs of a page by name: `before` and `after`. */
export function programsOf(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
  return new Map(
    [...text.matchAll(/<!-- run: ([a-z]+) -->\n```js\n([\s\S]*?)```/g)].map(([, name, code]) => [name!, code!]),
  );
}

/** Runs a program with `barewire` and the packages given; answers the lines that it printed, and what was heard of it, sorted. */
export async function linesOf(code: string, { packages, talk }: Pick<Guide, 'packages' | 'talk'>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'barewire-guide-'));
  for (const [name, path] of Object.entries({ barewire: '.', ...packages })) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, path), join(folder, 'node_modules', name), 'dir');
  }
  writeFileSync(join(folder, 'program.mjs'), code);
  const child = spawn(process.execPath, [join(folder, 'program.mjs')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const ended = once(child, 'close');
  let printed = '';
  let heard: Promise<readonly string[]> = Promise.resolve([]);
  child.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  child.stdout.on('data', (chunk) => {
    const before = printed;
    printed += chunk;
    const port = /^listening on (\d+)\n/m.exec(printed)?.[1];
    if (talk !== undefined && port !== undefined && !/^listening on/m.test(before)) {
      heard = talk(Number(port)).finally(() => setTimeout(() => child.kill(), 100)); // what it says of their end comes first
    }
  });
  const [status, signal] = await ended;
  const lines = [...printed.trim().split('\n'), ...(await heard)];
  rmSync(folder, { recursive: true });
  if (status !== 0 && signal !== 'SIGTERM') lines.push(`exit ${status ?? signal}`);
  return lines.filter((line) => talk === undefined || !line.startsWith('listening on ')).sort();
}
