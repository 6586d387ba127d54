/**
 * HTTP/2 for tests: somebody's server with barewire attached, and clients made of `node:http2` alone, whose frames are read
 * by the code of `sockets.ts`.
 */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { AttachOptions } from '../../lib/mount/mount.ts';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import type { Certificate } from './certificate.ts';
import { patiently, RawClient } from './sockets.ts';

/** Codes with which streams end (RFC 9113 §7). */
export const CANCEL: number = constants.NGHTTP2_CANCEL;
export const NO_ERROR: number = constants.NGHTTP2_NO_ERROR;

/** What a handler of a framework gets on a stream of HTTP/2. */
export type Face = readonly [request: Http2ServerRequest, response: Http2ServerResponse];

/** Handlers that do nothing; told apart from options by a handler's name. */
export const NOTHING: { open(): void } = { open() {} };

/** Routes that answer each message with itself. */
export const echo = (server: Server): void =>
  void server.webSocket('/*', { message: (socket, message) => void socket.send(message) });

/** Resolves to the code with which a stream has ended. */
export function ended(stream: ClientHttp2Stream): Promise<number> {
  return patiently(
    'the stream to end',
    new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode ?? 0))),
  );
}

export type Answer = IncomingHttpHeaders & IncomingHttpStatusHeader;

export interface Opened {
  readonly status: number;
  readonly headers: Answer;
  /** Reads and writes what is on the stream. */
  readonly client: RawClient;
  readonly stream: ClientHttp2Stream;
}

export class Http2Client {
  readonly session: ClientHttp2Session;
  readonly #url: string;

  private constructor(session: ClientHttp2Session, url: string) {
    this.session = session;
    this.#url = url;
  }

  /** Connects, and waits for the server's settings. */
  static async connect(url: string, options: SecureClientSessionOptions = {}): Promise<Http2Client> {
    const session = connect(url, { maxSessionMemory: 1_000, ...options });
    session.on('error', () => {});
    await patiently(
      'the settings of the server',
      new Promise<void>((resolve, reject) => {
        session.once('remoteSettings', () => resolve());
        session.once('error', reject);
      }),
    );
    return new Http2Client(session, url);
  }

  /** Sends an extended CONNECT and takes the head of the answer. */
  webSocket(path = '/', fields: OutgoingHttpHeaders = {}): Promise<Opened> {
    return this.open(this.connectHead(path, fields));
  }

  /** The head of an extended CONNECT (RFC 8441 §5.1). */
  connectHead(path: string, fields: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
    const { protocol, host } = new URL(this.#url);
    return {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': protocol.slice(0, -1),
      ':path': path,
      ':authority': host,
      'sec-websocket-version': '13',
      ...fields,
    };
  }

  /** Sends a head, leaves our direction open, and takes the head of the answer. */
  async open(head: OutgoingHttpHeaders): Promise<Opened> {
    const stream = this.session.request(head, { endStream: false });
    const client = RawClient.over(stream);
    const headers = await patiently(
      'an answer',
      new Promise<Answer>((resolve, reject) => {
        stream.once('response', resolve);
        stream.once('close', () => reject(new Error(`stream ended with ${stream.rstCode} before an answer`)));
      }),
    );
    return { status: headers[':status'] ?? 0, headers, client, stream };
  }

  /** Sends a whole request and takes the whole answer. */
  async request(
    path: string,
    fields: OutgoingHttpHeaders = {},
    body?: string | Uint8Array,
  ): Promise<Omit<Opened, 'client'> & { readonly body: string }> {
    const stream = this.session.request({ ':path': path, ...fields }, { endStream: body === undefined });
    const answer = new Promise<Answer>((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('error', reject);
    });
    if (body !== undefined) stream.end(body);
    const headers = await patiently('an answer', answer);
    const rest = await RawClient.over(stream).rest();
    return { status: headers[':status'] ?? 0, headers, stream, body: rest.toString() };
  }

  close(): void {
    this.session.destroy();
  }
}

export interface Both {
  /** Somebody's HTTP/2 server. */
  readonly theirs: Http2Server | Http2SecureServer;
  /** Ours, attached to it. */
  readonly server: Server;
  readonly url: string;
  connect(options?: SecureClientSessionOptions): Promise<Http2Client>;
}

interface Setup {
  readonly options?: ServerOptions;
  readonly attach?: AttachOptions;
  /** Over TLS, with `allowHTTP1`. */
  readonly certificate?: Certificate;
  /** Before ours is attached: what that server does by itself. */
  readonly theirs?: (server: Http2Server | Http2SecureServer) => void;
}

/** Runs `body` with an HTTP/2 server that listens and has one of ours attached; closes both whatever happens. */
export async function withHttp2(
  setup: Setup,
  routes: (server: Server) => void,
  body: (both: Both) => Promise<void>,
): Promise<void> {
  const { certificate } = setup;
  const theirs =
    certificate === undefined ? createHttp2Server() : createSecureServer({ ...certificate, allowHTTP1: true });
  setup.theirs?.(theirs);
  const server = createServer({
    onError: (error) => {
      throw error;
    },
    ...setup.options,
  });
  routes(server);
  server.attach(theirs, setup.attach);
  await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
  const { port } = theirs.address() as AddressInfo;
  const url = certificate === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const clients: Http2Client[] = [];
  const connectClient: Both['connect'] = async (options = {}) => {
    const client = await Http2Client.connect(url, { ...(certificate && { ca: certificate.cert }), ...options });
    clients.push(client);
    return client;
  };
  try {
    await body({ theirs, server, url, connect: connectClient });
  } finally {
    for (const client of clients) client.close();
    for (const client of RawClient.open) client.socket.destroy();
    RawClient.open.clear();
    await patiently('ours to close', server.close());
    await patiently('theirs to close', new Promise((resolve) => theirs.close(resolve)));
  }
}
