/**
 * Receipts: what became of a message for the members of a room in this process.
 *
 * An append and the delivery of its record finish in either order, depending on the log. This file brings the two together:
 * outcomes wait for their publisher, and publishers for their outcome. Memory: the publishers under way, and at most
 * `MAX_OUTCOMES` outcomes while there are any. Read next: `room.ts`.
 */

import type { Appended, LogRecord, Position } from './log.ts';

/**
 * How many deliveries ended how. Each counts members of the room in this process, when the record was delivered. All are 0 where no member
 * is here, where those here have it as replay or were told a gap or a reset in its place, and where the record has left the history.
 */
export interface Outcome {
  /** Taken by the connection, which is not over its high-water mark. */
  readonly sent: number;
  /** Taken by a connection that is now over its high-water mark, or kept for a member that is behind. */
  readonly queued: number;
  /** Deliveries, of this record or of earlier ones, that members lost on account of this one. Each is told the sequences. */
  readonly dropped: number;
  /** Deliveries of earlier records that this one stands for. */
  readonly coalesced: number;
  /** Members that were let go on account of this record. */
  readonly evicted: number;
}

/** What a publisher gets. */
export interface Receipt extends Outcome {
  readonly sequence: number;
  readonly position: Position;
  /** The key had been used: this is the receipt of the first record with it; its counts are 0 where it has left the history. */
  readonly duplicate: boolean;
  /** The record, of a repeat the first one; undefined where that has left the log's history. */
  readonly record: LogRecord | undefined;
  /** Members over their high-water mark now: 0 after `wait`, unless the deadline came first. */
  readonly slow: number;
}

/** An outcome in the making. */
export interface Tally extends Outcome {
  sent: number;
  queued: number;
  dropped: number;
  coalesced: number;
  evicted: number;
}

/** Outcomes that are kept for publishers whose append has not been answered yet. */
export const MAX_OUTCOMES = 4_096;

const NOTHING: Outcome = { sent: 0, queued: 0, dropped: 0, coalesced: 0, evicted: 0 };

/** Makes an empty tally. */
export function newTally(): Tally {
  return { sent: 0, queued: 0, dropped: 0, coalesced: 0, evicted: 0 };
}

/** Joins what the log said and what the members said. */
export function makeReceipt(
  { position, duplicate, record }: Appended,
  outcome: Outcome | undefined,
  slow: number,
): Receipt {
  const { sent, queued, dropped, coalesced, evicted } = outcome ?? NOTHING;
  const { epoch, sequence, token } = position;
  return {
    sequence,
    position: { epoch, sequence, token },
    duplicate,
    record,
    sent,
    queued,
    dropped,
    coalesced,
    evicted,
    slow,
  };
}

/** Who waits for the delivery of a record. */
interface Waiting {
  readonly epoch: string;
  readonly done: (outcome: Outcome | undefined) => void;
}

interface Early {
  readonly epoch: string;
  readonly sequence: number;
  readonly outcome: Outcome;
}

/** The publishers of one room. */
export class Receipts {
  /** Appends that were not answered yet. */
  #appending = 0;
  /** The first record that was delivered during a call of `append`: with a log in memory, the one that was appended. */
  #early: Early | undefined = undefined;
  #isCalling = false;
  /** Others that were delivered while an append was under way, by sequence, the oldest first. */
  readonly #outcomes = new Map<number, Early>();
  /** Answered, and not delivered yet; several for one record where it was published again meanwhile. */
  readonly #waiting = new Map<number, Waiting[]>();

  /** An append begins: the log is called next, perhaps from inside another call of it, whose early outcome is kept with the others. */
  begin(): void {
    if (this.#early !== undefined) this.#outcomes.set(this.#early.sequence, this.#early);
    this.#early = undefined;
    this.#isCalling = this.#appending++ === 0;
  }

  /** The call has returned, with a promise: what was delivered during the call, if anything. */
  takeEarly(): Early | undefined {
    const early = this.#early;
    this.#early = undefined;
    this.#isCalling = false;
    return early;
  }

  /** An append was answered or has failed. */
  end(): void {
    this.#appending--;
    if (this.#appending === 0) this.#outcomes.clear();
  }

  /** A record was delivered to the members. */
  delivered(sequence: number, outcome: Outcome, epoch: string): void {
    const waiting = this.#waiting.get(sequence);
    if (waiting !== undefined) {
      this.#waiting.delete(sequence);
      for (const { done } of waiting) done(outcome);
    } else if (this.#isCalling && this.#early === undefined) this.#early = { epoch, sequence, outcome };
    else if (this.#appending > 0) {
      this.#outcomes.set(sequence, { epoch, sequence, outcome });
      if (this.#outcomes.size > MAX_OUTCOMES) this.#outcomes.delete(this.#outcomes.keys().next().value as number);
    }
  }

  /** The outcome of a record that was delivered while its append was under way. A repeat, which may be answered first, leaves it to the first publisher. */
  take({ position, duplicate }: Omit<Appended, 'record'>): Outcome | undefined {
    const kept = this.#outcomes.get(position.sequence);
    if (kept?.epoch !== position.epoch) return undefined;
    if (!duplicate) this.#outcomes.delete(position.sequence);
    return kept.outcome;
  }

  /** Calls back when the record is delivered, or will never be. */
  wait({ epoch, sequence }: Position, done: Waiting['done']): void {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) this.#waiting.set(sequence, [{ epoch, done }]);
    else waiting.push({ epoch, done });
  }

  /**
   * Records up to `head`, and those of other epochs, will not be delivered any more: those who wait get nothing but the log's answer.
   * Without a head none will.
   */
  giveUp(head?: Position): void {
    for (const [sequence, waiting] of this.#waiting) {
      const isComing = (each: Waiting): boolean => each.epoch === head?.epoch && sequence > head.sequence;
      const coming = waiting.filter(isComing);
      if (coming.length > 0) this.#waiting.set(sequence, coming);
      else this.#waiting.delete(sequence);
      for (const each of waiting) if (!isComing(each)) each.done(undefined);
    }
  }
}
