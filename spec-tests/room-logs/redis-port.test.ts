/** What the ports make of a client's behaviour, on a client that is a few lines of this file. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  fromIoredis,
  fromNodeRedis,
  type IoredisClient,
  type NodeRedisClient,
} from '../../lib/room-logs/redis-index.ts';
import { collectGarbage } from '../support/gc.ts';

/** Answers every command with octets of its own, or not at all. */
class Client implements IoredisClient {
  readonly #listeners: (() => void)[] = [];
  answers = true;
  fails: (error: Error) => void = () => undefined;

  call(): Promise<unknown> {
    return this.answers ? Promise.resolve(new Uint8Array(10_000)) : new Promise(() => undefined);
  }
  duplicate(): Client {
    return this;
  }
  disconnect(): void {
    for (const listener of this.#listeners) listener();
  }
  on(event: 'error' | 'close', listener: (error: Error) => void): void {
    if (event === 'close') this.#listeners.push(listener as () => void);
    if (event === 'error') this.fails = listener as (error: Error) => void;
  }
}

describe('a reader of ioredis', () => {
  it('is refused where it would have no queue: its first command waits until the connection is there', () => {
    const client = Object.assign(new Client(), { options: { enableOfflineQueue: false } });
    assert.throws(() => fromIoredis(client), /^TypeError: fromIoredis: enableOfflineQueue is false, must be left on/);
  });

  it('holds no reply that it has passed on', async () => {
    const reader = fromIoredis(new Client()).reader();
    await reader.command(['PING']);
    await collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2_000; i++) await reader.command(['PING']);
    await collectGarbage();
    const held = process.memoryUsage().arrayBuffers - before;
    await reader.command(['PING']); // it is still in use
    assert.ok(held < 2_000_000, `${held} octets are held of 20,000,000 that were passed on`);
  });

  it('rejects the command that waits when the connection closes, and those that come later', async () => {
    const client = new Client();
    const reader = fromIoredis(client).reader();
    client.answers = false;
    const waiting = reader.command(['XREAD']);
    client.disconnect();
    await assert.rejects(waiting, /the connection was closed/);
    await assert.rejects(reader.command(['XREAD']), /the connection was closed/);
  });

  it('says why the connection closed, where ioredis has said so', async () => {
    const client = new Client();
    const reader = fromIoredis(client).reader();
    client.answers = false;
    const waiting = reader.command(['XREAD']);
    client.fails(new Error('connect ECONNREFUSED 127.0.0.1:1'));
    client.disconnect();
    await assert.rejects(waiting, { message: 'the connection was closed: connect ECONNREFUSED 127.0.0.1:1' });
  });
});

/** As node-redis: tries to connect until it is destroyed, and throws when it is destroyed again. */
class Unreachable implements NodeRedisClient {
  isOpen = false;
  #fail = (_error: Error): void => undefined;

  connect(): Promise<unknown> {
    this.isOpen = true;
    return new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
  }
  destroy(): void {
    if (!this.isOpen) throw new Error('The client is closed');
    this.isOpen = false;
    this.#fail(new Error('destroyed'));
  }
  sendCommand(): Promise<unknown> {
    return Promise.reject(new Error('not connected'));
  }
  duplicate(): Unreachable {
    return this;
  }
  on(): void {}
}

describe('a reader of node-redis', () => {
  it('is ended while it is still being opened, and again without effect', async () => {
    const client = new Unreachable();
    const reader = fromNodeRedis(client).reader();
    const waiting = reader.command(['XREAD']);
    assert.ok(client.isOpen);
    reader.close();
    assert.ok(!client.isOpen, 'nobody tries to connect any more');
    await assert.rejects(waiting, /destroyed/);
    reader.close();
  });
});
