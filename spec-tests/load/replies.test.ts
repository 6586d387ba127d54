/**
 * What a load run believes: replies are counted at every split of the bytes, and none that is wrong is counted as right.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CompressedReplyReader, compressedFrame, compressedFrames } from '../../lib/load/compression.ts';
import { FrameSource, requestsOf } from '../../lib/load/echo.ts';
import {
  firstOctet,
  frameHeader,
  type MessageShape,
  payloadOf,
  replyCycle,
  requestCycle,
  variantsOf,
} from '../../lib/load/messages.ts';
import { ReplyCounter, WrongReply } from '../../lib/load/replies.ts';
import { ServerFrameReader } from '../../lib/load/server-frames.ts';

const SHAPE: MessageShape = { sizeBytes: 20, kind: 'binary' };
const READ_BYTES = 4_096;
/** RFC 7692 §7.2.2. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** The reply to the `index`-th message, as a server must send it. */
function reply(index: number, shape: MessageShape = SHAPE, first: number = firstOctet(shape, false)): Buffer {
  const payload = payloadOf(shape, index);
  return Buffer.concat([frameHeader(first, payload.length, false), payload]);
}

function count(bytes: Buffer, splitAt = bytes.length, shape: MessageShape = SHAPE): number {
  const counter = new ReplyCounter(replyCycle(shape, READ_BYTES));
  let total = 0;
  for (const part of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) total += counter.receive(part, part.length);
  assert.equal(total, counter.count);
  return total;
}

describe('replies whose bytes are known', () => {
  it('are counted when they become whole, wherever the chunks are cut', () => {
    const bytes = Buffer.concat([reply(0), reply(1), reply(2), reply(3).subarray(0, 5)]);
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++)
      assert.equal(count(bytes, splitAt), 3, `split at ${splitAt}`);
  });

  it('are counted over many rounds of the sequence, in chunks of any length', () => {
    const total = 5 * variantsOf(SHAPE) + 3;
    const bytes = Buffer.concat(Array.from({ length: total }, (_, i) => reply(i)));
    for (const step of [1, 7, 22, 23, 100, 1_000]) {
      const counter = new ReplyCounter(replyCycle(SHAPE, READ_BYTES));
      for (let at = 0; at < bytes.length; at += step) {
        const part = bytes.subarray(at, at + step);
        counter.receive(part, part.length);
      }
      assert.equal(counter.count, total, `in chunks of ${step}`);
    }
  });

  it('are counted where they differ in length, wherever the chunks are cut', () => {
    const lengths = [0, 300, 5, 125, 126, 1, 70_000, 7];
    const own: MessageShape = {
      sizeBytes: 0,
      kind: 'binary',
      messages: lengths.map((sizeBytes, i) => payloadOf({ sizeBytes, kind: 'binary' }, i)),
    };
    const total = 2 * lengths.length + 5;
    const bytes = Buffer.concat(Array.from({ length: total }, (_, i) => reply(i, own)));
    for (const step of [1, 2, 3, 131, 4_096]) {
      const counter = new ReplyCounter(replyCycle(own, READ_BYTES));
      for (let at = 0; at < bytes.length; at += step) {
        const part = bytes.subarray(at, at + step);
        counter.receive(part, part.length);
      }
      assert.equal(counter.count, total, `in chunks of ${step}`);
    }
    const source = requestsOf(own, false, 3);
    const sent = Buffer.concat(Array.from({ length: 9 }, (_, i) => source.take(3 * i, 3)));
    assert.deepEqual(
      unmask(sent).map(({ payload }) => payload.length),
      Array.from({ length: 27 }, (_, i) => lengths[i % 8]),
    );
    const wrong = new ReplyCounter(replyCycle(own, READ_BYTES));
    const swapped = Buffer.concat([reply(0, own), reply(2, own)]);
    assert.throws(() => wrong.receive(swapped, swapped.length), { message: /another length than the 300 bytes/ });
  });

  it('are those that the server must make of the messages, where it is not to send them back', () => {
    const [sent, made] = [Buffer.from('question'), Buffer.from('answered')];
    const own: MessageShape = { sizeBytes: 8, kind: 'text', messages: [sent], answers: [made] };
    const counter = new ReplyCounter(replyCycle(own, READ_BYTES));
    const good = Buffer.concat([frameHeader(0x81, 8, false), made]);
    assert.equal(counter.receive(good, good.length), 1);
    const echoed = Buffer.concat([frameHeader(0x81, 8, false), sent]);
    assert.throws(() => counter.receive(echoed, echoed.length), WrongReply);
  });

  it('are looked at only as far as the chunk reaches: the shared buffer holds older bytes behind it', () => {
    const counter = new ReplyCounter(replyCycle(SHAPE, READ_BYTES));
    const buffer = Buffer.concat([reply(0), Buffer.from('left over from another connection')]);
    assert.equal(counter.receive(buffer, reply(0).length), 1);
  });

  for (const shape of [
    { sizeBytes: 0, kind: 'binary' },
    { sizeBytes: 125, kind: 'text' },
    { sizeBytes: 126, kind: 'text' },
    { sizeBytes: 65_535, kind: 'utf8' },
    { sizeBytes: 65_536, kind: 'binary' },
  ] as const) {
    it(`of ${shape.sizeBytes} bytes of ${shape.kind} are counted (RFC 6455 §5.2, every form of the length)`, () => {
      const bytes = Buffer.concat([reply(0, shape), reply(1, shape)]);
      const counter = new ReplyCounter(replyCycle(shape, bytes.length));
      assert.equal(counter.receive(bytes, bytes.length), 2);
    });
  }

  const wrong: readonly [string, Buffer, RegExp][] = [
    ['another opcode', reply(1, SHAPE, 0x81), /opcode text, it must be the binary/],
    ['no FIN', reply(1, SHAPE, 0x02), /differs in FIN/],
    ['RSV1 without an extension', reply(1, SHAPE, 0xc2), /differs in RSV1/],
    ['a shorter payload', reply(1, { ...SHAPE, sizeBytes: 19 }), /another length than the 20 bytes/],
    ['a longer payload', reply(1, { ...SHAPE, sizeBytes: 21 }), /another length than the 20 bytes/],
    ['one octet of content that differs', spoilt(reply(1), 21), /other content than was sent, from byte 19 on/],
    ['the content of another message', reply(2), /other content/],
    ['the first reply once more', reply(0), /other content/],
  ];
  for (const [what, bytes, message] of wrong) {
    it(`with ${what} void the run, wherever the chunks are cut`, () => {
      const all = Buffer.concat([reply(0), bytes]);
      for (let splitAt = 0; splitAt <= all.length; splitAt++) {
        assert.throws(() => count(all, splitAt), { message }, `split at ${splitAt}`);
      }
      assert.throws(
        () => count(all),
        (error) => error instanceof WrongReply && / 2 /.test(error.message),
      );
    });
  }

  it('may have pings and pongs between them, which are answered and not counted (RFC 6455 §5.5.2)', () => {
    const ping = Buffer.concat([Buffer.from([0x89, 3]), Buffer.from('hey')]);
    const bytes = Buffer.concat([ping, reply(0), ping, Buffer.from([0x8a, 0]), reply(1)]);
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++) {
      const heard: string[] = [];
      const counter = new ReplyCounter(replyCycle(SHAPE, READ_BYTES), (payload) => heard.push(payload.toString()));
      for (const part of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) counter.receive(part, part.length);
      assert.equal(counter.count, 2, `split at ${splitAt}`);
      assert.deepEqual(heard, ['hey', 'hey']);
    }
  });

  it('end with a close frame, whose code and reason are told (RFC 6455 §5.5.1)', () => {
    const payload = Buffer.concat([Buffer.from([0x03, 0xf1]), Buffer.from('too big')]);
    const close = Buffer.concat([Buffer.from([0x88, payload.length]), payload]);
    assert.throws(() => count(Buffer.concat([reply(0), close])), {
      message: /closed the connection with 1009 \(too big\)/,
    });
  });
});

describe('replies that are compressed (RFC 7692)', () => {
  const shape: MessageShape = { sizeBytes: 300, kind: 'text' };

  function compressed(index: number, { first = 0xc1, level = 6, payload = payloadOf(shape, index) } = {}): Buffer {
    const flushed = deflateRawSync(payload, { level, finishFlush: 2 });
    const body = flushed.subarray(0, flushed.length - 4);
    return Buffer.concat([frameHeader(first, body.length, false), body]);
  }
  const read = (bytes: Buffer, splitAt = bytes.length): number => {
    const reader = new CompressedReplyReader(shape);
    for (const part of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) reader.receive(part, part.length);
    return reader.count;
  };

  it('are counted however they were compressed, wherever the chunks are cut', () => {
    const bytes = Buffer.concat([compressed(0), compressed(1, { level: 0 }), compressed(2, { level: 9 })]);
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++) assert.equal(read(bytes, splitAt), 3);
  });

  it('void the run when they are not compressed', () => {
    assert.throws(() => read(reply(0, shape)), { message: /reply 1 is not compressed/ });
  });

  it('void the run when they have another opcode', () => {
    assert.throws(() => read(compressed(0, { first: 0xc2 })), { message: /begins with octet 0xc2/ });
  });

  it('void the run when they inflate to another length or other content', () => {
    assert.throws(() => read(compressed(0, { payload: payloadOf(shape, 0).subarray(1) })), {
      message: /299 bytes, not 300/,
    });
    assert.throws(() => read(compressed(0, { payload: payloadOf(shape, 1) })), { message: /other content/ });
  });

  it('void the run when they do not inflate', () => {
    const bytes = Buffer.concat([frameHeader(0xc1, 5, false), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])]);
    assert.throws(() => read(bytes), { message: /does not inflate/ });
  });

  it('may come as they are where compression does not make them shorter, and only there', () => {
    const random: MessageShape = { sizeBytes: 100, kind: 'binary' };
    const reader = new CompressedReplyReader(random);
    const bytes = Buffer.concat([reply(0, random), reply(1, random)]);
    assert.equal(reader.receive(bytes, bytes.length), 2);
    assert.equal(reader.payloadBytes, 200);
    const wrong = reply(3, random);
    assert.throws(() => new CompressedReplyReader(random).receive(wrong, wrong.length), { message: /other content/ });
  });

  describe('with context takeover', () => {
    const messages = ['one two three one two three', 'one two three four', '\u0001\u0003\u0007\u00fe'].map((text) =>
      Buffer.from(text, 'latin1'),
    );
    const own: MessageShape = { sizeBytes: 0, kind: 'binary', messages };
    /** Replies as a server sends them that looks back at all it has compressed before. */
    function replies(contents: readonly Buffer[]): Buffer {
      let past = Buffer.alloc(0);
      return Buffer.concat(
        contents.map((content) => {
          const options = past.length === 0 ? {} : { dictionary: past };
          const body = deflateRawSync(content, { ...options, finishFlush: 2 }).subarray(0, -4);
          past = Buffer.concat([past, content]);
          return Buffer.concat([frameHeader(0xc2, body.length, false), body]);
        }),
      );
    }
    const check = (bytes: Buffer) => {
      const reader = new CompressedReplyReader(own, true);
      reader.receive(bytes, bytes.length);
      reader.checkRecord();
      return reader.count;
    };

    it('are inflated in order when the run is over', () => {
      assert.equal(check(replies([...messages, ...messages])), 6);
      const between = Buffer.concat([
        replies(messages.slice(0, 2)),
        Buffer.concat([frameHeader(0x82, 4, false), messages[2]!]),
      ]);
      assert.equal(check(between), 3, 'one that is not compressed among them');
    });

    it('void the run when one is another, longer, or refers to what was not sent', () => {
      const [first, second, third] = messages as [Buffer, Buffer, Buffer];
      assert.throws(() => check(replies([first, first, third])), { message: /reply 2 inflates to other content/ });
      assert.throws(() => check(replies([first, Buffer.concat([second, first])])), { message: /reply 2 inflates to/ });
      assert.throws(() => check(replies([first, second]).subarray(2 + replies([first])[1]!)), WrongReply);
    });

    it('answer requests that refer back too, again and again', () => {
      const varied: MessageShape = {
        sizeBytes: 0,
        kind: 'text',
        messages: Array.from({ length: 7 }, (_, i) => payloadOf({ sizeBytes: 900 + i, kind: 'text' }, i)),
      };
      const { frames, prelude } = compressedFrames(varied, 'takeover');
      assert.equal(prelude % 7, 0);
      assert.equal(frames.length, prelude + 7);
      const source = requestsOf(varied, 'takeover', 3);
      const sent: Buffer[] = [];
      const total = prelude + 50;
      for (let i = 0; i < total; i += 2)
        sent.push(...unmask(source.take(i, 2)).flatMap(({ payload }) => [payload, TAIL]));
      const content = inflateRawSync(Buffer.concat(sent), { finishFlush: 2 });
      const plain = Buffer.concat(Array.from({ length: total }, (_, i) => payloadOf(varied, i)));
      assert.ok(content.equals(plain), 'a server that keeps its window reads them all');
      const late = Buffer.concat(unmask(source.take(prelude, 3)).map(({ payload }) => payload));
      assert.ok(late.length < 300, 'they do refer back');
      assert.ok(source.take(prelude + 7, 3).equals(source.take(prelude, 3)), 'the prelude comes once');
    });
  });

  it('are compared again from time to time, not only at the start', () => {
    const reader = new CompressedReplyReader(shape);
    assert.throws(() => {
      for (let i = 0; i < 300; i++) {
        const bytes = compressed(i < 10 ? i : i + 1); // one message is missing from the tenth on
        reader.receive(bytes, bytes.length);
      }
    }, WrongReply);
  });
});

describe('requests made beforehand', () => {
  /** Takes masked frames apart, to compare with what was meant. */
  it('are the messages in their order, from any place in the sequence and in any number', () => {
    const shape: MessageShape = { sizeBytes: 130, kind: 'utf8' };
    const source = new FrameSource(requestCycle(shape, 5), 5);
    for (let index = 0; index < 40; index += 3) {
      for (let number = 1; number <= 5; number++) {
        const frames = unmask(source.take(index, number));
        assert.deepEqual(
          frames,
          Array.from({ length: number }, (_, i) => ({ first: 0x81, payload: payloadOf(shape, index + i) })),
        );
      }
    }
  });

  it('carry valid UTF-8 of the exact size, so that a server that validates accepts them', () => {
    for (let sizeBytes = 1; sizeBytes < 300; sizeBytes++) {
      const payload = payloadOf({ sizeBytes, kind: 'utf8' }, 3);
      assert.equal(payload.length, sizeBytes);
      assert.equal(Buffer.from(payload.toString('utf8')).equals(payload), true);
      assert.doesNotMatch(payload.toString('latin1'), /[\0-\x09]/, 'every octet was written');
    }
  });

  it('that are compressed carry RSV1 and no empty block at their end (RFC 7692 §7.2.1)', () => {
    const shape: MessageShape = { sizeBytes: 300, kind: 'text' };
    const [frame] = unmask(compressedFrame(shape, 0));
    assert.equal(frame?.first, 0xc1);
    assert.notDeepEqual(frame?.payload.subarray(-4), Buffer.from([0, 0, 0xff, 0xff]));
    const source = requestsOf(shape, true, 3);
    assert.equal(unmask(source.take(15, 3)).length, 3);
  });
});

describe('frames of a server whose messages are not known', () => {
  it('are told apart wherever the chunks are cut', () => {
    const bytes = Buffer.concat([reply(0), Buffer.from([0x89, 1, 0x41]), reply(1, { sizeBytes: 200, kind: 'text' })]);
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++) {
      const heard: string[] = [];
      const reader = new ServerFrameReader(
        (payload) => heard.push(`message of ${payload.length}`),
        (payload) => heard.push(`ping ${payload.toString()}`),
      );
      for (const part of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) reader.receive(part, part.length);
      assert.deepEqual(heard, ['message of 20', 'ping A', 'message of 200'], `split at ${splitAt}`);
    }
  });

  it('that are masked void the run (RFC 6455 §5.1)', () => {
    const reader = new ServerFrameReader(
      () => {},
      () => {},
    );
    assert.throws(() => reader.receive(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5]), 7), { message: /masked/ });
  });
});

function unmask(bytes: Buffer): { first: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes[at + 1]! & 0x7f;
    assert.equal(bytes[at + 1]! & 0x80, 0x80, 'a client masks (RFC 6455 §5.3)');
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const start = at + header + 4;
    const payload = Buffer.from(bytes.subarray(start, start + length));
    for (let i = 0; i < length; i++) payload[i]! ^= bytes[at + header + (i & 3)]!;
    frames.push({ first: bytes[at]!, payload });
    at = start + length;
  }
  return frames;
}

function spoilt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}
