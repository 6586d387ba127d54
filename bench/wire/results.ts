/**
 * The result file: which runs were made, on what machine, with which versions, from which commit, and what each found. A line a row, so
 * that it stays short and a change of it can be read; the rounds themselves go to a folder that is not committed.
 * Read next: `merge.ts`, which puts runs together; `page.ts`, `readme.ts`.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Limit } from '../../lib/load/measure.ts';
import { type Peer, versionOf } from '../peers/peers.ts';
import type { Comparison } from './compare.ts';
import { PLACEMENT } from './processes.ts';
import { defined, type Range, type Row } from './report.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

/** One call of `npm run bench`. */
export interface Run {
  readonly id: string;
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
}

/** What a run found in a workload. */
export type Finding = Comparison & { readonly workload: Workload };

/** What all runs found in a workload. */
export interface Entry {
  readonly workload: Workload;
  readonly rows: readonly { readonly run: string; readonly row: Row }[];
  /** In the last run. */
  readonly leftOut: Comparison['leftOut'];
}

export interface Results {
  /** From the first on, in the order in which they were made. */
  readonly runs: readonly Run[];
  readonly workloads: readonly Entry[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Where result files are kept. */
export const RESULTS_FOLDER: string = `${root}bench/results/`;
/** All rounds of each run, by its id: too much to commit. */
export const RAW_FOLDER: string = `${RESULTS_FOLDER}raw/`;

/** What a run, or the making of its tables, writes itself: not what was measured. */
const WRITTEN = [':!bench/results', ':!README.md', ':!bench/README.md'];

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

export function describeRun(peers: readonly Peer[], schedule: Run['schedule']): Run {
  const { rounds, warmUpMs, durationMs } = schedule;
  const date = new Date().toISOString();
  const commit = git('rev-parse', 'HEAD');
  return {
    id: `${date.slice(0, 19).replaceAll(/[-:]/g, '')}-${commit.slice(0, 8) || 'unknown'}`,
    date,
    commit,
    dirty: git('status', '--porcelain', '--untracked-files=no', '--', '.', ...WRITTEN) !== '',
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

/** All there is of one run, rounds included, for whoever wants to look closer. */
export function writeRaw(path: string, run: Run, findings: readonly Finding[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const workloads = findings.map(({ workload, measured, leftOut }) => ({ workload: workload.id, measured, leftOut }));
  writeFileSync(path, `${JSON.stringify({ run, workloads }, null, 1)}\n`);
}

/** The figures of a row in the file, in the order in which they stand there. */
const COLUMNS = [
  'value',
  'low',
  'high',
  'ratio',
  'ours',
  'oursLow',
  'oursHigh',
  'cpu',
  'cpuRatio',
  'oursCpu',
  'oursCpuLow',
  'oursCpuHigh',
  'kernel',
  'rss',
  'peak',
  'collected',
  'unanswered',
  'wire',
] as const;
type Column = (typeof COLUMNS)[number];
type Latency = NonNullable<Row['latency']>;

/** What one run found of a peer: the run (its place among the runs), limit, figures, latency. */
type Found = readonly [number, Limit, readonly (number | null)[], Latency?];
/** A line in the file: a peer, and what each run found of it. */
type Line = readonly [string, ...Found[]];

interface File {
  readonly format: 2;
  readonly columns: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly runs: readonly Run[];
  readonly workloads: readonly {
    readonly id: string;
    readonly leftOut: Comparison['leftOut'];
    readonly rows: readonly Line[];
  }[];
}

function toFound({ run, row }: Entry['rows'][number], runs: readonly Run[]): Found {
  const figures: Partial<Record<Column, number | undefined>> = {
    value: row.value,
    low: row.low,
    high: row.high,
    ratio: row.ratio,
    ours: row.ours?.median,
    oursLow: row.ours?.low,
    oursHigh: row.ours?.high,
    cpu: row.serverMicroseconds,
    cpuRatio: row.cpuRatio,
    oursCpu: row.oursCpu?.median,
    oursCpuLow: row.oursCpu?.low,
    oursCpuHigh: row.oursCpu?.high,
    kernel: row.kernelShare,
    rss: row.serverBytes,
    peak: row.serverPeakBytes,
    collected: row.connectionBytesCollected,
    unanswered: row.unanswered,
    wire: row.compressedBytes,
  };
  const values = COLUMNS.map((column) => figures[column] ?? null);
  while (values.at(-1) === null) values.pop();
  const index = runs.findIndex(({ id }) => id === run);
  return row.latency === undefined ? [index, row.limit, values] : [index, row.limit, values, row.latency];
}

function fromFound([, limit, values, latency]: Found, columns: readonly string[], peer: string, label: string): Row {
  const of = (column: Column): number | undefined => values[columns.indexOf(column)] ?? undefined;
  const range = (column: 'ours' | 'oursCpu'): Range | undefined => {
    const [middle, low, high] = [of(column), of(`${column}Low`), of(`${column}High`)];
    return middle === undefined || low === undefined || high === undefined ? undefined : { median: middle, low, high };
  };
  return defined<Row>({
    peer,
    label,
    value: of('value') ?? 0,
    low: of('low') ?? 0,
    high: of('high') ?? 0,
    ratio: of('ratio'),
    ours: range('ours'),
    oursCpu: range('oursCpu'),
    serverMicroseconds: of('cpu'),
    cpuRatio: of('cpuRatio'),
    kernelShare: of('kernel'),
    serverBytes: of('rss'),
    serverPeakBytes: of('peak'),
    latency,
    connectionBytesCollected: of('collected'),
    unanswered: of('unanswered'),
    compressedBytes: of('wire'),
    limit,
  });
}

/** The text of a result file. */
export function formatResults({ runs, workloads }: Results): string {
  const labels: Record<string, string> = {};
  for (const { rows } of workloads) for (const { row } of rows) labels[row.peer] = row.label;
  const list = (lines: readonly string[], indent: string) =>
    lines.length === 0 ? '[]' : `[\n${lines.map((line) => `${indent} ${line}`).join(',\n')}\n${indent}]`;
  const entries = workloads.map(({ workload, rows, leftOut }) => {
    const peers = [...new Set(rows.map(({ row }) => row.peer))];
    const lines = peers.map((peer) => {
      const found = rows.filter(({ row }) => row.peer === peer).map((each) => toFound(each, runs));
      return compact([peer, ...found] satisfies Line);
    });
    return `{"id":${compact(workload.id)},"leftOut":${compact(leftOut)},"rows":${list(lines, '  ')}}`;
  });
  return `{"format":2,
 "columns":${compact(COLUMNS)},
 "labels":${compact(labels)},
 "runs":${list(runs.map(compact), ' ')},
 "workloads":${list(entries, ' ')}
}
`;
}

/** Numbers are cut to five digits: more were never measured. */
function compact(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(5)) : each,
  );
}

/** Reads the text of a result file. Workloads that there are no longer are left out. @throws Error for a text that is not one of ours */
export function parseResults(text: string, name: string): Results {
  const file = JSON.parse(text) as File;
  if (file.format !== 2 || !Array.isArray(file.workloads)) throw new Error(`${name} is not a result file of format 2`);
  const { runs, labels, columns } = file;
  const workloads = file.workloads.flatMap(({ id, rows, leftOut }): Entry[] => {
    const workload = WORKLOADS.find((each) => each.id === id);
    if (workload === undefined) return [];
    const read = rows.flatMap(([peer, ...found]: Line) =>
      found.map((each) => ({
        run: runs[each[0]]?.id ?? '',
        row: fromFound(each, columns, peer, labels[peer] ?? peer),
      })),
    );
    return [{ workload, rows: read, leftOut }];
  });
  return { runs, workloads };
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, formatResults(results));
}

/** @throws Error for a file that is not one of ours */
export function readResults(path: string): Results {
  return parseResults(readFileSync(path, 'utf8'), path);
}
