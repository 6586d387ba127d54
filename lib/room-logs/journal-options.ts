/**
 * What a journal can be told, what it tells its observer, and how an error of the disk is put into words.
 *
 * Types, the check of the options, and sentences; no files. Read next: `journal.ts`.
 */

import { JOURNAL_LIMITS } from '../limits.ts';
import { checkNames, checkOptions, clockWith, FUNCTION, OBJECT } from '../options.ts';
import { wholeNumber } from '../rooms/history.ts';
import { RoomRefused } from '../rooms/log.ts';
import { type LoggedRoomsOptions, loggedRoomsBounds } from '../rooms/logged-rooms.ts';
import type { LockLost, ProcessPort } from './directory-lock.ts';
import type { FilePort } from './file-port.ts';

/** Something that whoever runs the journal wants to know. Publishers are told by their own rejections. */
export type JournalTrouble =
  /** The end of a file was torn by a crash and has been cut. What was in it had not been acknowledged. */
  | { readonly kind: 'cut'; readonly group: number; readonly bytes: number }
  /** A commit failed and `refused` appends with it. `uncertain`: they may be found at the next start all the same. */
  | {
      readonly kind: 'commit-failed';
      readonly group: number;
      readonly refused: number;
      readonly uncertain: boolean;
      readonly error: unknown;
    }
  /** A commit has been under way for so long, and still is. */
  | { readonly kind: 'slow'; readonly group: number; readonly waitedMs: number }
  /** After a commit whose fate was unknown, everything was written anew: the journal goes on. */
  | { readonly kind: 'repaired'; readonly group: number }
  /** A file could not be made, written anew or removed. Nothing is lost; it is tried again later. */
  | { readonly kind: 'compaction-failed'; readonly group: number; readonly error: unknown }
  /**
   * The journal has failed: another process took the directory over while this one slept (`taken`), or the directory or its
   * lock file was removed or replaced (`gone`), which is found out within `LOCK_RENEW_MS` as a rule.
   */
  | { readonly kind: 'lock-lost'; readonly reason: LockLost };

/** Options of a journal: bounds of its rooms as for a log in memory, and those of the disk. */
export interface JournalOptions extends LoggedRoomsOptions {
  /**
   * Groups of rooms with files of their own; fixed when the directory is new. Each has its share of `maxRooms`, `maxTotalKeys`,
   * `maxPendingBytes` and `maxPendingAppends`, rounded up, and a room's name decides its group: where one is full, rooms of it make way or
   * are refused while others have room. Default that of the directory, `JOURNAL_LIMITS.groups`.
   */
  readonly groups?: number | undefined;
  /** Default `JOURNAL_LIMITS.maxPendingBytes`. */
  readonly maxPendingBytes?: number | undefined;
  /** Default `JOURNAL_LIMITS.maxPendingAppends`. */
  readonly maxPendingAppends?: number | undefined;
  /** Default `JOURNAL_LIMITS.compactFromBytes`. */
  readonly compactFromBytes?: number | undefined;
  /** Default `JOURNAL_LIMITS.slowCommitMs`. */
  readonly slowCommitMs?: number | undefined;
  /** Told of trouble; it must not throw. Default: nobody is. */
  readonly onTrouble?: ((trouble: JournalTrouble) => void) | undefined;
  /** The disk. Default `nodeFiles(directory)`. */
  readonly files?: FilePort | undefined;
  /** Who holds a lock. Default: this machine's processes. */
  readonly processes?: ProcessPort | undefined;
}

/** The options of the disk, checked and complete. `groups` stays undefined where the directory decides. */
export interface JournalSettings {
  readonly groups: number | undefined;
  readonly maxPendingBytes: number;
  readonly maxPendingAppends: number;
  readonly compactFromBytes: number;
  readonly slowCommitMs: number;
}

/**
 * What a waiting append counts for beside its texts. Its entries have 116 octets beside them: 29 and the token in that of the
 * record, 23 and epoch and token in that of the room. UTF-8 has at most 3 octets for a UTF-16 unit. So an append becomes at most
 * 3 octets for each one that it counts for.
 */
export const APPEND_OVERHEAD_BYTES = 64;

/** So a commit has at most so many appends: 16,384. */
export const MAX_COMMIT_APPENDS: number = JOURNAL_LIMITS.maxCommitBytes / APPEND_OVERHEAD_BYTES;

/** Most groups that a journal may have: each holds a file open. */
export const MAX_GROUPS = 1_024;

const NAMES: Readonly<Record<keyof JournalOptions, true>> = {
  maxHistoryRecords: true,
  maxHistoryBytes: true,
  maxHistoryAgeMs: true,
  maxRooms: true,
  maxKeys: true,
  maxTotalKeys: true,
  keyAgeMs: true,
  clock: true,
  newId: true,
  groups: true,
  maxPendingBytes: true,
  maxPendingAppends: true,
  compactFromBytes: true,
  slowCommitMs: true,
  onTrouble: true,
  files: true,
  processes: true,
};

/** Fills in the defaults. @throws TypeError for an unknown option, RangeError for a bound that is none */
export function journalSettings(options: JournalOptions): JournalSettings {
  checkNames('openJournal', options, Object.keys(NAMES));
  const { groups, onTrouble, newId, clock, files, processes } = options;
  checkOptions(
    'openJournal',
    { onTrouble, newId, clock, files, processes },
    { onTrouble: FUNCTION, newId: FUNCTION, clock: clockWith('now', 'after'), files: OBJECT, processes: OBJECT },
  );
  loggedRoomsBounds(options);
  if (groups !== undefined && wholeNumber('groups', groups, 1) > MAX_GROUPS)
    throw new RangeError(`groups is ${groups}, limit ${MAX_GROUPS}`);
  const bound = (name: 'maxPendingBytes' | 'maxPendingAppends' | 'compactFromBytes' | 'slowCommitMs'): number =>
    wholeNumber(name, options[name] ?? JOURNAL_LIMITS[name], 1);
  return {
    groups,
    maxPendingBytes: bound('maxPendingBytes'),
    maxPendingAppends: bound('maxPendingAppends'),
    compactFromBytes: bound('compactFromBytes'),
    slowCommitMs: bound('slowCommitMs'),
  };
}

const DISK_SENTENCES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the disk is read-only',
  EACCES: 'access to the directory is denied',
  EPERM: 'access to the directory is denied',
  EIO: 'the disk reports an error of its own',
  EMFILE: 'this process has too many files open',
};

/** Puts an error of the disk into words; its code follows them. */
export function diskSentence(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const words = code === undefined ? undefined : DISK_SENTENCES[code];
  if (words !== undefined) return `${words} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** The error of appends whose commit failed. `LOG_FAILED`: nothing was appended; `LOG_UNCERTAIN`: perhaps it was. */
export function commitRefused(directory: string, error: unknown, uncertain: boolean): RoomRefused {
  const fate = uncertain
    ? '; the record may be found after a restart all the same: append again with its key to know'
    : '';
  return new RoomRefused(
    uncertain ? 'LOG_UNCERTAIN' : 'LOG_FAILED',
    `the journal in ${directory} could not commit: ${diskSentence(error)}${fate}`,
    { cause: error },
  );
}

/** Says how a journal lost its directory. */
export function lockLost(directory: string, reason: LockLost): string {
  return reason === 'taken'
    ? `another process took over the journal in ${directory}`
    : `the directory of the journal in ${directory}, or its lock file, was removed or replaced: what was acknowledged in the last seconds may be lost`;
}

/** The error of a journal whose files cannot be gone on with. */
export function journalDamaged(directory: string, name: string, fault: string, cause?: unknown): RoomRefused {
  return new RoomRefused(
    'LOG_DAMAGED',
    `the journal in ${directory} is damaged: ${name}: ${fault}. Nothing was changed; restore the directory, or move it away to begin anew`,
    { cause },
  );
}
