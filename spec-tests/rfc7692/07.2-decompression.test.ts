import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { COMPRESSION_DEFAULTS } from '../../lib/limits.ts';
import type { DeflateSettings } from '../../lib/websocket/deflate.ts';
import { type ProtocolOptions, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { chat, compressed, noise, PLAIN, TAKEOVER } from '../support/deflate.ts';
import { bytes, concat, fromClient, type RawFrame } from '../support/frames.ts';
import { replay } from '../support/replay.ts';

const RSV1 = 4;

function server(deflate: DeflateSettings = PLAIN, options: Partial<ProtocolOptions> = {}) {
  return { role: 'server', agreed: { deflate }, ...options } as const;
}

/** The frames of compressed messages, one each. */
function frames(opcode: number, ...payloads: readonly Uint8Array[]): Uint8Array {
  return fromClient(...payloads.map((payload): RawFrame => ({ opcode, rsv: RSV1, payload })));
}

function failure(outcome: { incoming: readonly unknown[] }): unknown {
  const { kind, code, closeCode } = outcome.incoming.at(-1) as Record<string, unknown>;
  return { kind, code, closeCode };
}

/**
 * A payload of one match of length 258, with the farthest distance code (24,577 and 13 extra bits): a fixed block written
 * bit by bit (RFC 1951 §3.2.5, §3.2.6), and the header of the empty stored block whose other octets are left out.
 */
function farthest(): Uint8Array {
  const bits = `010${'11000101'}${'11101'}${'1'.repeat(13)}${'0000000'}000`;
  const out = new Uint8Array(Math.ceil(bits.length / 8));
  for (let i = 0; i < bits.length; i++) if (bits[i] === '1') out[i >> 3]! |= 1 << (i & 7);
  return out;
}

const text = (data: string) => ({ kind: 'text', data }) as const;

describe('RFC 7692 §7.2.3: the examples, byte for byte', () => {
  it('§7.2.3.1: one compressed block', () => {
    assert.deepEqual(replay(server(), frames(1, bytes('f2 48 cd c9 c9 07 00'))).incoming, [text('Hello')]);
  });

  it('§7.2.3.1: one compressed block in two frames', () => {
    const outcome = replay(
      server(),
      fromClient(
        { opcode: 1, rsv: RSV1, fin: false, payload: bytes('f2 48 cd') },
        { opcode: 0, payload: bytes('c9 c9 07 00') },
      ),
    );
    assert.deepEqual(outcome.incoming, [text('Hello')]);
  });

  it('§7.2.3.2: the second message refers to the first, with takeover', () => {
    const outcome = replay(server(TAKEOVER), frames(1, bytes('f2 48 cd c9 c9 07 00'), bytes('f2 00 11 00 00')));
    assert.deepEqual(outcome.incoming, [text('Hello'), text('Hello')]);
  });

  it('§7.2.3.2: which is an error without takeover', () => {
    const outcome = replay(server(), frames(1, bytes('f2 48 cd c9 c9 07 00'), bytes('f2 00 11 00 00')));
    assert.deepEqual(outcome.incoming[0], text('Hello'));
    assert.deepEqual(failure(outcome), { kind: 'failed', code: 'WS_COMPRESSED_DATA', closeCode: 1007 });
    // Our own decoder and zlib, which reads what is longer, both name the likely cause.
    const long = deflateRawSync(noise(3_000), { dictionary: noise(3_000), finishFlush: constants.Z_SYNC_FLUSH });
    for (const failed of [
      outcome,
      replay(server(), frames(1, concat(long, noise(COMPRESSION_DEFAULTS.nativeInflateFromBytes)))),
    ]) {
      const { detail } = failed.incoming.at(-1) as { detail: string };
      assert.match(detail, /refers to an earlier one, which the agreed no_context_takeover forbids$/);
    }
  });

  it('§7.2.3.3: a block without compression', () => {
    assert.deepEqual(replay(server(), frames(1, bytes('00 05 00 fa ff 48 65 6c 6c 6f 00'))).incoming, [text('Hello')]);
  });

  it('§7.2.3.4: a block with BFINAL 1', () => {
    assert.deepEqual(replay(server(), frames(1, bytes('f3 48 cd c9 c9 07 00 00'))).incoming, [text('Hello')]);
  });

  it('§7.2.3.5: two blocks in one message', () => {
    assert.deepEqual(replay(server(), frames(1, bytes('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'))).incoming, [
      text('Hello'),
    ]);
  });

  it('§7.2.3.6: an empty block ends a message, and is an empty message by itself', () => {
    assert.deepEqual(replay(server(), frames(1, bytes('00'))).incoming, [text('')]);
    const outcome = replay(
      server(),
      fromClient(
        { opcode: 1, rsv: RSV1, fin: false, payload: bytes('f2 48 cd c9 c9 07 00 00 00 ff ff') },
        { opcode: 0, payload: bytes('00') },
      ),
    );
    assert.deepEqual(outcome.incoming, [text('Hello')]);
  });
});

describe('RFC 7692 §7.2.2: decompression', () => {
  it('more blocks may follow one with BFINAL 1, and refer to what was before it (§7.2.1)', () => {
    const final = bytes('f3 48 cd c9 c9 07 00');
    assert.deepEqual(replay(server(), frames(1, concat(final, bytes('f2 00 11 00 00')))).incoming, [
      text('HelloHello'),
    ]);
    assert.deepEqual(replay(server(), frames(1, concat(final, final, bytes('00')))).incoming, [text('HelloHello')]);
  });

  it('the same in a long message, at the beginning, in the middle and at the end', () => {
    const final = bytes('f3 48 cd c9 c9 07 00');
    const long = chat(20_000);
    // A flushed stream keeps its 00 00 ff ff where another block follows.
    const flushed = concat(compressed(long), bytes('00 00 ff ff'));
    for (const [title, payload, expected] of [
      ['first', concat(final, flushed, bytes('00')), `Hello${long}`],
      ['middle', concat(flushed, final, flushed, bytes('00')), `${long}Hello${long}`],
      ['last', concat(flushed, final, bytes('00')), `${long}Hello`],
    ] as const) {
      for (const settings of [PLAIN, TAKEOVER]) {
        const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: settings });
        protocol.receive(frames(1, compressed('a past, where there may be one')));
        assert.deepEqual(protocol.receive(frames(1, payload)), [text(expected)], title);
      }
    }
  });

  it('with takeover a message that was not compressed is not in the window', () => {
    const outcome = replay(
      server(TAKEOVER),
      fromClient(
        { opcode: 1, rsv: RSV1, payload: compressed('Hello') },
        { opcode: 1, payload: 'something else entirely' },
        { opcode: 1, rsv: RSV1, payload: bytes('f2 00 11 00 00') },
      ),
    );
    assert.deepEqual(outcome.incoming.at(-1), text('Hello'));
  });

  it('with takeover a message may refer to all of the 32,768 bytes before it', () => {
    const history = noise(40_000);
    const payloads = [history.subarray(0, 100), history.subarray(100)].map((part) => compressed(part));
    const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: TAKEOVER });
    assert.deepEqual(protocol.receive(frames(2, ...payloads, farthest())).at(-1), {
      kind: 'binary',
      data: history.slice(40_000 - 32_768, 40_000 - 32_768 + 258),
    });
  });

  it('messages of every length from 0 to 600 arrive as they were sent, with and without takeover', () => {
    for (const settings of [PLAIN, TAKEOVER]) {
      let history: Uint8Array | undefined = new Uint8Array(0);
      const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: settings });
      for (let length = 0; length <= 600; length++) {
        const plain = chat(length, length);
        const payload = compressed(plain, settings.receiveTakeover ? history : undefined);
        assert.deepEqual(protocol.receive(frames(1, payload)), [text(plain)]);
        history = concat(history, Buffer.from(plain));
      }
    }
  });

  it('textAsBytes: text arrives as bytes', () => {
    assert.deepEqual(replay(server(PLAIN, { textAsBytes: true }), frames(1, compressed('été'))).incoming, [
      { kind: 'text', data: new Uint8Array(Buffer.from('été')) },
    ]);
  });

  it('what comes out as text must be UTF-8 (RFC 6455 §8.1)', () => {
    const broken = frames(1, compressed(bytes('61 c3')));
    const expected = { kind: 'failed', code: 'WS_INVALID_UTF8', closeCode: 1007 };
    assert.deepEqual(failure(replay(server(), broken)), expected);
    assert.deepEqual(failure(replay(server(PLAIN, { textAsBytes: true }), broken)), expected);
    assert.deepEqual(replay(server(), frames(2, compressed(bytes('61 c3')))).incoming, [
      { kind: 'binary', data: bytes('61 c3') },
    ]);
  });

  it('wherever its octets come from: codes, a stored block, or an earlier message (RFC 6455 §8.1)', () => {
    const invalid = { kind: 'failed', code: 'WS_INVALID_UTF8', closeCode: 1007 };
    // RFC 1951 §3.2.4: 5 octets as they are, then the empty block whose other octets are left out.
    const stored = (...octets: number[]) => concat(bytes('00 05 00 fa ff'), Uint8Array.from(octets), bytes('00'));
    for (const textAsBytes of [false, true]) {
      const options = server(TAKEOVER, { textAsBytes });
      const said = (data: string) => ({
        kind: 'text',
        data: textAsBytes ? new Uint8Array(Buffer.from(data)) : data,
      });
      assert.deepEqual(replay(options, frames(1, stored(0x61, 0xc3, 0xa9, 0x62, 0x63))).incoming, [said('aébc')]);
      assert.deepEqual(failure(replay(options, frames(1, stored(0x61, 0xc3, 0x28, 0x62, 0x63)))), invalid);
      for (const [octets, valid] of [
        ['61 c3 a9 62 63 64 65 66', true],
        ['61 c3 28 62 63 64 65 66', false],
      ] as const) {
        // The second message is one match into the first, which was binary.
        const first = bytes(octets);
        const second = compressed(first, first);
        assert.ok(second.length < 8);
        const outcome = replay(options, concat(frames(2, compressed(first)), frames(1, second)));
        if (valid) assert.deepEqual(outcome.incoming.at(-1), said('aébcdef'));
        else assert.deepEqual(failure(outcome), invalid);
      }
    }
  });

  const malformed: readonly [title: string, payload: Uint8Array][] = [
    ['a reserved block type', bytes('06')],
    ['a stored block whose length and complement disagree', bytes('00 05 00 fa fe 48 65 6c 6c 6f 00')],
    ['a distance before the beginning', bytes('f2 00 11 00 00')],
    ['a stream cut off in a block', bytes('f2 48 cd')],
    ['a stored block that announces more than there is', bytes('00 ff ff 00 00 48')],
    ['no octet at all, which leaves a block of the appended octets only in part', bytes('ff')],
  ];
  for (const [title, payload] of malformed) {
    it(`fails with 1007 for ${title}`, () =>
      assert.deepEqual(failure(replay(server(), frames(2, payload))), {
        kind: 'failed',
        code: 'WS_COMPRESSED_DATA',
        closeCode: 1007,
      }));
  }
});

describe('bounds on decompression (RFC 6455 §10.4)', () => {
  const LIMIT = 1_000;
  const limited = (settings = PLAIN) => server(settings, { maxMessageBytes: LIMIT });
  const tooBig = { kind: 'failed', code: 'WS_MESSAGE_TOO_BIG', closeCode: 1009 };

  it('a message may decompress to exactly maxMessageBytes', () => {
    const outcome = replay(limited(), frames(2, compressed(new Uint8Array(LIMIT))));
    assert.deepEqual(outcome.incoming, [{ kind: 'binary', data: new Uint8Array(LIMIT) }]);
  });

  it('one byte more fails with 1009', () => {
    assert.deepEqual(failure(replay(limited(), frames(2, compressed(new Uint8Array(LIMIT + 1))))), tooBig);
  });

  it('a message of maxMessageBytes that cannot be compressed is let through, block headers and all', () => {
    for (const limit of [1, 100, 1_000, 100_000, 1_048_576]) {
      const plain = noise(limit);
      const protocol = new WebSocketProtocol({ role: 'server', maxMessageBytes: limit }, undefined, { deflate: PLAIN });
      assert.deepEqual(protocol.receive(frames(2, compressed(plain))), [{ kind: 'binary', data: plain }], `${limit}`);
    }
  });

  it('a compressed payload that alone exceeds the bound fails with 1009 at its header', () => {
    const frame = fromClient({ opcode: 2, rsv: RSV1, announce: 2_000n });
    assert.deepEqual(failure(replay(limited(), frame)), tooBig);
  });

  it('and so does one whose fragments add up to it, before the last one', () => {
    const part: RawFrame = { opcode: 0, fin: false, payload: noise(600) };
    assert.deepEqual(failure(replay(limited(), fromClient({ ...part, opcode: 2, rsv: RSV1 }, part))), tooBig);
  });

  it('with takeover, and over fragments, the bound is the same', () => {
    const first = new Uint8Array(LIMIT);
    const second = compressed(new Uint8Array(LIMIT + 1), first);
    const outcome = replay(
      limited(TAKEOVER),
      concat(
        frames(2, compressed(first)),
        fromClient(
          { opcode: 2, rsv: RSV1, fin: false, payload: second.subarray(0, 2) },
          { opcode: 0, payload: second.subarray(2) },
        ),
      ),
    );
    assert.equal(outcome.incoming.length, 2);
    assert.deepEqual(failure(outcome), tooBig);
  });

  it('a message of many final blocks ends in an answer or in 1007, not in hours', () => {
    const many = new Uint8Array(200_000);
    for (let i = 0; i < many.length; i += 2) many[i] = 0x03; // empty blocks with BFINAL 1
    const [event] = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: PLAIN }).receive(
      frames(2, concat(many, bytes('00'))),
    );
    assert.ok(event?.kind === 'binary' || (event?.kind === 'failed' && event.closeCode === 1007));
  });

  it('a bomb of 1:1000 takes no more memory than the bound', () => {
    const bomb = frames(2, compressed(new Uint8Array(256 * 1_048_576)));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20; i++) {
      const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: PLAIN });
      assert.deepEqual(failure({ incoming: protocol.receive(bomb) }), tooBig);
    }
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 64 * 1_048_576, `grew by ${grown} bytes while refusing 20 bombs of 256 MiB`);
  });
});

describe('§7.2.2: where a payload is decompressed', () => {
  /** One empty final block, at which zlib would stop, then stored blocks: `length` octets in all (RFC 1951 §3.2.4). */
  function stored(length: number): { readonly payload: Uint8Array; readonly data: Uint8Array } {
    const blocks = Math.ceil((length - 6) / 65_540);
    const data = noise(length - 6 - 5 * blocks, length);
    const parts = [bytes('01 0000 ffff')];
    for (let at = 0; at < data.length; at += 65_535) {
      const block = data.subarray(at, at + 65_535);
      const [low, high] = [block.length & 0xff, block.length >> 8];
      parts.push(Uint8Array.of(0, low, high, ~low, ~high), block);
    }
    const payload = concat(...parts, bytes('00'));
    assert.equal(payload.length, length);
    return { payload, data };
  }

  it('makes no difference, at every length around a change of the memory or of the codec', () => {
    for (const around of [64, 1_024, 16_384, 32_768, 65_400, COMPRESSION_DEFAULTS.nativeInflateFromBytes]) {
      for (let length = around - 8; length <= around + 8; length++) {
        const { payload, data } = stored(length);
        const whole = frames(2, payload, payload);
        for (const chunks of [[whole], [whole.subarray(0, 40), whole.subarray(40)]]) {
          const protocol = new WebSocketProtocol({ role: 'server' }, undefined, { deflate: PLAIN });
          const incoming = chunks.flatMap((chunk) => protocol.receive(chunk));
          assert.deepEqual(incoming, [
            { kind: 'binary', data },
            { kind: 'binary', data },
          ]);
        }
      }
    }
  });
});
