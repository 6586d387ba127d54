/**
 * The WebSocket core without sockets: one chunk in, its messages out, and as an echo back into frames.
 * `node dist/bench/core/parse.js`. Times are for one message.
 */

import { type MessageShape, requestCycle } from '../../lib/load/messages.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { bench, type Job } from './harness.ts';

/** One read of a socket at most. */
const CHUNK_BYTES = 65_536;

const SHAPES: readonly MessageShape[] = [
  { sizeBytes: 20, kind: 'binary' },
  { sizeBytes: 100, kind: 'text' },
  { sizeBytes: 1_024, kind: 'binary' },
  { sizeBytes: 16_384, kind: 'binary' },
  { sizeBytes: 16_384, kind: 'text' },
  { sizeBytes: 16_384, kind: 'utf8' },
];

function jobOf(shape: MessageShape, sendsBack: boolean): Job {
  const count = Math.min(64, Math.floor(CHUNK_BYTES / (shape.sizeBytes + 14)));
  const cycle = requestCycle(shape, count);
  const chunk = cycle.bytes.subarray(0, count * cycle.frameBytes);
  const core = new WebSocketProtocol({ role: 'server' });
  const run = () => {
    let octets = 0;
    for (const incoming of core.receive(chunk)) {
      if (incoming.kind !== 'text' && incoming.kind !== 'binary') throw new Error(`unexpected ${incoming.kind}`);
      octets += incoming.data.length;
      if (!sendsBack) continue;
      if (typeof incoming.data === 'string') core.sendText(incoming.data);
      else core.sendBinary(incoming.data);
    }
    core.output.clear();
    return octets;
  };
  const name = `${shape.sizeBytes} B ${shape.kind}, ${count} a chunk`;
  return { name, bytes: chunk.length, count, contenders: [{ name: 'core', run }] };
}

bench(
  'receive',
  SHAPES.map((shape) => jobOf(shape, false)),
);
bench(
  'receive and send back',
  SHAPES.map((shape) => jobOf(shape, true)),
);
