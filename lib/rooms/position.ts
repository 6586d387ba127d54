/**
 * Positions as text: `EPOCH-SEQUENCE-TOKEN`, what an `after` parameter or a `Last-Event-ID` carries.
 *
 * A peer chooses what it sends: anything that was never issued is read as undefined here, or found out by the log.
 * Read next: `memory-log.ts`.
 */

import type { Position } from './log.ts';

/** Longest text that `parsePosition` looks at. */
export const MAX_POSITION_LENGTH = 66;

/** Writes a position: fit for a URL, a header field and an event ID as it is. @throws TypeError for what is none */
export function formatPosition({ epoch, sequence, token }: Position): string {
  if (typeof epoch !== 'string' || typeof sequence !== 'number' || typeof token !== 'string')
    throw new TypeError('formatPosition: the position must have epoch, sequence and token');
  return `${epoch}-${sequence}-${token}`;
}

/** Reads a position; undefined for what `formatPosition` does not write. */
export function parsePosition(text: string): Position | undefined {
  if (text.length > MAX_POSITION_LENGTH) return undefined;
  const parts = /^([0-9a-z]{1,32})-(0|[1-9][0-9]{0,15})-([0-9a-z]{0,16})$/.exec(text);
  if (parts === null) return undefined;
  const [, epoch = '', digits = '', token = ''] = parts;
  const sequence = Number(digits);
  if (!Number.isSafeInteger(sequence) || (sequence === 0) !== (token === '')) return undefined;
  return { epoch, sequence, token };
}
