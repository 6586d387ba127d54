/** What the programs of `bench/` have in common: a user's mistake is a sentence and exit code 1, not a stack trace. */

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Runs `main` if the module at `url` is the program that was started, and not one that was imported. */
export function runAsProgram(url: string, main: () => number | Promise<number>): void {
  const started = process.argv[1];
  if (started === undefined || realpathSync(started) !== fileURLToPath(url)) return;
  process.stdout.on('error', endWhenNobodyReads);
  Promise.resolve()
    .then(main)
    .then(
      (code) => {
        process.exitCode = code;
      },
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode = 1;
      },
    );
}

/** Whoever reads has what it wanted (`… --list | head`): the program ends. @throws every other error of the output */
function endWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
}
