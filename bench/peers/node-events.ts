/** Event streams on node:http: written by hand with `res.write`, or by better-sse (BENCH_BETTER_SSE=1). */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { announce } from './arguments.ts';

interface Session {
  readonly isConnected: boolean;
}
interface Channel {
  register(session: Session): void;
  broadcast(data: unknown, eventName?: string, options?: { eventId?: string }): void;
}
interface BetterSse {
  createSession(req: IncomingMessage, res: ServerResponse, options?: object): Promise<Session>;
  createChannel(): Channel;
}

const useBetterSse = process.env['BENCH_BETTER_SSE'] === '1';
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const betterSse = useBetterSse ? (require('better-sse') as BetterSse) : undefined;
const channel = betterSse?.createChannel();
const streams = new Set<ServerResponse>();

async function open(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (betterSse !== undefined) {
    // It writes JSON unless told otherwise; what is published here is text already.
    channel?.register(await betterSse.createSession(req, res, { serializer: String }));
    return;
  }
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  res.flushHeaders();
  streams.add(res);
  res.on('close', () => streams.delete(res));
}

function publish(text: string): void {
  if (channel !== undefined) channel.broadcast(text);
  else {
    const event = `data: ${text}\n\n`;
    for (const stream of streams) stream.write(event);
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
  if (req.url === '/events') {
    void open(req, res);
    return;
  }
  if (req.url !== '/publish') {
    res.end('ok');
    return;
  }
  let body = '';
  req.setEncoding('utf8');
  req.on('data', (part: string) => {
    body += part;
  });
  req.on('end', () => {
    publish(body);
    res.writeHead(204).end();
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  announce((server.address() as { port: number }).port);
});
