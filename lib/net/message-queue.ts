/**
 * Messages on their way to a `for await` loop: bounded by count and by octets, in order, with one reader.
 *
 * A ring of slots that grows up to the bound: a message is forgotten as soon as it is read. The owner is told when the
 * queue is full, so that it delivers nothing more, and when it may go on; the message that filled it is taken, so the bound is
 * exceeded by at most one. Never drops a message.
 * Complexity: O(1) amortised for each message. Read next: `websocket-connection.ts`.
 */

export interface QueueOwner {
  /** `maxMessages` messages or `maxBytes` octets wait. */
  full(): void;
  /** At most half of both bounds still waits. */
  drained(): void;
}

export interface QueueBounds {
  readonly maxMessages: number;
  /** Octets of binary messages and, since a string is not encoded again to be counted, UTF-16 units of text, two octets each. */
  readonly maxBytes: number;
}

const FIRST_SLOTS = 16;

/** Octets that a message counts for: a string is not encoded again to be counted. */
export function messageBytes(message: string | Uint8Array): number {
  return typeof message === 'string' ? message.length * 2 : message.byteLength;
}

export class MessageQueue<Message = string | Uint8Array> {
  readonly #sizeOf: (message: Message) => number;
  readonly #bounds: QueueBounds;
  readonly #owner: QueueOwner;
  /** A ring: `#count` messages from `#head` on; the length is a power of two. */
  #slots: (Message | undefined)[] = new Array<Message | undefined>(FIRST_SLOTS).fill(undefined);
  #head = 0;
  #count = 0;
  #bytes = 0;
  /** `full` was said and `drained` not yet. */
  #isFull = false;
  /** Set once no more will come; `error` if that is how it ended. */
  #ended: { readonly error: Error | undefined } | undefined = undefined;
  /** Readers that wait for a message, in order. */
  #readers: { resolve(result: IteratorResult<Message>): void; reject(error: Error): void }[] = [];

  constructor(bounds: QueueBounds, owner: QueueOwner, sizeOf: (message: Message) => number) {
    this.#sizeOf = sizeOf;
    this.#bounds = bounds;
    this.#owner = owner;
  }

  /** `full` was told, and `drained` not yet. */
  get isFull(): boolean {
    return this.#isFull;
  }

  push(message: Message): void {
    if (this.#ended !== undefined) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: message });
      return;
    }
    if (this.#count === this.#slots.length) this.#resize(this.#count * 2);
    this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)] = message;
    this.#count++;
    this.#bytes += this.#sizeOf(message);
    if (!this.#isFull && (this.#count >= this.#bounds.maxMessages || this.#bytes >= this.#bounds.maxBytes)) {
      this.#isFull = true;
      this.#owner.full();
    }
  }

  /** No more will come; what is queued is still read first. */
  end(error: Error | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    for (const reader of this.#readers.splice(0)) {
      if (error === undefined) reader.resolve({ done: true, value: undefined });
      else reader.reject(error);
    }
  }

  next(): Promise<IteratorResult<Message>> {
    if (this.#count > 0) {
      const value = this.#take();
      const { maxMessages, maxBytes } = this.#bounds;
      if (this.#isFull && this.#count <= maxMessages / 2 && this.#bytes <= maxBytes / 2) {
        this.#isFull = false;
        this.#owner.drained();
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = { error: undefined }; // an error is reported once
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  #take(): Message {
    const value = this.#slots[this.#head]!;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#count--;
    this.#bytes -= this.#sizeOf(value);
    // A burst of tiny messages must not be remembered as slots.
    if (this.#count === 0 && this.#slots.length > MOST_IDLE_SLOTS) this.#resize(FIRST_SLOTS);
    return value;
  }

  #resize(length: number): void {
    const slots = new Array<Message | undefined>(length).fill(undefined);
    for (let i = 0; i < this.#count; i++) slots[i] = this.#slots[(this.#head + i) & (this.#slots.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}

/** Slots kept by an empty queue: 1 KiB. */
const MOST_IDLE_SLOTS = 128;
