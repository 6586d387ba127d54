/**
 * How many connections each address has open, against `maxConnectionsPerAddress`: one count for all doors of a server.
 *
 * Keeps nothing where there is no such limit, else a number for each address that has a connection, and of a connection
 * nothing but a mark: the registry tells when it has gone. Read next: `open-connections.ts`.
 */

import type { Channel } from '../channel/port.ts';

export class AddressCounts {
  /** 0: no limit. */
  readonly #maxPerAddress: number;
  readonly #counts = new Map<string, number>();

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress;
  }

  /** Counts one more connection until it is `gone`. False: it is one too many. */
  add(channel: Channel): boolean {
    if (this.#maxPerAddress === 0) return true;
    const { address } = channel.remote;
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    channel.counted = true;
    return count <= this.#maxPerAddress;
  }

  /** From the registry. Nothing happens for a connection that was not counted. */
  gone(channel: Channel): void {
    if (!channel.counted) return;
    channel.counted = false;
    const { address } = channel.remote;
    const left = this.#counts.get(address)! - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }
}
