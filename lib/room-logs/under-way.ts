/**
 * Appends with a key that have not been answered yet: a repeat of one waits for the same answer.
 *
 * So both resolve to the same position, or both reject, and the second is never taken for a new message because the first
 * failed. Memory: what is under way, which the log bounds. Read next: `journal.ts`, `redis-log.ts`.
 */

import type { Appended } from '../rooms/log.ts';

export class UnderWay {
  readonly #appends = new Map<string, Promise<Appended>>();

  /** Answers what is under way for this key of this room, as a repeat, or else what `start` answers. */
  join(room: string, key: string | undefined, start: () => Promise<Appended>): Promise<Appended> {
    if (key === undefined) return start();
    const id = `${room.length} ${room}${key}`; // the length tells where the name ends
    const first = this.#appends.get(id);
    if (first !== undefined) return first.then((appended) => ({ ...appended, duplicate: true }));
    const answered = (): void => void this.#appends.delete(id);
    const appended = start();
    this.#appends.set(id, appended);
    appended.then(answered, answered);
    return appended;
  }
}
