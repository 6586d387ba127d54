/**
 * Malformed DEFLATE data, without end: `node dist/spec-tests/fuzz/inflate.js --runs 1000000 --seed 1`.
 *
 * Each run takes a valid stream (or noise), breaks it, and decodes it under some bound. Nothing but `InflateError` may come out,
 * no result longer than the bound, and the verdict must be that of `node:zlib`, with three differences that are argued below;
 * and decoding the same where it stands, as for a WebSocket message, must come to the same as decoding a copy.
 * A run that hangs shows as a last line with its number, printed every 50,000.
 */

import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { inflateInput } from '../../lib/deflate/block-reader.ts';
import { deflate, InflateError, inflate } from '../../lib/deflate/index.ts';
import { inflated, inflateInPlace } from '../../lib/deflate/inflate.ts';
import { Bits, KINDS, Random, sample } from '../rfc1951/support.ts';

export interface FuzzReport {
  /** How often each outcome came up: `ok` or an error's code. */
  readonly outcomes: Record<string, number>;
  /** Runs whose verdict differed from zlib's in a way that is not argued below, as hex: at most ten. */
  readonly disagreements: string[];
  readonly longestMs: number;
}

const MAX_OUTPUT_BYTES = 1_048_576;

/** A valid stream of up to a few hundred bytes, made by zlib or by us. */
function validStream(random: Random): Uint8Array {
  const plain = sample(KINDS[random.next(KINDS.length)]!, random.next(random.next(2_000) + 1), random);
  if (random.next(4) === 0) return deflate(plain, { level: 1 + random.next(9) }).slice();
  const options = { level: random.next(10), strategy: random.next(5), memLevel: 1 + random.next(9) };
  return deflateRawSync(plain, random.next(2) === 0 ? options : { ...options, finishFlush: constants.Z_SYNC_FLUSH });
}

/** The header of a dynamic block with whatever code lengths, and noise behind it. */
function randomCodes(random: Random): Uint8Array {
  const steep = 1 + random.next(15);
  const lengths = (count: number): number[] => Array.from({ length: count }, () => random.next(steep + 1));
  const bits = new Bits().dynamic(lengths(257 + random.next(30)), lengths(1 + random.next(30)), random.next(2) === 0);
  for (let i = random.next(60); i > 0; i--) bits.number(random.next(256), 8);
  return bits.bytes();
}

/** Breaks `data` in one to four places, or cuts, doubles or joins it. */
function mutate(data: Uint8Array, random: Random): Uint8Array {
  let bytes = new Uint8Array(data);
  for (let changes = 1 + random.next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = random.next(bytes.length);
    const kind = random.next(7);
    if (kind < 3) bytes[at]! ^= 1 << random.next(8);
    else if (kind === 3) bytes[at] = random.next(256);
    else if (kind === 4) bytes = bytes.slice(0, at);
    else if (kind === 5)
      bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random.next(bytes.length))]);
    else bytes.fill(random.next(2) * 255, at, at + random.next(8));
  }
  return bytes;
}

/** What zlib says: the output and how much of the input it took, or nothing when it refuses. */
function zlibVerdict(
  data: Uint8Array,
  dictionary: Uint8Array | undefined,
): { plain: Uint8Array; taken: number } | undefined {
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, info: true, ...(dictionary && { dictionary }) };
    const { buffer, engine } = inflateRawSync(data, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { plain: buffer, taken: engine.bytesWritten };
  } catch {
    return undefined;
  }
}

type Verdict = { code: 'ok'; plain: Uint8Array } | { code: string; plain: undefined };

function ourVerdict(
  data: Uint8Array,
  dictionary: Uint8Array | undefined,
  maxOutputBytes: number,
  tailRemoved = false,
): Verdict {
  return verdictOf(() => inflate(data, { maxOutputBytes, dictionary, tailRemoved }));
}

/** As a WebSocket message is decompressed: where it stands, its tail removed. */
function verdictInPlace(data: Uint8Array, dictionary: Uint8Array | undefined, maxOutputBytes: number): Verdict {
  return verdictOf(() => {
    inflateInput.fill(0xa5);
    inflateInput.set(data);
    return inflateInPlace(data.length, maxOutputBytes, dictionary).slice(0, inflated.length);
  });
}

function verdictOf(decompress: () => Uint8Array): Verdict {
  try {
    return { code: 'ok', plain: decompress() };
  } catch (error) {
    if (!(error instanceof InflateError)) throw error;
    return { code: error.code, plain: undefined };
  }
}

function same(one: Verdict, other: Verdict): boolean {
  return one.code === other.code && Buffer.compare(one.plain ?? NOTHING, other.plain ?? NOTHING) === 0;
}

const NOTHING = new Uint8Array(0);

/**
 * Whether both say the same. The differences that are meant: zlib calls a stream that ends inside a block unfinished and
 * not wrong, we call it INFLATE_TRUNCATED (a message is whole or it is not); and zlib stops behind a final block, we go on at
 * the next octet (RFC 7692 §7.2.3.4), so that what zlib left is compared without the rest.
 */
function agrees(data: Uint8Array, dictionary: Uint8Array | undefined): boolean {
  const theirs = zlibVerdict(data, dictionary);
  const ours = ourVerdict(data, dictionary, MAX_OUTPUT_BYTES);
  if (theirs === undefined) return ours.plain === undefined && ours.code !== 'INFLATE_TRUNCATED';
  if (ours.plain !== undefined && Buffer.compare(ours.plain, theirs.plain) === 0) return true;
  if (theirs.taken < data.length) {
    const first = ourVerdict(data.subarray(0, theirs.taken), dictionary, MAX_OUTPUT_BYTES);
    return first.plain !== undefined && Buffer.compare(first.plain, theirs.plain) === 0;
  }
  // A block without any code for code lengths: we refuse it at once, zlib once it has read 258 bits that it cannot decode.
  if (ours.code === 'INFLATE_INCOMPLETE') {
    return zlibVerdict(Buffer.concat([data, new Uint8Array(40)]), dictionary) === undefined;
  }
  return ours.code === 'INFLATE_TRUNCATED';
}

/** Runs `runs` inputs from `seed`. Throws whatever `inflate` throws that is no `InflateError`. */
export function fuzzInflate(runs: number, seed: number, progress: (run: number) => void = () => {}): FuzzReport {
  const random = new Random(seed);
  const outcomes: Record<string, number> = {};
  const disagreements: string[] = [];
  let longestMs = 0;
  for (let run = 0; run < runs; run++) {
    const kind = random.next(10);
    const data =
      kind === 0
        ? sample('random', random.next(200), random)
        : kind === 1
          ? randomCodes(random)
          : mutate(validStream(random), random);
    const dictionary = random.next(4) === 0 ? sample('text', random.next(2_000), random) : undefined;
    const maxOutputBytes = random.next(3) === 0 ? random.next(2_000) : MAX_OUTPUT_BYTES;
    const start = performance.now();
    const verdict = ourVerdict(data, dictionary, maxOutputBytes);
    longestMs = Math.max(longestMs, performance.now() - start);
    outcomes[verdict.code] = (outcomes[verdict.code] ?? 0) + 1;
    const tooLong = verdict.plain !== undefined && verdict.plain.length > maxOutputBytes;
    const agreed =
      agrees(data, dictionary) &&
      same(verdictInPlace(data, dictionary, maxOutputBytes), ourVerdict(data, dictionary, maxOutputBytes, true));
    if ((tooLong || !agreed) && disagreements.length < 10) {
      disagreements.push(`${Buffer.from(data).toString('hex')} dictionary ${dictionary?.length ?? 0}`);
    }
    if (run % 50_000 === 49_999) progress(run + 1);
  }
  return { outcomes, disagreements, longestMs };
}

function main(): void {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
  });
  const runs = Number(values.runs);
  const seed = Number(values.seed);
  const report = fuzzInflate(runs, seed, (run) => console.log(`${run} runs`));
  console.log(`seed ${seed}`, report);
  if (report.disagreements.length > 0) process.exitCode = 1;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) main();
