/** A WebSocket and an event stream are connections that a member can be made of as they are. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import {
  createServer,
  EventSource,
  type PreparedEvent,
  type PreparedMessage,
  prepareEvent,
  prepareMessage,
  WebSocket,
} from '../../lib/index.ts';
import { formatPosition, Hub, type Member, MemoryLog } from '../../lib/rooms/index.ts';

it('a WebSocket and an event stream hear one room of two hubs on one log, and are closed when it ends', async (t) => {
  const log = new MemoryLog();
  const frames = new Hub<PreparedMessage>({
    log,
    prepare: (item) => (item.type === 'record' ? prepareMessage(item.data) : undefined),
  });
  const events = new Hub<PreparedEvent>({
    log,
    prepare: (item) => (item.type === 'record' ? prepareEvent({ data: String(item.data) }) : undefined),
  });
  const server = createServer();
  server.webSocket<Member<PreparedMessage>>('/socket', {
    open(socket) {
      socket.data = frames.member(socket);
      socket.data.join('tea');
    },
    close: (socket) => socket.data.close(),
  });
  server.eventStream<Member<PreparedEvent>>('/events', {
    open(stream) {
      stream.data = events.member(stream);
      stream.data.join('tea');
    },
    close: (stream) => stream.data.close(),
  });
  await server.listen({ port: 0 });
  t.after(() => server.close());

  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`);
  const source = new EventSource(`http://127.0.0.1:${server.port}/events`);
  t.after(() => source.close());
  await Promise.all([once(socket, 'open'), once(source, 'open')]);
  const heard = Promise.all([once(socket, 'message'), once(source, 'message')]);
  const { position } = await frames.publish('tea', 'hello');
  assert.deepEqual(
    (await heard).map(([event]) => (event as { data: unknown }).data),
    ['hello', 'hello'],
  );

  const ended = Promise.all([once(socket, 'close'), once(source, 'error')]);
  await Promise.all([frames.close(), events.close()]);
  const [[close]] = (await ended) as [[{ code: number; reason: string }], unknown];
  assert.deepEqual([close.code, close.reason], [1013, `closed; after=${formatPosition(position)}`]);
});
