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
 * Read next: `journal.ts`.
 */

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { RoomRefused } from '../rooms/log.ts';
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

/** A lock that is held. */
export interface DirectoryLock {
  /** It was not renewed for so long that another process may soon take it over, or has: `held` tells. */
  readonly suspect: boolean;
  /** Answers whether it is still ours, and renews it. It is not when this process slept and another one took it over. */
  held(): Promise<boolean>;
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
    if (await take(files, highest + 1, self)) return heldLock(files, highest + 1, processes);
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
async function take(files: FilePort, number: number, self: LockOwner): Promise<boolean> {
  try {
    await files.createWhole(lockName(number), `${JSON.stringify(self)}\n`);
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

function heldLock(files: FilePort, number: number, processes: ProcessPort): DirectoryLock {
  let renewedMs = processes.nowMs();
  const renew = async (): Promise<void> => {
    await files.touch(lockName(number));
    renewedMs = processes.nowMs();
  };
  const renewal = setInterval(() => {
    // A disk that refuses this refuses commits too, and those have someone to tell.
    renew().catch(() => undefined);
  }, LOCK_RENEW_MS);
  renewal.unref();
  return {
    get suspect() {
      return processes.nowMs() - renewedMs > LOCK_STALE_MS / 2;
    },
    async held() {
      if ((await highestLock(files)) !== number) return false;
      await renew();
      return true;
    },
    async release() {
      clearInterval(renewal);
      // The file stays: numbers never go down.
      if ((await highestLock(files)) === number) await files.overwrite(lockName(number), 'released\n');
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

/** Answers undefined for a file that is not there. */
async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
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
