/**
 * The event stream of `barewire echo`: sends the event that the query asks for, so that a tester can see how it is carried.
 *
 * Parameters: `event`, `id`, `retry`, `data`, `comment`; `report=last-event-id` sends back what the request's
 * Last-Event-ID was. What an event stream cannot carry is answered 400. Silence is broken every ten seconds.
 */

import { type EventStreamMessage, encodeEvent } from '../event-stream/encoder.ts';
import type { HttpRequest } from '../net/api.ts';
import type { Server } from '../server.ts';

/** Under the 15 s that HTML §9.2.7 advises. */
const HEARTBEAT_MS = 10_000;

/** Adds the route `/events`. */
export function addEventEcho(server: Server): void {
  server.eventStream(
    '/events',
    (request) => {
      const event = eventOf(request);
      try {
        if (event !== undefined) encodeEvent(event);
        return undefined;
      } catch (error) {
        return { status: 400, body: `${(error as Error).message}\n` };
      }
    },
    {
      open(stream, request) {
        const event = eventOf(request);
        if (event === undefined) return;
        stream.send(request.query.get('report') === 'last-event-id' ? { ...event, data: stream.lastEventId } : event);
      },
    },
    { heartbeatIntervalMs: HEARTBEAT_MS },
  );
}

/** The event that a query describes; undefined when it has none of the parameters. */
function eventOf({ query }: HttpRequest): EventStreamMessage | undefined {
  const message: { -readonly [Key in keyof EventStreamMessage]: EventStreamMessage[Key] } = {};
  for (const name of ['event', 'id', 'data', 'comment'] as const) {
    const value = query.get(name);
    if (value !== null) message[name] = value;
  }
  const retry = query.get('retry');
  if (retry !== null) message.retry = /^\d{1,15}$/.test(retry) ? Number(retry) : Number.NaN;
  return Object.keys(message).length === 0 ? undefined : message;
}
