/**
 * What a WebSocket connection is given by whoever makes it, a server's route or a client: handlers and settings. Types only.
 *
 * One object for all connections of a route, however many. Read next: `websocket-connection.ts`.
 */

import type { BytesClass } from '../bytes/allocate.ts';
import type { ProtocolViolation } from '../errors.ts';
import type { StreamedMessage } from './api.ts';
import type { ErrorHandler } from './guard.ts';
import type { RouteObserved } from './observed.ts';
import type { Sweeper } from './sweeper.ts';

/** What happens on a connection, told to whoever made it. `face` is what that one has given. */
export interface ConnectionHandlers<Face> {
  /** Strings, or UTF-8 octets where `textAsBytes` is set; lent where `lendsText` is. */
  text?(face: Face, text: string | Uint8Array): unknown;
  /** Lent where `lendsBinary` is set. */
  binary?(face: Face, bytes: Uint8Array): unknown;
  /** With `inParts`, in place of both. */
  messageStream?(face: Face, message: StreamedMessage): unknown;
  drain?(face: Face): unknown;
  /** The system has taken all output, after a time in which it had not, however little that was. */
  written?(face: Face): unknown;
  ping?(face: Face, payload: Uint8Array): unknown;
  pong?(face: Face, payload: Uint8Array): unknown;
  /** The peer broke a rule: the connection is being failed, and `close` follows. */
  failed?(face: Face, error: ProtocolViolation): unknown;
  close?(face: Face, code: number, reason: string, error: Error | undefined): unknown;
}

/** Everything that connections of one route share: one object, however many connections. */
export interface ConnectionSettings<Face> {
  readonly role: 'client' | 'server';
  readonly handlers: ConnectionHandlers<Face>;
  readonly sweeper: Sweeper;
  readonly maxMessageBytes: number;
  readonly maxFramesPerMessage: number;
  readonly maxBufferedBytes: number;
  readonly highWaterMarkBytes: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** As `ProtocolOptions` has them. */
  readonly textAsBytes: boolean;
  readonly lendsBinary: boolean;
  readonly lendsText: boolean;
  /** `handlers.messageStream` is there: see `openConnection`. */
  readonly inParts?: boolean;
  readonly maxStreamedMessageBytes: number;
  /** As `ProtocolOptions` has them. */
  readonly bytesClass?: BytesClass | undefined;
  readonly answersPings?: boolean;
  readonly echoesReason?: boolean;
  /** Told what a handler threw. */
  readonly onError: ErrorHandler;
  /** Left out where nobody counts. */
  readonly observed?: RouteObserved | undefined;
}
