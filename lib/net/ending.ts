/**
 * The end of a server: whether it has begun, how what is open is closed, and how what opens meanwhile.
 *
 * `drain` closes over a time and then ends as `close` does; `close` waits for what is left, at most `closeTimeoutMs`. What was
 * accepted before and opens only now (an `upgrade` or `accept` that has taken its time, a request on a connection that is kept
 * open) is closed at once, like the others. Knows no routes. Read next: `drain.ts`.
 */

import { MAX_TIMER_MS } from '../options.ts';
import { CloseCode } from '../websocket/close.ts';
import { type Connection, closeOne, type DrainOptions, drainConnections } from './drain.ts';
import type { ErrorHandler } from './guard.ts';
import type { OpenConnections } from './open-connections.ts';
import { ServerSocket } from './server-websocket.ts';
import type { Clock } from './sweeper.ts';

export interface EndingParts {
  readonly open: OpenConnections;
  readonly clock: Clock;
  readonly closeTimeoutMs: number;
  readonly onError: ErrorHandler;
  readonly listener: { close(): Promise<void>; dropBeginners(): void; destroyUnderTls(): void };
}

/** A drain that is under way, or whose end has come. */
interface Drain {
  /** When its last connection is closed. */
  readonly endMs: number;
  readonly retryAfterMs: number;
  readonly onClose: DrainOptions['onClose'];
}

const DEFAULT_RETRY_AFTER_MS = 5_000;

export class Ending {
  readonly #parts: EndingParts;
  /** Called when all have gone. */
  readonly whenOver: (() => void)[] = [];
  /** Set by `drain` and `close`: no new connection is served. */
  #closing = false;
  /** Set by the first `close`; every other call answers the same. */
  #closed: Promise<void> | undefined = undefined;
  #retryAfterMs = DEFAULT_RETRY_AFTER_MS;
  /** Each ends a drain that is under way. */
  readonly #cancelDrains: (() => void)[] = [];
  /** The latest; undefined where `close` ends the server. */
  #drain: Drain | undefined = undefined;
  /** Of `close`. */
  #code: number = CloseCode.GoingAway;
  #reason = '';

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** `close` was called, or a drain has come to it. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** When a client that is refused may come back. */
  get retryAfterMs(): number {
    return this.#retryAfterMs;
  }

  /** As `Server.drain`. */
  drain({ overMs = 0, retryAfterMs = DEFAULT_RETRY_AFTER_MS, onClose }: DrainOptions): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    const { open, clock, onError } = this.#parts;
    this.#closing = true;
    this.#retryAfterMs = retryAfterMs;
    this.#drain = { endMs: Math.min(clock.now() + overMs, this.#drain?.endMs ?? Infinity), retryAfterMs, onClose };
    const cancelled = new Promise<void>((resolve) => {
      this.#cancelDrains.push(resolve);
    });
    return drainConnections(open, clock, { overMs, retryAfterMs, onClose }, onError, cancelled).then(() =>
      this.#end(CloseCode.ServiceRestart, ''),
    );
  }

  /** As `Server.close`, the code and reason checked. */
  close(code: number, reason: string): Promise<void> {
    if (this.#closed === undefined) this.#drain = undefined;
    return this.#end(code, reason);
  }

  /** Of what has just been opened: closes it where the server is ending. */
  opened(connection: Connection): void {
    if (!this.#closing) return;
    const { clock, onError } = this.#parts;
    if (this.#drain !== undefined) {
      const { endMs, retryAfterMs, onClose } = this.#drain;
      const restMs = Math.max(0, endMs - clock.now());
      closeOne(connection, Math.ceil(restMs + Math.random() * retryAfterMs), onClose, onError);
    } else if (connection instanceof ServerSocket) connection.close(this.#code, this.#reason);
    else connection.close();
  }

  #end(code: number, reason: string): Promise<void> {
    this.#closing = true;
    if (this.#closed === undefined) {
      this.#code = code;
      this.#reason = reason;
      this.#closed = this.#close();
    }
    for (const cancel of this.#cancelDrains.splice(0)) cancel();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { open, clock, closeTimeoutMs, listener } = this.#parts;
    const listened = listener.close();
    // The clock's timers let the process end. Who waits for `close` has something to do after it.
    const held = setTimeout(() => {}, Math.min(closeTimeoutMs + 1_000, MAX_TIMER_MS));
    open.closeAll(this.#code, this.#reason);
    listener.dropBeginners();
    const cancel = clock.after(closeTimeoutMs, () => {
      open.destroyAll();
      listener.destroyUnderTls();
    });
    // Node's server counts sockets that are destroyed; ours have also told their handlers.
    await Promise.all([listened, open.whenEmpty()]);
    cancel();
    clearTimeout(held);
    for (const tell of this.whenOver.splice(0)) tell();
  }
}
