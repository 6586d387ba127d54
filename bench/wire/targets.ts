/**
 * What was aimed for, and what came of it: the table "Targets" in bench/README.md, generated from a result file.
 *
 * Each multiple that was wanted stands beside the one that was measured. For those against ws two bounds are there too: what
 * bare `net` sockets reach, without any protocol, and what the multiple would be if the kernel's part of barewire's CPU time
 * were all of it.
 * Read next: `readme.ts`, which writes it.
 */

import {
  advantage,
  type MergedEntry,
  type MergedRow,
  nodeMajor,
  shownMajor,
  standingTo,
  type View,
  viewOf,
} from './merge.ts';
import { median, OURS, type Row } from './report.ts';
import type { Results, Run } from './results.ts';
import { BY_CPU, fewestToMost, markdownTable, ONCE, standingCell, times } from './words.ts';
import { WORKLOADS } from './workloads.ts';

interface Target {
  readonly id: string;
  /** How many times as good as each peer, at least: as fast, of memory as small. The first peer is the one that the workload is compared with. */
  readonly wanted: Readonly<Record<string, number>>;
}

export const TARGETS: readonly Target[] = [
  { id: 'echo-20x64', wanted: { ws: 1.5, uws: 0.95, bun: 0.95 } },
  { id: 'echo-20x1000', wanted: { ws: 1.5, uws: 0.95, bun: 0.95 } },
  { id: 'echo-20x16x64', wanted: { ws: 30, uws: 3, bun: 1.2 } },
  { id: 'echo-100tx16x64', wanted: { ws: 20, uws: 1.5, bun: 1 } },
  { id: 'answer-100tx16x64', wanted: { ws: 5, uws: 1, bun: 1 } },
  { id: 'echo-1kx64x4', wanted: { ws: 4.5, uws: 1, bun: 1 } },
  { id: 'echo-16kx32x2', wanted: { ws: 2, uws: 0.9, bun: 1.5 } },
  { id: 'echo-16ktx32x2', wanted: { ws: 2, uws: 0.9, bun: 1.5 } },
  { id: 'answer-16ktx32x2', wanted: { ws: 2, uws: 1, bun: 1 } },
  { id: 'echo-1mx4', wanted: { ws: 1.7, uws: 1, bun: 1.3 } },
  { id: 'fanout-100x100x8', wanted: { ws: 11, uws: 1.1, bun: 1 } },
  { id: 'fanout-100x1000', wanted: { ws: 1.7, uws: 1, bun: 1 } },
  { id: 'deflate-200x16x4', wanted: { ws: 18, uws: 1, bun: 1 } },
  { id: 'deflate-4kx16x4', wanted: { ws: 8, uws: 1, bun: 1 } },
  { id: 'deflate-chat-100', wanted: { ws: 8, uws: 1, bun: 1 } },
  { id: 'deflate-chat-4k', wanted: { ws: 3, uws: 1, bun: 1 } },
  { id: 'deflate-chat-4k-takeover', wanted: { ws: 3, uws: 1, bun: 1 } },
  { id: 'deflate-fanout-chat-1k', wanted: { ws: 20, uws: 5, bun: 5 } },
  { id: 'deflate-fanout-1kx100x8', wanted: { ws: 20, bun: 2 } },
  { id: 'connect', wanted: { ws: 1.5 } },
  { id: 'idle-10000', wanted: { ws: 1.25 } },
  { id: 'events-100x1000', wanted: { 'better-sse': 3, bun: 1 } },
];

/** Markdown of the table. */
export function renderTargets(results: Results): string {
  const head = [
    '',
    'against ws (better-sse)',
    'bare `net`',
    'kernel alone',
    'against uWebSockets.js',
    'against Bun',
    'CPU µs: kernel + rest',
  ];
  const view = viewOf(results);
  const lines = TARGETS.flatMap(({ id, wanted }) => {
    const entry = view.workloads.find(({ workload }) => workload.id === id);
    const ours = entry?.rows.find((row) => row.peer === OURS);
    if (entry === undefined || ours === undefined) return [];
    const { workload, basis, rows } = entry;
    const memory = workload.figure === 'memory';
    // What a native server's connection takes was never aimed for.
    const cell = (peer: string) =>
      memory && wanted[peer] === undefined ? '–' : verdict(standingTo(entry, peer)?.range.median, wanted[peer]);
    const reference = rows.find((row) => row.peer === workload.reference);
    const kernel = memory ? undefined : kernelMicroseconds(ours);
    const floor =
      kernel === undefined || reference?.serverMicroseconds === undefined
        ? '–'
        : `${times(reference.serverMicroseconds / kernel)} ×`;
    const time =
      kernel === undefined ? '–' : `${kernel.toFixed(2)} + ${(ours.serverMicroseconds! - kernel).toFixed(2)}`;
    const bare = rows.find((row) => row.peer === 'net');
    const net = bare === undefined ? undefined : advantage(bare, basis, workload)?.median;
    return [[titleOf(entry), cell(workload.reference), verdict(net), floor, cell('uws'), cell('bun'), time]];
  });
  return markdownTable(head, lines);
}

function titleOf({ workload, basis }: Pick<MergedEntry, 'workload' | 'basis'>): string {
  return `${workload.title}${basis === 'cpu' ? BY_CPU : ''}`;
}

function kernelMicroseconds(row: MergedRow): number | undefined {
  return row.serverMicroseconds === undefined || row.kernelShare === undefined
    ? undefined
    : row.serverMicroseconds * row.kernelShare;
}

/** What was measured, and beside it what was wanted: reached or not. */
function verdict(value: number | undefined, wanted?: number): string {
  if (value === undefined) return '–';
  const text = `${times(value)} ×`;
  if (wanted === undefined) return text;
  return `${text} ${value >= wanted ? '≥' : '<'} ${wanted}`;
}

/** Barewire on each version of Node that was measured: one table, or none where there is one version alone. */
export function renderNodes(results: Results): string[] {
  const majors = majorsOf(results);
  if (majors.length < 2) return [];
  const views = majors.map((major) => viewOf(results, major));
  const head = ['barewire on Node', ...majors.map((major) => `${major}: against ws (better-sse), CPU µs`)];
  const lines = WORKLOADS.flatMap(({ id, title, figure, reference }) => {
    const entries = views.map((view) => view.workloads.find(({ workload }) => workload.id === id));
    const cells = entries.map((entry) => {
      const standing = entry === undefined ? undefined : standingTo(entry, reference);
      if (entry === undefined || standing === undefined) return '–';
      const microseconds = entry.rows.find(({ peer }) => peer === OURS)?.serverMicroseconds;
      const time = figure === 'memory' || microseconds === undefined ? '' : `, ${microseconds.toFixed(2)}`;
      return `${standingCell(standing, undefined)}${standing.rounds < 2 ? ONCE : ''}${entry.basis === 'cpu' ? BY_CPU : ''}${time}`;
    });
    return cells.filter((cell) => cell !== '–').length < 2 ? [] : [[title, ...cells]];
  });
  return [markdownTable(head, lines)];
}

function majorsOf({ runs }: Results): string[] {
  return [...new Set(runs.map(nodeMajor))].sort((a, b) => Number(a) - Number(b));
}

/** A lead below this is told of with those that are level. */
const SMALL_LEAD = 1.05;

/** Which of these rows are lost or level against the reference on versions of Node that the tables do not show; empty where there is no other. */
export function otherNodes(results: Results, ids: readonly string[]): string {
  const shown = shownMajor(results);
  const others = majorsOf(results).filter((major) => major !== shown);
  return others.flatMap((major) => otherNode(viewOf(results, major), major, ids)).join('\n');
}

function otherNode(view: View, major: string, ids: readonly string[]): string[] {
  const measured = view.workloads.flatMap((entry) => {
    const standing = ids.includes(entry.workload.id) ? standingTo(entry, entry.workload.reference) : undefined;
    // One round alone is not counted.
    return standing === undefined || standing.rounds < 2 ? [] : [{ entry, standing }];
  });
  if (measured.length === 0) return [];
  const behind = measured.filter(({ standing }) => standing.range.high < 1);
  const level = measured.filter(
    ({ standing: { range, word } }) => range.high >= 1 && (word === 'level' || range.median < SMALL_LEAD),
  );
  const list = (rows: typeof measured) =>
    rows.map(({ entry, standing }) => `${titleOf(entry)} (${times(standing.range.median)} ×)`).join('; ');
  const rounds = fewestToMost(measured.map(({ standing }) => standing.rounds));
  return [
    `On Node ${major} (${rounds} rounds) against ws and better-sse: ${[
      `ahead in ${measured.length - behind.length - level.length} of ${measured.length} rows`,
      ...(level.length === 0 ? [] : [`level or less than 5 % ahead in ${list(level)}`]),
      ...(behind.length === 0 ? [] : [`behind in ${list(behind)}`]),
    ].join(', ')}.`,
  ];
}

/** Other ways to use barewire, beside the plain one in the same run. */
const WAYS: readonly (readonly [peer: string, name: string])[] = [
  ['barewire-attached', '`server.attach`'],
  ['barewire-bytes', 'text as bytes'],
  ['barewire-lent', 'lent messages'],
  ['barewire-ws', '`barewire/ws`'],
];

/** How many times as good as the plain server each other way is: one table, or none where none was measured. */
export function renderWays(results: Results): string[] {
  const { workloads } = viewOf(results);
  const ways = WAYS.filter(([peer]) => workloads.some(({ rows }) => rows.some((row) => row.peer === peer)));
  if (ways.length === 0) return [];
  const head = ['multiples of barewire as it is', ...ways.map(([, name]) => name)];
  const lines = workloads.flatMap((entry) => {
    const cells = ways.map(([peer]) => {
      const standing = standingTo(entry, peer);
      return standing === undefined ? '–' : `${times(1 / standing.range.median)} ×${standing.rounds < 2 ? ONCE : ''}`;
    });
    return cells.every((cell) => cell === '–') ? [] : [[titleOf(entry), ...cells]];
  });
  return [markdownTable(head, lines)];
}

/** What was wanted of lent messages, as multiples of each peer's figure: at least. */
const LENT_TARGETS: readonly Target[] = [
  { id: 'echo-20x16x64', wanted: { uws: 3.5, bun: 1.5 } },
  { id: 'echo-100tx16x64', wanted: { bun: 1.2 } },
  { id: 'echo-1kx64x4', wanted: { uws: 1.1, bun: 1.1 } },
  { id: 'echo-16kx32x2', wanted: {} },
  { id: 'echo-16ktx32x2', wanted: {} },
  { id: 'echo-1mx4', wanted: { uws: 1, bun: 1.4 } },
];

/**
 * What lent messages reach beside the native servers, run by run of those that had all: one table, or none where there is no such run.
 * Beside messages that are owned they stand in the table of ways.
 */
export function renderLent(results: Results): string[] {
  const major = shownMajor(results);
  const runs = results.runs.filter((run) => nodeMajor(run) === major);
  const view = viewOf(results);
  const head = ['lent messages', 'against uWebSockets.js', 'against Bun', 'rounds'];
  const lines = LENT_TARGETS.flatMap(({ id, wanted }) => {
    const entry = view.workloads.find(({ workload }) => workload.id === id);
    const found = results.workloads.find(({ workload }) => workload.id === id);
    const rowIn = (run: Run, peer: string): Row | undefined =>
      found?.rows.find((each) => each.run === run.id && each.row.peer === peer)?.row;
    const complete = runs.filter((run) => LENT_PEERS.every((peer) => rowIn(run, peer) !== undefined));
    if (entry === undefined || complete.length === 0) return [];
    const byCpu = entry.basis === 'cpu';
    const speed = (run: Run, peer: string): number => {
      const row = rowIn(run, peer)!;
      return byCpu ? 1 / row.serverMicroseconds! : row.value;
    };
    const cells = ['uws', 'bun'].map((peer) => {
      const each = complete.map((run) => speed(run, 'barewire-lent') / speed(run, peer));
      return verdict(median(each), wanted[peer]);
    });
    return [[titleOf(entry), ...cells, String(complete.reduce((sum, { schedule }) => sum + schedule.rounds, 0))]];
  });
  return lines.length === 0 ? [] : [markdownTable(head, lines)];
}

/** Who is in a run that says something of lent messages. */
export const LENT_PEERS: readonly string[] = [OURS, 'barewire-lent', 'uws', 'bun'];
