/** Presence of one node, without a Redis: what it says again when an answer was lost. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redisLogSettings } from '../../lib/room-logs/redis-options.ts';
import type { RedisPort, RedisReader } from '../../lib/room-logs/redis-port.ts';
import { RedisPresence } from '../../lib/room-logs/redis-presence.ts';
import { RedisStore } from '../../lib/room-logs/redis-store.ts';
import { FakeClock } from '../support/clock.ts';

/** A client that holds commands back while Redis is away, and has them carried out when it is there again. */
class QueueingPort implements RedisPort {
  away = false;
  /** The node was given up: the first heartbeat that is carried out is told so. */
  givenUp = false;
  /** The numbers of connections that were told. */
  readonly told: string[] = [];
  readonly #queue: (() => void)[] = [];

  command(args: readonly string[]): Promise<unknown> {
    return new Promise((resolve) => {
      const carryOut = (): void => resolve(this.#reply(args));
      if (this.away) this.#queue.push(carryOut);
      else carryOut();
    });
  }
  comeBack(): void {
    this.away = false;
    for (const carryOut of this.#queue.splice(0)) carryOut();
  }
  reader(): RedisReader {
    throw new Error('presence does not read by itself');
  }
  #reply([name, , keys, ...rest]: readonly string[]): unknown {
    if (name === 'HRANDFIELD') return [];
    if (name === 'HLEN') return 0;
    if (keys === '5') {
      const [, , person, connections] = rest.slice(5);
      this.told.push(`${person} ${connections}`);
      return 1;
    }
    const { givenUp } = this;
    this.givenUp = false;
    return [givenUp ? 1 : 0, 0];
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

function start(): { readonly port: QueueingPort; readonly clock: FakeClock; readonly presence: RedisPresence } {
  const [port, clock] = [new QueueingPort(), new FakeClock()];
  const settings = redisLogSettings({ heartbeatMs: 1_000, deadAfterMs: 3_000, commandTimeoutMs: 500 });
  const store = new RedisStore(port, settings, clock, (length) => 'x'.repeat(length));
  const hold = (): { started: Promise<void>; release: () => void } => ({
    started: Promise.resolve(),
    release: () => undefined,
  });
  return { port, clock, presence: new RedisPresence({ store, clock, node: 'one', hold }) };
}

describe('presence of a node that Redis has given up', () => {
  it('tells its members again after a heartbeat whose answer came too late', async () => {
    const { port, clock, presence } = start();
    await presence.join('r', 'ann');
    Object.assign(port, { away: true, givenUp: true });
    clock.advance(1_000); // the heartbeat waits in the client
    clock.advance(500); // and is late
    await turns();
    port.comeBack(); // it is carried out, and nobody hears that the node was given up
    await turns();
    assert.deepEqual(port.told, ['ann 1']);
    clock.advance(1_000);
    await turns();
    assert.deepEqual(port.told, ['ann 1', 'ann 1']);
    clock.advance(1_000);
    await turns();
    assert.equal(port.told.length, 2, 'once is enough');
  });

  it('tells them again where it was a question for the members that got no answer', async () => {
    const { port, clock, presence } = start();
    await presence.join('r', 'ann');
    Object.assign(port, { away: true, givenUp: true });
    const asked = assert.rejects(presence.members('r', 1), { code: 'LOG_UNCERTAIN' });
    clock.advance(500);
    await asked;
    port.comeBack();
    clock.advance(500);
    await turns();
    assert.deepEqual(port.told, ['ann 1', 'ann 1']);
  });
});
