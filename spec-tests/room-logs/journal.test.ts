/** The journal: the contract of all logs on a real disk, then what is its own: restarts, crashes, a disk that says no. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import {
  type Journal,
  type JournalOptions,
  type JournalTrouble,
  openJournal,
} from '../../lib/room-logs/journal-index.ts';
import { describeRoomLog } from '../rooms/log-contract.ts';
import { FakeClock } from '../support/clock.ts';
import { SimulatedDisk } from './simulated-disk.ts';

describeRoomLog('the journal', async (options) => {
  const directory = mkdtempSync(join(tmpdir(), 'barewire-journal-'));
  const clock = new FakeClock();
  const log = await openJournal(directory, { ...options, clock });
  return {
    log,
    advance: (ms) => clock.advance(ms),
    exactBounds: true,
    async dispose() {
      await log.close();
      rmSync(directory, { recursive: true });
    },
  };
});

interface Opened {
  readonly journal: Journal;
  readonly troubles: JournalTrouble[];
}

async function on(disk: SimulatedDisk, options: JournalOptions = {}): Promise<Opened> {
  const troubles: JournalTrouble[] = [];
  const journal = await openJournal('memory', {
    files: disk,
    onTrouble: (trouble) => troubles.push(trouble),
    ...options,
  });
  return { journal, troubles };
}

it('a journal refuses an option that it does not know, before it touches the disk', async () => {
  const misspelt = { maxPendingByte: 1, files: new SimulatedDisk() };
  await assert.rejects(openJournal('memory', misspelt), {
    name: 'TypeError',
    message: 'openJournal: unknown option maxPendingByte; did you mean maxPendingBytes?',
  });
});

it('a journal makes its directory and those above it, also beside another that does; a file in the way is refused', async () => {
  const root = mkdtempSync(join(tmpdir(), 'barewire-journal-'));
  try {
    const paths = ['a/b/c/d/', 'a/b/c/e', 'a/./b/../f'].map((path) => `${root}/${path}`);
    const opened = paths.concat(relative('.', join(root, 'g/h'))).map((path) => openJournal(path));
    for (const journal of await Promise.all(opened)) await journal.close();
    for (const [path, names] of Object.entries({ 'a/b': ['c'], 'a/b/c': ['d', 'e'], a: ['b', 'f'], g: ['h'] }))
      assert.deepEqual(readdirSync(join(root, path)).sort(), names);
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(openJournal(join(root, 'file')), { code: 'EEXIST' });
    await assert.rejects(openJournal(join(root, 'file/below/it')), { code: 'ENOTDIR' });
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe('a journal that was closed and opened again', () => {
  it('has the epoch, the numbering, the records and the keys', async () => {
    const disk = new SimulatedDisk();
    const { journal: first } = await on(disk);
    const octets = Uint8Array.of(0, 255, 10);
    await first.append('a', { data: 'one', key: 'k1', coalesce: 'c', policy: 'coalesce' });
    await first.append('b', { data: octets });
    const { position } = await first.append('a', { data: 'half \ud800 a pair', key: 'k2' });
    await first.close();

    const { journal } = await on(disk);
    const page = await journal.read('a', undefined, 10);
    assert.deepEqual(page.head, { epoch: position.epoch, sequence: 2, token: position.token });
    assert.deepEqual(
      page.records.map(({ data, key, coalesce, policy }) => [data, key, coalesce, policy]),
      [
        ['one', 'k1', 'c', 'coalesce'],
        ['half \ud800 a pair', 'k2', undefined, undefined],
      ],
    );
    assert.deepEqual((await journal.read('b', undefined, 10)).records[0]?.data, octets);
    const again = await journal.append('a', { data: 'other text', key: 'k1' });
    assert.deepEqual([again.duplicate, again.position.sequence, again.record?.data], [true, 1, 'one']);
    assert.equal((await journal.append('a', { data: 'three' })).position.sequence, 3);
    assert.equal((await journal.read('a', position, 10)).reset, false);
    await journal.close();
  });

  it('gives other tokens than before, so that a directory restored from an older copy is found out', async () => {
    const disk = new SimulatedDisk();
    const { journal: first } = await on(disk);
    await first.append('a', { data: '1' });
    await first.close();
    const copy = new Map((await disk.list()).map((name) => [name, disk.octetsOf(name).slice()]));
    const { journal: second } = await on(disk);
    const { position: lost } = await second.append('a', { data: '2' });
    await second.close();
    const restored = new SimulatedDisk();
    for (const [name, octets] of copy) await (await restored.create(name)).write(octets, 0);
    const { journal: third } = await on(restored);
    const { position } = await third.append('a', { data: 'another 2' });
    assert.deepEqual([position.epoch, position.sequence], [lost.epoch, lost.sequence]);
    assert.equal((await third.read('a', lost, 10)).reset, true);
    await third.close();
  });
});
