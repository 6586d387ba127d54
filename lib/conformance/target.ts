/**
 * A server under test and the way to it: a port that answers byte streams, and its kinds TCP, TLS and Unix socket.
 *
 * On a `Target`'s streams the tester says everything itself, from the first octet of the head. An `Entrance` is for doors
 * where the opening handshake is not one of HTTP/1.1: it answers streams on which frames are spoken at once (HTTP/2, whose
 * handshake is a stream's headers, RFC 8441). Cases that write a head cannot run there, and are listed. Knows nothing of
 * cases or frames. Any `Duplex` will do. Read next: `handshake.ts`.
 */

import { connect, type NetConnectOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls';
import { CONFORMANCE_LIMITS } from '../limits.ts';

export interface Target {
  /** For sentences: `127.0.0.1:9001`. */
  readonly name: string;
  /** The value of the Host field. */
  readonly authority: string;
  /** Path and query. */
  readonly resource: string;
  /** Further request fields, for example a token. */
  readonly headers: readonly string[];
  /** Opens a byte stream on which nothing was said yet; a string says why there is none. */
  readonly connect: () => Promise<Duplex | string>;
}

/** A stream whose opening handshake is over. */
export interface Entered {
  readonly stream: Duplex;
  /** What the server answered to the offer of extensions; empty for none. */
  readonly extensions: string;
}

export interface Entrance {
  /** For sentences: `HTTP/2`. */
  readonly name: string;
  /** Does an opening handshake with this `Sec-WebSocket-Extensions`, or none; a string says why it failed. */
  readonly enter: (offer: string | undefined) => Promise<Entered | string>;
}

export interface TargetOptions {
  /** Further request fields, `Name: value`. */
  readonly headers?: readonly string[];
  /** Do not verify a certificate. */
  readonly insecure?: boolean;
  /** Certificates in PEM to trust. */
  readonly ca?: string | Buffer;
}

/**
 * Reads `ws://host:port/path`, `wss:`, `http:`, `https:`, or `ws+unix:/path/of/socket:/path` (`http+unix:`).
 * @throws TypeError for what is no such URL
 */
export function targetOf(url: string, options: TargetOptions = {}): Target {
  const { headers = [], insecure = false, ca } = options;
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  if (/^(ws|http)\+unix:$/.test(protocol)) {
    const [, path = '', resource = ''] = /^([^:]+)(?::(.*))?$/.exec(decodeURIComponent(pathname)) ?? [];
    if (path === '') throw new TypeError(`${url} names no socket`);
    const connect = (): Promise<Duplex | string> => openSocket(path, { path });
    return { name: path, authority: 'localhost', resource: (resource || '/') + search, headers, connect };
  }
  if (!/^(wss?|https?):$/.test(protocol)) throw new TypeError(`${url} is neither ws: nor http:`);
  const secure = protocol === 'wss:' || protocol === 'https:';
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (secure ? 443 : 80) : Number(port) };
  const tls = secure ? { rejectUnauthorized: !insecure, ...(ca === undefined ? {} : { ca }) } : undefined;
  const name = `${address.host}:${address.port}`;
  return {
    name,
    authority: host,
    resource: pathname + search,
    headers,
    connect: () => openSocket(name, address, tls),
  };
}

/** Connects within the handshake deadline. Never throws: a failure is a sentence. */
function openSocket(name: string, address: NetConnectOpts, tls?: ConnectionOptions): Promise<Socket | string> {
  const { handshakeTimeoutMs } = CONFORMANCE_LIMITS;
  return new Promise((resolve) => {
    const host = 'host' in address ? (address.host ?? '') : '';
    const socket =
      tls === undefined
        ? connect({ ...address, allowHalfOpen: true })
        : connectTls({ ...address, ...tls, ...(/[a-z]/i.test(host) ? { servername: host } : {}) });
    const settle = (result: Socket | string): void => {
      clearTimeout(timer);
      socket.removeListener('error', onError);
      socket.on('error', () => {});
      if (typeof result === 'string') socket.destroy();
      resolve(result);
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      const reasons: Readonly<Record<string, string>> = {
        ECONNREFUSED: `nothing listens on ${name} (connection refused)`,
        ENOTFOUND: `there is no host ${host}`,
        ENOENT: `there is no socket ${name}`,
      };
      settle(reasons[error.code ?? ''] ?? `could not connect to ${name}: ${error.code ?? error.message}`);
    };
    const timer = setTimeout(
      () => settle(`${name} did not accept a connection within ${handshakeTimeoutMs} ms`),
      handshakeTimeoutMs,
    );
    socket.once('error', onError);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setNoDelay(true);
      settle(socket);
    });
  });
}

/** Waits for a stream no longer than the handshake deadline; one that comes later is destroyed. */
export function inTime<Answer extends object>(
  name: string,
  answer: Promise<Answer | string>,
  streamOf: (answer: Answer) => Duplex,
): Promise<Answer | string> {
  const { handshakeTimeoutMs } = CONFORMANCE_LIMITS;
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      resolve(`${name} did not open a stream within ${handshakeTimeoutMs} ms`);
    }, handshakeTimeoutMs);
    answer.then((result) => {
      clearTimeout(timer);
      if (late && typeof result !== 'string') streamOf(result).destroy();
      resolve(result);
    }, reject);
  });
}

/** Ends a stream as rudely as its kind can: TCP with a reset, any other at once and without a word. */
export function resetStream(stream: Duplex): void {
  const tcp = stream instanceof Socket && !(stream instanceof TLSSocket) && stream.remoteFamily !== undefined;
  if (tcp) stream.resetAndDestroy();
  else stream.destroy();
}

/** Ends our half, and then all of it once what was written has gone. */
export function endStream(stream: Duplex): void {
  stream.end(() => stream.destroy());
}
