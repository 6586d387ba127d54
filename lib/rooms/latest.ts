/**
 * The latest record of each key to coalesce by, for members that are behind.
 *
 * A member that catches up gets of each key the latest value alone, and gets it even where the history has moved past it.
 * Kept in the order of sequences, which a Map has when a key that comes again is put at its end. Memory: at most `maxKeys`
 * entries and `maxBytes` of data; the keys that were updated longest ago go first. Read next: `backlog.ts`.
 */

import type { Entry } from './backlog.ts';

/** The keys of one room. */
export class Latest<Value> {
  readonly #maxKeys: number;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry<Value>>();
  #bytes = 0;
  #droppedTo = 0;

  constructor(maxKeys: number, maxBytes: number) {
    this.#maxKeys = maxKeys;
    this.#maxBytes = maxBytes;
  }

  /** The sequence of the latest record with that key; 0 when there is none. */
  sequenceOf(key: string): number {
    return this.#entries.get(key)?.sequence ?? 0;
  }

  /** Takes the new latest of a key. */
  note(key: string, entry: Entry<Value>): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#delete(key, before);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, each] of this.#entries) {
      if (this.#entries.size <= this.#maxKeys && this.#bytes <= this.#maxBytes) return;
      this.#delete(oldest, each);
      this.#droppedTo = each.sequence;
    }
  }

  /** The last record that had to go for the bounds, though it was the latest of its key. */
  get droppedTo(): number {
    return this.#droppedTo;
  }

  /** Whether a later record stands for this one. */
  supersedes({ record, sequence }: Entry<Value>): boolean {
    const { coalesce } = record;
    return coalesce !== undefined && this.sequenceOf(coalesce) > sequence;
  }

  /** The oldest of the latest with a sequence from `from` on and before `before`. O(keys). */
  firstBetween(from: number, before: number): Entry<Value> | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.sequence >= before) return undefined;
      if (entry.sequence >= from) return entry;
    }
    return undefined;
  }

  /** The sequences of all of them, in order. O(keys). */
  sequences(): number[] {
    return Array.from(this.#entries.values(), ({ sequence }) => sequence);
  }

  /** Whether this very record is the latest of its key. */
  holds({ record, sequence }: Entry<Value>): boolean {
    return record.coalesce !== undefined && this.sequenceOf(record.coalesce) === sequence;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#droppedTo = 0;
  }

  #delete(key: string, entry: Entry<Value>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
