/** What an application does from inside its own functions, and what comes before a room is open: nothing hangs, doubles or is lost. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Hub } from '../../lib/rooms/hub.ts';
import {
  type Appended,
  type LogRecord,
  type LogSubscriber,
  type Position,
  type RoomLog,
  RoomRefused,
} from '../../lib/rooms/log.ts';
import type { Eviction, JoinOptions, Member } from '../../lib/rooms/member.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Item } from '../../lib/rooms/notices.ts';
import type { Receipt } from '../../lib/rooms/receipts.ts';
import { turns } from '../support/sockets.ts';
import { Ear, world } from './ear.ts';

/** A log that opens rooms, and fails them, when the test says so; what is appended is number 30 of epoch `e1`. */
function heldLog(): { log: RoomLog; subscribers: LogSubscriber[] } {
  const subscribers: LogSubscriber[] = [];
  const log: RoomLog = {
    append: async (_room, entry) => {
      const position = { epoch: 'e1', sequence: 30, token: 'a' };
      return { position, duplicate: false, record: { type: 'record', ...position, timeMs: 0, ...entry } };
    },
    read: () => Promise.reject(new Error('nobody reads')),
    subscribe: (_room, _limit, subscriber) => {
      subscribers.push(subscriber);
      return { close() {} };
    },
    close: () => Promise.resolve(),
  };
  return { log, subscribers };
}

it('a record of which nothing can be made is a gap also where a member under drop-newest has kept it', async () => {
  const prepare = (item: Item): Item | undefined => (item.type === 'record' && item.data === '1' ? undefined : item);
  const hub = new Hub({ policy: 'drop-newest', maxQueueBytes: 200, maxHistoryRecords: 1, prepare });
  const heard: string[] = [];
  let isFull = false;
  const member = hub.member({
    send(item) {
      if (isFull) return 'dropped';
      if (heard.length > 9) assert.fail('it is told the same for ever');
      if (item.type === 'gap') heard.push(`gap ${item.from}-${item.to}`);
      if (item.type === 'record') heard.push(String(item.data));
      return 'sent';
    },
    evicted() {},
  });
  member.join('r');
  isFull = true;
  for (const text of ['1', '2', '3', '4', '5']) await hub.publish('r', text);
  isFull = false;
  member.drained();
  assert.deepEqual(heard, ['gap 1-1', '2', '3', 'gap 4-5']);
  await hub.close();
});

it('a member that is let go before the log has opened the room is told the position that it came with', () => {
  const { log, subscribers } = heldLog();
  const hub = new Hub({ prepare: (item) => item, log });
  const told: Eviction[] = [];
  const join = (after: JoinOptions['after']): void =>
    hub.member({ send: () => 'sent', evicted: (eviction) => void told.push(eviction) }).join('r', { after });
  for (const after of ['k2x-41-9f', undefined, 'nonsense', { epoch: 'x'.repeat(300), sequence: 1, token: 'a' }])
    join(after);
  subscribers[0]!.failed(new RoomRefused('LOG_FAILED', 'the disk is full'));
  assert.deepEqual(told[0]!.position, { epoch: 'k2x', sequence: 41, token: '9f' });
  assert.deepEqual(
    told.map(({ reason }) => reason),
    ['log-failed; after=k2x-41-9f', 'log-failed', 'log-failed', 'log-failed'],
  );
});

it('a member that joins again while it is told that the log has failed is in another room, which is heard', async () => {
  const { log, subscribers } = heldLog();
  const hub = new Hub<string>({ prepare: (item) => (item.type === 'record' ? String(item.data) : item.type), log });
  const heard: string[] = [];
  const member = hub.member({
    send: (value) => {
      heard.push(value);
      return 'sent';
    },
    evicted: ({ room, why }) => {
      heard.push(why);
      member.join(room);
    },
  });
  member.join('r');
  subscribers[0]!.failed(new RoomRefused('LOG_FAILED', 'Redis does not answer'));
  assert.equal(subscribers.length, 2);
  subscribers[1]!.opened({ epoch: 'e', sequence: 0, token: '' }, []);
  assert.deepEqual([heard, hub.size, hub.find('r')?.size], [['log-failed', 'welcome'], 1, 1]);
});

it('publish resolves when the room turns out to be of another epoch than the record', async () => {
  const { log, subscribers } = heldLog();
  const hub = new Hub({ prepare: (item) => item, log });
  hub.member({ send: () => 'sent', evicted() {} }).join('r');
  const published = hub.publish('r', 'x');
  await new Promise((resolve) => setImmediate(resolve));
  subscribers[0]!.opened({ epoch: 'e2', sequence: 3, token: 'b' }, []);
  const { position, sent } = await published;
  assert.deepEqual([position.epoch, sent], ['e1', 0]);
});

it('nobody joins a hub that is closed, not even when it is told so', async () => {
  const errors: unknown[] = [];
  const hub = new Hub({ prepare: (item) => item, onError: (error) => void errors.push(error) });
  const member: Member<Item> = hub.member({
    send: () => 'sent',
    evicted: ({ position }) => member.join('r', { after: position }),
  });
  member.join('r');
  await hub.close();
  assert.equal(hub.size, 0);
  assert.deepEqual(
    errors.map((error) => (error as RoomRefused).code),
    ['LOG_CLOSED'],
  );
  assert.throws(() => member.join('r'), { code: 'LOG_CLOSED', message: 'the hub is closed' });
});

for (const where of ['prepare', 'room'] as const)
  it(`a member that joins from inside ${where} is in the same room`, async () => {
    let isNested = false;
    const join = (): void => {
      if (isNested) return;
      isNested = true;
      second.join('r', { as: 'bob' });
    };
    const hub = new Hub<Item>({
      presenceMs: 0,
      prepare(item) {
        if (where === 'prepare' && item.type === 'presence') join();
        return item;
      },
      room() {
        if (where === 'room') join();
        return {};
      },
    });
    const [first, second] = [1, 2].map(() => hub.member({ send: () => 'sent', evicted() {} })) as [
      Member<Item>,
      Member<Item>,
    ];
    first.join('r', { as: 'ann' });
    assert.deepEqual([hub.size, hub.find('r')?.size], [1, 2]);
    first.leave('r');
    assert.deepEqual([hub.size, hub.find('r')?.size, second.has('r')], [1, 1, true]);
    await hub.close();
  });

for (const how of ['leave', 'close'] as const)
  it(`a member that has been found too slow, and does ${how} before it is told, has left and is told nothing`, async () => {
    const log: string[] = [];
    const hub = new Hub<Item>({ prepare: (item) => item, policy: 'evict', maxQueueBytes: 0, presenceMs: 0 });
    const slow: Member<Item> = hub.member({
      send: ({ type }) => (type === 'welcome' || type === 'presence' ? 'sent' : 'dropped'),
      close: (code) => void log.push(`closed ${code}`),
    });
    slow.join('r', { as: 'slow' });
    slow.join('other');
    const other = hub.member({
      send(item) {
        if (item.type === 'presence') log.push(`left: ${item.left}`);
        if (item.type !== 'record') return 'sent';
        if (how === 'leave') log.push(`leave ${slow.leave('r')}`);
        else slow.close();
        log.push(`has ${slow.has('r')}, leave ${slow.leave('r')}`);
        return 'sent';
      },
      evicted() {},
    });
    other.join('r');
    const { evicted } = await hub.publish('r', 'x');
    assert.equal(evicted, 1);
    const left = how === 'leave' ? ['leave true'] : [];
    assert.deepEqual(log, [...left, 'has false, leave false', 'left: slow']);
    assert.deepEqual([...slow.rooms], how === 'leave' ? ['other'] : []);
    assert.deepEqual([hub.find('r')?.size, [...hub.find('r')!.names()]], [1, []]);
    await hub.close();
  });

for (const code of ['LOG_CLOSED', 'LOG_FULL'] as const)
  it(`a join that the log refuses at once throws ${code}, and nobody is let go of, nor tries again for ever`, async () => {
    const log = new MemoryLog({ maxRooms: 1 });
    const errors: unknown[] = [];
    const hub = new Hub({ prepare: (item) => item, log, onError: (error) => void errors.push(error) });
    const told: string[] = [];
    const member: Member<Item> = hub.member({
      send: () => 'sent',
      evicted({ room, why }) {
        told.push(why);
        member.join(room); // as a member does whose log has failed
      },
    });
    member.join('first');
    if (code === 'LOG_CLOSED') await log.close(); // `evicted` joins again
    const before = code === 'LOG_CLOSED' ? ['log-failed'] : [];
    for (let i = 0; i < 2; i++) assert.throws(() => member.join('second', { as: 'ann' }), { code });
    assert.deepEqual([told, hub.find('second'), member.has('second')], [before, undefined, false]);
    assert.equal(
      errors.length,
      code === 'LOG_CLOSED' ? 2 : 0,
      'that the log has failed, and what `evicted` has thrown',
    );
    assert.deepEqual([hub.size, member.size], code === 'LOG_CLOSED' ? [0, 0] : [1, 1]);
    await hub.close();
    await log.close();
  });

it('after room(name) everything is looked at again: the hub, the member and the bounds', async () => {
  const codeOf = (join: () => void): string | undefined => {
    try {
      join();
    } catch (error) {
      return (error as RoomRefused).code;
    }
    return undefined;
  };
  const heard: string[] = [];
  const made = (
    room: (member: Member<Item>, hub: Hub<Item>) => void,
    bounds: object = {},
  ): [Hub<Item>, Member<Item>] => {
    const hub: Hub<Item> = new Hub<Item>({
      prepare: (item) => item,
      ...bounds,
      room: () => {
        room(member, hub);
        return {};
      },
    });
    const member = hub.member<undefined>({
      send: ({ type }) => {
        heard.push(type);
        return 'sent';
      },
      evicted: ({ why }) => void heard.push(why),
    });
    return [hub, member];
  };

  const [closes, first] = made((_member, hub) => void hub.close());
  assert.equal(
    codeOf(() => first.join('r')),
    'LOG_CLOSED',
  );
  assert.deepEqual([closes.size, first.size], [0, 0]);

  const [leaves, second] = made((member) => member.close());
  second.join('r');
  assert.deepEqual([leaves.size, second.size, heard], [0, 0, []]);
  await leaves.close();

  for (const [bound, code] of [
    ['maxRooms', 'HUB_FULL'],
    ['maxRoomsPerMember', 'MEMBER_FULL'],
  ] as const) {
    let [asked, inner] = [0, 0];
    const nest = (member: Member<Item>): void => {
      if (++asked > 4) return;
      if (codeOf(() => member.join(`room ${asked}`)) === code) inner++;
    };
    const [hub, member] = made(nest, { [bound]: 2 });
    assert.equal(
      codeOf(() => member.join('r')),
      code,
    );
    assert.deepEqual([hub.size, member.size, inner], [2, 2, 2], bound);
    await hub.close();
  }
});

it('a member that leaves while its notice or record is made is given neither', async () => {
  for (const type of ['welcome', 'record'] as const) {
    const given: string[] = [];
    let isLeaving = false;
    const hub = new Hub<Item>({
      keepPreparedMs: 1,
      prepare(item) {
        if (isLeaving && item.type === type) member.leave('r');
        return item;
      },
    });
    await hub.publish('r', 'x');
    const member = hub.member<undefined>({
      send: (item) => {
        given.push(item.type);
        return 'sent';
      },
      evicted() {},
    });
    isLeaving = true;
    member.join('r');
    assert.deepEqual(given, type === 'welcome' ? [] : ['welcome']);
    assert.equal(hub.size, 0);
    await hub.close();
  }
});

it('drop-oldest: a record that is being given to a member that catches up does not wait any more', async () => {
  const at = world({ policy: 'drop-oldest', maxQueueBytes: 140 }); // two records
  const ear = at.ear('r');
  ear.drain(1);
  for (const text of ['1', '2', '3']) await at.hub.publish('r', text);
  let receipt: Promise<Receipt> | undefined;
  ear.inside = (item) => {
    if (item.type !== 'record' || item.data !== '2') return;
    assert.equal(at.hub.find('r')?.queued, 1);
    receipt = at.hub.publish('r', '4');
  };
  ear.drain();
  const { queued, dropped } = (await receipt)!;
  assert.deepEqual([queued, dropped], [1, 0]);
  assert.deepEqual(ear.texts, ['1', '2', '3', '4']);
});

it('evict: a member that is let go while it is given a record comes back after that record', async () => {
  const at = world({ policy: 'evict', maxQueueBytes: 140 });
  const ear = at.ear('r');
  ear.drain(1);
  for (const text of ['1', '2', '3']) await at.hub.publish('r', text);
  ear.inside = (item) => {
    if (item.type !== 'record' || item.data !== '2') return;
    void at.hub.publish('r', '4');
    void at.hub.publish('r', '5');
  };
  ear.drain();
  const [eviction] = ear.evictions;
  assert.equal(eviction?.position.sequence, 2);
  ear.member.join('r', { after: eviction.position });
  assert.deepEqual(ear.texts, ['1', '2', '3', '4', '5']);
});

it('a member that is let go by `close` while it is given a record has that record', async () => {
  const at = world();
  const ear = at.ear('r');
  ear.inside = (item) => void (item.type === 'record' && at.hub.close());
  await at.hub.publish('r', '1');
  assert.equal(ear.evictions[0]?.position.sequence, 1);
});

for (const [policy, expected] of [
  ['drop-oldest', ['1', '2', '3', '4']],
  ['drop-newest', ['1', '2', '3', '4..4']],
] as const)
  it(`${policy}: a record that was not taken after all comes next again, whatever was published inside`, async () => {
    const at = world({ policy, maxQueueBytes: 140 }); // two records
    const heard: string[] = [];
    let isFull = true;
    let hasPublished = false;
    const member = at.hub.member<undefined>({
      send(item) {
        if (item.type !== 'welcome' && isFull) return 'dropped';
        if (item.type === 'record' && !hasPublished) {
          hasPublished = true;
          void at.hub.publish('r', '3');
          void at.hub.publish('r', '4');
          return 'dropped';
        }
        if (item.type === 'record') heard.push(String(item.data));
        if (item.type === 'gap') heard.push(`${item.from}..${item.to}`);
        return 'sent';
      },
      evicted() {},
    });
    member.join('r');
    for (const text of ['1', '2']) await at.hub.publish('r', text);
    isFull = false;
    member.drained();
    assert.deepEqual(heard, []);
    member.drained();
    assert.deepEqual(heard, expected);
  });

it('what was given up once does not count again where the latest of a key was offered and not taken', async () => {
  const at = world({ policy: 'drop-oldest', maxQueueBytes: 140 }); // two records
  const ear = at.ear('r');
  ear.drain(1);
  await at.hub.publish('r', '1');
  await at.hub.publish('r', 'milk', { coalesce: 'milk' });
  for (const text of ['3', '4', '5', '6']) await at.hub.publish('r', text);
  ear.drain(0);
  const { dropped } = await at.hub.publish('r', '7');
  assert.equal(dropped, 1);
  ear.drain();
  assert.deepEqual(ear.texts, ['1', 'milk', '3..5', '6', '7']);
});

it('drop-newest: what was kept, offered and not taken is kept still, also where it was the latest of a key then', async () => {
  const at = world({ policy: 'drop-newest', maxQueueBytes: 300, maxHistoryRecords: 0 });
  const ear = at.ear('r');
  ear.drain(0);
  const publish = (text: string, length: number, coalesce?: string): Promise<Receipt> =>
    at.hub.publish('r', text.padEnd(length), coalesce === undefined ? {} : { coalesce });
  await publish('1', 36);
  await publish('milk', 36, 'milk');
  for (const text of ['3', '4']) await publish(text, 36);
  ear.drain(1);
  ear.drain(0); // offered milk
  await publish('bread', 200, 'bread');
  await publish('eggs', 200, 'eggs');
  ear.drain();
  assert.deepEqual(
    ear.texts.map((text) => text.trim()),
    ['1', 'milk', '3', '4..5', 'eggs'],
  );
});

it('a receipt is of its own epoch, also where a record of the former one with the same number was delivered meanwhile', async () => {
  const { log: opens, subscribers } = heldLog();
  const answers: ((appended: Appended) => void)[] = [];
  const append = (): Promise<Appended> => new Promise((resolve) => answers.push(resolve));
  const at = world({ log: { ...opens, append } });
  at.ear('r');
  const [subscriber] = subscribers;
  const recordOf = (epoch: string): LogRecord => ({
    ...({ type: 'record', epoch, sequence: 1, token: '' } as const),
    ...{ timeMs: 0, data: 'x', key: 'k' },
  });
  subscriber!.opened({ epoch: 'e1', sequence: 0, token: '' }, []);
  void at.hub.publish('r', 'under way to the end');
  const repeat = at.hub.publish('r', 'x', { key: 'k' });
  subscriber!.record(recordOf('e1'));
  answers[1]!({ position: { epoch: 'e1', sequence: 1, token: '' }, duplicate: true, record: recordOf('e1') });
  assert.equal((await repeat).sent, 1);
  subscriber!.reset({ epoch: 'e2', sequence: 0, token: '' }, []);
  at.ear('r');
  const receipt = at.hub.publish('r', 'y');
  answers[2]!({ position: { epoch: 'e2', sequence: 1, token: '' }, duplicate: false, record: recordOf('e2') });
  await turns();
  subscriber!.record(recordOf('e2'));
  assert.equal((await receipt).sent, 2);
});

it('a gap that the log tells inside a delivery loses no record that comes after it', () => {
  const { log, subscribers } = heldLog();
  const at = world({ log, gatherMs: 5 });
  const [ear, other] = [at.ear('r'), at.ear('r')];
  const [subscriber] = subscribers;
  const place = (sequence: number): Position => ({ epoch: 'e1', sequence, token: `t${sequence}` });
  const record = (sequence: number): void =>
    subscriber!.record({ type: 'record', ...place(sequence), timeMs: 0, data: `m${sequence}` });
  subscriber!.opened({ epoch: 'e1', sequence: 0, token: '' }, []);
  ear.inside = (item) => {
    if (item.type !== 'record') return;
    if (item.data === 'm1') {
      subscriber!.gap({ from: 3, to: 3 }, place(3));
      record(4);
    } else if (item.data === 'm5') subscriber!.gap({ from: 6, to: 7 }, place(7));
  };
  record(1);
  record(2);
  at.clock.advance(5);
  record(5);
  at.clock.advance(5);
  assert.equal(at.hub.find('r')?.delivered, 7);
  record(8);
  at.clock.advance(5);
  assert.deepEqual(ear.texts, ['m1', '2..3', 'm4', 'm5', '6..7', 'm8']);
  assert.deepEqual(other.texts, ['1..3', 'm4', '5..7', 'm8']);
});

it('a log whose `subscribe` throws leaves no empty room in the hub, and the next join asks it again', async () => {
  const log = new MemoryLog();
  const { subscribe } = log;
  log.subscribe = () => {
    throw new Error('not connected');
  };
  const { hub } = world({ log });
  const ear = new Ear(hub);
  assert.throws(() => ear.member.join('r'), /not connected/);
  assert.deepEqual([hub.size, ear.member.size], [0, 0]);
  log.subscribe = subscribe;
  ear.member.join('r');
  await hub.publish('r', '1');
  assert.deepEqual(ear.log, ['welcome', '1']);
});
