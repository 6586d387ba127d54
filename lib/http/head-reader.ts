/**
 * Finds the end of a head in bytes that come in pieces, under a limit, and refuses bare line feeds on the way.
 *
 * Every octet is looked at once, however the bytes are cut: 64 KiB sent one octet at a time cost 64 Ki steps.
 * A head that lies whole in one chunk is never copied. Read next: `request-parser.ts`.
 */

import { decodeAscii } from '../bytes/utf8.ts';
import { type HttpViolation, violation } from './head.ts';

const CR = 0x0d;
const LF = 0x0a;

export class HeadReader {
  readonly #maxHeadBytes: number;
  readonly #kind: 'request' | 'response' | 'trailer';
  /** What came in earlier chunks; made when a chunk ends within a head. */
  #kept: Uint8Array = NOTHING;
  #keptLength = 0;
  /** How much of CR LF CR LF the octets so far end with. */
  #matched = 0;

  /** A trailer section begins after a CR LF, so that one more ends it when it is empty. */
  constructor(maxHeadBytes: number, kind: 'request' | 'response' | 'trailer') {
    this.#maxHeadBytes = maxHeadBytes;
    this.#kind = kind;
    if (kind === 'trailer') this.#matched = 2;
  }

  /** Some octets of a head have come, not all. */
  get inHead(): boolean {
    return this.#keptLength > 0;
  }

  /** Whether the head that `chunk` goes on with at `start`, and whose end has not been found, begins with `octets`. */
  beginsWith(octets: Uint8Array, chunk: Uint8Array, start: number): boolean {
    const kept = this.#keptLength;
    return octets.every((octet, i) => octet === (i < kept ? this.#kept[i] : chunk[start + i - kept]));
  }

  /**
   * Looks for the end of the head in `chunk` from `start`. Answers its text (one character an octet, without the final
   * empty line) and the position after it; undefined when the chunk ends first (it has been copied then).
   */
  read(chunk: Uint8Array, start: number): { readonly text: string; readonly next: number } | HttpViolation | undefined {
    let matched = this.#matched;
    // Nothing beyond the limit is looked at, so that what is wrong does not depend on how the bytes were cut.
    const end = Math.min(chunk.length, start + this.#maxHeadBytes - this.#keptLength);
    for (let i = start; i < end; i++) {
      const octet = chunk[i]!;
      if (octet === LF) {
        if (matched !== 1 && matched !== 3) {
          // RFC 9112 §2.2 allows a recipient to take a bare LF for a line end. Stricter than the RFC: see `head.ts`.
          return violation(400, 'HTTP_BARE_LF', 'line feed without a carriage return', 'RFC 9112 §2.2');
        }
        if (++matched === 4) return this.#whole(chunk, start, i + 1);
      } else if (octet === CR) {
        matched = matched === 2 ? 3 : 1;
      } else {
        // §2.2: "A recipient of such a bare CR MUST consider that element to be invalid".
        if (matched === 1 || matched === 3)
          return violation(400, 'HTTP_BARE_CR', 'carriage return without a line feed', 'RFC 9112 §2.2');
        matched = 0;
      }
    }
    this.#matched = matched;
    if (end < chunk.length) return this.#tooLong(chunk, start, end);
    const length = this.#keptLength + chunk.length - start;
    if (length > this.#kept.length) {
      const kept = new Uint8Array(Math.min(this.#maxHeadBytes, Math.max(512, length * 2)));
      kept.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = kept;
    }
    this.#kept.set(start === 0 ? chunk : chunk.subarray(start), this.#keptLength);
    this.#keptLength = length;
    return undefined;
  }

  #whole(chunk: Uint8Array, start: number, next: number): { readonly text: string; readonly next: number } {
    const before = this.#keptLength === 0 ? '' : latin1(this.#kept, 0, this.#keptLength);
    // Without the empty line: what is cut off afterwards would stay in memory, under the slice, for as long as the request.
    const end = Math.max(start, next - 4);
    const text = (before + latin1(chunk, start, end)).slice(0, this.#keptLength + next - start - 4);
    this.#kept = NOTHING;
    this.#keptLength = 0;
    this.#matched = 0;
    return { text, next };
  }

  #tooLong(chunk: Uint8Array, start: number, end: number): HttpViolation {
    const limit = this.#maxHeadBytes;
    const lineEnded = this.#kept.subarray(0, this.#keptLength).includes(LF) || chunk.subarray(start, end).includes(LF);
    if (lineEnded || this.#kind !== 'request')
      return violation(431, 'HTTP_HEAD_TOO_LONG', `head exceeds ${limit} bytes`, 'RFC 6585 §5');
    // RFC 9112 §3: a server that receives a request-target longer than it wishes to parse "MUST respond with a 414".
    return violation(414, 'HTTP_REQUEST_LINE_TOO_LONG', `request line exceeds ${limit} bytes`, 'RFC 9112 §3');
  }
}

const NOTHING = new Uint8Array(0);

/** One character an octet. The ASCII decoder does just that; octets from 80 on are obs-text (RFC 9110 §5.5). */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  return decodeAscii(bytes, start, end);
}
