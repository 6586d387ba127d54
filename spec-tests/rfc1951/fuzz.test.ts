// 20,000 broken streams; `node dist/spec-tests/fuzz/inflate.js` does a million.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzInflate } from '../fuzz/inflate.ts';

test('broken streams end in an InflateError or within the bound, and zlib agrees on which (seed 1)', () => {
  const { outcomes, disagreements } = fuzzInflate(20_000, 1);
  assert.deepEqual(disagreements, []);
  // Every way to refuse comes up: a code that none of these streams reaches would not be tested here.
  for (const code of [
    'ok',
    'INFLATE_BAD_BLOCK_TYPE',
    'INFLATE_STORED_LENGTH',
    'INFLATE_TOO_MANY_CODES',
    'INFLATE_BAD_REPEAT',
    'INFLATE_OVERSUBSCRIBED',
    'INFLATE_INCOMPLETE',
    'INFLATE_NO_END_OF_BLOCK',
    'INFLATE_BAD_SYMBOL',
    'INFLATE_DISTANCE_TOO_FAR',
    'INFLATE_TRUNCATED',
    'INFLATE_TOO_LARGE',
  ]) {
    assert((outcomes[code] ?? 0) > 0, `${code}: ${JSON.stringify(outcomes)}`);
  }
});
