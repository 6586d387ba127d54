/**
 * What tests of the clients share: a server made of a socket, and waiting for events.
 */

import { createHash } from 'node:crypto';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { patiently } from './sockets.ts';

/** The next event of a type. */
export function next<E extends Event = Event>(target: EventTarget, type: string): Promise<E> {
  return patiently(
    `event ${type}`,
    new Promise((resolve) => target.addEventListener(type, resolve as (event: Event) => void, { once: true })),
  );
}

const accept = (head: string): string =>
  createHash('sha1')
    .update(`${/^sec-websocket-key: (.*)$/im.exec(head)?.[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');

/** The answer that a handshake's head wants, with further fields, each with its CR LF. */
export const switching = (head: string, fields = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(head)}\r\n${fields}\r\n`;

/** A server made of a socket: `answer` gets each request's head. */
export async function withRawServer(
  answer: (socket: Socket, head: string) => void,
  body: (url: string, sockets: Set<Socket>, server: NetServer) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let head = '';
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      socket.off('data', onData);
      answer(socket, head);
    };
    socket.on('data', onData);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    await body(`ws://127.0.0.1:${port}`, sockets, server);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
