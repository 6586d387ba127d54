/**
 * The members of a room, and how a message gets to each of them.
 *
 * Those who keep up are given a message at once. Who does not is behind: it waits for `drained` and is then given what it
 * missed from the room's backlog, as are those who join with a history to read: replay is the same as catching up. Catching up ends at
 * what has had its turn (`Cursor.due`): the rest comes in its turn, so that each record counts each member once. Whatever it will
 * never get is told as a gap, in its place. What waits for it is bounded; beyond the bounds a policy decides (`policies.ts`).
 * Joining, leaving and falling behind are O(1); a message is O(members). Read next: `order.ts`.
 */

import type { Backlog, Entry } from './backlog.ts';
import type { Position, SlowPolicy } from './log.ts';
import type { EvictionReason, Seat } from './member.ts';
import type { MembersNotice, Notice } from './notices.ts';
import { queueLate } from './policies.ts';
import { newTally, type Tally } from './receipts.ts';
import type { Beginning } from './resume.ts';

/** What an audience asks of its room. */
export interface AudienceHost<Value> {
  readonly policy: SlowPolicy;
  now(): number;
  /** What `prepare` makes of an entry, once; undefined when it threw. */
  valueOf(entry: Entry<Value>): Value | undefined;
  /** What `prepare` makes of a notice; undefined when it is not to be told. */
  noticeValue(notice: Notice): Value | undefined;
  /** Who is here now. */
  members(): MembersNotice;
  /** A seat has become free because the member was let go. */
  letGo(seat: Seat<Value>, why: EvictionReason): void;
  /** Nobody, or somebody, is behind now. */
  calm(isCalm: boolean): void;
}

/** See the head of this file. */
export class Audience<Value> {
  readonly #host: AudienceHost<Value>;
  readonly #backlog: Backlog<Value>;
  readonly #seats = new Set<Seat<Value>>();
  /** Seats whose member is blocked, or has not been given everything. */
  readonly #behind = new Set<Seat<Value>>();
  /** What everyone is being given now, and its tally. */
  #round: { readonly entry: Entry<Value>; readonly tally: Tally } | undefined = undefined;
  /** Seats that were taken from members during a round: they are told once everyone has been served. */
  readonly #evicted: { seat: Seat<Value>; why: EvictionReason }[] = [];

  constructor(host: AudienceHost<Value>, backlog: Backlog<Value>) {
    this.#host = host;
    this.#backlog = backlog;
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Members that are over their high-water mark, or have not been given everything. */
  get slow(): number {
    return this.#behind.size;
  }

  /** Records that wait for members, as many as each of them would be given now, each counted for each of them. See `waiting.ts`. */
  get queued(): number {
    return this.#behind.size === 0 ? 0 : this.#backlog.waitingFor(this.#behind);
  }

  seats(): IterableIterator<Seat<Value>> {
    return this.#seats.values();
  }

  /** Seats a member, which begins to hear where `begin` says. */
  add(seat: Seat<Value>): void {
    this.#seats.add(seat);
  }

  /** Gives a member its welcome, then what it missed. */
  begin(seat: Seat<Value>, { next, gap }: Beginning, notice: Notice): void {
    const { head } = this.#backlog;
    seat.next = gap?.from ?? next;
    seat.skipTo = seat.next;
    seat.kept = undefined;
    seat.keptBytes = 0;
    seat.replayTo = head.sequence;
    seat.due = head.sequence;
    seat.lostTo = gap?.to ?? 0;
    // A welcome that the member has not taken yet stays first; of resets only the last one counts.
    seat.front.splice(seat.front[0]?.type === 'welcome' ? 1 : 0, Number.POSITIVE_INFINITY, notice);
    this.#fallBehind(seat);
    this.catchUp(seat);
  }

  /** Returns whether it was here. */
  remove(seat: Seat<Value>): boolean {
    if (!this.#seats.delete(seat)) return false;
    seat.isGone = true;
    seat.kept = undefined;
    if (this.#behind.delete(seat)) this.#noteCalm();
    return true;
  }

  /** Gives a record to everyone who is here and has not had it. */
  deliver(entry: Entry<Value>): Tally {
    const tally = newTally();
    this.#backlog.beginTurn(entry);
    this.#round = { entry, tally };
    const { sequence, place } = entry;
    const value = this.#seats.size === 0 ? undefined : this.#host.valueOf(entry);
    for (const seat of this.#seats) {
      // Not welcomed yet, or it joined while the record waited for its turn, and has it as replay.
      if (seat.next > sequence || seat.due >= sequence) continue;
      if (seat.isBehind || seat.member.isBlocked) {
        this.#queue(seat, entry, tally);
        continue;
      }
      if (value === undefined) {
        tally.dropped++;
        this.#backlog.queueFor(seat, entry);
        this.#fallBehind(seat);
        this.catchUp(seat); // tells the gap
        continue;
      }
      // Before the call: what the member does inside it must find that it has this one.
      const { last } = seat;
      seat.last = place;
      seat.next = sequence + 1;
      const answer = seat.member.give(value);
      if (answer === 'sent') tally.sent++;
      else {
        if (answer !== 'backpressure') this.#notTaken(seat, entry, last);
        this.#notSent(seat, entry, answer, tally);
      }
    }
    this.#round = undefined;
    this.#backlog.endTurn(entry);
    this.#tellEvicted();
    return tally;
  }

  /** Tells everyone something that has no number. Who is behind is told later how things are then. */
  tell(notice: Notice, turn: number): void {
    const value = this.#host.noticeValue(notice);
    if (value === undefined) return;
    for (const seat of this.#seats) {
      if (seat.turn >= turn) continue;
      if (seat.isBehind || seat.member.isBlocked) {
        seat.isStale = true;
        this.#fallBehind(seat);
      } else {
        const answer = seat.member.give(value);
        if (answer === 'threw') this.#lose(seat, 'threw');
        else if (seat.member.isBlocked) this.#fallBehind(seat);
        if (answer === 'dropped') seat.isStale = true;
      }
    }
    this.#tellEvicted();
  }

  /** Gives a member what it missed, until it is blocked or has everything that has had its turn. */
  catchUp(seat: Seat<Value>): void {
    if (seat.isCatchingUp) return;
    seat.isCatchingUp = true;
    while (!seat.isGone && !seat.member.isBlocked && this.#giveNext(seat));
    seat.isCatchingUp = false;
    this.#tellEvicted();
  }

  /** Records up to `sequence` will never come: tells everyone who has not had them. */
  tellLost(sequence: number): void {
    for (const seat of this.#seats) {
      seat.lostTo = Math.max(seat.lostTo, sequence);
      seat.due = sequence;
      this.#fallBehind(seat);
      this.catchUp(seat);
    }
  }

  /** Lets go of members for whom something has waited too long. */
  sweep(nowMs: number): void {
    if (this.#host.policy === 'evict')
      for (const seat of this.#behind)
        if (seat.kept === undefined && this.#backlog.isOver(seat, nowMs)) this.#lose(seat, 'too-slow');
    this.#tellEvicted();
  }

  /** Lets go of everyone. */
  evictAll(why: EvictionReason): void {
    for (const seat of this.#seats) this.#lose(seat, why);
    this.#tellEvicted();
  }

  #notSent(seat: Seat<Value>, entry: Entry<Value>, answer: 'backpressure' | 'dropped' | 'threw', tally: Tally): void {
    if (answer === 'threw') {
      tally.evicted++;
      this.#lose(seat, 'threw');
    } else if (answer === 'dropped') {
      if (seat.next > entry.sequence) tally.dropped++;
      else this.#queue(seat, entry, tally);
    } else {
      tally.queued++;
      if (seat.member.isBlocked) this.#fallBehind(seat);
    }
  }

  /** A record that this member cannot be given now. */
  #queue(seat: Seat<Value>, entry: Entry<Value>, tally: Tally): void {
    const nowMs = this.#host.now();
    if (entry.waitingSinceMs > nowMs) entry.waitingSinceMs = nowMs;
    if (!seat.isBehind) {
      seat.skipTo = seat.next;
      this.#fallBehind(seat);
    }
    this.#backlog.queueFor(seat, entry);
    const late = { backlog: this.#backlog, cursor: seat, entry, policy: this.#host.policy, nowMs };
    if (!queueLate(late, tally)) this.#lose(seat, 'too-slow');
  }

  /** Gives one thing; returns whether to go on. */
  #giveNext(seat: Seat<Value>): boolean {
    const [notice] = seat.front;
    if (notice !== undefined) {
      if (this.#giveNotice(seat, notice) && seat.front[0] === notice) seat.front.shift();
      return true;
    }
    if (seat.next > seat.due) return this.#hasCaughtUp(seat);
    const entry = this.#backlog.nextFor(seat);
    const value = entry === undefined ? undefined : this.#host.valueOf(entry);
    if (seat.isGone) return false; // it left while the value was made
    if (entry === undefined) this.#giveGap(seat, seat.due);
    else if (value === undefined) {
      seat.lostTo = Math.max(seat.lostTo, entry.sequence);
      this.#giveGap(seat, entry.sequence);
    } else if (entry.sequence > seat.next) this.#giveGap(seat, entry.sequence - 1);
    else this.#give(seat, entry, value);
    return true;
  }

  /** Gives a member that catches up the record that comes next. */
  #give(seat: Seat<Value>, entry: Entry<Value>, value: Value): void {
    const { last, skipTo } = seat;
    // Before the call, as in `deliver`.
    seat.last = entry.place;
    const wasKept = this.#backlog.given(seat, entry);
    const answer = seat.member.give(value);
    if (answer === 'sent' || answer === 'backpressure') return;
    if (this.#notTaken(seat, entry, last)) this.#backlog.takeBack(seat, entry, skipTo, wasKept);
    if (answer === 'threw') this.#lose(seat, 'threw');
  }

  /** The cursor moves back, unless something inside the call has moved it: a reset or a gap. Returns whether it does. */
  #notTaken(seat: Seat<Value>, { sequence, place }: Entry<Value>, last: Position): boolean {
    if (seat.last !== place) return false;
    seat.last = last;
    if (seat.isGone || seat.next !== sequence + 1) return false;
    seat.next = sequence;
    return true;
  }

  /** Tells a member that it will not get what lies between `next` and `to`. */
  #giveGap(seat: Seat<Value>, to: number): void {
    const from = seat.next;
    const coalesced = this.#backlog.isOnlySuperseded(seat);
    if (!this.#giveNotice(seat, { type: 'gap', from, to, coalesced })) return;
    seat.next = to + 1;
    this.#countCoalesced(seat, from);
  }

  /** A member that catches up in the round of a record, before its own turn there, may be told that it stands for one that waited. */
  #countCoalesced({ next, due }: Seat<Value>, from: number): void {
    if (this.#round === undefined) return;
    const { entry, tally } = this.#round;
    if (due < entry.sequence && from <= entry.standsFor && entry.standsFor < next) tally.coalesced++;
  }

  /** Returns whether the member was told, or need not be. */
  #giveNotice(seat: Seat<Value>, notice: Notice): boolean {
    const value = this.#host.noticeValue(notice);
    if (value === undefined || seat.isGone) return true;
    const answer = seat.member.give(value);
    if (answer === 'threw') this.#lose(seat, 'threw');
    return answer === 'sent' || answer === 'backpressure';
  }

  #hasCaughtUp(seat: Seat<Value>): boolean {
    if (seat.isStale) {
      seat.isStale = false;
      if (!this.#giveNotice(seat, this.#host.members())) seat.isStale = true;
      return true;
    }
    seat.isBehind = false;
    seat.member.wait(seat, false);
    if (this.#behind.delete(seat)) this.#noteCalm();
    return false;
  }

  #fallBehind(seat: Seat<Value>): void {
    if (seat.isBehind || seat.isGone) return;
    seat.isBehind = true;
    seat.member.wait(seat, true);
    this.#behind.add(seat);
    if (this.#behind.size === 1) this.#host.calm(false);
  }

  #noteCalm(): void {
    if (this.#behind.size === 0) this.#host.calm(true);
  }

  #lose(seat: Seat<Value>, why: EvictionReason): void {
    if (this.remove(seat)) this.#evicted.push({ seat, why });
  }

  #tellEvicted(): void {
    for (let each = this.#evicted.shift(); each !== undefined; each = this.#evicted.shift())
      this.#host.letGo(each.seat, each.why);
  }
}
