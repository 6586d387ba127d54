/** What a room says that waits for its slow members is what they are given when they have drained. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cursor, ENTRY_BYTES, type Entry } from '../../lib/rooms/backlog.ts';
import type { History } from '../../lib/rooms/history.ts';
import { Latest } from '../../lib/rooms/latest.ts';
import { countWaiting } from '../../lib/rooms/waiting.ts';
import { Ear, type Options, type World, world } from './ear.ts';

/** Bytes of a message of two letters. */
const ONE = 2 + ENTRY_BYTES;

const queued = ({ hub }: World): number => hub.find('r')?.queued ?? 0;

/** A room with a member that has taken its welcome and takes nothing more. */
function stuck(options: Options): { at: World; slow: Ear } {
  const at = world(options);
  const slow = at.ear('r');
  slow.credit = 0;
  return { at, slow };
}

/** Drains the member and answers how many records it was given. */
function records(ear: Ear): number {
  const before = ear.heard.length;
  ear.drain();
  return ear.heard.slice(before).filter(({ type }) => type === 'record').length;
}

describe('Room.queued', () => {
  it('coalesce: 20,000 records of 5 keys are 5 that wait', async () => {
    const { at, slow } = stuck({ policy: 'coalesce' });
    for (let i = 0; i < 20_000; i++) await at.hub.publish('r', 'xx', { coalesce: `key ${i % 5}` });
    assert.equal(queued(at), 5);
    assert.equal(records(slow), 5);
    assert.equal(queued(at), 0);
  });

  for (const policy of ['drop-oldest', 'drop-newest'] as const) {
    it(`${policy}: what was published without what receipts say was dropped`, async () => {
      const { at, slow } = stuck({ policy, maxQueueBytes: 246 * ONE });
      let dropped = 0;
      for (let i = 0; i < 2_000; i++) dropped += (await at.hub.publish('r', 'xx')).dropped;
      assert.deepEqual([dropped, queued(at)], [1_754, 246]);
      assert.equal(records(slow), 246);
      assert.equal(queued(at), 0);
    });
  }

  it('counts replay, what is kept, and the latest of keys that the history has moved past', async () => {
    const { at, slow } = stuck({ policy: 'drop-newest', maxHistoryRecords: 2, maxQueueBytes: 3 * ONE });
    await at.hub.publish('r', 'k1', { coalesce: 'k', policy: 'coalesce' });
    for (let i = 2; i <= 5; i++) await at.hub.publish('r', `m${i}`); // m5 is given up
    await at.hub.publish('r', 'k6', { coalesce: 'k' });
    const late = new Ear(at.hub);
    late.credit = 1; // its welcome; m5 and k6 are replay
    late.member.join('r');
    await at.hub.publish('r', 'm7');
    assert.equal(queued(at), 4 + 3);
    assert.equal(records(late), 3);
    assert.equal(queued(at), 4);
    assert.equal(records(slow), 4);
    assert.deepEqual(slow.texts, ['1..1', 'm2', 'm3', 'm4', '5..5', 'k6', '7..7']);
    assert.equal(queued(at), 0);
  });

  it('counts nothing for a member that has everything, though it is over its mark', async () => {
    const at = world();
    const ear = at.ear('r');
    ear.credit = 1;
    await at.hub.publish('r', 'm1');
    assert.deepEqual([at.hub.find('r')?.slow, queued(at)], [1, 0]);
  });

  it('looks through the records once, for however many members', () => {
    const latest = new Latest<string>(9, 1_000);
    let looked = 0;
    const history = {
      firstSequence: 1,
      size: 100,
      get: (sequence: number) => {
        looked++;
        return { sequence, record: {} } as Entry<string>;
      },
    } as unknown as History<Entry<string>>;
    const cursor = (next: number): Cursor<string> => ({
      ...{ next, skipTo: next, lostTo: 0, replayTo: 0, due: 100, dueEnd: 0 },
      ...{ kept: undefined, keptBytes: 0, keptTo: 0 },
    });
    const cursors = Array.from({ length: 1_000 }, () => cursor(91));
    assert.equal(countWaiting(history, latest, cursors), 10_000);
    assert.equal(looked, 100);
  });
});
