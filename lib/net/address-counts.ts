/**
 * How many connections each address has open, against `maxConnectionsPerAddress`: one count for all doors of a server.
 *
 * Keeps nothing where there is no such limit, else a number for each address that has a connection. Read next: `listener.ts`.
 */

export class AddressCounts {
  /** 0: no limit. */
  readonly #maxPerAddress: number;
  readonly #counts = new Map<string, number>();

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress;
  }

  /** Counts one more connection until `stream` closes. False: it is one too many. */
  add(address: string, stream: { once(event: 'close', listener: () => void): unknown }): boolean {
    if (this.#maxPerAddress === 0) return true;
    const counts = this.#counts;
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    stream.once('close', () => {
      const left = counts.get(address)! - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
    return count <= this.#maxPerAddress;
  }
}
