/**
 * Accepts connections, counts them, refuses those that are too many, and hands the others on. Owns no routes.
 *
 *     net.Server ─► [PROXY header] ─► [TLS] ─► channel ─► HttpConnection
 *
 * Over TLS the listener is a plain `net.Server` too, which hands its connections to a TLS server as `node:tls` documents,
 * so that a connection is counted before its handshake. Read next: `http-connection.ts`.
 */

import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { SecureContextOptions, TlsOptions, Server as TlsServer } from 'node:tls';
import { acceptSockets, forgoWrite, socketUnder } from '../channel/node-internals.ts';
import type { Sink } from '../channel/port.ts';
import { SocketChannel } from '../channel/socket.ts';
import { ConnectionClosed } from '../errors.ts';
import { trustedAddresses } from '../http/forwarded.ts';
import type { ProxyEndpoint } from '../http/proxy-protocol.ts';
import { checkOptions, kindOf, STRING, wholeNumber } from '../options.ts';
import { DescriptorWatch, readDescriptors } from './descriptors.ts';
import type { ErrorHandler } from './guard.ts';
import { writeResponse } from './http-exchange.ts';
import type { Observed } from './observed.ts';
import type { OpenConnections } from './open-connections.ts';
import { ProxiedChannel, ProxiedSocket } from './proxied.ts';
import { plain, unavailable } from './responses.ts';
import type { Sweeper } from './sweeper.ts';

/** Every connection begins with a PROXY header, which a proxy sends to say whose connection it passes on. */
export interface ProxyProtocolOption {
  /**
   * The proxies that are believed: `'loopback'`, addresses, ranges (`10.0.0.0/8`), or a list of these. A connection from
   * elsewhere is dropped. Whoever may open a Unix socket that is listened on counts as `'loopback'`.
   */
  readonly from: string | readonly string[];
}

export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1: reachable from this machine only. Not empty; every interface is `0.0.0.0` or `::`. */
  readonly host?: string | undefined;
  /** A Unix socket path instead of port and host. */
  readonly path?: string | undefined;
  /**
   * Versions 1 and 2 of the PROXY protocol, before TLS and HTTP. Never guessed: with this option every connection must begin
   * with a header, without it none may (PROXY §2).
   */
  readonly proxyProtocol?: ProxyProtocolOption | undefined;
}

const LISTEN_OPTIONS = {
  port: wholeNumber(0, 65_535),
  // To Node an empty host is every interface of the machine, and an environment variable that is not set becomes one easily.
  host: kindOf('an address or a name (default 127.0.0.1)', (value) => typeof value === 'string' && value !== ''),
  path: STRING,
  proxyProtocol: kindOf(
    'an object with from',
    (value) => typeof value === 'object' && value !== null && Object.keys(value).join() === 'from',
  ),
};

export interface ListenerSettings {
  readonly tls: TlsOptions | undefined;
  readonly maxConnections: number;
  readonly maxTlsHandshakes: number;
  readonly headTimeoutMs: number;
  readonly acceptBacklog: number;
  readonly open: OpenConnections;
  readonly sweeper: Sweeper;
  readonly onError: ErrorHandler;
  readonly observed: Observed;
  /** No more connections are taken: one that was accepted already is answered 503. */
  readonly closing: () => boolean;
  /** What a client that is one too many is told about when to come back. */
  readonly retryAfterMs: () => number;
  /** Told of each connection that is within the limits. */
  readonly accepted: (channel: SocketChannel) => void;
}

/** One of them says who the server is. */
const CERTIFICATES = ['cert', 'pfx', 'SNICallback', 'secureContext', 'pskCallback'] as const;

export class Listener {
  readonly #settings: ListenerSettings;
  readonly #server: NetServer;
  readonly #tls: TlsServer | undefined;
  /** What is under TLS connections, also those whose handshake is not over and that nothing else knows; and whether it is over. */
  readonly #underTls = new Map<Socket, 'beginning' | 'secured'>();
  /** Open connections whose handshake is over. Not those of the registry, where also others are than the listener's. */
  #secured = 0;
  /** Who is behind the proxy of a socket under TLS; undefined where its header names nobody. */
  readonly #sources = new WeakMap<object, ProxyEndpoint | undefined>();
  /** `listen` was called, and has not failed. */
  #isAsked = false;
  /** Since listening began, where the system says how many files may be open. */
  #descriptors: DescriptorWatch | undefined = undefined;
  /** Whose PROXY headers are believed; undefined: there are none. */
  #trusts: ((address: string) => boolean) | undefined = undefined;

  constructor(settings: ListenerSettings) {
    this.#settings = settings;
    const { tls } = settings;
    this.#server = createNetServer({
      allowHalfOpen: tls === undefined,
      pauseOnConnect: tls === undefined,
      noDelay: true,
    });
    this.#tls = tls && this.#tlsServer(tls);
    const over = this.#tls;
    if (over === undefined) {
      acceptSockets(this.#server, (socket, shared, isKnown) => {
        if (!isKnown) forgoWrite(socket);
        this.#accept(socket, shared);
      });
    } else {
      this.#server.on('connection', (socket) => {
        if (this.#mayBeginTls(socket)) this.#afterHeader(socket, () => over.emit('connection', socket));
      });
    }
  }

  /**
   * Begins to accept. Rejects with the system's error, for example `EADDRINUSE`, and with ConnectionClosed where the server
   * is closed meanwhile. @throws TypeError or RangeError for a wrong option, and ConnectionClosed (`SERVER_CLOSED`) after `close`
   */
  listen(options: ListenOptions): Promise<void> {
    checkOptions('listen', options, LISTEN_OPTIONS);
    const { path, port = 0, host = '127.0.0.1', proxyProtocol } = options;
    if (this.#settings.closing())
      throw new ConnectionClosed('SERVER_CLOSED', 'listen: this server has been closed; make another one');
    // Node says so only once the address has been looked up: until then a second call would be taken, and its options forgotten.
    if (this.#isAsked)
      throw Object.assign(new Error('listen: this server listens already, or is about to'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    const where = path === undefined ? { port, host } : { path };
    const trusts = proxyProtocol && trustedProxies(proxyProtocol, path !== undefined);
    const server = this.#server;
    this.#isAsked = true;
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        server.off('error', failed);
        server.off('close', closed);
        server.off('listening', listening);
      };
      const failed = (error: Error): void => {
        settled();
        this.#isAsked = false;
        reject(error);
      };
      const closed = (): void =>
        failed(new ConnectionClosed('SERVER_CLOSED', 'the server was closed before it listened'));
      const listening = (): void => {
        if (this.#settings.closing()) {
          server.close(); // closed while the address was looked up, when Node had nothing to close yet
          return;
        }
        settled();
        this.#trusts = trusts; // before any connection is told
        // After this an error concerns one accept only: told, and survived.
        server.on('error', this.#settings.onError);
        const descriptors = readDescriptors();
        this.#descriptors = descriptors && new DescriptorWatch(descriptors, this.#settings.onError);
        resolve();
      };
      server.on('error', failed);
      server.on('close', closed);
      server.on('listening', listening);
      try {
        server.listen({ ...where, backlog: this.#settings.acceptBacklog });
      } catch (error) {
        failed(error as Error); // a port that is none, for example
      }
    });
  }

  /** Undefined on a Unix socket, and before `listen`. */
  get address(): AddressInfo | undefined {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? undefined : address;
  }

  /** As a URL prefix; empty on a Unix socket. */
  get url(): string {
    const { address } = this;
    if (address === undefined) return '';
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `${this.#settings.tls === undefined ? 'http' : 'https'}://${host}:${address.port}`;
  }

  /** New connections have this certificate; those that are open keep theirs. @throws Error for what is none; TypeError without TLS */
  renewTls(tls: SecureContextOptions): void {
    if (this.#tls === undefined) throw new TypeError('renewTls: the server was made without tls');
    this.#tls.setSecureContext(tls);
  }

  /** TLS handshakes under way. */
  get handshakes(): number {
    return Math.max(0, this.#underTls.size - this.#secured); // of one connection either socket may be told first that it is closed
  }

  /** Stops accepting; resolves once every connection that was accepted has gone. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Drops whoever has not begun to speak HTTP: is within the TLS handshake, or has not sent the whole PROXY header. */
  dropBeginners(): void {
    for (const [socket, state] of this.#underTls) if (state === 'beginning') socket.destroy();
    for (const channel of this.#settings.open.channels) if (channel.sink instanceof ProxiedChannel) channel.destroy();
  }

  /** Drops everything that is over TLS. */
  destroyUnderTls(): void {
    for (const socket of this.#underTls.keys()) socket.destroy();
  }

  #tlsServer(tls: TlsOptions): TlsServer {
    // `headTimeoutMs` for the handshake, since Node's default is two minutes.
    // Loaded here, as few servers need it.
    const { createServer: createTlsServer } = process.getBuiltinModule('node:tls');
    if (!CERTIFICATES.some((name) => (tls as Record<string, unknown>)[name] !== undefined))
      throw new TypeError(`createServer: tls has none of ${CERTIFICATES.join(', ')}, so that no client could connect`);
    const server = createTlsServer({ handshakeTimeout: this.#settings.headTimeoutMs, ...tls }, (socket) => {
      socket.allowHalfOpen = true; // not from the start: a client that leaves within the handshake is then noticed at once
      const under = socketUnder(socket) as Socket;
      // Where Node does not say which one it is, none of them is dropped early.
      for (const each of under === socket ? this.#underTls.keys() : [under])
        if (this.#underTls.has(each)) this.#underTls.set(each, 'secured');
      this.#secured++;
      socket.once('close', () => this.#secured--);
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
    this.#underTls.set(socket, 'beginning');
    this.#descriptors?.accepted(this.#underTls.size);
    socket.once('close', () => this.#underTls.delete(socket));
    return true;
  }

  /** Calls `begin` when what a proxy sends in front of a TLS connection has been read. */
  #afterHeader(socket: Socket, begin: () => void): void {
    const { sweeper, headTimeoutMs } = this.#settings;
    if (this.#trusts === undefined) begin();
    else if (!this.#trusts(socket.remoteAddress ?? '')) socket.destroy();
    else
      new ProxiedSocket(socket, { sweeper, headTimeoutMs }, (source) => {
        this.#sources.set(socket, source);
        begin();
      });
  }

  #accept(socket: Socket, shared: boolean): void {
    const { open, sweeper, headTimeoutMs } = this.#settings;
    const channel = new SocketChannel(socket, REFUSED, shared ? 'shared buffer' : 'data events', open);
    open.channels.add(channel);
    if (!channel.remote.secure) this.#descriptors?.accepted(open.size);
    if (this.#trusts === undefined) this.#admit(channel, socket);
    else if (channel.remote.secure) {
      const under = socketUnder(socket);
      if (this.#sources.has(under)) this.#proxied(channel, socket, this.#sources.get(under));
      else channel.destroy(); // this Node does not say which socket that is
    } else if (!this.#trusts(channel.remote.address)) channel.destroy();
    else new ProxiedChannel(channel, { sweeper, headTimeoutMs }, (source) => this.#proxied(channel, socket, source));
    if (!shared) channel.resume();
  }

  /** The header of this connection has been read, and names `source` if it names anybody. */
  #proxied(channel: SocketChannel, socket: Socket, source: ProxyEndpoint | undefined): void {
    if (source !== undefined) channel.proxied(source.address, source.port);
    this.#admit(channel, socket);
  }

  /** Who is at the other end is known: takes the connection, or refuses one that is too many. */
  #admit(channel: SocketChannel, socket: Socket): void {
    const { open, observed, maxConnections, closing, retryAfterMs } = this.#settings;
    const { address: remoteAddress } = channel.remote;
    const fewFromThere = open.addresses.add(channel);
    if (closing() || open.size > maxConnections || !fewFromThere) {
      observed.refuse(closing() ? 'closing' : 'limit', unserved, { path: '', remoteAddress });
      refuse(channel, socket, retryAfterMs());
      return;
    }
    observed.connect(channel);
    this.#settings.accepted(channel);
  }
}

/** What a client that is one too many is told, in words for who observes. */
const unserved = plain(503, 'no more connections are taken (RFC 9110 §15.6.4)');

/** @throws TypeError for what is no address */
function trustedProxies({ from }: ProxyProtocolOption, onUnixSocket: boolean): (address: string) => boolean {
  const trusts = trustedAddresses(from);
  if (!onUnixSocket) return trusts;
  const trustsLocal = trusts('127.0.0.1');
  return (address) => (address === '' ? trustsLocal : trusts(address));
}

/** Receives from a connection that was refused: nothing it says matters. */
const REFUSED: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

/**
 * RFC 9110 §15.6.4; said before the request, since to wait for one would hold what there is too much of.
 * The connection is dropped once the answer has left.
 */
function refuse(channel: SocketChannel, socket: Socket, retryAfterMs: number): void {
  writeResponse(channel, unavailable(retryAfterMs), {
    persists: false,
    minor: 1,
    isHead: false,
  });
  socket.once('finish', () => channel.destroy());
  channel.end();
}
