/** The reader of a partition, on a Redis that is a few lines of this file: records that are too large for its stream. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PartitionOptions, RedisPartition } from '../../lib/room-logs/redis-partition.ts';
import type { RedisReader, StreamEntry } from '../../lib/room-logs/redis-port.ts';
import { FakeClock } from '../support/clock.ts';

/** Answers a batch of the stream once, and large records when they are let out. */
class Reader implements RedisReader {
  readonly asked: string[] = [];
  readonly #batch: readonly unknown[];
  readonly #large: Readonly<Record<string, string>>;
  #read = false;

  constructor(batch: readonly unknown[], large: Readonly<Record<string, string>>) {
    this.#batch = batch;
    this.#large = large;
  }
  async command([name, key, id]: readonly string[]): Promise<unknown> {
    if (name === 'XREVRANGE') return [];
    if (name === 'XRANGE') {
      this.asked.push(`${key} ${id}`);
      await new Promise((resolve) => setImmediate(resolve));
      const data = this.#large[`${id}`];
      return data === undefined ? [] : [[id, ['t', 'token', 'm', '1', 'd', data]]];
    }
    if (this.#read) return new Promise(() => undefined);
    this.#read = true;
    return [['bus', this.#batch]];
  }
  close(): void {}
}

/** A partition that is read by this reader; what is not given does nothing. */
function partitionRead(reader: RedisReader, options: Partial<PartitionOptions>): RedisPartition {
  const nothing = (): void => undefined;
  return new RedisPartition({
    port: { command: () => Promise.reject(new Error('the reader reads')), reader: () => reader },
    clock: new FakeClock(),
    bus: 'bus',
    large: 'large',
    blockMs: 1_000,
    commandTimeoutMs: 1_000,
    hears: () => true,
    entry: nothing,
    doubt: nothing,
    failed: nothing,
    resumed: nothing,
    ...options,
  });
}

describe('the reader of a partition', () => {
  it('fetches large records in their place, for the rooms that are heard here alone', async () => {
    const reader = new Reader(
      [
        ['1-0', ['r', 'heard', 'e', 'e', 's', '1', 'i', '1-0']],
        ['2-0', ['r', 'heard', 'e', 'e', 's', '2', 't', 'x', 'd', 'tsmall']],
        ['3-0', ['r', 'other', 'e', 'e', 's', '1', 'i', '101-0']],
        ['4-0', ['r', 'heard', 'e', 'e', 's', '3', 'i', '201-0']],
        ['5-0', ['r', 'heard', 'l', 'ann']],
      ],
      { '1-0': 'tlarge', '101-0': 'tof another room' },
    );
    const entries: StreamEntry[] = [];
    await new Promise<void>((resolve) => {
      const partition = partitionRead(reader, {
        hears: (room) => room === 'heard',
        entry: (entry) => {
          entries.push(entry);
          if (entries.length < 5) return;
          partition.close();
          resolve();
        },
      });
    });
    assert.deepEqual(
      entries.map(({ id, fields }) => [id, fields.get('d'), fields.get('t')]),
      [
        ['1-0', 'tlarge', 'token'],
        ['2-0', 'tsmall', 'x'],
        ['3-0', undefined, undefined],
        ['4-0', undefined, undefined], // it was trimmed: the room's feed looks at the history
        ['5-0', undefined, undefined],
      ],
    );
    assert.deepEqual(reader.asked, ['large 1-0', 'large 201-0']);
  });
});
