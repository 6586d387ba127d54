/** Which rooms a journal holds after a restart: those that it held before, and of too many those that were used last. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeEntry } from '../../lib/room-logs/journal-entries.ts';
import { type Journal, type JournalOptions, openJournal } from '../../lib/room-logs/journal-index.ts';
import { decodeHeader, encodeCommit } from '../../lib/room-logs/segment.ts';
import type { LogSubscriber, Position } from '../../lib/rooms/log.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const nobody: LogSubscriber = { opened() {}, record() {}, gap() {}, reset() {}, failed() {} };

async function open(disk: SimulatedDisk, options: JournalOptions): Promise<Journal> {
  return openJournal('memory', { files: disk.port(), ...options });
}

async function heads(journal: Journal, rooms: readonly string[]): Promise<Map<string, Position>> {
  const found = new Map<string, Position>();
  for (const room of rooms) {
    const { head } = await journal.read(room, undefined, 1);
    if (head.sequence > 0) found.set(room, head);
  }
  return found;
}

const SHORT = ['s0', 's1', 's2', 's3'];

describe('a room with subscribers, whose last record is older than those of all others', () => {
  for (const end of ['close', 'crash'] as const)
    it(`is held after a ${end}, and rooms that made way are not`, async () => {
      const disk = new SimulatedDisk();
      const first = await open(disk, { maxRooms: 3 });
      const { position } = await first.append('team', { data: 'said' });
      first.subscribe('team', 0, nobody);
      for (const room of SHORT) await first.append(room, { data: '' });
      const before = await heads(first, ['team', ...SHORT]);
      assert.deepEqual([...before.keys()], ['team', 's2', 's3']);
      if (end === 'close') await first.close();
      else disk.crash(new Random(1));
      const again = await open(disk, { maxRooms: 3 });
      assert.deepEqual(await heads(again, ['team', ...SHORT]), before);
      assert.deepEqual((await again.read('team', position, 1)).reset, false);
      await again.close();
    });

  it('makes way last after a restart, until a life of the process in which nobody came', async () => {
    const disk = new SimulatedDisk();
    const first = await open(disk, { maxRooms: 3 });
    await first.append('team', { data: 'said' });
    first.subscribe('team', 0, nobody);
    for (const room of ['s0', 's1']) await first.append(room, { data: '' });
    disk.crash(new Random(1));
    const second = await open(disk, { maxRooms: 3 });
    await second.append('s2', { data: '' });
    assert.deepEqual([...(await heads(second, ['team', ...SHORT])).keys()], ['team', 's1', 's2']);
    for (const room of ['s1', 's2']) await second.append(room, { data: '' });
    disk.crash(new Random(1));
    const third = await open(disk, { maxRooms: 3 });
    await third.append('s3', { data: '' });
    assert.deepEqual([...(await heads(third, ['team', ...SHORT])).keys()], ['s1', 's2', 's3']);
    await third.close();
  });

  it('is the last to make way where the next process may hold fewer rooms, from a snapshot too', async () => {
    const disk = new SimulatedDisk();
    const first = await open(disk, { maxRooms: 5, compactFromBytes: 400 });
    await first.append('team', { data: 'said' });
    first.subscribe('team', 0, nobody);
    for (let i = 0; i < 8; i++) for (const room of SHORT) await first.append(room, { data: '' });
    await first.close();
    assert.ok((await disk.list()).some((name) => name.endsWith('.snapshot')));
    const again = await open(disk, { maxRooms: 2 });
    assert.deepEqual([...(await heads(again, ['team', ...SHORT])).keys()], ['team', 's3']);
    assert.equal(again.held.rooms, 2);
    await again.close();
  });
});

describe('one commit that brings more rooms than may be held', () => {
  const ROOMS = ['first', 'second', 'third'];

  /** Three rooms in one commit where two may be held; the first one gets a member while the disk is at it. */
  async function commitOfThree(disk: SimulatedDisk, journal: Journal): Promise<Position[]> {
    const release = disk.holdSyncs();
    const appends = ROOMS.map((room) => journal.append(room, { data: room }));
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    journal.subscribe('first', 0, nobody);
    release();
    return (await Promise.all(appends)).map(({ position }) => position);
  }

  it('is answered when the disk knows which of them made way: a crash right after it changes nothing', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxRooms: 2 });
    await commitOfThree(disk, journal);
    const before = await heads(journal, ROOMS);
    assert.deepEqual([...before.keys()], ['first', 'third']);
    disk.crash(new Random(1));
    const again = await open(disk, { maxRooms: 2 });
    assert.deepEqual(await heads(again, ROOMS), before);
    await again.close();
  });

  it('is answered as kept where only the note of them fails, and the observer is told', async () => {
    const disk = new SimulatedDisk();
    const told: string[] = [];
    const journal = await open(disk, { maxRooms: 2, onTrouble: ({ kind }) => void told.push(kind) });
    journal.subscribe('third', 0, { ...nobody, record: () => disk.fail('sync', 'EIO') }); // from the first commit's end on
    await commitOfThree(disk, journal);
    assert.deepEqual(told, ['commit-failed']);
    disk.heal();
    await journal.close();
  });
});

describe('rooms without subscribers', () => {
  for (const end of ['close', 'crash'] as const)
    it(`make way after a ${end} in the order in which they had their last record or were left, from a snapshot too`, async () => {
      for (const compactFromBytes of [3_000, 1_000_000]) {
        const disk = new SimulatedDisk();
        const first = await open(disk, { compactFromBytes });
        for (const room of SHORT) await first.append(room, { data: '' });
        first.subscribe('s0', 0, nobody).close();
        await first.append('s3', { data: 'x'.repeat(3_000) }); // takes along that s0 was left
        const hasSnapshot = async (): Promise<boolean> =>
          (await disk.list()).some((name) => name.endsWith('.snapshot'));
        while (compactFromBytes === 3_000 && !(await hasSnapshot()))
          await new Promise((resolve) => setImmediate(resolve));
        if (end === 'close') await first.close();
        else disk.crash(new Random(1));
        assert.equal(await hasSnapshot(), compactFromBytes === 3_000);
        for (const [maxRooms, rooms] of [
          [3, ['s0', 's2', 's3']],
          [2, ['s0', 's3']],
          [1, ['s3']],
        ] as const) {
          const again = await open(disk, { maxRooms });
          assert.deepEqual([...(await heads(again, SHORT)).keys()], rooms);
          await again.close();
        }
      }
    });

  it('count as used by records too that were written while the snapshot was, and that it has', async () => {
    const disk = new SimulatedDisk();
    const snapshot = disk.holdSnapshot(1);
    const first = await open(disk, { compactFromBytes: 600 });
    await first.append('s0', { data: '' });
    await first.append('s1', { data: 'x'.repeat(600) });
    await snapshot.isWaiting();
    for (const room of ['s0', 's1', 's0']) await first.append(room, { data: '' });
    snapshot.release();
    await first.close();
    assert.ok((await disk.list()).includes('g0-2.snapshot'));
    const again = await open(disk, { maxRooms: 1 });
    assert.deepEqual([...(await heads(again, SHORT)).keys()], ['s0']);
    await again.close();
  });

  it('that made way and are held again under their name stay: a note names the epoch', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, {});
    await journal.append('r', { data: 'second life' });
    await journal.close();
    const file = await disk.open('g0-1.log');
    const header = decodeHeader(disk.octetsOf('g0-1.log'));
    assert.ok(!('fault' in header));
    const gone = encodeEntry({ kind: 'gone', name: 'r', epoch: 'the first' });
    await file.write(encodeCommit(header.salt, 2, [gone]), disk.octetsOf('g0-1.log').length);
    const again = await open(disk, {});
    assert.deepEqual([...(await heads(again, ['r'])).keys()], ['r']);
    await again.close();
  });
});

describe('what is noted of rooms', () => {
  it('goes out with the next commit: 500 rooms that make way cost no sync of their own', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxRooms: 500 });
    const append = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 500 }, (_, i) => journal.append(`r${from + i}`, { data: '' })));
    await append(0);
    const before = disk.calls.sync;
    await append(500);
    await append(1_000);
    assert.equal(disk.calls.sync - before, 2);
    await journal.close();
  });

  it('is written in several commits where it is more than one can have', async () => {
    const disk = new SimulatedDisk();
    const rooms = Array.from({ length: 12_000 }, (_, i) => '漢'.repeat(240) + i); // 3 octets for each UTF-16 unit
    const first = await open(disk, { maxRooms: 20_000 });
    await Promise.all(rooms.map((room) => first.append(room, { data: '' })));
    await first.close();
    const second = await open(disk, { maxRooms: 1 });
    const length = disk.octetsOf('g0-1.log').length;
    await second.append('last', { data: '' });
    const written = disk.octetsOf('g0-1.log').length - length;
    assert.ok(written > 8_388_608, `${written} octets in one turn`);
    await second.close();
    const third = await open(disk, { maxRooms: 20_000 });
    assert.deepEqual([third.held.rooms, (await third.read('last', undefined, 1)).head.sequence], [1, 1]);
    await third.close();
  });

  it('is written with a later commit where the disk said no', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxRooms: 3 });
    await journal.append('team', { data: 'said' });
    for (const room of ['s0', 's1']) await journal.append(room, { data: '' });
    journal.subscribe('team', 0, nobody);
    journal.subscribe('s2', 0, nobody); // s0 makes way
    disk.fail('write', 'ENOSPC');
    await assert.rejects(journal.append('s1', { data: '' }), { code: 'LOG_FAILED' });
    disk.heal();
    await journal.append('s1', { data: '' });
    disk.crash(new Random(1));
    const again = await open(disk, { maxRooms: 3 });
    assert.deepEqual([...(await heads(again, ['team', ...SHORT])).keys()], ['team', 's1']);
    await again.append('s2', { data: '' });
    await again.append('s3', { data: '' });
    assert.deepEqual([...(await heads(again, ['team', ...SHORT])).keys()], ['team', 's2', 's3']);
    await again.close();
  });
});

const ROOMS = Array.from({ length: 8 }, (_, i) => `r${i}`);
const MAX_ROOMS = 4;

/** One process: random appends, subscribers that come and go. Answers what was held, and which rooms had subscribers and a record acknowledged. */
async function live(
  journal: Journal,
  random: Random,
): Promise<{ readonly held: Map<string, Position>; readonly inUse: Map<string, Position> }> {
  const subscribed: { readonly room: string; readonly close: () => void }[] = [];
  const acknowledged = new Map<string, Position>();
  let pending: Promise<void>[] = [];
  for (let step = random.below(80); step >= 0; step--) {
    const room = random.pick(ROOMS);
    if (random.chance(0.6))
      pending.push(
        journal.append(room, { data: `${step}` }).then(
          ({ position }) => void acknowledged.set(room, position),
          (error) => assert.equal(error.code, 'LOG_FULL'),
        ),
      );
    else if (random.chance(0.4)) {
      let failed = false;
      const { close } = journal.subscribe(room, 0, { ...nobody, failed: () => (failed = true) });
      if (!failed) subscribed.push({ room, close });
    } else if (subscribed.length > 0) subscribed.splice(random.below(subscribed.length), 1)[0]!.close();
    if (random.chance(0.2)) {
      await Promise.all(pending);
      pending = [];
    }
    if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(pending);
  const held = await heads(journal, ROOMS);
  const inUse = new Map<string, Position>();
  for (const { room } of subscribed) if (acknowledged.has(room) && held.has(room)) inUse.set(room, held.get(room)!);
  return { held, inUse };
}

describe(`the rooms of a journal over 150 lives (${SEED_NOTE})`, () => {
  for (let stream = 0; stream < 4; stream++)
    it(`are the same after a close; after a loss of power those with subscribers are there, run ${stream}`, async () => {
      const random = new Random(14_000 + stream);
      const disk = new SimulatedDisk();
      disk.dawdles = random;
      const options = { maxRooms: MAX_ROOMS, compactFromBytes: 2_000, maxHistoryRecords: 5 };
      let compared = 0;
      for (let life = 0; life < 150; life++) {
        const journal = await open(disk, options);
        assert.ok(journal.held.rooms <= MAX_ROOMS);
        const { held, inUse } = await live(journal, random);
        const closes = random.chance(0.5);
        if (closes) await journal.close();
        else disk.crash(random);
        const again = await open(disk, options);
        const found = await heads(again, ROOMS);
        if (closes) assert.deepEqual(found, held);
        for (const [room, head] of inUse) assert.deepEqual(found.get(room), head, `${room} in life ${life}`);
        compared += inUse.size;
        await again.close();
      }
      assert.ok(compared > 50, `${compared} rooms with subscribers`);
    });
});
