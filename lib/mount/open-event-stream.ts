/**
 * An event stream on any response of Node's, for handlers of whatever framework: no route and no server of ours needed.
 *
 * Whoever calls this has authenticated the client and set status and fields already, and these stay. Other origins are the
 * framework's business too. Read next: `../net/stream-response.ts`.
 */

import type { EventStream } from '../net/api.ts';
import { Request } from '../net/request.ts';
import { startStream, streamHead } from '../net/stream-response.ts';
import { describe } from '../options.ts';
import { checkRequest, headOf, type NodeRequest, type NodeResponse, remoteOf } from './node-request.ts';
import { ResponseExchange } from './response-exchange.ts';
import { type UnroutedStreamOptions, unroutedStream } from './unrouted-stream.ts';

export type OpenEventStreamOptions = UnroutedStreamOptions;

/** What says that the body is an event stream, and how it is coded: these are never the application's. */
const OURS = /^(content-type|content-encoding|vary)$/i;

/**
 * Answers a request with an event stream (HTML §9.2), on a `ServerResponse` or `Http2ServerResponse`. The head leaves at the
 * end of this turn at the latest. `stream.signal` aborts when the client has gone, and the stream is then closed. For a
 * client that has gone already, and for HEAD, it is closed from the start. `stream.request.body` is empty: read the body before.
 * Its options `drain` and `close` are called as the handlers of a route are, never before this has returned.
 * @throws TypeError when the head has been sent, and for a wrong option; RangeError for an option out of bounds
 */
export function openEventStream(
  request: NodeRequest,
  response: NodeResponse,
  options: OpenEventStreamOptions = {},
): EventStream {
  const { context, target } = unroutedStream('openEventStream', options);
  checkRequest('openEventStream', request);
  if (typeof response?.setHeader !== 'function')
    throw new TypeError(`openEventStream: response is ${describe(response)}, must be the response to that request`);
  if (response.headersSent) throw new TypeError('openEventStream: the head of the response has been sent already');
  const remote = remoteOf(request);
  const { method, target: requestTarget, headers } = headOf(request);
  const ours = new Request({ method, target: requestTarget, headers }, NOTHING, { remote });
  Request.setRaw(ours, request);
  const exchange = new ResponseExchange({ request, response }, ours, remote, context.open);
  const { fields, coding } = streamHead(ours, target, target.fields);
  const asked = new Set(target.fields.map(([name]) => name.toLowerCase()));
  const isSet = (name: string): boolean => response.getHeader(name) !== undefined;
  const wanted = fields.filter(([name]) => OURS.test(name) || asked.has(name.toLowerCase()) || !isSet(name));
  const stream = startStream(context, target, { ...exchange.openBody(wanted), coding }, ours, undefined);
  if (ours.method === 'HEAD') stream.close();
  return stream;
}

const NOTHING = new Uint8Array(0);
