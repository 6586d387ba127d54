/**
 * Messages and control frames to octets: everything that goes from this endpoint to the peer (RFC 6455 §5.2, §5.3, §6.1).
 *
 * Text, octets or a prepared message in; whole frames at the end of an `OutputQueue` out: contiguous where the payload is
 * short, the caller's own memory by reference where it is long and need not be masked. Compresses where that was agreed
 * (RFC 7692 §7.2.1). Must not know whether anything may be sent now: that is `protocol.ts`, which owns one of these.
 * Remembered from call to call: 48 KiB of memory for text. Read next: `protocol.ts`.
 */

import { sendable } from '../bytes/lent-memory.ts';
import type { OutputQueue } from '../bytes/output.ts';
import { encodeUtf8Into, utf8ByteLength } from '../bytes/utf8.ts';
import type { MessageDeflate } from './deflate.ts';
import {
  FIRST_OCTET_RSV1,
  frameHeaderSize,
  MAX_HEADER_BYTES,
  MAX_SHORT_PAYLOAD_BYTES,
  Opcode,
  writeFrameHeader,
} from './frame.ts';
import { copyMasked, newMaskingKey } from './mask.ts';
import type { PreparedMessage } from './prepared-message.ts';

/** Payloads up to this size are copied behind their header, larger ones go by reference. */
const COPY_MAX_BYTES = 16_384;

/** Text up to this many UTF-16 units (at most 3 octets each) is encoded through memory that is used again, longer text on its own. */
const INLINE_TEXT_MAX_UNITS = 16_384;

/**
 * Text beyond this is encoded into `sharedText` first, and its octets copied: room for three octets a unit would take a new block each
 * time (16 KiB want 48), and to count them first costs 3.9 µs for 16 KiB beyond ASCII, the copy 0.2.
 */
const IN_PLACE_MAX_UNITS = 1_024;

/** Below this `copyMasked` copies in less time than it takes to make the typed array that `set` wants (50 ns). */
const COPY_BY_WORDS_MAX_BYTES = 448;

/** FIN in the first octet of a header: the last frame of its message. */
export const FIN = 0x80;

/** Text on its way to the compressor or the output; made when first needed, one for the process, used within one call. */
let sharedText: Buffer | undefined;

/** A text's octets: of at most `INLINE_TEXT_MAX_UNITS` in memory that is used again, of more in memory of their own. */
export function utf8Of(text: string): Uint8Array {
  if (text.length > INLINE_TEXT_MAX_UNITS) {
    const bytes = Buffer.allocUnsafeSlow(utf8ByteLength(text));
    encodeUtf8Into(text, bytes, 0);
    return bytes;
  }
  sharedText ??= Buffer.allocUnsafeSlow(INLINE_TEXT_MAX_UNITS * 3);
  return new Uint8Array(sharedText.buffer, sharedText.byteOffset, encodeUtf8Into(text, sharedText, 0));
}

/** `bytes`, or a copy of them where `encodeFrame` would keep them, since they lie in memory that is used again. */
function ownIfKept(bytes: Uint8Array): Uint8Array {
  return bytes.length > COPY_MAX_BYTES ? new Uint8Array(bytes) : bytes;
}

/** In which form a connection's frames go out. Those without compression share one object for each role. */
export interface FrameForm {
  /** §5.1: a client masks every frame, a server none. */
  readonly masks: boolean;
  /** Present where permessage-deflate was agreed. */
  readonly deflate: MessageDeflate | undefined;
}

const PLAIN_FROM_CLIENT: FrameForm = { masks: true, deflate: undefined };
const PLAIN_FROM_SERVER: FrameForm = { masks: false, deflate: undefined };

/** The form of what an endpoint sends. */
export function frameForm(role: 'client' | 'server', deflate: MessageDeflate | undefined): FrameForm {
  if (deflate !== undefined) return { masks: role === 'client', deflate };
  return role === 'client' ? PLAIN_FROM_CLIENT : PLAIN_FROM_SERVER;
}

/** Encodes a text message; octets are taken to be UTF-8. `compress` overrules the threshold where compression was agreed. */
export function encodeText(
  output: OutputQueue,
  form: FrameForm,
  text: string | Uint8Array,
  compress: boolean | undefined,
): void {
  if (form.deflate !== undefined && encodeCompressed(output, form, form.deflate, Opcode.Text, text, compress)) return;
  if (typeof text === 'string') encodeTextFrame(output, form, FIN | Opcode.Text, text);
  else encodeFrame(output, form, FIN | Opcode.Text, text);
}

/** Encodes one frame around a text. `first` is the header's first octet. */
export function encodeTextFrame(output: OutputQueue, form: FrameForm, first: number, text: string): void {
  if (text.length > INLINE_TEXT_MAX_UNITS) encodeFrame(output, form, first, utf8Of(text));
  else if (text.length > IN_PLACE_MAX_UNITS) encodeFrame(output, form, first, ownIfKept(utf8Of(text)));
  else encodeShortText(output, form, first, text);
}

/** Encodes a binary message: above 16 KiB a server by reference. `compress` as in `encodeText`. */
export function encodeBinary(
  output: OutputQueue,
  form: FrameForm,
  payload: Uint8Array,
  compress: boolean | undefined,
): void {
  if (form.deflate !== undefined && encodeCompressed(output, form, form.deflate, Opcode.Binary, payload, compress))
    return;
  encodeFrame(output, form, FIN | Opcode.Binary, payload);
}

/** Appends a message that was encoded once for many. A client, whose frames differ by their keys, encodes it anew. */
export function encodePrepared(
  output: OutputQueue,
  form: FrameForm,
  message: PreparedMessage,
  compress: boolean | undefined,
): void {
  if (form.masks) {
    if (typeof message.data === 'string') encodeText(output, form, message.data, compress);
    else encodeBinary(output, form, message.data, compress);
    return;
  }
  const deflate = form.deflate;
  if (deflate?.wants(message.payloadLength, compress)) {
    const frame = message.compressed(deflate.sendWindowBits, deflate.level);
    if (frame !== undefined) {
      output.append(frame.bytes, frame.start, frame.end);
      if (deflate.sendTakeover) deflate.sentCompressed(message.payload);
      return;
    }
  }
  output.append(message.bytes, message.start, message.end);
}

/** Encodes one frame around `payload`, which a server keeps if it is longer than 16 KiB. `first` is the header's first octet. */
export function encodeFrame(output: OutputQueue, form: FrameForm, first: number, payload: Uint8Array): void {
  const { length } = payload;
  if (form.masks) encodeMaskedFrame(output, first, payload);
  else if (length <= MAX_SHORT_PAYLOAD_BYTES) {
    // The header of two octets, written here: with all forms of headers this function would be too large to be put into its callers.
    const { bytes, position } = output.reserve(MAX_HEADER_BYTES + length);
    bytes[position] = first;
    bytes[position + 1] = length;
    bytes.set(payload, position + 2);
    output.commit(2 + length);
  } else encodeLongFrame(output, first, payload);
}

/** The caller's memory stays as it is, so a client always copies. */
function encodeMaskedFrame(output: OutputQueue, first: number, payload: Uint8Array): void {
  const { length } = payload;
  const key = newMaskingKey();
  const { bytes, view, position } = output.reserve(MAX_HEADER_BYTES + length);
  const header = writeFrameHeader(bytes, position, first, length, key);
  const start = position + header;
  bytes.set(payload, start);
  copyMasked(view, start, start + length, view, start, key);
  output.commit(header + length);
}

function encodeLongFrame(output: OutputQueue, first: number, payload: Uint8Array): void {
  const { length } = payload;
  const copied = length <= COPY_MAX_BYTES ? length : 0;
  const { bytes, position } = output.reserve(MAX_HEADER_BYTES + copied);
  const header = writeFrameHeader(bytes, position, first, length, undefined);
  if (copied === length) bytes.set(payload, position + header);
  output.commit(header + copied);
  if (copied === length) return;
  output.append(sendable(payload), 0, length);
}

/** Encodes a message compressed (RFC 7692 §7.2.1) if it is to be and becomes shorter; false: nothing was encoded. */
function encodeCompressed(
  output: OutputQueue,
  form: FrameForm,
  deflate: MessageDeflate,
  opcode: Opcode,
  message: string | Uint8Array,
  compress: boolean | undefined,
): boolean {
  // Of a text the most that it can take is asked about first: most short ones need not be encoded to know.
  if (typeof message === 'string' && !deflate.wants(message.length * 3, compress)) return false;
  const plain = typeof message === 'string' ? utf8Of(message) : message;
  if (!deflate.wants(plain.length, compress)) return false;
  const payload = deflate.compress(plain, compress);
  if (payload === undefined) return false;
  encodeSharedFrame(output, form, FIN | FIRST_OCTET_RSV1 | opcode, payload.bytes, payload.view, payload.length);
  return true;
}

/** Encodes a frame around the first `length` octets of memory that is used again, which `payload` and `payloadView` both show. */
export function encodeSharedFrame(
  output: OutputQueue,
  form: FrameForm,
  first: number,
  payload: Uint8Array,
  payloadView: DataView,
  length: number,
): void {
  if (length >= COPY_BY_WORDS_MAX_BYTES) {
    encodeFrame(output, form, first, ownIfKept(new Uint8Array(payload.buffer, payload.byteOffset, length)));
    return;
  }
  const { bytes, view, position } = output.reserve(MAX_HEADER_BYTES + length);
  const key = form.masks ? newMaskingKey() : undefined;
  const header = writeFrameHeader(bytes, position, first, length, key);
  copyMasked(payloadView, 0, length, view, position + header, key ?? 0);
  output.commit(header + length);
}

/** Encodes text in place: the header's size is guessed from the text being ASCII, and mended when it was not. */
function encodeShortText(output: OutputQueue, form: FrameForm, first: number, text: string): void {
  const arena = output.reserve(MAX_HEADER_BYTES + text.length * 3);
  const { bytes, view, position } = arena;
  const guessed = frameHeaderSize(text.length, form.masks);
  const length = encodeUtf8Into(text, bytes, position + guessed);
  const header = frameHeaderSize(length, form.masks);
  if (header !== guessed) bytes.copyWithin(position + header, position + guessed, position + guessed + length);
  const key = form.masks ? newMaskingKey() : undefined;
  writeFrameHeader(bytes, position, first, length, key);
  const start = position + header;
  if (key !== undefined) copyMasked(view, start, start + length, view, start, key);
  output.commit(header + length);
}
