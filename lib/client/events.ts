/**
 * The event classes of the WHATWG interfaces that Node 20 does not have, and `on…` attributes for event targets.
 *
 * `MessageEvent` is Node's own. Read next: `websocket.ts`.
 */

/** HTML §9.3.3 / WebSockets §6: how a connection ended. */
export class CloseEvent extends Event {
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;

  constructor(type: string, init: { readonly wasClean: boolean; readonly code: number; readonly reason: string }) {
    super(type);
    this.wasClean = init.wasClean;
    this.code = init.code;
    this.reason = init.reason;
  }
}

/** An `error` event that, unlike a browser's, says what happened. */
export class ErrorEvent extends Event {
  readonly message: string;
  readonly error: Error;

  constructor(type: string, error: Error) {
    super(type);
    this.message = error.message;
    this.error = error;
  }
}

type Listener<E extends Event> = ((event: E) => void) | null;

/** One `on…` attribute (HTML §8.1.8.1): setting it replaces the listener, setting null removes it. */
export class HandlerAttribute<E extends Event> {
  readonly #target: EventTarget;
  readonly #type: string;
  #listener: Listener<E> = null;

  constructor(target: EventTarget, type: string) {
    this.#target = target;
    this.#type = type;
  }

  get(): Listener<E> {
    return this.#listener;
  }

  set(listener: Listener<E>): void {
    if (this.#listener !== null) this.#target.removeEventListener(this.#type, this.#listener as (event: Event) => void);
    this.#listener = typeof listener === 'function' ? listener : null;
    if (this.#listener !== null) this.#target.addEventListener(this.#type, this.#listener as (event: Event) => void);
  }
}
