/**
 * Latency at a fixed rate, measured from when a message was due and not from when it was sent.
 *
 * A closed loop waits for a slow server and so leaves out the messages that would have suffered most ("coordinated
 * omission"). Here message n is due at start + n / rate whatever happened to the ones before it; if the generator or
 * the server is late, the wait counts. What has not come when the run ends counts with the time it has waited by then.
 * Each message carries its number, so replies may be of any form that contains the text that was sent.
 * Read next: `connect-rate.ts`.
 */

import { performance } from 'node:perf_hooks';
import { LoadConnection, openMany } from './connection.ts';
import { sendPong } from './echo.ts';
import { postRequest } from './event-stream.ts';
import { HttpReplyReader } from './http-replies.ts';
import { LatencyHistogram } from './latency.ts';
import { between, failureSignal, type Measurement, read, type Window, wait } from './measure.ts';
import { maskedFrame } from './messages.ts';
import { WrongReply } from './replies.ts';
import { ServerFrameReader } from './server-frames.ts';

export interface PacedLoad extends Window {
  readonly url: URL;
  /** Messages a second, over all connections. */
  readonly rate: number;
  readonly connections: number;
  readonly sizeBytes: number;
  /**
   * `echo`: each message comes back to its sender. `fan-out`: each comes to every connection, and its latency ends with
   * the last of them.
   */
  readonly pattern: 'echo' | 'fan-out';
  /** Publish with a POST to here instead of over a WebSocket. */
  readonly post?: {
    readonly url: URL;
    readonly type: string;
    /** The body around the text. */
    readonly body: (text: string) => string;
  };
}

/** How long the last messages are waited for. */
const DRAIN_MS = 3_000;
const SETTLE_MS = 200;
/** Most messages of one run: bounds what is kept about them. */
const MAX_MESSAGES = 4_000_000;

const MARK = 'bench#';
const DIGITS = 9;

/** The text of message `n`: a mark, the number, and filling. */
export function pacedText(n: number, sizeBytes: number): string {
  return `${MARK}${String(n).padStart(DIGITS, '0')}`.padEnd(sizeBytes, '.');
}

/** The number in a message that contains such a text; -1 when there is none. */
export function pacedNumber(payload: Buffer): number {
  const at = payload.indexOf(MARK);
  if (at === -1) return -1;
  let n = 0;
  for (let i = at + MARK.length; i < at + MARK.length + DIGITS; i++) {
    const digit = (payload[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n;
}

/**
 * The books of a paced run: which message was due when, how many receivers it still lacks, and how long the others took.
 * Times are milliseconds on a clock of the caller's.
 */
export class PacedBooks {
  readonly latency: LatencyHistogram = new LatencyHistogram();
  readonly lateness: LatencyHistogram = new LatencyHistogram();
  readonly #startMs: number;
  readonly #intervalMs: number;
  readonly #measuredFromMs: number;
  readonly #receivers: number;
  /** Receivers that a message still lacks, by its number; gone when there are none. */
  readonly #lacking = new Map<number, number>();
  /** Messages that are complete. */
  complete = 0;
  #sent = 0;

  /** Only messages due at `measuredFromMs` or later are recorded. */
  constructor(options: { startMs: number; rate: number; measuredFromMs: number; receivers: number }) {
    this.#startMs = options.startMs;
    this.#intervalMs = 1_000 / options.rate;
    this.#measuredFromMs = options.measuredFromMs;
    this.#receivers = options.receivers;
  }

  dueMs(n: number): number {
    return this.#startMs + n * this.#intervalMs;
  }

  /** How many messages are due by now and not sent. */
  owed(nowMs: number): number {
    if (nowMs < this.#startMs) return 0;
    return Math.floor((nowMs - this.#startMs) / this.#intervalMs) + 1 - this.#sent;
  }

  /** The next message is sent now. Answers its number. */
  send(nowMs: number): number {
    const n = this.#sent++;
    this.#lacking.set(n, this.#receivers);
    if (this.dueMs(n) >= this.#measuredFromMs) this.lateness.record((nowMs - this.dueMs(n)) * 1_000);
    return n;
  }

  /** A receiver has message `n`. @throws WrongReply if nobody lacks it */
  receive(n: number, nowMs: number): void {
    const lacking = this.#lacking.get(n);
    if (lacking === undefined) throw new WrongReply(`message ${n} came once more than it should, or was never sent`);
    if (lacking > 1) {
      this.#lacking.set(n, lacking - 1);
      return;
    }
    this.#lacking.delete(n);
    this.complete++;
    if (this.dueMs(n) >= this.#measuredFromMs) this.latency.record((nowMs - this.dueMs(n)) * 1_000);
  }

  get outstanding(): number {
    return this.#lacking.size;
  }

  /** The run is over: what has not come has waited until now. Answers how many. */
  giveUp(nowMs: number): number {
    const lost = this.#lacking.size;
    for (const n of this.#lacking.keys()) {
      if (this.dueMs(n) >= this.#measuredFromMs) this.latency.record((nowMs - this.dueMs(n)) * 1_000);
    }
    this.#lacking.clear();
    return lost;
  }
}

/** What a paced run measures besides: messages that had not come `DRAIN_MS` after the last was due. */
export interface PacedMeasurement extends Measurement {
  readonly unanswered: number;
}

/**
 * Sends at a pace that replies do not change. Longer than a screen: what is due, what has come and when to stop share their counters.
 * @throws WrongReply, ConnectFailed, RangeError
 */
export async function runPaced(load: PacedLoad): Promise<PacedMeasurement> {
  const { rate, pattern, post } = load;
  const total = (rate * (load.warmUpMs + load.durationMs)) / 1_000;
  if (total > MAX_MESSAGES) throw new RangeError(`${Math.round(total)} messages in one run, limit ${MAX_MESSAGES}`);
  const connections = await openMany(load.connections, { url: load.url });
  const poster = post === undefined ? undefined : new LoadConnection({ url: post.url });
  await wait(SETTLE_MS);
  const { fail, reason } = failureSignal();
  const startMs = performance.now() + 20;
  const measuredFromMs = startMs + load.warmUpMs;
  const books = new PacedBooks({
    startMs,
    rate,
    measuredFromMs,
    receivers: pattern === 'fan-out' ? load.connections : 1,
  });
  let running = true;
  const guard = (action: () => void) => {
    if (!running) return;
    try {
      action();
    } catch (error) {
      fail(error as Error);
    }
  };
  for (const connection of connections) {
    const reader = new ServerFrameReader(
      (payload) => {
        const n = pacedNumber(payload);
        if (n >= 0) books.receive(n, performance.now()); // other messages are the server's own: who came, who left
      },
      (payload) => sendPong(connection, payload),
    );
    connection.onChunk = (chunk, length) => guard(() => reader.receive(chunk, length));
    connection.onGone = (error) => {
      if (running) fail(error ?? new Error('the server ended a connection'));
    };
    connection.start();
  }
  if (poster !== undefined) {
    const replies = new HttpReplyReader();
    poster.onBytes((chunk, length) => guard(() => replies.receive(chunk, length)));
    poster.onGone = (error) => {
      if (running) fail(error ?? new Error('the server ended the connection that posts'));
    };
  }
  const sendOne = () => {
    const n = books.send(performance.now());
    const text = pacedText(n, load.sizeBytes);
    if (post !== undefined && poster !== undefined) {
      poster.socket.write(postRequest(post.url, Buffer.from(post.body(text)), post.type));
    } else {
      const sender = connections[pattern === 'fan-out' ? 0 : n % connections.length]!;
      sender.socket.write(maskedFrame(0x81, Buffer.from(text), Math.imul(n, 0x9e3779b9)));
    }
  };
  try {
    let before = read(load, () => books.complete);
    let warm = false;
    const endMs = measuredFromMs + load.durationMs;
    // Turns without a pause, because timers are a millisecond late at best: the generator has a core of its own to burn.
    for (;;) {
      const now = performance.now();
      if (!warm && now >= measuredFromMs) {
        warm = true;
        before = read(load, () => books.complete);
      }
      if (now >= endMs) break;
      for (let owed = books.owed(now); owed > 0; owed--) sendOne();
      await nextTurn();
      const why = reason();
      if (why !== undefined) throw why;
    }
    const measured = between(
      before,
      read(load, () => books.complete),
      load,
    );
    const giveUpMs = performance.now() + DRAIN_MS;
    while (books.outstanding > 0 && performance.now() < giveUpMs) {
      await wait(5);
      const why = reason();
      if (why !== undefined) throw why;
    }
    const unanswered = books.giveUp(performance.now());
    const lateness = books.lateness.summary();
    return {
      ...measured,
      unanswered,
      latency: books.latency.summary(),
      lateness,
      // The generator is always busy here; it was the limit if it did not keep its own timetable.
      limit: lateness.p99 > 1 ? (measured.generatorWaited > 0.1 ? 'machine' : 'generator') : 'neither',
    };
  } finally {
    running = false;
    poster?.destroy();
    for (const connection of connections) connection.destroy();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
