/**
 * A journal's file on a disk: read from its beginning, or written at its end.
 *
 * Knows the outer format and the file port; never what a commit holds. A reader hands out the bodies of whole commits in
 * order and says where they end, and whether what follows is a torn tail, which may be cut, or damage, which may not.
 * A writer adds one commit at a time and says after an error whether the file is as it was. Memory: one read window of
 * 1 MiB, or one commit where that is larger. Sections: names, the reader, the writer. Read next: `journal-group.ts`.
 */

import type { FilePort, JournalFile } from './file-port.ts';
import {
  COMMIT_OVERHEAD_BYTES,
  decodeCommit,
  decodeHeader,
  encodeCommit,
  encodeHeader,
  findLaterCommit,
  HEADER_BYTES,
  type SegmentHeader,
  type SegmentKind,
} from './segment.ts';

/**
 * The largest body of a commit, in octets; the format's own bound, held when it is written too. A commit is closed at 1 MiB by
 * what its appends count for (`journal.ts`), which becomes at most 3 MiB, and one record of text may hold as much.
 */
export const MAX_BODY_BYTES = 8_388_608;

const READ_WINDOW_BYTES = 1_048_576;

/** What a name says: `g0-12.log`, `g0-12.snapshot`. */
export interface SegmentName {
  readonly group: number;
  readonly generation: number;
  readonly kind: SegmentKind;
}

/** Answers the name of a file. */
export function segmentName({ group, generation, kind }: SegmentName): string {
  return `g${group}-${generation}.${kind}`;
}

/** Reads a name; undefined for that of anything else. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^g(0|[1-9]\d{0,8})-([1-9]\d{0,8})\.(log|snapshot)$/.exec(name);
  if (match === null) return undefined;
  return { group: Number(match[1]), generation: Number(match[2]), kind: match[3] as SegmentKind };
}

/** What a file held. */
export interface SegmentContent {
  /** Undefined when the file has no whole header and nothing that follows it: it was begun, and never written to. */
  readonly header: SegmentHeader | undefined;
  /** Whole commits. */
  readonly commits: number;
  /** Octets up to the end of the last whole commit. */
  readonly end: number;
  /** Octets that follow it: a torn tail. */
  readonly tornBytes: number;
}

/** What is wrong with a file, as a sentence without the file's name. */
export class SegmentDamaged extends Error {}

/**
 * Reads a file from its beginning and calls back with every whole commit's body, a view that is valid during the call.
 * @throws SegmentDamaged when it is not this format, or is broken in front of a commit that was acknowledged
 */
export async function readSegment(
  file: JournalFile,
  onBody: (body: Uint8Array, header: SegmentHeader) => void,
): Promise<SegmentContent> {
  const size = await file.size();
  const first = new Uint8Array(HEADER_BYTES);
  const header = decodeHeader(first.subarray(0, await file.read(first, 0)));
  if ('fault' in header) {
    // A header is on the disk before anything is written after it: octets there mean that it was whole once.
    if (!header.torn || size > HEADER_BYTES) throw new SegmentDamaged(`the header ${header.fault}`);
    return { header: undefined, commits: 0, end: 0, tornBytes: size };
  }
  const window = new ReadWindow(file, HEADER_BYTES);
  let commits = 0;
  for (;;) {
    const found = decodeCommit(window.bytes, window.at, header.salt, MAX_BODY_BYTES);
    if (found.state === 'partial') {
      if (await window.hold(found.needed)) continue;
    } else if (found.state === 'whole' && found.number === commits + 1) {
      commits++;
      onBody(found.body, header);
      window.at = found.end;
      continue;
    }
    const end = window.position;
    await refuseDamage(file, end, size, header.salt, commits);
    return { header, commits, end, tornBytes: size - end };
  }
}

/** A torn tail is at most one commit, and nothing whole follows it. @throws SegmentDamaged otherwise */
async function refuseDamage(
  file: JournalFile,
  end: number,
  size: number,
  salt: number,
  commits: number,
): Promise<void> {
  const tornBytes = size - end;
  const most = MAX_BODY_BYTES + COMMIT_OVERHEAD_BYTES;
  if (tornBytes > most)
    throw new SegmentDamaged(
      `commit ${commits + 1} at octet ${end} is broken, and ${tornBytes} octets follow, more than one commit`,
    );
  const rest = new Uint8Array(tornBytes);
  await file.read(rest, end);
  const later = findLaterCommit(rest, salt, commits + 1, MAX_BODY_BYTES);
  if (later >= 0)
    throw new SegmentDamaged(
      `commit ${commits + 1} at octet ${end} is broken, and a whole one follows at octet ${end + later}`,
    );
}

/** Octets of a file from some place on, as many as are needed at a time. */
class ReadWindow {
  readonly #file: JournalFile;
  bytes: Uint8Array = new Uint8Array(0);
  /** Where in `bytes` the reader is. */
  at = 0;
  /** Where in the file `bytes` begins. */
  #base: number;

  constructor(file: JournalFile, position: number) {
    this.#file = file;
    this.#base = position;
  }

  /** Where in the file the reader is. */
  get position(): number {
    return this.#base + this.at;
  }

  /** Reads until there are `needed` octets from `at` on. Answers false when the file has no more than there are. */
  async hold(needed: number): Promise<boolean> {
    const rest = this.bytes.subarray(this.at);
    if (rest.length >= needed) return true;
    const next = new Uint8Array(Math.max(needed, READ_WINDOW_BYTES));
    next.set(rest);
    const read = await this.#file.read(next.subarray(rest.length), this.position + rest.length);
    this.#base += this.at;
    this.at = 0;
    this.bytes = next.subarray(0, rest.length + read);
    return this.bytes.length >= needed;
  }
}

/** A commit did not get to the disk. */
export class CommitFailed extends Error {
  /** The file is as it was before: what the commit held will never be found. Else it may be found at the next start. */
  readonly undone: boolean;

  constructor(cause: unknown, undone: boolean) {
    super('a commit did not get to the disk', { cause });
    this.undone = undone;
  }
}

/** The end of a file that is being written. After a `CommitFailed` that was not undone it must not be used any more. */
export class SegmentWriter {
  readonly header: SegmentHeader;
  readonly #file: JournalFile;
  #end: number;
  #commits: number;

  private constructor(file: JournalFile, header: SegmentHeader, end: number, commits: number) {
    this.#file = file;
    this.header = header;
    this.#end = end;
    this.#commits = commits;
  }

  /**
   * Makes a file; resolves when its header and `name` are on the disk. `name` is the one of the header unless it is given.
   * What is left of one that could not be made is removed where the disk lets it.
   */
  static async create(
    files: FilePort,
    header: SegmentHeader,
    name: string = segmentName(header),
  ): Promise<SegmentWriter> {
    const file = await files.create(name);
    try {
      await file.write(encodeHeader(header), 0);
      await file.sync();
      await files.syncDirectory();
    } catch (error) {
      await file.close();
      await files.remove(name).catch(() => undefined); // the error before is the one that is told
      throw error;
    }
    return new SegmentWriter(file, header, HEADER_BYTES, 0);
  }

  /**
   * Goes on with a file that was read, after its last whole commit. What follows that is cut. A process that was killed may have left commits
   * that the kernel holds and the disk does not: they are synced, before a repeat of theirs is acknowledged, or anything is written after them.
   */
  static async resume(file: JournalFile, header: SegmentHeader, content: SegmentContent): Promise<SegmentWriter> {
    if (content.tornBytes > 0) await file.truncate(content.end);
    await file.sync();
    return new SegmentWriter(file, header, content.end, content.commits);
  }

  /** Octets of the file. */
  get bytes(): number {
    return this.#end;
  }

  /** Adds a commit; resolves when it survives a loss of power. One at a time. @throws CommitFailed, also where it is too large to be read again */
  async commit(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = encodeCommit(this.header.salt, this.#commits + 1, parts);
    const bodyBytes = bytes.length - COMMIT_OVERHEAD_BYTES;
    if (bodyBytes > MAX_BODY_BYTES) {
      const tooLarge = new RangeError(
        `a commit has ${bodyBytes} octets, and none above ${MAX_BODY_BYTES} can be read again`,
      );
      throw new CommitFailed(tooLarge, true);
    }
    try {
      await this.#file.write(bytes, this.#end);
    } catch (error) {
      throw new CommitFailed(error, await this.#undo());
    }
    try {
      await this.#file.sync();
    } catch (error) {
      // Nobody knows what the disk has now, and a second sync would report success without writing again.
      throw new CommitFailed(error, false);
    }
    this.#end += bytes.length;
    this.#commits++;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #undo(): Promise<boolean> {
    try {
      await this.#file.truncate(this.#end);
      await this.#file.sync(); // half a commit must not come back when the next file goes on after this one
      return true;
    } catch {
      return false; // the write error is the one that is told
    }
  }
}
