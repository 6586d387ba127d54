/**
 * What becomes of a message for a member that cannot be given it now.
 *
 * It waits, as long as what waits is within the bounds. Beyond them the policy decides: the message's own, or the room's.
 * - `drop-oldest`: the oldest of what waits is given up. `coalesce`: the same, said of rooms whose records have keys.
 * - `drop-newest`: this message is given up, and those before it are kept for the member.
 * - `evict`: the member is let go, and may come back with its position.
 * Keys to coalesce by have their effect under every policy: the latest record of each stays, and what it stands for costs nothing.
 * Decides and counts; the backlog does it. Read next: `audience.ts`.
 */

import type { Backlog, Cursor, Entry } from './backlog.ts';
import type { SlowPolicy } from './log.ts';
import type { Tally } from './receipts.ts';

/** One message that has come for a member that is behind. */
export interface Late<Value> {
  readonly backlog: Backlog<Value>;
  readonly cursor: Cursor<Value>;
  readonly entry: Entry<Value>;
  /** The room's. */
  readonly policy: SlowPolicy;
  readonly nowMs: number;
}

/** Puts the message in line, or gives up what the policy says. Returns false when the member has to be let go. */
export function queueLate<Value>(late: Late<Value>, tally: Tally): boolean {
  const { backlog, cursor, entry, nowMs } = late;
  const policy = entry.record.policy ?? late.policy;
  if (entry.standsFor >= cursor.next) tally.coalesced++;
  if (cursor.kept !== undefined) return queueKept(late, policy, tally);
  if (!backlog.isOver(cursor, nowMs)) tally.queued++;
  else if (policy === 'evict') {
    tally.evicted++;
    return false;
  } else if (policy === 'drop-newest') {
    backlog.keepFor(cursor, entry);
    tally.dropped += backlog.dropKept(cursor, 0, nowMs);
    giveUp(late, tally);
  } else {
    tally.dropped += backlog.dropOldest(cursor, nowMs);
    if (cursor.skipTo <= entry.sequence) tally.queued++;
    else giveUp(late, tally);
  }
  return true;
}

/** The same for a member that has a list of its own. */
function queueKept<Value>(late: Late<Value>, policy: SlowPolicy, tally: Tally): boolean {
  const { backlog, cursor, entry, nowMs } = late;
  if (policy === 'drop-oldest' || policy === 'coalesce') tally.dropped += backlog.dropKept(cursor, entry.bytes, nowMs);
  if (backlog.keepAlso(cursor, entry)) tally.queued++;
  else if (policy === 'evict') {
    tally.evicted++;
    return false;
  } else giveUp(late, tally);
  return true;
}

/** This message is lost, unless it is the latest of its key, which stays at hand. */
function giveUp<Value>({ backlog, cursor, entry }: Late<Value>, tally: Tally): void {
  if (backlog.isLatestOfKey(entry)) tally.queued++;
  else {
    tally.dropped++;
    cursor.lostTo = entry.sequence;
  }
}
