/**
 * Where a member begins to hear: at the end of the history, after what it had, or anew.
 *
 * A pure decision over the room's present numbering. A position is taken at its word only as far as it can be checked: its
 * epoch, its sequence, and its token where that record is still held. What cannot have been issued by this room, another
 * room's position among it, is a reset: the member is told, and gets what somebody new would get.
 * Read next: `audience.ts`.
 */

import type { Gap, LogRecord, Position } from './log.ts';
import { parsePosition } from './position.ts';

/** What is known of a room's records. */
export interface Numbering {
  /** The place of the last record. */
  readonly head: Position;
  /** The sequence of the oldest record that is held; of the next one to come when there is none. */
  readonly first: number;
  /** A record that is held. */
  token(sequence: number): LogRecord['token'] | undefined;
}

/** A position as far as a peer knows it. */
export type Resumable = Omit<Position, 'token'> & { readonly token?: string | undefined };

/** Where to begin. */
export interface Beginning {
  readonly resumed: 'new' | 'resumed' | 'reset';
  /** The first record that the member gets. */
  readonly next: number;
  /** Records before that one which it has not had, and which are gone. */
  readonly gap: Gap | undefined;
}

/** Decides. `replay` bounds the records for those who come without a position, or whose position is none. */
export function planResume(
  after: Resumable | string | null | undefined,
  numbering: Numbering,
  replay: number,
): Beginning {
  const { head, first } = numbering;
  const newest = Math.max(first, head.sequence - replay + 1);
  if (after === undefined || after === null || after === '') return { resumed: 'new', next: newest, gap: undefined };
  const position = typeof after === 'string' ? parsePosition(after) : after;
  if (position === undefined || !isKnown(position, numbering))
    return { resumed: 'reset', next: newest, gap: undefined };
  const from = position.sequence + 1;
  if (first <= from) return { resumed: 'resumed', next: from, gap: undefined };
  return { resumed: 'resumed', next: first, gap: { from, to: first - 1 } };
}

function isKnown({ epoch, sequence, token }: Resumable, numbering: Numbering): boolean {
  const { head } = numbering;
  if (epoch !== head.epoch || sequence > head.sequence) return false;
  if (token === undefined) return true;
  if (sequence === 0) return token === '';
  if (sequence === head.sequence) return token === head.token;
  const expected = numbering.token(sequence);
  return token !== '' && (expected === undefined || expected === token);
}
