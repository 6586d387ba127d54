/**
 * The outer format of a journal's files: a header with a version, then commits, each followed by its own checksum.
 *
 * Pure: octets in, octets out. Knows where a commit begins, whether it is whole, and whether what follows a broken one
 * proves that the file was damaged; never what a commit holds (`journal-entries.ts`). All numbers are big-endian. The
 * format is written down in `README.md`, in the same words. Sections: the header, commits, telling a torn tail from damage.
 * Read next: `journal-entries.ts`.
 */

import { crc32 } from '../deflate/checksum.ts';

/** The version that this code writes, and the only one that it reads. */
export const FORMAT_VERSION = 2;

/** Octets of a file's header. */
export const HEADER_BYTES = 32;

/** Octets of a commit around its body: salt, number, length; checksum. */
export const COMMIT_OVERHEAD_BYTES = 16;

/** What a file holds: commits as they were made, or the state of all rooms as it was at one time. */
export type SegmentKind = 'log' | 'snapshot';

export interface SegmentHeader {
  readonly kind: SegmentKind;
  /** The group of rooms that the file belongs to. */
  readonly group: number;
  /** How many groups the journal has; fixed when it is new. */
  readonly groups: number;
  /** Files of a group are numbered from 1 on; a snapshot stands for all log files of a lower number. */
  readonly generation: number;
  /** 32 random bits: every commit begins with them, so that octets of another file are never taken for a commit of this one. */
  readonly salt: number;
}

const MAGIC = 0x6277_6a6c; // "bwjl"
const KINDS: readonly SegmentKind[] = ['log', 'snapshot'];

/** Answers the octets of a header. */
export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC);
  view.setUint16(4, FORMAT_VERSION);
  view.setUint16(6, KINDS.indexOf(header.kind));
  view.setUint32(8, header.group);
  view.setUint32(12, header.generation);
  view.setUint32(16, header.salt);
  view.setUint32(20, header.groups);
  view.setUint32(28, crc32(bytes, 0, 28)); // 24 to 27 are zero
  return bytes;
}

/** Reads a header: a sentence where there is none that this code can read; `torn` when its checksum is wrong. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | { readonly fault: string; readonly torn: boolean } {
  if (bytes.length < HEADER_BYTES) return { fault: `has ${bytes.length} octets of ${HEADER_BYTES}`, torn: true };
  const view = viewOf(bytes);
  if (view.getUint32(28) !== crc32(bytes, 0, 28)) return { fault: 'has a wrong checksum', torn: true };
  if (view.getUint32(0) !== MAGIC) return { fault: 'is that of something else', torn: false };
  const version = view.getUint16(4);
  if (version !== FORMAT_VERSION)
    return { fault: `has version ${version}, this code reads version ${FORMAT_VERSION}`, torn: false };
  const kind = KINDS[view.getUint16(6)];
  if (kind === undefined) return { fault: `has kind ${view.getUint16(6)}`, torn: false };
  const [group, generation, salt, groups] = [8, 12, 16, 20].map((at) => view.getUint32(at)) as [
    number,
    number,
    number,
    number,
  ];
  return { kind, group, groups, generation, salt };
}

/**
 * Answers the octets of a commit. `number` is 1 for the first commit of a file and then one more each time. The parts
 * are copied.
 */
export function encodeCommit(salt: number, number: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length + COMMIT_OVERHEAD_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, salt);
  view.setUint32(4, number);
  view.setUint32(8, length);
  let at = 12;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32(bytes, 0, at));
  return bytes;
}

/** What stands at one place of a file. */
export type CommitAt =
  /** A whole commit: `body` is a view of the octets that were read; the next one begins at `end`. */
  | { readonly state: 'whole'; readonly number: number; readonly body: Uint8Array; readonly end: number }
  /** It may be whole once there are `needed` octets from its beginning on. */
  | { readonly state: 'partial'; readonly needed: number }
  | { readonly state: 'broken' };

/** Reads the commit at `at`. A length above `maxBodyBytes` is broken, so that no length of damage makes anybody wait. */
export function decodeCommit(bytes: Uint8Array, at: number, salt: number, maxBodyBytes: number): CommitAt {
  const held = bytes.length - at;
  if (held < 12) return { state: 'partial', needed: COMMIT_OVERHEAD_BYTES };
  const view = viewOf(bytes);
  if (view.getUint32(at) !== salt) return { state: 'broken' };
  const length = view.getUint32(at + 8);
  if (length > maxBodyBytes) return { state: 'broken' };
  const end = at + length + COMMIT_OVERHEAD_BYTES;
  if (bytes.length < end) return { state: 'partial', needed: length + COMMIT_OVERHEAD_BYTES };
  if (view.getUint32(end - 4) !== crc32(bytes, at, end - 4)) return { state: 'broken' };
  return { state: 'whole', number: view.getUint32(at + 4), body: bytes.subarray(at + 12, end - 4), end };
}

/**
 * Looks for a whole commit with a number above `number` in `bytes`, and answers where it begins; -1 where there is none.
 * A commit is written only once the one before it was synced. So a whole commit after a broken one proves that the broken
 * one was whole once: the file was damaged later, and cutting it there would lose what was acknowledged.
 */
export function findLaterCommit(bytes: Uint8Array, salt: number, number: number, maxBodyBytes: number): number {
  const view = viewOf(bytes);
  for (let at = 0; at + COMMIT_OVERHEAD_BYTES <= bytes.length; at++) {
    if (bytes[at] !== salt >>> 24 || view.getUint32(at) !== salt) continue;
    const found = decodeCommit(bytes, at, salt, maxBodyBytes);
    if (found.state === 'whole' && found.number > number) return at;
  }
  return -1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
