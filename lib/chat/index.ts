/**
 * `barewire/chat`: a chat of rooms to add to a server, and the client that its page uses. The protocol is in README.md.
 *
 * Read next: `server.ts`, `client.ts`.
 */

export { CHAT_LIMITS } from '../limits.ts';
export {
  ChatConnection,
  type ChatEventMap,
  ChatRefused,
  type ChatState,
  type ConnectOptions,
  connectChat,
  type Sent,
} from './client-node.ts';
export {
  CHAT_CLOSE,
  type ChatMessage,
  type ClientEvent,
  type ErrorEvent,
  type HistoryPage,
  type Person,
  PROTOCOL_VERSION,
  type ProblemCode,
  type ServerEvent,
} from './protocol.ts';
export { type Chat, mountChat } from './server.ts';
export type {
  ChatAction,
  ChatOptions,
  ChatUser,
  DraftDecision,
  DraftMessage,
  FloodLimits,
  FloodOptions,
  Identity,
} from './settings.ts';
export type { Rate } from './token-buckets.ts';
