/**
 * Who is in a room on all nodes: a name counts once, however many connections on however many nodes have it.
 *
 * Each change is one script that sets a node's number of connections and, when a name comes or goes, says so in the stream of
 * the partition, where every node that watches the room reads it. One that failed is repeated with a heartbeat. A node says
 * every `heartbeatMs` that it lives, in each partition that it has members in or watches; of one that has not for `deadAfterMs` the members are taken by the next heartbeat of another node, and before
 * anybody is told the members: they are gone after at most `deadAfterMs` + `heartbeatMs`.
 * A node that was given up and comes back counts its members anew.
 * Memory here: the names that this node has. Read next: `redis-log.ts`.
 */

import type { Clock, LogPresence, PresenceWatcher, RoomMembers } from '../rooms/log.ts';
import { type Script, script } from './redis-commands.ts';
import { listOf, type StreamEntry } from './redis-port.ts';
import { BEAT, COUNT, partitionTag, presenceKeys } from './redis-scripts.ts';
import type { RedisStore } from './redis-store.ts';

const COUNT_SCRIPT: Script = script(COUNT);
const BEAT_SCRIPT: Script = script(BEAT);

/** Names of a dead node that one script takes: some milliseconds of Redis's time. */
const TAKEN_AT_ONCE = 500;

/** What presence needs of its log. */
export interface PresenceOptions {
  readonly store: RedisStore;
  readonly clock: Clock;
  /** Names this node among all: never used again. */
  readonly node: string;
  /** Reads the stream of a room's partition from now on; answers how to stop. */
  readonly hold: (room: string) => { readonly started: Promise<void>; readonly release: () => void };
}

/** See the head of this file. */
export class RedisPresence implements LogPresence {
  readonly #options: PresenceOptions;
  /** Connections of this node: by partition, room and name; 0 until Redis knows that there are none. */
  readonly #here = new Map<number, Map<string, Map<string, number>>>();
  /** Partitions that Redis may know other numbers of. */
  readonly #unsure = new Set<number>();
  /** Partitions in which Redis was told of members before. */
  readonly #counted = new Set<number>();
  readonly #watchers = new Map<string, Set<PresenceWatcher>>();
  #callOff: (() => void) | undefined;
  #closed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Counts one connection more of a name. Resolves when all nodes can know. @throws RoomRefused by rejection, as `append` */
  join(room: string, name: string): Promise<void> {
    const names = this.#namesOf(room);
    names.set(name, (names.get(name) ?? 0) + 1);
    this.#startBeating();
    return this.#count(room, name);
  }

  /** Counts one connection less; one that was not counted is not. @throws RoomRefused by rejection, as `append` */
  leave(room: string, name: string): Promise<void> {
    const names = this.#here.get(this.#options.store.partitionOf(room))?.get(room);
    const connections = names?.get(name) ?? 0;
    if (names === undefined || connections === 0) return Promise.resolve();
    names.set(name, connections - 1);
    return this.#count(room, name);
  }

  /** Reads at most `limit` names, in no order, and the number of all, without those of dead nodes. O(limit) in Redis. */
  async members(room: string, limit: number): Promise<RoomMembers> {
    const { commands } = this.#options.store;
    const { names } = this.#keys(room);
    await this.#beatIn(this.#options.store.partitionOf(room));
    const [some, count] = await Promise.all([
      commands.send(['HRANDFIELD', names, `${limit}`]),
      commands.send(['HLEN', names]),
    ]);
    return { members: listOf(some).map(String), memberCount: Number(count) };
  }

  /** Tells of names that come and go, on whichever node. Resolves, to how to stop, when every later change will be heard. */
  async watch(room: string, watcher: PresenceWatcher): Promise<() => void> {
    const { started, release } = this.#options.hold(room);
    const watchers = this.#watchers.get(room) ?? new Set();
    this.#watchers.set(room, watchers);
    watchers.add(watcher);
    this.#startBeating();
    await started;
    return () => {
      if (!watchers.delete(watcher)) return;
      if (watchers.size === 0 && this.#watchers.get(room) === watchers) this.#watchers.delete(room);
      release();
    };
  }

  /** Takes an entry of a partition's stream that says who came or went. */
  entry({ fields }: StreamEntry): void {
    const [joined, left] = [fields.get('j'), fields.get('l')];
    for (const watcher of this.#watchers.get(fields.get('r') ?? '') ?? []) {
      if (joined !== undefined) watcher.joined(joined);
      if (left !== undefined) watcher.left(left);
    }
  }

  /** A partition's stream may have been missed in part. */
  doubt(partition: number): void {
    for (const [room, watchers] of this.#watchers)
      if (this.#options.store.partitionOf(room) === partition) for (const watcher of watchers) watcher.doubt();
  }

  /** Counts the members of this node no longer. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#callOff?.();
    this.#watchers.clear();
    const gone: Promise<void>[] = [];
    for (const rooms of this.#here.values())
      for (const [room, names] of rooms)
        for (const name of names.keys()) {
          names.set(name, 0);
          gone.push(this.#count(room, name));
        }
    await Promise.allSettled(gone); // where that fails, the heartbeat that does not come says the same
    this.#here.clear();
  }

  #keys(room: string): ReturnType<typeof presenceKeys> {
    const { store, node } = this.#options;
    return presenceKeys(store.settings.prefix, store.partitionOf(room), node, room);
  }

  #namesOf(room: string): Map<string, number> {
    const partition = this.#options.store.partitionOf(room);
    const rooms = this.#here.get(partition) ?? new Map<string, Map<string, number>>();
    const names = rooms.get(room) ?? new Map<string, number>();
    this.#here.set(partition, rooms);
    rooms.set(room, names);
    return names;
  }

  /** Tells Redis how many connections a name has here now. */
  async #count(room: string, name: string): Promise<void> {
    const { store, node } = this.#options;
    const partition = store.partitionOf(room);
    const { bus, names, at, rooms, nodes } = this.#keys(room);
    const { deadAfterMs, busRecords } = store.settings;
    const connections = this.#here.get(partition)?.get(room)?.get(name) ?? 0;
    const args = [room, node, name, connections, deadAfterMs, busRecords].map(String);
    try {
      const lived = Number(await store.commands.run(COUNT_SCRIPT, [bus, names, at, rooms, nodes], args)) === 1;
      // Redis has lost what it was told before, or this node was given up: its other names go with the next heartbeat.
      if (!lived && this.#counted.has(partition)) this.#unsure.add(partition);
      this.#counted.add(partition);
    } catch (error) {
      this.#unsure.add(partition);
      throw error;
    }
    this.#forgetNobody(partition, room, name);
  }

  /** A name without connections leaves nothing here once Redis knows. */
  #forgetNobody(partition: number, room: string, name: string): void {
    const rooms = this.#here.get(partition);
    const names = rooms?.get(room);
    if (names?.get(name) === 0) names.delete(name);
    if (names?.size === 0) rooms?.delete(room);
    if (rooms?.size === 0) this.#here.delete(partition);
  }

  #startBeating(): void {
    this.#callOff ??= this.#options.clock.after(this.#options.store.settings.heartbeatMs, this.#beat);
  }

  readonly #beat = (): void => {
    void this.#beatAll().finally(() => {
      this.#callOff = undefined;
      if (!this.#closed && (this.#here.size > 0 || this.#watchers.size > 0)) this.#startBeating();
    });
  };

  /** In every partition that this node has members in, or watches. */
  async #beatAll(): Promise<void> {
    const { store } = this.#options;
    const watched = [...this.#watchers.keys()].map((room) => store.partitionOf(room));
    for (const partition of new Set([...this.#here.keys(), ...watched])) {
      try {
        await this.#beatIn(partition);
      } catch {
        return; // Redis does not answer: appends say so, and the next heartbeat tries again
      }
    }
  }

  async #beatIn(partition: number): Promise<void> {
    while (await this.#beatOne(partition));
  }

  /** Says that this node lives in a partition; answers whether members of a dead one are left to be taken. */
  async #beatOne(partition: number): Promise<boolean> {
    const { store, node } = this.#options;
    const { prefix, deadAfterMs, busRecords } = store.settings;
    const tag = partitionTag(prefix, partition);
    const args = [node, deadAfterMs, busRecords, TAKEN_AT_ONCE].map(String);
    const beat = store.commands.run(BEAT_SCRIPT, [`${tag}:bus`, `${tag}:nodes`], args);
    const reply = await beat.catch((error: unknown) => {
      // The client may still send it: then its answer, that this node was given up, reaches nobody.
      this.#unsure.add(partition);
      throw error;
    });
    const [givenUp, more] = listOf(reply).map(Number);
    if (givenUp === 1) this.#unsure.add(partition);
    if (this.#unsure.delete(partition)) await this.#countAnew(partition);
    return more === 1 && !this.#closed;
  }

  /** This node was given up while it slept and its members were taken, or a change did not arrive: says all numbers again. */
  async #countAnew(partition: number): Promise<void> {
    const counted: Promise<void>[] = [];
    for (const [room, names] of this.#here.get(partition) ?? [])
      for (const name of names.keys()) counted.push(this.#count(room, name));
    await Promise.all(counted);
  }
}
