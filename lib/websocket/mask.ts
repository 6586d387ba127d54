/**
 * Masking: fresh unpredictable keys, and the XOR that applies or removes one (RFC 6455 §5.3).
 *
 * A masking key travels through this library as one little-endian signed 32-bit integer, so that key octet i is
 * `key >> (8 * i)`. Applying it twice is the identity, so one function both masks and unmasks.
 * Never touches a buffer that a caller owns: bytes are transformed in their copy.
 * Remembered from call to call: a source of at most 64 KiB, a target of at most 1 MiB, and the keys that were drawn and not yet used
 * (8 KiB).
 * This is the one file of the WebSocket core besides `handshake.ts` that uses `node:crypto`. Read next: `frame-parser.ts`.
 */

import { randomFillSync } from 'node:crypto';
import { isAllAscii } from '../bytes/utf8.ts';

/** Keys drawn from the system's generator at a time: one call for 2,048 frames instead of one each (2.4 µs against 7 ns a key). */
const POOLED_KEYS = 2_048;
const keys = new Int32Array(POOLED_KEYS);
let nextKey = POOLED_KEYS;

/**
 * Draws a masking key. §5.3: "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a
 * strong source of entropy". A key is used once: "a fresh masking key MUST be chosen for each masked frame".
 */
export function newMaskingKey(): number {
  if (nextKey === POOLED_KEYS) {
    randomFillSync(keys);
    nextKey = 0;
  }
  const key = keys[nextKey]!;
  keys[nextKey++] = 0; // a used key does not stay in memory
  return key;
}

/** The key as the octet at `phase` (0-3) sees it: octet 0 of the result is octet `phase` of `key`. */
export function rotateKey(key: number, phase: number): number {
  const bits = (phase & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/** A bit of this in the OR of all octets means that one of them is not ASCII. */
const NON_ASCII = 0x8080_8080;

/** From here on a native copy and 64-bit words in place are quicker than one pass of 32-bit words; figures at `copyLong`. */
const LONG_MIN_BYTES = 448;

/**
 * Copies `source[start..end)` to `target` at `at` while applying `key`, whose octet 0 meets the first octet copied:
 * `transformed-octet-i = original-octet-i XOR key-octet-(i MOD 4)` (§5.3). Offsets are those of the views. The source may be
 * the target's octets themselves, but may not overlap with them otherwise.
 */
export function copyMasked(
  source: DataView,
  start: number,
  end: number,
  target: DataView,
  at: number,
  key: number,
): void {
  if (end - start < LONG_MIN_BYTES) copyShort(source, start, end, target, at, key);
  else copyLong(source, start, end, target, at, key);
}

/** As `copyMasked`; answers whether all octets written are ASCII, which is cheap to tell on the way. */
export function copyMaskedText(
  source: DataView,
  start: number,
  end: number,
  target: DataView,
  at: number,
  key: number,
): boolean {
  if (end - start < LONG_MIN_BYTES) return (copyShort(source, start, end, target, at, key) & NON_ASCII) === 0;
  copyLong(source, start, end, target, at, key);
  const first = target.byteOffset + at;
  return isAllAscii(targetMemory(target.buffer).bytes, first, first + end - start);
}

/**
 * In one pass; answers the bitwise OR of all octets written (at least in bit 7 of each byte lane).
 *
 * `DataView`s because V8 compiles their accessors to single unaligned loads and stores: there is no alignment to care for,
 * and no `subarray` or `.buffer`, which cost 50 ns each. Measured on Node 20, against a loop over octets: 20 B 11 ns / 25,
 * 100 B 26 / 120.
 */
function copyShort(source: DataView, start: number, end: number, target: DataView, at: number, key: number): number {
  const shift = at - start;
  let or = 0;
  let i = start;
  for (; i + 32 <= end; i += 32) {
    const j = i + shift;
    const a = source.getInt32(i, true) ^ key;
    const b = source.getInt32(i + 4, true) ^ key;
    const c = source.getInt32(i + 8, true) ^ key;
    const d = source.getInt32(i + 12, true) ^ key;
    const e = source.getInt32(i + 16, true) ^ key;
    const f = source.getInt32(i + 20, true) ^ key;
    const g = source.getInt32(i + 24, true) ^ key;
    const h = source.getInt32(i + 28, true) ^ key;
    target.setInt32(j, a, true);
    target.setInt32(j + 4, b, true);
    target.setInt32(j + 8, c, true);
    target.setInt32(j + 12, d, true);
    target.setInt32(j + 16, e, true);
    target.setInt32(j + 20, f, true);
    target.setInt32(j + 24, g, true);
    target.setInt32(j + 28, h, true);
    or |= a | b | c | d | e | f | g | h;
  }
  for (; i + 4 <= end; i += 4) {
    const word = source.getInt32(i, true) ^ key;
    target.setInt32(i + shift, word, true);
    or |= word;
  }
  for (let bits = 0; i < end; i++, bits += 8) {
    const octet = source.getUint8(i) ^ ((key >>> bits) & 0xff);
    target.setUint8(i + shift, octet);
    or |= octet;
  }
  return or;
}

/**
 * By a native copy, and then in place by 64-bit words. V8 compiles XOR of a `BigInt64Array`'s elements that goes straight back
 * into one to plain loads and stores, without allocation; the same through a `DataView` allocates (Node 20: 28 µs for 16 KiB),
 * and so does an OR of them all. Measured on Node 20, against `copyShort`: 1 KiB 100 ns / 234, 16 KiB 1.0 µs / 3.5; on Node 22
 * to 26 0.9 µs. An echo of 400 B takes 182 ns / 152, of 500 B 163 / 181, so the two change over between them. WebAssembly with 128-bit words took 0.9 µs for 16 KiB too, and more below 1 KiB.
 */
function copyLong(source: DataView, start: number, end: number, target: DataView, at: number, key: number): void {
  const { bytes, words } = targetMemory(target.buffer);
  const first = target.byteOffset + at;
  if (source !== target || start !== at) {
    const from = source.byteOffset + start;
    bytes.set(sourceMemory(source.buffer).bytes.subarray(from, from + end - start), first);
  }
  // What stands before the first whole word and behind the last one.
  const stop = at + end - start;
  const aligned = at + (-first & 7);
  const rest = stop - ((stop + target.byteOffset) & 7);
  copyShort(target, at, aligned, target, at, key);
  twice.fill(rotateKey(key, aligned - at));
  xorWords(words, (target.byteOffset + aligned) >> 3, (target.byteOffset + rest) >> 3, twiceAsWord[0]!);
  copyShort(target, rest, stop, target, rest, rotateKey(key, rest - at));
}

function xorWords(words: BigInt64Array, start: number, end: number, key: bigint): void {
  let i = start;
  for (; i + 4 <= end; i += 4) {
    words[i]! ^= key;
    words[i + 1]! ^= key;
    words[i + 2]! ^= key;
    words[i + 3]! ^= key;
  }
  for (; i < end; i++) words[i]! ^= key;
}

/** A key twice over, as two halves and as one word. */
const twice = new Int32Array(2);
const twiceAsWord = new BigInt64Array(twice.buffer);

/** A buffer's octets and words. */
interface Memory {
  readonly buffer: ArrayBufferLike;
  readonly bytes: Uint8Array;
  readonly words: BigInt64Array;
}

/** The shared read buffer and the blocks of `../bytes` have this size. Choice: a larger buffer is some caller's, and not kept alive. */
const REMEMBERED_MAX_BYTES = 65_536;

function memoryOf(buffer: ArrayBufferLike): Memory {
  return { buffer, bytes: new Uint8Array(buffer), words: new BigInt64Array(buffer, 0, buffer.byteLength >> 3) };
}

/**
 * One message of the default limit, for the whole process. Forgetting it as well cost an echo of 1 MiB 681 µs of CPU time against 374,
 * nearly all of it the kernel's: the system gives fresh pages for each message then. To forget it at the end of the message cost as much.
 */
const REMEMBERED_TARGET_MAX_BYTES = 1_048_576;

/** The last source and the last target of at most `REMEMBERED_MAX_BYTES`: calls come in runs on one buffer, and to make a typed array costs 50 ns. */
let lastSource = memoryOf(new ArrayBuffer(0));
let lastTarget = memoryOf(new ArrayBuffer(0));

function sourceMemory(buffer: ArrayBufferLike): Memory {
  if (buffer === lastSource.buffer) return lastSource;
  const memory = memoryOf(buffer);
  if (buffer.byteLength <= REMEMBERED_MAX_BYTES) lastSource = memory;
  return memory;
}

function targetMemory(buffer: ArrayBufferLike): Memory {
  if (buffer === lastTarget.buffer) return lastTarget;
  const memory = memoryOf(buffer);
  if (buffer.byteLength <= REMEMBERED_TARGET_MAX_BYTES) lastTarget = memory;
  return memory;
}
