/** The order of scripts that Redis does not know, on a port that is a few lines of this file. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RedisCommands, script } from '../../lib/room-logs/redis-commands.ts';
import type { RedisPort, RedisReader } from '../../lib/room-logs/redis-port.ts';
import { FakeClock } from '../support/clock.ts';

/** Knows no script by its name, and carries out those that are sent whole; throws where it is told to. */
class ForgetfulPort implements RedisPort {
  readonly carriedOut: string[] = [];
  throws: (args: readonly string[]) => boolean = () => false;

  command(args: readonly string[]): Promise<unknown> {
    if (this.throws(args)) throw new Error('the client is closed');
    if (args[0] === 'EVALSHA') return Promise.reject(new Error('NOSCRIPT No matching script'));
    this.carriedOut.push(String(args.at(-1)));
    return Promise.resolve(args.at(-1));
  }
  reader(): RedisReader {
    throw new Error('no command here waits');
  }
}

describe('commands through a port that throws', () => {
  const asked = script('return ARGV[1]');
  const start = (): { readonly port: ForgetfulPort; readonly commands: RedisCommands } => {
    const port = new ForgetfulPort();
    return { port, commands: new RedisCommands(port, new FakeClock(), 1_000) };
  };
  const uncertain = { code: 'LOG_UNCERTAIN', message: /the client is closed/ };

  it('reject, whether they are scripts or not', async () => {
    const { port, commands } = start();
    port.throws = () => true;
    await assert.rejects(commands.run(asked, [], ['1']), uncertain);
    await assert.rejects(commands.send(['GET', 'x']), uncertain);
  });

  it('do not keep later scripts from being sent whole', async () => {
    const { port, commands } = start();
    port.throws = () => true;
    await assert.rejects(commands.run(asked, [], ['1']), uncertain);
    port.throws = () => false;
    assert.equal(await commands.run(asked, [], ['2']), '2');
  });

  it('reject alone where several are sent whole', async () => {
    const { port, commands } = start();
    port.throws = ([how, ...args]) => how === 'EVAL' && args.at(-1) === '1';
    const [first, second] = [commands.run(asked, [], ['1']), commands.run(asked, [], ['2'])];
    await assert.rejects(first, uncertain);
    assert.equal(await second, '2');
    assert.deepEqual(port.carriedOut, ['2']);
  });
});
