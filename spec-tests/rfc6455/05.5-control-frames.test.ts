import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { bytes, closePayload, fromClient } from '../support/frames.ts';
import { replay } from '../support/replay.ts';

const SERVER = { role: 'server' } as const;

describe('RFC 6455 §5.5: control frames', () => {
  it('carry 125 octets', () => {
    const payload = new Uint8Array(125).fill(0xfe);
    const outcome = replay(SERVER, fromClient({ opcode: 9, payload }));
    assert.deepEqual(outcome.incoming, [{ kind: 'ping', data: payload }]);
    assert.equal(outcome.output, `8a7d${'fe'.repeat(125)}`);
  });

  for (const opcode of [8, 9, 10]) {
    it(`opcode ${opcode}: 126 octets fail the connection with 1002`, () => {
      const outcome = replay(SERVER, fromClient({ opcode, payload: new Uint8Array(126) }));
      assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_CONTROL_TOO_LONG');
      assert.equal(outcome.output.slice(4, 8), '03ea');
    });
    it(`opcode ${opcode}: FIN 0 fails the connection with 1002`, () => {
      const outcome = replay(SERVER, fromClient({ opcode, fin: false, payload: 'x' }));
      assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_CONTROL_FRAGMENTED');
      assert.equal(outcome.output.slice(4, 8), '03ea');
    });
  }
});

describe('RFC 6455 §5.5.2, §5.5.3: ping and pong', () => {
  it('ten pings get ten pongs with their payloads, in order', () => {
    const pings = Array.from({ length: 10 }, (_, i) => ({ opcode: 9, payload: `ping ${i}` }));
    const outcome = replay(SERVER, fromClient(...pings));
    assert.equal(outcome.output, pings.map(({ payload }) => `8a06${Buffer.from(payload).toString('hex')}`).join(''));
  });

  it('an unsolicited pong is taken without an answer', () => {
    assert.equal(replay(SERVER, fromClient({ opcode: 10, payload: 'hi' })).output, '');
  });

  it('while output cannot leave, only the latest ping is remembered, and answered when it can (§5.5.3)', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.outputBlocked = true;
    const flood = fromClient(...Array.from({ length: 1_000 }, (_, i) => ({ opcode: 9, payload: `${i % 10}` })));
    for (let i = 0; i < 1_000; i++) protocol.receive(flood);
    assert.equal(protocol.output.byteLength, 0);
    protocol.receive(fromClient({ opcode: 9, payload: 'last' }));
    protocol.outputBlocked = false;
    assert.deepEqual(protocol.takeOutput(), bytes('8a 04 6c617374'));
    protocol.outputBlocked = false;
    assert.equal(protocol.output.byteLength, 0);
  });

  it('a ping is answered until the peer’s close frame has come, behind our own close frame too', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.outputBlocked = true;
    protocol.receive(fromClient({ opcode: 9, payload: 'owed' }));
    protocol.sendClose(1000);
    protocol.takeOutput();
    protocol.outputBlocked = false;
    assert.deepEqual(protocol.takeOutput(), bytes('8a 04 6f776564'));
    protocol.receive(fromClient({ opcode: 9, payload: 'late' }));
    assert.deepEqual(protocol.takeOutput(), bytes('8a 04 6c617465'));
    protocol.receive(fromClient({ opcode: 8, payload: '' }, { opcode: 9, payload: 'too late' }));
    assert.equal(protocol.output.byteLength, 0);
  });

  it('with answersPings false the caller answers, and nothing is sent by itself', () => {
    const protocol = new WebSocketProtocol({ role: 'server', answersPings: false });
    assert.equal(protocol.receive(fromClient({ opcode: 9, payload: 'p' }))[0]?.kind, 'ping');
    assert.equal(protocol.output.byteLength, 0);
    protocol.sendPong(Uint8Array.of(112));
    assert.deepEqual([...protocol.takeOutput()], [0x8a, 1, 112]);
  });

  it('a pong that is owed is not sent once the peer’s close frame has come', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.outputBlocked = true;
    protocol.receive(fromClient({ opcode: 9, payload: 'owed' }, { opcode: 8, payload: '' }));
    protocol.takeOutput();
    protocol.outputBlocked = false;
    assert.equal(protocol.output.byteLength, 0);
  });

  it('pings of ours have at most 125 octets', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.sendPing(new Uint8Array(125));
    assert.throws(() => protocol.sendPing(new Uint8Array(126)), {
      name: 'RangeError',
      message: /126 bytes, limit 125 \(RFC 6455 §5\.5\)/,
    });
    assert.throws(() => protocol.sendPong(new Uint8Array(126)), RangeError);
  });
});

describe('RFC 6455 §5.5.1: a close frame’s payload', () => {
  const accepted = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
  const refused = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  for (const code of accepted) {
    it(`code ${code} is taken and echoed (§7.4)`, () => {
      const outcome = replay(SERVER, fromClient({ opcode: 8, payload: closePayload(code, 'über') }));
      assert.deepEqual(outcome.incoming, [{ kind: 'close', code, reason: 'über' }]);
      assert.equal(outcome.output, `8802${code.toString(16).padStart(4, '0')}`);
      assert.equal(outcome.state, 'CLOSED_CLEAN');
    });
  }
  for (const code of refused) {
    it(`code ${code} may not be sent and fails with 1002 (§7.4)`, () => {
      const outcome = replay(SERVER, fromClient({ opcode: 8, payload: closePayload(code) }));
      assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_CLOSE_CODE');
      assert.equal(outcome.output.slice(4, 8), '03ea');
    });
  }
  it('with echoesReason the reason goes back with the code; without it the code alone', () => {
    for (const echoesReason of [true, false]) {
      const protocol = new WebSocketProtocol({ role: 'server', echoesReason });
      protocol.receive(fromClient({ opcode: 8, payload: closePayload(4000, 'why') }));
      const echo = [0x88, echoesReason ? 5 : 2, 0x0f, 0xa0, ...(echoesReason ? Buffer.from('why') : [])];
      assert.deepEqual([...protocol.takeOutput()], echo);
    }
  });

  it('an empty payload is code 1005, and the echo is empty (§7.1.5)', () => {
    const outcome = replay(SERVER, fromClient({ opcode: 8 }));
    assert.deepEqual(outcome.incoming, [{ kind: 'close', code: 1005, reason: '' }]);
    assert.equal(outcome.output, '8800');
  });
  it('one octet fails with 1002', () => {
    const outcome = replay(SERVER, fromClient({ opcode: 8, payload: 'x' }));
    assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_CLOSE_PAYLOAD');
    assert.equal(outcome.output.slice(4, 8), '03ea');
  });
  it('a reason that is not UTF-8 fails with 1007 (§8.1)', () => {
    const outcome = replay(
      SERVER,
      fromClient({ opcode: 8, payload: closePayload(1000, bytes('ceba e1bdb9 f4908080')) }),
    );
    assert.equal((outcome.incoming[0] as { code: string }).code, 'WS_CLOSE_REASON');
    assert.equal(outcome.output.slice(4, 8), '03ef');
  });
  it('a reason of 123 octets passes both ways; 124 is a caller’s mistake', () => {
    const reason = `${'é'.repeat(61)}x`;
    const outcome = replay(SERVER, fromClient({ opcode: 8, payload: closePayload(4000, reason) }));
    assert.deepEqual(outcome.incoming, [{ kind: 'close', code: 4000, reason }]);
    const protocol = new WebSocketProtocol(SERVER);
    assert.throws(() => protocol.sendClose(1000, 'x'.repeat(124)), {
      name: 'RangeError',
      message: /124 bytes, limit 123/,
    });
    assert.throws(() => protocol.sendClose(undefined, 'why'), RangeError);
    for (const code of [...refused, 1000.5, Number.NaN]) assert.throws(() => protocol.sendClose(code), RangeError);
    protocol.sendClose(1000, reason);
    assert.equal(protocol.takeOutput().length, 2 + 125);
  });
});
