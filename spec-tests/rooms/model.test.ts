/**
 * Rooms against a simple model: random clients join, leave, send, repeat, stall, drain, break off and come back on either of two
 * nodes that share a log; each of them checks all that it hears.
 *
 * For each client: in order, nothing twice, every missing sequence announced, nothing announced that it has, the right text.
 * For each publisher: what was acknowledged is there, once, with the first text, and its receipt counts everybody who heard it as it came.
 * What a room says that waits for somebody is what that client is given when it drains. A run is a list of steps made from a
 * seed; a list that fails is cut down to one from which nothing can be left out, and printed.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GatherMs } from '../../lib/rooms/gather.ts';
import { Hub } from '../../lib/rooms/hub.ts';
import { type LogRecord, RoomRefused, type SlowPolicy } from '../../lib/rooms/log.ts';
import type { Eviction, Member } from '../../lib/rooms/member.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Item } from '../../lib/rooms/notices.ts';
import { formatPosition } from '../../lib/rooms/position.ts';
import type { Receipt } from '../../lib/rooms/receipts.ts';
import type { Room } from '../../lib/rooms/room.ts';
import { FakeClock } from '../support/clock.ts';
import { DelayedLog } from '../support/delayed-log.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

const ROOM = 'r';
const CLIENTS = 6;
const NODES = 2;
const POLICIES: readonly SlowPolicy[] = ['drop-oldest', 'drop-newest', 'coalesce', 'evict'];

/** One thing that happens. */
interface Step {
  readonly do:
    | 'join'
    | 'leave'
    | 'break'
    | 'send'
    | 'repeat'
    | 'stall'
    | 'drain'
    | 'advance'
    | 'flush'
    | 'lose'
    | 'fail'
    | 'sendInside'
    | 'leaveInside'
    | 'drainInside'
    | 'throw';
  readonly client: number;
  /** What the number means depends on the step. */
  readonly n: number;
}

interface Setup {
  readonly policy: SlowPolicy;
  readonly gatherMs: GatherMs;
  readonly maxHistoryRecords: number;
  readonly maxQueueBytes: number;
  readonly maxQueueAgeMs: number;
  readonly presenceMs: number;
  readonly delayed: boolean;
  /** `prepare` makes nothing of one message in seven. */
  readonly refuses: boolean;
  readonly steps: readonly Step[];
}

/** Everything that was ever appended, by sequence: the model. */
class Truth {
  readonly records: LogRecord[] = [];

  take(record: LogRecord): void {
    if (record.sequence === this.records.length + 1) this.records.push(record);
    else assert.deepEqual(record, this.records[record.sequence - 1]);
  }

  isSuperseded(sequence: number): boolean {
    const { coalesce } = this.records[sequence - 1]!;
    return coalesce !== undefined && this.records.slice(sequence).some((each) => each.coalesce === coalesce);
  }
}

/** A message that was published; without a receipt until it is acknowledged. */
interface Sent {
  readonly key: string;
  readonly text: string;
  /** The room of the node that it was published on, if that had members. */
  readonly room: Room<Item> | undefined;
  receipt: Receipt | undefined;
}

/** How many members of a room heard a record as it came, and not as replay; by room and sequence. */
class Live {
  readonly #heard = new Map<Room<Item> | undefined, Map<number, number>>();

  note(room: Room<Item> | undefined, sequence: number): void {
    const heard = this.#heard.get(room) ?? new Map<number, number>();
    this.#heard.set(room, heard.set(sequence, this.count(room, sequence) + 1));
  }

  count(room: Room<Item> | undefined, sequence: number): number {
    return this.#heard.get(room)?.get(sequence) ?? 0;
  }
}

/** Checks what it hears, and keeps what it had last for when it comes back. */
class Client {
  readonly truth: Truth;
  readonly live: Live;
  hub: Hub<Item> | undefined;
  member: Member<Item> | undefined;
  last: LogRecord | undefined;
  /** The first sequence that it has neither heard nor been told of; undefined before the welcome. */
  next: number | undefined;
  /** Records up to this one are replay. */
  replayTo = 0;
  /** How many values it still takes; the last of them with `backpressure`. */
  credit = Number.POSITIVE_INFINITY;
  throwsNext = false;
  inside: (() => void) | undefined;
  /** Records that it was given. */
  records = 0;

  constructor(truth: Truth, live: Live) {
    this.truth = truth;
    this.live = live;
  }

  deliver(item: Item): 'sent' | 'backpressure' | 'dropped' {
    assert.ok(this.member !== undefined, 'hears nothing after it has left');
    if (this.throwsNext) {
      this.throwsNext = false;
      throw new Error('this client throws');
    }
    if (this.credit <= 0) return 'dropped';
    this.credit--;
    this.hear(item);
    const { inside } = this;
    this.inside = undefined;
    inside?.();
    return this.credit > 0 ? 'sent' : 'backpressure';
  }

  hear(item: Item): void {
    if (item.type === 'welcome' || item.type === 'reset') this.replayTo = item.position.sequence;
    if (item.type === 'welcome') {
      assert.equal(this.next, undefined, 'welcome comes first');
      const first = item.position.sequence - item.replay + 1;
      if (item.resumed === 'resumed') this.next = item.gap?.from ?? first;
      else this.next = first;
      if (item.resumed === 'resumed' && this.last !== undefined)
        assert.ok(this.next <= this.last.sequence + 1, 'nothing is skipped at the beginning');
      return;
    }
    assert.notEqual(this.next, undefined, `${item.type} before the welcome`);
    if (item.type === 'record') {
      assert.equal(item.sequence, this.next, 'in order, without a hole');
      assert.equal(item, this.truth.records[item.sequence - 1], 'the very record');
      this.next = item.sequence + 1;
      this.last = item;
      this.records++;
      if (item.sequence > this.replayTo) this.live.note(this.hub?.find(ROOM), item.sequence);
    } else if (item.type === 'gap') {
      assert.equal(item.from, this.next, 'a gap begins where it stands');
      assert.ok(item.to >= item.from && item.to <= this.truth.records.length);
      if (item.coalesced)
        for (let sequence = item.from; sequence <= item.to; sequence++)
          assert.ok(this.truth.isSuperseded(sequence), `${sequence} has no later record with its key`);
      this.next = item.to + 1;
    }
  }

  evicted({ position, reason }: Eviction): void {
    assert.ok(
      position.epoch === '' ? !reason.includes('after=') : reason.endsWith(`after=${formatPosition(position)}`),
    );
    if (this.last !== undefined && position.sequence > 0 && this.next !== undefined)
      assert.ok(position.sequence < this.next, 'it has everything up to its position, or was told');
    this.gone();
  }

  gone(): void {
    this.member = undefined;
    this.next = undefined;
    this.credit = Number.POSITIVE_INFINITY;
    this.inside = undefined;
  }
}

/** Runs the steps, then lets everyone drain and checks that nobody is owed anything. */
async function run({ steps, delayed, refuses, ...setup }: Setup): Promise<void> {
  const clock = new FakeClock();
  const log = new MemoryLog({ clock, maxHistoryRecords: setup.maxHistoryRecords });
  const truth = new Truth();
  log.subscribe(ROOM, 0, { opened() {}, record: (record) => truth.take(record), gap() {}, reset() {}, failed() {} });
  const live = new Live();
  let broken: unknown;
  const logs = Array.from({ length: NODES }, () => new DelayedLog(log));
  const hubs = logs.map((each) => {
    const onError = (error: unknown): void => {
      // What a client checks is thrown inside `send`, and comes out here.
      if (error instanceof RoomRefused || (error instanceof Error && error.message === 'this client throws')) return;
      broken ??= error;
    };
    const prepare = (item: Item): Item | undefined => (refuses && isRefused(item) ? undefined : item);
    return new Hub<Item>({ ...setup, prepare, clock, log: delayed ? each : log, onError });
  });
  const clients = Array.from({ length: CLIENTS }, () => new Client(truth, live));
  const sent: Sent[] = [];

  const send = (n: number, client: number, key = `c${client}-${sent.length}`): void => {
    const text = `${key} ${n}`;
    const coalesce = n % 3 === 0 ? `k${n % 2}` : undefined;
    const policy = n % 5 === 0 ? POLICIES[n % 4] : undefined;
    const options = { key, coalesce, policy: policy === 'coalesce' && coalesce === undefined ? undefined : policy };
    const hub = hubs[n % NODES]!;
    const message: Sent = { key, text, room: hub.find(ROOM), receipt: undefined };
    sent.push(message); // before publishing, inside which others may send
    hub.publish(ROOM, text, options).then(
      (receipt) => {
        message.receipt = receipt;
      },
      (error: unknown) => {
        broken ??= error;
      },
    );
  };

  const join = (client: Client, n: number): void => {
    if (client.member !== undefined) return;
    const hub = hubs[n % NODES]!;
    const member = hub.member<undefined>({
      send: (item) => client.deliver(item),
      evicted: (eviction) => client.evicted(eviction),
    });
    client.hub = hub;
    client.member = member;
    const after = n % 4 === 0 || client.last === undefined ? undefined : formatPosition(client.last);
    if (after === undefined) client.last = undefined;
    member.join(ROOM, { after, as: `name${n % 5}` });
  };

  const leave = (client: Client): void => {
    const { member } = client;
    client.gone();
    member?.close();
  };

  const queued = (): number => hubs.reduce((sum, hub) => sum + (hub.find(ROOM)?.queued ?? 0), 0);

  const drain = (client: Client, n: number): void => {
    client.credit = n === 0 ? Number.POSITIVE_INFINITY : n;
    const before = queued() + client.records;
    const isAlone = !client.throwsNext && client.inside === undefined && !refuses;
    client.member?.drained();
    if (isAlone) assert.equal(queued() + client.records, before, 'what waited is what it was given');
  };

  for (const step of steps) {
    const client = clients[step.client]!;
    const { n } = step;
    if (step.do === 'join') join(client, n);
    else if (step.do === 'leave') leave(client);
    else if (step.do === 'break') {
      leave(client);
      join(client, n);
    } else if (step.do === 'send') send(n, step.client);
    else if (step.do === 'repeat' && sent.length > 0) send(n, step.client, sent[n % sent.length]!.key);
    else if (step.do === 'stall') client.credit = n % 4;
    else if (step.do === 'drain') drain(client, n % 5);
    else if (step.do === 'advance') clock.advance(n);
    else if (step.do === 'flush') logs[n % NODES]!.flush(1 + (n % 7));
    else if (step.do === 'lose') logs[n % NODES]!.lose(1 + (n % 3));
    else if (step.do === 'fail' && n < 20) logs[n % NODES]!.fail();
    else if (step.do === 'sendInside') client.inside = () => send(n, step.client);
    else if (step.do === 'leaveInside') client.inside = () => leave(clients[n % CLIENTS]!);
    else if (step.do === 'drainInside') client.inside = () => drain(clients[n % CLIENTS]!, 0);
    else if (step.do === 'throw') client.throwsNext = client.member !== undefined;
    await settled();
    if (broken !== undefined) throw broken;
  }

  for (let i = 0; i < 3; i++) {
    for (const each of logs) each.flush();
    clock.advance(100);
    await settled();
    for (const client of clients) {
      client.throwsNext = false;
      drain(client, 0);
    }
  }
  if (broken !== undefined) throw broken;
  checkEnd(truth, clients, sent);
  checkReceipts(live, sent);
  await Promise.all(hubs.map((hub) => hub.close()));
  for (const client of clients) assert.equal(client.member, undefined, 'closing lets go of everyone');
  await log.close();
}

function checkEnd(truth: Truth, clients: readonly Client[], sent: readonly Sent[]): void {
  const first = new Map<string, { text: string; sequence: number }>();
  for (const { key, text, receipt } of sent) {
    assert.ok(receipt !== undefined, `${key} was never acknowledged`);
    const got = receipt.sequence;
    const before = first.get(key);
    if (before === undefined) first.set(key, { text, sequence: got });
    else assert.equal(got, before.sequence, 'a repeat has the first number');
  }
  assert.equal(truth.records.length, first.size, 'each message once');
  for (const { text, sequence } of first.values()) assert.equal(truth.records[sequence - 1]?.data, text);
  for (const { member, next } of clients)
    if (member !== undefined) assert.equal(next, truth.records.length + 1, 'nobody is owed anything');
}

/** Everybody who heard a record as it came is counted in its receipt, where its publisher's node had members. */
function checkReceipts(live: Live, sent: readonly Sent[]): void {
  for (const { room, receipt } of sent) {
    if (room === undefined || receipt === undefined || receipt.duplicate) continue;
    const heard = live.count(room, receipt.sequence);
    const counts = `${receipt.sequence}: sent ${receipt.sent}, queued ${receipt.queued}, heard ${heard}`;
    assert.ok(receipt.sent <= heard && heard <= receipt.sent + receipt.queued, counts);
  }
}

function isRefused(item: Item): boolean {
  return item.type === 'record' && item.sequence % 7 === 0;
}

/** Long enough for every promise that can settle. */
async function settled(): Promise<void> {
  for (let i = 0; i < 6; i++) await Promise.resolve();
}

function randomSetup(random: Random): Setup {
  const kinds: readonly Step['do'][] = [
    ...(['join', 'join', 'join', 'leave', 'break', 'break', 'send', 'send', 'send', 'send', 'send', 'send'] as const),
    ...(['repeat', 'stall', 'stall', 'drain', 'drain', 'advance', 'flush', 'flush', 'flush', 'lose', 'fail'] as const),
    ...(['sendInside', 'leaveInside', 'drainInside', 'throw'] as const),
  ];
  return {
    policy: random.pick(POLICIES),
    gatherMs: random.pick([0, 0, 5, 'auto']),
    maxHistoryRecords: random.pick([0, 1, 3, 20, 100]),
    maxQueueBytes: random.pick([0, 100, 300, 1_000, 100_000]),
    maxQueueAgeMs: random.pick([20, 1_000, 30_000]),
    presenceMs: random.pick([0, 10]),
    delayed: random.chance(0.6),
    refuses: random.chance(0.3),
    steps: Array.from({ length: random.between(5, 80) }, () => ({
      do: random.pick(kinds),
      client: random.below(CLIENTS),
      n: random.below(60),
    })),
  };
}

const failure = (setup: Setup): Promise<Error | undefined> =>
  run(setup).then(
    () => undefined,
    (error: unknown) => error as Error,
  );

/** Leaves out steps, many at a time and then one by one, as long as what is left still fails. */
async function shrink(setup: Setup): Promise<Setup> {
  let { steps } = setup;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if ((await failure({ ...setup, steps: fewer })) !== undefined) steps = fewer;
      else at += size;
    }
  }
  return { ...setup, steps };
}

describe('rooms against a model', () => {
  it(`everyone hears everything in order, once, or is told what is missing (${SEED_NOTE})`, {
    timeout: 120_000,
  }, async () => {
    const random = new Random(12);
    for (let i = 0; i < 5_000; i++) {
      const setup = randomSetup(random);
      const error = await failure(setup);
      if (error === undefined) continue;
      const small = await shrink(setup);
      const why = (await failure(small)) ?? error;
      assert.fail(`${SEED_NOTE}, run ${i}: ${why.message}\n${JSON.stringify(small)}\n${why.stack ?? ''}`);
    }
  });
});
