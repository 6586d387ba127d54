/** Presence of several nodes in the engine, on a log in memory whose presence is a list in this file. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROOM_LIMITS } from '../../lib/limits.ts';
import { type LogPresence, type PresenceWatcher, type RoomMembers, RoomRefused } from '../../lib/rooms/log.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { PresenceNotice, WelcomeNotice } from '../../lib/rooms/notices.ts';
import { FakeClock } from '../support/clock.ts';
import { type Ear, world } from './ear.ts';

/** The names of all nodes, in one process; answers are held back where a test says so. */
class Names implements LogPresence {
  readonly counts = new Map<string, number>();
  readonly watchers = new Set<PresenceWatcher>();
  /** Why nothing is answered. */
  failure: RoomRefused | undefined;
  /** What a read waits for before it answers with what was true when it was asked. */
  held: Promise<void> | undefined;
  reads = 0;

  join(_room: string, name: string): Promise<void> {
    return this.#count(name, 1);
  }
  leave(_room: string, name: string): Promise<void> {
    return this.#count(name, -1);
  }
  async members(_room: string, limit: number): Promise<RoomMembers> {
    this.reads++;
    if (this.failure !== undefined) throw this.failure;
    const members = [...this.counts.keys()].slice(0, limit);
    await this.held;
    return { members, memberCount: this.counts.size };
  }
  async watch(_room: string, watcher: PresenceWatcher): Promise<() => void> {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
  async #count(name: string, by: number): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const before = this.counts.get(name) ?? 0;
    if (before + by > 0) this.counts.set(name, before + by);
    else this.counts.delete(name);
    await undefined; // it is told of later, as by a log behind a network
    for (const watcher of this.watchers)
      if (before === 0) watcher.joined(name);
      else if (before + by === 0) watcher.left(name);
  }
}

class SharedLog extends MemoryLog {
  readonly presence = new Names();
}

/** Lets promises settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const welcomeOf = ({ heard }: Ear): WelcomeNotice | undefined =>
  heard.find((item): item is WelcomeNotice => item.type === 'welcome');
const toldTo = ({ heard }: Ear): PresenceNotice[] => heard.filter((item) => item.type === 'presence');

describe('presence on several nodes', () => {
  it('a welcome, a list and the changes have the names of all nodes, each once', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    const [one, two] = [world({ log }), world({ log })];
    const ann = one.ear('r', { as: 'ann' });
    await settle();
    const bob = two.ear('r', { as: 'bob' });
    const twice = two.ear('r', { as: 'ann' });
    await settle();
    assert.deepEqual([welcomeOf(ann)?.members, welcomeOf(ann)?.memberCount], [['ann'], 1]);
    assert.deepEqual([...(welcomeOf(bob)?.members ?? [])].sort(), ['ann', 'bob']);
    assert.deepEqual(
      toldTo(ann).map(({ joined, memberCount }) => [joined, memberCount]),
      [[['bob'], 2]],
    );
    ann.member.close();
    await settle();
    assert.deepEqual(two.hub.find('r')?.present.memberCount, 2, 'ann is there twice');
    twice.member.close();
    await settle();
    assert.deepEqual(two.hub.find('r')?.present.members, ['bob']);
    assert.deepEqual(toldTo(bob).at(-1), { type: 'presence', joined: [], left: ['ann'], memberCount: 1 });
  });

  it('the welcome waits for the names, and comes without those of other nodes where they cannot be read', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    log.presence.counts.set('far', 1);
    log.presence.failure = new RoomRefused('LOG_FAILED', 'no answer');
    const at = world({ log });
    const ann = at.ear('r', { as: 'ann' });
    assert.equal(welcomeOf(ann), undefined);
    await settle();
    assert.deepEqual(welcomeOf(ann)?.members, ['ann']);
    assert.deepEqual(new Set(at.errors.map(({ where }) => where)), new Set(['presence']));
    log.presence.failure = undefined;
    at.clock.advance(1_000);
    await settle();
    assert.deepEqual(at.hub.find('r')?.present.members, ['ann', 'far']);
    assert.deepEqual(toldTo(ann).at(-1)?.joined, ['far']);
  });

  it('a member that leaves while the others hear that it has joined leaves no name behind on any node', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    const [at, far] = [world({ log }), world({ log })];
    const [ann, zoe] = [at.ear('r', { as: 'ann' }), far.ear('r', { as: 'zoe' })];
    await settle();
    ann.inside = (item) => {
      if (item.type === 'presence' && item.joined.includes('bob')) bob.close();
    };
    const bob = at.hub.member<undefined>({ send: () => 'sent', evicted() {} });
    bob.join('r', { as: 'bob' });
    await settle();
    assert.deepEqual([...log.presence.counts.keys()], ['ann', 'zoe']);
    for (const { hub } of [at, far]) assert.deepEqual([...hub.find('r')!.names()].sort(), ['ann', 'zoe']);
    assert.deepEqual(toldTo(zoe).at(-1)?.memberCount ?? 2, 2);
  });

  it('changes during a read are laid over its answer, and a doubt during it asks once more', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    log.presence.counts.set('goes', 1);
    const at = world({ log });
    at.ear('r', { as: 'ann' });
    await settle();
    let answer = (): void => undefined;
    log.presence.held = new Promise((resolve) => {
      answer = resolve;
    });
    const [watcher] = log.presence.watchers;
    watcher!.doubt();
    await log.presence.leave('r', 'goes');
    await log.presence.join('r', 'comes');
    for (let i = 0; i < 3; i++) watcher!.doubt();
    log.presence.counts.set('silent', 1); // a change that nobody was told of
    assert.equal(log.presence.reads, 2);
    answer();
    await settle();
    assert.equal(log.presence.reads, 3);
    assert.deepEqual([...at.hub.find('r')!.present.members].sort(), ['ann', 'comes', 'silent']);
  });

  it('a room that closes stops watching and asks for nothing more', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    const at = world({ log });
    const ears = [at.ear('r', { as: 'ann' }), at.ear('r', { as: 'bob' })];
    await settle();
    log.presence.failure = new RoomRefused('LOG_FAILED', 'no answer');
    for (const watcher of log.presence.watchers) watcher.doubt();
    await settle();
    for (const { member } of ears) member.close();
    assert.deepEqual([log.presence.watchers.size, at.clock.timers], [0, 0]);
    const brief = at.ear('r', { as: 'ann' });
    brief.member.close(); // before the names are known
    await settle();
    assert.equal(log.presence.watchers.size, 0);
  });

  it('holds maxSharedNames names of the log and no more', async () => {
    const log = new SharedLog({ clock: new FakeClock() });
    for (let i = 0; i < ROOM_LIMITS.maxSharedNames + 5; i++) log.presence.counts.set(`n${i}`, 1);
    const at = world({ log, presenceMs: 100 });
    const guest = at.ear('r');
    await settle();
    assert.equal(welcomeOf(guest)?.memberCount, ROOM_LIMITS.maxSharedNames);
    const [watcher] = log.presence.watchers;
    watcher!.joined('one more');
    watcher!.left('n0');
    watcher!.joined('fits');
    assert.equal(at.hub.find('r')?.present.memberCount, ROOM_LIMITS.maxSharedNames);
  });
});
