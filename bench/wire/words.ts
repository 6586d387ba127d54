/** What tables and the page both say in words: a run, a multiple, and how barewire stands. Pure. */

import { inverse, type MergedEntry, standingOf } from './merge.ts';
import type { Range } from './report.ts';
import type { Run } from './results.ts';

/** Peers whose names in a table are others than their labels. */
export const NAMES: Readonly<Record<string, string>> = {
  barewire: 'barewire',
  ws: 'ws',
  'better-sse': 'better-sse',
  uws: 'uWebSockets.js',
  bun: 'Bun',
  deno: 'Deno',
  'node-http': '`node:http`',
  net: 'bare `net`, no protocol',
};

/** One run in words: what it was made of, and where. */
export function runWords({ id, date, commit, dirty, machine, schedule }: Run): string {
  const { rounds, durationMs } = schedule;
  return `Run ${id}: ${date.slice(0, 10)}, commit ${commit.slice(0, 10)}${dirty ? ' with changes' : ''}, ${machine.cpu}, ${machine.cpus} CPUs, ${machine.placement}, ${rounds} interleaved rounds of ${durationMs / 1_000} s`;
}

/** Several runs in one sentence: how many on which days, of what, where; each of them stands in the result file and on its page. */
export function runsWords(runs: readonly Run[]): string {
  if (runs.length === 1) return runWords(runs[0]!);
  const each = (of: (run: Run) => string): string => [...new Set(runs.map(of))].join(', ');
  const between = (of: (run: Run) => number): string => {
    const [least, most] = [Math.min(...runs.map(of)), Math.max(...runs.map(of))];
    return least === most ? `${least}` : `${least} to ${most}`;
  };
  const days = [...new Set(runs.map(({ date }) => date.slice(0, 10)))];
  const ofDay = (day: string): string => {
    const { length } = runs.filter(({ date }) => date.startsWith(day));
    return `${length} run${length === 1 ? '' : 's'} on ${day}`;
  };
  const commits = each(({ commit, dirty }) => `${commit.slice(0, 10)}${dirty ? ' with changes' : ''}`);
  const where = each(({ machine }) => `${machine.cpu}, ${machine.cpus} CPUs, ${machine.placement}`);
  const rounds = between(({ schedule }) => schedule.rounds);
  return `${days.map(ofDay).join(', ')}; commits ${commits}; ${where}; ${rounds} interleaved rounds of ${between(({ schedule }) => schedule.durationMs / 1_000)} s`;
}

/** The version of each peer, of the last run that had it. */
export function versionsOf(runs: readonly Run[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...runs.map(({ versions }) => versions));
}

/** Ours to the best of the others, with the range, and what to call it; where less is better, less is in it too. */
export function standingWords(entry: Pick<MergedEntry, 'workload' | 'rows'>): string {
  const standing = standingOf(entry);
  if (standing === undefined) return '–';
  const { peer, label, word } = standing;
  const range = entry.workload.figure === 'rate' ? standing.range : inverse(standing.range);
  return `${times(range.median)} × ${NAMES[peer] ?? label} (${rangeText(range)})${word === 'level' ? ': level' : ''}`;
}

export function times(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(value < 2 ? 2 : 1);
}

export function rangeText({ low, high }: Range): string {
  return `${times(low)}–${times(high)}`;
}
