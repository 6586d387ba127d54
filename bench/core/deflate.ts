/**
 * Our DEFLATE codec against `node:zlib`'s one-shot calls, in one process, interleaved: `node dist/bench/core/deflate.js`.
 * `codec.ts` does so for five kinds of message, and through what a connection uses.
 *
 * Each row is one message size; every contender runs in short turns of about a millisecond, one after the other, many
 * rounds. The figure is the median of the rounds, in µs a message; in brackets the median of the ratios to zlib in the
 * same round (above 1: we are quicker), which a busy machine changes least. Every result is checked before it is timed.
 *
 * What helped, each measured before and after in one interleaved run (lower tenth of 300 rounds):
 * - decoding: `| 0` where a local takes a module's variable, 142 to 125 µs for 64 KiB: without it the loop boxes and checks; the
 *   next table entry looked up before a match is copied, 129 to 119; unused symbols left out when tables are made, 3.3 to 2.6 µs
 *   for 200 bytes; twelve bytes of a match copied without a loop, 197 to 188.
 * - encoding: only the first 16 bytes of a match made findable, some 7 % at level 6 and 64 KiB; imported and exported constants
 *   bound to local ones, 2-5 %; bits stored without asking whether it is time, 1-2 %.
 * - level 1 (least of 200 rounds, beside the version before): a table of 32-bit places that is never cleared, one look ahead and
 *   three bytes of a match made findable, 30.9 to 22.6 µs for 4 KiB and 6.1 to 5.1 for 200 bytes, and 10 % fewer octets where
 *   lines repeat; making all of a match findable took 14 µs instead of 7. A code and its length in one word, and codes written
 *   without going through memory: 22.6 to 21.1 and 5.1 to 4.5.
 * - level 1 again: the place before the last one, looked at where a match shorter than 32 was found and noted there alone: nothing more
 *   for a literal. Lines that are alike 5 % shorter at 4 KiB and 20 % at 64, program text 2 %, chat JSON under 1 % for 5 to 8 % more time
 *   from 4 KiB on.
 * - level 6: 4 bytes of a match findable instead of 16, and in exchange a look ahead up to a length of 16: as quick, and 3 % fewer
 *   octets where lines repeat.
 * - around the codec (`lib/websocket`, 200 bytes, both ways): text decoded where it was inflated, payloads copied once, 8.2 to 7.6.
 * What did not: no branch for unused symbols, or skipping them by eights, where codes and tables are made; a look at the first
 * candidate's bytes before the chain is searched; one constant table and output for the decoder's loop (within the noise; kept,
 * since it is simpler); smaller hash tables and places of two octets instead of four (no time, but half the memory); leaving
 * out dynamic codes for short messages (fixed codes make 200 bytes of chat JSON 20 % longer, prose 19 %).
 *
 * Options: --rounds N (default 41), --sizes 200,4096, --seed N, --only inflate|deflate|context.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { DeflateContext, deflate, inflate, SlidingWindow } from '../../lib/deflate/index.ts';

const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };
const TURN_MS = 1;

const options = new Map<string, string>();
for (let i = 2; i + 1 < process.argv.length; i += 2) options.set(process.argv[i]!, process.argv[i + 1]!);
const rounds = Number(options.get('--rounds') ?? 41);
const sizes = (options.get('--sizes') ?? '200,1024,4096,16384,65536,262144').split(',').map(Number);
const only = options.get('--only');
let seed = Number(options.get('--seed') ?? 1);

function random(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

const NAMES = ['ada', 'brendan', 'grace', 'linus', 'margaret', 'radia', 'vint', 'barbara'];
const WORDS =
  'the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people release server deploy latency frame socket buffer meeting tomorrow lunch question'.split(
    ' ',
  );

/** A chat message as JSON, some 150 bytes. */
function chatMessage(): string {
  const words: string[] = [];
  for (let n = 5 + random(15); n > 0; n--) words.push(WORDS[random(WORDS.length)]!);
  return JSON.stringify({
    type: 'message',
    id: random(1e9).toString(36),
    room: 'general',
    user: NAMES[random(NAMES.length)],
    at: 1_700_000_000_000 + random(1e9),
    text: words.join(' '),
  });
}

/** JSON of exactly `size` bytes: chat messages in an array, cut off. */
function json(size: number): Uint8Array {
  let text = '[';
  while (text.length < size) text += `${chatMessage()},`;
  return new Uint8Array(Buffer.from(text.slice(0, size)));
}

interface Contender {
  readonly name: string;
  /** One message, by number; answers something of it, so that no work can be left out. */
  readonly run: (i: number) => number;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Medians in µs a call, and of the ratios to the first contender. */
function compare(contenders: readonly Contender[]): { us: number; ratio: number }[] {
  const turns = contenders.map(({ run }) => {
    // Warm, then as many calls as fill a turn.
    let calls = 0;
    for (const end = performance.now() + 60; performance.now() < end; calls++) run(calls & 63);
    const start = performance.now();
    for (let i = 0; i < 64; i++) run(i);
    return Math.max(1, Math.round((TURN_MS / (performance.now() - start)) * 64));
  });
  const times = contenders.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (let c = 0; c < contenders.length; c++) {
      const { run } = contenders[c]!;
      const calls = turns[c]!;
      const start = performance.now();
      for (let i = 0; i < calls; i++) run(i & 63);
      times[c]!.push(((performance.now() - start) * 1_000) / calls);
    }
  }
  const ratios = times.map((own) => median(own.map((us, round) => times[0]![round]! / us)));
  return times.map((own, c) => ({ us: median(own), ratio: ratios[c]! }));
}

function row(title: string, size: number, contenders: readonly Contender[], notes: readonly string[]): number {
  const results = compare(contenders);
  const cells = contenders.map(({ name }, c) => {
    const { us, ratio } = results[c]!;
    const note = notes[c] === undefined ? '' : ` ${notes[c]}`;
    return `${name} ${us.toFixed(1)}${c === 0 ? '' : ` (x${ratio.toFixed(2)}, ${(size / us).toFixed(0)} MB/s)`}${note}`;
  });
  console.log(`${title} ${String(size).padStart(7)} B  ${cells.join('  ')}`);
  return results[1]!.ratio;
}

/** Where a ratio falls below 1, between two sizes, on logarithmic scales. */
function crossover(points: readonly { size: number; ratio: number }[]): string {
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    if (a.ratio >= 1 && b.ratio < 1) {
      const part = Math.log(a.ratio) / (Math.log(a.ratio) - Math.log(b.ratio));
      return `about ${Math.round(a.size * (b.size / a.size) ** part)} B`;
    }
  }
  return points.every(({ ratio }) => ratio >= 1) ? 'none up to the largest' : 'zlib from the smallest on';
}

/** Longer than a screen: one table after the other, each a few lines. */
function main(): void {
  const crossovers: string[] = [];
  if (only === undefined || only === 'inflate') {
    const points: { size: number; ratio: number }[] = [];
    for (const size of sizes) {
      const plain = Array.from({ length: 64 }, () => json(size));
      const packed = plain.map((message) => new Uint8Array(deflateRawSync(message, FLUSH)));
      const limit = { maxOutputBytes: size };
      for (let i = 0; i < 64; i++) {
        if (Buffer.compare(inflate(packed[i]!, limit), plain[i]!) !== 0) throw new Error('inflate differs');
      }
      const ratio = row(
        'inflate',
        size,
        [
          { name: 'zlib', run: (i) => inflateRawSync(packed[i]!, FLUSH).length },
          { name: 'ours', run: (i) => inflate(packed[i]!, limit).length },
        ],
        [],
      );
      points.push({ size, ratio });
    }
    crossovers.push(`inflate: ${crossover(points)}`);
  }
  for (const level of [6, 1]) {
    if (only !== undefined && only !== 'deflate') break;
    const points: { size: number; ratio: number }[] = [];
    for (const size of sizes) {
      const plain = Array.from({ length: 64 }, () => json(size));
      let theirs = 0;
      let ours = 0;
      for (const message of plain) {
        const packed = deflate(message, { level });
        if (Buffer.compare(inflateRawSync(packed, FLUSH), message) !== 0) throw new Error('deflate differs');
        ours += packed.length;
        theirs += deflateRawSync(message, { ...FLUSH, level }).length;
      }
      const ratio = row(
        `deflate level ${level}`,
        size,
        [
          { name: 'zlib', run: (i) => deflateRawSync(plain[i]!, { ...FLUSH, level }).length },
          { name: 'ours', run: (i) => deflate(plain[i]!, { level }).length },
        ],
        [`${((100 * theirs) / size / 64).toFixed(1)} %`, `${((100 * ours) / size / 64).toFixed(1)} %`],
      );
      points.push({ size, ratio });
    }
    crossovers.push(`deflate level ${level}: ${crossover(points)}`);
  }
  if (only === undefined || only === 'context') {
    for (const size of sizes.filter((each) => each <= 4_096)) {
      const plain = Array.from({ length: 64 }, () => json(size));
      const context = new DeflateContext();
      const window = new SlidingWindow(15);
      for (let n = 0; n < 65_536; n += size) {
        for (const message of plain) {
          context.update(message);
          window.update(message);
        }
      }
      const past = new Uint8Array(window.dictionary);
      const packed = Array.from({ length: 64 }, () => json(size)).map((message) => context.deflate(message));
      row(
        'takeover, deflate',
        size,
        [
          { name: 'zlib', run: (i) => deflateRawSync(plain[i]!, { ...FLUSH, dictionary: past }).length },
          {
            name: 'ours',
            run: (i) => {
              const { length } = context.deflate(plain[i]!);
              context.update(plain[i]!);
              return length;
            },
          },
        ],
        [],
      );
      row(
        'takeover, inflate',
        size,
        [
          { name: 'zlib', run: (i) => inflateRawSync(packed[i]!, { ...FLUSH, dictionary: past }).length },
          { name: 'ours', run: (i) => inflate(packed[i]!, { maxOutputBytes: size, dictionary: past }).length },
        ],
        [],
      );
    }
  }
  for (const line of crossovers) console.log(`crossover, ${line}`);
}

main();
