import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compressed, PLAIN } from '../support/deflate.ts';
import { bytes, fromClient, fromServer, type RawFrame } from '../support/frames.ts';
import { replay } from '../support/replay.ts';

const SERVER = { role: 'server', agreed: { deflate: PLAIN } } as const;
const PLAIN_SERVER = { role: 'server' } as const;
const RSV1 = 4;
const HELLO = bytes('f2 48 cd c9 c9 07 00');

function failure(outcome: { incoming: readonly unknown[] }): unknown {
  const { kind, code, closeCode } = outcome.incoming.at(-1) as Record<string, unknown>;
  return { kind, code, closeCode };
}

describe('RFC 7692 §6: the "Per-Message Compressed" bit', () => {
  it('RSV1 on the first frame says that the message is compressed', () => {
    assert.deepEqual(replay(SERVER, fromClient({ opcode: 1, rsv: RSV1, payload: HELLO })).incoming, [
      { kind: 'text', data: 'Hello' },
    ]);
  });

  it('without it the message is as it stands, also where compression was agreed (§6)', () => {
    const outcome = replay(SERVER, fromClient({ opcode: 1, payload: 'Hello' }, { opcode: 2, payload: HELLO }));
    assert.deepEqual(outcome.incoming, [
      { kind: 'text', data: 'Hello' },
      { kind: 'binary', data: HELLO },
    ]);
  });

  it('compressed and plain messages may alternate, with control frames between', () => {
    const outcome = replay(
      SERVER,
      fromClient(
        { opcode: 1, rsv: RSV1, payload: HELLO },
        { opcode: 1, payload: 'plain' },
        { opcode: 9, payload: 'p' },
        { opcode: 2, rsv: RSV1, payload: HELLO },
      ),
    );
    assert.deepEqual(outcome.incoming, [
      { kind: 'text', data: 'Hello' },
      { kind: 'text', data: 'plain' },
      { kind: 'ping', data: Uint8Array.of(112) },
      { kind: 'binary', data: bytes('48 65 6c 6c 6f') },
    ]);
  });

  const violations: readonly [
    title: string,
    options: typeof SERVER | typeof PLAIN_SERVER,
    frames: RawFrame[],
    code: string,
  ][] = [
    [
      'RSV1 that was not agreed (RFC 6455 §5.2)',
      PLAIN_SERVER,
      [{ opcode: 1, rsv: RSV1, payload: HELLO }],
      'WS_RESERVED_BIT',
    ],
    ['RSV2 beside RSV1', SERVER, [{ opcode: 1, rsv: 6, payload: HELLO }], 'WS_RESERVED_BIT'],
    ['RSV3 beside RSV1', SERVER, [{ opcode: 1, rsv: 5, payload: HELLO }], 'WS_RESERVED_BIT'],
    ['RSV2 alone', SERVER, [{ opcode: 1, rsv: 2, payload: HELLO }], 'WS_RESERVED_BIT'],
    [
      'RSV1 on a continuation (§6.1)',
      SERVER,
      [
        { opcode: 1, rsv: RSV1, fin: false, payload: HELLO.subarray(0, 3) },
        { opcode: 0, rsv: RSV1, payload: HELLO.subarray(3) },
      ],
      'WS_COMPRESSED_CONTROL_OR_CONTINUATION',
    ],
    [
      'RSV1 on a continuation of a plain message',
      SERVER,
      [
        { opcode: 1, fin: false, payload: 'a' },
        { opcode: 0, rsv: RSV1, payload: HELLO },
      ],
      'WS_COMPRESSED_CONTROL_OR_CONTINUATION',
    ],
    [
      'RSV1 on a ping (§6)',
      SERVER,
      [{ opcode: 9, rsv: RSV1, payload: HELLO }],
      'WS_COMPRESSED_CONTROL_OR_CONTINUATION',
    ],
    ['RSV1 on a pong', SERVER, [{ opcode: 10, rsv: RSV1 }], 'WS_COMPRESSED_CONTROL_OR_CONTINUATION'],
    ['RSV1 on a close', SERVER, [{ opcode: 8, rsv: RSV1 }], 'WS_COMPRESSED_CONTROL_OR_CONTINUATION'],
    ['RSV1 on a reserved opcode', SERVER, [{ opcode: 3, rsv: RSV1 }], 'WS_RESERVED_OPCODE'],
  ];
  for (const [title, options, frames, code] of violations) {
    it(`fails with 1002 for ${title}`, () =>
      assert.deepEqual(failure(replay(options, fromClient(...frames))), { kind: 'failed', code, closeCode: 1002 }));
  }

  it('a client obeys the same rules', () => {
    const client = { role: 'client', agreed: { deflate: PLAIN } } as const;
    assert.deepEqual(replay(client, fromServer({ opcode: 1, rsv: RSV1, payload: HELLO })).incoming, [
      { kind: 'text', data: 'Hello' },
    ]);
    assert.deepEqual(failure(replay({ role: 'client' }, fromServer({ opcode: 1, rsv: RSV1, payload: HELLO }))), {
      kind: 'failed',
      code: 'WS_RESERVED_BIT',
      closeCode: 1002,
    });
  });
});

describe('RFC 7692 §6.1: compressed messages in fragments', () => {
  it('the compressed payload is cut, wherever it is cut, with empty fragments too', () => {
    const payload = compressed('one message, one message, one message');
    for (let at = 0; at <= payload.length; at++) {
      const outcome = replay(
        SERVER,
        fromClient(
          { opcode: 1, rsv: RSV1, fin: false, payload: payload.subarray(0, at) },
          { opcode: 0, fin: false },
          { opcode: 0, payload: payload.subarray(at) },
        ),
      );
      assert.deepEqual(
        outcome.incoming,
        [{ kind: 'text', data: 'one message, one message, one message' }],
        `cut at ${at}`,
      );
    }
  });

  it('a ping between the fragments is answered at once', () => {
    const outcome = replay(
      SERVER,
      fromClient(
        { opcode: 2, rsv: RSV1, fin: false, payload: HELLO.subarray(0, 2) },
        { opcode: 9, payload: 'p' },
        { opcode: 0, payload: HELLO.subarray(2) },
      ),
    );
    assert.deepEqual(outcome.incoming, [
      { kind: 'ping', data: Uint8Array.of(112) },
      { kind: 'binary', data: bytes('48 65 6c 6c 6f') },
    ]);
    assert.equal(outcome.output, '8a0170');
  });
});
