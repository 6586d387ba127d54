/**
 * `barewire/chat/client` in Node: the same, over this library's own WebSocket and EventSource.
 *
 * Read next: `client.ts`.
 */

import { EventSource } from '../client/event-source.ts';
import { WebSocket } from '../client/websocket.ts';
import { CHAT_LIMITS } from '../limits.ts';
import {
  checkOptions,
  defined,
  describe,
  FUNCTION,
  kindOf,
  milliseconds,
  type OptionTable,
  STRING,
  suggest,
  wholeNumber,
} from '../options.ts';
import { isUserId } from './application.ts';
import { ChatConnection as Connection, type StorageLike } from './client.ts';
import { type ChatEventMap, type ConnectOptions, DEFAULTS } from './client-options.ts';
import { type HistoryPage, parseRoomName, parseUserName } from './protocol.ts';

export {
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
  storage: kindOf('an object with getItem, setItem, removeItem, key and length, or null', isStorage),
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

/** What a page of the history may be asked with. */
const PAGE: OptionTable = { before: wholeNumber(1), limit: wholeNumber(1, CHAT_LIMITS.maxPageRecords) };

/** What can be listened to. */
const EVENTS: Readonly<Record<keyof ChatEventMap, true>> = {
  ...{ welcome: true, message: true, removed: true, presence: true, members: true, gap: true, reset: true },
  ...{ ack: true, error: true, pong: true, state: true },
};

/** A member of a chat room that comes back by itself: see `connectChat`. The one for browsers, with checks at the call. */
export class ChatConnection extends Connection {
  /**
   * Calls back for every event of a type, until the function that it answers is called.
   * @throws TypeError for a type that is none, or a listener that is no function
   */
  override on<Type extends keyof ChatEventMap>(type: Type, listener: (event: ChatEventMap[Type]) => void): () => void {
    if (!Object.hasOwn(EVENTS, type))
      throw new TypeError(`on: ${describe(type)} is no event of a chat${suggest(String(type), Object.keys(EVENTS))}`);
    if (typeof listener !== 'function')
      throw new TypeError(`on: the listener of ${type} is ${describe(listener)}, must be a function`);
    return super.on(type, listener);
  }

  /**
   * Older messages: those before number `before`, or the newest; `limit` of them, 1 to 100. Rejects with a ChatRefused: with `CLOSED` where `close` is
   * called meanwhile.
   * @throws TypeError for an unknown option or one of the wrong type, RangeError for a number out of bounds
   */
  override history(options: { readonly before?: number; readonly limit?: number } = {}): Promise<HistoryPage> {
    checkOptions('history', options, PAGE);
    return super.history(options);
  }
}

/**
 * Joins a room of the chat at `url`, and stays.
 * @throws TypeError for a URL or a room's name that is none, an unknown option, or one of the wrong type; RangeError for a number out of bounds, a
 * `user`, an `id` or a `token` that cannot be one, and for `minRetryMs` above `maxRetryMs`
 */
export function connectChat(url: string | URL, options: ConnectOptions): ChatConnection {
  checkOptions('connectChat', options, OPTIONS);
  if (URL.canParse(String(url)) && !/^(http|ws)s?:$/.test(new URL(url).protocol))
    throw new TypeError(`connectChat: url is ${describe(String(url))}, must begin with http:, https:, ws: or wss:`);
  const room = typeof options.room === 'string' ? parseRoomName(options.room) : undefined;
  if (room === undefined || !('name' in room))
    throw new TypeError(
      `connectChat: room must be a name${room === undefined ? '' : `, and is ${describe(options.room)}: ${room.message}`}`,
    );
  const { user, id, token } = options;
  if (user !== undefined && !('name' in parseUserName(user)))
    throw new RangeError(
      `connectChat: user is ${describe(user)}, must be 1 to ${CHAT_LIMITS.maxUserNameLength} visible characters`,
    );
  if (id !== undefined && !isUserId(id))
    throw new RangeError(
      `connectChat: id is ${describe(id)}, must be 1 to ${CHAT_LIMITS.maxUserIdLength} visible characters`,
    );
  // RFC 9110 §5.5: what a field can carry.
  if (typeof token === 'string' && !/^[\x21-\x7e]+$/.test(token))
    throw new RangeError('connectChat: token must be of visible ASCII characters, at least one'); // it is a secret: not shown
  const { minRetryMs = DEFAULTS.minRetryMs, maxRetryMs = DEFAULTS.maxRetryMs } = options;
  for (const [name, value] of Object.entries({ minRetryMs, maxRetryMs }))
    if (value === 0) throw new RangeError(`connectChat: ${name} is 0, must be above 0`);
  if (minRetryMs > maxRetryMs)
    throw new RangeError(`connectChat: minRetryMs is ${minRetryMs}, and maxRetryMs, which bounds it, ${maxRetryMs}`);
  return new ChatConnection(url, {
    ...{ storage: null, WebSocket, EventSource },
    ...defined(options),
  } as ConnectOptions);
}

function isStorage(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== 'object') return false;
  const has = (name: string): boolean => typeof (value as Record<string, unknown>)[name] === 'function';
  return typeof (value as StorageLike).length === 'number' && ['getItem', 'setItem', 'removeItem', 'key'].every(has);
}
