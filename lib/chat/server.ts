/**
 * The chat server: rooms over WebSocket, event streams and plain HTTP, on any barewire server.
 *
 * Wires together what the other files know: the door (who, may they, not too much), members, talk, and the routes. Frames,
 * chunks and deadlines are the layers below. Read next: `README.md` (the protocol), `door.ts`, `client.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import { describe } from '../options.ts';
import { Hub } from '../rooms/hub.ts';
import type { LogRecord } from '../rooms/log.ts';
import { RoomRefused } from '../rooms/log.ts';
import type { Receipt } from '../rooms/receipts.ts';
import { Server } from '../server.ts';
import { isUserId } from './application.ts';
import { servePage } from './assets.ts';
import { addEventStream, addWebSocket } from './channels.ts';
import { Door } from './door.ts';
import { type Outgoing, personNamed, prepare, Records } from './encoding.ts';
import { Members } from './members.ts';
import {
  type ChatMessage,
  type ErrorEvent,
  type Person,
  parseMessage,
  parseRoomName,
  parseUserName,
} from './protocol.ts';
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
  /**
   * Ends every connection of a person in a room with 4003, and returns how many there were. It is `authorize` that keeps them out.
   * @throws TypeError for what is no room, no id or no reason
   */
  kick(room: string, userId: string, reason?: string): number;
  /**
   * Takes a message out of the history and of every view. Its record stays in the log. Rejects with RoomRefused where the log cannot;
   * with a TypeError or RangeError for what is no room, no number, or a number that the room has not given yet.
   */
  remove(room: string, sequence: number): Promise<void>;
}

/** Adds the chat's routes to a server. @throws TypeError or RangeError that names a wrong option */
export function mountChat(server: Server, options: ChatOptions = {}): Chat {
  const { onError } = Server.inside(server, 'mountChat');
  const settings = chatSettings(options);
  const records = new Records();
  const hub = new Hub<Outgoing>({
    prepare: (item, room) => prepare(item, room, records, settings.now),
    personOf: (name) => personNamed(name).id,
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
  const talk = new Talk(hub, door, settings, onError);
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
    kick(room, userId, reason = 'you were asked to leave') {
      const name = roomName(room);
      if (typeof userId !== 'string') throw new TypeError(`userId is ${describe(userId)}, must be the id of a person`);
      if (typeof reason !== 'string') throw new TypeError(`reason is ${describe(reason)}, must be a string`);
      return members.kick(name, userId, reason);
    },
    async remove(room, sequence) {
      const name = roomName(room);
      if (!Number.isSafeInteger(sequence) || sequence < 1)
        throw new RangeError(`sequence is ${describe(sequence)}, must be a whole number from 1`);
      // The log's head only grows within an epoch. `Records` passes over a removal from before its target.
      const { head } = await hub.log.read(name, undefined, 1);
      if (sequence > head.sequence)
        throw new RangeError(`sequence is ${sequence}, the last message of room ${name} is ${head.sequence}`);
      receiptOf(await talk.remove(name, sequence));
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
  const user = personOf(from);
  const message = parseMessage(text, undefined, { maxTextBytes });
  if ('problem' in message) throw new TypeError(message.message);
  // Without an id nothing is a repeat, so that there is a record.
  return talk
    .publish(name, user, message)
    .then((answer) => JSON.parse(records.json(name, receiptOf(answer).record as LogRecord)) as ChatMessage);
}

/** Whoever says it. Who has a name alone has it for an id. */
function personOf(from: string | ChatUser): Person {
  const { id, name } = typeof from === 'object' && from !== null ? from : { id: undefined, name: from };
  if (typeof name !== 'string')
    throw new TypeError(`from is ${describe(from)}, must be a name or a person { id, name }`);
  const user = parseUserName(name);
  if (!('name' in user)) throw new TypeError(user.message);
  if (typeof from === 'string') return { id: user.name, name: user.name };
  if (!isUserId(id)) throw new TypeError(`id must be 1 to ${CHAT_LIMITS.maxUserIdLength} visible characters`);
  return { id, name: user.name };
}

function roomName(room: string): string {
  if (typeof room !== 'string') throw new TypeError(`room is ${describe(room)}, must be the name of a room`);
  const parsed = parseRoomName(room);
  if (!('name' in parsed)) throw new TypeError(parsed.message);
  return parsed.name;
}

function receiptOf(answer: Receipt | ErrorEvent): Receipt {
  if ('code' in answer) throw new RoomRefused(answer.code, answer.message);
  return answer;
}
