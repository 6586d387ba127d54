/**
 * Kills a process that publishes to a journal, at random moments, and looks at what its successor finds.
 *
 * `node dist/spec-tests/room-logs/kill.js --rounds 1000 [--seed N] [--rounds-of-one 100]`; `kill.test.ts` runs a short form. `kill -9` keeps what the kernel
 * has; a loss of power is `crash.test.ts`. A moment is a number of messages from the child: before it has opened the
 * journal, or between any two of its acknowledgements; what the child does meanwhile is up to the machine.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.ts';
import { digestOf, type FromChild, ROOMS, type RoomSeen, roomOf, type ToChild } from './kill-child.ts';

/** A round takes some 200 ms; one that takes so much longer hangs. */
const ROUND_TIMEOUT_MS = 60_000;

/** How many ids after the last acknowledged one are published again: more than were in flight. */
const BEHIND = 30;

/** What was seen. */
export interface KillReport {
  readonly rounds: number;
  readonly acknowledged: number;
  /** Messages that were found without having been acknowledged. */
  readonly unacknowledged: number;
  /** Kills before the journal was open. */
  readonly whileOpening: number;
  /** Snapshots that were finished, of those that were seen after a kill: most kills are during one, or between two. */
  readonly snapshots: number;
}

/** What the world knows of the journal. */
class World {
  readonly #ids = new Map<string, string[]>(ROOMS.map((room) => [room, []]));
  readonly #epochs = new Map<string, string>();
  readonly acknowledged = new Map<string, number>();
  #again: string[] = [];
  #highest = new Map<number, number>();

  first(directory: string, round: number, publish: boolean): ToChild {
    const seen = Object.fromEntries([...this.#ids].map(([room, ids]) => [room, ids.length]));
    return { directory, round, seen, again: this.#again, publish };
  }

  /** Notes an acknowledgement; a second one of the same message must name the same place. */
  note(id: string, sequence: number): void {
    const before = this.acknowledged.get(id);
    if (before !== undefined) assert.equal(sequence, before, `${id} has two places`);
    this.acknowledged.set(id, sequence);
    const [round = 0, number = 0] = id.split('-').map(Number);
    this.#highest.set(round, Math.max(this.#highest.get(round) ?? 0, number));
  }

  /** Checks what a process found when it opened the journal. */
  async check(rooms: readonly RoomSeen[]): Promise<void> {
    for (const { room, epoch, digest, later } of rooms) {
      const ids = this.#ids.get(room)!;
      assert.equal(digest, await digestOf(ids), `${room} has other records than before`);
      if (ids.length > 0) assert.equal(epoch, this.#epochs.get(room), `the epoch of ${room}`);
      this.#epochs.set(room, epoch);
      ids.push(...later);
      assert.equal(new Set(ids).size, ids.length, `${room} has a message twice`);
    }
    for (const [id, sequence] of this.acknowledged)
      assert.equal(this.#ids.get(roomOf(id))?.[sequence - 1], id, `${id} was acknowledged at ${sequence}`);
  }

  /** What a publisher that was cut off would send again after a round: all that it has no answer for. */
  planAgain(round: number, random: Random): void {
    const highest = this.#highest.get(round) ?? 0;
    this.#again = this.#again.filter((id) => !this.acknowledged.has(id));
    for (let i = Math.max(0, highest - BEHIND); i <= highest + BEHIND; i++) {
      const id = `${round}-${i}`;
      if (!this.acknowledged.has(id) || random.chance(0.2)) this.#again.push(id);
    }
  }

  get found(): number {
    return [...this.#ids.values()].reduce((sum, ids) => sum + ids.length, 0);
  }
}

/** Runs the rounds in a directory of its own. @throws AssertionError for a message that is lost or doubled */
export async function killRounds(rounds: number, random: Random): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'barewire-kill-'));
  const world = new World();
  const snapshots = new Set<string>();
  let whileOpening = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const moment = random.chance(0.1) ? 1 : random.between(2, 150);
      if (!(await oneLife(world, world.first(directory, round, true), moment))) whileOpening++;
      world.planAgain(round, random);
      for (const name of readdirSync(directory)) if (name.endsWith('.snapshot')) snapshots.add(name);
    }
    assert.ok(
      await oneLife(world, world.first(directory, rounds, false), undefined),
      'the last process opened the journal',
    );
    const { size } = world.acknowledged;
    const unacknowledged = world.found - size;
    return { rounds, acknowledged: size, unacknowledged, whileOpening, snapshots: snapshots.size };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Starts a process, kills it at its message number `moment` (undefined: never), and answers whether it had opened. */
async function oneLife(world: World, first: ToChild, moment: number | undefined): Promise<boolean> {
  const child = fork(fileURLToPath(new URL('./kill-child.js', import.meta.url)), ['--child']);
  const exited = once(child, 'exit');
  const late = setTimeout(() => child.kill('SIGKILL'), ROUND_TIMEOUT_MS);
  let messages = 0;
  let opened: readonly RoomSeen[] | undefined;
  const acknowledged: [id: string, sequence: number][] = [];
  child.on('message', (message: FromChild) => {
    if (message.kind === 'opened') opened = message.rooms;
    if (message.kind === 'acknowledged') acknowledged.push([message.id, message.sequence]);
    if (++messages === moment) child.kill('SIGKILL');
  });
  child.send(first);
  const [code, signal] = await exited;
  clearTimeout(late);
  await drained(child);
  assert.ok(
    signal === 'SIGKILL' ? messages >= (moment ?? Number.POSITIVE_INFINITY) : code === 0,
    `ended with ${code ?? signal}`,
  );
  if (opened !== undefined) await world.check(opened);
  for (const [id, sequence] of acknowledged) world.note(id, sequence);
  return opened !== undefined;
}

/** What a process sent before it died is still in the pipe: resolves when all of it was read. */
async function drained(child: ChildProcess): Promise<void> {
  if (child.connected) await once(child, 'disconnect');
}

/**
 * The long form: several journals one after the other, two at a time. The lives of a process are short, and with all
 * kills in one journal its snapshot would soon take longer than a life, so that none were ever finished.
 */
async function longForm(rounds: number, roundsOfOne: number, seed: number): Promise<void> {
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1_000).toFixed(0)} s`;
  const total = { rounds: 0, acknowledged: 0, unacknowledged: 0, whileOpening: 0, snapshots: 0 };
  let begun = 0;
  const worker = async (): Promise<void> => {
    for (let from = begun; from < rounds; from = begun) {
      const count = Math.min(roundsOfOne, rounds - from);
      begun += count;
      const report = await killRounds(count, new Random(seed * 10_000 + from));
      for (const name of Object.keys(total) as (keyof KillReport)[]) total[name] += report[name];
      console.log(`${JSON.stringify(total)} after ${seconds()}`);
    }
  };
  console.log(`seed ${seed}, ${rounds} kills, ${roundsOfOne} of each journal`);
  await Promise.all([worker(), worker()]);
  console.log(`seed ${seed}: ${total.rounds} kills in ${seconds()}; every acknowledged message is there, once`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = {
    rounds: { type: 'string' },
    'rounds-of-one': { type: 'string' },
    seed: { type: 'string' },
  } as const;
  const { values } = parseArgs({ options });
  const number = (text: string | undefined, otherwise: number): number => Number(text ?? otherwise);
  const seed = number(values.seed, Math.floor(Math.random() * 1_000_000));
  await longForm(number(values.rounds, 1_000), number(values['rounds-of-one'], 100), seed);
}
