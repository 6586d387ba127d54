/**
 * Why a peer's case is FAILED or NON-STRICT: every such result in docs/conformance.md has a line here.
 *
 * The first explanation that covers a peer and a case is the one that counts.
 */

import { selectIds } from '../../lib/conformance/select.ts';

const HYPERLANE_HEADERS =
  'Reserved bits, lengths of control frames and the most significant bit of a length are not checked (RFC 6455 §5.2, §5.5): the frame is taken, skipped, or waited for.';
const HYPERLANE_CLOSE = 'A close frame is not answered (RFC 6455 §5.5.1): TCP is closed without one.';
const HYPERLANE_KIND =
  'Whether a message is text or binary is told by its octets and not by its opcode: a text that is not UTF-8 comes back as binary (RFC 6455 §8.1 asks that the connection is failed), and binary octets that happen to be UTF-8 come back as text.';

export interface Explanation {
  /** Ids of peers; absent = all. */
  readonly peers?: readonly string[];
  /** Patterns of cases. */
  readonly cases: readonly string[];
  /** Only cases that went well but for how the connection ended. */
  readonly endingAlone?: boolean;
  readonly because: string;
}

export const EXPLANATIONS: readonly Explanation[] = [
  {
    peers: ['hyperlane'],
    cases: ['2.5'],
    because: HYPERLANE_HEADERS,
  },
  {
    peers: ['hyperlane'],
    cases: ['*'],
    endingAlone: true,
    because: HYPERLANE_CLOSE,
  },
  {
    peers: ['hyperlane'],
    cases: ['1.1.1', '1.2.1', '6.1.1', '9.7.1', '9.8.1'],
    because: 'An empty message is answered by nothing: no frame is made of it.',
  },
  {
    peers: ['hyperlane'],
    cases: ['2.1', '2.2', '2.3', '2.4', '2.6', '2.9', '2.10', '2.11', 'X.3.1', 'X.3.2', 'X.3.3', 'X.5.1'],
    because: 'Pings are read and not answered (RFC 6455 §5.5.2), so that a tester who waits for a pong waits in vain.',
  },
  {
    peers: ['hyperlane'],
    cases: ['5.*', '6.1.2', '6.1.3', '6.2.2', '6.2.3', '6.2.4', '6.4.3', '6.4.4', '9.3.*', '10.1.1', 'X.5.3'],
    because:
      'A continuation frame ends TCP: messages in fragments are not read (RFC 6455 §5.4), and the parts of one message are taken for messages.',
  },
  {
    peers: ['hyperlane'],
    cases: ['9.4.1', '9.4.2', '9.4.3', '9.4.4', '9.4.5', '9.4.6', '9.4.7', '9.4.8'],
    because:
      'A continuation frame ends TCP: messages in fragments are not read (RFC 6455 §5.4), and the parts of one message are taken for messages.',
  },
  {
    peers: ['hyperlane'],
    cases: ['6.3.*', '6.6.1', '6.6.3', '6.6.4', '6.6.6', '6.6.8', '6.6.10', '6.8.*', '6.10.*', '6.11.5', '9.4.9'],
    because: HYPERLANE_KIND,
  },
  {
    peers: ['hyperlane'],
    cases: ['6.12.*', '6.13.*', '6.14.*', '6.15.*', '6.16.*', '6.17.*', '6.18.*', '6.19.*', '6.20.*', '6.21.*'],
    because: HYPERLANE_KIND,
  },
  {
    peers: ['hyperlane'],
    cases: ['3.*', 'X.2.5', 'X.2.6', 'X.2.7', 'X.2.8'],
    because: HYPERLANE_HEADERS,
  },
  {
    peers: ['gorilla'],
    cases: ['6.*', 'X.7.63'],
    because:
      'Whether a text is UTF-8 is left to the program, as the documentation says; RFC 6455 §8.1 asks that the connection is failed.',
  },
  {
    cases: ['6.4.*'],
    because:
      'UTF-8 is checked when the message (or, in 6.4.3 and 6.4.4, the frame) is complete. The RFC permits that; failing at the first invalid octet is better.',
  },
  {
    peers: ['uws', 'tungstenite', 'python'],
    cases: ['3.*', '4.*', '5.15'],
    because:
      'A message that came in the same segment as a violation behind it is not echoed: TCP is dropped with the echo still unsent.',
  },
  {
    peers: ['ws'],
    cases: ['9.3.1', '9.3.2', '9.4.1', '9.4.2'],
    because: 'More fragments than the default bound of 16,384 a message: refused with 1008, a deliberate limit.',
  },
  {
    peers: ['python'],
    cases: ['9.3.*', '9.4.*'],
    because: 'More fragments than the default bound of 4,096 a message: refused with 1009, a deliberate limit.',
  },
  {
    peers: ['deno'],
    cases: ['7.3.6'],
    because: 'An oversized close frame is answered with a close frame that is itself oversized, and TCP is left open.',
  },
  {
    peers: ['tungstenite', 'python'],
    cases: ['X.6.1'],
    because: 'Of several messages in one segment with a close frame behind them, some or all are not echoed.',
  },
  {
    peers: ['python'],
    cases: ['7.1.5'],
    because:
      'A close frame behind the first part of a message is answered with 1002 and not with the code that it has.',
  },
  {
    peers: ['tungstenite', 'gorilla'],
    cases: ['X.1.7'],
    because:
      'A client that sends before it has the answer is dropped without one. RFC 6455 §4.1 forbids clients to do that: strictness of its own.',
  },
  {
    peers: ['uws'],
    cases: ['X.1.7'],
    because: 'A message in the same segment as the opening request is lost.',
  },
  {
    cases: [
      'X.1.10',
      'X.1.11',
      'X.1.12',
      'X.1.13',
      'X.1.14',
      'X.1.15',
      'X.1.16',
      'X.1.17',
      'X.1.18',
      'X.1.19',
      'X.1.20',
      'X.1.21',
      'X.1.22',
      'X.1.23',
      'X.1.26',
    ],
    because:
      'The opening request is not checked in that point (RFC 6455 §4.2.1 demands each of them), or it is left without an answer. With uWebSockets.js, Deno and Hyperlane part of this is up to the program that upgrades.',
  },
  {
    cases: ['X.1.24', 'X.1.25'],
    because: 'There is no bound on the head.',
  },
  {
    cases: ['X.1.50', 'X.1.51', 'X.1.52', 'X.1.53', 'X.1.54'],
    because: 'A correct answer is not taken.',
  },
  {
    cases: [
      'X.1.6*',
      'X.1.70',
      'X.1.71',
      'X.1.72',
      'X.7.30',
      'X.7.31',
      'X.7.32',
      'X.7.33',
      'X.7.34',
      'X.7.35',
      'X.7.36',
      'X.7.37',
    ],
    because:
      'An answer that the client must not take (RFC 6455 §4.1, RFC 7692 §7.1) is taken, or the program is told but TCP is left open.',
  },
  {
    cases: ['X.2.1', 'X.2.2', 'X.2.3', 'X.2.4', 'X.2.5'],
    because:
      'A length that is not in its shortest form is taken; RFC 6455 §5.2 binds the sender, a strict receiver refuses it.',
  },
  {
    cases: ['X.2.10', 'X.2.11', 'X.2.12', 'X.2.15', 'X.2.16', 'X.2.17', 'X.2.19', 'X.2.20', 'X.2.21', 'X.2.22'],
    because: 'Masking is not checked: RFC 6455 §5.1 says that the connection must be closed.',
  },
  {
    cases: ['X.4.*'],
    because: 'A message without end meets no bound, or only one beyond 160 MiB or 200,000 fragments.',
  },
  {
    peers: ['bun'],
    cases: ['X.5.2'],
    because:
      'After 48 MiB of echoes that nobody read nothing more comes, not even a pong, although the tester reads again.',
  },
  {
    cases: ['X.5.1', 'X.5.2'],
    because:
      'Answers to a peer that does not read them are held without back-pressure up to the bound that the program has set (64 MiB here), or without a bound.',
  },
  {
    peers: ['ws', 'ws-no-cap', 'ws-client'],
    cases: ['X.5.3'],
    because:
      'More than 60 pings that wait for their pong are taken for an attack, and TCP is dropped: a deliberate limit.',
  },
  {
    cases: ['X.6.8', 'X.6.9', 'X.6.10', 'X.6.11', 'X.6.12'],
    because: 'Close codes and reasons are checked against an older list, or not at all.',
  },
  {
    cases: [
      'X.7.1',
      'X.7.2',
      'X.7.3',
      'X.7.4',
      'X.7.5',
      'X.7.6',
      'X.7.7',
      'X.7.8',
      'X.7.9',
      'X.7.10',
      'X.7.11',
      'X.7.12',
      'X.7.13',
    ],
    because:
      'The offer is taken though a parameter in it is invalid, unknown or there twice (RFC 7692 §7.1 demands to decline).',
  },
  {
    cases: ['X.7.2*'],
    because:
      'A valid offer is declined, refused with an error, or answered without what it asks for (RFC 7692 §7.1.2.1 demands server_max_window_bits in the answer).',
  },
  {
    cases: ['X.7.55'],
    because: 'A message in a block with BFINAL set is refused (RFC 7692 §7.2.3.4 permits it).',
  },
  {
    cases: ['X.7.62'],
    because:
      'A compressed message that is cut off is delivered as far as it goes. DEFLATE cannot always tell; a strict peer asks whether the last block has ended.',
  },
  {
    cases: ['X.7.64', 'X.7.65'],
    because: 'RSV1 is taken where RFC 7692 §6.1 forbids it: on continuations and control frames.',
  },
  {
    cases: ['X.7.66'],
    because: 'A message of 260 KiB is inflated to 256 MiB: the bound that the program has set is as high.',
  },
  {
    peers: ['hyperlane'],
    cases: ['X.1.7', 'X.2.13', 'X.3.*', 'X.6.*'],
    because: HYPERLANE_CLOSE,
  },
];

/** `verdict` as the result file has it. */
export function explanationOf(peer: string, id: string, verdict: string): Explanation | undefined {
  return EXPLANATIONS.find(
    ({ peers, cases, endingAlone }) =>
      (endingAlone !== true || verdict.startsWith('OK')) &&
      (peers === undefined || peers.includes(peer)) &&
      selectIds([{ id }], cases, []).length > 0,
  );
}
