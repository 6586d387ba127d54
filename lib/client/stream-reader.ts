/**
 * The body of one response as the events of a stream, content coding taken off.
 *
 * Joins a response's body, a decoder where there is a coding, and the parser, and watches that octets come; what an event means is
 * its receiver's business. Tells once how the stream ended. Read next: `event-source.ts`.
 */

import type { Channel } from '../channel/port.ts';
import { BarewireError } from '../errors.ts';
import { EventStreamParser, type EventStreamParserLimits, type StreamIncoming } from '../event-stream/parser.ts';
import type { ResponseIncoming } from '../http/response-parser.ts';
import type { Clock } from '../net/sweeper.ts';
import type { BodyReceiver } from './attempt.ts';
import { ContentDecoder, type DecodableCoding } from './content-decoder.ts';

/** What a stream tells. */
export interface StreamReceiver {
  incoming(incoming: StreamIncoming): void;
  /** The stream is over: without an error where the server ended it. */
  ended(error: Error | undefined): void;
}

/** How a stream is read. */
export interface StreamReading {
  readonly coding: DecodableCoding | 'identity';
  readonly limits: Partial<EventStreamParserLimits>;
  /** Where the stream begins. */
  readonly lastEventId: string;
  readonly clock: Clock;
  /** A stream that brings no octet for so long is over; 0 = never. */
  readonly idleTimeoutMs: number;
}

export class StreamReader implements BodyReceiver {
  readonly #channel: Channel;
  readonly #parser: EventStreamParser;
  readonly #decoder: ContentDecoder | undefined;
  readonly #receiver: StreamReceiver;
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  #lastReadMs: number;
  #cancelTimer: () => void = () => {};
  #paused = false;
  /** The decoder has enough to do. */
  #blocked = false;
  /** The response is complete; only the decoder has not finished. */
  #complete = false;
  #over = false;

  constructor(channel: Channel, reading: StreamReading, receiver: StreamReceiver) {
    const { clock, coding, idleTimeoutMs, lastEventId, limits } = reading;
    this.#channel = channel;
    this.#parser = new EventStreamParser(limits, lastEventId);
    this.#receiver = receiver;
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#lastReadMs = clock.now();
    this.#guardSilence(idleTimeoutMs);
    this.#decoder =
      coding === 'identity'
        ? undefined
        : new ContentDecoder(coding, {
            decoded: (chunk) => this.#parse(chunk),
            drained: () => {
              this.#blocked = false;
              if (!this.#paused) channel.resume();
            },
            ended: () => this.#end(undefined),
            failed: (error) =>
              this.#end(
                new BarewireError('SSE_CODING', `the ${coding} coding is broken: ${error.message}`, { cause: error }),
              ),
          });
  }

  /** The last event ID string of the stream so far. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** The receiver wants no events for now. TCP holds the server back. */
  pause(): void {
    this.#paused = true;
    this.#decoder?.pause();
    this.#channel.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#lastReadMs = this.#clock.now(); // silence while nobody reads says nothing
    this.#decoder?.resume();
    if (!this.#blocked) this.#channel.resume();
  }

  /** Drops the connection; nothing is told any more. */
  close(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#decoder?.destroy();
    this.#channel.destroy();
  }

  /** `BodyReceiver`. */
  receive(incoming: ResponseIncoming): void {
    if (this.#over) return;
    if (incoming.kind === 'body') {
      this.#lastReadMs = this.#clock.now();
      if (this.#decoder === undefined) this.#parse(incoming.chunk);
      else if (!this.#decoder.write(incoming.chunk)) {
        this.#blocked = true;
        this.#channel.pause();
      }
    } else if (incoming.kind === 'end') {
      this.#complete = true;
      if (this.#decoder === undefined) this.#end(undefined);
      else this.#decoder.end();
    } else if (incoming.kind === 'failed')
      this.#end(new BarewireError(incoming.code, `${incoming.detail} (${incoming.section})`));
  }

  /** `BodyReceiver`. */
  gone(error: Error | undefined): void {
    if (this.#complete) return;
    const what = error?.message ?? 'the connection was lost';
    this.#end(new BarewireError('SSE_CONNECTION_LOST', what, error === undefined ? undefined : { cause: error }));
  }

  /** One timer, moved on when it fires. */
  #guardSilence(waitMs: number): void {
    if (this.#idleTimeoutMs === 0) return;
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      const silentMs = this.#paused ? 0 : this.#clock.now() - this.#lastReadMs;
      if (silentMs < this.#idleTimeoutMs) this.#guardSilence(this.#idleTimeoutMs - silentMs);
      else this.#end(new BarewireError('SSE_IDLE', `no octet within ${this.#idleTimeoutMs} ms`));
    });
  }

  #parse(chunk: Uint8Array): void {
    for (const incoming of this.#parser.receive(chunk)) {
      if (this.#over) return; // a listener has called `close`
      this.#receiver.incoming(incoming);
    }
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.close();
    this.#receiver.ended(error);
  }
}
