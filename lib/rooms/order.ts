/**
 * The order of a room: one queue of all that its members hear, and the one loop that works it off.
 *
 * What is published, joined or left inside a delivery is put at the end and waits until everyone has the present message, so that
 * nothing that a member does can change the order, starve the others, or be told twice. When the loop runs is the
 * gatherer's business. Memory: what has come and was not delivered yet. Read next: `room.ts`.
 */

import type { Audience } from './audience.ts';
import type { Entry } from './backlog.ts';
import { Gatherer, type GatherMs } from './gather.ts';
import type { Clock } from './log.ts';
import type { Notice } from './notices.ts';
import type { Outcome } from './receipts.ts';

type Queued<Value> =
  | { readonly entry: Entry<Value>; readonly notice?: undefined }
  | { readonly entry?: undefined; readonly notice: Notice; readonly turn: number };

/** Who is told of what the loop does. */
export interface OrderHost {
  /** A record was delivered. */
  delivered(sequence: number, outcome: Outcome, epoch: string): void;
  /** The queue is empty. */
  done(): void;
}

/** See the head of this file. */
export class Order<Value> {
  readonly #audience: Audience<Value>;
  readonly #host: OrderHost;
  readonly #gatherer: Gatherer;
  #queue: Queued<Value>[] = [];
  /** The index of what has its turn next. */
  #next = 0;
  #isRunning = false;
  #turn = 0;
  #delivered = 0;

  constructor(audience: Audience<Value>, gatherMs: GatherMs, clock: Clock, host: OrderHost) {
    this.#audience = audience;
    this.#host = host;
    this.#gatherer = new Gatherer(gatherMs, clock, () => this.run());
  }

  /** Counts notices, so that nobody is told one from before it joined. */
  get turn(): number {
    return this.#turn;
  }

  /** The last record that was delivered, or is being delivered. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Something is being delivered. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Nothing is being delivered, and nothing waits for it. */
  get isEmpty(): boolean {
    return !this.#isRunning && this.#queue.length === 0;
  }

  addRecord(entry: Entry<Value>): void {
    this.#queue.push({ entry });
    this.#gatherer.want();
  }

  addNotice(notice: Notice): void {
    this.#queue.push({ notice, turn: ++this.#turn });
    this.#gatherer.want();
  }

  /** Records up to `sequence` count as delivered, and those in the queue are forgotten. */
  moveTo(sequence: number): void {
    this.#queue = this.#queue.slice(this.#next).filter(({ entry }) => entry === undefined);
    this.#next = 0;
    this.#delivered = sequence;
  }

  /** Delivers everything that waits. What comes meanwhile is delivered by the loop that is running. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#next < this.#queue.length) {
      const queued = this.#queue[this.#next++]!;
      if (queued.entry === undefined) this.#audience.tell(queued.notice, queued.turn);
      else {
        const { entry } = queued;
        this.#delivered = entry.sequence; // before the call, in which `moveTo` may be called
        entry.outcome = this.#audience.deliver(entry);
        this.#host.delivered(entry.sequence, entry.outcome, entry.place.epoch);
      }
    }
    this.#queue = [];
    this.#next = 0;
    this.#isRunning = false;
    this.#host.done();
  }

  close(): void {
    this.#gatherer.close();
  }
}
