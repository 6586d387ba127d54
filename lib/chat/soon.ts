/**
 * An answer that is there at once, or comes later: what costs nothing to know is not waited for.
 *
 * Each `await` on the way of a message costs turns of the microtask queue and some hundred octets, and where the application
 * gives no functions of its own there is nothing to wait for. Read next: `door.ts`, the user.
 */

/** At once, or later. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, else when it comes. What `next` throws is thrown, or rejected, alike. */
export function soon<T, R>(value: T | PromiseLike<T>, next: (value: T) => Soon<R>): Soon<R> {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value);
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
