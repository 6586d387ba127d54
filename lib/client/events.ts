/**
 * The event classes of the web's interfaces that Node 20 does not have, with their dictionaries.
 *
 * Knows what an event carries, not when it is fired. `MessageEvent` is Node's own.
 * Sections: `CloseEvent` (WebSockets §6), `ErrorEvent` (HTML §8.1.4.6), listeners that know their event.
 * Read next: `event-handlers.ts`.
 */

import type { Complete } from '../options.ts';
import {
  defineInterface,
  requireArguments,
  toDictionary,
  toDomString,
  toUnsignedShort,
  toUsvString,
} from './webidl.ts';

/** What every event can be given (DOM §2.2). */
interface Init {
  readonly bubbles?: boolean | undefined;
  readonly cancelable?: boolean | undefined;
  readonly composed?: boolean | undefined;
}

function eventInit(init: Readonly<Record<string, unknown>>): Complete<Init> {
  const { bubbles, cancelable, composed } = init;
  return { bubbles: Boolean(bubbles), cancelable: Boolean(cancelable), composed: Boolean(composed) };
}

export interface CloseEventInit extends Init {
  readonly wasClean?: boolean | undefined;
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** How a WebSocket connection ended (WebSockets §6). */
export class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  /** @throws TypeError without a type, or where `init` is no dictionary */
  constructor(type: string, init: CloseEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: a missing argument and an undefined one differ in WebIDL
    requireArguments('CloseEvent', arguments.length, 1);
    const given = toDictionary('CloseEventInit', init);
    super(toDomString(type), eventInit(given));
    const { code, reason, wasClean } = given;
    this.#code = code === undefined ? 0 : toUnsignedShort(code);
    this.#reason = reason === undefined ? '' : toUsvString(reason);
    this.#wasClean = Boolean(wasClean);
  }

  /** The closing handshake was completed. */
  get wasClean(): boolean {
    return this.#wasClean;
  }

  /** The close code (RFC 6455 §7.1.5): 1005 when the peer gave none, 1006 when there was no closing handshake. */
  get code(): number {
    return this.#code;
  }

  /** The peer's close reason (RFC 6455 §7.1.6). */
  get reason(): string {
    return this.#reason;
  }
}
defineInterface(CloseEvent, 'CloseEvent', ['wasClean', 'code', 'reason']);

export interface ErrorEventInit extends Init {
  readonly message?: string | undefined;
  readonly filename?: string | undefined;
  readonly lineno?: number | undefined;
  readonly colno?: number | undefined;
  readonly error?: unknown;
}

/** An `error` event that, unlike a browser's, says what happened (the interface is HTML §8.1.4.6). */
export class ErrorEvent extends Event {
  readonly #message: string;
  readonly #filename: string;
  readonly #lineno: number;
  readonly #colno: number;
  readonly #error: Error;

  /** @throws TypeError without a type, or where `init` is no dictionary */
  constructor(type: string, init: ErrorEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: a missing argument and an undefined one differ in WebIDL
    requireArguments('ErrorEvent', arguments.length, 1);
    const given = toDictionary('ErrorEventInit', init);
    super(toDomString(type), eventInit(given));
    const { colno, error, filename, lineno, message } = given;
    this.#colno = colno === undefined ? 0 : +(colno as number) >>> 0;
    this.#error = error as Error;
    this.#filename = filename === undefined ? '' : toUsvString(filename);
    this.#lineno = lineno === undefined ? 0 : +(lineno as number) >>> 0;
    this.#message = message === undefined ? '' : toDomString(message);
  }

  get message(): string {
    return this.#message;
  }

  /** Empty for the events of this library: they are about connections, not about scripts. */
  get filename(): string {
    return this.#filename;
  }

  get lineno(): number {
    return this.#lineno;
  }

  get colno(): number {
    return this.#colno;
  }

  /** What happened. In events that this library fires it is an Error. */
  get error(): Error {
    return this.#error;
  }
}
defineInterface(ErrorEvent, 'ErrorEvent', ['message', 'filename', 'lineno', 'colno', 'error']);

/** An `error` event about `error`. */
export function errorEvent(error: Error): ErrorEvent {
  return new ErrorEvent('error', { message: error.message, error });
}

/** A listener of one kind of event: a function, or an object with `handleEvent`. */
export type Listener<E> = ((event: E) => unknown) | { handleEvent(event: E): unknown };

/** An event target whose listeners know their event by its type: `Events` names them, all others get `Other`. */
export interface TypedEventTarget<Events extends { [T in keyof Events]: Event }, Other extends Event = Event>
  extends EventTarget {
  addEventListener<T extends keyof Events & string>(
    type: T,
    listener: Listener<Events[T]> | null,
    options?: ListenerOptions | boolean,
  ): void;
  addEventListener(type: string, listener: Listener<Other> | null, options?: ListenerOptions | boolean): void;
  removeEventListener<T extends keyof Events & string>(
    type: T,
    listener: Listener<Events[T]> | null,
    options?: { readonly capture?: boolean } | boolean,
  ): void;
  removeEventListener(
    type: string,
    listener: Listener<Other> | null,
    options?: { readonly capture?: boolean } | boolean,
  ): void;
}

/** DOM §2.7: `AddEventListenerOptions`. */
export interface ListenerOptions {
  readonly capture?: boolean | undefined;
  readonly once?: boolean | undefined;
  readonly passive?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
