/**
 * The ways in which a network can cut bytes: whole, octet by octet, at every two-way split, with empty chunks between.
 * Whatever parses them must not care. Knows no protocol; `replay.ts` is the same for WebSocket frames.
 */

import assert from 'node:assert/strict';

/** Input up to this long is tried at every two-way split; longer input at 600 of them. */
const EVERY_SPLIT_MAX_BYTES = 600;

/** Runs `bytes` cut in every way through `run`, and answers the one outcome that all agree on. Chunks are overwritten once `run` has gone on. */
export function agreed<Outcome>(bytes: Uint8Array, run: (chunks: Iterable<Uint8Array>) => Outcome): Outcome {
  const whole = run(lent([bytes]));
  const octets = Array.from(bytes, (octet) => Uint8Array.of(octet));
  assert.deepEqual(run(lent(octets)), whole, 'octet by octet gives another outcome than whole');
  const step = Math.max(1, Math.floor(bytes.length / EVERY_SPLIT_MAX_BYTES));
  for (let at = 1; at < bytes.length; at += step) {
    const halves = [bytes.subarray(0, at), new Uint8Array(0), bytes.subarray(at)];
    assert.deepEqual(run(lent(halves)), whole, `split at ${at} gives another outcome than whole`);
  }
  return whole;
}

/** Chunks as a socket lends them: in memory with other things around them, and overwritten when the next one comes. */
export function* lent(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) {
    const memory = new Uint8Array(chunk.length + 8).fill(0x0a);
    memory.set(chunk, 5);
    yield memory.subarray(5, 5 + chunk.length);
    memory.fill(0x58);
  }
}

/** Text of one octet a character, as bytes. */
export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'));
}
