/**
 * The rooms' benchmark: `npm run bench:rooms -- --help`. uWebSockets.js runs on the version of Node that its addon loads in, whatever
 * the others run on. Read next: `scenarios.ts`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAsProgram } from '../main.ts';
import { nodeProgram } from '../peers/peers.ts';
import { numberIn } from '../wire/command.ts';
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

/** About how long a scenario takes: minutes, in halves. */
function minutesOf({ rounds, roundSeconds, contenders }: Scenario): string {
  return `${Math.max(0.5, Math.round((rounds * roundSeconds * contenders.length) / 30) / 2)} min`;
}

const LONGEST = Math.max(...SCENARIOS.map(({ id }) => id.length)) + 2;

export const HELP: string = `Usage: npm run bench:rooms -- [SCENARIO…] [options]

Measures rooms over sockets beside Socket.IO, uWebSockets.js and bare net, each server in a process of its own. Without a
scenario all of them, in the order below; how long each takes is beside it, about:

${SCENARIOS.map((each) => `  ${each.id.padEnd(LONGEST)}${minutesOf(each).padEnd(10)}${each.title}\n`).join('')}
  --rounds N    rounds of each contender (default: ${[...new Set(SCENARIOS.map(({ rounds }) => rounds))].sort().join(' or ')}, by scenario)
  --node MAJOR  version of Node that the servers run on (default: this one)
  --save        puts what was measured into bench/results/rooms.json, and the table of that file into bench/README.md
  --table       measures nothing, and puts that table there
  --check       measures nothing, and says whether it is there
  --help        this text
`;

interface Command {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number | undefined;
  readonly node: string;
  readonly save: boolean;
  readonly table: boolean;
  readonly check: boolean;
  readonly help: boolean;
}

/** Checks all of it before anything is installed or started. @throws Error for the first mistake */
export function readCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      save: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      node: { type: 'string', default: process.versions.node.split('.')[0]! },
    },
  });
  const unknown = positionals.find((id) => !SCENARIOS.some((each) => each.id === id));
  if (unknown !== undefined)
    throw new Error(`${unknown} is none of the scenarios: ${SCENARIOS.map(({ id }) => id).join(', ')}`);
  if (!/^\d{2}$/.test(values.node)) throw new Error(`--node is "${values.node}", must be a major version such as 24`);
  const { rounds } = values;
  return {
    ...values,
    scenarios: SCENARIOS.filter(({ id }) => positionals.length === 0 || positionals.includes(id)),
    rounds:
      rounds === undefined
        ? undefined
        : numberIn('--rounds', rounds, 1, Number.isInteger, 'a whole number of at least 1'),
  };
}

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (command.table || command.check) return table(readResults(), command.check);
  const failed = installNodes([command.node, UWS_NODE]);
  if (failed !== undefined) throw new Error(failed);
  serversOn(command.node);
  const node = versionOf(command.node);
  pinLoad();
  for (const scenario of command.scenarios) {
    const measured = await measure(scenario, node, command.rounds);
    print(measured);
    if (!command.save) continue;
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
