/**
 * The same scenarios on ws and on `barewire/ws`: the logs must be equal, or the difference stands in `differences.ts` with a reason.
 *
 * Read next: `scenarios.ts`.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ours from '../../lib/ws/index.ts';
import { loadPeer, withoutPeer } from '../support/peers.ts';
import { DIFFERENCES } from './differences.ts';
import type { Log, Scenario, WebSocketClass } from './kit.ts';
import { SCENARIOS } from './scenarios.ts';

const skip = withoutPeer('ws');

/** What a scenario that does not end is given up after: a failure, and not a wait. */
const GIVEN_UP_MS = 3_000;

async function logOf(scenario: Scenario, ws: WebSocketClass): Promise<Log> {
  const log: Log = {};
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log['late'] = ['the scenario did not end'];
      resolve();
    }, GIVEN_UP_MS);
  });
  await Promise.race([scenario.run(ws, log), late]);
  clearTimeout(timer);
  return log;
}

const reasonFor = (id: string): string | undefined => DIFFERENCES.find(([pattern]) => pattern.test(id))?.[1];

describe('ws 8.23 and barewire/ws tell the same', { skip }, () => {
  const theirs = skip === false ? loadPeer<WebSocketClass>('ws') : undefined;
  for (const scenario of SCENARIOS) {
    const reason = reasonFor(scenario.id);
    it(reason === undefined ? scenario.id : `${scenario.id}: differs, since ${reason}`, async () => {
      const [a, b] = [await logOf(scenario, theirs!), await logOf(scenario, ours)];
      if (reason === undefined) assert.deepEqual(b, a);
      else assert.notDeepEqual(b, a, 'the difference is gone: take its entry out');
    });
  }

  it('has at least two hundred scenarios, each named once', () => {
    assert.ok(SCENARIOS.length >= 200, `${SCENARIOS.length}`);
    assert.equal(new Set(SCENARIOS.map(({ id }) => id)).size, SCENARIOS.length);
  });

  it('has no entry for a scenario that is not there', () => {
    for (const [pattern] of DIFFERENCES)
      assert.ok(
        SCENARIOS.some(({ id }) => pattern.test(id)),
        String(pattern),
      );
  });
});
