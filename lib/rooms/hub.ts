/**
 * All rooms by name: made when first asked for, kept for their history after the last member has left, within a bound.
 *
 * When the hub is full, the room that has been empty for longest makes way; while every room has members, no room is
 * made, and the caller is told. Look-up is O(1); memory at most `maxRooms` × `maxHistoryBytes`, and the members.
 * Read next: `../chat/server.ts`, the hub's user.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { RoomRefused } from './log.ts';
import { type Member, Room, type RoomOptions } from './room.ts';

export interface HubOptions<Message> extends Omit<RoomOptions<Message>, 'onEvicted'> {
  /** Default `ROOM_LIMITS.maxRooms`. */
  readonly maxRooms?: number;
  /** Makes the epoch of a new room; a value that has never been used for a room of that name. */
  readonly newEpoch: () => string;
  /** Told after a member was evicted from a room. */
  readonly onEvicted?: (room: Room<Message>, member: Member<Message>) => void;
}

export class Hub<Message> {
  readonly #options: HubOptions<Message>;
  readonly #maxRooms: number;
  readonly #rooms = new Map<string, Room<Message>>();
  /** Rooms without members, the one that has been so for longest first. */
  readonly #empty = new Set<Room<Message>>();

  constructor(options: HubOptions<Message>) {
    this.#options = options;
    this.#maxRooms = options.maxRooms ?? ROOM_LIMITS.maxRooms;
  }

  /** Rooms that exist, the empty ones included. */
  get size(): number {
    return this.#rooms.size;
  }

  rooms(): IterableIterator<Room<Message>> {
    return this.#rooms.values();
  }

  /** The room, if it exists. */
  find(name: string): Room<Message> | undefined {
    return this.#rooms.get(name);
  }

  /** The room, made when it does not exist. @throws RoomRefused when there are too many rooms with members */
  room(name: string): Room<Message> {
    const existing = this.#rooms.get(name);
    if (existing !== undefined) return existing;
    if (this.#rooms.size >= this.#maxRooms) this.#makeWay();
    const { onEvicted, newEpoch, ...options } = this.#options;
    const room: Room<Message> = new Room(name, newEpoch(), {
      ...options,
      onEvicted: (member) => {
        this.#noteIfEmpty(room);
        onEvicted?.(room, member);
      },
    });
    this.#rooms.set(name, room);
    this.#empty.add(room);
    return room;
  }

  /** Adds a member to a room. @throws RoomRefused when the room is full, or none can be made */
  join(name: string, member: Member<Message>): Room<Message> {
    const room = this.room(name);
    room.join(member);
    this.#empty.delete(room);
    return room;
  }

  /** Returns whether the member was there. */
  leave(room: Room<Message>, member: Member<Message>): boolean {
    const left = room.leave(member);
    if (left) this.#noteIfEmpty(room);
    return left;
  }

  #noteIfEmpty(room: Room<Message>): void {
    if (room.size === 0 && this.#rooms.get(room.name) === room) this.#empty.add(room);
  }

  #makeWay(): void {
    for (const room of this.#empty) {
      this.#empty.delete(room);
      this.#rooms.delete(room.name);
      return;
    }
    throw new RoomRefused('HUB_FULL', `there are ${this.#rooms.size} rooms with members, limit ${this.#maxRooms}`);
  }
}
