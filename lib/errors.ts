/**
 * Every error this library can throw or report.
 *
 *     BarewireError            .code is stable, one per rule; .message is: fact, bound, clause
 *     ├── ProtocolViolation    the peer broke a rule; reported as data by the cores, never thrown by them
 *     ├── ConnectFailed        there was no answer: not reached, no TLS, too late, given up; `cause` has the system's own error
 *     ├── HandshakeRejected    an opening handshake was answered, and not as it must be; carries the answer
 *     ├── InflateError         compressed data is malformed or too large (`deflate/inflate-error.ts`)
 *     └── ConnectionClosed     an operation needed an open connection and there was none
 *
 * A caller's misuse is not in this tree: it throws the language's own TypeError or RangeError at the call.
 * This file knows no protocol; each layer names its codes where it enforces the rule.
 * Read next: `limits.ts`.
 */

/** The base of all errors of this library. */
export class BarewireError extends Error {
  /** A stable identifier such as `WS_RESERVED_BIT`: safe to compare, never reworded. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The peer sent something that the specification named in `section` forbids, or that exceeds a limit of ours. */
export class ProtocolViolation extends BarewireError {
  /** The clause, for example `RFC 6455 §5.5`. */
  readonly section: string;

  constructor(code: string, detail: string, section: string, options?: ErrorOptions) {
    super(code, `${detail} (${section})`, options);
    this.section = section;
  }
}

/**
 * A client got no answer to its opening handshake. Codes: `DIAL_REFUSED`, `DIAL_NOT_FOUND`, `DIAL_TIMEOUT`, `DIAL_FAILED`;
 * `TLS_CERTIFICATE`, `TLS_FAILED`; `PROXY_FAILED`; `HANDSHAKE_TIMEOUT`, `HANDSHAKE_ABORTED`, `HANDSHAKE_INCOMPLETE`;
 * `HEADERS_FAILED` and `HEADERS_INVALID` when the application's own `headers` function threw, or gave what cannot be sent.
 */
export class ConnectFailed extends BarewireError {}

/** What a refused handshake was answered. */
export interface HandshakeAnswer {
  readonly status: number;
  readonly headers: HeaderFieldsLike;
  /** The beginning of the response's body. */
  readonly body?: Uint8Array;
}

/** As much of `HeaderFields` as an error shows; the class itself belongs to a layer above. */
export interface HeaderFieldsLike extends Iterable<[string, string]> {
  /** The values of all lines with this name, joined by ", "; undefined when there is none. */
  get(name: string): string | undefined;
}

/**
 * An opening handshake (WebSocket) or a request for an event stream was answered with a refusal, or with something malformed.
 * Where the refusal's body is text, the message ends with its first line, so that a log shows the server's reason.
 */
export class HandshakeRejected extends BarewireError {
  /** HTTP status of the refusal; 0 where what came was not a response. */
  readonly status: number;
  /** The response's header fields; empty where what came was not a response. */
  readonly headers: HeaderFieldsLike;
  /** The first 4 KiB of the response's body. */
  readonly body: Uint8Array;

  constructor(code: string, message: string, answer?: HandshakeAnswer, options?: ErrorOptions) {
    const line = answer === undefined ? '' : firstLine(answer);
    super(code, line === '' ? message : `${message}: ${line}`, options);
    this.status = answer?.status ?? 0;
    this.headers = answer?.headers ?? NO_HEADERS;
    this.body = answer?.body ?? new Uint8Array(0);
  }

  /** The body as text. */
  text(): string {
    return new TextDecoder().decode(this.body);
  }
}

/** How much of a refusal's body an error's message repeats: enough for a sentence, little enough for a line of a log. */
const MAX_QUOTED_CHARACTERS = 200;

/** Text that people may read as it stands; ws and others send a sentence as text/html. Markup is left out where it begins. */
const READABLE = /^(text\/[a-z.-]+|application\/([a-z.-]+\+)?json)\s*(;|$)/i;

/**
 * The first line of a refusal's body that says anything, of JSON all lines in one, without control and format characters, which
 * could forge lines of a log or hide text. Empty where the body is no text; one without a type is text where it is UTF-8.
 */
function firstLine({ headers, body }: HandshakeAnswer): string {
  const type = headers.get('content-type') ?? 'text/plain';
  if (body === undefined || !READABLE.test(type)) return '';
  const text = decodeUtf8(body);
  const lines = /json/i.test(type) ? [text.replace(/\s+/g, ' ')] : text.split(/[\r\n]/);
  const line = lines.map((each) => each.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()).find((each) => each !== '');
  if (line === undefined || line.startsWith('<')) return '';
  return line.length <= MAX_QUOTED_CHARACTERS ? line : `${line.slice(0, MAX_QUOTED_CHARACTERS).toWellFormed()}…`;
}

/** Bytes as text, empty where they are no UTF-8. A character that is cut off at the end is left out: the body may have been cut there. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return '';
  }
}

const NO_HEADERS: HeaderFieldsLike = { get: () => undefined, *[Symbol.iterator]() {} };

/** An operation needed an open connection. */
export class ConnectionClosed extends BarewireError {}

/** `instanceof`, of anything: a revoked Proxy, at which the operator itself throws, is an instance of nothing. Not exported by the package. */
export function isInstance<T>(value: unknown, kind: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
}

/** Answers what was thrown as an error: anything can be thrown, also what has no string form. Not exported by the package. */
export function asError(thrown: unknown): Error {
  return isInstance(thrown, Error) ? thrown : new Error(printable(thrown));
}

/** Answers what was thrown as text, with its stack where it has one. */
export function printable(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown);
  } catch {
    return 'something that cannot be printed was thrown';
  }
}

/** A promise of whatever make. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Hears of the rejection of what a function of the application returned, where that is a promise: unheard, it ends the process. */
export function whenRejected(result: unknown, told: (error: unknown) => void): void {
  if (isPromise(result)) result.then(undefined, told);
}
