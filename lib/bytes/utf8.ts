/**
 * UTF-8: validation that can stop and go on anywhere, and conversion to and from strings (RFC 3629).
 *
 * `Utf8Validator` is fed slices of a text and says no at the first octet that no valid continuation could mend; Node's
 * `isUtf8` checks whole texts only, so it serves as the fast path for what lies between two character boundaries.
 * Conversions choose between a loop and Node's native calls by length, at measured crossovers.
 * Allocates the results, and small views where a native call wants one. Remembered from call to call: one view of at most 64 KiB of memory.
 * Read next: `output.ts`.
 */

// `Buffer` too: the global one is a getter. For a chunk of 100 octets that made 140 ns of 130.
import { Buffer, isAscii, isUtf8, transcode } from 'node:buffer';

/** Up to this length a loop decodes faster than the native call, which takes 90 ns at any length here: 5 octets 49 ns, 8 octets 95 ns. */
const DECODE_LOOP_MAX_BYTES = 6;

/** Up to this length a loop encodes ASCII faster than the native call, likewise 90 ns: 20 units 43 ns, 32 units 60 ns, 48 units 94 ns. */
const ENCODE_LOOP_MAX_UNITS = 32;

/**
 * From here on text beyond ASCII is validated and transcoded (simdutf): 4,160 octets 3.3 µs, against 6.5 µs of a `TextDecoder`
 * that streams (ICU) and 12 µs of `utf8Slice` (V8). Below, the call alone takes 600 ns: 208 octets 0.65 against 0.37 µs.
 */
const TRANSCODE_MIN_BYTES = 512;

/** From here on a slice of a text is worth handing to `isUtf8`. */
const NATIVE_MIN_BYTES = 64;

/**
 * The automaton of RFC 3629 §4, one state for each set of octets that may come next:
 * 0 a character may begin; 1-3 that many continuation octets (80-BF) are missing; then the second octets that are
 * narrower: 4 after E0 (A0-BF), 5 after ED (80-9F, no surrogates), 6 after F0 (90-BF), 7 after F4 (80-8F, up to U+10FFFF).
 */
const START = 0;
const INVALID = 8;

/** The state after a first octet. */
function afterLead(byte: number): number {
  if (byte < 0x80) return START;
  if (byte < 0xc2) return INVALID; // a continuation octet, or C0 and C1, which only overlong forms use
  if (byte < 0xe0) return 1;
  if (byte === 0xe0) return 4;
  if (byte === 0xed) return 5;
  if (byte < 0xf0) return 2;
  if (byte === 0xf0) return 6;
  if (byte < 0xf4) return 3;
  return byte === 0xf4 ? 7 : INVALID;
}

/** The state after another octet, in any state but `START`. */
function afterContinuation(state: number, byte: number): number {
  switch (state) {
    case 4:
      return byte >= 0xa0 && byte <= 0xbf ? 1 : INVALID;
    case 5:
      return byte >= 0x80 && byte <= 0x9f ? 1 : INVALID;
    case 6:
      return byte >= 0x90 && byte <= 0xbf ? 2 : INVALID;
    case 7:
      return byte >= 0x80 && byte <= 0x8f ? 2 : INVALID;
    default:
      return byte >= 0x80 && byte <= 0xbf ? state - 1 : INVALID;
  }
}

/** Validates a text that comes in slices. O(1) memory: one small number. */
export class Utf8Validator {
  /** See `afterLead`. */
  #state = START;

  /** Takes `bytes[start..end)`; false as soon as the text can no longer become valid, and from then on. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let state = this.#state;
    let i = start;
    for (; i < end && state !== START && state !== INVALID; i++) state = afterContinuation(state, bytes[i]!);
    if (state === START && end - i >= NATIVE_MIN_BYTES) {
      // All but the last three octets can be checked natively once the cut is moved to a character's beginning.
      let cut = end;
      for (let back = 1; back <= 3; back++) {
        const byte = bytes[end - back]!;
        if (byte >= 0xc0) {
          cut = end - back;
          break;
        }
        if (byte < 0x80) break;
      }
      if (!isUtf8(bytes.subarray(i, cut))) state = INVALID;
      i = cut;
    }
    for (; i < end && state !== INVALID; i++) {
      const byte = bytes[i]!;
      state = state === START ? afterLead(byte) : afterContinuation(state, byte);
    }
    this.#state = state;
    return state !== INVALID;
  }

  /** Whether the text may end here: valid so far, and not within a character. */
  end(): boolean {
    return this.#state === START;
  }

  reset(): void {
    this.#state = START;
  }
}

/** Whether `bytes[start..end)` is a whole UTF-8 text. */
export function isValidUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= NATIVE_MIN_BYTES) return isUtf8(bytes.subarray(start, end));
  let state = START;
  for (let i = start; i < end && state !== INVALID; i++) {
    const byte = bytes[i]!;
    state = state === START ? afterLead(byte) : afterContinuation(state, byte);
  }
  return state === START;
}

/** Whether `bytes[start..end)` is ASCII. A native call: for short texts a loop of the caller's own is quicker. */
export function isAllAscii(bytes: Uint8Array, start: number, end: number): boolean {
  return isAscii(bytes.subarray(start, end));
}

/** Decodes octets that are known to be ASCII. */
export function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > DECODE_LOOP_MAX_BYTES) return asBuffer(bytes).latin1Slice(start, end);
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/**
 * From here on a whole text beyond ASCII is decoded through UTF-16 (a validated one, so later than a stream's): V8's own decoder goes octet by octet, simdutf does not.
 * Measured on Node 20: 1 KiB 2.7 µs against 3.6, with little beyond ASCII 2.6 against 1.6; 4 KiB 4.2 against 11 and 3.3
 * against 5.9; 16 KiB 7.8 against 45 and 13 against 23.
 */
const WHOLE_TRANSCODE_MIN_BYTES = 2_048;

/** Decodes octets that are known to be UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  // A Node without ICU has no `transcode`.
  if (end - start >= WHOLE_TRANSCODE_MIN_BYTES && transcode !== undefined) {
    const units = transcode(bytes.subarray(start, end), 'utf8', 'utf16le');
    return units.toString('utf16le');
  }
  return asBuffer(bytes).utf8Slice(start, end);
}

/**
 * Decodes a text that comes in slices, cut anywhere: malformed octets become U+FFFD (Encoding Standard, "UTF-8 decode
 * without BOM"). Time is linear in the octets. Memory: what a `TextDecoder` takes, once a text is not all ASCII.
 * Choice: a slice is taken for ASCII if the one before was, as `utf8Slice` is quick for nothing else: 1,600 octets of ASCII
 * take 0.15 µs with it and 1.3 µs with a `TextDecoder` that streams. A wrong guess costs time only.
 */
export class Utf8StreamDecoder {
  /** Whether the last slice began and ended between characters and had one unit for each octet: ASCII, if it was valid. */
  lastWasAscii = true;
  /** Keeps the first octets of a character that a slice has cut. Made when first used. */
  #native: InstanceType<typeof TextDecoder> | undefined = undefined;
  /** It may be keeping some. */
  #pending = false;

  /** Decodes `bytes[start..end)`, which is not empty. */
  decode(bytes: Uint8Array, start: number, end: number): string {
    const size = end - start;
    const endsInAscii = bytes[end - 1]! < 0x80;
    let text: string;
    if (this.lastWasAscii && endsInAscii) {
      text = asBuffer(bytes).utf8Slice(start, end);
    } else {
      this.#native ??= new TextDecoder('utf-8', { ignoreBOM: true });
      if (size >= TRANSCODE_MIN_BYTES) return this.#decodeLarge(this.#native, bytes, start, end);
      text = this.#native.decode(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), STREAMING);
    }
    this.lastWasAscii = text.length === size && endsInAscii && !this.#pending;
    this.#pending = !endsInAscii;
    return text;
  }

  /** The native decoder has the octets of cut characters only, and the rest a quicker way. */
  #decodeLarge(native: InstanceType<typeof TextDecoder>, bytes: Uint8Array, start: number, end: number): string {
    let from = start;
    let text = '';
    if (this.#pending) {
      while (from < start + 3 && isContinuation(bytes[from]!)) from++;
      text = native.decode(bytes.subarray(start, from));
    }
    const to = cutAt(bytes, end);
    const part = bytes.subarray(from, to);
    if (isUtf8(part)) {
      const units = transcode(part, 'utf8', 'utf16le');
      text += asBuffer(units).ucs2Slice(0, units.length);
    } else text += asBuffer(bytes).utf8Slice(from, to);
    this.lastWasAscii = from === start && to === end && !this.#pending && text.length === end - start;
    this.#pending = to < end;
    return this.#pending ? text + native.decode(bytes.subarray(to, end), STREAMING) : text;
  }
}

const STREAMING = { stream: true };

/** Where the character begins that `bytes[..end)`, at least 3 octets, ends within; `end` when it ends between characters. */
function cutAt(bytes: Uint8Array, end: number): number {
  for (let missing = 1; missing <= 3; missing++) {
    const byte = bytes[end - missing]!;
    if (isContinuation(byte)) continue;
    return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1) > missing ? end - missing : end;
  }
  return end;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** How many octets `encodeUtf8Into` will write. Lone surrogates count as U+FFFD (WebIDL's USVString). */
export function utf8ByteLength(text: string): number {
  const { length } = text;
  if (length > ENCODE_LOOP_MAX_UNITS) return Buffer.byteLength(text);
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) >= 0x80) return Buffer.byteLength(text);
  return length;
}

/** Writes `text` at `offset` of `target`, which has room for 3 octets a UTF-16 unit, and answers how many octets that took. */
export function encodeUtf8Into(text: string, target: Uint8Array, offset: number): number {
  const { length } = text;
  if (length > ENCODE_LOOP_MAX_UNITS) return asBuffer(target).utf8Write(text, offset);
  let or = 0;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    or |= unit;
    target[offset + i] = unit;
  }
  // Not all of it was ASCII: what stands there is written over.
  return or < 0x80 ? length : asBuffer(target).utf8Write(text, offset);
}

/** Node's string conversions are methods of `Buffer`; their names are documented by use in Node's own modules. */
interface StringConversions {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number, length?: number): number;
}

/** The last `Uint8Array` that had to be wrapped: most calls come in runs on one buffer. At most `REMEMBERED_MAX_BYTES` are remembered. */
let lastWrapped: Uint8Array | undefined;
let lastWrapping: Buffer = Buffer.alloc(0);
/** The size of the shared read buffer, which is what comes in runs. Larger memory would outlive its use by who knows how long. */
const REMEMBERED_MAX_BYTES = 65_536;

function asBuffer(bytes: Uint8Array): StringConversions {
  if (bytes instanceof Buffer) return bytes as unknown as StringConversions;
  if (bytes === lastWrapped) return lastWrapping as unknown as StringConversions;
  const { buffer } = bytes;
  const wrapping = Buffer.from(buffer, bytes.byteOffset, bytes.length);
  if (buffer.byteLength <= REMEMBERED_MAX_BYTES) {
    lastWrapped = bytes;
    lastWrapping = wrapping;
  }
  return wrapping as unknown as StringConversions;
}
