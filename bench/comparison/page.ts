/**
 * docs/comparison.md, generated and never typed: `npm run bench:readme`; with `--check` it only says whether the page is up to date
 * (exit code 1 when it is not).
 *
 * Speed and memory come from bench/results/latest.json and conformance from bench/results/conformance.json, whatever peers are in
 * them; features come from `features.ts`. Read next: `../wire/merge.ts`, which puts runs together.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runAsProgram } from '../main.ts';
import { PEERS } from '../peers/peers.ts';
import {
  advantage,
  bestOf,
  isRival,
  isSetting,
  type MergedEntry,
  type MergedRow,
  type Standing,
  standingTo,
  type View,
  viewOf,
} from '../wire/merge.ts';
import { OURS } from '../wire/report.ts';
import { RESULTS_FOLDER, type Results, readResults } from '../wire/results.ts';
import {
  BY_CPU,
  BY_CPU_WORDS,
  compressionWords,
  fewestToMost,
  figureWords,
  markdownTable,
  ONCE,
  octetsCell,
  octetsHead,
  runsWords,
  SETTING,
  senders,
  standingCell,
  times,
} from '../wire/words.ts';
import { type Fact, FEATURE_TABLES, type FeatureTable, SOURCES, type SourceId, STRENGTHS } from './features.ts';

/** What docs/conformance.md is made of, as far as this page reads it. Counts: OK, NON-STRICT, INFORMATIONAL, FAILED, UNIMPLEMENTED. */
export interface ConformanceEntry {
  readonly label: string;
  readonly version: string;
  readonly role: 'server' | 'client';
  readonly autobahn: readonly number[];
  readonly extra: readonly number[];
  /** Seconds that each group of cases took. */
  readonly groups: Readonly<Record<string, number>>;
  readonly notOk: Readonly<Record<string, string>>;
}
export type Conformance = Readonly<Record<string, ConformanceEntry>>;

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Compared {
  readonly entry: MergedEntry;
  readonly ours: MergedRow;
  /** By peer. */
  readonly standings: ReadonlyMap<string, Standing>;
}

function comparedRows(view: View): Compared[] {
  return view.workloads.flatMap((entry) => {
    const ours = entry.rows.find(({ peer }) => peer === OURS);
    if (ours === undefined) return [];
    const standings = new Map(
      entry.rows.flatMap(({ peer }): [string, Standing][] => {
        const standing = isRival(peer) ? standingTo(entry, peer) : undefined;
        return standing === undefined ? [] : [[peer, standing]];
      }),
    );
    return standings.size === 0 ? [] : [{ entry, ours, standings }];
  });
}

/** Everybody with a row, in the order of the list of peers; who is not on it comes last. */
function labelsOf(view: View): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { rows } of view.workloads) for (const { peer, label } of rows) labels.set(peer, label);
  const order = [...PEERS.map(({ id }) => id), ...labels.keys()];
  return new Map([...labels].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)));
}

/** Rows that stand in one table, so that none has columns that are empty and none is too long. */
function tableNameOf({ workload: { compressed, group, type } }: MergedEntry): string {
  if (!compressed) return group;
  const name = type === 'echo' ? 'compressed echo' : 'compressed fan-out to 100';
  return compressed === 'takeover' ? `${name}, with takeover` : name;
}

/** The title without what the table says of all its rows. */
function shortTitle(name: string, title: string): string {
  const [first, ...endings] = name.split(', ');
  const short = title.startsWith(`${first}, `) ? title.slice(first!.length + 2) : title;
  const ending = endings.map((each) => `, ${each}`).join('');
  return ending !== '' && short.endsWith(ending) ? short.slice(0, -ending.length) : short;
}

/** One table for each name. */
function speed(compared: readonly Compared[], labels: ReadonlyMap<string, string>): string {
  const names = [...new Set(compared.map(({ entry }) => tableNameOf(entry)))];
  return names
    .map((name) => {
      const rows = compared.filter(({ entry }) => tableNameOf(entry) === name);
      const peers = [...labels.keys()].filter((peer) => rows.some(({ standings }) => standings.has(peer)));
      const nameOf = (peer: string) => labels.get(peer)!;
      const sending = senders(
        rows.map(({ entry }) => entry),
        [OURS, ...peers],
      );
      const lines = rows.map((row) => [
        `${shortTitle(name, row.entry.workload.title)}${row.entry.basis === 'cpu' ? BY_CPU : ''}`,
        fewestToMost([...row.standings.values()].map(({ rounds }) => rounds)),
        ...speedCells(row, peers),
        ...(sending.length === 0 ? [] : [octetsCell(row.entry, sending)]),
      ]);
      const octets = sending.length === 0 ? [] : [octetsHead(sending, nameOf)];
      const heads = peers.map((peer) => `${nameOf(peer)}${isSetting(peer) ? SETTING : ''}`);
      return markdownTable([name, 'rounds', OURS, ...heads, ...octets], lines);
    })
    .join('\n\n');
}

function speedCells({ entry, ours, standings }: Compared, peers: readonly string[]): string[] {
  const best = bestOf(entry);
  const figure = figureWords(entry, ours);
  const isMixed = [...standings.values()].some(({ rounds }) => rounds > 1);
  const cells = peers.map((peer) => {
    const standing = standings.get(peer);
    if (standing === undefined) return '–';
    const cell = isSetting(peer) ? settingCell(entry, peer, best) : standingCell(standing, best);
    return `${cell}${isMixed && standing.rounds < 2 ? ONCE : ''}`;
  });
  return [best === OURS ? `**${figure}**` : figure, ...cells];
}

/** Another setting as a multiple of the reference in the same runs; the other cells of the row may be of more runs than it has. */
function settingCell({ workload, basis, rows }: MergedEntry, peer: string, best: string | undefined): string {
  const value = advantage(rows.find((row) => row.peer === peer)!, basis, workload);
  if (value === undefined) return '–';
  const text = `${times(value.median)} ×`;
  return peer === best ? `**${text}**` : text;
}

/** Servers that could not be measured in a row, and why: a dash in the tables, else, says that they have no such thing. */
function leftOut(compared: readonly Compared[], nameOf: (peer: string) => string): string {
  const lines = compared.flatMap(({ entry }) =>
    entry.leftOut.map(({ peer, why }) => `- ${nameOf(peer)}, ${entry.workload.title}: ${why}`),
  );
  return lines.length === 0 ? '' : `Left out of a row:\n\n${lines.join('\n')}\n\n`;
}

/** Resident memory behind a workload that everybody can do, and what an idle connection takes. */
const LOADED = ['echo-20x1000', 'fanout-100x1000', 'events-100x1000'];

function memory(view: View, labels: ReadonlyMap<string, string>): string {
  const idle = view.workloads.find(({ workload }) => workload.figure === 'memory');
  const loaded = LOADED.flatMap((id) => view.workloads.find(({ workload }) => workload.id === id) ?? []);
  const of = (entry: MergedEntry | undefined, peer: string) => entry?.rows.find((row) => row.peer === peer);
  const lines = [...labels].flatMap(([peer, label]) => {
    const cells = [
      of(idle, peer)?.value.toLocaleString('en-US', { maximumFractionDigits: 0 }) ?? '–',
      ...loaded.map((entry) => {
        const bytes = of(entry, peer)?.serverBytes;
        return bytes === undefined ? '–' : `${(bytes / 1_048_576).toFixed(0)}`;
      }),
    ];
    return cells.every((cell) => cell === '–') ? [] : [[label, ...cells]];
  });
  if (lines.length === 0) return 'The result file has no figures of memory.';
  return markdownTable(
    ['', 'idle connection, bytes', ...loaded.map(({ workload }) => `${workload.title}: resident, MiB`)],
    lines,
  );
}

function conformance(entries: Conformance): string {
  const servers = Object.values(entries).filter(({ role }) => role === 'server');
  return markdownTable(
    ['', 'strict', 'permitted', 'no right or wrong', 'against the specification', 'not there', 'wrong ending alone'],
    servers.map(({ label, version, autobahn, extra, notOk }) => [
      label.replace(/^[^,]+/, (name) => `${name} ${version}`),
      ...autobahn.map((count, i) => String(count + extra[i]!)),
      String(Object.values(notOk).filter((verdict) => verdict.startsWith('OK, closing')).length),
    ]),
  );
}

/** Numbers of sources, in the order in which the page first names them. */
class Notes {
  readonly #numbers = new Map<SourceId, number>();

  mark(sources: readonly SourceId[]): string {
    if (sources.length === 0) return '';
    return `<sup>${sources.map((id) => this.#number(id)).join(',')}</sup>`;
  }

  list(): string {
    return [...this.#numbers].map(([id, number]) => `${number}. ${sourceText(id)}`).join('\n');
  }

  #number(id: SourceId): number {
    const number = this.#numbers.get(id) ?? this.#numbers.size + 1;
    this.#numbers.set(id, number);
    return number;
  }
}

const FOLDER = /^(README\.md|(?:lib|docs|bench)\/\S+)$/;

/** The file of this repository that a source is; undefined for all others. */
export function fileOf(id: SourceId): string | undefined {
  return FOLDER.exec(SOURCES[id])?.[1];
}

function sourceText(id: SourceId): string {
  const file = fileOf(id);
  return file === undefined ? SOURCES[id] : `[${file}](${file.startsWith('docs/') ? file.slice(5) : `../${file}`})`;
}

const WORDS: Readonly<Record<Fact['mark'], string>> = { yes: 'yes', part: 'in part', no: 'no', unknown: '?' };

function features({ title, columns, features: rows }: FeatureTable, notes: Notes): string {
  const lines = rows.map((feature) => [
    feature.title,
    ...Object.keys(columns).map((peer) => {
      const { mark, sources } = feature.facts[peer]!;
      return `${WORDS[mark]}${notes.mark(sources)}`;
    }),
  ]);
  const remarks = rows.flatMap((feature) => {
    const words = Object.keys(columns).flatMap((peer) => {
      const { note } = feature.facts[peer]!;
      return note === undefined ? [] : [`${columns[peer]}: ${note}`];
    });
    return words.length === 0 ? [] : [`- ${feature.title}. ${words.join('; ')}.`];
  });
  return `### ${title}\n\n${markdownTable(['', ...Object.values(columns)], lines)}\n\n${remarks.join('\n')}`;
}

interface Mine {
  readonly title: string;
  readonly standing: Standing;
}

/** How the rows with one peer went: those of more than one round are counted, those of one round alone are told of beside. */
function speedWords(mine: readonly Mine[]): string {
  if (mine.length === 0) return '- Speed: not in the result file yet.';
  const [sure, once] = [
    mine.filter(({ standing }) => standing.rounds > 1),
    mine.filter(({ standing }) => standing.rounds < 2),
  ];
  const count = (word: Standing['word']) => sure.filter(({ standing }) => standing.word === word).length;
  const rows = (number: number) => `${number} row${number === 1 ? '' : 's'}`;
  const sureWords =
    sure.length === 0
      ? 'no row has more than one round.'
      : `of ${rows(sure.length)} with more than one round we are ahead in ${count('ahead')}, level in ${count('level')}, behind in ${count('behind')}${listOf(sure)}.`;
  if (once.length === 0) return `- Speed: ${sureWords}`;
  const behind = once.filter(({ standing }) => standing.range.median < 1).length;
  return `- Speed: ${sureWords} Not counted: ${rows(once.length)} of one round alone, in which we were behind in ${behind}${listOf(once)}.`;
}

function listOf(mine: readonly Mine[]): string {
  const lost = mine.filter(({ standing: { rounds, word, range } }) =>
    rounds > 1 ? word === 'behind' : range.median < 1,
  );
  if (lost.length === 0) return '';
  return `: ${lost.map(({ title, standing }) => `${title} (${times(standing.range.median)} ×)`).join('; ')}`;
}

/** What a reader loses who takes us and not the other one: rows that it wins, features that we lack, and what no table has. */
function better(peer: string, label: string, compared: readonly Compared[], notes: Notes): string {
  const mine = compared.flatMap(({ entry, standings }) => {
    const standing = standings.get(peer);
    return standing === undefined ? [] : [{ title: entry.workload.title, standing }];
  });
  const lacking = FEATURE_TABLES.flatMap(({ features: rows }) =>
    rows.filter(({ facts }) => facts[peer]?.mark === 'yes' && facts['barewire']?.mark !== 'yes'),
  );
  const lines = [
    speedWords(mine),
    ...lacking.map(({ title, facts }) => {
      const { note, sources } = facts[peer]!;
      return `- ${title}${note === undefined ? '' : `: ${note}`}.${notes.mark(sources)}`;
    }),
    ...(STRENGTHS[peer] ?? []).map(({ text, source }) => `- ${text}${notes.mark([source])}`),
  ];
  return `### ${label}\n\n${lines.join('\n')}`;
}

/** The whole page. @throws Error when the result file has no row of ours */
export function renderComparison(results: Results, tested: Conformance): string {
  const view = viewOf(results);
  const labels = labelsOf(view);
  const compared = comparedRows(view);
  if (compared.length === 0)
    throw new Error('the result file has no row in which barewire stands beside another server');
  const columns = Object.assign({}, ...FEATURE_TABLES.map((each) => each.columns)) as Record<string, string>;
  // Everybody with a row, a feature or a reason, once, those of the result file first.
  const rivals = new Map([...Object.entries(columns), ...labels].filter(([peer]) => isRival(peer)));
  const waiting = [...rivals].filter(([peer]) => !labels.has(peer)).map(([, label]) => label);
  const notes = new Notes();
  const featureText = FEATURE_TABLES.map((each) => features(each, notes)).join('\n\n');
  const betterText = [...rivals]
    .filter(([peer]) => !isSetting(peer))
    .map(([peer, label]) => better(peer, label, compared, notes))
    .join('\n\n');
  const node = view.runs.at(-1)!.machine.node;
  return `# Comparison with other frameworks

Generated by \`npm run bench:readme\` from [bench/results](../bench/results) and \`bench/comparison/features.ts\`; do not edit it here.
How the programs that are compared are written, and how it is measured: [bench/README.md](../bench/README.md).

## Speed

How many times as good barewire is as the server of the column: as fast, of latency as short, of memory as small. The column *barewire* has
what it reached itself. **Bold**: the best server of the row, whoever it is: barewire, or the one that it is compared with there. *Slanted*: level, since some
runs (of one run alone: rounds) say one thing and some another. *Rounds*: how many stand behind the cells of a row.
One round alone, a row of it or a cell with ¹, cannot say *level*, and is never bold. A cell compares barewire and one server in the runs that
have both; two servers of a row may be of different runs, and then say little of each other. Where ws stands with another setting too, that
is a multiple of ws in the same runs: how many times as good the setting makes it.
${BY_CPU_WORDS}
${compressionWords(compared.map(({ entry }) => entry))}
${waiting.length === 0 ? '' : `Not in the result file yet: ${waiting.join(', ')}.\n`}
${speed(compared, labels)}

${leftOut(compared, (peer) => labels.get(peer) ?? rivals.get(peer) ?? peer)}Node ${node}. ${runsWords(view.runs, view.workloads)}.

## Memory

${memory(view, labels)}

## Conformance

The 517 cases of the Autobahn suite and those of our own catalogue together, against each as a server. What is behind each number stands in
[conformance.md](conformance.md). *Wrong ending alone*: strict but for how the connection ended.

${conformance(tested)}

## Features

Numbers name sources, which stand at the end. *?*: nobody has looked.

${featureText}

## What each is better at than we are

${betterText}

## Sources

${notes.list()}
`;
}

export const PAGE: string = `${root}docs/comparison.md`;

/** The page as the committed results make it. */
export function renderCommitted(): string {
  const tested = JSON.parse(readFileSync(`${RESULTS_FOLDER}conformance.json`, 'utf8')) as Conformance;
  return renderComparison(readResults(`${RESULTS_FOLDER}latest.json`), tested);
}

function main(): number {
  const after = renderCommitted();
  const before = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  if (before === after) return 0;
  if (process.argv.includes('--check')) {
    process.stderr.write('docs/comparison.md is not what the results make: run `npm run bench:readme`\n');
    return 1;
  }
  writeFileSync(PAGE, after);
  return 0;
}

runAsProgram(import.meta.url, main);
