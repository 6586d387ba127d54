/**
 * The last messages of a room, in order, for those who join late or come back.
 *
 * Bounded twice, by count and by bytes: the oldest go first. Knows nothing of what a message is; whoever appends says
 * how many bytes it holds. A ring over a plain array: appending and dropping are O(1), reading is O(what is read).
 * Read next: `room.ts`.
 */

import { ROOM_LIMITS } from '../limits.ts';

/** What a reader gets: the messages after where it was, and whether some of those in between are gone. */
export interface Replay<Message> {
  readonly messages: readonly Message[];
  /** Messages between the reader's place and the first one here were dropped: say so rather than pretend. */
  readonly gap: boolean;
}

interface Entry<Message> {
  readonly sequence: number;
  readonly message: Message;
  readonly bytes: number;
}

export class History<Message> {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** `#entries[#first]` is the oldest; what lies before it is empty and cut off when it is half of the array. */
  #entries: (Entry<Message> | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  /** @throws RangeError unless both limits are whole numbers from 0 */
  constructor(limits: { readonly maxMessages?: number; readonly maxBytes?: number } = {}) {
    this.#maxMessages = wholeNumber('maxMessages', limits.maxMessages ?? ROOM_LIMITS.maxHistoryRecords);
    this.#maxBytes = wholeNumber('maxBytes', limits.maxBytes ?? ROOM_LIMITS.maxHistoryBytes);
  }

  /** Messages held. */
  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Bytes held, as counted by who appended. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Adds a message; `sequence` is larger than every one before. A message larger than all of the room is not kept. */
  append(sequence: number, message: Message, bytes: number): void {
    this.#entries.push({ sequence, message, bytes });
    this.#bytes += bytes;
    while (this.size > this.#maxMessages || this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  /**
   * What came after `sequence`, at most the last `limit` messages. `latest` is the sequence of the last message that
   * ever was, which may no longer be held.
   */
  after(sequence: number, latest: number, limit: number = this.#maxMessages): Replay<Message> {
    let from = this.#entries.length;
    while (from > this.#first && this.#entries.length - from < limit && this.#entries[from - 1]!.sequence > sequence)
      from--;
    const messages = this.#entries.slice(from).map((entry) => entry!.message);
    const first = this.#entries[from]?.sequence ?? latest + 1;
    return { messages, gap: first > sequence + 1 };
  }

  #dropOldest(): void {
    this.#bytes -= this.#entries[this.#first]!.bytes;
    this.#entries[this.#first++] = undefined;
    if (this.#first > this.size) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

function wholeNumber(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} is ${value}, must be a whole number from 0`);
  return value;
}
