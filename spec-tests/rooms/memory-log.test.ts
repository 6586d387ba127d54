/** The log in memory: the contract of all logs, then what is its own: rooms that make way, keys in all, nothing left behind. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RoomLog } from '../../lib/rooms/log.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import { FakeClock } from '../support/clock.ts';
import { world } from './ear.ts';
import { describeRoomLog, Tap } from './log-contract.ts';

describeRoomLog('in memory', (options) => {
  const clock = new FakeClock();
  const log = new MemoryLog({ ...options, clock });
  return {
    log,
    another: () => log,
    advance: (ms) => clock.advance(ms),
    exactBounds: true,
    dispose: () => log.close(),
  };
});

describe('the log in memory', () => {
  it('lets the room that was used longest ago make way, never one with subscribers', async () => {
    const log = new MemoryLog({ maxRooms: 3, clock: new FakeClock() });
    const first = await log.append('a', { data: '' });
    await log.append('b', { data: '' });
    const subscription = log.subscribe('c', 0, new Tap());
    await log.append('a', { data: '' });
    await log.append('d', { data: '' }); // b makes way
    assert.equal((await log.append('a', { data: '' })).position.sequence, 3);
    assert.equal((await log.read('a', first.position, 9)).reset, false);
    log.subscribe('a', 0, new Tap());
    log.subscribe('d', 0, new Tap());
    await assert.rejects(log.append('e', { data: '' }), { code: 'LOG_FULL' });
    const refused = new Tap();
    log.subscribe('e', 0, refused);
    assert.equal(refused.failures[0]?.code, 'LOG_FULL');
    subscription.close();
    assert.equal((await log.append('e', { data: '' })).position.sequence, 1);
  });

  it('refuses at its own bounds and when it is closed alone, and has appended nothing then', async () => {
    const log = new MemoryLog({ maxRooms: 1, clock: new FakeClock() });
    const tap = new Tap();
    const { position } = await log.append('a', { data: '1', key: 'k' });
    log.subscribe('a', 0, tap);
    await assert.rejects(log.append('b', { data: 'lost', key: 'k' }), { code: 'LOG_FULL' });
    assert.equal((await log.read('b', undefined, 1)).head.sequence, 0);
    assert.equal((await log.append('a', { data: '2' })).position.sequence, 2);
    assert.deepEqual((await log.read('a', position, 9)).records, tap.records);
    await log.close();
    await assert.rejects(log.append('a', { data: 'lost' }), { code: 'LOG_CLOSED' });
    await assert.rejects(log.read('a', undefined, 1), { code: 'LOG_CLOSED' });
    assert.deepEqual(
      tap.records.map(({ data }) => data),
      ['2'],
    );
  });

  it('knows no names: hubs that share it list their own members, each for itself', async () => {
    const clock = new FakeClock();
    const log: RoomLog = new MemoryLog({ clock });
    assert.equal(log.presence, undefined);
    const [here, there] = [world({ log, clock }), world({ log, clock })];
    here.ear('r', { as: 'ann' });
    there.ear('r', { as: 'bob' });
    assert.deepEqual([...(here.hub.find('r')?.names() ?? [])], ['ann']);
    assert.deepEqual([...(there.hub.find('r')?.names() ?? [])], ['bob']);
  });

  it('gives a room that came back another epoch', async () => {
    const log = new MemoryLog({ maxRooms: 1, clock: new FakeClock() });
    const { position } = await log.append('a', { data: '' });
    await log.append('b', { data: '' });
    assert.equal((await log.read('a', position, 1)).reset, true);
    assert.notEqual((await log.append('a', { data: '' })).position.epoch, position.epoch);
  });

  it('keeps nothing of 100,000 rooms that were only listened to or read', async () => {
    const log = new MemoryLog({ clock: new FakeClock() });
    for (let i = 0; i < 100_000; i++) {
      log.subscribe(`r${i}`, 10, new Tap()).close();
      if (i % 100 === 0) await log.read(`s${i}`, undefined, 1);
    }
    assert.deepEqual(log.held, { rooms: 0, keys: 0 });
  });

  it('bounds the keys of all rooms, and forgets them in time even when nothing is appended', async () => {
    const clock = new FakeClock();
    const log = new MemoryLog({ clock, maxTotalKeys: 5, keyAgeMs: 1_000 });
    for (let i = 0; i < 20; i++) await log.append(`r${i % 4}`, { data: '', key: `k${i}` });
    assert.equal(log.held.keys, 5);
    clock.advance(2_001);
    assert.equal(log.held.keys, 0);
    assert.equal(clock.timers, 0);
  });

  it('forgets a room when told to, unless someone is subscribed', async () => {
    const log = new MemoryLog({ clock: new FakeClock() });
    await log.append('a', { data: '', key: 'k' });
    const subscription = log.subscribe('a', 0, new Tap());
    assert.equal(log.forget('a'), false);
    subscription.close();
    assert.deepEqual([log.forget('a'), log.forget('a'), log.held], [true, false, { rooms: 0, keys: 0 }]);
    await log.close();
  });

  it('refuses bounds that are none', () => {
    for (const options of [{ maxRooms: 0 }, { maxKeys: -1 }, { maxTotalKeys: 0.5 }, { keyAgeMs: Number.NaN }])
      assert.throws(() => new MemoryLog(options), RangeError);
    for (const options of [
      { maxHistoryRecords: -1 },
      { maxHistoryBytes: 1.5 },
      { maxHistoryAgeMs: Number.POSITIVE_INFINITY },
    ])
      assert.throws(() => new MemoryLog(options), RangeError);
  });
});
