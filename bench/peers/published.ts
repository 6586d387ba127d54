/**
 * Barewire as it is published: a few files in place of 150 (`scripts/bundle.mjs`), with the peer's program beside it.
 *
 * What a program loads is heap that outlives its start, V8's young generation grows with it, and with that the memory that passes through
 * the caches for each message: so what is measured is what a user installs. Made once by each process that starts peers.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string | undefined;

/** The address of the peer's program `script`, beside the published library. @throws Error with what the bundler wrote where it failed */
export function publishedScript(script: string): string {
  folder ??= publish();
  return pathToFileURL(join(folder, 'dist/bench/peers', script)).href;
}

function publish(): string {
  // Within `dist`, so that packages that are imported by name are found.
  const made = mkdtempSync(join(root, 'dist/published-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  for (const part of ['package.json', 'dist/lib', 'dist/bench/peers'])
    cpSync(join(root, part), join(made, part), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bundle.mjs'), made], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`scripts/bundle.mjs failed: ${stderr}`);
  return made;
}
