/**
 * Runs put together: another run added to what there is, and the middle and the range of each row over all of them. Pure.
 *
 * Runs on different versions of Node are never mixed: a view is of one of them.
 * Read next: `readme.ts`, `page.ts`.
 */

import { defined, middleLatency, mostFrequent, OURS, type Range, type Row, rangeOf } from './report.ts';
import type { Entry, Finding, Results, Run } from './results.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

/**
 * Runs that are kept of each server in a workload, for each major version of Node; the oldest go. Twice what a table wants, so that a bad day
 * can be outweighed. A run goes from a workload as a whole, since its servers are compared with each other, and barewire is in all of them.
 */
export const MAX_RUNS = 10;

/** The version that the tables show where it was measured: the one that most people run. */
export const SHOWN_NODE = '24';

export function nodeMajor(run: Run): string {
  return run.machine.node.split('.')[0] ?? '';
}

/** The same results and what one more run found; what the same run had found before in these workloads is replaced. */
export function addRun(results: Results, run: Run, findings: readonly Finding[]): Results {
  const runs = [...results.runs.filter(({ id }) => id !== run.id), run];
  const alike = runs.filter((each) => nodeMajor(each) === nodeMajor(run)).map(({ id }) => id);
  const workloads = WORKLOADS.flatMap((workload): Entry[] => {
    const before = results.workloads.find((entry) => entry.workload.id === workload.id);
    const found = findings.find((finding) => finding.workload.id === workload.id);
    const kept = (before?.rows ?? []).filter((each) => found === undefined || each.run !== run.id);
    const rows = withinBounds([...kept, ...(found?.rows ?? []).map((row) => ({ run: run.id, row }))], alike);
    return rows.length === 0 ? [] : [{ workload, rows, leftOut: found?.leftOut ?? before?.leftOut ?? [] }];
  });
  const used = new Set(workloads.flatMap(({ rows }) => rows.map(({ run: id }) => id)));
  return { runs: runs.filter(({ id }) => used.has(id)), workloads };
}

/** Rows of a workload without those of runs, of these in their order, each of whose servers has so many later ones that it may go. */
function withinBounds(rows: Entry['rows'], runs: readonly string[]): Entry['rows'] {
  const peersOf = (run: string): string[] => rows.flatMap((each) => (each.run === run ? each.row.peer : []));
  const isOver = (run: string, i: number): boolean => {
    const peers = peersOf(run);
    const rivals = peers.filter((peer) => peer !== OURS);
    const later = runs.slice(i + 1).map(peersOf);
    return (rivals.length > 0 ? rivals : peers).every(
      (peer) => later.filter((each) => each.includes(peer)).length >= MAX_RUNS,
    );
  };
  const over = new Set(runs.filter(isOver));
  return rows.filter(({ run }) => !over.has(run));
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
  /** Rounds of all runs in which barewire ran beside it. */
  readonly rounds: number;
  /** Runs that set it beside the reference, and runs that set barewire beside it: what the ranges below are made of. */
  readonly ratioRuns: readonly string[];
  readonly oursRuns: readonly string[];
  readonly ratioRange?: Range;
  /** What this peer's CPU time was as a multiple of the reference's, over the runs. */
  readonly cpuRatioRange?: Range;
}

export interface MergedEntry {
  readonly workload: Workload;
  readonly basis: Basis;
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
  const workloads = results.workloads.flatMap(({ workload, rows, leftOut }): MergedEntry[] => {
    const byPeer = new Map<string, FoundRow[]>();
    for (const { run: id, row } of rows) {
      const run = runs.find((each) => each.id === id);
      if (run !== undefined) byPeer.set(row.peer, [...(byPeer.get(row.peer) ?? []), { run, row }]);
    }
    if (byPeer.size === 0) return [];
    const merged = [...byPeer.values()].map(mergeRows);
    return [{ workload, basis: basisOf(workload, merged), rows: merged, leftOut }];
  });
  return { runs, workloads };
}

/** What one run found of a peer. */
interface FoundRow {
  readonly run: Pick<Run, 'id' | 'schedule'>;
  readonly row: Row;
}

/** The rows of one peer, one for each run, as one. */
export function mergeRows(found: readonly FoundRow[]): MergedRow {
  const rows = found.map(({ row }) => row);
  const first = rows[0]!;
  const range = (of: (row: Row) => number | undefined) => rangeOf(rows.flatMap((row) => of(row) ?? []));
  const middle = (of: (row: Row) => number | undefined) => range(of)?.median;
  // One run has its rounds to tell how sure it is; several have each other.
  const together = (of: (row: Row) => Range | undefined) =>
    rows.length === 1 ? of(first) : range((row) => of(row)?.median);
  const value = range((row) => row.value)!;
  const beside = found.filter(({ row }) => row.peer === OURS || row.ours !== undefined);
  return defined<MergedRow>({
    peer: first.peer,
    label: rows.at(-1)!.label,
    runs: rows.length,
    rounds: beside.reduce((sum, { run }) => sum + run.schedule.rounds, 0),
    ratioRuns: found.filter(({ row }) => row.ratio !== undefined).map(({ run }) => run.id),
    oursRuns: beside.map(({ run }) => run.id),
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

/** Other settings of ws: they stand beside it, in the runs that have both. */
const SETTINGS: ReadonlySet<string> = new Set(['ws-level-1', 'ws-native']);

export function isSetting(peer: string): boolean {
  return SETTINGS.has(peer);
}

/** Other forms of what is measured: another door, another build. */
export function isOurs(peer: string): boolean {
  return peer.startsWith('barewire') || peer === 'baseline';
}

/** Whether a peer is a server of somebody else: neither another form of barewire nor sockets without a protocol. */
export function isRival(peer: string): boolean {
  return !isOurs(peer) && !isYardstick(peer);
}

/**
 * What decides in a row: what the workload counts, or CPU time a message where the load, not a server, was the limit of one of the
 * servers: their rates are then the load's. One rule for every table, and for all cells of a row.
 */
export type Basis = 'figure' | 'cpu';

function basisOf(workload: Pick<Workload, 'figure'>, rows: readonly Row[]): Basis {
  const servers = rows.filter(({ peer }) => isRival(peer) || peer === OURS);
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

/** Barewire beside one other server. */
export interface Standing {
  readonly peer: string;
  readonly label: string;
  /** How many times as good as it we are: above 1 is better, whatever is measured. */
  readonly range: Range;
  /** `level`: some runs (of one run alone: rounds) say one thing and some another. One round alone cannot say so. */
  readonly word: 'ahead' | 'level' | 'behind';
  readonly rounds: number;
}

/** A row, or some servers of it. */
type Compared = Pick<MergedEntry, 'workload' | 'basis' | 'rows'>;

/** How barewire stands to one peer of a row; undefined where that was not measured. */
export function standingTo(entry: Compared, peer: string): Standing | undefined {
  const row = entry.rows.find((each) => each.peer === peer);
  const byCpu = entry.basis === 'cpu';
  const measured = byCpu ? row?.oursCpu : row?.ours;
  if (row === undefined || measured === undefined) return undefined;
  const range = byCpu || entry.workload.figure !== 'rate' ? inverse(measured) : measured;
  const word = range.low > 1 ? 'ahead' : range.high < 1 ? 'behind' : 'level';
  return { peer, label: row.label, range, word, rounds: row.rounds };
}

/** To each server of somebody else in the row. */
function standings(entry: Compared): Standing[] {
  return entry.rows.flatMap(({ peer }) => (isRival(peer) ? (standingTo(entry, peer) ?? []) : []));
}

/** How barewire stands to the best of the others: of those with more than one round, if there are any. */
export function standingOf(entry: Compared): Standing | undefined {
  const all = standings(entry);
  const sure = all.filter(({ rounds }) => rounds > 1);
  return (sure.length === 0 ? all : sure).toSorted((a, b) => a.range.median - b.range.median)[0];
}

/** The best server of a row, whoever it is: what tables print bold. Undefined where nobody was measured in more than one round. */
export function bestOf(entry: Compared): string | undefined {
  const best = standingOf(entry);
  if (best === undefined || best.rounds < 2) return undefined;
  return best.range.median > 1 ? OURS : best.peer;
}
