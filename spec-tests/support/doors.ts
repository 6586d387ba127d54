/** Servers of `node:http` and `https` with ours attached, for tests that knock at the door with bytes. */

import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { AttachOptions } from '../../lib/mount/mount.ts';
import type { EventStream, HttpRequest } from '../../lib/net/api.ts';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { patiently, RawClient } from './sockets.ts';

export interface Attached {
  /** Ours. */
  readonly server: Server;
  /** Theirs. */
  readonly http: HttpServer;
  readonly port: number;
  /** Of theirs, as it hands them out: the newest last. */
  readonly sockets: readonly Socket[];
}

export interface AttachedSetup {
  readonly options?: ServerOptions;
  readonly attach?: AttachOptions | false;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** The application's own listener for requests. */
  readonly app?: RequestListener;
  readonly routes: (server: Server) => unknown;
}

/** Runs `body` with a listening server of Node's that ours is attached to, and closes both whatever happens. */
export async function withAttached(setup: AttachedSetup, body: (attached: Attached) => Promise<void>): Promise<void> {
  const { options, attach = {}, tls, app, routes } = setup;
  const server = createServer({
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  routes(server);
  const http = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  if (app !== undefined) http.on('request', app);
  if (attach !== false) server.attach(http, attach);
  const sockets: Socket[] = [];
  http.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => sockets.push(socket));
  const port = await listen(http);
  try {
    await body({ server, http, port, sockets });
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    RawClient.open.clear();
    await patiently('our server to close', server.close());
    await closeHttp(http);
  }
}

/** POST routes of every kind that read JSON, each in the turn of its request: handlers, `accept`, `open`, and an async function. */
export function readsJson(server: Server): void {
  const method = 'POST';
  server.post('/post', (request) => ({ body: JSON.stringify(request.json()) }));
  server.eventStream(
    '/accept',
    (request) => ({ data: request.json() }),
    { open: (stream) => stream.close() },
    { method },
  );
  server.eventStream('/open', { open: (stream, request) => stream.send(JSON.stringify(request.json())) }, { method });
  const run = async (stream: EventStream, request: HttpRequest): Promise<void> => {
    stream.send('first');
    await stream.write(JSON.stringify(request.json()));
  };
  server.eventStream('/run', run, { method });
}

export async function listen(http: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

/** Closes a server of Node's, and waits for what came through it. */
export async function closeHttp(http: HttpServer): Promise<void> {
  if (!http.listening) return;
  const closed = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeAllConnections();
  await patiently('the HTTP server to close', closed);
}
