// Bun's own server, run by Bun.
import { announce, eventsResponse, makeRecord } from './common.mjs';

const record = makeRecord();
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request, self) {
    const path = new URL(request.url).pathname;
    if (path === '/refused') return new Response('no entry', { status: 403 });
    if (path === '/events') return eventsResponse(request);
    const isChat = request.headers.get('sec-websocket-protocol')?.split(/, */).includes('chat');
    const headers = isChat ? { 'Sec-WebSocket-Protocol': 'chat' } : {};
    return self.upgrade(request, { data: { path }, headers }) ? undefined : new Response('', { status: 400 });
  },
  websocket: {
    perMessageDeflate: true,
    open(socket) {
      const { path } = socket.data;
      if (path === '/ping') socket.ping('x');
      else if (path === '/last') socket.send(record());
      else if (path === '/close') {
        socket.send('bye');
        socket.close(4001, 'theirs');
      }
    },
    message: (socket, message) => void socket.send(message, true),
    pong: (socket, octets) => void (socket.data.path === '/ping' && socket.send(`pong ${octets}`)),
    close: (socket, code, reason) => void (socket.data.path === '/echo' && record(`${code} ${reason}`)),
  },
});
announce(server.port);
