/**
 * Publishing: from an append to a receipt.
 *
 * A receipt needs two answers, the log's and the members', which come in either order (`receipts.ts`), and perhaps a third: that
 * nobody is over the high-water mark any more. A promise of a receipt always settles: a room that closes, or records that
 * will never be delivered here, leave the log's answer alone. Read next: `room.ts`.
 */

import type { Appended, Clock, LogEntry, Position, RecordData, RoomLog } from './log.ts';
import { makeReceipt, type Outcome, type Receipt, Receipts } from './receipts.ts';

/** How to publish. */
export interface PublishOptions extends Omit<LogEntry, 'data'> {
  /** Resolve only when no member is over its high-water mark, or after `waitTimeoutMs`. Default false. */
  readonly wait?: boolean;
  /** Default `ROOM_LIMITS.waitTimeoutMs`. */
  readonly waitTimeoutMs?: number;
}

/** What publishing asks of a room. */
export interface PublisherHost {
  readonly name: string;
  readonly isClosed: boolean;
  /** The place of the last record that has come; of epoch '' before the first. */
  readonly position: Position;
  /** The last record that was delivered. */
  readonly delivered: number;
  /** Members that are over their high-water mark, or have not been given everything. */
  readonly slow: number;
  /** What became of a record that is still held. */
  outcomeOf(sequence: number): Outcome | undefined;
}

/** The publishers of one room. Memory: those under way, which the log bounds, and see `Receipts`. */
export class Publisher {
  readonly #room: PublisherHost;
  readonly #log: RoomLog;
  readonly #clock: Clock;
  readonly #receipts = new Receipts();
  /** Those who wait for calm. */
  readonly #waiting = new Set<() => void>();

  constructor(room: PublisherHost, log: RoomLog, clock: Clock) {
    this.#room = room;
    this.#log = log;
    this.#clock = clock;
  }

  /** As `Hub.publish`. */
  publish(data: RecordData, options: PublishOptions, waitTimeoutMs: number): Promise<Receipt> {
    const { key, coalesce, policy, wait = false } = options;
    this.#receipts.begin();
    let appended: Promise<Appended>;
    try {
      appended = this.#log.append(this.#room.name, { data, key, coalesce, policy });
    } catch (error) {
      this.#receipts.end();
      throw error;
    }
    return settle(appended, (result, resolve) => {
      if (result === undefined) {
        this.#receipts.end();
        return;
      }
      this.#whenDelivered(result.position, (outcome) => {
        const done = (): void => resolve(makeReceipt(result, outcome, this.#room.slow));
        if (wait && this.#room.slow > 0) this.#whenCalm(done, waitTimeoutMs);
        else done();
      });
    });
  }

  /** A record was delivered. */
  delivered(sequence: number, outcome: Outcome): void {
    this.#receipts.delivered(sequence, outcome);
  }

  /** Records up to `sequence` will not be delivered any more. */
  giveUp(sequence?: number): void {
    this.#receipts.giveUp(sequence);
  }

  /** Nobody is over the high-water mark. */
  noteCalm(): void {
    for (const calm of this.#waiting) calm();
    this.#waiting.clear();
  }

  #whenDelivered({ epoch, sequence }: Position, done: (outcome: Outcome | undefined) => void): void {
    const { isClosed, position, delivered } = this.#room;
    const outcome = this.#receipts.take(sequence) ?? this.#room.outcomeOf(sequence);
    this.#receipts.end();
    const isOfAnother = position.epoch !== '' && position.epoch !== epoch;
    if (outcome !== undefined || isClosed || isOfAnother || sequence <= delivered) done(outcome);
    else this.#receipts.wait(sequence, done);
  }

  #whenCalm(done: () => void, waitTimeoutMs: number): void {
    const calm = (): void => {
      cancel();
      done();
    };
    const cancel = this.#clock.after(waitTimeoutMs, () => {
      this.#waiting.delete(calm);
      done();
    });
    this.#waiting.add(calm);
  }
}

/**
 * Makes a promise of a receipt. `finish` is called with what was appended and the way to resolve, or with nothing when the
 * append failed, which rejects. A rejection that nobody looks at does not end the process.
 */
export function settle(
  appended: Promise<Appended>,
  finish: (result: Appended | undefined, resolve: (receipt: Receipt) => void) => void,
): Promise<Receipt> {
  const receipt = new Promise<Receipt>((resolve, reject) => {
    appended.then(
      (result) => finish(result, resolve),
      (error: unknown) => {
        finish(undefined, resolve);
        receipt.catch(() => undefined);
        reject(error);
      },
    );
  });
  return receipt;
}
