// RFC 1951 §4 and RFC 7692 §7.2: what our compressor makes, read by zlib, by our decoder and by a third, simple one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import * as writer from '../../lib/deflate/block-writer.ts';
import { DISTANCE_BASE } from '../../lib/deflate/huffman-table.ts';
import { deflate, inflate } from '../../lib/deflate/index.ts';
import { payloadOf } from '../../lib/load/messages.ts';
import { explain, KINDS, Random, sample } from './support.ts';

const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

test('RFC 7692 §7.2.3.1 "Hello" is one block with fixed codes', () => {
  assert.deepEqual(deflate(ascii('Hello')), hex('f248cdc9c907 00 0000ffff'));
  assert.deepEqual(inflate(hex('f248cdc9c907 00'), { maxOutputBytes: 5, tailRemoved: true }), ascii('Hello'));
  assert.deepEqual(inflate(hex('f248cdc9c907 00 0000ffff'), { maxOutputBytes: 5 }), ascii('Hello'));
});

test('RFC 7692 §7.2.3.2 the second "Hello" refers to the first', () => {
  const second = hex('f200110000');
  assert.deepEqual(
    inflate(second, { maxOutputBytes: 5, tailRemoved: true, dictionary: ascii('Hello') }),
    ascii('Hello'),
  );
  const ours = deflate(ascii('Hello'), { dictionary: ascii('Hello') });
  assert(ours.length - 4 <= second.length);
  assert.deepEqual(inflate(ours, { maxOutputBytes: 5, dictionary: ascii('Hello') }), ascii('Hello'));
});

test('RFC 7692 §7.2.3.3 a block without compression', () => {
  const data = hex('000500faff48656c6c6f00');
  assert.deepEqual(inflate(data, { maxOutputBytes: 5, tailRemoved: true }), ascii('Hello'));
});

test('RFC 7692 §7.2.3.4 a block with BFINAL is followed by the rest of the message at the next octet', () => {
  const data = hex('f348cdc9c9070000');
  assert.deepEqual(inflate(data, { maxOutputBytes: 5, tailRemoved: true }), ascii('Hello'));
  // Any number of them, with whole blocks between and behind.
  const more = Buffer.concat([hex('f348cdc9c90700'), hex('f348cdc9c90700'), hex('f248cdc9c907000000ffff')]);
  assert.deepEqual(inflate(more, { maxOutputBytes: 15 }), ascii('HelloHelloHello'));
});

test('RFC 7692 §7.2.3.5 two blocks in one message', () => {
  const data = hex('f248050000 00ffffcac9c90700');
  assert.deepEqual(inflate(data, { maxOutputBytes: 5, tailRemoved: true }), ascii('Hello'));
});

test('RFC 7692 §7.2.3.6 an empty message is one octet of zero once its tail is removed', () => {
  assert.deepEqual(deflate(new Uint8Array(0)), hex('00 0000ffff'));
  assert.deepEqual(deflate(new Uint8Array(0), { dictionary: ascii('abc'), level: 1 }), hex('00 0000ffff'));
  assert.deepEqual(inflate(hex('00'), { maxOutputBytes: 0, tailRemoved: true }), new Uint8Array(0));
});

test('what an exception left counted is forgotten by the next message', () => {
  const text = ascii('one message, and one message more, and the last message');
  const before = deflate(text);
  writer.beginOutput();
  writer.literalFrequencies[7] = 1000;
  assert.deepEqual(deflate(text), before);
});

test('RFC 7692 §7.2.2 a removed tail may follow input of any length, at the ends of our pieces too', () => {
  const random = new Random(1);
  for (const size of [
    16_370, 16_371, 16_372, 16_373, 16_374, 16_375, 16_376, 16_377, 16_378, 16_379, 16_380, 32_750, 49_000,
  ]) {
    const plain = sample('random', size, random);
    const data = deflateRawSync(plain, FLUSH);
    assert(same(inflate(data.subarray(0, -4), { maxOutputBytes: size, tailRemoved: true }), plain), `${size}`);
  }
});

test('every level and window size gives back what went in, read by zlib and by us, for all kinds of data and lengths', () => {
  const random = new Random(20);
  const lengths = [
    ...Array(70).keys(),
    127,
    128,
    255,
    256,
    257,
    258,
    259,
    260,
    511,
    512,
    513,
    1000,
    1023,
    1024,
    2047,
    4095,
    4096,
    5000,
  ];
  for (let i = 0; i < 60; i++) lengths.push(random.next(5_001));
  let run = 0;
  for (const length of lengths) {
    for (const kind of KINDS) {
      const plain = sample(kind, length, random);
      // Every combination of level and window size comes up, with different data each time.
      const level = 1 + (run % 9);
      const windowBits = 8 + (Math.floor(run / 9) % 8);
      run++;
      const label = `${kind} ${length}, level ${level}, windowBits ${windowBits}`;
      const data = deflate(plain, { level, windowBits });
      assert(same(data.subarray(-4), TAIL), label);
      assert(same(inflateRawSync(data, FLUSH), plain), label);
      assert(same(inflate(data, { maxOutputBytes: length }), plain), label);
      // zlib's own, with a window of 2^8 asked as 2^9: its raw streams have no other (it uses up to 250 bytes of that).
      const theirs = deflateRawSync(plain, { ...FLUSH, level, windowBits: Math.max(9, windowBits) });
      assert(same(inflate(theirs, { maxOutputBytes: length }), plain), label);
      assert(
        same(inflate(deflateRawSync(plain, { level, strategy: run % 5 }), { maxOutputBytes: length }), plain),
        label,
      );
    }
  }
  assert(run >= 72);
});

test('dictionaries of all sizes, both ways, at every level and window size', () => {
  const random = new Random(21);
  let run = 0;
  for (const size of [1, 2, 3, 4, 5, 100, 255, 256, 257, 1_000, 8_191, 32_767, 32_768, 32_769, 40_000]) {
    for (const kind of KINDS) {
      for (const length of [1, 3, 4, 40, 200, 3_000]) {
        const level = 1 + (run % 9);
        const windowBits = 8 + (Math.floor(run / 9) % 8);
        run++;
        const dictionary = sample(kind, size, random);
        const plain = sample(kind, length, random);
        // Some of the past comes again.
        const again = dictionary.subarray(random.next(size), size).subarray(0, length);
        plain.set(again, random.next(length - again.length + 1));
        const label = `${kind} ${size} + ${length}, level ${level}, windowBits ${windowBits}`;
        const ours = deflate(plain, { level, windowBits, dictionary });
        assert(same(inflateRawSync(ours, { ...FLUSH, dictionary }), plain), label);
        assert(same(inflate(ours, { maxOutputBytes: length, dictionary }), plain), label);
        const window = dictionary.subarray(Math.max(0, size - 2 ** windowBits));
        assert(
          same(inflate(ours, { maxOutputBytes: length, dictionary: window }), plain),
          `${label}: window is enough`,
        );
        const theirs = deflateRawSync(plain, { ...FLUSH, level, windowBits: Math.max(9, windowBits), dictionary });
        assert(same(inflate(theirs, { maxOutputBytes: length, dictionary }), plain), label);
      }
    }
  }
});

test('a dictionary makes a repetition of its end small', () => {
  const dictionary = sample('random', 30_000, new Random(22));
  const plain = dictionary.slice(29_000);
  assert(deflate(plain, { dictionary }).length < 30);
  assert(deflate(plain).length > 1_000);
});

test('no distance exceeds 2^windowBits (RFC 7692 §7.1.2), with and without a dictionary, and large windows are used', () => {
  const random = new Random(23);
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    let farthest = 0;
    for (const level of windowBits % 2 === 0 ? [1, 6] : [3, 9]) {
      const whole = sample('repeats', Math.min(60_000, 3 * 2 ** windowBits + 4_000), random);
      const data = deflate(whole, { level, windowBits });
      const seen = explain(data);
      assert(same(seen.plain, whole));
      assert(seen.farthest <= 2 ** windowBits, `windowBits ${windowBits}: distance ${seen.farthest}`);
      farthest = Math.max(farthest, seen.farthest);
      const dictionary = whole.subarray(0, -3_000);
      const rest = whole.subarray(-3_000);
      const after = explain(deflate(rest, { level, windowBits, dictionary }), dictionary);
      assert(same(after.plain, rest));
      assert(after.farthest <= 2 ** windowBits, `windowBits ${windowBits}, dictionary: distance ${after.farthest}`);
    }
    assert(farthest > 2 ** windowBits * 0.9, `windowBits ${windowBits}: only ${farthest}`);
  }
});

test('the form of each block is the shortest: stored for noise, fixed for little, dynamic for text (§3.2.3)', () => {
  const random = new Random(24);
  const types = (plain: Uint8Array): number[] => explain(deflate(plain)).types;
  assert.deepEqual(types(ascii('Hello')), [1, 0]);
  assert.deepEqual(types(sample('text', 3_000, random)), [2, 0]);
  assert.deepEqual(types(sample('random', 3_000, random)), [0, 0]);
});

test('noise grows by 5 bytes for each 65,535 and block at most, and the tail (§3.2.4)', () => {
  for (const length of [1, 10, 100, 1_000, 16_384, 65_535, 65_536, 200_000]) {
    const plain = sample('random', length, new Random(25));
    for (const level of [1, 6]) {
      const { length: packed } = deflate(plain, { level });
      assert(packed <= length + 5 * Math.ceil(length / 16_000) + 5, `${length}: ${packed}`);
    }
  }
});

test('runs are matches of up to 258 bytes', () => {
  const seen = explain(deflate(new Uint8Array(100_000).fill(65)));
  assert.equal(seen.longestMatch, 258);
  assert(deflate(new Uint8Array(1_000_000)).length < 1_300);
});

test('at every level the result is at most 5 % longer than that of zlib at the same level; the default is 6, between 1 and 9', () => {
  const random = new Random(26);
  const kinds: readonly (readonly [string, (length: number) => Uint8Array])[] = [
    ['text', (length) => sample('text', length, random)],
    ['json', (length) => sample('json', length, random)],
    // Lines that are all alike but for numbers and the order of words: long chains of matches, of which few are long.
    ['lines', (length) => payloadOf({ sizeBytes: length, kind: 'text' }, random.next(1_000))],
  ];
  for (const [kind, make] of kinds) {
    for (const length of [200, 1_024, 4_096, 16_384, 65_536, 300_000]) {
      const plains = Array.from({ length: Math.max(1, Math.min(30, 60_000 / length)) }, () => make(length));
      const sum = (pack: (plain: Uint8Array) => Uint8Array) => plains.reduce((n, plain) => n + pack(plain).length, 0);
      const ours = Array.from({ length: 10 }, (_, level) =>
        level === 0 ? 0 : sum((plain) => deflate(plain, { level })),
      );
      for (let level = 1; level <= 9; level++) {
        const theirs = sum((plain) => deflateRawSync(plain, { ...FLUSH, level }));
        assert(ours[level]! <= theirs * 1.05, `${kind} ${length}, level ${level}: ${ours[level]} against ${theirs}`);
      }
      assert.equal(sum(deflate), ours[6], 'the default is level 6');
      const [, first, , , , , sixth, , , last] = ours as number[];
      assert(last! <= sixth! * 1.001 && sixth! <= first! * 1.001, `${kind} ${length}: ${ours}`);
    }
  }
});

test('large messages of every kind pass through in pieces, at fast and slow levels', () => {
  const random = new Random(27);
  for (const kind of KINDS) {
    for (const [length, level] of [
      [1_048_576, 1],
      [300_001, 6],
      [65_536, 9],
      [65_537, 4],
      [131_072, 2],
    ] as const) {
      const plain = sample(kind, length, random);
      const data = deflate(plain, { level });
      assert(same(inflateRawSync(data, FLUSH), plain), `${kind} ${length}`);
      assert(same(inflate(data, { maxOutputBytes: length }), plain), `${kind} ${length}`);
    }
  }
});

test('level 1 gives the same result for ever: its places begin anew after 2^30, which 70,000 messages pass twice', () => {
  const plain = sample('json', 60, new Random(31));
  const first = deflate(plain, { level: 1 });
  let others = 0;
  for (let i = 0; i < 70_000; i++) if (!same(deflate(plain, { level: 1 }), first)) others++;
  assert.equal(others, 0);
  assert(same(inflate(first, { maxOutputBytes: 60 }), plain));
});

test('level 1 finds repetitions behind what has none, where it looks up every fourth byte only', () => {
  const noise = sample('random', 20_000, new Random(32));
  const text = sample('text', 4_000, new Random(33));
  const plain = Buffer.concat([noise, text, noise.subarray(0, 10_000)]);
  const data = deflate(plain, { level: 1 });
  assert(same(inflateRawSync(data, FLUSH), plain));
  const alone = deflate(text, { level: 1 }).length;
  assert(data.length < 20_000 + alone + 1_200, `${data.length}, the text alone ${alone}`);
});

test('literals of very different frequency come back, although their codes have at most 12 bits', () => {
  // Frequencies as in Fibonacci's sequence ask for the longest codes (§3.2.7 allows 15). No four bytes in a row come twice.
  const text: number[] = [];
  for (let [a, b, byte] = [1, 1, 0]; text.length < 12_000; [a, b] = [b, a + b], byte++) {
    for (let i = 0; i < a; i++) text.push(byte);
  }
  const random = new Random(34);
  for (let i = text.length - 1; i > 0; i--) {
    const j = random.next(i + 1);
    [text[i], text[j]] = [text[j]!, text[i]!];
  }
  const plain = Uint8Array.from(text);
  for (const level of [1, 6]) {
    const data = deflate(plain, { level });
    assert(same(inflateRawSync(data, FLUSH), plain), `level ${level}`);
    const theirs = deflateRawSync(plain, { ...FLUSH, level }).length;
    assert(data.length <= theirs * 1.05, `level ${level}: ${data.length} against ${theirs}`);
  }
});

test('distances of very different frequency come back, the rarest with 13 extra bits, although their codes have at most 11', () => {
  const dictionary = sample('random', 32_768, new Random(36));
  const expected = [...dictionary];
  writer.beginOutput();
  let count = 0;
  // Distance 32,767 once, 20,000 once, then nearer ones as often as Fibonacci's numbers say.
  for (let [a, b, symbol] = [1, 1, 29]; symbol >= 13; [a, b] = [b, a + b], symbol--) {
    const distance = [32_767, 20_000][29 - symbol] ?? DISTANCE_BASE[symbol]!;
    for (let i = 0; i < a; i++) {
      writer.runs[count] = 0;
      writer.matches[count++] = distance | (1 << 15) | (symbol << 23);
      writer.literalFrequencies[writer.LENGTH_SYMBOLS[1]!]!++;
      writer.distanceFrequencies[symbol]!++;
      for (let n = 0; n < 4; n++) expected.push(expected[expected.length - distance]!);
    }
  }
  writer.writeBlock(count, 0, 4 * count);
  const { bytes, length } = writer.finishOutput();
  const data = bytes.slice(0, length);
  const plain = Uint8Array.from(expected.slice(32_768));
  assert(same(inflateRawSync(data, { ...FLUSH, dictionary }), plain));
});

test('output beyond the shared memory is put together: blocks of every form, before and after 96 KiB', () => {
  const random = new Random(35);
  const parts = ['random', 'text', 'random', 'json', 'random'].map((kind) => sample(kind as 'text', 60_000, random));
  for (const level of [1, 6]) {
    const plain = Buffer.concat([...parts, ...parts]);
    const data = deflate(plain, { level });
    assert(data.length > 2 * 98_304);
    assert(same(inflateRawSync(data, FLUSH), plain), `level ${level}`);
  }
});

test('what is compressed without a dictionary may be put together in any order', () => {
  const random = new Random(28);
  const parts = KINDS.map((kind) => sample(kind, 700, random));
  const packed = parts.map((part) => deflate(part));
  const plain = Buffer.concat([...parts, ...parts.toReversed()]);
  const data = Buffer.concat([...packed, ...packed.toReversed()]);
  assert(same(inflateRawSync(data, FLUSH), plain));
  assert(same(inflate(data, { maxOutputBytes: plain.length }), plain));
});

test('the input is not changed and the result is memory of its own', () => {
  const plain = sample('json', 3_000, new Random(29));
  const copy = plain.slice();
  const first = deflate(plain);
  const kept = first.slice();
  deflate(sample('json', 3_000, new Random(30)));
  assert.deepEqual(first, kept);
  first.fill(0);
  assert.deepEqual(deflate(plain), kept);
  assert.deepEqual(plain, copy);
});

test('a level or a window size out of range is the caller’s error', () => {
  for (const level of [0, 10, 1.5, Number.NaN]) assert.throws(() => deflate(new Uint8Array(1), { level }), RangeError);
  for (const windowBits of [7, 16, 9.5]) assert.throws(() => deflate(new Uint8Array(1), { windowBits }), RangeError);
});
