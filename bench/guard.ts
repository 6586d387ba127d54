/**
 * Regression guard: `npm run bench:guard`. A short run of ours against ws, compared with ratios that are committed.
 *
 * Absolute times say more about the machine than about the code, so only ratios are compared: ours to ws in the same
 * round, by rate and by CPU time a message, of which the better one counts (a machine that is shared disturbs the two
 * differently). What fell by more than a tenth is measured again with more rounds before it is called a fall.
 * `--update` writes the ratios of this run as the new ones.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runAsProgram } from './main.ts';
import { missing, PEERS } from './peers/peers.ts';
import { compare } from './wire/compare.ts';
import { columns, type Row } from './wire/report.ts';
import { RESULTS_FOLDER } from './wire/results.ts';
import { chooseWorkloads } from './wire/workloads.ts';

/** Workloads whose ratios hardly move from run to run: the server's CPU, not the system's, decides. */
const GUARDED = [
  'echo-20x16x64',
  'echo-100tx16x64',
  'answer-100tx16x64',
  'echo-1kx64x4',
  'echo-16kx32x2',
  'echo-1mx4',
  'fanout-100x100x8',
  'deflate-200x16x4',
  'deflate-chat-4k',
];

/** A fall by more than this is one. */
const TOLERANCE = 0.1;
/** Before a fall is believed, so many times the rounds. */
const AGAIN = 3;

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

/** Others used the CPU while one of the two ran: even CPU time a message is then higher, and not alike for both. */
export function wasShared(rows: readonly Row[]): boolean {
  return rows.some((row) => row.limit === 'machine');
}

export type Verdict = 'holds' | 'fell' | 'undecided' | 'new';

/** What a measurement says about a workload. A fall on a machine that was shared is not believed, nor dismissed. */
export function verdictOf(now: GuardRatio, committed: GuardRatio | undefined, shared: boolean): Verdict {
  if (committed === undefined) return 'new';
  if (fallOf(now, committed) <= TOLERANCE) return 'holds';
  return shared ? 'undecided' : 'fell';
}

/** How far below the committed ratio this one is, as a share of it; negative when it is above. */
export function fallOf(now: GuardRatio, committed: GuardRatio): number {
  return Math.min(1 - now.rate / committed.rate, 1 - now.cpu / committed.cpu);
}

const FILE = `${RESULTS_FOLDER}guard.json`;

const HELP = `Usage: npm run bench:guard -- [options]

Compares ratios of barewire to ws with the committed ones. Exit code 0: they hold; 1: one fell by more than a tenth;
2: one could not be decided, because other processes used the CPU.

  --update      writes this run's ratios to bench/results/guard.json, but for those taken on a shared machine
  --rounds N    rounds of a workload (default 3; three times as many before a fall is believed)
  --seconds N   length of a round (default 1)
  --help        this text
`;

/** Longer than a screen: a list of options, and one loop over the workloads that are measured, and again where they fell. */
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
  if (Object.keys(committed).length === 0 && !values.update) {
    throw new Error('no ratios are committed yet: run `npm run bench:guard -- --update` on a quiet machine');
  }
  const updated = { ...committed };
  const lines: string[][] = [['', 'rate vs ws', 'committed', 'CPU vs ws', 'committed', '']];
  const verdicts: Verdict[] = [];
  for (const workload of chooseWorkloads(GUARDED)) {
    const before = committed[workload.id];
    const rounds = Number(values.rounds);
    const measureRatio = async (times: number) => {
      const schedule = {
        rounds: rounds * times,
        warmUpMs: 500,
        durationMs: Number(values.seconds) * 1_000,
        nodeArgs: [],
      };
      const { rows, leftOut } = await compare(workload, peers, schedule);
      for (const { peer, why } of leftOut) process.stdout.write(`${workload.id}: ${peer} is left out: ${why}\n`);
      return { now: guardRatio(rows), shared: wasShared(rows) };
    };
    let { now, shared } = await measureRatio(1);
    if (now !== undefined && !values.update && !['holds', 'new'].includes(verdictOf(now, before, shared))) {
      ({ now, shared } = await measureRatio(AGAIN));
    }
    if (now === undefined) {
      verdicts.push('undecided');
      lines.push([workload.id, '', '', '', '', 'could not be measured']);
      continue;
    }
    const verdict = verdictOf(now, before, shared);
    verdicts.push(verdict);
    const words = {
      holds: 'holds',
      new: 'new',
      undecided: 'undecided: the machine was shared',
      fell: `fell by ${before === undefined ? 0 : Math.round(fallOf(now, before) * 100)} %`,
    };
    if (!shared) updated[workload.id] = { rate: Number(now.rate.toPrecision(3)), cpu: Number(now.cpu.toPrecision(3)) };
    lines.push([
      workload.id,
      `${now.rate.toFixed(2)}x`,
      before === undefined ? '' : `${before.rate.toFixed(2)}x`,
      `${now.cpu.toFixed(2)}x`,
      before === undefined ? '' : `${before.cpu.toFixed(2)}x`,
      values.update ? (shared ? 'not taken: the machine was shared' : 'taken') : words[verdict],
    ]);
  }
  process.stdout.write(columns(lines));
  if (values.update) {
    writeFileSync(FILE, `${JSON.stringify(updated, null, 2)}\n`);
    return Object.keys(updated).length === GUARDED.length ? 0 : 2;
  }
  const fallen = verdicts.filter((verdict) => verdict === 'fell').length;
  if (fallen > 0) process.stdout.write(`${fallen} of ${verdicts.length} fell by more than a tenth\n`);
  return fallen > 0 ? 1 : verdicts.includes('undecided') ? 2 : 0;
}

runAsProgram(import.meta.url, main);
