/**
 * The result file: what was measured, on what machine, with which versions, from which commit, raw rounds included.
 * Read next: `page.ts`, `readme.ts`.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Peer, versionOf } from '../peers/peers.ts';
import type { Comparison } from './compare.ts';
import { PLACEMENT } from './processes.ts';
import type { Workload } from './workloads.ts';

export interface Results {
  readonly format: 1;
  readonly date: string;
  /** The commit that was measured; `dirty` when the tree differed from it. */
  readonly commit: string;
  readonly dirty: boolean;
  readonly machine: {
    readonly cpu: string;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly system: string;
    readonly node: string;
    readonly placement: string;
  };
  /** By peer id. */
  readonly versions: Readonly<Record<string, string>>;
  readonly schedule: { readonly rounds: number; readonly warmUpMs: number; readonly durationMs: number };
  readonly workloads: readonly (Comparison & { readonly workload: Workload })[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Where result files are kept. */
export const RESULTS_FOLDER: string = `${root}bench/results/`;

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

export function describeRun(peers: readonly Peer[], schedule: Results['schedule']): Omit<Results, 'workloads'> {
  const { rounds, warmUpMs, durationMs } = schedule;
  return {
    format: 1,
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    dirty: git('status', '--porcelain', '--untracked-files=no') !== '',
    machine: {
      cpu: cpus()[0]?.model.trim() || process.arch,
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      system: `${process.platform} ${release()}`,
      node: process.versions.node,
      placement: PLACEMENT,
    },
    versions: Object.fromEntries(peers.map((peer) => [peer.id, versionOf(peer)])),
    schedule: { rounds, warmUpMs, durationMs },
  };
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(new URL('.', `file://${path}`), { recursive: true });
  // Numbers are cut to six digits: more were never measured, and the file stays readable.
  const text = JSON.stringify(results, (_, value: unknown) => (typeof value === 'number' ? round(value) : value), 1);
  writeFileSync(path, `${text}\n`);
}

function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(6));
}

/** @throws Error for a file that is not one of ours */
export function readResults(path: string): Results {
  const results = JSON.parse(readFileSync(path, 'utf8')) as Results;
  if (results.format !== 1 || !Array.isArray(results.workloads)) throw new Error(`${path} is not a result file`);
  return results;
}
