// What the programs of this folder share. Each is a server of others with one conversation, and runs in a process of its own:
//
//   WebSocket  /echo    sends every message back; takes the subprotocol `chat` and, where the server can, permessage-deflate
//              /ping    pings with `x`, and sends `pong x` when the answer comes, where the server can
//              /close   sends `bye`, then closes with 4001 `theirs`
//              /last    sends the code and the reason that the last connection to /echo was closed with
//              /refused is refused with 403 and the body `no entry`
//   stream     /events  a retry of 20 ms and two events, then its end; behind a Last-Event-ID one more event, and it stays open
//              /refused is refused with 403 and the body `no entry`
import process from 'node:process';

/** Tells where the program listens; ends it when its standard input ends. */
export function announce(port) {
  console.log(`listening ${port}`);
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
}

/** The event stream as text, for servers that have no way of their own to write one. */
export function streamText(lastEventId) {
  if (lastEventId) return `data: behind ${lastEventId}\n\n`;
  return 'retry: 20\n\nid: 1\ndata: one\n\nevent: tick\nid: 2\ndata: two\ndata: lines\n\n';
}

/** Answers /events with a web Response, as the runtimes do that have one. */
export function eventsResponse(request) {
  const lastEventId = request.headers.get('last-event-id');
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(streamText(lastEventId)));
      if (!lastEventId) controller.close();
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
}

/** Answers /events on Node's response objects, which frameworks hand out as they are. */
export function answerEvents(request, response) {
  const lastEventId = request.headers['last-event-id'];
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.write(streamText(lastEventId));
  if (!lastEventId) response.end();
}

/** Holds the conversation on one socket with the interface of ws. */
export function converse(socket, path, record) {
  if (path === '/echo') {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('close', (code, reason) => record(`${code} ${reason}`));
  } else if (path === '/ping') {
    socket.on('pong', (data) => socket.send(`pong ${data}`));
    socket.ping('x');
  } else if (path === '/close') {
    socket.send('bye');
    socket.close(4001, 'theirs');
  } else if (path === '/last') socket.send(record());
}

/** Keeps what the last connection was closed with: tells it, or answers it. */
export function makeRecord() {
  let last = '';
  return (text) => {
    if (text !== undefined) last = text;
    return last;
  };
}
