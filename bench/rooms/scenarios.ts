/**
 * What is measured of rooms: each scenario runs its contenders in turns, several rounds, and says what was wanted.
 *
 * A round starts a server of its own, lets a crowd join, warms up, and measures. Ratios are taken round by round.
 * Sections: rounds, one for each kind of load; the scenarios. Read next: `run.ts`.
 */

import { startRedis } from '../../spec-tests/integration/redis-server.ts';
import { Crowd, Publisher, textOf } from './crowd.ts';
import { type RoomServer, startRoomServer } from './processes.ts';
import { type PeerId, type ServerTask, TOPICS } from './server.ts';

/** What one round brings. Figures that a scenario does not have are missing. */
export interface Figures {
  /** Server CPU time of one delivery (or join), kernel included, in microseconds. */
  readonly cpuUs: number;
  /** From when a message was due until the last member had it, in milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  /** Share of the messages that everybody had by the end. */
  readonly complete?: number;
  /** Octets a second that reached the members, in millions. */
  readonly megabytes?: number;
}

export interface Contender {
  readonly name: string;
  readonly round: () => Promise<Figures>;
}

/** `of` divided by the same figure of `than` must be within `most` or `least`. Without `than`, the figure itself. */
export interface Wanted {
  readonly figure: keyof Figures;
  readonly of: string;
  readonly than?: string;
  readonly most?: number;
  readonly least?: number;
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly rounds: number;
  /** How long a round of one contender takes, about: its pace, its warm-up, and until all have joined. */
  readonly roundSeconds: number;
  readonly contenders: readonly Contender[];
  readonly wanted: readonly Wanted[];
}

// Rounds

interface RoomLoad {
  readonly members: number;
  readonly bytes: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** One more member joins and stops reading. */
  readonly stuck?: boolean;
  /** Servers that share the room; the first is published to. */
  readonly nodes?: number;
  /** Messages before anything is measured, at the same pace. Default: those of one second. */
  readonly warmUp?: number;
  /** How fast those come; by default as fast as the measured ones. */
  readonly warmUpPerSecond?: number;
}

/** Until what the servers run has been compiled: after one second 20 members at 400 messages a second cost a third more than after eight. */
const WARM_UP_SECONDS = 8;
/**
 * For rooms with few messages a second, whose requests would still be compiled while they are measured: what 400 members at 50 a second
 * cost above bare `net` was 0.6 to 1.5 µs after 150 messages and 0.1 to 0.4 after 1,000. Sent three times as fast as measured.
 */
const WARM_UP_MESSAGES = 1_000;
const WARM_UP_PACE = 3;
const COMPLETE_WITHIN_MS = 5_000;
const JOINS_PER_SECOND = 200;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function cpuOf(servers: readonly RoomServer[]): Promise<number> {
  const all = await Promise.all(servers.map((server) => server.cpuUs()));
  return all.reduce((sum, each) => sum + each, 0);
}

/** Messages at a fixed pace to everyone in one room. */
async function roomRound(task: ServerTask, load: RoomLoad): Promise<Figures> {
  const { bytes, perSecond, seconds, nodes = 1, stuck = false, warmUp = perSecond, warmUpPerSecond = perSecond } = load;
  const members = load.members / nodes + (stuck ? 1 : 0);
  const servers = await Promise.all(Array.from({ length: nodes }, () => startRoomServer(task)));
  const crowds = servers.map(({ port }) => new Crowd({ peer: task.peer, port, members, bytes, rooms: () => 'r' }));
  const publisher = new Publisher(servers[0]!.port);
  const publish = (i: number): void => publisher.post('/publish/r', textOf(i, bytes));
  const completedAt = (i: number): number | undefined => {
    const times = crowds.map((crowd) => crowd.completedAtMs[i]);
    return times.includes(undefined) ? undefined : Math.max(...(times as number[]));
  };
  const everyoneHas = (i: number) => async (): Promise<unknown> =>
    Promise.all(crowds.map((crowd) => crowd.when(() => crowd.completedAtMs[i] !== undefined, COMPLETE_WITHIN_MS)));
  try {
    for (const crowd of crowds) await crowd.open();
    if (stuck) crowds[0]!.stick(members - 1);
    await publisher.pace(warmUp, warmUpPerSecond, publish);
    await everyoneHas(warmUp - 1)();
    const deliveries = (): number => crowds.reduce((sum, crowd) => sum + crowd.deliveries, 0);
    const [cpuBefore, deliveredBefore] = [await cpuOf(servers), deliveries()];
    const count = perSecond * seconds;
    const due = await publisher.pace(count, perSecond, (i) => publish(warmUp + i));
    await everyoneHas(warmUp + count - 1)();
    const nowMs = performance.now();
    const cpuUs = ((await cpuOf(servers)) - cpuBefore) / (deliveries() - deliveredBefore);
    const done = due.map((_, i) => completedAt(warmUp + i));
    const latencies = due.map((at, i) => (done[i] ?? nowMs) - at);
    const complete = done.filter((at) => at !== undefined).length / count;
    return { cpuUs, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), complete };
  } finally {
    publisher.close();
    for (const crowd of crowds) crowd.close();
    for (const server of servers) await server.stop();
  }
}

/** The same with nodes that share a Redis of their own. */
async function redisRound(task: ServerTask, load: RoomLoad): Promise<Figures> {
  const redis = await startRedis();
  try {
    return await roomRound({ ...task, redisPort: redis.port }, { ...load, nodes: 2 });
  } finally {
    await redis.stop();
  }
}

/** Members that come back at once for all that they missed. */
async function resumeRound(peer: PeerId, members: number, records: number, bytes: number): Promise<Figures> {
  const hub = { maxHistoryRecords: records + 1, maxHistoryBytes: 2 * records * bytes };
  const server = await startRoomServer({ peer, hub, frames: { count: records, bytes } });
  const publisher = new Publisher(server.port);
  let after = '';
  if (peer === 'barewire') {
    after = await publisher.ask('/record/r', 'first');
    for (let i = 0; i < records; i++) await publisher.ask('/record/r', textOf(i, bytes));
  }
  const options = { peer, port: server.port, members, bytes, rooms: () => `r?after=${after}`, fromTheStart: true };
  const comeBack = async (): Promise<Figures> => {
    const crowd = new Crowd(options);
    const cpuBefore = await server.cpuUs();
    const startedMs = performance.now();
    await crowd.open();
    const complete = await crowd.when(() => crowd.completedAtMs[records - 1] !== undefined, 30_000);
    const tookMs = performance.now() - startedMs;
    const cpuUs = ((await server.cpuUs()) - cpuBefore) / crowd.deliveries;
    crowd.close();
    return { cpuUs, megabytes: crowd.octets / 1_000 / tookMs, complete: complete ? 1 : 0 };
  };
  // Until the code is compiled, as in a server that has run for a while; the times have settled at the fourth.
  for (let i = 0; i < 3; i++) {
    await comeBack();
    await pause(300); // so that nothing of one time is counted in the next
  }
  const figures = await comeBack();
  publisher.close();
  await server.stop();
  return figures;
}

/**
 * Joins into a room that has so many members, all of whom are told of them. A room of n members waits max(100, n) ms and tells
 * once: the joins last as long as that at the least, so that what is told is counted too.
 */
async function joinRound(members: number): Promise<Figures> {
  const server = await startRoomServer({ peer: 'barewire', presence: true });
  const options = { peer: 'barewire', port: server.port, bytes: 8, uncompared: true } as const;
  const others = new Crowd({ ...options, members: 400, rooms: () => 'another' });
  const crowd = new Crowd({ ...options, members, rooms: () => 'r' });
  const atOnce = 20;
  const joins = Math.max(400, Math.ceil((members * JOINS_PER_SECOND) / 1_000 / atOnce) * atOnce);
  try {
    await others.open(); // the code is compiled then, whatever the size of the room
    await crowd.open();
    await pause(Math.max(500, 2 * members));
    const [cpuBefore, octetsBefore] = [await server.cpuUs(), crowd.octets];
    const startedMs = performance.now();
    for (let joined = 0; joined < joins; joined += atOnce) {
      await crowd.open(atOnce);
      await pause(startedMs + ((joined + atOnce) * 1_000) / JOINS_PER_SECOND - performance.now());
    }
    await pause(200);
    const cpuUs = ((await server.cpuUs()) - cpuBefore) / joins;
    return { cpuUs, complete: crowd.octets > octetsBefore + members ? 1 : 0 };
  } finally {
    others.close();
    crowd.close();
    await server.stop();
  }
}

/** A ticker: 500 topics, members of 20 topics each, one message in every topic at each tick. */
async function tickerRound(peer: PeerId, members: number, ticks: number): Promise<Figures> {
  const each = 20;
  const server = await startRoomServer({ peer, hub: { policy: 'coalesce', maxHistoryRecords: 1 } });
  const rooms = (i: number): string =>
    Array.from({ length: each }, (_, j) => `t${(i * 7 + j * 25) % TOPICS}`).join(',');
  const crowd = new Crowd({ peer, port: server.port, members, bytes: 12, rooms, uncompared: true });
  const publisher = new Publisher(server.port);
  await crowd.open();
  const perTick = members * each;
  const begun = crowd.octets;
  const tick = async (i: number): Promise<number> => {
    const startedMs = performance.now();
    publisher.post('/tick', textOf(i, 8));
    const wanted = begun + (i + 1) * perTick * crowd.frameBytes;
    if (!(await crowd.when(() => crowd.octets >= wanted, 30_000))) throw new Error(`${peer}: a tick did not arrive`);
    return performance.now() - startedMs;
  };
  await tick(0);
  await tick(1);
  const cpuBefore = await server.cpuUs();
  const times: number[] = [];
  for (let i = 2; i < ticks + 2; i++) times.push(await tick(i));
  const cpuUs = ((await server.cpuUs()) - cpuBefore) / (ticks * perTick);
  const exact = crowd.octets === begun + (ticks + 2) * perTick * crowd.frameBytes;
  crowd.close();
  publisher.close();
  await server.stop();
  return { cpuUs, p50: percentile(times, 0.5), p99: percentile(times, 0.99), complete: exact ? 1 : 0 };
}

// The scenarios

/** About: a second or two until the server listens and all members have joined. */
const roundSecondsOf = ({ seconds, perSecond, warmUp = perSecond, warmUpPerSecond = perSecond }: RoomLoad): number =>
  Math.round(2 + warmUp / warmUpPerSecond + seconds);

const room = (name: string, task: ServerTask, load: RoomLoad): Contender => ({
  name,
  round: () => roomRound(task, load),
});
const peers = (load: RoomLoad): Contender[] =>
  (['barewire', 'socket.io', 'uws'] as const).map((peer) => room(peer, { peer }, load));

function chat(members: number, perSecond: number): Scenario {
  const warm = { warmUp: WARM_UP_MESSAGES, warmUpPerSecond: WARM_UP_PACE * perSecond };
  const load = { members, bytes: 100, perSecond, seconds: 5, ...warm };
  return {
    id: `chat-${members}`,
    title: `${members} members, ${perSecond} messages a second, one by one`,
    rounds: 5,
    roundSeconds: roundSecondsOf(load),
    contenders: [...peers(load), room('net (the floor)', { peer: 'net' }, load)],
    wanted: [
      { figure: 'cpuUs', of: 'barewire', than: 'socket.io', most: 0.6 },
      { figure: 'p99', of: 'barewire', than: 'socket.io', most: 1 },
      { figure: 'complete', of: 'barewire', least: 1 },
    ],
  };
}

function busy(gatherMs: number): Scenario {
  const load = { members: 1_000, bytes: 100, perSecond: 1_000, seconds: 3 };
  return {
    id: `busy-${gatherMs}`,
    title: `1,000 members, 1,000 messages a second; barewire gathers for ${gatherMs} ms`,
    rounds: 3,
    roundSeconds: roundSecondsOf(load),
    contenders: [
      room('barewire', { peer: 'barewire', hub: { gatherMs } }, load),
      room('socket.io', { peer: 'socket.io' }, load),
      room('uws', { peer: 'uws' }, load),
    ],
    wanted: [
      { figure: 'p99', of: 'barewire', most: 6 * gatherMs },
      { figure: 'complete', of: 'barewire', least: 1 },
    ],
  };
}

function redis(members: number, perSecond: number): Scenario {
  // Until the code of all is compiled, as in servers that have run for a while: else that is much of what few deliveries cost.
  const load = { members, bytes: 100, perSecond, seconds: 5, warmUp: WARM_UP_SECONDS * perSecond };
  return {
    id: `redis-${members}`,
    title: `two nodes on Redis, ${members} members, ${perSecond} messages a second`,
    rounds: 3,
    roundSeconds: roundSecondsOf(load),
    contenders: (['barewire', 'socket.io', 'net'] as const).map((peer) => ({
      name: peer === 'net' ? 'net (the floor)' : peer,
      round: () => redisRound({ peer }, load),
    })),
    wanted: [
      { figure: 'cpuUs', of: 'barewire', than: 'socket.io', most: 0.5 },
      { figure: 'p99', of: 'barewire', than: 'socket.io', most: 1 },
      { figure: 'complete', of: 'barewire', least: 1 },
    ],
  };
}

function stuckReader(): Scenario {
  const load = { members: 400, bytes: 1_000, perSecond: 100, seconds: 5 };
  const task: ServerTask = { peer: 'barewire', hub: { policy: 'drop-oldest' } };
  return {
    id: 'stuck-reader',
    title: '400 members, 100 messages of 1,000 octets a second; one member stops reading',
    rounds: 5,
    roundSeconds: roundSecondsOf(load),
    contenders: [room('all read', task, load), room('one does not', task, { ...load, stuck: true })],
    wanted: [
      { figure: 'p99', of: 'one does not', than: 'all read', most: 1.1 },
      { figure: 'complete', of: 'one does not', least: 1 },
    ],
  };
}

const resume: Scenario = {
  id: 'resume',
  title: '1,000 members come back for 1,000 messages of 100 octets each',
  rounds: 3,
  roundSeconds: 4,
  contenders: (['barewire', 'net'] as const).map((peer) => ({
    name: peer,
    round: () => resumeRound(peer, 1_000, 1_000, 100),
  })),
  wanted: [
    { figure: 'megabytes', of: 'barewire', than: 'net', least: 0.5 },
    { figure: 'complete', of: 'barewire', least: 1 },
  ],
};

const SIZES = [10, 1_000, 8_000];
const join: Scenario = {
  id: 'join',
  title: 'one more member, with a name, in a room of 10 to 8,000 (200 joins a second)',
  rounds: 3,
  roundSeconds: 13,
  contenders: SIZES.map((size) => ({ name: `room of ${size}`, round: () => joinRound(size) })),
  wanted: [
    { figure: 'cpuUs', of: `room of ${SIZES.at(-1)}`, than: `room of ${SIZES[0]}`, most: 1.5 },
    { figure: 'complete', of: `room of ${SIZES.at(-1)}`, least: 1 },
  ],
};

const ticker: Scenario = {
  id: 'ticker',
  title: `${TOPICS} topics, 5,000 members of 20 topics each: one tick is 100,000 deliveries`,
  rounds: 3,
  roundSeconds: 8,
  contenders: (['barewire', 'socket.io', 'uws'] as const).map((peer) => ({
    name: peer,
    round: () => tickerRound(peer, 5_000, 6),
  })),
  wanted: [{ figure: 'cpuUs', of: 'barewire', than: 'socket.io', most: 0.6 }],
};

export const SCENARIOS: readonly Scenario[] = [
  chat(400, 50),
  chat(1_000, 20),
  busy(10),
  busy(20),
  redis(400, 50),
  redis(20, 400),
  resume,
  join,
  stuckReader(),
  ticker,
];
