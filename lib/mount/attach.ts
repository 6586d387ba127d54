/**
 * Joins a barewire server to somebody's `node:http`, `https` or HTTP/2 server: which mount takes it, by what it is.
 *
 *     attach ─► node-http.ts   upgrades, and requests where that is asked for
 *            └► http2.ts       extended CONNECT, and requests where that is asked for
 *
 * Options are checked here. Read next: `node-http.ts`.
 */

import { BOOLEAN, checkOptions, describe, kindOf } from '../options.ts';
import { attachHttp2, type Http2Like } from './http2.ts';
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
      return attachBoth(mount, server as Http2Like & HttpServer, options);
    case undefined:
      throw new TypeError(
        `attach: server is ${describe(server)}, must be a server of node:http, node:https or node:http2`,
      );
  }
}

/** A secure server with `allowHTTP1` has clients of both kinds, and upgrades those of the older one as `node:https` does. */
function attachBoth(mount: Mount, server: Http2Like & HttpServer, options: AttachOptions): () => void {
  const detachHttp2 = attachHttp2(mount, server, options);
  const detachHttp1 = attachHttp1(mount, server, { ...options, routes: false }); // its upgrades alone
  return () => {
    detachHttp2();
    detachHttp1();
  };
}

/** By what these servers have and others have not: of HTTP/2's there is no class to be asked. */
function kindOfServer(server: unknown): 'http1' | 'http2' | undefined {
  if (typeof server !== 'object' || server === null || !('on' in server) || !('listen' in server)) return undefined;
  if ('updateSettings' in server) return 'http2';
  return 'headersTimeout' in server ? 'http1' : undefined;
}
