/**
 * What the application has let pass lately, by room, sender and the sender's own id: a repeat is not shown to it again.
 *
 * An application may refuse a message because it has seen it; the log finds the repeat only after that. So what has passed is said
 * again as it was let pass, and the log decides whether it is new. A repeat of one that is still looked at waits for the same answer.
 * Only what passes is remembered: what was refused may be sent again and be looked at again. Held in this process alone.
 * Bounded: `maxPassed` messages and `maxPassedBytes` of them, the oldest makes way, and none counts after `ROOM_LIMITS.keyAgeMs`, as
 * long as a log knows a key by default. O(1). Read next: `talk.ts`, the user.
 */

import { CHAT_LIMITS, ROOM_LIMITS } from '../limits.ts';
import type { ErrorEvent } from './protocol.ts';
import type { Said } from './talk.ts';

/** A message that the application lets pass, or looks at now. */
export interface Looked {
  /** The text as it was sent: another text under the same id is another message for the application. */
  readonly text: string;
  readonly decision: Promise<Said | ErrorEvent>;
  readonly atMs: number;
  bytes: number;
}

/** See the head of this file. */
export class Passed {
  readonly #looked = new Map<string, Looked>();
  #bytes = 0;

  /** Messages that are remembered, and their bytes: for those who watch memory. */
  get held(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#looked.size, bytes: this.#bytes };
  }

  find(key: string, text: string, nowMs: number): Looked | undefined {
    const looked = this.#looked.get(key);
    return looked?.text === text && looked.atMs > nowMs - ROOM_LIMITS.keyAgeMs ? looked : undefined;
  }

  /** Remembers a message while `decision` is awaited, and then if it is a yes. */
  add(key: string, text: string, decision: Promise<Said | ErrorEvent>, nowMs: number): Looked {
    const looked: Looked = { text, decision, atMs: nowMs, bytes: 0 };
    this.#forget(key);
    this.#looked.set(key, looked);
    this.#count(looked, key.length + text.length);
    decision.then((decided) => {
      if (this.#looked.get(key) !== looked) return;
      if ('code' in decided) this.#forget(key);
      else if (decided.text !== text) this.#count(looked, decided.text.length);
    });
    return looked;
  }

  /** Counts UTF-16 units of a message, and lets the oldest ones go. */
  #count(looked: Looked, units: number): void {
    looked.bytes += 2 * units;
    this.#bytes += 2 * units;
    for (const [key, { atMs }] of this.#looked) {
      const isOld = atMs <= looked.atMs - ROOM_LIMITS.keyAgeMs;
      if (!isOld && this.#looked.size <= CHAT_LIMITS.maxPassed && this.#bytes <= CHAT_LIMITS.maxPassedBytes) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#looked.get(key)?.bytes ?? 0;
    this.#looked.delete(key);
  }
}
