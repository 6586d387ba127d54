/**
 * Rounds to rows, rows to a table in the terminal. Pure.
 */

import type { Limit } from '../../lib/load/measure.ts';
import type { Peer } from '../peers/peers.ts';
import type { Round } from './load.ts';
import type { Workload } from './workloads.ts';

/** One peer in one workload: medians over its rounds. */
export interface Row {
  readonly peer: string;
  readonly label: string;
  readonly perSecond: number;
  /** Distance of the furthest round from the median, as a share of it. */
  readonly spread: number;
  readonly serverMicroseconds?: number;
  readonly serverBytes?: number;
  /** The server's `perSecond` as a multiple of the reference's in the same run: median of the rounds' ratios. */
  readonly ratio?: number;
  /** The reference's CPU time a message as a multiple of this one's: what the ratio would be if only the server counted. */
  readonly cpuRatio?: number;
  /** Who was the limit in most rounds. */
  readonly limit: Limit;
  readonly rounds: readonly Round[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratios are taken round by round: a round of a peer with the same round of the reference, which ran beside it. */
export function summarize(measured: ReadonlyMap<Peer, readonly Round[]>, reference: string): Row[] {
  let reference_: readonly Round[] | undefined;
  for (const [peer, rounds] of measured) if (peer.id === reference) reference_ = rounds;
  return [...measured].map(([peer, rounds]) => {
    const perSecond = median(rounds.map((round) => round.perSecond));
    const micros = rounds.flatMap((round) => round.serverMicroseconds ?? []);
    const bytes = rounds.flatMap((round) => round.serverBytes ?? []);
    const ratios = rounds.flatMap((round, i) => {
      const other = reference_?.[i]?.perSecond;
      return other === undefined || other === 0 ? [] : round.perSecond / other;
    });
    const cpuRatios = rounds.flatMap((round, i) => {
      const other = reference_?.[i]?.serverMicroseconds;
      return other === undefined || round.serverMicroseconds === undefined ? [] : other / round.serverMicroseconds;
    });
    return {
      peer: peer.id,
      label: peer.label,
      perSecond,
      spread: Math.max(...rounds.map((round) => Math.abs(round.perSecond - perSecond))) / perSecond,
      ...(micros.length === 0 ? {} : { serverMicroseconds: median(micros) }),
      ...(bytes.length === 0 ? {} : { serverBytes: median(bytes) }),
      ...(ratios.length === 0 ? {} : { ratio: median(ratios) }),
      ...(cpuRatios.length === 0 ? {} : { cpuRatio: median(cpuRatios) }),
      limit: mostFrequent(rounds.map((round) => round.limit)),
      rounds,
    };
  });
}

function mostFrequent(limits: readonly Limit[]): Limit {
  const counts = new Map<Limit, number>();
  for (const limit of limits) counts.set(limit, (counts.get(limit) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown';
}

/** A table for the terminal. */
export function formatTable(workload: Workload, rows: readonly Row[]): string {
  const head = ['', `${workload.unit}/s`, '±', 'vs ws', 'CPU µs', 'vs ws', 'RSS MB', 'limit'];
  const lines = rows.map((row) => [
    row.label,
    thousands(row.perSecond),
    `${Math.round(row.spread * 100)}%`,
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)}x`,
    row.serverMicroseconds?.toFixed(2) ?? '',
    row.cpuRatio === undefined ? '' : `${row.cpuRatio.toFixed(2)}x`,
    row.serverBytes === undefined ? '' : (row.serverBytes / 1e6).toFixed(0),
    row.limit,
  ]);
  return `${workload.title}  [${workload.id}]\n${columns([head, ...lines])}`;
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
