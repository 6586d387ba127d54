/**
 * Reads the stream of one partition: everything that any node appends to its rooms, in Redis's order.
 *
 * One connection that waits. A record that is too large for the stream is fetched by itself, before the next entry is handed out.
 * When it fails it is opened again, a little later each time, and whoever listens is told that
 * records may have been lost (`doubt`): feeds then look at their rooms. The same when the stream does not reach up to where
 * this node has read: it is another one, of a Redis that was emptied or of a replica that had not got everything.
 * Read next: `redis-feed.ts`.
 */

import type { Clock } from '../rooms/log.ts';
import { Deadline } from './redis-deadline.ts';
import {
  entriesOfStream,
  listOf,
  type RedisPort,
  type RedisReader,
  type StreamEntry,
  streamEntry,
} from './redis-port.ts';

/** Entries in one reply: of the largest records that the stream carries some 3 MB. */
const READ_COUNT = 200;

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 5_000;

/** What a partition needs. */
export interface PartitionOptions {
  readonly port: RedisPort;
  readonly clock: Clock;
  /** The keys of the stream, and of the one that has the records that are too large for it. */
  readonly bus: string;
  readonly large: string;
  readonly blockMs: number;
  readonly commandTimeoutMs: number;
  /** Whether anybody here hears a room: for others no large record is fetched. */
  readonly hears: (room: string) => boolean;
  readonly entry: (entry: StreamEntry) => void;
  readonly doubt: () => void;
  readonly failed: (error: unknown, waitMs: number) => void;
  readonly resumed: (failures: number) => void;
}

/** Which of two IDs of entries is later: below 0 the second, 0 the same. */
export function compareIds(a: string, b: string): number {
  const [aDash, bDash] = [a.indexOf('-'), b.indexOf('-')];
  return (
    Number(a.slice(0, aDash)) - Number(b.slice(0, bDash)) || Number(a.slice(aDash + 1)) - Number(b.slice(bDash + 1))
  );
}

/** See the head of this file. Reads from when it is made until `close`. */
export class RedisPartition {
  /** Resolves when it is known from where on it reads: what is appended later will be heard. */
  readonly started: Promise<void>;
  readonly #options: PartitionOptions;
  #start = (): void => undefined;
  /** For commands that answer at once, and for those that wait for something new. */
  readonly #deadline: Deadline;
  readonly #readDeadline: Deadline;
  #reader: RedisReader | undefined;
  /** The last entry that was read. */
  #position: string | undefined;
  #failures = 0;
  #closed = false;
  /** Ends the wait before the next attempt. */
  #wake = (): void => undefined;

  constructor(options: PartitionOptions) {
    this.#options = options;
    const { clock, blockMs, commandTimeoutMs } = options;
    this.#deadline = new Deadline(clock, commandTimeoutMs);
    this.#readDeadline = new Deadline(clock, blockMs + commandTimeoutMs);
    this.started = new Promise((resolve) => {
      this.#start = resolve;
    });
    void this.#run();
  }

  /** The last entry that was read; undefined while nothing is read. */
  get readId(): string | undefined {
    return this.#reader === undefined ? undefined : this.#position;
  }

  close(): void {
    this.#closed = true;
    this.#start();
    this.#wake();
    this.#reader?.close();
    this.#deadline.close();
    this.#readDeadline.close();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#open();
        while (!this.#closed) await this.#next();
      } catch (error) {
        this.#reader?.close();
        this.#reader = undefined; // from here on nothing is read
        if (!this.#closed) await this.#pause(error);
      }
    }
  }

  async #open(): Promise<void> {
    const { port, doubt, resumed } = this.#options;
    const reader = port.reader();
    this.#reader = reader;
    const last = await this.#lastId(reader);
    if (this.#closed) return;
    const first = this.#position === undefined;
    if (first || compareIds(last, this.#position ?? last) < 0) this.#position = last;
    this.#start();
    if (!first) doubt();
    if (this.#failures > 0) resumed(this.#failures);
    this.#failures = 0;
  }

  async #next(): Promise<void> {
    const reader = this.#reader as RedisReader;
    const { bus, blockMs, entry, doubt } = this.#options;
    const args = ['XREAD', 'COUNT', `${READ_COUNT}`, 'BLOCK', `${blockMs}`, 'STREAMS', bus, `${this.#position}`];
    const entries = entriesOfStream(await this.#readDeadline.of(reader.command(args)));
    if (this.#closed) return;
    for (const each of entries) {
      let read = streamEntry(each);
      if (read.fields.has('i')) read = await this.#whole(read, reader);
      if (this.#closed) return;
      this.#position = read.id;
      entry(read);
    }
    if (entries.length > 0) return;
    const last = await this.#lastId(reader);
    if (compareIds(last, this.#position ?? last) >= 0) return;
    this.#position = last;
    doubt();
  }

  /** Adds the record to an entry that only names it; as it is where the record was trimmed already. */
  async #whole(entry: StreamEntry, reader: RedisReader): Promise<StreamEntry> {
    const { large, hears } = this.#options;
    const id = entry.fields.get('i') ?? '';
    if (!hears(entry.fields.get('r') ?? '')) return entry;
    const [record] = listOf(await this.#deadline.of(reader.command(['XRANGE', large, id, id])));
    if (record === undefined) return entry;
    return { id: entry.id, fields: new Map([...entry.fields, ...streamEntry(record).fields]) };
  }

  async #lastId(reader: RedisReader): Promise<string> {
    const reply = reader.command(['XREVRANGE', this.#options.bus, '+', '-', 'COUNT', '1']);
    const [last] = listOf(await this.#deadline.of(reply));
    return last === undefined ? '0-0' : streamEntry(last).id;
  }

  /** Waits longer after each failure, up to five seconds, a random part of it so that nodes do not all come at once. */
  async #pause(error: unknown): Promise<void> {
    const { clock, failed } = this.#options;
    const mostMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
    const waitMs = Math.ceil(mostMs * (0.5 + Math.random() / 2));
    failed(error, waitMs);
    await new Promise<void>((resolve) => {
      const callOff = clock.after(waitMs, resolve);
      this.#wake = () => {
        callOff();
        resolve();
      };
    });
  }
}
