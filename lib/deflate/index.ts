/**
 * `barewire/deflate`: an RFC 1951 codec, written by hand, synchronous and bounded.
 *
 *     inflate(compressed, { maxOutputBytes })   raw DEFLATE data -> plaintext, or an InflateError
 *     deflate(plain, { level, windowBits })     plaintext -> raw DEFLATE data that ends with 00 00 FF FF
 *     new SlidingWindow(windowBits)             the plaintext that later messages may refer to
 *
 * Read next: `README.md` beside this file, then `inflate.ts`.
 */

export { type DeflateOptions, deflate } from './deflate.ts';
export { InflateError, type InflateErrorCode, type InflateOptions, inflate } from './inflate.ts';
export { SlidingWindow } from './window.ts';
