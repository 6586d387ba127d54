/**
 * Why compressed data was refused: one stable code for each rule of RFC 1951 that it can break, and for our bound.
 *
 * Knows the codes and nothing of decoding. Read next: `block-reader.ts` and `inflate.ts`, which throw these.
 */

import { BarewireError } from '../errors.ts';

/** Why a stream was refused. */
export type InflateErrorCode =
  /** BTYPE is 11 (§3.2.3). */
  | 'INFLATE_BAD_BLOCK_TYPE'
  /** LEN and NLEN of a stored block are not complements (§3.2.4). */
  | 'INFLATE_STORED_LENGTH'
  /** HLIT above 286 or HDIST above 30 codes (§3.2.6-3.2.7). */
  | 'INFLATE_TOO_MANY_CODES'
  /** A repeat of code lengths without one before it, or past the last code (§3.2.7). */
  | 'INFLATE_BAD_REPEAT'
  /** More codes than their lengths have room for (§3.2.2). */
  | 'INFLATE_OVERSUBSCRIBED'
  /** Fewer codes than their lengths have room for (§3.2.2); one distance code of one bit is allowed (§3.2.7). */
  | 'INFLATE_INCOMPLETE'
  /** A dynamic block whose codes cannot end it (§3.2.5, §3.2.7). */
  | 'INFLATE_NO_END_OF_BLOCK'
  /** A code that stands for nothing: literal/length 286-287, distance 30-31, or the unused half of a one-code set (§3.2.5-3.2.7). */
  | 'INFLATE_BAD_SYMBOL'
  /** A distance before the start of the data and its dictionary (§3.2.3). */
  | 'INFLATE_DISTANCE_TOO_FAR'
  /** The input ends inside a block. */
  | 'INFLATE_TRUNCATED'
  /** `engine.ts` had zlib read the data, and zlib refused it. */
  | 'INFLATE_MALFORMED'
  /** The output exceeds `maxOutputBytes`. */
  | 'INFLATE_TOO_LARGE';

/** Compressed data that RFC 1951 forbids, or that unpacks to more than the caller's bound. */
export class InflateError extends BarewireError {
  declare readonly code: InflateErrorCode;

  constructor(code: InflateErrorCode, message: string) {
    super(code, message);
  }
}

/** Refuses the data. @throws InflateError always */
export function fail(code: InflateErrorCode, message: string): never {
  throw new InflateError(code, message);
}
