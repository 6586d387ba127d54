/**
 * From the options of ws to the settings of our connections, with ws's names and defaults and our own bounds.
 *
 * Options go in as they were given; one object of settings comes out, for all connections of a server or for one client.
 * Read next: `link.ts`, which uses it.
 */

import type { BytesClass } from '../bytes/allocate.ts';
import { TIMEOUTS, WEBSOCKET_LIMITS } from '../limits.ts';
import type { ConnectionSettings } from '../net/connection-settings.ts';
import { clientSweeper } from '../net/sweeper.ts';
import { type DeflatePolicy, deflatePolicy } from '../websocket/extension.ts';
import type { Link } from './link.ts';
import { LINK_HANDLERS, ONE_A_TURN } from './told.ts';
import type { ConnectionOptions, ServerOptions } from './types.ts';

/** ws's default: 100 MiB. */
const MAX_PAYLOAD_BYTES = 104_857_600;
/** ws's default. */
const MAX_FRAGMENTS = 16_384;
/** ws's default, in ms. */
const CLOSE_TIMEOUT_MS = 30_000;
/** ws's default: shorter messages are not compressed. */
const THRESHOLD_BYTES = 1_024;

/** What stands in the `options` of a server that says nothing of them; programs read them there. */
export const SERVER_DEFAULTS: Omit<ServerOptions, 'WebSocket' | 'handleProtocols'> & {
  readonly handleProtocols: null;
} = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 262_144,
  maxFragments: MAX_FRAGMENTS,
  maxPayload: MAX_PAYLOAD_BYTES,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: CLOSE_TIMEOUT_MS,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

/** The class of which `Buffer` makes its own, so that a message is one object and not two. */
const BUFFERS = (Buffer as unknown as { [Symbol.species]: BytesClass })[Symbol.species];

/** @throws TypeError or RangeError for `maxBufferedBytes` or `writeTimeout` out of bounds */
export function connectionSettings(role: 'client' | 'server', options: ConnectionOptions): ConnectionSettings<Link> {
  const { maxBufferedBytes = Number.POSITIVE_INFINITY, writeTimeout = TIMEOUTS.writeTimeoutMs } = options;
  if (!(maxBufferedBytes >= 1))
    throw new RangeError(`maxBufferedBytes is ${maxBufferedBytes}, must be a number of bytes from 1 on, or Infinity`);
  if (!(writeTimeout >= 0)) throw new RangeError(`writeTimeout is ${writeTimeout}, must be a number of ms from 0 on`);
  const closeTimeoutMs = options.closeTimeout ?? CLOSE_TIMEOUT_MS;
  const sweeper = clientSweeper(undefined);
  sweeper.expect(closeTimeoutMs, writeTimeout);
  return {
    role,
    handlers: options.allowSynchronousEvents === false ? ONE_A_TURN : LINK_HANDLERS,
    sweeper,
    maxMessageBytes: orUnbounded(options.maxPayload ?? MAX_PAYLOAD_BYTES),
    maxFramesPerMessage: orUnbounded(options.maxFragments ?? MAX_FRAGMENTS),
    maxStreamedMessageBytes: WEBSOCKET_LIMITS.maxStreamedMessageBytes, // messages are received whole
    maxBufferedBytes,
    highWaterMarkBytes: WEBSOCKET_LIMITS.highWaterMarkBytes,
    maxQueuedMessages: WEBSOCKET_LIMITS.maxQueuedMessages,
    maxQueuedBytes: WEBSOCKET_LIMITS.maxQueuedBytes,
    pingIntervalMs: 0, // as ws: who wants heartbeats sends them
    pongTimeoutMs: TIMEOUTS.pongTimeoutMs,
    closeTimeoutMs,
    writeTimeoutMs: writeTimeout,
    textAsBytes: true,
    lendsBinary: false,
    lendsText: false,
    bytesClass: BUFFERS,
    answersPings: options.autoPong !== false,
    echoesReason: true,
    onError: rethrow,
  };
}

/** ws reads 0 as "no limit". */
function orUnbounded(limit: number): number {
  return limit > 0 ? limit : Number.MAX_SAFE_INTEGER;
}

/** Our handlers catch what listeners throw; what comes here is a fault of our own. */
function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** What is offered, or answered. Undefined: no compression. @throws RangeError for a number out of its bounds */
export function policyOf(
  role: 'client' | 'server',
  given: ConnectionOptions['perMessageDeflate'],
): DeflatePolicy | undefined {
  const wanted = given ?? role === 'client';
  if (wanted === false) return undefined;
  const options = wanted === true ? {} : wanted;
  const { serverMaxWindowBits, clientMaxWindowBits, threshold = THRESHOLD_BYTES, zlibDeflateOptions } = options;
  const level = zlibDeflateOptions?.['level'];
  return deflatePolicy(
    {
      thresholdBytes: threshold,
      // zlib's -1 is "the default", its 0 "do not compress": the quickest of ours comes closest to that.
      ...(typeof level === 'number' && level >= 0 && { level: Math.max(level, 1) }),
      serverContextTakeover: options.serverNoContextTakeover !== true,
      clientContextTakeover: options.clientNoContextTakeover !== true,
      ...(typeof serverMaxWindowBits === 'number' && { serverMaxWindowBits }),
      ...(typeof clientMaxWindowBits === 'number' && { clientMaxWindowBits }),
    },
    role,
  );
}
