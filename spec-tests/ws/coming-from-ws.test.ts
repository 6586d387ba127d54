/** Runs the programs of `docs/coming-from-ws.md` as they stand: before and after print the same. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ROOT, withoutPeer } from '../support/peers.ts';

const text = readFileSync(join(ROOT, 'docs/coming-from-ws.md'), 'utf8');
const snippets = new Map(
  [...text.matchAll(/<!-- run: ([a-z]+) -->\n```(?:js|cjs)\n([\s\S]*?)```/g)].map(([, name, code]) => [name!, code!]),
);

const folder = mkdtempSync(join(tmpdir(), 'barewire-ws-'));
mkdirSync(join(folder, 'node_modules'));
symlinkSync(ROOT, join(folder, 'node_modules/barewire'), 'dir');
after(() => rmSync(folder, { recursive: true }));

/** Prints of a program, with the modules of `folder`. */
function run(name: string, extension: 'mjs' | 'cjs', inFolder: string = folder): string {
  const file = join(inFolder, `${name}.${extension}`);
  writeFileSync(file, snippets.get(name)!);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, stderr);
  return stdout;
}

const SAID = 'sent\n/room: hello\n1000 enough\nclosed\n';

describe('docs/coming-from-ws.md', () => {
  it('after: the program on barewire/ws', () => {
    assert.equal(run('after', 'mjs'), SAID);
  });

  it('before: the program on ws prints the same', { skip: withoutPeer('ws') }, () => {
    const theirs = join(folder, 'theirs');
    mkdirSync(join(theirs, 'node_modules'), { recursive: true });
    symlinkSync(join(ROOT, 'bench/node_modules/ws'), join(theirs, 'node_modules/ws'), 'dir');
    assert.equal(run('before', 'mjs', theirs), SAID);
  });

  it('require answers the class with its properties', () => {
    assert.equal(run('require', 'cjs'), 'true true 1\n');
  });

  it('the program before runs on the package that scripts/pack-ws-alias.mjs makes, by import and by require', () => {
    const alias = join(folder, 'node_modules/ws');
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/pack-ws-alias.mjs'), alias], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.equal(run('before', 'mjs'), SAID);
    const code = "const ws = require('ws'); console.log(ws === require('barewire/ws'), typeof ws.Server);";
    const required = spawnSync(process.execPath, ['-e', code], { cwd: folder, encoding: 'utf8' });
    assert.equal(required.stdout, 'true function\n', required.stderr);
  });

  it('before and after differ in nothing but the import', () => {
    assert.equal(snippets.get('after'), snippets.get('before')!.replace("from 'ws'", "from 'barewire/ws'"));
  });
});
