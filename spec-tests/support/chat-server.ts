/**
 * A server with a chat, for tests: started on any free port, and closed whatever happens.
 *
 * Knows no browser and no client. Read next: `chat-page.ts`, `../chat/rules.test.ts`.
 */

import { type Chat, mountChat } from '../../lib/chat/server.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { RawClient } from './sockets.ts';

export interface RunningChat {
  readonly server: Server;
  readonly chat: Chat;
}

/** Starts a server with a chat; port 0 = any. */
export async function startChat(port: number = 0, options: ChatOptions = {}): Promise<RunningChat> {
  const server = createServer();
  const chat = mountChat(server, options);
  await server.listen({ port });
  return { server, chat };
}

/** Runs `body` with a chat that tells joins and leaves at once, and ends it with the clients that are left. */
export async function withChat(
  options: ChatOptions,
  body: (server: Server, chat: Chat) => Promise<void>,
  port: number = 0,
): Promise<void> {
  const { server, chat } = await startChat(port, { presenceMs: 0, ...options });
  try {
    await body(server, chat);
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    await server.close();
  }
}
