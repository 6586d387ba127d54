/**
 * The log of rooms on a disk of one machine: what was acknowledged survives the process and the power.
 *
 * A directory belongs to one process at a time, by a lock. Rooms are spread over groups by their names; each group has its
 * files and its queue of appends, which go to the disk together (`group-commit.ts`). An append is numbered, written, synced
 * and only then handed to subscribers and acknowledged. Reads and subscriptions are answered from memory, which has what
 * the history's bounds allow. The format is in `README.md`. Read next: `group-commit.ts`, then `journal-group.ts`.
 */

import { crc32 } from '../deflate/checksum.ts';
import { whenRejected } from '../errors.ts';
import { JOURNAL_LIMITS, ROOM_LIMITS } from '../limits.ts';
import { describe } from '../options.ts';
import { wholeNumber } from '../rooms/history.ts';
import {
  type Appended,
  checkEntry,
  checkRoomName,
  dataBytes,
  type LogEntry,
  type LogPage,
  type LogSubscriber,
  type Position,
  type RoomLog,
  RoomRefused,
  type Subscription,
} from '../rooms/log.ts';
import { type LoggedRoomsOptions, logClosed } from '../rooms/logged-rooms.ts';
import { systemClock } from '../rooms/system.ts';
import { type DirectoryLock, type LockLost, lockDirectory } from './directory-lock.ts';
import { type FilePort, nodeFiles } from './file-port.ts';
import { GroupCommit } from './group-commit.ts';
import { type AppendJob, JournalGroup } from './journal-group.ts';
import {
  APPEND_OVERHEAD_BYTES,
  type JournalOptions,
  type JournalSettings,
  type JournalTrouble,
  journalSettings,
  lockLost,
} from './journal-options.ts';
import { decodeHeader, HEADER_BYTES } from './segment.ts';
import { parseSegmentName } from './segment-file.ts';
import { UnderWay } from './under-way.ts';

/** What an append counts for: it becomes at most three times as many octets of a commit. */
function countedBytes(room: string, { data, key = '', coalesce = '' }: LogEntry): number {
  return dataBytes(data) + room.length + key.length + coalesce.length + APPEND_OVERHEAD_BYTES;
}

interface Group {
  readonly group: JournalGroup;
  readonly queue: GroupCommit<AppendJob>;
}

/**
 * Opens the journal in a directory, which is made where it is missing. Reads everything that the history's bounds keep.
 * @throws by rejection: TypeError, RangeError for an option that is none, a number of groups other than the directory's included;
 * RoomRefused `LOG_LOCKED` when another process has it, `LOG_DAMAGED` when its files do not fit together; or the system's error
 */
export async function openJournal(directory: string, options: JournalOptions = {}): Promise<Journal> {
  if (typeof directory !== 'string' || directory === '')
    throw new TypeError(`openJournal: directory is ${describe(directory)}, must be the path of one`);
  const settings = journalSettings(options);
  const files = options.files ?? nodeFiles(directory);
  await files.prepare();
  const lock = await lockDirectory(files, directory, options.processes);
  try {
    return new Journal(directory, options, settings, lock, await openGroups(files, directory, options, settings, lock));
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openGroups(
  files: FilePort,
  directory: string,
  options: JournalOptions,
  settings: JournalSettings,
  lock: DirectoryLock,
): Promise<JournalGroup[]> {
  // A process that was killed, or whose disk refused to sync, may have left names that are not on the disk. All that follows
  // relies on them: a file is gone on with, and what a snapshot stands for is removed.
  await files.syncDirectory();
  const written = await groupsOnDisk(files);
  const count = written ?? settings.groups ?? JOURNAL_LIMITS.groups;
  if (settings.groups !== undefined && settings.groups !== count)
    throw new RangeError(`groups is ${settings.groups}, and the journal in ${directory} was made with ${count}`);
  const share = (bound: number): number => Math.ceil(bound / count);
  const rooms: LoggedRoomsOptions = {
    ...options,
    maxRooms: share(options.maxRooms ?? ROOM_LIMITS.maxRooms),
    maxTotalKeys: share(options.maxTotalKeys ?? ROOM_LIMITS.maxTotalKeys),
  };
  const opened: JournalGroup[] = [];
  try {
    for (let group = 0; group < count; group++)
      opened.push(
        await JournalGroup.open({
          files,
          directory,
          group,
          groups: count,
          clock: options.clock ?? systemClock,
          rooms,
          compactFromBytes: settings.compactFromBytes,
          slowCommitMs: settings.slowCommitMs,
          tell: guarded(options.onTrouble),
          isOurs: () => isHeld(lock),
        }),
      );
  } catch (error) {
    for (const group of opened) await group.close();
    throw error;
  }
  return opened;
}

/** Looks at a lock; it counts as held where the disk does not answer: what is written next will say so, with what it says. */
async function isHeld(lock: DirectoryLock): Promise<boolean> {
  try {
    return (await lock.look()) === 'held';
  } catch {
    return true;
  }
}

/** Answers how many groups the directory was made with; undefined where no file says so. */
async function groupsOnDisk(files: FilePort): Promise<number | undefined> {
  for (const name of await files.list()) {
    if (parseSegmentName(name) === undefined) continue;
    const file = await files.open(name);
    const bytes = new Uint8Array(HEADER_BYTES);
    const header = decodeHeader(bytes.subarray(0, await file.read(bytes, 0)));
    await file.close();
    if ('groups' in header) return header.groups;
  }
  return undefined;
}

/** An observer that throws or rejects harms nobody else: what it was told is about the disk, and its own fault is not ours to report. */
function guarded(onTrouble: JournalOptions['onTrouble']): (trouble: JournalTrouble) => void {
  return (trouble) => {
    try {
      whenRejected(onTrouble?.(trouble), () => undefined);
    } catch {
      // see above
    }
  };
}

/**
 * The log of rooms on a disk of one machine: what was acknowledged survives the process and the power. One process at a time has its
 * directory. What it promises is `RoomLog`'s. Made by `openJournal`.
 */
export class Journal implements RoomLog {
  readonly #directory: string;
  readonly #tell: (trouble: JournalTrouble) => void;
  readonly #lock: DirectoryLock;
  readonly #groups: readonly Group[];
  readonly #underWay = new UnderWay();
  /** Why nothing is taken any more. */
  #ended: RoomRefused | undefined;
  /** The lock is not ours any more. */
  #lost: RoomRefused | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    directory: string,
    options: JournalOptions,
    settings: JournalSettings,
    lock: DirectoryLock,
    groups: readonly JournalGroup[],
  ) {
    this.#directory = directory;
    this.#tell = guarded(options.onTrouble);
    this.#lock = lock;
    lock.watch((state) => this.#fail(state));
    const limits = {
      maxPendingBytes: Math.ceil(settings.maxPendingBytes / groups.length),
      maxPendingJobs: Math.ceil(settings.maxPendingAppends / groups.length),
      maxCommitBytes: JOURNAL_LIMITS.maxCommitBytes,
    };
    this.#groups = groups.map((group) => ({
      group,
      queue: new GroupCommit<AppendJob>(limits, (jobs, release) => this.#commit(group, jobs, release)),
    }));
  }

  /** What the journal holds in memory: for those who watch it. */
  get held(): { readonly rooms: number; readonly keys: number; readonly pendingAppends: number } {
    let [rooms, keys, pendingAppends] = [0, 0, 0];
    for (const { group, queue } of this.#groups) {
      rooms += group.rooms.held.rooms;
      keys += group.rooms.held.keys;
      pendingAppends += queue.pendingJobs;
    }
    return { rooms, keys, pendingAppends };
  }

  append(name: string, entry: LogEntry): Promise<Appended> {
    checkRoomName(name);
    checkEntry(entry);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return this.#underWay.join(name, entry.key, () => this.#add(name, entry));
  }

  read(name: string, after: Position | undefined, limit: number): Promise<LogPage> {
    checkRoomName(name);
    wholeNumber('limit', limit, 1);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return Promise.resolve(this.#groupOf(name).group.rooms.page(name, after, limit));
  }

  subscribe(name: string, limit: number, subscriber: LogSubscriber): Subscription {
    checkRoomName(name);
    wholeNumber('limit', limit);
    if (this.#ended === undefined) return this.#groupOf(name).group.rooms.subscribe(name, limit, subscriber);
    subscriber.failed(this.#ended);
    return { close() {} };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #groupOf(name: string): Group {
    return this.#groups[crc32(Buffer.from(name)) % this.#groups.length]!;
  }

  #add(room: string, entry: LogEntry): Promise<Appended> {
    const { queue } = this.#groupOf(room);
    return new Promise((resolve, reject) => {
      if (queue.add({ room, entry, resolve, reject }, countedBytes(room, entry))) return;
      const waiting = `${queue.pendingJobs} appends wait for the disk, the first for ${Math.round(queue.waitedMs)} ms`;
      reject(new RoomRefused('LOG_FULL', `the journal in ${this.#directory} takes no more for now: ${waiting}`));
    });
  }

  /** A process that slept longer than a lock lasts looks first whether the directory is still its own. */
  async #commit(group: JournalGroup, jobs: readonly AppendJob[], release: () => void): Promise<void> {
    if (this.#lock.suspect) await isHeld(this.#lock); // where it is not, this has failed now
    const lost = this.#lost;
    if (lost === undefined) return group.commit(jobs, release);
    release();
    for (const job of jobs) job.reject(lost);
  }

  /** The directory belongs to somebody else, or is not there: nothing is taken or told any more. */
  #fail(state: LockLost): void {
    if (this.#lost !== undefined) return;
    const error = new RoomRefused('LOG_FAILED', lockLost(this.#directory, state));
    this.#lost = error;
    this.#ended = error;
    this.#tell({ kind: 'lock-lost', reason: state });
    for (const { group } of this.#groups) group.rooms.close(error);
  }

  async #close(): Promise<void> {
    this.#ended ??= logClosed();
    for (const { queue } of this.#groups) await queue.idle();
    for (const { group } of this.#groups) {
      await group.close();
      group.rooms.close(logClosed());
    }
    await this.#lock.release();
  }
}
