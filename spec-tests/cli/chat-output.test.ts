/** What `barewire chat` says of trouble: not one line for each message. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { limited, REPEAT_EVERY_MS } from '../../lib/cli/chat-output.ts';
import { FakeClock } from '../support/clock.ts';

it('of each kind of trouble the first is said at once, and what follows in one line a window, with how many there were', () => {
  const clock = new FakeClock();
  const said: [string, object][] = [];
  const say = limited((event, fields) => said.push([event, fields]), clock);
  for (let i = 0; i < 1_000; i++) say('commit-failed', { i });
  say('repaired', {});
  assert.deepEqual(said.splice(0), [
    ['commit-failed', { i: 0 }],
    ['repaired', {}],
  ]);
  clock.advance(REPEAT_EVERY_MS);
  assert.deepEqual(said.splice(0), [['commit-failed', { i: 999, more: 999 }]]);
  say('commit-failed', { i: 1_000 });
  clock.advance(REPEAT_EVERY_MS);
  assert.deepEqual(said.splice(0), [['commit-failed', { i: 1_000, more: 1 }]]);
  clock.advance(2 * REPEAT_EVERY_MS);
  say('commit-failed', { i: 1_001 });
  assert.deepEqual(said, [['commit-failed', { i: 1_001 }]]);
  clock.advance(REPEAT_EVERY_MS);
  assert.equal(clock.timers, 0);
});
