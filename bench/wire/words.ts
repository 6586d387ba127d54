/** What tables and the page both say in words: a run, a multiple, and how barewire stands. Pure. */

import { type MergedEntry, type MergedRow, type Standing, standingOf } from './merge.ts';
import { OURS, type Range, thousands } from './report.ts';
import type { Run } from './results.ts';

/** Peers whose names in a table are others than their labels. */
export const NAMES: Readonly<Record<string, string>> = {
  barewire: 'barewire',
  ws: 'ws',
  'ws-level-1': 'ws, level 1',
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

/** A table of Markdown; the first columns, one if nothing else is said, stand left and all others right. */
export function markdownTable(head: readonly string[], lines: readonly (readonly string[])[], left = 1): string {
  const rule = head.map((_, i) => (i < left ? '---' : '--:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** `2 to 5`, or `3` where all are alike. */
export function fewestToMost(numbers: readonly number[]): string {
  const [fewest, most] = [Math.min(...numbers), Math.max(...numbers)];
  return fewest === most ? String(most) : `${fewest} to ${most}`;
}

/**
 * Several runs in one sentence: how many on which days, of what, where, and how many of them there are for a multiple in these rows. Every
 * page says it so; each run stands in the result file.
 */
export function runsWords(runs: readonly Run[], entries: readonly Pick<MergedEntry, 'rows'>[]): string {
  if (runs.length === 1) return runWords(runs[0]!);
  const each = (of: (run: Run) => string): string => [...new Set(runs.map(of))].join(', ');
  const days = [...new Set(runs.map(({ date }) => date.slice(0, 10)))];
  const ofDay = (day: string): string => {
    const { length } = runs.filter(({ date }) => date.startsWith(day));
    return `${length} run${length === 1 ? '' : 's'} on ${day}`;
  };
  const commits = each(({ commit, dirty }) => `${commit.slice(0, 10)}${dirty ? ' with changes' : ''}`);
  const rounds = fewestToMost(runs.map(({ schedule }) => schedule.rounds));
  return `${days.map(ofDay).join(', ')}; commits ${commits}; ${machineWords(runs)}; ${rounds} interleaved rounds of ${fewestToMost(runs.map(({ schedule }) => schedule.durationMs / 1_000))} s${sampleWords(entries)}`;
}

/** Where runs were made: a machine is known by its processor, its system and its memory. */
function machineWords(runs: readonly Run[]): string {
  const unique = (words: readonly string[]): string[] => [...new Set(words)];
  const machines = unique(
    runs.map(({ machine: { cpu, cpus, system, memoryBytes } }) => `${cpu} ${cpus} ${system} ${memoryBytes}`),
  );
  const kinds = unique(runs.map(({ machine: { cpu, cpus, placement } }) => `${cpu}, ${cpus} CPUs, ${placement}`));
  if (machines.length === 1) return kinds.join(', ');
  return `${machines.length} machines (${unique(runs.map(({ machine: { system } }) => system)).join(', ')}), ${kinds.join(', ')}`;
}

function sampleWords(entries: readonly Pick<MergedEntry, 'rows'>[]): string {
  const compared = entries.flatMap(({ rows }) => rows.filter(({ peer, rounds }) => peer !== OURS && rounds > 0));
  if (compared.length === 0) return '';
  const runs = fewestToMost(compared.map(({ oursRuns }) => oursRuns.length));
  return `; for each multiple ${runs} of these runs, ${fewestToMost(compared.map(({ rounds }) => rounds))} rounds in all`;
}

/** The version of each peer, of the last run that had it. */
export function versionsOf(runs: readonly Run[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...runs.map(({ versions }) => versions));
}

/** Marks what one round alone says: no range, and nothing that decides. */
export const ONCE = ' ¹';
export const ONCE_WORDS = '¹ One round alone: it cannot say *level*, and is never bold.';
/** After the name of another setting of ws, in the head of a column. */
export const SETTING = ' (multiple of ws)';
/** Marks a row in which CPU time is compared. */
export const BY_CPU = ' \\*';
export const BY_CPU_WORDS =
  "\\* The load had used up its CPU before a server had, so the row compares the server's CPU time for each one counted: multiples say how many times less of it a server takes.";

/** Barewire to the best of the others, with the range, and whether that is level. */
export function standingWords(entry: Pick<MergedEntry, 'workload' | 'basis' | 'rows'>): string {
  const standing = standingOf(entry);
  if (standing === undefined) return '–';
  const { peer, label, range, word, rounds } = standing;
  const words = `${times(range.median)} × ${NAMES[peer] ?? label}`;
  return rounds < 2 ? `${words}${ONCE}` : `${words} (${rangeText(range)})${word === 'level' ? ': level' : ''}`;
}

/** A standing in one cell: bold where the other one is the best server of its row, slanted where the two are level. */
export function standingCell({ peer, range, word, rounds }: Standing, best: string | undefined): string {
  const text = `${times(range.median)} ×`;
  if (rounds < 2) return text;
  const slanted = word === 'level' ? `*${text}*` : text;
  return peer === best ? `**${slanted}**` : slanted;
}

/** What a server reached in a row, with its unit. */
export function figureWords({ workload, basis }: Pick<MergedEntry, 'workload' | 'basis'>, row: MergedRow): string {
  if (basis === 'cpu') {
    const microseconds = row.serverMicroseconds!;
    return `${microseconds < 100 ? microseconds.toFixed(2) : thousands(microseconds)} µs`;
  }
  switch (workload.figure) {
    case 'rate':
      return `${thousands(row.value)}/s`;
    case 'latency':
      return `${row.value.toFixed(2)} ms`;
    case 'memory':
      return `${thousands(row.value)} bytes`;
  }
}

/** Which of these peers sent compressed replies in any of these rows: those that `octetsCell` names, in its order. */
export function senders(entries: readonly MergedEntry[], peers: readonly string[]): readonly string[] {
  const sent = (peer: string) => (entry: MergedEntry) => octetsOf(entry, peer) !== undefined;
  return peers.filter((peer) => entries.some(sent(peer)));
}

/** Octets of payload of a compressed reply on the wire. */
function octetsOf(entry: MergedEntry, peer: string): number | undefined {
  return entry.rows.find((row) => row.peer === peer)?.compressedBytes;
}

export function octetsHead(peers: readonly string[], nameOf: (peer: string) => string): string {
  return `octets of a reply: ${peers.map(nameOf).join(' / ')}`;
}

export function octetsCell(entry: MergedEntry, peers: readonly string[]): string {
  const octets = peers.map((peer) => octetsOf(entry, peer));
  return octets.map((each) => (each === undefined ? '–' : thousands(each))).join(' / ');
}

/** What must be known to read compressed rows: that they are not the same work. Level 1 of ws where it was measured; empty without rows. */
export function compressionWords(entries: readonly MergedEntry[]): string {
  const compressed = entries.filter(({ workload }) => workload.compressed);
  if (compressed.length === 0) return '';
  const alike = compressed.filter((entry) => octetsOf(entry, 'ws-level-1') !== undefined);
  const shown = alike.find(({ workload }) => workload.compressed === 'takeover') ?? alike[0];
  const ours = shown === undefined ? undefined : octetsOf(shown, 'barewire');
  const level1 =
    shown === undefined || ours === undefined
      ? ' What ws makes at level 1: `bench/README.md`.'
      : ` At level 1, too, ws sends ${thousands(octetsOf(shown, 'ws-level-1')!)} octets where barewire sends ${thousands(ours)} (${shown.workload.title}).`;
  const takeover = compressed.some(({ workload }) => workload.compressed === 'takeover')
    ? ' With takeover the compressor of uWebSockets.js keeps 512 octets, the others 32 KiB.'
    : '';
  const fanOut = compressed.some(({ workload }) => workload.type === 'fan-out' && workload.compressed === 'takeover')
    ? ' Barewire compresses a broadcast once for all, and so without takeover in every row of fan-out.'
    : '';
  return `Compressed rows are not the same work for all: each library has the level that is its default for WebSockets, barewire 1, ws and uWebSockets.js 6, Bun one that makes about as many octets as 6, and *octets of a reply* is what each made of a message.${level1}${takeover}${fanOut}`;
}

export function times(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(value < 2 ? 2 : 1);
}

export function rangeText({ low, high }: Range): string {
  return `${times(low)}–${times(high)}`;
}
