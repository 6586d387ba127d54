/**
 * A client's opening handshake through `node:http`: the request, its redirects, its answer, ws's checks and ws's words.
 *
 * Choice: `node:http` and not `../client/attempt.ts`, since what ws promises its users is made of Node's classes: `agent`,
 * `createConnection`, `finishRequest`, and the requests and responses that `upgrade`, `unexpected-response` and `redirect` tell.
 * Headers that name somebody are not sent on to another origin. Sections: opening, the request, the answer. Read next: `link.ts`.
 */

import { randomBytes } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTcp, isIP, type NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { endpointOf } from '../client/endpoint.ts';
import { isToken, parseParameterizedList } from '../http/grammar.ts';
import { TIMEOUTS } from '../limits.ts';
import { systemClock } from '../net/sweeper.ts';
import { MAX_TIMER_MS } from '../options.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import { checkAnswer, type DeflateParameters, type DeflatePolicy, offerDeflate } from '../websocket/extension.ts';
import { acceptKey } from '../websocket/handshake.ts';
import { takeStream } from './link.ts';
import { connectionSettings, policyOf } from './settings.ts';
import { tell } from './told.ts';
import type { ClientOptions } from './types.ts';
import type { Joined, WebSocket } from './websocket.ts';

/** Told of the opening: `opened` or `failed` once. */
export interface OpeningReceiver {
  readonly websocket: WebSocket;
  /** The URL that is asked, anew for each redirect. */
  named(url: string): void;
  opened(joined: Joined): void;
  failed(error: Error): void;
}

/** ws's default. */
const MAX_REDIRECTS = 10;

/** Begins. @throws SyntaxError for a URL or subprotocol; RangeError for a protocol version */
export function openClient(
  address: string | URL,
  protocols: readonly string[],
  options: ClientOptions,
  receiver: OpeningReceiver,
): Opening {
  const { protocolVersion = 13 } = options;
  if (protocolVersion !== 13)
    throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: 13)`);
  const url = parseUrl(address, undefined);
  if (!protocols.every((protocol) => typeof protocol === 'string' && isToken(protocol)) || hasTwice(protocols))
    throw new SyntaxError('An invalid or duplicated subprotocol was specified');
  return new Opening(url, protocols, options, receiver);
}

function hasTwice(protocols: readonly string[]): boolean {
  return new Set(protocols).size !== protocols.length;
}

/** @throws SyntaxError with ws's words */
function parseUrl(address: string | URL, base: URL | undefined): URL {
  let url: URL;
  try {
    url = new URL(address, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${address}`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (!['ws:', 'wss:', 'ws+unix:'].includes(url.protocol))
    throw new SyntaxError('The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"');
  if (url.protocol === 'ws+unix:' && url.pathname === '') throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== '') throw new SyntaxError('The URL contains a fragment identifier');
  return url;
}

export class Opening {
  readonly #receiver: OpeningReceiver;
  readonly #options: ClientOptions;
  readonly #protocols: readonly string[];
  readonly #deflate: DeflatePolicy | undefined;
  readonly #firstOrigin: string;
  readonly #cancelTimeout: () => void;
  #request!: ClientRequest;
  #key = '';
  #redirects = 0;
  #isOver = false;

  constructor(url: URL, protocols: readonly string[], options: ClientOptions, receiver: OpeningReceiver) {
    this.#receiver = receiver;
    this.#options = options;
    this.#protocols = protocols;
    this.#deflate = policyOf('client', options.perMessageDeflate);
    connectionSettings('client', options); // what is wrong is told now
    this.#firstOrigin = endpointOf(url, undefined).origin;
    this.#ask(url);
    const { handshakeTimeout = TIMEOUTS.handshakeTimeoutMs } = options;
    const late = (): void => this.abort('Opening handshake has timed out');
    // As with ws: at most what a timer holds, 24.8 days.
    const ms = Math.min(handshakeTimeout, MAX_TIMER_MS);
    this.#cancelTimeout = ms > 0 ? systemClock.after(ms, late) : () => {};
  }

  /** Gives up; `failed` is told behind this tick. */
  abort(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.on('error', ignore);
    this.#request.destroy();
    this.#fail(new Error(why), true);
  }

  #ask(url: URL): void {
    const { websocket, named } = this.#receiver;
    named(url.href);
    this.#key = randomBytes(16).toString('base64'); // RFC 6455 §4.1 item 7: "selected randomly for each connection"
    const same = endpointOf(url, undefined).origin === this.#firstOrigin;
    const request = (url.protocol === 'wss:' ? httpsRequest : httpRequest)(this.#requestOptions(url, same));
    this.#request = request;
    request.on('error', (error) => {
      if (this.#isOver || request !== this.#request) return;
      this.#isOver = true;
      this.#fail(error, false);
    });
    request.on('response', (response) => this.#respond(url, response));
    request.on('upgrade', (response, socket, head) => this.#upgrade(response, socket, head));
    if (this.#redirects > 0) tell(websocket as never, 'redirect', url.href, request);
    if (this.#options.finishRequest) this.#options.finishRequest(request, websocket);
    else request.end();
  }

  #requestOptions(url: URL, same: boolean): RequestOptions {
    const { protocols, perMessageDeflate, origin, headers, finishRequest, handshakeTimeout, ...rest } = this.#options;
    const { host, port, secure, socketPath, target, authorization } = endpointOf(url, undefined);
    const given = Object.fromEntries(
      Object.entries((headers ?? {}) as Record<string, string>).filter(
        ([name]) => same || !/^(authorization|cookie|host|proxy-authorization)$/i.test(name),
      ),
    );
    const hasOwn = Object.keys(given).some((name) => /^authorization$/i.test(name));
    return {
      ...rest,
      createConnection: rest.createConnection ?? (secure ? openTls : openTcp),
      defaultPort: secure ? 443 : 80,
      protocol: secure ? 'https:' : 'http:',
      method: 'GET',
      host,
      port,
      path: target,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(same ? {} : { auth: undefined }),
      headers: {
        ...given,
        ...(authorization === undefined || hasOwn ? {} : { Authorization: authorization }),
        'Sec-WebSocket-Version': 13,
        'Sec-WebSocket-Key': this.#key,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        ...(this.#deflate && { 'Sec-WebSocket-Extensions': offerDeflate(this.#deflate) }),
        ...(this.#protocols.length > 0 && { 'Sec-WebSocket-Protocol': this.#protocols.join(',') }),
        ...(origin ? { Origin: origin } : {}),
      },
    } as RequestOptions;
  }

  /** An answer that is no upgrade. */
  #respond(url: URL, response: IncomingMessage): void {
    if (this.#isOver) return;
    const { location } = response.headers;
    const { statusCode = 0 } = response;
    if (location !== undefined && this.#options.followRedirects === true && statusCode >= 300 && statusCode < 400) {
      this.#redirect(url, location);
      return;
    }
    if (this.#receiver.websocket.listenerCount('unexpected-response') > 0)
      tell(this.#receiver.websocket as never, 'unexpected-response', this.#request, response);
    else this.abort(`Unexpected server response: ${statusCode}`);
  }

  #redirect(from: URL, location: string): void {
    this.#redirects++;
    if (this.#redirects > (this.#options.maxRedirects ?? MAX_REDIRECTS)) {
      this.abort('Maximum redirects exceeded');
      return;
    }
    this.#request.on('error', ignore);
    this.#request.destroy();
    try {
      const next = parseUrl(location, from);
      // Stricter than ws: what was asked for under TLS is not answered without.
      if (from.protocol === 'wss:' && next.protocol !== 'wss:')
        throw new Error('redirect from wss: to ws:, which is never followed');
      this.#ask(next);
    } catch (error) {
      this.#isOver = true;
      this.#fail(error as Error, false);
    }
  }

  #upgrade(response: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { websocket, opened } = this.#receiver;
    if (!this.#isOver) tell(websocket as never, 'upgrade', response);
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    this.#isOver = true;
    const checked = this.#check(response);
    const taken = typeof checked === 'string' ? undefined : takeStream(socket, head);
    if (taken === undefined || typeof checked === 'string') {
      socket.on('error', ignore);
      socket.destroy();
      this.#fail(new Error(typeof checked === 'string' ? checked : 'The connection has ended'), true);
      return;
    }
    this.#cancelTimeout();
    opened({
      taken,
      settings: connectionSettings('client', this.#options),
      deflate: checked.parameters && deflateSettings('client', checked.parameters, this.#deflate!),
      protocol: checked.protocol,
    });
  }

  /** RFC 6455 §4.1, the third list. Answers what is wrong, in ws's words. */
  #check({ headers }: IncomingMessage): string | { protocol: string; parameters: DeflateParameters | undefined } {
    if (headers.upgrade?.toLowerCase() !== 'websocket') return 'Invalid Upgrade header'; // step 2
    // Step 4; Node joins a field that comes twice with a comma, which matches nothing.
    if (headers['sec-websocket-accept'] !== acceptKey(this.#key)) return 'Invalid Sec-WebSocket-Accept header';
    const protocol = headers['sec-websocket-protocol']; // step 6
    if (protocol === undefined && this.#protocols.length > 0) return 'Server sent no subprotocol';
    if (protocol !== undefined && this.#protocols.length === 0)
      return 'Server sent a subprotocol but none was requested';
    if (protocol !== undefined && !this.#protocols.includes(protocol)) return 'Server sent an invalid subprotocol';
    const extensions = headers['sec-websocket-extensions'];
    if (extensions === undefined) return { protocol: protocol ?? '', parameters: undefined };
    if (this.#deflate === undefined)
      return 'Server sent a Sec-WebSocket-Extensions header but no extension was requested'; // step 5
    const elements = parseParameterizedList(extensions);
    if (elements === undefined) return 'Invalid Sec-WebSocket-Extensions header';
    if (elements.length !== 1 || elements[0]!.name !== 'permessage-deflate')
      return 'Server indicated an extension that was not requested';
    const agreed = checkAnswer(elements, this.#deflate);
    if (agreed.kind === 'refused') return 'Invalid Sec-WebSocket-Extensions header';
    return { protocol: protocol ?? '', parameters: agreed.parameters };
  }

  #fail(error: Error, later: boolean): void {
    this.#cancelTimeout?.();
    const { failed } = this.#receiver;
    if (later) process.nextTick(failed, error);
    else failed(error);
  }
}

function ignore(): void {}

function openTcp(options: object): Duplex {
  const { socketPath } = options as { readonly socketPath?: string };
  return connectTcp({ ...options, path: socketPath } as NetConnectOpts);
}

function openTls(options: object): Duplex {
  const { host = '', servername } = options as ConnectionOptions;
  const name = servername ?? (isIP(host) === 0 ? host : ''); // RFC 6066 §3: literal addresses are not permitted
  return connectTls({ ...options, path: undefined, servername: name } as unknown as ConnectionOptions);
}
