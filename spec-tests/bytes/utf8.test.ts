import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import {
  decodeAscii,
  decodeUtf8,
  encodeUtf8Into,
  isValidUtf8,
  Utf8StreamDecoder,
  Utf8Validator,
  utf8ByteLength,
} from '../../lib/bytes/utf8.ts';
import { lent } from '../support/cuts.ts';
import { bytes, concat } from '../support/frames.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { INVALID_UTF8, VALID_UTF8 } from '../vectors/utf8.ts';

/** -1: still possible at the end but cut off; 0: valid; n > 0: refused with the n-th octet. */
function verdict(text: Uint8Array, cut: (text: Uint8Array) => Iterable<Uint8Array>): number {
  const validator = new Utf8Validator();
  let seen = 0;
  for (const chunk of cut(text)) {
    if (!validator.push(chunk, 0, chunk.length)) return seen + chunk.length;
    seen += chunk.length;
  }
  return validator.end() ? 0 : -1;
}

const octets = (text: Uint8Array): Iterable<Uint8Array> => lent(Array.from(text, (octet) => Uint8Array.of(octet)));

/** The octet that settles it, found with Node's own decoder: the first prefix that no continuation makes valid. */
function firstBadOctet(text: Uint8Array): number {
  for (let end = 1; end <= text.length; end++) {
    const prefix = text.subarray(0, end);
    const mendable = VALID_UTF8.some(([, hex]) =>
      [0, 1, 2, 3].some((keep) => isUtf8(concat(prefix, bytes(hex).subarray(keep)))),
    );
    if (!isUtf8(prefix) && !mendable) return end;
  }
  return 0;
}

describe('RFC 3629 §4: UTF-8', () => {
  const pads: readonly Uint8Array[] = [0, 1, 60, 61, 62, 63, 64, 65, 66, 67, 200].map((length) =>
    new Uint8Array(length).fill(0x61),
  );
  for (const [title, hex] of VALID_UTF8) {
    it(`${title} is valid, at the start, in the middle and at the end, cut anywhere`, () => {
      const character = bytes(hex);
      for (const before of pads) {
        for (const after of pads) {
          const text = concat(before, character, after);
          assert.equal(isValidUtf8(text, 0, text.length), true);
          assert.equal(
            verdict(text, (whole) => [whole]),
            0,
          );
          for (let at = before.length; at <= before.length + character.length; at++)
            assert.equal(
              verdict(text, (whole) => [whole.subarray(0, at), whole.subarray(at)]),
              0,
            );
        }
      }
      assert.equal(verdict(character, octets), 0);
    });

    it(`${title} cut short is not a whole text, but may yet become one`, () => {
      const character = bytes(hex);
      for (const before of pads) {
        for (let length = 1; length < character.length; length++) {
          const text = concat(before, character.subarray(0, length));
          assert.equal(isValidUtf8(text, 0, text.length), false);
          assert.equal(
            verdict(text, (whole) => [whole]),
            -1,
          );
          // … and not when something else follows.
          assert.notEqual(
            verdict(concat(text, bytes('41')), (whole) => [whole]),
            0,
          );
          assert.notEqual(
            verdict(concat(text, character), (whole) => [whole]),
            0,
          );
        }
      }
    });
  }

  for (const [title, hex] of INVALID_UTF8) {
    it(`${title} is invalid wherever it stands and however it is cut, from its first impossible octet on`, () => {
      const sequence = bytes(hex);
      const bad = firstBadOctet(sequence);
      assert.ok(bad > 0);
      assert.equal(verdict(sequence, octets), bad);
      for (const before of pads) {
        for (const after of pads) {
          const text = concat(before, sequence, after);
          assert.equal(isValidUtf8(text, 0, text.length), false);
          assert.ok(verdict(text, (whole) => [whole]) > 0);
          for (let at = before.length; at <= before.length + sequence.length; at++)
            assert.ok(verdict(text, (whole) => [whole.subarray(0, at), whole.subarray(at)]) > 0);
        }
      }
    });
  }

  it('every sequence of up to two octets, and every lead with every second octet and good followers, agrees with Node', () => {
    const check = (text: Uint8Array): void => {
      const expected = isUtf8(text);
      assert.equal(isValidUtf8(text, 0, text.length), expected, Buffer.from(text).toString('hex'));
      assert.equal(verdict(text, octets) === 0, expected, Buffer.from(text).toString('hex'));
    };
    for (let first = 0; first < 256; first++) {
      check(Uint8Array.of(first));
      for (let second = 0; second < 256; second++) {
        check(Uint8Array.of(first, second));
        check(Uint8Array.of(first, second, 0x80));
        check(Uint8Array.of(first, second, 0xbf, 0x80));
      }
    }
  });

  it(`random text, whole, damaged and cut at random, agrees with isUtf8 and with a fatal TextDecoder (${SEED_NOTE})`, () => {
    const random = new Random(3);
    const fatal = new TextDecoder('utf-8', { fatal: true });
    let valid = 0;
    for (let i = 0; i < 6_000; i++) {
      const parts = Array.from({ length: random.below(60) }, () =>
        random.chance(0.5) ? bytes(random.pick(VALID_UTF8)[1]) : new Uint8Array(random.below(12)).fill(0x61),
      );
      const text = concat(...parts);
      if (random.chance(0.4) && text.length > 0) text[random.below(text.length)] = random.below(256);
      const expected = isUtf8(text);
      if (expected) valid++;
      let decoded = true;
      try {
        fatal.decode(text);
      } catch {
        decoded = false;
      }
      assert.equal(decoded, expected);
      assert.equal(isValidUtf8(text, 0, text.length), expected);
      const chunks = random.cut(text);
      assert.equal(verdict(text, () => lent(chunks)) === 0, expected);
    }
    assert.ok(valid > 1_500 && valid < 5_500, `${valid} of 6000 valid`);
  });

  it('only the given range counts', () => {
    const text = bytes('ff c3a9 ff');
    assert.equal(isValidUtf8(text, 1, 3), true);
    assert.equal(isValidUtf8(text, 1, 2), false);
    assert.equal(isValidUtf8(text, 2, 2), true);
    assert.equal(new Utf8Validator().push(text, 1, 3), true);
    assert.equal(new Utf8Validator().push(text, 2, 3), false);
    const long = concat(bytes('ff'), new Uint8Array(100).fill(0x61), bytes('ff'));
    assert.equal(isValidUtf8(long, 1, 101), true);
    assert.equal(new Utf8Validator().push(long, 1, 101), true);
  });

  it('no is for good, until the validator is reset', () => {
    const validator = new Utf8Validator();
    assert.equal(validator.push(bytes('ff'), 0, 1), false);
    assert.equal(validator.push(bytes('41'), 0, 1), false);
    assert.equal(validator.push(new Uint8Array(100).fill(0x41), 0, 100), false);
    assert.equal(validator.push(bytes(''), 0, 0), false);
    assert.equal(validator.end(), false);
    validator.reset();
    assert.equal(validator.push(bytes('41'), 0, 1), true);
    assert.equal(validator.end(), true);
  });
});

describe('conversion between octets and strings', () => {
  const texts = ['', 'a', 'é', '€', '𝄞', '\uD800', '\uDC00', 'a\uD800b', '\uDC00\uD800', '\uFEFFx', '\0', 'x\u00ff'];
  const sizes = [0, 1, 2, 22, 23, 24, 25, 26, 63, 64, 65, 1_000];

  it('decoding and encoding are those of Buffer, around every crossover of loop and native call', () => {
    for (const piece of texts) {
      for (const size of sizes) {
        for (const text of [piece.repeat(size), 'a'.repeat(size) + piece, piece + 'a'.repeat(size)]) {
          const expected = Buffer.from(text);
          assert.equal(utf8ByteLength(text), expected.length);
          for (const target of [
            new Uint8Array(text.length * 3 + 9).fill(0x5a),
            Buffer.alloc(text.length * 3 + 9, 0x5a),
          ]) {
            assert.equal(encodeUtf8Into(text, target, 5), expected.length);
            assert.ok(Buffer.from(target.subarray(5, 5 + expected.length)).equals(expected));
            assert.ok(
              target.subarray(0, 5).every((octet) => octet === 0x5a),
              'nothing in front is touched',
            );
            assert.equal(decodeUtf8(target, 5, 5 + expected.length), expected.toString());
            if (expected.every((octet) => octet < 0x80))
              assert.equal(decodeAscii(target, 5, 5 + expected.length), text);
          }
        }
      }
    }
  });

  it('exactly as much room as the text needs is enough, for the messages that are prepared', () => {
    for (const piece of ['a', 'é', '€', '𝄞', '\uD800']) {
      for (const size of sizes) {
        const text = piece.repeat(size);
        const target = new Uint8Array(Buffer.byteLength(text));
        assert.equal(encodeUtf8Into(text, target, 0), target.length);
        assert.ok(Buffer.from(text).equals(target));
      }
    }
  });

  it('a byte order mark is text like any other', () => {
    assert.equal(decodeUtf8(bytes('efbbbf41'), 0, 4), '\uFEFFA');
  });

  it('octets from 80 on become the characters U+0080 to U+00FF where ASCII was promised: heads rely on it', () => {
    for (const size of [3, 24, 25, 100]) {
      const text = new Uint8Array(size).fill(0xe9);
      assert.equal(decodeAscii(text, 0, size), 'é'.repeat(size));
    }
  });

  it('views that begin within their memory are read where they begin, one after the other', () => {
    const memory = new Uint8Array(200).map((_, i) => 33 + (i % 90));
    for (let at = 0; at < 100; at++) {
      const view = memory.subarray(at, at + 60);
      assert.equal(decodeAscii(view, 1, 50), String.fromCharCode(...memory.subarray(at + 1, at + 50)));
    }
  });
});

describe(`UTF-8 that is decoded as it comes (${SEED_NOTE})`, () => {
  const PARTS = ['a', 'plain text ', 'é', '€', '𝄞', '\uFEFF', '\n', '\0', '\u{10FFFF}', '東京 '].map((text) =>
    Buffer.from(text),
  );
  const MALFORMED = [
    '80',
    'bf',
    'c0',
    'c080',
    'c3',
    'e2',
    'e282',
    'e080',
    'eda080',
    'f0',
    'f09d',
    'f09d84',
    'f08080',
    'f490',
    'f5',
    'ff',
  ].map((hex) => Buffer.from(hex, 'hex'));

  it('any octets, cut anywhere, give what a TextDecoder makes of the whole', () => {
    const random = new Random(33);
    const whole = new TextDecoder('utf-8', { ignoreBOM: true });
    let malformed = 0;
    for (let i = 0; i < 6_000; i++) {
      const bad = random.pick([0, 0, 0.05, 0.5]);
      const ascii = random.pick([0, 0.5, 0.99]);
      const octets = Buffer.concat(
        Array.from({ length: random.pick([5, 40, 400]) }, () =>
          random.chance(bad) ? random.pick(MALFORMED) : random.chance(ascii) ? PARTS[1]! : random.pick(PARTS),
        ),
      );
      const decoder = new Utf8StreamDecoder();
      const sizes = random.pick([
        [1, 4],
        [1, 100],
        [500, 530],
        [400, 3_000],
      ] as const);
      let text = '';
      let at = 0;
      while (at < octets.length) {
        const size = Math.min(octets.length - at, random.between(sizes[0], sizes[1]));
        // At the beginning of its memory or within it, a Buffer or not.
        const slice = random.chance(0.5) ? octets : new Uint8Array(octets);
        const piece = random.chance(0.5)
          ? decoder.decode(slice, at, at + size)
          : decoder.decode(slice.subarray(at, at + size), 0, size);
        if (decoder.lastWasAscii)
          assert.deepEqual([piece, piece.length], [whole.decode(octets.subarray(at, at + size)), size]);
        text += piece;
        at += size;
      }
      const expected = whole.decode(Buffer.concat([octets, Buffer.from('.')]));
      text += decoder.decode(Buffer.from('.'), 0, 1);
      assert.equal(text, expected, `run ${i}`);
      if (expected.includes('\uFFFD')) malformed++;
    }
    assert.ok(malformed > 1_000 && malformed < 5_000, `${malformed} malformed`);
  });

  it('a character is there with its last octet, and what cannot go on is told by then', () => {
    const decoder = new Utf8StreamDecoder();
    const decoded = [...Buffer.from('a€𝄞')].map((octet) => decoder.decode(Uint8Array.of(octet), 0, 1));
    assert.deepEqual(decoded, ['a', '', '', '€', '', '', '', '𝄞']);
    assert.deepEqual(
      [decoder.decode(Uint8Array.of(0xe2), 0, 1), decoder.decode(Uint8Array.of(0x41), 0, 1)],
      ['', '\uFFFDA'],
    );
  });

  it('as many units as octets is not taken for one each when a character was cut before', () => {
    for (const size of [10, 600]) {
      const decoder = new Utf8StreamDecoder();
      decoder.decode(Uint8Array.of(0xe2), 0, 1); // becomes a unit of the next slice, which has one of two octets
      const slice = Buffer.from(`${'a'.repeat(size)}é.`);
      assert.equal(decoder.decode(slice, 0, slice.length).length, slice.length);
      assert.equal(decoder.lastWasAscii, false);
      assert.equal(decoder.decode(Buffer.from('a'.repeat(size)), 0, size), 'a'.repeat(size));
      assert.equal(decoder.lastWasAscii, true);
    }
  });
});
