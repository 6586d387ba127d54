/**
 * A response body under a content coding, decoded as it comes: gzip and deflate (RFC 9110 §8.4.1).
 *
 * The only file of this folder that knows `node:zlib`. Coded chunks go in, decoded chunks come out later. Bounded: the coded
 * chunks that wait are the caller's to stop (`write` answers false), and decoded ones come 16 KiB at a time, none while paused;
 * so a small body that decodes to a huge one (a "bomb") holds no more memory than any other. Read next: `stream-reader.ts`.
 */

import { createGunzip, createInflate, createInflateRaw, type Gunzip, type Inflate, type InflateRaw } from 'node:zlib';

/** A coding that can be decoded here. */
export type DecodableCoding = 'gzip' | 'deflate';

/** Told in order. */
export interface DecoderReceiver {
  /** The chunk is the receiver's own. */
  decoded(chunk: Uint8Array): void;
  /** There is room for coded chunks again. */
  drained(): void;
  ended(): void;
  failed(error: Error): void;
}

/**
 * Which coding `Content-Encoding` names; `identity` for none; undefined for one, or a list, that cannot be decoded here.
 * RFC 9110 §8.4.1: "All content codings are case-insensitive"; §8.4.1.3: x-gzip "SHOULD" be taken for gzip.
 */
export function decodableCoding(contentEncoding: string | undefined): DecodableCoding | 'identity' | undefined {
  const coding = (contentEncoding ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return 'identity';
  if (coding === 'gzip' || coding === 'x-gzip') return 'gzip';
  return coding === 'deflate' ? 'deflate' : undefined;
}

export class ContentDecoder {
  readonly #coding: DecodableCoding;
  readonly #receiver: DecoderReceiver;
  /** Made with the first octet, which tells what is meant by `deflate`. */
  #stream: Gunzip | Inflate | InflateRaw | undefined = undefined;
  #paused = false;

  constructor(coding: DecodableCoding, receiver: DecoderReceiver) {
    this.#coding = coding;
    this.#receiver = receiver;
  }

  /** Takes a chunk, which is copied. False: give no more until `drained`. */
  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true;
    this.#stream ??= this.#open(chunk[0]!);
    return this.#stream.write(new Uint8Array(chunk));
  }

  /** The body is over. */
  end(): void {
    if (this.#stream === undefined) this.#receiver.ended();
    else this.#stream.end();
  }

  /** Gives out no more decoded chunks until `resume`. */
  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream?.resume();
  }

  /** Stops for good: nothing is told any more. */
  destroy(): void {
    this.#stream?.removeAllListeners();
    this.#stream?.on('error', () => {}); // nobody wants to know any more
    this.#stream?.destroy();
  }

  #open(first: number): Gunzip | Inflate | InflateRaw {
    // RFC 9110 §8.4.1.2: deflate is the zlib format; "some non-conformant implementations send ... without the zlib wrapper".
    const isZlib = (first & 0x0f) === 8;
    const stream = this.#coding === 'gzip' ? createGunzip() : isZlib ? createInflate() : createInflateRaw();
    stream.on('data', (chunk: Buffer) => this.#receiver.decoded(chunk));
    stream.on('drain', () => this.#receiver.drained());
    stream.on('end', () => this.#receiver.ended());
    stream.on('error', (error) => this.#receiver.failed(error));
    if (this.#paused) stream.pause();
    return stream;
  }
}
