/** Presence on a real Redis: names of all nodes, and those of a node that died. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { openRedisLog, type PresenceWatcher, type RedisLog } from '../../lib/room-logs/redis-index.ts';
import { FakeClock } from '../support/clock.ts';
import { missing } from './installed.ts';
import { CLIENTS, type TestClient } from './redis-clients.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** Notes what it is told, and resolves when it was told something. */
class Watcher implements PresenceWatcher {
  readonly told: string[] = [];
  #waiting: (() => void)[] = [];

  joined(name: string): void {
    this.#note(`+${name}`);
  }
  left(name: string): void {
    this.#note(`-${name}`);
  }
  doubt(): void {
    this.#note('?');
  }
  async until(count: number): Promise<string[]> {
    while (this.told.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.told;
  }
  #note(what: string): void {
    this.told.push(what);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const skip = missing({ packages: ['ioredis'], programs: ['redis-server'] });
describe('presence on Redis', { skip, timeout: 60_000 }, () => {
  let server: RedisServer;
  let admin: TestClient;
  const opened: (() => void | Promise<void>)[] = [];
  before(async () => {
    server = await startRedis();
    admin = await CLIENTS.ioredis(server.port);
  });
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
    await admin.port.command(['FLUSHALL']);
  });
  after(async () => {
    admin.close();
    await server.stop();
  });

  interface Node {
    readonly log: RedisLog;
    /** Its heartbeats. */
    readonly clock: FakeClock;
    /** Loses its connection to Redis without a word, as a process that died. */
    readonly die: () => void;
  }
  const start = async (options: { deadAfterMs?: number; keyPrefix?: string } = {}): Promise<Node> => {
    const { keyPrefix = '', ...others } = options;
    const client = await CLIENTS.ioredis(server.port, { keyPrefix });
    const clock = new FakeClock();
    const log = await openRedisLog(client.port, { clock, ...others });
    let dead = false;
    opened.push(async () => {
      if (!dead) await log.close();
      client.close();
    });
    return {
      log,
      clock,
      die: () => {
        dead = true;
        client.close();
      },
    };
  };
  const sorted = async ({ log }: Node): Promise<readonly string[]> =>
    [...(await log.presence.members('r', 100)).members].sort();

  it('counts a name once, on however many connections and nodes, and tells every node when it comes and goes', async () => {
    const [one, two] = [await start(), await start()];
    const watchers = [new Watcher(), new Watcher()];
    for (const [i, { log }] of [one, two].entries()) await log.presence.watch('r', watchers[i]!);
    await one.log.presence.join('r', 'ann');
    await one.log.presence.join('r', 'ann');
    await two.log.presence.join('r', 'ann');
    await two.log.presence.join('r', 'bob');
    await one.log.presence.join('other room', 'eve');
    assert.deepEqual(await sorted(one), ['ann', 'bob']);
    assert.deepEqual(
      await two.log.presence.members('r', 1).then(({ memberCount, members }) => [memberCount, members.length]),
      [2, 1],
    );
    await one.log.presence.leave('r', 'ann');
    await one.log.presence.leave('r', 'ann');
    await one.log.presence.leave('r', 'ann'); // one more than came
    assert.deepEqual(await sorted(one), ['ann', 'bob']);
    await two.log.presence.leave('r', 'ann');
    for (const watcher of watchers) assert.deepEqual(await watcher.until(3), ['+ann', '+bob', '-ann']);
    assert.deepEqual(await sorted(two), ['bob']);
  });

  it('takes the members of a node that died, after deadAfterMs and another heartbeat, and says so', async () => {
    const [one, two] = [await start(), await start({ deadAfterMs: 5_001 })];
    const watcher = new Watcher();
    await one.log.presence.watch('r', watcher);
    await one.log.presence.join('r', 'ann');
    for (let i = 0; i < 1_200; i++) await two.log.presence.join('r', `m${i}`);
    await two.log.presence.join('r', 'ann');
    await watcher.until(1_201);
    two.die();
    one.clock.advance(5_000);
    await beaten(one);
    assert.equal((await one.log.presence.members('r', 1)).memberCount, 1_201, 'it may still live');
    await timeOut(admin, 'm1');
    one.clock.advance(5_000);
    await watcher.until(2_401);
    assert.deepEqual(await sorted(one), ['ann']);
    const left = (await admin.port.command(['KEYS', '*:at:*'])) as string[];
    assert.equal(left.length, 1, 'nothing of it is left');
  });

  it('takes them also where the client puts a prefix before every key', async () => {
    const keyPrefix = 'app:';
    const [one, two] = [await start({ keyPrefix }), await start({ keyPrefix })];
    const watcher = new Watcher();
    await one.log.presence.watch('r', watcher);
    await one.log.presence.join('r', 'ann');
    await two.log.presence.join('r', 'ann');
    await two.log.presence.join('r', 'bob');
    await watcher.until(2);
    two.die();
    await timeOut(admin, 'bob');
    assert.deepEqual(await sorted(one), ['ann']);
    assert.deepEqual(await watcher.until(3), ['+ann', '+bob', '-bob']);
    const keys = (await admin.port.command(['KEYS', '*'])) as string[];
    assert.deepEqual(
      keys.filter((key) => !key.startsWith(keyPrefix)),
      [],
      'no key is made without it',
    );
    assert.equal(keys.filter((key) => key.includes(':at:')).length, 1, 'nothing of the dead node is left');
  });

  it('counts the members of a node anew that was given up and lives', async () => {
    const [one, two] = [await start(), await start()];
    const watcher = new Watcher();
    await two.log.presence.watch('r', watcher);
    await one.log.presence.join('r', 'ann');
    await two.log.presence.join('r', 'bob');
    await timeOut(admin, 'ann');
    two.clock.advance(5_000);
    assert.deepEqual(await watcher.until(3), ['+ann', '+bob', '-ann']);
    one.clock.advance(5_000);
    assert.deepEqual(await watcher.until(4), ['+ann', '+bob', '-ann', '+ann']);
    assert.deepEqual(await sorted(two), ['ann', 'bob']);
  });

  it('takes nothing from other nodes when one that was given up counts a connection less', async () => {
    const [one, two] = [await start(), await start()];
    await one.log.presence.join('r', 'ann');
    await one.log.presence.join('r', 'eve');
    await two.log.presence.join('r', 'ann');
    await timeOut(admin, 'eve');
    assert.deepEqual(await sorted(two), ['ann']);
    await one.log.presence.leave('r', 'ann');
    assert.deepEqual(await sorted(two), ['ann']);
  });

  it('says again with a heartbeat what did not arrive', async () => {
    const [one, two] = [await start(), await start()];
    const watcher = new Watcher();
    await two.log.presence.watch('r', watcher);
    await one.log.presence.join('r', 'ann');
    await watcher.until(1);
    await admin.port.command(['CONFIG', 'SET', 'maxmemory', '1']);
    await assert.rejects(one.log.presence.join('r', 'bob'), { code: 'LOG_FAILED' });
    await admin.port.command(['CONFIG', 'SET', 'maxmemory', '0']);
    one.clock.advance(5_000);
    assert.deepEqual(await watcher.until(2), ['+ann', '+bob']);
    one.clock.advance(5_000);
    await beaten(one);
    await one.log.presence.leave('r', 'ann');
    assert.deepEqual(await watcher.until(3), ['+ann', '+bob', '-ann']);
    assert.deepEqual(await sorted(two), ['bob']);
  });

  it('leaves nothing in Redis of a node that was closed', async () => {
    const { log } = await start();
    await log.presence.join('r', 'ann');
    await log.presence.join('r', 'ann');
    await log.close();
    const keys = (await admin.port.command(['KEYS', '*r'])) as string[];
    assert.deepEqual(
      keys.filter((key) => !key.endsWith(':bus')),
      [],
    );
  });
});

/** Resolves when a node's heartbeat has been answered: later commands of its client come behind it. */
async function beaten({ log }: { readonly log: RedisLog }): Promise<void> {
  await log.presence.members('r', 1);
}

/** Makes Redis give up the node that has a name in the room, as if its time had passed. */
async function timeOut(admin: TestClient, name: string): Promise<void> {
  const [nodes] = (await admin.port.command(['KEYS', '*:nodes'])) as string[];
  for (const key of (await admin.port.command(['KEYS', '*:at:*:r'])) as string[]) {
    if (Number(await admin.port.command(['HEXISTS', key, name])) === 0) continue;
    const [, node = ''] = /:at:(\w+):r$/.exec(key) ?? [];
    await admin.port.command(['ZADD', `${nodes}`, '1', node]);
  }
}
