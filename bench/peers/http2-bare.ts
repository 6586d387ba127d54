/**
 * No WebSocket at all: what a stream of `node:http2` costs. It takes extended CONNECT, counts octets and sends as many ready-made
 * replies as whole requests have come.
 */

import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { READ_BYTES } from '../../lib/load/connection.ts';
import { CyclePosition, replyCycle, requestCycle } from '../../lib/load/messages.ts';
import { announce, peerArguments } from './arguments.ts';

const { sizeBytes, kind } = peerArguments();
const requests = requestCycle({ sizeBytes, kind }, 0);
const replies = replyCycle({ sizeBytes, kind }, 4 * READ_BYTES + sizeBytes);

const server = createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream) => {
  const position = new CyclePosition(requests);
  stream.respond({ ':status': 200 });
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    const first = position.frame;
    const whole = position.advance(chunk.length);
    if (whole > 0) stream.write(replies.bytes.subarray(replies.starts[first], replies.starts[first + whole]));
  });
});
server.listen({ port: 0, host: '127.0.0.1' }, () => announce((server.address() as AddressInfo).port));
