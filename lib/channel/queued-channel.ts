/**
 * What all kinds of channel share: the output queue, the one write under way, flushing at the end of a turn, pressure.
 *
 * A kind says how to write one batch of ranges and how to end and to drop; everything about order and counting stands here.
 * What a read produced leaves in one write when the read is over, unless it asked for the end of the turn (`flushLast`); what was sent at other
 * times leaves at the end of this turn of the event loop. At most one write is under way; the rest waits in the queue, where it merges.
 * No timers and no closures for an idle connection. Its methods, as those of all that an idle connection consists of, are
 * `private` or static and not `#`: each class with `#` methods puts a mark of eight octets into each object. Read next: `socket.ts`, `duplex.ts`, `memory.ts`.
 */

import { written } from '../bytes/lent-memory.ts';
import { type ByteRange, OutputQueue, ownFrames } from '../bytes/output.ts';
import { asError, printable } from '../errors.ts';
import type { Channel, Owner, Remote, Sink } from './port.ts';

const Flag = {
  /** A byte has come since this was last set to false. */
  receivedSinceSweep: 1,
  /** The peer's FIN has come. */
  peerEnded: 2,
  /** In the list of those to be flushed at the end of the turn. */
  flushQueued: 4,
  /** `end` was called: FIN follows the last byte. */
  ending: 8,
  /** `destroy` was called, or the stream has told of an error, of its end or that somebody destroyed it. */
  destroyed: 16,
  /** See `Channel.counted`. */
  counted: 32,
  /** `flushLast` was called in this turn. */
  held: 64,
} as const;

/** One write: consecutive ranges of output, and what to call when the system has taken all of it, or has failed. */
export type Written = (error?: Error | null) => void;

export abstract class QueuedChannel implements Channel {
  sink: Sink;
  readonly output: OutputQueue = new OutputQueue();
  receivedBytes = 0;
  sentBytes = 0;
  readonly #owner: Owner | undefined;
  /** Bytes in the write that is under way; 0 when none is. */
  #inFlightBytes = 0;
  /** What was left of the write under way when `progressed` was last asked; -1: a write has been completed since. */
  #unsentBytes = -1;
  /** The error with which the stream ends, until `gone` is told. */
  #error: Error | undefined = undefined;
  /** Bits of `Flag`: one field, since an idle connection pays eight octets for each. */
  #flags: number = Flag.receivedSinceSweep;

  constructor(sink: Sink, owner: Owner | undefined) {
    this.sink = sink;
    this.#owner = owner;
  }

  abstract readonly remote: Remote;
  abstract pause(): void;
  abstract resume(): void;
  abstract probeAfter(ms: number): void;
  /** The most that is given to the system in one write, so that progress of a large message can be seen. */
  protected abstract readonly maxWriteBytes: number;
  /** Gives one range to the system. */
  protected abstract writeOne(range: ByteRange, written: Written): void;
  /** Gives several ranges to the system, in one call where it has one. */
  protected abstract writeMany(ranges: readonly ByteRange[], written: Written): void;
  /** Says FIN, unless that was done: all has been written. */
  protected abstract endOutput(): void;
  /** Drops the stream; `channelClosed` follows, later. */
  protected abstract drop(error: Error | undefined): void;
  /** How many bytes of the write under way the system has not taken, where that can be known; else 0. */
  protected abstract unsentBytes(): number;

  /** Unless a kind knows better, whoever made the stream may keep what it gives. */
  get chunksAreWritable(): boolean {
    return false;
  }

  get receivedSinceSweep(): boolean {
    return this.has(Flag.receivedSinceSweep);
  }

  set receivedSinceSweep(received: boolean) {
    if (received) this.#flags |= Flag.receivedSinceSweep;
    else this.#flags &= ~Flag.receivedSinceSweep;
  }

  get counted(): boolean {
    return this.has(Flag.counted);
  }

  set counted(counted: boolean) {
    if (counted) this.#flags |= Flag.counted;
    else this.#flags &= ~Flag.counted;
  }

  get destroyed(): boolean {
    return this.has(Flag.destroyed);
  }

  get peerEnded(): boolean {
    return this.has(Flag.peerEnded);
  }

  get bufferedAmount(): number {
    return this.output.byteLength + this.#inFlightBytes;
  }

  get blocked(): boolean {
    return this.#inFlightBytes > 0;
  }

  progressed(): boolean {
    const unsent = this.unsentBytes();
    if (unsent === this.#unsentBytes) return false;
    this.#unsentBytes = unsent;
    return true;
  }

  flush(): void {
    const { output } = this;
    if (this.destroyed) {
      output.clear();
      return;
    }
    const before = sharedWriter;
    try {
      while (this.#inFlightBytes === 0 && output.byteLength > 0) this.write(output.take(this.maxWriteBytes)!);
      if (this.has(Flag.ending) && this.bufferedAmount === 0 && !this.destroyed) this.endOutput();
    } catch (error) {
      // Memory that its owner has given away meanwhile, or what somebody's stream throws: the end of this connection alone.
      sharedWriter = before;
      this.failed(error);
    }
  }

  flushSoon(): void {
    if (sharedReceiver !== this && !this.has(Flag.flushQueued)) this.queueFlush(); // `takeChunk` flushes when it is done
  }

  flushLast(): void {
    if (!this.has(Flag.flushQueued)) this.queueFlush();
    this.#flags |= Flag.held;
  }

  private queueFlush(): void {
    this.#flags |= Flag.flushQueued;
    if (sharedFlushQueue.length === 0) setImmediate(flushAll);
    sharedFlushQueue.push(this);
  }

  end(): void {
    this.#flags |= Flag.ending;
    this.flush();
  }

  destroy(error?: Error): void {
    this.output.clear();
    this.#error ??= error;
    this.#flags |= Flag.destroyed;
    this.drop(error);
  }

  /** Gives `range` to the system, and with it what stands behind it, in one call. */
  private write(range: ByteRange): void {
    // For each write anew: kept, it would be 104 bytes of every idle connection; made, it is nothing beside the system call.
    let ranges: readonly ByteRange[] | undefined;
    const onWritten: Written = (error) => {
      if (ranges === undefined) written(range.bytes, range.end - range.start);
      else for (const { bytes, start, end } of ranges) written(bytes, end - start);
      this.written(error);
    };
    const { output, maxWriteBytes } = this;
    let size = range.end - range.start;
    const before = sharedWriter;
    sharedWriter = this;
    if (output.byteLength === 0) {
      this.sentBytes += size;
      this.#inFlightBytes = size;
      this.writeOne(range, onWritten);
      if (this.#inFlightBytes === 0) ownFrames.release(range); // the kernel has it all: the memory is free again
    } else {
      // Several ranges: header and payload of a large message, or of several.
      const several = [range];
      while (size < maxWriteBytes && output.byteLength > 0) {
        const next = output.take(maxWriteBytes - size)!;
        size += next.end - next.start;
        several.push(next);
      }
      ranges = several;
      this.sentBytes += size;
      this.#inFlightBytes = size;
      this.writeMany(ranges, onWritten);
    }
    sharedWriter = before;
  }

  /** Told once for each write: within it when the operating system took all of it at once, else when it has. */
  private written(error: Error | null | undefined): void {
    this.#inFlightBytes = 0;
    if (error) {
      this.destroy(error);
      return;
    }
    if (sharedWriter === this || this.destroyed) return;
    this.#unsentBytes = -1;
    this.flush();
    if (this.#inFlightBytes === 0) this.tell(() => this.sink.drained());
  }

  /** For kinds: bytes have come. */
  takeChunk(chunk: Uint8Array): void {
    this.#flags |= Flag.receivedSinceSweep;
    this.receivedBytes += chunk.length;
    const before = sharedReceiver;
    sharedReceiver = this;
    try {
      this.sink.receive(chunk);
    } catch (error) {
      this.failed(error);
    } finally {
      sharedReceiver = before;
    }
    if (this.output.byteLength > 0 && !this.has(Flag.held)) this.flush();
  }

  /** For kinds: the peer's FIN has come. */
  takeEnd(): void {
    if (this.peerEnded) return;
    this.#flags |= Flag.peerEnded;
    this.tell(() => this.sink.receiveEnd());
    if (!this.has(Flag.held)) this.flush();
  }

  /** For kinds: the stream will end with this error. */
  takeError(error: Error): void {
    this.#error ??= error;
    this.#flags |= Flag.destroyed;
  }

  /** For kinds: the stream was destroyed, by whomever; `takeClose` follows, in a later turn. */
  takeDestroy(): void {
    this.#flags |= Flag.destroyed;
  }

  /** For kinds: the stream is closed; called once. */
  takeClose(): void {
    this.#flags |= Flag.destroyed;
    this.output.clear();
    this.#inFlightBytes = 0;
    this.tell(() => this.sink.gone(this.#error));
    this.#owner?.channelGone(this);
  }

  /** From `flushAll`. */
  flushNow(): void {
    this.#flags &= ~(Flag.flushQueued | Flag.held);
    this.flush();
  }

  private has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  /** Calls the sink. What it throws is a fault of ours, and must not end the process nor keep this channel half alive. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    // As text: an Error would keep its own name, and nobody could tell the warning from others.
    process.emitWarning(printable(error), 'BarewireFault');
    this.destroy(asError(error));
  }
}

/** Whose chunk is being received: it flushes when that is over. Of one channel at a time, but for memory pairs within memory pairs. */
let sharedReceiver: QueuedChannel | undefined;

/** Who is within a write, to tell a write that the system took at once from one that is completed later. */
let sharedWriter: QueuedChannel | undefined;

/** Channels with output of this turn. Empty between turns. */
let sharedFlushQueue: QueuedChannel[] = [];

function flushAll(): void {
  const queue = sharedFlushQueue;
  sharedFlushQueue = [];
  for (const channel of queue) channel.flushNow();
}
