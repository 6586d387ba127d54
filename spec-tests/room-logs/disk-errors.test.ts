/** A disk that is full, read-only, broken or slow: who is told what, and what is true afterwards. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalFile } from '../../lib/room-logs/file-port.ts';
import {
  type Journal,
  type JournalOptions,
  type JournalTrouble,
  openJournal,
} from '../../lib/room-logs/journal-index.ts';
import { RoomRefused } from '../../lib/rooms/log.ts';
import { Tap } from '../rooms/log-contract.ts';
import { FakeClock } from '../support/clock.ts';
import { SimulatedDisk } from './simulated-disk.ts';

interface Opened {
  readonly disk: SimulatedDisk;
  readonly clock: FakeClock;
  readonly journal: Journal;
  readonly troubles: JournalTrouble[];
}

async function open(options: JournalOptions = {}, disk: SimulatedDisk = new SimulatedDisk()): Promise<Opened> {
  const troubles: JournalTrouble[] = [];
  const clock = new FakeClock();
  const onTrouble = (trouble: JournalTrouble): void => void troubles.push(trouble);
  const journal = await openJournal('memory', { files: disk, clock, onTrouble, ...options });
  return { disk, clock, journal, troubles };
}

/** A disk that can be too full for the header of a new file, of which it takes half. */
class DiskWithoutHeaders extends SimulatedDisk {
  refusesHeaders = false;

  override async create(name: string): Promise<JournalFile> {
    const file = await super.create(name);
    if (!this.refusesHeaders) return file;
    return {
      ...file,
      write: async (bytes) => {
        await file.write(bytes.subarray(0, bytes.length / 2), 0);
        throw Object.assign(new Error('ENOSPC: simulated'), { code: 'ENOSPC' });
      },
    };
  }
}

const refusal =
  (code: string, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof RoomRefused && error.code === code && words.test(error.message);

const kinds = (troubles: readonly JournalTrouble[]): string[] => troubles.map(({ kind }) => kind);

async function texts(journal: Journal): Promise<unknown[]> {
  return (await journal.read('r', undefined, 1_000)).records.map(({ data }) => data);
}

describe('a journal on a disk that refuses', () => {
  for (const [code, words] of [
    ['ENOSPC', /the disk is full \(ENOSPC\)/],
    ['EROFS', /the disk is read-only \(EROFS\)/],
    ['EIO', /the disk reports an error of its own \(EIO\)/],
  ] as const)
    it(`tells publisher and observer that a write failed (${code}), appends nothing, and goes on when it can`, async () => {
      const { disk, journal, troubles } = await open();
      const tap = new Tap();
      journal.subscribe('r', 0, tap);
      await journal.append('r', { data: 'one' });
      disk.fail('write', code);
      await assert.rejects(journal.append('r', { data: 'two', key: 'k' }), refusal('LOG_FAILED', words));
      assert.deepEqual(
        troubles.map((each) => (each.kind === 'commit-failed' ? [each.refused, each.uncertain] : each.kind)),
        [[1, false]],
      );
      disk.heal();
      const { position, duplicate } = await journal.append('r', { data: 'two', key: 'k' });
      assert.deepEqual([position.sequence, duplicate], [2, false]);
      assert.deepEqual(
        tap.records.map(({ data }) => data),
        ['one', 'two'],
      );
      await journal.close();
      const again = await open({}, disk);
      assert.deepEqual(await texts(again.journal), ['one', 'two']);
      await again.journal.close();
    });

  it('does not know the fate of a commit whose sync failed, and says so; then writes everything anew', async () => {
    const { disk, journal, troubles } = await open();
    await journal.append('r', { data: 'one' });
    disk.fail('sync', 'EIO');
    await assert.rejects(
      journal.append('r', { data: 'two', key: 'k' }),
      refusal('LOG_UNCERTAIN', /again with its key/),
    );
    disk.heal();
    const syncs = disk.calls.sync;
    assert.equal((await journal.append('r', { data: 'two', key: 'k' })).position.sequence, 2);
    assert.ok(disk.calls.sync > syncs + 2, 'a file and a snapshot were made');
    assert.deepEqual(kinds(troubles), ['commit-failed', 'repaired']);
    await journal.close();
    const again = await open({}, disk);
    assert.deepEqual(await texts(again.journal), ['one', 'two']);
    await again.journal.close();
  });

  it('does not try again for a second when everything could not be written anew', async () => {
    const { disk, clock, journal } = await open();
    await journal.append('r', { data: 'one' });
    disk.fail('sync', 'EIO');
    await assert.rejects(journal.append('r', { data: 'two' }), refusal('LOG_UNCERTAIN', /EIO/));
    await assert.rejects(journal.append('r', { data: 'two' }), refusal('LOG_FAILED', /EIO/));
    const { create } = disk.calls;
    await assert.rejects(journal.append('r', { data: 'two' }), refusal('LOG_FAILED', /EIO/));
    assert.equal(disk.calls.create, create, 'no file was made');
    assert.deepEqual(await texts(journal), ['one'], 'what is there can be read');
    disk.heal();
    clock.advance(1_001);
    assert.equal((await journal.append('r', { data: 'two' })).position.sequence, 2);
    await journal.close();
  });

  it('does not use a file that could not be cut after a failed write', async () => {
    const { disk, journal, troubles } = await open();
    await journal.append('r', { data: 'one' });
    disk.fail('write', 'EIO');
    disk.fail('truncate', 'EIO');
    await assert.rejects(journal.append('r', { data: 'two' }), refusal('LOG_UNCERTAIN', /EIO/));
    disk.heal();
    await journal.append('r', { data: 'three' });
    assert.deepEqual(kinds(troubles), ['commit-failed', 'repaired']);
    await journal.close();
    const again = await open({}, disk);
    assert.deepEqual(await texts(again.journal), ['one', 'three']);
    await again.journal.close();
  });

  it('refuses to open where it cannot write, with what the system says', async () => {
    const disk = new SimulatedDisk();
    disk.fail('create', 'EROFS');
    await assert.rejects(open({}, disk), { code: 'EROFS' });
  });

  it('goes on without a compaction that failed, tells the observer, and tries again later', async () => {
    const { disk, journal, troubles } = await open({ compactFromBytes: 1_000 });
    disk.fail('create', 'ENOSPC');
    for (let i = 0; i < 30; i++) await journal.append('r', { data: `${i}`.padEnd(100) });
    assert.ok(troubles.length >= 1);
    assert.deepEqual([...new Set(kinds(troubles))], ['compaction-failed']);
    disk.heal();
    for (let i = 30; i < 60; i++) await journal.append('r', { data: `${i}`.padEnd(100) });
    await journal.close();
    assert.ok((await disk.list()).some((name) => name.endsWith('.snapshot')));
    const again = await open({}, disk);
    assert.equal((await texts(again.journal)).length, 60);
    await again.journal.close();
  });

  for (const removes of [true, false])
    it(`opens again after the next file could not be begun and its snapshots failed, ${removes ? 'the file gone' : 'half its header there'}`, async () => {
      const disk = new DiskWithoutHeaders();
      const { journal, troubles } = await open({ compactFromBytes: 1_000 }, disk);
      const said: string[] = [];
      const say = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          const data = `${said.push(`${said.length}`) - 1}`;
          await journal.append(`r${said.length % 3}`, { data, key: data.padEnd(100) });
        }
      };
      disk.refusesHeaders = true;
      if (!removes) disk.fail('remove', 'ENOSPC');
      await say(12);
      disk.refusesHeaders = false;
      disk.fail('rename', 'ENOSPC');
      await say(40);
      await journal.close();
      assert.deepEqual([...new Set(kinds(troubles))], ['compaction-failed']);
      const lengths = new Map((await disk.list()).map((name) => [name, disk.octetsOf(name).length]));
      assert.equal(lengths.get('g0-2.log'), removes ? undefined : 16);
      assert.ok((lengths.get('g0-3.log') ?? 0) > 100 && !lengths.has('g0-3.snapshot'), 'it was gone on with');

      disk.heal();
      const again = await open({}, disk);
      const found: unknown[] = [];
      for (const room of ['r0', 'r1', 'r2'])
        found.push(...(await again.journal.read(room, undefined, 99)).records.map(({ data }) => data));
      assert.deepEqual(
        found.map(Number).sort((a, b) => a - b),
        said.map(Number),
      );
      assert.equal((await again.journal.append('r1', { data: '', key: '0'.padEnd(100) })).duplicate, true);
      await again.journal.close();
      assert.ok(!(await disk.list()).includes('g0-2.log'));
      const third = await open({}, disk);
      assert.deepEqual(third.troubles, []);
      await third.journal.close();
    });

  it('survives an observer that throws', async () => {
    const disk = new SimulatedDisk();
    const onTrouble = (): void => {
      throw new Error('the fault of the observer');
    };
    const { journal } = await open({ onTrouble }, disk);
    disk.fail('write', 'ENOSPC');
    await assert.rejects(journal.append('r', { data: '' }), refusal('LOG_FAILED', /ENOSPC/));
    disk.heal();
    await journal.append('r', { data: '' });
    await journal.close();
  });
});

describe('a journal on a slow disk', () => {
  it('tells the observer while a commit waits, and acknowledges when it is there', async () => {
    const { disk, clock, journal, troubles } = await open({ slowCommitMs: 500 });
    const release = disk.holdSyncs();
    let answered = false;
    const appended = journal.append('r', { data: 'one' }).then(() => {
      answered = true;
    });
    await untilPending(disk);
    clock.advance(499);
    assert.deepEqual(troubles, []);
    clock.advance(1);
    assert.deepEqual(troubles, [{ kind: 'slow', group: 0, waitedMs: 500 }]);
    assert.equal(answered, false);
    assert.deepEqual(await texts(journal), [], 'nothing is handed out before it is on the disk');
    release();
    await appended;
    await journal.close();
  });

  it('refuses appends past the bound of what waits, with the reason, and takes them again later', async () => {
    const { disk, journal } = await open({ maxPendingAppends: 10 });
    const release = disk.holdSyncs();
    const waiting = Array.from({ length: 10 }, (_, i) => journal.append('r', { data: `${i}` }));
    assert.equal(journal.held.pendingAppends, 10);
    await assert.rejects(journal.append('r', { data: 'x' }), refusal('LOG_FULL', /10 appends wait for the disk/));
    release();
    await Promise.all(waiting);
    assert.equal(journal.held.pendingAppends, 0);
    assert.equal((await journal.append('r', { data: 'y' })).position.sequence, 11);
    await journal.close();
  });

  it('bounds what waits by its octets, and takes one append whatever its size', async () => {
    const { disk, journal } = await open({ maxPendingBytes: 1_000 });
    const release = disk.holdSyncs();
    const large = journal.append('r', { data: 'x'.repeat(5_000) });
    await assert.rejects(journal.append('r', { data: '' }), refusal('LOG_FULL', /1 appends wait/));
    release();
    await large;
    assert.equal(journal.held.pendingAppends, 0);
    const small = Array.from({ length: 3 }, () => journal.append('r', { data: 'x'.repeat(250) }));
    await assert.rejects(journal.append('r', { data: 'x' }), refusal('LOG_FULL', /3 appends wait/));
    await Promise.all(small);
    await journal.close();
  });
});

/** Resolves once a commit has been written and waits for its sync. */
async function untilPending(disk: SimulatedDisk): Promise<void> {
  const { write } = disk.calls;
  while (disk.calls.write === write) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
