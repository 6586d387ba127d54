/** The tester's permessage-deflate: agreements, windows, and what is kept from case to case. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { hex } from '../../lib/conformance/case.ts';
import { agreementForOffer, agreementFromAnswer, Compressor, Decompressor } from '../../lib/conformance/deflate.ts';
import { pieceOf, sourceOf } from '../../lib/conformance/sources.ts';

const PLAIN = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';

describe("a server's answer (RFC 7692 §7.1)", () => {
  const read = (answer: string, offer = PLAIN, compare = true) => agreementFromAnswer(answer, offer, { compare });
  it('is an agreement, or none', () => {
    assert.equal(read(''), undefined);
    assert.deepEqual(read('permessage-deflate'), {
      answer: 'permessage-deflate',
      tester: { takeover: true, windowBits: 15 },
      peer: { takeover: true, windowBits: 15 },
    });
    const answer =
      'permessage-deflate; client_no_context_takeover; client_max_window_bits="10"; server_no_context_takeover';
    assert.deepEqual(read(answer), {
      answer,
      tester: { takeover: false, windowBits: 10 },
      peer: { takeover: false, windowBits: 15 },
    });
  });
  for (const [answer, offer, fault] of [
    ['x-unheard-of', PLAIN, /not offered/],
    ['permessage-deflate, permessage-deflate', PLAIN, /not offered/],
    ['permessage-deflate; unknown', PLAIN, /no parameter/],
    ['permessage-deflate; server_max_window_bits=7', PLAIN, /not 8 to 15/],
    ['permessage-deflate; client_max_window_bits', PLAIN, /not 8 to 15/],
    ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', PLAIN, /twice/],
    ['permessage-deflate; client_max_window_bits=10', 'permessage-deflate', /fits no offer/],
    ['permessage-deflate', 'permessage-deflate; server_no_context_takeover', /fits no offer/],
    ['permessage-deflate; server_max_window_bits=11', 'permessage-deflate; server_max_window_bits=10', /fits no offer/],
  ] as const) {
    it(`${answer} to ${offer} is a fault`, () => assert.match(String(read(answer, offer)), fault));
  }
  it('is not compared with the offer in groups 12 and 13, as Autobahn does not', () => {
    assert.equal(typeof read('permessage-deflate', 'permessage-deflate; server_max_window_bits=9', false), 'object');
  });
});

describe("the fuzzing server's answer", () => {
  it('grants what is asked of it and demands what the case is about', () => {
    const terms = { offer: '', clientNoContextTakeover: true, clientMaxWindowBits: 9 };
    assert.equal(agreementForOffer('permessage-deflate', terms), undefined);
    assert.equal(
      agreementForOffer('permessage-deflate; server_max_window_bits=12; client_max_window_bits', terms)?.answer,
      'permessage-deflate; server_max_window_bits=12; client_no_context_takeover; client_max_window_bits=9',
    );
    assert.equal(
      agreementForOffer('permessage-deflate', { ...terms, fallback: true })?.answer,
      'permessage-deflate; client_no_context_takeover',
    );
    assert.equal(agreementForOffer('permessage-deflate; client_max_window_bits=99', { offer: '' }), undefined);
  });
});

describe('compressing and inflating', () => {
  for (const [takeover, windowBits] of [
    [true, 15],
    [true, 9],
    [false, 15],
    [false, 9],
  ] as const) {
    it(`messages of all sizes come out as they went in: takeover ${takeover}, ${windowBits} bits`, () => {
      const compressor = new Compressor({ takeover, windowBits });
      const decompressor = new Decompressor({ takeover, windowBits });
      [0, 1, 16, 300, 511, 512, 513, 5_000, 40_000, 3, 70_000].forEach((size, k) => {
        const piece = pieceOf(sourceOf('html'), size, k + 1);
        assert.deepEqual(decompressor.inflate(compressor.compress(piece, k)), Buffer.from(piece), `${size} characters`);
      });
    });
  }
  it('a reference further back than the agreed window is an error', () => {
    const piece = pieceOf(sourceOf('json'), 40_000, 0);
    const octets = new Compressor({ takeover: false, windowBits: 15 }).compress(piece, 0);
    assert.throws(() => new Decompressor({ takeover: false, windowBits: 9 }).inflate(octets));
  });
  it('a reference to an earlier message is an error where nothing is taken over', () => {
    const compressor = new Compressor({ takeover: true, windowBits: 15 });
    const decompressor = new Decompressor({ takeover: false, windowBits: 15 });
    const text = Buffer.from('something that is not short and comes twice');
    decompressor.inflate(compressor.compress(text, 0));
    assert.throws(() => decompressor.inflate(compressor.compress(text, 1)));
  });
  it('octets that are kept from one case to the next are those that would be made', () => {
    const make = (series: string) => {
      const compressor = new Compressor({ takeover: true, windowBits: 15 }, series);
      return Array.from({ length: 20 }, (_, k) =>
        compressor.compress(pieceOf(sourceOf('json'), 700, k), k).toString('hex'),
      );
    };
    const fresh = make('');
    assert.deepEqual(make('test'), fresh);
    assert.deepEqual(make('test'), fresh, 'the second time they are kept ones');
  });
  describe('messages of one direction are one DEFLATE stream (RFC 7692 §7.2.2)', () => {
    const text = Buffer.from('some text, some more text');
    const compressed = () => new Compressor({ takeover: true, windowBits: 15 }).compress(text, 0);
    const inflate = (...messages: readonly Buffer[]) => {
      const decompressor = new Decompressor({ takeover: true, windowBits: 15 });
      return messages.map((one) => decompressor.inflate(one).toString());
    };
    it('a message that keeps the 00 00 FF FF of its flush is an error that says so (RFC 7692 §7.2.1)', () => {
      assert.throws(() => inflate(Buffer.concat([compressed(), hex('0000ffff')])), /kept the 00 00 ff ff .*§7\.2\.1/);
    });
    it('a message that ends within a block is an error, wherever it is cut', () => {
      const whole = compressed();
      for (let at = 1; at < whole.length; at++) assert.throws(() => inflate(whole.subarray(0, at)), `cut at ${at}`);
    });
    it('blocks with BFINAL set do not end it: the next block refers to what was before (RFC 7692 §7.2.3.4)', () => {
      const first = Buffer.concat([deflateRawSync(text), hex('00')]);
      const second = deflateRawSync(text, { dictionary: text });
      assert.ok(second.length < 10, 'the second refers to the first');
      assert.deepEqual(inflate(first, Buffer.concat([second, hex('00')])), [`${text}`, `${text}`]);
      assert.deepEqual(inflate(Buffer.concat([deflateRawSync(text), second, hex('00')])), [`${text}${text}`]);
      assert.throws(() => inflate(deflateRawSync(text)), 'the octet 00 behind it is missing');
    });
    it('a message of more than 1000 blocks with BFINAL set is refused', () => {
      const blocks = (count: number) => Buffer.concat([...Array.from({ length: count }, () => hex('0300')), hex('00')]);
      assert.deepEqual(inflate(blocks(1_000)), ['']);
      assert.throws(() => inflate(blocks(1_001)), /more than 1000 blocks with BFINAL/);
    });
  });
  it('more than 64 MiB are not inflated', () => {
    const zeros = new Compressor({ takeover: false, windowBits: 15 }).compress(Buffer.alloc(67_108_865), 0);
    assert.throws(() => new Decompressor({ takeover: false, windowBits: 15 }).inflate(zeros));
  });
});
