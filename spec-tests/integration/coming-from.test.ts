/** Runs the programs "before" of `docs/coming-from-….md` on the libraries that they are written for. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GUIDES, linesOf, programsOf } from '../support/guides.ts';
import { ROOT } from '../support/peers.ts';

describe('the guides for those who come from other libraries', () => {
  for (const guide of GUIDES) {
    const absent = Object.values(guide.packages).filter((path) => !existsSync(join(ROOT, path, 'package.json')));
    const skip = absent.length === 0 ? false : `missing here: ${absent.join(', ')}`;
    it(`${guide.page}: the program before says what the test of the one after expects`, { skip }, async () => {
      assert.deepEqual(await linesOf(programsOf(guide.page).get('before')!, guide), [...guide.says].sort());
    });
  }
});
