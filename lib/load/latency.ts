/**
 * Latencies in bounded memory, with a known error: a histogram whose buckets grow with the value.
 *
 * Below 256 µs a bucket is one microsecond wide; above, each doubling has 128 buckets, so that a percentile is at most
 * 0.8 % too high. 22 doublings reach beyond half an hour; 12 KiB in all, however long the run. Pure: no clock.
 * Read next: `paced.ts`.
 */

const LINEAR = 256;
const PER_DOUBLING = 128;
const DOUBLINGS = 22;

/** Percentiles of a run, in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Percentile and milliseconds, for a curve. */
  readonly curve: readonly (readonly [number, number])[];
}

const CURVE = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 100];

export class LatencyHistogram {
  readonly #counts = new Uint32Array(LINEAR + PER_DOUBLING * DOUBLINGS);
  count = 0;
  #maxMicroseconds = 0;

  record(microseconds: number): void {
    const value = Math.max(0, Math.round(microseconds));
    this.#counts[bucketOf(value)]!++;
    this.count++;
    if (value > this.#maxMicroseconds) this.#maxMicroseconds = value;
  }

  /** The value that `percent` of all do not exceed, in milliseconds: the upper end of its bucket. 0 when nothing was recorded. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(upperEnd(bucket), this.#maxMicroseconds) / 1_000;
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      count: this.count,
      p50: this.percentile(50),
      p90: this.percentile(90),
      p99: this.percentile(99),
      p999: this.percentile(99.9),
      max: this.#maxMicroseconds / 1_000,
      curve: CURVE.map((percent) => [percent, this.percentile(percent)] as const),
    };
  }
}

function bucketOf(value: number): number {
  if (value < LINEAR) return value;
  const doubling = 31 - Math.clz32(Math.min(value, 0x7fff_ffff)) - 8; // 256 is the first value of doubling 0
  if (doubling >= DOUBLINGS) return LINEAR + PER_DOUBLING * DOUBLINGS - 1;
  return LINEAR + doubling * PER_DOUBLING + ((value >> (doubling + 1)) & (PER_DOUBLING - 1));
}

function upperEnd(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const doubling = Math.floor((bucket - LINEAR) / PER_DOUBLING);
  const step = (bucket - LINEAR) % PER_DOUBLING;
  return (PER_DOUBLING + step + 1) * 2 ** (doubling + 1) - 1;
}
