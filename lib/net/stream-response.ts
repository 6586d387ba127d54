/**
 * From an exchange to an event stream, or to a refusal (HTML §9.2).
 *
 * Read next: `server-event-stream.ts`.
 */

import { type ContentCoding, chooseContentCoding } from '../http/content-coding.ts';
import type { Context, StreamTarget } from './context.ts';
import { decide } from './decision.ts';
import { EventStreamConnection } from './event-stream-connection.ts';
import type { Exchange, StreamBody } from './exchange.ts';
import { guard } from './guard.ts';
import type { Request } from './request.ts';
import { type CheckedResponse, type Field, hasField, withFields } from './responses.ts';
import { ServerStream } from './server-event-stream.ts';

/** The header fields of every event stream. */
export const EVENT_STREAM_FIELDS: readonly Field[] = [
  ['Content-Type', 'text/event-stream'], // HTML §9.2.3 fails the connection on any other type
  ['Cache-Control', 'no-cache, no-transform'], // neither stored nor compressed (and so buffered) by what lies between
  ['X-Accel-Buffering', 'no'], // nginx buffers responses unless told not to
];

/** Answers a request for an event stream. `corsFields` join whatever is answered. */
export function serveStream(
  context: Context,
  exchange: Exchange,
  target: StreamTarget,
  corsFields: readonly Field[],
): void {
  const { request } = exchange;
  decide('accept', target.accept, request, target.settings.failure, {
    decided(decision) {
      if (decision.kind === 'refuse') {
        context.observed?.refuse(decision.why, decision.response, request);
        exchange.respond(withFields(decision.response, corsFields));
        return;
      }
      const { fields, coding } = streamHead(request, target, [...target.fields, ...decision.fields]);
      const body = exchange.openStream(200, withFields({ status: 200, fields, body: NO_BODY }, corsFields).fields);
      if (body === undefined) return;
      const replace = (instead: CheckedResponse): boolean => body.replace(withFields(instead, corsFields));
      startStream(context, target, { ...body, replace, coding }, request, decision.data);
    },
  });
}

/** The fields of a stream's head, with `own` in place of ours of the same name, and the content coding that they name. */
export function streamHead(
  request: Request,
  target: Pick<StreamTarget, 'contentCodings'>,
  own: readonly Field[],
): { readonly fields: Field[]; readonly coding: ContentCoding | undefined } {
  const coding = chooseContentCoding(request.headers.get('accept-encoding'), target.contentCodings);
  const defaults = EVENT_STREAM_FIELDS.filter(([name]) => !hasField(own, name.toLowerCase()));
  const named: Field[] = coding === undefined ? [] : [['Content-Encoding', coding]];
  // RFC 9110 §12.5.5: what the representation was chosen by, also when it came out plain.
  const vary: Field[] = target.contentCodings.length > 0 ? [['Vary', 'Accept-Encoding']] : [];
  const head = { status: 200, fields: [...defaults, ...own, ...named], body: NO_BODY };
  return { fields: withFields(head, vary).fields, coding };
}

/** Makes the stream whose head has been sent, and calls `open`. */
export function startStream(
  context: Context,
  target: Pick<StreamTarget, 'settings' | 'handlers'>,
  body: StreamBody & { readonly coding: ContentCoding | undefined },
  request: Request,
  data: unknown,
): ServerStream<unknown> {
  const { channel } = body;
  const face = new ServerStream<unknown>(request, data, context.sweeper.nowMs);
  const connection = new EventStreamConnection(body, target.settings, face);
  ServerStream.attach(face, connection);
  context.open.eventStreams.add(face as ServerStream<never>);
  channel.flushLast(); // what the handler's promise is rejected with in this turn can still be answered with 500
  target.settings.observed?.open(face);
  guard(connection, target.handlers.open, target.handlers, face, request);
  channel.resume();
  context.opened(face as ServerStream<never>);
  if (channel.peerEnded) connection.receiveEnd(); // FIN came while it was decided, and comes only once
  return face;
}

const NO_BODY = new Uint8Array(0);
