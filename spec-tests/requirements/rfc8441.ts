/**
 * RFC 8441: bootstrapping WebSockets with HTTP/2, and what it takes from RFC 9113.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';

const HTTP2 = 'mount/http2-opening.test.ts';
const STREAMS = 'mount/http2-streams.test.ts';
const CHROMIUM = 'browser/http2.test.ts';

const SETTING = 'clients are told of extended CONNECT although the server was made without it (§3)';
const OPENING = 'SETTINGS_ENABLE_CONNECT_PROTOCOL is 1, the answer is 200, without Sec-WebSocket-Accept (§3, §5)';
const REFUSED = 'an extended CONNECT with <…> is refused';

export const RFC8441: readonly Requirement[] = [
  {
    id: '8441-3-value',
    source: 'RFC 8441 §3',
    quote: 'The value of the parameter MUST be 0 or 1.',
    tests: [[HTTP2, SETTING]],
  },
  {
    id: '8441-3-never-back',
    source: 'RFC 8441 §3',
    quote:
      'MUST NOT send a SETTINGS_ENABLE_CONNECT_PROTOCOL parameter with the value of 0 after previously sending a value of 1',
    tests: [[STREAMS, 'close ends the sockets with 1001 and leaves the other server and its connection open']],
  },
  {
    id: '8441-4-scheme-path',
    source: 'RFC 8441 §4',
    quote: 'the :scheme and :path pseudo-header fields of the target URI (see Section 5) MUST also be included',
    tests: [
      [HTTP2, REFUSED],
      [HTTP2, 'no :scheme (§4)'],
      [HTTP2, 'no :path (§4)'],
    ],
  },
  {
    id: '8441-4-no-tunnel',
    source: 'RFC 8441 §4',
    quote: 'the server MUST NOT create a tunnel to the host indicated by the :authority',
    tests: [[HTTP2, OPENING]],
  },
  {
    id: '8441-5-protocol',
    source: 'RFC 8441 §5',
    quote:
      'The :protocol pseudo-header field MUST be included in the CONNECT request, and it MUST have a value of websocket',
    tests: [
      [HTTP2, REFUSED],
      [HTTP2, 'no :protocol (§5)'],
      [HTTP2, 'another :protocol (§5)'],
    ],
  },
  {
    id: '8441-5-scheme',
    source: 'RFC 8441 §5',
    quote: 'MUST be “https” for “wss”-schemed WebSockets and “http” for “ws”-schemed WebSockets',
    tests: [
      [HTTP2, REFUSED],
      [HTTP2, 'the scheme wss (§5)'],
    ],
  },
  {
    id: '8441-5-connection-upgrade',
    source: 'RFC 8441 §5',
    quote: 'They MUST NOT be included in the CONNECT request defined here.',
    tests: [
      [HTTP2, REFUSED],
      [HTTP2, 'a Connection field (§5)'],
      [HTTP2, 'an Upgrade field (§5)'],
    ],
  },
  {
    id: '8441-5-authority',
    source: 'RFC 8441 §5',
    quote: 'the :authority pseudo-header field, which is required on every HTTP/2 transaction',
    tests: [
      [HTTP2, REFUSED],
      [HTTP2, 'no :authority (§5)'],
    ],
  },
  {
    id: '8441-5-key',
    source: 'RFC 8441 §5',
    quote: 'do not do the processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept header fields',
    tests: [
      [HTTP2, OPENING],
      [HTTP2, 'a key is not needed, and one that is there is answered, for clients that insist on it'],
    ],
    deviation:
      'A key is neither asked for nor checked. One that is there is answered, since undici 7.30 sends it and insists on that.',
  },
  {
    id: '8441-5-fields',
    source: 'RFC 8441 §5',
    quote: 'are used in the CONNECT request and response-header fields as defined in [RFC6455]',
    tests: [
      [HTTP2, 'permessage-deflate is agreed as over HTTP/1.1 (§5)'],
      [CHROMIUM, 'a WebSocket is a stream of the connection that brought the page: an extended CONNECT'],
    ],
  },
  {
    id: '8441-5-end-stream',
    source: 'RFC 8441 §5',
    quote: 'Orderly TCP-level closures are represented as END_STREAM flags',
    tests: [
      [STREAMS, 'the closing handshake ends with END_STREAM on both sides (§5)'],
      [STREAMS, 'END_STREAM without a close frame is 1006, and is answered by END_STREAM (§5)'],
    ],
  },
  {
    id: '8441-5-cancel',
    source: 'RFC 8441 §5',
    quote: 'RST exceptions are represented with the RST_STREAM frame with the CANCEL error code',
    tests: [
      [STREAMS, 'terminate is RST_STREAM with CANCEL, and so is what our own deadline ends (§5)'],
      [STREAMS, 'RST_STREAM from the client is 1006 at once, also while the socket is paused or decided upon (§5)'],
    ],
  },
];
