/**
 * The options of a chat client, what it tells, what it takes from its surroundings, and how it reads what a server says.
 *
 * Runs in browsers and in Node. Read next: `client.ts`.
 */

import { jitterMs } from '../client/backoff.ts';
import type { EventSourceLike, Transport, WebSocketLike } from './client-links.ts';
import type { ChatRefused, StorageLike } from './client-outbox.ts';
import type { ServerEvent } from './protocol.ts';

/**
 * - `connecting`: on the way, for the first time or again. - `open`: in the room.
 * - `waiting`: the connection was lost; the next attempt is in `retryInMs`. A second event may follow, with the `reason` why the
 *   attempt before came to nothing.
 * - `closed`: `close` was called, or the server refused for good.
 */
export type ChatState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open'; readonly transport: Transport }
  | { readonly state: 'waiting'; readonly retryInMs: number; readonly reason?: string }
  | { readonly state: 'closed'; readonly reason: ChatRefused };

/** What `on` can be asked for: every event of the protocol by its type, each message once and in order; and `state`. */
export type ChatEventMap = { [Type in ServerEvent['type']]: ServerEvent & { readonly type: Type } } & {
  readonly state: ChatState;
};

export interface ConnectOptions {
  readonly room: string;
  /** A name, where people choose one. Left out, the server makes a guest's name up. */
  readonly user?: string | undefined;
  /** What stays when the name changes, where people choose their names. */
  readonly id?: string | undefined;
  /** Of a log-in, or a function that gives one: it is asked again when the token was refused or is over. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Default `auto`: a WebSocket, and an event stream while that does not get through. */
  readonly transport?: Transport | 'auto' | undefined;
  /** Messages that may wait for their acknowledgement. Default 100. */
  readonly maxWaiting?: number | undefined;
  /**
   * Where they wait over a reload. Default `sessionStorage`, where there is one: each tab has its own, which is gone when the tab is closed.
   * In a storage that stays, `localStorage` say, they wait for the next client with the same URL, `room`, `id` (or `user`) and `tab`, however long
   * that takes and whoever is logged in then. Null: nowhere.
   */
  readonly storage?: StorageLike | null | undefined;
  /** Tells clients apart that share a storage. Two that have the same one both say what was stored when they began; the server takes it once. Default: none. */
  readonly tab?: string | undefined;
  /** The ceiling of the wait before the first reconnection, doubled each time; a wait is a random part of it. Default 1,000. */
  readonly minRetryMs?: number | undefined;
  /** Default 15,000. */
  readonly maxRetryMs?: number | undefined;
  /** How long until the WebSocket is tried again while the event stream does. Default 60,000. */
  readonly upgradeMs?: number | undefined;
  /** Silence after which the server is asked for a sign of life, over WebSocket. Default 20,000. */
  readonly pingIntervalMs?: number | undefined;
  /** How long that sign, a welcome, and the answer to a request may take, and how late a heartbeat may be. Default 10,000. */
  readonly pongTimeoutMs?: number | undefined;
  /** Default: the global one. */
  readonly WebSocket?: (new (url: string) => WebSocketLike) | undefined;
  /** Default: the global one. */
  readonly EventSource?: (new (url: string) => EventSourceLike) | undefined;
  /** A number from 0 to 1 for the jitter; tests pass their own. */
  readonly random?: (() => number) | undefined;
}

/** As much of a browser as is used. */
export interface Globals {
  readonly WebSocket?: new (url: string) => WebSocketLike;
  readonly EventSource?: new (url: string) => EventSourceLike;
  readonly sessionStorage?: StorageLike;
  readonly location?: { readonly href: string };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** The browser, or Node. */
export const surroundings: Globals = globalThis as unknown as Globals;

/** Options that have a default. */
export interface Defaults {
  readonly transport: Transport | 'auto';
  readonly maxWaiting: number;
  readonly minRetryMs: number;
  readonly maxRetryMs: number;
  readonly upgradeMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly random: () => number;
  readonly WebSocket: ConnectOptions['WebSocket'];
  readonly EventSource: ConnectOptions['EventSource'];
}

/** What is left out. */
export const DEFAULTS: Defaults = {
  transport: 'auto',
  maxWaiting: 100,
  minRetryMs: 1_000,
  maxRetryMs: 15_000,
  upgradeMs: 60_000,
  pingIntervalMs: 20_000,
  pongTimeoutMs: 10_000,
  random: Math.random,
  WebSocket: surroundings.WebSocket,
  EventSource: surroundings.EventSource,
};

/** How long to wait: above what the server asks for, a random part of a ceiling that doubles; at most what a timer takes. */
export function waitMs(
  floorMs: number | undefined = 0,
  attempts: number,
  { minRetryMs, maxRetryMs, random }: Pick<Defaults, 'minRetryMs' | 'maxRetryMs' | 'random'>,
): number {
  return Math.min(Math.max(floorMs, 0) + jitterMs(attempts, minRetryMs, maxRetryMs, random()), MAX_TIMER_MS);
}

/** A longer one would end at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** Of what a server says, what the client itself works with: how long to wait, why to give up, how far it has heard. */
const TYPES = {
  ...{ code: 'string', message: 'string', ticket: 'string', you: 'string', epoch: 'string', position: 'string' },
  ...{ token: 'string', retryAfterMs: 'number', sequence: 'number', replayed: 'number', to: 'number' },
};

/** What a server said. What has the wrong type counts as left out. Undefined for what is no object in JSON. */
export function parse<T extends object>(json: string): T | undefined {
  return attempt(() => {
    const said = JSON.parse(json);
    for (const name in TYPES) if (name in said && typeof said[name] !== TYPES[name as 'code']) delete said[name];
    return said;
  });
}

/** What that answers; undefined where it throws, as a storage does that is forbidden, and what is no JSON. */
export function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
