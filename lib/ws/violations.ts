/**
 * The errors that ws tells of a peer that broke a rule: its codes, its classes and its first words, with our detail behind.
 *
 * ws documents the codes (`WS_ERR_…`); programs compare them. Read next: `link.ts`.
 */

import type { ProtocolViolation } from '../errors.ts';

/** Ours to ws's. What ws has no name for has the nearest. */
const CODES: Readonly<Record<string, string>> = {
  WS_RESERVED_OPCODE: 'WS_ERR_INVALID_OPCODE',
  WS_MASK_MISSING: 'WS_ERR_EXPECTED_MASK',
  WS_MASK_FORBIDDEN: 'WS_ERR_UNEXPECTED_MASK',
  WS_LENGTH_NOT_MINIMAL: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  WS_LENGTH_HIGH_BIT: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  WS_CONTINUATION_UNEXPECTED: 'WS_ERR_INVALID_OPCODE',
  WS_CONTINUATION_EXPECTED: 'WS_ERR_INVALID_OPCODE',
  WS_CONTROL_TOO_LONG: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  WS_CONTROL_FRAGMENTED: 'WS_ERR_EXPECTED_FIN',
  WS_TOO_MANY_FRAMES: 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
  WS_COMPRESSED_CONTROL_OR_CONTINUATION: 'WS_ERR_UNEXPECTED_RSV_1',
  WS_COMPRESSED_DATA: 'Z_DATA_ERROR',
  WS_MESSAGE_TOO_BIG: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  WS_INVALID_UTF8: 'WS_ERR_INVALID_UTF8',
  WS_CLOSE_PAYLOAD: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  WS_CLOSE_CODE: 'WS_ERR_INVALID_CLOSE_CODE',
  WS_CLOSE_REASON: 'WS_ERR_INVALID_UTF8',
};

/** ws's words where it has no detail to give. */
const MESSAGES: Readonly<Record<string, string>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'Max payload size exceeded',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'Too many message fragments',
};

/** The error for an `error` event. `cause` is the violation as we tell it, with its clause. */
export function wsError(violation: ProtocolViolation): Error & { readonly code: string } {
  const code = codeOf(violation);
  const isPlain = code === 'WS_ERR_INVALID_UTF8' || code === 'Z_DATA_ERROR';
  const message = MESSAGES[code] ?? `Invalid WebSocket frame: ${violation.message}`;
  const error = new (isPlain ? Error : RangeError)(message, { cause: violation });
  return Object.assign(error, { code });
}

/** Of the reserved bits ws tells apart which one it was. */
function codeOf({ code, message }: ProtocolViolation): string {
  if (code === 'WS_RESERVED_BIT')
    return /are 100,/.test(message) ? 'WS_ERR_UNEXPECTED_RSV_1' : 'WS_ERR_UNEXPECTED_RSV_2_3';
  return CODES[code] ?? code;
}
