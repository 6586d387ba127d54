/**
 * A member: one connection, in any number of rooms; and a seat: one member in one room.
 *
 * Backpressure belongs to the connection, so that it is kept here and not in each room: a member that is blocked is given
 * nothing by any room until `drained`. What the application's methods throw never leaves this file.
 * Memory of a member: a few hundred bytes, and a seat for each of its rooms. Read next: `audience.ts`.
 */

import { whenRejected } from '../errors.ts';
import type { Cursor } from './backlog.ts';
import type { Position } from './log.ts';
import type { Notice } from './notices.ts';
import type { Resumable } from './resume.ts';

/** Why a room lets go of a member. */
export type EvictionReason = 'too-slow' | 'threw' | 'log-failed' | 'closed';

/** What a member is told when a room lets go of it. */
export interface Eviction {
  readonly room: string;
  readonly why: EvictionReason;
  /** The last record that it was given, or its position when it joined (of epoch `''` if it came with none, and the log had not opened the room): come back with it for what is missing. */
  readonly position: Position;
  /** For a WebSocket's close frame: 1013, Try Again Later (IANA registry of close codes). */
  readonly code: number;
  /**
   * For a close frame too, at most 123 bytes: `too-slow; after=EPOCH-SEQUENCE-TOKEN`, or `too-slow` where there is no position. Of a member
   * that has been in several rooms at once `too-slow; room=NAME; after=EPOCH-SEQUENCE-TOKEN`, where that fits; the name is encoded as by
   * `encodeURIComponent`, so that it holds no `;` and no `=`.
   */
  readonly reason: string;
}

/** What a member is made of: a `ServerWebSocket` and an `EventStream` are such, and so is any object with `send` and one of the others. */
export interface MemberConnection<Value> {
  /**
   * Takes what `prepare` made, without waiting. `backpressure`: taken, and nothing more before `drained`. `dropped`: not taken;
   * it is offered again after `drained`. Any other answer counts as `threw`, and a member that throws is let go: it could not be told
   * what it has missed.
   */
  send(value: Value): 'sent' | 'backpressure' | 'dropped';
  /** A room has let go of this member: tell the peer, if it can hear it. Other rooms of the member go on. */
  evicted?(eviction: Eviction): void;
  /** Called where there is no `evicted`, with `Eviction.code` and `Eviction.reason`. */
  close?(code: number, reason: string): void;
}

/** How to join. */
export interface JoinOptions {
  /**
   * What the peer had last: the text of a position (`after=` or `Last-Event-ID`), or a position. Anything else is a reset. A position
   * without a token is not checked against records that the log has lost.
   */
  readonly after?: Resumable | string | null | undefined;
  /**
   * The name for presence; without one the member is not listed. 1 to `ROOM_LIMITS.maxKeyLength` UTF-16 units. It is listed, and
   * told of when it comes and goes; of several names of one person see `personOf` of the hub.
   */
  readonly as?: string | undefined;
}

/** One member in one room. The room's own; an application sees `Membership`. */
export interface Seat<Value> extends Cursor<Value> {
  readonly member: Member<Value, unknown>;
  readonly place: SeatOwner<Value>;
  readonly as: string | undefined;
  /** Where it was when it joined, then the last record that it was given, or is being given. No record itself, which would hold its data. */
  last: Position;
  /** In the audience's list of those that are blocked or have not been given everything. */
  isBehind: boolean;
  /** No longer in the room. */
  isGone: boolean;
  /** Being given things right now. */
  isCatchingUp: boolean;
  /** Notices for this member alone, the first one next. */
  readonly front: Notice[];
  /** It has missed a notice of presence. */
  isStale: boolean;
  /** The room's last notice before its welcome: that one and those before are not for it. Infinite until then. */
  turn: number;
}

/** What a member calls of a room. */
export interface SeatOwner<Value> {
  catchUp(seat: Seat<Value>): void;
  leave(seat: Seat<Value>): void;
}

/** What a member calls of its hub. */
export interface Host<Value> {
  join(member: Member<Value, unknown>, room: string, options: JoinOptions): void;
  report(error: unknown, where: string): void;
}

/** One connection. `Hub.member` makes it. */
export class Member<Value, Data = unknown> {
  /** Yours: whatever belongs to this connection. */
  data: Data;
  readonly #connection: MemberConnection<Value>;
  readonly #host: Host<Value>;
  readonly #seats = new Map<string, Seat<Value>>();
  /** Seats that wait for `drained`, the one that has waited longest first. */
  readonly #behind = new Set<Seat<Value>>();
  #blocked = false;
  #drains = 0;
  #closed = false;
  #wasInSeveral = false;

  constructor(connection: MemberConnection<Value>, host: Host<Value>, data: Data) {
    this.#connection = connection;
    this.#host = host;
    this.data = data;
  }

  /** The rooms that it is in. */
  get rooms(): IterableIterator<string> {
    return this.#seats.keys();
  }

  /** How many rooms it is in. */
  get size(): number {
    return this.#seats.size;
  }

  /** `close` has been called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether it is in this room, or will be when the log has opened it. */
  has(room: string): boolean {
    return this.#seats.has(room);
  }

  /** It said `backpressure` or `dropped`, and `drained` has not been called since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /**
   * Joins a room: the welcome comes first, then what it missed, then what is said from now on. At once where the log is in
   * memory, else when the log has opened the room. Joining again a room that it is in has no effect, nor has joining after `close`: the
   * connection may have ended while the application waited for something.
   * @throws RoomRefused when the room, the hub or the member is full, or the log refuses the room at once (`LOG_CLOSED`, `LOG_FULL`); TypeError, RangeError for a name or an option that is none
   */
  join(room: string, options: JoinOptions = {}): void {
    if (!this.#closed) this.#host.join(this, room, options);
  }

  /** Leaves a room. O(1). Returns whether it was in it. */
  leave(room: string): boolean {
    const seat = this.#seats.get(room);
    if (seat === undefined) return false;
    seat.place.leave(seat);
    return true;
  }

  /** The connection has ended: leaves every room, and joins none any more. */
  close(): void {
    this.#closed = true;
    for (const seat of [...this.#seats.values()]) seat.place.leave(seat);
  }

  /** The connection has room again: call it from `drain`. Rooms go on in turn until it is blocked again. */
  drained(): void {
    this.#drains++;
    this.#blocked = false;
    for (const seat of [...this.#behind]) {
      if (this.#blocked) return;
      seat.place.catchUp(seat);
      // To the end of the line, so that one room with much to say does not hold up the others.
      if (this.#behind.delete(seat)) this.#behind.add(seat);
    }
  }

  /** For rooms: hands over a value. A member that throws has to be let go. */
  give(value: Value): 'sent' | 'backpressure' | 'dropped' | 'threw' {
    const drains = this.#drains;
    try {
      const answer = this.#connection.send(value);
      // Unchecked, a room would offer it the same value for ever.
      if (answer !== 'sent' && answer !== 'backpressure' && answer !== 'dropped') {
        whenRejected(answer, (error) => this.#host.report(error, 'send'));
        throw new TypeError(`send answered ${String(answer)}, must be 'sent', 'backpressure' or 'dropped'`);
      }
      // A `drained` during the call came before the answer, unless nothing was taken.
      if (answer === 'dropped' || (answer === 'backpressure' && drains === this.#drains)) this.#blocked = true;
      return answer;
    } catch (error) {
      this.#host.report(error, 'send');
      return 'threw';
    }
  }

  /** For rooms: says that one has let go. */
  tellEvicted(eviction: Eviction): void {
    const connection = this.#connection;
    try {
      const told: unknown =
        connection.evicted === undefined
          ? connection.close?.(eviction.code, eviction.reason)
          : connection.evicted(eviction);
      whenRejected(told, (error) => this.#host.report(error, 'evicted'));
    } catch (error) {
      this.#host.report(error, 'evicted');
    }
  }

  /** For rooms: it is in several at once, or has been. */
  get wasInSeveral(): boolean {
    return this.#wasInSeveral;
  }

  /** For rooms: the seat is taken. */
  sit(room: string, seat: Seat<Value>): void {
    this.#seats.set(room, seat);
    if (this.#seats.size > 1) this.#wasInSeveral = true;
  }

  /** For rooms: the seat is free. Returns whether it was this member's. */
  stand(room: string, seat: Seat<Value>): boolean {
    this.#behind.delete(seat);
    return this.#seats.get(room) === seat && this.#seats.delete(room);
  }

  /** For rooms: the seat waits for `drained`, or no longer. */
  wait(seat: Seat<Value>, isBehind: boolean): void {
    if (isBehind) this.#behind.add(seat);
    else this.#behind.delete(seat);
  }
}

/** Makes a seat; where it begins to hear is decided when the room is open. */
export function newSeat<Value>(
  member: Member<Value, unknown>,
  place: SeatOwner<Value>,
  as: string | undefined,
  last: Position,
): Seat<Value> {
  return {
    member,
    place,
    as,
    turn: Number.POSITIVE_INFINITY,
    last,
    isBehind: false,
    isGone: false,
    isCatchingUp: false,
    isStale: false,
    front: [],
    next: Number.POSITIVE_INFINITY, // nothing before its welcome
    skipTo: 1,
    lostTo: 0,
    replayTo: 0,
    due: 0,
    dueEnd: 0,
    kept: undefined,
    keptBytes: 0,
    keptTo: 0,
  };
}
