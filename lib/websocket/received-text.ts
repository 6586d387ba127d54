/**
 * The memory in which a text that lies whole in a chunk is unmasked and decoded, and which text that was last.
 *
 * A text that is sent on as it came, by a relay or an echo, is not encoded again: its octets are still here. To ask costs
 * a comparison of two strings, which most often differ in length. Of 100 octets the copy takes 25 ns, encoding them 90 (a
 * native call); of 16 KiB beyond ASCII 0.2 µs and 9. One text of the process is kept alive by this.
 * Read next: `message-assembler.ts`, which fills it, and `protocol.ts`, which asks.
 */

/** Longer texts are decoded in memory of their own, and encoded when they are sent on. */
export const RECEIVED_TEXT_BYTES = 65_536;

/** Written only after `forgetReceived`; never kept across calls. */
export const receivedBytes: Buffer = Buffer.allocUnsafeSlow(RECEIVED_TEXT_BYTES);
export const receivedView: DataView = new DataView(receivedBytes.buffer);

let received: string | undefined;
let octets = 0;

/** To be called before `receivedBytes` is written. */
export function forgetReceived(): void {
  received = undefined;
}

/** `receivedBytes[0..length)` is what `text` was decoded from: valid UTF-8, all of it. */
export function rememberReceived(text: string, length: number): void {
  received = text;
  octets = length;
}

/** How many of `receivedBytes` are `text` in UTF-8; -1 when it is not the text that came last. */
export function receivedLength(text: string): number {
  return text === received ? octets : -1;
}
