/**
 * What was aimed for, and what came of it: the table "Targets" in bench/README.md, generated from a result file.
 *
 * Each multiple that was wanted stands beside the one that was measured. For those against ws two bounds are there too: what
 * bare `net` sockets reach, without any protocol, and what the multiple would be if the kernel's part of barewire's CPU time
 * were all of it.
 * Read next: `readme.ts`, which writes it.
 */

import { type MergedRow, nodeMajor, shownMajor, viewOf } from './merge.ts';
import { OURS, rangeOf } from './report.ts';
import type { Results } from './results.ts';
import { WORKLOADS } from './workloads.ts';

interface Target {
  readonly id: string;
  /** Multiples of each peer's figure: at least; of memory, at most. The first peer is the one that the workload is compared with. */
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
  { id: 'idle-10000', wanted: { ws: 0.8 } },
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
    const { workload, rows } = entry;
    const memory = workload.figure === 'memory';
    // What a native server's connection takes was never aimed for.
    const cell = (peer: string) =>
      memory && wanted[peer] === undefined ? '–' : verdict(measured(rows, peer), wanted[peer], memory);
    const reference = rows.find((row) => row.peer === workload.reference);
    const kernel = memory ? undefined : kernelMicroseconds(ours);
    const floor =
      kernel === undefined || reference?.serverMicroseconds === undefined
        ? '–'
        : `${multiple(reference.serverMicroseconds / kernel)} ×`;
    const time =
      kernel === undefined ? '–' : `${kernel.toFixed(2)} + ${(ours.serverMicroseconds! - kernel).toFixed(2)}`;
    const bare = rows.find((row) => row.peer === 'net')?.ratio;
    const net = bare === undefined ? '–' : `${multiple(bare)} ×`;
    return [[workload.title, cell(workload.reference), net, floor, cell('uws'), cell('bun'), time]];
  });
  return [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Ours as a multiple of a peer's, round by round. */
function measured(rows: readonly MergedRow[], peer: string): number | undefined {
  return rows.find((row) => row.peer === peer)?.ours?.median;
}

function kernelMicroseconds(row: MergedRow): number | undefined {
  return row.serverMicroseconds === undefined || row.kernelShare === undefined
    ? undefined
    : row.serverMicroseconds * row.kernelShare;
}

/** What was measured, and what was wanted where it was not reached. */
function verdict(value: number | undefined, wanted: number | undefined, memory: boolean): string {
  if (value === undefined) return '–';
  const text = `${multiple(value)} ×`;
  if (wanted === undefined) return text;
  const reached = memory ? value <= wanted : value >= wanted;
  return reached ? `**${text}**` : `${text} (${wanted})`;
}

function multiple(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(value < 2 ? 2 : 1);
}

/** Barewire on each version of Node that was measured: one table, or none where there is one version alone. */
export function renderNodes(results: Results): string[] {
  const majors = [...new Set(results.runs.map(nodeMajor))].sort((a, b) => Number(a) - Number(b));
  if (majors.length < 2) return [];
  const views = majors.map((major) => viewOf(results, major));
  const head = ['barewire on Node', ...majors.map((major) => `${major}: against the reference, CPU µs`)];
  const lines = WORKLOADS.flatMap(({ id, title }) => {
    const rows = views.map((view) =>
      view.workloads.find(({ workload }) => workload.id === id)?.rows.find(({ peer }) => peer === OURS),
    );
    if (rows.filter((row) => row !== undefined).length < 2) return [];
    const cells = rows.map((row) => {
      if (row?.ratio === undefined) return '–';
      return `${multiple(row.ratio)} ×, ${row.serverMicroseconds === undefined ? '–' : row.serverMicroseconds.toFixed(2)}`;
    });
    return [[title, ...cells]];
  });
  const table = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...lines];
  return [table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')];
}

/** Other ways to use barewire, beside the plain one in the same run. */
const WAYS: readonly (readonly [peer: string, name: string])[] = [
  ['barewire-attached', '`server.attach`'],
  ['barewire-bytes', 'text as bytes'],
  ['barewire-lent', 'lent messages'],
  ['barewire-ws', '`barewire/ws`'],
];

/** How many times the plain server's figure each other way reaches: one table, or none where none was measured. */
export function renderWays(results: Results): string[] {
  const { workloads } = viewOf(results);
  const ways = WAYS.filter(([peer]) => workloads.some(({ rows }) => rows.some((row) => row.peer === peer)));
  if (ways.length === 0) return [];
  const head = ['multiples of barewire as it is', ...ways.map(([, name]) => name)];
  const lines = workloads.flatMap(({ workload, rows }) => {
    const cells = ways.map(([peer]) => {
      const measured = rows.find((row) => row.peer === peer)?.ours?.median;
      return measured === undefined ? '–' : `${multiple(1 / measured)} ×`;
    });
    return cells.every((cell) => cell === '–') ? [] : [[workload.title, ...cells]];
  });
  const table = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...lines];
  return [table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')];
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

/** What lent messages reach beside the native servers, run by run of those that had all: one table, or none where there is no such run. */
export function renderLent(results: Results): string[] {
  const major = shownMajor(results);
  const runs = results.runs.filter((run) => nodeMajor(run) === major).map(({ id }) => id);
  const head = ['lent messages', 'against uWebSockets.js', 'against Bun', 'against messages that are owned', 'runs'];
  const lines = LENT_TARGETS.flatMap(({ id, wanted }) => {
    const entry = results.workloads.find(({ workload }) => workload.id === id);
    const valueIn = (run: string, peer: string): number | undefined =>
      entry?.rows.find((each) => each.run === run && each.row.peer === peer)?.row.value;
    const complete = runs.filter((run) => LENT_PEERS.every((peer) => valueIn(run, peer) !== undefined));
    if (entry === undefined || complete.length === 0) return [];
    const cells = ['uws', 'bun', OURS].map((peer) => {
      const ratio = rangeOf(complete.map((run) => valueIn(run, 'barewire-lent')! / valueIn(run, peer)!))!;
      return verdict(ratio.median, wanted[peer], false);
    });
    return [[entry.workload.title, ...cells, String(complete.length)]];
  });
  if (lines.length === 0) return [];
  const table = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...lines];
  return [table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')];
}

/** Who is in a run that says something of lent messages. */
export const LENT_PEERS: readonly string[] = [OURS, 'barewire-lent', 'uws', 'bun'];
