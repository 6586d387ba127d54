/** Coming back: from any position, over any transport, with nothing lost in silence. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Hub } from '../../lib/rooms/hub.ts';
import type { Position } from '../../lib/rooms/log.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Item, WelcomeNotice } from '../../lib/rooms/notices.ts';
import { formatPosition, parsePosition } from '../../lib/rooms/position.ts';
import { planResume } from '../../lib/rooms/resume.ts';
import { FakeClock } from '../support/clock.ts';
import { DelayedLog } from '../support/delayed-log.ts';
import { type Ear, type World, world } from './ear.ts';

const say = async ({ hub }: World, from: number, to: number): Promise<Position[]> => {
  const places: Position[] = [];
  for (let i = from; i <= to; i++) places.push((await hub.publish('r', `m${i}`)).position);
  return places;
};

const welcomeOf = (ear: Ear): WelcomeNotice => {
  const [first] = ear.heard;
  assert.ok(first?.type === 'welcome');
  return first;
};

describe('positions as text', () => {
  it('are read as they are written, and nothing else is', () => {
    const positions: Position[] = [
      { epoch: 'e', sequence: 0, token: '' },
      { epoch: '0'.repeat(32), sequence: Number.MAX_SAFE_INTEGER, token: 'z'.repeat(16) },
    ];
    for (const position of positions) assert.deepEqual(parsePosition(formatPosition(position)), position);
    for (const text of [
      '',
      'e',
      'e-1',
      'e-1-',
      'e-0-t',
      'e--1-t',
      'e-01-t',
      'E-1-t',
      'e-1-T',
      ' e-1-t',
      'e-1-t\n',
      'e-1.5-t',
      'e-9007199254740992-t',
      `${'e'.repeat(33)}-1-t`,
      `e-1-${'t'.repeat(17)}`,
      'x'.repeat(1_000_000),
    ])
      assert.equal(parsePosition(text), undefined, text.slice(0, 40));
  });
});

describe('where a member begins', () => {
  const numbering = {
    head: { epoch: 'e', sequence: 10, token: 'h' },
    first: 5,
    token: (sequence: number): string | undefined => (sequence >= 5 ? `t${sequence}` : undefined),
  };
  const cases: [string | Position | undefined, string, number, object | undefined][] = [
    [undefined, 'new', 8, undefined],
    ['', 'new', 8, undefined],
    ['e-10-h', 'resumed', 11, undefined],
    ['e-7-t7', 'resumed', 8, undefined],
    ['e-4-any', 'resumed', 5, undefined],
    ['e-2-any', 'resumed', 5, { from: 3, to: 4 }],
    ['e-0-', 'resumed', 5, { from: 1, to: 4 }],
    ['e-7-other', 'reset', 8, undefined],
    ['e-10-t10', 'reset', 8, undefined],
    ['e-11-h', 'reset', 8, undefined],
    ['f-7-t7', 'reset', 8, undefined],
    ['nonsense', 'reset', 8, undefined],
    [{ epoch: 'e', sequence: 7, token: '' }, 'reset', 8, undefined],
  ];
  for (const [after, resumed, next, gap] of cases)
    it(`${JSON.stringify(after)}: ${resumed}, next ${next}`, () => {
      assert.deepEqual(planResume(after, numbering, 3), { resumed, next, gap });
    });
});

describe('resume', () => {
  it('brings what was missed, in order, and says how much', async () => {
    const at = world();
    const places = await say(at, 1, 5);
    const ear = at.ear('r', { after: formatPosition(places[1]!) });
    assert.deepEqual([welcomeOf(ear).resumed, welcomeOf(ear).replay, ear.texts], ['resumed', 3, ['m3', 'm4', 'm5']]);
    const fresh = at.ear('r');
    assert.deepEqual([welcomeOf(fresh).resumed, fresh.texts], ['new', ['m1', 'm2', 'm3', 'm4', 'm5']]);
  });

  it('tells a gap in band where the history no longer reaches', async () => {
    const at = world({ maxHistoryRecords: 2 });
    const places = await say(at, 1, 5);
    const ear = at.ear('r', { after: places[0] });
    assert.deepEqual([welcomeOf(ear).gap, welcomeOf(ear).replay], [{ from: 2, to: 3 }, 2]);
    assert.deepEqual(ear.texts, ['2..3', 'm4', 'm5']);
  });

  it('does not bring what has become too old, and tells it', async () => {
    const at = world({ maxHistoryAgeMs: 1_000 });
    at.ear('r');
    const [first] = await say(at, 1, 2);
    at.clock.advance(1_001);
    assert.deepEqual(at.ear('r').texts, []);
    assert.deepEqual(at.ear('r', { after: first }).texts, ['2..2']);
  });

  it('with a position of another room, or one never issued, is a reset and shows nothing of another room', async () => {
    const at = world();
    const [own] = await say(at, 1, 2);
    const { position: foreign } = await at.hub.publish('secret', 'the secret');
    for (const after of [foreign, { ...own!, token: 'guess' }, { ...own!, sequence: 99 }, 'e'.repeat(100)]) {
      const ear = at.ear('r', { after });
      assert.deepEqual([welcomeOf(ear).resumed, ear.texts], ['reset', ['m1', 'm2']]);
    }
  });

  it('checks a token as long as the history has the record: behind that a wrong one is resumed, with a gap', async () => {
    const at = world({ maxHistoryRecords: 2 });
    const places = await say(at, 1, 3);
    const wrong = { ...places[1]!, token: 'guess' };
    assert.deepEqual(welcomeOf(at.ear('r', { after: wrong })).resumed, 'reset');
    await say(at, 4, 5);
    const ear = at.ear('r', { after: wrong });
    assert.deepEqual([welcomeOf(ear).resumed, ear.texts], ['resumed', ['3..3', 'm4', 'm5']]);
  });

  it('counts the answer to every replayed message: 2,500 of 8 KB through 1 MiB of buffer lose none (R2, R4a)', async () => {
    const at = world({ maxHistoryRecords: 5_000, maxHistoryBytes: 100_000_000 });
    const text = 'x'.repeat(8_000);
    const first = (await at.hub.publish('r', text)).position;
    for (let i = 1; i < 2_500; i++) await at.hub.publish('r', text);
    // A connection that holds 131 messages of 8 KB, and drains.
    let drains = 0;
    let buffered = 0;
    const sequences: number[] = [];
    const member = at.hub.member({
      send: (item: Item) => {
        if (buffered >= 131) return 'dropped';
        buffered++;
        if (item.type === 'record') sequences.push(item.sequence);
        return buffered < 8 ? 'sent' : 'backpressure';
      },
      evicted: () => assert.fail('evicted'),
    });
    member.join('r', { after: first });
    while (member.isBlocked) {
      drains++;
      buffered = 0;
      member.drained();
      if (drains % 50 === 0) await at.hub.publish('r', 'more'); // the room goes on meanwhile
    }
    assert.ok(drains > 300, `${drains} drains, ${sequences.length} records`);
    const head = at.hub.find('r')?.position.sequence ?? 0;
    assert.deepEqual(
      sequences,
      Array.from({ length: head - 1 }, (_, i) => i + 2),
    );
  });

  it('replay never counts against the queue: a member that reads it slowly is not let go', async () => {
    const at = world({
      maxHistoryRecords: 1_000,
      maxHistoryBytes: 10_000_000,
      maxQueueBytes: 1_000,
      maxQueueAgeMs: 100,
    });
    for (let i = 0; i < 1_000; i++) await at.hub.publish('r', 'x'.repeat(100));
    const ear = new (class {
      taken = 0;
    })();
    const member = at.hub.member({
      send: () => {
        ear.taken++;
        return 'backpressure';
      },
      evicted: () => assert.fail('evicted'),
    });
    member.join('r');
    for (let i = 0; i < 1_000; i++) {
      at.clock.advance(50);
      member.drained();
    }
    assert.equal(ear.taken, 1_001);
  });

  it('goes over to another node and back, and between transports, with nothing lost or doubled', async () => {
    const clock = new FakeClock();
    const log = new MemoryLog({ clock });
    const nodes = [0, 1].map(() => world({ log, clock }));
    let after: string | undefined;
    const heard: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const ear = nodes[turn % 2]!.ear('r', { after });
      for (let i = 0; i < 3; i++) await nodes[(turn + i) % 2]!.hub.publish('r', `${turn}.${i}`);
      heard.push(...ear.texts);
      const last = ear.heard.findLast(({ type }) => type === 'record');
      after = last?.type === 'record' ? formatPosition(last) : after;
      ear.member.close();
      await nodes[turn % 2]!.hub.publish('r', `${turn} away`);
    }
    const { records } = await log.read('r', undefined, 100);
    assert.deepEqual(
      heard,
      records.slice(0, -1).map(({ data }) => data),
    );
  });

  it('prepares a record once for a crowd that comes back together: 2,000 members with 100 messages each', async () => {
    let prepared = 0;
    const clock = new FakeClock();
    const hub = new Hub<string>({
      clock,
      prepare: (item) => {
        if (item.type !== 'record') return item.type;
        prepared++;
        return String(item.data);
      },
    });
    const first = (await hub.publish('r', 'm0')).position;
    for (let i = 1; i <= 100; i++) await hub.publish('r', `m${i}`);
    assert.equal(prepared, 0, 'nobody is here');
    for (let i = 0; i < 2_000; i++) {
      const heard: string[] = [];
      hub
        .member({
          send: (value) => {
            heard.push(value);
            return 'sent';
          },
          evicted: () => assert.fail('evicted'),
        })
        .join('r', { after: first });
      assert.equal(heard.length, 101);
      assert.equal(heard.at(-1), 'm100');
    }
    assert.equal(prepared, 100);
    clock.advance(3_000);
    await hub.publish('r', 'last');
    assert.equal(prepared, 101, 'what is not needed is not prepared again');
    const late = (): void => hub.member({ send: () => 'sent', evicted: () => {} }).join('r', { after: first });
    late();
    assert.equal(prepared, 200, 'after a while nothing prepared is held');
    for (let i = 0; i < 10; i++) {
      clock.advance(999);
      late();
    }
    assert.equal(prepared, 200, 'while it is needed it is held');
    clock.advance(10_000);
    assert.equal(clock.timers, 0, 'and nothing runs in a room where nothing happens');
  });
});

describe('a log that loses records', () => {
  /** A node whose log is behind a network. */
  function far(): { at: World; far: DelayedLog; log: MemoryLog } {
    const clock = new FakeClock();
    const log = new MemoryLog({ clock });
    const delayed = new DelayedLog(log);
    return { at: world({ log: delayed, clock }), far: delayed, log };
  }

  it('welcomes members once the log has opened the room, and takes messages before that', async () => {
    const { at, far: log } = far();
    const ear = at.ear('r');
    const receipt = at.hub.publish('r', 'm1');
    assert.deepEqual(ear.log, []);
    log.flush();
    assert.deepEqual(ear.log, ['welcome', 'm1']);
    assert.deepEqual([(await receipt).sequence, (await receipt).sent], [1, 1]);
  });

  it('tells everyone the records that the log could not bring', async () => {
    const { at, far: log } = far();
    const ear = at.ear('r');
    log.flush();
    const receipts = ['m1', 'm2', 'm3'].map((text) => at.hub.publish('r', text));
    log.lose(2);
    log.flush();
    assert.deepEqual(ear.texts, ['1..2', 'm3']);
    assert.deepEqual(
      (await Promise.all(receipts)).map(({ sent }) => sent),
      [0, 0, 1],
    );
  });

  it('tells a member that keeps what it can that the log has lost what came after, not that it was superseded', async () => {
    const clock = new FakeClock();
    const delayed = new DelayedLog(new MemoryLog({ clock }));
    const at = world({ log: delayed, clock, policy: 'drop-newest', maxQueueBytes: 70 });
    const ear = at.ear('r');
    delayed.flush();
    ear.credit = 1;
    for (const text of ['m1', 'm2', 'm3']) void at.hub.publish('r', text, { coalesce: text });
    delayed.flush();
    void at.hub.publish('r', 'm4');
    delayed.lose(1);
    ear.drain();
    assert.deepEqual(
      ear.texts.filter((each) => each.includes('4')),
      ['4..4'],
    );
  });

  it('tells everyone when the numbering does not go on, and goes on from there', async () => {
    const { at, far: log } = far();
    const ear = at.ear('r');
    log.flush();
    const lost = at.hub.publish('r', 'lost');
    log.reset({ epoch: 'another', sequence: 0, token: '' });
    assert.deepEqual(ear.log, ['welcome', 'reset']);
    assert.equal((await lost).sent, 0, 'it settles');
    assert.equal(at.hub.find('r')?.position.epoch, 'another');
  });

  it('lets go of everyone, with a position, when the log gives up', async () => {
    const { at, far: log } = far();
    const ear = at.ear('r');
    log.flush();
    await Promise.all([at.hub.publish('r', 'm1'), log.flush()]);
    log.fail();
    assert.deepEqual(
      ear.evictions.map(({ why, position }) => [why, position.sequence]),
      [['log-failed', 1]],
    );
    assert.equal(at.hub.size, 0);
    assert.deepEqual(
      at.errors.map(({ where }) => where),
      ['log'],
    );
  });
});
