/**
 * The chat protocol: what members and server say to each other, as JSON objects with a `type`. Written down for people in
 * README.md beside this file.
 *
 * Pure: text in, values out, and back. What a member sends is never trusted: every field is checked and bounded here,
 * and a mistake becomes a `ProblemCode` with a sentence, never an exception. Runs in browsers too (the page uses its types).
 * Read next: `server.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';

/** Written in every welcome. It grows when something is taken away; what is only added leaves it. */
export const PROTOCOL_VERSION = 2;

/** Somebody in a room. Where people choose their own names, `id` is the name, or what `?id=` says. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

/** A message of a room. Also what `GET /rooms/:room/messages` lists. */
export interface ChatMessage {
  readonly type: 'message';
  /** Its number in the room: 1, 2, 3, … without holes within an epoch. */
  readonly sequence: number;
  /** With the epoch and the number it is a position (`EPOCH-SEQUENCE-TOKEN`). Not in what a client makes of an `ack`. */
  readonly token?: string;
  /** When the server took it: ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** The name of who said it. */
  readonly from: string;
  /** And their id. */
  readonly userId: string;
  /** Empty where the message was removed. */
  readonly text: string;
  /** The sender's own id of it, if there was one. */
  readonly id?: string;
  readonly removed?: true;
}

/** Takes the place of a number like a message: forget the text of message `target`. */
export interface RemovedEvent {
  readonly type: 'removed';
  readonly sequence: number;
  readonly token: string;
  readonly time: string;
  readonly target: number;
}

/** First, once for each connection: where you are. The messages that you missed follow. */
export interface WelcomeEvent {
  readonly type: 'welcome';
  readonly version: number;
  readonly room: string;
  /** Your name here. */
  readonly you: string;
  readonly userId: string;
  /** Another one after a restart without a log that lasts: sequence numbers begin anew. */
  readonly epoch: string;
  /** The number of the room's last message; 0 = none yet. */
  readonly sequence: number;
  /** The place of that message, fit for `after=`. */
  readonly position: string;
  /** `reset`: the position that you came with is none of this room (any more). */
  readonly resumed: 'new' | 'resumed' | 'reset';
  /** How many `message`s or `removed`s follow from the history. */
  readonly replayed: number;
  /** Messages between those you had and those that follow are gone, both ends included. An event `gap` says it again. */
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** Who is here, you included, each once, in order of arrival; at most `maxMembersListed` of `memberCount`. */
  readonly members: readonly Person[];
  readonly memberCount: number;
}

/** Who came, went and changed their name since the last list. */
export interface PresenceEvent {
  readonly type: 'presence';
  readonly time: string;
  readonly joined: readonly Person[];
  readonly left: readonly Person[];
  readonly renamed: readonly (Person & { readonly was: string })[];
  readonly memberCount: number;
}

/** What you sent, or asked for, was refused. */
export interface ErrorEvent {
  readonly type: 'error';
  readonly code: ProblemCode;
  readonly message: string;
  /** The message that it is about. */
  readonly id?: string;
  /** How long to wait before the next try; left out: another try would end alike. */
  readonly retryAfterMs?: number;
}

/** What the server says to a member. */
export type ServerEvent =
  | WelcomeEvent
  | ChatMessage
  | RemovedEvent
  | PresenceEvent
  | ErrorEvent
  /** Who is here: in place of changes that you were too slow for. */
  | { readonly type: 'members'; readonly members: readonly Person[]; readonly memberCount: number }
  /** You will not get these messages. */
  | { readonly type: 'gap'; readonly from: number; readonly to: number }
  /** The numbering does not go on from what you had: what follows is the room as it is now. */
  | { readonly type: 'reset'; readonly epoch: string; readonly sequence: number }
  /** Your message `id` was taken as number `sequence`; also when it was sent again. */
  | { readonly type: 'ack'; readonly id: string; readonly sequence: number }
  | { readonly type: 'pong' };

/** What a member says to the server. */
export type ClientEvent =
  | { readonly type: 'message'; readonly text: string; readonly id?: string }
  /** Asks for a `pong`: browsers cannot see the WebSocket's own. */
  | { readonly type: 'ping' };

/** What `GET /rooms/:room/messages` answers. */
export interface HistoryPage {
  readonly room: string;
  /** Empty in a room where nothing was said. */
  readonly epoch: string;
  /** The number of the room's last message. */
  readonly sequence: number;
  /** `after=` is no position of this room (any more); `messages` are then the newest. */
  readonly reset: boolean;
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** There are older ones: ask with `before=` the first one's sequence. */
  readonly more: boolean;
  /** Consecutive, oldest first. */
  readonly messages: readonly (ChatMessage | RemovedEvent)[];
}

/** Close codes of this chat, in the range that RFC 6455 §7.4.2 leaves to applications. */
export const CHAT_CLOSE = {
  /** The log-in is over: get a new token and come back. */
  expired: 4001,
  /** Let go of, by name: do not come back. */
  kicked: 4003,
} as const;

/** What can be wrong with what a member sent, or with who it is. */
export type ProblemCode =
  | 'BAD_JSON'
  | 'BAD_TYPE'
  | 'BAD_TEXT'
  | 'TEXT_TOO_LONG'
  | 'BAD_ID'
  | 'BAD_QUERY'
  | 'BINARY'
  | 'BAD_ROOM'
  | 'BAD_USER'
  /** Not logged in: a token or a ticket is missing, wrong or used. HTTP 401. */
  | 'UNAUTHORIZED'
  /** Logged in, and not allowed. HTTP 403. */
  | 'FORBIDDEN'
  /** Too much in too little time; `retryAfterMs` says when to go on. HTTP 429. */
  | 'RATE_LIMITED'
  /** The server's own rules do not let this message pass. HTTP 422. */
  | 'REFUSED'
  /** The server's own rules failed over it, which is the server's mistake. HTTP 500. */
  | 'FAILED'
  | 'KICKED'
  | 'EXPIRED'
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
    return { problem: 'BAD_JSON', message: 'this is not JSON: a message is {"type":"message","text":"…"}' };
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
  // With the person's id it is the message's key in the log, which is text as well.
  if (id !== undefined && !id.isWellFormed())
    return { problem: 'BAD_ID', message: 'id holds half of a surrogate pair' };
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

/**
 * Format characters that belong to what one sees: the joiners between letters (Unicode 16 §23.2, for Persian and the scripts of India)
 * and between emoji (UTS #51 §2.3), and the tags of a region's flag (UTS #51 §2.6.2).
 */
const VISIBLE_FORMAT =
  /(?<=[\p{L}\p{M}])[\u200c\u200d](?=\p{L})|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{M}])\u200d(?=\p{Extended_Pictographic})|(?<=\u{1f3f4})[\u{e0030}-\u{e007a}]{1,6}\u{e007f}/gu;

/** A member's name in its canonical form (NFC, outer blanks removed), or the reason why it cannot be one. */
export function parseUserName(name: string): { readonly name: string } | Problem {
  const normal = name.normalize('NFC').trim();
  // \p{C}: control, other format (direction overrides among them), surrogate, private use, unassigned. \p{Z}: only a plain space.
  if (
    normal !== '' &&
    [...normal].length <= CHAT_LIMITS.maxUserNameLength &&
    !/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/u.test(normal.replace(VISIBLE_FORMAT, ''))
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
