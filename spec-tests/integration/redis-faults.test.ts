/** The log on a Redis that is flushed, cut off, emptied, replaced by a replica that had not got everything, or a cluster. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  openRedisLog,
  type RedisLog,
  type RedisLogOptions,
  type RedisTrouble,
} from '../../lib/room-logs/redis-index.ts';
import { type Appended, type LogRecord, RoomRefused } from '../../lib/rooms/log.ts';
import { Tap } from '../rooms/log-contract.ts';
import { missing } from './installed.ts';
import { CLIENTS, type Connect, type TestClient } from './redis-clients.ts';
import { type RedisProxy, startProxy } from './redis-proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const texts = (records: readonly LogRecord[]): unknown[] => records.map(({ data }) => data);

/** Opened in a test, closed after it. */
const opened: (() => void | Promise<void>)[] = [];
const later = (close: () => void | Promise<void>): void => void opened.unshift(close);

async function openOn(connect: Connect, port: number, options: RedisLogOptions = {}): Promise<RedisLog> {
  const client = await connect(port);
  later(() => client.close());
  const log = await openRedisLog(client.port, options);
  later(() => log.close());
  return log;
}

async function subscribed(log: RedisLog, room: string, limit = 0): Promise<Tap> {
  const tap = new Tap();
  log.subscribe(room, limit, tap);
  await tap.open();
  return tap;
}

/** Appends until it is known to be there: what a publisher with an id does. */
async function surely(log: RedisLog, room: string, data: string): Promise<Appended> {
  for (;;) {
    try {
      return await log.append(room, { data, key: data });
    } catch (error) {
      assert.ok(error instanceof RoomRefused, String(error));
      assert.ok(error.code === 'LOG_UNCERTAIN' || error.code === 'LOG_FAILED', error.message);
    }
  }
}

for (const name of ['ioredis', 'redis'] as const) {
  const connect = CLIENTS[name];
  const skip = missing({ packages: [name], programs: ['redis-server'] });
  describe(`a log on Redis through ${name}`, { skip, timeout: 120_000 }, () => {
    let server: RedisServer;
    let admin: TestClient;
    const command = (...args: string[]): Promise<unknown> => admin.port.command(args);
    before(async () => {
      server = await startRedis();
      admin = await connect(server.port);
    });
    afterEach(async () => {
      for (const close of opened.splice(0)) await close();
      await command('FLUSHALL');
    });
    after(async () => {
      admin.close();
      await server.stop();
    });

    it('goes on in the order of the calls when the scripts were flushed', async () => {
      const log = await openOn(connect, server.port);
      await log.append('r', { data: 'first' });
      await command('SCRIPT', 'FLUSH');
      const appended = await Promise.all(Array.from({ length: 50 }, (_, i) => log.append('r', { data: `${i}` })));
      assert.deepEqual(
        appended.map(({ position }) => position.sequence),
        Array.from({ length: 50 }, (_, i) => i + 2),
      );
      await command('SCRIPT', 'FLUSH');
      assert.equal((await log.read('r', undefined, 100)).records.length, 51);
    });

    it('loses nothing, doubles nothing and keeps the order while its connections are cut', async () => {
      const proxy = await startProxy(server.port);
      later(() => proxy.close());
      const troubles: RedisTrouble[] = [];
      const options = { maxHistoryRecords: 1_000, onTrouble: (trouble: RedisTrouble) => void troubles.push(trouble) };
      const log = await openOn(connect, proxy.port, options);
      const tap = await subscribed(log, 'r');
      for (let round = 0; round < 5; round++) {
        const pending = Array.from({ length: 20 }, (_, i) => surely(log, 'r', `${round}-${i}`));
        proxy.cut();
        await Promise.all(pending);
      }
      await tap.until(() => tap.records.length === 100);
      assert.equal(new Set(texts(tap.records)).size, 100);
      assert.deepEqual([tap.resets, tap.gaps], [[], []]);
      assert.ok(troubles.some(({ kind }) => kind === 'reader-failed'));
      assert.ok(troubles.some(({ kind }) => kind === 'reader-resumed'));
    });

    it('opens a connection anew that brings nothing and does not end, and misses nothing', async () => {
      const proxy = await startProxy(server.port);
      later(() => proxy.close());
      const troubles: RedisTrouble[] = [];
      const onTrouble = (trouble: RedisTrouble): void => void troubles.push(trouble);
      const reading = await openOn(connect, proxy.port, { blockMs: 100, commandTimeoutMs: 200, onTrouble });
      const writing = await openOn(connect, server.port);
      const tap = await subscribed(reading, 'r');
      await writing.append('r', { data: '1' });
      await tap.texts(1);
      proxy.stall();
      await assert.rejects(reading.append('r', { data: 'x' }), { code: 'LOG_UNCERTAIN' });
      await writing.append('r', { data: '2' });
      while (!troubles.some(({ kind }) => kind === 'reader-failed')) await writing.read('r', undefined, 1);
      const [first] = troubles;
      assert.match(String(first?.kind === 'reader-failed' && first.error), /did not answer within 300 ms/);
      proxy.cut(); // the client's own connection for commands, which only the client can open anew
      await tap.until(() => tap.records.some(({ data }) => data === '2'));
      assert.deepEqual([tap.resets, tap.gaps], [[], []]);
    });

    it('tells a reset when Redis was emptied, and goes on', async () => {
      const log = await openOn(connect, server.port);
      const tap = await subscribed(log, 'r', 10);
      const { position } = await log.append('r', { data: 'before', key: 'k' });
      await tap.texts(1);
      await command('FLUSHALL');
      const again = await log.append('r', { data: 'after', key: 'k' });
      assert.deepEqual([again.duplicate, again.position.sequence], [false, 1]);
      assert.notEqual(again.position.epoch, position.epoch);
      await tap.until(() => tap.resets.length > 0);
      assert.equal(tap.resets[0]?.epoch, again.position.epoch);
      assert.equal((await log.read('r', position, 10)).reset, true);
      await log.append('r', { data: 'more' });
      await tap.until(() => tap.records.some(({ data }) => data === 'more'));
    });

    it('begins a room anew, with a reset, when its hash alone is gone', async () => {
      const log = await openOn(connect, server.port);
      const tap = await subscribed(log, 'r', 10);
      for (const data of ['1', '2', '3']) await log.append('r', { data, key: data });
      await tap.texts(3);
      const { head } = await log.read('r', undefined, 1);
      for (const first of ['read', 'append'] as const) {
        const [name = ''] = (await command('KEYS', '*:room:r')) as string[];
        await command('DEL', name);
        if (first === 'read') {
          const page = await log.read('r', head, 10);
          assert.deepEqual([page.reset, page.head.sequence, page.records], [true, 0, []]);
        }
        const again = await log.append('r', { data: `after ${first}`, key: '3' });
        assert.deepEqual([again.duplicate, again.position.sequence], [false, 1]);
        assert.notEqual(again.position.epoch, head.epoch);
        assert.deepEqual(texts((await log.read('r', undefined, 10)).records), [`after ${first}`]);
        await tap.until(() => tap.resets.at(-1)?.epoch === again.position.epoch);
      }
    });

    it('tells a gap when the history of a room alone is gone, and keeps as much of what follows as before', async () => {
      const log = await openOn(connect, server.port, { maxHistoryBytes: 100 });
      const tap = await subscribed(log, 'r');
      const { position } = await log.append('r', { data: '1' });
      await log.append('r', { data: '2'.repeat(90) });
      const [name = ''] = (await command('KEYS', '*:history:r')) as string[];
      await command('DEL', name);
      for (const data of ['3', '4']) await log.append('r', { data: data.repeat(40) });
      const page = await log.read('r', position, 10);
      assert.deepEqual([page.reset, page.gap], [false, { from: 2, to: 2 }]);
      assert.deepEqual(texts(page.records), ['3'.repeat(40), '4'.repeat(40)]);
      await tap.texts(4);
    });

    it('recognises a failover that lost writes by the token, and tells a reset', async () => {
      const replica = await startRedis(['--replicaof', `127.0.0.1 ${server.port}`]);
      later(() => replica.stop());
      const proxy: RedisProxy = await startProxy(server.port);
      later(() => proxy.close());
      const lost: string[] = [];
      const log = await openOn(connect, proxy.port, {
        onTrouble: (trouble) => void (trouble.kind === 'records-lost' && lost.push(trouble.room)),
      });
      const tap = await subscribed(log, 'r', 10);
      for (const data of ['1', '2', '3']) await log.append('r', { data, key: data });
      await untilReplicated(admin, replica.port, connect);
      const promoted = await connect(replica.port);
      later(() => promoted.close());
      await promoted.port.command(['REPLICAOF', 'NO', 'ONE']);
      const four = await log.append('r', { data: '4', key: '4' });
      const five = await log.append('r', { data: '5', key: '5' });
      await tap.texts(5);
      proxy.leadTo(replica.port);
      await tap.until(() => tap.resets.length > 0);
      assert.deepEqual([tap.resets[0]?.sequence, tap.resets[0]?.epoch], [3, five.position.epoch]);
      assert.deepEqual(lost, ['r']);
      const other = await surely(log, 'r', 'another 4');
      assert.deepEqual([other.position.epoch, other.position.sequence], [four.position.epoch, 4]);
      await surely(log, 'r', 'another 5');
      for (const { position } of [four, five]) {
        const page = await log.read('r', position, 10);
        assert.deepEqual([page.reset, texts(page.records)], [true, ['1', '2', '3', 'another 4', 'another 5']]);
      }
      assert.equal((await surely(log, 'r', '4')).position.sequence, 6, 'the publisher sends it again');
      assert.equal((await log.append('r', { data: '', key: '3' })).duplicate, true, 'what was replicated is known');
      await tap.until(() => tap.records.at(-1)?.sequence === 6);
    });

    it('serves a position of one node on another one', async () => {
      const [one, two] = [await openOn(connect, server.port), await openOn(connect, server.port)];
      const { position } = await one.append('r', { data: '1' });
      await one.append('r', { data: '2' });
      const page = await two.read('r', position, 10);
      assert.deepEqual([page.reset, page.gap, texts(page.records)], [false, undefined, ['2']]);
      const tap = await subscribed(two, 'r', 1);
      await one.append('r', { data: '3' });
      assert.deepEqual(await tap.texts(1), ['3']);
    });

    it('hands out records that are too large for the stream, in their place', async () => {
      const log = await openOn(connect, server.port, { busRecordBytes: 100, maxHistoryBytes: 1_000_000 });
      const tap = await subscribed(log, 'r');
      const expected = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? `${i}`.padEnd(500) : `${i}`));
      await Promise.all(expected.map((data) => log.append('r', { data })));
      assert.deepEqual(await tap.texts(30), expected);
    });

    it('hands out large records whole to who keeps up, whatever the bound of the history, with small ones between', async () => {
      const log = await openOn(connect, server.port);
      const tap = await subscribed(log, 'r');
      await Promise.all(['x'.repeat(1_048_576), 'small'].map((data) => log.append('r', { data })));
      await tap.texts(2);
      const burst = Array.from({ length: 150 }, (_, i) => `${i}`.padEnd(i % 3 === 0 ? 20_000 : 2_000));
      await Promise.all(burst.map((data) => log.append('r', { data })));
      await tap.until(() => tap.records.length === 152);
      assert.deepEqual([tap.gaps, tap.resets], [[], []]);
      assert.deepEqual(texts(tap.records).slice(2), burst);
    });

    it('keeps so many octets of large records for readers and no more, and tells a gap for those that are gone', async () => {
      const options = { maxHistoryBytes: 0, busRecordBytes: 10, busLargeBytes: 1_000 };
      const log = await openOn(connect, server.port, options);
      const tap = await subscribed(log, 'r');
      const append = (from: number, to: number, size: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: to - from + 1 }, (_, i) => log.append('r', { data: `${from + i} `.padEnd(size) })),
        );
      await append(1, 10, 100);
      await tap.until(() => tap.records.length === 10);
      assert.deepEqual(tap.gaps, []);
      await command('CLIENT', 'PAUSE', '100', 'ALL'); // then all of them are carried out before anybody reads
      await append(11, 30, 300);
      await tap.until(() => tap.records.length + lengthOf(tap.gaps) === 30);
      assert.ok(tap.gaps.length > 0);
      await log.append('r', { data: 'last' });
      await tap.until(() => tap.records.at(-1)?.data === 'last');
      const [name = ''] = (await command('KEYS', '*:large')) as string[];
      assert.equal(Number(await command('XLEN', name)), 3);
      await log.append('r', { data: 'x'.repeat(1_001) });
      assert.equal(Number(await command('XLEN', name)), 0, 'of one that is larger nothing is kept');
      await command('DEL', `${name}-octets`);
      await log.append('r', { data: 'counted from nothing' });
      await tap.until(() => tap.records.at(-1)?.data === 'counted from nothing');
    });

    it('tells a gap when the history of a room was cut before a node had read it', async () => {
      const proxy = await startProxy(server.port);
      later(() => proxy.close());
      const slow = await openOn(connect, proxy.port, { maxHistoryRecords: 5, busRecords: 1 });
      const fast = await openOn(connect, server.port, { maxHistoryRecords: 5, busRecords: 1, busRecordBytes: 0 });
      const tap = await subscribed(slow, 'r');
      await fast.append('r', { data: '1' });
      await tap.texts(1);
      proxy.leadTo(1); // nothing listens there
      for (let i = 2; i <= 30; i++) await fast.append('r', { data: `${i}` });
      proxy.leadTo(server.port);
      await tap.until(() => tap.records.at(-1)?.sequence === 30);
      assert.deepEqual(tap.gaps, [{ from: 2, to: 25 }]);
      assert.deepEqual(texts(tap.records), ['1', '26', '27', '28', '29', '30']);
    });

    it('reads only the partitions that its rooms need, each on one connection, and lets go of them', async () => {
      const log = await openOn(connect, server.port, { partitions: 4 });
      const connections = async (): Promise<number> =>
        String(await command('CLIENT', 'LIST'))
          .trim()
          .split('\n').length;
      const before = await connections();
      const taps = [];
      for (let i = 0; i < 3; i++) {
        const tap = new Tap();
        taps.push(log.subscribe('r', 0, tap));
        await tap.open();
      }
      assert.deepEqual([log.held.rooms, log.held.partitions, await connections()], [1, 1, before + 1]);
      for (let i = 0; i < 40; i++) await subscribed(log, `room ${i}`);
      assert.deepEqual([log.held.rooms, log.held.partitions, await connections()], [41, 4, before + 4]);
      for (const subscription of taps) subscription.close();
      assert.equal(log.held.rooms, 40);
    });

    it('forgets a key when its time is over, and what is past the bound of age', async () => {
      const log = await openOn(connect, server.port, { keyAgeMs: 20, maxHistoryAgeMs: 20 });
      const { record } = await log.append('r', { data: 'old', key: 'k' });
      while ((await redisTime(admin)) <= (record?.timeMs ?? 0) + 21);
      assert.deepEqual((await log.read('r', undefined, 10)).records, []);
      const again = await log.append('r', { data: 'new', key: 'k' });
      assert.deepEqual([again.duplicate, again.position.sequence], [false, 2]);
      const page = await log.read('r', { ...again.position, sequence: 0, token: '' }, 10);
      assert.deepEqual(page.gap, { from: 1, to: 1 });
    });

    it('bounds what Redis holds of a room, and lets Redis forget it', async () => {
      const log = await openOn(connect, server.port, { maxKeys: 10, maxHistoryRecords: 10, prefix: 'bounds' });
      for (let i = 0; i < 200; i++) await log.append('r', { data: '', key: `k${i}` });
      for (const name of (await command('KEYS', '*:r')) as string[]) {
        const kind = String(await command('TYPE', name));
        const size = Number(await command(kind === 'stream' ? 'XLEN' : 'HLEN', name));
        assert.ok(size <= 22, `${name} has ${size}`); // keys: two fields each, and two for the ends
        assert.ok(Number(await command('PTTL', name)) > 0, `${name} has an end`);
      }
    });

    it('refuses another number of partitions, and options that are none', async () => {
      await openOn(connect, server.port, { partitions: 4 });
      await assert.rejects(openOn(connect, server.port, { partitions: 5 }), /partitions is 5, .* are spread over 4/);
      for (const options of [
        { partitions: 0 },
        { partitions: 1_025 },
        { prefix: 'a b' },
        { blockMs: 0 },
        { maxKeys: -1 },
      ])
        await assert.rejects(openRedisLog(admin.port, options), RangeError);
    });

    it('says that Redis refused, and appends nothing', async () => {
      const log = await openOn(connect, server.port);
      await log.append('r', { data: '1' });
      await command('CONFIG', 'SET', 'maxmemory', '1');
      await assert.rejects(log.append('r', { data: '2' }), (error) => {
        assert.ok(error instanceof RoomRefused);
        assert.deepEqual([error.code, /^Redis refused: OOM /.test(error.message)], ['LOG_FAILED', true]);
        return true;
      });
      await command('CONFIG', 'SET', 'maxmemory', '0');
      assert.equal((await log.append('r', { data: '2' })).position.sequence, 2);
    });

    it('refuses appends past the bound of those without an answer, and gives up on one in time', async () => {
      const log = await openOn(connect, server.port, { maxPendingAppends: 3, commandTimeoutMs: 200 });
      await command('CLIENT', 'PAUSE', '1000', 'WRITE');
      const waiting = Promise.allSettled(Array.from({ length: 3 }, () => log.append('r', { data: '' })));
      await assert.rejects(log.append('r', { data: '' }), { code: 'LOG_FULL' });
      for (const each of await waiting)
        assert.equal(each.status === 'rejected' && (each.reason as RoomRefused).code, 'LOG_UNCERTAIN');
      await command('CLIENT', 'UNPAUSE');
    });

    it('keeps all keys of a room in one slot, so that a cluster takes its scripts', async () => {
      const cluster = await startRedis(['--cluster-enabled', 'yes']);
      later(() => cluster.stop());
      const node = await connect(cluster.port);
      later(() => node.close());
      await node.port.command(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
      while (!String(await node.port.command(['CLUSTER', 'INFO'])).includes('cluster_state:ok'));
      const log = await openOn(connect, cluster.port);
      const taps = [];
      for (let i = 0; i < 20; i++) taps.push(await subscribed(log, `r${i}`));
      for (let i = 0; i < 20; i++) await log.append(`r${i}`, { data: `${i}`, key: 'k' });
      for (const [i, tap] of taps.entries()) assert.deepEqual(await tap.texts(1), [`${i}`]);
    });
  });
}

const lengthOf = (gaps: readonly { readonly from: number; readonly to: number }[]): number =>
  gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);

async function redisTime(admin: TestClient): Promise<number> {
  const [seconds, micros] = (await admin.port.command(['TIME'])) as [string, string];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

/** Resolves when the replica has everything that the primary has. */
async function untilReplicated(primary: TestClient, replicaPort: number, connect: Connect): Promise<void> {
  while (Number(await primary.port.command(['WAIT', '1', '1000'])) < 1);
  const replica = await connect(replicaPort);
  while (Number(await replica.port.command(['DBSIZE'])) !== Number(await primary.port.command(['DBSIZE'])));
  replica.close();
}
