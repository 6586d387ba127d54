// RFC 7692 §7.1.1 context takeover: the sliding window of a receiver, and a sender's context, message after message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  type InflateRaw,
  inflateRawSync,
} from 'node:zlib';
import { DeflateContext, deflate, inflate, SlidingWindow } from '../../lib/deflate/index.ts';
import { explain, KINDS, Random, sample } from './support.ts';

const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Messages of every kind, mostly short, with repetitions of earlier ones among them. */
function conversation(count: number, longest: number, random: Random): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const earlier = messages[random.next(messages.length + 5)];
    if (earlier !== undefined) messages.push(earlier.slice(random.next(earlier.length + 1)));
    else messages.push(sample(KINDS[random.next(KINDS.length)]!, random.next(random.next(longest) + 1), random));
  }
  return messages;
}

test('the window is the last 2^windowBits bytes, whatever the sizes they came in', () => {
  const random = new Random(1);
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    const window = new SlidingWindow(windowBits);
    let all = Buffer.alloc(0);
    for (let i = 0; i < 120; i++) {
      const size = 2 ** windowBits;
      const length = [0, 1, 3, random.next(100), random.next(size), size - 1, size, size + 1, 2 * size][
        random.next(9)
      ]!;
      const plain = sample('random', length, random);
      window.update(plain);
      all = Buffer.concat([all, plain]).subarray(-size);
      assert(same(window.dictionary, all), `windowBits ${windowBits}, message ${i}`);
    }
  }
});

test('a window has no memory before its first byte, and never more than its size and the stated slack', () => {
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    const window = new SlidingWindow(windowBits);
    assert.equal(window.allocatedBytes, 0);
    assert.equal(window.dictionary.length, 0);
    window.update(new Uint8Array(0));
    assert.equal(window.allocatedBytes, 0);
    window.update(new Uint8Array(10));
    assert(window.allocatedBytes <= 1_024);
    for (let i = 0; i < 500; i++) {
      window.update(new Uint8Array(i * 17));
      assert(window.allocatedBytes <= 2 ** windowBits * 1.0625 + 1_024);
    }
  }
});

test('a window keeps a copy: what the caller does with its bytes later does not matter', () => {
  const window = new SlidingWindow(8);
  const plain = Uint8Array.of(1, 2, 3);
  window.update(plain);
  plain.fill(9);
  assert.deepEqual([...window.dictionary], [1, 2, 3]);
});

test('every message of a conversation comes back through window and context, at every window size and level', () => {
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    const level = windowBits - 6;
    const random = new Random(100 + windowBits);
    const context = new DeflateContext({ windowBits, level });
    const window = new SlidingWindow(windowBits);
    conversation(250, 12_000, random).forEach((plain, i) => {
      const data = context.deflate(plain);
      context.update(plain);
      const back = inflate(data, { maxOutputBytes: plain.length, dictionary: window.dictionary });
      assert(same(back, plain), `windowBits ${windowBits}, message ${i}`);
      assert(same(inflateRawSync(data, { ...FLUSH, dictionary: window.dictionary }), plain));
      window.update(back);
    });
  }
});

test('a context refers no farther back than 2^windowBits (RFC 7692 §7.1.2)', () => {
  for (const windowBits of [8, 9, 12, 15]) {
    const context = new DeflateContext({ windowBits });
    let past = Buffer.alloc(0);
    let farthest = 0;
    for (const plain of conversation(150, 3_000, new Random(windowBits))) {
      const seen = explain(context.deflate(plain), past);
      context.update(plain);
      assert(same(seen.plain, plain));
      assert(seen.farthest <= 2 ** windowBits, `windowBits ${windowBits}: ${seen.farthest}`);
      farthest = Math.max(farthest, seen.farthest);
      past = Buffer.concat([past, plain]).subarray(-40_000);
    }
    assert(farthest > 2 ** windowBits / 2);
  }
});

test('messages of a zlib stream with takeover are read, and a zlib stream reads ours', async () => {
  for (const windowBits of [9, 12, 15]) {
    const packer = createDeflateRaw({ windowBits });
    const unpacker = createInflateRaw({ windowBits });
    const context = new DeflateContext({ windowBits });
    const window = new SlidingWindow(windowBits);
    for (const plain of conversation(60, 5_000, new Random(200 + windowBits))) {
      const theirs = await through(packer, plain);
      const back = inflate(theirs, { maxOutputBytes: plain.length, dictionary: window.dictionary });
      assert(same(back, plain));
      window.update(back);
      assert(same(await through(unpacker, context.deflate(plain)), plain));
      context.update(plain);
    }
    packer.close();
    unpacker.close();
  }
});

/** What a zlib stream makes of `bytes`, all of it. */
async function through(stream: DeflateRaw | InflateRaw, bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const collect = (part: Buffer): void => void parts.push(part);
  stream.on('data', collect);
  await new Promise<void>((resolve) => stream.write(bytes, () => resolve()));
  await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve()));
  stream.off('data', collect);
  return Buffer.concat(parts);
}

test('a message that was compressed and not sent leaves no trace', () => {
  const random = new Random(3);
  const context = new DeflateContext();
  const other = new DeflateContext();
  for (const plain of conversation(100, 6_000, random)) {
    for (let i = random.next(3); i > 0; i--) context.deflate(sample('text', random.next(9_000), random));
    const data = context.deflate(plain);
    assert.deepEqual(context.deflate(plain), data);
    assert.deepEqual(other.deflate(plain), data);
    context.update(plain);
    other.update(plain);
  }
});

test('what was not compressed by the context may be part of the past as well', () => {
  const context = new DeflateContext();
  const past = sample('random', 20_000, new Random(4));
  context.update(past);
  const plain = past.slice(5_000, 6_000);
  const data = context.deflate(plain);
  assert(data.length < 400, `${data.length} bytes`);
  assert(same(inflate(data, { maxOutputBytes: 1_000, dictionary: past }), plain));
});

test('what came in messages of two bytes is found across them', () => {
  const context = new DeflateContext();
  const past = sample('random', 1_000, new Random(8));
  for (let at = 0; at < 1_000; at += 2) context.update(past.subarray(at, at + 2));
  assert(context.deflate(past).length < 200);
});

test('a place in the table that is 65,536 bytes old does not stand for the last bytes, where less than a match is left', () => {
  const context = new DeflateContext();
  // 131,074 bytes in all: an empty slot of the table now looks like the place two bytes back, in memory that is full.
  for (const length of [32_768, 32_768, 32_768, 29_698, 3_072]) context.update(new Uint8Array(length));
  const plain = sample('json', 500, new Random(9));
  const data = context.deflate(plain);
  assert(same(inflate(data, { maxOutputBytes: 500, dictionary: new Uint8Array(32_768) }), plain));
});

for (const [level, mostKiB] of [
  [1, 80],
  [2, 152],
  [9, 152],
] as const) {
  test(`level ${level}: both directions of a connection together hold at most ${mostKiB} KiB, and nothing before the first message`, () =>
    holdsAtMost(level, mostKiB * 1_024));
}

function holdsAtMost(level: number, mostBytes: number): void {
  const context = new DeflateContext({ windowBits: 15, level });
  const window = new SlidingWindow(15);
  assert.equal(context.allocatedBytes + window.allocatedBytes, 0);
  context.deflate(sample('text', 5_000, new Random(5)));
  assert.equal(context.allocatedBytes, 0);
  for (const plain of conversation(400, 50_000, new Random(6))) {
    context.deflate(plain);
    context.update(plain);
    window.update(plain);
    assert(context.allocatedBytes + window.allocatedBytes <= mostBytes);
  }
  assert(context.allocatedBytes > 32_768 && window.allocatedBytes > 32_768);
}

for (const level of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
  const most = level === 1 ? 8 : 5;
  test(`level ${level}: takeover pays; a conversation is at most ${most} % longer than with zlib’s stream at that level`, () =>
    takeoverPays(level, 1 + most / 100));
}

async function takeoverPays(level: number, most: number): Promise<void> {
  const random = new Random(7);
  const messages = Array.from({ length: 400 }, () => sample('json', 60 + random.next(200), random));
  const context = new DeflateContext({ level });
  const packer = createDeflateRaw({ level });
  let [ours, theirs, without] = [0, 0, 0];
  for (const plain of messages) {
    ours += context.deflate(plain).length - 4;
    context.update(plain);
    theirs += (await through(packer, plain)).length - 4;
    without += deflate(plain, { level }).length - 4;
  }
  packer.close();
  assert(ours <= theirs * most, `${ours} against ${theirs}`);
  assert(ours < without * 0.75, `${ours} against ${without}`);
}

test('an option out of range is the caller’s error', () => {
  for (const windowBits of [7, 16, 8.5]) {
    assert.throws(() => new SlidingWindow(windowBits), RangeError);
    assert.throws(() => new DeflateContext({ windowBits }), RangeError);
  }
  assert.throws(() => new DeflateContext({ level: 0 }), RangeError);
});
