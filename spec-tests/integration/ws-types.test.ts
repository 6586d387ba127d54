/**
 * A user's program compiles against @types/ws and, with the package that stands in for ws, against our own types.
 *
 * Read next: `ws-programs/types.mts`, the program.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';
import { missing } from './installed.ts';

const compilerOptions = {
  ...{ strict: true, noEmit: true, skipLibCheck: false, module: 'nodenext', target: 'es2022' },
  ...{ lib: ['es2023', 'dom'], types: ['node'] },
};

/** An ES module, and one of CommonJS. */
const FILES = ['types.mts', 'types.cts'];

/** What the compiler says of the program, with `ws` as `prepare` puts it into `node_modules`. */
function complaints(prepare: (modules: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'barewire-types-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(modules, '@types/node'), 'dir');
  symlinkSync(join(ROOT, 'node_modules/undici-types'), join(modules, 'undici-types'), 'dir');
  for (const file of FILES) copyFileSync(join(ROOT, 'spec-tests/integration/ws-programs', file), join(folder, file));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: FILES }));
  prepare(modules);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return stdout;
}

describe('a program written with @types/ws', { skip: missing({ packages: ['@types/ws'] }) }, () => {
  it('compiles against @types/ws', () => {
    const types = join(ROOT, 'spec-tests/integration/node_modules/@types/ws');
    assert.equal(
      complaints((modules) => symlinkSync(types, join(modules, '@types/ws'), 'dir')),
      '',
    );
  });

  it('compiles against barewire/ws in the place of ws', () => {
    const said = complaints((modules) => {
      symlinkSync(ROOT, join(modules, 'barewire'), 'dir');
      spawnSync(process.execPath, [join(ROOT, 'scripts/pack-ws-alias.mjs'), join(modules, 'ws')]);
    });
    assert.equal(said, '');
  });
});
