/** The last 2^bits bytes of plaintext. Read next: `engine.ts`. */
export class SlidingWindow {
  readonly #size: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(bits: number) {
    this.#size = 2 ** bits;
  }

  /** What back-references may reach, oldest byte first. Valid until the next `update`. */
  get dictionary(): Uint8Array {
    return this.#bytes;
  }

  /** Moves on by a message. */
  update(plain: Uint8Array): void {
    const kept = this.#bytes.subarray(Math.max(0, this.#bytes.length + plain.length - this.#size));
    const added = plain.subarray(Math.max(0, plain.length - this.#size));
    const bytes = new Uint8Array(kept.length + added.length);
    bytes.set(kept);
    bytes.set(added, kept.length);
    this.#bytes = bytes;
  }
}
