/** Group commit: what goes together, and how that adapts. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GroupCommit, type GroupCommitLimits } from '../../lib/room-logs/group-commit.ts';

const WIDE: GroupCommitLimits = { maxPendingBytes: 1_000_000, maxPendingJobs: 10_000, maxCommitBytes: 1_000_000 };

/** A group commit whose commits end when they are told to. */
class Held {
  readonly commits: (readonly string[])[] = [];
  readonly group: GroupCommit<string>;
  #end = (): void => undefined;

  constructor(limits: Partial<GroupCommitLimits> = {}) {
    this.group = new GroupCommit<string>({ ...WIDE, ...limits }, (jobs, release) => {
      this.commits.push(jobs);
      return new Promise((resolve) => {
        this.#end = () => {
          release();
          resolve();
        };
      });
    });
  }

  /** Resolves when the commit of that number has begun. */
  async begun(count: number): Promise<void> {
    while (this.commits.length < count) await turn();
  }

  end(): void {
    this.#end();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How many commits publishers need that publish so many times each, some of whom come back a few turns later. */
async function commitsOf(publishers: number, times: number): Promise<number> {
  let commits = 0;
  const answers = new Map<number, () => void>();
  const group = new GroupCommit<number>(WIDE, async (jobs, release) => {
    commits++;
    const until = performance.now() + 5;
    while (performance.now() < until) await turn();
    release();
    for (const job of jobs) answers.get(job)?.();
  });
  const publisher = async (number: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await new Promise<void>((resolve) => {
        answers.set(number, resolve);
        group.add(number, 1);
      });
      for (let turns = number % 3; turns > 0; turns--) await turn(); // as over a socket
    }
  };
  await Promise.all(Array.from({ length: publishers }, (_, i) => publisher(i)));
  return commits;
}

describe('group commit', () => {
  it('sends what is added in one turn together, at its end, and what comes meanwhile in the next commit', async () => {
    const held = new Held();
    for (const job of ['a', 'b']) held.group.add(job, 1);
    assert.deepEqual(held.commits, [], 'not within the turn');
    await held.begun(1);
    for (const job of ['c', 'd', 'e']) {
      held.group.add(job, 1);
      await turn();
    }
    assert.equal(held.commits.length, 1, 'one at a time');
    held.end();
    await held.begun(2);
    held.end();
    await held.group.idle();
    assert.deepEqual(held.commits, [
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    assert.equal(held.group.pendingJobs, 0);
  });

  it('gathers publishers that each wait for their answer into one commit each time', async () => {
    // A machine that is busy with other things makes turns long, and then nobody is waited for: the best of three.
    const runs: number[] = [];
    for (let run = 0; run < 3; run++) runs.push(await commitsOf(100, 10));
    assert.ok(Math.min(...runs) <= 14, `${runs.join(', ')} commits for 1,000 jobs`); // 15 without waiting
  });

  it('closes a commit at its bound; a job that is larger goes alone', async () => {
    const held = new Held({ maxCommitBytes: 10 });
    for (const [job, bytes] of [
      ['a', 4],
      ['b', 6],
      ['c', 1],
      ['huge', 50],
      ['d', 1],
    ] as const)
      held.group.add(job, bytes);
    for (let count = 1; count <= 4; count++) {
      await held.begun(count);
      held.end();
    }
    await held.group.idle();
    assert.deepEqual(held.commits, [['a', 'b'], ['c'], ['huge'], ['d']]);
  });

  it('has room again before those who are answered ask for it', async () => {
    let again: boolean | undefined;
    const group: GroupCommit<string> = new GroupCommit<string>({ ...WIDE, maxPendingJobs: 1 }, async (_, release) => {
      assert.equal(group.add('early', 1), false);
      release();
      again ??= group.add('b', 1);
    });
    assert.equal(group.add('a', 1), true);
    assert.equal(group.add('b', 1), false);
    await group.idle();
    assert.equal(again, true);
  });
});
