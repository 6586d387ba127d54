/**
 * Five kinds of message through the codec as a connection uses it, against `node:zlib`'s one-shot calls at the same level and
 * window, and against another build: `node dist/bench/core/codec.js [--baseline DIST] [--kinds chat,log] [--sizes 100,4096]`.
 *
 * Every contender runs in short turns of about a millisecond, one after the other, many rounds. µs is CPU time a message, the
 * least tenth of the rounds; a ratio is the median of those of the rounds (above 1: this build is quicker). 64 different messages
 * a row, compressed by zlib at level 6 where they are decompressed, since that is what most peers send. Every result is checked.
 *
 * Options: --rounds N (default 41), --level N (default 1), --only deflate|inflate, --takeover 1.
 */

import { pathToFileURL } from 'node:url';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import * as own from '../../lib/websocket/deflate.ts';
import { columns, median } from '../wire/report.ts';
import { KINDS, type Kind, messagesOf } from './kinds.ts';

const options = new Map<string, string>();
for (let i = 2; i + 1 < process.argv.length; i += 2) options.set(process.argv[i]!, process.argv[i + 1]!);
const rounds = Number(options.get('--rounds') ?? 41);
const level = Number(options.get('--level') ?? 1);
const takeover = options.has('--takeover');
const kinds = (options.get('--kinds')?.split(',') as Kind[] | undefined) ?? KINDS;
const sizes = (options.get('--sizes') ?? '100,1024,4096,16384,65536').split(',').map(Number);

const COUNT = 64;
const TURN_US = 1_000;
const SPARE_BYTES = 6;
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };

/** One message, by number; answers the length of the result. */
type Run = (i: number) => number;

const settings = {
  thresholdBytes: 0,
  level,
  sendWindowBits: 15,
  sendTakeover: takeover,
  receiveWindowBits: 15,
  receiveTakeover: takeover,
  adaptive: false,
};

interface Row {
  readonly plain: readonly Uint8Array[];
  readonly payloads: readonly Uint8Array[];
}

/** Payloads of messages: without takeover each by itself, with it each behind all before. */
function payloadsOf(plain: readonly Uint8Array[]): Uint8Array[] {
  let past = Buffer.alloc(0);
  return plain.map((message) => {
    const dictionary = takeover && past.length > 0 ? { dictionary: past.subarray(-32_768) } : {};
    const packed = deflateRawSync(message, { ...FLUSH, level: 6, ...dictionary });
    past = Buffer.concat([past, message]).subarray(-65_536);
    const payload = new Uint8Array(packed.length - 4 + SPARE_BYTES);
    payload.set(packed.subarray(0, packed.length - 4));
    return payload;
  });
}

function deflateRun({ MessageDeflate }: typeof own, { plain }: Row): Run {
  const machine = new MessageDeflate(settings);
  return (i) => machine.compress(plain[i]!, true)?.length ?? plain[i]!.length;
}

function inflateRun({ MessageDeflate }: typeof own, { plain, payloads }: Row): Run {
  const machine = new MessageDeflate(settings);
  return (i) => {
    const payload = payloads[i]!;
    const result = machine.decompress(payload, payload.length - SPARE_BYTES, 1 << 20);
    if (!('bytes' in result) || result.length !== plain[i]!.length) throw new Error('not decompressed');
    return result.length;
  };
}

function zlibDeflate({ plain }: Row): Run {
  return (i) => Math.min(deflateRawSync(plain[i]!, { ...FLUSH, level }).length - 4, plain[i]!.length);
}

function zlibInflate({ plain }: Row): Run {
  const whole = plain.map((message) => deflateRawSync(message, { ...FLUSH, level: 6 }));
  return (i) => inflateRawSync(whole[i]!, FLUSH).length;
}

/** That what comes out is what went in: through zlib the one way, ours the other. */
function check({ MessageDeflate }: typeof own, { plain, payloads }: Row): void {
  const machine = new MessageDeflate(settings);
  let past = Buffer.alloc(0);
  for (const [i, message] of plain.entries()) {
    const packed = machine.compress(message, true);
    if (packed !== undefined) {
      const whole = Buffer.concat([packed.bytes.subarray(0, packed.length), Uint8Array.of(0, 0, 255, 255)]);
      const dictionary = takeover && past.length > 0 ? { dictionary: past } : {};
      if (Buffer.compare(inflateRawSync(whole, { ...FLUSH, ...dictionary }), message) !== 0)
        throw new Error('deflate differs');
      past = Buffer.concat([past, message]).subarray(-32_768);
    }
    const payload = payloads[i]!;
    const result = machine.decompress(payload, payload.length - SPARE_BYTES, 1 << 20);
    if (!('bytes' in result) || Buffer.compare(result.bytes.subarray(0, result.length), message) !== 0) {
      throw new Error('inflate differs');
    }
  }
}

/** CPU time of the process in µs. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** All messages once; answers the octets that came out. */
function pass(run: Run): number {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += run(i);
  return sum;
}

interface Timed {
  readonly us: number;
  /** Of this contender's time to the first one's. */
  readonly ratio: number;
}

function compare(runs: readonly Run[]): Timed[] {
  const passes = runs.map((run) => {
    for (const end = performance.now() + 120; performance.now() < end; ) pass(run);
    const start = performance.now();
    for (let n = 0; n < 4; n++) pass(run);
    return Math.max(1, Math.round((TURN_US * 4) / 1_000 / (performance.now() - start)));
  });
  const times = runs.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [c, run] of runs.entries()) {
      const before = cpuUs();
      for (let n = passes[c]!; n > 0; n--) pass(run);
      times[c]!.push((cpuUs() - before) / (passes[c]! * COUNT));
    }
  }
  return times.map((each) => ({
    us: [...each].sort((a, b) => a - b)[Math.floor(rounds / 10)]!,
    ratio: median(each.map((us, round) => us / times[0]![round]!)),
  }));
}

/** One line of the table. */
function line(title: string, size: number, runs: readonly Run[], octets: boolean): string[] {
  const times = compare(runs);
  const cells = times.map(({ us, ratio }, c) => `${us.toFixed(2)}${c === 0 ? '' : ` (${ratio.toFixed(2)})`}`);
  return [title, String(size), ...cells, ...(octets ? runs.map((run) => (pass(run) / COUNT).toFixed(0)) : [])];
}

async function main(): Promise<void> {
  const dist = options.get('--baseline');
  const baseline =
    dist === undefined
      ? undefined
      : ((await import(pathToFileURL(`${dist}/lib/websocket/deflate.js`).href)) as typeof own);
  // Not all three at once: what zlib's results leave to the collector would be counted to whoever comes next.
  const names = ['this build', baseline === undefined ? 'zlib' : 'baseline'];
  for (const direction of ['deflate', 'inflate']) {
    if ((options.get('--only') ?? direction) !== direction) continue;
    const lines = [['', 'bytes', ...names.map((name) => `${name} µs`)]];
    if (direction === 'deflate') lines[0]!.push(...names.map((name) => `${name} octets`));
    for (const kind of kinds) {
      for (const size of sizes) {
        const plain = messagesOf(kind, size, COUNT);
        const row: Row = { plain, payloads: payloadsOf(plain) };
        check(own, row);
        const runs =
          direction === 'deflate'
            ? [deflateRun(own, row), baseline ? deflateRun(baseline, row) : zlibDeflate(row)]
            : [inflateRun(own, row), baseline ? inflateRun(baseline, row) : zlibInflate(row)];
        lines.push(line(kind, size, runs, direction === 'deflate'));
      }
    }
    console.log(`${direction}, level ${level}, ${takeover ? 'with' : 'without'} takeover, Node ${process.version}`);
    console.log(columns(lines));
  }
}

await main();
