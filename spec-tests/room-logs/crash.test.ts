/**
 * Loss of power at random moments, on a disk that throws away what was not synced. What was acknowledged must be there,
 * once, in order, with its text; what was not may be. The same test on a disk whose sync does nothing must find a loss.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Journal, openJournal } from '../../lib/room-logs/journal-index.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const ROOMS = ['a', 'b', 'c'];
const ROUNDS = 60;

interface Said {
  readonly room: string;
  readonly key: string;
  readonly data: string;
}

/** What publishers know: what was said, and the place of what was acknowledged. */
class Publishers {
  readonly said = new Map<string, Said>();
  readonly acknowledged = new Map<string, number>();
  readonly epochs = new Map<string, string>();

  /** Publishes, and notes the answer if there is one. */
  publish(journal: Journal, said: Said): void {
    this.said.set(said.key, said);
    journal.append(said.room, { data: said.data, key: said.key }).then(({ position }) => {
      const before = this.acknowledged.get(said.key);
      if (before !== undefined) assert.equal(position.sequence, before, `${said.key} has one place`);
      this.acknowledged.set(said.key, position.sequence);
      this.epochs.set(said.room, position.epoch);
    });
  }

  /** Everything acknowledged is there, where it was said to be, and nothing is there twice. */
  async check(journal: Journal): Promise<void> {
    for (const room of ROOMS) {
      const { head, records } = await journal.read(room, undefined, 1_000_000);
      const epoch = this.epochs.get(room);
      if (epoch !== undefined) assert.equal(head.epoch, epoch, `the epoch of ${room}`);
      assert.deepEqual(
        records.map(({ sequence }) => sequence),
        records.map((_, i) => i + 1),
        'no hole',
      );
      const keys = records.map(({ key }) => key as string);
      assert.equal(new Set(keys).size, keys.length, `nothing twice in ${room}`);
      const found = new Set(keys);
      for (const { data, key } of records) assert.equal(data, this.said.get(key as string)?.data);
      for (const [key, sequence] of this.acknowledged) {
        if (this.said.get(key)?.room !== room) continue;
        assert.ok(found.has(key), `${key} was acknowledged and is gone`);
        assert.equal(records[sequence - 1]?.key, key);
      }
    }
  }
}

/** Lets some turns of the event loop pass. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Plays rounds of publishing and losing the power. Answers how many messages were acknowledged. */
async function play(disk: SimulatedDisk, random: Random): Promise<number> {
  const publishers = new Publishers();
  disk.dawdles = random;
  const options = {
    compactFromBytes: 3_000, // a compaction every few commits
    maxHistoryRecords: 1_000_000,
    maxHistoryBytes: 1_000_000_000,
    maxKeys: 1_000_000,
    maxTotalKeys: 1_000_000,
    keyAgeMs: 1_000_000_000,
  };
  let next = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const journal = await openJournal('simulated', { ...options, files: disk.port() });
    await publishers.check(journal);
    for (const [key, said] of publishers.said)
      if (!publishers.acknowledged.has(key) || random.chance(0.05)) publishers.publish(journal, said);
    for (let burst = random.between(1, 6); burst > 0; burst--) {
      for (let i = random.below(8); i > 0; i--) {
        const data = `${next} `.repeat(random.between(1, 60));
        publishers.publish(journal, { room: random.pick(ROOMS), key: `k${next++}`, data });
      }
      await turns(random.below(60));
    }
    if (random.chance(0.1)) await journal.close();
    disk.crash(random);
  }
  const journal = await openJournal('simulated', { ...options, files: disk.port() });
  await publishers.check(journal);
  await journal.close();
  return publishers.acknowledged.size;
}

describe(`a journal whose machine loses its power (${SEED_NOTE})`, () => {
  for (let stream = 0; stream < 10; stream++)
    it(`loses nothing that it acknowledged and doubles nothing, run ${stream}`, async () => {
      const acknowledged = await play(new SimulatedDisk(), new Random(12_000 + stream));
      assert.ok(acknowledged > 200, `${acknowledged} were acknowledged`);
    });

  for (const what of ['syncsFiles', 'syncsNames'] as const)
    it(`is found out by this test when the disk does not sync (${what})`, async () => {
      const disk = new SimulatedDisk();
      disk[what] = false;
      await assert.rejects(play(disk, new Random(12_100)), /was acknowledged and is gone|the epoch|is damaged/);
    });
});

/** Turns of the loop in which a simulated disk answers what it was asked. */
async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets the process be killed within the sync of the directory that is to put `name` there on the disk. */
async function killedNaming(disk: SimulatedDisk, name: string, work: () => Promise<unknown>): Promise<void> {
  const syncDirectory = disk.syncDirectory.bind(disk);
  let isReached = false;
  disk.syncDirectory = async () => {
    isReached = (await disk.list()).includes(name);
    return isReached ? new Promise(() => {}) : syncDirectory();
  };
  work().catch(() => {});
  while (!isReached) await settle();
  disk.syncDirectory = syncDirectory;
  disk.kill();
}

/** Ways to leave a name that a start finds and the disk does not have yet. */
const NAMES_NOT_SYNCED: Record<string, (disk: SimulatedDisk) => Promise<void>> = {
  'the first file, of a process that was killed at its start': (disk) =>
    killedNaming(disk, 'g0-1.log', () => openJournal('memory', { files: disk.port() })),
  'the next file, of a process that was killed as it began it': async (disk) => {
    const journal = await openJournal('memory', { files: disk.port(), compactFromBytes: 600 });
    await killedNaming(disk, 'g0-2.log', () => journal.append('r', { data: 'x'.repeat(700) }));
  },
  'a snapshot, of a process that was killed as it gave it its name': async (disk) => {
    const journal = await openJournal('memory', { files: disk.port(), compactFromBytes: 600 });
    await killedNaming(disk, 'g0-2.snapshot', () => journal.append('r', { data: 'x'.repeat(700) }));
  },
  'the next file, which could be neither synced nor removed': async (disk) => {
    const journal = await openJournal('memory', { files: disk.port() });
    await journal.append('r', { data: 'one' });
    for (const call of ['sync', 'remove'] as const) disk.fail(call, 'EIO');
    for (const data of ['two', 'three']) await assert.rejects(journal.append('r', { data }));
    disk.heal();
    await journal.close();
    assert.ok((await disk.list()).includes('g0-2.log'));
  },
};

describe('a name that the disk does not have yet when a process starts', () => {
  for (const [what, leave] of Object.entries(NAMES_NOT_SYNCED))
    it(`is on it before anything relies on it: ${what}`, async () => {
      for (let seed = 0; seed < 40; seed++) {
        const disk = new SimulatedDisk();
        await leave(disk);
        const second = await openJournal('memory', { files: disk.port() });
        if (seed % 2 === 0) await second.append('r', { data: 'acknowledged' });
        const { records } = await second.read('r', undefined, 10);
        disk.crash(new Random(seed));
        const third = await openJournal('memory', { files: disk.port() });
        assert.deepEqual((await third.read('r', undefined, 10)).records, records, `seed ${seed}`);
        await third.close();
      }
    });
});

describe('the simulated disk', () => {
  it('does not hear a process that was killed, whatever it was told before', async () => {
    for (const end of ['kill', 'crash'] as const) {
      const disk = new SimulatedDisk();
      const first = disk.port();
      const file = await first.create('a');
      await first.syncDirectory();
      const names = await first.list();
      if (end === 'kill') disk.kill();
      else disk.crash(new Random(1));
      const asked = [...names.map((name) => first.remove(name)), first.create('b'), file.write(new Uint8Array(1), 0)];
      assert.equal(await Promise.race([...asked, settle().then(() => 'no answer')]), 'no answer');
      assert.deepEqual(await disk.port().list(), ['a']);
      assert.equal(disk.octetsOf('a').length, 0);
    }
  });
});

describe('a process that is killed, and then a loss of power', () => {
  it('what was written and never synced is synced before a repeat is acknowledged, and before anything is written after it', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimulatedDisk();
      const first = await openJournal('memory', { files: disk.port() });
      await first.append('r', { data: 'one' });
      disk.holdSyncs();
      first.append('r', { data: 'two', key: 'k' }).catch(() => {});
      await settle(); // killed within the sync: the kernel has it, the disk perhaps not
      disk.kill();
      disk.holdSyncs()();
      const second = await openJournal('memory', { files: disk.port() });
      const repeated = await second.append('r', { data: 'two', key: 'k' });
      assert.equal(repeated.position.sequence, 2);
      disk.holdSyncs();
      second.append('r', { data: 'three' }).catch(() => {});
      await settle(); // power is lost within the sync
      disk.crash(new Random(seed));
      disk.holdSyncs()();
      const third = await openJournal('memory', { files: disk.port() });
      const { records } = await third.read('r', undefined, 10);
      assert.deepEqual(records.map(({ data }) => data).slice(0, 2), ['one', 'two'], `seed ${seed}`);
      await third.close();
    }
  });

  it('half a commit that was cut off does not come back in front of the next file', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimulatedDisk();
      let open = (): void => {};
      let gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      const create = disk.create.bind(disk);
      disk.create = async (name) => {
        if (name.endsWith('.new')) await gate; // a snapshot takes its time
        return create(name);
      };
      const journal = await openJournal('memory', {
        files: disk.port(),
        compactFromBytes: 1_000,
        maxHistoryRecords: 1,
      });
      await journal.append('r', { data: 'x'.repeat(1_200) });
      await settle(); // a compaction begins
      await journal.append('r', { data: 'x'.repeat(1_500) }); // and the next one is due
      await journal.append('r', { data: 'small', key: 'k' });
      disk.fail('write', 'ENOSPC');
      await assert.rejects(journal.append('r', { data: 'z'.repeat(3_000) }));
      disk.heal();
      open();
      await settle();
      gate = new Promise(() => {});
      await journal.append('r', { data: 'small', key: 'k' }); // a repeat writes nothing, and the next file begins
      await settle();
      await journal.append('r', { data: 'acknowledged' });
      disk.crash(new Random(seed));
      const after = await openJournal('memory', { files: disk.port() });
      assert.equal((await after.read('r', undefined, 1)).records[0]?.data, 'acknowledged', `seed ${seed}`);
      await after.close();
    }
  });
});
