/**
 * What a server counts by itself, and from where observers are told: once for each thing that happens.
 *
 * Messages and octets are not counted here: connections count their own, and what they have counted is added when they close.
 * So a message costs nothing that it did not cost before, but for the question whether somebody wants to hear of it.
 * Memory: some numbers for each route, and one for each close code that was seen. Read next: `metrics.ts`.
 */

import { utf8ByteLength } from '../bytes/utf8.ts';
import type { Channel } from '../channel/port.ts';
import type { Observer, Place, RefusalReason } from '../observe.ts';
import type { ConnectionStats, HttpRequest, SendResult } from './api.ts';
import type { ErrorHandler } from './guard.ts';
import { Reports } from './reports.ts';
import type { CheckedResponse } from './responses.ts';

/** Counts values into buckets, as Prometheus wants its histograms. O(buckets) for each value. */
export class Histogram {
  /** The upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** How many values were at most the bound of the same index, and above the one before; the last: above all. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    const at = this.bounds.findIndex((bound) => value <= bound);
    this.counts[at < 0 ? this.bounds.length : at]! += 1;
    this.sum += value;
  }
}

/** From a page that was left at once to a connection of a day. */
const DURATION_SECONDS = [1, 10, 60, 300, 1_800, 7_200, 43_200, 86_400];
/** From the same machine to a telephone in a train. */
const ROUND_TRIP_SECONDS = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Totals of connections that have closed. */
type Carried = Pick<ConnectionStats, 'receivedBytes' | 'sentBytes' | 'receivedMessages' | 'sentMessages'>;

/** The face of a connection, as far as it is observed. */
interface Connection {
  readonly stats: ConnectionStats;
}

/** What is observed of the connections of one route. */
export class RouteObserved {
  readonly place: Place;
  opened = 0;
  /** Connections by close code; event streams have none, and count as 0. */
  readonly closed: Map<number, number> = new Map<number, number>();
  readonly carried: { -readonly [Key in keyof Carried]: number } = {
    receivedBytes: 0,
    sentBytes: 0,
    receivedMessages: 0,
    sentMessages: 0,
  };
  backpressures = 0;
  drops = 0;
  readonly durations: Histogram = new Histogram(DURATION_SECONDS);
  readonly roundTrips: Histogram = new Histogram(ROUND_TRIP_SECONDS);
  readonly #reports: Reports;

  constructor(place: Place, reports: Reports) {
    this.place = place;
    this.#reports = reports;
  }

  /** Whether `received` and `sent` are to be called for every message. */
  get wantsMessages(): boolean {
    return this.#reports.wantsMessages;
  }

  /** A connection is open. */
  open(connection: object): void {
    this.opened++;
    if (this.#reports.wants('open')) this.#reports.tell('open', { place: this.place, connection });
  }

  /** A message has come. Called where `wantsMessages`. */
  received(connection: object, message: string | Uint8Array, kind: 'text' | 'binary'): void {
    const sizeBytes = typeof message === 'string' ? utf8ByteLength(message) : message.length;
    this.#reports.tell('message', { place: this.place, connection, direction: 'received', kind, sizeBytes });
  }

  /** A message was sent, or not. Called where `wantsMessages`, and always where `result` is not `sent`. */
  sent(connection: Connection, result: SendResult, kind: 'text' | 'binary' | 'event', sizeOf: () => number): void {
    const { place } = this;
    const reports = this.#reports;
    if (result === 'dropped') {
      this.drops++;
      if (reports.wants('drop')) reports.tell('drop', { place, connection });
      return;
    }
    if (reports.wantsMessages)
      reports.tell('message', { place, connection, direction: 'sent', kind, sizeBytes: sizeOf() });
    if (result === 'sent') return;
    this.backpressures++;
    if (reports.wants('backpressure'))
      reports.tell('backpressure', { place, connection, queuedBytes: connection.stats.queuedBytes });
  }

  /** A pong has come. */
  roundTrip(connection: object, roundTripMs: number): void {
    this.roundTrips.add(roundTripMs / 1_000);
    if (this.#reports.wants('roundTrip'))
      this.#reports.tell('roundTrip', { place: this.place, connection, roundTripMs });
  }

  /** The connection has gone. */
  close(connection: Connection, code: number, reason: string, error: Error | undefined): void {
    const { stats } = connection;
    const { carried } = this;
    carried.receivedBytes += stats.receivedBytes;
    carried.sentBytes += stats.sentBytes;
    carried.receivedMessages += stats.receivedMessages;
    carried.sentMessages += stats.sentMessages;
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
    this.durations.add(stats.openMs / 1_000);
    if (!this.#reports.wants('close')) return;
    this.#reports.tell('close', { place: this.place, connection, code, reason, durationMs: stats.openMs, error });
  }
}

/** So much of a refusal's body is told: an application's may be a page. */
const MAX_DETAIL_BYTES = 256;

/** What is observed of one server. */
export class Observed {
  connects = 0;
  errors = 0;
  readonly refusals: Map<RefusalReason, number> = new Map<RefusalReason, number>();
  /** By kind and pattern. */
  readonly routes: Map<string, RouteObserved> = new Map<string, RouteObserved>();
  readonly #reports: Reports;

  constructor(observer: Observer | readonly Observer[] | undefined, onError: ErrorHandler) {
    this.#reports = new Reports(observer === undefined ? [] : [observer].flat(), onError);
  }

  /** What is observed of one route; one and the same for the same route. */
  route(kind: 'websocket' | 'event-stream', route: string): RouteObserved {
    const key = `${kind} ${route}`;
    const known = this.routes.get(key);
    if (known !== undefined) return known;
    const made = new RouteObserved({ side: 'server', kind, route }, this.#reports);
    this.routes.set(key, made);
    return made;
  }

  /** A client has connected. */
  connect({ remote }: Channel): void {
    this.connects++;
    if (!this.#reports.wants('connect')) return;
    this.#reports.tell('connect', { remoteAddress: remote.address, secure: remote.secure });
  }

  /** Somebody was not served. */
  refuse(
    why: RefusalReason,
    { status, body }: Pick<CheckedResponse, 'status' | 'body'>,
    { path, remoteAddress }: Pick<HttpRequest, 'path' | 'remoteAddress'>,
  ): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
    if (!this.#reports.wants('refusal')) return;
    const detail = Buffer.from(body.subarray(0, MAX_DETAIL_BYTES)).toString().trimEnd();
    this.#reports.tell('refusal', { why, status, detail, path, remoteAddress });
  }

  /** A handler failed. */
  fail(error: unknown): void {
    this.errors++;
    if (this.#reports.wants('error')) this.#reports.tell('error', { error });
  }
}
