/**
 * A disk for tests that forgets at a crash what was not synced, as a machine that loses its power does.
 *
 * A file has what is on the disk and the writes that are not; a directory has the names that are on the disk and the
 * changes that are not. `crash` keeps a random part of both: of each write any sectors of it, of the changes of names those
 * up to some point (as a journaled file system does) or any of them. Then it is usable again, as after a restart.
 * `kill` ends the process alone. A test that does either gives each process a `port` of its own: what a dead one asks comes to
 * nothing. `fail` makes the next calls of one kind reject with a system's error; `holdSyncs` makes syncs wait.
 */

import type { FilePort, JournalFile } from '../../lib/room-logs/file-port.ts';
import type { Random } from '../support/random.ts';

const SECTOR_BYTES = 512;

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** One file, whatever its name is. */
class Contents {
  /** What a read sees. */
  live: Uint8Array = new Uint8Array(0);
  /** What is on the disk. */
  durable: Uint8Array = new Uint8Array(0);
  unsynced: (Write | { readonly truncate: number })[] = [];
  changedMs = 0;

  apply(change: Write | { readonly truncate: number }): void {
    this.live = changed(this.live, change);
    this.unsynced.push(change);
  }

  sync(): void {
    this.durable = this.live.slice();
    this.unsynced = [];
  }

  crash(random: Random): void {
    for (const change of this.unsynced) {
      if ('truncate' in change) {
        if (random.chance(0.5)) this.durable = changed(this.durable, change);
        continue;
      }
      for (let at = 0; at < change.bytes.length; ) {
        const end = Math.min(change.bytes.length, at + SECTOR_BYTES - ((change.at + at) % SECTOR_BYTES));
        if (random.chance(0.5))
          this.durable = changed(this.durable, { at: change.at + at, bytes: change.bytes.subarray(at, end) });
        at = end;
      }
    }
    this.live = this.durable.slice();
    this.unsynced = [];
  }
}

function changed(bytes: Uint8Array, change: Write | { readonly truncate: number }): Uint8Array {
  if ('truncate' in change) return bytes.slice(0, change.truncate);
  const length = Math.max(bytes.length, change.at + change.bytes.length);
  const result = new Uint8Array(length);
  result.set(bytes);
  result.set(change.bytes, change.at);
  return result;
}

/** What can be made to fail. */
export type DiskCall = 'write' | 'sync' | 'truncate' | 'create' | 'remove' | 'rename';

type NameChange = (names: Map<string, Contents>) => void;

/** See the head of this file. One directory. */
export class SimulatedDisk implements FilePort {
  /** Calls so far, by kind. */
  readonly calls: Record<DiskCall, number> = { write: 0, sync: 0, truncate: 0, create: 0, remove: 0, rename: 0 };
  /** Where false, `sync` of a file answers and does nothing: a journal that forgot to sync. */
  syncsFiles = true;
  /** The same for names. */
  syncsNames = true;
  nowMs = 0;
  /** Where set, calls take a random number of turns of the event loop, so that others go in between. */
  dawdles: Random | undefined = undefined;
  #names = new Map<string, Contents>();
  #durableNames = new Map<string, Contents>();
  #nameChanges: NameChange[] = [];
  readonly #failing = new Map<DiskCall, string>();
  #held: Promise<void> | undefined;
  /** Grows with each `kill` and `crash`. */
  #life = 0;

  /**
   * The disk, for one process: it is never answered again once it was killed or the power was lost. What it had been told just before,
   * a list of names for one, leads to nothing then. Used without one, the disk knows a dead process only by calls that are under way and by its files.
   */
  port(): FilePort {
    const life = this.#life;
    return new Proxy<FilePort>(this, {
      get: (_, call) => {
        const ask = Reflect.get(this, call) as (...given: unknown[]) => unknown;
        return (...given: unknown[]) => (life === this.#life ? ask.apply(this, given) : new Promise(() => {}));
      },
    });
  }

  /** Rejects calls of one kind with the system's error of that code until `heal`. */
  fail(call: DiskCall, code: string): void {
    this.#failing.set(call, code);
  }

  heal(): void {
    this.#failing.clear();
  }

  /** Makes every sync wait until the answered function is called. */
  holdSyncs(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => {
      release = () => {
        this.#held = undefined;
        resolve();
      };
    });
    return release;
  }

  /** Makes the next snapshot wait before its write of that number until `release`: 1 is its header, 2 its first commit. */
  holdSnapshot(number: number): { readonly isWaiting: () => Promise<void>; readonly release: () => void } {
    const create = this.create.bind(this);
    let [isWaiting, writes] = [false, 0];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.create = async (name) => {
      const file = await create(name);
      if (!name.endsWith('.snapshot.new')) return file;
      const write: JournalFile['write'] = async (bytes, position) => {
        isWaiting ||= ++writes === number;
        if (writes >= number) await held;
        return file.write(bytes, position);
      };
      return { ...file, write };
    };
    return {
      release,
      async isWaiting() {
        while (!isWaiting) await new Promise((resolve) => setImmediate(resolve));
      },
    };
  }

  /** Kills the process that uses the disk: it hears nothing any more, its lock is free, and what the kernel has is there to be read, synced or not. */
  kill(): void {
    this.#life++;
    this.heal();
    for (const name of [...this.#names.keys()])
      if (name.startsWith('lock-')) this.#change((names) => names.delete(name));
  }

  /** Loses the power. Whoever used the disk before hears nothing any more. */
  crash(random: Random): void {
    this.#life++;
    const kept = random.chance(0.5) ? random.below(this.#nameChanges.length + 1) : undefined;
    for (const [i, change] of this.#nameChanges.entries())
      if (kept === undefined ? random.chance(0.5) : i < kept) change(this.#durableNames);
    this.#nameChanges = [];
    // Locks of the machine before the crash name a process that is dead; a test has no such process to ask for.
    for (const name of [...this.#durableNames.keys()]) if (name.startsWith('lock-')) this.#durableNames.delete(name);
    this.#names = new Map(this.#durableNames);
    for (const contents of this.#names.values()) contents.crash(random);
    this.heal();
  }

  /** Octets of a file, for tests that damage it: changes reach the disk. */
  octetsOf(name: string): Uint8Array {
    const contents = this.#find(name);
    contents.durable = contents.live;
    return contents.live;
  }

  async prepare(): Promise<void> {}

  async list(): Promise<string[]> {
    return [...this.#names.keys()];
  }

  async create(name: string): Promise<JournalFile> {
    await this.#enter('create');
    if (this.#names.has(name)) throw systemError('EEXIST');
    const contents = new Contents();
    contents.changedMs = this.nowMs;
    this.#change((names) => names.set(name, contents));
    return this.#file(contents);
  }

  async open(name: string): Promise<JournalFile> {
    return this.#file(this.#find(name));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter('rename');
    const contents = this.#find(from);
    this.#change((names) => {
      names.delete(from);
      names.set(to, contents);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#enter('remove');
    this.#find(name);
    this.#change((names) => names.delete(name));
  }

  async syncDirectory(): Promise<void> {
    await this.#enter('sync');
    if (!this.syncsNames) return;
    for (const change of this.#nameChanges) change(this.#durableNames);
    this.#nameChanges = [];
  }

  async createWhole(name: string, text: string): Promise<void> {
    const file = await this.create(name);
    await file.write(Buffer.from(text), 0);
  }

  async overwrite(name: string, text: string): Promise<void> {
    const contents = this.#find(name);
    contents.apply({ truncate: 0 });
    contents.apply({ at: 0, bytes: Buffer.from(text) });
    contents.changedMs = this.nowMs;
  }

  async readWhole(name: string): Promise<string> {
    return Buffer.from(this.#find(name).live).toString('utf8');
  }

  async touch(name: string): Promise<void> {
    this.#find(name).changedMs = this.nowMs;
  }

  async ageMs(name: string): Promise<number> {
    return this.nowMs - this.#find(name).changedMs;
  }

  #file(contents: Contents): JournalFile {
    const life = this.#life;
    return {
      write: async (bytes, position) => {
        // A write that fails has written something all the same.
        if (this.#failing.has('write')) contents.apply({ at: position, bytes: bytes.slice(0, bytes.length / 2) });
        await this.#enter('write', life);
        contents.apply({ at: position, bytes: bytes.slice() });
      },
      sync: async () => {
        await this.#held;
        await this.#enter('sync', life);
        if (this.syncsFiles) contents.sync();
      },
      read: async (into, position) => {
        const part = contents.live.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      truncate: async (length) => {
        await this.#enter('truncate', life);
        contents.apply({ truncate: length });
      },
      size: async () => contents.live.length,
      close: async () => {},
    };
  }

  /** Counts a call. A call of a process that died with the last crash never returns. */
  async #enter(call: DiskCall, life: number = this.#life): Promise<void> {
    for (let turns = this.dawdles?.below(4) ?? 0; turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve));
    if (life !== this.#life) await new Promise<never>(() => {});
    this.calls[call]++;
    const code = this.#failing.get(call);
    if (code !== undefined) throw systemError(code);
  }

  #change(change: NameChange): void {
    change(this.#names);
    this.#nameChanges.push(change);
  }

  #find(name: string): Contents {
    const contents = this.#names.get(name);
    if (contents === undefined) throw systemError('ENOENT');
    return contents;
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
