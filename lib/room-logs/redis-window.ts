/**
 * How many appends to one partition a node has on their way, so that a burst of its own does not outrun those who read.
 *
 * Redis keeps a bounded number of records for readers. Without a window, thousands of appends that are sent at once are all carried
 * out before any reader has its turn, and the oldest are gone. An append is on its way until Redis has answered and, where
 * this node reads the partition, until it has read the record back; what waits for that is sent in order, and answered as soon as Redis
 * answers. A reader that fails, or has to look at its rooms, holds nobody up. What has waited too long is refused when its turn comes.
 * Knows IDs of the stream, no Redis. Bounded by who calls: `maxPendingAppends`. O(1) for each append. Read next: `redis-log.ts`, the user.
 */

import { type Clock, RoomRefused } from '../rooms/log.ts';
import { compareIds } from './redis-partition.ts';

/** What a window needs. */
export interface WindowOptions {
  /** Appends on their way. */
  readonly size: number;
  readonly clock: Clock;
  /** How long an append may wait for its turn. A turn comes when Redis answers, or has not answered in time. */
  readonly waitMs: number;
  /** The last entry that this node has read; undefined where it does not read now. */
  readonly readId: () => string | undefined;
}

/** See the head of this file. */
export class AppendWindow {
  readonly #options: WindowOptions;
  /** Sent and not answered. */
  #underWay = 0;
  /** Answered and not read back, in order. Before `#begin` they are done with. */
  #unread: string[] = [];
  #begin = 0;
  /** Not sent yet, in order. */
  #waiting: (() => void)[] = [];
  #next = 0;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Sends an append, now or when it is its turn. `busId`: of its entry in the stream; undefined where it made none. */
  run<Stored extends { readonly busId: string | undefined }>(append: () => Promise<Stored>): Promise<Stored> {
    if (this.#hasRoom && this.#next === this.#waiting.length) return this.#send(append);
    const { clock, waitMs } = this.#options;
    const lateAtMs = clock.now() + waitMs;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (clock.now() < lateAtMs) resolve(this.#send(append));
        else reject(new RoomRefused('LOG_FAILED', `Redis took nothing for ${waitMs} ms, and this was not sent`));
      });
    });
  }

  /** This node has read up to an entry. */
  read(id: string): void {
    if (this.#begin === this.#unread.length) return;
    while (this.#begin < this.#unread.length && compareIds(this.#unread[this.#begin]!, id) <= 0) this.#begin++;
    this.#pump();
  }

  /** What was not read back will not be, or not in its turn. */
  forget(): void {
    this.#begin = this.#unread.length;
    this.#pump();
  }

  get #hasRoom(): boolean {
    return this.#underWay + this.#unread.length - this.#begin < this.#options.size;
  }

  #send<Stored extends { readonly busId: string | undefined }>(append: () => Promise<Stored>): Promise<Stored> {
    this.#underWay++;
    const stored = append();
    stored.then(
      ({ busId }) => {
        this.#underWay--;
        const readId = this.#options.readId();
        if (busId !== undefined && readId !== undefined && compareIds(busId, readId) > 0) this.#unread.push(busId);
        this.#pump();
      },
      () => {
        this.#underWay--;
        this.#pump();
      },
    );
    return stored;
  }

  #pump(): void {
    while (this.#next < this.#waiting.length && this.#hasRoom) this.#waiting[this.#next++]!();
    if (this.#next === this.#waiting.length) [this.#waiting, this.#next] = [[], 0];
    if (this.#begin === this.#unread.length) [this.#unread, this.#begin] = [[], 0];
  }
}
