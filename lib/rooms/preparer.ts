/**
 * What members are given, made by the application's `prepare`: of a record once, while anybody needs it.
 *
 * A prepared value may hold on to much more than its record (frames share blocks of memory), so that a room keeps it through a
 * burst of deliveries and reconnections, and lets go of it when nobody has needed it for a while; the record stays, and
 * `prepare` makes the same again. What `prepare` throws is told to the observer, and so is a promise in place of a value.
 * Read next: `room.ts`.
 */

import { isPromise } from '../errors.ts';
import type { Backlog, Entry } from './backlog.ts';
import type { Clock } from './log.ts';
import type { Item, Notice } from './notices.ts';

/** What a preparer needs. */
export interface PreparerOptions<Value> {
  readonly backlog: Backlog<Value>;
  readonly clock: Clock;
  readonly keepPreparedMs: number;
  /** The application's, with the room filled in. */
  readonly prepare: (item: Item) => Value | undefined;
  readonly report: (error: unknown, where: string) => void;
}

/** The prepared values of one room. */
export class Preparer<Value> {
  readonly #options: PreparerOptions<Value>;
  #cancel: (() => void) | undefined = undefined;

  constructor(options: PreparerOptions<Value>) {
    this.#options = options;
  }

  /** The value of a record; undefined where `prepare` made none, threw, or answered a promise. */
  valueOf(entry: Entry<Value>): Value | undefined {
    if (!entry.isPrepared) {
      entry.isPrepared = true;
      entry.value = this.#prepare(entry.record);
      this.#coolLater();
    }
    entry.isWarm = true;
    return entry.value;
  }

  /** The value of a notice; undefined where it is not to be told. */
  noticeValue(notice: Notice): Value | undefined {
    return this.#prepare(notice);
  }

  /** The room has closed. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #prepare(item: Item): Value | undefined {
    try {
      const value = this.#options.prepare(item);
      if (!isPromise(value)) return value;
      value.then(undefined, (error) => this.#options.report(error, 'prepare'));
      throw new TypeError('prepare answered a promise, must answer at once: with a value, or undefined');
    } catch (error) {
      this.#options.report(error, 'prepare');
      return undefined;
    }
  }

  /** Lets go of what was not needed since it was last called, until nothing is left. */
  #coolLater(): void {
    const { clock, keepPreparedMs, backlog } = this.#options;
    this.#cancel ??= clock.after(keepPreparedMs, () => {
      this.#cancel = undefined;
      if (backlog.cool()) this.#coolLater();
    });
  }
}
