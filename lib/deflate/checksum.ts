/**
 * CRC-32 and Adler-32, with what is rarer: joining the sums of two pieces without reading either again.
 *
 * A compressed event stream ends with the sum of everything in it (RFC 1952 §2.3.1, RFC 1950 §2.2). Each event's sum is
 * computed once for all streams; a stream only joins it to its own, which takes some 30 shifts whatever the length.
 * Pure arithmetic. Read next: `../event-stream/stream-encoder.ts`.
 */

/** The polynomial of RFC 1952 §8, bit-reversed: the coefficient of x^0 is the most significant bit. */
const POLYNOMIAL = 0xedb8_8320;

/** The CRC of each single octet. */
const CRC_TABLE: Int32Array = new Int32Array(256);
for (let octet = 0; octet < 256; octet++) {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  CRC_TABLE[octet] = crc;
}

/** CRC-32 of `bytes[start..end)` (RFC 1952 §8). */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let crc = -1;
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** What `joinCrc32` needs to know of the length of the second piece: x^(8 × length) modulo the polynomial. */
export function crc32Shift(length: number): number {
  let power = 0x8000_0000; // x^0
  let square = 0x0080_0000; // x^8: one octet
  for (let n = length; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

/** CRC-32 of two pieces, one behind the other. `shift` is `crc32Shift` of the second one's length. */
export function joinCrc32(first: number, second: number, shift: number): number {
  return (multiply(shift, first) ^ second) >>> 0;
}

/** a × b modulo the polynomial, over GF(2). */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  // From x^0, the top bit, to x^31; what is left of `a` after its last coefficient is 0.
  for (let rest = a | 0; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

/** The largest prime below 65,536 (RFC 1950 §8.2). */
const ADLER_BASE = 65_521;

/** Octets that can be summed before the larger of the two sums could pass 2^32 (RFC 1950 §9's reasoning). */
const ADLER_RUN = 5_552;

/** Adler-32 of `bytes[start..end)` (RFC 1950 §8.2). */
export function adler32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let a = 1;
  let b = 0;
  for (let i = start; i < end; ) {
    const stop = Math.min(end, i + ADLER_RUN);
    for (; i < stop; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= ADLER_BASE;
    b %= ADLER_BASE;
  }
  return ((b << 16) | a) >>> 0;
}

/** Adler-32 of two pieces, one behind the other. */
export function joinAdler32(first: number, second: number, secondLength: number): number {
  const a1 = first & 0xffff;
  // The second piece began its sum with 1 and not with a1: that is a1 - 1 too little in each of its steps.
  const missing = a1 - 1 + ADLER_BASE;
  const a = (a1 + (second & 0xffff) - 1 + ADLER_BASE) % ADLER_BASE;
  const b = ((first >>> 16) + (second >>> 16) + (secondLength % ADLER_BASE) * (missing % ADLER_BASE)) % ADLER_BASE;
  return ((b << 16) | a) >>> 0;
}
