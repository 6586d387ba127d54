/**
 * What a server checks of an opening handshake, and what it answers, with ws's statuses and words (RFC 6455 §4.2).
 *
 * Node has read the request; a request goes in, what was offered or what is wrong comes out. Sections: reading, answering, refusing.
 * Read next: `server.ts`.
 */

import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { type ParameterizedElement, parseParameterizedList } from '../http/grammar.ts';
import { acceptKey } from '../websocket/handshake.ts';
import { parse as parseProtocols } from './subprotocol.ts';
import type { UpgradeSocket } from './types.ts';

/** What is wrong, for a refusal or a `wsClientError`. */
export interface Fault {
  readonly status: number;
  readonly message: string;
  readonly headers?: HeaderValues;
}

export interface Offer {
  readonly key: string;
  readonly protocols: Set<string>;
  readonly extensions: readonly ParameterizedElement[];
}

export type HeaderValues = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** §4.2.1: a key that "when decoded, is 16 bytes in length". */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Reads the request of a client. `isHandled`: whether this server is the one that was meant; false is refused without words. */
export function readOffer(request: IncomingMessage, isHandled: () => boolean): Offer | Fault {
  const { headers, method } = request;
  if (method !== 'GET') return { status: 405, message: 'Invalid HTTP method' }; // item 1
  if (headers.upgrade?.toLowerCase() !== 'websocket') return { status: 400, message: 'Invalid Upgrade header' }; // item 3
  const key = headers['sec-websocket-key'];
  if (key === undefined || !KEY.test(key))
    return { status: 400, message: 'Missing or invalid Sec-WebSocket-Key header' }; // item 5
  // A number where a framework has made the request itself.
  if (String(headers['sec-websocket-version']) !== '13') {
    return {
      status: 400,
      message: 'Missing or invalid Sec-WebSocket-Version header', // item 6
      headers: { 'Sec-WebSocket-Version': '13' }, // §4.2.2 step 4
    };
  }
  if (!isHandled()) return { status: 400, message: STATUS_CODES[400]! };
  let protocols = new Set<string>();
  const offered = headers['sec-websocket-protocol'];
  try {
    if (offered !== undefined) protocols = parseProtocols(offered); // item 8
  } catch (error) {
    if (error instanceof SyntaxError) return { status: 400, message: 'Invalid Sec-WebSocket-Protocol header' };
    throw error;
  }
  const extensions = parseParameterizedList(headers['sec-websocket-extensions'] ?? ''); // item 9
  if (extensions === undefined)
    return { status: 400, message: 'Invalid or unacceptable Sec-WebSocket-Extensions header' };
  return { key, protocols, extensions };
}

/** The lines of the 101 (§4.2.2 step 5), to which listeners of `headers` may add. */
export function answerLines(key: string, protocol: string, extensions: string): string[] {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
  ];
  if (protocol !== '') lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  if (extensions !== '') lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  return lines;
}

/** Stricter than ws: a line that holds a line break would be two. @throws TypeError */
export function encodeAnswer(lines: readonly string[]): Buffer {
  const broken = lines.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined) throw new TypeError(`a line of the answer holds a line break: ${JSON.stringify(broken)}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Answers instead of a 101, and ends the connection. */
export function refuse(
  socket: UpgradeSocket,
  {
    status,
    message,
    headers,
  }: { readonly status: number; readonly message?: string; readonly headers?: HeaderValues | undefined },
): void {
  const reason = STATUS_CODES[status] ?? '';
  const body = message ?? reason;
  const fields: HeaderValues = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  };
  const lines = [`HTTP/1.1 ${status} ${reason}`];
  for (const [name, value] of Object.entries(fields)) lines.push(`${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end(Buffer.concat([encodeAnswer(lines), Buffer.from(body)]));
}
