/**
 * The server's requests as middleware: Express and Connect call it with request, response and `next`, a hook of Fastify with
 * objects around them.
 *
 * Read next: `node-http.ts`.
 */

import type { Mount } from './mount.ts';
import { handleRequest } from './node-http.ts';
import type { NodeRequest, NodeResponse } from './node-request.ts';

/** What Fastify gives a hook in place of Node's request and response. */
interface FastifyRequest {
  readonly raw: NodeRequest;
}
interface FastifyReply {
  readonly raw: NodeResponse;
  /** Tells Fastify that somebody else answers. */
  hijack(): unknown;
}

export type Middleware = (
  request: NodeRequest | FastifyRequest,
  response: NodeResponse | FastifyReply,
  next?: () => void,
) => void;

/** Calls `next` for what is not ours. */
export function middlewareOf(mount: Mount): Middleware {
  return (request, response, next) => {
    const node = 'rawHeaders' in request ? request : request.raw;
    const taken = handleRequest(mount, node, 'hijack' in response ? response.raw : response);
    if (!taken) next?.();
    else if ('hijack' in response) response.hijack();
  };
}
