/**
 * Everything in this library that looks behind Node's public face, each with a check and a way to do without.
 *
 * - `acceptSockets`: accepted TCP sockets that read into one shared buffer. Node offers that (`onread`) for sockets that
 *   connect only. A quarter to a third less CPU than `'data'` events, which allocate up to 64 KiB each.
 * - `readShared`: the same for a socket that a `node:http` server hands over, which was made without `onread`.
 * - `forgoWrite`: of a socket that only its channel writes to, what Node keeps for `write`.
 * - `answersAnother`: whether such a socket still has a response of `node:http` to carry.
 * - `socketUnder`: the TCP socket that a TLS socket was made of.
 * - `unsentBytes`, `peerOf`: numbers that the handle knows and the socket does not tell, or tells at a price.
 * - `hearDestroy`: at once when a socket is destroyed; `'close'` comes a turn later.
 * - `hearEnd`: the place of Node's own listener for `'end'`, where that does nothing.
 * - `writeDirectly`, `writeManyDirectly`: the writing half that every stream has below its public `write`.
 *
 * Where the inside of Node does not look as expected, each falls back to what is public. Tested on Node 20, 22, 24 and 26.
 * Of this library it imports the port, and tells `bytes/lent-memory.ts` which memory is read into. Read next: `socket.ts`.
 */

import { Buffer } from 'node:buffer';
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { type Server, Socket } from 'node:net';
import { readsInto } from '../bytes/lent-memory.ts';
import type { Remote } from './port.ts';

/** What one read can bring. 64 KiB is what libuv reads at a time by itself; 256 KiB did not measure faster on loopback. */
const READ_BUFFER_BYTES = 65_536;

/** The one buffer that all sockets without TLS read into: a read and its callback are one synchronous step. */
const sharedReadBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
readsInto(sharedReadBuffer.buffer);

/** Who receives what a socket reads. It hangs on the socket, so that one callback serves all of them. */
export interface Reader {
  takeChunk(chunk: Uint8Array): void;
  takeDestroy(): void;
}

const kReader = Symbol('reader');
type Destroy = (error: Error | null, callback: (error?: Error | null) => void) => void;
type Carrier = Socket & { [kReader]?: Reader; _destroy: Destroy };

/** Lets `reader` receive what `socket` reads, if it was made with `SHARED_READ`; `readerOf` finds it again in any case. */
export function readInto(socket: Socket, reader: Reader): void {
  (socket as Carrier)[kReader] = reader;
}

/** Whom `readInto` was given. */
export function readerOf(socket: Socket): Reader {
  return (socket as Carrier)[kReader]!;
}

/** Whether `readInto` was called: a channel has this socket, or has had it. */
export function hasReader(socket: Socket): boolean {
  return (socket as Carrier)[kReader] !== undefined;
}

function onRead(this: unknown, size: number, buffer: Uint8Array): boolean {
  const chunk = size === buffer.length ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset, size);
  (this as Carrier)[kReader]!.takeChunk(chunk);
  return true;
}

/** Options with which a client's socket reads into the shared buffer, through Node's documented `onread`. */
export const SHARED_READ: {
  readonly buffer: Uint8Array;
  readonly callback: (size: number, buffer: Uint8Array) => boolean;
} = {
  buffer: sharedReadBuffer,
  callback: onRead,
};

/** Where `net.Socket` keeps what `onread` was given: the buffer, and the callback. Null in a socket that was made without. */
const BUFFER = 'kBuffer';
const CALLBACK = 'kBufferCb';

/**
 * Lets a socket that was made without `onread` read into the shared buffer from now on, as if it had been made with it.
 * False where the inside of Node does not look as expected: then nothing was changed. What the socket has read already
 * stays in it. The socket itself stays, with its place in its server's count and the listeners that others put on it: a
 * second socket around its handle would have neither, and both would live.
 */
export function readShared(socket: Socket): boolean {
  const handle = (socket as Inside)._handle;
  if (typeof handle?.useUserBuffer !== 'function' || 'encrypted' in socket) return false;
  const keys = Object.getOwnPropertySymbols(socket);
  const buffer = keys.find((key) => key.description === BUFFER);
  const callback = keys.find((key) => key.description === CALLBACK);
  const fields = socket as unknown as Record<symbol, unknown>;
  if (buffer === undefined || callback === undefined || fields[buffer] !== null || fields[callback] !== null)
    return false;
  fields[buffer] = sharedReadBuffer;
  fields[callback] = onRead;
  handle.useUserBuffer(sharedReadBuffer);
  return true;
}

/** Whether a response of `node:http` to another request of this connection than `request` has not been ended. */
export function answersAnother(socket: object, request: object | undefined): boolean {
  const message = (socket as { _httpMessage?: { readonly req?: object } | null })._httpMessage ?? null;
  return message !== null && (request === undefined || message.req !== request);
}

interface Handle {
  /** Bytes given to libuv that the kernel has not taken. */
  readonly writeQueueSize?: number;
  useUserBuffer?(buffer: Uint8Array): void;
  setNoDelay?(on: boolean): void;
  getpeername?(out: { address?: string; port?: number }): number;
  readStop?(): number;
  onconnection?: ((this: unknown, status: number, client: Handle | undefined) => void) | undefined;
}
interface Inside {
  _handle?: Handle | null;
  _connections?: number;
  encrypted?: boolean;
  _parent?: unknown;
  _events?: { end?: unknown };
  _writableState?: { onwrite?: unknown };
}

/**
 * Tells the reader of `socket` when that is destroyed, by whomever: to ask for it with each message takes a fourteenth of
 * what a message of 20 octets costs. `_destroy` is what a stream has for its own kind to be told, at once and once.
 */
export function hearDestroy(socket: Socket): void {
  const carrier = socket as Carrier;
  if (!Object.hasOwn(socket, '_destroy')) {
    carrier._destroy = destroyTold;
    return;
  }
  const { _destroy: destroy } = carrier; // somebody else's, for this socket alone
  carrier._destroy = function (this: Carrier, error, callback) {
    this[kReader]!.takeDestroy();
    destroy.call(this, error, callback);
  };
}

function destroyTold(this: Carrier, error: Error | null, callback: (error?: Error | null) => void): void {
  this[kReader]!.takeDestroy();
  (Object.getPrototypeOf(this) as Carrier)._destroy.call(this, error, callback);
}

/** Node's own listener for `'end'`: it forbids writing where a socket may not be half open, and else does nothing. */
const END_LISTENER = 'onReadableStreamEnd';

/**
 * `listener` hears `'end'`: in a socket that may be half open, in the place of Node's own listener. The list that two of
 * them need is 104 bytes of an idle connection.
 */
export function hearEnd(socket: Socket, listener: () => void): void {
  const events = (socket as unknown as Inside)._events;
  const only = events?.end;
  if (socket.allowHalfOpen && typeof only === 'function' && only.name === END_LISTENER) events!.end = listener;
  else socket.on('end', listener);
}

/** The socket that a TLS server was given and made `tls` of; `tls` itself where Node does not say. */
export function socketUnder(tls: Socket): object {
  const { _parent: parent } = tls as Inside;
  return parent instanceof Socket ? parent : tls;
}

/** How many bytes of the write under way the kernel has not taken; 0 where that cannot be known. Kept by libuv for TCP, pipes and TLS. */
export function unsentBytes(socket: Socket): number {
  return (socket as Inside)._handle?.writeQueueSize ?? 0;
}

/** Filled by the system's call, read at once. */
const sharedPeer: { address?: string; port?: number } = {};

/** Where connections come from one address, as behind a proxy, they share one string. At most 45 characters. */
let sharedLastAddress = '';

/**
 * Who is at the other end. `socket.remoteAddress` says it too, and keeps 250 bytes for it as long as the socket lives;
 * this costs one system call, and the string.
 */
export function peerOf(socket: Socket): Remote {
  const handle = (socket as Inside)._handle;
  const secure = 'encrypted' in socket; // the mark of a `TLSSocket`
  if (secure || typeof handle?.getpeername !== 'function') {
    return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, secure };
  }
  if (handle.getpeername(sharedPeer) !== 0) return { address: '', port: 0, secure };
  const { address = '', port = 0 } = sharedPeer;
  if (address !== sharedLastAddress) sharedLastAddress = address;
  return { address: sharedLastAddress, port, secure };
}

/**
 * The writing half that every Node stream has below its public `write`. Called directly, since what `write` adds, a queue and a
 * callback in a later tick, stands in `QueuedChannel` already: 3.91 µs against 4.13 for 100 octets to each of 500 sockets, 3.55 of
 * them the kernel's. The documentation keeps these methods for `Writable`, which serialises their calls; so does the channel,
 * and nothing else writes to its socket. `end` goes the public way once all is written.
 */
interface WritableInside {
  _write(chunk: Uint8Array, encoding: 'buffer', callback: (error?: Error | null) => void): void;
  _writev(chunks: { chunk: Uint8Array; encoding: 'buffer' }[], callback: (error?: Error | null) => void): void;
}

/** Gives `chunk` to the system; `written` is called within when all of it was taken at once. */
export function writeDirectly(socket: Socket, chunk: Uint8Array, written: (error?: Error | null) => void): void {
  (socket as unknown as WritableInside)._write(chunk, 'buffer', written);
}

/** Gives all of `chunks` to the system in one call. */
export function writeManyDirectly(
  socket: Socket,
  chunks: readonly Uint8Array[],
  written: (error?: Error | null) => void,
): void {
  const all = chunks.map((chunk) => ({ chunk, encoding: 'buffer' as const }));
  (socket as unknown as WritableInside)._writev(all, written);
}

/** Told of one accepted connection; where it does not use the shared buffer, it is paused and wants `'data'` events. `isKnown`: somebody else has it too. */
export type Accept = (socket: Socket, usesSharedBuffer: boolean, isKnown: boolean) => void;

/** Node tells it of each socket that a server accepts. */
const socketChannel = diagnosticsChannel('net.server.socket');

/**
 * Hands over each connection that a `net.Server` accepts as a socket that reads into the shared buffer.
 * The socket is made here, in place of what Node's `onconnection` does; a second socket around the handle of Node's own
 * costs 8 µs and, through garbage that outlives the young generation, 0.6 KB to 1.5 KB a connection more.
 * Where the inside of Node does not look as expected, its own sockets are handed over.
 * What Node's own accepting does besides, and this does not: `'connection'`.
 */
export function acceptSockets(server: Server, accept: Accept): void {
  server.on('connection', (socket) => accept(socket, false, true));
  server.on('listening', () => {
    const inside = server as unknown as Inside;
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
      const socket = socketAround(client);
      // The server counts its connections down when a socket that names it is destroyed, and closes at none.
      inside._connections!++;
      Object.assign(socket, { server, _server: server });
      const isKnown = socketChannel.hasSubscribers; // asked before: whoever is told may leave within the call
      if (isKnown) socketChannel.publish({ socket });
      accept(socket, true, isKnown);
    };
  });
}

/**
 * Takes from a socket that nobody but its channel has what Node makes for `write`: a function of its own, 96 bytes of an idle
 * connection. The channel writes below it (`writeDirectly`), and `end` and `destroy` do without it.
 */
export function forgoWrite(socket: Socket): void {
  const state = (socket as unknown as Inside)._writableState;
  if (typeof state?.onwrite === 'function') state.onwrite = onWriteOfNobody;
}

function onWriteOfNobody(): never {
  throw new TypeError('write was called on a socket that its channel writes to');
}

function socketAround(handle: Handle): Socket {
  const options = { handle, allowHalfOpen: true, onread: SHARED_READ };
  return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
}
