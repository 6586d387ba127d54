/** Deno's built-in server, through the WHATWG interface. Started with the `deno` program. */

import { announce, answerText, peerArguments, Rooms } from './arguments.ts';

declare const Deno: {
  serve(
    options: { port: number; hostname: string; key?: string; cert?: string; onListen(address: { port: number }): void },
    handler: (request: Request) => Response,
  ): void;
  upgradeWebSocket(request: Request, options: { idleTimeout: number }): { socket: WebSocket; response: Response };
};

const { mode, tls } = peerArguments();
const certificate = tls === undefined ? {} : { key: tls.key, cert: tls.cert };
const rooms = new Rooms<WebSocket>();
Deno.serve({ ...certificate, port: 0, hostname: '127.0.0.1', onListen: ({ port }) => announce(port) }, (request) => {
  if (request.headers.get('upgrade') === null) return new Response('ok');
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  socket.binaryType = 'arraybuffer';
  if (mode === 'echo') {
    socket.onmessage = (event) => socket.send(event.data);
  } else if (mode === 'answer') {
    socket.onmessage = (event) => socket.send(answerText(event.data));
  } else {
    const path = new URL(request.url).pathname;
    const room = rooms.join(path, socket);
    socket.onmessage = (event) => {
      for (const member of room) if (member.readyState === WebSocket.OPEN) member.send(event.data);
    };
    socket.onclose = () => rooms.leave(path, socket);
  }
  return response;
});
