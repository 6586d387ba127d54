/**
 * What a log on Redis can be told. Types and the check of the options. Read next: `redis-log.ts`.
 */

import { REDIS_LOG_LIMITS, ROOM_LIMITS } from '../limits.ts';
import { checkNames, checkOptions, clockWith, FUNCTION } from '../options.ts';
import { type HistoryOptions, historyBounds, wholeNumber } from '../rooms/history.ts';
import type { Clock } from '../rooms/log.ts';

/** Something that whoever runs the log wants to know. Publishers and subscribers are told by their own errors. */
export type RedisTrouble =
  /** The connection that reads a partition failed; it is opened again after `waitMs`. */
  | { readonly kind: 'reader-failed'; readonly partition: number; readonly waitMs: number; readonly error: unknown }
  /** It reads again. `failures`: how often it had failed. */
  | { readonly kind: 'reader-resumed'; readonly partition: number; readonly failures: number }
  /** Redis lost records of a room that had been handed out: subscribers were told a reset. */
  | { readonly kind: 'records-lost'; readonly room: string };

/** Options of a log on Redis. Every node must have the same `prefix`, `partitions` and bounds. */
export interface RedisLogOptions extends HistoryOptions {
  /** What all keys begin with. Default `barewire`. */
  readonly prefix?: string | undefined;
  /** Streams that the rooms are spread over; fixed with the first node. Default `REDIS_LOG_LIMITS.partitions`. */
  readonly partitions?: number | undefined;
  /** Rooms that this node is subscribed to at a time. Default `ROOM_LIMITS.maxRooms`. */
  readonly maxRooms?: number | undefined;
  /** Keys remembered for one room. Default `ROOM_LIMITS.maxKeys`. */
  readonly maxKeys?: number | undefined;
  /** Milliseconds that a key is remembered: a whole number of any size from 1. Default `ROOM_LIMITS.keyAgeMs`. */
  readonly keyAgeMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.maxPendingAppends`. */
  readonly maxPendingAppends?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.commandTimeoutMs`. */
  readonly commandTimeoutMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.blockMs`. */
  readonly blockMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.busRecords`. */
  readonly busRecords?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.busRecordBytes`. */
  readonly busRecordBytes?: number | undefined;
  /**
   * Data of records over `busRecordBytes` that each partition keeps for nodes to fetch, whatever the bounds of the history: when more are
   * appended before a node has fetched them, it tells a gap. Default `REDIS_LOG_LIMITS.busLargeBytes`.
   */
  readonly busLargeBytes?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.idleRoomMs`. */
  readonly idleRoomMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.emptyRoomMs`. */
  readonly emptyRoomMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.heartbeatMs`. */
  readonly heartbeatMs?: number | undefined;
  /** Default `REDIS_LOG_LIMITS.deadAfterMs`; more than `heartbeatMs`. */
  readonly deadAfterMs?: number | undefined;
  /** Told of trouble; it must not throw. Default: nobody is. */
  readonly onTrouble?: ((trouble: RedisTrouble) => void) | undefined;
  /** Default: the system's. Records are dated by Redis's own clock. */
  readonly clock?: Clock | undefined;
  /** Makes identifiers of so many characters `0-9a-z` that never repeat. Default: random ones. */
  readonly newId?: ((length: number) => string) | undefined;
}

/** The options, checked and complete. */
export interface RedisLogSettings extends Required<HistoryOptions> {
  readonly prefix: string;
  readonly partitions: number;
  readonly maxRooms: number;
  readonly maxKeys: number;
  readonly keyAgeMs: number;
  readonly maxPendingAppends: number;
  readonly commandTimeoutMs: number;
  readonly blockMs: number;
  readonly busRecords: number;
  readonly busRecordBytes: number;
  readonly busLargeBytes: number;
  readonly idleRoomMs: number;
  readonly emptyRoomMs: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
}

/** Most partitions: a node that needs all of them has as many connections. */
const MAX_PARTITIONS = 1_024;

const OPTIONS: readonly (keyof RedisLogOptions)[] = [
  'prefix',
  'partitions',
  'maxHistoryRecords',
  'maxHistoryBytes',
  'maxHistoryAgeMs',
  'maxRooms',
  'maxKeys',
  'keyAgeMs',
  'maxPendingAppends',
  'commandTimeoutMs',
  'blockMs',
  'busRecords',
  'busRecordBytes',
  'busLargeBytes',
  'idleRoomMs',
  'emptyRoomMs',
  'heartbeatMs',
  'deadAfterMs',
  'onTrouble',
  'clock',
  'newId',
];

/** Fills in the defaults. @throws TypeError for an unknown option; RangeError for a bound that is none */
export function redisLogSettings(options: RedisLogOptions): RedisLogSettings {
  checkNames('openRedisLog', options, OPTIONS);
  const { onTrouble, clock, newId } = options;
  checkOptions(
    'openRedisLog',
    { onTrouble, clock, newId },
    { onTrouble: FUNCTION, clock: clockWith('now', 'after'), newId: FUNCTION },
  );
  const { prefix = 'barewire', partitions = REDIS_LOG_LIMITS.partitions } = options;
  if (typeof prefix !== 'string' || !/^[\w:.-]{1,64}$/.test(prefix))
    throw new RangeError(`prefix is ${JSON.stringify(prefix)}, must be 1 to 64 of letters, digits, _ : . -`);
  if (wholeNumber('partitions', partitions, 1) > MAX_PARTITIONS)
    throw new RangeError(`partitions is ${partitions}, limit ${MAX_PARTITIONS}`);
  const limit = (name: keyof typeof REDIS_LOG_LIMITS, least = 1): number =>
    wholeNumber(name, options[name] ?? REDIS_LOG_LIMITS[name], least);
  const [heartbeatMs, deadAfterMs] = [limit('heartbeatMs'), limit('deadAfterMs')];
  if (deadAfterMs <= heartbeatMs)
    throw new RangeError(`deadAfterMs is ${deadAfterMs}, must be more than heartbeatMs, ${heartbeatMs}`);
  return {
    ...historyBounds(options),
    prefix,
    partitions,
    maxRooms: wholeNumber('maxRooms', options.maxRooms ?? ROOM_LIMITS.maxRooms, 1),
    maxKeys: wholeNumber('maxKeys', options.maxKeys ?? ROOM_LIMITS.maxKeys),
    keyAgeMs: wholeNumber('keyAgeMs', options.keyAgeMs ?? ROOM_LIMITS.keyAgeMs, 1),
    maxPendingAppends: limit('maxPendingAppends'),
    commandTimeoutMs: limit('commandTimeoutMs'),
    blockMs: limit('blockMs'),
    busRecords: limit('busRecords'),
    busRecordBytes: limit('busRecordBytes', 0),
    busLargeBytes: limit('busLargeBytes', 0),
    idleRoomMs: limit('idleRoomMs'),
    emptyRoomMs: limit('emptyRoomMs'),
    heartbeatMs,
    deadAfterMs,
  };
}
