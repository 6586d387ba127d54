/**
 * Request and response heads, both ways (RFC 9112 §2-5).
 *
 * A head goes in whole, as text of one character an octet, without the empty line that ends it; finding that end is the
 * parsers' work. Lines end with CR LF and nothing else: §2.2 lets a recipient accept a bare LF, and
 * Stricter than the RFC: we refuse it, since what two parsers cut differently can smuggle a request.
 * Read next: `body.ts`, then `request-parser.ts`.
 */

import { isFieldValue, isToken, trimOws } from './grammar.ts';
import { checkField, HeaderFields } from './headers.ts';

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The x of HTTP/1.x. */
  readonly minor: number;
  readonly headers: HeaderFields;
  /** The head as it came, for `HeaderFields.fromHead`. */
  readonly text: string;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: number;
  readonly headers: HeaderFields;
}

/** What was wrong with a message, and the status with which a server answers it. */
export interface HttpViolation {
  readonly kind: 'failed';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly section: string;
}

export function violation(status: number, code: string, detail: string, section: string): HttpViolation {
  return { kind: 'failed', status, code, detail, section };
}

export interface HeadLimits {
  readonly maxRequestLineBytes: number;
  readonly maxHeaderCount: number;
}

/** Reads a request's head: request line and field lines, without the final empty line. */
export function parseRequestHead(text: string, limits: HeadLimits): RequestHead | HttpViolation {
  const lineEnd = endOfLine(text, 0);
  if (lineEnd > limits.maxRequestLineBytes) {
    // RFC 9112 §3: 414 for a request-target longer than the server wishes to parse.
    return violation(
      414,
      'HTTP_REQUEST_LINE_TOO_LONG',
      `request line is ${lineEnd} bytes, limit ${limits.maxRequestLineBytes}`,
      'RFC 9112 §3',
    );
  }
  const line = text.slice(0, lineEnd);
  // §3: method SP request-target SP HTTP-version, with single spaces.
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  // Kept for as long as a WebSocket lives: a literal is one string for all of them.
  const method = line.startsWith('GET ') ? 'GET' : line.slice(0, Math.max(first, 0));
  const target = line.slice(first + 1, Math.max(second, 0));
  if (first <= 0 || second < 0 || !isToken(method) || target === '') {
    return violation(400, 'HTTP_REQUEST_LINE', 'request line is not "method target version"', 'RFC 9112 §3');
  }
  const minor = minorVersion(line.slice(second + 1));
  if (minor === undefined) return violation(400, 'HTTP_VERSION', 'version is not HTTP/digit.digit', 'RFC 9112 §2.3');
  if (minor < 0) return violation(505, 'HTTP_VERSION_UNSUPPORTED', 'only HTTP/1.x is spoken here', 'RFC 9112 §2.3');
  if (!isTarget(target, method))
    return violation(400, 'HTTP_TARGET', 'request-target is not in origin form', 'RFC 9112 §3.2');
  const headers = parseFields(text, lineEnd, limits);
  if ('kind' in headers) return headers;
  return { method, target, minor, headers, text };
}

/** Reads a response's head: status line and field lines, without the final empty line. */
export function parseResponseHead(text: string, limits: HeadLimits): ResponseHead | HttpViolation {
  const lineEnd = endOfLine(text, 0);
  const line = text.slice(0, lineEnd);
  // §4: HTTP-version SP 3DIGIT SP [ reason-phrase ]; the second space is often missing when the phrase is, and accepted so.
  const minor = minorVersion(line.slice(0, 8));
  const digits = line.slice(9, 12);
  if (
    minor === undefined ||
    minor < 0 ||
    line.charAt(8) !== ' ' ||
    !/^[1-9][0-9][0-9]$/.test(digits) ||
    (line.length > 12 && line.charAt(12) !== ' ')
  ) {
    return violation(502, 'HTTP_STATUS_LINE', 'status line is not "HTTP/1.x status reason"', 'RFC 9112 §4');
  }
  const reason = line.slice(13);
  if (!isFieldValue(reason))
    return violation(502, 'HTTP_STATUS_LINE', 'reason phrase has a control character', 'RFC 9112 §4');
  const headers = parseFields(text, lineEnd, limits);
  if ('kind' in headers) return headers;
  return { status: Number(digits), reason, minor, headers };
}

/** Reads field lines from the line end at `position` to the end of the text; also the trailer section of a chunked body. */
export function parseFields(
  text: string,
  position: number,
  limits: Pick<HeadLimits, 'maxHeaderCount'>,
): HeaderFields | HttpViolation {
  const headers = new HeaderFields();
  let start = position + 2;
  while (start < text.length) {
    const end = endOfLine(text, start);
    const first = text.charCodeAt(start);
    if (first === 0x20 || first === 0x09) {
      // §5.2: a server "MUST either reject the message by sending a 400" or unfold. Choice: reject.
      return violation(400, 'HTTP_OBS_FOLD', 'field line begins with white space (obs-fold)', 'RFC 9112 §5.2');
    }
    const colon = text.indexOf(':', start);
    if (colon < 0 || colon >= end) return violation(400, 'HTTP_FIELD_LINE', 'field line has no colon', 'RFC 9112 §5');
    const name = text.slice(start, colon);
    // §5.1: "No whitespace is allowed between the field name and colon"; a server MUST answer 400. A token has none.
    if (!isToken(name)) return violation(400, 'HTTP_FIELD_NAME', 'field name is not a token', 'RFC 9112 §5.1');
    const value = trimOws(text.slice(colon + 1, end));
    // RFC 9110 §5.5: CR, LF and NUL are dangerous; other controls are invalid too. A bare CR or LF ends up here.
    if (!isFieldValue(value))
      return violation(
        400,
        'HTTP_FIELD_VALUE',
        `value of field ${name.slice(0, 40)} has a control character`,
        'RFC 9110 §5.5',
      );
    if (headers.size === limits.maxHeaderCount) {
      return violation(431, 'HTTP_TOO_MANY_FIELDS', `more than ${limits.maxHeaderCount} field lines`, 'RFC 6585 §5');
    }
    headers.appendUnchecked(name, value);
    start = end + 2;
  }
  return headers;
}

/** Where the line that begins at `start` ends: its CR LF, or the end of the text. */
function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\r\n', start);
  return end < 0 ? text.length : end;
}

/** The minor version of HTTP/1.x; -1 for another major version; undefined for another form (RFC 9112 §2.3: case-sensitive). */
function minorVersion(text: string): number | undefined {
  if (!/^HTTP\/[0-9]\.[0-9]$/.test(text)) return undefined;
  return text.charAt(5) === '1' ? Number(text.charAt(7)) : -1;
}

/** RFC 9112 §3.2: origin-form, absolute-form (which "a server MUST accept"), or `*` for OPTIONS. Visible ASCII only. */
function isTarget(target: string, method: string): boolean {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return false; // '#': a fragment is never sent (RFC 9110 §7.1)
  }
  if (target.startsWith('/')) return true;
  if (target === '*') return method === 'OPTIONS';
  return /^https?:\/\/[^/]/i.test(target);
}

/** The phrases of RFC 9110 §15, and of RFC 6585 for 428, 429 and 431. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [100, 'Continue'],
  [101, 'Switching Protocols'],
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [203, 'Non-Authoritative Information'],
  [204, 'No Content'],
  [205, 'Reset Content'],
  [206, 'Partial Content'],
  [300, 'Multiple Choices'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [402, 'Payment Required'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [411, 'Length Required'],
  [412, 'Precondition Failed'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [415, 'Unsupported Media Type'],
  [416, 'Range Not Satisfiable'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [422, 'Unprocessable Content'],
  [426, 'Upgrade Required'],
  [428, 'Precondition Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
]);

type Fields = Iterable<readonly [string, string]>;

/** Lays out a response head, empty line included. @throws TypeError for a field that may not be sent; RangeError for a status outside 100-599 */
export function encodeResponseHead(
  status: number,
  headers: Fields,
  reason: string = REASONS.get(status) ?? '',
): string {
  if (!Number.isInteger(status) || status < 100 || status > 599)
    throw new RangeError(`status ${status} is not in 100-599 (RFC 9110 §15)`);
  if (!isFieldValue(reason)) throw new TypeError('reason phrase has a character that may not be sent (RFC 9112 §4)');
  return `HTTP/1.1 ${status} ${reason}\r\n${encodeFields(headers)}\r\n`;
}

/** Lays out a request head, empty line included. @throws TypeError for anything that may not be sent */
export function encodeRequestHead(method: string, target: string, headers: Fields): string {
  if (!isToken(method)) throw new TypeError(`method ${JSON.stringify(method)} is not a token (RFC 9110 §9.1)`);
  if (!isTarget(target, method))
    throw new TypeError(`request-target ${JSON.stringify(target)} may not be sent (RFC 9112 §3.2)`);
  return `${method} ${target} HTTP/1.1\r\n${encodeFields(headers)}\r\n`;
}

function encodeFields(headers: Fields): string {
  let text = '';
  for (const [name, value] of headers) {
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}
