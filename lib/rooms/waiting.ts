/**
 * How many records wait for members that are behind: what each of them would be given now.
 *
 * Counts without delivering, and only when somebody asks: publishing keeps no count. What is superseded, given up or no longer there is
 * told as a gap, so it does not count; the latest record of a key does, wherever it is. The same rules as `Backlog.nextFor`.
 * The records are looked through once for all members: O(records + keys + members × log keys), and in a room with keys what members
 * keep under `drop-newest`. Memory: a number for each record and each key, until it has answered. Read next: `backlog.ts`.
 */

import type { Cursor, Entry } from './backlog.ts';
import type { History } from './history.ts';
import type { Latest } from './latest.ts';

/** Records that members would be given now, each counted for each of them. See the head of this file. */
export function countWaiting<Value>(
  history: History<Entry<Value>>,
  latest: Latest<Value>,
  cursors: Iterable<Cursor<Value>>,
): number {
  const plainBetween = countPlain(history, latest);
  const keyed = latest.sequences();
  let count = 0;
  for (const { next, skipTo, replayTo, due, kept, keptTo } of cursors) {
    if (next > due) continue;
    const counted = Math.max(next, replayTo + 1, kept === undefined ? skipTo : keptTo + 1);
    count += indexFrom(keyed, due + 1) - indexFrom(keyed, next);
    count += plainBetween(counted, due) + plainBetween(next, replayTo);
    if (kept !== undefined) count += countKept(kept, next, keyed.length > 0 ? latest : undefined);
  }
  return count;
}

/** Answers how many plain records of the history there are from one sequence to another one, both of them included. */
function countPlain<Value>(
  history: History<Entry<Value>>,
  latest: Latest<Value>,
): (from: number, to: number) => number {
  const first = history.firstSequence;
  const counts = new Uint32Array(history.size + 1);
  for (let i = history.size - 1; i >= 0; i--)
    counts[i] = counts[i + 1]! + (isPlain(latest, history.get(first + i)!) ? 1 : 0);
  const countFrom = (sequence: number): number => counts[Math.max(0, Math.min(sequence - first, history.size))]!;
  return (from, to) => (from > to ? 0 : countFrom(from) - countFrom(to + 1));
}

/** How many plain records a member keeps, from `next` on. Without keys none of them need be looked at. */
function countKept<Value>(kept: readonly Entry<Value>[], next: number, latest: Latest<Value> | undefined): number {
  let first = 0;
  while (first < kept.length && kept[first]!.sequence < next) first++;
  if (latest === undefined) return kept.length - first;
  let count = 0;
  for (let i = first; i < kept.length; i++) if (isPlain(latest, kept[i]!)) count++;
  return count;
}

/** Nothing stands for it, and it stands for nothing: those that do are counted by their keys. */
function isPlain<Value>(latest: Latest<Value>, entry: Entry<Value>): boolean {
  return !latest.supersedes(entry) && !latest.holds(entry);
}

/** The index of the first number from `from` on in a list that grows. */
function indexFrom(list: readonly number[], from: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
