/**
 * The lock on a journal's directory: one process at a time, and a dead one does not keep it.
 *
 * Node has no lock that the system lets go of, so the lock is a file that names its owner, `lock-N`, and the highest N
 * counts. Who takes it makes the next number, which only one can do, and then looks again; numbers never go down, so two
 * that saw the same dead owner cannot both get it. Whether an owner is dead is decided like this, in this order:
 * 1. It let go: the file says so.
 * 2. Same machine (host name), another boot: dead.
 * 3. Same boot and the same process namespace: alive exactly if a process has its number and its start time.
 * 4. All else (another host or container on a shared disk, or a system without /proc): alive unless it has not renewed the
 *    file for `LOCK_STALE_MS`. Owners renew it every `LOCK_RENEW_MS`. The clocks of hosts that share a disk must agree.
 * An owner that renews looks first: a higher number, or another text in its file, or no such file or directory, and it has
 * lost the lock. The text has an identifier of its own, so that a directory that was made anew is told apart. A copy of the
 * whole directory in its place is not.
 * Read next: `journal.ts`.
 */

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { RoomRefused } from '../rooms/log.ts';
import { randomId } from '../rooms/system.ts';
import type { FilePort } from './file-port.ts';

/** How often an owner renews its lock. */
export const LOCK_RENEW_MS = 5_000;

/** An owner that cannot be asked for is dead after this long without renewing: six renewals. */
export const LOCK_STALE_MS = 30_000;

/** How often to look again when the lock changed hands while it was looked at. */
const MAX_ATTEMPTS = 10;

/** Who holds a lock, as its file says. Empty where the system does not tell. */
export interface LockOwner {
  readonly host: string;
  readonly pid: number;
  readonly boot: string;
  readonly namespace: string;
  /** When the process started, in ticks since the boot: tells it from a later one with the same number. */
  readonly started: string;
}

/** What a lock asks of the system. */
export interface ProcessPort {
  /** Answers this process. */
  self(): Promise<LockOwner>;
  /** Answers the start time of the process with that number, undefined when there is none. */
  startedOf(pid: number): Promise<string | undefined>;
  /** Answers the time of day, which goes on while the machine sleeps. */
  nowMs(): number;
}

/**
 * What a look at a lock finds. `taken`: this process slept, and another one took it over. `gone`: the directory or the file
 * was removed or replaced under it.
 */
export type LockState = 'held' | LockLost;
export type LockLost = 'taken' | 'gone';

/** A lock that was taken. */
export interface DirectoryLock {
  /** It was not renewed for so long that another process may soon take it over, or has: `look` tells. */
  readonly suspect: boolean;
  /** Answers whether it is still ours, and renews it then. Rejects when the disk does not tell. */
  look(): Promise<LockState>;
  /** Calls back when a look or a renewal finds that it is not ours any more; perhaps more than once. */
  watch(lost: (state: LockLost) => void): void;
  /** Lets go of it. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a directory.
 * @throws RoomRefused `LOG_LOCKED` when another process holds it, with its number and host
 */
export async function lockDirectory(
  files: FilePort,
  directory: string,
  processes: ProcessPort = systemProcesses,
): Promise<DirectoryLock> {
  const self = await processes.self();
  const text = `${JSON.stringify({ ...self, id: randomId(12) })}\n`;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const highest = await highestLock(files);
    if (highest > 0) {
      const holder = await holderOf(files, highest, self, processes);
      if (holder === 'changed') continue;
      if (holder !== 'nobody')
        throw new RoomRefused(
          'LOG_LOCKED',
          `the journal in ${directory} is in use by ${holder} (its file ${lockName(highest)})`,
        );
    }
    if (await take(files, highest + 1, text)) return heldLock(files, highest + 1, text, processes);
  }
  throw new RoomRefused('LOG_LOCKED', `the lock of the journal in ${directory} changed hands ${MAX_ATTEMPTS} times`);
}

const lockName = (number: number): string => `lock-${number}`;

async function highestLock(files: FilePort): Promise<number> {
  let highest = 0;
  for (const name of await files.list()) {
    const match = /^lock-([1-9]\d{0,14})$/.exec(name);
    if (match !== null) highest = Math.max(highest, Number(match[1]));
  }
  return highest;
}

/** Names who holds a lock, for a sentence. */
async function holderOf(
  files: FilePort,
  number: number,
  self: LockOwner,
  processes: ProcessPort,
): Promise<string | 'nobody' | 'changed'> {
  const text = await ifThere(files.readWhole(lockName(number)));
  const ageMs = await ifThere(files.ageMs(lockName(number)));
  if (text === undefined || ageMs === undefined) return 'changed';
  const owner = parseOwner(text);
  if (owner === 'released') return 'nobody';
  const renewed = `renewed ${Math.max(0, Math.round(ageMs / 1_000))} s ago`;
  if (owner === undefined) return ageMs > LOCK_STALE_MS ? 'nobody' : `a process that is just taking it, ${renewed}`;
  const name = `process ${owner.pid} on ${owner.host}`;
  if (owner.host === self.host && self.boot !== '' && owner.boot !== '') {
    if (owner.boot !== self.boot) return 'nobody';
    if (owner.namespace === self.namespace)
      return (await processes.startedOf(owner.pid)) === owner.started ? name : 'nobody';
  }
  return ageMs > LOCK_STALE_MS
    ? 'nobody'
    : `${name}, ${renewed}; where it is dead, wait until that is ${LOCK_STALE_MS / 1_000} s`;
}

/** Makes the lock of that number, and answers whether it is the highest one then. */
async function take(files: FilePort, number: number, text: string): Promise<boolean> {
  try {
    await files.createWhole(lockName(number), text);
  } catch (error) {
    // ENOENT: another one has just got the lock, and cleaned up.
    if (isSystemError(error, 'EEXIST') || isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
  for (const name of await files.list()) {
    if (/^lock-\d+\.\d+\.new$/.test(name)) await ifThere(files.remove(name));
    const other = Number(/^lock-([1-9]\d{0,14})$/.exec(name)?.[1] ?? number);
    if (other > number) {
      await files.remove(lockName(number));
      return false;
    }
    if (other < number) await ifThere(files.remove(name));
  }
  return true;
}

/** Looks whether the lock is still the one that was made with this text. */
async function stateOf(files: FilePort, number: number, text: string): Promise<LockState> {
  const found = await ifThere(files.readWhole(lockName(number)));
  const highest = (await ifThere(highestLock(files))) ?? 0;
  if (highest > number) return 'taken';
  return found === text && highest === number ? 'held' : 'gone';
}

function heldLock(files: FilePort, number: number, text: string, processes: ProcessPort): DirectoryLock {
  let renewedMs = processes.nowMs();
  let isRenewing = false;
  let isReleased = false;
  let lost: (state: LockLost) => void = () => {};
  const look = async (): Promise<LockState> => {
    const state = await stateOf(files, number, text);
    if (state !== 'held') {
      if (!isReleased) lost(state);
      return state;
    }
    await files.touch(lockName(number));
    renewedMs = processes.nowMs();
    return 'held';
  };
  const renew = async (): Promise<void> => {
    if (isRenewing) return; // the disk is slow
    isRenewing = true;
    try {
      await look();
    } catch {
      // A disk that refuses this refuses commits too, and those have someone to tell.
    }
    isRenewing = false;
  };
  const renewal = setInterval(() => void renew(), LOCK_RENEW_MS);
  renewal.unref();
  return {
    get suspect() {
      return processes.nowMs() - renewedMs > LOCK_STALE_MS / 2;
    },
    look,
    watch(callback) {
      lost = callback;
    },
    async release() {
      isReleased = true;
      clearInterval(renewal);
      // The file stays: numbers never go down. One that is not ours any more is left alone.
      if ((await stateOf(files, number, text)) === 'held') await files.overwrite(lockName(number), 'released\n');
    },
  };
}

function parseOwner(text: string): LockOwner | 'released' | undefined {
  if (text === 'released\n') return 'released';
  try {
    const owner: unknown = JSON.parse(text);
    return isOwner(owner) ? owner : undefined;
  } catch {
    return undefined; // half written
  }
}

function isOwner(value: unknown): value is LockOwner {
  const owner = value as Partial<LockOwner> | null;
  return typeof owner?.pid === 'number' && typeof owner.host === 'string' && typeof owner.started === 'string';
}

/** Answers undefined for a file or directory that is not there. */
async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isSystemError(error, 'ENOENT') || isSystemError(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The processes of this machine. Off Linux the boot and the start times are unknown, and the age of the lock decides. */
export const systemProcesses: ProcessPort = {
  nowMs: () => Date.now(),
  async self() {
    const [boot, namespace, started] = await Promise.all([
      orEmpty(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
      orEmpty(readlink('/proc/self/ns/pid')),
      systemProcesses.startedOf(process.pid),
    ]);
    return { host: hostname(), pid: process.pid, boot: boot.trim(), namespace, started: started ?? '' };
  },
  async startedOf(pid) {
    const stat = await orEmpty(readFile(`/proc/${pid}/stat`, 'utf8'));
    // Field 22; field 2 is the program's name in parentheses, which may hold spaces and parentheses itself (proc(5)).
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return stat === '' || state === 'Z' ? undefined : fields[18]; // Z: it ended, and its parent has not asked yet
  },
};

async function orEmpty(promise: Promise<string>): Promise<string> {
  try {
    return await promise;
  } catch {
    return ''; // a system that has no such file
  }
}
