/**
 * When the client of a response of Node's has gone, also of one whose turn has not come.
 *
 * HTTP/1.1 answers in the order of the requests (RFC 9112 §9.3.2). Node gives a response its socket when its turn comes, and tells
 * `'close'` only to those that have one: what waits behind an event stream would never hear of its client's end.
 * Bounded by Node's own queue of responses: one entry for each that waits, on its socket. Read next: `response-exchange.ts`.
 */

import type { NodeResponse } from './node-request.ts';

/** As much of a socket as is used. */
interface Closing {
  once(event: 'close', listener: () => void): unknown;
}

/** Of each socket: whom to tell. One listener on the socket, since a client decides how many wait. */
const sharedWaiting = new WeakMap<Closing, Set<() => void>>();

/** Calls `listener` when the response is over or its client has gone; possibly for both. */
export function onClientLeft(response: NodeResponse, listener: () => void): void {
  response.on('close', listener);
  const { socket, req } = response as { socket?: Closing | null; req?: { readonly socket?: Closing | null } };
  const below = req?.socket;
  if (socket !== null || !below) return; // its turn has come, or it is a stream of HTTP/2
  const waiting = sharedWaiting.get(below) ?? new Set();
  if (!sharedWaiting.has(below)) {
    sharedWaiting.set(below, waiting);
    below.once('close', () => {
      for (const tell of waiting) tell();
    });
  }
  waiting.add(listener);
  response.on('close', () => waiting.delete(listener));
}
