/**
 * One group of a journal's rooms: its files on the disk, and what they say in memory.
 *
 * It is given batches of appends: it numbers them, writes them as one commit, and only then takes them (history, keys,
 * subscribers) and answers. When its log has grown enough it begins the next file and writes a snapshot of all rooms beside
 * it, which stands for the files before. After a commit whose fate is unknown, everything is written anew in the same way
 * before anything else is acknowledged. Knows no queue, and of the lock whether it is held. One batch at a time.
 * Sections: opening, batches, compaction and repair. Read next: `journal.ts`.
 */

import { type Appended, type Clock, type LogEntry, type LogRecord, type Position, RoomRefused } from '../rooms/log.ts';
import { type LoggedRoom, LoggedRooms, type LoggedRoomsOptions } from '../rooms/logged-rooms.ts';
import type { FilePort } from './file-port.ts';
import { encodeEntry, type JournalEntry } from './journal-entries.ts';
import { commitRefused, type JournalTrouble, MAX_COMMIT_APPENDS } from './journal-options.ts';
import { type GroupOnDisk, readGroup } from './journal-replay.ts';
import { removeOlder, writeSnapshot } from './journal-snapshot.ts';
import { RoomNotes, type TakenNotes } from './room-notes.ts';
import type { SegmentHeader } from './segment.ts';
import { CommitFailed, SegmentWriter } from './segment-file.ts';

/** One append that waits for its commit. */
export interface AppendJob {
  readonly room: string;
  readonly entry: LogEntry;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: RoomRefused) => void;
}

/** What a group needs of its journal. */
export interface GroupOptions {
  readonly files: FilePort;
  /** How errors name the journal. */
  readonly directory: string;
  readonly group: number;
  /** How many groups there are: the header of every file says so. */
  readonly groups: number;
  readonly clock: Clock;
  readonly rooms: LoggedRoomsOptions;
  readonly compactFromBytes: number;
  readonly slowCommitMs: number;
  readonly tell: (trouble: JournalTrouble) => void;
  /** Whether the directory still belongs to this journal: asked before files are begun and removed in it. */
  readonly isOurs: () => Promise<boolean>;
}

/** After a repair that failed, appends are refused for so long before the next one is tried: it writes everything. */
const REPAIR_PAUSE_MS = 1_000;

/** Notes of rooms from which they are a commit of their own: at some 50 octets each seldom; a body has room for so many beside records. */
const NOTES_COMMIT_BYTES = 1_048_576;

/** A job with its record: what a commit holds. */
interface Numbered {
  readonly job: AppendJob;
  readonly room: LoggedRoom;
  readonly record: LogRecord;
}

/** A room as the present file has declared it. */
interface Declared {
  readonly slot: number;
  readonly epoch: string;
}

/** The last commit's fate is unknown: what the disk said last, and when a repair may be tried. */
interface Broken {
  readonly error: unknown;
  readonly retryAtMs: number;
}

/** See the head of this file. */
export class JournalGroup {
  /** What is acknowledged, in memory. */
  readonly rooms: LoggedRooms;
  readonly #options: GroupOptions;
  #writer: SegmentWriter;
  #nextGeneration: number;
  /** Rooms that the present file has declared: at most as many as fit in it. */
  #declared = new Map<string, Declared>();
  #nextSlot = 0;
  readonly #notes: RoomNotes;
  /** Octets of the log files before the present one. */
  #olderBytes: number;
  /** Octets of all log files from which the next compaction is due. */
  #compactAtBytes: number;
  #compacting: Promise<void> | undefined;
  /** Undefined unless the present file must not be used. */
  #broken: Broken | undefined;

  private constructor(
    options: GroupOptions,
    rooms: LoggedRooms,
    writer: SegmentWriter,
    { olderBytes, snapshotBytes, inUse }: Pick<GroupOnDisk, 'olderBytes' | 'snapshotBytes' | 'inUse'>,
  ) {
    this.#options = options;
    this.rooms = rooms;
    this.#notes = new RoomNotes(rooms, inUse);
    rooms.observe(this.#notes);
    rooms.restored(); // there are more than may be after a crash, or with another bound
    this.#writer = writer;
    this.#nextGeneration = writer.header.generation + 1;
    this.#olderBytes = olderBytes;
    this.#compactAtBytes = Math.max(options.compactFromBytes, 2 * snapshotBytes);
  }

  /** Reads what the disk has of a group, and makes its first file where there is nothing. @throws RoomRefused `LOG_DAMAGED` */
  static async open(options: GroupOptions): Promise<JournalGroup> {
    const { files, directory, group, groups, tell } = options;
    const what = groups === 1 ? 'the log' : `group ${group}, one of ${groups} of the log,`;
    const rooms = new LoggedRooms(options.rooms, what);
    // That a room made way is in the commit after it: until there, keys of its own and of one commit take no other room's place.
    rooms.restoring(MAX_COMMIT_APPENDS);
    const found = await readGroup(files, directory, group, rooms);
    if (found.cutBytes > 0) tell({ kind: 'cut', group, bytes: found.cutBytes });
    const writer = found.writer ?? (await SegmentWriter.create(files, newHeader(options, found.nextGeneration)));
    return new JournalGroup(options, rooms, writer, found);
  }

  /** Commits a batch, in the order of its jobs; calls `release`, then answers every one of them. Never rejects. */
  async commit(jobs: readonly AppendJob[], release: () => void): Promise<void> {
    const trouble = this.#broken === undefined ? undefined : await this.#repair(this.#broken);
    if (trouble !== undefined) {
      const error = commitRefused(this.#options.directory, trouble.error, false);
      release();
      for (const job of jobs) job.reject(error);
      return;
    }
    const numbered = this.#number(jobs);
    try {
      if (numbered.length > 0) await this.#write(numbered);
    } catch (error) {
      release();
      this.#refuse(numbered, error);
      for (const { room } of numbered) this.rooms.settled(room);
      return;
    }
    release();
    for (const { room, record } of numbered) {
      this.rooms.take(room, record);
      this.rooms.settled(room);
    }
    if (numbered.some(({ room }) => this.rooms.find(room.name) !== room)) await this.#noteWhoMadeWay();
    for (const { job, record } of numbered) job.resolve({ position: record, duplicate: false, record });
    await this.#compactIfDue();
  }

  /**
   * The batch brought more rooms than may be held. Which of them made way is on the disk before anyone is answered: a crash
   * would leave the choice to the order of the records, and a room with subscribers could go in place of another one.
   */
  async #noteWhoMadeWay(): Promise<void> {
    try {
      await this.#write([]);
    } catch (error) {
      this.#refuse([], error); // the records are on the disk all the same
    }
  }

  /** Waits for a compaction that is under way, writes what there is to note of rooms, and lets go of the file. */
  async close(): Promise<void> {
    await this.#compacting;
    if (this.#broken === undefined && (await this.#options.isOurs())) await this.#write([]).catch(() => undefined); // what was acknowledged is on the disk
    await this.#writer.close();
  }

  /** Answers repeats and refusals at once; numbers what is left. */
  #number(jobs: readonly AppendJob[]): Numbered[] {
    const numbered: Numbered[] = [];
    const heads = new Map<LoggedRoom, Position>();
    const timeMs = Math.floor(this.#options.clock.now());
    for (const job of jobs) {
      const room = this.rooms.open(job.room);
      if (room instanceof RoomRefused) {
        job.reject(room);
        continue;
      }
      const used = job.entry.key === undefined ? undefined : this.rooms.usedKey(room, job.entry.key);
      if (used !== undefined) {
        const { position } = used;
        job.resolve({ position, duplicate: true, record: room.history.get(position.sequence) });
        continue;
      }
      const record = this.rooms.number(job.entry, heads.get(room) ?? room.head, timeMs);
      heads.set(room, record);
      this.rooms.pending(room);
      numbered.push({ job, room, record });
    }
    return numbered;
  }

  /** Writes records, and in front of them what is to be noted of rooms; nothing where there is neither. @throws CommitFailed */
  async #write(numbered: readonly Numbered[]): Promise<void> {
    const notes = this.#notes.take();
    const declared = new Map<string, Declared>();
    try {
      let parts: Uint8Array[] = [];
      let bytes = 0;
      for (const entry of this.#noted(notes, declared)) {
        const part = encodeEntry(entry);
        parts.push(part);
        bytes += part.length;
        if (bytes < NOTES_COMMIT_BYTES) continue;
        await this.#commit(parts);
        parts = [];
        bytes = 0;
      }
      for (const entry of this.#recorded(numbered, declared)) parts.push(encodeEntry(entry));
      if (parts.length > 0) await this.#commit(parts);
    } catch (error) {
      this.#notes.giveBack(notes); // to be written again, though some of them may be on the disk: that changes nothing
      throw error;
    }
    for (const [name, each] of declared) this.#declared.set(name, each);
  }

  *#noted({ gone, changed }: TakenNotes, declared: Map<string, Declared>): Generator<JournalEntry> {
    yield* gone;
    for (const room of changed) if (this.rooms.find(room.name) === room) yield this.#declare(room, declared);
  }

  /** Declares rooms that the present file does not know, in front of their first record. */
  *#recorded(numbered: readonly Numbered[], declared: Map<string, Declared>): Generator<JournalEntry> {
    for (const { room, record } of numbered) {
      const known = declared.get(room.name) ?? this.#declared.get(room.name);
      if (known?.epoch !== record.epoch) yield this.#declare(room, declared);
      const { slot } = declared.get(room.name) ?? this.#declared.get(room.name)!;
      yield { kind: 'record', slot, record };
    }
  }

  #declare(room: LoggedRoom, declared: Map<string, Declared>): JournalEntry {
    const { name, head, listeners } = room;
    const slot = this.#nextSlot++;
    declared.set(name, { slot, epoch: head.epoch });
    return { kind: 'room', slot, name, inUse: listeners.size > 0, ...head };
  }

  /** Writes a commit, and tells while it waits when that takes too long. */
  async #commit(parts: readonly Uint8Array[]): Promise<void> {
    const { clock, slowCommitMs, tell, group } = this.#options;
    const callOff = clock.after(slowCommitMs, () => tell({ kind: 'slow', group, waitedMs: slowCommitMs }));
    try {
      await this.#writer.commit(parts);
    } finally {
      callOff();
    }
  }

  #refuse(numbered: readonly Numbered[], failure: unknown): void {
    const undone = failure instanceof CommitFailed && failure.undone;
    const error = failure instanceof CommitFailed ? failure.cause : failure;
    if (!undone) this.#broken = { error, retryAtMs: 0 };
    const { group, directory, tell } = this.#options;
    tell({ kind: 'commit-failed', group, refused: numbered.length, uncertain: !undone, error });
    const refused = commitRefused(directory, error, !undone);
    for (const { job } of numbered) job.reject(refused);
  }

  /** Begins the next file when the log has grown enough, and writes the snapshot while appends go on. */
  async #compactIfDue(): Promise<void> {
    if (this.#compacting !== undefined || this.#writer.bytes + this.#olderBytes < this.#compactAtBytes) return;
    try {
      await this.#nextFile();
    } catch (error) {
      this.#compactionFailed(error);
      return;
    }
    this.#compacting = this.#snapshot()
      .catch((error: unknown) => this.#compactionFailed(error))
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  #compactionFailed(error: unknown): void {
    const { group, compactFromBytes, tell } = this.#options;
    this.#compactAtBytes = this.#writer.bytes + this.#olderBytes + compactFromBytes;
    tell({ kind: 'compaction-failed', group, error });
  }

  /** Makes a file for what comes from now on. In a directory that was replaced it would harm the files of another journal. */
  async #nextFile(): Promise<void> {
    const { directory, isOurs } = this.#options;
    if (!(await isOurs())) throw new RoomRefused('LOG_FAILED', `${directory} does not belong to this journal any more`);
    const header = newHeader(this.#options, this.#nextGeneration++);
    const next = await SegmentWriter.create(this.#options.files, header);
    const before = this.#writer;
    this.#writer = next;
    this.#declared = new Map();
    this.#olderBytes += before.bytes;
    await before.close();
  }

  /** Writes what is in memory as the snapshot of the present file's generation, then removes what it stands for. */
  async #snapshot(): Promise<void> {
    const { files, group, compactFromBytes } = this.#options;
    const { header } = this.#writer;
    const bytes = await writeSnapshot(
      files,
      { ...newHeader(this.#options, header.generation), kind: 'snapshot' },
      this.rooms,
    );
    this.#olderBytes = 0;
    this.#compactAtBytes = Math.max(compactFromBytes, 2 * bytes);
    await removeOlder(files, group, header.generation);
  }

  /** Writes everything anew. Answers undefined when the journal can go on. */
  async #repair(broken: Broken): Promise<Broken | undefined> {
    const { clock, tell, group } = this.#options;
    if (clock.now() < broken.retryAtMs) return broken;
    await this.#compacting;
    try {
      await this.#nextFile();
      await this.#snapshot();
      this.#broken = undefined;
      tell({ kind: 'repaired', group });
    } catch (error) {
      this.#broken = { error, retryAtMs: clock.now() + REPAIR_PAUSE_MS };
    }
    return this.#broken;
  }
}

function newHeader({ group, groups }: GroupOptions, generation: number): SegmentHeader {
  return { kind: 'log', group, groups, generation, salt: crypto.getRandomValues(new Uint32Array(1))[0]! };
}
