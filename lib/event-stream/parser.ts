/**
 * The bytes of an event stream to events (HTML §9.2.6 "Interpreting an event stream").
 *
 * A chunk is decoded as a whole, 16 KiB at a time, and lines are cut out of that text: per event there are searches and
 * slices of a string, and no native call. Characters and CR LF that a chunk has cut are put together here, a line that it
 * has cut is kept as text. Bounded: a line (in octets, as they come) and the data of an event have limits; past one the
 * stream has failed for good. Time is linear however the bytes are cut.
 *
 * Measured on Node 20 against eventsource-parser 3.1.1 behind a streaming `TextDecoder`, in chunks of many events, of one,
 * of 1,460 and of 64 octets (`bench/core/event-stream.ts`): events of 20 octets 1.1-1.2 times as fast, of 100 1.7-2.2, with
 * ID and type 1.3-1.5, of 4 KiB 1.6-4.7, of 20 lines 1.3-1.6; beyond ASCII 1.9 in large chunks, 0.9-1.05 in small ones, where
 * nearly all of the time is ICU's for both. Slower where thousands of events come in one chunk, as all are there before
 * the first is looked at: 64 KiB of 20 octets each 0.7-0.9. Behind a `StringDecoder` ASCII is mostly quicker in the peer: 0.7-1.1.
 *
 * Read next: `reconnect.ts`.
 */

import { Utf8StreamDecoder } from '../bytes/utf8.ts';
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
  readonly #decoder: Utf8StreamDecoder = new Utf8StreamDecoder();
  /** The beginning of a line whose end has not come, and how many octets that was. */
  readonly #kept: Rope = new Rope();
  #keptBytes = 0;
  /** Nothing has been read yet, so a byte order mark may come. */
  #atStart = true;
  /** The last octet was a CR: an LF now belongs to it. */
  #afterCr = false;
  #failed = false;
  /** §9.2.6's data buffer: each line with an LF. */
  readonly #data: Rope = new Rope();
  /** Units of the decoded texts that lines of `#data` may be slices of, which keeps them alive. */
  #pinnedLength = 0;
  /** §9.2.6's other buffers. */
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
    if (this.#failed) return incoming;
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
      // Just so much that a line which ends in it is within the limit, and a whole one that does not end is beyond.
      const stop = Math.min(length, position + Math.min(WINDOW_BYTES, maxLineBytes - kept) + 1);
      let text = this.#decoder.decode(chunk, position, stop);
      let nextLf = text.indexOf('\n');
      let nextCr = text.indexOf('\r');
      if (nextLf < 0 && nextCr < 0) {
        if (kept + stop - position > maxLineBytes)
          return this.#fail(incoming, 'SSE_LINE_TOO_LONG', `line exceeds ${maxLineBytes} bytes`);
        this.#keep(text, kept + stop - position);
        position = stop;
        continue;
      }
      if (kept > 0) {
        const before = this.#kept.take();
        text = before + text;
        if (nextLf >= 0) nextLf += before.length;
        if (nextCr >= 0) nextCr += before.length;
        this.#keptBytes = 0;
      }
      // Where the line begins that is not complete.
      const rest = this.#lines(text, this.#atStart ? this.#behindByteOrderMark(text) : 0, nextLf, nextCr, incoming);
      if (rest < 0) return incoming;
      this.#afterCr = chunk[stop - 1] === CR;
      if (this.#decoder.lastWasAscii) {
        if (rest < text.length) this.#keep(text.slice(rest), text.length - rest);
      } else {
        const restBytes = stop - 1 - lastLineEnd(chunk, position, stop);
        if (restBytes > 0) this.#keep(text.slice(rest), restBytes);
      }
      position = stop;
    }
    return incoming;
  }

  /** Puts by another piece of a line, which has `bytes` octets with the pieces before it. */
  #keep(piece: string, bytes: number): void {
    this.#kept.append(piece);
    this.#keptBytes = bytes;
  }

  /** §9.2.5: one leading byte order mark is not part of the stream. */
  #behindByteOrderMark(text: string): number {
    this.#atStart = false;
    return text.charCodeAt(0) === 0xfeff ? 1 : 0;
  }

  /**
   * Processes the lines of `text` from `start` on, the first of which ends at `firstLf` or `firstCr`, -1 for none.
   * Answers where the rest begins that no line end has ended, or -1 when the stream has failed.
   */
  #lines(text: string, start: number, firstLf: number, firstCr: number, incoming: StreamIncoming[]): number {
    const { length } = text;
    let position = start;
    // The next of each; searched for again only once passed. `length` when there is none.
    let lf = firstLf < 0 ? length : firstLf;
    let cr = firstCr < 0 ? length : firstCr;
    while (position < length) {
      if (lf < position) {
        lf = text.indexOf('\n', position);
        if (lf < 0) lf = length;
      }
      if (cr < position) {
        cr = text.indexOf('\r', position);
        if (cr < 0) cr = length;
      }
      const end = cr < lf ? cr : lf;
      if (end === length) break;
      position = this.#line(text, position, end, end === cr && lf === end + 1 ? end + 2 : end + 1, incoming);
      if (position < 0) return -1;
    }
    if (this.#data.length > 0) this.#letGo(length);
    return position;
  }

  /**
   * Processes the line `text[start..end)`. Answers where to go on: at `next`, or behind a blank line that is there; -1 when
   * the stream has failed. Choice: a method of its own and too long to be inlined, so that a kind of line that the compiler
   * has not seen yet costs it this method alone. As part of the loop it cost the loop, which then stayed interpreted but
   * for one entry per chunk: 323 ns for a chunk of 20 octets instead of 130 (Node 20).
   */
  #line(text: string, start: number, end: number, next: number, incoming: StreamIncoming[]): number {
    if (start === end) {
      this.#dispatch(incoming);
      return next;
    }
    switch (text.charCodeAt(start)) {
      case 0x64: {
        // d
        if (!isData(text, start)) return next;
        const value = valueStart(text, start + 4, end);
        const { maxEventBytes } = this.#limits;
        if (this.#data.length === 0 && next < text.length && end - value < maxEventBytes) {
          const unit = text.charCodeAt(next);
          if (unit === LF || unit === CR) {
            // The common event, one line of data and the blank line, without the detour through the buffer.
            this.#deliver(text.slice(value, end), incoming);
            return unit === LF ? next + 1 : behindLineEnd(text, next);
          }
        }
        this.#data.append(
          next === end + 1 && text.charCodeAt(end) === LF ? text.slice(value, next) : `${text.slice(value, end)}\n`,
        );
        // UTF-16 units never outnumber octets, and the limit is about memory.
        if (this.#data.length <= maxEventBytes) return next;
        this.#fail(incoming, 'SSE_EVENT_TOO_LONG', `data of one event exceeds ${maxEventBytes} bytes`);
        return -1;
      }
      case 0x65: // e
        if (isEvent(text, start)) this.#type = text.slice(valueStart(text, start + 5, end), end);
        return next;
      case 0x69: // i
        if (isId(text, start)) {
          const value = text.slice(valueStart(text, start + 2, end), end);
          // "If the field value does not contain U+0000 NULL, then set the last event ID buffer"; otherwise ignore the field.
          if (!value.includes('\0')) this.#idBuffer = value;
        }
        return next;
      case 0x72: // r
        if (isRetry(text, start)) {
          const value = text.slice(valueStart(text, start + 5, end), end);
          // "If the field value consists of only ASCII digits"
          if (/^[0-9]+$/.test(value)) incoming.push({ kind: 'retry', reconnectionTimeMs: Number(value) });
        }
        return next;
      case COLON:
        // Not kept by the standard either; told, for those who watch a stream's liveness.
        incoming.push({ kind: 'comment', text: text.slice(valueStart(text, start, end), end) });
        return next;
      default:
        return next; // "Otherwise: The field is ignored."
    }
  }

  /** Folds lines that keep too much alive of the texts they were cut from, of which `length` more units are now done. */
  #letGo(length: number): void {
    this.#pinnedLength = this.#data.pieces === 0 ? 0 : this.#pinnedLength + length;
    if (this.#pinnedLength <= PINNED_MAX_UNITS || this.#data.pieces < 2) return;
    this.#data.fold();
    this.#pinnedLength = 0;
  }

  /** §9.2.6, "dispatch the event". */
  #dispatch(incoming: StreamIncoming[]): void {
    if (this.#data.length > 0)
      this.#deliver(this.#data.take().slice(0, -1), incoming); // step 3: without the last LF
    else {
      this.#lastEventId = this.#idBuffer; // step 1
      this.#type = ''; // step 2: an empty data buffer dispatches nothing
    }
  }

  /** "dispatch the event" once the data is there; steps 4, 5 and 8, the event itself, are the client's. */
  #deliver(data: string, incoming: StreamIncoming[]): void {
    this.#lastEventId = this.#idBuffer; // step 1
    const type = this.#type === '' ? 'message' : this.#type; // step 6
    this.#type = ''; // step 7: both buffers are empty again
    incoming.push({ kind: 'event', type, data, lastEventId: this.#lastEventId });
  }

  #fail(incoming: StreamIncoming[], code: string, detail: string): StreamIncoming[] {
    this.#failed = true;
    this.#kept.take();
    this.#data.take();
    incoming.push({ kind: 'failed', code, detail, section: 'HTML §9.2.6' });
    return incoming;
  }
}

/**
 * A text that grows by pieces. Appending is O(1) amortised; a character is copied twice at most, however many pieces there
 * are. Memory: the text, and 64 octets for each of at most 1,024 loose pieces. A list of pieces that is joined in the end
 * took 900 ns for 20 lines of 40 characters, this 520 ns.
 */
class Rope {
  /** In UTF-16 units. */
  length = 0;
  /** How many pieces are not folded yet. */
  pieces = 0;
  #loose = '';
  #folded: string[] | undefined = undefined;

  append(piece: string): void {
    this.length += piece.length;
    this.#loose += piece;
    if (++this.pieces >= FOLD_PIECES) this.fold();
  }

  /** Makes one flat text of the loose pieces, which lets go of their nodes and of the texts that they were cut from. */
  fold(): void {
    this.#folded ??= [];
    this.#folded.push(`${this.#loose}.`.slice(0, -1)); // V8 flattens a rope to slice it
    this.#loose = '';
    this.pieces = 0;
  }

  /** Answers the whole text, and is empty again. */
  take(): string {
    let text = this.#loose;
    if (this.#folded !== undefined) {
      this.#folded.push(text);
      text = this.#folded.join('');
      this.#folded = undefined;
    }
    this.#loose = '';
    this.pieces = 0;
    this.length = 0;
    return text;
  }
}

/** Behind the line end at `position`, which is CR LF, CR or LF. */
function behindLineEnd(text: string, position: number): number {
  const next = position + 1;
  if (next < text.length && text.charCodeAt(position) === CR && text.charCodeAt(next) === LF) return next + 1;
  return next;
}

/*
 * Whether the field of the line at `start`, whose first letter is right, has that name: up to the colon, or all of the
 * line. The line's own end stops a comparison, as it is none of these letters. Letter by letter, since a call of
 * `startsWith` takes as long as five letters.
 */

function isData(text: string, start: number): boolean {
  return (
    text.charCodeAt(start + 1) === 0x61 &&
    text.charCodeAt(start + 2) === 0x74 &&
    text.charCodeAt(start + 3) === 0x61 &&
    endsName(text.charCodeAt(start + 4))
  );
}

function isEvent(text: string, start: number): boolean {
  return (
    text.charCodeAt(start + 1) === 0x76 &&
    text.charCodeAt(start + 2) === 0x65 &&
    text.charCodeAt(start + 3) === 0x6e &&
    text.charCodeAt(start + 4) === 0x74 &&
    endsName(text.charCodeAt(start + 5))
  );
}

function isId(text: string, start: number): boolean {
  return text.charCodeAt(start + 1) === 0x64 && endsName(text.charCodeAt(start + 2));
}

function isRetry(text: string, start: number): boolean {
  return text.startsWith('retry', start) && endsName(text.charCodeAt(start + 5));
}

function endsName(unit: number): boolean {
  return unit === COLON || unit === LF || unit === CR;
}

/** Where the value begins behind a colon; the line's end when there is none. */
function valueStart(text: string, colon: number, end: number): number {
  if (colon === end) return end;
  // "If value starts with a U+0020 SPACE character, remove it from value."
  return text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
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

/**
 * This many bytes are decoded together. Choice: what V8 slices from a text keeps all of it, so an event that is kept keeps
 * this much, or its own line if that is longer. Measured for events of 100 octets: 1 KiB 136 ns, 16 KiB 90-114, 64 KiB 74-98.
 */
const WINDOW_BYTES = 16_384;

/** The line end is looked for in a loop this far, which takes 115 ns, as long as the native calls take for any distance. */
const LOOP_MAX_BYTES = 128;

/** Pieces that a rope has before they are folded into one text: a million empty lines would be 32 MB of nodes. */
const FOLD_PIECES = 1_024;

/** Lines of data that wait for the end of their event are folded once the texts around them have this many units. */
const PINNED_MAX_UNITS = 65_536;
