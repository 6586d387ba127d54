import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_DEFERRED_BYTES } from '../../lib/websocket/deferred-chunks.ts';
import { type Incoming, type IncomingReceiver, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { concat, fromClient, fromServer } from '../support/frames.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

const text = (payload: string) => ({ opcode: 1, payload });
const server = (): WebSocketProtocol => new WebSocketProtocol({ role: 'server' });

/** Collects what is delivered, and does something first. */
function collector(react: (incoming: Incoming) => void): IncomingReceiver & { readonly got: unknown[] } {
  const got: unknown[] = [];
  return {
    got,
    deliver(incoming) {
      got.push('data' in incoming && typeof incoming.data === 'string' ? incoming.data : incoming.kind);
      react(incoming);
    },
  };
}

describe('bytesClass', () => {
  class Mine extends Uint8Array {}

  it('messages in one frame are of it, text and binary, whatever their size; they are as long as they were', () => {
    const options = { role: 'server', textAsBytes: true, bytesClass: Mine } as const;
    for (const complete of [options, { ...options, maxMessageBytes: 1e6, maxFramesPerMessage: 10 }]) {
      for (const size of [1, 20, 4_096, 5_000, 16_384, 16_385, 70_000]) {
        for (const opcode of [1, 2]) {
          const payload = Buffer.alloc(size, 'x');
          const [message] = new WebSocketProtocol(complete).receive(fromClient({ opcode, payload }));
          assert.ok(message !== undefined && 'data' in message && message.data instanceof Mine, `${opcode} ${size}`);
          assert.ok(payload.equals(message.data));
        }
      }
    }
  });

  it('without it they are of Uint8Array itself', () => {
    const [message] = server().receive(fromClient({ opcode: 2, payload: 'x' }));
    assert.ok(message !== undefined && 'data' in message);
    assert.equal(Object.getPrototypeOf(message.data), Uint8Array.prototype);
  });
});

describe('a chunk is delivered whole, whatever the receiver does (receiveInto)', () => {
  it('a chunk that comes within the receiver is read once the one before has been delivered', () => {
    const protocol = server();
    const inner = collector(() => {});
    const outer = collector((incoming) => {
      if (incoming.kind !== 'text' || incoming.data !== 'a') return;
      const lent = fromClient(text('c'));
      protocol.receiveInto(lent, inner);
      lent.fill(0xaa); // it was only lent
      protocol.receiveInto(fromClient(text('d')), inner);
      assert.deepEqual(inner.got, []);
    });
    protocol.receiveInto(fromClient(text('a'), text('b')), outer);
    assert.deepEqual(outer.got, ['a', 'b']);
    assert.deepEqual(inner.got, ['c', 'd']);
  });

  it('also where the chunks cut a frame, and where one that had to wait makes another wait', () => {
    const whole = fromClient(text('first'), text('second'), text('third'), text('fourth'));
    for (let cut = 1; cut < whole.length - 1; cut++) {
      const protocol = server();
      const pieces = [whole.subarray(0, cut), whole.subarray(cut, cut + 1), whole.subarray(cut + 1)];
      const feed = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) protocol.receiveInto(piece, receiver);
      };
      const receiver = collector(feed);
      while (pieces.length > 0) feed();
      assert.deepEqual(receiver.got, ['first', 'second', 'third', 'fourth'], `cut at ${cut}`);
    }
  });

  it('two ends that hand each other their output at once lose nothing, and do not grow the stack', () => {
    const ends = [server(), new WebSocketProtocol({ role: 'client' })];
    const got: string[] = [];
    const receivers = ends.map((end, i) =>
      collector((incoming) => {
        if (incoming.kind !== 'text') return;
        got.push(String(incoming.data));
        const n = Number(incoming.data);
        if (n < 20_000) end.sendText(String(n + 1));
        const other = 1 - i;
        ends[other]!.receiveInto(end.takeOutput(), receivers[other]!);
      }),
    );
    ends[1]!.sendText('0');
    ends[0]!.receiveInto(ends[1]!.takeOutput(), receivers[0]!);
    assert.equal(got.length, 20_001);
    assert.ok(got.every((value, n) => value === String(n)));
  });

  it('what waits is bounded, and the call that goes beyond is refused', () => {
    const protocol = server();
    const receiver = collector(() => {});
    let refused = 0;
    const outer = collector(() => {
      const chunk = new Uint8Array(1 << 20);
      for (let i = 0; i < 17; i++) {
        try {
          protocol.receiveInto(chunk, receiver);
        } catch (error) {
          assert.ok(error instanceof RangeError);
          assert.match(error.message, new RegExp(`limit ${MAX_DEFERRED_BYTES}$`));
          refused++;
        }
      }
    });
    protocol.receiveInto(fromClient(text('a')), outer);
    assert.equal(refused, 2);
    // Empty chunks count too.
    const another = server();
    let taken = 0;
    another.receiveInto(
      fromClient(text('a')),
      collector(() => {
        assert.throws(() => {
          for (;;) {
            another.receiveInto(new Uint8Array(0), receiver);
            taken++;
          }
        }, RangeError);
      }),
    );
    assert.ok(taken <= MAX_DEFERRED_BYTES / 64);
  });

  it('receive within a receiver of the same machine is refused: it could answer nothing', () => {
    const protocol = server();
    const receiver = collector(() => {
      assert.throws(() => protocol.receive(fromClient(text('b'))), /within a receiver of the same machine/);
    });
    protocol.receiveInto(fromClient(text('a')), receiver);
    assert.deepEqual(receiver.got, ['a']);
    assert.equal(protocol.receive(fromClient(text('c'))).length, 1);
  });

  it('a receiver that throws loses nothing: the rest is delivered, then the first error is thrown', () => {
    const protocol = server();
    const receiver = collector((incoming) => {
      throw new Error(`not ${incoming.kind === 'text' ? incoming.data : incoming.kind}`);
    });
    const chunk = concat(fromClient(text('a'), { opcode: 9 }, text('b')), fromClient(text('c')).subarray(0, 5));
    assert.throws(() => protocol.receiveInto(chunk, receiver), /not a/);
    assert.deepEqual(receiver.got, ['a', 'ping', 'b']);
    assert.throws(() => protocol.receiveInto(fromClient(text('c')).subarray(5), receiver), /not c/);
    assert.deepEqual(receiver.got, ['a', 'ping', 'b', 'c']);
    assert.equal(Buffer.from(protocol.takeOutput()).toString('hex'), '8a00');
  });

  it('the same where it throws at a failure or within a chunk that had to wait', () => {
    const protocol = server();
    const receiver = collector((incoming) => {
      if (incoming.kind === 'failed') throw new Error('at the failure');
      protocol.receiveInto(fromServer(text('unmasked')), receiver);
      throw new Error(`at ${incoming.kind}`);
    });
    assert.throws(() => protocol.receiveInto(fromClient(text('a')), receiver), /at text/);
    assert.deepEqual(receiver.got, ['a', 'failed']);
    assert.equal(protocol.state, 'FAILED');
    protocol.receiveInto(fromClient(text('b')), receiver);
    assert.deepEqual(receiver.got, ['a', 'failed']);
  });

  it('behind the end of the connection, chunks that waited come to nothing', () => {
    const protocol = server();
    const receiver = collector(() => {
      protocol.receiveInto(fromClient(text('late')), receiver);
      protocol.receiveEnd();
    });
    protocol.receiveInto(fromClient(text('a'), text('b')), receiver);
    assert.deepEqual(receiver.got, ['a']);
    assert.equal(protocol.state, 'ENDED');
  });

  it('hold stops behind the result that is being delivered, and release goes on there, whatever has come meanwhile', () => {
    const protocol = server();
    const receiver = collector((incoming) => {
      if (incoming.kind === 'text' && incoming.data !== 'c') protocol.hold();
    });
    const lent = fromClient(text('a'), text('b'), { opcode: 9 }, text('c'), text('d'));
    const cut = lent.length - 3;
    const last = lent.slice(cut);
    protocol.receiveInto(lent.subarray(0, cut), receiver);
    lent.fill(0xaa); // it was only lent
    assert.deepEqual(receiver.got, ['a']);
    assert.throws(() => protocol.receive(last), /while it is held/);
    protocol.receiveInto(last, receiver);
    assert.deepEqual(receiver.got, ['a']);
    assert.equal(protocol.output.byteLength, 0, 'a ping behind it is not answered yet');
    protocol.release();
    assert.deepEqual(receiver.got, ['a', 'b']);
    protocol.release();
    assert.deepEqual(receiver.got, ['a', 'b', 'ping', 'c', 'd']);
    protocol.release();
    protocol.release();
    assert.deepEqual(protocol.receive(fromClient(text('e'))).length, 1);
  });

  it('held outside of a receiver, or released within it: as one would expect', () => {
    const protocol = server();
    const receiver = collector((incoming) => {
      if (incoming.kind !== 'text' || incoming.data !== 'b') return;
      protocol.hold();
      protocol.release();
    });
    protocol.hold();
    protocol.receiveInto(fromClient(text('a'), text('b'), text('c')), receiver);
    assert.deepEqual(receiver.got, []);
    protocol.release();
    assert.deepEqual(receiver.got, ['a', 'b', 'c']);
  });

  it('what waits while held is bounded, is let go of at the end, and an error is thrown by the call that delivers', () => {
    const protocol = server();
    const receiver = collector(() => {
      throw new Error('at the first');
    });
    protocol.hold();
    for (let i = 0; i < 15; i++) protocol.receiveInto(new Uint8Array(1 << 20), receiver);
    assert.throws(() => protocol.receiveInto(new Uint8Array(1 << 20), receiver), RangeError);
    protocol.receiveEnd();
    protocol.release();
    assert.deepEqual(receiver.got, []);
    const another = server();
    another.hold();
    another.receiveInto(fromClient(text('a'), { opcode: 11 }), receiver);
    assert.throws(() => another.release(), /at the first/);
    assert.deepEqual(receiver.got, ['a', 'failed']);
    another.hold();
    another.receiveInto(fromClient(text('b')), receiver);
    another.release();
    assert.deepEqual(receiver.got, ['a', 'failed']);
  });

  it('one hold for each of many small messages does not copy the rest of the chunk each time', () => {
    const protocol = server();
    const chunk = concat(...Array.from({ length: 20_000 }, () => fromClient({ opcode: 2 })));
    let messages = 0;
    protocol.receiveInto(chunk, {
      deliver() {
        messages++;
        protocol.hold();
      },
    });
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let n = 0; n < 20_000; n++) {
      protocol.release();
      if (n % 1_000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    assert.equal(messages, 20_000);
    assert.ok(most < 4 << 20, `${most} bytes more at most`);
  });

  it(`any cut, any nesting and any exceptions: the same messages in the same order (${SEED_NOTE})`, () => {
    const random = new Random(21);
    for (let i = 0; i < 300; i++) {
      const protocol = server();
      const expected = Array.from({ length: random.between(1, 12) }, (_, n) => `${n}`.repeat(random.between(1, 200)));
      const pieces = random.cut(concat(...expected.map((each) => fromClient(text(each)))));
      const feed = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) protocol.receiveInto(piece, receiver);
      };
      const receiver = collector(() => {
        while (random.chance(0.5)) feed();
        if (random.chance(0.3)) protocol.hold();
        if (random.chance(0.2)) throw new Error('thrown');
      });
      for (let turn = 0; pieces.length > 0 || receiver.got.length < expected.length; turn++) {
        assert.ok(turn < 10_000, 'something was lost');
        try {
          if (random.chance(0.5)) feed();
          else protocol.release();
        } catch (error) {
          assert.equal((error as Error).message, 'thrown');
        }
      }
      assert.deepEqual(receiver.got, expected);
      assert.equal(protocol.output.byteLength, 0);
    }
  });
});
