/**
 * What a journal asks of a disk, and the real one on `node:fs`.
 *
 * Knows files, octets and directories; never what is in them. A test passes a simulated disk that throws away at a crash
 * whatever was not synced, that is full, read-only or slow. All paths are names inside one directory. A call that fails
 * rejects with the error of the system, whose `code` (`ENOSPC`, `EROFS`, …) the journal passes on.
 * Read next: `segment.ts`.
 */

import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** An open file. Reads and writes name their place; there is no cursor. */
export interface JournalFile {
  /** Writes all of `bytes` at `position`. The bytes are read until the promise settles, and not kept. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves once all that was written survives a loss of power (`fdatasync`). */
  sync(): Promise<void>;
  /** Fills `into` from `position`; answers how many octets there were, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Cuts the file to `length` octets. */
  truncate(length: number): Promise<void>;
  /** Answers the length in octets. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** One directory of a disk. */
export interface FilePort {
  /** Makes the directory where it is missing, and resolves once its name survives a loss of power, where the system lets us see to that. */
  prepare(): Promise<void>;
  /** Answers the names in the directory, in no order. */
  list(): Promise<string[]>;
  /** Makes a file that must not exist (`EEXIST`), for reading and writing. */
  create(name: string): Promise<JournalFile>;
  /** Opens a file that must exist (`ENOENT`), for reading and writing. */
  open(name: string): Promise<JournalFile>;
  /** Gives a file another name, in place of what has that name. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Resolves once names that were made, changed and removed survive a loss of power (`fsync` of the directory). */
  syncDirectory(): Promise<void>;
  /** Makes a small file with its content, whole or not at all; rejects with `EEXIST` where it exists. Only the lock uses it. */
  createWhole(name: string, text: string): Promise<void>;
  /** Overwrites a small file. */
  overwrite(name: string, text: string): Promise<void>;
  readWhole(name: string): Promise<string>;
  /** Sets the time of the last change to now. */
  touch(name: string): Promise<void>;
  /** Answers how many milliseconds ago the file was changed last, by the clock of this machine. */
  ageMs(name: string): Promise<number>;
}

/** Answers the real disk. `directory` is made where it is missing. */
export function nodeFiles(named: string): FilePort {
  // Once: the process may change its directory later, and the system takes `link/..` for another place than we do.
  const directory = resolve(named);
  const path = (name: string): string => join(directory, name);
  const openAs = async (name: string, flags: string): Promise<JournalFile> => nodeFile(await open(path(name), flags));
  return {
    async prepare() {
      await makeDirectory(directory);
      await syncNames(await realpath(directory)); // where the system has it: links have names elsewhere
    },
    list: () => readdir(directory),
    create: (name) => openAs(name, 'wx+'),
    open: (name) => openAs(name, 'r+'),
    rename: (from, to) => rename(path(from), path(to)),
    remove: (name) => unlink(path(name)),
    syncDirectory: () => syncDirectory(directory),
    createWhole: (name, text) => createWhole(path(name), text),
    overwrite: (name, text) => writeFile(path(name), text),
    readWhole: (name) => readFile(path(name), 'utf8'),
    touch: async (name) => utimes(path(name), new Date(), new Date()),
    ageMs: async (name) => Date.now() - (await stat(path(name))).mtimeMs,
  };
}

/**
 * Makes a directory, and those above it that are missing. `recursive` of `mkdir` does so too, but before Node 26 it never ends where the
 * system says ENOENT and nothing is missing above, as in /proc: here each directory is tried at most twice.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error;
    await makeDirectory(above);
    await makeOne(path);
  }
}

/** Whatever the system says of a directory that is there already, such as that its disk is read-only: it is there. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) throw error;
  }
}

function nodeFile(handle: Awaited<ReturnType<typeof open>>): JournalFile {
  return {
    async write(bytes, position) {
      // A write may take less than it was given, and says so: what is left is written after it.
      for (let done = 0; done < bytes.length; )
        done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    },
    sync: () => handle.datasync(),
    async read(into, position) {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

/**
 * Writes beside it and then gives the file its name, so that nobody ever finds half a file. What a process that died in
 * between left (`NAME.PID.new`) is removed by the next owner of the lock.
 */
async function createWhole(path: string, text: string): Promise<void> {
  const unnamed = `${path}.${process.pid}.new`;
  await writeFile(unnamed, text);
  try {
    await link(unnamed, path);
  } finally {
    await unlink(unnamed);
  }
}

/** What is said of a directory that cannot be synced at all, and will not be at another attempt. */
const UNSYNCABLE = [
  'EACCES', // we may not read it
  'EPERM', // the same, said by a security module
  'ERR_ACCESS_DENIED', // the same, said by Node's permissions
  'EROFS', // its disk is read-only: nothing was made in it
  'EINVAL', // its file system cannot do it
  'ENOTSUP', // the same, said by others
];

/**
 * Resolves once the name of a directory, and those of the directories above it up to the root, survive a loss of power: a process that
 * made them may have been killed before it synced them. That is so where the system lets us sync what they are in; elsewhere, as in a
 * directory that we may write to and not read, the name survives when the system writes it by itself.
 */
async function syncNames(path: string): Promise<void> {
  const above = dirname(path);
  if (above === path) return;
  try {
    await syncDirectory(above);
  } catch (error) {
    if (!UNSYNCABLE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await syncNames(above);
}

/** Windows cannot open a directory, and keeps names by itself. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
