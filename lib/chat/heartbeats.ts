/**
 * Signs of life on event streams: a named event, since a browser's EventSource hides comments from the page.
 *
 * Each stream gets one at once, whose data is the interval in milliseconds in which the next will come, and then one in every
 * interval, whatever else it is sent. One timer for all streams, which runs while there are any. O(streams) an interval.
 * Knows nothing of rooms. Read next: `client.ts`, which notices when they stay away.
 */

import { prepareEvent } from '../event-stream/prepared-event.ts';
import { TIMEOUTS } from '../limits.ts';
import type { EventStream } from '../net/api.ts';
import { type Clock, systemClock } from '../net/sweeper.ts';

const INTERVAL_MS = TIMEOUTS.heartbeatIntervalMs;

/** As much of a stream as is used. */
type Stream = Pick<EventStream, 'send'>;

export class Heartbeats {
  readonly #clock: Clock;
  readonly #streams = new Set<Stream>();
  readonly #beat = prepareEvent({ event: 'heartbeat', data: String(INTERVAL_MS) });
  #stop: () => void = () => {};

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Sends the first heartbeat, and all that follow until `delete`. */
  add(stream: Stream): void {
    stream.send(this.#beat);
    this.#streams.add(stream);
    if (this.#streams.size === 1) this.#stop = this.#clock.every(INTERVAL_MS, () => this.#send());
  }

  /** The stream is over. */
  delete(stream: Stream): void {
    if (this.#streams.delete(stream) && this.#streams.size === 0) this.#stop();
  }

  #send(): void {
    for (const stream of this.#streams) stream.send(this.#beat);
  }
}
