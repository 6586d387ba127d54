/**
 * What a server of ours does behind somebody else's, the same whoever that is: the routes, and a client's view of each.
 *
 * Each behaviour takes what stands and fails with an assertion. Nothing here knows which framework it is.
 * Sections: the routes, connecting, WebSockets, event streams, many, beside others. Read next: `frameworks.test.ts`.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ConnectionOptions } from 'node:tls';
import {
  EventSource,
  type EventStream,
  type Server,
  type TcpOptions,
  WebSocket,
  type WebSocketOptions,
} from '../../lib/index.ts';
import type { HttpRequest } from '../../lib/net/api.ts';
import { deferred, patiently, RawClient, turns, until } from '../support/sockets.ts';
import { packageOf } from './installed.ts';

/** More than the kernel and Node keep for one connection of the loopback. */
const FLOOD_PARTS = 512;
const FLOOD_PART_BYTES = 131_072;
const CLIENTS_AT_A_TIME = 1_000;
/** Both ends of each are in this process; fewer at once keep the accept queue of the framework's server from overflowing. */
const DIALLED_AT_A_TIME = 100;

/** What the handlers have seen. */
export interface Seen {
  /** Parts that `/flood` and the flooding streams have written. */
  flooded: number;
  readonly closes: (readonly [code: number, reason: string])[];
  /** Requests of upgrades that are awaited for ever. */
  readonly waiting: HttpRequest[];
  readonly streams: EventStream[];
}

/** What is tested: a server of ours, behind something that listens on `port`. */
export interface Site {
  readonly server: Server;
  readonly seen: Seen;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
}

export function nothingSeen(): Seen {
  return { flooded: 0, closes: [], waiting: [], streams: [] };
}

// The routes

/** Adds the routes that the behaviours need. */
export function addRoutes(server: Server, seen: Seen): void {
  server
    .webSocket('/echo', {
      message: (socket, message) => void socket.send(message),
      close: (_, code, reason) => void seen.closes.push([code, reason]),
    })
    .webSocket('/compressed', { message: (socket, message) => void socket.send(message) }, { perMessageDeflate: true })
    .webSocket('/bye', { open: (socket) => socket.close(4_001, 'bye') })
    .webSocket(
      '/refused',
      () => ({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: '{"error":"token"}' }),
      { open: () => assert.fail('a refused client has been let in') },
    )
    .webSocket(
      '/undecided',
      async (request) => {
        seen.waiting.push(request);
        await once(request.signal, 'abort');
        return undefined;
      },
      { open: () => assert.fail('a client that has left has been let in') },
    )
    .webSocket('/flood', async (socket) => {
      for (seen.flooded = 0; seen.flooded < FLOOD_PARTS; seen.flooded++)
        await socket.write(new Uint8Array(FLOOD_PART_BYTES).fill(seen.flooded & 0xff));
    })
    .eventStream('/events', (stream) => void runStream(stream, seen))
    .get('/who', ({ remoteAddress, secure, host }) => ({ body: `${remoteAddress} ${secure} ${host}` }))
    .get('/hello', (request) => ({ body: `hello from ${request.remoteAddress}` }));
}

/** What an event stream does, on a route of ours as in a framework's own handler: by its query. */
export function runStream(stream: EventStream, seen: Seen): Promise<void> | undefined {
  seen.streams.push(stream);
  if (stream.request.query.has('flood')) return floodStream(stream, seen);
  if (stream.request.query.has('open')) {
    stream.send('first');
    return undefined;
  }
  const last = Number(stream.lastEventId);
  for (let id = last + 1; id <= last + 3; id++) stream.send({ id: `${id}`, data: `event ${id}` });
  stream.close();
  return undefined;
}

async function floodStream(stream: EventStream, seen: Seen): Promise<void> {
  for (seen.flooded = 0; seen.flooded < FLOOD_PARTS; seen.flooded++)
    await stream.write(`${seen.flooded}:`.padEnd(FLOOD_PART_BYTES, 'x'));
  stream.close();
}

// Connecting

/** The URL of a path. */
export function urlOf({ port, tls }: Site, scheme: 'ws' | 'http', path: string): string {
  // Certificates are for a name.
  return tls === undefined ? `${scheme}://127.0.0.1:${port}${path}` : `${scheme}s://localhost:${port}${path}`;
}

/** What a client of ours is told of the way there. */
export function dial({ tls }: Site): { readonly tls?: ConnectionOptions; readonly tcp: TcpOptions } {
  const tcp = { family: 4 } as const;
  return tls === undefined ? { tcp } : { tls, tcp };
}

/** A connection to it. */
export function rawClient({ port, tls }: Site): Promise<RawClient> {
  return RawClient.connect(port, tls === undefined ? {} : { tls });
}

/** An open WebSocket. Rejects with the error event when it is refused. */
export async function opened(site: Site, path: string, options: WebSocketOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(urlOf(site, 'ws', path), { ...dial(site), ...options });
  socket.binaryType = 'arraybuffer';
  await event(socket, 'open');
  return socket;
}

function event(target: EventTarget, name: string): Promise<Event> {
  return patiently(
    `the event ${name}`,
    new Promise((resolve, reject) => {
      target.addEventListener(name, resolve, { once: true });
      if (name !== 'error') target.addEventListener('error', reject, { once: true });
    }),
  );
}

async function closed(socket: WebSocket): Promise<readonly [code: number, reason: string]> {
  const { code, reason } = (await event(socket, 'close')) as Event & { readonly code: number; readonly reason: string };
  return [code, reason];
}

// WebSockets

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576];

/** Text and binary messages of every size come back as they were. */
export async function echoesEverySize(site: Site): Promise<void> {
  await echo(await opened(site, '/echo'));
}

/** permessage-deflate is agreed to, and every size comes back. */
export async function compresses(site: Site): Promise<void> {
  const socket = await opened(site, '/compressed', { perMessageDeflate: true });
  assert.match(socket.extensions, /^permessage-deflate/);
  await echo(socket);
}

async function echo(socket: WebSocket): Promise<void> {
  for (const size of SIZES) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
    const text = `${'ä'.repeat(size >> 1)}${'x'.repeat(size & 1)}`; // as many octets
    for (const sent of [bytes, text]) {
      const answer = event(socket, 'message');
      socket.send(sent);
      const { data } = (await answer) as MessageEvent;
      if (typeof sent === 'string') assert.ok(data === sent, `text of ${size} characters comes back`);
      else assert.ok(Buffer.from(data).equals(sent), `${size} bytes come back`);
    }
  }
  const end = closed(socket);
  socket.close(1_000);
  assert.deepEqual(await end, [1_000, '']);
}

/** Either side closes; the other one is told code and reason, and answers with the code (RFC 6455 §5.5.1). */
export async function closesBothWays(site: Site): Promise<void> {
  const socket = await opened(site, '/echo');
  site.seen.closes.length = 0;
  const end = closed(socket);
  socket.close(4_000, 'enough');
  assert.deepEqual(await end, [4_000, '']);
  await until('the server knows', () => site.seen.closes.length > 0);
  assert.deepEqual(site.seen.closes, [[4_000, 'enough']]);
  assert.deepEqual(await closed(new WebSocket(urlOf(site, 'ws', '/bye'), dial(site))), [4_001, 'bye']);
}

/** A refusal comes with its status, fields and body. */
export async function refusesWithBody(site: Site): Promise<void> {
  const client = await rawClient(site);
  client.write(
    'GET /refused HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  const { status, headers, body } = await client.response();
  assert.deepEqual([status, headers.get('www-authenticate'), body.toString()], [401, 'Bearer', '{"error":"token"}']);
  client.socket.destroy();
}

/** A client that leaves while `upgrade` awaits aborts `request.signal`. */
export async function leavingAbortsUpgrade(site: Site): Promise<void> {
  const client = await rawClient(site);
  client.upgrade('/undecided').catch(() => undefined);
  await until('upgrade is called', () => site.seen.waiting.length > 0);
  const request = site.seen.waiting.pop()!;
  assert.equal(request.signal.aborted, false);
  client.socket.destroy();
  await until('the signal aborts', () => request.signal.aborted);
}

/** `write` waits for a client that does not read, and everything arrives once it reads. */
export async function holdsBackForSlowSocket(site: Site): Promise<void> {
  const client = await rawClient(site);
  site.seen.flooded = 0;
  await client.upgrade('/flood');
  await stalls(client, site.seen);
  for (let i = 0; i < FLOOD_PARTS; i++) {
    const { payload } = await client.frame();
    assert.ok(payload.length === FLOOD_PART_BYTES && payload[0] === (i & 0xff), `part ${i}`);
  }
  assert.deepEqual(await client.closeFrame(), { code: 1_000, reason: '' });
  client.socket.destroy();
}

/** Resolves, with the client reading again, once the server has written nothing for a while. */
async function stalls(client: RawClient, seen: Seen): Promise<void> {
  client.socket.pause();
  await until('the first part is on its way', () => seen.flooded > 0); // a proxy may send the head before ours has written
  for (let before = -1; before !== seen.flooded; ) {
    before = seen.flooded;
    await turns(1_000);
  }
  assert.ok(seen.flooded < FLOOD_PARTS, `${seen.flooded} parts of ${FLOOD_PARTS} are on their way`);
  client.socket.resume();
}

// Event streams

/** A stream that ends is opened again with Last-Event-ID (HTML §9.2.3), and goes on behind the last event. */
export async function resumesStream(site: Site, path: string): Promise<void> {
  const source = new EventSource(urlOf(site, 'http', path), { ...dial(site), reconnectionTimeMs: 1 });
  const got: string[] = [];
  const reading = (async () => {
    for await (const { data } of source) if (got.push(String(data)) === 9) break;
  })();
  await patiently(() => `nine events; there are ${got.join()}`, reading);
  assert.deepEqual(
    got,
    Array.from({ length: 9 }, (_, i) => `event ${i + 1}`),
  );
  source.close();
}

/** An event that is sent arrives while the stream stays open; a client that leaves aborts `stream.signal`. */
export async function leavingAbortsStream(site: Site, path: string): Promise<void> {
  site.seen.streams.length = 0;
  const client = (await rawClient(site)).request(`GET ${path}?open`);
  const { status, headers } = await client.head();
  assert.deepEqual([status, headers.get('content-type')], [200, 'text/event-stream']);
  await client.takeThrough('data: first\n\n');
  const [stream] = site.seen.streams;
  assert.equal(stream!.signal.aborted, false);
  client.socket.destroy();
  await until('the signal aborts', () => stream!.signal.aborted);
  assert.equal(stream!.send('late'), 'dropped');
}

/** As for WebSockets. */
export async function holdsBackForSlowReader(site: Site, path: string): Promise<void> {
  const client = await rawClient(site);
  site.seen.flooded = 0;
  client.request(`GET ${path}?flood`, { 'Accept-Encoding': 'identity' });
  await client.head();
  await stalls(client, site.seen);
  const events = (await client.chunked()).toString('latin1').split('\n\n');
  assert.equal(events.length, FLOOD_PARTS + 1);
  for (let i = 0; i < FLOOD_PARTS; i++)
    assert.ok(events[i] === `data: ${`${i}:`.padEnd(FLOOD_PART_BYTES, 'x')}`, `event ${i}`);
  client.socket.destroy();
}

// Many

/** A thousand clients are connected at a time, and each gets its own answer. */
export async function servesThousand(site: Site): Promise<void> {
  const sockets: WebSocket[] = [];
  while (sockets.length < CLIENTS_AT_A_TIME)
    sockets.push(...(await Promise.all(Array.from({ length: DIALLED_AT_A_TIME }, () => opened(site, '/echo')))));
  assert.equal(site.server.connections.webSockets, CLIENTS_AT_A_TIME);
  const answers = sockets.map(async (socket, i) => {
    const answer = event(socket, 'message');
    socket.send(`number ${i}`);
    assert.equal(((await answer) as MessageEvent).data, `number ${i}`);
  });
  await Promise.all(answers);
  const ends = sockets.map((socket) => closed(socket));
  for (const socket of sockets) socket.close(1_000);
  for (const [code] of await Promise.all(ends)) assert.equal(code, 1_000);
  await until('all have gone', () => site.server.connections.webSockets === 0);
}

// Beside others

interface Ws {
  readonly default: new (
    url: string,
    options: object,
  ) => {
    once(event: string, listener: (data: Buffer) => void): void;
    send(text: string): void;
    close(): void;
  };
}

/** A WebSocket of ws on its own path is echoed by ws. */
export async function wsAnswers(site: Site): Promise<void> {
  const { default: Client } = await packageOf<Ws>('ws');
  const client = new Client(urlOf(site, 'ws', '/ws'), { ...site.tls, family: 4 });
  const answer = deferred<Buffer>();
  client.once('error', (error) => answer.reject(error as never));
  client.once('open', () => client.send('hello'));
  client.once('message', answer.resolve);
  assert.equal((await patiently('the answer of ws', answer.promise)).toString(), 'ws: hello');
  client.close();
}

interface SocketIoClient {
  io(
    url: string,
    options: object,
  ): {
    emitWithAck(event: string, text: string): Promise<string>;
    readonly io: { readonly engine: { readonly transport: { readonly name: string } } };
    disconnect(): void;
  };
}

/** A client of Socket.IO gets its acknowledgement, by polling and by its WebSocket. */
export async function socketIoAnswers(site: Site): Promise<void> {
  const { io } = await packageOf<SocketIoClient>('socket.io-client');
  for (const transport of ['polling', 'websocket']) {
    const options = { transports: [transport], forceNew: true, reconnection: false, ...site.tls };
    const client = io(urlOf(site, 'http', ''), options);
    const answer = await patiently(`Socket.IO by ${transport}`, client.emitWithAck('ask', transport));
    assert.equal(answer, `socket.io: ${transport}`);
    assert.equal(client.io.engine.transport.name, transport);
    client.disconnect();
  }
}

/** Requests: ours by our routes, theirs by the framework. */
export async function requestsFindTheirOwner(site: Site): Promise<void> {
  const client = await rawClient(site);
  assert.equal((await client.request('GET /hello').response()).body.toString(), 'hello from 127.0.0.1');
  assert.equal((await client.request('GET /theirs').response()).body.toString(), 'theirs');
  assert.equal((await client.request('GET /nobodys').response()).status, 404);
  client.socket.destroy();
}

// The end

/** `close` ends what is open with 1001 (RFC 6455 §7.4.1) and resolves; the framework goes on serving its own. */
export async function closesOurs(site: Site): Promise<void> {
  const socket = await opened(site, '/echo');
  const stream = (await rawClient(site)).request('GET /events?open');
  await stream.head();
  assert.equal(String(await stream.chunk()), 'data: first\n\n');
  const end = closed(socket);
  await patiently('our server to close', site.server.close());
  assert.equal((await end)[0], 1_001);
  await stream.chunked(); // to its last chunk: an end, not a failure
  stream.socket.destroy();
  const client = await rawClient(site);
  assert.equal((await client.request('GET /theirs').response()).body.toString(), 'theirs');
  client.socket.destroy();
}
