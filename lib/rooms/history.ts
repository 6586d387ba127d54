/**
 * The last entries of a room, in order, for those who join late or come back.
 *
 * Bounded by count, by bytes and by age: the oldest go first. Knows nothing of what an entry is but its sequence, its
 * time and what it counts for. Sequences are consecutive, so that a look-up is an index: append and look-up are O(1), a
 * slice is O(what it returns). Memory: the entries, and an array of at most twice as many places.
 * Read next: `memory-log.ts`, and `backlog.ts`, its users.
 */

import { ROOM_LIMITS } from '../limits.ts';
import { type Complete, describe } from '../options.ts';

/** What a history keeps. */
export interface Entry {
  readonly sequence: number;
  /** When it was made, in milliseconds of the clock that `prune` is given. */
  readonly timeMs: number;
}

/** Bounds of a history. */
export interface HistoryOptions {
  /** Entries. Default `ROOM_LIMITS.maxHistoryRecords`; 0 keeps none. */
  readonly maxHistoryRecords?: number | undefined;
  /** Bytes of data of all entries. Default `ROOM_LIMITS.maxHistoryBytes`. */
  readonly maxHistoryBytes?: number | undefined;
  /** Milliseconds that an entry is kept; 0 = without a limit. Default `ROOM_LIMITS.maxHistoryAgeMs`. */
  readonly maxHistoryAgeMs?: number | undefined;
}

/** Bounds that were checked. */
export type HistoryBounds = Complete<HistoryOptions>;

/** Fills in the defaults. @throws RangeError for bounds that are none */
export function historyBounds(options: HistoryOptions): HistoryBounds {
  const {
    maxHistoryRecords = ROOM_LIMITS.maxHistoryRecords,
    maxHistoryBytes = ROOM_LIMITS.maxHistoryBytes,
    maxHistoryAgeMs = ROOM_LIMITS.maxHistoryAgeMs,
  } = options;
  return {
    maxHistoryRecords: wholeNumber('maxHistoryRecords', maxHistoryRecords),
    maxHistoryBytes: wholeNumber('maxHistoryBytes', maxHistoryBytes),
    maxHistoryAgeMs: wholeNumber('maxHistoryAgeMs', maxHistoryAgeMs),
  };
}

/** A bounded run of consecutive entries. */
export class History<Kept extends Entry> {
  readonly #bounds: HistoryBounds;
  readonly #bytesOf: (entry: Kept) => number;
  /** `#entries[#first]` is the oldest; what lies before it is empty and cut off when it is half of the array. */
  #entries: (Kept | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  /** The sequence of the oldest entry, or of the next one to come when there is none. */
  #firstSequence = 1;

  /** `bytesOf` says what an entry counts for, always the same for the same entry. */
  constructor(bytesOf: (entry: Kept) => number, bounds: HistoryBounds) {
    this.#bounds = bounds;
    this.#bytesOf = bytesOf;
  }

  /** Entries held. */
  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Bytes held, as counted by `bytesOf`. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** The sequence of the oldest entry; of the next to come when there is none. */
  get firstSequence(): number {
    return this.#firstSequence;
  }

  /** Forgets everything; the next entry has this sequence. */
  restart(nextSequence: number): void {
    this.#entries = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#firstSequence = nextSequence;
  }

  /** Adds the next entry. One larger than all of the history is not kept, nor is anything before it. */
  append(entry: Kept): void {
    this.add(entry);
    this.trim();
  }

  /** Adds the next entry, which stays beyond the bounds until `trim`. */
  add(entry: Kept): void {
    this.#entries.push(entry);
    this.#bytes += this.#bytesOf(entry);
  }

  /** Drops the oldest entries until count and bytes are within the bounds, or within others. */
  trim(maxRecords: number = this.#bounds.maxHistoryRecords, maxBytes: number = this.#bounds.maxHistoryBytes): void {
    while (this.size > maxRecords || this.#bytes > maxBytes) this.#dropOldest();
  }

  /** Drops what is older than the bound. */
  prune(nowMs: number): void {
    const { maxHistoryAgeMs } = this.#bounds;
    if (maxHistoryAgeMs === 0) return;
    while (this.size > 0 && this.#entries[this.#first]!.timeMs < nowMs - maxHistoryAgeMs) this.#dropOldest();
  }

  /** The entry of that sequence, if it is held. */
  get(sequence: number): Kept | undefined {
    return sequence < this.#firstSequence ? undefined : this.#entries[this.#first + sequence - this.#firstSequence];
  }

  /** Entries with sequences from `from` on, the oldest of them first, at most `limit`. */
  from(from: number, limit: number): Kept[] {
    const start = this.#first + Math.max(0, from - this.#firstSequence);
    return this.#entries.slice(start, start + limit) as Kept[];
  }

  /** The last entries, at most `limit`. */
  last(limit: number): Kept[] {
    return this.#entries.slice(Math.max(this.#first, this.#entries.length - limit)) as Kept[];
  }

  #dropOldest(): void {
    this.#bytes -= this.#bytesOf(this.#entries[this.#first]!);
    this.#entries[this.#first++] = undefined;
    this.#firstSequence++;
    if (this.#first > this.size) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

/**
 * Checks an option that is a count, an amount or a wait. A wait may be of any length: `Clock.after` knows no longest.
 * `others` ends the sentence where something beside a number may be given.
 * @throws RangeError
 */
export function wholeNumber(name: string, value: number, least = 0, others = ''): number {
  if (!Number.isSafeInteger(value) || value < least) throw notWhole(name, value, least, others);
  return value;
}

/** Apart, so that the check, which every `publish` makes, is small. */
function notWhole(name: string, value: unknown, least: number, others: string): RangeError {
  return new RangeError(`${name} is ${describe(value)}, must be a whole number from ${least}${others}`);
}
