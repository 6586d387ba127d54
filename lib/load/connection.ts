/**
 * A raw WebSocket connection for load: TCP or TLS, the opening handshake in fixed bytes, then chunks as they come.
 *
 * All TCP connections read into one buffer (`onread`), so that receiving costs as little as Node allows and the server,
 * not the load, is what is measured. Sends no frames of its own.
 * Read next: `measure.ts`.
 */

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The longest chunk a connection is given. */
export const READ_BYTES = 65_536;
const readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_HEAD_BYTES = 16_384;

/**
 * The example of RFC 6455 §1.3: a nonce and the accept value that belongs to it. A load generator may use a known nonce:
 * it proves that the server has read the key, which is all that is asked here.
 */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export interface ConnectionOptions {
  readonly url: URL;
  /**
   * Offer permessage-deflate: without context takeover in both directions, so that messages are independent of each other, or
   * with it in both.
   */
  readonly compressed?: boolean | 'takeover';
  /** Source address: lets a run have more connections than one address has ports. */
  readonly localAddress?: string;
  readonly connectTimeoutMs?: number;
}

/** The server could not be reached, or its handshake was not one. */
export class ConnectFailed extends Error {}

export class LoadConnection {
  readonly socket: Socket;
  /** Called with what arrives after the head; `chunk` is lent, its first `length` octets count. */
  onChunk: (chunk: Buffer, length: number) => void = () => {};
  /** Called once, when the connection ends. */
  onGone: (error: Error | undefined) => void = () => {};
  /** True after `destroy`: what follows was wanted. */
  ended = false;
  #head: Buffer | undefined = Buffer.alloc(0);
  #error: Error | undefined = undefined;
  #onHead: (head: string, error?: Error) => void = () => {};
  /** Octets that came with the head, until `onChunk` is there to take them. */
  #rest: Buffer | undefined = undefined;

  constructor(options: ConnectionOptions) {
    const { url, localAddress } = options;
    const secure = url.protocol === 'wss:' || url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || (secure ? 443 : 80);
    const local = localAddress === undefined ? {} : { localAddress };
    if (secure) {
      // RFC 6066 §3: a server name is never an address.
      this.socket = connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...local });
      this.socket.on('data', (chunk: Buffer) => this.#receiveLong(chunk));
    } else {
      const callback = (length: number, buffer: Uint8Array) => {
        this.#receive(buffer as Buffer, length);
        return true;
      };
      this.socket = connectTcp({ host, port, ...local, onread: { buffer: readBuffer, callback } });
    }
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('close', () => {
      if (this.#head !== undefined) this.#onHead('', this.#error ?? new Error('the connection was closed'));
      else this.onGone(this.#error);
    });
  }

  /** Sends a request head and resolves with the response's. */
  request(head: string, timeoutMs: number = CONNECT_TIMEOUT_MS): Promise<string> {
    this.socket.write(head);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new ConnectFailed(`no answer within ${timeoutMs} ms`));
        this.destroy();
      }, timeoutMs);
      this.#onHead = (answer, error) => {
        clearTimeout(timer);
        if (error === undefined) resolve(answer);
        else reject(new ConnectFailed(connectWords(error)));
      };
    });
  }

  /** For a connection on which nothing was awaited: everything that comes is given to `receive`. */
  onBytes(receive: (chunk: Buffer, length: number) => void): void {
    this.#head = undefined;
    this.onChunk = receive;
  }

  /** Hands over what came behind the head, if anything; call it once `onChunk` is set. */
  start(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && rest.length > 0) this.onChunk(rest, rest.length);
  }

  destroy(): void {
    this.ended = true;
    this.socket.destroy();
  }

  /** TLS gives chunks of any length. */
  #receiveLong(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += READ_BYTES) {
      const part = chunk.subarray(at, at + READ_BYTES);
      this.#receive(part, part.length);
    }
  }

  #receive(buffer: Buffer, length: number): void {
    if (this.#head === undefined) {
      if (this.#rest !== undefined) this.#rest = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
      else this.onChunk(buffer, length);
      return;
    }
    this.#head = Buffer.concat([this.#head, buffer.subarray(0, length)]);
    if (!beginsAsHttp(this.#head)) {
      const [line = ''] = this.#head.toString('latin1', 0, 80).split(/[\r\n]/);
      this.#onHead('', new Error(`the server does not speak HTTP/1.1; it says ${JSON.stringify(line)}`));
      this.destroy();
      return;
    }
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#head.length > MAX_HEAD_BYTES) {
        this.#onHead('', new Error(`the response head is longer than ${MAX_HEAD_BYTES} bytes`));
        this.destroy();
      }
      return;
    }
    const head = this.#head.toString('latin1', 0, end);
    this.#rest = Buffer.from(this.#head.subarray(end + 4));
    this.#head = undefined;
    this.#onHead(head);
  }
}

/** Opens a WebSocket (RFC 6455 §4.1). @throws ConnectFailed */
export async function openWebSocket(options: ConnectionOptions): Promise<LoadConnection> {
  const connection = new LoadConnection(options);
  try {
    checkHandshake(
      await connection.request(handshakeRequest(options), options.connectTimeoutMs),
      options.compressed ?? false,
    );
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return connection;
}

/** The request head of an opening handshake. */
export function handshakeRequest({ url, compressed }: ConnectionOptions): string {
  const parameters = compressed === 'takeover' ? '' : '; server_no_context_takeover; client_no_context_takeover';
  const offer = `permessage-deflate${parameters}`;
  return (
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n` +
    `${compressed ? `Sec-WebSocket-Extensions: ${offer}\r\n` : ''}\r\n`
  );
}

/** Whether a response head answers `handshakeRequest`. @throws ConnectFailed */
export function checkHandshake(head: string, compressed: boolean | 'takeover'): void {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw new ConnectFailed('the server does not speak HTTP/1.1');
  if (status !== '101')
    throw new ConnectFailed(`the server answered ${status} instead of 101: no WebSocket at this path`);
  if (field(head, 'sec-websocket-accept') !== ACCEPT)
    throw new ConnectFailed('Sec-WebSocket-Accept is wrong (RFC 6455 §4.1)');
  const extensions = field(head, 'sec-websocket-extensions') ?? '';
  if (compressed && !extensions.includes('permessage-deflate')) {
    throw new ConnectFailed('the server did not agree to permessage-deflate');
  }
  if (compressed === 'takeover' && extensions.includes('no_context_takeover')) {
    throw new ConnectFailed('the server does not keep its context, or wants none kept (RFC 7692 §7.1.1)');
  }
  if (compressed === true && !extensions.includes('server_no_context_takeover')) {
    throw new ConnectFailed('the server did not agree to server_no_context_takeover (RFC 7692 §7.1.1.1)');
  }
}

/** One field of a response head. */
export function field(head: string, name: string): string | undefined {
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}

const STATUS_LINE = Buffer.from('HTTP/1.');

/** Whether what has come so far can become a status line (RFC 9112 §4). */
function beginsAsHttp(head: Buffer): boolean {
  const length = Math.min(head.length, STATUS_LINE.length);
  return head.subarray(0, length).equals(STATUS_LINE.subarray(0, length));
}

export function connectWords(error: Error): string {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${address ?? 'the address'}:${port ?? ''}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'there is no host of that name';
    case 'ECONNRESET':
      return 'the server reset the connection before it answered';
    case 'EADDRNOTAVAIL':
      return 'this machine has no free port left for another connection';
    case 'EMFILE':
      return 'too many open files: raise `ulimit -n` or use fewer connections';
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'the server does not speak TLS there; ws:// and http:// are for servers without it';
    default:
      return error.message;
  }
}

/** Opens `count` connections, at most `atOnce` handshakes at a time, spread over source addresses where there are very many. */
export async function openMany(
  count: number,
  options: ConnectionOptions | ((index: number) => ConnectionOptions),
  atOnce = 64,
): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  let next = 0;
  let failed = false;
  const opener = async () => {
    while (next < count && !failed) {
      const index = next++;
      const each = typeof options === 'function' ? options(index) : options;
      connections.push(await openWebSocket(each));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(count, atOnce) }, opener));
  } catch (error) {
    failed = true;
    for (const connection of connections) connection.destroy();
    const { message } = error as Error;
    if (connections.length === 0) throw error;
    throw new ConnectFailed(`${message} (after ${connections.length} of ${count} connections)`);
  }
  return connections;
}
