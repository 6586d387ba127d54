/**
 * The measuring window: warm-up, then so many milliseconds between two readings of every counter.
 *
 * Also decides who was the limit: a rate is the server's only if the server's CPU, and not the generator's, was used up.
 * Read next: `echo.ts`, the plainest workload.
 */

import { performance } from 'node:perf_hooks';
import { cpuSeconds, ownCpuSeconds, residentBytes } from './usage.ts';

/** When a run measures. */
export interface Window {
  /** Load before the first reading, for compilers and caches. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** The server's process, where it runs on this machine; without it there are no server columns. */
  readonly serverPid?: number | undefined;
}

/** Who could not have done more. `neither`: both had time left, so the load's own shape (or a pace) set the rate. */
export type Limit = 'server' | 'generator' | 'neither' | 'unknown';

export interface Measurement {
  /** What was counted between the two readings: replies, deliveries, connections. */
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** CPU time of the server for each one counted, in microseconds. */
  readonly serverMicroseconds?: number;
  /** Share of one CPU that each side used. */
  readonly serverCpu?: number;
  readonly generatorCpu: number;
  /** The server's resident memory at the end. */
  readonly serverBytes?: number;
  readonly limit: Limit;
}

/** A CPU used to this share is used up: what is left went to other processes and to readings. */
const USED_UP = 0.9;

/**
 * Waits for the window to pass and reads. `count` answers the total so far; `failure` rejects when the run is void.
 * The caller starts the load before and stops it after.
 */
export async function measure(window: Window, count: () => number, failure: Promise<never>): Promise<Measurement> {
  await Promise.race([wait(window.warmUpMs), failure]);
  const before = read(window, count);
  await Promise.race([wait(window.durationMs), failure]);
  const after = read(window, count);
  const seconds = (after.atMs - before.atMs) / 1_000;
  const counted = after.count - before.count;
  const generatorCpu = (after.own - before.own) / seconds;
  const serverCpu =
    before.server === undefined || after.server === undefined ? undefined : (after.server - before.server) / seconds;
  const serverBytes = window.serverPid === undefined ? undefined : residentBytes(window.serverPid);
  return {
    count: counted,
    seconds,
    perSecond: counted / seconds,
    ...(serverCpu === undefined || counted === 0
      ? {}
      : { serverMicroseconds: (serverCpu * seconds * 1e6) / counted, serverCpu }),
    generatorCpu,
    ...(serverBytes === undefined ? {} : { serverBytes }),
    limit: limitOf(serverCpu, generatorCpu),
  };
}

/** Who was the limit, from the shares of a CPU that were used. */
export function limitOf(serverCpu: number | undefined, generatorCpu: number): Limit {
  if (serverCpu !== undefined && serverCpu >= USED_UP && serverCpu >= generatorCpu) return 'server';
  if (generatorCpu >= USED_UP) return 'generator';
  if (serverCpu === undefined) return 'unknown';
  return serverCpu >= USED_UP ? 'server' : 'neither';
}

function read(window: Window, count: () => number): { atMs: number; count: number; own: number; server?: number } {
  const server = window.serverPid === undefined ? undefined : cpuSeconds(window.serverPid);
  return {
    atMs: performance.now(),
    count: count(),
    own: ownCpuSeconds(),
    ...(server === undefined ? {} : { server }),
  };
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise that only ever rejects, with the function that makes it do so. */
export function failureSignal(): { readonly failure: Promise<never>; readonly fail: (error: Error) => void } {
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {}); // it may fail when nobody waits for it any more
  return { failure, fail };
}
