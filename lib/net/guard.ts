/**
 * The one call by which handlers of the application are run: whatever they throw, or reject with, stays with their connection.
 *
 * A handler may be an async function: its rejection is a failure like any other, not the end of the process. The error
 * handler is such a handler too: what it throws becomes a process warning.
 * Read next: `websocket-connection.ts`, which calls it most.
 */

import { isPromise, printable, whenRejected } from '../errors.ts';

/** Whose handler failed: it tells the error on and ends its own connection. Must not throw. */
export interface Guarded {
  handlerFailed(error: unknown): void;
}

type Handler = ((...args: never[]) => unknown) | undefined;

/** Calls `handler` as a method of `self`, if there is one. Answers what it returned; undefined when it threw. */
export function guard(
  owner: Guarded,
  handler: Handler,
  self: unknown,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
): unknown {
  if (handler === undefined) return undefined;
  try {
    const result = (handler as (...args: unknown[]) => unknown).call(self, a, b, c, d);
    if (result !== undefined) watch(owner, result);
    return result;
  } catch (error) {
    owner.handlerFailed(error);
    return undefined;
  }
}

/** Hears of the rejection of what a handler returned, where that is a promise. */
export function watch(owner: Guarded, result: unknown): void {
  whenRejected(result, (error) => owner.handlerFailed(error));
}

/**
 * Makes a question that is answered at once with yes, which is `true`, or no, which is all else. A promise is a no, and its
 * rejection is told to `onError`, which by default does nothing: an async function here is a mistake, not the end of the process.
 */
export function yesOrNo<Args extends unknown[]>(
  question: (...args: Args) => unknown,
  onError: ErrorHandler = () => {},
): (...args: Args) => boolean {
  const owner: Guarded = { handlerFailed: onError };
  return (...args) => {
    const answer = question(...args);
    watch(owner, answer);
    return answer === true;
  };
}

/** What becomes of a question to the application: one of `answered` and `failed` is called, once. */
export interface Asked {
  answered(answer: unknown): void;
  failed(error: unknown): void;
  /** The answer comes later. */
  waiting?(): void;
}

/** Asks the application something that it answers now or later. Whatever it does instead of answering has failed. */
export function ask(question: () => unknown, on: Asked): void {
  let answer: unknown;
  let comesLater: boolean;
  try {
    answer = question();
    comesLater = isPromise(answer);
  } catch (error) {
    on.failed(error);
    return;
  }
  if (!comesLater) {
    on.answered(answer);
    return;
  }
  on.waiting?.();
  // `resolve` hears what a promise of another make throws in place of its answer, and its first answer only.
  Promise.resolve(answer).then(
    (value) => on.answered(value),
    (error: unknown) => on.failed(error),
  );
}

/** Told what a handler threw. */
export type ErrorHandler = (error: unknown) => void;

/** An error handler that cannot do harm itself. Without one, errors become process warnings. */
export function guardedErrorHandler(onError: ((error: unknown) => unknown) | undefined): ErrorHandler {
  if (onError === undefined) return warn;
  const itself: Guarded = { handlerFailed: warn };
  return (error) => {
    guard(itself, onError, undefined, error);
  };
}

function warn(error: unknown): void {
  process.emitWarning(printable(error), { type: 'BarewireHandlerError' });
}
