/**
 * What rooms cost beside the writes: publishing, joining, replaying, and a ticker of many topics whose members are slow.
 *
 * No sockets: a delivery here is a function call, where a real one is a write of some microseconds. Contenders take short turns
 * one after the other, medians over the rounds; ratios are to a loop that does the least that could do.
 * `node dist/bench/core/rooms.js`
 */

import { Hub } from '../../lib/rooms/hub.ts';
import type { Clock } from '../../lib/rooms/log.ts';
import type { Member } from '../../lib/rooms/member.ts';
import { columns, median } from '../wire/report.ts';

const ROUNDS = 21;
let taken = 0;

interface Contender {
  readonly name: string;
  /** Does the job `count` times. */
  run(count: number): void | Promise<void>;
}

/** A clock that stands still until it is moved; what falls due is called in order. */
class HandClock implements Clock {
  #now = 1;
  #timers: { dueMs: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { dueMs: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ dueMs }) => dueMs <= this.#now);
    this.#timers = this.#timers.filter(({ dueMs }) => dueMs > this.#now);
    for (const { callback } of due) callback();
  }
}

const deliver = (): 'sent' => {
  taken++;
  return 'sent';
};
const evicted = (): void => {
  throw new Error('a member was let go');
};
const prepare = (item: { readonly type: string }): object | undefined =>
  item.type === 'record' ? { item } : undefined;

/** Nanoseconds of one job for each contender, medians, and the ratio of the last to each. */
async function measure(title: string, count: number, contenders: readonly Contender[]): Promise<string[][]> {
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { run }] of contenders.entries()) {
      const before = process.hrtime.bigint();
      await run(count);
      times[i]!.push(Number(process.hrtime.bigint() - before) / count);
    }
  }
  const last = times.at(-1)!;
  return contenders.map(({ name }, i) => [
    `${title}: ${name}`,
    median(times[i]!).toFixed(0),
    `${median(times[i]!.map((each, round) => last[round]! / each)).toFixed(2)}x`,
  ]);
}

/** Publishing to members that take everything: against a counter, a ring and a loop over a Set. */
async function publishing(): Promise<void> {
  const lines: string[][] = [['publish', 'ns', 'ratio']];
  for (const size of [1, 10, 100, 1_000]) {
    const hub = new Hub<object>({ prepare, presenceMs: 0 });
    const members = new Set<{ send: () => 'sent' }>();
    for (let i = 0; i < size; i++) {
      hub.member({ send: deliver, evicted }).join('r');
      members.add({ send: () => deliver() });
    }
    const ring: object[] = [];
    let sequence = 0;
    const rooms = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const receipt = hub.publish('r', 'hello');
        if (i % 32 === 31) await receipt;
      }
    };
    const loop = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const record = { sequence: ++sequence, data: 'hello' };
        ring[sequence % 100] = record;
        for (const member of members) member.send();
      }
    };
    const count = Math.ceil(100_000 / size);
    lines.push(
      ...(await measure(`to ${size}`, count, [
        { name: 'rooms', run: rooms },
        { name: 'a loop', run: loop },
      ])),
    );
  }
  process.stdout.write(`${columns(lines)}\n`);
}

/** A thousand joins a second into a room until it has so many members. */
function joining(): void {
  const lines: string[][] = [['join, until there are', 'ns each', 'deliveries each']];
  for (const size of [10, 100, 1_000, 10_000]) {
    const times: number[] = [];
    let deliveries = 0;
    for (let round = 0; round < (size > 1_000 ? 3 : 11); round++) {
      const clock = new HandClock();
      const hub = new Hub<object>({ prepare: (item) => item, clock });
      taken = 0;
      const before = process.hrtime.bigint();
      for (let i = 0; i < size; i++) {
        hub.member({ send: deliver, evicted }).join('r', { as: `member ${i}` });
        clock.advance(1);
      }
      times.push(Number(process.hrtime.bigint() - before) / size);
      deliveries = taken / size;
    }
    lines.push([String(size), median(times).toFixed(0), deliveries.toFixed(2)]);
  }
  process.stdout.write(`${columns(lines)}\n`);
}

/** A thousand members come back, each for a thousand records. */
async function replaying(): Promise<void> {
  const records = 1_000;
  const hub = new Hub<object>({ prepare, presenceMs: 0, maxHistoryRecords: records, maxHistoryBytes: 1_000_000 });
  hub.member({ send: deliver, evicted }).join('r');
  const { position } = await hub.publish('r', 'first');
  for (let i = 0; i < records; i++) await hub.publish('r', 'hello');
  const list = Array.from({ length: records }, (_, i) => ({ i }));
  const lines = await measure('replay of 1,000', 100, [
    {
      name: 'rooms',
      run(count) {
        for (let i = 0; i < count; i++) {
          const member = hub.member({ send: deliver, evicted });
          member.join('r', { after: position });
          member.close();
        }
      },
    },
    {
      name: 'a loop',
      run(count) {
        for (let i = 0; i < count; i++) {
          const member = { send: () => deliver() };
          for (const each of list) if (each !== undefined) member.send();
        }
      },
    },
  ]);
  process.stdout.write(`${columns([['', 'ns', 'ratio'], ...lines])}\n`);
}

/** 500 topics, 5,000 members of 20 topics each; half of them take 20 values at every tenth tick only. */
async function ticker(): Promise<void> {
  const topics = 500;
  const ticks = 20;
  const lines: string[][] = [['ticker', 'ns for each value due', 'coalesced', 'slow members are up to date in']];
  for (const coalesce of [false, true]) {
    const hub = new Hub<{ readonly topic: string; readonly tick: string }>({
      prepare: (item, { name }) => (item.type === 'record' ? { topic: name, tick: String(item.data) } : undefined),
      presenceMs: 0,
      policy: 'drop-oldest',
      maxHistoryRecords: 1,
    });
    const slow: { readonly member: Member<object>; readonly seen: Map<string, string> }[] = [];
    for (let i = 0; i < 5_000; i++) {
      const seen = new Map<string, string>();
      const isSlow = i % 2 === 1;
      const slowly = ({ topic, tick }: { readonly topic: string; readonly tick: string }): 'backpressure' => {
        seen.set(topic, tick);
        return 'backpressure';
      };
      const member = hub.member({ send: isSlow ? slowly : deliver, evicted });
      if (isSlow) slow.push({ member, seen });
      for (let j = 0; j < 20; j++) member.join(`topic ${(i * 7 + j * 25) % topics}`);
    }
    let due = 0;
    let coalesced = 0;
    const before = process.hrtime.bigint();
    for (let tick = 1; tick <= ticks; tick++) {
      for (let topic = 0; topic < topics; topic++) {
        const receipt = await hub.publish(`topic ${topic}`, String(tick), coalesce ? { coalesce: 'price' } : {});
        due += receipt.sent + receipt.queued;
        coalesced += receipt.coalesced;
      }
      if (tick % 10 === 0) for (const { member } of slow) for (let i = 0; i < 20; i++) member.drained();
    }
    const each = Number(process.hrtime.bigint() - before) / due;
    const current = slow.reduce(
      (sum, { seen }) => sum + [...seen.values()].filter((at) => at === String(ticks)).length,
      0,
    );
    lines.push([
      coalesce ? 'coalesced' : 'all of it',
      each.toFixed(0),
      `${((100 * coalesced) / due).toFixed(0)} %`,
      `${(current / slow.length).toFixed(1)} of 20 topics`,
    ]);
  }
  process.stdout.write(`${columns(lines)}\n`);
}

await publishing();
joining();
await replaying();
await ticker();
