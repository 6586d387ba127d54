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
  delivered(sequence: number, outcome: Outcome): void;
  /** The queue is empty. */
  done(): void;
}

/** See the head of this file. */
export class Order<Value> {
  readonly #audience: Audience<Value>;
  readonly #host: OrderHost;
  readonly #gatherer: Gatherer;
  #queue: Queued<Value>[] = [];
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

  /** The last record that was delivered. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Something is being delivered. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Nothing is being delivered, and nothing waits for it. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
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
    this.#queue = this.#queue.filter(({ entry }) => entry === undefined);
    this.#delivered = sequence;
  }

  /** Delivers everything that waits. What comes meanwhile is delivered by the loop that is running. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let i = 0; i < this.#queue.length; i++) {
      const queued = this.#queue[i]!;
      if (queued.entry === undefined) this.#audience.tell(queued.notice, queued.turn);
      else {
        const { entry } = queued;
        entry.outcome = this.#audience.deliver(entry);
        this.#delivered = entry.sequence;
        this.#host.delivered(entry.sequence, entry.outcome);
      }
    }
    this.#queue = [];
    this.#isRunning = false;
    this.#host.done();
  }

  close(): void {
    this.#gatherer.close();
  }
}
