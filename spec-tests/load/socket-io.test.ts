/**
 * The load that speaks Socket.IO's protocol: against a stand-in that answers as the protocol says, and against Socket.IO itself where it
 * is installed.
 */

import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { joinSocketIo, SOCKET_IO_PATH, socketIoShape } from '../../bench/peers/socket-io-client.ts';
import { createServer, type ServerWebSocket } from '../../lib/index.ts';
import { runFanOut } from '../../lib/load/fan-out.ts';
import { payloadOf } from '../../lib/load/messages.ts';
import { loadPeer, withoutPeer } from '../support/peers.ts';

const SHAPE = { sizeBytes: 100, kind: 'text' } as const;

/** For longer and longer until something was counted: a machine that is busy may count nothing in a short time. */
async function fanOut(port: number): Promise<number> {
  for (let durationMs = 200; ; durationMs *= 3) {
    const { count } = await runFanOut({
      url: new URL(SOCKET_IO_PATH, `ws://127.0.0.1:${port}`),
      shape: socketIoShape(SHAPE),
      join: joinSocketIo,
      members: 4,
      slowMembers: 1,
      inFlight: 2,
      warmUpMs: 20,
      durationMs,
    });
    if (count > 0 || durationMs > 20_000) return count;
  }
}

describe('the load for Socket.IO', () => {
  it('joins as the protocol says before it sends, and sends events', async () => {
    const members = new Set<ServerWebSocket>();
    const said = new Set<string>();
    const server = createServer({ allowedOrigins: '*' });
    server.webSocket('/socket.io/', {
      open: (socket) => void socket.send('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'),
      message(socket, message) {
        said.add(String(message));
        if (message === '40') {
          members.add(socket);
          socket.send('40{"sid":"b"}');
        } else for (const member of members) member.send(message);
      },
    });
    await server.listen({ port: 0 });
    try {
      assert.ok((await fanOut(server.port)) > 0);
      assert.ok(members.size >= 5);
      const texts = Array.from({ length: 16 }, (_, i) => payloadOf(SHAPE, i).toString());
      const events = texts.map((text) => `42["m",${JSON.stringify(text)}]`);
      for (const one of said) assert.ok(one === '40' || events.includes(one), one);
      assert.ok(said.has('40') && said.size > 1);
    } finally {
      await server.close();
    }
  });

  it('has no binary events', () => {
    assert.throws(() => socketIoShape({ sizeBytes: 20, kind: 'binary' }), { message: /are not compared/ });
  });

  it('is understood by Socket.IO', { skip: withoutPeer('socket.io') }, async () => {
    interface Io {
      on(event: 'connection', listener: (socket: Io) => void): void;
      on(event: 'm', listener: (text: string) => void): void;
      join(room: string): void;
      to(room: string): { emit(event: string, text: string): void };
      close(): Promise<void>;
    }
    const { Server } = loadPeer<{ Server: new (http: unknown, options: object) => Io }>('socket.io');
    const http = createHttpServer();
    const io = new Server(http, { transports: ['websocket'] });
    io.on('connection', (socket) => {
      socket.join('room');
      socket.on('m', (text) => io.to('room').emit('m', text));
    });
    await new Promise<void>((resolve) => http.listen({ port: 0, host: '127.0.0.1' }, resolve));
    try {
      assert.ok((await fanOut((http.address() as AddressInfo).port)) > 0);
    } finally {
      await io.close();
    }
  });
});
