/**
 * Both Redis clients, as the log takes them: each connected to a server of a test, and let go again.
 * Read next: `redis-log.test.ts`.
 */

import {
  fromIoredis,
  fromNodeRedis,
  type IoredisClient,
  type NodeRedisClient,
  type RedisPort,
} from '../../lib/room-logs/redis-index.ts';
import { packageOf } from './installed.ts';

interface IoredisPackage {
  readonly Redis: new (port: number, host: string, options?: object) => IoredisClient;
}

interface NodeRedisPackage {
  createClient(options: { readonly url: string }): NodeRedisClient;
}

/** A client that is connected. */
export interface TestClient {
  readonly port: RedisPort;
  close(): void;
}

/** `options` are the client's own. */
export type Connect = (port: number, options?: object) => Promise<TestClient>;

/** The clients by name. */
export const CLIENTS: Readonly<Record<'ioredis' | 'redis', Connect>> = {
  async ioredis(port, options) {
    const { Redis } = await packageOf<IoredisPackage>('ioredis');
    const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, ...options });
    client.on('error', () => undefined); // tests look at what the log says
    return { port: fromIoredis(client), close: () => client.disconnect() };
  },
  async redis(port, options) {
    const { createClient } = await packageOf<NodeRedisPackage>('redis');
    const client = createClient({ url: `redis://127.0.0.1:${port}`, ...options });
    client.on('error', () => undefined);
    await client.connect();
    return { port: fromNodeRedis(client), close: () => client.destroy() };
  },
};
