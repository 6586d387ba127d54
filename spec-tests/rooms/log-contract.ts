/**
 * What every room log must do, as tests: `describeRoomLog('journal', make)` in a test file runs them all against one kind.
 *
 * Nothing here waits for a time: a tap collects what a subscriber is handed and resolves when it has what is asked for.
 * Times pass by `advance` of the log's clock. Read next: `../../lib/rooms/log.ts`, whose sentences these tests prove.
 */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ROOM_LIMITS } from '../../lib/limits.ts';
import type { Appended, Gap, LogEntry, LogRecord, LogSubscriber, Position, RoomLog } from '../../lib/rooms/log.ts';
import { RoomRefused } from '../../lib/rooms/log.ts';

/** Bounds that the tests ask for; every log has these options. */
export interface ContractOptions {
  readonly maxHistoryRecords?: number;
  readonly maxHistoryBytes?: number;
  readonly maxHistoryAgeMs?: number;
  readonly maxKeys?: number;
  readonly keyAgeMs?: number;
}

/** A log under test, with an empty store. */
export interface LogUnderTest {
  readonly log: RoomLog;
  /** Another object on the same store, where the kind of log can have that at the same time. Closed by `dispose`. */
  another?(): RoomLog | Promise<RoomLog>;
  /** Lets time pass for the log. Left out where the clock is not ours: tests of ages do not run then. */
  advance?(ms: number): void | Promise<void>;
  /** True where the bounds of the history are exact. Redis trims in blocks and may keep more than the bound, never less. */
  readonly exactBounds: boolean;
  /** Lets go of everything, the store included. The log may be closed already. */
  dispose(): void | Promise<void>;
}

export type MakeLog = (options?: ContractOptions) => LogUnderTest | Promise<LogUnderTest>;

/** Collects what a subscriber is handed, and checks what must be true of it at once. */
export class Tap implements LogSubscriber {
  readonly opened_: { head: Position; records: readonly LogRecord[] }[] = [];
  readonly records: LogRecord[] = [];
  readonly gaps: Gap[] = [];
  readonly resets: Position[] = [];
  readonly failures: RoomRefused[] = [];
  /** Called within `record`. */
  inRecord: ((record: LogRecord) => void) | undefined = undefined;
  #place: Position | undefined;
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  opened(head: Position, records: readonly LogRecord[]): void {
    assert.equal(this.#place, undefined, 'opened once, and first');
    this.opened_.push({ head, records });
    this.#begin(head, records);
  }

  record(record: LogRecord): void {
    this.#goesOn();
    assert.equal(record.epoch, this.#place?.epoch);
    assert.equal(record.sequence, (this.#place as Position).sequence + 1);
    this.#place = record;
    this.records.push(record);
    this.inRecord?.(record);
    this.#wake();
  }

  gap(gap: Gap, head: Position): void {
    this.#goesOn();
    assert.equal(gap.from, (this.#place as Position).sequence + 1);
    assert.ok(gap.to >= gap.from);
    assert.equal(head.sequence, gap.to);
    this.#place = head;
    this.gaps.push(gap);
    this.#wake();
  }

  reset(head: Position, records: readonly LogRecord[]): void {
    this.#goesOn();
    this.resets.push(head);
    this.#begin(head, records);
  }

  failed(error: RoomRefused): void {
    assert.equal(this.failures.length, 0, 'failed once');
    this.failures.push(error);
    this.#wake();
  }

  /** Resolves when `done` is true. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  async open(): Promise<{ head: Position; records: readonly LogRecord[] }> {
    await this.until(() => this.opened_.length > 0);
    return this.opened_[0]!;
  }

  async texts(count: number): Promise<unknown[]> {
    await this.until(() => this.records.length >= count);
    return this.records.map(({ data }) => data);
  }

  #begin(head: Position, records: readonly LogRecord[]): void {
    for (const [i, record] of records.entries()) {
      assert.equal(record.sequence, head.sequence - records.length + 1 + i, 'consecutive, up to the head');
      assert.equal(record.epoch, head.epoch);
    }
    this.#place = head;
    this.#wake();
  }

  #goesOn(): void {
    assert.notEqual(this.#place, undefined, 'nothing before opened');
    assert.equal(this.failures.length, 0, 'nothing after failed');
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ done }) => done());
    this.#waiting = this.#waiting.filter((each) => !ready.includes(each));
    for (const { resolve } of ready) resolve();
  }
}

const texts = (records: readonly LogRecord[]): unknown[] => records.map(({ data }) => data);
const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof RoomRefused && error.code === code;

function samePlace(a: Position, b: Position): void {
  const place = ({ epoch, sequence, token }: Position): Position => ({ epoch, sequence, token });
  assert.deepEqual(place(a), place(b));
}

/** Runs the contract against one kind of log. */
export function describeRoomLog(name: string, make: MakeLog): void {
  describe(`a room log: ${name}`, { timeout: 120_000 }, () => {
    const made: LogUnderTest[] = [];
    const start = async (options: ContractOptions = {}): Promise<LogUnderTest> => {
      const test = await make(options);
      made.push(test);
      return test;
    };
    const append = (log: RoomLog, data: string, entry: Partial<LogEntry> = {}): Promise<Appended> =>
      log.append('r', { data, ...entry });
    afterEach(async () => {
      for (const each of made.splice(0)) await each.dispose();
    });

    numbering(start, append);
    keys(start, append);
    reading(start, append);
    subscribing(start, append);
    refusing(start, append);
  });
}

type Start = (options?: ContractOptions) => Promise<LogUnderTest>;
type Append = (log: RoomLog, data: string, entry?: Partial<LogEntry>) => Promise<Appended>;

function numbering(start: Start, append: Append): void {
  it('numbers the records of a room from 1 without holes, each room for itself, in the order of the calls', async () => {
    const { log } = await start();
    const appended = await Promise.all([
      append(log, 'a'),
      append(log, 'b'),
      log.append('other', { data: 'x' }),
      append(log, 'c'),
    ]);
    assert.deepEqual(
      appended.map(({ position }) => position.sequence),
      [1, 2, 1, 3],
    );
    const [first, second, other] = appended.map(({ position }) => position);
    assert.equal(first?.epoch, second?.epoch);
    assert.notEqual(first?.epoch, other?.epoch, 'rooms have epochs of their own');
    for (const { position, duplicate } of appended) {
      assert.match(position.epoch, /^[0-9a-z]{1,32}$/);
      assert.match(position.token, /^[0-9a-z]{1,16}$/);
      assert.equal(duplicate, false);
    }
    assert.deepEqual(texts((await log.read('r', undefined, 10)).records), ['a', 'b', 'c']);
  });

  it('gives back text as text and octets as octets, with key, coalesce, policy and time', async () => {
    const { log } = await start();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const entries: LogEntry[] = [
      { data: 'é 😀 \u0000 \r\n', key: 'k\n1', coalesce: 'c 1', policy: 'coalesce' },
      { data: '' },
      { data: all, policy: 'evict' },
      { data: new Uint8Array(0), key: 'k2' },
    ];
    for (const entry of entries) await log.append('r/é 😀', entry);
    const { records } = await log.read('r/é 😀', undefined, 10);
    assert.equal(records.length, 4);
    for (const [i, { type, data, key, coalesce, policy, timeMs }] of records.entries()) {
      const entry = entries[i] as LogEntry;
      assert.equal(typeof data, typeof entry.data);
      assert.deepEqual(
        typeof data === 'string' ? data : [...data],
        typeof data === 'string' ? entry.data : [...entry.data],
      );
      assert.deepEqual([type, key, coalesce, policy], ['record', entry.key, entry.coalesce, entry.policy]);
      assert.ok(Number.isSafeInteger(timeMs) && timeMs >= (records[i - 1]?.timeMs ?? 0));
    }
  });

  it('numbers 1,000 appends that are under way at once without a hole', async () => {
    const { log } = await start({ maxHistoryRecords: 2_000, maxHistoryBytes: 1_000_000 });
    const appended = await Promise.all(Array.from({ length: 1_000 }, (_, i) => append(log, `m${i}`)));
    assert.deepEqual(
      appended.map(({ position }) => position.sequence),
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    );
    const { records } = await log.read('r', undefined, 2_000);
    assert.deepEqual(
      texts(records),
      Array.from({ length: 1_000 }, (_, i) => `m${i}`),
    );
  });
}

function keys(start: Start, append: Append): void {
  it('finds a repeat by its key and answers with the first record and the first text', async () => {
    const { log } = await start();
    const first = await append(log, 'one', { key: 'k' });
    await append(log, 'two');
    const again = await append(log, 'another text', { key: 'k' });
    assert.equal(first.duplicate, false);
    assert.equal(again.duplicate, true);
    samePlace(again.position, first.position);
    assert.equal(again.record?.data, 'one');
    assert.equal((await log.append('other', { data: 'x', key: 'k' })).duplicate, false, 'rooms do not share keys');
    assert.deepEqual(texts((await log.read('r', undefined, 10)).records), ['one', 'two']);
  });

  it('finds a repeat while the first append is still under way', async () => {
    const { log } = await start();
    const [first, second] = await Promise.all([append(log, 'one', { key: 'k' }), append(log, 'two', { key: 'k' })]);
    assert.deepEqual([first?.duplicate, second?.duplicate], [false, true]);
    samePlace(first!.position, second!.position);
    assert.equal((await log.read('r', undefined, 10)).head.sequence, 1);
  });

  it('finds a repeat whose record has left the history, without a record', async () => {
    const { log, exactBounds } = await start({ maxHistoryRecords: 2 });
    const first = await append(log, 'one', { key: 'k' });
    for (let i = 0; i < 300; i++) await append(log, 'more');
    const again = await append(log, 'one', { key: 'k' });
    assert.equal(again.duplicate, true);
    samePlace(again.position, first.position);
    if (exactBounds) assert.equal(again.record, undefined);
    else assert.ok(again.record === undefined || again.record.data === 'one');
  });

  it('does not hand a repeat to subscribers', async () => {
    const { log } = await start();
    const tap = new Tap();
    log.subscribe('r', 0, tap);
    await tap.open();
    await append(log, 'one', { key: 'k' });
    await append(log, 'again', { key: 'k' });
    await append(log, 'two');
    assert.deepEqual(await tap.texts(2), ['one', 'two']);
  });

  it('remembers the last maxKeys keys of a room and forgets the oldest', async () => {
    const { log } = await start({ maxKeys: 3 });
    for (const key of ['a', 'b', 'c', 'd']) await append(log, key, { key });
    for (const key of ['b', 'c', 'd']) assert.equal((await append(log, key, { key })).duplicate, true, key);
    assert.equal((await append(log, 'a', { key: 'a' })).duplicate, false);
  });

  it('remembers a key for keyAgeMs and no longer', async (test) => {
    const { log, advance } = await start({ keyAgeMs: 60_000 });
    if (advance === undefined) {
      test.diagnostic('the clock of this log is not ours');
      return;
    }
    await append(log, 'one', { key: 'k' });
    await advance(59_000);
    assert.equal((await append(log, 'one', { key: 'k' })).duplicate, true);
    await advance(1_001);
    const late = await append(log, 'one', { key: 'k' });
    assert.deepEqual([late.duplicate, late.position.sequence], [false, 2]);
  });
}

function reading(start: Start, append: Append): void {
  it('reads nothing of a room without records, at sequence 0', async () => {
    const { log } = await start();
    const { head, reset, gap, records } = await log.read('r', undefined, 10);
    assert.deepEqual([head.sequence, head.token, reset, gap, records.length], [0, '', false, undefined, 0]);
  });

  it('reads after a position, page by page', async () => {
    const { log } = await start();
    const places: Position[] = [];
    for (let i = 1; i <= 5; i++) places.push((await append(log, `m${i}`)).position);
    const { head, reset, gap, records } = await log.read('r', places[1], 2);
    assert.deepEqual([reset, gap, texts(records)], [false, undefined, ['m3', 'm4']]);
    samePlace(head, places[4]!);
    const next = await log.read('r', records[1], 2);
    assert.deepEqual(texts(next.records), ['m5']);
    samePlace(next.records[0]!, next.head);
    assert.deepEqual((await log.read('r', places[4], 2)).records, []);
    const beginning: Position = { epoch: head.epoch, sequence: 0, token: '' };
    assert.deepEqual(texts((await log.read('r', beginning, 9)).records), ['m1', 'm2', 'm3', 'm4', 'm5']);
  });

  it('without a position reads the last ones', async () => {
    const { log } = await start();
    for (let i = 1; i <= 5; i++) await append(log, `m${i}`);
    assert.deepEqual(texts((await log.read('r', undefined, 2)).records), ['m4', 'm5']);
  });

  it('says which records the history no longer has', async () => {
    const { log, exactBounds } = await start({ maxHistoryRecords: 3 });
    const places: Position[] = [];
    for (let i = 1; i <= 500; i++) places.push((await append(log, `m${i}`)).position);
    const { reset, gap, records } = await log.read('r', places[1], 1_000);
    assert.equal(reset, false);
    assert.ok(gap !== undefined, 'a gap');
    assert.equal(gap.from, 3);
    assert.equal(gap.to, records[0]!.sequence - 1);
    assert.equal(records.at(-1)?.data, 'm500');
    assert.ok(records.length >= 3);
    if (exactBounds) assert.deepEqual(gap, { from: 3, to: 497 });
    const [third] = records;
    const held = await log.read('r', third, 1_000);
    assert.deepEqual([held.gap, held.records.length], [undefined, records.length - 1]);
  });

  it('bounds the history by bytes', async () => {
    const { log, exactBounds } = await start({ maxHistoryBytes: 1_000 });
    for (let i = 0; i < 20; i++) await append(log, String(i).padEnd(100));
    const { records } = await log.read('r', undefined, 100);
    assert.equal(records.at(-1)?.sequence, 20);
    if (exactBounds) assert.equal(records.length, 10);
    else assert.ok(records.length >= 9);
  });

  it('bounds the history by age', async (test) => {
    const { log, advance } = await start({ maxHistoryAgeMs: 10_000 });
    if (advance === undefined) {
      test.diagnostic('the clock of this log is not ours');
      return;
    }
    const { position } = await append(log, 'old');
    await advance(9_000);
    await append(log, 'new');
    await advance(2_000);
    const { records, gap } = await log.read('r', { ...position, sequence: 0, token: '' }, 10);
    assert.deepEqual([texts(records), gap], [['new'], { from: 1, to: 1 }]);
  });

  it('answers a position that is not of this numbering with a reset and the last records', async () => {
    const { log } = await start();
    const { position } = await append(log, 'm1');
    await append(log, 'm2');
    const other = (await log.append('other', { data: 'secret' })).position;
    const wrong: Position[] = [
      { ...position, epoch: 'another' },
      { ...position, sequence: 9 },
      { ...position, token: position.token === 'zzz' ? 'yyy' : 'zzz' },
      { ...position, token: '' },
      { ...position, sequence: 0 },
      other,
    ];
    for (const after of wrong) {
      const { reset, gap, records } = await log.read('r', after, 10);
      assert.deepEqual([reset, gap, texts(records)], [true, undefined, ['m1', 'm2']], JSON.stringify(after));
    }
  });
}

function subscribing(start: Start, append: Append): void {
  it('opens a subscription with the last records, then hands over every one after them, in order', async () => {
    const { log } = await start();
    for (let i = 1; i <= 4; i++) await append(log, `m${i}`);
    const tap = new Tap();
    log.subscribe('r', 2, tap);
    const { head, records } = await tap.open();
    assert.deepEqual([head.sequence, texts(records)], [4, ['m3', 'm4']]);
    for (let i = 5; i <= 7; i++) await append(log, `m${i}`);
    assert.deepEqual(await tap.texts(3), ['m5', 'm6', 'm7']);
  });

  it('misses nothing and doubles nothing where appends and subscriptions are under way at once', async () => {
    const { log } = await start({ maxHistoryRecords: 1_000 });
    const taps: Tap[] = [];
    const pending: Promise<Appended>[] = [];
    for (let i = 1; i <= 200; i++) {
      pending.push(append(log, `m${i}`));
      if (i % 20 === 0) {
        const tap = new Tap();
        taps.push(tap);
        log.subscribe('r', 1_000, tap);
      }
      if (i % 50 === 0) await pending[i - 1];
    }
    await Promise.all(pending);
    const expected = Array.from({ length: 200 }, (_, i) => `m${i + 1}`);
    for (const tap of taps) {
      const { records } = await tap.open();
      assert.deepEqual([...texts(records), ...(await tap.texts(200 - records.length))], expected);
    }
  });

  it('hands two objects on one store the same records in the same order, whichever takes them', async (test) => {
    const { log, another } = await start();
    if (another === undefined) {
      test.diagnostic('this log has one object at a time');
      return;
    }
    const logs = [log, await another()];
    const taps = [new Tap(), new Tap()];
    for (const [i, tap] of taps.entries()) logs[i]!.subscribe('r', 0, tap);
    for (const tap of taps) await tap.open();
    await Promise.all(Array.from({ length: 100 }, (_, i) => append(logs[i % 2]!, `m${i}`, { key: `k${i}` })));
    const heard = await Promise.all(taps.map((tap) => tap.texts(100)));
    assert.deepEqual(heard[0], heard[1]);
    assert.equal(new Set(heard[0]).size, 100);
    assert.equal((await append(logs[1]!, 'again', { key: 'k0' })).duplicate, true, 'taken by the other');
  });

  it('numbers an append from inside a delivery at once, and hands it out after everyone has the present record', async () => {
    const { log } = await start();
    const taps = [new Tap(), new Tap(), new Tap()];
    const inner: Promise<Appended>[] = [];
    taps[0]!.inRecord = ({ data }) => {
      if (data === 'outer') inner.push(append(log, 'inner 1'), append(log, 'inner 2'));
    };
    for (const tap of taps) log.subscribe('r', 0, tap);
    for (const tap of taps) await tap.open();
    await append(log, 'outer');
    for (const tap of taps) assert.deepEqual(await tap.texts(3), ['outer', 'inner 1', 'inner 2']);
    assert.deepEqual(
      (await Promise.all(inner)).map(({ position }) => position.sequence),
      [2, 3],
    );
  });

  it('lets a subscriber come and go inside a delivery', async () => {
    const { log } = await start();
    const [first, second, late] = [new Tap(), new Tap(), new Tap()];
    let ended = false;
    log.subscribe('r', 0, first);
    const subscription = log.subscribe('r', 0, second);
    for (const tap of [first, second]) await tap.open();
    first.inRecord = () => {
      if (ended) return;
      ended = true;
      subscription.close();
      log.subscribe('r', 10, late);
    };
    await append(log, 'one');
    await append(log, 'two');
    assert.deepEqual(await first.texts(2), ['one', 'two']);
    assert.deepEqual(texts(second.records), []);
    const { records } = await late.open();
    assert.deepEqual([...texts(records), ...(await late.texts(2 - records.length))], ['one', 'two']);
  });

  it('says nothing to a subscriber that has closed', async () => {
    const { log } = await start();
    const [gone, here] = [new Tap(), new Tap()];
    const subscription = log.subscribe('r', 0, gone);
    log.subscribe('r', 0, here);
    await gone.open();
    await here.open();
    await append(log, 'one');
    await gone.texts(1);
    subscription.close();
    subscription.close();
    await append(log, 'two');
    assert.deepEqual(await here.texts(2), ['one', 'two']);
    await log.close();
    assert.deepEqual([texts(gone.records), gone.failures.length], [['one'], 0]);
  });
}

function refusing(start: Start, append: Append): void {
  it('refuses at the call what no log takes', async () => {
    const { log } = await start();
    const wrong: [LogEntry, ErrorConstructor][] = [
      [{ data: 1 as unknown as string }, TypeError],
      [{ data: null as unknown as string }, TypeError],
      [{ data: 'x'.repeat(ROOM_LIMITS.maxRecordBytes + 1) }, RangeError],
      [{ data: '', key: '' }, RangeError],
      [{ data: '', key: 'k'.repeat(ROOM_LIMITS.maxKeyLength + 1) }, RangeError],
      [{ data: '', key: '\ud800' }, RangeError],
      [{ data: '', coalesce: '' }, RangeError],
      [{ data: '', policy: 'coalesce' }, TypeError],
      [{ data: '', policy: 'other' as 'evict' }, RangeError],
    ];
    for (const [entry, kind] of wrong)
      assert.throws(() => void log.append('r', entry), kind, JSON.stringify(entry).slice(0, 60));
    for (const room of ['', 'r'.repeat(ROOM_LIMITS.maxRoomNameLength + 1), '\udc00']) {
      assert.throws(() => void log.append(room, { data: '' }), RangeError);
      assert.throws(() => void log.read(room, undefined, 1), RangeError);
      assert.throws(() => log.subscribe(room, 0, new Tap()), RangeError);
    }
    for (const limit of [0, -1, 1.5, Number.NaN]) assert.throws(() => void log.read('r', undefined, limit), RangeError);
    assert.throws(() => log.subscribe('r', -1, new Tap()), RangeError);
    const longest = 'r'.repeat(ROOM_LIMITS.maxRoomNameLength);
    const most = { data: 'x'.repeat(ROOM_LIMITS.maxRecordBytes), key: 'k'.repeat(ROOM_LIMITS.maxKeyLength) };
    assert.equal((await log.append(longest, most)).position.sequence, 1);
  });

  it('when closed ends subscriptions, refuses what comes, and closes again', async () => {
    const { log } = await start();
    const tap = new Tap();
    log.subscribe('r', 0, tap);
    await tap.open();
    const last = append(log, 'last');
    await Promise.all([log.close(), log.close()]);
    assert.equal((await last).position.sequence, 1, 'what was under way is finished');
    await tap.until(() => tap.failures.length > 0);
    assert.equal(tap.failures[0]?.code, 'LOG_CLOSED');
    await assert.rejects(append(log, 'x'), hasCode('LOG_CLOSED'));
    await assert.rejects(log.read('r', undefined, 1), hasCode('LOG_CLOSED'));
    const late = new Tap();
    log.subscribe('r', 0, late);
    await late.until(() => late.failures.length > 0);
    assert.equal(late.failures[0]?.code, 'LOG_CLOSED');
    await log.close();
  });
}
