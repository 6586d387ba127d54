import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { fromClient, KEY, type RawFrame, rawFrame } from '../support/frames.ts';
import { replay, run } from '../support/replay.ts';

const SERVER = { role: 'server' } as const;

function failure(outcome: { incoming: readonly unknown[] }): { code: string; closeCode: number } {
  return outcome.incoming.at(-1) as { code: string; closeCode: number };
}

describe('RFC 6455 §5.4: fragmentation', () => {
  it('fragments of one message are put together, empty ones included', () => {
    const outcome = replay(
      SERVER,
      fromClient(
        { opcode: 2, fin: false },
        { opcode: 0, fin: false, payload: 'ab' },
        { opcode: 0, fin: false },
        { opcode: 0, fin: true, payload: 'c' },
        { opcode: 1, fin: false, payload: 'next' },
        { opcode: 0 },
      ),
    );
    assert.deepEqual(outcome.incoming, [
      { kind: 'binary', data: Uint8Array.of(97, 98, 99) },
      { kind: 'text', data: 'next' },
    ]);
  });

  it('control frames in the middle of a fragmented message are handled where they stand', () => {
    const outcome = replay(
      SERVER,
      fromClient(
        { opcode: 1, fin: false, payload: 'one ' },
        { opcode: 9, payload: 'p' },
        { opcode: 0, fin: false, payload: 'two ' },
        { opcode: 10, payload: 'q' },
        { opcode: 0, payload: 'three' },
      ),
    );
    assert.deepEqual(outcome.incoming, [
      { kind: 'ping', data: Uint8Array.of(112) },
      { kind: 'pong', data: Uint8Array.of(113) },
      { kind: 'text', data: 'one two three' },
    ]);
    assert.equal(outcome.output, '8a0170');
  });

  it('a close in the middle of a fragmented message ends it without delivering it', () => {
    const outcome = replay(
      SERVER,
      fromClient({ opcode: 1, fin: false, payload: 'never' }, { opcode: 8 }, { opcode: 0, payload: 'seen' }),
    );
    assert.deepEqual(outcome.incoming, [{ kind: 'close', code: 1005, reason: '' }]);
  });

  const violations: readonly [title: string, frames: readonly RawFrame[], code: string][] = [
    ['a continuation with nothing to continue', [{ opcode: 0, payload: 'x' }], 'WS_CONTINUATION_UNEXPECTED'],
    [
      'a continuation after a whole message',
      [
        { opcode: 1, payload: 'a' },
        { opcode: 0, fin: false, payload: 'x' },
      ],
      'WS_CONTINUATION_UNEXPECTED',
    ],
    [
      'a text frame inside a message',
      [
        { opcode: 1, fin: false, payload: 'a' },
        { opcode: 1, payload: 'x' },
      ],
      'WS_CONTINUATION_EXPECTED',
    ],
    [
      'a binary frame inside a text message',
      [
        { opcode: 1, fin: false },
        { opcode: 2, fin: false, payload: 'x' },
      ],
      'WS_CONTINUATION_EXPECTED',
    ],
  ];
  for (const [title, frames, code] of violations) {
    it(`${title} fails the connection with 1002`, () => {
      const outcome = replay(SERVER, fromClient(...frames));
      assert.equal(failure(outcome).code, code);
      assert.equal(failure(outcome).closeCode, 1002);
      assert.equal(outcome.state, 'FAILED');
    });
  }
});

describe('RFC 6455 §10.4: limits', () => {
  it('a message of exactly maxMessageBytes passes; one octet more fails with 1009, in one frame or in fragments', () => {
    const limits = { ...SERVER, maxMessageBytes: 200 };
    const full = new Uint8Array(200).fill(1);
    assert.deepEqual(replay(limits, fromClient({ opcode: 2, payload: full })).incoming, [
      { kind: 'binary', data: full },
    ]);
    const fragments = [
      { opcode: 2, fin: false, payload: full.subarray(0, 100) },
      { opcode: 0, payload: full.subarray(100) },
    ];
    assert.deepEqual(replay(limits, fromClient(...fragments)).incoming, [{ kind: 'binary', data: full }]);

    const tooBig: readonly (readonly RawFrame[])[] = [
      [{ opcode: 2, payload: new Uint8Array(201) }],
      [
        { opcode: 2, fin: false, payload: full },
        { opcode: 0, fin: false, payload: 'x' },
      ],
      [
        { opcode: 1, fin: false, payload: 'x' },
        { opcode: 0, announce: 1n << 32n },
      ],
    ];
    for (const frames of tooBig) {
      const outcome = replay(limits, fromClient(...frames));
      assert.equal(failure(outcome).code, 'WS_MESSAGE_TOO_BIG');
      assert.equal(failure(outcome).closeCode, 1009);
    }
  });

  it('an announced length fails before its payload arrives, and costs no memory', () => {
    const protocol = new WebSocketProtocol(SERVER);
    const before = process.memoryUsage().arrayBuffers;
    const events = protocol.receive(rawFrame({ opcode: 2, key: KEY, announce: 1n << 40n }));
    assert.equal((events[0] as { code: string }).code, 'WS_MESSAGE_TOO_BIG');
    const waiting = Array.from({ length: 100 }, () => {
      const each = new WebSocketProtocol(SERVER);
      each.receive(rawFrame({ opcode: 2, key: KEY, announce: 1_000_000n, payload: 'x' }));
      return each;
    });
    // 100 announcements of 1 MB with one octet each: 64 KiB each at the most.
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 70_000);
    assert.equal(waiting.length, 100);
  });

  it('memory for an announced length is at most sixteen times what has come', () => {
    const announced = rawFrame({ opcode: 2, key: KEY, announce: 1_000_000n, payload: 'x'.repeat(100_000) });
    for (const sent of [5_000, 10_000, 60_000, 100_000]) {
      const before = process.memoryUsage().arrayBuffers;
      const waiting = Array.from({ length: 20 }, () => {
        const each = new WebSocketProtocol(SERVER);
        each.receive(announced.subarray(0, sent));
        return each;
      });
      const each = (process.memoryUsage().arrayBuffers - before) / waiting.length;
      assert.ok(each <= Math.min(1_000_000, Math.max(65_536, 16 * sent)) + 5_000, `${each} bytes for ${sent}`);
    }
  });

  it('more than maxFramesPerMessage frames fail with 1008; empty ones count', () => {
    const limits = { ...SERVER, maxFramesPerMessage: 5 };
    const fragment = { opcode: 0, fin: false };
    const five = [{ opcode: 2, fin: false }, fragment, fragment, fragment, { opcode: 0 }];
    assert.equal(replay(limits, fromClient(...five)).incoming[0]?.kind, 'binary');
    const six = [{ opcode: 2, fin: false }, fragment, fragment, fragment, fragment, fragment];
    const outcome = replay(limits, fromClient(...six));
    assert.equal(failure(outcome).code, 'WS_TOO_MANY_FRAMES');
    assert.equal(failure(outcome).closeCode, 1008);
  });

  it('a million one-octet fragments take time in proportion and memory in proportion to what was sent', () => {
    const options = { ...SERVER, maxMessageBytes: 2_000_000, maxFramesPerMessage: 2_000_000 };
    const fragment = fromClient({ opcode: 0, fin: false, payload: 'y' });
    const chunk = new Uint8Array(fragment.length * 10_000);
    for (let at = 0; at < chunk.length; at += fragment.length) chunk.set(fragment, at);
    const protocol = new WebSocketProtocol(options);
    protocol.receive(fromClient({ opcode: 2, fin: false }));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100; i++) assert.deepEqual(protocol.receive(chunk), []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 12_000_000);
    const [message] = protocol.receive(fromClient({ opcode: 0 }));
    assert.equal((message as { data: Uint8Array }).data.length, 1_000_000);
  });

  it('what is handed out pins no memory beyond itself, however its message was put together', () => {
    for (const [first, last] of [
      [5_000, 1],
      [9_999, 5_000],
      [1, 70_000],
    ] as const) {
      const protocol = new WebSocketProtocol(SERVER);
      protocol.receive(fromClient({ opcode: 2, fin: false, payload: new Uint8Array(first) }));
      const [message] = protocol.receive(fromClient({ opcode: 0, payload: new Uint8Array(last) }));
      const { data } = message as { data: Uint8Array };
      assert.deepEqual([data.length, data.buffer.byteLength], [first + last, first + last]);
    }
  });

  it('a message in many chunks arrives whole, text and binary', () => {
    const payload = new Uint8Array(1_000_000).map((_, i) => 32 + (i % 90));
    const bytes = fromClient({ opcode: 1, payload });
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    );
    assert.deepEqual(run(SERVER, chunks).incoming, [{ kind: 'text', data: Buffer.from(payload).toString('latin1') }]);
  });
});
