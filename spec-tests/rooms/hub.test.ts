/** The hub: rooms that come and go, repeats, bounds, options, presence and gathering. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROOM_LIMITS } from '../../lib/limits.ts';
import { evictionOf } from '../../lib/rooms/eviction.ts';
import { Gatherer, MAX_AUTO_GATHER_MS } from '../../lib/rooms/gather.ts';
import { History, historyBounds } from '../../lib/rooms/history.ts';
import { Hub, type HubOptions } from '../../lib/rooms/hub.ts';
import { type Clock, RoomRefused } from '../../lib/rooms/log.ts';
import type { JoinOptions } from '../../lib/rooms/member.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Item, PresenceNotice } from '../../lib/rooms/notices.ts';
import { formatPosition } from '../../lib/rooms/position.ts';
import type { PublishOptions } from '../../lib/rooms/publisher.ts';
import { FakeClock } from '../support/clock.ts';
import { collectGarbage } from '../support/gc.ts';
import { Random } from '../support/random.ts';
import { turns } from '../support/sockets.ts';
import { Ear, world } from './ear.ts';

const refused =
  (code: string, limit: number) =>
  (error: unknown): boolean =>
    error instanceof RoomRefused && error.code === code && error.message.includes(`limit ${limit}`);

describe('history', () => {
  const entry = (sequence: number, timeMs = 0): { sequence: number; timeMs: number; bytes: number } => ({
    sequence,
    timeMs,
    bytes: 2,
  });
  const history = (options: object): History<ReturnType<typeof entry>> =>
    new History(({ bytes }) => bytes, historyBounds(options));

  it('keeps the last entries, by count, by bytes and by age', () => {
    const byCount = history({ maxHistoryRecords: 3 });
    const byBytes = history({ maxHistoryBytes: 6 });
    const byAge = history({ maxHistoryAgeMs: 10 });
    for (let i = 1; i <= 5; i++) for (const each of [byCount, byBytes, byAge]) each.append(entry(i, i * 5));
    byAge.prune(25);
    for (const each of [byCount, byBytes, byAge]) {
      assert.deepEqual([each.size, each.byteLength, each.firstSequence], [3, 6, 3]);
      assert.equal(each.get(2), undefined);
      assert.equal(each.get(3)?.sequence, 3);
      assert.equal(each.get(6), undefined);
      assert.deepEqual(
        each.from(4, 9).map(({ sequence }) => sequence),
        [4, 5],
      );
      assert.deepEqual(
        each.from(1, 2).map(({ sequence }) => sequence),
        [3, 4],
      );
      assert.deepEqual(
        each.last(2).map(({ sequence }) => sequence),
        [4, 5],
      );
    }
  });

  it('can be off, does not keep an entry larger than all of it, and begins anew', () => {
    const off = history({ maxHistoryRecords: 0 });
    off.append(entry(1));
    assert.deepEqual([off.size, off.firstSequence], [0, 2]);
    const small = history({ maxHistoryBytes: 5 });
    small.append(entry(1));
    small.append({ ...entry(2), bytes: 6 });
    assert.deepEqual([small.size, small.byteLength, small.firstSequence], [0, 0, 3]);
    small.restart(10);
    small.append(entry(10));
    assert.equal(small.get(10)?.sequence, 10);
  });

  it('lets 100,000 entries through a window of 100 without growing', () => {
    const window = history({ maxHistoryRecords: 100 });
    for (let i = 1; i <= 100_000; i++) window.append(entry(i));
    assert.deepEqual([window.size, window.firstSequence, window.get(99_901)?.sequence], [100, 99_901, 99_901]);
  });
});

describe('publishing', () => {
  it('needs no members, and numbers all the same', async () => {
    const { hub } = world();
    const { sequence, sent, queued, slow, duplicate } = await hub.publish('r', 'hello');
    assert.deepEqual([sequence, sent, queued, slow, duplicate, hub.size], [1, 0, 0, 0, false, 0]);
  });

  it('finds the first receipt and the first text by the publisher’s id, whatever text comes with it (R3)', async () => {
    const at = world();
    const ear = at.ear('r');
    const first = await at.hub.publish('r', 'first', { key: 'ann\n1' });
    const again = await at.hub.publish('r', 'second', { key: 'ann\n1' });
    assert.deepEqual({ ...again, duplicate: false }, first);
    assert.deepEqual([again.duplicate, again.record?.data, again.sent], [true, 'first', 1]);
    assert.deepEqual(ear.texts, ['first']);
  });

  it('finds a repeat across connections, nodes and empty rooms, and forgets it in time', async () => {
    const clock = new FakeClock();
    const log = new MemoryLog({ clock });
    const [one, two] = [world({ log, clock }), world({ log, clock })];
    const ear = one.ear('r');
    await one.hub.publish('r', 'x', { key: 'k' });
    ear.member.close();
    assert.equal((await two.hub.publish('r', 'x', { key: 'k' })).duplicate, true);
    clock.advance(ROOM_LIMITS.keyAgeMs + 1);
    assert.equal((await two.hub.publish('r', 'x', { key: 'k' })).sequence, 2);
  });

  it('throws at the call for misuse, rejects otherwise, and an ignored rejection does not end the process', async () => {
    const log = new MemoryLog();
    const { hub } = world({ log });
    assert.throws(() => void hub.publish('', 'x'), RangeError);
    assert.throws(() => void hub.publish('r', 1 as unknown as string), TypeError);
    assert.throws(() => void hub.publish('r', 'x', { waitTimeoutMs: -1 }), RangeError);
    await log.close();
    await assert.rejects(hub.publish('r', 'x'), { code: 'LOG_CLOSED' });
    void hub.publish('r', 'x');
    await new Promise((resolve) => setImmediate(resolve)); // when unhandled rejections would have been reported
  });
});

describe('a member whose send answers something else', () => {
  it('without send there is none: refused at the call', () => {
    const { hub } = world();
    for (const wrong of [undefined, {}, { send: 'sent' }])
      assert.throws(() => hub.member(wrong as never), /^TypeError: member: the connection has no function send/);
    for (const wrong of [{}, { close: 1 }, { evicted: 1, close() {} }])
      assert.throws(() => hub.member({ send: () => 'sent', ...wrong } as never), /has neither a function evicted nor/);
  });

  it('is told of the end by `evicted`, or by `close` with 1013 and the position where it has no `evicted`', async () => {
    const { hub } = world();
    const told: unknown[] = [];
    const close = (code: number, reason: string): void => void told.push([code, reason]);
    hub.member({ send: () => 'sent', evicted: ({ why }) => void told.push(why), close }).join('tea');
    const connection = {
      calls: 0,
      send(): 'sent' {
        this.calls++; // called as a method of the connection, as `send` of a socket has to be
        return 'sent';
      },
      close,
    };
    hub.member(connection).join('tea');
    const { position } = await hub.publish('tea', 'x');
    await hub.close();
    assert.equal(connection.calls, 2);
    assert.deepEqual(told, ['closed', [1013, `closed; after=${formatPosition(position)}`]]);
  });

  it('of several rooms on a connection the close reason names the one, where it fits', async () => {
    const { hub } = world();
    const told: string[] = [];
    const member = hub.member({ send: () => 'sent', close: (_code, reason) => void told.push(reason) });
    const ends: string[] = [];
    const rooms = ['tea', 'a; after=1-2-3 ü', 'x'.repeat(256)];
    for (const room of rooms) {
      member.join(room);
      ends.push(`after=${formatPosition((await hub.publish(room, 'x')).position)}`);
    }
    await hub.close();
    assert.deepEqual(told, [
      `closed; room=tea; ${ends[0]}`,
      `closed; room=a%3B%20after%3D1-2-3%20%C3%BC; ${ends[1]}`,
      `closed; ${ends[2]}`,
    ]);
    const reasons = (length: number): string =>
      evictionOf('n'.repeat(length), 'too-slow', { epoch: 'e', sequence: 1, token: 't' }, true).reason;
    const fits = 123 - 'too-slow; room=; after=e-1-t'.length;
    assert.equal(reasons(fits), `too-slow; room=${'n'.repeat(fits)}; after=e-1-t`);
    assert.equal(reasons(fits + 1), 'too-slow; after=e-1-t');
  });

  it('that has been in several rooms is told which one has let go, also when it is in one alone', async () => {
    const { hub } = world();
    const told: string[] = [];
    const member = hub.member({ send: () => 'sent', close: (_code, reason) => void told.push(reason) });
    for (const room of ['a', 'b']) member.join(room);
    for (const room of ['a', 'b']) member.leave(room);
    member.join('a');
    const { position } = await hub.publish('a', 'x');
    await hub.close();
    assert.deepEqual(told, [`closed; room=a; after=${formatPosition(position)}`]);
  });

  it('ends nothing when what it returns, or onError, rejects', async () => {
    const told: string[] = [];
    const hub = new Hub<Item>({
      prepare: (item) => item,
      onError: async (error, where) => {
        told.push(`${where}: ${(error as Error).message}`);
        throw new Error('onError broke');
      },
    });
    const evicted = async (): Promise<void> => {
      throw new Error('evicted broke');
    };
    const send = async (): Promise<'sent'> => {
      throw new Error('send broke');
    };
    hub.member({ send: () => 'sent', evicted }).join('tea');
    hub.member({ send: send as never, close() {} }).join('tea');
    await hub.close();
    await turns();
    assert.deepEqual(told.toSorted(), [
      'evicted: evicted broke',
      "send: send answered [object Promise], must be 'sent', 'backpressure' or 'dropped'",
      'send: send broke',
    ]);
  });

  it('is let go of as one that throws, and the error says what it answered; others are told as ever', async () => {
    const { hub, errors, ear } = world();
    const other = ear('tea');
    const evictions: string[] = [];
    for (const answer of [undefined, Promise.resolve('sent'), 'snet', true]) {
      const member = hub.member({ send: () => answer as never, evicted: ({ why }) => void evictions.push(why) });
      member.join('tea');
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(evictions, ['threw', 'threw', 'threw', 'threw']);
    assert.match(String(errors[0]?.error), /send answered undefined, must be 'sent', 'backpressure' or 'dropped'/);
    assert.equal(errors.length, 4);
    await hub.publish('tea', 'still here');
    assert.ok(other.heard.some((item) => item.type === 'record'));
  });
});

describe('rooms that come and go', () => {
  it('are there while they have members: a hub never lets go of one that has (R1)', () => {
    const { hub, ear } = world({ maxRooms: 2 });
    const [ann, bob] = [ear('a'), ear('b')];
    const room = hub.find('a');
    assert.throws(() => ear('c'), refused('HUB_FULL', 2));
    assert.equal(hub.find('a'), room);
    assert.deepEqual([...(room?.members() ?? [])], [ann.member]);
    bob.member.leave('b');
    assert.equal(hub.find('b'), undefined);
    ear('c');
    assert.equal(hub.size, 2);
  });

  it('refuses members beyond the bounds of room and member, and lets the others be', () => {
    const at = world({ maxMembers: 1, maxRoomsPerMember: 2 });
    const ann = at.ear('a');
    assert.throws(() => at.ear('a'), refused('ROOM_FULL', 1));
    ann.member.join('b');
    assert.throws(() => ann.member.join('c'), refused('MEMBER_FULL', 2));
    assert.equal(at.hub.size, 2);
  });

  it('100,000 of them leave nothing behind', async () => {
    const log = new MemoryLog();
    const hub = new Hub<Item>({ prepare: (item) => item, log, presenceMs: 0 });
    const visit = (i: number): void => {
      const ear = new Ear(hub);
      ear.member.join(`room-${i}`, { as: 'ann' });
      ear.member.close();
    };
    for (let i = 0; i < 10_000; i++) visit(i);
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100_000; i++) visit(i);
    await collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.deepEqual([hub.size, log.held], [0, { rooms: 0, keys: 0 }]);
    assert.ok(grown < 1_000_000, `${grown} bytes`);
  });

  it('4,096 empty rooms after a thousand keyed messages each hold less than 2 KB each, beside their history (R4b)', async () => {
    const clock = new FakeClock();
    const log = new MemoryLog({ clock, maxHistoryRecords: 0 });
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let room = 0; room < 4_096; room++)
      for (let i = 0; i < 40; i++)
        await log.append(`room-${room}`, { data: '', key: `ann\n0123456789abcdef0123456789abcd${i}` });
    await collectGarbage();
    const each = (process.memoryUsage().heapUsed - before) / 4_096;
    assert.equal(log.held.rooms, 4_096);
    assert.equal(log.held.keys, ROOM_LIMITS.maxTotalKeys);
    assert.ok(each < 6_000, `${each} bytes a room with 16 keys`);
    clock.advance(2 * ROOM_LIMITS.keyAgeMs + 1);
    await collectGarbage();
    const empty = (process.memoryUsage().heapUsed - before) / 4_096;
    assert.ok(empty < 2_000, `${empty} bytes an empty room`);
    assert.equal(log.held.keys, 0);
  });

  it('closing the hub lets go of everyone, and closes the log that it made', async () => {
    const at = world();
    const ear = at.ear('r');
    await at.hub.close();
    assert.deepEqual(
      ear.evictions.map(({ why }) => why),
      ['closed'],
    );
    await assert.rejects(at.hub.publish('r', 'x'), { code: 'LOG_CLOSED' });
  });
});

describe('options', () => {
  it('are refused at the call when they are none, or out of bounds', () => {
    const make = (options: object) => () => new Hub({ prepare: (item) => item, ...options } as HubOptions<Item>);
    for (const options of [{ prepare: undefined }, { maxRoom: 1 }, { onEvicted: () => {} }])
      assert.throws(make(options), TypeError);
    for (const options of [
      { policy: 'other' },
      { gatherMs: -1 },
      { gatherMs: 'fast' },
      { presenceMs: 0.5 },
      { maxRooms: 0 },
      { maxMembers: 0 },
      { maxRoomsPerMember: 0 },
      { maxQueueBytes: -1 },
      { maxQueueAgeMs: 0 },
      { keepPreparedMs: 0 },
      { maxHistoryRecords: -1 },
    ])
      assert.throws(make(options), RangeError, JSON.stringify(options));
    const { ear } = world({ room: (name) => ({ policy: name === 'odd' ? ('odd' as 'evict') : 'evict' }) });
    ear('even');
    assert.throws(() => ear('odd'), RangeError);
    assert.throws(() => ear('even', { as: '' }), RangeError);
  });

  it('of join and publish are refused at the call too, with the name that was meant', () => {
    const { hub, ear } = world();
    const wrong = (options: object) => options as PublishOptions & JoinOptions;
    assert.throws(() => ear('r', wrong({ afte: 'x' })), /^TypeError: join: unknown option afte; did you mean after\?$/);
    assert.throws(() => hub.publish('r', '', wrong({ coalesceBy: 'k' })), /did you mean coalesce\?/);
    assert.throws(
      () => hub.publish('r', '', wrong({ wait: 1 })),
      /^TypeError: publish: wait is 1, must be true or false/,
    );
    assert.throws(() => new Hub({ prepare: (item) => item, gatherMS: 1 } as HubOptions<Item>), /mean gatherMs\?/);
    assert.equal(hub.size, 0);
  });

  it('can be set for each room; rooms and members keep data of yours', async () => {
    const at = world({ room: (name) => (name === 'small' ? { maxMembers: 1 } : {}) });
    at.ear('small');
    assert.throws(() => at.ear('small'), refused('ROOM_FULL', 1));
    at.ear('large');
    at.ear('large');
    const room = at.hub.find('large');
    assert.ok(room !== undefined);
    room.data = { topic: 'tea' };
    assert.deepEqual(at.hub.find('large')?.data, { topic: 'tea' });
    const member = at.hub.member({ send: () => 'sent', evicted: () => {} }, { user: 'ann' });
    assert.equal(member.data?.user, 'ann');
  });

  it('of a room are answered at once: a promise is refused at the join, and ends nothing when it rejects', async () => {
    const answers = [Promise.resolve({ maxMembers: 1 }), Promise.reject(new Error('no database'))];
    const at = world({ room: () => answers.shift() as never });
    for (const name of ['resolves', 'rejects'])
      assert.throws(
        () => at.ear(name),
        new TypeError(`room answered a promise for "${name}", must answer at once: with options, or undefined`),
      );
    await turns(); // when an unhandled rejection would have failed the test
    assert.equal(at.hub.size, 0);
  });
});

describe('presence', () => {
  const told = (ear: Ear): PresenceNotice[] => ear.heard.filter((item) => item.type === 'presence');

  it('tells joins and leaves in one list a window, each name once, and not those that came and went', () => {
    const at = world({ presenceMs: 100 });
    const ann = at.ear('r', { as: 'ann' });
    const gone = at.ear('r', { as: 'gone' });
    gone.member.close();
    const bob = [at.ear('r', { as: 'bob' }), at.ear('r', { as: 'bob' })];
    at.clock.advance(99);
    assert.deepEqual(told(ann), []);
    at.clock.advance(1);
    assert.deepEqual(told(ann), [{ type: 'presence', joined: ['ann', 'bob'], left: [], memberCount: 2 }]);
    bob[0]!.member.close();
    at.clock.advance(1_000);
    assert.equal(told(ann).length, 1, 'bob has another connection');
    bob[1]!.member.close();
    at.clock.advance(100);
    assert.deepEqual(told(ann)[1], { type: 'presence', joined: [], left: ['bob'], memberCount: 1 });
    ann.member.close();
    assert.equal(at.clock.timers, 0);
  });

  it('counts a person once who is here by several names, which personOf says', () => {
    const asked: string[] = [];
    const personOf = (name: string): string => {
      asked.push(name);
      return name.charAt(0);
    };
    const at = world({ presenceMs: 0, personOf });
    const ann = at.ear('r', { as: 'a/Ann' });
    const ears = ['a/Anna', 'b/Bob', 'c', 'a/Anna', 'b/Rob', 'b/Bobby'].map((as) => at.ear('r', { as }));
    assert.deepEqual(asked, ['a/Ann', 'a/Anna', 'b/Bob', 'c', 'b/Rob', 'b/Bobby']); // once for each name
    const counts = (): number[] => told(ann).map(({ memberCount }) => memberCount);
    assert.deepEqual(counts(), [1, 2, 3, 3, 3]);
    const welcome = at.ear('r').heard[0];
    assert.ok(welcome?.type === 'welcome');
    assert.deepEqual([welcome.memberCount, welcome.members.length], [3, 6]);
    for (const { member } of ears) member.close();
    assert.deepEqual(counts().slice(5), [3, 2, 2, 2, 1]);
    at.ear('r', { as: 'b/Bob' });
    assert.equal(counts().at(-1), 2);
  });

  it('remembers nothing of names that have gone, nor whose they were', async () => {
    const at = world({ presenceMs: 0, personOf: (name) => name.replaceAll('n', 'p') });
    at.hub.member({ send: () => 'sent', evicted() {} }).join('r'); // writes nothing down
    const pass = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const member = at.hub.member<undefined>({ send: () => 'sent', evicted() {} });
        member.join('r', { as: `${i}`.padEnd(ROOM_LIMITS.maxKeyLength, 'n') });
        member.close();
      }
    };
    pass(100);
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    pass(10_000);
    await collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 1_000_000, `${grown} bytes`);
  });

  it('asks again whose a name is that comes back', () => {
    let isKnown = true;
    const personOf = (name: string): string => {
      if (name === 'x' && !isKnown) throw new Error('not now');
      return 'ann';
    };
    const at = world({ presenceMs: 0, personOf });
    const ann = at.ear('r');
    at.ear('r', { as: 'x' }).member.close();
    isKnown = false;
    at.ear('r', { as: 'x' }).member.close();
    for (const as of ['y', 'z']) at.ear('r', { as });
    assert.equal(told(ann).at(-1)?.memberCount, 1, 'y and z are ann');
  });

  it('counts a name as a person where personOf throws or answers no text, and tells onError', () => {
    const at = world({
      presenceMs: 0,
      personOf: (name) => {
        if (name === 'x') throw new Error('no such name');
        return Promise.reject(new Error('late')) as unknown as string;
      },
    });
    const ann = at.ear('r');
    const ears = ['x', 'y'].map((as) => at.ear('r', { as }));
    assert.deepEqual(
      at.errors.map(({ error, where }) => [String(error), where]),
      [
        ['Error: no such name', 'presence'],
        ['TypeError: personOf answered an object for "y", must answer a text', 'presence'],
      ],
    );
    for (const { member } of ears) member.close();
    assert.deepEqual(
      told(ann).map(({ memberCount }) => memberCount),
      [1, 2, 1, 0],
    );
  });

  /** What a member believes: its welcome, and every change since. */
  const believed = (ear: Ear): string[] => {
    const names = new Set<string>();
    for (const item of ear.heard) {
      if (item.type === 'welcome' || item.type === 'members') {
        names.clear();
        for (const name of item.members) names.add(name);
      }
      if (item.type !== 'presence') continue;
      for (const name of item.left) names.delete(name);
      for (const name of item.joined) names.add(name);
    }
    return [...names].sort();
  };

  it('who comes within a window hears how the names of its welcome went on, whatever is taken back in it', () => {
    const at = world({ presenceMs: 100 });
    const ann = at.ear('r', { as: 'ann' });
    const bob = at.ear('r', { as: 'bob' });
    at.clock.advance(100);
    const guest = at.ear('r', { as: 'guest' });
    bob.member.close();
    const newcomer = at.ear('r', { as: 'new' });
    guest.member.close();
    at.ear('r', { as: 'bob' });
    at.clock.advance(100);
    for (const ear of [ann, newcomer]) assert.deepEqual(believed(ear), ['ann', 'bob', 'new']);
  });

  it('members believe what is true after any joins, leaves and windows, whenever they came', () => {
    const random = new Random(5);
    for (let round = 0; round < 200; round++) {
      const at = world({ presenceMs: 100 });
      const ears: { readonly name: string; readonly ear: Ear }[] = [];
      for (let step = 0; step < 30; step++) {
        if (random.chance(0.2)) at.clock.advance(100);
        else if (random.chance(0.5) && ears.length > 0)
          ears.splice(random.below(ears.length), 1)[0]!.ear.member.close();
        else {
          const name = random.pick(['a', 'b', 'c', 'd']);
          ears.push({ name, ear: at.ear('r', { as: name }) });
        }
      }
      at.clock.advance(100);
      const names = [...new Set(ears.map(({ name }) => name))].sort();
      for (const { ear } of ears) assert.deepEqual(believed(ear), names, `round ${round}`);
    }
  });

  it('bounds the names in a welcome and in a list, and counts them all', () => {
    const at = world({ presenceMs: 10, maxMembersListed: 3 });
    const ears = Array.from({ length: 8 }, (_, i) => at.ear('r', { as: `n${i}` }));
    at.clock.advance(10);
    const [notice] = told(ears[0]!);
    assert.deepEqual([notice?.joined, notice?.memberCount], [['n0', 'n1', 'n2'], 8]);
    const [welcome] = at.ear('r').heard;
    assert.ok(welcome?.type === 'welcome');
    assert.deepEqual([welcome.members, welcome.memberCount], [['n0', 'n1', 'n2'], 8]);
  });

  it('a join costs the same in a room of ten and of thousands: deliveries for each join stay bounded (R4c)', () => {
    for (const size of [10, 1_000, 4_000]) {
      const at = world({ presenceMs: 100 });
      let deliveries = 0;
      for (let i = 0; i < size; i++) {
        const deliver = (): 'sent' => {
          deliveries++;
          return 'sent';
        };
        at.hub.member({ send: deliver, evicted: () => {} }).join('r', { as: `n${i}` });
        at.clock.advance(1); // a thousand joins a second
      }
      assert.ok(deliveries / size < 4, `${deliveries / size} deliveries a join in a room of ${size}`);
    }
  });
});

describe('gathering', () => {
  it('delivers what came within a window together, in order, with receipts as without', async () => {
    const at = world({ gatherMs: 10 });
    const ear = at.ear('r');
    const receipts = ['a', 'b', 'c'].map((text) => at.hub.publish('r', text));
    at.clock.advance(9);
    assert.deepEqual(ear.texts, []);
    const late = at.ear('r');
    assert.deepEqual(late.texts, ['a', 'b', 'c'], 'who joins meanwhile has them by replay');
    at.clock.advance(1);
    for (const each of [ear, late]) assert.deepEqual(each.texts, ['a', 'b', 'c']);
    assert.deepEqual(
      (await Promise.all(receipts)).map(({ sequence, sent }) => [sequence, sent]),
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    );
  });

  it('auto: at once while the loop is idle, and rests as long as a delivery took, at most 10 ms', async () => {
    const at = world({ gatherMs: 'auto' });
    const ear = at.ear('r');
    await at.hub.publish('r', 'a');
    assert.deepEqual(ear.texts, ['a']);
    at.clock.advance(0);
    await at.hub.publish('r', 'b');
    assert.deepEqual(ear.texts, ['a', 'b'], 'idle: at once');
    void at.hub.publish('r', 'c'); // the loop has not come round yet
    assert.deepEqual(ear.texts, ['a', 'b']);
    at.clock.advance(0);
    assert.deepEqual(ear.texts, ['a', 'b', 'c']);
  });

  for (const [tookMs, restsMs] of [
    [0.5, 0],
    [4, 4],
    [50, MAX_AUTO_GATHER_MS],
  ] as const)
    it(`auto: after a delivery that took ${tookMs} ms rests for ${restsMs} ms`, () => {
      let now = 0;
      const timers: { ms: number; callback: () => void }[] = [];
      const clock: Clock = {
        now: () => now,
        after(ms, callback) {
          timers.push({ ms, callback });
          return () => {};
        },
      };
      let runs = 0;
      const gatherer = new Gatherer('auto', clock, () => runs++);
      gatherer.want();
      assert.deepEqual([runs, timers.length, timers[0]?.ms], [1, 1, 0]);
      now += tookMs; // until the loop comes round
      gatherer.want();
      timers.shift()?.callback();
      if (restsMs > 0) {
        assert.deepEqual([runs, timers[0]?.ms], [1, restsMs]);
        timers.shift()?.callback();
      }
      assert.equal(runs, 2);
    });
});
