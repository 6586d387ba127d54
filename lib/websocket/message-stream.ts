/**
 * One message in parts, both ways: what is too large to be held whole (RFC 6455 §5.4, §6.1, §6.2; RFC 7692 §7.2).
 *
 * Incoming: `begin` at a message's first frame, a `part` for what each slice of a frame brings, `end` behind its last octet. Text is checked
 * as it comes, and fails at its first impossible octet. Outgoing: each part is a frame. Control frames may stand in between.
 * Memory of a message in progress: one slice, and with compression what an `InflateStream` or a `DeflateContext` holds (some 80 KiB
 * beside the slice), however long the message. Must not know whether anything may be sent: that is `protocol.ts`.
 * Sections: incoming, outgoing. Read next: `state.ts`, then `protocol.ts`.
 */

import { allocate, allocated, allocatedView } from '../bytes/allocate.ts';
import type { OutputQueue } from '../bytes/output.ts';
import { Utf8StreamDecoder, Utf8Validator } from '../bytes/utf8.ts';
import { InflateError } from '../deflate/inflate-error.ts';
import { type Control, ControlFrames } from './control-frames.ts';
import { inflateViolation, type MessageDeflate, type MessageDeflater, type MessageInflater } from './deflate.ts';
import { encodeFrame, encodeSharedFrame, encodeTextFrame, FIN, type FrameForm, utf8Of } from './encoder.ts';
import { FIRST_OCTET_RSV1, isControl, Opcode } from './frame.ts';
import type { Slice } from './frame-parser.ts';
import { copyMasked, rotateKey } from './mask.ts';
import { decompressedTooBig, invalidUtf8, orderViolation, tooBig } from './message-rules.ts';
import type { Violation } from './violation.ts';

// Incoming

/** What a slice brings of a message. */
export type MessagePart =
  | { readonly kind: 'begin'; readonly type: 'text' | 'binary' }
  /** Never empty. A string of whole characters, or octets where the message is binary or text comes as octets; the receiver's own. */
  | { readonly kind: 'part'; readonly data: string | Uint8Array }
  | { readonly kind: 'end' };

export interface MessageStreamOptions {
  /** Octets of one message, decompressed. */
  readonly maxStreamedMessageBytes: number;
  /** Text is delivered as validated UTF-8 octets. */
  readonly textAsBytes: boolean;
}

/** A message of which not every octet has arrived. */
interface IncomingMessage {
  /** Set for text. */
  readonly validator: Utf8Validator | undefined;
  /** Set for text that is delivered as strings. */
  readonly decoder: Utf8StreamDecoder | undefined;
  /** Set for a compressed message. */
  readonly inflater: MessageInflater | undefined;
  /** Octets so far: of frames, those that they announced; decompressed, those that have come. */
  bytes: number;
}

/** Turns the frames of one connection into messages in parts. */
export class MessageStreams extends ControlFrames {
  readonly #options: MessageStreamOptions;
  readonly #deflate: MessageDeflate | undefined;
  #message: IncomingMessage | undefined = undefined;
  /** The unmasked payload of the last slice, where it is not compressed, until it is handed out. */
  #payload: Uint8Array | undefined = undefined;
  /** The last slice ends its message. */
  #ends = false;
  #hasMore = false;

  constructor(options: MessageStreamOptions, deflate?: MessageDeflate) {
    super();
    this.#options = options;
    this.#deflate = deflate;
  }

  /** `more` is to be called before the next slice is cut. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** A short frame is not a whole message here. */
  get expectsShort(): false {
    return false;
  }

  /** See `expectsShort`. */
  acceptShort(): never {
    throw new Error('a short frame was not expected');
  }

  /** Lets go of what is in progress: nothing more will be accepted. */
  forget(): void {
    this.#message = undefined;
    this.#payload = undefined;
    this.#hasMore = false;
    this.forgetControl();
  }

  /** Takes the parser's current slice; answers the first thing that comes of it, and sets `hasMore` where there may be another. */
  accept(slice: Slice): MessagePart | Control | undefined {
    const { opcode, header } = slice;
    if (isControl(opcode)) return this.acceptControl(slice, opcode);
    let message = this.#message;
    if (slice.frameBegins) {
      const violation = orderViolation(opcode, message !== undefined) ?? this.#countFrame(slice, message);
      if (violation !== undefined) return { kind: 'violation', violation };
    }
    const begins = message === undefined;
    message ??= this.#begin(slice);
    this.#message = message;
    this.#unmask(slice, message);
    this.#ends = slice.frameEnds && header.fin;
    this.#hasMore = true;
    return begins ? { kind: 'begin', type: opcode === Opcode.Text ? 'text' : 'binary' } : this.more();
  }

  /** What else comes of the last slice; undefined: nothing, `accept` the next one. */
  more(): MessagePart | Control | undefined {
    const message = this.#message!;
    for (;;) {
      const part = this.#nextPart(message);
      if (part !== undefined && part.kind === 'part' && part.data.length === 0) continue;
      if (part !== undefined) return part;
      this.#hasMore = false;
      return this.#ends ? this.#end(message) : undefined;
    }
  }

  /** §10.4, on the announced length, before anything is allocated. How long compressed messages are shows when they are decompressed. */
  #countFrame(slice: Slice, message: IncomingMessage | undefined): Violation | undefined {
    const { payloadLength, rsv } = slice.header;
    if (message === undefined ? rsv !== 0 : message.inflater !== undefined) return undefined;
    const bytes = (message?.bytes ?? 0) + payloadLength;
    if (message !== undefined) message.bytes = bytes;
    const { maxStreamedMessageBytes } = this.#options;
    return bytes > maxStreamedMessageBytes ? tooBig(bytes, maxStreamedMessageBytes) : undefined;
  }

  #begin({ opcode, header }: Slice): IncomingMessage {
    const isText = opcode === Opcode.Text;
    return {
      validator: isText ? new Utf8Validator() : undefined,
      decoder: isText && !this.#options.textAsBytes ? new Utf8StreamDecoder() : undefined,
      inflater: header.rsv === 0 ? undefined : this.#deflate!.beginIncoming(),
      bytes: header.rsv === 0 ? header.payloadLength : 0,
    };
  }

  /** Takes the slice's payload over: others may use the parser's slice before it is handed out. */
  #unmask(slice: Slice, message: IncomingMessage): void {
    const { view, start, end, header } = slice;
    const length = end - start;
    const key = rotateKey(header.maskingKey, slice.payloadOffset);
    this.#payload = undefined;
    if (length === 0) return;
    if (message.inflater !== undefined) {
      const { memory, start: at } = message.inflater.stream.reserve(length);
      copyMasked(view, start, end, allocatedView(memory, memory.length), allocated.offset + at, key);
      return;
    }
    this.#payload = allocate(length);
    copyMasked(view, start, end, allocatedView(this.#payload, length), allocated.offset, key);
  }

  #nextPart(message: IncomingMessage): MessagePart | Control | undefined {
    const { inflater } = message;
    if (inflater === undefined) {
      const payload = this.#payload;
      this.#payload = undefined;
      return payload === undefined ? undefined : this.#partOf(message, payload, payload.length, true);
    }
    try {
      const inflated = inflater.read(this.#ends);
      if (inflated === undefined) return undefined;
      const { bytes, length } = inflated;
      const { maxStreamedMessageBytes } = this.#options;
      message.bytes += length;
      if (message.bytes <= maxStreamedMessageBytes) return this.#partOf(message, bytes, length, false);
      return { kind: 'violation', violation: decompressedTooBig(maxStreamedMessageBytes) };
    } catch (error) {
      if (!(error instanceof InflateError)) throw error;
      return { kind: 'violation', violation: inflateViolation(error, inflater.hasPast) };
    }
  }

  /** The first `length` of `bytes` as they are delivered; copied where they are not ours. */
  #partOf(message: IncomingMessage, bytes: Uint8Array, length: number, isOwn: boolean): MessagePart | Control {
    // §8.1, and stricter than it asks: invalid text fails at its first impossible octet, not at the end of the message.
    if (message.validator?.push(bytes, 0, length) === false) return invalidUtf8();
    if (message.decoder !== undefined) return { kind: 'part', data: message.decoder.decode(bytes, 0, length) };
    if (isOwn) return { kind: 'part', data: bytes };
    const data = allocate(length);
    data.set(bytes.subarray(0, length));
    return { kind: 'part', data };
  }

  #end(message: IncomingMessage): MessagePart | Control {
    if (message.validator?.end() === false) return invalidUtf8(); // §8.1: a character cut off by the end of the message
    message.inflater?.end();
    this.#message = undefined;
    return { kind: 'end' };
  }
}

// Outgoing

/** RFC 7692 §7.2.3.6: what stands in for the end of a compressed message whose last part has gone out already with 00 00 FF FF. */
const EMPTY_BLOCK = Uint8Array.of(0x00);
const NO_BYTES = new Uint8Array(0);

/** A message that is being sent, a frame for each part. */
export class OutgoingMessage {
  readonly #output: OutputQueue;
  readonly #form: FrameForm;
  readonly #isText: boolean;
  /** Of the frame that comes next: the message's opcode and RSV1, then 0 (§5.4; RFC 7692 §6.1). */
  #first: number;
  /** Set where the message is compressed. */
  readonly #deflater: MessageDeflater | undefined;
  /** The first half of a character that a string ended within. */
  #half = '';

  /** `compress` undefined: wherever compression was agreed, since how long the message will be is not known. */
  constructor(output: OutputQueue, form: FrameForm, type: 'text' | 'binary', compress: boolean | undefined) {
    this.#output = output;
    this.#form = form;
    this.#deflater = compress === false ? undefined : form.deflate?.beginOutgoing();
    this.#isText = type === 'text';
    this.#first =
      (type === 'text' ? Opcode.Text : Opcode.Binary) | (this.#deflater === undefined ? 0 : FIRST_OCTET_RSV1);
  }

  /**
   * Sends a part; of nothing, nothing. Octets of text are taken to be UTF-8; above 16 KiB a server keeps them until they are written.
   * @throws TypeError for a string in a binary message
   */
  part(data: string | Uint8Array): void {
    if (typeof data !== 'string') {
      this.#endString();
      if (data.length > 0) this.#send(data);
      return;
    }
    if (!this.#isText) throw new TypeError('a part of a binary message is a Uint8Array');
    const text = this.#half + data;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last < 0xdc00 ? text.length - 1 : text.length;
    this.#half = text.slice(cut);
    if (cut > 0) this.#send(text.slice(0, cut));
  }

  /** Ends the message with a last frame that carries nothing of it. */
  end(): void {
    this.#endString();
    const carries = this.#deflater !== undefined && this.#first === Opcode.Continuation ? EMPTY_BLOCK : NO_BYTES;
    encodeFrame(this.#output, this.#form, FIN | (this.#first & 0xf), carries);
  }

  /** As everywhere, half of a character alone is sent as U+FFFD. */
  #endString(): void {
    if (this.#half === '') return;
    this.#half = '';
    this.#send('\ufffd');
  }

  #send(data: string | Uint8Array): void {
    const deflater = this.#deflater;
    if (deflater !== undefined) {
      const payload = deflater.compress(typeof data === 'string' ? utf8Of(data) : data);
      encodeSharedFrame(this.#output, this.#form, this.#first, payload.bytes, payload.view, payload.length);
    } else if (typeof data === 'string') encodeTextFrame(this.#output, this.#form, this.#first, data);
    else encodeFrame(this.#output, this.#form, this.#first, data);
    this.#first = Opcode.Continuation;
  }
}
