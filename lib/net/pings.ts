/**
 * The pings of one connection that somebody waits for.
 *
 * A pong answers the ping whose payload it repeats, and every ping before that one: RFC 6455 §5.5.3 lets an endpoint
 * "send a Pong frame for only the most recently processed Ping frame". Bounded: beyond `maxWaitingPings` the oldest is given up. Read next: `websocket-connection.ts`.
 */

import { WEBSOCKET_LIMITS } from '../limits.ts';

interface Waiting {
  readonly payload: Uint8Array;
  readonly sentMs: number;
  resolve(roundTripMs: number | undefined): void;
}

export class Pings {
  /** Octets of a payload that is made here: a count, so that each ping has its own pong. */
  static readonly PAYLOAD_BYTES = 4;
  #count = 0;
  readonly #waiting: Waiting[] = [];

  /** Begins to wait for the pong of a ping with this payload, or one of its own. The payload is copied. */
  begin(payload?: Uint8Array): { readonly payload: Uint8Array; readonly roundTrip: Promise<number | undefined> } {
    const own = payload === undefined ? this.#nextPayload() : new Uint8Array(payload);
    const roundTrip = new Promise<number | undefined>((resolve) => {
      this.#waiting.push({ payload: own, sentMs: performance.now(), resolve });
    });
    if (this.#waiting.length > WEBSOCKET_LIMITS.maxWaitingPings) this.#waiting.shift()!.resolve(undefined);
    return { payload: own, roundTrip };
  }

  /** A pong has come. Answers the round trip in ms; undefined where it answers no ping. */
  pong(payload: Uint8Array): number | undefined {
    const at = this.#waiting.findIndex((ping) => sameBytes(ping.payload, payload));
    if (at < 0) return undefined; // unsolicited, or a second pong
    const now = performance.now();
    const roundTripMs = now - this.#waiting[at]!.sentMs;
    for (const ping of this.#waiting.splice(0, at + 1)) ping.resolve(now - ping.sentMs);
    return roundTripMs;
  }

  /** The connection has ended. */
  end(): void {
    for (const ping of this.#waiting.splice(0)) ping.resolve(undefined);
  }

  #nextPayload(): Uint8Array {
    this.#count = (this.#count + 1) >>> 0;
    return Uint8Array.of(this.#count >>> 24, this.#count >>> 16, this.#count >>> 8, this.#count);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
