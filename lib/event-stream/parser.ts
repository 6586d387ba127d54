/**
 * The bytes of an event stream to events (HTML §9.2.6 "Interpreting an event stream").
 *
 * Works on bytes, so that neither a character nor a CR LF cut by a chunk boundary is anybody else's problem; text is
 * decoded a line at a time, which is safe since CR, LF and colon are single octets in UTF-8 whatever surrounds them.
 * Bounded: a line, and the data of an event, have limits; past one the stream has failed for good.
 * Time is linear however the bytes are cut: no octet is looked at twice but by native searches.
 * Read next: `reconnect.ts`.
 */

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

/** §9.2.6: "Streams must be decoded using the UTF-8 decode algorithm": malformed octets become U+FFFD. Lines are complete texts. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class EventStreamParser {
  readonly #limits: EventStreamParserLimits;
  /** The beginning of a line that earlier chunks cut off: `#kept[0..#keptBytes)`. Grows twofold; dropped when the line ends. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  /** Nothing has been read yet, so a byte order mark may come. */
  #atStart = true;
  /** The last octet was a CR: an LF now belongs to it. */
  #afterCr = false;
  #failed = false;
  /** §9.2.6's buffers. Data is kept as lines, folded now and then into one text of many; joined when the event ends. */
  #data: string[] = [];
  #dataLength = 0;
  /** How many elements of `#data` are folded ones. */
  #folded = 0;
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
    if (this.#failed || chunk.length === 0) return incoming;
    let position = 0;
    if (this.#afterCr && chunk[0] === LF) position = 1;
    this.#afterCr = false;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    // The next CR and LF from `position` on; each is searched for again only once passed.
    let nextCr = bytes.indexOf(CR, position);
    let nextLf = bytes.indexOf(LF, position);
    while (position < chunk.length) {
      if (nextCr >= 0 && nextCr < position) nextCr = bytes.indexOf(CR, position);
      if (nextLf >= 0 && nextLf < position) nextLf = bytes.indexOf(LF, position);
      const end = nextCr < 0 ? nextLf : nextLf < 0 ? nextCr : Math.min(nextCr, nextLf);
      const length = this.#keptBytes + (end < 0 ? chunk.length : end) - position;
      if (length > this.#limits.maxLineBytes)
        return this.#fail(incoming, 'SSE_LINE_TOO_LONG', `line exceeds ${this.#limits.maxLineBytes} bytes`);
      if (end < 0) {
        this.#keep(bytes.subarray(position), length);
        return incoming;
      }
      if (!this.#line(this.#joined(bytes, position, end), incoming)) return incoming;
      position = end + 1;
      if (chunk[end] === CR) {
        if (position === chunk.length) this.#afterCr = true;
        else if (chunk[position] === LF) position++;
      }
    }
    return incoming;
  }

  /** Copies the beginning of a line, `length` bytes with what was kept before. */
  #keep(bytes: Uint8Array, length: number): void {
    if (length > this.#kept.length) {
      const kept = new Uint8Array(Math.min(this.#limits.maxLineBytes, Math.max(FIRST_KEPT_BYTES, length * 2)));
      kept.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = kept;
    }
    this.#kept.set(bytes, this.#keptBytes);
    this.#keptBytes = length;
  }

  /** The line `bytes[start..end)` behind what was kept from earlier chunks, decoded. */
  #joined(bytes: Buffer, start: number, end: number): string {
    let line: Uint8Array = bytes.subarray(start, end);
    if (this.#keptBytes > 0) {
      this.#keep(line, this.#keptBytes + line.length);
      line = this.#kept.subarray(0, this.#keptBytes);
      this.#kept = NOTHING;
      this.#keptBytes = 0;
    }
    let text = decoder.decode(line);
    if (this.#atStart) {
      // §9.2.5: one leading byte order mark is not part of the stream.
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      this.#atStart = false;
    }
    return text;
  }

  /** Processes one line; false when the stream has failed. */
  #line(line: string, incoming: StreamIncoming[]): boolean {
    if (line === '') {
      this.#dispatch(incoming);
      return true;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      // Not kept by the standard either; told, for those who watch a stream's liveness.
      incoming.push({ kind: 'comment', text: line.charCodeAt(1) === 0x20 ? line.slice(2) : line.slice(1) });
      return true;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    // "If value starts with a U+0020 SPACE character, remove it from value."
    const value = colon < 0 ? '' : line.charCodeAt(colon + 1) === 0x20 ? line.slice(colon + 2) : line.slice(colon + 1);
    switch (field) {
      case 'data':
        this.#data.push(value);
        this.#dataLength += value.length + 1;
        if (this.#data.length - this.#folded >= FOLD_LINES) {
          // A million empty lines would be a million array elements; folded they are a million characters.
          this.#data.push(this.#data.splice(this.#folded).join('\n'));
          this.#folded++;
        }
        // UTF-16 units never outnumber octets, and the limit is about memory.
        if (this.#dataLength > this.#limits.maxEventBytes) {
          this.#fail(incoming, 'SSE_EVENT_TOO_LONG', `data of one event exceeds ${this.#limits.maxEventBytes} bytes`);
          return false;
        }
        return true;
      case 'event':
        this.#type = value;
        return true;
      case 'id':
        // "If the field value does not contain U+0000 NULL, then set the last event ID buffer"; otherwise ignore the field.
        if (!value.includes('\0')) this.#idBuffer = value;
        return true;
      case 'retry':
        // "If the field value consists of only ASCII digits"
        if (/^[0-9]+$/.test(value)) incoming.push({ kind: 'retry', reconnectionTimeMs: Number(value) });
        return true;
      default:
        return true; // "Otherwise: The field is ignored."
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

const NOTHING = new Uint8Array(0);

/** Memory for a line that a chunk has cut starts here. */
const FIRST_KEPT_BYTES = 256;

/** Data lines that stand in the list on their own before they are folded into one. */
const FOLD_LINES = 1_024;
