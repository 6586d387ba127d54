import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { adler32, crc32, crc32Shift, joinAdler32, joinCrc32 } from '../../lib/deflate/checksum.ts';
import { noise, pseudoRandom } from '../support/deflate.ts';

const ascii = (text: string) => new Uint8Array(Buffer.from(text));

/** Pieces of every awkward length, the longest past any run that is summed without a division. */
const SAMPLES = [0, 1, 2, 3, 255, 256, 5_551, 5_552, 5_553, 65_521, 100_000].map((length, seed) => noise(length, seed));
SAMPLES.push(new Uint8Array(70_000).fill(0xff), new Uint8Array(1_000));

describe('RFC 1952 §8: CRC-32', () => {
  it('of "123456789" is cbf43926, of nothing 0', () => {
    assert.equal(crc32(ascii('123456789')), 0xcbf4_3926);
    assert.equal(crc32(new Uint8Array(0)), 0);
  });

  it('is what gzip writes at its end', () => {
    for (const sample of SAMPLES)
      assert.equal(crc32(sample), gzipSync(sample).readUInt32LE(gzipSync(sample).length - 8));
  });

  it('of a part is that of the part alone', () => {
    assert.equal(crc32(ascii('x123456789y'), 1, 10), 0xcbf4_3926);
  });

  it('of two pieces is the joined sums of both, wherever they are cut', () => {
    for (const sample of SAMPLES) {
      for (const at of cuts(sample.length)) {
        const [first, second] = [sample.subarray(0, at), sample.subarray(at)];
        assert.equal(joinCrc32(crc32(first), crc32(second), crc32Shift(second.length)), crc32(sample));
      }
    }
  });
});

describe('RFC 1950 §8.2: Adler-32', () => {
  it('of "Wikipedia" is 11e60398, of nothing 1', () => {
    assert.equal(adler32(ascii('Wikipedia')), 0x11e6_0398);
    assert.equal(adler32(new Uint8Array(0)), 1);
  });

  it('is what zlib writes at its end', () => {
    for (const sample of SAMPLES)
      assert.equal(adler32(sample), deflateSync(sample).readUInt32BE(deflateSync(sample).length - 4));
  });

  it('of two pieces is the joined sums of both, wherever they are cut', () => {
    for (const sample of SAMPLES) {
      for (const at of cuts(sample.length)) {
        const [first, second] = [sample.subarray(0, at), sample.subarray(at)];
        assert.equal(joinAdler32(adler32(first), adler32(second), second.length), adler32(sample));
      }
    }
  });
});

function cuts(length: number): number[] {
  const next = pseudoRandom(length);
  return [0, 1, length, ...Array.from({ length: 20 }, () => Math.floor(next() * (length + 1)))].map((at) =>
    Math.min(at, length),
  );
}
