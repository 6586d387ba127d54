import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { missing, packageOf } from './installed.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

interface Ioredis {
  readonly Redis: new (port: number, host: string) => { ping(): Promise<string>; disconnect(): void };
}
interface NodeRedis {
  createClient(options: { readonly url: string }): {
    connect(): Promise<unknown>;
    ping(): Promise<string>;
    destroy(): void;
  };
}

describe('a redis-server of our own', { skip: missing({ programs: ['redis-server'] }) }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());

  it('answers ioredis', { skip: missing({ packages: ['ioredis'] }) }, async () => {
    const { Redis } = await packageOf<Ioredis>('ioredis');
    const client = new Redis(server.port, '127.0.0.1');
    assert.equal(await client.ping(), 'PONG');
    client.disconnect();
  });

  it('answers node-redis', { skip: missing({ packages: ['redis'] }) }, async () => {
    const { createClient } = await packageOf<NodeRedis>('redis');
    const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
    await client.connect();
    assert.equal(await client.ping(), 'PONG');
    client.destroy();
  });
});
