/**
 * The last plaintext of one direction of a connection, which later messages may refer to (context takeover, RFC 7692 §7.1.1).
 *
 * Plain data: no codec state. Memory is only allocated with the first byte, grows with what is held, and never exceeds
 * 2^windowBits bytes plus the slack stated below. The window moves when the caller says so, with `update`, once a message counts.
 * Read next: `inflate.ts`, whose `dictionary` this is.
 */

/**
 * Room behind the window so that it need not move for every message: a sixteenth of it and 1 KiB, for 15 bits 3 KiB.
 * Choice: 32 KiB moved (about a microsecond) for 3 KiB of traffic.
 */
export function windowSlackBytes(windowBits: number): number {
  return 2 ** windowBits / 16 + 1_024;
}

/** Throws a RangeError unless `windowBits` is 8 to 15 (RFC 7692 §7.1.2). */
export function checkWindowBits(windowBits: number): void {
  if (!Number.isInteger(windowBits) || windowBits < 8 || windowBits > 15) {
    throw new RangeError(`windowBits is ${windowBits}, must be 8 to 15 (RFC 7692 §7.1.2)`);
  }
}

/** First allocation: a few short messages. */
const FIRST_BYTES = 1_024;
const NO_BYTES = new Uint8Array(0);

/** The last up to 2^windowBits bytes of what `update` was given. */
export class SlidingWindow {
  /** 2^windowBits: how much is held at most. */
  readonly size: number;
  readonly #capacity: number;
  /** Grows by doubling up to `#capacity`; empty until the first byte. */
  #memory: Uint8Array = NO_BYTES;
  /** The held bytes are `#memory[#start..#end)`. */
  #start = 0;
  #end = 0;

  constructor(windowBits: number) {
    checkWindowBits(windowBits);
    this.size = 2 ** windowBits;
    this.#capacity = this.size + windowSlackBytes(windowBits);
  }

  /** The held bytes in order: a view that is valid until the next `update`. */
  get dictionary(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** The memory whose `start` to `end` are the held bytes; valid until the next `update`. */
  get memory(): Uint8Array {
    return this.#memory;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes of memory held. */
  get allocatedBytes(): number {
    return this.#memory.length;
  }

  /** Appends `plain`, which is copied and may be a message of any size; what is older than the window is forgotten. */
  update(plain: Uint8Array): void {
    const added = plain.length > this.size ? plain.subarray(plain.length - this.size) : plain;
    const kept = Math.min(this.#end - this.#start, this.size - added.length);
    if (this.#end + added.length > this.#memory.length) this.#makeRoom(kept, added.length);
    this.#memory.set(added, this.#end);
    this.#end += added.length;
    this.#start = this.#end - (kept + added.length);
  }

  /** Moves the last `kept` bytes to the front, of larger memory when there is less than the capacity and it would be half full. */
  #makeRoom(kept: number, added: number): void {
    const from = this.#end - kept;
    const needed = kept + added;
    let memory = this.#memory;
    if (memory.length < this.#capacity && needed * 2 > memory.length) {
      memory = new Uint8Array(Math.min(this.#capacity, Math.max(needed, memory.length * 2, FIRST_BYTES)));
      memory.set(this.#memory.subarray(from, this.#end));
      this.#memory = memory;
    } else {
      memory.copyWithin(0, from, this.#end);
    }
    this.#start = 0;
    this.#end = kept;
  }
}
