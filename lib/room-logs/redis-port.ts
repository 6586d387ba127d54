/**
 * What a log on Redis asks of a client, and how ioredis and node-redis become one.
 *
 * Knows commands as lists of strings and replies as the clients give them; no key, no script. A client of one's own needs
 * `command` and `reader`, as the two adapters show. Reconnecting is the client's business; what it rejects, the log puts
 * into words. Redis 6.2 or later. Read next: `redis-scripts.ts`.
 */

import { describe } from '../options.ts';

/** A client: one connection for commands that answer at once, and more for those that wait. */
export interface RedisPort {
  /** Sends a command and answers its reply: strings, numbers, null, lists of these. Commands go out in the order of the calls. */
  command(args: readonly string[]): Promise<unknown>;
  /** Begins to open a connection of its own, with the same settings; commands wait until it is open. */
  reader(): RedisReader;
}

/** A connection whose commands wait for something to happen. */
export interface RedisReader {
  command(args: readonly string[]): Promise<unknown>;
  /** Ends the connection at once, also one that is still being opened; a command that waits rejects. Again has no effect. */
  close(): void;
}

/** The part of an ioredis client (`Redis`, `Cluster`) that is used. */
export interface IoredisClient {
  call(command: string, args: string[]): Promise<unknown>;
  duplicate(): IoredisClient;
  disconnect(): void;
  readonly options?: { readonly enableOfflineQueue?: boolean | undefined } | undefined;
  on(event: 'error' | 'close', listener: (error: Error) => void): unknown;
}

/** The part of a node-redis client (`createClient`) that is used. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[]): Promise<unknown>;
  duplicate(): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Makes a port of an ioredis client, which stays its owner's: it is not closed. */
export function fromIoredis(client: IoredisClient): RedisPort {
  if (typeof client?.call !== 'function')
    throw new TypeError(
      `fromIoredis: client is ${describe(client)}, must be a client of ioredis; of node-redis: fromNodeRedis`,
    );
  if (client.options?.enableOfflineQueue === false)
    throw new TypeError(
      'fromIoredis: enableOfflineQueue is false, must be left on: readers are connections of their own, and their first command waits until they are there',
    );
  const command = (of: IoredisClient, [name = '', ...args]: readonly string[]): Promise<unknown> => of.call(name, args);
  return {
    command: (args) => command(client, args),
    reader() {
      const own = client.duplicate();
      let cause: Error | undefined;
      own.on('error', (error) => {
        cause = error; // told by the command that waits: ioredis says next that the connection is closed
      });
      // ioredis connects anew and sends the command again, in silence: then nobody would look what was lost.
      let isClosed = false;
      const waiting = new Set<(error: Error) => void>();
      own.on('close', () => {
        isClosed = true;
        for (const reject of waiting) reject(connectionClosed(cause));
      });
      return {
        command: (args) =>
          new Promise((resolve, reject) => {
            if (isClosed) return reject(connectionClosed(cause));
            waiting.add(reject);
            // Not Promise.race with one promise for the close: that would hold every reply until then.
            command(own, args)
              .then(resolve, reject)
              .finally(() => waiting.delete(reject));
          }),
        close: () => own.disconnect(),
      };
    },
  };
}

function connectionClosed(cause: Error | undefined): Error {
  if (cause === undefined) return new Error('the connection was closed');
  // Node's error for several addresses has no message, only a code.
  return new Error(`the connection was closed: ${cause.message || cause.name}`, { cause });
}

/** Makes a port of a connected node-redis client, which stays its owner's: it is not closed. */
export function fromNodeRedis(client: NodeRedisClient): RedisPort {
  if (typeof client?.sendCommand !== 'function' || 'call' in client)
    throw new TypeError(
      `fromNodeRedis: client is ${describe(client)}, must be a client of node-redis; of ioredis: fromIoredis`,
    );
  return {
    command: (args) => client.sendCommand([...args]),
    reader() {
      const own = client.duplicate();
      own.on('error', () => undefined); // the command that waits is told too
      const opened = own.connect();
      opened.catch(() => undefined); // and of this one
      return {
        command: async (args) => {
          await opened;
          return own.sendCommand([...args]);
        },
        close() {
          try {
            own.destroy();
          } catch {
            return; // it had ended by itself, of which node-redis makes an error
          }
        },
      };
    },
  };
}

/**
 * Whether an error is Redis's own answer, which begins with a word in capitals (`READONLY …`, `OOM …`): the command was refused.
 * Anything else is about the connection, and the command may have been carried out.
 */
export function isReplyError(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]{2,}[A-Z0-9]* /.test(error.message) && !/^ERR .*script/i.test(error.message);
}

/** Reads a reply that is a list; empty for null. @throws TypeError for anything else */
export function listOf(reply: unknown): readonly unknown[] {
  if (reply === null || reply === undefined) return [];
  if (!Array.isArray(reply)) throw new TypeError(`Redis answered ${typeof reply} where a list was expected`);
  return reply;
}

/**
 * The entries of one stream in the reply of XREAD. By version 2 of the protocol it is a list of pairs; by version 3 a map,
 * which clients give as an object, as a Map, or (ioredis 6) as a flat list of names and values.
 */
export function entriesOfStream(reply: unknown): readonly unknown[] {
  if (reply === null || reply === undefined) return [];
  if (reply instanceof Map) return listOf([...reply.values()][0]);
  if (!Array.isArray(reply)) return listOf(Object.values(reply)[0]);
  return Array.isArray(reply[0]) ? listOf(reply[0][1]) : listOf(reply[1]);
}

/** An entry of a stream: its id, and its fields by name. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Reads an entry of a stream. */
export function streamEntry(reply: unknown): StreamEntry {
  const [id, pairs] = listOf(reply);
  const fields = new Map<string, string>();
  const flat = listOf(pairs);
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(String(flat[i]), String(flat[i + 1]));
  return { id: String(id), fields };
}
