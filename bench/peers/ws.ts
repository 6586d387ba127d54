/**
 * ws, the library most Node programs use. With its native helpers or without: see the environment in `peers.ts`. With
 * `BENCH_WS=barewire` the same program runs on `barewire/ws`; `BENCH_WS_LEVEL=1` compresses at that level of zlib.
 */

import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { announce, answerText, MAX_MESSAGE_BYTES, peerArguments, Rooms } from './arguments.ts';

interface Socket {
  send(data: Uint8Array | string, options?: { binary: boolean }): void;
  on(event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): void;
  on(event: 'close' | 'error', listener: () => void): void;
}
interface WebSocketServer {
  on(event: 'connection', listener: (socket: Socket, request: { url: string }) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): { port: number };
}
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const ours = new URL('../../lib/ws/index.js', import.meta.url);
const ws = require(process.env['BENCH_WS'] === 'barewire' ? fileURLToPath(ours) : 'ws') as {
  WebSocketServer: new (options: object) => WebSocketServer;
};

const { mode, deflate, takeover, tls } = peerArguments();
const level = process.env['BENCH_WS_LEVEL'];
const https = tls === undefined ? undefined : createServer(tls);
const server = new ws.WebSocketServer({
  ...(https === undefined ? { port: 0, host: '127.0.0.1', backlog: 4_096 } : { server: https }),
  maxPayload: MAX_MESSAGE_BYTES,
  perMessageDeflate: deflate
    ? {
        threshold: 0,
        serverNoContextTakeover: !takeover,
        clientNoContextTakeover: !takeover,
        ...(level === undefined ? {} : { zlibDeflateOptions: { level: Number(level) } }),
      }
    : false,
});
const rooms = new Rooms<Socket>();
server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (mode === 'echo') {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  } else if (mode === 'answer') {
    socket.on('message', (data) => socket.send(answerText(data.toString())));
  } else {
    const room = rooms.join(request.url, socket);
    socket.on('message', (data, isBinary) => {
      for (const member of room) member.send(data, { binary: isBinary });
    });
    socket.on('close', () => rooms.leave(request.url, socket));
  }
});
server.on('listening', () => announce(server.address().port));
https?.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
