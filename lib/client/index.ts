/**
 * `barewire/client`: the clients alone. In a browser `browser.ts` takes this file's place.
 *
 * Read next: `websocket.ts`, `event-source.ts`, `reconnecting.ts`.
 */

export { ConnectFailed, ConnectionClosed, HandshakeRejected } from '../errors.ts';
export type { HeadersOption, HeaderValues } from './attempt.ts';
export { jitterMs, retryAfterMs } from './backoff.ts';
export type { DialOptions } from './dialer.ts';
export { type DuplexOptions, duplexOf, type MessageSocket } from './duplex-of.ts';
export { EventSource, type EventSourceEventMap, type EventSourceOptions } from './event-source.ts';
export { CloseEvent, type CloseEventInit, ErrorEvent, type ErrorEventInit } from './events.ts';
export { type EventsOfOptions, eventsOf, type StreamEvent } from './events-of.ts';
export { proxyFromEnvironment } from './proxy.ts';
export type {
  AfterClose,
  FinalCloseEvent,
  Message,
  PerAttempt,
  ReconnectingOptions,
  WaitingEvent,
} from './reconnecting.ts';
export { ReconnectingWebSocket } from './reconnecting-node.ts';
export type { TcpOptions } from './tcp-options.ts';
export { type BinaryType, WebSocket, type WebSocketEventMap, type WebSocketOptions } from './websocket.ts';
