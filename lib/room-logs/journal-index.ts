/**
 * `barewire/rooms/journal`: the log of rooms on a disk.
 */

export { JOURNAL_LIMITS } from '../limits.ts';
export type { LockOwner, ProcessPort } from './directory-lock.ts';
export { type FilePort, type JournalFile, nodeFiles } from './file-port.ts';
export { type Journal, openJournal } from './journal.ts';
export type { JournalOptions, JournalTrouble } from './journal-options.ts';
