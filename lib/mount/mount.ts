/**
 * What every mount knows of the server that it leads to: its routes, limits and times.
 *
 * A mount takes what somebody else's server hands over (a request, an upgrade, a stream) and makes an `Exchange` of it;
 * `net/dispatch.ts` answers. Read next: `attach.ts`, which chooses the mount.
 */

import type { Channel } from '../channel/port.ts';
import type { HeaderFields } from '../http/headers.ts';
import type { Context } from '../net/context.ts';
import type { Forwarded, Source } from '../net/request.ts';
import type { Clock } from '../net/sweeper.ts';
import { dropResponse } from './drop-response.ts';
import type { NodeResponse } from './node-request.ts';

export interface Mount {
  readonly context: Context;
  readonly clock: Clock;
  readonly limits: MountLimits;
  /** What trusted proxies say of the client; undefined: nothing. */
  readonly forwarded: ((source: Source, head: { readonly headers: HeaderFields }) => Forwarded) | undefined;
}

/** The server's limits that apply to what is handed over: heads have been read, under the limits of whoever read them. */
export interface MountLimits {
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly bodyTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly closeTimeoutMs: number;
}

/** Options of `server.attach`. */
export interface AttachOptions {
  /** Answer requests for event-stream and HTTP routes too, not upgrades alone. Default false. */
  readonly routes?: boolean | undefined;
  /**
   * An upgrade for which no route of ours is found: `'refuse'` answers 404, `'leave'` leaves it to others. Default: refused when
   * all listeners for upgrades of that server are ours, since nobody else would answer.
   */
  readonly unmatched?: 'refuse' | 'leave' | undefined;
}

/** Whether there is room for one more connection: none while the server closes, nor beyond its limit. */
export function hasRoom({ context, limits }: Mount): boolean {
  return !context.closing() && context.open.size < limits.maxConnections;
}

/**
 * Takes the channel into the server's count, until it has gone. What comes after `close` is refused, and ends by its own deadline:
 * `close` does not wait for it, since without end there may be more of it.
 */
export function count({ context }: Mount, channel: Channel): void {
  if (!context.closed()) context.open.channels.add(channel);
}

/** `close` waits for this response, until what is answered is called: it is over, or its client has gone. */
export function countResponse({ context: { open } }: Mount, response: NodeResponse): () => void {
  const counted = { destroy: () => dropResponse(response) };
  open.responses.add(counted);
  return () => open.responseGone(counted);
}
