// Deno's own server, run by Deno.
import { announce, makeRecord, streamText } from './common.mjs';

const record = makeRecord();
Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => announce(port) }, (request) => {
  const path = new URL(request.url).pathname;
  if (path === '/refused') return new Response('no entry', { status: 403 });
  if (path === '/events') return events(request.headers.get('last-event-id'));
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

function events(lastEventId) {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(streamText(lastEventId)));
      if (!lastEventId) controller.close();
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
}
