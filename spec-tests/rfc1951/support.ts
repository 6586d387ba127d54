/**
 * What the tests of RFC 1951 share: a seeded corpus, a writer of hand-made streams, and a reader that is as simple as can be.
 *
 * `explain` is a second decoder that shares nothing with the library: bit by bit, codes by comparison (the method that §3.2.2
 * describes), and it tells what blocks and distances it saw. The differential tests use `node:zlib` besides.
 */

/** Numbers from a seed, so that a failure can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to `below - 1` (mulberry32). */
  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }
}

const WORDS =
  'stream frame socket the of and to in is you that it was for on are as with they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people'.split(
    ' ',
  );

export const KINDS = ['text', 'json', 'random', 'runs', 'skewed', 'repeats'] as const;
export type Kind = (typeof KINDS)[number];

/** Bytes of one kind, exactly `length` of them. */
export function sample(kind: Kind, length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  if (kind === 'text' || kind === 'json') {
    let text = '';
    while (text.length < length) {
      const word = WORDS[random.next(WORDS.length)]!;
      text +=
        kind === 'text' ? `${word} ` : `${JSON.stringify({ id: random.next(1e9), user: word, at: random.next(1e6) })},`;
    }
    bytes.set(Buffer.from(text.slice(0, length), 'latin1'));
  } else if (kind === 'random') {
    for (let i = 0; i < length; i++) bytes[i] = random.next(256);
  } else if (kind === 'runs') {
    for (let i = 0; i < length; ) {
      const run = 1 + random.next(600);
      bytes.fill(random.next(256), i, i + run);
      i += run;
    }
  } else if (kind === 'skewed') {
    for (let i = 0; i < length; i++) bytes[i] = Math.floor((random.next(1e6) / 1e6) ** 4 * 256);
  } else {
    // Pieces from anywhere before: matches at all distances.
    for (let i = 0; i < length; ) {
      const run = Math.min(length - i, 1 + random.next(300));
      if (i === 0 || random.next(4) === 0) for (let k = 0; k < run; k++) bytes[i + k] = random.next(256);
      else {
        const from = random.next(i);
        for (let k = 0; k < run; k++) bytes[i + k] = bytes[from + k]!;
      }
      i += run;
    }
  }
  return bytes;
}

/** Writes a stream by hand: numbers with their least significant bit first, codes with their first bit first (§3.1.1). */
export class Bits {
  readonly #bits: number[] = [];

  number(value: number, count: number): this {
    for (let i = 0; i < count; i++) this.#bits.push((value >> i) & 1);
    return this;
  }

  /** A code as the RFC writes it: `'0110'`. */
  code(digits: string): this {
    for (const digit of digits) this.#bits.push(Number(digit));
    return this;
  }

  /** A literal/length symbol in the fixed code (§3.2.6). */
  fixed(symbol: number): this {
    if (symbol < 144) return this.code((0x30 + symbol).toString(2).padStart(8, '0'));
    if (symbol < 256) return this.code((0x190 + symbol - 144).toString(2).padStart(9, '0'));
    if (symbol < 280) return this.code((symbol - 256).toString(2).padStart(7, '0'));
    return this.code((0xc0 + symbol - 280).toString(2).padStart(8, '0'));
  }

  align(): this {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0);
    return this;
  }

  /**
   * The header of a dynamic block up to the code lengths (§3.2.7): `lengths` are those of the literal/length and then of the
   * distance codes, each sent in the plain code where all of 0 to 15 have four bits.
   */
  dynamic(literals: readonly number[], distances: readonly number[], final = true): this {
    this.number(final ? 1 : 0, 1).number(2, 2);
    this.number(literals.length - 257, 5)
      .number(distances.length - 1, 5)
      .number(15, 4);
    for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]) {
      this.number(symbol < 16 ? 4 : 0, 3);
    }
    for (const length of [...literals, ...distances]) this.code(length.toString(2).padStart(4, '0'));
    return this;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8));
    this.#bits.forEach((bit, i) => {
      bytes[i >> 3]! |= bit << (i & 7);
    });
    return bytes;
  }
}

export interface Explained {
  readonly plain: Uint8Array;
  /** The type of each block in turn. */
  readonly types: number[];
  /** The farthest distance. */
  readonly farthest: number;
  readonly longestMatch: number;
}

const LENGTHS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const DISTANCES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];

/** Decodes a valid stream without any speed. */
export function explain(data: Uint8Array, dictionary: Uint8Array = new Uint8Array(0)): Explained {
  let at = 0;
  const bit = (): number => {
    if (at >= data.length * 8) throw new Error('out of bits');
    const value = (data[at >> 3]! >> (at & 7)) & 1;
    at++;
    return value;
  };
  const number = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value |= bit() << i;
    return value;
  };
  const coder = (lengths: readonly number[]) => {
    const codes = new Map<string, number>();
    let code = 0;
    for (let length = 1; length <= 15; length++) {
      code <<= 1;
      lengths.forEach((each, symbol) => {
        if (each === length) codes.set((code++).toString(2).padStart(length, '0'), symbol);
      });
    }
    return (): number => {
      let digits = '';
      for (;;) {
        digits += bit();
        const symbol = codes.get(digits);
        if (symbol !== undefined) return symbol;
        if (digits.length > 15) throw new Error('no such code');
      }
    };
  };
  const out = [...dictionary];
  const types: number[] = [];
  let farthest = 0;
  let longestMatch = 0;
  while (data.length * 8 - at >= 3) {
    const final = bit();
    const type = number(2);
    types.push(type);
    if (type === 0) {
      at = Math.ceil(at / 8) * 8;
      const length = number(16);
      number(16);
      for (let i = 0; i < length; i++) out.push(number(8));
    } else {
      let literal: () => number;
      let distanceSymbol: () => number;
      if (type === 1) {
        literal = coder([...Array(144).fill(8), ...Array(112).fill(9), ...Array(24).fill(7), ...Array(8).fill(8)]);
        distanceSymbol = coder(Array(30).fill(5));
      } else {
        const [literals, distances, count] = [number(5) + 257, number(5) + 1, number(4) + 4];
        const small: number[] = Array(19).fill(0);
        for (let i = 0; i < count; i++) {
          small[[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15][i]!] = number(3);
        }
        const next = coder(small);
        const lengths: number[] = [];
        while (lengths.length < literals + distances) {
          const symbol = next();
          if (symbol < 16) lengths.push(symbol);
          else if (symbol === 16) lengths.push(...Array(number(2) + 3).fill(lengths.at(-1)));
          else lengths.push(...Array(symbol === 17 ? number(3) + 3 : number(7) + 11).fill(0));
        }
        literal = coder(lengths.slice(0, literals));
        distanceSymbol = coder(lengths.slice(literals));
      }
      for (;;) {
        const symbol = literal();
        if (symbol < 256) out.push(symbol);
        else if (symbol === 256) break;
        else {
          const i = symbol - 257;
          const length = LENGTHS[i]! + number(i < 8 || i === 28 ? 0 : (i >> 2) - 1);
          const d = distanceSymbol();
          const distance = DISTANCES[d]! + number(d < 4 ? 0 : (d >> 1) - 1);
          if (distance > out.length) throw new Error('distance too far');
          farthest = Math.max(farthest, distance);
          longestMatch = Math.max(longestMatch, length);
          for (let k = 0; k < length; k++) out.push(out[out.length - distance]!);
        }
      }
    }
    if (final === 1) at = Math.ceil(at / 8) * 8;
  }
  return { plain: Uint8Array.from(out.slice(dictionary.length)), types, farthest, longestMatch };
}
