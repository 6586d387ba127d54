/** Sweeps: who is looked at, how often, and that a stall of our own is nobody else's fault. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, type Sweepable, Sweeper } from '../../lib/net/sweeper.ts';

/** A clock whose interval fires when the test says so, as late as it says. */
function stallingClock(): { clock: Clock; fireAt(ms: number): void; running(): boolean } {
  let nowMs = 0;
  let callback: (() => void) | undefined;
  return {
    clock: {
      now: () => nowMs,
      every(_, each) {
        callback = each;
        return () => {
          callback = undefined;
        };
      },
      after: () => () => {},
    },
    fireAt(ms) {
      nowMs = ms;
      callback?.();
    },
    running: () => callback !== undefined,
  };
}

describe('the sweeper', () => {
  it('looks at every member each time, and runs no timer without members', () => {
    const { clock, fireAt, running } = stallingClock();
    const sweeper = new Sweeper(clock);
    sweeper.expect(400);
    assert.equal(running(), false);
    const seen: number[] = [];
    const member = { sweep: (nowMs: number) => seen.push(nowMs) };
    sweeper.add(member);
    sweeper.add(member);
    for (const ms of [100, 210, 300]) fireAt(ms);
    assert.deepEqual(seen, [100, 210, 300]);
    assert.equal(sweeper.size, 1);
    sweeper.delete(member);
    assert.equal(running(), false);
  });

  it('leaves nobody out when members come and go during a sweep', () => {
    const { clock, fireAt } = stallingClock();
    const sweeper = new Sweeper(clock);
    const seen: string[] = [];
    const members = new Map<string, Sweepable>();
    const member = (name: string, then: () => void = () => {}): void => {
      const made: Sweepable = {
        sweep() {
          seen.push(name);
          then();
        },
      };
      members.set(name, made);
      sweeper.add(made);
    };
    const remove = (...names: string[]): void => {
      for (const name of names) sweeper.delete(members.get(name)!);
    };
    for (const name of ['a', 'b', 'c']) member(name);
    member('removes itself', () => remove('removes itself'));
    for (const name of ['d', 'e', 'f']) member(name);
    member('removes others', () => remove('a', 'e', 'f', 'removes others'));
    member('adds', () => {
      if (!members.has('added')) member('added');
    });
    member('g');
    fireAt(1_000);
    for (const name of ['b', 'c', 'd', 'g', 'adds', 'removes itself', 'removes others'])
      assert.ok(seen.includes(name), `${name} was looked at`);
    for (const name of ['a', 'e', 'f']) assert.ok(!seen.includes(name), `${name} had gone`);
    assert.equal(sweeper.size, 6);
    remove('b', 'c', 'd', 'g', 'adds', 'added', 'b');
    assert.equal(sweeper.size, 0);
  });

  it('a sweep that comes late because the process was busy judges nobody; the next one does', () => {
    const { clock, fireAt } = stallingClock();
    const sweeper = new Sweeper(clock);
    sweeper.expect(400);
    const seen: number[] = [];
    sweeper.add({ sweep: (nowMs) => seen.push(nowMs) });
    fireAt(100);
    fireAt(5_000); // what arrived meanwhile has not been read yet
    fireAt(5_100);
    fireAt(5_400); // late again: left out
    fireAt(5_500);
    assert.deepEqual(seen, [100, 5_100, 5_500]);
  });

  it('where every sweep is late, every second one judges: reads have had their turn since', () => {
    const { clock, fireAt } = stallingClock();
    const sweeper = new Sweeper(clock);
    const seen: number[] = [];
    sweeper.add({ sweep: (nowMs) => seen.push(nowMs) });
    for (let ms = 2_200; ms <= 13_200; ms += 2_200) fireAt(ms);
    assert.deepEqual(seen, [4_400, 8_800, 13_200]);
  });

  it('the time before the first member is no stall', () => {
    const { clock, fireAt } = stallingClock();
    const sweeper = new Sweeper(clock);
    sweeper.expect(400);
    fireAt(10_000);
    const seen: number[] = [];
    sweeper.add({ sweep: (nowMs) => seen.push(nowMs) });
    fireAt(10_100);
    assert.deepEqual(seen, [10_100]);
  });
});
