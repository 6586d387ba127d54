/**
 * Scenarios that users of ws write: the examples of its README and what is asked for most often, each a small program.
 *
 * Read next: `scenarios.ts`.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerOptions } from '../../lib/ws/types.ts';
import type { WebSocket } from '../../lib/ws/websocket.ts';
import { closed, HANDSHAKE, type Log, note, type Scenario, show, type WebSocketClass, watch } from './kit.ts';

type Server = InstanceType<WebSocketClass['WebSocketServer']>;

const ended = (server: { close(callback: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

async function serverOf(ws: WebSocketClass, options: ServerOptions = {}): Promise<{ wss: Server; url: string }> {
  const wss = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(wss, 'listening');
  return { wss, url: `ws://127.0.0.1:${(wss.address() as AddressInfo).port}` };
}

/** Heartbeats as the README has them: who does not answer a ping by the next one is dropped. */
async function heartbeat(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws);
  const alive = new WeakMap<WebSocket, boolean>();
  wss.on('connection', (socket: WebSocket) => {
    alive.set(socket, true);
    socket.on('pong', () => alive.set(socket, true));
    socket.on('close', (code) => note(log, 'server', `close ${code}`));
  });
  const deaf = connect((wss.address() as AddressInfo).port, '127.0.0.1');
  deaf.on('error', () => {});
  deaf.write(`${HANDSHAKE.join('\r\n')}\r\n\r\n`);
  const client = new ws(url);
  client.on('ping', () => note(log, 'client', 'ping'));
  await Promise.all([once(client, 'open'), once(deaf, 'data')]);
  for (let round = 0; round < 2; round++) {
    for (const socket of wss.clients as Set<WebSocket>) {
      if (alive.get(socket) === false) {
        socket.terminate();
        continue;
      }
      alive.set(socket, false);
      socket.ping();
    }
    await once(client, 'ping');
    while ([...wss.clients].filter((socket) => alive.get(socket as WebSocket)).length < 1)
      await new Promise(setImmediate);
  }
  while (wss.clients.size > 1) await new Promise(setImmediate);
  note(log, 'server', `${wss.clients.size} left`);
  client.close();
  await closed(client);
  deaf.destroy();
  await ended(wss);
  while (wss.clients.size > 0) await new Promise(setImmediate);
}

/** Two servers on one of `node:http`, by path, and a stranger that is refused before anything else. */
async function pathsOfOneServer(ws: WebSocketClass, log: Log): Promise<void> {
  const http = createServer();
  const servers = {
    '/foo': new ws.WebSocketServer({ noServer: true }),
    '/bar': new ws.WebSocketServer({ noServer: true }),
  };
  for (const [path, wss] of Object.entries(servers))
    wss.on('connection', (socket: WebSocket, request: IncomingMessage, user: unknown) => {
      note(log, 'server', `${path} has ${request.url} of ${show(user)}`);
      socket.send(path);
    });
  http.on('upgrade', (request, socket, head) => {
    const { pathname } = new URL(request.url!, 'ws://x');
    const wss = servers[pathname as '/foo'];
    if (request.headers['x-user'] === undefined) socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    else if (wss === undefined) socket.destroy();
    else
      wss.handleUpgrade(request, socket, head, (made) =>
        wss.emit('connection', made, request, request.headers['x-user']),
      );
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  for (const [path, headers] of [
    ['/foo?a', { 'X-User': 'ann' }],
    ['/bar', { 'X-User': 'bob' }],
    ['/baz', { 'X-User': 'eve' }],
    ['/foo', {}],
  ] as const) {
    const client = new ws(`${url}${path}`, { headers });
    watch(log, 'client', client);
    client.on('message', () => client.close());
    await closed(client);
  }
  await ended(http);
}

/** `verifyClient` that asks somebody, and refuses with a status, words and fields. */
async function verified(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws, {
    verifyClient: ({ req, origin, secure }, done) => {
      note(log, 'server', `asked ${req.url} ${origin} ${secure}`);
      setTimeout(() => (req.url === '/in' ? done(true) : done(false, 429, 'later', { 'Retry-After': 3 })), 5);
    },
  });
  for (const path of ['/in', '/out']) {
    const client = new ws(`${url}${path}`, { origin: 'http://here' });
    watch(log, 'client', client);
    client.on('open', () => client.close());
    client.on('unexpected-response', (_, response) => {
      note(log, 'client', `${response.statusCode} ${response.headers['retry-after']}`);
      response.resume();
      client.terminate();
    });
    await closed(client);
  }
  await ended(wss);
}

/** Streams piped through a pair: text that is encoded at the end, objects, and an error. */
async function streams(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws);
  wss.on('connection', (socket: WebSocket) => {
    const duplex = ws.createWebSocketStream(socket);
    duplex.on('error', (error) => note(log, 'server', show(error)));
    duplex.pipe(duplex);
  });
  const client = new ws(url);
  const duplex = ws.createWebSocketStream(client, { encoding: 'utf8', decodeStrings: false });
  let text = '';
  await pipeline(Readable.from(['eins ', 'zwei ', 'drei']), duplex, async (source) => {
    for await (const part of source) {
      text += part;
      if (text.length === 14) break;
    }
  });
  note(log, 'client', `${text} ${duplex.destroyed}`);
  await closed(client);
  const broken = ws.createWebSocketStream(new ws(url));
  broken.on('error', (error) => note(log, 'client', `broken ${show(error)}`));
  broken.on('close', () => note(log, 'client', `closed ${broken.destroyed}`));
  broken.write('x');
  await once(broken, 'data');
  broken.destroy(new Error('enough'));
  await new Promise((resolve) => broken.once('close', resolve));
  await ended(wss);
}

/** A class of one's own, `shouldHandle` of one's own, and the options that a server shows. */
async function ownClasses(ws: WebSocketClass, log: Log): Promise<void> {
  class Named extends ws {
    name = 'own';
  }
  const { wss, url } = await serverOf(ws, { WebSocket: Named });
  wss.shouldHandle = ({ url: path }) => path === '/mine';
  wss.on('connection', (socket: WebSocket) => {
    note(log, 'server', `${(socket as Named).name} ${socket instanceof Named} ${socket instanceof ws}`);
    socket.close();
  });
  for (const path of ['/mine', '/other']) {
    const client = new Named(`${url}${path}`);
    watch(log, 'client', client);
    await closed(client);
  }
  const shown = Object.entries(wss.options).filter(([name]) => name !== 'WebSocket' && name !== 'port');
  for (const [name, value] of shown.sort()) note(log, 'options', `${name} ${show(value)}`);
  const socket = new ws(null, undefined, {});
  const names: string[] = [];
  for (const name in socket) if (!name.startsWith('_') && name in ws.prototype) names.push(name);
  note(log, 'names', [...new Set(names)].sort().join());
  note(
    log,
    'names',
    Object.keys(ws)
      .filter((name) => !/^(PerMessageDeflate|Receiver|Sender)$/.test(name))
      .join(),
  );
  await ended(wss);
}

/** A broadcast to all but the sender, to a client that has left too, and the round trip of the README. */
async function broadcast(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws);
  wss.on('connection', (socket: WebSocket) => {
    socket.on('message', (data, isBinary) => {
      for (const each of wss.clients as Set<WebSocket>)
        if (each !== socket && each.readyState === ws.OPEN) each.send(data, { binary: isBinary });
    });
  });
  const clients = [new ws(url), new ws(url), new ws(url)];
  await Promise.all(clients.map((client) => once(client, 'open')));
  for (const [i, client] of clients.entries()) watch(log, `client ${i}`, client);
  clients[0]!.terminate();
  const heard = once(clients[2]!, 'message');
  clients[1]!.send(Buffer.from('all'));
  await heard;
  for (const client of clients) client.close(1000, 'bye');
  await Promise.all(clients.map(closed));
  await ended(wss);
}

/** A server that is closed while clients are there: it waits for them, and takes nobody else. */
async function closing(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws);
  const client = new ws(url);
  watch(log, 'client', client);
  wss.on('connection', (socket: WebSocket) => watch(log, 'server', socket));
  await once(client, 'open');
  wss.on('close', () => note(log, 'server', `closed with ${wss.clients.size}`));
  const over = ended(wss);
  const late = new ws(url);
  late.on('error', (error) => note(log, 'late', (error as NodeJS.ErrnoException).code!));
  await closed(late);
  note(log, 'server', `still ${wss.clients.size}`);
  for (const socket of wss.clients as Set<WebSocket>) socket.close(1001, 'going');
  await over;
  await closed(client);
  while (wss.clients.size > 0) await new Promise(setImmediate); // the `close` of a server's own socket may come later
}

/** Over a Unix socket, with a path. */
async function unix(ws: WebSocketClass, log: Log): Promise<void> {
  const http = createServer();
  const wss = new ws.WebSocketServer({ server: http });
  const path = join(tmpdir(), `barewire-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
  http.listen(path);
  await once(wss, 'listening');
  wss.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    note(log, 'server', `${request.url} ${request.headers.host}`);
    socket.close();
  });
  const client = new ws(`ws+unix:${path}:/rooms?x=1`);
  watch(log, 'client', client);
  await closed(client);
  await ended(wss);
  await ended(http);
}

/** What is told in which order where nobody has put on a listener yet: messages that come with the handshake wait for `open`. */
async function atOnce(ws: WebSocketClass, log: Log): Promise<void> {
  const { wss, url } = await serverOf(ws);
  wss.on('connection', (socket: WebSocket) => {
    socket.send('first');
    socket.ping('p');
    socket.close(4000, 'over');
  });
  const client = new ws(url);
  client.on('upgrade', () => note(log, 'client', 'upgrade'));
  client.on('open', () => {
    note(log, 'client', 'open');
    client.on('message', (data) => note(log, 'client', show(data)));
    client.on('ping', (data) => note(log, 'client', `ping ${show(data)}`));
  });
  client.on('close', (code, reason) => note(log, 'client', `close ${code} ${show(reason)}`));
  await closed(client);
  await ended(wss);
}

const USES: Readonly<Record<string, (ws: WebSocketClass, log: Log) => Promise<void>>> = {
  'heartbeats find who does not answer': heartbeat,
  'two servers by path, and a log-in before': pathsOfOneServer,
  'verifyClient that asks somebody': verified,
  'streams that are piped': streams,
  'classes of one’s own, options and names that are shown': ownClasses,
  'a broadcast to all but the sender': broadcast,
  'a server that is closed while clients are there': closing,
  'a Unix socket': unix,
  'what comes with the handshake': atOnce,
};

export function uses(): Scenario[] {
  return Object.entries(USES).map(([name, run]) => ({ id: `use: ${name}`, run }));
}
