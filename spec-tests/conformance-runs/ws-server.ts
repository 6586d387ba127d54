/** ws as an echo server for conformance: compressing everything, with its own cap on fragments or (`--no-fragment-cap`) without. */

import { createRequire } from 'node:module';
import { announce } from '../../bench/peers/arguments.ts';

interface Socket {
  send(data: Uint8Array, options: { binary: boolean }): void;
  on(event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): void;
  on(event: 'error', listener: () => void): void;
}
interface WebSocketServer {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): { port: number };
}
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const ws = require('ws') as { WebSocketServer: new (options: object) => WebSocketServer };

const server = new ws.WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: { threshold: 0 },
  maxPayload: 268_435_456,
  ...(process.argv.includes('--no-fragment-cap') ? { maxFragments: 0, maxBufferedChunks: 0 } : {}),
});
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => announce(server.address().port));
