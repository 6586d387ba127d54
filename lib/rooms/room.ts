/**
 * A room: one log's records, one audience, one order.
 *
 * Wires together what the other files know: the backlog of records, the audience and its order, presence, and publishers. A room
 * exists while it has members; its records live in the log. What a handler of the application throws, `prepare` included,
 * ends nothing here. Sections: settings; members; what the log says; the audience's questions.
 * Read next: `hub.ts`.
 */

import { Audience, type AudienceHost } from './audience.ts';
import { Backlog, type QueueBounds } from './backlog.ts';
import { evictionOf } from './eviction.ts';
import type { GatherMs } from './gather.ts';
import type { HistoryBounds } from './history.ts';
import {
  type Clock,
  type LogRecord,
  type Position,
  type RecordData,
  type RoomLog,
  RoomRefused,
  type SlowPolicy,
  type Subscription,
} from './log.ts';
import { type EvictionReason, type JoinOptions, type Member, newSeat, type Seat, type SeatOwner } from './member.ts';
import type { Item, MembersNotice, Notice } from './notices.ts';
import { Order } from './order.ts';
import { formatPosition, parsePosition } from './position.ts';
import { Preparer } from './preparer.ts';
import { Presence, type PresenceOptions } from './presence.ts';
import { Publisher, type PublisherHost, type PublishOptions } from './publisher.ts';
import type { Outcome, Receipt } from './receipts.ts';
import { planResume } from './resume.ts';
import { SharedPresence } from './shared-presence.ts';

/** What can be set for each room. */
export interface RoomSettings extends HistoryBounds, QueueBounds {
  readonly policy: SlowPolicy;
  readonly gatherMs: GatherMs;
  readonly presenceMs: number;
  readonly maxMembers: number;
  readonly maxMembersListed: number;
  readonly keepPreparedMs: number;
}

/** What `prepare` may know of the room. */
export interface RoomView {
  readonly name: string;
  readonly position: Position;
  readonly size: number;
  /** All names that are here now, each once, in order of arrival; not a copy. Of all nodes, where the log tells (`LogPresence`), in the order in which they became known here. */
  names(): IterableIterator<string>;
}

/** What a room asks of its hub. */
export interface RoomHost<Value> {
  readonly log: RoomLog;
  readonly clock: Clock;
  prepare(item: Item, room: RoomView): Value | undefined;
  report(error: unknown, where: string): void;
  readonly personOf: PresenceOptions['personOf'];
  /** The last member has gone. */
  closed(name: string): void;
}

/** A room that has members: who is in it, how many are slow, and what you keep with it. `Hub` makes it when the first member joins. */
export class Room<Value, Data = unknown> implements RoomView, PublisherHost, SeatOwner<Value> {
  readonly name: string;
  /** Yours: whatever belongs to this room, while it has members. */
  data: Data | undefined = undefined;
  readonly #host: RoomHost<Value>;
  readonly #settings: RoomSettings;
  readonly #backlog: Backlog<Value>;
  readonly #audience: Audience<Value>;
  readonly #preparer: Preparer<Value>;
  readonly #presence: Presence;
  readonly #publisher: Publisher;
  readonly #order: Order<Value>;
  /** Members that joined before the log had opened the room and its names were known, with the positions they came with. */
  #arrivals: Map<Seat<Value>, JoinOptions['after']> | undefined = new Map();
  #subscription: Subscription | undefined = undefined;
  #cancelSweep: (() => void) | undefined = undefined;
  #isClosed = false;

  constructor(name: string, host: RoomHost<Value>, settings: RoomSettings) {
    this.name = name;
    this.#host = host;
    this.#settings = settings;
    this.#backlog = new Backlog(settings, settings);
    this.#preparer = new Preparer({
      backlog: this.#backlog,
      clock: host.clock,
      keepPreparedMs: settings.keepPreparedMs,
      prepare: (item) => host.prepare(item, this),
      report: host.report,
    });
    this.#audience = new Audience(this.#audienceHost(), this.#backlog);
    this.#presence = presenceOf(name, host, settings, (notice) => this.#order.addNotice(notice));
    this.#publisher = new Publisher(this, host.log, host.clock);
    this.#order = new Order(this.#audience, settings.gatherMs, host.clock, {
      delivered: (sequence, outcome, epoch) => this.#publisher.delivered(sequence, outcome, epoch),
      done: () => (this.#isClosed ? this.#publisher.giveUp() : this.#trim()),
    });
  }

  /** It has no members and will have none; a room of that name is another one. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The last record that was delivered, or is being delivered. */
  get delivered(): number {
    return this.#order.delivered;
  }

  /** What became of a record that is still held, for the members here. */
  outcomeOf(sequence: number): Outcome | undefined {
    return this.#backlog.get(sequence)?.outcome;
  }

  /** The place of the last record that has come here; of epoch '' until the log has opened the room. */
  get position(): Position {
    return this.#backlog.head;
  }

  /** Members, each connection counted. */
  get size(): number {
    return this.#audience.size;
  }

  /** Members that are over their high-water mark, or have not been given everything. */
  get slow(): number {
    return this.#audience.slow;
  }

  /**
   * Records that wait for members that are behind, each counted for each of them: what they would be given now. What was given up, or is
   * superseded by key, is not among them. Counted when asked, for what `waiting.ts` says; 0 at once when nobody is slow.
   */
  get queued(): number {
    return this.#audience.queued;
  }

  /** Names, in order of arrival, and how many people: of all nodes, where the log tells (`LogPresence`), in the order in which they became known here. */
  get present(): MembersNotice {
    return { type: 'members', members: this.#presence.list(), memberCount: this.#presence.size };
  }

  names(): IterableIterator<string> {
    return this.#presence.names();
  }

  /** The members; not a copy. */
  *members(): IterableIterator<Member<Value, unknown>> {
    for (const { member } of this.#audience.seats()) yield member;
  }

  /** As `Hub.publish`. */
  publish(data: RecordData, options: PublishOptions, waitTimeoutMs: number): Promise<Receipt> {
    return this.#publisher.publish(data, options, waitTimeoutMs);
  }

  /** For `Hub`: a member comes in. @throws RoomRefused when the room is full */
  join(member: Member<Value, unknown>, { after, as }: JoinOptions): void {
    const { maxMembers } = this.#settings;
    if (this.size >= maxMembers) throw roomFull(this.name, this.size, maxMembers);
    const seat = newSeat(member, this, as, placeOf(after));
    this.#audience.add(seat);
    member.sit(this.name, seat);
    // The others may be told at once, and do anything then: this one is in the room already, and may be out of it again.
    if (as !== undefined) this.#presence.join(as);
    if (this.#arrivals === undefined) this.#welcome(seat, after);
    else this.#arrivals.set(seat, after);
  }

  /** For `Hub`: begins to listen to the log, before anybody comes in. @throws RoomRefused when the log refuses at once; what `subscribe` throws */
  open(): void {
    let isOpening = true;
    try {
      let refused: RoomRefused | undefined;
      this.#subscription = this.#host.log.subscribe(this.name, this.#settings.maxHistoryRecords, {
        opened: (head, records) => this.#opened(head, records),
        record: (record) => this.#record(record),
        gap: (_gap, head) => this.#gap(head),
        reset: (head, records) => this.#reset(head, records),
        failed: (error) => {
          if (isOpening) refused = error;
          else this.#failed(error);
        },
      });
      if (refused !== undefined) throw refused;
    } catch (error) {
      this.#closeIfEmpty();
      throw error;
    } finally {
      isOpening = false;
    }
  }

  /** For `Member`: it has room again. */
  catchUp(seat: Seat<Value>): void {
    this.#audience.catchUp(seat);
    this.#trim();
  }

  /** For `Member`: it leaves. */
  leave(seat: Seat<Value>): void {
    this.#stand(seat);
    // Else it was found too slow in this round, and the others hear that it left when the round is over.
    if (this.#audience.remove(seat)) this.#leftBy(seat);
  }

  /** For `Hub`: lets go of everyone. */
  close(why: EvictionReason): void {
    if (this.#isClosed) return;
    this.#leaveHub(); // before anybody is told, who may join a room of this name again: that is another one
    this.#audience.evictAll(why);
    this.#letGoOfAll();
  }

  /** The member is in the room no more. Returns whether it was. */
  #stand(seat: Seat<Value>): boolean {
    this.#arrivals?.delete(seat);
    return seat.member.stand(this.name, seat);
  }

  /** The others hear it. */
  #leftBy(seat: Seat<Value>): void {
    if (seat.as !== undefined) this.#presence.leave(seat.as);
    this.#closeIfEmpty();
  }

  #closeIfEmpty(): void {
    if (this.size > 0 || this.#isClosed) return;
    this.#leaveHub();
    this.#letGoOfAll();
  }

  #leaveHub(): void {
    this.#isClosed = true;
    this.#host.closed(this.name);
  }

  #letGoOfAll(): void {
    this.#subscription?.close();
    this.#presence.close();
    this.#order.close();
    this.#cancelSweep?.();
    this.#preparer.close();
    // The last member may have left while it was given a record, whose outcome is known when everyone has been served.
    if (!this.#order.isRunning) this.#publisher.giveUp();
    this.#publisher.noteCalm();
  }

  #welcome(seat: Seat<Value>, after: JoinOptions['after']): void {
    const { head } = this.#backlog;
    this.#backlog.prune(this.#host.clock.now());
    const beginning = planResume(after, this.#backlog, this.#settings.maxHistoryRecords);
    const { resumed, next, gap } = beginning;
    const had = (gap?.from ?? next) - 1;
    const token = had === head.sequence ? head.token : this.#backlog.token(had);
    // Of a member that came without a position, the place before what it is given may be unknown: then the beginning.
    seat.last = { epoch: head.epoch, sequence: token === undefined ? 0 : had, token: token ?? '' };
    const members = this.#presence.give(seat.as);
    seat.turn = this.#order.turn;
    const notice: Notice = {
      type: 'welcome',
      room: this.name,
      as: seat.as,
      position: head,
      resumed,
      replay: head.sequence - next + 1,
      gap,
      members,
      memberCount: this.#presence.size,
    };
    this.#audience.begin(seat, beginning, notice);
  }

  #opened(head: Position, records: readonly LogRecord[]): void {
    this.#backlog.restart(head, records);
    this.#order.moveTo(head.sequence);
    this.#publisher.giveUp(head);
    this.#presence.whenKnown(() => {
      const arrivals = this.#arrivals ?? new Map();
      this.#arrivals = undefined;
      for (const [seat, after] of arrivals) if (!seat.isGone) this.#welcome(seat, after);
    });
  }

  #record(record: LogRecord): void {
    this.#order.addRecord(this.#backlog.append(record));
  }

  #gap(head: Position): void {
    this.#order.run();
    this.#backlog.skip(head);
    this.#order.moveTo(head.sequence);
    this.#publisher.giveUp(head);
    this.#audience.tellLost(head.sequence);
  }

  #reset(head: Position, records: readonly LogRecord[]): void {
    this.#backlog.restart(head, records);
    this.#order.moveTo(head.sequence);
    this.#publisher.giveUp();
    for (const seat of this.#audience.seats()) {
      if (this.#arrivals?.has(seat)) continue; // its welcome, which comes later, will say where it is
      seat.last = { epoch: head.epoch, sequence: 0, token: '' };
      const beginning = planResume(undefined, this.#backlog, this.#settings.maxHistoryRecords);
      this.#audience.begin(seat, beginning, { type: 'reset', position: head });
    }
  }

  #failed(error: RoomRefused): void {
    if (this.#isClosed) return;
    this.#host.report(error, 'log');
    this.close('log-failed');
  }

  #trim(): void {
    if (this.slow === 0 && this.#order.isEmpty) this.#backlog.trim();
  }

  #sweepLater(): void {
    this.#cancelSweep ??= this.#host.clock.after(Math.ceil(this.#settings.maxQueueAgeMs / 4), () => {
      this.#cancelSweep = undefined;
      this.#audience.sweep(this.#host.clock.now());
      if (this.slow > 0) this.#sweepLater();
    });
  }

  #audienceHost(): AudienceHost<Value> {
    return {
      policy: this.#settings.policy,
      now: () => this.#host.clock.now(),
      valueOf: (entry) => this.#preparer.valueOf(entry),
      noticeValue: (notice) => this.#preparer.noticeValue(notice),
      members: () => ({ type: 'members', members: this.#presence.give(undefined), memberCount: this.#presence.size }),
      letGo: (seat, why) => {
        const position = seat.last;
        // Before the others hear it, one of whom may let it join again. Who has left since it was found too slow is told nothing.
        if (this.#stand(seat)) seat.member.tellEvicted(evictionOf(this.name, why, position, seat.member.wasInSeveral));
        this.#leftBy(seat);
      },
      calm: (isCalm) => {
        if (isCalm) this.#publisher.noteCalm();
        else this.#sweepLater();
      },
    };
  }
}

/** The names of a room: of this process, or of all nodes where the log has them. */
function presenceOf<Value>(
  room: string,
  host: RoomHost<Value>,
  { presenceMs, maxMembersListed }: RoomSettings,
  tell: PresenceOptions['tell'],
): Presence {
  const { clock, personOf } = host;
  const report = (error: unknown): void => host.report(error, 'presence');
  const options = { presenceMs, maxMembersListed, personOf, clock, tell, report };
  const { presence: shared } = host.log;
  if (shared === undefined) return new Presence(options);
  return new SharedPresence({ ...options, room, shared });
}

/** The position that a member comes with, as far as it is one; of epoch '' where it is none. */
function placeOf(after: JoinOptions['after']): Position {
  const text = typeof after === 'string' ? after : after && formatPosition({ ...after, token: after.token ?? '' });
  const position = text ? parsePosition(text) : undefined;
  return { epoch: position?.epoch ?? '', sequence: position?.sequence ?? 0, token: position?.token ?? '' };
}

function roomFull(name: string, size: number, maxMembers: number): RoomRefused {
  return new RoomRefused('ROOM_FULL', `room ${name} has ${size} members, limit ${maxMembers}`);
}
