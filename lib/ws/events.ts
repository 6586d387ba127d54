/**
 * `addEventListener` and the `on…` attributes over an emitter, with ws's event objects.
 *
 * ws gives its listeners small objects of its own and not DOM events; so does this. Listeners go in, emitter listeners come out.
 * Read next: `emitter.ts`.
 */

import type { EventEmitter } from 'node:events';
import type { WebSocket } from './websocket.ts';

export type EventType = 'open' | 'message' | 'error' | 'close';

export class Event {
  readonly type: string;
  readonly target: WebSocket;

  constructor(type: string, target: WebSocket) {
    this.type = type;
    this.target = target;
  }
}

export class MessageEvent extends Event {
  /** A string for text; else by `binaryType`. */
  readonly data: string | Buffer | ArrayBuffer | Buffer[] | Blob;

  constructor(target: WebSocket, data: MessageEvent['data']) {
    super('message', target);
    this.data = data;
  }
}

export class CloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  /** Both close frames have passed. */
  readonly wasClean: boolean;

  constructor(target: WebSocket, code: number, reason: string) {
    super('close', target);
    this.code = code;
    this.reason = reason;
    this.wasClean = code !== 1006;
  }
}

export class ErrorEvent extends Event {
  readonly error: Error;
  readonly message: string;

  constructor(target: WebSocket, error: Error) {
    super('error', target);
    this.error = error;
    this.message = error.message;
  }
}

/** Which event a listener of each type is given. */
export interface EventMap {
  open: Event;
  message: MessageEvent;
  close: CloseEvent;
  error: ErrorEvent;
}

export interface EventListenerOptions {
  readonly once?: boolean | undefined;
}

export type EventListener<E = never> = ((event: E) => void) | { handleEvent(event: E): void };

/** What hangs on an emitter for one listener. */
interface Wrapped {
  (...args: unknown[]): void;
  listener: EventListener;
  isAttribute: boolean;
}

/** An event for what an emitter's listeners are given. */
function eventOf(emitter: EventEmitter, type: EventType, args: readonly unknown[]): Event {
  const socket = emitter as unknown as WebSocket;
  const [first, second] = args;
  if (type === 'message')
    return new MessageEvent(socket, second === true ? (first as MessageEvent['data']) : String(first));
  if (type === 'close') return new CloseEvent(socket, first as number, String(second));
  return type === 'error' ? new ErrorEvent(socket, first as Error) : new Event('open', socket);
}

function isEventType(type: unknown): type is EventType {
  return type === 'open' || type === 'message' || type === 'error' || type === 'close';
}

function wrappersOf(emitter: EventEmitter, type: string): Wrapped[] {
  return emitter.rawListeners(type).flatMap((raw) => {
    const wrapped = ((raw as { listener?: unknown }).listener ?? raw) as Wrapped;
    const found = 'isAttribute' in wrapped ? wrapped : (raw as Wrapped);
    return 'isAttribute' in found ? [found] : [];
  });
}

/** Types that ws has no event for are ignored. The same listener twice counts once. */
export function addListener(
  emitter: EventEmitter,
  type: string,
  listener: EventListener,
  { once = false, isAttribute = false }: { readonly once?: boolean | undefined; readonly isAttribute?: boolean } = {},
): void {
  if (!isEventType(type)) return;
  if (!isAttribute && wrappersOf(emitter, type).some((other) => !other.isAttribute && other.listener === listener))
    return;
  const wrapped = (...args: unknown[]): void => {
    if (once) emitter.off(type, wrapped);
    const event = eventOf(emitter, type, args) as never;
    if (typeof listener === 'function') listener.call(emitter as unknown as WebSocket, event);
    else listener.handleEvent(event);
  };
  emitter.on(type, Object.assign(wrapped, { listener, isAttribute }));
}

export function removeListener(emitter: EventEmitter, type: string, listener: EventListener): void {
  for (const wrapped of wrappersOf(emitter, type))
    if (!wrapped.isAttribute && wrapped.listener === listener) emitter.off(type, wrapped);
}

/** The listener of an `on…` attribute; null where there is none. */
export function attributeOf(emitter: EventEmitter, type: EventType): EventListener | null {
  const found = wrappersOf(emitter, type).find(({ isAttribute }) => isAttribute);
  return found?.listener ?? null;
}

export function setAttribute(emitter: EventEmitter, type: EventType, listener: unknown): void {
  for (const wrapped of wrappersOf(emitter, type)) if (wrapped.isAttribute) emitter.off(type, wrapped);
  if (typeof listener === 'function') addListener(emitter, type, listener as EventListener, { isAttribute: true });
}
