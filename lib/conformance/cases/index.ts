/**
 * The catalogue: Autobahn's 517 cases, then the X cases that it lacks.
 *
 * Ids are Autobahn's own for groups 1-7, 9, 10, 12 and 13. Read next: `framing.ts`, or `../run-case.ts`.
 */

import { type Case, compareIds, type Subject } from '../case.ts';
import { CLOSING_CASES } from './closing.ts';
import { compressionCases } from './compression.ts';
import { FRAMING_CASES } from './framing.ts';
import { LIMIT_CASES } from './limits.ts';
import { TEXT_CASES } from './text.ts';
import { longCompressionCases } from './x-compression.ts';
import { DEFLATE_CASES } from './x-deflate.ts';
import { FRAME_CASES } from './x-frames.ts';
import { HANDSHAKE_CASES } from './x-handshake.ts';
import { PRESSURE_CASES } from './x-pressure.ts';
import { STREAM_CASES } from './x-stream.ts';

/** All cases for one kind of peer, in order. `full`: groups 12, 13 and X.9 with 1000 messages in every case. */
export function catalogue(subject: Subject, options: { readonly full?: boolean } = {}): Case[] {
  if (subject === 'event-stream') return [...STREAM_CASES];
  return [
    ...FRAMING_CASES,
    ...TEXT_CASES,
    ...CLOSING_CASES,
    ...LIMIT_CASES,
    ...compressionCases(options.full ?? false),
    ...HANDSHAKE_CASES,
    ...FRAME_CASES,
    ...PRESSURE_CASES,
    ...DEFLATE_CASES,
    ...longCompressionCases(options.full ?? false),
  ]
    .filter((one) => one.subject === undefined || one.subject === subject)
    .sort((a, b) => compareIds(a.id, b.id));
}
