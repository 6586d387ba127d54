/**
 * Compression with context takeover (RFC 7692 §7.1.1): one direction of one connection, whose messages refer to earlier ones.
 *
 * Holds the past plaintext and one small table that finds things in it, so that a message costs time by its own length
 * and not by the window's. Nothing is allocated before the first message counts. For 15 bits at level 1 at most 43 KiB: 32 KiB of window,
 * 3 KiB of slack and a table of 8 KiB; with the receiver's `SlidingWindow` of 35 KiB a connection has at most 78 KiB. At higher levels
 * a chain of 64 KiB and a larger table are added (zlib's compressor has 256 KiB at every level).
 * The window moves only with `update`: a message that was compressed and then not sent leaves no trace.
 * Read next: `window.ts`, then `matcher.ts`.
 */

import type { Compressed } from './block-writer.ts';
import { checkLevel, DEFAULT_LEVEL, DEFAULT_WINDOW_BITS, deflateAfter, deflateShared, ownCopy } from './deflate.ts';
import { indexPast, NO_PAST, type PastIndex } from './searched.ts';
import { SlidingWindow } from './window.ts';

/** How hard to look, and how far back a distance may reach. */
export interface DeflateContextOptions {
  /** 1 (quickest) to 9 (smallest). Default 6. */
  readonly level?: number | undefined;
  /** The agreed window: distances reach at most 2^windowBits bytes back, 8 to 15 (RFC 7692 §7.1.2). Default 15. */
  readonly windowBits?: number | undefined;
}

/**
 * Entries of the table as a power of two, at most: 8 KiB at level 1, without a chain. Choice: with the windows of both directions this stays
 * within 80 KiB, and messages of 100 octets are at most 8 % longer than with a zlib stream of that level, from 4 KiB on 5 %.
 */
const MAX_TABLE_BITS = 12;
/** At other levels: 16 KiB, and the chain. */
const MAX_CHAINED_TABLE_BITS = 13;

/** One sender's past: `deflate` a message, then `update` with the same message once it is sure to be sent. */
export class DeflateContext {
  readonly #level: number;
  readonly #windowBits: number;
  readonly #window: SlidingWindow;
  /** Made with the first `update`. */
  #index: PastIndex = NO_PAST;
  /** Bytes that `update` was given so far, modulo 65,536: the place of the next one. */
  #place = 0;
  /** A view of the window's memory, made anew when that grows. */
  #view: DataView | undefined;

  constructor(options: DeflateContextOptions = {}) {
    this.#level = options.level ?? DEFAULT_LEVEL;
    this.#windowBits = options.windowBits ?? DEFAULT_WINDOW_BITS;
    checkLevel(this.#level);
    this.#window = new SlidingWindow(this.#windowBits);
  }

  /** Bytes of memory held. */
  get allocatedBytes(): number {
    const { table, chain } = this.#index;
    return this.#window.allocatedBytes + table.byteLength + chain.byteLength;
  }

  /** Compresses `plain` as `deflate` does, with matches into the past. Does not change what later calls see. */
  deflate(plain: Uint8Array): Uint8Array {
    const { bytes, length } = this.deflateShared(plain);
    return ownCopy(bytes, length);
  }

  /** The same, in memory of the codec: to be read before its next call. */
  deflateShared(plain: Uint8Array): Compressed {
    const index = this.#index;
    if (index === NO_PAST || plain.length === 0) return deflateShared(plain, this.#level, this.#windowBits);
    const { memory, end } = this.#window;
    return deflateAfter(plain, index, this.#place, this.#viewOf(memory), end, this.#level, this.#windowBits);
  }

  /** Appends `plain`, which is copied, to the past: the receiver has it, or will have before the next message. */
  update(plain: Uint8Array): void {
    if (plain.length === 0) return;
    if (this.#index === NO_PAST) this.#index = emptyIndex(this.#level, this.#windowBits);
    this.#window.update(plain);
    this.#place = (this.#place + plain.length) & 0xffff;
    const { memory, start, end } = this.#window;
    // Hashes are of four bytes: three places of the previous message have theirs only now, three of this one not yet.
    const from = Math.max(start, end - plain.length - 3);
    indexPast(this.#index, this.#viewOf(memory), from, end - 3, this.#place - end);
  }

  #viewOf(memory: Uint8Array): DataView {
    if (this.#view?.buffer !== memory.buffer) {
      this.#view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    }
    return this.#view as DataView;
  }
}

function emptyIndex(level: number, windowBits: number): PastIndex {
  const chained = level > 1;
  const tableBits = Math.min(windowBits + 1, chained ? MAX_CHAINED_TABLE_BITS : MAX_TABLE_BITS);
  return { table: new Uint16Array(1 << tableBits), chain: new Uint16Array(chained ? 1 << windowBits : 0) };
}
