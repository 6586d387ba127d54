/**
 * Why a peer's case is FAILED or NON-STRICT: every such result in docs/conformance.md has a line here.
 *
 * The first explanation that covers a peer and a case is the one that counts.
 */

import { selectIds } from '../../lib/conformance/select.ts';

export interface Explanation {
  /** Ids of peers; absent = all. */
  readonly peers?: readonly string[];
  /** Patterns of cases. */
  readonly cases: readonly string[];
  readonly because: string;
}

export const EXPLANATIONS: readonly Explanation[] = [
  {
    cases: ['6.4.*'],
    because:
      'UTF-8 is checked when the message (or, in 6.4.3 and 6.4.4, the frame) is complete. The RFC permits that; failing at the first invalid octet is better.',
  },
  {
    peers: ['uws'],
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
    peers: ['deno'],
    cases: ['7.3.6'],
    because: 'An oversized close frame is answered with a close frame that is itself oversized, and TCP is left open.',
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
      'X.1.13',
      'X.1.14',
      'X.1.15',
      'X.1.16',
      'X.1.17',
      'X.1.18',
      'X.1.20',
      'X.1.21',
      'X.1.22',
      'X.1.26',
    ],
    because:
      'The opening request is not checked in that point (RFC 6455 §4.2.1 demands each of them), or it is left without an answer. With uWebSockets.js and Deno part of this is up to the program that upgrades.',
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
    cases: ['X.1.6*', 'X.1.7*', 'X.7.30', 'X.7.31', 'X.7.32', 'X.7.33', 'X.7.34', 'X.7.35', 'X.7.36', 'X.7.37'],
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
];

export function explanationOf(peer: string, id: string): Explanation | undefined {
  return EXPLANATIONS.find(
    ({ peers, cases }) => (peers === undefined || peers.includes(peer)) && selectIds([{ id }], cases, []).length > 0,
  );
}
