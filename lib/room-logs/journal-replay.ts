/**
 * Reads one group of a journal from its files into memory, and leaves the files fit to be gone on with.
 *
 * The newest snapshot first, then the log files from its generation on, in order. Records that a log file repeats of a snapshot
 * are skipped by their sequence: snapshots are written while appends go on. Keys are not repeated. A torn tail is cut, and only where no later file has
 * a commit; a file that was begun and has no header is removed; anything else that does not fit together is refused, and no
 * file is touched then.
 * Sections: the files, a snapshot, a log. Read next: `journal-group.ts`.
 */

import type { UsedKey } from '../rooms/key-window.ts';
import type { LogRecord } from '../rooms/log.ts';
import type { LoggedRoom, LoggedRooms } from '../rooms/logged-rooms.ts';
import type { FilePort, JournalFile } from './file-port.ts';
import { decodeEntries, type RecordEntry, type RoomEntry } from './journal-entries.ts';
import { journalDamaged } from './journal-options.ts';
import type { SegmentHeader } from './segment.ts';
import {
  parseSegmentName,
  readSegment,
  type SegmentContent,
  SegmentDamaged,
  type SegmentName,
  SegmentWriter,
  segmentName,
} from './segment-file.ts';

/** What was found. */
export interface GroupOnDisk {
  /** The last log file, to be gone on with; undefined where there is none. */
  readonly writer: SegmentWriter | undefined;
  /** The generation of the next file. */
  readonly nextGeneration: number;
  /** Octets of the log files before the last one. */
  readonly olderBytes: number;
  /** Octets of the snapshot; 0 where there is none. */
  readonly snapshotBytes: number;
  /** Octets of a torn tail that were cut. */
  readonly cutBytes: number;
  /** Rooms that had subscribers, as far as the files say; of all rooms they make way last. There may be more rooms than are allowed. */
  readonly inUse: ReadonlySet<LoggedRoom>;
}

interface LogFile {
  readonly name: SegmentName;
  readonly file: JournalFile;
  readonly content: SegmentContent;
}

/** Reads a group. @throws RoomRefused `LOG_DAMAGED`, or the system's error */
export async function readGroup(
  files: FilePort,
  directory: string,
  group: number,
  rooms: LoggedRooms,
): Promise<GroupOnDisk> {
  const names = await files.list();
  const segments = names
    .map(parseSegmentName)
    .filter((name) => name !== undefined)
    .filter((name) => name.group === group)
    .sort((a, b) => a.generation - b.generation);
  const snapshot = segments.filter(({ kind }) => kind === 'snapshot').at(-1);
  const first = snapshot?.generation ?? 1;
  const logs = segments.filter(({ kind, generation }) => kind === 'log' && generation >= first);
  if (segments.length > 0 && logs[0]?.generation !== first)
    throw journalDamaged(directory, segmentName({ group, generation: first, kind: 'log' }), 'the file is missing');

  const found = new FoundRooms(rooms);
  const snapshotBytes = snapshot === undefined ? 0 : await readSnapshot(files, directory, snapshot, found);
  const opened: LogFile[] = [];
  try {
    for (const name of logs) opened.push(await readLog(files, directory, name, found));
    refuseLaterCommits(directory, opened);
    return { ...(await cleanUp(files, names, segments, first, opened)), snapshotBytes, inUse: found.touchInUse() };
  } catch (error) {
    for (const { file } of opened) await file.close();
    throw error;
  }
}

/**
 * A crash tears the end of what was written last, and nothing was written after it. A file without a header is no such end:
 * it was begun while the disk was full, and the file before it was gone on with.
 */
function refuseLaterCommits(directory: string, opened: readonly LogFile[]): void {
  const torn = opened.findIndex(({ content }) => content.header !== undefined && content.tornBytes > 0);
  if (torn < 0) return;
  const later = opened.slice(torn + 1).find(({ content }) => content.commits > 0);
  if (later !== undefined)
    throw journalDamaged(
      directory,
      segmentName(opened[torn]!.name),
      `it ends with half a commit, and ${segmentName(later.name)} goes on after it`,
    );
}

/** Cuts what is torn, removes what nothing needs any more, and goes on with the last log file. */
async function cleanUp(
  files: FilePort,
  names: readonly string[],
  segments: readonly SegmentName[],
  first: number,
  opened: readonly LogFile[],
): Promise<Omit<GroupOnDisk, 'snapshotBytes' | 'inUse'>> {
  const last = opened.at(-1);
  let cutBytes = 0;
  let olderBytes = 0;
  let writer: SegmentWriter | undefined;
  for (const each of opened) {
    const { file, content, name } = each;
    cutBytes += content.tornBytes;
    if (content.header === undefined) {
      await file.close();
      await files.remove(segmentName(name));
      continue;
    }
    const resumed = await SegmentWriter.resume(file, content.header, content);
    if (each === last) {
      writer = resumed;
      continue;
    }
    olderBytes += content.end;
    await resumed.close();
  }
  const unfinished = /^g\d+-\d+\.snapshot\.new$/;
  const group = segments[0]?.group;
  for (const name of names) if (unfinished.test(name) && name.startsWith(`g${group}-`)) await files.remove(name);
  for (const name of segments) if (name.generation < first) await files.remove(segmentName(name));
  // A last file without a header is gone, and its generation is free again.
  const lastGeneration = last?.name.generation ?? 0;
  return {
    writer,
    nextGeneration: writer === undefined && last !== undefined ? lastGeneration : lastGeneration + 1,
    olderBytes,
    cutBytes,
  };
}

async function readLog(files: FilePort, directory: string, name: SegmentName, found: FoundRooms): Promise<LogFile> {
  const file = await files.open(segmentName(name));
  try {
    const replay = new LogReplay(found);
    const content = await readSegment(file, (body, header) => {
      checkHeader(header, name);
      replay.body(body);
    });
    if (content.header !== undefined) checkHeader(content.header, name);
    return { name, file, content };
  } catch (error) {
    await file.close();
    throw inWords(directory, name, error);
  }
}

/** The rooms that the files have, up to where they were read, and which of them had subscribers then. */
class FoundRooms {
  readonly rooms: LoggedRooms;
  readonly #inUse = new Set<LoggedRoom>();

  constructor(rooms: LoggedRooms) {
    this.rooms = rooms;
  }

  /** A room came into use, or the last of its subscribers left. */
  note(room: LoggedRoom, inUse: boolean): void {
    this.rooms.touch(room);
    if (inUse) this.#inUse.add(room);
    else this.#inUse.delete(room);
  }

  /** A room made way. One that came back under its name has another epoch. */
  forget(name: string, epoch: string): void {
    if (this.rooms.find(name)?.head.epoch === epoch) this.rooms.forget(name);
  }

  /** Rooms that were in use to the end were used last of all. */
  touchInUse(): ReadonlySet<LoggedRoom> {
    for (const room of this.#inUse) {
      if (this.rooms.find(room.name) === room) this.rooms.touch(room);
      else this.#inUse.delete(room);
    }
    return this.#inUse;
  }
}

/** Puts entries of a log file into memory. */
class LogReplay {
  readonly #found: FoundRooms;
  readonly #rooms: LoggedRooms;
  readonly #slots = new Map<number, LoggedRoom>();

  constructor(found: FoundRooms) {
    this.#found = found;
    this.#rooms = found.rooms;
  }

  body(body: Uint8Array): void {
    for (const entry of decodeEntries(body)) {
      if (entry.kind === 'room') this.#declare(entry);
      else if (entry.kind === 'record') this.#record(entry);
      else if (entry.kind === 'gone') this.#found.forget(entry.name, entry.epoch);
      else throw new SegmentDamaged(`a log file has an entry of a snapshot (${entry.kind})`);
    }
  }

  #declare({ slot, name, epoch, sequence, token, inUse }: RoomEntry): void {
    let room = this.#rooms.find(name);
    if (room === undefined || room.head.epoch !== epoch) room = this.#rooms.restore(name, { epoch, sequence, token });
    if (room.head.sequence < sequence)
      throw new SegmentDamaged(`room ${name} goes on after record ${sequence}, and stands at ${room.head.sequence}`);
    this.#slots.set(slot, room);
    this.#found.note(room, inUse);
  }

  #record({ slot, record }: RecordEntry): void {
    const room = this.#slots.get(slot);
    if (room === undefined) throw new SegmentDamaged(`a record is of room ${slot}, which was not declared`);
    const { head } = room;
    this.#rooms.touch(room);
    const { key, sequence, token, timeMs } = record;
    if (sequence <= head.sequence) {
      // The snapshot has the record, and not its key.
      if (key !== undefined)
        this.#rooms.remember(room, { key, position: { epoch: head.epoch, sequence, token }, timeMs });
      return;
    }
    if (sequence !== head.sequence + 1)
      throw new SegmentDamaged(`room ${room.name} has record ${sequence} after ${head.sequence}`);
    this.#rooms.take(room, { type: 'record', epoch: head.epoch, ...record });
  }
}

/** Puts a snapshot into memory; answers its octets. */
async function readSnapshot(files: FilePort, directory: string, name: SegmentName, found: FoundRooms): Promise<number> {
  const file = await files.open(segmentName(name));
  try {
    const replay = new SnapshotReplay(found);
    const content = await readSegment(file, (body, header) => {
      checkHeader(header, name);
      replay.body(body);
    });
    if (content.tornBytes > 0 || !replay.ended) throw new SegmentDamaged('it has no end');
    // In a room the order of the times is that of the file; of all rooms it is that in which the keys were used.
    for (const { room, used } of replay.keys.sort((a, b) => a.used.timeMs - b.used.timeMs))
      found.rooms.remember(room, used);
    return content.end;
  } catch (error) {
    throw inWords(directory, name, error);
  } finally {
    await file.close();
  }
}

/** Puts entries of a snapshot into memory, each room when all of it was read; its keys are gathered. */
class SnapshotReplay {
  readonly #found: FoundRooms;
  #room: RoomEntry | undefined;
  #records: LogRecord[] = [];
  #usedKeys: UsedKey[] = [];
  readonly keys: { readonly room: LoggedRoom; readonly used: UsedKey }[] = [];
  ended = false;

  constructor(found: FoundRooms) {
    this.#found = found;
  }

  body(body: Uint8Array): void {
    for (const entry of decodeEntries(body)) {
      if (entry.kind === 'gone') throw new SegmentDamaged(`a snapshot has an entry of a log file (${entry.kind})`);
      if (entry.kind === 'room' || entry.kind === 'end') {
        this.#finishRoom();
        this.#room = entry.kind === 'room' ? entry : undefined;
        this.ended = entry.kind === 'end';
        continue;
      }
      const room = this.#room;
      if (room === undefined) throw new SegmentDamaged(`an entry (${entry.kind}) belongs to no room`);
      if (entry.kind === 'record') {
        this.#records.push({ type: 'record', epoch: room.epoch, ...entry.record });
        continue;
      }
      const { key, sequence, token, timeMs } = entry;
      this.#usedKeys.push({ key, timeMs, position: { epoch: room.epoch, sequence, token } });
    }
  }

  #finishRoom(): void {
    if (this.#room === undefined) return;
    const { name, epoch, sequence, token, inUse } = this.#room;
    const room = this.#found.rooms.restore(name, { epoch, sequence, token }, this.#records);
    this.#found.note(room, inUse);
    for (const used of this.#usedKeys) this.keys.push({ room, used });
    this.#records = [];
    this.#usedKeys = [];
  }
}

function checkHeader(header: SegmentHeader, name: SegmentName): void {
  if (header.group !== name.group || header.generation !== name.generation || header.kind !== name.kind)
    throw new SegmentDamaged(`its header says ${segmentName(header)}`);
}

/** Damage is told with the file's name; errors of the system are passed on. */
function inWords(directory: string, name: SegmentName, error: unknown): unknown {
  // A RangeError: octets with a right checksum that are not entries, so of another format.
  if (error instanceof SegmentDamaged || error instanceof RangeError)
    return journalDamaged(directory, segmentName(name), error.message, error);
  return error;
}
