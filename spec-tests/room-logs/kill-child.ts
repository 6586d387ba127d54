/**
 * The process that `kill.ts` kills: opens a journal, says what is in it, and publishes until it is gone.
 *
 * Talks to its parent over IPC: see `ToChild` and `FromChild`. Every acknowledgement is sent at once.
 */

import { type Journal, openJournal } from '../../lib/room-logs/journal-index.ts';
import type { Position } from '../../lib/rooms/log.ts';

export const ROOMS = ['a', 'b', 'c'] as const;

/** What the parent says first. */
export interface ToChild {
  readonly directory: string;
  /** In front of the ids of this process. */
  readonly round: number;
  /** Up to which record the parent has seen each room. */
  readonly seen: Readonly<Record<string, number>>;
  /** Messages to publish again first. */
  readonly again: readonly string[];
  /** False: say what is there, and end. */
  readonly publish: boolean;
}

export type FromChild =
  | { readonly kind: 'opening' }
  | { readonly kind: 'opened'; readonly rooms: readonly RoomSeen[] }
  | { readonly kind: 'acknowledged'; readonly id: string; readonly sequence: number; readonly duplicate: boolean };

/** A room as it was found. */
export interface RoomSeen {
  readonly room: string;
  readonly epoch: string;
  /** The ids of records up to `seen`, joined: the parent has the same. */
  readonly digest: string;
  /** The ids of those after it. */
  readonly later: readonly string[];
}

/** A digest of ids, in order. */
export async function digestOf(ids: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', Buffer.from(ids.join('\n')));
  return Buffer.from(digest).toString('hex');
}

/** A message's room and text follow from its id. */
export const roomOf = (id: string): string => ROOMS[id.length % ROOMS.length]!;
const textOf = (id: string): string => `${id} `.repeat(1 + (id.length % 7) * 9);

const IN_FLIGHT = 20;

function tell(message: FromChild): void {
  process.send?.(message);
}

async function roomSeen(journal: Journal, room: string, seen: number): Promise<RoomSeen> {
  const { head, gap, records } = await journal.read(room, undefined, 10_000_000);
  if (gap !== undefined || records.length !== head.sequence)
    throw new Error(`${room} has ${records.length} of ${head.sequence}`);
  const ids = records.map(({ key, data }, i) => {
    if (records[i]?.sequence !== i + 1 || key === undefined || data !== textOf(key))
      throw new Error(`record ${i + 1} of ${room}`);
    return key;
  });
  return { room, epoch: head.epoch, digest: await digestOf(ids.slice(0, seen)), later: ids.slice(seen) };
}

async function publish(journal: Journal, id: string): Promise<void> {
  const { position, duplicate } = await journal.append(roomOf(id), { data: textOf(id), key: id });
  tell({ kind: 'acknowledged', id, sequence: (position as Position).sequence, duplicate });
}

async function run({ directory, round, seen, again, publish: goOn }: ToChild): Promise<void> {
  tell({ kind: 'opening' });
  const many = 100_000_000;
  const journal = await openJournal(directory, {
    compactFromBytes: 16_384, // again and again, and whenever the log is twice the snapshot
    maxHistoryRecords: many,
    maxHistoryBytes: many,
    maxKeys: many,
    maxTotalKeys: many,
    keyAgeMs: many,
  });
  const rooms: RoomSeen[] = [];
  for (const room of ROOMS) rooms.push(await roomSeen(journal, room, seen[room] ?? 0));
  tell({ kind: 'opened', rooms });
  if (!goOn) {
    await journal.close();
    process.disconnect();
    return;
  }
  await Promise.all(again.map((id) => publish(journal, id)));
  let next = 0;
  const publisher = async (): Promise<never> => {
    for (;;) await publish(journal, `${round}-${next++}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, publisher));
}

// `kill.ts` imports the types and the digest; only the process that it starts has someone to talk to.
if (process.argv.includes('--child')) process.once('message', (message) => void run(message as ToChild));
