/**
 * Joins a barewire server to somebody's `node:http`, `https` or HTTP/2 server: which mount takes it, by what it is.
 *
 *     attach ─► node-http.ts   upgrades, and requests where that is asked for
 *            └► http2.ts       extended CONNECT, and requests where that is asked for
 *
 * Options are checked here. Read next: `node-http.ts`.
 */

import { BOOLEAN, checkOptions, describe, kindOf } from '../options.ts';
import type { AttachOptions, Mount } from './mount.ts';
import { attachHttp1, type HttpServer } from './node-http.ts';

/**
 * Attaches; answers what detaches again.
 * @throws TypeError for what is no server of Node's, for a wrong option, and where `mount` is attached already
 */
export function attach(mount: Mount, server: unknown, options: AttachOptions): () => void {
  checkOptions('attach', options, {
    routes: BOOLEAN,
    unmatched: kindOf("'refuse' or 'leave'", (value) => value === 'refuse' || value === 'leave'),
  });
  switch (kindOfServer(server)) {
    case 'http1':
      return attachHttp1(mount, server as HttpServer, options);
    case 'http2':
      throw new TypeError('attach: HTTP/2 servers cannot be attached');
    case undefined:
      throw new TypeError(
        `attach: server is ${describe(server)}, must be a server of node:http, node:https or node:http2`,
      );
  }
}

/** By what these servers have and others have not: of HTTP/2's there is no class to be asked. */
function kindOfServer(server: unknown): 'http1' | 'http2' | undefined {
  if (typeof server !== 'object' || server === null || !('on' in server) || !('listen' in server)) return undefined;
  if ('updateSettings' in server) return 'http2';
  return 'headersTimeout' in server ? 'http1' : undefined;
}
