/**
 * Every MUST, MUST NOT and SHOULD that concerns us, and the tests that prove it: data only.
 *
 * RFC 6455, RFC 7692, RFC 9112 (the subset that we speak), HTML §9.2, in their order, and what we use of RFC 9110, 6454, 6265,
 * 7239, of Fetch and of the PROXY protocol. Left out: what is addressed to
 * intermediaries, proxies, browsers' user interfaces, IANA and authors of extensions. `deviation` says where we do
 * something else, and why; its tests show what we do. A title stands in its file (or in a vector table that the file
 * imports) as it is written here, `<…>` for a placeholder. `requirements.test.ts` checks all of it.
 */

export interface Requirement {
  /** Stable: the section and a word. */
  readonly id: string;
  readonly source: string;
  /** At most 20 words of the clause. */
  readonly quote: string;
  readonly tests: readonly (readonly [file: string, title: string])[];
  readonly deviation?: string;
}

const OPENING = 'rfc6455/04-opening-handshake.test.ts';
const FRAMING = 'rfc6455/05.2-base-framing.test.ts';
const FRAGMENTS = 'rfc6455/05.4-fragmentation.test.ts';
const CONTROL = 'rfc6455/05.5-control-frames.test.ts';
const CLOSING = 'rfc6455/07-closing.test.ts';
const UTF8 = 'rfc6455/08-errors-utf8.test.ts';
const FRAMES = 'properties/frames.test.ts';
const PMD_FRAMING = 'rfc7692/06-framing.test.ts';
const PMD_NEGOTIATION = 'rfc7692/07.1-negotiation.test.ts';
const PMD_OUT = 'rfc7692/07.2-compression.test.ts';
const PMD_IN = 'rfc7692/07.2-decompression.test.ts';
const REQUESTS = 'rfc9112/requests.test.ts';
const RESPONSES = 'rfc9112/responses.test.ts';
const SERVER_HTTP = 'net/server-http.test.ts';
const SERVER_WS = 'net/server-websocket.test.ts';
const SERVER_EVENTS = 'net/server-event-stream.test.ts';
const CLIENT_WS = 'client/websocket.test.ts';
const CLIENT_EVENTS = 'client/event-source.test.ts';
const TLS = 'net/tls-unix.test.ts';
const DEADLINES = 'net/deadlines.test.ts';
const ATTACKS = 'attacks/sockets.test.ts';
const PARSER = 'html-9.2-sse/parser.test.ts';
const ENCODER = 'html-9.2-sse/encoder.test.ts';
const RECONNECT = 'html-9.2-sse/reconnect.test.ts';

export const REQUIREMENTS: readonly Requirement[] = [
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
  // §5.1-5.4: frames
  {
    id: '6455-5.1-client-masks',
    source: 'RFC 6455 §5.1',
    quote: 'a client MUST mask all frames that it sends to the server',
    tests: [
      [
        FRAMING,
        'a client masks every frame with a key that is never the last one, and leaves the caller’s bytes alone',
      ],
    ],
  },
  {
    id: '6455-5.1-unmasked',
    source: 'RFC 6455 §5.1',
    quote: 'The server MUST close the connection upon receiving a frame that is not masked',
    tests: [[FRAMING, 'a server fails an unmasked frame, a client a masked one (§5.1)']],
  },
  {
    id: '6455-5.1-server-masks-not',
    source: 'RFC 6455 §5.1',
    quote: 'A server MUST NOT mask any frames that it sends to the client',
    tests: [[FRAMING, 'a server masks nothing (§5.1)']],
  },
  {
    id: '6455-5.1-masked',
    source: 'RFC 6455 §5.1',
    quote: 'A client MUST close a connection if it detects a masked frame',
    tests: [[FRAMING, 'a server fails an unmasked frame, a client a masked one (§5.1)']],
  },
  {
    id: '6455-5.2-rsv',
    source: 'RFC 6455 §5.2',
    quote: 'MUST be 0 unless an extension is negotiated that defines meanings for non-zero values',
    tests: [
      [FRAMING, '<…> fails the connection with 1002, and nothing after it is looked at'],
      [PMD_FRAMING, 'RSV1 that was not agreed (RFC 6455 §5.2)'],
      [PMD_OUT, 'where nothing was agreed nothing is compressed, whatever is asked'],
    ],
  },
  {
    id: '6455-5.2-opcode',
    source: 'RFC 6455 §5.2',
    quote: 'opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_',
    tests: [[FRAMING, 'reserved opcode <…>']],
  },
  {
    id: '6455-5.2-high-bit',
    source: 'RFC 6455 §5.2',
    quote: 'most significant bit MUST be 0',
    tests: [
      [FRAMING, 'a 64-bit length of 2^63'],
      [FRAMING, 'a 64-bit length of 2^64 - 1'],
    ],
  },
  {
    id: '6455-5.2-minimal',
    source: 'RFC 6455 §5.2',
    quote: 'in all cases, the minimal number of bytes MUST be used to encode the length',
    tests: [
      [FRAMING, 'a 16-bit length for 125 octets'],
      [FRAMING, 'a 64-bit length for 65,535 octets'],
      [FRAMING, 'writes octets as the figure shows them, so that the two mirror functions cannot be wrong together'],
    ],
  },
  {
    id: '6455-5.2-extension-negotiated',
    source: 'RFC 6455 §5.2',
    quote: 'the extension use MUST be negotiated during the opening handshake',
    tests: [[PMD_NEGOTIATION, 'whatever the options of a client and a server, both come to the same parameters']],
  },
  {
    id: '6455-5.3-fresh-key',
    source: 'RFC 6455 §5.3',
    quote: 'the client MUST pick a fresh masking key from the set of allowed 32-bit values',
    tests: [[FRAMES, 'keys are drawn afresh, all bits of them vary, and none comes twice in a row (§5.3)']],
  },
  {
    id: '6455-5.3-entropy',
    source: 'RFC 6455 §5.3',
    quote: 'the masking key MUST be derived from a strong source of entropy',
    tests: [
      [FRAMES, 'keys are drawn afresh, all bits of them vary, and none comes twice in a row (§5.3)'],
      ['architecture.test.ts', 'each named exception is still needed'],
    ],
  },
  {
    id: '6455-5.3-xor',
    source: 'RFC 6455 §5.3',
    quote: 'Octet i of the transformed data ("transformed-octet-i") is the XOR of octet i of the original data',
    tests: [
      [FRAMES, 'masking in place equals a naive loop at every alignment, for every key'],
      [FRAMES, 'masking while copying equals a naive loop at every alignment of source and target'],
    ],
  },
  {
    id: '6455-5.4-control-unfragmented',
    source: 'RFC 6455 §5.4',
    quote: 'Control frames themselves MUST NOT be fragmented',
    tests: [[CONTROL, 'opcode <…>: FIN 0 fails the connection with 1002']],
  },
  {
    id: '6455-5.4-order',
    source: 'RFC 6455 §5.4',
    quote: 'Message fragments MUST be delivered to the recipient in the order sent by the sender',
    tests: [[FRAGMENTS, 'fragments of one message are put together, empty ones included']],
  },
  {
    id: '6455-5.4-interleave',
    source: 'RFC 6455 §5.4',
    quote: 'The fragments of one message MUST NOT be interleaved between the fragments of another message',
    tests: [
      [FRAGMENTS, 'a text frame inside a message'],
      [FRAGMENTS, 'a binary frame inside a text message'],
    ],
  },
  {
    id: '6455-5.4-control-between',
    source: 'RFC 6455 §5.4',
    quote: 'An endpoint MUST be capable of handling control frames in the middle of a fragmented message',
    tests: [[FRAGMENTS, 'control frames in the middle of a fragmented message are handled where they stand']],
  },
  {
    id: '6455-5.4-both',
    source: 'RFC 6455 §5.4',
    quote: 'Clients and servers MUST support receiving both fragmented and unfragmented messages',
    tests: [
      [FRAGMENTS, 'fragments of one message are put together, empty ones included'],
      [FRAMING, 'what a client encodes a server reads, for text, binary and control frames of boundary lengths'],
    ],
  },
  {
    id: '6455-5.4-one-type',
    source: 'RFC 6455 §5.4',
    quote: 'a message MUST be either text, binary, or one of the reserved opcodes',
    tests: [
      [FRAGMENTS, 'a continuation with nothing to continue'],
      [FRAGMENTS, 'a continuation after a whole message'],
    ],
  },
  // §5.5: control frames
  {
    id: '6455-5.5-length',
    source: 'RFC 6455 §5.5',
    quote: 'All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented',
    tests: [
      [CONTROL, 'opcode <…>: 126 octets fail the connection with 1002'],
      [CONTROL, 'pings of ours have at most 125 octets'],
      [CONTROL, 'carry 125 octets'],
    ],
  },
  {
    id: '6455-5.5.1-code',
    source: 'RFC 6455 §5.5.1',
    quote: 'the first two bytes of the body MUST be a 2-byte unsigned integer',
    tests: [
      [CONTROL, 'one octet fails with 1002'],
      [CONTROL, 'code <…> is taken and echoed (§7.4)'],
    ],
  },
  {
    id: '6455-5.5.1-no-data',
    source: 'RFC 6455 §5.5.1',
    quote: 'The application MUST NOT send any more data frames after sending a Close frame',
    tests: [[CLOSING, 'sending after close is the caller’s mistake (§5.5.1); closing again is not']],
  },
  {
    id: '6455-5.5.1-answer',
    source: 'RFC 6455 §5.5.1',
    quote: 'the endpoint MUST send a Close frame in response',
    tests: [
      [CLOSING, 'the peer begins: one echo, and nothing after its close frame is looked at (§5.5.1)'],
      [CLOSING, 'both begin at once: two close frames have passed, all is well'],
    ],
  },
  {
    id: '6455-5.5.1-soon',
    source: 'RFC 6455 §5.5.1',
    quote: 'It SHOULD do so as soon as practical',
    tests: [[CLOSING, 'the peer begins: one echo, and nothing after its close frame is looked at (§5.5.1)']],
  },
  {
    id: '6455-5.5.1-close-tcp',
    source: 'RFC 6455 §5.5.1',
    quote: 'The server MUST close the underlying TCP connection immediately',
    tests: [
      [
        SERVER_WS,
        'one open is matched by one close, whatever ends the connection, and nothing is delivered behind terminate',
      ],
    ],
  },
  {
    id: '6455-5.5.1-wait',
    source: 'RFC 6455 §5.5.1',
    quote: 'the client SHOULD wait for the server to close the connection',
    tests: [
      [
        CLIENT_WS,
        'behind both close frames it waits for the server to end TCP, and ends it by itself after closeTimeoutMs (RFC 6455 §7.1.1)',
      ],
    ],
  },
  {
    id: '6455-5.5.2-pong',
    source: 'RFC 6455 §5.5.2',
    quote: 'an endpoint MUST send a Pong frame in response, unless it already received a Close frame',
    tests: [
      [CONTROL, 'ten pings get ten pongs with their payloads, in order'],
      [CONTROL, 'a ping is answered until the peer’s close frame has come, behind our own close frame too'],
      [CONTROL, 'a pong that is owed is not sent once the peer’s close frame has come'],
    ],
  },
  {
    id: '6455-5.5.2-soon',
    source: 'RFC 6455 §5.5.2',
    quote: 'It SHOULD respond with Pong frame as soon as is practical',
    tests: [
      [CONTROL, 'ten pings get ten pongs with their payloads, in order'],
      [FRAGMENTS, 'control frames in the middle of a fragmented message are handled where they stand'],
    ],
  },
  {
    id: '6455-5.5.3-identical',
    source: 'RFC 6455 §5.5.3',
    quote: 'must have identical "Application data" as found in the message body of the Ping frame being replied to',
    tests: [
      [CONTROL, 'ten pings get ten pongs with their payloads, in order'],
      [CONTROL, 'while output cannot leave, only the latest ping is remembered, and answered when it can (§5.5.3)'],
    ],
  },
  {
    id: '6455-5.6-text',
    source: 'RFC 6455 §5.6',
    quote: 'the whole message MUST contain valid UTF-8',
    tests: [
      [UTF8, '<…> fails with 1007, alone, behind ASCII, and across fragments'],
      [FRAMES, 'what is delivered as text is always valid UTF-8, and what is valid is always delivered'],
    ],
  },
  // §6: sending and receiving
  {
    id: '6455-6.1-open',
    source: 'RFC 6455 §6.1 step 1',
    quote: 'The endpoint MUST ensure the WebSocket connection is in the OPEN state',
    tests: [
      [CLOSING, 'sending after close is the caller’s mistake (§5.5.1); closing again is not'],
      [CLOSING, 'says who may send and receive'],
    ],
  },
  {
    id: '6455-6.1-frame',
    source: 'RFC 6455 §6.1 step 2',
    quote: 'An endpoint MUST encapsulate the /data/ in a WebSocket frame',
    tests: [[FRAMES, 'encode then parse is identity, at every boundary length, in both directions, cut at random']],
  },
  {
    id: '6455-6.1-fin',
    source: 'RFC 6455 §6.1 step 4',
    quote: 'MUST be set to 1 as defined in Section 5.2',
    tests: [
      [FRAMING, 'a server masks nothing (§5.1)'],
      [FRAMES, 'encode then parse is identity, at every boundary length, in both directions, cut at random'],
    ],
  },
  {
    id: '6455-6.2-parse',
    source: 'RFC 6455 §6.2',
    quote: 'Incoming data MUST be parsed as WebSocket frames',
    tests: [
      [FRAMES, 'chunking never changes the outcome: random frames, legal and illegal, cut at random'],
      [
        FRAMES,
        'arbitrary bytes end in a listed failure or in nothing, never throw, and are never held beyond the limit',
      ],
    ],
  },
  {
    id: '6455-6.2-type',
    source: 'RFC 6455 §6.2',
    quote: 'Subsequent data frames MUST be interpreted as belonging to a new WebSocket message',
    tests: [[FRAGMENTS, 'fragments of one message are put together, empty ones included']],
  },
  {
    id: '6455-6.2-unmask',
    source: 'RFC 6455 §6.2',
    quote: 'A server MUST remove masking for data frames received from a client',
    tests: [
      [FRAMING, 'every payload length around the word loop is unmasked right, wherever it lies in the chunk (§5.3)'],
    ],
  },
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

  // RFC 7692
  {
    id: '7692-6.1-rsv1',
    source: 'RFC 7692 §6.1',
    quote: 'MUST NOT set the "Per-Message Compressed" bit of control frames and non-first fragments',
    tests: [
      [PMD_OUT, 'control frames are never compressed (§6)'],
      [PMD_OUT, 'a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end'],
    ],
  },
  {
    id: '7692-6.1-fail',
    source: 'RFC 7692 §6.1',
    quote: 'An endpoint receiving such a frame MUST _Fail the WebSocket Connection_',
    tests: [
      [PMD_FRAMING, 'RSV1 on a continuation (§6.1)'],
      [PMD_FRAMING, 'RSV1 on a ping (§6)'],
      [PMD_FRAMING, 'RSV1 on a close'],
    ],
  },
  {
    id: '7692-6-plain',
    source: 'RFC 7692 §6',
    quote: 'this bit indicates whether a message is compressed or not',
    tests: [
      [PMD_FRAMING, 'RSV1 on the first frame says that the message is compressed'],
      [PMD_FRAMING, 'without it the message is as it stands, also where compression was agreed (§6)'],
    ],
  },
  {
    id: '7692-6-opcode',
    source: 'RFC 7692 §6',
    quote: 'PMCEs do not change the opcode field',
    tests: [[PMD_OUT, 'a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end']],
  },
  {
    id: '7692-7-decline',
    source: 'RFC 7692 §7',
    quote: 'A server MUST decline an extension negotiation offer for this extension',
    tests: [
      [PMD_NEGOTIATION, 'an unknown parameter'],
      [PMD_NEGOTIATION, 'a parameter given twice'],
      [PMD_NEGOTIATION, 'server_max_window_bits=16'],
      [PMD_NEGOTIATION, 'declines <…> (§7)'],
    ],
  },
  {
    id: '7692-7-decline-parameter',
    source: 'RFC 7692 §7',
    quote: 'contains an extension parameter not defined for use in an offer',
    tests: [[PMD_NEGOTIATION, 'an unknown parameter']],
  },
  {
    id: '7692-7-decline-value',
    source: 'RFC 7692 §7',
    quote: 'contains an extension parameter with an invalid value',
    tests: [
      [PMD_NEGOTIATION, 'server_no_context_takeover with a value'],
      [PMD_NEGOTIATION, 'server_max_window_bits without a value'],
      [PMD_NEGOTIATION, 'client_max_window_bits=7'],
    ],
  },
  {
    id: '7692-7-decline-twice',
    source: 'RFC 7692 §7',
    quote: 'contains multiple extension parameters with the same name',
    tests: [
      [PMD_NEGOTIATION, 'a parameter given twice'],
      [PMD_NEGOTIATION, 'a parameter given twice with different values'],
    ],
  },
  {
    id: '7692-7-fail',
    source: 'RFC 7692 §7',
    quote: 'A client MUST _Fail the WebSocket Connection_ if the peer server accepted',
    tests: [
      [PMD_NEGOTIATION, 'fails the connection for <…>'],
      [PMD_NEGOTIATION, 'two accepted offers'],
      [PMD_NEGOTIATION, 'permessage-deflate when nothing was offered'],
    ],
  },
  {
    id: '7692-7.1.1.1-answer',
    source: 'RFC 7692 §7.1.1.1',
    quote:
      'by including the "server_no_context_takeover" extension parameter in the corresponding extension negotiation response',
    tests: [
      [PMD_NEGOTIATION, 'server_no_context_takeover is answered (§7.1.1.1)'],
      [PMD_NEGOTIATION, 'no server_no_context_takeover where it was offered'],
    ],
  },
  {
    id: '7692-7.1.1.1-unasked',
    source: 'RFC 7692 §7.1.1.1',
    quote:
      'A server MAY include the "server_no_context_takeover" extension parameter in an extension negotiation response even if',
    tests: [
      [PMD_NEGOTIATION, 'by default no takeover, also unasked (§7.1.1.1, §7.1.1.2)'],
      [PMD_NEGOTIATION, 'server_no_context_takeover unasked (§7.1.1.1)'],
    ],
  },
  {
    id: '7692-7.1.1.2-support',
    source: 'RFC 7692 §7.1.1.2',
    quote: 'A client MUST support the "client_no_context_takeover" extension parameter',
    tests: [
      [PMD_NEGOTIATION, 'client_no_context_takeover unasked (§7.1.1.2)'],
      [PMD_NEGOTIATION, 'no client_no_context_takeover: our own hint stands'],
    ],
  },
  {
    id: '7692-7.1.1.2-answer',
    source: 'RFC 7692 §7.1.1.2',
    quote: 'the server may either ignore the parameter or use the parameter',
    tests: [[PMD_NEGOTIATION, 'client_no_context_takeover is answered (§7.1.1.2)']],
  },
  {
    id: '7692-7.1.2.1-value',
    source: 'RFC 7692 §7.1.2.1',
    quote: 'a decimal integer value without leading zeroes between 8 to 15, inclusive',
    tests: [
      [PMD_NEGOTIATION, 'server_max_window_bits=7'],
      [PMD_NEGOTIATION, 'server_max_window_bits=16'],
      [PMD_NEGOTIATION, 'a leading zero'],
      [PMD_NEGOTIATION, '8 is a window size as any other'],
    ],
  },
  {
    id: '7692-7.1.2.1-answer',
    source: 'RFC 7692 §7.1.2.1',
    quote: 'with the same or smaller value as the offer',
    tests: [
      [PMD_NEGOTIATION, 'server_max_window_bits is answered with the same value (§7.1.2.1)'],
      [PMD_NEGOTIATION, 'server_max_window_bits is answered with a smaller value that is ours'],
      [PMD_NEGOTIATION, 'server_max_window_bits greater than offered'],
    ],
  },
  {
    id: '7692-7.1.2.1-unasked',
    source: 'RFC 7692 §7.1.2.1',
    quote:
      'A server MAY include the "server_max_window_bits" extension parameter in an extension negotiation response even if',
    tests: [
      [PMD_NEGOTIATION, 'server_max_window_bits may be answered unasked'],
      [PMD_NEGOTIATION, 'server_max_window_bits unasked (§7.1.2.1)'],
    ],
  },
  {
    id: '7692-7.1.2.2-smaller',
    source: 'RFC 7692 §7.1.2.2',
    quote: 'with a value equal to or smaller than the received value',
    tests: [
      [PMD_NEGOTIATION, 'client_max_window_bits=N is answered with the smaller of both'],
      [PMD_NEGOTIATION, 'client_max_window_bits greater than offered'],
    ],
  },
  {
    id: '7692-7.1.2.2-absent',
    source: 'RFC 7692 §7.1.2.2',
    quote: 'messages compressed using an LZ77 sliding window of up to 32,768 bytes',
    tests: [[PMD_IN, 'with takeover a message may refer to all of the 32,768 bytes before it']],
  },
  {
    id: '7692-7.1.2.2-unasked',
    source: 'RFC 7692 §7.1.2.2',
    quote: 'MUST NOT include the "client_max_window_bits" extension parameter',
    tests: [
      [PMD_NEGOTIATION, 'client_max_window_bits is never answered unasked (§7.1.2.2); takeover is forbidden instead'],
    ],
  },
  {
    id: '7692-7.2.1-tail',
    source: 'RFC 7692 §7.2.1',
    quote: 'Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end',
    tests: [[PMD_OUT, 'a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end']],
  },
  {
    id: '7692-7.2.1-no-takeover',
    source: 'RFC 7692 §7.2.1',
    quote: 'MUST start compressing each new message with an empty LZ77 sliding window',
    tests: [
      [PMD_OUT, 'with it a repeated message shrinks to a reference; without it every message is compressed alone'],
    ],
  },
  {
    id: '7692-7.2.1-window',
    source: 'RFC 7692 §7.2.1',
    quote: 'MUST NOT use an LZ77 sliding window longer than',
    tests: [[PMD_OUT, 'a window of 2^n bytes is never looked past (§7.1.2)']],
  },
  {
    id: '7692-7.2.2-decompress',
    source: 'RFC 7692 §7.2.2',
    quote: 'Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload',
    tests: [
      [PMD_IN, '§7.2.3.1: one compressed block'],
      [PMD_IN, '§7.2.3.4: a block with BFINAL 1'],
      [PMD_IN, 'messages of every length from 0 to 600 arrive as they were sent, with and without takeover'],
    ],
  },
  {
    id: '7692-7.2.2-takeover',
    source: 'RFC 7692 §7.2.2',
    quote: 'using the LZ77 sliding window used to process the last compressed message',
    tests: [
      [PMD_IN, '§7.2.3.2: the second message refers to the first, with takeover'],
      [PMD_IN, 'with takeover a message that was not compressed is not in the window'],
    ],
  },

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
  // §6-7: bodies
  {
    id: '9112-6.1-chunked',
    source: 'RFC 9112 §6.1',
    quote: 'A recipient MUST be able to parse the chunked transfer coding',
    tests: [
      [REQUESTS, 'a chunked body (§7.1)'],
      [RESPONSES, 'chunked'],
    ],
  },
  {
    id: '9112-6.1-twice',
    source: 'RFC 9112 §6.1',
    quote: 'A sender MUST NOT apply the chunked transfer coding more than once',
    tests: [
      [REQUESTS, 'chunked twice (§6.1)'],
      [REQUESTS, 'chunked twice on two lines (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-unknown',
    source: 'RFC 9112 §6.1',
    quote: 'A server that receives a request message with a transfer coding it does not understand SHOULD',
    tests: [
      [REQUESTS, 'a coding that is not chunked: 501 (§6.1)'],
      [REQUESTS, 'another coding under chunked: 501 (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-both',
    source: 'RFC 9112 §6.1',
    quote: 'Regardless, the server MUST close the connection after responding to such a request',
    tests: [
      [
        SERVER_HTTP,
        'ambiguous framing is refused with Connection: close, and nothing behind it is parsed (§6.3, §11.2)',
      ],
    ],
  },
  {
    id: '9112-6.1-http10',
    source: 'RFC 9112 §6.1',
    quote: 'MUST treat the message as if the framing is faulty',
    tests: [
      [REQUESTS, 'Transfer-Encoding in HTTP/1.0 (§6.1)'],
      [RESPONSES, 'Transfer-Encoding in HTTP/1.0 (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-no-body-statuses',
    source: 'RFC 9112 §6.1',
    quote: 'in any response with a status code of 1xx (Informational) or 204 (No Content)',
    tests: [[SERVER_HTTP, 'no Transfer-Encoding in 100, 101, 204 and 304, nor in any answer to HTTP/1.0 (§6.1)']],
  },
  {
    id: '9112-6.1-to-http10',
    source: 'RFC 9112 §6.1',
    quote: 'unless the corresponding request indicates HTTP/1.1 (or later minor revisions)',
    tests: [
      [SERVER_HTTP, 'no Transfer-Encoding in 100, 101, 204 and 304, nor in any answer to HTTP/1.0 (§6.1)'],
      [SERVER_EVENTS, 'HTTP/1.0 gets the stream without chunks, ended by the connection (RFC 9112 §6.1, §6.3)'],
    ],
  },
  {
    id: '9112-6.3-head',
    source: 'RFC 9112 §6.3 rule 1',
    quote: 'cannot contain a message body',
    tests: [
      [RESPONSES, 'the answer to HEAD has no body, whatever it announces (rule 1)'],
      [RESPONSES, '204 has no body, whatever it announces (rule 1)'],
      [RESPONSES, '304 has no body, whatever it announces (rule 1)'],
    ],
  },
  {
    id: '9112-6.3-both',
    source: 'RFC 9112 §6.3 rule 3',
    quote:
      'perform request smuggling (Section 11.2) or response splitting (Section 11.1) and ought to be handled as an error',
    tests: [
      [REQUESTS, 'Content-Length beside Transfer-Encoding (§6.3)'],
      [REQUESTS, 'Transfer-Encoding beside Content-Length (§6.3)'],
      [RESPONSES, 'both framings (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-final',
    source: 'RFC 9112 §6.3 rule 4',
    quote: 'the message body length cannot be determined reliably; the server MUST respond with the 400',
    tests: [
      [REQUESTS, 'chunked that is not the last coding (§6.3)'],
      [REQUESTS, 'chunked hidden in front of an open quote (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-invalid-length',
    source: 'RFC 9112 §6.3 rule 5',
    quote: 'the message framing is invalid and the recipient MUST treat it as an unrecoverable error',
    tests: [
      [REQUESTS, 'two different lengths (§6.3)'],
      [REQUESTS, 'a length of <…>'],
      [RESPONSES, 'two lengths (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-list',
    source: 'RFC 9112 §6.3 rule 5',
    quote: 'the message framing is invalid and the recipient MUST treat it as an unrecoverable error, unless',
    tests: [
      [REQUESTS, 'two equal lengths'],
      [REQUESTS, 'a list of equal lengths'],
    ],
    deviation: 'The clause lets a list of equal numbers pass. Stricter than the RFC: we refuse it too.',
  },
  {
    id: '9112-6.3-incomplete',
    source: 'RFC 9112 §6.3 rule 6',
    quote: 'the recipient MUST consider the message to be incomplete and close the connection',
    tests: [[RESPONSES, 'a length that is never reached']],
  },
  {
    id: '9112-6.3-extra',
    source: 'RFC 9112 §6.3',
    quote: 'A client MUST NOT process, cache, or forward such extra data as a separate response',
    tests: [[RESPONSES, 'bytes behind the end belong to nothing']],
  },
  {
    id: '9112-7.1-chunked',
    source: 'RFC 9112 §7.1',
    quote: 'A recipient MUST be able to parse and decode the chunked transfer coding',
    tests: [
      [REQUESTS, 'a chunked body whose data looks like chunks'],
      [REQUESTS, 'chunk sizes in either case and with leading zeros (§7.1)'],
    ],
  },
  {
    id: '9112-7.1-overflow',
    source: 'RFC 9112 §7.1',
    quote: 'recipients MUST anticipate potentially large hexadecimal numerals and prevent parsing errors',
    tests: [
      [REQUESTS, 'a chunk size of 13 digits (§7.1: overflow)'],
      [REQUESTS, 'a chunk size that would wrap 64 bits (§7.1: overflow)'],
    ],
  },
  {
    id: '9112-7.1-parameters',
    source: 'RFC 9112 §7.1',
    quote: 'The chunked coding does not define any parameters. Their presence SHOULD be treated as an error',
    tests: [[REQUESTS, 'chunked with a parameter (§7.1)']],
  },
  {
    id: '9112-7.1.1-ignore',
    source: 'RFC 9112 §7.1.1',
    quote: 'A recipient MUST ignore unrecognized chunk extensions',
    tests: [
      [REQUESTS, 'chunk extensions are ignored (§7.1.1)'],
      [RESPONSES, 'chunk extensions, trailer fields and their limits are those of requests'],
    ],
  },
  {
    id: '9112-7.1.1-limit',
    source: 'RFC 9112 §7.1.1',
    quote: 'A server ought to limit the total length of chunk extensions received in a request',
    tests: [[REQUESTS, 'maxChunkExtensionBytes are for all chunks of a body together; white space counts (§7.1.1)']],
  },
  {
    id: '9112-7.1.2-trailers',
    source: 'RFC 9112 §7.1.2',
    quote: 'A recipient MUST NOT merge a received trailer field into the header section',
    tests: [[REQUESTS, 'trailer fields are read and thrown away (§7.1.2)']],
  },
  // §8-9: connections
  {
    id: '9112-8-incomplete',
    source: 'RFC 9112 §8',
    quote: 'MUST record the message as incomplete',
    tests: [
      [RESPONSES, 'chunked without its last chunk (§8)'],
      [RESPONSES, 'a connection that ends before or within the head is a failure (§8)'],
    ],
  },
  {
    id: '9112-9.3-persist',
    source: 'RFC 9112 §9.3',
    quote: 'HTTP implementations SHOULD support persistent connections',
    tests: [
      [REQUESTS, 'three pipelined requests, bodies between them (§9.3.2)'],
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
    ],
  },
  {
    id: '9112-9.3-read-body',
    source: 'RFC 9112 §9.3',
    quote: 'MUST read the entire request message body or close the connection after sending its response',
    tests: [
      [REQUESTS, 'a body with GET is read, though it means nothing (RFC 9110 §9.3.1)'],
      [REQUESTS, 'a length over the body’s limit: 413 (RFC 9110 §15.5.14)'],
    ],
  },
  {
    id: '9112-9.3.2-order',
    source: 'RFC 9112 §9.3.2',
    quote: 'MUST send the corresponding responses in the same order that the requests were received',
    tests: [[SERVER_HTTP, 'pipelined requests are answered in order, however long each takes (§9.3.2)']],
  },
  {
    id: '9112-9.5-graceful',
    source: 'RFC 9112 §9.5',
    quote: 'A client or server that wishes to time out SHOULD issue a graceful close on the connection',
    tests: [
      [
        DEADLINES,
        'an idle connection is closed after keepAliveTimeoutMs without a word, and each request moves that on',
      ],
      [DEADLINES, 'a client that does not end its direction is dropped closeTimeoutMs after the last answer'],
    ],
  },
  {
    id: '9112-9.5-monitor',
    source: 'RFC 9112 §9.5',
    quote: 'SHOULD constantly monitor open connections for a received closure signal',
    tests: [
      [SERVER_EVENTS, 'a client that leaves, by FIN or reset or while accept decides, is told once and released'],
      [SERVER_WS, 'a client that leaves while upgrade decides is never opened'],
    ],
  },
  {
    id: '9112-9.5-flow-control',
    source: 'RFC 9112 §9.5',
    quote: "allow the underlying transport's flow-control mechanisms to resolve temporary overloads",
    tests: [
      [SERVER_HTTP, 'more than maxPipelinedRequests waiting requests are left in TCP until the first is answered'],
      [SERVER_HTTP, 'a client that reads no responses is not read from either: unsent responses are bounded'],
    ],
  },
  {
    id: '9112-9.6-close',
    source: 'RFC 9112 §9.6',
    quote: 'A server that receives a "close" connection option MUST initiate closure of the connection',
    tests: [
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
      [REQUESTS, 'Connection: close ends it (§9.3)'],
    ],
  },
  {
    id: '9112-9.6-say-close',
    source: 'RFC 9112 §9.6',
    quote: 'The server SHOULD send a "close" connection option in its final response on that connection',
    tests: [
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
      [SERVER_HTTP, 'a connection is closed behind maxRequestsPerConnection answers'],
    ],
  },
  {
    id: '9112-9.6-nothing-behind',
    source: 'RFC 9112 §9.6',
    quote: 'The server MUST NOT process any further requests received on that connection',
    tests: [
      [
        SERVER_HTTP,
        'what follows a request with Connection: close is never processed, nor what follows a response that said so (§9.6)',
      ],
    ],
  },
  {
    id: '9112-9.6-stages',
    source: 'RFC 9112 §9.6',
    quote: 'continues to read from the connection until it receives a corresponding close by the client',
    tests: [
      [DEADLINES, 'a client that does not end its direction is dropped closeTimeoutMs after the last answer'],
      [
        SERVER_HTTP,
        'what follows a request with Connection: close is never processed, nor what follows a response that said so (§9.6)',
      ],
    ],
  },
  {
    id: '9112-9.6-half-closed',
    source: 'RFC 9112 §9.6',
    quote: 'nor does it imply that the client is no longer interested in a response',
    tests: [
      [SERVER_HTTP, 'all that was pipelined before the client’s FIN is answered (§9.6)'],
      [TLS, 'a client that ends its direction behind its request still reads a late answer (RFC 9112 §9.6)'],
    ],
  },
  {
    id: '9112-9.8-client-alert',
    source: 'RFC 9112 §9.8',
    quote: 'Clients MUST send a closure alert before closing the connection',
    tests: [
      [TLS, 'both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)'],
    ],
  },
  {
    id: '9112-9.8-server-alert',
    source: 'RFC 9112 §9.8',
    quote: 'Servers MUST attempt to initiate an exchange of closure alerts with the client',
    tests: [
      [TLS, 'both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)'],
    ],
  },
  {
    id: '9112-9.8-incomplete',
    source: 'RFC 9112 §9.8',
    quote: 'Servers SHOULD be prepared to receive an incomplete close from the client',
    tests: [[TLS, 'a reset in the middle, and a client that is over the limit']],
  },

  // HTML §9.2
  {
    id: 'html-9.2.1-204',
    source: 'HTML §9.2.1',
    quote: 'a client can be told to stop reconnecting using the HTTP 204 No Content response code',
    tests: [[RECONNECT, 'every status but 200 fails the connection: 204 is how a server says no more (§9.2.1)']],
  },
  {
    id: 'html-9.2.1-204-sent',
    source: 'HTML §9.2.1',
    quote: 'Clients will reconnect if the connection is closed',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
      [CLIENT_EVENTS, '204, any other status and any other type end it for good'],
      [SERVER_EVENTS, 'accept refuses with a response of its own, at once or later; 204 keeps the connection (§9.2.3)'],
    ],
  },
  {
    id: 'html-9.2.1-redirect',
    source: 'HTML §9.2.1',
    quote: 'can be redirected using HTTP 301 and 307 redirects as with normal HTTP requests',
    tests: [[CLIENT_EVENTS, 'redirects are followed, 20 of them; another origin is not shown secrets (CVE-2022-1650)']],
  },
  {
    id: 'html-9.2.2-network-error',
    source: 'HTML §9.2.2',
    quote: 'if res is a network error, then reestablish the connection',
    tests: [
      [CLIENT_EVENTS, 'a cut connection, in the middle of a chunk or refused, is tried again, later and later'],
      [CLIENT_EVENTS, 'no answer within handshakeTimeoutMs is tried again'],
    ],
  },
  {
    id: 'html-9.2.2-announce',
    source: 'HTML §9.2.2',
    quote: 'announce the connection',
    tests: [[RECONNECT, '200 with text/event-stream announces the connection, whatever the case and the parameters']],
  },
  {
    id: 'html-9.2.2-fail',
    source: 'HTML §9.2.2',
    quote: 'is not `text/event-stream`, then fail the connection',
    tests: [
      [RECONNECT, 'another content type fails the connection'],
      [RECONNECT, 'every status but 200 fails the connection: 204 is how a server says no more (§9.2.1)'],
    ],
  },
  {
    id: 'html-9.2.3-wait',
    source: 'HTML §9.2.3',
    quote: 'a delay equal to the reconnection time of the event source',
    tests: [
      [RECONNECT, 'the reconnection time, doubled for each failed attempt, up to a minute'],
      [RECONNECT, 'never less than the server asked for'],
    ],
  },
  {
    id: 'html-9.2.3-backoff',
    source: 'HTML §9.2.3',
    quote: 'if the previous attempt failed, then user agents might introduce an exponential backoff delay',
    tests: [
      [RECONNECT, 'the reconnection time, doubled for each failed attempt, up to a minute'],
      [RECONNECT, 'retry: 0 reconnects at once after a stream, but not again and again to a server that is down'],
    ],
  },
  {
    id: 'html-9.2.3-last-event-id',
    source: 'HTML §9.2.3',
    quote: 'last event ID string is not the empty string',
    tests: [[PARSER, 'begins with the last event ID that a reconnection brings along (§9.2.3)']],
  },
  {
    id: 'html-9.2.3-header',
    source: 'HTML §9.2.3',
    quote: 'last event ID string, encoded as UTF-8',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
    ],
  },
  {
    id: 'html-9.2.3-failed',
    source: 'HTML §9.2.3',
    quote: 'does not attempt to reconnect',
    tests: [[CLIENT_EVENTS, '204, any other status and any other type end it for good']],
  },
  {
    id: 'html-9.2.4-header',
    source: 'HTML §9.2.4',
    quote: 'reports an `EventSource` object’s last event ID string to the server',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
      [
        SERVER_EVENTS,
        'the last event ID comes from the header, in UTF-8, else from the query, else it is empty (§9.2.3)',
      ],
    ],
  },
  {
    id: 'html-9.2.5-utf8',
    source: 'HTML §9.2.5',
    quote: 'Event streams in this format must always be encoded as UTF-8',
    tests: [
      [ENCODER, 'lone surrogates become U+FFFD, as in every text that is encoded'],
      [ENCODER, 'encode then parse is identity, one event a message, however it is cut'],
    ],
  },
  {
    id: 'html-9.2.5-lines',
    source: 'HTML §9.2.5',
    quote: 'end-of-line = ( cr lf / cr / lf )',
    tests: [
      [PARSER, 'lines end with all three in turn'],
      [PARSER, 'CR CR LF is two line ends'],
      [PARSER, 'a CR at the end of a chunk ends its line at once, and an LF in the next chunk belongs to it'],
    ],
  },
  {
    id: 'html-9.2.5-grammar',
    source: 'HTML §9.2.5',
    quote: 'field = 1*name-char [ colon [ space ] *any-char ] end-of-line',
    tests: [
      [ENCODER, '<…> in <…> is a TypeError and never an injection'],
      [
        ENCODER,
        'every string either comes through or is refused: nothing is repaired and nothing injected (CVE-2026-33128)',
      ],
    ],
  },
  {
    id: 'html-9.2.6-decode',
    source: 'HTML §9.2.6',
    quote: 'Streams must be decoded using the UTF-8 decode algorithm',
    tests: [
      [PARSER, 'octets that are not UTF-8 become U+FFFD'],
      [PARSER, 'characters of one to four octets'],
    ],
  },
  {
    id: 'html-9.2.6-bom',
    source: 'HTML §9.2.6',
    quote: 'strips one leading UTF-8 Byte Order Mark (BOM), if any',
    tests: [
      [PARSER, 'one byte order mark at the start is taken off'],
      [PARSER, 'of two byte order marks the second belongs to the first line'],
      [PARSER, 'a byte order mark anywhere else stays'],
    ],
  },
  {
    id: 'html-9.2.6-blank',
    source: 'HTML §9.2.6',
    quote: 'If the line is empty (a blank line): Dispatch the event',
    tests: [[PARSER, 'example: three lines of a ticker']],
  },
  {
    id: 'html-9.2.6-comment',
    source: 'HTML §9.2.6',
    quote: 'If the line starts with a U+003A COLON character (:): Ignore the line',
    tests: [[PARSER, 'comments are ignored, in the middle of an event too']],
  },
  {
    id: 'html-9.2.6-space',
    source: 'HTML §9.2.6',
    quote: 'If value starts with a U+0020 SPACE character, remove it from value',
    tests: [[PARSER, 'one leading space is taken off, a second and a tab are not']],
  },
  {
    id: 'html-9.2.6-no-colon',
    source: 'HTML §9.2.6',
    quote: 'using the whole line as the field name, and the empty string as the field value',
    tests: [[PARSER, 'a field without a colon has an empty value']],
  },
  {
    id: 'html-9.2.6-eof',
    source: 'HTML §9.2.6',
    quote: 'Once the end of the file is reached, any pending data must be discarded',
    tests: [
      [PARSER, 'an event that the end of the stream cuts off is thrown away'],
      [PARSER, 'an event whose blank line is cut off is thrown away'],
    ],
  },
  {
    id: 'html-9.2.6-names',
    source: 'HTML §9.2.6',
    quote: 'Field names must be compared literally, with no case folding performed',
    tests: [[PARSER, 'field names are compared as they are: case, space and prefixes matter']],
  },
  {
    id: 'html-9.2.6-event',
    source: 'HTML §9.2.6',
    quote: 'Set the event type buffer to the field value',
    tests: [
      [PARSER, 'the last of several types counts'],
      [PARSER, 'a type is that of the next event only'],
    ],
  },
  {
    id: 'html-9.2.6-data',
    source: 'HTML §9.2.6',
    quote: 'append a single U+000A LINE FEED (LF) character to the data buffer',
    tests: [
      [PARSER, 'data of two empty lines is one line feed'],
      [PARSER, 'only the last line feed is taken off'],
    ],
  },
  {
    id: 'html-9.2.6-id',
    source: 'HTML §9.2.6',
    quote: 'If the field value does not contain U+0000 NULL, then set the last event ID buffer',
    tests: [
      [PARSER, 'an ID with NUL is ignored'],
      [PARSER, 'an empty ID resets it'],
    ],
  },
  {
    id: 'html-9.2.6-retry',
    source: 'HTML §9.2.6',
    quote: 'If the field value consists of only ASCII digits',
    tests: [
      [PARSER, 'retry of ASCII digits only'],
      [PARSER, 'retry takes effect at once, without a blank line'],
    ],
  },
  {
    id: 'html-9.2.6-unknown',
    source: 'HTML §9.2.6',
    quote: 'Otherwise: The field is ignored',
    tests: [[PARSER, 'unknown fields are ignored']],
  },
  {
    id: 'html-9.2.6-dispatch-id',
    source: 'HTML §9.2.6 dispatch step 1',
    quote: 'Set the last event ID string of the event source to the value of the last event ID buffer',
    tests: [
      [PARSER, 'an ID without data moves the last event ID at its blank line'],
      [PARSER, 'an ID counts from its blank line on'],
    ],
  },
  {
    id: 'html-9.2.6-dispatch-empty',
    source: 'HTML §9.2.6 dispatch step 2',
    quote: 'If the data buffer is an empty string, set the data buffer and the event type buffer',
    tests: [
      [PARSER, 'a type without data is forgotten at the blank line'],
      [PARSER, 'empty data is an event, no data is none'],
    ],
  },
  {
    id: 'html-9.2.6-dispatch-lf',
    source: 'HTML §9.2.6 dispatch step 3',
    quote: 'then remove the last character from the data buffer',
    tests: [[PARSER, 'only the last line feed is taken off']],
  },
  {
    id: 'html-9.2.6-dispatch-type',
    source: 'HTML §9.2.6 dispatch',
    quote: 'If the event type buffer has a value other than the empty string, change the type',
    tests: [
      [PARSER, 'any type is allowed'],
      [PARSER, 'an empty type is message'],
    ],
  },
  {
    id: 'html-9.2.7-comments',
    source: 'HTML §9.2.7',
    quote: "include a comment line (one starting with a ':' character) every 15 seconds or so",
    tests: [[ENCODER, 'a comment alone keeps a stream alive (§9.2.7)']],
  },

  // What stands in front of routes: RFC 9110, RFC 9112 §3.2 and §7.1.1, RFC 6454, RFC 6265, RFC 7239, Fetch, PROXY
  {
    id: '9110-7.4-misdirected',
    source: 'RFC 9110 §7.4',
    quote: 'a request for an "https" resource MUST be rejected unless it has been received over a connection that',
    tests: [
      ['rfc9112/targets.test.ts', 'a request for an https resource is rejected unless its connection is secured'],
    ],
  },
  {
    id: '9110-7.8-ignore',
    source: 'RFC 9110 §7.8',
    quote: 'A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol',
    tests: [
      [REQUESTS, 'an Upgrade to HTTP/2 is ignored, and costs neither the request nor the connection (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to HTTP/2 with a body (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to anything with a chunked body (RFC 9110 §7.8)'],
      [
        'net/curl.test.ts',
        '--http2, which offers to go on in HTTP/2, is answered in HTTP/1.1 on one connection, body or not (RFC 9110 §7.8)',
      ],
    ],
  },
  {
    id: '9110-7.8-http10',
    source: 'RFC 9110 §7.8',
    quote: 'A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request',
    tests: [
      [REQUESTS, 'an Upgrade in HTTP/1.0 is ignored (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to WebSocket in HTTP/1.0 is the last request, also with keep-alive (RFC 9110 §7.8)'],
    ],
  },
  {
    id: '9110-9.3.1-get-content',
    source: 'RFC 9110 §9.3.1',
    quote: 'to reject the request and close the connection because of its potential as a request smuggling attack',
    tests: [
      [REQUESTS, 'an upgrade request with a body'],
      [REQUESTS, 'an upgrade request with a chunked body'],
      [REQUESTS, 'a body with GET is read, though it means nothing (RFC 9110 §9.3.1)'],
    ],
  },
  {
    id: '9110-9.3.2-head',
    source: 'RFC 9110 §9.3.2',
    quote: 'the server MUST NOT send content in the response',
    tests: [
      [REQUESTS, '<…> is at fault'],
      [REQUESTS, 'what fails behind a HEAD is not its refusal'],
    ],
  },
  {
    id: '9112-3.2-host-grammar',
    source: 'RFC 9112 §3.2',
    quote: 'or a Host header field with an invalid field value',
    tests: [
      [REQUESTS, 'a Host of every kind that RFC 3986 §3.2.2 knows'],
      [REQUESTS, 'the Host <…> (RFC 3986 §3.2.2)'],
    ],
  },
  {
    id: '9112-7.1.1-grammar',
    source: 'RFC 9112 §7.1.1',
    quote: 'chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )',
    tests: [
      [REQUESTS, 'the chunk-size line <…> (§7.1.1)'],
      [REQUESTS, 'chunk extensions are ignored (§7.1.1)'],
    ],
  },
  {
    id: '9112-7.1-sent',
    source: 'RFC 9112 §7.1',
    quote: 'The chunk-size field is a string of hex digits indicating the size of the chunk-data in octets',
    tests: [
      ['rfc9112/chunked-writer.test.ts', 'a size in hexadecimal without leading zeros, and CR LF behind size and data'],
      ['rfc9112/chunked-writer.test.ts', 'an empty part is no chunk, which would end the body; the last chunk does'],
    ],
  },
  {
    id: '6454-4-port',
    source: 'RFC 6454 §4',
    quote: 'Let uri-port be the default port for the protocol given by uri-scheme',
    tests: [
      ['rfc6454/origin.test.ts', '<…> is <…> origin for Host <…> <…>'],
      ['rfc6454/origin.test.ts', '<…> is <…>'],
    ],
  },
  {
    id: '6265-5.4-order',
    source: 'RFC 6265 §5.4',
    quote: 'Cookies with longer paths are listed before cookies with shorter paths',
    tests: [['http/cookies.test.ts', 'the first of two counts']],
  },
  {
    id: '7239-4-once',
    source: 'RFC 7239 §4',
    quote: 'Each parameter MUST NOT occur more than once per field-value',
    tests: [['http/forwarded.test.ts', '<…> is <…>']],
  },
  {
    id: '7239-6-node',
    source: 'RFC 7239 §6',
    quote: 'nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode',
    tests: [['http/forwarded.test.ts', '<…> is <…>']],
  },
  {
    id: 'fetch-3.3.3-origin',
    source: 'Fetch §3.3.3',
    quote: 'via returning the literal value of the `Origin` request header (which can be `null`) or `*` in a response',
    tests: [
      ['http/cors.test.ts', 'an origin of the list is named, with credentials'],
      ['http/cors.test.ts', 'null is named where the list has it, never with credentials'],
      ['http/cors.test.ts', '* is for everybody, never with credentials, and does not vary'],
    ],
  },
  {
    id: 'fetch-3.3.3-preflight',
    source: 'Fetch §3.3.3',
    quote: 'is restricted to an ok status, e.g., 200 or 204',
    tests: [
      ['http/cors.test.ts', 'an allowed origin is told the methods of the path and gets the fields that it asks for'],
      ['http/cors.test.ts', 'a refused origin is told nothing, with 403'],
    ],
  },
  {
    id: 'fetch-3.3.5-credentials',
    source: 'Fetch §3.3.5',
    quote: 'If credentials mode is "include", then `Access-Control-Allow-Origin` cannot be `*`',
    tests: [['http/cors.test.ts', '* is for everybody, never with credentials, and does not vary']],
  },
  {
    id: 'proxy-2.1-crlf',
    source: 'PROXY §2.1',
    quote: 'The receiver must not tolerate a single CR or LF character to end the line',
    tests: [['http/proxy-protocol.test.ts', '<…> is refused']],
  },
  {
    id: 'proxy-2.1-length',
    source: 'PROXY §2.1',
    quote:
      'If the CRLF sequence is not found in the first 107 characters, the receiver should declare the line invalid',
    tests: [['http/proxy-protocol.test.ts', 'a line of 107 bytes passes, one that has no end by then is refused']],
  },
  {
    id: 'proxy-2.2-command',
    source: 'PROXY §2.2',
    quote: 'Receivers must drop connections presenting unexpected values here',
    tests: [['http/proxy-protocol.test.ts', 'another command']],
  },
  {
    id: 'proxy-2.2-local',
    source: 'PROXY §2.2',
    quote: 'Receivers MUST always consider this field to skip the appropriate number of bytes',
    tests: [
      ['http/proxy-protocol.test.ts', 'LOCAL with addresses, which are skipped'],
      ['http/proxy-protocol.test.ts', 'UNSPEC with anything behind it'],
    ],
  },
  {
    id: 'proxy-2.2.3-checksum',
    source: 'PROXY §2.2.3',
    quote: 'If it is not, the receiver MUST treat the TCP connection providing the header as invalid',
    tests: [
      ['http/proxy-protocol.test.ts', 'a checksum is verified over the whole header, wherever it stands (§2.2.3)'],
      ['http/proxy-protocol.test.ts', 'another checksum'],
    ],
  },
];
