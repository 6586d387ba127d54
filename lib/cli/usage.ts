/**
 * What the commands have in common: reading numbers from the command line, and staying up until told to stop.
 */

import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { suggest } from '../options.ts';

/**
 * The command line was wrong, as can be told from it alone: exit code 2 and a hint at `--help`. What had to be tried, such as to read a
 * file that it names, fails with another Error: exit code 1.
 */
export class UsageError extends Error {}

/**
 * `; did you mean --rate?` for what is at most two letters from a word of the command line, and fewer than half of its letters; else what
 * `suggest` says.
 */
export function suggestWord(word: string, known: readonly string[]): string {
  return suggest(word, known, Math.min(3, Math.ceil(word.replace(/^-+/, '').length / 2)));
}

/** What went wrong, in one line: some messages go on with advice, or with a cause that says more than they do. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] as string;
}

/** `parseArgs` of Node, but that mistakes are told in our words. @throws UsageError */
export const readArgs: typeof parseArgs = (config) => {
  try {
    return parseArgs(config);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const quoted = /'([^' ]+)/g;
    const [first = ''] = [...message.matchAll(quoted)].map(([, name]) => name!.replace(/,$/, ''));
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const known = Object.keys(config?.options ?? {}).map((name) => `--${name}`);
      throw new UsageError(`there is no option ${first}${first.startsWith('--') ? suggestWord(first, known) : ''}`);
    }
    if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') throw new UsageError(`unexpected argument ${first}`);
    if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') throw error;
    const isDashed = /ambiguous/.test(message);
    const name = /--[a-z0-9-]+/.exec(message)?.[0] ?? first;
    const { options = {} } = (config ?? {}) as ParseArgsConfig;
    const takes = options[name.slice(2)]?.type === 'string';
    if (takes && isDashed)
      throw new UsageError(`${name} needs a value; one that begins with - is written ${name}=VALUE`);
    throw new UsageError(takes ? `${name} needs a value: ${name} VALUE, or ${name}=VALUE` : `${name} takes no value`);
  }
};

/** Runs a command with what `read` makes of its command line; without settings, its help was asked for. */
export async function runWith<Settings>(
  read: () => Settings | undefined,
  help: string,
  command: (settings: Settings) => Promise<number>,
): Promise<number> {
  const settings = read();
  if (settings !== undefined) return command(settings);
  process.stdout.write(help);
  return 0;
}

/** Reads a whole number within bounds. @throws UsageError */
export function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
    throw new UsageError(`--${name} is ${JSON.stringify(text)}, must be a whole number from ${minimum} to ${maximum}`);
  }
  return value;
}

/** Reads where to listen: to the system an empty name is every interface, which nobody means by an unset variable. @throws UsageError */
export function hostName(text: string): string {
  if (text === '')
    throw new UsageError(
      '--host is "", must be an address or a name (default 127.0.0.1; all interfaces: 0.0.0.0 or ::)',
    );
  return text;
}

/** A file's octets. @throws Error where it cannot be read; UsageError for an empty path, which an unset variable makes */
export function readFile(what: string, path: string): Buffer {
  if (path === '') throw new UsageError(`${what} is "", must be the path of a file`);
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${what}: ${path} ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`}`);
  }
}

/** Resolves at the first SIGINT (Ctrl-C) or SIGTERM; a second one ends the process at once. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.once('SIGINT', () => process.exit(130));
      process.once('SIGTERM', () => process.exit(143));
      resolve(signal);
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
}

/** Says what a failed `listen` means. */
export function listenError(error: unknown, where: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new Error(`${where} is in use by another program; choose another with --port`);
  if (code === 'EACCES') return new Error(`no permission to listen on ${where}; ports below 1024 need privileges`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new Error(`${where} is not an address of this machine`);
  return error instanceof Error ? error : new Error(String(error));
}
