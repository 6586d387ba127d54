/**
 * Builds the peers that are not programs of Node: with cargo, go or python3 where that is installed, into the folder `target` beside
 * their source, which git ignores. A second build of the same source takes a moment.
 *
 * Knows folders and tools, no peer by name. Read next: `peers.ts`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type BuildTool = 'cargo' | 'go' | 'python3';

/** A first build compiles every dependency. */
const BUILD_TIMEOUT_MS = 900_000;
const MAX_OUTPUT_BYTES = 16_777_216;

const sources = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));

interface Recipe {
  /** Commands, in order, from the peer's folder. */
  readonly steps: readonly (readonly [string, ...string[]])[];
  /** What starts the peer, from its folder; the arguments of the run come after it. */
  readonly start: (folder: string) => readonly [string, ...string[]];
  /** Where the versions are pinned. */
  readonly pins: string;
}

const RECIPES: Readonly<Record<BuildTool, Recipe>> = {
  cargo: {
    steps: [['cargo', 'build', '--release', '--locked', '--target-dir', 'target']],
    start: (folder) => [`target/release/${folder}-peer`],
    pins: 'Cargo.lock',
  },
  go: {
    steps: [['go', 'build', '-o', 'target/server', '.']],
    start: () => ['target/server'],
    pins: 'go.mod',
  },
  python3: {
    steps: [
      ['python3', '-m', 'venv', 'target'],
      ['target/bin/python', '-m', 'pip', 'install', '--quiet', '--requirement', 'requirements.txt'],
    ],
    start: () => ['target/bin/python', 'server.py'],
    pins: 'requirements.txt',
  },
};

/** Whether a peer of this runtime is a program in another language, built from its source in this repository. */
export function isBuildTool(runtime: string): runtime is BuildTool {
  return Object.hasOwn(RECIPES, runtime);
}

const outcomes = new Map<string, string | undefined>();

/** Builds the peer of `bench/peers/FOLDER`, once in a process. Answers why it cannot be run here; undefined when it can. */
export function build(tool: BuildTool, folder: string): string | undefined {
  if (!outcomes.has(folder)) outcomes.set(folder, buildNow(tool, folder));
  return outcomes.get(folder);
}

function buildNow(tool: BuildTool, folder: string): string | undefined {
  const { steps, start, pins } = RECIPES[tool];
  const cwd = `${sources}${folder}/`;
  // A virtual environment is made for certain pins; cargo and go find out for themselves whether something has changed.
  const stamp = `${cwd}target/built-for`;
  const pinned = readFileSync(`${cwd}${pins}`, 'utf8');
  if (tool === 'python3' && existsSync(stamp) && readFileSync(stamp, 'utf8') === pinned) return undefined;
  if (!existsSync(`${cwd}${start(folder)[0]}`)) {
    process.stdout.write(`Building ${folder}: ${steps.map((step) => step.join(' ')).join(' && ')}\n`);
  }
  for (const [program, ...args] of steps) {
    const { status, error, stderr } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      timeout: BUILD_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status === 0) continue;
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return `${program} is not installed`;
    const line = stderr?.split('\n').find((each) => /error/i.test(each)) ?? '';
    return `${program} ${args[0]} failed: ${error?.message ?? line}`;
  }
  if (tool === 'python3') writeFileSync(stamp, pinned);
  return undefined;
}

/** The program and arguments that start what `build` has made. */
export function builtCommand(
  tool: BuildTool,
  folder: string,
  args: readonly string[],
): readonly [string, readonly string[]] {
  const [program, ...first] = RECIPES[tool].start(folder).map((part) => `${sources}${folder}/${part}`);
  return [program!, [...first, ...args]];
}

/** The version of a dependency that a peer's file of pins names; empty when it names none. */
export function pinnedVersion(tool: BuildTool, folder: string, dependency: string): string {
  const pins = readFileSync(`${sources}${folder}/${RECIPES[tool].pins}`, 'utf8');
  const name = dependency.replaceAll('.', '\\.');
  const pattern = {
    cargo: `name = "${name}"\\nversion = "([^"]+)"`,
    go: `${name} v(\\S+)`,
    python3: `^${name}==(\\S+)`,
  }[tool];
  return new RegExp(pattern, 'm').exec(pins)?.[1] ?? '';
}
