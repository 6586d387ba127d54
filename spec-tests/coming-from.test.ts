/** Runs the programs "after" of `docs/coming-from-….md`: they say what those "before" do (`integration/coming-from.test.ts`). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GUIDES, linesOf, programsOf } from './support/guides.ts';
import { ROOT } from './support/peers.ts';

describe('the guides for those who come from other libraries', { concurrency: 2 }, () => {
  for (const { page, says, talk } of GUIDES) {
    it(`${page}: the program after says what the one before says`, async () => {
      const code = programsOf(page).get('after')!;
      assert.deepEqual(await linesOf(code, { packages: {}, ...(talk && { talk }) }), [...says].sort());
    });

    it(`${page}: each link leads to a file`, () => {
      const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#]+)\)/g)) readFileSync(join(ROOT, 'docs', target!));
    });
  }
});
