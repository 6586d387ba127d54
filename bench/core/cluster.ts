/**
 * `node:cluster`: one and two workers behind one port, echoes and a room that spans the workers: `node dist/bench/core/cluster.js`.
 *
 * Nothing is pinned: servers and two load processes share the CPUs, so that on a machine of two CPUs the second worker gets only what
 * the load leaves. Rounds alternate. The room is the plain one that `node:cluster` allows: a worker tells the primary, the primary tells
 * every worker, each sends to its own members.
 * Beside the rate stands CPU time a message, of all workers and the primary.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { createServer, prepareMessage, type ServerWebSocket } from '../../lib/index.ts';
import { runEcho } from '../../lib/load/echo.ts';
import { runFanOut } from '../../lib/load/fan-out.ts';
import type { Measurement } from '../../lib/load/measure.ts';
import { cpuTimes } from '../../lib/load/usage.ts';
import { columns, median } from '../wire/report.ts';

const WARM_UP_MS = 600;
const DURATION_MS = 1_500;
const ROUNDS = 5;
const WORKERS = [1, 2];
const LOADS = 2;

const TASKS = [
  'echo 20 B, 16 connections, 64 in flight',
  'echo 1 KiB, 64 connections',
  'room of 100, 100 B, 8 in flight',
] as const;
type Task = (typeof TASKS)[number];

const script = fileURLToPath(import.meta.url);
const [role, first, second] = process.argv.slice(2);

/** Each load has connections, and a room, of its own; together they are what the task says. */
function load(task: Task, url: URL): Promise<Measurement> {
  const at = { url, warmUpMs: WARM_UP_MS, durationMs: DURATION_MS };
  switch (task) {
    case TASKS[0]:
      return runEcho({ ...at, connections: 16 / LOADS, inFlight: 64, shape: { sizeBytes: 20, kind: 'binary' } });
    case TASKS[1]:
      return runEcho({ ...at, connections: 64 / LOADS, inFlight: 1, shape: { sizeBytes: 1_024, kind: 'binary' } });
    case TASKS[2]:
      return runFanOut({ ...at, members: 100 / LOADS, inFlight: 8, shape: { sizeBytes: 100, kind: 'text' } });
  }
}

/** What a worker tells the others of its room. */
interface Said {
  readonly path: string;
  readonly text: string;
}

async function worker(): Promise<void> {
  const rooms = new Map<string, Set<ServerWebSocket>>();
  const server = createServer({ allowedOrigins: '*' });
  server.webSocket('/echo', { message: (socket, message) => void socket.send(message) });
  server.webSocket('/room/:name', {
    open(socket, { path }) {
      const room = rooms.get(path) ?? new Set();
      rooms.set(path, room.add(socket));
    },
    message: ({ request: { path } }, text) => void process.send?.({ path, text } as Said),
    close: (socket) => void rooms.get(socket.request.path)?.delete(socket),
  });
  process.on('message', ({ path, text }: Said) => {
    const prepared = prepareMessage(text);
    for (const member of rooms.get(path) ?? []) member.send(prepared);
  });
  await server.listen({ port: Number(first) });
}

function primary(count: number): void {
  cluster.setupPrimary({ exec: script, args: ['worker', '0'] });
  const workers = Array.from({ length: count }, () => cluster.fork());
  let listening = 0;
  for (const each of workers) {
    each.on('message', (said: Said) => {
      for (const other of workers) other.send(said);
    });
    each.on('listening', ({ port }) => {
      if (++listening < count) return;
      process.stdout.write(
        `listening ${port} ${[process.pid, ...workers.map(({ process: { pid } }) => pid)].join(',')}\n`,
      );
    });
  }
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** The first line that a child writes. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`a process ended without an answer: ${output}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('\n')) resolve(output.slice(0, output.indexOf('\n')));
    });
  });
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (cpuTimes(pid)?.usedSeconds ?? Number.NaN), 0);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Turn {
  readonly perSecond: number;
  readonly microseconds: number;
}

async function turn(task: Task, workers: number): Promise<Turn> {
  const server = start('primary', String(workers));
  try {
    const [, port, list] = (await firstLine(server)).split(' ');
    const pids = list!.split(',').map(Number);
    const path = task === TASKS[2] ? 'room/' : 'echo';
    const answers = Array.from({ length: LOADS }, (_, i) => {
      const url = `ws://127.0.0.1:${port}/${path}${path === 'echo' ? '' : i}`;
      return firstLine(start('load', task, url));
    });
    const settled = Promise.all(answers);
    settled.catch(() => {}); // looked at below, after the readings
    // Within the windows of both loads, which begin when their connections stand.
    await wait(WARM_UP_MS + 400);
    const [before, atMs] = [cpuSeconds(pids), performance.now()];
    await wait(DURATION_MS - 600);
    const used = (cpuSeconds(pids) - before) / ((performance.now() - atMs) / 1_000);
    const perSecond = (await settled).reduce((sum, line) => sum + Number(line), 0);
    return { perSecond, microseconds: (used * 1e6) / perSecond };
  } finally {
    server.stdin!.end();
    await new Promise((resolve) => server.once('close', resolve));
  }
}

async function compare(): Promise<void> {
  const lines = [['', 'workers', 'a second', 'CPU µs', 'rate to one worker', 'CPU to one worker']];
  for (const task of TASKS) {
    const turns = new Map<number, Turn[]>(WORKERS.map((workers) => [workers, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const workers of WORKERS) turns.get(workers)!.push(await turn(task, workers));
    }
    const one = turns.get(1)!;
    for (const [workers, all] of turns) {
      const ratio = (of: (turn: Turn) => number) => median(all.map((each, i) => of(each) / of(one[i]!))).toFixed(2);
      lines.push([
        task,
        String(workers),
        median(all.map(({ perSecond }) => perSecond)).toFixed(0),
        median(all.map(({ microseconds }) => microseconds)).toFixed(2),
        ratio(({ perSecond }) => perSecond),
        ratio(({ microseconds }) => microseconds),
      ]);
    }
  }
  process.stdout.write(columns(lines));
}

if (role === 'primary') primary(Number(first));
else if (role === 'worker') await worker();
else if (role === 'load') {
  const { perSecond } = await load(first as Task, new URL(second!));
  process.stdout.write(`${perSecond}\n`, () => process.exit(0));
} else await compare();
