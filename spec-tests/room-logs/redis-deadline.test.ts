/** One timer for all who wait for Redis: each is late at its own time, and none is held once it was answered. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline } from '../../lib/room-logs/redis-deadline.ts';
import type { Clock } from '../../lib/rooms/index.ts';

/** A clock that is moved by hand, and counts the timers that are set. */
class HandClock implements Clock {
  nowMs = 0;
  readonly timers = new Map<() => void, number>();
  now(): number {
    return this.nowMs;
  }
  after(ms: number, callback: () => void): () => void {
    this.timers.set(callback, this.nowMs + ms);
    return () => this.timers.delete(callback);
  }
  /** Goes on millisecond by millisecond, and lets promises settle. */
  async move(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs++;
      for (const [callback, atMs] of this.timers) if (atMs <= this.nowMs && this.timers.delete(callback)) callback();
      await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const never = (): Promise<unknown> => new Promise(() => undefined);

describe('the deadline of commands', () => {
  it('rejects each at its own time, with one timer', async () => {
    const clock = new HandClock();
    const deadline = new Deadline(clock, 100);
    const lateAtMs: number[] = [];
    const wait = (): void => {
      deadline.of(never()).catch((error: Error) => {
        assert.match(error.message, /did not answer within 100 ms/);
        lateAtMs.push(clock.nowMs);
      });
    };
    wait();
    await clock.move(30);
    wait();
    await clock.move(30);
    wait();
    assert.equal(clock.timers.size, 1);
    await clock.move(39);
    assert.deepEqual(lateAtMs, []);
    await clock.move(1);
    assert.equal(lateAtMs.length, 1);
    await clock.move(100);
    assert.deepEqual(lateAtMs, [100, 130, 160]);
    assert.equal(clock.timers.size, 0);
  });

  it('passes on what comes in time, answer or error, and then sets no timer again', async () => {
    const clock = new HandClock();
    const deadline = new Deadline(clock, 100);
    assert.equal(await deadline.of(Promise.resolve('answer')), 'answer');
    await assert.rejects(deadline.of(Promise.reject(new Error('refused'))), /refused/);
    assert.equal(clock.timers.size, 1);
    await clock.move(100);
    assert.equal(clock.timers.size, 0);
  });

  it('leaves no timer behind when it is closed', async () => {
    const clock = new HandClock();
    const deadline = new Deadline(clock, 100);
    await deadline.of(Promise.resolve('answer'));
    deadline.close();
    assert.equal(clock.timers.size, 0);
  });
});
