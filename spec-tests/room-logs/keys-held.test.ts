/** Which keys a journal remembers after a restart: those that it remembered before, and no more than it may. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AppendJob, JournalGroup } from '../../lib/room-logs/journal-group.ts';
import { type Journal, type JournalOptions, openJournal } from '../../lib/room-logs/journal-index.ts';
import { KeyWindow, type UsedKey } from '../../lib/rooms/key-window.ts';
import type { LogSubscriber } from '../../lib/rooms/log.ts';
import { FakeClock } from '../support/clock.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const nobody: LogSubscriber = { opened() {}, record() {}, gap() {}, reset() {}, failed() {} };

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that says what a new one says after `ms`. */
function clockAt(ms: number): FakeClock {
  const clock = new FakeClock();
  clock.advance(ms);
  return clock;
}

/** Appends one record with a key to each of the rooms, in one commit. */
async function appendToAll(journal: Journal, rooms: readonly string[]): Promise<void> {
  await Promise.all(rooms.map((room) => journal.append(room, { data: room, key: `key of ${room}` })));
}

describe('a key that is remembered when rooms make way', () => {
  const options: JournalOptions = { maxRooms: 2, maxTotalKeys: 4 };

  async function restart(disk: SimulatedDisk, journal: Journal): Promise<Journal> {
    const { keys } = journal.held;
    await journal.close();
    const again = await openJournal('memory', { files: disk, ...options });
    assert.equal(again.held.keys, keys);
    return again;
  }

  it('is remembered after a restart, where one commit brought more rooms than may be held', async () => {
    const disk = new SimulatedDisk();
    const first = await openJournal('memory', { files: disk, ...options });
    first.subscribe('team', 0, nobody);
    await appendToAll(first, ['team']);
    await appendToAll(first, ['a', 'b', 'c', 'd']);
    const second = await restart(disk, first);
    const { duplicate } = await second.append('team', { data: 'team', key: 'key of team' });
    assert.ok(duplicate);
    await second.close();
  });

  it('is remembered after a restart, where an older one is of a time before the clock was set back', async () => {
    const disk = new SimulatedDisk();
    const start = (clock: FakeClock): Promise<Journal> =>
      openJournal('memory', { files: disk, clock, compactFromBytes: 400 });
    const ahead = await start(clockAt(3_600_000));
    await ahead.append('r', { data: 'a', key: 'ahead' });
    await ahead.close();
    const right = new FakeClock();
    const second = await start(right);
    for (let i = 0; i < 8; i++) await second.append('r', { data: 'x'.repeat(100) });
    while (!(await disk.list()).some((name) => name.endsWith('.snapshot'))) await turns(1);
    await second.append('r', { data: 'hello', key: 'k' });
    await second.close();
    const third = await start(right);
    assert.ok((await third.append('r', { data: 'hello', key: 'k' })).duplicate);
    await third.close();
  });

  it('is remembered after a restart, where a subscriber took a room’s place while a commit was under way', async () => {
    const disk = new SimulatedDisk();
    const first = await openJournal('memory', { files: disk, ...options });
    first.subscribe('team', 0, nobody);
    await appendToAll(first, ['team']);
    for (const key of ['1', '2', '3']) await first.append('a', { data: 'a', key });
    const release = disk.holdSyncs();
    const appended = first.append('team', { data: 'team', key: 'second' });
    await turns(10);
    first.subscribe('b', 0, nobody); // a makes way
    release();
    await appended;
    const second = await restart(disk, first);
    for (const key of ['key of team', 'second'])
      assert.ok((await second.append('team', { data: 'team', key })).duplicate, key);
    await second.close();
  });
});

describe('a key that was used, made way, and was used again after the clock was set back', () => {
  it('is answered after a restart with its last use, whether the snapshot has the first one or the log', async () => {
    for (const withSnapshot of [false, true]) {
      const disk = new SimulatedDisk();
      const start = (ms: number): Promise<Journal> =>
        openJournal('memory', {
          files: disk,
          clock: clockAt(ms),
          maxKeys: 2,
          compactFromBytes: withSnapshot ? 600 : 1_000_000,
        });
      const first = await start(1_000);
      for (const key of ['a', 'b']) await first.append('r', { data: 'first', key });
      await first.close();
      const second = await start(0);
      for (let i = 0; i < 8; i++) await second.append('r', { data: 'x'.repeat(100) });
      while (withSnapshot && !(await disk.list()).some((name) => name.endsWith('.snapshot'))) await turns(1);
      for (const key of ['c', 'd']) await second.append('r', { data: 'second', key }); // a and b make way
      const again = await second.append('r', { data: 'second', key: 'a' });
      assert.equal(again.duplicate, false);
      await second.close();
      const third = await start(100);
      for (const key of ['d', 'a']) {
        const { duplicate, position } = await third.append('r', { data: 'second', key });
        assert.ok(duplicate, `${key}, ${withSnapshot}`);
        if (key === 'a') assert.equal(position.sequence, again.position.sequence);
      }
      await third.close();
    }
  });
});

describe('keys that were used while the clock was ahead', () => {
  it('are forgotten keyAgeMs after the start at which the clock is right again', async () => {
    const disk = new SimulatedDisk();
    const first = await openJournal('memory', { files: disk, clock: clockAt(3_600_000), keyAgeMs: 1_000 });
    await first.append('r', { data: '', key: 'ahead' });
    await first.close();
    const clock = clockAt(0);
    const second = await openJournal('memory', { files: disk, clock, keyAgeMs: 1_000 });
    await second.append('r', { data: '', key: 'right' });
    assert.equal(second.held.keys, 2);
    clock.advance(1_000);
    assert.equal(second.held.keys, 0);
    await second.close();
  });
});

describe('a room that made way and came back', () => {
  it('has no keys of before after a restart, where the snapshot had them', async () => {
    const disk = new SimulatedDisk();
    const options: JournalOptions = { maxRooms: 2, compactFromBytes: 600 };
    const first = await openJournal('memory', { files: disk, ...options });
    await first.append('a', { data: 'x'.repeat(700), key: 'k' });
    while (!(await disk.list()).includes('g0-2.snapshot')) await turns(1);
    for (const room of ['b', 'c', 'd']) await first.append(room, { data: '' });
    await first.append('a', { data: '', key: 'other' });
    await first.close();
    const second = await openJournal('memory', { files: disk, ...options });
    assert.equal(second.held.keys, 1);
    assert.ok((await second.append('a', { data: '', key: 'other' })).duplicate);
    assert.equal((await second.append('a', { data: '', key: 'k' })).duplicate, false);
    await second.close();
  });
});

describe('keys that were used while a snapshot was written', () => {
  it('are forgotten in the order of their times after a restart, whether the snapshot has them or the log', async () => {
    const disk = new SimulatedDisk();
    const clock = new FakeClock();
    const options: JournalOptions = { clock, maxTotalKeys: 2, compactFromBytes: 301_000, maxHistoryBytes: 1_000_000 };
    const first = await openJournal('memory', { files: disk, ...options });
    const append = async (journal: Journal, room: string, key: string | undefined, data = ''): Promise<boolean> => {
      clock.advance(1);
      return (await journal.append(room, { data, key })).duplicate;
    };
    const snapshot = disk.holdSnapshot(2);
    await append(first, 'a', undefined, 'x'.repeat(300_000)); // alone in the first commit of the snapshot
    await append(first, 'b', undefined, 'x'.repeat(1_000)); // and the compaction is due
    await snapshot.isWaiting(); // it has room a
    await append(first, 'a', 'only in the log');
    await append(first, 'b', 'in the snapshot too');
    snapshot.release();
    await append(first, 'c', 'later');
    await first.close();
    assert.ok((await disk.list()).includes('g0-2.snapshot'));
    const second = await openJournal('memory', { files: disk, ...options });
    assert.equal(second.held.keys, 2);
    assert.ok(await append(second, 'b', 'in the snapshot too'));
    await second.close();
  });
});

describe('while a journal is read', () => {
  it('maxTotalKeys and those of one commit are remembered at most, and maxTotalKeys at the end', async () => {
    const disk = new SimulatedDisk();
    const options: JournalOptions = { maxTotalKeys: 10, maxKeys: 100_000, maxHistoryRecords: 1 };
    const first = await openJournal('memory', { files: disk, ...options });
    for (let commit = 0; commit < 2; commit++)
      await Promise.all(
        Array.from({ length: 9_000 }, (_, i) => first.append('r', { data: '', key: `${commit}-${i}` })),
      );
    await first.close();
    const { remember } = KeyWindow.prototype;
    let most = 0;
    KeyWindow.prototype.remember = function (room, used) {
      remember.call(this, room, used);
      most = Math.max(most, this.size);
    };
    try {
      const second = await openJournal('memory', { files: disk, ...options });
      assert.deepEqual([most, second.held.keys], [10 + 16_384, 10]);
      assert.ok((await second.append('r', { data: '', key: '1-8990' })).duplicate);
      await second.close();
    } finally {
      KeyWindow.prototype.remember = remember;
    }
  });
});

const ROOMS = Array.from({ length: 6 }, (_, i) => `r${i}`);
const BOUNDS = { maxRooms: 4, maxKeys: 16, maxTotalKeys: 20, keyAgeMs: 200, maxHistoryRecords: 2 };
/** So small that keys make way by number and not by age: what clocks say must not matter then. */
const FEW_KEYS = { ...BOUNDS, maxKeys: 5, maxTotalKeys: 12, keyAgeMs: 100_000 };

function openGroup(disk: SimulatedDisk, clock: FakeClock, bounds: typeof BOUNDS): Promise<JournalGroup> {
  return JournalGroup.open({
    files: disk,
    directory: 'memory',
    group: 0,
    groups: 1,
    clock,
    rooms: { ...bounds, clock },
    compactFromBytes: 1_500,
    slowCommitMs: 1_000_000,
    tell: () => assert.fail('no trouble'),
    isOurs: async () => true,
  });
}

/** Commits random batches; while one is under way, subscribers come and go. */
async function live(group: JournalGroup, clock: FakeClock, random: Random): Promise<void> {
  const subscribed: (() => void)[] = [];
  for (let batch = random.below(25); batch >= 0; batch--) {
    const jobs = new Map<string, AppendJob>();
    for (let i = random.below(8); i >= 0; i--) {
      const [room, key] = [random.pick(ROOMS), `k${random.below(30)}`];
      const entry = { data: 'x'.repeat(random.below(40)), key };
      jobs.set(`${room} ${key}`, { room, entry, resolve() {}, reject: ({ code }) => assert.equal(code, 'LOG_FULL') });
    }
    const committed = group.commit([...jobs.values()], () => {});
    for (let i = random.below(3); i > 0; i--) {
      await turns(random.below(4));
      if (random.chance(0.5) && subscribed.length < 3)
        subscribed.push(group.rooms.subscribe(random.pick(ROOMS), 0, nobody).close);
      else subscribed.shift()?.();
    }
    await committed;
    clock.advance(random.below(5));
  }
}

/** Keys that are remembered, by room. */
function keysOf({ rooms }: JournalGroup): Map<string, UsedKey[]> {
  return new Map(rooms.namesInOrder().map((name) => [name, [...rooms.find(name)!.keys.all()]]));
}

describe(`the keys of a journal over 100 lives (${SEED_NOTE})`, () => {
  for (let stream = 0; stream < 8; stream++)
    it(`are all remembered after a restart${stream < 4 ? '' : ' with another clock'}, run ${stream}`, async () => {
      const random = new Random(16_000 + stream);
      const disk = new SimulatedDisk();
      const bounds = stream < 4 ? BOUNDS : FEW_KEYS;
      let clock = clockAt(1_000_000);
      const setClock = (ms: number): FakeClock => clockAt(Math.max(0, clock.now() - new FakeClock().now() + ms));
      disk.dawdles = random;
      let compared = 0;
      for (let life = 0; life < 100; life++) {
        const group = await openGroup(disk, clock, bounds);
        await live(group, clock, random);
        const before = keysOf(group);
        await group.close();
        const again = await openGroup(disk, clock, bounds);
        assert.ok(again.rooms.held.keys <= bounds.maxTotalKeys);
        assert.equal(again.rooms.held.keys, [...keysOf(again).values()].flat().length);
        for (const [name, keys] of keysOf(again))
          for (const { position } of keys) assert.equal(position.epoch, again.rooms.find(name)!.head.epoch);
        const oldestMs = Math.min(...[...before.values()].flat().map(({ timeMs }) => timeMs));
        for (const [name, keys] of before)
          for (const { key, timeMs, position } of keys) {
            // Keys of one commit have one time: which of the oldest are forgotten first is open.
            if (timeMs === oldestMs || timeMs <= clock.now() - bounds.keyAgeMs) continue;
            const room = again.rooms.find(name)!;
            assert.deepEqual(again.rooms.usedKey(room, key)?.position, position, `${name} ${key} in life ${life}`);
            compared++;
          }
        await again.close();
        if (stream >= 4 && random.chance(0.5)) clock = setClock(random.pick([-5_000, -100, -5, 3, 5_000]));
      }
      assert.ok(compared > 500, `${compared} keys`);
    });
});
