/**
 * The network between a test's client and a server, and what can go wrong on it. All of it happens when the test says so.
 *
 * Read next: `raw.ts`, which joins the two.
 */

import type { MemoryChannel } from '../channel/memory.ts';

/** Which way bytes go. */
export type Direction = 'to server' | 'to client';

export class Network {
  readonly #sides: readonly (readonly [Direction, MemoryChannel])[];
  #vanished = false;

  /** The two ends of a pair: what arrives at `server`, and at `client`. */
  constructor(server: MemoryChannel, client: MemoryChannel) {
    this.#sides = [
      ['to server', server],
      ['to client', client],
    ];
  }

  /** Nothing arrives any more, neither bytes nor an end, until `release`: in one direction, or in both. */
  stall(direction?: Direction): void {
    for (const channel of this.#towards(direction)) channel.stall();
  }

  /** Ends a stall: what was held up arrives, in order. @throws Error after `halfOpen` */
  release(direction?: Direction): void {
    if (this.#vanished) throw new Error('the connection is half open for good: the client has vanished');
    for (const channel of this.#towards(direction)) channel.release();
  }

  /** The client vanishes, as when its cable is pulled: no FIN, no reset, and nothing arrives in either direction again. */
  halfOpen(): void {
    this.stall();
    this.#vanished = true;
  }

  /** From now on bytes arrive one at a time, each in a turn of the event loop of its own. */
  oneOctetAtATime(direction?: Direction): void {
    for (const channel of this.#towards(direction)) channel.maxChunkBytes = 1;
  }

  /** Breaks the connection as a TCP reset does; what is under way is lost. */
  reset(): void {
    for (const channel of this.#towards('to client')) channel.reset();
  }

  #towards(direction: Direction | undefined): MemoryChannel[] {
    return this.#sides.filter(([each]) => direction === undefined || each === direction).map(([, channel]) => channel);
  }
}
