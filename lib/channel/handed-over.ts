/**
 * A stream that somebody else has read from, and hands over, as a channel: all that it carries is put in order here.
 *
 * `node:http` hands over a socket with an upgrade. It may have bytes that were read too far, be paused, be TLS, have a
 * timeout, have ended, or be broken already; and nobody listens for its errors, so that a reset would end the process.
 * It keeps its place in its server's count, and the listeners of others.
 * In: the stream and what was read too far. Out: a channel, paused, and all that was read. Read next: `socket.ts`.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { DuplexChannel } from './duplex.ts';
import { answersAnother, hasReader, readShared } from './node-internals.ts';
import type { Owner, Sink } from './port.ts';
import type { QueuedChannel } from './queued-channel.ts';
import { SocketChannel } from './socket.ts';

export interface HandedOver {
  readonly channel: QueuedChannel;
  /** Received before anything else: `head`, and what the stream had read after it. The caller's to keep. */
  readonly early: Uint8Array;
}

/** Streams with a channel, but for sockets, which say it themselves: an entry for each would be memory of an idle connection. */
const sharedTaken = new WeakSet<Duplex>();

/** Hears the errors of a stream that has no channel. It ends of itself. */
function ignoreError(): void {}

/**
 * Takes a stream over. `resume` the channel once its sink is ready; until then at most what the stream had read is kept.
 * Undefined when the stream is broken already, or when another response is still to be written to it (RFC 9112 §9.3.2: in
 * the order of the requests), which ends it: its client has not waited, as RFC 6455 §4.1 wants it to. A response to `request` itself,
 * which frameworks give the socket before they route an upgrade, is not in the way.
 * @throws TypeError, with nothing touched, for a stream that was taken over before
 */
export function takeOver(
  stream: Duplex,
  head: Uint8Array,
  sink: Sink,
  owner: Owner,
  request?: object,
): HandedOver | undefined {
  if (stream instanceof Socket ? hasReader(stream) : sharedTaken.has(stream))
    throw new TypeError(
      'handleUpgrade: this socket has a connection: it was handed over before, perhaps by another listener',
    );
  stream.on('error', ignoreError);
  if (stream.destroyed || stream.writableLength > 0 || stream.writableEnded || answersAnother(stream, request)) {
    stream.destroy();
    return undefined;
  }
  stream.pause();
  const early = concat(head, stream.read() as Uint8Array | null);
  stream.allowHalfOpen = true; // a WebSocket's FIN comes after its close frame, in each direction for itself
  const { readableEnded } = stream;
  const channel = channelOf(stream, sink, owner);
  channel.pause(); // once more: only a socket that reads into our buffer stops at once, and tells nothing before `resume`
  stream.off('error', ignoreError); // the channel hears them now, and a list of two would be 104 bytes of an idle connection
  if (readableEnded) setImmediate(() => channel.takeEnd()); // 'end' comes only once
  return { channel, early };
}

function channelOf(stream: Duplex, sink: Sink, owner: Owner): QueuedChannel {
  if (!(stream instanceof Socket)) {
    sharedTaken.add(stream);
    return new DuplexChannel(
      { stream, readable: stream, remote: { address: '', port: 0, secure: false }, owner },
      sink,
    );
  }
  stream.setTimeout(0); // those of `http.Server`: `timeout`, and `keepAliveTimeout` of a request before
  stream.setNoDelay(true);
  return new SocketChannel(stream, sink, readShared(stream) ? 'shared buffer' : 'data events', owner);
}

function concat(head: Uint8Array, more: Uint8Array | null): Uint8Array {
  // A copy: `head` is a slice of a read of 64 KiB, and would keep it.
  const all = new Uint8Array(head.length + (more?.length ?? 0));
  all.set(head);
  if (more !== null) all.set(more, head.length);
  return all;
}
