/**
 * Messages of five kinds, each a set of different ones, to measure compression with: what chat, logs, prose, encoded files and
 * a game look like to a codec. The same seed gives the same messages.
 */

const NAMES = ['ada', 'brendan', 'grace', 'linus', 'margaret', 'radia', 'vint', 'barbara', 'edsger', 'frances', 'tim'];
const ROOMS = ['general', 'support', 'deploys', 'random', 'design'];
const WORDS =
  'the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people release server deploy latency frame socket buffer meeting tomorrow lunch question answer window between through another because during without around company problem government family system program weather evening morning language machine picture garden thought remember nothing together children mountain river letter paper market station hundred measure distance quiet reason reached followed carried history northern several possible certain against'.split(
    ' ',
  );
const PATHS = ['/api/v1/users', '/api/v1/orders', '/static/app.js', '/health', '/api/v1/search', '/login', '/ws'];
const LEVELS = ['INFO', 'INFO', 'INFO', 'DEBUG', 'WARN', 'ERROR'];

export type Kind = 'chat' | 'log' | 'prose' | 'base64' | 'game';
export const KINDS: readonly Kind[] = ['chat', 'log', 'prose', 'base64', 'game'];

/** `count` different messages of exactly `sizeBytes`. */
export function messagesOf(kind: Kind, sizeBytes: number, count: number, seed = 1): Uint8Array<ArrayBuffer>[] {
  const random = randomFrom(seed);
  const make = { chat, log, prose, base64, game }[kind];
  return Array.from({ length: count }, () => {
    const parts: Buffer[] = [];
    for (let length = 0; length < sizeBytes; ) {
      const part = Buffer.from(make(random, sizeBytes));
      parts.push(part);
      length += part.length;
    }
    return new Uint8Array(Buffer.concat(parts, sizeBytes));
  });
}

type Random = (below: number) => number;

/** A linear congruential generator: whole numbers from 0. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)]!;

/** Words as they come in a language: the first ones more often. */
const word = (random: Random): string => WORDS[Math.floor((random(65_536) / 65_536) ** 2 * WORDS.length)]!;

function sentence(random: Random, atLeast: number, more: number): string {
  return Array.from({ length: atLeast + random(more) }, () => word(random)).join(' ');
}

/** One message of a chat, some 200 octets, one to a line. */
function chat(random: Random): string {
  const line = {
    type: 'message',
    id: random(2 ** 31).toString(36) + random(2 ** 31).toString(36),
    room: pick(random, ROOMS),
    user: pick(random, NAMES),
    at: 1_700_000_000_000 + random(1e9),
    text: sentence(random, 4, 24),
  };
  return `${JSON.stringify(line)}\n`;
}

/** One line of a service's log, some 150 octets. */
function log(random: Random): string {
  const at = new Date(1_700_000_000_000 + random(1e9)).toISOString();
  const ip = `10.${random(4)}.${random(256)}.${random(256)}`;
  const id = random(2 ** 31).toString(16) + random(2 ** 31).toString(16);
  return `${at} ${pick(random, LEVELS)} [worker-${random(8)}] ${ip} "GET ${pick(random, PATHS)}/${random(10_000)} HTTP/1.1" ${pick(random, [200, 200, 200, 304, 404, 500])} ${random(20_000)} ${(random(1e5) / 1_000).toFixed(3)}ms request=${id}\n`;
}

function prose(random: Random): string {
  const text = sentence(random, 5, 16);
  return `${text[0]!.toUpperCase()}${text.slice(1)}${pick(random, ['. ', '. ', '? ', ',\n', '; '])}`;
}

/** A piece of a file, as `data:` URLs and JSON carry it. */
function base64(random: Random, sizeBytes: number): string {
  return Buffer.from(Array.from({ length: Math.ceil((sizeBytes * 3) / 4) }, () => random(256))).toString('base64');
}

/** What one thing in a game's world does, 32 octets: number, kind, place, speed, direction, flags. */
function game(random: Random): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 10_000 + random(500), true);
  view.setUint16(4, random(12), true);
  view.setUint16(6, random(4) === 0 ? random(100) : 100, true);
  for (let axis = 0; axis < 3; axis++) view.setFloat32(8 + axis * 4, random(200_000) / 100 - 1_000, true);
  for (let axis = 0; axis < 2; axis++) view.setInt16(20 + axis * 2, random(3) === 0 ? random(400) - 200 : 0, true);
  view.setUint16(24, random(360), true);
  view.setUint32(28, random(8) === 0 ? 1 << random(8) : 0, true);
  return bytes;
}
