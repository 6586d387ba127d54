/**
 * Members: connections that are in a room, from the join to the end, whichever kind of connection it is.
 *
 * Joins and leaves, ends who is kicked and whose log-in is over, and counts. A connection is a port of four methods here; the
 * routes make one of a WebSocket or an event stream. Memory: what the hub holds, one object and perhaps one timer a member.
 * Read next: `channels.ts`.
 */

import type { SendResult } from '../net/api.ts';
import type { Hub } from '../rooms/hub.ts';
import { type Clock, RoomRefused } from '../rooms/log.ts';
import type { Eviction, EvictionReason, JoinOptions, Member, MemberConnection } from '../rooms/member.ts';
import { errorEvent, refusedByRoom } from './answers.ts';
import type { Admitted } from './door.ts';
import { type Outgoing, presenceName } from './encoding.ts';
import { CHAT_CLOSE, type ErrorEvent } from './protocol.ts';
import type { Speaker } from './talk.ts';

/** What a member asks of its connection. */
export interface Port {
  send(message: Outgoing): SendResult;
  /** Tells why, and ends it. */
  refuse(why: ErrorEvent, code: number): void;
  /** Ends it: the log-in is over. */
  expire(why: ErrorEvent): void;
  /** Ends it: it may come back at once, for what it has missed. */
  evict(eviction: Eviction): void;
}

/** A connection in a room. */
export interface Place extends Speaker {
  readonly member: Member<Outgoing, Place | undefined>;
  readonly port: Port;
  cancelExpiry: () => void;
}

/** Why the server lets go of a member. */
type Ending = EvictionReason | 'kicked' | 'expired';
const ENDINGS: readonly Ending[] = ['too-slow', 'threw', 'log-failed', 'closed', 'kicked', 'expired'];
const MAX_TIMER_MS = 2_147_483_647;
const TRY_AGAIN_LATER = 1013;

/** See the head of this file. */
export class Members {
  readonly #hub: Hub<Outgoing>;
  readonly #clock: Clock;
  readonly #now: () => Date;
  /** Why members were let go of, and how often. */
  readonly ended: Map<Ending, number> = new Map(ENDINGS.map((why) => [why, 0]));
  #size = 0;
  #missed = 0;

  constructor(hub: Hub<Outgoing>, clock: Clock, now: () => Date) {
    this.#hub = hub;
    this.#clock = clock;
    this.#now = now;
  }

  /** Connections that are in a room. */
  get size(): number {
    return this.#size;
  }

  /** Messages that members were told they will not get, each counted for each member. */
  get missed(): number {
    return this.#missed;
  }

  /** Lets a connection in; undefined where the room refused it, which it has been told. */
  join(admitted: Admitted, port: Port, after: JoinOptions['after']): Place | undefined {
    const { room, user } = admitted;
    const connection = new RoomConnection(port, this);
    const member: Place['member'] = this.#hub.member<Place | undefined>(connection);
    const place: Place = { ...admitted, member, port, cancelExpiry: () => {} };
    member.data = place;
    connection.place = place;
    this.#size++;
    try {
      member.join(room, { as: presenceName(user), after });
    } catch (error) {
      this.#size--;
      if (!(error instanceof RoomRefused)) throw error;
      port.refuse(refusedByRoom(error), TRY_AGAIN_LATER);
      return undefined;
    }
    this.#expireLater(place);
    return place;
  }

  /** A member was told that it will not get so many messages. */
  told(missing: number): void {
    this.#missed += missing;
  }

  /** A room has let go of a member. */
  letGo(place: Place, eviction: Eviction): void {
    this.#size--;
    this.#count(eviction.why);
    place.cancelExpiry();
    place.port.evict(eviction);
  }

  /** The connection has ended. */
  leave(place: Place): void {
    place.cancelExpiry();
    if (place.member.leave(place.room)) this.#size--;
    place.member.close();
  }

  /** Ends every connection of a person in a room. Returns how many there were. */
  kick(room: string, userId: string, reason: string): number {
    const places: Place[] = [];
    for (const { data } of this.#hub.find(room)?.members() ?? [])
      if (isPlace(data) && data.user.id === userId) places.push(data);
    for (const place of places) {
      this.#count('kicked');
      this.leave(place);
      place.port.refuse(errorEvent('KICKED', reason), CHAT_CLOSE.kicked);
    }
    return places.length;
  }

  #expireLater(place: Place): void {
    const { expiresAt } = place.user;
    if (expiresAt === undefined || place.member.size === 0) return;
    const leftMs = expiresAt - this.#now().getTime();
    place.cancelExpiry = this.#clock.after(Math.min(Math.max(1, leftMs), MAX_TIMER_MS), () => {
      if (expiresAt > this.#now().getTime()) {
        this.#expireLater(place);
        return;
      }
      this.#count('expired');
      this.leave(place);
      place.port.expire(errorEvent('EXPIRED', 'the log-in is over: get a new token and come back'));
    });
  }

  #count(why: Ending): void {
    this.ended.set(why, (this.ended.get(why) ?? 0) + 1);
  }
}

/** A connection as its room has it. A class, and no object of closures: each object on the way of a message is a look into cold memory. */
class RoomConnection implements MemberConnection<Outgoing> {
  readonly #port: Port;
  readonly #members: Members;
  /** Set before it joins. */
  place!: Place;

  constructor(port: Port, members: Members) {
    this.#port = port;
    this.#members = members;
  }

  send(message: Outgoing): SendResult {
    const answer = this.#port.send(message);
    if (message.missing > 0 && answer !== 'dropped') this.#members.told(message.missing);
    return answer;
  }

  evicted(eviction: Eviction): void {
    this.#members.letGo(this.place, eviction);
  }
}

function isPlace(data: unknown): data is Place {
  return typeof data === 'object' && data !== null && 'port' in data;
}
