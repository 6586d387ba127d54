import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './support/peers.ts';

describe('docs/guarantees.md', () => {
  it('names a test for each promise, and each of them exists', () => {
    const text = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8');
    const promises = text.split(/^- /m).slice(1);
    assert.ok(promises.length > 30);
    for (const promise of promises) {
      const [, file, title] = /^ {2}\*`([^`]+)`: ([^*]+)\*$/m.exec(promise) ?? [];
      assert.ok(file !== undefined && title !== undefined, `no test behind: ${promise}`);
      const source = readFileSync(join(ROOT, 'spec-tests', file), 'utf8');
      assert.ok(source.includes(`it('${title}`), `${file} has no test that begins: ${title}`);
    }
  });
});
