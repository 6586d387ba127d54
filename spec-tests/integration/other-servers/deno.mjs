// Deno's own server, run by Deno.
import { announce, eventsResponse, makeRecord } from './common.mjs';

const record = makeRecord();
Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => announce(port) }, (request) => {
  const path = new URL(request.url).pathname;
  if (path === '/refused') return new Response('no entry', { status: 403 });
  if (path === '/events') return eventsResponse(request);
  const isChat = request.headers.get('sec-websocket-protocol')?.split(/, */).includes('chat');
  const { socket, response } = Deno.upgradeWebSocket(request, isChat ? { protocol: 'chat' } : {});
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    if (path === '/last') socket.send(record());
    else if (path === '/close') {
      socket.send('bye');
      socket.close(4001, 'theirs');
    }
  };
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onclose = ({ code, reason }) => path === '/echo' && record(`${code} ${reason}`);
  return response;
});
