#!/usr/bin/env node
/**
 * `barewire COMMAND`: finds the command's file, runs it, and turns what goes wrong into a line and an exit code.
 *
 * Exit codes: 0 done, 1 it did not work (port in use, server down, case failed), 2 the command line was wrong.
 * A user's mistake never shows a stack trace. Each command is one file beside this one with a `run(args)`.
 */

import { COMMANDS } from './commands.ts';
import { UsageError } from './usage.ts';

const HELP = `barewire: WebSocket and Server-Sent Events from the bytes up

Usage: barewire COMMAND [options]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

barewire COMMAND --help tells more about one of them.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  const { run } = await command.load();
  return run(rest);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const usage = error instanceof UsageError || isParseArgsError(error);
    // Some messages of `parseArgs` go on with advice over several lines; ours are one.
    const [message] = (error instanceof Error ? error.message : String(error)).split('\n');
    process.stderr.write(`barewire: ${message}\n`);
    if (usage) process.stderr.write('Try `barewire --help`.\n');
    process.exitCode = usage ? 2 : 1;
  },
);

function isParseArgsError(error: unknown): boolean {
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}
