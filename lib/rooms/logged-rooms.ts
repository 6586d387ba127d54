/**
 * The rooms of a log that has its records in memory: history, keys that were used, subscribers, and which room makes way.
 *
 * Numbering a record (`number`) and taking it (`take`: history, key, every subscriber) are two steps, so that a log can
 * put a record on a disk in between. All records that one of these objects numbers have the same token: it never loses
 * one, and whoever goes on with its numbering later, from what a disk kept, is another object with another token.
 * Memory: for each room its history and at most `maxKeys` keys, of all rooms at most `maxTotalKeys`; rooms beyond `maxRooms`
 * make way in the order in which they were last used, never one with subscribers or with a record that is numbered and not taken.
 * Sections: options, a room, the rooms. Read next: `memory-log.ts` and `../room-logs/journal.ts`, the users.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { History, type HistoryBounds, type HistoryOptions, historyBounds, wholeNumber } from './history.ts';
import { KeyWindow, RoomKeys, type UsedKey } from './key-window.ts';
import {
  type Clock,
  dataBytes,
  type LogEntry,
  type LogPage,
  type LogRecord,
  type LogSubscriber,
  type Position,
  RoomRefused,
  type Subscription,
} from './log.ts';
import { randomId, systemClock } from './system.ts';

/** Bounds of a log that has its records in memory, and where its time and identifiers come from. */
export interface LoggedRoomsOptions extends HistoryOptions {
  /** Rooms at a time. Default `ROOM_LIMITS.maxRooms`. */
  readonly maxRooms?: number | undefined;
  /** Keys remembered for one room. Default `ROOM_LIMITS.maxKeys`. */
  readonly maxKeys?: number | undefined;
  /** Keys remembered for all rooms together. Default `ROOM_LIMITS.maxTotalKeys`. */
  readonly maxTotalKeys?: number | undefined;
  /** Milliseconds that a key is remembered: a whole number of any size. Default `ROOM_LIMITS.keyAgeMs`. */
  readonly keyAgeMs?: number | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Makes identifiers of so many characters `0-9a-z` that never repeat. Default: random ones. */
  readonly newId?: ((length: number) => string) | undefined;
}

/** Every option there is. */
export const LOGGED_ROOMS_OPTIONS: readonly (keyof LoggedRoomsOptions)[] = [
  'maxHistoryRecords',
  'maxHistoryBytes',
  'maxHistoryAgeMs',
  'maxRooms',
  'maxKeys',
  'maxTotalKeys',
  'keyAgeMs',
  'clock',
  'newId',
];

/** The bounds that the options give; for a log to check, too, before anything is opened. @throws RangeError for one that is none */
export function loggedRoomsBounds({ maxRooms, maxKeys, maxTotalKeys, keyAgeMs, ...history }: LoggedRoomsOptions): {
  readonly history: HistoryBounds;
  readonly maxRooms: number;
  readonly keys: { readonly maxKeys: number; readonly maxTotalKeys: number; readonly keyAgeMs: number };
} {
  return {
    history: historyBounds(history),
    maxRooms: wholeNumber('maxRooms', maxRooms ?? ROOM_LIMITS.maxRooms, 1),
    keys: {
      maxKeys: wholeNumber('maxKeys', maxKeys ?? ROOM_LIMITS.maxKeys),
      maxTotalKeys: wholeNumber('maxTotalKeys', maxTotalKeys ?? ROOM_LIMITS.maxTotalKeys),
      keyAgeMs: wholeNumber('keyAgeMs', keyAgeMs ?? ROOM_LIMITS.keyAgeMs),
    },
  };
}

/** Who is told what becomes of rooms beside their records, for a log that holds the same rooms after a restart. Must not throw. */
export interface RoomObserver {
  /** The room's first subscriber came, or its last one left. */
  inUseOrIdle(room: LoggedRoom): void;
  /** The room is held no more. Not called by `close`. */
  dropped(room: LoggedRoom): void;
}

interface Listener {
  readonly subscriber: LogSubscriber;
  /** The last record that it has had, or that `opened` covered. */
  sequence: number;
}

/** What the log holds of a room. */
export interface LoggedRoom {
  readonly name: string;
  /** The place of the last record that was taken. */
  head: Position;
  readonly history: History<LogRecord>;
  readonly listeners: Set<Listener>;
  readonly keys: RoomKeys;
  /** Records taken while another one is being handed out; undefined while none is. */
  waiting: LogRecord[] | undefined;
  /** Records that were numbered and are not taken yet: until then the room stays, whoever leaves. */
  pending: number;
}

const recordBytes = (record: LogRecord): number => dataBytes(record.data);

/** See the head of this file. */
export class LoggedRooms {
  readonly #bounds: HistoryBounds;
  readonly #clock: Clock;
  readonly #newId: (length: number) => string;
  readonly #token: string;
  readonly #maxRooms: number;
  readonly #what: string;
  readonly #rooms = new Map<string, LoggedRoom>();
  /** Rooms without subscribers, the one that was used longest ago first. Those with `pending` records stay. */
  readonly #idle = new Set<LoggedRoom>();
  readonly #keys: KeyWindow;
  #observer: RoomObserver | undefined;

  /** `what` these are the rooms of, for errors. @throws RangeError for a bound that is none */
  constructor(options: LoggedRoomsOptions = {}, what = 'the log') {
    const { history, maxRooms, keys } = loggedRoomsBounds(options);
    this.#bounds = history;
    this.#clock = options.clock ?? systemClock;
    this.#newId = options.newId ?? randomId;
    this.#token = this.#newId(6);
    this.#maxRooms = maxRooms;
    this.#what = what;
    this.#keys = new KeyWindow(keys, this.#clock);
  }

  /** Rooms held, and keys remembered: for those who watch memory. */
  get held(): { readonly rooms: number; readonly keys: number } {
    return { rooms: this.#rooms.size, keys: this.#keys.size };
  }

  /** Keys remembered so far, those that are forgotten included: `RoomKeys.all` answers those among the first so many. */
  get keysRemembered(): number {
    return this.#keys.remembered;
  }

  /** Names who is told of rooms from now on. */
  observe(observer: RoomObserver): void {
    this.#observer = observer;
  }

  /** The names of the rooms that are held, the one that makes way first in front; those with subscribers at the end. */
  namesInOrder(): string[] {
    const names = Array.from(this.#idle, ({ name }) => name);
    for (const { name, listeners } of this.#rooms.values()) if (listeners.size > 0) names.push(name);
    return names;
  }

  /** The room; made, or brought to the end of the idle ones, when it is used. */
  open(name: string): LoggedRoom | RoomRefused {
    const held = this.#rooms.get(name);
    if (held !== undefined) {
      this.touch(held);
      return held;
    }
    if (this.#rooms.size >= this.#maxRooms) {
      const makesWay = this.#oldestSettled();
      if (makesWay !== undefined) this.#drop(makesWay);
      // Those that only stay for what is pending are beyond the bound: as many as there are appends under way.
      else if (this.#rooms.size - this.#idle.size >= this.#maxRooms)
        return new RoomRefused(
          'LOG_FULL',
          `all ${this.#rooms.size} rooms of ${this.#what} are in use, limit ${this.#maxRooms}`,
        );
    }
    return this.#add(name);
  }

  /** Notes that a room is used: of those without subscribers it makes way last. */
  touch(room: LoggedRoom): void {
    if (this.#idle.delete(room)) this.#idle.add(room);
  }

  /** Notes that a record was numbered, and is taken later: the room stays, whoever leaves, until `settled` was called as often. */
  pending(room: LoggedRoom): void {
    room.pending++;
  }

  /** A record that was numbered was taken, or never will be. */
  settled(room: LoggedRoom): void {
    room.pending--;
    if (room.pending > 0 || room.listeners.size > 0) return;
    this.#noteIdle(room);
    this.makeWay();
  }

  /** The room, if it is held. */
  find(name: string): LoggedRoom | undefined {
    return this.#rooms.get(name);
  }

  /**
   * Makes a room whose numbering stands at `head`, in place of what is held under its name. `records` are consecutive and
   * the last of them is at `head`; without any the history is empty. Nobody is told. The bound of rooms is not looked at
   * until `restored`.
   */
  restore(name: string, head: Position, records: readonly LogRecord[] = []): LoggedRoom {
    const held = this.#rooms.get(name);
    if (held !== undefined) this.#drop(held);
    const room = this.#add(name);
    room.head = head;
    room.history.restart(head.sequence + 1 - records.length);
    for (const record of records) room.history.append(record);
    return room;
  }

  /** Rooms are about to be restored from what a disk kept: until `restored`, so many keys more than `maxTotalKeys` are remembered. */
  restoring(moreKeys: number): void {
    this.#keys.allowMore(moreKeys);
  }

  /** Everything is restored: rooms, and then keys, that are more than may be held are let go of. */
  restored(): void {
    this.makeWay();
    this.#keys.allowMore(0);
  }

  /** Drops rooms without subscribers, the one that was used longest ago first, until no more are held than may be. */
  makeWay(): void {
    for (const room of this.#idle) {
      if (this.#rooms.size <= this.#maxRooms) return;
      if (room.pending === 0) this.#drop(room);
    }
  }

  /** The key, if it was used in this room within the window. O(1), and O(1) for each key that is forgotten. */
  usedKey(room: LoggedRoom, key: string): UsedKey | undefined {
    return this.#keys.find(room.keys, key);
  }

  /** Makes the record after `before`, which is the room's head or a record that is still to be taken. Changes nothing. */
  number(entry: LogEntry, before: Position, timeMs: number): LogRecord {
    return {
      type: 'record',
      epoch: before.epoch,
      sequence: before.sequence + 1,
      token: this.#token,
      timeMs,
      data: entry.data,
      key: entry.key,
      coalesce: entry.coalesce,
      policy: entry.policy,
    };
  }

  /** Takes the next record: into the history, its key into the window, and to every subscriber. */
  take(room: LoggedRoom, record: LogRecord): void {
    room.head = { epoch: record.epoch, sequence: record.sequence, token: record.token };
    room.history.append(record);
    room.history.prune(record.timeMs);
    if (record.key !== undefined) this.remember(room, { key: record.key, position: room.head, timeMs: record.timeMs });
    handOut(room, record);
  }

  /** Remembers that a key was used; keys are remembered in the order in which they were used. */
  remember(room: LoggedRoom, used: UsedKey): void {
    this.#keys.remember(room.keys, used);
  }

  /** As `RoomLog.read`. A room that nobody has named before is made to answer, and not kept. */
  page(name: string, after: Position | undefined, limit: number): LogPage {
    const { history, head } = this.#rooms.get(name) ?? this.#newRoom(name);
    history.prune(this.#clock.now());
    if (after === undefined || !isIssued(after, head, history))
      return { head, reset: after !== undefined, gap: undefined, records: history.last(limit) };
    const from = after.sequence + 1;
    const gap = history.firstSequence > from ? { from, to: history.firstSequence - 1 } : undefined;
    return { head, reset: false, gap, records: history.from(from, limit) };
  }

  /** As `RoomLog.subscribe`. */
  subscribe(name: string, limit: number, subscriber: LogSubscriber): Subscription {
    const room = this.open(name);
    if (room instanceof RoomRefused) {
      subscriber.failed(room);
      return { close() {} };
    }
    room.history.prune(this.#clock.now());
    const listener: Listener = { subscriber, sequence: room.head.sequence };
    room.listeners.add(listener);
    this.#idle.delete(room);
    if (room.listeners.size === 1) this.#observer?.inUseOrIdle(room);
    subscriber.opened(room.head, room.history.last(limit));
    return {
      close: () => {
        if (!room.listeners.delete(listener) || room.listeners.size > 0) return;
        this.#observer?.inUseOrIdle(room);
        this.#noteIdle(room);
        this.makeWay(); // there may be more than the bound, of rooms that stayed for a record and were joined meanwhile
      },
    };
  }

  /** Forgets a room without subscribers: its records, its keys and its epoch. Returns whether there was one. */
  forget(name: string): boolean {
    const room = this.#rooms.get(name);
    if (room === undefined || room.listeners.size > 0 || room.pending > 0) return false;
    this.#drop(room);
    return true;
  }

  /** Forgets everything, and ends every subscription with `error`. */
  close(error: RoomRefused): void {
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    this.#idle.clear();
    this.#keys.clear();
    for (const { listeners } of rooms) {
      const ended = [...listeners];
      listeners.clear();
      for (const { subscriber } of ended) subscriber.failed(error);
    }
  }

  #add(name: string): LoggedRoom {
    const room = this.#newRoom(name);
    this.#rooms.set(name, room);
    this.#idle.add(room);
    return room;
  }

  #newRoom(name: string): LoggedRoom {
    return {
      name,
      head: { epoch: this.#newId(12), sequence: 0, token: '' },
      history: new History(recordBytes, this.#bounds),
      listeners: new Set(),
      keys: new RoomKeys(),
      waiting: undefined,
      pending: 0,
    };
  }

  /** A room without subscribers waits to make way; one that has never had a record, and has none pending, leaves nothing behind. */
  #noteIdle(room: LoggedRoom): void {
    if (this.#rooms.get(room.name) !== room) return;
    if (room.head.sequence === 0 && room.pending === 0) this.#drop(room);
    else this.#idle.add(room);
  }

  /** The room that makes way next. Those that are pending were used last, so that few are looked at. */
  #oldestSettled(): LoggedRoom | undefined {
    for (const room of this.#idle) if (room.pending === 0) return room;
    return undefined;
  }

  #drop(room: LoggedRoom): void {
    this.#idle.delete(room);
    this.#rooms.delete(room.name);
    this.#keys.drop(room.keys);
    this.#observer?.dropped(room);
  }
}

/** Hands a record to every subscriber; one that is taken meanwhile waits until all have this one. */
function handOut(room: LoggedRoom, record: LogRecord): void {
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

/** Whether a position is one of this numbering, as far as the history can tell. */
function isIssued({ epoch, sequence, token }: Position, head: Position, history: History<LogRecord>): boolean {
  if (epoch !== head.epoch || sequence > head.sequence) return false;
  if (sequence === 0 || token === '') return sequence === 0 && token === '';
  const known = sequence === head.sequence ? head : history.get(sequence);
  return known === undefined || known.token === token;
}

/** The error of a log that is closed. */
export function logClosed(): RoomRefused {
  return new RoomRefused('LOG_CLOSED', 'the log is closed');
}
