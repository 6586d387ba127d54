import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allocate } from '../../lib/bytes/allocate.ts';
import { Arena, BLOCK_BYTES, OutputQueue, ownFrames } from '../../lib/bytes/output.ts';
import { collectGarbage } from '../support/gc.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

/** Writes into the queue as an encoder does. */
function write(queue: OutputQueue, data: Uint8Array): void {
  const arena = queue.reserve(data.length + 5);
  arena.bytes.set(data, arena.position);
  queue.commit(data.length);
}

function text(range: { bytes: Uint8Array; start: number; end: number } | undefined): string {
  return range === undefined ? 'nothing' : Buffer.from(range.bytes.subarray(range.start, range.end)).toString('latin1');
}

const latin1 = (value: string): Uint8Array => Buffer.from(value, 'latin1');

describe('OutputQueue', () => {
  it('frames encoded one after the other are one range', () => {
    const queue = new OutputQueue();
    ownFrames.reserve(BLOCK_BYTES);
    for (const part of ['ab', 'c', '', 'def']) write(queue, latin1(part));
    assert.equal(queue.byteLength, 6);
    assert.equal(text(queue.take(100)), 'abcdef');
    assert.equal(queue.byteLength, 0);
    assert.equal(text(queue.take(100)), 'nothing');
  });

  it('ranges that adjoin in one memory merge, others stay apart and in order', () => {
    const memory = latin1('0123456789');
    const other = latin1('xyz');
    const queue = new OutputQueue();
    queue.append(memory, 0, 2);
    queue.append(memory, 2, 4);
    queue.append(memory, 5, 6);
    queue.append(other, 0, 3);
    queue.append(memory, 6, 7);
    queue.append(memory, 7, 9);
    assert.equal(queue.byteLength, 11);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => text(queue.take(100))),
      ['0123', '5', 'xyz', '678', 'nothing'],
    );
  });

  it('a large payload goes by reference', () => {
    const queue = new OutputQueue();
    const payload = new Uint8Array(100_000);
    queue.append(payload, 10, 100_000);
    const range = queue.take(1_000_000);
    assert.equal(range?.bytes, payload);
    assert.deepEqual([range?.start, range?.end], [10, 100_000]);
  });

  it('take gives at most maxBytes, from the first range, and byteLength is exact after each', () => {
    const queue = new OutputQueue();
    queue.append(latin1('abcdef'), 0, 6);
    queue.append(latin1('gh'), 0, 2);
    queue.append(latin1('ijklm'), 0, 5);
    const taken: [string, number][] = [];
    for (let range = queue.take(4); range !== undefined; range = queue.take(4))
      taken.push([text(range), queue.byteLength]);
    assert.deepEqual(taken, [
      ['abcd', 9],
      ['ef', 7],
      ['gh', 5],
      ['ijkl', 1],
      ['m', 0],
    ]);
  });

  it('what was taken in part still merges with what adjoins its end', () => {
    const memory = latin1('0123456789');
    const queue = new OutputQueue();
    queue.append(memory, 0, 4);
    assert.equal(text(queue.take(3)), '012');
    queue.append(memory, 4, 8);
    assert.equal(queue.byteLength, 5);
    assert.equal(text(queue.take(100)), '34567');
    queue.append(memory, 8, 10);
    assert.equal(text(queue.take(100)), '89');
  });

  it('nothing appended is nothing to take', () => {
    const queue = new OutputQueue();
    queue.append(latin1('abc'), 1, 1);
    assert.equal(queue.take(10), undefined);
    queue.append(latin1('abc'), 0, 3);
    queue.append(latin1('def'), 2, 2);
    queue.append(latin1('ghi'), 0, 3);
    assert.deepEqual([text(queue.take(9)), text(queue.take(9)), text(queue.take(9))], ['abc', 'ghi', 'nothing']);
  });

  it('takeAll copies, and leaves the queue empty', () => {
    const memory = latin1('abc');
    const queue = new OutputQueue();
    queue.append(memory, 0, 3);
    queue.append(latin1('def'), 0, 3);
    const all = queue.takeAll();
    memory.fill(0);
    assert.equal(Buffer.from(all).toString(), 'abcdef');
    assert.equal(queue.byteLength, 0);
    assert.equal(queue.takeAll().length, 0);
  });

  it('clear forgets everything, and the queue goes on', () => {
    const queue = new OutputQueue();
    for (const part of ['a', 'b', 'c']) queue.append(latin1(part), 0, 1);
    queue.take(1);
    queue.clear();
    assert.equal(queue.byteLength, 0);
    assert.equal(queue.take(10), undefined);
    for (const part of ['d', 'e']) queue.append(latin1(part), 0, 1);
    assert.equal(Buffer.from(queue.takeAll()).toString(), 'de');
  });

  it('a queue that never runs dry lets go of what it has handed out', async () => {
    const queue = new OutputQueue();
    const payloads: WeakRef<Uint8Array>[] = [];
    for (let i = 0; i < 5; i++) queue.append(new Uint8Array(10), 0, 10);
    for (let i = 0; i < 400; i++) {
      const payload = new Uint8Array(100_000);
      payloads.push(new WeakRef(payload));
      queue.append(payload, 0, 100_000);
      queue.take(100_000);
      queue.append(new Uint8Array(10), 0, 10);
      queue.take(100_000);
    }
    assert.ok(queue.byteLength > 0);
    // 400 payloads of 100 KB have passed through: without letting go they are 40 MB. References die with the turn that made them.
    await collectGarbage();
    const held = payloads.filter((each) => each.deref() !== undefined).length;
    assert.ok(held <= 64, `${held} of 400 payloads are still held`);
  });

  it(`behaves as a plain list of bytes under random use (${SEED_NOTE})`, () => {
    const random = new Random(4);
    const queue = new OutputQueue();
    const shared = new Uint8Array(1 << 20).map((_, i) => i * 7);
    let sharedAt = 0;
    let model: number[] = [];
    for (let step = 0; step < 20_000; step++) {
      const length = random.below(30);
      switch (random.below(6)) {
        case 0:
        case 1: {
          const data = random.bytes(length);
          write(queue, data);
          model.push(...data);
          break;
        }
        case 2: {
          const data = random.bytes(length);
          const start = random.below(length + 1);
          queue.append(data, start, length);
          model.push(...data.subarray(start));
          break;
        }
        case 3:
          if (sharedAt + length > shared.length) sharedAt = 0;
          queue.append(shared, sharedAt, sharedAt + length);
          model.push(...shared.subarray(sharedAt, sharedAt + length));
          sharedAt += length + (random.chance(0.1) ? 1 : 0);
          break;
        case 4: {
          const max = random.between(1, 60);
          const range = queue.take(max);
          const taken = range === undefined ? [] : [...range.bytes.subarray(range.start, range.end)];
          assert.ok(taken.length <= max);
          assert.ok(taken.length > 0 || model.length === 0);
          assert.deepEqual(taken, model.slice(0, taken.length));
          model = model.slice(taken.length);
          break;
        }
        default:
          if (random.chance(0.01)) {
            assert.deepEqual([...queue.takeAll()], model);
            model = [];
          }
      }
      assert.equal(queue.byteLength, model.length);
    }
  });
});

describe('Arena', () => {
  it('bytes that were handed out are never handed out again', () => {
    const arena = new Arena();
    const seen = new Map<ArrayBufferLike, number>();
    for (let i = 0; i < 5_000; i++) {
      const size = i % 500 === 0 ? BLOCK_BYTES * 2 : i % 97;
      arena.reserve(size);
      assert.ok(arena.bytes.length - arena.position >= size);
      assert.ok(arena.bytes.byteOffset + arena.position >= (seen.get(arena.bytes.buffer) ?? 0));
      arena.position += size;
      seen.set(arena.bytes.buffer, arena.bytes.byteOffset + arena.position);
    }
  });

  it('takes back the tail of its block and nothing else', () => {
    const arena = new Arena();
    arena.reserve(100);
    const start = arena.position;
    arena.position += 30;
    arena.release({ bytes: arena.bytes, start, end: start + 20 });
    assert.equal(arena.position, start + 30, 'somebody may hold the bytes behind it');
    arena.release({ bytes: new Uint8Array(100), start, end: start + 30 });
    assert.equal(arena.position, start + 30, 'another block');
    arena.release({ bytes: arena.bytes, start: start + 20, end: start + 30 });
    assert.equal(arena.position, start + 20);
  });

  it('an empty queue costs no buffer', () => {
    const before = process.memoryUsage().arrayBuffers;
    const queues = Array.from({ length: 1_000 }, () => new OutputQueue());
    assert.ok(process.memoryUsage().arrayBuffers - before < 100_000);
    assert.equal(queues.length, 1_000);
  });
});

describe('allocate', () => {
  it('gives as many bytes as asked for, aligned to 4, that nobody else holds', () => {
    const held: Uint8Array[] = [];
    for (const size of [0, 1, 3, 4, 63, 64, 65, 66, 67, 100, 4_095, 4_096, 4_097, 32_767, 32_768, 32_769, 1_000_000]) {
      for (let i = 0; i < 12; i++) {
        const memory = allocate(size);
        assert.equal(memory.length, size);
        assert.equal(memory.byteOffset % 4, 0);
        memory.fill(held.length);
        held.push(memory);
      }
    }
    for (const [i, memory] of held.entries())
      assert.ok(
        memory.every((octet) => octet === (i & 0xff)),
        `allocation ${i} was overwritten`,
      );
  });

  it('a kept message pins at most a slab of 32 KiB, a middle one 64 KiB, a large one only itself', () => {
    for (const size of [1, 64, 65, 1_000, 4_096]) assert.ok(allocate(size).buffer.byteLength <= 32_768);
    for (const size of [4_097, 16_384]) assert.ok(allocate(size).buffer.byteLength <= 65_536);
    for (const size of [16_385, 100_000]) assert.equal(allocate(size).buffer.byteLength, size);
    assert.equal(allocate(0).buffer.byteLength, 0);
  });

  it('slices of one slab follow one another without overlap, however odd their sizes', () => {
    const random = new Random(5);
    let last: Uint8Array | undefined;
    for (let i = 0; i < 5_000; i++) {
      const memory = allocate(random.between(65, 4_096));
      if (last?.buffer === memory.buffer) assert.ok(memory.byteOffset >= last.byteOffset + last.length);
      assert.ok(memory.byteOffset + memory.length <= memory.buffer.byteLength);
      last = memory;
    }
  });
});
