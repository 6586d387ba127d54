/** Rooms on a real Redis: two nodes, one order; members that go on at the other node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openRedisLog, type RedisLogOptions } from '../../lib/room-logs/redis-index.ts';
import { type Ear, type World, world } from '../rooms/ear.ts';
import { missing } from './installed.ts';
import { CLIENTS } from './redis-clients.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const skip = missing({ packages: ['ioredis'], programs: ['redis-server'] });
describe('hubs on Redis', { skip, timeout: 60_000 }, () => {
  let server: RedisServer;
  const close: (() => void | Promise<void>)[] = [];
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    for (const each of close.reverse()) await each();
    await server.stop();
  });

  /** `die` ends the connection that writes without a word, as the end of its process would. */
  const node = async (prefix: string, options: RedisLogOptions = {}): Promise<World & { readonly die: () => void }> => {
    const client = await CLIENTS.ioredis(server.port);
    const log = await openRedisLog(client.port, { prefix, maxHistoryRecords: 1_000, ...options });
    close.push(
      () => client.close(),
      () => log.close(),
    );
    return { ...world({ log, maxHistoryRecords: 1_000 }), die: () => client.close() };
  };
  const heard = async (ear: Ear, count: number): Promise<string[]> => {
    while (ear.texts.length < count) await new Promise((resolve) => setImmediate(resolve));
    return ear.texts;
  };
  const welcomed = async (ear: Ear): Promise<void> => {
    while (ear.heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
  };

  it('deliver what both publish at once in the same order, each message once', async () => {
    const nodes = [await node('order'), await node('order')];
    const ears = nodes.map(({ ear }) => ear('r'));
    for (const ear of ears) await welcomed(ear);
    const receipts = await Promise.all(
      Array.from({ length: 200 }, (_, i) => nodes[i % 2]!.hub.publish('r', `m${i}`, { key: `k${i}` })),
    );
    assert.equal(new Set(receipts.map(({ position }) => position.sequence)).size, 200);
    const [one, two] = await Promise.all(ears.map((ear) => heard(ear, 200)));
    assert.deepEqual(one, two);
    assert.equal(new Set(one).size, 200);
  });

  it('lose nothing of a burst that is many times what the stream keeps, at any node', async () => {
    const nodes = [await node('burst', { maxHistoryRecords: 100 }), await node('burst', { maxHistoryRecords: 100 })];
    const ears = nodes.map(({ ear }) => ear('r'));
    for (const ear of ears) await welcomed(ear);
    const burst = Array.from({ length: 6_000 }, (_, i) => `m${i}`);
    const receipts = await Promise.all(burst.map((text) => nodes[0]!.hub.publish('r', text)));
    assert.ok(receipts.every(({ sent, queued }) => sent + queued === 1));
    for (const ear of ears) assert.deepEqual(await heard(ear, burst.length), burst);
  });

  it('let a member go on at the other node, and find there what it sends again', async () => {
    const [one, two] = [await node('resume'), await node('resume')];
    const ear = one.ear('r');
    await welcomed(ear);
    const { position } = await one.hub.publish('r', '1', { key: 'k1' });
    assert.deepEqual(await heard(ear, 1), ['1']);
    ear.member.close();
    await one.hub.publish('r', '2', { key: 'k2' });
    const back = two.ear('r', { after: position });
    assert.deepEqual(await heard(back, 1), ['2']);
    const receipt = await two.hub.publish('r', 'again', { key: 'k2' });
    assert.deepEqual([receipt.duplicate, receipt.position.sequence], [true, 2]);
    await one.hub.publish('r', '3');
    assert.deepEqual(await heard(back, 2), ['2', '3']);
  });

  const present = async ({ hub }: World, names: readonly string[]): Promise<void> => {
    while ([...(hub.find('r')?.present.members ?? [])].sort().join() !== names.join())
      await new Promise((resolve) => setImmediate(resolve));
  };

  it('name the members of all nodes in welcomes and lists of changes', async () => {
    const [one, two] = [await node('names'), await node('names')];
    const ann = one.ear('r', { as: 'ann' });
    await welcomed(ann);
    const bob = two.ear('r', { as: 'bob' });
    await welcomed(bob);
    const [welcome] = bob.heard;
    assert.ok(welcome?.type === 'welcome');
    assert.deepEqual([[...welcome.members].sort(), welcome.memberCount], [['ann', 'bob'], 2]);
    await present(one, ['ann', 'bob']);
    const again = two.ear('r', { as: 'ann' });
    ann.member.close();
    one.ear('r', { as: 'eve' });
    await present(two, ['ann', 'bob', 'eve']);
    again.member.close();
    for (const each of [one, two]) await present(each, ['bob', 'eve']);
    const changes = bob.heard.flatMap((item) => (item.type === 'presence' ? [...item.joined, ...item.left] : []));
    assert.deepEqual(
      changes.filter((name) => name !== 'bob'),
      ['eve', 'ann'],
      'ann went when both her connections had gone',
    );
  });

  it('take the members of a node that died from the lists after deadAfterMs and a heartbeat', async () => {
    const soon = { heartbeatMs: 100, deadAfterMs: 400 };
    const [one, two] = [await node('death', soon), await node('death', soon)];
    one.ear('r', { as: 'ann' });
    two.ear('r', { as: 'bob' });
    await present(one, ['ann', 'bob']);
    two.die();
    const died = performance.now();
    await present(one, ['ann']);
    const goneAfterMs = performance.now() - died;
    assert.ok(goneAfterMs > 200, `${goneAfterMs} ms: bob might still live`);
    assert.ok(goneAfterMs < 500 + 1_000, `${goneAfterMs} ms`); // a second for a busy machine
  });

  it('go on without the names of other nodes while Redis is away, and find them again', async () => {
    const own = await startRedis();
    const start = async (): Promise<World> => {
      const client = await CLIENTS.ioredis(own.port);
      const log = await openRedisLog(client.port, { prefix: 'away', heartbeatMs: 100, deadAfterMs: 400 });
      close.push(
        () => client.close(),
        () => log.close(),
      );
      return world({ log });
    };
    const [one, two] = [await start(), await start()];
    one.ear('r', { as: 'ann' });
    two.ear('r', { as: 'bob' });
    for (const each of [one, two]) await present(each, ['ann', 'bob']);
    await own.kill();
    await own.start(); // everything that it held is gone
    for (const each of [one, two]) await present(each, ['ann', 'bob']);
    const eve = one.ear('r', { as: 'eve' });
    await present(two, ['ann', 'bob', 'eve']);
    eve.member.close();
    await present(two, ['ann', 'bob']);
    for (const each of close.splice(-4).reverse()) await each();
    await own.stop();
  });
});
