/**
 * How a response of Node's ends before its time: dropped, so that its client can tell that from the end of an answer; or complete, while its
 * request still comes.
 *
 * Dropped over HTTP/1.1 that is the end of the connection (RFC 9112 §8). HTTP/2's response resets its stream with NO_ERROR, which stands for a
 * complete answer (RFC 9113 §8.1) and is told as one: here it is CANCEL. Read next: `http2-channel.ts`, which does the same.
 */

import type { ServerHttp2Stream } from 'node:http2';
import { addAbortSignal, type Duplex } from 'node:stream';
import { resetOnceAnswered } from './http2-reset.ts';
import type { NodeResponse } from './node-request.ts';

export function dropResponse(response: NodeResponse, error?: Error): void {
  const { stream } = response as { readonly stream?: Duplex };
  // Node sends CANCEL for an abort.
  if (stream !== undefined && !stream.destroyed) addAbortSignal(sharedAborted, stream);
  else response.destroy(error);
}

/** To be called once an answer has been ended: over HTTP/2 the stream ends after it, also while the client could still send. HTTP/1.1 closes the connection. */
export function forgetRest(response: NodeResponse): void {
  const { stream } = response as { readonly stream?: ServerHttp2Stream };
  if (stream !== undefined && !stream.endAfterHeaders) resetOnceAnswered(stream);
}

const sharedAborted = AbortSignal.abort();
