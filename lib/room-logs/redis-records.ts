/**
 * Records as they stand in Redis: the fields of a stream's entry.
 *
 * Pure. All values are text, so that every client can carry them: octets are Base64, and text with half a surrogate pair,
 * which UTF-8 cannot say, is Base64 of UTF-16. The first character of the data says which it is.
 * Read next: `redis-feed.ts`.
 */

import { dataBytes, type LogEntry, type LogRecord, type RecordData, SLOW_POLICIES } from '../rooms/log.ts';
import type { StreamEntry } from './redis-port.ts';

const TEXT = 't';
const OCTETS = 'o';
const UTF16 = 'w';

/** Answers the fields of an entry that its publisher decides: data, key, coalesce, policy. */
export function fieldsOf({ data, key, coalesce, policy }: LogEntry): string[] {
  const fields = ['d', encodeData(data)];
  if (key !== undefined) fields.push('k', key);
  if (coalesce !== undefined) fields.push('c', coalesce);
  if (policy !== undefined) fields.push('p', policy);
  return fields;
}

/** What an entry counts for against the history's bound. */
export const octetsOf = ({ data }: LogEntry): number => dataBytes(data);

/** Reads a record; undefined where the entry does not carry one. */
export function recordOf(fields: StreamEntry['fields'], epoch: string, sequence: number): LogRecord | undefined {
  const [data, token, timeMs] = [fields.get('d'), fields.get('t'), fields.get('m')];
  if (data === undefined || token === undefined || timeMs === undefined) return undefined;
  const policy = SLOW_POLICIES.find((each) => each === fields.get('p'));
  return {
    type: 'record',
    epoch,
    sequence,
    token,
    timeMs: Number(timeMs),
    data: decodeData(data),
    key: fields.get('k'),
    coalesce: fields.get('c'),
    policy,
  };
}

/** Reads a record of a history, whose ID is its sequence. */
export function historyRecord({ id, fields }: StreamEntry, epoch: string): LogRecord {
  const record = recordOf(fields, epoch, Number(id.slice(0, id.indexOf('-'))));
  if (record === undefined) throw new TypeError(`the entry ${id} of a history has no record`);
  return record;
}

function encodeData(data: RecordData): string {
  if (typeof data !== 'string')
    return OCTETS + Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return data.isWellFormed() ? TEXT + data : UTF16 + Buffer.from(data, 'utf16le').toString('base64');
}

function decodeData(encoded: string): RecordData {
  const rest = encoded.slice(1);
  if (encoded[0] === TEXT) return rest;
  const octets = Buffer.from(rest, 'base64');
  return encoded[0] === UTF16 ? octets.toString('utf16le') : new Uint8Array(octets);
}
