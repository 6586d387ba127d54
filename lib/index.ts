/**
 * The public surface of barewire. Each group names the file to read for more.
 *
 * Subpaths hold the parts that can be used alone: `barewire/websocket` and `barewire/event-stream` (pure cores),
 * `barewire/deflate` (the codec), `barewire/rooms`, `barewire/chat`, `barewire/testing`.
 */

// Clients (client/index.ts)
export * from './client/index.ts';
// Errors (errors.ts) and default limits (limits.ts)
export { BarewireError, ConnectFailed, ConnectionClosed, HandshakeRejected, ProtocolViolation } from './errors.ts';
// Event streams (event-stream/)
export type { EventStreamMessage } from './event-stream/encoder.ts';
export { PreparedEvent, prepareEvent } from './event-stream/prepared-event.ts';
// Requests and responses (http/, net/api.ts)
export type { ContentCoding } from './http/content-coding.ts';
export { HeaderFields } from './http/headers.ts';
export {
  CLIENT_LIMITS,
  COMPRESSION_DEFAULTS,
  EVENT_STREAM_LIMITS,
  HTTP_LIMITS,
  SERVER_LIMITS,
  TIMEOUTS,
  WEBSOCKET_LIMITS,
} from './limits.ts';
// Behind somebody's server (mount/)
export { type EventStreamResponseOptions, eventStreamResponse } from './mount/fetch.ts';
export type { Middleware } from './mount/middleware.ts';
export type { AttachOptions } from './mount/mount.ts';
export type { NodeRequest, NodeResponse, UpgradeStream } from './mount/node-request.ts';
export { type OpenEventStreamOptions, openEventStream } from './mount/open-event-stream.ts';
export type {
  Acceptance,
  AllowedOrigins,
  ConnectionStats,
  Decision,
  EventMessage,
  EventStream,
  EventStreamFunction,
  EventStreamHandlers,
  EventStreamRouteOptions,
  HttpHandler,
  HttpRequest,
  HttpResponse,
  HttpRouteOptions,
  LentBytes,
  Message,
  RawRequest,
  Refusal,
  SendOptions,
  SendResult,
  ServerWebSocket,
  StreamedMessage,
  Upgrade,
  WebSocketFunction,
  WebSocketHandlers,
  WebSocketRouteOptions,
  WriteMessageOptions,
} from './net/api.ts';
export type { DrainOptions } from './net/drain.ts';
export type { ListenOptions } from './net/listener.ts';
export type { Clock } from './net/sweeper.ts';
// What can be observed (observe.ts)
export type {
  BackpressureObserved,
  CloseObserved,
  ConnectObserved,
  ErrorObserved,
  EventName,
  MessageObserved,
  ObservedEvents,
  Observer,
  OpenObserved,
  Place,
  RefusalObserved,
  RefusalReason,
  Reporter,
  RoundTripObserved,
} from './observe.ts';
// The server (server.ts)
export { createServer, metrics, type Server, type ServerOptions } from './server.ts';
// WebSocket messages encoded once (websocket/)
export { CloseCode } from './websocket/close.ts';
export type { PerMessageDeflate, PerMessageDeflateOptions } from './websocket/extension.ts';
export { PreparedMessage, prepareMessage } from './websocket/prepared-message.ts';
