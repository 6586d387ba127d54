/**
 * `WebSocketServer` as ws has it: over a port of its own, a server of `node:http`, or upgrades that are handed over.
 *
 * Knows who is connected, ws's options and events, and the order in which they come; the handshake's rules are in `server-handshake.ts`.
 * Sections: the server, checks of options. Read next: `server-handshake.ts`, `websocket.ts`.
 */

import { createServer, type IncomingMessage, type Server as NodeServer, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConnectionSettings } from '../net/connection-settings.ts';
import { deflateSettings } from '../websocket/deflate.ts';
import { answerOffers, type DeflatePolicy } from '../websocket/extension.ts';
import { type Link, takeStream } from './link.ts';
import { answerLines, encodeAnswer, type Fault, type Offer, readOffer, refuse } from './server-handshake.ts';
import { connectionSettings, policyOf, SERVER_DEFAULTS } from './settings.ts';
import { TypedEmitter } from './typed-emitter.ts';
import type { ServerOptions, UpgradeSocket, VerifyCallback, VerifyInfo } from './types.ts';
import { WebSocket } from './websocket.ts';

/** What listeners of each event are given. */
export interface ServerEvents<Socket extends WebSocket, Request extends IncomingMessage> {
  connection: [websocket: Socket, request: Request];
  headers: [headers: string[], request: Request];
  wsClientError: [error: Error, socket: UpgradeSocket, request: Request];
  error: [error: Error];
  listening: [];
  close: [];
}

/** ws's own names for a server's states. */
const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

/** Sockets that have been upgraded, to tell a second upgrade of one from a first. */
const sharedUpgraded = new WeakSet<UpgradeSocket>();

export class WebSocketServer<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends TypedEmitter<ServerEvents<InstanceType<SocketClass>, InstanceType<RequestClass>>> {
  readonly options: ServerOptions<SocketClass, RequestClass>;
  /** Undefined with `clientTracking: false`. */
  readonly clients: Set<InstanceType<SocketClass>>;
  readonly #settings: ConnectionSettings<Link>;
  readonly #deflate: DeflatePolicy | undefined;
  #server: NodeServer | undefined = undefined;
  /** Takes our listeners off the server. */
  #leave: () => void = () => {};
  #state: number = RUNNING;
  /** `close` is to be told once the last client has gone. */
  #closesWithLast = false;

  /** `callback` is called once the server's own port listens. @throws TypeError unless one of `port`, `server` and `noServer` is given */
  constructor(options: ServerOptions<SocketClass, RequestClass> = {}, callback?: () => void) {
    super();
    checkPlace(options);
    this.options = { ...SERVER_DEFAULTS, WebSocket: WebSocket as never, ...options };
    this.#settings = connectionSettings('server', options);
    this.#deflate = policyOf('server', options.perMessageDeflate);
    this.clients = (this.options.clientTracking ? new Set<InstanceType<SocketClass>>() : undefined) as Set<
      InstanceType<SocketClass>
    >;
    const { port, host, backlog } = options;
    if (typeof port === 'number') {
      const server = createServer(upgradeRequired);
      this.#listenTo(server);
      server.listen(
        { port, ...(host ? { host } : {}), ...(backlog ? { backlog } : {}) },
        callback && (() => callback()),
      );
    } else if (options.server) this.#listenTo(options.server as NodeServer);
  }

  /** As `net.Server.address`. @throws Error with `noServer` */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this.#server?.address() ?? null;
  }

  /**
   * Takes no more clients and, once those that are there have gone, tells `close`. It closes none of them, nor a server that was given.
   * `callback` is given an error where it was closed already.
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === CLOSED) {
      if (callback) this.once('close', () => callback(new Error('The server is not running')));
      process.nextTick(() => this.#closed());
      return;
    }
    if (callback) this.once('close', () => callback());
    if (this.#state === CLOSING) return;
    this.#state = CLOSING;
    const server = this.#server;
    this.#server = undefined;
    this.#leave();
    if (server !== undefined && !this.options.server) server.close(() => this.#closed());
    else if (this.clients?.size > 0) this.#closesWithLast = true;
    else process.nextTick(() => this.#closed());
  }

  /** Whether a request is for this server: by its `path`. To be replaced by who knows better. */
  shouldHandle(request: IncomingMessage): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || request.url?.split('?', 1)[0] === path;
  }

  /**
   * Answers an upgrade. `callback` is given the socket, and usually emits `connection`.
   * @throws Error for a stream that was upgraded before
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    socket: UpgradeSocket,
    head: Buffer,
    callback: (websocket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    socket.on('error', destroyIt);
    const offer = readOffer(request, () => this.shouldHandle(request) as boolean);
    if ('status' in offer) {
      this.#refuse(request, socket, offer);
      return;
    }
    const proceed = (): void => this.#complete(request, socket, head, offer, callback);
    const { verifyClient } = this.options;
    if (!verifyClient) {
      proceed();
      return;
    }
    const { headers, socket: from } = request;
    const info: VerifyInfo = { origin: headers.origin as string, secure: 'encrypted' in (from ?? {}), req: request };
    const decided: VerifyCallback = (verified, status = 401, message, fields) => {
      if (verified) proceed();
      else refuse(socket, { status, ...(message && { message }), headers: fields });
    };
    const answer = verifyClient(info, decided);
    if (verifyClient.length !== 2) decided(Boolean(answer));
  }

  #complete(
    request: InstanceType<RequestClass>,
    socket: UpgradeSocket,
    head: Buffer,
    offer: Offer,
    callback: (websocket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    if (sharedUpgraded.has(socket))
      throw new Error(
        'handleUpgrade was called more than once with the same socket, perhaps from two servers on one port',
      );
    if (this.#state !== RUNNING) {
      refuse(socket, { status: 503 });
      return;
    }
    const Made = this.options.WebSocket ?? WebSocket;
    const websocket = new Made(null, undefined, this.options as unknown as ServerOptions) as InstanceType<SocketClass>;
    const protocol = this.#choose(offer.protocols, request);
    const agreed = this.#deflate === undefined ? undefined : answerOffers(offer.extensions, this.#deflate);
    const lines = answerLines(offer.key, protocol, agreed?.answer ?? '');
    this.emit('headers', lines, request);
    const answer = encodeAnswer(lines);
    const taken = takeStream(socket, head, request);
    if (taken === undefined) return;
    sharedUpgraded.add(socket);
    socket.removeListener('error', destroyIt);
    const { channel } = taken;
    channel.output.append(answer, 0, answer.length);
    channel.flushSoon();
    this.#track(websocket);
    WebSocket.joinLink(websocket, {
      taken,
      protocol,
      settings: this.#settings,
      deflate: agreed && deflateSettings('server', agreed.parameters, this.#deflate!),
    });
    callback(websocket, request);
  }

  #choose(offered: Set<string>, request: InstanceType<RequestClass>): string {
    if (offered.size === 0) return '';
    const { handleProtocols } = this.options;
    const [first] = offered;
    return (handleProtocols ? handleProtocols(offered, request) : first) || '';
  }

  #track(websocket: InstanceType<SocketClass>): void {
    const { clients } = this;
    if (clients === undefined) return;
    clients.add(websocket);
    websocket.on('close', () => {
      clients.delete(websocket);
      if (this.#closesWithLast && clients.size === 0) process.nextTick(() => this.#closed());
    });
  }

  #refuse(request: InstanceType<RequestClass>, socket: UpgradeSocket, fault: Fault): void {
    const isOurs = fault.message !== STATUS_CODES[fault.status];
    if (isOurs && this.listenerCount('wsClientError') > 0)
      this.emit('wsClientError', new Error(fault.message), socket, request);
    else refuse(socket, fault);
  }

  #listenTo(server: NodeServer): void {
    this.#server = server;
    const listening = (): void => void this.emit('listening');
    const failed = (error: Error): void => void this.emit('error', error);
    const upgrade = (request: IncomingMessage, socket: UpgradeSocket, head: Buffer): void =>
      this.handleUpgrade(request as InstanceType<RequestClass>, socket, head, (websocket, from) => {
        this.emit('connection', websocket, from);
      });
    server.on('listening', listening).on('error', failed).on('upgrade', upgrade);
    this.#leave = () => {
      server.off('listening', listening).off('error', failed).off('upgrade', upgrade);
      this.#leave = () => {};
    };
  }

  #closed(): void {
    this.#state = CLOSED;
    this.emit('close');
  }
}

function destroyIt(this: UpgradeSocket): void {
  this.destroy();
}

/** What a port of our own answers to a request that is no upgrade (RFC 9110 §15.5.22). */
function upgradeRequired(_: IncomingMessage, response: import('node:http').ServerResponse): void {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain', Upgrade: 'websocket' });
  response.end(body);
}

/** @throws TypeError with ws's words */
function checkPlace({ port, server, noServer }: Pick<ServerOptions, 'port' | 'server' | 'noServer'>): void {
  const given = [port !== undefined && port !== null, Boolean(server), noServer === true];
  if (given.filter(Boolean).length !== 1)
    throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
}
