/**
 * Where `barewire chat` keeps its messages: in memory, in a directory, or in Redis by whichever client is installed here.
 *
 * Read next: `chat.ts`.
 */

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openJournal } from '../room-logs/journal-index.ts';
import { fromIoredis, fromNodeRedis, openRedisLog } from '../room-logs/redis-index.ts';
import type { IoredisClient, NodeRedisClient } from '../room-logs/redis-port.ts';
import type { RoomLog } from '../rooms/log.ts';
import { oneLine, UsageError } from './usage.ts';

/** A log, and how to end it with all that it uses. */
export interface ChatLog {
  readonly log: RoomLog;
  close(): Promise<void>;
}

/** What can be said about the log. */
export interface LogChoice {
  readonly data: string | undefined;
  readonly redis: string | undefined;
  readonly maxHistoryRecords: number;
}

type Trouble = (kind: string, fields: object) => void;

/** Opens the log that was asked for; undefined: none, and the chat keeps its messages in memory. */
export async function openLog(
  { data, redis, maxHistoryRecords }: LogChoice,
  trouble: Trouble,
): Promise<ChatLog | undefined> {
  if (data === '') throw new UsageError('--data is "", must be the path of a directory');
  if (data !== undefined && redis !== undefined) throw new UsageError('--data and --redis: one of them');
  const options = { maxHistoryRecords, onTrouble: ({ kind, ...fields }: { kind: string }) => trouble(kind, fields) };
  if (data !== undefined) {
    const log = await openJournal(data, options).catch((error: unknown) => {
      throw notADirectory(data, error);
    });
    return { log, close: () => log.close() };
  }
  return redis === undefined ? undefined : openRedis(redis, options);
}

/** What the system says of a path that cannot be a directory names no option. */
function notADirectory(path: string, error: unknown): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST' || code === 'ENOTDIR') return new Error(`--data: ${path} is not a directory`);
  if (code === 'ENOENT' && syscall === 'mkdir') return new Error(`--data: ${path} cannot be made (ENOENT)`);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new Error(`--data: ${path} cannot be written (${code})`);
  return error;
}

async function openRedis(url: string, options: Parameters<typeof openRedisLog>[1]): Promise<ChatLog> {
  if (!/^rediss?:\/\//.test(url))
    throw new UsageError(`--redis is ${JSON.stringify(url)}, must be like redis://127.0.0.1`);
  const onError = (): void => {}; // the log tells what its commands came to
  const nodeRedis = await installed('redis');
  if (nodeRedis !== undefined) {
    const { createClient } = nodeRedis as { createClient(options: { url: string }): NodeRedisClient };
    const client = createClient({ url });
    client.on('error', onError);
    const log = await atOnce(url, client, async () => {
      await client.connect();
      return openRedisLog(fromNodeRedis(client), options);
    }).catch((error: unknown) => {
      client.destroy();
      throw error;
    });
    return { log, close: () => log.close().finally(() => client.destroy()) };
  }
  const ioredis = await installed('ioredis');
  if (ioredis === undefined)
    throw new Error('--redis needs a client beside the program that you start: npm install redis');
  const { Redis } = ioredis as { Redis: new (url: string) => IoredisClient };
  const client = new Redis(url);
  client.on('error', onError);
  const log = await atOnce(url, client, () => openRedisLog(fromIoredis(client), options)).catch((error: unknown) => {
    client.disconnect();
    throw error;
  });
  return { log, close: () => log.close().finally(() => client.disconnect()) };
}

/** Both clients try to connect for ever. Who starts a program wants to know that nobody is there: the first error counts. */
function atOnce<Log>(url: string, client: NodeRedisClient | IoredisClient, open: () => Promise<Log>): Promise<Log> {
  const failed = new Promise<never>((_, reject) => {
    client.on('error', (error) => {
      const { code, message } = error as NodeJS.ErrnoException;
      reject(new Error(`--redis: nobody answers as Redis at ${new URL(url).host}: ${oneLine(message || code)}`));
    });
  });
  failed.catch(() => undefined); // later ones are the log's business
  return Promise.race([open(), failed]);
}

/** A package of the directory that the command was started in; this library has none of its own. */
async function installed(name: string): Promise<unknown> {
  try {
    const path = createRequire(join(process.cwd(), 'index.js')).resolve(name);
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw new Error(`${name}: ${oneLine(error)}`);
  }
}
