/**
 * The hub: all rooms of a process, and the members that are in them.
 *
 * A room is made when the first member joins and let go of when the last one leaves; what was said in it lives in the log, by
 * the log's bounds. So the hub never lets go of a room that has members, and holds nothing of one that has none. A
 * process without members publishes too. Look-up is O(1); memory: `maxRooms` rooms, and their members.
 * Read next: `../chat/server.ts`, the hub's user.
 */

import { isPromise, whenRejected } from '../errors.ts';
import { ROOM_LIMITS } from '../limits.ts';
import { checkNames, checkOptions, clockWith, defined, describe, FUNCTION } from '../options.ts';
import { checkGatherMs } from './gather.ts';
import { type HistoryOptions, historyBounds, wholeNumber } from './history.ts';
import {
  type Clock,
  checkRoomName,
  checkText,
  type Position,
  type RecordData,
  type RoomLog,
  RoomRefused,
  SLOW_POLICIES,
} from './log.ts';
import { type Host, type JoinOptions, Member, type MemberConnection } from './member.ts';
import { MemoryLog } from './memory-log.ts';
import type { Item } from './notices.ts';
import { type PublishOptions, publishUnheard } from './publisher.ts';
import type { Receipt } from './receipts.ts';
import { Room, type RoomHost, type RoomSettings, type RoomView } from './room.ts';
import { systemClock } from './system.ts';

/** What can be set for all rooms, and again for each of them. */
export interface RoomOptions extends HistoryOptions {
  /** What becomes of a message for a member that does not keep up. Default `evict`: let go, with a position to come back with. */
  readonly policy?: RoomSettings['policy'] | undefined;
  /** Milliseconds of messages that are delivered together; `'auto'`: only while the loop is busy. Does not keep the process alive. Default 0. */
  readonly gatherMs?: RoomSettings['gatherMs'] | undefined;
  /** Milliseconds of joins and leaves that are told together; 0 = each at once. Does not keep the process alive. Default `ROOM_LIMITS.presenceMs`. */
  readonly presenceMs?: number | undefined;
  /** Default `ROOM_LIMITS.maxMembers`. */
  readonly maxMembers?: number | undefined;
  /** Names in a welcome and in a list of changes; `memberCount` counts the people of the others too. Default `ROOM_LIMITS.maxMembersListed`. */
  readonly maxMembersListed?: number | undefined;
  /** What `prepare` made of a record is let go of when nobody has needed it for so long, up to twice. Default `ROOM_LIMITS.keepPreparedMs`. */
  readonly keepPreparedMs?: number | undefined;
  /** Bytes that wait for a member that is behind. Default `ROOM_LIMITS.maxQueueBytes`. */
  readonly maxQueueBytes?: number | undefined;
  /** And how long. Default `ROOM_LIMITS.maxQueueAgeMs`. */
  readonly maxQueueAgeMs?: number | undefined;
}

/** Options of a `Hub`. */
export interface HubOptions<Value> extends RoomOptions {
  /**
   * Makes what members are given: of a record once for all of them and for replay (again after `keepPreparedMs`, and then
   * the same), of a notice once for each member or
   * list. Undefined: members are not told; of a record they are told a gap instead. One that throws counts as undefined, and so does one that answers a promise: `onError` is told.
   */
  readonly prepare: (item: Item, room: RoomView) => Value | undefined;
  /** Default: a `MemoryLog` with the hub's bounds of the history. */
  readonly log?: RoomLog | undefined;
  /** What this room has instead of the options here, asked for whenever a room is made. Answers at once: a promise is a TypeError at the join. */
  readonly room?: ((name: string) => RoomOptions) | undefined;
  /**
   * Whose a name of presence (`as`) is, for people who may be here by several names: a person counts once in `memberCount`. Answers a text, the same for
   * each of them; asked when a name comes, on every node. One that throws or answers none counts as a person of its own: `onError` is told. Default: each name is a person.
   */
  readonly personOf?: ((name: string) => string) | undefined;
  /** Rooms with members. Default `ROOM_LIMITS.maxRooms`. */
  readonly maxRooms?: number | undefined;
  /** Rooms that one member can be in. Default `ROOM_LIMITS.maxRoomsPerMember`. */
  readonly maxRoomsPerMember?: number | undefined;
  /** Told what a handler has thrown (`send`, `evicted`, `prepare`; `personOf` as `presence`) and when a log gives up on a room (`log`). What it throws, or rejects with, is dropped. Default: nobody. */
  readonly onError?: ((error: unknown, where: string) => void) | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

const ROOM_OPTIONS: readonly (keyof RoomOptions)[] = [
  'maxHistoryRecords',
  'maxHistoryBytes',
  'maxHistoryAgeMs',
  'policy',
  'gatherMs',
  'presenceMs',
  'maxMembers',
  'maxMembersListed',
  'keepPreparedMs',
  'maxQueueBytes',
  'maxQueueAgeMs',
];
const HUB_OPTIONS: readonly (keyof HubOptions<unknown>)[] = [
  ...ROOM_OPTIONS,
  'prepare',
  'log',
  'room',
  'personOf',
  'maxRooms',
  'maxRoomsPerMember',
  'onError',
  'clock',
];

const JOIN_OPTIONS: readonly (keyof JoinOptions)[] = ['after', 'as'];
const PUBLISH_OPTIONS: readonly (keyof PublishOptions)[] = ['key', 'coalesce', 'policy', 'wait', 'waitTimeoutMs'];

/**
 * All rooms of a process, and the members that are in them. A room is there while it has members; what was said in it lives in the log, by
 * the log's bounds, and can be published to in any case. `Value` is what `prepare` makes, `RoomData` what you keep with a room.
 */
export class Hub<Value, RoomData = unknown> {
  readonly #options: HubOptions<Value>;
  readonly #settings: RoomSettings;
  readonly #maxRooms: number;
  readonly #maxRoomsPerMember: number;
  readonly #log: RoomLog;
  readonly #ownsLog: boolean;
  readonly #rooms = new Map<string, Room<Value, RoomData>>();
  readonly #memberHost: Host<Value>;
  readonly #roomHost: RoomHost<Value>;
  #isClosed = false;

  /** @throws TypeError, RangeError for an option that is none, or out of its bounds */
  constructor(options: HubOptions<Value>) {
    checkNames('Hub', options, HUB_OPTIONS);
    const { prepare, room: own, personOf, onError, clock = systemClock } = options;
    checkOptions(
      'Hub',
      { room: own, personOf, onError, clock },
      { room: FUNCTION, personOf: FUNCTION, onError: FUNCTION, clock: clockWith('now', 'after') },
    );
    if (typeof prepare !== 'function')
      throw new TypeError(`Hub: prepare is ${describe(prepare)}, must be a function that makes what members are given`);
    if (options.log !== undefined && !isRoomLog(options.log))
      throw new TypeError(
        `Hub: log is ${describe(options.log)}, must be a RoomLog (a promise of one is awaited first)`,
      );
    this.#options = options;
    this.#settings = roomSettings(options);
    this.#maxRooms = wholeNumber('maxRooms', options.maxRooms ?? ROOM_LIMITS.maxRooms, 1);
    const { maxRoomsPerMember = ROOM_LIMITS.maxRoomsPerMember } = options;
    this.#maxRoomsPerMember = wholeNumber('maxRoomsPerMember', maxRoomsPerMember, 1);
    this.#ownsLog = options.log === undefined;
    this.#log = options.log ?? new MemoryLog({ ...historyBounds(options), maxRooms: this.#maxRooms, clock });
    const report = (error: unknown, where: string): void => this.#report(error, where);
    this.#memberHost = { join: (member, room, how) => this.#join(member, room, how), report };
    const closed = (name: string): void => void this.#rooms.delete(name);
    this.#roomHost = { log: this.#log, clock, prepare, report, personOf, closed };
  }

  /** Rooms that have members. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The log that the rooms are kept in: to read a history from, for example. */
  get log(): RoomLog {
    return this.#log;
  }

  /** The rooms that have members; not a copy. */
  rooms(): IterableIterator<Room<Value, RoomData>> {
    return this.#rooms.values();
  }

  /** The room, if it has members. */
  find(name: string): Room<Value, RoomData> | undefined {
    return this.#rooms.get(name);
  }

  /** Makes a member of a connection; it is in no room yet. Call its `drained` and `close` when the connection says so. @throws TypeError */
  member<Data>(connection: MemberConnection<Value>, data: Data): Member<Value, Data>;
  /** As above; its `data` is undefined until you set it. @throws TypeError */
  member<Data = undefined>(connection: MemberConnection<Value>): Member<Value, Data | undefined>;
  member<Data>(connection: MemberConnection<Value>, data?: Data): Member<Value, Data | undefined> {
    const has = (name: keyof MemberConnection<Value>): boolean => typeof connection?.[name] === 'function';
    if (!has('send')) throw new TypeError('member: the connection has no function send');
    if (!has(connection.evicted === undefined ? 'close' : 'evicted'))
      throw new TypeError('member: the connection has neither a function evicted nor a function close');
    return new Member<Value, Data | undefined>(connection, this.#memberHost, data);
  }

  /**
   * Publishes in a room, whether or not it has members here. Resolves once the log has the record and it was delivered here.
   * Rejects with a RoomRefused, see `RoomLog`; a rejection that nobody looks at does no harm.
   * @throws TypeError, RangeError for what no log takes
   */
  publish(name: string, data: RecordData, options: PublishOptions = {}): Promise<Receipt> {
    checkNames('publish', options, PUBLISH_OPTIONS);
    const { key, coalesce, policy, wait, waitTimeoutMs = ROOM_LIMITS.waitTimeoutMs } = options;
    wholeNumber('waitTimeoutMs', waitTimeoutMs);
    if (wait !== undefined && typeof wait !== 'boolean')
      throw new TypeError(`publish: wait is ${describe(wait)}, must be true or false`);
    const room = this.#rooms.get(name);
    if (room !== undefined) return room.publish(data, options, waitTimeoutMs);
    return publishUnheard(this.#log.append(name, { data, key, coalesce, policy }));
  }

  /** Lets go of every member of every room, and closes the log if the hub has made it. From here on nobody joins: `LOG_CLOSED`. */
  close(): Promise<void> {
    this.#isClosed = true;
    for (const room of [...this.#rooms.values()]) room.close('closed');
    return this.#ownsLog ? this.#log.close() : Promise.resolve();
  }

  #join(member: Member<Value, unknown>, name: string, options: JoinOptions): void {
    checkRoomName(name);
    checkNames('join', options, JOIN_OPTIONS);
    const { after, as } = options;
    if (as !== undefined) checkText('as', as, ROOM_LIMITS.maxKeyLength);
    if (!isAfter(after))
      throw new TypeError(`join: after is ${describe(after)}, must be a position or the text of one`);
    this.#enter(member, name, options);
  }

  /** Without the settings of a room that is to be made, asks for them. */
  #enter(member: Member<Value, unknown>, name: string, options: JoinOptions, settings?: RoomSettings): void {
    if (member.isClosed) return;
    if (this.#isClosed) throw new RoomRefused('LOG_CLOSED', 'the hub is closed');
    if (member.has(name)) return;
    if (member.size >= this.#maxRoomsPerMember)
      throw new RoomRefused('MEMBER_FULL', `the member is in ${member.size} rooms, limit ${this.#maxRoomsPerMember}`);
    const existing = this.#rooms.get(name);
    if (existing !== undefined) {
      existing.join(member, options);
      return;
    }
    if (this.#rooms.size >= this.#maxRooms)
      throw new RoomRefused('HUB_FULL', `there are ${this.#rooms.size} rooms with members, limit ${this.#maxRooms}`);
    if (settings === undefined) {
      const asked = this.#settingsOf(name);
      this.#enter(member, name, options, asked); // anew: the application may have done anything while it was asked
      return;
    }
    const room = new Room<Value, RoomData>(name, this.#roomHost, settings);
    this.#rooms.set(name, room); // before anybody is told, who might join it too
    room.open();
    room.join(member, options);
  }

  #settingsOf(name: string): RoomSettings {
    const own = this.#options.room?.(name);
    if (own === undefined) return this.#settings;
    if (isPromise(own)) {
      own.then(undefined, () => undefined); // why it rejects matters less than that it is a promise
      throw new TypeError(
        `room answered a promise for ${describe(name)}, must answer at once: with options, or undefined`,
      );
    }
    checkNames(`options of room ${name}`, own, ROOM_OPTIONS);
    return roomSettings({ ...this.#settings, ...defined(own) });
  }

  #report(error: unknown, where: string): void {
    try {
      whenRejected(this.#options.onError?.(error, where), () => undefined);
    } catch {
      return; // A handler that throws while it is told of an error has nobody left to be told.
    }
  }
}

/** What `join` takes for a position: what is none of this room's is a reset, what can be none is a mistake of the caller's. */
function isAfter(after: unknown): boolean {
  if (after === undefined || after === null || typeof after === 'string') return true;
  const { epoch, sequence, token } = after as Partial<Record<keyof Position, unknown>>;
  return (
    typeof epoch === 'string' &&
    Number.isSafeInteger(sequence) &&
    (sequence as number) >= 0 &&
    ['string', 'undefined'].includes(typeof token)
  );
}

function isRoomLog(log: unknown): boolean {
  return typeof (log as { append?: unknown } | null)?.append === 'function';
}

function roomSettings(options: RoomOptions): RoomSettings {
  const { policy = 'evict', gatherMs = 0, presenceMs = ROOM_LIMITS.presenceMs } = options;
  const { maxMembers = ROOM_LIMITS.maxMembers, maxMembersListed = ROOM_LIMITS.maxMembersListed } = options;
  const { maxQueueBytes = ROOM_LIMITS.maxQueueBytes, maxQueueAgeMs = ROOM_LIMITS.maxQueueAgeMs } = options;
  if (!SLOW_POLICIES.includes(policy))
    throw new RangeError(`policy is ${describe(policy)}, must be one of ${SLOW_POLICIES.join(', ')}`);
  return {
    ...historyBounds(options),
    policy,
    gatherMs: checkGatherMs(gatherMs),
    presenceMs: wholeNumber('presenceMs', presenceMs),
    maxMembers: wholeNumber('maxMembers', maxMembers, 1),
    maxMembersListed: wholeNumber('maxMembersListed', maxMembersListed),
    keepPreparedMs: wholeNumber('keepPreparedMs', options.keepPreparedMs ?? ROOM_LIMITS.keepPreparedMs, 1),
    maxQueueBytes: wholeNumber('maxQueueBytes', maxQueueBytes),
    maxQueueAgeMs: wholeNumber('maxQueueAgeMs', maxQueueAgeMs, 1),
  };
}
