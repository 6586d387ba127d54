/**
 * Close codes and the payload of a close frame (RFC 6455 §5.5.1, §7.4).
 *
 * Knows which codes may stand on the wire, who may choose them, and how code and reason are laid out.
 * Never knows whether a close was expected: that is `state.ts`. Read next: `state.ts`.
 */

import { decodeUtf8, encodeUtf8Into, isValidUtf8, utf8ByteLength } from '../bytes/utf8.ts';
import type { Violation } from './violation.ts';

/** The codes with a meaning of their own: RFC 6455 §7.4.1 and the IANA registry that it founded (1012-1014). */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  /** Never on the wire: the peer's close frame carried no code. */
  NoStatusReceived: 1005,
  /** Never on the wire: the connection ended without a close frame. */
  Abnormal: 1006,
  InvalidPayload: 1007,
  PolicyViolation: 1008,
  MessageTooBig: 1009,
  MandatoryExtension: 1010,
  InternalError: 1011,
  ServiceRestart: 1012,
  TryAgainLater: 1013,
  BadGateway: 1014,
  /** Never on the wire: TLS could not be set up. */
  TlsHandshake: 1015,
} as const;

/** The longest reason: 125 octets of control payload less two for the code (§5.5, §5.5.1). */
export const MAX_REASON_BYTES = 123;

/** Whether a close frame may carry `code` (§7.4.1, §7.4.2): not 0-999, 1004-1006, 1015, nor what nobody has defined. */
export function isWireCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true; // §7.4.2: registered by libraries (3000-3999), private (4000-4999)
  if (code < 1000 || code > 1014) return false; // §7.4.2: 0-999 "are not used"; 1015 and 1016-2999 are reserved
  return code !== 1004 && code !== 1005 && code !== 1006; // §7.4.1: reserved, "MUST NOT be set ... by an endpoint"
}

export interface ClosePayload {
  /** 1005 when the frame was empty (§7.1.5). */
  readonly code: number;
  readonly reason: string;
}

/** Reads a close frame's unmasked payload; a violation comes back as a value. */
export function parseClosePayload(payload: Uint8Array): ClosePayload | Violation {
  if (payload.length === 0) return { code: CloseCode.NoStatusReceived, reason: '' };
  if (payload.length === 1) {
    // §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
    return {
      code: 'WS_CLOSE_PAYLOAD',
      closeCode: CloseCode.ProtocolError,
      detail: 'close frame payload is 1 byte, a code needs 2',
      section: 'RFC 6455 §5.5.1',
    };
  }
  const code = (payload[0]! << 8) | payload[1]!;
  if (!isWireCloseCode(code)) {
    return {
      code: 'WS_CLOSE_CODE',
      closeCode: CloseCode.ProtocolError,
      detail: `close code ${code} may not be sent`,
      section: 'RFC 6455 §7.4',
    };
  }
  if (!isValidUtf8(payload, 2, payload.length)) {
    // §5.5.1: the reason is "UTF-8-encoded data"; §8.1 fails the connection where it is not.
    return {
      code: 'WS_CLOSE_REASON',
      closeCode: CloseCode.InvalidPayload,
      detail: 'close reason is not UTF-8',
      section: 'RFC 6455 §5.5.1, §8.1',
    };
  }
  return { code, reason: decodeUtf8(payload, 2, payload.length) };
}

/**
 * Lays out code and reason; `undefined` for no code gives an empty payload.
 * @throws RangeError for a code that may not be sent, a reason without a code, or one over 123 bytes; TypeError for a
 * reason that is no string
 */
export function encodeClosePayload(code: number | undefined, reason: string): Uint8Array {
  if (typeof reason !== 'string') throw new TypeError(`close reason is ${typeof reason}, must be a string`);
  if (code === undefined) {
    if (reason !== '') throw new RangeError('a close reason needs a close code (RFC 6455 §5.5.1)');
    return new Uint8Array(0);
  }
  if (!Number.isInteger(code))
    throw new RangeError(`close code is ${typeof code}, must be a whole number (RFC 6455 §7.4)`);
  if (!isWireCloseCode(code)) {
    throw new RangeError(
      `close code ${code} may not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 may (RFC 6455 §7.4)`,
    );
  }
  const reasonBytes = utf8ByteLength(reason);
  if (reasonBytes > MAX_REASON_BYTES) {
    throw new RangeError(`close reason is ${reasonBytes} bytes, limit ${MAX_REASON_BYTES} (RFC 6455 §5.5)`);
  }
  const payload = new Uint8Array(2 + reasonBytes);
  payload[0] = code >>> 8;
  payload[1] = code;
  encodeUtf8Into(reason, payload, 2);
  return payload;
}

/** The payload of the close frame with which we fail a connection (§7.1.7): why, in words. */
export function failurePayload({ closeCode, detail, section }: Violation): Uint8Array {
  // Our own details are ASCII and short; the cut is for the bound's sake (§5.5: 125 bytes with the code).
  return encodeClosePayload(closeCode, `${detail} (${section})`.slice(0, 120).replace(/[^ -~]/g, ''));
}
