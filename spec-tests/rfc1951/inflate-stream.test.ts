import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { deflate, InflateError, inflate, SlidingWindow } from '../../lib/deflate/index.ts';
import { InflateStream } from '../../lib/deflate/inflate-stream.ts';
import { DEFLATE_LIMITS } from '../../lib/limits.ts';
import { chat, noise } from '../support/deflate.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

const SYNC = { finishFlush: constants.Z_SYNC_FLUSH };
/** One step fills the shared output, and may add the longest match. */
const MAX_PART_BYTES = DEFLATE_LIMITS.sharedOutputBytes + 258;

/** Messages that have every kind of block, and the way their compressor ends them. */
function samples(): Map<string, { readonly plain: Uint8Array; readonly packed: Uint8Array }> {
  const found = new Map<string, { plain: Uint8Array; packed: Uint8Array }>();
  const add = (name: string, plain: Uint8Array, packed: Uint8Array): void => {
    assert.deepEqual([...packed.subarray(-4)], [0, 0, 0xff, 0xff]);
    found.set(name, { plain, packed: packed.subarray(0, -4) });
  };
  const texts = {
    empty: new Uint8Array(0),
    short: new Uint8Array(Buffer.from('Hello, Hello')),
    chat: new Uint8Array(Buffer.from(chat(5_000))),
    noise: noise(3_000),
    mixed: new Uint8Array(Buffer.concat([Buffer.from(chat(2_000)), noise(2_000), Buffer.alloc(2_000)])),
  };
  for (const [name, plain] of Object.entries(texts)) {
    add(`${name}, ours`, plain, deflate(plain));
    for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY])
      add(`${name}, strategy ${strategy}`, plain, new Uint8Array(deflateRawSync(plain, { ...SYNC, strategy })));
    add(`${name}, stored`, plain, new Uint8Array(deflateRawSync(plain, { ...SYNC, level: 0 })));
  }
  // RFC 7692 §7.2.3.4: a final block, and more behind it at the next byte.
  const [first, second] = [Buffer.from(chat(300, 1)), Buffer.from(chat(300, 2))];
  for (const level of [0, 6])
    add(
      `final blocks at level ${level}`,
      new Uint8Array(Buffer.concat([first, second])),
      new Uint8Array(Buffer.concat([deflateRawSync(first, { level }), deflateRawSync(second, { ...SYNC, level })])),
    );
  return found;
}

/** Reads all that there is to read, each part copied; other calls of the codec come in between. */
function drain(stream: InflateStream, into: Uint8Array[]): void {
  for (let part = stream.read(); part !== undefined; part = stream.read()) {
    assert.ok(part.length > 0 && part.length <= MAX_PART_BYTES, `${part.length} bytes in a part`);
    into.push(new Uint8Array(part.bytes.subarray(0, part.length)));
    disturb();
  }
}

const disturbance = deflate(new Uint8Array(Buffer.from(chat(700, 9))));
function disturb(): void {
  inflate(disturbance, { maxOutputBytes: 1_000 });
}

function inPieces(pieces: Iterable<Uint8Array>, window = new SlidingWindow(15)): Uint8Array {
  const stream = new InflateStream(window);
  const parts: Uint8Array[] = [];
  for (const piece of pieces) {
    stream.push(piece);
    drain(stream, parts);
  }
  stream.finish();
  drain(stream, parts);
  return new Uint8Array(Buffer.concat(parts));
}

function same(got: Uint8Array, expected: Uint8Array, what: string): void {
  assert.ok(Buffer.compare(got, expected) === 0, `${what}: ${got.length} bytes for ${expected.length}`);
}

describe('RFC 1951 in pieces (InflateStream)', () => {
  for (const [name, { plain, packed }] of samples()) {
    it(`whole, octet by octet and at every split: ${name}`, () => {
      same(inPieces([packed]), plain, 'whole');
      same(inPieces(Array.from(packed, (octet) => Uint8Array.of(octet))), plain, 'octet by octet');
      for (let at = 0; at <= packed.length; at += packed.length > 1_000 ? 7 : 1)
        same(inPieces([packed.subarray(0, at), packed.subarray(at)]), plain, `split at ${at}`);
    });
  }

  it('what a flush has brought is read at once, not with the next piece', async () => {
    const packer = createDeflateRaw();
    const stream = new InflateStream(new SlidingWindow(15));
    for (const text of ['Hello', ', ', 'wor', 'l', 'd', 'Hello, world']) {
      packer.write(text);
      await new Promise<void>((resolve) => packer.flush(constants.Z_SYNC_FLUSH, resolve));
      stream.push(packer.read() as Buffer);
      const parts: Uint8Array[] = [];
      drain(stream, parts);
      assert.equal(Buffer.concat(parts).toString(), text);
    }
    packer.destroy();
  });

  it('a bomb comes out in parts of bounded size', () => {
    const plain = new Uint8Array(20_000_000);
    const packed = deflateRawSync(plain, SYNC).subarray(0, -4);
    assert.ok(packed.length < 20_000);
    same(inPieces([packed]), plain, 'a bomb');
  });

  it('two streams and whole messages in turns do not see each other', () => {
    const [a, b] = [Buffer.from(chat(200_000, 1)), Buffer.from(chat(200_000, 2))];
    const packed = [a, b].map((plain) => deflateRawSync(plain, { ...SYNC, level: 6 }).subarray(0, -4));
    const streams = packed.map(() => new InflateStream(new SlidingWindow(15)));
    const parts: Uint8Array[][] = [[], []];
    for (let at = 0; at < Math.max(...packed.map((each) => each.length)); at += 1_000) {
      for (const [i, stream] of streams.entries()) {
        const piece = packed[i]!.subarray(at, at + 1_000);
        if (piece.length > 0) stream.push(piece);
        const part = stream.read();
        if (part !== undefined) parts[i]!.push(new Uint8Array(part.bytes.subarray(0, part.length)));
      }
    }
    for (const [i, stream] of streams.entries()) {
      stream.finish();
      drain(stream, parts[i]!);
    }
    same(Buffer.concat(parts[0]!), a, 'the first');
    same(Buffer.concat(parts[1]!), b, 'the second');
  });

  it('the past is reached into, and goes on in the same window', () => {
    const window = new SlidingWindow(9);
    const context = new SlidingWindow(9);
    for (const seed of [1, 1, 2, 1]) {
      const plain = new Uint8Array(Buffer.from(chat(400, seed)));
      const dictionary = context.dictionary.slice();
      const packed = deflate(plain, { windowBits: 9, dictionary }).subarray(0, -4);
      const cut = packed.length >> 1;
      same(inPieces([packed.subarray(0, cut), packed.subarray(cut)], window), plain, `seed ${seed}`);
      context.update(plain);
      assert.deepEqual(window.dictionary, context.dictionary);
    }
  });

  it(`any octets end as the whole decoder ends them (${SEED_NOTE})`, () => {
    const random = new Random(31);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const plain = random.chance(0.5) ? random.bytes(random.below(300)) : Buffer.from(chat(random.below(600), i));
      let packed = deflate(plain, { level: random.between(1, 9) }).slice(0, -4);
      if (random.chance(0.7) && packed.length > 0) {
        if (random.chance(0.3)) packed = packed.slice(0, random.below(packed.length));
        else packed[random.below(packed.length)]! ^= 1 << random.below(8);
      }
      const outcome = (run: () => Uint8Array): string => {
        try {
          return Buffer.from(run()).toString('hex');
        } catch (error) {
          assert.ok(error instanceof InflateError);
          return `${error.code}: ${error.message.replace(/after \d+ bytes/, '')}`;
        }
      };
      const whole = outcome(() => inflate(packed, { maxOutputBytes: 1e7, tailRemoved: true }));
      assert.equal(
        outcome(() => inPieces(random.cut(packed))),
        whole,
      );
      const code = whole.split(':')[0]!;
      const key = code.startsWith('INFLATE') ? code : 'ok';
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    }
    assert.ok(outcomes.size >= 7, `${[...outcomes.keys()]} came up`);
  });
});
