// What a user of @types/ws writes: it compiles against those types and against ours.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import WebSocket, { createWebSocketStream, type RawData, type Server, type ServerOptions, WebSocketServer } from 'ws';

const options: ServerOptions = {
  noServer: true,
  maxPayload: 1024,
  clientTracking: true,
  perMessageDeflate: { threshold: 10, serverNoContextTakeover: true, zlibDeflateOptions: { level: 3 } },
  handleProtocols: (protocols: Set<string>, request: IncomingMessage) =>
    request.url === '/' ? [...protocols][0]! : false,
  verifyClient: (info: { origin: string; secure: boolean; req: IncomingMessage }) => info.secure,
};
const wss = new WebSocketServer(options);
const http = createServer();
http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  wss.handleUpgrade(request, socket, head, (ws: WebSocket, from: IncomingMessage) => {
    wss.emit('connection', ws, from);
  });
});
wss.on('connection', (ws, request) => {
  const url: string | undefined = request.url;
  ws.on('message', (data: RawData, isBinary: boolean) => {
    const text = data.toString();
    ws.send(isBinary ? Buffer.from(text) : text, { binary: isBinary, compress: false }, (error?: Error | null) => {
      if (error) console.error(error.message, url);
    });
  });
  ws.on('close', (code: number, reason: Buffer) => console.log(code, reason.toString()));
  ws.on('error', (error: Error) => console.error(error));
  ws.on('pong', (data: Buffer) => console.log(data.length));
  ws.ping(undefined, undefined, () => {});
  ws.once('close', () => ws.terminate());
  ws.onmessage = (event) => console.log(event.data, event.type, event.target.readyState);
  ws.addEventListener('close', (event) => console.log(event.code, event.reason, event.wasClean));
});
wss.on('headers', (headers: string[], request: IncomingMessage) => headers.push(`X-Url: ${request.url}`));
wss.on('wsClientError', (error: Error, socket: Duplex) => socket.destroy(error));
wss.close((error?: Error) => console.log(error));
const { address } = wss;
console.log(
  typeof address,
  wss.clients.size,
  wss.options.path,
  [...wss.clients].map((ws) => ws.readyState === WebSocket.OPEN),
);

const client: WebSocket = new WebSocket('ws://127.0.0.1:1', ['a'], {
  headers: { 'X-A': 'b' },
  handshakeTimeout: 100,
  followRedirects: true,
  rejectUnauthorized: false,
  origin: 'http://x',
});
client.binaryType = 'arraybuffer';
client.on('upgrade', (response: IncomingMessage) => console.log(response.headers));
client.on('unexpected-response', (request, response: IncomingMessage) =>
  console.log(request.path, response.statusCode),
);
client.on('redirect', (url: string) => console.log(url));
client.close(1000, Buffer.from('reason'));
client.pause();
console.log(client.isPaused, client.bufferedAmount, client.extensions, client.protocol, client.url);
createWebSocketStream(client, { encoding: 'utf8' }).pipe(process.stdout);
class Mine extends WebSocket {
  name = 'mine';
}
console.log(new Mine('ws://127.0.0.1:1').name);

// The README of ws: an echo, a broadcast, a log-in before the upgrade, heartbeats, a stream that is piped.
wss.on('connection', (ws) => {
  ws.on('error', console.error);
  ws.on('message', (data, isBinary) => {
    ws.send(data);
    for (const other of wss.clients)
      if (other !== ws && other.readyState === WebSocket.OPEN) other.send(data, { binary: isBinary });
  });
});
wss.on(
  'connection',
  function connection(this: WebSocketServer, ws: WebSocket, request: IncomingMessage, user: { name: string }) {
    console.log(this.clients.size, ws.protocol, request.url, user.name);
  },
);
http.on('upgrade', (request, socket, head) => {
  if (request.headers.authorization === undefined) {
    socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n');
    socket.destroy();
    return;
  }
  wss.handleUpgrade(request, socket, head, (ws) => {
    wss.emit('connection', ws, request, { name: 'ann' });
  });
});
interface Beating extends WebSocket {
  isAlive: boolean;
}
wss.on('connection', (ws: Beating) => {
  ws.isAlive = true;
  ws.on('pong', () => {
    ws.isAlive = true;
  });
});
const beat = setInterval(() => {
  for (const ws of wss.clients as Set<Beating>) {
    if (!ws.isAlive) ws.terminate();
    ws.isAlive = false;
    ws.ping();
  }
}, 30_000);
wss.on('close', () => clearInterval(beat));
const duplex: Duplex = createWebSocketStream(new WebSocket('wss://127.0.0.1:1'), { encoding: 'utf8' });
duplex.on('error', console.error);
process.stdin.pipe(duplex);
const asking: ServerOptions = {
  port: 8080,
  verifyClient: (info, callback) => {
    callback(info.origin === 'https://x', 401, 'no', { 'X-Why': 'because' });
  },
  handleProtocols: (protocols) => (protocols.has('chat') ? 'chat' : false),
};
new WebSocketServer(asking, () => console.log('listening'));
const parts: WebSocket.ClientOptions & WebSocket.PerMessageDeflateOptions = { maxPayload: 1, threshold: 1 };
const handler = (
  event: WebSocket.MessageEvent | WebSocket.CloseEvent | WebSocket.ErrorEvent | WebSocket.Event,
): string => event.type;
const more = new WebSocket('ws://127.0.0.1:1', parts);
more.onmessage = handler;
more.addEventListener('error', handler);
more.removeAllListeners('message').once('open', () => more.send(Buffer.from('x'), { fin: true }, () => {}));
more.on('custom', (anything: string) => console.log(anything));
class Own extends WebSocket {
  isOwn = true;
}
const ofOwn: Server<typeof Own> = new WebSocketServer({ port: 0, WebSocket: Own });
ofOwn.on('connection', (ws) =>
  console.log(
    ws.isOwn,
    [...ofOwn.clients].every(({ isOwn }) => isOwn),
  ),
);
