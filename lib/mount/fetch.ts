/**
 * An event stream as a web `Response`, for handlers that answer one: Hono, Next, SvelteKit and the like.
 *
 * In: the web `Request` and a function that writes to the stream. Out: the `Response`, at once; its body is written as it is
 * read. Everything that streams of our own routes have, these have too. Knows no server and no socket.
 * Read next: `web-body.ts`.
 */

import type { Sink } from '../channel/port.ts';
import { HeaderFields } from '../http/headers.ts';
import type { EventStream } from '../net/api.ts';
import { Request as OwnRequest } from '../net/request.ts';
import { functionHandlers } from '../net/server-event-stream.ts';
import { startStream, streamHead } from '../net/stream-response.ts';
import { describe } from '../options.ts';
import { type UnroutedStreamOptions, unroutedStream } from './unrouted-stream.ts';
import { WebBody } from './web-body.ts';

export type EventStreamResponseOptions = UnroutedStreamOptions;

/**
 * Answers a web `Request` with an event stream (HTML §9.2). `run` is called at once; when its promise resolves the stream ends,
 * a plain function leaves it open. When it throws, `onError` is told and the body is errored, so that the client can tell a failure
 * from the end.
 * The options `drain` and `close` are called as the handlers of a route are, never before `run` was; for HEAD nothing of it all is called.
 * `stream.signal` aborts when the client has gone: when `request.signal` aborts, or the body is cancelled.
 * `stream.request` has no address, since a web request has none, and an empty body: `run` reads `request` itself.
 * @throws TypeError for a wrong argument or option; RangeError for an option out of bounds
 */
export function eventStreamResponse(
  request: Request,
  run: (stream: EventStream) => unknown,
  options: EventStreamResponseOptions = {},
): Response {
  if (!(request instanceof Request))
    throw new TypeError(`eventStreamResponse: request is ${describe(request)}, must be a web Request`);
  if (typeof run !== 'function')
    throw new TypeError(`eventStreamResponse: run is ${describe(run)}, must be a function of the stream`);
  const { context, target } = unroutedStream('eventStreamResponse', options);
  const ours = ownRequest(request);
  const { fields, coding } = streamHead(ours, target, target.fields);
  const head = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
  if (request.method === 'HEAD') return new Response(null, { headers: head });

  // Hono's server aborts, then cancels the body in the same call, and prints what a read in between is rejected with.
  const left = (): void => queueMicrotask(() => channel.leave(request.signal.reason));
  const channel = new WebBody({ address: '', port: 0, secure: ours.secure }, NOBODY, {
    channelGone(gone) {
      request.signal.removeEventListener('abort', left);
      context.open.channelGone(gone);
    },
  });
  context.open.channels.add(channel);
  request.signal.addEventListener('abort', left);
  const body = { channel, chunked: false, replace: () => false, coding };
  startStream(context, { ...target, handlers: functionHandlers(run) }, body, ours, undefined);
  if (request.signal.aborted) left();
  return new Response(channel.stream, { headers: head });
}

/** What our streams know of a request. A web request's fields are octets, one a character, as ours are. */
function ownRequest({ method, url, headers }: Request): OwnRequest {
  const { pathname, search, host, protocol } = new URL(url);
  const fields = new HeaderFields();
  if (!headers.has('host')) fields.appendUnchecked('host', host);
  for (const [name, value] of headers) fields.appendUnchecked(name, value);
  const remote = { address: '', port: 0, secure: protocol === 'https:' };
  return new OwnRequest({ method, target: pathname + search, headers: fields }, NOTHING, { remote });
}

const NOTHING = new Uint8Array(0);

/** Receives nothing: replaced at once by the connection of the stream. */
const NOBODY: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };
