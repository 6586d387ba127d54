/**
 * `barewire/client` in a browser: what is not the browser's own.
 *
 * Its module graph has no `node:` import. Read next: `reconnecting.ts`.
 */

export { jitterMs, retryAfterMs } from './backoff.ts';
export {
  type AfterClose,
  type FinalCloseEvent,
  type Message,
  type PerAttempt,
  type ReconnectingOptions,
  ReconnectingWebSocket,
  type WaitingEvent,
} from './reconnecting.ts';
