/**
 * Runs every snippet of `docs/testing.md`, `docs/running.md` and `docs/rooms.md` that is a program. Those of the first are test files, and pass as they
 * stand. Those of the others, as they stand but for the port, print what their `// →` comments say.
 * A snippet in a language that can be run, without a `<!-- run: NAME -->` in front, fails the test; those that say `integration`
 * are run by `integration/sessions.test.ts`.
 */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const pages = ['testing.md', 'running.md', 'rooms.md']; // `clients.md` has a test of its own, beside the servers that its snippets want

/** Runs a file of tests: all of them pass. */
async function passes(file: string, code: string): Promise<void> {
  // Without the variable by which a test within a test reports in another form.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { env });
  assert.match(stdout, /^# fail 0$/m);
  assert.match(stdout, new RegExp(`^# pass ${[...code.matchAll(/^test\(/gm)].length}$`, 'm'));
}

/** Runs a program, which is told SIGTERM when it has said hello where it listens for that: it prints what it says, and ends well. */
async function prints(file: string, code: string): Promise<void> {
  const child = spawn(process.execPath, [file], { cwd: dirname(file), stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += String(chunk);
    if (code.includes("'SIGTERM'") && printed === 'hello\n') child.kill('SIGTERM');
  });
  const [status] = (await once(child, 'close')) as [number | null];
  assert.equal(status, 0);
  const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!);
  assert.deepEqual(printed.trim().split('\n').sort(), expected.sort());
}

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
      const elsewhere = [...text.matchAll(/<!-- integration: [a-z-]+ -->\n```js\n/g)]; // by a test of `integration/`
      assert.equal([...text.matchAll(/```js\n/g)].length, snippets.length + elsewhere.length);
    });

    for (const [, name, code] of snippets) {
      it(`${page}: ${name} does what it says`, async () => {
        const tests = code!.includes("from 'node:test'");
        const file = join(folder, `${page}-${name}${tests ? '.test' : ''}.mjs`);
        writeFileSync(file, code!.replaceAll('port: 8080', 'port: 0'));
        await (tests ? passes : prints)(file, code!);
      });
    }
  }
});
