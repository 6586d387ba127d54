/**
 * Accepts connections, counts them, refuses those that are too many, and hands the others on. Owns no routes.
 *
 *     net.Server ─► [PROXY header] ─► [TLS] ─► channel ─► HttpConnection
 *
 * Over TLS the listener is a plain `net.Server` too, which hands its connections to a TLS server as `node:tls` documents,
 * so that a connection is counted before its handshake. Read next: `http-connection.ts`.
 */

import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { acceptSockets } from '../channel/node-internals.ts';
import type { Sink } from '../channel/port.ts';
import { SocketChannel } from '../channel/socket.ts';
import type { AddressCounts } from './address-counts.ts';
import type { ErrorHandler } from './guard.ts';
import { writeResponse } from './http-exchange.ts';
import type { OpenConnections } from './open-connections.ts';
import { unavailable } from './responses.ts';

export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1: reachable from this machine only. */
  readonly host?: string;
  /** A Unix socket path instead of port and host. */
  readonly path?: string;
}

export interface ListenerSettings {
  readonly tls: TlsOptions | undefined;
  readonly maxConnections: number;
  /** Against `maxConnectionsPerAddress`. */
  readonly addresses: AddressCounts;
  readonly maxTlsHandshakes: number;
  readonly headTimeoutMs: number;
  readonly acceptBacklog: number;
  readonly open: OpenConnections;
  readonly onError: ErrorHandler;
  /** No more connections are taken: one that was accepted already is answered 503. */
  readonly closing: () => boolean;
  /** Told of each connection that is within the limits. */
  readonly accepted: (channel: SocketChannel) => void;
}

export class Listener {
  readonly #settings: ListenerSettings;
  readonly #server: NetServer;
  /** What is under TLS connections, also those whose handshake is not over and that nothing else knows. */
  readonly #underTls = new Set<Socket>();

  constructor(settings: ListenerSettings) {
    this.#settings = settings;
    const { tls } = settings;
    this.#server = createNetServer({
      allowHalfOpen: tls === undefined,
      pauseOnConnect: tls === undefined,
      noDelay: true,
    });
    if (tls === undefined) acceptSockets(this.#server, (socket, shared) => this.#accept(socket, shared));
    else {
      const over = this.#tlsServer(tls);
      this.#server.on('connection', (socket) => {
        if (this.#mayBeginTls(socket)) over.emit('connection', socket);
      });
    }
  }

  /** Begins to accept. Rejects with the system's error, for example `EADDRINUSE`. */
  listen(options: ListenOptions): Promise<void> {
    const { path, port = 0, host = '127.0.0.1' } = options;
    const where = path === undefined ? { port, host } : { path };
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...where, backlog: this.#settings.acceptBacklog }, () => {
        this.#server.off('error', reject);
        // After this an error concerns one accept only: told, and survived.
        this.#server.on('error', this.#settings.onError);
        resolve();
      });
    });
  }

  get address(): AddressInfo | string | null {
    return this.#server.address();
  }

  /** TLS handshakes under way. */
  get handshakes(): number {
    return this.#settings.tls === undefined ? 0 : Math.max(0, this.#underTls.size - this.#settings.open.channels.size);
  }

  /** Stops accepting; resolves once every connection that was accepted has gone. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Drops what is still within its TLS handshake. */
  destroyHandshakes(): void {
    for (const socket of this.#underTls) socket.destroy();
  }

  #tlsServer(tls: TlsOptions): TlsServer {
    // `headTimeoutMs` for the handshake, since Node's default is two minutes.
    const server = createTlsServer({ handshakeTimeout: this.#settings.headTimeoutMs, ...tls }, (socket) => {
      socket.allowHalfOpen = true; // not from the start: a client that leaves within the handshake is then noticed at once
      this.#accept(socket, false);
    });
    // A client that fails TLS, or does not finish its handshake in time, has no HTTP to be answered in.
    // Node tells of both and leaves the socket open.
    server.on('tlsClientError', (_, socket: Socket) => void socket.destroy());
    return server;
  }

  /**
   * Counts a TCP connection before its TLS handshake, so that unfinished handshakes are bounded too. Choice: beyond
   * `maxTlsHandshakes` one more is dropped without an answer, which would have to be encrypted first.
   */
  #mayBeginTls(socket: Socket): boolean {
    const { maxConnections, maxTlsHandshakes, closing } = this.#settings;
    if (closing() || this.handshakes >= Math.min(maxConnections, maxTlsHandshakes)) {
      socket.destroy();
      return false;
    }
    this.#underTls.add(socket);
    socket.once('close', () => this.#underTls.delete(socket));
    return true;
  }

  #accept(socket: Socket, shared: boolean): void {
    const { open, maxConnections, addresses, closing } = this.#settings;
    const channel = new SocketChannel(socket, REFUSED, shared ? 'shared buffer' : 'data events', open);
    open.channels.add(channel);
    const fewFromThere = addresses.add(channel.remote.address, socket);
    if (closing() || open.channels.size > maxConnections || !fewFromThere) {
      refuse(channel, socket);
      return;
    }
    this.#settings.accepted(channel);
    if (!shared) channel.resume();
  }
}

/** Receives from a connection that was refused: nothing it says matters. */
const REFUSED: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

/**
 * RFC 9110 §15.6.4; said before the request, since to wait for one would hold what there is too much of.
 * The connection is dropped once the answer has left.
 */
function refuse(channel: SocketChannel, socket: Socket): void {
  writeResponse(channel, unavailable(), {
    persists: false,
    minor: 1,
    isHead: false,
  });
  socket.once('finish', () => channel.destroy());
  channel.end();
}
