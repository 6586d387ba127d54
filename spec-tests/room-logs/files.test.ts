/** The files of a journal: torn at every octet, damaged, of another version, compacted; and the groups. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { after, describe, it } from 'node:test';
import type { JournalFile } from '../../lib/room-logs/file-port.ts';
import { decodeEntries, encodeEntry, type JournalEntry } from '../../lib/room-logs/journal-entries.ts';
import {
  type Journal,
  type JournalOptions,
  type JournalTrouble,
  openJournal,
} from '../../lib/room-logs/journal-index.ts';
import { decodeHeader, encodeCommit, encodeHeader, HEADER_BYTES } from '../../lib/room-logs/segment.ts';
import { CommitFailed, readSegment, SegmentWriter } from '../../lib/room-logs/segment-file.ts';
import { RoomRefused } from '../../lib/rooms/log.ts';
import { Random } from '../support/random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

async function open(disk: SimulatedDisk, options: JournalOptions = {}): Promise<Journal> {
  return openJournal('memory', { files: disk.port(), ...options });
}

/** A copy of a disk, with one file changed. */
async function copyOf(
  disk: SimulatedDisk,
  change: (name: string, octets: Uint8Array) => Uint8Array | undefined = (_, octets) => octets,
): Promise<SimulatedDisk> {
  const copy = new SimulatedDisk();
  for (const name of await disk.list()) {
    const octets = change(name, disk.octetsOf(name).slice());
    if (octets !== undefined) await (await copy.create(name)).write(octets, 0);
  }
  return copy;
}

const damaged =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof RoomRefused && error.code === 'LOG_DAMAGED' && words.test(error.message);

const LOG = 'g0-1.log';

/** Three records, each in a commit of its own. */
async function three(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const journal = await open(disk);
  for (const data of ['one', 'two', 'three']) await journal.append('r', { data, key: data });
  await journal.close();
  return disk;
}

describe('the end of a journal file', () => {
  it('torn at any octet leaves the commits before it, and the next one follows them', async () => {
    const disk = await three();
    const whole = disk.octetsOf(LOG).length;
    let last = 3;
    for (let length = whole; length >= 0; length--) {
      const torn = await copyOf(disk, (name, octets) => (name === LOG ? octets.subarray(0, length) : octets));
      const troubles: JournalTrouble[] = [];
      const journal = await open(torn, { onTrouble: (trouble) => troubles.push(trouble) });
      const { records } = await journal.read('r', undefined, 10);
      assert.ok(records.length <= last && records.length >= last - 1, `${length}`);
      last = records.length;
      const { position } = await journal.append('r', { data: 'next' });
      assert.equal(position.sequence, last + 1);
      await journal.close();
      const again = await open(torn);
      assert.equal((await again.read('r', undefined, 10)).head.sequence, last + 1);
      await again.close();
    }
    assert.equal(last, 0);
  });

  it('with a wrong octet anywhere in its last commit is cut, and the observer is told', async () => {
    const disk = await three();
    const octets = disk.octetsOf(LOG);
    const lastBegins = octets.length - 16 - encodedRecordLength('three');
    for (let at = lastBegins; at < octets.length; at++) {
      const copy = await copyOf(disk, (name, bytes) => {
        if (name === LOG) bytes[at]! ^= 0x40;
        return bytes;
      });
      const troubles: JournalTrouble[] = [];
      const journal = await open(copy, { onTrouble: (trouble) => troubles.push(trouble) });
      assert.equal((await journal.read('r', undefined, 10)).head.sequence, 2);
      assert.deepEqual(troubles, [{ kind: 'cut', group: 0, bytes: octets.length - lastBegins }]);
      await journal.close();
    }
  });
});

/** Octets of the entry of a record of `three`. */
function encodedRecordLength(text: string): number {
  const record = {
    sequence: 1,
    token: '123456',
    timeMs: 1,
    data: text,
    key: text,
    coalesce: undefined,
    policy: undefined,
  };
  return encodeEntry({ kind: 'record', slot: 0, record }).length;
}

describe('the end of a file that was not the last one', () => {
  it('stays cut when the power goes after a later file was gone on with', async () => {
    const disk = await three();
    const length = disk.octetsOf(LOG).length - 5;
    for (let seed = 0; seed < 20; seed++) {
      const torn = await copyOf(disk, (name, octets) => (name === LOG ? octets.subarray(0, length) : octets));
      const later = await torn.create('g0-2.log');
      await later.write(encodeHeader({ kind: 'log', group: 0, groups: 1, generation: 2, salt: 9 }), 0);
      for (const name of await torn.list()) torn.octetsOf(name);
      await torn.syncDirectory();
      const journal = await open(torn);
      await journal.append('r', { data: 'next' });
      torn.crash(new Random(13_000 + seed));
      const again = await open(torn);
      const { records } = await again.read('r', undefined, 10);
      assert.deepEqual(
        records.map(({ data }) => data),
        ['one', 'two', 'next'],
      );
      await again.close();
    }
  });
});

describe('a damaged journal is refused, and nothing of it is changed', () => {
  it('a wrong octet in front of a commit that was acknowledged', async () => {
    const disk = await three();
    for (let at = HEADER_BYTES; at < disk.octetsOf(LOG).length - 16 - encodedRecordLength('three'); at++) {
      const copy = await copyOf(disk, (name, octets) => {
        if (name === LOG) octets[at]! ^= 0x01;
        return octets;
      });
      const before = copy.octetsOf(LOG).slice();
      await assert.rejects(
        open(copy),
        damaged(/g0-1\.log: commit [12] at octet \d+ is broken, and a whole one follows/),
      );
      assert.deepEqual(copy.octetsOf(LOG), before);
    }
  });

  it('a file that is missing', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { compactFromBytes: 500 });
    for (let i = 0; i < 20; i++) await journal.append('r', { data: `${i}`.padEnd(100) });
    await journal.close();
    const names = (await disk.list()).filter((name) => name.startsWith('g0-'));
    assert.ok(names.some((name) => name.endsWith('.snapshot')));
    for (const gone of names) {
      const copy = await copyOf(disk, (name, octets) => (name === gone ? undefined : octets));
      await assert.rejects(open(copy), damaged(/the file is missing/));
    }
  });

  it('a header with a wrong octet in front of commits', async () => {
    const disk = await three();
    const copy = await copyOf(disk, (name, octets) => {
      if (name === LOG) octets[17]! ^= 0x01;
      return octets;
    });
    const before = copy.octetsOf(LOG).slice();
    await assert.rejects(open(copy), damaged(/g0-1\.log: the header has a wrong checksum/));
    assert.deepEqual(copy.octetsOf(LOG), before);
  });

  it('a snapshot without its end', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { compactFromBytes: 500 });
    for (let i = 0; i < 20; i++) await journal.append('r', { data: `${i}`.padEnd(100) });
    await journal.close();
    const copy = await copyOf(disk, (name, octets) => (name.endsWith('.snapshot') ? octets.subarray(0, -1) : octets));
    await assert.rejects(open(copy), damaged(/snapshot: it has no end/));
  });

  it('another version, and a file of something else', async () => {
    const disk = await three();
    const header = decodeHeader(disk.octetsOf(LOG));
    assert.ok(!('fault' in header));
    const other = encodeHeader(header);
    const view = new DataView(other.buffer);
    view.setUint16(4, 1);
    const version = await copyOf(disk, (name, octets) => {
      if (name === LOG) octets.set(withChecksum(other));
      return octets;
    });
    await assert.rejects(open(version), damaged(/the header has version 1, this code reads version 2/));
    view.setUint32(0, 0x1234);
    const something = await copyOf(disk, (name, octets) => {
      if (name === LOG) octets.set(withChecksum(other));
      return octets;
    });
    await assert.rejects(open(something), damaged(/is that of something else/));
  });

  it('a record that leaves a hole, and one of a room that was not declared', async () => {
    const record = {
      sequence: 2,
      token: 'a',
      timeMs: 1,
      data: '',
      key: undefined,
      coalesce: undefined,
      policy: undefined,
    };
    const hole: JournalEntry[] = [
      { kind: 'room', slot: 0, name: 'r', epoch: 'e', sequence: 0, token: '', inUse: false },
      { kind: 'record', slot: 0, record },
    ];
    for (const [entries, words] of [
      [hole, /room r has record 2 after 0/],
      [hole.slice(1), /room 0, which was not declared/],
      [[{ kind: 'end' }], /an entry of a snapshot/],
    ] as const) {
      const disk = new SimulatedDisk();
      const file = await disk.create(LOG);
      await file.write(encodeHeader({ kind: 'log', group: 0, groups: 1, generation: 1, salt: 7 }), 0);
      await file.write(encodeCommit(7, 1, entries.map(encodeEntry)), HEADER_BYTES);
      await assert.rejects(open(disk), damaged(words));
    }
  });
});

function withChecksum(header: Uint8Array): Uint8Array {
  const decoded = { kind: 'log', group: 0, groups: 1, generation: 1, salt: 0 } as const;
  assert.ok(encodeHeader(decoded).length === header.length);
  new DataView(header.buffer, header.byteOffset).setUint32(28, crcOf(header.subarray(0, 28)));
  return header;
}

/** CRC-32 bit by bit (RFC 1952 §8), apart from the code under test. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const octet of bytes) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('large records', () => {
  it('are read from commits and snapshots larger than what is read at a time', async () => {
    const disk = new SimulatedDisk();
    const options = { maxHistoryBytes: 100_000_000, compactFromBytes: 8_000_000 };
    const journal = await open(disk, options);
    const texts = Array.from({ length: 24 }, (_, i) => `${i}`.padEnd(i % 3 === 0 ? 1_000_000 : 400_000, '€'));
    await Promise.all(texts.map((data) => journal.append('r', { data })));
    await journal.append('r', { data: 'last' });
    await journal.close();
    assert.ok((await disk.list()).some((name) => name.endsWith('.snapshot')));
    const again = await open(disk, options);
    const { records } = await again.read('r', undefined, 100);
    assert.deepEqual(
      records.map(({ data }) => data),
      [...texts, 'last'],
    );
    await again.close();
  });
});

describe('a commit larger than any that can be read again', () => {
  it('is never made of appends, whatever their keys are: all that was acknowledged is there after a restart', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxHistoryRecords: 10_000 });
    const pad = '漢'.repeat(250); // 3 octets for each UTF-16 unit
    const keyOf = (i: number): string => pad + `${i}`.padStart(6);
    const appending = Array.from({ length: 6_000 }, (_, i) => ({ data: 'x', key: keyOf(i), coalesce: pad }));
    await Promise.all(appending.map((entry) => journal.append('r', entry)));
    await journal.close();
    assert.ok(disk.octetsOf(LOG).length > 8_388_608, 'more than one commit may have, in one turn');
    const again = await open(disk, { maxHistoryRecords: 10_000 });
    assert.equal((await again.read('r', undefined, 10_000)).records.length, 6_000);
    await again.close();
  });

  it('is refused by the writer, which leaves the file as it was and goes on', async () => {
    const disk = new SimulatedDisk();
    const writer = await SegmentWriter.create(disk, { kind: 'log', group: 0, groups: 1, generation: 1, salt: 7 });
    await assert.rejects(
      writer.commit([new Uint8Array(8_388_600), new Uint8Array(9)]),
      (error) => error instanceof CommitFailed && error.undone && /8388609 octets/.test(String(error.cause)),
    );
    assert.equal(disk.octetsOf(LOG).length, HEADER_BYTES);
    await writer.commit([new Uint8Array(8_388_600), new Uint8Array(8)]);
    const lengths: number[] = [];
    const content = await readSegment(await disk.open(LOG), (body) => lengths.push(body.length));
    assert.deepEqual([lengths, content.tornBytes], [[8_388_608], 0]);
  });
});

describe('compaction', () => {
  it('is not due at every start where the snapshot is large: a process that starts often writes it no more often', async () => {
    const disk = new SimulatedDisk();
    const options = { compactFromBytes: 2_000, maxHistoryRecords: 1_000 };
    const snapshots = new Set<string>();
    for (let life = 0; life < 30; life++) {
      const journal = await open(disk, options);
      for (let i = 0; i < 10; i++) await journal.append('r', { data: `${life}-${i}`.padEnd(100) });
      await journal.close();
      for (const name of await disk.list()) if (name.endsWith('.snapshot')) snapshots.add(name);
    }
    // Each is due when the log is twice the one before: 300 records, of which the first snapshot has some 15.
    assert.ok(snapshots.size >= 2 && snapshots.size <= 5, [...snapshots].join());
  });

  it('keeps the files within a multiple of what the history holds, and everything that it holds', async () => {
    const disk = new SimulatedDisk();
    const options = { compactFromBytes: 20_000, maxHistoryRecords: 20 };
    const journal = await open(disk, options);
    let most = 0;
    for (let i = 0; i < 3_000; i++) {
      await journal.append(`r${i % 5}`, { data: `${i}`.padEnd(100), key: `k${i}` });
      let bytes = 0;
      for (const name of await disk.list()) if (name.startsWith('g0-')) bytes += disk.octetsOf(name).length;
      most = Math.max(most, bytes);
    }
    await journal.close();
    assert.ok(most < 3_000 * 100, `${most} octets at most, of more than ${3_000 * 100} that were written`);
    const again = await open(disk, options);
    for (let room = 0; room < 5; room++) {
      const { head, records } = await again.read(`r${room}`, undefined, 100);
      assert.deepEqual([head.sequence, records.length], [600, 20]);
    }
    assert.equal((await again.append('r0', { data: '', key: 'k2000' })).duplicate, true, 'keys outlive their records');
    await again.close();
  });

  it('forgets nothing of a room that makes way while the files are read, and had subscribers before', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxRooms: 2 });
    journal.subscribe('kept', 0, { opened() {}, record() {}, gap() {}, reset() {}, failed() {} });
    await journal.append('kept', { data: '1', key: 'k' });
    for (const room of ['a', 'b', 'c', 'd']) await journal.append(room, { data: '' });
    await journal.append('kept', { data: '2' });
    await journal.close();
    const again = await open(disk, { maxRooms: 2 });
    const { records } = await again.read('kept', undefined, 10);
    assert.deepEqual(
      records.map(({ data }) => data),
      ['1', '2'],
    );
    assert.equal((await again.append('kept', { data: '', key: 'k' })).duplicate, true);
    await again.close();
  });
});

describe('rooms that make way', () => {
  it('and come back are told apart when the files are read; the rooms of one commit make way after it', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { maxRooms: 2 });
    const append = async (rooms: string[]): Promise<number[]> => {
      const appended = await Promise.all(rooms.map((room, i) => journal.append(room, { data: `${i}` })));
      assert.equal(journal.held.rooms, 2);
      return appended.map(({ position }) => position.sequence);
    };
    assert.deepEqual(await append(['a', 'b', 'c', 'a']), [1, 1, 1, 2]);
    assert.deepEqual(await append(['d', 'e', 'f']), [1, 1, 1]);
    assert.deepEqual(await append(['-', '-', '-', 'a', 'd', 'a', 'd', 'a']), [1, 2, 3, 1, 1, 2, 2, 3]);
    await journal.close();
    const again = await open(disk, { maxRooms: 2 });
    const texts = async (room: string): Promise<unknown[]> =>
      (await again.read(room, undefined, 9)).records.map(({ data }) => data);
    assert.deepEqual(
      [await texts('a'), await texts('d')],
      [
        ['3', '5', '7'],
        ['4', '6'],
      ],
    );
    assert.equal(again.held.rooms, 2);
    await again.close();
  });
});

describe('a snapshot that is written while a room makes way and comes back', () => {
  it('has no keys of the numbering that is gone: what is said again after a restart is a new message, as before it', async () => {
    const disk = new DiskWithSlowSnapshots();
    const options = { maxRooms: 2, compactFromBytes: 1_000_000, maxHistoryBytes: 4_000_000 };
    const journal = await open(disk, options);
    const large = 'x'.repeat(300_000); // more than one commit of a snapshot: rooms are looked at with the disk in between
    await journal.append('a', { data: large, key: 'k' });
    await journal.append('a', { data: large, key: 'l' });
    await journal.append('b', { data: large });
    await journal.append('b', { data: large });
    await disk.began; // the snapshot has the first 'a', and waits for the disk
    for (const room of ['c', 'd']) await journal.append(room, { data: '' });
    const { position } = await journal.append('a', { data: 'another life' });
    assert.equal(position.sequence, 1);
    disk.goOn();
    await journal.close();
    assert.ok((await disk.list()).includes('g0-2.snapshot'));

    const again = await open(disk, options);
    const { head, records } = await again.read('a', undefined, 10);
    assert.deepEqual([head.epoch, records.length], [position.epoch, 1]);
    assert.equal(again.held.keys, 0);
    assert.deepEqual((await again.append('a', { data: 'again', key: 'k' })).duplicate, false);
    await again.close();
  });
});

/** A disk on which the first commit of a snapshot waits until the test goes on. */
class DiskWithSlowSnapshots extends SimulatedDisk {
  goOn = (): void => {};
  #noteBegin = (): void => {};
  readonly began = new Promise<void>((resolve) => {
    this.#noteBegin = resolve;
  });
  readonly #mayGoOn = new Promise<void>((resolve) => {
    this.goOn = resolve;
  });

  override async create(name: string): Promise<JournalFile> {
    const file = await super.create(name);
    if (!name.endsWith('.new')) return file;
    return {
      ...file,
      write: async (bytes, position) => {
        if (position === HEADER_BYTES) {
          this.#noteBegin();
          await this.#mayGoOn;
        }
        await file.write(bytes, position);
      },
    };
  }
}

describe('the groups of a journal', () => {
  it('have files of their own, and a room stays in its group', async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, { groups: 4 });
    for (let i = 0; i < 100; i++) await journal.append(`r${i}`, { data: `${i}` });
    await journal.close();
    const names = (await disk.list()).filter((name) => name.endsWith('.log')).sort();
    assert.deepEqual(names, ['g0-1.log', 'g1-1.log', 'g2-1.log', 'g3-1.log']);
    for (const name of names) assert.ok(disk.octetsOf(name).length > 500, `${name} has its share`);
    const again = await open(disk);
    for (let i = 0; i < 100; i++) assert.equal((await again.read(`r${i}`, undefined, 1)).records[0]?.data, `${i}`);
    await again.close();
    await assert.rejects(open(disk, { groups: 3 }), {
      name: 'RangeError',
      message: 'groups is 3, and the journal in memory was made with 4',
    });
  });
});

describe('the share of a group', () => {
  it('of maxRooms is an equal one, rounded up: a full group refuses, and says which it is', async () => {
    const journal = await open(new SimulatedDisk(), { groups: 4, maxRooms: 7 });
    const errors = new Map<string, string>();
    const subscribe = (room: string): void => {
      const failed = ({ code, message }: RoomRefused): void => void errors.set(room, `${code} ${message}`);
      journal.subscribe(room, 0, { opened() {}, record() {}, gap() {}, reset() {}, failed });
    };
    const rooms = Array.from({ length: 40 }, (_, i) => `r${i}`);
    const third = rooms.filter((room) => crcOf(Buffer.from(room)) % 4 === 3);
    for (const room of third.slice(0, 2)) subscribe(room);
    assert.deepEqual([journal.held.rooms, errors.size], [2, 0]);
    subscribe(third[2]!);
    assert.deepEqual(
      [...errors],
      [[third[2], 'LOG_FULL all 2 rooms of group 3, one of 4 of the log, are in use, limit 2']],
    );
    for (const room of rooms) subscribe(room);
    assert.equal(journal.held.rooms, 8);
    await journal.close();
  });
});

/** Directories from this one up to the root. */
function upToRoot(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [directory, ...upToRoot(above)];
}

/** What a system says to who wants to sync a directory that cannot be synced, at which call, and why. */
const REFUSALS = [
  ['EACCES', 'open', 'we may write to it and not read it'],
  ['EPERM', 'open', 'a security module says no'],
  ['ERR_ACCESS_DENIED', 'open', "Node's permissions say no"],
  ['EROFS', 'sync', 'it is on a read-only disk'],
  ['EINVAL', 'sync', 'its file system cannot sync directories'],
  ['ENOTSUP', 'sync', 'its file system cannot sync directories, and says so in another way'],
] as const;

/** Runs with an `open` of `node:fs` whose directories above `whole` refuse; answers those that were opened and those that were synced. */
async function withSyncs(
  whole: string,
  refusal: readonly [code: string, call: 'open' | 'sync', ...unknown[]] | undefined,
  run: () => Promise<void>,
): Promise<{ opened: string[]; synced: string[] }> {
  const [opened, synced] = [new Set<string>(), new Set<string>()];
  const { open: openFile } = fsPromises;
  fsPromises.open = async (path, ...rest) => {
    const name = String(path);
    if (name.startsWith(`${whole}${sep}`)) return openFile(path, ...rest);
    opened.add(name);
    const [code, call] = (name === whole ? undefined : refusal) ?? [];
    const refuse = (): never => {
      throw Object.assign(new Error('no'), { code });
    };
    if (call === 'open') refuse();
    const handle = await openFile(path, ...rest);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      if (call === 'sync') refuse();
      await sync();
      synced.add(name);
    };
    return handle;
  };
  syncBuiltinESMExports();
  try {
    await run();
  } finally {
    fsPromises.open = openFile;
    syncBuiltinESMExports();
  }
  return { opened: [...opened], synced: [...synced] };
}

describe('the directory of a journal', () => {
  const parent = mkdtempSync(join(tmpdir(), 'barewire-'));
  after(() => rmSync(parent, { recursive: true }));

  it('is the one that its path meant when it was opened: the process may go to another one', async () => {
    const before = process.cwd();
    mkdirSync(join(parent, 'elsewhere'));
    process.chdir(parent);
    try {
      for (const sequence of [1, 2]) {
        const journal = await openJournal('here');
        process.chdir('elsewhere');
        assert.equal((await journal.append('r', { data: 'x' })).position.sequence, sequence);
        await journal.close();
        process.chdir(parent);
      }
    } finally {
      process.chdir(before);
    }
  });

  it('is one place, also where the path has a way back out of a link', {
    skip: process.platform === 'win32',
  }, async () => {
    mkdirSync(join(parent, 'real/sub'), { recursive: true });
    mkdirSync(join(parent, 'real/q'));
    symlinkSync('real/sub', join(parent, 'link'));
    for (const sequence of [1, 2]) {
      const journal = await openJournal(`${parent}/link/../q`);
      assert.equal((await journal.append('r', { data: 'x' })).position.sequence, sequence);
      await journal.close();
    }
  });

  it('has its name on the disk before anything is acknowledged, and so have those above, whoever made them', async () => {
    const whole = join(parent, 'a/b/c');
    // Nothing is there; a process was killed after it had made a; everything is there.
    for (const made of ['', 'a', 'a/b/c']) {
      rmSync(join(parent, 'a'), { recursive: true, force: true });
      mkdirSync(join(parent, made), { recursive: true });
      const { opened, synced } = await withSyncs(whole, undefined, async () => (await openJournal(whole)).close());
      const ours = [whole, join(parent, 'a/b'), join(parent, 'a'), parent];
      assert.deepEqual(synced.filter((name) => name.startsWith(parent)).sort(), ours.sort(), made);
      assert.deepEqual(opened.sort(), upToRoot(whole).sort(), made);
    }
  });

  for (const [code, call, reason] of REFUSALS)
    it(`is opened where ${code} says that what is above cannot be synced: ${reason}`, async () => {
      const whole = join(parent, code, 'a');
      const { opened } = await withSyncs(whole, [code, call], async () => (await openJournal(whole)).close());
      assert.deepEqual(opened.sort(), upToRoot(whole).sort());
    });

  it('is not where the disk reports an error', async () => {
    const whole = join(parent, 'failing/a');
    for (const call of ['open', 'sync'] as const)
      await withSyncs(whole, ['EIO', call], () => assert.rejects(openJournal(whole), { code: 'EIO' }));
  });
});

describe('options of a journal', () => {
  it('that are none are refused', async () => {
    for (const options of [
      { groups: 0 },
      { groups: 1_025 },
      { maxPendingBytes: 0 },
      { maxPendingAppends: 1.5 },
      { compactFromBytes: -1 },
      { slowCommitMs: Number.NaN },
      { maxRooms: 0 },
    ])
      await assert.rejects(open(new SimulatedDisk(), options), RangeError, JSON.stringify(options));
  });
});

describe('entries', () => {
  it('come back as they were, at the bounds of their numbers', () => {
    const largest = 2 ** 48 - 1;
    const entries: JournalEntry[] = [
      {
        kind: 'room',
        slot: 2 ** 32 - 1,
        name: 'r/é 😀',
        epoch: 'e'.repeat(32),
        sequence: largest,
        token: 't'.repeat(16),
        inUse: true,
      },
      { kind: 'gone', name: 'r/é 😀', epoch: 'e' },
      { kind: 'key', slot: 0, key: 'k'.repeat(256), sequence: 1, token: 'a', timeMs: largest },
      { kind: 'end' },
    ];
    const octets = Buffer.concat(entries.map(encodeEntry));
    assert.deepEqual(decodeEntries(octets), entries);
  });
});
