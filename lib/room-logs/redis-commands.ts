/**
 * Runs scripts through the user's client, in the order of the calls, also when Redis has forgotten them.
 *
 * A script is named by its SHA-1 and sent whole only when Redis does not know it (`NOSCRIPT`: its cache was flushed, or it
 * is another server). Then everything that was sent meanwhile fails in the same way; it is sent again in the same order once
 * all of it has come back, and what is called in between waits for it. A command has a deadline; an error is put into
 * words: `LOG_FAILED` where Redis itself refused, `LOG_UNCERTAIN` where the connection says nothing of what became of it.
 * Read next: `redis-records.ts`.
 */

import { createHash } from 'node:crypto';
import { type Clock, RoomRefused } from '../rooms/log.ts';
import { Deadline } from './redis-deadline.ts';
import { isReplyError, type RedisPort } from './redis-port.ts';

/** A script and its name. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** Names a script. */
export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** See the head of this file. */
export class RedisCommands {
  readonly #port: RedisPort;
  readonly #deadline: Deadline;
  #underWay = 0;
  /** Calls that Redis did not know the script of, and those that came after the first of them. */
  #unknown: Call[] = [];
  #later: Call[] = [];

  constructor(port: RedisPort, clock: Clock, timeoutMs: number) {
    this.#port = port;
    this.#deadline = new Deadline(clock, timeoutMs);
  }

  /** Runs a script. @throws RoomRefused by rejection, `LOG_FAILED` or `LOG_UNCERTAIN` */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#inTime(
      new Promise((resolve, reject) => {
        const call: Call = { script, keys, args, resolve, reject };
        if (this.#unknown.length > 0) this.#later.push(call);
        else this.#send(call, 'EVALSHA');
      }),
    );
  }

  /** Sends a command that is no script. @throws RoomRefused by rejection, as `run` */
  send(args: readonly string[]): Promise<unknown> {
    return this.#inTime(this.#command(args));
  }

  /** Sends a command; where the port throws, it rejects. Not async, which took some 4 % more CPU time for an append. */
  #command(args: readonly string[]): Promise<unknown> {
    try {
      return this.#port.command(args);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #send(call: Call, how: 'EVAL' | 'EVALSHA'): void {
    const { script, keys, args } = call;
    const name = how === 'EVAL' ? script.text : script.sha1;
    this.#underWay++;
    this.#command([how, name, String(keys.length), ...keys, ...args])
      .then(call.resolve, (error: unknown) => {
        if (how === 'EVALSHA' && error instanceof Error && error.message.startsWith('NOSCRIPT'))
          this.#unknown.push(call);
        else call.reject(error);
      })
      .finally(() => {
        this.#underWay--;
        if (this.#underWay === 0 && this.#unknown.length > 0) this.#sendAgain();
      });
  }

  /** Everything that was sent has come back: whole scripts now, for on a cluster they go to different nodes. */
  #sendAgain(): void {
    const calls = [...this.#unknown, ...this.#later];
    this.#unknown = [];
    this.#later = [];
    for (const call of calls) this.#send(call, 'EVAL');
  }

  #inTime(reply: Promise<unknown>): Promise<unknown> {
    return this.#deadline.of(reply).catch((error: unknown) => {
      throw redisRefused(error);
    });
  }
}

/** Puts an error of Redis or of its connection into words. */
export function redisRefused(error: unknown): RoomRefused {
  const said = error instanceof Error ? error.message || error.name : String(error);
  if (isReplyError(error)) return new RoomRefused('LOG_FAILED', `Redis refused: ${said}`, { cause: error });
  const fate = 'what was appended may have arrived: append again with its key to know';
  return new RoomRefused('LOG_UNCERTAIN', `the connection to Redis failed: ${said}; ${fate}`, { cause: error });
}
