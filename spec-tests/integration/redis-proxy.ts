/**
 * A TCP proxy in front of a Redis server: cuts connections, and leads to another server from then on, as a failover does.
 */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface RedisProxy {
  readonly port: number;
  /** Leads new connections to another port, and cuts those that are open. */
  leadTo(port: number): void;
  /** Cuts the connections that are open. */
  cut(): void;
  /** Brings nothing any more to those that are open, and does not end them: the other side is gone without a word. */
  stall(): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback. */
export async function startProxy(target: number): Promise<RedisProxy> {
  let to = target;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    stall() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    leadTo(port) {
      to = port;
      cut();
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
