/**
 * One event stream under a content coding: gzip (RFC 1952) or deflate (RFC 1950), flushed at every event.
 *
 * Every event is compressed by itself, as raw DEFLATE blocks that end on an octet and refer to nothing before them. Such
 * pieces follow one another to one valid stream, so an event is compressed once for all streams, whichever of the two
 * codings they have; only the first octets and the checksum at the end belong to a stream. Holds two numbers.
 * Pure. Read next: `prepared-event.ts`, which makes the pieces.
 */

import { joinAdler32, joinCrc32 } from '../deflate/checksum.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { PreparedEvent } from './prepared-event.ts';

/** RFC 1952 §2.3: magic, CM 8 (deflate), no flags, no time, XFL 0, OS 255 (unknown). */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

/** RFC 1950 §2.2: CM 8 with a window of 32 KiB, default level, no dictionary. */
const ZLIB_HEADER = Uint8Array.of(0x78, 0x9c);

/** An empty fixed block with BFINAL 1 (RFC 1951 §3.2.6), which ends the DEFLATE data. */
const FINAL_BLOCK = [0x03, 0x00] as const;

export class StreamEncoder {
  readonly coding: ContentCoding;
  /** Of all events so far: CRC-32 (of nothing: 0) or Adler-32 (of nothing: 1). */
  #checksum: number;
  /** Octets of all events so far, modulo 2^32. */
  #length = 0;

  constructor(coding: ContentCoding) {
    this.coding = coding;
    this.#checksum = coding === 'gzip' ? 0 : 1;
  }

  /** What the stream begins with. */
  get header(): Uint8Array {
    return this.coding === 'gzip' ? GZIP_HEADER : ZLIB_HEADER;
  }

  /** Takes note of an event that is sent. */
  add(event: PreparedEvent): void {
    const length = event.eventEnd - event.eventStart;
    if (this.coding === 'gzip') {
      const { crc, shift } = event.crc32();
      this.#checksum = joinCrc32(this.#checksum, crc, shift);
    } else this.#checksum = joinAdler32(this.#checksum, event.adler32(), length);
    this.#length = (this.#length + length) >>> 0;
  }

  /** What the stream ends with: without it a client cannot tell the end from a broken connection. */
  trailer(): Uint8Array {
    const checksum = this.#checksum;
    const length = this.#length;
    return this.coding === 'gzip'
      ? // RFC 1952 §2.3.1: CRC32 and ISIZE, least significant octet first.
        Uint8Array.of(
          ...FINAL_BLOCK,
          ...[checksum, length].flatMap((n) => [n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, n >>> 24]),
        )
      : // RFC 1950 §2.2: ADLER32, most significant octet first.
        Uint8Array.of(
          ...FINAL_BLOCK,
          checksum >>> 24,
          (checksum >>> 16) & 0xff,
          (checksum >>> 8) & 0xff,
          checksum & 0xff,
        );
  }
}
