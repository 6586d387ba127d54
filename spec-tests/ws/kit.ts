/**
 * What scenarios are made of: logs of what happens, pairs of sockets, frames and requests by hand.
 *
 * A scenario is given one of the two libraries and a log by side, since what two peers do is not ordered between them.
 * Sections: logs, running a pair, bytes by hand. Read next: `scenarios.ts`.
 */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { acceptKey } from '../../lib/websocket/handshake.ts';
import type { ClientOptions, ServerOptions } from '../../lib/ws/types.ts';
import type { WebSocket } from '../../lib/ws/websocket.ts';

export type WebSocketClass = typeof WebSocket;
export type Log = Record<string, string[]>;

export interface Scenario {
  readonly id: string;
  run(ws: WebSocketClass, log: Log): Promise<void>;
}

/** What an argument is, in few words: kinds, octets, errors by class, code and words without our clauses. */
export function show(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as { code?: unknown };
    const words = /^WS_ERR|^Z_/.test(String(code)) ? '' : value.message.replace(/ \(RFC.*\)$/, '').slice(0, 80);
    return `${value.constructor.name}[${String(code ?? '')}] ${words}`;
  }
  if (Buffer.isBuffer(value)) return `Buffer ${octets(value)}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${octets(Buffer.from(value))}`;
  if (value instanceof Blob) return `Blob ${value.size}`;
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  return typeof value === 'object' && value !== null ? value.constructor.name : (JSON.stringify(value) ?? 'undefined');
}

function octets(bytes: Buffer): string {
  return bytes.length > 24 ? `${bytes.length} octets, ${bytes.subarray(0, 8).toString('hex')}` : bytes.toString('hex');
}

export function note(log: Log, side: string, text: string): void {
  log[side] ??= [];
  log[side].push(text);
}

/** Notes what a call does: its value, or what it throws. */
export function attempt(log: Log, side: string, name: string, call: () => unknown): void {
  try {
    note(log, side, `${name} -> ${show(call())}`);
  } catch (error) {
    note(log, side, `${name} throws ${show(error)}`);
  }
}

const EVENTS = ['open', 'message', 'ping', 'pong', 'error', 'close'] as const;

/** Notes every event of a socket with its arguments and the state in it. */
export function watch(log: Log, side: string, socket: WebSocket): void {
  for (const event of EVENTS)
    (socket as NodeJS.EventEmitter).on(event, (...args: unknown[]) =>
      note(log, side, `${event}(${args.map(show).join(', ')}) in ${socket.readyState}`),
    );
}

export interface Pair {
  readonly client: WebSocket;
  readonly server: WebSocket;
  readonly wss: InstanceType<WebSocketClass['WebSocketServer']>;
}

export interface PairOptions {
  readonly server?: ServerOptions;
  readonly client?: ClientOptions;
  readonly protocols?: string[];
}

export const closed = (socket: WebSocket): Promise<unknown> =>
  socket.readyState === 3 ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve));

/** Opens a pair, lets `act` use it, and ends when both are closed and the server is. */
export async function withPair(
  ws: WebSocketClass,
  log: Log,
  options: PairOptions,
  act: (pair: Pair) => unknown,
): Promise<void> {
  const wss = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', ...options.server });
  await once(wss, 'listening');
  const { port } = wss.address() as AddressInfo;
  const client = new ws(`ws://127.0.0.1:${port}/`, options.protocols ?? [], options.client);
  const joined = new Promise<WebSocket>((resolve) => {
    wss.on('connection', (socket: WebSocket) => {
      watch(log, 'server', socket);
      resolve(socket);
    });
  });
  watch(log, 'client', client);
  const [server] = await Promise.all([joined, once(client, 'open')]);
  await act({ client, server, wss });
  await Promise.all([closed(client), closed(server)]);
  note(log, 'client', `end ${client.readyState} ${client.bufferedAmount}`);
  note(log, 'server', `end ${server.readyState} ${wss.clients.size}`);
  await new Promise<void>((resolve) => wss.close(() => resolve()));
}

/** As many messages as were asked for, then closes. */
export function closeAfter(receiver: WebSocket, count: number): void {
  let left = count;
  receiver.on('message', () => {
    left--;
    if (left === 0) receiver.close(1000);
  });
}

/** Frames by hand. Masked with zeros, which is a masking key like another. */
export function frame(first: number, payload: Buffer, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0;
  const size =
    payload.length < 126
      ? Buffer.from([mask | payload.length])
      : Buffer.from([mask | 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([Buffer.from([first]), size, Buffer.alloc(masked ? 4 : 0), payload]);
}

export const HANDSHAKE: readonly string[] = [
  'GET / HTTP/1.1',
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];

/** Sends bytes and notes what comes back, as text where it is a head. */
export async function raw(
  port: number,
  bytes: Buffer | string,
  log: Log,
  then?: (socket: Socket) => void,
): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk) => {
    received.push(chunk);
    if (received.length === 1) then?.(socket);
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.write(bytes);
  await once(socket, 'close');
  const all = Buffer.concat(received);
  const end = all.indexOf('\r\n\r\n') + 4;
  for (const line of all.toString('latin1', 0, end).trim().split('\r\n')) note(log, 'wire', line);
  const rest = all.subarray(end);
  // A close frame's words are our own; its code is not.
  note(log, 'wire', /^HTTP\/1.1 101/.test(all.toString('latin1')) ? frames(rest) : rest.toString());
}

function frames(bytes: Buffer): string {
  const found: string[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = bytes[at + 1]! & 127;
    const payload = bytes.subarray(at + 2, at + 2 + length);
    const isClose = (bytes[at]! & 15) === 8;
    found.push(
      `${bytes[at]!.toString(16)}:${isClose ? payload.subarray(0, 2).toString('hex') : payload.toString('hex')}`,
    );
    at += 2 + length;
  }
  return found.join(' ');
}

export function accept(request: IncomingMessage): string {
  return acceptKey(request.headers['sec-websocket-key']!);
}
