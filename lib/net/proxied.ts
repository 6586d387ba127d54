/**
 * Connections that begin with a PROXY header: it is read, under a deadline, before TLS or HTTP see a byte.
 *
 *     net.Server ─► header ─► channel ─► HTTP            net.Server ─► header ─► what is left ─► TLS ─► channel ─► HTTP
 *
 * A header that is malformed, late, or missing drops the connection without a word: nobody is known to be there.
 * Two forms, for the two ways in which the listener holds a connection. Who is believed is the listener's business, what a
 * header says is the parser's. Read next: `../http/proxy-protocol.ts`.
 */

import type { Socket } from 'node:net';
import type { Channel, Sink } from '../channel/port.ts';
import { type ProxyEndpoint, ProxyHeaderParser } from '../http/proxy-protocol.ts';
import { Timed, type Wait } from './deadlines.ts';
import type { Sweepable, Sweeper } from './sweeper.ts';

export interface ProxiedSettings {
  readonly sweeper: Sweeper;
  /** For the whole header. */
  readonly headTimeoutMs: number;
}

/** Told once, when the header has been read: who is at the other end of the proxy, if the header says so. */
export type OnSource = (source: ProxyEndpoint | undefined) => void;

/** A connection without TLS: takes the first chunks of its channel, then leaves it to a sink that `done` sets. */
export class ProxiedChannel extends Timed implements Sink {
  readonly #parser = new ProxyHeaderParser();
  readonly #settings: ProxiedSettings;
  readonly #done: OnSource;

  constructor(channel: Channel, settings: ProxiedSettings, done: OnSource) {
    super(channel);
    this.#settings = settings;
    this.#done = done;
    channel.sink = this;
    this.waitAnew('head');
    settings.sweeper.add(this);
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    const header = this.#parser.receive(chunk);
    if (header.kind === 'need-more') return;
    if (header.kind === 'failed') {
      this.channel.destroy();
      return;
    }
    this.#settings.sweeper.delete(this);
    const { channel } = this;
    this.#done(header.source);
    // What came after the header belongs to whoever receives now.
    if (header.rest < chunk.length && channel.sink !== this) channel.sink.receive(chunk.subarray(header.rest));
  }

  /** `Sink`: gone before it said for whom it came. */
  receiveEnd(): void {
    this.channel.destroy();
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(): void {
    this.#settings.sweeper.delete(this);
  }

  protected get sweeper(): Sweeper {
    return this.#settings.sweeper;
  }

  /** `Timed`. */
  protected expected(): Wait {
    return 'head';
  }

  /** `Timed`. */
  protected durationMs(): number {
    return this.#settings.headTimeoutMs;
  }

  /** `Timed`: not moved by bytes that trickle in. */
  protected renewed(): boolean {
    return false;
  }

  /** `Timed`. */
  protected expired(): void {
    this.channel.destroy();
  }
}

/** A connection that will be given to TLS: reads its first bytes and puts back what is not the header. */
export class ProxiedSocket implements Sweepable {
  readonly #parser = new ProxyHeaderParser();
  readonly #socket: Socket;
  readonly #settings: ProxiedSettings;
  readonly #done: OnSource;
  readonly #deadlineMs: number;

  constructor(socket: Socket, settings: ProxiedSettings, done: OnSource) {
    this.#socket = socket;
    this.#settings = settings;
    this.#done = done;
    this.#deadlineMs = settings.sweeper.nowMs + settings.headTimeoutMs;
    settings.sweeper.add(this);
    socket.on('readable', this.#readable);
    socket.on('end', this.#drop);
    socket.on('error', this.#drop);
    socket.on('close', this.#forget);
  }

  /** `Sweepable`. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#socket.destroy();
  }

  readonly #readable = (): void => {
    const socket = this.#socket;
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      const header = this.#parser.receive(chunk);
      if (header.kind === 'need-more') continue;
      if (header.kind === 'failed') {
        socket.destroy();
        return;
      }
      this.#forget();
      if (header.rest < chunk.length) socket.unshift(chunk.subarray(header.rest));
      this.#done(header.source);
      return;
    }
  };

  readonly #drop = (): void => {
    this.#socket.destroy();
  };

  readonly #forget = (): void => {
    this.#settings.sweeper.delete(this);
    // `error` goes on being listened to: until TLS has the socket nobody else does.
    for (const [event, listener] of [
      ['readable', this.#readable],
      ['end', this.#drop],
      ['close', this.#forget],
    ] as const)
      this.#socket.off(event, listener);
  };
}
