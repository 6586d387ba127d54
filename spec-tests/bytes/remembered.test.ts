import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allocate, allocatedView } from '../../lib/bytes/allocate.ts';
import { Arena, BLOCK_BYTES, type OutputQueue, ownFrames, sharedFrames } from '../../lib/bytes/output.ts';
import { decodeAscii, decodeUtf8, encodeUtf8Into } from '../../lib/bytes/utf8.ts';
import { deflateShared } from '../../lib/deflate/deflate.ts';
import { deflate, inflate } from '../../lib/deflate/index.ts';
import { prepareEvent } from '../../lib/event-stream/prepared-event.ts';
import { copyMasked, copyMaskedText } from '../../lib/websocket/mask.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { type Incoming, type ProtocolOptions, WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { chat, noise, PLAIN, TAKEOVER } from '../support/deflate.ts';
import { KEY, rawFrame } from '../support/frames.ts';
import { collectGarbage } from '../support/gc.ts';

/** Above every bound of what is remembered: 64 KiB, and 1 MiB for the target of masking. */
const LARGE = 1_100_000;
const HUGE = { maxMessageBytes: 1 << 26 };

/** Fresh memory of `bytes` octets, the whole of its buffer. */
function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function core(role: ProtocolOptions['role'], deflates = false): WebSocketProtocol {
  return new WebSocketProtocol({ role, ...HUGE }, undefined, deflates ? { deflate: TAKEOVER } : {});
}

/** Takes all that waits to be written and answers the memory that it lies in. */
function memoryOfOutput(output: OutputQueue): ArrayBufferLike[] {
  const found: ArrayBufferLike[] = [];
  for (let range = output.take(1e9); range !== undefined; range = output.take(1e9)) found.push(range.bytes.buffer);
  return found;
}

/** Feeds `chunk` in pieces of `pieceBytes`, each in memory of its own, and answers all the memory that came up. */
function receiveAll(protocol: WebSocketProtocol, chunk: Uint8Array, pieceBytes: number): ArrayBufferLike[] {
  const found: ArrayBufferLike[] = [];
  for (let at = 0; at < chunk.length; at += pieceBytes) {
    const piece = own(chunk.subarray(at, at + pieceBytes));
    found.push(piece.buffer);
    for (const incoming of protocol.receive(piece)) found.push(...memoryOf(incoming));
  }
  return found;
}

function memoryOf(incoming: Incoming): ArrayBufferLike[] {
  return 'data' in incoming && typeof incoming.data !== 'string' ? [incoming.data.buffer] : [];
}

function binary(payload: Uint8Array, masked: boolean): Uint8Array {
  return rawFrame({ opcode: 2, payload, ...(masked ? { key: KEY } : {}) });
}

/** Each uses large memory once and answers all of it. */
const USES: Record<string, () => ArrayBufferLike[]> = {
  'allocate, and the view of what it answered': () => {
    const bytes = allocate(LARGE);
    return [allocatedView(bytes, LARGE).buffer, bytes.buffer];
  },
  'an arena that was asked for more than a block': () => {
    const arena = new Arena();
    arena.reserve(LARGE);
    const { buffer } = arena.bytes;
    arena.handOut(LARGE - 10);
    assert.equal(arena.bytes.length, 0);
    return [buffer];
  },
  copyMasked: () => {
    const source = new DataView(new ArrayBuffer(LARGE));
    const target = new DataView(new ArrayBuffer(LARGE));
    copyMasked(source, 0, LARGE, target, 0, 1);
    return [source.buffer, target.buffer];
  },
  copyMaskedText: () => {
    const source = new DataView(new ArrayBuffer(LARGE));
    const target = new DataView(new ArrayBuffer(LARGE));
    assert.equal(copyMaskedText(source, 0, LARGE, target, 0, 1), true);
    return [source.buffer, target.buffer];
  },
  decoding: () => {
    const bytes = new Uint8Array(LARGE).fill(0x41);
    assert.equal(decodeAscii(bytes, 0, LARGE).length, LARGE);
    assert.equal(decodeUtf8(bytes.subarray(10, 50), 0, 40).length, 40);
    return [bytes.buffer];
  },
  encoding: () => {
    const bytes = new Uint8Array(LARGE);
    encodeUtf8Into('é'.repeat(100), bytes, 5);
    return [bytes.buffer];
  },
  'compressing, with a past and without': () => {
    const plain = own(noise(LARGE));
    const dictionary = own(noise(LARGE, 2));
    const result = deflate(plain, { dictionary });
    const { bytes } = deflateShared(plain, 6, 15);
    assert.ok(bytes.length > LARGE);
    return [plain.buffer, bytes.buffer, dictionary.buffer, result.buffer];
  },
  decompressing: () => {
    const compressed = own(deflate(noise(LARGE)));
    const dictionary = own(noise(LARGE, 2));
    const plain = inflate(compressed, { maxOutputBytes: LARGE, dictionary });
    return [compressed.buffer, plain.buffer, dictionary.buffer];
  },
  'decompressing what is not DEFLATE': () => {
    const compressed = own(deflate(noise(LARGE)).subarray(0, LARGE - 1_000));
    assert.throws(() => inflate(compressed, { maxOutputBytes: LARGE }));
    return [compressed.buffer];
  },
  'preparing a message': () => [prepareMessage(noise(LARGE)).bytes.buffer],
  'preparing a compressed message': () => {
    const message = prepareMessage(chat(LARGE * 4));
    return [message.bytes.buffer, message.compressed(15, 1)!.bytes.buffer];
  },
  'preparing an event': () => [prepareEvent({ data: 'x'.repeat(LARGE) }).bytes.buffer],
};
for (const role of ['client', 'server'] as const) {
  const peer = role === 'client' ? 'server' : 'client';
  USES[`a ${role} that sends`] = () => {
    const sender = core(role);
    const payload = own(noise(LARGE));
    sender.sendBinary(payload);
    sender.sendText('é'.repeat(LARGE));
    sender.sendPrepared(prepareMessage('x'.repeat(LARGE)));
    return [payload.buffer, ...memoryOfOutput(sender.output)];
  };
  USES[`a ${role} that sends compressed`] = () => {
    const sender = core(role, true);
    const payload = own(Buffer.concat([noise(LARGE), Buffer.alloc(LARGE)])); // compressed it is still large
    sender.sendBinary(payload);
    return [payload.buffer, ...memoryOfOutput(sender.output)];
  };
  for (const pieceBytes of [LARGE * 2, LARGE - 20, 100_000]) {
    USES[`a ${role} that receives chunks of ${pieceBytes} bytes`] = () =>
      receiveAll(core(role), binary(noise(LARGE), role === 'server'), pieceBytes);
    USES[`a ${role} that receives compressed messages in chunks of ${pieceBytes} bytes`] = () => {
      const sender = new WebSocketProtocol({ role: peer }, undefined, { deflate: PLAIN });
      const half = Buffer.concat([noise(LARGE, 3), Buffer.alloc(LARGE)]);
      sender.sendBinary(half);
      return receiveAll(core(role, true), sender.takeOutput(), pieceBytes);
    };
  }
}

describe('nothing larger than 64 KiB is remembered from call to call', () => {
  for (const [what, use] of Object.entries(USES)) {
    it(what, async () => {
      const used = use()
        .filter((memory) => memory.byteLength > BLOCK_BYTES)
        .map((memory) => new WeakRef(memory));
      assert.ok(used.length > 0);
      await collectGarbage();
      assert.deepEqual(
        used.map((memory) => memory.deref()?.byteLength),
        used.map(() => undefined),
      );
    });
  }

  it('an arena keeps a block of 64 KiB, which is what it is for', () => {
    for (const arena of [ownFrames, sharedFrames]) {
      arena.reserve(BLOCK_BYTES);
      arena.handOut(arena.position + 10);
      assert.equal(arena.bytes.length, BLOCK_BYTES);
      arena.reserve(BLOCK_BYTES + 1);
      arena.handOut(BLOCK_BYTES);
      assert.equal(arena.bytes.length, 0);
    }
  });

  it('and nothing of a message in progress once no message can come of it', async () => {
    const begun = (end: (protocol: WebSocketProtocol) => void): [WebSocketProtocol, WeakRef<ArrayBufferLike>] => {
      const before = Buffer.allocUnsafeSlow;
      let memory: ArrayBufferLike | undefined;
      Buffer.allocUnsafeSlow = (size) => {
        const buffer = before(size);
        if (size > BLOCK_BYTES) memory = buffer.buffer;
        return buffer;
      };
      const protocol = core('client');
      protocol.receive(rawFrame({ opcode: 2, fin: false, payload: noise(LARGE) }));
      Buffer.allocUnsafeSlow = before;
      assert.ok(memory !== undefined, 'the message has memory');
      end(protocol);
      return [protocol, new WeakRef(memory)];
    };
    const ended = [
      begun((protocol) => protocol.receiveEnd()),
      begun((protocol) => protocol.receive(rawFrame({ opcode: 8, payload: Uint8Array.of(3, 232) }))),
      begun((protocol) => protocol.receive(rawFrame({ opcode: 11, payload: new Uint8Array(0) }))),
      begun((protocol) => protocol.receive(rawFrame({ opcode: 2, payload: new Uint8Array(0) }))),
    ];
    await collectGarbage();
    for (const [protocol, memory] of ended) assert.equal(memory.deref(), undefined, `state ${protocol.state}`);
  });
});
