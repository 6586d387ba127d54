import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import {
  FREE_MAX_COUNT,
  forgetUnusedLentMemory,
  freeLentBytes,
  keepable,
  lend,
  lendable,
  PIECE_MAX_BYTES,
  poisonLentMemory,
  sendable,
  takeBack,
  takeLatest,
  takeLentMemory,
  written,
} from '../../lib/bytes/lent-memory.ts';
import { OutputQueue } from '../../lib/bytes/output.ts';

const LONG = 100_000;

/** Lends `size` bytes of new memory and takes them back: the memory is free then. */
function useOnce(size: number): ArrayBufferLike {
  const view = lend(lendable(size), size);
  takeLatest();
  takeBack(view);
  return view.buffer;
}

describe('memory that is lent', () => {
  afterEach(() => {
    forgetUnusedLentMemory();
    forgetUnusedLentMemory();
    assert.equal(freeLentBytes(), 0);
  });

  it('is used again once the receiver has returned, for what fits into it', () => {
    const memory = useOnce(LONG);
    assert.equal(takeLentMemory(LONG + 1), undefined);
    assert.equal(takeLentMemory(LONG * 0.79), undefined); // what is sent of a piece holds all of it: at most a quarter more
    const again = takeLentMemory(LONG * 0.8);
    assert.equal(again?.buffer, memory);
    assert.equal(takeLentMemory(1), undefined); // it is taken
  });

  it('is told once to whoever delivers it', () => {
    const view = lend(lendable(LONG), LONG);
    assert.equal(takeLatest(), view);
    assert.equal(takeLatest(), undefined);
    takeBack(view);
  });

  it('is not free before all that was sent of it has been written, in whatever pieces and views', () => {
    const view = lend(lendable(LONG), LONG);
    takeLatest();
    sendable(view);
    sendable(view.subarray(10));
    takeBack(view);
    assert.equal(freeLentBytes(), 0);
    written(view, 60_000);
    written(view, 40_000);
    assert.equal(freeLentBytes(), 0);
    written(view.subarray(10), LONG - 10);
    assert.equal(freeLentBytes(), LONG);
  });

  it('that was written while the receiver still had it is free when that returns, not before', () => {
    const view = lend(lendable(LONG), LONG);
    takeLatest();
    sendable(view);
    written(view, LONG);
    assert.equal(freeLentBytes(), 0);
    sendable(view);
    takeBack(view);
    assert.equal(freeLentBytes(), 0);
    written(view, LONG);
    assert.equal(freeLentBytes(), LONG);
  });

  it('that a queue forgets unwritten, or hands out as a copy, comes back', () => {
    for (const end of [(queue: OutputQueue) => queue.clear(), (queue: OutputQueue) => void queue.takeAll()]) {
      const view = lend(lendable(LONG), LONG);
      takeLatest();
      const queue = new OutputQueue();
      queue.append(new Uint8Array(5), 0, 5);
      queue.append(view, 0, LONG);
      sendable(view);
      takeBack(view);
      assert.equal(freeLentBytes(), 0);
      end(queue);
      assert.equal(freeLentBytes(), LONG);
      takeLentMemory(LONG);
    }
  });

  it('is copied where it is sent after it was taken back, so that whoever has it now loses nothing', () => {
    const view = lend(lendable(LONG), LONG).fill(1);
    takeLatest();
    assert.equal(sendable(view), view);
    takeBack(view);
    for (const isFree of [false, true]) {
      if (isFree) written(view, LONG);
      assert.equal(freeLentBytes(), isFree ? LONG : 0);
      const late = sendable(isFree ? Buffer.from(view.buffer, view.byteOffset, LONG) : view);
      assert.notEqual(late.buffer, view.buffer);
      assert.deepEqual(Uint8Array.from(late), view);
      written(late, LONG);
      assert.equal(freeLentBytes(), isFree ? LONG : 0);
    }
  });

  it('is free once, whatever is said to be written of it', () => {
    const view = lend(lendable(LONG), LONG);
    takeLatest();
    takeBack(view);
    written(view, LONG); // of somebody who did not ask whether it is lent
    assert.equal(freeLentBytes(), LONG);
    const one = lend(lendable(LONG), LONG);
    takeLatest();
    assert.notEqual(lendable(LONG).buffer, one.buffer);
    takeBack(one);
  });

  it('is a copy for somebody who may keep it, and what is not lent a view', () => {
    const view = lend(lendable(LONG), LONG).fill(1);
    takeLatest();
    const kept = keepable(view, 1, 3);
    takeBack(view);
    view.fill(2);
    assert.deepEqual([...kept], [1, 1]);
    const own = new Uint8Array(4);
    assert.equal(keepable(own, 1, 3).buffer, own.buffer);
    assert.deepEqual([keepable(own, 1, 3).byteOffset, keepable(own, 1, 3).length], [1, 2]);
  });

  it(`is kept in ${FREE_MAX_COUNT} pieces of at most ${PIECE_MAX_BYTES} bytes, the largest, and goes when a sweep finds it unused twice`, () => {
    useOnce(PIECE_MAX_BYTES + 1);
    assert.equal(freeLentBytes(), 0);
    const sizes = [20_000, 50_000, 30_000, 40_000, 60_000, PIECE_MAX_BYTES];
    const views = sizes.map((size) => lend(lendable(size), size));
    takeLatest();
    for (const view of views) takeBack(view);
    assert.equal(freeLentBytes(), 40_000 + 50_000 + 60_000 + PIECE_MAX_BYTES);
    forgetUnusedLentMemory();
    useOnce(PIECE_MAX_BYTES); // only this is used between the two
    forgetUnusedLentMemory();
    assert.equal(freeLentBytes(), PIECE_MAX_BYTES);
  });

  it('is written over when it becomes free, where that is asked for', () => {
    poisonLentMemory(0xff);
    try {
      const view = lend(lendable(LONG), LONG).fill(1);
      takeLatest();
      sendable(view);
      takeBack(view);
      assert.equal(view[0], 1);
      written(view, LONG);
      assert.ok(view.every((octet) => octet === 0xff));
    } finally {
      poisonLentMemory(undefined);
    }
  });
});
