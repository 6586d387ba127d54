/**
 * Memory for long messages that are lent: used again once the receiver has returned and what it sent of it has been written.
 *
 *     take ──► a message is put together ──► lend ──► the receiver, who may send it ──► takeBack ──┐
 *      ▲                                                └─ sendable ──► written, by the system ────┴──► free
 *
 * Fresh memory is what a large message costs most: for 1 MiB the system clears and maps 256 pages, and as many again for the next.
 * Memory of a connection that is destroyed meanwhile does not come back: the garbage collector has it. Remembered from call to call: at
 * most `FREE_MAX_COUNT` pieces of at most `PIECE_MAX_BYTES`, until a sweep finds them unused since the one before.
 * Knows no messages and no connections. Read next: `../websocket/message-assembler.ts`, which takes and lends.
 */

import { allocate } from './allocate.ts';

/** Choice: a message of the default limit. Larger ones are rare, and their memory is not kept. */
export const PIECE_MAX_BYTES = 1_048_576;

/** Choice: as many clients may send such messages at the same time before one of them needs fresh memory. */
export const FREE_MAX_COUNT = 4;

/** How many times as large as what is asked for a piece may be. */
const MAX_SURPLUS = 1.25;

/** A piece that has been lent, now or before. */
interface Lent {
  readonly piece: Uint8Array;
  /** The receiver has not returned. */
  isOut: boolean;
  /** What was sent of it and has not been written. */
  unwrittenBytes: number;
  /** It is among the free ones, or was given up: no longer this message's. */
  isOver: boolean;
}

/** Free pieces, the one that was used last at the end. */
const free: Uint8Array[] = [];

/** How many of `free`, from the front, have not been used since the last sweep. */
let unusedCount = 0;

/** All that have been lent, by their memory: whoever sends one sends a view of it. */
const lentPieces = new WeakMap<ArrayBufferLike, Lent>();

/** Memory in which shorter messages are lent where they lie: what sockets read into, again and again, and each chunk of the memory pair, used once. */
const readMemory = new WeakSet<ArrayBufferLike>();

/** Something has been lent: else nobody looks into `lentPieces`. */
let hasLent = false;

/** For tests of handlers: what was kept is written over when the receiver has returned. */
let poison: number | undefined;

/**
 * A free piece of at least `size` bytes and at most a quarter more, contents undefined, or `undefined`: then memory of one's own will do as
 * well. Not of any size, since what is sent of it holds all of it. It is the caller's until `lend`.
 */
export function takeLentMemory(size: number): Uint8Array | undefined {
  for (let i = free.length - 1; i >= 0; i--) {
    const piece = free[i]!;
    if (piece.length < size || piece.length > size * MAX_SURPLUS) continue;
    free.splice(i, 1);
    if (i < unusedCount) unusedCount--;
    return piece;
  }
  return undefined;
}

/** What `lend` answered last, until `takeLatest`: how the one who delivers a message knows that it is lent. */
let latest: Uint8Array | undefined;

/** A view of the first `length` bytes of `piece`, which has a buffer of its own: lent until `takeBack`. */
export function lend(piece: Uint8Array, length: number): Uint8Array {
  lentPieces.set(piece.buffer, { piece, isOut: true, unwrittenBytes: 0, isOver: false });
  hasLent = true;
  latest = new Uint8Array(piece.buffer, piece.byteOffset, length);
  return latest;
}

/** The view that was lent since the last call, if one was. */
export function takeLatest(): Uint8Array | undefined {
  const view = latest;
  if (view !== undefined) latest = undefined;
  return view;
}

/** Chunks lie in this memory from now on. */
export function readsInto(memory: ArrayBufferLike): void {
  readMemory.add(memory);
}

/** For those who would keep `bytes`, by a way that the compiler does not see. @throws TypeError where they are lent, or were */
export function refuseLent(where: string, bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) return;
  const { buffer } = bytes;
  if (readMemory.has(buffer) || (hasLent && lentPieces.has(buffer)))
    throw new TypeError(`${where}: these octets are only lent until the handler returns; pass a copy, octets.slice()`);
}

/** The receiver of `view`, which `lend` answered, has returned. */
export function takeBack(view: Uint8Array): void {
  const lent = lentPieces.get(view.buffer);
  if (lent === undefined) return;
  lent.isOut = false;
  settle(lent);
}

/**
 * What may be sent by reference of `bytes`: themselves, and if they are lent, they are not free before they have been `written`; or a copy,
 * where they were lent and are not any more: whoever kept them harms nobody else.
 */
export function sendable(bytes: Uint8Array): Uint8Array {
  const lent = hasLent ? lentPieces.get(bytes.buffer) : undefined;
  if (lent === undefined) return bytes;
  if (!lent.isOut) return copyOf(bytes);
  lent.unwrittenBytes += bytes.length;
  return bytes;
}

/**
 * `bytes` from `start` to `end` for somebody who may keep them after saying that they are written, as a stream in this process does: a
 * view, or a copy where they are lent.
 */
export function keepable(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return hasLent && lentPieces.has(bytes.buffer) ? copyOf(view) : view;
}

/** `slice` of a Buffer would be a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

/** The system has done with `size` bytes of `bytes`, or nobody will write them any more. */
export function written(bytes: Uint8Array, size: number): void {
  const lent = hasLent ? lentPieces.get(bytes.buffer) : undefined;
  if (lent === undefined) return;
  lent.unwrittenBytes -= size;
  settle(lent);
}

function settle(lent: Lent): void {
  // Once only: a piece that is free twice would be two messages at the same time.
  if (lent.isOver || lent.isOut || lent.unwrittenBytes > 0) return;
  lent.isOver = true;
  const { piece } = lent;
  if (poison !== undefined) piece.fill(poison);
  if (piece.length > PIECE_MAX_BYTES) return;
  free.push(piece);
  if (free.length <= FREE_MAX_COUNT) return;
  // The smallest goes: a larger one serves every message that it would.
  const smallest = free.reduce((least, each, i) => (each.length < free[least]!.length ? i : least), 0);
  free.splice(smallest, 1);
  if (smallest < unusedCount) unusedCount--;
}

/** From sweeps: lets go of the pieces that have not been used since the last call. */
export function forgetUnusedLentMemory(): void {
  free.splice(0, unusedCount);
  unusedCount = free.length;
}

/** @internal From `barewire/testing`: pieces are written over with this octet when they become free. */
export function poisonLentMemory(octet: number | undefined): void {
  poison = octet;
}

/** @internal For tests: bytes of free pieces. */
export function freeLentBytes(): number {
  return free.reduce((sum, piece) => sum + piece.length, 0);
}

/** Memory for `size` bytes that may be lent: a free piece, or else of its own. */
export function lendable(size: number): Uint8Array {
  return takeLentMemory(size) ?? allocate(size);
}
