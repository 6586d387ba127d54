/**
 * `barewire/deflate`: an RFC 1951 codec, written by hand, synchronous and bounded.
 *
 *     inflate(compressed, { maxOutputBytes })   raw DEFLATE data -> plaintext, or an InflateError
 *     deflate(plain, { level, windowBits })     plaintext -> raw DEFLATE data that ends with 00 00 FF FF
 *     new InflateStream(window)                 the same in pieces: `push`, `read` until undefined, `finish`, `read`
 *     new SlidingWindow(windowBits)             context takeover, receiving: the dictionary of `inflate`
 *     new DeflateContext({ level, windowBits }) context takeover, sending: `deflate` a message, `update` once it counts
 *
 * Read next: `README.md` beside this file, then `inflate.ts`.
 */

export { type DeflateOptions, deflate } from './deflate.ts';
export { DeflateContext, type DeflateContextOptions } from './deflate-context.ts';
export { type InflateOptions, inflate } from './inflate.ts';
export { InflateError, type InflateErrorCode } from './inflate-error.ts';
export { type InflatedPart, InflateStream } from './inflate-stream.ts';
export { SlidingWindow } from './window.ts';
