/**
 * What a room still has of its records, and what a member that is behind gets of them.
 *
 * A member that does not keep up has no queue of its own: it is a cursor into the room's records, so that a stuck reader costs
 * nothing but that the room holds on a little longer to what it has anyway. Memory: the history's bounds; while someone is behind, up
 * to `maxQueueBytes` more; and the records that have not had their turn, which the order's queue holds in any case (they push out
 * nothing that waits). Only `drop-newest` gives a member a list of its own, since what it keeps is what the room
 * moves past; that too is bounded by `maxQueueBytes`. Nothing here delivers: see `audience.ts`, which asks.
 * Everything is O(1), amortised over the records that a cursor passes. Sections: entries, cursors, the backlog.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { History, type HistoryBounds } from './history.ts';
import { Latest } from './latest.ts';
import { dataBytes, type LogRecord, type Position } from './log.ts';
import type { Outcome } from './receipts.ts';
import type { Numbering } from './resume.ts';
import { countWaiting } from './waiting.ts';

/** What an entry counts for beside its data, against the bounds of queues. */
export const ENTRY_BYTES = 64;

/** A record in a room, with what `prepare` made of it. */
export interface Entry<Value> {
  readonly record: LogRecord;
  readonly sequence: number;
  /** The record's position, for members to remember without holding on to its data. */
  readonly place: Position;
  /** When the log took it, by the log's clock. */
  readonly timeMs: number;
  /** Since when it waits for somebody, by the room's clock; Infinity while it waits for nobody. */
  waitingSinceMs: number;
  readonly bytes: number;
  /** Bytes of all entries before it. */
  readonly offset: number;
  /** The sequence of the record with the same `coalesce` key that it stands for; 0 = none, or it has not had its turn. */
  standsFor: number;
  /** Made when first needed; undefined before, and where `prepare` threw. */
  value: Value | undefined;
  isPrepared: boolean;
  /** The value was needed since values were last looked through. */
  isWarm: boolean;
  /** What became of it for the members of this process, once it was delivered. */
  outcome: Outcome | undefined;
}

/** Where a member is. */
export interface Cursor<Value> {
  /** The first sequence that it was neither given nor told to be missing. */
  next: number;
  /** Entries between `replayTo` and this one are given up but for the latest of each key. */
  skipTo: number;
  /** The last entry that was lost for good, and not superseded. */
  lostTo: number;
  /** Entries up to this one are replay: never given up, and not counted against the bounds of the queue. */
  replayTo: number;
  /** The last entry that came in its turn while this member was behind, or that is replay. Those after it have their turn later, and are not its yet. */
  due: number;
  /** Bytes of all entries up to that one. */
  dueEnd: number;
  /** Of a member under `drop-newest`, what it keeps: then these are what comes next. */
  kept: Entry<Value>[] | undefined;
  keptBytes: number;
  /** The last entry that was kept or given up while there is such a list. */
  keptTo: number;
}

/** Bounds of what waits for a member that is behind. */
export interface QueueBounds {
  readonly maxQueueBytes: number;
  readonly maxQueueAgeMs: number;
}

/** The records of one room. */
export class Backlog<Value> implements Numbering {
  readonly #history: History<Entry<Value>>;
  readonly #latest: Latest<Value>;
  readonly #queue: QueueBounds;
  readonly #wide: HistoryBounds;
  #head: Position = { epoch: '', sequence: 0, token: '' };
  /** Bytes of all entries that ever were. */
  #end = 0;

  constructor(history: HistoryBounds, queue: QueueBounds) {
    this.#history = new History((entry) => dataBytes(entry.record.data), history);
    this.#latest = new Latest(ROOM_LIMITS.maxCoalesceKeys, queue.maxQueueBytes);
    this.#queue = queue;
    this.#wide = {
      maxHistoryRecords: history.maxHistoryRecords + Math.ceil(queue.maxQueueBytes / ENTRY_BYTES),
      maxHistoryBytes: history.maxHistoryBytes + queue.maxQueueBytes,
      maxHistoryAgeMs: history.maxHistoryAgeMs,
    };
  }

  get head(): Position {
    return this.#head;
  }

  get first(): number {
    return this.#history.firstSequence;
  }

  token(sequence: number): string | undefined {
    return this.#history.get(sequence)?.record.token;
  }

  get(sequence: number): Entry<Value> | undefined {
    return this.#history.get(sequence);
  }

  /** Begins anew: nothing of what was before goes on. */
  restart(head: Position, records: readonly LogRecord[]): void {
    this.#head = { ...head, sequence: head.sequence - records.length };
    this.#history.restart(this.#head.sequence + 1);
    this.#latest.clear();
    for (const record of records) this.beginTurn(this.append(record));
    this.trim();
    this.#head = head;
  }

  /** Records up to `head` will never come; what was before them is let go of too. */
  skip(head: Position): void {
    this.#head = head;
    this.#history.restart(head.sequence + 1);
  }

  /** Takes the next record, which stays beyond the history's bounds until it has had its turn. */
  append(record: LogRecord): Entry<Value> {
    const bytes = dataBytes(record.data) + ENTRY_BYTES;
    const { epoch, sequence, token } = record;
    const place: Position = { epoch, sequence, token };
    const entry: Entry<Value> = {
      record,
      sequence,
      place,
      timeMs: record.timeMs,
      waitingSinceMs: Number.POSITIVE_INFINITY,
      bytes,
      offset: this.#end,
      standsFor: 0,
      value: undefined,
      isPrepared: false,
      isWarm: false,
      outcome: undefined,
    };
    this.#end += bytes;
    this.#head = place;
    this.#history.add(entry);
    return entry;
  }

  /**
   * An entry has its turn: everyone is about to be given it, or it to wait for them. From now on it stands for those of its key; until
   * then it counts as one without, and those who join meanwhile are given it so.
   */
  beginTurn(entry: Entry<Value>): void {
    const { coalesce, timeMs } = entry.record;
    this.#history.prune(timeMs);
    if (coalesce === undefined) return;
    entry.standsFor = this.#latest.sequenceOf(coalesce);
    this.#latest.note(coalesce, entry);
  }

  /** It has had its turn: what waits for members is within the bounds of the queue, so that nothing of it goes here. */
  endTurn({ sequence, offset, bytes }: Entry<Value>): void {
    const { maxHistoryRecords, maxHistoryBytes } = this.#wide;
    // After a reset inside the turn, the head may be before it.
    const records = Math.max(0, this.#head.sequence - sequence);
    this.#history.trim(maxHistoryRecords + records, maxHistoryBytes + this.#end - offset - bytes);
  }

  /** Nobody is behind: back to the history's bounds. */
  trim(): void {
    this.#history.trim();
  }

  /** Drops what is older than the history's bound. */
  prune(nowMs: number): void {
    this.#history.prune(nowMs);
  }

  /** Lets go of the values that were not needed since the last call. Returns whether some are left. O(records). */
  cool(): boolean {
    let left = false;
    for (const entry of this.#history.from(this.first, this.#history.size)) {
      if (entry.isWarm) {
        entry.isWarm = false;
        left = true;
      } else {
        entry.value = undefined;
        entry.isPrepared = false;
      }
    }
    return left;
  }

  /**
   * What a member gets next, if anything; all that it passes over, from `next` on, is missing. Moves the cursor past
   * what it can never get. The caller calls `given`, and gives the entry.
   */
  nextFor(cursor: Cursor<Value>): Entry<Value> | undefined {
    const candidate = this.#nextReplay(cursor) ?? this.#nextKept(cursor) ?? this.#nextInHistory(cursor);
    const before = candidate?.sequence ?? cursor.due + 1;
    if (before === cursor.next) return candidate;
    return this.#latest.firstBetween(cursor.next, before) ?? candidate;
  }

  /** Whether all that a member misses from `next` on was superseded, as far as is known for certain. */
  isOnlySuperseded({ next, lostTo }: Cursor<Value>): boolean {
    return lostTo < next && this.#latest.droppedTo < next;
  }

  /** How many records these members would be given now. For what it costs see `waiting.ts`. */
  waitingFor(cursors: Iterable<Cursor<Value>>): number {
    return countWaiting(this.#history, this.#latest, cursors);
  }

  /** An entry has come in its turn for a member that cannot be given it now. */
  queueFor(cursor: Cursor<Value>, { sequence, offset, bytes }: Entry<Value>): void {
    cursor.due = sequence;
    cursor.dueEnd = offset + bytes;
  }

  /** Whether this is the latest record of its key, which stays at hand for everyone who is behind. */
  isLatestOfKey(entry: Entry<Value>): boolean {
    return this.#latest.holds(entry);
  }

  /** A member is given an entry. Returns whether it was one of those that are kept for it. */
  given(cursor: Cursor<Value>, { sequence, bytes }: Entry<Value>): boolean {
    cursor.next = sequence + 1;
    if (cursor.kept?.[0]?.sequence !== sequence) return false;
    cursor.kept.shift();
    cursor.keptBytes -= bytes;
    return true;
  }

  /** It has not taken it: the entry, which is `next` again, waits, whatever was given up meanwhile. `skipTo` is what the cursor had before, `wasKept` what `given` answered. */
  takeBack(cursor: Cursor<Value>, entry: Entry<Value>, skipTo: number, wasKept: boolean): void {
    cursor.skipTo = skipTo;
    if (cursor.kept === undefined || entry.sequence <= cursor.replayTo) return;
    if (!wasKept && this.#latest.holds(entry)) return; // at hand by its key
    cursor.kept.unshift(entry);
    cursor.keptBytes += entry.bytes;
  }

  /**
   * Whether more waits for a member than may. Passes over what costs nothing to pass over: what was superseded, and what
   * is the latest of its key, which stays at hand.
   */
  isOver(cursor: Cursor<Value>, nowMs: number): boolean {
    for (;;) {
      if (!this.#exceeds(cursor, nowMs)) return false;
      const entry = this.#history.get(this.#firstCounted(cursor));
      if (entry === undefined || !this.#isFree(entry)) return true;
      cursor.skipTo = entry.sequence + 1;
    }
  }

  /** Gives up the oldest of what waits until it is within the bounds. Returns how many records before the last one were lost. */
  dropOldest(cursor: Cursor<Value>, nowMs: number): number {
    let lost = 0;
    while (this.#exceeds(cursor, nowMs)) {
      const sequence = this.#firstCounted(cursor);
      const entry = this.#history.get(sequence);
      if (sequence < cursor.due && (entry === undefined || !this.#isFree(entry))) {
        lost++;
        cursor.lostTo = Math.max(cursor.lostTo, sequence);
      }
      cursor.skipTo = sequence + 1;
    }
    return lost;
  }

  /** Under `drop-newest`: makes what waits before `entry` the member's own. */
  keepFor(cursor: Cursor<Value>, entry: Entry<Value>): void {
    const from = this.#firstCounted(cursor);
    cursor.kept = this.#history
      .from(from, Math.max(0, entry.sequence - Math.max(from, this.first)))
      .filter((each) => !this.#latest.supersedes(each));
    cursor.keptTo = entry.sequence;
    cursor.keptBytes = cursor.kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether `entry` fits into what the member keeps, and then puts it there. */
  keepAlso(cursor: Cursor<Value>, entry: Entry<Value>): boolean {
    cursor.keptTo = entry.sequence;
    if (cursor.kept === undefined || cursor.keptBytes + entry.bytes > this.#queue.maxQueueBytes) return false;
    cursor.kept.push(entry);
    cursor.keptBytes += entry.bytes;
    return true;
  }

  /** Drops the oldest of what the member keeps until `bytes` more fit, and what is too old. Returns how many were lost. */
  dropKept(cursor: Cursor<Value>, bytes: number, nowMs: number): number {
    const { kept = [] } = cursor;
    const { maxQueueBytes, maxQueueAgeMs } = this.#queue;
    let lost = 0;
    for (let entry = kept[0]; entry !== undefined; entry = kept[0]) {
      if (cursor.keptBytes + bytes <= maxQueueBytes && entry.waitingSinceMs >= nowMs - maxQueueAgeMs) break;
      kept.shift();
      cursor.keptBytes -= entry.bytes;
      if (this.#isFree(entry)) continue;
      lost++;
      cursor.lostTo = Math.max(cursor.lostTo, entry.sequence);
    }
    return lost;
  }

  #nextKept(cursor: Cursor<Value>): Entry<Value> | undefined {
    const { kept } = cursor;
    if (kept === undefined) return undefined;
    for (let entry = kept[0]; entry !== undefined; entry = kept[0]) {
      // What lies before `next` was told as missing: nothing could be made of it.
      if (entry.sequence >= cursor.next && !this.#latest.supersedes(entry)) return entry;
      kept.shift();
      cursor.keptBytes -= entry.bytes;
    }
    // What came after the last that was kept has been given up as the newest.
    cursor.kept = undefined;
    cursor.keptBytes = 0;
    cursor.skipTo = cursor.keptTo + 1;
    return undefined;
  }

  #nextReplay(cursor: Cursor<Value>): Entry<Value> | undefined {
    const { next, replayTo } = cursor;
    return next > replayTo ? undefined : this.#firstFrom(cursor, next, replayTo);
  }

  #nextInHistory(cursor: Cursor<Value>): Entry<Value> | undefined {
    return this.#firstFrom(cursor, this.#firstCounted(cursor), cursor.due);
  }

  /** The first entry of a range that no later one stands for. Notes what the history has moved past. */
  #firstFrom(cursor: Cursor<Value>, from: number, to: number): Entry<Value> | undefined {
    if (from < this.first) cursor.lostTo = Math.max(cursor.lostTo, Math.min(this.first - 1, to));
    for (let at = Math.max(from, this.first); at <= to; at++) {
      const entry = this.#history.get(at);
      if (entry === undefined || !this.#latest.supersedes(entry)) return entry;
    }
    return undefined;
  }

  #exceeds(cursor: Cursor<Value>, nowMs: number): boolean {
    const sequence = this.#firstCounted(cursor);
    if (sequence > cursor.due) return false;
    const entry = this.#history.get(sequence);
    if (entry === undefined) return true;
    const { maxQueueBytes, maxQueueAgeMs } = this.#queue;
    return cursor.dueEnd - entry.offset > maxQueueBytes || entry.waitingSinceMs < nowMs - maxQueueAgeMs;
  }

  /** The first entry that waits and is not replay. */
  #firstCounted({ next, skipTo, replayTo }: Cursor<Value>): number {
    return Math.max(next, skipTo, replayTo + 1);
  }

  #isFree(entry: Entry<Value>): boolean {
    return this.#latest.supersedes(entry) || this.#latest.holds(entry);
  }
}
