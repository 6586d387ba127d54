/**
 * Any Node stream as a channel, through its public face: an HTTP/2 stream, a TLS socket over a proxy's tunnel, a response
 * of `node:http` (which is only written), a test's own stream.
 *
 * Reading: `'data'` and `'end'`; a stream that cannot be read says nothing. Writing: `write` with a callback, at most
 * `MAX_WRITE_BYTES` at a time, so that progress shows and little lies in the stream's own buffer.
 * What ends it in any way (`'close'`, also without `'end'` or `'error'`) is told once.
 * Read next: `memory.ts`.
 */

import { keepable } from '../bytes/lent-memory.ts';
import type { ByteRange } from '../bytes/output.ts';
import type { Owner, Remote, Sink } from './port.ts';
import { QueuedChannel, type Written } from './queued-channel.ts';

/** What is used of a stream: every `Duplex`, and what `node:http` gives to write a response to. */
export interface WritableSide {
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
  cork?(): void;
  uncork?(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** The readable half of a `Duplex`. */
export interface ReadableSide {
  readonly readableEnded: boolean;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

/** An HTTP/2 frame carries 16 KiB by default; four of them leave in one write, and a slow reader shows in steps of that size. */
const MAX_WRITE_BYTES = 65_536;

export interface DuplexOptions {
  readonly stream: WritableSide;
  /** Undefined where nothing is read: a response. */
  readonly readable?: ReadableSide | undefined;
  readonly remote: Remote;
  readonly owner?: Owner | undefined;
  /** Probes the connection below, where there is one that this stream has for itself. */
  readonly probe?: ((ms: number) => void) | undefined;
}

export class DuplexChannel extends QueuedChannel {
  readonly remote: Remote;
  readonly #stream: WritableSide;
  readonly #readable: ReadableSide | undefined;
  readonly #probe: ((ms: number) => void) | undefined;
  #closed = false;

  constructor(options: DuplexOptions, sink: Sink) {
    super(sink, options.owner);
    this.remote = options.remote;
    this.#stream = options.stream;
    this.#readable = options.readable;
    this.#probe = options.probe;
    const { stream, readable } = options;
    stream.on('error', (error) => this.takeError(error));
    stream.on('close', () => this.#close());
    readable?.on('end', () => this.takeEnd());
    readable?.on('data', (chunk) => {
      // What a stream holds in its buffer it hands over also when it was destroyed meanwhile.
      if (!this.destroyed) this.takeChunk(chunk);
    });
    // A stream that ended before it came here says nothing any more.
    if (readable?.readableEnded === true) setImmediate(() => this.takeEnd());
  }

  override get destroyed(): boolean {
    return super.destroyed || this.#closed || this.#stream.destroyed;
  }

  pause(): void {
    this.#readable?.pause();
  }

  resume(): void {
    this.#readable?.resume();
  }

  probeAfter(ms: number): void {
    this.#probe?.(ms);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.takeClose();
  }

  protected get maxWriteBytes(): number {
    return MAX_WRITE_BYTES;
  }

  protected writeOne(range: ByteRange, written: Written): void {
    // A stream in this process may hold the view for longer than until `written` is called, and lent memory would be written over.
    this.#stream.write(keepable(range.bytes, range.start, range.end), written);
  }

  protected writeMany(ranges: readonly ByteRange[], written: Written): void {
    const stream = this.#stream;
    stream.cork?.();
    for (const [i, { bytes, start, end }] of ranges.entries())
      stream.write(keepable(bytes, start, end), i === ranges.length - 1 ? written : ignoreWritten);
    stream.uncork?.();
  }

  protected endOutput(): void {
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  protected drop(error: Error | undefined): void {
    this.#stream.destroy(error);
  }

  protected unsentBytes(): number {
    return 0; // progress is seen by writes alone
  }
}

/** Of several writes the last one's callback counts; each error ends the stream, which tells of it. */
function ignoreWritten(): void {}
