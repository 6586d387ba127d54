// uWebSockets.js.
import { createRequire } from 'node:module';
import { announce, makeRecord, streamText } from './common.mjs';

const uws = createRequire(import.meta.url)('@trufflesuite/uws-js-unofficial');
const record = makeRecord();
const textOf = (octets) => Buffer.from(octets).toString();
const app = uws.App();
app.ws('/*', {
  compression: uws.SHARED_COMPRESSOR,
  maxPayloadLength: 4_000_000,
  maxBackpressure: 16_000_000,
  upgrade(response, request, context) {
    const path = request.getUrl();
    if (path === '/refused') {
      response.writeStatus('403 Forbidden').end('no entry');
      return;
    }
    const offered = request.getHeader('sec-websocket-protocol').split(/, */);
    response.upgrade(
      { path },
      request.getHeader('sec-websocket-key'),
      offered.includes('chat') ? 'chat' : '',
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open(socket) {
    const { path } = socket.getUserData();
    if (path === '/ping') socket.ping('x');
    else if (path === '/last') socket.send(record());
    else if (path === '/close') {
      socket.send('bye');
      socket.end(4001, 'theirs');
    }
  },
  message: (socket, message, isBinary) => socket.send(message, isBinary, true),
  pong: (socket, octets) => socket.getUserData().path === '/ping' && socket.send(`pong ${textOf(octets)}`),
  close: (socket, code, reason) => socket.getUserData().path === '/echo' && record(`${code} ${textOf(reason)}`),
});
app.get('/events', (response, request) => {
  const lastEventId = request.getHeader('last-event-id');
  response.onAborted(() => {});
  response.writeHeader('Content-Type', 'text/event-stream');
  if (lastEventId) response.write(streamText(lastEventId));
  else response.end(streamText(''));
});
app.get('/refused', (response) => response.writeStatus('403 Forbidden').end('no entry'));
app.listen('127.0.0.1', 0, (listening) => announce(uws.us_socket_local_port(listening)));
