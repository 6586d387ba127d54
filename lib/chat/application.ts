/**
 * What the application's own functions answered, checked: `identify`, `authorize` and `onMessage`.
 *
 * A wrong answer is the application's mistake: a TypeError that names the function and the field. So the client gets a 500 (a
 * WebSocket that is open already 1011), and the server's `onError` the sentence. Nothing is guessed: what is no yes admits nobody.
 * Knows no request and no connection. Read next: `door.ts` and `talk.ts`, the users.
 */

import { CHAT_LIMITS } from '../limits.ts';
import type { Refusal } from '../net/api.ts';
import { describe } from '../options.ts';
import { parseUserName } from './protocol.ts';
import type { ChatUser } from './settings.ts';

/** Whether `authorize` has said yes. @throws TypeError for what is neither true nor false */
export function checkAuthorized(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(`authorize answered ${describe(answer)}, must be true or false`);
}

/** A person, a guest (undefined), or a refusal, which the server checks itself. @throws TypeError for anything else */
export function checkIdentity(answer: unknown): ChatUser | Refusal | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new TypeError(
      `identify answered ${describe(answer)}, must be a person { id, name }, a refusal { status } or undefined for a guest`,
    );
  const { status, id, name, expiresAt } = answer as Partial<Record<keyof ChatUser | 'status', unknown>>;
  if (status !== undefined) return answer as Refusal;
  if (!isUserId(id))
    throw new TypeError(
      `identify answered id ${describe(id)}, must be 1 to ${CHAT_LIMITS.maxUserIdLength} visible characters`,
    );
  const named = typeof name === 'string' ? parseUserName(name) : undefined;
  if (named === undefined || !('name' in named))
    throw new TypeError(
      `identify answered name ${describe(name)}, must be 1 to ${CHAT_LIMITS.maxUserNameLength} visible characters`,
    );
  if (expiresAt === undefined) return { id, name: named.name };
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt))
    throw new TypeError(`identify answered expiresAt ${describe(expiresAt)}, must be a number of ms since 1970`);
  return { id, name: named.name, expiresAt };
}

/** What `onMessage` makes of a message. @throws TypeError for what is no decision */
export function checkDecision(
  answer: unknown,
): undefined | { readonly refuse: string } | { readonly refuse?: undefined; readonly text: string } {
  if (answer === undefined) return undefined;
  if (typeof answer !== 'object' || answer === null)
    throw new TypeError(`onMessage answered ${describe(answer)}, must be { text }, { refuse } or undefined`);
  const { refuse, text } = answer as { readonly refuse?: unknown; readonly text?: unknown };
  if (typeof refuse === 'string' && refuse !== '') return { refuse };
  if (refuse !== undefined)
    throw new TypeError(`onMessage answered refuse ${describe(refuse)}, must be a string that says why`);
  if (typeof text === 'string') return { text };
  throw new TypeError(`onMessage answered text ${describe(text)}, must be a string`);
}

/** Whether that may be the id of a person. */
export function isUserId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= CHAT_LIMITS.maxUserIdLength && !/[\p{C}]/u.test(id);
}
