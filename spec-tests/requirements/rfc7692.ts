/**
 * RFC 7692: permessage-deflate.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { PARTS, PMD_FRAMING, PMD_IN, PMD_NEGOTIATION, PMD_OUT } from './tests.ts';

export const RFC7692: readonly Requirement[] = [
  // RFC 7692
  {
    id: '7692-6.1-rsv1',
    source: 'RFC 7692 §6.1',
    quote: 'MUST NOT set the "Per-Message Compressed" bit of control frames and non-first fragments',
    tests: [
      [PMD_OUT, 'control frames are never compressed (§6)'],
      [
        PARTS,
        'compressed: RSV1 on the first frame alone, and the message is one DEFLATE stream without its tail (RFC 7692 §7.2.1, §7.2.3.6)',
      ],
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
    tests: [
      [PMD_OUT, 'a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end'],
      [
        PARTS,
        'compressed: RSV1 on the first frame alone, and the message is one DEFLATE stream without its tail (RFC 7692 §7.2.1, §7.2.3.6)',
      ],
    ],
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
    tests: [[PMD_NEGOTIATION, 'server_no_context_takeover is answered (§7.1.1.1)']],
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
      [PMD_NEGOTIATION, 'server_max_window_bits smaller than asked'],
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
    tests: [
      [PMD_OUT, 'a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end'],
      [
        PARTS,
        'compressed: RSV1 on the first frame alone, and the message is one DEFLATE stream without its tail (RFC 7692 §7.2.1, §7.2.3.6)',
      ],
    ],
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
    tests: [
      [PMD_OUT, 'a window of 2^n bytes is never looked past (§7.1.2)'],
      [PARTS, 'parts of one message look no further back than the window that was agreed (RFC 7692 §7.2.1)'],
    ],
  },
  {
    id: '7692-7.2.2-decompress',
    source: 'RFC 7692 §7.2.2',
    quote: 'Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload',
    tests: [
      [PMD_IN, '§7.2.3.1: one compressed block'],
      [PMD_IN, '§7.2.3.4: a block with BFINAL 1'],
      [PARTS, 'vectors of the RFC, whole and fragmented, at every split (§7.2.3)'],
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
];
