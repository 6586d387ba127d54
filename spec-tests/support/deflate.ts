/** Compressed payloads for tests, made by zlib and not by the library's own codec (RFC 7692 §7.2.1). */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { DeflateSettings } from '../../lib/websocket/deflate.ts';

/** The agreement of a test: no takeover, full windows, nothing too short. */
export const PLAIN: DeflateSettings = {
  thresholdBytes: 0,
  level: 6,
  sendWindowBits: 15,
  sendTakeover: false,
  receiveWindowBits: 15,
  receiveTakeover: false,
  adaptive: false,
};

export const TAKEOVER: DeflateSettings = { ...PLAIN, sendTakeover: true, receiveTakeover: true };

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

/** The payload of a compressed message; `history` is what came before it, with takeover. */
export function compressed(plain: Uint8Array | string, history?: Uint8Array): Uint8Array {
  const stream = deflateRawSync(plain, {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(history === undefined || history.length === 0 ? {} : { dictionary: history.subarray(-32_768) }),
  });
  return new Uint8Array(stream.subarray(0, -4));
}

/** What a compressed payload says. */
export function decompressed(payload: Uint8Array, history?: Uint8Array): Uint8Array {
  const stream = inflateRawSync(Buffer.concat([payload, TAIL]), {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(history === undefined || history.length === 0 ? {} : { dictionary: history.subarray(-32_768) }),
  });
  return new Uint8Array(stream);
}

/** Numbers that are the same in every run (a linear congruential generator, Numerical Recipes' constants). */
export function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** Bytes that cannot be compressed. */
export function noise(length: number, seed = 1): Uint8Array {
  const next = pseudoRandom(seed);
  return Uint8Array.from({ length }, () => next() * 256);
}

/** Chat-like JSON of at least `length` bytes. */
export function chat(length: number, seed = 1): string {
  const next = pseudoRandom(seed);
  let text = '';
  while (text.length < length)
    text += `{"id":${Math.floor(next() * 1e6)},"room":"general","from":"user${Math.floor(next() * 50)}","text":"message ${next()}"}\n`;
  return text.slice(0, length);
}
