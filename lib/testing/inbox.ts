/**
 * What has come and was not asked for yet, and who has asked for what has not come.
 *
 * In order, each thing for one reader. Bounded by count: a test that never reads is told so. Knows no connection.
 * Read next: `raw.ts`.
 */

/** Things that wait for a test to ask for them; a test that lets more wait has forgotten to. */
const MAX_WAITING = 100_000;

export class Inbox<T> {
  readonly #what: string;
  readonly #waiting: T[] = [];
  readonly #readers: { resolve(item: T): void; reject(error: Error): void }[] = [];
  #ended: Error | undefined = undefined;

  /** `what` names one of its things in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /** @throws RangeError where too much waits */
  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.resolve(item);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(item);
    else throw new RangeError(`${MAX_WAITING} times a ${this.#what} came that the test did not ask for`);
  }

  /** The next thing; what waits is handed out also after the end. Rejects when nothing more will come. */
  next(): Promise<T> {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.shift()!);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Nothing more will come, for this reason. */
  end(why: string): void {
    this.#ended ??= new Error(`no ${this.#what} will come: ${why}`);
    for (const reader of this.#readers.splice(0)) reader.reject(this.#ended);
  }
}
