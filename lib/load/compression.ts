/**
 * Compressed messages (RFC 7692) for load: requests compressed beforehand, replies read frame by frame and sampled.
 *
 * Uses Node's zlib and not `../deflate`, on purpose: what is measured must not check itself. How a server compresses is
 * its own affair, so replies have no known bytes; their headers are read, and some are inflated and compared in full. With context
 * takeover a reply can only be inflated behind all before it: the first ones are kept and looked at when the run is over.
 * Read next: `event-stream.ts`.
 */

import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { answerOf, firstOctet, type MessageShape, maskedFrame, payloadOf, variantsOf } from './messages.ts';
import { type ReplyReader, WrongReply } from './replies.ts';

/** Whether messages are compressed, and whether both sides refer back to earlier ones (RFC 7692 §7.1.1). */
export type Compressed = boolean | 'takeover';

/** RFC 7692 §7.2.1: the empty stored block that a flush ends with is cut off by the sender and put back by the receiver. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const FLUSH = { finishFlush: 2 /* Z_SYNC_FLUSH */ };

/** One reply in so many is inflated and compared; the first ones all are. */
const SAMPLE_EVERY = 256;
/** With context takeover: octets of payload that a connection keeps to be looked at after the run, and how many connections do. */
const MAX_RECORD_BYTES = 131_072;
export const MAX_RECORDS = 16;

/** A message that zlib leaves this much of may come as it is: its compression is not worth it (RFC 7692 §6 leaves that to the sender). */
const NOT_WORTH_IT = 0.85;

/** RFC 7692 §7.1.2: how far back a compressor looks, at the most. */
const WINDOW_BYTES = 32_768;

/** One message as a client sends it compressed. `past`: what it may refer back to. */
export function compressedFrame(shape: MessageShape, index: number, past?: Buffer): Buffer {
  const options = past === undefined ? FLUSH : { ...FLUSH, dictionary: past };
  const flushed = deflateRawSync(payloadOf(shape, index), options);
  return maskedFrame(firstOctet(shape, true), flushed.subarray(0, flushed.length - TAIL.length), 0x12345678 + index);
}

/** Which answers of a shape may come uncompressed. */
function plainAnswers(shape: MessageShape): readonly boolean[] {
  return Array.from({ length: variantsOf(shape) }, (_, i) => {
    const answer = answerOf(shape, i);
    return deflateRawSync(answer, FLUSH).length - TAIL.length >= NOT_WORTH_IT * answer.length;
  });
}

/**
 * The requests of a connection: `prelude` frames that come once, then those that repeat. With takeover the prelude fills the window, so
 * that each of the others finds the same past each time it comes.
 */
export function compressedFrames(
  shape: MessageShape,
  compressed: Compressed,
): { readonly frames: readonly Buffer[]; readonly prelude: number } {
  const variants = variantsOf(shape);
  if (compressed !== 'takeover') {
    return { frames: Array.from({ length: variants }, (_, i) => compressedFrame(shape, i)), prelude: 0 };
  }
  const all = Buffer.concat(Array.from({ length: variants }, (_, i) => payloadOf(shape, i)));
  const prelude = variants * Math.ceil(WINDOW_BYTES / all.length);
  const frames: Buffer[] = [];
  let past: Buffer = Buffer.alloc(0);
  for (let i = 0; i < prelude + variants; i++) {
    frames.push(compressedFrame(shape, i, past.length === 0 ? undefined : past));
    const joined = Buffer.concat([past, payloadOf(shape, i)]);
    past = joined.subarray(Math.max(0, joined.length - WINDOW_BYTES));
  }
  return { frames, prelude };
}

/** What the readers of a run found: octets of payload a reply, if its replies were compressed. @throws WrongReply for a kept one */
export function compressedBytesOf(readers: readonly ReplyReader[]): { readonly compressedBytes?: number } {
  let bytes = 0;
  let count = 0;
  for (const reader of readers) {
    if (!(reader instanceof CompressedReplyReader)) continue;
    reader.checkRecord();
    bytes += reader.payloadBytes;
    count += reader.count;
  }
  return count === 0 ? {} : { compressedBytes: bytes / count };
}

/** Counts compressed replies. */
export class CompressedReplyReader implements ReplyReader {
  readonly #shape: MessageShape;
  readonly #first: number;
  /** With context takeover: replies from the first on; undefined when none are kept. */
  readonly #record: { readonly plain: boolean; readonly pieces: readonly Buffer[] }[] | undefined;
  #recordBytes = 0;
  readonly #takeover: boolean;
  /** A header that the last chunk cut off. */
  #partial: Buffer | undefined = undefined;
  /** Payload octets still to come of the frame at hand; -1 between frames. */
  #left = -1;
  /** The frame at hand is not compressed. */
  #plain = false;
  /** Made when a reply has come that is not compressed. */
  #mayBePlain: readonly boolean[] | undefined = undefined;
  /** Pieces of the payload at hand, where it is kept or compared. */
  #sample: Buffer[] | undefined = undefined;
  count = 0;
  /** Octets of payload on the wire so far: what compression left. */
  payloadBytes = 0;

  /** `takeover`: replies refer back to earlier ones; `recorded`: the first ones are kept for `checkRecord`. */
  constructor(shape: MessageShape, takeover = false, recorded = true) {
    this.#shape = shape;
    this.#first = firstOctet(shape, true);
    this.#takeover = takeover;
    this.#record = takeover && recorded ? [] : undefined;
  }

  receive(lent: Buffer, length: number): number {
    let chunk = lent;
    let end = length;
    if (this.#partial !== undefined) {
      chunk = Buffer.concat([this.#partial, lent.subarray(0, length)]);
      end = chunk.length;
      this.#partial = undefined;
    }
    let whole = 0;
    let at = 0;
    for (;;) {
      if (this.#left === -1) {
        const headerBytes = this.#readHeader(chunk, at, end);
        if (headerBytes === 0) {
          if (at < end) this.#partial = Buffer.from(chunk.subarray(at, end));
          return whole;
        }
        at += headerBytes;
      }
      const take = Math.min(this.#left, end - at);
      this.#sample?.push(Buffer.from(chunk.subarray(at, at + take)));
      at += take;
      this.#left -= take;
      if (this.#left > 0) return whole;
      this.#left = -1;
      if (this.#sample !== undefined) this.#take(this.#sample);
      this.count++;
      whole++;
    }
  }

  /** Octets of the header at `at`; 0 when it is not all there. */
  #readHeader(chunk: Buffer, at: number, end: number): number {
    if (end - at < 2) return 0;
    const first = chunk[at]!;
    this.#plain = first !== this.#first;
    if (this.#plain) this.#checkFirst(first);
    const short = chunk[at + 1]!;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (end - at < headerBytes) return 0;
    this.#left =
      short < 126 ? short : short === 126 ? chunk.readUInt16BE(at + 2) : Number(chunk.readBigUInt64BE(at + 2));
    this.payloadBytes += this.#left;
    this.#sample = this.#isLookedAt() ? [] : undefined;
    return headerBytes;
  }

  /** @throws WrongReply unless it is a message that need not be compressed */
  #checkFirst(first: number): void {
    const number = this.count + 1;
    if (first !== (this.#first & ~0x40)) {
      throw new WrongReply(
        `reply ${number} begins with octet 0x${first.toString(16)}, not 0x${this.#first.toString(16)}`,
      );
    }
    this.#mayBePlain ??= plainAnswers(this.#shape);
    if (this.#mayBePlain[this.count % this.#mayBePlain.length] !== true) {
      throw new WrongReply(`reply ${number} is not compressed`);
    }
  }

  #isLookedAt(): boolean {
    if (this.#takeover) return this.#record !== undefined && this.#recordBytes < MAX_RECORD_BYTES;
    return this.count < 2 || this.count % SAMPLE_EVERY === 0;
  }

  /** A payload that is looked at is whole. */
  #take(pieces: readonly Buffer[]): void {
    if (this.#record === undefined) {
      const content = this.#plain ? Buffer.concat(pieces) : inflated([...pieces, TAIL], this.count + 1);
      this.#check(content, this.count);
      return;
    }
    this.#record.push({ plain: this.#plain, pieces });
    for (const piece of pieces) this.#recordBytes += piece.length;
  }

  /** Inflates the replies that were kept and compares them; does nothing where none were. @throws WrongReply */
  checkRecord(): void {
    const record = this.#record ?? [];
    const compressed = record.flatMap(({ plain, pieces }) => (plain ? [] : [...pieces, TAIL]));
    const content = compressed.length === 0 ? Buffer.alloc(0) : inflated(compressed, record.length);
    const last = record.findLastIndex(({ plain }) => !plain);
    let at = 0;
    for (const [i, { plain, pieces }] of record.entries()) {
      if (plain) {
        this.#check(Buffer.concat(pieces), i);
        continue;
      }
      // What is too much shows at the last one.
      const end = i === last ? content.length : at + answerOf(this.#shape, i).length;
      this.#check(content.subarray(at, end), i);
      at = end;
    }
  }

  #check(content: Buffer, index: number): void {
    const number = index + 1;
    const expected = answerOf(this.#shape, index);
    if (content.length !== expected.length) {
      throw new WrongReply(`reply ${number} inflates to ${content.length} bytes, not ${expected.length}`);
    }
    if (!content.equals(expected)) throw new WrongReply(`reply ${number} inflates to other content than was sent`);
  }
}

/** @throws WrongReply */
function inflated(pieces: readonly Buffer[], number: number): Buffer {
  try {
    return inflateRawSync(Buffer.concat(pieces), FLUSH);
  } catch {
    throw new WrongReply(`reply ${number} does not inflate (RFC 7692 §7.2.2)`);
  }
}
