/** Compresses into raw DEFLATE data (RFC 1951). First stage: stored blocks only; the interface is the final one. */

import { allocate } from '../bytes/allocate.ts';

/** How hard to look, how far back a distance may reach, and what came before. */
export interface DeflateOptions {
  /** 1 (quickest) to 9 (smallest). Default 6. */
  readonly level?: number | undefined;
  /** Distances reach at most 2^windowBits bytes back, 8 to 15. Default 15. */
  readonly windowBits?: number | undefined;
  /** Plaintext that the receiver has already: matches may refer to its last 2^windowBits bytes. */
  readonly dictionary?: Uint8Array | undefined;
}

/** Compresses `plain`, ending with an empty stored block, whose 00 00 FF FF are the last four octets of the result. */
export function deflate(plain: Uint8Array, _options: DeflateOptions = {}): Uint8Array {
  const blocks = Math.ceil(plain.length / 65_535);
  const result = allocate(plain.length + blocks * 5 + 5);
  let at = 0;
  for (let from = 0; from < plain.length; from += 65_535) {
    const length = Math.min(65_535, plain.length - from);
    result.set([0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255], at);
    result.set(plain.subarray(from, from + length), at + 5);
    at += 5 + length;
  }
  result.set([0, 0, 0, 0xff, 0xff], at);
  return result;
}
