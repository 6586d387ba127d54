/** The window of keys: what leaves it, in which order, and what that costs. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyWindow, RoomKeys } from '../../lib/rooms/key-window.ts';
import { LoggedRooms } from '../../lib/rooms/logged-rooms.ts';
import { FakeClock } from '../support/clock.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

const position = { epoch: 'e', sequence: 1, token: 't' };

describe(`the window of keys (${SEED_NOTE})`, () => {
  it('has what a plain list of all keys would have, whatever comes and goes', () => {
    const random = new Random(77);
    const clock = new FakeClock();
    const bounds = { maxKeys: 5, maxTotalKeys: 12, keyAgeMs: 100 };
    const window = new KeyWindow(bounds, clock);
    const rooms = Array.from({ length: 4 }, () => new RoomKeys());
    let model: { room: number; key: string; timeMs: number }[] = [];
    for (let step = 0; step < 5_000; step++) {
      clock.advance(random.below(20));
      const now = clock.now();
      model = model.filter(({ timeMs }) => timeMs > now - bounds.keyAgeMs);
      const room = random.below(rooms.length);
      if (random.chance(0.05)) {
        window.drop(rooms[room]!);
        model = model.filter((each) => each.room !== room);
      } else {
        window.remember(rooms[room]!, { key: `${step}`, position, timeMs: now });
        model.push({ room, key: `${step}`, timeMs: now });
        if (model.filter((each) => each.room === room).length > bounds.maxKeys)
          model.splice(
            model.findIndex((each) => each.room === room),
            1,
          );
        if (model.length > bounds.maxTotalKeys) model.shift();
      }
      assert.equal(window.find(rooms[0]!, 'never used'), undefined); // forgets what is too old
      assert.equal(window.size, model.length);
      for (const [index, keys] of rooms.entries()) {
        const expected = model.filter((each) => each.room === index).map(({ key }) => key);
        assert.deepEqual(
          [...keys.all()].map(({ key }) => key),
          expected,
        );
        for (const key of expected) assert.equal(window.find(keys, key)?.key, key);
      }
    }
    clock.advance(1_000);
    assert.deepEqual([window.size, clock.timers], [0, 0]);
  });

  it('has more than maxTotalKeys where that is allowed, and the youngest of them once it is not', () => {
    const window = new KeyWindow({ maxKeys: 10, maxTotalKeys: 2, keyAgeMs: 100 }, new FakeClock());
    const rooms = [new RoomKeys(), new RoomKeys()];
    window.allowMore(3);
    for (let i = 0; i < 6; i++) window.remember(rooms[i % 2]!, { key: `${i}`, position, timeMs: 1_000_000 });
    const keys = (): string[] => rooms.flatMap((room) => [...room.all()].map(({ key }) => key));
    assert.deepEqual([window.size, keys()], [5, ['2', '4', '1', '3', '5']]);
    window.allowMore(0);
    assert.deepEqual([window.size, keys()], [2, ['4', '5']]);
  });

  it('keeps the later place of a key that is remembered twice, and the bound of its room', () => {
    const window = new KeyWindow({ maxKeys: 2, maxTotalKeys: 4, keyAgeMs: 100 }, new FakeClock());
    const [room, other] = [new RoomKeys(), new RoomKeys()];
    const use = (keys: RoomKeys, key: string, sequence: number): void =>
      window.remember(keys, { key, timeMs: 1_000_000, position: { ...position, sequence } });
    use(room, 'twice', 1);
    use(room, 'twice', 2);
    use(other, 'a', 1);
    use(other, 'b', 2);
    use(room, 'twice', 3); // the first of all is forgotten
    assert.equal(window.find(room, 'twice')?.position.sequence, 3);
    window.drop(other);
    use(room, 'c', 4);
    use(room, 'd', 5);
    assert.deepEqual([...room.byKey.keys()], ['c', 'd']);
  });

  it('keeps the order in which keys came where their times go back, and forgets them by age all the same', () => {
    const clock = new FakeClock();
    const now = clock.now();
    const window = new KeyWindow({ maxKeys: 10, maxTotalKeys: 10, keyAgeMs: 100 }, clock);
    const room = new RoomKeys();
    window.allowMore(3); // a log is read anew
    for (const [key, timeMs] of [
      ['ahead', now + 4_000],
      ['back', now - 50],
      ['now', now],
    ] as const)
      window.remember(room, { key, position, timeMs });
    window.allowMore(0);
    assert.deepEqual(
      [...room.all()].map(({ key, timeMs }) => [key, timeMs]),
      [
        ['ahead', now],
        ['back', now],
        ['now', now],
      ],
    );
    const before = window.remembered;
    window.remember(room, { key: 'later', position, timeMs: now + 50 });
    assert.deepEqual([[...room.all()].length, [...room.all(before)].length], [4, 3]);
    clock.advance(100);
    assert.equal(window.find(room, 'now'), undefined);
    assert.equal(window.size, 1);
  });

  it('costs the same for each key when it is full of one room as when it is nearly empty', () => {
    const time = (maxTotalKeys: number): number => {
      const window = new KeyWindow({ maxKeys: 1_000_000, maxTotalKeys, keyAgeMs: 1_000_000_000 }, new FakeClock());
      const room = new RoomKeys();
      const fill = (from: number, count: number): void => {
        for (let i = from; i < from + count; i++) window.remember(room, { key: `${i}`, position, timeMs: 1_000_000 });
      };
      fill(0, maxTotalKeys + 20_000);
      const started = performance.now();
      fill(1_000_000, 20_000);
      return performance.now() - started;
    };
    time(100);
    const ratios = Array.from({ length: 5 }, () => time(65_536) / time(100)).sort((a, b) => a - b);
    assert.ok(ratios[0]! < 10, `${ratios.map((each) => each.toFixed(1)).join(' ')} times`); // with a Set: some 100
  });
});

describe('rooms that are restored', () => {
  it('have their place, their records and their keys, and make way afterwards', () => {
    const rooms = new LoggedRooms({ maxRooms: 2, clock: new FakeClock() });
    for (const name of ['a', 'b', 'c', 'd']) {
      const head = { epoch: name, sequence: 9, token: 'x' };
      const record = rooms.number({ data: name }, { ...head, sequence: 8 }, 1);
      const room = rooms.restore(name, head, [record]);
      rooms.remember(room, { key: 'k', position: head, timeMs: 1_000_000 });
    }
    rooms.touch(rooms.find('a')!);
    assert.deepEqual(rooms.held, { rooms: 4, keys: 4 });
    rooms.makeWay();
    assert.deepEqual([rooms.namesInOrder(), rooms.held.keys], [['d', 'a'], 2]);
    const page = rooms.page('a', { epoch: 'a', sequence: 8, token: 'any' }, 10);
    assert.deepEqual([page.reset, page.gap, page.records.length, page.head.sequence], [false, undefined, 1, 9]);
    assert.equal(rooms.usedKey(rooms.find('a')!, 'k')?.position.sequence, 9);
    const again = rooms.restore('a', { epoch: 'z', sequence: 0, token: '' });
    assert.deepEqual([again.head.epoch, again.history.size, rooms.held], ['z', 0, { rooms: 2, keys: 1 }]);
  });
});
