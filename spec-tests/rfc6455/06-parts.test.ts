import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, inflateRawSync } from 'node:zlib';
import { type Incoming, type ProtocolOptions, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { chat, compressed, decompressed, noise, PLAIN, TAKEOVER } from '../support/deflate.ts';
import { closePayload, concat, fromClient, fromServer, KEY, type RawFrame, rawFrame } from '../support/frames.ts';
import { heldArrayBuffers } from '../support/gc.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { type Replayed, run } from '../support/replay.ts';

const PARTS: ProtocolOptions = { role: 'server', inParts: true };
const DEFLATE = { deflate: PLAIN };

/** What the cuts of chunks may not change: parts of one message joined, everything else as it is. */
function joined(incoming: readonly Incoming[]): unknown[] {
  const found: unknown[] = [];
  let parts: (string | Uint8Array)[] = [];
  for (const one of incoming) {
    if (one.kind === 'part') {
      assert.ok(one.data.length > 0, 'a part is never empty');
      parts.push(one.data);
      continue;
    }
    // How much of a message was handed out before it failed depends on the cuts, and may.
    if (one.kind === 'failed') parts = [];
    if (parts.length > 0) {
      const isText = typeof parts[0] === 'string';
      found.push(isText ? parts.join('') : Buffer.concat(parts as Uint8Array[]).toString('hex'));
      parts = [];
    }
    found.push(one.kind === 'ping' || one.kind === 'pong' ? `${one.kind} ${Buffer.from(one.data)}` : one);
  }
  return found;
}

/** The outcome that all cuts agree on. */
function replay(options: Replayed, bytes: Uint8Array): unknown[] {
  const outcome = (chunks: Uint8Array[]) => {
    const { incoming, output, state } = run(options, chunks);
    return { incoming: joined(incoming), output, state };
  };
  const whole = outcome([bytes]);
  assert.deepEqual(outcome(Array.from(bytes, (octet) => Uint8Array.of(octet))), whole, 'octet by octet');
  for (let at = 1; at < Math.min(bytes.length, 400); at++)
    assert.deepEqual(outcome([bytes.subarray(0, at), bytes.subarray(at)]), whole, `split at ${at}`);
  return whole.incoming;
}

const begin = (type: 'text' | 'binary') => ({ kind: 'begin', type });
const END = { kind: 'end' };
const failure = (events: unknown[]): unknown => {
  const last = events.at(-1) as { kind: string; code?: string; closeCode?: number };
  return last.kind === 'failed' ? `${last.code} ${last.closeCode}` : last;
};

/** Cuts a payload into the frames of one message. */
function fragments(opcode: number, payload: Uint8Array, sizes: readonly number[], rsv = 0): RawFrame[] {
  const frames: RawFrame[] = [];
  let at = 0;
  for (const [i, size] of sizes.entries()) {
    const last = i === sizes.length - 1;
    const part = payload.subarray(at, last ? payload.length : at + size);
    frames.push({ opcode: i === 0 ? opcode : 0, fin: last, rsv: i === 0 ? rsv : 0, payload: part });
    at += part.length;
  }
  return frames;
}

describe('RFC 6455 §6.2: messages received in parts', () => {
  it('a message is announced at its first frame, its parts come with their octets, and it ends behind the last (§5.4)', () => {
    const protocol = new WebSocketProtocol(PARTS);
    const whole = fromClient({ opcode: 2, fin: false, payload: 'abcdef' });
    assert.deepEqual(protocol.receive(whole.subarray(0, 6)), [begin('binary')]);
    assert.deepEqual(
      joined([...protocol.receive(whole.subarray(6, 8)), ...protocol.receive(new Uint8Array(0))]),
      [],
      'of two octets in the middle of a frame',
    );
    const [part] = protocol.receive(whole.subarray(8, 9));
    assert.ok(part?.kind === 'part' && Buffer.from(part.data).toString() === 'c', 'each as soon as it is there');
    assert.equal(protocol.receive(whole.subarray(9)).length, 1);
    assert.deepEqual(protocol.receive(fromClient({ opcode: 0, payload: '' })), [END]);
  });

  it('one frame, several, empty ones, text and binary, with control frames in between: at every split', () => {
    const ping: RawFrame = { opcode: 9, payload: 'p' };
    assert.deepEqual(replay(PARTS, fromClient({ opcode: 1, payload: 'Hello' })), [begin('text'), 'Hello', END]);
    assert.deepEqual(replay(PARTS, fromClient({ opcode: 2, payload: '' })), [begin('binary'), END]);
    assert.deepEqual(
      replay(
        PARTS,
        fromClient(
          { opcode: 1, fin: false, payload: '' },
          ping,
          { opcode: 0, fin: false, payload: 'Käse ' },
          { opcode: 10 },
          { opcode: 0, fin: false, payload: '' },
          { opcode: 0, payload: '€ und 𝄞' },
          { opcode: 2, payload: 'xy' },
        ),
      ),
      [
        begin('text'),
        'ping p',
        'Käse ',
        'pong ',
        '€ und 𝄞',
        END,
        begin('binary'),
        Buffer.from('xy').toString('hex'),
        END,
      ],
    );
  });

  it('a character that frames or chunks cut is handed out whole', () => {
    const text = Buffer.from('a€𝄞é');
    for (let at = 1; at < text.length; at++) {
      const got = replay(PARTS, fromClient(...fragments(1, text, [at, 0])));
      assert.deepEqual(got, [begin('text'), 'a€𝄞é', END]);
    }
  });

  it('text as octets is validated and handed out as it comes', () => {
    const got = replay({ ...PARTS, textAsBytes: true }, fromClient(...fragments(1, Buffer.from('a€𝄞é'), [2, 3, 0])));
    assert.deepEqual(got, [begin('text'), Buffer.from('a€𝄞é').toString('hex'), END]);
  });

  it('text that is not UTF-8 fails at its first impossible octet, and at an end within a character (§8.1)', () => {
    for (const bad of ['ff', '61c0', 'e2 28', 'eda080', 'f4 90']) {
      const payload = Buffer.from(bad.replaceAll(' ', ''), 'hex');
      const protocol = new WebSocketProtocol(PARTS);
      // The frame announces more than ever comes.
      const events = protocol.receive(rawFrame({ opcode: 1, fin: false, key: KEY, payload, announce: 1_000n }));
      assert.equal(failure(events), 'WS_INVALID_UTF8 1007', bad);
      assert.equal(failure(replay(PARTS, fromClient({ opcode: 1, payload }))), 'WS_INVALID_UTF8 1007', bad);
    }
    assert.equal(
      failure(replay(PARTS, fromClient({ opcode: 1, payload: Buffer.from([0x61, 0xe2, 0x82]) }))),
      'WS_INVALID_UTF8 1007',
    );
  });

  it('fragments keep their order here too (§5.4)', () => {
    assert.equal(failure(replay(PARTS, fromClient({ opcode: 0, payload: 'x' }))), 'WS_CONTINUATION_UNEXPECTED 1002');
    assert.equal(
      failure(replay(PARTS, fromClient({ opcode: 1, fin: false, payload: 'x' }, { opcode: 2, payload: 'y' }))),
      'WS_CONTINUATION_EXPECTED 1002',
    );
  });

  it('maxMessageBytes and maxFramesPerMessage are for whole messages; maxStreamedMessageBytes is for these (§10.4)', () => {
    const limits = { maxMessageBytes: 1, maxFramesPerMessage: 1 };
    const ten = fromClient(...fragments(2, new Uint8Array(10), [3, 3, 0]));
    assert.deepEqual(replay({ ...PARTS, ...limits }, ten).at(-1), END);
    assert.deepEqual(replay({ ...PARTS, maxStreamedMessageBytes: 10 }, ten).at(-1), END);
    assert.equal(failure(replay({ ...PARTS, maxStreamedMessageBytes: 9 }, ten)), 'WS_MESSAGE_TOO_BIG 1009');
    // On the announced length, before any of it has come.
    const protocol = new WebSocketProtocol({ ...PARTS, maxStreamedMessageBytes: 1_000 });
    const header = rawFrame({ opcode: 2, key: KEY, announce: 1_001n });
    assert.equal(failure(protocol.receive(header)), 'WS_MESSAGE_TOO_BIG 1009');
    // Compressed, on what comes out.
    const zeros = fromClient({ opcode: 2, rsv: 4, payload: compressed(new Uint8Array(1_001)) });
    const options = { ...PARTS, maxStreamedMessageBytes: 1_000, agreed: DEFLATE };
    assert.equal(failure(replay(options, zeros)), 'WS_MESSAGE_TOO_BIG 1009');
    assert.deepEqual(replay({ ...options, maxStreamedMessageBytes: 1_001 }, zeros).at(-1), END);
  });

  it('behind a close frame, a failure or the end nothing more comes of a message in progress', () => {
    for (const last of [fromClient({ opcode: 8, payload: closePayload(1000) }), fromClient({ opcode: 11 })]) {
      const protocol = new WebSocketProtocol(PARTS);
      const events = protocol.receive(
        concat(fromClient({ opcode: 2, fin: false, payload: 'x' }), last, fromClient({ opcode: 0 })),
      );
      assert.deepEqual(
        events.slice(0, -1).map((each) => each.kind),
        ['begin', 'part'],
      );
    }
    const protocol = new WebSocketProtocol(PARTS);
    protocol.receiveInto(fromClient({ opcode: 2, payload: 'x' }), {
      deliver(incoming) {
        assert.equal(incoming.kind, 'begin');
        protocol.receiveEnd();
      },
    });
    assert.equal(protocol.state, 'ENDED');
  });
});

describe('RFC 7692 §7.2.2: compressed messages received in parts', () => {
  it('vectors of the RFC, whole and fragmented, at every split (§7.2.3)', () => {
    const hello = Buffer.from('f248cdc9c90700', 'hex');
    const options = { ...PARTS, agreed: { deflate: TAKEOVER } };
    const events = replay(
      options,
      fromClient(
        { opcode: 1, rsv: 4, payload: hello },
        { opcode: 1, rsv: 4, fin: false, payload: hello.subarray(0, 3) },
        { opcode: 0, payload: hello.subarray(3) },
        { opcode: 1, rsv: 4, payload: Buffer.from('f200110000', 'hex') }, // §7.2.3.2, from the sliding window
        { opcode: 1, rsv: 4, payload: Buffer.from('f3 48 cd c9 c9 07 00 00'.replaceAll(' ', ''), 'hex') }, // §7.2.3.4, BFINAL
        { opcode: 1, rsv: 4, payload: Buffer.from('00', 'hex') }, // §7.2.3.6
        { opcode: 1, payload: 'plain' },
      ),
    );
    const one = (text: string) => [begin('text'), text, END];
    assert.deepEqual(events, [
      ...one('Hello'),
      ...one('Hello'),
      ...one('Hello'),
      ...one('Hello'),
      begin('text'),
      END,
      ...one('plain'),
    ]);
  });

  it('what is not DEFLATE, and what is not UTF-8 once it is decompressed, fails with 1007', () => {
    const options = { ...PARTS, agreed: DEFLATE };
    const message = (payload: Uint8Array) => fromClient({ opcode: 1, rsv: 4, payload });
    assert.equal(failure(replay(options, message(Buffer.from('ffff', 'hex')))), 'WS_COMPRESSED_DATA 1007');
    assert.equal(failure(replay(options, message(compressed('Hello').subarray(0, 3)))), 'WS_COMPRESSED_DATA 1007');
    assert.equal(failure(replay(options, message(compressed(Buffer.from([0x61, 0xff]))))), 'WS_INVALID_UTF8 1007');
    assert.equal(failure(replay(options, message(compressed(Buffer.from([0x61, 0xe2]))))), 'WS_INVALID_UTF8 1007');
  });

  it('a small window that was agreed does not make the outcome depend on the cuts', () => {
    const settings = { ...TAKEOVER, receiveWindowBits: 8 };
    const block = noise(400);
    const plain = Buffer.concat([block, noise(3_000, 2), block, Buffer.alloc(100_000), block]);
    // A sender that goes beyond the window within one message is not caught when messages are whole, nor is it here.
    const bytes = fromClient(
      { opcode: 2, rsv: 4, payload: compressed(plain) },
      { opcode: 2, rsv: 4, payload: compressed(block, plain.subarray(-256)) },
    );
    const random = new Random(5);
    const expected = [
      begin('binary'),
      plain.toString('hex'),
      END,
      begin('binary'),
      Buffer.from(block).toString('hex'),
      END,
    ];
    for (let i = 0; i < 10; i++) {
      const chunks = i === 0 ? [bytes] : random.cut(bytes);
      assert.deepEqual(joined(run({ ...PARTS, agreed: { deflate: settings } }, chunks).incoming), expected);
    }
  });

  it(`parts joined are the whole: any messages, compressed or not, fragmented and cut at random (${SEED_NOTE})`, () => {
    const random = new Random(41);
    for (let i = 0; i < 400; i++) {
      const agreed = { deflate: random.pick([PLAIN, TAKEOVER]) };
      const frames: RawFrame[] = [];
      let history = new Uint8Array(0);
      for (let n = random.between(1, 4); n > 0; n--) {
        const isText = random.chance(0.5);
        const plain = isText
          ? Buffer.from(random.chance(0.5) ? chat(random.below(3_000), n) : 'é€𝄞'.repeat(random.below(90)))
          : random.bytes(random.below(500));
        const rsv = random.chance(0.6) ? 4 : 0;
        const payload =
          rsv === 0 ? new Uint8Array(plain) : compressed(plain, agreed.deflate.receiveTakeover ? history : undefined);
        if (rsv !== 0) history = concat(history, plain).slice(-32_768);
        const sizes = Array.from({ length: random.between(1, 5) }, () => random.below(1 + payload.length / 2));
        for (const frame of fragments(isText ? 1 : 2, payload, sizes, rsv)) {
          frames.push(frame);
          if (random.chance(0.2)) frames.push({ opcode: 9, payload: 'ping' });
        }
      }
      if (random.chance(0.2)) frames.splice(random.below(frames.length), 1);
      const bytes = fromClient(...frames);
      const whole = run({ role: 'server', agreed }, [bytes]);
      const parts = run({ ...PARTS, agreed }, random.cut(bytes));
      assert.equal(parts.state, whole.state);
      assert.deepEqual(onlyWhole(joined(parts.incoming)), onlyWhole(asWhole(whole.incoming)));
      assert.deepEqual(joined(run({ ...PARTS, agreed }, [bytes]).incoming), joined(parts.incoming));
    }
  });
});

/** Whole messages as `joined` would tell of them. */
function asWhole(incoming: readonly Incoming[]): unknown[] {
  return incoming.flatMap((one) => {
    if (one.kind !== 'text' && one.kind !== 'binary') return joined([one]);
    const data = typeof one.data === 'string' ? one.data : Buffer.from(one.data).toString('hex');
    return [begin(one.kind), ...(data === '' ? [] : [data]), END];
  });
}

/** Without what messages that never ended brought; a control frame within a message is told of before its end, or between its parts. */
function onlyWhole(events: unknown[]): unknown[] {
  const controls = events.filter((each) => typeof each === 'string' && /^(ping|pong) /.test(each));
  const failed = events
    .filter((each) => (each as { kind?: string }).kind === 'failed')
    .map((each) => (each as { code: string }).code);
  const messages: unknown[] = [];
  let current: string | undefined;
  for (const each of events) {
    if ((each as { kind?: string }).kind === 'begin') current = '';
    else if ((each as { kind?: string }).kind === 'end') messages.push(current);
    else if (typeof each === 'string' && !controls.includes(each)) current += each;
  }
  return [messages, controls, failed];
}

describe('RFC 6455 §6.1: messages sent in parts', () => {
  /** The frames that come out, as their first octet and their unmasked payload. */
  function framesOf(bytes: Uint8Array): [first: number, payload: string][] {
    const found: [number, string][] = [];
    for (let at = 0; at < bytes.length; ) {
      let length = bytes[at + 1]! & 0x7f;
      let start = at + 2;
      if (length === 126) {
        length = Buffer.from(bytes).readUInt16BE(start);
        start += 2;
      } else if (length === 127) {
        length = Number(Buffer.from(bytes).readBigUInt64BE(start));
        start += 8;
      }
      found.push([bytes[at]!, Buffer.from(bytes.subarray(start, start + length)).toString('latin1')]);
      at = start + length;
    }
    return found;
  }

  it('each part is a frame: the first has the opcode, the others none, the last FIN and nothing more (§5.4)', () => {
    const protocol = new WebSocketProtocol({ role: 'server' });
    protocol.beginMessage('binary');
    assert.equal(protocol.output.byteLength, 0);
    protocol.sendPart(Buffer.from('ab'));
    protocol.sendPart(new Uint8Array(0));
    protocol.sendPing(Buffer.from('!'));
    protocol.sendPart(Buffer.from('c'));
    protocol.endMessage();
    protocol.beginMessage('text');
    protocol.endMessage();
    assert.deepEqual(framesOf(protocol.takeOutput()), [
      [0x02, 'ab'],
      [0x89, '!'],
      [0x00, 'c'],
      [0x80, ''],
      [0x81, ''],
    ]);
  });

  it('a surrogate pair that two strings share is one character; half a pair alone is U+FFFD', () => {
    const receiver = new WebSocketProtocol({ role: 'server' });
    const sender = new WebSocketProtocol({ role: 'client' });
    const sent = (...parts: (string | Uint8Array)[]): unknown => {
      sender.beginMessage('text');
      for (const part of parts) sender.sendPart(part);
      sender.endMessage();
      const [event] = receiver.receive(sender.takeOutput());
      return event?.kind === 'text' && event.data;
    };
    assert.equal(sent('a\ud834', '\udd1eb'), 'a𝄞b');
    assert.equal(sent('\ud834', '', '\udd1e'), '𝄞');
    assert.equal(sent('a\ud834', 'b'), 'a\ufffdb');
    assert.equal(sent('a\ud834'), 'a\ufffd');
    assert.equal(sent('a\ud834', Buffer.from('é')), 'a\ufffdé');
    assert.equal(
      sent('x'.repeat(1_000), 'é'.repeat(2_000), '€'.repeat(20_000)),
      'x'.repeat(1_000) + 'é'.repeat(2_000) + '€'.repeat(20_000),
    );
  });

  it('between begin and end another message is the caller’s mistake, a control frame and the close are not', () => {
    const protocol = new WebSocketProtocol({ role: 'server' });
    assert.throws(() => protocol.sendPart('x'), /no message in parts has begun/);
    assert.throws(() => protocol.endMessage(), TypeError);
    protocol.beginMessage('binary');
    for (const mistake of [
      () => protocol.sendText('x'),
      () => protocol.sendBinary(new Uint8Array(1)),
      () => protocol.beginMessage('text'),
    ])
      assert.throws(mistake, /endMessage comes before another message \(RFC 6455 §5\.4\)/);
    assert.throws(() => protocol.sendPart('x'), /is a Uint8Array/);
    assert.equal(protocol.output.byteLength, 0);
    protocol.sendPart(Uint8Array.of(1));
    protocol.sendPong();
    protocol.sendClose(1000);
    assert.throws(() => protocol.sendPart(Uint8Array.of(2)), { code: 'WS_NOT_OPEN' });
    assert.throws(() => protocol.endMessage(), { code: 'WS_NOT_OPEN' });
    assert.deepEqual(
      framesOf(protocol.takeOutput()).map(([first]) => first),
      [0x02, 0x8a, 0x88],
    );
  });

  it('compressed: RSV1 on the first frame alone, and the message is one DEFLATE stream without its tail (RFC 7692 §7.2.1, §7.2.3.6)', () => {
    for (const deflate of [PLAIN, TAKEOVER]) {
      const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate });
      let history = new Uint8Array(0);
      for (let n = 0; n < 3; n++) {
        const parts = [chat(300, 1), chat(40_000, 2), noise(20_000, n), chat(300, 1)];
        protocol.beginMessage('binary');
        for (const part of parts) protocol.sendPart(Buffer.from(part as string));
        protocol.endMessage();
        const frames = framesOf(protocol.takeOutput());
        assert.deepEqual(
          frames.map(([first]) => first),
          [0x42, 0x00, 0x00, 0x00, 0x80],
        );
        const payload = Buffer.from(frames.map(([, part]) => part).join(''), 'latin1');
        const plain = decompressed(payload, deflate.sendTakeover ? history : undefined);
        const expected = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
        assert.ok(Buffer.compare(plain, expected) === 0);
        assert.ok(frames[3]![1].length < 200, 'the last part refers to the first, or to the message before');
        history = concat(history, plain).slice(-32_768);
      }
      protocol.beginMessage('text', false);
      protocol.sendPart('plain');
      protocol.endMessage();
      protocol.beginMessage('text', true);
      protocol.endMessage();
      assert.deepEqual(framesOf(protocol.takeOutput()), [
        [0x01, 'plain'],
        [0x80, ''],
        [0x81, ''],
      ]);
    }
  });

  it('parts of one message look no further back than the window that was agreed (RFC 7692 §7.2.1)', () => {
    for (const sendWindowBits of [9, 12]) {
      for (const level of [1, 6]) {
        const deflate = { ...TAKEOVER, sendWindowBits, level };
        const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate });
        const block = chat(200, 7);
        const sent: Buffer[] = [];
        let stream = Buffer.alloc(0);
        for (let n = 0; n < 3; n++) {
          protocol.beginMessage('text');
          for (const part of [block, chat(300, 8), block, chat(5_000, 9), block, chat(40_000, 10), block]) {
            protocol.sendPart(part);
            sent.push(Buffer.from(part));
          }
          protocol.endMessage();
          const payload = framesOf(protocol.takeOutput()).map(([, part]) => Buffer.from(part, 'latin1'));
          stream = Buffer.concat([stream, ...payload, Buffer.from('0000ffff', 'hex')]);
        }
        // A reader with that window and no more reads the three messages as one stream.
        const plain = inflateRawSync(stream, { windowBits: sendWindowBits, finishFlush: constants.Z_SYNC_FLUSH });
        assert.ok(Buffer.compare(plain, Buffer.concat(sent)) === 0, `${sendWindowBits} bits, level ${level}`);
      }
    }
  });

  it(`what is sent in parts arrives whole, and in parts, both ways, with whole messages around it (${SEED_NOTE})`, () => {
    const random = new Random(42);
    for (let i = 0; i < 300; i++) {
      const role = random.pick(['client', 'server'] as const);
      const other = role === 'client' ? 'server' : 'client';
      const agreed = random.chance(0.3) ? {} : { deflate: random.pick([PLAIN, TAKEOVER]) };
      const sender = new WebSocketProtocol({ role }, undefined, agreed);
      const expected: string[] = [];
      for (let n = random.between(1, 5); n > 0; n--) {
        const text = random.chance(0.6) ? chat(random.below(2_000), n) : 'ß€𝄞'.repeat(random.below(200));
        const compress = random.pick([undefined, true, false]);
        if (random.chance(0.4)) {
          sender.sendText(text, compress);
        } else {
          sender.beginMessage('text', compress);
          for (let at = 0; at < text.length; ) {
            const end = at + random.between(1, 1 + text.length);
            sender.sendPart(text.slice(at, end));
            if (random.chance(0.3)) sender.sendPing();
            at = end;
          }
          sender.endMessage();
        }
        expected.push(text);
      }
      const bytes = sender.takeOutput();
      const whole = run({ role: other, agreed }, random.cut(bytes)).incoming.filter((each) => each.kind === 'text');
      assert.deepEqual(
        whole.map((each) => each.data),
        expected,
      );
      const [messages] = onlyWhole(joined(run({ role: other, inParts: true, agreed }, random.cut(bytes)).incoming));
      assert.deepEqual(messages, expected);
    }
  });
});

describe('memory of messages in parts', () => {
  it('64 MiB pass through in parts, plain and compressed, and no more than a few chunks are held', () => {
    for (const deflate of [undefined, TAKEOVER]) {
      const agreed = deflate === undefined ? {} : { deflate: { ...deflate, level: 1 } };
      const sender = new WebSocketProtocol({ role: 'server' }, undefined, agreed);
      const receiver = new WebSocketProtocol({ role: 'client', inParts: true }, undefined, agreed);
      const piece = Buffer.from(chat(1 << 18));
      let octets = 0;
      const ends: string[] = [];
      let most = 0;
      const before = heldArrayBuffers();
      sender.beginMessage('binary');
      for (let n = 0; n < 256; n++) {
        sender.sendPart(piece);
        for (let range = sender.output.take(65_536); range !== undefined; range = sender.output.take(65_536)) {
          receiver.receiveInto(range.bytes.subarray(range.start, range.end), {
            deliver(incoming) {
              if (incoming.kind === 'part') {
                octets += incoming.data.length;
                assert.ok(incoming.data.length <= 98_304 + 258);
              }
            },
          });
        }
        if (n % 16 === 15) most = Math.max(most, heldArrayBuffers() - before);
      }
      sender.endMessage();
      receiver.receiveInto(sender.takeOutput(), { deliver: ({ kind }) => ends.push(kind) });
      assert.equal(octets, 1 << 26);
      assert.deepEqual(ends, ['end']);
      assert.ok(most < 4 << 20, `${most} bytes at most`);
    }
  });

  it('a bomb that is read one part at a time, as a slow reader does with hold and release, is held in no more than its chunk', () => {
    const payload = compressed(new Uint8Array(1 << 26));
    const receiver = new WebSocketProtocol({ role: 'client', inParts: true }, undefined, DEFLATE);
    const got: Incoming[] = [];
    receiver.receiveInto(fromServer({ opcode: 2, rsv: 4, payload }, { opcode: 1, payload: 'next' }), {
      deliver(incoming) {
        got.push(incoming);
        receiver.hold();
      },
    });
    let octets = 0;
    const seen: string[] = [];
    for (let one = got.shift(); one !== undefined; one = got.shift()) {
      assert.equal(got.length, 0, 'one at a time');
      if (one.kind === 'part' && typeof one.data !== 'string') octets += one.data.length;
      else seen.push(one.kind === 'part' ? String(one.data) : one.kind);
      receiver.release();
    }
    assert.equal(octets, 1 << 26);
    assert.deepEqual(seen, ['begin', 'end', 'begin', 'next', 'end']);
  });

  it('a bomb of 64 MiB in one chunk comes out in parts of 96 KiB', () => {
    const payload = compressed(new Uint8Array(1 << 26));
    assert.ok(payload.length < 70_000);
    const receiver = new WebSocketProtocol({ role: 'client', inParts: true }, undefined, DEFLATE);
    let parts = 0;
    receiver.receiveInto(fromServer({ opcode: 2, rsv: 4, payload }), {
      deliver(incoming) {
        if (incoming.kind !== 'part') return;
        parts++;
        assert.ok(incoming.data.length <= 98_304 + 258);
      },
    });
    assert.ok(parts > 600);
  });
});
