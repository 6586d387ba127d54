/**
 * Starts the servers of the rooms' benchmark, pinned to core 0 where `taskset` exists, and reads their CPU time.
 * The load is this process, on core 1. A server ends when this process does: its IPC channel closes.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { nodeProgram } from '../peers/peers.ts';
import type { ServerTask } from './server.ts';

const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;
/** How processes are placed, in words for the result file. */
export const PLACEMENT: string = canPin ? 'servers on core 0, load on core 1' : 'not pinned';

/** Puts this process, and what it starts without saying otherwise, on core 1. */
export function pinLoad(): void {
  if (canPin) spawnSync('taskset', ['-cp', '1', String(process.pid)]);
}

/** The addon of uWebSockets.js loads in this version alone (`bench/peers/peers.ts`). */
export const UWS_NODE = '20';
let sharedMajor: string | undefined;

/** From now on servers run on this major version of Node, which is there; uWebSockets.js on the one that it loads in. */
export function serversOn(major: string): void {
  sharedMajor = major;
}

/** The program of Node that a server runs on. */
function programOf({ peer }: ServerTask): string {
  const major = peer === 'uws' ? UWS_NODE : sharedMajor;
  const program = nodeProgram(major);
  if (program === undefined) throw new Error(`${peer} needs Node ${major}, which is not there: name it with --node`);
  return program;
}

export interface RoomServer {
  readonly port: number;
  /** CPU time since it started, in microseconds: its own and what the kernel did for it. */
  cpuUs(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * User and system time in the text of `/proc/PID/stat`, in ticks of 10 ms: fields 14 and 15, counted behind the name in brackets.
 * A server that is overloaded could not answer the question itself for a long time.
 */
function cpuUsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Starts a server and waits until it listens. */
export async function startRoomServer(task: ServerTask): Promise<RoomServer> {
  const args = [fileURLToPath(new URL('server.js', import.meta.url)), JSON.stringify(task)];
  const node = programOf(task);
  const [program, all] = canPin ? ['taskset', ['-c', '0', node, ...args]] : [node, args];
  const child = spawn(program, all, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const failed = ended.then(([code]) => Promise.reject(new Error(`${task.peer} ended with ${code}`)));
  failed.catch(() => undefined);
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }];
  return {
    port,
    async cpuUs() {
      const stat = `/proc/${child.pid}/stat`;
      if (existsSync(stat)) return cpuUsOf(readFileSync(stat, 'latin1'));
      child.send('cpu');
      const [{ cpuUs }] = (await Promise.race([once(child, 'message'), failed])) as [{ cpuUs: number }];
      return cpuUs;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
