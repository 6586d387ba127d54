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

import { utf8ByteLength } from '../bytes/utf8.ts';
import { type PreparedEvent, prepareEvent } from '../event-stream/prepared-event.ts';
import { CHAT_LIMITS } from '../limits.ts';
import type { EventStream, HttpRequest, HttpResponse, SendResult, ServerWebSocket } from '../net/api.ts';
import { Hub } from '../rooms/hub.ts';
import { RoomRefused } from '../rooms/log.ts';
import type { EvictionReason, Member, Room } from '../rooms/room.ts';
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
  /** Rooms at a time. Default `ROOM_LIMITS.maxRooms`; the other limits of rooms likewise. */
  readonly maxRooms?: number;
  readonly maxMembers?: number;
  readonly maxHistoryMessages?: number;
  readonly maxHistoryBytes?: number;
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
  readonly rooms: number;
  /** Connections that are in a room. */
  readonly members: number;
  /** Says something in a room as `from`, without being in it. @throws TypeError for what the protocol does not allow; RoomRefused */
  publish(room: string, from: string, text: string): ChatMessage;
}

/** One event on its way to members: encoded once for WebSockets and once for event streams, when the first asks. */
class Outgoing {
  readonly json: string;
  /** The event's type on an event stream; messages have the default type. */
  readonly #type: string;
  /** The event ID on an event stream; only numbered messages have one. */
  readonly #id: string | undefined;
  #frame: PreparedMessage | undefined = undefined;
  #event: PreparedEvent | undefined = undefined;

  constructor(event: ServerEvent, epoch: string) {
    this.json = JSON.stringify(event);
    this.#type = event.type;
    this.#id = event.type === 'message' ? `${epoch}-${event.sequence}` : undefined;
  }

  get frame(): PreparedMessage {
    this.#frame ??= prepareMessage(this.json);
    return this.#frame;
  }

  get event(): PreparedEvent {
    this.#event ??= prepareEvent(
      this.#id === undefined ? { event: this.#type, data: this.json } : { id: this.#id, data: this.json },
    );
    return this.#event;
  }

  /** Lets go of the bytes, which share a block with others: a kept message would hold all of that block. */
  settle(): void {
    this.#frame = undefined;
    this.#event = undefined;
  }
}

/** What a room of the chat knows beyond its members: who they are, and what was acknowledged. */
interface RoomState {
  /** Connections by name, in order of arrival. */
  readonly users: Map<string, number>;
  /** Sequence numbers by sender and the sender's id; the oldest first, at most `maxReceipts`. */
  readonly receipts: Map<string, number>;
}

/** A connection in a room. */
abstract class ChatMember implements Member<Outgoing> {
  readonly user: string;
  /** Set while it is in a room. */
  room: Room<Outgoing> | undefined = undefined;

  constructor(user: string) {
    this.user = user;
  }

  abstract deliver(message: Outgoing): SendResult;
  abstract evicted(reason: EvictionReason): void;
}

class SocketMember extends ChatMember {
  readonly #socket: ServerWebSocket;

  constructor(user: string, socket: ServerWebSocket) {
    super(user);
    this.#socket = socket;
  }

  deliver(message: Outgoing): SendResult {
    return this.#socket.send(message.frame);
  }

  /** Says something to this member alone. */
  tell(event: ServerEvent): void {
    this.#socket.send(JSON.stringify(event));
  }

  evicted(): void {
    this.#socket.close(CloseCode.TryAgainLater, 'you read too slowly; come back for what you missed');
  }

  refuse(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

class StreamMember extends ChatMember {
  readonly #stream: EventStream;

  constructor(user: string, stream: EventStream) {
    super(user);
    this.#stream = stream;
  }

  deliver(message: Outgoing): SendResult {
    return this.#stream.send(message.event);
  }

  evicted(): void {
    this.#stream.close();
  }
}

/** Adds the chat's routes to a server. */
export function mountChat(server: Server, options: ChatOptions = {}): Chat {
  const {
    maxTextBytes = CHAT_LIMITS.maxTextBytes,
    allowedOrigins = [],
    identify = claimedName,
    now = () => new Date(),
    page = true,
  } = options;
  let epochs = 0;
  let memberCount = 0;
  const states = new WeakMap<Room<Outgoing>, RoomState>();
  const hub = new Hub<Outgoing>({
    ...options,
    sizeOf: (message) => utf8ByteLength(message.json),
    // The time tells one run of the server from the next, the count one room from the next.
    newEpoch: () => `${now().getTime().toString(36)}${(epochs++).toString(36)}`,
    onEvicted: (room, member) => announceLeft(room, member as ChatMember),
  });

  const stateOf = (room: Room<Outgoing>): RoomState => {
    let state = states.get(room);
    if (state === undefined) {
      state = { users: new Map(), receipts: new Map() };
      states.set(room, state);
    }
    return state;
  };

  /** Tells everyone else in the room. */
  const announce = (room: Room<Outgoing>, type: 'joined' | 'left', member: ChatMember): void => {
    const event = { type, user: member.user, time: now().toISOString(), memberCount: stateOf(room).users.size };
    room.broadcast(new Outgoing(event, room.epoch), member);
  };

  const announceLeft = (room: Room<Outgoing>, member: ChatMember): void => {
    member.room = undefined;
    memberCount--;
    const { users } = stateOf(room);
    const connections = users.get(member.user) ?? 0;
    if (connections > 1) users.set(member.user, connections - 1);
    else if (users.delete(member.user)) announce(room, 'left', member);
  };

  /** Welcomes a member, replays what it missed, and tells the others. @throws RoomRefused */
  const join = (name: string, member: ChatMember, position: string | undefined): void => {
    const room = hub.room(name);
    const { users } = stateOf(room);
    const isNew = !users.has(member.user);
    const had = readPosition(position);
    const known = had !== undefined && had.epoch === room.epoch;
    const { messages, gap } = room.replay(known ? had.sequence : 0);
    // In this order the member neither misses a message nor gets one twice: nothing happens in between.
    hub.join(name, member);
    member.room = room;
    memberCount++;
    users.set(member.user, (users.get(member.user) ?? 0) + 1);
    const welcome: ServerEvent = {
      type: 'welcome',
      room: name,
      you: member.user,
      epoch: room.epoch,
      sequence: room.sequence,
      members: [...users.keys()].slice(0, CHAT_LIMITS.maxMembersListed),
      memberCount: users.size,
      replayed: messages.length,
      gap: had !== undefined && (!known || gap),
    };
    member.deliver(new Outgoing(welcome, room.epoch));
    for (const message of messages) {
      member.deliver(message);
      message.settle();
    }
    if (isNew) announce(room, 'joined', member);
  };

  const leave = (member: ChatMember): void => {
    const { room } = member;
    if (room !== undefined && hub.leave(room, member)) announceLeft(room, member);
  };

  /** Publishes, or finds that this was published before. */
  const publish = (room: Room<Outgoing>, from: string, text: string, id: string | undefined): ChatMessage => {
    const { receipts } = stateOf(room);
    const receipt = id === undefined ? undefined : `${from}\n${id}`;
    const before = receipt === undefined ? undefined : receipts.get(receipt);
    const time = now().toISOString();
    if (before !== undefined)
      return { type: 'message', sequence: before, time, from, text, ...(id === undefined ? {} : { id }) };
    let said: ChatMessage | undefined;
    const outgoing = room.publish((sequence) => {
      said = { type: 'message', sequence, time, from, text, ...(id === undefined ? {} : { id }) };
      return new Outgoing(said, room.epoch);
    });
    outgoing.settle();
    if (receipt !== undefined) {
      receipts.set(receipt, room.sequence);
      if (receipts.size > CHAT_LIMITS.maxReceipts) receipts.delete(receipts.keys().next().value as string);
    }
    return said as ChatMessage;
  };

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

  server.webSocket<SocketMember>(
    '/rooms/:room',
    (request) => place(request, guestName).refusal,
    {
      open(socket, request) {
        const where = place(request, guestName);
        if (where.refusal !== undefined) {
          socket.close(CloseCode.PolicyViolation); // `identify` changed its mind since `upgrade`
          return;
        }
        const member = new SocketMember(where.user, socket as ServerWebSocket);
        socket.data = member;
        try {
          join(where.room, member, request.query.get('after') ?? undefined);
        } catch (error) {
          if (!(error instanceof RoomRefused)) throw error;
          member.tell({ type: 'error', code: error.code as ProblemCode, message: error.message });
          member.refuse(CloseCode.TryAgainLater, error.message);
        }
      },
      message(socket, data) {
        const member = socket.data;
        const { room } = member;
        if (room === undefined) return; // evicted or refused; the close frame is on its way
        const event: ReturnType<typeof parseClientEvent> =
          typeof data === 'string'
            ? parseClientEvent(data, { maxTextBytes })
            : { problem: 'BINARY', message: 'this chat speaks JSON in text messages' };
        if ('problem' in event) {
          const about = event.id === undefined ? {} : { id: event.id };
          member.tell({ type: 'error', code: event.problem, message: event.message, ...about });
        } else if (event.type === 'ping') member.tell({ type: 'pong' });
        else {
          const { sequence } = publish(room, member.user, event.text, event.id);
          if (event.id !== undefined) member.tell({ type: 'ack', id: event.id, sequence });
        }
      },
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
  server.eventStream<StreamMember>(
    '/rooms/:room/events',
    (request) => place(request, guestName).refusal,
    {
      open(stream, request) {
        const where = place(request, guestName);
        if (where.refusal !== undefined) {
          stream.close();
          return;
        }
        const member = new StreamMember(where.user, stream as EventStream);
        stream.data = member;
        try {
          join(where.room, member, stream.lastEventId === '' ? undefined : stream.lastEventId);
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
      close(stream) {
        heartbeats.delete(stream);
        if (stream.data !== undefined) leave(stream.data);
      },
    },
    { allowedOrigins: origins, maxBufferedBytes: CHAT_LIMITS.maxBufferedBytes },
  );

  server.post(
    '/rooms/:room/messages',
    (request) => {
      const where = place(request, () => 'guest');
      if (where.refusal !== undefined) return where.refusal;
      const parsed = readPosted(request, maxTextBytes);
      if ('problem' in parsed) return problem(400, parsed.problem, parsed.message);
      try {
        return json(201, publish(hub.room(where.room), where.user, parsed.text, parsed.id));
      } catch (error) {
        if (error instanceof RoomRefused) return problem(503, error.code as ProblemCode, error.message);
        throw error;
      }
    },
    { allowedOrigins: origins },
  );

  server.get(
    '/rooms/:room/messages',
    (request) => {
      const where = place(request, () => 'guest');
      if (where.refusal !== undefined) return where.refusal;
      const room = hub.find(where.room);
      const position = request.query.get('after') ?? undefined;
      const had = readPosition(position);
      const known = had !== undefined && had.epoch === room?.epoch;
      const { messages, gap } = room?.replay(known ? had.sequence : 0) ?? { messages: [], gap: false };
      const head = {
        room: where.room,
        epoch: room?.epoch ?? '',
        sequence: room?.sequence ?? 0,
        gap: had !== undefined && (!known || gap),
      };
      // The messages are JSON already.
      return json(
        200,
        `${JSON.stringify(head).slice(0, -1)},"messages":[${messages.map(({ json }) => json).join(',')}]}`,
      );
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
      return publish(hub.room((room as { name: string }).name), (user as { name: string }).name, text, undefined);
    },
  };
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

/** Reads `EPOCH-SEQUENCE`: an event ID, or the `after` parameter. Anything else counts as none. */
function readPosition(text: string | undefined): { readonly epoch: string; readonly sequence: number } | undefined {
  const parts = /^([0-9a-z]{1,20})-([0-9]{1,15})$/.exec(text ?? '');
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
