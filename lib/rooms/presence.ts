/**
 * Who is in a room, by name, and one list of changes for each window of time.
 *
 * A name counts once however many connections have it. Changes are told together once a window has passed: `presenceMs`, or
 * a millisecond for each name where that is longer. So presence causes at most a thousand deliveries a second in a room, and
 * a join costs the same in a room of ten and of ten thousand. Names that came and went within a window are not told.
 * Memory: O(names); lists that are told are bounded. Read next: `room.ts`.
 */

import type { Clock } from './log.ts';
import type { MembersNotice, PresenceNotice } from './notices.ts';

/** How often and how much. */
export interface PresenceOptions {
  /** The shortest window, in milliseconds; 0 = tell each change at once. */
  readonly presenceMs: number;
  /** Names in one list. */
  readonly maxMembersListed: number;
  readonly clock: Clock;
  /** Called when a window ends in which something has changed. */
  readonly tell: (notice: PresenceNotice) => void;
}

/** The names in one room. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Connections by name, in order of arrival. */
  readonly #names = new Map<string, number>();
  readonly #joined = new Set<string>();
  readonly #left = new Set<string>();
  #cancel: (() => void) | undefined = undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Different names. */
  get size(): number {
    return this.#names.size;
  }

  /** The names in order of arrival, as far as a list goes. O(`maxMembersListed`). */
  list(): string[] {
    return firstOf(this.#names.keys(), this.#options.maxMembersListed);
  }

  /** What somebody who has missed changes needs. */
  members(): MembersNotice {
    return { type: 'members', members: this.list(), memberCount: this.#names.size };
  }

  join(name: string): void {
    const connections = this.#names.get(name) ?? 0;
    this.#names.set(name, connections + 1);
    if (connections > 0) return;
    if (!this.#left.delete(name)) this.#joined.add(name);
    this.#changed();
  }

  leave(name: string): void {
    const connections = this.#names.get(name) ?? 0;
    if (connections > 1) {
      this.#names.set(name, connections - 1);
      return;
    }
    if (!this.#names.delete(name)) return;
    if (!this.#joined.delete(name)) this.#left.add(name);
    this.#changed();
  }

  /** Calls the window off: nobody is left to be told. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #changed(): void {
    const { presenceMs, clock } = this.#options;
    if (presenceMs === 0) this.#tell();
    else this.#cancel ??= clock.after(Math.max(presenceMs, this.#names.size), () => this.#tell());
  }

  #tell(): void {
    this.#cancel = undefined;
    if (this.#joined.size === 0 && this.#left.size === 0) return;
    const { maxMembersListed, tell } = this.#options;
    const joined = firstOf(this.#joined, maxMembersListed);
    const left = firstOf(this.#left, maxMembersListed);
    this.#joined.clear();
    this.#left.clear();
    tell({ type: 'presence', joined, left, memberCount: this.#names.size });
  }
}

function firstOf(names: Iterable<string>, limit: number): string[] {
  const list: string[] = [];
  for (const name of names) {
    if (list.length >= limit) break;
    list.push(name);
  }
  return list;
}
