/**
 * The log of one process: records in memory, handed out during `append`.
 *
 * Whoever shares one of these objects (several hubs, in tests) shares its rooms. A room's epoch lives as long as the room
 * here; nothing survives the process, and nothing is ever lost while it lives. Memory: see `logged-rooms.ts`, which does
 * the work. Read next: `room.ts`.
 */

import { checkNames, checkOptions, clockWith, FUNCTION } from '../options.ts';
import { wholeNumber } from './history.ts';
import {
  type Appended,
  type Clock,
  checkEntry,
  checkRoomName,
  type LogEntry,
  type LogPage,
  type LogSubscriber,
  type Position,
  type RoomLog,
  RoomRefused,
  type Subscription,
} from './log.ts';
import { LOGGED_ROOMS_OPTIONS, LoggedRooms, type LoggedRoomsOptions, logClosed } from './logged-rooms.ts';
import { systemClock } from './system.ts';

/** Options of a `MemoryLog`. */
export type MemoryLogOptions = LoggedRoomsOptions;

/** The log of one process: records in memory, handed out during `append`; several hubs may share one. What it promises is `RoomLog`'s. */
export class MemoryLog implements RoomLog {
  readonly #clock: Clock;
  readonly #rooms: LoggedRooms;
  #closed = false;

  /** @throws TypeError for an option that is none, RangeError for a bound that is none */
  constructor(options: MemoryLogOptions = {}) {
    checkNames('MemoryLog', options, LOGGED_ROOMS_OPTIONS);
    const { clock, newId } = options;
    checkOptions('MemoryLog', { clock, newId }, { clock: clockWith('now', 'after'), newId: FUNCTION });
    this.#clock = clock ?? systemClock;
    this.#rooms = new LoggedRooms(options);
  }

  /** Rooms held, and keys remembered: for those who watch memory. */
  get held(): { readonly rooms: number; readonly keys: number } {
    return this.#rooms.held;
  }

  append(name: string, entry: LogEntry): Promise<Appended> {
    checkRoomName(name);
    checkEntry(entry);
    const room = this.#closed ? logClosed() : this.#rooms.open(name);
    if (room instanceof RoomRefused) return Promise.reject(room);
    const used = entry.key === undefined ? undefined : this.#rooms.usedKey(room, entry.key);
    if (used !== undefined) {
      const record = room.history.get(used.position.sequence);
      return Promise.resolve({ position: used.position, duplicate: true, record });
    }
    const record = this.#rooms.number(entry, room.head, Math.floor(this.#clock.now()));
    this.#rooms.take(room, record);
    return Promise.resolve({ position: record, duplicate: false, record });
  }

  read(name: string, after: Position | undefined, limit: number): Promise<LogPage> {
    checkRoomName(name);
    wholeNumber('limit', limit, 1);
    if (this.#closed) return Promise.reject(logClosed());
    return Promise.resolve(this.#rooms.page(name, after, limit));
  }

  subscribe(name: string, limit: number, subscriber: LogSubscriber): Subscription {
    checkRoomName(name);
    wholeNumber('limit', limit);
    if (!this.#closed) return this.#rooms.subscribe(name, limit, subscriber);
    subscriber.failed(logClosed());
    return { close() {} };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#rooms.close(logClosed());
    return Promise.resolve();
  }

  /** Forgets a room without subscribers: its records, its keys and its epoch. Returns whether there was one. */
  forget(name: string): boolean {
    return this.#rooms.forget(name);
  }
}
