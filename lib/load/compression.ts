/**
 * Compressed messages (RFC 7692) for load: requests compressed beforehand, replies read frame by frame and sampled.
 *
 * Uses Node's zlib and not `../deflate`, on purpose: what is measured must not check itself. How a server compresses is
 * its own affair, so replies have no known bytes; their headers are read, and some are inflated and compared in full.
 * Read next: `event-stream.ts`.
 */

import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { RequestSource } from './echo.ts';
import { firstOctet, type MessageShape, maskedFrame, payloadOf, variantsOf } from './messages.ts';
import { type ReplyReader, WrongReply } from './replies.ts';

/** RFC 7692 §7.2.1: the empty stored block that a flush ends with is cut off by the sender and put back by the receiver. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** One reply in so many is inflated and compared; the first ones all are. */
const SAMPLE_EVERY = 64;

/** One message as a client sends it compressed. */
export function compressedFrame(shape: MessageShape, index: number): Buffer {
  const flushed = deflateRawSync(payloadOf(shape, index), { finishFlush: 2 /* Z_SYNC_FLUSH */ });
  return maskedFrame(firstOctet(shape, true), flushed.subarray(0, flushed.length - TAIL.length), 0x12345678 + index);
}

/** The compressed counterpart of `FrameSource`; frames differ in length. */
export function compressedRequestCycle(shape: MessageShape, inFlight: number): RequestSource {
  const variants = variantsOf(shape);
  const once = Array.from({ length: variants }, (_, i) => compressedFrame(shape, i));
  const frames = Array.from({ length: variants + inFlight }, (_, i) => once[i % variants]!);
  const starts = [0];
  for (const frame of frames) starts.push(starts[starts.length - 1]! + frame.length);
  const bytes = Buffer.concat(frames);
  return {
    take: (index, count) => bytes.subarray(starts[index % variants], starts[(index % variants) + count]),
  };
}

/** What the readers of a run found: octets of payload a reply, if its replies were compressed. */
export function compressedBytesOf(readers: readonly ReplyReader[]): { readonly compressedBytes?: number } {
  let bytes = 0;
  let count = 0;
  for (const reader of readers) {
    if (!(reader instanceof CompressedReplyReader)) continue;
    bytes += reader.payloadBytes;
    count += reader.count;
  }
  return count === 0 ? {} : { compressedBytes: bytes / count };
}

/** Counts compressed replies. */
export class CompressedReplyReader implements ReplyReader {
  readonly #shape: MessageShape;
  readonly #first: number;
  /** A header that the last chunk cut off. */
  #partial: Buffer = Buffer.alloc(0);
  /** Payload octets still to come of the frame at hand; -1 between frames. */
  #left = -1;
  /** Pieces of the payload at hand, where it is one that is compared. */
  #sample: Buffer[] | undefined = undefined;
  count = 0;
  /** Octets of payload on the wire so far: what compression left. */
  payloadBytes = 0;

  constructor(shape: MessageShape) {
    this.#shape = shape;
    this.#first = firstOctet(shape, true);
  }

  receive(lent: Buffer, length: number): number {
    let chunk = lent.subarray(0, length);
    if (this.#partial.length > 0) {
      chunk = Buffer.concat([this.#partial, chunk]);
      this.#partial = Buffer.alloc(0);
    }
    let whole = 0;
    let at = 0;
    for (;;) {
      if (this.#left === -1) {
        const headerBytes = this.#readHeader(chunk, at);
        if (headerBytes === 0) {
          this.#partial = Buffer.from(chunk.subarray(at));
          return whole;
        }
        at += headerBytes;
      }
      const take = Math.min(this.#left, chunk.length - at);
      this.#sample?.push(Buffer.from(chunk.subarray(at, at + take)));
      at += take;
      this.#left -= take;
      if (this.#left > 0) return whole;
      this.#left = -1;
      this.#check();
      this.count++;
      whole++;
    }
  }

  /** Octets of the header at `at`; 0 when it is not all there. */
  #readHeader(chunk: Buffer, at: number): number {
    if (chunk.length - at < 2) return 0;
    const first = chunk[at]!;
    if (first !== this.#first) {
      const number = this.count + 1;
      if (first === (this.#first & ~0x40)) throw new WrongReply(`reply ${number} is not compressed`);
      throw new WrongReply(
        `reply ${number} begins with octet 0x${first.toString(16)}, not 0x${this.#first.toString(16)}`,
      );
    }
    const short = chunk[at + 1]!;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (chunk.length - at < headerBytes) return 0;
    this.#left =
      short < 126 ? short : short === 126 ? chunk.readUInt16BE(at + 2) : Number(chunk.readBigUInt64BE(at + 2));
    this.payloadBytes += this.#left;
    this.#sample = this.count < 2 || this.count % SAMPLE_EVERY === 0 ? [] : undefined;
    return headerBytes;
  }

  #check(): void {
    if (this.#sample === undefined) return;
    const number = this.count + 1;
    let content: Buffer;
    try {
      content = inflateRawSync(Buffer.concat([...this.#sample, TAIL]), { finishFlush: 2 });
    } catch {
      throw new WrongReply(`reply ${number} does not inflate (RFC 7692 §7.2.2)`);
    }
    const expected = payloadOf(this.#shape, this.count);
    if (content.length !== expected.length) {
      throw new WrongReply(`reply ${number} inflates to ${content.length} bytes, not ${expected.length}`);
    }
    if (!content.equals(expected)) throw new WrongReply(`reply ${number} inflates to other content than was sent`);
  }
}
