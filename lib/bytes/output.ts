/**
 * The bytes that one connection has encoded and not yet written: contiguous wherever possible, copied only when small.
 *
 * Small frames are encoded straight into an append-only block that all connections share, one after the other, so a
 * burst of replies is one contiguous range and leaves in one write; large payloads stand in the list by reference.
 * Ranges that adjoin in the same memory merge, which is also what makes a broadcast cheap: prepared messages follow
 * one another in a block of their own, and a member that was sent ten of them holds one range, not ten.
 *
 * Complexity: every operation is O(1) amortised. Memory of an idle queue: this object alone, no buffers. An arena remembers
 * one block of 64 KiB from call to call; a larger one is forgotten as soon as it has been handed out.
 * Never writes to a socket; never overwrites bytes that somebody may still hold (see `release`).
 * Read next: `../websocket/protocol.ts`, which fills it, and `../channel/queued-channel.ts`, which empties it.
 */

import { written } from './lent-memory.ts';

/** One block of shared output memory. 64 KiB: what one read of a socket can produce in small replies; larger did not measure faster. */
export const BLOCK_BYTES = 65_536;

/** A contiguous run of bytes in some memory. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** Append-only memory, handed out from the front; a full block is left to the garbage collector and replaced. */
export class Arena {
  /** The current block. Its bytes before `position` belong to those they were handed to. */
  bytes: Uint8Array = NO_BYTES;
  /** The same memory, for those who write words. */
  view: DataView = NO_VIEW;
  position = 0;
  /** The current block is larger than `BLOCK_BYTES`. */
  #isLarge = false;

  /** Makes sure that `size` contiguous bytes are free at `position` of `bytes`. Whoever writes them calls `handOut` next. */
  reserve(size: number): void {
    if (this.bytes.length - this.position < size) {
      this.#isLarge = size > BLOCK_BYTES;
      this.bytes = Buffer.allocUnsafeSlow(Math.max(size, BLOCK_BYTES));
      this.view = new DataView(this.bytes.buffer);
      this.position = 0;
    }
  }

  /** The bytes up to `end` belong to somebody now. Of a block larger than `BLOCK_BYTES` nothing is kept, its free rest neither. */
  handOut(end: number): void {
    this.position = end;
    if (!this.#isLarge) return;
    this.#isLarge = false;
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.position = 0;
  }

  /** Takes back the tail of the current block, if `range` is that tail: nobody else can hold bytes behind it. */
  release(range: ByteRange): void {
    if (range.bytes === this.bytes && range.end === this.position) this.position = range.start;
  }
}

/** Where connections encode their own frames. One for the process: only one connection is being served at any moment. */
export const ownFrames: Arena = new Arena();

/** Where messages for many connections are encoded: apart, so that consecutive ones adjoin. */
export const sharedFrames: Arena = new Arena();

/** Taken ranges are dropped from the list once there are this many of them, and once they are half of it. */
const COMPACT_MIN_RANGES = 32;

/** The unwritten output of one connection. */
export class OutputQueue {
  /** Bytes that were appended and not yet taken. */
  byteLength = 0;
  /** The last range, still growing; `#bytes` is undefined when the queue is empty. */
  #bytes: Uint8Array | undefined = undefined;
  #start = 0;
  #end = 0;
  /** Ranges before the last one; made when there is a second. */
  #earlier: ByteRange[] | undefined = undefined;
  /** How many of `#earlier` have been taken. */
  #taken = 0;

  /** Makes room for `size` bytes at the end of `ownFrames`; the caller writes them there and then calls `commit(size)`. */
  reserve(size: number): Arena {
    ownFrames.reserve(size);
    return ownFrames;
  }

  /** Takes over the `size` bytes that the caller has just written at `ownFrames.position`. */
  commit(size: number): void {
    const { bytes, position } = ownFrames;
    ownFrames.handOut(position + size);
    this.append(bytes, position, position + size);
  }

  /** Appends a range by reference. Its bytes must stay as they are until they have been written. */
  append(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.byteLength += end - start;
    if (this.#bytes === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    if (this.#bytes !== undefined) this.keepLast(this.#bytes);
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  private keepLast(bytes: Uint8Array): void {
    this.#earlier ??= [];
    this.#earlier.push({ bytes, start: this.#start, end: this.#end });
  }

  /** Takes the next contiguous range, at most `maxBytes` of it; undefined when the queue is empty. */
  take(maxBytes: number): ByteRange | undefined {
    if (this.#bytes === undefined) return undefined;
    const earlier = this.#earlier;
    if (earlier !== undefined) {
      const range = earlier[this.#taken]!;
      if (range.end - range.start <= maxBytes) {
        this.#taken++;
        if (this.#taken === earlier.length) {
          this.#earlier = undefined;
          this.#taken = 0;
        } else if (this.#taken >= COMPACT_MIN_RANGES && this.#taken * 2 >= earlier.length) {
          // A queue that never runs dry would otherwise hold on to everything it ever held. Half of it at a time is O(1) amortised.
          earlier.splice(0, this.#taken);
          this.#taken = 0;
        }
        this.byteLength -= range.end - range.start;
        return range;
      }
      earlier[this.#taken] = { bytes: range.bytes, start: range.start + maxBytes, end: range.end };
      this.byteLength -= maxBytes;
      return { bytes: range.bytes, start: range.start, end: range.start + maxBytes };
    }
    const range = { bytes: this.#bytes, start: this.#start, end: Math.min(this.#end, this.#start + maxBytes) };
    this.#start = range.end;
    if (range.end === this.#end) this.#bytes = undefined;
    this.byteLength -= range.end - range.start;
    return range;
  }

  /** Takes everything as a copy of its own: for tests and for those who drive the core by hand. */
  takeAll(): Uint8Array {
    const all = new Uint8Array(this.byteLength);
    let at = 0;
    for (let range = this.take(all.length); range !== undefined; range = this.take(all.length)) {
      all.set(range.bytes.subarray(range.start, range.end), at);
      at += range.end - range.start;
      written(range.bytes, range.end - range.start);
    }
    return all;
  }

  /** Forgets everything. */
  clear(): void {
    for (let range = this.take(this.byteLength); range !== undefined; range = this.take(this.byteLength))
      written(range.bytes, range.end - range.start);
    this.#bytes = undefined;
    this.#earlier = undefined;
    this.#taken = 0;
    this.byteLength = 0;
  }
}
