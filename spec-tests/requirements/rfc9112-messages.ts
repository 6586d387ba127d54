/**
 * RFC 9112 §2 to §5: messages, request lines, status lines and fields.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { OPENING, REQUESTS, RESPONSES, SERVER_HTTP } from './tests.ts';

export const RFC9112_MESSAGES: readonly Requirement[] = [
  // RFC 9112 §2-3: messages and request lines
  {
    id: '9112-2.2-octets',
    source: 'RFC 9112 §2.2',
    quote: 'A recipient MUST parse an HTTP message as a sequence of octets',
    tests: [
      [REQUESTS, 'keep their order, their case and their repetitions; white space around values is taken off (§5.1)'],
      ['properties/http.test.ts', 'arbitrary bytes never throw and never make a request'],
    ],
  },
  {
    id: '9112-2.2-bare-cr',
    source: 'RFC 9112 §2.2',
    quote: 'A recipient of such a bare CR MUST consider that element to be invalid',
    tests: [
      [REQUESTS, 'a bare CR within a field'],
      [REQUESTS, 'a bare CR at the start of a field line'],
      [REQUESTS, 'two CRs in front of the LF of a field line'],
    ],
  },
  {
    id: '9112-2.2-no-bare-cr',
    source: 'RFC 9112 §2.2',
    quote: 'A sender MUST NOT generate a bare CR',
    tests: [[REQUESTS, 'what a caller gives cannot end a line: a TypeError, never a repair']],
  },
  {
    id: '9112-2.2-empty-line',
    source: 'RFC 9112 §2.2',
    quote: 'SHOULD ignore at least one empty line (CRLF) received prior to the request-line',
    tests: [
      [REQUESTS, 'one empty line in front of a request (§2.2)'],
      [REQUESTS, 'one empty line in front of each pipelined request (§2.2)'],
    ],
  },
  {
    id: '9112-2.2-leading-space',
    source: 'RFC 9112 §2.2',
    quote: 'A recipient that receives whitespace between the start-line and the first header field MUST either reject',
    tests: [[REQUESTS, 'white space in front of the first field line (§2.2)']],
  },
  {
    id: '9112-2.2-400',
    source: 'RFC 9112 §2.2',
    quote: 'the server SHOULD respond with a 400 (Bad Request) response and close the connection',
    tests: [
      [REQUESTS, 'every refusal names its clause'],
      [
        SERVER_HTTP,
        'ambiguous framing is refused with Connection: close, and nothing behind it is parsed (§6.3, §11.2)',
      ],
    ],
  },
  {
    id: '9112-3-414',
    source: 'RFC 9112 §3',
    quote: 'wishes to parse MUST respond with a 414 (URI Too Long) status code',
    tests: [
      [REQUESTS, 'a request line of maxRequestLineBytes passes, one octet more is answered 414 (§3)'],
      [
        REQUESTS,
        'a request line that alone exceeds the head’s limit is answered 414 too, before its end has come (§3)',
      ],
    ],
  },
  {
    id: '9112-3-501',
    source: 'RFC 9112 §3',
    quote: 'SHOULD respond with a 501 (Not Implemented) status code',
    tests: [
      [
        SERVER_HTTP,
        '404, 405 with Allow, 501 for methods that nobody knows, 426 where only WebSocket is spoken (RFC 9110 §15.5, §15.6.2)',
      ],
    ],
  },
  {
    id: '9112-3.2-invalid',
    source: 'RFC 9112 §3.2',
    quote: 'Recipients of an invalid request-line SHOULD respond with either a 400 (Bad Request) error',
    tests: [
      [REQUESTS, 'a space within the target (§3.2)'],
      [REQUESTS, 'a fragment in the target'],
      [REQUESTS, 'octets beyond ASCII in the target'],
    ],
  },
  {
    id: '9112-3.2-no-correction',
    source: 'RFC 9112 §3.2',
    quote: 'SHOULD NOT attempt to autocorrect and then process the request without a redirect',
    tests: [
      [REQUESTS, 'two spaces behind the method'],
      [REQUESTS, 'white space behind the version'],
    ],
  },
  {
    id: '9112-3.2-client-host',
    source: 'RFC 9112 §3.2',
    quote: 'A client MUST send a Host header field',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '9112-3.2-host',
    source: 'RFC 9112 §3.2',
    quote: 'A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks',
    tests: [
      [REQUESTS, 'no Host in HTTP/1.1'],
      [REQUESTS, 'two Hosts'],
      [REQUESTS, 'a Host with a path'],
    ],
  },
  {
    id: '9112-3.2.2-ignore-host',
    source: 'RFC 9112 §3.2.2',
    quote:
      'MUST ignore the received Host header field (if any) and instead use the host information of the request-target',
    tests: [[REQUESTS, 'its authority replaces Host, which must be there but is ignored']],
  },
  {
    id: '9112-3.2.2-accept',
    source: 'RFC 9112 §3.2.2',
    quote: 'A server MUST accept the absolute-form in requests',
    tests: [
      [REQUESTS, 'absolute-form (§3.2.2)'],
      [REQUESTS, 'absolute-form without a path (§3.2.2)'],
    ],
  },
  // §4-5: status and field lines
  {
    id: '9112-4-space',
    source: 'RFC 9112 §4',
    quote: 'A server MUST send the space that separates the status-code from the reason-phrase',
    tests: [[REQUESTS, 'a response head is a status line, fields and an empty line (§4)']],
  },
  {
    id: '9112-4-reason',
    source: 'RFC 9112 §4',
    quote: 'A client SHOULD ignore the reason-phrase content',
    tests: [
      [RESPONSES, 'a status line without a phrase'],
      [RESPONSES, 'a phrase with white space and octets beyond ASCII'],
    ],
  },
  {
    id: '9112-5.1-colon',
    source: 'RFC 9112 §5.1',
    quote: 'server MUST reject, with a response status code of 400 (Bad Request)',
    tests: [
      [REQUESTS, 'a space in front of the colon (§5.1)'],
      [REQUESTS, 'a tab in front of the colon (§5.1)'],
    ],
  },
  {
    id: '9112-5.2-send-fold',
    source: 'RFC 9112 §5.2',
    quote: 'A sender MUST NOT generate a message that includes line folding',
    tests: [[REQUESTS, 'what a caller gives cannot end a line: a TypeError, never a repair']],
  },
  {
    id: '9112-5.2-fold',
    source: 'RFC 9112 §5.2',
    quote: 'MUST either reject the message by sending a 400 (Bad Request)',
    tests: [
      [REQUESTS, 'a folded field line (obs-fold, §5.2)'],
      [REQUESTS, 'a folded field line with a tab (obs-fold, §5.2)'],
    ],
  },
  {
    id: '9112-5.2-fold-response',
    source: 'RFC 9112 §5.2',
    quote: 'container MUST replace each received obs-fold with one or more SP octets',
    tests: [[RESPONSES, 'a folded field line']],
    deviation:
      'A user agent must unfold; ours fails such a response, since no server that speaks WebSocket or event streams folds.',
  },
];
