/**
 * What members are told, as bytes to send: of each record and each notice, encoded once for all of them.
 *
 * A record's data is JSON without the type, the number and the token, which the log gives. Remembers which records were removed, so that
 * their text is not shown again: `maxRemovals`, the oldest makes way. Knows no connection. Sections: what is sent; records;
 * notices. Read next: `members.ts`.
 */

import { type PreparedEvent, prepareEvent } from '../event-stream/prepared-event.ts';
import { CHAT_LIMITS } from '../limits.ts';
import type { LogRecord } from '../rooms/log.ts';
import type { Item, PresenceNotice, WelcomeNotice } from '../rooms/notices.ts';
import { formatPosition } from '../rooms/position.ts';
import type { RoomView } from '../rooms/room.ts';
import { type PreparedMessage, prepareMessage } from '../websocket/prepared-message.ts';
import { type Person, PROTOCOL_VERSION, type ServerEvent } from './protocol.ts';

/** One event on its way to members: encoded once for WebSockets and once for event streams, when the first asks. */
export class Outgoing {
  readonly #json: string;
  /** The event's type on an event stream; messages have the default type. */
  readonly #type: string;
  /** The event ID on an event stream; only numbered events have one. */
  readonly #id: string | undefined;
  /** Messages that whoever gets this will not get. */
  readonly missing: number;
  #frame: PreparedMessage | undefined = undefined;
  #event: PreparedEvent | undefined = undefined;

  constructor(
    type: string,
    json: string,
    { id, missing = 0 }: { readonly id?: string; readonly missing?: number } = {},
  ) {
    this.#type = type;
    this.#json = json;
    this.#id = id;
    this.missing = missing;
  }

  get frame(): PreparedMessage {
    this.#frame ??= prepareMessage(this.#json);
    return this.#frame;
  }

  get event(): PreparedEvent {
    this.#event ??= prepareEvent({
      ...(this.#type === 'message' ? {} : { event: this.#type }),
      ...(this.#id === undefined ? {} : { id: this.#id }),
      data: this.#json,
    });
    return this.#event;
  }
}

const REMOVAL = '{"target":';

/** A message as its record has it. */
export function messageData(time: string, { id: userId, name: from }: Person, text: string, id?: string): string {
  return JSON.stringify({ time, from, userId, text, id }); // leaves out an `id` that is undefined
}

/** A removal as its record has it. */
export function removalData(time: string, target: number): string {
  return JSON.stringify({ target, time });
}

/** Records as members are told them. */
export class Records {
  /** `ROOM\nEPOCH-SEQUENCE` of what was removed, the oldest first. */
  readonly #removed = new Set<string>();
  /** The record that was encoded last: who has sent it is answered with what its room was just told. */
  #last: LogRecord | undefined = undefined;
  #lastJson = '';

  /** The record as JSON. A removal is remembered. */
  json(room: string, record: LogRecord): string {
    if (this.#last !== record) {
      this.#lastJson = this.#encode(room, record); // first: a removal forgets the last one
      this.#last = record;
    }
    return this.#lastJson;
  }

  #encode(room: string, record: LogRecord): string {
    const { sequence, epoch, token } = record;
    const data = String(record.data);
    const place = `"sequence":${sequence},"token":"${token}"`;
    if (data.startsWith(REMOVAL)) {
      this.note(room, record);
      return `{"type":"removed",${place},${data.slice(1)}`;
    }
    if (this.#removed.size === 0 || !this.#removed.has(`${room}\n${epoch}-${sequence}`))
      return `{"type":"message",${place},${data.slice(1)}`;
    const { time, from, userId } = JSON.parse(data) as Readonly<Record<string, string>>;
    return JSON.stringify({ type: 'message', sequence, token, time, from, userId, text: '', removed: true });
  }

  /** Remembers a removal, if the record is one, of what was said before it: no message can be removed before it is there. */
  note(room: string, { data, epoch, sequence }: LogRecord): void {
    if (!String(data).startsWith(REMOVAL)) return;
    const { target } = JSON.parse(String(data)) as { readonly target: number };
    if (target >= sequence) return;
    this.#last = undefined;
    this.#removed.add(`${room}\n${epoch}-${target}`);
    if (this.#removed.size > CHAT_LIMITS.maxRemovals)
      this.#removed.delete(this.#removed.values().next().value as string);
  }
}

/** The name under which presence knows a person: both parts, so that a list of names says all. */
export function presenceName({ id, name }: Person): string {
  return `${id}\n${name}`;
}

/** The person behind a name of presence. */
export function personNamed(presence: string): Person {
  const [id = '', name = ''] = presence.split('\n');
  return { id, name };
}

/** Each person once, where they came in, by the name with which they came last. */
function peopleOf(names: readonly string[]): Person[] {
  const people = new Map<string, Person>();
  for (const name of names) {
    const person = personNamed(name);
    people.set(person.id, person);
  }
  return [...people.values()];
}

/** What members are told of a record or a notice. */
export function prepare(item: Item, room: RoomView, records: Records, now: () => Date): Outgoing {
  switch (item.type) {
    case 'record': {
      const json = records.json(room.name, item);
      return new Outgoing(json.startsWith('{"type":"m') ? 'message' : 'removed', json, { id: formatPosition(item) });
    }
    case 'welcome':
      return outgoing(welcome(item));
    case 'presence':
      return outgoing(presence(item, room.names(), now().toISOString()));
    case 'gap': {
      const { from, to } = item;
      return new Outgoing('gap', JSON.stringify({ type: 'gap', from, to }), { missing: to - from + 1 });
    }
    case 'reset':
      return outgoing({ type: 'reset', epoch: item.position.epoch, sequence: item.position.sequence });
    case 'members':
      return outgoing({ type: 'members', members: peopleOf(item.members), memberCount: item.memberCount });
  }
}

/** Makes any event one to send. */
export function outgoing(event: ServerEvent): Outgoing {
  // An EventSource has an `error` of its own.
  return new Outgoing(event.type === 'error' ? 'refused' : event.type, JSON.stringify(event));
}

function welcome({ room, as = '', position, resumed, replay, gap, members, memberCount }: WelcomeNotice): ServerEvent {
  const { id: userId, name: you } = personNamed(as);
  return {
    type: 'welcome',
    version: PROTOCOL_VERSION,
    room,
    you,
    userId,
    epoch: position.epoch,
    sequence: position.sequence,
    position: formatPosition(position),
    resumed,
    replayed: replay,
    gap: gap === undefined ? null : { from: gap.from, to: gap.to },
    members: peopleOf(members),
    memberCount,
  };
}

/**
 * Who left and joined with the same id has changed their name, or has not been away. Who is still here by another name (two
 * connections of one person, who renames one of them and ends it) has not left: `renamed` says by which.
 */
function presence(
  { joined, left, memberCount }: PresenceNotice,
  names: IterableIterator<string>,
  time: string,
): ServerEvent {
  const came = joined.map(personNamed);
  const went: Person[] = [];
  const renamed: (Person & { readonly was: string })[] = [];
  const stillHere = left.length === 0 ? new Map<string, Person>() : peopleAmong(names, left);
  for (const person of left.map(personNamed)) {
    const index = came.findIndex(({ id }) => id === person.id);
    const now = index < 0 ? stillHere.get(person.id) : came.splice(index, 1)[0];
    if (now === undefined) went.push(person);
    else renamed.push({ ...now, was: person.name });
  }
  return { type: 'presence', time, joined: came, left: went, renamed, memberCount };
}

/** Those of the people in `left` who are among `names`, by id. O(names), which is why a list comes less often where they are many. */
function peopleAmong(names: Iterable<string>, left: readonly string[]): Map<string, Person> {
  const ids = new Set(left.map((name) => personNamed(name).id));
  const found = new Map<string, Person>();
  for (const name of names) {
    const person = personNamed(name);
    if (ids.has(person.id)) found.set(person.id, person);
  }
  return found;
}
