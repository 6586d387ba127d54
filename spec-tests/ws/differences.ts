/**
 * What ours does otherwise than ws 8.23, by scenario, each with its reason.
 *
 * Read next: `differential.test.ts`.
 */

/** Which scenarios, and why, as the end of a sentence. */
export const DIFFERENCES: readonly (readonly [scenarios: RegExp, reason: string])[] = [
  [
    /^send (Float32Array|array of octets) as text/,
    'our close frame says in words why text that is no UTF-8 fails the connection, which ws leaves empty',
  ],
  [/^close number 1000\.5/, 'a close code is a whole number (RFC 6455 §7.4); ws cuts it to one'],
  [
    /sends a length that is not minimal$/,
    'RFC 6455 §5.2 demands "the minimal number of bytes" for a length, which ws does not check',
  ],
  [
    /^a client sends a length of 2\^63$/,
    'a length with its highest bit set is malformed (RFC 6455 §5.2, code 1002); ws calls it too big (1009)',
  ],
  [
    /^request: (no version|version 12)$/,
    'only version 13 is spoken, and the answer names no other (RFC 6455 §4.2.2); ws also speaks the draft of version 8',
  ],
  [/^request: version 8/, 'only version 13 is spoken (RFC 6455 §4.2.1 item 6); ws also speaks the draft of version 8'],
  [/^protocolVersion 9$/, 'only version 13 is spoken, and the error names no other'],
  [
    /^request: offer permessage-deflate; (server_max_window_bits=7|unknown|client_no_context_takeover; client_no)/,
    'an offer that is not understood is declined and the connection goes on without (RFC 7692 §7); ws refuses it with 400',
  ],
  [
    /^allowSynchronousEvents \w+: .* pauses for a while$/,
    'a pause holds at once, also for what has come in the same chunk; with ws the messages of that chunk are told all the same',
  ],
  [
    /^allowSynchronousEvents (undefined|true|false): texts, a close, after which the listener terminates$/,
    'nothing more is told of a connection that was dropped; with ws the messages of the same chunk still come',
  ],
  [
    /^allowSynchronousEvents false: texts, a close, while the turn after it terminates$/,
    'it was dropped before its third message',
  ],
  [/^request: all of deflate set/, 'the parameters of an answer stand in another order, which means nothing'],
];
