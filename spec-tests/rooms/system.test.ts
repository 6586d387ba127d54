/** Identifiers that rooms make where they are given none. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomId } from '../../lib/rooms/index.ts';

describe('random identifiers', () => {
  it('have the length asked for, of 0-9a-z, and differ, also where the fetched octets end', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => randomId(6 + (i % 7)));
    for (const [i, id] of ids.entries()) assert.match(id, new RegExp(`^[0-9a-z]{${6 + (i % 7)}}$`));
    assert.equal(new Set(ids).size, ids.length);
  });

  it('may use up all that is fetched at once, and not more', () => {
    assert.notEqual(randomId(1_024), randomId(1_024));
    assert.throws(() => randomId(1_025), RangeError);
  });
});
