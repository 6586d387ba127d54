/**
 * What the disk is still to be told of a group's rooms beside their records: which ones made way, and which ones have subscribers.
 *
 * Without the first, a restart would have to guess which rooms were held; the second says which of them were used last. Neither
 * is waited for: the next commit takes both along, and where it never comes, a room too many is held after the restart. Only a
 * commit that brought more rooms than may be held is answered after a second one, which says who made way.
 * Memory: the rooms that are held, and a name and an epoch for each room that made way since the last commit; there are no more of
 * those than rooms with records were held after that. Read next: `journal-group.ts`, the user.
 */

import type { LoggedRoom, LoggedRooms, RoomObserver } from '../rooms/logged-rooms.ts';
import type { GoneEntry } from './journal-entries.ts';

/** What one commit takes along. */
export interface TakenNotes {
  readonly gone: readonly GoneEntry[];
  /** Rooms whose first subscriber came, or whose last one left. */
  readonly changed: readonly LoggedRoom[];
}

/** See the head of this file. */
export class RoomNotes implements RoomObserver {
  readonly #rooms: LoggedRooms;
  #gone: GoneEntry[] = [];
  #changed: Set<LoggedRoom>;

  /** `inUse`: rooms that had subscribers when the process before ended, and have none now. */
  constructor(rooms: LoggedRooms, inUse: Iterable<LoggedRoom>) {
    this.#rooms = rooms;
    this.#changed = new Set(inUse);
  }

  inUseOrIdle(room: LoggedRoom): void {
    this.#changed.delete(room); // the order is that in which they were used
    this.#changed.add(room);
  }

  dropped(room: LoggedRoom): void {
    this.#changed.delete(room);
    const { name, head } = room;
    if (head.sequence > 0) this.#gone.push({ kind: 'gone', name, epoch: head.epoch }); // else the disk does not know it
  }

  /** Hands out what there is. A room that has no record yet is left out: the disk is told of it with its first one. */
  take(): TakenNotes {
    const changed = [...this.#changed].filter((room) => room.head.sequence > 0 && this.#rooms.find(room.name) === room);
    const taken = { gone: this.#gone, changed };
    this.#gone = [];
    this.#changed = new Set();
    return taken;
  }

  /** What was taken did not get to the disk. */
  giveBack({ gone, changed }: TakenNotes): void {
    this.#gone = [...gone, ...this.#gone];
    this.#changed = new Set([...changed, ...this.#changed]);
  }
}
