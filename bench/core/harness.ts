/**
 * In-process timing: contenders for the same job, in short turns one after the other, medians over many rounds.
 *
 * A turn lasts about a millisecond; a round gives each contender one turn, so that a busy machine disturbs all alike.
 * Every contender's result is checked against the first one's before anything is timed, and results are summed up, so
 * that no work can be left out. Each `bench/core/*.ts` is run by itself: `node dist/bench/core/mask.js`.
 */

import { columns, median } from '../wire/report.ts';

export interface Contender {
  readonly name: string;
  /** Does the job once and answers something of the result. */
  readonly run: () => number;
}

export interface Job {
  readonly name: string;
  /** Octets that the job goes through, for MB/s; 0 to leave that out. */
  readonly bytes: number;
  /** Things that it handles (messages, events): times are for one of them. Default 1. */
  readonly count?: number;
  /** Ratios are to the last one: above 1 is quicker. */
  readonly contenders: readonly Contender[];
}

const TURN_MS = 1;
const ROUNDS = 101;
const WARM_UP_MS = 100;

let sum = 0;

/** Times the jobs and prints a table. @throws Error when contenders disagree */
export function bench(title: string, jobs: readonly Job[]): void {
  const lines: string[][] = [['', 'ns', 'MB/s', 'ratio']];
  for (const job of jobs) {
    const [first] = job.contenders;
    const expected = first!.run();
    for (const { name, run } of job.contenders) {
      const got = run();
      if (got !== expected) throw new Error(`${job.name}: ${name} answers ${got}, ${first!.name} ${expected}`);
    }
    const turns = job.contenders.map(({ run }) => turnsFor(run));
    const times: number[][] = job.contenders.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, { run }] of job.contenders.entries()) times[i]!.push(time(run, turns[i]!));
    }
    const last = times[times.length - 1]!;
    for (const [i, { name }] of job.contenders.entries()) {
      const nanoseconds = median(times[i]!) / (job.count ?? 1);
      const ratio = median(times[i]!.map((each, round) => last[round]! / each));
      lines.push([
        job.contenders.length === 1 ? job.name : `${job.name}: ${name}`,
        nanoseconds < 100 ? nanoseconds.toFixed(1) : nanoseconds.toFixed(0),
        job.bytes === 0 ? '' : ((job.bytes / median(times[i]!)) * 1_000).toFixed(0),
        i === job.contenders.length - 1 ? '' : `${ratio.toFixed(2)}x`,
      ]);
    }
  }
  process.stdout.write(`${title}\n${columns(lines)}\n`);
  if (Number.isNaN(sum)) throw new Error('a result is not a number');
}

/** How many runs fill a turn, after warming up. */
function turnsFor(run: () => number): number {
  const end = performance.now() + WARM_UP_MS;
  let runs = 0;
  while (performance.now() < end) {
    sum += run();
    runs++;
  }
  return Math.max(1, Math.ceil((runs * TURN_MS) / WARM_UP_MS));
}

/** Nanoseconds of one run, over `turns` of them. */
function time(run: () => number, turns: number): number {
  const before = process.hrtime.bigint();
  for (let i = 0; i < turns; i++) sum += run();
  return Number(process.hrtime.bigint() - before) / turns;
}
