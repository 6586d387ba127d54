/**
 * Listening to the application's `AbortSignal` for as long as there is something to abort.
 *
 * Read next: `websocket-session.ts`, `event-source.ts`.
 */

/** Calls `aborted` once, now or later, with the signal's reason; the answer stops listening. */
export function whenAborted(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {};
  const listener = (): void => aborted(signal.reason);
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
