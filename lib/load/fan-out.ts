/**
 * Fan-out load: one of the members publishes, all of them receive, and so many messages are under way.
 *
 * A message is done when every member has it; what is counted is deliveries.
 * Read next: `paced.ts`.
 */

import { type Compressed, CompressedReplyReader, compressedBytesOf, MAX_RECORDS } from './compression.ts';
import { type LoadConnection, openMany, READ_BYTES } from './connection.ts';
import { requestsOf, sendPong } from './echo.ts';
import { failureSignal, type Measurement, measure, type Window, wait } from './measure.ts';
import { type MessageShape, replyCycle } from './messages.ts';
import { ReplyCounter, type ReplyReader } from './replies.ts';

export interface FanOutLoad extends Window {
  readonly url: URL;
  /** Members that receive; the first of them publishes. */
  readonly members: number;
  /** Messages that not every member has yet. */
  readonly inFlight: number;
  readonly shape: MessageShape;
  readonly compressed?: Compressed;
  /** Further members that connect and then read nothing. Their deliveries do not count. */
  readonly slowMembers?: number;
  /** What has to be said on each connection before messages are, where there is a protocol on top of WebSocket. */
  readonly join?: (connection: LoadConnection) => Promise<void>;
}

/** Members are in the room once the server has answered their handshake; this is for servers that join them a moment later. */
const SETTLE_MS = 100;

/** @throws WrongReply, ConnectFailed */
export async function runFanOut(load: FanOutLoad): Promise<Measurement> {
  const { compressed = false } = load;
  const requests = requestsOf(load.shape, compressed, load.inFlight);
  const replies = replyCycle(load.shape, READ_BYTES);
  const slow = await openMany(load.slowMembers ?? 0, { url: load.url, compressed });
  const { join } = load;
  if (join !== undefined) await Promise.all(slow.map(join));
  for (const connection of slow) connection.socket.pause();
  const members = await openMany(load.members, { url: load.url, compressed });
  if (join !== undefined) await Promise.all(members.map(join));
  await wait(SETTLE_MS);
  const { failure, fail } = failureSignal();
  const publisher = members[0]!;
  let delivered = 0;
  let published = 0;
  let running = true;
  const readers: ReplyReader[] = [];
  const publish = () => {
    const due = Math.floor(delivered / load.members) + load.inFlight - published;
    if (due <= 0) return;
    publisher.socket.write(requests.take(published, due));
    published += due;
  };
  for (const member of members) {
    const reader: ReplyReader = compressed
      ? new CompressedReplyReader(load.shape, compressed === 'takeover', readers.length < MAX_RECORDS)
      : new ReplyCounter(replies, (payload) => sendPong(member, payload));
    readers.push(reader);
    member.onChunk = (chunk, length) => {
      if (!running) return;
      try {
        delivered += reader.receive(chunk, length);
      } catch (error) {
        fail(error as Error);
        return;
      }
      publish();
    };
    member.onGone = (error) => {
      if (running && !member.ended) fail(error ?? new Error('the server ended a connection'));
    };
  }
  try {
    publish();
    for (const member of members) member.start();
    const measured = await measure(load, () => delivered, failure);
    running = false;
    return { ...measured, ...compressedBytesOf(readers) };
  } finally {
    running = false;
    for (const connection of [...members, ...slow]) connection.destroy();
  }
}
