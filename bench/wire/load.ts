/**
 * The load process: one JSON task on the command line, one JSON answer on standard output.
 *
 * A process of its own, so that it can be pinned to a core and so that no run inherits what another has compiled or kept.
 */

import { runEcho } from '../../lib/load/echo.ts';
import { runFanOut } from '../../lib/load/fan-out.ts';
import type { Measurement } from '../../lib/load/measure.ts';
import type { Workload } from './workloads.ts';

export interface LoadTask {
  readonly workload: Workload;
  readonly port: number;
  readonly serverPid: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** What a round of any workload answers; what it does not measure is absent. */
export interface Round extends Measurement {}

export type LoadAnswer = { readonly round: Round } | { readonly error: string };

function runTask(task: LoadTask): Promise<Round> {
  const { workload, port } = task;
  const url = new URL(`ws://127.0.0.1:${port}/`);
  switch (workload.type) {
    case 'echo': {
      const { sizeBytes, kind } = workload;
      return runEcho({ ...task, ...workload, url, shape: { sizeBytes, kind } });
    }
    case 'fan-out': {
      const { sizeBytes, kind } = workload;
      return runFanOut({ ...task, ...workload, url, shape: { sizeBytes, kind } });
    }
  }
}

let answer: LoadAnswer;
try {
  answer = { round: await runTask(JSON.parse(process.argv[2] ?? '') as LoadTask) };
} catch (error) {
  answer = { error: error instanceof Error ? error.message : String(error) };
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
