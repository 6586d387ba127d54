/**
 * How many appends to one partition a node has on their way, so that a burst of its own does not outrun those who read.
 *
 * Redis keeps a bounded number of records for readers. Without a window, thousands of appends that are sent at once are all carried
 * out before any reader has its turn, and the oldest are gone. An append is on its way until Redis has answered and, where
 * this node reads the partition, until it has read the record back; what waits for that is sent in order, and answered as soon as Redis
 * answers. A reader that fails, has to look at its rooms, or reads nothing for a second holds nobody up from then on. What waits is refused
 * once Redis has taken nothing for `waitMs`. Knows IDs of the stream, no Redis. Bounded by who calls: `maxPendingAppends`.
 * O(1) for each append. Read next: `redis-log.ts`, the user.
 */

import { type Clock, RoomRefused } from '../rooms/log.ts';
import { compareIds } from './redis-partition.ts';

/** What a window needs. */
export interface WindowOptions {
  /** Appends on their way. */
  readonly size: number;
  readonly clock: Clock;
  /** How long Redis may take nothing before what waits is refused. That is looked at when Redis answers, or has not answered in time. */
  readonly waitMs: number;
  /** The last entry that this node has read; undefined where it does not read now. */
  readonly readId: () => string | undefined;
}

/** A reader that brings nothing of what was answered for so long is not waited for: many times what a slow one takes. */
const READER_SILENCE_MS = 1_000;

/** See the head of this file. */
export class AppendWindow {
  readonly #options: WindowOptions;
  /** Sent and not answered. */
  #underWay = 0;
  /** Answered and not read back, in order. */
  readonly #unread = new Line<string>();
  /** Not sent yet, in order. */
  readonly #waiting = new Line<() => void>();
  /** When Redis last took something, or this node read something: what waits is late `waitMs` after that. */
  #lastMs = 0;
  /** The reader has been silent: until it reads again nothing waits for it. */
  #isReaderSilent = false;
  /** Looks whether the reader has become silent; set while somebody waits for it. */
  #callOff: (() => void) | undefined = undefined;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Sends an append, now or when it is its turn. `busId`: of its entry in the stream; undefined where it made none. */
  run<Stored extends { readonly busId: string | undefined }>(append: () => Promise<Stored>): Promise<Stored> {
    if (this.#hasRoom && this.#waiting.size === 0) return this.#send(append);
    const { clock, waitMs } = this.#options;
    const sinceMs = clock.now();
    const queued = new Promise<Stored>((resolve, reject) => {
      this.#waiting.push(() => {
        if (clock.now() < Math.max(sinceMs, this.#lastMs) + waitMs) resolve(this.#send(append));
        else reject(new RoomRefused('LOG_FAILED', `Redis took nothing for ${waitMs} ms, and this was not sent`));
      });
    });
    this.#watchReader();
    return queued;
  }

  /** This node has read up to an entry. */
  read(id: string): void {
    this.#isReaderSilent = false;
    const before = this.#unread.size;
    while (this.#unread.size > 0 && compareIds(this.#unread.first, id) <= 0) this.#unread.take();
    if (this.#unread.size < before) this.#progress();
  }

  /** What was not read back will not be, or not in its turn. */
  forget(): void {
    while (this.#unread.size > 0) this.#unread.take();
    this.#callOff?.();
    this.#callOff = undefined;
    this.#pump();
  }

  get #hasRoom(): boolean {
    return this.#underWay + this.#unread.size < this.#options.size;
  }

  #send<Stored extends { readonly busId: string | undefined }>(append: () => Promise<Stored>): Promise<Stored> {
    this.#underWay++;
    const stored = append();
    stored.then(
      ({ busId }) => {
        this.#underWay--;
        if (busId !== undefined && this.#isUnread(busId)) this.#unread.push(busId);
        this.#progress();
      },
      () => {
        this.#underWay--;
        this.#pump();
      },
    );
    return stored;
  }

  #isUnread(busId: string): boolean {
    const readId = this.#options.readId();
    return readId !== undefined && !this.#isReaderSilent && compareIds(busId, readId) > 0;
  }

  #progress(): void {
    this.#lastMs = this.#options.clock.now();
    this.#pump();
    this.#watchReader();
  }

  #watchReader(): void {
    if (this.#callOff !== undefined || this.#waiting.size === 0 || this.#unread.size === 0) return;
    const { clock } = this.#options;
    const leftMs = this.#lastMs + READER_SILENCE_MS - clock.now();
    this.#callOff = clock.after(Math.max(1, Math.ceil(leftMs)), () => {
      this.#callOff = undefined;
      if (clock.now() < this.#lastMs + READER_SILENCE_MS) return this.#watchReader();
      this.#isReaderSilent = true;
      this.forget();
    });
  }

  #pump(): void {
    while (this.#waiting.size > 0 && this.#hasRoom) this.#waiting.take()();
  }
}

/** First in, first out, in O(1). What was taken is not held, and of empty places there are at most as many as of others. */
class Line<Item> {
  #items: (Item | undefined)[] = [];
  /** What stands before it was taken. */
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  /** The one that came first, where there is one. */
  get first(): Item {
    return this.#items[this.#first] as Item;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  take(): Item {
    const { first } = this;
    this.#items[this.#first++] = undefined;
    if (this.#first * 2 > this.#items.length) [this.#items, this.#first] = [this.#items.slice(this.#first), 0];
    return first;
  }
}
