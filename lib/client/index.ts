/**
 * `barewire/client`: the clients alone.
 *
 * Read next: `websocket.ts`, `event-source.ts`.
 */

export { ConnectFailed, ConnectionClosed, HandshakeRejected } from '../errors.ts';
export type { HeadersOption, HeaderValues } from './attempt.ts';
export type { DialOptions, TcpOptions } from './dialer.ts';
export { type DuplexOptions, duplexOf, type MessageSocket } from './duplex-of.ts';
export { EventSource, type EventSourceEventMap, type EventSourceOptions } from './event-source.ts';
export { CloseEvent, type CloseEventInit, ErrorEvent, type ErrorEventInit } from './events.ts';
export { type EventsOfOptions, eventsOf, type StreamEvent } from './events-of.ts';
export { proxyFromEnvironment } from './proxy.ts';
export { type BinaryType, WebSocket, type WebSocketEventMap, type WebSocketOptions } from './websocket.ts';
