/**
 * Decompresses raw DEFLATE data (RFC 1951) that comes in pieces, into pieces of bounded size.
 *
 * Give it a piece (`reserve`, fill what that answers, or `push`), then `read` until it answers undefined; at the end `finish`, and `read` again.
 * Everything that can be decoded from what has come is handed out at once, cut anywhere. The decoder is that of `inflate.ts`, which is
 * shared by all: between two steps this holds what it needs to go on.
 * Memory: the piece that is being read (and at most 570 octets of the one before), the sliding window, 13 KiB of tables behind a
 * dynamic block. Knows no messages or frames. Read next: `inflate.ts`, then `../websocket/message-stream.ts`.
 */

import { allocate } from '../bytes/allocate.ts';
import { DEFLATE_LIMITS } from '../limits.ts';
import { BETWEEN_BLOCKS, block, codes, DYNAMIC_BLOCK, reader, unloadBits } from './block-reader.ts';
import { CODE_LENGTHS_AT, DECODE_TABLES, LITERALS_AT } from './huffman-table.ts';
import { inflated, inflateStep } from './inflate.ts';
import type { SlidingWindow } from './window.ts';

/** One piece of plaintext: the first `length` bytes of `bytes`, to be read before the next call of the codec, in whose memory they lie. */
export interface InflatedPart {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** All of them are known to be ASCII. */
  readonly isAscii: boolean;
}

/** The octets that the sender of a message left out (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);
const NO_BYTES = new Uint8Array(0);

/** One stream of compressed data, its end unknown until `finish`. */
export class InflateStream {
  readonly #window: SlidingWindow;
  /** What has come and is not decoded: from `#at` on. */
  #source: Uint8Array = NO_BYTES;
  #at = 0;
  /** Up to 7 bits of the octet in front of `#at`. */
  #bits = 0;
  #bitCount = 0;
  /** See `block`. */
  #kind = BETWEEN_BLOCKS;
  #isFinal = false;
  #storedLeft = 0;
  /** The tables of the dynamic block under way, and their index bits. */
  #tables: Int32Array | undefined = undefined;
  #literalBits = 0;
  #distanceBits = 0;
  /** Octets of all pieces, for errors. */
  #inputLength = 0;
  #isOpen = true;
  /** There may be more to read without another piece. */
  #isReady = false;

  /** `window` holds the past, and goes on with what is read here. */
  constructor(window: SlidingWindow) {
    this.#window = window;
  }

  /** Memory for the next piece: its `size` octets begin at `start` of `memory`, and are to be written before `read`. */
  reserve(size: number): { readonly memory: Uint8Array; readonly start: number } {
    const rest = this.#source.length - this.#at;
    const memory = allocate(rest + size);
    memory.set(this.#source.subarray(this.#at));
    this.#source = memory;
    this.#at = 0;
    this.#inputLength += size;
    this.#isReady = true;
    return { memory, start: rest };
  }

  /** Copies the next piece. */
  push(piece: Uint8Array): void {
    const { memory, start } = this.reserve(piece.length);
    memory.set(piece, start);
  }

  /** No piece will follow: the data ends as RFC 7692 §7.2.1 wants it, on a block boundary without 00 00 FF FF. */
  finish(): void {
    this.push(TAIL);
    this.#isOpen = false;
  }

  /** Decodes on. Undefined: another piece is needed, or all has been read. @throws InflateError for data that RFC 1951 forbids */
  read(): InflatedPart | undefined {
    if (!this.#isReady) return undefined;
    this.#restore();
    const past = this.#window.dictionary;
    let bytes: Uint8Array;
    try {
      bytes = inflateStep(past);
      this.#keep();
    } finally {
      reader.isOpen = false;
      reader.source = NO_BYTES;
    }
    const { length, isAscii } = inflated;
    this.#isReady = length >= DEFLATE_LIMITS.sharedOutputBytes;
    if (length === 0) return undefined;
    this.#window.update(bytes.subarray(0, length));
    return { bytes, length, isAscii };
  }

  #restore(): void {
    reader.source = this.#source;
    reader.sourceAt = this.#at;
    reader.inputLength = this.#inputLength;
    reader.tailDue = false;
    reader.position = 0;
    reader.end = 0;
    reader.bits = this.#bits;
    reader.bitCount = this.#bitCount;
    reader.isOpen = this.#isOpen;
    block.kind = this.#kind;
    block.isFinal = this.#isFinal;
    block.storedLeft = this.#storedLeft;
    if (this.#kind !== DYNAMIC_BLOCK || this.#tables === undefined) return;
    DECODE_TABLES.set(this.#tables, LITERALS_AT);
    codes.literalBits = this.#literalBits;
    codes.distanceBits = this.#distanceBits;
  }

  #keep(): void {
    unloadBits();
    this.#at = reader.sourceAt - (reader.end - reader.position);
    this.#bits = reader.bits;
    this.#bitCount = reader.bitCount;
    this.#kind = block.kind;
    this.#isFinal = block.isFinal;
    this.#storedLeft = block.storedLeft;
    if (this.#kind !== DYNAMIC_BLOCK) return;
    this.#tables ??= new Int32Array(CODE_LENGTHS_AT - LITERALS_AT);
    this.#tables.set(DECODE_TABLES.subarray(LITERALS_AT, CODE_LENGTHS_AT));
    this.#literalBits = codes.literalBits;
    this.#distanceBits = codes.distanceBits;
  }
}
