// RFC 1951 §3.2: what every form of block means, and that whatever breaks a rule is refused by its own code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { InflateError, type InflateErrorCode, inflate } from '../../lib/deflate/index.ts';
import { DEFLATE_LIMITS } from '../../lib/limits.ts';
import { Bits, Random, sample } from './support.ts';

const LIMIT = { maxOutputBytes: 1_000_000 };
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));

function refused(data: Uint8Array, code: InflateErrorCode, options: Parameters<typeof inflate>[1] = LIMIT): void {
  assert.throws(
    () => inflate(data, options),
    (error: unknown) => error instanceof InflateError && error.code === code,
    code,
  );
}

/** `count` lengths of zero, but for those given. */
function lengths(count: number, given: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: count }, (_, symbol) => given[symbol] ?? 0);
}

test('§3.2.4 a stored block is its octets, after the rest of the header octet is skipped', () => {
  assert.deepEqual(inflate(hex('01 0500 faff 48656c6c6f'), LIMIT), ascii('Hello'));
  // The five bits between header and LEN are ignored.
  assert.deepEqual(inflate(hex('f9 0500 faff 48656c6c6f'), LIMIT), ascii('Hello'));
  assert.deepEqual(inflate(hex('01 0000 ffff'), LIMIT), new Uint8Array(0));
});

test('§3.2.4 a stored block has up to 65,535 octets, also across pieces of input and of output', () => {
  const plain = sample('random', 65_535 * 3 + 17, new Random(1));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += 65_535) {
    const part = plain.subarray(at, at + 65_535);
    const n = part.length;
    parts.push(Uint8Array.of(0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255), part);
  }
  assert.deepEqual(inflate(Buffer.concat(parts), LIMIT), plain);
});

test('§3.2.5-3.2.6 fixed codes: every literal, every length and every distance symbol with all of its extra bits at both ends', () => {
  const LENGTH_EXTRA = (i: number): number => (i < 8 || i === 28 ? 0 : (i >> 2) - 1);
  const DISTANCE_EXTRA = (i: number): number => (i < 4 ? 0 : (i >> 1) - 1);
  const past = sample('random', 32_768, new Random(2));
  const bits = new Bits().number(1, 1).number(1, 2);
  const expected = [...past];
  for (let literal = 0; literal < 256; literal++) {
    bits.fixed(literal);
    expected.push(literal);
  }
  let lengthBase = 3;
  for (let i = 0; i < 29; i++) {
    if (i === 28) lengthBase = 258;
    let distanceBase = 1;
    for (let d = 0; d < 30; d++) {
      for (const high of [false, true]) {
        const lengthExtra = high ? 2 ** LENGTH_EXTRA(i) - 1 - (i === 27 ? 1 : 0) : 0;
        const distanceExtra = high ? 2 ** DISTANCE_EXTRA(d) - 1 : 0;
        bits.fixed(257 + i).number(lengthExtra, LENGTH_EXTRA(i));
        bits.code(d.toString(2).padStart(5, '0')).number(distanceExtra, DISTANCE_EXTRA(d));
        const distance = distanceBase + distanceExtra;
        for (let n = lengthBase + lengthExtra; n > 0; n--) expected.push(expected[expected.length - distance]!);
      }
      distanceBase += 2 ** DISTANCE_EXTRA(d);
    }
    lengthBase += 2 ** LENGTH_EXTRA(i);
  }
  const data = bits.fixed(256).bytes();
  assert.deepEqual(inflate(data, { ...LIMIT, dictionary: past }), Uint8Array.from(expected.slice(past.length)));
});

test('§3.2.5 the two ways to say length 258 mean the same', () => {
  const head = (): Bits => new Bits().number(1, 1).number(1, 2).fixed(65);
  const short = head().fixed(285).code('00000').fixed(256).bytes();
  const long = head().fixed(284).number(31, 5).code('00000').fixed(256).bytes();
  assert.deepEqual(inflate(short, LIMIT), ascii('A'.repeat(259)));
  assert.deepEqual(inflate(long, LIMIT), ascii('A'.repeat(259)));
});

test('§3.2.3 a match may overlap what it makes, at every distance from 1 to 20 and every length', () => {
  const start = ascii('abcdefghijklmnopqrst');
  for (let distance = 1; distance <= 20; distance++) {
    for (const length of [3, 4, 5, 7, 8, 10, 11, 12, 13, 16, 17, 18, 30, 31, 34, 100, 257, 258]) {
      const symbol = length === 258 ? 285 : length < 11 ? 254 + length : undefined;
      const bits = new Bits().number(1, 1).number(1, 2);
      for (const literal of start) bits.fixed(literal);
      if (symbol !== undefined) bits.fixed(symbol);
      else {
        const i = [11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227].findLastIndex(
          (base) => base <= length,
        );
        const base = [11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227][i]!;
        bits.fixed(265 + i).number(length - base, (i >> 2) + 1);
      }
      const d = [1, 2, 3, 4, 5, 7, 9, 13, 17].findLastIndex((base) => base <= distance);
      bits
        .code(d.toString(2).padStart(5, '0'))
        .number(distance - [1, 2, 3, 4, 5, 7, 9, 13, 17][d]!, d < 4 ? 0 : (d >> 1) - 1);
      const expected = [...start];
      for (let n = 0; n < length; n++) expected.push(expected[expected.length - distance]!);
      assert.deepEqual(inflate(bits.fixed(256).bytes(), LIMIT), Uint8Array.from(expected), `${distance}, ${length}`);
    }
  }
});

test('§3.2.7 a dynamic block with codes of every length up to 15, so that secondary tables are used', () => {
  // Lengths 1, 2, … 14, 15, 15 are a complete code: symbols 0-14 and 256.
  const literals = lengths(257, { 256: 15 });
  for (let i = 0; i < 15; i++) literals[i] = i + 1;
  const bits = new Bits().dynamic(literals, [0]);
  for (let i = 0; i < 15; i++) bits.code(`${'1'.repeat(i)}0`);
  assert.deepEqual(
    inflate(bits.code('1'.repeat(15)).bytes(), LIMIT),
    Uint8Array.from({ length: 15 }, (_, i) => i),
  );
});

test('§3.2.7 distance codes of every length up to 15', () => {
  const literals = lengths(258, { 65: 2, 66: 2, 256: 2, 257: 2 });
  const distances = Array.from({ length: 16 }, (_, i) => Math.min(i + 1, 15));
  const past = sample('random', 300, new Random(3));
  const bases = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193];
  const bits = new Bits().dynamic(literals, distances);
  const expected = [...past];
  distances.forEach((_, d) => {
    bits
      .code('11')
      .code(d < 15 ? `${'1'.repeat(d)}0` : '1'.repeat(15))
      .number(0, d < 4 ? 0 : (d >> 1) - 1);
    for (let n = 0; n < 3; n++) expected.push(expected[expected.length - bases[d]!]!);
  });
  const data = bits.code('10').bytes();
  assert.deepEqual(inflate(data, { ...LIMIT, dictionary: past }), Uint8Array.from(expected.slice(300)));
});

test('§3.2.7 one distance code is sent with one bit; its other half stands for nothing', () => {
  const literals = lengths(258, { 65: 1, 256: 2, 257: 2 });
  const good = new Bits().dynamic(literals, [1]).code('0').code('11').code('0').code('10').bytes();
  assert.deepEqual(inflate(good, LIMIT), ascii('AAAA'));
  refused(new Bits().dynamic(literals, [1]).code('0').code('11').code('1').code('10').bytes(), 'INFLATE_BAD_SYMBOL');
});

test('§3.2.7 a block of literals alone may have no distance code; then a length is an error', () => {
  const literals = lengths(258, { 65: 1, 256: 2, 257: 2 });
  assert.deepEqual(inflate(new Bits().dynamic(literals, [0]).code('0').code('10').bytes(), LIMIT), ascii('A'));
  refused(new Bits().dynamic(literals, [0]).code('0').code('11').code('0').code('10').bytes(), 'INFLATE_BAD_SYMBOL');
});

test('§3.2.7 a repetition of code lengths may cross from the literal to the distance alphabet', () => {
  // Code length code: 1 has '0', 2 has '10', 16 has '110', 18 has '111'.
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  const codeLengths: Record<number, number> = { 16: 3, 18: 3, 2: 2, 1: 1 };
  const bits = new Bits().number(1, 1).number(2, 2).number(1, 5).number(3, 5).number(14, 4);
  for (const symbol of order.slice(0, 18)) bits.number(codeLengths[symbol] ?? 0, 3);
  // Literals 0-1 and 256-257 have two bits, and so have distances 0-3: the repetition of 6 covers the last of both.
  bits.code('10').code('10').code('111').number(127, 7).code('111').number(105, 7);
  bits.code('10').code('110').number(2, 2);
  // 00, 01 = literals 0 and 1; 10 = end; 11 = length 3.
  bits.code('00').code('01').code('11').code('01').code('10');
  assert.deepEqual(inflate(bits.bytes(), LIMIT), Uint8Array.of(0, 1, 0, 1, 0));
});

test('§3.2.7 an end-of-block code that is the only code is taken, as zlib takes it', () => {
  assert.deepEqual(
    inflate(
      new Bits()
        .dynamic(lengths(257, { 256: 1 }), [0])
        .code('0')
        .bytes(),
      LIMIT,
    ),
    new Uint8Array(0),
  );
  refused(
    new Bits()
      .dynamic(lengths(257, { 256: 1 }), [0])
      .code('1')
      .bytes(),
    'INFLATE_BAD_SYMBOL',
  );
});

test('§3.2.3 block type 3 is refused', () => {
  refused(hex('07'), 'INFLATE_BAD_BLOCK_TYPE');
  refused(hex('06'), 'INFLATE_BAD_BLOCK_TYPE');
});

test('§3.2.4 a stored length and a complement that do not match are refused', () => {
  refused(hex('01 0500 fbff 48656c6c6f'), 'INFLATE_STORED_LENGTH');
  refused(hex('00 0000 0000'), 'INFLATE_STORED_LENGTH');
});

test('§3.2.7 more than 286 literal/length or 30 distance codes are refused', () => {
  for (const [literals, distances] of [
    [30, 0],
    [31, 0],
    [0, 30],
    [0, 31],
  ] as const) {
    const data = new Bits()
      .number(1, 1)
      .number(2, 2)
      .number(literals, 5)
      .number(distances, 5)
      .number(0, 4)
      .number(0, 99)
      .bytes();
    refused(data, 'INFLATE_TOO_MANY_CODES');
  }
});

test('§3.2.7 a repetition without a length before it, and one past the last code, are refused', () => {
  // 16 and 18 have one bit each.
  const head = (): Bits => {
    const bits = new Bits().number(1, 1).number(2, 2).number(0, 5).number(0, 5).number(0, 4);
    return bits.number(1, 3).number(0, 3).number(1, 3).number(0, 3);
  };
  refused(head().code('0').number(0, 2).number(0, 80).bytes(), 'INFLATE_BAD_REPEAT');
  refused(head().code('1').number(127, 7).code('1').number(110, 7).number(0, 80).bytes(), 'INFLATE_BAD_REPEAT');
});

test('§3.2.2 over-subscribed and incomplete codes are refused in each of the three alphabets', () => {
  const codeLengthCode = (given: readonly number[]): Uint8Array => {
    const bits = new Bits()
      .number(1, 1)
      .number(2, 2)
      .number(0, 5)
      .number(0, 5)
      .number(given.length - 4, 4);
    for (const length of given) bits.number(length, 3);
    return bits.number(0, 80).bytes();
  };
  refused(codeLengthCode([1, 1, 1, 0]), 'INFLATE_OVERSUBSCRIBED');
  refused(codeLengthCode([1, 0, 0, 0]), 'INFLATE_INCOMPLETE');
  refused(codeLengthCode([0, 0, 0, 0]), 'INFLATE_INCOMPLETE');
  refused(codeLengthCode([2, 2, 2, 0]), 'INFLATE_INCOMPLETE');
  const dynamic = (literals: number[], distances: number[]): Uint8Array =>
    new Bits().dynamic(literals, distances).number(0, 80).bytes();
  refused(dynamic(lengths(257, { 65: 1, 66: 1, 256: 1 }), [0]), 'INFLATE_OVERSUBSCRIBED');
  // One code too many, and one too few, of the longest.
  const deepest = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [i, i + 1]));
  refused(dynamic(lengths(257, { ...deepest, 255: 15, 256: 15 }), [0]), 'INFLATE_OVERSUBSCRIBED');
  refused(dynamic(lengths(257, { ...deepest, 14: 0, 256: 15 }), [0]), 'INFLATE_INCOMPLETE');
  refused(dynamic(lengths(257, { 65: 2, 256: 2 }), [0]), 'INFLATE_INCOMPLETE');
  refused(dynamic(lengths(257, { 65: 1, 256: 1 }), [1, 1, 1]), 'INFLATE_OVERSUBSCRIBED');
  refused(dynamic(lengths(257, { 65: 1, 256: 1 }), [2, 2, 2]), 'INFLATE_INCOMPLETE');
  refused(dynamic(lengths(257, { 65: 1, 256: 1 }), [2]), 'INFLATE_INCOMPLETE');
});

test('§3.2.7 a block without a code for its end is refused', () => {
  refused(
    new Bits()
      .dynamic(lengths(257, { 65: 1, 66: 1 }), [0])
      .number(0, 80)
      .bytes(),
    'INFLATE_NO_END_OF_BLOCK',
  );
});

test('§3.2.6 symbols 286 and 287 and distances 30 and 31 have fixed codes and no meaning', () => {
  const head = (): Bits => new Bits().number(1, 1).number(1, 2).fixed(65);
  refused(head().fixed(286).number(0, 80).bytes(), 'INFLATE_BAD_SYMBOL');
  refused(head().fixed(287).number(0, 80).bytes(), 'INFLATE_BAD_SYMBOL');
  refused(head().fixed(257).code('11110').number(0, 80).bytes(), 'INFLATE_BAD_SYMBOL');
  refused(head().fixed(257).code('11111').number(0, 80).bytes(), 'INFLATE_BAD_SYMBOL');
});

test('§3.2.3 a distance before the first byte of data and dictionary is refused, one to the very first is not', () => {
  const stream = (distance: '00000' | '00001'): Uint8Array =>
    new Bits().number(1, 1).number(1, 2).fixed(65).fixed(257).code(distance).fixed(256).bytes();
  assert.deepEqual(inflate(stream('00000'), LIMIT), ascii('AAAA'));
  refused(stream('00001'), 'INFLATE_DISTANCE_TOO_FAR');
  assert.deepEqual(inflate(stream('00001'), { ...LIMIT, dictionary: ascii('B') }), ascii('ABAB'));
});

test('a match may begin in the dictionary and go on in the output', () => {
  const bits = new Bits().number(1, 1).number(1, 2).fixed(67);
  // Length 10, distance 3: the last two bytes of the dictionary, then what was written since.
  const data = bits.fixed(264).code('00010').fixed(256).bytes();
  assert.deepEqual(inflate(data, { ...LIMIT, dictionary: ascii('xyzAB') }), ascii('CABCABCABCA'));
});

test('of a dictionary longer than 32,768 bytes the end counts (§2: the window)', () => {
  const dictionary = sample('random', 40_000, new Random(4));
  const bits = new Bits().number(1, 1).number(1, 2);
  const data = bits.fixed(257).code('11101').number(8191, 13).fixed(256).bytes();
  assert.deepEqual(inflate(data, { ...LIMIT, dictionary }), dictionary.slice(40_000 - 32_768, 40_000 - 32_765));
});

test('§3.2.5 distance 32,768 is reached right after output was moved out of the shared memory', () => {
  const plain = sample('random', DEFLATE_LIMITS.sharedOutputBytes, new Random(14));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += 65_535) {
    const n = Math.min(65_535, plain.length - at);
    parts.push(Uint8Array.of(0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255), plain.subarray(at, at + n));
  }
  const match = new Bits().number(1, 1).number(1, 2).fixed(65).fixed(257).code('11101').number(8191, 13).fixed(256);
  const at = plain.length + 1 - 32_768;
  const expected = Buffer.concat([plain, ascii('A'), plain.subarray(at, at + 3)]);
  assert.equal(Buffer.compare(inflate(Buffer.concat([...parts, match.bytes()]), LIMIT), expected), 0);
});

test('a stream that is cut anywhere is refused as truncated, or ends on a block boundary with the beginning of the output', () => {
  const random = new Random(5);
  let boundaries = 0;
  for (const level of [0, 1, 6, 9]) {
    for (const kind of ['text', 'random', 'runs', 'skewed'] as const) {
      const plain = sample(kind, 400, random);
      for (const data of [deflateRawSync(plain, { level }), deflateRawSync(plain, { level, strategy: 4 })]) {
        for (let cut = 0; cut < data.length; cut++) {
          try {
            const part = inflate(data.subarray(0, cut), LIMIT);
            assert.deepEqual(part, plain.slice(0, part.length));
            boundaries++;
          } catch (error) {
            assert(error instanceof InflateError);
            assert.equal(error.code, 'INFLATE_TRUNCATED', `level ${level}, ${kind}, cut at ${cut}: ${error.message}`);
          }
        }
      }
    }
  }
  // No octets at all are a boundary; these streams have one block.
  assert.equal(boundaries, 4 * 4 * 2);
});

test('truncation is noticed at every byte around the size of a piece of input', () => {
  const plain = sample('skewed', 40_000, new Random(6));
  const data = deflateRawSync(plain, { strategy: 2, memLevel: 9 });
  for (let cut = DEFLATE_LIMITS.inputChunkBytes - 40; cut < DEFLATE_LIMITS.inputChunkBytes + 40; cut++) {
    refused(data.subarray(0, cut), 'INFLATE_TRUNCATED');
  }
});

test('the output bound is exact: at every size the data fits a bound of its length and not one less', () => {
  const random = new Random(7);
  const near = [
    DEFLATE_LIMITS.sharedOutputBytes - 300,
    DEFLATE_LIMITS.sharedOutputBytes,
    DEFLATE_LIMITS.sharedOutputBytes + 1,
  ];
  for (const size of [1, 2, 3, 10, 257, 258, 259, 1000, 65_535, 65_536, ...near, 130_000, 400_000]) {
    for (const kind of ['runs', 'text', 'random'] as const) {
      const plain = sample(kind, size, random);
      for (const level of [0, 6]) {
        const data = deflateRawSync(plain, { level });
        assert.deepEqual(inflate(data, { maxOutputBytes: size }), plain);
        refused(data, 'INFLATE_TOO_LARGE', { maxOutputBytes: size - 1 });
        refused(data, 'INFLATE_TOO_LARGE', { maxOutputBytes: size >> 1 });
      }
    }
  }
});

test('a stream of a thousand times its size stops at the bound, and memory with it', () => {
  const data = deflateRawSync(new Uint8Array(30_000_000), { level: 9 });
  const before = process.memoryUsage().arrayBuffers;
  const maxOutputBytes = 1_048_576;
  refused(data, 'INFLATE_TOO_LARGE', { maxOutputBytes });
  const held = process.memoryUsage().arrayBuffers - before;
  // Steps of growth that are not collected yet: 4 × 98,304 and the bound.
  assert(held <= 2 * maxOutputBytes, `${held} bytes held`);
});

test('the result is memory of its own: later calls do not change it, and changing it changes nothing', () => {
  const data = deflateRawSync(ascii('Hello, Hello, Hello'));
  for (const size of [19, 70_000, 300_000]) {
    const plain = sample('text', size, new Random(8));
    const packed = deflateRawSync(plain);
    const first = inflate(packed, LIMIT);
    inflate(data, LIMIT).fill(0);
    const second = inflate(packed, LIMIT);
    assert.deepEqual(first, plain);
    first.fill(0);
    assert.deepEqual(second, plain);
  }
});

test('input that is a view into other memory is read within its bounds', () => {
  const data = deflateRawSync(ascii('Hello'));
  const around = new Uint8Array(data.length + 20).fill(0xff);
  around.set(data, 7);
  assert.deepEqual(inflate(around.subarray(7, 7 + data.length), LIMIT), ascii('Hello'));
  refused(around.subarray(7, 6 + data.length), 'INFLATE_TRUNCATED');
});

test('a bound that is no whole number from 0 is the caller’s error', () => {
  for (const maxOutputBytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => inflate(hex('00'), { maxOutputBytes }), RangeError);
  }
});

test('after a refused stream the next one is decoded from a clean state', () => {
  const good = deflateRawSync(ascii('Hello'));
  for (const bad of [hex('07'), good.subarray(0, 3), hex('01 0500 fbff'), deflateRawSync(new Uint8Array(500_000))]) {
    assert.throws(() => inflate(bad, { maxOutputBytes: 200_000 }), InflateError);
    assert.deepEqual(inflate(good, LIMIT), ascii('Hello'));
  }
});
