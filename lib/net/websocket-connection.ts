/**
 * Binds one `WebSocketProtocol` to one `Channel`, on either side of the wire.
 *
 *     channel ──chunk──► protocol.receive ──values──► handlers          protocol.output ──► channel
 *
 * Adds what the pure core cannot own: backpressure and `drain`, a pause that is exact, and the deadlines for pongs, writes and the
 * closing handshake (see `deadlines.ts`). What is sent stands in `sending-connection.ts`. Guarantees: `open` is followed by exactly one `close`, nothing is
 * delivered outside of them, and a handler that throws ends its own connection only (1011).
 * Handlers get `face`, what its maker wants them to see, and never this object. Messages in parts come to `streaming-connection.ts`.
 * Read next: `server-websocket.ts`, the face of servers, and `../client/websocket.ts`, that of clients.
 */

import type { Channel, Sink } from '../channel/port.ts';
import { asError, ConnectionClosed, isInstance, ProtocolViolation } from '../errors.ts';
import { CloseCode, encodeClosePayload } from '../websocket/close.ts';
import { MAX_CONTROL_PAYLOAD_BYTES } from '../websocket/frame.ts';
import type { AgreedExtensions, Incoming, IncomingReceiver } from '../websocket/protocol.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type { Wait } from './deadlines.ts';
import { type Guarded, guard, watch } from './guard.ts';
import { Pings } from './pings.ts';
import { Flag, mustBeBytes, SendingConnection, STOPPED } from './sending-connection.ts';

/** The readyState values of the WHATWG interface. */
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/**
 * Beyond this many bytes that wait for the system only the latest ping is answered. Choice: not with the first, since TLS and other
 * streams take a write only in a later turn, and that a write is under way does not mean that the peer is not reading.
 */
const MAX_BYTES_BEFORE_PONGS = 16_384;

function isBlocked(channel: Channel): boolean {
  return channel.blocked && channel.bufferedAmount > MAX_BYTES_BEFORE_PONGS;
}

export class WebSocketConnection<Face> extends SendingConnection<Face> implements Sink, IncomingReceiver, Guarded {
  protected readonly face: Face;
  /** Whole messages. */
  receivedMessages = 0;
  /** Why the connection did not end in peace; set before `close` is called. */
  protected error: Error | undefined = undefined;
  /** Pings that somebody waits for; made with the first. */
  #pings: Pings | undefined = undefined;
  /** From the last ping of any kind to its pong, in ms; undefined before the first. */
  roundTripMs: number | undefined = undefined;

  constructor(channel: Channel, settings: ConnectionSettings<Face>, agreed: AgreedExtensions, face: Face) {
    super(channel, settings, agreed);
    this.face = face;
    channel.sink = this;
    this.waitAnew('peer');
    settings.sweeper.add(this);
  }

  get readyState(): number {
    if (this.has(Flag.closed)) return CLOSED;
    return this.core.state === 'OPEN' && !this.channel.destroyed ? OPEN : CLOSING;
  }

  /** Sends a ping and answers the promise of `ServerWebSocket.ping`. @throws RangeError beyond 125 bytes */
  ping(payload?: Uint8Array): Promise<number | undefined> {
    if (payload !== undefined) mustBeBytes(payload);
    if (payload !== undefined && payload.length > MAX_CONTROL_PAYLOAD_BYTES) {
      throw new RangeError(
        `ping payload is ${payload.length} bytes, limit ${MAX_CONTROL_PAYLOAD_BYTES} (RFC 6455 §5.5)`,
      );
    }
    if (!this.mayTake(payload?.length ?? Pings.PAYLOAD_BYTES)) return Promise.resolve(undefined);
    this.#pings ??= new Pings();
    const ping = this.#pings.begin(payload?.length === 0 ? undefined : payload);
    this.core.sendPing(ping.payload);
    this.leave();
    return ping.roundTrip;
  }

  close(code?: number, reason = ''): void {
    if (this.core.state !== 'OPEN') {
      encodeClosePayload(code, reason); // a caller's mistake is one in every state
      return;
    }
    this.core.sendClose(code, reason);
    this.endWhenOver();
    this.channel.flushSoon();
  }

  terminate(): void {
    this.channel.destroy();
  }

  /** As `ServerWebSocket.pause`. */
  pause(): void {
    this.stop(Flag.paused);
  }

  resume(): void {
    this.go(Flag.paused);
  }

  /** As `pause`, for whoever reads messages and has enough of them: neither ends what the other began. */
  hold(): void {
    this.stop(Flag.behind);
  }

  release(): void {
    this.go(Flag.behind);
  }

  /** Reads from here on, unless it has been paused: its maker has told whoever is to hear of messages. */
  startReading(): void {
    if (!this.has(STOPPED)) this.channel.resume();
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    const blocked = isBlocked(this.channel);
    if (this.core.outputBlocked !== blocked) this.core.outputBlocked = blocked;
    this.core.receiveInto(chunk, this);
    if (this.core.closeExpected) this.endWhenOver();
  }

  /** `Sink`: a FIN without a close frame is 1006 (§7.1.5); nothing is left to wait for but what the peer may still take. */
  receiveEnd(): void {
    if (this.has(STOPPED)) {
      this.flags |= Flag.owesEnd; // what came before it has not been read
      return;
    }
    this.core.receiveEnd();
    this.channel.end();
    this.waitFor('close');
  }

  /** `Sink`. */
  drained(): void {
    if (this.core.outputBlocked) this.core.outputBlocked = false;
    if (this.channel.output.byteLength > 0) this.channel.flushSoon();
    const { handlers } = this.settings;
    guard(this, handlers.written, handlers, this.face);
    if (!this.has(Flag.owesDrain) || this.channel.bufferedAmount > 0) return;
    this.flags &= ~Flag.owesDrain;
    if (this.core.state === 'OPEN') guard(this, handlers.drain, handlers, this.face);
  }

  /** `Sink`. */
  gone(error: Error | undefined): void {
    if (this.has(Flag.closed)) return;
    this.flags |= Flag.closed;
    this.settings.sweeper.delete(this);
    this.core.receiveEnd();
    const { closeCode, closeReason } = this.core;
    this.error ??= closeCode === CloseCode.Abnormal ? error : undefined;
    this.#pings?.end();
    const { handlers } = this.settings;
    guard(this, handlers.close, handlers, this.face, closeCode, closeReason, this.error);
  }

  /** `IncomingReceiver`: while the chunk is still being read, so that answers keep their order. */
  deliver(incoming: Incoming): void {
    // Drop the rest of this chunk: a handler has failed, or has dropped the connection.
    if (this.error !== undefined || this.channel.destroyed) return;
    const { kind } = incoming;
    if (kind !== 'text' && kind !== 'binary') {
      this.deliverOther(incoming);
      return;
    }
    this.receivedMessages++;
    const { handlers } = this.settings;
    // `guard`, written out: V8 sees which function is called here, and puts it in this place.
    try {
      const result =
        kind === 'text'
          ? handlers.text?.(this.face, incoming.data)
          : handlers.binary?.(this.face, incoming.data as Uint8Array);
      if (result !== undefined) watch(this, result);
    } catch (error) {
      this.handlerFailed(error);
    }
  }

  /** What comes seldom. Apart, since V8 puts only so much code into the loop over a chunk, and messages are to be in it. */
  private deliverOther(incoming: Incoming): void {
    const { handlers } = this.settings;
    switch (incoming.kind) {
      case 'ping':
        guard(this, handlers.ping, handlers, this.face, incoming.data);
        return;
      case 'pong':
        this.measure(incoming.data);
        guard(this, handlers.pong, handlers, this.face, incoming.data);
        return;
      case 'failed': {
        const error = new ProtocolViolation(incoming.code, incoming.detail, incoming.section);
        this.error = error;
        guard(this, handlers.failed, handlers, this.face, error);
        return;
      }
      default:
        return; // `close` is called when TCP has ended (§7.1.4), and parts come to `StreamingConnection`
    }
  }

  /** `Guarded`. */
  handlerFailed(error: unknown): void {
    // The peer has left, and a handler that waited for it was told so: that is no fault of its own, and `close` tells.
    if (isInstance(error, ConnectionClosed) && this.readyState !== OPEN) return;
    this.error ??= asError(error);
    this.settings.onError(error);
    this.close(CloseCode.InternalError);
  }

  /** `Timed`. */
  protected expected(): Wait {
    if (this.waitingFor === 'write') this.flags |= Flag.slow;
    if (this.core.state !== 'OPEN' || this.channel.peerEnded) return 'close';
    // Any byte is a sign of life; a pong is only asked for when there was none.
    return this.waitingFor === 'pong' && !this.channel.receivedSinceSweep && !this.has(STOPPED) ? 'pong' : 'peer';
  }

  /** `Timed`. */
  protected renewed(wait: Wait): boolean {
    // Who does not read is not asked either: a ping to a peer that has gone is answered by a reset, with which all that it sent before is lost.
    if (wait !== 'peer' || !(this.channel.receivedSinceSweep || this.has(STOPPED))) return false;
    this.channel.receivedSinceSweep = false;
    this.flags &= ~Flag.slow;
    return true;
  }

  /** `Timed`. */
  protected durationMs(wait: Wait): number {
    const { pingIntervalMs, pongTimeoutMs, writeTimeoutMs, closeTimeoutMs } = this.settings;
    if (wait === 'peer') return pingIntervalMs;
    if (wait === 'write') return writeTimeoutMs;
    // The answer to a ping or a close frame that stands behind what a slow peer has yet to read.
    const answerMs = wait === 'close' ? closeTimeoutMs : pongTimeoutMs;
    return this.has(Flag.slow) ? Math.max(answerMs, writeTimeoutMs) : answerMs;
  }

  /** `Timed`. */
  protected expired(wait: Wait): void {
    const { pongTimeoutMs, writeTimeoutMs } = this.settings;
    if (wait === 'close') this.channel.destroy();
    else if (wait === 'write') this.die(`the peer has taken nothing for ${writeTimeoutMs} ms`);
    else if (wait === 'pong')
      this.die(`no byte within ${this.has(Flag.slow) ? writeTimeoutMs : pongTimeoutMs} ms after a ping`);
    else {
      this.core.sendPing();
      this.waitAnew('pong');
      this.channel.flush();
    }
  }

  /** A pong has come. A heartbeat has no payload, and every other ping that somebody waits for has one. */
  private measure(payload: Uint8Array): void {
    const isHeartbeat = payload.length === 0 && this.waitingFor === 'pong';
    const roundTripMs = isHeartbeat ? this.waitedMs(this.sweeper.nowMs) : this.#pings?.pong(payload);
    if (isHeartbeat) this.waitAnew('peer');
    if (roundTripMs === undefined) return; // an answer to no ping
    this.roundTripMs = roundTripMs;
    this.settings.observed?.roundTrip(this.face as object, roundTripMs);
  }

  /** Delivers nothing more: what the core has of this chunk waits there, and the rest in the peer's way. */
  private stop(flag: number): void {
    const { state } = this.core;
    if (state !== 'OPEN' && (state !== 'CLOSE_SENT' || flag === Flag.paused)) return;
    this.flags |= flag;
    this.core.hold();
    this.channel.pause();
  }

  /** Goes on, unless there is another reason not to. Delivers what waited before it returns, or until it is stopped again. */
  private go(flags: number): void {
    const stopped = this.has(STOPPED);
    this.flags &= ~flags;
    if (!stopped || this.has(STOPPED)) return;
    this.core.outputBlocked = isBlocked(this.channel);
    this.core.release();
    if (this.channel.output.byteLength > 0) this.channel.flushSoon();
    if (this.core.closeExpected) this.endWhenOver();
    if (this.has(STOPPED)) return;
    this.channel.resume();
    if (!this.has(Flag.owesEnd)) return;
    this.flags &= ~Flag.owesEnd;
    this.receiveEnd();
  }

  /** §7.1.7 without a close frame: nobody would read it. */
  private die(why: string): void {
    this.error = new Error(why);
    this.channel.destroy();
  }

  /** §7.1.1: the server ends TCP first; the client waits for that, but neither waits for ever. */
  private endWhenOver(): void {
    // Of a paused connection the peer's close must be heard all the same; a reader that is behind may go on until the deadline.
    this.go(this.core.state === 'CLOSE_SENT' ? Flag.paused : STOPPED);
    this.waitFor('close');
    const { state } = this.core;
    // Both close frames have passed, or the connection has failed, which ends TCP on either side (§7.1.7).
    if (state === 'FAILED' || (state === 'CLOSED_CLEAN' && this.settings.role === 'server')) this.channel.end();
  }
}
