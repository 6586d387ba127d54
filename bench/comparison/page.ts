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
import { isOurs, isYardstick, type MergedEntry, type MergedRow, type View, viewOf } from '../wire/merge.ts';
import type { Range } from '../wire/report.ts';
import { RESULTS_FOLDER, type Results, readResults } from '../wire/results.ts';
import { runsWords, times } from '../wire/words.ts';
import { type Fact, FEATURE_TABLES, type FeatureTable, SOURCES, type SourceId, STRENGTHS } from './features.ts';

/** What docs/conformance.md is made of, as far as this page reads it. Counts: OK, NON-STRICT, INFORMATIONAL, FAILED, UNIMPLEMENTED. */
export interface ConformanceEntry {
  readonly label: string;
  readonly version: string;
  readonly role: 'server' | 'client';
  readonly autobahn: readonly number[];
  readonly extra: readonly number[];
  readonly notOk: Readonly<Record<string, string>>;
}
export type Conformance = Readonly<Record<string, ConformanceEntry>>;

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Ours beside one peer: above 1 is better, whatever is measured. */
interface Standing {
  readonly range: Range;
  readonly word: 'ahead' | 'level' | 'behind';
  /** CPU time was compared, since the load had none left. */
  readonly byCpu: boolean;
}

/** How many times as good as a peer we are in its row; undefined where that was not measured. */
export function standingTo(
  row: MergedRow,
  ours: MergedRow,
  figure: MergedEntry['workload']['figure'],
): Standing | undefined {
  const loadWasLimit = figure === 'rate' && (row.limit === 'generator' || ours.limit === 'generator');
  const byCpu = loadWasLimit && row.oursCpu !== undefined;
  const measured = byCpu ? row.oursCpu : row.ours;
  if (measured === undefined) return undefined;
  const { median, low, high } = measured;
  const range = byCpu || figure !== 'rate' ? { median: 1 / median, low: 1 / high, high: 1 / low } : measured;
  return { range, word: range.low > 1 ? 'ahead' : range.high < 1 ? 'behind' : 'level', byCpu };
}

interface Compared {
  readonly entry: MergedEntry;
  readonly standings: ReadonlyMap<string, Standing>;
}

function comparedRows(view: View): Compared[] {
  return view.workloads.flatMap((entry) => {
    const ours = entry.rows.find(({ peer }) => peer === 'barewire');
    if (ours === undefined) return [];
    const standings = new Map(
      entry.rows.flatMap((row): [string, Standing][] => {
        const standing = isRival(row.peer) ? standingTo(row, ours, entry.workload.figure) : undefined;
        return standing === undefined ? [] : [[row.peer, standing]];
      }),
    );
    return standings.size === 0 ? [] : [{ entry, standings }];
  });
}

/** Neither another form of barewire nor sockets without a protocol. */
function isRival(peer: string): boolean {
  return !isOurs(peer) && !isYardstick(peer);
}

function labelsOf(view: View): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { rows } of view.workloads) for (const { peer, label } of rows) labels.set(peer, label);
  return labels;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function multiple(standing: Standing): string {
  const text = `${times(standing.range.median)} ×${standing.byCpu ? ' \\*' : ''}`;
  if (standing.word === 'behind') return `**${text}**`;
  return standing.word === 'level' ? `*${text}*` : text;
}

/** One table for each group of workloads, so that none has columns that are empty. */
function speed(compared: readonly Compared[], labels: ReadonlyMap<string, string>): string {
  const groups = [...new Set(compared.map(({ entry }) => entry.workload.group))];
  return groups
    .map((group) => {
      const rows = compared.filter(({ entry }) => entry.workload.group === group);
      const peers = [...labels.keys()].filter((peer) => rows.some(({ standings }) => standings.has(peer)));
      const lines = rows.map(({ entry, standings }) => [
        entry.workload.title,
        ...peers.map((peer) => {
          const standing = standings.get(peer);
          return standing === undefined ? '–' : multiple(standing);
        }),
      ]);
      return table([group, ...peers.map((peer) => labels.get(peer)!)], lines);
    })
    .join('\n\n');
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
  return table(
    ['', 'idle connection, bytes', ...loaded.map(({ workload }) => `${workload.title}: resident, MiB`)],
    lines,
  );
}

function conformance(entries: Conformance): string {
  const servers = Object.values(entries).filter(({ role }) => role === 'server');
  return table(
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
  return `### ${title}\n\n${table(['', ...Object.values(columns)], lines)}\n\n${remarks.join('\n')}`;
}

/** What a reader loses who takes us and not the other one: rows that it wins, features that we lack, and what no table has. */
function better(peer: string, label: string, compared: readonly Compared[], notes: Notes): string {
  const mine = compared.flatMap(({ entry, standings }) => {
    const standing = standings.get(peer);
    return standing === undefined ? [] : [{ title: entry.workload.title, standing }];
  });
  const count = (word: Standing['word']) => mine.filter(({ standing }) => standing.word === word).length;
  const lost = mine.filter(({ standing }) => standing.word === 'behind');
  const lacking = FEATURE_TABLES.flatMap(({ features: rows }) =>
    rows.filter(({ facts }) => facts[peer]?.mark === 'yes' && facts['barewire']?.mark !== 'yes'),
  );
  const lines = [
    mine.length === 0
      ? '- Speed: not in the result file yet.'
      : `- Speed: of ${mine.length} row${mine.length === 1 ? '' : 's'} we are ahead in ${count('ahead')}, level in ${count('level')}, behind in ${count('behind')}${
          lost.length === 0
            ? '.'
            : `: ${lost.map(({ title, standing }) => `${title} (${times(standing.range.median)} ×)`).join('; ')}.`
        }`,
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
  const betterText = [...rivals].map(([peer, label]) => better(peer, label, compared, notes)).join('\n\n');
  const node = view.runs.at(-1)!.machine.node;
  return `# Comparison with other frameworks

Generated by \`npm run bench:readme\` from [bench/results](../bench/results) and \`bench/comparison/features.ts\`; do not edit it here.
How the programs that are compared are written, and how it is measured: [bench/README.md](../bench/README.md).

## Speed

How many times as fast barewire is as the server of the column (of latency: how many times as short; of memory: how many times as small).
**Bold**: the other one is better. *Slanted*: level, since some runs (of one run alone: rounds) say one thing and some another.
\\* The load had used up its CPU before a server had, so CPU time a message is compared.
${waiting.length === 0 ? '' : `Not in the result file yet: ${waiting.join(', ')}.\n`}
${speed(compared, labels)}

${leftOut(compared, (peer) => labels.get(peer) ?? rivals.get(peer) ?? peer)}Node ${node}. ${runsWords(view.runs)}.

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
