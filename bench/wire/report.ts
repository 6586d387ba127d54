/**
 * Rounds to rows, rows to a table in the terminal. Pure.
 * Read next: `results.ts`.
 */

import type { LatencySummary } from '../../lib/load/latency.ts';
import type { Limit } from '../../lib/load/measure.ts';
import type { Round } from './load.ts';
import type { Workload } from './workloads.ts';

/** The middle of several figures and the two that are furthest from it. */
export interface Range {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One peer in one workload: medians over its rounds. */
export interface Row {
  readonly peer: string;
  readonly label: string;
  /** What decides in this workload: a rate, the p99 in milliseconds, or bytes a connection. */
  readonly value: number;
  /** The lowest and the highest round's. */
  readonly low: number;
  readonly high: number;
  /** `value` as a multiple of the reference's in the same run: median of the rounds' ratios. */
  readonly ratio?: number;
  /** Barewire's figure as a multiple of this peer's, round by round. */
  readonly ours?: Range;
  /** The same of barewire's CPU time for each one counted: less is better. */
  readonly oursCpu?: Range;
  readonly serverMicroseconds?: number;
  /** The server's CPU time as a multiple of the reference's. */
  readonly cpuRatio?: number;
  /** How much of the server's CPU time the operating system used on its behalf. */
  readonly kernelShare?: number;
  readonly serverBytes?: number;
  readonly serverPeakBytes?: number;
  readonly latency?: Pick<LatencySummary, 'p50' | 'p99' | 'p999' | 'max' | 'curve'>;
  readonly connectionBytesCollected?: number;
  readonly unanswered?: number;
  readonly compressedBytes?: number;
  /** Who was the limit in most rounds. */
  readonly limit: Limit;
}

/** The peer whose figures the others' are set beside in `Row.ours`. */
export const OURS = 'barewire';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What decides in a workload, of one round. */
export function figureOf(workload: Pick<Workload, 'figure'>, round: Round): number {
  switch (workload.figure) {
    case 'rate':
      return round.perSecond;
    case 'latency':
      return round.latency?.p99 ?? 0;
    case 'memory':
      return round.connectionBytes ?? 0;
  }
}

/** Median, least and most; undefined of nothing. */
export function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** The rounds of a peer in a workload. */
export interface Measured {
  readonly id: string;
  readonly label: string;
  readonly rounds: readonly Round[];
}

type Figure = (round: Round) => number | undefined;

/** Figures of `rounds` as multiples of those of the same rounds of another peer, which ran beside them. */
function ratios(rounds: readonly Round[], others: readonly Round[] | undefined, of: Figure): number[] {
  return rounds.flatMap((round, i) => {
    const other = others?.[i];
    const [own, theirs] = [of(round), other === undefined ? undefined : of(other)];
    return own === undefined || theirs === undefined || theirs === 0 ? [] : own / theirs;
  });
}

/** Ratios are taken round by round: a round of a peer with the same round of the reference, which ran beside it. */
export function summarize(
  workload: Pick<Workload, 'figure' | 'reference'>,
  measured: readonly Measured[],
): readonly Row[] {
  const roundsOf = (peer: string) => measured.find(({ id }) => id === peer)?.rounds;
  const [reference, ours] = [roundsOf(workload.reference), roundsOf(OURS)];
  const figure: Figure = (round) => figureOf(workload, round);
  const cpu: Figure = (round) => round.serverMicroseconds;
  return measured
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ id, label, rounds }) => {
      const middle = (of: Figure) => rangeOf(rounds.flatMap((round) => of(round) ?? []))?.median;
      const { median: value, low, high } = rangeOf(rounds.map((round) => figureOf(workload, round)))!;
      return defined<Row>({
        peer: id,
        label,
        value,
        low,
        high,
        ratio: rangeOf(ratios(rounds, reference, figure))?.median,
        ours: id === OURS ? undefined : rangeOf(ratios(ours ?? [], rounds, figure)),
        oursCpu: id === OURS ? undefined : rangeOf(ratios(ours ?? [], rounds, cpu)),
        serverMicroseconds: middle(cpu),
        cpuRatio: rangeOf(ratios(rounds, reference, cpu))?.median,
        kernelShare: middle((round) => round.serverKernelShare),
        serverBytes: middle((round) => round.serverBytes),
        serverPeakBytes: middle((round) => round.serverPeakBytes),
        latency: middleLatency(rounds.flatMap((round) => round.latency ?? [])),
        connectionBytesCollected: middle((round) => round.connectionBytesCollected),
        unanswered: middle((round) => round.unanswered),
        compressedBytes: middle((round) => round.compressedBytes),
        limit: mostFrequent(rounds.map((round) => round.limit)),
      });
    });
}

/** Each percentile's median. */
export function middleLatency(all: readonly NonNullable<Row['latency']>[]): Row['latency'] {
  const [first] = all;
  if (first === undefined) return undefined;
  const of = (key: 'p50' | 'p99' | 'p999' | 'max') => median(all.map((each) => each[key]));
  const curve = first.curve.map(([percent]) => {
    const values = all.flatMap((each) => each.curve.flatMap(([p, ms]) => (p === percent ? ms : [])));
    return [percent, median(values)] as const;
  });
  return { p50: of('p50'), p99: of('p99'), p999: of('p999'), max: of('max'), curve };
}

/** Without the keys that are undefined. */
export function defined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as unknown as T;
}

export function mostFrequent(limits: readonly Limit[]): Limit {
  const counts = new Map<Limit, number>();
  for (const limit of limits) counts.set(limit, (counts.get(limit) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown';
}

/** Distance of the furthest round from the median, as a share of it. */
export function spreadOf({ value, low, high }: Pick<Row, 'value' | 'low' | 'high'>): number {
  return value === 0 ? 0 : Math.max(high - value, value - low) / Math.abs(value);
}

type Column = readonly [title: string, cell: (row: Row) => string | undefined];

function columnsOf(workload: Workload): Column[] {
  const { reference, unit } = workload;
  const times = (ratio: number | undefined) => (ratio === undefined ? undefined : `${ratio.toFixed(2)}x`);
  const cpu: Column[] = [
    ['CPU µs', (row) => row.serverMicroseconds?.toFixed(2)],
    [`vs ${reference}`, (row) => times(row.cpuRatio)],
    ['kernel', (row) => percent(row.kernelShare)],
  ];
  const memory: Column = ['RSS MB', (row) => megabytes(row.serverBytes)];
  const peak: Column = ['peak MB', (row) => megabytes(row.serverPeakBytes)];
  const size: Column = ['bytes', (row) => row.compressedBytes?.toFixed(0)];
  const spread: Column = ['±', (row) => `${Math.round(spreadOf(row) * 100)}%`];
  const limit: Column = ['limit', (row) => row.limit];
  switch (workload.figure) {
    case 'rate':
      return [
        [`${unit}/s`, (row) => thousands(row.value)],
        spread,
        [`vs ${reference}`, (row) => times(row.ratio)],
        ...cpu,
        memory,
        ...(workload.type === 'fan-out' && workload.slowMembers > 0 ? [peak] : []),
        ...(workload.compressed ? [size] : []),
        limit,
      ];
    case 'latency':
      return [
        ['p50 ms', (row) => row.latency?.p50.toFixed(2)],
        ['p99 ms', (row) => row.latency?.p99.toFixed(2)],
        ['p99.9 ms', (row) => row.latency?.p999.toFixed(2)],
        ['max ms', (row) => row.latency?.max.toFixed(2)],
        spread,
        [`p99 vs ${reference}`, (row) => times(row.ratio)],
        ...cpu,
        ['lost', (row) => String(row.unanswered ?? 0)],
        limit,
      ];
    case 'memory':
      return [
        ['bytes each', (row) => thousands(row.value)],
        spread,
        [`vs ${reference}`, (row) => times(row.ratio)],
        [
          'after gc',
          (row) => (row.connectionBytesCollected === undefined ? undefined : thousands(row.connectionBytesCollected)),
        ],
        memory,
      ];
  }
}

/** A table for the terminal. */
export function formatTable(workload: Workload, rows: readonly Row[]): string {
  const all = columnsOf(workload);
  const head = ['', ...all.map(([title]) => title)];
  const lines = rows.map((row) => [row.label, ...all.map(([, cell]) => cell(row) || '')]);
  return `${workload.title}  [${workload.id}]\n${columns([head, ...lines])}`;
}

export function percent(share: number | undefined): string | undefined {
  return share === undefined ? undefined : `${Math.round(share * 100)}%`;
}

function megabytes(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : (bytes / 1e6).toFixed(0);
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** The first column to the left, the others to the right. */
export function columns(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return lines
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}
