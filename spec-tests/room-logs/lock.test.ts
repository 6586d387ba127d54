/** The lock of a journal's directory: one owner at a time, and who counts as dead. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  type DirectoryLock,
  LOCK_RENEW_MS,
  LOCK_STALE_MS,
  type LockOwner,
  lockDirectory,
  type ProcessPort,
  systemProcesses,
} from '../../lib/room-logs/directory-lock.ts';
import { type JournalOptions, type JournalTrouble, openJournal } from '../../lib/room-logs/journal-index.ts';
import { RoomRefused } from '../../lib/rooms/log.ts';
import { Tap } from '../rooms/log-contract.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const HERE: LockOwner = { host: 'one', pid: 1, boot: 'b1', namespace: 'n1', started: '100' };

/** A process of a machine where exactly `alive` live. */
function processOf(self: LockOwner, alive: readonly LockOwner[] = [], nowMs: () => number = () => 0): ProcessPort {
  return {
    self: async () => self,
    startedOf: async (pid) => alive.find((each) => each.pid === pid)?.started,
    nowMs,
  };
}

const locked =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof RoomRefused && error.code === 'LOG_LOCKED' && words.test(error.message);

const take = (disk: SimulatedDisk, processes: ProcessPort): Promise<DirectoryLock> =>
  lockDirectory(disk, '/data', processes);

/** A journal in a directory of the real disk, and a way to let its process sleep for longer than a lock lasts. */
async function onRealDisk(options: JournalOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'barewire-lock-'));
  const troubles: JournalTrouble[] = [];
  let sleptMs = 0;
  const processes = { ...systemProcesses, nowMs: () => Date.now() + sleptMs };
  const journal = await openJournal(directory, {
    ...options,
    processes,
    onTrouble: (trouble) => troubles.push(trouble),
  });
  return {
    directory,
    journal,
    troubles,
    sleep: () => {
      sleptMs += LOCK_STALE_MS;
    },
  };
}

describe('the lock of a directory', () => {
  it('refuses a second process with a sentence that names the first, and is free when that lets go', async () => {
    const disk = new SimulatedDisk();
    const second = { ...HERE, pid: 2, started: '200' };
    const lock = await take(disk, processOf(HERE));
    await assert.rejects(
      take(disk, processOf(second, [HERE])),
      locked(/^the journal in \/data is in use by process 1 on one \(its file lock-1\)$/),
    );
    await lock.release();
    await (await take(disk, processOf(second, [HERE]))).release();
  });

  it('refuses the same process too, on a real machine', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('/data', { files: disk });
    await assert.rejects(openJournal('/data', { files: disk }), locked(new RegExp(`process ${process.pid} on `)));
    await journal.close();
    await (await openJournal('/data', { files: disk })).close();
  });

  const dead: readonly (readonly [what: string, owner: LockOwner])[] = [
    ['a process that is gone', { ...HERE, pid: 9 }],
    ['a process whose number another one has now', { ...HERE, pid: 7, started: 'earlier' }],
    ['a process of an earlier boot', { ...HERE, pid: 7, boot: 'b0' }],
  ];
  for (const [what, owner] of dead)
    it(`is taken over at once from ${what}`, async () => {
      const disk = new SimulatedDisk();
      await take(disk, processOf(owner));
      const other = { ...HERE, pid: 7, started: '700' };
      const lock = await take(disk, processOf(HERE, [HERE, other]));
      assert.deepEqual(await disk.list(), ['lock-2']);
      await lock.release();
    });

  const unknown: readonly (readonly [what: string, owner: LockOwner])[] = [
    ['another host', { ...HERE, host: 'two' }],
    ['another process namespace', { ...HERE, namespace: 'n2' }],
    ['a system that names no boot', { ...HERE, boot: '' }],
  ];
  for (const [what, owner] of unknown)
    it(`of a process on ${what} is taken over when it was not renewed for ${LOCK_STALE_MS / 1_000} s`, async () => {
      const disk = new SimulatedDisk();
      await take(disk, processOf(owner));
      disk.nowMs += LOCK_STALE_MS;
      const self = processOf({ ...HERE, pid: 3, started: '300' });
      await assert.rejects(take(disk, self), locked(/renewed 30 s ago; where it is dead, wait until that is 30 s/));
      disk.nowMs += 1;
      await (await take(disk, self)).release();
    });

  it('that is half written counts by its age', async () => {
    const disk = new SimulatedDisk();
    await disk.createWhole('lock-4', '{"host":"o');
    await assert.rejects(take(disk, processOf(HERE)), locked(/a process that is just taking it/));
    disk.nowMs += LOCK_STALE_MS + 1;
    await (await take(disk, processOf(HERE))).release();
    assert.deepEqual(await disk.list(), ['lock-5']);
  });

  it('goes to one of many that want it at once, also when they all saw the same dead owner', async () => {
    for (let round = 0; round < 20; round++) {
      const disk = new SimulatedDisk();
      await take(disk, processOf({ ...HERE, pid: 99 }));
      const wanting = Array.from({ length: 8 }, (_, i) => ({ ...HERE, pid: 10 + i, started: `${i}` }));
      const results = await Promise.allSettled(wanting.map((self) => take(disk, processOf(self, wanting))));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    }
  });

  it('is no longer held by a process that slept while another one took it over, and its journal fails', async () => {
    const disk = new SimulatedDisk();
    let nowMs = 0;
    const first = processOf(HERE, [], () => nowMs);
    const troubles: string[] = [];
    const onTrouble = ({ kind }: { readonly kind: string }): void => void troubles.push(kind);
    const journal = await openJournal('/data', { files: disk, processes: first, onTrouble });
    await journal.append('r', { data: 'one' });
    nowMs += LOCK_STALE_MS;
    await journal.append('r', { data: 'two' }); // it slept, and nobody took the lock
    nowMs += LOCK_STALE_MS;
    const second = await openJournal('/data', { files: disk, processes: processOf({ ...HERE, pid: 2, started: '2' }) });
    await assert.rejects(journal.append('r', { data: 'three' }), { code: 'LOG_FAILED' });
    await assert.rejects(journal.append('r', { data: 'three' }), /another process took over the journal in \/data/);
    assert.deepEqual(troubles, ['lock-lost']);
    await journal.close();
    assert.equal((await second.read('r', undefined, 9)).head.sequence, 2);
    await assert.rejects(openJournal('/data', { files: disk }), locked(/process 2/));
    await second.close();
  });

  for (const [what, change] of [
    ['removed', () => {}],
    ['made anew', (directory) => mkdirSync(directory)],
    ['a file', (directory) => writeFileSync(directory, '')],
  ] as const satisfies readonly (readonly [string, (directory: string) => void])[])
    it(`is lost with a directory that is ${what} under it, which the next append after a sleep finds out`, async () => {
      const { directory, journal, troubles, sleep } = await onRealDisk();
      await journal.append('r', { data: 'one' });
      rmSync(directory, { recursive: true });
      change(directory);
      sleep();
      const failed = { code: 'LOG_FAILED', message: /the directory of the journal in .*was removed or replaced/ };
      await assert.rejects(journal.append('r', { data: 'two' }), failed);
      await assert.rejects(journal.append('r', { data: 'three' }), failed);
      await assert.rejects(journal.read('r', undefined, 1), failed);
      assert.deepEqual(troubles, [{ kind: 'lock-lost', reason: 'gone' }]);
      await journal.close();
      rmSync(directory, { recursive: true, force: true });
    });

  it('is not that of another journal in a directory that was made anew, although process and number are the same', async () => {
    const { directory, journal, sleep } = await onRealDisk();
    await journal.append('r', { data: 'one' });
    rmSync(directory, { recursive: true });
    const second = await openJournal(directory);
    sleep();
    await assert.rejects(journal.append('r', { data: 'two' }), { code: 'LOG_FAILED' });
    await journal.close();
    await second.append('r', { data: 'other' });
    await assert.rejects(
      openJournal(directory),
      locked(/is in use/),
      'the first did not let go of the lock of the second',
    );
    await second.close();
    rmSync(directory, { recursive: true });
  });

  it('is looked at before files are begun and removed: those of another journal in the same place are left alone', async () => {
    const { directory, journal, troubles } = await onRealDisk({ compactFromBytes: 1_000 });
    await journal.append('r', { data: 'one' });
    rmSync(directory, { recursive: true });
    const second = await openJournal(directory, { compactFromBytes: 1_000 });
    for (let i = 0; i < 20; i++) await second.append('r', { data: `${i}`.padEnd(100) });
    await second.close(); // it is done with its files, and the directory is not that of the first
    const names = readdirSync(directory);
    assert.ok(!names.includes('g0-1.log'), names.join());
    await journal.append('r', { data: 'two'.padEnd(1_000) }); // nobody looked yet; the next file is due after it
    await assert.rejects(journal.append('r', { data: 'three' }), { code: 'LOG_FAILED' });
    assert.deepEqual(
      troubles.map(({ kind }) => kind),
      ['lock-lost', 'compaction-failed'],
    );
    await journal.close();
    assert.deepEqual(readdirSync(directory), names);
    rmSync(directory, { recursive: true });
  });

  it('is looked at by itself: a journal that nobody appends to fails too, and tells once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const disk = new SimulatedDisk();
    const troubles: JournalTrouble[] = [];
    const journal = await openJournal('/data', { files: disk, onTrouble: (trouble) => troubles.push(trouble) });
    const tap = new Tap();
    journal.subscribe('r', 0, tap);
    await disk.remove('lock-1');
    t.mock.timers.tick(LOCK_RENEW_MS);
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(troubles, [{ kind: 'lock-lost', reason: 'gone' }]);
    assert.equal(tap.failures[0]?.code, 'LOG_FAILED');
    t.mock.timers.tick(LOCK_RENEW_MS);
    await assert.rejects(journal.append('r', { data: 'one' }), { code: 'LOG_FAILED' });
    assert.equal(troubles.length, 1);
    await journal.close();
  });

  it('knows this process by its start time where the system tells', async () => {
    const self = await systemProcesses.self();
    assert.equal(self.pid, process.pid);
    if (process.platform === 'linux') assert.match(self.started, /^\d+$/);
    assert.equal((await systemProcesses.startedOf(process.pid)) ?? '', self.started);
  });
});
