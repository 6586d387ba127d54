/**
 * The options of the WebSocket client, and the checks of its constructor (WebSockets §3.1).
 *
 * Knows what may be asked for; opens nothing. Arguments of a script go in, checked values come out.
 * Sections: options, URL and subprotocols. Read next: `websocket-handshake.ts`.
 */

import { isToken } from '../http/grammar.ts';
import type { StreamedMessage } from '../net/api.ts';
import type { Clock } from '../net/sweeper.ts';
import {
  ANYTHING,
  checkOptions,
  clockWith,
  FUNCTION,
  milliseconds,
  OBJECT,
  type OptionTable,
  STRING,
  wholeNumber,
} from '../options.ts';
import type { PerMessageDeflate } from '../websocket/extension.ts';
import type { HeadersOption } from './attempt.ts';
import { DIAL_OPTIONS, type DialOptions } from './dialer.ts';
import { endpointOf } from './endpoint.ts';
import { toStringSequence } from './webidl.ts';

/** What a server-side user can say beyond the standard. Checked by the constructor. */
export interface WebSocketOptions extends DialOptions {
  /** Subprotocols, most wanted first; the second argument of the constructor says the same. */
  readonly protocols?: string | readonly string[] | undefined;
  /** Further request headers, for example `{ 'X-User-Id': 'ada' }`, or a function that is asked for them. */
  readonly headers?: HeadersOption | undefined;
  /** The `Origin` header; browsers send one, this client only when told to. */
  readonly origin?: string | undefined;
  /** Offer permessage-deflate (RFC 7692): `true`, `'auto'` (and leave alone what does not shrink), or how. Default false. */
  readonly perMessageDeflate?: PerMessageDeflate | undefined;
  /**
   * Redirects that are followed. Default 0: the standard follows none, since a redirect can lead credentials elsewhere.
   * Headers are not sent on to another origin, and wss: is never left for ws:.
   */
  readonly maxRedirects?: number | undefined;
  /** Gives up while connecting; closes with 1000 afterwards. */
  readonly signal?: AbortSignal | undefined;
  /** From the constructor to the server's answer, the headers function and the proxy included. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  readonly maxMessageBytes?: number | undefined;
  readonly maxFramesPerMessage?: number | undefined;
  /**
   * In place of `message` events: told a message at its first frame, to be read as it comes, however long it is. As the handler of
   * that name in a server's routes. Where it throws or rejects, the connection is closed with 1011 and `error` tells.
   */
  readonly messageStream?: ((message: StreamedMessage) => unknown) | undefined;
  /** Octets of a message that `messageStream` is given. Default: no limit. */
  readonly maxStreamedMessageBytes?: number | undefined;
  /** Beyond this many unsent bytes the connection is failed, as the standard says of a full buffer. */
  readonly maxBufferedBytes?: number | undefined;
  /** `write` waits while more than this is unsent. */
  readonly highWaterMarkBytes?: number | undefined;
  /** Messages kept for `for await` before the connection is no longer read. */
  readonly maxQueuedMessages?: number | undefined;
  /** And their bytes. */
  readonly maxQueuedBytes?: number | undefined;
  /** 0 = never ping. */
  readonly pingIntervalMs?: number | undefined;
  readonly pongTimeoutMs?: number | undefined;
  readonly closeTimeoutMs?: number | undefined;
  readonly writeTimeoutMs?: number | undefined;
  /** Where time comes from; for tests. */
  readonly clock?: Clock | undefined;
}

/** The most redirects that can be asked for: the Fetch standard's number. */
const MAX_REDIRECTS = 20;

/** `protocols`, `headers` and `perMessageDeflate` are checked by whoever reads them, at the same call. */
const OPTIONS: OptionTable = {
  ...DIAL_OPTIONS,
  protocols: ANYTHING,
  headers: ANYTHING,
  origin: STRING,
  perMessageDeflate: ANYTHING,
  maxRedirects: wholeNumber(0, MAX_REDIRECTS),
  signal: OBJECT,
  handshakeTimeoutMs: milliseconds(1),
  maxMessageBytes: wholeNumber(1),
  maxFramesPerMessage: wholeNumber(1),
  messageStream: FUNCTION,
  maxStreamedMessageBytes: wholeNumber(1),
  maxBufferedBytes: wholeNumber(1, Number.MAX_SAFE_INTEGER, true),
  highWaterMarkBytes: wholeNumber(0),
  maxQueuedMessages: wholeNumber(1),
  maxQueuedBytes: wholeNumber(1),
  pingIntervalMs: milliseconds(),
  pongTimeoutMs: milliseconds(1),
  closeTimeoutMs: milliseconds(1),
  writeTimeoutMs: milliseconds(1),
  clock: clockWith('now', 'every', 'after'),
};

/** @throws TypeError or RangeError that names the option */
export function checkWebSocketOptions(options: WebSocketOptions): void {
  checkOptions('new WebSocket', options, OPTIONS);
}

/** The constructor's second argument is subprotocols or, as Node's own has it, the options. */
export function isOptions(argument: unknown): argument is WebSocketOptions {
  return typeof argument === 'object' && argument !== null && !(Symbol.iterator in argument);
}

/** `new WebSocket(url, protocols)`, steps 1 to 7. Step 1 takes a page's base URL: there is none here. @throws DOMException `SyntaxError` */
export function parseWebSocketUrl(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base); // step 2: "the URL parser"
  } catch {
    throw new DOMException(`${text} is not a URL`, 'SyntaxError'); // step 3
  }
  if (url.protocol === 'http:') url.protocol = 'ws:'; // step 4
  if (url.protocol === 'https:') url.protocol = 'wss:'; // step 5
  // Step 6; the two that name a Unix socket are not in the standard.
  if (!/^wss?(\+unix)?:$/.test(url.protocol))
    throw new DOMException(`URL scheme is ${url.protocol} but must be ws:, wss:, http: or https:`, 'SyntaxError');
  if (url.hash !== '' || url.href.endsWith('#'))
    throw new DOMException('URL has a fragment (RFC 6455 §3)', 'SyntaxError'); // step 7
  endpointOf(url, undefined);
  return url;
}

/** Steps 8 and 9: subprotocols are distinct tokens (RFC 6455 §4.1 item 10). @throws DOMException `SyntaxError` */
export function parseProtocols(argument: unknown): readonly string[] {
  const protocols = toStringSequence(argument); // step 8
  for (const protocol of protocols) {
    if (!isToken(protocol))
      throw new DOMException(`subprotocol ${JSON.stringify(protocol)} is not a token`, 'SyntaxError');
  }
  if (new Set(protocols).size !== protocols.length)
    throw new DOMException('a subprotocol is given twice', 'SyntaxError');
  return protocols;
}
