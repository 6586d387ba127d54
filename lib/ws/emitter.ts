/**
 * What a `WebSocket` is as a source of events: an emitter, and `addEventListener` and the `on…` attributes over it.
 *
 * Knows which events there are and what their listeners are given; nothing of connections. Read next: `websocket.ts`, the class.
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import {
  addListener,
  attributeOf,
  type CloseEvent,
  type ErrorEvent,
  type Event,
  type EventListener,
  type EventMap,
  type MessageEvent,
  removeListener,
  setAttribute,
} from './events.ts';
import { TypedEmitter } from './typed-emitter.ts';
import type { RawData } from './types.ts';

/** What listeners of each event are given. */
export interface WebSocketEvents {
  close: [code: number, reason: Buffer];
  error: [error: Error];
  message: [data: RawData, isBinary: boolean];
  open: [];
  ping: [data: Buffer];
  pong: [data: Buffer];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
  upgrade: [request: IncomingMessage];
}

type Handler<E> = ((event: E) => void) | null;

export class WebSocketEmitter extends TypedEmitter<WebSocketEvents> {
  get onopen(): Handler<Event> {
    return attributeOf(this, 'open') as Handler<Event>;
  }
  set onopen(handler: Handler<Event>) {
    setAttribute(this, 'open', handler);
  }
  get onerror(): Handler<ErrorEvent> {
    return attributeOf(this, 'error') as Handler<ErrorEvent>;
  }
  set onerror(handler: Handler<ErrorEvent>) {
    setAttribute(this, 'error', handler);
  }
  get onclose(): Handler<CloseEvent> {
    return attributeOf(this, 'close') as Handler<CloseEvent>;
  }
  set onclose(handler: Handler<CloseEvent>) {
    setAttribute(this, 'close', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return attributeOf(this, 'message') as Handler<MessageEvent>;
  }
  set onmessage(handler: Handler<MessageEvent>) {
    setAttribute(this, 'message', handler);
  }

  addEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: EventListener<EventMap[Type]>,
    options?: { readonly once?: boolean | undefined },
  ): void {
    addListener(this, type, listener as EventListener, options);
  }
  removeEventListener<Type extends keyof EventMap>(type: Type, listener: EventListener<EventMap[Type]>): void {
    removeListener(this, type, listener as EventListener);
  }
}

// As ws has them: `for (const name in socket)` finds them.
for (const name of ['onopen', 'onmessage', 'onerror', 'onclose', 'addEventListener', 'removeEventListener'])
  Object.defineProperty(WebSocketEmitter.prototype, name, { enumerable: true });
