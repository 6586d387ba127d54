/**
 * What an event stream needs that has no route and no server of ours: settings made of its own options.
 *
 * All such streams on the system's clock share one sweeper and one registry. Nobody closes them but their handlers and clients.
 * Read next: `open-event-stream.ts`.
 */

import { Router } from '../http/router.ts';
import type { EventStream, EventStreamRouteOptions } from '../net/api.ts';
import type { Context, StreamTarget, Target } from '../net/context.ts';
import { guardedErrorHandler } from '../net/guard.ts';
import { OpenConnections } from '../net/open-connections.ts';
import { type CheckedResponse, checkStreamHeaders, handlerFailed } from '../net/responses.ts';
import { checkStreamOptions, streamConnectionSettings, streamSettings } from '../net/settings.ts';
import { type Clock, clientSweeper } from '../net/sweeper.ts';
import { at, clockWith, defined, FUNCTION, kindOf } from '../options.ts';

/** Options of an event stream that somebody's handler opens. */
export interface UnroutedStreamOptions extends Omit<EventStreamRouteOptions, 'method' | 'allowedOrigins'> {
  /**
   * Everything that waited has left, after `'backpressure'` or `'dropped'`; not called once the stream is closed. As `drain` of a route: a member of a
   * room is told by it, `drain: () => member.drained()`. What it throws is told to `onError`, and the stream is dropped.
   */
  readonly drain?: ((stream: EventStream) => unknown) | undefined;
  /** The stream is over, whoever ended it, also one that was closed from the start: called once, never before the stream has been handed out. */
  readonly close?: ((stream: EventStream) => unknown) | undefined;
  /** Told what went wrong on our side. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Where time comes from; tests pass a fake one. */
  readonly clock?: Clock | undefined;
}

export interface UnroutedStream {
  readonly context: Context;
  readonly target: Pick<StreamTarget, 'settings' | 'handlers' | 'contentCodings' | 'fields'>;
}

const sharedOpen = new OpenConnections(0);
const NO_ROUTES = new Router<Target>();

/** @throws TypeError or RangeError that names a wrong option and its bound */
export function unroutedStream(where: string, options: UnroutedStreamOptions): UnroutedStream {
  checkStreamOptions(where, options, {
    drain: FUNCTION,
    close: FUNCTION,
    onError: FUNCTION,
    clock: clockWith('now', 'every', 'after'),
    allowedOrigins: kindOf(
      'left out: other origins are the business of who calls this',
      (value) => value === undefined,
    ),
  });
  const { drain, close, onError, clock, ...ofStream } = options;
  const sweeper = clientSweeper(clock);
  const open = sharedOpen;
  const makers = { defaults: {}, sweeper, open, onError: guardedErrorHandler(onError) };
  const merged = streamSettings(makers, ofStream);
  const { onError: tell } = makers;
  const context = {
    router: NO_ROUTES,
    sweeper,
    open,
    onError: tell,
    closing: () => false,
    closed: () => false,
    opened() {},
    retryAfterMs: () => 0,
  };
  const handlers = defined({ drain, close });
  // Not the client's mistake, whatever it is: `stream.request` has no body here.
  const failure = (error: unknown): CheckedResponse => {
    tell(error);
    return handlerFailed();
  };
  const settings = { ...streamConnectionSettings<unknown>(makers, merged, handlers), failure };
  const fields = at(where, () => checkStreamHeaders(merged.headers ?? {}));
  return { context, target: { settings, handlers, contentCodings: merged.contentCodings ?? [], fields } };
}
