/**
 * The rooms' section of `bench/README.md`, made from `bench/results/rooms.json` and never typed. Pure.
 */

import { markdownTable } from '../wire/words.ts';
import type { Figures, Wanted } from './scenarios.ts';

/** One scenario: medians of its rounds. */
export interface Measured {
  readonly id: string;
  readonly title: string;
  readonly rounds: number;
  /** The version of Node that the servers ran on; uWebSockets.js on the one that its addon loads in. */
  readonly node: string;
  readonly date: string;
  readonly commit: string;
  /** The machine's load average when it began: more than the cores it has means that others wanted them too. */
  readonly load?: number;
  readonly rows: readonly (Figures & { readonly name: string })[];
  /** What was wanted, and what came of it: the median of the rounds' ratios. */
  readonly wanted: readonly (Wanted & { readonly value: number })[];
}

export interface RoomResults {
  readonly machine: string;
  readonly placement: string;
  readonly scenarios: readonly Measured[];
}

const START = '<!-- rooms:start -->';
const END = '<!-- rooms:end -->';
const WORDS: Readonly<Record<keyof Figures, string>> = {
  cpuUs: 'CPU',
  p50: 'median',
  p99: 'p99',
  complete: 'complete',
  megabytes: 'rate',
};

/** `text` with the section between its markers. @throws Error when it has none */
export function replaceRooms(text: string, section: string): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`there is no ${START} followed by ${END}`);
  return `${text.slice(0, start + START.length)}\n${section}\n${text.slice(end)}`;
}

/** Whether a figure is what was wanted. */
export function isReached({ value, most, least }: Measured['wanted'][number]): boolean {
  return value <= (most ?? Number.POSITIVE_INFINITY) && value >= (least ?? Number.NEGATIVE_INFINITY);
}

/** The figure beside its bound. Nothing is bold: that means the best server of a row in the other tables. */
function verdict(wanted: Measured['wanted'][number]): string {
  const { figure, of, than, most, least, value } = wanted;
  const what = than === undefined ? `${WORDS[figure]} of ${of}` : `${WORDS[figure]} of ${of} / ${than}`;
  const [reached, missed] = most === undefined ? ['≥', '<'] : ['≤', '>'];
  return `${what} ${value} ${isReached(wanted) ? reached : missed} ${most ?? least}`;
}

/** The table and its caption. */
export function renderRooms({ machine, placement, scenarios }: RoomResults): string {
  const head = ['', '', 'CPU µs', 'median ms', 'p99 ms', 'complete', 'MB/s'];
  const cells: string[][] = [];
  for (const { title, rows, wanted } of scenarios) {
    for (const [i, { name, cpuUs, p50, p99, complete, megabytes }] of rows.entries())
      cells.push([
        i === 0 ? title : '',
        name,
        cpuUs.toFixed(2),
        ...[p50, p99].map((each) => each?.toFixed(1) ?? ''),
        complete === undefined ? '' : `${(complete * 100).toFixed(0)} %`,
        megabytes?.toFixed(0) ?? '',
      ]);
    cells.push(['', wanted.map(verdict).join('; '), '', '', '', '', '']);
  }
  const loads = scenarios.flatMap(({ load }) => load ?? []);
  const busy =
    loads.length === 0
      ? ''
      : ` Load average when a scenario began: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}; above the number of cores, times are those of a machine shared with other work.`;
  const nodes = [...new Set(scenarios.map(({ node }) => node))].join(' and ');
  const dates = [...new Set(scenarios.map(({ date }) => date))].join(', ');
  return `${markdownTable(head, cells, 2)}

Ratios are medians of the ratios of the rounds, so that a slow moment of the machine falls on both sides; where single rounds lie far apart, that is not the
ratio of the medians in the columns. Beside each stands what was wanted: ≤ and ≥ reached it, > and < missed it.

${placement}; ${machine}, Node ${nodes} (uWebSockets.js on Node 20); medians of ${Math.min(...scenarios.map(({ rounds }) => rounds))} rounds or more in turns, ${dates}.${busy}`;
}
