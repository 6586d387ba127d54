/**
 * The callbacks of `send`: each is called once its bytes were given to the operating system, in order, or with an error.
 *
 * Positions in the stream of octets of one channel go in. What is sent with a callback leaves at the end of this tick and not of this turn,
 * since somebody waits for it. What one throws leaves as what a listener throws, and those behind it are called all the same.
 * Memory: one entry a callback that has not been called. Read next: `link.ts`.
 */

import type { Channel } from '../channel/port.ts';
import { throwLater } from './told.ts';
import type { SendCallback } from './types.ts';

interface Entry {
  /** Octets of the stream up to the end of what was sent. */
  readonly position: number;
  readonly call: SendCallback;
}

export class SendCallbacks {
  readonly #channel: Channel;
  #waiting: Entry[] = [];
  #isScheduled = false;
  /** See `noteTaken`. */
  #takenAtEnd = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** For what was just appended to the output. */
  add(call: SendCallback): void {
    const { sentBytes, output } = this.#channel;
    this.#waiting.push({ position: sentBytes + output.byteLength, call });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#channel.flush();
      this.settle();
    });
  }

  /** The system may have taken more. */
  settle(): void {
    if (this.#channel.destroyed) return; // what was thrown away counts as neither: `fail` follows
    const taken = this.#taken;
    const waiting = this.#waiting;
    let count = 0;
    while (count < waiting.length && waiting[count]!.position <= taken) count++;
    if (count === 0) return;
    this.#waiting = waiting.slice(count);
    for (let i = 0; i < count; i++) callSafely(waiting[i]!.call, null);
  }

  /** The channel is about to be destroyed: what the system has taken was sent all the same. */
  noteTaken(): void {
    this.#takenAtEnd = this.#taken;
  }

  /** The connection is gone: what waits was not sent. */
  fail(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { call, position } of waiting)
      callSafely(call, position <= this.#takenAtEnd ? null : new Error(NOT_SENT));
  }

  /** Octets of the stream that the system has taken. */
  get #taken(): number {
    const { sentBytes, output, bufferedAmount } = this.#channel;
    return sentBytes + output.byteLength - bufferedAmount;
  }
}

const NOT_SENT = 'The socket was closed before the data was sent';

/** In place of an error `null`, which ws gives, since Node's streams do; what is written in TypeScript for ws does not know of it. */
function callSafely(call: SendCallback, error: Error | null): void {
  try {
    (call as (error: Error | null) => void)(error);
  } catch (thrown) {
    throwLater(thrown);
  }
}
