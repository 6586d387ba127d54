/**
 * From an exchange whose client asks for a WebSocket to a connection, or to a refusal (RFC 6455 §4.2).
 *
 * The handshake has been read by the door; here are our own conditions, in this order: the route, the handshake, the
 * origin, the application's `upgrade`, the subprotocol, compression. Refusals are HTTP responses.
 * Read next: `server-websocket.ts`.
 */

import { judgeOrigin } from '../http/origin.ts';
import { WEBSOCKET } from '../http/router.ts';
import type { RefusalReason } from '../observe.ts';
import { type DeflateSettings, deflateSettings } from '../websocket/deflate.ts';
import { answerOffers, type DeflatePolicy } from '../websocket/extension.ts';
import { type ClientHandshake, chooseSubprotocol } from '../websocket/handshake.ts';
import type { Context, WebSocketTarget } from './context.ts';
import { ACCEPTED, type CheckedAcceptance, decide } from './decision.ts';
import type { Exchange, TakenOver } from './exchange.ts';
import { guard } from './guard.ts';
import { type CheckedResponse, handlerFailed, plain } from './responses.ts';
import { type Agreed, ServerSocket } from './server-websocket.ts';
import { openConnection } from './streaming-connection.ts';

type Accepted = Extract<ClientHandshake, { kind: 'accept' }>;

/** Answers a request for a WebSocket. */
export function serveUpgrade(context: Context, exchange: Exchange): void {
  const { request } = exchange;
  const match = context.router.match(WEBSOCKET, request.path);
  if (match.kind !== 'found') {
    refuse(context, exchange, 'route', plain(match.kind === 'bad-path' ? 400 : 404, 'no WebSocket here'));
    return;
  }
  const target = match.value as WebSocketTarget;
  request.params = match.params;
  const handshake = exchange.handshake!;
  if (handshake.kind === 'reject') {
    const { status, detail, section, headers } = handshake;
    refuse(context, exchange, 'handshake', plain(status, `${detail} (${section})`, headers));
    return;
  }
  if (!originAllowed(context, exchange, target, handshake)) return;
  if (target.upgrade === undefined) {
    accept(context, exchange, target, handshake, ACCEPTED);
    return;
  }
  // An opening handshake has no body, so that `request.json()` is the handler's mistake here, whatever the client has sent.
  const failure = (error: unknown): CheckedResponse => {
    context.onError(error);
    return handlerFailed();
  };
  decide('upgrade', target.upgrade, request, failure, {
    waiting: () => exchange.holdBack(),
    decided: (decision) => {
      if (decision.kind === 'refuse') refuse(context, exchange, decision.why, decision.response);
      else accept(context, exchange, target, handshake, decision);
    },
  });
}

/** RFC 6455 §4.2.2 step 4: an unacceptable origin is answered with an "appropriate HTTP error code (e.g., 403 Forbidden)". */
function originAllowed(context: Context, exchange: Exchange, target: WebSocketTarget, { origin }: Accepted): boolean {
  const { request } = exchange;
  try {
    const { host, secure } = request;
    if (judgeOrigin(target.cors.origins, { origin, host, secure }, request) !== 'refused') return true;
    refuse(context, exchange, 'origin', plain(403, `origin ${origin} is not allowed`));
  } catch (error) {
    context.onError(error);
    refuse(context, exchange, 'error', handlerFailed());
  }
  return false;
}

function accept(
  context: Context,
  exchange: Exchange,
  target: WebSocketTarget,
  handshake: Accepted,
  decision: CheckedAcceptance,
): void {
  const { request } = exchange;
  const { protocol = chooseSubprotocol(target.protocols, handshake.protocols) ?? '', fields, data } = decision;
  if (protocol !== '' && !handshake.protocols.includes(protocol)) {
    // §4.2.2 step 5.5: "the value chosen MUST be derived from the client's handshake".
    context.onError(
      new TypeError(`upgrade answered protocol ${protocol}, which the client did not offer (RFC 6455 §4.2.2)`),
    );
    refuse(context, exchange, 'error', handlerFailed());
    return;
  }
  const deflate = target.deflate === undefined ? undefined : answerOffers(handshake.extensions, target.deflate);
  const agreed = agreedOn(protocol, deflate?.answer ?? '');
  let taken: TakenOver | undefined;
  try {
    taken = exchange.acceptWebSocket({ ...agreed, fields });
  } catch (error) {
    context.onError(error); // a field that belongs to the handshake
    refuse(context, exchange, 'error', handlerFailed());
    return;
  }
  if (taken === undefined) return; // the client has left
  const { channel, rest } = taken;
  const face = new ServerSocket<unknown>(request, agreed, data, context.sweeper.nowMs);
  const connection = openConnection(channel, target.settings, settingsOf(deflate, target.deflate), face);
  ServerSocket.attach(face, connection);
  context.open.opened(face as ServerSocket<never>, channel);
  target.settings.observed?.open(face);
  guard(connection, target.handlers.open, target.handlers, face, request);
  // §4.2.2: bytes after the request are the first frames.
  if (rest.length > 0 && !channel.destroyed) channel.sink.receive(rest);
  context.opened(face as ServerSocket<never>);
  if (channel.peerEnded) channel.sink.receiveEnd(); // FIN came while it was decided, and comes only once
  channel.flushSoon();
  connection.startReading();
}

/** Answers with a refusal, after which the connection ends. */
function refuse(context: Context, exchange: Exchange, why: RefusalReason, response: CheckedResponse): void {
  context.observed?.refuse(why, response, exchange.request);
  exchange.respond(response, { close: true });
}

function settingsOf(
  accepted: ReturnType<typeof answerOffers>,
  policy: DeflatePolicy | undefined,
): { readonly deflate: DeflateSettings | undefined } {
  if (accepted === undefined || policy === undefined) return PLAIN;
  return { deflate: deflateSettings('server', accepted.parameters, policy) };
}

const PLAIN = { deflate: undefined };

/** What connections agreed on: few combinations, of which an idle connection keeps a reference. */
const sharedAgreements = new Map<string, Agreed>();
const MAX_SHARED_AGREEMENTS = 64;
const NOTHING_AGREED: Agreed = { protocol: '', extensions: '' };

function agreedOn(protocol: string, extensions: string): Agreed {
  if (protocol === '' && extensions === '') return NOTHING_AGREED;
  const key = `${protocol}\n${extensions}`;
  const known = sharedAgreements.get(key);
  if (known !== undefined) return known;
  const agreed = { protocol, extensions };
  if (sharedAgreements.size < MAX_SHARED_AGREEMENTS) sharedAgreements.set(key, agreed);
  return agreed;
}
