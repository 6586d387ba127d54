/**
 * `barewire/chat/client` in Node: the same, over this library's own WebSocket and EventSource.
 *
 * Read next: `client.ts`.
 */

import { EventSource } from '../client/event-source.ts';
import { WebSocket } from '../client/websocket.ts';
import { type ChatConnection, type ConnectOptions, connectChat as connect } from './client.ts';

export {
  ChatConnection,
  type ChatEventMap,
  type ChatMessage,
  ChatRefused,
  type ChatState,
  type ConnectOptions,
  type ErrorEvent,
  type HistoryPage,
  type Person,
  type Sent,
  type ServerEvent,
  type StorageLike,
  type Waiting,
  type WelcomeEvent,
} from './client.ts';

/** Joins a room of the chat at `url`, and stays. @throws TypeError for a URL that is none */
export function connectChat(url: string | URL, options: ConnectOptions): ChatConnection {
  return connect(url, { storage: null, WebSocket, EventSource, ...options } as ConnectOptions);
}
