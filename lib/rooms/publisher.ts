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
  readonly wait?: boolean | undefined;
  /** A whole number of any size. The wait does not keep the process alive. Default `ROOM_LIMITS.waitTimeoutMs`. */
  readonly waitTimeoutMs?: number | undefined;
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
    let appended: Promise<Appended>;
    this.#receipts.begin();
    try {
      appended = this.#log.append(this.#room.name, { data, key, coalesce, policy });
    } catch (error) {
      this.#receipts.end();
      throw error;
    }
    const early = this.#receipts.takeEarly();
    const receipt: Promise<Receipt> = appended.then(
      (result) => {
        const { sequence } = result.position;
        const outcome = early?.sequence === sequence ? early.outcome : this.#outcomeOf(result);
        this.#receipts.end();
        if (outcome !== 'awaited' && !(wait && this.#room.slow > 0))
          return makeReceipt(result, outcome, this.#room.slow);
        return new Promise((resolve) => {
          const done = (delivered: Outcome | undefined): void => {
            const finish = (): void => resolve(makeReceipt(result, delivered, this.#room.slow));
            if (wait && this.#room.slow > 0) this.#whenCalm(finish, waitTimeoutMs);
            else finish();
          };
          if (outcome === 'awaited') this.#receipts.wait(result.position, done);
          else done(outcome);
        });
      },
      (error: unknown) => {
        this.#receipts.end();
        return rejectQuietly(receipt, error);
      },
    );
    return receipt;
  }

  /** A record was delivered. */
  delivered(sequence: number, outcome: Outcome, epoch: string): void {
    this.#receipts.delivered(sequence, outcome, epoch);
  }

  /** Records up to `head`, and those of other epochs, will not be delivered any more; without a head none will. */
  giveUp(head?: Position): void {
    this.#receipts.giveUp(head);
  }

  /** Nobody is over the high-water mark. */
  noteCalm(): void {
    for (const calm of this.#waiting) calm();
    this.#waiting.clear();
  }

  /** What became of a record: `awaited` when it is still to be delivered here, undefined when it never will be, or is forgotten. */
  #outcomeOf(appended: Appended): Outcome | 'awaited' | undefined {
    const { epoch, sequence } = appended.position;
    const { isClosed, position, delivered } = this.#room;
    const outcome = this.#receipts.take(appended) ?? this.#room.outcomeOf(sequence);
    const isOfAnother = position.epoch !== '' && position.epoch !== epoch;
    return outcome !== undefined || isClosed || isOfAnother || sequence <= delivered ? outcome : 'awaited';
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

/** Publishes where nobody listens here: the log's answer is all there is. */
export function publishUnheard(appended: Promise<Appended>): Promise<Receipt> {
  const receipt: Promise<Receipt> = appended.then(
    (result) => makeReceipt(result, undefined, 0),
    (error: unknown) => rejectQuietly(receipt, error),
  );
  return receipt;
}

/** Rejects a promise, inside its own handler, so that it does not end the process when nobody looks at it. */
function rejectQuietly(receipt: Promise<Receipt>, error: unknown): never {
  receipt.catch(() => undefined);
  throw error;
}
