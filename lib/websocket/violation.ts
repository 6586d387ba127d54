/**
 * What a peer did wrong, as a value: the cores return it, the layer above makes an error of it.
 *
 * One code per rule, stable, so that the list below is a checklist of RFC 6455's "fail the connection" clauses.
 * Read next: `frame-parser.ts` and `message-assembler.ts`, which return these.
 */

export type ViolationCode =
  | 'WS_RESERVED_BIT'
  | 'WS_RESERVED_OPCODE'
  | 'WS_MASK_MISSING'
  | 'WS_MASK_FORBIDDEN'
  | 'WS_LENGTH_NOT_MINIMAL'
  | 'WS_LENGTH_HIGH_BIT'
  | 'WS_CONTROL_TOO_LONG'
  | 'WS_CONTROL_FRAGMENTED'
  | 'WS_CONTINUATION_UNEXPECTED'
  | 'WS_CONTINUATION_EXPECTED'
  | 'WS_COMPRESSED_CONTROL_OR_CONTINUATION'
  | 'WS_COMPRESSED_DATA'
  | 'WS_MESSAGE_TOO_BIG'
  | 'WS_TOO_MANY_FRAMES'
  | 'WS_INVALID_UTF8'
  | 'WS_CLOSE_PAYLOAD'
  | 'WS_CLOSE_CODE'
  | 'WS_CLOSE_REASON';

export interface Violation {
  readonly code: ViolationCode;
  /** The close code that our close frame carries (RFC 6455 §7.1.7, §7.4.1). */
  readonly closeCode: number;
  /** Fact and bound. */
  readonly detail: string;
  /** The clause. */
  readonly section: string;
}
