/**
 * Two channels joined in memory: what one writes the other receives, in order, in a later turn of the event loop.
 *
 * Behaves as TCP does where connections can notice: bytes under way are bounded, a side that is paused holds the other one
 * back, FIN travels after the last byte and each direction ends alone, a side that is dropped with bytes unread is a reset for
 * the other. What travels to a side can be stalled, cut into small chunks, or reset. No port, no timer.
 * Read next: `../testing/index.ts`, which gives it to people's tests.
 */

import { poisonLentMemory, readsInto } from '../bytes/lent-memory.ts';
import type { ByteRange } from '../bytes/output.ts';
import type { Owner, Remote, Sink } from './port.ts';
import { QueuedChannel, type Written } from './queued-channel.ts';

/**
 * Bytes of one direction that are taken at once: about what the system's buffers hold for a TCP connection at first. The write
 * that goes beyond stays under way until all of it has been received; so at most twice this is held.
 */
const MAX_TRAVELLING_BYTES = 262_144;

/** What one read of a socket brings at most. */
const MAX_CHUNK_BYTES = 65_536;

/** No octet of UTF-8, so that a text that was kept is none any more. */
const POISON = 0xff;

export interface MemoryPairOptions {
  /** What the first side takes for its peer. Default 127.0.0.1, port 0, not secure. */
  readonly remote?: Partial<Remote> | undefined;
  /** Told when the first side has gone. */
  readonly owner?: Owner | undefined;
}

/** Makes a pair; each side's sink ignores everything until it is set. */
export function memoryPair(options: MemoryPairOptions = {}): {
  readonly first: MemoryChannel;
  readonly second: MemoryChannel;
} {
  const remote = { address: '127.0.0.1', port: 0, secure: false, ...options.remote };
  poisonLentMemory(POISON);
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
  /** The largest chunk that arrives at this side at once: 1 = one octet at a time. */
  maxChunkBytes: number = MAX_CHUNK_BYTES;
  #peer!: MemoryChannel;
  /** What the other side has written and this one has not received. */
  readonly #arriving: Travelling[] = [];
  #arrivingBytes = 0;
  /** The other side has said FIN after `#arriving`. */
  #finArriving = false;
  #finSaid = false;
  /** The other side has broken the connection. */
  #resetArriving = false;
  #stalled = false;
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

  /** Each chunk is a copy. */
  override get chunksAreWritable(): boolean {
    return true;
  }

  override get destroyed(): boolean {
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

  /** From now on nothing arrives at this side, neither bytes nor FIN nor a reset: a network that is gone. */
  stall(): void {
    this.#stalled = true;
  }

  /** Ends a stall: what was held up arrives. */
  release(): void {
    this.#stalled = false;
    this.#schedule();
  }

  /** Ends the connection for both sides as a RST does: nothing that is under way arrives. */
  reset(): void {
    this.#peer.#resetArriving = true;
    this.destroy();
  }

  protected get maxWriteBytes(): number {
    return MAX_TRAVELLING_BYTES;
  }

  protected writeOne(range: ByteRange, written: Written): void {
    this.writeMany([range], written);
  }

  protected writeMany(ranges: readonly ByteRange[], written: Written): void {
    const peer = this.#peer;
    if (peer.#destroyed) {
      setImmediate(() => written(new Error('write to a peer that has gone (EPIPE)')));
      return;
    }
    const size = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    const fits = peer.#arrivingBytes + size <= MAX_TRAVELLING_BYTES;
    for (const [i, { bytes, start, end }] of ranges.entries()) {
      const isLast = i === ranges.length - 1;
      // A copy, since the block is written again; `slice` of a Buffer would be a view.
      const copy = new Uint8Array(bytes.subarray(start, end));
      readsInto(copy.buffer); // what is lent of it is refused where it would be over a socket
      peer.#arriving.push({ bytes: copy, written: isLast && !fits ? written : undefined });
    }
    peer.#arrivingBytes += size;
    if (fits) written();
    peer.#schedule();
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
    this.#close();
    // As TCP does: what was not read resets the other side; else it hears a FIN after what was sent.
    if (this.#arrivingBytes > 0) this.#peer.#resetArriving = true;
    else this.#peer.#finArriving = true;
    this.#peer.#schedule();
  }

  protected unsentBytes(): number {
    return this.#peer.#arrivingBytes;
  }

  #schedule(): void {
    if (this.#scheduled || this.#destroyed) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  /** Hands over one chunk a turn, as reads of a socket do. */
  #deliver(): void {
    this.#scheduled = false;
    if (this.#stalled || this.#destroyed) return;
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
    const size = Math.min(next.bytes.length, this.maxChunkBytes);
    const whole = size === next.bytes.length;
    this.#arrivingBytes -= size;
    if (whole) this.#arriving.shift();
    else this.#arriving[0] = { bytes: next.bytes.subarray(size), written: next.written };
    const chunk = next.bytes.subarray(0, size);
    this.takeChunk(chunk);
    // What was lent and kept all the same shows in a test, as it would after the next read of a socket.
    chunk.fill(POISON);
    if (whole) next.written?.();
    this.#schedule();
  }

  #closeIfBothEnded(): void {
    if (this.#finSaid && this.peerEnded && !this.#destroyed) this.#close();
  }

  #close(): void {
    this.#destroyed = true;
    setImmediate(() => this.takeClose());
  }
}
