/**
 * When the client of a response of Node's has gone, also of one whose turn has not come.
 *
 * HTTP/1.1 answers in the order of the requests (RFC 9112 §9.3.2). Node gives a response its socket when its turn comes, and tells
 * `'close'` only to those that have one: what waits after an event stream would never hear of its client's end.
 * Bounded by Node's own queue of responses: one entry for each that waits, on its socket. Read next: `response-exchange.ts`.
 */

import type { NodeResponse } from './node-request.ts';

/** As much of a socket as is used. */
interface Closing {
  readonly destroyed?: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** Of each socket: whom to tell. One listener on the socket, since a client decides how many wait. */
const sharedWaiting = new WeakMap<Closing, Set<() => void>>();

/** Calls `listener` when the response is over or its client has gone; possibly for both. Where it has already: in a later turn. */
export function onClientLeft(response: NodeResponse, listener: () => void): void {
  if (hasClientLeft(response)) {
    setImmediate(listener); // what has told 'close' does not tell it again
    return;
  }
  response.on('close', listener);
  const below = socketOfWaiting(response);
  if (below === undefined) return;
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

/** Whether the response is over, or its client has gone. HTTP/2's response does not say it itself; its stream does. */
export function hasClientLeft(response: NodeResponse): boolean {
  const { destroyed, stream } = response as { destroyed?: boolean; stream?: { readonly destroyed?: boolean } };
  return destroyed === true || stream?.destroyed === true || socketOfWaiting(response)?.destroyed === true;
}

/** The socket that a response waits for; undefined once its turn has come, and for a stream of HTTP/2. */
function socketOfWaiting(response: NodeResponse): Closing | undefined {
  const { socket, req } = response as { socket?: Closing | null; req?: { readonly socket?: Closing | null } };
  return socket === null ? (req?.socket ?? undefined) : undefined;
}
