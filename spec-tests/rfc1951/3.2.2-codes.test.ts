// RFC 1951 §3.2.2: codes from frequencies and decoding tables from codes, at their limits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CODE_BITS, MAX_CODE_LENGTH_CODE_BITS, makeCode } from '../../lib/deflate/huffman-code.ts';
import {
  buildDecodeTable,
  CODE_LENGTHS_AT,
  DECODE_TABLES,
  DISTANCE_PRIMARY_BITS,
  DISTANCES_AT,
  ENTRY_SPECIAL,
  LITERAL_PRIMARY_BITS,
  LITERALS_AT,
} from '../../lib/deflate/huffman-table.ts';
import { Random } from './support.ts';

/** The least cost in bits of any code without a limit: the sum of all weights that are joined on the way. */
function optimalBits(frequencies: readonly number[]): number {
  const heap = frequencies.filter((each) => each > 0);
  let bits = 0;
  while (heap.length > 1) {
    heap.sort((a, b) => b - a);
    const joined = heap.pop()! + heap.pop()!;
    bits += joined;
    heap.push(joined);
  }
  return bits;
}

function codeFor(frequencies: readonly number[], maxBits: number): { lengths: Uint8Array; codes: Int32Array } {
  const lengths = new Uint8Array(frequencies.length).fill(99);
  const both = new Int32Array(frequencies.length);
  makeCode(Int32Array.from(frequencies), frequencies.length, maxBits, lengths, both);
  for (const [symbol, length] of lengths.entries()) if (length > 0) assert.equal(both[symbol]! & 15, length);
  return { lengths, codes: both.map((each) => each >> 4) };
}

test('codes are complete, within the limit, and as short as can be where the limit is not reached', () => {
  const random = new Random(1);
  for (let run = 0; run < 400; run++) {
    const count = 2 + random.next(284);
    const steep = random.next(4);
    const frequencies = Array.from({ length: count }, () =>
      random.next(3) === 0 ? 0 : 1 + Math.floor((random.next(1e6) / 1e6) ** (1 + steep * 3) * 5_000),
    );
    frequencies[0] = 1;
    frequencies[1] ??= 1;
    const { lengths } = codeFor(frequencies, MAX_CODE_BITS);
    const used = frequencies.filter((each) => each > 0).length;
    const space = lengths.reduce((sum, length) => sum + (length === 0 ? 0 : 2 ** -length), 0);
    assert.equal(space, used === 1 ? 0.5 : 1);
    assert(lengths.every((length, symbol) => length <= 15 && length > 0 === frequencies[symbol]! > 0));
    const bits = frequencies.reduce((sum, each, symbol) => sum + each * lengths[symbol]!, 0);
    if (Math.max(...lengths) < MAX_CODE_BITS && used > 1) assert.equal(bits, optimalBits(frequencies));
  }
});

test('frequencies that ask for longer codes are cut to 15 bits, and code lengths to 7 (§3.2.7)', () => {
  const fibonacci = [1, 1];
  while (fibonacci.length < 24) fibonacci.push(fibonacci.at(-1)! + fibonacci.at(-2)!);
  for (const [count, maxBits] of [
    [24, MAX_CODE_BITS],
    [17, MAX_CODE_BITS],
    [19, MAX_CODE_LENGTH_CODE_BITS],
    [9, MAX_CODE_LENGTH_CODE_BITS],
  ] as const) {
    const frequencies = fibonacci.slice(0, count);
    const { lengths } = codeFor(frequencies, maxBits);
    assert.equal(Math.max(...lengths), maxBits);
    assert.equal(
      lengths.reduce((sum, length) => sum + 2 ** -length, 0),
      1,
    );
    // The more frequent, the shorter.
    for (let i = 1; i < count; i++) assert(lengths[i]! <= lengths[i - 1]!);
  }
});

test('one symbol gets one bit, none gets none (§3.2.7)', () => {
  assert.deepEqual([...codeFor([0, 0, 7, 0], 15).lengths], [0, 0, 1, 0]);
  assert.deepEqual([...codeFor([0, 0, 0], 15).lengths], [0, 0, 0]);
});

test('codes are those of the RFC’s example, with their bits reversed (§3.2.2)', () => {
  // ABCDEFGH with lengths 3,3,3,3,3,2,4,4: 010, 011, 100, 101, 110, 00, 1110, 1111.
  const { lengths, codes } = codeFor([4, 4, 4, 4, 4, 9, 2, 2], 15);
  assert.deepEqual([...lengths], [3, 3, 3, 3, 3, 2, 4, 4]);
  const digits = [...codes].map((code, i) => [...code.toString(2).padStart(lengths[i]!, '0')].reverse().join(''));
  assert.deepEqual(digits, ['010', '011', '100', '101', '110', '00', '1110', '1111']);
});

/** Decodes one code by a table; answers the symbol's base value, or -1 for a special entry. */
function look(at: number, indexBits: number, bits: number): { value: number; length: number } {
  let entry = DECODE_TABLES[at + (bits & (2 ** indexBits - 1))]!;
  let length = 0;
  if ((entry & ENTRY_SPECIAL) !== 0 && ((entry >>> 8) & 15) !== 0) {
    length = indexBits;
    entry = DECODE_TABLES[(entry >>> 16) + ((bits >> indexBits) & (2 ** ((entry >>> 8) & 15) - 1))]!;
  }
  return { value: (entry & ENTRY_SPECIAL) !== 0 ? -1 : entry >>> 16, length: length + (entry & 31) };
}

test('every code of every table leads back to its symbol, with any bits behind it, and tables keep to their room', () => {
  const random = new Random(2);
  for (let run = 0; run < 500; run++) {
    const count = 257 + random.next(30);
    const steep = random.next(8);
    const frequencies = Array.from({ length: count }, () =>
      Math.floor((random.next(1e6) / 1e6) ** (1 + steep) * 3_000),
    );
    frequencies[256] = 1;
    frequencies[65] = 1;
    const { lengths, codes } = codeFor(frequencies, MAX_CODE_BITS);
    DECODE_TABLES.fill(0x7fff_ffff, DISTANCES_AT);
    const indexBits = buildDecodeTable(LITERALS_AT, LITERAL_PRIMARY_BITS, 'literal/length', lengths, 0, count);
    assert(DECODE_TABLES.subarray(DISTANCES_AT).every((entry) => entry === 0x7fff_ffff));
    lengths.forEach((length, symbol) => {
      if (length === 0 || symbol > 256) return;
      const found = look(LITERALS_AT, indexBits, codes[symbol]! | (random.next(1 << 15) << length));
      assert.deepEqual(found, { value: symbol === 256 ? -1 : symbol, length });
    });
  }
});

test('tables keep to their room for complete codes of every shape', () => {
  // Entries by how codes of more than the index bits are spread over secondary tables, worst case first found by search
  // over counts of codes per length; here the lengths that reach it.
  for (const [at, primary, count, alphabet, end] of [
    [LITERALS_AT, LITERAL_PRIMARY_BITS, 286, 'literal/length', DISTANCES_AT],
    [DISTANCES_AT, DISTANCE_PRIMARY_BITS, 30, 'distance', CODE_LENGTHS_AT],
  ] as const) {
    let most = 0;
    const random = new Random(3);
    for (let run = 0; run < 3_000; run++) {
      // A complete code grown by splitting leaves, the deepest ones preferred.
      const leaves = [0];
      const bias = random.next(5);
      while (leaves.length < count) {
        let pick = random.next(leaves.length);
        for (let i = 0; i < bias; i++) {
          const other = random.next(leaves.length);
          if (leaves[other]! > leaves[pick]! && leaves[other]! < 15) pick = other;
        }
        if (leaves[pick] === 15) continue;
        leaves[pick]!++;
        leaves.push(leaves[pick]!);
      }
      const lengths = Uint8Array.from(leaves.sort(() => random.next(3) - 1));
      DECODE_TABLES.fill(-1, at);
      buildDecodeTable(at, primary, alphabet, lengths, 0, count);
      assert.equal(DECODE_TABLES[end], -1);
      let used = end - at;
      while (DECODE_TABLES[at + used - 1] === -1) used--;
      most = Math.max(most, used);
    }
    assert(most > 2 ** primary);
  }
});
