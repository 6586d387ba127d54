/**
 * Socket.IO 4: fan-out through its rooms. It speaks a protocol of its own on top of WebSocket, so that only a load which knows that
 * protocol can drive it: `socket-io-client.ts`.
 */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { announce, MAX_MESSAGE_BYTES } from './arguments.ts';

interface Socket {
  join(room: string): void;
  on(event: string, listener: (text: string) => void): void;
}
interface Server {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  to(room: string): { emit(event: string, text: string): void };
}
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const socketIo = require('socket.io') as { Server: new (http: unknown, options: object) => Server };

const http = createServer();
const server = new socketIo.Server(http, { transports: ['websocket'], maxHttpBufferSize: MAX_MESSAGE_BYTES });
server.on('connection', (socket) => {
  socket.join('room');
  socket.on('m', (text) => server.to('room').emit('m', text));
});
http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => announce((http.address() as AddressInfo).port));
