/**
 * Replays bytes into a fresh protocol in every way that a network can cut them: whole, octet by octet, at each two-way
 * split. What comes out must not depend on the cuts.
 */

import assert from 'node:assert/strict';
import {
  type AgreedExtensions,
  type Incoming,
  type ProtocolOptions,
  WebSocketProtocol,
} from '../../lib/websocket/protocol.ts';

export interface Outcome {
  readonly incoming: Incoming[];
  /** What would be written to the peer. */
  readonly output: string;
  readonly state: string;
}

/** What a protocol is made with. */
export type Replayed = ProtocolOptions & { readonly agreed?: AgreedExtensions };

/** Feeds the chunks and says what came of them. */
export function run(options: Replayed, chunks: Iterable<Uint8Array>): Outcome {
  const protocol = new WebSocketProtocol(options, undefined, options.agreed);
  const incoming: Incoming[] = [];
  for (const chunk of chunks) {
    const lent = chunk.slice();
    for (const event of protocol.receive(lent)) incoming.push(plain(event));
    lent.fill(0xaa); // the chunk was only lent: results must not refer to it
  }
  const output = protocol.takeOutput();
  // A client's output is masked with fresh keys: only its length can be compared.
  return {
    incoming,
    output: options.role === 'server' ? Buffer.from(output).toString('hex') : `${output.length} bytes`,
    state: protocol.state,
  };
}

/** Runs `bytes` cut in every way and answers the one outcome that all agree on. */
export function replay(options: Replayed, bytes: Uint8Array): Outcome {
  const whole = run(options, [bytes]);
  const single = run(
    options,
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
  );
  assert.deepEqual(single, whole, 'octet by octet gives another outcome than whole');
  const splits = bytes.length <= 300 ? bytes.length : 0;
  for (let at = 1; at < splits; at++) {
    assert.deepEqual(
      run(options, [bytes.subarray(0, at), bytes.subarray(at)]),
      whole,
      `split at ${at} gives another outcome than whole`,
    );
  }
  return whole;
}

/** Uint8Arrays compare equal by content only when they are of one kind. */
function plain(event: Incoming): Incoming {
  return 'data' in event && typeof event.data !== 'string' ? { ...event, data: new Uint8Array(event.data) } : event;
}
