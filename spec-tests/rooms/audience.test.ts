/** How a message gets to the members: one order whatever happens inside a delivery, and a stated fate for slow members. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENTRY_BYTES, type Entry } from '../../lib/rooms/backlog.ts';
import { Latest } from '../../lib/rooms/latest.ts';
import { SLOW_POLICIES, type SlowPolicy } from '../../lib/rooms/log.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Item } from '../../lib/rooms/notices.ts';
import { formatPosition } from '../../lib/rooms/position.ts';
import { MAX_OUTCOMES, newTally, type Receipt, Receipts } from '../../lib/rooms/receipts.ts';
import { DelayedLog } from '../support/delayed-log.ts';
import { turns } from '../support/sockets.ts';
import { Ear, type Options, type World, world } from './ear.ts';

/** Bytes of one of the messages here. */
const ONE = 2 + ENTRY_BYTES;

const say = async ({ hub }: World, from: number, to: number, options: object = {}): Promise<void> => {
  for (let i = from; i <= to; i++) await hub.publish('r', `m${i}`, options);
};

function first<T>([value]: readonly T[]): T {
  assert.ok(value !== undefined);
  return value;
}

describe('one order for everyone', () => {
  it('delivers what is published inside a delivery after everyone has the present message (R1)', async () => {
    const at = world();
    const ears = [at.ear('r'), at.ear('r'), at.ear('r')];
    ears[0]!.inside = (item) => {
      if (item.type === 'record' && item.data === 'm1') void say(at, 2, 3);
    };
    await say(at, 1, 1);
    for (const ear of ears) assert.deepEqual(ear.texts, ['m1', 'm2', 'm3']);
  });

  it('serves everyone else when a member throws, lets it go with a position, and tells the observer (R1)', async () => {
    const at = world();
    const [bad, good] = [at.ear('r'), at.ear('r')];
    await say(at, 1, 1);
    bad.inside = () => {
      throw new Error('send broke');
    };
    const receipt = await at.hub.publish('r', 'm2');
    await say(at, 3, 3);
    assert.deepEqual([receipt.sent, receipt.evicted], [1, 1]);
    assert.deepEqual(good.texts, ['m1', 'm2', 'm3']);
    assert.deepEqual(
      at.errors.map(({ where }) => where),
      ['send'],
    );
    const { why, position, code } = first(bad.evictions);
    assert.deepEqual([why, position.sequence, code], ['threw', 1, 1013]);
    assert.equal(at.hub.find('r')?.size, 1);
  });

  it('does not let an error handler, or `evicted`, that throws hurt anyone', async () => {
    const at = world({
      onError: () => {
        throw new Error('the handler of errors broke');
      },
    });
    const member = at.hub.member({
      send: () => {
        throw new Error('send broke');
      },
      evicted: () => {
        throw new Error('evicted broke');
      },
    });
    const good = at.ear('r');
    member.join('r');
    await say(at, 1, 1);
    assert.deepEqual(good.texts, ['m1']);
    assert.equal(member.size, 0);
  });

  it('tells a gap where `prepare` throws for a record, and goes on (R1: no hole without a word)', async () => {
    const at = world({
      prepare: (item) => {
        if (item.type === 'record' && item.data === 'm2') throw new Error('prepare broke');
        return item;
      },
    });
    const ear = at.ear('r');
    await say(at, 1, 3);
    assert.deepEqual(ear.texts, ['m1', '2..2', 'm3']);
    assert.deepEqual(
      at.errors.map(({ where }) => where),
      ['prepare'],
    );
  });

  it('tells `onError` where `prepare` is async, and nobody is given a promise', async () => {
    const broken = new Error('prepare broke later');
    const at = world({
      prepare: ((item: Item) => {
        if (item.type === 'welcome') return Promise.resolve(item);
        return item.type === 'record' && item.data === 'm2' ? Promise.reject(broken) : item;
      }) as never,
    });
    const ear = at.ear('r');
    await say(at, 1, 3);
    await turns(); // when an unhandled rejection would have failed the test
    assert.deepEqual(ear.log, ['m1', '2..2', 'm3']);
    const promised = 'TypeError: prepare answered a promise, must answer at once: with a value, or undefined';
    assert.deepEqual(
      at.errors.map(({ error, where }) => `${where}: ${String(error)}`),
      [`prepare: ${promised}`, `prepare: ${promised}`, `prepare: ${String(broken)}`],
    );
  });

  it('tells everyone who joins inside a delivery after the present message, not in the middle of it', async () => {
    const at = world();
    const [first, second] = [at.ear('r', { as: 'ann' }), at.ear('r', { as: 'bob' })];
    first.inside = (item) => {
      if (item.type === 'record') at.ear('r', { as: 'eve' });
    };
    const { sent } = await at.hub.publish('r', 'm1');
    assert.equal(sent, 2);
    for (const ear of [first, second]) assert.deepEqual(ear.log.slice(-2), ['m1', 'presence']);
  });

  it('takes a member that is thrown out while its own arrival is told for one that never came', () => {
    const at = world();
    const ann = at.ear('r', { as: 'ann' });
    const bob = new Ear(at.hub);
    ann.inside = () => bob.member.close();
    bob.member.join('r', { as: 'bob' });
    assert.deepEqual([bob.heard.length, at.hub.find('r')?.size, at.hub.find('r')?.present.memberCount], [0, 1, 1]);
  });

  it('keeps order when members leave and join during a broadcast', async () => {
    const at = world();
    const [first, second, third] = [at.ear('r'), at.ear('r'), at.ear('r')];
    let late: Ear | undefined;
    first.inside = (item) => {
      if (item.type !== 'record' || late !== undefined) return;
      second.member.leave('r');
      late = at.ear('r');
    };
    const receipt = await at.hub.publish('r', 'm1');
    await say(at, 2, 2);
    assert.deepEqual(first.texts, ['m1', 'm2']);
    assert.deepEqual(second.texts, []);
    assert.deepEqual(third.texts, ['m1', 'm2']);
    assert.deepEqual(late?.texts, ['m1', 'm2'], 'once, by replay');
    assert.equal(receipt.sent, 2);
  });

  it('gives one member the same order over many rooms, and leaves each in O(1)', async () => {
    const at = world();
    const ear = at.ear('a');
    for (const room of ['b', 'c', 'd']) ear.member.join(room);
    ear.member.join('b'); // again is not twice
    assert.deepEqual([...ear.member.rooms], ['a', 'b', 'c', 'd']);
    for (const room of ['c', 'a', 'd', 'b']) await at.hub.publish(room, room);
    assert.equal(ear.member.leave('c'), true);
    assert.equal(ear.member.leave('c'), false);
    await at.hub.publish('c', 'not heard');
    assert.deepEqual(ear.texts, ['c', 'a', 'd', 'b']);
    ear.member.close();
    assert.equal(at.hub.size, 0);
    ear.member.join('a');
    assert.equal(at.hub.size, 0, 'a closed member joins nothing');
  });
});

describe('slow members', () => {
  /** A room with a member that took one message and stands at its high-water mark, and one that is quick. */
  async function stuck(options: Options): Promise<{ at: World; slow: Ear; quick: Ear }> {
    const at = world({ maxQueueBytes: 3 * ONE, ...options });
    const [slow, quick] = [at.ear('r'), at.ear('r')];
    slow.credit = 1;
    await say(at, 1, 1);
    return { at, slow, quick };
  }

  for (const [policy, expected] of [
    ['drop-oldest', ['m1', '2..5', 'm6', 'm7', 'm8']],
    ['coalesce', ['m1', '2..5', 'm6', 'm7', 'm8']],
    ['drop-newest', ['m1', 'm2', 'm3', 'm4', '5..8']],
  ] as const) {
    it(`${policy}: loses no more than it must, and is told which`, async () => {
      const { at, slow, quick } = await stuck({ policy });
      await say(at, 2, 8);
      slow.drain();
      assert.deepEqual(slow.texts, expected);
      await say(at, 9, 9);
      assert.equal(slow.texts.at(-1), 'm9');
      assert.equal(quick.texts.length, 9, 'the others have everything');
    });
  }

  it('coalesce: the latest record of each key stays, whatever has come since', async () => {
    const { at, slow } = await stuck({ policy: 'coalesce' });
    await at.hub.publish('r', 'a1', { coalesce: 'a' });
    await at.hub.publish('r', 'b1', { coalesce: 'b' });
    for (let i = 2; i <= 50; i++) await at.hub.publish('r', `b${i}`, { coalesce: 'b' });
    slow.drain();
    assert.deepEqual(slow.texts, ['m1', 'a1', '3..51~', 'b50']);
  });

  it('coalesces by key whatever the policy, and does not count what was superseded', async () => {
    for (const policy of SLOW_POLICIES) {
      const { at, slow } = await stuck({ policy });
      for (let i = 1; i <= 100; i++) await at.hub.publish('r', `a${i}`, { coalesce: 'a' });
      assert.equal(slow.evictions.length, 0);
      slow.drain();
      assert.deepEqual(slow.texts, ['m1', '2..100~', 'a100'], policy);
    }
  });

  it('drop-newest: the latest record of a key stays too, and counts as queued', async () => {
    const { at, slow } = await stuck({ policy: 'drop-newest' });
    await say(at, 2, 4);
    const publish = async (text: string, coalesce?: string): Promise<number[]> => {
      const { queued, dropped, coalesced } = await at.hub.publish('r', text, { coalesce });
      return [queued, dropped, coalesced];
    };
    assert.deepEqual(await publish('a5', 'a'), [1, 0, 0]);
    assert.deepEqual(await publish('m6'), [0, 1, 0]);
    assert.deepEqual(await publish('a7', 'a'), [1, 0, 1]);
    slow.drain();
    assert.deepEqual(slow.texts, ['m1', 'm2', 'm3', 'm4', '5..6', 'a7']);
  });

  it('coalesce: says so when even the latest of a key had to go', async () => {
    const { at, slow } = await stuck({ policy: 'coalesce' });
    for (let i = 2; i <= 9; i++) await at.hub.publish('r', `k${i}`, { coalesce: `key ${i}` });
    slow.drain();
    assert.deepEqual(slow.texts, ['m1', '2..6', 'k7', 'k8', 'k9']);
  });

  it('remembers the latest of so many keys, and of so many bytes', () => {
    const entry = (sequence: number): Entry<string> => ({ sequence, bytes: 10 }) as Entry<string>;
    const [byKeys, byBytes] = [new Latest<string>(2, 1_000), new Latest<string>(9, 20)];
    for (const latest of [byKeys, byBytes]) {
      for (let i = 1; i <= 4; i++) latest.note(`k${i}`, entry(i));
      assert.deepEqual(
        [1, 2, 3, 4].map((i) => latest.sequenceOf(`k${i}`)),
        [0, 0, 3, 4],
      );
      assert.equal(latest.droppedTo, 2);
      latest.note('k3', entry(5));
      assert.deepEqual([latest.firstBetween(1, 9)?.sequence, latest.firstBetween(5, 9)?.sequence], [4, 5]);
      assert.equal(latest.firstBetween(1, 4), undefined);
    }
  });

  it('drop-newest: replay that was not read yet is not part of what is kept', async () => {
    const at = world({ policy: 'drop-newest', maxQueueBytes: 3 * ONE, gatherMs: 10 });
    await say(at, 1, 3);
    at.ear('r');
    const fourth = at.hub.publish('r', 'm4'); // gathered when the next one joins
    const slow = new Ear(at.hub);
    slow.credit = 0;
    slow.member.join('r');
    for (let i = 5; i <= 9; i++) void say(at, i, i);
    at.clock.advance(10);
    slow.drain();
    assert.deepEqual(slow.texts, ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', '8..9']);
    const { sent, queued } = await fourth;
    assert.deepEqual([sent, queued], [1, 0], 'who has it as replay is not counted');
  });

  it('a drain during a delivery that then answers `backpressure` is not lost', async () => {
    const at = world();
    let taken = 0;
    const member = at.hub.member({
      send: () => {
        taken++;
        member.drained();
        return 'backpressure';
      },
      evicted: () => assert.fail('evicted'),
    });
    member.join('r');
    await say(at, 1, 5);
    assert.deepEqual([taken, member.isBlocked], [6, false]);
  });

  it('a member in many rooms is served by each of them in turn', async () => {
    const at = world();
    const ear = new Ear(at.hub);
    for (const room of ['a', 'b', 'c']) ear.member.join(room);
    ear.credit = 0;
    for (const room of ['a', 'b', 'c']) for (let i = 1; i <= 3; i++) await at.hub.publish(room, `${room}${i}`);
    for (let i = 0; i < 9; i++) ear.drain(1);
    assert.deepEqual(ear.texts, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3']);
  });

  it('keeps the outcomes of so many records for publishers that the log has not answered yet', () => {
    const receipts = new Receipts();
    const take = (sequence: number): unknown =>
      receipts.take({ position: { epoch: 'e', sequence, token: '' }, duplicate: false });
    receipts.begin();
    receipts.takeEarly();
    for (let i = 1; i <= MAX_OUTCOMES + 1; i++) receipts.delivered(i, newTally(), 'e');
    assert.deepEqual([take(1) === undefined, take(2) === undefined], [true, false]);
    receipts.end();
    assert.equal(take(3), undefined, 'nobody is publishing');
  });

  it('evict: lets it go with 1013 and the position of the last message that it has', async () => {
    const { at, slow, quick } = await stuck({ policy: 'evict' });
    await say(at, 2, 4);
    assert.equal(slow.evictions.length, 0);
    const receipt = await at.hub.publish('r', 'm5');
    assert.deepEqual([receipt.sent, receipt.evicted], [1, 1]);
    const { room, why, code, reason, position } = first(slow.evictions);
    assert.deepEqual([room, why, code, position.sequence], ['r', 'too-slow', 1013, 1]);
    assert.equal(reason, `too-slow; after=${formatPosition(position)}`);
    const back = at.ear('r', { after: formatPosition(position) });
    assert.deepEqual(back.texts, ['m2', 'm3', 'm4', 'm5'], 'nothing is lost');
    assert.equal(quick.texts.length, 5);
  });

  it('evict: by age too, when nothing more is published', async () => {
    const { at, slow } = await stuck({ policy: 'evict', maxQueueAgeMs: 1_000 });
    await say(at, 2, 2);
    at.clock.advance(900);
    assert.equal(slow.evictions.length, 0);
    at.clock.advance(600);
    assert.deepEqual(
      slow.evictions.map(({ why }) => why),
      ['too-slow'],
    );
    assert.equal(at.clock.timers <= 1, true, 'nobody is behind: nothing is swept');
  });

  it('evict: is told before the others hear that it left, one of whom may let it join again', async () => {
    const at = world({ policy: 'evict', maxQueueAgeMs: 1_000 });
    const slow = at.ear('r', { as: 'slow' });
    const other = at.ear('r', { as: 'other' });
    let before: readonly [boolean, number] | undefined;
    other.inside = (item) => {
      if (item.type !== 'presence' || !item.left.includes('slow')) return;
      before = [slow.member.has('r'), slow.evictions.length];
      slow.drain();
      slow.member.join('r', { as: 'slow' });
    };
    slow.credit = 1;
    await at.hub.publish('r', '1');
    await at.hub.publish('r', '2');
    at.clock.advance(5_000);
    assert.deepEqual(before, [false, 1]);
    assert.deepEqual([slow.member.has('r'), slow.evictions.length], [true, 1]);
    assert.deepEqual(at.hub.find('r')?.present.members, ['other', 'slow']);
  });

  it('drop-oldest and drop-newest: by age too', async () => {
    const oldest = await stuck({ policy: 'drop-oldest', maxQueueAgeMs: 1_000 });
    await say(oldest.at, 2, 3);
    oldest.at.clock.advance(1_001);
    await say(oldest.at, 4, 4);
    oldest.slow.drain();
    assert.deepEqual(oldest.slow.texts, ['m1', '2..3', 'm4']);
    const newest = await stuck({ policy: 'drop-newest', maxQueueAgeMs: 1_000 });
    await say(newest.at, 2, 5);
    newest.at.clock.advance(1_001);
    await say(newest.at, 6, 6);
    newest.slow.drain();
    assert.equal(newest.slow.texts[0], 'm1');
    assert.equal(newest.slow.texts.at(-1)?.endsWith('..6') || newest.slow.texts.at(-1) === 'm6', true);
  });

  it('a message can have a policy of its own', async () => {
    const { at, slow } = await stuck({ policy: 'drop-oldest' });
    await say(at, 2, 4);
    await at.hub.publish('r', 'm5', { policy: 'evict' });
    assert.equal(slow.evictions.length, 1);
    const other = await stuck({ policy: 'evict' });
    await say(other.at, 2, 9, { policy: 'drop-oldest' });
    assert.equal(other.slow.evictions.length, 0);
  });

  it('says in the receipt what became of a message', async () => {
    const counts = async (policy: SlowPolicy, options: object = {}): Promise<object> => {
      const { at } = await stuck({ policy });
      await say(at, 2, 4);
      const { sent, queued, dropped, coalesced, evicted, slow, sequence } = await at.hub.publish('r', 'm5', options);
      return { sequence, sent, queued, dropped, coalesced, evicted, slow };
    };
    const receipt = { sequence: 5, sent: 1, queued: 1, dropped: 0, coalesced: 0, evicted: 0, slow: 1 };
    assert.deepEqual(await counts('drop-oldest'), { ...receipt, dropped: 1 });
    assert.deepEqual(await counts('drop-newest'), { ...receipt, queued: 0, dropped: 1 });
    assert.deepEqual(await counts('evict'), { ...receipt, queued: 0, evicted: 1, slow: 0 });
    for (const policy of ['drop-oldest', 'coalesce'] as const) {
      const { at } = await stuck({ policy });
      const { queued, dropped } = await at.hub.publish('r', 'x'.repeat(3 * ONE));
      assert.deepEqual([queued, dropped], [0, 1], 'it is larger than the queue');
    }
    const { at } = await stuck({ policy: 'coalesce' });
    await at.hub.publish('r', 'a', { coalesce: 'k' });
    const { coalesced, queued } = await at.hub.publish('r', 'b', { coalesce: 'k' });
    assert.deepEqual([coalesced, queued], [1, 1]);
  });

  it('counts in the receipt who has drained between the record and its delivery (gatherMs)', async () => {
    const at = world({ gatherMs: 10, maxHistoryRecords: 0, maxQueueBytes: 3 * ONE });
    const [slow, stuck] = [at.ear('r'), at.ear('r')];
    slow.credit = 1;
    const publish = (...texts: string[]): Promise<Receipt>[] => texts.map((text) => at.hub.publish('r', text));
    const early = publish('m1');
    at.clock.advance(10);
    const late = publish('m2', 'm3');
    stuck.credit = 0;
    slow.drain(2);
    assert.deepEqual(slow.texts, ['m1'], 'a window is a window for those who have drained in it too');
    at.clock.advance(10);
    assert.deepEqual(slow.texts, ['m1', 'm2', 'm3']);
    stuck.drain();
    assert.deepEqual(stuck.texts, ['m1', 'm2', 'm3']);
    const counts = (await Promise.all([...early, ...late])).map(({ sent, queued }) => [sent, queued]);
    assert.deepEqual(counts, [
      [1, 1],
      [1, 1],
      [0, 2],
    ]);
  });

  for (const policy of ['evict', 'drop-oldest'] as const)
    it(`${policy}: what waits is not pushed out by records that have not had their turn (gatherMs)`, async () => {
      const at = world({ policy, gatherMs: 10, maxHistoryRecords: 2, maxHistoryBytes: 1_000, maxQueueBytes: 1_000 });
      const slow = at.ear('r');
      slow.drain(1);
      const waiting = [say(at, 1, 1), say(at, 2, 2), say(at, 3, 3), say(at, 4, 4)];
      at.clock.advance(10);
      await Promise.all(waiting);
      const burst = ['a', 'b', 'c'].map((letter) => at.hub.publish('r', letter.repeat(900)));
      const large = at.hub.publish('r', 'd'.repeat(3_000));
      slow.drain();
      assert.deepEqual(slow.texts, ['m1', 'm2', 'm3', 'm4']);
      at.clock.advance(10);
      for (const receipt of await Promise.all([...burst, large]))
        assert.deepEqual([receipt.sent, receipt.dropped, receipt.evicted], [1, 0, 0]);
      assert.deepEqual([slow.texts.length, slow.evictions.length], [8, 0]);
    });

  it('keeps of what has had its turn no more than the history and the queue may hold (gatherMs)', async () => {
    const at = world({ policy: 'drop-oldest', gatherMs: 10, maxHistoryBytes: 1_000, maxQueueBytes: 2_000 });
    at.ear('r').drain(1);
    const { position } = at.hub.find('r')!;
    const burst = Array.from({ length: 100 }, () => at.hub.publish('r', 'x'.repeat(100)));
    at.clock.advance(10);
    await Promise.all(burst);
    const late = at.ear('r', { after: position });
    assert.deepEqual(late.log.slice(0, 2), ['welcome', '1..70']); // 30 of 100 bytes are left
    assert.equal(late.texts.length, 31);
  });

  it('gives what waits, and not the record of the same key that has not had its turn (gatherMs)', async () => {
    const at = world({ policy: 'coalesce', gatherMs: 10 });
    const slow = at.ear('r');
    slow.drain(1);
    const waiting = [at.hub.publish('r', 'plain'), at.hub.publish('r', 'milk 1', { coalesce: 'milk' })];
    at.clock.advance(10);
    await Promise.all(waiting);
    const next = at.hub.publish('r', 'milk 2', { coalesce: 'milk' });
    const late = at.ear('r');
    slow.drain();
    assert.deepEqual(slow.texts, ['plain', 'milk 1']);
    at.clock.advance(10);
    const { sent, coalesced } = await next;
    assert.deepEqual([sent, coalesced], [1, 0]);
    for (const ear of [slow, late]) assert.deepEqual(ear.texts, ['plain', 'milk 1', 'milk 2']);
  });

  it('counts in the receipts of a window each record once: as dropped, or as coalesced', async () => {
    const at = world({ policy: 'drop-newest', gatherMs: 10, maxQueueBytes: 3 * ONE });
    const slow = at.ear('r');
    slow.drain(1);
    const plain = at.hub.publish('r', 'm1');
    at.clock.advance(10);
    await plain;
    const receipts = [
      at.hub.publish('r', 'm2'),
      at.hub.publish('r', 'milk 3'.padEnd(2 * ONE), { coalesce: 'milk' }),
      at.hub.publish('r', 'milk 4', { coalesce: 'milk' }),
    ];
    at.clock.advance(10);
    const counts = await Promise.all(receipts);
    assert.deepEqual(
      counts.map(({ queued, dropped, coalesced }) => [queued, dropped, coalesced]),
      [
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 1],
      ],
    );
    slow.drain();
    assert.deepEqual(slow.texts, ['m1', 'm2', '3..3~', 'milk 4']);
  });

  it('counts as coalesced what a member would have had that drained in the round of the record that stands for it', async () => {
    const at = world({ policy: 'coalesce' });
    const [quick, slow] = [at.ear('r'), at.ear('r')];
    slow.drain(1);
    await at.hub.publish('r', 'plain');
    await at.hub.publish('r', 'milk 1', { coalesce: 'milk' });
    quick.inside = () => slow.drain();
    const { sent, coalesced } = await at.hub.publish('r', 'milk 2', { coalesce: 'milk' });
    assert.deepEqual([sent, coalesced], [2, 1]);
    assert.deepEqual(slow.texts, ['plain', '2..2~', 'milk 2']);
  });

  it('counts in the receipt once each who drained while the record was being delivered', async () => {
    const at = world();
    const [before, quick, after] = [at.ear('r'), at.ear('r'), at.ear('r')];
    for (const slow of [before, after]) slow.credit = 0;
    await say(at, 1, 1);
    quick.inside = () => {
      for (const slow of [before, after]) slow.drain();
    };
    const { sent, queued } = await at.hub.publish('r', 'm2');
    assert.deepEqual([sent, queued], [2, 1]);
    for (const ear of [before, quick, after]) assert.deepEqual(ear.texts, ['m1', 'm2']);
  });

  it('counts in the receipts of a window who was told a gap in it, since `prepare` made nothing of one record', async () => {
    const at = world({
      gatherMs: 10,
      prepare: (item) => (item.type === 'record' && item.data === 'no' ? undefined : item),
    });
    const ear = at.ear('r');
    const receipts = ['m1', 'no', 'm3', 'm4'].map((text) => at.hub.publish('r', text));
    at.clock.advance(10);
    assert.deepEqual(ear.texts, ['m1', '2..2', 'm3', 'm4']);
    const counts = (await Promise.all(receipts)).map(({ sent, dropped }) => [sent, dropped]);
    assert.deepEqual(counts, [
      [1, 0],
      [0, 1],
      [1, 0],
      [1, 0],
    ]);
  });

  it('counts in the receipt a member that leaves, as the last one, while it is given the record', async () => {
    const log = new DelayedLog(new MemoryLog());
    const at = world({ log });
    const ear = at.ear('r');
    log.flush();
    const published = at.hub.publish('r', 'm1');
    await turns(1); // the log has answered, and the record is still to come
    ear.inside = () => ear.member.leave('r');
    log.flush();
    assert.deepEqual([ear.texts, (await published).sent, at.hub.size], [['m1'], 1, 0]);
  });

  it('counts in the receipt who heard a record during which another one was published, on another hub of the log', async () => {
    const log = new MemoryLog();
    const [at, other] = [world({ log, maxHistoryRecords: 0 }), world({ log })];
    at.ear('r');
    const ear = other.ear('r');
    const inner: Promise<Receipt>[] = [];
    ear.inside = ({ type }) => {
      if (type === 'record' && inner.length === 0) inner.push(at.hub.publish('r', 'm2'));
    };
    const outer = await at.hub.publish('r', 'm1');
    assert.deepEqual([outer.sent, (await inner[0])?.sent], [1, 1]);
  });

  it('counts for its first publisher a record whose key is published again while it is delivered', async () => {
    const at = world({ maxHistoryRecords: 0 });
    const ear = at.ear('r');
    let again: Promise<Receipt> | undefined;
    ear.inside = (item) => {
      if (item.type === 'record') again = at.hub.publish('r', 'again', { key: 'k' });
    };
    const { sent, duplicate } = await at.hub.publish('r', 'm1', { key: 'k' });
    assert.deepEqual([sent, duplicate, (await again)?.sequence], [1, false, 1]);
    assert.deepEqual(ear.texts, ['m1']);
  });

  it('a receipt of zeros alone: nobody here was given the record as it came', async () => {
    const counts = async (receipt: Promise<Receipt>): Promise<number[]> => {
      const { sent, queued, dropped, coalesced, evicted } = await receipt;
      return [sent, queued, dropped, coalesced, evicted];
    };
    const zeros = [0, 0, 0, 0, 0];
    const empty = world({ maxHistoryRecords: 1 });
    assert.deepEqual(await counts(empty.hub.publish('r', 'm1')), zeros, 'nobody is here');

    const log = new DelayedLog(new MemoryLog());
    const at = world({ log });
    const ear = at.ear('r');
    log.flush();
    const lost = at.hub.publish('r', 'm1');
    log.lose(1);
    assert.deepEqual([await counts(lost), ear.texts], [zeros, ['1..1']], 'told a gap');
    const overtaken = at.hub.publish('r', 'm2');
    log.reset({ epoch: 'another', sequence: 0, token: '' });
    assert.deepEqual([await counts(overtaken), ear.texts.at(-1)], [zeros, 'reset'], 'told a reset');

    const gathering = world({ gatherMs: 10 });
    const first = gathering.ear('r');
    const gathered = gathering.hub.publish('r', 'm1');
    const late = gathering.ear('r');
    first.member.close();
    gathering.clock.advance(10);
    assert.deepEqual([await counts(gathered), late.texts], [zeros, ['m1']], 'has it as replay');

    empty.ear('r');
    const once = empty.hub.publish('r', 'm2', { key: 'k' });
    await empty.hub.publish('r', 'm3');
    assert.deepEqual(await counts(once), [1, 0, 0, 0, 0]);
    const repeat = empty.hub.publish('r', 'm2', { key: 'k' });
    assert.deepEqual([await counts(repeat), (await repeat).duplicate], [zeros, true], 'it has left the history');
  });

  it('a stuck reader grows nothing: the room keeps what it keeps for one as for a thousand', async () => {
    const at = world({ policy: 'drop-oldest', maxHistoryRecords: 10, maxQueueBytes: 20 * ONE });
    const ears = Array.from({ length: 1_000 }, () => at.ear('r'));
    for (const ear of ears) ear.credit = 1;
    for (let i = 0; i < 500; i++) await at.hub.publish('r', 'xx');
    for (const ear of ears) ear.drain();
    for (const ear of ears) {
      assert.equal(ear.heard.filter(({ type }) => type === 'record').length, 1 + 20);
      assert.deepEqual(
        ear.texts.filter((each) => each.includes('..')),
        ['2..480'],
      );
    }
  });

  it('a member that is blocked in one room is given nothing by the others until it has drained', async () => {
    const at = world();
    const ear = at.ear('a');
    ear.member.join('b');
    ear.credit = 1;
    await at.hub.publish('a', 'a1');
    await at.hub.publish('b', 'b1');
    assert.equal(ear.heard.length, 3, 'two welcomes and one message');
    ear.drain();
    assert.deepEqual(ear.texts, ['a1', 'b1']);
  });

  it('publish with wait resolves when nobody is over the high-water mark, or after the deadline', async () => {
    const { at, slow } = await stuck({ policy: 'drop-oldest' });
    let settled = 0;
    const waiting = at.hub.publish('r', 'm2', { wait: true }).then((receipt) => {
      settled++;
      return receipt;
    });
    await at.hub.publish('r', 'm3');
    assert.equal(settled, 0);
    slow.drain();
    assert.deepEqual([(await waiting).slow, (await waiting).queued], [0, 1]);
    slow.credit = 0;
    const late = at.hub.publish('r', 'm4', { wait: true, waitTimeoutMs: 500 });
    await at.hub.publish('r', 'm5');
    at.clock.advance(500);
    assert.equal((await late).slow, 1);
    assert.equal((await at.hub.publish('other', 'x', { wait: true })).sent, 0, 'no members: nobody to wait for');
  });

  it('a member that was too slow for presence is told who is here once it has caught up', async () => {
    const at = world();
    const ear = at.ear('r', { as: 'ann' });
    ear.credit = 1;
    await say(at, 1, 1);
    at.ear('r', { as: 'bob' });
    at.ear('r', { as: 'eve' });
    ear.drain();
    assert.deepEqual(ear.log.slice(1), ['m1', 'members']);
    const last = ear.heard.at(-1);
    assert.ok(last?.type === 'members');
    assert.deepEqual([last.members, last.memberCount], [['ann', 'bob', 'eve'], 3]);
  });
});
