/**
 * Saying things: from a message that somebody sent to its record in the log, or to the reason why there is none.
 *
 * Each speaker's messages pass flood control, `authorize`, `onMessage` and the log in the order in which they came, however long the application
 * takes; at most `maxWaitingMessages` of a speaker wait. A repeat of what has passed is not looked at again (`passed.ts`).
 * Knows the hub and the door; no connection. Read next: `members.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import type { Hub } from '../rooms/hub.ts';
import { RoomRefused } from '../rooms/log.ts';
import type { Receipt } from '../rooms/receipts.ts';
import { errorEvent, refusedByRoom } from './answers.ts';
import { checkAuthorized, checkDecision } from './application.ts';
import { type Admitted, type Door, FORBIDDEN } from './door.ts';
import { messageData, type Outgoing, removalData } from './encoding.ts';
import { LogHealth } from './log-health.ts';
import { type Looked, Passed } from './passed.ts';
import { type ErrorEvent, parseMessage } from './protocol.ts';
import type { ChatSettings, ChatUser } from './settings.ts';
import type { Soon } from './soon.ts';

/** Whoever sends messages: a connection, or one POST. */
export interface Speaker extends Admitted {
  /** Messages that wait for the application; undefined while none does. */
  tail?: Promise<unknown> | undefined;
  waiting?: number;
}

/** What was sent. */
export interface Said {
  readonly text: string;
  readonly id?: string;
}

/** See the head of this file. */
export class Talk {
  readonly #hub: Hub<Outgoing>;
  readonly #door: Door;
  readonly #settings: ChatSettings;
  /** Told what `authorize` and `onMessage` threw. */
  readonly #onError: (error: unknown) => void;
  /** Whether the log takes what is said. */
  readonly health: LogHealth;
  readonly #passed = new Passed();
  #forApplication = 0;
  #forLog = 0;

  constructor(hub: Hub<Outgoing>, door: Door, settings: ChatSettings, onError: (error: unknown) => void) {
    this.#hub = hub;
    this.#door = door;
    this.#settings = settings;
    this.#onError = onError;
    this.health = new LogHealth(hub.log, settings.clock);
  }

  /** Messages that were sent and have no answer yet: they wait for `authorize` or `onMessage`, or for the log. */
  get waiting(): { readonly application: number; readonly log: number } {
    return { application: this.#forApplication, log: this.#forLog };
  }

  /** Says it, after what this speaker said before. Resolves to the receipt, or to why not; never rejects for what a peer did. */
  say(speaker: Speaker, said: Said, isAllowed = false): Soon<Receipt | ErrorEvent> {
    const flooded = this.#door.message(speaker);
    if (flooded !== undefined) return flooded;
    const { authorize, onMessage } = this.#settings;
    if (onMessage === undefined && (authorize === undefined || isAllowed))
      return this.publish(speaker.room, speaker.user, said);
    const { waiting = 0 } = speaker;
    if (waiting >= CHAT_LIMITS.maxWaitingMessages)
      return errorEvent('RATE_LIMITED', `${waiting} messages wait to be looked at`, 1_000);
    speaker.waiting = waiting + 1;
    this.#forApplication++;
    const done = (speaker.tail ?? Promise.resolve()).then(() => this.#checkAndPublish(speaker, said, isAllowed));
    const settle = (): void => void speaker.waiting!--;
    speaker.tail = done.then(settle, settle);
    return done;
  }

  /** Appends a message; a repeat is found. */
  publish(room: string, user: ChatUser, { text, id }: Said): Promise<Receipt | ErrorEvent> {
    const key = id === undefined ? undefined : { key: `${user.id}\n${id}` };
    return this.#append(room, messageData(this.#settings.now().toISOString(), user, text, id), key);
  }

  /** Takes a message away. */
  remove(room: string, target: number): Promise<Receipt | ErrorEvent> {
    return this.#append(room, removalData(this.#settings.now().toISOString(), target));
  }

  #append(room: string, data: string, key?: { readonly key: string }): Promise<Receipt | ErrorEvent> {
    const appended = this.#hub.publish(room, data, key); // throws for what no log takes, before anything waits
    this.#forLog++;
    return appended.then(
      (receipt) => {
        this.#forLog--;
        if (!receipt.duplicate) this.health.succeeded(); // a repeat writes nothing
        return receipt;
      },
      (error: unknown) => {
        this.#forLog--;
        this.health.failed(error);
        if (error instanceof RoomRefused) return refusedByRoom(error);
        throw error;
      },
    );
  }

  async #checkAndPublish(speaker: Speaker, said: Said, isAllowed: boolean): Promise<Receipt | ErrorEvent> {
    const { room, user } = speaker;
    const key = said.id === undefined ? undefined : `${room}\n${user.id}\n${said.id}`;
    const nowMs = this.#settings.clock.now();
    const looked = key === undefined ? undefined : this.#passed.find(key, said.text, nowMs);
    let checked: Promise<Said | ErrorEvent>;
    if (looked === undefined) {
      checked = this.#check(speaker, said, isAllowed);
      if (key !== undefined) this.#passed.add(key, said.text, checked, nowMs);
    } else checked = this.#again(speaker, looked, isAllowed);
    const outcome = await checked.finally(() => this.#forApplication--);
    if ('code' in outcome) return outcome;
    return this.publish(room, user, outcome);
  }

  /** What has become of a message that is sent again. Its sender may have lost the right to say it, and the log may know it no more. */
  async #again(speaker: Speaker, looked: Looked, isAllowed: boolean): Promise<Said | ErrorEvent> {
    const decided = await looked.decision;
    if ('code' in decided || isAllowed) return decided;
    return (await this.#mayNot(speaker)) ?? decided;
  }

  /** What the application makes of it. Where that fails, the message alone is refused: its sender may say something else. Never rejects. */
  async #check(speaker: Speaker, said: Said, isAllowed: boolean): Promise<Said | ErrorEvent> {
    const mayNot = isAllowed ? undefined : await this.#mayNot(speaker);
    if (mayNot !== undefined) return mayNot;
    const { room, user } = speaker;
    try {
      return await this.#decide(room, user, said);
    } catch (error) {
      this.#onError(error);
      return errorEvent('FAILED', 'the server failed to look at this message');
    }
  }

  /** Why somebody may not say anything; undefined where they may. */
  async #mayNot({ room, user }: Speaker): Promise<ErrorEvent | undefined> {
    const { authorize } = this.#settings;
    try {
      if (authorize === undefined || checkAuthorized(await authorize(user, room, 'say'))) return undefined;
      return errorEvent('FORBIDDEN', FORBIDDEN.say);
    } catch (error) {
      this.#onError(error);
      // It has not looked at the message, so that any other one would fail alike: a reason to wait.
      return errorEvent('FAILED', 'the server could not find out whether you may say anything here', 1_000);
    }
  }

  /** What `onMessage` makes of it. @throws what that throws, and TypeError for an answer that is none */
  async #decide(room: string, user: ChatUser, said: Said): Promise<Said | ErrorEvent> {
    const { onMessage, maxTextBytes } = this.#settings;
    const decision = checkDecision(await onMessage?.({ room, user, text: said.text, id: said.id }));
    if (decision === undefined) return said;
    if (decision.refuse !== undefined) return errorEvent('REFUSED', decision.refuse);
    const changed = parseMessage(decision.text, said.id, { maxTextBytes });
    if ('problem' in changed) throw new TypeError(`onMessage answered a text that cannot be said: ${changed.message}`);
    return changed;
  }
}
