/**
 * Messages on their way to a `for await` loop: bounded, in order, with one reader.
 *
 * The owner is told when the queue is full, so that it stops reading from the peer, and when it may go on; what one
 * read has brought is still taken, so the bound is exceeded by at most one chunk's messages.
 * Never drops a message. Read next: `websocket-connection.ts`.
 */

export interface QueueOwner {
  /** `maxMessages` wait. */
  full(): void;
  /** Half of the messages have gone. */
  drained(): void;
  /** The loop was left before the end. */
  abandoned(): void;
}

type Message = string | Uint8Array;

export class MessageQueue implements AsyncIterableIterator<Message> {
  readonly #maxMessages: number;
  readonly #owner: QueueOwner;
  /** Messages nobody has asked for yet, from `#head` on. */
  #messages: Message[] = [];
  #head = 0;
  /** `full` was said and `drained` not yet. */
  #isFull = false;
  /** Set once no more will come; `error` if that is how it ended. */
  #ended: { readonly error: Error | undefined } | undefined = undefined;
  /** Readers that wait for a message, in order. */
  #readers: { resolve(result: IteratorResult<Message>): void; reject(error: Error): void }[] = [];

  constructor(maxMessages: number, owner: QueueOwner) {
    this.#maxMessages = maxMessages;
    this.#owner = owner;
  }

  push(message: Message): void {
    if (this.#ended !== undefined) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: message });
      return;
    }
    this.#messages.push(message);
    if (!this.#isFull && this.#messages.length - this.#head >= this.#maxMessages) {
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
    if (this.#head < this.#messages.length) {
      const value = this.#messages[this.#head++]!;
      if (this.#head === this.#messages.length) {
        this.#messages = [];
        this.#head = 0;
      }
      if (this.#isFull && this.#messages.length - this.#head <= this.#maxMessages / 2) {
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

  return(): Promise<IteratorResult<Message>> {
    this.#messages = [];
    this.#head = 0;
    if (this.#ended === undefined) this.#owner.abandoned();
    this.end(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
