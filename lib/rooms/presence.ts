/**
 * Who is in a room, by name, and one list of changes for each window of time.
 *
 * A name counts once however many connections have it, and a person once however many names (`personOf`). Changes are told
 * together once a window has passed: `presenceMs`, or a millisecond for each name where that is longer. So presence causes at most a thousand deliveries a second in a room, and
 * a join costs the same in a room of ten and of ten thousand. Names that came and went within a window are not told, unless
 * somebody was given a list of names in between: whoever holds that list must hear how it went on.
 * Memory: O(names); lists that are told are bounded. Read next: `shared-presence.ts`, then `room.ts`.
 */

import { whenRejected } from '../errors.ts';
import { describe } from '../options.ts';
import type { Clock } from './log.ts';
import type { PresenceNotice } from './notices.ts';

/** How often and how much. */
export interface PresenceOptions {
  /** The shortest window, in milliseconds; 0 = tell each change at once. */
  readonly presenceMs: number;
  /** Names in one list. */
  readonly maxMembersListed: number;
  /** Whose name it is; undefined: each is of somebody else. */
  readonly personOf: ((name: string) => string) | undefined;
  /** Told what `personOf` has thrown. */
  readonly report: (error: unknown) => void;
  readonly clock: Clock;
  /** Called when a window ends in which something has changed. */
  readonly tell: (notice: PresenceNotice) => void;
}

/** In place of a number of lists: members know different things of this name, so that its next change is told too. */
const TELL_ANYHOW = -1;

/** The names in one room. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Connections by name, in order of arrival. */
  readonly #names = new Map<string, number>();
  /** Whose the names are, as `personOf` said when they came, and how many each person has; empty without it. */
  readonly #owners = new Map<string, string>();
  readonly #people = new Map<string, number>();
  /** Names beside the first one of their person. */
  #doubles = 0;
  /** Changes that were not told yet, each with the number of lists that had been given out when it happened. */
  readonly #joined = new Map<string, number>();
  readonly #left = new Map<string, number>();
  #listsGiven = 0;
  #cancel: (() => void) | undefined = undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Different people. */
  get size(): number {
    return this.#names.size - this.#doubles;
  }

  /** All names, in order of arrival; not a copy. */
  names(): IterableIterator<string> {
    return this.#names.keys();
  }

  /** The names in order of arrival, as far as a list goes. O(`maxMembersListed`). */
  list(): string[] {
    return firstOf(this.#names.keys(), this.#options.maxMembersListed);
  }

  /** As `list`, for a member that keeps it and follows the changes from here on. When its own name goes, it has gone too. */
  give(own: string | undefined): string[] {
    const before = this.#listsGiven++;
    if (own !== undefined && this.#joined.get(own) === before) this.#joined.set(own, this.#listsGiven);
    return this.list();
  }

  /** Calls back once the names are known: here, at once. */
  whenKnown(callback: () => void): void {
    callback();
  }

  join(name: string): void {
    const connections = this.#names.get(name) ?? 0;
    this.#names.set(name, connections + 1);
    if (connections > 0) return;
    this.#count(name, 1);
    this.#change(name, this.#joined, this.#left);
  }

  leave(name: string): void {
    const connections = this.#names.get(name) ?? 0;
    if (connections > 1) this.#names.set(name, connections - 1);
    else if (this.#names.delete(name)) {
      this.#count(name, -1);
      this.#change(name, this.#left, this.#joined);
    }
  }

  /** Calls the window off: nobody is left to be told. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** A name came or went. */
  #count(name: string, by: 1 | -1): void {
    const person = by === 1 ? personOf(name, this.#options) : this.#owners.get(name);
    if (person === undefined) return;
    if (by === 1) this.#owners.set(name, person);
    else this.#owners.delete(name);
    const before = this.#people.get(person) ?? 0;
    const after = before + by;
    if (after === 0) this.#people.delete(person);
    else this.#people.set(person, after);
    if (Math.max(before, after) > 1) this.#doubles += by;
  }

  /** Notes a change; one that takes back another is not told, unless somebody was given a list in between. */
  #change(name: string, changes: Map<string, number>, opposite: Map<string, number>): void {
    const since = opposite.get(name);
    opposite.delete(name);
    if (since === undefined) changes.set(name, this.#listsGiven);
    else if (since !== this.#listsGiven) changes.set(name, TELL_ANYHOW);
    const { presenceMs, clock } = this.#options;
    if (presenceMs === 0) this.#tell();
    else this.#cancel ??= clock.after(Math.max(presenceMs, this.#names.size), () => this.#tell());
  }

  #tell(): void {
    this.#cancel = undefined;
    if (this.#joined.size === 0 && this.#left.size === 0) return;
    const { maxMembersListed, tell } = this.#options;
    const joined = firstOf(this.#joined.keys(), maxMembersListed);
    const left = firstOf(this.#left.keys(), maxMembersListed);
    this.#joined.clear();
    this.#left.clear();
    tell({ type: 'presence', joined, left, memberCount: this.size });
  }
}

/** Undefined: the name is a person of its own. */
function personOf(name: string, { personOf: ask, report }: PresenceOptions): string | undefined {
  if (ask === undefined) return undefined;
  try {
    const person: unknown = ask(name);
    if (typeof person === 'string') return person;
    whenRejected(person, () => undefined);
    throw new TypeError(`personOf answered ${describe(person)} for ${describe(name)}, must answer a text`);
  } catch (error) {
    report(error);
    return undefined;
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
