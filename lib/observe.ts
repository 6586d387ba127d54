/**
 * What can be observed: one interface, told of everything that happens, by servers today and by clients and rooms alike.
 *
 * An observer is an object with a method for each event that it wants. Each event is one object, made only where somebody
 * wants it, and never changed afterwards; more fields may join. Types and names only, no behaviour.
 * Read next: `net/reports.ts`, which tells observers and the channels of `node:diagnostics_channel`, and `net/metrics.ts`.
 */

/** Where something happened. One object for all connections of a route, so that it may be a key. */
export interface Place {
  readonly side: 'server' | 'client' | 'room';
  readonly kind: 'websocket' | 'event-stream' | 'room';
  /** A route's pattern as it was given, a client's URL, a room's name; empty where there is none. */
  readonly route: string;
}

/** Why somebody was not served. */
export type RefusalReason =
  /** A limit on connections. */
  | 'limit'
  /** The server is closing. */
  | 'closing'
  /** The request is malformed, too large or too slow. */
  | 'request'
  /** No route takes it. */
  | 'route'
  /** The opening handshake breaks a rule (RFC 6455 §4.2.1). */
  | 'handshake'
  | 'origin'
  /** `upgrade` or `accept` refused it. */
  | 'handler'
  /** A handler failed. */
  | 'error';

/** A client has connected: TCP, and TLS where it is used. */
export interface ConnectObserved {
  readonly remoteAddress: string;
  readonly secure: boolean;
}

export interface RefusalObserved {
  readonly why: RefusalReason;
  /** The status that was answered. */
  readonly status: number;
  /** The body of the answer, its first 256 octets: of ours, fact, bound, clause; where the answer has none, what would be in it. */
  readonly detail: string;
  /** The path that was asked for; empty where no request was read. */
  readonly path: string;
  readonly remoteAddress: string;
}

/** Something about one connection: `connection` is what handlers hold, for use as a key. */
export interface OpenObserved {
  readonly place: Place;
  readonly connection: object;
}

export interface MessageObserved extends OpenObserved {
  readonly direction: 'received' | 'sent';
  readonly kind: 'text' | 'binary' | 'event';
  /** Octets before compression and framing; of a message that was prepared, those of its frame. */
  readonly sizeBytes: number;
}

export interface BackpressureObserved extends OpenObserved {
  /** Octets that wait for the peer to take them. */
  readonly queuedBytes: number;
}

export interface RoundTripObserved extends OpenObserved {
  /** From a ping to its pong. */
  readonly roundTripMs: number;
}

export interface CloseObserved extends OpenObserved {
  /** As handlers get it (RFC 6455 §7.1.5); 0 for an event stream, which has none. */
  readonly code: number;
  readonly reason: string;
  readonly durationMs: number;
  /** What went wrong, if anything. */
  readonly error: Error | undefined;
}

export interface ErrorObserved {
  /** What a handler threw or rejected with. */
  readonly error: unknown;
}

/** Every event by its name. */
export interface ObservedEvents {
  connect: ConnectObserved;
  refusal: RefusalObserved;
  open: OpenObserved;
  message: MessageObserved;
  /** A message was accepted and has to wait. */
  backpressure: BackpressureObserved;
  /** A message was not accepted. */
  drop: OpenObserved;
  roundTrip: RoundTripObserved;
  /** Once for each `open`. */
  close: CloseObserved;
  error: ErrorObserved;
}

export type EventName = keyof ObservedEvents;

/** Told of what happens. What it throws goes to the error handler, and harms nothing. */
export type Observer = { readonly [Name in EventName]?: (event: ObservedEvents[Name]) => void };

/** Whoever reports: asks first, so that no event is made for nobody. */
export interface Reporter {
  wants(name: EventName): boolean;
  tell<Name extends EventName>(name: Name, event: ObservedEvents[Name]): void;
}

export const EVENT_NAMES: readonly EventName[] = [
  'connect',
  'refusal',
  'open',
  'message',
  'backpressure',
  'drop',
  'roundTrip',
  'close',
  'error',
];
