/**
 * The golden results: verdicts of our own endpoints, kept in the repository and compared on every run.
 *
 * `golden/server.json` and `golden/client.json` map each case to its verdict; a closing verdict other than OK stands
 * behind it. Durations are left out. `npm run conformance -- --update` writes them.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../../lib/conformance/index.ts';

export type Golden = Readonly<Record<string, string>>;

/** The repository's folder, from source and from dist alike. */
function folder(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'bench/package.json'))) at = dirname(at);
  return join(at, 'spec-tests/conformance/golden');
}

export function readGolden(name: 'server' | 'client'): Golden {
  return JSON.parse(readFileSync(join(folder(), `${name}.json`), 'utf8')) as Golden;
}

export function writeGolden(name: 'server' | 'client', results: readonly CaseResult[]): void {
  writeFileSync(join(folder(), `${name}.json`), `${JSON.stringify(verdictsOf(results), null, 2)}\n`);
}

export function verdictsOf(results: readonly CaseResult[]): Golden {
  return Object.fromEntries(results.map((one) => [one.id, verdictOf(one)]));
}

/** 7.1.6 is a race that has no right end: its closing verdict is not kept. */
function verdictOf({ behavior, behaviorClose }: CaseResult): string {
  return behaviorClose === 'OK' || behavior === 'INFORMATIONAL' ? behavior : `${behavior}, ${behaviorClose}`;
}

/** Lines that say what differs; empty = nothing. */
export function differences(golden: Golden, results: readonly CaseResult[]): string[] {
  return results.flatMap((one) => {
    const expected = golden[one.id] ?? 'no golden result';
    return expected === verdictOf(one) ? [] : [`${one.id}: ${verdictOf(one)}, golden ${expected}: ${one.reason}`];
  });
}
