/**
 * The rooms' benchmark: `npm run bench:rooms -- [SCENARIO…] [--node MAJOR] [--save] [--rounds N]`; without a name all of them.
 *
 * `--save` puts what was measured into `bench/results/rooms.json` and the table of that file into `bench/README.md`;
 * `--table` does the latter alone, and `--check` says whether it is up to date. `--node` says on which version of Node the servers run,
 * this one where it is not given; uWebSockets.js runs on the one that its addon loads in. Read next: `scenarios.ts`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAsProgram } from '../main.ts';
import { nodeProgram } from '../peers/peers.ts';
import { installNodes } from '../wire/nodes.ts';
import { columns, median } from '../wire/report.ts';
import { PLACEMENT, pinLoad, serversOn, UWS_NODE } from './processes.ts';
import { type Figures, SCENARIOS, type Scenario, type Wanted } from './scenarios.ts';
import { type Measured, type RoomResults, renderRooms, replaceRooms } from './table.ts';

const root = new URL('../../../', import.meta.url);
const RESULTS = fileURLToPath(new URL('bench/results/rooms.json', root));
const README = fileURLToPath(new URL('bench/README.md', root));

/** The whole version of Node `major`, which is there. */
function versionOf(major: string): string {
  return execFileSync(nodeProgram(major)!, ['--version'], { encoding: 'utf8' }).trim().slice(1);
}

async function measure(scenario: Scenario, node: string, times = scenario.rounds): Promise<Measured> {
  const { id, title, contenders, wanted } = scenario;
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const figures = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < times; round++)
    for (const { name, round: run } of contenders) figures.get(name)?.push(await run());
  const of = (name: string, figure: keyof Figures): number[] =>
    (figures.get(name) ?? []).map((each) => each[figure] ?? Number.NaN);
  const valueFor = ({ figure, of: name, than }: Wanted): number => {
    const base = than === undefined ? undefined : of(than, figure);
    return median(of(name, figure).map((each, i) => each / (base?.[i] ?? 1)));
  };
  const names: readonly (keyof Figures)[] = ['cpuUs', 'p50', 'p99', 'complete', 'megabytes'];
  return {
    id,
    title,
    rounds: times,
    node,
    load,
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    rows: contenders.map(({ name }) => {
      const known = names.filter((figure) => figures.get(name)?.[0]?.[figure] !== undefined);
      const medians = known.map((figure) => [figure, Number(median(of(name, figure)).toPrecision(4))] as const);
      return { name, cpuUs: Number.NaN, ...Object.fromEntries(medians) };
    }),
    wanted: wanted.map((each) => ({ ...each, value: Number(valueFor(each).toPrecision(3)) })),
  };
}

function print({ id, title, rows, wanted }: Measured): void {
  const shown = rows.map(({ name, cpuUs, p50, p99, complete, megabytes }) => [
    name,
    cpuUs.toFixed(2),
    ...[p50, p99, complete, megabytes].map((each) => each?.toFixed(2) ?? ''),
  ]);
  process.stdout.write(
    `${id}: ${title}\n${columns([['', 'CPU µs', 'p50 ms', 'p99 ms', 'complete', 'MB/s'], ...shown])}`,
  );
  for (const { figure, of, than, most, least, value } of wanted)
    process.stdout.write(
      `  ${figure} of ${of}${than === undefined ? '' : ` / ${than}`}: ${value} (wanted ${most === undefined ? `at least ${least}` : `at most ${most}`})\n`,
    );
  process.stdout.write('\n');
}

function readResults(): RoomResults {
  if (existsSync(RESULTS)) return JSON.parse(readFileSync(RESULTS, 'utf8')) as RoomResults;
  return { machine: '', placement: '', scenarios: [] };
}

/** Writes the table into the page, or answers whether it is there. */
function table(results: RoomResults, check: boolean): number {
  const before = readFileSync(README, 'utf8');
  const after = replaceRooms(before, renderRooms(results));
  if (before === after) return 0;
  if (check) {
    process.stderr.write(
      'bench/README.md does not show bench/results/rooms.json: run `npm run bench:rooms -- --table`\n',
    );
    return 1;
  }
  writeFileSync(README, after);
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      save: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      node: { type: 'string', default: process.versions.node.split('.')[0]! },
    },
  });
  if (values.table || values.check) return table(readResults(), values.check);
  const unknown = positionals.find((id) => !SCENARIOS.some((each) => each.id === id));
  if (unknown !== undefined)
    throw new Error(`${unknown} is none of the scenarios: ${SCENARIOS.map(({ id }) => id).join(', ')}`);
  if (!/^\d{2}$/.test(values.node)) throw new Error(`--node is "${values.node}", must be a major version such as 24`);
  const failed = installNodes([values.node, UWS_NODE]);
  if (failed !== undefined) throw new Error(failed);
  serversOn(values.node);
  const node = versionOf(values.node);
  pinLoad();
  for (const scenario of SCENARIOS) {
    if (positionals.length > 0 && !positionals.includes(scenario.id)) continue;
    const measured = await measure(scenario, node, values.rounds === undefined ? undefined : Number(values.rounds));
    print(measured);
    if (!values.save) continue;
    const { scenarios } = readResults();
    const others = scenarios.filter(({ id }) => id !== measured.id);
    const order = (id: string): number => SCENARIOS.findIndex((each) => each.id === id);
    const results: RoomResults = {
      machine: cpus()[0]?.model ?? 'unknown',
      placement: PLACEMENT,
      scenarios: [...others, measured].sort((a, b) => order(a.id) - order(b.id)),
    };
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
    table(results, false);
  }
  return 0;
}

runAsProgram(import.meta.url, main);
