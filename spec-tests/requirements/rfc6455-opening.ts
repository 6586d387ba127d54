/**
 * RFC 6455 §4: the opening handshake, both sides.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { CLIENT_WS, OPENING, PMD_NEGOTIATION, SERVER_WS, TLS } from './tests.ts';

export const RFC6455_OPENING: readonly Requirement[] = [
  // RFC 6455 §4.1: the client's opening handshake
  {
    id: '6455-4.1-one-connecting',
    source: 'RFC 6455 §4.1',
    quote: 'There MUST be no more than one connection in a CONNECTING state',
    tests: [[CLIENT_WS, 'connections to one address are opened side by side: who opens them decides (RFC 6455 §4.1)']],
    deviation:
      'Written against pages that flood a host through a browser. A program decides itself how many it opens at a time.',
  },
  {
    id: '6455-4.1-not-opened',
    source: 'RFC 6455 §4.1',
    quote: 'If the connection could not be opened',
    tests: [[CLIENT_WS, 'nobody listens: error and close, later than the constructor']],
  },
  {
    id: '6455-4.1-tls',
    source: 'RFC 6455 §4.1',
    quote: 'the client MUST perform a TLS handshake over the connection',
    tests: [[TLS, 'HTTP, WebSocket and event streams, with our clients and a raw one']],
  },
  {
    id: '6455-4.1-tls-fails',
    source: 'RFC 6455 §4.1',
    quote: "If this fails (e.g., the server's certificate could not be verified)",
    tests: [[TLS, 'clients verify: an unknown certificate and a wrong name are refused by default (CVE-2020-15133)']],
  },
  {
    id: '6455-4.1-sni',
    source: 'RFC 6455 §4.1',
    quote: 'Clients MUST use the Server Name Indication extension in the TLS handshake',
    tests: [
      [
        TLS,
        'a client names the host in the TLS handshake, and only hosts that have a name (RFC 6455 §4.1, RFC 6066 §3)',
      ],
    ],
  },
  {
    id: '6455-4.1-valid-request',
    source: 'RFC 6455 §4.1 item 1',
    quote: 'The handshake MUST be a valid HTTP request',
    tests: [
      [OPENING, 'is read by our own server, whose answer it accepts'],
      [OPENING, 'nothing the caller gives can begin another field or another request (CVE-2026-1527)'],
    ],
  },
  {
    id: '6455-4.1-get',
    source: 'RFC 6455 §4.1 item 2',
    quote: 'The method of the request MUST be GET, and the HTTP version MUST be at least 1.1',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-uri',
    source: 'RFC 6455 §4.1 item 3',
    quote: 'The "Request-URI" part of the request MUST match the /resource name/',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-host',
    source: 'RFC 6455 §4.1 item 4',
    quote: 'The request MUST contain a |Host| header field',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-upgrade',
    source: 'RFC 6455 §4.1 item 5',
    quote: 'MUST include the "websocket" keyword',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-connection',
    source: 'RFC 6455 §4.1 item 6',
    quote: 'MUST include the "Upgrade" token',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-nonce',
    source: 'RFC 6455 §4.1 item 7',
    quote: 'MUST be selected randomly for each connection',
    tests: [[OPENING, 'the key is 16 random bytes in base64, another one each time (item 7)']],
  },
  {
    id: '6455-4.1-version',
    source: 'RFC 6455 §4.1 item 9',
    quote: 'The value of this header field MUST be 13',
    tests: [[OPENING, 'is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)']],
  },
  {
    id: '6455-4.1-protocols',
    source: 'RFC 6455 §4.1 item 10',
    quote: 'MUST be non-empty strings with characters in the range U+0021 to U+007E',
    tests: [
      [OPENING, 'subprotocols that are not distinct tokens are the caller’s mistake (item 10)'],
      [OPENING, 'subprotocols are distinct tokens (§4.1 item 10)'],
    ],
  },
  {
    id: '6455-4.1-protocols-unique',
    source: 'RFC 6455 §4.1 item 10',
    quote: 'and MUST all be unique strings',
    tests: [
      [OPENING, 'subprotocols that are not distinct tokens are the caller’s mistake (item 10)'],
      [OPENING, 'subprotocols are distinct tokens (§4.1 item 10)'],
    ],
  },
  {
    id: '6455-4.1-validate',
    source: 'RFC 6455 §4.1',
    quote: "The client MUST validate the server's response as follows",
    tests: [
      [OPENING, 'the example of §1.3 is accepted'],
      [OPENING, 'a status other than 101 fails with that status and its phrase (step 1)'],
    ],
  },
  {
    id: '6455-4.1-answer-upgrade',
    source: 'RFC 6455 §4.1 step 2',
    quote: 'insensitive match for the value "websocket", the client MUST _Fail the WebSocket Connection_',
    tests: [
      [OPENING, 'no Upgrade'],
      [OPENING, 'another Upgrade'],
      [OPENING, 'a list of two in Upgrade'],
    ],
  },
  {
    id: '6455-4.1-answer-connection',
    source: 'RFC 6455 §4.1 step 3',
    quote: 'case-insensitive match for the value "Upgrade", the client MUST _Fail the WebSocket Connection_',
    tests: [
      [OPENING, 'no Connection'],
      [OPENING, 'another Connection'],
    ],
  },
  {
    id: '6455-4.1-answer-accept',
    source: 'RFC 6455 §4.1 step 4',
    quote: 'ignoring any leading and trailing whitespace, the client MUST _Fail the WebSocket Connection_',
    tests: [
      [OPENING, 'no accept value'],
      [OPENING, 'another key’s accept value'],
      [OPENING, 'an accept value in another case'],
    ],
  },
  {
    id: '6455-4.1-answer-extension',
    source: 'RFC 6455 §4.1 step 5',
    quote: 'the server has indicated an extension not requested by the client',
    tests: [
      [OPENING, 'an extension that was not offered'],
      [PMD_NEGOTIATION, 'an extension that was not offered (RFC 6455 §4.1)'],
    ],
  },
  {
    id: '6455-4.1-answer-protocol',
    source: 'RFC 6455 §4.1 step 6',
    quote: 'the server has indicated a subprotocol not requested by the client',
    tests: [
      [OPENING, 'a subprotocol that was not requested'],
      [OPENING, 'no subprotocol is fine where none was requested, any at all is not (step 6)'],
    ],
  },
  // §4.2: the server
  {
    id: '6455-4.2.1-stop',
    source: 'RFC 6455 §4.2.1',
    quote: "the server MUST stop processing the client's handshake and return an HTTP response",
    tests: [
      [OPENING, 'a rejection is a whole HTTP response, with a clause in its reason (§4.2.1, §4.2.2)'],
      [OPENING, 'a Connection without the token "Upgrade" is answered 400 (item 4)'],
      [OPENING, 'the key is base64 of 16 bytes, once (item 5, §11.3.1)'],
    ],
  },
  {
    id: '6455-4.2.1-no-origin',
    source: 'RFC 6455 §4.2.1 item 7',
    quote: 'header field SHOULD NOT be interpreted as coming from a browser client',
    tests: [[OPENING, 'a missing Origin is not an error: the client is then no browser (item 7)']],
  },
  {
    id: '6455-4.2.2-origin',
    source: 'RFC 6455 §4.2.2 step 4',
    quote: 'If the server does not wish to accept this connection, it MUST return an appropriate HTTP error code',
    tests: [['rfc6454/origin.test.ts', '<…> is <…> origin for Host <…> <…>']],
  },
  {
    id: '6455-4.2.2-origin-403',
    source: 'RFC 6455 §4.2.2 step 4',
    quote: '(e.g., 403 Forbidden)',
    tests: [
      [SERVER_WS, 'origins: the same by default, a list, any, a function; none at all is always allowed (§10.2)'],
      [TLS, 'an http page may not open a WebSocket on a TLS server: another scheme is another origin (RFC 6454 §5)'],
    ],
  },
  {
    id: '6455-4.2.2-version',
    source: 'RFC 6455 §4.2.2 step 4',
    quote:
      'the server MUST abort the WebSocket handshake described in this section and instead send an appropriate HTTP error code',
    tests: [
      [OPENING, 'a version other than 13 is answered 426 with Sec-WebSocket-Version: 13 (item 6, §4.2.2 step 4, §4.4)'],
    ],
  },
  {
    id: '6455-4.2.2-protocol',
    source: 'RFC 6455 §4.2.2 step 4',
    quote: "The value chosen MUST be derived from the client's handshake",
    tests: [
      [
        OPENING,
        'the subprotocol is the first of ours that the client offered, and never one it did not offer (step 5.5)',
      ],
    ],
  },
  {
    id: '6455-4.2.2-no-protocol',
    source: 'RFC 6455 §4.2.2 step 4',
    quote: 'it MUST NOT send back a |Sec-WebSocket-Protocol| header field',
    tests: [
      [
        OPENING,
        'carries a subprotocol, extensions and fields of the caller’s when there are any, and empty ones not (steps 5.5, 5.6)',
      ],
    ],
  },
  {
    id: '6455-4.2.2-extensions',
    source: 'RFC 6455 §4.2.2 step 4',
    quote: 'Extensions not listed by the client MUST NOT be listed',
    tests: [
      [PMD_NEGOTIATION, 'other extensions are passed over'],
      [PMD_NEGOTIATION, 'declines <…> (§7)'],
    ],
  },
  {
    id: '6455-4.2.2-accept',
    source: 'RFC 6455 §4.2.2 step 5',
    quote: 'it MUST reply with a valid HTTP response',
    tests: [
      [OPENING, 'is 101 with Upgrade, Connection and the accept value (steps 5.1-5.4)'],
      [OPENING, 'the accept value is the one of the RFC’s example (step 5.4)'],
    ],
  },
  {
    id: '6455-4.4-versions',
    source: 'RFC 6455 §4.4',
    quote: 'it MUST respond with a |Sec-WebSocket-Version| header field',
    tests: [
      [OPENING, 'a version other than 13 is answered 426 with Sec-WebSocket-Version: 13 (item 6, §4.2.2 step 4, §4.4)'],
    ],
  },
];
