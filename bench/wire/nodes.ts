/**
 * Other versions of Node: where a program of each is, installed from npm's `node-<platform>-<arch>` if need be.
 *
 * They go into a temporary folder that is removed at the end; with BENCH_NODES=FOLDER they are looked for in
 * FOLDER/node24/bin/node and so on, and stay. A peer whose native addon loads in one version alone runs on that one,
 * whatever the others run on. Read next: `run.ts`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeProgram } from '../peers/peers.ts';

/**
 * Sees to it that there is a program of each of these major versions; `nodeProgram` then finds it. Answers what went wrong, if
 * anything. The folder, if one is made, is removed when this process exits.
 */
export function installNodes(majors: readonly string[]): string | undefined {
  const wanted = majors.filter((major) => nodeProgram(major) === undefined);
  if (wanted.length === 0) return undefined;
  const given = process.env['BENCH_NODES'];
  if (given !== undefined) return `BENCH_NODES has no Node ${wanted.join(', ')}: ${given}`;
  process.stdout.write(`Installing Node ${wanted.join(', ')} into a temporary folder\n`);
  const folder = mkdtempSync(join(tmpdir(), 'barewire-bench-nodes-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  // npm installs into the nearest folder above that has a package.json: this makes it ours.
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const packages = wanted.map((major) => `node${major}@npm:node-${process.platform}-${process.arch}@${major}`);
  const { status, error } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0)
    return `${packages.join(' ')} could not be installed: ${error?.message ?? `npm ended with ${status}`}`;
  const nodes = join(folder, 'node_modules');
  if (!wanted.every((major) => existsSync(join(nodes, `node${major}`))))
    return `npm did not install ${packages.join(' ')}`;
  process.env['BENCH_NODES'] = nodes;
  return undefined;
}
