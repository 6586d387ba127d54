/** How many appends a node has on their way to one partition of Redis. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppendWindow } from '../../lib/room-logs/redis-window.ts';
import type { RoomRefused } from '../../lib/rooms/log.ts';
import { FakeClock } from '../support/clock.ts';
import { collectGarbage } from '../support/gc.ts';
import { turns } from '../support/sockets.ts';

/** Appends numbered 1, 2, 3 … that Redis answers when the test says so. */
class Redis {
  readonly sent: number[] = [];
  readonly #answers = new Map<number, { ok: (busId: string | undefined) => void; not: (error: Error) => void }>();

  readonly append = (number: number) => (): Promise<{ busId: string | undefined }> => {
    this.sent.push(number);
    return new Promise((resolve, reject) => {
      this.#answers.set(number, { ok: (busId) => resolve({ busId }), not: reject });
    });
  };

  async answers(number: number, busId: string | undefined = `${number}-0`): Promise<void> {
    this.#answers.get(number)!.ok(busId);
    await turns();
  }

  async fails(number: number): Promise<void> {
    this.#answers.get(number)!.not(new Error('late'));
    await turns();
  }
}

function world(size: number, reads: string | undefined, waitMs = 1_000) {
  const clock = new FakeClock();
  const redis = new Redis();
  const state = { reads };
  const window = new AppendWindow({ size, clock, waitMs, readId: () => state.reads });
  const outcomes: string[] = [];
  const append = (...numbers: readonly number[]): void => {
    for (const number of numbers)
      window.run(redis.append(number)).then(
        () => outcomes.push(`${number}`),
        (error: RoomRefused) => outcomes.push(`${number} ${error.code ?? error.message}`),
      );
  };
  const read = (id: string): void => {
    state.reads = id;
    window.read(id);
  };
  return { clock, redis, state, window, outcomes, append, read };
}

describe('the window of appends to a partition', () => {
  it('sends so many at once, and the next ones in order as Redis answers, where this node does not read', async () => {
    const at = world(2, undefined);
    at.append(1, 2, 3, 4);
    assert.deepEqual(at.redis.sent, [1, 2]);
    await at.redis.answers(1);
    at.append(5);
    assert.deepEqual(at.redis.sent, [1, 2, 3]);
    await at.redis.fails(2);
    await at.redis.answers(3);
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4, 5]);
    assert.deepEqual(at.outcomes, ['1', '2 late', '3']);
  });

  it('answers at once, and keeps the place until this node has read the record back', async () => {
    const at = world(2, '0-0');
    at.append(1, 2, 3, 4, 5);
    await at.redis.answers(1);
    await at.redis.answers(2);
    assert.deepEqual(
      [at.outcomes, at.redis.sent],
      [
        ['1', '2'],
        [1, 2],
      ],
    );
    at.read('1-0');
    assert.deepEqual(at.redis.sent, [1, 2, 3]);
    at.read('9-0');
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4]);
    await at.redis.answers(3); // read before it was answered
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4, 5]);
    await at.redis.answers(4, undefined); // a repeat has no entry
    at.append(6);
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4, 5, 6]);
  });

  it('waits for nothing that will not be read', async () => {
    const at = world(1, '0-0');
    at.append(1, 2, 3);
    await at.redis.answers(1);
    at.state.reads = undefined;
    at.window.forget();
    assert.deepEqual(at.redis.sent, [1, 2]);
    await at.redis.answers(2); // and nobody reads now
    assert.deepEqual(at.redis.sent, [1, 2, 3]);
  });

  it('waits no longer for a reader that is silent for a second, until it reads again', async () => {
    const at = world(1, '0-0', 10_000);
    at.append(1, 2, 3, 4);
    await at.redis.answers(1);
    at.clock.advance(900);
    assert.deepEqual(at.redis.sent, [1]);
    at.clock.advance(100);
    assert.deepEqual(at.redis.sent, [1, 2]);
    await at.redis.answers(2); // nobody waits for it
    assert.deepEqual(at.redis.sent, [1, 2, 3]);
    at.read('3-0');
    await at.redis.answers(3);
    await at.redis.answers(4);
    at.append(5);
    assert.deepEqual([at.redis.sent.length, at.clock.timers], [4, 1]);
    at.read('4-0');
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4, 5]);
  });

  it('does not refuse what waits long while Redis takes the others', async () => {
    const at = world(1, undefined);
    at.append(1, 2, 3, 4);
    for (const number of [1, 2, 3]) {
      at.clock.advance(900);
      await at.redis.answers(number);
    }
    assert.deepEqual(
      [at.outcomes, at.redis.sent],
      [
        ['1', '2', '3'],
        [1, 2, 3, 4],
      ],
    );
  });

  it('refuses what waits once Redis has taken nothing for too long', async () => {
    const at = world(1, undefined);
    at.append(1, 2);
    at.clock.advance(500);
    at.append(3);
    at.clock.advance(500);
    await at.redis.fails(1);
    assert.deepEqual(
      [at.outcomes, at.redis.sent],
      [
        ['1 late', '2 LOG_FAILED'],
        [1, 3],
      ],
    );
  });

  it('takes a reader for silent that has brought nothing for a second, not one that is slow', async () => {
    const at = world(2, '0-0', 10_000);
    at.append(1, 2, 3, 4);
    await at.redis.answers(1);
    await at.redis.answers(2);
    at.clock.advance(900);
    at.read('1-0');
    await at.redis.answers(3);
    at.clock.advance(900); // a second since it was first waited for, and less since it brought something
    assert.deepEqual(at.redis.sent, [1, 2, 3]);
    at.clock.advance(100);
    assert.deepEqual(at.redis.sent, [1, 2, 3, 4]);
  });

  it('does not refuse what waits while this node reads', async () => {
    const at = world(3, '0-0', 800);
    at.append(1, 2, 3, 4, 5);
    for (const number of [1, 2]) await at.redis.answers(number);
    at.clock.advance(700);
    at.read('1-0');
    at.clock.advance(700);
    at.read('2-0');
    await at.redis.fails(3);
    assert.deepEqual(
      [at.outcomes, at.redis.sent],
      [
        ['1', '2', '3 late'],
        [1, 2, 3, 4, 5],
      ],
    );
  });

  it('lets go of what was answered and read, also where there is always more', async () => {
    const at = world(100, '0-0');
    const records: WeakRef<object>[] = [];
    const append = (): void => {
      const record = { number: records.length + 1 };
      records.push(new WeakRef(record));
      void at.window.run(() => Promise.resolve({ busId: `${record.number}-0`, record }));
    };
    while (records.length < 200) append();
    for (let read = 1; read <= 5_000; read++) {
      append();
      await turns(1);
      at.read(`${read}-0`);
    }
    await collectGarbage();
    const held = records.filter((record) => record.deref() !== undefined).length;
    assert.ok(held >= 100 && held <= 300, `${held} records are held; 100 wait, 100 are not read`);
  });
});
