/**
 * A tunnel through an HTTP proxy (RFC 9110 §9.3.6, `CONNECT`), and which proxy the environment names.
 *
 * Knows the request and its answer; what goes through the tunnel is not its business. A proxy's URL and an endpoint go in,
 * a connected socket comes out, or an error: `PROXY_FAILED` when the proxy cannot be reached, `PROXY_REFUSED` with its
 * status when it says no. Sections: `openTunnel`, the environment. Read next: `attempt.ts`.
 */

import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { ConnectFailed, HandshakeRejected } from '../errors.ts';
import { type HttpViolation, parseResponseHead, type ResponseHead, violation } from '../http/head.ts';
import { HeadReader } from '../http/head-reader.ts';
import { MAX_INTERIM_RESPONSES } from '../http/response-parser.ts';
import { HTTP_LIMITS } from '../limits.ts';
import type { DialOptions } from './dialer.ts';
import { basicAuthorization, type Endpoint } from './endpoint.ts';
import { tcpOptions } from './tcp-options.ts';

/** Told once what became of a tunnel. */
export interface TunnelReceiver {
  /** Nobody listens to the socket: listen before returning, or what it brings is lost. */
  opened(socket: Socket): void;
  failed(error: ConnectFailed | HandshakeRejected): void;
}

/** @throws TypeError for what is not an http: or https: URL */
export function parseProxy(proxy: string | URL): URL {
  let url: URL;
  try {
    url = new URL(proxy);
  } catch (cause) {
    throw new TypeError(`proxy ${String(proxy)} is not a URL`, { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`proxy scheme is ${url.protocol} but must be http: or https:`);
  return url;
}

/** Connects to the proxy and asks it for a tunnel to the endpoint; the answer is the socket, to be destroyed by whoever gives up. */
export function openTunnel(proxy: URL, endpoint: Endpoint, options: DialOptions, receiver: TunnelReceiver): Socket {
  const name = `proxy ${proxy.protocol}//${proxy.host}`; // without the credentials
  const socket = connectToProxy(proxy, options);
  const answers: Answers = { heads: new HeadReader(HTTP_LIMITS.maxHeadBytes, 'response'), interim: 0 };

  const settle = (action: () => void): void => {
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
    action();
  };
  const failed = (code: string, detail: string, cause?: Error): void =>
    settle(() =>
      receiver.failed(new ConnectFailed(code, `${name}: ${detail}`, cause === undefined ? undefined : { cause })),
    );
  const listeners = {
    error: (error: Error): void => failed('PROXY_FAILED', error.message, error),
    end: (): void => failed('PROXY_FAILED', 'it ended the connection before it answered'),
    close: (): void => failed('PROXY_FAILED', 'the connection was lost before it answered'),
    data: (chunk: Buffer): void => {
      const answer = readAnswer(answers, chunk);
      if (answer === undefined) return;
      if ('kind' in answer) {
        failed('PROXY_FAILED', `its answer is not HTTP: ${answer.detail} (${answer.section})`);
        return;
      }
      const { head, rest } = answer;
      const { headers, status } = head;
      // RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the sender ... will switch to tunnel mode".
      if (status < 200 || status > 299) {
        const detail = `${name} answered ${status} ${head.reason}`.trimEnd();
        const error = new HandshakeRejected('PROXY_REFUSED', `${detail} (RFC 9110 §9.3.6)`, { status, headers });
        settle(() => receiver.failed(error));
        return;
      }
      settle(() => {
        if (rest.length > 0) socket.unshift(rest); // not before: with this listener on it, the stream would hand it over here again
        receiver.opened(socket);
      });
    },
  };
  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  socket.once(proxy.protocol === 'https:' ? 'secureConnect' : 'connect', () =>
    socket.write(connectRequest(proxy, endpoint), 'latin1'),
  );
  return socket;
}

function connectToProxy(proxy: URL, options: DialOptions): Socket {
  const secure = proxy.protocol === 'https:';
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const where = {
    host,
    port: proxy.port === '' ? (secure ? 443 : 80) : Number(proxy.port),
    ...tcpOptions(options.tcp),
    allowHalfOpen: true,
  };
  if (!secure) return connectTcp(where as NetConnectOpts);
  return process
    .getBuiltinModule('node:tls')
    .connect({ ...where, servername: isIP(host) === 0 ? host : '' } as ConnectionOptions);
}

/** RFC 9110 §9.3.6: the target is host and port; §11.7.2: credentials for the proxy go in Proxy-Authorization. */
function connectRequest(proxy: URL, endpoint: Endpoint): string {
  const { host, port } = endpoint;
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const authorization = basicAuthorization(proxy);
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

/** What has come of a proxy's answer. */
interface Answers {
  readonly heads: HeadReader;
  interim: number;
}

/** The answer's head and what came behind it; undefined while it is not whole. Interim answers are passed over, as many as of a server. */
function readAnswer(
  answers: Answers,
  chunk: Buffer,
): { readonly head: ResponseHead; readonly rest: Buffer } | HttpViolation | undefined {
  let position = 0;
  for (;;) {
    const read = answers.heads.read(chunk, position);
    if (read === undefined || 'kind' in read) return read;
    const head = parseResponseHead(read.text, HTTP_LIMITS);
    if ('kind' in head) return head;
    position = read.next;
    if (head.status >= 200) return { head, rest: chunk.subarray(position) };
    if (++answers.interim > MAX_INTERIM_RESPONSES)
      return violation(
        502,
        'HTTP_TOO_MANY_INTERIM',
        `more than ${MAX_INTERIM_RESPONSES} interim responses`,
        'RFC 9110 §15.2',
      );
  }
}

/**
 * The proxy that the environment names for a URL: `HTTPS_PROXY` for wss: and https:, `HTTP_PROXY` for ws: and http:,
 * `ALL_PROXY` for both, in capitals or not; undefined where there is none or `NO_PROXY` exempts the host.
 * `NO_PROXY` is a list of host names (with those below them), addresses, `host:port`, or `*`.
 */
export function proxyFromEnvironment(
  url: string | URL,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  const value = (name: string): string | undefined =>
    environment[name.toLowerCase()] || environment[name.toUpperCase()] || undefined;
  const secure = protocol === 'wss:' || protocol === 'https:';
  const proxy = value(secure ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? value('ALL_PROXY');
  if (proxy === undefined) return undefined;
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const exempt = (value('NO_PROXY') ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => isExempt(entry, host, port === '' ? (secure ? '443' : '80') : port));
  if (exempt) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isExempt(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, name = '', wantedPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const suffix = name.replace(/^\*?\.?/, '');
  return suffix !== '' && (host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`)));
}
