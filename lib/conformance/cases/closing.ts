/**
 * Group 7: the closing handshake (RFC 6455 §5.5.1, §7): what a close frame may hold and what may follow it.
 *
 * Here a wrong close code fails the case, since the code is all that can be seen. Read next: `limits.ts`.
 */

import {
  CLOSE_ON_MATCH,
  type CloseRule,
  cycle,
  fill,
  hex,
  type ScriptCase,
  type Step,
  seenText,
  utf8,
} from '../case.ts';
import { CLOSE, closeBody, PING, TEXT } from '../wire.ts';

const HELLO = utf8('Hello World!');
const NOTHING = Buffer.alloc(0);

/** The tester closes in its steps and the peer answers cleanly. */
function answered(...codes: number[]): CloseRule {
  return { first: 'tester', codes, clean: true, tester: 'in-steps' };
}

/** The tester's close is itself a violation: the peer may answer with these codes or just drop TCP. */
function refused(...codes: number[]): CloseRule {
  return { first: 'tester', codes, clean: false, tester: 'in-steps' };
}

function closing(id: string, description: string, expectation: string, close: CloseRule, ...steps: Step[]): ScriptCase {
  return {
    id,
    kind: 'script',
    description,
    expectation,
    steps: () => steps,
    accepts: () => [{ behavior: 'OK', seen: [] }],
    close,
    timeoutMs: 1_000,
    onTimeout: 'fail',
    wrongCodeFails: true,
  };
}

const send = (opcode: number, payload: Uint8Array, fin = true): Step => ({ do: 'frame', opcode, fin, payload });
const close = (body: Uint8Array): Step => ({ do: 'close', body });

const ANSWERED = 'The peer answers with a close frame, and nothing else.';
const REFUSED = 'The peer closes with 1002 or drops TCP.';

const PERMITTED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const FORBIDDEN = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

export const CLOSING_CASES: readonly ScriptCase[] = [
  {
    ...closing(
      '7.1.1',
      'A text, then a close once its echo is there.',
      'The text comes back and the close is answered.',
      CLOSE_ON_MATCH,
      send(TEXT, HELLO),
    ),
    accepts: () => [{ behavior: 'OK', seen: [seenText(HELLO)] }],
  },
  closing(
    '7.1.2',
    'Two close frames.',
    'One close comes back; the second is ignored.',
    answered(1000),
    close(closeBody(1000)),
    send(CLOSE, NOTHING),
  ),
  closing(
    '7.1.3',
    'A close, then a ping.',
    'The close is answered, the ping is not.',
    answered(1000),
    close(closeBody(1000)),
    send(PING, NOTHING),
  ),
  closing(
    '7.1.4',
    'A close, then a text.',
    'The close is answered, the text ignored.',
    answered(1000),
    close(closeBody(1000)),
    send(TEXT, HELLO),
  ),
  closing(
    '7.1.5',
    'A close in the middle of a message, then the rest of it.',
    'The close is answered, the message never delivered.',
    answered(1000),
    send(TEXT, utf8('fragment1'), false),
    close(closeBody(1000)),
    send(0, utf8('fragment2')),
  ),
  {
    id: '7.1.6',
    kind: 'script',
    description: 'A text of 256 KiB, a short text, a close and a ping, all at once.',
    expectation: 'Informational: does the peer handle what came before the close, or the close first?',
    steps: () => [
      send(TEXT, cycle(utf8('BAsd7&jh23'), 262_144)),
      send(TEXT, HELLO),
      close(closeBody(1000)),
      send(PING, NOTHING),
    ],
    close: answered(1000),
    timeoutMs: 1_000,
    onTimeout: 'fail',
  },
  closing('7.3.1', 'A close without a body.', ANSWERED, answered(1000), close(NOTHING)),
  closing('7.3.2', 'A close with a body of one octet.', REFUSED, refused(1002), close(utf8('a'))),
  closing('7.3.3', 'A close with a code.', ANSWERED, answered(1000), close(closeBody(1000))),
  closing(
    '7.3.4',
    'A close with a code and a reason.',
    ANSWERED,
    answered(1000),
    close(closeBody(1000, 'Hello World!')),
  ),
  closing(
    '7.3.5',
    'A close with a reason of 123 octets: the most there is room for.',
    ANSWERED,
    answered(1000),
    close(closeBody(1000, fill(0x2a, 123))),
  ),
  closing(
    '7.3.6',
    'A close with a reason of 124 octets: a body of 126.',
    REFUSED,
    refused(1002),
    close(closeBody(1000, fill(0x2a, 124))),
  ),
  closing(
    '7.5.1',
    'A close whose reason is not UTF-8.',
    'The peer closes with 1007 (or 1002), or drops TCP.',
    refused(1002, 1007),
    close(closeBody(1000, hex('cebae1bdb9cf83cebcceb5eda080656469746564'))),
  ),
  ...PERMITTED.map((code, i) =>
    closing(
      `7.7.${i + 1}`,
      `A close with code ${code}, which may be sent.`,
      `The peer answers with ${code === 1000 ? '' : `${code} or `}1000.`,
      code === 1000 ? answered(1000) : answered(1000, code),
      close(closeBody(code)),
    ),
  ),
  ...FORBIDDEN.map((code, i) =>
    closing(
      `7.9.${i + 1}`,
      `A close with code ${code}, which must not be sent.`,
      REFUSED,
      refused(1002),
      close(closeBody(code)),
    ),
  ),
  ...[5_000, 65_535].map(
    (code, i): ScriptCase => ({
      id: `7.13.${i + 1}`,
      kind: 'script',
      description: `A close with code ${code}, of which RFC 6455 says nothing.`,
      expectation: 'Informational: what does the peer answer?',
      steps: () => [close(closeBody(code))],
      close: refused(1000, code, 1002),
      timeoutMs: 1_000,
      onTimeout: 'fail',
    }),
  ),
];
