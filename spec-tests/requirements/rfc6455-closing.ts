/**
 * RFC 6455 §7 to §11: closing, UTF-8, extensions and security.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import {
  ATTACKS,
  CLIENT_WS,
  CLOSING,
  CONTROL,
  DEADLINES,
  FRAGMENTS,
  FRAMES,
  FRAMING,
  OPENING,
  PARTS,
  PMD_FRAMING,
  PMD_IN,
  PMD_NEGOTIATION,
  SERVER_WS,
  TLS,
  UTF8,
} from './tests.ts';

export const RFC6455_CLOSING: readonly Requirement[] = [
  // §7: closing
  {
    id: '6455-7.1.1-clean',
    source: 'RFC 6455 §7.1.1',
    quote: 'cleanly closes the TCP connection, as well as the TLS session, if applicable',
    tests: [
      [TLS, 'both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)'],
    ],
  },
  {
    id: '6455-7.1.1-server-first',
    source: 'RFC 6455 §7.1.1',
    quote: 'SHOULD be closed first by the server',
    tests: [
      [
        SERVER_WS,
        'one open is matched by one close, whatever ends the connection, and nothing is delivered behind terminate',
      ],
      [
        CLIENT_WS,
        'behind both close frames it waits for the server to end TCP, and ends it by itself after closeTimeoutMs (RFC 6455 §7.1.1)',
      ],
    ],
  },
  {
    id: '6455-7.1.1-abnormal',
    source: 'RFC 6455 §7.1.1',
    quote: 'a client MAY initiate the TCP Close',
    tests: [
      [
        CLIENT_WS,
        'behind both close frames it waits for the server to end TCP, and ends it by itself after closeTimeoutMs (RFC 6455 §7.1.1)',
      ],
      [
        CLIENT_WS,
        'FIN or a reset without a close frame is 1006 and not clean; a mute server is dropped after closeTimeoutMs',
      ],
      [
        DEADLINES,
        'closeTimeoutMs after our close frame TCP is dropped: 1006 if the peer never answered, its code if it did (§7.1.1, §7.1.5)',
      ],
    ],
  },
  {
    id: '6455-7.1.2-close',
    source: 'RFC 6455 §7.1.2',
    quote: 'an endpoint MUST send a Close control frame',
    tests: [
      [
        CLOSING,
        'we begin: data still arrives until the peer’s close frame, and its code is the connection’s (§1.4, §7.1.5)',
      ],
    ],
  },
  {
    id: '6455-7.1.7-close-frame',
    source: 'RFC 6455 §7.1.7',
    quote: 'endpoint SHOULD send a Close frame with an appropriate status code',
    tests: [
      [CLOSING, 'what our own failure says fits a close frame and is ASCII'],
      [FRAMING, '<…> fails the connection with 1002, and nothing after it is looked at'],
    ],
  },
  {
    id: '6455-7.1.7-stop',
    source: 'RFC 6455 §7.1.7',
    quote: 'An endpoint MUST NOT continue to attempt to process data',
    tests: [[CLOSING, 'after a failure nothing is received and no second close frame is sent (§7.1.7)']],
  },
  {
    id: '6455-7.2.1-lost',
    source: 'RFC 6455 §7.2.1',
    quote:
      'the underlying transport layer connection is unexpectedly lost, the client MUST _Fail the WebSocket Connection_',
    tests: [
      [
        CLIENT_WS,
        'FIN or a reset without a close frame is 1006 and not clean; a mute server is dropped after closeTimeoutMs',
      ],
    ],
  },
  {
    id: '6455-7.2.2-abort',
    source: 'RFC 6455 §7.2.2',
    quote: 'the server MUST simply _Close the WebSocket Connection_',
    tests: [
      [
        SERVER_WS,
        'every refusal is a whole response with Connection: close, and what follows is never parsed (§4.2.2)',
      ],
    ],
  },
  {
    id: '6455-7.4.1-reserved',
    source: 'RFC 6455 §7.4.1',
    quote: '1005 is a reserved value and MUST NOT be set as a status code in a Close control frame',
    tests: [
      [CONTROL, 'code <…> may not be sent and fails with 1002 (§7.4)'],
      [CONTROL, 'a reason of 123 octets passes both ways; 124 is a caller’s mistake'],
    ],
  },
  {
    id: '6455-7.4.1-1006',
    source: 'RFC 6455 §7.4.1',
    quote: '1006 is a reserved value and MUST NOT be set as a status code in a Close control frame',
    tests: [
      [CONTROL, 'code <…> may not be sent and fails with 1002 (§7.4)'],
      [CLOSING, 'no close frame is code 1006 (§7.1.5)'],
    ],
  },
  {
    id: '6455-7.4.1-1015',
    source: 'RFC 6455 §7.4.1',
    quote: '1015 is a reserved value and MUST NOT be set as a status code in a Close control frame',
    tests: [[CONTROL, 'code <…> may not be sent and fails with 1002 (§7.4)']],
  },
  // §8-11
  {
    id: '6455-8.1-fail',
    source: 'RFC 6455 §8.1',
    quote: 'that endpoint MUST _Fail the WebSocket Connection_',
    tests: [
      [UTF8, '<…> fails with 1007, alone, behind ASCII, and across fragments'],
      [UTF8, 'fails at the first octet that cannot be mended, before the message or even its character is whole'],
      [CONTROL, 'a reason that is not UTF-8 fails with 1007 (§8.1)'],
      [PARTS, 'text that is not UTF-8 fails at its first impossible octet, and at an end within a character (§8.1)'],
    ],
  },
  {
    id: '6455-9.1-not-requested',
    source: 'RFC 6455 §9.1',
    quote: 'A server MUST NOT respond with any extension not requested',
    tests: [
      [PMD_NEGOTIATION, 'declines <…> (§7)'],
      [PMD_NEGOTIATION, 'nothing'],
    ],
  },
  {
    id: '6455-9.1-abnf',
    source: 'RFC 6455 §9.1',
    quote: 'the recipient of such malformed data MUST immediately _Fail the WebSocket Connection_',
    tests: [['rfc9112/grammar.test.ts', '<…> is <…>a list of tokens with parameters (RFC 6455 §9.1)']],
  },
  {
    id: '6455-10.2-origin',
    source: 'RFC 6455 §10.2',
    quote: 'SHOULD verify the |Origin| field is an origin they expect',
    tests: [['rfc6454/origin.test.ts', '<…> is <…> origin for Host <…> <…>']],
  },
  {
    id: '6455-10.3-new-key',
    source: 'RFC 6455 §10.3',
    quote: 'Clients MUST choose a new masking key for each frame',
    tests: [
      [
        FRAMING,
        'a client masks every frame with a key that is never the last one, and leaves the caller’s bytes alone',
      ],
      [FRAMES, 'keys are drawn afresh, all bits of them vary, and none comes twice in a row (§5.3)'],
    ],
  },
  {
    id: '6455-10.4-limits',
    source: 'RFC 6455 §10.4',
    quote: 'MUST protect themselves against exceeding those limits',
    tests: [
      [
        FRAGMENTS,
        'a message of exactly maxMessageBytes passes; one octet more fails with 1009, in one frame or in fragments',
      ],
      [FRAGMENTS, 'an announced length fails before its payload arrives, and costs no memory'],
      [FRAGMENTS, 'more than maxFramesPerMessage frames fail with 1008; empty ones count'],
    ],
  },
  {
    id: '6455-10.4-frame-limit',
    source: 'RFC 6455 §10.4',
    quote: 'SHOULD impose a limit on frame sizes and the total message size',
    tests: [
      [
        FRAGMENTS,
        'a message of exactly maxMessageBytes passes; one octet more fails with 1009, in one frame or in fragments',
      ],
      [PMD_IN, 'one byte more fails with 1009'],
    ],
  },
  {
    id: '6455-10.4-single-frame',
    source: 'RFC 6455 §10.4',
    quote: 'sending either a single big frame (e.g., of size 2**60)',
    tests: [
      [SERVER_WS, '1009 above maxMessageBytes, at the announced length, before the payload has come (§7.4.1, §10.4)'],
      [
        ATTACKS,
        'lengths up to 2^63 are refused with 1009 before any allocation, and past it with 1002 (CVE-2016-10542, CVE-2026-1528)',
      ],
    ],
  },
  {
    id: '6455-10.4-small-frames',
    source: 'RFC 6455 §10.4',
    quote: 'a long stream of small frames that are a part of a fragmented message',
    tests: [
      [
        ATTACKS,
        'a message without end of empty fragments is 1008, of small ones 1009; both in bounded memory (CVE-2026-48779)',
      ],
    ],
  },
  {
    id: '6455-10.5-authentication',
    source: 'RFC 6455 §10.5',
    quote: 'can use any client authentication mechanism available to a generic HTTP server',
    tests: [
      [SERVER_WS, 'upgrade decides, at once or later, with a response of its own; frames sent meanwhile are not lost'],
      [CLIENT_WS, 'takes http: and https: for ws: and wss:, and the URL’s user for Authorization'],
    ],
  },
  {
    id: '6455-10.6-tls',
    source: 'RFC 6455 §10.6',
    quote: 'WebSocket implementations MUST support TLS',
    tests: [
      [TLS, 'HTTP, WebSocket and event streams, with our clients and a raw one'],
      [TLS, 'clients verify: an unknown certificate and a wrong name are refused by default (CVE-2020-15133)'],
    ],
  },
  {
    id: '6455-10.7-validate',
    source: 'RFC 6455 §10.7',
    quote: 'Incoming data MUST always be validated by both clients and servers',
    tests: [
      [
        FRAMES,
        'arbitrary bytes end in a listed failure or in nothing, never throw, and are never held beyond the limit',
      ],
      [PMD_FRAMING, 'a client obeys the same rules'],
    ],
  },
  {
    id: '6455-10.7-close',
    source: 'RFC 6455 §10.7',
    quote: 'the endpoint SHOULD send a Close frame with an appropriate status code',
    tests: [[FRAMING, '<…> fails the connection with 1002, and nothing after it is looked at']],
  },
  {
    id: '6455-10.7-status',
    source: 'RFC 6455 §10.7',
    quote: 'SHOULD return an appropriate HTTP [RFC2616] status code',
    tests: [
      [OPENING, 'a rejection is a whole HTTP response, with a clause in its reason (§4.2.1, §4.2.2)'],
      [OPENING, 'an Upgrade without "websocket" is answered 426 with the protocol wanted (item 3)'],
    ],
  },
  {
    id: '6455-11.3.1-key-once',
    source: 'RFC 6455 §11.3.1',
    quote: 'The |Sec-WebSocket-Key| header field MUST NOT appear more than once',
    tests: [[OPENING, 'the key is base64 of 16 bytes, once (item 5, §11.3.1)']],
  },
  {
    id: '6455-11.3.3-accept-once',
    source: 'RFC 6455 §11.3.3',
    quote: 'The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response',
    tests: [[OPENING, 'the accept value twice']],
  },
  {
    id: '6455-11.3.4-protocol-once',
    source: 'RFC 6455 §11.3.4',
    quote: 'header field MUST NOT appear more than once in an HTTP response',
    tests: [[OPENING, 'two subprotocol fields']],
  },
  {
    id: '6455-11.3.5-version-once',
    source: 'RFC 6455 §11.3.5',
    quote: 'header field MUST NOT appear more than once in an HTTP request',
    tests: [
      [OPENING, 'a version other than 13 is answered 426 with Sec-WebSocket-Version: 13 (item 6, §4.2.2 step 4, §4.4)'],
    ],
  },
];
