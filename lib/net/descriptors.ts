/**
 * Tells the operator before the process has no file descriptor left for a connection.
 *
 * Node is not told when that happens (`EMFILE`): libuv takes the connection and drops it without a word, and a client sees
 * a reset. So the open connections are compared with the limit, where the system says it: `/proc/self/limits`, on Linux.
 * Choice: at nine tenths of what was free when listening began, since files and other sockets are opened later too.
 * Read next: `listener.ts`.
 */

import type { ErrorHandler } from './guard.ts';

/** The limit of this process, and how many descriptors were open when it was read. */
export interface Descriptors {
  readonly limit: number;
  readonly open: number;
}

/** Undefined where the system does not say, or has no limit. */
export function readDescriptors(): Descriptors | undefined {
  try {
    const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs');
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? undefined : { limit: Number(limit), open: readdirSync('/proc/self/fd').length };
  } catch {
    return undefined; // not Linux, or /proc is not there
  }
}

/** Told of each accepted connection; tells `onError` once whenever few descriptors are left. O(1). */
export class DescriptorWatch {
  readonly #onError: ErrorHandler;
  readonly #limit: number;
  /** Connections from which on it is told, and below which it may be told again. */
  readonly #tellFrom: number;
  readonly #forgetBelow: number;
  #told = false;

  constructor({ limit, open }: Descriptors, onError: ErrorHandler) {
    this.#onError = onError;
    this.#limit = limit;
    this.#tellFrom = Math.floor((limit - open) * 0.9);
    this.#forgetBelow = Math.floor((limit - open) * 0.8);
  }

  /** So many connections are open. */
  accepted(connections: number): void {
    if (connections < this.#forgetBelow) this.#told = false;
    if (this.#told || connections < this.#tellFrom) return;
    this.#told = true;
    this.#onError(
      new Error(
        `${connections} connections are open, and this process may have ${this.#limit} files open (ulimit -n): beyond that the ` +
          'system drops new connections without telling anybody; raise it, or lower maxConnections',
      ),
    );
  }
}
