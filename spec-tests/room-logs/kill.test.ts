import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random, SEED_NOTE } from '../support/random.ts';
import { killRounds } from './kill.ts';

describe(`a process with a journal that is killed (${SEED_NOTE})`, () => {
  it('loses nothing that it acknowledged and doubles nothing, over 20 kills', async (test) => {
    const report = await killRounds(20, new Random(20));
    test.diagnostic(JSON.stringify(report));
    assert.ok(report.acknowledged > 200);
  });
});
