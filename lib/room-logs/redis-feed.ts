/**
 * One room on one node: hands what the partition's stream brings to those who are subscribed here, without a hole.
 *
 * The feed knows its place: the last record that it has handed out, and the entry of the stream up to which that is true.
 * The next record in the stream is handed out as it is. Anything else (a large record that could not be fetched any more, a hole because
 * the stream was cut, another epoch, a number that had been given before) makes it look at the room's history, which says
 * what follows: records, a gap, or a reset. A subscriber that comes later reads for itself, and what the feed hands out
 * meanwhile waits for it. Bounded: `MAX_EARLY` entries of `MAX_EARLY_UNITS` wait, then they are read again. Read next: `redis-log.ts`.
 */

import type { Clock, Gap, LogRecord, LogSubscriber, Position, RoomRefused, Subscription } from '../rooms/log.ts';
import { compareIds } from './redis-partition.ts';
import type { StreamEntry } from './redis-port.ts';
import { recordOf } from './redis-records.ts';
import type { PageReader, StoredPage } from './redis-store.ts';

/** Entries that wait while a page is read. */
const MAX_EARLY = 1_000;

/** … and UTF-16 units of their fields: four of the largest records. */
const MAX_EARLY_UNITS = 4_194_304;

/** Records in one page. */
const PAGE_RECORDS = 500;

/** After a page that could not be read. */
const RETRY_MS = 500;

/** What subscribers are told. */
type FeedEvent =
  | { readonly kind: 'record'; readonly record: LogRecord }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly head: Position }
  | { readonly kind: 'reset'; readonly head: Position; readonly records: readonly LogRecord[] };

interface Listener {
  readonly subscriber: LogSubscriber;
  readonly limit: number;
  /** Undefined until `opened`. */
  head: Position | undefined;
  /** What came before `opened`; undefined when it was too much. */
  early: FeedEvent[] | undefined;
  /** Called when the subscription is over, however that came, but for the end of the feed. */
  readonly closed: () => void;
}

/** A token for the place of a record that is gone: nobody can compare it any more. */
const UNKNOWN_TOKEN = '0';

/** See the head of this file. */
export class RoomFeed {
  readonly room: string;
  readonly #store: PageReader;
  readonly #clock: Clock;
  readonly #lost: () => void;
  readonly #listeners = new Set<Listener>();
  #head: Position | undefined;
  #busId = '0-0';
  #early: StreamEntry[] = [];
  #earlyUnits = 0;
  #syncing: Promise<void> | undefined;
  /** Something came while a page was read that the page may not have. */
  #again = false;
  #ended = false;

  /** `started` resolves when the partition is read; `lost` is called when records that were handed out are gone. */
  constructor(room: string, store: PageReader, clock: Clock, started: Promise<void>, lost: () => void) {
    this.room = room;
    this.#store = store;
    this.#clock = clock;
    this.#lost = lost;
    this.#syncing = started.then(() => this.#sync());
  }

  /** Subscribers. */
  get size(): number {
    return this.#listeners.size;
  }

  /** `closed` is called when the subscription is closed by its owner, or could not be opened. */
  subscribe(limit: number, subscriber: LogSubscriber, closed: () => void): Subscription {
    const listener: Listener = { subscriber, limit, head: undefined, early: [], closed };
    this.#listeners.add(listener);
    void this.#open(listener);
    return {
      close: () => {
        if (this.#listeners.delete(listener)) closed();
      },
    };
  }

  /** Takes an entry of the partition's stream that is of this room. */
  entry(entry: StreamEntry): void {
    if (this.#syncing === undefined) {
      this.#apply(entry);
      return;
    }
    const units = unitsOf(entry);
    if (this.#early.length < MAX_EARLY && this.#earlyUnits + units <= MAX_EARLY_UNITS) {
      this.#early.push(entry);
      this.#earlyUnits += units;
    } else this.#again = true;
  }

  /**
   * Takes the place of a record that this node has appended. Another epoch: Redis was emptied, and where that took less than
   * a millisecond the new stream's entry has the same ID as the last one that was read, which hides it.
   */
  appended({ epoch }: Position): void {
    if (this.#syncing === undefined && epoch !== this.#place.epoch) this.doubt();
  }

  /** Looks whether what was handed out is still there. */
  doubt(): void {
    this.#again = true;
    this.#syncing ??= this.#sync();
  }

  /** Ends every subscription. */
  end(error: RoomRefused): void {
    this.#ended = true;
    const ended = [...this.#listeners];
    this.#listeners.clear();
    for (const { subscriber } of ended) subscriber.failed(error);
  }

  #apply(entry: StreamEntry): void {
    if (compareIds(entry.id, this.#busId) <= 0) return;
    this.#busId = entry.id;
    const head = this.#place;
    const { fields } = entry;
    const next = fields.get('e') === head.epoch && Number(fields.get('s')) === head.sequence + 1;
    const record = next ? recordOf(fields, head.epoch, head.sequence + 1) : undefined;
    if (record === undefined) this.doubt();
    else this.#tell({ kind: 'record', record });
  }

  /** Reads pages until nothing is missing, then takes what came meanwhile. */
  async #sync(): Promise<void> {
    while (!this.#ended) {
      this.#again = false;
      const page = await this.#page();
      if (this.#ended) return;
      if (page === undefined) continue;
      this.#take(page);
      if (page.head.sequence > this.#place.sequence) continue;
      if (!this.#again) break;
      this.#early = [];
      this.#earlyUnits = 0;
    }
    this.#syncing = undefined;
    const early = this.#early;
    this.#early = [];
    this.#earlyUnits = 0;
    for (const entry of early) this.entry(entry);
  }

  /** Reads what follows the feed's place; undefined, after a pause, when Redis does not answer. */
  async #page(): Promise<StoredPage | undefined> {
    try {
      return await this.#store.read(this.room, this.#head, this.#head === undefined ? 1 : PAGE_RECORDS);
    } catch {
      // The reader of the partition fails too, and tells. What is missing is read when Redis is back.
      await new Promise<void>((resolve) => {
        this.#clock.after(RETRY_MS, resolve);
      });
      return undefined;
    }
  }

  /** Known once the first page was read. */
  get #place(): Position {
    if (this.#head === undefined) throw new TypeError('a feed has no place before its first page');
    return this.#head;
  }

  #take(page: StoredPage): void {
    this.#busId = page.busId;
    if (this.#head === undefined) {
      this.#head = page.head;
      return;
    }
    if (page.reset) {
      this.#lost();
      this.#tell({ kind: 'reset', head: page.head, records: page.records });
      return;
    }
    const { gap, records } = page;
    if (gap !== undefined) {
      const token = gap.to === page.head.sequence ? page.head.token : UNKNOWN_TOKEN;
      this.#tell({ kind: 'gap', gap, head: { epoch: page.head.epoch, sequence: gap.to, token } });
    }
    for (const record of records) this.#tell({ kind: 'record', record });
  }

  /** Moves on, and tells everyone who is subscribed. */
  #tell(event: FeedEvent): void {
    this.#head = event.kind === 'record' ? placeOf(event.record) : event.head;
    for (const listener of this.#listeners) {
      if (listener.head !== undefined) deliver(listener, event);
      else if (listener.early !== undefined && listener.early.length < MAX_EARLY) listener.early.push(event);
      else listener.early = undefined;
    }
  }

  /** Reads where a subscriber begins, once the feed itself has a place. */
  async #open(listener: Listener): Promise<void> {
    const { limit, subscriber } = listener;
    try {
      await this.#syncing;
      for (;;) {
        const page = await this.#store.read(this.room, undefined, limit);
        if (!this.#listeners.has(listener)) return;
        const { early } = listener;
        listener.early = [];
        if (early === undefined) continue; // more came than could wait: read again
        listener.head = page.head;
        subscriber.opened(page.head, page.records);
        for (const event of early) if (this.#listeners.has(listener)) deliver(listener, event);
        return;
      }
    } catch (error) {
      if (!this.#listeners.delete(listener)) return;
      subscriber.failed(error as RoomRefused);
      listener.closed();
    }
  }
}

/** Tells a subscriber what it does not know yet: it may have read further than the feed. */
function deliver(listener: Listener, event: FeedEvent): void {
  const { subscriber } = listener;
  const head = listener.head as Position;
  switch (event.kind) {
    case 'record': {
      const { record } = event;
      if (record.epoch !== head.epoch || record.sequence <= head.sequence) return;
      listener.head = placeOf(record);
      subscriber.record(record);
      return;
    }
    case 'gap':
      if (event.head.epoch !== head.epoch || event.gap.to <= head.sequence) return;
      listener.head = event.head;
      subscriber.gap({ from: head.sequence + 1, to: event.gap.to }, event.head);
      return;
    case 'reset':
      listener.head = event.head;
      subscriber.reset(event.head, event.records.slice(Math.max(0, event.records.length - listener.limit)));
  }
}

function unitsOf({ fields }: StreamEntry): number {
  let units = 0;
  for (const value of fields.values()) units += value.length;
  return units;
}

function placeOf({ epoch, sequence, token }: Position): Position {
  return { epoch, sequence, token };
}
