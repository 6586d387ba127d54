/**
 * What a log does in Redis, as calls: append a record, read a page. Values in, values out.
 *
 * Knows keys, scripts and replies; no subscriber. Read next: `redis-feed.ts`.
 */

import { crc32 } from '../deflate/checksum.ts';
import type { Appended, Clock, LogEntry, LogPage, LogRecord, Position } from '../rooms/log.ts';
import { RedisCommands, type Script, script } from './redis-commands.ts';
import type { RedisLogSettings } from './redis-options.ts';
import { listOf, type RedisPort, streamEntry } from './redis-port.ts';
import { fieldsOf, historyRecord, octetsOf } from './redis-records.ts';
import { APPEND, keyNames, partitionTag, READ } from './redis-scripts.ts';

const APPEND_SCRIPT: Script = script(APPEND);
const READ_SCRIPT: Script = script(READ);

/** A page, and where the bus of the room's partition stood when it was read. */
export interface StoredPage extends LogPage {
  readonly busId: string;
}

/** What came of an append, and the ID of its entry in the bus; undefined for a repeat, which makes none. */
export type StoredAppend = Appended & { readonly busId: string | undefined };

/** Reads pages of rooms' histories. */
export interface PageReader {
  /** As `RoomLog.read`; `limit` may be 0 where there is no position. */
  read(room: string, after: Position | undefined, limit: number): Promise<StoredPage>;
}

/** See the head of this file. */
export class RedisStore implements PageReader {
  readonly settings: RedisLogSettings;
  readonly commands: RedisCommands;
  readonly #newId: (length: number) => string;
  /** Arguments 6 to 13 of the script that appends. */
  readonly #bounds: readonly string[];

  constructor(port: RedisPort, settings: RedisLogSettings, clock: Clock, newId: (length: number) => string) {
    this.settings = settings;
    this.commands = new RedisCommands(port, clock, settings.commandTimeoutMs);
    this.#newId = newId;
    const { maxHistoryRecords, maxHistoryBytes, maxHistoryAgeMs, maxKeys, keyAgeMs } = settings;
    const { busRecords, busLargeBytes, idleRoomMs } = settings;
    const history = [maxHistoryRecords, maxHistoryBytes, maxHistoryAgeMs];
    this.#bounds = [...history, maxKeys, keyAgeMs, busRecords, busLargeBytes, idleRoomMs].map(String);
  }

  /** The partition of a room. */
  partitionOf(room: string): number {
    return crc32(Buffer.from(room)) % this.settings.partitions;
  }

  /** The stream that has all records of a partition as they come, and the one that has those that are too large for it. */
  streamsOf(partition: number): { readonly bus: string; readonly large: string } {
    const tag = partitionTag(this.settings.prefix, partition);
    return { bus: `${tag}:bus`, large: `${tag}:large` };
  }

  /** Appends a record, unless its key was used. */
  async append(room: string, entry: LogEntry): Promise<StoredAppend> {
    const { settings } = this;
    const keys = keyNames(settings.prefix, this.partitionOf(room), room);
    const octets = octetsOf(entry);
    const args = [
      room,
      entry.key ?? '',
      this.#newId(8),
      this.#newId(12),
      `${octets}`,
      ...this.#bounds,
      octets <= settings.busRecordBytes ? '1' : '0',
      ...fieldsOf(entry),
    ];
    const names = [keys.bus, keys.room, keys.history, keys.keys, keys.large, keys.largeOctets];
    const reply = listOf(await this.commands.run(APPEND_SCRIPT, names, args));
    const [duplicate, epoch, sequence, token, timeMs] = reply.map(String) as [string, string, string, string, string];
    const position: Position = { epoch, sequence: Number(sequence), token };
    if (duplicate === '1') {
      const [first] = listOf(reply[5]);
      return {
        position,
        duplicate: true,
        record: first === undefined ? undefined : historyRecord(streamEntry(first), epoch),
        busId: undefined,
      };
    }
    const { data, key, coalesce, policy } = entry;
    const record: LogRecord = { type: 'record', ...position, timeMs: Number(timeMs), data, key, coalesce, policy };
    return { position, duplicate: false, record, busId: String(reply[5]) };
  }

  async read(room: string, after: Position | undefined, limit: number): Promise<StoredPage> {
    const { settings } = this;
    const keys = keyNames(settings.prefix, this.partitionOf(room), room);
    const { epoch: afterEpoch = '', sequence: afterSequence = 0, token: afterToken = '' } = after ?? {};
    const args = [
      afterEpoch,
      afterSequence,
      afterToken,
      Math.max(limit, 1),
      this.#newId(12),
      settings.maxHistoryAgeMs,
      settings.emptyRoomMs,
    ];
    const names = [keys.bus, keys.room, keys.history, keys.keys];
    const reply = listOf(await this.commands.run(READ_SCRIPT, names, args.map(String)));
    const [known, epoch, sequence, token, busId, oldest] = reply.map(String) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const records = listOf(reply[6])
      .map((each) => historyRecord(streamEntry(each), epoch))
      .filter(({ timeMs }) => timeMs >= Number(oldest));
    const head: Position = { epoch, sequence: Number(sequence), token };
    if (known !== '1' || after === undefined)
      return { head, reset: after !== undefined, gap: undefined, records: records.reverse().slice(0, limit), busId };
    const next = records[0]?.sequence ?? head.sequence + 1;
    const gap = next > after.sequence + 1 ? { from: after.sequence + 1, to: next - 1 } : undefined;
    return { head, reset: false, gap, records, busId };
  }
}
