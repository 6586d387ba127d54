/**
 * How a response of Node's ends before its time: dropped, so that its client can tell that from the end of an answer; or complete, while its
 * request still comes.
 *
 * Dropped over HTTP/1.1 that is the end of the connection (RFC 9112 §8). HTTP/2's response resets its stream with NO_ERROR, which stands for a
 * complete answer (RFC 9113 §8.1) and is told as one: here it is CANCEL. Read next: `http2-channel.ts`, which does the same.
 */

import { addAbortSignal, type Duplex } from 'node:stream';
import type { NodeResponse } from './node-request.ts';

/** RFC 9113 §7 */
const NO_ERROR = 0;

export function dropResponse(response: NodeResponse, error?: Error): void {
  const { stream } = response as { readonly stream?: Duplex };
  // Node sends CANCEL for an abort.
  if (stream !== undefined && !stream.destroyed) addAbortSignal(sharedAborted, stream);
  else response.destroy(error);
}

/**
 * Behind a complete answer what the client could still send is of no use, and over HTTP/2 it is told so: RFC 9113 §8.1 has RST_STREAM with NO_ERROR
 * for it. Without it the stream would stay open for as long as the client likes. HTTP/1.1 closes the connection.
 */
export function forgetRest(response: NodeResponse): void {
  const { stream } = response as {
    readonly stream?: Duplex & { readonly endAfterHeaders: boolean; close(code: number): void };
  };
  if (stream === undefined || stream.endAfterHeaders) return;
  (stream as Duplex).once('finish', () =>
    // In a later turn, as in `http2-channel.ts`.
    setImmediate(() => {
      if (!stream.readableEnded && !stream.destroyed) stream.close(NO_ERROR);
    }),
  );
}

const sharedAborted = AbortSignal.abort();
