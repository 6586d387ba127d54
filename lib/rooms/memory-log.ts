/**
 * The log of one process: records in memory, handed out during `append`.
 *
 * Whoever shares one of these objects (several hubs, in tests) shares its rooms. A room's epoch lives as long as the room
 * here; nothing survives the process, and nothing is ever lost while it lives, so that one token does for all records of an epoch.
 * Sections: options; the log; what it holds of a room; keys. Memory: for each room its history and at most `maxKeys` keys, of all
 * rooms at most `maxTotalKeys`; rooms beyond `maxRooms` make way in the order in which they were last used, never one
 * with subscribers. Read next: `room.ts`.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { History, type HistoryBounds, type HistoryOptions, historyBounds, wholeNumber } from './history.ts';
import {
  type Appended,
  type Clock,
  checkEntry,
  checkRoomName,
  dataBytes,
  type LogEntry,
  type LogPage,
  type LogRecord,
  type LogSubscriber,
  type Position,
  type RoomLog,
  RoomRefused,
  type Subscription,
} from './log.ts';
import { randomId, systemClock } from './system.ts';

/** Options of a `MemoryLog`: its bounds, and where time and identifiers come from. */
export interface MemoryLogOptions extends HistoryOptions {
  /** Rooms at a time. Default `ROOM_LIMITS.maxRooms`. */
  readonly maxRooms?: number;
  /** Keys remembered for one room. Default `ROOM_LIMITS.maxKeys`. */
  readonly maxKeys?: number;
  /** Keys remembered for all rooms together. Default `ROOM_LIMITS.maxTotalKeys`. */
  readonly maxTotalKeys?: number;
  /** Milliseconds that a key is remembered. Default `ROOM_LIMITS.keyAgeMs`. */
  readonly keyAgeMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Makes identifiers of so many characters `0-9a-z` that never repeat. Default: random ones. */
  readonly newId?: (length: number) => string;
}

/** A key that was used. */
interface UsedKey {
  readonly room: LoggedRoom;
  readonly key: string;
  readonly sequence: number;
  readonly timeMs: number;
}

interface Listener {
  readonly subscriber: LogSubscriber;
  /** The last record that it has had, or that `opened` covered. */
  sequence: number;
}

/** What the log holds of a room. */
interface LoggedRoom {
  readonly name: string;
  readonly epoch: string;
  readonly token: string;
  readonly history: History<LogRecord>;
  readonly listeners: Set<Listener>;
  readonly keys: Map<string, UsedKey>;
  sequence: number;
  /** Records appended while another one is being handed out; undefined while none is. */
  waiting: LogRecord[] | undefined;
}

const recordBytes = (record: LogRecord): number => dataBytes(record.data);

/** See the head of this file; what it promises is `RoomLog`'s. */
export class MemoryLog implements RoomLog {
  readonly #bounds: HistoryBounds;
  readonly #clock: Clock;
  readonly #newId: (length: number) => string;
  readonly #maxRooms: number;
  readonly #maxKeys: number;
  readonly #maxTotalKeys: number;
  readonly #keyAgeMs: number;
  readonly #rooms = new Map<string, LoggedRoom>();
  /** Rooms without subscribers, the one that was used longest ago first. */
  readonly #idle = new Set<LoggedRoom>();
  /** Keys of all rooms, the oldest first. */
  readonly #keys = new Set<UsedKey>();
  /** Calls off the timer that forgets keys; undefined while no key is remembered. */
  #cancelSweep: (() => void) | undefined = undefined;
  #closed = false;

  /** @throws RangeError for a bound that is none */
  constructor(options: MemoryLogOptions = {}) {
    this.#bounds = historyBounds(options);
    this.#clock = options.clock ?? systemClock;
    this.#newId = options.newId ?? randomId;
    this.#maxRooms = wholeNumber('maxRooms', options.maxRooms ?? ROOM_LIMITS.maxRooms, 1);
    this.#maxKeys = wholeNumber('maxKeys', options.maxKeys ?? ROOM_LIMITS.maxKeys);
    this.#maxTotalKeys = wholeNumber('maxTotalKeys', options.maxTotalKeys ?? ROOM_LIMITS.maxTotalKeys);
    this.#keyAgeMs = wholeNumber('keyAgeMs', options.keyAgeMs ?? ROOM_LIMITS.keyAgeMs);
  }

  /** Rooms held, and keys remembered: for those who watch memory. */
  get held(): { readonly rooms: number; readonly keys: number } {
    return { rooms: this.#rooms.size, keys: this.#keys.size };
  }

  append(name: string, entry: LogEntry): Promise<Appended> {
    checkRoomName(name);
    checkEntry(entry);
    const room = this.#closed ? closedLog() : this.#open(name);
    if (room instanceof RoomRefused) return Promise.reject(room);
    const now = this.#clock.now();
    this.#forgetOldKeys(now);
    const { key } = entry;
    const used = key === undefined ? undefined : room.keys.get(key);
    if (used !== undefined) {
      const record = room.history.get(used.sequence);
      return Promise.resolve({ position: positionIn(room, used.sequence), duplicate: true, record });
    }
    const record = this.#number(room, entry, Math.floor(now));
    if (key !== undefined) this.#remember({ room, key, sequence: record.sequence, timeMs: now });
    this.#handOut(room, record);
    return Promise.resolve({ position: record, duplicate: false, record });
  }

  read(name: string, after: Position | undefined, limit: number): Promise<LogPage> {
    checkRoomName(name);
    wholeNumber('limit', limit, 1);
    if (this.#closed) return Promise.reject(closedLog());
    // A room that nobody has named before is made to answer, and not kept.
    return Promise.resolve(this.#page(this.#rooms.get(name) ?? this.#newRoom(name), after, limit));
  }

  subscribe(name: string, limit: number, subscriber: LogSubscriber): Subscription {
    checkRoomName(name);
    wholeNumber('limit', limit);
    const room = this.#closed ? closedLog() : this.#open(name);
    if (room instanceof RoomRefused) {
      subscriber.failed(room);
      return { close() {} };
    }
    room.history.prune(this.#clock.now());
    const listener: Listener = { subscriber, sequence: room.sequence };
    room.listeners.add(listener);
    this.#idle.delete(room);
    subscriber.opened(positionIn(room, room.sequence), room.history.last(limit));
    return {
      close: () => {
        if (room.listeners.delete(listener) && room.listeners.size === 0) this.#noteIdle(room);
      },
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    this.#idle.clear();
    this.#keys.clear();
    for (const { listeners } of rooms) {
      const ended = [...listeners];
      listeners.clear();
      for (const { subscriber } of ended) subscriber.failed(closedLog());
    }
    return Promise.resolve();
  }

  /** Forgets a room without subscribers: its records, its keys and its epoch. Returns whether there was one. */
  forget(name: string): boolean {
    const room = this.#rooms.get(name);
    if (room === undefined || room.listeners.size > 0) return false;
    this.#drop(room);
    return true;
  }

  /** The room; made, or brought to the end of the idle ones, when it is used. */
  #open(name: string): LoggedRoom | RoomRefused {
    let room = this.#rooms.get(name);
    if (room !== undefined) {
      if (this.#idle.delete(room)) this.#idle.add(room);
      return room;
    }
    if (this.#rooms.size >= this.#maxRooms) {
      const [oldest] = this.#idle;
      if (oldest === undefined)
        return new RoomRefused(
          'LOG_FULL',
          `all ${this.#rooms.size} rooms of the log are in use, limit ${this.#maxRooms}`,
        );
      this.#drop(oldest);
    }
    room = this.#newRoom(name);
    this.#rooms.set(name, room);
    this.#idle.add(room);
    return room;
  }

  #newRoom(name: string): LoggedRoom {
    return {
      name,
      epoch: this.#newId(12),
      token: this.#newId(6),
      history: new History(recordBytes, this.#bounds),
      listeners: new Set(),
      keys: new Map(),
      sequence: 0,
      waiting: undefined,
    };
  }

  /** A room without subscribers waits to make way; one that has never had a record leaves nothing behind. */
  #noteIdle(room: LoggedRoom): void {
    if (this.#rooms.get(room.name) !== room) return;
    if (room.sequence === 0) this.#rooms.delete(room.name);
    else this.#idle.add(room);
  }

  #drop(room: LoggedRoom): void {
    this.#idle.delete(room);
    this.#rooms.delete(room.name);
    for (const used of room.keys.values()) this.#keys.delete(used);
  }

  #number(room: LoggedRoom, entry: LogEntry, timeMs: number): LogRecord {
    const record: LogRecord = {
      type: 'record',
      epoch: room.epoch,
      sequence: ++room.sequence,
      token: room.token,
      timeMs,
      data: entry.data,
      key: entry.key,
      coalesce: entry.coalesce,
      policy: entry.policy,
    };
    room.history.append(record);
    room.history.prune(timeMs);
    return record;
  }

  /** Hands a record to every subscriber; one that is appended meanwhile waits until all have this one. */
  #handOut(room: LoggedRoom, record: LogRecord): void {
    if (room.waiting !== undefined) {
      room.waiting.push(record);
      return;
    }
    if (room.listeners.size === 0) return;
    const waiting: LogRecord[] = [record];
    room.waiting = waiting;
    for (let i = 0; i < waiting.length; i++) {
      const each = waiting[i]!;
      for (const listener of room.listeners) {
        if (listener.sequence >= each.sequence) continue; // it subscribed meanwhile, and `opened` covered this one
        listener.sequence = each.sequence;
        listener.subscriber.record(each);
      }
    }
    room.waiting = undefined;
  }

  #page(room: LoggedRoom, after: Position | undefined, limit: number): LogPage {
    const { history, sequence } = room;
    history.prune(this.#clock.now());
    const head = positionIn(room, sequence);
    if (after === undefined || !isPositionOf(room, after))
      return { head, reset: after !== undefined, gap: undefined, records: history.last(limit) };
    const from = after.sequence + 1;
    const gap = history.firstSequence > from ? { from, to: history.firstSequence - 1 } : undefined;
    return { head, reset: false, gap, records: history.from(from, limit) };
  }

  #remember(used: UsedKey): void {
    const { keys } = used.room;
    keys.set(used.key, used);
    this.#keys.add(used);
    if (keys.size > this.#maxKeys) this.#forgetKey(keys.values().next().value as UsedKey);
    if (this.#keys.size > this.#maxTotalKeys) this.#forgetKey(this.#keys.values().next().value as UsedKey);
    this.#cancelSweep ??= this.#clock.after(this.#keyAgeMs, this.#sweep);
  }

  /** Appends forget old keys as they go; this does it for a log that has fallen silent. */
  readonly #sweep = (): void => {
    this.#forgetOldKeys(this.#clock.now());
    this.#cancelSweep = this.#keys.size === 0 ? undefined : this.#clock.after(this.#keyAgeMs, this.#sweep);
  };

  #forgetKey(used: UsedKey): void {
    used.room.keys.delete(used.key);
    this.#keys.delete(used);
  }

  /** O(1) for each key that was remembered. */
  #forgetOldKeys(now: number): void {
    for (const used of this.#keys) {
      if (used.timeMs > now - this.#keyAgeMs) return;
      this.#forgetKey(used);
    }
  }
}

function positionIn(room: LoggedRoom, sequence: number): Position {
  return { epoch: room.epoch, sequence, token: sequence === 0 ? '' : room.token };
}

function isPositionOf(room: LoggedRoom, { epoch, sequence, token }: Position): boolean {
  return epoch === room.epoch && sequence <= room.sequence && token === (sequence === 0 ? '' : room.token);
}

function closedLog(): RoomRefused {
  return new RoomRefused('LOG_CLOSED', 'the log is closed');
}
