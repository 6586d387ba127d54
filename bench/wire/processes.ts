/**
 * Starts servers and loads as processes of their own, each pinned to its core where `taskset` exists.
 *
 * Every process started here is ended here: by its own pid, and by its standard input closing if we die first.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { commandOf, type Peer } from '../peers/peers.ts';
import type { LoadAnswer, LoadTask, Round } from './load.ts';

const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/** How processes are placed, in words for the result file. */
export const PLACEMENT: string = canPin ? 'server on core 0, load on core 1' : 'not pinned';

function pinned(core: 0 | 1, command: string, args: readonly string[]): readonly [string, string[]] {
  return canPin ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]];
}

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a peer and waits until it listens. Rejects with what it wrote when it does not. */
export function startServer(
  peer: Peer,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<RunningServer> {
  const [program, programArgs] = commandOf(peer, args);
  const [command, all] = pinned(0, program, [...(peer.runtime === 'node' ? nodeArgs : []), ...programArgs]);
  const child = spawn(command, all, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...peer.env },
  });
  let output = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`did not listen within ${START_TIMEOUT_MS} ms`));
    }, START_TIMEOUT_MS);
    const failed = (error?: Error) => {
      clearTimeout(timer);
      reject(error ?? new Error(firstLine(output)));
    };
    child.once('error', failed);
    child.once('exit', () => failed());
    const read = (chunk: Buffer) => {
      if (output.length < 16_384) output += chunk.toString();
      const port = /^listening (\d+)$/m.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      // taskset replaces itself by the program, so the child's pid is the server's.
      resolve({ pid: child.pid!, port: Number(port), stop: () => stop(child) });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
  });
}

function firstLine(output: string): string {
  return output.split('\n').find((line) => /error/i.test(line)) ?? output.split('\n')[0] ?? 'ended at once';
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.stdin?.end(); // a peer exits when its input ends, in good order: `--cpu-prof` writes its file then
  });
}

/**
 * Runs one round of load in a process of its own, which trusts `certificateFile`. Rejects with a sentence when the round is void.
 */
export function runLoad(task: LoadTask, certificateFile?: string): Promise<Round> {
  const script = fileURLToPath(new URL('load.js', import.meta.url));
  const [command, args] = pinned(1, process.execPath, [script, JSON.stringify(task)]);
  const trust = certificateFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificateFile };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...trust } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), task.warmUpMs + task.durationMs + 60_000);
    child.once('error', reject);
    child.once('close', (_code, signal) => {
      clearTimeout(timer);
      if (output === '')
        return reject(new Error(`the load process ended without an answer (${signal ?? 'no signal'})`));
      const answer = JSON.parse(output) as LoadAnswer;
      if ('error' in answer) reject(new Error(answer.error));
      else resolve(answer.round);
    });
  });
}
