/**
 * One socket's bytes, both ways: reads go to a sink, writes come from an `OutputQueue`.
 *
 * Reading: accepted TCP sockets read into one buffer that all connections share (design: a quarter to a third less CPU
 * than `'data'` events, which allocate up to 64 KiB each); TLS sockets, and any Node whose internals look different, use `'data'`.
 * Either way a sink sees a chunk that is only lent to it.
 * Writing: what a read produced leaves in one write when the read is over; what was sent at other times leaves at the
 * end of this turn of the event loop. At most one write is under way; the rest waits in the queue, where it merges.
 * No timers and no closures for an idle connection. Knows nothing of HTTP, WebSocket or event streams.
 * Read next: `websocket-connection.ts`.
 */

import { Buffer } from 'node:buffer';
import { type Server, Socket } from 'node:net';
import { type ByteRange, OutputQueue, ownFrames } from '../bytes/output.ts';

/** Who receives from a transport. All methods are called from the event loop, never from within a call to the transport. */
export interface Sink {
  /** The chunk is lent for the call. */
  receive(chunk: Uint8Array): void;
  /** The peer has sent its last byte (FIN); writing may still be possible. */
  receiveEnd(): void;
  /** All output has been taken by the operating system, after a time in which it had not. */
  drained(): void;
  /** The socket is gone; nothing follows; `error` if it did not end in peace. */
  gone(error: Error | undefined): void;
}

/** Who counts transports. */
export interface TransportOwner {
  transportGone(transport: Transport): void;
}

/** What one read can bring. 64 KiB is what libuv reads at a time by itself; 256 KiB did not measure faster on loopback. */
const READ_BUFFER_BYTES = 65_536;

/**
 * At most this much is given to the operating system in one go, so that progress of a large message can be seen. With half
 * of it an echo of 1 MiB takes five system calls, not three; 1.1 times as many echoes, and no more with 2 MiB.
 */
const MAX_WRITE_BYTES = 524_288;

/** Where a socket's transport hangs, so that one set of listeners serves all sockets. */
const kTransport = Symbol('transport');
type Carrier = Socket & { [kTransport]?: Transport };

/**
 * The writing half that every Node stream has below its public `write`. Called directly, since what `write` adds, a queue and a
 * callback in a later tick, stands here already: 3.91 µs against 4.13 for 100 octets to each of 500 sockets, 3.55 of them the kernel's.
 * The documentation keeps these methods for `Writable`, which serialises their calls; so does `Transport`, and nothing else writes
 * to its socket. `end` goes the public way once all is written.
 */
interface WritableInside {
  _write(chunk: Uint8Array, encoding: 'buffer', callback: (error?: Error | null) => void): void;
  _writev(chunks: { chunk: Uint8Array; encoding: 'buffer' }[], callback: (error?: Error | null) => void): void;
}

export class Transport {
  readonly socket: Socket;
  /** Who receives; replaced when a connection changes its protocol. */
  sink: Sink;
  /** What is to be written; whoever appends calls `flushSoon`, unless it is called from `receive`. */
  readonly output: OutputQueue = new OutputQueue();
  /** A byte has come since this was last set to false: liveness without reading the clock for each chunk. */
  receivedSinceSweep = true;
  /** What was left of the write under way when `progressed` was last asked; -1: a write has been completed since. */
  #unsentBytes = -1;
  /** Bytes in the write that is under way; 0 when none is. */
  #inFlightBytes = 0;
  /** The socket error, until `closed` is told. */
  #error: Error | undefined = undefined;
  /** In the list of those to be flushed at the end of the turn. */
  #flushQueued = false;
  /** Within `handleChunk`, which flushes when it is done. */
  #receiving = false;
  /** `end` was called: FIN follows the last byte. */
  #ending = false;
  /** Within `_write`, to tell a write that was taken at once from one that is completed later. */
  #writing = false;

  readonly #owner: TransportOwner | undefined;

  constructor(socket: Socket, sink: Sink, owner?: TransportOwner) {
    this.socket = socket;
    this.sink = sink;
    this.#owner = owner;
    (socket as Carrier)[kTransport] = this;
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  /** Bytes accepted for this peer that the operating system has not taken: exact up to the write under way. */
  get bufferedAmount(): number {
    return this.output.byteLength + this.#inFlightBytes;
  }

  /** A write is under way that the operating system has not taken whole. */
  get blocked(): boolean {
    return this.#inFlightBytes > 0;
  }

  /**
   * Whether the system has taken any of the write under way since this was last asked. It takes bytes from us only when
   * a third or so of its own buffer is free, which was 1.6 MB on loopback: a slow reader shows in steps of that size.
   */
  progressed(): boolean {
    const unsent = (this.socket as unknown as Internals)._handle?.writeQueueSize ?? 0;
    if (unsent === this.#unsentBytes) return false;
    this.#unsentBytes = unsent;
    return true;
  }

  /** Writes all that can be written now. */
  flush(): void {
    const { socket, output } = this;
    if (socket.destroyed) {
      output.clear();
      return;
    }
    while (this.#inFlightBytes === 0 && output.byteLength > 0) this.#write(output.take(MAX_WRITE_BYTES)!);
    if (this.#ending && this.bufferedAmount === 0 && !socket.writableEnded) socket.end();
  }

  /** Writes at the end of this turn of the event loop, together with what else is sent until then. */
  flushSoon(): void {
    if (this.#flushQueued || this.#receiving) return;
    this.#flushQueued = true;
    if (flushQueue.length === 0) setImmediate(flushAll);
    flushQueue.push(this);
  }

  /** Ends our direction with a FIN once everything has been written. */
  end(): void {
    this.#ending = true;
    this.flush();
  }

  /** Drops the connection at once; what was not written is lost. */
  destroy(error?: Error): void {
    this.output.clear();
    this.socket.destroy(error);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Gives `range` to the operating system, and with it what stands behind it, in one system call. */
  #write(range: ByteRange): void {
    // For each write anew: kept, it would be 104 bytes of every idle connection; made, it is nothing beside the system call.
    const onWritten = (error?: Error | null) => this.#written(error);
    const { output } = this;
    const socket = this.socket as unknown as WritableInside;
    const size = range.end - range.start;
    this.#inFlightBytes = size;
    this.#writing = true;
    if (output.byteLength === 0) {
      socket._write(view(range), 'buffer', onWritten);
      if (this.#inFlightBytes === 0) ownFrames.release(range); // the kernel has it all: the memory is free again
    } else {
      // Several ranges: header and payload of a large message, or of several.
      const chunks: { chunk: Uint8Array; encoding: 'buffer' }[] = [{ chunk: view(range), encoding: 'buffer' }];
      while (this.#inFlightBytes < MAX_WRITE_BYTES && output.byteLength > 0) {
        const next = output.take(MAX_WRITE_BYTES - this.#inFlightBytes)!;
        this.#inFlightBytes += next.end - next.start;
        chunks.push({ chunk: view(next), encoding: 'buffer' });
      }
      socket._writev(chunks, onWritten);
    }
    this.#writing = false;
  }

  /** Told by Node once for each write: within it when the operating system took all of it at once, else when it has. */
  #written(error: Error | null | undefined): void {
    this.#inFlightBytes = 0;
    if (error) {
      this.destroy(error);
      return;
    }
    if (this.#writing || this.socket.destroyed) return;
    this.#unsentBytes = -1;
    this.flush();
    if (this.#inFlightBytes === 0) this.sink.drained();
  }

  /** From the listeners below. */
  handleChunk(chunk: Uint8Array): void {
    this.receivedSinceSweep = true;
    this.#receiving = true;
    this.sink.receive(chunk);
    this.#receiving = false;
    if (this.output.byteLength > 0) this.flush();
  }

  handleEnd(): void {
    this.sink.receiveEnd();
    this.flush();
  }

  handleError(error: Error): void {
    this.#error = error;
  }

  handleClose(): void {
    this.output.clear();
    this.#inFlightBytes = 0;
    this.sink.gone(this.#error);
    this.#owner?.transportGone(this);
  }

  /** From `flushAll`. */
  flushNow(): void {
    this.#flushQueued = false;
    this.flush();
  }
}

/** Transports with output of this turn. */
let flushQueue: Transport[] = [];

function flushAll(): void {
  const queue = flushQueue;
  flushQueue = [];
  for (const transport of queue) transport.flushNow();
}

/** The last view made of a shared range: the members of a room are written the same one. */
let lastView: Buffer = Buffer.alloc(0);
let lastViewed: Uint8Array | undefined;
let lastStart = 0;
let lastEnd = 0;

function view(range: ByteRange): Buffer {
  const { bytes, start, end } = range;
  if (bytes === lastViewed && start === lastStart && end === lastEnd) return lastView;
  lastViewed = bytes;
  lastStart = start;
  lastEnd = end;
  lastView = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return lastView;
}

function onEnd(this: Socket): void {
  (this as Carrier)[kTransport]!.handleEnd();
}
function onError(this: Socket, error: Error): void {
  (this as Carrier)[kTransport]!.handleError(error);
}
function onClose(this: Socket): void {
  (this as Carrier)[kTransport]!.handleClose();
}
function onData(this: Socket, chunk: Buffer): void {
  (this as Carrier)[kTransport]!.handleChunk(chunk);
}

/** The one buffer that all sockets without TLS read into: a read and its callback are one synchronous step. */
const readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

function onRead(this: unknown, size: number, buffer: Uint8Array): boolean {
  const chunk = size === buffer.length ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset, size);
  (this as Carrier)[kTransport]!.handleChunk(chunk);
  return true;
}

/** Begins to read from a socket through `'data'` events. */
export function readWithEvents(transport: Transport): void {
  transport.socket.on('data', onData);
}

/** What a server and its handles have inside: the one place where this library looks behind Node's public interface. */
interface Handle {
  /** Bytes given to the system's part of Node that the kernel has not taken. */
  readonly writeQueueSize?: number;
  onconnection?: ((this: unknown, status: number, client: ClientHandle | undefined) => void) | undefined;
}
interface ClientHandle {
  readonly useUserBuffer?: unknown;
  setNoDelay?(on: boolean): void;
}
interface Internals {
  _handle?: Handle | null;
  _connections?: number;
}

/** Told of one accepted connection; where it does not use the shared buffer, it is paused and wants `readWithEvents`. */
export type Accept = (socket: Socket, usesSharedBuffer: boolean) => void;

/**
 * Hands over each connection that a `net.Server` accepts as a socket that reads into the shared buffer.
 * Node offers that (`onread`) for sockets that connect, not for accepted ones, so the socket is made here, in place of
 * what Node's `onconnection` does; a second socket around the handle of Node's own costs 8 µs and, through garbage that
 * outlives the young generation, 0.6 KB to 1.5 KB a connection more.
 * Where the inside of Node does not look as expected, its own sockets are handed over.
 * What Node's own accepting does besides, and this does not: `'connection'` and the diagnostics channel `net.server.socket`.
 */
export function acceptSockets(server: Server, accept: Accept): void {
  server.on('connection', (socket) => accept(socket, false));
  server.on('listening', () => {
    const inside = server as unknown as Internals;
    const handle = inside._handle;
    const onconnection = handle?.onconnection;
    if (typeof onconnection !== 'function' || typeof inside._connections !== 'number') return;
    handle!.onconnection = function (status, client) {
      // A failed accept has no client; the server is told of it there.
      if (typeof client?.useUserBuffer !== 'function') {
        onconnection.call(this, status, client);
        return;
      }
      client.setNoDelay?.(true); // a Unix socket has none
      const options = { handle: client, allowHalfOpen: true, onread: SHARED_READ };
      const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
      // The server counts its connections down when a socket that names it is destroyed, and closes at none.
      inside._connections!++;
      Object.assign(socket, { server, _server: server });
      accept(socket, true);
    };
  });
}

/** Options with which a client's socket reads into the shared buffer, through Node's documented `onread`. */
export const SHARED_READ: {
  readonly buffer: Uint8Array;
  readonly callback: (size: number, buffer: Uint8Array) => boolean;
} = {
  buffer: readBuffer,
  callback: onRead,
};
