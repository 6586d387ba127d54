/** One room's feed, without a Redis: what comes from the stream while pages are read, in every order. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RoomFeed } from '../../lib/room-logs/redis-feed.ts';
import { compareIds } from '../../lib/room-logs/redis-partition.ts';
import { entriesOfStream, isReplyError, type StreamEntry } from '../../lib/room-logs/redis-port.ts';
import type { PageReader, StoredPage } from '../../lib/room-logs/redis-store.ts';
import { type LogRecord, type Position, RoomRefused } from '../../lib/rooms/log.ts';
import { Tap } from '../rooms/log-contract.ts';
import { FakeClock } from '../support/clock.ts';

/** What Redis has: a history of one room in one epoch, and answers that wait until they are let out. */
class Store implements PageReader {
  records: LogRecord[] = [];
  epoch = 'e';
  /** The sequence before the oldest record. */
  base = 0;
  readonly #waiting: (() => void)[] = [];
  holding = false;
  failing = false;

  get head(): Position {
    const last = this.records.at(-1);
    return {
      epoch: this.epoch,
      sequence: last?.sequence ?? this.base,
      token: last?.token ?? (this.base > 0 ? 'old' : ''),
    };
  }

  /** Appends, and answers the entry of the stream. */
  append(token = 't'): StreamEntry {
    const { sequence } = this.head;
    const record: LogRecord = {
      type: 'record',
      epoch: this.epoch,
      sequence: sequence + 1,
      token,
      timeMs: 1,
      data: `${sequence + 1}`,
    };
    this.records.push(record);
    const fields = { r: 'r', e: this.epoch, s: `${record.sequence}`, t: token, m: '1', d: `t${record.data}` };
    return { id: `1-${record.sequence}`, fields: new Map(Object.entries(fields)) };
  }

  /** Answers a page as it is now, when it is let out. */
  async read(_room: string, after: Position | undefined, limit: number): Promise<StoredPage> {
    if (this.failing) throw new RoomRefused('LOG_UNCERTAIN', 'no connection');
    const page = this.#page(after, limit);
    if (this.holding) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return page;
  }

  letOut(): void {
    this.holding = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #page(after: Position | undefined, limit: number): StoredPage {
    const { head, records } = this;
    const busId = `1-${head.sequence}`;
    const at = records.find(({ sequence }) => sequence === after?.sequence);
    const known =
      after?.epoch === this.epoch && after.sequence <= head.sequence && (at === undefined || at.token === after.token);
    if (after === undefined || !known)
      return {
        head,
        busId,
        reset: after !== undefined,
        gap: undefined,
        records: limit === 0 ? [] : records.slice(-limit),
      };
    const rest = records.filter(({ sequence }) => sequence > after.sequence);
    const next = rest[0]?.sequence ?? head.sequence + 1;
    const gap = next > after.sequence + 1 ? { from: after.sequence + 1, to: next - 1 } : undefined;
    return { head, busId, reset: false, gap, records: rest.slice(0, limit) };
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A feed that has its place. */
async function feedOn(store: Store, lost: () => void = () => undefined): Promise<{ feed: RoomFeed; clock: FakeClock }> {
  const clock = new FakeClock();
  const feed = new RoomFeed('r', store, clock, Promise.resolve(), lost);
  await turns();
  return { feed, clock };
}

const texts = (tap: Tap): unknown[] => tap.records.map(({ data }) => data);

describe('the feed of a room', () => {
  it('hands what comes while a subscriber reads to that subscriber once, whichever of the two has it', async () => {
    const store = new Store();
    const { feed } = await feedOn(store);
    feed.entry(store.append());
    store.holding = true;
    const tap = new Tap();
    const late = store.append(); // the page has it, and the stream brings it before the page
    feed.subscribe(1, tap, () => undefined);
    await turns();
    feed.entry(late);
    feed.entry(store.append()); // the page does not have it
    store.letOut();
    const { head, records } = await tap.open();
    assert.deepEqual([head.sequence, records.map(({ data }) => data)], [2, ['2']]);
    feed.entry(store.append());
    assert.deepEqual(await tap.texts(2), ['3', '4']);
  });

  it('reads again where more came than can wait', async () => {
    const store = new Store();
    const { feed } = await feedOn(store);
    store.holding = true;
    const tap = new Tap();
    feed.subscribe(0, tap, () => undefined);
    await turns();
    for (let i = 0; i < 1_002; i++) feed.entry(store.append());
    store.letOut();
    assert.equal((await tap.open()).head.sequence, 1_002);
    feed.entry(store.append());
    assert.deepEqual(await tap.texts(1), ['1003']);
  });

  it('keeps entries that come while it reads itself, and reads again where they are too many', async () => {
    for (const count of [10, 1_500]) {
      const store = new Store();
      const { feed } = await feedOn(store);
      const tap = new Tap();
      feed.subscribe(0, tap, () => undefined);
      await tap.open();
      store.holding = true;
      feed.doubt();
      await turns();
      for (let i = 0; i < count; i++) feed.entry(store.append());
      store.letOut();
      await tap.until(() => tap.records.length === count);
      assert.deepEqual([tap.gaps, tap.resets], [[], []]);
    }
  });

  it('tells a subscriber that has read further than the feed only the rest of a gap', async () => {
    const store = new Store();
    const { feed } = await feedOn(store);
    const [first, second] = [new Tap(), new Tap()];
    feed.subscribe(0, first, () => undefined);
    await first.open();
    for (let i = 0; i < 4; i++) store.append();
    feed.subscribe(0, second, () => undefined);
    await second.open(); // at 4; the feed is at 0
    for (let i = 0; i < 6; i++) store.append();
    store.records = store.records.slice(7);
    feed.doubt();
    await first.texts(3);
    await second.texts(3);
    assert.deepEqual([first.gaps, second.gaps], [[{ from: 1, to: 7 }], [{ from: 5, to: 7 }]]);
    assert.deepEqual([texts(first), texts(second)], [texts(second), ['8', '9', '10']]);
  });

  it('tells a reset when its place is gone, and goes on from there', async () => {
    let lost = 0;
    const store = new Store();
    const { feed } = await feedOn(store, () => lost++);
    const tap = new Tap();
    feed.subscribe(2, tap, () => undefined);
    await tap.open();
    for (let i = 0; i < 3; i++) feed.entry(store.append());
    store.records.pop();
    const other = store.append('other'); // 3 again
    feed.entry({ ...other, id: '2-0' });
    await tap.until(() => tap.resets.length === 1);
    assert.deepEqual([tap.resets[0]?.token, lost], ['other', 1]);
    store.epoch = 'f';
    store.records = [];
    feed.appended(store.head);
    await tap.until(() => tap.resets.length === 2);
    feed.entry({ ...store.append(), id: '3-0' });
    await tap.until(() => tap.records.at(-1)?.epoch === 'f');
  });

  it('tries again after a page that could not be read; a subscriber that comes meanwhile is told', async () => {
    const store = new Store();
    const { feed, clock } = await feedOn(store);
    const [tap, late] = [new Tap(), new Tap()];
    feed.subscribe(0, tap, () => undefined);
    await tap.open();
    store.failing = true;
    let over = 0;
    feed.subscribe(0, late, () => over++);
    await late.until(() => late.failures.length === 1);
    assert.equal(over, 1);
    feed.doubt();
    await turns();
    store.append();
    store.failing = false;
    clock.advance(500);
    assert.deepEqual(await tap.texts(1), ['1']);
    assert.equal(feed.size, 1);
  });
});

describe('what Redis answers', () => {
  it('is an error of its own or one of the connection', () => {
    for (const message of ['OOM command not allowed', 'READONLY You', 'NOSCRIPT No', 'ERR unknown command'])
      assert.equal(isReplyError(new Error(message)), true, message);
    for (const message of ['connect ECONNREFUSED', 'Connection is closed.', 'ERR Error running script: x', ''])
      assert.equal(isReplyError(new Error(message)), false, message);
  });

  it('is read in the form of either version of the protocol', () => {
    const entries = [['1-0', ['a', 'b']]];
    for (const reply of [[['bus', entries]], ['bus', entries], new Map([['bus', entries]]), { bus: entries }])
      assert.deepEqual(entriesOfStream(reply), entries);
    assert.deepEqual(entriesOfStream(null), []);
    assert.throws(() => entriesOfStream([['bus', 'x']]), TypeError);
  });

  it('has IDs that are compared as two numbers', () => {
    for (const [a, b] of [
      ['1-9', '1-10'],
      ['9-0', '10-0'],
      ['0-0', '1795721683713-0'],
    ] as const) {
      assert.ok(compareIds(a, b) < 0);
      assert.ok(compareIds(b, a) > 0);
      assert.equal(compareIds(a, a), 0);
    }
  });
});
