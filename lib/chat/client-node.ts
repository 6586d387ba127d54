/**
 * `barewire/chat/client` in Node: the same, over this library's own WebSocket and EventSource.
 *
 * Read next: `client.ts`.
 */

import { EventSource } from '../client/event-source.ts';
import { WebSocket } from '../client/websocket.ts';
import {
  checkOptions,
  defined,
  FUNCTION,
  kindOf,
  milliseconds,
  type OptionTable,
  STRING,
  wholeNumber,
} from '../options.ts';
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

/** What each option may be; `client.ts` checks the values, in browsers too. */
const OPTIONS: OptionTable = {
  room: STRING,
  user: STRING,
  id: STRING,
  token: kindOf('a string or a function', (value) => typeof value === 'string' || typeof value === 'function'),
  transport: kindOf("'auto', 'websocket' or 'event-stream'", (value) =>
    ['auto', 'websocket', 'event-stream'].includes(value as string),
  ),
  maxWaiting: wholeNumber(1),
  storage: kindOf('an object or null', (value) => typeof value === 'object'),
  tab: STRING,
  minRetryMs: milliseconds(),
  maxRetryMs: milliseconds(),
  upgradeMs: milliseconds(),
  pingIntervalMs: milliseconds(),
  pongTimeoutMs: milliseconds(),
  WebSocket: FUNCTION,
  EventSource: FUNCTION,
  random: FUNCTION,
};

/**
 * Joins a room of the chat at `url`, and stays.
 * @throws TypeError for a URL that is none, an unknown option, or one of the wrong type; RangeError for a number out of bounds
 */
export function connectChat(url: string | URL, options: ConnectOptions): ChatConnection {
  checkOptions('connectChat', options, OPTIONS);
  return connect(url, { storage: null, WebSocket, EventSource, ...defined(options) } as ConnectOptions);
}
