/**
 * The two ways to be in a room: a WebSocket, which hears and speaks, and an event stream, which hears.
 *
 * Makes a port of each for `members.ts`, and reads what a WebSocket says. Whatever one member does wrong is told to that
 * member and to nobody else. Read next: `routes.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import type { Acceptance, EventStream, Refusal, SendResult, ServerWebSocket } from '../net/api.ts';
import type { Eviction } from '../rooms/member.ts';
import type { Server } from '../server.ts';
import type { Admitted, Door } from './door.ts';
import { type Outgoing, outgoing } from './encoding.ts';
import { Heartbeats } from './heartbeats.ts';
import type { Members, Place, Port } from './members.ts';
import { CHAT_CLOSE, type ErrorEvent, parseClientEvent, type ServerEvent } from './protocol.ts';
import type { ChatSettings } from './settings.ts';
import type { Talk } from './talk.ts';
import type { Bucket } from './token-buckets.ts';

/** What the routes need. */
export interface Parts {
  readonly door: Door;
  readonly members: Members;
  readonly talk: Talk;
  readonly settings: ChatSettings;
}

/** What a connection carries: who was let in, then the place. */
interface Guest {
  readonly admitted: Admitted;
  place: Place | undefined;
  /** What it has sent, against floods. */
  readonly sent: Bucket;
  /** Ends the wait of one that is not read for a while. */
  cancelHold: () => void;
}

/** Adds the WebSocket's route. */
export function addWebSocket(server: Server, parts: Parts): void {
  const { door, members, talk, settings } = parts;
  const { base, allowedOrigins, maxTextBytes } = settings;
  server.webSocket<Guest>(
    `${base}/rooms/:room`,
    async (request) => guestOf(await door.join(request), door),
    {
      open(socket, request) {
        const { data } = socket;
        const after = request.query.get('after') ?? undefined;
        data.place = members.join(data.admitted, new SocketPort(socket), readPosition(after));
      },
      ping: (socket) => pace(socket, parts),
      message(socket, data) {
        pace(socket, parts);
        const { place } = socket.data;
        if (place === undefined || place.member.size === 0) return undefined; // refused or let go of; the close frame is on its way
        if (typeof data !== 'string') {
          tell(socket, { type: 'error', code: 'BINARY', message: 'this chat speaks JSON in text messages' });
          return undefined;
        }
        const event = parseClientEvent(data, { maxTextBytes });
        if ('problem' in event) {
          const about = event.id === undefined ? {} : { id: event.id };
          tell(socket, { type: 'error', code: event.problem, message: event.message, ...about });
        } else if (event.type === 'ping') tell(socket, { type: 'pong' });
        else return say(socket, talk, place, event);
        return undefined;
      },
      drain: (socket) => socket.data.place?.member.drained(),
      close(socket) {
        socket.data.cancelHold();
        if (socket.data.place !== undefined) members.leave(socket.data.place);
      },
    },
    {
      allowedOrigins: ['same-origin', ...allowedOrigins],
      maxMessageBytes: messageBytes(maxTextBytes),
      maxBufferedBytes: CHAT_LIMITS.maxBufferedBytes,
    },
  );
}

/** What a message of the protocol may have: a text escaped as JSON is at most 6 octets for one, and 1,024 are for its id and the rest. */
function messageBytes(maxTextBytes: number): number {
  return Math.max(CHAT_LIMITS.maxMessageBytes, maxTextBytes * 6 + 1_024);
}

/** Adds the event stream's route. */
export function addEventStream(server: Server, { door, members, settings }: Parts): void {
  const heartbeats = new Heartbeats(settings.clock);
  server.eventStream<Guest>(
    `${settings.base}/rooms/:room/events`,
    async (request) => guestOf(await door.join(request), door),
    {
      open(stream) {
        const after = stream.lastEventId === '' ? undefined : stream.lastEventId;
        stream.data.place = members.join(stream.data.admitted, new StreamPort(stream), readPosition(after));
        if (stream.data.place !== undefined) heartbeats.add(stream);
      },
      drain: (stream) => stream.data.place?.member.drained(),
      close(stream) {
        heartbeats.delete(stream);
        if (stream.data.place !== undefined) members.leave(stream.data.place);
      },
    },
    {
      allowedOrigins: ['same-origin', ...settings.allowedOrigins],
      maxBufferedBytes: CHAT_LIMITS.maxBufferedBytes,
      // nginx: "Buffering can also be enabled or disabled by passing “yes” or “no” in the “X-Accel-Buffering” response header field."
      headers: { 'X-Accel-Buffering': 'no' },
    },
  );
}

function guestOf(answer: Awaited<ReturnType<Door['join']>>, door: Door): Acceptance<Guest> | Refusal {
  const made = { place: undefined, sent: door.newBucket(), cancelHold: () => {} };
  return answer.refusal ?? { data: { admitted: answer as Admitted, ...made } };
}

/** Reads no further from who sends faster than flood control has it; what it sends meanwhile waits on its side of TCP. */
function pace(socket: ServerWebSocket<Guest>, { door, settings }: Parts): void {
  const { data } = socket;
  const waitMs = door.reading(data.sent);
  if (waitMs === 0) return;
  socket.pause();
  data.cancelHold();
  data.cancelHold = settings.clock.after(waitMs, () => socket.resume());
}

/** Says it, and tells the sender its number, or why there is none. */
async function say(
  socket: ServerWebSocket<Guest>,
  talk: Talk,
  place: Place,
  { text, id }: { readonly text: string; readonly id?: string },
): Promise<void> {
  const about = id === undefined ? {} : { id };
  const answer = await talk.say(place, { text, ...about });
  if ('code' in answer) tell(socket, { ...answer, ...about });
  else if (id !== undefined) tell(socket, { type: 'ack', id, sequence: answer.sequence });
}

/** Says something to one member alone. */
function tell(socket: ServerWebSocket<Guest>, event: ServerEvent): void {
  socket.send(JSON.stringify(event));
}

class SocketPort implements Port {
  readonly #socket: ServerWebSocket<Guest>;

  constructor(socket: ServerWebSocket<Guest>) {
    this.#socket = socket;
  }

  send({ frame }: Outgoing): SendResult {
    return this.#socket.send(frame);
  }

  refuse(why: ErrorEvent, code: number): void {
    tell(this.#socket, why);
    this.#socket.close(code, closeReason(why.message));
  }

  expire({ message }: ErrorEvent): void {
    this.#socket.close(CHAT_CLOSE.expired, message);
  }

  evict({ code, reason }: Eviction): void {
    this.#socket.close(code, reason);
  }
}

class StreamPort implements Port {
  readonly #stream: EventStream<Guest>;

  constructor(stream: EventStream<Guest>) {
    this.#stream = stream;
  }

  send({ event }: Outgoing): SendResult {
    return this.#stream.send(event);
  }

  refuse(why: ErrorEvent): void {
    this.#stream.send(outgoing(why).event);
    this.#stream.close();
  }

  expire(why: ErrorEvent): void {
    this.#stream.send({ event: 'expired', data: JSON.stringify(why) });
    this.#stream.close();
  }

  evict(): void {
    this.#stream.close();
  }
}

/** As much of a reason as a close frame can carry: 123 octets (RFC 6455 §5.5), whole characters. */
function closeReason(text: string): string {
  let reason = '';
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(reason + character) > 123) break;
    reason += character;
  }
  return reason;
}

/** Reads `EPOCH-SEQUENCE` too, which people type: a position without its token is not checked against records that the log lost. */
export function readPosition(text: string | undefined): string | PlainPosition | undefined {
  const parts = /^([0-9a-z]{1,32})-([0-9]{1,15})$/.exec(text ?? '');
  return parts === null ? text : { epoch: parts[1]!, sequence: Number(parts[2]) };
}

/** A position without its token. */
export interface PlainPosition {
  readonly epoch: string;
  readonly sequence: number;
}
