/**
 * The chat server: rooms over WebSocket, event streams and plain HTTP, on any barewire server.
 *
 *     WS   /rooms/:room            join; say and hear            GET  /rooms/:room            the page
 *     GET  /rooms/:room/events     join; hear                    GET  /rooms/:room/messages   recent history
 *     POST /rooms/:room/messages   say                           GET  /healthz
 *
 * Knows the chat protocol and the rooms; frames, chunks and deadlines are the layers below. Whatever one member does
 * wrong is told to that member and to nobody else. Who a member is, is what `X-User-Id` or `?user=` says: put a proxy
 * in front that sets it, or pass `identify`, where that matters. Read next: `README.md` (the protocol), `client.ts`.
 */

import { type PreparedEvent, prepareEvent } from '../event-stream/prepared-event.ts';
import { CHAT_LIMITS, ROOM_LIMITS } from '../limits.ts';
import type { HttpRequest, HttpResponse, SendResult, ServerWebSocket } from '../net/api.ts';
import { Hub } from '../rooms/hub.ts';
import { type LogRecord, RoomRefused } from '../rooms/log.ts';
import type { Member } from '../rooms/member.ts';
import type { Item } from '../rooms/notices.ts';
import { formatPosition } from '../rooms/position.ts';
import type { Receipt } from '../rooms/receipts.ts';
import type { RoomView } from '../rooms/room.ts';
import type { Server } from '../server.ts';
import { CloseCode } from '../websocket/close.ts';
import { type PreparedMessage, prepareMessage } from '../websocket/prepared-message.ts';
import { servePage } from './assets.ts';
import { Heartbeats } from './heartbeats.ts';
import {
  type ChatMessage,
  type Problem,
  type ProblemCode,
  parseClientEvent,
  parseMessage,
  parseRoomName,
  parseUserName,
  type ServerEvent,
} from './protocol.ts';

export interface ChatOptions {
  /** Rooms with members, and rooms with a history, at a time. Default `ROOM_LIMITS.maxRooms`; the other limits of rooms likewise. */
  readonly maxRooms?: number;
  readonly maxMembers?: number;
  readonly maxHistoryMessages?: number;
  readonly maxHistoryBytes?: number;
  /** Milliseconds of joins and leaves that are told together; 0 = each at once. Default `ROOM_LIMITS.presenceMs`. */
  readonly presenceMs?: number;
  /** UTF-8 bytes of one message's text. Default `CHAT_LIMITS.maxTextBytes`. */
  readonly maxTextBytes?: number;
  /** Origins other than the server's own that may join and post, for example `https://app.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Who sends a request: a name, or undefined to make it a guest. Default: `X-User-Id`, then `?user=`. */
  readonly identify?: (request: HttpRequest) => string | undefined;
  /** Serve the web page at `/` and `/rooms/:room`. Default true. */
  readonly page?: boolean;
  /** What time it is. Default: the system's clock. */
  readonly now?: () => Date;
}

/** A running chat. */
export interface Chat {
  /** Rooms that someone is in. */
  readonly rooms: number;
  /** Connections that are in a room. */
  readonly members: number;
  /** Says something in a room as `from`, without being in it. Rejects with RoomRefused. @throws TypeError for what the protocol does not allow */
  publish(room: string, from: string, text: string): Promise<ChatMessage>;
}

/** One event on its way to members: encoded once for WebSockets and once for event streams, when the first asks. */
class Outgoing {
  readonly #json: string;
  /** The event's type on an event stream; messages have the default type. */
  readonly #type: string;
  /** The event ID on an event stream; only numbered messages have one. */
  readonly #id: string | undefined;
  /** Whom it is about: they are not told. */
  readonly about: string | undefined;
  /** Told after this one: the next name of a list. */
  readonly more: Outgoing | undefined;
  #frame: PreparedMessage | undefined = undefined;
  #event: PreparedEvent | undefined = undefined;

  constructor(type: string, json: string, id?: string, about?: string, more?: Outgoing) {
    this.#json = json;
    this.#type = type;
    this.#id = id;
    this.about = about;
    this.more = more;
  }

  get frame(): PreparedMessage {
    this.#frame ??= prepareMessage(this.#json);
    return this.#frame;
  }

  get event(): PreparedEvent {
    this.#event ??= prepareEvent(
      this.#id === undefined ? { event: this.#type, data: this.#json } : { id: this.#id, data: this.#json },
    );
    return this.#event;
  }
}

type ChatMember = Member<Outgoing, string | undefined>;

/** A connection and the room that it is in. */
interface Place {
  readonly room: string;
  readonly user: string;
  readonly member: ChatMember;
}

/** Sends all of an event, but what is about the member itself. */
function sendAll(message: Outgoing, user: string, send: (one: Outgoing) => SendResult): SendResult {
  let result: SendResult = 'sent';
  for (let one: Outgoing | undefined = message; one !== undefined; one = one.more) {
    if (one.about === user) continue;
    const answer = send(one);
    if (answer === 'dropped') return one === message ? answer : 'backpressure';
    if (answer === 'backpressure') result = answer;
  }
  return result;
}

/** A message as its record has it: all but the type and the number, which the log gives. */
function messageData(time: string, from: string, text: string, id: string | undefined): string {
  return JSON.stringify({ time, from, text, ...(id === undefined ? {} : { id }) });
}

function messageJson({ sequence, data }: LogRecord): string {
  return `{"type":"message","sequence":${sequence},${String(data).slice(1)}`;
}

/** What members are told of a record or a notice. */
function prepare(item: Item, room: RoomView, now: () => Date): Outgoing | undefined {
  switch (item.type) {
    case 'record':
      return new Outgoing('message', messageJson(item), formatPosition(item));
    case 'welcome': {
      const { epoch, sequence } = item.position;
      const gap = item.resumed === 'reset' || item.gap !== undefined;
      const { members, memberCount, replay: replayed } = item;
      return outgoing({
        type: 'welcome',
        room: room.name,
        you: item.as ?? '',
        epoch,
        sequence,
        members,
        memberCount,
        replayed,
        gap,
      });
    }
    case 'presence':
      return presenceEvents(item, now().toISOString());
    case 'gap':
    case 'reset':
    case 'members':
      return undefined; // the welcome says so; the rooms evict here, and drop nothing later
  }
}

function outgoing(event: ServerEvent, about?: string, more?: Outgoing): Outgoing {
  return new Outgoing(event.type, JSON.stringify(event), undefined, about, more);
}

/** One event for each name, as one thing to send. */
function presenceEvents(
  { joined, left, memberCount }: Item & { readonly type: 'presence' },
  time: string,
): Outgoing | undefined {
  let first: Outgoing | undefined;
  for (const user of left.toReversed()) first = outgoing({ type: 'left', user, time, memberCount }, user, first);
  for (const user of joined.toReversed()) first = outgoing({ type: 'joined', user, time, memberCount }, user, first);
  return first;
}

/** Adds the chat's routes to a server. */
export function mountChat(server: Server, options: ChatOptions = {}): Chat {
  const {
    maxTextBytes = CHAT_LIMITS.maxTextBytes,
    allowedOrigins = [],
    identify = claimedName,
    now = () => new Date(),
    page = true,
    maxRooms = ROOM_LIMITS.maxRooms,
    maxMembers = ROOM_LIMITS.maxMembers,
    maxHistoryMessages: maxHistoryRecords = ROOM_LIMITS.maxHistoryRecords,
    maxHistoryBytes = ROOM_LIMITS.maxHistoryBytes,
    presenceMs = ROOM_LIMITS.presenceMs,
  } = options;
  let memberCount = 0;
  const hub = new Hub<Outgoing>({
    prepare: (item, room) => prepare(item, room, now),
    maxRooms,
    maxMembers,
    maxHistoryRecords,
    maxHistoryBytes,
    presenceMs,
  });

  /** Joins a room. @throws RoomRefused */
  const join = (place: Place, after: string | undefined): void => {
    place.member.join(place.room, { as: place.user, after: readPosition(after) });
    memberCount++;
  };

  const leave = (place: Place): void => {
    if (place.member.leave(place.room)) memberCount--;
    place.member.close();
  };

  /** Publishes, or finds that this was published before. */
  const publish = (room: string, from: string, text: string, id: string | undefined): Promise<Receipt> =>
    hub.publish(
      room,
      messageData(now().toISOString(), from, text, id),
      id === undefined ? {} : { key: `${from}\n${id}` },
    );

  const origins = ['same-origin', ...allowedOrigins];

  /** Where and who, or why not. */
  const place = (
    request: HttpRequest,
    guest: () => string,
  ):
    | { readonly room: string; readonly user: string; readonly refusal?: undefined }
    | { readonly refusal: HttpResponse } => {
    const room = parseRoomName(request.params['room'] ?? '');
    if (!('name' in room)) return { refusal: problem(400, room.problem, room.message) };
    const user = parseUserName(identify(request) ?? guest());
    if (!('name' in user)) return { refusal: problem(400, user.problem, user.message) };
    return { room: room.name, user: user.name };
  };

  server.webSocket<Place | undefined>(
    '/rooms/:room',
    (request) => place(request, guestName).refusal,
    {
      open(socket, request) {
        const where = place(request, guestName);
        if (where.refusal !== undefined) {
          socket.close(CloseCode.PolicyViolation); // `identify` changed its mind since `upgrade`
          return;
        }
        const { room, user } = where;
        const member = hub.member(
          {
            deliver: (message) => sendAll(message, user, ({ frame }) => socket.send(frame)),
            evicted({ code }) {
              memberCount--;
              socket.close(code, 'you read too slowly; come back for what you missed');
            },
          },
          user,
        );
        try {
          const joined: Place = { room, user, member };
          join(joined, request.query.get('after') ?? undefined);
          socket.data = joined;
        } catch (error) {
          if (!(error instanceof RoomRefused)) throw error;
          tell(socket, { type: 'error', code: error.code as ProblemCode, message: error.message });
          socket.close(CloseCode.TryAgainLater, error.message);
        }
      },
      message(socket, data) {
        if (socket.data === undefined || socket.data.member.size === 0) return; // evicted or refused; the close frame is on its way
        const { room, user } = socket.data;
        const event: ReturnType<typeof parseClientEvent> =
          typeof data === 'string'
            ? parseClientEvent(data, { maxTextBytes })
            : { problem: 'BINARY', message: 'this chat speaks JSON in text messages' };
        if ('problem' in event) {
          const about = event.id === undefined ? {} : { id: event.id };
          tell(socket, { type: 'error', code: event.problem, message: event.message, ...about });
        } else if (event.type === 'ping') tell(socket, { type: 'pong' });
        else acknowledge(socket, publish(room, user, event.text, event.id), event.id);
      },
      drain: (socket) => socket.data?.member.drained(),
      close(socket) {
        if (socket.data !== undefined) leave(socket.data);
      },
    },
    {
      allowedOrigins: origins,
      maxMessageBytes: CHAT_LIMITS.maxMessageBytes,
      maxBufferedBytes: CHAT_LIMITS.maxBufferedBytes,
    },
  );

  const heartbeats = new Heartbeats();
  server.eventStream<Place | undefined>(
    '/rooms/:room/events',
    (request) => place(request, guestName).refusal,
    {
      open(stream, request) {
        const where = place(request, guestName);
        if (where.refusal !== undefined) {
          stream.close();
          return;
        }
        const { room, user } = where;
        const member = hub.member(
          {
            deliver: (message) => sendAll(message, user, ({ event }) => stream.send(event)),
            evicted() {
              memberCount--;
              stream.close();
            },
          },
          user,
        );
        try {
          const joined: Place = { room, user, member };
          join(joined, stream.lastEventId === '' ? undefined : stream.lastEventId);
          stream.data = joined;
          heartbeats.add(stream);
        } catch (error) {
          if (!(error instanceof RoomRefused)) throw error;
          // `error` as an event's type would look like the connection's own `error` to an EventSource.
          stream.send({
            event: 'refused',
            data: JSON.stringify({ type: 'error', code: error.code, message: error.message }),
          });
          stream.close();
        }
      },
      drain: (stream) => stream.data?.member.drained(),
      close(stream) {
        heartbeats.delete(stream);
        if (stream.data !== undefined) leave(stream.data);
      },
    },
    { allowedOrigins: origins, maxBufferedBytes: CHAT_LIMITS.maxBufferedBytes },
  );

  server.post(
    '/rooms/:room/messages',
    async (request) => {
      const where = place(request, () => 'guest');
      if (where.refusal !== undefined) return where.refusal;
      const parsed = readPosted(request, maxTextBytes);
      if ('problem' in parsed) return problem(400, parsed.problem, parsed.message);
      try {
        const { record, sequence } = await publish(where.room, where.user, parsed.text, parsed.id);
        // A repeat may outlive its record: then there is the number alone.
        return json(201, record === undefined ? { type: 'ack', id: parsed.id, sequence } : messageJson(record));
      } catch (error) {
        if (error instanceof RoomRefused) return problem(503, error.code as ProblemCode, error.message);
        throw error;
      }
    },
    { allowedOrigins: origins },
  );

  server.get(
    '/rooms/:room/messages',
    async (request) => {
      const where = place(request, () => 'guest');
      if (where.refusal !== undefined) return where.refusal;
      const position = request.query.get('after') ?? undefined;
      const had = readPosition(position);
      const { head, records } = await hub.log.read(where.room, undefined, Math.max(1, maxHistoryRecords));
      const known = had !== undefined && had.epoch === head.epoch && had.sequence <= head.sequence;
      const missed = known ? records.filter(({ sequence }) => sequence > had.sequence) : records;
      const first = missed[0]?.sequence ?? head.sequence + 1;
      const answer = {
        room: where.room,
        epoch: head.sequence === 0 ? '' : head.epoch,
        sequence: head.sequence,
        gap: had !== undefined && (!known || first > had.sequence + 1),
      };
      // The messages are JSON already.
      return json(200, `${JSON.stringify(answer).slice(0, -1)},"messages":[${missed.map(messageJson).join(',')}]}`);
    },
    { allowedOrigins: origins },
  );

  server.get('/healthz', () => json(200, { status: 'ok', rooms: hub.size, members: memberCount }));
  if (page) servePage(server);

  return {
    get rooms() {
      return hub.size;
    },
    get members() {
      return memberCount;
    },
    publish(roomName, from, text) {
      const room = parseRoomName(roomName);
      const user = parseUserName(from);
      const message = parseMessage(text, undefined, { maxTextBytes });
      for (const each of [room, user, message]) if ('problem' in each) throw new TypeError(each.message);
      const said = publish((room as { name: string }).name, (user as { name: string }).name, text, undefined);
      // Without an id nothing is a repeat, so that there is a record.
      return said.then(({ record }) => JSON.parse(messageJson(record as LogRecord)) as ChatMessage);
    },
  };
}

/** Says something to one member alone. */
function tell(socket: ServerWebSocket<Place | undefined>, event: ServerEvent): void {
  socket.send(JSON.stringify(event));
}

/** Tells the sender the number of its message, or why there is none. */
function acknowledge(socket: ServerWebSocket<Place | undefined>, said: Promise<Receipt>, id: string | undefined): void {
  const about = id === undefined ? {} : { id };
  said.then(
    ({ sequence }) => {
      if (id !== undefined) tell(socket, { type: 'ack', id, sequence });
    },
    (error: unknown) => {
      const { code, message } = error as RoomRefused;
      tell(socket, { type: 'error', code: code as ProblemCode, message, ...about });
    },
  );
}

/** `X-User-Id`, else `?user=`. The header's octets are UTF-8, of which a head's text has one a character. */
function claimedName(request: HttpRequest): string | undefined {
  const header = request.headers.get('x-user-id');
  if (header !== undefined) return Buffer.from(header, 'latin1').toString();
  return request.query.get('user') ?? undefined;
}

/** A name for someone who gave none. Only to tell guests apart: it is no secret. */
function guestName(): string {
  return `guest-${Math.trunc(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')}`;
}

/**
 * Reads `EPOCH-SEQUENCE` or `EPOCH-SEQUENCE-TOKEN`: the `after` parameter, or an event ID. Anything else counts as none.
 * The log is in this process and loses nothing, so that a position without a token says enough.
 */
function readPosition(text: string | undefined): { readonly epoch: string; readonly sequence: number } | undefined {
  const parts = /^([0-9a-z]{1,32})-([0-9]{1,15})(?:-[0-9a-z]{0,16})?$/.exec(text ?? '');
  return parts === null ? undefined : { epoch: parts[1]!, sequence: Number(parts[2]) };
}

/** What was posted: JSON with `text` and perhaps `id` if it says that it is JSON; otherwise the body is the text itself. */
function readPosted(
  request: HttpRequest,
  maxTextBytes: number,
): { readonly text: string; readonly id?: string } | Problem {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    return parseMessage(request.text(), undefined, { maxTextBytes });
  let body: unknown;
  try {
    body = request.json();
  } catch {
    return { problem: 'BAD_JSON', message: 'the body is not JSON' };
  }
  if (typeof body !== 'object' || body === null)
    return { problem: 'BAD_JSON', message: 'the body is not a JSON object' };
  const { text, id } = body as Record<string, unknown>;
  return parseMessage(text, id, { maxTextBytes });
}

function json(status: number, body: object | string): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
    body: `${text}\n`,
  };
}

function problem(status: number, code: ProblemCode, message: string): HttpResponse {
  return json(status, { type: 'error', code, message });
}
