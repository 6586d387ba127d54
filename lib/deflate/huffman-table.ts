/**
 * Huffman decoding tables (RFC 1951 §3.2.2, §3.2.5-3.2.7): code lengths in, a table to index with the next bits out.
 *
 * A table's first 2^n entries answer every code of up to n bits at once; a longer code's first n bits lead to a
 * secondary table further on in the same array. The memory is made once and refilled for each dynamic block (the
 * decoder is synchronous), and the fixed codes are built once, here, at load. Knows nothing of input and output.
 *
 * One entry, 32 bits: 0-4 bits of the code to consume · 5-7 flags below · 8-11 extra bits that follow, or index bits of the
 * secondary table · 12 literal · 16-31 the literal, the base of the length or distance, or where the secondary table begins.
 * Read next: `block-reader.ts`, which fills them, and `inflate.ts`, which walks them.
 */

/** Not a literal, a length or a distance: the three below, or a link to a secondary table. */
export const ENTRY_SPECIAL = 0x20;
/** Symbol 256, the end of the block. */
export const ENTRY_END = 0x40;
/** No symbol has this code. */
export const ENTRY_INVALID = 0x80;
/** The value is a plain octet. */
export const ENTRY_LITERAL = 0x1000;

/** `buildDecodeTable` answers this when the lengths ask for more codes than there are. */
export const TABLE_OVERSUBSCRIBED = -1;
/** `buildDecodeTable` answers this when the lengths leave codes without a symbol. */
export const TABLE_INCOMPLETE = -2;

/** Index bits of the primary tables at most; a block whose longest code is shorter has smaller tables. */
export const LITERAL_PRIMARY_BITS = 10;
export const DISTANCE_PRIMARY_BITS = 8;
export const CODE_LENGTH_PRIMARY_BITS = 7;

/**
 * All tables in one array, so that the decoder's loop has one constant to index. Room for secondary tables: one of k index
 * bits stands for at least k + 1 symbols, so that 286 symbols with codes of 10 + 5 bits have at most 286 / 6 × 32 entries in
 * them, and 30 symbols with codes of 8 + 7 bits at most 30 / 8 × 128.
 */
export const FIXED_LITERALS_AT = 0;
export const FIXED_DISTANCES_AT = 512;
export const LITERALS_AT = 544;
export const DISTANCES_AT: number = LITERALS_AT + 1_024 + 1_536;
export const CODE_LENGTHS_AT: number = DISTANCES_AT + 256 + 480;
export const DECODE_TABLES: Int32Array = new Int32Array(CODE_LENGTHS_AT + 128);
const table = DECODE_TABLES;

/** Which symbols a table decodes to; it also decides which incomplete codes are allowed. */
export type Alphabet = 'literal/length' | 'distance' | 'code length';

/** §3.2.5: first length of symbols 257-285, and how many extra bits choose among those up to the next. */
export const LENGTH_BASE: readonly number[] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
export const LENGTH_EXTRA_BITS: readonly number[] = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
/** §3.2.5: first distance of symbols 0-29, and their extra bits. */
export const DISTANCE_BASE: readonly number[] = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
export const DISTANCE_EXTRA_BITS: readonly number[] = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];

// What a symbol's entry is, but for the length of its code.
const LITERAL_ENTRIES = new Int32Array(288).fill(ENTRY_SPECIAL | ENTRY_INVALID);
for (let symbol = 0; symbol < 256; symbol++) LITERAL_ENTRIES[symbol] = (symbol << 16) | ENTRY_LITERAL;
LITERAL_ENTRIES[256] = ENTRY_SPECIAL | ENTRY_END;
for (let i = 0; i < 29; i++) LITERAL_ENTRIES[257 + i] = (LENGTH_BASE[i]! << 16) | (LENGTH_EXTRA_BITS[i]! << 8);
const DISTANCE_ENTRIES = new Int32Array(32).fill(ENTRY_SPECIAL | ENTRY_INVALID);
for (let i = 0; i < 30; i++) DISTANCE_ENTRIES[i] = (DISTANCE_BASE[i]! << 16) | (DISTANCE_EXTRA_BITS[i]! << 8);
const CODE_LENGTH_ENTRIES = new Int32Array(19);
for (let i = 0; i < 19; i++) CODE_LENGTH_ENTRIES[i] = i << 16;

/** The symbols that have a code, ascending, as `length << 9 | symbol`: to be filled for `fillDecodeTable`. */
export const usedSymbols: Uint16Array = new Uint16Array(286 + 30);
/** How many symbols have a code of each length; two sets, since two alphabets are read in one go (§3.2.7). */
export const usedLengthCounts: Int32Array = new Int32Array(2 * 16);
/** Where the next symbol of a length goes, and the symbols ordered by (length, symbol). */
const nextPlace = new Int32Array(16);
const ordered = new Uint16Array(288);
// An exported constant is loaded and checked at every use.
const occurring = usedSymbols;
const lengthCounts = usedLengthCounts;

/**
 * Fills `DECODE_TABLES` from `at` on from `lengths[start..end)`, the code length of each symbol in turn, 0 for a symbol without a code.
 *
 * @param primaryBits index bits of the primary table at most.
 * @returns the index bits of the primary table as built (1 to `primaryBits`), or `TABLE_OVERSUBSCRIBED` or `TABLE_INCOMPLETE`.
 */
export function buildDecodeTable(
  at: number,
  primaryBits: number,
  alphabet: Alphabet,
  lengths: Uint8Array,
  start: number,
  end: number,
): number {
  for (let i = 0; i < 16; i++) lengthCounts[i] = 0;
  let used = 0;
  for (let i = start; i < end; i++) {
    const length = lengths[i]!;
    if (length === 0) continue;
    lengthCounts[length]!++;
    occurring[used++] = (length << 9) | (i - start);
  }
  return fillDecodeTable(at, primaryBits, alphabet, 0, used, 0, 0);
}

/**
 * The same from `usedSymbols[from..to)`, whose numbers are too large by `base`, and the sixteen `usedLengthCounts` at `counts`:
 * who reads code lengths knows the unused ones as runs, and need not have them looked at one by one. Longer than a screen: the code, the
 * next symbol and the room go on from the primary table into the secondary ones.
 */
export function fillDecodeTable(
  at: number,
  primaryBits: number,
  alphabet: Alphabet,
  from: number,
  to: number,
  base: number,
  counts: number,
): number {
  const used = to - from;
  // §3.2.2: each code of n bits takes 2^-n of the space of codes; `space` counts what is left in units of 2^-n.
  let longest = 0;
  let place = 0;
  let space = 1;
  for (let length = 1; length <= 15; length++) {
    const count = lengthCounts[counts + length]!;
    space = space * 2 - count;
    if (space < 0) return TABLE_OVERSUBSCRIBED;
    if (count > 0) longest = length;
    nextPlace[length] = place;
    place += count;
  }
  if (space > 0) {
    // §3.2.7: a single distance code is sent with one bit, and none at all when there are only literals. Choice: like other
    // decoders, a literal/length code of the end of the block alone is taken as well.
    if (longest > 1 || alphabet === 'code length') return TABLE_INCOMPLETE;
    table[at] = ENTRY_SPECIAL | ENTRY_INVALID | 1;
    table[at + 1] = ENTRY_SPECIAL | ENTRY_INVALID | 1;
    if (longest === 0) return 1;
  }

  for (let i = from; i < to; i++) {
    const symbol = occurring[i]!;
    ordered[nextPlace[symbol >> 9]!++] = (symbol & 511) - base;
  }
  const entries =
    alphabet === 'literal/length' ? LITERAL_ENTRIES : alphabet === 'distance' ? DISTANCE_ENTRIES : CODE_LENGTH_ENTRIES;
  if (space > 0) {
    table[at] = entries[ordered[0]!]! | 1;
    return 1;
  }

  // Codes in ascending order, kept bit-reversed because the stream sends a code's first bit first (§3.1.1). The table is
  // filled as if it had 2^length entries and doubled when the length grows: each symbol is written once.
  const indexBits = Math.min(longest, primaryBits);
  let length = 1;
  let size = 2;
  let code = 0;
  let next = 0;
  for (;;) {
    for (let n = lengthCounts[counts + length]!; n > 0; n--) {
      table[at + code] = entries[ordered[next++]!]! | length;
      if (next === used) {
        // The last code is all ones; what is still to be doubled holds complete codes.
        for (; length < indexBits; length++, size *= 2) double(at, size);
        return indexBits;
      }
      code = nextReversed(code, size - 1);
    }
    if (length === indexBits) break;
    double(at, size);
    length++;
    size *= 2;
  }

  // Longer codes: for each set of first `indexBits` bits one table, as large as the codes that begin with them need.
  const primaryMask = (1 << indexBits) - 1;
  let prefix = -1;
  let secondaryAt = 0;
  let freeAt = at + (1 << indexBits);
  let tableBits = 0;
  for (length = indexBits + 1; ; length++) {
    for (let n = lengthCounts[counts + length]!; n > 0; n--) {
      if ((code & primaryMask) !== prefix) {
        prefix = code & primaryMask;
        tableBits = length - indexBits;
        // Codes of this length and then of the next ones, until the prefix is used up.
        let room = (1 << tableBits) - n;
        while (room > 0) {
          tableBits++;
          room = room * 2 - lengthCounts[counts + indexBits + tableBits]!;
        }
        secondaryAt = freeAt;
        freeAt += 1 << tableBits;
        table[at + prefix] = (secondaryAt << 16) | (tableBits << 8) | ENTRY_SPECIAL | indexBits;
      }
      const entry = entries[ordered[next++]!]! | (length - indexBits);
      const step = 1 << (length - indexBits);
      for (let i = secondaryAt + (code >>> indexBits); i < freeAt; i += step) table[i] = entry;
      if (next === used) return indexBits;
      code = nextReversed(code, (1 << length) - 1);
    }
  }
}

/** Copies the `size` entries at `at` behind themselves. Up to this size a loop is quicker than the call of `copyWithin`. */
function double(at: number, size: number): void {
  if (size > 64) table.copyWithin(at + size, at, at + size);
  else for (let i = at, to = at + size; i < at + size; i++) table[to++] = table[i]!;
}

/** The code after `code`, both bit-reversed: adds one at the most significant of the bits in `mask` that is zero. */
function nextReversed(code: number, mask: number): number {
  const bit = 1 << (31 - Math.clz32(code ^ mask));
  return (code & (bit - 1)) | bit;
}

/** §3.2.6: the fixed codes. Symbols 286-287 and distances 30-31 have codes and no meaning. */
function fixedLengths(): Uint8Array {
  const lengths = new Uint8Array(288 + 32);
  lengths.fill(8, 0, 144);
  lengths.fill(9, 144, 256);
  lengths.fill(7, 256, 280);
  lengths.fill(8, 280, 288);
  lengths.fill(5, 288);
  return lengths;
}

export const FIXED_LITERAL_BITS = 9;
export const FIXED_DISTANCE_BITS = 5;
buildDecodeTable(FIXED_LITERALS_AT, FIXED_LITERAL_BITS, 'literal/length', fixedLengths(), 0, 288);
buildDecodeTable(FIXED_DISTANCES_AT, FIXED_DISTANCE_BITS, 'distance', fixedLengths(), 288, 320);
