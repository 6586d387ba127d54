/**
 * Runs every snippet of `docs/testing.md` that is a program, as it stands: each is a test file of its own, and passes.
 * A snippet in a language that can be run, without a `<!-- run: NAME -->` in front, fails the test.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const pages = ['testing.md']; // `clients.md` has a test of its own, beside the servers that its snippets want

describe('the pages of docs', { timeout: 60_000 }, () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'barewire-docs-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'barewire'), 'dir');
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const page of pages) {
    const text = readFileSync(join(root, 'docs', page), 'utf8');
    const snippets = [...text.matchAll(/<!-- run: ([a-z-]+) -->\n```js\n([\s\S]*?)```/g)];

    it(`${page} has no program that is not run`, () => {
      assert.equal([...text.matchAll(/```js\n/g)].length, snippets.length);
    });

    for (const [, name, code] of snippets) {
      it(`${page}: ${name} passes`, async () => {
        const file = join(folder, `${page}-${name}.test.mjs`);
        writeFileSync(file, code!);
        // Without the variable by which a test within a test reports in another form.
        const { NODE_TEST_CONTEXT: _, ...env } = process.env;
        const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
          env,
        });
        assert.match(stdout, /^# fail 0$/m);
        assert.match(stdout, new RegExp(`^# pass ${[...code!.matchAll(/^test\(/gm)].length}$`, 'm'));
      });
    }
  }
});
