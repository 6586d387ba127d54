/** Rooms on a real Redis: two nodes, one order; members that go on at the other node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openRedisLog } from '../../lib/room-logs/redis-index.ts';
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

  const node = async (prefix: string): Promise<World> => {
    const client = await CLIENTS.ioredis(server.port);
    const log = await openRedisLog(client.port, { prefix, maxHistoryRecords: 1_000 });
    close.push(
      () => client.close(),
      () => log.close(),
    );
    return world({ log, maxHistoryRecords: 1_000 });
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
});
