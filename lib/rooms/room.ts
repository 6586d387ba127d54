/**
 * A room: who is in it, what was said last, and how a message gets to everyone.
 *
 * Knows members and messages, never bytes, sockets or clocks. A member is a port with two methods; a message is whatever
 * the application makes of it, handed to each member as the same object, so that it can be encoded once for all.
 * Messages are numbered from 1 without holes; the epoch tells one life of a room's numbering from the next.
 * Policy for slow members: one that drops a message would miss it silently, so it is evicted, and may come back and
 * ask for what it missed. Nobody waits for anybody. Read next: `hub.ts`.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { RoomRefused } from './log.ts';
import { History, type Replay } from './old-history.ts';

/** Why a room lets go of a member. */
export type EvictionReason = 'too-slow';

/** Someone who hears what is said in a room. A connection implements it; a test can too. */
export interface Member<Message> {
  /** Takes a message without waiting. `dropped` means that it could not be taken, and ends the membership. */
  deliver(message: Message): 'sent' | 'backpressure' | 'dropped';
  /** The room has let go of this member: say so to the peer if it can hear it. The member is no longer in the room. */
  evicted(reason: EvictionReason): void;
}

export interface RoomOptions<Message> {
  /** Default `ROOM_LIMITS.maxMembers`. */
  readonly maxMembers?: number;
  readonly maxHistoryMessages?: number;
  readonly maxHistoryBytes?: number;
  /** Bytes that a message holds while it is in the history. */
  readonly sizeOf: (message: Message) => number;
  /** Told after an eviction, so that presence can be announced. */
  readonly onEvicted?: (member: Member<Message>) => void;
}

export class Room<Message> {
  readonly name: string;
  /** Another one for each life of the room: sequence numbers of different epochs must not be compared. */
  readonly epoch: string;
  readonly #members = new Set<Member<Message>>();
  readonly #history: History<Message>;
  readonly #maxMembers: number;
  readonly #sizeOf: (message: Message) => number;
  readonly #onEvicted: ((member: Member<Message>) => void) | undefined;
  #sequence = 0;

  constructor(name: string, epoch: string, options: RoomOptions<Message>) {
    this.name = name;
    this.epoch = epoch;
    this.#maxMembers = options.maxMembers ?? ROOM_LIMITS.maxMembers;
    this.#sizeOf = options.sizeOf;
    this.#onEvicted = options.onEvicted;
    this.#history = new History({
      maxMessages: options.maxHistoryMessages ?? ROOM_LIMITS.maxHistoryRecords,
      maxBytes: options.maxHistoryBytes ?? ROOM_LIMITS.maxHistoryBytes,
    });
  }

  /** The number of the last published message; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  has(member: Member<Message>): boolean {
    return this.#members.has(member);
  }

  members(): IterableIterator<Member<Message>> {
    return this.#members.values();
  }

  /** @throws RoomRefused when the room is full */
  join(member: Member<Message>): void {
    if (this.#members.has(member)) return;
    if (this.#members.size >= this.#maxMembers) {
      throw new RoomRefused(
        'ROOM_FULL',
        `room ${this.name} has ${this.#members.size} members, limit ${this.#maxMembers}`,
      );
    }
    this.#members.add(member);
  }

  /** Returns whether the member was there. */
  leave(member: Member<Message>): boolean {
    return this.#members.delete(member);
  }

  /**
   * Numbers a message, keeps it in the history and delivers it to every member, its sender included: the sender learns
   * the number from it. `make` is given the number and may not publish.
   */
  publish(make: (sequence: number) => Message): Message {
    const message = make(this.#sequence + 1);
    this.#sequence += 1;
    this.#history.append(this.#sequence, message, this.#sizeOf(message));
    this.broadcast(message);
    return message;
  }

  /** Delivers a message that is neither numbered nor kept, to all or to all but one: presence, for example. O(members). */
  broadcast(message: Message, except?: Member<Message>): void {
    let slow: Member<Message>[] | undefined;
    for (const member of this.#members) {
      if (member !== except && member.deliver(message) === 'dropped') {
        slow ??= [];
        slow.push(member);
      }
    }
    // Not inside the loop: an eviction is announced, which is a broadcast of its own.
    if (slow !== undefined) for (const member of slow) this.evict(member, 'too-slow');
  }

  /** Lets a member go and tells it. Returns whether it was there. */
  evict(member: Member<Message>, reason: EvictionReason): boolean {
    if (!this.#members.delete(member)) return false;
    member.evicted(reason);
    this.#onEvicted?.(member);
    return true;
  }

  /** What was published after `sequence` as far as it is still held, at most the last `limit` messages. */
  replay(sequence = 0, limit?: number): Replay<Message> {
    return this.#history.after(sequence, this.#sequence, limit);
  }
}
