/**
 * The mount for `node:http` and `https`: upgrades and requests of somebody's server become exchanges of ours.
 *
 * Read next: `../net/dispatch.ts`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AttachOptions, Mount } from './mount.ts';

/** What is used of a server: `http.Server` and `https.Server` have it. */
export interface HttpServer {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

export function attachHttp1(_mount: Mount, _server: HttpServer, _options: AttachOptions): () => void {
  return () => {};
}

export function handleUpgrade(_mount: Mount, _request: IncomingMessage, _socket: Duplex, _head: Uint8Array): boolean {
  return false;
}

export function handleRequest(_mount: Mount, _request: IncomingMessage, _response: ServerResponse): boolean {
  return false;
}
