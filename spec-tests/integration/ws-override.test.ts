/**
 * `overrides` by npm itself: barewire and the package that stands in for ws are packed, npm installs Socket.IO with the override, and
 * conversations run on what it installed, with no loader.
 *
 * Wants npm, and its cache or a registry. Read next: `../../scripts/pack-ws-alias.mjs`.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'spec-tests/integration/package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const WANTED = ['engine.io', 'engine.io-client', 'socket.io', 'socket.io-client'];
const INSTALL_MS = 90_000;

function run(folder: string, command: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: INSTALL_MS });
  return { status, output: `${stdout}${stderr}` };
}

describe('npm with "overrides": { "ws": "file:ws-alias.tgz" }', () => {
  let folder: string;
  let offline: string | false = false;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'barewire-override-'));
    const packed = run(ROOT, 'npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder);
    assert.equal(packed.status, 0, packed.output);
    const barewire = `file:${join(folder, packed.output.trim().split('\n').at(-1)!)}`;
    const alias = run(folder, process.execPath, join(ROOT, 'scripts/pack-ws-alias.mjs'), './ws-alias.tgz', barewire);
    assert.equal(alias.status, 0, alias.output);
    const versions = Object.fromEntries(WANTED.map((name) => [name, dependencies[name]]));
    const manifest = {
      private: true,
      type: 'module',
      dependencies: versions,
      overrides: { ws: 'file:./ws-alias.tgz' },
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    const { status, output } = run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline');
    if (/ENOTFOUND|ENOTCACHED|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT/.test(output)) offline = 'no registry can be reached';
    else assert.equal(status, 0, output);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('npm installs ours once, wherever ws is asked for', (context) => {
    if (offline) return context.skip(offline);
    const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string }>;
    };
    const found = Object.entries(packages).filter(([path]) => path.endsWith('node_modules/ws'));
    assert.deepEqual(
      found.map(([path, { resolved }]) => [path, resolved]),
      [['node_modules/ws', 'file:ws-alias.tgz']],
    );
    assert.equal(existsSync(join(folder, 'node_modules/barewire/dist/lib/ws/index.js')), true);
  });

  for (const program of ['engine.io', 'socket.io']) {
    it(`${program} has its conversation`, (context) => {
      if (offline) return context.skip(offline);
      copyFileSync(join(ROOT, `spec-tests/integration/ws-programs/${program}.mjs`), join(folder, `${program}.mjs`));
      const { status, output } = run(folder, process.execPath, `${program}.mjs`);
      assert.equal(output, 'done\n');
      assert.equal(status, 0);
    });
  }
});
