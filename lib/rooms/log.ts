/**
 * The port of the log: what rooms ask of whatever keeps their records, and what they may rely on.
 *
 * A log numbers the records of each room and hands every record to every subscriber of that room in that order, so that
 * all who share a log (rooms of one process, or nodes) deliver the same order. It knows rooms by name, and text or octets;
 * never members, connections or what the data means. Types, the checks that every log makes at the call, and the error.
 * `memory-log.ts` is the log of one process; `../room-logs/` has those that touch a disk or a network. The tests that
 * every log must pass are `spec-tests/rooms/log-contract.ts`. Read next: `position.ts`, then `memory-log.ts`.
 */

import { refuseLent } from '../bytes/lent-memory.ts';
import { BarewireError } from '../errors.ts';
import { ROOM_LIMITS } from '../limits.ts';
import { describe } from '../options.ts';

/** What is published: text, or octets. A log gives back the kind that it was given. Octets are not copied: do not change them. */
export type RecordData = string | Uint8Array;

/** What may become of a message for a member that does not keep up; `policies.ts` says what each does. */
export type SlowPolicy = 'drop-oldest' | 'drop-newest' | 'coalesce' | 'evict';

/**
 * A place in a room's numbering: that of a record, or the place before the first record (sequence 0, token empty).
 * Positions of different epochs must not be compared.
 */
export interface Position {
  /** One life of the room's numbering: 1 to 32 of `0-9a-z`, never used again for a room of that name. */
  readonly epoch: string;
  /** 1, 2, 3, … without holes within an epoch, at most 2^53 - 1; 0 before the first. */
  readonly sequence: number;
  /**
   * 1 to 16 of `0-9a-z`, empty at sequence 0. Two records that were ever given the same epoch and sequence (the log lost
   * writes and numbered again from there) have different tokens, but for a chance of at most one in a million.
   */
  readonly token: string;
}

/** What a publisher gives to a log. */
export interface LogEntry {
  readonly data: RecordData;
  /**
   * The publisher's own id, unique in the room (put the publisher's name in front where ids of several could meet):
   * 1 to `ROOM_LIMITS.maxKeyLength` UTF-16 units. Without one, every append is a new record.
   */
  readonly key?: string | undefined;
  /** For members that do not keep up, under every policy, the latest record with this key stands for those before: 1 to `maxKeyLength` units. */
  readonly coalesce?: string | undefined;
  /** Overrides the room's policy for this record. `coalesce` needs a key to coalesce by. */
  readonly policy?: SlowPolicy | undefined;
}

/** What a log hands out: the entry as it was given, numbered. Immutable, shared by all who are handed it. */
export interface LogRecord extends LogEntry, Position {
  /** Tells a record from what rooms say about themselves. */
  readonly type: 'record';
  /** When the log took it, by the log's clock: whole milliseconds since the Unix epoch. Not decreasing where one clock numbers. */
  readonly timeMs: number;
}

/** Records that someone will not get, both ends included: `from <= to`. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** What became of an append. */
export interface Appended {
  /** The record's place; of the first record with this key when the append was a repeat. */
  readonly position: Position;
  /** The key had been used within the window: nothing was appended, nothing will be handed out. */
  readonly duplicate: boolean;
  /** The record at `position`; undefined where a repeat outlived its record, which the bounds of the history removed. */
  readonly record: LogRecord | undefined;
}

/** What a log answers to `read`. */
export interface LogPage {
  /** The last record that ever was; sequence 0 before the first. */
  readonly head: Position;
  /**
   * `after` is no position of the present numbering: another epoch, a sequence that was not reached yet, or a record
   * whose token is another. `records` is then what `after: undefined` would have brought, `gap` undefined.
   */
  readonly reset: boolean;
  /** Records after `after` that the bounds of the history removed. */
  readonly gap: Gap | undefined;
  /** Consecutive, oldest first. The page is the last one when the last of them is `head`, or there are none. */
  readonly records: readonly LogRecord[];
}

/**
 * Who is handed the records of one room. Its methods do not throw, and they may call the log: an append from inside
 * `record` is numbered at once and handed out once every subscriber has the present record.
 */
export interface LogSubscriber {
  /**
   * Once, before anything else, perhaps before `subscribe` has returned. `records` are the last ones up to `head`,
   * consecutive, at most as many as asked for; from here on every record after `head` is handed over.
   */
  opened(head: Position, records: readonly LogRecord[]): void;
  /** The next record: its sequence is one more than that of the record, gap or head before, its epoch the same. */
  record(record: LogRecord): void;
  /** These records are gone before this subscriber was handed them; `head` is the place of the last of them. */
  gap(gap: Gap, head: Position): void;
  /** The numbering does not go on: the log lost records that it had handed out. As `opened`, for the numbering from now on. */
  reset(head: Position, records: readonly LogRecord[]): void;
  /** The subscription has ended and nothing else follows: the log was closed, or gave up. */
  failed(error: RoomRefused): void;
}

/** A subscription that was asked for. */
export interface Subscription {
  /** Ends it: from this call on the subscriber hears nothing. Again has no effect. */
  close(): void;
}

/**
 * Keeps and numbers the records of rooms. A room exists as soon as it is named; one without records costs nothing to keep.
 *
 * Every method throws at the call for what `checkRoomName` and `checkEntry` refuse, and only for that. What goes wrong
 * otherwise is a `RoomRefused`, by rejection or by `failed`:
 * - `LOG_CLOSED`: the log is closed, or was closed before it could answer.
 * - `LOG_FULL`: a bound was reached (rooms, appends in flight). Nothing was appended.
 * - `LOG_FAILED`: disk or network said no; `cause` has what it said. Nothing was appended.
 * - `LOG_UNCERTAIN`: the answer was lost; `cause` says how. Perhaps it was appended: append again with the same key to know.
 */
export interface RoomLog {
  /** Who is in the rooms on all nodes, where several share the log. Without it a room lists the members of its own process. */
  readonly presence?: LogPresence;
  /**
   * Appends a record, unless `entry.key` was used in this room within the window of keys. Resolves when the log keeps its
   * promise about the record (memory: at once; journal: after `fsync`; Redis: when the script has answered); subscribers
   * may be handed the record before or after that. Appends are numbered in the order of the calls on one log object. A repeat
   * is found whoever sends it and through whichever object of the same log, and also while the first is still under way:
   * then both resolve to the same position, or both reject.
   *
   * The window of keys reaches back `keyAgeMs`, but not over more than `maxKeys` keys of a room; both are the log's options.
   * It does not depend on whether the record is still in the history, on who is subscribed, or (journal, Redis) on the process.
   */
  append(room: string, entry: LogEntry): Promise<Appended>;
  /**
   * Reads at most `limit` (1 or more) of the records that the history has: the oldest after a position, or, with `after` undefined, the
   * last ones. A position whose record has left the history and whose token cannot be checked any more counts as known:
   * the answer is then a gap. Does not change anything.
   */
  read(room: string, after: Position | undefined, limit: number): Promise<LogPage>;
  /** Hands `subscriber` the room's records from now on; see there. `limit` (0 or more) bounds the records in `opened`. */
  subscribe(room: string, limit: number, subscriber: LogSubscriber): Subscription;
  /**
   * Takes no more appends, finishes those under way, ends every subscription with `LOG_CLOSED`, and lets go of what it
   * holds. Resolves when that is done; again it answers the same promise. What was passed in (a Redis client) stays open.
   */
  close(): Promise<void>;
}

/** The names of a room on all nodes. What goes wrong is a `RoomRefused` by rejection, as of a log. */
export interface LogPresence {
  /** Counts one connection more of a name on this node. A change that did not arrive is told again later. */
  join(room: string, name: string): Promise<void>;
  /** Counts one connection less. */
  leave(room: string, name: string): Promise<void>;
  /** Reads at most `limit` names, in no order, and how many there are, without those of nodes that died. */
  members(room: string, limit: number): Promise<RoomMembers>;
  /** Tells of names that come and go, on whichever node. Resolves, to how to stop, when every later change will be heard. */
  watch(room: string, watcher: PresenceWatcher): Promise<() => void>;
}

/** The names in a room, as far as they were asked for, and how many there are. */
export interface RoomMembers {
  readonly members: readonly string[];
  readonly memberCount: number;
}

/** Who is told of a room's names: not inside `join` or `leave` themselves. Its methods do not throw. */
export interface PresenceWatcher {
  joined(name: string): void;
  left(name: string): void;
  /** Changes may have been missed: ask for the members again. */
  doubt(): void;
}

/** What time it is, and a way to be called later. */
export interface Clock {
  /** Milliseconds since the Unix epoch, perhaps with a fraction; never less than before. */
  now(): number;
  /**
   * Calls back once after `ms`; 0 = when what is going on has been done. Returns how to call it off.
   * `ms` is as long as an option says, perhaps longer than a timer of Node holds (2^31 - 1 ms, 24.8 days).
   */
  after(ms: number, callback: () => void): () => void;
}

/** A bound of a room, a hub or a log was reached, or a log could not do what was asked. */
export class RoomRefused extends BarewireError {}

/** @throws TypeError, RangeError for what cannot name a room: anything but 1 to `maxRoomNameLength` units of well-formed text */
export function checkRoomName(room: string): void {
  checkText('room', room, ROOM_LIMITS.maxRoomNameLength);
}

/** @throws TypeError, RangeError for an entry that no log takes */
export function checkEntry(entry: LogEntry): void {
  const { data, key, coalesce, policy } = entry;
  if (typeof data !== 'string' && !(data instanceof Uint8Array))
    throw new TypeError(`data is ${data === null ? 'null' : typeof data}, must be a string or a Uint8Array`);
  refuseLent('data', data);
  const bytes = dataBytes(data);
  if (bytes > ROOM_LIMITS.maxRecordBytes)
    throw new RangeError(`data is ${bytes} bytes, limit ${ROOM_LIMITS.maxRecordBytes} (ROOM_LIMITS.maxRecordBytes)`);
  if (key !== undefined) checkText('key', key, ROOM_LIMITS.maxKeyLength);
  if (coalesce !== undefined) checkText('coalesce', coalesce, ROOM_LIMITS.maxKeyLength);
  if (policy !== undefined && !SLOW_POLICIES.includes(policy))
    throw new RangeError(`policy is ${describe(policy)}, must be one of ${SLOW_POLICIES.join(', ')}`);
  if (policy === 'coalesce' && coalesce === undefined)
    throw new TypeError('policy is coalesce, and there is no coalesce key');
}

/** Every policy there is. */
export const SLOW_POLICIES: readonly SlowPolicy[] = ['drop-oldest', 'drop-newest', 'coalesce', 'evict'];

/**
 * What data counts for against a bound: its octets, or of text its UTF-16 units, of which V8 holds one or two octets each.
 * O(1): to count UTF-8 would read all of every text.
 */
export function dataBytes(data: RecordData): number {
  return data.length;
}

/** @throws TypeError, RangeError for anything but 1 to `maxLength` UTF-16 units of well-formed text */
export function checkText(name: string, text: string, maxLength: number): void {
  if (typeof text !== 'string')
    throw new TypeError(`${name} is ${text === null ? 'null' : typeof text}, must be a string`);
  if (text.length === 0 || text.length > maxLength)
    throw new RangeError(`${name} has ${text.length} UTF-16 units, must have 1 to ${maxLength}`);
  if (!text.isWellFormed()) throw new RangeError(`${name} holds half of a surrogate pair`);
}
