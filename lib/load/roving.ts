/**
 * Echo over many connections with few messages under way: each reply lets the next connection in turn send.
 *
 * Shows what an open connection, or an open room, costs the others: the work a message is always the same, only the
 * number of connections differs.
 */

import { sourceAddress } from './connect-rate.ts';
import { openMany, READ_BYTES } from './connection.ts';
import { FrameSource, sendPong } from './echo.ts';
import { failureSignal, type Measurement, measure, type Window } from './measure.ts';
import { type MessageShape, replyCycle, requestCycle } from './messages.ts';
import { ReplyCounter } from './replies.ts';

export interface RovingLoad extends Window {
  readonly url: URL;
  readonly connections: number;
  /** Messages under way over all connections. */
  readonly inFlight: number;
  readonly shape: MessageShape;
  /** Each connection asks for a path of its own: `/0`, `/1` and so on. */
  readonly ownPaths?: boolean;
}

/** @throws WrongReply, ConnectFailed */
export async function runRoving(load: RovingLoad): Promise<Measurement> {
  const requests = new FrameSource(requestCycle(load.shape, 1), 1);
  const replies = replyCycle(load.shape, READ_BYTES);
  const connections = await openMany(load.connections, (index) => {
    const localAddress = sourceAddress(load.url, index);
    const url = load.ownPaths ? new URL(`/${index}`, load.url) : load.url;
    return { url, ...(localAddress === undefined ? {} : { localAddress }) };
  });
  const { failure, fail } = failureSignal();
  const sent = new Uint32Array(connections.length);
  let total = 0;
  let turn = 0;
  let running = true;
  const sendNext = () => {
    const index = turn;
    turn = (turn + 1) % connections.length;
    connections[index]!.socket.write(requests.take(sent[index]!++, 1));
  };
  for (const connection of connections) {
    const reader = new ReplyCounter(replies, (payload) => sendPong(connection, payload));
    connection.onChunk = (chunk, length) => {
      if (!running) return;
      try {
        const whole = reader.receive(chunk, length);
        total += whole;
        for (let i = 0; i < whole; i++) sendNext();
      } catch (error) {
        fail(error as Error);
      }
    };
    connection.onGone = (error) => {
      if (running) fail(error ?? new Error('the server ended a connection'));
    };
    connection.start();
  }
  try {
    for (let i = 0; i < load.inFlight; i++) sendNext();
    return await measure(load, () => total, failure);
  } finally {
    running = false;
    for (const connection of connections) connection.destroy();
  }
}
