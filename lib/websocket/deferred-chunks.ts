/**
 * Chunks that wait: those that reached a machine within its own receiver, and what a machine has not read since it is held.
 *
 * The first happens where bytes travel without a kernel in between: a receiver sends, the peer answers at once, and the answer is
 * back before the receiver has returned. Choice: such a chunk is kept, as a copy, and read when its turn comes, so that
 * the order on the wire is the order of delivery. A machine has an entry here only while it reads or is held, so that
 * an idle connection costs nothing. Knows nothing of frames. Read next: `protocol.ts`.
 */

/**
 * What one machine may have waiting. Choice: a client's largest message by default. Past it the two ends are calling each
 * other without ever returning, hand over more than they should at a time, or go on reading for a machine that is held.
 */
export const MAX_DEFERRED_BYTES = 16_777_216;

/** What a chunk counts besides its octets, so that empty ones are bounded too. */
const CHUNK_OVERHEAD_BYTES = 64;

/** One call that came too early, or was not finished. */
export interface DeferredCall<Receiver> {
  /** Memory of our own. */
  chunk: Uint8Array;
  readonly receiver: Receiver;
  /** The one that came next. */
  next: DeferredCall<Receiver> | undefined;
}

interface Waiting<Receiver> {
  first: DeferredCall<Receiver> | undefined;
  last: DeferredCall<Receiver> | undefined;
  bytes: number;
}

/** The chunks that wait, for each machine that has any. In the order of the calls, as a list: all operations are O(1), but for the copy. */
export class DeferredChunks<Receiver> {
  /** Some machine has an entry: by far the most common is that none has. */
  any = false;
  readonly #waiting = new Map<object, Waiting<Receiver>>();

  /** Keeps a copy of `chunk`, behind all others. @throws RangeError beyond `MAX_DEFERRED_BYTES` */
  add(machine: object, chunk: Uint8Array, receiver: Receiver): void {
    const waiting = this.#of(machine);
    const bytes = waiting.bytes + chunk.length + CHUNK_OVERHEAD_BYTES;
    if (bytes > MAX_DEFERRED_BYTES) {
      throw new RangeError(
        `${bytes} bytes would wait for a receiver that is held or called within itself, limit ${MAX_DEFERRED_BYTES}`,
      );
    }
    const call = { chunk: new Uint8Array(chunk), receiver, next: undefined };
    if (waiting.last === undefined) waiting.first = call;
    else waiting.last.next = call;
    waiting.last = call;
    waiting.bytes = bytes;
  }

  /** Puts the rest of a call in front of all others; `call` when it came from here. */
  putBack(machine: object, rest: Uint8Array, receiver: Receiver, call: DeferredCall<Receiver> | undefined): void {
    const waiting = this.#of(machine);
    const chunk = call === undefined ? new Uint8Array(rest) : rest; // ours already: not copied for each result that it holds
    waiting.first = { chunk, receiver, next: waiting.first };
    waiting.last ??= waiting.first;
    waiting.bytes += chunk.length + CHUNK_OVERHEAD_BYTES;
  }

  /** Takes the one that is next. */
  next(machine: object): DeferredCall<Receiver> | undefined {
    const waiting = this.#waiting.get(machine);
    const call = waiting?.first;
    if (waiting === undefined || call === undefined) return undefined;
    waiting.first = call.next;
    if (call.next === undefined) waiting.last = undefined;
    waiting.bytes -= call.chunk.length + CHUNK_OVERHEAD_BYTES;
    return call;
  }

  /** Lets go of all that waits for `machine`. */
  forget(machine: object): void {
    this.#waiting.delete(machine);
    this.any = this.#waiting.size > 0;
  }

  #of(machine: object): Waiting<Receiver> {
    let waiting = this.#waiting.get(machine);
    if (waiting === undefined) {
      waiting = { first: undefined, last: undefined, bytes: 0 };
      this.#waiting.set(machine, waiting);
      this.any = true;
    }
    return waiting;
  }
}
