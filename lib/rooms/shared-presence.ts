/**
 * Who is in a room on all nodes that share its log.
 *
 * A name that the log knows of counts as one connection more, beside those of this process. So names of this process are there at once and
 * those of other nodes when the log says so; and a name goes when its last connection on the last node has gone. The log's
 * names are read when the room opens and whenever changes may have been missed; what changes during a read is kept and laid
 * over the answer. While the log does not answer, the room goes on with the names that it knows and asks again.
 * Memory: `maxSharedNames` names, and as many changes during a read. Read next: `room.ts`.
 */

import { ROOM_LIMITS } from '../limits.ts';
import type { LogPresence, PresenceWatcher } from './log.ts';
import { Presence, type PresenceOptions } from './presence.ts';

/** Milliseconds after a read that failed: the log has waited for its own deadline before. */
const READ_AGAIN_MS = 1_000;

/** Where the names of all nodes come from; `report` is told when they do not, too. */
export interface SharedPresenceOptions extends PresenceOptions {
  readonly room: string;
  readonly shared: LogPresence;
}

/** See the head of this file. */
export class SharedPresence extends Presence {
  readonly #options: SharedPresenceOptions;
  /** Names that the log says are in the room, on whichever node. */
  readonly #known = new Set<string>();
  /** Changes since the read that is under way began, by name: whether it is here. Undefined while none is. */
  #changes: Map<string, boolean> | undefined;
  /** What was missed during a read asks for another one. */
  #mustReadAgain = false;
  #stopWatching = (): void => undefined;
  #callOff = (): void => undefined;
  /** Who waits for the first answer; undefined once it was there, or failed. */
  #waiting: (() => void)[] | undefined = [];
  #isClosed = false;

  constructor(options: SharedPresenceOptions) {
    super(options);
    this.#options = options;
    void this.#start();
  }

  override whenKnown(callback: () => void): void {
    if (this.#waiting === undefined) callback();
    else this.#waiting.push(callback);
  }

  override join(name: string): void {
    const { shared, room, report } = this.#options;
    shared.join(room, name).catch(report); // first: the others may be told at once, and make it leave again
    super.join(name);
  }

  override leave(name: string): void {
    super.leave(name);
    const { shared, room, report } = this.#options;
    shared.leave(room, name).catch(report);
  }

  override close(): void {
    super.close();
    this.#isClosed = true;
    this.#waiting = undefined;
    this.#callOff();
    this.#stopWatching();
  }

  async #start(): Promise<void> {
    const { shared, room, report } = this.#options;
    const watcher: PresenceWatcher = {
      joined: (name) => this.#told(name, true),
      left: (name) => this.#told(name, false),
      doubt: () => void this.#read(),
    };
    try {
      const stop = await shared.watch(room, watcher);
      if (this.#isClosed) stop();
      else this.#stopWatching = stop;
    } catch (error) {
      report(error);
    }
    await this.#read();
  }

  #told(name: string, isHere: boolean): void {
    if (this.#isClosed) return;
    if (this.#changes !== undefined) {
      if (this.#changes.size < ROOM_LIMITS.maxSharedNames) this.#changes.set(name, isHere);
      else this.#mustReadAgain = true;
    }
    this.#note(name, isHere);
  }

  #note(name: string, isHere: boolean): void {
    if (!isHere) {
      if (this.#known.delete(name)) super.leave(name);
    } else if (this.#known.size < ROOM_LIMITS.maxSharedNames && !this.#known.has(name)) {
      this.#known.add(name);
      super.join(name);
    }
  }

  /** Reads the names; one read at a time. */
  async #read(): Promise<void> {
    this.#mustReadAgain = this.#changes !== undefined;
    if (this.#mustReadAgain || this.#isClosed) return;
    const { shared, room, report, clock } = this.#options;
    this.#callOff();
    const changes = new Map<string, boolean>();
    this.#changes = changes;
    try {
      const { members } = await shared.members(room, ROOM_LIMITS.maxSharedNames);
      if (!this.#isClosed) this.#become(members, changes);
    } catch (error) {
      if (this.#isClosed) return;
      report(error);
      this.#callOff = clock.after(READ_AGAIN_MS, () => void this.#read());
    }
    this.#changes = undefined;
    for (const callback of this.#waiting?.splice(0) ?? []) callback();
    this.#waiting = undefined;
    if (this.#mustReadAgain) await this.#read();
  }

  /** Takes what was read, and over it what has changed since. */
  #become(members: readonly string[], changes: ReadonlyMap<string, boolean>): void {
    const names = new Set(members);
    for (const [name, isHere] of changes)
      if (isHere) names.add(name);
      else names.delete(name);
    for (const name of [...this.#known]) if (!names.has(name)) this.#note(name, false);
    for (const name of names) this.#note(name, true);
  }
}
