/**
 * A server that answers exactly what a script asks for in its URL: heads, frames and event streams octet by octet, in pieces.
 *
 * `/stream?JSON` is an HTTP response (`StreamAsked`), `/frames?JSON` a WebSocket (`FramesAsked`). Strings have one octet a character.
 * Answers from any origin are allowed, since a page of another port asks. Read next: `client-scripts.ts`.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { switching } from '../support/client.ts';

/** How an answer goes on behind its last piece: TCP ends, is reset, or stays as it is. */
type Then = 'end' | 'reset' | 'hold';

interface StreamAsked {
  /** Default 200. */
  readonly status?: number;
  /** Default `text/event-stream`; empty: none. */
  readonly type?: string;
  readonly location?: string;
  /** The pieces of the first answer, of the second …; the last ones again from then on. `{last}` becomes the request's Last-Event-ID. */
  readonly visits?: readonly (readonly string[])[];
  readonly then?: Then;
}

interface FramesAsked {
  /** The answer to the handshake in place of a correct one; `{accept}` becomes the right Sec-WebSocket-Accept. */
  readonly head?: string;
  /** Fields of a correct answer, each with its CR LF. */
  readonly fields?: string;
  readonly pieces?: readonly string[];
  readonly then?: Then;
  readonly waitMs?: number;
}

export interface RawEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** Long enough that two pieces come in two reads, short enough for tests. */
const BETWEEN_PIECES_MS = 4;

export async function startRawEndpoint(): Promise<RawEndpoint> {
  const visits = new Map<string, number>();
  const server: Server = createServer((request, response) => void answer(request, response, visits));
  server.on('upgrade', (request, socket) => void answerUpgrade(request, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function asked<T>(request: IncomingMessage): T {
  return JSON.parse(decodeURIComponent(request.url!.split('?')[1]!)) as T;
}

async function answer(request: IncomingMessage, response: ServerResponse, visits: Map<string, number>): Promise<void> {
  const {
    status = 200,
    type = 'text/event-stream',
    location,
    visits: answers = [],
    then = 'end',
  } = asked<StreamAsked>(request);
  const visitor = `${request.headers['user-agent'] ?? 'us'} ${request.url}`;
  const visit = visits.get(visitor) ?? 0;
  visits.set(visitor, visit + 1);
  response.writeHead(status, {
    'Access-Control-Allow-Origin': '*',
    ...(type === '' ? {} : { 'Content-Type': type }),
    ...(location === undefined ? {} : { Location: location }),
  });
  response.flushHeaders();
  for (const piece of answers[Math.min(visit, answers.length - 1)] ?? []) {
    response.write(Buffer.from(piece.replace('{last}', String(request.headers['last-event-id'] ?? 'none')), 'latin1'));
    await afterAWhile();
  }
  if (then === 'end') response.end();
  else if (then === 'reset') response.destroy();
}

async function answerUpgrade(request: IncomingMessage, socket: Duplex): Promise<void> {
  const { head, fields = '', pieces = [], then = 'hold', waitMs = 0 } = asked<FramesAsked>(request);
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  // A masked close frame ends TCP, as a server does that has said its own or that has been failed.
  socket.on('data', (chunk: Buffer) => {
    if (chunk[0] === 0x88) socket.end();
  });
  if (waitMs > 0) await afterAWhile(waitMs);
  const right = switching(`sec-websocket-key: ${request.headers['sec-websocket-key']}`, fields);
  const accept = /Sec-WebSocket-Accept: (.*)/.exec(right)![1]!;
  const [first = '', ...rest] = pieces;
  // The first piece is in the same segment as the answer.
  socket.write(Buffer.from((head ?? right).replace('{accept}', accept) + first, 'latin1'));
  for (const piece of rest) {
    await afterAWhile();
    socket.write(Buffer.from(piece, 'latin1'));
  }
  if (then === 'end') socket.end();
  else if (then === 'reset') socket.destroy();
}

function afterAWhile(ms = BETWEEN_PIECES_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
