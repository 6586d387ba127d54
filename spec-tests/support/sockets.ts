/**
 * Clients made of nothing but a socket, for tests that look at the bytes on the wire, and ways to wait for things
 * without sleeping. HTTP and frames are read here by code of its own, so that a fault of the library cannot hide itself.
 */

import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { concat, fromClient, type RawFrame } from './frames.ts';

/** A test that waits longer than this has failed. Nothing waits this long when all is well. */
const PATIENCE_MS = 10_000;

/** The promise, or an error that says what was waited for. */
export function patiently<T>(what: string | (() => string), promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`)),
      PATIENCE_MS,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves once the condition holds, looking after every turn of the event loop. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Some turns of the event loop: for asserting that something does *not* happen on loopback, where delivery takes one. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise with its handles outside. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Runs `body` with a listening server, and closes it whatever happens. What handlers throw fails the test, unless it has an `onError`. */
export async function withServer(
  options: ServerOptions,
  routes: (server: Server) => void,
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const server = createServer({ onError: (error) => void errors.push(error), ...options });
  routes(server);
  await server.listen();
  try {
    await body(server);
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    RawClient.open.clear();
    await patiently('the server to close', server.close());
  }
  if (errors.length > 0) throw errors[0];
}

export interface RawResponse {
  readonly status: number;
  /** Names in lower case; several lines of one name are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly head: string;
}

export interface ReceivedFrame {
  readonly first: number;
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

export class RawClient {
  static readonly open: Set<RawClient> = new Set();
  readonly socket: Socket;
  /** FIN has come. */
  ended = false;
  closed = false;
  error: Error | undefined = undefined;
  #chunks: Buffer[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined = undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    RawClient.open.add(this);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake?.();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      RawClient.open.delete(this);
      this.#wake?.();
    });
  }

  /** Connects. `paused`: reads nothing until `socket.resume()`. */
  static async connect(
    where: number | string,
    options: { readonly tls?: ConnectionOptions; readonly paused?: boolean } = {},
  ): Promise<RawClient> {
    const target = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where };
    const socket =
      options.tls === undefined
        ? connectTcp({ ...target, allowHalfOpen: true, noDelay: true })
        : connectTls({ ...target, ...options.tls });
    const client = new RawClient(socket);
    if (options.paused === true) socket.pause();
    await patiently(
      'a connection',
      new Promise<void>((resolve, reject) => {
        socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => resolve());
        socket.once('error', reject);
      }),
    );
    return client;
  }

  /** Reads and writes a stream that is no socket, such as one of HTTP/2, through what the two have in common. */
  static over(stream: Duplex): RawClient {
    return new RawClient(stream as Socket);
  }

  /** What has been received and not been read, as text. */
  get pending(): string {
    this.#gather();
    return this.#bytes.toString('latin1');
  }

  write(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  frames(...frames: readonly RawFrame[]): this {
    return this.write(fromClient(...frames));
  }

  /** A whole request with `Host`. */
  request(line: string, headers: Readonly<Record<string, string>> = {}, body = ''): this {
    const fields = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.write(`${line} HTTP/1.1\r\n${fields.join('')}\r\n${body}`);
  }

  /** Takes the next `size` bytes. */
  async take(size: number): Promise<Buffer> {
    await this.#until(`${size} bytes`, () => this.#length >= size);
    this.#gather();
    const taken = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return taken;
  }

  /** Takes everything up to and including `marker`. */
  async takeThrough(marker: string): Promise<string> {
    await this.#until(JSON.stringify(marker), () => {
      this.#gather();
      return this.#bytes.includes(marker, 0, 'latin1');
    });
    const end = this.#bytes.indexOf(marker, 0, 'latin1') + marker.length;
    return (await this.take(end)).toString('latin1');
  }

  /** Takes a response head. */
  async head(): Promise<Omit<RawResponse, 'body'>> {
    const head = await this.takeThrough('\r\n\r\n');
    const [line = '', ...fields] = head.slice(0, -4).split('\r\n');
    const headers = new Map<string, string>();
    for (const field of fields) {
      const colon = field.indexOf(':');
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return { status: Number(line.slice(9, 12)), headers, head };
  }

  /** Takes a whole response; `isHead`: one without a body whatever its fields say. */
  async response(isHead = false): Promise<RawResponse> {
    const head = await this.head();
    const { status, headers } = head;
    if (isHead || status === 204 || status === 304 || status < 200) return { ...head, body: Buffer.alloc(0) };
    if (headers.get('transfer-encoding') === 'chunked') return { ...head, body: await this.chunked() };
    return { ...head, body: await this.take(Number(headers.get('content-length'))) };
  }

  /** Takes one HTTP chunk; undefined for the last. */
  async chunk(): Promise<Buffer | undefined> {
    const size = Number.parseInt(await this.takeThrough('\r\n'), 16);
    const data = await this.take(size + 2);
    return size === 0 ? undefined : data.subarray(0, size);
  }

  async chunked(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let part = await this.chunk(); part !== undefined; part = await this.chunk()) parts.push(part);
    return Buffer.concat(parts);
  }

  /** Takes everything up to the end of the connection. */
  async rest(): Promise<Buffer> {
    await this.end();
    this.#gather();
    const rest = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return rest;
  }

  /** Takes one frame from the server. */
  async frame(): Promise<ReceivedFrame> {
    const [first = 0, second = 0] = await this.take(2);
    let length = second & 0x7f;
    if (length === 126) length = (await this.take(2)).readUInt16BE(0);
    else if (length === 127) length = Number((await this.take(8)).readBigUInt64BE(0));
    if ((second & 0x80) !== 0) throw new Error('a server must not mask (RFC 6455 §5.1)');
    return { first, opcode: first & 15, fin: first >= 0x80, payload: await this.take(length) };
  }

  /** Takes a close frame and answers its code; 1005 when it has none. */
  async closeFrame(): Promise<{ readonly code: number; readonly reason: string }> {
    const { opcode, payload } = await this.frame();
    if (opcode !== 8) throw new Error(`frame has opcode ${opcode}, expected a close frame`);
    return { code: payload.length < 2 ? 1005 : payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  /** Sends an opening handshake and takes the answer. */
  async upgrade(path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Omit<RawResponse, 'body'>> {
    this.write(upgradeRequest(path, headers));
    return this.head();
  }

  /** FIN, or the end of the connection in another way. */
  async end(): Promise<void> {
    await this.#until('the end of the connection', () => this.ended || this.closed, true);
  }

  /** The socket has been closed. */
  async close(): Promise<void> {
    await this.#until('the socket to close', () => this.closed, true);
  }

  get #length(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, this.#bytes.length);
  }

  #gather(): void {
    if (this.#chunks.length === 0) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks]);
    this.#chunks = [];
  }

  async #until(what: string, condition: () => boolean, evenEnded = false): Promise<void> {
    while (!condition()) {
      if (!evenEnded && (this.ended || this.closed))
        throw new Error(
          `connection ended (${this.error?.message ?? 'FIN'}) before ${what}; pending: ${this.pending.slice(0, 500)}`,
        );
      const woken = deferred();
      this.#wake = woken.resolve;
      await patiently(() => `${what}; pending: ${this.pending.slice(0, 200)}`, woken.promise);
    }
  }
}

export function upgradeRequest(path = '/', headers: Readonly<Record<string, string>> = {}): string {
  const fields = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  return `GET ${path} HTTP/1.1\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** A client whose opening handshake has been accepted. */
export async function openWebSocket(
  where: number | string,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
): Promise<RawClient> {
  const client = await RawClient.connect(where);
  const { status, head } = await client.upgrade(path, headers);
  if (status !== 101) throw new Error(`handshake answered ${head}`);
  return client;
}

export { concat, fromClient };
