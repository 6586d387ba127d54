/**
 * Seeded randomness for property tests: the same seed gives the same run on every machine.
 * `BAREWIRE_SEED=n` chooses another one; tests print theirs, so that a failure can be replayed.
 */

const { BAREWIRE_SEED = 6455 } = process.env;
export const SEED: number = Number(BAREWIRE_SEED);

/** What every property test prints. */
export const SEED_NOTE: string = `seed ${SEED} (BAREWIRE_SEED)`;

export class Random {
  #state: number;

  /** `stream` sets the draws of one test apart from those of another under the same seed. */
  constructor(stream: number) {
    this.#state = (Math.imul(SEED, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  }

  /** 32 bits (the mulberry32 generator). */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(length).map(() => this.uint32());
  }

  /** `bytes` cut into chunks of random sizes, often tiny, sometimes empty. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = this.chance(0.6) ? this.below(4) : this.below(200);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    return chunks;
  }
}
