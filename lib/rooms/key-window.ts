/**
 * Publishers' keys that were used lately, so that a message sent again is found: by room, bounded by count and by age.
 *
 * Keys leave in the order in which they came, in their room and among all. So each room has a list of its keys and there
 * is one of all, and every step is O(1): what a Map or a Set has deleted in front, its iterators go over again and again.
 * Memory: at most `maxKeys` for each room and `maxTotalKeys` in all, with what `allowMore` allows. Read next: `logged-rooms.ts`, the user.
 */

import type { Clock, Position } from './log.ts';

/** A key that was used, and the place of its record. */
export interface UsedKey {
  readonly key: string;
  readonly position: Position;
  /** When it was used. A window makes it later where a key that was used before has a later time, so that times never go back. */
  readonly timeMs: number;
}

interface Link {
  readonly used: UsedKey;
  /** 1 for the first key that the window remembered. */
  readonly number: number;
  readonly room: RoomKeys;
  /** The next younger key of the same room. */
  nextInRoom: Link | undefined;
  older: Link | undefined;
  younger: Link | undefined;
}

/** The keys of one room: made by `new`, filled and emptied by a `KeyWindow`. */
export class RoomKeys {
  readonly byKey: Map<string, Link> = new Map();
  oldest: Link | undefined = undefined;
  newest: Link | undefined = undefined;

  /** The keys, the oldest first: those among the first `count` that the window remembered. */
  *all(count: number = Number.POSITIVE_INFINITY): Generator<UsedKey> {
    for (let link = this.oldest; link !== undefined && link.number <= count; link = link.nextInRoom) yield link.used;
  }
}

/** Bounds of a window. */
export interface KeyWindowBounds {
  readonly maxKeys: number;
  readonly maxTotalKeys: number;
  readonly keyAgeMs: number;
}

/** See the head of this file. */
export class KeyWindow {
  readonly #bounds: KeyWindowBounds;
  readonly #clock: Clock;
  #oldest: Link | undefined = undefined;
  #newest: Link | undefined = undefined;
  #size = 0;
  #remembered = 0;
  /** How many keys more than `maxTotalKeys` are remembered for now. */
  #moreKeys = 0;
  /** Calls off the timer that forgets keys; undefined while no key is remembered. */
  #cancelSweep: (() => void) | undefined = undefined;

  constructor(bounds: KeyWindowBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** Keys remembered, of all rooms. */
  get size(): number {
    return this.#size;
  }

  /** Keys remembered so far, those that are forgotten included. */
  get remembered(): number {
    return this.#remembered;
  }

  /** The key, if it was used in this room within the window. */
  find(room: RoomKeys, key: string): UsedKey | undefined {
    this.#forgetOld(this.#clock.now());
    return room.byKey.get(key)?.used;
  }

  /**
   * Until the next call, remembers `keys` more than `maxTotalKeys`: while a log is read anew, keys of rooms that had made way are among
   * them until the log says so.
   */
  allowMore(keys: number): void {
    this.#moreKeys = keys;
    this.#forgetBeyondTotal();
  }

  /**
   * Remembers a key. Call it in the order in which keys were used: their times may go back where a log that is read anew is of a time
   * before the clock was set back. A key that this room has already, which such a log may have, is the later one from now on.
   */
  remember(room: RoomKeys, used: UsedKey): void {
    const now = this.#moreKeys > 0 ? this.#clock.now() : used.timeMs;
    this.#forgetOld(now);
    const link: Link = {
      used: usedAt(used, Math.max(Math.min(used.timeMs, now), this.#newest?.used.timeMs ?? 0)),
      number: ++this.#remembered,
      room,
      nextInRoom: undefined,
      older: this.#newest,
      younger: undefined,
    };
    if (this.#newest === undefined) this.#oldest = link;
    else this.#newest.younger = link;
    this.#newest = link;
    if (room.newest === undefined) room.oldest = link;
    else room.newest.nextInRoom = link;
    room.newest = link;
    room.byKey.set(used.key, link);
    this.#size++;
    while (room.byKey.size > this.#bounds.maxKeys) this.#forgetOldestOf(room);
    this.#forgetBeyondTotal();
    this.#cancelSweep ??= this.#clock.after(this.#bounds.keyAgeMs, this.#sweep);
  }

  /** Forgets all keys of a room. O(keys of the room). */
  drop(room: RoomKeys): void {
    while (room.oldest !== undefined) this.#forgetOldestOf(room);
  }

  /** Forgets everything. */
  clear(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#size = 0;
  }

  #forgetOldestOf(room: RoomKeys): void {
    const link = room.oldest;
    if (link === undefined) return;
    room.oldest = link.nextInRoom;
    if (room.oldest === undefined) room.newest = undefined;
    if (room.byKey.get(link.used.key) === link) room.byKey.delete(link.used.key);
    if (link.older === undefined) this.#oldest = link.younger;
    else link.older.younger = link.younger;
    if (link.younger === undefined) this.#newest = link.older;
    else link.younger.older = link.older;
    this.#size--;
  }

  #forgetBeyondTotal(): void {
    while (this.#size > this.#bounds.maxTotalKeys + this.#moreKeys && this.#oldest !== undefined)
      this.#forgetOldestOf(this.#oldest.room);
  }

  /** The oldest of all is the oldest of its room. O(1) for each key that is forgotten. */
  #forgetOld(now: number): void {
    while (this.#oldest !== undefined && this.#oldest.used.timeMs <= now - this.#bounds.keyAgeMs)
      this.#forgetOldestOf(this.#oldest.room);
  }

  /** `remember` and `find` forget old keys as they go; this does it for a log that has fallen silent. */
  readonly #sweep = (): void => {
    this.#forgetOld(this.#clock.now());
    this.#cancelSweep = this.#size === 0 ? undefined : this.#clock.after(this.#bounds.keyAgeMs, this.#sweep);
  };
}

function usedAt(used: UsedKey, timeMs: number): UsedKey {
  return used.timeMs === timeMs ? used : { ...used, timeMs };
}
