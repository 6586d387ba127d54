/**
 * Flood control: a bucket of tokens for each user and each address, for each kind of thing that they do.
 *
 * A bucket holds `burst` tokens and gets `perSecond` new ones a second; what has no token is told how long to wait. Knows
 * keys and numbers, and the time that it is told, which never goes back; nothing of users or connections. Bounded: `maxBuckets` of them, the one
 * that was used longest ago makes way. O(1). Read next: `door.ts`, its user.
 */

import { CHAT_LIMITS } from '../limits.ts';

/** How much, and how fast. */
export interface Rate {
  /** How many at once. 1 or more. */
  readonly burst: number;
  /** And how many more each second. More than 0. */
  readonly perSecond: number;
}

/** One bucket. */
export interface Bucket {
  tokens: number;
  atMs: number;
  /** When somebody was last refused a token. */
  refusedAtMs: number;
}

/** Makes a full one. */
export function newBucket({ burst }: Rate, nowMs: number): Bucket {
  return { tokens: burst, atMs: nowMs, refusedAtMs: Number.NEGATIVE_INFINITY };
}

/** Takes a token, which may be owed. Returns 0, or the milliseconds until none is owed any more. */
export function takeOne(bucket: Bucket, rate: Rate, nowMs: number): number {
  fill(bucket, rate, nowMs);
  bucket.tokens--;
  return bucket.tokens >= 0 ? 0 : Math.ceil((-bucket.tokens * 1_000) / rate.perSecond);
}

function fill(bucket: Bucket, { burst, perSecond }: Rate, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1_000);
  bucket.atMs = nowMs;
}

/** Milliseconds until there is a whole token. */
function waitFor({ tokens }: Bucket, { perSecond }: Rate): number {
  return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1_000) / perSecond);
}

/** See the head of this file. */
export class TokenBuckets {
  readonly #maxBuckets: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(maxBuckets: number = CHAT_LIMITS.maxBuckets) {
    this.#maxBuckets = maxBuckets;
  }

  /** Buckets that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of each, or of none. Returns 0, or the milliseconds until all of them have one. */
  take(wanted: readonly (readonly [key: string, rate: Rate])[], nowMs: number): number {
    let waitMs = 0;
    const found = wanted.map(([key, rate]) => {
      const bucket = this.#filled(key, rate, nowMs);
      if (bucket.tokens < 1) {
        bucket.refusedAtMs = nowMs;
        waitMs = Math.max(waitMs, waitFor(bucket, rate));
      }
      return bucket;
    });
    if (waitMs > 0) return waitMs;
    for (const bucket of found) bucket.tokens--;
    return 0;
  }

  /** What `take` would return, or would have returned within `refusalRememberedMs`: then at least 1. Takes nothing. */
  peek(wanted: readonly (readonly [key: string, rate: Rate])[], nowMs: number): number {
    let waitMs = 0;
    for (const [key, rate] of wanted) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) continue;
      fill(bucket, rate, nowMs);
      const wasRefused = nowMs - bucket.refusedAtMs < CHAT_LIMITS.refusalRememberedMs;
      waitMs = Math.max(waitMs, wasRefused ? 1 : 0, waitFor(bucket, rate));
    }
    return waitMs;
  }

  #filled(key: string, rate: Rate, nowMs: number): Bucket {
    const bucket = this.#buckets.get(key) ?? newBucket(rate, nowMs);
    fill(bucket, rate, nowMs);
    this.#buckets.delete(key); // to the end of the line
    if (this.#buckets.size >= this.#maxBuckets) this.#buckets.delete(this.#buckets.keys().next().value as string);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

/**
 * What of an address stands for one subscriber: all of IPv4, the first 64 bits of IPv6, of which one subscriber has all that
 * follow (RFC 4291 §2.5.1: interface identifiers of 64 bits).
 */
export function subscriberOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}
