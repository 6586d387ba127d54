/**
 * Two channels joined in memory: what one writes the other receives, in order, in a later turn of the event loop.
 *
 * Behaves as TCP does where connections can notice: bytes under way are bounded, a side that is paused holds the other one
 * back, FIN travels behind the last byte and each direction ends alone, a dropped side is a reset for the other.
 * The hook `faults` lets tests cut, stall or cut up what travels. Read next: `socket.ts`.
 */

import type { ByteRange } from '../bytes/output.ts';
import type { Owner, Remote, Sink } from './port.ts';
import { QueuedChannel, type Written } from './queued-channel.ts';

/** Bytes of one direction that are under way at most: about what the system's buffers hold for a TCP connection at first. */
const MAX_TRAVELLING_BYTES = 262_144;

/** What happens to bytes on their way; each may be changed while the pair is in use. */
export interface Faults {
  /** Nothing arrives, neither bytes nor FIN nor a reset, until this is false again: a network that is gone. */
  stalled: boolean;
  /** The largest chunk that arrives at once: 1 = one octet at a time. */
  maxChunkBytes: number;
}

export interface MemoryPairOptions {
  /** What the first side takes for its peer. Default 127.0.0.1, port 0, not secure. */
  readonly remote?: Partial<Remote>;
  readonly owner?: Owner | undefined;
}

/** Makes a pair; each side's sink ignores everything until it is set. `faults` are those of what travels to `first`, and to `second`. */
export function memoryPair(options: MemoryPairOptions = {}): {
  readonly first: MemoryChannel;
  readonly second: MemoryChannel;
} {
  const remote = { address: '127.0.0.1', port: 0, secure: false, ...options.remote };
  const first = new MemoryChannel(remote, options.owner);
  const second = new MemoryChannel(remote, undefined);
  first.join(second);
  second.join(first);
  return { first, second };
}

const IGNORE: Sink = { receive() {}, receiveEnd() {}, drained() {}, gone() {} };

interface Travelling {
  readonly bytes: Uint8Array;
  /** Called once all of it has been received. */
  readonly written: Written | undefined;
}

export class MemoryChannel extends QueuedChannel {
  readonly remote: Remote;
  /** What happens to bytes on their way to this side. */
  readonly faults: Faults = { stalled: false, maxChunkBytes: Number.MAX_SAFE_INTEGER };
  #peer!: MemoryChannel;
  /** What the other side has written and this one has not received. */
  readonly #arriving: Travelling[] = [];
  #arrivingBytes = 0;
  /** The other side has said FIN behind `#arriving`. */
  #finArriving = false;
  #finSaid = false;
  /** The other side has broken the connection. */
  #resetArriving = false;
  #paused = false;
  #destroyed = false;
  #scheduled = false;

  constructor(remote: Remote, owner: Owner | undefined) {
    super(IGNORE, owner);
    this.remote = remote;
  }

  /** @internal From `memoryPair`. */
  join(peer: MemoryChannel): void {
    this.#peer = peer;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  probeAfter(): void {}

  /** Ends a stall: what was held up arrives now. */
  release(): void {
    this.faults.stalled = false;
    this.#schedule();
  }

  protected get maxWriteBytes(): number {
    return MAX_TRAVELLING_BYTES;
  }

  protected writeOne({ bytes, start, end }: ByteRange, written: Written): void {
    this.#send([bytes.slice(start, end)], written);
  }

  protected writeMany(ranges: readonly ByteRange[], written: Written): void {
    this.#send(
      ranges.map(({ bytes, start, end }) => bytes.slice(start, end)),
      written,
    );
  }

  protected endOutput(): void {
    if (this.#finSaid) return;
    this.#finSaid = true;
    this.#peer.#finArriving = true;
    this.#peer.#schedule();
    this.#closeIfBothEnded();
  }

  protected drop(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    setImmediate(() => this.takeClose());
    // As TCP does: what was not read resets the other side; else it hears a FIN behind what was sent.
    if (this.#arrivingBytes > 0) this.#peer.#resetArriving = true;
    else this.#peer.#finArriving = true;
    this.#peer.#schedule();
  }

  /** Ends the connection for both sides as a RST does: nothing that is under way arrives. */
  reset(): void {
    this.#peer.#resetArriving = true;
    this.#peer.#schedule();
    this.destroy();
  }

  protected unsentBytes(): number {
    return this.#peer.#arrivingBytes;
  }

  #send(chunks: readonly Uint8Array[], written: Written): void {
    const peer = this.#peer;
    if (peer.#destroyed) {
      setImmediate(() => written(new Error('write to a peer that has gone (EPIPE)')));
      return;
    }
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const fits = peer.#arrivingBytes + size <= MAX_TRAVELLING_BYTES;
    for (const [i, bytes] of chunks.entries()) {
      peer.#arriving.push({ bytes, written: i === chunks.length - 1 && !fits ? written : undefined });
    }
    peer.#arrivingBytes += size;
    if (fits) written();
    peer.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#destroyed) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  /** Hands over one chunk a turn, as reads of a socket do. */
  #deliver(): void {
    this.#scheduled = false;
    if (this.faults.stalled || this.#destroyed) return;
    if (this.#resetArriving) {
      this.destroy(new Error('reset by the peer (ECONNRESET)'));
      return;
    }
    if (this.#paused) return;
    const next = this.#arriving[0];
    if (next === undefined) {
      if (!this.#finArriving || this.peerEnded) return;
      this.takeEnd();
      this.#closeIfBothEnded();
      return;
    }
    const size = Math.min(next.bytes.length, this.faults.maxChunkBytes);
    this.#arrivingBytes -= size;
    if (size === next.bytes.length) this.#arriving.shift();
    else this.#arriving[0] = { bytes: next.bytes.subarray(size), written: next.written };
    this.takeChunk(next.bytes.subarray(0, size));
    if (size === next.bytes.length) next.written?.();
    this.#schedule();
  }

  #closeIfBothEnded(): void {
    if (!this.#finSaid || !this.peerEnded || this.#destroyed) return;
    this.#destroyed = true;
    setImmediate(() => this.takeClose());
  }
}
