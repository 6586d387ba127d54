/**
 * Frames to whole messages: the second of two stages (RFC 6455 §5.4-5.6, §8.1).
 *
 * Takes the slices that `frame-parser.ts` cuts, unmasks them into memory of its own, and answers what the application
 * sees: whole text and binary messages, pings, pongs and closes. Messages that are lent are unmasked in the chunk instead. Enforces what depends on more than one frame:
 * fragment order, the size and the frame count of a message, UTF-8 across fragments. A compressed message (RFC 7692) is
 * collected as it comes, and decompressed and checked once it is whole.
 * Memory: 64 KiB for the process, in which short text is decoded. Of a connection none while no message is in progress; else at most sixteen times what the peer has really sent (64 KiB at the least,
 * where that much was announced; of what is lent a quarter more). A length that is merely announced costs nothing.
 * Read next: `state.ts`, then `protocol.ts`.
 */

import { allocate, allocated, allocatedView, type BytesClass } from '../bytes/allocate.ts';
import { lend, lendable } from '../bytes/lent-memory.ts';
import { decodeAscii, decodeUtf8, isValidUtf8, Utf8Validator } from '../bytes/utf8.ts';
import {
  DECOMPRESS_SPARE_BYTES,
  ownBytes,
  PAYLOAD_MAX_BYTES,
  payloadMemory,
  payloadView,
  textOf,
} from '../deflate/engine.ts';
import { type Control, ControlFrames } from './control-frames.ts';
import type { MessageDeflate } from './deflate.ts';
import { isControl, MAX_HEADER_BYTES, MAX_SHORT_PAYLOAD_BYTES, Opcode } from './frame.ts';
import { memoryOf, type Slice } from './frame-parser.ts';
import { copyMasked, copyMaskedText, rotateKey } from './mask.ts';
import { invalidUtf8, orderViolation, tooBig } from './message-rules.ts';
import type { Violation } from './violation.ts';

export interface AssemblerOptions {
  readonly maxMessageBytes: number;
  readonly maxFramesPerMessage: number;
  /** Text is delivered as validated UTF-8 bytes. */
  readonly textAsBytes: boolean;
  /** Such a message may lie in the chunk itself, unmasked there: see `LENT_MAX_BYTES`. Of text, only where `textAsBytes` is set. */
  readonly lendsBinary: boolean;
  readonly lendsText: boolean;
  /** As `ProtocolOptions` has it. */
  readonly bytesClass?: BytesClass | undefined;
}

/**
 * Where messages are lent, one of at most this length that lies whole in a chunk lies there. A longer one is put together in memory that is
 * lent, since `send` of more than this takes the memory itself instead of a copy: see `../bytes/lent-memory.ts`.
 */
export const LENT_MAX_BYTES = 16_384;

/** What a slice completed. `text` carries bytes only where `textAsBytes` asks for them. */
export type Assembled =
  | { readonly kind: 'text'; readonly data: string | Uint8Array }
  | { readonly kind: 'binary'; readonly data: Uint8Array }
  | Control;

/** A message of which not every octet has arrived. */
interface MessageInProgress {
  readonly opcode: number;
  /** RSV1 of its first frame (RFC 7692 §6). */
  readonly compressed: boolean;
  /** Its memory may be lent. */
  readonly lends: boolean;
  /** Only for text that is checked as it arrives; compressed text cannot be. */
  readonly validator: Utf8Validator | undefined;
  frames: number;
  /** Memory for the octets, `bytes[0]` at byte `offset` of `view`; the first `length` are there. */
  bytes: Uint8Array;
  view: DataView;
  offset: number;
  length: number;
  /** The length that the frames seen so far add up to, including octets still to come. */
  announced: number;
}

/** Where a text that lies whole in a chunk is unmasked and decoded: used again, never kept across calls. Longer ones have memory of their own. */
const SCRATCH_BYTES = 65_536;
const scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
const scratchView: DataView = new DataView(scratch.buffer);

/** Memory for an announced length is at least this … */
const FIRST_ALLOCATION_BYTES = 65_536;

/**
 * … and this many times what has come of it, so that one full read is enough for 1 MiB at once: without copies to larger
 * memory, and the page faults there, 1.25 times as many echoes of 1 MiB as with fourfold growth.
 */
const ANNOUNCED_GROWTH = 16;

/** Memory for a message whose length is not known yet grows by this. */
const UNKNOWN_GROWTH = 4;

/** Memory for a message of unknown length starts here. */
const FIRST_FRAGMENT_BYTES = 256;

/** Turns the frames of one connection into whole messages. */
export class MessageAssembler extends ControlFrames {
  readonly #options: AssemblerOptions;
  /** Present where permessage-deflate was agreed; without it the parser lets no compressed frame through. */
  readonly #deflate: MessageDeflate | undefined;
  /** Set from the first slice of a message that is not whole in one slice, until its last. */
  #message: MessageInProgress | undefined = undefined;

  constructor(options: AssemblerOptions, deflate?: MessageDeflate) {
    super();
    this.#options = options;
    this.#deflate = deflate;
  }

  /** A whole message never comes to more than one value. */
  get hasMore(): boolean {
    return false;
  }

  /** See `hasMore`. */
  more(): undefined {
    return undefined;
  }

  /** Whether the next frame may be what `FrameParser.nextShort` reads: nothing but its own rules applies to it then. */
  get expectsShort(): boolean {
    return this.#message === undefined && this.#options.maxMessageBytes >= MAX_SHORT_PAYLOAD_BYTES;
  }

  /** Lets go of what is in progress: nothing more will be accepted. */
  forget(): void {
    this.#message = undefined;
    this.forgetControl();
  }

  /** Takes what `nextShort` has read. */
  acceptShort(slice: Slice): Assembled {
    return slice.opcode === Opcode.Binary ? this.wholeBinary(slice) : this.wholeText(slice);
  }

  /** Takes the parser's current slice; answers what it completes, if anything. */
  accept(slice: Slice): Assembled | undefined {
    const { opcode } = slice;
    if (isControl(opcode)) return this.acceptControl(slice, opcode);

    if (slice.frameBegins) {
      const violation = this.checkFrame(slice, opcode);
      if (violation !== undefined) return { kind: 'violation', violation };
      // The common case: an unfragmented message that lies whole in the chunk.
      if (slice.frameEnds && slice.header.fin && opcode !== Opcode.Continuation)
        return slice.header.rsv === 0 ? this.acceptShort(slice) : this.wholeCompressed(slice, opcode);
    }
    return this.append(slice, opcode);
  }

  /** The rules about a data frame among its neighbours, before any of its payload is looked at. */
  private checkFrame(slice: Slice, opcode: number): Violation | undefined {
    const message = this.#message;
    const outOfOrder = orderViolation(opcode, message !== undefined);
    if (outOfOrder !== undefined) return outOfOrder;
    const { maxMessageBytes } = this.#options;
    const total = (message === undefined ? 0 : message.announced) + slice.header.payloadLength;
    if (total > maxMessageBytes) {
      const compressed = message === undefined ? slice.header.rsv !== 0 : message.compressed;
      if (compressed && total <= maxCompressedBytes(maxMessageBytes)) return this.checkCount(message);
      return tooBig(total, maxMessageBytes); // §10.4, checked on the announced length, before any allocation
    }
    return this.checkCount(message);
  }

  private checkCount(message: MessageInProgress | undefined): Violation | undefined {
    const { maxFramesPerMessage } = this.#options;
    if (message !== undefined && message.frames >= maxFramesPerMessage) {
      return {
        code: 'WS_TOO_MANY_FRAMES',
        closeCode: 1008, // Choice: a policy (§7.4.1), as ws has it, since not the size is at fault.
        detail: `message has more than ${maxFramesPerMessage} frames`,
        section: 'RFC 6455 §10.4',
      };
    }
    return undefined;
  }

  /** A message that needs no memory between calls. */
  private wholeBinary(slice: Slice): Assembled {
    const { view, maskingKey, start, end } = slice;
    const length = end - start;
    if (this.#options.lendsBinary) return lentBinary(view, start, end, maskingKey);
    const data = allocate(length, this.#options.bytesClass);
    copyMasked(view, start, end, allocatedView(data, length), allocated.offset, maskingKey);
    return { kind: 'binary', data };
  }

  private wholeText(slice: Slice): Assembled {
    const { view, maskingKey, start, end } = slice;
    const length = end - start;
    if (this.#options.textAsBytes) {
      if (this.#options.lendsText) return lentText(view, start, end, maskingKey);
      const data = allocate(length, this.#options.bytesClass);
      const ascii = copyMaskedText(view, start, end, allocatedView(data, length), allocated.offset, maskingKey);
      if (!ascii && !isValidUtf8(data, 0, length)) return invalidUtf8();
      return { kind: 'text', data };
    }
    const fits = length <= SCRATCH_BYTES;
    const bytes = fits ? scratch : allocate(length);
    const target = fits ? scratchView : allocatedView(bytes, length);
    const at = fits ? 0 : allocated.offset;
    let data: string;
    if (copyMaskedText(view, start, end, target, at, maskingKey)) data = decodeAscii(bytes, 0, length);
    else if (isValidUtf8(bytes, 0, length)) data = decodeUtf8(bytes, 0, length);
    else return invalidUtf8(); // §8.1
    return { kind: 'text', data };
  }

  /** The same for a compressed one: it is unmasked where the decompressor reads it. */
  private wholeCompressed(slice: Slice, opcode: number): Assembled {
    const { view, header, start, end } = slice;
    const length = end - start;
    const fits = length <= PAYLOAD_MAX_BYTES;
    const bytes = fits ? payloadMemory : allocate(length + DECOMPRESS_SPARE_BYTES);
    const target = fits ? payloadView : allocatedView(bytes, length + DECOMPRESS_SPARE_BYTES);
    copyMasked(view, start, end, target, fits ? 0 : allocated.offset, header.maskingKey);
    return this.decompress(bytes, length, opcode);
  }

  /** `bytes[0..length)` is the payload of a whole compressed message, with room behind it. */
  private decompress(bytes: Uint8Array, length: number, opcode: number): Assembled {
    const { maxMessageBytes, textAsBytes } = this.#options;
    const plain = this.#deflate!.decompress(bytes, length, maxMessageBytes);
    if ('closeCode' in plain) return { kind: 'violation', violation: plain };
    if (opcode === Opcode.Binary) return { kind: 'binary', data: ownBytes(plain) };
    // RFC 7692 §6.2: what RFC 6455 §8.1 says of text holds for what comes out.
    if (!textAsBytes) {
      const text = textOf(plain);
      if (text === undefined) return invalidUtf8();
      return { kind: 'text', data: text };
    }
    if (!plain.isAscii && !isValidUtf8(plain.bytes, 0, plain.length)) return invalidUtf8();
    return { kind: 'text', data: ownBytes(plain) };
  }

  /** A slice of a message that spans frames or chunks. */
  private append(slice: Slice, opcode: number): Assembled | undefined {
    const { header } = slice;
    let message = this.#message;
    if (message === undefined) {
      const compressed = header.rsv !== 0;
      message = {
        opcode,
        compressed,
        lends: !compressed && (opcode === Opcode.Binary ? this.#options.lendsBinary : this.#options.lendsText),
        validator: opcode === Opcode.Text && !compressed ? new Utf8Validator() : undefined,
        frames: 0,
        bytes: NO_BYTES,
        view: NO_VIEW,
        offset: 0,
        length: 0,
        announced: 0,
      };
      this.#message = message;
    }
    if (slice.frameBegins) {
      message.frames++;
      message.announced += header.payloadLength;
    }

    const at = message.length;
    const end = at + slice.end - slice.start;
    const needed = message.compressed ? end + DECOMPRESS_SPARE_BYTES : end;
    if (needed > message.bytes.length) grow(message, needed, header.fin);
    copyMasked(
      slice.view,
      slice.start,
      slice.end,
      message.view,
      message.offset + at,
      rotateKey(header.maskingKey, slice.payloadOffset),
    );
    message.length = end;

    // §8.1, and stricter than it asks: invalid text fails at its first impossible octet, not at the end of the message.
    if (message.validator !== undefined && !message.validator.push(message.bytes, at, end)) return invalidUtf8();
    if (!slice.frameEnds || !header.fin) return undefined;

    this.#message = undefined;
    if (message.compressed) return this.decompress(message.bytes, end, message.opcode);
    if (message.validator !== undefined) {
      if (!message.validator.end()) return invalidUtf8(); // §8.1: a character cut off by the end of the message
      if (!this.#options.textAsBytes) return { kind: 'text', data: decodeUtf8(message.bytes, 0, end) };
    }
    const data = handOut(message, end);
    return message.opcode === Opcode.Text ? { kind: 'text', data } : { kind: 'binary', data };
  }
}

/** A message where it lies in the chunk, unmasked there, or a longer one in memory that is lent. */
function lentBinary(view: DataView, start: number, end: number, maskingKey: number): Assembled {
  const length = end - start;
  if (length > LENT_MAX_BYTES) {
    const piece = lendable(length);
    copyMasked(view, start, end, new DataView(piece.buffer), 0, maskingKey);
    return { kind: 'binary', data: lend(piece, length) };
  }
  if (maskingKey !== 0) copyMasked(view, start, end, view, start, maskingKey);
  return { kind: 'binary', data: new Uint8Array(memoryOf(view), start, length) };
}

/** The same for a text. */
function lentText(view: DataView, start: number, end: number, maskingKey: number): Assembled {
  const length = end - start;
  if (length > LENT_MAX_BYTES) {
    const piece = lendable(length);
    const ascii = copyMaskedText(view, start, end, new DataView(piece.buffer), 0, maskingKey);
    return ascii || isValidUtf8(piece, 0, length) ? { kind: 'text', data: lend(piece, length) } : invalidUtf8();
  }
  const ascii = copyMaskedText(view, start, end, view, start, maskingKey);
  const data = new Uint8Array(memoryOf(view), start, length);
  if (!ascii && !isValidUtf8(data, 0, data.length)) return invalidUtf8();
  return { kind: 'text', data };
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** The first `end` bytes of a message that is whole. What is not lent pins its memory for as long as it is kept: no spare room goes along. */
function handOut(message: MessageInProgress, end: number): Uint8Array {
  const { bytes, lends } = message;
  if (lends && bytes.length > LENT_MAX_BYTES) return lend(bytes, end);
  return bytes.length === end ? bytes : bytes.slice(0, end);
}

/**
 * Makes room for `needed` bytes. The last frame says how long the message will be, so its allocation can be exact;
 * before that the end is unknown, and growth by a factor keeps a million one-octet fragments linear.
 */
function grow(message: MessageInProgress, needed: number, isLastFrame: boolean): void {
  const whole = message.compressed ? message.announced + DECOMPRESS_SPARE_BYTES : message.announced;
  const size = isLastFrame
    ? Math.min(whole, Math.max(FIRST_ALLOCATION_BYTES, (MAX_HEADER_BYTES + needed) * ANNOUNCED_GROWTH))
    : Math.max(needed * UNKNOWN_GROWTH, FIRST_FRAGMENT_BYTES);
  const isLent = message.lends && size > LENT_MAX_BYTES;
  const bytes = isLent ? lendable(size) : allocate(size);
  message.view = isLent ? new DataView(bytes.buffer) : allocatedView(bytes, size);
  message.offset = isLent ? 0 : allocated.offset;
  bytes.set(message.bytes.subarray(0, message.length));
  message.bytes = bytes;
}

/**
 * What a compressed message of `maxMessageBytes` may come to on the wire: what cannot be compressed grows by its block
 * headers, 5 octets for each 64 KiB in a stored block, and a few times that from compressors with small buffers.
 */
function maxCompressedBytes(maxMessageBytes: number): number {
  return maxMessageBytes + Math.ceil(maxMessageBytes / 1_024) + 64;
}
