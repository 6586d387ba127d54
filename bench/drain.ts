/**
 * How evenly `drain` closes: 10,000 WebSockets over 30 s, counted by the second in which each close frame arrives.
 *
 *     node dist/bench/drain.js [clients] [seconds]
 *
 * The server runs in a process of its own. Ends by itself; exits with 1 when the busiest second has more than twice the mean.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createServer } from '../lib/server.ts';

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
/** A masked close frame with 1012, whose key is zero. */
const CLOSE = Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf4);

async function serve(): Promise<void> {
  const server = createServer().webSocket('/', {});
  await server.listen();
  process.send?.({ port: server.port });
  process.on('message', (overMs: number) => {
    void server.drain({ overMs }).then(() => process.disconnect());
  });
}

async function open(port: number, onClose: () => void): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  socket.once('data', () => {
    onClose();
    socket.end(CLOSE);
  });
}

async function measure(clients: number, seconds: number): Promise<void> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  let startMs = 0;
  const perSecond = new Array<number>(seconds + 1).fill(0);
  const onClose = (): void => {
    const second = Math.min(seconds, Math.trunc((performance.now() - startMs) / 1_000));
    perSecond[second] = perSecond[second]! + 1;
  };
  for (let opened = 0; opened < clients; opened += 200)
    await Promise.all(Array.from({ length: Math.min(200, clients - opened) }, () => open(port, onClose)));
  startMs = performance.now();
  child.send(seconds * 1_000);
  await once(child, 'exit');
  const mean = clients / seconds;
  const most = Math.max(...perSecond);
  const told = perSecond.reduce((sum, count) => sum + count, 0);
  console.log(`${told} of ${clients} told, a second: ${perSecond.join(' ')}`);
  console.log(`mean ${mean.toFixed(0)}, busiest second ${most}: ${(most / mean).toFixed(2)} times the mean`);
  process.exitCode = told === clients && most <= 2 * mean ? 0 : 1;
}

if (process.argv[2] === 'serve') await serve();
else await measure(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 30));
