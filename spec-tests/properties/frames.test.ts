import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isValidUtf8 } from '../../lib/bytes/utf8.ts';
import { FrameParser } from '../../lib/websocket/frame-parser.ts';
import { copyMasked, copyMaskedText, newMaskingKey, rotateKey } from '../../lib/websocket/mask.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { type Incoming, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { lent } from '../support/cuts.ts';
import { concat, type RawFrame, rawFrame } from '../support/frames.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { run } from '../support/replay.ts';

const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537];

/** Every code with which the core may fail a connection without an extension. */
const CODES = new Set([
  'WS_RESERVED_BIT',
  'WS_RESERVED_OPCODE',
  'WS_MASK_MISSING',
  'WS_MASK_FORBIDDEN',
  'WS_LENGTH_NOT_MINIMAL',
  'WS_LENGTH_HIGH_BIT',
  'WS_CONTROL_TOO_LONG',
  'WS_CONTROL_FRAGMENTED',
  'WS_CONTINUATION_UNEXPECTED',
  'WS_CONTINUATION_EXPECTED',
  'WS_MESSAGE_TOO_BIG',
  'WS_TOO_MANY_FRAMES',
  'WS_INVALID_UTF8',
  'WS_CLOSE_PAYLOAD',
  'WS_CLOSE_CODE',
  'WS_CLOSE_REASON',
]);

function randomText(random: Random, units: number): string {
  let text = '';
  while (text.length < units) text += random.pick(['a', 'Z', ' ', '\0', 'é', 'ß', '€', '\uFEFF', '𝄞', '\u{10FFFF}']);
  return text;
}

describe(`RFC 6455 §5: frames, by property (${SEED_NOTE})`, () => {
  it('encode then parse is identity, at every boundary length, in both directions, cut at random', () => {
    const random = new Random(10);
    for (const [from, to] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      for (let i = 0; i < 150; i++) {
        const sender = new WebSocketProtocol({ role: from });
        const expected: unknown[] = [];
        for (let n = random.between(1, 6); n > 0; n--) {
          const length = random.chance(0.3) ? random.pick(LENGTHS) : random.below(400);
          const data = random.bytes(length);
          switch (random.below(5)) {
            case 0:
              sender.sendBinary(data);
              expected.push({ kind: 'binary', data });
              break;
            case 1: {
              const text = randomText(random, length);
              sender.sendText(text);
              expected.push({ kind: 'text', data: text });
              break;
            }
            case 2: {
              const text = randomText(random, length);
              sender.sendPrepared(prepareMessage(text));
              expected.push({ kind: 'text', data: text });
              break;
            }
            case 3:
              sender.sendPing(data.subarray(0, 125));
              expected.push({ kind: 'ping', data: data.slice(0, 125) });
              break;
            default:
              sender.sendPrepared(prepareMessage(data));
              expected.push({ kind: 'binary', data });
          }
        }
        assert.deepEqual(run({ role: to }, random.cut(sender.takeOutput())).incoming, expected);
      }
    }
  });

  it('text of every length around a change of the header’s size, in one to four octets a character, keeps its frame', () => {
    for (const unit of ['a', 'é', '€', '𝄞']) {
      for (const length of [
        0, 1, 20, 31, 32, 41, 42, 43, 62, 63, 64, 124, 125, 126, 127, 1_024, 1_025, 8_200, 16_383, 16_384, 16_385,
        21_845, 21_846, 32_767, 32_768, 65_535, 65_536,
      ]) {
        const text = unit.repeat(length);
        for (const role of ['client', 'server'] as const) {
          const sender = new WebSocketProtocol({ role });
          sender.sendText(text);
          sender.sendText(`next ${text}`); // must not be written over what has not left yet
          const receiver = new WebSocketProtocol({ role: role === 'client' ? 'server' : 'client' });
          const [first, second] = receiver.receive(sender.takeOutput()) as { data: string }[];
          assert.ok(first?.data === text, `${length} times ${unit} from a ${role}`);
          assert.ok(second?.data === `next ${text}`, `and the one behind ${length} times ${unit} from a ${role}`);
        }
      }
    }
  });

  it('chunking never changes the outcome: random frames, legal and illegal, cut at random', () => {
    const random = new Random(11);
    const ends = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const role = random.pick(['client', 'server'] as const);
      const options = { role, maxMessageBytes: 300, maxFramesPerMessage: 2, textAsBytes: random.chance(0.2) };
      const bytes = concat(...Array.from({ length: random.between(1, 8) }, () => rawFrame(randomFrame(random, role))));
      const whole = run(options, [bytes]);
      for (let cut = 0; cut < 4; cut++) assert.deepEqual(run(options, random.cut(bytes)), whole);
      const last = whole.incoming.at(-1);
      const end = last?.kind === 'failed' ? last.code : whole.state;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    // The generator is worth something only when it gets everywhere.
    for (const code of [...CODES, 'OPEN', 'CLOSED_CLEAN'])
      assert.ok((ends.get(code) ?? 0) > 0, `${code} was never reached`);
  });

  it('arbitrary bytes end in a listed failure or in nothing, never throw, and are never held beyond the limit', () => {
    const random = new Random(12);
    const before = process.memoryUsage().arrayBuffers;
    const held: WebSocketProtocol[] = [];
    for (let i = 0; i < 4_000; i++) {
      const protocol = new WebSocketProtocol({
        role: random.pick(['client', 'server'] as const),
        maxMessageBytes: 1_000,
      });
      const incoming: Incoming[] = [];
      for (const chunk of lent(random.cut(random.bytes(random.below(300))))) incoming.push(...protocol.receive(chunk));
      const failures = incoming.filter((each) => each.kind === 'failed');
      assert.ok(failures.length <= 1);
      for (const failure of failures) {
        assert.ok(failure.kind === 'failed' && CODES.has(failure.code));
        assert.equal(incoming.at(-1), failure, 'nothing comes after a failure');
        assert.equal(protocol.state, 'FAILED');
      }
      for (const each of incoming) {
        if (each.kind === 'text' && typeof each.data === 'string') assert.ok(each.data.length <= 1_000);
        if (each.kind === 'binary') assert.ok(each.data.length <= 1_000);
        if (each.kind === 'ping' || each.kind === 'pong') assert.ok(each.data.length <= 125);
      }
      assert.ok(protocol.output.byteLength <= 300 + 127 * incoming.length);
      held.push(protocol);
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 4_000 * 5_000);
    assert.equal(held.length, 4_000);
  });

  it('what is delivered as text is always valid UTF-8, and what is valid is always delivered', () => {
    const random = new Random(13);
    for (let i = 0; i < 3_000; i++) {
      const payload = random.chance(0.5)
        ? Buffer.from(randomText(random, random.below(120)))
        : random.bytes(random.below(12));
      if (random.chance(0.3) && payload.length > 0) payload[random.below(payload.length)] = random.below(256);
      const frames: RawFrame[] = [];
      for (let at = 0, first = true; first || at < payload.length; first = false) {
        const size = random.between(0, 40);
        frames.push({
          opcode: first ? 1 : 0,
          fin: at + size >= payload.length,
          payload: payload.subarray(at, at + size),
        });
        at += size;
      }
      const [event] = run({ role: 'client' }, random.cut(concat(...frames.map(rawFrame)))).incoming;
      if (isValidUtf8(payload, 0, payload.length))
        assert.deepEqual(event, { kind: 'text', data: Buffer.from(payload).toString() });
      else assert.equal(event?.kind === 'failed' && event.code, 'WS_INVALID_UTF8');
    }
  });
});

function randomFrame(random: Random, receiver: 'client' | 'server'): RawFrame {
  const rare = (): boolean => random.chance(0.03);
  const opcode = rare() ? random.below(16) : random.pick([0, 0, 1, 1, 2, 8, 9, 10]);
  const control = opcode >= 8;
  const masked = rare() ? receiver === 'client' : receiver === 'server';
  let payload: Uint8Array = random.chance(0.7)
    ? Buffer.from(randomText(random, random.below(40)))
    : random.bytes(random.below(control ? 40 : 130));
  if (opcode === 8 && random.chance(0.8))
    payload = concat(
      Uint8Array.of(3, random.pick([232, 233, 236, 237, 242])),
      random.chance(0.8) ? new Uint8Array(0) : payload,
    );
  if (opcode === 8 && rare()) payload = random.bytes(1);
  if (control && rare()) payload = random.bytes(126);
  return {
    opcode,
    fin: control ? !rare() : random.chance(0.6),
    rsv: rare() ? random.between(1, 7) : 0,
    payload,
    ...(masked ? { key: [...random.bytes(4)] as unknown as readonly [number, number, number, number] } : {}),
    ...(rare() ? { lengthBits: random.pick([16, 64] as const) } : {}),
    ...(rare()
      ? { lengthBits: 64 as const, announce: random.pick([1n << 63n, (1n << 64n) - 1n, 1n << 40n, 301n]) }
      : {}),
  };
}

describe(`RFC 6455 §5.3: masking, by property (${SEED_NOTE})`, () => {
  const naive = (bytes: Uint8Array, key: number): Uint8Array =>
    bytes.map((octet, i) => octet ^ ((key >>> ((i & 3) * 8)) & 0xff));
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const applyMask = (bytes: Uint8Array, start: number, end: number, key: number): boolean =>
    copyMaskedText(view(bytes), start, end, view(bytes), start, key);
  const or = (bytes: Uint8Array): number => bytes.reduce((all, octet) => all | octet, 0);
  const lengths = [
    ...Array.from({ length: 24 }, (_, i) => i),
    ...Array.from({ length: 48 }, (_, i) => 24 + i), // around one and two turns of the loop over eight words
    100,
    127,
    ...Array.from({ length: 80 }, (_, i) => 440 + i), // where 64-bit words begin, one and two turns of the loop over four of them
    1_000,
    1_001,
    1_002,
    1_003,
  ];

  it('masking in place equals a naive loop at every alignment, for every key', () => {
    const random = new Random(14);
    for (const length of lengths) {
      for (let align = 0; align < 8; align++) {
        for (const key of [0, -1, 0x3d21fa37, 0x80, 0x8000_0000 | 0, random.uint32() | 0]) {
          const memory = random.bytes(length + 24);
          if (random.chance(0.5)) for (let i = 0; i < memory.length; i++) memory[i]! &= 0x7f;
          const before = memory.slice();
          const part = memory.subarray(align);
          const expected = naive(before.subarray(align + 3, align + 3 + length), key);
          const isAscii = applyMask(part, 3, 3 + length, key);
          assert.deepEqual(part.slice(3, 3 + length), expected);
          assert.deepEqual(memory.subarray(0, align + 3), before.subarray(0, align + 3), 'nothing in front is touched');
          assert.deepEqual(
            memory.subarray(align + 3 + length),
            before.subarray(align + 3 + length),
            'nothing behind is touched',
          );
          assert.equal(isAscii, or(expected) < 0x80, 'the answer says whether all is ASCII');
          applyMask(part, 3, 3 + length, key);
          assert.deepEqual(memory, before, 'twice is the identity');
        }
      }
    }
  });

  it('masking while copying equals a naive loop at every alignment of source and target', () => {
    const random = new Random(15);
    for (const length of lengths) {
      for (let align = 0; align < 16; align++) {
        const key = random.uint32() | 0;
        const source = random.bytes(length + 16);
        if (random.chance(0.5))
          for (let i = 0; i < source.length; i++) source[i]! ^= (key >>> (((i - (align & 3)) & 3) * 8)) & 0x80;
        const before = source.slice();
        const target = new Uint8Array(length + 32).fill(0x5a);
        const at = align >> 2;
        const expected = naive(source.subarray(align & 3, (align & 3) + length), key);
        const into = view(target.subarray(1));
        const isAscii = copyMaskedText(view(source), align & 3, (align & 3) + length, into, at, key);
        assert.deepEqual(target.slice(1 + at, 1 + at + length), expected);
        assert.deepEqual(source, before, 'the source is only lent');
        assert.ok(
          target.subarray(0, 1 + at).every((octet) => octet === 0x5a) &&
            target.subarray(1 + at + length).every((octet) => octet === 0x5a),
        );
        assert.equal(isAscii, or(expected) < 0x80);
        const plain = new Uint8Array(length + 32);
        copyMasked(view(source), align & 3, (align & 3) + length, view(plain.subarray(1)), at, key);
        assert.deepEqual(plain.slice(1 + at, 1 + at + length), expected, 'and copyMasked writes the same');
      }
    }
  });

  it('one octet beyond ASCII is noticed wherever it stands', () => {
    for (const length of [1, 3, 4, 7, 47, 48, 49, 63, 64, 65, 66, 67, 80, 447, 448, 455, 487]) {
      for (let at = -1; at < length; at++) {
        for (const align of [0, 1, 2, 3]) {
          const plain = new Uint8Array(length + align).fill(0x41);
          if (at >= 0) plain[align + at] = 0xc3;
          const key = 0x8f3a_91c5 | 0;
          const masked = plain.slice();
          applyMask(masked, align, align + length, key);
          const target = new Uint8Array(length + 4);
          assert.equal(copyMaskedText(view(masked), align, align + length, view(target), align, key), at < 0);
          assert.equal(applyMask(masked, align, align + length, key), at < 0);
        }
      }
    }
  });

  it('a mask begun in the middle equals the rest of one begun at the start', () => {
    const random = new Random(16);
    for (let i = 0; i < 500; i++) {
      const key = random.uint32() | 0;
      const bytes = random.bytes(random.between(1, 200));
      const expected = naive(bytes, key);
      const cut = random.below(bytes.length + 1);
      applyMask(bytes, 0, cut, key);
      applyMask(bytes, cut, bytes.length, rotateKey(key, cut));
      assert.deepEqual(bytes, expected);
    }
  });

  it('keys are drawn afresh, all bits of them vary, and none comes twice in a row (§5.3)', () => {
    let ones = 0;
    let zeros = 0;
    const seen = new Set<number>();
    let previous = newMaskingKey();
    for (let i = 0; i < 10_000; i++) {
      const key = newMaskingKey();
      assert.notEqual(key, previous);
      ones |= key;
      zeros |= ~key;
      seen.add(key);
      previous = key;
    }
    assert.deepEqual([ones, zeros], [-1, -1]);
    assert.ok(seen.size > 9_990, `${seen.size} different keys in 10,000`);
  });
});

describe('time is proportional to input, however it is cut', () => {
  /** How many slices the first stage hands to the second. */
  function slices(chunks: Iterable<Uint8Array>): number {
    const parser = new FrameParser(false, false);
    let count = 0;
    for (const chunk of chunks) {
      parser.begin(chunk);
      while (parser.next()) count++;
    }
    assert.equal(parser.violation, undefined);
    return count;
  }

  it('a frame that lies whole in a chunk is one slice; otherwise one a chunk at most', () => {
    const frames = concat(...Array.from({ length: 100 }, () => rawFrame({ opcode: 2, payload: new Uint8Array(50) })));
    assert.equal(slices([frames]), 100);
    assert.equal(slices(Array.from(frames, (octet) => Uint8Array.of(octet))), 100 * 51);
    assert.equal(slices([rawFrame({ opcode: 2, payload: new Uint8Array(1_000_000) })]), 1);
  });

  it('an octet of a message is copied a bounded number of times: by growth, not by each chunk', () => {
    const copies = (size: number): number => {
      const original = Uint8Array.prototype.set;
      let copied = 0;
      Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number): void {
        copied += source.length;
        original.call(this, source, at);
      };
      try {
        const protocol = new WebSocketProtocol({ role: 'client', maxMessageBytes: 1 << 24 });
        const bytes = rawFrame({ opcode: 2, payload: new Uint8Array(size) });
        for (let at = 0; at < bytes.length; at += 100) protocol.receive(bytes.subarray(at, at + 100));
      } finally {
        Uint8Array.prototype.set = original;
      }
      return copied / size;
    };
    for (const size of [10_000, 100_000, 1_000_000, 4_000_000])
      assert.ok(copies(size) < 2.5, `${copies(size)} copies at ${size}`);
  });
});
