#!/usr/bin/env node
/**
 * `barewire COMMAND`: finds the command's file, runs it, and turns what goes wrong into a line and an exit code.
 *
 * Exit codes: 0 done, 1 it did not work (port in use, server down, case failed), 2 the command line was wrong.
 * A user's mistake never shows a stack trace. Each command is one file beside this one with a `run(args)`.
 */

import { readFileSync } from 'node:fs';
import { COMMANDS, type Command } from './commands.ts';
import { watchOutputs } from './standard-streams.ts';
import { oneLine, suggestWord, UsageError } from './usage.ts';

const HELP = `barewire: WebSocket and Server-Sent Events from the bytes up

Usage: barewire COMMAND [options]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

barewire COMMAND --help, or barewire help COMMAND, tells more about one of them. barewire --version tells the version.
`;

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  const command = COMMANDS.find((each) => each.name === first);
  watchOutputs(command?.serves === true ? 'go on' : 'end');
  if (command !== undefined) return runCommand(command, rest);
  if (first === '--version' || first === '-v' || first === 'version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (first === undefined || first === '--help' || first === '-h') {
    process.stdout.write(HELP);
    return first === undefined ? 2 : 0;
  }
  if (first.startsWith('-'))
    throw new UsageError(`there is no option ${first}${suggestWord(first, ['--help', '--version'])}`);
  if (first !== 'help') throw noCommand(first);
  const [about] = rest;
  if (about === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const helped = COMMANDS.find((each) => each.name === about);
  if (helped === undefined) throw noCommand(about);
  return runCommand(helped, ['--help']);
}

function noCommand(name: string): UsageError {
  const known = COMMANDS.map((each) => each.name);
  return new UsageError(`there is no command "${name}"${suggestWord(name, known)}`);
}

async function runCommand(command: Command, args: string[]): Promise<number> {
  const { run } = await command.load();
  return run(args);
}

/** The package's version, from two folders above the built file. */
function version(): string {
  const manifest = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const usage = error instanceof UsageError || isParseArgsError(error);
    process.stderr.write(`barewire: ${oneLine(error)}\n`);
    if (usage) process.stderr.write(`Try \`barewire ${helpFor(process.argv[2])}--help\`.\n`);
    process.exitCode = usage ? 2 : 1;
  },
);

/** The command that was called, and a blank; empty where there is none of that name. */
function helpFor(first: string | undefined): string {
  return COMMANDS.some((each) => each.name === first) ? `${first} ` : '';
}

function isParseArgsError(error: unknown): boolean {
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}
