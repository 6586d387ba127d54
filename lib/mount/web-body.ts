/**
 * The body of a web `Response` as a channel that is only written to.
 *
 * A `ReadableStream` pulls: a range of output is handed over when the reader asks for it, and not before, so that nothing
 * piles up in the stream and `bufferedAmount` is exact. Whoever reads owns the bytes: they are a copy.
 * The reader's `cancel` and the request's abort are the end of the client; what is dropped from our side errors the stream.
 * Read next: `fetch.ts`.
 */

import type { ByteRange } from '../bytes/output.ts';
import type { Owner, Remote, Sink } from '../channel/port.ts';
import { QueuedChannel, type Written } from '../channel/queued-channel.ts';
import { ConnectionClosed } from '../errors.ts';

/** What is handed over at a time: as much as four frames of HTTP/2. */
const MAX_CHUNK_BYTES = 65_536;

export class WebBody extends QueuedChannel {
  readonly remote: Remote;
  /** For the `Response`. */
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** The reader has asked and has not been answered. */
  #asked = false;
  /** The write under way, until the reader asks. */
  #held: { readonly ranges: readonly ByteRange[]; readonly written: Written } | undefined = undefined;
  #closed = false;

  constructor(remote: Remote, sink: Sink, owner: Owner) {
    super(sink, owner);
    this.remote = remote;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#close(),
      },
      { highWaterMark: 0 }, // nothing is asked for before somebody reads
    );
  }

  override get destroyed(): boolean {
    return this.#closed;
  }

  pause(): void {}

  resume(): void {}

  probeAfter(): void {}

  /** The client has left. */
  leave(reason: unknown): void {
    if (this.#closed) return;
    this.#controller.error(reason);
    this.#close();
  }

  protected get maxWriteBytes(): number {
    return MAX_CHUNK_BYTES;
  }

  protected writeOne(range: ByteRange, written: Written): void {
    this.writeMany([range], written);
  }

  protected writeMany(ranges: readonly ByteRange[], written: Written): void {
    this.#held = { ranges, written };
    if (this.#asked) this.#handOver();
  }

  protected endOutput(): void {
    if (this.#closed) return;
    this.#controller.close();
    this.#close();
  }

  protected drop(error: Error | undefined): void {
    this.leave(error ?? new ConnectionClosed('STREAM_DROPPED', 'the event stream was dropped before its end'));
  }

  protected unsentBytes(): number {
    return 0; // progress is seen by writes alone
  }

  #pull(): void {
    this.#asked = true;
    if (this.#held !== undefined) this.#handOver();
  }

  #handOver(): void {
    const { ranges, written } = this.#held!;
    this.#held = undefined;
    this.#asked = false;
    this.#controller.enqueue(concat(ranges));
    written();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = undefined;
    queueMicrotask(() => this.takeClose()); // a sink is never told from within a call to its channel
  }
}

function concat(ranges: readonly ByteRange[]): Uint8Array {
  const size = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const { bytes, start, end } of ranges) {
    all.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return all;
}
