/**
 * What went over the wire in one case, for the report: bounded, in order, with a time and a meaning for each row.
 *
 * Keeps the first rows and the last ones and counts what lies between, so that 65,537 fragments stay one page.
 * Read next: `connection.ts`.
 */

import { CONFORMANCE_LIMITS } from '../limits.ts';

export interface WireRow {
  /** Milliseconds since the connection was opened. */
  readonly at: number;
  readonly way: 'sent' | 'received' | 'note';
  readonly meaning: string;
  /** The first octets as they were on the wire, in hex; absent for notes. */
  readonly hex?: string;
  /** How many octets there were in all. */
  readonly octets?: number;
}

export class WireLog {
  readonly #start = performance.now();
  readonly #head: WireRow[] = [];
  readonly #tail: WireRow[] = [];
  #skipped = 0;

  sent(octets: Uint8Array, meaning: string, total: number = octets.length): void {
    this.#add('sent', meaning, octets, total);
  }

  received(octets: Uint8Array, meaning: string, total: number = octets.length): void {
    this.#add('received', meaning, octets, total);
  }

  note(meaning: string): void {
    this.#add('note', meaning);
  }

  /** Milliseconds since the beginning. */
  now(): number {
    return performance.now() - this.#start;
  }

  rows(): WireRow[] {
    if (this.#skipped === 0) return [...this.#head, ...this.#tail];
    const gap: WireRow = {
      at: this.#tail[0]?.at ?? this.now(),
      way: 'note',
      meaning: `${this.#skipped} more rows are not shown`,
    };
    return [...this.#head, gap, ...this.#tail];
  }

  #add(way: WireRow['way'], meaning: string, octets?: Uint8Array, total = 0): void {
    const tailRoom = CONFORMANCE_LIMITS.maxLoggedRows >> 2;
    const full = this.#head.length >= CONFORMANCE_LIMITS.maxLoggedRows - tailRoom;
    const row: WireRow = {
      at: Math.round(this.now() * 100) / 100,
      way,
      meaning,
      ...(octets === undefined ? {} : { hex: hexOf(octets), octets: total }),
    };
    if (!full) this.#head.push(row);
    else {
      this.#tail.push(row);
      if (this.#tail.length > tailRoom) {
        this.#tail.shift();
        this.#skipped++;
      }
    }
  }
}

function hexOf(octets: Uint8Array): string {
  const { maxLoggedBytes } = CONFORMANCE_LIMITS;
  return Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, maxLoggedBytes)).toString('hex');
}
