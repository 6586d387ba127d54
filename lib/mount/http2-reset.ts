/**
 * RST_STREAM with NO_ERROR (RFC 9113 §7) on a stream of Node's HTTP/2 server: the client's, of which Node does not always tell, and ours after
 * an answer that is complete before its request is.
 *
 * Read next: `http2-channel.ts`, `drop-response.ts`.
 */

import type { ServerHttp2Stream } from 'node:http2';
import { systemClock } from '../net/sweeper.ts';

/** RFC 9113 §7. Written here, since to load `node:http2` takes 0.7 MB of memory. */
const NO_ERROR = 0;

/** END_STREAM may wait for the client's window, of which Node does not tell: it is looked for at intervals from 2 ms that double up to this one. */
const MAX_LOOK_INTERVAL_MS = 1_000;

/**
 * After a complete answer what the client could still send is of no use, and it is told so, since not every client ends its own direction.
 * RFC 9113 §8.1 has RST_STREAM with NO_ERROR for it, "after sending a complete response (i.e., a frame with the END_STREAM flag set)": before
 * that frame it would cut the answer off. Call it once the answer has been ended; more calls add nothing. Waits no longer than the stream lasts.
 */
export function resetOnceAnswered(stream: ServerHttp2Stream): void {
  if (stream.readableEnded || sharedAnswered.has(stream)) return;
  sharedAnswered.add(stream);
  let looks = 0;
  const look = (): void => {
    if (stream.closed || stream.destroyed) return;
    looks++;
    if (stream.state.localClose === 1) stream.close(NO_ERROR);
    else systemClock.after(Math.min(2 ** looks, MAX_LOOK_INTERVAL_MS), look);
  };
  const begin = (): void => {
    if (!stream.readableEnded) setImmediate(look);
  };
  if (stream.writableFinished) begin();
  else stream.once('finish', begin);
}

/** Those whose END_STREAM is, or was, looked for. */
const sharedAnswered = new WeakSet<ServerHttp2Stream>();

/**
 * Destroys a stream that its client has reset. Node does so itself for every other code; for NO_ERROR it waits until all has been written, which
 * never happens where the client's window is full: no `'close'` then, not even after the end of the connection.
 * `'aborted'` is emitted with the reset if our answer has not been ended. If it has, `'end'` is emitted after the reset; if `'end'` was emitted
 * earlier, Node destroys the stream itself.
 */
export function destroyOnceReset(stream: ServerHttp2Stream): void {
  stream.on('aborted', destroySoon);
  stream.on('end', destroyClosed);
  if (stream.closed) destroySoon.call(stream);
}

/** In a later turn: Node is within the reset, and what was read before it is being handed over. */
function destroySoon(this: ServerHttp2Stream): void {
  setImmediate(() => destroyClosed.call(this));
}

function destroyClosed(this: ServerHttp2Stream): void {
  if (this.closed && !this.destroyed) this.destroy();
}
