import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inflate } from '../../lib/deflate/index.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { compressed, decompressed, noise, PLAIN } from '../support/deflate.ts';
import { bytes, fromClient } from '../support/frames.ts';
import { replay } from '../support/replay.ts';

const SERVER = { role: 'server' } as const;

const INVALID: readonly [title: string, hex: string][] = [
  ['a continuation octet alone', '80'],
  ['an overlong NUL', 'c080'],
  ['an overlong slash in two, three and four octets', 'c0af'],
  ['overlong in three', 'e080af'],
  ['overlong in four', 'f08080af'],
  ['the largest overlong', 'c1bf'],
  ['a lone high surrogate', 'eda080'],
  ['a surrogate pair', 'edadbfedbfbf'],
  ['beyond U+10FFFF', 'f4908080'],
  ['five octets', 'f888808080'],
  ['FE and FF', 'feff'],
  ['a character cut short by ASCII', 'e282 41'],
  ['a character cut short by the end', 'ceba e1bd'],
];

const VALID: readonly [title: string, text: string][] = [
  ['ASCII', 'Hello, world'],
  ['two, three and four octets', 'κόσμε € 𝄞 \u{10FFFF}'],
  ['the lowest of each length', '\u0000\u0080\u0800\u{10000}'],
  ['noncharacters', '\uFFFE\uFFFF\uFDD0'],
  ['the borders of the surrogates', '\uD7FF\uE000'],
];

describe('RFC 6455 §8.1: text is UTF-8', () => {
  for (const [title, hex] of INVALID) {
    it(`${title} fails with 1007, alone, behind ASCII, and across fragments`, () => {
      const invalid = bytes(hex);
      const frames = [
        [{ opcode: 1, payload: invalid }],
        [{ opcode: 1, payload: new Uint8Array([...new Uint8Array(80).fill(65), ...invalid]) }],
        [...invalid].map((byte, i) => ({
          opcode: i === 0 ? 1 : 0,
          fin: i === invalid.length - 1,
          payload: Uint8Array.of(byte),
        })),
      ];
      for (const each of frames) {
        const outcome = replay(SERVER, fromClient(...each));
        assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_INVALID_UTF8');
        assert.equal(outcome.output.slice(4, 8), '03ef');
      }
    });
  }

  for (const [title, text] of VALID) {
    it(`${title} arrives as it was sent, cut into fragments of every size`, () => {
      const payload = new TextEncoder().encode(text);
      for (let size = 1; size <= payload.length; size++) {
        const count = Math.ceil(payload.length / size);
        const frames = Array.from({ length: count }, (_, i) => ({
          opcode: i === 0 ? 1 : 0,
          fin: i === count - 1,
          payload: payload.subarray(i * size, (i + 1) * size),
        }));
        assert.deepEqual(replay(SERVER, fromClient(...frames)).incoming, [{ kind: 'text', data: text }]);
      }
    });
  }

  it('fails at the first octet that cannot be mended, before the message or even its character is whole', () => {
    const protocol = new WebSocketProtocol(SERVER);
    assert.deepEqual(
      protocol.receive(fromClient({ opcode: 1, fin: false, payload: bytes('cebae1bdb9cf83cebcceb5') })),
      [],
    );
    const events = protocol.receive(fromClient({ opcode: 0, fin: false, payload: bytes('f490') }));
    assert.equal((events[0] as { code: string }).code, 'WS_INVALID_UTF8');
  });

  it('fails inside a frame whose end has not arrived', () => {
    const protocol = new WebSocketProtocol(SERVER);
    const frame = fromClient({ opcode: 1, payload: bytes(`${'41'.repeat(30)}ff${'41'.repeat(30)}`) });
    assert.deepEqual(protocol.receive(frame.subarray(0, 36)), []);
    assert.equal((protocol.receive(frame.subarray(36, 37))[0] as { code: string }).code, 'WS_INVALID_UTF8');
  });

  it('binary messages may hold anything', () => {
    for (const [, hex] of INVALID)
      assert.deepEqual(replay(SERVER, fromClient({ opcode: 2, payload: bytes(hex) })).incoming, [
        { kind: 'binary', data: bytes(hex) },
      ]);
  });

  it('textAsBytes delivers validated bytes', () => {
    const options = { ...SERVER, textAsBytes: true };
    assert.deepEqual(replay(options, fromClient({ opcode: 1, payload: 'é' })).incoming, [
      { kind: 'text', data: bytes('c3a9') },
    ]);
    assert.equal(
      (replay(options, fromClient({ opcode: 1, payload: bytes('ff') })).incoming[0] as { code: string }).code,
      'WS_INVALID_UTF8',
    );
  });

  it('what we send is UTF-8 even of strings that are not well formed: a lone surrogate becomes U+FFFD', () => {
    for (const [text, hex] of [
      ['\uD800', 'efbfbd'],
      ['a\uDC00b', '61efbfbd62'],
      ['\uD83D\uDE00', 'f09f9880'],
    ] as const) {
      const protocol = new WebSocketProtocol(SERVER);
      protocol.sendText(text);
      assert.equal(Buffer.from(protocol.takeOutput().subarray(2)).toString('hex'), hex);
    }
  });
});

describe('a text that is sent on as it came', () => {
  const LENGTHS = [0, 1, 5, 31, 125, 126, 447, 448, 1_100, 5_000, 16_384, 16_385, 21_000, 65_536, 65_537];
  const text = (length: number, letter: string) => 'é'.repeat(length >> 2) + letter.repeat(length - (length >> 2) * 2);
  const received = (protocol: WebSocketProtocol, payload: Uint8Array | string, rsv = 0, opcode = 1): unknown => {
    const [one] = protocol.receive(fromClient({ opcode, payload, rsv }));
    return (one as { data?: unknown }).data;
  };
  const payloadOf = (frame: Uint8Array) => Buffer.from(frame.subarray(frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10));

  it('goes out with the octets it had, at any length', () => {
    for (const length of LENGTHS) {
      const protocol = new WebSocketProtocol(SERVER);
      const came = received(protocol, text(length, 'a')) as string;
      protocol.sendText(came);
      protocol.sendText(came);
      // The same characters in another string.
      protocol.sendText(text(length, 'a'));
      const out = protocol.takeOutput();
      const one = new WebSocketProtocol(SERVER);
      one.sendBinary(new TextEncoder().encode(text(length, 'a')));
      const expected = Buffer.from(one.takeOutput());
      expected[0] = 0x81;
      assert.ok(Buffer.concat([expected, expected, expected]).equals(out), `${length} octets`);
    }
  });

  it('and masked, from a client', () => {
    for (const length of LENGTHS) {
      const relay = new WebSocketProtocol({ role: 'client' });
      const server = new WebSocketProtocol(SERVER);
      const came = received(new WebSocketProtocol(SERVER), text(length, 'a')) as string;
      relay.sendText(came);
      assert.deepEqual(server.receive(relay.takeOutput()), [{ kind: 'text', data: text(length, 'a') }]);
    }
  });

  it('also where zlib decompressed it, in memory of its own', () => {
    for (const size of [3_000, 30_000, 60_000]) {
      const hard = Buffer.from(noise(size)).toString('base64');
      const relay = new WebSocketProtocol(SERVER, undefined, { deflate: PLAIN });
      const plain = new WebSocketProtocol(SERVER);
      const came = received(relay, compressed(hard), 4) as string;
      relay.sendText(came);
      plain.sendText(came);
      assert.equal(Buffer.from(decompressed(payloadOf(relay.takeOutput()))).toString(), hard);
      assert.equal(payloadOf(plain.takeOutput()).toString(), hard);
    }
  });

  const OVERWRITES: readonly [string, (other: WebSocketProtocol, length: number) => unknown][] = [
    ['another text', (other, length) => received(other, text(length, 'b'))],
    ['a text that is not UTF-8', (other, length) => received(other, new Uint8Array(length).fill(0xff))],
    ['binary data', (other, length) => received(other, new Uint8Array(length).fill(0x62), 0, 2)],
    ['a compressed text', (other, length) => received(other, compressed(text(length, 'b')), 4)],
    ['compressed binary data', (other, length) => received(other, compressed(noise(length)), 4, 2)],
    ['what DEFLATE does not allow', (other) => received(other, bytes('f2480506'), 4, 2)],
    [
      'a call of inflate',
      (_, length) => inflate(compressed(text(length, 'b')), { maxOutputBytes: 1e6, tailRemoved: true }),
    ],
  ];
  for (const [how, rsv] of [
    ['plain', 0],
    ['compressed', 4],
  ] as const) {
    for (const [title, overwrite] of OVERWRITES) {
      it(`that came ${how} is not mistaken once ${title} has come`, () => {
        for (const length of LENGTHS.slice(1)) {
          const relay = new WebSocketProtocol(SERVER, undefined, { deflate: PLAIN });
          const plain = new WebSocketProtocol(SERVER);
          const came = received(relay, rsv === 0 ? text(length, 'a') : compressed(text(length, 'a')), rsv) as string;
          relay.sendText(came);
          plain.sendText(came);
          overwrite(new WebSocketProtocol(SERVER, undefined, { deflate: PLAIN }), length);
          relay.sendText(came);
          plain.sendText(came);
          for (const protocol of [relay, plain]) {
            const out = protocol.takeOutput();
            const half = out.length / 2;
            for (const frame of [out.subarray(0, half), out.subarray(half)]) {
              const payload = payloadOf(frame);
              const octets = (frame[0]! & 0x40) === 0 ? payload : decompressed(payload);
              assert.ok(Buffer.from(text(length, 'a')).equals(octets), `${length} octets`);
            }
          }
        }
      });
    }
  }
});
