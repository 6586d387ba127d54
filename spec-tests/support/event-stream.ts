/** What the event-stream parser made of bytes, sorted by kind, as plain values. */

import { EventStreamParser, type EventStreamParserLimits } from '../../lib/event-stream/parser.ts';

export interface StreamOutcome {
  readonly events: readonly (readonly [type: string, data: string, lastEventId: string])[];
  readonly retries: readonly number[];
  readonly comments: readonly string[];
  readonly failed: readonly string[];
  readonly lastEventId: string;
}

export function streamOutcome(
  chunks: Iterable<Uint8Array>,
  limits: Partial<EventStreamParserLimits> = {},
): StreamOutcome {
  const parser = new EventStreamParser(limits);
  const events: [string, string, string][] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const failed: string[] = [];
  for (const chunk of chunks) {
    for (const incoming of parser.receive(chunk)) {
      if (incoming.kind === 'event') events.push([incoming.type, incoming.data, incoming.lastEventId]);
      else if (incoming.kind === 'retry') retries.push(incoming.reconnectionTimeMs);
      else if (incoming.kind === 'comment') comments.push(incoming.text);
      else failed.push(incoming.code);
    }
  }
  return { events, retries, comments, failed, lastEventId: parser.lastEventId };
}
