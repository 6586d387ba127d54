/**
 * The log of rooms on Redis: many nodes share every room, with the order that Redis gives.
 *
 * Numbering, the look for a repeat and the append are one script. Rooms are spread over a fixed number of partitions; a node
 * reads the streams of those that its subscribed rooms are in, each on a connection of its own, and hands out what comes
 * back. So every node hands out the same records in the same order, its own included. Reads go to Redis.
 * Knows no protocol of Redis: the user's client does (`redis-port.ts`). Read next: `redis-store.ts`, `redis-feed.ts`.
 */

import { whenRejected } from '../errors.ts';
import { describe } from '../options.ts';
import { wholeNumber } from '../rooms/history.ts';
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
} from '../rooms/log.ts';
import { logClosed } from '../rooms/logged-rooms.ts';
import { randomId, systemClock } from '../rooms/system.ts';
import { RoomFeed } from './redis-feed.ts';
import { type RedisLogOptions, type RedisLogSettings, type RedisTrouble, redisLogSettings } from './redis-options.ts';
import { RedisPartition } from './redis-partition.ts';
import type { RedisPort, StreamEntry } from './redis-port.ts';
import { RedisPresence } from './redis-presence.ts';
import { RedisStore } from './redis-store.ts';
import { AppendWindow } from './redis-window.ts';
import { UnderWay } from './under-way.ts';

/**
 * Appends to one partition that a node has on their way: as many as a reader fetches at a time, and of what the stream keeps no more
 * than leaves room for those of three other nodes.
 */
const APPENDS_UNDER_WAY = 200;
const SHARE_OF_BUS = 1 / 4;

/** A partition that is read, and how many feeds and watchers need it. */
interface ReadPartition {
  readonly reader: RedisPartition;
  users: number;
}

/**
 * Opens the log on a Redis. The client stays its owner's, and open.
 * @throws TypeError, RangeError for an option that is none, or another number of partitions than the first node had
 * @throws RoomRefused by rejection, `LOG_FAILED` or `LOG_UNCERTAIN`, when Redis does not answer
 */
export async function openRedisLog(port: RedisPort, options: RedisLogOptions = {}): Promise<RedisLog> {
  const settings = redisLogSettings(options);
  if (typeof port?.reader !== 'function')
    throw new TypeError(
      `openRedisLog: port is ${describe(port)}, must be fromIoredis(client) or fromNodeRedis(client)`,
    );
  const store = new RedisStore(port, settings, options.clock ?? systemClock, options.newId ?? randomId);
  const name = `${settings.prefix}:partitions`;
  await store.commands.send(['SETNX', name, `${settings.partitions}`]);
  const agreed = String(await store.commands.send(['GET', name]));
  if (agreed !== `${settings.partitions}`)
    throw new RangeError(
      `partitions is ${settings.partitions}, and the rooms in Redis (${name}) are spread over ${agreed}`,
    );
  return new RedisLog(port, store, settings, options);
}

/**
 * The log of rooms on Redis: many nodes share every room, and all hand out the same records in the same order. What it promises is
 * `RoomLog`'s. Made by `openRedisLog`.
 */
export class RedisLog implements RoomLog {
  readonly #port: RedisPort;
  readonly #store: RedisStore;
  readonly #settings: RedisLogSettings;
  readonly #clock: Clock;
  readonly #tell: (trouble: RedisTrouble) => void;
  readonly #feeds = new Map<string, RoomFeed>();
  readonly #partitions = new Map<number, ReadPartition>();
  readonly #underWay = new UnderWay();
  /** Who is in the rooms, on all nodes. */
  readonly presence: RedisPresence;
  readonly #pending = new Set<Promise<unknown>>();
  /** By partition; of each that was appended to. */
  readonly #windows = new Map<number, AppendWindow>();
  #ended: RoomRefused | undefined;
  #closing: Promise<void> | undefined;

  constructor(port: RedisPort, store: RedisStore, settings: RedisLogSettings, options: RedisLogOptions) {
    this.#port = port;
    this.#store = store;
    this.#settings = settings;
    this.#clock = options.clock ?? systemClock;
    this.presence = new RedisPresence({
      store,
      clock: this.#clock,
      node: (options.newId ?? randomId)(12),
      hold: (room) => {
        const { started } = this.#hold(store.partitionOf(room)).reader;
        return { started, release: () => this.#release(store.partitionOf(room)) };
      },
    });
    this.#tell = (trouble) => {
      try {
        whenRejected(options.onTrouble?.(trouble), () => undefined);
      } catch {
        // An observer that throws or rejects harms nobody else.
      }
    };
  }

  /** What the log holds: for those who watch it. */
  get held(): { readonly rooms: number; readonly partitions: number; readonly pendingAppends: number } {
    return { rooms: this.#feeds.size, partitions: this.#partitions.size, pendingAppends: this.#pending.size };
  }

  append(room: string, entry: LogEntry): Promise<Appended> {
    checkRoomName(room);
    checkEntry(entry);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return this.#underWay.join(room, entry.key, () => this.#append(room, entry));
  }

  read(room: string, after: Position | undefined, limit: number): Promise<LogPage> {
    checkRoomName(room);
    wholeNumber('limit', limit, 1);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return this.#store.read(room, after, limit);
  }

  subscribe(room: string, limit: number, subscriber: LogSubscriber): Subscription {
    checkRoomName(room);
    wholeNumber('limit', limit);
    const feed = this.#ended ?? this.#feedOf(room);
    if (feed instanceof RoomRefused) {
      subscriber.failed(feed);
      return { close() {} };
    }
    return feed.subscribe(limit, subscriber, () => this.#letGo(feed));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #append(room: string, entry: LogEntry): Promise<Appended> {
    const { maxPendingAppends } = this.#settings;
    if (this.#pending.size >= maxPendingAppends)
      return Promise.reject(
        new RoomRefused('LOG_FULL', `Redis has not answered ${this.#pending.size} appends, limit ${maxPendingAppends}`),
      );
    const appended = this.#windowOf(this.#store.partitionOf(room)).run(() => this.#store.append(room, entry));
    this.#pending.add(appended);
    appended.then(
      ({ position }) => {
        this.#pending.delete(appended);
        this.#feeds.get(room)?.appended(position);
      },
      () => this.#pending.delete(appended),
    );
    return appended;
  }

  #windowOf(partition: number): AppendWindow {
    const held = this.#windows.get(partition);
    if (held !== undefined) return held;
    const { busRecords, commandTimeoutMs: waitMs } = this.#settings;
    const window = new AppendWindow({
      size: Math.min(APPENDS_UNDER_WAY, Math.ceil(busRecords * SHARE_OF_BUS)),
      clock: this.#clock,
      waitMs,
      readId: () => this.#partitions.get(partition)?.reader.readId,
    });
    this.#windows.set(partition, window);
    return window;
  }

  #feedOf(room: string): RoomFeed | RoomRefused {
    const held = this.#feeds.get(room);
    if (held !== undefined) return held;
    const { maxRooms } = this.#settings;
    if (this.#feeds.size >= maxRooms)
      return new RoomRefused('LOG_FULL', `this node is subscribed to ${this.#feeds.size} rooms, limit ${maxRooms}`);
    const { reader } = this.#hold(this.#store.partitionOf(room));
    const lost = (): void => this.#tell({ kind: 'records-lost', room });
    const feed = new RoomFeed(room, this.#store, this.#clock, reader.started, lost);
    this.#feeds.set(room, feed);
    return feed;
  }

  /** Reads a partition for one user more. */
  #hold(partition: number): ReadPartition {
    const held = this.#partitions.get(partition);
    if (held !== undefined) {
      held.users++;
      return held;
    }
    const { blockMs, commandTimeoutMs } = this.#settings;
    const reader = new RedisPartition({
      port: this.#port,
      clock: this.#clock,
      ...this.#store.streamsOf(partition),
      blockMs,
      commandTimeoutMs,
      hears: (room) => this.#feeds.has(room),
      entry: (entry: StreamEntry) => {
        if (!entry.fields.has('s')) this.presence.entry(entry);
        else this.#feeds.get(entry.fields.get('r') ?? '')?.entry(entry);
        this.#windows.get(partition)?.read(entry.id);
      },
      doubt: () => {
        this.#windows.get(partition)?.forget();
        this.presence.doubt(partition);
        for (const feed of this.#feeds.values()) if (this.#store.partitionOf(feed.room) === partition) feed.doubt();
      },
      failed: (error, waitMs) => {
        this.#windows.get(partition)?.forget();
        this.#tell({ kind: 'reader-failed', partition, waitMs, error });
      },
      resumed: (failures) => this.#tell({ kind: 'reader-resumed', partition, failures }),
    });
    const read: ReadPartition = { reader, users: 1 };
    this.#partitions.set(partition, read);
    return read;
  }

  /** A room without subscribers is not read any more, and its partition only if another room needs it. */
  #letGo(feed: RoomFeed): void {
    if (feed.size > 0 || this.#feeds.get(feed.room) !== feed) return;
    this.#feeds.delete(feed.room);
    feed.end(logClosed());
    this.#release(this.#store.partitionOf(feed.room));
  }

  #release(number: number): void {
    const partition = this.#partitions.get(number);
    if (partition === undefined || --partition.users > 0) return;
    this.#partitions.delete(number);
    this.#windows.get(number)?.forget();
    partition.reader.close();
  }

  async #close(): Promise<void> {
    this.#ended ??= logClosed();
    await Promise.allSettled([...this.#pending]);
    await this.presence.close();
    for (const { reader } of this.#partitions.values()) reader.close();
    this.#partitions.clear();
    const feeds = [...this.#feeds.values()];
    this.#feeds.clear();
    for (const feed of feeds) feed.end(logClosed());
  }
}
