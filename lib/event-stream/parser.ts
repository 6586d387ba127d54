/**
 * The bytes of an event stream to events (HTML §9.2.6 "Interpreting an event stream").
 *
 * Works on bytes, so that neither a character nor a CR LF cut by a chunk boundary is anybody else's problem; text is
 * decoded a line at a time, which is safe since CR, LF and colon are single octets in UTF-8 whatever surrounds them.
 * Bounded: a line, and the data of an event, have limits; past one the stream has failed for good.
 * Time is linear however the bytes are cut: no octet is looked at twice but by native searches.
 * Read next: `reconnect.ts`.
 */

import { decodeBeyondAscii, decodeUtf8 } from '../bytes/utf8.ts';
import { EVENT_STREAM_LIMITS } from '../limits.ts';

export type StreamIncoming =
  | { readonly kind: 'event'; readonly type: string; readonly data: string; readonly lastEventId: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'retry'; readonly reconnectionTimeMs: number }
  | { readonly kind: 'failed'; readonly code: string; readonly detail: string; readonly section: string };

export interface EventStreamParserLimits {
  readonly maxLineBytes: number;
  readonly maxEventBytes: number;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

export class EventStreamParser {
  readonly #limits: EventStreamParserLimits;
  /** The beginning of a line that earlier chunks cut off: `#kept[0..#keptBytes)`. Grows twofold; let go with the line when large. */
  #kept: Buffer = NOTHING;
  #keptBytes = 0;
  /** Nothing has been read yet, so a byte order mark may come. */
  #atStart = true;
  /** The last octet was a CR: an LF now belongs to it. */
  #afterCr = false;
  #failed = false;
  /** The text last decoded had an octet for each unit, so the next is taken for ASCII too. A guess; only speed hangs on it. */
  #ascii = true;
  /** §9.2.6's buffers. Data is kept as lines, folded now and then into one text of many; joined when the event ends. */
  #data: string[] = [];
  #dataLength = 0;
  /** How many elements of `#data` are folded ones. */
  #folded = 0;
  /** Units of the decoded texts that the other elements of `#data` may be slices of, and so keep alive. */
  #pinnedLength = 0;
  #type = '';
  #idBuffer = '';
  #lastEventId = '';

  constructor(limits: Partial<EventStreamParserLimits> = {}, lastEventId = '') {
    this.#limits = { ...EVENT_STREAM_LIMITS, ...limits };
    this.#idBuffer = lastEventId;
    this.#lastEventId = lastEventId;
  }

  /** The last event ID string as of the last blank line (§9.2.6, "dispatch the event" step 1). */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Takes the next bytes of the stream, which are only lent. Answers what they completed. */
  receive(chunk: Uint8Array): StreamIncoming[] {
    const incoming: StreamIncoming[] = [];
    const { length } = chunk;
    if (this.#failed || length === 0) return incoming;
    const { maxLineBytes } = this.#limits;
    let position = 0;
    while (position < length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (chunk[position] === LF) {
          position++;
          continue;
        }
      }
      const kept = this.#keptBytes;
      // A line of the whole limit and its end fit in. Choice: what passes `stop` without a line end is too long, or kept.
      const stop = Math.min(length, position + Math.min(SEGMENT_BYTES, maxLineBytes - kept) + 1);
      const end = kept > 0 ? firstLineEnd(chunk, position, stop) : lastLineEnd(chunk, position, stop);
      if (end < 0) {
        if (kept + stop - position > maxLineBytes)
          return this.#fail(incoming, 'SSE_LINE_TOO_LONG', `line exceeds ${maxLineBytes} bytes`);
        this.#keep(chunk, position, stop);
        position = stop;
        continue;
      }
      let text: string;
      if (kept > 0) {
        this.#keep(chunk, position, end + 1);
        text = this.#decode(this.#kept, 0, this.#keptBytes);
        this.#keptBytes = 0;
        if (this.#kept.length > KEPT_BETWEEN_LINES_BYTES) this.#kept = NOTHING;
      } else text = this.#decode(chunk, position, end + 1);
      if (!this.#lines(text, incoming)) return incoming;
      this.#afterCr = chunk[end] === CR;
      position = end + 1;
    }
    return incoming;
  }

  /** Copies `bytes[start..end)` behind what is kept of a line. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#keptBytes;
    const length = before + end - start;
    if (length > this.#kept.length) {
      const capacity = Math.min(this.#limits.maxLineBytes + 1, Math.max(FIRST_KEPT_BYTES, length * 2));
      const grown = Buffer.allocUnsafeSlow(capacity);
      grown.set(this.#kept.subarray(0, before));
      this.#kept = grown;
    }
    const kept = this.#kept;
    if (end - start > LOOP_MAX_BYTES) kept.set(bytes.subarray(start, end), before);
    else for (let from = start, to = before; from < end; from++, to++) kept[to] = bytes[from]!;
    this.#keptBytes = length;
  }

  /**
   * Whole lines to text. §9.2.6: "Streams must be decoded using the UTF-8 decode algorithm": malformed octets become
   * U+FFFD. No character goes on behind a line end, so any run of lines can be decoded by itself.
   */
  #decode(bytes: Uint8Array, start: number, end: number): string {
    const text = this.#ascii ? decodeUtf8(bytes, start, end) : decodeBeyondAscii(bytes, start, end);
    this.#ascii = text.length === end - start;
    return text;
  }

  /** Processes `text`, which is whole lines with their ends; false when the stream has failed. */
  #lines(text: string, incoming: StreamIncoming[]): boolean {
    const { length } = text;
    let position = 0;
    if (this.#atStart) {
      // §9.2.5: one leading byte order mark is not part of the stream.
      if (text.charCodeAt(0) === 0xfeff) position = 1;
      this.#atStart = false;
    }
    // The next CR and LF from `position` on; each is searched for again only once passed. `length` when there is none.
    let nextCr = text.indexOf('\r');
    if (nextCr < 0) nextCr = length;
    let nextLf = -1;
    while (position < length) {
      const first = text.charCodeAt(position);
      if (first === LF) {
        this.#dispatch(incoming);
        position++;
        continue;
      }
      if (nextLf < position) {
        nextLf = text.indexOf('\n', position);
        if (nextLf < 0) nextLf = length;
      }
      if (nextCr < position) {
        nextCr = text.indexOf('\r', position);
        if (nextCr < 0) nextCr = length;
      }
      const end = nextCr < nextLf ? nextCr : nextLf;
      if (end === position) this.#dispatch(incoming);
      else if (isData(text, position)) {
        const value = text.slice(valueStart(text, position + 4, end), end);
        if (
          end === nextLf &&
          this.#data.length === 0 &&
          text.charCodeAt(end + 1) === LF &&
          value.length < this.#limits.maxEventBytes
        ) {
          // The common event: one line of data and the blank line. What follows is `#dispatch` without the detour.
          this.#lastEventId = this.#idBuffer;
          const type = this.#type === '' ? 'message' : this.#type;
          this.#type = '';
          incoming.push({ kind: 'event', type, data: value, lastEventId: this.#lastEventId });
          position = end + 2;
          continue;
        }
        if (!this.#append(value, incoming)) return false;
      } else this.#field(text, position, end, incoming);
      position = end + 1;
      if (end === nextCr && nextLf === position) position++;
    }
    const loose = this.#data.length - this.#folded;
    this.#pinnedLength = loose === 0 ? 0 : this.#pinnedLength + length;
    if (this.#pinnedLength > FOLD_PINNED_UNITS && loose > 1) this.#fold();
    return true;
  }

  /** A line of data; false when the stream has failed. */
  #append(value: string, incoming: StreamIncoming[]): boolean {
    this.#data.push(value);
    this.#dataLength += value.length + 1;
    // A million empty lines would be a million array elements; folded they are a million characters.
    if (this.#data.length - this.#folded >= FOLD_LINES) this.#fold();
    // UTF-16 units never outnumber octets, and the limit is about memory.
    if (this.#dataLength <= this.#limits.maxEventBytes) return true;
    this.#fail(incoming, 'SSE_EVENT_TOO_LONG', `data of one event exceeds ${this.#limits.maxEventBytes} bytes`);
    return false;
  }

  /** Joins the lines of data that stand on their own, which also lets go of the texts that they were cut from. */
  #fold(): void {
    this.#data.push(this.#data.splice(this.#folded).join('\n'));
    this.#folded++;
    this.#pinnedLength = 0;
  }

  /** Processes the line `text[start..end)`, which is neither blank nor data. */
  #field(text: string, start: number, end: number, incoming: StreamIncoming[]): void {
    switch (text.charCodeAt(start)) {
      case COLON:
        // Not kept by the standard either; told, for those who watch a stream's liveness.
        incoming.push({ kind: 'comment', text: text.slice(valueStart(text, start, end), end) });
        return;
      case 0x65: // e
        if (isField(text, 'event', start, end)) this.#type = text.slice(valueStart(text, start + 5, end), end);
        return;
      case 0x69: // i
        if (isField(text, 'id', start, end)) {
          const value = text.slice(valueStart(text, start + 2, end), end);
          // "If the field value does not contain U+0000 NULL, then set the last event ID buffer"; otherwise ignore the field.
          if (!value.includes('\0')) this.#idBuffer = value;
        }
        return;
      case 0x72: // r
        if (isField(text, 'retry', start, end)) {
          const value = text.slice(valueStart(text, start + 5, end), end);
          // "If the field value consists of only ASCII digits"
          if (/^[0-9]+$/.test(value)) incoming.push({ kind: 'retry', reconnectionTimeMs: Number(value) });
        }
        return;
      default: // "Otherwise: The field is ignored."
    }
  }

  /** §9.2.6, "dispatch the event". */
  #dispatch(incoming: StreamIncoming[]): void {
    this.#lastEventId = this.#idBuffer; // step 1
    if (this.#data.length === 0) {
      this.#type = ''; // step 2: an empty data buffer dispatches nothing
      return;
    }
    const data = this.#data.length === 1 ? this.#data[0]! : this.#data.join('\n'); // step 3: without the last LF
    const type = this.#type === '' ? 'message' : this.#type;
    this.#data = [];
    this.#dataLength = 0;
    this.#folded = 0;
    this.#type = '';
    incoming.push({ kind: 'event', type, data, lastEventId: this.#lastEventId });
  }

  #fail(incoming: StreamIncoming[], code: string, detail: string): StreamIncoming[] {
    this.#failed = true;
    this.#kept = NOTHING;
    this.#data = [];
    incoming.push({ kind: 'failed', code, detail, section: 'HTML §9.2.6' });
    return incoming;
  }
}

/** Whether the line at `start` is the field `data`. Its own end stops the comparison: it is none of these characters. */
function isData(text: string, start: number): boolean {
  if (text.charCodeAt(start) !== 0x64 || text.charCodeAt(start + 1) !== 0x61) return false;
  if (text.charCodeAt(start + 2) !== 0x74 || text.charCodeAt(start + 3) !== 0x61) return false;
  const behind = text.charCodeAt(start + 4);
  return behind === COLON || behind === LF || behind === CR;
}

/** Whether the field of the line `text[start..end)` is `name`: up to the colon, or all of the line. */
function isField(text: string, name: string, start: number, end: number): boolean {
  const behind = start + name.length;
  return text.startsWith(name, start) && (behind === end || text.charCodeAt(behind) === COLON);
}

/** Where the value begins behind a colon; the line's end when there is none. */
function valueStart(text: string, colon: number, end: number): number {
  if (colon === end) return end;
  // "If value starts with a U+0020 SPACE character, remove it from value."
  return text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
}

/** The first CR or LF of `bytes[start..end)`, or -1. */
function firstLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const near = Math.min(end, start + LOOP_MAX_BYTES);
  for (let i = start; i < near; i++) if (bytes[i] === LF || bytes[i] === CR) return i;
  if (near === end) return -1;
  let rest = bytes.subarray(near, end);
  const lf = rest.indexOf(LF);
  if (lf >= 0) rest = rest.subarray(0, lf);
  const cr = rest.indexOf(CR);
  const found = cr >= 0 ? cr : lf;
  return found < 0 ? -1 : near + found;
}

/** The last CR or LF of `bytes[start..end)`, or -1. */
function lastLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const near = Math.max(start, end - LOOP_MAX_BYTES);
  for (let i = end - 1; i >= near; i--) if (bytes[i] === LF || bytes[i] === CR) return i;
  if (near === start) return -1;
  const rest = bytes.subarray(start, near);
  const found = Math.max(rest.lastIndexOf(LF), rest.lastIndexOf(CR));
  return found < 0 ? -1 : start + found;
}

const NOTHING = Buffer.alloc(0);

/** Lines are decoded together up to this many bytes. */
const SEGMENT_BYTES = 16_384;

/** Memory for a line that a chunk has cut starts here. */
const FIRST_KEPT_BYTES = 256;

/** Memory for cut lines that stays with the parser. */
const KEPT_BETWEEN_LINES_BYTES = 4_096;

/** Up to here a loop. */
const LOOP_MAX_BYTES = 128;

/** Data lines that stand in the list on their own before they are folded into one. */
const FOLD_LINES = 1_024;

const FOLD_PINNED_UNITS = 65_536;
