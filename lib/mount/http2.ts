/**
 * The mount for HTTP/2: WebSockets by extended CONNECT (RFC 8441), and requests where that is asked for.
 *
 *     somebody's server ──'stream'──► which of ours takes it ──► Http2Exchange ─► dispatch
 *                                 └─► none: its own listeners, as if we were not there
 *
 * A stream that one of ours takes is seen by no other listener, since a listener that answers whatever comes would answer
 * it twice. `'stream'` is where both of Node's faces begin, the core one and the one that is like `node:http`.
 * Several of ours share one server. Read next: `http2-exchange.ts`.
 */

import type { IncomingMessage } from 'node:http';
import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import { isPreflight } from '../http/cors.ts';
import { WEBSOCKET } from '../http/router.ts';
import { pathOf } from '../http/target.ts';
import { hasRoute } from '../net/dispatch.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { type Http2Head, readHead } from './http2-head.ts';
import type { AttachOptions, Mount } from './mount.ts';
import { handleRequest } from './node-http.ts';
import type { NodeRequest, NodeResponse } from './node-request.ts';

/** What is used of a server: those of `createServer` and `createSecureServer` have it. */
export interface Http2Like {
  emit(event: string, ...values: readonly unknown[]): boolean;
  listenerCount(event: string): number;
  updateSettings: Http2Server['updateSettings'];
}

interface Attached {
  readonly mount: Mount;
  readonly options: AttachOptions;
}

/** Ours on each server, in the order in which they were attached. */
const sharedAttached = new WeakMap<Http2Like, Attached[]>();

/**
 * Attaches; answers what detaches again.
 * @throws TypeError where `mount` is attached to this server already
 */
export function attachHttp2(mount: Mount, server: Http2Like, options: AttachOptions): () => void {
  const all = sharedAttached.get(server) ?? [];
  if (all.some((each) => each.mount === mount))
    throw new TypeError('attach: this server is attached to that HTTP/2 server already');
  const attached = { mount, options };
  if (!sharedAttached.has(server)) {
    sharedAttached.set(server, all);
    intercept(server, all);
  }
  all.push(attached);
  // RFC 8441 §3: clients may use extended CONNECT once they have been told. For connections that begin from here on; it is never
  // taken back, since "A sender MUST NOT send a SETTINGS_ENABLE_CONNECT_PROTOCOL parameter with the value of 0 after" 1.
  server.updateSettings({ enableConnectProtocol: true });
  return () => {
    const at = all.indexOf(attached);
    if (at >= 0) all.splice(at, 1);
  };
}

/** Asks ours about each stream before anybody else hears of it. Stays in place when the last of ours has gone. */
function intercept(server: Http2Like, all: readonly Attached[]): void {
  const { emit } = server;
  server.emit = function (this: Http2Like, event: string, ...values: readonly unknown[]): boolean {
    if (event === 'stream' && all.length > 0) {
      const [stream, , , raw] = values as [ServerHttp2Stream, unknown, unknown, readonly string[]];
      if (take(server, all, stream, readHead(raw))) return true;
      // Nobody else is there to hear that the client has reset it, and an error that nobody hears ends the process.
      if (server.listenerCount('stream') === 0) stream.on('error', ignoreError);
    } else if (event === 'request' && all.length > 0) {
      const [request, response] = values as [NodeRequest & IncomingMessage, NodeResponse];
      if (request.httpVersionMajor < 2 && takeHttp1(server, all, request, response)) return true;
    }
    return emit.call(this, event, ...values);
  };
}

/**
 * Whether one of ours has taken a request of a client that speaks HTTP/1.1, which a secure server may allow. Not by a listener
 * for `'request'`: the first one makes Node answer streams through that face too, which others answer already.
 */
function takeHttp1(server: Http2Like, all: readonly Attached[], request: NodeRequest, response: NodeResponse): boolean {
  const serving = all.filter(({ options }) => options.routes === true);
  if (serving.some(({ mount }) => handleRequest(mount, request, response))) return true;
  if (serving.length === 0 || server.listenerCount('request') > 0) return false;
  response.statusCode = 404; // nobody else would answer
  response.end();
  return true;
}

/** Whether one of ours has taken the stream. */
function take(server: Http2Like, all: readonly Attached[], stream: ServerHttp2Stream, head: Http2Head): boolean {
  const taker = all.find((each) => wants(each, head)) ?? (mustAnswer(server, all, head) ? all[0] : undefined);
  if (taker === undefined) return false;
  new Http2Exchange(taker.mount, stream, head).begin();
  return true;
}

/** Whether this one has a route for it. */
function wants(
  { mount: { context }, options }: Attached,
  { method, protocol, path = '', headers }: Http2Head,
): boolean {
  if (method === 'CONNECT') return protocol === 'websocket' && hasRoute(context, WEBSOCKET, pathOf(path));
  if (options.routes !== true) return false;
  const asked = isPreflight(method, headers) ? headers.get('access-control-request-method')! : method;
  return hasRoute(context, asked, pathOf(path));
}

/** Whether ours have to answer what none of them has a route for. */
function mustAnswer(server: Http2Like, all: readonly Attached[], { method, protocol }: Http2Head): boolean {
  if (method !== 'CONNECT') return all.some(({ options }) => options.routes) && server.listenerCount('stream') === 0;
  if (protocol !== 'websocket') return server.listenerCount('stream') === 0;
  const said = all.find(({ options }) => options.unmatched !== undefined)?.options.unmatched;
  return said === undefined ? !othersListen(server) : said === 'refuse';
}

/**
 * Whether anybody else could take an extended CONNECT: a listener of the core face, or of `'connect'`, which the other face has
 * for it. That face itself, there since somebody has listened for `'request'`, answers 405 to all of them.
 */
function othersListen(server: Http2Like): boolean {
  const compatibility = server.listenerCount('request') > 0 ? 1 : 0;
  return server.listenerCount('connect') > 0 || server.listenerCount('stream') > compatibility;
}

function ignoreError(): void {}
