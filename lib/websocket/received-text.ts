/**
 * Which text came last, and where its octets are.
 *
 * A text that is sent on as it came, by a relay or an echo, is not encoded again: its octets are still in the memory that
 * it was decoded from, until the next message. To ask costs a comparison of two strings, which most often differ in length.
 * Of 100 octets the copy takes 25 ns, encoding them 90 (a native call); of 16 KiB beyond ASCII 0.2 µs and 9.
 * Remembered from call to call: one text of at most 64 KiB. Its octets lie in working memory: `scratch` here (64 KiB), or the
 * decompressor's. Read next: `message-assembler.ts`, which tells, and `encoder.ts`, which asks.
 */

import { decompressions } from '../deflate/engine.ts';

/** Memory in which a text that lies whole in a chunk is unmasked and decoded. Longer ones have memory of their own. */
export const SCRATCH_BYTES = 65_536;
/** Written only after `forgetReceived`; never kept across calls. */
export const scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
export const scratchView: DataView = new DataView(scratch.buffer);

/** The octets of the last text, from the first on, in memory that is used again; only good while `receivedLength` says so. */
export const received: { bytes: Uint8Array; view: DataView } = { bytes: scratch, view: scratchView };
let last: string | undefined;
let octets = 0;
/** Where the octets are the decompressor's: how often it had been called. */
let decompression = -1;

/** To be called before `scratch` is written. */
export function forgetReceived(): void {
  last = undefined;
}

/** What a remembered text takes at most. V8 has one octet a unit for ASCII, two for what goes beyond Latin-1. */
const REMEMBERED_MAX_BYTES = 65_536;

/** Whether `text`, whose UTF-8 has `length` octets, is too large to be kept alive for the case that it is sent on. */
function tooLarge(text: string, length: number): boolean {
  return (text.length === length ? length : text.length * 2) > REMEMBERED_MAX_BYTES;
}

/** The first `length` octets of `scratch` are what `text` was decoded from: valid UTF-8, all of it. */
export function rememberReceived(text: string, length: number): void {
  if (tooLarge(text, length)) return;
  last = text;
  octets = length;
  if (received.bytes === scratch) return;
  received.bytes = scratch;
  received.view = scratchView;
  decompression = -1;
}

/** The same for what the decompressor has left in its own memory. */
export function rememberDecompressed(text: string, bytes: Uint8Array, view: DataView, length: number): void {
  if (tooLarge(text, length)) return;
  last = text;
  octets = length;
  decompression = decompressions();
  if (received.bytes === bytes) return;
  received.bytes = bytes;
  received.view = view;
}

/** How many octets of `received` are `text` in UTF-8; -1 when it is not the text that came last. */
export function receivedLength(text: string): number {
  return text === last && (decompression < 0 || decompression === decompressions()) ? octets : -1;
}
