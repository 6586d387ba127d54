/**
 * The mount for `node:http` and `https`: upgrades and requests of somebody's server become exchanges of ours.
 *
 * However many of our servers are attached to one of Node's, one door asks them all in order, so that none refuses what the
 * next one has a route for, and what is ours is told to nobody else. Without a route nothing is touched, but for what
 * `AttachOptions.unmatched` says. Sections: upgrades, requests, the door.
 * Works for HTTP/2's requests and responses of the same face too. Read next: `upgrade-exchange.ts`, `response-exchange.ts`.
 */

import type { IncomingMessage } from 'node:http';
import { isPreflight } from '../http/cors.ts';
import type { RequestHead } from '../http/head.ts';
import { offersWebSocket, withHost, withoutBody } from '../http/request-parser.ts';
import { WEBSOCKET } from '../http/router.ts';
import { pathOf } from '../http/target.ts';
import { hasRoute, serve } from '../net/dispatch.ts';
import { Request } from '../net/request.ts';
import { type CheckedResponse, handlerFailed, plain, unavailable } from '../net/responses.ts';
import { describe } from '../options.ts';
import { type BodyOutcome, readBody } from './body.ts';
import { ignoreUpgrade } from './ignored-upgrade.ts';
import { type AttachOptions, countResponse, type Mount } from './mount.ts';
import {
  checkRequest,
  headOf,
  type NodeRequest,
  type NodeResponse,
  remoteOf,
  type UpgradeStream,
} from './node-request.ts';
import { ResponseExchange } from './response-exchange.ts';
import { type Asked, noWebSocketHere, serveUpgradeOf } from './upgrade-exchange.ts';

type Emit = (event: string, ...all: unknown[]) => boolean;

/** What is used of a server: `http.Server` and `https.Server` have it. */
export interface HttpServer {
  emit: Emit;
  on(event: 'upgrade', listener: () => void): unknown;
  off(event: 'upgrade', listener: () => void): unknown;
  listenerCount(event: string): number;
}

type OnUpgrade = (request: IncomingMessage, socket: UpgradeStream, head: Uint8Array) => void;
type OnRequest = (request: NodeRequest, response: NodeResponse) => void;

/** Takes an upgrade for which there is a route; false, with nothing touched, for any other one. */
export function handleUpgrade(mount: Mount, request: NodeRequest, socket: UpgradeStream, head: Uint8Array): boolean {
  checkRequest('handleUpgrade', request);
  if (typeof socket?.on !== 'function')
    throw new TypeError(`handleUpgrade: socket is ${describe(socket)}, must be the socket of that upgrade`);
  const ours = headOf(request);
  if (!isOurUpgrade(mount, ours)) return false;
  takeUpgrade(mount, { node: request, head: ours }, socket, head);
  return true;
}

function isOurUpgrade(mount: Mount, head: RequestHead): boolean {
  return offersWebSocket(head) && hasRoute(mount.context, WEBSOCKET, pathOf(head.target));
}

function takeUpgrade(mount: Mount, asked: Asked, socket: UpgradeStream, early: Uint8Array): void {
  const addressed = withHost(asked.head);
  // Node takes what follows for frames, whatever the head says of a body.
  const checked = 'kind' in addressed ? addressed : withoutBody(addressed);
  if ('kind' in checked) serveUpgradeOf(mount, asked, socket, early, refusal(checked));
  else serveUpgradeOf(mount, { ...asked, head: checked }, socket, early);
}

/** Takes a request for which there is a route, its body included; false, with nothing touched, for any other one. */
export function handleRequest(mount: Mount, request: NodeRequest, response: NodeResponse): boolean {
  checkRequest('handleRequest', request);
  if (typeof response?.setHeader !== 'function')
    throw new TypeError(`handleRequest: response is ${describe(response)}, must be the response to that request`);
  const head = headOf(request);
  if (!isOurRequest(mount, head)) return false;
  takeRequest(mount, head, request, response);
  return true;
}

/** A preflight asks about the method that it names (Fetch §3.3.2). */
function isOurRequest({ context }: Mount, { method, target, headers }: RequestHead): boolean {
  const path = pathOf(target);
  if (hasRoute(context, method, path)) return true;
  return isPreflight(method, headers) && hasRoute(context, headers.get('access-control-request-method')!, path);
}

function takeRequest(mount: Mount, given: RequestHead, node: NodeRequest, response: NodeResponse): void {
  const source = { remote: remoteOf(node) };
  const addressed = withHost(given);
  const head = 'kind' in addressed ? given : addressed;
  const { method, target, headers } = head; // not the text, which a stream would keep beside them
  const make = (body: Uint8Array, over?: () => void): ResponseExchange => {
    const request = new Request({ method, target, headers }, body, source, mount.forwarded?.(source, head));
    Request.setRaw(request, node);
    return new ResponseExchange({ request: node, response }, request, source.remote, mount.context.open, over);
  };
  const refuse = (answer: CheckedResponse, over?: () => void): void =>
    make(NOTHING, over).respond(answer, { close: true });
  if ('kind' in addressed) refuse(refusal(addressed));
  else if (mount.context.closed()) refuse(unavailable(mount.context.retryAfterMs()));
  else {
    const over = countResponse(mount, response);
    readBody(node, headers, mount.limits, mount.clock, (outcome) => {
      if (outcome.kind === 'body') serve(mount.context, make(outcome.body, over));
      else if (outcome.kind === 'left') over();
      else refuse(bodyRefusal(mount, outcome.kind), over);
    });
  }
}

function refusal({ status, detail, section }: { status: number; detail: string; section: string }): CheckedResponse {
  return plain(status, `${detail} (${section})`);
}

function bodyRefusal({ context, limits }: Mount, kind: Exclude<BodyOutcome['kind'], 'body' | 'left'>): CheckedResponse {
  if (kind === 'too-long') return plain(413, `body exceeds ${limits.maxBodyBytes} bytes (RFC 9110 §15.5.14)`);
  if (kind === 'too-late') return plain(408, 'request did not arrive in time'); // RFC 9110 §15.5.9
  context.onError(
    new TypeError('the body was read before this route saw the request: put the routes in front of the body parser'),
  );
  return handlerFailed();
}

const NOTHING = new Uint8Array(0);

/** What of ours stands in front of one of Node's servers. */
interface Door {
  readonly mounts: Map<Mount, AttachOptions>;
  readonly close: () => void;
}

/** Of each server that is attached to. */
const sharedDoors = new WeakMap<HttpServer, Door>();

/** Attaches; answers what detaches again. @throws TypeError where `mount` is attached already */
export function attachHttp1(mount: Mount, server: HttpServer, options: AttachOptions): () => void {
  const door = sharedDoors.get(server) ?? openDoor(server);
  if (door.mounts.has(mount)) throw new TypeError('attach: this server is attached to that one already');
  door.mounts.set(mount, options);
  return () => {
    if (door.mounts.get(mount) !== options) return;
    door.mounts.delete(mount);
    if (door.mounts.size === 0) door.close();
  };
}

/**
 * Stands in front of `emit`, so that what is ours is told to nobody else, in whatever order libraries were added: an emitter tells
 * all its listeners, and that of ws with a `path`, or Socket.IO's, ends sockets that are not its own.
 */
function openDoor(server: HttpServer): Door {
  const mounts: Door['mounts'] = new Map();
  const { emit } = server;
  const isOwn = Object.hasOwn(server, 'emit');
  const first: Emit = function (this: unknown, event, ...all) {
    if (event === 'upgrade' && passUpgrade(server, mounts, ...(all as Parameters<OnUpgrade>))) return true;
    if (event === 'request' && passRequest(server, mounts, ...(all as Parameters<OnRequest>))) return true;
    return emit.call(this, event, ...all);
  };
  const close = (): void => {
    sharedDoors.delete(server);
    server.off('upgrade', listenForUpgrades);
    // Who has put himself in front of us meanwhile calls us still, and we pass everything on.
    if (server.emit !== first) return;
    if (isOwn) server.emit = emit;
    else delete (server as Partial<HttpServer>).emit;
  };
  server.emit = first;
  server.on('upgrade', listenForUpgrades);
  const door = { mounts, close };
  sharedDoors.set(server, door);
  return door;
}

/** Node hands upgrades over where anybody listens for them. */
function listenForUpgrades(): void {}

/** True: nobody else is told. */
function passRequest(server: HttpServer, mounts: Door['mounts'], node: NodeRequest, response: NodeResponse): boolean {
  const serving = [...mounts].filter(([, { routes }]) => routes === true).map(([mount]) => mount);
  if (serving.length === 0) return false;
  const head = headOf(node);
  // Where nobody else answers, ours does: with 404, 405 or 501.
  const otherwise = server.listenerCount('request') === 0 ? serving[0] : undefined;
  const mount = serving.find((each) => isOurRequest(each, head)) ?? otherwise;
  if (mount === undefined) return false;
  takeRequest(mount, head, node, response);
  return true;
}

/** True: nobody else is told. */
function passUpgrade(
  server: HttpServer,
  mounts: Door['mounts'],
  node: IncomingMessage,
  socket: UpgradeStream,
  early: Uint8Array,
): boolean {
  const head = headOf(node);
  const [first] = mounts.keys();
  const mount = [...mounts.keys()].find((each) => isOurUpgrade(each, head));
  if (mount !== undefined) takeUpgrade(mount, { node, head }, socket, early);
  else if (first === undefined || !refusesUnmatched(server, mounts)) return false;
  else if (offersWebSocket(head)) serveUpgradeOf(first, { node, head }, socket, early, noWebSocketHere());
  else ignoreUpgrade(server, first, node, socket, early);
  return true;
}

/** One 'refuse' is enough; else one 'leave' is; else it is refused where nobody but us could answer. */
function refusesUnmatched(server: HttpServer, mounts: Door['mounts']): boolean {
  const policies = [...mounts.values()].map(({ unmatched }) => unmatched);
  if (policies.includes('refuse')) return true;
  return !policies.includes('leave') && server.listenerCount('upgrade') === 1;
}
