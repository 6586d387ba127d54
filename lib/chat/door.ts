/**
 * The door: who sends a request, whether they may, and whether it is not too much.
 *
 * Asks the application's `identify` and `authorize`; without them people choose their names and may do everything. Answers
 * a user and a room, or the response that says why not. Knows requests, never connections or members. Buckets and tickets go by the
 * clock that never goes back; a log-in ends by the time of day.
 * Sections: the door; names that people choose. Read next: `members.ts`.
 */

import { CHAT_LIMITS } from '../limits.ts';
import type { HttpRequest, Refusal } from '../net/api.ts';
import { errorEvent, problem } from './answers.ts';
import { checkAuthorized, checkIdentity, isUserId } from './application.ts';
import { type ErrorEvent, parseRoomName, parseUserName } from './protocol.ts';
import type { ChatAction, ChatSettings, ChatUser } from './settings.ts';
import { type Soon, soon } from './soon.ts';
import { Tickets } from './tickets.ts';
import { type Bucket, newBucket, type Rate, subscriberOf, TokenBuckets, takeOne } from './token-buckets.ts';

/** Somebody who may. */
export interface Admitted {
  readonly refusal?: undefined;
  readonly room: string;
  readonly user: ChatUser;
  /** For flood control. */
  readonly address: string;
}

/** Somebody who may not. */
export interface Refused {
  readonly refusal: Refusal;
}

/** See the head of this file. */
export class Door {
  readonly #settings: ChatSettings;
  readonly #buckets = new TokenBuckets();
  readonly #tickets = new Tickets<ChatUser>();

  constructor(settings: ChatSettings) {
    this.#settings = settings;
  }

  get choosesName(): boolean {
    return this.#settings.identify === undefined;
  }

  /** Lets somebody join: by ticket, or by what the request itself says. */
  async join(request: HttpRequest): Promise<Admitted | Refused> {
    const { flood } = this.#settings;
    const flooded = await this.#flooded(
      'joins',
      'a',
      subscriberOf(request.remoteAddress),
      flood ? flood.joins.address : undefined,
    );
    if (flooded !== undefined) return flooded;
    const ticket = request.query.get('ticket');
    const user = ticket === null ? await this.whoIs(request) : this.#whose(ticket);
    if ('refusal' in user) return user;
    const tooOften = await this.#flooded('joins', 'u', user.id, flood ? flood.joins.user : undefined);
    return tooOften ?? this.#admit(request, user, 'join');
  }

  /** Whether somebody may join, which they do by another request: takes no token of it, but one of `pages`. */
  async joinable(request: HttpRequest): Promise<Admitted | Refused> {
    const admitted = await this.request(request, 'join');
    const { flood, clock } = this.#settings;
    if (admitted.refusal !== undefined || flood === false) return admitted;
    const { user, address } = admitted;
    const waitMs = this.#buckets.peek(
      [
        [`joins a ${address}`, flood.joins.address],
        [`joins u ${user.id}`, flood.joins.user],
      ],
      clock.now(),
    );
    return waitMs === 0 ? admitted : refuseLate(tooMany('joins', waitMs), clock);
  }

  /** Lets somebody speak by POST, or read the history. */
  request(request: HttpRequest, action: ChatAction): Soon<Admitted | Refused> {
    const flooded = this.#floodedBy(request, action === 'say' ? 'posts' : 'pages');
    if (flooded !== undefined) return flooded;
    return soon(this.whoIs(request, guest), (user) => ('refusal' in user ? user : this.#admit(request, user, action)));
  }

  /** Counts one message; says when to go on where there were too many. */
  message({ user, address }: Omit<Admitted, 'room'>): ErrorEvent | undefined {
    const { flood } = this.#settings;
    if (flood === false) return undefined;
    const { messages } = flood;
    return this.#take('messages', [
      [`u ${user.id}`, messages.user],
      [`a ${address}`, messages.address],
    ]);
  }

  /** Counts whatever a connection has sent. Returns 0, or for how many milliseconds nothing more of it is to be read. */
  reading(bucket: Bucket): number {
    const { flood, clock } = this.#settings;
    return flood === false ? 0 : takeOne(bucket, flood.reading.connection, clock.now());
  }

  /** What `reading` counts with. */
  newBucket(): Bucket {
    const { flood, clock } = this.#settings;
    return newBucket(flood === false ? CHAT_LIMITS.flood.reading.connection : flood.reading.connection, clock.now());
  }

  /** Gives out a ticket to who has logged in. */
  async ticket(request: HttpRequest): Promise<{ readonly ticket: string } | Refused> {
    const flooded = await this.#floodedBy(request, 'posts');
    if (flooded !== undefined) return flooded;
    const user = await this.whoIs(request);
    return 'refusal' in user ? user : { ticket: this.#tickets.give(user, this.#settings.clock.now()) };
  }

  /** Who it is, with a made-up name for a guest. */
  whoIs(request: HttpRequest, nameOfGuest: () => string = guestName): Soon<ChatUser | Refused> {
    const { identify } = this.#settings;
    if (identify === undefined) return claimed(request, nameOfGuest);
    return soon<unknown, ChatUser | Refused>(identify(request), (answer) =>
      this.#known(answer, () => givenName(request) ?? nameOfGuest()),
    );
  }

  /** Who was given a ticket. Their log-in may have ended since. */
  #whose(ticket: string): ChatUser | Refused {
    const user = this.#tickets.use(ticket, this.#settings.clock.now());
    if (user === undefined)
      return { refusal: problem(errorEvent('UNAUTHORIZED', 'the ticket is wrong, was used, or is too old')) };
    return this.#unlessOver(user);
  }

  #unlessOver(user: ChatUser): ChatUser | Refused {
    const { expiresAt } = user;
    if (expiresAt === undefined || expiresAt > this.#settings.now().getTime()) return user;
    return { refusal: problem(errorEvent('UNAUTHORIZED', 'the log-in is over')) };
  }

  /** Who `identify` says that it is. @throws TypeError for an answer that is none */
  #known(answer: unknown, nameOfGuest: () => string): ChatUser | Refused {
    const identity = checkIdentity(answer);
    if (identity === undefined) return person(undefined, nameOfGuest());
    if ('status' in identity) return { refusal: identity };
    return this.#unlessOver(identity);
  }

  #admit(request: HttpRequest, user: ChatUser, action: ChatAction): Soon<Admitted | Refused> {
    const room = parseRoomName(request.params['room'] ?? '');
    if (!('name' in room)) return { refusal: problem(errorEvent(room.problem, room.message)) };
    const { authorize } = this.#settings;
    const admitted: Admitted = { room: room.name, user, address: subscriberOf(request.remoteAddress) };
    if (authorize === undefined) return admitted;
    return soon<unknown, Admitted | Refused>(authorize(user, room.name, action), (answer) =>
      checkAuthorized(answer) ? admitted : { refusal: problem(errorEvent('FORBIDDEN', FORBIDDEN[action])) },
    );
  }

  #floodedBy(request: HttpRequest, what: 'posts' | 'pages'): Promise<Refused> | undefined {
    const { flood } = this.#settings;
    return flood === false
      ? undefined
      : this.#flooded(what, 'a', subscriberOf(request.remoteAddress), flood[what].address);
  }

  /** Counts a request. Undefined where it is not too much. */
  #flooded(what: string, by: 'a' | 'u', who: string, rate: Rate | undefined): Promise<Refused> | undefined {
    const event = rate && this.#take(what, [[`${by} ${who}`, rate]]);
    return event && refuseLate(event, this.#settings.clock);
  }

  #take(what: string, wanted: readonly (readonly [string, Rate])[]): ErrorEvent | undefined {
    const keyed = wanted.map(([key, rate]) => [`${what} ${key}`, rate] as const);
    const waitMs = this.#buckets.take(keyed, this.#settings.clock.now());
    return waitMs === 0 ? undefined : tooMany(what, waitMs);
  }
}

function tooMany(what: string, waitMs: number): ErrorEvent {
  return errorEvent('RATE_LIMITED', `too many ${what}, wait ${waitMs} ms`, waitMs);
}

/** Refuses what was too much, after a while: so a connection that goes on all the same gets few refusals, and costs little. */
export async function refuseLate(event: ErrorEvent, clock: ChatSettings['clock']): Promise<Refused> {
  await new Promise<void>((resolve) => {
    clock.after(CHAT_LIMITS.refusalDelayMs, resolve);
  });
  return { refusal: problem(event) };
}

/** `X-User-Id`, else `?user=`. The header's octets are UTF-8, of which a head's text has one a character. */
function claimed(request: HttpRequest, nameOfGuest: () => string): ChatUser | Refused {
  const header = request.headers.get('x-user-id');
  const name = header === undefined ? request.query.get('user') : Buffer.from(header, 'latin1').toString();
  return person(request.query.get('id') ?? undefined, name ?? nameOfGuest());
}

/** Checks a name, and an id that was chosen; without one the name is the id. */
function person(id: string | undefined, name: string): ChatUser | Refused {
  const parsed = parseUserName(name);
  if (!('name' in parsed)) return { refusal: problem(errorEvent(parsed.problem, parsed.message)) };
  if (id === undefined) return { id: parsed.name, name: parsed.name };
  if (!isUserId(id))
    return {
      refusal: problem(errorEvent('BAD_USER', `id must be 1 to ${CHAT_LIMITS.maxUserIdLength} visible characters`)),
    };
  return { id, name: parsed.name };
}

/** What is said to who may not. */
export const FORBIDDEN: Readonly<Record<ChatAction, string>> = {
  join: 'you may not join this room',
  say: 'you may not say anything in this room',
  history: 'you may not read the history of this room',
};

const guest = (): string => 'guest';

/** The name that a guest was given before, and comes back with: so its messages are one person's. Nobody but a guest has such a name. */
function givenName({ query }: HttpRequest): string | undefined {
  return /^guest-[0-9a-z]{4}$/.exec(query.get('user') ?? '')?.[0];
}

/** A name for someone who gave none. Only to tell guests apart: it is no secret. */
function guestName(): string {
  return `guest-${Math.trunc(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')}`;
}
