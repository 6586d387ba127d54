import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  emptyHeader,
  frameHeaderSize,
  MAX_HEADER_BYTES,
  readFrameHeader,
  writeFrameHeader,
} from '../../lib/websocket/frame.ts';
import { FrameParser } from '../../lib/websocket/frame-parser.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { bytes, concat, fromClient, fromServer, KEY, rawFrame } from '../support/frames.ts';
import { replay } from '../support/replay.ts';

const SERVER = { role: 'server' } as const;
const CLIENT = { role: 'client' } as const;

/** What a close frame of ours begins with: its code, as hex. */
function closeCodeOf(output: string): number {
  assert.equal(output.slice(0, 2), '88', 'a close frame');
  return Number.parseInt(output.slice(4, 8), 16);
}

describe('RFC 6455 §5.7: the examples', () => {
  const examples: readonly [title: string, role: 'client' | 'server', hex: string, expected: unknown][] = [
    ['a single-frame unmasked text message', 'client', '81 05 48 65 6c 6c 6f', [{ kind: 'text', data: 'Hello' }]],
    [
      'a single-frame masked text message',
      'server',
      '81 85 37 fa 21 3d 7f 9f 4d 51 58',
      [{ kind: 'text', data: 'Hello' }],
    ],
    ['a fragmented unmasked text message', 'client', '01 03 48 65 6c 80 02 6c 6f', [{ kind: 'text', data: 'Hello' }]],
    ['an unmasked ping', 'client', '89 05 48 65 6c 6c 6f', [{ kind: 'ping', data: bytes('48656c6c6f') }]],
    ['a masked pong', 'server', '8a 85 37 fa 21 3d 7f 9f 4d 51 58', [{ kind: 'pong', data: bytes('48656c6c6f') }]],
  ];
  for (const [title, role, hex, expected] of examples) {
    it(title, () => assert.deepEqual(replay({ role }, bytes(hex)).incoming, expected));
  }

  it('256 and 65,536 bytes of binary data', () => {
    for (const [hex, length] of [
      ['82 7e 01 00', 256],
      ['82 7f 00 00 00 00 00 01 00 00', 65_536],
    ] as const) {
      const payload = new Uint8Array(length).map((_, i) => i * 7);
      assert.deepEqual(replay({ role: 'client' }, concat(bytes(hex), payload)).incoming, [
        { kind: 'binary', data: payload },
      ]);
    }
  });
});

describe('RFC 6455 §5.2: the header as a value', () => {
  const lengths = [
    0,
    1,
    124,
    125,
    126,
    127,
    128,
    65_534,
    65_535,
    65_536,
    65_537,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 1,
    Number.MAX_SAFE_INTEGER,
  ];
  it('reads what it writes, at every boundary length, opcode, FIN, RSV and mask', () => {
    const target = new Uint8Array(MAX_HEADER_BYTES + 3);
    const header = emptyHeader();
    for (const length of lengths) {
      for (const key of [undefined, 0, 0x3d21fa37, -1, -0x80000000]) {
        for (let first = 0; first < 256; first++) {
          const size = writeFrameHeader(target, 3, first, length, key);
          assert.equal(size, frameHeaderSize(length, key !== undefined));
          assert.equal(readFrameHeader(target, 3, 3 + size, header), size);
          assert.deepEqual(header, {
            fin: first >= 128,
            rsv: (first >> 4) & 7,
            opcode: first & 15,
            masked: key !== undefined,
            maskingKey: key ?? 0,
            payloadLength: length,
            minimal: true,
            lengthHighBit: false,
          });
          for (let short = 0; short < size; short++) assert.equal(readFrameHeader(target, 3, 3 + short, header), 0);
        }
        if (key === -1) continue;
      }
    }
  });

  it('writes octets as the figure shows them, so that the two mirror functions cannot be wrong together', () => {
    const target = new Uint8Array(MAX_HEADER_BYTES);
    const cases: readonly [first: number, length: number, key: number | undefined, hex: string][] = [
      [0x81, 5, undefined, '8105'],
      [0x81, 5, 0x3d21fa37, '818537fa213d'],
      [0x02, 125, undefined, '027d'],
      [0x82, 126, undefined, '827e007e'],
      [0x82, 65_535, undefined, '827effff'],
      [0x82, 65_536, undefined, '827f0000000000010000'],
      [0xc2, 2 ** 40 + 3, 0x04030201, 'c2ff000001000000000301020304'],
    ];
    for (const [first, length, key, hex] of cases) {
      const size = writeFrameHeader(target, 0, first, length, key);
      assert.equal(Buffer.from(target.subarray(0, size)).toString('hex'), hex);
    }
  });
});

describe('RFC 6455 §5.2: lengths that a double cannot count', () => {
  it('are Infinity from 2^53 on, exact below', () => {
    const header = emptyHeader();
    for (const [announce, length] of [
      [(1n << 53n) - 1n, Number.MAX_SAFE_INTEGER],
      [1n << 53n, Number.POSITIVE_INFINITY],
      [(1n << 53n) + 1n, Number.POSITIVE_INFINITY],
      [(1n << 63n) - 1n, Number.POSITIVE_INFINITY],
      [(1n << 64n) - 1n, Number.POSITIVE_INFINITY],
    ] as const) {
      assert.equal(readFrameHeader(rawFrame({ opcode: 2, announce }), 0, 10, header), 10);
      assert.equal(header.payloadLength, length);
      assert.equal(header.lengthHighBit, announce >= 1n << 63n);
    }
  });
});

describe('RFC 6455 §5.2: what a header may not say', () => {
  const violations: readonly (readonly [title: string, frame: Parameters<typeof rawFrame>[0], code: string])[] = [
    ...[1, 2, 3, 4, 5, 6, 7].map(
      (rsv) => [`RSV ${rsv} without an extension`, { opcode: 1, rsv, payload: 'x' }, 'WS_RESERVED_BIT'] as const,
    ),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
      (opcode) => [`reserved opcode ${opcode}`, { opcode }, 'WS_RESERVED_OPCODE'] as const,
    ),
    [
      'a 16-bit length for 125 octets',
      { opcode: 2, payload: new Uint8Array(125), lengthBits: 16 },
      'WS_LENGTH_NOT_MINIMAL',
    ],
    ['a 16-bit length for 0 octets', { opcode: 1, lengthBits: 16 }, 'WS_LENGTH_NOT_MINIMAL'],
    [
      'a 64-bit length for 65,535 octets',
      { opcode: 2, payload: new Uint8Array(65_535), lengthBits: 64 },
      'WS_LENGTH_NOT_MINIMAL',
    ],
    [
      'a 64-bit length for 5 octets',
      { opcode: 2, payload: new Uint8Array(5), lengthBits: 64 },
      'WS_LENGTH_NOT_MINIMAL',
    ],
    ['a 64-bit length of 2^63', { opcode: 2, announce: 1n << 63n }, 'WS_LENGTH_HIGH_BIT'],
    ['a 64-bit length of 2^64 - 1', { opcode: 2, announce: (1n << 64n) - 1n }, 'WS_LENGTH_HIGH_BIT'],
  ];
  for (const [title, frame, code] of violations) {
    it(`${title} fails the connection with 1002, and nothing after it is looked at`, () => {
      const after = { opcode: 1, payload: 'never seen' };
      const header = rawFrame({ key: KEY, ...frame });
      const outcome = header.length > 300 ? replay(SERVER, header) : replay(SERVER, concat(header, fromClient(after)));
      assert.equal(outcome.incoming.length, 1);
      assert.equal(outcome.incoming[0]?.kind, 'failed');
      assert.equal((outcome.incoming[0] as { code: string }).code, code);
      assert.equal(closeCodeOf(outcome.output), 1002);
      assert.equal(outcome.state, 'FAILED');
    });
  }

  it('after a violation the first stage gives nothing more, whatever it is fed', () => {
    const parser = new FrameParser(true, false);
    parser.begin(concat(fromClient({ opcode: 3 }), fromClient({ opcode: 1, payload: 'x' })));
    assert.equal(parser.next(), false);
    assert.equal(parser.violation?.code, 'WS_RESERVED_OPCODE');
    assert.equal(parser.next(), false);
    for (let i = 0; i < 20; i++) {
      parser.begin(fromClient({ opcode: 1, payload: 'x' }));
      assert.equal(parser.next(), false);
      assert.equal(parser.violation?.code, 'WS_RESERVED_OPCODE');
    }
  });

  it('lengths beyond 2^53 are too big (1009) before anything is allocated', () => {
    for (const announce of [1n << 40n, 1n << 53n, (1n << 53n) + 1n, (1n << 63n) - 1n]) {
      const outcome = replay(SERVER, rawFrame({ opcode: 2, key: KEY, announce }));
      assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_MESSAGE_TOO_BIG');
      assert.equal(closeCodeOf(outcome.output), 1009);
    }
  });
});

describe('RFC 6455 §5.1, §5.3: masking', () => {
  it('a server fails an unmasked frame, a client a masked one (§5.1)', () => {
    const toServer = replay(SERVER, fromServer({ opcode: 1, payload: 'x' }));
    assert.equal((toServer.incoming[0] as { code: string }).code, 'WS_MASK_MISSING');
    assert.equal(closeCodeOf(toServer.output), 1002);
    const toClient = replay(CLIENT, fromClient({ opcode: 1, payload: 'x' }));
    assert.equal((toClient.incoming[0] as { code: string }).code, 'WS_MASK_FORBIDDEN');
  });

  it('every payload length around the word loop is unmasked right, wherever it lies in the chunk (§5.3)', () => {
    for (const length of [
      0, 1, 2, 3, 4, 5, 31, 47, 48, 49, 50, 51, 52, 63, 64, 65, 100, 255, 4_095, 4_096, 4_097, 66_000,
    ]) {
      for (const lead of [0, 1, 2, 3]) {
        const payload = new Uint8Array(length).map((_, i) => i * 31 + 5);
        const chunk = concat(
          fromClient({ opcode: 9, payload: 'abc'.slice(0, lead) }),
          fromClient({ opcode: 2, payload }),
        );
        const protocol = new WebSocketProtocol(SERVER);
        const [, message] = protocol.receive(chunk);
        assert.deepEqual(message, { kind: 'binary', data: payload });
      }
    }
  });

  it('a client masks every frame with a key that is never the last one, and leaves the caller’s bytes alone', () => {
    const protocol = new WebSocketProtocol(CLIENT);
    const payload = new Uint8Array(200).fill(7);
    const keys = new Set<string>();
    for (let i = 0; i < 500; i++) {
      protocol.sendBinary(payload);
      const frame = protocol.takeOutput();
      assert.equal(frame[1]! & 0x80, 0x80);
      keys.add(Buffer.from(frame.subarray(4, 8)).toString('hex'));
    }
    assert.ok(keys.size >= 499, `${keys.size} different keys in 500 frames`);
    assert.ok(payload.every((byte) => byte === 7));
  });

  it('up to 16 KiB the payload is copied when it is sent, above that a server sends the caller’s memory and a client never', () => {
    for (const [role, length, copied] of [
      ['server', 16_384, true],
      ['server', 16_385, false],
      ['client', 16_384, true],
      ['client', 16_385, true],
    ] as const) {
      const protocol = new WebSocketProtocol({ role });
      const payload = new Uint8Array(length).fill(1);
      protocol.sendBinary(payload);
      payload.fill(2);
      const [message] = new WebSocketProtocol({ role: role === 'client' ? 'server' : 'client' }).receive(
        protocol.takeOutput(),
      );
      assert.ok(
        (message as { data: Uint8Array }).data.every((octet) => octet === (copied ? 1 : 2)),
        `${role} ${length}`,
      );
    }
  });

  it('a server masks nothing (§5.1)', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.sendText('Hello');
    assert.deepEqual(protocol.takeOutput(), bytes('81 05 48 65 6c 6c 6f'));
  });

  it('what a client encodes a server reads, for text, binary and control frames of boundary lengths', () => {
    for (const length of [0, 1, 20, 47, 48, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 200_000]) {
      const payload = new Uint8Array(length).map((_, i) => i * 3);
      const text = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
      for (const [from, to] of [
        [CLIENT, SERVER],
        [SERVER, CLIENT],
      ] as const) {
        const sender = new WebSocketProtocol(from);
        sender.sendBinary(payload);
        sender.sendText(text);
        if (length <= 125) sender.sendPing(payload);
        const expected = [
          { kind: 'binary', data: payload },
          { kind: 'text', data: text },
          ...(length <= 125 ? [{ kind: 'ping', data: payload }] : []),
        ];
        assert.deepEqual(new WebSocketProtocol(to).receive(sender.takeOutput()), expected);
      }
    }
  });
});
