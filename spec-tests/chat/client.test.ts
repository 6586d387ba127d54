import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { ChatClient, type ChatClientOptions } from '../../lib/chat/client.ts';
import { Heartbeats } from '../../lib/chat/heartbeats.ts';
import type { ServerEvent } from '../../lib/chat/protocol.ts';
import { mountChat } from '../../lib/chat/server.ts';
import { EventSource } from '../../lib/client/event-source.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { PreparedEvent } from '../../lib/event-stream/prepared-event.ts';
import { FakeClock } from '../support/clock.ts';
import { until, withServer } from '../support/sockets.ts';

const welcome = (more: object = {}): string =>
  `event: welcome\ndata: ${JSON.stringify({
    ...{ type: 'welcome', room: 'r', you: 'ann', epoch: 'e', sequence: 0, members: [], memberCount: 1 },
    ...{ replayed: 0, gap: false, ...more },
  })}\n\n`;

/** A chat server of Node's that answers as the test says. */
async function withChat(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  body: (origin: string) => Promise<void>,
): Promise<void> {
  const server = createHttpServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => answer(request, response, text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function join(origin: string, options: Partial<ChatClientOptions> = {}) {
  const events: ServerEvent[] = [];
  const states: string[] = [];
  const client = new ChatClient({
    origin,
    room: 'r',
    transport: 'sse',
    minRetryMs: 4,
    random: () => 0.5,
    WebSocket: WebSocket as never,
    EventSource: EventSource as never,
    ...options,
    onEvent: (event) => events.push(event),
    onState: (state) =>
      states.push(
        state.state === 'closed'
          ? `closed: ${state.reason}`
          : state.state === 'waiting'
            ? `waiting ${state.retryInMs}`
            : state.state,
      ),
  });
  return { client, events, states };
}

const openStream = (response: ServerResponse, more: object = {}): void =>
  void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(welcome(more));

describe('the chat client over an event stream', { timeout: 30_000 }, () => {
  it('says again, in order, what a POST that was reset or answered 5xx did not bring, while the stream lives', async () => {
    const taken: string[] = [];
    let posts = 0;
    await withChat(
      (request, response, body) => {
        if (request.method !== 'POST') {
          openStream(response);
          return;
        }
        posts++;
        if (posts === 1) request.socket.resetAndDestroy();
        else if (posts === 2) response.writeHead(503).end();
        else {
          const { id, text } = JSON.parse(body) as { id: string; text: string };
          taken.push(text);
          response.end(JSON.stringify({ type: 'message', sequence: taken.length, id, text, from: 'ann', time: '' }));
        }
      },
      async (origin) => {
        const { client, events, states } = join(origin);
        await until('it is open', () => states.at(-1) === 'open');
        for (const text of ['a', 'b', 'c']) client.send(text);
        await until('all is said', () => client.unacknowledged === 0);
        assert.deepEqual(taken, ['a', 'b', 'c']);
        assert.equal(posts, 5);
        assert.equal(events.filter(({ type }) => type === 'ack').length, 3);
        assert.deepEqual(states, ['connecting', 'open']);
        client.close();
      },
    );
  });

  it('a message that is refused is told with its reason, and the next one is said', async () => {
    await withChat(
      (request, response, body) => {
        if (request.method !== 'POST') openStream(response);
        else if (body.includes('bad')) response.writeHead(400).end('{"type":"error","code":"BAD_TEXT","message":"no"}');
        else response.writeHead(201).end(JSON.stringify({ type: 'message', sequence: 1, ...JSON.parse(body) }));
      },
      async (origin) => {
        const { client, events } = join(origin);
        const bad = client.send('bad');
        client.send('good');
        await until('both are answered', () => client.unacknowledged === 0);
        assert.deepEqual(
          events.map(({ type }) => type),
          ['welcome', 'error', 'ack'],
        );
        assert.deepEqual(events[1], { type: 'error', code: 'BAD_TEXT', message: 'no', id: bad });
        client.close();
      },
    );
  });

  it('notices that a heartbeat does not come in the time that the one before has named, and comes back', async () => {
    let streams = 0;
    await withChat(
      (_, response) => {
        streams++;
        openStream(response);
        response.write('event: heartbeat\ndata: 20\n\n');
        if (streams === 1)
          for (let i = 1; i < 4; i++) setTimeout(() => response.write('event: heartbeat\ndata: 20\n\n'), i * 20);
      },
      async (origin) => {
        const { client, states } = join(origin, { pongTimeoutMs: 20 });
        await until('it has come back', () => streams === 2);
        assert.deepEqual(states.slice(0, 4), ['connecting', 'open', 'waiting 2', 'connecting']);
        client.close();
      },
    );
  });

  it('makes its reconnections itself: with jitter, at once when asked, and one EventSource at a time', async () => {
    let streams = 0;
    await withChat(
      (request, response) => {
        if (request.url?.includes('/events')) {
          streams++;
          openStream(response);
          if (streams === 1) setImmediate(() => response.destroy());
        } else response.end('{}');
      },
      async (origin) => {
        const { client, states } = join(origin, { minRetryMs: 1_000_000, maxRetryMs: 1_000_000, random: () => 0.25 });
        await until('it waits', () => states.at(-1) === 'waiting 250000');
        client.reconnectNow();
        await until('it is open again', () => states.at(-1) === 'open');
        assert.equal(streams, 2);
        client.close();
      },
    );
  });

  it('a refusal is final, with its reason, over both transports; a server that is only busy is asked again', async () => {
    for (const transport of ['sse', 'websocket'] as const) {
      let asked = 0;
      await withChat(
        (_, response) => {
          asked++;
          response.writeHead(asked < 4 ? 503 : 400).end('{"type":"error","code":"BAD_ROOM","message":"no such room"}');
        },
        async (origin) => {
          const { client, states } = join(origin, { transport });
          await until('it gives up', () => states.at(-1)?.startsWith('closed') ?? false);
          assert.equal(states.at(-1), 'closed: no such room', transport);
          assert.ok(asked >= 4);
          client.close();
        },
      );
    }
  });
});

describe('heartbeats of the chat', () => {
  it('each stream gets one at once and one in every interval; the timer runs while there are streams', () => {
    const clock = new FakeClock();
    const heartbeats = new Heartbeats(clock);
    const got: string[] = [];
    const stream = (name: string) => ({
      send: (event: unknown) => {
        assert.ok(event instanceof PreparedEvent);
        got.push(name);
        return 'sent' as const;
      },
    });
    const [a, b] = [stream('a'), stream('b')];
    assert.equal(clock.timers, 0);
    heartbeats.add(a);
    heartbeats.add(b);
    assert.deepEqual(got.splice(0), ['a', 'b']);
    clock.advance(30_000);
    assert.deepEqual(got.splice(0), ['a', 'b']);
    heartbeats.delete(a);
    heartbeats.delete(a);
    clock.advance(30_000);
    assert.deepEqual(got.splice(0), ['b']);
    heartbeats.delete(b);
    assert.equal(clock.timers, 0);
  });

  it('a stream of the chat begins with its interval', async () => {
    await withServer(
      {},
      (server) => void mountChat(server),
      async (server) => {
        const source = new EventSource(`${server.url}/rooms/r/events`);
        const types: string[] = [];
        for await (const { type, data } of source) {
          types.push(type);
          if (type !== 'heartbeat') continue;
          assert.equal(data, '30000');
          break;
        }
        assert.deepEqual(types, ['welcome', 'heartbeat']);
      },
    );
  });
});
