/**
 * "Establish a WebSocket connection": the opening handshake of the client, as the plan of an attempt (RFC 6455 §4.1).
 *
 * Knows what is asked and which answer agrees; `attempt.ts` does the asking, `../websocket/handshake.ts` has the rules.
 * A URL and checked options go in; what was agreed comes out, on a channel. Read next: `websocket.ts`.
 */

import type { Channel } from '../channel/port.ts';
import type { ConnectFailed, HandshakeRejected } from '../errors.ts';
import { decideRedirect } from '../event-stream/reconnect.ts';
import { TIMEOUTS } from '../limits.ts';
import { systemClock } from '../net/sweeper.ts';
import { type DeflateParameters, type DeflatePolicy, offerDeflate } from '../websocket/extension.ts';
import { checkServerHandshake, createClientHandshake, type ServerHandshake } from '../websocket/handshake.ts';
import { Attempt, type Hop, pairs, type Verdict } from './attempt.ts';
import { checkDialOptions } from './dialer.ts';
import { endpointOf } from './endpoint.ts';
import { parseWebSocketUrl, type WebSocketOptions } from './websocket-options.ts';

/** What is asked for, all of it checked. */
export interface HandshakeRequest {
  readonly url: URL;
  readonly protocols: readonly string[];
  /** Undefined: no compression is offered. */
  readonly deflate: DeflatePolicy | undefined;
  readonly options: WebSocketOptions;
}

/** A connection that is established. */
export interface Established {
  readonly channel: Channel;
  readonly protocol: string;
  readonly extensions: string;
  readonly deflate: DeflateParameters | undefined;
  /** What the server sent behind its answer. */
  readonly rest: Uint8Array;
}

/** Told once. */
export interface HandshakeReceiver {
  established(connection: Established): void;
  failed(error: ConnectFailed | HandshakeRejected): void;
}

/** Refuses now what would fail every attempt. @throws TypeError for headers, an origin or a proxy that cannot be used */
export function checkHandshakeRequest(request: HandshakeRequest): void {
  const { options, url } = request;
  checkDialOptions(options);
  if (typeof options.headers === 'function') return;
  const endpoint = endpointOf(url, options.socketPath);
  encode(request, { url, endpoint, redirects: 0, method: 'GET', headers: pairs(options.headers) });
}

/** Begins; the answer can be aborted. */
export function openHandshake(request: HandshakeRequest, receiver: HandshakeReceiver): Attempt {
  const { url, options } = request;
  const { clock = systemClock, handshakeTimeoutMs = TIMEOUTS.handshakeTimeoutMs, maxRedirects = 0, headers } = options;
  let key = '';
  let agreed: (ServerHandshake & { kind: 'accept' }) | undefined;
  return new Attempt({
    url,
    method: 'GET',
    headers,
    dial: options,
    clock,
    handshakeTimeoutMs,
    encode(hop) {
      // WebSockets §2.2: steps 1 to 10 make the request.
      const handshake = encode(request, hop);
      key = handshake.key; // item 7: "The nonce MUST be selected randomly for each connection."
      return handshake.bytes;
    },
    // Step 11, "given response being these steps": 11.1 to 11.3 are `checkServerHandshake`'s.
    judge(head, hop): Verdict {
      const location = decideRedirect(head.status, head.headers.get('location'));
      if (location !== undefined && hop.redirects < maxRedirects) return { kind: 'redirect', location };
      const checked = checkServerHandshake(head, { key, protocols: request.protocols, deflate: request.deflate });
      if (checked.kind === 'reject')
        return { kind: 'reject', code: checked.code, detail: `${checked.detail} (${checked.section})` };
      agreed = checked;
      return { kind: 'accept' };
    },
    redirect(location, hop) {
      const next = parseWebSocketUrl(location, hop.url);
      // Choice: as browsers, which block ws: from https: pages. What was asked for under TLS is not answered without.
      if (hop.endpoint.secure && !endpointOf(next, undefined).secure)
        throw new Error('from wss: to ws:, which is never followed');
      if (next.protocol.endsWith('+unix:')) throw new Error('to a Unix socket, which is never followed');
      return { url: next, method: 'GET' };
    },
    accepted({ channel, rest }) {
      const { protocol, extensions, deflate } = agreed!;
      receiver.established({ channel, protocol, extensions, deflate, rest });
      return undefined;
    },
    failed: (error) => receiver.failed(error),
  });
}

/**
 * The request of "establish a WebSocket connection". Step 1 makes the scheme http or https, which a target in origin-form does not have
 * (RFC 9112 §3.2.1). Of step 2 there is left what is not about pages: no cookies, no cache, and redirects that are an error.
 */
function encode(request: HandshakeRequest, hop: Hop): { readonly key: string; readonly bytes: Uint8Array } {
  const { protocols, deflate, options } = request;
  const { origin } = options;
  return createClientHandshake({
    host: hop.endpoint.hostField,
    target: hop.endpoint.target,
    protocols, // steps 3 to 8 are `createClientHandshake`'s
    headers: Object.fromEntries(hop.headers),
    extensions: deflate === undefined ? '' : offerDeflate(deflate), // steps 9 and 10: "user-agent defined", here by an option
    ...(origin === undefined ? {} : { origin }),
  });
}
