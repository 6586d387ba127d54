/**
 * A log whose answers come when a test says so: what a subscriber is handed waits, for each object apart, until `flush`.
 *
 * Stands for a log behind a network: nodes hear of the same records at different times, and an append may be answered before or
 * after its record comes. It can also lose what waits (a gap) and the last records themselves (a failover: a reset).
 */

import {
  type Appended,
  type LogEntry,
  type LogPage,
  type LogSubscriber,
  type Position,
  type RoomLog,
  RoomRefused,
  type Subscription,
} from '../../lib/rooms/log.ts';

interface Waiting {
  readonly subscriber: LogSubscriber;
  readonly events: (() => void)[];
  /** Sequences of records that wait, in step with `events`; 0 for anything else. */
  readonly sequences: number[];
  readonly places: (Position | undefined)[];
}

export class DelayedLog implements RoomLog {
  readonly #log: RoomLog;
  readonly #waiting = new Set<Waiting>();

  constructor(log: RoomLog) {
    this.#log = log;
  }

  append(room: string, entry: LogEntry): Promise<Appended> {
    return this.#log.append(room, entry);
  }

  read(room: string, after: Position | undefined, limit: number): Promise<LogPage> {
    return this.#log.read(room, after, limit);
  }

  subscribe(room: string, limit: number, subscriber: LogSubscriber): Subscription {
    const waiting: Waiting = { subscriber, events: [], sequences: [], places: [] };
    const add = (event: () => void, place?: Position): void => {
      waiting.events.push(event);
      waiting.sequences.push(place?.sequence ?? 0);
      waiting.places.push(place);
    };
    this.#waiting.add(waiting);
    const subscription = this.#log.subscribe(room, limit, {
      opened: (head, records) => add(() => subscriber.opened(head, records)),
      record: (record) => add(() => subscriber.record(record), record),
      gap: (gap, head) => add(() => subscriber.gap(gap, head)),
      reset: (head, records) => add(() => subscriber.reset(head, records)),
      failed: (error) => add(() => subscriber.failed(error)),
    });
    return {
      close: () => {
        this.#waiting.delete(waiting);
        subscription.close();
      },
    };
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  /** Hands over what waits, at most `count` for each subscriber. */
  flush(count: number = Number.POSITIVE_INFINITY): void {
    for (const { events, sequences, places } of [...this.#waiting]) {
      for (let i = 0; i < count && events.length > 0; i++) {
        sequences.shift();
        places.shift();
        events.shift()?.();
      }
    }
  }

  /** Loses the first records that wait, at most `count` for each subscriber, and says so. */
  lose(count: number): void {
    for (const { subscriber, events, sequences, places } of [...this.#waiting]) {
      let last: Position | undefined;
      const [from = 0] = sequences;
      for (let i = 0; i < count && (sequences[0] ?? 0) > 0; i++) {
        last = places.shift();
        events.shift();
        sequences.shift();
      }
      if (last !== undefined) subscriber.gap({ from, to: last.sequence }, last);
    }
  }

  /** Gives up on every subscription. */
  fail(): void {
    for (const { subscriber } of [...this.#waiting])
      subscriber.failed(new RoomRefused('LOG_FAILED', 'the network is gone'));
  }

  /** Hands every subscriber of this object another numbering. */
  reset(head: Position): void {
    for (const { subscriber, events, sequences, places } of [...this.#waiting]) {
      for (const list of [events, sequences, places]) list.length = 0;
      subscriber.reset(head, []);
    }
  }
}
