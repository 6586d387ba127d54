/**
 * A response of Node's as the writable stream that a channel writes to.
 *
 * `write` of a response may have been replaced by middleware that compresses: such a one drops the callback, keeps what it is
 * given, and sends when `flush` is called. There `'drain'` says when there is room; elsewhere the callback of each write.
 * Closed is what has told `'close'`: HTTP/2's response does not say `destroyed`. Read next: `../channel/duplex.ts`.
 */

import type { WritableSide } from '../channel/duplex.ts';
import { hasClientLeft, onClientLeft } from './client-left.ts';
import { dropResponse, forgetRest } from './drop-response.ts';
import type { NodeResponse } from './node-request.ts';

type Written = (error?: Error | null) => void;

export class ResponseStream implements WritableSide {
  readonly #response: NodeResponse;
  readonly #isReplaced: boolean;
  #closed = false;
  /** Of the write that waits for `'drain'`, where `write` has been replaced. */
  #waiting: Written | undefined = undefined;

  constructor(response: NodeResponse) {
    this.#response = response;
    this.#isReplaced = Object.hasOwn(response, 'write');
    this.#closed = hasClientLeft(response);
    onClientLeft(response, () => {
      this.#closed = true;
    });
    if (this.#isReplaced) response.on('drain', () => this.#drained());
  }

  get destroyed(): boolean {
    return this.#closed;
  }

  get writableEnded(): boolean {
    return this.#response.writableEnded;
  }

  write(chunk: Uint8Array, written: Written): boolean {
    const response = this.#response;
    if (!this.#isReplaced) return response.write(chunk, written);
    // A copy: nobody says when the bytes have left, and the channel uses their memory again once they are `written`.
    const hasRoom = response.write(Buffer.from(chunk));
    const { flush } = response as { flush?: unknown };
    if (typeof flush === 'function') flush.call(response);
    if (hasRoom) setImmediate(written);
    else this.#waiting = written;
    return hasRoom;
  }

  end(): void {
    this.#response.end();
    forgetRest(this.#response);
  }

  destroy(error?: Error): void {
    dropResponse(this.#response, error);
  }

  on(event: 'error' | 'close', listener: (error: Error) => void): unknown {
    if (event === 'error') return this.#response.on('error', listener);
    return onClientLeft(this.#response, listener as () => void);
  }

  #drained(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
