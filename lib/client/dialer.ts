/**
 * Opens the connection under a client: TCP, a Unix socket, TLS, or a tunnel through a proxy.
 *
 * Knows sockets, and is the only file of this folder that does (`proxy.ts` has the tunnel's bytes); knows nothing of HTTP
 * requests, WebSocket or event streams. An endpoint and options go in, a channel that is ready to be written to comes out,
 * or an error whose `code` says at which step it failed. The caller sets the deadline: `dial` answers how to give up.
 * Sections: options, `dial`, errors. Read next: `proxy.ts`.
 */

import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { SHARED_READ } from '../channel/node-internals.ts';
import type { Channel, Sink } from '../channel/port.ts';
import { SocketChannel } from '../channel/socket.ts';
import { asError, ConnectFailed, type HandshakeRejected } from '../errors.ts';
import { TIMEOUTS } from '../limits.ts';
import { ANYTHING, OBJECT, type OptionTable, STRING } from '../options.ts';
import type { Endpoint } from './endpoint.ts';
import { openTunnel, parseProxy } from './proxy.ts';
import { type TcpOptions, tcpOptions } from './tcp-options.ts';

/** Where and how to connect; the same for both clients. */
export interface DialOptions {
  /** What `node:tls` takes for `wss:` and `https:`. Certificates are verified unless this says otherwise. */
  readonly tls?: ConnectionOptions | undefined;
  /** Of the connection to the server, or to the `proxy` where there is one: who that connects to is its own business. */
  readonly tcp?: TcpOptions | undefined;
  /** Connect to this Unix socket instead of the URL's host and port. */
  readonly socketPath?: string | undefined;
  /**
   * An HTTP proxy that is asked for a tunnel (`CONNECT`), for example `http://user:password@proxy.example:3128`.
   * `proxyFromEnvironment(url)` gives what the environment names. Default: none, whatever the environment says.
   */
  readonly proxy?: string | URL | undefined;
}

/** `proxy` is checked by `checkDialOptions`. */
export const DIAL_OPTIONS: OptionTable = { tls: OBJECT, tcp: OBJECT, socketPath: STRING, proxy: ANYTHING };

/** Told once what became of `dial`; nothing after its answer was called. */
export interface DialReceiver {
  /** The channel has no sink yet: give it one before returning. */
  connected(channel: Channel): void;
  failed(error: ConnectFailed | HandshakeRejected): void;
}

/** @throws TypeError for a proxy that is not an http: or https: URL, or beside a `socketPath` */
export function checkDialOptions(options: DialOptions): void {
  if (options.proxy === undefined) return;
  parseProxy(options.proxy);
  if (options.socketPath !== undefined) throw new TypeError('proxy and socketPath exclude each other');
}

/** What holds for an origin that a redirect led to: who we are, and what the first server is called, is not told to another. */
export function forAnotherOrigin(options: DialOptions): DialOptions {
  const { socketPath, tls, ...rest } = options;
  if (tls === undefined) return rest;
  const { ca, ciphers, maxVersion, minVersion, rejectUnauthorized } = tls;
  const kept = { ca, ciphers, maxVersion, minVersion, rejectUnauthorized };
  return { ...rest, tls: Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) };
}

/** Begins to connect; the answer gives up. @throws Error for TCP or TLS options that Node refuses */
export function dial(endpoint: Endpoint, options: DialOptions, receiver: DialReceiver): () => void {
  const { secure, socketPath } = endpoint;
  let over = false;
  let current: Socket;

  const fail = (error: ConnectFailed | HandshakeRejected): void => {
    if (over) return;
    over = true;
    current.destroy();
    receiver.failed(error);
  };
  /** Watches a socket until it is connected, or handed to TLS. */
  const watch = (socket: Socket, event: 'connect' | 'secureConnect', next: (socket: Socket) => void): void => {
    current = socket;
    const onError = (error: Error): void => fail(connectFailed(error, event === 'secureConnect'));
    const onClose = (): void => fail(endedEarly());
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.once(event, () => {
      if (over) return;
      socket.off('close', onClose);
      next(socket);
      socket.off('error', onError);
    });
  };
  const ready = (socket: Socket, sharesBuffer: boolean): void => {
    over = true;
    const channel = new SocketChannel(socket, NOBODY, sharesBuffer ? 'shared buffer' : 'data events');
    // A connection may be silent for long; TCP's own probes find out whether the peer is still there.
    channel.probeAfter(TIMEOUTS.heartbeatIntervalMs);
    receiver.connected(channel);
  };
  const secured = (through?: Socket): void => {
    watch(openTls(endpoint, options, through), 'secureConnect', (socket) => ready(socket, false));
  };
  /** Behind a proxy the caller has gone on long ago: options of TLS that Node refuses are told, not thrown. */
  const securedLate = (through: Socket): void => {
    try {
      secured(through);
    } catch (error) {
      fail(connectFailed(asError(error), true));
    }
  };

  if (options.proxy !== undefined && socketPath === undefined) {
    current = openTunnel(parseProxy(options.proxy), endpoint, options, {
      opened: (socket) => (secure ? securedLate(socket) : ready(socket, false)),
      failed: fail,
    });
  } else if (secure) secured();
  else watch(openTcp(endpoint, options), 'connect', (socket) => ready(socket, true));
  return () => {
    over = true;
    current.on('error', ignore); // what a socket says that nobody wants is nobody's failure
    current.destroy();
  };
}

function endedEarly(): ConnectFailed {
  return new ConnectFailed('DIAL_FAILED', 'the connection ended before it was established');
}

/** A TCP or Unix socket that reads into the buffer that all connections share. */
function openTcp(endpoint: Endpoint, options: DialOptions): Socket {
  const { host, port, socketPath } = endpoint;
  const where = socketPath === undefined ? { host, port, ...tcpOptions(options.tcp) } : { path: socketPath };
  return connectTcp({ ...where, allowHalfOpen: true, onread: SHARED_READ } as unknown as NetConnectOpts);
}

/** TLS over a socket of its own, or over a tunnel. */
function openTls(endpoint: Endpoint, options: DialOptions, through: Socket | undefined): Socket {
  const { host, port, socketPath } = endpoint;
  const where =
    through !== undefined
      ? { socket: through }
      : socketPath === undefined
        ? { port, ...tcpOptions(options.tcp) }
        : { path: socketPath };
  return process
    .getBuiltinModule('node:tls')
    .connect({
      ...where,
      host, // also what the certificate is checked against; without it, `localhost` where a socket is given
      servername: isIP(host) === 0 ? host : '', // RFC 6066 §3: literal addresses are not permitted
      ALPNProtocols: ['http/1.1'],
      ...options.tls,
    } as ConnectionOptions)
    .setNoDelay(true);
}

/** Says in a stable `code` what a socket's error was. The error itself is the `cause`. */
export function connectFailed(error: Error, secure: boolean): ConnectFailed {
  const code = errorCode(error);
  const [kind, what] = failureKind(code, secure);
  return new ConnectFailed(kind, `${what}: ${error.message === '' ? code : error.message}`, { cause: error });
}

/** Where several addresses were tried, Node gives one error for each. */
function errorCode(error: Error): string {
  const { code, errors } = error as { readonly code?: unknown; readonly errors?: readonly { code?: unknown }[] };
  return String(code ?? errors?.[0]?.code ?? '');
}

function failureKind(code: string, secure: boolean): readonly [code: string, what: string] {
  if (code === 'ECONNREFUSED') return ['DIAL_REFUSED', 'nobody listens there'];
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return ['DIAL_NOT_FOUND', 'the host name has no address'];
  if (code === 'ETIMEDOUT') return ['DIAL_TIMEOUT', 'the address did not answer'];
  // OpenSSL's verification errors, as Node names them.
  if (/CERT|SIGNATURE|CRL/.test(code)) return ['TLS_CERTIFICATE', 'the certificate was not accepted'];
  if (secure && /^(ERR_(SSL|TLS)|EPROTO|ECONNRESET)/.test(code))
    return ['TLS_FAILED', 'the TLS handshake failed; perhaps TLS is not spoken there'];
  return ['DIAL_FAILED', 'the connection could not be made'];
}

/** Takes what a dropped channel still says. */
export const NOBODY: Sink = { receive: ignore, receiveEnd: ignore, drained: ignore, gone: ignore };

function ignore(): void {}
