/** Event streams of Hono on Node: `streamSSE` behind `@hono/node-server`, as its documentation writes them. */

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { announce } from './arguments.ts';

interface SseStream {
  writeSSE(message: { data: string }): Promise<void>;
  onAbort(listener: () => void): void;
}
interface Context {
  readonly req: { text(): Promise<string> };
  body(body: null, status: number): Response;
  text(body: string): Response;
}
interface Hono {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  get(path: string, handler: (context: Context) => unknown): void;
  post(path: string, handler: (context: Context) => unknown): void;
}
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const load = (name: string) => import(pathToFileURL(require.resolve(name)).href);
const { Hono } = (await load('hono')) as { Hono: new () => Hono };
const { streamSSE } = (await load('hono/streaming')) as {
  streamSSE(context: Context, run: (stream: SseStream) => Promise<void>): Response;
};
const { serve } = (await load('@hono/node-server')) as {
  serve(options: object, listening: (info: { port: number }) => void): void;
};

const streams = new Set<SseStream>();
const app = new Hono();
app.get('/events', (context) =>
  streamSSE(context, async (stream) => {
    streams.add(stream);
    await new Promise<void>((resolve) => stream.onAbort(resolve)); // open until the client leaves
    streams.delete(stream);
  }),
);
app.post('/publish', async (context) => {
  const data = await context.req.text();
  for (const stream of streams) void stream.writeSSE({ data });
  return context.body(null, 204);
});
app.get('/plain', (context) => context.text('ok'));
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', serverOptions: { keepAliveTimeout: 60_000 } }, ({ port }) =>
  announce(port),
);
