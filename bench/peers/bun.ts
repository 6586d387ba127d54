/** Bun's built-in server. Fan-out goes through its own publish/subscribe. Started with the `bun` program. */

import { announce, answerText, isEcho, MAX_MESSAGE_BYTES, peerArguments } from './arguments.ts';

interface Socket {
  readonly data: { path: string };
  send(data: string | Uint8Array, compress?: boolean): number;
  subscribe(topic: string): void;
}
interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { data: { path: string } }): boolean;
  publish(topic: string, data: string | Uint8Array, compress?: boolean): number;
}
declare const Bun: { serve(options: object): BunServer };

const { mode, deflate, takeover, tls } = peerArguments();
const streams = new Set<{ write(text: string): unknown; flush(): unknown }>();
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  ...(tls === undefined ? {} : { tls: { key: tls.key, cert: tls.cert } }),
  idleTimeout: 0,
  async fetch(request: Request, self: BunServer) {
    const { pathname } = new URL(request.url);
    if (request.headers.get('upgrade') !== null) {
      return self.upgrade(request, { data: { path: pathname } }) ? undefined : new Response('', { status: 400 });
    }
    if (pathname === '/events') return eventStream();
    if (pathname === '/publish') {
      const event = `data: ${await request.text()}\n\n`;
      for (const stream of streams) {
        stream.write(event);
        stream.flush();
      }
      return new Response(null, { status: 204 });
    }
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: deflate && {
      compress: takeover ? 'dedicated' : 'shared',
      decompress: takeover ? 'dedicated' : 'shared',
    },
    maxPayloadLength: MAX_MESSAGE_BYTES,
    ...(isEcho(mode) ? { backpressureLimit: MAX_MESSAGE_BYTES } : {}),
    idleTimeout: 0,
    open(socket: Socket) {
      if (mode === 'fan-out') socket.subscribe(socket.data.path);
    },
    message(socket: Socket, message: string | Uint8Array) {
      if (mode === 'fan-out') server.publish(socket.data.path, message, deflate);
      else socket.send(mode === 'answer' ? answerText(message as string) : message, deflate);
    },
  },
});
announce(server.port);

function eventStream(): Response {
  const source = {
    type: 'direct',
    async pull(controller: { write(text: string): unknown; flush(): unknown }): Promise<void> {
      controller.write(':\n\n'); // without a first octet the head is not sent either
      controller.flush();
      streams.add(controller);
      await new Promise(() => {}); // open until the client leaves
    },
  };
  return new Response(new ReadableStream(source as never), {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
  });
}
