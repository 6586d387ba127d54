/**
 * The chat server: rooms over WebSocket, event streams and plain HTTP, on any barewire server.
 *
 * Wires together what the other files know: the door (who, may they, not too much), members, talk, and the routes. Frames,
 * chunks and deadlines are the layers below. Read next: `README.md` (the protocol), `door.ts`, `client.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import { Hub } from '../rooms/hub.ts';
import type { LogRecord } from '../rooms/log.ts';
import { RoomRefused } from '../rooms/log.ts';
import type { Receipt } from '../rooms/receipts.ts';
import { Server } from '../server.ts';
import { servePage } from './assets.ts';
import { addEventStream, addWebSocket } from './channels.ts';
import { Door } from './door.ts';
import { type Outgoing, prepare, Records } from './encoding.ts';
import { Members } from './members.ts';
import { type ChatMessage, type ErrorEvent, parseMessage, parseRoomName, parseUserName } from './protocol.ts';
import { addRoutes } from './routes.ts';
import { type ChatOptions, type ChatSettings, type ChatUser, chatSettings } from './settings.ts';
import { Talk } from './talk.ts';

/** A running chat. */
export interface Chat {
  /** Rooms that someone is in. */
  readonly rooms: number;
  /** Connections that are in a room. */
  readonly members: number;
  /**
   * Says something in a room as `from` (a name, or a person), without being in it and without `onMessage`. Rejects with
   * RoomRefused. @throws TypeError for what the protocol does not allow
   */
  publish(room: string, from: string | ChatUser, text: string): Promise<ChatMessage>;
  /** Ends every connection of a person in a room with 4003, and returns how many there were. It is `authorize` that keeps them out. */
  kick(room: string, userId: string, reason?: string): number;
  /**
   * Takes a message out of the history and of every view. Its record stays in the log. Rejects with RoomRefused.
   * @throws TypeError, RangeError for what is no room or no number
   */
  remove(room: string, sequence: number): Promise<void>;
}

/** Adds the chat's routes to a server. @throws TypeError or RangeError that names a wrong option */
export function mountChat(server: Server, options: ChatOptions = {}): Chat {
  Server.inside(server, 'mountChat');
  const settings = chatSettings(options);
  const records = new Records();
  const hub = new Hub<Outgoing>({
    prepare: (item, room) => prepare(item, room, records, settings.now),
    maxRooms: settings.maxRooms,
    maxMembers: settings.maxMembers,
    maxHistoryRecords: settings.maxHistoryMessages,
    maxHistoryBytes: settings.maxHistoryBytes,
    presenceMs: settings.presenceMs,
    onError: settings.onError,
    clock: settings.clock,
    ...(settings.log === undefined ? {} : { log: settings.log }),
  });
  const door = new Door(settings);
  const members = new Members(hub, settings.clock, settings.now);
  const talk = new Talk(hub, door, settings);
  const parts = { door, members, talk, settings, hub, records };
  addWebSocket(server, parts);
  addEventStream(server, parts);
  addRoutes(server, parts);
  if (settings.page) servePage(server, settings.base);
  return {
    get rooms() {
      return hub.size;
    },
    get members() {
      return members.size;
    },
    publish: (room, from, text) => publishAs(talk, records, settings, { room, from, text }),
    kick: (room, userId, reason = 'you were asked to leave') => members.kick(roomName(room), userId, reason),
    async remove(room, sequence) {
      if (!Number.isSafeInteger(sequence) || sequence < 1)
        throw new RangeError(`sequence is ${sequence}, must be a whole number from 1`);
      receiptOf(await talk.remove(roomName(room), sequence));
    },
  };
}

function publishAs(
  talk: Talk,
  records: Records,
  { maxTextBytes }: ChatSettings,
  { room, from, text }: { readonly room: string; readonly from: string | ChatUser; readonly text: string },
): Promise<ChatMessage> {
  const name = roomName(room);
  const user = parseUserName(typeof from === 'string' ? from : from.name);
  if (!('name' in user)) throw new TypeError(user.message);
  const id = typeof from === 'string' ? user.name : from.id;
  if (id === '' || id.length > CHAT_LIMITS.maxUserIdLength)
    throw new TypeError(`id must be 1 to ${CHAT_LIMITS.maxUserIdLength} characters`);
  const message = parseMessage(text, undefined, { maxTextBytes });
  if ('problem' in message) throw new TypeError(message.message);
  // Without an id nothing is a repeat, so that there is a record.
  return talk
    .publish(name, { id, name: user.name }, message)
    .then((answer) => JSON.parse(records.json(name, receiptOf(answer).record as LogRecord)) as ChatMessage);
}

function roomName(room: string): string {
  const parsed = parseRoomName(room);
  if (!('name' in parsed)) throw new TypeError(parsed.message);
  return parsed.name;
}

function receiptOf(answer: Receipt | ErrorEvent): Receipt {
  if ('code' in answer) throw new RoomRefused(answer.code, answer.message);
  return answer;
}
