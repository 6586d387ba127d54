/** Rooms, history and hub: order, bounds, eviction, replay. No sockets. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROOM_LIMITS } from '../../lib/limits.ts';
import { Hub } from '../../lib/rooms/hub.ts';
import { RoomRefused } from '../../lib/rooms/log.ts';
import { History } from '../../lib/rooms/old-history.ts';
import { type Member, Room } from '../../lib/rooms/room.ts';

class Listener implements Member<string> {
  readonly heard: string[] = [];
  readonly evictions: string[] = [];
  result: 'sent' | 'backpressure' | 'dropped' = 'sent';

  deliver(message: string): 'sent' | 'backpressure' | 'dropped' {
    if (this.result !== 'dropped') this.heard.push(message);
    return this.result;
  }

  evicted(reason: string): void {
    this.evictions.push(reason);
  }
}

const options = { sizeOf: (message: string) => message.length };

describe('history', () => {
  it('keeps the last messages in order and says whether there is a gap', () => {
    const history = new History<string>({ maxMessages: 3, maxBytes: 100 });
    for (let i = 1; i <= 5; i++) history.append(i, `m${i}`, 2);
    assert.equal(history.size, 3);
    assert.equal(history.byteLength, 6);
    assert.deepEqual(history.after(0, 5), { messages: ['m3', 'm4', 'm5'], gap: true });
    assert.deepEqual(history.after(1, 5), { messages: ['m3', 'm4', 'm5'], gap: true });
    assert.deepEqual(history.after(2, 5), { messages: ['m3', 'm4', 'm5'], gap: false });
    assert.deepEqual(history.after(4, 5), { messages: ['m5'], gap: false });
    assert.deepEqual(history.after(5, 5), { messages: [], gap: false });
    assert.deepEqual(history.after(0, 5, 1), { messages: ['m5'], gap: true });
  });

  it('is bounded by bytes, and does not keep a message larger than all of it', () => {
    const history = new History<string>({ maxMessages: 10, maxBytes: 10 });
    history.append(1, 'a', 6);
    history.append(2, 'b', 4);
    assert.equal(history.size, 2);
    history.append(3, 'c', 1);
    assert.deepEqual(history.after(0, 3), { messages: ['b', 'c'], gap: true });
    history.append(4, 'd', 11);
    assert.equal(history.size, 0);
    assert.equal(history.byteLength, 0);
    assert.deepEqual(history.after(3, 4), { messages: [], gap: true });
  });

  it('can be off', () => {
    const history = new History<string>({ maxMessages: 0 });
    history.append(1, 'a', 1);
    assert.deepEqual(history.after(0, 1), { messages: [], gap: true });
  });

  it('drops 100,000 messages through a window of 100 without growing', () => {
    const history = new History<number>({ maxMessages: 100 });
    for (let i = 1; i <= 100_000; i++) history.append(i, i, 1);
    const { messages } = history.after(0, 100_000);
    assert.equal(messages.length, 100);
    assert.equal(messages[0], 99_901);
    assert.equal(messages[99], 100_000);
  });

  it('refuses limits that are no limits', () => {
    assert.throws(() => new History({ maxMessages: -1 }), RangeError);
    assert.throws(() => new History({ maxBytes: 1.5 }), RangeError);
    assert.throws(() => new History({ maxBytes: Number.POSITIVE_INFINITY }), RangeError);
  });
});

describe('room', () => {
  it('numbers messages from 1 and delivers each to every member, the sender included, as the same object', () => {
    const room = new Room<{ n: number }>('r', 'e', { sizeOf: () => 1 });
    const heard: { n: number }[][] = [[], []];
    for (const list of heard) {
      room.join({
        deliver: (message) => {
          list.push(message);
          return 'sent';
        },
        evicted: () => {},
      });
    }
    const first = room.publish((n) => ({ n }));
    const second = room.publish((n) => ({ n }));
    assert.deepEqual([first.n, second.n, room.sequence], [1, 2, 2]);
    assert.equal(heard[0]?.[0], first);
    assert.equal(heard[1]?.[1], second);
  });

  it('keeps what was published and not what was broadcast', () => {
    const room = new Room<string>('r', 'e', options);
    const member = new Listener();
    room.join(member);
    room.broadcast('presence');
    room.publish((n) => `message ${n}`);
    assert.deepEqual(member.heard, ['presence', 'message 1']);
    assert.deepEqual(room.replay().messages, ['message 1']);
  });

  it('leaves one member out of a broadcast', () => {
    const room = new Room<string>('r', 'e', options);
    const [ann, bob] = [new Listener(), new Listener()];
    room.join(ann);
    room.join(bob);
    room.broadcast('bob is here', bob);
    assert.deepEqual([ann.heard, bob.heard], [['bob is here'], []]);
  });

  it('evicts a member that dropped a message, after everyone else has it, and tells once', () => {
    const evicted: unknown[] = [];
    const room: Room<string> = new Room<string>('r', 'e', {
      ...options,
      onEvicted: (member) => {
        evicted.push(member);
        room.broadcast('someone was too slow');
      },
    });
    const [slow, held, quick] = [new Listener(), new Listener(), new Listener()];
    slow.result = 'dropped';
    held.result = 'backpressure';
    for (const member of [slow, held, quick]) room.join(member);
    room.publish(() => 'hello');
    assert.deepEqual(slow.evictions, ['too-slow']);
    assert.deepEqual(evicted, [slow]);
    assert.equal(room.has(slow), false);
    assert.equal(room.size, 2);
    for (const member of [held, quick]) assert.deepEqual(member.heard, ['hello', 'someone was too slow']);
    assert.equal(room.evict(slow, 'too-slow'), false);
    assert.equal(slow.evictions.length, 1);
  });

  it('refuses members beyond its limit and lets the others be', () => {
    const room = new Room<string>('r', 'e', { ...options, maxMembers: 2 });
    const members = [new Listener(), new Listener()];
    for (const member of members) room.join(member);
    for (const member of members) room.join(member); // again is not twice
    assert.equal(room.size, 2);
    assert.throws(
      () => room.join(new Listener()),
      (error: unknown) => error instanceof RoomRefused && error.code === 'ROOM_FULL' && /limit 2/.test(error.message),
    );
    assert.equal(room.leave(members[0] as Listener), true);
    assert.equal(room.leave(members[0] as Listener), false);
    room.join(new Listener());
  });

  it('does not count a message that could not be made', () => {
    const room = new Room<string>('r', 'e', options);
    assert.throws(() =>
      room.publish(() => {
        throw new Error('no');
      }),
    );
    assert.equal(room.sequence, 0);
    assert.equal(
      room.publish((n) => `${n}`),
      '1',
    );
  });
});

describe('hub', () => {
  let epochs = 0;
  const hubOptions = { ...options, newEpoch: () => `e${epochs++}` };

  it('makes a room when it is first asked for, and keeps it for its history', () => {
    const hub = new Hub<string>(hubOptions);
    assert.equal(hub.find('a'), undefined);
    const member = new Listener();
    const room = hub.join('a', member);
    room.publish(() => 'hello');
    assert.equal(hub.leave(room, member), true);
    assert.equal(hub.find('a'), room);
    assert.equal(hub.join('a', member), room);
  });

  it('lets the room that has been empty for longest make way, never one with members', () => {
    const hub = new Hub<string>({ ...hubOptions, maxRooms: 2 });
    const [ann, bob] = [new Listener(), new Listener()];
    const a = hub.join('a', ann);
    const b = hub.join('b', bob);
    assert.throws(
      () => hub.room('c'),
      (error: unknown) => error instanceof RoomRefused && error.code === 'HUB_FULL',
    );
    hub.leave(b, bob);
    hub.leave(a, ann);
    hub.room('c'); // b was empty first
    assert.equal(hub.find('b'), undefined);
    assert.equal(hub.find('a'), a);
    assert.equal(hub.size, 2);
    const again = hub.room('b');
    assert.notEqual(again.epoch, b.epoch, 'another life, another epoch');
    assert.equal(again.sequence, 0);
  });

  it('counts a room whose last member was evicted as empty', () => {
    const evicted: string[] = [];
    const hub = new Hub<string>({ ...hubOptions, maxRooms: 1, onEvicted: (room) => evicted.push(room.name) });
    const slow = new Listener();
    slow.result = 'dropped';
    hub.join('a', slow).publish(() => 'x');
    assert.deepEqual(evicted, ['a']);
    hub.room('b');
    assert.equal(hub.find('a'), undefined);
  });

  it('holds at most its limit of rooms, however many names are tried', () => {
    const hub = new Hub<string>(hubOptions);
    for (let i = 0; i < ROOM_LIMITS.maxRooms + 1_000; i++) hub.room(`room-${i}`).publish(() => 'x');
    assert.equal(hub.size, ROOM_LIMITS.maxRooms);
    assert.equal([...hub.rooms()].length, ROOM_LIMITS.maxRooms);
  });
});
