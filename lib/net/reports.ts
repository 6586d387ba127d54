/**
 * Tells what happens to observers, and to whoever listens on `node:diagnostics_channel`.
 *
 * Channels: `barewire:connect`, `barewire:refusal`, `barewire:open`, `barewire:message`, `barewire:backpressure`, `barewire:drop`,
 * `barewire:roundTrip`, `barewire:close`, `barewire:error`. What is published is the event of that name in `../observe.ts`.
 * They are the same for all servers of a process, and may be subscribed to at any time: without a subscriber and without an
 * observer nothing is made. Read next: `observed.ts`, which reports.
 */

import { type Channel, channel } from 'node:diagnostics_channel';
import { EVENT_NAMES, type EventName, type ObservedEvents, type Observer, type Reporter } from '../observe.ts';
import { type ErrorHandler, type Guarded, guard } from './guard.ts';

const CHANNELS = Object.fromEntries(EVENT_NAMES.map((name) => [name, channel(`barewire:${name}`)])) as Readonly<
  Record<EventName, Channel>
>;

/** Asked for every message. */
const messageChannel = CHANNELS.message;

export class Reports implements Reporter, Guarded {
  /** Those that want an event, by its name. */
  readonly #observers: Readonly<Record<EventName, readonly Observer[]>>;
  readonly #observesMessages: boolean;
  readonly #onError: ErrorHandler;

  /** `onError` is told what an observer throws. */
  constructor(observers: readonly Observer[], onError: ErrorHandler) {
    const by = (name: EventName): readonly Observer[] => observers.filter((each) => each[name] !== undefined);
    this.#observers = Object.fromEntries(EVENT_NAMES.map((name) => [name, by(name)])) as never;
    this.#observesMessages = this.#observers.message.length > 0;
    this.#onError = onError;
  }

  /** `wants('message')`, in two loads. */
  get wantsMessages(): boolean {
    return this.#observesMessages || messageChannel.hasSubscribers;
  }

  wants(name: EventName): boolean {
    return this.#observers[name].length > 0 || CHANNELS[name].hasSubscribers;
  }

  tell<Name extends EventName>(name: Name, event: ObservedEvents[Name]): void {
    for (const observer of this.#observers[name]) guard(this, observer[name], observer, event);
    const { [name]: published } = CHANNELS;
    if (published.hasSubscribers) published.publish(event);
  }

  /** `Guarded`: of an observer. */
  handlerFailed(error: unknown): void {
    this.#onError(error);
  }
}
