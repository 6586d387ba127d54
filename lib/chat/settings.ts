/**
 * The options of the chat, checked once, and the types of the application's own functions.
 *
 * Read next: `door.ts`, `server.ts`.
 */

import { CHAT_LIMITS, ROOM_LIMITS } from '../limits.ts';
import type { HttpRequest, Refusal } from '../net/api.ts';
import { type Clock, systemClock as netClock } from '../net/sweeper.ts';
import {
  ANYTHING,
  BOOLEAN,
  type Complete,
  checkNames,
  checkOptions,
  defined,
  describe,
  FUNCTION,
  kindOf,
  OBJECT,
  type OptionTable,
  wholeNumber,
} from '../options.ts';
import type { RoomLog } from '../rooms/log.ts';
import { systemClock as roomClock } from '../rooms/system.ts';
import type { Person } from './protocol.ts';
import type { Rate } from './token-buckets.ts';

/** Somebody whom the application knows. */
export interface ChatUser extends Person {
  /** When the log-in ends, in milliseconds since 1970: their connections do not outlive it. */
  readonly expiresAt?: number | undefined;
}

/** What somebody is about to do in a room. */
export type ChatAction = 'join' | 'say' | 'history';

/** A message that is about to be published. */
export interface DraftMessage {
  readonly room: string;
  readonly user: ChatUser;
  readonly text: string;
  readonly id: string | undefined;
}

/** Undefined lets it pass; `text` stands in its place; `refuse` tells the sender why not. */
export type DraftDecision = undefined | { readonly text: string } | { readonly refuse: string };

/** How much of everything, by user, by address, or by connection. */
export interface FloodLimits {
  /** Messages, said either way. */
  readonly messages: { readonly user: Rate; readonly address: Rate };
  readonly joins: { readonly user: Rate; readonly address: Rate };
  /** POST requests (messages and tickets), refused ones too. By address alone: they count before anybody is asked who it is. */
  readonly posts: { readonly address: Rate };
  /** Requests for pages of the history. */
  readonly pages: { readonly address: Rate };
  /** Whatever one WebSocket sends, pings and mistakes too. What comes faster is not refused but read later: TCP holds it back. */
  readonly reading: { readonly connection: Rate };
}

/** Bounds of your own. Every rate that is left out is that of `CHAT_LIMITS.flood`: `{ messages: { user } }` changes that one alone. */
export type FloodOptions = {
  readonly [What in keyof FloodLimits]?: { readonly [By in keyof FloodLimits[What]]?: Rate | undefined } | undefined;
};

export interface ChatOptions {
  /** A path in front of all routes, such as `/chat`. Default none. Behind a proxy that takes the prefix away: none. */
  readonly base?: string | undefined;
  /**
   * Who sends a request: a user, a guest (undefined), or a refusal with a `status`. Any other answer is a 500, and a TypeError to the
   * server's `onError`. Default: people choose their names.
   */
  readonly identify?: ((request: HttpRequest) => Identity | Promise<Identity>) | undefined;
  /** Whether they may: true or false; any other answer admits nobody, as one of `identify`. Default: everybody may do everything. */
  readonly authorize?: ((user: ChatUser, room: string, action: ChatAction) => boolean | Promise<boolean>) | undefined;
  /**
   * Looks at every message before it is published. Where it throws, or answers what is no decision, the sender is told `FAILED`, which
   * is final for that message, and the server's `onError` hears why. It is not asked about a repeat (the same `id` and text of the same
   * person) of what it let pass in the last two minutes; after a restart, or on another node, it may be.
   */
  readonly onMessage?: ((message: DraftMessage) => DraftDecision | Promise<DraftDecision>) | undefined;
  /**
   * Rates other than those of `CHAT_LIMITS.flood`, each `{ burst, perSecond }`, for example `{ messages: { user: { burst: 5, perSecond: 1 } } }`:
   * what is left out stays as it is there. false: no flood control.
   */
  readonly flood?: FloodOptions | false | undefined;
  /** Where messages are kept. Default: in memory. Yours to close. */
  readonly log?: RoomLog | undefined;
  /** Rooms with members, and rooms with a history, at a time. Default `ROOM_LIMITS.maxRooms`; the other limits of rooms likewise. */
  readonly maxRooms?: number | undefined;
  readonly maxMembers?: number | undefined;
  readonly maxHistoryMessages?: number | undefined;
  readonly maxHistoryBytes?: number | undefined;
  /** Milliseconds of joins and leaves that are told together; 0 = each at once. Default `ROOM_LIMITS.presenceMs`. */
  readonly presenceMs?: number | undefined;
  /**
   * UTF-8 bytes of one message's text, at most `CHAT_LIMITS.mostTextBytes`. Default `CHAT_LIMITS.maxTextBytes`. What a WebSocket message may
   * have follows it. With a text longer than the default, `maxHistoryBytes` may want to be larger too.
   */
  readonly maxTextBytes?: number | undefined;
  /** Origins other than the server's own that may join and post, for example `https://app.example`. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Serve the web page at `/` and `/rooms/:room`. Default true. */
  readonly page?: boolean | undefined;
  /** Told when a log gives up on a room, and what the rooms' handlers threw. Default: nobody. */
  readonly onError?: ((error: unknown, where: string) => void) | undefined;
  /** What time of day it is: on messages, and for log-ins that end. It may be set back or forward. Default: the system's. */
  readonly now?: (() => Date) | undefined;
  /** Where waits come from: presence, log-ins that end, flood control, tickets. It never goes back. Tests pass the fake one of the server. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** What `identify` answers. */
export type Identity = ChatUser | Refusal | undefined;

const OPTIONS: OptionTable = {
  base: kindOf(
    'a path like /chat',
    (value) => typeof value === 'string' && /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$/.test(value),
  ),
  identify: FUNCTION,
  authorize: FUNCTION,
  onMessage: FUNCTION,
  flood: ANYTHING,
  log: kindOf(
    'a RoomLog (a promise of one is awaited first)',
    (value) => typeof (value as RoomLog)?.append === 'function',
  ),
  maxRooms: wholeNumber(1),
  maxMembers: wholeNumber(1),
  maxHistoryMessages: wholeNumber(0),
  maxHistoryBytes: wholeNumber(0),
  presenceMs: wholeNumber(0),
  maxTextBytes: wholeNumber(1, CHAT_LIMITS.mostTextBytes),
  allowedOrigins: ANYTHING,
  page: BOOLEAN,
  onError: FUNCTION,
  now: FUNCTION,
  clock: OBJECT,
};

/** Records are numbered with the date, as rooms do by themselves; heartbeats repeat. */
const systemClock: Clock = { ...roomClock, every: netClock.every };

/** The options with every default filled in. */
export interface ChatSettings
  extends Complete<Omit<ChatOptions, 'identify' | 'authorize' | 'onMessage' | 'log' | 'flood'>> {
  readonly identify: ChatOptions['identify'];
  readonly authorize: ChatOptions['authorize'];
  readonly onMessage: ChatOptions['onMessage'];
  readonly log: ChatOptions['log'];
  readonly flood: FloodLimits | false;
}

/** @throws TypeError or RangeError that names a wrong option */
export function chatSettings(options: ChatOptions): ChatSettings {
  checkOptions('mountChat', options, OPTIONS);
  return {
    base: '',
    maxRooms: ROOM_LIMITS.maxRooms,
    maxMembers: ROOM_LIMITS.maxMembers,
    maxHistoryMessages: ROOM_LIMITS.maxHistoryRecords,
    maxHistoryBytes: ROOM_LIMITS.maxHistoryBytes,
    presenceMs: ROOM_LIMITS.presenceMs,
    maxTextBytes: CHAT_LIMITS.maxTextBytes,
    allowedOrigins: [],
    page: true,
    onError: () => {},
    now: () => new Date(),
    clock: systemClock,
    identify: undefined,
    authorize: undefined,
    onMessage: undefined,
    log: undefined,
    ...defined(options),
    flood: floodLimits(options.flood),
  };
}

const RATE: OptionTable = {
  burst: {
    isNumber: true,
    check: (value) => (typeof value === 'number' && value >= 1 ? undefined : 'must be a number of 1 or more'),
  },
  perSecond: {
    isNumber: true,
    check: (value) => (typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0'),
  },
};

/** Each rate of `CHAT_LIMITS.flood`, or the one that was given in its place. */
function floodLimits(flood: ChatOptions['flood']): FloodLimits | false {
  if (flood === false) return false;
  const given = flood === undefined ? {} : flood;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`mountChat: flood is ${describe(flood)}, must be an object or false`);
  const where = 'mountChat: flood';
  checkNames(where, given, Object.keys(CHAT_LIMITS.flood));
  const limits = Object.entries(CHAT_LIMITS.flood).map(([what, rates]) => {
    const own = given[what as keyof FloodLimits];
    return [
      what,
      own === undefined ? rates : { ...rates, ...checkedRates(`${where}.${what}`, own, Object.keys(rates)) },
    ];
  });
  return Object.fromEntries(limits) as FloodLimits;
}

/** @throws TypeError or RangeError for what is no rate, or is that of nobody in `known` */
function checkedRates(
  where: string,
  rates: Readonly<Record<string, Rate | undefined>>,
  known: readonly string[],
): object {
  const shape = `{ ${known.includes('user') ? 'user' : known[0]}: { burst, perSecond } }`;
  if (typeof rates !== 'object' || rates === null)
    throw new TypeError(`${where} is ${describe(rates)}, must be an object such as ${shape}`);
  checkNames(where, rates, known);
  for (const [by, rate] of Object.entries(defined(rates))) {
    if (typeof rate !== 'object' || rate === null)
      throw new TypeError(`${where}.${by} is ${describe(rate)}, must be { burst, perSecond }`);
    checkOptions(`${where}.${by}`, rate, RATE);
    for (const name of Object.keys(RATE))
      if (rate[name as keyof Rate] === undefined)
        throw new TypeError(`${where}.${by} has no ${name}: a rate is { burst, perSecond }`);
  }
  return defined(rates);
}
