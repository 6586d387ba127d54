/**
 * What everything behind a server's doors shares, and what its routes lead to. Types only.
 *
 * Read next: `dispatch.ts`.
 */

import type { ContentCoding } from '../http/content-coding.ts';
import type { CorsPolicy } from '../http/cors.ts';
import type { Router } from '../http/router.ts';
import type { DeflatePolicy } from '../websocket/extension.ts';
import type { EventStreamHandlers, HttpHandler, HttpRequest, Upgrade, WebSocketHandlers } from './api.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type { StreamSettings } from './event-stream-connection.ts';
import type { ErrorHandler } from './guard.ts';
import type { Observed } from './observed.ts';
import type { OpenConnections } from './open-connections.ts';
import type { Field } from './responses.ts';
import type { ServerStream } from './server-event-stream.ts';
import type { ServerSocket } from './server-websocket.ts';
import type { Sweeper } from './sweeper.ts';

/** Whose pages may use a route. */
export type Cors = CorsPolicy<HttpRequest>;

export interface HttpTarget {
  readonly kind: 'http';
  /** The route, as errors name it: `route("GET", "/healthz")`. */
  readonly name: string;
  readonly cors: Cors;
  readonly handler: HttpHandler;
}

export interface WebSocketTarget {
  readonly kind: 'websocket';
  readonly cors: Cors;
  readonly settings: ConnectionSettings<ServerSocket<unknown>>;
  readonly handlers: WebSocketHandlers<unknown>;
  readonly upgrade: Upgrade<unknown> | undefined;
  readonly protocols: readonly string[];
  /** Undefined: permessage-deflate is not accepted here. */
  readonly deflate: DeflatePolicy | undefined;
}

export interface StreamTarget {
  readonly kind: 'event-stream';
  readonly cors: Cors;
  readonly settings: StreamSettings<ServerStream<unknown>>;
  readonly handlers: EventStreamHandlers<unknown>;
  readonly accept: Upgrade<unknown> | undefined;
  readonly contentCodings: readonly ContentCoding[];
  /** Further response fields. */
  readonly fields: readonly Field[];
}

/** What a route leads to. */
export type Target = HttpTarget | WebSocketTarget | StreamTarget;

export interface Context {
  readonly router: Router<Target>;
  readonly sweeper: Sweeper;
  readonly open: OpenConnections;
  readonly onError: ErrorHandler;
  /** Left out where there is no server of ours to observe. */
  readonly observed?: Observed;
  /** Told of what has just been opened: closes it where the server is closing. */
  readonly opened: (connection: ServerSocket<never> | ServerStream<never>) => void;
  /** The server is closing, or drains. */
  readonly closing: () => boolean;
  /** `close` was called: requests that other people's servers hand over are not served either, as they are while we drain. */
  readonly closed: () => boolean;
  /** What a client that cannot be served now is told about when to come back. */
  readonly retryAfterMs: () => number;
}
