/**
 * The port between connections and the world: bytes in, bytes out, pressure, end. Types only.
 *
 *     kind of channel (socket, duplex, memory) ──chunks──► Sink         connection ──output──► Channel
 *
 * A connection sees this file and nothing of `net.Socket`; a kind of channel sees this file and nothing of HTTP, WebSocket
 * or event streams. So each connection works over TCP, TLS, an HTTP/2 stream and memory alike.
 * Read next: `queued-channel.ts`, what all kinds share.
 */

import type { OutputQueue } from '../bytes/output.ts';

/** Who is at the other end, as the transport knows it; proxies are the business of `http/forwarded.ts`. */
export interface Remote {
  /** IP address without brackets; empty where there is none, as on a Unix socket. */
  readonly address: string;
  /** TCP port; 0 where there is none. */
  readonly port: number;
  /** The bytes are protected by TLS. */
  readonly secure: boolean;
}

/**
 * Who receives from a channel. All methods are called from the event loop, never from within a call to the channel.
 * An exception that leaves one of them is our own fault: it ends this channel, with that error, and no other.
 */
export interface Sink {
  /** The chunk is lent for the call. */
  receive(chunk: Uint8Array): void;
  /** The peer has sent its last byte (FIN); writing may still be possible. Told at most once. */
  receiveEnd(): void;
  /** All output has been taken by the operating system, after a time in which it had not. */
  drained(): void;
  /** The channel is gone; nothing follows. `error` if it did not end in peace. Told exactly once. */
  gone(error: Error | undefined): void;
}

/** Who counts channels: told after `gone`, also of channels that were destroyed before they had a sink of their own. */
export interface Owner {
  channelGone(channel: Channel): void;
}

/** What a connection may ask of a byte stream. */
export interface Channel {
  /** Who receives; replaced when a connection changes its protocol. */
  sink: Sink;
  /** What is to be written, in order; whoever appends calls `flush` or `flushSoon`, unless called from `receive`. */
  readonly output: OutputQueue;
  /** Known from the start, and also when the connection has gone. */
  readonly remote: Remote;
  /** Nobody else looks at the chunks that the sink is given: it may write to them, as messages that are lent are unmasked. */
  readonly chunksAreWritable: boolean;
  /** A byte has come since this was last set to false: liveness without reading the clock for each chunk. */
  receivedSinceSweep: boolean;
  /** Counts against a limit on connections from its address, which does not change from here on (see `net/address-counts.ts`). */
  counted: boolean;
  /** Bytes that have come, and that were given to the operating system, since the channel or its protocol began. */
  receivedBytes: number;
  sentBytes: number;
  /** Bytes accepted for this peer that the operating system has not taken: exact up to the write under way. */
  readonly bufferedAmount: number;
  /** A write is under way that the operating system has not taken whole. */
  readonly blocked: boolean;
  /** The peer's FIN has come, whether or not the sink of today was told. */
  readonly peerEnded: boolean;
  /** `destroy` was called, or the connection has broken. */
  readonly destroyed: boolean;
  /** Whether the system has taken any of the write under way since this was last asked. */
  progressed(): boolean;
  /** Writes all that can be written now. */
  flush(): void;
  /** Writes at the end of this turn of the event loop, together with what else is sent until then. */
  flushSoon(): void;
  /** As `flushSoon`, where called from `receive` too, which else is over sooner: promises that settle in this turn come first. */
  flushLast(): void;
  /** Ends our direction with a FIN once everything has been written. */
  end(): void;
  /** Drops the connection at once; what was not written is lost. */
  destroy(error?: Error): void;
  /** Stops the reading: the peer is held back by its transport. */
  pause(): void;
  resume(): void;
  /** Lets the transport find out by itself that the peer has vanished, after `ms` of silence, where it can (TCP keep-alive). */
  probeAfter(ms: number): void;
}
