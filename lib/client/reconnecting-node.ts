/**
 * The reconnecting WebSocket for Node: with this library's WebSocket, which tells the status of a refusal.
 *
 * Knows nothing else. Read next: `reconnecting.ts`.
 */

import { type PerAttempt, ReconnectingWebSocket as Portable, type ReconnectingOptions } from './reconnecting.ts';
import { WebSocket } from './websocket.ts';

/** `ReconnectingWebSocket` of `reconnecting.ts`; where no `WebSocket` is given, with this library's. */
export class ReconnectingWebSocket extends Portable {
  /** @throws as `ReconnectingWebSocket` of `reconnecting.ts` */
  constructor(url: PerAttempt<string | URL>, options: ReconnectingOptions = {}) {
    super(url, { ...options, WebSocket: options.WebSocket ?? WebSocket });
  }
}
