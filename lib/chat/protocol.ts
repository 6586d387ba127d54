/**
 * The chat protocol: what members and server say to each other, as JSON objects with a `type`. Written down for people in
 * README.md beside this file.
 *
 * Pure: text in, values out, and back. What a member sends is never trusted: every field is checked and bounded here,
 * and a mistake becomes a `ProblemCode` with a sentence, never an exception. Runs in browsers too (the page uses its types).
 * Read next: `server.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';

/** A message of a room. Also what `GET /rooms/:room/messages` lists. */
export interface ChatMessage {
  readonly type: 'message';
  /** Its number in the room: 1, 2, 3, … without holes within an epoch. */
  readonly sequence: number;
  /** When the server took it: ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** Who said it. */
  readonly from: string;
  readonly text: string;
  /** The sender's own id of it, if there was one. */
  readonly id?: string;
}

/** What the server says to a member. */
export type ServerEvent =
  | {
      /** First, once: where you are. The messages that you missed follow, each as a `message`. */
      readonly type: 'welcome';
      readonly room: string;
      /** Your name here. */
      readonly you: string;
      /** Another one after a restart: sequence numbers begin anew. */
      readonly epoch: string;
      /** The number of the room's last message; 0 = none yet. */
      readonly sequence: number;
      /** Who is here, you included, each name once, in order of arrival; at most `maxMembersListed` of `memberCount`. */
      readonly members: readonly string[];
      readonly memberCount: number;
      /** How many `message`s follow from the history. */
      readonly replayed: number;
      /** Some messages between those you had and those that follow are gone. */
      readonly gap: boolean;
    }
  | ChatMessage
  | { readonly type: 'joined' | 'left'; readonly user: string; readonly time: string; readonly memberCount: number }
  /** Your message `id` was taken as number `sequence`; also when it was sent again. */
  | { readonly type: 'ack'; readonly id: string; readonly sequence: number }
  | { readonly type: 'error'; readonly code: ProblemCode; readonly message: string; readonly id?: string }
  | { readonly type: 'pong' };

/** What a member says to the server. */
export type ClientEvent =
  | { readonly type: 'message'; readonly text: string; readonly id?: string }
  /** Asks for a `pong`: browsers cannot see the WebSocket's own. */
  | { readonly type: 'ping' };

/** What can be wrong with what a member sent. */
export type ProblemCode =
  | 'BAD_JSON'
  | 'BAD_TYPE'
  | 'BAD_TEXT'
  | 'TEXT_TOO_LONG'
  | 'BAD_ID'
  | 'BINARY'
  | 'BAD_ROOM'
  | 'BAD_USER'
  | 'ROOM_FULL'
  | 'HUB_FULL'
  | 'LOG_FULL'
  | 'LOG_CLOSED'
  | 'LOG_FAILED'
  | 'LOG_UNCERTAIN';

export interface Problem {
  readonly problem: ProblemCode;
  readonly message: string;
  /** The id of the message that it is about, if that could be read. */
  readonly id?: string;
}

/** Reads what a member sent. Unknown fields are ignored, so that the protocol can grow. */
export function parseClientEvent(json: string, limits: { readonly maxTextBytes: number }): ClientEvent | Problem {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { problem: 'BAD_JSON', message: 'this is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: 'BAD_JSON', message: 'a message is a JSON object' };
  const { type, text, id } = value as Record<string, unknown>;
  if (type === 'ping') return { type };
  if (type !== 'message') return { problem: 'BAD_TYPE', message: 'type must be "message" or "ping"' };
  return parseMessage(text, id, limits);
}

/** Checks the parts of a message, wherever they came from. */
export function parseMessage(
  text: unknown,
  id: unknown,
  { maxTextBytes }: { readonly maxTextBytes: number },
): (ClientEvent & { type: 'message' }) | Problem {
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > CHAT_LIMITS.maxMessageIdLength))
    return { problem: 'BAD_ID', message: `id must be a text of 1 to ${CHAT_LIMITS.maxMessageIdLength} characters` };
  const about = id === undefined ? {} : { id };
  if (typeof text !== 'string' || text.trim() === '')
    return { problem: 'BAD_TEXT', message: 'text must be a text that is not blank', ...about };
  // Half of a surrogate pair cannot be carried in UTF-8 (RFC 3629 §3).
  if (!text.isWellFormed()) return { problem: 'BAD_TEXT', message: 'text holds half of a surrogate pair', ...about };
  const bytes = utf8Length(text);
  if (bytes > maxTextBytes)
    return { problem: 'TEXT_TOO_LONG', message: `text is ${bytes} bytes of UTF-8, limit ${maxTextBytes}`, ...about };
  return { type: 'message', text, ...about };
}

/**
 * A room's name in its canonical form (NFC), or the reason why it cannot be one: letters, digits, `_`, `-` and `.`, the
 * first a letter or digit. Choice: nothing that could be mistaken for a path, markup or another name.
 */
export function parseRoomName(name: string): { readonly name: string } | Problem {
  const normal = name.normalize('NFC');
  if (/^[\p{L}\p{N}][\p{L}\p{N}\p{M}_.-]*$/u.test(normal) && [...normal].length <= CHAT_LIMITS.maxRoomNameLength)
    return { name: normal };
  return {
    problem: 'BAD_ROOM',
    message: `a room's name is 1 to ${CHAT_LIMITS.maxRoomNameLength} letters, digits, "_", "-" or ".", beginning with a letter or digit`,
  };
}

/** A member's name in its canonical form (NFC, outer blanks removed), or the reason why it cannot be one. */
export function parseUserName(name: string): { readonly name: string } | Problem {
  const normal = name.normalize('NFC').trim();
  // \p{C}: control, format (direction overrides among them), surrogate, private use, unassigned. \p{Z}: only a plain space.
  if (
    normal !== '' &&
    [...normal].length <= CHAT_LIMITS.maxUserNameLength &&
    !/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/u.test(normal)
  )
    return { name: normal };
  return {
    problem: 'BAD_USER',
    message: `a name is 1 to ${CHAT_LIMITS.maxUserNameLength} visible characters`,
  };
}

/** Octets of well-formed text in UTF-8. `bytes/utf8.ts` has a faster one for Node; this one runs in a browser too. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return bytes;
}
