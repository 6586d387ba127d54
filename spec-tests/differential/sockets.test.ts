import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { describe, it } from 'node:test';
import { EventSource } from '../../lib/client/event-source.ts';
import type { CloseEvent } from '../../lib/client/events.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { createServer } from '../../lib/server.ts';
import { loadPeer, withoutPeer } from '../support/peers.ts';
import { patiently, until, withServer } from '../support/sockets.ts';

/** What the WHATWG interface has, whoever implements it. */
interface Standard extends EventTarget {
  binaryType: string;
  readonly readyState: number;
  readonly protocol: string;
  send(data: unknown): void;
  close(code?: number, reason?: string): void;
}
type StandardConstructor = new (url: string, protocols?: string[]) => Standard;

interface WsServer {
  on(event: 'connection', listener: (socket: WsSocket, request: { headers: Record<string, string> }) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): { port: number };
  close(callback: () => void): void;
}
interface WsSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: 'pong', listener: (data: Buffer) => void): void;
  on(event: 'close', listener: (code: number, reason: Buffer) => void): void;
  send(data: Buffer | string, options?: { binary?: boolean; fin?: boolean }): void;
  ping(data: string): void;
  close(code?: number, reason?: string): void;
}

function peer<T>(name: string): T | undefined {
  return withoutPeer(name) === false ? loadPeer<T>(name) : undefined;
}

const ws = peer<{ WebSocketServer: new (options: object) => WsServer; WebSocket: StandardConstructor }>('ws');
const undici = peer<{ WebSocket: StandardConstructor; EventSource: typeof EventSource }>('undici');

function next<E extends Event>(target: EventTarget, type: string): Promise<E> {
  return patiently(
    type,
    new Promise((resolve) => target.addEventListener(type, resolve as (event: Event) => void, { once: true })),
  );
}

/** The lengths around every boundary of RFC 6455 §5.2, and beyond what one read brings. */
const LENGTHS = [0, 1, 124, 125, 126, 127, 128, 4_095, 65_534, 65_535, 65_536, 65_537, 300_000, 1_048_576];

/** Sends messages through an echo and closes; answers what came back. */
async function converse(Client: StandardConstructor, url: string): Promise<unknown> {
  const socket = new Client(url, ['a', 'b']);
  socket.binaryType = 'arraybuffer';
  await next(socket, 'open');
  const texts = LENGTHS.map((length) =>
    length < 2 ? 'x'.repeat(length) : `${'é€x'.repeat(length).slice(0, length - 2)}😀`,
  );
  const back: (string | number)[] = [socket.protocol];
  for (const [i, length] of LENGTHS.entries()) {
    const bytes = new Uint8Array(length).map((_, at) => at * 31 + i);
    socket.send(bytes);
    const { data } = await next<MessageEvent>(socket, 'message');
    assert.ok(Buffer.from(data as ArrayBuffer).equals(Buffer.from(bytes)), `${length} octets`);
    back.push((data as ArrayBuffer).byteLength);
    const text = texts[i]!;
    socket.send(text);
    assert.equal((await next<MessageEvent>(socket, 'message')).data, text);
  }
  const order: string[] = [];
  const all = new Promise<void>((resolve) => {
    socket.addEventListener('message', (event) => {
      order.push((event as MessageEvent).data as string);
      if (order.length === 500) resolve();
    });
  });
  for (let i = 0; i < 500; i++) socket.send(String(i));
  await patiently('all messages', all);
  assert.deepEqual(
    order,
    Array.from({ length: 500 }, (_, i) => String(i)),
  );
  socket.close(3999, 'großartig');
  const { code, reason, wasClean } = await next<CloseEvent>(socket, 'close');
  return { back, code, reason, wasClean };
}

const expected = (reason: string) => ({ back: ['b', ...LENGTHS], code: 3999, reason, wasClean: true });

describe('other clients against our server', () => {
  for (const [name, module] of [
    ['ws', ws],
    ['undici', undici],
  ] as const) {
    it(`${name}’s WebSocket`, { skip: withoutPeer(name) }, async () => {
      const closes: [number, string][] = [];
      await withServer(
        { maxMessageBytes: 4_000_000 },
        (server) =>
          server.webSocket(
            '/',
            {
              message: (socket, data) => void socket.send(data),
              close: (_, code, reason) => void closes.push([code, reason]),
            },
            { protocols: ['b'] },
          ),
        async (server) => {
          assert.deepEqual(await converse(module!.WebSocket, `ws://127.0.0.1:${server.port}/`), expected(''));
          await until('our side has closed', () => closes.length === 1);
          assert.deepEqual(closes, [[3999, 'großartig']]);
        },
      );
    });

    it(`${name}: every close code that may be sent arrives`, {
      skip: withoutPeer(name),
    }, async () => {
      await withServer(
        {},
        (server) =>
          server.webSocket('/', {
            open: (socket, request) => socket.close(Number(request.query.get('code')), 'why'),
          }),
        async (server) => {
          for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
            const socket = new module!.WebSocket(`ws://127.0.0.1:${server.port}/?code=${code}`);
            const closed = await next<CloseEvent>(socket, 'close');
            assert.deepEqual([closed.code, closed.reason, closed.wasClean], [code, 'why', true]);
          }
        },
      );
    });
  }

  it('undici’s EventSource', { skip: withoutPeer('undici') }, async () => {
    const ids: string[] = [];
    await withServer(
      {},
      (server) =>
        server.eventStream('/', (stream) => {
          ids.push(stream.lastEventId);
          stream.send({ retry: 1 });
          stream.send({ event: 'tick', id: `${ids.length}`, data: 'a\r\nb\rc\n' });
          stream.comment('x');
          stream.close();
        }),
      async (server) => {
        const source = new undici!.EventSource(`${server.url}/`);
        for (let i = 1; i <= 3; i++) {
          const event = await next<MessageEvent>(source, 'tick');
          assert.deepEqual([event.data, event.lastEventId], ['a\nb\nc\n', `${i}`]);
        }
        source.close();
        assert.deepEqual(ids.slice(0, 3), ['', '1', '2']);
      },
    );
  });
});

describe('our clients against other servers', () => {
  it('our WebSocket against ws', { skip: withoutPeer('ws') }, async () => {
    const closes: [number, string][] = [];
    const pongs: string[] = [];
    const server = new ws!.WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: (offered: Set<string>) => (offered.has('b') ? 'b' : false),
    });
    server.on('connection', (socket) => {
      socket.on('pong', (data) => pongs.push(data.toString()));
      socket.on('message', (data, binary) => {
        socket.ping(`${data.length % 1000}`);
        // In two fragments, with the ping in front of them.
        const half = data.length >> 1;
        socket.send(data.subarray(0, half), { binary, fin: false });
        socket.send(data.subarray(half), { binary, fin: true });
      });
      socket.on('close', (code, reason) => closes.push([code, reason.toString()]));
    });
    await new Promise<void>((resolve) => server.on('listening', resolve));
    try {
      const url = `ws://127.0.0.1:${server.address().port}/`;
      // ws echoes the reason with the code; our server echoes the code alone. Both may (RFC 6455 §5.5.1).
      assert.deepEqual(await converse(WebSocket as unknown as StandardConstructor, url), expected('großartig'));
      await until('its side has closed', () => closes.length === 1);
      assert.deepEqual(closes, [[3999, 'großartig']]);
      assert.equal(pongs.length, 2 * LENGTHS.length + 500);
    } finally {
      await new Promise<void>((resolve) => server.close(resolve));
    }
  });

  it('our EventSource against an event stream of node:http, in pieces of one octet', async () => {
    const lastEventIds: unknown[] = [];
    const stream =
      '\ufeffretry: 1\n\n: comment\r\nevent: tick\rid: é1\ndata: one\ndata:two\r\n\r\ndata: 😀\n\nid: 2\n\n';
    const server = createHttpServer((request, response) => {
      lastEventIds.push(request.headers['last-event-id']);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      for (const octet of Buffer.from(stream)) response.write(Uint8Array.of(octet));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const source = new EventSource(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
    try {
      for (let i = 0; i < 3; i++) {
        const tick = await next<MessageEvent>(source, 'tick');
        assert.deepEqual([tick.data, tick.lastEventId], ['one\ntwo', 'é1']);
        const message = await next<MessageEvent>(source, 'message');
        assert.deepEqual([message.data, message.lastEventId], ['😀', 'é1']);
      }
      assert.deepEqual(lastEventIds.slice(0, 3), [undefined, '2', '2']);
    } finally {
      source.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('our own server and client agree with both', async () => {
    const server = createServer({ maxMessageBytes: 4_000_000 }).webSocket(
      '/',
      { message: (socket, data) => void socket.send(data) },
      { protocols: ['b'] },
    );
    await server.listen();
    const url = server.url.replace('http', 'ws');
    assert.deepEqual(await converse(WebSocket as unknown as StandardConstructor, url), expected(''));
    await server.close();
  });
});
