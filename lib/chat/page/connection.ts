/**
 * The page's only door to the chat's client: what the page needs to hear and to say, in the page's own words.
 *
 * Another client changes this file alone. Knows the client and the protocol, nothing of elements. The browser has an id that stays when
 * the name changes, so that a rename is one event. Sections: what the page hears, `connect`, questions over HTTP. Read next: `page.ts`.
 */

import { type ChatConnection, type ChatRefused, type ChatState, connectChat } from '../client.ts';
import { ChatHttp } from '../client-http.ts';
import { Login } from '../client-login.ts';
import type { ChatMessage, Person, RemovedEvent, WelcomeEvent } from '../protocol.ts';
import { keep, recall } from './memory.ts';
import type { Entry } from './messages.ts';

export type { ChatRefused, ChatState } from '../client.ts';
export type { Person, WelcomeEvent } from '../protocol.ts';

/** As many as the client lets wait. */
const MAX_WAITING = 100;

/** A message of the room. */
export type Heard = Entry;

/** Who came, went, or changed their name. */
export interface Presence {
  readonly joined: readonly Person[];
  readonly left: readonly Person[];
  readonly renamed: readonly (Person & { readonly was: string })[];
  readonly memberCount: number;
}

/** What a page hears. */
export interface Listener {
  /** How the connection is; not that the page itself has closed it. */
  state(now: ChatState): void;
  /** Where we are, at the beginning of each connection. */
  welcome(welcome: WelcomeEvent): void;
  message(message: Heard, id: string | undefined): void;
  /** A message was taken away. */
  removed(target: number): void;
  /** So many messages will not come. */
  gap(count: number): void;
  /** The numbering begins anew. */
  newHistory(epoch: string): void;
  presence(presence: Presence): void;
  members(people: readonly Person[], count: number): void;
  /** Ours: not yet acknowledged. Also what an earlier page of this tab had said. */
  waiting(id: string, text: string): void;
  acknowledged(id: string, sequence: number): void;
  /** `id`: of the message that it is about, if it is about one. */
  refused(id: string | undefined, reason: string): void;
}

export interface Connection {
  /** Says something now or later. False when too much is waiting already. */
  say(text: string): boolean;
  /** Rejects with the reason. */
  rename(name: string): Promise<void>;
  /** The messages before one, oldest first, and whether there are older ones. */
  older(sequence: number): Promise<{ readonly messages: Heard[]; readonly hasMore: boolean }>;
  /** Tries at once where the next attempt is only waited for. */
  retry(): void;
  close(): void;
}

export interface Place {
  /** Ends with a slash: all addresses of the chat are below it. */
  readonly base: string;
  readonly room: string;
  /** Empty where the server says who one is. */
  readonly user: string;
  readonly isEventStream: boolean;
}

/** Joins a room, and comes back by itself. */
export function connect({ base, room, user, isEventStream }: Place, listener: Listener): Connection {
  const client = connectChat(base, {
    room,
    user: user || undefined,
    id: browserId(),
    transport: isEventStream ? 'event-stream' : 'auto',
  });
  hear(client, listener);
  const show = (id: string, text: string, promise: Promise<ChatMessage>): void => {
    listener.waiting(id, text);
    promise.then(
      ({ sequence }) => listener.acknowledged(id, sequence),
      () => {}, // a refusal is heard as an event
    );
  };
  for (const { id, text, promise } of client.waiting) show(id, text, promise);
  return {
    say(text) {
      if (client.waiting.length >= MAX_WAITING) return false;
      const sent = client.send(text);
      show(sent.id, text, sent);
      return true;
    },
    rename: (name) => client.rename(name),
    async older(before) {
      const { messages, more: hasMore } = await client.history({ before });
      return { messages: shown(messages, client), hasMore };
    },
    retry: () => client.reconnectNow(),
    close: () => client.close(),
  };
}

function hear(client: ChatConnection, listener: Listener): void {
  client.on('state', (now) => {
    if (now.state !== 'closed' || now.reason.code !== 'CLOSED') listener.state(now);
  });
  client.on('welcome', (event) => listener.welcome(event));
  client.on('message', (event) => listener.message(heard(event, client), event.id));
  client.on('removed', ({ target }) => listener.removed(target));
  client.on('gap', ({ from, to }) => listener.gap(to - from + 1));
  client.on('reset', ({ epoch }) => listener.newHistory(epoch));
  client.on('presence', (event) => listener.presence(event));
  client.on('members', ({ members, memberCount }) => listener.members(members, memberCount));
  client.on('error', ({ code, message, id, retryAfterMs }) => {
    // The client says these again by itself.
    if (id === undefined || (retryAfterMs === undefined && code !== 'LOG_UNCERTAIN')) listener.refused(id, message);
  });
}

/**
 * Who the server takes us for. A server that does not answer lets people choose, as far as one can know; one that refuses to answer does not, and
 * the connection says why.
 */
export async function whoAmI(base: string): Promise<{ readonly choosesName: boolean }> {
  try {
    const response = await fetch(new URL('whoami', base));
    return response.ok ? ((await response.json()) as { choosesName: boolean }) : { choosesName: false };
  } catch {
    return { choosesName: true }; // no network: the connection's state says so
  }
}

/** Why the server would not let somebody in. Undefined: it would, or it does not answer, which the connection's state says. */
export async function refusal(base: string, room: string, user?: string): Promise<ChatRefused | undefined> {
  const http = new ChatHttp({ base, room, timeoutMs: 10_000, who: () => ({}), login: new Login(undefined) });
  return (await http.probe(user)).error;
}

/** Messages of a page of the history, without those that the page itself takes away. */
function shown(records: readonly (ChatMessage | RemovedEvent)[], client: ChatConnection): Heard[] {
  const gone = new Set(records.map((record) => (record.type === 'removed' ? record.target : 0)));
  const messages = records.filter((record): record is ChatMessage => record.type === 'message');
  return messages.map((one) => heard(gone.has(one.sequence) ? { ...one, removed: true } : one, client));
}

function heard({ sequence, from, userId: by, text, time, removed }: ChatMessage, client: ChatConnection): Heard {
  return {
    sequence,
    from,
    text: removed ? 'This message was removed.' : text,
    timeMs: Date.parse(time),
    isMine: by === client.userId,
    by,
  };
}

/** Made once for this browser: people who have the same name are not the same. */
function browserId(): string {
  const id = recall('id') || crypto.getRandomValues(new Uint32Array(3)).join('-');
  keep('id', id);
  return id;
}
