import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionClosed } from '../../lib/errors.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import {
  closeExpected,
  mayReceive,
  maySend,
  type State,
  TRANSITIONS,
  type Transition,
} from '../../lib/websocket/state.ts';
import { bytes, closePayload, concat, fromClient, fromServer } from '../support/frames.ts';
import { run } from '../support/replay.ts';

const SERVER = { role: 'server' } as const;

describe('RFC 6455 §7.1: the closing handshake', () => {
  it('we begin: data still arrives until the peer’s close frame, and its code is the connection’s (§1.4, §7.1.5)', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.sendClose(1001, 'bye');
    assert.deepEqual(protocol.takeOutput(), bytes('88 05 03e9 627965'));
    assert.equal(protocol.closeExpected, true);
    assert.deepEqual(protocol.receive(fromClient({ opcode: 1, payload: 'on its way' })), [
      { kind: 'text', data: 'on its way' },
    ]);
    assert.deepEqual(protocol.receive(fromClient({ opcode: 8, payload: closePayload(1001) })), [
      { kind: 'close', code: 1001, reason: '' },
    ]);
    assert.equal(protocol.state, 'CLOSED_CLEAN');
    assert.equal(protocol.output.byteLength, 0, 'one close frame is enough (§5.5.1)');
    assert.equal(protocol.closeCode, 1001);
  });

  it('the peer begins: one echo, and nothing after its close frame is looked at (§5.5.1)', () => {
    const outcome = run(SERVER, [
      concat(
        fromClient({ opcode: 8, payload: closePayload(4321, 'x') }),
        fromClient({ opcode: 1, payload: 'late' }),
        bytes('ff ff ff'),
      ),
    ]);
    assert.deepEqual(outcome.incoming, [{ kind: 'close', code: 4321, reason: 'x' }]);
    assert.equal(outcome.output, '880210e1');
  });

  it('both begin at once: two close frames have passed, all is well', () => {
    const client = new WebSocketProtocol({ role: 'client' });
    const server = new WebSocketProtocol(SERVER);
    client.sendClose(1000);
    server.sendClose(1001);
    server.receive(client.takeOutput());
    client.receive(server.takeOutput());
    assert.equal(client.state, 'CLOSED_CLEAN');
    assert.equal(server.state, 'CLOSED_CLEAN');
    assert.equal(client.closeCode, 1001);
    assert.equal(server.closeCode, 1000);
  });

  it('no close frame is code 1006 (§7.1.5)', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.receiveEnd();
    assert.equal(protocol.closeCode, 1006);
    assert.equal(protocol.state, 'ENDED');
    protocol.receiveEnd();
  });

  it('sending after close is the caller’s mistake (§5.5.1); closing again is not', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.sendClose(1000);
    protocol.takeOutput();
    for (const send of [
      () => protocol.sendText('x'),
      () => protocol.sendBinary(new Uint8Array(1)),
      () => protocol.sendPing(),
    ])
      assert.throws(send, ConnectionClosed);
    protocol.sendClose(1001);
    assert.equal(protocol.output.byteLength, 0);
  });

  it('after a failure nothing is received and no second close frame is sent (§7.1.7)', () => {
    const protocol = new WebSocketProtocol(SERVER);
    assert.equal(protocol.receive(fromClient({ opcode: 3 }))[0]?.kind, 'failed');
    assert.equal(protocol.takeOutput()[0], 0x88);
    assert.deepEqual(protocol.receive(fromClient({ opcode: 1, payload: 'x' }, { opcode: 8 })), []);
    assert.equal(protocol.output.byteLength, 0);
    assert.equal(protocol.closeCode, 1006);
  });

  it('a violation after our close frame fails without a second close frame', () => {
    const protocol = new WebSocketProtocol(SERVER);
    protocol.sendClose(1000);
    protocol.takeOutput();
    assert.equal(protocol.receive(fromClient({ opcode: 11 }))[0]?.kind, 'failed');
    assert.equal(protocol.output.byteLength, 0);
    assert.equal(protocol.state, 'FAILED');
  });

  it('messages in front of a violation in the same chunk are delivered', () => {
    const outcome = run(SERVER, [fromClient({ opcode: 1, payload: 'good' }, { opcode: 1, rsv: 7, payload: 'bad' })]);
    assert.deepEqual(
      outcome.incoming.map(({ kind }) => kind),
      ['text', 'failed'],
    );
  });

  it('what our own failure says fits a close frame and is ASCII', () => {
    const client = new WebSocketProtocol({ role: 'client' });
    const [event] = client.receive(fromServer({ opcode: 1, rsv: 5, payload: 'x' }));
    const output = client.takeOutput();
    assert.ok(output.length <= 2 + 4 + 125);
    assert.deepEqual(Object.keys(event ?? {}).sort(), ['closeCode', 'code', 'detail', 'kind', 'section']);
  });
});

describe('the state table (RFC 6455 §4, §7)', () => {
  it('has no way back, and every path ends in ENDED', () => {
    const order: State[] = ['OPEN', 'CLOSE_SENT', 'CLOSE_RECEIVED', 'CLOSED_CLEAN', 'FAILED', 'ENDED'];
    for (const [from, row] of Object.entries(TRANSITIONS)) {
      for (const to of Object.values(row))
        assert.ok(order.indexOf(to) > order.indexOf(from as State), `${from} -> ${to}`);
      if (from !== 'ENDED') assert.equal(row['end' satisfies Transition], 'ENDED');
    }
  });
  it('a failure is a failure from every state in which anything can fail, and ends nowhere else (§7.1.7)', () => {
    assert.deepEqual(
      Object.entries(TRANSITIONS).map(([from, row]) => [from, row['fail' satisfies Transition]]),
      [
        ['OPEN', 'FAILED'],
        ['CLOSE_SENT', 'FAILED'],
        ['CLOSE_RECEIVED', 'FAILED'],
        ['CLOSED_CLEAN', undefined],
        ['FAILED', undefined],
        ['ENDED', undefined],
      ],
    );
  });
  it('says who may send and receive', () => {
    assert.deepEqual(
      Object.keys(TRANSITIONS).filter((state) => maySend(state as State)),
      ['OPEN'],
    );
    assert.deepEqual(
      Object.keys(TRANSITIONS).filter((state) => mayReceive(state as State)),
      ['OPEN', 'CLOSE_SENT'],
    );
    assert.deepEqual(
      Object.keys(TRANSITIONS).filter((state) => !closeExpected(state as State)),
      ['OPEN', 'ENDED'],
    );
  });
});
