/** What the pair in memory adds to the contract: bounds, faults, and what a side hears when the other one is dropped. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MemoryChannel, type MemoryPairOptions, memoryPair } from '../../lib/channel/memory.ts';
import type { Sink } from '../../lib/channel/port.ts';
import { noise } from '../support/deflate.ts';
import { turns } from '../support/sockets.ts';

/** What a side was told, and the chunks that it got. */
class Told implements Sink {
  readonly what: string[] = [];
  readonly chunks: Uint8Array[] = [];
  receive(chunk: Uint8Array): void {
    this.chunks.push(new Uint8Array(chunk));
    if (this.what.at(-1) !== 'bytes') this.what.push('bytes');
  }
  receiveEnd(): void {
    this.what.push('end');
  }
  drained(): void {
    this.what.push('drained');
  }
  gone(error: Error | undefined): void {
    this.what.push(error === undefined ? 'gone' : `gone: ${error.message}`);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function pair(options?: MemoryPairOptions): {
  readonly first: MemoryChannel;
  readonly second: MemoryChannel;
  readonly one: Told;
  readonly two: Told;
} {
  const { first, second } = memoryPair(options);
  const [one, two] = [new Told(), new Told()];
  first.sink = one;
  second.sink = two;
  return { first, second, one, two };
}

function write(channel: MemoryChannel, bytes: Uint8Array | string): void {
  const all = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  channel.output.append(all, 0, all.length);
  channel.flush();
}

describe('a pair in memory', () => {
  it('says who is at the other end from the start, and after', async () => {
    const { first } = pair({ remote: { address: '192.0.2.7', port: 5, secure: true } });
    assert.deepEqual(first.remote, { address: '192.0.2.7', port: 5, secure: true });
    first.destroy();
    await turns();
    assert.deepEqual(first.remote, { address: '192.0.2.7', port: 5, secure: true });
    assert.deepEqual(pair().first.remote, { address: '127.0.0.1', port: 0, secure: false });
  });

  it('takes 262,144 octets at once; one more stays under way until the other side has received it', async () => {
    const { first, second, one, two } = pair();
    second.pause();
    write(first, noise(262_144));
    assert.deepEqual([first.blocked, first.bufferedAmount], [false, 0]);
    write(first, 'x');
    write(first, 'y');
    assert.deepEqual([first.blocked, first.bufferedAmount], [true, 2]);
    await turns();
    assert.deepEqual(one.what, []);
    second.resume();
    await turns();
    assert.deepEqual([first.blocked, first.bufferedAmount, one.what], [false, 0, ['drained']]);
    assert.equal(two.bytes.subarray(262_144).toString(), 'xy');
  });

  it('a chunk has 65,536 octets at most, as one read of a socket', async () => {
    const { first, two } = pair();
    write(first, noise(150_000));
    await turns();
    assert.deepEqual(
      two.chunks.map(({ length }) => length),
      [65_536, 65_536, 18_928],
    );
  });

  it('one octet at a time, FIN behind the last', async () => {
    const { first, second, two } = pair();
    second.maxChunkBytes = 1;
    write(first, 'abc');
    first.end();
    await turns();
    assert.deepEqual(
      two.chunks.map(({ length }) => length),
      [1, 1, 1],
    );
    assert.equal(two.bytes.toString(), 'abc');
    assert.deepEqual(two.what, ['bytes', 'end']);
  });

  it('stalled, neither bytes nor FIN nor a reset arrives; released, all that was held up', async () => {
    const { first, second, two } = pair();
    second.stall();
    write(first, 'held up');
    first.end();
    await turns();
    assert.deepEqual(two.what, []);
    second.release();
    await turns();
    assert.equal(two.bytes.toString(), 'held up');
    assert.deepEqual(two.what, ['bytes', 'end']);

    const other = pair();
    other.second.stall();
    other.first.reset();
    await turns();
    assert.deepEqual([other.one.what, other.two.what], [['gone'], []]);
    other.second.release();
    await turns();
    assert.deepEqual(other.two.what, ['gone: reset by the peer (ECONNRESET)']);
  });

  it('a reset overtakes what is under way, in both directions', async () => {
    const { first, second, one, two } = pair();
    write(first, 'to the second');
    write(second, 'to the first');
    first.reset();
    await turns();
    assert.deepEqual(one.what, ['gone']);
    assert.deepEqual(two.what, ['gone: reset by the peer (ECONNRESET)']);
  });

  it('a side that is dropped with bytes unread resets the other; with none, the other hears FIN', async () => {
    const unread = pair();
    unread.first.pause();
    write(unread.second, 'nobody reads this');
    await turns();
    unread.first.destroy();
    await turns();
    assert.deepEqual(unread.two.what, ['gone: reset by the peer (ECONNRESET)']);

    const read = pair();
    write(read.first, 'goodbye');
    read.first.destroy();
    await turns();
    assert.equal(read.two.bytes.toString(), 'goodbye');
    assert.deepEqual(read.two.what, ['bytes', 'end']);
  });

  it('a write to a side that has gone fails, in a later turn', async () => {
    const { first, second, two } = pair();
    first.destroy();
    await turns();
    write(second, 'is anybody there');
    assert.deepEqual(two.what, ['end']);
    await turns();
    assert.deepEqual(two.what, ['end', 'gone: write to a peer that has gone (EPIPE)']);
  });

  it('keeps no view of what was written: the memory may be used again at once', async () => {
    for (const memory of [new Uint8Array(5), Buffer.alloc(5)]) {
      const { first, two } = pair();
      memory.fill(0x61);
      write(first, memory);
      memory.fill(0x62);
      await turns();
      assert.equal(two.bytes.toString(), 'aaaaa');
    }
  });
});
