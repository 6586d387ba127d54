/**
 * Every error this library can throw or report.
 *
 *     BarewireError            .code is stable, one per rule; .message is: fact, bound, clause
 *     ├── ProtocolViolation    the peer broke a rule; reported as data by the cores, never thrown by them
 *     ├── HandshakeRejected    an opening handshake did not succeed; carries the HTTP status when there was one
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

/** An opening handshake (WebSocket) or an initial request (event stream) was refused or malformed. */
export class HandshakeRejected extends BarewireError {
  /** HTTP status of the refusal; 0 when no response head arrived. */
  readonly status: number;

  constructor(code: string, message: string, status = 0, options?: ErrorOptions) {
    super(code, message, options);
    this.status = status;
  }
}

/** An operation needed an open connection. */
export class ConnectionClosed extends BarewireError {}
