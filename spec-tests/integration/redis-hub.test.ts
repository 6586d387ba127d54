/** Rooms on a real Redis: two nodes, one order; members that go on at the other node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openRedisLog, type RedisLog, type RedisLogOptions, type RedisPort } from '../../lib/room-logs/redis-index.ts';
import type { RedisReader } from '../../lib/room-logs/redis-port.ts';
import type { Subscription } from '../../lib/rooms/log.ts';
import { type Ear, type World, world } from '../rooms/ear.ts';
import { FakeClock } from '../support/clock.ts';
import { missing } from './installed.ts';
import { CLIENTS } from './redis-clients.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

interface HeldBack {
  readonly port: RedisPort;
  hold(): void;
  letGo(): void;
  fail(): void;
  empty(): void;
}

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

  const log = async (port: RedisPort, options: RedisLogOptions): Promise<RedisLog> => {
    const made = await openRedisLog(port, options);
    close.push(() => made.close());
    return made;
  };

  /** A port whose reader can be held back: then its reads are answered when and as the test says. */
  const heldBack = async (): Promise<HeldBack> => {
    const client = await CLIENTS.ioredis(server.port);
    close.push(() => client.close());
    const waiting: { answer: (reply: unknown) => void; refuse: (error: Error) => void; read: () => void }[] = [];
    let isHeld = false;
    let isEmpty = false;
    const reader = (): RedisReader => {
      const real = client.port.reader();
      return {
        close: () => real.close(),
        async command(args) {
          if (args[0] === 'XREVRANGE' && isEmpty) return [];
          const read = (): Promise<unknown> => real.command(args);
          const reply = args[0] === 'XREAD' && isHeld ? undefined : await read();
          if (args[0] !== 'XREAD' || !isHeld) return reply;
          return new Promise((answer, refuse) => {
            waiting.push({ answer, refuse, read: () => answer(reply ?? read()) });
          });
        },
      };
    };
    const each = (act: (of: (typeof waiting)[number]) => void): void => {
      for (const one of waiting.splice(0)) act(one);
    };
    return {
      port: { command: (args) => client.port.command(args), reader },
      hold: () => {
        isHeld = true;
      },
      letGo: () => {
        isHeld = false;
        each(({ read }) => read());
      },
      fail: () => each(({ refuse }) => refuse(new Error('cut'))),
      empty: () => {
        isEmpty = true;
        each(({ answer }) => answer(null));
      },
    };
  };

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

  it('lose nothing of a burst that is many times what the stream keeps where it is published, and elsewhere tell what is missing', async () => {
    const nodes = [await node('burst', { maxHistoryRecords: 100 }), await node('burst', { maxHistoryRecords: 100 })];
    const [ear, other] = nodes.map((each) => each.ear('r')) as [Ear, Ear];
    for (const each of [ear, other]) await welcomed(each);
    const burst = Array.from({ length: 6_000 }, (_, i) => `m${i}`);
    const receipts = await Promise.all(burst.map((text) => nodes[0]!.hub.publish('r', text)));
    assert.ok(receipts.every(({ sent, queued }) => sent + queued === 1));
    assert.deepEqual(await heard(ear, burst.length), burst);
    const last = (): number => {
      const item = other.heard.at(-1);
      return item?.type === 'record' ? item.sequence : 0;
    };
    while (last() < burst.length) await new Promise((resolve) => setImmediate(resolve));
    let next = 1;
    for (const item of other.heard.slice(1)) {
      assert.ok(item.type === 'record' || item.type === 'gap');
      assert.equal(item.type === 'gap' ? item.from : item.sequence, next);
      next = (item.type === 'gap' ? item.to : item.sequence) + 1;
    }
  });

  it('tell a gap at a node that reads further behind than the stream reaches', async () => {
    const { port, hold, letGo } = await heldBack();
    const slow = world({ log: await log(port, { prefix: 'behind', busRecords: 8, maxHistoryRecords: 8 }) });
    const ear = slow.ear('r');
    await welcomed(ear);
    hold();
    const quick = await node('behind', { busRecords: 8, maxHistoryRecords: 8 });
    const quickEar = quick.ear('r');
    await welcomed(quickEar);
    const all = Array.from({ length: 1_000 }, (_, i) => `m${i}`);
    await Promise.all(all.map((text) => quick.hub.publish('r', text)));
    // Of its own the node has a quarter of the stream on their way: those who publish read all of it.
    assert.deepEqual(await heard(quickEar, all.length), all);
    letGo();
    await heard(ear, 2);
    const [before, gap, next] = ear.heard.slice(1);
    assert.ok(before?.type === 'record' && gap?.type === 'gap' && next?.type === 'record');
    assert.deepEqual([before.sequence, next.sequence], [gap.from - 1, gap.to + 1]);
    assert.ok(gap.to - gap.from > 900, `it was told of ${gap.from} to ${gap.to} alone`);
  });

  // On a clock that stands still: nothing goes on because time has passed.
  const ENDS: readonly [string, (at: HeldBack, subscription: Subscription) => void][] = [
    ['fails', ({ fail }) => fail()],
    ['finds another stream', ({ empty }) => empty()],
    ['is let go', (_, subscription) => subscription.close()],
  ];
  for (const [ends, end] of ENDS)
    it(`publish on when the reader ${ends} that a burst waits for`, async () => {
      const at = await heldBack();
      const own = await log(at.port, { prefix: ends.replaceAll(' ', '-'), clock: new FakeClock() });
      await own.append('r', { data: 'first' });
      let opened = false;
      const nothing = (): void => undefined;
      const subscription = own.subscribe('r', 0, {
        opened: () => {
          opened = true;
        },
        record: nothing,
        gap: nothing,
        reset: nothing,
        failed: nothing,
      });
      while (!opened) await new Promise((resolve) => setImmediate(resolve));
      at.hold();
      let stored = 0;
      const appends = Array.from({ length: 300 }, async (_, i) => {
        await own.append('r', { data: `${i}` });
        stored++;
      });
      while (stored < 200) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(own.held.pendingAppends, 100);
      end(at, subscription);
      await Promise.all(appends);
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
