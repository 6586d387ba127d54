/**
 * Runs put together: another run added to what there is, and the middle and the range of each row over all of them. Pure.
 *
 * Runs on different versions of Node are never mixed: a view is of one of them.
 * Read next: `readme.ts`, `page.ts`.
 */

import { defined, middleLatency, mostFrequent, type Range, type Row, rangeOf } from './report.ts';
import type { Entry, Finding, Results, Run } from './results.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

/** Runs that are kept for each major version of Node; the oldest go. Twice what a table wants, so that a bad day can be outweighed. */
export const MAX_RUNS = 10;

/** The version that the tables show where it was measured: the one that most people run. */
export const SHOWN_NODE = '24';

export function nodeMajor(run: Run): string {
  return run.machine.node.split('.')[0] ?? '';
}

/** The same results and what one more run found; what the same run had found before in these workloads is replaced. */
export function addRun(results: Results, run: Run, findings: readonly Finding[]): Results {
  const others = results.runs.filter(({ id }) => id !== run.id);
  const alike = others.filter((each) => nodeMajor(each) === nodeMajor(run));
  const tooOld = new Set(alike.slice(0, Math.max(0, alike.length + 1 - MAX_RUNS)).map(({ id }) => id));
  const runs = [...others.filter(({ id }) => !tooOld.has(id)), run];
  const workloads = WORKLOADS.flatMap((workload): Entry[] => {
    const before = results.workloads.find((entry) => entry.workload.id === workload.id);
    const found = findings.find((finding) => finding.workload.id === workload.id);
    const kept = (before?.rows ?? []).filter(
      (each) => !tooOld.has(each.run) && (found === undefined || each.run !== run.id),
    );
    const rows = [...kept, ...(found?.rows ?? []).map((row) => ({ run: run.id, row }))];
    return rows.length === 0 ? [] : [{ workload, rows, leftOut: found?.leftOut ?? before?.leftOut ?? [] }];
  });
  const used = new Set(workloads.flatMap(({ rows }) => rows.map(({ run: id }) => id)));
  return { runs: runs.filter(({ id }) => used.has(id)), workloads };
}

/** The same results without the runs on one major version of Node. */
export function dropRuns(results: Results, major: string): Results {
  const gone = new Set(results.runs.filter((run) => nodeMajor(run) === major).map(({ id }) => id));
  return {
    runs: results.runs.filter(({ id }) => !gone.has(id)),
    workloads: results.workloads
      .map((entry) => ({ ...entry, rows: entry.rows.filter(({ run }) => !gone.has(run)) }))
      .filter(({ rows }) => rows.length > 0),
  };
}

/** A peer in a workload over all runs: `low` and `high` are the furthest runs, or rounds where there is one run alone. */
export interface MergedRow extends Row {
  readonly runs: number;
  readonly ratioRange?: Range;
  /** What this peer's CPU time was as a multiple of the reference's, over the runs. */
  readonly cpuRatioRange?: Range;
}

export interface MergedEntry {
  readonly workload: Workload;
  readonly rows: readonly MergedRow[];
  readonly leftOut: Entry['leftOut'];
}

/** What runs on one version of Node found. */
export interface View {
  readonly runs: readonly Run[];
  readonly workloads: readonly MergedEntry[];
}

/** Which version of Node a table shows: `SHOWN_NODE` if it was measured, else that of the last run. */
export function shownMajor({ runs }: Results): string {
  const majors = runs.map(nodeMajor);
  return majors.includes(SHOWN_NODE) ? SHOWN_NODE : (majors.at(-1) ?? SHOWN_NODE);
}

export function viewOf(results: Results, major: string = shownMajor(results)): View {
  const runs = results.runs.filter((run) => nodeMajor(run) === major);
  const ids = new Set(runs.map(({ id }) => id));
  const workloads = results.workloads.flatMap(({ workload, rows, leftOut }): MergedEntry[] => {
    const byPeer = new Map<string, Row[]>();
    for (const { run, row } of rows) {
      if (ids.has(run)) byPeer.set(row.peer, [...(byPeer.get(row.peer) ?? []), row]);
    }
    return byPeer.size === 0 ? [] : [{ workload, rows: [...byPeer.values()].map(mergeRows), leftOut }];
  });
  return { runs, workloads };
}

/** The rows of one peer, one for each run, as one. */
export function mergeRows(rows: readonly Row[]): MergedRow {
  const first = rows[0]!;
  const range = (of: (row: Row) => number | undefined) => rangeOf(rows.flatMap((row) => of(row) ?? []));
  const middle = (of: (row: Row) => number | undefined) => range(of)?.median;
  // One run has its rounds to tell how sure it is; several have each other.
  const together = (of: (row: Row) => Range | undefined) =>
    rows.length === 1 ? of(first) : range((row) => of(row)?.median);
  const value = range((row) => row.value)!;
  return defined<MergedRow>({
    peer: first.peer,
    label: rows.at(-1)!.label,
    runs: rows.length,
    value: value.median,
    low: rows.length === 1 ? first.low : value.low,
    high: rows.length === 1 ? first.high : value.high,
    ratio: middle((row) => row.ratio),
    ratioRange: range((row) => row.ratio),
    ours: together((row) => row.ours),
    oursCpu: together((row) => row.oursCpu),
    serverMicroseconds: middle((row) => row.serverMicroseconds),
    cpuRatio: middle((row) => row.cpuRatio),
    cpuRatioRange: range((row) => row.cpuRatio),
    kernelShare: middle((row) => row.kernelShare),
    serverBytes: middle((row) => row.serverBytes),
    serverPeakBytes: middle((row) => row.serverPeakBytes),
    latency: middleLatency(rows.flatMap((row) => row.latency ?? [])),
    connectionBytesCollected: middle((row) => row.connectionBytesCollected),
    unanswered: middle((row) => row.unanswered),
    compressedBytes: middle((row) => row.compressedBytes),
    limit: mostFrequent(rows.map((row) => row.limit)),
  });
}

/** Peers that are yardsticks, and no servers that anybody could use instead. */
const YARDSTICKS: ReadonlySet<string> = new Set(['net', 'net-events', 'node-http', 'http2-bare']);

export function isYardstick(peer: string): boolean {
  return YARDSTICKS.has(peer);
}

/** Other forms of what is measured: another door, another build. */
export function isOurs(peer: string): boolean {
  return peer.startsWith('barewire') || peer === 'baseline';
}

/**
 * What decides in a row: what the workload counts, or CPU time a message where the load, not a server, was the limit of one of the
 * servers: their rates are then the load's.
 */
export type Basis = 'figure' | 'cpu';

export function basisOf(workload: Pick<Workload, 'figure'>, rows: readonly Row[]): Basis {
  const servers = rows.filter(({ peer }) => !isYardstick(peer));
  const limited = workload.figure === 'rate' && servers.some(({ limit }) => limit === 'generator');
  return limited && servers.every(({ serverMicroseconds }) => serverMicroseconds !== undefined) ? 'cpu' : 'figure';
}

/** How many times as good as the reference a peer is: above 1 is better, whatever is measured. */
export function advantage(row: MergedRow, basis: Basis, workload: Pick<Workload, 'figure'>): Range | undefined {
  if (basis === 'cpu') return row.cpuRatioRange === undefined ? undefined : inverse(row.cpuRatioRange);
  if (row.ratioRange === undefined) return undefined;
  return workload.figure === 'rate' ? row.ratioRange : inverse(row.ratioRange);
}

export function inverse({ median, low, high }: Range): Range {
  return { median: 1 / median, low: 1 / high, high: 1 / low };
}

/** The best server of a row, whoever it is; undefined when none has a figure. */
export function bestOf({ workload, rows }: Pick<MergedEntry, 'workload' | 'rows'>): string | undefined {
  const basis = basisOf(workload, rows);
  const of = (row: MergedRow) => advantage(row, basis, workload)?.median ?? 0;
  const servers = rows.filter((row) => !isYardstick(row.peer) && of(row) > 0);
  return servers.toSorted((a, b) => of(b) - of(a))[0]?.peer;
}

/** Ours beside the best of the others. */
export interface Standing {
  readonly peer: string;
  readonly label: string;
  /** How many times as good as it we are: above 1 is better, whatever is measured. */
  readonly range: Range;
  /** `level`: some runs (of one run alone: rounds) say one thing and some another. */
  readonly word: 'ahead' | 'level' | 'behind';
}

export function standingOf(entry: Pick<MergedEntry, 'workload' | 'rows'>): Standing | undefined {
  const { workload, rows } = entry;
  const basis = basisOf(workload, rows);
  const others = rows.filter(({ peer }) => !isOurs(peer));
  const best = others.find(({ peer }) => peer === bestOf({ workload, rows: others }));
  const measured = basis === 'cpu' ? best?.oursCpu : best?.ours;
  if (best === undefined || measured === undefined) return undefined;
  const range = basis === 'cpu' || workload.figure !== 'rate' ? inverse(measured) : measured;
  const word = range.low > 1 ? 'ahead' : range.high < 1 ? 'behind' : 'level';
  return { peer: best.peer, label: best.label, range, word };
}
