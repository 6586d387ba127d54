/**
 * The list of peers: how each is started, what it can do, and which version is installed.
 *
 * A peer that is not installed or does not start is left out with a word; the suite runs with what is there.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildTool, build, builtCommand, isBuildTool, pinnedVersion } from './build.ts';
import { publishedScript } from './published.ts';

/** What a workload may ask of a peer. `frames`: that it reads them, as the bare sockets do not. */
export type Ability =
  | 'echo'
  | 'answer'
  | 'fan-out'
  | 'frames'
  | 'deflate'
  | 'takeover'
  | 'tls'
  | 'http2'
  | 'events'
  | 'handshake'
  | 'http'
  | 'chat';

export interface Peer {
  readonly id: string;
  /** As it stands in a table. */
  readonly label: string;
  /** The compiled program beside this file; of a peer that is built, the folder of its source in `bench/peers`. */
  readonly script: string;
  readonly runtime: 'node' | 'bun' | 'deno' | BuildTool;
  readonly abilities: readonly Ability[];
  /** It differs from another peer in its compression alone, and takes part in compressed workloads alone. */
  readonly compressedOnly?: boolean;
  /** A protocol on top of WebSocket, which the load then speaks. */
  readonly dialect?: 'socket.io';
  readonly env?: Readonly<Record<string, string>>;
  /** Package of `bench/package.json` that it needs; of a peer that is built, the dependency whose version is its own. */
  readonly needs?: string;
  /** Major version of Node that its native addon loads in, where that is one alone; the peer runs on it. */
  readonly nodeMajor?: string;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const modules = `${root}bench/node_modules/`;

/** What every peer in another language can do. */
const FOREIGN: readonly Ability[] = ['echo', 'answer', 'fan-out', 'frames', 'handshake'];
const ALL: readonly Ability[] = ['echo', 'answer', 'fan-out', 'frames', 'deflate', 'takeover', 'tls', 'handshake'];

/** Run beside the library as it is published. */
const OURS = 'barewire.js';

/** The `dist` folder of another build of barewire, to compare a change with what was before it in the same run. */
const baseline = process.env['BENCH_BASELINE_DIST'];

export const PEERS: readonly Peer[] = [
  {
    id: 'barewire',
    label: 'barewire',
    script: OURS,
    runtime: 'node',
    abilities: [...ALL, 'events', 'http', 'chat'],
  },
  {
    id: 'barewire-bytes',
    label: 'barewire (text as bytes)',
    script: OURS,
    runtime: 'node',
    abilities: ['echo', 'frames', 'deflate', 'takeover'],
    env: { BENCH_TEXT_AS_BYTES: '1' },
  },
  {
    id: 'barewire-lent',
    label: 'barewire (lent messages)',
    script: OURS,
    runtime: 'node',
    abilities: ['echo', 'frames', 'deflate', 'takeover'],
    env: { BENCH_LENT: '1' },
  },
  {
    id: 'barewire-attached',
    label: 'barewire through node:http',
    script: OURS,
    runtime: 'node',
    abilities: [...ALL, 'events'],
    env: { BENCH_DOOR: 'node:http' },
  },
  {
    id: 'barewire-http2',
    label: 'barewire through node:http2',
    script: OURS,
    runtime: 'node',
    abilities: ['http2'],
    env: { BENCH_DOOR: 'node:http2' },
  },
  {
    id: 'http2-bare',
    label: 'bare node:http2 streams',
    script: 'http2-bare.js',
    runtime: 'node',
    abilities: ['http2'],
  },
  {
    id: 'barewire-ws',
    label: 'barewire/ws',
    script: 'ws.js',
    runtime: 'node',
    abilities: ALL,
    env: { BENCH_WS: 'barewire' },
  },
  {
    id: 'ws',
    label: 'ws',
    script: 'ws.js',
    runtime: 'node',
    abilities: ALL,
    env: { WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1' },
    needs: 'ws',
  },
  {
    // Barewire compresses at level 1 by default: with it ws does the same work.
    id: 'ws-level-1',
    label: 'ws, level 1',
    script: 'ws.js',
    runtime: 'node',
    abilities: ALL,
    compressedOnly: true,
    env: { WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1', BENCH_WS_LEVEL: '1' },
    needs: 'ws',
  },
  {
    id: 'ws-native',
    label: 'ws + native helpers',
    script: 'ws.js',
    runtime: 'node',
    abilities: ALL,
    needs: 'bufferutil',
  },
  {
    id: 'uws',
    label: 'uWebSockets.js',
    script: 'uws.js',
    runtime: 'node',
    abilities: [...ALL, 'http'],
    needs: '@trufflesuite/uws-js-unofficial',
    nodeMajor: '20',
  },
  {
    id: 'bun',
    label: 'Bun',
    script: 'bun.js',
    runtime: 'bun',
    abilities: [...ALL, 'events', 'http'],
    needs: '@oven/bun-linux-x64',
  },
  {
    id: 'deno',
    label: 'Deno',
    script: 'deno.js',
    runtime: 'deno',
    abilities: ['echo', 'answer', 'fan-out', 'frames', 'tls', 'handshake', 'http'],
    needs: '@deno/linux-x64-glibc',
  },
  {
    id: 'node-http',
    label: 'node:http, res.write',
    script: 'node-events.js',
    runtime: 'node',
    abilities: ['events', 'http'],
  },
  {
    id: 'better-sse',
    label: 'better-sse',
    script: 'node-events.js',
    runtime: 'node',
    abilities: ['events'],
    env: { BENCH_BETTER_SSE: '1' },
    needs: 'better-sse',
  },
  {
    // Rooms alone: its binary events are two messages each, and its other events are the same messages as here.
    id: 'socket-io',
    label: 'Socket.IO',
    script: 'socket-io.js',
    runtime: 'node',
    abilities: ['fan-out'],
    dialect: 'socket.io',
    needs: 'socket.io',
  },
  {
    id: 'hono',
    label: 'Hono',
    script: 'hono.js',
    runtime: 'node',
    abilities: ['events'],
    needs: 'hono',
  },
  {
    id: 'hyperlane',
    label: 'Hyperlane',
    script: 'hyperlane',
    runtime: 'cargo',
    abilities: [...FOREIGN, 'events', 'http'],
    needs: 'hyperlane',
  },
  {
    id: 'tungstenite',
    label: 'tokio-tungstenite',
    script: 'tungstenite',
    runtime: 'cargo',
    abilities: FOREIGN,
    needs: 'tokio-tungstenite',
  },
  {
    id: 'gorilla',
    label: 'gorilla/websocket',
    script: 'gorilla',
    runtime: 'go',
    abilities: [...FOREIGN, 'deflate'],
    needs: 'github.com/gorilla/websocket',
  },
  {
    id: 'python',
    label: 'Python websockets',
    script: 'python-websockets',
    runtime: 'python3',
    abilities: [...FOREIGN, 'deflate', 'takeover'],
    needs: 'websockets',
  },
  {
    id: 'net',
    label: 'bare net, no protocol',
    script: 'net.js',
    runtime: 'node',
    abilities: ['echo', 'answer', 'fan-out', 'tls', 'handshake'],
  },
  {
    id: 'net-events',
    label: "bare net, 'data' events",
    script: 'net.js',
    runtime: 'node',
    abilities: ['echo', 'answer', 'fan-out', 'handshake'],
    env: { BENCH_NET_EVENTS: '1' },
  },
  ...(baseline === undefined
    ? []
    : [
        {
          id: 'baseline',
          label: 'barewire, baseline',
          script: pathToFileURL(resolve(baseline, 'bench/peers/barewire.js')).href,
          runtime: 'node',
          abilities: [...ALL, 'events', 'http', 'chat'],
        } as const,
      ]),
];

/** Variable that holds a program of Node of this major version: set by a process of it for those that it starts. */
export function nodeVariable(major: string): string {
  return `BENCH_NODE_${major}`;
}

/** The program of a major version of Node, this one's if it is of that version (or none is asked for); undefined where there is none. */
export function nodeProgram(major: string | undefined): string | undefined {
  if (major === undefined || process.versions.node.split('.')[0] === major) return process.execPath;
  const given = process.env[nodeVariable(major)];
  if (given !== undefined) return given;
  const folder = process.env['BENCH_NODES'];
  const program = folder === undefined ? '' : resolve(folder, `node${major}/bin/node`);
  return existsSync(program) ? program : undefined;
}

/** Whether a peer takes part in a workload. */
export function takesPart(
  peer: Peer,
  workload: { readonly needs: readonly Ability[]; readonly compressed: unknown },
): boolean {
  if (peer.compressedOnly === true && workload.compressed === false) return false;
  return workload.needs.every((need) => peer.abilities.includes(need));
}

/** The program and arguments that start a peer. */
export function commandOf(peer: Peer, args: readonly string[]): readonly [string, readonly string[]] {
  if (isBuildTool(peer.runtime)) return builtCommand(peer.runtime, peer.script, args);
  const address = peer.script === OURS ? publishedScript(OURS) : new URL(peer.script, import.meta.url);
  const script = fileURLToPath(address);
  switch (peer.runtime) {
    case 'node':
      return [nodeProgram(peer.nodeMajor) ?? process.execPath, ['--expose-gc', script, ...args]];
    case 'bun':
      return [`${modules}@oven/bun-linux-x64/bin/bun`, [script, ...args]];
    case 'deno':
      return [
        `${modules}@deno/linux-x64-glibc/deno`,
        ['run', '--quiet', '--no-lock', '-A', '--v8-flags=--expose-gc', script, ...args],
      ];
  }
}

/**
 * Installs the peers of npm when they are not there, or not in the versions of bench/package.json, so that one command does it all on a
 * fresh machine. Answers what went wrong, if anything.
 */
export function installPeers(): string | undefined {
  const { dependencies } = JSON.parse(readFileSync(`${root}bench/package.json`, 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const isInstalled = ([name, version]: [string, string]) => readVersion(`${modules}${name}/package.json`) === version;
  if (Object.entries(dependencies).every(isInstalled)) return undefined;
  process.stdout.write('Installing the peers: npm ci --prefix bench\n');
  const { status, error } = spawnSync('npm', ['ci', '--prefix', 'bench'], { cwd: root, stdio: 'inherit' });
  return status === 0 ? undefined : `the peers could not be installed: ${error?.message ?? `npm ended with ${status}`}`;
}

/** Why a peer cannot be started here; undefined when it can, as far as is known. One that has to be built is built now. */
export function missing(peer: Peer): string | undefined {
  if (isBuildTool(peer.runtime)) return build(peer.runtime, peer.script);
  if (nodeProgram(peer.nodeMajor) === undefined) return `its addon needs Node ${peer.nodeMajor}, which is not there`;
  if (peer.needs === undefined || existsSync(`${modules}${peer.needs}/package.json`)) return undefined;
  return `${peer.needs} is not installed (npm ci --prefix bench)`;
}

/** The installed version of a peer. */
export function versionOf(peer: Peer): string {
  if (isBuildTool(peer.runtime)) return pinnedVersion(peer.runtime, peer.script, peer.needs!) || 'unknown';
  if (peer.runtime !== 'node') {
    const [command] = commandOf(peer, []);
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'unknown';
  }
  const manifest = peer.needs === undefined ? `${root}package.json` : `${modules}${peer.needs}/package.json`;
  if (peer.id.startsWith('net') || peer.id === 'node-http') return `Node ${process.versions.node}`;
  if (peer.id === 'ws-native')
    return `${readVersion(`${modules}ws/package.json`)} + bufferutil ${readVersion(manifest)}`;
  const on =
    peer.nodeMajor === undefined || nodeProgram(peer.nodeMajor) === process.execPath
      ? ''
      : ` on Node ${peer.nodeMajor}`;
  return `${readVersion(manifest)}${on}`;
}

function readVersion(manifest: string): string {
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
