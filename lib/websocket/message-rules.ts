/**
 * The rules about a data frame among its neighbours, stated once for whole messages and for messages in parts (RFC 6455 §5.4, §8.1, §10.4).
 *
 * Answers violations as values; keeps nothing. Read next: `message-assembler.ts` and `message-stream.ts`, which ask.
 */

import { Opcode } from './frame.ts';
import type { Violation } from './violation.ts';

/** §5.4: whether a data frame with `opcode` may come now. */
export function orderViolation(opcode: number, isInMessage: boolean): Violation | undefined {
  if (opcode === Opcode.Continuation) {
    // §5.4: a continuation continues something: the first frame of a message has an opcode other than 0.
    if (!isInMessage) return order('WS_CONTINUATION_UNEXPECTED', 'continuation frame without a message to continue');
  } else if (isInMessage) {
    // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
    return order('WS_CONTINUATION_EXPECTED', `frame with opcode ${opcode} inside a fragmented message`);
  }
  return undefined;
}

function order(code: Violation['code'], detail: string): Violation {
  return { code, closeCode: 1002, detail, section: 'RFC 6455 §5.4' };
}

/** §10.4: implementations "MUST impose limits"; §7.4.1: 1009. */
export function tooBig(bytes: number, maxBytes: number): Violation {
  return {
    code: 'WS_MESSAGE_TOO_BIG',
    closeCode: 1009,
    detail: `message is ${bytes} bytes or more, limit ${maxBytes}`,
    section: 'RFC 6455 §10.4',
  };
}

/** The same where the message came compressed: the bound is on the message, in whatever form it comes. */
export function decompressedTooBig(maxBytes: number): Violation {
  return { ...tooBig(0, maxBytes), detail: `message decompresses to more than ${maxBytes} bytes` };
}

/** §8.1: text that is not UTF-8 fails the connection. */
export function invalidUtf8(): { readonly kind: 'violation'; readonly violation: Violation } {
  return {
    kind: 'violation',
    violation: {
      code: 'WS_INVALID_UTF8',
      closeCode: 1007, // §7.4.1: "data within a message that was not consistent with the type of the message"
      detail: 'text message is not UTF-8',
      section: 'RFC 6455 §8.1',
    },
  };
}
