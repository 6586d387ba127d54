/**
 * Servers of others with ours behind them: plain ones of Node's, and frameworks as their own documentation sets them up.
 *
 * In: a server of ours with routes, and what the framework's own handlers do. Out: a listening server. Each answers `/theirs` by
 * itself and opens an event stream in its own handler for `/stream`; each has ws on `/ws` and Socket.IO beside ours.
 * Sections: plain servers, frameworks, what stands beside. Read next: `behaviours.ts`.
 */

import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  type EventStream,
  eventStreamResponse,
  type NodeRequest,
  type NodeResponse,
  openEventStream,
  type Server,
} from '../../lib/index.ts';
import { type Certificate, makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { missing, packageOf } from './installed.ts';

export type AnyServer = HttpServer | Http2SecureServer;

/** Somebody's server, listening. */
export interface Standing {
  readonly http: AnyServer;
  readonly port: number;
  /** What the framework offers to end it; the server's own `close` where it offers nothing. */
  close(): Promise<void>;
}

export interface Framework {
  readonly name: string;
  readonly skip: string | false;
  readonly certificate?: Certificate | undefined;
  /** Puts `server` behind it and listens. `run` is what its own handler for `/stream` does with the stream. */
  stand(server: Server, run: (stream: EventStream) => unknown): Promise<Standing>;
}

const certificate = makeCertificate();
const NO_CERTIFICATE = certificate === undefined ? NO_OPENSSL : false;

async function listening(http: AnyServer, close?: () => Promise<unknown>): Promise<Standing> {
  if (!http.listening) await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    http,
    port: (http.address() as AddressInfo).port,
    async close() {
      if (close === undefined) await new Promise<void>((resolve) => http.close(() => resolve()));
      else await close();
    },
  };
}

// Plain servers

type Handler = (request: NodeRequest, response: NodeResponse & { end(body: string): unknown }) => void;

const plainHandler =
  (run: (stream: EventStream) => unknown): Handler =>
  (request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (path === '/theirs') response.end('theirs');
    else if (path === '/stream') run(openEventStream(request, response));
    else {
      response.statusCode = 404;
      response.end('nothing of theirs');
    }
  };

const plain: Framework = {
  name: 'node:http',
  skip: false,
  stand(server, run) {
    const http = createHttpServer(plainHandler(run));
    server.attach(http, { routes: true });
    return listening(http);
  },
};

const secure: Framework = {
  name: 'node:https',
  skip: NO_CERTIFICATE,
  certificate,
  stand(server, run) {
    const http = createHttpsServer(certificate!, plainHandler(run));
    server.attach(http, { routes: true });
    return listening(http);
  },
};

/** With clients of HTTP/1.1; those of HTTP/2 have tests of their own (`../mount/http2-*.test.ts`). */
const http2: Framework = {
  name: 'node:http2 with allowHTTP1',
  skip: NO_CERTIFICATE,
  certificate,
  stand(server, run) {
    const http = createSecureServer({ ...certificate!, allowHTTP1: true }, plainHandler(run) as never);
    server.attach(http, { routes: true });
    return listening(http);
  },
};

// Frameworks

interface Express {
  readonly default: () => ((request: IncomingMessage, response: never) => void) & {
    use(middleware: unknown): void;
    get(
      path: string,
      handler: (request: NodeRequest, response: NodeResponse & { send(text: string): void }) => void,
    ): void;
  };
}

const express: Framework = {
  name: 'Express 5',
  skip: missing({ packages: ['express'] }),
  async stand(server, run) {
    const app = (await packageOf<Express>('express')).default();
    app.use(server.middleware());
    app.get('/theirs', (_, response) => response.send('theirs'));
    app.get('/stream', (request, response) => void run(openEventStream(request, response)));
    const http = createHttpServer(app as never);
    server.attach(http);
    return listening(http);
  },
};

interface Fastify {
  readonly fastify: () => {
    readonly server: HttpServer;
    addHook(name: 'onRequest', hook: unknown): void;
    get(
      path: string,
      handler: (
        request: { readonly raw: NodeRequest },
        reply: { readonly raw: NodeResponse; hijack(): void; send(text: string): unknown },
      ) => unknown,
    ): void;
    listen(options: { readonly port: number; readonly host: string }): Promise<string>;
    close(): Promise<unknown>;
  };
}

const fastify: Framework = {
  name: 'Fastify 5',
  skip: missing({ packages: ['fastify'] }),
  async stand(server, run) {
    const app = (await packageOf<Fastify>('fastify')).fastify();
    server.attach(app.server);
    app.addHook('onRequest', server.middleware());
    app.get('/theirs', (_, reply) => reply.send('theirs'));
    app.get('/stream', (request, reply) => {
      reply.hijack();
      run(openEventStream(request.raw, reply.raw));
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return listening(app.server, () => app.close());
  },
};

interface KoaContext {
  readonly path: string;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  body: unknown;
  status: number;
  respond?: boolean;
}
interface Koa {
  readonly default: new () => {
    use(middleware: (context: KoaContext) => void): void;
    callback(): never;
  };
}

const koa: Framework = {
  name: 'Koa 3',
  skip: missing({ packages: ['koa'] }),
  async stand(server, run) {
    const { default: Application } = await packageOf<Koa>('koa');
    const app = new Application();
    app.use((context) => {
      if (context.path === '/theirs') context.body = 'theirs';
      if (context.path !== '/stream') return;
      context.status = 200; // Koa begins with 404.
      context.respond = false;
      run(openEventStream(context.req, context.res));
    });
    const http = createHttpServer(app.callback());
    server.attach(http, { routes: true });
    return listening(http);
  },
};

interface Hono {
  readonly Hono: new () => {
    readonly fetch: unknown;
    get(
      path: string,
      handler: (context: { readonly req: { readonly raw: Request }; text(text: string): Response }) => Response,
    ): void;
  };
}
interface HonoNode {
  serve(options: object, listening: () => void): HttpServer;
}

const hono: Framework = {
  name: 'Hono on Node',
  skip: missing({ packages: ['hono', '@hono/node-server'] }),
  async stand(server, run) {
    const { Hono: Application } = await packageOf<Hono>('hono');
    const { serve } = await packageOf<HonoNode>('@hono/node-server');
    const app = new Application();
    app.get('/theirs', (context) => context.text('theirs'));
    app.get('/stream', (context) => eventStreamResponse(context.req.raw, (stream) => void run(stream)));
    const http = await new Promise<HttpServer>((resolve) => {
      const made: HttpServer = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made));
    });
    server.attach(http, { routes: true });
    return listening(http);
  },
};

export const FRAMEWORKS: readonly Framework[] = [plain, secure, http2, express, fastify, koa, hono];

// What stands beside

interface Ws {
  readonly WebSocketServer: new (options: {
    readonly server: AnyServer;
    readonly path: string;
  }) => {
    on(event: 'connection', listener: (socket: WsSocket) => void): void;
    close(): void;
    readonly clients: Set<WsSocket>;
  };
}
interface WsSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  send(data: Buffer, options: { readonly binary: boolean }): void;
  terminate(): void;
}

/** ws with a `path`: it ends what asks for another one. Answers what closes it. */
export async function wsBeside(http: AnyServer): Promise<() => void> {
  const { WebSocketServer } = await packageOf<Ws>('ws');
  const theirs = new WebSocketServer({ server: http, path: '/ws' });
  theirs.on('connection', (socket) =>
    socket.on('message', (data, binary) => socket.send(Buffer.concat([Buffer.from('ws: '), data]), { binary })),
  );
  return () => {
    for (const socket of theirs.clients) socket.terminate();
    theirs.close();
  };
}

interface SocketIo {
  readonly Server: new (
    http: AnyServer,
    options: { readonly destroyUpgrade?: boolean },
  ) => {
    on(
      event: 'connection',
      listener: (socket: {
        on(event: string, listener: (text: string, acknowledge: (text: string) => void) => void): void;
      }) => void,
    ): void;
    disconnectSockets(close: boolean): void;
    readonly engine: { close(): void };
  };
}

/** Socket.IO with its defaults: it ends upgrades that nobody has answered for a second. Answers what closes it. */
export async function socketIoBeside(http: AnyServer): Promise<() => void> {
  const { Server: SocketIoServer } = await packageOf<SocketIo>('socket.io');
  const theirs = new SocketIoServer(http, {});
  theirs.on('connection', (socket) => socket.on('ask', (text, acknowledge) => acknowledge(`socket.io: ${text}`)));
  return () => {
    theirs.disconnectSockets(true);
    theirs.engine.close();
  };
}
