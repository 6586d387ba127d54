/**
 * `barewire/chat`: a chat of rooms to add to a server, and the client that its page uses. The protocol is in README.md.
 */

export { CHAT_LIMITS } from '../limits.ts';
export { ChatClient, type ChatClientOptions, type ConnectionState } from './client.ts';
export type { ChatMessage, ClientEvent, ProblemCode, ServerEvent } from './protocol.ts';
export { type Chat, type ChatOptions, mountChat } from './server.ts';
