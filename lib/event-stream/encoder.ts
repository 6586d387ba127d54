/**
 * Events to the text of an event stream (HTML §9.2.5 "Parsing an event stream", §9.2.6, read backwards).
 *
 * A line break ends a field, so a field that holds one would begin another: in `data` and comments it is split into
 * several lines, anywhere else it is the caller's error. Nothing is ever repaired silently, and nothing injected.
 * Pure; text in, text out. Read next: `prepared-event.ts`.
 */

import { describe } from '../options.ts';

/** One event, or a bare instruction to the client. At least one field must be there. */
export interface EventStreamMessage {
  /** The event's type; the client calls it `message` when there is none. No CR, LF or NUL. */
  readonly event?: string | undefined;
  /** Becomes the client's last event ID, also without data. Empty resets it. No CR, LF or NUL. */
  readonly id?: string | undefined;
  /** From now on the client waits this many milliseconds before it reconnects. A whole number from 0. */
  readonly retry?: number | undefined;
  /**
   * The payload: any text, any number of lines ended by CR LF, CR or LF; the client gets them joined by LF.
   * Without it the client dispatches no event, and takes `id` and `retry` only.
   */
  readonly data?: string | undefined;
  /** A comment in front of the event, which clients ignore. */
  readonly comment?: string | undefined;
}

/**
 * Encodes one event, blank line included.
 * @throws TypeError when nothing is there to send, or `event` or `id` has CR, LF or NUL; RangeError for a bad `retry`
 */
export function encodeEvent(message: EventStreamMessage): string {
  if (typeof message !== 'object' || message === null)
    throw new TypeError(`an event is ${describe(message)}, must be a string or an object with data`);
  const { event, id, retry, data, comment } = message;
  let text = '';
  if (comment !== undefined) text += lines(': ', mustBeText('comment', comment));
  if (event !== undefined) text += `event: ${oneLine('event', event)}\n`;
  if (id !== undefined) text += `id: ${oneLine('id', id)}\n`;
  if (retry !== undefined) {
    // §9.2.6: "consists of only ASCII digits".
    if (!Number.isSafeInteger(retry) || retry < 0)
      throw new RangeError(`retry is ${retry}, must be a whole number of milliseconds from 0 (HTML §9.2.6)`);
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) text += lines('data: ', mustBeText('data', data));
  if (text === '') throw new TypeError('an event needs at least one of event, id, retry, data, comment');
  // A comment alone needs no blank line, but one flushes whatever a proxy counts by events, and costs an octet.
  return `${text}\n`;
}

/** Encodes a comment alone: what keeps a silent stream alive (HTML §9.2.7). */
export function encodeComment(text: string): string {
  return encodeEvent({ comment: text });
}

function mustBeText(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  const how = field === 'data' && typeof value === 'object' ? ': JSON.stringify makes one of an object' : '';
  throw new TypeError(`${field} is ${describe(value)}, must be a string${how} (HTML §9.2.5)`);
}

/** §9.2.5: `field = 1*name-char [ colon [ space ] *any-char ]`; any-char is anything but CR and LF. */
function oneLine(field: string, value: string): string {
  mustBeText(field, value);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    // NUL: a client ignores an id that has one (§9.2.6); refused in both for one rule.
    if (code === 0x0a || code === 0x0d || code === 0) {
      throw new TypeError(
        `${field} has ${code === 0 ? 'NUL' : code === 0x0a ? 'LF' : 'CR'} at ${i}, which a field cannot carry (HTML §9.2.5)`,
      );
    }
  }
  return value;
}

/** One line a line of `text`, each behind `prefix`. The space behind a colon is the one that a client takes off (§9.2.6). */
function lines(prefix: string, text: string): string {
  let lf = text.indexOf('\n');
  let cr = text.indexOf('\r');
  if (lf < 0 && cr < 0) return `${prefix}${text}\n`; // the common case by far
  // Each is searched for again only once passed. `length` when there is none.
  const { length } = text;
  let out = '';
  for (let start = 0; ; ) {
    if (lf < start) {
      lf = text.indexOf('\n', start);
      if (lf < 0) lf = length;
    }
    if (cr < start) {
      cr = text.indexOf('\r', start);
      if (cr < 0) cr = length;
    }
    const end = cr < lf ? cr : lf;
    out += `${prefix}${text.slice(start, end)}\n`;
    if (end === length) return out;
    start = end === cr && lf === end + 1 ? end + 2 : end + 1;
  }
}
