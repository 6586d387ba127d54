/** The programs in front of `lib/room-logs/README.md`, with the types of both clients of Redis: each passes `tsc --strict`. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing } from './installed.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

const compilerOptions = {
  ...{ strict: true, noEmit: true, module: 'nodenext', target: 'es2022' },
  ...{ lib: ['es2023', 'dom'], types: ['node'], skipLibCheck: true },
};

describe('lib/room-logs/README.md', { skip: missing({ packages: ['ioredis', 'redis'] }) }, () => {
  it('every program compiles', () => {
    const page = readFileSync(join(root, 'lib/room-logs/README.md'), 'utf8');
    const programs = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
    for (const client of ["from 'ioredis'", "from 'redis'"])
      assert.equal(programs.filter((code) => code.includes(client)).length, 1, client);
    const folder = mkdtempSync(join(tmpdir(), 'barewire-room-logs-'));
    try {
      const modules = join(folder, 'node_modules');
      mkdirSync(join(modules, '@types'), { recursive: true });
      symlinkSync(root, join(modules, 'barewire'), 'dir');
      symlinkSync(join(root, 'node_modules/@types/node'), join(modules, '@types/node'), 'dir');
      for (const name of ['ioredis', 'redis'])
        symlinkSync(join(root, 'spec-tests/integration/node_modules', name), join(modules, name), 'dir');
      for (const [i, code] of programs.entries()) writeFileSync(join(folder, `program-${i + 1}.mts`), code);
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
