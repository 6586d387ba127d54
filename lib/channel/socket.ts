/**
 * A TCP or TLS socket, or a Unix socket, as a channel.
 *
 * Reading: sockets without TLS read into one buffer that all connections share; TLS sockets, and any Node whose internals
 * look different, use `'data'` events. Either way a sink sees a chunk that is only lent to it.
 * Writing: through the socket's own `_write` and `_writev`, one system call for all that waits.
 * Read next: `node-internals.ts`, and `duplex.ts` for every other stream.
 */

import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { ByteRange } from '../bytes/output.ts';
import {
  hearDestroy,
  hearEnd,
  peerOf,
  readerOf,
  readInto,
  unsentBytes,
  writeDirectly,
  writeManyDirectly,
} from './node-internals.ts';
import type { Owner, Remote, Sink } from './port.ts';
import { QueuedChannel, type Written } from './queued-channel.ts';

/**
 * At most this much is given to the operating system in one go. With half of it an echo of 1 MiB takes five system
 * calls, not three; 1.1 times as many echoes, and no more with 2 MiB.
 */
const MAX_WRITE_BYTES = 524_288;

export class SocketChannel extends QueuedChannel {
  readonly #socket: Socket;
  #address: string;
  #port: number;

  /** `reads`: what `socket` was made for. A socket that is still connecting has no peer yet: see `connected`. */
  constructor(socket: Socket, sink: Sink, reads: 'shared buffer' | 'data events', owner?: Owner) {
    super(sink, owner);
    this.#socket = socket;
    const { address, port } = peerOf(socket);
    this.#address = address;
    this.#port = port;
    readInto(socket, this);
    hearDestroy(socket);
    hearEnd(socket, onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    if (reads === 'data events') socket.on('data', onData);
  }

  /** The shared buffer, or what Node has read for this socket alone. */
  override get chunksAreWritable(): boolean {
    return true;
  }

  /** For clients: the peer is known from here on. */
  connected(): void {
    const { address, port } = peerOf(this.#socket);
    this.#address = address;
    this.#port = port;
  }

  get remote(): Remote {
    return { address: this.#address, port: this.#port, secure: 'encrypted' in this.#socket };
  }

  /** For the PROXY protocol: who is at the other end of the proxy. */
  proxied(address: string, port: number): void {
    this.#address = address;
    this.#port = port;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  probeAfter(ms: number): void {
    this.#socket.setKeepAlive(true, ms);
  }

  protected get maxWriteBytes(): number {
    return MAX_WRITE_BYTES;
  }

  protected writeOne(range: ByteRange, written: Written): void {
    writeDirectly(this.#socket, view(range), written);
  }

  protected writeMany(ranges: readonly ByteRange[], written: Written): void {
    writeManyDirectly(this.#socket, ranges.map(view), written);
  }

  protected endOutput(): void {
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  protected drop(error: Error | undefined): void {
    this.#socket.destroy(error);
  }

  protected unsentBytes(): number {
    return unsentBytes(this.#socket);
  }
}

/** The last view made of a shared range: the members of a room are written the same one. Its memory is a block of output. */
let sharedView: Buffer = Buffer.alloc(0);
let sharedViewOf: Uint8Array = sharedView;
let sharedViewStart = 0;
let sharedViewEnd = 0;

/** A view of memory larger than this is not remembered, since it would keep that memory. */
const MAX_REMEMBERED_BYTES = 65_536;

function view(range: ByteRange): Buffer {
  const { bytes, start, end } = range;
  if (bytes === sharedViewOf && start === sharedViewStart && end === sharedViewEnd) return sharedView;
  const made = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  if (bytes.buffer.byteLength > MAX_REMEMBERED_BYTES) return made;
  sharedViewOf = bytes;
  sharedViewStart = start;
  sharedViewEnd = end;
  sharedView = made;
  return made;
}

/** One set of listeners serves all sockets. */
function channelOf(socket: Socket): SocketChannel {
  return readerOf(socket) as SocketChannel;
}

function onEnd(this: Socket): void {
  channelOf(this).takeEnd();
}
function onError(this: Socket, error: Error): void {
  channelOf(this).takeError(error);
}
function onClose(this: Socket): void {
  channelOf(this).takeClose();
}
function onData(this: Socket, chunk: Buffer): void {
  // What a stream holds in its buffer it hands over also when it was destroyed meanwhile.
  if (!this.destroyed) channelOf(this).takeChunk(chunk);
}
