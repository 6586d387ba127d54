/**
 * Messages as programs send them, in place of one that is repeated: so many different ones, the same on every machine.
 *
 * Each kind has its own seed and its own vocabulary, and no two messages of a set are alike. Words come with the frequencies of a
 * language (Zipf): few often, most seldom. Made before a run, in the load's process and in the bare `net` peer's.
 * Pure. Read next: `workloads.ts`.
 */

import type { MessageShape } from '../../lib/load/messages.ts';
import { answerText } from '../peers/arguments.ts';

/** Sets for compressed rows: each has its own way to be compressible. */
export const COMPRESSED_KINDS = ['chat', 'log', 'prose', 'base64', 'game'] as const;
export type CompressedKind = (typeof COMPRESSED_KINDS)[number];

/**
 * `document`, `document-utf8`: JSON whose field `state` a server changes from "sent" to "seen", for rows with an answer.
 * `mixed-chat`, `mixed-game`: of lengths from 16 octets to 16 KiB, few of them long.
 */
export type CorpusName = CompressedKind | 'document' | 'document-utf8' | 'mixed-chat' | 'mixed-game';

/**
 * Different messages in a set: at least so many, and so many octets of them that none is still in a window of 32 KiB when it comes
 * again (RFC 7692 §7.1.2): with context takeover a message that was just sent would cost a few octets.
 */
const MIN_MESSAGES = 32;
const MIN_SET_BYTES = 98_304;
const MIXED_MESSAGES = 64;

/** Lengths of a mixed set: the logarithm is normal, half are below this. */
const MIXED_MEDIAN_BYTES = 180;
const MIXED_DEVIATION = 1.3;
const MIXED_MIN_BYTES = 16;
const MIXED_MAX_BYTES = 16_384;

/** The messages of a set, all of `sizeBytes` but for the mixed ones, and what must be answered where that is something else. */
export function corpusShape(name: CorpusName, sizeBytes: number): MessageShape {
  const random = new Random(name);
  if (name === 'mixed-chat' || name === 'mixed-game') {
    const kind = name === 'mixed-chat' ? 'chat' : 'game';
    const messages = Array.from({ length: MIXED_MESSAGES }, () => messageOf(kind, mixedLength(random), random));
    return { sizeBytes, kind: kind === 'chat' ? 'text' : 'binary', messages };
  }
  const count = Math.max(MIN_MESSAGES, Math.ceil(MIN_SET_BYTES / sizeBytes));
  if (name === 'document' || name === 'document-utf8') {
    const wide = name === 'document-utf8';
    const messages = Array.from({ length: count }, () => documentOf(sizeBytes, wide, random));
    return { sizeBytes, kind: wide ? 'utf8' : 'text', messages, answers: messages.map(answerTo) };
  }
  const messages = Array.from({ length: count }, () => messageOf(name, sizeBytes, random));
  return { sizeBytes, kind: name === 'game' ? 'binary' : 'text', messages };
}

function answerTo(message: Buffer): Buffer {
  return Buffer.from(answerText(message.toString()));
}

/** Mulberry32, a generator of 32 bits of state: the same figures everywhere. */
class Random {
  #state: number;

  constructor(name: string) {
    this.#state = 0x9e3779b9;
    for (let i = 0; i < name.length; i++) this.#state = Math.imul(this.#state ^ name.charCodeAt(i), 0x01000193);
  }

  /** From 0 to 1, 1 not among them. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Mean 0, deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

function mixedLength(random: Random): number {
  const length = Math.round(MIXED_MEDIAN_BYTES * Math.exp(MIXED_DEVIATION * random.normal()));
  return Math.max(MIXED_MIN_BYTES, Math.min(MIXED_MAX_BYTES, length));
}

function messageOf(kind: CompressedKind, sizeBytes: number, random: Random): Buffer {
  switch (kind) {
    case 'chat':
      return Buffer.from(chat(sizeBytes, random));
    case 'log':
      return Buffer.from(repeated(sizeBytes, () => logLine(random)));
    case 'prose':
      return Buffer.from(repeated(sizeBytes, () => `${sentence(random)} `));
    case 'base64':
      return Buffer.from(base64(sizeBytes, random));
    case 'game':
      return gameState(sizeBytes, random);
  }
}

/** Parts one after the other, the last one cut. */
function repeated(length: number, part: () => string): string {
  let text = '';
  while (text.length < length) text += part();
  return text.slice(0, length);
}

const COMMON =
  'the of and to a in is it you that he was for on are with as I his they be at one have this from or had by not but what some we can out other were all your when up use word how said an each she which do their time if will way about many then them would write like so these her long make thing see him two has look more day could go come did my sound no most number who over know water than call first people may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name very through just form much great think say help low line before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture try us again animal point mother world near build self earth father head stand own page should country found answer school grow study still learn plant cover food sun four thought let keep eye never last door between city tree cross since hard start might story saw far sea draw left late run while press close night real life few stop open seem together next white children begin got walk example ease paper often always music those both mark book letter until mile river car feet care second group carry took rain eat room friend began idea fish mountain north once base hear horse cut sure watch color face wood main'.split(
    ' ',
  );
const WIDE = 'größe naïve Übung 東京 привет ελπίδα façade 世界 мир señor ångström déjà привіт 会議 žluťoučký'.split(
  ' ',
);
const SYLLABLES =
  'ba co di fu ga he ju ka lo me ni or pa qui re sa to un ve wi xe ya zo ter ment ing ble ish ance'.split(' ');
/** Seldom words: names, terms, mistakes. */
const SELDOM = 3_000;
const NAMES = 'ada grace edsger barbara donald frances ken radia linus margaret vint brendan'.split(' ');

const seldom = new Random('seldom words');
const VOCABULARY: readonly string[] = [
  ...COMMON,
  ...Array.from({ length: SELDOM }, () => repeatedSyllables(2 + seldom.below(3))),
];

function repeatedSyllables(count: number): string {
  return Array.from({ length: count }, () => seldom.of(SYLLABLES)).join('');
}

/** A word: the n-th of the vocabulary about 1/n as often as the first. */
function word(random: Random): string {
  return VOCABULARY[
    Math.min(VOCABULARY.length - 1, Math.floor(Math.exp(random.next() * Math.log(VOCABULARY.length))) - 1)
  ]!;
}

function words(count: number, random: Random, wide = false): string {
  return Array.from({ length: count }, () => (wide && random.next() < 0.3 ? random.of(WIDE) : word(random))).join(' ');
}

function sentence(random: Random): string {
  const text = words(4 + random.below(14), random);
  const end = random.next() < 0.15 ? '?' : '.';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${random.next() < 0.3 ? `, ${words(3 + random.below(6), random)}` : ''}${end}`;
}

function line(random: Random, text: string): object {
  return {
    id: random.below(2 ** 31).toString(36),
    from: random.of(NAMES),
    at: 1_700_000_000_000 + random.below(1e9),
    text,
  };
}

/** A message of a chat, or several as an array: JSON whose words vary. */
function chat(sizeBytes: number, random: Random): string {
  const lines: object[] = [];
  const say = () => line(random, words(3 + random.below(20), random));
  const last = line(random, '');
  if (sizeBytes < 400) return filled((text) => JSON.stringify({ ...last, text }), sizeBytes, random);
  let bytes = 1;
  while (bytes < sizeBytes - 400) {
    const next = say();
    lines.push(next);
    bytes += JSON.stringify(next).length + 1;
  }
  return filled((text) => JSON.stringify([...lines, { ...last, text }]), sizeBytes, random);
}

/** A text of exactly so many octets, by words in the place that `around` has for them. Words alone where there is no room for it. */
function filled(around: (text: string) => string, sizeBytes: number, random: Random, wide = false): string {
  const room = sizeBytes - Buffer.byteLength(around(''));
  if (room < 0) return repeated(sizeBytes, () => words(4, random));
  let text = '';
  while (Buffer.byteLength(text) < room) text += `${words(3, random, wide)} `;
  while (Buffer.byteLength(text) > room) text = text.slice(0, -1);
  return around(text.padEnd(text.length + room - Buffer.byteLength(text), '.'));
}

/** JSON with a `state` that is to be changed. */
function documentOf(sizeBytes: number, wide: boolean, random: Random): Buffer {
  const lines: string[] = [];
  for (let bytes = 120; bytes < sizeBytes - 400; bytes += Buffer.byteLength(lines.at(-1)!) + 3) {
    lines.push(words(6 + random.below(12), random, wide));
  }
  const head = { id: random.below(2 ** 31), from: random.of(NAMES), state: 'sent' };
  const body = (text: string) => JSON.stringify(lines.length === 0 ? { ...head, text } : { ...head, lines, text });
  return Buffer.from(filled(body, sizeBytes, random, wide));
}

const LEVELS = ['INFO', 'INFO', 'INFO', 'DEBUG', 'WARN', 'ERROR'];
const PARTS = ['http', 'auth', 'db.pool', 'queue', 'scheduler', 'cache', 'mailer'];

function logLine(random: Random): string {
  const at = new Date(1_700_000_000_000 + random.below(86_400_000)).toISOString();
  const address = `10.${random.below(4)}.${random.below(256)}.${random.below(256)}`;
  const path = `/api/v1/${random.of(['users', 'rooms', 'orders', 'files'])}/${random.below(100_000)}`;
  return `${at} ${random.of(LEVELS)} [${random.of(PARTS)}] ${address} ${random.of(['GET', 'POST', 'PUT'])} ${path} ${random.of(['200', '200', '201', '304', '404', '500'])} ${random.below(4_000)}ms req=${random.below(2 ** 32).toString(16)} ${words(2 + random.below(5), random)}\n`;
}

/** Random octets as base64: each character has 6 of 8 bits, and there is nothing to refer back to. */
function base64(sizeBytes: number, random: Random): string {
  return Buffer.from(Array.from({ length: Math.ceil((sizeBytes * 3) / 4) }, () => random.below(256)))
    .toString('base64')
    .slice(0, sizeBytes);
}

/** Entities of a game, 24 octets each: number, kind, place, speed, health, flags, when last changed. */
const ENTITY_BYTES = 24;

function gameState(sizeBytes: number, random: Random): Buffer {
  const state = Buffer.alloc(Math.ceil(sizeBytes / ENTITY_BYTES) * ENTITY_BYTES);
  let tick = 50_000 + random.below(10_000);
  for (let at = 0, id = random.below(100); at < state.length; at += ENTITY_BYTES, id += 1 + random.below(3)) {
    tick += random.below(4);
    const moves = random.next() < 0.4;
    state.writeUInt16LE(id & 0xffff, at);
    state.writeUInt16LE(random.below(6), at + 2);
    state.writeFloatLE(Math.round(random.next() * 64_000) / 64, at + 4);
    state.writeFloatLE(Math.round(random.next() * 64_000) / 64, at + 8);
    state.writeInt16LE(moves ? random.below(200) - 100 : 0, at + 12);
    state.writeInt16LE(moves ? random.below(200) - 100 : 0, at + 14);
    state.writeUInt16LE(random.next() < 0.7 ? 100 : random.below(100), at + 16);
    state.writeUInt16LE(random.of([0, 0, 1, 2, 8]), at + 18);
    state.writeUInt32LE(tick, at + 20);
  }
  return state.subarray(0, sizeBytes);
}
