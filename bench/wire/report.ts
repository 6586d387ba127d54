/**
 * Rounds to rows, rows to a table in the terminal. Pure.
 * Read next: `results.ts`.
 */

import type { Limit } from '../../lib/load/measure.ts';
import type { Round } from './load.ts';
import type { Workload } from './workloads.ts';

/** One peer in one workload: medians over its rounds. */
export interface Row {
  readonly peer: string;
  readonly label: string;
  /** What decides in this workload: a rate, the p99 in milliseconds, or bytes a connection. */
  readonly value: number;
  /** Distance of the furthest round from the median, as a share of it. */
  readonly spread: number;
  /** `value` as a multiple of the reference's in the same run: median of the rounds' ratios. */
  readonly ratio?: number;
  readonly serverMicroseconds?: number;
  /** The server's CPU time as a multiple of the reference's. */
  readonly cpuRatio?: number;
  /** How much of the server's CPU time the operating system used on its behalf. */
  readonly kernelShare?: number;
  readonly serverBytes?: number;
  readonly serverPeakBytes?: number;
  readonly latency?: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly connectionBytesCollected?: number;
  readonly unanswered?: number;
  readonly compressedBytes?: number;
  /** Who was the limit in most rounds. */
  readonly limit: Limit;
  readonly rounds: readonly Round[];
}

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

/** Ratios are taken round by round: a round of a peer with the same round of the reference, which ran beside it. */
export function summarize(
  workload: Pick<Workload, 'figure' | 'reference'>,
  measured: readonly { readonly id: string; readonly label: string; readonly rounds: readonly Round[] }[],
): Row[] {
  const reference = measured.find(({ id }) => id === workload.reference)?.rounds;
  return measured
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ id, label, rounds }) => {
      const figures = rounds.map((round) => figureOf(workload, round));
      const value = median(figures);
      const middle = (of: (round: Round) => number | undefined): number | undefined => {
        const values = rounds.flatMap((round) => of(round) ?? []);
        return values.length === 0 ? undefined : median(values);
      };
      const against = (of: (round: Round) => number | undefined): number | undefined => {
        const ratios = rounds.flatMap((round, i) => {
          const other = reference?.[i];
          const [own, theirs] = [of(round), other === undefined ? undefined : of(other)];
          return own === undefined || theirs === undefined || theirs === 0 ? [] : own / theirs;
        });
        return ratios.length === 0 ? undefined : median(ratios);
      };
      const latency = rounds[0]!.latency === undefined ? undefined : latencyOf(rounds);
      return defined({
        peer: id,
        label,
        value,
        spread: value === 0 ? 0 : Math.max(...figures.map((figure) => Math.abs(figure - value))) / Math.abs(value),
        ratio: against((round) => figureOf(workload, round)),
        serverMicroseconds: middle((round) => round.serverMicroseconds),
        cpuRatio: against((round) => round.serverMicroseconds),
        kernelShare: middle((round) => round.serverKernelShare),
        serverBytes: middle((round) => round.serverBytes),
        serverPeakBytes: middle((round) => round.serverPeakBytes),
        latency,
        connectionBytesCollected: middle((round) => round.connectionBytesCollected),
        unanswered: middle((round) => round.unanswered),
        compressedBytes: middle((round) => round.compressedBytes),
        limit: mostFrequent(rounds.map((round) => round.limit)),
        rounds,
      });
    });
}

function latencyOf(rounds: readonly Round[]): Row['latency'] {
  const of = (key: 'p50' | 'p99' | 'p999' | 'max') => median(rounds.map((round) => round.latency?.[key] ?? 0));
  return { p50: of('p50'), p99: of('p99'), p999: of('p999'), max: of('max') };
}

/** Without the keys that are undefined. */
function defined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): Row {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as unknown as Row;
}

function mostFrequent(limits: readonly Limit[]): Limit {
  const counts = new Map<Limit, number>();
  for (const limit of limits) counts.set(limit, (counts.get(limit) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown';
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
  const spread: Column = ['±', (row) => `${Math.round(row.spread * 100)}%`];
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
