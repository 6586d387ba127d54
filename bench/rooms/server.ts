/**
 * One server of the rooms' benchmark, in a process of its own: barewire's rooms, Socket.IO, uWebSockets.js, or bare `net`.
 *
 * All do the same: `GET /rooms/NAME,NAME` with `Upgrade` joins those rooms, `POST /publish/ROOM` sends its body to everyone in
 * the room, `POST /tick` sends one message in each of `TOPICS` rooms. (`POST /record/ROOM` of barewire answers the position.) Each uses its library's own way to send to a room.
 * In: the task as JSON in the first argument. Out: messages over IPC: `{ port }`, then `{ cpuUs }` whenever it is asked.
 * Read next: `crowd.ts`, the other side.
 */

import { createServer as createHttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import { createServer, type PreparedMessage, prepareMessage } from '../../lib/index.ts';
import { fromIoredis, type IoredisClient, openRedisLog } from '../../lib/room-logs/redis-index.ts';
import { Hub, type HubOptions, type Member } from '../../lib/rooms/index.ts';
import { bareRedis } from './bare-redis.ts';

export type PeerId = 'barewire' | 'socket.io' | 'uws' | 'net';

/** Rooms of the ticker. */
export const TOPICS = 500;

export interface ServerTask {
  readonly peer: PeerId;
  /** For barewire: settings of the hub. */
  readonly hub?: Partial<Pick<HubOptions<unknown>, 'gatherMs' | 'policy' | 'maxHistoryRecords' | 'maxHistoryBytes'>>;
  /** Give members names, so that joins and leaves are told. */
  readonly presence?: boolean;
  /** A Redis that several of these servers share. */
  readonly redisPort?: number;
  /** For `net`: what everyone is sent behind the handshake: so many frames of so many octets of text. */
  readonly frames?: { readonly count: number; readonly bytes: number };
}

/** The head of what `Publisher` sends, with the length of the body. */
const POST = /^POST .*?\r\nContent-Length: (\d+)\r\n\r\n/s;

const require = createRequire(new URL('../../../bench/package.json', import.meta.url));

async function redisClient(port: number): Promise<IoredisClient> {
  const { Redis } = require('ioredis') as { Redis: new (port: number, host: string) => IoredisClient };
  return new Redis(port, '127.0.0.1');
}

function topics(value: string): [room: string, text: string][] {
  return Array.from({ length: TOPICS }, (_, i) => [`t${i}`, `${value}${String(i).padStart(4, '0')}`]);
}

async function barewire({ hub: settings, redisPort, presence }: ServerTask): Promise<number> {
  const log = redisPort === undefined ? undefined : await openRedisLog(fromIoredis(await redisClient(redisPort)));
  const hub = new Hub<PreparedMessage>({
    // Only messages are told, so that every peer sends the same octets; of changes of presence where they are measured.
    prepare: (item) =>
      item.type === 'record'
        ? prepareMessage(String(item.data))
        : presence === true && (item.type === 'presence' || item.type === 'welcome')
          ? prepareMessage(JSON.stringify(item))
          : undefined,
    ...(log === undefined ? {} : { log }),
    ...settings,
  });
  const server = createServer({ allowedOrigins: '*', maxRequestsPerConnection: Number.MAX_SAFE_INTEGER });
  let names = 0;
  server.webSocket<Member<PreparedMessage>>('/rooms/:rooms', {
    open(socket, request) {
      const member = hub.member(socket);
      socket.data = member;
      const after = request.query.get('after');
      for (const room of (request.params['rooms'] ?? '').split(','))
        member.join(room, { after, ...(presence === true ? { as: `member ${names++}` } : {}) });
    },
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.close(),
  });
  // As the others: answered at once, whenever it is delivered. One connection's next request would wait for it otherwise.
  server.post('/publish/:room', (request) => {
    void hub.publish(request.params['room'] ?? '', request.text());
    return { body: '-' };
  });
  server.post('/record/:room', async (request) => {
    const { epoch, sequence, token } = (await hub.publish(request.params['room'] ?? '', request.text())).position;
    return { body: `${epoch}-${sequence}-${token}` };
  });
  server.post('/tick', async (request) => {
    for (const [room, text] of topics(request.text())) void hub.publish(room, text, { coalesce: 'value' });
    return { body: '' };
  });
  await server.listen({ host: '127.0.0.1' });
  return server.port;
}

interface SocketIo {
  on(event: 'connection', listener: (socket: SocketIoSocket) => void): void;
  to(room: string): { emit(event: string, text: string): void };
}
interface SocketIoSocket {
  readonly handshake: { readonly query: Readonly<Record<string, string>> };
  join(room: string): void;
}

async function socketIo({ redisPort }: ServerTask): Promise<number> {
  const { Server } = require('socket.io') as { Server: new (http: unknown, options: object) => SocketIo };
  const http = createHttpServer();
  const options = { transports: ['websocket'], serveClient: false, pingInterval: 300_000 };
  let adapter = {};
  if (redisPort !== undefined) {
    const { createAdapter } = require('@socket.io/redis-streams-adapter') as {
      createAdapter(client: unknown): unknown;
    };
    adapter = { adapter: createAdapter(await redisClient(redisPort)) };
  }
  const io = new Server(http, { ...options, ...adapter });
  io.on('connection', (socket) => {
    for (const room of (socket.handshake.query['rooms'] ?? '').split(',')) socket.join(room);
  });
  http.on('request', (request, response) => {
    const { url = '' } = request;
    if (request.method !== 'POST') return;
    let text = '';
    request.setEncoding('latin1');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      if (url === '/tick') for (const [room, each] of topics(text)) io.to(room).emit('m', each);
      else io.to(url.slice('/publish/'.length)).emit('m', text);
      response.end('-');
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

interface UwsSocket {
  subscribe(room: string): boolean;
  getUserData(): { readonly rooms: string };
}
interface UwsResponse {
  upgrade(data: object, key: string, protocol: string, extensions: string, context: unknown): void;
  onData(callback: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  onAborted(callback: () => void): void;
  end(body: string): void;
}
interface UwsRequest {
  getUrl(): string;
  getHeader(name: string): string;
}
interface UwsApp {
  ws(pattern: string, behavior: object): UwsApp;
  post(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): UwsApp;
  publish(room: string, data: string): boolean;
  listen(host: string, port: number, done: (listening: unknown) => void): UwsApp;
}

function uws(): Promise<number> {
  const library = require('@trufflesuite/uws-js-unofficial') as {
    App(): UwsApp;
    us_socket_local_port(listening: unknown): number;
  };
  const app = library.App();
  app.ws('/rooms/*', {
    idleTimeout: 0,
    upgrade(response: UwsResponse, request: UwsRequest, context: unknown) {
      const header = (name: string): string => request.getHeader(`sec-websocket-${name}`);
      const rooms = request.getUrl().slice('/rooms/'.length);
      response.upgrade({ rooms }, header('key'), header('protocol'), header('extensions'), context);
    },
    open(socket: UwsSocket) {
      for (const room of socket.getUserData().rooms.split(',')) socket.subscribe(room);
    },
  });
  app.post('/*', (response, request) => {
    const url = request.getUrl();
    let text = '';
    response.onAborted(() => undefined);
    response.onData((chunk, isLast) => {
      text += Buffer.from(chunk).toString('latin1');
      if (!isLast) return;
      if (url === '/tick') for (const [room, each] of topics(text)) app.publish(room, each);
      else app.publish(url.slice('/publish/'.length), text);
      response.end('-');
    });
  });
  return new Promise((resolve) => {
    app.listen('127.0.0.1', 0, (listening) => resolve(library.us_socket_local_port(listening)));
  });
}

/** One frame of a text of less than 64 KiB. */
function frameOf(text: string): Buffer {
  const size = text.length < 126 ? [0x81, text.length] : [0x81, 126, text.length >> 8, text.length & 0xff];
  return Buffer.concat([Buffer.from(size), Buffer.from(text)]);
}

/**
 * The least that a server could do. A GET is answered with a handshake, and behind it all frames at once; what a POST brings is
 * written to everyone, whatever the room. With Redis: `bare-redis.ts`.
 */
async function net({ frames = { count: 0, bytes: 0 }, redisPort }: ServerTask): Promise<number> {
  if (redisPort !== undefined) return bareRedis(await redisClient(redisPort));
  const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
  const all = Array.from({ length: frames.count }, (_, i) =>
    frameOf(String(i).padStart(8, '0').padEnd(frames.bytes, 'x')),
  );
  const bytes = Buffer.concat([Buffer.from(head), ...all]);
  const members: Socket[] = [];
  const server = createNetServer({ noDelay: true }, (socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.startsWith('GET ')) {
        members.push(socket);
        socket.write(bytes);
        text = '';
      }
      for (let post = POST.exec(text); post !== null; post = POST.exec(text)) {
        const end = post[0].length + Number(post[1]);
        if (text.length < end) break;
        const frame = frameOf(text.slice(post[0].length, end));
        for (const member of members) member.write(frame);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n-');
        text = text.slice(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const START: Readonly<Record<PeerId, (task: ServerTask) => Promise<number>>> = {
  barewire,
  'socket.io': socketIo,
  uws,
  net,
};

if (process.send !== undefined && process.argv[2] !== undefined) {
  const task = JSON.parse(process.argv[2]) as ServerTask;
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ port: await START[task.peer](task) });
}
