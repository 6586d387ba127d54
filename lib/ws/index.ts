/**
 * `barewire/ws`: what is written against ws runs on this, by one changed import.
 *
 * The default export, and what `require` answers, is the class with everything else as its properties, as ws has it.
 * Read next: `README.md`, what is different, option by option; then `websocket.ts`.
 */

import * as extension from './extension.ts';
import { WebSocketServer } from './server.ts';
import { createWebSocketStream } from './stream.ts';
import * as subprotocol from './subprotocol.ts';
import { WebSocket } from './websocket.ts';

export type { AddressInfo } from 'node:net';
export type {
  CloseEvent,
  ErrorEvent,
  Event,
  EventListenerOptions,
  EventMap as WebSocketEventMap,
  MessageEvent,
} from './events.ts';
export type {
  BinaryType,
  CertMeta,
  ClientOptions,
  Data,
  FinishRequestCallback,
  PerMessageDeflateOptions,
  RawData,
  SendCallback,
  SendOptions,
  ServerOptions,
  VerifyCallback,
  VerifyClient,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  VerifyInfo,
} from './types.ts';
export { createWebSocketStream, extension, subprotocol, WebSocket, WebSocketServer, WebSocketServer as Server };

Object.assign(WebSocket, {
  createWebSocketStream,
  extension,
  Server: WebSocketServer,
  subprotocol,
  WebSocket,
  WebSocketServer,
});

export { WebSocket as default, WebSocket as 'module.exports' };
