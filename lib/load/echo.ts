/**
 * Echo load, closed loop: every connection keeps `inFlight` messages under way and sends one more for each reply.
 *
 * What a chunk completed is answered with one write of as many ready-made frames.
 * Read next: `fan-out.ts`.
 */

import {
  type Compressed,
  CompressedReplyReader,
  compressedBytesOf,
  compressedFrames,
  MAX_RECORDS,
} from './compression.ts';
import { type LoadConnection, openMany, READ_BYTES } from './connection.ts';
import { failureSignal, type Measurement, measure, type Window } from './measure.ts';
import { cycleOf, type FrameCycle, type MessageShape, maskedFrame, replyCycle, requestCycle } from './messages.ts';
import { ReplyCounter, type ReplyReader } from './replies.ts';

export interface EchoLoad extends Window {
  readonly url: URL;
  readonly connections: number;
  readonly inFlight: number;
  readonly shape: MessageShape;
  /** Agree on permessage-deflate, send compressed, and accept only compressed replies. */
  readonly compressed?: Compressed;
}

/** @throws WrongReply, ConnectFailed */
export async function runEcho(load: EchoLoad): Promise<Measurement> {
  const { compressed = false } = load;
  const requests = requestsOf(load.shape, compressed, load.inFlight);
  const replies = replyCycle(load.shape, READ_BYTES);
  const connections = await openMany(load.connections, { url: load.url, compressed });
  const { failure, fail } = failureSignal();
  let total = 0;
  let running = true;
  const readers: ReplyReader[] = [];
  for (const connection of connections) {
    const reader: ReplyReader = compressed
      ? new CompressedReplyReader(load.shape, compressed === 'takeover', readers.length < MAX_RECORDS)
      : new ReplyCounter(replies, (payload) => sendPong(connection, payload));
    readers.push(reader);
    let next = load.inFlight;
    connection.onChunk = (chunk, length) => {
      if (!running) return;
      let whole: number;
      try {
        whole = reader.receive(chunk, length);
      } catch (error) {
        fail(error as Error);
        return;
      }
      if (whole === 0) return;
      total += whole;
      connection.socket.write(requests.take(next, whole));
      next += whole;
    };
    connection.onGone = (error) => {
      if (running && !connection.ended) fail(error ?? new Error('the server ended a connection'));
    };
  }
  try {
    for (const connection of connections) {
      connection.socket.write(requests.take(0, load.inFlight));
      connection.start();
    }
    const measured = await measure(load, () => total, failure);
    running = false;
    return { ...measured, ...compressedBytesOf(readers) };
  } finally {
    running = false;
    for (const connection of connections) connection.destroy();
  }
}

/** What a connection sends, ready to be written. */
export function requestsOf(shape: MessageShape, compressed: Compressed, inFlight: number): RequestSource {
  if (!compressed) return new FrameSource(requestCycle(shape, inFlight), inFlight);
  const { frames, prelude } = compressedFrames(shape, compressed);
  const ahead = Array.from({ length: inFlight }, (_, i) => frames[prelude + (i % (frames.length - prelude))]!);
  const cycle = cycleOf([...frames, ...ahead], {});
  return new FrameSource({ ...cycle, variants: frames.length }, inFlight, prelude);
}

/** RFC 6455 §5.5.3. */
export function sendPong(connection: LoadConnection, payload: Uint8Array): void {
  connection.socket.write(maskedFrame(0x8a, payload, 0x5a5a5a5a));
}

/** Ready-made requests, any number in a row from any place in the sequence. */
export interface RequestSource {
  /** `count` frames from the `index`-th message of a connection on, at most as many as were promised at the start. */
  take(index: number, count: number): Buffer;
}

/** Requests of a cycle: slices of it, each kept once it has been made. */
export class FrameSource implements RequestSource {
  readonly #cycle: FrameCycle;
  readonly #inFlight: number;
  readonly #prelude: number;
  readonly #slices: (Buffer | undefined)[] = [];

  /** The first `prelude` frames of the cycle come once; the others repeat. */
  constructor(cycle: FrameCycle, inFlight: number, prelude = 0) {
    this.#cycle = cycle;
    this.#inFlight = inFlight;
    this.#prelude = prelude;
  }

  take(index: number, count: number): Buffer {
    const { bytes, starts, variants } = this.#cycle;
    const prelude = this.#prelude;
    const variant = index < prelude ? index : prelude + ((index - prelude) % (variants - prelude));
    const key = variant * (this.#inFlight + 1) + count;
    let slice = this.#slices[key];
    if (slice === undefined) {
      slice = bytes.subarray(starts[variant], starts[variant + count]);
      this.#slices[key] = slice;
    }
    return slice;
  }
}
