/**
 * Ending a server without a storm: connections are closed one by one over a time, so that they come back spread out.
 *
 * WebSockets get 1012 ("service restart"), event streams a reconnection time of their own each (HTML §9.2.6, `retry`), which
 * spreads them once more. Order: WebSockets and streams mixed, as they were opened. One timer, evenly paced: the busiest
 * second has its share and no more. Read next: `../server.ts`.
 */

import type { Complete } from '../options.ts';
import { CloseCode } from '../websocket/close.ts';
import type { EventStream, ServerWebSocket } from './api.ts';
import { type ErrorHandler, guard } from './guard.ts';
import type { OpenConnections } from './open-connections.ts';
import { ServerStream } from './server-event-stream.ts';
import { ServerSocket } from './server-websocket.ts';
import type { Clock } from './sweeper.ts';

export interface DrainOptions {
  /** The time over which connections are closed. Default 0: at once. */
  readonly overMs?: number | undefined;
  /**
   * Event streams are told to come back at a random time up to this after the end of the drain, since a stream that is answered 503 does not come
   * back at all (HTML §9.2.3); new connections get 503 with it as Retry-After. Default 5,000.
   */
  readonly retryAfterMs?: number | undefined;
  /** Called with each WebSocket or stream before it is closed: to say where it may go on, for example. */
  readonly onClose?: ((connection: ServerWebSocket | EventStream) => void) | undefined;
}

/** How often connections are closed. */
const STEP_MS = 20;

/** Closes all WebSockets and streams over `overMs`; resolves when the last one has been told. `cancelled` ends it early. */
export function drainConnections(
  open: OpenConnections,
  clock: Clock,
  options: Complete<Pick<DrainOptions, 'overMs' | 'retryAfterMs'>> & DrainOptions,
  onError: ErrorHandler,
  cancelled: Promise<void>,
): Promise<void> {
  const { overMs, retryAfterMs, onClose } = options;
  const waiting = inOrder([...open.webSockets], [...open.eventStreams]);
  const total = waiting.length;
  const startMs = clock.now();
  let told = 0;
  const tell = (upTo: number): void => {
    const restMs = Math.max(0, startMs + overMs - clock.now());
    for (; told < upTo; told++) {
      const retry = Math.ceil(restMs + Math.random() * retryAfterMs);
      closeOne(waiting[told]!, retry, onClose, onError);
    }
  };
  if (overMs === 0 || total === 0) {
    tell(total);
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const stop = clock.every(STEP_MS, () => {
      tell(Math.min(total, Math.ceil(((clock.now() - startMs) / overMs) * total)));
      if (told === total) finish();
    });
    const finish = (): void => {
      stop();
      resolve();
    };
    cancelled.then(finish);
  });
}

export type Connection = ServerSocket<never> | ServerStream<never>;

/** Both kinds evenly mixed, so that the pace is that of the whole. */
function inOrder(sockets: readonly Connection[], streams: readonly Connection[]): Connection[] {
  const mixed: Connection[] = [];
  const total = sockets.length + streams.length;
  let taken = 0;
  for (let i = 0; i < total; i++) {
    const wanted = Math.ceil(((i + 1) * sockets.length) / total);
    mixed.push(taken < wanted ? sockets[taken++]! : streams[i - taken]!);
  }
  return mixed;
}

/** Tells `onClose` of it and closes it, a stream with a time to come back; not where it is closed already. */
export function closeOne(
  connection: Connection,
  retry: number,
  onClose: DrainOptions['onClose'],
  onError: ErrorHandler,
): void {
  if (!isOpen(connection)) return; // it has gone meanwhile, or another drain has closed it
  guard({ handlerFailed: onError }, onClose, undefined, connection);
  if (connection instanceof ServerSocket) connection.close(CloseCode.ServiceRestart, 'the server restarts');
  else ServerStream.closeUntil(connection, retry);
}

function isOpen(connection: Connection): boolean {
  return connection instanceof ServerSocket ? connection.readyState === 1 : !connection.closed;
}
