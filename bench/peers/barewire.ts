/**
 * The peer that is measured: barewire through its public surface, as anybody would write it. With `BENCH_DOOR=node:http` or
 * `BENCH_DOOR=node:http2` the same routes stand behind a server of Node's.
 */

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer, type EventStream, prepareEvent, prepareMessage, type ServerWebSocket } from '../../lib/index.ts';
import { announce, answerText, isEcho, MAX_MESSAGE_BYTES, peerArguments, Rooms } from './arguments.ts';

const { mode, deflate, takeover, tls } = peerArguments();
const textAsBytes = process.env['BENCH_TEXT_AS_BYTES'] === '1';
const lends = process.env['BENCH_LENT'] === '1';
const attached = process.env['BENCH_DOOR'] !== undefined;
const server = createServer({
  allowedOrigins: '*',
  maxMessageBytes: MAX_MESSAGE_BYTES,
  // A load generator publishes all it has over one connection.
  maxRequestsPerConnection: Number.MAX_SAFE_INTEGER,
  ...(isEcho(mode) ? { maxBufferedBytes: MAX_MESSAGE_BYTES } : {}),
  ...(tls !== undefined && !attached ? { tls } : {}),
  perMessageDeflate: deflate && { thresholdBytes: 0, serverContextTakeover: takeover, clientContextTakeover: takeover },
});

const members = new Rooms<ServerWebSocket<Set<ServerWebSocket>>>();
if (mode === 'echo') {
  server.webSocket('/*', {
    ...(lends && {
      lentBinary: (socket, octets) => socket.send(octets),
      lentText: (socket, utf8) => socket.sendText(utf8),
    }),
    message: (socket, message) => socket.send(message),
    ...(textAsBytes && { textBytes: (socket: ServerWebSocket, utf8: Uint8Array) => socket.sendText(utf8) }),
  });
} else if (mode === 'answer') {
  server.webSocket('/*', { message: (socket, message) => socket.send(answerText(message as string)) });
} else if (mode === 'fan-out') {
  server.webSocket<Set<ServerWebSocket>>('/*', {
    open(socket, request) {
      socket.data = members.join(request.path, socket) as Set<ServerWebSocket>;
    },
    message(socket, message) {
      const prepared = prepareMessage(message);
      for (const member of socket.data) member.send(prepared);
    },
    close(socket) {
      members.leave(socket.request.path, socket);
    },
  });
} else if (mode === 'chat') {
  // Loaded where it is measured: the other servers load nothing that they do not use.
  const { mountChat } = await import('../../lib/chat/index.ts');
  mountChat(server, { flood: false });
} else {
  const streams = new Set<EventStream>();
  server.eventStream('/events', {
    open(stream) {
      streams.add(stream);
    },
    close(stream) {
      streams.delete(stream);
    },
  });
  server.post('/publish', (request) => {
    const event = prepareEvent({ data: request.text() });
    for (const stream of streams) stream.send(event);
    return { status: 204 };
  });
  server.get('/plain', () => ({ body: 'ok' }));
}
if (attached) {
  const http =
    process.env['BENCH_DOOR'] === 'node:http2'
      ? createHttp2Server()
      : tls === undefined
        ? createHttpServer({ keepAliveTimeout: 60_000 })
        : createHttpsServer({ ...tls, keepAliveTimeout: 60_000 });
  server.attach(http, { routes: true });
  http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => announce((http.address() as AddressInfo).port));
} else {
  await server.listen({ port: 0 });
  announce(server.port);
}
