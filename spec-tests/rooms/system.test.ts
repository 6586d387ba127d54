/** The clock and the identifiers that rooms have where they are given none. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Hub, MemoryLog, randomId, systemClock } from '../../lib/rooms/index.ts';

/** What a timer of Node holds. */
const LONGEST_MS = 2 ** 31 - 1;
const DAY_MS = 86_400_000;

/** How often Node warns, while `act` runs, that a timer holds no such time. */
async function overflows(act: () => Promise<void>): Promise<number> {
  let count = 0;
  const warned = ({ name }: Error): void => {
    if (name === 'TimeoutOverflowWarning') count++;
  };
  process.on('warning', warned);
  await act();
  process.off('warning', warned);
  return count;
}

describe('waits longer than a timer of Node holds', () => {
  it('are made of several timers, and called off in each of them', (t) => {
    const made: { callback: () => void; ms: number }[] = [];
    const cleared: unknown[] = [];
    t.mock.method(globalThis, 'setTimeout', (callback: () => void, ms: number) => {
      made.push({ callback, ms });
      return { number: made.length, unref() {} };
    });
    t.mock.method(globalThis, 'clearTimeout', ({ number }: { number: number }) => cleared.push(number));
    let calls = 0;
    const callOff = systemClock.after(2 * LONGEST_MS + 5, () => calls++);
    callOff();
    made[0]!.callback();
    callOff();
    made[1]!.callback();
    callOff();
    assert.deepEqual([made.map(({ ms }) => ms), cleared, calls], [[LONGEST_MS, LONGEST_MS, 5], [1, 2, 3], 0]);
    made[2]!.callback();
    assert.equal(calls, 1);
  });

  it('a log remembers keys for 30 days without a timer that fires every millisecond', async () => {
    const log = new MemoryLog({ keyAgeMs: 30 * DAY_MS });
    const warnings = await overflows(async () => {
      await log.append('tea', { data: 'x', key: 'a' });
      await sleep(20);
      assert.equal((await log.append('tea', { data: 'x', key: 'a' })).duplicate, true);
    });
    assert.equal(warnings, 0);
  });

  it('a publisher waits for slow members as long as it says', async () => {
    const hub = new Hub({ prepare: (item) => item });
    const member = hub.member({ send: ({ type }) => (type === 'record' ? 'dropped' : 'sent'), evicted() {} });
    member.join('tea');
    let isOver = false;
    const warnings = await overflows(async () => {
      const published = hub.publish('tea', 'x', { wait: true, waitTimeoutMs: LONGEST_MS + 1 });
      void published.then(() => {
        isOver = true;
      });
      await sleep(20);
      assert.equal(isOver, false);
      member.close();
      await published;
    });
    assert.equal(warnings, 0);
    await hub.close();
  });
});

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
