/**
 * How many bytes of messages have not been sent, by where each message lies in the stream of octets (`bufferedAmount`).
 *
 * Knows sizes and positions only. A connection counts octets on the wire, with headers, control frames and compression; a script
 * asks for octets of its own data. Memory: one entry a message, small ones together in entries of up to 16 KiB.
 * O(1) amortised. Pure. Read next: `outbox.ts`.
 */

interface Entry {
  payloadBytes: number;
  /** Positions in the stream. */
  readonly start: number;
  end: number;
  readonly isOne: boolean;
}

/** Messages up to this size share an entry, within which what is left is worked out by proportion. */
const SHARED_ENTRY_BYTES = 16_384;

export class SendLedger {
  readonly #entries: Entry[] = [];
  #payloadBytes = 0;

  /** Notes a message that lies at `[start..end)` of the stream. */
  add(payloadBytes: number, start: number, end: number): void {
    this.#payloadBytes += payloadBytes;
    const last = this.#entries.at(-1);
    if (last !== undefined && !last.isOne && end - last.start <= SHARED_ENTRY_BYTES) {
      last.payloadBytes += payloadBytes;
      last.end = end;
    } else this.#entries.push({ payloadBytes, start, end, isOne: end - start > SHARED_ENTRY_BYTES / 2 });
  }

  /** Octets of messages behind position `taken`. Forgets what lies before it. */
  remaining(taken: number): number {
    let [first] = this.#entries;
    while (first !== undefined && first.end <= taken) {
      this.#entries.shift();
      this.#payloadBytes -= first.payloadBytes;
      [first] = this.#entries;
    }
    if (first === undefined || first.start >= taken) return this.#payloadBytes;
    const { end, isOne, payloadBytes, start } = first;
    const left = end - taken;
    // A frame's header leaves first, so the end of one frame is all payload, where it is not compressed.
    const isPlain = isOne && end - start >= payloadBytes;
    const ofFirst = isPlain ? Math.min(payloadBytes, left) : Math.round((payloadBytes * left) / (end - start));
    return this.#payloadBytes - payloadBytes + ofFirst;
  }
}
