/** What the programs of `bench/` have in common: a user's mistake is a sentence and exit code 1, not a stack trace. */

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Runs `main` if the module at `url` is the program that was started, and not one that was imported. */
export function runAsProgram(url: string, main: () => number | Promise<number>): void {
  const started = process.argv[1];
  if (started === undefined || realpathSync(started) !== fileURLToPath(url)) return;
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
