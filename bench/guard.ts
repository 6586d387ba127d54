/**
 * Regression guard: `npm run bench:guard`. A short run of ours against ws, compared with ratios that are committed.
 *
 * Absolute times say more about the machine than about the code, so only ratios are compared: ours to ws in the same
 * round, by rate and by CPU time a message, of which the better one counts (a machine that is shared disturbs the two
 * differently). What fell by more than a tenth is measured again with more rounds before it is called a fall.
 * `--update` writes the ratios of this run as the new ones.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missing, PEERS } from './peers/peers.ts';
import { compare } from './wire/compare.ts';
import { columns, type Row } from './wire/report.ts';
import { RESULTS_FOLDER } from './wire/results.ts';
import { chooseWorkloads, type Workload } from './wire/workloads.ts';

/** Workloads whose ratios hardly move from run to run: the server's CPU, not the system's, decides. */
const GUARDED = [
  'echo-20x16x64',
  'echo-100tx16x64',
  'echo-1kx64x4',
  'echo-16kx32x2',
  'echo-1mx4',
  'fanout-100x100x8',
  'deflate-200x16x4',
];

/** A fall by more than this is one. */
const TOLERANCE = 0.1;

/** Ours to ws: the rate, and the inverse of CPU time a message. Higher is better for both. */
export interface GuardRatio {
  readonly rate: number;
  readonly cpu: number;
}

/** Reads the two ratios off a comparison; undefined when ours or ws is not in it. */
export function guardRatio(rows: readonly Row[]): GuardRatio | undefined {
  const ours = rows.find((row) => row.peer === 'barewire');
  if (ours?.ratio === undefined || ours.cpuRatio === undefined) return undefined;
  return { rate: ours.ratio, cpu: 1 / ours.cpuRatio };
}

/** How far below the committed ratio this one is, as a share of it; negative when it is above. */
export function fallOf(now: GuardRatio, committed: GuardRatio): number {
  return Math.min(1 - now.rate / committed.rate, 1 - now.cpu / committed.cpu);
}

const FILE = `${RESULTS_FOLDER}guard.json`;

const HELP = `Usage: npm run bench:guard -- [options]

Compares ratios of barewire to ws with the committed ones; exit code 1 when one fell by more than a tenth.

  --update      writes this run's ratios to bench/results/guard.json
  --rounds N    rounds of a workload (default 3; three times as many before a fall is believed)
  --seconds N   length of a round (default 1)
  --help        this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      update: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const peers = PEERS.filter((peer) => peer.id === 'barewire' || peer.id === 'ws');
  for (const peer of peers) {
    const why = missing(peer);
    if (why !== undefined) throw new Error(why);
  }
  const committed = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, GuardRatio>) : {};
  const measureRatio = async (workload: Workload, rounds: number) => {
    const schedule = { rounds, warmUpMs: 500, durationMs: Number(values.seconds) * 1_000, nodeArgs: [] };
    const { rows, leftOut } = await compare(workload, peers, schedule);
    for (const { peer, why } of leftOut) process.stdout.write(`${workload.id}: ${peer} is left out: ${why}\n`);
    return guardRatio(rows);
  };
  const ratios: Record<string, GuardRatio> = {};
  const lines: string[][] = [['', 'rate vs ws', 'committed', 'CPU vs ws', 'committed', '']];
  let fallen = 0;
  for (const workload of chooseWorkloads(GUARDED)) {
    const before = committed[workload.id];
    let now = await measureRatio(workload, Number(values.rounds));
    if (now !== undefined && before !== undefined && !values.update && fallOf(now, before) > TOLERANCE) {
      now = (await measureRatio(workload, Number(values.rounds) * 3)) ?? now;
    }
    if (now === undefined) continue;
    ratios[workload.id] = { rate: Number(now.rate.toPrecision(3)), cpu: Number(now.cpu.toPrecision(3)) };
    const fall = before === undefined ? 0 : fallOf(now, before);
    if (fall > TOLERANCE) fallen++;
    lines.push([
      workload.id,
      `${now.rate.toFixed(2)}x`,
      before === undefined ? '' : `${before.rate.toFixed(2)}x`,
      `${now.cpu.toFixed(2)}x`,
      before === undefined ? '' : `${before.cpu.toFixed(2)}x`,
      before === undefined ? 'new' : fall > TOLERANCE ? `fell by ${Math.round(fall * 100)} %` : 'holds',
    ]);
  }
  process.stdout.write(columns(lines));
  if (values.update) {
    writeFileSync(FILE, `${JSON.stringify({ ...committed, ...ratios }, null, 2)}\n`);
    return 0;
  }
  for (const id of Object.keys(committed)) {
    if (ratios[id] === undefined) process.stdout.write(`${id} was committed and could not be measured\n`);
  }
  if (fallen > 0) process.stdout.write(`${fallen} ${fallen === 1 ? 'ratio' : 'ratios'} fell by more than a tenth\n`);
  return fallen > 0 || Object.keys(committed).some((id) => ratios[id] === undefined) ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
