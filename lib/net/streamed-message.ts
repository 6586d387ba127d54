/**
 * One message that is received in parts, as whoever reads it holds it: an async iterator with a type.
 *
 * Parts come in from the connection; what has not been read waits here, bounded by count and octets, and the connection is not read
 * while that bound is reached, nor between a message's end and its last read: so one message is open at a time.
 * Knows no frames and no connection, only whom to tell. Read next: `streaming-connection.ts`.
 */

import { ConnectionClosed } from '../errors.ts';
import type { StreamedMessage } from './api.ts';
import { MessageQueue, messageBytes, type QueueBounds } from './message-queue.ts';

/** Told when the connection is to be read, and when not. */
export interface StreamOwner {
  hold(): void;
  release(): void;
}

type Part = string | Uint8Array;

export class MessageStream implements StreamedMessage {
  readonly type: 'text' | 'binary';
  readonly #owner: StreamOwner;
  /** Undefined once the rest is discarded. */
  #queue: MessageQueue<Part> | undefined;
  /** Somebody has asked for a part. */
  #isRead = false;
  /** The last octet has come, and the owner was told to hold for it. */
  #holdsEnd = false;

  constructor(type: 'text' | 'binary', bounds: QueueBounds, owner: StreamOwner) {
    this.type = type;
    this.#owner = owner;
    const told = { full: () => owner.hold(), drained: () => owner.release() };
    this.#queue = new MessageQueue<Part>(bounds, told, messageBytes);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next part. Rejects with ConnectionClosed where the connection ended within the message. */
  async next(): Promise<IteratorResult<Part, undefined>> {
    if (this.#queue === undefined && !this.#isRead)
      throw new TypeError('the message was discarded: its handler was done before anybody read it');
    this.#isRead = true;
    if (this.#queue === undefined) return DONE;
    const result = await this.#queue.next();
    if (result.done !== true) return result;
    this.#finish();
    return DONE;
  }

  /** What `break` calls: discards the rest of the message as it comes. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#isRead = true;
    this.#discard();
    return Promise.resolve(DONE);
  }

  /** From the connection. */
  push(part: Part): void {
    this.#queue?.push(part);
  }

  /** From the connection: the message is whole. */
  end(): void {
    if (this.#queue === undefined) return;
    this.#holdsEnd = true;
    this.#owner.hold();
    this.#queue.end(undefined);
  }

  /** From the connection: the rest will not come. */
  cut(cause: Error | undefined): void {
    this.#queue?.end(
      new ConnectionClosed('CONNECTION_CLOSED', 'the connection ended before this message was whole', { cause }),
    );
  }

  /** From the connection: the handler is done. What nobody has begun to read is discarded. */
  handled(): void {
    if (!this.#isRead) this.#discard();
  }

  #discard(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#queue = undefined;
    queue.end(undefined);
    if (queue.isFull) this.#owner.release();
    this.#finish();
  }

  #finish(): void {
    if (!this.#holdsEnd) return;
    this.#holdsEnd = false;
    this.#owner.release();
  }
}

const DONE = { done: true, value: undefined } as const;
