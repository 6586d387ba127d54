/**
 * Drops a response of Node's, so that its client can tell that from the end of an answer.
 *
 * Over HTTP/1.1 that is the end of the connection (RFC 9112 §8). HTTP/2's response resets its stream with NO_ERROR, which stands for a
 * complete answer (RFC 9113 §8.1) and is told as one: here it is CANCEL. Read next: `http2-channel.ts`, which does the same.
 */

import { addAbortSignal, type Duplex } from 'node:stream';
import type { NodeResponse } from './node-request.ts';

export function dropResponse(response: NodeResponse, error?: Error): void {
  const { stream } = response as { readonly stream?: Duplex };
  // Node sends CANCEL for an abort.
  if (stream !== undefined && !stream.destroyed) addAbortSignal(sharedAborted, stream);
  else response.destroy(error);
}

const sharedAborted = AbortSignal.abort();
