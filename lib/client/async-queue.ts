/**
 * What a client's `for await` loop iterates over: a bounded queue, and what leaving the loop means.
 *
 * Read next: `../net/message-queue.ts`, which has the bounds.
 */

import { MessageQueue, type QueueBounds, type QueueOwner } from '../net/message-queue.ts';

/** What a loop tells its owner. */
export interface LoopOwner extends QueueOwner {
  /** The loop was left before the end. */
  abandoned(): void;
}

export class AsyncQueue<T> extends MessageQueue<T> implements AsyncIterableIterator<T> {
  readonly #owner: LoopOwner;

  constructor(bounds: QueueBounds, owner: LoopOwner, sizeOf: (value: T) => number) {
    super(bounds, owner, sizeOf);
    this.#owner = owner;
  }

  /** The loop is left. */
  return(): Promise<IteratorResult<T>> {
    this.end(undefined);
    this.#owner.abandoned();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
