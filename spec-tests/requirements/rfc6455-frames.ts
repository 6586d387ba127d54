/**
 * RFC 6455 §5 and §6: frames, messages, sending and receiving.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import {
  CLIENT_WS,
  CLOSING,
  CONTROL,
  FRAGMENTS,
  FRAMES,
  FRAMING,
  PARTS,
  PMD_FRAMING,
  PMD_NEGOTIATION,
  PMD_OUT,
  SERVER_WS,
  UTF8,
} from './tests.ts';

export const RFC6455_FRAMES: readonly Requirement[] = [
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
      [PARTS, 'fragments keep their order here too (§5.4)'],
      [PARTS, 'between begin and end another message is the caller’s mistake, a control frame and the close are not'],
    ],
  },
  {
    id: '6455-5.4-control-between',
    source: 'RFC 6455 §5.4',
    quote: 'An endpoint MUST be capable of handling control frames in the middle of a fragmented message',
    tests: [
      [FRAGMENTS, 'control frames in the middle of a fragmented message are handled where they stand'],
      [PARTS, 'one frame, several, empty ones, text and binary, with control frames in between: at every split'],
    ],
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
];
