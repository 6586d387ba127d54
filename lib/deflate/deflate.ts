/**
 * Compresses into raw DEFLATE data (RFC 1951), whole, synchronously, in the form of a WebSocket message (RFC 7692 §7.2.1).
 *
 * This file moves the plaintext past the matcher: 64 KiB at a time through memory of this module, behind the 32 KiB
 * that came before, so that a message of any size costs the same memory and no memory per call but the result.
 * One call at a time, synchronous: everything is shared by all callers. Knows no messages, frames or sockets.
 * Sections: RFC 1951 §3.2 and §4, RFC 7692 §7.2.1. Read next: `matcher.ts`, `block-writer.ts`, `deflate-context.ts`.
 */

import { allocate } from '../bytes/allocate.ts';
import { beginOutput, type Compressed, finishOutput } from './block-writer.ts';
import { beginMatching, index, matchAll, moved } from './matcher.ts';
import { forgetPast, HISTORY_BYTES, type PastIndex, SEGMENT_BYTES, searchPast, work } from './searched.ts';
import { checkWindowBits } from './window.ts';

/** How hard to look, how far back a distance may reach, and what came before. */
export interface DeflateOptions {
  /** 1 (quickest) to 9 (smallest). Default 6. */
  readonly level?: number | undefined;
  /** Distances reach at most 2^windowBits bytes back, 8 to 15 (RFC 7692 §7.1.2). Default 15. */
  readonly windowBits?: number | undefined;
  /**
   * Plaintext that the receiver has already: matches may refer to its last 2^windowBits bytes. Only read, and only during
   * the call. Choice: of a dictionary much longer than the message only the end is looked at, since finding it costs more
   * than it gains; `DeflateContext` does not have to choose.
   */
  readonly dictionary?: Uint8Array | undefined;
}

export const DEFAULT_LEVEL = 6;
export const DEFAULT_WINDOW_BITS = 15;

const NO_BYTES = new Uint8Array(0);

/** Throws a RangeError unless `level` is 1 to 9. */
export function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 1 || level > 9) throw new RangeError(`level is ${level}, must be 1 to 9`);
}

/**
 * Compresses `plain`. The result ends with an empty stored block, whose 00 00 FF FF are its last four octets
 * (RFC 7692 §7.2.1 removes them); no block is final. Results without a dictionary may be put one after the other: each
 * refers to nothing before it.
 *
 * @returns raw DEFLATE data in fresh memory that is the caller's own.
 * @throws RangeError for options out of range.
 */
export function deflate(plain: Uint8Array, options: DeflateOptions = {}): Uint8Array {
  const level = options.level ?? DEFAULT_LEVEL;
  const windowBits = options.windowBits ?? DEFAULT_WINDOW_BITS;
  checkLevel(level);
  checkWindowBits(windowBits);
  const { bytes, length } = deflateShared(plain, level, windowBits, options.dictionary ?? NO_BYTES);
  return ownCopy(bytes, length);
}

/** As `deflate`, for options that are checked: the result is to be read before the next call, in whose memory it lies. */
export function deflateShared(
  plain: Uint8Array,
  level: number,
  windowBits: number,
  dictionary: Uint8Array = NO_BYTES,
): Compressed {
  beginOutput();
  if (plain.length > 0) {
    const used = Math.min(dictionary.length, 1 << windowBits, DICTIONARY_MIN_BYTES + plain.length * DICTIONARY_FACTOR);
    beginMatching(level, windowBits, plain.length + used);
    compress(plain, used === 0 ? NO_BYTES : dictionary.subarray(dictionary.length - used));
  }
  return finishOutput();
}

/** The caller's own copy of a shared result, the first `length` of `shared`. */
export function ownCopy(shared: Uint8Array, length: number): Uint8Array {
  const result = allocate(length);
  result.set(shared.subarray(0, length));
  return result;
}

/** Choice: of a dictionary as much is looked at as 2 KiB and sixteen times the message. */
const DICTIONARY_MIN_BYTES = 2_048;
const DICTIONARY_FACTOR = 16;

/** `deflateShared` for a `DeflateContext`: `index` finds what is in `pastView` before `end`, and `place` is that of the message. */
export function deflateAfter(
  plain: Uint8Array,
  index: PastIndex,
  place: number,
  pastView: DataView,
  end: number,
  level: number,
  windowBits: number,
): Compressed {
  beginOutput();
  beginMatching(level, windowBits, plain.length);
  searchPast(index, place, pastView, end);
  compress(plain, NO_BYTES);
  forgetPast();
  return finishOutput();
}

function compress(plain: Uint8Array, dictionary: Uint8Array): void {
  let start = dictionary.length;
  let next = 0;
  if (start > 0) work.set(dictionary); // of nothing the call alone takes 30 ns
  for (;;) {
    const taken = Math.min(plain.length - next, SEGMENT_BYTES);
    if (taken === plain.length) work.set(plain, start);
    else work.set(plain.subarray(next, next + taken), start);
    if (next === 0 && start > 0) index(0, start);
    next += taken;
    matchAll(start, start + taken);
    start += taken;
    if (next === plain.length) break;
    const by = start - HISTORY_BYTES;
    work.copyWithin(0, by, start);
    moved(by);
    start = HISTORY_BYTES;
  }
}
