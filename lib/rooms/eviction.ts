/**
 * What a member is told when a room lets go of it, with the reason for a close frame.
 *
 * A close frame ends the connection, so of several rooms on it the reason has to say which one is meant. Knows texts alone.
 * Read next: `member.ts`, which has the type.
 */

import type { Position } from './log.ts';
import type { Eviction, EvictionReason } from './member.ts';
import { formatPosition } from './position.ts';

/** What a close frame has for its reason: 125 octets (RFC 6455 §5.5) without the two of the code (§5.5.1). */
const MAX_REASON_BYTES = 123;

/** `isOneOfSeveral`: the peer has to be told which room it is. The position comes last, where those look who expect it alone. */
export function evictionOf(room: string, why: EvictionReason, position: Position, isOneOfSeveral: boolean): Eviction {
  const after = position.epoch === '' ? '' : `; after=${formatPosition(position)}`;
  const name = isOneOfSeveral ? `; room=${encodeURIComponent(room)}` : '';
  const named = `${why}${name}${after}`; // ASCII alone
  const reason = named.length <= MAX_REASON_BYTES ? named : `${why}${after}`;
  return { room, why, position, code: 1013, reason };
}
