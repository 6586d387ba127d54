/**
 * The measuring window: warm-up, then so many milliseconds between two readings of every counter.
 *
 * Also decides who was the limit: a rate is the server's only if the server's CPU, and not the generator's, was used up.
 * Read next: `echo.ts`, the plainest workload.
 */

import { performance } from 'node:perf_hooks';
import type { LatencySummary } from './latency.ts';
import { type CpuTimes, cpuTimes, memoryOf, ownCpuTimes } from './usage.ts';

/** When a run measures. */
export interface Window {
  /** Load before the first reading, for compilers and caches. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** The server's process, where it runs on this machine; without it there are no server columns. */
  readonly serverPid?: number | undefined;
  /** Ends the window early: what was counted until then is the measurement. */
  readonly stopped?: Promise<void> | undefined;
}

/**
 * Who could not have done more. `machine`: the one that was busiest had to wait for a CPU that other processes used, so
 * the rate says little. `neither`: both had time left, so the load's own shape or pace set the rate.
 */
export type Limit = 'server' | 'generator' | 'machine' | 'neither' | 'unknown';

export interface Measurement {
  /** What was counted between the two readings: replies, deliveries, connections. */
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** CPU time of the server for each one counted, in microseconds. */
  readonly serverMicroseconds?: number;
  /** How much of that was spent in the operating system: what no server can save except by asking less of it. */
  readonly serverKernelShare?: number;
  /** Share of one CPU that each side used, and would have used had it not had to wait. */
  readonly serverCpu?: number;
  readonly serverWaited?: number;
  readonly generatorCpu: number;
  readonly generatorWaited: number;
  /** The server's resident memory at the end, and the most it was in its life. */
  readonly serverBytes?: number;
  readonly serverPeakBytes?: number;
  readonly limit: Limit;
  /** Where messages were compressed: octets of payload that a reply had on the wire, on average. */
  readonly compressedBytes?: number;
  /** Where latency was measured. */
  readonly latency?: LatencySummary;
  /** How late messages were sent, where there was a pace: what the generator itself adds. */
  readonly lateness?: LatencySummary;
  /** Where memory was: what one more idle connection costs the server, and after its garbage was collected. */
  readonly connectionBytes?: number;
  readonly connectionBytesCollected?: number;
}

/** A CPU used to this share is used up: what is left went to readings and interrupts. */
const USED_UP = 0.9;
/** Ready for this share of the time, and not running. */
const STARVED = 0.15;

/**
 * Waits for the window to pass and reads. `count` answers the total so far; `failure` rejects when the run is void.
 * The caller starts the load before and stops it after.
 */
export async function measure(window: Window, count: () => number, failure: Promise<never>): Promise<Measurement> {
  const early = window.stopped === undefined ? failure : Promise.race([failure, window.stopped]);
  await waitUnless(early, window.warmUpMs);
  const before = read(window, count);
  await waitUnless(early, window.durationMs);
  return between(before, read(window, count), window);
}

/** All counters at one moment. */
export interface Reading {
  readonly atMs: number;
  readonly count: number;
  readonly own: CpuTimes;
  readonly server: CpuTimes | undefined;
}

export function read(window: Window, count: () => number): Reading {
  const server = window.serverPid === undefined ? undefined : cpuTimes(window.serverPid);
  return { atMs: performance.now(), count: count(), own: ownCpuTimes(), server };
}

/** What happened between two readings. */
export function between(before: Reading, after: Reading, window: Window): Measurement {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const count = after.count - before.count;
  const generatorCpu = (after.own.usedSeconds - before.own.usedSeconds) / seconds;
  const generatorWaited = (after.own.waitedSeconds - before.own.waitedSeconds) / seconds;
  const memory = window.serverPid === undefined ? undefined : memoryOf(window.serverPid);
  const common = {
    count,
    seconds,
    perSecond: count / seconds,
    generatorCpu,
    generatorWaited,
    ...(memory === undefined ? {} : { serverBytes: memory.residentBytes, serverPeakBytes: memory.peakBytes }),
  };
  if (before.server === undefined || after.server === undefined) {
    return { ...common, limit: limitOf(undefined, { used: generatorCpu, waited: generatorWaited }) };
  }
  const used = (after.server.usedSeconds - before.server.usedSeconds) / seconds;
  const waited = (after.server.waitedSeconds - before.server.waitedSeconds) / seconds;
  const kernelTicks = after.server.kernelTicks - before.server.kernelTicks;
  const ticks = kernelTicks + after.server.userTicks - before.server.userTicks;
  return {
    ...common,
    ...(ticks === 0 ? {} : { serverKernelShare: kernelTicks / ticks }),
    ...(count === 0 ? {} : { serverMicroseconds: (used * seconds * 1e6) / count }),
    serverCpu: used,
    serverWaited: waited,
    limit: limitOf({ used, waited }, { used: generatorCpu, waited: generatorWaited }),
  };
}

/** Shares of one CPU. */
export interface Share {
  readonly used: number;
  readonly waited: number;
}

/**
 * Who was the limit. A process waits for its own threads too, where it is pinned to one core, so waiting alone says
 * nothing; waiting while the core was not all ours does.
 */
export function limitOf(server: Share | undefined, generator: Share): Limit {
  if (server !== undefined && server.used >= USED_UP && server.used >= generator.used) return 'server';
  // A server that was kept waiting by others would have left the generator idle.
  if (generator.used >= USED_UP) return 'generator';
  if ((server !== undefined && isStarved(server)) || isStarved(generator)) return 'machine';
  return server === undefined ? 'unknown' : 'neither';
}

/** Could have used more of its CPU than it was given. */
function isStarved({ used, waited }: Share): boolean {
  return used < USED_UP && waited > STARVED;
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits, but not after `failure` has rejected: a void run is over. */
async function waitUnless(early: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([passed, early]);
  } finally {
    clearTimeout(timer);
  }
}

/** How the parts of a run say that it is void. */
export interface FailureSignal {
  /** Only ever rejects. */
  readonly failure: Promise<never>;
  /** The first reason counts. */
  readonly fail: (error: Error) => void;
  /** The reason, for loops that look instead of waiting. */
  readonly reason: () => Error | undefined;
}

export function failureSignal(): FailureSignal {
  let reject: (error: Error) => void = () => {};
  let reason: Error | undefined;
  const failure = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  failure.catch(() => {}); // it may fail when nobody waits for it any more
  const fail = (error: Error) => {
    reason ??= error;
    reject(error);
  };
  return { failure, fail, reason: () => reason };
}
