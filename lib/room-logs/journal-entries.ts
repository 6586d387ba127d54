/**
 * The inner format of a journal: what a commit holds. Rooms, records, and keys that were used.
 *
 * Pure. A room is declared before it is named by a number, in each file anew, so that a record costs no name; a file
 * can be read alone. Whatever an encoder here takes, the decoder gives back, text that is not well-formed included.
 * The octets were checked by a checksum before they come here: what cannot be read then is not damage, but another format,
 * and throws. Sections: the entries, encoding, decoding. Read next: `journal-replay.ts`.
 */

import type { LogRecord, SlowPolicy } from '../rooms/log.ts';
import { type RecordData, SLOW_POLICIES } from '../rooms/log.ts';

/**
 * Declares a room of this file, and says where its numbering stood and whether it had subscribers. With another epoch than before,
 * it begins anew. In a log, a room is declared again when its first subscriber came or its last one left.
 */
export interface RoomEntry {
  readonly kind: 'room';
  /** Names the room in what follows, in this file. */
  readonly slot: number;
  readonly name: string;
  readonly epoch: string;
  /** The last sequence that was given, and its token. */
  readonly sequence: number;
  readonly token: string;
  readonly inUse: boolean;
}

/** A room is held no more: it made way. In log files only. */
export interface GoneEntry {
  readonly kind: 'gone';
  readonly name: string;
  /** A room of that name with another epoch stays. */
  readonly epoch: string;
}

/** A record. In a log file its key is used from now on. In a snapshot it is not: the keys are entries of their own. */
export interface RecordEntry {
  readonly kind: 'record';
  readonly slot: number;
  readonly record: Omit<LogRecord, 'type' | 'epoch'>;
}

/** A key that was used; in snapshots only. */
export interface KeyEntry {
  readonly kind: 'key';
  readonly slot: number;
  readonly key: string;
  readonly sequence: number;
  readonly token: string;
  readonly timeMs: number;
}

/** The last entry of a snapshot: without it, the snapshot was not finished. */
export interface EndEntry {
  readonly kind: 'end';
}

export type JournalEntry = RoomEntry | RecordEntry | KeyEntry | EndEntry | GoneEntry;

const ROOM = 1;
const RECORD = 2;
const KEY = 3;
const END = 4;
const GONE = 5;

/** How data stands in a record: octets, text in UTF-8, or text with half a surrogate pair in UTF-16, which UTF-8 cannot say. */
const OCTETS = 0;
const UTF8 = 1;
const UTF16 = 2;
const TEXT_ENCODINGS: readonly (BufferEncoding | undefined)[] = [undefined, 'utf8', 'utf16le'];

/** Answers the octets of an entry. Encoding is the only time that data is copied. */
export function encodeEntry(entry: JournalEntry): Uint8Array {
  switch (entry.kind) {
    case 'room': {
      const [name, epoch, token] = [Buffer.from(entry.name), Buffer.from(entry.epoch), Buffer.from(entry.token)];
      const writer = new Writer(1 + 4 + 6 + 1 + 6 + name.length + epoch.length + token.length);
      writer.uint(1, ROOM).uint(4, entry.slot).uint(6, entry.sequence).uint(1, Number(entry.inUse));
      return writer.bytes(name).bytes(epoch).bytes(token).done();
    }
    case 'record':
      return encodeRecord(entry);
    case 'key': {
      const [key, token] = [Buffer.from(entry.key), Buffer.from(entry.token)];
      const writer = new Writer(1 + 4 + 6 + 6 + 4 + key.length + token.length);
      writer.uint(1, KEY).uint(4, entry.slot).uint(6, entry.sequence).uint(6, entry.timeMs);
      return writer.bytes(key).bytes(token).done();
    }
    case 'end':
      return Uint8Array.of(END);
    case 'gone': {
      const [name, epoch] = [Buffer.from(entry.name), Buffer.from(entry.epoch)];
      return new Writer(1 + 4 + name.length + epoch.length).uint(1, GONE).bytes(name).bytes(epoch).done();
    }
  }
}

/** Texts are written in place: with a buffer for each of them this took 1.4 times as long. */
function encodeRecord({ slot, record }: RecordEntry): Uint8Array {
  const { data, key = '', coalesce = '', policy, sequence, token, timeMs } = record;
  const encoding = typeof data !== 'string' ? OCTETS : data.isWellFormed() ? UTF8 : UTF16;
  const dataOctets = typeof data !== 'string' ? data.length : Buffer.byteLength(data, TEXT_ENCODINGS[encoding]);
  const lengths = [token, key, coalesce].map((text) => Buffer.byteLength(text));
  const [tokenOctets = 0, keyOctets = 0, coalesceOctets = 0] = lengths;
  const writer = new Writer(1 + 4 + 6 + 6 + 1 + 1 + 4 + dataOctets + 6 + tokenOctets + keyOctets + coalesceOctets);
  writer.uint(1, RECORD).uint(4, slot).uint(6, sequence).uint(6, timeMs).uint(1, encoding);
  writer.uint(1, policy === undefined ? 0 : SLOW_POLICIES.indexOf(policy) + 1);
  writer.uint(2, tokenOctets).text(token).uint(2, keyOctets).text(key).uint(2, coalesceOctets).text(coalesce);
  writer.uint(4, dataOctets);
  if (typeof data === 'string') writer.text(data, TEXT_ENCODINGS[encoding]);
  else writer.raw(data);
  return writer.done();
}

/** Reads all entries of a commit's body. Octets of data are copied, so that the body can be let go. @throws RangeError for another format */
export function decodeEntries(body: Uint8Array): JournalEntry[] {
  const reader = new Reader(body);
  const entries: JournalEntry[] = [];
  while (reader.left > 0) entries.push(decodeEntry(reader));
  return entries;
}

function decodeEntry(reader: Reader): JournalEntry {
  const kind = reader.uint(1);
  if (kind === END) return { kind: 'end' };
  if (kind === GONE) return { kind: 'gone', name: reader.text(), epoch: reader.text() };
  const slot = reader.uint(4);
  const sequence = reader.uint(6);
  switch (kind) {
    case ROOM: {
      const inUse = reader.uint(1) === 1;
      return { kind: 'room', slot, sequence, inUse, name: reader.text(), epoch: reader.text(), token: reader.text() };
    }
    case KEY:
      return { kind: 'key', slot, sequence, timeMs: reader.uint(6), key: reader.text(), token: reader.text() };
    case RECORD:
      return { kind: 'record', slot, record: decodeRecord(reader, sequence) };
    default:
      throw new RangeError(`a journal entry has kind ${kind}, this code knows ${ROOM} to ${GONE}`);
  }
}

function decodeRecord(reader: Reader, sequence: number): RecordEntry['record'] {
  const timeMs = reader.uint(6);
  const encoding = reader.uint(1);
  const policy: SlowPolicy | undefined = SLOW_POLICIES[reader.uint(1) - 1];
  const token = reader.text();
  const [key, coalesce] = [reader.text(), reader.text()];
  const octets = reader.raw(reader.uint(4));
  return {
    sequence,
    token,
    timeMs,
    data: decodeData(octets, encoding),
    key: key === '' ? undefined : key,
    coalesce: coalesce === '' ? undefined : coalesce,
    policy,
  };
}

function decodeData(octets: Uint8Array, encoding: number): RecordData {
  if (encoding === OCTETS) return new Uint8Array(octets);
  const { buffer, byteOffset, length } = octets;
  return Buffer.from(buffer, byteOffset, length).toString(encoding === UTF8 ? 'utf8' : 'utf16le');
}

/** Fills octets from the front. Its length was computed: what does not fit is a fault of this file, and throws. */
class Writer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(length: number) {
    this.#bytes = Buffer.allocUnsafe(length);
  }

  /** A number of 1 to 6 octets. */
  uint(octets: number, value: number): this {
    this.#at = this.#bytes.writeUIntBE(value, this.#at, octets);
    return this;
  }

  /** Octets that follow their length, at most 65,535: names and keys are far below. */
  bytes(bytes: Uint8Array): this {
    return this.uint(2, bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  text(text: string, encoding: BufferEncoding = 'utf8'): this {
    this.#at += this.#bytes.write(text, this.#at, encoding);
    return this;
  }

  done(): Uint8Array {
    return this.#bytes;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint(octets: number): number {
    const value = this.#bytes.readUIntBE(this.#at, octets);
    this.#at += octets;
    return value;
  }

  text(): string {
    return Buffer.from(this.raw(this.uint(2))).toString('utf8');
  }

  raw(length: number): Uint8Array {
    if (length > this.left) throw new RangeError(`a journal entry has ${length} octets, ${this.left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
