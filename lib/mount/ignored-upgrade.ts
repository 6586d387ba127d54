/**
 * An upgrade to something that nobody here speaks, answered as the request that it also is.
 *
 * RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field". Node does so while nobody listens for upgrades, and
 * hands all of them over once somebody does: `curl --http2` asks for one with its first request. So the request goes to the
 * listeners for requests after all, with a response of its own, and the connection ends after it.
 * Read next: `node-http.ts`.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { answersAnother } from '../channel/node-internals.ts';
import { plain } from '../net/responses.ts';
import type { Mount } from './mount.ts';
import type { HttpServer } from './node-http.ts';
import { headOf, type UpgradeStream } from './node-request.ts';
import { serveUpgradeOf } from './upgrade-exchange.ts';

/** Hands the request on; 400 where it has a body, since nobody reads bodies from a socket that was handed over. */
export function ignoreUpgrade(
  server: HttpServer,
  mount: Mount,
  request: IncomingMessage,
  stream: UpgradeStream,
  early: Uint8Array,
): void {
  const head = headOf(request);
  const { 'content-length': length = '0' } = request.headers;
  if (length !== '0' || head.headers.has('transfer-encoding') || early.length > 0) {
    serveUpgradeOf(
      mount,
      { node: request, head },
      stream,
      early,
      plain(400, 'request to upgrade with a body (RFC 9110 §7.8)'),
    );
    return;
  }
  stream.on('error', () => stream.destroy());
  if (stream.destroyed || answersAnother(stream, undefined)) {
    stream.destroy();
    return;
  }
  // Loaded already, by who made the request; an `import` of it would load what `fetch` is made of too.
  const { ServerResponse } = process.getBuiltinModule('node:http');
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(stream as Socket);
  response.on('finish', () => {
    response.detachSocket(stream as Socket);
    response.emit('close');
    request.emit('close');
    stream.end();
    const cancel = mount.clock.after(mount.limits.closeTimeoutMs, () => stream.destroy());
    stream.on('close', cancel);
  });
  stream.on('drain', () => response.emit('drain'));
  // Nobody parses for this request any more, so nobody else tells it of the end.
  stream.on('close', () => {
    if (!response.writableFinished) request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  });
  // As Node's own server: a client that ends its direction before it has its answer has gone.
  stream.on('end', () => {
    if (!response.writableFinished) stream.destroy();
  });
  stream.resume(); // whatever comes is thrown away, and the end is noticed
  server.emit('request', request, response);
}
