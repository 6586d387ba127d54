/**
 * Message bodies: which framing a head announces, and the chunked coding taken apart octet by octet (RFC 9112 §6, §7).
 *
 * `bodyFraming` is where request smuggling is stopped: whatever two recipients could read differently is refused.
 * `ChunkedDecoder` never copies: it tells where in the given bytes the data lies. Bounded by counts, not by buffers.
 * Read next: `chunk-extension.ts`, `request-parser.ts`, `response-parser.ts`.
 */

import { afterExtensionOctet, type ExtensionState, mayEnd } from './chunk-extension.ts';
import { parseList } from './grammar.ts';
import { type HttpViolation, parseFields, violation } from './head.ts';
import { HeadReader } from './head-reader.ts';
import type { HeaderFields } from './headers.ts';

/** How long a body is. */
export type BodyFraming =
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** RFC 9112 §6.3, for a message whose head is `headers`; `until-close` only comes out for responses. */
export function bodyFraming(headers: HeaderFields, minor: number, isResponse: boolean): BodyFraming | HttpViolation {
  const codings = headers.get('transfer-encoding');
  const lengths = headers.getAll('content-length');
  if (codings !== undefined) {
    if (lengths.length > 0) {
      // §6.3 rule 3: this "might indicate an attempt to perform request smuggling ... and ought to be handled as an error".
      return violation(400, 'HTTP_LENGTH_AMBIGUOUS', 'both Transfer-Encoding and Content-Length', 'RFC 9112 §6.3');
    }
    if (minor === 0) {
      // §6.1: Transfer-Encoding in HTTP/1.0 means that "the message framing is faulty".
      return violation(400, 'HTTP_CODING_IN_1_0', 'Transfer-Encoding in an HTTP/1.0 message', 'RFC 9112 §6.1');
    }
    const list = parseList(codings).map((coding) => coding.toLowerCase());
    if (list.at(-1) !== 'chunked') {
      if (isResponse) return { kind: 'until-close' }; // §6.3 rule 4
      // §6.3 rule 4: for a request without a final chunked coding "the server MUST respond with 400"; §6.1: 501 for an unknown one.
      return list.includes('chunked') || list.length === 0
        ? violation(400, 'HTTP_CHUNKED_NOT_FINAL', 'chunked is not the final transfer coding', 'RFC 9112 §6.3')
        : violation(501, 'HTTP_CODING_UNKNOWN', 'transfer coding is not known here', 'RFC 9112 §6.1');
    }
    if (list.length > 1) {
      return list.indexOf('chunked') === list.length - 1
        ? violation(501, 'HTTP_CODING_UNKNOWN', 'transfer coding is not known here', 'RFC 9112 §6.1')
        : violation(400, 'HTTP_CHUNKED_TWICE', 'chunked is applied more than once', 'RFC 9112 §6.1'); // "MUST NOT apply the chunked transfer coding more than once"
    }
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return isResponse ? { kind: 'until-close' } : { kind: 'length', length: 0 }; // §6.3 rules 7, 8
  // §6.3 rule 5 would let a list of equal values pass. Stricter than the RFC: one line, digits only.
  const [text = ''] = lengths;
  const length = Number(text);
  if (lengths.length > 1 || !/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(length)) {
    return violation(400, 'HTTP_CONTENT_LENGTH', 'Content-Length is not a single decimal number', 'RFC 9112 §6.3');
  }
  return { kind: 'length', length };
}

const CR = 0x0d;
const LF = 0x0a;

type ChunkState = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done';

/** What a chunked body is held to. */
export interface ChunkedLimits {
  readonly maxChunkExtensionBytes: number;
  readonly maxHeadBytes: number;
  readonly maxHeaderCount: number;
}

/** Takes the chunked coding apart (RFC 9112 §7.1). */
export class ChunkedDecoder {
  readonly #limits: ChunkedLimits;
  #state: ChunkState = 'size';
  /** Octets left of the current chunk. */
  #left = 0;
  /** Hexadecimal digits of the current size. */
  #digits = 0;
  /** Set while `#state` is `extension`. */
  #extension: ExtensionState = 'space';
  /** Octets of chunk extensions in this body, all chunks together. */
  #extensionBytes = 0;
  /** Set once the last chunk has been seen. */
  #trailer: HeadReader | undefined = undefined;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  /** The whole body has been taken apart. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Reads `bytes` from `position`; calls `data` with the bounds of each run of body data in it.
   * Answers where it stopped (after the body, once `done`), or what was wrong.
   */
  read(bytes: Uint8Array, position: number, data: (start: number, end: number) => void): number | HttpViolation {
    let i = position;
    while (i < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, i + this.#left);
        data(i, end);
        this.#left -= end - i;
        if (this.#left === 0) this.#state = 'data-cr';
        i = end;
        continue;
      }
      if (this.#state === 'trailer') return this.#readTrailer(bytes, i);
      const failed = this.#octet(bytes[i++]!);
      if (failed !== undefined) return failed;
    }
    return i;
  }

  #octet(octet: number): HttpViolation | undefined {
    switch (this.#state) {
      case 'size': {
        const digit = hexValue(octet);
        if (digit >= 0) {
          // §7.1: "recipients MUST ... prevent parsing errors due to integer conversion overflows".
          if (++this.#digits > 12) return malformed('chunk size has more than 12 digits');
          this.#left = this.#left * 16 + digit;
          return undefined;
        }
        if (this.#digits === 0) return malformed('chunk size is missing');
        if (octet === CR) {
          this.#state = 'size-lf';
          return undefined;
        }
        this.#state = 'extension';
        this.#extension = 'space';
        return this.#extensionOctet(octet, 'chunk size is followed by neither an extension nor CR LF');
      }
      case 'extension':
        if (octet === CR && mayEnd(this.#extension)) {
          this.#state = 'size-lf';
          return undefined;
        }
        return this.#extensionOctet(octet, 'chunk extension is not name or name=value');
      case 'size-lf':
        if (octet !== LF) return malformed('chunk size line does not end with CR LF');
        this.#state = this.#left === 0 ? 'trailer' : 'data';
        this.#digits = 0;
        return undefined;
      case 'data-cr':
        if (octet !== CR) return malformed('chunk data is longer than its size');
        this.#state = 'data-lf';
        return undefined;
      default: // 'data-lf'
        if (octet !== LF) return malformed('chunk data does not end with CR LF');
        this.#state = 'size';
        return undefined;
    }
  }

  /** §7.1.1: a recipient "ought to limit the total length of chunk extensions": all octets between a size and its CR LF. */
  #extensionOctet(octet: number, fault: string): HttpViolation | undefined {
    if (++this.#extensionBytes > this.#limits.maxChunkExtensionBytes)
      return malformed(`chunk extensions exceed ${this.#limits.maxChunkExtensionBytes} bytes`);
    const next = afterExtensionOctet(this.#extension, octet);
    if (next === undefined) return malformed(fault);
    this.#extension = next;
    return undefined;
  }

  /** §7.1.2: fields after the last chunk. Choice: checked like any field line, then thrown away, since nothing here needs them. */
  #readTrailer(bytes: Uint8Array, position: number): number | HttpViolation {
    this.#trailer ??= new HeadReader(this.#limits.maxHeadBytes, 'trailer');
    const read = this.#trailer.read(bytes, position);
    if (read === undefined) return bytes.length;
    if ('kind' in read) return read;
    const fields = parseFields(`\r\n${read.text}`, 0, this.#limits);
    if ('kind' in fields) return fields;
    this.#trailer = undefined;
    this.#state = 'done';
    return read.next;
  }
}

function malformed(detail: string): HttpViolation {
  return violation(400, 'HTTP_CHUNK', detail, 'RFC 9112 §7.1');
}

function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
